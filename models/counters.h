/*
 * counters.h - the kernel's own counters, as /proc and /sys print them, and the conservation laws over them.
 */
#ifndef MODELS_COUNTERS_H
#define MODELS_COUNTERS_H

#include "models/kernel/mm.h"
#include "sim/metrics.h"

/* Brings the gauges of p->stats up to date. */
void counters_refresh_process(struct process *p);
/* vmstat, meminfo, node/N, zone/N/NAME, buddy/N/NAME, slab/NAME for the snapshot that is open. */
int counters_machine(struct kernel *k, struct metrics *m, struct err *e);
/* memcg/NAME: the files of each group. */
int counters_memcg(struct kernel *k, struct metrics *m, struct err *e);
/* cpuset/NAME: what each set asks for and has. Which one a process is in: its id, 0 = the root. */
int counters_cpuset(struct kernel *k, struct metrics *m, struct err *e);
int64_t counters_cpuset_id(const struct kernel *k, const struct process *p);
/* proc/P and region/P/START (kB, and N0 … in pages), statistics of its mappings. first: its first task, or
 * NULL. */
int counters_process(struct kernel *k, struct process *p, const struct task *first, struct metrics *m,
		     struct err *e);
/* Frames, lists and counters against each other; aborts when a law is broken. O(frames). */
void counters_check(struct kernel *k);
/* The same for groups: charges, lists and swap slots. O(frames + slots). */
void counters_check_memcg(struct kernel *k);

#endif
