/*
 * smaps.c - a process's mappings with their memory, and their sum: /proc/PID/smaps and smaps_rollup of Linux
 * 6.1.
 *
 * After fs/proc/task_mmu.c show_smap, __show_smap, show_smap_vma_flags, show_smaps_rollup;
 * mm/huge_memory.c hugepage_vma_check.
 *
 * Not modelled: huge pages of files and shared memory mapped by one entry, hugetlb pages (0), protection keys
 * and THPeligible (left out). A process that is gone has empty files, where a kernel's rollup fails with
 * ESRCH.
 */
#include "analysis/show/region.h"

#include <string.h>

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

/* The label with its blanks; the counter's name is what stands before the colon. */
static const char *const head[] = {"Rss:            ", "Pss:            ", "Pss_Dirty:      "};
static const char *const split[] = {"Pss_Anon:       ", "Pss_File:       ", "Pss_Shmem:      "};
static const char *const rest[] = {
	"Shared_Clean:   ", "Shared_Dirty:   ", "Private_Clean:  ", "Private_Dirty:  ", "Referenced:     ",
	"Anonymous:      ", "LazyFree:       ", "AnonHugePages:  ", "ShmemPmdMapped: ", "FilePmdMapped:  ",
	"Shared_Hugetlb: ", "Private_Hugetlb:", "Swap:           ", "SwapPss:        ", "Locked:         ",
};

static void print_lines(const struct show *s, const char *scope, const char *const *lines, size_t n, FILE *f)
{
	char counter[24];

	for (size_t i = 0; i < n; i++) {
		snprintf(counter, sizeof counter, "%.*s", (int)strcspn(lines[i], ":"), lines[i]);
		fprintf(f, "%s%8" PRId64 " kB\n", lines[i], show_get(s, scope, counter));
	}
}

/* hugepage_vma_check, as smaps asks it; transhuge_vma_suitable for its last huge page. */
static bool is_thp_eligible(const struct show *s, const struct region *r)
{
	const uint64_t huge = UINT64_C(2) << 20;
	/* VM_SHARED, VM_PFNMAP, VM_IO, VM_DONTEXPAND, VM_HUGETLB, VM_MIXEDMAP, VM_NOHUGEPAGE */
	const uint64_t never = 0x8 | 0x400 | 0x4000 | 0x40000 | 0x400000 | 0x10000000 | 0x40000000;
	const char *enabled = show_text(s, "param/thp.enabled");
	uint64_t last = (r->end - huge) & ~(huge - 1);

	if (!enabled || !strcmp(enabled, "never") || r->flags & never || show_get(s, r->scope, "Inode"))
		return false;
	if (r->end - r->start < huge || last < r->start)
		return false;
	return !strcmp(enabled, "always") || r->flags & 0x20000000; /* VM_HUGEPAGE */
}

void show_smaps(const struct show *s, unsigned id, FILE *f)
{
	struct region r = region_begin(s, id);

	while (region_next(s, &r)) {
		region_print_header(s, &r, f);
		fprintf(f, "Size:           %8" PRId64 " kB\n", show_get(s, r.scope, "Size"));
		fprintf(f, "KernelPageSize: %8d kB\nMMUPageSize:    %8d kB\n", 4, 4);
		print_lines(s, r.scope, head, ARRAY_LEN(head), f);
		print_lines(s, r.scope, rest, ARRAY_LEN(rest), f);
		fprintf(f, "THPeligible:    %d\n", is_thp_eligible(s, &r));
		print_flags(r.flags, f);
	}
}

void show_smaps_rollup(const struct show *s, unsigned id, FILE *f)
{
	struct region r = region_begin(s, id);
	uint64_t start = 0, end = 0;
	char scope[32];
	int n;

	while (region_next(s, &r)) {
		start = end ? start : r.start;
		end = r.end;
	}
	if (!end)
		return;
	n = fprintf(f, "%08" PRIx64 "-%08" PRIx64 " ---p 00000000 00:00 0 ", start, end);
	fprintf(f, "%*s[rollup]\n", n < 73 ? 73 - n : 0, "");
	snprintf(scope, sizeof scope, "proc/%s", r.process.text);
	print_lines(s, scope, head, ARRAY_LEN(head), f);
	print_lines(s, scope, split, ARRAY_LEN(split), f);
	print_lines(s, scope, rest, ARRAY_LEN(rest), f);
}
