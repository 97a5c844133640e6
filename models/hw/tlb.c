/*
 * tlb.c - lookup, fill and invalidation of a CPU's TLBs.
 *
 * Modelled after the Intel SDM, vol. 3, 4.10 (what may be cached, INVLPG and PCID rules) and the geometries
 * that CPUID leaf 2/18H and InstLatx64 show. Both levels are looked up in order; a fill after a walk goes to
 * both; a second-level hit is copied to the first level. The levels are not inclusive either way: a
 * first-level eviction leaves the second level alone and the other way round. A first-level hit does not
 * touch the second level's stamp. In the second level a 2 MiB page's key has bit 47 set, because both sizes
 * share sets.
 *
 * Counting: l1_hits + l1_misses = translations asked for, l2_hits + l2_misses = l1_misses, and walks =
 * l2_misses + dirty_assists. A store that finds an entry it may not use counts as the hit it was and as an
 * assist.
 *
 * What the host does about it: a lookup compares signatures, sixteen ways at once (signature.h), and then one
 * key; a second level under LRU of at most 16 ways keeps an order a set instead of stamps (recency.h); a fill
 * right behind a lookup that missed does not search again. No result depends on any of it.
 *
 * Complexity: O(ways) a lookup or fill; flush of a page the same; flush of an address space O(entries).
 * Invariants (tlb_is_valid): an entry lies in the set of its page; no key twice in a set; every front slot in
 * use names a valid first-level entry of its page. When a fill brings a page in the other size, the old
 * translation of that page is dropped, so the newest fill is what a lookup finds.
 *
 * Not modelled: 1 GiB entries (a 1 GiB page is cached as 2 MiB pieces), global entries that survive an
 * address space switch, hashed set indices (Skylake's second level folds upper bits in; here the low bits
 * choose the set), a second level that is split by size or by kind, TLB prefetching, hardware threads that
 * share a TLB, and several walks at a time.
 */
#include "models/hw/tlb.h"

#include <stdio.h>
#include <string.h>

#include "models/hw/replacement/policies.h"
#include "models/hw/tlb/array.h"
#include "sim/check.h"
#include "sim/mem.h"

PARAM_TABLE(tlb, tlb_params, TLB_PARAMS);
STAT_TABLE(tlb, tlb_stats, TLB_STATS);

#define L2_HUGE    (UINT64_C(1) << 47)
#define SLOT_WORDS (TLB_FRONT_SLOTS / 64)

enum { SIZE_4K, SIZE_2M };

static int array_init(struct tlb_array *a, uint64_t entries, uint64_t ways, const char *name, struct err *e)
{
	if (!ways || !entries || entries % ways)
		return err_set(e, ERR_CONFIG,
			       "tlb.%s: %" PRIu64 " entries in %" PRIu64
			       " ways, expected a multiple of the ways (tlb.%s.entries, tlb.%s.ways)",
			       name, entries, ways, name, name);
	a->sets = entries / ways;
	a->ways = ways;
	a->mask = a->sets & (a->sets - 1) ? NO_MASK : a->sets - 1;
	a->way_mask = ways <= SIGNATURE_BLOCK ? (1u << ways) - 1 : 0;
	a->stride = signature_stride(ways);
	a->sign = mem_alloc(a->sets, a->stride);
	a->entry = mem_alloc(entries, sizeof *a->entry);
	a->touched = mem_alloc(entries, sizeof *a->touched);
	a->filled = mem_alloc(entries, sizeof *a->filled);
	for (uint64_t i = 0; i < entries; i++)
		a->entry[i].key = TLB_KEY_NONE;
	return 0;
}

static void array_clear_order(struct tlb_array *a)
{
	for (uint64_t set = 0; set < a->sets; set++) {
		a->order[set] = recency_start(&a->recency);
		a->empty[set] = (uint16_t)((1u << a->ways) - 1);
	}
}

/* A second level under LRU: its stamps are never compared, so an order a set does. */
static void array_use_recency(struct tlb_array *a)
{
	a->recency = recency_of(a->ways);
	a->order = mem_alloc(a->sets, sizeof *a->order);
	a->empty = mem_alloc(a->sets, sizeof *a->empty);
	array_clear_order(a);
}

static void array_release(struct tlb_array *a)
{
	mem_free(a->order);
	mem_free(a->empty);
	mem_free(a->sign);
	mem_free(a->entry);
	mem_free(a->touched);
	mem_free(a->filled);
	mem_free(a->front_slots);
}

static void front_reset(struct tlb *t)
{
	for (unsigned kind = 0; kind < 2; kind++) {
		for (unsigned i = 0; i < TLB_FRONT_SLOTS; i++) {
			t->front[kind][i].tag[0] = TLB_KEY_NONE;
			t->front[kind][i].tag[1] = TLB_KEY_NONE;
			t->front[kind][i].touched = NULL;
		}
	}
	t->missed[TLB_DATA] = t->missed[TLB_INSN] = TLB_KEY_NONE;
}

int tlb_init(struct tlb *t, const struct tlb_params *p, unsigned cpu, unsigned nid,
	     const uint32_t *flat_milli, uint64_t seed, struct err *e)
{
	struct {
		struct tlb_array *a;
		uint64_t entries, ways;
		const char *name;
		bool huge;
	} list[] = {
		{&t->l1[TLB_DATA][SIZE_4K], p->l1d_entries, p->l1d_ways, "l1d", false},
		{&t->l1[TLB_DATA][SIZE_2M], p->l1d_huge_entries, p->l1d_huge_ways, "l1d_huge", true},
		{&t->l1[TLB_INSN][SIZE_4K], p->l1i_entries, p->l1i_ways, "l1i", false},
		{&t->l1[TLB_INSN][SIZE_2M], p->l1i_huge_entries, p->l1i_huge_ways, "l1i_huge", true},
		{&t->l2, p->l2_entries, p->l2_ways, "l2", false},
	};

	memset(t, 0, sizeof *t);
	t->nid = nid;
	t->flat_milli = flat_milli;
	front_reset(t);
	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		struct tlb_array *a = list[i].a;
		char path[40];
		int rc = array_init(a, list[i].entries, list[i].ways, list[i].name, e);

		if (rc) {
			tlb_release(t);
			return rc;
		}
		if (list[i].huge)
			a->front_slots = mem_alloc(list[i].entries * SLOT_WORDS, sizeof *a->front_slots);
		if (a != &t->l2)
			a->front = t->front[a >= t->l1[TLB_INSN] ? TLB_INSN : TLB_DATA];
		a->policy = replacement_at(p->policy);
		if (a == &t->l2 && a->policy == &replacement_lru && a->ways <= RECENCY_WAYS)
			array_use_recency(a);
		snprintf(path, sizeof path, "tlb.cpu%u.%s", cpu, list[i].name);
		rng_init(&a->rng, seed, path);
	}
	t->plain = t->l2.order && t->l1[TLB_DATA][SIZE_4K].way_mask && t->l1[TLB_INSN][SIZE_4K].way_mask;
	return 0;
}

void tlb_release(struct tlb *t)
{
	for (unsigned kind = 0; kind < 2; kind++) {
		array_release(&t->l1[kind][SIZE_4K]);
		array_release(&t->l1[kind][SIZE_2M]);
	}
	array_release(&t->l2);
	memset(t, 0, sizeof *t);
}

static inline uint64_t key_of(uint64_t page, uint16_t asid)
{
	return page | (uint64_t)asid << TLB_ASID_SHIFT;
}

/* Kills what the front has of first-level entry i; for the second level there is nothing to do. */
static inline void front_kill(struct tlb_array *a, uint64_t i)
{
	uint64_t *bits;

	if (!a->front)
		return;
	if (LIKELY(!a->front_slots)) {
		front_kill_slot(&a->front[tlb_front_slot(a->entry[i].key & PAGE_BITS)], &a->touched[i]);
		return;
	}
	bits = a->front_slots + i * SLOT_WORDS;
	for (uint32_t w = 0; w < SLOT_WORDS; w++) {
		for (; bits[w]; bits[w] &= bits[w] - 1)
			front_kill_slot(&a->front[w * 64 + (uint32_t)__builtin_ctzll(bits[w])],
					&a->touched[i]);
	}
}

static inline void front_set(struct tlb *t, enum tlb_kind kind, uint64_t vpn, uint64_t tag,
			     struct tlb_array *a, uint64_t i)
{
	const struct tlb_payload pl = a->entry[i].payload;
	uint32_t slot = tlb_front_slot(vpn), remote = pl.nid != t->nid,
		 cost = t->flat_milli ? t->flat_milli[pl.nid] : 0;
	struct tlb_front *f = &t->front[kind][slot];
	struct tlb_place *at = &t->place[kind][slot];
	const unsigned storable = TLB_WRITABLE | TLB_DIRTY;

	f->tag[0] = tag;
	f->tag[1] = (pl.flags & storable) == storable ? tag : TLB_KEY_NONE;
	f->touched = &a->touched[i];
	f->charge = cost | (uint64_t)remote << TLB_REMOTE_SHIFT;
	*at = (struct tlb_place){.pfn = pl.pfn, .nid = pl.nid, .cost_milli = cost, .remote = remote};
	if (UNLIKELY(a->front_slots)) { /* 2 MiB */
		at->pfn += (pfn_t)(vpn & ((1u << HUGE_SHIFT) - 1));
		a->front_slots[i * SLOT_WORDS + slot / 64] |= UINT64_C(1) << (slot % 64);
	}
}

/* A valid entry goes: how many huge translations an array holds. None, as a rule, and then nothing needs to
 * be looked for. */
static inline void uncount_huge(struct tlb_array *a, uint64_t i)
{
	if (UNLIKELY(a->huge))
		a->huge -= a->entry[i].payload.shift != PAGE_SHIFT;
}

static void entry_drop(struct tlb_array *a, uint64_t i)
{
	front_kill(a, i);
	uncount_huge(a, i);
	a->entry[i].key = TLB_KEY_NONE;
	a->touched[i] = 0;
	a->filled[i] = 0;
	if (a->order)
		a->empty[i / a->ways] |= (uint16_t)(1u << i % a->ways);
}

static void page_drop(struct tlb_array *a, uint64_t page, uint64_t key)
{
	uint64_t i = page_find(a, page, key);

	if (i != NOT_FOUND)
		entry_drop(a, i);
}

/* The way that a new entry of the set takes: an empty one, whose stamp is 0, else the policy's victim. */
static inline uint64_t choose_way(struct tlb *t, struct tlb_array *a, uint64_t base)
{
	const uint64_t *touched = a->touched + base;
	uint64_t oldest = oldest_way(touched, a->ways);

	if (UNLIKELY(touched[oldest] == 0))
		return oldest;
	if (UNLIKELY(a->policy != &replacement_lru))
		oldest = a->policy->victim(touched, a->filled + base, (unsigned)a->ways, &a->rng);
	t->stats.evictions++;
	front_kill(a, base + oldest);
	uncount_huge(a, base + oldest);
	return oldest;
}

/* The same for a set that keeps its order; the way is then the newest. */
static inline uint64_t choose_ordered_way(struct tlb *t, struct tlb_array *a, uint64_t set)
{
	uint64_t way;

	if (UNLIKELY(a->empty[set])) {
		way = (uint64_t)__builtin_ctz(a->empty[set]);
		a->empty[set] &= (uint16_t)(a->empty[set] - 1);
		a->order[set] = recency_touch(a->order[set], (unsigned)way);
		return way;
	}
	t->stats.evictions++;
	way = recency_take(&a->recency, &a->order[set]);
	uncount_huge(a, set * a->ways + way);
	return way;
}

/* Entry i was used. */
static inline void entry_touch(struct tlb *t, struct tlb_array *a, uint64_t i)
{
	t->now++;
	if (a->order)
		a->order[i / a->ways] = recency_touch(a->order[i / a->ways], (unsigned)(i % a->ways));
	else
		a->touched[i] = t->now;
}

/* Puts in a translation whose key is not there; evicts when the set is full. Returns the index. */
static inline __attribute__((always_inline)) uint64_t
entry_add(struct tlb *t, struct tlb_array *a, uint64_t page, uint64_t key, struct tlb_payload pl)
{
	uint64_t set = set_of(a, page), base = set * a->ways, way;

	if (a->order) {
		way = choose_ordered_way(t, a, set);
	} else {
		way = choose_way(t, a, base);
		a->touched[base + way] = a->filled[base + way] = t->now + 1;
	}
	t->now++;
	a->sign[set * a->stride + way] = signature_of(key);
	a->entry[base + way] = (struct tlb_entry){key, pl};
	return base + way;
}

/* Puts the translation in, or instead of the one that its key has. Returns the index. */
static uint64_t entry_put(struct tlb *t, struct tlb_array *a, uint64_t page, uint64_t key,
			  struct tlb_payload pl)
{
	uint64_t i = page_find(a, page, key);

	if (i == NOT_FOUND) {
		i = entry_add(t, a, page, key, pl);
	} else {
		front_kill(a, i);
		uncount_huge(a, i);
		a->entry[i].payload = pl;
		entry_touch(t, a, i);
	}
	a->huge += pl.shift != PAGE_SHIFT;
	return i;
}

/* Whether a store may not use the entry; drops the page from the array and the second level if so. */
static inline bool needs_assist(struct tlb *t, struct tlb_array *a, uint64_t i, uint64_t page, unsigned size,
				uint16_t asid)
{
	const unsigned storable = TLB_WRITABLE | TLB_DIRTY;

	if (LIKELY((a->entry[i].payload.flags & storable) == storable))
		return false;
	t->stats.dirty_assists++;
	entry_drop(a, i);
	if (a != &t->l2)
		page_drop(&t->l2, page, key_of(page, asid) | (size == SIZE_2M ? L2_HUGE : 0));
	return true;
}

static enum tlb_result lookup_l2(struct tlb *t, enum tlb_kind kind, uint64_t vpn, uint16_t asid, bool store)
{
	unsigned size = SIZE_4K;
	uint64_t page = vpn, key = key_of(vpn, asid), i = page_find(&t->l2, page, key);

	if (i == NOT_FOUND && UNLIKELY(t->l2.huge)) {
		size = SIZE_2M;
		page = vpn >> HUGE_SHIFT;
		i = page_find(&t->l2, page, key_of(page, asid) | L2_HUGE);
	}
	if (i == NOT_FOUND) {
		t->stats.l2_misses++;
		t->missed[kind] = key;
		return TLB_MISS;
	}
	t->stats.l2_hits++;
	if (kind == TLB_INSN && t->l2.entry[i].payload.flags & TLB_NX) {
		entry_drop(&t->l2, i); /* the walker finds out and faults */
		return TLB_MISS;
	}
	if (store && needs_assist(t, &t->l2, i, page, size, asid))
		return TLB_NOT_DIRTY;
	entry_touch(t, &t->l2, i);
	i = entry_add(t, &t->l1[kind][size], page, key_of(page, asid), t->l2.entry[i].payload);
	t->l1[kind][size].huge += size == SIZE_2M;
	front_set(t, kind, vpn, key, &t->l1[kind][size], i);
	return TLB_HIT_L2;
}

enum tlb_result tlb_lookup(struct tlb *t, enum tlb_kind kind, uint64_t vpn, uint16_t asid, bool store)
{
	struct tlb_array *a = &t->l1[kind][SIZE_4K];
	unsigned size = SIZE_4K;
	uint64_t page = vpn, key = key_of(vpn, asid), i = page_find(a, page, key);

	DCHECK(vpn < L2_HUGE, "page number %#" PRIx64, vpn);
	if (i == NOT_FOUND && UNLIKELY(t->l1[kind][SIZE_2M].huge)) {
		a = &t->l1[kind][SIZE_2M];
		size = SIZE_2M;
		page = vpn >> HUGE_SHIFT;
		i = page_find(a, page, key_of(page, asid));
	}
	if (i == NOT_FOUND) {
		*(kind == TLB_DATA ? &t->stats.l1d_misses : &t->stats.l1i_misses) += 1;
		return lookup_l2(t, kind, vpn, asid, store);
	}
	*(kind == TLB_DATA ? &t->stats.l1d_hits : &t->stats.l1i_hits) += 1;
	if (store && needs_assist(t, a, i, page, size, asid))
		return TLB_NOT_DIRTY;
	a->touched[i] = ++t->now;
	front_set(t, kind, vpn, key, a, i);
	return TLB_HIT_L1;
}

/* A page of 2 MiB, or of 4 KiB while there are larger ones or when it may be there. */
static __attribute__((noinline)) void fill_any(struct tlb *t, enum tlb_kind kind, uint64_t vpn, uint16_t asid,
					       struct tlb_payload pl)
{
	unsigned size = pl.shift == PAGE_SHIFT ? SIZE_4K : SIZE_2M, other = 1 - size;
	uint64_t pages[2] = {vpn, vpn >> HUGE_SHIFT}, i;
	uint64_t l2_key[2] = {key_of(pages[0], asid), key_of(pages[1], asid) | L2_HUGE};

	if (size == SIZE_2M || t->l2.huge || t->l1[kind][SIZE_2M].huge) {
		page_drop(&t->l1[kind][other], pages[other], key_of(pages[other], asid));
		page_drop(&t->l2, pages[other], l2_key[other]);
	}
	entry_put(t, &t->l2, pages[size], l2_key[size], pl);
	i = entry_put(t, &t->l1[kind][size], pages[size], key_of(pages[size], asid), pl);
	front_set(t, kind, vpn, key_of(vpn, asid), &t->l1[kind][size], i);
}

void tlb_fill(struct tlb *t, enum tlb_kind kind, uint64_t vpn, uint16_t asid, pfn_t pfn, uint16_t nid,
	      unsigned shift, unsigned flags)
{
	struct tlb_payload pl = {.pfn = pfn, .nid = nid, .shift = (uint8_t)shift, .flags = (uint8_t)flags};
	struct tlb_array *a = &t->l1[kind][SIZE_4K];
	uint64_t key = key_of(vpn, asid);

	DCHECK(shift == PAGE_SHIFT || shift == PAGE_SHIFT + HUGE_SHIFT, "shift %u", shift);
	if (LIKELY(t->missed[kind] == key && shift == PAGE_SHIFT) && !t->l2.huge &&
	    !t->l1[kind][SIZE_2M].huge) {
		entry_add(t, &t->l2, vpn, key, pl);
		front_set(t, kind, vpn, key, a, entry_add(t, a, vpn, key, pl));
	} else {
		fill_any(t, kind, vpn, asid, pl);
	}
	t->missed[TLB_DATA] = t->missed[TLB_INSN] = TLB_KEY_NONE;
}

void tlb_flush_page(struct tlb *t, uint64_t vpn, uint16_t asid)
{
	uint64_t huge = vpn >> HUGE_SHIFT;

	t->stats.flushed_pages++;
	for (unsigned kind = 0; kind < 2; kind++) {
		page_drop(&t->l1[kind][SIZE_4K], vpn, key_of(vpn, asid));
		page_drop(&t->l1[kind][SIZE_2M], huge, key_of(huge, asid));
	}
	page_drop(&t->l2, vpn, key_of(vpn, asid));
	page_drop(&t->l2, huge, key_of(huge, asid) | L2_HUGE);
}

static void array_flush_asid(struct tlb_array *a, uint16_t asid)
{
	for (uint64_t i = 0; i < a->sets * a->ways; i++) {
		if (a->entry[i].key >> TLB_ASID_SHIFT == asid && a->entry[i].key != TLB_KEY_NONE)
			entry_drop(a, i);
	}
}

void tlb_flush_asid(struct tlb *t, uint16_t asid)
{
	t->stats.flushes++;
	for (unsigned kind = 0; kind < 2; kind++) {
		array_flush_asid(&t->l1[kind][SIZE_4K], asid);
		array_flush_asid(&t->l1[kind][SIZE_2M], asid);
	}
	array_flush_asid(&t->l2, asid);
}

static void array_clear(struct tlb_array *a)
{
	uint64_t n = a->sets * a->ways;

	for (uint64_t i = 0; i < n; i++)
		a->entry[i].key = TLB_KEY_NONE;
	memset(a->touched, 0, n * sizeof *a->touched);
	memset(a->filled, 0, n * sizeof *a->filled);
	a->huge = 0;
	if (a->order)
		array_clear_order(a);
	if (a->front_slots)
		memset(a->front_slots, 0, n * SLOT_WORDS * sizeof *a->front_slots);
}

void tlb_flush_all(struct tlb *t)
{
	t->stats.flushes++;
	for (unsigned kind = 0; kind < 2; kind++) {
		array_clear(&t->l1[kind][SIZE_4K]);
		array_clear(&t->l1[kind][SIZE_2M]);
	}
	array_clear(&t->l2);
	front_reset(t);
}

static bool order_is_valid(const struct tlb_array *a)
{
	for (uint64_t i = 0; i < a->sets * a->ways; i++) {
		if ((a->empty[i / a->ways] >> i % a->ways & 1) != (a->entry[i].key == TLB_KEY_NONE) ||
		    !recency_is_valid(&a->recency, a->order[i / a->ways]))
			return false;
	}
	return true;
}

static bool array_is_valid(const struct tlb_array *a, bool unified)
{
	for (uint64_t i = 0; i < a->sets * a->ways; i++) {
		uint64_t key = a->entry[i].key, set = i / a->ways, base = set * a->ways;

		if (key == TLB_KEY_NONE) {
			if (a->touched[i] || a->filled[i])
				return false;
			continue;
		}
		if (!a->order && (!a->filled[i] || a->touched[i] < a->filled[i]))
			return false;
		if (set_of(a, key & PAGE_BITS) != set)
			return false;
		if (a->sign[set * a->stride + i % a->ways] != signature_of(key))
			return false;
		if (unified && (a->entry[i].payload.shift > PAGE_SHIFT) != !!(key & L2_HUGE))
			return false;
		for (uint64_t j = base; j < i; j++) {
			if (a->entry[j].key == key)
				return false;
		}
	}
	return true;
}

static bool front_is_valid(const struct tlb *t, enum tlb_kind kind, uint32_t slot)
{
	const struct tlb_front *f = &t->front[kind][slot];
	uint64_t vpn = f->tag[0] & PAGE_BITS, asid = f->tag[0] >> TLB_ASID_SHIFT, i;
	unsigned size = SIZE_4K;
	bool storable;

	if (f->tag[0] == TLB_KEY_NONE)
		return f->tag[1] == TLB_KEY_NONE && !f->touched;
	i = page_find(&t->l1[kind][SIZE_4K], vpn, f->tag[0]);
	if (i == NOT_FOUND) {
		size = SIZE_2M;
		vpn >>= HUGE_SHIFT;
		i = page_find(&t->l1[kind][SIZE_2M], vpn, key_of(vpn, (uint16_t)asid));
	}
	if (i == NOT_FOUND || f->touched != &t->l1[kind][size].touched[i])
		return false;
	storable = t->l1[kind][size].entry[i].payload.flags == (TLB_WRITABLE | TLB_DIRTY);
	return tlb_front_slot(f->tag[0] & PAGE_BITS) == slot &&
	       f->tag[1] == (storable ? f->tag[0] : TLB_KEY_NONE);
}

bool tlb_is_valid(const struct tlb *t)
{
	for (unsigned kind = 0; kind < 2; kind++) {
		if (!array_is_valid(&t->l1[kind][SIZE_4K], false) ||
		    !array_is_valid(&t->l1[kind][SIZE_2M], false))
			return false;
		for (uint32_t slot = 0; slot < TLB_FRONT_SLOTS; slot++) {
			if (!front_is_valid(t, (enum tlb_kind)kind, slot))
				return false;
		}
	}
	return array_is_valid(&t->l2, true) && (!t->l2.order || order_is_valid(&t->l2));
}
