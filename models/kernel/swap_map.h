/*
 * swap_map.h - swap areas and their slots: who gets which slot (mm/swapfile.c, Linux 6.1).
 *
 * A slot's map word counts the page-table entries that refer to it and says whether the swap cache (or a
 * per-CPU slot cache, which looks the same) has it. A slot is free when its word is 0.
 */
#ifndef MODELS_KERNEL_SWAP_MAP_H
#define MODELS_KERNEL_SWAP_MAP_H

#include "models/kernel/kernel.h"
#include "models/kernel/pgtable.h"
#include "sim/rng.h"

#define SWAP_CLUSTER_SLOTS 512 /* SWAPFILE_CLUSTER with CONFIG_THP_SWAP */
#define SWAP_BATCH         64
#define MAX_SWAP_AREAS     32 /* MAX_SWAPFILES, the size of a page-table entry's field */
#define SWAP_HAS_CACHE     (UINT32_C(1) << 31)
#define SWAP_BAD           (UINT32_C(1) << 30) /* header */

/* Swap entry: area << 48 | slot. */
static inline swp_entry_t swp_make(unsigned area, uint64_t slot)
{
	return (uint64_t)area << 48 | slot;
}
static inline unsigned swp_area(swp_entry_t e)
{
	return (unsigned)(e >> 48);
}
static inline uint64_t swp_slot(swp_entry_t e)
{
	return e & UINT64_C(0xffffffffffff);
}

#define CLUSTER_NONE UINT32_MAX
struct swap_cluster {
	uint32_t next; /* on the free list */
	uint16_t used; /* slots */
	bool free;     /* on the free list */
};

/* Where a CPU allocates. */
struct swap_percpu {
	uint32_t cluster; /* CLUSTER_NONE: none */
	uint64_t next;    /* slot to try next in it */
	uint64_t scan;    /* cluster_next_cpu: where to scan when there is no cluster */
};

struct swap_area {
	unsigned type;
	int prio;
	uint64_t max;         /* slots with the header */
	uint64_t pages;       /* usable */
	uint64_t lowest_bit;  /* no free slot below */
	uint64_t highest_bit; /* none above; 0 = full */
	uint64_t inuse;
	bool available; /* on the list of areas with free slots */
	uint32_t *map;
	/* a solid-state device: clusters */
	struct swap_cluster *clusters; /* NULL: rotational */
	uint32_t nr_clusters, free_first, free_last;
	struct swap_percpu *percpu;
	/* a disk: one run of free slots at a time */
	uint64_t cluster_next;
	unsigned cluster_nr;
	struct rng rng;
};

struct swap_map {
	struct swap_area area[MAX_SWAP_AREAS];
	unsigned nr_areas, nr_cpus;
	unsigned avail[MAX_SWAP_AREAS]; /* by priority; equal ones in the order of their turn */
	unsigned nr_avail;
	int64_t nr_free; /* nr_swap_pages: neither used nor promised to an allocation in progress */
	uint64_t total;
	bool rotational;
	/*
	 * A slot only the swap cache has, met by an allocation while swap is more than half full: frees it
	 * when its page is idle (__try_to_reclaim_swap). True when it did.
	 */
	bool (*reclaim)(void *ctx, unsigned cpu, swp_entry_t e);
	void *reclaim_ctx;
	/* The slot becomes free: its shadow goes (swap_range_free). */
	void (*freed)(void *ctx, swp_entry_t e);
};

void swap_map_init(struct swap_map *m, unsigned nr_cpus, bool rotational);
void swap_map_release(struct swap_map *m);
/* swapon: an area of `slots` pages, header included (at least 2); prio < 0: the next automatic one. */
void swap_map_add(struct swap_map *m, uint64_t slots, int prio, uint64_t seed);
/* get_swap_pages: up to want (≤ SWAP_BATCH) slots into out, each marked SWAP_HAS_CACHE. Returns how many. */
unsigned swap_map_alloc(struct swap_map *m, unsigned cpu, unsigned want, swp_entry_t *out);
/* The same for a huge page: a free cluster of the area whose turn it is; its first slot, 0 when there is
 * none. */
swp_entry_t swap_map_alloc_cluster(struct swap_map *m);
/* swap_entry_free: a slot that nobody refers to and that is marked SWAP_HAS_CACHE becomes free. */
void swap_map_free(struct swap_map *m, swp_entry_t e);
/* vm_swap_full */
static inline bool swap_map_is_half_full(const struct swap_map *m)
{
	return m->nr_free * 2 < (int64_t)m->total;
}
static inline uint32_t *swap_map_word(const struct swap_map *m, swp_entry_t e)
{
	return &m->area[swp_area(e)].map[swp_slot(e)];
}
bool swap_map_is_valid(const struct swap_map *m);

/* ---- swap_map/cluster.c: the free-cluster list of solid-state areas ---- */
void swap_clusters_init(struct swap_area *a, unsigned nr_cpus);
void swap_cluster_use(struct swap_area *a, uint64_t slot);
void swap_cluster_unuse(struct swap_area *a, uint64_t slot);
/* A free slot of the CPU's cluster, or of the next free one. False when no cluster is to be had. */
bool swap_cluster_try(struct swap_area *a, unsigned cpu, uint64_t *slot);
/* Whether taking this slot would break into a cluster in the middle of the free list; drops the CPU's
 * cluster. */
bool swap_cluster_conflict(struct swap_area *a, unsigned cpu, uint64_t slot);
/* ---- swap_map/scan.c ---- */
/* scan_swap_map_slots: up to want slots of one area. */
unsigned swap_scan(struct swap_map *m, struct swap_area *a, unsigned cpu, unsigned want, swp_entry_t *out);
/* swap_alloc_cluster: the first free cluster, whole. False when there is none, as on a disk. */
bool swap_take_cluster(struct swap_area *a, swp_entry_t *first);

#endif
