/*
 * lane.h - the ring of a thread, from the writer's side.
 */
#ifndef TRACES_RECORDER_PRELOAD_LANE_H
#define TRACES_RECORDER_PRELOAD_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <x86intrin.h>

#include "traces/recorder/malloc_ring.h"

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

struct lane {
	uint64_t generation; /* of the process that took the ring: a child of a fork has another one */
	struct malloc_ring_head *head;
	struct malloc_event *events;
	uint64_t time; /* of the last event */
	uint64_t pos,
		room_until; /* events written; may be written before the reader's position is read again */
	uint32_t skips;     /* calls without a ring */
	bool inside;        /* this thread is recording: a signal handler's calls are not recorded */
};

extern __thread struct lane lane __attribute__((tls_model("initial-exec"), visibility("hidden")));
extern struct malloc_shared *lane_shared;
/*
 * In a page that fork empties (MADV_WIPEONFORK): [0] is the process's generation, never 0 while it records;
 * [1] counts the threads that took a ring.
 */
extern uint64_t *lane_generation;
#define LANE_THREADS 1

/* Opens the shared memory; false when there is none: then nothing is recorded. */
bool lane_init(void);
/* Takes a ring or waits for room. false: this event is not recorded. */
bool lane_prepare(void);

/* fork: a ring for the child, or -1. Then one of the others, in the parent or in the child. */
int lane_fork_prepare(void);
void lane_fork_parent(int ring, int pid);
void lane_fork_child(int ring);

/* After all instructions before it: what the thread learned from others happened earlier. */
static inline uint64_t lane_clock(void)
{
	struct timespec t;
	unsigned cpu;

	if (__builtin_expect(lane_shared->use_tsc, 1))
		return __rdtscp(&cpu);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Sets the time of the event. */
static inline uint64_t lane_time(void)
{
	uint64_t now = lane_shared->now;

	if (__builtin_expect(lane_generation[LANE_THREADS] == 1, 1))
		lane.time = now > lane.time ? now : lane.time + 1;
	else
		lane.time = lane_clock();
	return lane.time;
}

static inline void lane_begin(void)
{
	lane.inside = true;
	__atomic_store_n(&lane.head->seq, 2 * lane.pos + 1, __ATOMIC_RELAXED);
	if (UNLIKELY(lane_shared->fence))
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void lane_end(uint64_t events)
{
	lane.pos += events;
	__atomic_store_n(&lane.head->seq, 2 * lane.pos, __ATOMIC_RELEASE);
	lane.inside = false;
}

static inline void lane_write(unsigned op, uint64_t addr, uint64_t size, uint64_t caller_align)
{
	struct malloc_event *e;

	if (UNLIKELY(lane.generation != *lane_generation || lane.pos >= lane.room_until || lane.inside))
		if (!lane_prepare())
			return;
	lane_begin();
	e = &lane.events[lane.pos % RING_EVENTS];
	lane.head->base = e->time = lane_time();
	e->addr = addr;
	e->size = size;
	e->what = (uint64_t)op << 56 | caller_align;
	lane_end(1);
}

/* The same with text behind it: START and MODULE. */
void lane_write_text(unsigned op, uint64_t addr, uint64_t what, const char *text);

#endif
