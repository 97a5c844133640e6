/*
 * eventq.h - the event queue: a binary heap of embedded events in the total order (time, priority, sequence).
 *
 * The sequence number is given out when an event is scheduled, so two events of one time and priority fire
 * first in, first out, and the order never depends on addresses. schedule and cancel are O(log n), the next
 * time is O(1). Owning: the queue never owns an event; it lives inside the component that schedules it.
 */
#ifndef SIM_EVENTQ_H
#define SIM_EVENTQ_H

#include "sim/base.h"

/* At one time, completions are seen before timers, timers before CPUs, CPUs before samples. One row a
 * priority. */
#define EVENT_PRIO_LIST(X)                                       \
	X(DEVICE, "device completions")                          \
	X(TIMER, "timers: sleeps that end, periodic write-back") \
	X(CPU, "a CPU runs on")                                  \
	X(SAMPLE, "metrics samples, which see everything of their instant")

enum event_prio {
#define EVENT_PRIO_ENUM(name, sentence) EVENT_PRIO_##name,
	EVENT_PRIO_LIST(EVENT_PRIO_ENUM)
#undef EVENT_PRIO_ENUM
		EVENT_PRIO_NR
};

struct event {
	tick_t time;
	uint64_t seq;
	enum event_prio prio;
	uint32_t slot; /* place in the heap + 1; 0 when not scheduled */
	void (*fire)(struct event *ev);
};

struct eventq {
	struct event **heap;
	uint32_t len, cap;
	uint64_t next_seq;
	tick_t now;     /* time of the event that fires or fired last */
	uint64_t fired; /* events fired so far */
};

void eventq_init(struct eventq *q);
void eventq_release(struct eventq *q);
void event_init(struct event *ev, enum event_prio prio, void (*fire)(struct event *ev));
/* Schedules ev at time (not before q->now); if it is scheduled already it moves, with a new sequence number.
 */
void eventq_schedule(struct eventq *q, struct event *ev, tick_t time);
/* Time of the first event of another priority than prio, as far as it lies before `limit`; else limit.
 * O(events of prio before limit). */
tick_t eventq_next_but(const struct eventq *q, enum event_prio prio, tick_t limit);
/* Takes ev out; nothing happens when it is not scheduled. */
void eventq_cancel(struct eventq *q, struct event *ev);
/* Fires the first event; false when there is none. */
bool eventq_step(struct eventq *q);
/* Moves the clock on to `time`, which must not lie behind the first event: for whoever goes on instead of
 * scheduling itself. */
static inline void eventq_advance(struct eventq *q, tick_t time)
{
	if (time > q->now)
		q->now = time;
}
/* Walks the heap order and the back links; for the checked build. */
bool eventq_is_valid(const struct eventq *q);

static inline bool event_is_scheduled(const struct event *ev)
{
	return ev->slot != 0;
}

/* Time of the first event, TICK_NEVER when there is none. */
static inline tick_t eventq_next_time(const struct eventq *q)
{
	return q->len ? q->heap[0]->time : TICK_NEVER;
}

#endif
