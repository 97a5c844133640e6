/*
 * free.c - what free(1) of procps 4.0.2 prints, in KiB.
 *
 * After the manual page: used is total - available, or total - free where that is negative; buff/cache is
 * buffers, page cache and reclaimable slabs.
 */
#include "analysis/show/show.h"

static int64_t get(const struct show *s, const char *name)
{
	return show_get(s, "meminfo", name);
}

void show_free(const struct show *s, unsigned id, FILE *f)
{
	int64_t total = get(s, "MemTotal"), free = get(s, "MemFree"), used = total - get(s, "MemAvailable");
	int64_t swap = get(s, "SwapTotal"), swap_free = get(s, "SwapFree");

	(void)id;
	fputs("               total        used        free      shared  buff/cache   available\n", f);
	fprintf(f, "Mem:    %12" PRId64 "%12" PRId64 "%12" PRId64, total, used < 0 ? total - free : used,
		free);
	fprintf(f, "%12" PRId64 "%12" PRId64 "%12" PRId64 "\n", get(s, "Shmem"),
		get(s, "Cached") + get(s, "SReclaimable"), get(s, "MemAvailable"));
	fprintf(f, "Swap:   %12" PRId64 "%12" PRId64 "%12" PRId64 "\n", swap, swap - swap_free, swap_free);
}
