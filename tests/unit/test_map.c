/* The hash map: the small cases that an open-addressing table gets wrong. */
#include "sim/map.h"

#include <check.h>
#include <stdlib.h>

#include "tests/suite.h"

START_TEST(empty_map)
{
	struct map m;
	size_t it = 0;
	uint64_t k, v;

	map_init(&m);
	ck_assert(!map_get(&m, 0, NULL));
	ck_assert(!map_del(&m, 0));
	ck_assert(!map_next(&m, &it, &k, &v));
	map_release(&m);
}
END_TEST

/* Key 0 and key 2^64-1 are keys like any other, as is value 0. */
START_TEST(any_key_and_any_value)
{
	struct map m;
	uint64_t v = 99;

	map_init(&m);
	ck_assert(!map_get(&m, 0, &v));
	ck_assert_uint_eq(v, 99);
	map_put(&m, 0, 0);
	map_put(&m, UINT64_MAX, 7);
	ck_assert(map_get(&m, 0, &v));
	ck_assert_uint_eq(v, 0);
	ck_assert(map_get(&m, UINT64_MAX, &v));
	ck_assert_uint_eq(v, 7);
	ck_assert_uint_eq(m.len, 2);
	map_release(&m);
}
END_TEST

START_TEST(put_overwrites)
{
	struct map m;
	uint64_t v;

	map_init(&m);
	map_put(&m, 5, 1);
	map_put(&m, 5, 2);
	ck_assert_uint_eq(m.len, 1);
	ck_assert(map_get(&m, 5, &v));
	ck_assert_uint_eq(v, 2);
	ck_assert(map_del(&m, 5));
	ck_assert(!map_del(&m, 5));
	ck_assert(!map_get(&m, 5, NULL));
	ck_assert_uint_eq(m.len, 0);
	map_release(&m);
}
END_TEST

START_TEST(grows_and_walks)
{
	enum { NR = 5000 };
	struct map m;
	size_t it = 0, n = 0;
	uint64_t k, v, keys = 0;

	map_init(&m);
	for (uint64_t i = 0; i < NR; i++)
		map_put(&m, i << 32, i);
	ck_assert_uint_eq(m.len, NR);
	while (map_next(&m, &it, &k, &v)) {
		ck_assert_uint_eq(k, v << 32);
		keys += v;
		n++;
	}
	ck_assert_uint_eq(n, NR);
	ck_assert_uint_eq(keys, (uint64_t)NR * (NR - 1) / 2);
	for (uint64_t i = 0; i < NR; i += 2)
		ck_assert(map_del(&m, i << 32));
	for (uint64_t i = 0; i < NR; i++)
		ck_assert_int_eq(map_get(&m, i << 32, NULL), i % 2 == 1);
	map_release(&m);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, empty_map);
	tcase_add_test(t, any_key_and_any_value);
	tcase_add_test(t, put_overwrites);
	tcase_add_test(t, grows_and_walks);
	return run_case("map", t);
}
