/*
 * mmap.c - mmap, munmap.
 *
 * After mm/mmap.c (do_mmap, __mmap_region, do_mas_align_munmap, unmap_region), mm/gup.c
 * (__mm_populate, populate_vma_page_range) of Linux 6.1.
 *
 * Not modelled: resource limits, access modes of files (all are open for reading and writing), hugetlb,
 * MAP_SYNC, memory protection keys, sealed memfds, alignment of shared memory to huge pages,
 * remap_file_pages.
 */
#include "models/kernel/mmap.h"

#include "models/kernel/lru.h"

#define MAX_FILE_PAGES (UINT64_C(1) << 51) /* MAX_LFS_FILESIZE */

/* ---- munmap ---- */

/* Splits what straddles start or end. */
static int64_t split_ends(struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end)
{
	struct vma *v = vma_find_intersection(&mm->vmas, start, end);

	if (v && start > v->start) {
		int64_t err;

		if (end < v->end && mm->vmas.n >= cur->k->params.max_map_count)
			return -LINUX_ENOMEM;
		err = mapping_split(cur, mm, v, start, false, NULL);
		if (err)
			return err;
	}
	v = vma_at(&mm->vmas, end - 1);
	if (v && v->end > end)
		return mapping_split(cur, mm, v, end, false, NULL);
	return 0;
}

/* remove_mt */
static void remove_vmas(struct task *cur, struct mm *mm, struct vma **gone, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t pages = vma_pages(gone[i]);

		mapping_account(mm, gone[i]->flags, -(int64_t)pages);
		if (gone[i]->flags & VM_ACCOUNT)
			commit_sub(cur->k, pages);
		mapping_free(cur, gone[i]);
	}
	mem_free(gone);
}

/* unmap_region */
static void unmap_region(struct task *cur, struct mm *mm, struct vma **gone, size_t n, vaddr_t floor,
			 vaddr_t ceiling)
{
	struct gather g;

	lru_drain(cur);
	gather_init(&g, cur, mm, false);
	for (size_t i = 0; i < n; i++)
		zap_range(&g, gone[i], gone[i]->start, gone[i]->end);
	zap_tables(cur, mm, gone[0]->start, gone[n - 1]->end, floor, ceiling);
	gather_finish(&g);
}

int64_t mm_munmap(struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end, bool downgrade)
{
	struct vma **gone, *next, *prev;
	vaddr_t floor, ceiling;
	bool early;
	size_t n;
	int64_t err = split_ends(cur, mm, start, end);

	if (err)
		return err;
	n = vma_detach(&mm->vmas, start, end, &gone);
	next = vma_find(&mm->vmas, end);
	prev = next ? vma_prev(&mm->vmas, next) : mm->vmas.n ? mm->vmas.v[mm->vmas.n - 1] : NULL;
	floor = prev ? prev->end : 0;
	ceiling = next ? next->start : 0;
	for (size_t i = 0; i < n; i++)
		if (gone[i]->flags & VM_LOCKED)
			mm->locked_vm -= vma_pages(gone[i]);
	/* a stack may grow under the lock for reading, into the tables that go: then downgrade behind that */
	early = downgrade && !(next && next->flags & VM_GROWSDOWN);
	if (early)
		mmap_write_downgrade(cur, mm);
	if (n)
		unmap_region(cur, mm, gone, n, floor, ceiling);
	remove_vmas(cur, mm, gone, n);
	if (downgrade && !early)
		mmap_write_downgrade(cur, mm);
	return 0;
}

int64_t sys_munmap(struct task *cur, vaddr_t addr, uint64_t len)
{
	struct mm *mm = cur->mm;
	vaddr_t end = addr + page_align(len);
	int64_t err;

	task_charge(cur, CYCLES_syscall, cur->k->cost.munmap);
	if (addr & ~PAGE_MASK || addr > USER_ADDRESS_END || len > USER_ADDRESS_END - addr || end == addr)
		return -LINUX_EINVAL;
	mmap_write_lock(cur, mm);
	err = mm_munmap(cur, mm, addr, end, true);
	if (err)
		mmap_write_unlock(cur, mm);
	else
		mmap_read_unlock(cur, mm);
	return err;
}

/* ---- populate ---- */

int64_t mm_populate_vma(struct task *cur, struct vma *vma, vaddr_t start, vaddr_t end)
{
	if (vma->flags & VM_LOCKONFAULT)
		return 0;
	return fault_populate(cur, vma, start, end, (vma->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE);
}

int64_t mm_populate(struct task *cur, vaddr_t start, vaddr_t end, bool ignore_errors)
{
	struct mm *mm = cur->mm;
	int64_t err = 0;

	while (start < end && (!err || ignore_errors)) {
		struct vma *v;

		mmap_read_lock(cur, mm); /* let go between mappings: writers may go ahead */
		v = vma_find_intersection(&mm->vmas, start, end);
		if (v) {
			vaddr_t to = MIN_OF(end, v->end);

			err = mm_populate_vma(cur, v, MAX_OF(start, v->start), to);
			start = to;
		} else {
			start = end;
		}
		mmap_read_unlock(cur, mm);
	}
	return ignore_errors ? 0 : err;
}

/* ---- mmap ---- */

/* do_mmap's checks of flags. 0 or an error; *vm_flags and *pgoff complete. */
static int64_t check_kind(const struct mmap_request *r, unsigned flags, uint64_t pages, vaddr_t addr,
			  uint32_t *vm_flags, uint64_t *pgoff)
{
	unsigned type = flags & MAP_TYPE;

	if (r->file && *pgoff + pages > MAX_FILE_PAGES)
		return -LINUX_EOVERFLOW;
	if (type != MAP_SHARED && type != MAP_PRIVATE && !(r->file && type == MAP_SHARED_VALIDATE))
		return -LINUX_EINVAL;
	if (type == MAP_SHARED_VALIDATE && flags & MAP_FIXED_NOREPLACE)
		return -LINUX_EOPNOTSUPP; /* not in LEGACY_MAP_MASK */
	if (type != MAP_PRIVATE)
		*vm_flags |= VM_SHARED | VM_MAYSHARE;
	if (*vm_flags & VM_GROWSDOWN && (r->file || *vm_flags & VM_SHARED))
		return -LINUX_EINVAL;
	if (!r->file)
		*pgoff = type == MAP_SHARED ? 0 : addr >> PAGE_SHIFT;
	return 0;
}

/* calc_vm_prot_bits, calc_vm_flag_bits */
static uint32_t flag_bits(const struct mm *mm, unsigned prot, unsigned flags)
{
	uint32_t f = (uint32_t)mm->def_flags | VM_MAY_FLAGS | (prot & VM_ACCESS_FLAGS);

	if (flags & MAP_GROWSDOWN)
		f |= VM_GROWSDOWN;
	if (flags & MAP_LOCKED)
		f |= VM_LOCKED;
	return f;
}

/* A mapping that nothing could be extended for. */
static int64_t new_mapping(struct task *cur, struct mm *mm, struct vma *area)
{
	bool shmem = !area->file && area->flags & VM_SHARED;
	uint64_t pages = vma_pages(area);
	struct vma *v;

	if (shmem) { /* shmem_zero_setup */
		if (!(area->flags & VM_NORESERVE) && !commit_add(cur->k, mm, pages))
			return -LINUX_ENOMEM;
		area->file = file_new_shmem(cur, pages << PAGE_SHIFT);
		if (!area->file)
			return -LINUX_ENOMEM;
	}
	v = mapping_new(cur, area);
	if (shmem) { /* the mapping has its own reference now */
		if (!v && !(area->flags & VM_NORESERVE))
			commit_sub(cur->k, pages);
		file_put(cur, area->file);
	}
	if (!v)
		return -LINUX_ENOMEM;
	vma_insert(&mm->vmas, v);
	return 0;
}

/* __mmap_region */
static int64_t map_region(struct task *cur, struct mm *mm, struct vma *area)
{
	uint64_t pages = vma_pages(area);
	int64_t err;

	if (mm_munmap(cur, mm, area->start, area->end, false))
		return -LINUX_ENOMEM;
	if ((area->flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE) {
		if (!commit_add(cur->k, mm, pages))
			return -LINUX_ENOMEM;
		area->flags |= VM_ACCOUNT;
	}
	if (!mapping_merge(cur, mm, area, true)) {
		err = new_mapping(cur, mm, area);
		if (err) {
			if (area->flags & VM_ACCOUNT)
				commit_sub(cur->k, pages);
			return err;
		}
	}
	mapping_account(mm, area->flags, (int64_t)pages);
	if (area->flags & VM_LOCKED)
		mm->locked_vm += pages;
	return (int64_t)area->start;
}

/* do_mmap; mmap_lock held. *populate: whether the pages are to be faulted in. */
static int64_t do_mmap(struct task *cur, const struct mmap_request *r, bool *populate)
{
	struct mm *mm = cur->mm;
	struct vma area = {.file = r->file, .mm = mm, .pgoff = r->off >> PAGE_SHIFT};
	unsigned flags = r->flags & MAP_FIXED_NOREPLACE ? r->flags | MAP_FIXED : r->flags;
	vaddr_t hint = r->addr;
	uint64_t len = page_align(r->len);
	int64_t addr, err;

	if (!r->len)
		return -LINUX_EINVAL;
	if (!(flags & MAP_FIXED)) {
		hint &= PAGE_MASK; /* round_hint_to_min */
		if (hint && hint < MMAP_MIN_ADDR)
			hint = MMAP_MIN_ADDR;
	}
	if (!len)
		return -LINUX_ENOMEM;
	if (area.pgoff + (len >> PAGE_SHIFT) < area.pgoff)
		return -LINUX_EOVERFLOW;
	if (mm->vmas.n > cur->k->params.max_map_count)
		return -LINUX_ENOMEM;
	addr = mapping_area(mm, hint, len, flags);
	if (addr < 0)
		return addr;
	area.start = (vaddr_t)addr;
	area.end = area.start + len;
	if (flags & MAP_FIXED_NOREPLACE && vma_find_intersection(&mm->vmas, area.start, area.end))
		return -LINUX_EEXIST;
	area.flags = flag_bits(mm, r->prot, flags);
	err = check_kind(r, flags, len >> PAGE_SHIFT, area.start, &area.flags, &area.pgoff);
	if (err)
		return err;
	if (flags & MAP_NORESERVE && cur->k->params.overcommit_memory != 2)
		area.flags |= VM_NORESERVE;
	addr = map_region(cur, mm, &area);
	*populate = addr >= 0 &&
		    (area.flags & VM_LOCKED || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE);
	return addr;
}

int64_t sys_mmap(struct task *cur, const struct mmap_request *r)
{
	bool populate = false;
	int64_t addr;

	task_charge(cur, CYCLES_syscall, cur->k->cost.mmap);
	if (r->off & ~PAGE_MASK)
		return -LINUX_EINVAL;
	mmap_write_lock(cur, cur->mm);
	addr = do_mmap(cur, r, &populate);
	mmap_write_unlock(cur, cur->mm);
	if (populate)
		(void)mm_populate(cur, (vaddr_t)addr, (vaddr_t)addr + page_align(r->len), true);
	return addr;
}
