/*
 * test_mmap.c - mmap, munmap, brk: errors, layouts, accounting.
 */
#include "tests/suite.h"
#include "tests/unit/mapping_fixture.h"

/* ---- mmap ---- */

START_TEST(mmap_errors)
{
	const unsigned anon = MAP_PRIVATE | MAP_ANONYMOUS;
	const struct mmap_request odd = {0, P, RW, anon, NULL, 100};

	ck_assert_int_eq(map(0, 0, RW, anon), -LINUX_EINVAL);
	ck_assert_int_eq(map(0, UINT64_MAX, RW, anon), -LINUX_ENOMEM); /* rounds up to nothing */
	ck_assert_int_eq(map(0, USER_ADDRESS_END + P, RW, anon), -LINUX_ENOMEM);
	ck_assert_int_eq(map(0, P, RW, MAP_ANONYMOUS), -LINUX_EINVAL); /* neither shared nor private */
	ck_assert_int_eq(map(0x10001, P, RW, anon | MAP_FIXED), -LINUX_EINVAL);
	ck_assert_int_eq(map(P, P, RW, anon | MAP_FIXED), -LINUX_EPERM); /* below mmap_min_addr */
	ck_assert_int_eq(map(USER_ADDRESS_END, P, RW, anon | MAP_FIXED), -LINUX_ENOMEM);
	ck_assert_int_eq(map(0, P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mmap(b.t, &odd), -LINUX_EINVAL);
	ck_assert_uint_eq(nr_vmas(), 0);
	ck_assert_int_eq(b.mms.committed_pages, 0);
}
END_TEST

START_TEST(mmap_goes_top_down_and_merges)
{
	vaddr_t a = bed_anon(&b, 0, 4 * P, RW, 0), c;

	ck_assert_uint_eq(a, 0x7ffff7fff000 - 4 * P); /* the mmap_base of an unrandomised process */
	ck_assert_uint_eq(bed_anon(&b, 0, 2 * P, RW, 0), a - 2 * P);
	ck_assert_uint_eq(nr_vmas(), 1);
	c = bed_anon(&b, 0, P, PROT_READ, 0);
	ck_assert_uint_eq(c, a - 3 * P);
	ck_assert_uint_eq(nr_vmas(), 2);
	ck_assert_uint_eq(b.t->mm->total_vm, 7);
	ck_assert_uint_eq(b.t->mm->data_vm, 6);
	ck_assert_int_eq(b.mms.committed_pages, 6);                        /* only what is writable */
	ck_assert_uint_eq(bed_anon(&b, c - 10 * P, P, RW, 0), c - 10 * P); /* a hint that is free */
	ck_assert_uint_eq(bed_anon(&b, a, P, RW, 0), c - P);               /* one that is not */
	ck_assert_uint_eq(bed_anon(&b, 0x20, P, RW, 0), c - 2 * P);        /* page 0 is no hint */
}
END_TEST

START_TEST(fixed_replaces_and_noreplace_does_not)
{
	vaddr_t a = bed_anon(&b, 0, 8 * P, RW, 0);

	ck_assert_int_eq(bed_touch(&b, a + 3 * P, true), FAULT_DONE);
	ck_assert_int_eq(map(a + 7 * P, 2 * P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE),
			 -LINUX_EEXIST);
	ck_assert_uint_eq(bed_anon(&b, a + 2 * P, 3 * P, PROT_READ, MAP_FIXED), a + 2 * P);
	ck_assert_uint_eq(nr_vmas(), 3);
	ck_assert_uint_eq(bed_pte(&b, a + 3 * P), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
	ck_assert_int_eq(b.mms.committed_pages, 5);
}
END_TEST

START_TEST(populate_and_locked_fault_pages_in)
{
	vaddr_t a = bed_anon(&b, 0, 8 * P, RW, MAP_POPULATE), c;

	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 8);
	for (unsigned i = 0; i < 8; i++)
		ck_assert(bed_pte(&b, a + i * P) & PTE_DIRTY); /* writable private memory: write faults */
	c = bed_anon(&b, 0, 4 * P, RW, MAP_LOCKED);
	ck_assert_uint_eq(b.t->mm->locked_vm, 4);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 12);
	ck_assert(frame_of(&b.mem, pte_pfn(bed_pte(&b, c)))->flags & FR_MLOCKED);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 4);
	ck_assert_int_eq(sys_munmap(b.t, c, 4 * P), 0);
	ck_assert_uint_eq(b.t->mm->locked_vm, 0);
	lru_drain(b.t); /* the CPU's batch unlocks and frees them */
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 0);
}
END_TEST

START_TEST(shared_anonymous_memory_is_committed_once)
{
	vaddr_t a = (vaddr_t)map(0, 10 * P, RW, MAP_SHARED | MAP_ANONYMOUS);

	ck_assert_int_eq(b.mms.committed_pages, 10);
	ck_assert_uint_eq(b.t->mm->data_vm, 0);
	ck_assert_ptr_nonnull(vma_at(&b.t->mm->vmas, a)->file);
	ck_assert_int_eq(sys_munmap(b.t, a + 2 * P, 3 * P), 0);
	ck_assert_int_eq(b.mms.committed_pages, 10); /* the object is still there */
	ck_assert_int_eq(sys_munmap(b.t, a, 10 * P), 0);
	ck_assert_int_eq(b.mms.committed_pages, 0);
	a = (vaddr_t)map(0, 10 * P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE);
	ck_assert_int_eq(b.mms.committed_pages, 0);
	ck_assert_int_eq(sys_munmap(b.t, a, 10 * P), 0);
	ck_assert_int_eq(b.mms.committed_pages, 0);
}
END_TEST

/* ---- overcommit ---- */

START_TEST(overcommit_heuristic_refuses_the_obvious)
{
	uint64_t limit = b.mem.totalram_pages + swap_total_slots(b.k.swap);

	ck_assert_int_eq(map(0, (limit + 1) * P, RW, MAP_PRIVATE | MAP_ANONYMOUS), -LINUX_ENOMEM);
	ck_assert_int_eq(b.mms.committed_pages, 0);
	bed_anon(&b, 0, (limit + 1) * P, PROT_READ, 0); /* not accountable */
	bed_anon(&b, 0, (limit + 1) * P, RW, MAP_NORESERVE);
	bed_anon(&b, 0, limit * P, RW, 0);
	bed_anon(&b, 0, limit * P, RW, 0); /* each is judged alone */
	b.k.params.overcommit_memory = 1;
	bed_anon(&b, 0, 100 * limit * P, RW, 0);
}
END_TEST

START_TEST(overcommit_never_counts_everything)
{
	uint64_t limit = b.mem.totalram_pages / 2 + swap_total_slots(b.k.swap);
	uint64_t admin = MIN_OF(b.mem.totalram_pages / 32, UINT64_C(2048));

	b.k.params.overcommit_memory = 2;
	ck_assert_uint_eq(commit_limit(&b.k), limit);
	/* an empty process: Committed_AS must stay below the limit less the administrator's reserve */
	ck_assert_int_eq(map(0, (limit - admin) * P, RW, MAP_PRIVATE | MAP_ANONYMOUS), -LINUX_ENOMEM);
	bed_anon(&b, 0, (limit - admin - 1) * P, RW, 0);
	ck_assert_int_eq(map(0, P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE),
			 -LINUX_ENOMEM); /* ignored */
	bed_anon(&b, 0, P, PROT_READ, 0);
}
END_TEST

/* ---- munmap ---- */

START_TEST(munmap_errors_and_holes)
{
	vaddr_t a = bed_anon(&b, 0, 8 * P, RW, 0);

	ck_assert_int_eq(sys_munmap(b.t, a + 1, P), -LINUX_EINVAL);
	ck_assert_int_eq(sys_munmap(b.t, a, 0), -LINUX_EINVAL);
	ck_assert_int_eq(sys_munmap(b.t, USER_ADDRESS_END, P), -LINUX_EINVAL);
	ck_assert_int_eq(sys_munmap(b.t, a, UINT64_MAX), -LINUX_EINVAL);
	ck_assert_int_eq(sys_munmap(b.t, 0x100000, P), 0); /* nothing there */
	ck_assert_int_eq(sys_munmap(b.t, a + 3 * P, 1), 0);
	ck_assert_uint_eq(nr_vmas(), 2);
	ck_assert_uint_eq(b.t->mm->total_vm, 7);
	ck_assert_int_eq(b.mms.committed_pages, 7);
}
END_TEST

START_TEST(munmap_gives_back_pages_and_tables)
{
	uint64_t used = bed_used(&b), tables = b.t->mm->pt.nr_tables;
	vaddr_t a = bed_anon(&b, UINT64_C(1) << 40, 16 * P, RW, MAP_FIXED);

	bed_touch_pages(&b, a, 16, true);
	ck_assert_uint_eq(b.t->mm->pt.nr_tables, tables + 3);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 16);
	b.flushes = 0;
	ck_assert_int_eq(sys_munmap(b.t, a, 16 * P), 0);
	ck_assert_uint_eq(b.flushes, 1);
	ck_assert_uint_eq(b.flush_start, a);
	ck_assert_uint_eq(b.flush_end, a + 16 * P);
	ck_assert_uint_eq(b.t->mm->pt.nr_tables, tables);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 0);
	ck_assert_uint_le(bed_used(&b), used + 8); /* slabs of the mapping's objects stay */
	b.flushes = 0;
	bed_anon(&b, a, 16 * P, RW, MAP_FIXED);
	ck_assert_int_eq(sys_munmap(b.t, a, 16 * P), 0);
	ck_assert_uint_eq(b.flushes, 0); /* nothing was mapped */
}
END_TEST

START_TEST(too_many_mappings)
{
	vaddr_t a = bed_anon(&b, 0, 64 * P, RW, 0);

	b.k.params.max_map_count = 3;
	ck_assert_int_eq(sys_munmap(b.t, a + 10 * P, P), 0);
	ck_assert_int_eq(sys_munmap(b.t, a + 20 * P, P), 0); /* 3 now */
	ck_assert_int_eq(sys_munmap(b.t, a + 30 * P, P), -LINUX_ENOMEM);
	ck_assert_int_eq(sys_munmap(b.t, a + 63 * P, P), 0); /* an end may go */
	ck_assert_int_eq(sys_mprotect(b.t, a, P, PROT_READ), -LINUX_ENOMEM);
	bed_anon(&b, 0x100000, P, PROT_READ, MAP_FIXED); /* one more than the limit is allowed for mmap */
	ck_assert_int_eq(map(0x200000, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), -LINUX_ENOMEM);
}
END_TEST

/* ---- brk ---- */

START_TEST(brk_grows_and_shrinks)
{
	vaddr_t heap = (vaddr_t)sys_brk(b.t, 0);

	ck_assert_uint_eq(heap, b.t->mm->start_brk);
	ck_assert_int_eq(sys_brk(b.t, heap + 5 * P + 100), (int64_t)(heap + 5 * P + 100));
	ck_assert_uint_eq(nr_vmas(), 1);
	ck_assert_uint_eq(b.t->mm->total_vm, 6);
	ck_assert_int_eq(b.mms.committed_pages, 6);
	ck_assert_int_eq(sys_brk(b.t, heap + 6 * P), (int64_t)(heap + 6 * P)); /* within the page */
	ck_assert_uint_eq(b.t->mm->total_vm, 6);
	ck_assert_int_eq(bed_touch(&b, heap + 4 * P, true), FAULT_DONE);
	ck_assert_int_eq(sys_brk(b.t, heap + 8 * P),
			 (int64_t)(heap + 8 * P)); /* a faulted heap is extended */
	ck_assert_uint_eq(nr_vmas(), 1);
	ck_assert_int_eq(sys_brk(b.t, heap + P), (int64_t)(heap + P));
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
	ck_assert_int_eq(b.mms.committed_pages, 1);
	bed_anon(&b, heap + 10 * P, P, RW, MAP_FIXED);
	/* one page must stay free before the next mapping */
	ck_assert_int_eq(sys_brk(b.t, heap + 10 * P), (int64_t)(heap + P));
	ck_assert_int_eq(sys_brk(b.t, heap + 9 * P), (int64_t)(heap + 9 * P));
	ck_assert_int_eq(sys_brk(b.t, heap - P), (int64_t)(heap + 9 * P));
	ck_assert_int_eq(sys_brk(b.t, heap), (int64_t)heap);
	ck_assert_uint_eq(nr_vmas(), 1);
}
END_TEST

/* ---- on demand ---- */

START_TEST(on_demand_maps_windows)
{
	struct vma *v = mm_map_on_demand(b.t, 0x40234567);

	ck_assert_uint_eq(v->start, 0x40200000);
	ck_assert_uint_eq(v->end, 0x40400000);
	ck_assert_ptr_eq(mm_map_on_demand(b.t, 0x40400000), v); /* extended */
	ck_assert_uint_eq(v->end, 0x40600000);
	ck_assert_ptr_null(mm_map_on_demand(b.t, 0xfff));
	ck_assert_ptr_null(mm_map_on_demand(b.t, USER_ADDRESS_END));
	v = mm_map_on_demand(b.t, 0x1000);
	ck_assert_uint_eq(v->start, 0x1000);
	ck_assert_uint_eq(v->end, 0x200000);
	bed_anon(&b, 0x50001000, P, RW, MAP_FIXED); /* clipped to it, but not merged with it */
	v = mm_map_on_demand(b.t, 0x50010000);
	ck_assert_uint_eq(v->start, 0x50002000);
	ck_assert_uint_eq(mm_map_on_demand(b.t, 0x50000000)->end, 0x50001000);
	v = mm_map_on_demand(b.t, USER_ADDRESS_END - 1);
	ck_assert_uint_eq(v->end, USER_ADDRESS_END);
	ck_assert_int_eq(b.mms.committed_pages, 1);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("mmap");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, mmap_errors);
	tcase_add_test(c, mmap_goes_top_down_and_merges);
	tcase_add_test(c, fixed_replaces_and_noreplace_does_not);
	tcase_add_test(c, populate_and_locked_fault_pages_in);
	tcase_add_test(c, shared_anonymous_memory_is_committed_once);
	tcase_add_test(c, overcommit_heuristic_refuses_the_obvious);
	tcase_add_test(c, overcommit_never_counts_everything);
	tcase_add_test(c, munmap_errors_and_holes);
	tcase_add_test(c, munmap_gives_back_pages_and_tables);
	tcase_add_test(c, too_many_mappings);
	tcase_add_test(c, brk_grows_and_shrinks);
	tcase_add_test(c, on_demand_maps_windows);
	return run_case("mmap", c);
}
