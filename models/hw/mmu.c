/*
 * mmu.c - page walks. O(levels) a walk, the caches included.
 */
#include "models/hw/mmu.h"

#include <string.h>

PARAM_TABLE(mmu, mmu_params, MMU_PARAMS);
STAT_TABLE(mmu, mmu_stats, MMU_STATS);

void mmu_init(struct mmu *m, const struct mmu_params *p, const struct topology *t, struct memsys *ms,
	      unsigned cpu)
{
	memset(m, 0, sizeof *m);
	m->params = p;
	m->topo = t;
	m->memsys = ms;
	m->cpu = cpu;
	m->nid = t->cpu_nid[cpu];
	m->caches = memsys_has_caches(ms);
	for (unsigned i = 0; i < t->nr_nodes; i++)
		m->flat_cycles[i] = memsys_flat_cycles(ms, m->nid, i, true);
	m->cache[0].n = (unsigned)p->pd_entries;
	m->cache[1].n = (unsigned)p->pdpt_entries;
	m->cache[2].n = (unsigned)p->pml4_entries;
	mmu_flush_all(m);
}

static void cache_clear(struct mmu_cache *c)
{
	c->used = 0;
	c->newer[MMU_CACHE_END] = c->older[MMU_CACHE_END] = MMU_CACHE_END;
}

static inline void list_take(struct mmu_cache *c, uint8_t i)
{
	c->older[c->newer[i]] = c->older[i];
	c->newer[c->older[i]] = c->newer[i];
}

static inline void list_put_newest(struct mmu_cache *c, uint8_t i)
{
	uint8_t first = c->older[MMU_CACHE_END];

	c->older[i] = first;
	c->newer[i] = MMU_CACHE_END;
	c->newer[first] = i;
	c->older[MMU_CACHE_END] = i;
}

static inline bool cache_find(struct mmu_cache *c, uint64_t key, struct ptable **t, pfn_t *pfn)
{
	const uint8_t want = signature_of(key);

	for (unsigned from = 0; from < c->used; from += SIGNATURE_BLOCK) {
		uint32_t hits = signature_match(c->sign + from, want, c->used - from);

		for (; hits; hits &= hits - 1) {
			uint8_t i = (uint8_t)(from + (uint32_t)__builtin_ctz(hits));

			if (UNLIKELY(c->key[i] != key))
				continue;
			if (c->older[MMU_CACHE_END] != i) {
				list_take(c, i);
				list_put_newest(c, i);
			}
			*t = c->table[i];
			*pfn = c->pfn[i];
			return true;
		}
	}
	return false;
}

static inline void cache_fill(struct mmu_cache *c, uint64_t key, struct ptable *t, pfn_t pfn)
{
	uint8_t i;

	if (!c->n)
		return;
	if (UNLIKELY(c->used < c->n)) {
		i = (uint8_t)c->used++;
	} else {
		i = c->newer[MMU_CACHE_END]; /* the oldest */
		list_take(c, i);
	}
	c->sign[i] = signature_of(key);
	c->key[i] = key;
	c->table[i] = t;
	c->pfn[i] = pfn;
	list_put_newest(c, i);
}

/* Drops the entries of one id: the others are put in again, oldest first. */
static void cache_flush(struct mmu_cache *c, uint16_t asid)
{
	struct mmu_cache old = *c;

	cache_clear(c);
	for (uint8_t i = old.newer[MMU_CACHE_END]; i != MMU_CACHE_END; i = old.newer[i])
		if (old.key[i] >> 48 != asid)
			cache_fill(c, old.key[i], old.table[i], old.pfn[i]);
}

void mmu_flush_all(struct mmu *m)
{
	for (unsigned i = 0; i < ARRAY_LEN(m->cache); i++)
		cache_clear(&m->cache[i]);
}

void mmu_flush(struct mmu *m, uint16_t asid)
{
	for (unsigned i = 0; i < ARRAY_LEN(m->cache); i++)
		if (m->cache[i].used)
			cache_flush(&m->cache[i], asid);
}

/* The address bits above the table that an entry of `level` points to. */
static inline uint64_t cache_key(uint16_t asid, vaddr_t va, unsigned level)
{
	return (uint64_t)asid << 48 | va >> (PAGE_SHIFT + 9 * (level - 1));
}

/* A table on the way: the frame comes from the entry above it, so the table's own header is not read. */
struct place {
	struct ptable *t;
	pfn_t pfn;
	unsigned level;
};

/* Where the walk starts: the table below the deepest cached entry, else the root. */
static inline struct place start_table(struct mmu *m, struct pgtable *pt, uint16_t asid, vaddr_t va)
{
	struct place at;

	if (UNLIKELY(m->free_gen[asid % ARRAY_LEN(m->free_gen)] != pt->free_gen)) {
		/* tables were freed: no pointer may be trusted */
		mmu_flush(m, asid);
		m->free_gen[asid % ARRAY_LEN(m->free_gen)] = pt->free_gen;
	}
	if (cache_find(&m->cache[0], cache_key(asid, va, 2), &at.t, &at.pfn)) {
		m->stats.pd_hits++;
		at.level = 1;
	} else if (cache_find(&m->cache[1], cache_key(asid, va, 3), &at.t, &at.pfn)) {
		m->stats.pdpt_hits++;
		at.level = 2;
	} else if (cache_find(&m->cache[2], cache_key(asid, va, 4), &at.t, &at.pfn)) {
		m->stats.pml4_hits++;
		at.level = 3;
	} else {
		at = (struct place){pt->root, pt->root->pfn, PGTABLE_LEVELS};
	}
	return at;
}

static inline uint64_t step_cycles(struct mmu *m, pfn_t table, unsigned slot, uint64_t now)
{
	m->stats.walk_steps++;
	if (m->caches)
		return memsys_access(m->memsys, m->cpu, ((paddr_t)table << PAGE_SHIFT) + slot * sizeof(pte_t),
				     sizeof(pte_t), MEM_WALK, now);
	return m->flat_cycles[m->topo->nr_nodes == 1 ? 0 : topology_pfn_nid(m->topo, table)];
}

/* Permissions, accessed and dirty bits of the entry that maps the page. */
static inline enum walk_result finish(struct mmu *m, pte_t *e, bool store, bool fetch)
{
	if (!(*e & PTE_PRESENT))
		return WALK_NOT_PRESENT;
	if (store && !(*e & PTE_WRITE))
		return WALK_NOT_WRITABLE;
	if (fetch && *e & PTE_NX)
		return WALK_NOT_EXECUTABLE;
	if (!(*e & PTE_ACCESSED)) {
		*e |= PTE_ACCESSED;
		m->stats.accessed_set++;
	}
	if (store && !(*e & PTE_DIRTY)) {
		*e |= PTE_DIRTY;
		m->stats.dirty_set++;
	}
	return WALK_OK;
}

/* Reads the entry of `level`, a constant above 1, and goes on to the table below; false when it ends here. */
static inline __attribute__((always_inline)) bool step_down(struct mmu *m, struct place *at,
							    const unsigned level, uint16_t asid, vaddr_t va,
							    uint64_t now, struct walk *w, pte_t **entry)
{
	unsigned slot = ptable_index(va, level);
	pte_t *e = &at->t->e[slot];

	w->cycles += step_cycles(m, at->pfn, slot, now + w->cycles);
	*entry = e;
	w->shift = level == 2 ? PAGE_SHIFT + 9 : PAGE_SHIFT;
	if (UNLIKELY(*e & PTE_HUGE || !(*e & PTE_PRESENT)))
		return false;
	if (!(*e & PTE_ACCESSED)) /* a store to a line of the host that others wait for */
		*e |= PTE_ACCESSED;
	at->t = at->t->child[slot];
	at->pfn = pte_pfn(*e);
	cache_fill(&m->cache[level - 2], cache_key(asid, va, level), at->t, at->pfn);
	return true;
}

/* The entry where the walk ends; adds its steps to *w. */
static inline pte_t *last_entry(struct mmu *m, struct pgtable *pt, uint16_t asid, vaddr_t va, uint64_t now,
				struct walk *w)
{
	struct place at = start_table(m, pt, asid, va);
	unsigned slot = ptable_index(va, 1);
	pte_t *e;

	if (at.level > 3 && !step_down(m, &at, 4, asid, va, now, w, &e))
		return e;
	if (at.level > 2 && !step_down(m, &at, 3, asid, va, now, w, &e))
		return e;
	if (at.level > 1 && !step_down(m, &at, 2, asid, va, now, w, &e))
		return e;
	w->cycles += step_cycles(m, at.pfn, slot, now + w->cycles);
	w->shift = PAGE_SHIFT;
	return &at.t->e[slot];
}

void mmu_walk(struct mmu *m, struct pgtable *pt, uint16_t asid, vaddr_t va, bool store, bool fetch,
	      uint64_t now, struct walk *w)
{
	struct walk to = {.cycles = m->params->cache_cycles};
	pte_t *e = last_entry(m, pt, asid, va, now, &to);

	to.result = finish(m, e, store, fetch);
	to.entry = *e;
	*w = to;
	m->stats.walks++;
	m->stats.failed += to.result != WALK_OK;
	m->stats.walk_cycles += to.cycles;
	hist_add(&m->stats.walk_latency, to.cycles);
}
