/*
 * permutation.h - a random-looking bijection of 0 … n-1 that needs no table.
 *
 * A four-round Feistel network over the smallest even number of bits that holds n, applied again while the
 * result is not below n (cycle walking; Black and Rogaway 2002): at most four times on average.
 */
#ifndef TRACES_GENERATORS_PERMUTATION_H
#define TRACES_GENERATORS_PERMUTATION_H

#include "sim/base.h"

struct permutation {
	uint64_t n, key[4];
	unsigned half; /* bits */
};

/* n at least 1. */
void permutation_init(struct permutation *p, uint64_t n, uint64_t seed);
/* Where i, below n, goes. */
uint64_t permutation_at(const struct permutation *p, uint64_t i);

#endif
