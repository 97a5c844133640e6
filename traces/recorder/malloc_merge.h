/*
 * malloc_merge.h - the events of all threads' rings in one order (malloc_ring.h says why it is one).
 */
#ifndef TRACES_RECORDER_MALLOC_MERGE_H
#define TRACES_RECORDER_MALLOC_MERGE_H

#include "sim/err.h"
#include "traces/recorder/malloc_ring.h"

/* An event as it comes out; text: that of START and MODULE, else "". Negative stops the merge. */
typedef int malloc_event_fn(void *ctx, const struct malloc_ring_head *ring, const struct malloc_event *ev,
			    const char *text, struct err *e);

struct malloc_merge {
	struct malloc_shared *shared;
	malloc_event_fn *take;
	void *ctx;
	uint32_t ready[MALLOC_RINGS]; /* rings with events, of this round */
	uint64_t avail[MALLOC_RINGS]; /* events of a ring that are there */
	size_t nr_ready;
	uint32_t probed; /* ring where malloc_merge_bury goes on */
	double claimed_since;
	char text[MALLOC_TEXT_MAX];
};

/* Time on the writers' clock. */
uint64_t malloc_merge_clock(const struct malloc_shared *s);
/* Sets the clock and the kind of barrier that this machine has. */
void malloc_merge_init(struct malloc_merge *m, struct malloc_shared *s, malloc_event_fn *take, void *ctx);
/* Takes what can be put in order. Returns how many events, or negative. */
int64_t malloc_merge_drain(struct malloc_merge *m, struct err *e);
/* Frees rings of threads that are gone; all: looks at every one. Returns how many are in use. */
uint32_t malloc_merge_bury(struct malloc_merge *m, bool all, double now);
/* Whether a ring of the process is in use: it may have events yet. */
bool malloc_merge_has(const struct malloc_merge *m, uint32_t pid);
/* Events in the fullest ring. */
uint64_t malloc_merge_backlog(const struct malloc_merge *m);
/* Whether a thread (tid 0: a process) has ended, as far as /proc says. */
bool malloc_task_gone(uint32_t pid, uint32_t tid);

#endif
