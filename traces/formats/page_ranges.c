/*
 * page_ranges.c - sorted array, binary search; adding and removing move what lies behind.
 */
#include "traces/formats/page_ranges.h"

#include <string.h>

#include "sim/mem.h"

/* Index of the first range that ends behind page. */
static size_t range_at(const struct page_ranges *v, uint64_t page)
{
	size_t lo = 0, hi = v->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v->range[mid].end > page)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Puts n ranges in place of those from i to j. */
static void range_splice(struct page_ranges *v, size_t i, size_t j, const struct page_range *r, size_t n)
{
	size_t tail = v->n - j;

	if (i + n + tail > v->cap) {
		v->cap = MAX_OF(2 * v->cap, i + n + tail);
		v->range = mem_realloc(v->range, v->cap, sizeof *v->range);
	}
	if (tail)
		memmove(v->range + i + n, v->range + j, tail * sizeof *r);
	if (n)
		memcpy(v->range + i, r, n * sizeof *r);
	v->n = i + n + tail;
}

void page_ranges_add(struct page_ranges *v, uint64_t first, uint64_t end)
{
	/* first - 1: a range that ends where this one begins is joined. */
	size_t i = range_at(v, first ? first - 1 : 0), j = i;
	struct page_range r = {first, end};

	for (; j < v->n && v->range[j].first <= end; j++) {
		r.first = MIN_OF(r.first, v->range[j].first);
		r.end = MAX_OF(r.end, v->range[j].end);
	}
	if (first < end && v->n < PAGE_RANGES_MAX)
		range_splice(v, i, j, &r, 1);
}

void page_ranges_remove(struct page_ranges *v, uint64_t first, uint64_t end)
{
	size_t i = range_at(v, first), j = i, n = 0;
	struct page_range keep[2];

	if (first >= end)
		return;
	for (; j < v->n && v->range[j].first < end; j++) {
		if (v->range[j].first < first)
			keep[n++] = (struct page_range){v->range[j].first, first};
		if (v->range[j].end > end)
			keep[n++] = (struct page_range){end, v->range[j].end};
	}
	range_splice(v, i, j, keep, n);
}

bool page_ranges_gap(const struct page_ranges *v, uint64_t *page, uint64_t end, uint64_t *gap_end)
{
	size_t i = range_at(v, *page);

	for (; i < v->n && v->range[i].first <= *page; i++)
		*page = v->range[i].end;
	*gap_end = i < v->n ? MIN_OF(end, v->range[i].first) : end;
	return *page < end;
}

void page_ranges_release(struct page_ranges *v)
{
	mem_free(v->range);
	memset(v, 0, sizeof *v);
}
