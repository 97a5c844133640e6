/*
 * fifo.c - first in, first out: the way that was filled first, however often it was used since. O(ways).
 */
#include "models/hw/replacement/policies.h"

static unsigned fifo_victim(const uint64_t *touched, const uint64_t *filled, unsigned ways, struct rng *rng)
{
	unsigned victim = 0;
	uint64_t oldest = filled[0];

	(void)touched;
	(void)rng;
	for (unsigned i = 1; i < ways; i++) {
		victim = filled[i] < oldest ? i : victim;
		oldest = filled[i] < oldest ? filled[i] : oldest;
	}
	return victim;
}

const struct replacement_ops replacement_fifo = {
	.name = "fifo",
	.sentence = "first in, first out: the way that was filled first",
	.victim = fifo_victim,
};
