/*
 * recency.h - the ways of a set from newest to oldest, as four bits each in one word.
 *
 * True LRU of up to 16 ways without a stamp for each: the victim is the last number, a miss rotates the word,
 * a touch moves one number to the front. Ways without an entry are a bit each in a mask, because the lowest
 * of them is filled first. All is O(1) and reads 10 bytes of a set.
 */
#ifndef MODELS_HW_RECENCY_H
#define MODELS_HW_RECENCY_H

#include "sim/base.h"

#define RECENCY_WAYS 16

struct recency {
	uint64_t mask;   /* bits in use: four a way */
	unsigned oldest; /* the shift of the oldest way's number */
};

static inline struct recency recency_of(uint64_t ways)
{
	return (struct recency){UINT64_MAX >> (64 - 4 * ways), (unsigned)(4 * (ways - 1))};
}

/* Some order of the ways to begin with. */
static inline uint64_t recency_start(const struct recency *r)
{
	return UINT64_C(0xfedcba9876543210) & r->mask;
}

/* The order after a touch of the way. */
static inline uint64_t recency_touch(uint64_t order, unsigned way)
{
	const uint64_t ones = UINT64_C(0x1111111111111111);
	uint64_t other = order ^ way * ones, found = (other - ones) & ~other & ones << 3;
	uint64_t below = (found & -found) - 1; /* the way's three low bits and all of the newer ones' */
	uint64_t newer = below >> 3, older = ~(below << 1 | 1);

	return (order & older) | (order & newer) << 4 | way;
}

/* The oldest way; it becomes the newest. */
static inline unsigned recency_take(const struct recency *r, uint64_t *order)
{
	unsigned way = (unsigned)(*order >> r->oldest);

	*order = (*order << 4 & r->mask) | way;
	return way;
}

/* Whether each way stands in the order once. */
static inline bool recency_is_valid(const struct recency *r, uint64_t order)
{
	uint32_t seen = 0;

	for (unsigned shift = 0; shift <= r->oldest; shift += 4)
		seen |= 1u << (order >> shift & 15);
	return !(order & ~r->mask) && seen == (UINT64_C(1) << (r->oldest / 4 + 1)) - 1;
}

#endif
