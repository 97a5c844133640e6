/*
 * swap_map.c - the areas, their priorities, allocation over them, and giving slots back.
 *
 * After mm/swapfile.c get_swap_pages, swap_entry_free, swap_range_free, enable_swap_info (Linux 6.1): the
 * area of the highest priority that has free slots serves; areas of equal priority take turns, one call each.
 * Invariant: inuse of an area = its map words that are not 0 (the header apart); free + inuse = total.
 *
 * Not modelled: swapoff, bad slots, areas near a node (avail_lists by node).
 */
#include "models/kernel/swap_map.h"

#include <stdio.h>
#include <string.h>

#include "sim/mem.h"

void swap_map_init(struct swap_map *m, unsigned nr_cpus, bool rotational)
{
	memset(m, 0, sizeof *m);
	m->nr_cpus = nr_cpus;
	m->rotational = rotational;
}

void swap_map_release(struct swap_map *m)
{
	for (unsigned i = 0; i < m->nr_areas; i++) {
		struct swap_area *a = &m->area[i];

		mem_unmap(a->map, a->max * sizeof *a->map);
		if (a->clusters)
			mem_unmap(a->clusters, a->nr_clusters * sizeof *a->clusters);
		mem_free(a->percpu);
	}
}

/* Behind the areas of the same or a higher priority. */
static void avail_add(struct swap_map *m, unsigned type)
{
	unsigned at = m->nr_avail++;

	while (at > 0 && m->area[m->avail[at - 1]].prio < m->area[type].prio) {
		m->avail[at] = m->avail[at - 1];
		at--;
	}
	m->avail[at] = type;
	m->area[type].available = true;
}

static void avail_del(struct swap_map *m, unsigned type)
{
	unsigned at = 0;

	while (m->avail[at] != type)
		at++;
	memmove(&m->avail[at], &m->avail[at + 1], (--m->nr_avail - at) * sizeof m->avail[0]);
	m->area[type].available = false;
}

void swap_map_add(struct swap_map *m, uint64_t slots, int prio, uint64_t seed)
{
	struct swap_area *a = &m->area[m->nr_areas];
	char path[32];

	CHECK(m->nr_areas < MAX_SWAP_AREAS && slots >= 2, "swap area %u of %" PRIu64 " slots", m->nr_areas,
	      slots);
	a->type = m->nr_areas++;
	a->prio = prio;
	for (unsigned i = 0; prio < 0 && i < a->type; i++)
		a->prio = MIN_OF(a->prio, m->area[i].prio - 1);
	if (prio < 0 && a->prio > -2)
		a->prio = -2;
	a->max = slots;
	a->pages = slots - 1;
	a->lowest_bit = 1;
	a->highest_bit = slots - 1;
	a->map = mem_map(slots * sizeof *a->map);
	a->map[0] = SWAP_BAD;
	snprintf(path, sizeof path, "swap.area%u", a->type);
	rng_init(&a->rng, seed, path);
	if (!m->rotational) {
		a->cluster_next = 1 + rng_below(&a->rng, a->highest_bit);
		swap_clusters_init(a, m->nr_cpus);
	}
	m->total += a->pages;
	m->nr_free += (int64_t)a->pages;
	avail_add(m, a->type);
}

unsigned swap_map_alloc(struct swap_map *m, unsigned cpu, unsigned want, swp_entry_t *out)
{
	unsigned order[MAX_SWAP_AREAS], nr = m->nr_avail, n = 0;

	if (m->nr_free <= 0)
		return 0;
	want = (unsigned)MIN_OF((int64_t)MIN_OF(want, (unsigned)SWAP_BATCH), m->nr_free);
	m->nr_free -= want;
	memcpy(order, m->avail, nr * sizeof order[0]);
	for (unsigned i = 0; i < nr && !n; i++) {
		struct swap_area *a = &m->area[order[i]];

		if (!a->available)
			continue;
		avail_del(m, a->type); /* behind its equals */
		avail_add(m, a->type);
		n = swap_scan(m, a, cpu, want, out);
		if (!a->highest_bit && a->available)
			avail_del(m, a->type);
	}
	m->nr_free += want - n;
	return n;
}

swp_entry_t swap_map_alloc_cluster(struct swap_map *m)
{
	struct swap_area *a;
	swp_entry_t first;

	if (m->nr_free < SWAP_CLUSTER_SLOTS || !m->nr_avail)
		return 0;
	a = &m->area[m->avail[0]];
	avail_del(m, a->type); /* behind its equals */
	avail_add(m, a->type);
	if (!swap_take_cluster(a, &first)) /* the other areas are not tried */
		return 0;
	m->nr_free -= SWAP_CLUSTER_SLOTS;
	if (!a->highest_bit)
		avail_del(m, a->type);
	return first;
}

void swap_map_free(struct swap_map *m, swp_entry_t e)
{
	struct swap_area *a = &m->area[swp_area(e)];
	uint64_t slot = swp_slot(e);

	CHECK(a->map[slot] == SWAP_HAS_CACHE, "slot %" PRIu64 " of area %u is not free to go", slot, a->type);
	a->map[slot] = 0;
	if (a->clusters)
		swap_cluster_unuse(a, slot);
	a->lowest_bit = MIN_OF(a->lowest_bit, slot);
	if (slot > a->highest_bit) {
		a->highest_bit = slot;
		if (!a->available)
			avail_add(m, a->type);
	}
	m->nr_free++;
	a->inuse--;
	if (m->freed)
		m->freed(m->reclaim_ctx, e);
}

static bool area_is_valid(const struct swap_area *a)
{
	uint64_t used = 0;

	for (uint64_t i = 1; i < a->max; i++) {
		used += a->map[i] != 0;
		if (!a->map[i] && (i < a->lowest_bit || i > a->highest_bit))
			return false;
	}
	if (a->clusters) {
		uint64_t in_clusters = 0;

		for (uint32_t i = 0; i < a->nr_clusters; i++)
			in_clusters += a->clusters[i].free ? 0 : a->clusters[i].used;
		if (in_clusters != used + 1 + (uint64_t)a->nr_clusters * SWAP_CLUSTER_SLOTS - a->max)
			return false;
	}
	return used == a->inuse && a->map[0] == SWAP_BAD && a->available == (a->highest_bit != 0);
}

bool swap_map_is_valid(const struct swap_map *m)
{
	int64_t inuse = 0;

	for (unsigned i = 0; i < m->nr_areas; i++) {
		if (!area_is_valid(&m->area[i]))
			return false;
		inuse += (int64_t)m->area[i].inuse;
	}
	return inuse + m->nr_free == (int64_t)m->total;
}
