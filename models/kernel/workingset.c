/*
 * workingset.c - shadow entries and refault distances.
 *
 * Modelled after mm/workingset.c, Linux 6.1, without memory cgroups' own lists: an eviction leaves the node's
 * age in the page's place; at a refault the distance (age now minus age then) is compared with the size of
 * the working set. On 64 bits the age needs no buckets (bucket_order 0 with fewer than 2^36 pages).
 *
 * List sizes are read from the statistics of the memory controller (mm/memcontrol.c mem_cgroup_flush_stats,
 * mem_cgroup_flush_stats_delayed, FLUSH_TIME), which are exact only at the start of each reclaim of the node
 * and every two seconds.
 *
 * Not modelled: that small changes are not flushed (stats_flush_threshold).
 */
#include "models/kernel/workingset.h"

#include "models/kernel/lrugen.h"
#include "models/kernel/swap.h"

#define AGE_BITS   52
#define FLUSH_TIME (2 * PS_PER_S)
#define AGE_MASK   ((UINT64_C(1) << AGE_BITS) - 1)

void workingset_flush_stats(struct kernel *k, struct node *n)
{
	struct lru_stats *s = &n->lruvec.flushed;

	s->at = kernel_now(k);
	for (unsigned i = LRU_INACTIVE_ANON; i <= LRU_ACTIVE_FILE; i++)
		s->size[i] = n->lruvec.list[i].n;
	s->activated[0] = (uint64_t)n->stat.item[NR_WORKINGSET_ACTIVATE_ANON];
	s->activated[1] = (uint64_t)n->stat.item[NR_WORKINGSET_ACTIVATE_FILE];
}

void lru_note_cost(struct lruvec *l, bool file, uint64_t nr_pages)
{
	uint64_t size = 0;

	if (file)
		l->file_cost += nr_pages;
	else
		l->anon_cost += nr_pages;
	for (unsigned i = LRU_INACTIVE_ANON; i <= LRU_ACTIVE_FILE; i++)
		size += l->flushed.size[i];
	if (l->file_cost + l->anon_cost > size / 4) {
		l->file_cost /= 2;
		l->anon_cost /= 2;
	}
}

#define REFS_BITS 2 /* of a token below min_seq */

/* lru_gen_eviction: the oldest generation and how often the page was used. */
static shadow_t generation_eviction(struct lru_gens *g, const struct frame *f)
{
	unsigned type = lru_type(f), refs = frame_lru_refs(f);
	uint64_t token = g->min_seq[type] << REFS_BITS | (refs ? refs - 1 : 0);

	g->evicted[type][lru_tier(refs)] += frame_nr_pages(f);
	return (token & AGE_MASK) << 8 | (uint64_t)f->nid << 2 | (refs ? 2u : 0u) | 1u;
}

/* lru_gen_refault */
static void generation_refault(struct task *cur, struct frame *f, shadow_t shadow)
{
	struct node *n = frame_node(cur->k->memory, f);
	struct lru_gens *g = n->lruvec.gens;
	unsigned type = lru_type(f), refs = (unsigned)(shadow >> 8 & 3) + (shadow & 2 ? 1 : 0);
	uint32_t nr = frame_nr_pages(f);

	if ((shadow >> 2 & 63) != f->nid ||
	    shadow >> (8 + REFS_BITS) != (g->min_seq[type] & (AGE_MASK >> REFS_BITS)))
		return;
	g->refaulted[type][lru_tier(refs)] += nr;
	node_stat_add(n, type == LRU_GEN_FILE ? NR_WORKINGSET_REFAULT_FILE : NR_WORKINGSET_REFAULT_ANON, nr);
	if (!cur->in_lru_fault && refs < LRU_REFS_MAX)
		return;
	f->gen |= LRU_REFS_MAX << 8;
	f->flags |= FR_WORKINGSET;
	node_stat_add(n, type == LRU_GEN_FILE ? NR_WORKINGSET_RESTORE_FILE : NR_WORKINGSET_RESTORE_ANON, nr);
}

/* Layout: valid bit, working-set bit, node (6 bits), age. */
shadow_t workingset_eviction(struct kernel *k, pfn_t pfn)
{
	const struct frame *f = frame_of(k->memory, pfn);
	struct lruvec *l = &frame_node(k->memory, f)->lruvec;
	uint64_t age = l->nonresident_age & AGE_MASK;

	if (l->gens)
		return generation_eviction(l->gens, f);
	l->nonresident_age += frame_nr_pages(f);
	return age << 8 | (uint64_t)f->nid << 2 | (f->flags & FR_WORKINGSET ? 2u : 0u) | 1u;
}

static uint64_t workingset_size(const struct kernel *k, const struct lruvec *l, bool file)
{
	uint64_t size = l->flushed.size[LRU_ACTIVE_FILE];

	if (!file)
		size += l->flushed.size[LRU_INACTIVE_FILE];
	if (k->swap && swap_free_slots(k->swap) > 0) {
		size += l->flushed.size[LRU_ACTIVE_ANON];
		if (file)
			size += l->flushed.size[LRU_INACTIVE_ANON];
	}
	return size;
}

void workingset_refault(struct task *cur, pfn_t pfn, shadow_t shadow)
{
	struct kernel *k = cur->k;
	struct frame *f = frame_of(k->memory, pfn);
	struct node *n = frame_node(k->memory, f);
	bool file = frame_is_file_lru(f);
	uint32_t nr = frame_nr_pages(f);
	struct node *from;
	uint64_t distance;

	if (!(shadow & 1))
		return;
	if (n->lruvec.gens) {
		generation_refault(cur, f, shadow);
		return;
	}
	from = &k->memory->node[(shadow >> 2) & 63];
	distance = (from->lruvec.nonresident_age - (shadow >> 8)) & AGE_MASK;
	node_stat_add(n, file ? NR_WORKINGSET_REFAULT_FILE : NR_WORKINGSET_REFAULT_ANON, nr);
	if (kernel_now(k) >= from->lruvec.flushed.at + FLUSH_TIME)
		workingset_flush_stats(k, from);
	if (distance > workingset_size(k, &from->lruvec, file))
		return;
	f->flags |= FR_ACTIVE;
	n->lruvec.nonresident_age += nr;
	node_stat_add(n, file ? NR_WORKINGSET_ACTIVATE_FILE : NR_WORKINGSET_ACTIVATE_ANON, nr);
	if (shadow & 2) {
		f->flags |= FR_WORKINGSET;
		lru_note_cost(&n->lruvec, file, nr);
		node_stat_add(n, file ? NR_WORKINGSET_RESTORE_FILE : NR_WORKINGSET_RESTORE_ANON, nr);
	}
}

void workingset_activation(struct kernel *k, pfn_t pfn)
{
	const struct frame *f = frame_of(k->memory, pfn);

	frame_node(k->memory, f)->lruvec.nonresident_age += frame_nr_pages(f);
}
