/*
 * hot.h - memory tiering: which pages of a slow node are hot.
 */
#ifndef MODELS_KERNEL_NUMA_BALANCING_HOT_H
#define MODELS_KERNEL_NUMA_BALANCING_HOT_H

#include "models/kernel/task.h"

/* Whether tiering is on and the page lies on a slow node: last_cpupid is then a time. */
bool hot_is_judged(struct kernel *k, const struct frame *f);
/* Its entry is marked now. */
void hot_note_scan(const struct task *cur, struct frame *f);
/* A hinting fault of cur met the page, which is judged: it should be promoted to node nid. */
bool hot_should_promote(struct task *cur, struct frame *f, unsigned nid);

#endif
