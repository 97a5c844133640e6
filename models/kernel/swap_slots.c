/*
 * swap_slots.c - a CPU takes 64 slots at a time, and slots go back 64 at a time.
 *
 * After mm/swap_slots.c check_cache_active, refill_swap_slots_cache, folio_alloc_swap, free_swap_slot (Linux
 * 6.1). The caches work while more than 5 x 64 slots a CPU are free, and stop below 2 x 64 a CPU; then all
 * slots in them go back. O(1), O(64) at a refill.
 *
 * Not modelled: one return cache a CPU. Who gives a slot back is not known here, so the machine has one
 * of 64.
 */
#include "models/kernel/swap_slots.h"

#include <string.h>

#include "sim/mem.h"

void swap_slots_init(struct swap_slots *s, struct swap_map *m)
{
	memset(s, 0, sizeof *s);
	s->map = m;
	s->cpu = mem_alloc(m->nr_cpus, sizeof *s->cpu);
}

void swap_slots_release(struct swap_slots *s)
{
	mem_free(s->cpu);
}

static void free_returned(struct swap_slots *s)
{
	for (unsigned i = 0; i < s->nr_ret; i++)
		swap_map_free(s->map, s->ret[i]);
	s->nr_ret = 0;
}

static bool check_active(struct swap_slots *s)
{
	int64_t cpus = s->map->nr_cpus;

	if (!s->active) {
		s->active = s->map->nr_free > cpus * 5 * SWAP_BATCH;
	} else if (s->map->nr_free < cpus * 2 * SWAP_BATCH) {
		s->active = false;
		for (unsigned i = 0; i < s->map->nr_cpus; i++) {
			struct swap_slots_cpu *c = &s->cpu[i];

			for (; c->nr; c->nr--)
				swap_map_free(s->map, c->slots[c->cur++]);
		}
		free_returned(s);
	}
	return s->active;
}

swp_entry_t swap_slots_alloc(struct swap_slots *s, unsigned cpu)
{
	struct swap_slots_cpu *c = &s->cpu[cpu];
	swp_entry_t e = 0;

	if (check_active(s)) {
		if (!c->nr) {
			c->cur = 0;
			c->nr = swap_map_alloc(s->map, cpu, SWAP_BATCH, c->slots);
		}
		if (c->nr) {
			c->nr--;
			return c->slots[c->cur++];
		}
	}
	return swap_map_alloc(s->map, cpu, 1, &e) ? e : 0;
}

void swap_slots_free(struct swap_slots *s, swp_entry_t e)
{
	if (!s->active) {
		swap_map_free(s->map, e);
		return;
	}
	if (s->nr_ret == SWAP_BATCH)
		free_returned(s);
	s->ret[s->nr_ret++] = e;
}

uint64_t swap_slots_idle(const struct swap_slots *s)
{
	uint64_t n = s->nr_ret;

	for (unsigned i = 0; i < s->map->nr_cpus; i++)
		n += s->cpu[i].nr;
	return n;
}
