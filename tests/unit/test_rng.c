/* Random streams: published vectors, independence of streams, absence of bias. */
#include "sim/rng.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

/* The first numbers of splitmix64 from state 0, as published with Vigna's reference code and in Java's
 * SplittableRandom tests. */
START_TEST(splitmix_vector)
{
	uint64_t s = 0;

	ck_assert_uint_eq(splitmix64(&s), UINT64_C(0xe220a8397b1dcdaf));
	ck_assert_uint_eq(splitmix64(&s), UINT64_C(0x6e789e6aa1b965f4));
	ck_assert_uint_eq(splitmix64(&s), UINT64_C(0x06c45d188009454f));
	ck_assert_uint_eq(splitmix64(&s), UINT64_C(0xf88bb8a8724c81ec));
}
END_TEST

/*
 * xoshiro256** from state {1, 2, 3, 4}. The first by hand: rotl(2 * 5, 7) * 9 = 1280 * 9 = 11520. Then
 * s1 = 2 ^ (3 ^ 1) = 0, so the second is 0.
 */
START_TEST(xoshiro_vector)
{
	static const uint64_t expected[] = {
		11520,
		0,
		1509978240,
		UINT64_C(1215971899390074240),
		UINT64_C(1216172134540287360),
		UINT64_C(607988272756665600),
	};
	struct rng r = {{1, 2, 3, 4}};

	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		ck_assert_uint_eq(rng_next(&r), expected[i]);
}
END_TEST

START_TEST(streams_are_keyed_by_seed_and_path)
{
	struct rng a, b, c, d;

	rng_init(&a, 1, "tlb.cpu0");
	rng_init(&b, 1, "tlb.cpu0");
	rng_init(&c, 1, "tlb.cpu1");
	rng_init(&d, 2, "tlb.cpu0");
	for (int i = 0; i < 100; i++) {
		uint64_t x = rng_next(&a);

		ck_assert_uint_eq(x, rng_next(&b));
		ck_assert_uint_ne(x, rng_next(&c));
		ck_assert_uint_ne(x, rng_next(&d));
	}
}
END_TEST

START_TEST(below_is_below)
{
	struct rng r;

	rng_init(&r, 3, "test");
	for (int i = 0; i < 1000; i++) {
		ck_assert_uint_eq(rng_below(&r, 1), 0);
		ck_assert_uint_lt(rng_below(&r, 7), 7);
		ck_assert_uint_lt(rng_below(&r, (UINT64_C(1) << 63) + 1), (UINT64_C(1) << 63) + 1);
	}
}
END_TEST

/* 60 000 draws of 6: each about 10 000; the chi-square with 5 degrees of freedom exceeds 30 once in 70 000.
 */
START_TEST(below_is_even)
{
	unsigned n[6] = {0};
	double chi = 0;
	struct rng r;

	rng_init(&r, 4, "test");
	for (int i = 0; i < 60000; i++)
		n[rng_below(&r, 6)]++;
	for (int i = 0; i < 6; i++)
		chi += ((double)n[i] - 10000) * ((double)n[i] - 10000) / 10000;
	ck_assert(chi < 30);
}
END_TEST

START_TEST(unit_lies_in_the_interval)
{
	double sum = 0;
	struct rng r;

	rng_init(&r, 5, "test");
	for (int i = 0; i < 10000; i++) {
		double x = rng_unit(&r);

		ck_assert(x >= 0 && x < 1);
		sum += x;
	}
	ck_assert(sum > 4850 && sum < 5150); /* 5000 with a deviation of 28.9: five of them */
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, splitmix_vector);
	tcase_add_test(t, xoshiro_vector);
	tcase_add_test(t, streams_are_keyed_by_seed_and_path);
	tcase_add_test(t, below_is_below);
	tcase_add_test(t, below_is_even);
	tcase_add_test(t, unit_lies_in_the_interval);
	return run_case("rng", t);
}
