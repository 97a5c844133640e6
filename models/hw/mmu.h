/*
 * mmu.h - the page walker of a CPU and its paging-structure caches (Intel SDM vol. 3, 4.5, 4.10.3).
 *
 * A walk reads one entry at each level, from the deepest one that a paging-structure cache lets it start at.
 * Every read is a memory access to the frame where that table lies, with that access's cost. The walker sets
 * accessed and dirty bits.
 *
 * Not modelled: several walkers at once, prefetches into the TLB, levels other than 4, 1 GiB pages.
 */
#ifndef MODELS_HW_MMU_H
#define MODELS_HW_MMU_H

#include "models/hw/memsys.h"
#include "models/kernel/pgtable.h"
#include "sim/stat.h"

#define MMU_PARAMS(X, S)                                                                \
	X(S, U64, pml4_entries, "mmu.cache.pml4_entries", "4", 0, 64, "entries",        \
	  "paging-structure cache of level-4 entries (simulators use 4; unpublished)")  \
	X(S, U64, pdpt_entries, "mmu.cache.pdpt_entries", "8", 0, 64, "entries",        \
	  "paging-structure cache of level-3 entries (simulators use 8; unpublished)")  \
	X(S, U64, pd_entries, "mmu.cache.pd_entries", "32", 0, 64, "entries",           \
	  "paging-structure cache of level-2 entries (simulators use 32; unpublished)") \
	X(S, U64, cache_cycles, "mmu.cache.cycles", "1", 0, 1000, "cycles",             \
	  "looking the paging-structure caches up")
PARAM_STRUCT(mmu_params, MMU_PARAMS);
extern const struct param_table mmu_param_table;

#define MMU_STATS(X, S)                                                                  \
	X(S, COUNTER, walks, "walks", "page walks")                                      \
	X(S, COUNTER, walk_steps, "accesses", "page-table entries read by walks")        \
	X(S, COUNTER, walk_cycles, "cycles", "time of all walks")                        \
	X(S, COUNTER, pml4_hits, "walks", "walks that began below level 4 by the cache") \
	X(S, COUNTER, pdpt_hits, "walks", "walks that began below level 3")              \
	X(S, COUNTER, pd_hits, "walks", "walks that began at the last level")            \
	X(S, COUNTER, failed, "walks", "walks that ended in a page fault")               \
	X(S, COUNTER, accessed_set, "entries", "accessed bits set")                      \
	X(S, COUNTER, dirty_set, "entries", "dirty bits set")                            \
	X(S, HISTOGRAM, walk_latency, "cycles", "time of a walk")
STAT_STRUCT(mmu_stats, MMU_STATS);
extern const struct stat_table mmu_stat_table;

#define MMU_CACHE_MAX 64
#define MMU_CACHE_END MMU_CACHE_MAX /* the sentinel of the list by age */

#define MMU_MIXED UINT64_MAX
/* Fully associative, exact LRU: entries are found by their signatures and hang in a list from newest to
 * oldest. */
struct mmu_cache {
	uint64_t all;  /* a bit for each entry it may hold, 0 = no cache */
	uint64_t have; /* of the lowest of them: those ever filled, which are in the list */
	uint64_t asid; /* of all entries, MMU_MIXED when they are of several */
	uint8_t sign[MMU_CACHE_MAX];
	uint64_t key[MMU_CACHE_MAX];
	struct ptable *table[MMU_CACHE_MAX];
	pfn_t pfn[MMU_CACHE_MAX]; /* where the table lies */
	uint8_t newer[MMU_CACHE_MAX + 1], older[MMU_CACHE_MAX + 1];
};

struct mmu {
	const struct mmu_params *params;
	const struct topology *topo;
	struct memsys *memsys;
	unsigned cpu, nid;
	bool caches;
	bool flat; /* no caches and one node: each step costs flat_cycles[0] */
	uint32_t flat_cycles[MAX_NODES];
	struct mmu_cache cache[3]; /* 0: level-2 entries (give leaf tables), 1: level 3, 2: level 4 */
	uint64_t free_gen[16];     /* by id: generation of the page tables that the caches point into */
	uint64_t walked[PGTABLE_LEVELS + 1]; /* by the level they began at: walks to a leaf, to be settled */
	struct mmu_stats stats;
};

enum walk_result { WALK_OK, WALK_NOT_PRESENT, WALK_NOT_WRITABLE, WALK_NOT_EXECUTABLE };

struct walk {
	enum walk_result result;
	uint64_t cycles;
	pte_t entry;    /* as the walk left it */
	unsigned shift; /* 12 or 21 */
	unsigned start; /* level of the first table read */
	unsigned steps; /* entries read */
};

void mmu_init(struct mmu *m, const struct mmu_params *p, const struct topology *t, struct memsys *ms,
	      unsigned cpu);
/* now: the CPU's clock in cycles; store, fetch: what the access wants. */
void mmu_walk(struct mmu *m, struct pgtable *pt, uint16_t asid, vaddr_t va, bool store, bool fetch,
	      uint64_t now, struct walk *w);
/* The statistics of a walk by walk_tables (mmu/walk.h), and of all in m->walked. */
void mmu_count_walk(struct mmu *m, const struct walk *w);
void mmu_settle(struct mmu *m);
/* Drops cached entries of an address space (INVLPG and CR3 loads drop them all). */
void mmu_flush(struct mmu *m, uint16_t asid);
void mmu_flush_all(struct mmu *m);

#endif
