/*
 * test_charge.c - whole machines with groups: what a limit does to those inside, and what it leaves alone.
 *
 * Unless said otherwise 128 MiB of memory and 128 MiB of swap, so that only a group is ever short.
 */
#include "tests/machine_fixture.h"
#include "tests/suite.h"

static struct bench bench, *const b = &bench;

static const char *const algorithm[] = {"reclaim.algorithm=twolist", "reclaim.algorithm=mglru"};

#define ROOMY "topology.node_mem=128MiB", "swap.size=128MiB", "vm.overcommit_memory=1"

/* A process that writes to the first `mib` MiB of its area, in order, and marks when it is done. */
static void writes(uint32_t pid, unsigned mib, const char *mark)
{
	bench_thread(b, pid, pid);
	bench_mmap(b, AREA, MIB(64), PROT_RW, ANON);
	bench_store_pages(b, 0, mib * 256u);
	if (mark)
		bench_mark(b, mark);
}

static int64_t at(const char *label, const char *counter)
{
	for (size_t i = 0; i < b->nr_shots; i++)
		if (!strcmp(b->shot[i].label, label))
			for (size_t j = 0; j < b->shot[i].nr_rows; j++)
				if (!strcmp(b->shot[i].row[j].name, counter))
					return b->shot[i].row[j].value;
	ck_abort_msg("no %s at %s", counter, label);
}

/* The most of a statistic of a group in any snapshot. */
static int64_t most(const char *stat, const char *group)
{
	int64_t v = -1;

	for (size_t i = 0; i < b->nr_shots; i++)
		for (size_t j = 0; j < b->shot[i].nr_rows; j++)
			if (!strcmp(b->shot[i].row[j].name, stat) &&
			    !strcmp(b->shot[i].row[j].instance, group) && b->shot[i].row[j].value > v)
				v = b->shot[i].row[j].value;
	ck_assert_int_ge(v, 0);
	return v;
}

START_TEST(what_fits_is_only_counted)
{
	int64_t stock;

	bench_open(b);
	writes(1, 20, "done");
	bench_run(b, ROOMY, "memcg.max=32M", algorithm[_i], NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(at("done", "memcg/g0 anon"), (int64_t)MIB(20));
	/* ten leaf tables, one table a level above; the root is charged, too, but is in no level that counts
	 */
	ck_assert_int_eq(at("done", "memcg/g0 pagetables"), 11 * 4096);
	/* and a page for the objects: the address space and its mapping */
	ck_assert_int_eq(at("done", "memcg/g0 slab_unreclaimable"), (1152 + 8) + (152 + 8));
	ck_assert_int_eq(at("done", "memcg/g0 kernel"), 14 * 4096);
	stock = at("done", "memcg/g0 memory.current") - (int64_t)MIB(20) - 14 * 4096;
	ck_assert_int_ge(stock, 0);
	ck_assert_int_lt(stock, 64 * 4096);
	ck_assert_int_eq(at("done", "memcg/g0 pgscan"), 0);
	ck_assert_int_eq(at("done", "memcg/g0 memory.events.max"), 0);
	ck_assert_int_eq(at("done", "memcg/g0 pgfault"), 5120);
	ck_assert_int_eq(bench_stat(b, "memcg.charged", "g0"), 5120 + 13);
	bench_close(b);
}
END_TEST

/* 20 MiB in a group of 8: it never holds more, what it does not hold is in swap, the machine notices nothing.
 */
START_TEST(a_group_never_exceeds_its_limit)
{
	bench_open(b);
	writes(1, 20, "done");
	bench_run(b, ROOMY, "memcg.max=8M", "metrics.interval_us=500", algorithm[_i], NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_le(most("memcg.current_pages", "g0"), 2048);
	ck_assert_int_eq(bench_stat(b, "memcg.peak_pages", "g0"), 2048);
	ck_assert_int_ge(at("done", "memcg/g0 anon") + at("done", "memcg/g0 memory.swap.current"),
			 (int64_t)MIB(20));
	ck_assert_int_gt(at("done", "memcg/g0 memory.swap.current"), (int64_t)MIB(12));
	ck_assert_int_gt(at("done", "memcg/g0 memory.events.max"), 20);
	ck_assert_int_eq(at("done", "memcg/g0 memory.events.oom"), 0);
	ck_assert_int_gt(at("done", "memcg/g0 pgsteal_direct"), 3000);
	/* not the machine's reclaim: its counters by who did it are silent, those by kind are not */
	ck_assert_int_eq(at("done", "vmstat pgscan_kswapd") + at("done", "vmstat pgscan_direct"), 0);
	ck_assert_int_eq(at("done", "vmstat pgsteal_direct"), 0);
	ck_assert_int_eq(at("done", "vmstat pgsteal_anon"), at("done", "memcg/g0 pgsteal"));
	ck_assert_int_eq(at("done", "vmstat allocstall_normal") + at("done", "vmstat allocstall_movable"), 0);
	bench_close(b);
}
END_TEST

START_TEST(a_neighbour_is_not_harmed)
{
	bench_open(b);
	writes(1, 16, NULL);
	writes(2, 24, NULL);
	bench_thread(b, 1, 1);
	bench_load_pages(b, 0, 16 * 256);
	bench_mark(b, "done");
	bench_run(b, ROOMY, "memcg.max=max 8M", "memcg.of=1:0 2:1", "replay.schedule=as-recorded",
		  algorithm[_i], NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_gt(at("done", "memcg/g1 pgsteal"), 4000);
	ck_assert_int_eq(at("done", "memcg/g0 anon"), (int64_t)MIB(16));
	ck_assert_int_eq(at("done", "memcg/g0 pgscan"), 0);
	ck_assert_int_eq(at("done", "memcg/g0 memory.swap.current"), 0);
	ck_assert_int_eq(bench_stat(b, "process.maj_flt", "P1"), 0);
	bench_close(b);
}
END_TEST

/* The larger process is in another group, and lives. */
START_TEST(death_comes_to_the_group_alone)
{
	size_t i;

	bench_open(b);
	writes(1, 40, NULL);
	writes(2, 12, NULL);
	bench_thread(b, 1, 1);
	bench_load_pages(b, 0, 10);
	bench_run(b, ROOMY, "swap.size=0", "memcg.name=big small", "memcg.max=max 8M",
		  "memcg.of=1:big 2:small", "replay.schedule=as-recorded", algorithm[_i], NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(bench_count(b, "oom_kill"), 1);
	i = bench_find(b, 0, "oom_kill");
	ck_assert_str_eq(b->event[i].scope, "process/P2");
	ck_assert_ptr_nonnull(strstr(b->event[i].detail, "\"constraint\":\"CONSTRAINT_MEMCG\""));
	ck_assert_ptr_nonnull(strstr(b->event[i].detail, "\"oom_memcg\":\"small\",\"task_memcg\":\"small\""));
	ck_assert_int_eq(bench_stat(b, "memcg.oom_kill", "small"), 1);
	ck_assert_int_eq(bench_stat(b, "memcg.oom_kill", "big"), 0);
	ck_assert_int_eq(bench_stat(b, "process.skipped_accesses", "P1"), 0);
	ck_assert_int_eq(bench_stat(b, "memcg.peak_pages", "small"), 2048);
	bench_close(b);
}
END_TEST

/* Of three processes two share a group: the larger of them dies, or both where the group goes as a whole. */
START_TEST(one_of_the_group_or_all_of_it)
{
	bool whole = _i;

	bench_open(b);
	writes(3, 40, NULL);
	writes(1, 6, NULL);
	writes(2, 12, NULL);
	for (uint32_t pid = 1; pid <= 3; pid++) {
		bench_thread(b, pid, pid);
		bench_load_pages(b, 0, 10);
	}
	bench_run(b, ROOMY, "swap.size=0", "memcg.max=16M max", "memcg.of=1:0 2:0 3:1",
		  whole ? "memcg.oom_group=1" : "memcg.oom_group=0", "replay.schedule=as-recorded", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(bench_count(b, "oom_kill"), whole ? 2 : 1);
	ck_assert_str_eq(b->event[bench_find(b, 0, "oom_kill")].scope, "process/P2");
	ck_assert_int_eq(bench_stat(b, "memcg.oom_kill", "g0"), whole ? 2 : 1);
	ck_assert_int_eq(bench_stat(b, "memcg.oom_group_kill", "g0"), whole);
	ck_assert_int_eq(bench_stat(b, "process.skipped_accesses", "P1"), whole ? 10 : 0);
	ck_assert_int_eq(bench_stat(b, "process.skipped_accesses", "P3"), 0);
	bench_close(b);
}
END_TEST

/* The machine is short. A group of 10 MiB that nobody uses goes to swap, unless it is protected. */
static const struct {
	const char *setting;
	bool spared;
} protection[] = {{"memcg.min=0", false},
		  {"memcg.min=12M 0", true},
		  {"memcg.low=12M 0", true},
		  {"memcg.low=2M 0", false}};

START_TEST(protected_groups_are_spared)
{
	bench_open(b);
	writes(1, 10, NULL);
	writes(2, 60, "done");
	bench_run(b, "topology.node_mem=48MiB", "swap.size=128MiB", "memcg.name=idle busy",
		  "memcg.of=1:idle 2:busy", "replay.schedule=as-recorded", protection[_i / 2].setting,
		  algorithm[_i % 2], NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_gt(at("done", "vmstat pgsteal_anon"), 1000);
	if (protection[_i / 2].spared) {
		ck_assert_int_eq(at("done", "memcg/idle memory.swap.current"), 0);
		ck_assert_int_eq(at("done", "memcg/idle pgscan"), 0);
		ck_assert_int_eq(at("done", "memcg/idle memory.events.low"), 0);
	} else {
		ck_assert_int_gt(at("done", "memcg/idle memory.swap.current"), (int64_t)MIB(1));
	}
	/* the machine's reclaim counts for both */
	ck_assert_int_eq(at("done", "memcg/idle pgsteal") + at("done", "memcg/busy pgsteal"),
			 at("done", "vmstat pgsteal_kswapd") + at("done", "vmstat pgsteal_direct"));
	bench_close(b);
}
END_TEST

/* All there is to reclaim is protected by memory.low: then it is reclaimed all the same. */
START_TEST(low_gives_way_to_need)
{
	bench_open(b);
	writes(1, 60, "done");
	bench_run(b, "topology.node_mem=48MiB", "swap.size=128MiB", "vm.overcommit_memory=1", "memcg.low=64M",
		  algorithm[_i], NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_gt(at("done", "memcg/g0 memory.events.low"), 0);
	ck_assert_int_gt(at("done", "memcg/g0 memory.swap.current"), (int64_t)MIB(12));
	ck_assert_uint_eq(bench_count(b, "oom_kill"), 0);
	bench_close(b);
}
END_TEST

/* Half file, half anonymous memory in a group that has room for half of it. */
START_TEST(swappiness_is_the_groups)
{
	bool swaps = _i / 2;

	bench_open(b);
	bench_file(b, 7, MIB(24));
	writes(1, 6, NULL);
	bench_mmap_file(b, PG(100000), MIB(24), PROT_R, SHARED, 7);
	for (unsigned round = 0; round < 3; round++)
		bench_load_pages(b, 100000, 24 * 256);
	bench_mark(b, "done");
	bench_run(b, ROOMY, "memcg.max=16M", "vm.swappiness=60", algorithm[_i % 2],
		  swaps ? "memcg.swappiness=200" : "memcg.swappiness=0", NULL);
	ck_assert_int_eq(b->rc, 0);
	if (swaps) {
		ck_assert_int_gt(at("done", "memcg/g0 memory.swap.current"), (int64_t)MIB(1) / 2);
	} else {
		ck_assert_int_eq(at("done", "memcg/g0 memory.swap.current"), 0);
		ck_assert_int_eq(at("done", "memcg/g0 anon"), (int64_t)MIB(6));
	}
	ck_assert_int_gt(at("done", "memcg/g0 pgsteal"), 1000);
	bench_close(b);
}
END_TEST

/* 8 MiB of memory and 4 of swap hold no 16. */
START_TEST(swap_has_a_limit)
{
	bench_open(b);
	writes(1, 16, NULL);
	bench_run(b, ROOMY, "memcg.max=8M", "memcg.swap_max=4M", "metrics.interval_us=300", algorithm[_i],
		  NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_le(most("memcg.swap_pages", "g0"), 1024);
	ck_assert_int_ge(most("memcg.swap_pages", "g0"), 1000);
	ck_assert_int_eq(bench_stat(b, "memcg.oom_kill", "g0"), 1);
	ck_assert_int_eq(at("final", "vmstat pswpout") <= 1024, 1);
	bench_close(b);
}
END_TEST

/* Nothing can be reclaimed: above memory.high the task waits, more and more, and is not killed. */
START_TEST(above_high_is_slow)
{
	tick_t free_time;

	bench_open(b);
	writes(1, 12, "done");
	bench_run(b, ROOMY, "swap.size=0", "memcg.high=max", NULL);
	free_time = b->end.time;
	ck_assert_int_eq(bench_stat(b, "memcg.throttles", "g0"), 0);
	bench_forget(b);
	bench_run(b, ROOMY, "swap.size=0", "memcg.high=10M", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_gt(bench_stat(b, "memcg.high", "g0"), 0);
	ck_assert_int_eq(bench_stat(b, "memcg.oom_kill", "g0"), 0);
	ck_assert_int_eq(at("done", "memcg/g0 anon"), (int64_t)MIB(12));
	/* 2 MiB above 10 are 8 batches; the last ones cost nearly as much as an excess of a fifth: 0.2^2 * 64
	 * * 1 s = 2.6 s, no more than 2 */
	ck_assert_int_ge(bench_stat(b, "memcg.throttles", "g0"), 4);
	ck_assert_int_le(bench_stat(b, "memcg.throttles", "g0"), 9);
	ck_assert_uint_gt((tick_t)bench_stat(b, "memcg.throttled_ps", "g0"), 4 * PS_PER_S);
	ck_assert_uint_lt((tick_t)bench_stat(b, "memcg.throttled_ps", "g0"), 18 * PS_PER_S);
	ck_assert_uint_ge(b->end.time, free_time + (tick_t)bench_stat(b, "memcg.throttled_ps", "g0"));
	bench_close(b);
}
END_TEST

/* With swap the group is brought back below memory.high on the way to user mode. */
START_TEST(high_is_reclaimed)
{
	bench_open(b);
	writes(1, 20, "done");
	bench_run(b, ROOMY, "memcg.high=8M", algorithm[_i], NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_gt(at("done", "memcg/g0 memory.events.high"), 10);
	ck_assert_int_eq(at("done", "memcg/g0 memory.events.max"), 0);
	ck_assert_int_le(at("done", "memcg/g0 memory.current"), (int64_t)MIB(8) + 130 * 4096);
	ck_assert_int_lt(bench_stat(b, "memcg.peak_pages", "g0"), 2048 + 200);
	bench_close(b);
}
END_TEST

START_TEST(children_are_in_their_parents_group)
{
	bench_open(b);
	writes(1, 2, NULL);
	BENCH_CALL2(b, REC_FORK, 2, 2);
	bench_thread(b, 2, 2);
	bench_store_pages(b, 0, 512); /* copies */
	bench_mark(b, "copied");
	bench_exit(b);
	bench_thread(b, 1, 1);
	bench_load_pages(b, 0, 1);
	bench_mark(b, "gone");
	bench_run(b, ROOMY, "memcg.max=max max", "memcg.of=1:1", "replay.schedule=as-recorded", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(at("copied", "memcg/g1 anon"), (int64_t)MIB(4));
	ck_assert_int_eq(at("gone", "memcg/g1 anon"), (int64_t)MIB(2));
	ck_assert_int_eq(at("copied", "memcg/g1 kernel_stack"), 16384);
	ck_assert_int_eq(at("copied", "memcg/g0 memory.current"), 0);
	bench_close(b);
}
END_TEST

/* Two groups with 8 MiB together: the limit of what they lie in holds for both. */
START_TEST(the_outer_limit_holds)
{
	bench_open(b);
	writes(1, 6, NULL);
	writes(2, 6, "done");
	bench_run(b, ROOMY, "memcg.name=a a/x a/y", "memcg.max=8M max max", "memcg.of=1:a/x 2:a/y",
		  "metrics.interval_us=300", "replay.schedule=as-recorded", algorithm[_i], NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_le(most("memcg.current_pages", "a"), 2048);
	ck_assert_int_eq(at("done", "memcg/a anon"),
			 at("done", "memcg/a/x anon") + at("done", "memcg/a/y anon"));
	ck_assert_int_eq(at("done", "memcg/a memory.current"),
			 at("done", "memcg/a/x memory.current") + at("done", "memcg/a/y memory.current"));
	ck_assert_int_gt(at("done", "memcg/a/x memory.swap.current"), 0); /* both pay */
	ck_assert_int_eq(at("done", "memcg/a pgsteal"),
			 at("done", "memcg/a/x pgsteal") + at("done", "memcg/a/y pgsteal"));
	ck_assert_int_gt(at("done", "memcg/a memory.events.max"), 0);
	ck_assert_int_eq(at("done", "memcg/a/y memory.events.max"), 0); /* it is a's limit */
	bench_close(b);
}
END_TEST

/* Who reads a page first pays for it; the file's pages stay when their reader is gone. */
START_TEST(the_first_reader_pays)
{
	bench_open(b);
	bench_file(b, 7, MIB(4));
	for (uint32_t pid = 1; pid <= 2; pid++) {
		bench_thread(b, pid, pid);
		bench_mmap_file(b, AREA, MIB(4), PROT_R, SHARED, 7);
		bench_load_pages(b, 0, pid == 1 ? 512 : 1024);
		bench_mark(b, pid == 1 ? "first" : "second");
		if (pid == 1)
			bench_exit(b);
	}
	bench_run(b, ROOMY, "memcg.max=max max", "memcg.of=1:0 2:1", "queue.read_ahead_kb=0",
		  "replay.schedule=as-recorded", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(at("first", "memcg/g0 file"), (int64_t)MIB(2));
	ck_assert_int_eq(at("second", "memcg/g0 file"), (int64_t)MIB(2));
	ck_assert_int_eq(at("second", "memcg/g1 file"), (int64_t)MIB(2));
	ck_assert_int_eq(at("second", "memcg/g0 file_mapped") + at("second", "memcg/g1 file_mapped"),
			 (int64_t)MIB(4));
	bench_close(b);
}
END_TEST

static void reads(uint32_t pid, unsigned mib)
{
	bench_thread(b, pid, pid);
	BENCH_CALL3(b, REC_READ, 5, 0, MIB(mib));
}

/* A file's inode, directory entry and tree are its first reader's, to the byte, with a pointer each; who
 * reads it again in another group pays for none of them; the tree goes with the pages. */
START_TEST(objects_of_files)
{
	const int64_t tree = (32 + 1) * (584 + 8); /* 2048 pages: leaves of 64, one node above them */
	const int64_t file = (1192 + 8) + (192 + 8);
	int64_t grown;

	bench_open(b);
	bench_file(b, 5, MIB(8));
	bench_thread(b, 1, 1);
	bench_mark(b, "first");
	reads(1, 8);
	bench_mark(b, "read");
	reads(2, 8);
	bench_mark(b, "again");
	BENCH_CALL1(b, REC_DROP_CACHES, 1);
	bench_mark(b, "dropped");
	bench_run(b, ROOMY, "memcg.max=32M 32M", "memcg.of=1:0 2:1", "replay.schedule=as-recorded", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(at("read", "memcg/g0 slab_reclaimable"), tree + file);
	ck_assert_int_eq(at("read", "memcg/g0 slab"),
			 at("read", "memcg/g0 slab_unreclaimable") + tree + file);
	grown = at("read", "memcg/g0 kernel") - at("first", "memcg/g0 kernel");
	ck_assert_int_gt(grown, tree + file - 4096);
	ck_assert_int_lt(grown, tree + file + 2 * 4096);
	ck_assert_int_eq(at("again", "memcg/g1 slab_reclaimable"), 0);
	ck_assert_int_eq(at("again", "memcg/g0 slab_reclaimable"), tree + file);
	ck_assert_int_eq(at("dropped", "memcg/g0 slab_reclaimable"), file);
	bench_close(b);
}
END_TEST

/* Mappings: 152 bytes and a pointer each; they go when the process does. */
START_TEST(objects_of_mappings)
{
	int64_t one;

	bench_open(b);
	bench_thread(b, 1, 1);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_mark(b, "one");
	for (unsigned i = 1; i <= 100; i++)
		bench_mmap(b, AREA + i * MIB(2), MIB(1), PROT_RW, ANON);
	bench_mark(b, "many");
	bench_exit(b);
	bench_thread(b, 2, 2);
	bench_mark(b, "gone");
	bench_run(b, ROOMY, "memcg.max=32M", "memcg.of=1:0", "replay.schedule=as-recorded", NULL);
	ck_assert_int_eq(b->rc, 0);
	one = at("one", "memcg/g0 slab_unreclaimable");
	ck_assert_int_eq(one, 160 + (1152 + 8)); /* and the address space */
	ck_assert_int_eq(at("many", "memcg/g0 slab_unreclaimable"), one + 100 * 160);
	ck_assert_int_eq(at("gone", "memcg/g0 slab_unreclaimable"), 0);
	ck_assert_int_eq(at("gone", "memcg/g0 pagetables"), 0);
	bench_close(b);
}
END_TEST

/* A huge page that does not fit is made of small ones. */
START_TEST(huge_pages_fall_back)
{
	bench_open(b);
	writes(1, 8, "done");
	bench_run(b, ROOMY, "thp.enabled=always", "memcg.max=5M", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_ge(at("done", "memcg/g0 thp_fault_alloc"), 2);
	ck_assert_int_gt(at("done", "vmstat thp_fault_fallback"), 0);
	ck_assert_int_le(most("memcg.peak_pages", "g0"), 1280);
	bench_close(b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("charge");

	tcase_add_test(t, what_fits_is_only_counted);
	tcase_add_loop_test(t, a_group_never_exceeds_its_limit, 0, 2);
	tcase_add_loop_test(t, a_neighbour_is_not_harmed, 0, 2);
	tcase_add_loop_test(t, death_comes_to_the_group_alone, 0, 2);
	tcase_add_loop_test(t, one_of_the_group_or_all_of_it, 0, 2);
	tcase_add_loop_test(t, protected_groups_are_spared, 0, 2 * (int)ARRAY_LEN(protection));
	tcase_add_loop_test(t, low_gives_way_to_need, 0, 2);
	tcase_add_loop_test(t, swappiness_is_the_groups, 0, 4);
	tcase_add_loop_test(t, swap_has_a_limit, 0, 2);
	tcase_add_test(t, above_high_is_slow);
	tcase_add_loop_test(t, high_is_reclaimed, 0, 2);
	tcase_add_test(t, children_are_in_their_parents_group);
	tcase_add_loop_test(t, the_outer_limit_holds, 0, 2);
	tcase_add_test(t, the_first_reader_pays);
	tcase_add_test(t, objects_of_files);
	tcase_add_test(t, objects_of_mappings);
	tcase_add_test(t, huge_pages_fall_back);
	return run_case("charge", t);
}
