/*
 * shrinker.h - caches of the kernel that give memory back when asked (mm/vmscan.c shrink_slab, Linux 6.1).
 */
#ifndef MODELS_KERNEL_SHRINKER_H
#define MODELS_KERNEL_SHRINKER_H

#include "models/kernel/task.h"
#include "models/kernel/zone.h"

/* A kind of object that can be given back; one row of the table in shrinker.c. */
struct shrinker_ops {
	const char *name;
	unsigned seeks; /* what making an object again costs; 0: nothing */
	/* How many objects of the node could go. */
	uint64_t (*count)(struct kernel *k, const struct node *n);
	/* Looks at nr of them; returns how many it gave back, SHRINK_STOP when going on is no use. */
	uint64_t (*scan)(struct task *cur, struct node *n, uint64_t nr);
};
#define SHRINK_STOP UINT64_MAX

/*
 * shrink_slab: a share of each kind's objects, the larger the lower the priority (0: all of them, twice
 * over). Returns objects given back.
 */
uint64_t shrink_slab(struct task *cur, struct node *n, int priority);
/* drop_slab (drop_caches 2): until nothing more comes of it. */
void shrink_drop_slab(struct task *cur);

#endif
