/*
 * The event queue against a naive reference: an unsorted array searched for its smallest (time, priority,
 * order of scheduling) at each step. Random schedules, moves, cancels and steps, several seeds. And the law
 * that an event that does nothing changes nothing about the others' order.
 */
#include "sim/eventq.h"

#include <check.h>
#include <stdlib.h>

#include "sim/rng.h"
#include "tests/suite.h"

#define NR 200

struct naive {
	bool scheduled;
	tick_t time;
	unsigned prio;
	uint64_t order;
};

static struct event evs[NR];
static struct naive ref[NR];
static struct event *last_fired;

static void remember(struct event *ev)
{
	last_fired = ev;
}

static bool naive_before(const struct naive *a, const struct naive *b)
{
	if (a->time != b->time)
		return a->time < b->time;
	return a->prio != b->prio ? a->prio < b->prio : a->order < b->order;
}

static int naive_first(void)
{
	int best = -1;

	for (int i = 0; i < NR; i++) {
		if (ref[i].scheduled && (best < 0 || naive_before(&ref[i], &ref[best])))
			best = i;
	}
	return best;
}

static void step_both(struct eventq *q)
{
	int expect = naive_first();

	ck_assert_uint_eq(eventq_next_time(q), expect < 0 ? TICK_NEVER : ref[expect].time);
	last_fired = NULL;
	ck_assert_int_eq(eventq_step(q), expect >= 0);
	if (expect < 0)
		return;
	ck_assert_ptr_eq(last_fired, &evs[expect]);
	ck_assert_uint_eq(q->now, ref[expect].time);
	ref[expect].scheduled = false;
}

START_TEST(same_as_a_sorted_list)
{
	struct eventq q;
	struct rng r;
	uint64_t order = 0;

	rng_init(&r, (uint64_t)_i, "test.eventq");
	eventq_init(&q);
	for (int i = 0; i < NR; i++) {
		ref[i] = (struct naive){.prio = (unsigned)rng_below(&r, EVENT_PRIO_NR)};
		event_init(&evs[i], (enum event_prio)ref[i].prio, remember);
	}
	for (int n = 0; n < 5000; n++) {
		size_t i = rng_below(&r, NR);
		uint64_t what = rng_below(&r, 10);

		if (what < 5) {
			ref[i].scheduled = true;
			ref[i].time = q.now + rng_below(&r, 12); /* many ties */
			ref[i].order = order++;
			eventq_schedule(&q, &evs[i], ref[i].time);
		} else if (what < 7) {
			ref[i].scheduled = false;
			eventq_cancel(&q, &evs[i]);
		} else {
			step_both(&q);
		}
		ck_assert_int_eq(event_is_scheduled(&evs[i]), ref[i].scheduled);
		ck_assert(eventq_is_valid(&q));
	}
	while (naive_first() >= 0)
		step_both(&q);
	ck_assert(!eventq_step(&q));
	eventq_release(&q);
}
END_TEST

/* ---- an event that does nothing ---- */

#define WALKERS 8
#define STEPS   400

struct walker {
	struct event ev;
	struct eventq *q;
	struct rng rng;
	unsigned id, left;
};

static unsigned trail[2][WALKERS * STEPS];
static size_t trail_len[2];
static int world;

static void walk(struct event *ev)
{
	struct walker *w = CONTAINER_OF(ev, struct walker, ev);

	trail[world][trail_len[world]++] = w->id;
	if (--w->left)
		eventq_schedule(w->q, ev, w->q->now + rng_below(&w->rng, 3));
}

struct idler {
	struct event ev;
	struct eventq *q;
	struct rng rng;
	unsigned left;
};

static void idle(struct event *ev)
{
	struct idler *l = CONTAINER_OF(ev, struct idler, ev);

	if (--l->left)
		eventq_schedule(l->q, ev, l->q->now + rng_below(&l->rng, 2));
}

static void run_world(int which, bool with_idlers)
{
	struct walker w[WALKERS];
	struct idler l[EVENT_PRIO_NR];
	struct eventq q;

	world = which;
	trail_len[which] = 0;
	eventq_init(&q);
	for (unsigned i = 0; i < EVENT_PRIO_NR && with_idlers; i++) {
		l[i].q = &q;
		l[i].left = 500;
		rng_init(&l[i].rng, i, "test.idler");
		event_init(&l[i].ev, (enum event_prio)i, idle);
		eventq_schedule(&q, &l[i].ev, 0);
	}
	for (unsigned i = 0; i < WALKERS; i++) {
		w[i].q = &q;
		w[i].id = i;
		w[i].left = STEPS;
		rng_init(&w[i].rng, i, "test.walker");
		event_init(&w[i].ev, (enum event_prio)(i % EVENT_PRIO_NR), walk);
		eventq_schedule(&q, &w[i].ev, 0);
	}
	while (eventq_step(&q))
		;
	eventq_release(&q);
}

START_TEST(an_idle_event_changes_nothing)
{
	run_world(0, false);
	run_world(1, true);
	ck_assert_uint_eq(trail_len[0], WALKERS * STEPS);
	ck_assert_uint_eq(trail_len[1], WALKERS * STEPS);
	for (size_t i = 0; i < trail_len[0]; i++)
		ck_assert_uint_eq(trail[0][i], trail[1][i]);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("laws");

	tcase_add_loop_test(t, same_as_a_sorted_list, 0, 8);
	tcase_add_test(t, an_idle_event_changes_nothing);
	return run_case("eventq_prop", t);
}
