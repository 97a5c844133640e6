/*
 * brk.c - the heap's end.
 *
 * After mm/mmap.c (brk, do_brk_flags, do_brk_munmap) of Linux 6.1. The heap is an ordinary private anonymous
 * mapping that is extended; in a forked child its extension is a mapping of its own (is_mergeable_anon_vma).
 *
 * Not modelled: RLIMIT_DATA, randomised start.
 */
#include "models/kernel/mmap.h"

#define BRK_FLAGS                                                                                           \
	(VM_READ | VM_WRITE | VM_MAY_FLAGS | VM_ACCOUNT) /* VM_DATA_DEFAULT_FLAGS without READ_IMPLIES_EXEC \
							  */

static int64_t brk_grow(struct task *cur, struct mm *mm, vaddr_t from, vaddr_t to)
{
	struct vma area = {.start = from, .end = to, .mm = mm, .flags = BRK_FLAGS | (uint32_t)mm->def_flags};
	uint64_t pages = (to - from) >> PAGE_SHIFT;
	struct vma *next = vma_find(&mm->vmas, from), *prev, *v;

	if (to < from || to > USER_ADDRESS_END || (next && to + PAGE_SIZE > vma_start_gap(next)))
		return -LINUX_ENOMEM;
	if (mm->vmas.n > cur->k->params.max_map_count || !commit_add(cur->k, mm, pages))
		return -LINUX_ENOMEM;
	area.pgoff = from >> PAGE_SHIFT;
	prev = from > 0 ? vma_at(&mm->vmas, from - 1) : NULL;
	if (prev && vma_can_merge_after(prev, &area)) {
		prev->end = to; /* never merged with what comes behind */
	} else {
		v = mapping_new(cur, &area);
		if (!v) {
			commit_sub(cur->k, pages);
			return -LINUX_ENOMEM;
		}
		vma_insert(&mm->vmas, v);
	}
	mapping_account(mm, area.flags, (int64_t)pages);
	if (area.flags & VM_LOCKED)
		mm->locked_vm += pages;
	return 0;
}

/* Sets mm->brk or leaves it; false when the lock was downgraded. */
static bool do_brk(struct task *cur, struct mm *mm, vaddr_t addr)
{
	vaddr_t to = page_align(addr), from = page_align(mm->brk);

	if (addr < mm->start_brk || addr > USER_ADDRESS_END)
		return true;
	if (to == from) {
		mm->brk = addr;
	} else if (addr <= mm->brk) {
		struct vma *v = vma_find_intersection(&mm->vmas, to, from);
		vaddr_t old = mm->brk;

		if (!v)
			return true;
		mm->brk = addr;
		if (!mm_munmap(cur, mm, to, from, true))
			return false;
		mm->brk = old;
	} else if (!brk_grow(cur, mm, from, to)) {
		mm->brk = addr;
	}
	return true;
}

int64_t sys_brk(struct task *cur, vaddr_t addr)
{
	struct mm *mm = cur->mm;
	vaddr_t old, now;
	bool populate;

	task_charge(cur, CYCLES_syscall, cur->k->cost.mmap);
	mmap_write_lock(cur, mm);
	old = page_align(mm->brk);
	if (do_brk(cur, mm, addr)) {
		now = mm->brk;
		populate = page_align(now) > old && mm->def_flags & VM_LOCKED;
		mmap_write_unlock(cur, mm);
	} else {
		now = mm->brk;
		populate = false;
		mmap_read_unlock(cur, mm);
	}
	if (populate)
		(void)mm_populate(cur, old, page_align(now), true);
	return (int64_t)now;
}
