/*
 * pgtable.c - four-level page tables.
 *
 * After mm/memory.c (__pte_alloc, __pmd_alloc, free_pgd_range), mm/mremap.c (move_normal_pmd) and
 * mm/huge_memory.c (__split_huge_pmd_locked) of Linux 6.1. A lookup is three pointer steps. Tables are made
 * on demand and given back by pgtable_free_range only, as in Linux: unmapping pages leaves empty tables.
 *
 * Invariants: a table's `used` is the number of its entries that are not none; an entry above the leaves
 * that is not huge holds the frame of its child, with the bits of _PAGE_TABLE; nr_tables is the number of
 * tables.
 *
 * Not modelled: five levels, huge entries of 1 GiB, the kernel half of the top table (the kernel's own
 * mapping costs no table of a process in Linux either).
 */
#include "models/kernel/pgtable.h"
#include "sim/check.h"
#include "sim/mem.h"

#define TABLE_BITS (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)
#define HUGE_SIZE  (PAGE_SIZE * PTABLE_ENTRIES)

static uint64_t level_span(unsigned level) /* bytes that an entry of this level maps */
{
	return PAGE_SIZE << (9 * (level - 1));
}

/* The host's memory for all tables of all address spaces, kept for the next one. */
static struct pool tables;

static struct ptable *table_new(struct pgtable *pt, unsigned level, pfn_t pfn, const struct ptable_ops *ops,
				void *ctx)
{
	struct ptable *t;

	if (!tables.size)
		pool_init_huge(&tables, sizeof *t);
	t = pool_get(&tables);

	if (level > 1)
		t->child = mem_alloc_late(PTABLE_ENTRIES, sizeof *t->child);
	t->pfn = pfn;
	t->level = (uint8_t)level;
	pt->nr_tables++;
	pt->nr_level[level]++;
	if (ops->count)
		ops->count(ctx, pfn, level, 1);
	return t;
}

static void table_free(struct pgtable *pt, struct ptable *t, const struct ptable_ops *ops, void *ctx)
{
	DCHECK(t->used == 0, "freeing a page table of level %u with %u entries", t->level, t->used);
	pt->nr_tables--;
	pt->nr_level[t->level]--;
	pt->free_gen++;
	if (ops->count)
		ops->count(ctx, t->pfn, t->level, -1);
	ops->free(ctx, t->pfn);
	mem_free(t->child);
	pool_put(&tables, t);
}

bool pgtable_init(struct pgtable *pt, const struct ptable_ops *ops, void *ctx)
{
	pfn_t pfn;

	*pt = (struct pgtable){0};
	pfn = ops->alloc(ctx);
	if (pfn == PFN_NONE)
		return false;
	pt->root = table_new(pt, PGTABLE_LEVELS, pfn, ops, ctx);
	return true;
}

static void release_below(struct pgtable *pt, struct ptable *t, const struct ptable_ops *ops, void *ctx)
{
	for (unsigned i = 0; i < PTABLE_ENTRIES; i++) {
		struct ptable *c = t->child[i];

		if (!c)
			continue;
		if (c->level > 1)
			release_below(pt, c, ops, ctx);
		if (!(t->e[i] & PTE_HUGE))
			ptable_set(t, i, 0);
		t->child[i] = NULL;
		table_free(pt, c, ops, ctx);
	}
}

void pgtable_release(struct pgtable *pt, const struct ptable_ops *ops, void *ctx)
{
	if (!pt->root)
		return;
	release_below(pt, pt->root, ops, ctx);
	table_free(pt, pt->root, ops, ctx);
	pt->root = NULL;
}

static void discard_below(struct ptable *t)
{
	for (unsigned i = 0; t->child && i < PTABLE_ENTRIES; i++)
		if (t->child[i])
			discard_below(t->child[i]);
	mem_free(t->child);
	pool_put(&tables, t);
}

void pgtable_discard(struct pgtable *pt)
{
	if (pt->root)
		discard_below(pt->root);
	*pt = (struct pgtable){0};
}

struct ptable *pgtable_table(const struct pgtable *pt, vaddr_t va, unsigned level)
{
	struct ptable *t = pt->root;

	for (unsigned l = PGTABLE_LEVELS; l > level; l--) {
		unsigned i = ptable_index(va, l);

		if (l == 2 && (t->e[i] & PTE_HUGE))
			return NULL;
		t = t->child[i];
		if (!t)
			return NULL;
	}
	return t;
}

pte_t *pgtable_find(const struct pgtable *pt, vaddr_t va)
{
	struct ptable *t = pt->root->child[ptable_index(va, 4)];
	unsigned i;

	if (!t || !(t = t->child[ptable_index(va, 3)]))
		return NULL;
	i = ptable_index(va, 2);
	if (t->e[i] & PTE_HUGE || !(t = t->child[i]))
		return NULL;
	return &t->e[ptable_index(va, 1)];
}

static void attach(struct ptable *parent, unsigned i, struct ptable *t)
{
	parent->child[i] = t;
	ptable_set(parent, i, pte_make(t->pfn, TABLE_BITS));
}

/* The table below entry i of parent, made when it is missing. alloc may block, so look again behind it. */
static struct ptable *grow(struct pgtable *pt, struct ptable *parent, unsigned i,
			   const struct ptable_ops *ops, void *ctx)
{
	pfn_t pfn = ops->alloc(ctx);

	if (pfn == PFN_NONE)
		return NULL;
	if (parent->child[i]) {
		ops->free(ctx, pfn);
		return parent->child[i];
	}
	attach(parent, i, table_new(pt, parent->level - 1u, pfn, ops, ctx));
	return parent->child[i];
}

struct ptable *pgtable_ensure(struct pgtable *pt, vaddr_t va, unsigned level, const struct ptable_ops *ops,
			      void *ctx)
{
	struct ptable *t = pt->root;

	for (unsigned l = PGTABLE_LEVELS; l > level; l--) {
		unsigned i = ptable_index(va, l);
		struct ptable *c = t->child[i];

		DCHECK(l > 2 || !(t->e[i] & PTE_HUGE), "a huge entry stands at %" PRIx64, va);
		if (UNLIKELY(!c)) {
			c = grow(pt, t, i, ops, ctx);
			if (!c)
				return NULL;
		}
		t = c;
	}
	return t;
}

struct free_range {
	struct pgtable *pt;
	vaddr_t start, end, floor, ceiling; /* ceiling: its last byte's address, inclusive */
	const struct ptable_ops *ops;
	void *ctx;
	uint64_t freed;
};

/* Frees what may go below t, whose first address is base. */
static void free_below(struct free_range *r, struct ptable *t, vaddr_t base)
{
	uint64_t span = level_span(t->level);

	for (unsigned i = 0; i < PTABLE_ENTRIES; i++) {
		vaddr_t first = base + i * span, last = first + (span - 1);
		struct ptable *c = t->child[i];

		if (last < r->start)
			continue;
		if (first > r->end - 1)
			break;
		if (!c || t->e[i] & PTE_HUGE)
			continue;
		if (c->level > 1)
			free_below(r, c, first);
		if (first < r->floor || last > r->ceiling)
			continue;
		t->child[i] = NULL;
		ptable_set(t, i, 0);
		table_free(r->pt, c, r->ops, r->ctx);
		r->freed++;
	}
}

uint64_t pgtable_free_range(struct pgtable *pt, vaddr_t start, vaddr_t end, vaddr_t floor, vaddr_t ceiling,
			    const struct ptable_ops *ops, void *ctx)
{
	struct free_range r = {pt, start, end, floor, ceiling - 1, ops, ctx, 0};

	if (start >= end)
		return 0;
	free_below(&r, pt->root, 0);
	return r.freed;
}

struct visit {
	vaddr_t start, end;
	void (*fn)(void *arg, struct ptable *t, vaddr_t first, vaddr_t last);
	void *arg;
};

static void visit_below(const struct visit *v, struct ptable *t, vaddr_t base)
{
	uint64_t span = level_span(t->level);
	unsigned i = v->start > base ? (unsigned)((v->start - base) / span) : 0;

	for (; i < PTABLE_ENTRIES; i++) {
		vaddr_t first = base + i * span;
		vaddr_t from = MAX_OF(first, v->start), to = MIN_OF(first + span, v->end);

		if (first >= v->end)
			break;
		if (t->level == 2 && (t->e[i] & PTE_HUGE))
			v->fn(v->arg, t, from, to);
		else if (t->child[i] && t->level == 2)
			v->fn(v->arg, t->child[i], from, to);
		else if (t->child[i])
			visit_below(v, t->child[i], first);
	}
}

void pgtable_for_each(const struct pgtable *pt, vaddr_t start, vaddr_t end,
		      void (*fn)(void *arg, struct ptable *t, vaddr_t first, vaddr_t last), void *arg)
{
	struct visit v = {start, end, fn, arg};

	if (start < end)
		visit_below(&v, pt->root, 0);
}

struct ptable *pgtable_split_huge(struct pgtable *pt, vaddr_t va, const struct ptable_ops *ops, void *ctx)
{
	struct ptable *t = pgtable_table(pt, va, 2), *leaf;
	unsigned i = ptable_index(va, 2);
	pte_t e;

	CHECK(t && (t->e[i] & PTE_HUGE), "no huge entry at %" PRIx64, va);
	if (!t->child[i]) {
		pfn_t pfn = ops->alloc(ctx);

		if (pfn == PFN_NONE)
			return NULL;
		if (t->child[i] || !(t->e[i] & PTE_HUGE)) { /* somebody did it while alloc blocked */
			ops->free(ctx, pfn);
			return t->e[i] & PTE_HUGE ? pgtable_split_huge(pt, va, ops, ctx) : t->child[i];
		}
		t->child[i] = table_new(pt, 1, pfn, ops, ctx);
	}
	leaf = t->child[i];
	e = t->e[i] & ~PTE_HUGE;
	for (unsigned j = 0; j < PTABLE_ENTRIES; j++)
		ptable_set(leaf, j, e + j * PAGE_SIZE);
	attach(t, i, leaf);
	return leaf;
}

bool pgtable_map_huge(struct pgtable *pt, vaddr_t va, pte_t e, const struct ptable_ops *ops, void *ctx)
{
	struct ptable *t = pgtable_ensure(pt, va, 2, ops, ctx);
	unsigned i = ptable_index(va, 2);
	pfn_t pfn = t ? ops->alloc(ctx) : PFN_NONE;

	if (pfn == PFN_NONE)
		return false;
	if (t->e[i] || t->child[i]) { /* somebody was quicker while alloc blocked */
		ops->free(ctx, pfn);
		return false;
	}
	t->child[i] = table_new(pt, 1, pfn, ops, ctx);
	ptable_set(t, i, e);
	return true;
}

bool pgtable_set_huge(struct pgtable *pt, vaddr_t va, pte_t e, const struct ptable_ops *ops, void *ctx)
{
	struct ptable *t = pgtable_ensure(pt, va, 2, ops, ctx);
	unsigned i = ptable_index(va, 2);

	if (!t || t->e[i] || t->child[i])
		return false;
	ptable_set(t, i, e);
	return true;
}

pte_t pgtable_drop_huge(struct pgtable *pt, vaddr_t va, const struct ptable_ops *ops, void *ctx)
{
	struct ptable *t = pgtable_table(pt, va, 2), *leaf;
	unsigned i = ptable_index(va, 2);
	pte_t old;

	CHECK(t && (t->e[i] & PTE_HUGE), "no huge entry at %" PRIx64, va);
	old = t->e[i];
	leaf = t->child[i];
	t->child[i] = NULL;
	ptable_set(t, i, 0);
	if (leaf)
		table_free(pt, leaf, ops, ctx);
	return old;
}

void pgtable_collapse(struct pgtable *pt, vaddr_t va, pte_t e)
{
	struct ptable *t = pgtable_table(pt, va, 2);
	unsigned i = ptable_index(va, 2);

	CHECK(t && t->child[i] && !t->child[i]->used && !(t->e[i] & PTE_HUGE), "no empty leaf at %" PRIx64,
	      va);
	ptable_set(t, i, e);
	pt->free_gen++;
}

pte_t pgtable_clear_huge(struct pgtable *pt, vaddr_t va)
{
	struct ptable *t = pgtable_table(pt, va, 2);
	unsigned i = ptable_index(va, 2);
	pte_t old;

	CHECK(t && (t->e[i] & PTE_HUGE), "no huge entry at %" PRIx64, va);
	old = t->e[i];
	if (t->child[i])
		attach(t, i, t->child[i]);
	else
		ptable_set(t, i, 0);
	return old;
}

bool pgtable_move_entry(struct pgtable *pt, vaddr_t from, vaddr_t to)
{
	struct ptable *a = pgtable_table(pt, from, 2), *b = pgtable_table(pt, to, 2);
	unsigned i = ptable_index(from, 2), j = ptable_index(to, 2);

	DCHECK(!(from % HUGE_SIZE) && !(to % HUGE_SIZE), "moving a table to an unaligned place");
	if (!a || !b || !a->e[i] || b->e[j])
		return false;
	pt->free_gen++;
	b->child[j] = a->child[i];
	ptable_set(b, j, a->e[i]);
	a->child[i] = NULL;
	ptable_set(a, i, 0);
	return true;
}

struct census {
	uint64_t level[PGTABLE_LEVELS + 1];
};

static bool child_is_valid(const struct ptable *t, unsigned i)
{
	const struct ptable *c = t->child[i];

	if (t->level == 2 && (t->e[i] & PTE_HUGE)) /* perhaps with a deposited table */
		return !(pte_pfn(t->e[i]) & (PTABLE_ENTRIES - 1)) && (!c || (c->level == 1 && !c->used));
	if (!c)
		return pte_none(t->e[i]);
	return c->level + 1 == t->level && t->e[i] == pte_make(c->pfn, TABLE_BITS);
}

static bool table_is_valid(const struct ptable *t, struct census *n)
{
	unsigned used = 0;

	n->level[t->level]++;
	for (unsigned i = 0; i < PTABLE_ENTRIES; i++) {
		used += !pte_none(t->e[i]);
		if (!t->child)
			continue;
		if (!child_is_valid(t, i) || (t->child[i] && !table_is_valid(t->child[i], n)))
			return false;
	}
	return used == t->used && (t->level == 1) == !t->child;
}

bool pgtable_is_valid(const struct pgtable *pt)
{
	struct census n = {{0}};
	uint64_t sum = 0;

	if (!pt->root || pt->root->level != PGTABLE_LEVELS || !table_is_valid(pt->root, &n))
		return false;
	for (unsigned l = 1; l <= PGTABLE_LEVELS; l++) {
		if (n.level[l] != pt->nr_level[l])
			return false;
		sum += n.level[l];
	}
	return sum == pt->nr_tables;
}
