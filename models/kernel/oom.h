/*
 * oom.h - the OOM killer (mm/oom_kill.c, Linux 6.1).
 */
#ifndef MODELS_KERNEL_OOM_H
#define MODELS_KERNEL_OOM_H

#include "models/kernel/memcg.h"
#include "models/kernel/mm.h"
#include "models/kernel/zonelist.h"

/*
 * out_of_memory: kills the process with the largest badness among those that the request's nodes concern.
 * True when a process was killed or is dying already; false when nothing can be killed.
 */
bool oom_kill_for(struct task *cur, const struct alloc_context *ac, bool bind);
/* mem_cgroup_out_of_memory: the same among the processes of a group and of those in it, which is at its
 * limit. */
bool oom_kill_in(struct task *cur, struct memcg *domain, gfp_t gfp, unsigned order);
/* oom_badness in pages, INT64_MIN for a process that must not be killed. */
int64_t oom_badness(const struct process *p, uint64_t total_pages);

#endif
