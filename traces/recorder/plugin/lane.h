/*
 * lane.h - a thread's way out of the emulator: its ring, and what it is in the midst of.
 */
#ifndef TRACES_RECORDER_PLUGIN_LANE_H
#define TRACES_RECORDER_PLUGIN_LANE_H

#include <stdbool.h>
#include <stddef.h>

#include "traces/recorder/shared.h"

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

struct lane {
	struct ring_head *head; /* of the dummy while there is no ring */
	uint64_t *words;
	uint64_t limit; /* pos up to which no check is needed */
	uint64_t seen;  /* the clock as it was seen last */
	bool attached, in_call, serial;
	bool lost; /* no ring was left for it */
	/* the system call it is in */
	int64_t number;
	uint64_t arg[6], entered;
	bool is_mark;
	char mark[256];
};

extern __thread struct lane lane __attribute__((tls_model("initial-exec")));
extern struct shared *shared;

/* Opens the shared memory; false with one line on stderr. */
bool lane_open_shared(const char *path);
/* Nothing is recorded any more: the driver said so or is gone. The program goes on. */
bool lane_stopped(void);
/* Gets room, attaches the thread when it has no ring, or false: nothing is recorded any more. */
bool lane_slow(void);
/* Appends a record of n words as a whole; its first word is filled in. */
void lane_record(enum raw_kind kind, uint64_t *record, size_t n);
/* Words that text takes, with its NUL; copies it. */
size_t lane_text(uint64_t *to, const char *text);
/* What follows happens after `stamp` was seen. */
void lane_stamp(uint64_t stamp);
void lane_after_fork(void);
/* The thread ends: its ring is the driver's. */
void lane_close(void);
uint64_t lane_now_ns(void);

static inline uint64_t lane_clock(void)
{
	return __atomic_load_n(&shared->clock, __ATOMIC_SEQ_CST);
}

/* The same as lane_put when there is no room yet. */
void lane_put_slowly(uint64_t word);

/* Runs once a block and an access: nothing is called on the way, so no register is saved. */
static inline void lane_put(uint64_t word)
{
	struct ring_head *head = lane.head;
	uint64_t pos = head->pos;

	if (UNLIKELY(pos >= lane.limit)) {
		lane_put_slowly(word);
		return;
	}
	lane.words[pos & (RING_WORDS - 1)] = word;
	__atomic_store_n(&head->pos, pos + 1, __ATOMIC_RELEASE);
}

#endif
