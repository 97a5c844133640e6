/*
 * test_reclaim.c - memory runs short in whole machines: watermarks in the log, fates of pages, swap, locked
 * memory.
 */
#include "tests/machine_fixture.h"
#include "tests/suite.h"

static struct bench bench, *const b = &bench;

static const char *const fates[] = {"anon_freed",           "anon_written",
				    "anon_activated",       "anon_kept",
				    "anon_demoted",         "file_clean_freed",
				    "file_clean_written",   "file_clean_activated",
				    "file_clean_kept",      "file_clean_demoted",
				    "file_dirty_freed",     "file_dirty_written",
				    "file_dirty_activated", "file_dirty_kept",
				    "file_dirty_demoted",   "shmem_freed",
				    "shmem_written",        "shmem_activated",
				    "shmem_kept",           "shmem_demoted",
				    "locked_freed",         "locked_written",
				    "locked_activated",     "locked_kept",
				    "locked_demoted",       "skipped"};

static int64_t fate(const char *name)
{
	char full[64];

	snprintf(full, sizeof full, "fate.%s", name);
	return bench_stat(b, full, "machine");
}

static int64_t vm(const char *name)
{
	char full[64];

	snprintf(full, sizeof full, "vmstat %s", name);
	return bench_counter(b, full);
}

/* What holds after every run. */
static void check_laws(void)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < ARRAY_LEN(fates); i++)
		sum += fate(fates[i]);
	/* the run may end while kswapd has a batch in its hands */
	ck_assert_int_le(sum, vm("pgscan_kswapd") + vm("pgscan_direct"));
	ck_assert_int_ge(sum + vm("nr_isolated_anon") + vm("nr_isolated_file"),
			 vm("pgscan_kswapd") + vm("pgscan_direct"));
	ck_assert_int_eq(vm("pgscan_anon") + vm("pgscan_file"), vm("pgscan_kswapd") + vm("pgscan_direct"));
	ck_assert_int_eq(vm("pgsteal_kswapd") + vm("pgsteal_direct"),
			 vm("pgsteal_anon") + vm("pgsteal_file"));
	sum = fate("anon_freed") + fate("file_clean_freed");
	ck_assert_int_ge(sum, vm("pgsteal_anon") + vm("pgsteal_file"));
	ck_assert_int_le(sum, vm("pgsteal_anon") + vm("pgsteal_file") + 32);
	ck_assert_int_eq(fate("locked_freed") + fate("locked_written"), 0);
	ck_assert_int_eq(fate("shmem_freed") + fate("file_dirty_freed"), 0);
	/* everybody is gone in the end; in swap is what was being written just then */
	ck_assert_int_eq(bench_stat(b, "swap.slots_allocated", "swap") -
				 bench_stat(b, "swap.slots_freed", "swap"),
			 bench_counter(b, "meminfo SwapCached") / 4);
	ck_assert_int_le(bench_counter(b, "meminfo SwapCached"), 512);
}

static void sleep_ms(unsigned ms)
{
	BENCH_CALL1(b, REC_SLEEP, ms * UINT64_C(1000000));
}

/* 40 MiB in a machine of 32: low wakes kswapd, kswapd works, high, kswapd sleeps. */
START_TEST(the_log_tells_low_kswapd_high)
{
	size_t low, wake, high, sleep, first;

	bench_open(b);
	bench_mmap(b, AREA, MIB(64), PROT_RW, ANON);
	sleep_ms(500); /* kswapd's first nap */
	bench_mark(b, "begin");
	for (unsigned i = 0; i < 10240; i++) {
		bench_store(b, PG(i));
		if (i % 256 == 255)
			sleep_ms(2); /* it keeps up */
	}
	sleep_ms(2000);
	bench_mark(b, "end");
	bench_run(b, "topology.node_mem=32MiB", "vm.watermark_boost_factor=0", NULL);
	first = bench_find(b, 0, "mark");
	low = bench_find(b, first, "wmark_low");
	wake = bench_find(b, first, "kswapd_wake");
	high = bench_find(b, first, "wmark_high");
	sleep = bench_find(b, first, "kswapd_sleep");
	ck_assert_uint_lt(first, low);
	ck_assert_uint_lt(low, wake);
	ck_assert_uint_lt(wake, high);
	ck_assert_uint_lt(high, sleep);
	ck_assert_uint_lt(sleep, b->nr_events);
	for (size_t i = first; i < b->nr_events; i++) {
		int64_t low_pages = bench_counter(b, "zone/0/DMA32 low") + bench_counter(b, "zone/0/DMA low");
		int64_t high_pages = bench_counter(b, "zone/0/DMA32 high");

		if (!strcmp(b->event[i].kind, "wmark_low"))
			ck_assert_int_le(b->event[i].value, low_pages);
		if (!strcmp(b->event[i].kind, "wmark_high"))
			ck_assert_int_ge(b->event[i].value, high_pages);
	}
	ck_assert_int_gt(vm("pgsteal_kswapd"), 1000);
	ck_assert_int_gt(vm("pswpout"), 2000);
	check_laws();
	bench_close(b);
}
END_TEST

/* Nobody but the CPU that allocates: kswapd gets its turn too late, the task reclaims itself, each time below
 * min. */
START_TEST(below_min_the_task_reclaims_itself)
{
	unsigned direct = 0;

	bench_open(b);
	bench_mmap(b, AREA, MIB(64), PROT_RW, ANON);
	bench_store_pages(b, 0, 12000);
	bench_run(b, "topology.node_mem=32MiB", "vm.watermark_boost_factor=0", NULL);
	for (size_t i = 0, min = 0; i < b->nr_events; i++) {
		if (!strcmp(b->event[i].kind, "wmark_min")) {
			min++;
			ck_assert_int_le(b->event[i].value, bench_counter(b, "zone/0/DMA32 low") +
								    bench_counter(b, "zone/0/DMA low"));
		}
		if (!strcmp(b->event[i].kind, "direct_reclaim")) {
			direct++;
			ck_assert_uint_ge(min, direct);
		}
	}
	ck_assert_uint_gt(direct, 0);
	ck_assert_int_le(direct, vm("allocstall_movable") + vm("allocstall_normal") + vm("allocstall_dma32") +
					 vm("allocstall_dma"));
	ck_assert_int_gt(vm("pgscan_direct"), 0);
	ck_assert_int_gt(bench_stat(b, "cycles.reclaim_direct", "0"), 0);
	check_laws();
	bench_close(b);
}
END_TEST

/* Clean pages of a file are dropped: nothing is written, nothing swapped, though the file is three times the
 * memory. */
START_TEST(clean_file_pages_are_dropped)
{
	bench_open(b);
	bench_file(b, 3, MIB(96));
	bench_mmap_file(b, AREA, MIB(96), PROT_R, SHARED, 3);
	for (unsigned i = 0; i < 96 * 256; i += 8)
		bench_load(b, PG(i));
	bench_run(b, "topology.node_mem=32MiB", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(vm("pswpout"), 0);
	ck_assert_int_eq(bench_stat(b, "blkdev.writes", "disk"), 0);
	ck_assert_int_gt(fate("file_clean_freed"), 60 * 256);
	ck_assert_int_eq(fate("file_clean_freed"), vm("pgsteal_file"));
	ck_assert_int_eq(fate("anon_written") + fate("file_dirty_written"), 0);
	check_laws();
	bench_close(b);
}
END_TEST

/* A file read through memory in pieces mixes page blocks, which raises the watermarks; once kswapd has met
 * them it wakes kcompactd, beside the few wakes for the sake of slabs of several pages. */
static int64_t compactor_wakes(const char *boost)
{
	int64_t wakes;

	bench_open(b);
	bench_file(b, 3, MIB(192));
	bench_mmap_file(b, AREA, MIB(192), PROT_R, SHARED, 3);
	for (unsigned i = 0; i < 192 * 256; i += 5)
		bench_load(b, PG(i));
	sleep_ms(1000);
	bench_run(b, "topology.node_mem=64MiB", boost, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_gt(vm("pgsteal_kswapd"), 0);
	wakes = vm("compact_daemon_wake");
	bench_close(b);
	return wakes;
}

START_TEST(raised_watermarks_end_with_compaction)
{
	int64_t without = compactor_wakes("vm.watermark_boost_factor=0");

	ck_assert_int_gt(compactor_wakes("vm.watermark_boost_factor=15000"), without);
}
END_TEST

/* Dirty pages of a file are written first; the flushers do that, reclaim hardly ever. */
START_TEST(dirty_file_pages_are_left_to_the_flushers)
{
	bench_open(b);
	bench_file(b, 3, MIB(64));
	bench_mmap_file(b, AREA, MIB(64), PROT_RW, SHARED, 3);
	bench_store_pages(b, 0, 64 * 256);
	bench_run(b, "topology.node_mem=32MiB", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(vm("pswpout"), 0);
	ck_assert_int_gt(vm("nr_written"), 30 * 256);
	ck_assert_int_eq(fate("file_dirty_freed"), 0);
	ck_assert_int_lt(fate("file_dirty_written"), vm("nr_written") / 10);
	ck_assert_int_gt(fate("file_clean_freed"), 20 * 256);
	check_laws();
	bench_close(b);
}
END_TEST

/* Anonymous pages go to swap and come back; out and in are what the counters of device and processes say. */
START_TEST(anonymous_pages_are_swapped)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(40), PROT_RW, ANON);
	bench_store_pages(b, 0, 40 * 256);
	bench_load_pages(b, 0, 40 * 256);
	bench_mark(b, "full");
	bench_store_pages(b, 0, 1);
	bench_run(b, "topology.node_mem=32MiB", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(bench_stat(b, "process.accesses", "P1"), 2 * 40 * 256 + 1);
	ck_assert_int_gt(vm("pswpout"), 8 * 256);
	ck_assert_int_gt(vm("pswpin"), 8 * 256);
	ck_assert_int_eq(bench_stat(b, "blkdev.write_bytes", "swap"), vm("pswpout") * 4096);
	ck_assert_int_eq(bench_stat(b, "blkdev.read_bytes", "swap"), vm("pswpin") * 4096);
	/* every page of the process is somewhere */
	ck_assert_int_eq(shot_value(bench_shot(b, "full"), "process.rss_anon_pages", "P1") +
				 shot_value(bench_shot(b, "full"), "process.swap_pages", "P1"),
			 40 * 256);
	ck_assert_int_eq(bench_stat(b, "process.zero_faults", "P1"), 40 * 256);
	check_laws();
	bench_close(b);
}
END_TEST

/* Locked memory stays, whatever happens to the rest. */
START_TEST(locked_pages_never_go)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(48), PROT_RW, ANON);
	BENCH_CALL3(b, REC_MLOCK, AREA, MIB(8), 0);
	bench_mark(b, "locked");
	bench_store_pages(b, 2048, 40 * 256 - 1);
	bench_mark(b, "pressed");
	bench_load_pages(b, 0, 2048);
	bench_mark(b, "touched");
	bench_run(b, "topology.node_mem=32MiB", NULL);
	ck_assert_int_eq(shot_value(bench_shot(b, "locked"), "meminfo Mlocked", ""), 8192);
	ck_assert_int_eq(shot_value(bench_shot(b, "pressed"), "meminfo Mlocked", ""), 8192);
	ck_assert_int_eq(shot_value(bench_shot(b, "pressed"), "meminfo Unevictable", ""), 8192);
	ck_assert_int_gt(shot_value(bench_shot(b, "pressed"), "process.swap_pages", "P1"), 0);
	/* touching them faults nowhere */
	ck_assert_int_eq(shot_value(bench_shot(b, "touched"), "process.maj_flt", "P1"),
			 shot_value(bench_shot(b, "pressed"), "process.maj_flt", "P1"));
	ck_assert_int_eq(shot_value(bench_shot(b, "touched"), "process.min_flt", "P1"),
			 shot_value(bench_shot(b, "pressed"), "process.min_flt", "P1"));
	check_laws();
	bench_close(b);
}
END_TEST

/* Swap is full: then only files are reclaimed; when they are gone, too, a process dies. */
START_TEST(full_swap_turns_to_files_and_then_to_the_killer)
{
	size_t full, kill;

	bench_open(b);
	bench_file(b, 3, MIB(8));
	bench_mmap_file(b, PG(100000), MIB(8), PROT_R, SHARED, 3);
	bench_mmap(b, AREA, MIB(96), PROT_RW, ANON);
	for (unsigned i = 0; i < 96 * 256; i++) {
		bench_store(b, PG(i));
		if (i % 4 == 0)
			bench_load(b, PG(100000 + i / 4 % 2048));
	}
	bench_run(b, "topology.node_mem=32MiB", "swap.size=16MiB", "vm.overcommit_memory=1", NULL);
	ck_assert_int_eq(b->rc, 0);
	full = bench_find(b, 0, "swap_full");
	kill = bench_find(b, 0, "oom_kill");
	ck_assert_uint_lt(full, kill);
	ck_assert_uint_lt(kill, b->nr_events);
	ck_assert_int_eq(vm("oom_kill"), 1);
	ck_assert_int_gt(vm("pgsteal_file"), 0);
	ck_assert_int_gt(bench_stat(b, "process.skipped_accesses", "P1"), 0);
	ck_assert_int_eq(bench_stat(b, "process.skipped_accesses", "P1") +
				 bench_stat(b, "process.accesses", "P1"),
			 96 * 256 * 5 / 4);
	/* it took all there was: 16 MiB of swap and most of 32 MiB of memory */
	ck_assert_int_gt(bench_stat(b, "process.accesses", "P1"), 38 * 256 * 5 / 4);
	ck_assert_int_eq(bench_counter(b, "meminfo AnonPages"), 0);
	check_laws();
	bench_close(b);
}
END_TEST

/* The more swappiness, the larger the part of anonymous pages in what is reclaimed; at 0 there is (almost)
 * none. */
START_TEST(swappiness_moves_the_balance)
{
	static const char *const set[] = {"vm.swappiness=0", "vm.swappiness=30", "vm.swappiness=60",
					  "vm.swappiness=100", "vm.swappiness=200"};
	double first = 0, last = -1;

	for (unsigned i = 0; i < ARRAY_LEN(set); i++) {
		double anon, file;

		bench_open(b);
		bench_file(b, 3, MIB(24));
		bench_mmap_file(b, PG(100000), MIB(24), PROT_R, SHARED, 3);
		bench_mmap(b, AREA, MIB(24), PROT_RW, ANON);
		for (unsigned round = 0; round < 3; round++)
			for (unsigned p = 0; p < 24 * 256; p++) {
				bench_store(b, PG(p));
				bench_load(b, PG(100000 + p));
			}
		bench_run(b, "topology.node_mem=32MiB", set[i], NULL);
		anon = (double)vm("pgsteal_anon");
		file = (double)vm("pgsteal_file");
		ck_assert_double_gt(anon + file, 1000);
		ck_assert_msg(anon / (anon + file) >= last - 0.01,
			      "%s: %.3f of what is reclaimed is anonymous, before %.3f", set[i],
			      anon / (anon + file), last);
		last = anon / (anon + file);
		if (i == 0) {
			ck_assert_double_lt(last, 0.05);
			first = last;
		}
		check_laws();
		bench_close(b);
	}
	ck_assert_double_gt(last, first + 0.05); /* as long as there is cache to trim, that goes first */
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("reclaim");

	tcase_add_test(t, the_log_tells_low_kswapd_high);
	tcase_add_test(t, below_min_the_task_reclaims_itself);
	tcase_add_test(t, clean_file_pages_are_dropped);
	tcase_add_test(t, raised_watermarks_end_with_compaction);
	tcase_add_test(t, dirty_file_pages_are_left_to_the_flushers);
	tcase_add_test(t, anonymous_pages_are_swapped);
	tcase_add_test(t, locked_pages_never_go);
	tcase_add_test(t, full_swap_turns_to_files_and_then_to_the_killer);
	tcase_add_test(t, swappiness_moves_the_balance);
	return run_case("reclaim", t);
}
