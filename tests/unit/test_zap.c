/*
 * test_zap.c - what unmapping tells file pages, and when TLBs are flushed.
 */
#include <check.h>

#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE

static struct bed b;
static struct file *f;

static void setup(void)
{
	bed_new(&b, "topology.node_mem=128MiB", "kernel.struct_page_bytes=0", "swap.size=0", NULL);
	f = file_declare(b.t, 7, "/data", 64 * P);
	ck_assert_ptr_nonnull(f);
}

static void teardown(void)
{
	ck_assert(pagecache_is_valid(b.k.pagecache));
	bed_free(&b);
}

static vaddr_t map_file(uint64_t len, unsigned prot, unsigned flags)
{
	const struct mmap_request r = {0, len, prot, flags, f, 0};
	int64_t a = sys_mmap(b.t, &r);

	ck_assert_int_gt(a, 0);
	return (vaddr_t)a;
}

static struct frame *page(uint64_t index)
{
	struct slot s = pagecache_lookup(f, index);

	return s.pfn == PFN_NONE ? NULL : frame_of(&b.mem, s.pfn);
}

START_TEST(clean_pages_stay_in_the_cache)
{
	vaddr_t a = map_file(16 * P, PROT_READ, MAP_SHARED);
	int64_t mapped;

	ck_assert_int_eq(bed_touch(&b, a, false), FAULT_MAJOR);
	mapped = b.t->mm->rss[MM_FILEPAGES];
	ck_assert_int_ge(mapped, 1);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_FILE_MAPPED), mapped);
	ck_assert_int_eq(sys_munmap(b.t, a, 16 * P), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_FILE_MAPPED), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_FILEPAGES], 0);
	ck_assert_ptr_nonnull(page(0));
	ck_assert_int_eq(page(0)->mapcount, 0);
	ck_assert(!(page(0)->flags & FR_DIRTY));
}
END_TEST

/* The accessed bit becomes a reference, unless reading is announced to be sequential. */
START_TEST(accessed_entries_mark_pages)
{
	vaddr_t a = map_file(2 * P, PROT_READ, MAP_SHARED);

	bed_touch(&b, a, false);
	lru_drain(b.t);
	page(0)->flags &= ~(uint32_t)(FR_REFERENCED | FR_ACTIVE);
	ck_assert(bed_pte(&b, a) & PTE_ACCESSED);
	ck_assert_int_eq(sys_munmap(b.t, a, 2 * P), 0);
	ck_assert(page(0)->flags & FR_REFERENCED);

	a = map_file(2 * P, PROT_READ, MAP_SHARED);
	ck_assert_int_eq(sys_madvise(b.t, a, 2 * P, 2), 0); /* SEQUENTIAL */
	bed_touch(&b, a, false);
	page(0)->flags &= ~(uint32_t)FR_REFERENCED;
	ck_assert_int_eq(sys_munmap(b.t, a, 2 * P), 0);
	ck_assert(!(page(0)->flags & FR_REFERENCED));
}
END_TEST

START_TEST(dirty_entries_make_pages_dirty)
{
	vaddr_t a = map_file(4 * P, RW, MAP_SHARED);
	pte_t *e;

	bed_touch(&b, a, false);
	ck_assert(!(page(0)->flags & FR_DIRTY));
	e = pgtable_find(&b.t->mm->pt, a);
	*e |= PTE_DIRTY; /* as the hardware would */
	b.flushes = 0;
	ck_assert_int_eq(sys_munmap(b.t, a, 4 * P), 0);
	ck_assert(page(0)->flags & FR_DIRTY);
	ck_assert_uint_eq(f->nr_dirty, 1);
	ck_assert_uint_eq(b.flushes, 1);
}
END_TEST

START_TEST(private_copies_go_with_the_mapping)
{
	vaddr_t a = map_file(4 * P, RW, MAP_PRIVATE);

	bed_touch(&b, a, true);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 1);
	ck_assert_int_eq(b.mms.committed_pages, 4);
	ck_assert(!(page(0)->flags & FR_DIRTY));
	ck_assert_int_eq(sys_munmap(b.t, a, 4 * P), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 0);
	ck_assert_int_eq(b.mms.committed_pages, 0);
}
END_TEST

START_TEST(truncation_unmaps_everywhere)
{
	vaddr_t a = map_file(8 * P, RW, MAP_SHARED);
	struct process *child = bed_process(&b);

	for (unsigned i = 0; i < 8; i++)
		bed_touch(&b, a + i * P, true);
	child->mm = mm_fork(b.t, child);
	bed_become(&b, child);
	for (unsigned i = 0; i < 8; i++)
		bed_touch(&b, a + i * P, false);
	ck_assert_int_eq(page(5)->mapcount, 2);
	zap_file_range(b.t, f, 4, 5);
	ck_assert_int_eq(page(5)->mapcount, 0);
	ck_assert_int_eq(page(3)->mapcount, 2);
	ck_assert_int_eq(child->mm->rss[MM_FILEPAGES], b.proc[0].mm->rss[MM_FILEPAGES]);
	ck_assert_uint_eq(bed_pte(&b, a + 4 * P), 0);
	ck_assert(bed_pte(&b, a + 6 * P) & PTE_PRESENT);
	ck_assert(page(4)->flags & FR_DIRTY);
}
END_TEST

START_TEST(msync_writes_what_is_dirty)
{
	vaddr_t a = map_file(4 * P, RW, MAP_SHARED);

	for (unsigned i = 0; i < 4; i++)
		bed_touch(&b, a + i * P, true);
	ck_assert_uint_eq(f->nr_dirty, 4);
	ck_assert_int_eq(sys_msync(b.t, a, 2 * P, 1), 0); /* ASYNC does nothing */
	ck_assert_uint_eq(f->nr_dirty, 4);
	ck_assert_int_eq(sys_msync(b.t, a, 2 * P, 4), 0);
	ck_assert_uint_eq(f->nr_dirty, 2);
	ck_assert_uint_eq(f->nr_writeback, 0);
}
END_TEST

START_TEST(willneed_reads_ahead)
{
	vaddr_t a = map_file(32 * P, PROT_READ, MAP_SHARED);

	ck_assert_int_eq(sys_madvise(b.t, a + 8 * P, 16 * P, 3), 0);
	for (unsigned i = 8; i < 24; i++)
		ck_assert_ptr_nonnull(page(i));
	ck_assert_int_eq(b.t->mm->rss[MM_FILEPAGES], 0);
}
END_TEST

/* Private memory of 10 000 pages: batches of 8 + 19 * 510 pages, so two flushes. */
START_TEST(flushes_come_by_batches)
{
	vaddr_t a = bed_anon(&b, 0, 10000 * P, RW, MAP_POPULATE);

	b.flushes = 0;
	ck_assert_int_eq(sys_munmap(b.t, a, 10000 * P), 0);
	ck_assert_uint_eq(b.flushes, 2);
	a = bed_anon(&b, 0, 9698 * P, RW, MAP_POPULATE);
	b.flushes = 0;
	ck_assert_int_eq(sys_munmap(b.t, a, 9698 * P), 0);
	ck_assert_uint_eq(b.flushes, 1);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("zap");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, clean_pages_stay_in_the_cache);
	tcase_add_test(c, accessed_entries_mark_pages);
	tcase_add_test(c, dirty_entries_make_pages_dirty);
	tcase_add_test(c, private_copies_go_with_the_mapping);
	tcase_add_test(c, truncation_unmaps_everywhere);
	tcase_add_test(c, msync_writes_what_is_dirty);
	tcase_add_test(c, willneed_reads_ahead);
	tcase_add_test(c, flushes_come_by_batches);
	return run_case("zap", c);
}
