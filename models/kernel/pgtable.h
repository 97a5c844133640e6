/*
 * pgtable.h - radix page tables as on x86-64 (Intel SDM vol. 3, 4.5): entries are the hardware's, tables are
 * frames.
 *
 * Levels: 4 (48-bit addresses). Every table is a page of the simulated machine, so a walk's steps have
 * physical addresses. Host side, a table is its 512 entries and, above the leaves, pointers to the tables
 * below. Table pages are charged to the process (mm->table_pages) and to NR_PAGETABLE by the caller that
 * allocates them.
 */
#ifndef MODELS_KERNEL_PGTABLE_H
#define MODELS_KERNEL_PGTABLE_H

#include "sim/base.h"

typedef uint64_t pte_t;
#define PTE_PRESENT  (UINT64_C(1) << 0)
#define PTE_WRITE    (UINT64_C(1) << 1)
#define PTE_USER     (UINT64_C(1) << 2)
#define PTE_ACCESSED (UINT64_C(1) << 5)
#define PTE_DIRTY    (UINT64_C(1) << 6)
#define PTE_HUGE     (UINT64_C(1) << 7) /* in a level-2 entry: maps 2 MiB */
#define PTE_PROTNONE \
	(UINT64_C(1) << 8) /* without PRESENT: PROT_NONE or a NUMA hint; the frame stays mapped */
#define PTE_SPECIAL        (UINT64_C(1) << 9) /* the zero page: not counted, not reverse mapped */
#define PTE_SWAP           (UINT64_C(1) << 1) /* without PRESENT and PROTNONE: a swap entry, see pte_swap */
#define PTE_SWAP_EXCLUSIVE (UINT64_C(1) << 2) /* swap entry of a page that was EXCLUSIVE */
#define PTE_NX             (UINT64_C(1) << 63)
#define PTE_PFN_MASK       UINT64_C(0x000ffffffffff000)

typedef uint64_t swp_entry_t; /* area << 48 | slot; slot 0 is the header and never used, so 0 is no entry */

static inline bool pte_none(pte_t e)
{
	return e == 0;
}
static inline bool pte_present(pte_t e) /* mapped to a frame, accessible or not */
{
	return (e & (PTE_PRESENT | PTE_PROTNONE)) != 0;
}
static inline bool pte_is_swap(pte_t e)
{
	return !pte_present(e) && (e & PTE_SWAP);
}
static inline pfn_t pte_pfn(pte_t e)
{
	return (pfn_t)((e & PTE_PFN_MASK) >> PAGE_SHIFT);
}
static inline pte_t pte_make(pfn_t pfn, uint64_t bits)
{
	return (uint64_t)pfn << PAGE_SHIFT | bits;
}
static inline pte_t pte_swap(swp_entry_t s) /* area 0 … 31 in bits 3-7, slot from bit 12 */
{
	return (s & UINT64_C(0xffffffffffff)) << PAGE_SHIFT | (s >> 48) << 3 | PTE_SWAP;
}
static inline swp_entry_t pte_swap_entry(pte_t e)
{
	return (e >> PAGE_SHIFT) | ((e >> 3) & 31) << 48;
}

#define PTABLE_ENTRIES   512
#define PGTABLE_LEVELS   4
#define USER_ADDRESS_END UINT64_C(0x7ffffffff000) /* TASK_SIZE_MAX of x86-64 with 4 levels */

/*
 * A level-2 entry with PTE_HUGE may keep an empty leaf table in child[]: the table that splitting it will
 * need (Linux: pgtable_trans_huge_deposit). It counts as a table, but nothing finds it as long as the huge
 * entry stands.
 */
struct ptable {
	pte_t e[PTABLE_ENTRIES];
	struct ptable **child; /* PTABLE_ENTRIES pointers above the leaves, NULL in a leaf */
	pfn_t pfn;             /* the frame it occupies */
	uint16_t used;         /* entries that are not none */
	uint8_t level;         /* 1 = leaf (PTE), 2 = PMD, 3 = PUD, 4 = PGD */
	uint64_t noted[2];     /* leaves: nodes whose aging is to look at it, by parity of its number */
};

/* Whether node nid's aging number seq should look at the leaf (reclaim's Bloom filter); says so. */
static inline bool ptable_is_noted(const struct ptable *t, unsigned nid, uint64_t seq)
{
	return t->noted[seq & 1] >> nid & 1;
}
static inline void ptable_note(struct ptable *t, unsigned nid, uint64_t seq)
{
	t->noted[seq & 1] |= UINT64_C(1) << nid;
}

struct pgtable {
	struct ptable *root;
	uint64_t free_gen;  /* bumped whenever a table goes or moves: pointers to tables from before are stale
			     */
	uint64_t nr_tables; /* root included */
	uint64_t nr_level[PGTABLE_LEVELS + 1];
};

/* Index into the table of `level` for an address. */
static inline unsigned ptable_index(vaddr_t va, unsigned level)
{
	return (unsigned)(va >> (PAGE_SHIFT + 9 * (level - 1))) & (PTABLE_ENTRIES - 1);
}

/* How table pages are had and given back; alloc returns PFN_NONE when memory ran out, and may block. */
struct ptable_ops {
	pfn_t (*alloc)(void *ctx);
	void (*free)(void *ctx, pfn_t pfn);
	/* A page became a table of the level (delta 1) or is one no more (-1); NULL: nobody counts. */
	void (*count)(void *ctx, pfn_t pfn, unsigned level, int delta);
};

/* False when no frame could be had for the root. */
bool pgtable_init(struct pgtable *pt, const struct ptable_ops *ops, void *ctx);
/* Frees all tables; entries must have been cleared (checked build). */
void pgtable_release(struct pgtable *pt, const struct ptable_ops *ops, void *ctx);
/* Forgets all tables and what they map, without giving frames back: the end of the machine. */
void pgtable_discard(struct pgtable *pt);
/* The leaf or level-2 table for va, NULL when it is not there (or, for the leaf, when a huge entry stands
 * above). */
struct ptable *pgtable_table(const struct pgtable *pt, vaddr_t va, unsigned level);
/* The entry of va, NULL when its leaf is not there. */
pte_t *pgtable_find(const struct pgtable *pt, vaddr_t va);
/*
 * The table of `level` (1 or 2) for va, allocating what is missing; NULL when memory ran out. Tables that
 * another thread installed while alloc blocked are used, and ours given back. For level 1 no huge entry may
 * stand at va.
 */
struct ptable *pgtable_ensure(struct pgtable *pt, vaddr_t va, unsigned level, const struct ptable_ops *ops,
			      void *ctx);
/* Sets an entry and keeps `used` right. */
static inline void ptable_set(struct ptable *t, unsigned i, pte_t v)
{
	t->used = (uint16_t)(t->used + (v != 0) - (t->e[i] != 0));
	t->e[i] = v;
}
/*
 * free_pgd_range: frees tables that lie wholly in [start, end) extended to floor and ceiling (the
 * neighbouring mappings' ends); their entries must be none. Returns how many.
 */
uint64_t pgtable_free_range(struct pgtable *pt, vaddr_t start, vaddr_t end, vaddr_t floor, vaddr_t ceiling,
			    const struct ptable_ops *ops, void *ctx);
/*
 * Calls fn for each leaf (level 1) table and for each huge entry (then t is its level-2 table) that
 * intersects [start, end), in order of addresses; [first, last) is the part of the range that it maps. fn may
 * change entries and split the huge entry, but must not free tables.
 */
void pgtable_for_each(const struct pgtable *pt, vaddr_t start, vaddr_t end,
		      void (*fn)(void *arg, struct ptable *t, vaddr_t first, vaddr_t last), void *arg);
/*
 * Replaces the huge entry at va by a leaf table of 512 entries with the same bits (__split_huge_pmd_locked's
 * table part). Uses the deposited table when there is one. Returns the leaf table; NULL when memory ran out.
 * Frames and reverse mappings are the caller's.
 */
struct ptable *pgtable_split_huge(struct pgtable *pt, vaddr_t va, const struct ptable_ops *ops, void *ctx);
/*
 * Sets the huge entry e (with PTE_HUGE) at va where nothing stands, and deposits a leaf table for its split.
 * False when memory ran out or something stands there by now.
 */
bool pgtable_map_huge(struct pgtable *pt, vaddr_t va, pte_t e, const struct ptable_ops *ops, void *ctx);
/* The same without a deposit, for a page of a file, whose entry is dropped rather than split. */
bool pgtable_set_huge(struct pgtable *pt, vaddr_t va, pte_t e, const struct ptable_ops *ops, void *ctx);
/* Clears the huge entry at va and frees the deposited table (zap_huge_pmd, zap_deposited_table). Returns the
 * old entry. */
pte_t pgtable_drop_huge(struct pgtable *pt, vaddr_t va, const struct ptable_ops *ops, void *ctx);
/* collapse_huge_page: the huge entry e stands at va instead of its leaf table, which is empty and stays
 * deposited. */
void pgtable_collapse(struct pgtable *pt, vaddr_t va, pte_t e);
/* Clears the huge entry at va; a deposited table becomes an ordinary empty leaf. Returns the old entry. */
pte_t pgtable_clear_huge(struct pgtable *pt, vaddr_t va);
/*
 * move_normal_pmd, move_huge_pmd: the level-2 entry at from (a leaf table or a huge entry; 2 MiB aligned)
 * moves to `to`, whose level-2 table exists. False when there is something at `to` or nothing at from.
 */
bool pgtable_move_entry(struct pgtable *pt, vaddr_t from, vaddr_t to);
bool pgtable_is_valid(const struct pgtable *pt);

#endif
