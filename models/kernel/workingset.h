/*
 * workingset.h - shadow entries and refault distances (mm/workingset.c, Linux 6.1).
 */
#ifndef MODELS_KERNEL_WORKINGSET_H
#define MODELS_KERNEL_WORKINGSET_H

#include "models/kernel/lru.h"

/* A shadow entry: node, group, age of the eviction (bucketed), whether the page had been in the working set.
 * Never 0. */
typedef uint64_t shadow_t;
/* workingset_eviction: the shadow for a page that leaves memory; target: the group whose limit is the reason,
 * NULL: the machine is short. */
shadow_t workingset_eviction(struct kernel *k, pfn_t pfn, const struct memcg *target);
/* mem_cgroup_flush_stats: the statistics that decisions read are those of now, on the node of these lists. */
void workingset_flush_stats(struct kernel *k, struct lruvec *l);
/* workingset_refault: the page is back; may set ACTIVE and WORKINGSET and counts. shadow 0: nothing. */
void workingset_refault(struct task *cur, pfn_t pfn, shadow_t shadow);
/* lru_note_cost: reclaim input or output that a list caused; halves both costs above a quarter of the lists.
 * The same for the lists of the groups that theirs lies in. */
void lru_note_cost(struct lruvec *l, bool file, uint64_t nr_pages);

#endif
