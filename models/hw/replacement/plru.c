/*
 * plru.c - tree pseudo-LRU: a binary tree over the ways whose nodes each remember which half was touched
 * last; the victim is found by going from the root to the half not touched last (Al-Zoubi, Milenkovic and
 * Milenkovic, ACM-SE 2004). Hardware keeps a bit a node; here the bit follows from the stamps: the half whose
 * newest touch is newer is the half touched last, because a touch sets all bits on its path.
 *
 * O(ways). Where the ways are no power of two, the left half of a node is the larger one. With one or two
 * ways it is LRU.
 */
#include "models/hw/replacement/policies.h"

static uint64_t newest(const uint64_t *touched, unsigned n)
{
	uint64_t max = 0;

	for (unsigned i = 0; i < n; i++)
		max = MAX_OF(max, touched[i]);
	return max;
}

static unsigned plru_victim(const uint64_t *touched, const uint64_t *filled, unsigned ways, struct rng *rng)
{
	unsigned first = 0, n = ways;

	(void)filled;
	(void)rng;
	while (n > 1) {
		unsigned left = (n + 1) / 2, right = n - left;

		if (newest(touched + first, left) < newest(touched + first + left, right)) {
			n = left;
		} else {
			first += left;
			n = right;
		}
	}
	return first;
}

const struct replacement_ops replacement_plru = {
	.name = "plru",
	.sentence = "tree pseudo-LRU: at each node of a binary tree the half not touched last",
	.victim = plru_victim,
};
