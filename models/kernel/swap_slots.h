/*
 * swap_slots.h - caches of swap slots in front of the areas (mm/swap_slots.c, Linux 6.1).
 */
#ifndef MODELS_KERNEL_SWAP_SLOTS_H
#define MODELS_KERNEL_SWAP_SLOTS_H

#include "models/kernel/swap_map.h"

struct swap_slots_cpu {
	unsigned cur, nr;
	swp_entry_t slots[SWAP_BATCH];
};

struct swap_slots {
	struct swap_map *map;
	bool active;
	struct swap_slots_cpu *cpu;
	unsigned nr_ret;
	swp_entry_t ret[SWAP_BATCH]; /* given back, not yet free for others */
};

void swap_slots_init(struct swap_slots *s, struct swap_map *m);
void swap_slots_release(struct swap_slots *s);
/* folio_alloc_swap: a slot marked SWAP_HAS_CACHE; 0 when there is none. */
swp_entry_t swap_slots_alloc(struct swap_slots *s, unsigned cpu);
/* free_swap_slot: nobody refers to the slot any more. */
void swap_slots_free(struct swap_slots *s, swp_entry_t e);
/* Slots in the caches: taken from the areas but holding nothing. */
uint64_t swap_slots_idle(const struct swap_slots *s);

#endif
