/*
 * test_hierarchy.c - coherence by hand: who has a line, what asking costs, what is written back.
 */
#include "models/hw/hierarchy.h"

#include <check.h>
#include <stdlib.h>

#include "tests/suite.h"

static struct param_set ps;
static struct topology_params tp;
static struct cache_params cp;
static struct fabric_params fp;
static struct topology topo;
static struct hierarchy h;
static uint64_t now;

static void set(const char *path, const char *value)
{
	struct err err = {ERR_OK, ""};

	ck_assert_msg(param_set_value(&ps, path, value, "test", &err) == 0, "%s", err.text);
}

static void setup(void)
{
	param_set_init(&ps);
	param_set_add(&ps, &topology_param_table, &tp);
	param_set_add(&ps, &cache_param_table, &cp);
	param_set_add(&ps, &link_param_table, &fp.link);
	param_set_add(&ps, &bus_param_table, &fp.bus);
	param_set_add(&ps, &dram_param_table, &fp.dram);
	set("dram.trefi", "0");
	set("cpu.mhz", "1000"); /* a cycle is a nanosecond */
	set("cache.snoop_ps", "20000");
	set("link.latency_ps", "100000");
	set("link.bandwidth_mbs", "16000"); /* 16 bytes a nanosecond */
	now = 0;
}

static void teardown(void)
{
	ck_assert(hierarchy_is_valid(&h));
	hierarchy_release(&h);
	param_set_release(&ps);
}

static void build(const char *mem, const char *cpus)
{
	struct err err = {ERR_OK, ""};

	set("topology.node_mem", mem);
	set("topology.node_cpus", cpus);
	ck_assert_msg(topology_init(&topo, &tp, &err) == 0, "%s", err.text);
	ck_assert_msg(hierarchy_init(&h, &cp, &fp, &topo, 1, &err) == 0, "%s", err.text);
}

static uint64_t use(unsigned cpu, uint64_t line, enum line_use how)
{
	now += 1000000;
	return hierarchy_access(&h, cpu, line, how, now);
}

/* One CPU: never an upgrade, a store after a load is a plain hit. */
START_TEST(test_alone)
{
	build("1G", "1");
	ck_assert_uint_gt(use(0, 5, LINE_LOAD), 70);
	ck_assert_uint_eq(use(0, 5, LINE_STORE), 4);
	ck_assert_uint_eq(use(0, 5, LINE_FETCH), 14); /* not in L1i, but in L2 */
	ck_assert_uint_eq(use(0, 5, LINE_FETCH), 4);
	ck_assert_uint_eq(h.cpus[0].stats.upgrades, 0);
	ck_assert_uint_eq(h.cpus[0].stats.local_reads, 1);
}
END_TEST

/* The four states between two CPUs of one node. */
START_TEST(test_two_cpus)
{
	build("1G", "2");
	use(0, 5, LINE_LOAD);                             /* 0: exclusive */
	ck_assert_uint_eq(use(1, 5, LINE_LOAD), 70 + 20); /* 0 is asked; both shared */
	ck_assert_uint_eq(h.cpus[1].stats.forwards, 1);
	ck_assert_uint_eq(use(0, 5, LINE_STORE), 4 + 70 + 20); /* 1 loses it; 0: modified */
	ck_assert_uint_eq(h.cpus[0].stats.upgrades, 1);
	ck_assert_uint_eq(h.cpus[0].stats.snooped_cpus, 1);
	ck_assert_uint_eq(h.cpus[1].l2.stats.invalidations, 1);
	ck_assert_uint_eq(use(0, 5, LINE_STORE), 4);
	ck_assert_uint_eq(use(1, 5, LINE_STORE), 70 + 20); /* 1 takes it from 0 */
	ck_assert_uint_eq(h.cpus[1].stats.forwards, 2);
	ck_assert_uint_eq(h.cpus[0].l2.stats.invalidations, 1);
	ck_assert_uint_eq(use(0, 5, LINE_LOAD), 70 + 20); /* dirty data goes to the last level */
	ck_assert(*cache_find(&h.llc[0], 5) & CACHE_DIRTY);
	ck_assert_uint_eq(use(0, 5, LINE_LOAD), 4);
	ck_assert_uint_eq(use(1, 5, LINE_LOAD), 4);
	ck_assert_uint_eq(h.fabric.dram[0].stats.reads, 1);
	ck_assert_uint_eq(h.fabric.dram[0].stats.writes, 0);
}
END_TEST

/* 100 CPUs share a line; one store takes it from 99, asked at the same time. */
START_TEST(test_many_sharers)
{
	build("1G", "100");
	for (unsigned cpu = 0; cpu < 100; cpu++)
		use(cpu, 77, LINE_LOAD);
	ck_assert(hierarchy_is_valid(&h));
	ck_assert_uint_eq(use(70, 77, LINE_STORE), 4 + 70 + 20);
	ck_assert_uint_eq(h.cpus[70].stats.snooped_cpus, 99);
	ck_assert_ptr_null(cache_find(&h.cpus[99].l1d, 77));
	ck_assert_ptr_null(cache_find(&h.cpus[0].l2, 77));
	ck_assert_uint_eq(h.directory.len, 1);
}
END_TEST

/* Another node's modified line: last level, 1 + 100 ns there, snoop, 5 + 100 back; it is written home on the
 * way. */
START_TEST(test_modified_on_another_node)
{
	build("1G 1G", "1 1");
	use(1, 9, LINE_STORE);
	ck_assert_uint_eq(h.cpus[1].stats.remote_reads, 1);
	ck_assert_uint_eq(use(0, 9, LINE_LOAD), 70 + 101 + 20 + 105);
	ck_assert_uint_eq(h.cpus[0].stats.forwards, 1);
	ck_assert_uint_eq(h.cpus[0].stats.local_reads, 0);
	ck_assert_uint_eq(h.fabric.dram[0].stats.writes, 1);
	/* now both nodes' last levels have it clean; a store of node 0 drops node 1's */
	ck_assert_uint_eq(use(0, 9, LINE_STORE), 4 + 70 + 101 + 70 + 101 + 1); /* two questions on one wire */
	ck_assert_ptr_null(cache_find(&h.llc[1], 9));
	ck_assert_ptr_null(cache_find(&h.cpus[1].l2, 9));
}
END_TEST

/* Every line stored to is written to memory once when others push it out, however far down it was. */
START_TEST(test_write_back_once)
{
	static const char *const inclusions[] = {"noninclusive", "inclusive", "victim"};

	set("cache.l1d.size", "1KiB");
	set("cache.l1i.size", "1KiB");
	set("cache.l2.size", "4KiB");
	set("cache.llc.size", "16KiB");
	set("cache.llc.ways", "16");
	for (int i = 0; i < 3; i++) {
		set("cache.llc.inclusion", inclusions[i]);
		build("1G", "1");
		for (uint64_t line = 0; line < 500; line++)
			use(0, line, LINE_STORE);
		for (uint64_t line = 1000; line < 2000; line++)
			use(0, line, LINE_LOAD);
		ck_assert_uint_eq(h.fabric.dram[0].stats.writes, 500);
		ck_assert_uint_eq(h.fabric.dram[0].stats.reads, 1500);
		ck_assert(hierarchy_is_valid(&h));
		if (i < 2)
			hierarchy_release(&h);
	}
}
END_TEST

/* Victim: L2 and last level add up; 80 lines fit in 16 + 64, cyclic. Inclusive or not: they do not. */
START_TEST(test_victim_adds_up)
{
	static const char *const inclusions[] = {"victim", "inclusive", "noninclusive"};

	set("cache.l1d.size", "512");
	set("cache.l1i.size", "512");
	set("cache.l2.size", "1KiB");
	set("cache.llc.size", "4KiB");
	set("cache.llc.ways", "64");
	for (int i = 0; i < 3; i++) {
		set("cache.llc.inclusion", inclusions[i]);
		build("1G", "1");
		for (uint64_t n = 0; n < 80 * 4; n++)
			use(0, n % 80, LINE_LOAD);
		ck_assert_uint_eq(h.fabric.dram[0].stats.reads, i == 0 ? 80 : 320);
		if (i < 2)
			hierarchy_release(&h);
	}
}
END_TEST

/* Inclusive: what the last level throws out leaves the caches above. */
START_TEST(test_inclusive_takes_away)
{
	set("cache.llc.size", "1MiB");
	set("cache.llc.ways", "4");
	set("cache.llc.inclusion", "inclusive");
	build("1G", "2");
	use(0, 0, LINE_STORE);
	for (uint64_t i = 1; i <= 4; i++) /* 4096 sets: these fight for set 0 */
		use(1, i * 4096, LINE_LOAD);
	ck_assert_ptr_null(cache_find(&h.cpus[0].l1d, 0));
	ck_assert_ptr_null(cache_find(&h.cpus[0].l2, 0));
	ck_assert_uint_eq(h.fabric.dram[0].stats.writes, 1);
	ck_assert_uint_eq(h.cpus[0].l2.stats.invalidations, 1);
}
END_TEST

/* Without a last level misses go to memory after L2's latency, and dirty lines, too. */
START_TEST(test_no_last_level)
{
	set("cache.llc.size", "0");
	build("1G", "2");
	use(0, 3, LINE_STORE);
	ck_assert_uint_eq(use(1, 3, LINE_LOAD), 14 + 20);
	ck_assert_uint_eq(h.fabric.dram[0].stats.writes, 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("hierarchy");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_alone);
	tcase_add_test(tc, test_two_cpus);
	tcase_add_test(tc, test_many_sharers);
	tcase_add_test(tc, test_modified_on_another_node);
	tcase_add_test(tc, test_write_back_once);
	tcase_add_test(tc, test_victim_adds_up);
	tcase_add_test(tc, test_inclusive_takes_away);
	tcase_add_test(tc, test_no_last_level);
	return run_case("hierarchy", tc);
}
