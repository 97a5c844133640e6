/*
 * merge.h - the rings of all threads, read in one order.
 *
 * Each ring's words have growing keys (shared.h). The stretch with the smallest key is next, when no ring
 * that is empty now can still get a smaller one: its thread has promised `low`, or is blocked in a system
 * call and its next key will be beyond the clock. A ring that keeps the others waiting for MERGE_PATIENCE (a
 * stopped thread) is waited for no longer; what it says later comes later.
 *
 * A child of vfork goes before all others until it executes or ends (merge_hold): the emulator lets its
 * parent run on, which the kernel would not. When it says nothing for MERGE_PATIENCE, the others go on, too.
 */
#ifndef TRACES_RECORDER_MERGE_H
#define TRACES_RECORDER_MERGE_H

#include "sim/base.h"
#include "traces/recorder/expand.h"
#include "traces/recorder/shared.h"

#define MERGE_PATIENCE 1.0 /* s */
#define MERGE_HOLDS    8   /* children of vfork inside each other */

struct merge_lane {
	struct ring_head *head;
	const uint64_t *words;
	uint32_t pid, tid;
	uint64_t tail, end; /* read; there */
	uint64_t seen;      /* last stamp */
	uint64_t key;       /* of the next word, or the least that may come when there is none */
	uint64_t promised;  /* at the last look: no later word has a smaller key */
	bool used, whole;   /* a thread has it; no word is being written (it is blocked, closed or dead) */
	bool late;          /* not waited for */
	bool dead;
	double idle_since; /* host's clock; 0: it had something to say */
	struct expander expand;
};

struct merge {
	struct shared *shared;
	struct merge_lane lane[RINGS_MAX];
	uint32_t nr_lanes; /* highest in use + 1 */
	bool no_fetches;
	uint64_t horizon;                     /* no key beyond is delivered */
	uint32_t hold[MERGE_HOLDS], nr_holds; /* processes; only the last one's threads are delivered */
	uint64_t held_words;                  /* that it had written at the last look */
	double held_since;                    /* host's clock; 0: it had something to say */
};

void merge_init(struct merge *m, struct shared *shared, bool no_fetches);
/* Looks at all rings once: new threads, new words, what each promises. */
void merge_look(struct merge *m, double now);
/* The lane whose stretch is next, or NULL: look again. */
struct merge_lane *merge_next(struct merge *m);
/* Only the process's threads are delivered from now on; not so any more (nothing when they were not). */
void merge_hold(struct merge *m, uint32_t pid);
void merge_unhold(struct merge *m, uint32_t pid);
/* Skips stamps and finds the key of what is next; to be called after words were used. */
void merge_settle(struct merge_lane *l);
/* The record at the lane's front, copied to `to` (RAW_WORDS_MAX words), and used up; its length, or 0 when an
 * access is there. */
size_t merge_record(struct merge_lane *l, uint64_t *to);
/* Tells the writer how far its ring is read. */
void merge_release(struct merge_lane *l);
/* Gives the ring to another thread. */
void merge_free(struct merge_lane *l);
/* Words that wait in all rings. */
uint64_t merge_backlog(const struct merge *m);

#endif
