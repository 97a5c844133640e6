/*
 * uniform.c - generator "uniform": every place of every page with the same probability.
 */
#include "traces/generators/generator.h"

static void uniform_fill(struct generator *g, struct generator_thread *t, uint64_t *addr, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t page = rng_below(&t->rng, g->pages);

		addr[i] = generator_address(g, page, generator_offset(g, &t->rng));
	}
}

static const struct generator_pattern uniform_pattern = {
	.name = "uniform",
	.size = sizeof(struct generator),
	.fill = uniform_fill,
};

GENERATOR_OPS(uniform, "every page with the same probability");
