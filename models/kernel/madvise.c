/*
 * madvise.c - advice about mappings.
 *
 * After mm/madvise.c (do_madvise, madvise_walk_vmas, madvise_cold_or_pageout_pte_range,
 * madvise_free_pte_range, madvise_willneed, madvise_remove, madvise_populate), mm/khugepaged.c
 * (hugepage_madvise) of Linux 6.1. cost.change_page an entry looked at by COLD, PAGEOUT and FREE.
 *
 * COLD, PAGEOUT and FREE take a huge page whole when all of it is meant, and split it when a part is and
 * nobody else maps it.
 *
 * Not modelled: KSM (MERGEABLE is accepted without effect), MADV_COLLAPSE and memory failure injection
 * (EINVAL, as in a kernel built without them), the kernel's check that the caller could open the file for
 * writing before PAGEOUT.
 */
#include "models/kernel/mmap.h"

#include "models/kernel/reclaim.h"
#include "models/kernel/sched.h"
#include "models/kernel/thp_split.h"

enum {
	MADV_NORMAL = 0,
	MADV_RANDOM = 1,
	MADV_SEQUENTIAL = 2,
	MADV_WILLNEED = 3,
	MADV_DONTNEED = 4,
	MADV_FREE = 8,
	MADV_REMOVE = 9,
	MADV_DONTFORK = 10,
	MADV_DOFORK = 11,
	MADV_MERGEABLE = 12,
	MADV_UNMERGEABLE = 13,
	MADV_HUGEPAGE = 14,
	MADV_NOHUGEPAGE = 15,
	MADV_DONTDUMP = 16,
	MADV_DODUMP = 17,
	MADV_WIPEONFORK = 18,
	MADV_KEEPONFORK = 19,
	MADV_COLD = 20,
	MADV_PAGEOUT = 21,
	MADV_POPULATE_READ = 22,
	MADV_POPULATE_WRITE = 23,
	MADV_DONTNEED_LOCKED = 24
};

/* One advice on its way through the mappings. */
struct advice {
	struct task *cur;
	struct mm *mm;
	int advice;
	struct gather *g; /* for the walks over pages */
	struct vma *vma;
};

/* ---- COLD, PAGEOUT ---- */

static void make_old(struct advice *a, struct ptable *t, unsigned i, vaddr_t va, uint64_t bytes, pte_t bits)
{
	if (t->e[i] & bits) {
		t->e[i] &= ~bits;
		gather_range(a->g, va, va + bytes);
	}
}

/* isolate_lru_page, and back when it is unevictable. */
static bool isolate(struct advice *a, pfn_t pfn)
{
	struct kernel *k = a->cur->k;

	if (!lru_isolate(k, pfn))
		return false;
	if (!(frame_of(k->memory, pfn)->flags & FR_UNEVICTABLE))
		return true;
	lru_putback(a->cur, pfn);
	return false;
}

/* Takes apart the huge page that pfn is of; false when it could not. */
static bool split_page(struct advice *a, pfn_t pfn)
{
	struct kernel *k = a->cur->k;
	pfn_t head = page_head(k->memory, pfn);
	bool done;

	frame_get(k, head);
	done = thp_split_page(a->cur, head, NULL);
	frame_put(k, a->cur->exec->cpu, head);
	return done;
}

/* A huge entry, all of which is meant; others' pages are left alone. */
static void cold_huge(struct advice *a, struct ptable *t, vaddr_t va)
{
	unsigned i = ptable_index(va, 2);
	pfn_t head = pte_pfn(t->e[i]);

	task_charge(a->cur, CYCLES_syscall, a->cur->k->cost.change_page);
	make_old(a, t, i, va, HUGE_PAGE_SIZE, PTE_ACCESSED);
	frame_of(a->cur->k->memory, head)->flags &= ~(uint32_t)FR_REFERENCED;
	if (a->advice == MADV_COLD)
		lru_deactivate(a->cur, head);
	else if (isolate(a, head))
		reclaim_pages(a->cur, &head, 1);
}

/* The leaf to go on with when the huge entry was split or is none; NULL when it was dealt with. */
static struct ptable *cold_entry(struct advice *a, struct ptable *t, vaddr_t first, vaddr_t last)
{
	pte_t e;

	if (t->level == 1)
		return t;
	e = t->e[ptable_index(first, 2)];
	if (!pte_present(e) || e & PTE_SPECIAL ||
	    frames_mapcount(&a->cur->k->memory->frames, pte_pfn(e)) != 1)
		return NULL;
	if (last - first == HUGE_PAGE_SIZE) {
		cold_huge(a, t, first);
		return NULL;
	}
	return split_page(a, pte_pfn(e)) ? pgtable_table(&a->mm->pt, first, 1) : NULL;
}

static void cold_table(void *arg, struct ptable *table, vaddr_t first, vaddr_t last)
{
	struct advice *a = arg;
	struct kernel *k = a->cur->k;
	struct ptable *t = cold_entry(a, table, first, last);
	pfn_t out[PTABLE_ENTRIES];
	unsigned n = 0;

	for (vaddr_t va = first; t && va < last; va += PAGE_SIZE) {
		unsigned i = ptable_index(va, 1);
		pte_t e = t->e[i];
		struct frame *f;

		if (!pte_present(e) || e & PTE_SPECIAL)
			continue;
		task_charge(a->cur, CYCLES_syscall, k->cost.change_page);
		f = frame_of(k->memory, pte_pfn(e));
		if (f->flags & (FR_HEAD | FR_TAIL) &&
		    (frames_mapcount(&k->memory->frames, pte_pfn(e)) != 1 || !split_page(a, pte_pfn(e))))
			break;
		if (!(f->flags & FR_LRU) || f->mapcount != 1)
			continue;
		make_old(a, t, i, va, PAGE_SIZE, PTE_ACCESSED);
		f->flags &= ~(uint32_t)FR_REFERENCED;
		if (a->advice == MADV_COLD)
			lru_deactivate(a->cur, pte_pfn(e));
		else if (isolate(a, pte_pfn(e)))
			out[n++] = pte_pfn(e);
	}
	if (n)
		reclaim_pages(a->cur, out, n);
	if (k->sched)
		sched_cond(a->cur);
}

/* ---- FREE ---- */

/* Whether the page may be dropped without writing it: it is this process's alone, its dirty flag and slot go.
 */
static bool clean_for_free(struct task *cur, pfn_t pfn)
{
	struct frame *f = frame_of(cur->k->memory, pfn);

	if (!(f->flags & (FR_SWAPCACHE | FR_DIRTY)))
		return true;
	if (f->flags & FR_LOCKED || f->mapcount != 1)
		return false;
	if (f->flags & FR_SWAPCACHE && !swap_try_to_free(cur, pfn))
		return false;
	f->flags &= ~(uint32_t)FR_DIRTY;
	return true;
}

/* madvise_free_huge_pmd: the leaf to go on with, NULL when the huge entry was dealt with. */
static struct ptable *free_entry(struct advice *a, struct ptable *t, vaddr_t first, vaddr_t last)
{
	unsigned i = ptable_index(first, 2);
	struct frame *f;
	pte_t e;

	if (t->level == 1)
		return t;
	e = t->e[i];
	f = frame_of(a->cur->k->memory, pte_pfn(e));
	if (!pte_present(e) || e & PTE_SPECIAL || f->mapcount != 1 || f->flags & FR_LOCKED)
		return NULL;
	if (last - first != HUGE_PAGE_SIZE)
		return split_page(a, pte_pfn(e)) ? pgtable_table(&a->mm->pt, first, 1) : NULL;
	task_charge(a->cur, CYCLES_syscall, a->cur->k->cost.change_page);
	f->flags &= ~(uint32_t)FR_DIRTY;
	make_old(a, t, i, first, HUGE_PAGE_SIZE, PTE_ACCESSED | PTE_DIRTY);
	lru_lazyfree(a->cur, pte_pfn(e));
	return NULL;
}

/* A part of a huge page: true when it is a page of its own now. */
static bool free_part(struct advice *a, pfn_t pfn)
{
	const struct memory *m = a->cur->k->memory;

	if (!frame_has(&m->frames.f[pfn], FR_HEAD | FR_TAIL))
		return true;
	/* folio_estimated_sharers: the first page's */
	return frames_mapcount(&m->frames, page_head(m, pfn)) == 1 && split_page(a, pfn);
}

static void free_table(void *arg, struct ptable *table, vaddr_t first, vaddr_t last)
{
	struct advice *a = arg;
	struct kernel *k = a->cur->k;
	struct ptable *t = free_entry(a, table, first, last);

	for (vaddr_t va = first; t && va < last; va += PAGE_SIZE) {
		unsigned i = ptable_index(va, 1);
		pte_t e = t->e[i];

		if (pte_present(e) && !(e & PTE_SPECIAL) && !free_part(a, pte_pfn(e)))
			break;
		if (pte_none(e) || e & PTE_SPECIAL)
			continue;
		task_charge(a->cur, CYCLES_syscall, k->cost.change_page);
		if (!pte_present(e)) {
			ptable_set(t, i, 0);
			a->mm->rss[MM_SWAPENTS]--;
			swap_put_and_cache(a->cur, pte_swap_entry(e));
		} else if (clean_for_free(a->cur, pte_pfn(e))) {
			make_old(a, t, i, va, PAGE_SIZE, PTE_ACCESSED | PTE_DIRTY);
			lru_lazyfree(a->cur, pte_pfn(e));
		}
	}
	if (k->sched)
		sched_cond(a->cur);
}

/* Walks [start, end) of v with fn behind a drain of this CPU's batches, and one TLB flush at the end. */
static void walk_pages(struct advice *a, struct vma *v, vaddr_t start, vaddr_t end,
		       void (*fn)(void *arg, struct ptable *t, vaddr_t first, vaddr_t last))
{
	struct gather g;

	lru_drain(a->cur);
	gather_init(&g, a->cur, a->mm, false);
	a->g = &g;
	a->vma = v;
	pgtable_for_each(&a->mm->pt, start, end, fn, a);
	gather_finish(&g);
}

/* ---- WILLNEED ---- */

static void swapin_leaf(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	struct advice *a = arg;

	for (vaddr_t va = first; t->level == 1 && va < last; va += PAGE_SIZE) {
		pte_t e = t->e[ptable_index(va, 1)];
		pfn_t pfn;

		if (!pte_is_swap(e))
			continue;
		pfn = swapin_one(a->cur, a->vma, va, pte_swap_entry(e));
		if (pfn != PFN_NONE)
			frame_put(a->cur->k, a->cur->exec->cpu, pfn);
	}
}

static void willneed_shmem(struct advice *a, struct vma *v, vaddr_t start, vaddr_t end)
{
	for (vaddr_t va = start; va < end; va += PAGE_SIZE) {
		struct slot s = pagecache_lookup(v->file, vma_pgoff_at(v, va));
		pfn_t pfn;

		if (!s.swapped)
			continue;
		pfn = swapin_one(a->cur, v, va, s.shadow);
		if (pfn != PFN_NONE)
			frame_put(a->cur->k, a->cur->exec->cpu, pfn);
	}
}

static void willneed(struct advice *a, struct vma *v, vaddr_t start, vaddr_t end)
{
	if (!v->file) {
		a->vma = v;
		pgtable_for_each(&a->mm->pt, start, end, swapin_leaf, a);
		lru_drain(a->cur);
	} else if (v->file->shmem) {
		willneed_shmem(a, v, start, end);
		lru_drain(a->cur);
	} else {
		filemap_readahead(a->cur, v->file, vma_pgoff_at(v, start), (end - start) >> PAGE_SHIFT);
	}
}

/* ---- REMOVE ---- */

static int64_t advise_remove(struct advice *a, struct vma *v, vaddr_t start, vaddr_t end)
{
	struct file *f = v->file;
	uint64_t first = vma_pgoff_at(v, start), last = vma_pgoff_at(v, end - 1);

	if (v->flags & VM_LOCKED || !f)
		return -LINUX_EINVAL;
	if ((v->flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE))
		return -LINUX_EACCES;
	if (f->shmem)
		thp_split_file_range(a->cur, f, first, last);
	zap_file_range(a->cur, f, first, last);
	pagecache_truncate_range(a->cur, f, first, last);
	return 0;
}

/* ---- one mapping ---- */

/* The flags that an advice leaves; false for an advice that is not about flags. */
static bool advised_flags(int advice, uint32_t *flags)
{
	static const struct {
		int advice;
		uint32_t clear, set;
	} rows[] = {
		{MADV_NORMAL, VM_RAND_READ | VM_SEQ_READ, 0},
		{MADV_SEQUENTIAL, VM_RAND_READ, VM_SEQ_READ},
		{MADV_RANDOM, VM_SEQ_READ, VM_RAND_READ},
		{MADV_DONTFORK, 0, VM_DONTCOPY},
		{MADV_DOFORK, VM_DONTCOPY, 0},
		{MADV_WIPEONFORK, 0, VM_WIPEONFORK},
		{MADV_KEEPONFORK, VM_WIPEONFORK, 0},
		{MADV_DONTDUMP, 0, VM_DONTDUMP},
		{MADV_DODUMP, VM_DONTDUMP, 0},
		{MADV_MERGEABLE, 0, 0},
		{MADV_UNMERGEABLE, 0, 0},
		{MADV_HUGEPAGE, VM_NOHUGEPAGE, VM_HUGEPAGE},
		{MADV_NOHUGEPAGE, VM_HUGEPAGE, VM_NOHUGEPAGE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].advice == advice) {
			*flags = (*flags & ~rows[i].clear) | rows[i].set;
			return true;
		}
	return false;
}

static bool advice_exists(int advice)
{
	uint32_t flags = 0;

	switch (advice) {
	case MADV_REMOVE:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return true;
	default:
		return advised_flags(advice, &flags);
	}
}

static int64_t advise_populate(struct advice *a, struct vma *v, vaddr_t start, vaddr_t end)
{
	bool write = a->advice == MADV_POPULATE_WRITE;

	if (!(v->flags & (write ? VM_WRITE : VM_ACCESS_FLAGS)))
		return -LINUX_EINVAL; /* faultin_vma_page_range: no rights */
	return fault_populate(a->cur, v, start, end, write);
}

static int64_t advise_flags(struct advice *a, struct vma **v, vaddr_t start, vaddr_t end)
{
	uint32_t flags = (*v)->flags;
	int64_t err;

	(void)advised_flags(a->advice, &flags);
	if (a->advice == MADV_WIPEONFORK && ((*v)->file || (*v)->flags & VM_SHARED))
		return -LINUX_EINVAL;
	if (a->advice == MADV_HUGEPAGE && (*v)->anon_vma && !(*v)->file &&
	    a->cur->k->params.thp_enabled != THP_NEVER && mm_watch(a->cur->k->mms, a->mm))
		sched_wake(a->cur->k, WAIT_KEY(WAIT_KHUGEPAGED, 0), task_now(a->cur));
	if (flags == (*v)->flags)
		return 0;
	err = mapping_change(a->cur, a->mm, v, start, end, flags, (*v)->policy);
	return err == -LINUX_ENOMEM ? -LINUX_EAGAIN : err;
}

/* madvise_vma_behavior. *v may become another VMA that covers [start, end). */
static int64_t advise_vma(struct advice *a, struct vma **v, vaddr_t start, vaddr_t end)
{
	bool locked = (*v)->flags & VM_LOCKED;
	struct gather g;

	switch (a->advice) {
	case MADV_REMOVE:
		return advise_remove(a, *v, start, end);
	case MADV_WILLNEED:
		willneed(a, *v, start, end);
		return 0;
	case MADV_COLD:
	case MADV_PAGEOUT:
		if (locked)
			return -LINUX_EINVAL;
		walk_pages(a, *v, start, end, cold_table);
		return 0;
	case MADV_FREE:
		if (locked || !vma_is_anonymous(*v))
			return -LINUX_EINVAL;
		walk_pages(a, *v, start, end, free_table);
		return 0;
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		if (locked && a->advice == MADV_DONTNEED)
			return -LINUX_EINVAL;
		lru_drain(a->cur);
		gather_init(&g, a->cur, a->mm, false);
		zap_range(&g, *v, start, end);
		gather_finish(&g);
		return 0;
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return advise_populate(a, *v, start, end);
	default:
		return advise_flags(a, v, start, end);
	}
}

/* madvise_walk_vmas: unmapped parts are passed over, but reported at the end. */
static int64_t walk_vmas(struct advice *a, vaddr_t start, vaddr_t end)
{
	struct vma *v = vma_find(&a->mm->vmas, start);
	int64_t unmapped = 0, err;

	while (v && start < end) {
		if (start < v->start) {
			unmapped = -LINUX_ENOMEM;
			start = v->start;
			if (start >= end)
				return unmapped;
		}
		err = advise_vma(a, &v, start, MIN_OF(end, v->end));
		if (err)
			return err;
		start = MAX_OF(start, v->end);
		v = vma_find(&a->mm->vmas, start);
	}
	return start < end ? -LINUX_ENOMEM : unmapped;
}

int64_t sys_madvise(struct task *cur, vaddr_t addr, uint64_t len, int advice)
{
	struct advice a = {.cur = cur, .mm = cur->mm, .advice = advice};
	struct swap_plug plug;
	vaddr_t end = addr + page_align(len);
	uint32_t flags = 0;
	int64_t err;

	task_charge(cur, CYCLES_syscall, cur->k->cost.mmap);
	if (!advice_exists(advice) || addr & ~PAGE_MASK || (len && !page_align(len)) || end < addr)
		return -LINUX_EINVAL;
	if (end == addr)
		return 0;
	if (advised_flags(advice, &flags)) {
		mmap_write_lock(cur, a.mm);
		err = walk_vmas(&a, addr, end);
		mmap_write_unlock(cur, a.mm);
	} else {
		mmap_read_lock(cur, a.mm);
		swap_plug_start(cur, &plug);
		err = walk_vmas(&a, addr, end);
		swap_plug_finish(cur, &plug);
		mmap_read_unlock(cur, a.mm);
	}
	return err;
}
