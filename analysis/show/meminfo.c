/*
 * meminfo.c - /proc/meminfo and a node's meminfo, as Linux 6.1 of Debian 12 (amd64) prints them.
 *
 * After fs/proc/meminfo.c meminfo_proc_show, drivers/base/node.c node_read_meminfo, mm/util.c
 * vm_commit_limit.
 *
 * Not modelled, printed as 0: buffers, zswap, vmalloc, per-CPU data, hugetlb pages, the kernel's direct map.
 */
#include "analysis/show/show.h"

#include <string.h>

/* A line: the label with its blanks, the counter, and what its value is multiplied by to be kB. */
struct line {
	const char *label;
	const char *scope, *counter; /* counter NULL: 0 */
	int64_t kb;
};

static const struct line lines[] = {
	{"MemTotal:       ", "meminfo", "MemTotal", 1},
	{"MemFree:        ", "meminfo", "MemFree", 1},
	{"MemAvailable:   ", "meminfo", "MemAvailable", 1},
	{"Buffers:        ", NULL, NULL, 0},
	{"Cached:         ", "meminfo", "Cached", 1},
	{"SwapCached:     ", "meminfo", "SwapCached", 1},
	{"Active:         ", "meminfo", "Active", 1},
	{"Inactive:       ", "meminfo", "Inactive", 1},
	{"Active(anon):   ", "meminfo", "Active(anon)", 1},
	{"Inactive(anon): ", "meminfo", "Inactive(anon)", 1},
	{"Active(file):   ", "meminfo", "Active(file)", 1},
	{"Inactive(file): ", "meminfo", "Inactive(file)", 1},
	{"Unevictable:    ", "meminfo", "Unevictable", 1},
	{"Mlocked:        ", "meminfo", "Mlocked", 1},
	{"SwapTotal:      ", "meminfo", "SwapTotal", 1},
	{"SwapFree:       ", "meminfo", "SwapFree", 1},
	{"Zswap:          ", NULL, NULL, 0},
	{"Zswapped:       ", NULL, NULL, 0},
	{"Dirty:          ", "meminfo", "Dirty", 1},
	{"Writeback:      ", "meminfo", "Writeback", 1},
	{"AnonPages:      ", "meminfo", "AnonPages", 1},
	{"Mapped:         ", "meminfo", "Mapped", 1},
	{"Shmem:          ", "meminfo", "Shmem", 1},
	{"KReclaimable:   ", "meminfo", "SReclaimable", 1},
	{"Slab:           ", "meminfo", "Slab", 1},
	{"SReclaimable:   ", "meminfo", "SReclaimable", 1},
	{"SUnreclaim:     ", "meminfo", "SUnreclaim", 1},
	{"KernelStack:    ", "vmstat", "nr_kernel_stack", 1},
	{"PageTables:     ", "meminfo", "PageTables", 1},
	{"SecPageTables:  ", NULL, NULL, 0},
	{"NFS_Unstable:   ", NULL, NULL, 0},
	{"Bounce:         ", NULL, NULL, 0},
	{"WritebackTmp:   ", NULL, NULL, 0},
};

static const struct line huge_lines[] = {
	{"AnonHugePages:  ", "vmstat", "nr_anon_transparent_hugepages", 2048},
	{"ShmemHugePages: ", "vmstat", "nr_shmem_hugepages", 2048},
	{"ShmemPmdMapped: ", "vmstat", "nr_shmem_pmdmapped", 2048},
	{"FileHugePages:  ", "vmstat", "nr_file_hugepages", 2048},
	{"FilePmdMapped:  ", NULL, NULL, 0},
};

static void print_lines(const struct show *s, const struct line *l, size_t n, FILE *f)
{
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%8" PRId64 " kB\n", l[i].label,
			l[i].counter ? show_get(s, l[i].scope, l[i].counter) * l[i].kb : 0);
}

void show_meminfo(const struct show *s, unsigned id, FILE *f)
{
	int64_t ratio = MAX_OF(MIN_OF(show_param(s, "vm.overcommit_ratio", 50), (int64_t)100), (int64_t)0);
	int64_t pages = show_get(s, "meminfo", "MemTotal") / 4 * ratio / 100;

	(void)id;
	print_lines(s, lines, ARRAY_LEN(lines), f);
	fprintf(f, "CommitLimit:    %8" PRId64 " kB\n", pages * 4 + show_get(s, "meminfo", "SwapTotal"));
	fprintf(f, "Committed_AS:   %8" PRId64 " kB\n", show_get(s, "meminfo", "Committed_AS"));
	fprintf(f,
		"VmallocTotal:   34359738367 kB\n"
		"VmallocUsed:    %8d kB\n"
		"VmallocChunk:   %8d kB\n"
		"Percpu:         %8d kB\n"
		"HardwareCorrupted: %5d kB\n",
		0, 0, 0, 0);
	print_lines(s, huge_lines, ARRAY_LEN(huge_lines), f);
	fprintf(f, "HugePages_Total:   %5d\nHugePages_Free:    %5d\nHugePages_Rsvd:    %5d\n", 0, 0, 0);
	fprintf(f, "HugePages_Surp:    %5d\nHugepagesize:   %8d kB\nHugetlb:        %8d kB\n", 0, 2048, 0);
	fprintf(f, "DirectMap4k:    %8d kB\nDirectMap2M:    %8d kB\nDirectMap1G:    %8d kB\n", 0, 0, 0);
}

/* One counter, or the sum of two, of a node in pages. */
struct node_line {
	const char *label, *a, *b;
	int64_t kb;
};

static const struct node_line node_lines[] = {
	{"SwapCached:     ", "nr_swapcached", NULL, 4},
	{"Active:         ", "nr_active_anon", "nr_active_file", 4},
	{"Inactive:       ", "nr_inactive_anon", "nr_inactive_file", 4},
	{"Active(anon):   ", "nr_active_anon", NULL, 4},
	{"Inactive(anon): ", "nr_inactive_anon", NULL, 4},
	{"Active(file):   ", "nr_active_file", NULL, 4},
	{"Inactive(file): ", "nr_inactive_file", NULL, 4},
	{"Unevictable:    ", "nr_unevictable", NULL, 4},
	{"Mlocked:        ", "nr_mlock", NULL, 4},
	{"Dirty:          ", "nr_dirty", NULL, 4},
	{"Writeback:      ", "nr_writeback", NULL, 4},
	{"FilePages:      ", "nr_file_pages", NULL, 4},
	{"Mapped:         ", "nr_mapped", NULL, 4},
	{"AnonPages:      ", "nr_anon_pages", NULL, 4},
	{"Shmem:          ", "nr_shmem", NULL, 4},
	{"KernelStack:    ", "nr_kernel_stack", NULL, 1},
	{"PageTables:     ", "nr_page_table_pages", NULL, 4},
	{"SecPageTables:  ", NULL, NULL, 0},
	{"NFS_Unstable:   ", NULL, NULL, 0},
	{"Bounce:         ", NULL, NULL, 0},
	{"WritebackTmp:   ", NULL, NULL, 0},
	{"KReclaimable:   ", "nr_slab_reclaimable", NULL, 4},
	{"Slab:           ", "nr_slab_reclaimable", "nr_slab_unreclaimable", 4},
	{"SReclaimable:   ", "nr_slab_reclaimable", NULL, 4},
	{"SUnreclaim:     ", "nr_slab_unreclaimable", NULL, 4},
	{"AnonHugePages:  ", "nr_anon_transparent_hugepages", NULL, 4},
	{"ShmemHugePages: ", "nr_shmem_hugepages", NULL, 4},
	{"ShmemPmdMapped: ", "nr_shmem_pmdmapped", NULL, 4},
	{"FileHugePages: ", "nr_file_hugepages", NULL, 4},
	{"FilePmdMapped: ", NULL, NULL, 0},
};

/* A counter of the node itself, or the sum of its zones' counters. */
static int64_t node_pages(const struct show *s, unsigned nid, const char *counter)
{
	return counter ? show_getf(s, counter, "node/%u", nid) + show_node_sum(s, nid, counter) : 0;
}

static int64_t line_kb(const struct show *s, unsigned nid, const struct node_line *l)
{
	return (node_pages(s, nid, l->a) + node_pages(s, nid, l->b)) * l->kb;
}

int64_t show_node_meminfo_kb(const struct show *s, unsigned nid, const char *name)
{
	int64_t total = show_node_sum(s, nid, "managed") * 4,
		free = show_node_sum(s, nid, "nr_free_pages") * 4;

	if (!strcmp(name, "MemTotal"))
		return total;
	if (!strcmp(name, "MemFree"))
		return free;
	if (!strcmp(name, "MemUsed"))
		return total - free;
	for (size_t i = 0; i < ARRAY_LEN(node_lines); i++)
		if (strcspn(node_lines[i].label, ":") == strlen(name) &&
		    !strncmp(node_lines[i].label, name, strlen(name)))
			return line_kb(s, nid, &node_lines[i]);
	return 0;
}

void show_node_meminfo(const struct show *s, unsigned id, FILE *f)
{
	fprintf(f, "Node %u MemTotal:       %8" PRId64 " kB\n", id, show_node_meminfo_kb(s, id, "MemTotal"));
	fprintf(f, "Node %u MemFree:        %8" PRId64 " kB\n", id, show_node_meminfo_kb(s, id, "MemFree"));
	fprintf(f, "Node %u MemUsed:        %8" PRId64 " kB\n", id, show_node_meminfo_kb(s, id, "MemUsed"));
	for (size_t i = 0; i < ARRAY_LEN(node_lines); i++)
		fprintf(f, "Node %u %s%8" PRId64 " kB\n", id, node_lines[i].label,
			line_kb(s, id, &node_lines[i]));
	fprintf(f, "Node %u HugePages_Total: %5u\n", id, 0);
	fprintf(f, "Node %u HugePages_Free:  %5u\n", id, 0);
	fprintf(f, "Node %u HugePages_Surp:  %5u\n", id, 0);
}
