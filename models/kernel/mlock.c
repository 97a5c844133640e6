/*
 * mlock.c - locking pages in memory.
 *
 * After mm/mlock.c (do_mlock, apply_vma_lock_flags, mlock_fixup, mlock_vma_pages_range, mlock_pte_range,
 * apply_mlockall_flags) of Linux 6.1. Everybody may lock as much as he likes: RLIMIT_MEMLOCK is not modelled.
 */
#include "models/kernel/mmap.h"

#include "models/kernel/lru.h"
#include "models/kernel/thp_split.h"

#define MLOCK_ONFAULT 1u
#define MCL_CURRENT   1u
#define MCL_FUTURE    2u
#define MCL_ONFAULT   4u

struct lock_walk {
	struct task *cur;
	bool lock;
};

static void lock_page(const struct lock_walk *w, pte_t e)
{
	if (!pte_present(e) || e & PTE_SPECIAL)
		return;
	if (w->lock)
		lru_mlock(w->cur, pte_pfn(e));
	else
		lru_munlock(w->cur, pte_pfn(e));
}

/* mlock_pte_range. A huge page is locked whole by its huge entry, or not at all. */
static void lock_table(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	const struct lock_walk *w = arg;

	if (t->level == 2) {
		lock_page(w, t->e[ptable_index(first, 2)]);
		return;
	}
	for (vaddr_t va = first; va < last; va += PAGE_SIZE) {
		pte_t e = t->e[ptable_index(va, 1)];

		if (pte_present(e) && !frame_has(frame_of(w->cur->k->memory, pte_pfn(e)), FR_HEAD | FR_TAIL))
			lock_page(w, e);
	}
}

static int64_t lock_fixup(struct task *cur, struct mm *mm, struct vma **v, vaddr_t start, vaddr_t end,
			  uint32_t newflags)
{
	struct lock_walk w = {cur, newflags & VM_LOCKED};
	uint32_t oldflags = (*v)->flags;
	uint64_t pages = (end - start) >> PAGE_SHIFT;
	int64_t err;

	if (newflags == oldflags)
		return 0;
	err = mapping_change(cur, mm, v, start, end, newflags, (*v)->policy);
	if (err)
		return err;
	if (!(newflags & VM_LOCKED))
		mm->locked_vm -= pages;
	else if (!(oldflags & VM_LOCKED))
		mm->locked_vm += pages;
	if ((newflags ^ oldflags) & VM_LOCKED) {
		lru_drain(cur);
		pgtable_for_each(&mm->pt, start, end, lock_table, &w);
		lru_drain(cur);
	}
	return 0;
}

/* apply_vma_lock_flags */
static int64_t apply_flags(struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end, uint32_t flags)
{
	struct vma *v;

	if (end < start)
		return -LINUX_EINVAL;
	if (end == start)
		return 0;
	v = vma_at(&mm->vmas, start);
	while (v) {
		uint32_t newflags = (v->flags & ~VM_LOCKED_MASK) | flags;
		int64_t err = lock_fixup(cur, mm, &v, start, MIN_OF(end, v->end), newflags);

		if (err)
			return err;
		start = v->end;
		if (start >= end)
			return 0;
		v = vma_at(&mm->vmas, start);
	}
	return -LINUX_ENOMEM;
}

static int64_t do_lock(struct task *cur, vaddr_t addr, uint64_t len, uint32_t flags)
{
	struct mm *mm = cur->mm;
	vaddr_t start = addr & PAGE_MASK, end = start + page_align(len + (addr & ~PAGE_MASK));
	int64_t err;

	task_charge(cur, CYCLES_syscall, cur->k->cost.mmap);
	mmap_write_lock(cur, mm);
	err = apply_flags(cur, mm, start, end, flags);
	mmap_write_unlock(cur, mm);
	if (err || !flags)
		return err;
	err = mm_populate(cur, start, end, false);
	if (err == -LINUX_EFAULT) /* __mlock_posix_error_return */
		return -LINUX_ENOMEM;
	return err == -LINUX_ENOMEM ? -LINUX_EAGAIN : err;
}

int64_t sys_mlock(struct task *cur, vaddr_t addr, uint64_t len, unsigned flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -LINUX_EINVAL;
	return do_lock(cur, addr, len, flags & MLOCK_ONFAULT ? VM_LOCKED | VM_LOCKONFAULT : VM_LOCKED);
}

int64_t sys_munlock(struct task *cur, vaddr_t addr, uint64_t len)
{
	return do_lock(cur, addr, len, 0);
}

/* apply_mlockall_flags: errors are ignored. */
static void apply_to_all(struct task *cur, struct mm *mm, unsigned flags)
{
	uint32_t add = 0;
	struct vma *v;

	mm->def_flags &= ~(uint64_t)VM_LOCKED_MASK;
	if (flags & MCL_FUTURE) {
		mm->def_flags |= flags & MCL_ONFAULT ? VM_LOCKED_MASK : VM_LOCKED;
		if (!(flags & MCL_CURRENT))
			return;
	}
	if (flags & MCL_CURRENT)
		add = flags & MCL_ONFAULT ? VM_LOCKED_MASK : VM_LOCKED;
	for (v = vma_find(&mm->vmas, 0); v; v = vma_find(&mm->vmas, v->end))
		(void)lock_fixup(cur, mm, &v, v->start, v->end, (v->flags & ~VM_LOCKED_MASK) | add);
}

int64_t sys_mlockall(struct task *cur, unsigned flags)
{
	struct mm *mm = cur->mm;

	task_charge(cur, CYCLES_syscall, cur->k->cost.mmap);
	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -LINUX_EINVAL;
	mmap_write_lock(cur, mm);
	apply_to_all(cur, mm, flags);
	mmap_write_unlock(cur, mm);
	if (flags & MCL_CURRENT)
		(void)mm_populate(cur, 0, USER_ADDRESS_END, true);
	return 0;
}

int64_t sys_munlockall(struct task *cur)
{
	struct mm *mm = cur->mm;

	task_charge(cur, CYCLES_syscall, cur->k->cost.mmap);
	mmap_write_lock(cur, mm);
	apply_to_all(cur, mm, 0);
	mmap_write_unlock(cur, mm);
	return 0;
}
