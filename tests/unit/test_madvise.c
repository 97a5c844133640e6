/*
 * test_madvise.c - advice: what it does to pages and mappings.
 */
#include "tests/suite.h"
#include "tests/unit/mapping_fixture.h"

enum { DONTNEED = 4, FREE = 8, REMOVE = 9, NOHUGEPAGE = 15, COLD = 20, PAGEOUT = 21, POPULATE_WRITE = 23 };

START_TEST(madvise_errors)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 2 * P, RW, MAP_FIXED);

	bed_anon(&b, a + 4 * P, 2 * P, RW, MAP_FIXED);
	ck_assert_int_eq(sys_madvise(b.t, a + 1, P, DONTNEED), -LINUX_EINVAL);
	ck_assert_int_eq(sys_madvise(b.t, a, P, 99), -LINUX_EINVAL);
	ck_assert_int_eq(sys_madvise(b.t, a, 0, DONTNEED), 0);
	/* holes are passed over and reported */
	ck_assert_int_eq(bed_touch(&b, a + 4 * P, true), FAULT_DONE);
	ck_assert_int_eq(sys_madvise(b.t, a, 6 * P, DONTNEED), -LINUX_ENOMEM);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
	ck_assert_int_eq(sys_madvise(b.t, a, 3 * P, NOHUGEPAGE), -LINUX_ENOMEM);
	ck_assert(vma_at(&b.t->mm->vmas, a)->flags & VM_NOHUGEPAGE);
	ck_assert_int_eq(sys_mlock(b.t, a, 2 * P, 0), 0);
	ck_assert_int_eq(sys_madvise(b.t, a, P, DONTNEED), -LINUX_EINVAL);
	ck_assert_int_eq(sys_madvise(b.t, a, P, COLD), -LINUX_EINVAL);
	ck_assert_int_eq(sys_madvise(b.t, a, P, REMOVE), -LINUX_EINVAL);
}
END_TEST

START_TEST(dontneed_drops_pages_but_not_the_mapping)
{
	vaddr_t a = bed_anon(&b, 0, 8 * P, RW, MAP_POPULATE);

	ck_assert_int_eq(sys_madvise(b.t, a + P, 3 * P, DONTNEED), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 5);
	ck_assert_uint_eq(nr_vmas(), 1);
	ck_assert_int_eq(bed_touch(&b, a + P, true), FAULT_DONE);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 6);
}
END_TEST

START_TEST(free_makes_pages_lazily_free)
{
	vaddr_t a = bed_anon(&b, 0, 20 * P, RW, MAP_POPULATE);
	struct frame *f = frame_of(&b.mem, pte_pfn(bed_pte(&b, a + 3 * P)));

	ck_assert_int_eq(sys_madvise(b.t, a, 16 * P, FREE), 0);
	lru_drain(b.t);
	ck_assert(!(f->flags & FR_SWAPBACKED) && f->flags & FR_ANON);
	ck_assert(!(bed_pte(&b, a + 3 * P) & (PTE_DIRTY | PTE_ACCESSED)));
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_PGLAZYFREE], 16);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_INACTIVE_FILE), 16);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 20);
}
END_TEST

START_TEST(cold_deactivates)
{
	vaddr_t a = bed_anon(&b, 0, 16 * P, RW, MAP_POPULATE);

	lru_drain(b.t);
	for (unsigned i = 0; i < 16; i++) {
		lru_mark_accessed(b.t, pte_pfn(bed_pte(&b, a + i * P)));
		lru_mark_accessed(b.t, pte_pfn(bed_pte(&b, a + i * P)));
	}
	lru_drain(b.t);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ACTIVE_ANON), 16);
	ck_assert_int_eq(sys_madvise(b.t, a, 10 * P, COLD), 0);
	lru_drain(b.t);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ACTIVE_ANON), 6);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_INACTIVE_ANON), 10);
	ck_assert(!(bed_pte(&b, a) & PTE_ACCESSED));
	ck_assert(bed_pte(&b, a + 12 * P) & PTE_ACCESSED);
}
END_TEST

START_TEST(pageout_swaps_out_and_zap_frees_the_slots)
{
	vaddr_t a = bed_anon(&b, 0, 16 * P, RW, MAP_POPULATE);
	unsigned swapped = 0;

	ck_assert_int_eq(sys_madvise(b.t, a, 16 * P, PAGEOUT), 0);
	while (eventq_step(&b.q) && b.q.now < PS_PER_S)
		;
	for (unsigned i = 0; i < 16; i++)
		swapped += pte_is_swap(bed_pte(&b, a + i * P));
	ck_assert_uint_eq(swapped, 16);
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 16);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_PSWPOUT], 16);
	ck_assert_int_le(bed_touch(&b, a, false), FAULT_MAJOR); /* from the swap cache or the device */
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 15);
	ck_assert_int_eq(sys_munmap(b.t, a, 16 * P), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
	ck_assert(swap_is_valid(&b.k));
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 0);
}
END_TEST

START_TEST(populate_advice_faults_in)
{
	vaddr_t a = bed_anon(&b, 0, 4 * P, PROT_READ, 0);

	ck_assert_int_eq(sys_madvise(b.t, a, 4 * P, POPULATE_WRITE), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mprotect(b.t, a, 4 * P, RW), 0);
	ck_assert_int_eq(sys_madvise(b.t, a, 4 * P, POPULATE_WRITE), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 4);
}
END_TEST

START_TEST(remove_punches_a_hole_into_shared_memory)
{
	vaddr_t a = (vaddr_t)map(0, 8 * P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE);

	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_ne(bed_touch(&b, a + i * P, true), FAULT_SIGBUS);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], 8);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SHMEM), 8);
	ck_assert_int_eq(sys_madvise(b.t, a + 2 * P, 3 * P, REMOVE), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], 5);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SHMEM), 5);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_FILE_MAPPED), 5);
	ck_assert(pagecache_is_valid(b.k.pagecache));
	ck_assert_int_eq(sys_munmap(b.t, a, 8 * P), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SHMEM), 0);
	a = bed_anon(&b, 0, P, RW, 0);
	ck_assert_int_eq(sys_madvise(b.t, a, P, REMOVE), -LINUX_EINVAL); /* no file */
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("madvise");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, madvise_errors);
	tcase_add_test(c, dontneed_drops_pages_but_not_the_mapping);
	tcase_add_test(c, free_makes_pages_lazily_free);
	tcase_add_test(c, cold_deactivates);
	tcase_add_test(c, pageout_swaps_out_and_zap_frees_the_slots);
	tcase_add_test(c, populate_advice_faults_in);
	tcase_add_test(c, remove_punches_a_hole_into_shared_memory);
	return run_case("madvise", c);
}
