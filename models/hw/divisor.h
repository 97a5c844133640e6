/*
 * divisor.h - division by a number that is known at start-up, by a multiplication (Granlund and Montgomery,
 * PLDI 1994): a 64-bit division costs a few dozen cycles and sits on the path of every cache and DRAM access.
 *
 * Exact for 1 <= n and x < 2^63: with inv = floor((2^64 - 1) / n) the estimate is the quotient or one less.
 */
#ifndef MODELS_HW_DIVISOR_H
#define MODELS_HW_DIVISOR_H

#include "sim/base.h"

struct divisor {
	uint64_t n, inv;
};

static inline struct divisor divisor_of(uint64_t n)
{
	return (struct divisor){n, UINT64_MAX / n};
}

/* x / n; *rest (may not be NULL) is x % n. */
static inline uint64_t divisor_split(const struct divisor *d, uint64_t x, uint64_t *rest)
{
	__extension__ typedef unsigned __int128 u128;
	uint64_t q = (uint64_t)((u128)x * d->inv >> 64), r = x - q * d->n;
	bool more = r >= d->n;

	*rest = more ? r - d->n : r;
	return q + more;
}

#endif
