/*
 * test_oom.c - who dies when memory runs out, and who goes on.
 *
 * 64 MiB, no swap. Process 1 takes its part and sleeps; process 2 takes more until nothing is left.
 */
#include "tests/machine_fixture.h"
#include "tests/suite.h"

static struct bench bench, *const b = &bench;

/* P1 holds `first` MiB, P2 asks for `second`; then both touch ten pages again. */
static void two_processes(unsigned first, unsigned second, int adj1, int adj2)
{
	bench_open(b);
	BENCH_CALL1(b, REC_OOM_SCORE_ADJ, (uint64_t)(int64_t)adj1);
	bench_mmap(b, AREA, MIB(64), PROT_RW, ANON);
	bench_store_pages(b, 0, first * 256u);
	bench_mark(b, "held");
	bench_thread(b, 2, 2);
	BENCH_CALL1(b, REC_OOM_SCORE_ADJ, (uint64_t)(int64_t)adj2);
	bench_mmap(b, AREA, MIB(64), PROT_RW, ANON);
	bench_store_pages(b, 0, second * 256u);
	bench_mark(b, "taken");
	bench_thread(b, 1, 1);
	bench_load_pages(b, 0, 10);
	bench_thread(b, 2, 2);
	bench_load_pages(b, 0, 10);
}

#define SMALL "topology.node_mem=64MiB", "swap.size=0", "vm.overcommit_memory=1"

static const struct {
	unsigned first, second;
	int adj1, adj2;
	const char *dies;
} victim[] = {
	{40, 36, 0, 0, "P1"},        /* the larger one, although the other one asked */
	{16, 60, 0, 0, "P2"},        /* the larger one */
	{40, 36, -500, 0, "P2"},     /* spared by half the memory */
	{40, 36, -1000, 0, "P2"},    /* never */
	{16, 50, 900, 0, "P1"},      /* first */
	{16, 60, -1000, -999, "P2"}, /* better than nobody */
};

START_TEST(the_largest_dies)
{
	bool first = !strcmp(victim[_i].dies, "P1");
	int64_t total = victim[_i].first * 256 + victim[_i].second * 256 + 20;
	size_t i;

	two_processes(victim[_i].first, victim[_i].second, victim[_i].adj1, victim[_i].adj2);
	bench_run(b, SMALL, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(bench_count(b, "oom_kill"), 1);
	i = bench_find(b, 0, "oom_kill");
	ck_assert_str_eq(b->event[i].scope, first ? "process/P1" : "process/P2");
	ck_assert_ptr_nonnull(strstr(b->event[i].detail, "\"constraint\":\"CONSTRAINT_NONE\""));
	ck_assert_ptr_nonnull(strstr(b->event[i].detail, "\"invoked_by\":\"P2\""));
	/* the other one does all it did when recorded; what the dead one did later is counted, not replayed
	 */
	ck_assert_int_eq(bench_stat(b, "process.skipped_accesses", first ? "P2" : "P1"), 0);
	ck_assert_int_gt(bench_stat(b, "process.skipped_accesses", first ? "P1" : "P2"), 9);
	ck_assert_int_eq(bench_sum(b, "process.accesses") + bench_sum(b, "process.skipped_accesses"), total);
	if (first) {
		ck_assert_int_eq(bench_stat(b, "process.skipped_accesses", "P1"), 10);
		/* its badness: its pages and its page tables, 40 MiB in 20 leaves and 3 above */
		if (!victim[_i].adj1)
			ck_assert_int_eq(b->event[i].value, 40 * 256 + 23);
	}
	ck_assert_int_eq(bench_counter(b, "vmstat oom_kill"), 1);
	bench_close(b);
}
END_TEST

/* Two that must not be killed: the one that asks gives up in the end, the run goes on. */
/* in_vfork: a child in its parent's memory is no victim of its own; who shares
 * the memory dies along, without a kill of its own. */
START_TEST(a_child_of_vfork_dies_with_its_parent)
{
	bench_open(b);
	bench_mmap(b, AREA, MIB(128), PROT_RW, ANON);
	bench_store_pages(b, 0, 256);
	BENCH_CALL3(b, REC_FORK, 2, 2, 1);
	bench_thread(b, 2, 2);
	BENCH_CALL1(b, REC_OOM_SCORE_ADJ, 1000); /* it would be first */
	bench_store_pages(b, 0, 80 * 256);
	bench_exit(b);
	bench_thread(b, 1, 1);
	bench_load_pages(b, 0, 10);
	bench_run(b, SMALL, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(bench_count(b, "oom_kill"), 1);
	ck_assert_str_eq(b->event[bench_find(b, 0, "oom_kill")].scope, "process/P1");
	ck_assert_ptr_nonnull(strstr(b->event[bench_find(b, 0, "oom_kill")].detail,
				     "\"invoked_by\":\"P1\",\"process\":\"P1\""));
	ck_assert_int_eq(bench_counter(b, "vmstat oom_kill"), 1);
	ck_assert_int_eq(bench_stat(b, "process.skipped_accesses", "P1"), 10);
	ck_assert_int_gt(bench_stat(b, "process.skipped_accesses", "P2"), 0);
	ck_assert_int_eq(bench_sum(b, "process.rss_anon_pages"), 0);
	bench_close(b);
}
END_TEST

START_TEST(nobody_may_be_killed)
{
	two_processes(16, 60, -1000, -1000);
	bench_run(b, SMALL, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(bench_count(b, "oom_kill"), 0);
	ck_assert_int_gt(bench_stat(b, "replay.unresolved_faults", "machine"), 0);
	ck_assert_int_eq(bench_stat(b, "process.skipped_accesses", "P1"), 0);
	ck_assert_int_gt(bench_stat(b, "process.skipped_accesses", "P2"), 0);
	bench_close(b);
}
END_TEST

START_TEST(whoever_asks_dies_when_told_so)
{
	two_processes(40, 36, 0, 0);
	bench_run(b, SMALL, "vm.oom_kill_allocating_task=true", NULL);
	ck_assert_uint_eq(bench_count(b, "oom_kill"), 1);
	ck_assert_str_eq(b->event[bench_find(b, 0, "oom_kill")].scope, "process/P2");
	bench_close(b);
}
END_TEST

/* Bound to node 1, process 2 cannot be helped by killing process 1, which is larger but bound to node 0. */
START_TEST(bound_to_a_node)
{
	size_t i;

	bench_open(b);
	BENCH_CALL3(b, REC_SET_MEMPOLICY, 2, 1, 64);
	bench_mmap(b, AREA, MIB(64), PROT_RW, ANON);
	bench_store_pages(b, 0, 40 * 256);
	bench_mark(b, "held");
	bench_thread(b, 2, 2);
	BENCH_CALL3(b, REC_SET_MEMPOLICY, 2, 2, 64);
	bench_mmap(b, AREA, MIB(64), PROT_RW, ANON);
	bench_store_pages(b, 0, 40 * 256);
	bench_thread(b, 1, 1);
	bench_load_pages(b, 0, 10);
	bench_run(b, "topology.node_mem=64MiB,32MiB", "topology.node_cpus=1,1", "swap.size=0",
		  "vm.overcommit_memory=1", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(bench_count(b, "oom_kill"), 1);
	i = bench_find(b, 0, "oom_kill");
	ck_assert_str_eq(b->event[i].scope, "process/P2");
	ck_assert_ptr_nonnull(strstr(b->event[i].detail, "CONSTRAINT_MEMORY_POLICY"));
	ck_assert_int_eq(bench_stat(b, "process.skipped_accesses", "P1"), 0);
	/* node 0 was not touched for it */
	ck_assert_int_gt(b->event[i].value, 20 * 256);
	ck_assert_int_lt(b->event[i].value, 32 * 256);
	bench_close(b);
}
END_TEST

/* With swap in between: the whole sum of memory and swap is used before anybody dies. */
START_TEST(swap_counts_as_memory)
{
	size_t i;

	bench_open(b);
	bench_mmap(b, AREA, MIB(128), PROT_RW, ANON);
	bench_store_pages(b, 0, 128 * 256);
	bench_run(b, "topology.node_mem=32MiB", "swap.size=32MiB", "vm.overcommit_memory=1", NULL);
	ck_assert_uint_eq(bench_count(b, "oom_kill"), 1);
	i = bench_find(b, 0, "oom_kill");
	ck_assert_int_gt(b->event[i].value, 54 * 256);
	ck_assert_int_lt(b->event[i].value, 64 * 256);
	bench_close(b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("oom");

	tcase_add_loop_test(t, the_largest_dies, 0, (int)ARRAY_LEN(victim));
	tcase_add_test(t, a_child_of_vfork_dies_with_its_parent);
	tcase_add_test(t, nobody_may_be_killed);
	tcase_add_test(t, whoever_asks_dies_when_told_so);
	tcase_add_test(t, bound_to_a_node);
	tcase_add_test(t, swap_counts_as_memory);
	return run_case("oom", t);
}
