/*
 * region.h - the mappings of a process in a snapshot.
 */
#ifndef ANALYSIS_SHOW_REGION_H
#define ANALYSIS_SHOW_REGION_H

#include "analysis/show/show.h"

struct region {
	const char *scope; /* "region/P7/401000" */
	uint64_t start, end, flags;
	struct show_name process;
};

/* Stands before the first mapping of the process that has pid. */
struct region region_begin(const struct show *s, unsigned pid);
/* The next mapping into r, by address; false past the last. */
bool region_next(const struct show *s, struct region *r);
/* The file's path, what the kernel calls the heap and the stack ("[heap]", or "heap" without brackets), or
 * "". */
const char *region_name(const struct show *s, const struct region *r, bool brackets);
/* The line that maps and smaps begin with: show_map_vma. */
void region_print_header(const struct show *s, const struct region *r, FILE *f);

#endif
