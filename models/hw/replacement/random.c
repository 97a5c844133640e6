/*
 * random.c - any way with the same probability, from the array's own random stream. O(1).
 */
#include "models/hw/replacement/policies.h"

static unsigned random_victim(const uint64_t *touched, const uint64_t *filled, unsigned ways, struct rng *rng)
{
	(void)touched;
	(void)filled;
	return (unsigned)rng_below(rng, ways);
}

const struct replacement_ops replacement_random = {
	.name = "random",
	.sentence = "every way with the same probability",
	.victim = random_victim,
};
