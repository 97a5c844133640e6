/*
 * vm_fixture.h - a whole modelled kernel with one task outside any fiber, for tests of what stands on it.
 */
#ifndef TESTS_UNIT_VM_FIXTURE_H
#define TESTS_UNIT_VM_FIXTURE_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel/fork.h"
#include "models/kernel/lru.h"
#include "models/kernel/rmap.h"
#include "models/kernel/sched.h"
#include "models/kernel/swap.h"
#include "models/kernel/thp_split.h"

#define BED_CPUS 4

struct bed {
	struct param_set ps;
	struct zone_params zp;
	struct topology_params tp;
	struct swap_params sp;
	struct sched_params schp;
	struct topology topo;
	struct memory mem;
	struct eventq q;
	struct kernel k;
	struct exec x[BED_CPUS], *xp[BED_CPUS];
	struct mm_table mms;
	struct blkdev dev;
	struct process proc[8];
	unsigned nr_proc;
	struct task *t; /* of proc[0] */
	/* what the TLB hook saw */
	unsigned flushes;
	vaddr_t flush_start, flush_end;
	struct err e;
};

static inline void bed_flush(void *ctx, struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end)
{
	struct bed *b = ctx;

	(void)cur;
	(void)mm;
	b->flushes++;
	b->flush_start = start;
	b->flush_end = end;
}

static inline pfn_t bed_slab_alloc(void *cur, gfp_t gfp, unsigned order)
{
	return alloc_pages(cur, gfp, order);
}

static inline void bed_slab_free(void *cur, pfn_t pfn, unsigned order)
{
	free_pages(cur, pfn, order);
}

static inline void bed_params(struct bed *b, va_list ap)
{
	const char *s;
	int r = 0;

	param_set_init(&b->ps);
	param_set_add(&b->ps, &topology_param_table, &b->tp);
	param_set_add(&b->ps, &zone_param_table, &b->zp);
	param_set_add(&b->ps, &swap_param_table, &b->sp);
	param_set_add(&b->ps, &sched_param_table, &b->schp);
	param_set_add(&b->ps, &kernel_param_table, &b->k.params);
	param_set_add(&b->ps, &cost_param_table, &b->k.cost);
	while (!r && (s = va_arg(ap, const char *)))
		r = param_set_assignment(&b->ps, s, "test", &b->e);
	if (!r)
		r = topology_init(&b->topo, &b->tp, &b->e);
	if (!r)
		r = memory_init(&b->mem, &b->zp, &b->topo, &b->e);
	if (r) {
		fprintf(stderr, "%s\n", b->e.text);
		abort();
	}
}

static inline struct process *bed_process(struct bed *b)
{
	struct process *p = &b->proc[b->nr_proc++];

	p->pid = 100 + b->nr_proc;
	p->live_threads = 1;
	return p;
}

/* Runs as another process's task from now on. */
static inline void bed_become(struct bed *b, struct process *p)
{
	b->t->process = p;
	b->t->mm = p->mm;
}

/* Settings "path=value", up to a NULL. */
static inline void bed_new(struct bed *b, ...)
{
	static const struct slab_page_ops ops = {bed_slab_alloc, bed_slab_free};
	static const struct sched_ops sops;
	struct kernel *k = &b->k;
	const struct blkdev_params disk = {80, 20, 2500, 64};
	struct process *p;
	va_list ap;

	memset(b, 0, sizeof *b);
	va_start(ap, b);
	bed_params(b, ap);
	va_end(ap);
	eventq_init(&b->q);
	k->eventq = &b->q;
	k->memory = &b->mem;
	k->zone_params = b->zp;
	k->mms = &b->mms;
	k->hooks = (struct kernel_hooks){.ctx = b, .tlb_flush = bed_flush, .alloc = alloc_pages_nodemask};
	mm_table_init(&b->mms);
	for (unsigned i = 0; i < b->topo.nr_cpus; i++) {
		b->x[i] = (struct exec){.cpu = i, .nid = b->topo.cpu_nid[i], .clock = &b->topo.cpu_clock};
		b->xp[i] = &b->x[i];
	}
	sched_new(k, &b->schp, &sops, NULL, b->xp, b->topo.nr_cpus);
	blkdev_init(&b->dev, &b->q, &disk);
	k->file_dev = &b->dev;
	k->rmap = rmap_new();
	k->lru = lru_new(b->topo.nr_cpus);
	k->swap = swap_new(k, &b->sp, b->topo.nr_cpus);
	k->pagecache = pagecache_new(k);
	k->writeback = writeback_new(k);
	k->slab = slab_new(&b->mem, b->topo.nr_cpus, &ops);
	p = bed_process(b);
	b->t = sched_task_new(k, "test");
	b->t->process = p;
	b->t->exec = &b->x[0];
	b->t->state = TASK_RUNNING;
	b->x[0].running = b->t;
	k->zero_pfn = alloc_pages(b->t, GFP_KERNEL, 0);
	frame_of(&b->mem, k->zero_pfn)->flags |= FR_ZERO | FR_RESERVED;
	p->mm = mm_new(b->t, p);
	b->t->mm = p->mm;
}

static inline void bed_free(struct bed *b)
{
	struct kernel *k = &b->k;

	for (unsigned i = 0; i < b->nr_proc; i++)
		if (b->proc[i].mm)
			mm_put(b->t, b->proc[i].mm);
	while (eventq_step(&b->q) && b->q.now < 60 * PS_PER_S)
		;
	slab_free_allocator(k->slab);
	writeback_free(k->writeback);
	pagecache_free(k->pagecache);
	swap_free(k->swap);
	lru_free(k->lru);
	rmap_free(k->rmap);
	blkdev_release(&b->dev);
	sched_free(k->sched);
	mm_table_release(&b->mms);
	eventq_release(&b->q);
	memory_release(&b->mem);
	param_set_release(&b->ps);
}

#define BED_SMALL "topology.node_mem=64MiB", "kernel.struct_page_bytes=0"

/* Frames that are neither free nor reserved. */
static inline uint64_t bed_used(struct bed *b)
{
	uint64_t free = memory_free_pages(&b->mem), pcp = 0;

	for (unsigned n = 0; n < b->mem.nr_nodes; n++)
		for (unsigned z = 0; z < NR_ZONES; z++)
			if (b->mem.node[n].zone[z].managed)
				pcp += zone_pcp_count(&b->mem, &b->mem.node[n].zone[z]);
	return b->mem.totalram_pages - free - pcp;
}

/* mmap of private anonymous memory, readable and writable. */
static inline vaddr_t bed_anon(struct bed *b, vaddr_t addr, uint64_t len, unsigned prot, unsigned flags)
{
	const struct mmap_request r = {addr, len, prot, flags | MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0};
	int64_t a = sys_mmap(b->t, &r);

	if (a < 0) {
		fprintf(stderr, "mmap of %" PRIu64 " bytes at %" PRIx64 " failed: %" PRId64 "\n", len, addr,
			a);
		abort();
	}
	return (vaddr_t)a;
}

static inline enum fault_result bed_touch(struct bed *b, vaddr_t va, bool write)
{
	return fault_handle(b->t, va, FAULT_USER | (write ? FAULT_WRITE : 0));
}

/* The n pages from va on, one after the other; all faults succeed. */
static inline void bed_touch_pages(struct bed *b, vaddr_t va, unsigned n, bool write)
{
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(bed_touch(b, va + i * PAGE_SIZE, write), FAULT_DONE);
}

/* n pages of anonymous memory at `at`, written on the node where the task runs and on the LRU lists. */
static inline vaddr_t bed_fill(struct bed *b, vaddr_t at, unsigned n)
{
	vaddr_t a = bed_anon(b, at, n * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_FIXED);

	bed_touch_pages(b, a, n, true);
	lru_drain_all(&b->k);
	return a;
}

/* Every second page of the node becomes unmovable: what is free lies in single pages. */
static inline void bed_shatter(struct bed *b, unsigned nid)
{
	const gfp_t here = GFP_ATOMIC | GFP_BIT_THISNODE | GFP_BIT_NOWARN;
	pfn_t even = PFN_NONE, pfn, next;

	while ((pfn = alloc_pages_node(b->t, nid, here, 0)) != PFN_NONE)
		if (!(pfn & 1)) {
			frame_of(&b->mem, pfn)->private = even;
			even = pfn;
		}
	for (; even != PFN_NONE; even = next) {
		next = (pfn_t)frame_of(&b->mem, even)->private;
		free_pages(b->t, even, 0);
	}
}

static inline pte_t bed_pte(struct bed *b, vaddr_t va)
{
	pte_t *e = pgtable_find(&b->t->mm->pt, va);

	return e ? *e : 0;
}

/*
 * Maps a huge page at va, in a mapping of anonymous memory, as a fault would: with a deposited table, one
 * reference, one reverse mapping. Returns its first frame.
 */
static inline pfn_t bed_map_huge(struct bed *b, vaddr_t va)
{
	const pte_t bits = PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_DIRTY | PTE_ACCESSED | PTE_NX | PTE_HUGE;
	struct mm *mm = b->t->mm;
	struct table_ctx ctx = {b->t, mm};
	pfn_t head = alloc_pages(b->t, GFP_TRANSHUGE, HUGE_PAGE_ORDER);
	struct frame *f;

	ck_assert_uint_ne(head, PFN_NONE);
	f = frame_of(&b->mem, head);
	f->flags |= FR_ANON | FR_SWAPBACKED | FR_UPTODATE | FR_EXCLUSIVE;
	f->index = va >> PAGE_SHIFT;
	ck_assert_ptr_nonnull(pgtable_ensure(&mm->pt, va, 1, &alloc_table_ops, &ctx));
	ptable_set(pgtable_table(&mm->pt, va, 2), ptable_index(va, 2), pte_make(head, bits));
	rmap_add_huge(&b->k, head, mm, va >> PAGE_SHIFT);
	mm->rss[MM_ANONPAGES] += HUGE_PAGE_NR;
	lru_add(b->t, head);
	lru_drain(b->t);
	return head;
}

/* The mapping at va as "start-end", or "" - for comparing layouts. */
static inline const char *bed_vma(struct bed *b, vaddr_t va)
{
	static char s[4][48];
	static unsigned at;
	struct vma *v = vma_at(&b->t->mm->vmas, va);
	char *out = s[at++ % 4];

	out[0] = 0;
	if (v)
		snprintf(out, sizeof s[0], "%" PRIx64 "-%" PRIx64, v->start, v->end);
	return out;
}

#endif
