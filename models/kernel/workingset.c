/*
 * workingset.c - shadow entries and refault distances.
 *
 * Modelled after mm/workingset.c, Linux 6.1: an eviction leaves the age of the
 * lists in the page's place (of the group whose limit was the reason); at a refault the distance (age now
 * minus age then) is compared with the size of the working set. On 64 bits the age needs no buckets
 * (bucket_order 0 with fewer than 2^36 pages).
 *
 * List sizes are read from the statistics of the memory controller (mm/memcontrol.c mem_cgroup_flush_stats,
 * mem_cgroup_flush_stats_delayed, FLUSH_TIME), which are exact only at the start of each reclaim of the node
 * and every two seconds.
 *
 * Not modelled: that small changes are not flushed (stats_flush_threshold).
 */
#include "models/kernel/workingset.h"

#include "models/kernel/lrugen.h"
#include "models/kernel/memcg.h"
#include "models/kernel/swap.h"
#include "models/kernel/swap_cgroup.h"

#define AGE_BITS   42
#define FLUSH_TIME (2 * PS_PER_S)
#define AGE_MASK   ((UINT64_C(1) << AGE_BITS) - 1)

static void flush_one(struct kernel *k, struct lruvec *l)
{
	struct lru_stats *s = &l->flushed;

	s->at = kernel_now(k);
	for (unsigned i = LRU_INACTIVE_ANON; i <= LRU_ACTIVE_FILE; i++)
		s->size[i] = l->list[i].n;
	s->activated[0] = (uint64_t)lruvec_state(k, l, NR_WORKINGSET_ACTIVATE_ANON);
	s->activated[1] = (uint64_t)lruvec_state(k, l, NR_WORKINGSET_ACTIVATE_FILE);
}

void workingset_flush_stats(struct kernel *k, struct lruvec *l)
{
	const struct memcg *g;
	size_t n;

	flush_one(k, &l->node->lruvec);
	for (n = 0; (g = memcg_at(k, n)); n++)
		flush_one(k, &g->lruvec[l->node->nid]);
	for (; n > 0; n--) { /* groups come after those that they lie in */
		const struct lruvec *child = &memcg_at(k, n - 1)->lruvec[l->node->nid];

		for (unsigned i = LRU_INACTIVE_ANON; i <= LRU_ACTIVE_FILE; i++)
			lruvec_parent(child)->flushed.size[i] += child->flushed.size[i];
	}
}

static void note_cost(struct lruvec *l, bool file, uint64_t nr_pages)
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

void lru_note_cost(struct lruvec *l, bool file, uint64_t nr_pages)
{
	for (; l; l = lruvec_parent(l))
		note_cost(l, file, nr_pages);
}

/* Layout: valid bit, working-set bit, node (6 bits), age or token, group. */
static shadow_t pack(uint32_t group, unsigned nid, uint64_t age, bool workingset)
{
	return (shadow_t)group << (8 + AGE_BITS) | (age & AGE_MASK) << 8 | (shadow_t)nid << 2 |
	       (workingset ? 2u : 0u) | 1u;
}

static uint32_t group_of(shadow_t s)
{
	return (uint32_t)(s >> (8 + AGE_BITS));
}

static uint64_t age_of(shadow_t s)
{
	return s >> 8 & AGE_MASK;
}

#define REFS_BITS 2 /* of a token below min_seq */

/* lru_gen_eviction: the oldest generation and how often the page was used. */
static shadow_t generation_eviction(struct lru_gens *g, const struct frame *f)
{
	unsigned type = lru_type(f), refs = frame_lru_refs(f);
	uint64_t token = g->min_seq[type] << REFS_BITS | (refs ? refs - 1 : 0);

	g->evicted[type][lru_tier(refs)] += frame_nr_pages(f);
	return pack(f->memcg, f->nid, token, refs > 0);
}

/* lru_gen_refault */
static void generation_refault(struct task *cur, struct frame *f, shadow_t shadow)
{
	struct lruvec *l = frame_lruvec(cur->k->memory, f);
	struct lru_gens *g = l->gens;
	unsigned type = lru_type(f), refs = (unsigned)(shadow >> 8 & 3) + (shadow & 2 ? 1 : 0);
	uint32_t nr = frame_nr_pages(f);

	if ((shadow >> 2 & 63) != f->nid || group_of(shadow) != f->memcg ||
	    age_of(shadow) >> REFS_BITS != (g->min_seq[type] & (AGE_MASK >> REFS_BITS)))
		return;
	g->refaulted[type][lru_tier(refs)] += nr;
	lruvec_stat_add(l, type == LRU_GEN_FILE ? NR_WORKINGSET_REFAULT_FILE : NR_WORKINGSET_REFAULT_ANON,
			nr);
	if (!cur->in_lru_fault && refs < LRU_REFS_MAX)
		return;
	f->gen |= LRU_REFS_MAX << 8;
	f->flags |= FR_WORKINGSET;
	lruvec_stat_add(l, type == LRU_GEN_FILE ? NR_WORKINGSET_RESTORE_FILE : NR_WORKINGSET_RESTORE_ANON,
			nr);
}

shadow_t workingset_eviction(struct kernel *k, pfn_t pfn, const struct memcg *target)
{
	const struct frame *f = frame_of(k->memory, pfn);
	struct lruvec *l = memcg_lruvec(target, frame_node(k->memory, f));
	uint64_t age = l->nonresident_age;

	if (l->gens)
		return generation_eviction(frame_lruvec(k->memory, f)->gens, f);
	lruvec_age(l, frame_nr_pages(f));
	return pack(target ? target->id : 0, f->nid, age, f->flags & FR_WORKINGSET);
}

/* l: the lists that lost the page; g: the group that has it back. */
static uint64_t workingset_size(const struct kernel *k, const struct lruvec *l, const struct memcg *g,
				bool file)
{
	uint64_t size = l->flushed.size[LRU_ACTIVE_FILE];

	if (!file)
		size += l->flushed.size[LRU_INACTIVE_FILE];
	if (k->swap && swap_cgroup_room(g, swap_free_slots(k->swap)) > 0) {
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
	struct lruvec *l = frame_lruvec(k->memory, f), *from;
	bool file = frame_is_file_lru(f);
	uint32_t nr = frame_nr_pages(f);
	uint64_t distance;

	if (!(shadow & 1))
		return;
	if (l->gens) {
		generation_refault(cur, f, shadow);
		return;
	}
	from = memcg_lruvec(memcg_of(k, group_of(shadow)), &k->memory->node[(shadow >> 2) & 63]);
	distance = (from->nonresident_age - age_of(shadow)) & AGE_MASK;
	lruvec_stat_add(l, file ? NR_WORKINGSET_REFAULT_FILE : NR_WORKINGSET_REFAULT_ANON, nr);
	if (kernel_now(k) >= from->flushed.at + FLUSH_TIME)
		workingset_flush_stats(k, from);
	if (distance > workingset_size(k, from, l->memcg, file))
		return;
	f->flags |= FR_ACTIVE;
	lruvec_age(l, nr);
	lruvec_stat_add(l, file ? NR_WORKINGSET_ACTIVATE_FILE : NR_WORKINGSET_ACTIVATE_ANON, nr);
	if (shadow & 2) {
		f->flags |= FR_WORKINGSET;
		lru_note_cost(l, file, nr);
		lruvec_stat_add(l, file ? NR_WORKINGSET_RESTORE_FILE : NR_WORKINGSET_RESTORE_ANON, nr);
	}
}
