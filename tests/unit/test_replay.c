/*
 * test_replay.c - threads of a trace as tasks: who starts whom, who waits for whom, where it ends.
 */
#include "tests/machine_fixture.h"
#include "tests/suite.h"

static struct bench bench, *const b = &bench;

static int64_t replay(const char *stat)
{
	char name[64];

	snprintf(name, sizeof name, "replay.%s", stat);
	return bench_stat(b, name, "machine");
}

START_TEST(a_process_that_nobody_started_starts_by_itself)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 10);
	bench_thread(b, 7, 70);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 5);
	bench_thread(b, 7, 71); /* a second thread of it, without a clone */
	bench_store_pages(b, 5, 5);
	bench_run(b, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(replay("processes"), 2);
	ck_assert_int_eq(replay("threads"), 3);
	ck_assert_int_eq(bench_stat(b, "process.accesses", "P7"), 10);
	ck_assert_int_eq(bench_stat(b, "process.zero_faults", "P7"), 10);
	ck_assert_int_eq(bench_stat(b, "process.sigsegv", "P7"), 0);
	bench_close(b);
}
END_TEST

/* A thread shares its process's memory. */
START_TEST(a_clone_shares_a_fork_copies)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 10);
	BENCH_CALL1(b, REC_CLONE, 2);
	BENCH_CALL2(b, REC_FORK, 3, 3);
	bench_thread(b, 1, 2);
	bench_store_pages(b, 0, 20);
	bench_thread(b, 3, 3);
	bench_store_pages(b, 0, 20);
	bench_mark(b, "all");
	bench_thread(b, 1, 1);
	bench_store_pages(b, 20, 1);
	bench_run(b, NULL);
	ck_assert_int_eq(replay("processes"), 2);
	ck_assert_int_eq(replay("threads"), 3);
	ck_assert_int_eq(bench_stat(b, "process.accesses", "P1"), 31);
	ck_assert_int_eq(bench_stat(b, "process.zero_faults", "P1"), 21);
	ck_assert_int_eq(bench_stat(b, "process.zero_faults", "P3"), 10);
	/* of the ten shared pages each was written twice: one write copied, the other one reused */
	ck_assert_int_eq(bench_sum(b, "process.cow_faults"), 10);
	ck_assert_int_eq(bench_sum(b, "process.reuse_faults"), 10);
	bench_close(b);
}
END_TEST

/* vfork: the child runs in its parent's memory, and has its own from its exec on. */
START_TEST(a_vfork_shares_until_exec)
{
	const struct shot *at;

	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 10);
	BENCH_CALL3(b, REC_FORK, 3, 3, 1);
	bench_thread(b, 3, 3);
	bench_store_pages(b, 0, 30); /* 20 new ones */
	bench_mark(b, "shared");
	bench_call(b, REC_EXEC, 0, "/bin/true", 0, 0, 0, 0, 0, 0);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 5);
	bench_mark(b, "apart");
	bench_thread(b, 1, 1);
	bench_store_pages(b, 0, 40); /* 10 new ones: the child's are there */
	bench_mark(b, "end");
	bench_run(b, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(replay("processes"), 2);
	ck_assert_int_eq(replay("order_breaks"), 0);
	at = bench_shot(b, "shared");
	ck_assert_int_eq(shot_value(at, "process.rss_anon_pages", "P1"), 30);
	ck_assert_int_eq(shot_value(at, "process.rss_anon_pages", "P3"), 30);
	ck_assert_int_eq(shot_value(at, "process.zero_faults", "P1"), 10);
	ck_assert_int_eq(shot_value(at, "process.zero_faults", "P3"), 20);
	at = bench_shot(b, "apart");
	ck_assert_int_eq(shot_value(at, "process.rss_anon_pages", "P1"), 30);
	ck_assert_int_eq(shot_value(at, "process.rss_anon_pages", "P3"), 5);
	ck_assert_int_eq(bench_stat(b, "process.min_flt", "P1"), 20);
	ck_assert_int_eq(bench_stat(b, "process.min_flt", "P3"), 25);
	ck_assert_int_eq(shot_value(bench_shot(b, "end"), "process.rss_anon_pages", "P1"), 40);
	ck_assert_int_eq(bench_sum(b, "process.cow_faults"), 0);
	ck_assert_int_eq(bench_sum(b, "process.reuse_faults"), 0);
	bench_close(b);
}
END_TEST

/* The child's exit leaves the memory to the parent, the parent's (which only a broken order has) to the
 * child. */
START_TEST(a_vfork_s_exit_leaves_the_memory)
{
	uint32_t first = _i ? 1 : 3, second = 4 - first;
	const char *left = _i ? "P3" : "P1", *gone = _i ? "P1" : "P3";

	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 10);
	BENCH_CALL3(b, REC_FORK, 3, 3, 1);
	bench_thread(b, 3, 3);
	bench_store_pages(b, 10, 2);
	bench_thread(b, first, first);
	bench_exit(b);
	bench_thread(b, second, second);
	bench_store_pages(b, 0, 20); /* 8 new ones */
	bench_mark(b, "one");
	bench_run(b, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(shot_value(bench_shot(b, "one"), "process.rss_anon_pages", left), 20);
	ck_assert_int_eq(shot_value(bench_shot(b, "one"), "process.rss_anon_pages", gone), 0);
	ck_assert_int_eq(bench_sum(b, "process.min_flt"), 20);
	ck_assert_int_eq(bench_sum(b, "process.cow_faults") + bench_sum(b, "process.reuse_faults"), 0);
	ck_assert_int_eq(bench_sum(b, "process.sigsegv"), 0);
	bench_close(b);
}
END_TEST

/* The second thread's accesses were recorded behind the first one's mmap: they wait for it. */
START_TEST(accesses_wait_for_the_calls_before_them)
{
	bench_open(b);
	BENCH_CALL1(b, REC_CLONE, 2);
	BENCH_CALL1(b, REC_SLEEP, 20000000);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_thread(b, 1, 2);
	bench_store_pages(b, 0, 10);
	bench_mmap(b, PG(1000), MIB(1), PROT_RW, ANON);
	bench_thread(b, 1, 1);
	bench_store_pages(b, 1000, 10);
	bench_run(b, _i ? "topology.node_cpus=2" : NULL, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(bench_stat(b, "process.sigsegv", "P1"), 0);
	ck_assert_int_eq(bench_stat(b, "process.accesses", "P1"), 20);
	ck_assert_int_ge(replay("order_waits"), 1);
	ck_assert_uint_ge(b->end.time, 20 * PS_PER_MS);
	bench_close(b);
}
END_TEST

/* Threads whose records end without an exit go with their process, and the next process finds the memory
 * free. */
START_TEST(exit_group_ends_all_threads)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	BENCH_CALL1(b, REC_CLONE, 2);
	BENCH_CALL2(b, REC_FORK, 3, 3);
	bench_thread(b, 1, 2);
	bench_store_pages(b, 0, 100);
	bench_mark(b, "full");
	bench_thread(b, 1, 1);
	bench_exit(b);
	bench_thread(b, 3, 3);
	bench_mark(b, "gone");
	bench_run(b, "replay.schedule=as-recorded", NULL);
	ck_assert_int_eq(shot_value(bench_shot(b, "full"), "vmstat nr_anon_pages", ""), 100);
	ck_assert_int_eq(shot_value(bench_shot(b, "gone"), "vmstat nr_anon_pages", ""), 0);
	ck_assert_int_eq(bench_stat(b, "process.accesses", "P1"), 100);
	bench_close(b);
}
END_TEST

/* What stands behind a thread's exit is skipped once; a clone of its number later on does not bring it back.
 */
START_TEST(a_clone_of_a_number_that_has_ended_starts_nothing)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_thread(b, 1, 4);
	bench_store_pages(b, 0, 1);
	BENCH_CALL1(b, REC_EXIT, 0);
	bench_store_pages(b, 0, 1); /* behind its exit: skipped */
	bench_thread(b, 1, 3);
	BENCH_CALL1(b, REC_CLONE, 4);
	bench_run(b, _i ? "replay.schedule=as-recorded" : NULL, NULL);
	ck_assert_int_eq(replay("accesses"), 1);
	ck_assert_int_eq(replay("skipped_accesses"), 1);
	bench_close(b);
}
END_TEST

START_TEST(it_stops_at_max_accesses)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 200);
	bench_run(b, "replay.max_accesses=137", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(b->end.accesses, 137);
	ck_assert_int_eq(replay("accesses"), 137);
	ck_assert_uint_eq(bench_shot(b, "final")->accesses, 137);
	bench_close(b);
}
END_TEST

/* Counters start anew, levels do not. */
START_TEST(the_warm_up_is_not_counted)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 50);
	bench_load_pages(b, 0, 30);
	bench_store_pages(b, 50, 20);
	bench_mark(b, "end");
	bench_run(b, "replay.warmup_accesses=60", NULL);
	ck_assert_uint_eq(bench_shot(b, "warmup")->accesses, 60);
	ck_assert_int_eq(shot_value(bench_shot(b, "warmup"), "cpu.accesses", "0"), 60);
	ck_assert_int_eq(bench_stat(b, "cpu.accesses", "0"), 40);
	ck_assert_int_eq(bench_stat(b, "cpu.exceptions", "0"), 20);
	ck_assert_int_eq(bench_stat(b, "cpu.loads", "0"), 20);
	ck_assert_int_eq(replay("accesses"), 40);
	ck_assert_int_eq(shot_value(bench_shot(b, "end"), "process.rss_pages", "P1"), 70);
	ck_assert_uint_eq(bench_shot(b, "final")->accesses, 100);
	bench_close(b);
}
END_TEST

/* Without its footer the file is a cut one, but all of it is there; cut further, what is left is replayed. */
START_TEST(a_cut_trace_is_replayed_up_to_the_cut)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 200);
	bench_end_trace(b, 40);
	bench_run(b, NULL);
	ck_assert_int_eq(b->rc, -ERR_TRUNCATED);
	ck_assert_uint_eq(b->end.accesses, 200);
	ck_assert_int_eq(bench_stat(b, "cpu.accesses", "0"), 200);
	ck_assert_ptr_nonnull(strstr(b->e.text, "200 accesses"));
	bench_close(b);
}
END_TEST

/* A trace that maps nothing gets its mappings where it touches; told otherwise, it dies at once. */
START_TEST(mappings_on_demand)
{
	bench_open(b);
	bench_load(b, UINT64_C(0x400000));
	bench_store(b, UINT64_C(0x7ffffffde000));
	bench_store(b, AREA);
	bench_store(b, UINT64_C(0x7f0000000000));
	bench_run(b, NULL);
	ck_assert_int_eq(bench_stat(b, "process.sigsegv", "P1"), 0);
	ck_assert_uint_eq(b->end.accesses, 4);
	bench_forget(b);
	bench_run(b, "replay.mapping=recorded", NULL);
	ck_assert_int_eq(bench_stat(b, "process.sigsegv", "P1"), 1);
	ck_assert_uint_eq(b->end.accesses, 0);
	bench_forget(b);
	bench_close(b);
}
END_TEST

/* What failed when recorded is not done; what succeeded then and fails here is told. */
START_TEST(results_are_compared)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_call(b, REC_MUNMAP, -22, NULL, AREA, MIB(1), 0, 0, 0, 0);
	bench_store_pages(b, 0, 1);
	bench_call(b, REC_MPROTECT, 0, NULL, PG(100000), PAGE_SIZE, PROT_R, 0, 0, 0); /* nothing is there */
	bench_call(b, REC_OTHER, -11, NULL, 7, 0, 0, 0, 0, 0);
	bench_run(b, NULL);
	ck_assert_int_eq(bench_stat(b, "process.sigsegv", "P1"), 0);
	ck_assert_int_eq(replay("mismatches"), 1);
	ck_assert_uint_eq(bench_count(b, "syscall_failed"), 1);
	ck_assert_ptr_nonnull(strstr(b->event[bench_find(b, 0, "syscall_failed")].detail,
				     "\"call\":\"mprotect\",\"recorded\":0,\"here\":-12"));
	bench_close(b);
}
END_TEST

START_TEST(exec_begins_with_an_empty_address_space)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 30);
	bench_call(b, REC_EXEC, 0, "true", 0, 0, 0, 0, 0, 0);
	bench_mark(b, "new");
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 3);
	bench_mark(b, "used");
	bench_run(b, NULL);
	ck_assert_int_eq(shot_value(bench_shot(b, "new"), "process.rss_pages", "P1"), 0);
	ck_assert_int_eq(shot_value(bench_shot(b, "new"), "process.vm_pages", "P1"), 0);
	ck_assert_int_eq(shot_value(bench_shot(b, "used"), "process.rss_pages", "P1"), 3);
	ck_assert_int_eq(shot_value(bench_shot(b, "used"), "meminfo AnonPages", ""), 12);
	bench_close(b);
}
END_TEST

/* Process numbers come round again: the second process 2 is another one, none of its accesses is lost. */
START_TEST(a_process_number_is_used_again)
{
	bench_open(b);
	for (unsigned life = 0; life < 3; life++) {
		bench_thread(b, 1, 1);
		BENCH_CALL2(b, REC_FORK, 2, 2);
		bench_thread(b, 2, 2);
		bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
		bench_store_pages(b, 0, 10);
		bench_exit(b);
	}
	bench_thread(b, 1, 1);
	bench_mark(b, "end");
	bench_run(b, _i ? "replay.schedule=as-recorded" : NULL, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(b->end.accesses, 30);
	ck_assert_int_eq(replay("processes"), 4);
	ck_assert_int_eq(replay("threads"), 4);
	ck_assert_int_eq(bench_counter(b, "meminfo AnonPages"), 0);
	bench_close(b);
}
END_TEST

/* Behind its exit a thread does nothing, unless a record begins another one of its number. */
START_TEST(records_behind_an_exit_do_nothing)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	BENCH_CALL1(b, REC_CLONE, 2);
	BENCH_CALL1(b, REC_EXIT, 0);
	bench_thread(b, 1, 2);
	bench_store_pages(b, 0, 3);
	bench_thread(b, 1, 1);
	BENCH_CALL2(b, REC_MUNMAP, AREA, MIB(1));
	bench_store_pages(b, 0, 4);
	bench_mark(b, "behind");
	bench_thread(b, 1, 2);
	bench_store_pages(b, 0, 3); /* the mapping is still there */
	BENCH_CALL1(b, REC_CLONE, 1);
	bench_thread(b, 1, 1);
	bench_store_pages(b, 3, 5);
	bench_run(b, _i ? "replay.schedule=as-recorded" : NULL, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(b->end.accesses, 11);
	ck_assert_int_eq(replay("skipped_accesses"), 4);
	ck_assert_int_eq(bench_stat(b, "process.sigsegv", "P1"), 0);
	bench_shot(b, "behind");
	bench_close(b);
}
END_TEST

/* Killed in its first life, process 2 lives again. */
START_TEST(a_killed_process_does_not_take_its_successor_along)
{
	bench_open(b);
	BENCH_CALL2(b, REC_FORK, 2, 2);
	bench_thread(b, 2, 2);
	bench_load(b, AREA);
	bench_load(b, AREA);
	bench_exit(b);
	bench_thread(b, 1, 1);
	BENCH_CALL2(b, REC_FORK, 2, 2);
	bench_thread(b, 2, 2);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 10);
	bench_exit(b);
	bench_run(b, "replay.mapping=recorded", NULL);
	ck_assert_int_eq(replay("skipped_accesses"), 2);
	ck_assert_uint_eq(b->end.accesses, 10);
	ck_assert_int_eq(replay("processes"), 3);
	bench_close(b);
}
END_TEST

/* Children of a killed process are gone, too; marks stay, so that snapshots can be compared. */
START_TEST(a_killed_process_leaves_its_marks)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_load(b, 0x1000);
	BENCH_CALL2(b, REC_FORK, 2, 2);
	bench_mark(b, "dead");
	bench_thread(b, 2, 2);
	bench_store_pages(b, 0, 4);
	bench_exit(b);
	bench_thread(b, 3, 3);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 4);
	bench_run(b, NULL);
	ck_assert_int_eq(b->rc, 0);
	bench_shot(b, "dead");
	ck_assert_int_eq(replay("skipped_accesses"), 1 + 4);
	ck_assert_uint_eq(b->end.accesses, 4);
	bench_close(b);
}
END_TEST

/* An exiting main thread does not end the others' recorded accesses. */
START_TEST(threads_outlive_the_first)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	BENCH_CALL1(b, REC_CLONE, 2);
	BENCH_CALL1(b, REC_EXIT, 0);
	bench_thread(b, 1, 2);
	bench_store_pages(b, 0, 10);
	bench_mark(b, "end");
	BENCH_CALL1(b, REC_EXIT, 0);
	bench_run(b, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(b->end.accesses, 10);
	ck_assert_int_eq(shot_value(bench_shot(b, "end"), "process.rss_pages", "P1"), 10);
	ck_assert_int_eq(bench_counter(b, "meminfo AnonPages"), 0);
	bench_close(b);
}
END_TEST

/* ---- as recorded ---- */

/* Three threads take turns access by access: as recorded, one runs at a time, however many CPUs there are. */
START_TEST(as_recorded_is_one_after_the_other)
{
	bench_open(b);
	b->icount = 60000; /* 24,000 cycles */
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	BENCH_CALL1(b, REC_CLONE, 2);
	BENCH_CALL1(b, REC_CLONE, 3);
	for (unsigned i = 0; i < 90; i++) {
		bench_thread(b, 1, 1 + i % 3);
		bench_store(b, PG(0));
	}
	bench_run(b, "topology.node_cpus=4", "replay.schedule=as-recorded", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(b->end.accesses, 90);
	ck_assert_uint_ge(b->end.time, 90 * 24000 * UINT64_C(1000000) / 2600);
	bench_forget(b);
	bench_run(b, "topology.node_cpus=4", NULL);
	ck_assert_uint_eq(b->end.accesses, 90);
	ck_assert_uint_le(b->end.time, 32 * 24000 * UINT64_C(1000000) / 2600);
	bench_close(b);
}
END_TEST

/* Rows of the two runs must be the same but for the name of the schedule, which no row holds. */
START_TEST(for_one_thread_both_schedules_are_the_same)
{
	struct bench other;

	for (unsigned i = 0; i < 2; i++) {
		struct bench *o = i ? &other : b;

		bench_open(o);
		bench_mmap(o, AREA, MIB(8), PROT_RW, ANON);
		bench_store_pages(o, 0, 1000);
		bench_mark(o, "half");
		bench_load_pages(o, 0, 1000);
		BENCH_CALL2(o, REC_MUNMAP, AREA, MIB(4));
		bench_load_pages(o, 1024, 100);
		bench_exit(o);
		bench_run(o, i ? "replay.schedule=as-recorded" : "replay.schedule=rescheduled", NULL);
	}
	ck_assert_msg(!bench_difference(b, &other), "%s", bench_difference(b, &other));
	bench_close(b);
	bench_close(&other);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("replay");

	tcase_add_test(t, a_process_that_nobody_started_starts_by_itself);
	tcase_add_test(t, a_clone_shares_a_fork_copies);
	tcase_add_test(t, a_vfork_shares_until_exec);
	tcase_add_loop_test(t, a_vfork_s_exit_leaves_the_memory, 0, 2);
	tcase_add_loop_test(t, accesses_wait_for_the_calls_before_them, 0, 2);
	tcase_add_test(t, exit_group_ends_all_threads);
	tcase_add_loop_test(t, a_clone_of_a_number_that_has_ended_starts_nothing, 0, 2);
	tcase_add_test(t, it_stops_at_max_accesses);
	tcase_add_test(t, the_warm_up_is_not_counted);
	tcase_add_test(t, a_cut_trace_is_replayed_up_to_the_cut);
	tcase_add_test(t, mappings_on_demand);
	tcase_add_test(t, results_are_compared);
	tcase_add_test(t, exec_begins_with_an_empty_address_space);
	tcase_add_loop_test(t, a_process_number_is_used_again, 0, 2);
	tcase_add_loop_test(t, records_behind_an_exit_do_nothing, 0, 2);
	tcase_add_test(t, a_killed_process_does_not_take_its_successor_along);
	tcase_add_test(t, a_killed_process_leaves_its_marks);
	tcase_add_test(t, threads_outlive_the_first);
	tcase_add_test(t, as_recorded_is_one_after_the_other);
	tcase_add_test(t, for_one_thread_both_schedules_are_the_same);
	return run_case("replay", t);
}
