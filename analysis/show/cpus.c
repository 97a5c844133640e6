/*
 * cpus.c - /proc/cpuinfo and the CPU files of sysfs: which CPUs there are, how they share cores, sockets and
 * caches.
 *
 * After arch/x86/kernel/cpu/proc.c show_cpuinfo, drivers/base/cpu.c, drivers/base/topology.c,
 * drivers/base/cacheinfo.c; Linux 6.1. The simulated CPUs have one thread a core; a node with CPUs is a
 * socket with a last-level cache. Caches are there when the run simulated them (memory.caches).
 *
 * Not modelled: vendor, family, features beside 64 bit, microcode, frequencies other than cpu.mhz.
 */
#include "analysis/show/tree.h"

#include <string.h>

#define CPUS "sys/devices/system/cpu"

static unsigned node_of(const struct show *s, unsigned cpu)
{
	unsigned n = 0;

	while (n + 1 < s->nr_nodes && cpu >= show_first_cpu(s, n + 1))
		n++;
	return n;
}

static unsigned socket_of(const struct show *s, unsigned nid)
{
	unsigned sockets = 0;

	for (unsigned n = 0; n < nid; n++)
		sockets += s->node_cpus[n] > 0;
	return sockets;
}

/* One cache of a CPU; bytes 0: there is none. */
struct cache {
	const char *level, *type;
	int64_t bytes, ways;
};

static struct cache cache_at(const struct show *s, unsigned index)
{
	static const struct {
		const char *level, *type, *size, *ways;
	} caches[] = {
		{"1", "Data", "cache.l1d.size", "cache.l1d.ways"},
		{"1", "Instruction", "cache.l1i.size", "cache.l1i.ways"},
		{"2", "Unified", "cache.l2.size", "cache.l2.ways"},
		{"3", "Unified", "cache.llc.size", "cache.llc.ways"},
	};
	const char *on = show_text(s, "param/memory.caches");

	if (index >= ARRAY_LEN(caches) || !on || strcmp(on, "true") != 0)
		return (struct cache){0};
	return (struct cache){caches[index].level, caches[index].type, show_param(s, caches[index].size, 0),
			      show_positive(s, caches[index].ways, 1)};
}

void show_cpuinfo(const struct show *s, unsigned id, FILE *f)
{
	int64_t mhz = show_positive(s, "cpu.mhz", 2600), line = show_positive(s, "cache.line_bytes", 64);

	(void)id;
	for (unsigned cpu = 0; cpu < s->nr_cpus; cpu++) {
		unsigned nid = node_of(s, cpu);
		int64_t kb = (cache_at(s, 3).bytes ? cache_at(s, 3).bytes : cache_at(s, 2).bytes) >> 10;

		fprintf(f, "processor\t: %u\nvendor_id\t: Faultline\nmodel name\t: Faultline simulated CPU\n",
			cpu);
		fprintf(f, "cpu MHz\t\t: %" PRId64 ".000\n", mhz);
		if (kb)
			fprintf(f, "cache size\t: %" PRId64 " KB\n", kb);
		fprintf(f, "physical id\t: %u\nsiblings\t: %u\n", socket_of(s, nid), s->node_cpus[nid]);
		fprintf(f, "core id\t\t: %u\ncpu cores\t: %u\n", cpu - show_first_cpu(s, nid),
			s->node_cpus[nid]);
		fprintf(f, "apicid\t\t: %u\ninitial apicid\t: %u\n", cpu, cpu);
		fprintf(f, "flags\t\t: pse lm\nbogomips\t: %" PRId64 ".00\n", 2 * mhz);
		fprintf(f, "clflush size\t: %" PRId64 "\ncache_alignment\t: %" PRId64 "\n", line, line);
		fputs("address sizes\t: 46 bits physical, 48 bits virtual\npower management:\n\n", f);
	}
}

static bool is_cpu(const struct show *s, unsigned cpu)
{
	return cpu < s->nr_cpus;
}

static bool no_cpu(const struct show *s, unsigned cpu)
{
	(void)s;
	(void)cpu;
	return false;
}

void show_cpus_online(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	show_list(s, s->nr_cpus, is_cpu, f);
}

void show_cpus_offline(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	show_list(s, s->nr_cpus, no_cpu, f);
}

/* The mask of CPUs [first, end), and the same as a list. */
static void mask_files(struct tree *t, unsigned first, unsigned end, unsigned cpu, const char *folder,
		       const char *mask, const char *list)
{
	char range[32];
	FILE *f = tree_open(t, CPUS "/cpu%u/%s/%s", cpu, folder, mask);

	if (f)
		show_mask(t->s->nr_cpus, first, end, f);
	tree_close(t, f);
	snprintf(range, sizeof range, end - first > 1 ? "%u-%u" : "%u", first, end - 1);
	tree_line(t, range, CPUS "/cpu%u/%s/%s", cpu, folder, list);
}

static void topology_files(struct tree *t, unsigned cpu, unsigned nid)
{
	unsigned first = show_first_cpu(t->s, nid), end = first + t->s->node_cpus[nid];

	tree_number(t, cpu - first, CPUS "/cpu%u/topology/core_id", cpu);
	tree_number(t, 0, CPUS "/cpu%u/topology/die_id", cpu);
	tree_number(t, socket_of(t->s, nid), CPUS "/cpu%u/topology/physical_package_id", cpu);
	mask_files(t, cpu, cpu + 1, cpu, "topology", "thread_siblings", "thread_siblings_list");
	mask_files(t, cpu, cpu + 1, cpu, "topology", "core_cpus", "core_cpus_list");
	mask_files(t, first, end, cpu, "topology", "core_siblings", "core_siblings_list");
	mask_files(t, first, end, cpu, "topology", "package_cpus", "package_cpus_list");
	mask_files(t, first, end, cpu, "topology", "die_cpus", "die_cpus_list");
}

static void cache_files(struct tree *t, unsigned cpu, unsigned nid)
{
	int64_t line = show_positive(t->s, "cache.line_bytes", 64);
	unsigned first = show_first_cpu(t->s, nid), end = first + t->s->node_cpus[nid];
	char folder[32], size[24];
	struct cache c;

	for (unsigned i = 0; (c = cache_at(t->s, i)).bytes; i++) {
		bool shared = i == 3;

		snprintf(folder, sizeof folder, "cache/index%u", i);
		snprintf(size, sizeof size, "%" PRId64 "K", c.bytes >> 10);
		tree_number(t, shared ? socket_of(t->s, nid) : cpu, CPUS "/cpu%u/%s/id", cpu, folder);
		tree_line(t, c.level, CPUS "/cpu%u/%s/level", cpu, folder);
		tree_line(t, c.type, CPUS "/cpu%u/%s/type", cpu, folder);
		tree_line(t, size, CPUS "/cpu%u/%s/size", cpu, folder);
		tree_number(t, (uint64_t)line, CPUS "/cpu%u/%s/coherency_line_size", cpu, folder);
		tree_number(t, (uint64_t)c.ways, CPUS "/cpu%u/%s/ways_of_associativity", cpu, folder);
		tree_number(t, (uint64_t)(c.bytes / (line * c.ways)), CPUS "/cpu%u/%s/number_of_sets", cpu,
			    folder);
		tree_number(t, 1, CPUS "/cpu%u/%s/physical_line_partition", cpu, folder);
		mask_files(t, shared ? first : cpu, shared ? end : cpu + 1, cpu, folder, "shared_cpu_map",
			   "shared_cpu_list");
	}
}

void tree_cpus(struct tree *t)
{
	char target[40];

	tree_number(t, t->s->nr_cpus - 1, CPUS "/kernel_max");
	for (unsigned cpu = 0; cpu < t->s->nr_cpus && !t->rc; cpu++) {
		unsigned nid = node_of(t->s, cpu);

		topology_files(t, cpu, nid);
		cache_files(t, cpu, nid);
		snprintf(target, sizeof target, "../../node/node%u", nid);
		tree_link(t, target, CPUS "/cpu%u/node%u", cpu, nid);
		snprintf(target, sizeof target, "../../cpu/cpu%u", cpu);
		tree_link(t, target, "sys/devices/system/node/node%u/cpu%u", nid, cpu);
	}
}
