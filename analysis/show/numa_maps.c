/*
 * numa_maps.c - a process's mappings by node, /proc/PID/numa_maps of Linux 6.1.
 *
 * After fs/proc/task_mmu.c show_numa_map, mm/mempolicy.c mpol_to_str. A mapping without a policy of its own
 * has that of the process's first task.
 */
#include "analysis/show/region.h"

static void print_policy(const struct show *s, const char *scope, FILE *f)
{
	static const char *const modes[] = {
		"default", "prefer", "bind", "interleave", "local", "prefer (many)", "weighted interleave"};
	uint64_t mode = show_bits(s, scope, "Policy"), flags = show_bits(s, scope, "PolicyFlags");
	uint64_t nodes = show_bits(s, scope, "PolicyNodes");
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
	struct region r = region_begin(s, id);
	char process[32];

	snprintf(process, sizeof process, "proc/%s", r.process.text);
	while (region_next(s, &r)) {
		const char *name = region_name(s, &r, false);

		fprintf(f, "%08" PRIx64 " ", r.start);
		print_policy(s, show_get(s, r.scope, "Policy") ? r.scope : process, f);
		if (*name)
			fprintf(f, " %s%s", show_get(s, r.scope, "Inode") ? "file=" : "", name);
		if (show_get(s, r.scope, "Rss"))
			print_pages(s, &r, f);
		fputc('\n', f);
	}
}
