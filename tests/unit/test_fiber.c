/* Fibers: order of switches, values kept across them, ends, starting over, deep stacks, misuse. */
#include "sim/fiber.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sim/map.h"
#include "sim/rng.h"
#include "tests/suite.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

static char trail[64];

static void mark(char c)
{
	size_t n = strlen(trail);

	trail[n] = c;
	trail[n + 1] = '\0';
}

static void setup(void)
{
	trail[0] = '\0';
}

static void three_steps(void *arg)
{
	const char *s = arg;

	for (int i = 0; i < 3; i++) {
		mark(s[i]);
		fiber_yield();
	}
}

START_TEST(two_fibers_take_turns)
{
	struct fiber *a = fiber_new(three_steps, "abc"), *b = fiber_new(three_steps, "xyz");

	ck_assert_ptr_null(fiber_current());
	for (int i = 0; i < 3; i++) {
		fiber_resume(a);
		mark('-');
		fiber_resume(b);
		mark(' ');
		ck_assert(!fiber_is_done(a));
	}
	ck_assert_str_eq(trail, "a-x b-y c-z ");
	fiber_resume(a);
	ck_assert(fiber_is_done(a));
	ck_assert(!fiber_is_done(b));
	fiber_free(a);
	fiber_free(b); /* in the middle of its work */
}
END_TEST

static void see_itself(void *arg)
{
	ck_assert_ptr_eq(fiber_current(), *(struct fiber **)arg);
	fiber_yield();
	ck_assert_ptr_eq(fiber_current(), *(struct fiber **)arg);
}

START_TEST(current_is_the_running_one)
{
	struct fiber *a, *b;

	a = fiber_new(see_itself, &a);
	b = fiber_new(see_itself, &b);
	fiber_resume(a);
	fiber_resume(b);
	ck_assert_ptr_null(fiber_current());
	fiber_resume(b);
	fiber_resume(a);
	ck_assert(fiber_is_done(a) && fiber_is_done(b));
	fiber_free(a);
	fiber_free(b);
}
END_TEST

/* A fiber that is done runs something else on the same stack, as often as one likes. */
START_TEST(reset_starts_over)
{
	struct fiber *f = fiber_new(three_steps, "abc");

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++)
			fiber_resume(f);
		ck_assert(fiber_is_done(f));
		fiber_reset(f, three_steps, "xyz");
		ck_assert(!fiber_is_done(f));
	}
	ck_assert_str_eq(trail, "abcxyzxyz");
	fiber_free(f);
}
END_TEST

struct sum {
	uint64_t seed, result;
	double fresult;
	unsigned yields;
};

/* Keeps more values alive across switches than there are registers, whole and floating ones. */
static void compute(void *arg)
{
	struct sum *s = arg;
	uint64_t v[12], x = s->seed;
	double d[12];

	for (int i = 0; i < 12; i++) {
		v[i] = splitmix64(&x);
		d[i] = (double)(v[i] >> 40) / 3;
	}
	for (unsigned n = 0; n < 100; n++) {
		for (int i = 0; i < 12; i++) {
			v[i] = hash_u64(v[i] + v[(i + 1) % 12]);
			d[i] = d[i] * 0.5 + d[(i + 5) % 12] * 0.25;
			if (s->yields && v[i] % 7 == 0)
				fiber_yield();
		}
	}
	s->result = 0;
	s->fresult = 0;
	for (int i = 0; i < 12; i++) {
		s->result ^= v[i];
		s->fresult += d[i];
	}
}

START_TEST(values_live_across_switches)
{
	struct sum expect[8], got[8];
	struct fiber *f[8];
	bool busy = true;

	for (unsigned i = 0; i < 8; i++) {
		expect[i] = (struct sum){.seed = i, .yields = 0};
		got[i] = (struct sum){.seed = i, .yields = 1};
		compute(&expect[i]);
		f[i] = fiber_new(compute, &got[i]);
	}
	while (busy) {
		busy = false;
		for (unsigned i = 0; i < 8; i++) {
			if (!fiber_is_done(f[i])) {
				fiber_resume(f[i]);
				busy = true;
			}
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		ck_assert_uint_eq(got[i].result, expect[i].result);
		ck_assert(memcmp(&got[i].fresult, &expect[i].fresult, sizeof(double)) == 0);
		fiber_free(f[i]);
	}
}
END_TEST

/* Yields from deep down: 100 frames of 512 bytes are well within 128 KiB. */
static uint64_t deep(unsigned n)
{
	volatile char pad[512];

	memset((char *)pad, (int)n, sizeof pad);
	if (n == 0) {
		fiber_yield();
		return 1;
	}
	return deep(n - 1) + (uint64_t)(unsigned char)pad[511];
}

static void go_deep(void *arg)
{
	*(uint64_t *)arg = deep(100);
}

START_TEST(stacks_are_deep_enough)
{
	uint64_t sum = 0;
	struct fiber *f = fiber_new(go_deep, &sum);

	fiber_resume(f);
	ck_assert_uint_eq(sum, 0);
	fiber_resume(f);
	ck_assert_uint_eq(sum, 1 + 100 * 101 / 2);
	fiber_free(f);
}
END_TEST

static void count_up(void *arg)
{
	for (;;) {
		++*(uint64_t *)arg;
		fiber_yield();
	}
}

START_TEST(many_fibers_and_switches)
{
	enum { NR = 300 };
	static uint64_t counts[NR];
	static struct fiber *f[NR];

	for (int i = 0; i < NR; i++)
		f[i] = fiber_new(count_up, &counts[i]);
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < NR; i++)
			fiber_resume(f[i]);
	}
	for (int i = 0; i < NR; i++) {
		ck_assert_uint_eq(counts[i], 200);
		fiber_free(f[i]);
	}
}
END_TEST

#ifndef WITH_ASAN
static uint64_t endless(volatile uint64_t *p)
{
	volatile uint64_t here[64];

	here[0] = *p;
	return here[0] ? endless(here) + here[0] : 0;
}

static void overflow(void *arg)
{
	volatile uint64_t start = 1;

	*(uint64_t *)arg = endless(&start);
}

START_TEST(overflow_hits_the_guard_page)
{
	static uint64_t result;

	fiber_resume(fiber_new(overflow, &result));
}
END_TEST
#endif

START_TEST(resuming_a_done_fiber_aborts)
{
	struct fiber *f = fiber_new(three_steps, "abc");

	for (int i = 0; i < 5; i++)
		fiber_resume(f);
}
END_TEST

START_TEST(yielding_outside_aborts)
{
	fiber_yield();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("switch");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, two_fibers_take_turns);
	tcase_add_test(t, current_is_the_running_one);
	tcase_add_test(t, reset_starts_over);
	tcase_add_test(t, values_live_across_switches);
	tcase_add_test(t, stacks_are_deep_enough);
	tcase_add_test(t, many_fibers_and_switches);
#ifndef WITH_ASAN
	tcase_add_test_raise_signal(t, overflow_hits_the_guard_page, 11);
#endif
	tcase_add_test_raise_signal(t, resuming_a_done_fiber_aborts, 6);
	tcase_add_test_raise_signal(t, yielding_outside_aborts, 6);
	return run_case("fiber", t);
}
