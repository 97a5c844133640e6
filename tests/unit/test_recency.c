/*
 * test_recency.c - the order of a set's ways against a list that is moved by hand; signatures against keys
 * compared one by one.
 */
#include "models/hw/recency.h"
#include "models/hw/signature.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"
#include "tests/suite.h"

static struct rng rng;

static void setup(void)
{
	rng_init(&rng, 1, "test");
}

static void move_to_front(unsigned *list, unsigned n, unsigned way)
{
	unsigned at = 0;

	while (list[at] != way)
		at++;
	ck_assert_uint_lt(at, n);
	memmove(list + 1, list, at * sizeof *list);
	list[0] = way;
}

START_TEST(test_same_as_a_list)
{
	const unsigned ways = (unsigned)_i;
	struct recency r = recency_of(ways);
	uint64_t order = recency_start(&r);
	unsigned list[RECENCY_WAYS];

	for (unsigned w = 0; w < ways; w++) { /* touched in turn: the last is the newest */
		order = recency_touch(order, w);
		list[ways - 1 - w] = w;
	}
	for (unsigned step = 0; step < 2000; step++) {
		ck_assert(recency_is_valid(&r, order));
		if (rng_below(&rng, 3)) {
			unsigned way = (unsigned)rng_below(&rng, ways);

			order = recency_touch(order, way);
			move_to_front(list, ways, way);
		} else {
			unsigned oldest = list[ways - 1];

			ck_assert_uint_eq(recency_take(&r, &order), oldest);
			move_to_front(list, ways, oldest);
		}
	}
}
END_TEST

START_TEST(test_order_is_checked)
{
	struct recency r = recency_of(4);

	ck_assert(recency_is_valid(&r, 0x3210));
	ck_assert(recency_is_valid(&r, 0x0123));
	ck_assert(!recency_is_valid(&r, 0x3211));  /* way 1 twice */
	ck_assert(!recency_is_valid(&r, 0x4210));  /* there is no way 4 */
	ck_assert(!recency_is_valid(&r, 0x13210)); /* five of four */
}
END_TEST

START_TEST(test_signatures_find_each_way)
{
	uint64_t keys[SIGNATURE_BLOCK];
	uint8_t block[SIGNATURE_BLOCK];

	for (unsigned i = 0; i < SIGNATURE_BLOCK; i++) {
		keys[i] = rng_next(&rng);
		block[i] = signature_of(keys[i]);
	}
	for (unsigned i = 0; i < SIGNATURE_BLOCK; i++)
		for (unsigned n = 1; n <= SIGNATURE_BLOCK; n++) {
			uint32_t hits = signature_match(block, signature_of(keys[i]), n);

			ck_assert_int_eq(hits >> i & 1, i < n);
			for (unsigned j = 0; j < SIGNATURE_BLOCK; j++)
				ck_assert_int_eq(hits >> j & 1,
						 j < n && signature_of(keys[j]) == signature_of(keys[i]));
		}
	ck_assert_uint_eq(signature_stride(1), 16);
	ck_assert_uint_eq(signature_stride(16), 16);
	ck_assert_uint_eq(signature_stride(17), 32);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("recency");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, test_same_as_a_list, 1, RECENCY_WAYS + 1);
	tcase_add_test(tc, test_order_is_checked);
	tcase_add_test(tc, test_signatures_find_each_way);
	return run_case("recency", tc);
}
