/*
 * slab_fixture.h - a slab allocator on a machine of its own, whose pages come straight from the zonelists.
 */
#ifndef TESTS_UNIT_SLAB_FIXTURE_H
#define TESTS_UNIT_SLAB_FIXTURE_H

#include "models/kernel/slab.h"
#include "models/kernel/zonelist.h"
#include "tests/unit/mm_fixture.h"

struct slab_bed {
	struct mm mm;
	struct slab_allocator *s;
	unsigned cpu;       /* that asks */
	unsigned max_order; /* larger requests fail */
	bool fail;          /* all requests fail */
};

static inline pfn_t bed_alloc(void *cur, gfp_t gfp, unsigned order)
{
	struct slab_bed *b = cur;
	struct alloc_context ac = {.gfp = gfp, .order = order, .cpu = b->cpu};

	if (b->fail || order > b->max_order)
		return PFN_NONE;
	ac.cpu_nid = ac.preferred_nid = b->mm.topo.cpu_nid[b->cpu];
	alloc_context_prepare(&b->mm.mem, &ac);
	return zonelist_alloc(&b->mm.mem, &ac, ALLOC_WMARK_MIN, NULL, NULL);
}

static inline void bed_free(void *cur, pfn_t pfn, unsigned order)
{
	struct slab_bed *b = cur;

	zonelist_free(&b->mm.mem, b->cpu, pfn, order, NULL);
}

static inline void bed_open(struct slab_bed *b, const char *node_mem, const char *node_cpus)
{
	static const struct slab_page_ops ops = {bed_alloc, bed_free};

	mm_open(&b->mm, node_mem, node_cpus, MM_BARE);
	b->s = slab_new(&b->mm.mem, b->mm.topo.nr_cpus, &ops);
	b->cpu = 0;
	b->max_order = NR_ORDERS;
	b->fail = false;
}

static inline void bed_close(struct slab_bed *b)
{
	slab_free_allocator(b->s);
	mm_close(&b->mm);
}

static inline struct slab_info bed_info(const struct slab_bed *b, const char *name)
{
	struct slab_info i;

	for (size_t n = 0; slab_info_at(b->s, n, &i); n++) {
		if (!strcmp(i.name, name))
			return i;
	}
	fprintf(stderr, "no cache %s\n", name);
	abort();
}

#endif
