/*
 * slab.c - SLUB: allocating and freeing objects.
 *
 * After mm/slub.c of Linux 6.1: slab_alloc_node, ___slab_alloc, get_freelist, get_partial_node,
 * get_any_partial, acquire_slab, put_cpu_partial, do_slab_free, __slab_free; mm/slab_common.c: kmalloc,
 * __kmalloc_large_node, kfree. The files in slab/ hold sizes, pages and views.
 *
 * Complexity: O(1) an object; a slab that is set up or given up O(its objects).
 *
 * Invariants: an object is live, on its slab's free list or on one CPU's; the pages of all slabs and of large
 * kmallocs = NR_SLAB_RECLAIMABLE + NR_SLAB_UNRECLAIMABLE.
 *
 * The page allocator may let other tasks run before it returns: a CPU that got another slab meanwhile gives
 * it up again, as the kernel does.
 *
 * Not modelled: the vectors of groups that slabs with charged objects have, requests for a given node, the
 * coin that SLUB throws before it takes slabs from other nodes' lists (it always looks there), slabs from
 * emergency reserves, bulk requests, delays by RCU.
 */
#include "models/kernel/slab.h"

#include "models/kernel/slab/slab_cache.h"
#include "sim/mem.h"

#define MAX_ORDER_BYTES ((unsigned)(PAGE_SIZE << (NR_ORDERS - 1)))

struct slab_allocator *slab_new(struct memory *m, unsigned nr_cpus, const struct slab_page_ops *ops)
{
	struct slab_allocator *s = mem_alloc(1, sizeof(*s));

	s->m = m;
	s->nr_cpus = nr_cpus;
	s->ops = ops;
	slab_kmalloc_create(s);
#define SLAB_CACHE_ADD(id, name, size, flags) \
	s->dedicated[SLAB_CACHE_##id] = slab_cache_add(s, name, size, flags, 0);
	SLAB_CACHES(SLAB_CACHE_ADD)
#undef SLAB_CACHE_ADD
	return s;
}

void slab_set_charging(struct slab_allocator *s, const struct slab_charge_ops *ops)
{
	s->charging = ops;
}

static void cache_release(struct slab_cache *c)
{
	while (c->all) {
		struct slab *next = c->all->all_next;

		mem_free(c->all->owner);
		mem_free(c->all);
		c->all = next;
	}
	while (c->spare) {
		struct slab *next = c->spare->next;

		mem_free(c->spare->owner);
		mem_free(c->spare);
		c->spare = next;
	}
	mem_free(c->cpu);
	mem_free(c->node);
	mem_free(c);
}

void slab_free_allocator(struct slab_allocator *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nr_caches; i++)
		cache_release(s->caches[i]);
	mem_free(s->caches);
	mem_free(s);
}

struct slab_cache *slab_cache_of(struct slab_allocator *s, enum slab_cache_id id)
{
	return s->dedicated[id];
}

static slab_obj_t object_at(const struct slab *slab, uint16_t i)
{
	return ((uint64_t)slab->pfn << PAGE_SHIFT) + (uint64_t)i * slab->cache->size;
}

static struct slab *slab_of(const struct slab_allocator *s, slab_obj_t obj)
{
	return (struct slab *)(uintptr_t)frame_of(s->m, (pfn_t)(obj >> PAGE_SHIFT))->private;
}

static uint16_t index_of(const struct slab *slab, slab_obj_t obj)
{
	return (uint16_t)((obj - ((uint64_t)slab->pfn << PAGE_SHIFT)) / slab->cache->size);
}

/* Takes the whole free list of a slab for the CPU (get_freelist, acquire_slab). */
static uint16_t take_freelist(struct slab *slab)
{
	uint16_t list = slab->freelist;

	slab->freelist = SLAB_LIST_END;
	slab->inuse = slab->objects;
	slab->frozen = list != SLAB_LIST_END;
	return list;
}

/* put_cpu_partial. drain: a list that is too long goes to the nodes' lists first. */
static void put_cpu_partial(struct slab_allocator *s, struct slab *slab, unsigned cpu, bool drain, void *cur)
{
	struct slab_cache *c = slab->cache;
	struct slab *old = c->cpu[cpu].partial, *unfreeze = NULL;

	if (old && drain && old->slabs >= c->cpu_partial_slabs) {
		unfreeze = old;
		old = NULL;
	}
	slab->slabs = (old ? old->slabs : 0) + 1;
	slab->next = old;
	c->cpu[cpu].partial = slab;
	slab_unfreeze(s, unfreeze, cur);
}

/* get_partial_node: the first slab of the list for use now, some more for the CPU's partial list. */
static struct slab *get_partial_node(struct slab_allocator *s, struct slab_cache *c, unsigned nid,
				     unsigned cpu, uint16_t *list, void *cur)
{
	struct slab *found = NULL, *next;
	unsigned more = 0;

	for (struct slab *p = c->node[nid].first; p; p = next) {
		next = p->next;
		slab_partial_del(p);
		if (!found) {
			found = p;
			*list = take_freelist(p);
		} else {
			p->frozen = true;
			put_cpu_partial(s, p, cpu, false, cur);
			more++;
		}
		if (more > c->cpu_partial_slabs / 2)
			break;
	}
	return found;
}

/* get_partial: the node of the CPU, then nodes by distance whose lists are longer than they need be. */
static struct slab *get_partial(struct slab_allocator *s, struct slab_cache *c, unsigned cpu, uint16_t *list,
				void *cur)
{
	const struct node *local = &s->m->node[s->m->topo->cpu_nid[cpu]];
	bool first = true;

	for (unsigned i = 0; i < local->nr_fallback; i++) {
		unsigned nid = local->fallback[i];
		struct slab *p;

		if (!s->m->node[nid].has_memory)
			continue;
		if (!first && c->node[nid].nr_partial <= c->min_partial)
			continue;
		first = false;
		p = get_partial_node(s, c, nid, cpu, list, cur);
		if (p)
			return p;
	}
	return NULL;
}

/* ___slab_alloc: loads a slab with free objects as the CPU's. False when there is no memory. */
static bool load_slab(struct slab_allocator *s, struct slab_cache *c, void *cur, unsigned cpu, gfp_t gfp)
{
	struct slab_cpu *p = &c->cpu[cpu];
	uint16_t list = SLAB_LIST_END;
	struct slab *slab;

	while (p->slab || p->partial) {
		if (!p->slab) {
			p->slab = p->partial;
			p->partial = p->slab->next;
			p->slab->next = NULL;
		}
		p->freelist = take_freelist(p->slab);
		if (p->freelist != SLAB_LIST_END)
			return true;
		p->slab = NULL; /* full, on no list */
	}
	slab = get_partial(s, c, cpu, &list, cur);
	if (!slab) {
		slab = slab_page_get(s, c, cur, gfp);
		if (!slab)
			return false;
		list = take_freelist(slab);
	}
	while (p->slab) { /* another task ran meanwhile */
		struct slab *old = p->slab;
		uint16_t old_list = p->freelist;

		p->slab = NULL;
		p->freelist = SLAB_LIST_END;
		slab_deactivate(s, old, old_list, cur);
	}
	p->slab = slab;
	p->freelist = list;
	return true;
}

static slab_obj_t take_object(struct slab_allocator *s, struct slab_cache *c, void *cur, unsigned cpu,
			      gfp_t gfp, bool *slow)
{
	struct slab_cpu *p = &c->cpu[cpu];
	uint16_t i;

	if (p->freelist == SLAB_LIST_END) {
		if (slow)
			*slow = true;
		if (!load_slab(s, c, cur, cpu, gfp))
			return 0;
	}
	i = p->freelist;
	p->freelist = p->slab->link[i];
	p->slab->link[i] = SLAB_OBJ_LIVE;
	return object_at(p->slab, i);
}

/* obj_full_size */
static unsigned charged_bytes(const struct slab_cache *c)
{
	return c->size + (unsigned)sizeof(uint64_t);
}

static slab_obj_t take_charged(struct slab_allocator *s, struct slab_cache *c, void *cur, unsigned cpu,
			       gfp_t gfp, bool *slow)
{
	bool reclaimable = c->flags & SLAB_RECLAIMABLE;
	uint32_t group = 0;
	struct slab *slab;
	slab_obj_t obj;

	if (!s->charging->charge(cur, gfp, charged_bytes(c), reclaimable, &group))
		return 0;
	obj = take_object(s, c, cur, cpu, gfp, slow);
	if (!group)
		return obj;
	if (!obj) {
		s->charging->uncharge(cur, group, charged_bytes(c), reclaimable);
		return 0;
	}
	slab = slab_of(s, obj);
	if (!slab->owner)
		slab->owner = mem_alloc_late(c->objects, sizeof *slab->owner);
	slab->owner[index_of(slab, obj)] = group;
	return obj;
}

slab_obj_t slab_alloc(struct slab_allocator *s, struct slab_cache *c, void *cur, unsigned cpu, gfp_t gfp,
		      bool *slow)
{
	if (UNLIKELY(s->charging != NULL) && (c->flags & SLAB_ACCOUNT || gfp & GFP_BIT_ACCOUNT))
		return take_charged(s, c, cur, cpu, gfp, slow);
	return take_object(s, c, cur, cpu, gfp, slow);
}

static void uncharge(struct slab_allocator *s, struct slab *slab, uint16_t i, void *cur)
{
	uint32_t group = slab->owner[i];

	slab->owner[i] = 0;
	if (group)
		s->charging->uncharge(cur, group, charged_bytes(slab->cache),
				      slab->cache->flags & SLAB_RECLAIMABLE);
}

/* __slab_free: to a slab that is not this CPU's current one. */
static void free_slow(struct slab_allocator *s, struct slab *slab, uint16_t i, unsigned cpu, void *cur)
{
	struct slab_cache *c = slab->cache;
	bool was_full = slab->freelist == SLAB_LIST_END;

	slab->link[i] = slab->freelist;
	slab->freelist = i;
	slab->inuse--;
	if (slab->frozen)
		return;
	if (was_full) {
		slab->frozen = true;
		put_cpu_partial(s, slab, cpu, true, cur);
		return;
	}
	if (!slab->inuse && c->node[slab->nid].nr_partial >= c->min_partial) {
		slab_partial_del(slab);
		slab_page_put(s, slab, cur);
	}
}

void slab_free(struct slab_allocator *s, struct slab_cache *c, void *cur, unsigned cpu, slab_obj_t obj)
{
	const struct frame *f = frame_of(s->m, (pfn_t)(obj >> PAGE_SHIFT));
	struct slab_cpu *p = &c->cpu[cpu];
	struct slab *slab;
	uint64_t offset;
	uint16_t i;

	CHECK(f->flags & FR_SLAB, "%s: %" PRIx64 " lies on no slab", c->name, obj);
	slab = (struct slab *)(uintptr_t)f->private;
	offset = obj - ((uint64_t)slab->pfn << PAGE_SHIFT);
	CHECK(slab->cache == c && offset % c->size == 0, "%s: %" PRIx64 " is no object", c->name, obj);
	i = (uint16_t)(offset / c->size);
	CHECK(slab->link[i] == SLAB_OBJ_LIVE, "%s: %" PRIx64 " is freed twice", c->name, obj);
	if (UNLIKELY(slab->owner != NULL))
		uncharge(s, slab, i, cur);
	if (slab == p->slab) {
		slab->link[i] = p->freelist;
		p->freelist = i;
		return;
	}
	free_slow(s, slab, i, cpu, cur);
}

static unsigned large_order(unsigned size)
{
	unsigned order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

static slab_obj_t large_alloc(struct slab_allocator *s, void *cur, unsigned size, gfp_t gfp)
{
	unsigned order = large_order(size);
	pfn_t pfn;

	if (size > MAX_ORDER_BYTES)
		return 0;
	pfn = s->ops->alloc(cur, (gfp & ~(GFP_BIT_HIGHMEM | GFP_BIT_MOVABLE)) | GFP_BIT_COMP, order);
	if (pfn == PFN_NONE)
		return 0;
	s->large_pages += UINT64_C(1) << order;
	node_stat_add(frame_node(s->m, frame_of(s->m, pfn)), NR_SLAB_UNRECLAIMABLE, INT64_C(1) << order);
	return (uint64_t)pfn << PAGE_SHIFT;
}

static void large_free(struct slab_allocator *s, void *cur, slab_obj_t obj, unsigned size)
{
	unsigned order = large_order(size);
	pfn_t pfn = (pfn_t)(obj >> PAGE_SHIFT);

	s->large_pages -= UINT64_C(1) << order;
	node_stat_add(frame_node(s->m, frame_of(s->m, pfn)), NR_SLAB_UNRECLAIMABLE, -(INT64_C(1) << order));
	s->ops->free(cur, pfn, order);
}

slab_obj_t slab_kmalloc(struct slab_allocator *s, void *cur, unsigned cpu, unsigned size, gfp_t gfp)
{
	struct slab_cache *c = slab_kmalloc_cache(s, size, gfp);
	slab_obj_t obj;

	if (!size)
		return SLAB_ZERO_SIZE;
	if (!c)
		return large_alloc(s, cur, size, gfp);
	obj = slab_alloc(s, c, cur, cpu, gfp, NULL);
	if (obj) {
		c->requested_bytes += size;
		c->fragmented_bytes += c->size - size;
	}
	return obj;
}

void slab_kfree(struct slab_allocator *s, void *cur, unsigned cpu, slab_obj_t obj, unsigned size)
{
	const struct frame *f;
	struct slab_cache *c;

	if (obj <= SLAB_ZERO_SIZE)
		return;
	f = frame_of(s->m, (pfn_t)(obj >> PAGE_SHIFT));
	if (!(f->flags & FR_SLAB)) {
		large_free(s, cur, obj, size);
		return;
	}
	c = ((struct slab *)(uintptr_t)f->private)->cache;
	slab_free(s, c, cur, cpu, obj);
	c->requested_bytes -= size;
	c->fragmented_bytes -= c->size - size;
}
