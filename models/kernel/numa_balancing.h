/*
 * numa_balancing.h - memory that follows its users: hinting faults and migration (kernel/sched/fair.c,
 * mm/mempolicy.c; Linux 6.1).
 *
 * With kernel.numa_balancing the timer tick lets a task mark entries of its address space now and then; the
 * next access to a marked page faults, tells who uses it from where, and may move it there. Without it
 * nothing here is called.
 */
#ifndef MODELS_KERNEL_NUMA_BALANCING_H
#define MODELS_KERNEL_NUMA_BALANCING_H

#include "models/kernel/mm.h"

/* What a task knows of its hinting faults. */
struct task_numa {
	tick_t stamp;         /* run time of the last scan that was due (node_stamp), ps */
	uint64_t period;      /* run time between scans, ms (numa_scan_period) */
	uint64_t period_max;  /* ms */
	uint32_t scan_seq;    /* passes of the address space when faults were last summed up */
	int preferred_nid;    /* -1: none yet */
	tick_t retry;         /* when faults are summed up again, at the earliest (numa_migrate_retry) */
	uint64_t locality[3]; /* faults: remote, local; pages that could not be moved */
	/* faults by node of the page; [0] shared with another task, [1] private: decayed, and since the last
	 * pass */
	uint64_t sum[MAX_NODES][2], recent[MAX_NODES][2];
	uint64_t moved; /* pages (numa_pages_migrated) */
};

/* task_tick_numa: hooks.tick. Sets TASK_WORK when cur is due to scan. */
void numa_balancing_tick(struct task *cur);
/* task_numa_work: hooks.task_work. Marks the next part of cur's address space when it is time. May block. */
void numa_balancing_work(struct task *cur);
/* init_numa_balancing, dup_mm: cur's address space was copied to child. */
void numa_balancing_fork(struct task *cur, struct mm *child);
/* do_numa_page, do_huge_pmd_numa_page: the marked entry at addr (page aligned) of vma, small or huge, is made
 * accessible again, its page perhaps moved. cur holds the mmap_lock. May block. */
void numa_balancing_fault(struct task *cur, struct vma *vma, vaddr_t addr);
/* update_task_scan_period's rule: the new period of a task from its faults since the last pass, before it is
 * limited; ms. local + remote and priv + shared are not 0. */
int64_t numa_scan_period(uint64_t period, uint64_t remote, uint64_t local, uint64_t shared, uint64_t priv);

#endif
