/*
 * lrugen.c - lists and sizes of generations.
 *
 * After include/linux/mm_inline.h (lru_gen_add_folio, lru_gen_del_folio, lru_gen_update_size,
 * lru_gen_is_active), mm/vmscan.c (folio_update_gen, folio_inc_gen, inc_min_seq, try_to_inc_min_seq;
 * read_ctrl_pos, reset_ctrl_pos, positive_ctrl_err, get_type_to_scan, get_tier_idx: a proportional controller
 * over refaults by tier) and mm/swap.c (folio_inc_refs) of Linux 6.1. O(1) each.
 *
 * Invariant: nr_pages[g][t][z] are the pages of type t in zone z whose generation is g; pages of the two
 * youngest generations count as active in NR_ACTIVE_x.
 *
 * Not modelled: sizes gathered in batches (they change at once).
 */
#include "models/kernel/lrugen.h"

#include "sim/mem.h"

#define GEN_BITS  15u
#define REFS_BITS (LRU_REFS_MAX << 8)

struct lru_gens *lru_gens_new(void)
{
	struct lru_gens *g = mem_alloc(1, sizeof *g);

	g->max_seq = MIN_NR_GENS + 1;
	g->walked_seq = MIN_NR_GENS;
	for (unsigned i = 0; i < MAX_NR_GENS; i++)
		for (unsigned t = 0; t < NR_LRU_TYPES; t++)
			for (unsigned z = 0; z < NR_ZONES; z++)
				frame_list_init(&g->list[i][t][z]);
	return g;
}

unsigned lru_tier(unsigned refs) /* order_base_2(refs + 1) */
{
	unsigned tier = 0;

	while ((1u << tier) < refs + 1)
		tier++;
	return tier;
}

bool lru_gen_is_active(const struct lru_gens *g, unsigned gen)
{
	return gen == lru_gen_of_seq(g->max_seq) || gen == lru_gen_of_seq(g->max_seq - 1);
}

void lru_gen_count(struct lruvec *l, unsigned type, unsigned zone, bool active, int64_t n)
{
	lruvec_count(l, (type == LRU_GEN_FILE ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON) + (active ? 1u : 0u),
		     zone, n);
}

/* lru_gen_update_size: from generation `from` to `to`; -1: none. */
static void update_size(struct kernel *k, const struct frame *f, int from, int to)
{
	struct lruvec *l = frame_lruvec(k->memory, f);
	struct lru_gens *g = l->gens;
	int64_t n = frame_nr_pages(f);
	unsigned type = lru_type(f);

	if (from >= 0) {
		g->nr_pages[from][type][f->zid] -= n;
		lru_gen_count(l, type, f->zid, lru_gen_is_active(g, (unsigned)from), -n);
	}
	if (to >= 0) {
		g->nr_pages[to][type][f->zid] += n;
		lru_gen_count(l, type, f->zid, lru_gen_is_active(g, (unsigned)to), n);
	}
}

static struct frame_list *list_at(struct kernel *k, const struct frame *f, unsigned gen)
{
	return &frame_lruvec(k->memory, f)->gens->list[gen][lru_type(f)][f->zid];
}

static struct frame_list *list_of(struct kernel *k, const struct frame *f)
{
	return list_at(k, f, f->gen >> 4 & GEN_BITS);
}

struct frame_list *lru_gen_list(struct kernel *k, const struct frame *f)
{
	return list_of(k, f);
}

static void set_gen(struct frame *f, unsigned gen)
{
	f->gen = (f->gen & ~GEN_BITS) | (gen + 1);
}

static void move(struct kernel *k, pfn_t pfn, bool tail)
{
	struct frame *f = frame_of(k->memory, pfn);
	unsigned gen = (unsigned)frame_lru_gen(f);

	frame_list_del(&k->memory->frames, list_of(k, f), pfn);
	f->gen = (f->gen & ~(GEN_BITS << 4)) | gen << 4;
	if (tail)
		frame_list_append(&k->memory->frames, list_at(k, f, gen), pfn);
	else
		frame_list_push(&k->memory->frames, list_at(k, f, gen), pfn);
}

void lru_gen_add(struct kernel *k, pfn_t pfn, bool reclaiming)
{
	struct frame *f = frame_of(k->memory, pfn);
	const struct lru_gens *g = frame_lruvec(k->memory, f)->gens;
	unsigned type = lru_type(f), gen;
	uint64_t seq;

	if (f->flags & FR_ACTIVE)
		seq = g->max_seq;
	else if ((type == LRU_GEN_ANON && !(f->flags & FR_SWAPCACHE)) ||
		 (f->flags & FR_RECLAIM && f->flags & (FR_DIRTY | FR_WRITEBACK)))
		seq = g->max_seq - 1;
	else if (reclaiming || g->min_seq[type] + MIN_NR_GENS >= g->max_seq)
		seq = g->min_seq[type];
	else
		seq = g->min_seq[type] + 1;
	gen = lru_gen_of_seq(seq);
	f->flags = (f->flags & ~(uint32_t)FR_ACTIVE) | FR_LRU;
	f->gen = (f->gen & REFS_BITS) | gen << 4 | (gen + 1);
	update_size(k, f, -1, (int)gen);
	if (reclaiming)
		frame_list_append(&k->memory->frames, list_at(k, f, gen), pfn);
	else
		frame_list_push(&k->memory->frames, list_at(k, f, gen), pfn);
}

void lru_gen_del(struct kernel *k, pfn_t pfn, bool reclaiming)
{
	struct frame *f = frame_of(k->memory, pfn);
	int gen = frame_lru_gen(f);

	CHECK(gen >= 0, "frame %u is in no generation", pfn);
	frame_list_del(&k->memory->frames, list_of(k, f), pfn);
	update_size(k, f, gen, -1);
	if (!reclaiming && lru_gen_is_active(frame_lruvec(k->memory, f)->gens, (unsigned)gen))
		f->flags |= FR_ACTIVE;
	f->flags &= ~(uint32_t)FR_LRU;
	f->gen &= REFS_BITS;
}

void lru_gen_promote(struct kernel *k, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);
	int old = frame_lru_gen(f);
	unsigned gen;

	if (f->flags & FR_UNEVICTABLE)
		return;
	if (old < 0 || !(f->flags & FR_LRU)) { /* isolated: for shrink_folio_list */
		f->flags |= FR_REFERENCED;
		return;
	}
	gen = lru_gen_of_seq(frame_lruvec(k->memory, f)->gens->max_seq);
	f->flags &= ~(uint32_t)(FR_REFERENCED | FR_WORKINGSET);
	f->gen &= ~REFS_BITS;
	if ((unsigned)old != gen) {
		update_size(k, f, old, (int)gen);
		set_gen(f, gen);
	}
}

unsigned lru_gen_postpone(struct kernel *k, pfn_t pfn, bool reclaiming, bool tail)
{
	struct frame *f = frame_of(k->memory, pfn);
	const struct lru_gens *g = frame_lruvec(k->memory, f)->gens;
	unsigned old = lru_gen_of_seq(g->min_seq[lru_type(f)]), gen = (unsigned)frame_lru_gen(f);

	if (gen == old) {
		gen = (old + 1) % MAX_NR_GENS;
		f->flags &= ~(uint32_t)(FR_REFERENCED | FR_WORKINGSET);
		f->gen &= ~REFS_BITS;
		if (reclaiming)
			f->flags |= FR_RECLAIM;
		update_size(k, f, (int)old, (int)gen);
		set_gen(f, gen);
	}
	move(k, pfn, tail);
	return gen;
}

void lru_gen_settle(struct kernel *k, pfn_t pfn)
{
	move(k, pfn, false);
}

void lru_gen_inc_refs(struct frame *f)
{
	if (f->flags & FR_UNEVICTABLE)
		return;
	if (!(f->flags & FR_REFERENCED))
		f->flags |= FR_REFERENCED;
	else if (!(f->flags & FR_WORKINGSET))
		f->flags |= FR_WORKINGSET;
	else if ((f->gen & REFS_BITS) != REFS_BITS)
		f->gen += 1u << 8;
}

/* ---- the controller ---- */

struct position {
	uint64_t refaulted, total, gain;
};

static struct position read_position(const struct lru_gens *g, unsigned type, unsigned tier, uint64_t gain)
{
	struct position p = {g->avg_refaulted[type][tier] + g->refaulted[type][tier],
			     g->avg_total[type][tier] + g->evicted[type][tier], gain};

	if (tier)
		p.total += g->protected[type][tier - 1];
	return p;
}

/* reset_ctrl_pos with carryover: the oldest generation goes, half of its history stays. */
void lru_gen_carry_over(struct lru_gens *g, unsigned type)
{
	for (unsigned tier = 0; tier < MAX_NR_TIERS; tier++) {
		struct position p = read_position(g, type, tier, 0);

		g->avg_refaulted[type][tier] = p.refaulted / 2;
		g->avg_total[type][tier] = p.total / 2;
		g->refaulted[type][tier] = g->evicted[type][tier] = 0;
		if (tier)
			g->protected[type][tier - 1] = 0;
	}
}

static bool positive_error(struct position sp, struct position pv)
{
	return pv.refaulted < MIN_LRU_BATCH ||
	       pv.refaulted * (sp.total + MIN_LRU_BATCH) * sp.gain <= (sp.refaulted + 1) * pv.total * pv.gain;
}

/* The last tier of `type` whose pages are evicted, measured against sp. */
static unsigned last_tier(const struct lru_gens *g, unsigned type, struct position sp, uint64_t gain)
{
	unsigned tier = 1;

	while (tier < MAX_NR_TIERS && positive_error(sp, read_position(g, type, tier, gain)))
		tier++;
	return tier - 1;
}

unsigned lru_gen_choose_type(const struct lru_gens *g, uint64_t swappiness, unsigned *tier)
{
	uint64_t gain[NR_LRU_TYPES] = {swappiness, 200 - swappiness};
	unsigned type = positive_error(read_position(g, LRU_GEN_ANON, 0, gain[LRU_GEN_ANON]),
				       read_position(g, LRU_GEN_FILE, 0, gain[LRU_GEN_FILE]));

	*tier = last_tier(g, type, read_position(g, !type, 0, gain[!type]), gain[type]);
	return type;
}

unsigned lru_gen_last_tier(const struct lru_gens *g, unsigned type)
{
	return last_tier(g, type, read_position(g, type, 0, 1), 2);
}

/* ---- the oldest generation ---- */

void lru_gen_inc_min_seq(struct kernel *k, struct lru_gens *g, unsigned type, bool can_swap)
{
	unsigned old = lru_gen_of_seq(g->min_seq[type]);

	if (type == LRU_GEN_FILE || can_swap)
		for (unsigned z = 0; z < NR_ZONES; z++)
			while (g->list[old][type][z].last != PFN_NONE)
				(void)lru_gen_postpone(k, g->list[old][type][z].last, false, true);
	lru_gen_carry_over(g, type);
	g->min_seq[type]++;
}

bool lru_gen_try_to_inc_min_seq(struct lru_gens *g, bool can_swap)
{
	uint64_t min_seq[NR_LRU_TYPES] = {g->min_seq[0], g->min_seq[1]};
	bool success = false;

	for (unsigned type = !can_swap; type < NR_LRU_TYPES; type++)
		while (min_seq[type] + MIN_NR_GENS <= g->max_seq) {
			bool empty = true;

			for (unsigned z = 0; z < NR_ZONES; z++)
				empty &= g->list[lru_gen_of_seq(min_seq[type])][type][z].last == PFN_NONE;
			if (!empty)
				break;
			min_seq[type]++;
		}
	if (can_swap) {
		min_seq[LRU_GEN_ANON] = MIN_OF(min_seq[LRU_GEN_ANON], min_seq[LRU_GEN_FILE]);
		min_seq[LRU_GEN_FILE] = MAX_OF(min_seq[LRU_GEN_ANON], g->min_seq[LRU_GEN_FILE]);
	}
	for (unsigned type = !can_swap; type < NR_LRU_TYPES; type++)
		if (min_seq[type] != g->min_seq[type]) {
			lru_gen_carry_over(g, type);
			g->min_seq[type] = min_seq[type];
			success = true;
		}
	return success;
}
