/*
 * free.c - what free(1) of procps 4.0.2 prints, in KiB or with -b, -m, -g in bytes, MiB, GiB; -t adds a line
 * of sums.
 *
 * After the manual page: used is total - available, or total - free where that is negative; buff/cache is
 * buffers, page cache and reclaimable slabs.
 */
#include "analysis/show/show.h"

static int64_t get(const struct show *s, const char *name)
{
	return show_get(s, "meminfo", name);
}

static int64_t scale(const struct show *s, int64_t kb)
{
	switch (s->unit) {
	case 'b':
		return kb * 1024;
	case 'm':
		return kb / 1024;
	case 'g':
		return kb / (1024 * 1024);
	default:
		return kb;
	}
}

static void print_row(const struct show *s, const char *name, const int64_t *kb, size_t n, FILE *f)
{
	fprintf(f, "%-8s", name);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%12" PRId64, scale(s, kb[i]));
	fputc('\n', f);
}

void show_free(const struct show *s, unsigned id, FILE *f)
{
	int64_t total = get(s, "MemTotal"), free = get(s, "MemFree"), used = total - get(s, "MemAvailable");
	int64_t swap = get(s, "SwapTotal"), swap_free = get(s, "SwapFree");
	const int64_t memory[] = {total,
				  used < 0 ? total - free : used,
				  free,
				  get(s, "Shmem"),
				  get(s, "Cached") + get(s, "SReclaimable"),
				  get(s, "MemAvailable")};
	const int64_t swaps[] = {swap, swap - swap_free, swap_free};
	const int64_t totals[] = {memory[0] + swaps[0], memory[1] + swaps[1], memory[2] + swaps[2]};

	(void)id;
	fputs("               total        used        free      shared  buff/cache   available\n", f);
	print_row(s, "Mem:", memory, ARRAY_LEN(memory), f);
	print_row(s, "Swap:", swaps, ARRAY_LEN(swaps), f);
	if (s->total)
		print_row(s, "Total:", totals, ARRAY_LEN(totals), f);
}
