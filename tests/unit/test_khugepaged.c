/*
 * test_khugepaged.c - small pages become huge ones, where that is worth it.
 */
#include <check.h>

#include "models/kernel/khugepaged.h"
#include "models/kernel/swapin.h"
#include "models/kernel/thp_split.h"
#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE
#define AT UINT64_C(0x40000000)

static struct bed b;
static struct khugepaged_params params;

/* Five ranges of 2 MiB at AT, faulted in as small pages by whoever wants to. */
static void setup(void)
{
	bed_new(&b, "topology.node_mem=64MiB", "zones.layout=flat", "swap.size=16MiB", NULL);
	params = (struct khugepaged_params){.pages_to_scan = 4096,
					    .max_ptes_none = 511,
					    .max_ptes_swap = 64,
					    .max_ptes_shared = 256,
					    .defrag = true};
	khugepaged_new(&b.k, &params);
	bed_anon(&b, AT, 5 * HUGE_PAGE_SIZE, RW, MAP_FIXED);
}

static void teardown(void)
{
	ck_assert(pgtable_is_valid(&b.t->mm->pt));
	mem_free(b.k.khugepaged);
	bed_free(&b);
}

/* Huge pages are enabled now, and khugepaged knows of the address space. */
static void scan(void)
{
	b.k.params.thp_enabled = THP_ALWAYS;
	mm_watch(b.k.mms, b.t->mm);
	khugepaged_scan(b.t);
	lru_drain(b.t);
}

static bool is_huge(vaddr_t va)
{
	return pgtable_table(&b.t->mm->pt, va, 2)->e[ptable_index(va, 2)] & PTE_HUGE;
}

static uint64_t event(enum vm_event e)
{
	return b.mem.vmstat.event[e];
}

START_TEST(a_full_range_is_collapsed)
{
	uint64_t used, tables;
	const struct frame *f;
	pte_t e;

	bed_touch_pages(&b, AT, 512, true);
	lru_drain(b.t);
	used = bed_used(&b);
	tables = b.t->mm->pt.nr_tables;
	b.flushes = 0;
	scan();
	ck_assert(is_huge(AT));
	e = pgtable_table(&b.t->mm->pt, AT, 2)->e[ptable_index(AT, 2)];
	f = frame_of(&b.mem, pte_pfn(e));
	ck_assert((e & (PTE_WRITE | PTE_DIRTY | PTE_PRESENT)) == (PTE_WRITE | PTE_DIRTY | PTE_PRESENT));
	ck_assert((f->flags & (FR_HEAD | FR_ANON | FR_LRU | FR_EXCLUSIVE | FR_SWAPBACKED)) ==
		  (FR_HEAD | FR_ANON | FR_LRU | FR_EXCLUSIVE | FR_SWAPBACKED));
	ck_assert_int_eq(f->refs, 1);
	ck_assert_int_eq(frame_whole_mapcount(f), 1);
	ck_assert_uint_eq(event(VMEV_THP_COLLAPSE_ALLOC), 1);
	ck_assert_uint_eq(khugepaged_collapsed(&b.k), 1);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 512);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_THPS), 512);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 512);
	ck_assert_uint_eq(bed_used(&b), used); /* 512 small pages went, the table stays deposited */
	ck_assert_uint_eq(b.t->mm->pt.nr_tables, tables);
	ck_assert_uint_gt(b.flushes, 0);
	ck_assert_uint_eq(khugepaged_full_scans(&b.k), 1);
	ck_assert_int_eq(sys_munmap(b.t, AT, 5 * HUGE_PAGE_SIZE), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
}
END_TEST

START_TEST(missing_pages_are_made)
{
	bed_touch_pages(&b, AT + 77 * P, 1, true);
	ck_assert_int_eq(bed_touch(&b, AT + 78 * P, false), FAULT_DONE); /* the zero page counts as missing */
	scan();
	ck_assert(is_huge(AT));
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 512);
}
END_TEST

START_TEST(too_many_missing)
{
	params.max_ptes_none = 510;
	bed_touch_pages(&b, AT, 1, true);
	scan();
	ck_assert(!is_huge(AT));
	ck_assert_uint_ge(event(VMEV_THP_SCAN_EXCEED_NONE_PTE), 1);
	ck_assert_uint_eq(event(VMEV_THP_COLLAPSE_ALLOC), 0);
	bed_touch_pages(&b, AT + P, 1, true);
	scan();
	ck_assert(is_huge(AT));
}
END_TEST

START_TEST(nothing_was_used)
{
	bed_touch_pages(&b, AT, 512, true);
	lru_drain(b.t);
	for (unsigned i = 0; i < 512; i++)
		*pgtable_find(&b.t->mm->pt, AT + i * P) &= ~PTE_ACCESSED;
	scan();
	ck_assert(!is_huge(AT));
	*pgtable_find(&b.t->mm->pt, AT + 99 * P) |= PTE_ACCESSED;
	scan();
	ck_assert(is_huge(AT));
}
END_TEST

START_TEST(nothing_is_writable)
{
	bed_touch_pages(&b, AT, 512, true);
	ck_assert_int_eq(sys_mprotect(b.t, AT, HUGE_PAGE_SIZE, PROT_READ), 0);
	scan();
	ck_assert(!is_huge(AT));
}
END_TEST

/* A page that another process maps, too, is copied; the other keeps the small one. */
START_TEST(shared_pages_up_to_a_number)
{
	struct process *child = bed_process(&b);
	pfn_t shared;

	bed_touch_pages(&b, AT, 512, true);
	child->mm = mm_fork(b.t, child);
	bed_touch_pages(&b, AT + 2 * P, 510, true); /* two are left shared */
	lru_drain(b.t);
	params.max_ptes_shared = 1;
	scan();
	ck_assert(!is_huge(AT));
	ck_assert_uint_ge(event(VMEV_THP_SCAN_EXCEED_SHARED_PTE), 1);
	params.max_ptes_shared = 2;
	shared = pte_pfn(bed_pte(&b, AT));
	ck_assert_int_eq(frame_of(&b.mem, shared)->mapcount, 2);
	scan();
	ck_assert(is_huge(AT));
	ck_assert_int_eq(frame_of(&b.mem, shared)->mapcount, 1);
	ck_assert_int_eq(frame_of(&b.mem, shared)->refs, 1);
	mm_put(b.t, child->mm);
	child->mm = NULL;
}
END_TEST

/* What was written is clean and leaves the swap cache (__remove_mapping). */
static void drop_swap_cache(void)
{
	for (unsigned i = 0; i < 64; i++) {
		pfn_t pfn = swapin_lookup(b.t, vma_at(&b.t->mm->vmas, AT), AT + i * P,
					  pte_swap_entry(bed_pte(&b, AT + i * P)));

		if (pfn == PFN_NONE)
			continue;
		swap_cache_remove(&b.k, pfn, 0);
		frame_of(&b.mem, pfn)->refs--;
		frame_put(&b.k, 0, pfn);
	}
	lru_drain(b.t);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SWAPCACHE), 0);
}

/* Pages in swap are read first; while a read has to be waited for, the attempt ends. */
START_TEST(swapped_pages_are_read)
{
	unsigned rounds = 0;

	bed_touch_pages(&b, AT, 512, true);
	lru_drain(b.t);
	ck_assert_int_eq(sys_madvise(b.t, AT, 64 * P, 21), 0); /* PAGEOUT */
	sched_sleep_until(b.t, task_now(b.t) + PS_PER_S, false);
	drop_swap_cache();
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 64);
	scan();
	ck_assert(!is_huge(AT));
	while (!is_huge(AT) && rounds < 100) {
		scan();
		rounds++;
	}
	ck_assert(is_huge(AT));
	ck_assert_uint_gt(event(VMEV_PGMAJFAULT), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 512);
	ck_assert_uint_eq(event(VMEV_PGFAULT), 512); /* none of them khugepaged's */
}
END_TEST

START_TEST(too_many_in_swap)
{
	bed_touch_pages(&b, AT, 512, true);
	lru_drain(b.t);
	ck_assert_int_eq(sys_madvise(b.t, AT, 65 * P, 21), 0);
	sched_sleep_until(b.t, task_now(b.t) + PS_PER_S, false);
	scan();
	ck_assert(!is_huge(AT));
	ck_assert_uint_ge(event(VMEV_THP_SCAN_EXCEED_SWAP_PTE), 1);
}
END_TEST

/* 513 steps a range that is collapsed: two ranges exhaust 1024. */
START_TEST(a_round_has_its_size)
{
	params.pages_to_scan = 1024;
	for (unsigned i = 0; i < 5; i++)
		bed_touch_pages(&b, AT + i * HUGE_PAGE_SIZE, 3, true);
	lru_drain(b.t);
	scan();
	ck_assert_uint_eq(khugepaged_collapsed(&b.k), 2);
	scan();
	ck_assert_uint_eq(khugepaged_collapsed(&b.k), 4);
	scan();
	ck_assert_uint_eq(khugepaged_collapsed(&b.k), 5);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_THPS), 5 * 512);
}
END_TEST

START_TEST(advice_decides)
{
	bed_touch_pages(&b, AT, 4, true);
	lru_drain(b.t);
	ck_assert_int_eq(sys_madvise(b.t, AT, 5 * HUGE_PAGE_SIZE, 15), 0); /* NOHUGEPAGE */
	scan();
	ck_assert(!is_huge(AT));
	b.k.params.thp_enabled = THP_MADVISE;
	ck_assert_int_eq(sys_madvise(b.t, AT, 5 * HUGE_PAGE_SIZE, 14), 0); /* HUGEPAGE */
	khugepaged_scan(b.t);
	ck_assert(is_huge(AT));
}
END_TEST

/* A page split before is made whole again: its parts are copied, itself is freed. */
START_TEST(parts_of_a_huge_page)
{
	const struct frame *h;

	b.k.params.thp_enabled = THP_ALWAYS;
	bed_touch_pages(&b, AT, 1, true);
	ck_assert(is_huge(AT));
	h = frame_of(&b.mem, pte_pfn(pgtable_table(&b.t->mm->pt, AT, 2)->e[ptable_index(AT, 2)]));
	ck_assert_int_eq(sys_madvise(b.t, AT, 3 * P, 4), 0); /* DONTNEED */
	ck_assert(!is_huge(AT));
	ck_assert_uint_eq(thp_nr_deferred(&b.k), 1);
	scan();
	ck_assert(is_huge(AT));
	ck_assert_int_eq(h->refs, 0);
	ck_assert_uint_eq(thp_nr_deferred(&b.k), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 512);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 512);
}
END_TEST

START_TEST(an_address_space_that_goes)
{
	struct process *child = bed_process(&b);

	child->mm = mm_fork(b.t, child);
	ck_assert(mm_watch(b.k.mms, b.t->mm));
	ck_assert(!mm_watch(b.k.mms, child->mm));
	ck_assert(!mm_watch(b.k.mms, child->mm)); /* once */
	b.mms.thp_at = child->mm;
	b.mms.thp_address = AT;
	mm_put(b.t, child->mm);
	child->mm = NULL;
	ck_assert_ptr_null(b.mms.thp_at);
	ck_assert_uint_eq(b.mms.thp_address, 0);
	ck_assert_ptr_eq(b.mms.thp_first, b.t->mm);
	ck_assert_ptr_eq(b.mms.thp_last, b.t->mm);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("khugepaged");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_full_range_is_collapsed);
	tcase_add_test(c, missing_pages_are_made);
	tcase_add_test(c, too_many_missing);
	tcase_add_test(c, nothing_was_used);
	tcase_add_test(c, nothing_is_writable);
	tcase_add_test(c, shared_pages_up_to_a_number);
	tcase_add_test(c, swapped_pages_are_read);
	tcase_add_test(c, too_many_in_swap);
	tcase_add_test(c, a_round_has_its_size);
	tcase_add_test(c, advice_decides);
	tcase_add_test(c, parts_of_a_huge_page);
	tcase_add_test(c, an_address_space_that_goes);
	return run_case("khugepaged", c);
}
