/*
 * test_shmem_huge.c - shared memory in huge pages: when they are taken, how they are mapped, split, swapped,
 * freed.
 */
#include "models/kernel/shmem.h"

#include "models/kernel/thp_split.h"
#include "tests/machine_fixture.h"
#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE
#define H  HUGE_PAGE_SIZE
#define A  UINT64_C(0x40000000)
#define NR HUGE_PAGE_NR

static struct bed b;

static vaddr_t map_shared(vaddr_t at, uint64_t len)
{
	const struct mmap_request r = {at, len, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, NULL, 0};
	int64_t a = sys_mmap(b.t, &r);

	ck_assert_int_eq(a, (int64_t)at);
	return at;
}

static void start(const char *mode)
{
	bed_new(&b, BED_SMALL, "swap.size=64MiB", mode, NULL);
}

static void end(void)
{
	ck_assert(pgtable_is_valid(&b.t->mm->pt));
	ck_assert(pagecache_is_valid(b.k.pagecache));
	bed_free(&b);
}

static uint64_t event(enum vm_event e)
{
	return b.mem.vmstat.event[e];
}

static int64_t level(enum node_item i)
{
	return memory_node_total(&b.mem, i);
}

static pte_t entry(vaddr_t a)
{
	struct ptable *t = pgtable_table(&b.t->mm->pt, a, 2);

	return t ? t->e[ptable_index(a, 2)] : 0;
}

static void touch(vaddr_t a)
{
	ck_assert_int_eq(bed_touch(&b, a, true), FAULT_DONE);
}

START_TEST(one_fault)
{
	uint64_t used;
	const struct frame *f;

	start("thp.shmem_enabled=always");
	map_shared(A, 2 * H);
	lru_drain_all(&b.k);
	used = bed_used(&b);
	touch(A + 5 * P);
	ck_assert_uint_eq(entry(A) & (PTE_HUGE | PTE_WRITE | PTE_PRESENT),
			  PTE_HUGE | PTE_WRITE | PTE_PRESENT);
	ck_assert_uint_eq(event(VMEV_PGFAULT), 1);
	ck_assert_uint_eq(event(VMEV_THP_FILE_ALLOC), 1);
	ck_assert_uint_eq(event(VMEV_THP_FILE_MAPPED), 1);
	ck_assert_uint_eq(event(VMEV_THP_FAULT_ALLOC), 0);
	ck_assert_int_eq(level(NR_SHMEM), NR);
	ck_assert_int_eq(level(NR_FILE_PAGES), NR);
	ck_assert_int_eq(level(NR_SHMEM_THPS), NR);
	ck_assert_int_eq(level(NR_SHMEM_PMDMAPPED), NR);
	ck_assert_int_eq(level(NR_FILE_MAPPED), NR);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], NR);
	ck_assert_uint_eq(b.t->mm->pt.nr_level[1], 0); /* no table is kept for a split */
	lru_drain_all(&b.k);
	f = frame_of(&b.mem, pte_pfn(entry(A)));
	ck_assert_int_eq(f->refs, NR + 1);
	ck_assert_int_eq(level(NR_INACTIVE_ANON) + level(NR_ACTIVE_ANON), NR);
	touch(A + H);
	ck_assert_uint_eq(event(VMEV_THP_FILE_ALLOC), 2);
	ck_assert(pagecache_is_valid(b.k.pagecache));
	ck_assert_int_eq(sys_munmap(b.t, A, 2 * H), 0);
	lru_drain_all(&b.k);
	ck_assert_int_eq(level(NR_SHMEM) + level(NR_SHMEM_THPS) + level(NR_SHMEM_PMDMAPPED), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], 0);
	ck_assert_uint_le(bed_used(&b), used + 8); /* slabs, tables: not the page */
	end();
}
END_TEST

/* 3 MiB, whose first two are touched, then the third. */
static const struct {
	const char *mode;
	int advice; /* MADV_HUGEPAGE 14, MADV_NOHUGEPAGE 15, 0 none */
	unsigned first, both;
} modes[] = {
	{"never", 14, 0, 0},       {"deny", 14, 0, 0},        {"always", 0, 1, 2}, {"always", 15, 0, 0},
	{"within_size", 0, 1, 1},  {"force", 0, 1, 2},        {"advise", 0, 0, 0}, {"advise", 14, 1, 2},
	{"within_size", 14, 1, 2}, {"within_size", 15, 0, 0},
};

START_TEST(when)
{
	char setting[64];

	snprintf(setting, sizeof setting, "thp.shmem_enabled=%s", modes[_i].mode);
	start(setting);
	map_shared(A, H + H / 2);
	if (modes[_i].advice)
		ck_assert_int_eq(sys_madvise(b.t, A, H + H / 2, modes[_i].advice), 0);
	touch(A);
	ck_assert_uint_eq(event(VMEV_THP_FILE_ALLOC), modes[_i].first);
	ck_assert_int_eq(level(NR_SHMEM), modes[_i].first ? NR : 1);
	/* the mapping ends in the second: a huge page may be there, but no huge entry */
	touch(A + H);
	ck_assert_uint_eq(event(VMEV_THP_FILE_ALLOC), modes[_i].both);
	ck_assert_uint_eq(event(VMEV_THP_FILE_MAPPED), modes[_i].first);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], modes[_i].first ? NR + 1 : 2);
	end();
}
END_TEST

/* Off by a page: the parts are mapped one by one, those around with them when it is read. */
START_TEST(parts)
{
	start("thp.shmem_enabled=always");
	map_shared(A + P, 2 * H);
	touch(A + P);
	ck_assert_uint_eq(event(VMEV_THP_FILE_ALLOC), 1);
	ck_assert_uint_eq(event(VMEV_THP_FILE_MAPPED), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], 1);
	ck_assert_int_eq(level(NR_FILE_MAPPED), 1);
	ck_assert_int_eq(level(NR_SHMEM_PMDMAPPED), 0);
	ck_assert_int_eq(bed_touch(&b, A + 64 * P, false), FAULT_DONE);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], 17); /* 16 pages are mapped around a read */
	ck_assert_uint_eq(event(VMEV_PGFAULT), 2);
	ck_assert_int_eq(sys_munmap(b.t, A + P, 32 * P), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], 16);
	ck_assert_int_eq(level(NR_SHMEM), NR);
	ck_assert_uint_eq(event(VMEV_THP_DEFERRED_SPLIT_PAGE), 0); /* of anonymous pages only */
	end();
}
END_TEST

START_TEST(two_processes)
{
	struct process *child;

	start("thp.shmem_enabled=always");
	map_shared(A, H);
	touch(A);
	child = bed_process(&b);
	child->mm = mm_fork(b.t, child);
	ck_assert_int_eq(child->mm->rss[MM_SHMEMPAGES], 0); /* its own faults map it */
	bed_become(&b, child);
	touch(A + 100 * P);
	ck_assert_int_eq(child->mm->rss[MM_SHMEMPAGES], NR);
	ck_assert_uint_eq(event(VMEV_THP_FILE_ALLOC), 1);
	ck_assert_uint_eq(event(VMEV_THP_FILE_MAPPED), 2);
	ck_assert_int_eq(level(NR_SHMEM_PMDMAPPED), NR);
	ck_assert_int_eq(frame_whole_mapcount(frame_of(&b.mem, pte_pfn(entry(A)))), 2);
	bed_become(&b, &b.proc[0]);
	end();
}
END_TEST

/* A part goes from the mapping: the entry is dropped, the page stays whole. A part goes from the memory: it
 * is split. */
START_TEST(splits)
{
	start("thp.shmem_enabled=always");
	map_shared(A, H);
	touch(A);
	ck_assert_int_eq(sys_munmap(b.t, A + H - P, P), 0);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 1);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], 0);
	ck_assert_int_eq(level(NR_SHMEM_THPS), NR);
	touch(A);
	touch(A + 9 * P);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], 2);
	lru_drain_all(&b.k);
	ck_assert_int_eq(sys_madvise(b.t, A + 8 * P, 2 * P, 9), 0); /* MADV_REMOVE */
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 1);
	ck_assert_int_eq(level(NR_SHMEM), NR - 2);
	ck_assert_int_eq(level(NR_SHMEM_THPS), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], 0);
	ck_assert(pagecache_is_valid(b.k.pagecache));
	touch(A + 8 * P); /* something is around the hole: a small page */
	ck_assert_uint_eq(event(VMEV_THP_FILE_ALLOC), 1);
	ck_assert_int_eq(level(NR_SHMEM), NR - 1);
	end();
}
END_TEST

/* A split lets go of what lies behind the end of the object. */
START_TEST(behind_the_end)
{
	struct frame *f;

	start("thp.shmem_enabled=always");
	map_shared(A, 5 * P);
	touch(A);
	ck_assert_int_eq(level(NR_SHMEM), NR);
	lru_drain_all(&b.k);
	f = frame_of(&b.mem, page_head(&b.mem, pte_pfn(bed_pte(&b, A))));
	f->refs++;
	ck_assert(thp_split_page(b.t, (pfn_t)(f - b.mem.frames.f), NULL));
	frame_put(&b.k, 0, (pfn_t)(f - b.mem.frames.f));
	ck_assert_int_eq(level(NR_SHMEM), 5);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], 0);
	end();
}
END_TEST

START_TEST(no_huge_page)
{

	start("thp.shmem_enabled=always");
	map_shared(A, H);
	bed_shatter(&b, 0);
	touch(A);
	ck_assert_uint_eq(event(VMEV_THP_FILE_FALLBACK), 1);
	ck_assert_uint_eq(event(VMEV_THP_FILE_ALLOC), 0);
	ck_assert_int_eq(level(NR_SHMEM), 1);
	end();
}
END_TEST

/* ---- a whole machine ---- */

static struct bench bench, *const m = &bench;

/* 40 MiB of shared memory on a machine of 32: huge pages are split, their parts swapped, all come back. */
START_TEST(under_pressure)
{
	bench_open(m);
	bench_mmap(m, AREA, MIB(40), PROT_RW, 0x21);
	bench_store_pages(m, 0, 40 * 256);
	bench_load_pages(m, 0, 40 * 256);
	bench_run(m, "topology.node_mem=32MiB", "swap.size=128MiB", "thp.shmem_enabled=always", NULL);
	ck_assert_int_eq(m->rc, 0);
	ck_assert_int_eq(bench_stat(m, "process.accesses", "P1"), 2 * 40 * 256);
	ck_assert_int_gt(bench_counter(m, "vmstat thp_file_alloc"), 8);
	ck_assert_int_gt(bench_counter(m, "vmstat thp_split_page"), 4);
	ck_assert_int_gt(bench_counter(m, "vmstat pswpout"), 8 * 256);
	ck_assert_int_gt(bench_counter(m, "vmstat pswpin"), 8 * 256);
	ck_assert_int_eq(bench_counter(m, "vmstat oom_kill"), 0);
	/* the process is gone, and with it all of its memory */
	ck_assert_int_eq(bench_counter(m, "meminfo Shmem"), 0);
	ck_assert_int_eq(bench_sum(m, "node.nr_shmem_hugepages"), 0);
	ck_assert_int_eq(bench_sum(m, "node.nr_shmem_pmdmapped"), 0);
	bench_close(m);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("shmem_huge");

	tcase_add_test(t, one_fault);
	tcase_add_loop_test(t, when, 0, ARRAY_LEN(modes));
	tcase_add_test(t, parts);
	tcase_add_test(t, two_processes);
	tcase_add_test(t, splits);
	tcase_add_test(t, behind_the_end);
	tcase_add_test(t, no_huge_page);
	tcase_add_test(t, under_pressure);
	return run_case("shmem_huge", t);
}
