/*
 * malloc_ring.h - what the object that is preloaded into a program and the driver of `faultline record
 * --malloc` share: a ring of events a thread.
 *
 * The file is anonymous memory of the driver (memfd), opened by the program through /proc/PID/fd (the name is
 * in the environment, so that execve finds it again). What a thread has written is there even when it is
 * killed.
 *
 * A ring has one writer and one reader. `seq` is twice the number of events written, plus 1 from before the
 * writer looks at the clock until its event is written.
 *
 * Order. Every event has a time: of an allocation after the allocator returned, of a free before it is
 * called, so a block is freed before it is given out again. The reader reads the clock, lets every running
 * thread of the program pass a memory barrier (membarrier, so that the writers need none; `fence` says when
 * they do), and then reads the rings: a ring with an even seq will have no event older than that clock, one
 * with an odd seq none older than `base`, which is read before seq. Events older than the least of these can
 * be merged.
 *
 * A process that has one thread needs no order but its own, so the times of its events are the last one plus
 * 1, or `now`, the reader's clock a moment ago, which costs no look at a clock. When a second thread takes a
 * ring, both look: what one learns from the other, it learns after that.
 *
 * The clock is the time stamp counter where the processor promises that it runs evenly and everywhere the
 * same (CPUID 80000007H, EDX bit 8), else CLOCK_MONOTONIC.
 */
#ifndef TRACES_RECORDER_MALLOC_RING_H
#define TRACES_RECORDER_MALLOC_RING_H

#include <stdint.h>

#define MALLOC_RING_MAGIC UINT64_C(0x31474f4c4c414c46)
#define MALLOC_RING_ENV   "FAULTLINE_MALLOC"
#define MALLOC_RINGS      4096u
#define RING_EVENTS       8192u
#define RING_EVENTS_WAKE  2048u /* events after which the writer looks whether the reader sleeps */

enum malloc_event_op {
	MALLOC_EVENT_NONE,
	MALLOC_EVENT_MALLOC,  /* addr, size, caller */
	MALLOC_EVENT_CALLOC,  /* the same, zeroed */
	MALLOC_EVENT_ALIGNED, /* the same, with an alignment */
	MALLOC_EVENT_FREE,    /* addr */
	MALLOC_EVENT_MOVE,    /* addr: realloc begins */
	MALLOC_EVENT_MOVED,   /* addr, size, caller: realloc returned */
	MALLOC_EVENT_FAILED,  /* size, caller: an allocation, or the realloc that began, returned NULL */
	MALLOC_EVENT_START,   /* addr: ppid; size: bytes of text; text: the program. An image was loaded */
	MALLOC_EVENT_FORK,    /* addr: ppid; size: its thread. The ring's thread is its child */
	MALLOC_EVENT_MODULE,  /* addr: load address; size: bytes of text; what: end - addr; text: the file */
};

struct malloc_event {
	uint64_t time, addr, size;
	uint64_t what; /* op << 56 | log2 of the alignment << 48 | caller */
};
#define MALLOC_EVENT_OP(w)     ((unsigned)((w) >> 56))
#define MALLOC_EVENT_ALIGN(w)  ((unsigned)((w) >> 48 & 0xff))
#define MALLOC_EVENT_CALLER(w) ((w)&UINT64_C(0xffffffffffff))
#define MALLOC_TEXT_MAX        4096u /* bytes; text lies in the events behind, 32 bytes each */

enum malloc_ring_state {
	MALLOC_RING_FREE,
	MALLOC_RING_CLAIMED, /* by a thread that is about to use it */
	MALLOC_RING_FORKING, /* for a child that is not there yet */
	MALLOC_RING_ACTIVE,
	MALLOC_RING_LEFT, /* its thread has ended: free when it is empty */
};

struct malloc_ring_head {
	_Alignas(64) uint64_t seq; /* the writer's */
	uint64_t base; /* time of the last event, or when the ring was taken: later ones are not older */
	uint32_t state, pid, tid;
	uint32_t child; /* FORKING: the process that will use the ring, as soon as that is known */
	uint32_t waits; /* futex: 1 while the writer waits for room */
	_Alignas(64) uint64_t tail; /* events read; the reader's */
};

struct malloc_shared {
	uint64_t magic, bytes;
	uint32_t driver_pid;
	uint32_t use_tsc, fence;
	_Alignas(64) uint64_t now;  /* the reader's clock, as of its last round */
	_Alignas(64) uint32_t stop; /* nothing is recorded any more */
	uint32_t asleep;            /* futex: 1 while the reader sleeps */
	uint32_t nr_rings;          /* highest ring claimed so far + 1 */
	uint32_t lost_threads;      /* found no ring */
	struct malloc_ring_head ring[MALLOC_RINGS];
	/* then RING_EVENTS events for each ring, from MALLOC_RINGS_AT on */
};
#define MALLOC_RINGS_AT     ((sizeof(struct malloc_shared) + 4095) / 4096 * 4096)
#define MALLOC_SHARED_BYTES (MALLOC_RINGS_AT + sizeof(struct malloc_event) * RING_EVENTS * MALLOC_RINGS)

static inline struct malloc_event *malloc_ring_events(struct malloc_shared *s, uint32_t i)
{
	return (struct malloc_event *)(void *)((char *)s + MALLOC_RINGS_AT) + (uint64_t)i * RING_EVENTS;
}

#endif
