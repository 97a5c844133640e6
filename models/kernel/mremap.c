/*
 * mremap.c - resizing and moving mappings.
 *
 * After mm/mremap.c (mremap, mremap_to, vma_to_resize, vma_expandable, move_vma, move_page_tables, move_ptes,
 * move_normal_pmd) and mm/mmap.c (copy_vma) of Linux 6.1. Entries move with their pages; where both places
 * are 2 MiB aligned, the whole leaf table moves. cost.change_page an entry, one for a whole table.
 *
 * Not modelled: moving 1 GiB at once (move_normal_pud), userfaultfd, hugetlb, drivers' mappings.
 */
#include "models/kernel/mmap.h"

#include "models/kernel/rmap.h"
#include "models/kernel/thp_split.h"

#define MREMAP_MAYMOVE   1u
#define MREMAP_FIXED     2u
#define MREMAP_DONTUNMAP 4u

struct remap {
	struct task *cur;
	struct mm *mm;
	struct vma *vma;
	vaddr_t addr, new_addr;
	uint64_t old_len, new_len;
	unsigned flags;
	bool locked; /* the grown part is to be populated */
};

static int64_t max_maps(const struct remap *r)
{
	return (int64_t)r->cur->k->params.max_map_count;
}

static void flush(const struct remap *r, vaddr_t start, vaddr_t end)
{
	struct kernel *k = r->cur->k;

	if (k->hooks.tlb_flush)
		k->hooks.tlb_flush(k->hooks.ctx, r->cur, r->mm, start, end);
}

/* ---- moving entries ---- */

static void move_mapping(const struct remap *r, pte_t e, vaddr_t from, vaddr_t to)
{
	if (pte_present(e) && !(e & PTE_SPECIAL))
		rmap_move(r->cur->k, pte_pfn(e), r->mm, from >> PAGE_SHIFT, to >> PAGE_SHIFT);
}

static void move_huge_mapping(const struct remap *r, pte_t e, vaddr_t from, vaddr_t to)
{
	if (pte_present(e) && !(e & PTE_SPECIAL))
		rmap_move_huge(r->cur->k, pte_pfn(e), r->mm, from >> PAGE_SHIFT, to >> PAGE_SHIFT);
}

/* move_ptes: within one leaf table on each side. */
static void move_entries(const struct remap *r, struct ptable *a, struct ptable *b, vaddr_t from, vaddr_t to,
			 uint64_t len)
{
	bool present = false;

	for (uint64_t off = 0; off < len; off += PAGE_SIZE) {
		unsigned i = ptable_index(from + off, 1);
		pte_t e = a->e[i];

		if (pte_none(e))
			continue;
		present |= pte_present(e);
		move_mapping(r, e, from + off, to + off);
		ptable_set(a, i, 0);
		ptable_set(b, ptable_index(to + off, 1), e);
		task_charge(r->cur, CYCLES_syscall, r->cur->k->cost.change_page);
	}
	if (present)
		flush(r, from, from + len);
}

/* move_normal_pmd, move_huge_pmd: 2 MiB at once. */
static bool move_table(const struct remap *r, vaddr_t from, vaddr_t to)
{
	struct pgtable *pt = &r->mm->pt;
	struct ptable *leaf;

	if (!pgtable_move_entry(pt, from, to))
		return false;
	task_charge(r->cur, CYCLES_syscall, r->cur->k->cost.change_page);
	leaf = pgtable_table(pt, to, 1);
	if (leaf)
		for (unsigned i = 0; i < PTABLE_ENTRIES; i++)
			move_mapping(r, leaf->e[i], from + i * PAGE_SIZE, to + i * PAGE_SIZE);
	else
		move_huge_mapping(r, pgtable_table(pt, to, 2)->e[ptable_index(to, 2)], from, to);
	flush(r, from, from + HUGE_PAGE_SIZE);
	return true;
}

/* The leaf table at from with no huge entry in the way; NULL when there is nothing (or no memory, *failed).
 */
static struct ptable *source_leaf(const struct remap *r, vaddr_t from, bool *failed)
{
	struct ptable *t = pgtable_table(&r->mm->pt, from, 2);

	if (!t || !t->e[ptable_index(from, 2)])
		return NULL;
	*failed = !thp_split_entry(r->cur, r->mm, from);
	return pgtable_table(&r->mm->pt, from, 1);
}

/* move_page_tables: how many bytes could be moved. */
static uint64_t move_page_tables(const struct remap *r, vaddr_t from, vaddr_t to, uint64_t len)
{
	const uint64_t span = HUGE_PAGE_SIZE;
	struct table_ctx ctx = {r->cur, r->mm};
	struct pgtable *pt = &r->mm->pt;
	uint64_t done, extent;

	for (done = 0; done < len; done += extent) {
		vaddr_t a = from + done, b = to + done;
		struct ptable *src, *dst;
		bool failed = false;

		extent = MIN_OF(span - a % span, span - b % span);
		extent = MIN_OF(extent, len - done);
		if (extent == span) {
			src = pgtable_table(pt, a, 2);
			if (!src || !src->e[ptable_index(a, 2)])
				continue;
			if (!pgtable_ensure(pt, b, 2, &alloc_table_ops, &ctx))
				break;
			if (move_table(r, a, b))
				continue;
		}
		src = source_leaf(r, a, &failed);
		if (failed)
			break;
		if (!src)
			continue;
		dst = pgtable_ensure(pt, b, 1, &alloc_table_ops, &ctx);
		if (!dst)
			break;
		move_entries(r, src, dst, a, b, extent);
	}
	return done;
}

/* ---- moving the mapping ---- */

/* copy_vma: the mapping at the new place. r->vma may have been merged into it. */
static struct vma *copy_vma(struct remap *r)
{
	struct vma_tree *t = &r->mm->vmas;
	struct vma area = *r->vma, *v;
	vaddr_t vma_start = r->vma->start;
	bool unfaulted = vma_is_anonymous(r->vma) && !r->vma->anon_vma;

	area.start = r->new_addr;
	area.end = r->new_addr + r->new_len;
	area.pgoff = unfaulted ? r->new_addr >> PAGE_SHIFT : vma_pgoff_at(r->vma, r->addr);
	if (unfaulted && r->flags & MREMAP_DONTUNMAP &&
	    (area.start == r->vma->end || r->vma->start == area.end))
		v = NULL;
	else
		v = mapping_merge(r->cur, r->mm, &area, false);
	if (v) {
		if (vma_start >= v->start && vma_start < v->end)
			r->vma = v;
		return v;
	}
	v = mapping_new(r->cur, &area);
	if (v)
		vma_insert(t, v);
	return v;
}

/* The old mapping goes, without its commitment, which the new one has taken over. */
static void unmap_old(struct remap *r, vaddr_t addr, uint64_t len, bool accounted)
{
	struct vma *v = vma_at(&r->mm->vmas, addr), *rest;
	vaddr_t start = v->start, end = v->end;

	if (!len) /* a shared mapping was duplicated */
		return;
	if (accounted)
		v->flags &= ~VM_ACCOUNT;
	if (mm_munmap(r->cur, r->mm, addr, addr + len, false)) {
		/* unable to split: it stays, and its commitment with it */
		if (accounted) {
			v->flags |= VM_ACCOUNT;
			r->cur->k->mms->committed_pages += (int64_t)(len >> PAGE_SHIFT);
		}
		return;
	}
	if (!accounted)
		return;
	rest = start < addr ? vma_at(&r->mm->vmas, addr - 1) : NULL;
	if (rest)
		rest->flags |= VM_ACCOUNT;
	rest = end > addr + len ? vma_at(&r->mm->vmas, addr + len) : NULL;
	if (rest)
		rest->flags |= VM_ACCOUNT;
}

/* MREMAP_DONTUNMAP: the old mapping stays, empty and unlocked. */
static void keep_old(struct remap *r)
{
	struct vma *v = vma_at(&r->mm->vmas, r->addr);

	v->flags &= ~VM_LOCKED_MASK;
	if (v->start != r->addr || v->end != r->addr + r->old_len)
		return;
	v->anon_vma = 0;
	v->anon_cloned = false;
	if (vma_is_anonymous(v))
		v->pgoff = v->start >> PAGE_SHIFT;
}

/* For a locked mapping that is to be kept: its part becomes a mapping of its own first. */
static int64_t split_kept(struct remap *r)
{
	int64_t err = 0;

	if (!(r->flags & MREMAP_DONTUNMAP) || !(r->vma->flags & VM_LOCKED))
		return 0;
	if (r->vma->start != r->addr)
		err = mapping_split(r->cur, r->mm, r->vma, r->addr, true, &r->vma);
	if (!err && r->vma->end != r->addr + r->old_len)
		err = mapping_split(r->cur, r->mm, r->vma, r->addr + r->old_len, true, NULL);
	return err;
}

static int64_t move_vma(struct remap *r)
{
	uint32_t vm_flags = r->vma->flags;
	bool keep = r->flags & MREMAP_DONTUNMAP, accounted = vm_flags & VM_ACCOUNT;
	uint64_t to_account = (keep ? r->new_len : r->new_len - r->old_len) >> PAGE_SHIFT, moved;
	int64_t err;

	if ((int64_t)r->mm->vmas.n >= max_maps(r) - 3)
		return -LINUX_ENOMEM;
	err = split_kept(r);
	if (err)
		return err;
	if (accounted && !commit_add(r->cur->k, r->mm, to_account))
		return -LINUX_ENOMEM;
	if (!copy_vma(r)) {
		if (accounted)
			commit_sub(r->cur->k, to_account);
		return -LINUX_ENOMEM;
	}
	moved = move_page_tables(r, r->addr, r->new_addr, r->old_len);
	mapping_account(r->mm, vm_flags, (int64_t)(r->new_len >> PAGE_SHIFT));
	if (moved < r->old_len) { /* back, and away with the new place */
		move_page_tables(r, r->new_addr, r->addr, moved);
		if (accounted)
			commit_sub(r->cur->k, to_account);
		if (vm_flags & VM_LOCKED)
			r->mm->locked_vm += r->new_len >> PAGE_SHIFT;
		unmap_old(r, r->new_addr, r->new_len, accounted);
		return -LINUX_ENOMEM;
	}
	if (keep) {
		keep_old(r);
		return (int64_t)r->new_addr;
	}
	unmap_old(r, r->addr, r->old_len, accounted);
	if (vm_flags & VM_LOCKED) {
		r->mm->locked_vm += r->new_len >> PAGE_SHIFT;
		r->locked = true;
	}
	return (int64_t)r->new_addr;
}

/* ---- the system call ---- */

/* vma_to_resize */
static int64_t vma_to_resize(struct remap *r)
{
	uint64_t pgoff;

	r->vma = vma_at(&r->mm->vmas, r->addr);
	if (!r->vma)
		return -LINUX_EFAULT;
	if (!r->old_len && !(r->vma->flags & (VM_SHARED | VM_MAYSHARE)))
		return -LINUX_EINVAL;
	if (r->old_len > r->vma->end - r->addr)
		return -LINUX_EFAULT;
	pgoff = vma_pgoff_at(r->vma, r->addr);
	if (r->new_len != r->old_len && pgoff + (r->new_len >> PAGE_SHIFT) < pgoff)
		return -LINUX_EINVAL;
	return 0;
}

static int64_t mremap_to(struct remap *r)
{
	int64_t ret;

	if (r->new_addr & ~PAGE_MASK || r->new_len > USER_ADDRESS_END ||
	    r->new_addr > USER_ADDRESS_END - r->new_len)
		return -LINUX_EINVAL;
	if (r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr)
		return -LINUX_EINVAL;
	if ((int64_t)r->mm->vmas.n + 2 >= max_maps(r) - 3)
		return -LINUX_ENOMEM;
	if (r->flags & MREMAP_FIXED) {
		ret = mm_munmap(r->cur, r->mm, r->new_addr, r->new_addr + r->new_len, false);
		if (ret)
			return ret;
	}
	if (r->old_len > r->new_len) {
		ret = mm_munmap(r->cur, r->mm, r->addr + r->new_len, r->addr + r->old_len, false);
		if (ret)
			return ret;
		r->old_len = r->new_len;
	}
	ret = vma_to_resize(r);
	if (ret)
		return ret;
	ret = mapping_area(r->mm, r->new_addr, r->new_len, r->flags & MREMAP_FIXED ? MAP_FIXED : 0);
	if (ret < 0)
		return ret;
	r->new_addr = (vaddr_t)ret;
	return move_vma(r);
}

/* Extends the mapping where it is; 1 when something is in the way. */
static int64_t expand_in_place(struct remap *r)
{
	struct vma *v = r->vma;
	uint64_t delta = r->new_len - r->old_len, pages = delta >> PAGE_SHIFT;
	vaddr_t end = v->end + delta;
	struct vma area = *v;

	if (r->old_len != v->end - r->addr || end < v->end || end > USER_ADDRESS_END ||
	    vma_find_intersection(&r->mm->vmas, v->end, end))
		return 1;
	if (v->flags & VM_ACCOUNT && !commit_add(r->cur->k, r->mm, pages))
		return -LINUX_ENOMEM;
	area.start = v->end;
	area.end = end;
	area.pgoff = vma_pgoff_at(v, v->end);
	v = mapping_merge(r->cur, r->mm, &area, false);
	CHECK(v, "the mapping at %" PRIx64 " could not be extended", r->addr); /* it is like itself */
	mapping_account(r->mm, v->flags, (int64_t)pages);
	if (v->flags & VM_LOCKED) {
		r->mm->locked_vm += pages;
		r->locked = true;
	}
	r->new_addr = r->addr;
	return (int64_t)r->addr;
}

static int64_t do_mremap(struct remap *r)
{
	int64_t ret;

	if (!vma_at(&r->mm->vmas, r->addr))
		return -LINUX_EFAULT;
	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return mremap_to(r);
	if (r->old_len >= r->new_len) {
		vaddr_t from = r->addr + r->new_len, to = r->addr + r->old_len;

		if (r->old_len == r->new_len)
			return (int64_t)r->addr;
		if (to > USER_ADDRESS_END || to < from)
			return -LINUX_EINVAL;
		ret = mm_munmap(r->cur, r->mm, from, to, false);
		return ret ? ret : (int64_t)r->addr;
	}
	ret = vma_to_resize(r);
	if (ret)
		return ret;
	ret = expand_in_place(r);
	if (ret != 1)
		return ret;
	if (!(r->flags & MREMAP_MAYMOVE))
		return -LINUX_ENOMEM;
	ret = mapping_area(r->mm, 0, r->new_len, 0);
	if (ret < 0)
		return ret;
	r->new_addr = (vaddr_t)ret;
	return move_vma(r);
}

int64_t sys_mremap(struct task *cur, vaddr_t old, uint64_t old_len, uint64_t new_len, unsigned flags,
		   vaddr_t new_addr)
{
	struct remap r = {.cur = cur,
			  .mm = cur->mm,
			  .addr = old,
			  .new_addr = new_addr,
			  .old_len = page_align(old_len),
			  .new_len = page_align(new_len),
			  .flags = flags};
	uint64_t grown_from = r.old_len;
	int64_t ret;

	task_charge(cur, CYCLES_syscall, cur->k->cost.mmap);
	if (flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP) ||
	    (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE)) ||
	    (flags & MREMAP_DONTUNMAP && (!(flags & MREMAP_MAYMOVE) || old_len != new_len)) ||
	    old & ~PAGE_MASK || !r.new_len)
		return -LINUX_EINVAL;
	mmap_write_lock(cur, r.mm);
	ret = do_mremap(&r);
	mmap_write_unlock(cur, r.mm);
	if (ret >= 0 && r.locked && r.new_len > grown_from)
		(void)mm_populate(cur, r.new_addr + grown_from, r.new_addr + r.new_len, true);
	return ret;
}
