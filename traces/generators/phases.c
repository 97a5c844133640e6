/*
 * phases.c - generator "phases": a working set that moves.
 *
 * In each phase of `phase` accesses (of a thread) a window of `window` pages is accessed, all alike; then the
 * window moves on by `shift` pages, around the end of the region to its beginning.
 */
#include "traces/generators/generator.h"

struct phases {
	struct generator g;
	uint64_t phase, window, shift;
};

static const struct generator_option phases_options[] = {
	{"phase", OPTION_NUMBER, offsetof(struct phases, phase), 100000, 1, 1e18, "accesses",
	 "of a thread in one phase"},
	{"window", OPTION_NUMBER, offsetof(struct phases, window), 256, 1, (double)GENERATOR_PAGES_MAX,
	 "pages", "of the working set"},
	{"shift", OPTION_NUMBER, offsetof(struct phases, shift), 128, 0, (double)GENERATOR_PAGES_MAX, "pages",
	 "that the working set moves on after a phase"},
	{0},
};

static int phases_begin(struct generator *g, struct err *e)
{
	struct phases *p = CONTAINER_OF(g, struct phases, g);

	if (p->window > g->pages)
		return err_set(e, ERR_USAGE,
			       "generator phases: a window of %" PRIu64 " pages in a region of %" PRIu64,
			       p->window, g->pages);
	p->shift %= g->pages;
	return 0;
}

static void phases_fill(struct generator *g, struct generator_thread *t, uint64_t *addr, size_t n)
{
	const struct phases *p = CONTAINER_OF(g, struct phases, g);

	for (size_t i = 0; i < n; i++) {
		uint64_t number =
			(t->pos + i) / p->phase % g->pages; /* shift * pages is a whole number of rounds */
		uint64_t start = number * p->shift % g->pages;
		uint64_t page = (start + rng_below(&t->rng, p->window)) % g->pages;

		addr[i] = generator_address(g, page, generator_offset(g, &t->rng));
	}
}

static const struct generator_pattern phases_pattern = {
	.name = "phases",
	.size = sizeof(struct phases),
	.options = phases_options,
	.begin = phases_begin,
	.fill = phases_fill,
};

GENERATOR_OPS(phases, "a working set that moves on after a while");
