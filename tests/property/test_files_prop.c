/*
 * test_files_prop.c - several tasks read, write, map, sync and drop files at once in too little memory;
 * whatever the order, counts and trees stay consistent and nobody waits for ever.
 */
#include "models/kernel/kswapd.h"
#include "sim/rng.h"
#include "tests/suite.h"
#include "tests/unit/files_fixture.h"

#define NR_TASKS 5
#define NR_OPS   600
#define NR_FILES 3
#define PAGES    3000 /* of a file: together more than memory */

static struct bed b;
static struct rng rng[NR_TASKS];
static unsigned finished, nr_started;
static uint64_t ops_done;

static uint64_t draw(struct task *self, uint64_t n)
{
	return rng_below(&rng[self->id % NR_TASKS], n);
}

static void fault(struct task *self, struct file *f)
{
	struct vma vma = {.start = 0, .end = PAGES << PAGE_SHIFT, .file = f};
	bool major, retry, oom;
	uint64_t index = draw(self, PAGES);
	pfn_t pfn = filemap_fault(self, &vma, f, index, &major, &retry, &oom);

	if (index >= (f->size + PAGE_SIZE - 1) >> PAGE_SHIFT)
		return;
	ck_assert(pfn != PFN_NONE || oom);
	if (pfn == PFN_NONE)
		return;
	ck_assert(frame_has(frame_of(self->k->memory, pfn), FR_UPTODATE));
	frame_put(self->k, self->exec->cpu, pfn);
}

static void operation(struct task *self)
{
	struct file *f = file_find(self->k->pagecache, 1 + draw(self, NR_FILES));
	uint64_t off = draw(self, PAGES << PAGE_SHIFT), len = 1 + draw(self, 40 << PAGE_SHIFT), n;

	len = MIN_OF(len, (PAGES << PAGE_SHIFT) - off);
	switch (draw(self, 12)) {
	case 0:
	case 1:
	case 2:
		n = filemap_write(self, f, off, len);
		ck_assert_uint_le(n, len);
		ck_assert_uint_ge(f->size, off + n);
		break;
	case 3:
		writeback_file(self, f, off >> PAGE_SHIFT, (off + len) >> PAGE_SHIFT, draw(self, 2));
		break;
	case 4:
		filemap_advise(self, f, off, len, (int)draw(self, 6));
		break;
	case 5:
	case 6:
		fault(self, f);
		break;
	case 7:
		if (draw(self, 20) == 0)
			filemap_drop_all(self);
		break;
	case 8:
		if (draw(self, 20) == 0)
			writeback_sync_all(self);
		break;
	default:
		n = filemap_read(self, f, off, len);
		ck_assert_uint_le(n, len);
		break;
	}
	ops_done++;
}

static void worker(struct task *self)
{
	for (unsigned i = 0; i < NR_OPS; i++)
		operation(self);
	finished++;
	sched_exit(self);
}

START_TEST(at_once)
{
	bed_open(&b, "topology.node_mem=12MiB 12MiB", "topology.node_cpus=2 1", "kernel.struct_page_bytes=0",
		 "swap.size=4MiB", "disk.bandwidth_mb=400");
	finished = 0;
	ops_done = 0;
	for (uint64_t i = 0; i < NR_FILES; i++)
		file_declare(b.cur, 1 + i, "/f", i * 1000 << PAGE_SHIFT);
	kswapd_start(&b.k);
	writeback_start(&b.k);
	for (nr_started = 0; nr_started < NR_TASKS; nr_started++) {
		rng_init(&rng[nr_started], (uint64_t)_i * 100 + nr_started, "test");
		sched_kthread(&b.k, "w", nr_started % 3, worker);
	}
	for (uint64_t n = 0; finished < NR_TASKS; n++) {
		ck_assert_msg(eventq_step(&b.q), "all sleep after %" PRIu64 " operations", ops_done);
		ck_assert_msg(n < 20000000, "no end after %" PRIu64 " operations", ops_done);
		if (n % 20000 == 0)
			ck_assert(pagecache_is_valid(b.k.pagecache));
	}
	bed_run_until(&b, kernel_now(&b.k) + 60 * PS_PER_S); /* all of it expires */
	ck_assert_int_eq(bed_node(&b, NR_FILE_DIRTY), 0);
	ck_assert_int_eq(bed_node(&b, NR_WRITEBACK), 0);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_ZONE_WRITE_PENDING), 0);
	ck_assert(pagecache_is_valid(b.k.pagecache));
	ck_assert(slab_is_valid(b.k.slab));
	ck_assert_uint_gt(bed_vm(&b, VMEV_PGSTEAL_KSWAPD) + bed_vm(&b, VMEV_PGSTEAL_DIRECT), 1000);
	for (pfn_t p = 0; p < b.mem.frames.end; p++) /* nobody holds a page or its lock any more */
		if (bed_frame(&b, p)->file != FILE_NONE &&
		    pagecache_file_at(b.k.pagecache, bed_frame(&b, p)->file) && bed_frame(&b, p)->refs > 0 &&
		    !frame_has(bed_frame(&b, p), FR_SLAB))
			ck_assert(!frame_has(bed_frame(&b, p), FR_LOCKED));
	lru_drain_all(&b.k);
	ck_assert_int_eq(bed_node(&b, NR_INACTIVE_FILE) + bed_node(&b, NR_ACTIVE_FILE),
			 bed_node(&b, NR_FILE_PAGES));
	filemap_drop_all(b.cur);
	ck_assert_int_eq(bed_node(&b, NR_FILE_PAGES), 0);
	bed_close(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("files_prop");

	tcase_add_loop_test(t, at_once, 0, 4);
	return run_case("files_prop", t);
}
