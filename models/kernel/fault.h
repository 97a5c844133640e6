/*
 * fault.h - page faults (mm/memory.c handle_mm_fault, arch/x86/mm/fault.c; Linux 6.1). May block.
 */
#ifndef MODELS_KERNEL_FAULT_H
#define MODELS_KERNEL_FAULT_H

#include "models/kernel/filemap.h"
#include "models/kernel/swapin.h"

#define FAULT_WRITE 1u
#define FAULT_EXEC  2u
#define FAULT_USER  4u /* from user mode; else from get_user_pages (populate, mlock) */

enum fault_result { FAULT_DONE, FAULT_MAJOR, FAULT_SIGSEGV, FAULT_SIGBUS, FAULT_OOM, FAULT_KILLED };

/* One fault of cur at addr: finds the mapping (growing the stack, mapping on demand), handles it, counts and
 * charges. */
enum fault_result fault_handle(struct task *cur, vaddr_t addr, unsigned flags);
/* khugepaged: maps the page in swap at addr of mm (do_swap_page, as by a read); false when it had to be read
 * or waited for, or memory ran out. The caller holds mm's lock. */
bool fault_swap_in(struct task *cur, struct mm *mm, struct vma *vma, vaddr_t addr);
/* populate_vma_page_range (MAP_POPULATE, mlock, MADV_POPULATE): faults in [start, end) of vma. 0,
 * -EFAULT or -ENOMEM at the first failure. */
int64_t fault_populate(struct task *cur, struct vma *vma, vaddr_t start, vaddr_t end, bool write);

#endif
