/*
 * lru.c - true least recently used: the way whose last touch is oldest (Mattson and others 1970). O(ways).
 */
#include "models/hw/replacement/policies.h"

static unsigned lru_victim(const uint64_t *touched, const uint64_t *filled, unsigned ways, struct rng *rng)
{
	unsigned victim = 0;
	uint64_t oldest = touched[0];

	(void)filled;
	(void)rng;
	for (unsigned i = 1; i < ways; i++) {
		victim = touched[i] < oldest ? i : victim;
		oldest = touched[i] < oldest ? touched[i] : oldest;
	}
	return victim;
}

const struct replacement_ops replacement_lru = {
	.name = "lru",
	.sentence = "least recently used: the way whose last touch is oldest",
	.victim = lru_victim,
};
