/*
 * swap_cgroup.c - swap charges.
 *
 * After mm/memcontrol.c __mem_cgroup_try_charge_swap, __mem_cgroup_uncharge_swap,
 * mem_cgroup_get_nr_swap_pages, mem_cgroup_swap_full and mm/swap_cgroup.c of Linux 6.1. A slot is charged
 * when a page gets it and uncharged when it becomes free, which is later than its last reference by as long
 * as it waits to be given back in a batch. O(depth) each.
 *
 * Invariant: swap.usage of a group = slots whose owner is it or lies in it.
 */
#include "models/kernel/swap_cgroup.h"

#include "sim/mem.h"

struct swap_cgroup {
	unsigned n;
	size_t bytes[MAX_SWAP_AREAS];
	uint16_t *owner[MAX_SWAP_AREAS]; /* by slot */
};

void swap_cgroup_new(struct kernel *k, const struct swap_map *m)
{
	struct swap_cgroup *c;

	if (!k->memcgs)
		return;
	c = k->swap_cgroup = mem_alloc(1, sizeof *c);
	c->n = m->nr_areas;
	for (unsigned i = 0; i < c->n; i++) {
		c->bytes[i] = m->area[i].max * sizeof(uint16_t);
		c->owner[i] = mem_map(c->bytes[i]);
	}
}

void swap_cgroup_free(struct kernel *k)
{
	struct swap_cgroup *c = k->swap_cgroup;

	for (unsigned i = 0; c && i < c->n; i++)
		mem_unmap(c->owner[i], c->bytes[i]);
	mem_free(c);
	k->swap_cgroup = NULL;
}

static uint16_t *owner_of(const struct kernel *k, swp_entry_t e)
{
	return &k->swap_cgroup->owner[swp_area(e)][swp_slot(e)];
}

static bool try_charge(struct memcg *g, uint64_t slots)
{
	for (struct page_counter *c = &g->swap; c; c = c->parent)
		if (c->usage + slots > c->max)
			return false;
	for (struct page_counter *c = &g->swap; c; c = c->parent) {
		c->usage += slots;
		c->watermark = MAX_OF(c->watermark, c->usage);
	}
	return true;
}

bool swap_cgroup_charge(struct kernel *k, const struct frame *f, swp_entry_t e)
{
	uint32_t nr = frame_nr_pages(f);
	struct memcg *g;

	if (LIKELY(!f->memcg))
		return true;
	g = memcg_of(k, f->memcg);
	if (!e) {
		memcg_event(g, MEMCG_SWAP_FAIL, 1);
		return true;
	}
	if (!try_charge(g, nr)) {
		memcg_event(g, MEMCG_SWAP_MAX, 1);
		memcg_event(g, MEMCG_SWAP_FAIL, 1);
		return false;
	}
	for (uint32_t i = 0; i < nr; i++)
		*owner_of(k, e + i) = (uint16_t)g->id;
	return true;
}

void swap_cgroup_uncharge(struct kernel *k, swp_entry_t e)
{
	uint16_t *owner;

	if (LIKELY(!k->swap_cgroup))
		return;
	owner = owner_of(k, e);
	if (!*owner)
		return;
	for (struct page_counter *c = &memcg_of(k, *owner)->swap; c; c = c->parent) {
		CHECK(c->usage > 0, "a group gives slot %#" PRIx64 " back and has none", e);
		c->usage--;
	}
	*owner = 0;
}

uint32_t swap_cgroup_of(const struct kernel *k, swp_entry_t e)
{
	return k->swap_cgroup ? *owner_of(k, e) : 0;
}

uint64_t swap_cgroup_slots(const struct kernel *k, unsigned area)
{
	const struct swap_cgroup *c = k->swap_cgroup;

	return c && area < c->n ? c->bytes[area] / sizeof(uint16_t) : 0;
}

uint64_t swap_cgroup_room(const struct memcg *g, uint64_t free)
{
	for (const struct page_counter *c = g ? &g->swap : NULL; c; c = c->parent)
		free = MIN_OF(free, c->max - MIN_OF(c->max, c->usage));
	return free;
}

bool swap_cgroup_is_half_full(const struct kernel *k, const struct frame *f)
{
	if (LIKELY(!f->memcg))
		return false;
	for (const struct page_counter *c = &memcg_of(k, f->memcg)->swap; c; c = c->parent)
		if (c->usage * 2 >= c->high || c->usage * 2 >= c->max)
			return true;
	return false;
}
