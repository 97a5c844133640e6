/*
 * test_server.c - slots of time: order, gaps, rate, a window that moves.
 */
#include "models/hw/server.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"
#include "tests/suite.h"

static struct server sv;

START_TEST(test_divisor_is_exact)
{
	static const uint64_t ns[] = {
		1, 2, 3, 6, 7, 11, 64, 377, 682, 2728, 36864, 7800034, UINT64_C(1) << 40};
	struct rng rng;

	rng_init(&rng, 1, "divisor");
	for (size_t i = 0; i < ARRAY_LEN(ns); i++) {
		struct divisor d = divisor_of(ns[i]);

		for (int k = 0; k < 2000; k++) {
			uint64_t x = rng_next(&rng) >> (1 + rng_below(&rng, 63)), rest;

			if (k % 3 == 0) /* around multiples */
				x = x / ns[i] * ns[i] - (x >= ns[i] && k % 2);
			ck_assert_uint_eq(divisor_split(&d, x, &rest), x / ns[i]);
			ck_assert_uint_eq(rest, x % ns[i]);
		}
	}
}
END_TEST

START_TEST(test_idle_server_adds_nothing)
{
	server_init(&sv, 100);
	ck_assert_uint_eq(server_reserve(&sv, 0, 1), 100);
	ck_assert_uint_eq(server_reserve(&sv, 1037, 1), 1137);
	ck_assert_uint_eq(server_reserve(&sv, 20099, 5), 20599);
}
END_TEST

/* Ten units at one instant leave one after the other. */
START_TEST(test_queue)
{
	server_init(&sv, 100);
	for (uint64_t i = 1; i <= 10; i++)
		ck_assert_uint_eq(server_reserve(&sv, 5000, 1), 5000 + 100 * i);
}
END_TEST

/* A reservation far ahead leaves the time before it free, and is stepped over. */
START_TEST(test_gap_is_used)
{
	server_init(&sv, 100);
	ck_assert_uint_eq(server_reserve(&sv, 10000, 3), 10300);
	ck_assert_uint_eq(server_reserve(&sv, 9000, 1), 9100);
	ck_assert_uint_eq(server_reserve(&sv, 9900, 2), 10400); /* slot 99, then the first after 100 to 102 */
}
END_TEST

/* Against a naive calendar of booleans: random arrivals, out of order, saturated and idle phases. */
START_TEST(test_same_as_naive)
{
	enum { N = 100000 };
	static bool taken[N];
	struct rng rng;
	uint64_t at = 0;

	memset(taken, 0, sizeof taken);
	server_init(&sv, 7);
	rng_init(&rng, 2, "server");
	for (int i = 0; i < 12000; i++) {
		unsigned units = 1 + (unsigned)rng_below(&rng, 5);
		uint64_t t, slot, want;

		at += rng_below(&rng, i / 2000 % 2 ? 18 : 80); /* odd phases ask for more than there is */
		t = at + rng_below(&rng, 500);
		want = t;
		slot = t / 7;
		for (unsigned u = 0; u < units; u++) {
			while (taken[slot])
				slot++;
			taken[slot] = true;
			want = MAX_OF(want, slot * 7) + 7;
		}
		ck_assert_uint_lt(slot, N - 10000);
		ck_assert_uint_eq(server_reserve(&sv, t, units), want);
	}
}
END_TEST

/* More backlog than the window holds is still served one unit a slot, and nothing is served twice. */
START_TEST(test_backlog_beyond_window)
{
	const uint64_t n = 3 * SERVER_SLOTS;

	server_init(&sv, 10);
	for (uint64_t i = 1; i <= n; i++) {
		if (server_reserve(&sv, 0, 1) != 10 * i)
			ck_abort_msg("unit %" PRIu64 " in another slot", i);
	}
	/* a later arrival, still inside the backlog, queues behind it, wherever the window is by then */
	for (uint64_t i = 1; i <= 100; i++)
		ck_assert_uint_eq(server_reserve(&sv, 10 * (2 * SERVER_SLOTS + 64 * i), 1), 10 * (n + i));
	ck_assert_uint_eq(server_reserve(&sv, 10 * 5 * SERVER_SLOTS, 1), 10 * (5 * SERVER_SLOTS + 1));
}
END_TEST

START_TEST(test_slot_lengths)
{
	ck_assert_uint_eq(server_slot_ps(64, 64000), 1000); /* 64 GB/s: 64 bytes a nanosecond */
	ck_assert_uint_eq(server_slot_ps(16, 42500), 377);  /* 376.47, rounded up: never faster */
	ck_assert_uint_eq(server_slot_ps(1, 10000000), 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("server");

	tcase_add_test(tc, test_divisor_is_exact);
	tcase_add_test(tc, test_idle_server_adds_nothing);
	tcase_add_test(tc, test_queue);
	tcase_add_test(tc, test_gap_is_used);
	tcase_add_test(tc, test_same_as_naive);
	tcase_add_test(tc, test_backlog_beyond_window);
	tcase_add_test(tc, test_slot_lengths);
	return run_case("server", tc);
}
