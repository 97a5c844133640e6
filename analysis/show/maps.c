/*
 * maps.c - a process's mappings as /proc/PID/maps, smaps and numa_maps of Linux 6.1 print them, and
 * procrank's sums.
 *
 * After fs/proc/task_mmu.c show_map_vma, show_smap, __show_smap, show_smap_vma_flags, show_numa_map,
 * mm/mempolicy.c mpol_to_str; procrank after AOSP's tool of that name.
 *
 * Not modelled: the device of a file (00:00; its inode is the file's number in the trace + 1), protection
 * keys, THPeligible (left out), the task's memory policy (numa_maps prints the mapping's own), procrank's
 * swap columns. Of a pid that was used again, maps, smaps, numa_maps and status show the first process.
 */
#include "analysis/show/show.h"

#include <stdlib.h>
#include <string.h>

#include "sim/mem.h"

struct region {
	const char *scope;
	uint64_t start, end, flags;
};

/* The next mapping of a process into r, whose scope is NULL at first. */
static bool next_region(const struct show *s, unsigned pid, struct region *r)
{
	char prefix[32];

	snprintf(prefix, sizeof prefix, "region/P%u/", pid);
	r->scope = show_next(s, prefix, r->scope);
	if (!r->scope)
		return false;
	r->start = strtoull(r->scope + strlen(prefix), NULL, 16);
	r->end = r->start + ((uint64_t)show_get(s, r->scope, "Size") << 10);
	r->flags = (uint64_t)show_get(s, r->scope, "Flags");
	return true;
}

/* The file's path, what the kernel calls the heap and the stack, or "". */
static const char *region_name(const struct show *s, unsigned pid, const struct region *r, bool brackets)
{
	char scope[64];
	const char *path;
	uint64_t start_brk = (uint64_t)show_getf(s, "start_brk", "proc/P%u", pid);
	uint64_t brk = (uint64_t)show_getf(s, "brk", "proc/P%u", pid);

	snprintf(scope, sizeof scope, "path/P%u/%" PRIx64, pid, r->start);
	path = show_text(s, scope);
	if (path)
		return path;
	if (brk > start_brk && r->start <= brk && r->end >= start_brk)
		return brackets ? "[heap]" : "heap";
	if (r->flags & 0x100) /* VM_GROWSDOWN */
		return brackets ? "[stack]" : "stack";
	return "";
}

static void print_header(const struct show *s, unsigned pid, const struct region *r, FILE *f)
{
	const char *name = region_name(s, pid, r, true);
	int n = fprintf(f, "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " 00:00 %" PRId64 " ", r->start,
			r->end, r->flags & 1 ? 'r' : '-', r->flags & 2 ? 'w' : '-', r->flags & 4 ? 'x' : '-',
			r->flags & 0x80 ? 's' : 'p', (uint64_t)show_get(s, r->scope, "Offset"),
			show_get(s, r->scope, "Inode"));

	if (*name)
		fprintf(f, "%*s%s", n < 73 ? 73 - n : 0, "", name);
	fputc('\n', f);
}

void show_maps(const struct show *s, unsigned id, FILE *f)
{
	struct region r = {0};

	while (next_region(s, id, &r))
		print_header(s, id, &r, f);
}

/* show_smap_vma_flags: two letters a bit, in order of the bits. */
static void print_flags(uint64_t flags, FILE *f)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} names[] = {
		{0x1, "rd"},       {0x2, "wr"},       {0x4, "ex"},        {0x8, "sh"},
		{0x10, "mr"},      {0x20, "mw"},      {0x40, "me"},       {0x80, "ms"},
		{0x100, "gd"},     {0x2000, "lo"},    {0x8000, "sr"},     {0x10000, "rr"},
		{0x20000, "dc"},   {0x80000, "??"},   {0x100000, "ac"},   {0x200000, "nr"},
		{0x2000000, "wf"}, {0x4000000, "dd"}, {0x20000000, "hg"}, {0x40000000, "nh"},
	};

	fputs("VmFlags: ", f);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (flags & names[i].bit)
			fprintf(f, "%s ", names[i].name);
	fputc('\n', f);
}

void show_smaps(const struct show *s, unsigned id, FILE *f)
{
	/* the label with its blanks; the counter's name is what stands before the colon */
	static const char *const lines[] = {
		"Size:           ", "KernelPageSize: ", "MMUPageSize:    ", "Rss:            ",
		"Pss:            ", "Pss_Dirty:      ", "Shared_Clean:   ", "Shared_Dirty:   ",
		"Private_Clean:  ", "Private_Dirty:  ", "Referenced:     ", "Anonymous:      ",
		"LazyFree:       ", "AnonHugePages:  ", "ShmemPmdMapped: ", "FilePmdMapped:  ",
		"Shared_Hugetlb: ", "Private_Hugetlb:", "Swap:           ", "SwapPss:        ",
		"Locked:         ",
	};
	struct region r = {0};
	char counter[24];

	while (next_region(s, id, &r)) {
		print_header(s, id, &r, f);
		for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
			bool page_size = i == 1 || i == 2;

			snprintf(counter, sizeof counter, "%.*s", (int)strcspn(lines[i], ":"), lines[i]);
			fprintf(f, "%s%8" PRId64 " kB\n", lines[i],
				page_size ? 4 : show_get(s, r.scope, counter));
		}
		print_flags(r.flags, f);
	}
}

static void print_policy(const struct show *s, const char *scope, FILE *f)
{
	static const char *const modes[] = {
		"default", "prefer", "bind", "interleave", "local", "prefer (many)", "weighted interleave"};
	uint64_t mode = (uint64_t)show_get(s, scope, "Policy"),
		 flags = (uint64_t)show_get(s, scope, "PolicyFlags");
	uint64_t nodes = (uint64_t)show_get(s, scope, "PolicyNodes");
	const char *before = ":";

	fputs(mode < ARRAY_LEN(modes) ? modes[mode] : "unknown", f);
	if (flags)
		fprintf(f, "=%s%s%s",
			flags & 0x8000   ? "static"
			: flags & 0x4000 ? "relative"
					 : "",
			flags & 0x2000 && flags & 0xc000 ? "|" : "", flags & 0x2000 ? "balancing" : "");
	for (unsigned i = 0; mode != 0 && mode != 4 && i < 64; i++) { /* default and local have none */
		unsigned last = i;

		if (!(nodes >> i & 1))
			continue;
		while (last < 63 && nodes >> (last + 1) & 1)
			last++;
		fprintf(f, last > i ? "%s%u-%u" : "%s%u", before, i, last);
		before = ",";
		i = last;
	}
}

static void print_pages(const struct show *s, const struct region *r, FILE *f)
{
	int64_t pages = show_get(s, r->scope, "Rss") / 4, anon = show_get(s, r->scope, "Anonymous") / 4;
	int64_t dirty = show_get(s, r->scope, "Dirty"), active = show_get(s, r->scope, "Active");
	char name[16];

	if (anon)
		fprintf(f, " anon=%" PRId64, anon);
	if (dirty)
		fprintf(f, " dirty=%" PRId64, dirty);
	if (pages != anon && pages != dirty)
		fprintf(f, " mapped=%" PRId64, pages);
	if (show_get(s, r->scope, "MapMax") > 1)
		fprintf(f, " mapmax=%" PRId64, show_get(s, r->scope, "MapMax"));
	if (show_get(s, r->scope, "SwapCache"))
		fprintf(f, " swapcache=%" PRId64, show_get(s, r->scope, "SwapCache"));
	if (active < pages)
		fprintf(f, " active=%" PRId64, active);
	if (show_get(s, r->scope, "Writeback"))
		fprintf(f, " writeback=%" PRId64, show_get(s, r->scope, "Writeback"));
	for (unsigned n = 0; n < s->nr_nodes; n++) {
		snprintf(name, sizeof name, "N%u", n);
		if (show_get(s, r->scope, name))
			fprintf(f, " %s=%" PRId64, name, show_get(s, r->scope, name));
	}
	fputs(" kernelpagesize_kB=4", f);
}

void show_numa_maps(const struct show *s, unsigned id, FILE *f)
{
	struct region r = {0};

	while (next_region(s, id, &r)) {
		const char *name = region_name(s, id, &r, false);

		fprintf(f, "%08" PRIx64 " ", r.start);
		print_policy(s, r.scope, f);
		if (*name)
			fprintf(f, " %s%s", show_get(s, r.scope, "Inode") ? "file=" : "", name);
		if (show_get(s, r.scope, "Rss"))
			print_pages(s, &r, f);
		fputc('\n', f);
	}
}

struct rank {
	const char *scope; /* "proc/P7"; "proc/P7.2" when the pid was used before */
	unsigned pid;
	int64_t pss, uss;
};

static int compare_ranks(const void *x, const void *y)
{
	const struct rank *a = x, *b = y;

	if (a->pss != b->pss)
		return a->pss < b->pss ? 1 : -1;
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

static void print_ranks(const struct show *s, const struct rank *v, size_t n, FILE *f)
{
	int64_t pss = 0, uss = 0;

	fprintf(f, "%5s  %8s  %7s  %7s  %7s  cmdline\n", "PID", "Vss", "Rss", "Pss", "Uss");
	for (size_t i = 0; i < n; i++) {
		char scope[32];
		const char *comm;

		snprintf(scope, sizeof scope, "comm/%.24s", v[i].scope + 5);
		comm = show_text(s, scope);
		fprintf(f, "%5u  %7" PRId64 "K  %6" PRId64 "K  %6" PRId64 "K  %6" PRId64 "K  %s\n", v[i].pid,
			show_get(s, v[i].scope, "VmSize"), show_get(s, v[i].scope, "Rss"), v[i].pss, v[i].uss,
			comm ? comm : "");
		pss += v[i].pss;
		uss += v[i].uss;
	}
	fprintf(f, "%5s  %8s  %7s  %7s  %7s  ------\n", "", "", "", "------", "------");
	fprintf(f, "%5s  %8s  %7s  %6" PRId64 "K  %6" PRId64 "K  TOTAL\n", "", "", "", pss, uss);
}

/* Processes with an address space, the largest proportional share first. */
void show_procrank(const struct show *s, unsigned id, FILE *f)
{
	struct rank *v = NULL;
	size_t n = 0;

	(void)id;
	for (const char *p = NULL; (p = show_next(s, "proc/P", p));) {
		if (!show_get(s, p, "VmSize"))
			continue;
		v = mem_realloc(v, n + 1, sizeof *v);
		v[n++] = (struct rank){p, (unsigned)strtoul(p + 6, NULL, 10), show_get(s, p, "Pss"),
				       show_get(s, p, "Private_Clean") + show_get(s, p, "Private_Dirty")};
	}
	if (n)
		qsort(v, n, sizeof *v, compare_ranks);
	print_ranks(s, v, n, f);
	mem_free(v);
	fprintf(f,
		"\nRAM: %" PRId64 "K total, %" PRId64 "K free, 0K buffers, %" PRId64 "K cached, %" PRId64
		"K shmem, %" PRId64 "K slab\n",
		show_get(s, "meminfo", "MemTotal"), show_get(s, "meminfo", "MemFree"),
		show_get(s, "meminfo", "Cached"), show_get(s, "meminfo", "Shmem"),
		show_get(s, "meminfo", "Slab"));
}
