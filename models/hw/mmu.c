/*
 * mmu.c - page walks. O(levels) a walk, the caches included.
 */
#include "models/hw/mmu.h"

#include <string.h>

#include "models/hw/mmu/walk.h"

PARAM_TABLE(mmu, mmu_params, MMU_PARAMS);
STAT_TABLE(mmu, mmu_stats, MMU_STATS);

static uint64_t low_bits(uint64_t n)
{
	return n ? UINT64_MAX >> (64 - n) : 0;
}

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
	m->flat = !m->caches && t->nr_nodes == 1;
	for (unsigned i = 0; i < t->nr_nodes; i++)
		m->flat_cycles[i] = memsys_flat_cycles(ms, m->nid, i, true);
	m->cache[0].all = low_bits(p->pd_entries);
	m->cache[1].all = low_bits(p->pdpt_entries);
	m->cache[2].all = low_bits(p->pml4_entries);
	mmu_flush_all(m);
}

static void cache_clear(struct mmu_cache *c)
{
	c->have = 0;
	c->newer[MMU_CACHE_END] = c->older[MMU_CACHE_END] = MMU_CACHE_END;
}

/* Drops the entries of one id: as a rule there are no others. */
static void cache_flush(struct mmu_cache *c, uint16_t asid)
{
	struct mmu_cache old;

	if (c->asid == asid) {
		cache_clear(c);
		return;
	}
	if (c->asid != MMU_MIXED)
		return;
	old = *c; /* the others are put in again, oldest first */
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
		if (m->cache[i].have)
			cache_flush(&m->cache[i], asid);
}

/* Walks of as many steps that ended the same way. */
static void count_walks(struct mmu *m, unsigned start, unsigned steps, uint64_t cycles, uint64_t n)
{
	m->stats.pd_hits += start == 1 ? n : 0;
	m->stats.pdpt_hits += start == 2 ? n : 0;
	m->stats.pml4_hits += start == 3 ? n : 0;
	m->stats.walks += n;
	m->stats.walk_steps += n * steps;
	m->stats.walk_cycles += n * cycles;
	hist_add_many(&m->stats.walk_latency, cycles, n);
}

void mmu_count_walk(struct mmu *m, const struct walk *w)
{
	count_walks(m, w->start, w->steps, w->cycles, 1);
	m->stats.failed += w->result != WALK_OK;
}

void mmu_settle(struct mmu *m)
{
	for (unsigned level = 1; level <= PGTABLE_LEVELS; level++) {
		if (m->walked[level])
			count_walks(m, level, level, m->params->cache_cycles + level * m->flat_cycles[0],
				    m->walked[level]);
		m->walked[level] = 0;
	}
}

void mmu_walk(struct mmu *m, struct pgtable *pt, uint16_t asid, vaddr_t va, bool store, bool fetch,
	      uint64_t now, struct walk *w)
{
	walk_tables(m, pt, asid, va, store, fetch, now, false, w);
	mmu_count_walk(m, w);
}
