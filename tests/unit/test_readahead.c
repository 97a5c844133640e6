/*
 * test_readahead.c - windows of readahead as the kernel's rules give them, computed by hand.
 */
#include "models/kernel/readahead.h"
#include "models/kernel/workingset.h"
#include "tests/suite.h"
#include "tests/unit/files_fixture.h"

#define MEMORY "topology.node_mem=64MiB", "kernel.struct_page_bytes=0"

static struct bed b;
static struct file *f;

static void open_file(uint64_t pages)
{
	bed_open(&b, MEMORY);
	f = file_declare(b.cur, 1, "/a", pages << PAGE_SHIFT);
}

static uint64_t read_page(uint64_t index)
{
	return filemap_read(b.cur, f, index << PAGE_SHIFT, PAGE_SIZE);
}

/* The index of the one marked page, UINT64_MAX when there is none. */
static uint64_t marked(void)
{
	uint64_t found = UINT64_MAX, i = 0;
	pfn_t pfn;

	for (; (pfn = pagecache_next(f, &i, 0)) != PFN_NONE; i++) {
		if (frame_has(bed_frame(&b, pfn), FR_READAHEAD)) {
			ck_assert_uint_eq(found, UINT64_MAX);
			found = i;
		}
	}
	return found;
}

/*
 * Page by page from the beginning, 32 pages at most. get_init_ra_size(1, 32): 1 <= 32/32, so 4; of it 3 ahead
 * of need: [0, 4), mark at 1. Reading 1 meets the mark: next size from 4 (not < 32/16 = 2, <= 16): 8: [4,
 * 12), mark at
 * 4. Then 16: [12, 28), mark at 12. Then 32: [28, 60), and 32 from then on: [60, 92).
 */
START_TEST(sequential)
{
	static const struct {
		uint64_t read, pages, mark;
	} want[] = {{0, 4, 1},    {1, 12, 4},   {3, 12, 4},   {4, 28, 12},  {11, 28, 12},
		    {12, 60, 28}, {27, 60, 28}, {28, 92, 60}, {59, 92, 60}, {60, 124, 92}};
	uint64_t next = 0;

	open_file(1000);
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		for (; next <= want[i].read; next++)
			ck_assert_uint_eq(read_page(next), PAGE_SIZE);
		ck_assert_uint_eq(f->nr_pages, want[i].pages);
		ck_assert_uint_eq(marked(), want[i].mark);
	}
	/* requests: one a window */
	ck_assert_uint_eq(b.disk.stats.reads, 6);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PGPGIN), 124 * 4);
	ck_assert(pagecache_is_valid(b.k.pagecache));
	bed_close(&b);
}
END_TEST

/* 16 KiB at a time: get_init_ra_size(4, 32): 4 <= 32/4, so 8; ahead of need: 8 - 4. */
START_TEST(sequential_four)
{
	open_file(1000);
	ck_assert_uint_eq(filemap_read(b.cur, f, 0, 16384), 16384);
	ck_assert_uint_eq(f->nr_pages, 8);
	ck_assert_uint_eq(marked(), 4);
	ck_assert_uint_eq(filemap_read(b.cur, f, 16384, 16384), 16384);
	ck_assert_uint_eq(f->nr_pages, 8 + 16);
	ck_assert_uint_eq(marked(), 8);
	bed_close(&b);
}
END_TEST

/* 32 pages at once: get_init_ra_size gives 32, all of it needed: async_size = size, so the window would meet
 * its own mark: 32 + next (32) > 32, so it stays 32 with the mark at 16, which the read itself then meets. */
START_TEST(sequential_window)
{
	open_file(1000);
	ck_assert_uint_eq(filemap_read(b.cur, f, 0, 32 * PAGE_SIZE), 32 * PAGE_SIZE);
	ck_assert_uint_eq(f->nr_pages, 64);
	ck_assert_uint_eq(marked(), 32);
	bed_close(&b);
}
END_TEST

START_TEST(random_pages)
{
	static const uint64_t at[] = {500, 17, 903, 260, 111, 640};

	open_file(1000);
	for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
		ck_assert_uint_eq(read_page(at[i]), PAGE_SIZE);
		ck_assert_uint_eq(f->nr_pages, i + 1);
	}
	ck_assert_uint_eq(marked(), UINT64_MAX);
	ck_assert_uint_eq(b.disk.stats.reads, ARRAY_LEN(at));
	bed_close(&b);
}
END_TEST

/* Right behind what was read last: sequential, although it did not begin at 0. */
START_TEST(sequential_in_the_middle)
{
	open_file(1000);
	read_page(500);
	ck_assert_uint_eq(f->nr_pages, 1);
	read_page(501);
	ck_assert_uint_eq(f->nr_pages, 1 + 4);
	ck_assert_uint_eq(marked(), 502);
	bed_close(&b);
}
END_TEST

START_TEST(second_reader)
{
	uint64_t reads;
	tick_t t;

	open_file(200);
	ck_assert_uint_eq(filemap_read(b.cur, f, 0, UINT64_MAX), 200 * PAGE_SIZE);
	reads = b.disk.stats.reads;
	t = kernel_now(&b.k);
	ck_assert_uint_eq(filemap_read(b.cur, f, 0, UINT64_MAX), 200 * PAGE_SIZE);
	ck_assert_uint_eq(b.disk.stats.reads, reads);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PGPGIN), 800);
	ck_assert_uint_eq(kernel_now(&b.k), t); /* it never waited */
	ck_assert_uint_eq(b.disk.stats.read_bytes, 200 * PAGE_SIZE);
	bed_close(&b);
}
END_TEST

START_TEST(end_of_file)
{
	open_file(6);
	f->size = 5 * PAGE_SIZE + 100;
	ck_assert_uint_eq(filemap_read(b.cur, f, 5 * PAGE_SIZE, 4096), 100);
	ck_assert_uint_eq(filemap_read(b.cur, f, 5 * PAGE_SIZE + 100, 4096), 0);
	ck_assert_uint_eq(filemap_read(b.cur, f, 0, UINT64_MAX), f->size);
	ck_assert_uint_eq(f->nr_pages, 6);
	bed_close(&b);
}
END_TEST

/* Read-around: 32 pages around the fault, from 16 before it; a later fault on the mark goes on behind them.
 */
START_TEST(faults)
{
	struct vma vma = {.start = 0x10000, .end = 0x10000 + (1000 << PAGE_SHIFT)};
	bool major, retry, oom;
	pfn_t pfn;

	open_file(1000);
	pfn = filemap_fault(b.cur, &vma, f, 100, &major, &retry, &oom);
	ck_assert(major && !oom);
	ck_assert_uint_eq(pfn, pagecache_lookup(f, 100).pfn);
	ck_assert(frame_has(bed_frame(&b, pfn), FR_UPTODATE) && !frame_has(bed_frame(&b, pfn), FR_LOCKED));
	ck_assert_uint_eq(f->nr_pages, 32);
	ck_assert_uint_ne(pagecache_lookup(f, 84).pfn, PFN_NONE);
	ck_assert_uint_eq(pagecache_lookup(f, 83).pfn, PFN_NONE);
	ck_assert_uint_eq(marked(), 84 + 24);
	bed_put(&b, pfn);
	pfn = filemap_fault(b.cur, &vma, f, 108, &major, &retry, &oom);
	ck_assert(!major);
	ck_assert_uint_eq(f->nr_pages, 64);
	bed_put(&b, pfn);
	ck_assert_uint_eq(filemap_fault(b.cur, &vma, f, 1000, &major, &retry, &oom), PFN_NONE);
	ck_assert(!major && !oom);
	bed_close(&b);
}
END_TEST

/* MADV_RANDOM: the page alone. More than 100 misses in excess of hits: the same. */
START_TEST(random_faults)
{
	struct vma vma = {.start = 0x10000, .end = 0x10000 + (4000 << PAGE_SHIFT), .flags = VM_RAND_READ};
	bool major, retry, oom;

	open_file(4000);
	bed_put(&b, filemap_fault(b.cur, &vma, f, 100, &major, &retry, &oom));
	ck_assert(major);
	ck_assert_uint_eq(f->nr_pages, 1);
	vma.flags = 0;
	f->ra.mmap_miss = 100;
	bed_put(&b, filemap_fault(b.cur, &vma, f, 2000, &major, &retry, &oom));
	ck_assert_uint_eq(f->nr_pages, 2);
	bed_put(&b, filemap_fault(b.cur, &vma, f, 2000, &major, &retry, &oom)); /* a hit */
	bed_put(&b, filemap_fault(b.cur, &vma, f, 100, &major, &retry, &oom));
	bed_put(&b, filemap_fault(b.cur, &vma, f, 3000, &major, &retry, &oom));
	ck_assert_uint_eq(f->nr_pages, 2 + 32);
	bed_close(&b);
}
END_TEST

START_TEST(advice)
{
	open_file(2000);
	filemap_advise(b.cur, f, 0, 0, 1); /* random: what is asked for and no more */
	filemap_read(b.cur, f, 0, PAGE_SIZE);
	ck_assert_uint_eq(f->nr_pages, 1);
	filemap_advise(b.cur, f, 0, 0, 2); /* sequential: twice the window */
	ck_assert_uint_eq(f->ra.ra_pages, 64);
	filemap_advise(b.cur, f, 0, 0, 0);
	ck_assert_uint_eq(f->ra.ra_pages, 32);
	filemap_advise(b.cur, f, 100 << PAGE_SHIFT, 40 << PAGE_SHIFT, 3); /* will need */
	ck_assert_uint_eq(f->nr_pages, 41);
	page_wait(b.cur, pagecache_lookup(f, 139).pfn);
	filemap_advise(b.cur, f, 100 << PAGE_SHIFT, (20 << PAGE_SHIFT) + 5,
		       4); /* do not need: whole pages only */
	ck_assert_uint_eq(f->nr_pages, 21);
	ck_assert_uint_ne(pagecache_lookup(f, 120).pfn, PFN_NONE);
	lru_drain(b.cur);
	filemap_drop_all(b.cur);
	ck_assert_uint_eq(f->nr_pages, 0);
	ck_assert_uint_eq(bed_vm(&b, VMEV_DROP_PAGECACHE), 1);
	bed_close(&b);
}
END_TEST

/* The page read last is not marked accessed again; a page read twice from elsewhere becomes active. */
START_TEST(accessed)
{
	pfn_t pfn;

	open_file(1000);
	filemap_read(b.cur, f, 0, 100);
	pfn = pagecache_lookup(f, 0).pfn;
	lru_drain(b.cur);
	ck_assert(frame_has(bed_frame(&b, pfn), FR_REFERENCED));
	filemap_read(b.cur, f, 100, 100);
	filemap_read(b.cur, f, 200, 100);
	lru_drain(b.cur);
	ck_assert(!frame_has(bed_frame(&b, pfn), FR_ACTIVE));
	filemap_read(b.cur, f, 900 << PAGE_SHIFT, 100);
	filemap_read(b.cur, f, 0, 100);
	lru_drain(b.cur);
	ck_assert(frame_has(bed_frame(&b, pfn), FR_ACTIVE));
	bed_close(&b);
}
END_TEST

/* A page that was evicted and comes back counts as a refault. */
START_TEST(refault)
{
	pfn_t pfn;

	open_file(1000);
	read_page(500);
	lru_drain(b.cur);
	pfn = pagecache_lookup(f, 500).pfn;
	pagecache_remove(&b.k, pfn, workingset_eviction(&b.k, pfn, NULL));
	bed_put(&b, pfn);
	read_page(500);
	ck_assert_int_eq(bed_node(&b, NR_WORKINGSET_REFAULT_FILE), 1);
	bed_close(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("readahead");

	tcase_add_test(t, sequential);
	tcase_add_test(t, sequential_four);
	tcase_add_test(t, sequential_window);
	tcase_add_test(t, random_pages);
	tcase_add_test(t, sequential_in_the_middle);
	tcase_add_test(t, second_reader);
	tcase_add_test(t, end_of_file);
	tcase_add_test(t, faults);
	tcase_add_test(t, random_faults);
	tcase_add_test(t, advice);
	tcase_add_test(t, accessed);
	tcase_add_test(t, refault);
	return run_case("readahead", t);
}
