/*
 * fault.c - page faults: from an address to the kind of fault.
 *
 * Modelled after arch/x86/mm/fault.c do_user_addr_fault, mm/memory.c handle_mm_fault, handle_pte_fault,
 * mm_account_fault, mm/mmap.c expand_stack, mm/gup.c populate_vma_page_range with FOLL_TOUCH; Linux 6.1.
 *
 * Not modelled: NUMA hinting faults on huge entries, userfaultfd, protection keys; a fault keeps the
 * mmap_lock while it waits for a device.
 */
#include "models/kernel/fault.h"

#include <stdio.h>

#include "models/kernel/errno.h"
#include "models/kernel/fault/parts.h"
#include "models/kernel/mapping.h"
#include "models/kernel/mmaplock.h"
#include "models/kernel/numa_balancing.h"
#include "models/kernel/fault/thp.h"

#define STACK_LIMIT (UINT64_C(8) << 20)
#define STACK_GUARD (UINT64_C(256) << PAGE_SHIFT)

static bool take_table(struct fault *f)
{
	struct table_ctx ctx = {f->cur, f->mm};

	f->table = pgtable_ensure(&f->mm->pt, f->addr, 1, &alloc_table_ops, &ctx);
	return f->table != NULL;
}

bool fault_walk(struct fault *f)
{
	f->slot = ptable_index(f->addr, 1);
	if (!take_table(f))
		return false;
	f->orig = f->table->e[f->slot];
	return true;
}

bool fault_unchanged(struct fault *f)
{
	f->table = pgtable_table(&f->mm->pt, f->addr, 1);
	return f->table && f->table->e[f->slot] == f->orig;
}

/* expand_stack: a touch below a stack mapping extends it, within the limit and away from its lower neighbour
 * when that can be accessed. */
static struct vma *grow_stack(struct task *cur, struct vma *v, vaddr_t addr)
{
	struct vma *prev = vma_prev(&cur->mm->vmas, v);
	vaddr_t start = addr & PAGE_MASK;
	uint64_t pages = (v->start - start) >> PAGE_SHIFT;

	if (v->end - start > STACK_LIMIT ||
	    (prev && start < prev->end + STACK_GUARD && !(prev->flags & VM_GROWSDOWN) &&
	     prev->flags & (VM_READ | VM_WRITE | VM_EXEC)))
		return NULL;
	if (v->flags & VM_ACCOUNT && !commit_add(cur->k, cur->mm, pages))
		return NULL;
	v->start = start;
	v->pgoff -= pages;
	mapping_account(cur->mm, v->flags, (int64_t)pages);
	if (v->flags & VM_LOCKED)
		cur->mm->locked_vm += pages;
	cur->process->stats.stack_growths++;
	return v;
}

static struct vma *find_mapping(struct task *cur, vaddr_t addr)
{
	struct mm *mm = cur->mm;
	struct vma *v = vma_find(&mm->vmas, addr);

	if (v && v->start <= addr)
		return v;
	if (mm->on_demand) {
		mmap_read_unlock(cur, mm); /* making a mapping needs the lock for writing */
		mmap_write_lock(cur, mm);
		v = mm_map_on_demand(cur, addr);
		mmap_write_unlock(cur, mm);
		mmap_read_lock(cur, mm);
		return vma_at(&mm->vmas, addr);
	}
	return v && v->flags & VM_GROWSDOWN ? grow_stack(cur, v, addr) : NULL;
}

static bool allowed(const struct vma *v, unsigned flags)
{
	if (flags & FAULT_WRITE)
		return v->flags & VM_WRITE;
	if (flags & FAULT_EXEC)
		return v->flags & VM_EXEC;
	return v->flags & (VM_READ | VM_WRITE | VM_EXEC);
}

/* __handle_mm_fault, handle_pte_fault */
static enum fault_result dispatch(struct fault *f)
{
	enum thp_result huge = thp_fault(f);
	pte_t e;

	if (huge != THP_SMALL)
		return huge == THP_DONE ? FAULT_DONE : FAULT_OOM;
	if (!fault_walk(f))
		return FAULT_OOM;
	e = f->orig;
	if (pte_none(e))
		return f->vma->file ? fault_file(f) : fault_anon(f);
	if (pte_is_swap(e))
		return fault_swap(f);
	if (e & PTE_PROTNONE && f->k->params.numa_balancing) {
		numa_balancing_fault(f->cur, f->vma, f->addr);
		return FAULT_DONE;
	}
	if (e & PTE_PROTNONE && !(e & PTE_PRESENT)) { /* the mapping allows it again: restore */
		f->table->e[f->slot] = fault_pte(f, pte_pfn(e), false) | (e & (PTE_DIRTY | PTE_SPECIAL));
		f->orig = f->table->e[f->slot];
	}
	if (f->flags & FAULT_WRITE && !(f->orig & PTE_WRITE))
		return fault_wp(f);
	f->table->e[f->slot] |= PTE_ACCESSED | (f->flags & FAULT_WRITE ? PTE_DIRTY : 0);
	f->cur->process->stats.spurious_faults++;
	return FAULT_DONE;
}

static void account(struct fault *f)
{
	struct process_stats *s = &f->cur->process->stats;
	uint64_t rss = mm_rss(f->mm);

	if (f->major) {
		s->maj_flt++;
		f->vma->stats.maj_flt++;
	} else {
		s->min_flt++;
		f->vma->stats.min_flt++;
	}
	if (rss > f->mm->peak_rss)
		f->mm->peak_rss = rss;
}

static enum fault_result handle_mm_fault(struct task *cur, struct vma *v, vaddr_t addr, unsigned flags)
{
	struct fault f = {
		.cur = cur, .k = cur->k, .mm = cur->mm, .vma = v, .addr = addr & PAGE_MASK, .flags = flags};
	enum fault_result r;

	memcg_count_event(cur->k, cur->mm->memcg, VMEV_PGFAULT, 1);
	task_charge(cur, CYCLES_fault, cur->k->cost.fault);
	cur->in_lru_fault = !(v->flags & (VM_SEQ_READ | VM_RAND_READ));
	r = dispatch(&f);
	cur->in_lru_fault = false;
	if (r == FAULT_DONE) {
		account(&f);
		if (f.major)
			r = FAULT_MAJOR;
	}
	return r;
}

static enum fault_result bad_access(struct task *cur, vaddr_t addr, const char *why)
{
	char scope[32], detail[80];

	snprintf(scope, sizeof scope, "process/%.22s", cur->process->name);
	snprintf(detail, sizeof detail, "{\"why\":\"%s\"}", why);
	cur->process->stats.sigsegv++;
	kernel_event(cur->k, KEV_SIGSEGV, scope, (int64_t)addr, detail);
	return FAULT_SIGSEGV;
}

enum fault_result fault_handle(struct task *cur, vaddr_t addr, unsigned flags)
{
	struct mm *mm = cur->mm;
	enum fault_result r;
	struct vma *v;

	if (addr >= USER_ADDRESS_END)
		return bad_access(cur, addr, "the address lies beyond user space");
	mmap_read_lock(cur, mm);
	v = find_mapping(cur, addr);
	if (!v)
		r = bad_access(cur, addr, "no mapping");
	else if (!allowed(v, flags))
		r = bad_access(cur, addr,
			       flags & FAULT_WRITE  ? "the mapping is not writable"
			       : flags & FAULT_EXEC ? "the mapping is not executable"
						    : "the mapping is not readable");
	else
		r = handle_mm_fault(cur, v, addr, flags);
	if (r == FAULT_SIGBUS) {
		char scope[32];

		snprintf(scope, sizeof scope, "process/%.22s", cur->process->name);
		cur->process->stats.sigbus++;
		kernel_event(cur->k, KEV_SIGBUS, scope, (int64_t)addr, NULL);
	}
	mmap_read_unlock(cur, mm);
	return r;
}

/* The entry that maps addr, small or huge; NULL when there is none. */
static pte_t *entry_at(struct task *cur, vaddr_t addr)
{
	struct ptable *t = pgtable_table(&cur->mm->pt, addr, 2);
	pte_t *e = t ? &t->e[ptable_index(addr, 2)] : NULL;

	return e && *e & PTE_HUGE ? e : pgtable_find(&cur->mm->pt, addr);
}

/* follow_page_mask with FOLL_TOUCH: true when the page is there as wanted; it is marked accessed. */
static bool touch_present(struct task *cur, vaddr_t addr, bool write)
{
	pte_t *e = entry_at(cur, addr);

	if (!e || !(*e & PTE_PRESENT) || (write && !(*e & PTE_WRITE)))
		return false;
	if (*e & PTE_HUGE) { /* touch_pmd */
		*e |= PTE_ACCESSED | (write ? PTE_DIRTY : 0);
	} else if (!(*e & PTE_SPECIAL)) {
		pfn_t pfn = page_head(cur->k->memory, pte_pfn(*e));
		struct frame *f = frame_of(cur->k->memory, pfn);

		if (write && !(*e & PTE_DIRTY) && f->flags & FR_ANON)
			f->flags |= FR_DIRTY;
		lru_mark_accessed(cur, pfn);
	}
	return true;
}

int64_t fault_populate(struct task *cur, struct vma *vma, vaddr_t start, vaddr_t end, bool write)
{
	unsigned flags = write ? FAULT_WRITE : 0;

	for (vaddr_t a = start & PAGE_MASK; a < end; a += PAGE_SIZE) {
		unsigned tries = 0;

		while (!touch_present(cur, a, write)) {
			enum fault_result r;

			if (cur->process->killed || ++tries > 16)
				return -LINUX_ENOMEM;
			if (!allowed(vma, flags))
				return -LINUX_EFAULT;
			r = handle_mm_fault(cur, vma, a, flags);
			if (r == FAULT_SIGSEGV || r == FAULT_SIGBUS)
				return -LINUX_EFAULT;
			if (r == FAULT_OOM || r == FAULT_KILLED)
				return -LINUX_ENOMEM;
		}
	}
	return 0;
}
