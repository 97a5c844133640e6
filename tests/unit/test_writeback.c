/*
 * test_writeback.c - dirty pages: counts, limits, flushing by threshold and by age, throttling, fsync.
 */
#include "tests/suite.h"
#include "tests/unit/files_fixture.h"

#define MEMORY "topology.node_mem=64MiB", "kernel.struct_page_bytes=0"
/* 100 MB/s: 4096 B in 40.96 us */
#define SLOW "disk.bandwidth_mb=100", "disk.write_us=100"

static struct bed b;
static struct file *f;

static int64_t dirty(void)
{
	return bed_node(&b, NR_FILE_DIRTY);
}

static int64_t dirty_or_written(void)
{
	return dirty() + bed_node(&b, NR_WRITEBACK);
}

static void write_pages(uint64_t first, uint64_t n)
{
	ck_assert_uint_eq(filemap_write(b.cur, f, first << PAGE_SHIFT, n << PAGE_SHIFT), n << PAGE_SHIFT);
}

static bool consistent(void)
{
	return pagecache_is_valid(b.k.pagecache) &&
	       memory_zone_total(&b.mem, NR_ZONE_WRITE_PENDING) == dirty_or_written();
}

/* 20 % and 10 % (in 1/4096: 819 and 409) of free memory above the reserves and file pages, plus one. */
START_TEST(limits)
{
	uint64_t background, hard, available;

	bed_open(&b, MEMORY);
	available = memory_free_pages(&b.mem) - b.mem.totalreserve_pages + 1;
	writeback_limits(&b.k, &background, &hard);
	ck_assert_uint_eq(hard, 819 * available / 4096);
	ck_assert_uint_eq(background, 409 * available / 4096);
	b.k.params.dirty_background_ratio = 50;
	writeback_limits(&b.k, &background, &hard);
	ck_assert_uint_eq(background, hard / 2);
	ck_assert_uint_eq(b.mem.node[0].dirty_limit, 20 * (available - 1) / 100);
	bed_close(&b);
}
END_TEST

START_TEST(counts)
{
	pfn_t pfn;

	bed_open(&b, MEMORY, SLOW);
	f = file_declare(b.cur, 1, "/a", 0);
	write_pages(0, 3);
	ck_assert_uint_eq(f->size, 3 * PAGE_SIZE);
	ck_assert_int_eq(dirty(), 3);
	ck_assert_int_eq(bed_node(&b, NR_DIRTIED), 3);
	write_pages(0, 3); /* dirty already */
	ck_assert_int_eq(bed_node(&b, NR_DIRTIED), 3);
	ck_assert_uint_eq(b.disk.stats.reads, 0);
	ck_assert(consistent());
	pfn = pagecache_lookup(f, 1).pfn;
	ck_assert(page_clear_dirty(&b.k, pfn));
	ck_assert(!page_clear_dirty(&b.k, pfn));
	ck_assert_uint_eq(f->nr_dirty, 2);
	page_lock(b.cur, pagecache_lookup(f, 0).pfn);
	page_write(b.cur, pagecache_lookup(f, 0).pfn);
	page_unlock(&b.k, pagecache_lookup(f, 0).pfn, kernel_now(&b.k));
	ck_assert_uint_eq(f->nr_writeback, 1);
	ck_assert(consistent());
	page_wait(b.cur, pagecache_lookup(f, 0).pfn);
	ck_assert_uint_eq(f->nr_writeback, 0);
	ck_assert_int_eq(bed_node(&b, NR_WRITTEN), 1);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PGPGOUT), 4);
	bed_close(&b);
}
END_TEST

/* A part of a page that is on the device is read first; a part of a new page, or a whole page, is not. */
START_TEST(partial_writes)
{
	bed_open(&b, MEMORY);
	f = file_declare(b.cur, 1, "/a", 10 * PAGE_SIZE);
	ck_assert_uint_eq(filemap_write(b.cur, f, 2 * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
	ck_assert_uint_eq(b.disk.stats.reads, 0);
	ck_assert_uint_eq(filemap_write(b.cur, f, 5 * PAGE_SIZE + 10, 20), 20);
	ck_assert_uint_eq(b.disk.stats.reads, 1);
	ck_assert_uint_eq(filemap_write(b.cur, f, 12 * PAGE_SIZE + 10, 20), 20);
	ck_assert_uint_eq(b.disk.stats.reads, 1);
	ck_assert_uint_eq(f->size, 12 * PAGE_SIZE + 30);
	ck_assert_int_eq(dirty(), 3);
	bed_close(&b);
}
END_TEST

static uint64_t slabs(const char *name)
{
	struct slab_info info;

	for (size_t i = 0; slab_info_at(b.k.slab, i, &info); i++)
		if (!strcmp(info.name, name))
			return info.num_slabs;
	ck_abort_msg("no cache %s", name);
}

/* A buffer head of 104 bytes for each page written, 39 in a slab page; they go with their pages. */
START_TEST(buffer_heads)
{
	pfn_t pfn;

	bed_open(&b, MEMORY, SLOW);
	f = file_declare(b.cur, 1, "/a", 1 << 20);
	filemap_read(b.cur, f, 0, 100 << PAGE_SHIFT);
	ck_assert_uint_eq(slabs("buffer_head"), 0);
	write_pages(0, 78);
	write_pages(0, 78);
	ck_assert_uint_eq(slabs("buffer_head"), 2);
	pfn = pagecache_lookup(f, 77).pfn;
	ck_assert_uint_ne(frame_of(&b.mem, pfn)->private, 0);
	pfn = pagecache_lookup(f, 78).pfn;
	ck_assert_uint_eq(frame_of(&b.mem, pfn)->private, 0);
	writeback_sync_all(b.cur);
	pagecache_invalidate(b.cur, f, 0, 77);
	write_pages(100, 78);
	ck_assert_uint_eq(slabs("buffer_head"), 2);
	ck_assert(slab_is_valid(b.k.slab));
	bed_close(&b);
}
END_TEST

/* 300 contiguous pages are two requests, 256 and 44; one apart is a third. */
START_TEST(fsync)
{
	bed_open(&b, MEMORY, SLOW);
	f = file_declare(b.cur, 1, "/a", 0);
	write_pages(0, 300);
	write_pages(400, 1);
	writeback_file(b.cur, f, 0, UINT64_MAX, true);
	ck_assert_int_eq(dirty_or_written(), 0);
	ck_assert_uint_eq(b.disk.stats.writes, 3);
	ck_assert_uint_eq(b.disk.stats.write_bytes, 301 * PAGE_SIZE);
	ck_assert_int_eq(bed_node(&b, NR_WRITTEN), 301);
	/* the device needed 301 transfers and one access */
	ck_assert_uint_ge(kernel_now(&b.k), 301 * UINT64_C(40960000));
	ck_assert(consistent());
	writeback_file(b.cur, f, 0, UINT64_MAX, true);
	ck_assert_uint_eq(b.disk.stats.writes, 3);
	bed_close(&b);
}
END_TEST

START_TEST(range)
{
	bed_open(&b, MEMORY, SLOW);
	f = file_declare(b.cur, 1, "/a", 0);
	write_pages(0, 100);
	writeback_file(b.cur, f, 10, 19, true);
	ck_assert_int_eq(dirty(), 90);
	writeback_file(b.cur, f, 0, 49, false);
	ck_assert_int_eq(dirty(), 50);
	ck_assert_int_eq(bed_node(&b, NR_WRITEBACK), 40);
	write_pages(0, 1);                     /* dirty again while it is written */
	writeback_file(b.cur, f, 0, 0, false); /* not waited for: left alone */
	ck_assert_int_eq(dirty(), 51);
	writeback_file(b.cur, f, 0, 0, true);
	ck_assert_int_eq(dirty(), 50);
	writeback_sync_all(b.cur);
	ck_assert_int_eq(dirty_or_written(), 0);
	ck_assert(consistent());
	bed_close(&b);
}
END_TEST

/* The limit is a fifth of the memory that may be dirty, which slabs of buffer heads take pages from: what was
 * allowed when it was written may be above it later. */
static int64_t limit_before_slabs(uint64_t hard)
{
	return (int64_t)hard + (bed_node(&b, NR_SLAB_RECLAIMABLE) + 4) / 5;
}

/* One writer, a device far slower than it: never more than the hard limit, and in the end as fast as the
 * device. */
START_TEST(hard_limit)
{
	uint64_t background, hard, pages = 12000, most = 0;
	tick_t start, end;

	bed_open(&b, MEMORY, SLOW);
	writeback_start(&b.k);
	f = file_declare(b.cur, 1, "/a", 0);
	writeback_limits(&b.k, &background, &hard);
	start = task_now(b.cur);
	for (uint64_t i = 0; i < pages; i++) {
		write_pages(i, 1);
		writeback_limits(&b.k, &background, &hard);
		ck_assert_int_le(dirty_or_written(), limit_before_slabs(hard));
		most = MAX_OF(most, (uint64_t)dirty_or_written());
	}
	end = task_now(b.cur);
	ck_assert_uint_gt(most, (hard + background) / 2);
	/* what was written in this time is what is not dirty any more: within the device's rate, and near it
	 */
	ck_assert_uint_ge(end - start, (pages - (uint64_t)dirty_or_written()) * UINT64_C(40960000));
	ck_assert_uint_le(end - start, pages * UINT64_C(40960000) * 5 / 4);
	ck_assert(consistent());
	writeback_file(b.cur, f, 0, UINT64_MAX, true);
	ck_assert_int_eq(dirty_or_written(), 0);
	bed_close(&b);
}
END_TEST

static uint64_t written_by[2];

static void writer(struct task *self)
{
	struct file *mine = file_find(self->k->pagecache, 1 + (self->id & 1));

	for (;;) /* over it again and again */
		filemap_write(self, mine, written_by[self->id & 1]++ % (1u << 14) << PAGE_SHIFT, PAGE_SIZE);
}

/* Two writers get about the same, and the device's rate together; the limit holds but for one page each. */
START_TEST(two_writers)
{
	uint64_t background, hard, sum;

	bed_open(&b, "topology.node_mem=256MiB", "topology.node_cpus=3", "kernel.struct_page_bytes=0", SLOW);
	written_by[0] = written_by[1] = 0;
	file_declare(b.cur, 1, "/a", 0);
	file_declare(b.cur, 2, "/b", 0);
	writeback_start(&b.k);
	sched_kthread(&b.k, "w0", 0, writer);
	sched_kthread(&b.k, "w1", 0, writer);
	for (tick_t t = 0; t < PS_PER_S; t += PS_PER_MS * 5) {
		bed_run_until(&b, t);
		writeback_limits(&b.k, &background, &hard);
		ck_assert_int_le(dirty_or_written(), limit_before_slabs(hard) + 2);
	}
	sum = (uint64_t)bed_node(&b, NR_DIRTIED);
	ck_assert_uint_ge(sum, 24414 * 9 / 10); /* 100 MB/s for a second … */
	ck_assert_uint_le(sum, 24414 + hard);   /* … and what stays dirty */
	ck_assert_uint_le(written_by[0], written_by[1] * 3 / 2);
	ck_assert_uint_le(written_by[1], written_by[0] * 3 / 2);
	ck_assert(consistent());
	bed_close(&b);
}
END_TEST

/* Above the background limit the flusher starts, and stops below it. */
START_TEST(background_limit)
{
	uint64_t background, hard;

	bed_open(&b, MEMORY, SLOW);
	writeback_start(&b.k);
	f = file_declare(b.cur, 1, "/a", 0);
	writeback_limits(&b.k, &background, &hard);
	write_pages(0, background - 200);
	bed_run_until(&b, kernel_now(&b.k) + 2 * PS_PER_S);
	ck_assert_uint_eq(b.disk.stats.writes, 0);
	write_pages(background - 200, 600);
	bed_run_until(&b, task_now(b.cur) + 2 * PS_PER_S);
	writeback_limits(&b.k, &background, &hard);
	ck_assert_uint_gt(b.disk.stats.writes, 0);
	ck_assert_int_le(dirty(), (int64_t)background);
	ck_assert(consistent());
	bed_close(&b);
}
END_TEST

/* Written when older than 30 s, at the flusher's next 5 s. */
START_TEST(expired)
{
	bed_open(&b, MEMORY, SLOW);
	writeback_start(&b.k);
	f = file_declare(b.cur, 1, "/a", 0);
	write_pages(0, 10);
	bed_run_until(&b, 29 * PS_PER_S);
	ck_assert_int_eq(dirty(), 10);
	bed_run_until(&b, 36 * PS_PER_S);
	ck_assert_int_eq(dirty_or_written(), 0);
	ck_assert_uint_eq(b.disk.stats.writes, 1);
	ck_assert_uint_eq(f->dirtied_when, 0);
	bed_run_until(&b, 100 * PS_PER_S);
	ck_assert_uint_eq(eventq_next_time(&b.q),
			  TICK_NEVER); /* nothing dirty: the flusher sleeps for good */
	bed_close(&b);
}
END_TEST

static unsigned flushes;

static void count_flush(void *ctx, struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end)
{
	(void)ctx;
	(void)cur;
	(void)mm;
	ck_assert_uint_eq(end - start, PAGE_SIZE);
	flushes++;
}

/* A mapping's entry loses write permission when the page is written, so that the next store is seen. */
START_TEST(mapped_pages_are_protected)
{
	struct table_ctx ctx;
	struct ptable *t;
	struct mm *mm;
	vaddr_t va = UINT64_C(0x7000000);
	pfn_t pfn;

	bed_open(&b, MEMORY);
	b.k.hooks.tlb_flush = count_flush;
	flushes = 0;
	mm = mm_table_add(&b.mms);
	ctx = (struct table_ctx){b.cur, mm};
	mm->k = &b.k;
	ck_assert(pgtable_init(&mm->pt, &alloc_table_ops, &ctx));
	f = file_declare(b.cur, 1, "/a", 0);
	write_pages(0, 1);
	pfn = pagecache_lookup(f, 0).pfn;
	t = pgtable_ensure(&mm->pt, va, 1, &alloc_table_ops, &ctx);
	ptable_set(t, ptable_index(va, 1), pte_make(pfn, PTE_PRESENT | PTE_WRITE | PTE_DIRTY | PTE_USER));
	frame_get(&b.k, pfn);
	rmap_add(&b.k, pfn, mm, va >> PAGE_SHIFT);
	writeback_file(b.cur, f, 0, UINT64_MAX, true);
	ck_assert_uint_eq(*pgtable_find(&mm->pt, va), pte_make(pfn, PTE_PRESENT | PTE_USER));
	ck_assert_uint_eq(flushes, 1);
	page_mark_dirty(b.cur, pfn);
	writeback_file(b.cur, f, 0, UINT64_MAX, true);
	ck_assert_uint_eq(flushes, 1);
	rmap_remove(&b.k, pfn, mm, va >> PAGE_SHIFT);
	bed_put(&b, pfn);
	ptable_set(t, ptable_index(va, 1), 0);
	pgtable_free_range(&mm->pt, 0, USER_ADDRESS_END, 0, USER_ADDRESS_END, &alloc_table_ops, &ctx);
	pgtable_release(&mm->pt, &alloc_table_ops, &ctx);
	mm_table_del(&b.mms, mm);
	bed_close(&b);
}
END_TEST

START_TEST(wake_up_flushers)
{
	bed_open(&b, MEMORY, SLOW);
	writeback_start(&b.k);
	f = file_declare(b.cur, 1, "/a", 0);
	write_pages(0, 10);
	writeback_wake(&b.k);
	bed_run_until(&b, PS_PER_S);
	ck_assert_int_eq(dirty_or_written(), 0);
	bed_close(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("writeback");

	tcase_add_test(t, limits);
	tcase_add_test(t, counts);
	tcase_add_test(t, partial_writes);
	tcase_add_test(t, buffer_heads);
	tcase_add_test(t, fsync);
	tcase_add_test(t, range);
	tcase_add_test(t, hard_limit);
	tcase_add_test(t, two_writers);
	tcase_add_test(t, background_limit);
	tcase_add_test(t, expired);
	tcase_add_test(t, wake_up_flushers);
	tcase_add_test(t, mapped_pages_are_protected);
	return run_case("writeback", t);
}
