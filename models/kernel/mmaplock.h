/*
 * mmaplock.h - the lock of an address space (mm->mmap_lock): faults read, system calls that change mappings
 * write.
 *
 * Not modelled: that a fault drops it while it waits for a device; fairness between readers and writers.
 */
#ifndef MODELS_KERNEL_MMAPLOCK_H
#define MODELS_KERNEL_MMAPLOCK_H

#include "models/kernel/mm.h"

/* The lock is waited for: the task may come back on another CPU. */
void mmap_read_lock(struct task *cur, struct mm *mm);
void mmap_read_unlock(struct task *cur, struct mm *mm);
void mmap_write_lock(struct task *cur, struct mm *mm);
void mmap_write_unlock(struct task *cur, struct mm *mm);
/* The writer becomes a reader; others may read, too. */
void mmap_write_downgrade(struct task *cur, struct mm *mm);

#endif
