/*
 * test_vma.c - finding, splitting and merging mappings, searching gaps.
 */
#include <check.h>

#include "models/kernel/pgtable.h"
#include "models/kernel/vma.h"
#include "sim/mem.h"
#include "tests/suite.h"

#define RW (VM_READ | VM_WRITE | VM_MAY_FLAGS)
#define RO (VM_READ | VM_MAY_FLAGS)

static struct vma_tree t;
static struct file *const file_a = (struct file *)(uintptr_t)16; /* never looked into */

static void setup(void)
{
	vma_tree_init(&t);
}

static void teardown(void)
{
	ck_assert(vma_tree_is_valid(&t));
	vma_tree_release(&t);
}

static struct vma *add(vaddr_t start, vaddr_t end, uint32_t flags)
{
	struct vma *v = mem_alloc_late(1, sizeof *v);

	*v = (struct vma){.start = start, .end = end, .flags = flags, .pgoff = start >> PAGE_SHIFT};
	vma_insert(&t, v);
	return v;
}

/* vma_merge of an anonymous area; what vanishes is freed. */
static struct vma *merge(vaddr_t start, vaddr_t end, uint32_t flags, uint32_t anon_vma, bool fresh)
{
	const struct vma area = {.start = start,
				 .end = end,
				 .flags = flags,
				 .pgoff = start >> PAGE_SHIFT,
				 .anon_vma = anon_vma};
	struct vma *gone[2], *v = vma_merge(&t, &area, fresh, gone);

	mem_free(gone[0]);
	mem_free(gone[1]);
	return v;
}

START_TEST(find_is_the_first_that_ends_above)
{
	struct vma *a = add(0x10000, 0x12000, RW), *b = add(0x20000, 0x21000, RW);

	ck_assert_ptr_eq(vma_find(&t, 0), a);
	ck_assert_ptr_eq(vma_find(&t, 0x11fff), a);
	ck_assert_ptr_eq(vma_find(&t, 0x12000), b);
	ck_assert_ptr_null(vma_find(&t, 0x21000));
	ck_assert_ptr_null(vma_at(&t, 0x12000));
	ck_assert_ptr_eq(vma_at(&t, 0x20000), b);
	ck_assert_ptr_eq(vma_next(&t, a), b);
	ck_assert_ptr_eq(vma_prev(&t, b), a);
	ck_assert_ptr_null(vma_prev(&t, a));
	ck_assert_ptr_null(vma_next(&t, b));
	ck_assert_ptr_null(vma_find_intersection(&t, 0x12000, 0x20000));
	ck_assert_ptr_eq(vma_find_intersection(&t, 0x12000, 0x20001), b);
}
END_TEST

START_TEST(split_divides_range_and_offset)
{
	struct vma *a = add(0x10000, 0x18000, RW), *b;

	a->file = file_a;
	a->pgoff = 100;
	b = vma_split(&t, a, 0x13000);
	ck_assert_uint_eq(a->end, 0x13000);
	ck_assert_uint_eq(b->start, 0x13000);
	ck_assert_uint_eq(b->end, 0x18000);
	ck_assert_uint_eq(a->pgoff, 100);
	ck_assert_uint_eq(b->pgoff, 103);
	ck_assert_uint_eq(t.n, 2);
}
END_TEST

START_TEST(a_new_area_between_two_makes_one)
{
	struct vma *a = add(0x10000, 0x12000, RW);

	add(0x14000, 0x16000, RW);
	ck_assert_ptr_eq(merge(0x12000, 0x14000, RW, 0, true), a);
	ck_assert_uint_eq(t.n, 1);
	ck_assert_uint_eq(a->end, 0x16000);
}
END_TEST

START_TEST(attributes_must_be_the_same)
{
	struct vma *a = add(0x10000, 0x12000, RW), *b;

	ck_assert_ptr_null(merge(0x12000, 0x13000, RO, 0, true));
	ck_assert_ptr_null(merge(0x12000, 0x13000, RW | VM_ACCOUNT, 0, true));
	ck_assert_ptr_null(merge(0x13000, 0x14000, RW, 0, true)); /* not adjacent */
	b = add(0x20000, 0x22000, RO);
	b->file = file_a;
	b->pgoff = 7;
	{
		struct vma area = {
			.start = 0x22000, .end = 0x23000, .flags = RO, .file = file_a, .pgoff = 10};
		struct vma *gone[2];

		ck_assert_ptr_null(vma_merge(&t, &area, true, gone)); /* page 9 would follow */
		area.pgoff = 9;
		ck_assert_ptr_eq(vma_merge(&t, &area, true, gone), b);
		area.start = 0x1f000;
		area.end = 0x20000;
		area.pgoff = 6;
		ck_assert_ptr_eq(vma_merge(&t, &area, true, gone), b);
		ck_assert_uint_eq(b->pgoff, 6);
		ck_assert_uint_eq(b->start, 0x1f000);
	}
	ck_assert_uint_eq(a->end, 0x12000);
}
END_TEST

/* Changing part of a mapping: borders move, nothing is allocated (cases 4 and 5 of vma_merge). */
START_TEST(a_changed_part_joins_its_neighbour)
{
	struct vma *a = add(0x10000, 0x14000, RW), *b = add(0x14000, 0x18000, RO);

	ck_assert_ptr_eq(merge(0x12000, 0x14000, RO, 0, false), b); /* a's end becomes read-only */
	ck_assert_uint_eq(a->end, 0x12000);
	ck_assert_uint_eq(b->start, 0x12000);
	ck_assert_uint_eq(b->pgoff, 0x12);
	ck_assert_ptr_eq(merge(0x12000, 0x15000, RW, 0, false), a); /* b's begin becomes writable */
	ck_assert_uint_eq(a->end, 0x15000);
	ck_assert_uint_eq(b->start, 0x15000);
	ck_assert_uint_eq(b->pgoff, 0x15);
	ck_assert_ptr_null(merge(0x11000, 0x12000, RO, 0, false));  /* inside: no border */
	ck_assert_ptr_eq(merge(0x15000, 0x18000, RW, 0, false), a); /* all of b */
	ck_assert_uint_eq(t.n, 1);
}
END_TEST

/* is_mergeable_anon_vma: who has held anonymous pages. */
START_TEST(anonymous_pages_limit_merging)
{
	struct vma *a = add(0x10000, 0x11000, RW);

	/* a new area joins a faulted one */
	a->anon_vma = 1;
	ck_assert_ptr_eq(merge(0x11000, 0x12000, RW, 0, true), a);
	/* but a faulted area does not join an unfaulted one */
	a->anon_vma = 0;
	ck_assert_ptr_null(merge(0x12000, 0x13000, RW, 2, false));
	/* nor one of another anon_vma; of the same, yes */
	a->anon_vma = 1;
	ck_assert_ptr_null(merge(0x12000, 0x13000, RW, 2, false));
	ck_assert_ptr_eq(merge(0x12000, 0x13000, RW, 1, false), a);
	/* what came from a parent is not extended by a new area */
	a->anon_cloned = true;
	ck_assert_ptr_null(merge(0x13000, 0x14000, RW, 0, true));
	ck_assert_ptr_eq(merge(0x13000, 0x14000, RW, 1, false), a);
}
END_TEST

START_TEST(two_anon_vmas_stay_apart)
{
	struct vma *a = add(0x10000, 0x11000, RW), *b = add(0x12000, 0x13000, RW);

	a->anon_vma = 1;
	b->anon_vma = 2;
	/* vma_merge: the gap goes to the lower one; the upper one has another anon_vma */
	ck_assert_ptr_eq(merge(0x11000, 0x12000, RW, 0, false), a);
	ck_assert_uint_eq(t.n, 2);
	ck_assert_uint_eq(a->end, 0x12000);
}
END_TEST

START_TEST(a_new_mapping_prefers_the_upper_faulted_one)
{
	struct vma *a = add(0x10000, 0x11000, RW), *b = add(0x12000, 0x13000, RW);

	b->anon_vma = 2;
	/* mmap_region asks whether a, unfaulted, could take b's anon_vma: it could not */
	ck_assert_ptr_eq(merge(0x11000, 0x12000, RW, 0, true), b);
	ck_assert_uint_eq(a->end, 0x11000);
	ck_assert_uint_eq(b->start, 0x11000);
}
END_TEST

START_TEST(prepare_anon_shares_with_compatible_neighbours)
{
	struct vma *a = add(0x10000, 0x11000, RO), *b = add(0x11000, 0x12000, RW),
		   *c = add(0x13000, 0x14000, RW);

	ck_assert(vma_prepare_anon(&t, b));
	ck_assert(!vma_prepare_anon(&t, b));
	ck_assert(!vma_prepare_anon(&t, a)); /* differs in rights only, which mprotect may change */
	ck_assert_uint_eq(a->anon_vma, b->anon_vma);
	ck_assert(vma_prepare_anon(&t, c)); /* not adjacent */
	ck_assert_uint_ne(c->anon_vma, b->anon_vma);
	b->flags = RO; /* mprotect: now they can become one */
	ck_assert(vma_can_merge_after(a, b));
}
END_TEST

START_TEST(gaps_are_taken_from_the_top)
{
	const vaddr_t top = 0x7ffff7fff000;

	ck_assert_uint_eq(vma_find_gap(&t, 0x3000, TASK_UNMAPPED_BASE, top, PAGE_SIZE), 0x7ffff7ffc000);
	add(0x7ffff7ffd000, 0x7ffff7fff000, RW);
	add(0x7ffff7ff9000, 0x7ffff7ffa000, RW); /* a gap of three pages between them */
	ck_assert_uint_eq(vma_find_gap(&t, 0x3000, TASK_UNMAPPED_BASE, top, PAGE_SIZE), 0x7ffff7ffa000);
	ck_assert_uint_eq(vma_find_gap(&t, 0x2000, TASK_UNMAPPED_BASE, top, PAGE_SIZE), 0x7ffff7ffb000);
	ck_assert_uint_eq(vma_find_gap(&t, 0x4000, TASK_UNMAPPED_BASE, top, PAGE_SIZE), 0x7ffff7ff5000);
	/* 2 MiB aligned: 0x7ffff7ff9000 - 2 MiB, rounded down; the search asks for 4 MiB - 4 KiB of room */
	ck_assert_uint_eq(vma_find_gap(&t, 0x200000, TASK_UNMAPPED_BASE, top, 0x200000), 0x7ffff7c00000);
}
END_TEST

START_TEST(a_stack_keeps_its_guard_gap)
{
	add(0x7fff00000000, 0x7fff00100000, RW | VM_GROWSDOWN);
	/* 256 pages below the stack stay free */
	ck_assert_uint_eq(vma_find_gap(&t, 0x1000, TASK_UNMAPPED_BASE, 0x7fff00080000, PAGE_SIZE),
			  0x7fff00000000 - 0x100000 - 0x1000);
}
END_TEST

START_TEST(below_a_full_top_search_goes_bottom_up)
{
	add(MMAP_MIN_ADDR, 0x7f0000000000, RW);
	add(0x7f0000001000, 0x7f0000003000, RW);
	/* nothing below mmap_base but the page at 0x7f0000000000; two pages are found above the mappings */
	ck_assert_uint_eq(vma_find_gap(&t, 0x1000, TASK_UNMAPPED_BASE, 0x7f0000003000, PAGE_SIZE),
			  0x7f0000000000);
	ck_assert_uint_eq(vma_find_gap(&t, 0x2000, TASK_UNMAPPED_BASE, 0x7f0000003000, PAGE_SIZE),
			  0x7f0000003000);
	ck_assert_uint_eq(vma_find_gap(&t, USER_ADDRESS_END, TASK_UNMAPPED_BASE, 0x7f0000003000, PAGE_SIZE),
			  0);
}
END_TEST

START_TEST(detach_takes_a_run)
{
	struct vma **out;

	add(0x10000, 0x11000, RW);
	add(0x12000, 0x13000, RO);
	add(0x13000, 0x14000, RW);
	add(0x15000, 0x16000, RO);
	ck_assert_uint_eq(vma_detach(&t, 0x11000, 0x15000, &out), 2);
	ck_assert_uint_eq(out[0]->start, 0x12000);
	ck_assert_uint_eq(out[1]->start, 0x13000);
	ck_assert_uint_eq(t.n, 2);
	mem_free(out[0]);
	mem_free(out[1]);
	mem_free(out);
	ck_assert_uint_eq(vma_detach(&t, 0x11000, 0x15000, &out), 0);
	ck_assert_ptr_null(out);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("vma");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, find_is_the_first_that_ends_above);
	tcase_add_test(c, split_divides_range_and_offset);
	tcase_add_test(c, a_new_area_between_two_makes_one);
	tcase_add_test(c, attributes_must_be_the_same);
	tcase_add_test(c, a_changed_part_joins_its_neighbour);
	tcase_add_test(c, anonymous_pages_limit_merging);
	tcase_add_test(c, two_anon_vmas_stay_apart);
	tcase_add_test(c, a_new_mapping_prefers_the_upper_faulted_one);
	tcase_add_test(c, prepare_anon_shares_with_compatible_neighbours);
	tcase_add_test(c, gaps_are_taken_from_the_top);
	tcase_add_test(c, a_stack_keeps_its_guard_gap);
	tcase_add_test(c, below_a_full_top_search_goes_bottom_up);
	tcase_add_test(c, detach_takes_a_run);
	return run_case("vma", c);
}
