/*
 * eventq.c - the event queue: a binary heap of embedded events.
 *
 * Order: (time, priority, sequence), total because sequence numbers are never given out twice. schedule and
 * cancel cost O(log n) comparisons, step the same, the next time is O(1). Each event knows its place (slot =
 * index + 1), so cancelling needs no search.
 *
 * Invariants (eventq_is_valid): no event is before its parent; heap[i]->slot == i + 1; no event lies before
 * now; all sequence numbers are below next_seq.
 *
 * Not modelled: nothing; 2^32 - 2 events at once is the limit.
 */
#include "sim/eventq.h"

#include <string.h>

#include "sim/check.h"
#include "sim/mem.h"

void eventq_init(struct eventq *q)
{
	memset(q, 0, sizeof *q);
}

void eventq_release(struct eventq *q)
{
	for (uint32_t i = 0; i < q->len; i++)
		q->heap[i]->slot = 0;
	mem_free(q->heap);
	memset(q, 0, sizeof *q);
}

void event_init(struct event *ev, enum event_prio prio, void (*fire)(struct event *ev))
{
	memset(ev, 0, sizeof *ev);
	ev->prio = prio;
	ev->fire = fire;
}

static bool before(const struct event *a, const struct event *b)
{
	if (a->time != b->time)
		return a->time < b->time;
	if (a->prio != b->prio)
		return a->prio < b->prio;
	return a->seq < b->seq;
}

static void put(struct eventq *q, uint32_t i, struct event *ev)
{
	q->heap[i] = ev;
	ev->slot = i + 1;
}

/* Moves the hole at i towards the root until ev fits there. */
static void sift_up(struct eventq *q, uint32_t i, struct event *ev)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 2;

		if (!before(ev, q->heap[parent]))
			break;
		put(q, i, q->heap[parent]);
		i = parent;
	}
	put(q, i, ev);
}

/* Moves the hole at i towards the leaves until ev fits there. */
static void sift_down(struct eventq *q, uint32_t i, struct event *ev)
{
	while (i < q->len / 2) { /* i has a left child */
		uint32_t child = 2 * i + 1;

		if (child + 1 < q->len && before(q->heap[child + 1], q->heap[child]))
			child++;
		if (!before(q->heap[child], ev))
			break;
		put(q, i, q->heap[child]);
		i = child;
	}
	put(q, i, ev);
}

/* Puts ev, whose key may have changed either way, where it belongs, starting from the hole at i. */
static void settle(struct eventq *q, uint32_t i, struct event *ev)
{
	if (i > 0 && before(ev, q->heap[(i - 1) / 2]))
		sift_up(q, i, ev);
	else
		sift_down(q, i, ev);
}

static void grow(struct eventq *q)
{
	CHECK(q->cap <= UINT32_MAX / 4, "%" PRIu32 " events are scheduled", q->len);
	q->cap = q->cap ? 2 * q->cap : 64;
	q->heap = mem_realloc(q->heap, q->cap, sizeof(struct event *));
}

void eventq_schedule(struct eventq *q, struct event *ev, tick_t time)
{
	CHECK(time >= q->now, "an event at %" PRIu64 " ps lies in the past", time);
	DCHECK(ev->fire && ev->prio < EVENT_PRIO_NR, "an event that was not initialised");
	ev->time = time;
	ev->seq = q->next_seq++;
	if (ev->slot) {
		DCHECK(ev->slot <= q->len && q->heap[ev->slot - 1] == ev, "an event of another queue");
		settle(q, ev->slot - 1, ev);
		return;
	}
	if (q->len == q->cap)
		grow(q);
	sift_up(q, q->len++, ev);
}

void eventq_cancel(struct eventq *q, struct event *ev)
{
	uint32_t i = ev->slot;
	struct event *last;

	if (!i--)
		return;
	DCHECK(i < q->len && q->heap[i] == ev, "an event of another queue");
	ev->slot = 0;
	last = q->heap[--q->len];
	if (last != ev)
		settle(q, i, last);
}

/* Below an event of another priority nothing is earlier; below one of prio something may be. */
static tick_t next_but(const struct eventq *q, uint32_t i, enum event_prio prio, tick_t limit)
{
	if (i >= q->len || q->heap[i]->time >= limit)
		return limit;
	if (q->heap[i]->prio != prio)
		return q->heap[i]->time;
	limit = next_but(q, 2 * i + 1, prio, limit);
	return next_but(q, 2 * i + 2, prio, limit);
}

tick_t eventq_next_but(const struct eventq *q, enum event_prio prio, tick_t limit)
{
	return next_but(q, 0, prio, limit);
}

bool eventq_step(struct eventq *q)
{
	struct event *ev, *last;

	if (!q->len)
		return false;
	ev = q->heap[0];
	ev->slot = 0;
	last = q->heap[--q->len];
	if (q->len)
		sift_down(q, 0, last);
	q->now = ev->time;
	q->fired++;
	ev->fire(ev);
	return true;
}

bool eventq_is_valid(const struct eventq *q)
{
	for (uint32_t i = 0; i < q->len; i++) {
		const struct event *ev = q->heap[i];

		if (ev->slot != i + 1 || ev->time < q->now || ev->seq >= q->next_seq)
			return false;
		if (i > 0 && before(ev, q->heap[(i - 1) / 2]))
			return false;
	}
	return q->len <= q->cap;
}
