/*
 * pages.c - slabs from and to the page allocator, and the lists on which they wait.
 *
 * After mm/slub.c of Linux 6.1: allocate_slab, discard_slab, account_slab, __add_partial, deactivate_slab,
 * __unfreeze_partials, flush_slab.
 *
 * Invariants: a slab on a node's partial list is not frozen and has a free object; nr_partial counts them;
 * every frame of a slab has FR_SLAB and, as private, the slab.
 *
 * Not modelled: shuffled free lists (CONFIG_SLAB_FREELIST_RANDOM), which change addresses only.
 */
#include "models/kernel/slab/slab_cache.h"

#include "sim/mem.h"

/* What a slab's pages may be asked with: GFP_RECLAIM_MASK and GFP_CONSTRAINT_MASK. */
#define GFP_KEPT                                                                                             \
	(GFP_BIT_RECLAIM | GFP_BIT_HIGH | GFP_BIT_IO | GFP_BIT_FS | GFP_BIT_NOWARN | GFP_BIT_RETRY_MAYFAIL | \
	 GFP_BIT_NOFAIL | GFP_BIT_NORETRY | GFP_BIT_MEMALLOC | GFP_BIT_NOMEMALLOC | GFP_BIT_ATOMIC |         \
	 GFP_BIT_HARDWALL | GFP_BIT_THISNODE)

static gfp_t cache_gfp(const struct slab_cache *c, gfp_t gfp)
{
	gfp &= GFP_KEPT;
	if (c->order)
		gfp |= GFP_BIT_COMP;
	if (c->flags & SLAB_DMA)
		gfp |= GFP_BIT_DMA;
	if (c->flags & SLAB_RECLAIMABLE)
		gfp |= GFP_BIT_RECLAIMABLE;
	return gfp;
}

static void account(struct slab_allocator *s, const struct slab *slab, int sign)
{
	struct slab_node *n = &slab->cache->node[slab->nid];
	enum node_item item =
		slab->cache->flags & SLAB_RECLAIMABLE ? NR_SLAB_RECLAIMABLE : NR_SLAB_UNRECLAIMABLE;

	node_stat_add(&s->m->node[slab->nid], item, sign * (INT64_C(1) << slab->order));
	if (sign > 0) {
		n->nr_slabs++;
		n->total_objects += slab->objects;
	} else {
		n->nr_slabs--;
		n->total_objects -= slab->objects;
	}
}

static struct slab *descriptor_get(struct slab_cache *c)
{
	struct slab *slab = c->spare;

	if (!slab)
		return mem_alloc_late(1, sizeof(*slab) + c->objects * sizeof(slab->link[0]));
	c->spare = slab->next;
	return slab;
}

static void set_up(struct slab_allocator *s, struct slab *slab, struct slab_cache *c, pfn_t pfn,
		   unsigned order)
{
	*slab = (struct slab){.cache = c,
			      .owner = slab->owner,
			      .all_next = c->all,
			      .pfn = pfn,
			      .nid = frame_of(s->m, pfn)->nid,
			      .order = (uint8_t)order,
			      .objects = (uint16_t)(order == c->order ? c->objects : c->min_objects)};
	for (uint16_t i = 0; i < slab->objects; i++)
		slab->link[i] = (uint16_t)(i + 1);
	slab->link[slab->objects - 1] = SLAB_LIST_END;
	if (c->all)
		c->all->all_prev = slab;
	c->all = slab;
	for (pfn_t i = 0; i < (pfn_t)1 << order; i++) {
		frame_of(s->m, pfn + i)->flags |= FR_SLAB;
		frame_of(s->m, pfn + i)->private = (uintptr_t)slab;
	}
	account(s, slab, 1);
}

struct slab *slab_page_get(struct slab_allocator *s, struct slab_cache *c, void *cur, gfp_t gfp)
{
	gfp_t want = cache_gfp(c, gfp);
	gfp_t first = (want | GFP_BIT_NOWARN | GFP_BIT_NORETRY) & ~GFP_BIT_NOFAIL;
	unsigned order = c->order;
	struct slab *slab;
	pfn_t pfn;

	/* the larger order must not cost reclaim */
	if ((first & GFP_BIT_DIRECT_RECLAIM) && order > c->min_order)
		first = (first | GFP_BIT_NOMEMALLOC) & ~GFP_BIT_RECLAIM;
	pfn = s->ops->alloc(cur, first, order);
	if (pfn == PFN_NONE) {
		order = c->min_order;
		pfn = s->ops->alloc(cur, want, order);
	}
	if (pfn == PFN_NONE)
		return NULL;
	slab = descriptor_get(c);
	set_up(s, slab, c, pfn, order);
	return slab;
}

void slab_page_put(struct slab_allocator *s, struct slab *slab, void *cur)
{
	struct slab_cache *c = slab->cache;
	pfn_t pfn = slab->pfn;
	unsigned order = slab->order;

	account(s, slab, -1);
	if (slab->all_prev)
		slab->all_prev->all_next = slab->all_next;
	else
		c->all = slab->all_next;
	if (slab->all_next)
		slab->all_next->all_prev = slab->all_prev;
	for (pfn_t i = 0; i < (pfn_t)1 << order; i++) {
		frame_of(s->m, pfn + i)->flags &= ~(uint32_t)FR_SLAB;
		frame_of(s->m, pfn + i)->private = 0;
	}
	slab->next = c->spare;
	c->spare = slab;
	s->ops->free(cur, pfn, order);
}

void slab_partial_add(struct slab *slab, bool tail)
{
	struct slab_node *n = &slab->cache->node[slab->nid];
	struct slab *prev = tail ? n->last : NULL, *next = tail ? NULL : n->first;

	slab->prev = prev;
	slab->next = next;
	*(prev ? &prev->next : &n->first) = slab;
	*(next ? &next->prev : &n->last) = slab;
	slab->on_partial = true;
	n->nr_partial++;
}

void slab_partial_del(struct slab *slab)
{
	struct slab_node *n = &slab->cache->node[slab->nid];

	*(slab->prev ? &slab->prev->next : &n->first) = slab->next;
	*(slab->next ? &slab->next->prev : &n->last) = slab->prev;
	slab->prev = slab->next = NULL;
	slab->on_partial = false;
	n->nr_partial--;
}

/* What happens to a slab that no CPU owns any more. Returns pages freed. */
static uint64_t release(struct slab_allocator *s, struct slab *slab, bool tail, void *cur)
{
	struct slab_cache *c = slab->cache;

	slab->frozen = false;
	if (!slab->inuse && c->node[slab->nid].nr_partial >= c->min_partial) {
		uint64_t pages = UINT64_C(1) << slab->order;

		slab_page_put(s, slab, cur);
		return pages;
	}
	if (slab->freelist != SLAB_LIST_END)
		slab_partial_add(slab, tail);
	return 0;
}

uint64_t slab_deactivate(struct slab_allocator *s, struct slab *slab, uint16_t freelist, void *cur)
{
	bool tail = slab->freelist != SLAB_LIST_END; /* others freed to it */
	uint16_t last = SLAB_LIST_END;

	for (uint16_t i = freelist; i != SLAB_LIST_END; i = slab->link[i]) {
		slab->inuse--;
		last = i;
	}
	if (last != SLAB_LIST_END) {
		slab->link[last] = slab->freelist;
		slab->freelist = freelist;
	}
	return release(s, slab, tail, cur);
}

uint64_t slab_unfreeze(struct slab_allocator *s, struct slab *list, void *cur)
{
	uint64_t pages = 0;

	while (list) {
		struct slab *next = list->next;

		list->next = NULL;
		pages += release(s, list, true, cur);
		list = next;
	}
	return pages;
}

uint64_t slab_flush_cpu(struct slab_allocator *s, struct slab_cache *c, void *cur, unsigned cpu)
{
	struct slab_cpu *p = &c->cpu[cpu];
	struct slab *slab = p->slab, *partial = p->partial;
	uint16_t freelist = p->freelist;
	uint64_t pages = 0;

	p->slab = p->partial = NULL;
	p->freelist = SLAB_LIST_END;
	if (slab)
		pages = slab_deactivate(s, slab, freelist, cur);
	return pages + slab_unfreeze(s, partial, cur);
}
