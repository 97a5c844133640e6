/*
 * sequential.c - generator "sequential": the region from its first byte to its last, over and over.
 */
#include "traces/generators/generator.h"

static void sequential_fill(struct generator *g, struct generator_thread *t, uint64_t *addr, size_t n)
{
	uint64_t places = (g->pages << PAGE_SHIFT) / g->size, at = t->pos % places;

	for (size_t i = 0; i < n; i++) {
		addr[i] = g->base + at * g->size;
		at = at + 1 == places ? 0 : at + 1;
	}
}

static const struct generator_pattern sequential_pattern = {
	.name = "sequential",
	.size = sizeof(struct generator),
	.fill = sequential_fill,
};

GENERATOR_OPS(sequential, "every place of the region in turn, over and over");
