/*
 * test_swapin.c - which pages come back together, computed by hand from the kernel's rules.
 */
#include "models/kernel/swapin.h"
#include "models/kernel/swap_map.h"
#include "models/kernel/workingset.h"
#include "tests/suite.h"
#include "tests/unit/files_fixture.h"

#define MEMORY  "topology.node_mem=64MiB", "kernel.struct_page_bytes=0", "swap.size=16MiB"
#define START   UINT64_C(0x40000000)
#define NR_PAGE 600 /* more than one page table */

static struct bed b;
static struct mm *mm;
static struct vma vma;
static swp_entry_t entry_of[NR_PAGE];

static vaddr_t va(unsigned page)
{
	return START + ((vaddr_t)page << PAGE_SHIFT);
}

/* All pages of a mapping in swap, one after another. */
static void open_swapped(void)
{
	struct table_ctx ctx;

	mm = mm_table_add(&b.mms);
	ctx = (struct table_ctx){b.cur, mm};
	mm->k = &b.k;
	ck_assert(pgtable_init(&mm->pt, &alloc_table_ops, &ctx));
	vma = (struct vma){.start = START, .end = va(NR_PAGE), .mm = mm};
	for (unsigned i = 0; i < NR_PAGE; i++) {
		struct ptable *t = pgtable_ensure(&mm->pt, va(i), 1, &alloc_table_ops, &ctx);
		pfn_t pfn = bed_anon(&b);

		ck_assert(swap_add_page(b.cur, pfn));
		entry_of[i] = bed_frame(&b, pfn)->private;
		swap_dup(&b.k, entry_of[i]);
		page_unlock(&b.k, pfn, 0);
		swap_cache_remove(&b.k, pfn, 0);
		bed_frame(&b, pfn)->refs--;
		bed_put(&b, pfn);
		ptable_set(t, ptable_index(va(i), 1), pte_swap(entry_of[i]));
	}
}

static void close_swapped(void)
{
	struct table_ctx ctx = {b.cur, mm};

	for (unsigned i = 0; i < NR_PAGE; i++)
		ptable_set(pgtable_table(&mm->pt, va(i), 1), ptable_index(va(i), 1), 0);
	pgtable_free_range(&mm->pt, 0, USER_ADDRESS_END, 0, USER_ADDRESS_END, &alloc_table_ops, &ctx);
	pgtable_release(&mm->pt, &alloc_table_ops, &ctx);
	mm_table_del(&b.mms, mm);
	bed_close(&b);
}

static bool cached(unsigned page)
{
	return swap_cache_lookup(b.k.swap, entry_of[page]) != PFN_NONE;
}

/* The pages in the swap cache are exactly [first, end), but for those below `before`. */
static void check_window(unsigned before, unsigned first, unsigned end)
{
	for (unsigned i = before; i < NR_PAGE; i++)
		ck_assert_msg(cached(i) == (i >= first && i < end), "page %u", i);
}

/* As do_swap_page does: the cache, else readahead. */
static void touch(unsigned page)
{
	pfn_t pfn = swapin_lookup(b.cur, &vma, va(page), entry_of[page]);

	if (pfn == PFN_NONE)
		pfn = swapin_readahead(b.cur, &vma, va(page), entry_of[page]);
	ck_assert_uint_eq(bed_frame(&b, pfn)->private, entry_of[page]);
	page_wait_flags(b.cur, pfn, FR_LOCKED);
	ck_assert(frame_has(bed_frame(&b, pfn), FR_UPTODATE));
	bed_put(&b, pfn);
}

/* 4 hits to begin with: 8 pages, 3 before the fault. Used in order: 8 from the next fault on. */
START_TEST(by_address)
{
	bed_open(&b, MEMORY);
	open_swapped();
	touch(100);
	check_window(0, 97, 105);
	ck_assert_uint_eq(bed_vm(&b, VMEV_SWAP_RA), 7);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PSWPIN), 8);
	ck_assert_uint_eq(swap_device(b.k.swap)->stats.reads, 1); /* neighbours in swap: one request */
	for (unsigned i = 101; i < 105; i++)
		touch(i);
	ck_assert_uint_eq(bed_vm(&b, VMEV_SWAP_RA_HIT), 4);
	touch(101); /* a hit counts once */
	touch(104);
	ck_assert_uint_eq(bed_vm(&b, VMEV_SWAP_RA_HIT), 4);
	touch(105);
	check_window(0, 97, 113);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PSWPIN), 16);
	ck_assert(swap_is_valid(&b.k));
	close_swapped();
}
END_TEST

/* Without hits the window halves: 8, 4, 2, 1. */
START_TEST(shrinking)
{
	bed_open(&b, MEMORY);
	open_swapped();
	touch(100);
	touch(200);
	check_window(150, 199, 203);
	touch(300);
	check_window(250, 300, 302);
	touch(400);
	check_window(350, 400, 401);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PSWPIN), 8 + 4 + 2 + 1);
	/* backwards, next to the last one: two pages, before it */
	touch(399);
	check_window(350, 398, 401);
	close_swapped();
}
END_TEST

/* Not beyond the mapping, nor the page table (512 pages). */
START_TEST(clamped)
{
	bed_open(&b, MEMORY);
	open_swapped();
	touch(1);
	check_window(0, 0, 6);
	vma.swap_ra_info = 0;
	touch(511);
	check_window(6, 508, 512);
	vma.swap_ra_info = 0;
	touch(599);
	check_window(512, 596, 600);
	close_swapped();
}
END_TEST

START_TEST(switched_off)
{
	bed_open(&b, MEMORY, "vm.page-cluster=0");
	open_swapped();
	touch(100);
	touch(101);
	check_window(0, 100, 102);
	ck_assert_uint_eq(bed_vm(&b, VMEV_SWAP_RA), 0);
	close_swapped();
}
END_TEST

/* A disk: slots 1 … 600 hold pages 0 … 599; aligned blocks of slots. 4 hits: 8 slots; none: half of that. */
START_TEST(by_slot)
{
	bed_open(&b, MEMORY, "swap.rotational=true");
	open_swapped();
	ck_assert_uint_eq(swp_slot(entry_of[19]), 20);
	touch(19);
	check_window(0, 15, 23); /* slots 16 … 23 */
	touch(39);
	check_window(23, 39, 43); /* slots 40 … 43 */
	touch(40);
	touch(41);
	touch(42);
	ck_assert_uint_eq(bed_vm(&b, VMEV_SWAP_RA_HIT), 3);
	touch(63);
	check_window(43, 63, 71); /* 3 hits + 2: 8 slots, 64 … 71 */
	vma = (struct vma){.start = START, .end = va(NR_PAGE), .mm = mm};
	touch(0);
	ck_assert(cached(0)); /* slot 0 is the header: nothing before slot 1 */
	close_swapped();
}
END_TEST

START_TEST(one_page)
{
	pfn_t pfn, again;

	bed_open(&b, MEMORY);
	open_swapped();
	pfn = swapin_one(b.cur, &vma, va(5), entry_of[5]);
	again = swapin_one(b.cur, &vma, va(5), entry_of[5]);
	ck_assert_uint_eq(pfn, again);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PSWPIN), 1);
	check_window(0, 5, 6);
	ck_assert_uint_eq(swapin_lookup(b.cur, &vma, va(6), entry_of[6]), PFN_NONE);
	page_wait_flags(b.cur, pfn, FR_LOCKED);
	swap_put(&b.k, entry_of[7]); /* a slot that is free is not read */
	ck_assert_uint_eq(swapin_one(b.cur, &vma, va(7), entry_of[7]), PFN_NONE);
	close_swapped();
}
END_TEST

START_TEST(refault)
{
	pfn_t pfn;

	bed_open(&b, MEMORY, "vm.page-cluster=0");
	open_swapped();
	touch(3);
	lru_drain(b.cur);
	pfn = swap_cache_lookup(b.k.swap, entry_of[3]);
	swap_cache_remove(&b.k, pfn, workingset_eviction(&b.k, pfn, NULL));
	bed_put(&b, pfn);
	touch(3);
	ck_assert_int_eq(bed_node(&b, NR_WORKINGSET_REFAULT_ANON), 1);
	close_swapped();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("swapin");

	tcase_add_test(t, by_address);
	tcase_add_test(t, shrinking);
	tcase_add_test(t, clamped);
	tcase_add_test(t, switched_off);
	tcase_add_test(t, by_slot);
	tcase_add_test(t, one_page);
	tcase_add_test(t, refault);
	return run_case("swapin", t);
}
