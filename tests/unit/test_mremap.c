/*
 * test_mremap.c - resizing and moving mappings: errors, pages, tables, accounts.
 */
#include "tests/suite.h"
#include "tests/unit/mapping_fixture.h"

enum { MAYMOVE = 1, FIXED = 2, DONTUNMAP = 4 };

START_TEST(mremap_errors)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 4 * P, RW, MAP_FIXED);

	bed_anon(&b, a + 4 * P, P, PROT_READ, MAP_FIXED);
	ck_assert_int_eq(sys_mremap(b.t, a + 1, P, P, 0, 0), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mremap(b.t, a, P, 0, 0, 0), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mremap(b.t, a, P, P, 8, 0), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mremap(b.t, a, P, P, FIXED, 0x50000000), -LINUX_EINVAL); /* needs MAYMOVE */
	ck_assert_int_eq(sys_mremap(b.t, a, P, 2 * P, MAYMOVE | DONTUNMAP, 0), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mremap(b.t, 0x10000000, P, 2 * P, MAYMOVE, 0), -LINUX_EFAULT);
	ck_assert_int_eq(sys_mremap(b.t, a, 5 * P, 6 * P, MAYMOVE, 0), -LINUX_EFAULT); /* two mappings */
	ck_assert_int_eq(sys_mremap(b.t, a, 4 * P, 5 * P, 0, 0), -LINUX_ENOMEM);       /* no room */
	ck_assert_int_eq(sys_mremap(b.t, a, 0, P, MAYMOVE, 0), -LINUX_EINVAL);         /* private */
	ck_assert_int_eq(sys_mremap(b.t, a, 4 * P, 4 * P, MAYMOVE | FIXED, a + P),
			 -LINUX_EINVAL); /* overlap */
	ck_assert_int_eq(sys_mremap(b.t, a, 4 * P, 4 * P, 0, 0), (int64_t)a);
}
END_TEST

START_TEST(mremap_in_place)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 4 * P, RW, MAP_FIXED | MAP_POPULATE);

	ck_assert_int_eq(sys_mremap(b.t, a, 4 * P, 2 * P, 0, 0), (int64_t)a);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 2);
	ck_assert_int_eq(b.mms.committed_pages, 2);
	ck_assert_int_eq(sys_mremap(b.t, a, 2 * P, 8 * P, 0, 0), (int64_t)a);
	ck_assert_int_eq(b.mms.committed_pages, 8);
	ck_assert_uint_eq(b.t->mm->total_vm, 8);
	ck_assert_uint_eq(nr_vmas(), 1);
	/* the middle cannot grow in place */
	ck_assert_int_eq(sys_mremap(b.t, a + P, P, 2 * P, 0, 0), -LINUX_ENOMEM);
}
END_TEST

START_TEST(mremap_moves_pages)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 4 * P, RW, MAP_FIXED | MAP_POPULATE), c;
	pfn_t pfn[4];

	for (unsigned i = 0; i < 4; i++)
		pfn[i] = pte_pfn(bed_pte(&b, a + i * P));
	bed_anon(&b, a + 4 * P, P, PROT_READ, MAP_FIXED);
	c = (vaddr_t)sys_mremap(b.t, a, 4 * P, 6 * P, MAYMOVE, 0);
	ck_assert_uint_eq(c, 0x7ffff7fff000 - 6 * P);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(pte_pfn(bed_pte(&b, c + i * P)), pfn[i]);
		ck_assert_uint_eq(bed_pte(&b, a + i * P), 0);
		ck_assert_int_eq(frame_of(&b.mem, pfn[i])->mapcount, 1);
	}
	ck_assert_uint_eq(nr_vmas(), 2);
	ck_assert_ptr_null(vma_at(&b.t->mm->vmas, a));
	ck_assert_int_eq(b.mms.committed_pages, 6);
	ck_assert_uint_eq(b.t->mm->total_vm, 7);
	ck_assert_int_eq(sys_munmap(b.t, c, 6 * P), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
	ck_assert_int_eq(b.mms.committed_pages, 0);
}
END_TEST

START_TEST(mremap_moves_a_part_and_keeps_accounts)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 8 * P, RW, MAP_FIXED | MAP_POPULATE);

	ck_assert_int_eq(sys_mremap(b.t, a + 2 * P, 3 * P, 5 * P, MAYMOVE | FIXED, 0x50000000), 0x50000000);
	ck_assert_uint_eq(nr_vmas(), 3);
	ck_assert_str_eq(bed_vma(&b, a), "40000000-40002000");
	ck_assert_str_eq(bed_vma(&b, a + 5 * P), "40005000-40008000");
	ck_assert_str_eq(bed_vma(&b, 0x50000000), "50000000-50005000");
	ck_assert_int_eq(b.mms.committed_pages, 10);
	ck_assert_uint_eq(b.t->mm->total_vm, 10);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 8);
	ck_assert_int_eq(sys_munmap(b.t, a, 8 * P), 0);
	ck_assert_int_eq(b.mms.committed_pages, 5);
	/* back to where it came from, shrinking: page offsets still fit, so the pieces would merge again */
	ck_assert_int_eq(sys_mremap(b.t, 0x50000000, 5 * P, 3 * P, MAYMOVE | FIXED, a), (int64_t)a);
	ck_assert_int_eq(b.mms.committed_pages, 3);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 3);
}
END_TEST

START_TEST(mremap_moves_whole_tables)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 1024 * P, RW, MAP_FIXED | MAP_POPULATE), c = 0x7000000000;
	uint64_t tables = b.t->mm->pt.nr_tables;

	b.flushes = 0;
	ck_assert_int_eq(sys_mremap(b.t, a, 1024 * P, 1024 * P, MAYMOVE | FIXED, c), (int64_t)c);
	/* the new level 2 and the old one: the latter went with the old mapping; 4 MiB = two leaves moved */
	ck_assert_uint_eq(b.t->mm->pt.nr_tables, tables);
	ck_assert_uint_eq(b.flushes, 2);
	for (unsigned i = 0; i < 1024; i += 100)
		ck_assert(bed_pte(&b, c + i * P) & PTE_PRESENT);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 1024);
}
END_TEST

START_TEST(mremap_dontunmap_leaves_an_empty_mapping)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 4 * P, RW, MAP_FIXED | MAP_POPULATE), c;

	c = (vaddr_t)sys_mremap(b.t, a, 4 * P, 4 * P, MAYMOVE | DONTUNMAP, 0);
	ck_assert_uint_eq(c, 0x7ffff7fff000 - 4 * P);
	ck_assert_uint_eq(nr_vmas(), 2);
	ck_assert_uint_eq(bed_pte(&b, a), 0);
	ck_assert(bed_pte(&b, c) & PTE_PRESENT);
	ck_assert_int_eq(b.mms.committed_pages, 8);
	ck_assert_uint_eq(b.t->mm->total_vm, 8);
	ck_assert_int_eq(bed_touch(&b, a, true), FAULT_DONE); /* zeros */
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 5);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("mremap");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, mremap_errors);
	tcase_add_test(c, mremap_in_place);
	tcase_add_test(c, mremap_moves_pages);
	tcase_add_test(c, mremap_moves_a_part_and_keeps_accounts);
	tcase_add_test(c, mremap_moves_whole_tables);
	tcase_add_test(c, mremap_dontunmap_leaves_an_empty_mapping);
	return run_case("mremap", c);
}
