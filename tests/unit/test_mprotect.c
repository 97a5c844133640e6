/*
 * test_mprotect.c - rights of mappings and entries.
 */
#include "tests/suite.h"
#include "tests/unit/mapping_fixture.h"

START_TEST(mprotect_errors)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 4 * P, RW, MAP_FIXED);

	bed_anon(&b, a + 6 * P, 2 * P, RW, MAP_FIXED);
	ck_assert_int_eq(sys_mprotect(b.t, a + 1, P, PROT_READ), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mprotect(b.t, a, 0, PROT_READ), 0);
	ck_assert_int_eq(sys_mprotect(b.t, a, P, 64), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mprotect(b.t, a, 8 * P, PROT_READ), -LINUX_ENOMEM); /* a hole */
	ck_assert_int_eq(sys_mprotect(b.t, 0x10000000, P, PROT_READ), -LINUX_ENOMEM);
	/* what lay before the hole has changed all the same */
	ck_assert_uint_eq(vma_at(&b.t->mm->vmas, a)->flags & VM_ACCESS_FLAGS, VM_READ);
	ck_assert_uint_eq(vma_at(&b.t->mm->vmas, a + 6 * P)->flags & VM_ACCESS_FLAGS, VM_READ | VM_WRITE);
}
END_TEST

START_TEST(mprotect_takes_write_permission_from_entries)
{
	vaddr_t a = bed_anon(&b, 0, 4 * P, RW, MAP_POPULATE);

	ck_assert(bed_pte(&b, a) & PTE_WRITE);
	b.flushes = 0;
	ck_assert_int_eq(sys_mprotect(b.t, a + P, 2 * P, PROT_READ), 0);
	ck_assert_uint_eq(b.flushes, 1);
	ck_assert_uint_eq(nr_vmas(), 3);
	ck_assert(bed_pte(&b, a) & PTE_WRITE);
	ck_assert(!(bed_pte(&b, a + P) & PTE_WRITE) && bed_pte(&b, a + P) & PTE_PRESENT);
	ck_assert_int_eq(bed_touch(&b, a + P, true), FAULT_SIGSEGV);
	/* back: a dirty page of this process alone is writable at once */
	ck_assert_int_eq(sys_mprotect(b.t, a + P, 2 * P, RW), 0);
	ck_assert(bed_pte(&b, a + P) & PTE_WRITE);
	ck_assert_uint_eq(nr_vmas(), 1);
}
END_TEST

START_TEST(prot_none_keeps_the_page)
{
	vaddr_t a = bed_anon(&b, 0, 2 * P, RW, MAP_POPULATE);
	pfn_t pfn = pte_pfn(bed_pte(&b, a));

	ck_assert_int_eq(sys_mprotect(b.t, a, P, 0), 0);
	ck_assert(!(bed_pte(&b, a) & PTE_PRESENT) && pte_present(bed_pte(&b, a)));
	ck_assert_uint_eq(pte_pfn(bed_pte(&b, a)), pfn);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 2);
	ck_assert_int_eq(sys_mprotect(b.t, a, P, PROT_READ), 0);
	ck_assert(bed_pte(&b, a) & PTE_PRESENT);
	ck_assert_uint_eq(pte_pfn(bed_pte(&b, a)), pfn);
}
END_TEST

START_TEST(mprotect_commits_what_becomes_writable)
{
	vaddr_t a = bed_anon(&b, 0, 8 * P, PROT_READ, 0);

	ck_assert_int_eq(sys_mprotect(b.t, a, 2 * P, RW), 0);
	ck_assert_int_eq(b.mms.committed_pages, 2);
	ck_assert_int_eq(sys_mprotect(b.t, a, 4 * P, PROT_READ), 0); /* cannot be uncommitted again */
	ck_assert_int_eq(b.mms.committed_pages, 2);
	ck_assert_uint_eq(nr_vmas(), 2); /* VM_ACCOUNT differs, so they do not merge */
	ck_assert_int_eq(sys_mprotect(b.t, a, 8 * P, RW), 0);
	ck_assert_int_eq(b.mms.committed_pages, 8);
	ck_assert_uint_eq(nr_vmas(), 1);
	ck_assert_uint_eq(b.t->mm->data_vm, 8);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("mprotect");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, mprotect_errors);
	tcase_add_test(c, mprotect_takes_write_permission_from_entries);
	tcase_add_test(c, prot_none_keeps_the_page);
	tcase_add_test(c, mprotect_commits_what_becomes_writable);
	return run_case("mprotect", c);
}
