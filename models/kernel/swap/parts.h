/*
 * parts.h - what the parts of swap share: areas, cache, device.
 */
#ifndef MODELS_KERNEL_SWAP_PARTS_H
#define MODELS_KERNEL_SWAP_PARTS_H

#include "models/kernel/pageio.h"
#include "models/kernel/slab.h"
#include "models/kernel/swap.h"
#include "models/kernel/swap_slots.h"

/* One bio a page: in the order they were taken, which is that of their ends. */
struct bios {
	slab_obj_t *ring;
	size_t cap, first, n;
	size_t ended; /* of them, at the front: not given back yet */
};

struct swap {
	struct kernel *k;
	struct swap_params params;
	struct swap_map map;
	struct swap_slots slots;
	uint64_t *cache[MAX_SWAP_AREAS];
	struct blkdev device;
	struct pageio_cpu *cpus;
	struct bios bios;
	bool was_full;
	struct swap_ra ra;
	struct swap_stats stats;
};

#endif
