/*
 * permutation.c - a random-looking bijection without a table.
 */
#include "traces/generators/permutation.h"

#include "sim/map.h"
#include "sim/rng.h"

void permutation_init(struct permutation *p, uint64_t n, uint64_t seed)
{
	unsigned bits = n > 1 ? ilog2_u64(n - 1) + 1 : 1;

	p->n = n;
	p->half = (bits + 1) / 2;
	for (unsigned i = 0; i < 4; i++)
		p->key[i] = splitmix64(&seed);
}

uint64_t permutation_at(const struct permutation *p, uint64_t i)
{
	uint64_t mask = (UINT64_C(1) << p->half) - 1;

	do {
		uint64_t left = i >> p->half, right = i & mask;

		for (unsigned round = 0; round < 4; round++) {
			uint64_t next = left ^ (hash_u64(right + p->key[round]) & mask);

			left = right;
			right = next;
		}
		i = left << p->half | right;
	} while (i >= p->n);
	return i;
}
