/*
 * test_mmu.c - page walks step by step: addresses, costs, accessed and dirty bits, permissions, the caches.
 *
 * The worked example for two levels (directory at 0x38000000, linear 0xBFC04FFE, entries at directory + 767 *
 * 4 and table
 * + 4 * 4) goes over to four levels: 0x7f8812345678 has the indices 255, 32, 145 and 325, so the walk reads
 * at 8 * 255 = 0x7f8, 8 * 32 = 0x100, 8 * 145 = 0x488 and 8 * 325 = 0xa28 of its four tables, and ends at
 * offset 0x678.
 */
#include <check.h>
#include <stdlib.h>

#include "models/hw/mmu.h"
#include "tests/suite.h"

#define VA    UINT64_C(0x7f8812345678)
#define ROOT  UINT64_C(1000) /* frames of tables are handed out from here */
#define FRAME 77u
#define RW    (PTE_PRESENT | PTE_USER | PTE_WRITE)

static struct param_set ps;
static struct topology_params tp;
static struct topology topo;
static struct mmu_params mp;
static struct memsys_config *mc;
static struct memsys *ms;
static struct mmu mmu;
static struct pgtable pt;
static pfn_t next_frame;
static pfn_t frame_step; /* from one table's frame to the next one's */
static struct err e;

static pfn_t take(void *ctx)
{
	pfn_t pfn = next_frame;

	(void)ctx;
	next_frame += frame_step;
	return pfn;
}

static void give(void *ctx, pfn_t pfn)
{
	(void)ctx;
	(void)pfn;
}

static const struct ptable_ops ops = {.alloc = take, .free = give};

static void start(const char *setting, unsigned cpu)
{
	param_set_init(&ps);
	param_set_add(&ps, &topology_param_table, &tp);
	param_set_add(&ps, &mmu_param_table, &mp);
	mc = memsys_config_new(&ps);
	ck_assert_int_eq(param_set_assignment(&ps, "topology.node_mem=64MiB,64MiB", "test", &e), 0);
	if (setting)
		ck_assert_int_eq(param_set_assignment(&ps, setting, "test", &e), 0);
	ck_assert_int_eq(topology_init(&topo, &tp, &e), 0);
	ck_assert_int_eq(memsys_new(&ms, mc, &topo, 1, &e), 0);
	mmu_init(&mmu, &mp, &topo, ms, cpu);
	next_frame = ROOT;
	frame_step = 1;
	ck_assert(pgtable_init(&pt, &ops, NULL));
}

static void setup(void)
{
	start(NULL, 0);
}

static void clear(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	(void)arg;
	for (vaddr_t a = first; a < last; a += t->level == 1 ? PAGE_SIZE : last - first)
		ptable_set(t, ptable_index(a, t->level), 0);
}

static void teardown(void)
{
	pgtable_for_each(&pt, 0, USER_ADDRESS_END, clear, NULL);
	pgtable_release(&pt, &ops, NULL);
	memsys_free(ms);
	memsys_config_free(mc);
	param_set_release(&ps);
}

static void map(vaddr_t va, pte_t entry)
{
	ptable_set(pgtable_ensure(&pt, va, 1, &ops, NULL), ptable_index(va, 1), entry);
}

static struct walk walk(vaddr_t va, bool store, bool fetch)
{
	struct walk w;

	mmu_walk(&mmu, &pt, 1, va, store, fetch, 0, &w);
	return w;
}

static uint64_t cost(vaddr_t va)
{
	return walk(va, false, false).cycles;
}

START_TEST(four_levels_by_hand)
{
	const unsigned index[5] = {0, 325, 145, 32, 255};
	struct ptable *t = pt.root;
	struct walk w;

	map(VA, pte_make(FRAME, RW));
	ck_assert_uint_eq(pt.nr_tables, 4);
	for (unsigned level = 4; level >= 1; level--) {
		paddr_t entry = ((paddr_t)t->pfn << PAGE_SHIFT) + 8 * index[level];

		ck_assert_uint_eq(ptable_index(VA, level), index[level]);
		ck_assert_uint_eq(t->pfn, ROOT + 4 - level);
		ck_assert_uint_eq(entry, (ROOT + 4 - level) * 4096 + 8 * index[level]);
		ck_assert_uint_eq(pte_pfn(t->e[index[level]]), level > 1 ? ROOT + 5 - level : FRAME);
		if (level > 1)
			t = t->child[index[level]];
	}
	w = walk(VA, true, false);
	ck_assert_int_eq(w.result, WALK_OK);
	ck_assert_uint_eq(((paddr_t)pte_pfn(w.entry) << PAGE_SHIFT) + (VA & 0xfff), 77 * 4096 + 0x678);
	ck_assert_uint_eq(w.shift, 12);
	/* one look into the caches, four entries of 18 cycles */
	ck_assert_uint_eq(w.cycles, 1 + 4 * 18);
	ck_assert_uint_eq(mmu.stats.walk_steps, 4);
	ck_assert_uint_eq(mmu.stats.walk_cycles, 73);
}
END_TEST

/* Every entry on the way is marked accessed, the last one dirty by a store only; each once. */
START_TEST(accessed_and_dirty)
{
	struct ptable *t = pt.root;

	map(VA, pte_make(FRAME, RW));
	ck_assert_uint_eq(walk(VA, false, false).entry, pte_make(FRAME, RW | PTE_ACCESSED));
	for (unsigned level = 4; level > 1; t = t->child[ptable_index(VA, level)], level--)
		ck_assert(t->e[ptable_index(VA, level)] & PTE_ACCESSED);
	ck_assert_uint_eq(mmu.stats.accessed_set, 1);
	ck_assert_uint_eq(mmu.stats.dirty_set, 0);
	ck_assert_uint_eq(walk(VA, true, false).entry, pte_make(FRAME, RW | PTE_ACCESSED | PTE_DIRTY));
	walk(VA, true, false);
	ck_assert_uint_eq(mmu.stats.accessed_set, 1);
	ck_assert_uint_eq(mmu.stats.dirty_set, 1);
}
END_TEST

static const struct {
	uint64_t bits;
	bool store, fetch;
	enum walk_result result;
} permission[] = {
	{0, false, false, WALK_NOT_PRESENT},
	{PTE_PROTNONE, false, false, WALK_NOT_PRESENT},
	{PTE_PRESENT | PTE_USER, false, false, WALK_OK},
	{PTE_PRESENT | PTE_USER, true, false, WALK_NOT_WRITABLE},
	{PTE_PRESENT | PTE_USER, false, true, WALK_OK},
	{PTE_PRESENT | PTE_USER | PTE_NX, false, true, WALK_NOT_EXECUTABLE},
	{PTE_PRESENT | PTE_USER | PTE_NX, false, false, WALK_OK},
	{RW | PTE_NX, true, false, WALK_OK},
};

START_TEST(permissions)
{
	pte_t before = pte_make(FRAME, permission[_i].bits);
	struct walk w;

	map(VA, before);
	w = walk(VA, permission[_i].store, permission[_i].fetch);
	ck_assert_int_eq(w.result, permission[_i].result);
	ck_assert_uint_eq(mmu.stats.failed, w.result != WALK_OK);
	if (w.result != WALK_OK) /* a walk that faults changes nothing */
		ck_assert_uint_eq(*pgtable_find(&pt, VA), before);
	ck_assert_uint_eq(w.cycles, 73);
}
END_TEST

/* A walk stops where the tables stop. */
START_TEST(missing_tables)
{
	ck_assert_int_eq(walk(VA, false, false).result, WALK_NOT_PRESENT);
	ck_assert_uint_eq(mmu.stats.walk_steps, 1);
	map(VA, pte_make(FRAME, RW));
	ck_assert_int_eq(walk(VA ^ UINT64_C(1) << 30, false, false).result, WALK_NOT_PRESENT);
	ck_assert_uint_eq(mmu.stats.walk_steps, 1 + 2);
}
END_TEST

/* What is known of the way down is not read again. */
START_TEST(caches_start_deeper)
{
	const vaddr_t near = VA + PAGE_SIZE, other_2m = VA + (2u << 20), other_1g = VA + (1u << 30),
		      other_512g = VA - (UINT64_C(1) << 39);

	map(VA, pte_make(FRAME, RW));
	map(near, pte_make(FRAME, RW));
	map(other_2m, pte_make(FRAME, RW));
	map(other_1g, pte_make(FRAME, RW));
	map(other_512g, pte_make(FRAME, RW));
	ck_assert_uint_eq(cost(VA), 1 + 4 * 18);
	ck_assert_uint_eq(cost(VA), 1 + 18);
	ck_assert_uint_eq(cost(near), 1 + 18);
	ck_assert_uint_eq(mmu.stats.pd_hits, 2);
	ck_assert_uint_eq(cost(other_2m), 1 + 2 * 18);
	ck_assert_uint_eq(mmu.stats.pdpt_hits, 1);
	ck_assert_uint_eq(cost(other_1g), 1 + 3 * 18);
	ck_assert_uint_eq(mmu.stats.pml4_hits, 1);
	ck_assert_uint_eq(cost(other_512g), 1 + 4 * 18);
	ck_assert_uint_eq(mmu.stats.walk_steps, 4 + 1 + 1 + 2 + 3 + 4);
	mmu_flush(&mmu, 2); /* somebody else's */
	ck_assert_uint_eq(cost(VA), 1 + 18);
	mmu_flush(&mmu, 1);
	ck_assert_uint_eq(cost(VA), 1 + 4 * 18);
}
END_TEST

/* 32 entries of level 2: the 33rd pushes out the one that was used longest ago. */
START_TEST(capacity_and_lru)
{
	for (unsigned i = 0; i <= 32; i++)
		map(VA + ((vaddr_t)i << 21), pte_make(FRAME, RW));
	for (unsigned i = 0; i < 32; i++)
		cost(VA + ((vaddr_t)i << 21));
	ck_assert_uint_eq(cost(VA), 1 + 18); /* now 1 is the oldest */
	ck_assert_uint_eq(cost(VA + (UINT64_C(32) << 21)), 1 + 2 * 18);
	ck_assert_uint_eq(cost(VA), 1 + 18);
	ck_assert_uint_eq(cost(VA + (UINT64_C(2) << 21)), 1 + 18);
	ck_assert_uint_eq(cost(VA + (UINT64_C(1) << 21)), 1 + 2 * 18);
}
END_TEST

START_TEST(without_caches_every_walk_is_whole)
{
	teardown();
	start("mmu.cache.pd_entries=0", 0);
	param_set_assignment(&ps, "mmu.cache.pdpt_entries=0", "test", &e);
	param_set_assignment(&ps, "mmu.cache.pml4_entries=0", "test", &e);
	mmu_init(&mmu, &mp, &topo, ms, 0);
	map(VA, pte_make(FRAME, RW));
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(cost(VA), 1 + 4 * 18);
}
END_TEST

/* Tables that were freed and made anew at the same place in memory must not be walked through old pointers.
 */
START_TEST(freed_tables_are_forgotten)
{
	map(VA, pte_make(FRAME, RW));
	ck_assert_uint_eq(cost(VA), 73);
	ck_assert_uint_eq(cost(VA), 19);
	map(VA, 0);
	ck_assert_uint_eq(
		pgtable_free_range(&pt, VA & PAGE_MASK, (VA & PAGE_MASK) + PAGE_SIZE, 0, 0, &ops, NULL), 3);
	ck_assert_int_eq(walk(VA, false, false).result, WALK_NOT_PRESENT);
	map(VA, pte_make(FRAME + 1, RW));
	ck_assert_uint_eq(pte_pfn(walk(VA, false, false).entry), FRAME + 1);
}
END_TEST

/* Each address space has its own entries, although the addresses are the same. */
START_TEST(address_spaces_are_apart)
{
	struct pgtable other;
	struct walk w;

	ck_assert(pgtable_init(&other, &ops, NULL));
	map(VA, pte_make(FRAME, RW));
	ptable_set(pgtable_ensure(&other, VA, 1, &ops, NULL), ptable_index(VA, 1), pte_make(FRAME + 9, RW));
	cost(VA);
	mmu_walk(&mmu, &other, 2, VA, false, false, 0, &w);
	ck_assert_uint_eq(pte_pfn(w.entry), FRAME + 9);
	ck_assert_uint_eq(w.cycles, 73);
	ck_assert_uint_eq(cost(VA), 19);
	ck_assert_uint_eq(pte_pfn(walk(VA, false, false).entry), FRAME);
	pgtable_for_each(&other, 0, USER_ADDRESS_END, clear, NULL);
	pgtable_release(&other, &ops, NULL);
}
END_TEST

/* A step costs what the way to the table's node costs: 18 cycles at distance 10, 37.8 at 21. */
START_TEST(steps_cost_by_distance)
{
	next_frame = (64u << 20) / PAGE_SIZE - 1; /* the root is node 0's, from here all is node 1's */
	map(VA, pte_make(FRAME, RW));
	ck_assert_uint_eq(topology_pfn_nid(&topo, next_frame), 1);
	next_frame = 2000;
	ck_assert_uint_eq(cost(VA), 1 + 18 + 18 + 38 + 38);
	mmu_init(&mmu, &mp, &topo, ms, 1);
	ck_assert_uint_eq(cost(VA), 1 + 38 + 38 + 18 + 18);
}
END_TEST

/* A huge entry ends the walk a level earlier. */
START_TEST(huge_pages_take_three_steps)
{
	struct walk w;

	ptable_set(pgtable_ensure(&pt, VA, 2, &ops, NULL), ptable_index(VA, 2), pte_make(512, RW | PTE_HUGE));
	w = walk(VA, true, false);
	ck_assert_int_eq(w.result, WALK_OK);
	ck_assert_uint_eq(w.shift, 21);
	ck_assert_uint_eq(w.cycles, 1 + 3 * 18);
	ck_assert(w.entry & PTE_DIRTY);
	ck_assert_uint_eq(walk(VA + 4096, false, false).cycles, 1 + 18);
}
END_TEST

/* With the hierarchy on, the second read of an entry's line is a hit of the first level: 4 or 5 cycles a
 * step. */
START_TEST(steps_go_through_the_caches)
{
	uint64_t cold, warm;

	teardown();
	start("memory.caches=true", 0);
	map(VA, pte_make(FRAME, RW));
	cold = cost(VA);
	mmu_flush_all(&mmu);
	warm = cost(VA);
	ck_assert_uint_gt(cold, 4 * 100);
	ck_assert_uint_le(warm, 1 + 4 * 5);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("mmu");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, four_levels_by_hand);
	tcase_add_test(t, accessed_and_dirty);
	tcase_add_loop_test(t, permissions, 0, (int)ARRAY_LEN(permission));
	tcase_add_test(t, missing_tables);
	tcase_add_test(t, caches_start_deeper);
	tcase_add_test(t, capacity_and_lru);
	tcase_add_test(t, without_caches_every_walk_is_whole);
	tcase_add_test(t, freed_tables_are_forgotten);
	tcase_add_test(t, address_spaces_are_apart);
	tcase_add_test(t, steps_cost_by_distance);
	tcase_add_test(t, huge_pages_take_three_steps);
	tcase_add_test(t, steps_go_through_the_caches);
	return run_case("mmu", t);
}
