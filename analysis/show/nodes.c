/*
 * nodes.c - the node files of sysfs.
 *
 * After drivers/base/node.c node_read_numastat, node_read_distance, node_read_cpumap.
 */
#include "analysis/show/show.h"

static bool is_node(const struct show *s, unsigned nid)
{
	return nid < s->nr_nodes;
}

static bool has_cpu(const struct show *s, unsigned nid)
{
	return s->node_cpus[nid] > 0;
}

int64_t show_node_sum(const struct show *s, unsigned nid, const char *counter)
{
	char prefix[32];
	int64_t sum = 0;

	snprintf(prefix, sizeof prefix, "zone/%u/", nid);
	for (const char *z = NULL; (z = show_next(s, prefix, z));)
		sum += show_get(s, z, counter);
	return sum;
}

uint64_t show_memory_nodes(const struct show *s)
{
	uint64_t nodes = 0;

	for (unsigned n = 0; n < s->nr_nodes; n++)
		nodes |= show_node_sum(s, n, "managed") ? UINT64_C(1) << n : 0;
	return nodes;
}

static bool has_memory(const struct show *s, unsigned nid)
{
	return show_node_sum(s, nid, "managed") > 0;
}

void show_list(const struct show *s, unsigned n, bool (*bit)(const struct show *s, unsigned id), FILE *f)
{
	const char *comma = "";

	for (unsigned i = 0; i < n; i++) {
		unsigned last = i;

		if (!bit(s, i))
			continue;
		while (last + 1 < n && bit(s, last + 1))
			last++;
		fprintf(f, last > i ? "%s%u-%u" : "%s%u", comma, i, last);
		comma = ",";
		i = last;
	}
	fputc('\n', f);
}

void show_bit_list(const uint64_t *words, unsigned n, FILE *f)
{
	const char *comma = "";

	for (unsigned i = 0; i < n * 64; i++) {
		unsigned last = i;

		if (!(words[i / 64] >> (i % 64) & 1))
			continue;
		while (last + 1 < n * 64 && words[(last + 1) / 64] >> ((last + 1) % 64) & 1)
			last++;
		fprintf(f, last > i ? "%s%u-%u" : "%s%u", comma, i, last);
		comma = ",";
		i = last;
	}
}

void show_nodes_online(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	show_list(s, s->nr_nodes, is_node, f);
}

void show_nodes_with_cpu(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	show_list(s, s->nr_nodes, has_cpu, f);
}

void show_nodes_with_memory(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	show_list(s, s->nr_nodes, has_memory, f);
}

const char *const show_numastat_rows[SHOW_NUMASTAT_ROWS] = {"numa_hit",       "numa_miss",  "numa_foreign",
							    "interleave_hit", "local_node", "other_node"};

void show_node_numastat(const struct show *s, unsigned id, FILE *f)
{
	for (size_t i = 0; i < SHOW_NUMASTAT_ROWS; i++)
		fprintf(f, "%s %" PRId64 "\n", show_numastat_rows[i],
			show_getf(s, show_numastat_rows[i], "node/%u", id));
}

void show_node_distance(const struct show *s, unsigned id, FILE *f)
{
	for (unsigned i = 0; i < s->nr_nodes; i++)
		fprintf(f, "%s%u", i ? " " : "", s->distance[id * s->nr_nodes + i]);
	fputc('\n', f);
}

void show_node_cpulist(const struct show *s, unsigned id, FILE *f)
{
	unsigned first = show_first_cpu(s, id), n = s->node_cpus[id];

	if (n > 1)
		fprintf(f, "%u-%u", first, first + n - 1);
	else if (n)
		fprintf(f, "%u", first);
	fputc('\n', f);
}

void show_mask(unsigned n, unsigned first, unsigned last, FILE *f)
{
	unsigned groups = (n + 31) / 32;

	for (unsigned g = groups; g-- > 0;) {
		unsigned bits = MIN_OF(n - 32 * g, 32u);
		uint32_t mask = 0;

		for (unsigned c = 0; c < bits; c++)
			if (32 * g + c >= first && 32 * g + c < last)
				mask |= UINT32_C(1) << c;
		fprintf(f, "%0*" PRIx32 "%s", (int)(bits + 3) / 4, mask, g ? "," : "");
	}
	fputc('\n', f);
}

void show_node_cpumap(const struct show *s, unsigned id, FILE *f)
{
	unsigned first = show_first_cpu(s, id);

	show_mask(s->nr_cpus, first, first + s->node_cpus[id], f);
}
