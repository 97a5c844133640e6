/*
 * walk.h - the walk itself, inline: the paging-structure caches' search and the steps down the tables.
 *
 * walk_tables() counts nothing but accessed and dirty bits; mmu_walk() is the walk with its statistics. In
 * flat memory (no caches, one node) every step costs the same, so a walk down to a leaf is known by the level
 * it began at: the CPU's loop counts those in mmu.walked and mmu_settle() brings them into the statistics.
 */
#ifndef MODELS_HW_MMU_WALK_H
#define MODELS_HW_MMU_WALK_H

#include <emmintrin.h>

#include "models/hw/mmu.h"

/* A byte to find an entry by: neighbours differ in the low bits. */
static inline uint8_t cache_sign(uint64_t key)
{
	return (uint8_t)key;
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

/* Which of 32 entries from `from` on have the signature. */
static inline uint32_t walk_match(const struct mmu_cache *c, unsigned from, __m128i want)
{
	__m128i low = _mm_loadu_si128((const __m128i *)(const void *)(c->sign + from)),
		high = _mm_loadu_si128((const __m128i *)(const void *)(c->sign + from + 16));

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, want)) |
	       (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, want)) << 16;
}

static inline bool cache_find(struct mmu_cache *c, uint64_t key, struct ptable **t, pfn_t *pfn)
{
	const __m128i want = _mm_set1_epi8((char)cache_sign(key));
	uint64_t hits = walk_match(c, 0, want);

	if (UNLIKELY(c->have >> 32))
		hits |= (uint64_t)walk_match(c, 32, want) << 32;
	for (hits &= c->have; hits; hits &= hits - 1) {
		uint8_t i = (uint8_t)__builtin_ctzll(hits);

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
	return false;
}

static inline void cache_fill(struct mmu_cache *c, uint64_t key, struct ptable *t, pfn_t pfn)
{
	uint8_t i;

	if (UNLIKELY(c->asid != key >> 48))
		c->asid = c->have ? MMU_MIXED : key >> 48;
	if (UNLIKELY(c->have != c->all)) {
		i = (uint8_t)__builtin_ctzll(~c->have);
		c->have |= UINT64_C(1) << i;
	} else {
		if (UNLIKELY(!c->all))
			return;
		i = c->newer[MMU_CACHE_END]; /* the oldest */
		list_take(c, i);
	}
	c->sign[i] = cache_sign(key);
	c->key[i] = key;
	c->table[i] = t;
	c->pfn[i] = pfn;
	list_put_newest(c, i);
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
	if (cache_find(&m->cache[0], cache_key(asid, va, 2), &at.t, &at.pfn))
		at.level = 1;
	else if (cache_find(&m->cache[1], cache_key(asid, va, 3), &at.t, &at.pfn))
		at.level = 2;
	else if (cache_find(&m->cache[2], cache_key(asid, va, 4), &at.t, &at.pfn))
		at.level = 3;
	else
		at = (struct place){pt->root, pt->root->pfn, PGTABLE_LEVELS};
	return at;
}

static inline uint64_t step_cycles(struct mmu *m, pfn_t table, unsigned slot, uint64_t now, const bool flat)
{
	if (flat)
		return m->flat_cycles[0];
	if (m->caches)
		return memsys_access(m->memsys, m->cpu, ((paddr_t)table << PAGE_SHIFT) + slot * sizeof(pte_t),
				     sizeof(pte_t), MEM_WALK, now);
	return m->flat_cycles[m->topo->nr_nodes == 1 ? 0 : topology_pfn_nid(m->topo, table)];
}

/* Permissions, accessed and dirty bits of the entry that maps the page. */
static inline enum walk_result finish(struct mmu *m, pte_t *e, bool store, bool fetch)
{
	const pte_t is = *e, dirty = store ? PTE_DIRTY : 0, wants = PTE_ACCESSED | dirty;
	const pte_t needs = PTE_PRESENT | (store ? PTE_WRITE : 0);

	if (UNLIKELY((is & needs) != needs))
		return is & PTE_PRESENT ? WALK_NOT_WRITABLE : WALK_NOT_PRESENT;
	if (UNLIKELY(fetch && is & PTE_NX))
		return WALK_NOT_EXECUTABLE;
	if (UNLIKELY((is & wants) != wants)) {
		m->stats.accessed_set += !(is & PTE_ACCESSED);
		m->stats.dirty_set += (dirty & ~is) != 0;
		*e = is | wants;
	}
	return WALK_OK;
}

/* Reads the entry of `level`, a constant above 1, and goes on to the table below; false when it ends here. */
static inline __attribute__((always_inline)) bool step_down(struct mmu *m, struct place *at,
							    const unsigned level, uint16_t asid, vaddr_t va,
							    uint64_t now, const bool flat, struct walk *w,
							    pte_t **entry)
{
	unsigned slot = ptable_index(va, level);
	pte_t *e = &at->t->e[slot];

	w->cycles += step_cycles(m, at->pfn, slot, now + w->cycles, flat);
	w->steps++;
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
static inline __attribute__((always_inline)) pte_t *last_entry(struct mmu *m, struct pgtable *pt,
							       uint16_t asid, vaddr_t va, uint64_t now,
							       const bool flat, struct walk *w)
{
	struct place at = start_table(m, pt, asid, va);
	unsigned slot = ptable_index(va, 1);
	pte_t *e;

	w->start = at.level;
	if (at.level > 3 && !step_down(m, &at, 4, asid, va, now, flat, w, &e))
		return e;
	if (at.level > 2 && !step_down(m, &at, 3, asid, va, now, flat, w, &e))
		return e;
	if (at.level > 1 && !step_down(m, &at, 2, asid, va, now, flat, w, &e))
		return e;
	w->cycles += step_cycles(m, at.pfn, slot, now + w->cycles, flat);
	w->steps++;
	w->shift = PAGE_SHIFT;
	return &at.t->e[slot];
}

/* A walk without its statistics; flat, a constant: m->flat is set. */
static inline __attribute__((always_inline)) void walk_tables(struct mmu *m, struct pgtable *pt,
							      uint16_t asid, vaddr_t va, bool store,
							      bool fetch, uint64_t now, const bool flat,
							      struct walk *w)
{
	struct walk to = {.cycles = m->params->cache_cycles};
	pte_t *e = last_entry(m, pt, asid, va, now, flat, &to);

	to.result = finish(m, e, store, fetch);
	to.entry = *e;
	*w = to;
}

#endif
