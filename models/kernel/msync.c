/*
 * msync.c - writing shared file mappings back (mm/msync.c, Linux 6.1).
 *
 * MS_ASYNC does nothing, as in Linux; MS_SYNC writes the file's dirty pages of the range and waits for them.
 */
#include "models/kernel/mmap.h"

#define MS_ASYNC      1u
#define MS_INVALIDATE 2u
#define MS_SYNC       4u

/* One mapping's part from start; the lock is let go while pages are written. */
static void sync_part(struct task *cur, struct mm *mm, const struct vma *v, vaddr_t start, vaddr_t end)
{
	struct file *f = file_get(v->file);
	uint64_t first = vma_pgoff_at(v, start), last = vma_pgoff_at(v, end - 1);

	mmap_read_unlock(cur, mm);
	if (!f->shmem)
		writeback_file(cur, f, first, last, true);
	file_put(cur, f);
	mmap_read_lock(cur, mm);
}

static int64_t do_msync(struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end, unsigned flags)
{
	int64_t unmapped = 0;

	while (start < end) {
		struct vma *v = vma_find(&mm->vmas, start);
		vaddr_t to;

		if (!v)
			return -LINUX_ENOMEM;
		if (start < v->start) {
			if (flags == MS_ASYNC || v->start >= end)
				return -LINUX_ENOMEM;
			start = v->start;
			unmapped = -LINUX_ENOMEM;
		}
		if (flags & MS_INVALIDATE && v->flags & VM_LOCKED)
			return -LINUX_EBUSY;
		to = v->end;
		if (flags & MS_SYNC && v->file && v->flags & VM_SHARED)
			sync_part(cur, mm, v, start, MIN_OF(end, to));
		start = to;
	}
	return unmapped;
}

int64_t sys_msync(struct task *cur, vaddr_t addr, uint64_t len, unsigned flags)
{
	struct mm *mm = cur->mm;
	vaddr_t end = addr + page_align(len);
	int64_t err;

	task_charge(cur, CYCLES_syscall, cur->k->cost.mmap);
	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || addr & ~PAGE_MASK ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -LINUX_EINVAL;
	if (end < addr)
		return -LINUX_ENOMEM;
	mmap_read_lock(cur, mm);
	err = do_msync(cur, mm, addr, end, flags);
	mmap_read_unlock(cur, mm);
	return err;
}
