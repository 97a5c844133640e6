/*
 * swap_cgroup.h - which group each swap slot is charged to (mm/swap_cgroup.c; mm/memcontrol.c; Linux 6.1,
 * cgroup v2: swap is counted apart from memory).
 */
#ifndef MODELS_KERNEL_SWAP_CGROUP_H
#define MODELS_KERNEL_SWAP_CGROUP_H

#include "models/kernel/memcg.h"
#include "models/kernel/swap_map.h"

/* For the areas of m, which outlives it; k->swap_cgroup stays NULL where there are no groups. */
void swap_cgroup_new(struct kernel *k, const struct swap_map *m);
void swap_cgroup_free(struct kernel *k);
/* __mem_cgroup_try_charge_swap: for the page's slots, e and those behind it; 0: there was none. False when
 * a limit does not allow it. */
bool swap_cgroup_charge(struct kernel *k, const struct frame *f, swp_entry_t e);
/* __mem_cgroup_uncharge_swap: the slot becomes free. */
void swap_cgroup_uncharge(struct kernel *k, swp_entry_t e);
/* lookup_swap_cgroup_id: 0: nobody's. */
uint32_t swap_cgroup_of(const struct kernel *k, swp_entry_t e);
/* Slots of an area, header included; 0 past the last, or without groups. */
uint64_t swap_cgroup_slots(const struct kernel *k, unsigned area);
/* mem_cgroup_get_nr_swap_pages: of `free` slots, those that the group may still take. */
uint64_t swap_cgroup_room(const struct memcg *g, uint64_t free);
/* mem_cgroup_swap_full beyond the machine's own: the page's group uses half of what it may. */
bool swap_cgroup_is_half_full(const struct kernel *k, const struct frame *f);

#endif
