/*
 * aging.h - the multi-generational LRU: a new generation, after a walk through page tables.
 */
#ifndef MODELS_KERNEL_RECLAIM_AGING_H
#define MODELS_KERNEL_RECLAIM_AGING_H

#include "models/kernel/lrugen.h"
#include "models/kernel/reclaim.h"

/*
 * try_to_inc_max_seq: finds the pages that were used since the last walk, puts them into the youngest
 * generation, max_seq, and makes a younger one. May block. True when there is one now.
 */
bool mglru_add_generation(struct task *cur, struct lruvec *l, const struct reclaim_request *r,
			  uint64_t max_seq, bool can_swap);

#endif
