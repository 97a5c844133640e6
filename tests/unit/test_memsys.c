/*
 * test_memsys.c - the memory system as a whole: flat costs, latency steps, UMA, NUMA, bandwidth.
 */
#include "models/hw/memsys.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"
#include "tests/suite.h"

static struct param_set ps;
static struct topology_params tp;
static struct topology topo;
static struct memsys_config *config;
static struct memsys *m;
static struct stat_registry registry;
static struct err err;

static void setup(void)
{
	param_set_init(&ps);
	err_clear(&err);
	param_set_add(&ps, &topology_param_table, &tp);
	config = memsys_config_new(&ps);
	stat_registry_init(&registry);
	m = NULL;
}

static void teardown(void)
{
	memsys_free(m);
	memsys_config_free(config);
	param_set_release(&ps);
	stat_registry_release(&registry);
}

static void set(const char *path, const char *value)
{
	ck_assert_msg(param_set_value(&ps, path, value, "test", &err) == 0, "%s", err.text);
}

static void build(void)
{
	memsys_free(m);
	stat_registry_release(&registry);
	stat_registry_init(&registry);
	ck_assert_msg(topology_init(&topo, &tp, &err) == 0, "%s", err.text);
	ck_assert_msg(memsys_new(&m, config, &topo, 1, &err) == 0, "%s", err.text);
	memsys_register_stats(m, &registry);
}

static uint64_t stat(const char *table, const char *field, const char *instance)
{
	for (size_t g = 0; g < registry.nr_groups; g++) {
		const struct stat_group *group = &registry.groups[g];

		if (strcmp(group->table->prefix, table) || strcmp(group->instance, instance))
			continue;
		for (size_t i = 0; i < group->table->nr_rows; i++) {
			if (!strcmp(group->table->rows[i].name, field))
				return *(uint64_t *)(void *)((char *)group->base +
							     group->table->rows[i].offset);
		}
	}
	ck_abort_msg("no statistic %s.%s of %s", table, field, instance);
	return 0;
}

static double ns(uint64_t cycles)
{
	return (double)cycles / 2.6;
}

static paddr_t node_base(unsigned nid)
{
	for (unsigned r = 0; r < topo.nr_ranges; r++) {
		if (topo.range[r].nid == nid)
			return (paddr_t)topo.range[r].start << PAGE_SHIFT;
	}
	return 0;
}

/* Mean latency in ns of a chain of loads at random places of a node's first 512 MiB. */
static double chase(unsigned cpu, unsigned nid, uint64_t *now)
{
	enum { N = 4000 };
	uint64_t sum = 0;
	struct rng rng;

	rng_init(&rng, 64 * cpu + nid, "chase"); /* no two CPUs on the same lines */
	for (int i = 0; i < N; i++) {
		paddr_t pa = node_base(nid) + rng_below(&rng, UINT64_C(512) << 20 >> 6) * 64;
		uint64_t latency = memsys_access(m, cpu, pa, 8, MEM_LOAD, *now);

		sum += latency;
		*now += latency;
	}
	return ns(sum) / N;
}

START_TEST(test_flat)
{
	set("topology.node_mem", "1G 1G");
	build();
	ck_assert(!memsys_has_caches(m));
	ck_assert_uint_eq(memsys_flat_cycles(m, 0, 0, false), 10);
	ck_assert_uint_eq(memsys_flat_cycles(m, 0, 1, false), 21);
	ck_assert_uint_eq(memsys_flat_cycles(m, 1, 1, true), 18);
	ck_assert_uint_eq(memsys_flat_cycles(m, 1, 0, true), 38); /* 37.8 */
	ck_assert_uint_eq(registry.nr_groups, 0);
}
END_TEST

/* Cascade Lake 6240, Intel MLC: 81 ns idle local, 141 ns remote. */
START_TEST(test_idle_latency)
{
	uint64_t now = 0;
	double local, remote;

	set("memory.caches", "on");
	set("topology.node_mem", "1G 1G");
	build();
	ck_assert(memsys_has_caches(m));
	local = chase(0, 0, &now);
	remote = chase(0, 1, &now);
	ck_assert_msg(local > 79 && local < 83, "local %.1f ns", local);
	ck_assert_msg(remote > 139 && remote < 143, "remote %.1f ns", remote);
	ck_assert_uint_eq(stat("dram", "reads", "0"), stat("hierarchy", "local_reads", "0"));
	ck_assert_uint_eq(stat("dram", "reads", "1"), stat("hierarchy", "remote_reads", "0"));
	ck_assert_uint_eq(stat("link", "messages", "0-1"), stat("dram", "reads", "1"));
}
END_TEST

/* A cyclic sweep: one, two and four times each capacity lie on steps of 4, 14, 70 cycles, and memory. */
START_TEST(test_latency_steps)
{
	static const struct {
		uint64_t kib, cycles; /* 0: memory, more than the last level's 70 */
	} rows[] = {{32, 4}, {64, 14}, {128, 14}, {1024, 14}, {2048, 70}, {4096, 70}, {8192, 0}, {16384, 0}};
	uint64_t now = 0;

	set("memory.caches", "on");
	set("cache.llc.size", "4MiB");
	set("cache.llc.ways", "16");
	build();
	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		uint64_t lines = rows[r].kib * 16;

		for (uint64_t i = 0; i < 2 * lines; i++) {
			uint64_t c = memsys_access(m, 0, i % lines * 64, 4, MEM_LOAD, now);

			now += c;
			if (i < lines)
				continue;
			if (rows[r].cycles && c != rows[r].cycles)
				ck_abort_msg("%d KiB: %d cycles", (int)rows[r].kib, (int)c);
			if (!rows[r].cycles && c <= 70)
				ck_abort_msg("%d KiB: %d cycles", (int)rows[r].kib, (int)c);
		}
	}
}
END_TEST

/* 64 lines that lie in L1: one a cycle. From memory: twelve at a time, so between five and eight latencies.
 */
START_TEST(test_page_at_once)
{
	uint64_t cold, warm;

	set("memory.caches", "on");
	build();
	cold = memsys_access(m, 0, 0x100000, 4096, MEM_STORE, 1000000);
	warm = memsys_access(m, 0, 0x100000, 4096, MEM_LOAD, 2000000);
	ck_assert_uint_eq(warm, 63 + 4);
	ck_assert_msg(ns(cold) > 5 * 65 && ns(cold) < 8 * 81, "%.1f ns", ns(cold));
	ck_assert_uint_eq(stat("cache.l1d", "misses", "0"), 64);
	ck_assert_uint_eq(stat("cache.l1d", "hits", "0"), 64);
	/* a word across two lines is two lines, one of them the next page's neighbour in no way */
	ck_assert_uint_eq(memsys_access(m, 0, 0x100000 + 60, 8, MEM_LOAD, 3000000), 5);
	ck_assert_uint_eq(stat("cache.l1d", "hits", "0"), 66);
}
END_TEST

/* What a group of CPUs does in a loop. */
struct load {
	unsigned first_cpu, nr_cpus;
	uint64_t per_cpu; /* accesses */
	unsigned nid;     /* whose memory */
	uint32_t size;
	double mean_ns[64]; /* by CPU */
	double gb_s;
	uint64_t last_ps;
};

static void run_load(struct load *l)
{
	uint64_t now[64] = {0}, done[64] = {0}, sum[64] = {0}, last = 0;
	struct rng rng;

	rng_init(&rng, 9, "load");
	for (uint64_t n = 0; n < l->per_cpu * l->nr_cpus; n++) {
		unsigned who = 0;
		uint64_t c;

		for (unsigned i = 1; i < l->nr_cpus; i++)
			who = now[i] < now[who] ? i : who;
		c = memsys_access(m, l->first_cpu + who,
				  node_base(l->nid) + rng_below(&rng, (UINT64_C(1) << 29) / 4096) * 4096,
				  l->size, MEM_LOAD, now[who]);
		now[who] += c;
		sum[who] += c;
		done[who]++;
		last = MAX_OF(last, now[who]);
	}
	for (unsigned i = 0; i < l->nr_cpus; i++)
		l->mean_ns[i] = ns(sum[i]) / (double)done[i];
	l->last_ps = clock_ps(&topo.cpu_clock, last);
	l->gb_s = (double)(l->per_cpu * l->nr_cpus * l->size) / ns(last);
}

/*
 * UMA: 1 to 64 CPUs over one bus of 6.4 GB/s. Before it is full, CPUs get what they ask for; after, the total
 * stays at the bus's rate and each CPU's share is an equal part of it; all CPUs wait alike.
 */
START_TEST(test_uma_bus)
{
	double share[7], latency[7];
	int n = 0;

	set("memory.caches", "on");
	set("topology.node_cpus", "64");
	set("cache.llc.size", "0");
	set("cache.l2.size", "64KiB");
	set("bus.bandwidth_mbs", "6400");
	set("bus.latency_ps", "50000");
	for (unsigned cpus = 1; cpus <= 64; cpus *= 2, n++) {
		struct load l = {.nr_cpus = cpus, .per_cpu = 20 + 1280 / cpus, .size = 512};

		build();
		run_load(&l);
		ck_assert_uint_le(stat("bus", "busy_ps", "bus"), l.last_ps);
		ck_assert_uint_eq(stat("bus", "busy_ps", "bus"), stat("bus", "messages", "bus") * 10000);
		for (unsigned i = 1; i < cpus; i++)
			ck_assert_msg(l.mean_ns[i] > 0.9 * l.mean_ns[0] && l.mean_ns[i] < 1.1 * l.mean_ns[0],
				      "%u CPUs: %.1f and %.1f ns", cpus, l.mean_ns[0], l.mean_ns[i]);
		share[n] = l.gb_s / cpus;
		latency[n] = l.mean_ns[0];
	}
	for (int i = 1; i < 7; i++) {
		ck_assert_msg(share[i] < share[i - 1], "share of %d CPUs: %.3f", 1 << i, share[i]);
		ck_assert_msg(latency[i] > latency[i - 1], "latency of %d CPUs: %.1f", 1 << i, latency[i]);
	}
	ck_assert(share[6] * 64 > 6.0);
	/* Little's law: 64 requests of 512 bytes wait for 6.4 bytes a nanosecond */
	ck_assert_msg(latency[6] > 0.9 * 5120 && latency[6] < 1.05 * 5120, "%.1f ns", latency[6]);
}
END_TEST

/* Local < one hop < two hops, on a chain of three nodes; the middle one is one hop from both ends. */
START_TEST(test_numa_hops)
{
	uint64_t now = 0;
	double d[3][3];

	set("memory.caches", "on");
	set("topology.node_mem", "1G 1G 1G");
	set("link.pairs", "0 1 1 2");
	build();
	for (unsigned cpu = 0; cpu < 3; cpu++) {
		for (unsigned nid = 0; nid < 3; nid++)
			d[cpu][nid] = chase(cpu, nid, &now);
	}
	for (unsigned a = 0; a < 3; a++) {
		for (unsigned b = 0; b < 3; b++) {
			unsigned hops = a > b ? a - b : b - a;
			double expected = 81 + 60 * hops;

			ck_assert_msg(d[a][b] > expected - 4 && d[a][b] < expected + 4, "%u to %u: %.1f ns",
				      a, b, d[a][b]);
		}
	}
}
END_TEST

/* Eighteen CPUs: 113 GB/s were measured locally (140.8 is the wires' peak), 34 GB/s over the links. */
START_TEST(test_bandwidths)
{
	struct load local = {.nr_cpus = 18, .per_cpu = 150, .nid = 0, .size = 4096};
	struct load remote = {.nr_cpus = 18, .per_cpu = 150, .nid = 1, .size = 4096};

	set("memory.caches", "on");
	set("topology.node_mem", "1G 1G");
	set("topology.node_cpus", "18");
	build();
	run_load(&local);
	build();
	run_load(&remote);
	ck_assert_msg(local.gb_s < 140.8 && local.gb_s > 90, "local %.1f GB/s", local.gb_s);
	ck_assert_msg(remote.gb_s < 35 && remote.gb_s > 31, "remote %.1f GB/s", remote.gb_s);
	ck_assert_uint_eq(stat("link", "bytes", "1-0"), stat("dram", "reads", "1") * 80);
}
END_TEST

/* A node without memory and one without CPUs: all CPUs reach all memory; statistics only where there is
 * something. */
START_TEST(test_odd_nodes)
{
	uint64_t now = 0;

	set("memory.caches", "on");
	set("topology.node_mem", "1G 0 1G");
	set("topology.node_cpus", "1 1 0");
	set("link.latency_ps", "28870 28870 150000");
	build();
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		chase(cpu, 0, &now);
		chase(cpu, 2, &now);
	}
	ck_assert_uint_eq(stat("hierarchy", "local_reads", "1"), 0);
	ck_assert_uint_gt(stat("hierarchy", "remote_reads", "1"), 7000);
	ck_assert_uint_eq(stat("dram", "reads", "0") + stat("dram", "reads", "2"),
			  stat("hierarchy", "remote_reads", "0") + stat("hierarchy", "remote_reads", "1") +
				  stat("hierarchy", "local_reads", "0"));
	for (size_t g = 0; g < registry.nr_groups; g++) {
		const struct stat_group *group = &registry.groups[g];

		ck_assert(strcmp(group->table->prefix, "dram") || strcmp(group->instance, "1"));
		ck_assert(strcmp(group->table->prefix, "cache.llc") || strcmp(group->instance, "2"));
	}
}
END_TEST

/* The same accesses give the same latencies; another seed only where a policy draws. */
START_TEST(test_deterministic)
{
	uint64_t sum[2] = {0}, now;

	set("memory.caches", "on");
	set("cache.l1d.policy", "random");
	set("topology.node_mem", "1G 1G");
	for (int run = 0; run < 2; run++) {
		struct rng rng;

		build();
		rng_init(&rng, 6, "same");
		now = 0;
		for (int i = 0; i < 5000; i++) {
			unsigned cpu = (unsigned)rng_below(&rng, 2);

			now += 10;
			sum[run] =
				sum[run] * 31 + memsys_access(m, cpu, rng_below(&rng, 1 << 17), 8,
							      (enum mem_access_kind)rng_below(&rng, 4), now);
		}
	}
	ck_assert_uint_eq(sum[0], sum[1]);
}
END_TEST

static void refuse(const char *path, const char *value, const char *word)
{
	set(path, value);
	err_clear(&err);
	ck_assert_int_eq(memsys_new(&m, config, &topo, 1, &err), -ERR_CONFIG);
	ck_assert_ptr_null(m);
	ck_assert_msg(strstr(err.text, word), "\"%s\" does not speak of %s", err.text, word);
}

START_TEST(test_refusals)
{
	set("memory.caches", "on");
	set("topology.node_mem", "1G 1G 1G");
	build();
	memsys_free(m);
	refuse("cache.l1d.ways", "7", "cache.l1d.size");
	set("cache.l1d.ways", "8");
	refuse("cache.line_bytes", "48", "power of two");
	set("cache.line_bytes", "64");
	refuse("cache.l2.size", "16KiB", "cache.l2.size");
	set("cache.l2.size", "1MiB");
	refuse("cache.llc.size", "1MiB", "cache.llc.size");
	set("cache.llc.size", "0");
	refuse("link.pairs", "0 1", "no route");
	set("link.pairs", "");
	refuse("dram.channels", "6 6", "dram.channels");
	ck_assert_int_eq(param_set_value(&ps, "cache.l2.ways", "0", "test", NULL), -ERR_CONFIG);
	ck_assert_int_eq(param_set_value(&ps, "bus.bandwidth_mbs", "0", "test", NULL), -ERR_CONFIG);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("memsys");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_flat);
	tcase_add_test(tc, test_idle_latency);
	tcase_add_test(tc, test_latency_steps);
	tcase_add_test(tc, test_page_at_once);
	tcase_add_test(tc, test_uma_bus);
	tcase_add_test(tc, test_numa_hops);
	tcase_add_test(tc, test_bandwidths);
	tcase_add_test(tc, test_odd_nodes);
	tcase_add_test(tc, test_deterministic);
	tcase_add_test(tc, test_refusals);
	return run_case("memsys", tc);
}
