/*
 * test_replacement.c - what every replacement policy promises, over the table of policies.
 */
#include "models/hw/replacement.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

#define MAX_WAYS 33

static const struct replacement_ops *find(const char *name)
{
	for (size_t i = 0; replacement_at(i); i++) {
		if (!strcmp(replacement_at(i)->name, name))
			return replacement_at(i);
	}
	ck_abort_msg("no policy %s", name);
	return NULL;
}

/* A set with strictly growing, shuffled stamps; filled <= touched. */
static void make_set(struct rng *rng, uint64_t *touched, uint64_t *filled, unsigned ways)
{
	uint64_t stamp = 1 + rng_below(rng, 1000);

	for (unsigned i = 0; i < ways; i++)
		filled[i] = touched[i] = stamp++;
	for (unsigned i = ways - 1; i > 0; i--) {
		uint64_t j = rng_below(rng, i + 1), f = filled[i];

		filled[i] = filled[j];
		filled[j] = f;
	}
	for (unsigned i = 0; i < ways; i++)
		touched[i] = filled[i];
	for (unsigned n = 0; n < 2 * ways; n++)
		touched[rng_below(rng, ways)] = stamp++;
}

START_TEST(test_names)
{
	size_t n = 0;

	for (; replacement_at(n); n++) {
		ck_assert_str_eq(replacement_name(n), replacement_at(n)->name);
		ck_assert_uint_gt(strlen(replacement_at(n)->sentence), 0);
		for (size_t i = 0; i < n; i++)
			ck_assert_str_ne(replacement_name(i), replacement_name(n));
	}
	ck_assert_uint_ge(n, 4);
	ck_assert_ptr_null(replacement_name(n));
	ck_assert_ptr_null(replacement_at(n + 1000));
	ck_assert_str_eq(replacement_name(0), "lru");
}
END_TEST

/* A victim is a way of the set; stamps are read only; the same state and stream give the same victim. */
START_TEST(test_victims_are_ways)
{
	const struct replacement_ops *p = replacement_at((size_t)_i);
	uint64_t touched[MAX_WAYS], filled[MAX_WAYS], t2[MAX_WAYS], f2[MAX_WAYS];
	struct rng rng, a, b;

	rng_init(&rng, 7, "test");
	rng_init(&a, 1, p->name);
	rng_init(&b, 1, p->name);
	for (unsigned ways = 1; ways <= MAX_WAYS; ways++) {
		for (int n = 0; n < 50; n++) {
			unsigned v;

			make_set(&rng, touched, filled, ways);
			memcpy(t2, touched, sizeof t2);
			memcpy(f2, filled, sizeof f2);
			v = p->victim(touched, filled, ways, &a);
			ck_assert_uint_lt(v, ways);
			ck_assert_mem_eq(touched, t2, ways * sizeof *touched);
			ck_assert_mem_eq(filled, f2, ways * sizeof *filled);
			ck_assert_uint_eq(v, p->victim(touched, filled, ways, &b));
		}
	}
}
END_TEST

/* Filling over and over reaches every way: no way is lost for good. */
START_TEST(test_every_way_is_used)
{
	const struct replacement_ops *p = replacement_at((size_t)_i);
	struct rng rng;

	rng_init(&rng, 3, "test");
	for (unsigned ways = 1; ways <= MAX_WAYS; ways++) {
		uint64_t touched[MAX_WAYS], filled[MAX_WAYS], stamp = 0;
		bool seen[MAX_WAYS] = {false};
		unsigned nr = 0;

		for (unsigned i = 0; i < ways; i++)
			touched[i] = filled[i] = ++stamp;
		for (unsigned n = 0; n < 40 * ways; n++) {
			unsigned v = p->victim(touched, filled, ways, &rng);

			nr += !seen[v];
			seen[v] = true;
			touched[v] = filled[v] = ++stamp;
		}
		ck_assert_msg(nr == ways, "%s: %u of %u ways", p->name, nr, ways);
	}
}
END_TEST

START_TEST(test_lru_and_fifo_by_hand)
{
	uint64_t touched[4] = {9, 6, 8, 7}, filled[4] = {4, 3, 1, 2};

	ck_assert_uint_eq(find("lru")->victim(touched, filled, 4, NULL), 1);
	ck_assert_uint_eq(find("fifo")->victim(touched, filled, 4, NULL), 2);
}
END_TEST

/* Against the usual bits: each node points away from the way touched last (8 ways, bits in heap order). */
START_TEST(test_plru_against_bits)
{
	const struct replacement_ops *p = find("plru");
	uint64_t touched[8], filled[8] = {0}, stamp = 0;
	unsigned bit[8] = {0};
	struct rng rng;

	rng_init(&rng, 11, "test");
	for (unsigned n = 0; n < 5000; n++) {
		unsigned way = n < 8 ? n : (unsigned)rng_below(&rng, 8), node = 1, v = 1;

		touched[way] = ++stamp;
		for (int level = 2; level >= 0; level--) {
			unsigned right = way >> level & 1;

			bit[node] = !right;
			node = 2 * node + right;
		}
		if (n < 7)
			continue;
		while (v < 8)
			v = 2 * v + bit[v];
		ck_assert_uint_eq(p->victim(touched, filled, 8, NULL), v - 8);
	}
}
END_TEST

/* 80 000 draws over 8 ways: each within 5 % of a eighth (standard deviation 0.9 %). */
START_TEST(test_random_is_even)
{
	const struct replacement_ops *p = find("random");
	uint64_t touched[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	unsigned count[8] = {0};
	struct rng rng;

	rng_init(&rng, 5, "test");
	for (int n = 0; n < 80000; n++)
		count[p->victim(touched, touched, 8, &rng)]++;
	for (int i = 0; i < 8; i++) {
		ck_assert_uint_gt(count[i], 9500);
		ck_assert_uint_lt(count[i], 10500);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("replacement");
	int nr = 0;

	while (replacement_at((size_t)nr))
		nr++;
	tcase_add_test(tc, test_names);
	tcase_add_loop_test(tc, test_victims_are_ways, 0, nr);
	tcase_add_loop_test(tc, test_every_way_is_used, 0, nr);
	tcase_add_test(tc, test_lru_and_fifo_by_hand);
	tcase_add_test(tc, test_plru_against_bits);
	tcase_add_test(tc, test_random_is_even);
	return run_case("replacement", tc);
}
