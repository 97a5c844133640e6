/*
 * curve.h - the miss-ratio curve of a stream of accesses: how many touches of pages an LRU memory of n pages
 * misses, for every n at once.
 */
#ifndef TRACES_INSPECT_CURVE_H
#define TRACES_INSPECT_CURVE_H

#include "sim/err.h"

#define CURVE_RATE_UNIT (UINT32_C(1) << 24) /* this many of 2^24 pages = all */

struct curve_config {
	unsigned page_shift; /* log2 of a page's bytes, 12 … 40 */
	uint32_t rate;       /* of 2^24 pages this many are followed; CURVE_RATE_UNIT = all, an exact curve */
	uint64_t samples;    /* at most so many pages are followed, the rate sinks; 0 = no bound */
	uint64_t seed;       /* which pages are followed */
	unsigned kinds;      /* which accesses count: 1 << enum access_kind, or-ed */
};

struct curve;
struct curve *curve_new(const struct curve_config *c);
void curve_free(struct curve *c);
/*
 * Adds n accesses of process pid. An access that touches two pages is two touches. ERR_LIMIT when there are
 * more pages than the stack holds.
 */
int curve_add(struct curve *c, uint32_t pid, const uint64_t *addr, const uint32_t *meta, size_t n,
	      struct err *e);

/* What was added. Estimates where the curve is sampled; exact otherwise. */
struct curve_sum {
	uint64_t accesses, touches; /* always exact */
	uint64_t sampled;           /* touches of pages that were followed when they were touched */
	double cold;                /* first touches = distinct pages */
	uint64_t deepest;           /* memory of so many pages misses nothing but first touches */
	double rate;                /* share of the pages followed at the end */
};
void curve_sum(const struct curve *c, struct curve_sum *s);
/* Touches that a memory of `pages` pages misses, first touches included. O(1) after the first call. */
double curve_misses(struct curve *c, uint64_t pages);
/* The smallest size above `pages` that misses less; 0 when there is none. */
uint64_t curve_next_step(struct curve *c, uint64_t pages);

#endif
