/*
 * scan.c - finding free slots in one area.
 *
 * After mm/swapfile.c scan_swap_map_slots, swap_range_alloc, swap_alloc_cluster, set_cluster_next
 * (Linux 6.1), as steps of one state machine: a slot is proposed (by the CPU's cluster, by the run of free
 * slots a disk works on, or by scanning), checked and taken, until enough were taken or none is left. While
 * swap is more than half full, slots that only the swap cache has are taken from it.
 *
 * O(1) a slot while clusters are to be had, O(slots) at worst.
 *
 * Not modelled: the breaks a long scan takes (cond_resched), but for their end of scanning for further slots.
 */
#include "models/kernel/swap_map.h"

#define LATENCY_LIMIT 256

enum step { STEP_CHECK, STEP_SCAN, STEP_DONE, STEP_NONE };

struct scan {
	struct swap_map *m;
	struct swap_area *a;
	unsigned cpu, want, n;
	swp_entry_t *out;
	uint64_t offset, base;
	int latency;
	bool scanned_many;
};

/* The first free run of 512 slots, counted from the lowest free one; a disk goes on from there. */
static void disk_new_run(struct scan *s)
{
	struct swap_area *a = s->a;
	uint64_t from = a->lowest_bit, last = from + SWAP_CLUSTER_SLOTS - 1;

	a->cluster_nr = SWAP_CLUSTER_SLOTS - 1;
	if (a->pages - a->inuse < SWAP_CLUSTER_SLOTS)
		return;
	for (uint64_t i = from; last <= a->highest_bit; i++) {
		if (a->map[i]) {
			last = i + SWAP_CLUSTER_SLOTS;
		} else if (i == last) {
			s->offset = i - (SWAP_CLUSTER_SLOTS - 1);
			s->base = from;
			a->cluster_next = s->offset;
			return;
		}
	}
	s->offset = s->base = from;
}

static enum step scan_begin(struct scan *s)
{
	struct swap_area *a = s->a;

	s->offset = s->base = a->clusters ? a->percpu[s->cpu].scan : a->cluster_next;
	if (a->clusters) {
		if (!swap_cluster_try(a, s->cpu, &s->offset))
			return STEP_SCAN;
		s->base = s->offset;
	} else if (a->cluster_nr-- == 0) {
		disk_new_run(s);
	}
	return STEP_CHECK;
}

/* swap_range_alloc */
static void take_range(struct swap_area *a, uint64_t from, unsigned n)
{
	for (uint64_t slot = from; slot < from + n; slot++) {
		a->map[slot] = SWAP_HAS_CACHE;
		if (a->clusters)
			swap_cluster_use(a, slot);
	}
	if (from == a->lowest_bit)
		a->lowest_bit += n;
	if (from + n - 1 == a->highest_bit)
		a->highest_bit -= n;
	a->inuse += n;
	if (a->inuse == a->pages) {
		a->lowest_bit = a->max;
		a->highest_bit = 0;
	}
}

static void take(struct scan *s)
{
	take_range(s->a, s->offset, 1);
	s->out[s->n++] = swp_make(s->a->type, s->offset);
}

bool swap_take_cluster(struct swap_area *a, swp_entry_t *first)
{
	uint64_t slot;

	if (!a->clusters || a->free_first == CLUSTER_NONE)
		return false;
	slot = (uint64_t)a->free_first * SWAP_CLUSTER_SLOTS;
	take_range(a, slot, SWAP_CLUSTER_SLOTS);
	*first = swp_make(a->type, slot);
	return true;
}

/* After a slot was taken: where to look for the next one. */
static enum step scan_next(struct scan *s)
{
	struct swap_area *a = s->a;

	if (s->n == s->want || s->offset >= a->highest_bit || --s->latency < 0)
		return STEP_DONE;
	if (a->clusters) {
		if (swap_cluster_try(a, s->cpu, &s->offset)) {
			s->base = s->offset;
			return STEP_CHECK;
		}
	} else if (a->cluster_nr && !a->map[++s->offset]) {
		a->cluster_nr--;
		return STEP_CHECK;
	}
	if (!s->scanned_many) {
		uint64_t limit = s->offset < s->base ? s->base : a->highest_bit;

		for (; s->offset <= limit && --s->latency > 0; s->offset++)
			if (!a->map[s->offset])
				return STEP_CHECK;
	}
	return STEP_DONE;
}

static enum step scan_check(struct scan *s)
{
	struct swap_area *a = s->a;

	while (a->clusters && swap_cluster_conflict(a, s->cpu, s->offset)) {
		if (s->n)
			return STEP_DONE;
		if (!swap_cluster_try(a, s->cpu, &s->offset))
			return STEP_SCAN;
		s->base = s->offset;
	}
	if (!a->highest_bit)
		return STEP_NONE;
	if (s->offset > a->highest_bit)
		s->base = s->offset = a->lowest_bit;
	if (a->map[s->offset] == SWAP_HAS_CACHE && swap_map_is_half_full(s->m))
		return s->m->reclaim(s->m->reclaim_ctx, s->cpu, swp_make(a->type, s->offset)) ? STEP_CHECK
											      : STEP_SCAN;
	if (a->map[s->offset])
		return s->n ? STEP_DONE : STEP_SCAN;
	take(s);
	return scan_next(s);
}

static bool is_candidate(const struct scan *s)
{
	uint32_t w = s->a->map[s->offset];

	return !w || (w == SWAP_HAS_CACHE && swap_map_is_half_full(s->m));
}

static void tire(struct scan *s)
{
	if (--s->latency < 0) {
		s->latency = LATENCY_LIMIT;
		s->scanned_many = true;
	}
}

/* From behind the offset to the end, then from the beginning up to where it began. */
static enum step scan_search(struct scan *s)
{
	while (++s->offset <= s->a->highest_bit) {
		tire(s);
		if (is_candidate(s))
			return STEP_CHECK;
	}
	for (s->offset = s->a->lowest_bit; s->offset < s->base; s->offset++) {
		tire(s);
		if (is_candidate(s))
			return STEP_CHECK;
	}
	return STEP_NONE;
}

/* Where the next scan begins; a solid-state area goes to another part of the swap cache after 16384 slots. */
static void set_next(struct scan *s, uint64_t next)
{
	struct swap_area *a = s->a;
	struct swap_percpu *p;

	if (!a->clusters) {
		a->cluster_next = next;
		return;
	}
	p = &a->percpu[s->cpu];
	if (p->scan >> 14 != next >> 14) {
		if (a->highest_bit <= a->lowest_bit)
			return;
		next = a->lowest_bit + rng_below(&a->rng, a->highest_bit - a->lowest_bit + 1);
		next = MAX_OF(next & ~UINT64_C(16383), a->lowest_bit);
	}
	p->scan = next;
}

unsigned swap_scan(struct swap_map *m, struct swap_area *a, unsigned cpu, unsigned want, swp_entry_t *out)
{
	struct scan s = {.m = m, .a = a, .cpu = cpu, .want = want, .out = out, .latency = LATENCY_LIMIT};
	enum step step = scan_begin(&s);

	while (step == STEP_CHECK || step == STEP_SCAN)
		step = step == STEP_CHECK ? scan_check(&s) : scan_search(&s);
	if (step == STEP_DONE)
		set_next(&s, s.offset + 1);
	return s.n;
}
