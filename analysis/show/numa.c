/*
 * numa.c - nodes as the tools numactl(8) and numastat(8) of numactl 2.0.16 print them, and the node files of
 * sysfs.
 *
 * After the manual pages, and drivers/base/node.c node_read_numastat, node_read_distance, node_read_cpumap.
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

/* Memory that the kernel manages, in pages. */
static int64_t pages_of(const struct show *s, unsigned nid, const char *counter)
{
	char prefix[32];
	int64_t sum = 0;

	snprintf(prefix, sizeof prefix, "zone/%u/", nid);
	for (const char *z = NULL; (z = show_next(s, prefix, z));)
		sum += show_get(s, z, counter);
	return sum;
}

static bool has_memory(const struct show *s, unsigned nid)
{
	return pages_of(s, nid, "managed") > 0;
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

void show_numactl(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	fprintf(f, "available: %u nodes (", s->nr_nodes);
	fprintf(f, s->nr_nodes > 1 ? "0-%u)\n" : "%u)\n", s->nr_nodes ? s->nr_nodes - 1 : 0);
	for (unsigned n = 0; n < s->nr_nodes; n++) {
		fprintf(f, "node %u cpus:", n);
		for (unsigned c = 0; c < s->node_cpus[n]; c++)
			fprintf(f, " %u", show_first_cpu(s, n) + c);
		fprintf(f, "\nnode %u size: %" PRId64 " MB\n", n, pages_of(s, n, "managed") >> 8);
		fprintf(f, "node %u free: %" PRId64 " MB\n", n, pages_of(s, n, "nr_free_pages") >> 8);
	}
	fputs("node distances:\nnode ", f);
	for (unsigned n = 0; n < s->nr_nodes; n++)
		fprintf(f, "%3u ", n);
	fputc('\n', f);
	for (unsigned n = 0; n < s->nr_nodes; n++) {
		fprintf(f, "%3u: ", n);
		for (unsigned i = 0; i < s->nr_nodes; i++)
			fprintf(f, "%3u ", s->distance[n * s->nr_nodes + i]);
		fputc('\n', f);
	}
}

/* As sysfs and the tool name them. */
static const char *const numa_rows[] = {"numa_hit",       "numa_miss",  "numa_foreign",
					"interleave_hit", "local_node", "other_node"};

void show_numastat(const struct show *s, unsigned id, FILE *f)
{
	char name[24];

	(void)id;
	fprintf(f, "%-16s", "");
	for (unsigned n = 0; n < s->nr_nodes; n++) {
		snprintf(name, sizeof name, "node%u", n);
		fprintf(f, "%16s", name);
	}
	fputc('\n', f);
	for (size_t i = 0; i < ARRAY_LEN(numa_rows); i++) {
		fprintf(f, "%-16s", numa_rows[i]);
		for (unsigned n = 0; n < s->nr_nodes; n++)
			fprintf(f, "%16" PRId64, show_getf(s, numa_rows[i], "node/%u", n));
		fputc('\n', f);
	}
}

void show_node_numastat(const struct show *s, unsigned id, FILE *f)
{
	for (size_t i = 0; i < ARRAY_LEN(numa_rows); i++)
		fprintf(f, "%s %" PRId64 "\n", numa_rows[i], show_getf(s, numa_rows[i], "node/%u", id));
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

/* Groups of 32 CPUs in hexadecimal, the highest first; the first group has only the digits that CPUs need. */
void show_node_cpumap(const struct show *s, unsigned id, FILE *f)
{
	unsigned first = show_first_cpu(s, id), last = first + s->node_cpus[id],
		 groups = (s->nr_cpus + 31) / 32;

	for (unsigned g = groups; g-- > 0;) {
		unsigned cpus = MIN_OF(s->nr_cpus - 32 * g, 32u);
		uint32_t mask = 0;

		for (unsigned c = 0; c < cpus; c++)
			if (32 * g + c >= first && 32 * g + c < last)
				mask |= UINT32_C(1) << c;
		fprintf(f, "%0*" PRIx32 "%s", (int)(cpus + 3) / 4, mask, g ? "," : "");
	}
	fputc('\n', f);
}
