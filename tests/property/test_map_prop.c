/*
 * The hash map against an array indexed by key: random puts, gets and deletes over few keys, so that runs of
 * probes form, wrap and are closed by deletions.
 */
#include "sim/map.h"

#include <check.h>
#include <stdlib.h>

#include "sim/rng.h"
#include "tests/suite.h"

#define NR_KEYS 96

static bool present[NR_KEYS];
static uint64_t value[NR_KEYS];

/* Keys that are close, far apart, or equal in their low bits. */
static uint64_t key_of(size_t i)
{
	return i % 3 == 0 ? i : i % 3 == 1 ? (uint64_t)i << 40 : ~(uint64_t)i;
}

static void compare(const struct map *m)
{
	size_t it = 0, n = 0, expected = 0;
	uint64_t k, v;

	for (size_t i = 0; i < NR_KEYS; i++) {
		v = 0;
		ck_assert_int_eq(map_get(m, key_of(i), &v), present[i]);
		if (present[i])
			ck_assert_uint_eq(v, value[i]);
		expected += present[i];
	}
	while (map_next(m, &it, &k, &v)) {
		ck_assert(map_get(m, k, NULL));
		n++;
	}
	ck_assert_uint_eq(n, expected);
	ck_assert_uint_eq(m->len, expected);
}

START_TEST(same_as_an_array)
{
	struct map m;
	struct rng r;
	size_t len = 0;

	rng_init(&r, (uint64_t)_i, "test.map");
	map_init(&m);
	for (size_t i = 0; i < NR_KEYS; i++)
		present[i] = false;
	for (int n = 0; n < 20000; n++) {
		/* tides: mostly puts, then mostly deletes */
		bool put = rng_below(&r, 10) < (n / 1000 % 2 ? 3u : 7u);
		size_t i = rng_below(&r, NR_KEYS);

		if (put) {
			value[i] = rng_next(&r);
			map_put(&m, key_of(i), value[i]);
			len += !present[i];
		} else {
			ck_assert_int_eq(map_del(&m, key_of(i)), present[i]);
			len -= present[i];
		}
		present[i] = put;
		ck_assert_uint_eq(m.len, len);
		if (n % 64 == 0)
			compare(&m);
	}
	compare(&m);
	map_release(&m);
}
END_TEST

/* What a map answers and how it is walked does not depend on when it grew: same keys, same walk. */
START_TEST(walk_depends_on_the_keys_alone)
{
	struct map m[2];
	struct rng r;
	size_t it[2] = {0, 0};
	uint64_t k[2], v[2];

	for (int j = 0; j < 2; j++) {
		rng_init(&r, 1, "test.map.walk");
		map_init(&m[j]);
		for (int n = 0; n < 1000; n++)
			map_put(&m[j], rng_below(&r, 400), (uint64_t)n);
	}
	while (map_next(&m[0], &it[0], &k[0], &v[0])) {
		ck_assert(map_next(&m[1], &it[1], &k[1], &v[1]));
		ck_assert_uint_eq(k[0], k[1]);
		ck_assert_uint_eq(v[0], v[1]);
	}
	ck_assert(!map_next(&m[1], &it[1], &k[1], &v[1]));
	map_release(&m[0]);
	map_release(&m[1]);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, same_as_an_array, 0, 6);
	tcase_add_test(t, walk_depends_on_the_keys_alone);
	return run_case("map_prop", t);
}
