/*
 * damon_regions.c - a region's loads, some at a time.
 */
#include "traces/formats/damon_regions.h"

#define LOADS_AT_ONCE 128
#define PASSES_MAX    1000 /* of accesses=weighted: the kernel's default interval has 20 samples */

void damon_provenance(struct textfile *t)
{
	t->provenance.recorder = "DAMON";
	t->provenance.notes =
		"made of access counts of regions: each page of a region that was accessed is loaded "
		"in each aggregation interval, or as the option accesses says";
	t->provenance.sampled = true;
	t->provenance.no_threads = true;
	t->provenance.no_sizes = true;
	t->provenance.no_times = true;
	t->provenance.no_fetches = true;
}

const char *damon_region(struct damon_regions *d, enum damon_accesses how, uint64_t target, uint64_t start,
			 uint64_t end, uint64_t accesses)
{
	uint64_t pid = 0, first = start >> PAGE_SHIFT, pages;

	if (start > end || end > UINT64_MAX - PAGE_SIZE)
		return "a region that does not end before it starts";
	if (!map_get(&d->targets, target, &pid)) {
		if (d->targets.len == DAMON_TARGETS_MAX)
			return "at most 65536 targets";
		pid = d->targets.len + 1;
		map_put(&d->targets, target, pid);
	}
	pages = ((end + PAGE_SIZE - 1) >> PAGE_SHIFT) - first;
	if (!pages || !accesses)
		return NULL;
	d->pid = (uint32_t)pid;
	d->addr = first << PAGE_SHIFT;
	d->loads = how == DAMON_SAMPLES ? MIN_OF(accesses, pages) : pages;
	d->loads = MIN_OF(d->loads, (uint64_t)DAMON_LOADS);
	d->step = pages / d->loads;
	d->passes = how == DAMON_WEIGHTED ? MIN_OF(accesses, (uint64_t)PASSES_MAX) : 1;
	d->next = 0;
	return NULL;
}

bool damon_more(struct damon_regions *d, struct textfile *t)
{
	if (!d->passes)
		return false;
	for (unsigned i = 0; d->next < d->loads && i < LOADS_AT_ONCE; i++, d->next++)
		textfile_access(t, d->pid, d->pid, d->addr + d->next * d->step * PAGE_SIZE, ACCESS_LOAD, 1,
				1);
	if (d->next == d->loads) {
		d->next = 0;
		d->passes--;
	}
	return true;
}
