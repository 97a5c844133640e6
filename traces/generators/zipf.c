/*
 * zipf.c - generator "zipf": the page of rank k is accessed in proportion to k^-theta.
 *
 * Draws by rejection-inversion (Hörmann and Derflinger 1996), which is exact, takes a constant number of
 * steps on average (below 1.2 draws) and no table, so any number of pages works. Ranks are scattered over the
 * region by a permutation keyed by the seed (scatter=0: rank 1 is the first page).
 *
 * The mathematical library's exp and log decide draws that fall within its rounding error of a border, about
 * one in 10^15; there a different library could give another page.
 */
#include "traces/generators/generator.h"

#include <math.h>

#include "traces/generators/permutation.h"

struct zipf {
	struct generator g;
	double theta;
	uint64_t scatter;
	double h_first, h_last, shortcut;
	struct permutation place;
};

static const struct generator_option zipf_options[] = {
	{"theta", OPTION_REAL, offsetof(struct zipf, theta), 0.99, 0, 20, "", "exponent; 0 is uniform"},
	{"scatter", OPTION_NUMBER, offsetof(struct zipf, scatter), 1, 0, 1, "",
	 "1: ranks lie anywhere in the region"},
	{0},
};

/* (exp(x) - 1) / x, and log(1 + x) / x, both 1 at 0. */
static double expm1_over(double x)
{
	return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

static double log1p_over(double x)
{
	return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

/* The density x^-theta, its integral from 1 to x, and the integral's inverse. */
static double density(const struct zipf *z, double x)
{
	return exp(-z->theta * log(x));
}

static double integral(const struct zipf *z, double x)
{
	double l = log(x);

	return l * expm1_over((1 - z->theta) * l);
}

static double integral_inverse(const struct zipf *z, double y)
{
	double t = fmax(y * (1 - z->theta), -1);

	return exp(log1p_over(t) * y);
}

static int zipf_begin(struct generator *g, struct err *e)
{
	struct zipf *z = CONTAINER_OF(g, struct zipf, g);

	(void)e;
	z->h_first = integral(z, 1.5) - 1;
	z->h_last = integral(z, (double)g->pages + 0.5);
	z->shortcut = 2 - integral_inverse(z, integral(z, 2.5) - density(z, 2));
	permutation_init(&z->place, g->pages, g->seed);
	return 0;
}

/* A rank from 1 to pages. */
static uint64_t draw(const struct zipf *z, struct rng *r)
{
	for (;;) {
		double u = z->h_last + rng_unit(r) * (z->h_first - z->h_last), x = integral_inverse(z, u);
		double k = floor(x + 0.5);

		k = fmin(fmax(k, 1), (double)z->g.pages);
		if (k - x <= z->shortcut || u >= integral(z, k + 0.5) - density(z, k))
			return (uint64_t)k;
	}
}

static void zipf_fill(struct generator *g, struct generator_thread *t, uint64_t *addr, size_t n)
{
	const struct zipf *z = CONTAINER_OF(g, struct zipf, g);

	for (size_t i = 0; i < n; i++) {
		uint64_t page = draw(z, &t->rng) - 1;

		if (z->scatter)
			page = permutation_at(&z->place, page);
		addr[i] = generator_address(g, page, generator_offset(g, &t->rng));
	}
}

static const struct generator_pattern zipf_pattern = {
	.name = "zipf",
	.size = sizeof(struct zipf),
	.options = zipf_options,
	.begin = zipf_begin,
	.fill = zipf_fill,
};

GENERATOR_OPS(zipf, "few pages often, many pages seldom (Zipf's law)");
