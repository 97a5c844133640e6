/*
 * mmap.h - the memory system calls (mm/mmap.c, mprotect.c, mremap.c, madvise.c, mlock.c, msync.c,
 * mempolicy.c; Linux 6.1).
 *
 * Each returns what the system call returns: an address or 0, or -errno of x86-64 Linux. They charge, they
 * may block.
 */
#ifndef MODELS_KERNEL_MMAP_H
#define MODELS_KERNEL_MMAP_H

#include "models/kernel/fault.h"
#include "models/kernel/mapping.h"
#include "models/kernel/mmaplock.h"
#include "models/kernel/zap.h"

struct mmap_request {
	vaddr_t addr; /* hint, or the address with MAP_FIXED */
	uint64_t len;
	unsigned prot;     /* PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4 */
	unsigned flags;    /* MAP_* of x86-64 */
	struct file *file; /* NULL: anonymous */
	uint64_t off;      /* bytes */
};
int64_t sys_mmap(struct task *cur, const struct mmap_request *r);
int64_t sys_munmap(struct task *cur, vaddr_t addr, uint64_t len);
int64_t sys_mprotect(struct task *cur, vaddr_t addr, uint64_t len, unsigned prot);
int64_t sys_mremap(struct task *cur, vaddr_t old, uint64_t old_len, uint64_t new_len, unsigned flags,
		   vaddr_t new_addr);
int64_t sys_brk(struct task *cur, vaddr_t addr);
int64_t sys_madvise(struct task *cur, vaddr_t addr, uint64_t len, int advice);
int64_t sys_mlock(struct task *cur, vaddr_t addr, uint64_t len, unsigned flags);
int64_t sys_munlock(struct task *cur, vaddr_t addr, uint64_t len);
int64_t sys_mlockall(struct task *cur, unsigned flags);
int64_t sys_munlockall(struct task *cur);
int64_t sys_msync(struct task *cur, vaddr_t addr, uint64_t len, unsigned flags);
int64_t sys_mbind(struct task *cur, vaddr_t addr, uint64_t len, unsigned mode, nodemask_t nodes,
		  unsigned flags);
/* do_migrate_pages: moves mm's pages on each node of `from` to the node of `to` in the same place; those that
 * others map, too, only when `shared`. Returns how many could not be moved. May block. */
uint64_t mm_move_nodes(struct task *cur, struct mm *mm, nodemask_t from, nodemask_t to, bool shared);
int64_t sys_set_mempolicy(struct task *cur, unsigned mode, nodemask_t nodes);

/* do_mas_munmap of whole pages [start, end). Hold mmap_lock for writing; when `downgrade`, it is held for
 * reading on success. */
int64_t mm_munmap(struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end, bool downgrade);
/* __mm_populate: faults all mappings of [start, end) in; no lock held. First error, unless they are to be
 * ignored. */
int64_t mm_populate(struct task *cur, vaddr_t start, vaddr_t end, bool ignore_errors);
/* populate_vma_page_range, as an error number: -LINUX_EFAULT, -LINUX_ENOMEM. Hold mmap_lock. */
int64_t mm_populate_vma(struct task *cur, struct vma *vma, vaddr_t start, vaddr_t end);

#endif
