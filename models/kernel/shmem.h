/*
 * shmem.h - shared anonymous memory: pages of a file that has no device but swap (mm/shmem.c, Linux 6.1).
 */
#ifndef MODELS_KERNEL_SHMEM_H
#define MODELS_KERNEL_SHMEM_H

#include "models/kernel/readahead.h"
#include "models/kernel/swapin.h"

/*
 * shmem_get_folio: the page at index, from memory, from swap, or new and cleared; with a reference, unlocked,
 * uptodate; it may be a part of a huge page. vma and addr (the fault's) choose the node; vma may be NULL.
 * *major: it waited for the device. PFN_NONE when no memory could be had.
 */
pfn_t shmem_get_page(struct task *cur, struct file *f, uint64_t index, struct vma *vma, vaddr_t addr,
		     bool *major);

/* shmem_is_huge: a hole at index should be filled by a huge page. vma may be NULL. */
bool shmem_is_huge(const struct kernel *k, const struct file *f, uint64_t index, const struct vma *vma);

#endif
