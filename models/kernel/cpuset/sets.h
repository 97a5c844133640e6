/*
 * sets.h - the sets, who begins where, and what is to change when.
 */
#ifndef MODELS_KERNEL_CPUSET_SETS_H
#define MODELS_KERNEL_CPUSET_SETS_H

#include "models/kernel/cpuset.h"
#include "sim/map.h"

/* A file of a set is written. */
struct cpuset_step {
	tick_t at;         /* TICK_NEVER: when the mark comes */
	const char *label; /* of the mark, not ended by a NUL */
	size_t label_len;
	struct cpuset *set;
	bool of_cpus; /* cpuset.cpus, else cpuset.mems */
	uint64_t cpus[MAX_CPUS / 64];
	nodemask_t mems;
	bool due, done; /* the thread is to make it; it was made, a mark may come again */
};

struct cpusets {
	struct cpuset set[CPUSETS_MAX];
	unsigned n;
	bool all_in_first;
	bool migrate;
	struct map of; /* pid: number of the set, or CPUSET_ROOT */
	struct cpuset_step *step;
	size_t nr_steps;
};

#define CPUSET_ROOT UINT64_MAX

/* What the set may have of its parent's, after what it asks for. */
void cpuset_effective(const struct kernel *k, const struct cpuset *cs, nodemask_t *mems,
		      uint64_t cpus[MAX_CPUS / 64]);

#endif
