/*
 * chase.c - generator "chase": a pointer chase along a random cycle through all pages.
 *
 * Each round visits every page once, in the same random order; the node lies at a place of its own in each
 * page, aligned to a cache line when `size` allows. Threads start at evenly spaced points of the cycle.
 */
#include "traces/generators/generator.h"

#include "sim/map.h"
#include "traces/generators/permutation.h"

#define LINE 64

struct chase {
	struct generator g;
	struct permutation order;
};

static int chase_begin(struct generator *g, struct err *e)
{
	(void)e;
	permutation_init(&CONTAINER_OF(g, struct chase, g)->order, g->pages, g->seed);
	return 0;
}

static void chase_fill(struct generator *g, struct generator_thread *t, uint64_t *addr, size_t n)
{
	const struct chase *c = CONTAINER_OF(g, struct chase, g);
	uint64_t node = MAX_OF(g->size, LINE), nodes = PAGE_SIZE / node;
	uint64_t start = mul_div_u64(t->tid - t->pid, g->pages, g->threads);

	for (size_t i = 0; i < n; i++) {
		uint64_t page = permutation_at(&c->order, (start + t->pos + i) % g->pages);

		addr[i] = g->base + (page << PAGE_SHIFT) + hash_u64(page + g->seed) % nodes * node;
	}
}

static const struct generator_pattern chase_pattern = {
	.name = "chase",
	.size = sizeof(struct chase),
	.begin = chase_begin,
	.fill = chase_fill,
};

GENERATOR_OPS(chase, "a pointer chase along a random cycle through all pages");
