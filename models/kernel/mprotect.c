/*
 * mprotect.c - changing the rights of mappings.
 *
 * After mm/mprotect.c (do_mprotect_pkey, mprotect_fixup, change_pte_range, can_change_pte_writable) and
 * arch/x86/include/asm/tlbflush.h (pte_needs_flush) of Linux 6.1. Entries get the mapping's new rights; write
 * permission of private pages is left to the next write fault, but for pages that are dirty and exclusively
 * this process's already. cost.change_page an entry.
 *
 * Not modelled: protection keys, PROT_SEM, READ_IMPLIES_EXEC, soft-dirty and userfaultfd bits.
 */
#include "models/kernel/mmap.h"

#include "models/kernel/thp_split.h"

#define PROT_SEM       8u
#define PROT_GROWSDOWN 0x01000000u
#define PROT_GROWSUP   0x02000000u
#define PTE_RIGHTS     (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_PROTNONE | PTE_NX)

struct change {
	struct gather *g;
	struct vma *v;
	pte_t rights;
	bool try_writable;
};

static bool can_change_writable(const struct change *c, pte_t e)
{
	const struct frame *f = frame_of(c->g->cur->k->memory, pte_pfn(e)); /* a part's own flag */

	if (e & PTE_PROTNONE || !(e & PTE_DIRTY))
		return false;
	if (c->v->flags & VM_SHARED)
		return true;
	return !(e & PTE_SPECIAL) && f->flags & FR_EXCLUSIVE; /* anonymous only */
}

static void change_entry(struct change *c, struct ptable *t, unsigned i, vaddr_t va, uint64_t bytes)
{
	pte_t old = t->e[i], new = (old & ~PTE_RIGHTS) | c->rights;

	if (c->try_writable && !(new &PTE_WRITE) && can_change_writable(c, new))
		new |= PTE_WRITE;
	t->e[i] = new;
	task_charge(c->g->cur, CYCLES_syscall, c->g->cur->k->cost.change_page);
	if (old & PTE_PRESENT && old != new)
		gather_range(c->g, va, va + bytes);
}

static void change_table(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	struct change *c = arg;

	if (t->level == 2) {
		if (last - first == HUGE_PAGE_SIZE) {
			vm_event(c->g->cur->k->memory, VMEV_NUMA_HUGE_PTE_UPDATES,
				 1); /* whoever changes it */
			change_entry(c, t, ptable_index(first, 2), first, HUGE_PAGE_SIZE);
			return;
		}
		/* without memory for the split the whole page gets the new rights; faults put that right */
		if (!thp_split_entry(c->g->cur, c->g->mm, first)) {
			change_entry(c, t, ptable_index(first, 2), first & ~(HUGE_PAGE_SIZE - 1),
				     HUGE_PAGE_SIZE);
			return;
		}
		t = pgtable_table(&c->g->mm->pt, first, 1);
	}
	for (vaddr_t va = first; t && va < last; va += PAGE_SIZE)
		if (pte_present(t->e[ptable_index(va, 1)]))
			change_entry(c, t, ptable_index(va, 1), va, PAGE_SIZE);
}

static void change_protection(struct gather *g, struct vma *v, vaddr_t start, vaddr_t end)
{
	struct change c = {.g = g, .v = v, .rights = mapping_pte_bits(v)};
	bool writable = v->flags & VM_WRITE;

	c.try_writable = writable && !(v->flags & VM_SHARED && v->file && v->file->shmem);
	pgtable_for_each(&g->mm->pt, start, end, change_table, &c);
}

static int64_t mprotect_fixup(struct gather *g, struct vma **v, vaddr_t start, vaddr_t end, uint32_t newflags)
{
	struct mm *mm = g->mm;
	uint32_t oldflags = (*v)->flags;
	uint64_t pages = (end - start) >> PAGE_SHIFT, charged = 0;
	int64_t err;

	if (newflags == oldflags)
		return 0;
	if (newflags & VM_WRITE && !(oldflags & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE))) {
		charged = pages;
		if (!commit_add(g->cur->k, mm, charged))
			return -LINUX_ENOMEM;
		newflags |= VM_ACCOUNT;
	}
	err = mapping_change(g->cur, mm, v, start, end, newflags, (*v)->policy);
	if (err) {
		commit_sub(g->cur->k, charged);
		return err;
	}
	change_protection(g, *v, start, end);
	if ((oldflags & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED && newflags & VM_WRITE)
		(void)mm_populate_vma(g->cur, *v, start, end);
	mapping_account(mm, oldflags, -(int64_t)pages);
	mapping_account(mm, newflags, (int64_t)pages);
	return 0;
}

/* All of [start, end), where v is the first mapping. */
static int64_t protect_range(struct gather *g, struct vma *v, vaddr_t start, vaddr_t end, uint32_t prot)
{
	for (;;) {
		uint32_t newflags = prot | (v->flags & ~VM_ACCESS_FLAGS);
		vaddr_t to = MIN_OF(end, v->end);
		int64_t err;

		if (newflags & ~(newflags >> 4) & VM_ACCESS_FLAGS) /* VM_MAYx lie four bits above VM_x */
			return -LINUX_EACCES;
		err = mprotect_fixup(g, &v, start, to, newflags);
		if (err)
			return err;
		start = MAX_OF(to, v->end);
		if (start >= end)
			return 0;
		v = vma_at(&g->mm->vmas, start);
		if (!v)
			return -LINUX_ENOMEM;
	}
}

int64_t sys_mprotect(struct task *cur, vaddr_t addr, uint64_t len, unsigned prot)
{
	struct mm *mm = cur->mm;
	unsigned grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	vaddr_t end = addr + page_align(len);
	struct gather g;
	struct vma *v;
	int64_t err = -LINUX_ENOMEM;

	task_charge(cur, CYCLES_syscall, cur->k->cost.mmap);
	prot &= ~grows;
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || addr & ~PAGE_MASK)
		return -LINUX_EINVAL;
	if (!len)
		return 0;
	if (end <= addr)
		return -LINUX_ENOMEM;
	if (prot & ~(VM_ACCESS_FLAGS | PROT_SEM))
		return -LINUX_EINVAL;
	mmap_write_lock(cur, mm);
	gather_init(&g, cur, mm, false);
	v = vma_find(&mm->vmas, addr);
	if (v && grows & PROT_GROWSDOWN && v->start < end) {
		addr = v->start;
		err = v->flags & VM_GROWSDOWN ? 0 : -LINUX_EINVAL;
	} else if (v && v->start <= addr) {
		err = grows & PROT_GROWSUP ? -LINUX_EINVAL : 0; /* no mapping grows upwards on x86 */
	}
	if (!err)
		err = protect_range(&g, v, addr, end, prot & VM_ACCESS_FLAGS);
	gather_finish(&g);
	mmap_write_unlock(cur, mm);
	return err;
}
