/*
 * cpuset.h - cpusets: the CPUs and nodes that groups of processes may use (kernel/cgroup/cpuset.c,
 * Linux 6.1).
 *
 * A process belongs to one set or to none (the root, which holds all). What its tasks may use is in the task:
 * cpu_mask, mems_allowed (0 = all), spread_page; the allocator reads it there.
 */
#ifndef MODELS_KERNEL_CPUSET_H
#define MODELS_KERNEL_CPUSET_H

#include "models/kernel/task.h"

#define CPUSETS_MAX 64

#define CPUSET_PARAMS(X, S)                                                                               \
	X(S, STR, mems, "cpuset.mems", "", 0, 0, "nodes",                                                 \
	  "memory nodes of each set, \"0-1 2,3\": one list a set, or one for all; empty = all nodes")     \
	X(S, STR, cpus, "cpuset.cpus", "", 0, 0, "CPUs", "CPUs of each set, likewise; empty = all CPUs")  \
	X(S, STR, of, "cpuset.of", "", 0, 0, "",                                                          \
	  "sets of processes, \"1:0 2:1 3:root\": the recorded pid, and the set's place; children are in" \
	  " their parent's; empty = all in the first set")                                                \
	X(S, BOOL, spread_page, "cpuset.memory_spread_page", "false", 0, 1, "",                           \
	  "pages of the page cache go round the set's nodes (cgroup v1's memory_spread_page)")            \
	X(S, U64, change_ms, "cpuset.change_ms", "0", 0, 1u << 30, "ms",                                  \
	  "simulated time at which the nodes become those of cpuset.change_mems")                         \
	X(S, STR, change_mems, "cpuset.change_mems", "", 0, 0, "nodes",                                   \
	  "memory nodes of each set from cpuset.change_ms on; empty = no change")                         \
	X(S, BOOL, memory_migrate, "cpuset.memory_migrate", "true", 0, 1, "",                             \
	  "a change moves the pages that the processes have (cgroup v2 always does)")
PARAM_STRUCT(cpuset_params, CPUSET_PARAMS);
extern const struct param_table cpuset_param_table;

struct cpuset {
	uint64_t cpus[MAX_CPUS / 64];
	nodemask_t mems;  /* 0 = all */
	nodemask_t later; /* from the change on, 0 = no change */
	bool spread_page;
};

/*
 * Reads the sets: k->cpusets, NULL when there are none. Errors (ERR_CONFIG): lists that are none, nodes
 * without memory or CPUs that the machine does not have, lists of different lengths, sets that are not there.
 */
int cpuset_new(struct kernel *k, const struct cpuset_params *p, struct err *e);
void cpuset_free(struct kernel *k);
/* Starts the thread that changes the nodes when it is time; after sched_new. */
void cpuset_start(struct kernel *k);
/* The set of a new process; parent: NULL when nobody was seen to fork it. */
struct cpuset *cpuset_of_pid(const struct kernel *k, uint32_t pid, const struct process *parent);
/* cpuset_attach, cpuset_fork: a new task t, which has all from its parent, comes to its process's set. */
void cpuset_attach(struct task *t, const struct task *parent);
/* cpuset_cpus_allowed: leaves in mask what t's set has. */
void cpuset_limit_cpus(const struct task *t, uint64_t mask[MAX_CPUS / 64]);
/* update_tasks_nodemask: the set's nodes become mems, policies follow, and pages when migrate. May block. */
void cpuset_change_mems(struct task *cur, struct cpuset *cs, nodemask_t mems, bool migrate);

#endif
