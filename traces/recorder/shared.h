/*
 * shared.h - what the plugin inside the emulator and the driver outside share: a clock, and a ring a thread.
 *
 * The file is anonymous memory of the driver (memfd), opened by the plugin through /proc/PID/fd, so that it
 * survives execve. Each thread that runs claims a ring and writes words of 64 bits into it; the driver reads
 * them. `pos` lies in the shared memory and is stored behind each word, so a program that is killed loses
 * nothing.
 *
 * Words, by their upper two bits:
 *   0 data    bits 0-46 address, 47-51 instruction of its block, 52-54 log2 of the size, 55 store
 *   1 block   bits 0-46 address, 47-52 instructions (1 to BLOCK_INSNS), 53-61 bytes: code that begins to run
 *   2 stamp   the clock as the thread saw it; what follows happened after that
 *   3 raw     bits 0-15 words of this record, 16-23 kind: struct raw_* follows
 *
 * The clock is bumped at the entry and the return of each recorded system call, and now and then by the
 * driver. Two keys order everything: 2 * stamp for the call that took this stamp, 2 * stamp + 1 for what a
 * thread does after it has seen it. `low` promises that no later word of the ring has a smaller key;
 * LOW_BLOCKED that its next key is larger than any the clock has shown until now.
 */
#ifndef TRACES_RECORDER_SHARED_H
#define TRACES_RECORDER_SHARED_H

#include <stdint.h>

#define SHARED_MAGIC  UINT64_C(0x31304345525f4c46)
#define RING_WORDS    UINT64_C(65536)
#define RING_WAKE     (RING_WORDS / 2) /* the writer looks up that often */
#define RINGS_MAX     1024u
#define SHARED_PATH   512
#define LOW_BLOCKED   UINT64_MAX
#define RECORDER_TEXT 4096 /* longest path, with its NUL */
#define RAW_WORDS_MAX (RECORDER_TEXT / 8 + 64)

#define WORD_TYPE(w)   ((w) >> 62)
#define WORD_DATA      UINT64_C(0)
#define WORD_BLOCK     UINT64_C(1)
#define WORD_STAMP     UINT64_C(2)
#define WORD_RAW       UINT64_C(3)
#define WORD_ADDR(w)   ((w)&UINT64_C(0x7fffffffffff))
#define INSN_SHIFT     47
#define SIZE_SHIFT     52
#define STORE_SHIFT    55
#define BYTES_SHIFT    53
#define BLOCK_INSNS    32u
#define STAMP_OF(w)    ((w)&UINT64_C(0x3fffffffffffffff))
#define DATA_KIND(w)   ((uint32_t)((w) >> STORE_SHIFT) & 1u)
#define DATA_SIZE(w)   (1u << ((w) >> SIZE_SHIFT & 7))
#define DATA_INSN(w)   ((uint32_t)((w) >> INSN_SHIFT) & (BLOCK_INSNS - 1))
#define BLOCK_COUNT(w) ((uint32_t)((w) >> INSN_SHIFT) & 0x3fu)
#define BLOCK_BYTES(w) ((uint32_t)((w) >> BYTES_SHIFT) & 0x1ffu)
/* Half of a vector register or less: the next eight bytes may belong to the same access. */
#define IS_PIECE(w)   (((w) >> SIZE_SHIFT & 7) == 3)
#define RAW_LENGTH(w) ((w)&0xffffu)
#define RAW_KIND(w)   ((w) >> 16 & 0xffu)

enum ring_state { RING_FREE, RING_CLAIMED, RING_ACTIVE, RING_CLOSED };

struct ring_head {
	_Alignas(64) uint64_t pos; /* words written; the writer's */
	uint64_t low;
	uint32_t state, pid, tid;
	uint32_t waits;             /* futex: 1 while the writer waits for room */
	_Alignas(64) uint64_t tail; /* words read; the driver's */
};

struct shared {
	uint64_t magic, bytes;
	uint64_t began_ns; /* CLOCK_MONOTONIC */
	uint32_t driver_pid;
	char memory[SHARED_PATH], qemu[SHARED_PATH], plugin[SHARED_PATH], cpu[64];
	_Alignas(64) uint64_t clock;
	_Alignas(64) uint32_t stop; /* nothing is recorded any more */
	uint32_t asleep;            /* futex: 1 while the driver sleeps */
	uint32_t nr_rings;          /* highest ring claimed so far + 1 */
	uint32_t lost_threads;      /* found no ring */
	uint32_t escaped;           /* programs that cannot be followed */
	struct ring_head ring[RINGS_MAX];
	/* then RING_WORDS words for each ring, from SHARED_RINGS_AT on */
};
#define SHARED_RINGS_AT ((sizeof(struct shared) + 4095) / 4096 * 4096)
#define SHARED_BYTES    (SHARED_RINGS_AT + RINGS_MAX * RING_WORDS * 8)

static inline uint64_t *ring_words(struct shared *s, uint32_t i)
{
	return (uint64_t *)(void *)((char *)s + SHARED_RINGS_AT + i * RING_WORDS * 8);
}

/* ---- raw records: of 64-bit members, since they are read as words, too; text is padded with NULs to whole
   words, with at least one ---- */

enum raw_kind { RAW_START = 1, RAW_FILE, RAW_MAPPING, RAW_CALL, RAW_MARK };

enum start_how { START_IMAGE, START_FORK, START_CLONE }; /* a program's first thread; a child; a thread */
struct raw_start {
	uint64_t head, how, ppid, time_ns;
	/* text: the program */
};

#define RAW_FILE_CREATED 1u
struct raw_file {
	uint64_t head, dev, ino, size, flags;
	/* text: the path */
};

struct raw_mapping {
	uint64_t head, addr, len, prot, flags, dev, ino, off; /* ino 0: anonymous */
};

struct raw_call {
	uint64_t head;
	uint64_t number;
	int64_t cpu;
	uint64_t stamp;   /* where it takes its place */
	uint64_t after;   /* what follows has seen this */
	uint64_t time_ns; /* since began_ns, at the return */
	int64_t result;
	uint64_t arg[6];
	uint64_t dev, ino; /* of the regular file behind its descriptor; ino 0: none */
	uint64_t position; /* of the descriptor, after the call */
	uint64_t size;     /* of the file, after the call */
	uint64_t nr_data;  /* words that follow */
			   /* data: see plugin/calls.c */
};

struct raw_mark {
	uint64_t head, stamp, after, time_ns;
	/* text: the label */
};

#endif
