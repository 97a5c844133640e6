/*
 * replacement.h - which way of a set is thrown out. A policy is a file in replacement/ and a row.
 *
 * A policy decides from two stamps of each way: when it was last touched and when it was filled (0: empty;
 * empty ways are taken before a policy is asked). Stamps grow strictly, so tree-PLRU, too, follows from them:
 * at each node of the tree the victim lies in the half whose newest touch is older.
 */
#ifndef MODELS_HW_REPLACEMENT_H
#define MODELS_HW_REPLACEMENT_H

#include "sim/base.h"
#include "sim/rng.h"

struct replacement_ops {
	const char *name; /* "lru" */
	const char *sentence;
	/* Fires when a set of valid entries needs room. Returns a way below `ways`. */
	unsigned (*victim)(const uint64_t *touched, const uint64_t *filled, unsigned ways, struct rng *rng);
};

const struct replacement_ops *replacement_at(size_t i); /* NULL past the last */
const char *replacement_name(size_t i);                 /* NULL past the last */

#endif
