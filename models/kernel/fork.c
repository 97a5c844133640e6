/*
 * fork.c - address spaces come and go.
 *
 * After kernel/fork.c (mm_init, dup_mmap, mmput), mm/memory.c (copy_page_range, copy_pte_range,
 * copy_present_pte, copy_nonpresent_pte, vma_needs_copy) and mm/mmap.c (exit_mmap) of Linux 6.1.
 *
 * fork copies the entries of mappings that have held anonymous pages; what is only mapped from files is
 * faulted in again by the child. Private entries lose their write permission on both sides, pages and swap
 * entries stop being exclusive. cost.fork, and cost.fork_table for each leaf table copied; leaving costs
 * cost.zap_page a page.
 *
 * Not modelled: pinned pages (which fork copies at once), the oom reaper, the slab objects of a process
 * beside the address space (task.c's business).
 */
#include "models/kernel/fork.h"

#include "models/kernel/lru.h"
#include "models/kernel/numa_balancing.h"
#include "models/kernel/rmap.h"
#include "models/kernel/sched.h"
#include "models/kernel/thp_split.h"

void task_stack_alloc(struct task *cur, struct task *child)
{
	for (unsigned i = 0; i < KERNEL_STACK_PAGES; i++) {
		pfn_t pfn = alloc_pages(cur, GFP_KERNEL_ACCOUNT | GFP_BIT_ZERO, 0);

		if (pfn == PFN_NONE)
			return;
		child->stack[i] = pfn;
		frame_stat_add(cur->k->memory, frame_of(cur->k->memory, pfn), NR_KERNEL_STACK_KB,
			       PAGE_SIZE >> 10);
	}
}

void task_stack_free(struct task *t)
{
	for (unsigned i = 0; i < KERNEL_STACK_PAGES; i++) {
		if (!t->stack[i])
			continue;
		frame_stat_add(t->k->memory, frame_of(t->k->memory, t->stack[i]), NR_KERNEL_STACK_KB,
			       -(int64_t)(PAGE_SIZE >> 10));
		free_pages(t, t->stack[i], 0);
		t->stack[i] = 0;
	}
}

struct mm *mm_new(struct task *cur, struct process *p)
{
	struct kernel *k = cur->k;
	struct mm *mm;
	struct table_ctx ctx = {cur, NULL};
	uint64_t obj;

	if (!kernel_object_alloc(cur, SLAB_CACHE_MM_STRUCT, &obj))
		return NULL;
	mm = mm_table_add(k->mms);
	mm->k = k;
	mm->process = p;
	mm->memcg = p ? p->memcg : 0;
	mm->slab = obj;
	ctx.mm = mm;
	if (!pgtable_init(&mm->pt, &alloc_table_ops, &ctx)) {
		kernel_object_free(cur, SLAB_CACHE_MM_STRUCT, obj);
		mm_table_del(k->mms, mm);
		return NULL;
	}
	return mm;
}

struct copy {
	struct task *cur;
	struct mm *mm;    /* the child's */
	struct vma *from; /* the parent's */
	bool failed;
};

/* copy_nonpresent_pte: the parent's entry in *src loses its exclusiveness, too. */
static pte_t copy_swap(struct copy *c, pte_t *src)
{
	*src &= ~PTE_SWAP_EXCLUSIVE;
	swap_dup(c->cur->k, pte_swap_entry(*src));
	c->mm->rss[MM_SWAPENTS]++;
	return *src;
}

/* copy_present_pte */
static pte_t copy_present(struct copy *c, pte_t *src, vaddr_t va)
{
	struct kernel *k = c->cur->k;
	pte_t e = *src;

	if (!(e & PTE_SPECIAL)) {
		struct frame *f = frame_of(k->memory, pte_pfn(e));

		frame_get(k, pte_pfn(e));
		rmap_add(k, pte_pfn(e), c->mm, va >> PAGE_SHIFT);
		c->mm->rss[mm_counter_of(frame_of(k->memory, page_head(k->memory, pte_pfn(e))))]++;
		f->flags &= ~(uint32_t)FR_EXCLUSIVE;
	}
	if (vma_is_cow(c->from)) {
		e &= ~PTE_WRITE;
		*src = e;
	}
	if (c->from->flags & VM_SHARED)
		e &= ~PTE_DIRTY;
	return e & ~PTE_ACCESSED;
}

/* copy_huge_pmd: both sides map the huge page, read-only; false when memory ran out. */
static bool copy_huge(struct copy *c, struct ptable *src, vaddr_t va)
{
	struct kernel *k = c->cur->k;
	struct table_ctx ctx = {c->cur, c->mm};
	pte_t *e = &src->e[ptable_index(va, 2)];

	if (!pgtable_map_huge(&c->mm->pt, va, (*e & ~(PTE_WRITE | PTE_ACCESSED)), &alloc_table_ops, &ctx))
		return false;
	task_charge(c->cur, CYCLES_syscall, k->cost.fork_table);
	if (*e & PTE_SPECIAL)
		return true;
	*e &= ~PTE_WRITE;
	frame_of(k->memory, pte_pfn(*e))->flags &= ~(uint32_t)FR_EXCLUSIVE;
	frame_get(k, pte_pfn(*e));
	rmap_add_huge(k, pte_pfn(*e), c->mm, va >> PAGE_SHIFT);
	c->mm->rss[MM_ANONPAGES] += HUGE_PAGE_NR;
	return true;
}

static void copy_leaf(void *arg, struct ptable *src, vaddr_t first, vaddr_t last)
{
	struct copy *c = arg;
	struct table_ctx ctx = {c->cur, c->mm};
	struct ptable *dst;

	if (c->failed)
		return;
	if (src->level == 2) {
		if (!c->from->anon_vma && c->from->file) /* the child's faults map it again */
			return;
		c->failed = !copy_huge(c, src, first);
		return;
	}
	dst = pgtable_ensure(&c->mm->pt, first, 1, &alloc_table_ops, &ctx);
	if (!dst) {
		c->failed = true;
		return;
	}
	task_charge(c->cur, CYCLES_syscall, c->cur->k->cost.fork_table);
	for (vaddr_t va = first; va < last; va += PAGE_SIZE) {
		unsigned i = ptable_index(va, 1);

		if (pte_none(src->e[i]))
			continue;
		ptable_set(dst, i,
			   pte_present(src->e[i]) ? copy_present(c, &src->e[i], va)
						  : copy_swap(c, &src->e[i]));
	}
	if (c->cur->k->sched)
		sched_cond(c->cur);
}

/* One mapping of dup_mmap. False when memory ran out. */
static bool copy_vma(struct task *cur, struct mm *mm, struct vma *from)
{
	struct copy c = {cur, mm, from, false};
	bool wipe = from->flags & VM_WIPEONFORK;
	struct vma *v;

	if (from->flags & VM_ACCOUNT && !commit_add(cur->k, from->mm, vma_pages(from)))
		return false;
	v = mapping_new(cur, from);
	if (!v) {
		if (from->flags & VM_ACCOUNT)
			commit_sub(cur->k, vma_pages(from));
		return false;
	}
	v->mm = mm;
	v->flags &= ~VM_LOCKED_MASK;
	v->anon_vma = 0;
	v->anon_cloned = false;
	v->swap_ra_info = 0;
	if (from->anon_vma && !wipe) { /* anon_vma_fork: one of its own, and the parent's in its chain */
		v->anon_vma = ++mm->vmas.next_anon;
		v->anon_cloned = true;
	}
	vma_insert(&mm->vmas, v);
	mapping_account(mm, v->flags, (int64_t)vma_pages(v));
	if (from->anon_vma && !wipe) /* vma_needs_copy */
		pgtable_for_each(&from->mm->pt, from->start, from->end, copy_leaf, &c);
	return !c.failed;
}

static bool dup_mmap(struct task *cur, struct mm *mm, struct mm *old)
{
	for (size_t i = 0; i < old->vmas.n; i++) {
		struct vma *v = old->vmas.v[i];

		if (!(v->flags & VM_DONTCOPY) && !copy_vma(cur, mm, v))
			return false;
	}
	return true;
}

struct mm *mm_fork(struct task *cur, struct process *p)
{
	struct kernel *k = cur->k;
	struct mm *old = cur->mm, *mm;
	bool done;

	task_charge(cur, CYCLES_syscall, k->cost.fork);
	mm = mm_new(cur, p);
	if (!mm)
		return NULL;
	mm->start_brk = old->start_brk;
	mm->brk = old->brk;
	mm->mmap_base = old->mmap_base;
	mm->stack_top = old->stack_top;
	mm->on_demand = old->on_demand;
	mm->def_flags = old->def_flags & VM_NOHUGEPAGE; /* VM_INIT_DEF_MASK */
	mmap_write_lock(cur, old);
	done = dup_mmap(cur, mm, old);
	if (k->hooks.tlb_flush)
		k->hooks.tlb_flush(k->hooks.ctx, cur, old, 0, USER_ADDRESS_END);
	mmap_write_unlock(cur, old);
	numa_balancing_fork(cur, mm);
	if (done)
		return mm;
	mm_put(cur, mm);
	return NULL;
}

/* exit_mmap */
static void unmap_all(struct task *cur, struct mm *mm)
{
	struct vma **gone;
	struct gather g;
	size_t n;

	lru_drain(cur);
	gather_init(&g, cur, mm, true);
	for (size_t i = 0; i < mm->vmas.n; i++)
		zap_range(&g, mm->vmas.v[i], mm->vmas.v[i]->start, mm->vmas.v[i]->end);
	zap_tables(cur, mm, 0, USER_ADDRESS_END, 0, 0);
	gather_finish(&g);
	n = vma_detach(&mm->vmas, 0, USER_ADDRESS_END, &gone);
	for (size_t i = 0; i < n; i++) {
		if (gone[i]->flags & VM_ACCOUNT)
			commit_sub(cur->k, vma_pages(gone[i]));
		mapping_free(cur, gone[i]);
	}
	mem_free(gone);
}

void mm_put(struct task *cur, struct mm *mm)
{
	struct table_ctx ctx = {cur, mm};

	CHECK(mm->users > 0, "address space %u has no user", mm->id);
	if (--mm->users)
		return;
	if (mm->thp_registered) { /* khugepaged_exit: waits while khugepaged works on it */
		if (cur->k->mms->thp_at == mm) {
			mmap_write_lock(cur, mm);
			mmap_write_unlock(cur, mm);
		}
		mm_unwatch(cur->k->mms, mm);
	}
	unmap_all(cur, mm);
	if (mm->huge_zero)
		cur->k->huge_zero_users--;
	pgtable_release(&mm->pt, &alloc_table_ops, &ctx);
	kernel_object_free(cur, SLAB_CACHE_MM_STRUCT, mm->slab);
	if (mm->process && mm->process->mm == mm)
		mm->process->mm = NULL;
	mm_table_del(cur->k->mms, mm);
}
