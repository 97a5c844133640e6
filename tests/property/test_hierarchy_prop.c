/*
 * test_hierarchy_prop.c - coherence under random use: invariants, counting laws, no dirty line is lost.
 */
#include "models/hw/hierarchy.h"

#include <check.h>
#include <stdlib.h>

#include "models/hw/replacement.h"
#include "sim/rng.h"
#include "tests/suite.h"

static struct param_set ps;
static struct topology_params tp;
static struct cache_params cp;
static struct fabric_params fp;
static struct topology topo;
static struct hierarchy h;

static void set(const char *path, const char *value)
{
	struct err err = {ERR_OK, ""};

	ck_assert_msg(param_set_value(&ps, path, value, "test", &err) == 0, "%s", err.text);
}

/* Tiny caches, so that everything happens: L1 8 lines, L2 16, last level 36 (0: none). */
static void build(const char *mem, const char *cpus, unsigned inclusion, bool llc, unsigned policy)
{
	struct err err = {ERR_OK, ""};

	param_set_release(&ps);
	param_set_init(&ps);
	param_set_add(&ps, &topology_param_table, &tp);
	param_set_add(&ps, &cache_param_table, &cp);
	param_set_add(&ps, &link_param_table, &fp.link);
	param_set_add(&ps, &bus_param_table, &fp.bus);
	param_set_add(&ps, &dram_param_table, &fp.dram);
	set("topology.node_mem", mem);
	set("topology.node_cpus", cpus);
	set("cache.l1d.size", "512");
	set("cache.l1d.ways", "2");
	set("cache.l1i.size", "512");
	set("cache.l1i.ways", "2");
	set("cache.l2.size", "1024");
	set("cache.l2.ways", "4");
	set("cache.llc.size", llc ? "2304" : "0");
	set("cache.llc.ways", "4");
	set("cache.llc.inclusion", cache_inclusion_name(inclusion));
	set("cache.l1d.policy", replacement_name(policy));
	set("cache.l2.policy", replacement_name(policy));
	set("cache.llc.policy", replacement_name(policy));
	ck_assert_msg(topology_init(&topo, &tp, &err) == 0, "%s", err.text);
	ck_assert_msg(hierarchy_init(&h, &cp, &fp, &topo, 1, &err) == 0, "%s", err.text);
}

static uint64_t dram_sum(bool writes)
{
	uint64_t sum = 0;

	for (unsigned nid = 0; nid < topo.nr_nodes; nid++)
		sum += writes ? h.fabric.dram[nid].stats.writes : h.fabric.dram[nid].stats.reads;
	return sum;
}

/* Whether any cache anywhere has newer data than memory. */
static bool is_dirty_somewhere(uint64_t line)
{
	uint64_t *key;

	for (unsigned cpu = 0; cpu < h.nr_cpus; cpu++) {
		key = cache_find(&h.cpus[cpu].l1d, line);
		if (key && *key & CACHE_DIRTY)
			return true;
		key = cache_find(&h.cpus[cpu].l2, line);
		if (key && *key & CACHE_DIRTY)
			return true;
	}
	for (unsigned nid = 0; nid < h.nr_nodes; nid++) {
		key = h.has_llc[nid] ? cache_find(&h.llc[nid], line) : NULL;
		if (key && *key & CACHE_DIRTY)
			return true;
	}
	return false;
}

static void check_laws(uint64_t accesses)
{
	uint64_t l1 = 0, below = 0, memory = 0, llc_hits = 0, forwards = 0;

	for (unsigned cpu = 0; cpu < h.nr_cpus; cpu++) {
		const struct cpu_caches *c = &h.cpus[cpu];
		uint64_t l1_misses = c->l1d.stats.misses + c->l1i.stats.misses;

		l1 += l1_misses + c->l1d.stats.hits + c->l1i.stats.hits;
		ck_assert_uint_eq(c->l2.stats.hits + c->l2.stats.misses, l1_misses);
		ck_assert_uint_eq(c->stats.read_cycles.count, c->stats.local_reads + c->stats.remote_reads);
		below += c->l2.stats.misses;
		memory += c->stats.local_reads + c->stats.remote_reads;
		forwards += c->stats.forwards;
	}
	for (unsigned nid = 0; nid < h.nr_nodes; nid++)
		llc_hits += h.llc[nid].stats.hits;
	ck_assert_uint_eq(l1, accesses);
	ck_assert_uint_eq(dram_sum(false), memory);
	ck_assert_uint_le(memory, below);
	ck_assert_uint_ge(memory + forwards + llc_hits, below);
}

static const struct {
	const char *mem, *cpus;
} machines[] = {{"1G", "1"}, {"1G", "3"}, {"1G 1G", "2"}, {"1G 1G 1G", "2 1 0"}, {"1G 0 1G", "2"}};

/* Stores happen, memory writes happen; after each step that wrote nothing, a stored line is dirty somewhere.
 */
static void random_use(size_t machine, unsigned inclusion, bool llc)
{
	struct rng rng;

	rng_init(&rng, machine, "use");
	for (unsigned policy = 0; replacement_at(policy); policy++) {
		uint64_t now = 0;

		build(machines[machine].mem, machines[machine].cpus, inclusion, llc, policy);
		for (int step = 0; step < 1500; step++) {
			unsigned cpu = (unsigned)rng_below(&rng, h.nr_cpus);
			unsigned nid = (unsigned)rng_below(&rng, topo.nr_ranges);
			uint64_t line = (uint64_t)topo.range[nid].start * 64 + rng_below(&rng, 40);
			enum line_use how = (enum line_use)rng_below(&rng, 3);
			uint64_t latency;

			now += rng_below(&rng, 300);
			latency = hierarchy_access(&h, cpu, line, how, now);
			ck_assert_uint_ge(latency, 4);
			ck_assert_uint_lt(latency, 100000);
			if (how == LINE_STORE)
				ck_assert(is_dirty_somewhere(line));
			ck_assert_ptr_nonnull(
				cache_find(how == LINE_FETCH ? &h.cpus[cpu].l1i : &h.cpus[cpu].l1d, line));
			if (step % 64 == 0)
				ck_assert_msg(hierarchy_is_valid(&h), "step %d", step);
		}
		ck_assert(hierarchy_is_valid(&h));
		check_laws(1500);
		hierarchy_release(&h);
	}
	param_set_release(&ps);
}

START_TEST(test_random_use)
{
	for (size_t machine = 0; machine < ARRAY_LEN(machines); machine++)
		random_use(machine, (unsigned)_i % 3, _i < 3);
}
END_TEST

/* Each line is stored to once, loads of all CPUs mixed in; then others push all out: memory has them all. */
static void write_all_push_all_out(size_t machine, unsigned inclusion, bool llc)
{
	enum { LINES = 200 };
	uint64_t now = 0;
	struct rng rng;

	rng_init(&rng, machine, "lost");
	build(machines[machine].mem, machines[machine].cpus, inclusion, llc, 0);
	for (uint64_t i = 0; i < LINES; i++) {
		hierarchy_access(&h, (unsigned)rng_below(&rng, h.nr_cpus), i, LINE_STORE, now += 500);
		for (int k = 0; k < 4; k++)
			hierarchy_access(&h, (unsigned)rng_below(&rng, h.nr_cpus),
					 i - rng_below(&rng, MIN_OF(i + 1, 30)), LINE_LOAD, now += 500);
	}
	for (unsigned cpu = 0; cpu < h.nr_cpus; cpu++) {
		for (uint64_t i = 0; i < 400; i++)
			hierarchy_access(&h, cpu, 10000 + 1000 * cpu + i, LINE_LOAD, now += 500);
	}
	for (uint64_t i = 0; i < LINES; i++)
		ck_assert(!is_dirty_somewhere(i));
	ck_assert_uint_ge(dram_sum(true), LINES);
	if (h.nr_cpus == 1)
		ck_assert_uint_eq(dram_sum(true), LINES);
	ck_assert(hierarchy_is_valid(&h));
	hierarchy_release(&h);
	param_set_release(&ps);
}

START_TEST(test_no_dirty_line_is_lost)
{
	for (size_t machine = 0; machine < ARRAY_LEN(machines); machine++)
		write_all_push_all_out(machine, (unsigned)_i % 3, _i < 3);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("hierarchy_prop");

	tcase_add_loop_test(tc, test_random_use, 0, 4);
	tcase_add_loop_test(tc, test_no_dirty_line_is_lost, 0, 4);
	return run_case("hierarchy_prop", tc);
}
