/*
 * merge.c - which thread's words are next. O(threads) a stretch.
 */
#include "traces/recorder/merge.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_MASK (RING_WORDS - 1)

void merge_init(struct merge *m, struct shared *shared, bool no_fetches)
{
	memset(m, 0, sizeof *m);
	m->shared = shared;
	m->no_fetches = no_fetches;
}

static uint64_t word_at(const struct merge_lane *l, uint64_t at)
{
	return l->words[at & RING_MASK];
}

/* Word k of the record at the front. */
static uint64_t record_word(const struct merge_lane *l, size_t k)
{
	return word_at(l, l->tail + k);
}

void merge_settle(struct merge_lane *l)
{
	while (l->tail < l->end) {
		uint64_t w = word_at(l, l->tail), kind = RAW_KIND(w);

		if (WORD_TYPE(w) == WORD_STAMP) {
			l->seen = STAMP_OF(w);
			l->tail++;
			continue;
		}
		l->key = 2 * l->seen + 1;
		if (WORD_TYPE(w) == WORD_RAW && kind == RAW_CALL)
			l->key = 2 * record_word(l, offsetof(struct raw_call, stamp) / 8);
		else if (WORD_TYPE(w) == WORD_RAW && kind == RAW_MARK)
			l->key = 2 * record_word(l, offsetof(struct raw_mark, stamp) / 8);
		return;
	}
	l->key = MAX_OF(l->key, l->promised);
}

static void take_new(struct merge *m, uint32_t i)
{
	struct ring_head *h = &m->shared->ring[i];
	struct merge_lane *l = &m->lane[i];

	*l = (struct merge_lane){.head = h, .words = ring_words(m->shared, i), .pid = h->pid, .tid = h->tid};
	l->used = true;
	l->expand.no_fetches = m->no_fetches;
}

void merge_hold(struct merge *m, uint32_t pid)
{
	if (m->nr_holds == MERGE_HOLDS)
		return;
	m->hold[m->nr_holds++] = pid;
	m->held_since = 0;
}

/* Whoever was begun behind it and is still there was its child: nobody waits for that. */
void merge_unhold(struct merge *m, uint32_t pid)
{
	for (uint32_t i = m->nr_holds; i-- > 0;)
		if (m->hold[i] == pid) {
			m->nr_holds = i;
			m->held_since = 0;
			return;
		}
}

static bool is_held(const struct merge *m, const struct merge_lane *l)
{
	return m->nr_holds && l->pid != m->hold[m->nr_holds - 1];
}

/* A child of vfork that says nothing holds nobody: it hangs, is not recorded, or executes slowly. */
static void look_at_hold(struct merge *m, double now)
{
	uint64_t words = 0;

	if (!m->nr_holds)
		return;
	for (uint32_t i = 0; i < m->nr_lanes; i++)
		if (m->lane[i].used && !is_held(m, &m->lane[i]))
			words += m->lane[i].end;
	if (m->held_since == 0 || words != m->held_words)
		m->held_since = now;
	else if (now - m->held_since > MERGE_PATIENCE)
		m->nr_holds = 0;
	m->held_words = words;
}

void merge_look(struct merge *m, double now)
{
	uint64_t clock = __atomic_load_n(&m->shared->clock, __ATOMIC_SEQ_CST);
	uint32_t n = __atomic_load_n(&m->shared->nr_rings, __ATOMIC_SEQ_CST);

	m->horizon = 2 * clock + 1;
	m->nr_lanes = MAX_OF(m->nr_lanes, n);
	for (uint32_t i = 0; i < m->nr_lanes; i++) {
		struct merge_lane *l = &m->lane[i];
		uint32_t state = __atomic_load_n(&m->shared->ring[i].state, __ATOMIC_SEQ_CST);
		uint64_t low, end;

		if (!l->used && (state == RING_ACTIVE || state == RING_CLOSED))
			take_new(m, i);
		if (!l->used)
			continue;
		low = __atomic_load_n(&l->head->low, __ATOMIC_SEQ_CST);
		end = __atomic_load_n(&l->head->pos, __ATOMIC_ACQUIRE);
		if (end != l->end || low == LOW_BLOCKED) {
			l->idle_since = 0;
			l->late = false;
		} else if (l->idle_since == 0) {
			l->idle_since = now;
		} else if (now - l->idle_since > MERGE_PATIENCE) {
			l->late = true;
		}
		l->end = end;
		l->whole = low == LOW_BLOCKED || state == RING_CLOSED || l->dead || l->late;
		l->promised = l->whole ? m->horizon + 1 : low;
		merge_settle(l);
	}
	look_at_hold(m, now);
}

struct merge_lane *merge_next(struct merge *m)
{
	struct merge_lane *best = NULL;
	uint64_t least = m->horizon;

	for (uint32_t i = 0; i < m->nr_lanes; i++) {
		struct merge_lane *l = &m->lane[i];

		if (!l->used || is_held(m, l))
			continue;
		if (l->tail == l->end)
			least = MIN_OF(least, l->key);
		else if (!best || l->key < best->key)
			best = l;
	}
	return best && best->key <= least ? best : NULL;
}

size_t merge_record(struct merge_lane *l, uint64_t *to)
{
	size_t n = RAW_LENGTH(record_word(l, 0));

	if (WORD_TYPE(record_word(l, 0)) != WORD_RAW || n > RAW_WORDS_MAX || n > l->end - l->tail)
		return 0;
	for (size_t i = 0; i < n; i++)
		to[i] = record_word(l, i);
	l->tail += n;
	if (RAW_KIND(to[0]) == RAW_CALL)
		l->seen = to[offsetof(struct raw_call, after) / 8];
	else if (RAW_KIND(to[0]) == RAW_MARK)
		l->seen = to[offsetof(struct raw_mark, after) / 8];
	return n;
}

void merge_release(struct merge_lane *l)
{
	__atomic_store_n(&l->head->tail, l->tail, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&l->head->waits, __ATOMIC_SEQ_CST)) {
		__atomic_store_n(&l->head->waits, 0, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &l->head->waits, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

void merge_free(struct merge_lane *l)
{
	l->used = false;
	__atomic_store_n(&l->head->state, RING_FREE, __ATOMIC_SEQ_CST);
}

uint64_t merge_backlog(const struct merge *m)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < m->nr_lanes; i++)
		if (m->lane[i].used)
			n += __atomic_load_n(&m->lane[i].head->pos, __ATOMIC_RELAXED) - m->lane[i].tail;
	return n;
}
