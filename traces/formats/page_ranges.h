/*
 * page_ranges.h - a set of pages as disjoint ranges: what a process has mapped.
 *
 * O(log n) to look up, O(n) to change. Ranges that adjoin are joined. More than PAGE_RANGES_MAX are not
 * taken.
 */
#ifndef TRACES_FORMATS_PAGE_RANGES_H
#define TRACES_FORMATS_PAGE_RANGES_H

#include "sim/base.h"

#define PAGE_RANGES_MAX 1048576

struct page_range {
	uint64_t first, end; /* page numbers, end excluded */
};

/* All zero is the empty set. */
struct page_ranges {
	struct page_range *range;
	size_t n, cap;
};

void page_ranges_add(struct page_ranges *v, uint64_t first, uint64_t end);
void page_ranges_remove(struct page_ranges *v, uint64_t first, uint64_t end);
/* The first gap in *page … end: moves *page to its start and sets *gap_end. false when all of it is in the
 * set. */
bool page_ranges_gap(const struct page_ranges *v, uint64_t *page, uint64_t end, uint64_t *gap_end);
void page_ranges_release(struct page_ranges *v);

#endif
