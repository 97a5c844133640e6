/*
 * hotcold.c - generator "hotcold": a small part of the pages gets most of the accesses.
 *
 * The first hot * pages pages (at least one) get the share `to_hot` of the accesses, the others the rest;
 * within each part all pages are alike. With no cold page every access is hot.
 */
#include "traces/generators/generator.h"

struct hotcold {
	struct generator g;
	double hot, to_hot;
	uint64_t hot_pages;
};

static const struct generator_option hotcold_options[] = {
	{"hot", OPTION_REAL, offsetof(struct hotcold, hot), 0.1, 0, 1, "", "share of the pages that are hot"},
	{"to_hot", OPTION_REAL, offsetof(struct hotcold, to_hot), 0.9, 0, 1, "",
	 "share of the accesses that go to them"},
	{0},
};

static int hotcold_begin(struct generator *g, struct err *e)
{
	struct hotcold *h = CONTAINER_OF(g, struct hotcold, g);

	(void)e;
	h->hot_pages = (uint64_t)(h->hot * (double)g->pages);
	h->hot_pages = MIN_OF(MAX_OF(h->hot_pages, UINT64_C(1)), g->pages);
	return 0;
}

static void hotcold_fill(struct generator *g, struct generator_thread *t, uint64_t *addr, size_t n)
{
	const struct hotcold *h = CONTAINER_OF(g, struct hotcold, g);
	uint64_t cold = g->pages - h->hot_pages;

	for (size_t i = 0; i < n; i++) {
		bool hot = rng_unit(&t->rng) < h->to_hot || !cold;
		uint64_t page =
			hot ? rng_below(&t->rng, h->hot_pages) : h->hot_pages + rng_below(&t->rng, cold);

		addr[i] = generator_address(g, page, generator_offset(g, &t->rng));
	}
}

static const struct generator_pattern hotcold_pattern = {
	.name = "hotcold",
	.size = sizeof(struct hotcold),
	.options = hotcold_options,
	.begin = hotcold_begin,
	.fill = hotcold_fill,
};

GENERATOR_OPS(hotcold, "a small part of the pages gets most of the accesses");
