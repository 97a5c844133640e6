/*
 * test_pgtable.c - page tables: sizes, walks, giving tables back, huge entries.
 */
#include <check.h>

#include "models/kernel/pgtable.h"
#include "tests/suite.h"

/* Frames 1000, 1001, …: never the same twice. `left` allocations succeed. */
struct source {
	pfn_t next;
	uint64_t left, out;
	struct pgtable *pt; /* on the next allocation, somebody else is quicker at this address */
	vaddr_t race;
};

#define P PAGE_SIZE

static const struct ptable_ops ops;

static pfn_t take(void *ctx)
{
	struct source *s = ctx;

	if (s->race) {
		vaddr_t va = s->race;

		s->race = 0;
		pgtable_ensure(s->pt, va, 1, &ops, s);
	}
	if (!s->left)
		return PFN_NONE;
	s->left--;
	s->out++;
	return s->next++;
}

static void give(void *ctx, pfn_t pfn)
{
	struct source *s = ctx;

	(void)pfn;
	s->out--;
}

static const struct ptable_ops ops = {.alloc = take, .free = give};
static struct source src;
static struct pgtable pt;

static void setup(void)
{
	src = (struct source){.next = 1000, .left = UINT64_MAX};
	ck_assert(pgtable_init(&pt, &ops, &src));
}

static void teardown(void)
{
	pgtable_release(&pt, &ops, &src);
	ck_assert_uint_eq(src.out, 0);
}

static void map(vaddr_t va, pte_t e)
{
	struct ptable *t = pgtable_ensure(&pt, va, 1, &ops, &src);

	ck_assert_ptr_nonnull(t);
	ptable_set(t, ptable_index(va, 1), e);
}

START_TEST(one_page_costs_four_tables)
{
	ck_assert_uint_eq(pt.nr_tables, 1);
	map(0x7f1234567000, pte_make(7, PTE_PRESENT));
	ck_assert_uint_eq(pt.nr_tables, 4);
	for (unsigned l = 1; l <= 4; l++)
		ck_assert_uint_eq(pt.nr_level[l], 1);
	ck_assert_uint_eq(src.out, 4);
	ck_assert(pgtable_is_valid(&pt));
	ck_assert_uint_eq(*pgtable_find(&pt, 0x7f1234567fff), pte_make(7, PTE_PRESENT));
	ck_assert_ptr_null(pgtable_find(&pt, 0x7f1234767000)); /* the next leaf */
	map(0x7f1234567000, 0);
}
END_TEST

/* A gibibyte, fully mapped: 512 leaves, and one table above each level. Twice as far apart: nothing shared.
 */
START_TEST(tables_of_dense_and_sparse_use)
{
	for (vaddr_t va = 0; va < UINT64_C(1) << 30; va += UINT64_C(2) << 20)
		ck_assert_ptr_nonnull(pgtable_ensure(&pt, va, 1, &ops, &src));
	ck_assert_uint_eq(pt.nr_tables, 512 + 1 + 1 + 1);
	pgtable_ensure(&pt, UINT64_C(1) << 39, 1, &ops, &src); /* another 512 GiB: own level 3, 2 and 1 */
	ck_assert_uint_eq(pt.nr_tables, 515 + 3);
	pgtable_ensure(&pt, (UINT64_C(1) << 39) + (UINT64_C(1) << 30), 1, &ops, &src);
	ck_assert_uint_eq(pt.nr_tables, 518 + 2);
	ck_assert(pgtable_is_valid(&pt));
}
END_TEST

/*
 * One level against two, for the gibibyte under one level-2 table: a flat table has 512 pages whatever is
 * used. Two levels need two for one page, and one more than the flat table when all is used.
 */
START_TEST(two_levels_against_one)
{
	const uint64_t flat = (UINT64_C(1) << 30) / P / 512;

	pgtable_ensure(&pt, 5 * P, 1, &ops, &src);
	ck_assert_uint_eq(pt.nr_level[2] + pt.nr_level[1], 2);
	for (vaddr_t va = 0; va < UINT64_C(1) << 30; va += 512 * P)
		pgtable_ensure(&pt, va, 1, &ops, &src);
	ck_assert_uint_eq(pt.nr_level[2] + pt.nr_level[1], flat + 1);
}
END_TEST

/* The walk's steps: the entry above a table holds its frame. */
START_TEST(entries_lead_from_table_to_table)
{
	const vaddr_t va = 0x0000123456789000;
	const struct ptable *t = pt.root;

	map(va, pte_make(99, PTE_PRESENT | PTE_WRITE));
	for (unsigned l = 4; l > 1; l--) {
		pte_t e = t->e[ptable_index(va, l)];

		ck_assert(e & PTE_PRESENT && e & PTE_WRITE && e & PTE_USER && !(e & PTE_HUGE));
		t = t->child[ptable_index(va, l)];
		ck_assert_uint_eq(pte_pfn(e), t->pfn);
	}
	/* 0x123456789000: 9-bit pieces 0x24, 0xd1, 0xb3, 0x189 */
	ck_assert_uint_eq(ptable_index(va, 4), 0x24);
	ck_assert_uint_eq(ptable_index(va, 3), 0xd1);
	ck_assert_uint_eq(ptable_index(va, 2), 0xb3);
	ck_assert_uint_eq(ptable_index(va, 1), 0x189);
	ck_assert_uint_eq(pte_pfn(t->e[0x189]), 99);
	map(va, 0);
}
END_TEST

START_TEST(without_memory_nothing_is_lost)
{
	src.left = 2; /* of the three missing tables */
	ck_assert_ptr_null(pgtable_ensure(&pt, 0x400000, 1, &ops, &src));
	ck_assert_uint_eq(pt.nr_tables, 3);
	ck_assert(pgtable_is_valid(&pt));
	src.left = 1;
	ck_assert_ptr_nonnull(pgtable_ensure(&pt, 0x400000, 1, &ops, &src));
}
END_TEST

START_TEST(the_quicker_thread_wins)
{
	struct ptable *t;

	src.pt = &pt;
	src.race = 0x600000;
	t = pgtable_ensure(&pt, 0x400000, 1, &ops, &src);
	/* tables of 1 GiB and 512 GiB are shared; ours of these were given back */
	ck_assert_ptr_nonnull(t);
	ck_assert_uint_eq(pt.nr_tables, 1 + 1 + 1 + 2);
	ck_assert_uint_eq(src.out, 5);
	ck_assert(pgtable_is_valid(&pt));
}
END_TEST

START_TEST(free_range_respects_the_neighbours)
{
	const vaddr_t base = UINT64_C(5) << 30; /* leaves at +0, +2, +4, +6 MiB */

	for (unsigned i = 0; i < 4; i++)
		pgtable_ensure(&pt, base + i * 0x200000, 1, &ops, &src);
	ck_assert_uint_eq(pt.nr_tables, 7);
	/* a neighbour ends inside the first leaf, another begins inside the third: only the second can go */
	ck_assert_uint_eq(pgtable_free_range(&pt, base + 0x100000, base + 0x500000, base + 0x1000,
					     base + 0x500000, &ops, &src),
			  1);
	ck_assert_ptr_null(pgtable_table(&pt, base + 0x200000, 1));
	ck_assert_ptr_nonnull(pgtable_table(&pt, base, 1));
	ck_assert_ptr_nonnull(pgtable_table(&pt, base + 0x400000, 1));
	/* no lower neighbour, upper one far away: all leaves, and the tables of level 2 and 3 */
	ck_assert_uint_eq(pgtable_free_range(&pt, base, base + 0x800000, 0, UINT64_C(1) << 46, &ops, &src),
			  3 + 2);
	ck_assert_uint_eq(pt.nr_tables, 1);
	ck_assert(pgtable_is_valid(&pt));
}
END_TEST

START_TEST(free_range_keeps_upper_tables_in_use)
{
	pgtable_ensure(&pt, 0x40000000, 1, &ops, &src);
	pgtable_ensure(&pt, 0x40200000, 1, &ops, &src);
	ck_assert_uint_eq(pt.nr_tables, 5);
	/* a neighbour in the same gibibyte, no ceiling */
	ck_assert_uint_eq(pgtable_free_range(&pt, 0x40200000, 0x40400000, 0x40001000, 0, &ops, &src), 1);
	ck_assert_uint_eq(pt.nr_tables, 4);
	ck_assert_uint_eq(pgtable_free_range(&pt, 0x40000000, 0x40001000, 0, 0, &ops, &src), 3);
	ck_assert_uint_eq(pt.nr_tables, 1);
}
END_TEST

static unsigned visits;
static vaddr_t seen[8][2];

static void visit(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	(void)arg;
	(void)t;
	seen[visits][0] = first;
	seen[visits++][1] = last;
}

START_TEST(for_each_cuts_to_the_range)
{
	map(0x1ff000, pte_make(1, PTE_PRESENT));
	map(0x40000000, pte_make(2, PTE_PRESENT));
	visits = 0;
	pgtable_for_each(&pt, 0x1fe000, 0x40001000, visit, NULL);
	ck_assert_uint_eq(visits, 2);
	ck_assert_uint_eq(seen[0][0], 0x1fe000);
	ck_assert_uint_eq(seen[0][1], 0x200000);
	ck_assert_uint_eq(seen[1][0], 0x40000000);
	ck_assert_uint_eq(seen[1][1], 0x40001000);
	visits = 0;
	pgtable_for_each(&pt, 0x200000, 0x40000000, visit, NULL); /* between them */
	ck_assert_uint_eq(visits, 0);
	map(0x1ff000, 0);
	map(0x40000000, 0);
}
END_TEST

static void map_huge(vaddr_t va, pfn_t pfn, bool deposit)
{
	struct ptable *t;

	if (deposit)
		ck_assert_ptr_nonnull(pgtable_ensure(&pt, va, 1, &ops, &src));
	t = pgtable_ensure(&pt, va, 2, &ops, &src);
	ptable_set(t, ptable_index(va, 2), pte_make(pfn, PTE_PRESENT | PTE_USER | PTE_DIRTY | PTE_HUGE));
}

START_TEST(huge_entries_split_into_512)
{
	struct ptable *leaf;

	map_huge(0x40000000, 512, true);
	ck_assert(pgtable_is_valid(&pt));
	ck_assert_ptr_null(pgtable_find(&pt, 0x40000000));
	ck_assert_ptr_null(pgtable_table(&pt, 0x40000000, 1));
	visits = 0;
	pgtable_for_each(&pt, 0x40001000, 0x40003000, visit, NULL);
	ck_assert_uint_eq(visits, 1);
	ck_assert_uint_eq(seen[0][0], 0x40001000);
	src.left = 0; /* the deposited table must do */
	leaf = pgtable_split_huge(&pt, 0x40012345, &ops, &src);
	ck_assert_ptr_nonnull(leaf);
	ck_assert_uint_eq(leaf->used, 512);
	ck_assert_uint_eq(pt.nr_tables, 4);
	for (unsigned i = 0; i < 512; i++) {
		ck_assert_uint_eq(leaf->e[i], pte_make(512 + i, PTE_PRESENT | PTE_USER | PTE_DIRTY));
		ptable_set(leaf, i, 0);
	}
	ck_assert(pgtable_is_valid(&pt));
}
END_TEST

START_TEST(splitting_without_a_deposit_needs_memory)
{
	map_huge(0x40000000, 512, false);
	ck_assert_uint_eq(pt.nr_tables, 3);
	src.left = 0;
	ck_assert_ptr_null(pgtable_split_huge(&pt, 0x40000000, &ops, &src));
	ck_assert(pgtable_is_valid(&pt));
	ck_assert_uint_eq(pte_pfn(pgtable_clear_huge(&pt, 0x40000000)), 512);
	ck_assert(pgtable_is_valid(&pt));
}
END_TEST

START_TEST(a_table_moves_whole)
{
	map(0x40005000, pte_make(5, PTE_PRESENT));
	pgtable_ensure(&pt, 0x80000000, 2, &ops, &src);
	ck_assert_uint_eq(pt.nr_tables, 5);
	ck_assert(pgtable_move_entry(&pt, 0x40000000, 0x80000000));
	ck_assert(pgtable_is_valid(&pt));
	ck_assert_uint_eq(pt.nr_tables, 5);
	ck_assert_ptr_null(pgtable_find(&pt, 0x40005000));
	ck_assert_uint_eq(pte_pfn(*pgtable_find(&pt, 0x80005000)), 5);
	ck_assert(!pgtable_move_entry(&pt, 0x40000000, 0x80000000)); /* nothing there any more */
	map(0x80005000, 0);
}
END_TEST

START_TEST(is_valid_sees_a_wrong_count)
{
	map(0x1000, pte_make(1, PTE_PRESENT));
	pgtable_table(&pt, 0x1000, 1)->used++;
	ck_assert(!pgtable_is_valid(&pt));
	pgtable_table(&pt, 0x1000, 1)->used--;
	pt.root->e[0] ^= PAGE_SIZE; /* another frame than the child's */
	ck_assert(!pgtable_is_valid(&pt));
	pt.root->e[0] ^= PAGE_SIZE;
	ck_assert(pgtable_is_valid(&pt));
	map(0x1000, 0);
}
END_TEST

START_TEST(swap_entries_survive_encoding)
{
	const swp_entry_t s = UINT64_C(31) << 48 | 0x123456789;
	pte_t e = pte_swap(s) | PTE_SWAP_EXCLUSIVE;

	ck_assert(pte_is_swap(e) && !pte_present(e));
	ck_assert_uint_eq(pte_swap_entry(e), s);
	ck_assert(!pte_is_swap(pte_make(5, PTE_PROTNONE | PTE_WRITE)));
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("pgtable");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, one_page_costs_four_tables);
	tcase_add_test(c, tables_of_dense_and_sparse_use);
	tcase_add_test(c, two_levels_against_one);
	tcase_add_test(c, entries_lead_from_table_to_table);
	tcase_add_test(c, without_memory_nothing_is_lost);
	tcase_add_test(c, the_quicker_thread_wins);
	tcase_add_test(c, free_range_respects_the_neighbours);
	tcase_add_test(c, free_range_keeps_upper_tables_in_use);
	tcase_add_test(c, for_each_cuts_to_the_range);
	tcase_add_test(c, huge_entries_split_into_512);
	tcase_add_test(c, splitting_without_a_deposit_needs_memory);
	tcase_add_test(c, a_table_moves_whole);
	tcase_add_test(c, is_valid_sees_a_wrong_count);
	tcase_add_test(c, swap_entries_survive_encoding);
	return run_case("pgtable", c);
}
