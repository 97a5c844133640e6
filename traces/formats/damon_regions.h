/*
 * damon_regions.h - what the regions of DAMON, the kernel's data access monitor, become as a trace.
 *
 * DAMON (mm/damon/core.c, Linux 6.1) splits a target's memory into regions whose pages are thought to be used
 * alike, looks at one page of each at every sampling interval, and tells after an aggregation interval how
 * often that page had been accessed. A region with at least one such access becomes one load for each of its
 * pages, in address order; regions without become nothing. So each aggregation interval is one pass over the
 * working set that was seen. Option DAMON_OPTION: accesses=weighted makes as many passes over a region as it
 * had accesses, accesses=samples one load for each access, spread evenly over the region.
 *
 * A pass is of at most DAMON_LOADS loads: of larger regions every n-th page is loaded. Each target is a
 * process of one thread, numbered from 1 in the order in which they appear.
 *
 * Not modelled: stores (DAMON does not tell them apart); the time between intervals; which targets are of
 * physical addresses (paddr): they are taken for virtual ones.
 */
#ifndef TRACES_FORMATS_DAMON_REGIONS_H
#define TRACES_FORMATS_DAMON_REGIONS_H

#include "sim/map.h"
#include "traces/formats/textfile.h"

#define DAMON_LOADS       65536
#define DAMON_TARGETS_MAX 65536
#define DAMON_OPTION                                 \
	{                                            \
		"accesses", "pages weighted samples" \
	}
enum damon_accesses { DAMON_PAGES, DAMON_WEIGHTED, DAMON_SAMPLES };

struct damon_regions {
	struct map targets; /* id -> pid */
	/* what is left of the region */
	uint32_t pid;
	uint64_t addr, step, loads, next, passes;
};

/* Fills in what the trace's origin is. */
void damon_provenance(struct textfile *t);
/*
 * A region of a snapshot. The loads come by damon_more, which must have answered false before the next one.
 * Returns NULL, or what was expected.
 */
const char *damon_region(struct damon_regions *d, enum damon_accesses how, uint64_t target, uint64_t start,
			 uint64_t end, uint64_t accesses);
bool damon_more(struct damon_regions *d, struct textfile *t);

#endif
