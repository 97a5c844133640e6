/*
 * miss.h - the way of a usual miss through the TLBs in one piece: looked up in both levels, filled into both.
 *
 * No hardware: it does what tlb_lookup and tlb_fill do, in the same order and with the same counts, for the
 * case that traces with many misses are made of: LRU arrays of at most 16 ways that hold pages of 4 KiB only.
 * Set, key and signature are worked out once for all four steps. Whatever else is found out leaves everything
 * as it was, and the caller asks tlb_lookup.
 */
#ifndef MODELS_HW_TLB_MISS_H
#define MODELS_HW_TLB_MISS_H

#include <string.h>

#include "models/hw/tlb/array.h"

#define MISS_INLINE static inline __attribute__((always_inline))

/* What lookup and fill of a page have in common. */
struct tlb_quest {
	struct tlb_array *l1;
	enum tlb_kind kind;
	uint64_t vpn, key, l1_set, l2_set;
	uint8_t sign;
};

/* Whether pages of this kind may go this way: asked before each quest, since a walk may bring a huge page. */
MISS_INLINE bool tlb_is_plain(const struct tlb *t, enum tlb_kind kind)
{
	return LIKELY(t->plain) && LIKELY(!(t->l2.huge | t->l1[kind][1].huge));
}

MISS_INLINE uint64_t quest_find(const struct tlb_array *a, uint64_t set, __m128i want, uint64_t key)
{
	__m128i have = _mm_loadu_si128((const __m128i *)(const void *)(a->sign + set * SIGNATURE_BLOCK));
	uint32_t hits = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(have, want));

	for (hits &= a->way_mask; UNLIKELY(hits); hits &= hits - 1) {
		uint64_t i = set * a->ways + (uint32_t)__builtin_ctz(hits);

		if (a->entry[i].key == key)
			return i;
	}
	return NOT_FOUND;
}

/* An entry as two words, so that it is stored at once and not field by field. */
MISS_INLINE void entry_store(struct tlb_entry *e, uint64_t key, uint64_t payload)
{
	e->key = key;
	memcpy(&e->payload, &payload, sizeof payload);
}

MISS_INLINE uint64_t payload_word(pfn_t pfn, uint16_t nid, uint8_t flags)
{
	struct tlb_payload pl = {.pfn = pfn, .nid = nid, .shift = PAGE_SHIFT, .flags = flags};
	uint64_t word;

	_Static_assert(sizeof pl == sizeof word, "a payload is a word");
	memcpy(&word, &pl, sizeof word);
	return word;
}

/* The page goes into the first level, in which it is not, and the front. */
MISS_INLINE void quest_fill_l1(struct tlb *t, const struct tlb_quest *q, uint64_t payload)
{
	struct tlb_array *a = q->l1;
	const unsigned storable = TLB_WRITABLE | TLB_DIRTY;
	const uint64_t base = q->l1_set * a->ways, way = oldest_way(a->touched + base, a->ways),
		       i = base + way;
	const uint32_t slot = tlb_front_slot(q->vpn);
	struct tlb_front *f = &t->front[q->kind][slot];
	struct tlb_payload pl;
	uint32_t cost, remote;

	if (LIKELY(a->touched[i])) {
		t->stats.evictions++;
		front_kill_slot(&a->front[tlb_front_slot(a->entry[i].key & PAGE_BITS)], &a->touched[i]);
	}
	a->touched[i] = a->filled[i] = ++t->now;
	a->sign[q->l1_set * SIGNATURE_BLOCK + way] = q->sign;
	entry_store(&a->entry[i], q->key, payload);
	memcpy(&pl, &payload, sizeof pl);
	remote = pl.nid != t->nid;
	cost = t->flat_milli ? t->flat_milli[pl.nid] : 0;
	f->tag[0] = q->key;
	f->tag[1] = (pl.flags & storable) == storable ? q->key : TLB_KEY_NONE;
	f->touched = &a->touched[i];
	f->charge = cost | (uint64_t)remote << TLB_REMOTE_SHIFT;
	t->place[q->kind][slot] =
		(struct tlb_place){.pfn = pl.pfn, .nid = pl.nid, .cost_milli = cost, .remote = remote};
}

/*
 * Looks up what the front does not have. TLB_MISS: counted, a walk and quest_fill follow; TLB_HIT_L2: done,
 * the second level's time is the caller's to charge; else nothing has happened, and tlb_lookup is to be
 * asked.
 */
MISS_INLINE enum tlb_result quest_look(struct tlb *t, struct tlb_quest *q, enum tlb_kind kind, uint64_t vpn,
				       uint64_t key, bool store)
{
	struct tlb_array *l2 = &t->l2;
	const uint64_t ways = l2->ways;
	uint64_t i, payload;
	__m128i want;

	*q = (struct tlb_quest){.l1 = &t->l1[kind][0], .kind = kind, .vpn = vpn, .key = key};
	q->sign = signature_of(key);
	q->l1_set = set_of(q->l1, vpn);
	q->l2_set = set_of(l2, vpn);
	want = _mm_set1_epi8((char)q->sign);
	if (quest_find(q->l1, q->l1_set, want, key) != NOT_FOUND)
		return TLB_HIT_L1;
	i = quest_find(l2, q->l2_set, want, key);
	if (i == NOT_FOUND) {
		*(kind == TLB_DATA ? &t->stats.l1d_misses : &t->stats.l1i_misses) += 1;
		t->stats.l2_misses++;
		return TLB_MISS;
	}
	if (store && (l2->entry[i].payload.flags & (TLB_WRITABLE | TLB_DIRTY)) != (TLB_WRITABLE | TLB_DIRTY))
		return TLB_NOT_DIRTY;
	if (kind == TLB_INSN && l2->entry[i].payload.flags & TLB_NX)
		return TLB_NOT_DIRTY;
	*(kind == TLB_DATA ? &t->stats.l1d_misses : &t->stats.l1i_misses) += 1;
	t->stats.l2_hits++;
	t->now++;
	l2->order[q->l2_set] = recency_touch(l2->order[q->l2_set], (unsigned)(i - q->l2_set * ways));
	memcpy(&payload, &l2->entry[i].payload, sizeof payload);
	quest_fill_l1(t, q, payload);
	return TLB_HIT_L2;
}

/* After the walk of a miss: a page of 4 KiB. */
MISS_INLINE void quest_fill(struct tlb *t, const struct tlb_quest *q, pfn_t pfn, uint16_t nid, uint8_t flags)
{
	struct tlb_array *l2 = &t->l2;
	const uint64_t payload = payload_word(pfn, nid, flags);
	uint64_t way;

	if (UNLIKELY(l2->empty[q->l2_set])) {
		way = (uint64_t)__builtin_ctz(l2->empty[q->l2_set]);
		l2->empty[q->l2_set] &= (uint16_t)(l2->empty[q->l2_set] - 1);
		l2->order[q->l2_set] = recency_touch(l2->order[q->l2_set], (unsigned)way);
	} else {
		t->stats.evictions++;
		way = recency_take(&l2->recency, &l2->order[q->l2_set]);
	}
	t->now++;
	l2->sign[q->l2_set * SIGNATURE_BLOCK + way] = q->sign;
	entry_store(&l2->entry[q->l2_set * l2->ways + way], q->key, payload);
	quest_fill_l1(t, q, payload);
	t->missed[TLB_DATA] = t->missed[TLB_INSN] = TLB_KEY_NONE;
}

#endif
