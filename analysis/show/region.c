/*
 * region.c - the mappings of a process in a snapshot.
 */
#include "analysis/show/region.h"

#include <stdlib.h>
#include <string.h>

struct region region_begin(const struct show *s, unsigned pid)
{
	return (struct region){.process = show_process(s, pid)};
}

bool region_next(const struct show *s, struct region *r)
{
	char prefix[40];

	snprintf(prefix, sizeof prefix, "region/%s/", r->process.text);
	r->scope = show_next(s, prefix, r->scope);
	if (!r->scope)
		return false;
	r->start = strtoull(r->scope + strlen(prefix), NULL, 16);
	r->end = r->start + ((uint64_t)show_get(s, r->scope, "Size") << 10);
	r->flags = show_bits(s, r->scope, "Flags");
	return true;
}

const char *region_name(const struct show *s, const struct region *r, bool brackets)
{
	char scope[80];
	const char *path;
	uint64_t start_brk = (uint64_t)show_getf(s, "start_brk", "proc/%s", r->process.text);
	uint64_t brk = (uint64_t)show_getf(s, "brk", "proc/%s", r->process.text);

	snprintf(scope, sizeof scope, "path/%s/%" PRIx64, r->process.text, r->start);
	path = show_text(s, scope);
	if (path)
		return path;
	if (brk > start_brk && r->start <= brk && r->end >= start_brk)
		return brackets ? "[heap]" : "heap";
	if (r->flags & 0x100) /* VM_GROWSDOWN */
		return brackets ? "[stack]" : "stack";
	return "";
}

void region_print_header(const struct show *s, const struct region *r, FILE *f)
{
	const char *name = region_name(s, r, true);
	int n = fprintf(f, "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " 00:00 %" PRId64 " ", r->start,
			r->end, r->flags & 1 ? 'r' : '-', r->flags & 2 ? 'w' : '-', r->flags & 4 ? 'x' : '-',
			r->flags & 0x80 ? 's' : 'p', (uint64_t)show_get(s, r->scope, "Offset"),
			show_get(s, r->scope, "Inode"));

	if (*name)
		fprintf(f, "%*s%s", n < 73 ? 73 - n : 0, "", name);
	fputc('\n', f);
}
