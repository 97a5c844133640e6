/*
 * stride.c - generator "stride": one access every `stride` bytes, over and over.
 *
 * Access i of a thread lies i * stride bytes into the region, modulo the largest multiple of the stride that
 * fits, so each round touches the same places.
 */
#include "traces/generators/generator.h"

struct stride {
	struct generator g;
	uint64_t stride, places;
};

static const struct generator_option stride_options[] = {
	{"stride", OPTION_NUMBER, offsetof(struct stride, stride), 4096, 1, 1e15, "bytes",
	 "from one access to the next"},
	{0},
};

static int stride_begin(struct generator *g, struct err *e)
{
	struct stride *s = CONTAINER_OF(g, struct stride, g);

	s->places = (g->pages << PAGE_SHIFT) / s->stride;
	if (!s->places)
		return err_set(e, ERR_USAGE,
			       "generator stride: a stride of %" PRIu64 " bytes does not fit into %" PRIu64
			       " pages",
			       s->stride, g->pages);
	return 0;
}

static void stride_fill(struct generator *g, struct generator_thread *t, uint64_t *addr, size_t n)
{
	const struct stride *s = CONTAINER_OF(g, struct stride, g);
	uint64_t at = t->pos % s->places;

	for (size_t i = 0; i < n; i++) {
		addr[i] = g->base + at * s->stride;
		at = at + 1 == s->places ? 0 : at + 1;
	}
}

static const struct generator_pattern stride_pattern = {
	.name = "stride",
	.size = sizeof(struct stride),
	.options = stride_options,
	.begin = stride_begin,
	.fill = stride_fill,
};

GENERATOR_OPS(stride, "one access every so many bytes, over and over");
