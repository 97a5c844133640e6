/*
 * charge.h - charging pages to groups, which may have to reclaim for it, and waiting for having too many
 * (mm/memcontrol.c, Linux 6.1). May block.
 */
#ifndef MODELS_KERNEL_CHARGE_H
#define MODELS_KERNEL_CHARGE_H

#include "models/kernel/memcg.h"

/*
 * try_charge_memcg for a page that was just allocated, and commit_charge; charge_kernel: for one of the
 * kernel's own (__memcg_kmem_charge_page). False when the group is at its limit and nothing helps: the
 * caller frees the page.
 */
bool charge_frame(struct task *cur, uint32_t group, pfn_t pfn, gfp_t gfp);
bool charge_kernel_frame(struct task *cur, pfn_t pfn, unsigned order, gfp_t gfp);
/* mem_cgroup_charge: to the group of a process or address space (process.memcg, mm.memcg). */
static inline bool charge(struct task *cur, uint32_t group, pfn_t pfn, gfp_t gfp)
{
	return LIKELY(!group) || charge_frame(cur, group, pfn, gfp);
}
/* The same for who runs: what GFP_BIT_ACCOUNT asks for. */
static inline bool charge_kernel(struct task *cur, pfn_t pfn, unsigned order, gfp_t gfp)
{
	return LIKELY(!memcg_of_task(cur)) || charge_kernel_frame(cur, pfn, order, gfp);
}
/*
 * obj_cgroup_charge: bytes of a slab object that cur asks for, to the group that is charged in its name
 * (*group, 0: nobody); false when they do not fit. uncharge_object: the object is freed, by whomever.
 */
bool charge_object(struct task *cur, unsigned bytes, bool reclaimable, gfp_t gfp, uint32_t *group);
void uncharge_object(struct task *cur, uint32_t group, unsigned bytes, bool reclaimable);
/* mem_cgroup_handle_over_high: on the way back to user mode of a task whose group is above memory.high;
 * hooks.task_work. */
void charge_over_high(struct task *cur, gfp_t gfp);
/* calculate_high_delay: for the greatest excess over memory.high (calculate_overage, in 2^-20 of it) and
 * pages charged; in jiffies of 4 ms. */
uint64_t charge_high_delay(uint64_t overage, uint64_t pages);
/* calculate_overage */
uint64_t charge_overage(uint64_t usage, uint64_t high);

#endif
