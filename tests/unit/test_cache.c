/*
 * test_cache.c - one cache: toy examples by hand, a naive model, bad sizes.
 */
#include "models/hw/cache.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/hw/replacement.h"
#include "tests/suite.h"

static struct cache cache;
static struct err err;
static uint64_t misses;
static bool ordered; /* an order a set instead of stamps */

static void setup(void)
{
	err_clear(&err);
	misses = 0;
}

static void teardown(void)
{
	cache_release(&cache);
}

static int init(uint64_t size, uint64_t ways, uint64_t line_bytes, unsigned policy)
{
	struct cache_geometry g = {"toy", size, ways, line_bytes, 4, policy, ordered};

	return cache_init(&cache, &g, "cache.toy", 1, &err);
}

/* Returns the key that was thrown out, 0 for a hit or when there was room. */
static uint64_t use(uint64_t line, bool store)
{
	uint64_t *key = cache_find(&cache, line);

	if (!key) {
		misses++;
		return cache_insert(&cache, line, store ? CACHE_DIRTY : 0);
	}
	cache_touch(&cache, line, key);
	*key |= store ? CACHE_DIRTY : 0;
	return 0;
}

/*
 * 128 bytes, 2 ways of 16-byte lines: 4 sets. Byte addresses 0 64 128 0 128 64 16 0: lines 0 4 8 0 8 4 1 0.
 * Set 0 sees 0 4 8 0 8 4 0: 0 miss, 4 miss, 8 miss (out 0), 0 miss (out 4), 8 hit, 4 miss (out 0), 0 miss
 * (out 8); set 1 sees line 1 once. By hand: 7 misses of 8.
 */
START_TEST(test_toy_lru)
{
	static const uint64_t address[] = {0, 64, 128, 0, 128, 64, 16, 0};
	static const uint64_t out[] = {0, 0, 0, 4, 0, 0, 0, 8};
	static const bool is_out[] = {false, false, true, true, false, true, false, true};
	ordered = _i;

	ck_assert_int_eq(init(128, 2, 16, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(address); i++) {
		uint64_t old = use(address[i] / 16, false);

		ck_assert_int_eq(old != 0, is_out[i]);
		if (old)
			ck_assert_uint_eq(cache_line_of(old), out[i]);
	}
	ck_assert_uint_eq(misses, 7);
	ck_assert_uint_eq(cache.stats.evictions, 4);
	ck_assert(cache_is_valid(&cache));
}
END_TEST

/* The matrix walk of the textbooks: 8 x 8 words of 4 bytes, 64 bytes in 2 ways of 16-byte lines. By rows a
 * quarter of 64 misses; by columns all 64 do (rows are 32 bytes apart, 8 lines fight for the 2 ways of one
 * set). */
START_TEST(test_rows_and_columns)
{
	ck_assert_int_eq(init(64, 2, 16, 0), 0);
	for (uint64_t i = 0; i < 64; i++)
		use(i * 4 / 16, false);
	ck_assert_uint_eq(misses, 16);
	cache_release(&cache);
	ck_assert_int_eq(init(64, 2, 16, 0), 0);
	misses = 0;
	for (uint64_t i = 0; i < 64; i++)
		use((i % 8 * 8 + i / 8) * 4 / 16, false);
	ck_assert_uint_eq(misses, 64);
}
END_TEST

START_TEST(test_dirty_victim)
{
	uint64_t old;

	ck_assert_int_eq(init(32, 2, 16, 0), 0);
	use(1, true);
	use(2, false);
	old = use(3, false);
	ck_assert_uint_eq(cache_line_of(old), 1);
	ck_assert_uint_eq(old & CACHE_STATE, CACHE_DIRTY);
	old = use(4, false);
	ck_assert_uint_eq(cache_line_of(old), 2);
	ck_assert_uint_eq(old & CACHE_STATE, 0);
	ck_assert_uint_eq(cache_drop(&cache, 3), CACHE_VALID);
	ck_assert_uint_eq(cache_drop(&cache, 3), 0);
	ck_assert_uint_eq(use(9, false), 0); /* into the way that became free */
	ck_assert_ptr_nonnull(cache_find(&cache, 4));
}
END_TEST

/* Cyclic use of exactly the capacity: no miss after the first round; one line more, LRU, one set: all miss.
 */
START_TEST(test_capacity)
{
	ck_assert_int_eq(init(64 * 64, 64, 64, 0), 0);
	for (uint64_t i = 0; i < 64 * 5; i++)
		use(i % 64, false);
	ck_assert_uint_eq(misses, 64);
	misses = 0;
	for (uint64_t i = 0; i < 65 * 5; i++)
		use(1000 + i % 65, false);
	ck_assert_uint_eq(misses, 65 * 5);
}
END_TEST

/* 11 ways of 9 sets against lists in order of use, with drops. */
START_TEST(test_lru_against_lists)
{
	enum { SETS = 9, WAYS = 11 };
	uint64_t list[SETS][WAYS] = {{0}};
	unsigned len[SETS] = {0};
	struct rng rng;
	ordered = _i;

	ck_assert_int_eq(init(SETS * WAYS * 64, WAYS, 64, 0), 0);
	rng_init(&rng, 3, "lists");
	for (int i = 0; i < 50000; i++) {
		uint64_t line = rng_below(&rng, 1 + rng_below(&rng, 200)), *l = list[line % SETS];
		unsigned *n = &len[line % SETS], at = 0;

		while (at < *n && l[at] != line)
			at++;
		ck_assert_int_eq(cache_find(&cache, line) != NULL, at < *n);
		if (rng_below(&rng, 20) == 0) {
			cache_drop(&cache, line);
			if (at < *n)
				memmove(l + at, l + at + 1, (--*n - at) * sizeof *l);
			continue;
		}
		if (at == *n && *n == WAYS) {
			ck_assert_uint_eq(cache_line_of(use(line, false)), l[WAYS - 1]);
			at--;
		} else {
			ck_assert_uint_eq(use(line, false), 0);
			*n += at == *n;
		}
		memmove(l + 1, l, at * sizeof *l);
		l[0] = line;
	}
	ck_assert(cache_is_valid(&cache));
}
END_TEST

/* Lines that are taken out between: an order a set gives the same victims as stamps. */
START_TEST(test_order_is_stamps)
{
	const struct cache_geometry g = {"toy", 4 * 11 * 64, 11, 64, 4, 0, true};
	struct cache other;
	struct rng rng;

	ck_assert_int_eq(init(4 * 11 * 64, 11, 64, 0), 0);
	ck_assert_int_eq(cache_init(&other, &g, "cache.toy", 1, &err), 0);
	ck_assert(other.ordered && !cache.ordered);
	rng_init(&rng, 6, "order");
	for (int i = 0; i < 20000; i++) {
		uint64_t line = rng_below(&rng, 70), *key = cache_find(&other, line);

		ck_assert_int_eq(!key, !cache_find(&cache, line));
		if (!rng_below(&rng, 8)) {
			ck_assert_uint_eq(cache_drop(&other, line), cache_drop(&cache, line));
			continue;
		}
		if (key)
			cache_touch(&other, line, key);
		ck_assert_uint_eq(key ? 0 : cache_insert(&other, line, 0), use(line, false));
	}
	ck_assert_uint_gt(cache.stats.evictions, 1000);
	ck_assert(cache_is_valid(&cache) && cache_is_valid(&other));
	cache_release(&other);
}
END_TEST

/* Every policy keeps a valid cache and never holds more than fits. */
START_TEST(test_policies)
{
	struct rng rng;
	ordered = _i;

	for (unsigned p = 0; replacement_at(p); p++) {
		ck_assert_int_eq(init(4 * 3 * 64, 3, 64, p), 0);
		rng_init(&rng, 4, "policies");
		misses = 0;
		for (int i = 0; i < 3000; i++)
			use(rng_below(&rng, 24), i % 3 == 0);
		ck_assert(cache_is_valid(&cache));
		ck_assert_uint_eq(misses - cache.stats.evictions, 12);
		ck_assert_uint_gt(misses, 1000); /* half of the lines fit */
		ck_assert_uint_lt(misses, 2000);
		cache_release(&cache);
	}
}
END_TEST

START_TEST(test_refusals)
{
	static const struct {
		uint64_t size, ways, line;
		const char *word;
	} rows[] = {{1000, 2, 16, "cache.toy.size"}, {0, 2, 16, "cache.toy.size"},
		    {128, 0, 16, "cache.toy.ways"},  {128, 3, 16, "3 ways"},
		    {16, 2, 16, "cache.toy.size"},   {96, 2, 24, "power of two"},
		    {96, 2, 0, "power of two"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		err_clear(&err);
		ck_assert_int_eq(init(rows[i].size, rows[i].ways, rows[i].line, 0), -ERR_CONFIG);
		ck_assert_msg(strstr(err.text, rows[i].word), "\"%s\" does not speak of %s", err.text,
			      rows[i].word);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cache");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_toy_lru, 0, 2);
	tcase_add_test(tc, test_rows_and_columns);
	tcase_add_test(tc, test_dirty_victim);
	tcase_add_test(tc, test_capacity);
	tcase_add_loop_test(tc, test_lru_against_lists, 0, 2);
	tcase_add_loop_test(tc, test_policies, 0, 2);
	tcase_add_test(tc, test_order_is_stamps);
	tcase_add_test(tc, test_refusals);
	return run_case("cache", tc);
}
