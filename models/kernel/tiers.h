/*
 * tiers.h - memory tiers: which nodes are slow, and where their cold pages go (mm/memory-tiers.c, Linux 6.1).
 *
 * A node's memory has an abstract distance (adistance); nodes of one chunk of 128 are a tier. Cold pages go
 * from a tier to the next (reclaim/demote.c), hot ones come back from the tiers below the last one that has
 * CPUs (numa_balancing.h).
 */
#ifndef MODELS_KERNEL_TIERS_H
#define MODELS_KERNEL_TIERS_H

#include "models/kernel/zone.h"

#define ADISTANCE_DRAM 576 /* MEMTIER_ADISTANCE_DRAM */

#define TIER_PARAMS(X, S)                                                                            \
	X(S, LIST, adistance, "numa.adistance", "", 0, 1u << 20, "",                                 \
	  "abstract distance of each node's memory, larger = slower; empty or 0 = 576, that of DRAM" \
	  " (memory that the dax driver brings: 2880)")
PARAM_STRUCT(tier_params, TIER_PARAMS);
extern const struct param_table tier_param_table;

/* memory_tier_init: sets the tier of every node; after memory_init. Errors (ERR_CONFIG): a list of another
 * length than there are nodes. Without it all nodes are one tier. */
int memory_tiers(struct memory *m, const struct tier_params *p, struct err *e);
/* next_demotion_node: one of the nodes that nid's cold pages go to, or -1; random chooses among several. */
int tier_next_node(const struct memory *m, unsigned nid, uint64_t random);

#endif
