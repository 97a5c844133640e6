/* The event queue: the total order (time, priority, sequence), moving, cancelling, and what a fired event
 * sees. */
#include "sim/eventq.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

struct logged {
	struct event ev;
	char name;
};

static char fired[64];
static size_t nr_fired;
static struct eventq q;

static void log_fire(struct event *ev)
{
	fired[nr_fired++] = CONTAINER_OF(ev, struct logged, ev)->name;
	fired[nr_fired] = '\0';
}

static void setup(void)
{
	eventq_init(&q);
	nr_fired = 0;
	fired[0] = '\0';
}

static void teardown(void)
{
	eventq_release(&q);
}

static void add(struct logged *l, char name, enum event_prio prio, tick_t time)
{
	l->name = name;
	event_init(&l->ev, prio, log_fire);
	eventq_schedule(&q, &l->ev, time);
}

static const char *run_all(void)
{
	while (eventq_step(&q))
		ck_assert(eventq_is_valid(&q));
	return fired;
}

START_TEST(empty_queue_fires_nothing)
{
	ck_assert(!eventq_step(&q));
	ck_assert_uint_eq(eventq_next_time(&q), TICK_NEVER);
	ck_assert_uint_eq(q.now, 0);
}
END_TEST

START_TEST(time_goes_first)
{
	struct logged l[4];

	add(&l[0], 'c', EVENT_PRIO_DEVICE, 30);
	add(&l[1], 'a', EVENT_PRIO_SAMPLE, 10);
	add(&l[2], 'd', EVENT_PRIO_DEVICE, 31);
	add(&l[3], 'b', EVENT_PRIO_CPU, 20);
	ck_assert_uint_eq(eventq_next_time(&q), 10);
	ck_assert_str_eq(run_all(), "abcd");
	ck_assert_uint_eq(q.now, 31);
	ck_assert_uint_eq(q.fired, 4);
}
END_TEST

START_TEST(priority_breaks_ties_of_time)
{
	struct logged l[4];

	add(&l[0], 's', EVENT_PRIO_SAMPLE, 5);
	add(&l[1], 'c', EVENT_PRIO_CPU, 5);
	add(&l[2], 't', EVENT_PRIO_TIMER, 5);
	add(&l[3], 'd', EVENT_PRIO_DEVICE, 5);
	ck_assert_str_eq(run_all(), "dtcs");
}
END_TEST

START_TEST(equals_fire_first_in_first_out)
{
	struct logged l[26];

	for (int i = 0; i < 26; i++)
		add(&l[i], (char)('a' + i), EVENT_PRIO_CPU, 7);
	ck_assert_str_eq(run_all(), "abcdefghijklmnopqrstuvwxyz");
}
END_TEST

START_TEST(cancelled_events_do_not_fire)
{
	struct logged l[5];

	for (int i = 0; i < 5; i++)
		add(&l[i], (char)('a' + i), EVENT_PRIO_CPU, 10 - (tick_t)i);
	eventq_cancel(&q, &l[4].ev);
	eventq_cancel(&q, &l[1].ev);
	eventq_cancel(&q, &l[1].ev);
	ck_assert(!event_is_scheduled(&l[1].ev));
	ck_assert(event_is_scheduled(&l[0].ev));
	ck_assert(eventq_is_valid(&q));
	ck_assert_uint_eq(eventq_next_time(&q), 7);
	ck_assert_str_eq(run_all(), "dca");
}
END_TEST

/* Scheduling again moves the event and puts it behind its equals. */
START_TEST(scheduling_again_moves)
{
	struct logged l[3];

	add(&l[0], 'a', EVENT_PRIO_CPU, 5);
	add(&l[1], 'b', EVENT_PRIO_CPU, 5);
	add(&l[2], 'c', EVENT_PRIO_CPU, 9);
	eventq_schedule(&q, &l[0].ev, 5);
	eventq_schedule(&q, &l[2].ev, 1);
	ck_assert_uint_eq(q.len, 3);
	ck_assert_str_eq(run_all(), "cba");
}
END_TEST

static struct logged again;
static int times_left;

static void fire_again(struct event *ev)
{
	ck_assert(!event_is_scheduled(ev));
	log_fire(ev);
	if (times_left--)
		eventq_schedule(&q, ev, q.now);
}

/* An event may schedule itself at its own instant: it comes behind what waits there already. */
START_TEST(an_event_can_schedule_itself_now)
{
	struct logged other;

	again.name = 'x';
	times_left = 2;
	event_init(&again.ev, EVENT_PRIO_CPU, fire_again);
	eventq_schedule(&q, &again.ev, 3);
	add(&other, 'o', EVENT_PRIO_CPU, 3);
	ck_assert_str_eq(run_all(), "xoxx");
	ck_assert_uint_eq(q.now, 3);
}
END_TEST

START_TEST(release_unschedules)
{
	struct logged l;

	add(&l, 'a', EVENT_PRIO_CPU, 1);
	eventq_release(&q);
	ck_assert(!event_is_scheduled(&l.ev));
}
END_TEST

/* The past cannot be scheduled: this is a programming error, which aborts. */
START_TEST(the_past_aborts)
{
	struct logged l[2];

	add(&l[0], 'a', EVENT_PRIO_CPU, 10);
	run_all();
	add(&l[1], 'b', EVENT_PRIO_CPU, 9);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("order");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, empty_queue_fires_nothing);
	tcase_add_test(t, time_goes_first);
	tcase_add_test(t, priority_breaks_ties_of_time);
	tcase_add_test(t, equals_fire_first_in_first_out);
	tcase_add_test(t, cancelled_events_do_not_fire);
	tcase_add_test(t, scheduling_again_moves);
	tcase_add_test(t, an_event_can_schedule_itself_now);
	tcase_add_test(t, release_unschedules);
	tcase_add_test_raise_signal(t, the_past_aborts, 6);
	return run_case("eventq", t);
}
