/*
 * fork.h - processes come and go: new, fork, exec, exit (kernel/fork.c, mm/memory.c copy_page_range,
 * mm/mmap.c exit_mmap; 6.1).
 */
#ifndef MODELS_KERNEL_FORK_H
#define MODELS_KERNEL_FORK_H

#include "models/kernel/mmap.h"

/* An empty address space; NULL when memory ran out. */
struct mm *mm_new(struct task *cur, struct process *p);
/* dup_mm: copy-on-write copy of all mappings of cur's address space for process p. NULL when memory ran out.
 */
/* The pages of a task that cur makes: its kernel stack (alloc_thread_stack_node). They go with the task. */
void task_stack_alloc(struct task *cur, struct task *child);
void task_stack_free(struct task *t);
struct mm *mm_fork(struct task *cur, struct process *p);
/* mmput: one user less; at zero exit_mmap unmaps and frees everything. */
void mm_put(struct task *cur, struct mm *mm);

#endif
