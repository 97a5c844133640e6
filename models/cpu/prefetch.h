/*
 * prefetch.h - fetching what accesses further on will read into the host's caches. No result depends on it.
 */
#ifndef MODELS_CPU_PREFETCH_H
#define MODELS_CPU_PREFETCH_H

#include "models/cpu.h"

#ifndef PREFETCH_AHEAD    /* the hostile build makes it tiny */
#define PREFETCH_AHEAD 24 /* accesses; at most BATCH_SLACK */
#endif
#define PREFETCH_SETS (PREFETCH_AHEAD / 3)

/* The level-2 table for va, NULL when there is none. */
static inline const struct ptable *middle_of(const struct ptable *t, vaddr_t va)
{
	if (UNLIKELY(va >= USER_ADDRESS_END))
		return NULL;
	for (unsigned level = PGTABLE_LEVELS; t && level > 2; level--)
		t = t->child[ptable_index(va, level)];
	return t;
}

/*
 * Fetches the host's cache line that the walk of an access further on will read. It changes no result; it
 * pays where many accesses miss, because there each walk would wait for the host's memory. Where the level-2
 * tables lie is remembered.
 */
static inline void prefetch_walk(struct cpu *c, vaddr_t va)
{
	const uint64_t gib = va >> (PAGE_SHIFT + 18);
	struct cpu_hint *h = &c->hint[gib % CPU_HINTS];
	const struct ptable *t = h->table;

	if (UNLIKELY(h->gib != gib)) {
		t = middle_of(c->mm->pt.root, va);
		if (!t)
			return;
		*h = (struct cpu_hint){gib, t};
	}
	t = t->child[ptable_index(va, 2)];
	if (LIKELY(t))
		__builtin_prefetch(&t->e[ptable_index(va, 1)], 1);
}

/* For the fault of an access: its leaf's count of entries. */
static inline void prefetch_fault(const struct cpu *c, vaddr_t va)
{
	const uint64_t gib = va >> (PAGE_SHIFT + 18);
	const struct cpu_hint *h = &c->hint[gib % CPU_HINTS];
	const struct ptable *t = h->gib == gib ? h->table->child[ptable_index(va, 2)] : NULL;

	if (t)
		__builtin_prefetch(&t->used, 1);
}

/* Forgets where tables lay when some may have gone. */
static inline void check_hints(struct cpu *c)
{
	if (LIKELY(c->hint_context == c->mm->context_id && c->hint_gen == c->mm->pt.free_gen))
		return;
	for (unsigned i = 0; i < CPU_HINTS; i++)
		c->hint[i].gib = UINT64_MAX;
	c->hint_context = c->mm->context_id;
	c->hint_gen = c->mm->pt.free_gen;
}

/* With caches, some accesses later: by now the entry is here, so the sets of the caches are known. */
static inline void prefetch_sets(const struct cpu *c, const struct ptable *root, vaddr_t va)
{
	const struct ptable *t = middle_of(root, va), *leaf = t ? t->child[ptable_index(va, 2)] : NULL;
	unsigned slot = ptable_index(va, 1);
	paddr_t table;

	if (!leaf)
		return;
	table = (paddr_t)pte_pfn(t->e[ptable_index(va, 2)]) << PAGE_SHIFT;
	memsys_prefetch(c->memsys, c->x.cpu, table + slot * sizeof(pte_t));
	if (leaf->e[slot] & PTE_PRESENT)
		memsys_prefetch(c->memsys, c->x.cpu,
				((paddr_t)pte_pfn(leaf->e[slot]) << PAGE_SHIFT) | (va & (PAGE_SIZE - 1)));
}

#endif
