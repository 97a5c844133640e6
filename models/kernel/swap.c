/*
 * swap.c - the swap cache and references to slots. (Input and output: swap/io.c.)
 *
 * After mm/swap_state.c add_to_swap, add_to_swap_cache, __delete_from_swap_cache; mm/swapfile.c
 * __swap_duplicate, __swap_entry_free, put_swap_folio, folio_free_swap, free_swap_and_cache (Linux 6.1). The
 * cache is a dense array by slot: O(1) each, O(512) for a huge page, which has a cluster of slots, one for
 * each part, until it leaves the cache or is split.
 *
 * Invariants: a page with FR_SWAPCACHE is in the cache at its `private` entry and that slot is marked
 * SWAP_HAS_CACHE; slots handed out - slots given back = slots that are referred to or cached; used slots =
 * those + the idle ones in the slot caches.
 *
 * Not modelled: the slab memory of the swap cache's index, zswap and frontswap, counts beyond 2^30
 * references.
 */
#include "models/kernel/swap.h"

#include "models/kernel/swap/parts.h"
#include "models/kernel/swap_cgroup.h"

PARAM_TABLE(swap, swap_params, SWAP_PARAMS);
STAT_TABLE(swap, swap_stats, SWAP_STATS);

/* A slot's word in the cache: 0, a page (number << 2 | 1) or a shadow (<< 2 | 2). */
#define WORD_PAGE   1u
#define WORD_SHADOW 2u

static bool reclaim_cached(void *ctx, unsigned cpu, swp_entry_t e);
static void slot_freed(void *ctx, swp_entry_t e);

struct swap *swap_new(struct kernel *k, const struct swap_params *p, unsigned nr_cpus)
{
	struct swap *s = mem_alloc(1, sizeof *s);
	struct blkdev_params dev = {p->read_us, p->write_us, p->bandwidth_mb, p->servers};

	s->k = k;
	s->params = *p;
	s->ra.hits = 4;
	blkdev_init(&s->device, k->eventq, &dev);
	s->cpus = pageio_cpus_new(k, nr_cpus);
	swap_map_init(&s->map, nr_cpus, p->rotational);
	s->map.reclaim = reclaim_cached;
	s->map.freed = slot_freed;
	s->map.reclaim_ctx = s;
	for (size_t i = 0; i < p->area_bytes.n && s->map.nr_areas < MAX_SWAP_AREAS; i++) {
		uint64_t slots = p->area_bytes.v[i] >> PAGE_SHIFT;

		if (slots < 2)
			continue;
		swap_map_add(&s->map, slots, i < p->priority.n ? (int)p->priority.v[i] : -1, k->seed);
		s->cache[s->map.nr_areas - 1] = mem_map(slots * sizeof(uint64_t));
	}
	swap_slots_init(&s->slots, &s->map);
	swap_cgroup_new(k, &s->map);
	s->stats.total_slots = (int64_t)s->map.total;
	return s;
}

void swap_free(struct swap *s)
{
	for (unsigned i = 0; i < s->map.nr_areas; i++)
		mem_unmap(s->cache[i], s->map.area[i].max * sizeof(uint64_t));
	mem_free(s->bios.ring);
	swap_slots_release(&s->slots);
	swap_cgroup_free(s->k);
	swap_map_release(&s->map);
	blkdev_release(&s->device);
	mem_free(s->cpus);
	mem_free(s);
}

struct swap_stats *swap_stats_of(struct swap *s)
{
	return &s->stats;
}

struct blkdev *swap_device(struct swap *s)
{
	return &s->device;
}

uint64_t swap_free_slots(const struct swap *s)
{
	return s->map.nr_free > 0 ? (uint64_t)s->map.nr_free : 0;
}

uint64_t swap_total_slots(const struct swap *s)
{
	return s->map.total;
}

bool swap_area_at(const struct swap *s, unsigned i, struct swap_area_info *out)
{
	const struct swap_area *a = &s->map.area[i];

	if (i >= s->map.nr_areas)
		return false;
	*out = (struct swap_area_info){.pages = a->pages, .inuse = a->inuse, .priority = a->prio};
	return true;
}

bool swap_is_half_full(const struct kernel *k, const struct frame *f)
{
	return swap_map_is_half_full(&k->swap->map) || swap_cgroup_is_half_full(k, f);
}

uint64_t swap_area_slots(const struct swap *s, swp_entry_t e)
{
	return s->map.area[swp_area(e)].max;
}

bool swap_uses_vma_readahead(const struct swap *s)
{
	return s->params.vma_readahead && !s->params.rotational;
}

struct swap_ra *swap_ra_state(struct swap *s)
{
	return &s->ra;
}

/* ---- slots and references ---- */

static void update_used(struct swap *s)
{
	s->stats.used_slots = (int64_t)s->map.total - s->map.nr_free;
}

static void slot_freed(void *ctx, swp_entry_t e)
{
	struct swap *s = ctx;

	s->cache[swp_area(e)][swp_slot(e)] = 0;
	swap_cgroup_uncharge(s->k, e);
}

/* The slot of a page, or the first of as many as a huge one needs. */
static swp_entry_t take_slots(struct swap *s, unsigned cpu, uint32_t nr)
{
	swp_entry_t e = nr > 1 ? swap_map_alloc_cluster(&s->map) : swap_slots_alloc(&s->slots, cpu);

	update_used(s);
	if (e) {
		s->stats.slots_allocated += nr;
		s->was_full = false;
		return e;
	}
	if (nr > 1)
		return 0;
	s->stats.full++;
	if (!s->was_full && s->map.total)
		kernel_event(s->k, KEV_SWAP_FULL, "machine", (int64_t)s->map.total, NULL);
	s->was_full = true;
	return 0;
}

/* Takes a bit or a reference away; the last one frees the slot. Returns what is left. */
static uint32_t word_drop(struct swap *s, swp_entry_t e, uint32_t what)
{
	uint32_t *w = swap_map_word(&s->map, e), left = *w - what;

	*w = left ? left : SWAP_HAS_CACHE;
	if (!left) {
		s->stats.slots_freed++;
		swap_slots_free(&s->slots, e);
		update_used(s);
	}
	return left;
}

void swap_dup(struct kernel *k, swp_entry_t e)
{
	uint32_t *w = swap_map_word(&k->swap->map, e);

	CHECK(*w && !(*w & SWAP_BAD), "reference to slot %#" PRIx64 ", which is free", e);
	++*w;
}

unsigned swap_count(const struct swap *s, swp_entry_t e)
{
	return *swap_map_word(&s->map, e) & ~SWAP_HAS_CACHE;
}

void swap_put(struct kernel *k, swp_entry_t e)
{
	CHECK(swap_count(k->swap, e) > 0, "slot %#" PRIx64 " has no reference", e);
	word_drop(k->swap, e, 1);
}

/* ---- the swap cache ---- */

static uint64_t *cache_word(const struct swap *s, swp_entry_t e)
{
	return &s->cache[swp_area(e)][swp_slot(e)];
}

pfn_t swap_cache_lookup(const struct swap *s, swp_entry_t e)
{
	uint64_t w = *cache_word(s, e);

	return (w & 3) == WORD_PAGE ? (pfn_t)(w >> 2) : PFN_NONE;
}

uint64_t swap_cache_shadow(const struct swap *s, swp_entry_t e)
{
	uint64_t w = *cache_word(s, e);

	return (w & 3) == WORD_SHADOW ? w >> 2 : 0;
}

static void account_cache(struct kernel *k, const struct frame *f, int64_t pages)
{
	node_stat_add(frame_node(k->memory, f), NR_FILE_PAGES, pages); /* no group's, unlike the page cache */
	frame_stat_add(k->memory, f, NR_SWAPCACHE, pages);
}

static void cache_add(struct swap *s, pfn_t pfn, swp_entry_t e)
{
	struct frame *f = frame_of(s->k->memory, pfn);
	uint32_t nr = frame_nr_pages(f);

	CHECK(!frame_has(f, FR_SWAPCACHE), "frame %u is in the swap cache already", pfn);
	for (uint32_t i = 0; i < nr; i++)
		*cache_word(s, e + i) = (uint64_t)(pfn + i) << 2 | WORD_PAGE;
	f->refs += (int32_t)nr;
	f->flags |= FR_SWAPCACHE;
	f->private = e;
	account_cache(s->k, f, nr);
	s->stats.cache_adds += nr;
}

/* put_swap_folio: a cluster that nobody refers to goes back at once, single slots by the caches. */
static void give_slots_back(struct swap *s, swp_entry_t e, uint32_t nr, bool swapped)
{
	for (uint32_t i = 0; i < nr; i++) {
		if (nr == 1 || swapped) {
			word_drop(s, e + i, SWAP_HAS_CACHE);
			continue;
		}
		s->stats.slots_freed++;
		swap_map_free(&s->map, e + i);
	}
	update_used(s);
}

bool swap_add_page(struct task *cur, pfn_t pfn)
{
	struct swap *s = cur->k->swap;
	struct frame *f = frame_of(cur->k->memory, pfn);
	swp_entry_t e;

	if (frame_has(f, FR_TAIL) ||
	    (frame_has(f, FR_HEAD) && !(frame_has(f, FR_ANON) && frame_nr_pages(f) == SWAP_CLUSTER_SLOTS)))
		return false;
	e = take_slots(s, cur->exec->cpu, frame_nr_pages(f));
	if (!swap_cgroup_charge(cur->k, f, e)) {
		give_slots_back(s, e, frame_nr_pages(f), false);
		return false;
	}
	if (!e)
		return false;
	cache_add(s, pfn, e);
	f->flags |= FR_DIRTY;
	return true;
}

bool swap_cache_insert(struct kernel *k, pfn_t pfn, swp_entry_t e)
{
	uint32_t *w = swap_map_word(&k->swap->map, e);

	if (!*w || *w & (SWAP_HAS_CACHE | SWAP_BAD))
		return false;
	*w |= SWAP_HAS_CACHE;
	cache_add(k->swap, pfn, e);
	return true;
}

/* Entries that refer to the page, or to any part of a huge one (folio_swapped). */
static bool is_swapped(const struct swap *s, const struct frame *f)
{
	uint32_t nr = frame_nr_pages(f);

	for (uint32_t i = 0; i < nr; i++)
		if (swap_count(s, f->private + i))
			return true;
	return false;
}

void swap_cache_remove(struct kernel *k, pfn_t pfn, uint64_t shadow)
{
	struct swap *s = k->swap;
	struct frame *f = frame_of(k->memory, pfn);
	swp_entry_t e = f->private;
	uint32_t nr = frame_nr_pages(f);
	bool swapped = is_swapped(s, f);

	CHECK(frame_has(f, FR_SWAPCACHE) && !frame_has(f, FR_WRITEBACK),
	      "frame %u leaves the swap cache with flags %#x", pfn, f->flags);
	CHECK(shadow < UINT64_C(1) << 62, "shadow %#" PRIx64 " is too wide", shadow);
	for (uint32_t i = 0; i < nr; i++)
		*cache_word(s, e + i) = shadow ? shadow << 2 | WORD_SHADOW : 0;
	f->flags &= ~(uint32_t)FR_SWAPCACHE;
	f->private = 0;
	account_cache(k, f, -(int64_t)nr);
	give_slots_back(s, e, nr, swapped);
}

bool swap_try_to_free(struct task *cur, pfn_t pfn)
{
	pfn_t head = page_head(cur->k->memory, pfn);
	struct frame *f = frame_of(cur->k->memory, head);
	int32_t nr = (int32_t)frame_nr_pages(f);

	if (!frame_has(f, FR_SWAPCACHE) || frame_has(f, FR_WRITEBACK) || is_swapped(cur->k->swap, f))
		return false;
	swap_cache_remove(cur->k, head, 0);
	CHECK(f->refs > nr, "frame %u leaves the swap cache with nobody else holding it", head);
	f->refs -= nr;
	f->flags |= FR_DIRTY;
	return true;
}

/* Drops a page that is only cached and not locked; cpu takes the page if it becomes free. */
static bool drop_cached(struct kernel *k, unsigned cpu, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);

	if (frame_has(f, FR_LOCKED | FR_WRITEBACK) || is_swapped(k->swap, f))
		return false;
	swap_cache_remove(k, pfn, 0);
	f->flags |= FR_DIRTY;
	f->refs -= (int32_t)frame_nr_pages(f) - 1;
	frame_put(k, cpu, pfn);
	return true;
}

static bool reclaim_cached(void *ctx, unsigned cpu, swp_entry_t e)
{
	struct swap *s = ctx;
	pfn_t pfn = swap_cache_lookup(s, e);

	return pfn != PFN_NONE && drop_cached(s->k, cpu, page_head(s->k->memory, pfn));
}

void swap_put_and_cache(struct task *cur, swp_entry_t e)
{
	struct swap *s = cur->k->swap;
	pfn_t pfn;

	CHECK(swap_count(s, e) > 0, "slot %#" PRIx64 " has no reference", e);
	if (word_drop(s, e, 1) != SWAP_HAS_CACHE)
		return;
	pfn = swap_cache_lookup(s, e);
	if (pfn == PFN_NONE)
		return;
	pfn = page_head(cur->k->memory, pfn);
	if (frame_of(cur->k->memory, pfn)->mapcount == 0 ||
	    swap_is_half_full(cur->k, frame_of(cur->k->memory, pfn)))
		drop_cached(cur->k, cur->exec->cpu, pfn);
}

/* ---- invariants ---- */

bool swap_is_valid(struct kernel *k)
{
	const struct swap *s = k->swap;
	int64_t cached = 0;

	for (unsigned i = 0; i < s->map.nr_areas; i++) {
		for (uint64_t slot = 1; slot < s->map.area[i].max; slot++) {
			swp_entry_t e = swp_make(i, slot);
			pfn_t pfn = swap_cache_lookup(s, e);
			const struct frame *f;

			if (pfn == PFN_NONE)
				continue;
			f = frame_of(k->memory, page_head(k->memory, pfn));
			if (!frame_has(f, FR_SWAPCACHE) || swap_entry_of(k->memory, pfn) != e ||
			    !(*swap_map_word(&s->map, e) & SWAP_HAS_CACHE))
				return false;
			cached++;
		}
	}
	return swap_map_is_valid(&s->map) && cached == memory_node_total(k->memory, NR_SWAPCACHE) &&
	       s->map.total - (uint64_t)s->map.nr_free ==
		       s->stats.slots_allocated - s->stats.slots_freed + swap_slots_idle(&s->slots);
}
