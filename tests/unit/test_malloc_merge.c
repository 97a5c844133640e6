/*
 * test_malloc_merge.c - the rings of `faultline record --malloc`: what may be taken when, in which order,
 * texts, rings of the dead. The writers are played by the test.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/rng.h"
#include "tests/suite.h"
#include "traces/recorder/malloc_merge.h"

static struct malloc_shared *shared;
static struct malloc_merge merge;

/* What was taken: time and address of each event, and the text of the last one that had one. */
static uint64_t times[200000], addrs[200000];
static size_t taken;
static char text[MALLOC_TEXT_MAX];
static size_t fail_at;

static int take(void *ctx, const struct malloc_ring_head *ring, const struct malloc_event *ev, const char *t,
		struct err *e)
{
	ck_assert_ptr_eq(ctx, &merge);
	ck_assert(ring->state == MALLOC_RING_ACTIVE || ring->state == MALLOC_RING_LEFT);
	if (taken == fail_at)
		return err_set(e, ERR_IO, "stop");
	times[taken] = ev->time;
	addrs[taken++] = ev->addr;
	if (*t)
		memcpy(text, t, strlen(t) + 1);
	return 0;
}

static void setup(void)
{
	shared = mmap(NULL, MALLOC_SHARED_BYTES, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	malloc_merge_init(&merge, shared, take, &merge);
	taken = 0;
	fail_at = SIZE_MAX;
}

static void teardown(void)
{
	munmap(shared, MALLOC_SHARED_BYTES);
}

static void claim(uint32_t i)
{
	struct malloc_ring_head *h = &shared->ring[i];

	h->state = MALLOC_RING_ACTIVE;
	h->pid = (uint32_t)getpid();
	h->tid = (uint32_t)getpid();
	h->seq = 2 * h->tail;
	shared->nr_rings = MAX_OF(shared->nr_rings, i + 1);
}

static void put(uint32_t i, uint64_t time, uint64_t addr)
{
	struct malloc_ring_head *h = &shared->ring[i];

	malloc_ring_events(shared, i)[h->seq / 2 % RING_EVENTS] = (struct malloc_event){
		.time = time, .addr = addr, .what = (uint64_t)MALLOC_EVENT_MALLOC << 56};
	h->base = time;
	h->seq += 2;
}

START_TEST(in_order)
{
	struct err e = {0};

	claim(0);
	claim(2);
	put(0, 10, 1);
	put(2, 11, 2);
	put(2, 12, 3);
	put(0, 13, 4);
	put(0, 13, 5);
	put(2, 20, 6);
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 6);
	for (size_t i = 0; i < 6; i++)
		ck_assert_uint_eq(addrs[i], i + 1);
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 0);
	ck_assert_uint_eq(malloc_merge_backlog(&merge), 0);
}
END_TEST

/* A writer in the midst of an event holds back all that is not older than its last one. */
START_TEST(writer_in_progress)
{
	struct err e = {0};

	claim(0);
	claim(1);
	put(0, 10, 1);
	put(1, 11, 2);
	put(1, 12, 3);
	put(0, 12, 4);
	shared->ring[0].seq |= 1;
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 2);
	ck_assert_uint_eq(malloc_merge_backlog(&merge), 1);
	shared->ring[0].seq &= ~UINT64_C(1);
	put(0, 13, 5);
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 3);
	ck_assert_uint_eq(taken, 5);
	ck_assert_uint_eq(addrs[4], 5);
	/* A ring for a child that is not there yet holds back from when it was taken. */
	shared->ring[3] = (struct malloc_ring_head){.state = MALLOC_RING_FORKING, .base = 20, .seq = 1};
	shared->nr_rings = 4;
	put(1, 19, 6);
	put(1, 20, 7);
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 1);
	shared->ring[3].state = MALLOC_RING_CLAIMED;
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 0);
	shared->ring[3].state = MALLOC_RING_FREE;
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 1);
}
END_TEST

/* What is stamped later than the reader's look waits. */
START_TEST(future)
{
	struct err e = {0};
	uint64_t now;

	claim(0);
	now = malloc_merge_clock(shared);
	put(0, now + (UINT64_C(1) << 50), 1);
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 0);
}
END_TEST

START_TEST(texts)
{
	struct malloc_ring_head *h = &shared->ring[0];
	struct malloc_event *events = malloc_ring_events(shared, 0);
	char path[100];
	struct err e = {0};

	memset(path, 'p', sizeof path);
	path[99] = 0;
	claim(0);
	h->tail = RING_EVENTS - 2; /* the text goes around the end: 4 events for 100 bytes */
	h->seq = 2 * h->tail;
	put(0, 5, 1);
	events[RING_EVENTS - 1] = (struct malloc_event){
		.time = 6, .addr = 77, .size = 100, .what = (uint64_t)MALLOC_EVENT_START << 56};
	memcpy(events, path, sizeof path);
	h->seq += 2 * 5;
	put(0, 7, 3);
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 7);
	ck_assert_uint_eq(taken, 3);
	ck_assert_str_eq(text, path);
	ck_assert_uint_eq(addrs[1], 77);
	ck_assert_uint_eq(addrs[2], 3);
	/* A length that a damaged program wrote stays within what is there. */
	events[h->seq / 2 % RING_EVENTS] = (struct malloc_event){
		.time = 8, .addr = 9, .size = UINT64_MAX, .what = (uint64_t)MALLOC_EVENT_MODULE << 56};
	h->seq += 2;
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 1);
}
END_TEST

START_TEST(stops_at_an_error)
{
	struct err e = {0};

	claim(0);
	put(0, 1, 1);
	put(0, 2, 2);
	fail_at = 1;
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), -(int)ERR_IO);
	ck_assert_str_eq(e.text, "stop");
}
END_TEST

/* Any number of rings, any lengths, in rounds: sorted by time, nothing lost. */
START_TEST(random_rounds)
{
	enum { RINGS = 9, EVENTS = 60000 };
	struct err e = {0};
	uint64_t now = 0, sum = 0, got = 0;
	struct rng r;

	rng_init(&r, 1, "test.malloc_merge");
	for (uint32_t i = 0; i < RINGS; i++)
		claim(i);
	for (uint64_t n = 1; n <= EVENTS; n++) {
		uint32_t ring = (uint32_t)rng_below(&r, RINGS);

		now += rng_below(&r, 3);
		put(ring, now, n);
		sum += n;
		if (rng_below(&r, 700) == 0)
			ck_assert_int_ge(malloc_merge_drain(&merge, &e), 0);
	}
	ck_assert_int_ge(malloc_merge_drain(&merge, &e), 0);
	ck_assert_uint_eq(taken, EVENTS);
	for (size_t i = 0; i < taken; i++) {
		got += addrs[i];
		ck_assert(i == 0 || times[i - 1] <= times[i]);
	}
	ck_assert_uint_eq(got, sum);
}
END_TEST

START_TEST(the_dead)
{
	pid_t pid = fork();
	struct err e = {0};

	if (pid == 0)
		_exit(0);
	ck_assert_int_gt(pid, 0);
	claim(0);
	claim(1);
	shared->ring[1].pid = shared->ring[1].tid = (uint32_t)pid;
	put(1, 5, 1);
	while (!malloc_task_gone((uint32_t)pid, 0)) /* a zombie counts */
		usleep(1000);
	/* Its events come first. */
	ck_assert_uint_eq(malloc_merge_bury(&merge, true, 1), 2);
	ck_assert(malloc_merge_has(&merge, (uint32_t)pid));
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 1);
	ck_assert_uint_eq(malloc_merge_bury(&merge, true, 1), 1);
	ck_assert(!malloc_merge_has(&merge, (uint32_t)pid));
	/* One whose thread has said that it ends. */
	claim(2);
	put(2, 6, 2);
	shared->ring[2].state = MALLOC_RING_LEFT;
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 1);
	ck_assert_uint_eq(shared->ring[2].state, MALLOC_RING_LEFT);
	ck_assert_int_eq(malloc_merge_drain(&merge, &e), 0);
	ck_assert_uint_eq(shared->ring[2].state, MALLOC_RING_FREE);
	/* A fork whose parent died in it. */
	shared->ring[1] = (struct malloc_ring_head){
		.state = MALLOC_RING_FORKING, .pid = (uint32_t)pid, .tid = (uint32_t)pid, .seq = 1};
	ck_assert_uint_eq(malloc_merge_bury(&merge, true, 1), 1);
	/* A thread that died while it took a ring. */
	shared->ring[1] = (struct malloc_ring_head){.state = MALLOC_RING_CLAIMED};
	ck_assert_uint_eq(malloc_merge_bury(&merge, true, 1), 2);
	ck_assert_uint_eq(malloc_merge_bury(&merge, true, 9), 1);
	waitpid(pid, NULL, 0);
	ck_assert(malloc_task_gone((uint32_t)pid, 0));
	ck_assert(!malloc_task_gone((uint32_t)getpid(), (uint32_t)getpid()));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, in_order);
	tcase_add_test(t, writer_in_progress);
	tcase_add_test(t, future);
	tcase_add_test(t, texts);
	tcase_add_test(t, stops_at_an_error);
	tcase_add_test(t, random_rounds);
	tcase_add_test(t, the_dead);
	return run_case("malloc_merge", t);
}
