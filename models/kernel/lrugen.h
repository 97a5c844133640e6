/*
 * lrugen.h - the generations of the multi-generational LRU: lists, sizes, accesses by tier
 * (include/linux/mm_inline.h, mmzone.h, mm/vmscan.c; Linux 6.1). How they age and are evicted:
 * reclaim/mglru.c.
 *
 * A page is on the list of one generation (of its type and zone); its generation may have moved on already,
 * then eviction moves it when it meets it. frame.gen of a page that is not unevictable: generation + 1 in
 * bits 0-3 (0: on no list), the generation of the list that it lies on in bits 4-7, accesses beyond two in
 * bits 8-9.
 */
#ifndef MODELS_KERNEL_LRUGEN_H
#define MODELS_KERNEL_LRUGEN_H

#include "models/kernel/kernel.h"

#define MIN_NR_GENS   2u
#define MAX_NR_GENS   4u
#define MAX_NR_TIERS  4u
#define MIN_LRU_BATCH 64u
#define MAX_LRU_BATCH 4096u
#define LRU_REFS_MAX  3u

enum { LRU_GEN_ANON, LRU_GEN_FILE, NR_LRU_TYPES };

struct lru_gens {
	uint64_t max_seq, min_seq[NR_LRU_TYPES];
	struct frame_list list[MAX_NR_GENS][NR_LRU_TYPES][NR_ZONES];
	int64_t nr_pages[MAX_NR_GENS][NR_LRU_TYPES][NR_ZONES];
	/* refaults against evictions by tier: moving averages, and of the oldest generation */
	uint64_t avg_refaulted[NR_LRU_TYPES][MAX_NR_TIERS], avg_total[NR_LRU_TYPES][MAX_NR_TIERS];
	uint64_t protected[NR_LRU_TYPES][MAX_NR_TIERS - 1];
	uint64_t evicted[NR_LRU_TYPES][MAX_NR_TIERS], refaulted[NR_LRU_TYPES][MAX_NR_TIERS];
	uint64_t walked_seq;  /* mm_state.seq: page tables were walked for it */
	bool kswapd_can_swap; /* kswapd's last walk looked at anonymous pages, too: so do its look-arounds */
};

/* What direct reclaim's own walk looked at: so do its look-arounds (task.mm_walk). */
enum mm_walk { MM_WALK_NONE, MM_WALK_FILE, MM_WALK_ALL };

struct lru_gens *lru_gens_new(void);
static inline unsigned lru_gen_of_seq(uint64_t seq)
{
	return (unsigned)(seq % MAX_NR_GENS);
}
static inline unsigned lru_nr_gens(const struct lru_gens *g, unsigned type) /* get_nr_gens */
{
	return (unsigned)(g->max_seq - g->min_seq[type] + 1);
}
static inline unsigned lru_type(const struct frame *f)
{
	return frame_is_file_lru(f) ? LRU_GEN_FILE : LRU_GEN_ANON;
}
static inline int frame_lru_gen(const struct frame *f) /* -1: on no generation's list */
{
	return f->flags & FR_UNEVICTABLE ? -1 : (int)(f->gen & 15) - 1;
}
/* folio_lru_refs, lru_tier_from_refs */
static inline unsigned frame_lru_refs(const struct frame *f)
{
	return (f->gen >> 8 & LRU_REFS_MAX) + (f->flags & FR_WORKINGSET ? 1 : 0);
}
unsigned lru_tier(unsigned refs);
/* Whether pages of the generation count as active. */
bool lru_gen_is_active(const struct lru_gens *g, unsigned gen);
/* lru_gen_add_folio, lru_gen_del_folio; reclaiming: to the tail, or without a trace of having been active. */
void lru_gen_add(struct kernel *k, pfn_t pfn, bool reclaiming);
void lru_gen_del(struct kernel *k, pfn_t pfn, bool reclaiming);
/* The list that a page of a generation is linked into. */
struct frame_list *lru_gen_list(struct kernel *k, const struct frame *f);
/* folio_update_gen and its sizes: the page was used; it is moved later. */
void lru_gen_promote(struct kernel *k, pfn_t pfn);
/* folio_inc_gen and the move: from the oldest generation into the next; tail or head. */
unsigned lru_gen_postpone(struct kernel *k, pfn_t pfn, bool reclaiming, bool tail);
/* To the head of its own generation's list. */
void lru_gen_settle(struct kernel *k, pfn_t pfn);
/* get_type_to_scan: the type to evict from, and the last of its tiers that is evicted. */
unsigned lru_gen_choose_type(const struct lru_gens *g, uint64_t swappiness, unsigned *tier);
/* get_tier_idx: the same tier for a type that was not chosen by comparison. */
unsigned lru_gen_last_tier(const struct lru_gens *g, unsigned type);
/* reset_ctrl_pos: the oldest generation goes, half of its history stays. */
void lru_gen_carry_over(struct lru_gens *g, unsigned type);
/* inc_min_seq: what is left of the oldest generation joins the next. */
void lru_gen_inc_min_seq(struct kernel *k, struct lru_gens *g, unsigned type, bool can_swap);
/* try_to_inc_min_seq: empty ones go; true when one did. */
bool lru_gen_try_to_inc_min_seq(struct lru_gens *g, bool can_swap);
/* folio_inc_refs */
void lru_gen_inc_refs(struct frame *f);
/* Moves n pages of a type and zone from the inactive to the active count. */
void lru_gen_count(struct lruvec *l, unsigned type, unsigned zone, bool active, int64_t n);

#endif
