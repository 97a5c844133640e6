/*
 * test_alloc.c - where pages go on machines of two and four nodes: each policy by its rule, page for page.
 */
#include "tests/machine_fixture.h"
#include "tests/suite.h"

#define DEFAULT        0
#define PREFERRED      1
#define BIND           2
#define INTERLEAVE     3
#define LOCAL          4
#define PREFERRED_MANY 5

#define FOUR "topology.node_mem=32MiB,32MiB,32MiB,32MiB", "topology.node_cpus=1,1,1,1"

static struct bench bench, *const b = &bench;

/* Pages of the mapping at AREA on a node. */
static int64_t on(const char *shot, unsigned nid)
{
	char name[64];

	snprintf(name, sizeof name, "region/P1/%llx N%u", (unsigned long long)AREA, nid);
	return shot_value(bench_shot(b, shot), name, "");
}

static int64_t numa(unsigned nid, const char *stat)
{
	char name[64];

	snprintf(name, sizeof name, "node/%u %s", nid, stat);
	return shot_value(bench_shot(b, "end"), name, "") - shot_value(bench_shot(b, "begin"), name, "");
}

/* CPU, mode, node mask of set_mempolicy; pages written; how many of them on each node. */
static const struct {
	unsigned cpu, mode, mask, pages;
	int64_t node[4];
} placed[] = {
	{0, DEFAULT, 0, 1000, {1000, 0, 0, 0}},
	{2, DEFAULT, 0, 1000, {0, 0, 1000, 0}},
	{1, LOCAL, 0, 1000, {0, 1000, 0, 0}},
	{0, BIND, 4, 1000, {0, 0, 1000, 0}},
	{0, BIND, 10, 1000, {0, 1000, 0, 0}}, /* the nearest of nodes 1 and 3: equally far, the first */
	{3, BIND, 10, 1000, {0, 0, 0, 1000}},
	{0, PREFERRED, 8, 1000, {0, 0, 0, 1000}},
	{0, INTERLEAVE, 15, 1000, {250, 250, 250, 250}},
	{2, INTERLEAVE, 5, 1000, {500, 0, 500, 0}},
	{0, PREFERRED_MANY, 12, 1000, {0, 0, 1000, 0}},
};

START_TEST(policies_of_a_task)
{
	bench_open(b);
	BENCH_CALL1(b, REC_AFFINITY, UINT64_C(1) << placed[_i].cpu);
	BENCH_CALL3(b, REC_SET_MEMPOLICY, placed[_i].mode, placed[_i].mask, 64);
	bench_mmap(b, AREA, MIB(32), PROT_RW, ANON);
	/* the page tables for these are there before we count */
	bench_mark(b, "begin");
	bench_store_pages(b, 0, placed[_i].pages);
	bench_mark(b, "end");
	bench_run(b, FOUR, NULL);
	ck_assert_int_eq(b->rc, 0);
	for (unsigned n = 0; n < 4; n++) {
		/* three tables were made meanwhile, by the same policy: they shift an interleaving by a page
		 */
		ck_assert_int_le(on("end", n), placed[_i].node[n] + (placed[_i].mode == INTERLEAVE));
		ck_assert_int_ge(on("end", n), placed[_i].node[n] - (placed[_i].mode == INTERLEAVE));
	}
	ck_assert_int_eq(
		numa(0, "numa_miss") + numa(1, "numa_miss") + numa(2, "numa_miss") + numa(3, "numa_miss"), 0);
	if (placed[_i].mode == INTERLEAVE)
		ck_assert_int_ge(numa(0, "interleave_hit"), placed[_i].node[0] - 1);
	for (unsigned n = 0; n < 4; n++) /* all by this CPU: local on its node, other elsewhere */
		ck_assert_int_le(numa(n, n == placed[_i].cpu ? "other_node" : "local_node"), 0);
	bench_close(b);
}
END_TEST

/* A mapping's policy beats the task's; interleaving goes by the page's place in the mapping, whatever order
 * they are touched in. */
START_TEST(policies_of_a_mapping)
{
	bench_open(b);
	BENCH_CALL3(b, REC_SET_MEMPOLICY, BIND, 1, 64);
	bench_mmap(b, AREA, MIB(8), PROT_RW, ANON);
	bench_call(b, REC_MBIND, 0, NULL, AREA, MIB(8), INTERLEAVE, 14, 64, 0);
	for (unsigned i = 0; i < 300; i++)
		bench_store(b, PG((i * 7) % 300));
	bench_mark(b, "end");
	bench_mmap(b, PG(10000), MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 10000, 50);
	bench_mark(b, "more");
	bench_run(b, FOUR, NULL);
	ck_assert_int_eq(on("end", 0), 0);
	ck_assert_int_eq(on("end", 1), 100);
	ck_assert_int_eq(on("end", 2), 100);
	ck_assert_int_eq(on("end", 3), 100);
	ck_assert_int_eq(shot_value(bench_shot(b, "more"), "region/P1/12710000 N0", ""), 50);
	bench_close(b);
}
END_TEST

/* Preferred falls back to the nearest node when the one it wants is full, and every such page is a miss and a
 * foreign. */
START_TEST(preferred_falls_back)
{
	int64_t miss = 0, foreign = 0;

	bench_open(b);
	BENCH_CALL1(b, REC_AFFINITY, 1);
	BENCH_CALL3(b, REC_SET_MEMPOLICY, PREFERRED, 2, 64);
	bench_mmap(b, AREA, MIB(64), PROT_RW, ANON);
	bench_mark(b, "begin");
	bench_store_pages(b, 0, 40 * 256);
	bench_mark(b, "end");
	/* a ring: 1 is next to 0 and 2; 3 is farther */
	bench_run(b, FOUR, "topology.distances=10 20 30 20 20 10 20 30 30 20 10 20 20 30 20 10", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_gt(on("end", 1), 7000);
	ck_assert_int_gt(on("end", 0) + on("end", 2), 1500);
	ck_assert_int_eq(on("end", 3), 0);
	ck_assert_int_eq(on("end", 0) + on("end", 1) + on("end", 2), 40 * 256);
	for (unsigned n = 0; n < 4; n++) {
		miss += numa(n, "numa_miss");
		foreign += numa(n, "numa_foreign");
	}
	ck_assert_int_eq(miss, foreign);
	ck_assert_int_eq(numa(1, "numa_foreign"), foreign);
	ck_assert_int_ge(miss, on("end", 0) + on("end", 2));
	ck_assert_int_eq(bench_counter(b, "vmstat pswpout"), 0);
	bench_close(b);
}
END_TEST

/* Bind does not fall back: it swaps, although other nodes are free. */
START_TEST(bind_swaps_rather_than_leaves)
{
	bench_open(b);
	BENCH_CALL3(b, REC_SET_MEMPOLICY, BIND, 2, 64);
	bench_mmap(b, AREA, MIB(64), PROT_RW, ANON);
	bench_mark(b, "begin");
	bench_store_pages(b, 0, 36 * 256);
	bench_mark(b, "end");
	bench_run(b, FOUR, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(on("end", 0) + on("end", 2) + on("end", 3), 0);
	ck_assert_int_gt(bench_counter(b, "vmstat pswpout"), 4 * 256);
	ck_assert_int_eq(bench_count(b, "oom_kill"), 0);
	bench_close(b);
}
END_TEST

/* Without a policy memory goes on at the nearest node before anything is reclaimed; a watermark that is
 * raised for mixed page blocks would wake kswapd, who then finds the node short. */
START_TEST(default_spills_to_the_nearest_node)
{
	bench_open(b);
	BENCH_CALL1(b, REC_AFFINITY, 1);
	bench_mmap(b, AREA, MIB(64), PROT_RW, ANON);
	bench_mark(b, "begin");
	bench_store_pages(b, 0, 48 * 256);
	bench_mark(b, "end");
	bench_run(b, "topology.node_mem=32MiB,64MiB,64MiB", "topology.node_cpus=1,0,0",
		  "topology.distances=10 40 20 40 10 30 20 30 10", "vm.watermark_boost_factor=0", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(on("end", 1), 0);
	ck_assert_int_gt(on("end", 2), 16 * 256);
	ck_assert_int_eq(on("end", 0) + on("end", 2), 48 * 256);
	ck_assert_int_eq(bench_counter(b, "vmstat pswpout"), 0);
	bench_close(b);
}
END_TEST

/* A child inherits its parent's policy. */
START_TEST(policies_are_inherited)
{
	bench_open(b);
	BENCH_CALL3(b, REC_SET_MEMPOLICY, BIND, 4, 64);
	BENCH_CALL2(b, REC_FORK, 2, 2);
	bench_thread(b, 2, 2);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 100);
	bench_mark(b, "end");
	bench_store_pages(b, 0, 1);
	bench_run(b, FOUR, NULL);
	ck_assert_int_eq(shot_value(bench_shot(b, "end"), "region/P2/10000000 N2", ""), 100);
	bench_close(b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("alloc");

	tcase_add_loop_test(t, policies_of_a_task, 0, (int)ARRAY_LEN(placed));
	tcase_add_test(t, policies_of_a_mapping);
	tcase_add_test(t, preferred_falls_back);
	tcase_add_test(t, bind_swaps_rather_than_leaves);
	tcase_add_test(t, default_spills_to_the_nearest_node);
	tcase_add_test(t, policies_are_inherited);
	return run_case("alloc", t);
}
