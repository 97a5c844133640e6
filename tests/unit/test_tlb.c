/*
 * test_tlb.c - reach, levels, the store rule, the front, flushes: worked examples.
 */
#include "models/hw/tlb.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

#define RW (TLB_WRITABLE | TLB_DIRTY)

static struct param_set ps;
static struct tlb_params params;
static struct tlb tlb;
static struct err err;
static const uint32_t flat_milli[2] = {10000, 21000};

static void setup(void)
{
	param_set_init(&ps);
	err_clear(&err);
	param_set_add(&ps, &tlb_param_table, &params);
}

static void teardown(void)
{
	tlb_release(&tlb);
	param_set_release(&ps);
}

static void set(const char *path, const char *value)
{
	ck_assert_msg(param_set_value(&ps, path, value, "test", &err) == 0, "%s", err.text);
}

static uint64_t tag_of(uint64_t vpn)
{
	return vpn | UINT64_C(1) << TLB_ASID_SHIFT;
}

static void init(void)
{
	ck_assert_msg(tlb_init(&tlb, &params, 0, 0, flat_milli, 1, &err) == 0, "%s", err.text);
}

/* First level of one entry, so that the second level alone decides. */
static void init_l2_only(const char *entries, const char *ways, const char *policy)
{
	set("tlb.l1d.entries", "1");
	set("tlb.l1d.ways", "1");
	set("tlb.l2.entries", entries);
	set("tlb.l2.ways", ways);
	set("tlb.policy", policy);
	init();
}

static enum tlb_result touch(uint64_t vpn, bool store)
{
	enum tlb_result r = tlb_lookup(&tlb, TLB_DATA, vpn, 1, store);

	if (r >= TLB_MISS)
		tlb_fill(&tlb, TLB_DATA, vpn, 1, (pfn_t)(vpn + 1000), 0, 12, RW);
	ck_assert_uint_eq(tlb_place_of(&tlb, TLB_DATA, vpn)->pfn, vpn + 1000);
	ck_assert(tlb_is_valid(&tlb));
	return r;
}

/* A working set of exactly the reach never misses after warm-up: 1536 pages, both geometries' worth of sets.
 */
START_TEST(test_reach_never_misses)
{
	init();
	for (int round = 0; round < 3; round++) {
		for (uint64_t vpn = 0; vpn < 1536; vpn++) {
			if (tlb_lookup(&tlb, TLB_DATA, vpn, 1, true) == TLB_MISS)
				tlb_fill(&tlb, TLB_DATA, vpn, 1, 5, 0, 12, RW);
		}
	}
	ck_assert_uint_eq(tlb.stats.l2_misses, 1536);
	ck_assert_uint_eq(tlb.stats.l2_hits, 2 * 1536);
	ck_assert_uint_eq(tlb.stats.l1d_hits, 0);
	ck_assert(tlb_is_valid(&tlb));
}
END_TEST

/* One page more than the reach, cyclic, LRU, fully associative: every access misses. */
START_TEST(test_one_more_page_always_misses)
{
	init_l2_only("64", "64", "lru");
	for (int round = 0; round < 5; round++) {
		for (uint64_t vpn = 0; vpn < 65; vpn++)
			ck_assert_int_eq(touch(vpn, false), TLB_MISS);
	}
	ck_assert_uint_eq(tlb.stats.l2_misses, 5 * 65);
}
END_TEST

/* The same in sets: only the one overfull set of 16 (4 ways, 5 pages) misses on and on. */
START_TEST(test_one_more_page_overfills_one_set)
{
	init_l2_only("64", "4", "lru");
	for (int round = 0; round < 5; round++) {
		for (uint64_t vpn = 0; vpn < 65; vpn++)
			touch(vpn, false);
	}
	ck_assert_uint_eq(tlb.stats.l2_misses, 65 + 4 * 5);
}
END_TEST

/* FIFO by hand, 3 entries: Belady's string 1 2 3 4 1 2 5 1 2 3 4 5 has 9 faults with 3 frames, 10 with 4. */
START_TEST(test_fifo_belady)
{
	static const uint64_t string[] = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
	static const struct {
		const char *entries;
		uint64_t misses;
	} rows[] = {{"3", 9}, {"4", 10}};

	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		init_l2_only(rows[r].entries, rows[r].entries, "fifo");
		for (size_t i = 0; i < ARRAY_LEN(string); i++)
			touch(string[i], false);
		ck_assert_uint_eq(tlb.stats.l2_misses, rows[r].misses);
		tlb_release(&tlb);
	}
}
END_TEST

/* The same string with LRU and 3 entries: 10 misses, with 4: 8 (textbook counts). */
START_TEST(test_lru_textbook)
{
	static const uint64_t string[] = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
	static const struct {
		const char *entries;
		uint64_t misses;
	} rows[] = {{"3", 10}, {"4", 8}};

	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		init_l2_only(rows[r].entries, rows[r].entries, "lru");
		for (size_t i = 0; i < ARRAY_LEN(string); i++)
			touch(string[i], false);
		ck_assert_uint_eq(tlb.stats.l2_misses, rows[r].misses);
		tlb_release(&tlb);
	}
}
END_TEST

START_TEST(test_levels)
{
	init();
	ck_assert_int_eq(touch(7, false), TLB_MISS);
	ck_assert_int_eq(touch(7, false), TLB_HIT_L1);
	for (uint64_t i = 1; i <= 4; i++) /* 16 sets of 4 ways: these push page 7 out of the first level */
		ck_assert_int_eq(touch(7 + 16 * i, false), TLB_MISS);
	ck_assert_int_eq(touch(7, false), TLB_HIT_L2);
	ck_assert_int_eq(touch(7, false), TLB_HIT_L1);
	/* an instruction fetch has a first level of its own, but the second is shared */
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_INSN, 7, 1, false), TLB_HIT_L2);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_INSN, 7, 1, false), TLB_HIT_L1);
	ck_assert_uint_eq(tlb.stats.l1d_hits, 2);
	ck_assert_uint_eq(tlb.stats.l1d_misses, 6);
	ck_assert_uint_eq(tlb.stats.l1i_hits, 1);
	ck_assert_uint_eq(tlb.stats.l1i_misses, 1);
	ck_assert_uint_eq(tlb.stats.l2_hits, 2);
	ck_assert_uint_eq(tlb.stats.l2_misses, 5);
}
END_TEST

/* A store through a clean entry drops it from both levels; the walker's new entry serves stores. */
START_TEST(test_store_rule)
{
	for (unsigned flags = 0; flags < 4; flags++) {
		for (unsigned shift = 12; shift <= 21; shift += 9) {
			init();
			tlb_fill(&tlb, TLB_DATA, 512, 1, 512, 0, shift, flags);
			ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 512, 1, false), TLB_HIT_L1);
			if (flags == RW) {
				ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 512, 1, true), TLB_HIT_L1);
				ck_assert_uint_eq(tlb.stats.dirty_assists, 0);
				tlb_release(&tlb);
				continue;
			}
			ck_assert_uint_eq(tlb_front_of(&tlb, TLB_DATA, 512)->tag[1], TLB_KEY_NONE);
			ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 512, 1, true), TLB_NOT_DIRTY);
			ck_assert_uint_eq(tlb_front_of(&tlb, TLB_DATA, 512)->tag[0], TLB_KEY_NONE);
			ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 512, 1, true), TLB_MISS);
			tlb_fill(&tlb, TLB_DATA, 512, 1, 512, 0, shift, RW);
			ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 512, 1, true), TLB_HIT_L1);
			ck_assert_uint_eq(tlb.stats.dirty_assists, 1);
			ck_assert(tlb_is_valid(&tlb));
			tlb_release(&tlb);
		}
	}
	init();
}
END_TEST

/* A clean entry found only in the second level: the same, counted as a second-level hit. */
START_TEST(test_store_rule_second_level)
{
	init();
	tlb_fill(&tlb, TLB_INSN, 9, 1, 9, 0, 12, TLB_WRITABLE);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 9, 1, true), TLB_NOT_DIRTY);
	ck_assert_uint_eq(tlb.stats.l2_hits, 1);
	ck_assert_uint_eq(tlb.stats.dirty_assists, 1);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 9, 1, false), TLB_MISS);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_INSN, 9, 1, false), TLB_HIT_L1);
}
END_TEST

/* A huge entry serves all its 512 pages, and its end kills all that the front had of it, and nothing else. */
START_TEST(test_huge_page_and_front)
{
	init();
	tlb_fill(&tlb, TLB_DATA, 1024 + 5, 1, 4096, 1, 21, RW);
	tlb_fill(&tlb, TLB_DATA, 3, 1, 77, 0, 12, RW);
	for (uint64_t i = 0; i < 512; i++) {
		const struct tlb_front *f = tlb_front_of(&tlb, TLB_DATA, 1024 + i);
		const struct tlb_place *at = tlb_place_of(&tlb, TLB_DATA, 1024 + i);

		ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 1024 + i, 1, false), TLB_HIT_L1);
		ck_assert_uint_eq(at->pfn, 4096 + i);
		ck_assert_uint_eq(at->nid, 1);
		ck_assert_uint_eq(at->remote, 1);
		ck_assert_uint_eq(at->cost_milli, 21000);
		ck_assert_uint_eq(f->charge, 21000 | UINT64_C(1) << TLB_REMOTE_SHIFT);
		ck_assert_uint_eq(f->tag[0], tag_of(1024 + i));
		ck_assert_uint_eq(f->tag[1], f->tag[0]);
	}
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 3, 1, false), TLB_HIT_L1);
	ck_assert_uint_eq(tlb_place_of(&tlb, TLB_DATA, 3)->remote, 0);
	ck_assert_uint_eq(tlb_place_of(&tlb, TLB_DATA, 3)->cost_milli, 10000);
	tlb_flush_page(&tlb, 1024 + 300, 1);
	for (uint64_t i = 0; i < 512; i++)
		ck_assert_uint_eq(tlb_front_of(&tlb, TLB_DATA, 1024 + i)->tag[0] == tag_of(1024 + i), 0);
	ck_assert_uint_eq(tlb_front_of(&tlb, TLB_DATA, 3)->tag[0], tag_of(3));
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 1024, 1, false), TLB_MISS);
	ck_assert(tlb_is_valid(&tlb));
}
END_TEST

/* A hit through the front protects the entry from LRU just as a lookup does. */
START_TEST(test_front_hit_counts_as_touch)
{
	struct tlb_front *f;

	set("tlb.l1d.entries", "2");
	set("tlb.l1d.ways", "2");
	init();
	touch(1, false);
	touch(2, false);
	f = tlb_front_of(&tlb, TLB_DATA, 1);
	ck_assert_uint_eq(f->tag[0], tag_of(1));
	*f->touched = ++tlb.now;
	touch(3, false); /* evicts 2 */
	ck_assert_uint_eq(tlb_front_of(&tlb, TLB_DATA, 2)->tag[0], TLB_KEY_NONE);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 1, 1, false), TLB_HIT_L1);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 2, 1, false), TLB_HIT_L2);
}
END_TEST

/* Without cost table (caches on) the front costs nothing. */
START_TEST(test_no_flat_costs)
{
	ck_assert_int_eq(tlb_init(&tlb, &params, 3, 1, NULL, 1, &err), 0);
	tlb_fill(&tlb, TLB_DATA, 5, 2, 6, 0, 12, RW);
	ck_assert_uint_eq(tlb_place_of(&tlb, TLB_DATA, 5)->cost_milli, 0);
	ck_assert_uint_eq(tlb_place_of(&tlb, TLB_DATA, 5)->remote, 1);
}
END_TEST

START_TEST(test_asids_are_apart)
{
	init();
	for (uint16_t asid = 1; asid <= 3; asid++) {
		ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 4, asid, false), TLB_MISS);
		tlb_fill(&tlb, TLB_DATA, 4, asid, asid, 0, 12, RW);
	}
	tlb_flush_asid(&tlb, 2);
	ck_assert(tlb_is_valid(&tlb));
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 4, 2, false), TLB_MISS);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 4, 1, false), TLB_HIT_L1);
	ck_assert_uint_eq(tlb_place_of(&tlb, TLB_DATA, 4)->pfn, 1);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 4, 3, false), TLB_HIT_L1);
	ck_assert_uint_eq(tlb_place_of(&tlb, TLB_DATA, 4)->pfn, 3);
	tlb_flush_page(&tlb, 4, 3);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 4, 1, false), TLB_HIT_L1);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 4, 3, false), TLB_MISS);
	tlb_flush_all(&tlb);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 4, 1, false), TLB_MISS);
	ck_assert_uint_eq(tlb.stats.flushes, 2);
	ck_assert_uint_eq(tlb.stats.flushed_pages, 1);
	ck_assert(tlb_is_valid(&tlb));
}
END_TEST

/* A page that changes its size without a flush: the newest fill is what a lookup finds. */
START_TEST(test_newest_fill_wins)
{
	init();
	tlb_fill(&tlb, TLB_DATA, 513, 1, 9, 0, 12, RW);
	tlb_fill(&tlb, TLB_DATA, 513, 1, 1024, 0, 21, RW);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 513, 1, true), TLB_HIT_L1);
	ck_assert_uint_eq(tlb_place_of(&tlb, TLB_DATA, 513)->pfn, 1025);
	tlb_fill(&tlb, TLB_DATA, 513, 1, 9, 0, 12, RW);
	ck_assert_int_eq(tlb_lookup(&tlb, TLB_DATA, 513, 1, true), TLB_HIT_L1);
	ck_assert_uint_eq(tlb_place_of(&tlb, TLB_DATA, 513)->pfn, 9);
	ck_assert(tlb_is_valid(&tlb));
}
END_TEST

START_TEST(test_impossible_geometry)
{
	set("tlb.l2.entries", "1537");
	ck_assert_int_eq(tlb_init(&tlb, &params, 0, 0, NULL, 1, &err), -ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "tlb.l2.ways"));
	err_clear(&err);
	set("tlb.l2.entries", "12");
	set("tlb.l1d_huge.ways", "64");
	ck_assert_int_eq(tlb_init(&tlb, &params, 0, 0, NULL, 1, &err), -ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "tlb.l1d_huge.entries"));
	err_clear(&err);
	ck_assert_int_eq(param_set_value(&ps, "tlb.l2.ways", "0", "test", &err), -ERR_CONFIG);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("tlb");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_reach_never_misses);
	tcase_add_test(tc, test_one_more_page_always_misses);
	tcase_add_test(tc, test_one_more_page_overfills_one_set);
	tcase_add_test(tc, test_fifo_belady);
	tcase_add_test(tc, test_lru_textbook);
	tcase_add_test(tc, test_levels);
	tcase_add_test(tc, test_store_rule);
	tcase_add_test(tc, test_store_rule_second_level);
	tcase_add_test(tc, test_huge_page_and_front);
	tcase_add_test(tc, test_front_hit_counts_as_touch);
	tcase_add_test(tc, test_no_flat_costs);
	tcase_add_test(tc, test_asids_are_apart);
	tcase_add_test(tc, test_newest_fill_wins);
	tcase_add_test(tc, test_impossible_geometry);
	return run_case("tlb", tc);
}
