/*
 * test_thp_swap.c - a huge page goes to swap whole: slots, events, counters, and the way back of its parts.
 *
 * 16 MiB of swap are 8 clusters of 512 slots; the first has the header and is never taken whole, so 7 huge
 * pages find room.
 */
#include <check.h>

#include "models/kernel/reclaim.h"
#include "models/kernel/swap_map.h"
#include "models/kernel/thp_split.h"
#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW           (PROT_READ | PROT_WRITE)
#define P            PAGE_SIZE
#define AT           UINT64_C(0x40000000)
#define MADV_PAGEOUT 21

static struct bed b;

static void setup(void)
{
	bed_new(&b, BED_SMALL, "swap.size=16MiB", NULL);
	bed_anon(&b, AT, 8 * HUGE_PAGE_SIZE, RW, MAP_FIXED);
	vma_prepare_anon(&b.t->mm->vmas, vma_at(&b.t->mm->vmas, AT));
}

static void teardown(void)
{
	ck_assert(pgtable_is_valid(&b.t->mm->pt));
	ck_assert(swap_is_valid(&b.k));
	bed_free(&b);
}

static uint64_t event(enum vm_event e)
{
	return b.mem.vmstat.event[e];
}

static int64_t gauge(enum node_item i)
{
	return memory_node_total(&b.mem, i);
}

static uint64_t slots_in_use(void)
{
	const struct swap_stats *s = swap_stats_of(b.k.swap);

	return s->slots_allocated - s->slots_freed;
}

static swp_entry_t entry(unsigned i)
{
	ck_assert(pte_is_swap(bed_pte(&b, AT + i * P)));
	return pte_swap_entry(bed_pte(&b, AT + i * P));
}

static void pageout(vaddr_t va, uint64_t len)
{
	ck_assert_int_eq(sys_madvise(b.t, va, len, MADV_PAGEOUT), 0);
}

/* Until all that is being written is written. */
static void finish_io(void)
{
	while (gauge(NR_WRITEBACK))
		ck_assert(eventq_step(&b.q));
}

static pfn_t map_and_page_out(void)
{
	pfn_t head = bed_map_huge(&b, AT);

	pageout(AT, HUGE_PAGE_SIZE);
	return head;
}

/* try_to_unmap, pageout: 512 entries in a row to one free cluster, one page under write-back. */
START_TEST(it_is_written_whole)
{
	pfn_t head = map_and_page_out();
	const struct frame *h = frame_of(&b.mem, head);

	ck_assert_uint_eq(event(VMEV_THP_SWPOUT), 1);
	ck_assert_uint_eq(event(VMEV_THP_SWPOUT_FALLBACK), 0);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 1);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 0);
	ck_assert_uint_eq(event(VMEV_THP_DEFERRED_SPLIT_PAGE), 0);
	ck_assert_uint_eq(event(VMEV_PSWPOUT), 512);
	ck_assert_uint_eq(event(VMEV_PGPGOUT), 2048); /* KiB */
	ck_assert_int_eq(gauge(NR_VMSCAN_WRITE), 512);
	ck_assert_int_eq(gauge(NR_WRITEBACK), 512);
	ck_assert_int_eq(gauge(NR_SWAPCACHE), 512);
	ck_assert_int_eq(gauge(NR_FILE_PAGES), 512);
	ck_assert_int_eq(gauge(NR_ANON_MAPPED), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 512);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
	ck_assert(h->flags & FR_HEAD && h->flags & FR_SWAPCACHE && !(h->flags & FR_DIRTY));
	ck_assert_int_eq(h->refs, 512); /* the swap cache's */
	ck_assert_int_eq(h->mapcount, 0);
	ck_assert_uint_eq(swp_slot(entry(0)) % 512, 0);
	ck_assert_uint_ne(swp_slot(entry(0)), 0);
	for (unsigned i = 0; i < 512; i++) {
		ck_assert_uint_eq(entry(i), entry(0) + i);
		ck_assert(bed_pte(&b, AT + i * P) & PTE_SWAP_EXCLUSIVE);
		ck_assert_uint_eq(swap_count(b.k.swap, entry(i)), 1);
		ck_assert_uint_eq(swap_cache_lookup(b.k.swap, entry(i)), head + i);
	}
	ck_assert_uint_eq(slots_in_use(), 512);
}
END_TEST

/* folio_end_writeback: once for all of it, when all of it is written. The page waits in the swap cache. */
START_TEST(written_it_stays_in_the_swap_cache)
{
	pfn_t head = map_and_page_out();
	uint64_t used = bed_used(&b);

	finish_io();
	lru_drain(b.t);
	ck_assert_int_eq(gauge(NR_WRITTEN), 512);
	ck_assert_uint_eq(event(VMEV_PGROTATED), 512);
	ck_assert_int_eq(gauge(NR_SWAPCACHE), 512);
	ck_assert_int_eq(gauge(NR_INACTIVE_ANON), 512);
	ck_assert_uint_eq(bed_used(&b), used);
	ck_assert(frame_of(&b.mem, head)->flags & FR_LRU);
}
END_TEST

/* __remove_mapping: reclaim meets it clean. All places get its shadow, and 512 frames are free. */
START_TEST(met_again_it_is_dropped_whole)
{
	pfn_t head = map_and_page_out();
	uint64_t used = bed_used(&b);

	finish_io();
	ck_assert(lru_isolate(&b.k, head));
	ck_assert_uint_eq(reclaim_pages(b.t, &head, 1), 512);
	ck_assert_uint_eq(used - bed_used(&b), 512);
	ck_assert_int_eq(gauge(NR_SWAPCACHE), 0);
	ck_assert_int_eq(gauge(NR_INACTIVE_ANON), 0);
	ck_assert_uint_eq(event(VMEV_THP_SWPOUT), 1);
	for (unsigned i = 0; i < 512; i++) {
		ck_assert_uint_eq(swap_count(b.k.swap, entry(i)), 1);
		ck_assert_uint_eq(swap_cache_lookup(b.k.swap, entry(i)), PFN_NONE);
		ck_assert_uint_ne(swap_cache_shadow(b.k.swap, entry(i)), 0);
	}
	ck_assert_uint_eq(slots_in_use(), 512);
}
END_TEST

/* do_swap_page: the first part is mapped again, another one is copied; both leave the cache as it is. */
START_TEST(parts_come_back_alone)
{
	pfn_t head = map_and_page_out(), copy;
	swp_entry_t first = entry(0);
	uint64_t used;

	finish_io();
	used = bed_used(&b);
	ck_assert_int_eq(bed_touch(&b, AT, true), FAULT_DONE);
	ck_assert_uint_eq(pte_pfn(bed_pte(&b, AT)), head);
	ck_assert(bed_pte(&b, AT) & PTE_WRITE); /* the entry was exclusive */
	ck_assert_uint_eq(bed_used(&b), used);
	ck_assert_int_eq(frame_of(&b.mem, head)->refs, 513);
	ck_assert_int_eq(gauge(NR_ANON_MAPPED), 1);
	ck_assert_int_eq(bed_touch(&b, AT + 7 * P, false), FAULT_DONE);
	copy = pte_pfn(bed_pte(&b, AT + 7 * P));
	ck_assert_uint_eq(page_head(&b.mem, copy), copy);
	ck_assert_uint_ne(copy, head + 7);
	ck_assert(!(bed_pte(&b, AT + 7 * P) & PTE_WRITE));
	ck_assert(frame_of(&b.mem, copy)->flags & FR_EXCLUSIVE);
	ck_assert(frame_of(&b.mem, copy)->flags & FR_DIRTY); /* it has no slot */
	ck_assert_uint_eq(bed_used(&b), used + 1);
	ck_assert_int_eq(frame_of(&b.mem, head)->refs, 513);
	ck_assert_uint_eq(swap_count(b.k.swap, first), 0);
	ck_assert_uint_eq(swap_count(b.k.swap, first + 7), 0);
	ck_assert_uint_eq(swap_count(b.k.swap, first + 8), 1);
	ck_assert_int_eq(gauge(NR_SWAPCACHE), 512);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 2);
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 510);
	ck_assert_uint_eq(event(VMEV_PGMAJFAULT) + event(VMEV_PSWPIN), 0);
	ck_assert_uint_eq(slots_in_use(), 512);
}
END_TEST

/* free_swap_and_cache: while any entry refers to the cluster the page stays; the last one takes all along. */
START_TEST(munmap_of_the_second_half_frees_it)
{
	swp_entry_t first;
	uint64_t used;

	map_and_page_out();
	finish_io();
	lru_drain(b.t);
	first = entry(0);
	used = bed_used(&b);
	ck_assert_int_eq(sys_munmap(b.t, AT, HUGE_PAGE_SIZE / 2), 0);
	ck_assert_int_eq(gauge(NR_SWAPCACHE), 512);
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 256);
	ck_assert_uint_eq(swap_count(b.k.swap, first + 255), 0);
	ck_assert_uint_eq(swap_count(b.k.swap, first + 256), 1);
	ck_assert_uint_eq(slots_in_use(), 512);
	ck_assert_uint_eq(bed_used(&b), used);
	ck_assert_int_eq(sys_munmap(b.t, AT + HUGE_PAGE_SIZE / 2, HUGE_PAGE_SIZE / 2), 0);
	ck_assert_int_eq(gauge(NR_SWAPCACHE), 0);
	ck_assert_uint_eq(slots_in_use(), 0);
	ck_assert_uint_eq(swap_free_slots(b.k.swap), swap_total_slots(b.k.swap)); /* past the slot caches */
	ck_assert_uint_ge(used - bed_used(&b), 512);
}
END_TEST

/* Seven clusters: the eighth page is split, and its parts take the slots of the first cluster. */
START_TEST(without_a_free_cluster_it_is_split)
{
	for (unsigned i = 0; i < 8; i++)
		bed_map_huge(&b, AT + i * HUGE_PAGE_SIZE);
	pageout(AT, 7 * HUGE_PAGE_SIZE);
	ck_assert_uint_eq(event(VMEV_THP_SWPOUT), 7);
	ck_assert_uint_eq(swap_free_slots(b.k.swap), 511);
	pageout(AT + 7 * HUGE_PAGE_SIZE, HUGE_PAGE_SIZE);
	ck_assert_uint_eq(event(VMEV_THP_SWPOUT), 7);
	ck_assert_uint_eq(event(VMEV_THP_SWPOUT_FALLBACK), 1);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 1);
	finish_io();
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 7 * 512 + 511);
	ck_assert_uint_eq(swap_free_slots(b.k.swap), 0);
}
END_TEST

/* split_huge_page in the swap cache: parts with an entry stay, each with its slot; the others lose theirs. */
START_TEST(it_is_split_in_the_swap_cache)
{
	pfn_t head = map_and_page_out();
	swp_entry_t first = entry(0);
	uint64_t used;

	finish_io();
	lru_drain(b.t);
	ck_assert_int_eq(bed_touch(&b, AT, false), FAULT_DONE);
	ck_assert_int_eq(sys_munmap(b.t, AT + 256 * P, 256 * P), 0);
	used = bed_used(&b);
	frame_get(&b.k, head);
	ck_assert(thp_split_page(b.t, head, NULL));
	frame_put(&b.k, 0, head);
	ck_assert_uint_eq(used - bed_used(&b), 256);
	ck_assert_int_eq(gauge(NR_SWAPCACHE), 256);
	ck_assert_uint_eq(slots_in_use(), 256);
	for (unsigned i = 0; i < 256; i++) {
		const struct frame *f = frame_of(&b.mem, head + i);

		ck_assert_uint_eq(f->private, first + i);
		ck_assert_int_eq(f->refs, i ? 1 : 2);
		ck_assert(f->flags & FR_SWAPCACHE && !(f->flags & (FR_HEAD | FR_TAIL)));
	}
	/* now it is a page of its own: mapped, not copied */
	ck_assert_int_eq(bed_touch(&b, AT + 9 * P, false), FAULT_DONE);
	ck_assert_uint_eq(pte_pfn(bed_pte(&b, AT + 9 * P)), head + 9);
}
END_TEST

/* The first part, used again, is unmapped again; the page is dirty again and written whole again. */
START_TEST(it_is_written_again)
{
	pfn_t head = map_and_page_out();

	finish_io();
	ck_assert_int_eq(bed_touch(&b, AT, true), FAULT_DONE);
	ck_assert(lru_isolate(&b.k, head));
	ck_assert_uint_eq(reclaim_pages(b.t, &head, 1), 0);
	ck_assert_uint_eq(event(VMEV_PSWPOUT), 1024);
	ck_assert_uint_eq(event(VMEV_THP_SWPOUT), 2);
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 512);
	ck_assert_uint_eq(swap_cache_lookup(b.k.swap, entry(0)), head);
	finish_io();
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("thp_swap");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, it_is_written_whole);
	tcase_add_test(c, written_it_stays_in_the_swap_cache);
	tcase_add_test(c, met_again_it_is_dropped_whole);
	tcase_add_test(c, parts_come_back_alone);
	tcase_add_test(c, munmap_of_the_second_half_frees_it);
	tcase_add_test(c, without_a_free_cluster_it_is_split);
	tcase_add_test(c, it_is_split_in_the_swap_cache);
	tcase_add_test(c, it_is_written_again);
	return run_case("thp_swap", c);
}
