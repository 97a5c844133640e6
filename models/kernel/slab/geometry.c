/*
 * geometry.c - how large objects and slabs are, and which general cache a size gets.
 *
 * After mm/slub.c of Linux 6.1: calculate_sizes, calculate_order, calc_slab_order, set_cpu_partial,
 * kmem_cache_open; mm/slab_common.c: calculate_alignment, kmalloc_info, size_index, create_kmalloc_caches;
 * include/linux/slab.h kmalloc_type.
 *
 * Not modelled: merging of caches of like size, constructors and RCU (their sizes are given complete),
 * debugging layouts, boot options slub_min_order, slub_max_order, slub_min_objects.
 */
#include "models/kernel/slab/slab_cache.h"

#include <stdio.h>
#include <string.h>

#include "sim/mem.h"

#define SLUB_MAX_ORDER 3 /* PAGE_ALLOC_COSTLY_ORDER */
#define MIN_PARTIAL    5
#define MAX_PARTIAL    10
#define CACHE_LINE     64u
#define WORD           8u /* sizeof(void *), also the least alignment of kmalloc */

static unsigned align_up(unsigned x, unsigned a)
{
	return (x + a - 1) / a * a;
}

/* get_order: the smallest order that holds n bytes. */
static unsigned order_of(unsigned n)
{
	unsigned order = 0;

	while ((PAGE_SIZE << order) < n)
		order++;
	return order;
}

static unsigned order_objects(unsigned order, unsigned size)
{
	return (unsigned)(PAGE_SIZE << order) / size;
}

/* The smallest order that holds min_objects and wastes no more than a `fraction`-th; max + 1 when none does.
 */
static unsigned calc_slab_order(unsigned size, unsigned min_objects, unsigned max, unsigned fraction)
{
	unsigned order = order_of(min_objects * size);

	for (; order <= max; order++) {
		unsigned slab = (unsigned)(PAGE_SIZE << order);

		if (slab % size <= slab / fraction)
			break;
	}
	return order;
}

static unsigned calculate_order(unsigned size, unsigned nr_cpus)
{
	/* 4 * (fls(nr_cpus) + 1) */
	unsigned min = 4 * (ilog2_u64(nr_cpus) + 2), most = order_objects(SLUB_MAX_ORDER, size), order;

	for (min = MIN_OF(min, most); min > 1; min--) {
		for (unsigned fraction = 16; fraction >= 4; fraction /= 2) {
			order = calc_slab_order(size, min, SLUB_MAX_ORDER, fraction);
			if (order <= SLUB_MAX_ORDER)
				return order;
		}
	}
	order = calc_slab_order(size, 1, SLUB_MAX_ORDER, 1);
	return order <= SLUB_MAX_ORDER ? order : calc_slab_order(size, 1, NR_ORDERS - 1, 1);
}

static unsigned cpu_partial_objects(unsigned size)
{
	return size >= PAGE_SIZE ? 6 : size >= 1024 ? 24 : size >= 256 ? 52 : 120;
}

void slab_cache_set_geometry(struct slab_cache *c, unsigned align, unsigned nr_cpus)
{
	unsigned min_partial;

	if (c->flags & SLAB_HWCACHE_ALIGN) {
		unsigned a = CACHE_LINE;

		while (c->object_size <= a / 2)
			a /= 2;
		align = MAX_OF(align, a);
	}
	align = align_up(MAX_OF(align, WORD), WORD);
	c->size = align_up(align_up(c->object_size, WORD), align);
	c->order = calculate_order(c->size, nr_cpus);
	c->objects = order_objects(c->order, c->size);
	c->min_order = order_of(c->size);
	c->min_objects = order_objects(c->min_order, c->size);
	min_partial = ilog2_u64(c->size) / 2;
	c->min_partial = min_partial < MIN_PARTIAL ? MIN_PARTIAL : MIN_OF(min_partial, MAX_PARTIAL);
	c->cpu_partial_slabs = (cpu_partial_objects(c->size) * 2 + c->objects - 1) / c->objects;
}

struct slab_cache *slab_cache_add(struct slab_allocator *s, const char *name, unsigned size, unsigned flags,
				  unsigned align)
{
	struct slab_cache *c = mem_alloc_late(1, sizeof(*c));

	CHECK(size > 0 && size <= 65536, "slab cache %s of %u bytes", name, size);
	CHECK(strlen(name) < SLAB_NAME_LEN, "slab cache name %s", name);
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->object_size = size;
	c->flags = flags;
	slab_cache_set_geometry(c, align, s->nr_cpus);
	c->cpu = mem_alloc_late(s->nr_cpus, sizeof(c->cpu[0]));
	for (unsigned i = 0; i < s->nr_cpus; i++)
		c->cpu[i].freelist = SLAB_LIST_END;
	c->node = mem_alloc_late(s->m->nr_nodes, sizeof(c->node[0]));
	s->caches = mem_realloc(s->caches, s->nr_caches + 1, sizeof(s->caches[0]));
	s->caches[s->nr_caches++] = c;
	return c;
}

struct slab_cache *slab_cache_create(struct slab_allocator *s, const char *name, unsigned size,
				     unsigned flags)
{
	return slab_cache_add(s, name, size, flags, 0);
}

static const struct kmalloc_size {
	unsigned size;
	const char *name;
} kmalloc_sizes[NR_KMALLOC_SIZES] = {
	{8, "8"},     {16, "16"},   {32, "32"},   {64, "64"},   {96, "96"},   {128, "128"}, {192, "192"},
	{256, "256"}, {512, "512"}, {1024, "1k"}, {2048, "2k"}, {4096, "4k"}, {8192, "8k"},
};

static const struct kmalloc_prefix {
	const char *prefix;
	unsigned flags;
} kmalloc_kinds[NR_KMALLOC_KINDS] = {
	[KMALLOC_NORMAL] = {"kmalloc-", 0},
	[KMALLOC_CGROUP] = {"kmalloc-cg-", SLAB_ACCOUNT},
	[KMALLOC_RECLAIM] = {"kmalloc-rcl-", SLAB_RECLAIMABLE},
	[KMALLOC_DMA] = {"dma-kmalloc-", SLAB_DMA},
};

void slab_kmalloc_create(struct slab_allocator *s)
{
	for (unsigned k = 0; k < NR_KMALLOC_KINDS; k++) {
		for (unsigned i = 0; i < NR_KMALLOC_SIZES; i++) {
			unsigned size = kmalloc_sizes[i].size;
			char name[SLAB_NAME_LEN];

			snprintf(name, sizeof(name), "%s%s", kmalloc_kinds[k].prefix, kmalloc_sizes[i].name);
			/* powers of two are aligned to themselves */
			s->kmalloc[k][i] = slab_cache_add(s, name, size, kmalloc_kinds[k].flags,
							  size & (size - 1) ? WORD : size);
		}
	}
}

static enum kmalloc_kind kind_of(gfp_t gfp)
{
	return gfp & GFP_BIT_DMA           ? KMALLOC_DMA
	       : gfp & GFP_BIT_RECLAIMABLE ? KMALLOC_RECLAIM
	       : gfp & GFP_BIT_ACCOUNT     ? KMALLOC_CGROUP
					   : KMALLOC_NORMAL;
}

struct slab_cache *slab_kmalloc_cache(struct slab_allocator *s, unsigned size, gfp_t gfp)
{
	unsigned i = 0;

	if (size > KMALLOC_MAX_CACHED)
		return NULL;
	while (kmalloc_sizes[i].size < size)
		i++;
	return s->kmalloc[kind_of(gfp)][i];
}
