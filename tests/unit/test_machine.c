/*
 * test_machine.c - whole runs: the same twice, whatever is looked at meanwhile; sums over the whole machine.
 */
#include "tests/machine_fixture.h"
#include "tests/suite.h"

#define TIGHT "topology.node_mem=32MiB", "swap.size=64MiB"

static struct bench one, two;

/* A working set of 40 MiB in machines of 32 MiB: faults, kswapd, direct reclaim, swap, a file, a fork. */
static void write_load(struct bench *b, unsigned threads)
{
	bench_open(b);
	b->icount = 20;
	bench_file(b, 3, MIB(4));
	bench_mmap(b, AREA, MIB(64), PROT_RW, ANON);
	bench_mmap_file(b, PG(100000), MIB(4), PROT_RW, SHARED, 3);
	for (unsigned t = 1; t < threads; t++)
		BENCH_CALL1(b, REC_CLONE, 1 + t);
	for (unsigned t = 0; t < threads; t++) {
		bench_thread(b, 1, 1 + t);
		for (uint64_t i = t; i < 10000; i += threads) {
			bench_store(b, PG(i));
			if (i % 5 == 0)
				bench_load(b, PG(100000 + i / 10));
			if (i % 9 == 0)
				bench_load(b, PG(i / 2));
		}
	}
	bench_thread(b, 1, 1);
	bench_mark(b, "filled");
	BENCH_CALL2(b, REC_FORK, 2, 2);
	bench_thread(b, 2, 2);
	bench_store_pages(b, 0, 200);
	bench_exit(b);
	bench_thread(b, 1, 1);
	BENCH_CALL2(b, REC_MUNMAP, PG(2000), MIB(8));
	bench_store_pages(b, 100000, 100);
	bench_exit(b);
}

static void compare(void)
{
	const char *d = bench_difference(&one, &two);

	ck_assert_msg(!d, "%s", d);
}

/* CPUs as given; one thread each. */
static const char *const cpus[] = {"topology.node_cpus=1", "topology.node_cpus=2", "topology.node_cpus=4"};

START_TEST(two_runs_give_the_same_rows)
{
	write_load(&one, 1u << _i);
	bench_run(&one, TIGHT, cpus[_i], NULL);
	ck_assert_int_eq(one.rc, 0);
	ck_assert_int_gt(bench_counter(&one, "vmstat pswpout"), 0);
	write_load(&two, 1u << _i);
	bench_run(&two, TIGHT, cpus[_i], NULL);
	compare();
	ck_assert_uint_eq(one.end.time, two.end.time);
	bench_close(&one);
	bench_close(&two);
}
END_TEST

/* Taking snapshots at intervals changes nothing of what happens. */
START_TEST(looking_changes_nothing)
{
	size_t n = 0;

	write_load(&one, 1u << _i);
	bench_run(&one, TIGHT, cpus[_i], NULL);
	write_load(&two, 1u << _i);
	bench_run(&two, TIGHT, cpus[_i], "metrics.interval_us=701", NULL);
	for (size_t i = 0; i < two.nr_shots; i++) {
		if (!strcmp(two.shot[i].label, "interval")) {
			ck_assert_uint_eq(two.shot[i].time, (i - n + 1) * 701 * PS_PER_US);
			two.shot[i].time = 0;
		} else {
			n++;
		}
	}
	ck_assert_uint_gt(two.nr_shots, 10);
	for (size_t i = n = 0; i < two.nr_shots; i++) { /* drop the intervals */
		struct shot s = two.shot[i];

		if (strcmp(s.label, "interval") != 0) {
			two.shot[i] = two.shot[n];
			two.shot[n++] = s;
		}
	}
	ck_assert_uint_eq(n, one.nr_shots);
	n = two.nr_shots;
	two.nr_shots = one.nr_shots;
	compare();
	two.nr_shots = n;
	bench_close(&one);
	bench_close(&two);
}
END_TEST

/* Another seed or none of the random parts: nothing random happens in a run without random replacement. */
START_TEST(causes_and_kinds_add_up)
{
	static const char *const causes[] = {"user_insn",      "user_memory",    "tlb",        "walk",
					     "exception",      "fault",          "clear_copy", "alloc",
					     "reclaim_direct", "reclaim_kswapd", "swap",       "file",
					     "writeback",      "migrate",        "syscall",    "schedule",
					     "shootdown",      "tick",           "iowait",     "idle"};
	char name[64];

	write_load(&one, 4);
	bench_run(&one, TIGHT, "topology.node_cpus=4", NULL);
	for (unsigned c = 0; c < 4; c++) {
		char cpu[2] = {(char)('0' + c), 0};
		int64_t sum = 0;

		for (unsigned i = 0; i < ARRAY_LEN(causes); i++) {
			snprintf(name, sizeof name, "cycles.%s", causes[i]);
			sum += bench_stat(&one, name, cpu);
		}
		ck_assert_int_eq(sum, bench_stat(&one, "cpu.cycles", cpu));
		/* all clocks end at the same time */
		ck_assert_int_eq(bench_stat(&one, "cpu.cycles", cpu), bench_stat(&one, "cpu.cycles", "0"));
	}
	ck_assert_int_eq(bench_sum(&one, "cpu.accesses"), bench_stat(&one, "replay.accesses", "machine"));
	ck_assert_int_eq(bench_sum(&one, "process.accesses"), bench_stat(&one, "replay.accesses", "machine"));
	/* a fault that waited for another one's read is the process's, too */
	ck_assert_int_ge(bench_sum(&one, "process.maj_flt"), bench_counter(&one, "vmstat pgmajfault"));
	ck_assert_int_eq(bench_counter(&one, "meminfo AnonPages"), 0);
	/* slots in use: handed out and not given back */
	ck_assert_int_eq(bench_stat(&one, "swap.slots_allocated", "swap") -
				 bench_stat(&one, "swap.slots_freed", "swap"),
			 0);
	bench_close(&one);
}
END_TEST

/* A label may hold anything; the event's detail stays JSON. */
START_TEST(marks_with_odd_labels)
{
	bench_open(&one);
	bench_mark(&one, "a \"b\" \\ c\n");
	bench_run(&one, NULL);
	ck_assert_str_eq(one.event[bench_find(&one, 0, "mark")].detail,
			 "{\"label\":\"a \\\"b\\\" \\\\ c\\u000a\"}");
	ck_assert_str_eq(one.shot[0].label, "a \"b\" \\ c\n");
	bench_close(&one);
}
END_TEST

/* A trace of nothing is a run of nothing. */
START_TEST(an_empty_trace)
{
	bench_open(&one);
	bench_run(&one, NULL);
	ck_assert_int_eq(one.rc, 0);
	ck_assert_uint_eq(one.end.accesses, 0);
	bench_shot(&one, "final");
	bench_close(&one);
}
END_TEST

static int refuse(struct sink *s, const struct snapshot_info *info, struct err *e)
{
	(void)s;
	(void)info;
	return err_set(e, ERR_STORE, "the disk is full");
}

/* The sink's error is the run's. */
START_TEST(a_sink_that_fails_ends_the_run)
{
	struct sink_ops ops = bench_sink_ops;

	ops.snapshot_begin = refuse;
	bench_open(&one);
	one.sink.ops = &ops;
	bench_mmap(&one, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(&one, 0, 10);
	bench_mark(&one, "x");
	one.icount = 60000; /* 9 microseconds */
	for (unsigned i = 0; i < 500; i++)
		bench_store(&one, AREA);
	bench_run(&one, NULL);
	ck_assert_int_eq(one.rc, -ERR_STORE);
	ck_assert_str_eq(one.e.text, "the disk is full");
	ck_assert_uint_lt(one.end.accesses, 100);
	bench_close(&one);
}
END_TEST

/* A list of pages of another node's zone, unused for three seconds, goes back to the zone; the own node's
 * stays. */
START_TEST(remote_lists_are_drained)
{
	bench_open(&one);
	bench_mmap(&one, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(&one, 1, 1);
	BENCH_CALL3(&one, REC_SET_MEMPOLICY, 2 /* bind */, 2 /* node 1 */, 64);
	bench_store_pages(&one, 0, 1);
	bench_mark(&one, "early");
	one.icount = 60000; /* 9 microseconds */
	for (unsigned i = 0; i < 500000; i++)
		bench_store(&one, AREA);
	bench_mark(&one, "late");
	bench_run(&one, "topology.node_mem=64MiB 64MiB", "topology.node_cpus=1", "zones.layout=flat", NULL);
	ck_assert_int_eq(one.rc, 0);
	ck_assert_int_gt(shot_value(bench_shot(&one, "early"), "zone/1/Normal pcp_count_0", ""), 0);
	ck_assert_int_eq(shot_value(bench_shot(&one, "late"), "zone/1/Normal pcp_count_0", ""), 0);
	ck_assert_int_gt(shot_value(bench_shot(&one, "late"), "zone/0/Normal pcp_count_0", ""), 0);
	bench_close(&one);
}
END_TEST

/* Debian's kernel 6.1 with 2 GiB, two zones: 45056 with huge pages enabled in any way, about 5700 without. */
START_TEST(huge_pages_raise_min_free)
{
	static const struct {
		const char *enabled, *given;
		int64_t least, most;
	} c[] = {{"thp.enabled=always", "vm.min_free_kbytes=0", 45056, 45056},
		 {"thp.enabled=madvise", "vm.min_free_kbytes=0", 45056, 45056},
		 {"thp.enabled=never", "vm.min_free_kbytes=0", 5500, 5800},
		 {"thp.enabled=always", "vm.min_free_kbytes=8192", 8192, 8192}};

	bench_open(&one);
	bench_mmap(&one, AREA, MIB(1), PROT_RW, ANON);
	bench_run(&one, "topology.node_mem=2GiB", c[_i].enabled, c[_i].given, NULL);
	ck_assert_int_eq(one.rc, 0);
	ck_assert_int_ge(bench_counter(&one, "sysctl min_free_kbytes"), c[_i].least);
	ck_assert_int_le(bench_counter(&one, "sysctl min_free_kbytes"), c[_i].most);
	bench_close(&one);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("machine");

	tcase_add_loop_test(t, two_runs_give_the_same_rows, 0, 3);
	tcase_add_loop_test(t, looking_changes_nothing, 0, 3);
	tcase_add_test(t, causes_and_kinds_add_up);
	tcase_add_test(t, marks_with_odd_labels);
	tcase_add_test(t, an_empty_trace);
	tcase_add_test(t, a_sink_that_fails_ends_the_run);
	tcase_add_test(t, remote_lists_are_drained);
	tcase_add_loop_test(t, huge_pages_raise_min_free, 0, 4);
	return run_case("machine", t);
}
