/*
 * cpuset.h - cpusets: the CPUs and nodes that groups of processes may use (kernel/cgroup/cpuset.c,
 * Linux 6.1, cgroup v2).
 *
 * A process belongs to one set or to none (the root, which holds all). What a set asks for takes effect as
 * far as the set that it lies in has it; a set that asks for nothing, or for nothing of that, has all that
 * its parent has. What a process's tasks may use is in the task: cpu_mask, mems_allowed (0 = all),
 * spread_page; the allocator reads it there.
 */
#ifndef MODELS_KERNEL_CPUSET_H
#define MODELS_KERNEL_CPUSET_H

#include "models/kernel/memcg.h"

#define CPUSETS_MAX 64

#define CPUSET_PARAMS(X, S)                                                                                 \
	X(S, STR, name, "cpuset.name", "", 0, 0, "",                                                        \
	  "names of the sets, \"web web/cache db\": a set lies in that whose name and a slash begin its"    \
	  " own; empty = s0, s1 and so on, as many as the longest list has entries")                        \
	X(S, STR, mems, "cpuset.mems", "", 0, 0, "nodes",                                                   \
	  "memory nodes of each set, \"0-1 2,3 -\": one list a set, or one for all; - or empty = those of"  \
	  " the set that it lies in")                                                                       \
	X(S, STR, cpus, "cpuset.cpus", "", 0, 0, "CPUs", "CPUs of each set, likewise")                      \
	X(S, STR, of, "cpuset.of", "", 0, 0, "",                                                            \
	  "sets of processes, \"1:web 2:1 3:root\": the recorded pid, and the set by name or place;"        \
	  " children are in their parent's; empty = all in the first set")                                  \
	X(S, BOOL, spread_page, "cpuset.memory_spread_page", "false", 0, 1, "",                             \
	  "pages of the page cache go round the set's nodes (cgroup v1's memory_spread_page)")              \
	X(S, U64, change_ms, "cpuset.change_ms", "0", 0, 1u << 30, "ms",                                    \
	  "simulated time at which the nodes become those of cpuset.change_mems")                           \
	X(S, STR, change_mems, "cpuset.change_mems", "", 0, 0, "nodes",                                     \
	  "memory nodes of each set from cpuset.change_ms on; empty = no change")                           \
	X(S, STR, changes, "cpuset.changes", "", 0, 0, "",                                                  \
	  "what is written to files of sets while the machine runs, \"250:web.mems=1 @label:db.cpus=0-1\":" \
	  " at a simulated time in ms, or behind the snapshot of a mark of the trace")                      \
	X(S, BOOL, memory_migrate, "cpuset.memory_migrate", "true", 0, 1, "",                               \
	  "a change moves the pages that the processes have (cgroup v2 always does)")
PARAM_STRUCT(cpuset_params, CPUSET_PARAMS);
extern const struct param_table cpuset_param_table;

struct cpuset {
	char name[MEMCG_NAME_LEN];
	struct cpuset *parent; /* NULL: it lies in the root */
	/* cpuset.cpus and cpuset.mems; none = all of the parent's */
	uint64_t cpus[MAX_CPUS / 64];
	nodemask_t mems;
	/* cpuset.cpus.effective and cpuset.mems.effective, never empty */
	uint64_t effective_cpus[MAX_CPUS / 64];
	nodemask_t effective_mems;
	bool spread_page;
};

/*
 * Reads the sets: k->cpusets, NULL when there are none. p must outlive it. Errors (ERR_CONFIG): lists that
 * are none, nodes without memory or CPUs that the machine does not have, lists of different lengths, names
 * that are none, sets that are not there.
 */
int cpuset_new(struct kernel *k, const struct cpuset_params *p, struct err *e);
void cpuset_free(struct kernel *k);
/* Starts the thread that changes sets when it is time; after sched_new. */
void cpuset_start(struct kernel *k);
/* Of cpuset.changes, those whose time or mark has not come. */
unsigned cpuset_pending(const struct kernel *k);
/* By place; a set comes behind the one that it lies in. NULL past the last. */
struct cpuset *cpuset_at(const struct kernel *k, size_t i);
/* The set of a new process; parent: NULL when nobody was seen to fork it. */
struct cpuset *cpuset_of_pid(const struct kernel *k, uint32_t pid, const struct process *parent);
/* cpuset_attach, cpuset_fork: a new task t, which has all from its parent, comes to its process's set. */
void cpuset_attach(struct task *t, const struct task *parent);
/* cpuset_cpus_allowed: leaves in mask what t's set has. */
void cpuset_limit_cpus(const struct task *t, uint64_t mask[MAX_CPUS / 64]);
/*
 * Writing cpuset.mems and cpuset.cpus (update_nodemask, update_cpumask): the set and those in it get what
 * they may now have, policies follow the nodes, and pages do when cpuset.memory_migrate says so. May block.
 * False, and nothing changes, when a set that holds processes would be left without a list of its own
 * (ENOSPC).
 */
bool cpuset_write_mems(struct task *cur, struct cpuset *cs, nodemask_t mems);
bool cpuset_write_cpus(struct task *cur, struct cpuset *cs, const uint64_t cpus[MAX_CPUS / 64]);
/* A mark of the trace: the sets' own thread makes the changes that wait for it, and cur, who reached it,
 * waits for them; cur NULL: nobody waits. */
void cpuset_mark(struct kernel *k, struct task *cur, const char *label);

#endif
