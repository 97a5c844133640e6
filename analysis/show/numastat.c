/*
 * numastat.c - what numastat(8) of numactl 2.0.16 prints: allocations by node, the nodes' memory (-m), a
 * process's memory by node (-p).
 *
 * After the manual page. -m's rows come in the tool's order; MiB of 2^20 bytes. -p sorts a mapping by the
 * words of its line in numa_maps: huge, heap, stack, else private.
 */
#include "analysis/show/region.h"

#include <string.h>

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
	for (size_t i = 0; i < SHOW_NUMASTAT_ROWS; i++) {
		fprintf(f, "%-16s", show_numastat_rows[i]);
		for (unsigned n = 0; n < s->nr_nodes; n++)
			fprintf(f, "%16" PRId64, show_getf(s, show_numastat_rows[i], "node/%u", n));
		fputc('\n', f);
	}
}

static void print_heads(const struct show *s, const char *head, int width, bool rule, FILE *f)
{
	char name[24];

	fprintf(f, "%-*s", width, head);
	for (unsigned n = 0; n <= s->nr_nodes; n++) {
		snprintf(name, sizeof name, "Node %u", n);
		fprintf(f, "%16s", n < s->nr_nodes ? name : "Total");
	}
	fprintf(f, "\n%-*s", width, rule ? "----------------" : "");
	for (unsigned n = 0; n <= s->nr_nodes; n++)
		fputs(" ---------------", f);
	fputc('\n', f);
}

static void print_values(const char *name, int width, const double *v, unsigned n, FILE *f)
{
	double sum = 0;

	fprintf(f, "%-*s", width, name);
	for (unsigned i = 0; i < n; i++) {
		fprintf(f, "%16.2f", v[i]);
		sum += v[i];
	}
	fprintf(f, "%16.2f\n", sum);
}

#define MEMINFO_WIDTH 16
#define PROCESS_WIDTH 17

void show_numastat_m(const struct show *s, unsigned id, FILE *f)
{
	static const char *const rows[] = {
		"MemTotal",       "MemFree",        "MemUsed",        "Active",          "Inactive",
		"Active(anon)",   "Inactive(anon)", "Active(file)",   "Inactive(file)",  "Unevictable",
		"Mlocked",        "Dirty",          "Writeback",      "FilePages",       "Mapped",
		"AnonPages",      "Shmem",          "KernelStack",    "PageTables",      "NFS_Unstable",
		"Bounce",         "WritebackTmp",   "Slab",           "SReclaimable",    "SUnreclaim",
		"AnonHugePages",  "ShmemHugePages", "ShmemPmdMapped", "HugePages_Total", "HugePages_Free",
		"HugePages_Surp", "KReclaimable",
	};
	double v[SHOW_MAX_NODES];

	(void)id;
	fputs("\nPer-node system memory usage (in MBs):\n", f);
	print_heads(s, "", MEMINFO_WIDTH, false, f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (unsigned n = 0; n < s->nr_nodes; n++)
			v[n] = (double)show_node_meminfo_kb(s, n, rows[i]) / 1024;
		print_values(rows[i], MEMINFO_WIDTH, v, s->nr_nodes, f);
	}
}

void show_numastat_p(const struct show *s, unsigned id, FILE *f)
{
	static const char *const rows[] = {"Huge", "Heap", "Stack", "Private"};
	double v[ARRAY_LEN(rows)][SHOW_MAX_NODES] = {0}, total[SHOW_MAX_NODES] = {0};
	struct region r = region_begin(s, id);
	char name[16];

	fprintf(f, "\nPer-node process memory usage (in MBs) for PID %u (%.15s)\n", id, show_comm(s, id));
	print_heads(s, "", PROCESS_WIDTH, false, f);
	while (region_next(s, &r)) {
		const char *what = region_name(s, &r, false);
		size_t row = strstr(what, "heap") ? 1 : strstr(what, "stack") ? 2 : 3;

		for (unsigned n = 0; n < s->nr_nodes; n++) {
			double mb;

			snprintf(name, sizeof name, "N%u", n);
			mb = (double)show_get(s, r.scope, name) / 256;
			v[row][n] += mb;
			total[n] += mb;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		print_values(rows[i], PROCESS_WIDTH, v[i], s->nr_nodes, f);
	fputs("---------------- ", f);
	for (unsigned n = 0; n <= s->nr_nodes; n++)
		fputs(" ---------------", f);
	fputc('\n', f);
	print_values("Total", PROCESS_WIDTH, total, s->nr_nodes, f);
}
