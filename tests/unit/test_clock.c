/* Clock domains: exact conversion, no drift, the inverse. And the integer helpers of base.h. */
#include "sim/clock.h"

#include <check.h>
#include <stdlib.h>

#include "sim/rng.h"
#include "tests/suite.h"

/* 3 GHz has a period of 333.33 ps: three cycles are exactly 1000 ps, one is rounded up. */
START_TEST(three_gigahertz)
{
	struct clock_domain d = {3000000000u};

	ck_assert_uint_eq(clock_ps(&d, 0), 0);
	ck_assert_uint_eq(clock_ps(&d, 1), 334);
	ck_assert_uint_eq(clock_ps(&d, 2), 667);
	ck_assert_uint_eq(clock_ps(&d, 3), 1000);
	ck_assert_uint_eq(clock_cycles(&d, 0), 0);
	ck_assert_uint_eq(clock_cycles(&d, 1), 1);
	ck_assert_uint_eq(clock_cycles(&d, 334), 1);
	ck_assert_uint_eq(clock_cycles(&d, 335), 2);
	ck_assert_uint_eq(clock_cycles(&d, 1000), 3);
}
END_TEST

/* One second is exactly hz cycles, a day 86400 times that: nothing is added up that was rounded. */
START_TEST(no_drift)
{
	static const uint64_t hz[] = {1, 1000, 32768, 33333333, 2400000000u, 2893202000u, 3141592653u};

	for (size_t i = 0; i < ARRAY_LEN(hz); i++) {
		struct clock_domain d = {hz[i]};

		ck_assert_uint_eq(clock_ps(&d, hz[i]), PS_PER_S);
		ck_assert_uint_eq(clock_ps(&d, hz[i] * 86400), PS_PER_S * 86400);
		ck_assert_uint_eq(clock_cycles(&d, PS_PER_S * 86400), hz[i] * 86400);
	}
}
END_TEST

START_TEST(inverse)
{
	struct rng r;

	rng_init(&r, 1, "test.clock");
	for (int i = 0; i < 20000; i++) {
		struct clock_domain d = {1 + rng_below(&r, PS_PER_S)}; /* up to 1 THz */
		uint64_t c = rng_below(&r, d.hz >= 1000000 ? UINT64_C(1000000000000) : 1000000);
		tick_t t;

		if (c / d.hz > 10000000)
			continue; /* later than simulated time can be */
		t = clock_ps(&d, c);
		ck_assert_uint_eq(clock_cycles(&d, t), c);
		ck_assert(t == 0 || clock_cycles(&d, t + 1) > c || clock_ps(&d, c + 1) == t);
		ck_assert_uint_ge(clock_ps(&d, c + 1), t);
	}
}
END_TEST

/* clock_cycles answers the first cycle that begins at or after a time, which a search confirms. */
START_TEST(cycles_is_the_first_not_before)
{
	static const uint64_t hz[] = {7000000000u, 2600000001u, 999999999999u, 123456789};

	for (size_t i = 0; i < ARRAY_LEN(hz); i++) {
		struct clock_domain d = {hz[i]};
		uint64_t c = 0;

		for (tick_t t = 0; t < 20000; t++) {
			while (clock_ps(&d, c) < t)
				c++;
			ck_assert_uint_eq(clock_cycles(&d, t), c);
		}
	}
}
END_TEST

START_TEST(integer_square_roots)
{
	ck_assert_uint_eq(isqrt_u64(0), 0);
	ck_assert_uint_eq(isqrt_u64(UINT64_MAX), 4294967295u);
	for (uint64_t r = 1; r < 5000; r++) {
		ck_assert_uint_eq(isqrt_u64(r * r), r);
		ck_assert_uint_eq(isqrt_u64(r * r - 1), r - 1);
	}
}
END_TEST

START_TEST(products_do_not_overflow)
{
	ck_assert_uint_eq(mul_div_u64(UINT64_MAX, 1000, 1000), UINT64_MAX);
	ck_assert_uint_eq(mul_div_u64(10, 10, 3), 33);
	ck_assert_uint_eq(mul_div_up_u64(10, 10, 3), 34);
	ck_assert_uint_eq(mul_div_up_u64(9, 10, 3), 30);
	ck_assert_uint_eq(ilog2_u64(1), 0);
	ck_assert_uint_eq(ilog2_u64(4095), 11);
	ck_assert_uint_eq(ilog2_u64(UINT64_MAX), 63);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, three_gigahertz);
	tcase_add_test(t, no_drift);
	tcase_add_test(t, inverse);
	tcase_add_test(t, cycles_is_the_first_not_before);
	tcase_add_test(t, integer_square_roots);
	tcase_add_test(t, products_do_not_overflow);
	return run_case("clock", t);
}
