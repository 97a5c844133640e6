/*
 * info.c - what /proc/slabinfo shows, shrinking, and a walk over all slabs.
 *
 * After mm/slub.c of Linux 6.1: get_slabinfo (objects on the CPUs' lists count as active),
 * __kmem_cache_shrink, __kmem_cache_do_shrink.
 *
 * Not modelled: cache_dma32, tunables, per-cache debugging files.
 */
#include "models/kernel/slab/slab_cache.h"

#define SHRINK_PROMOTE_MAX 32

bool slab_info_at(const struct slab_allocator *s, size_t i, struct slab_info *out)
{
	const struct slab_cache *c;

	if (i >= s->nr_caches)
		return false;
	c = s->caches[i];
	*out = (struct slab_info){.name = c->name,
				  .objsize = c->size,
				  .objs_per_slab = c->objects,
				  .pages_per_slab = 1u << c->order,
				  .reclaimable = c->flags & SLAB_RECLAIMABLE,
				  .requested_bytes = c->requested_bytes,
				  .fragmented_bytes = c->fragmented_bytes};
	for (unsigned n = 0; n < s->m->nr_nodes; n++) {
		out->num_slabs += c->node[n].nr_slabs;
		out->num_objs += c->node[n].total_objects;
		for (const struct slab *p = c->node[n].first; p; p = p->next)
			out->active_objs -= (uint64_t)(p->objects - p->inuse);
	}
	out->active_objs += out->num_objs;
	out->active_slabs = out->num_slabs;
	return true;
}

/* Empty slabs go, those with 1 … 32 free objects move to the head, the fullest first. */
static uint64_t shrink_node(struct slab_allocator *s, struct slab_node *n, void *cur)
{
	struct slab *promote[SHRINK_PROMOTE_MAX] = {0}, *empty = NULL, *next;
	uint64_t pages = 0;

	for (struct slab *p = n->first; p; p = next) {
		unsigned free = (unsigned)(p->objects - p->inuse);
		struct slab **list = &empty;

		next = p->next;
		if (p->inuse && free > SHRINK_PROMOTE_MAX)
			continue;
		if (p->inuse)
			list = &promote[free - 1];
		slab_partial_del(p);
		p->next = *list;
		*list = p;
	}
	for (unsigned i = SHRINK_PROMOTE_MAX; i-- > 0;) {
		struct slab *reversed = NULL;

		for (struct slab *p = promote[i]; p; p = next) {
			next = p->next;
			p->next = reversed;
			reversed = p;
		}
		for (struct slab *p = reversed; p; p = next) {
			next = p->next;
			slab_partial_add(p, false);
		}
	}
	for (; empty; empty = next) {
		next = empty->next;
		pages += UINT64_C(1) << empty->order;
		slab_page_put(s, empty, cur);
	}
	return pages;
}

uint64_t slab_shrink_cache(struct slab_allocator *s, struct slab_cache *c, void *cur)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < s->nr_cpus; i++)
		pages += slab_flush_cpu(s, c, cur, i);
	for (unsigned n = 0; n < s->m->nr_nodes; n++)
		pages += shrink_node(s, &c->node[n], cur);
	return pages;
}

/* Objects on a free list; SIZE_MAX when it runs in circles or over an allocated object. */
static size_t list_length(const struct slab *p, uint16_t at)
{
	size_t n = 0;

	for (; at != SLAB_LIST_END; at = p->link[at]) {
		if (at >= p->objects || ++n > p->objects)
			return SIZE_MAX;
	}
	return n;
}

static bool slab_in_order(struct slab_allocator *s, const struct slab *p)
{
	size_t live = 0, own = list_length(p, p->freelist), cpu = 0;

	for (uint16_t i = 0; i < p->objects; i++)
		live += p->link[i] == SLAB_OBJ_LIVE;
	for (unsigned i = 0; i < s->nr_cpus; i++) {
		if (p->cache->cpu[i].slab == p)
			cpu += list_length(p, p->cache->cpu[i].freelist);
	}
	if (own == SIZE_MAX || own + p->inuse != p->objects || live + cpu != p->inuse)
		return false;
	if (p->on_partial && (p->frozen || p->freelist == SLAB_LIST_END))
		return false;
	for (pfn_t i = 0; i < (pfn_t)1 << p->order; i++) {
		const struct frame *f = frame_of(s->m, p->pfn + i);

		if (!(f->flags & FR_SLAB) || f->private != (uintptr_t)p || f->nid != p->nid)
			return false;
	}
	return true;
}

static bool cache_is_valid(struct slab_allocator *s, const struct slab_cache *c, int64_t *pages)
{
	uint64_t slabs = 0, on_partial = 0, want = 0, partial = 0;

	for (const struct slab *p = c->all; p; p = p->all_next) {
		if (p->cache != c || !slab_in_order(s, p))
			return false;
		slabs++;
		on_partial += p->on_partial;
		*pages += INT64_C(1) << p->order;
	}
	for (unsigned n = 0; n < s->m->nr_nodes; n++) {
		want += c->node[n].nr_slabs;
		partial += c->node[n].nr_partial;
		for (const struct slab *p = c->node[n].first; p; p = p->next) {
			if (!p->on_partial || p->nid != n)
				return false;
			on_partial--;
		}
	}
	return slabs == want && on_partial == 0 && partial <= slabs;
}

bool slab_is_valid(const struct slab_allocator *cs)
{
	struct slab_allocator *s =
		(struct slab_allocator *)(uintptr_t)cs; /* frame_of wants a writable memory */
	int64_t pages = (int64_t)s->large_pages;

	for (size_t i = 0; i < s->nr_caches; i++) {
		if (!cache_is_valid(s, s->caches[i], &pages))
			return false;
	}
	return pages ==
	       memory_node_total(s->m, NR_SLAB_RECLAIMABLE) + memory_node_total(s->m, NR_SLAB_UNRECLAIMABLE);
}
