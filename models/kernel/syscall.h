/*
 * syscall.h - a recorded system call on memory or files, carried out by the modelled kernel.
 */
#ifndef MODELS_KERNEL_SYSCALL_H
#define MODELS_KERNEL_SYSCALL_H

#include "models/kernel/mmap.h"
#include "traces/record.h"

/*
 * Carries c out in cur's time: mapping calls, policies, read, write, fsync, fadvise, truncate, drop_caches,
 * oom_score_adj, affinity, sleep; FILE and MAPPING declarations. Addresses that the kernel chose when it was
 * recorded are asked for again, so the replay has the recorded layout. Calls that failed when recorded are
 * charged and otherwise left out. Returns what the call returns; process calls (fork, exit, …) and marks are
 * the replay's own and not taken here.
 */
int64_t syscall_replay(struct task *cur, const struct control *c);

#endif
