/*
 * cluster.c - clusters of 512 slots, so that the pages a CPU swaps out lie together.
 *
 * After mm/swapfile.c setup_swap_map_and_extents, alloc_cluster, free_cluster, inc_cluster_info_page,
 * scan_swap_map_try_ssd_cluster, scan_swap_map_ssd_cluster_conflict (Linux 6.1). Free clusters form a queue;
 * at first every 32nd cluster follows another, beginning at a random column, so that CPUs that take clusters
 * in turn work in different parts of the swap cache. The first cluster (header) and an incomplete last one
 * are never on the queue: only scanning finds their slots.
 *
 * O(1), and O(512) to find the next free slot of a cluster that others have used.
 *
 * Not modelled: discard (TRIM) of freed clusters.
 */
#include "models/kernel/swap_map.h"

#include "sim/mem.h"

#define CLUSTER_COLUMNS 32 /* SWAP_ADDRESS_SPACE_PAGES / SWAPFILE_CLUSTER */

static void push_free(struct swap_area *a, uint32_t i)
{
	a->clusters[i].free = true;
	a->clusters[i].next = CLUSTER_NONE;
	if (a->free_first == CLUSTER_NONE)
		a->free_first = i;
	else
		a->clusters[a->free_last].next = i;
	a->free_last = i;
}

static void pop_free(struct swap_area *a)
{
	struct swap_cluster *c = &a->clusters[a->free_first];

	a->free_first = c->next;
	if (a->free_first == CLUSTER_NONE)
		a->free_last = CLUSTER_NONE;
	c->free = false;
	c->used = 0;
}

void swap_clusters_init(struct swap_area *a, unsigned nr_cpus)
{
	uint64_t n = (a->max + SWAP_CLUSTER_SLOTS - 1) / SWAP_CLUSTER_SLOTS;
	uint64_t rows = (n + CLUSTER_COLUMNS - 1) / CLUSTER_COLUMNS;
	uint64_t column = a->cluster_next / SWAP_CLUSTER_SLOTS % CLUSTER_COLUMNS;

	a->nr_clusters = (uint32_t)n;
	a->clusters = mem_map(n * sizeof *a->clusters);
	a->percpu = mem_alloc(nr_cpus, sizeof *a->percpu);
	for (unsigned i = 0; i < nr_cpus; i++) {
		a->percpu[i].cluster = CLUSTER_NONE;
		a->percpu[i].scan = 1 + rng_below(&a->rng, a->highest_bit);
	}
	a->free_first = a->free_last = CLUSTER_NONE;
	a->clusters[0].used = 1; /* the header */
	a->clusters[n - 1].used =
		(uint16_t)(a->clusters[n - 1].used + n * SWAP_CLUSTER_SLOTS - a->max); /* behind the end */
	for (uint64_t k = 0; k < CLUSTER_COLUMNS; k++) {
		for (uint64_t row = 0; row < rows; row++) {
			uint64_t i = row * CLUSTER_COLUMNS + (k + column) % CLUSTER_COLUMNS;

			if (i < n && a->clusters[i].used == 0)
				push_free(a, (uint32_t)i);
		}
	}
}

void swap_cluster_use(struct swap_area *a, uint64_t slot)
{
	struct swap_cluster *c = &a->clusters[slot / SWAP_CLUSTER_SLOTS];

	if (c->free) {
		CHECK(a->free_first == slot / SWAP_CLUSTER_SLOTS,
		      "cluster of slot %" PRIu64 " is not the first free", slot);
		pop_free(a);
	}
	c->used++;
}

void swap_cluster_unuse(struct swap_area *a, uint64_t slot)
{
	struct swap_cluster *c = &a->clusters[slot / SWAP_CLUSTER_SLOTS];

	CHECK(c->used > 0, "cluster of slot %" PRIu64 " is empty", slot);
	if (--c->used == 0)
		push_free(a, (uint32_t)(slot / SWAP_CLUSTER_SLOTS));
}

bool swap_cluster_conflict(struct swap_area *a, unsigned cpu, uint64_t slot)
{
	uint64_t i = slot / SWAP_CLUSTER_SLOTS;

	if (a->free_first == CLUSTER_NONE || a->free_first == i || i >= a->nr_clusters ||
	    !a->clusters[i].free)
		return false;
	a->percpu[cpu].cluster = CLUSTER_NONE;
	return true;
}

bool swap_cluster_try(struct swap_area *a, unsigned cpu, uint64_t *slot)
{
	struct swap_percpu *p = &a->percpu[cpu];

	for (;;) {
		uint64_t end;

		if (p->cluster == CLUSTER_NONE) {
			if (a->free_first == CLUSTER_NONE)
				return false;
			p->cluster = a->free_first;
			p->next = (uint64_t)p->cluster * SWAP_CLUSTER_SLOTS;
		}
		end = MIN_OF(a->max, ((uint64_t)p->cluster + 1) * SWAP_CLUSTER_SLOTS);
		while (p->next < end && a->map[p->next])
			p->next++;
		if (p->next < end) {
			*slot = p->next++;
			return true;
		}
		p->cluster = CLUSTER_NONE;
	}
}
