/*
 * slab_cache.h - the structures of the slab allocator, for its own files.
 *
 * The states of a slab are SLUB's: frozen = belongs to a CPU (its current slab or on its partial list); on
 * the node's partial list; full and on no list. The objects of a CPU's current slab that the CPU owns form
 * the CPU's free list and count as in use in the slab; what other CPUs free goes to the slab's own free list.
 */
#ifndef MODELS_KERNEL_SLAB_SLAB_CACHE_H
#define MODELS_KERNEL_SLAB_SLAB_CACHE_H

#include "models/kernel/slab.h"

#define SLAB_NAME_LEN 32
#define SLAB_LIST_END UINT16_MAX       /* end of a free list */
#define SLAB_OBJ_LIVE (UINT16_MAX - 1) /* next[] of an allocated object */

struct slab {
	struct slab_cache *cache;
	struct slab *prev, *next;         /* partial list of the node, or (next only) of the CPU */
	struct slab *all_prev, *all_next; /* all slabs of the cache */
	pfn_t pfn;
	unsigned nid;
	uint8_t order;
	bool frozen;
	bool on_partial;
	uint16_t objects, inuse;
	uint16_t freelist; /* first free object, SLAB_LIST_END = none */
	unsigned slabs;    /* on the CPU's partial list from here on */
	uint32_t *owner;   /* by object: the group it is charged to; NULL: none ever was */
	uint16_t link[];   /* by object: next free one, or SLAB_OBJ_LIVE */
};

struct slab_cpu {
	struct slab *slab;
	uint16_t freelist;
	struct slab *partial;
};

struct slab_node {
	struct slab *first, *last;
	unsigned nr_partial;
	uint64_t nr_slabs, total_objects;
};

struct slab_cache {
	char name[SLAB_NAME_LEN];
	unsigned flags;
	unsigned object_size, size;
	unsigned order, objects;         /* of a slab */
	unsigned min_order, min_objects; /* when memory is short */
	unsigned min_partial;            /* empty slabs stay on a node's list up to this number of slabs */
	unsigned cpu_partial_slabs;
	struct slab_cpu *cpu;
	struct slab_node *node;
	struct slab *all;   /* every slab */
	struct slab *spare; /* descriptors for reuse, linked by next */
	uint64_t requested_bytes, fragmented_bytes;
};

/* kmalloc: kinds in the order of the kernel's enum, sizes by index. */
enum kmalloc_kind { KMALLOC_NORMAL, KMALLOC_CGROUP, KMALLOC_RECLAIM, KMALLOC_DMA, NR_KMALLOC_KINDS };
#define NR_KMALLOC_SIZES   13
#define KMALLOC_MAX_CACHED 8192u

struct slab_allocator {
	struct memory *m;
	unsigned nr_cpus;
	const struct slab_page_ops *ops;
	const struct slab_charge_ops *charging; /* NULL: there are no groups */
	struct slab_cache **caches;             /* in order of creation */
	size_t nr_caches;
	struct slab_cache *dedicated[NR_SLAB_CACHES];
	struct slab_cache *kmalloc[NR_KMALLOC_KINDS][NR_KMALLOC_SIZES];
	uint64_t large_pages; /* of kmalloc above 8 KiB */
};

/* geometry.c: sizes, orders, limits from object_size and flags. align 0 = none asked for. */
void slab_cache_set_geometry(struct slab_cache *c, unsigned align, unsigned nr_cpus);
struct slab_cache *slab_cache_add(struct slab_allocator *s, const char *name, unsigned size, unsigned flags,
				  unsigned align);
void slab_kmalloc_create(struct slab_allocator *s);

/* pages.c: slabs from and to the page allocator, and the nodes' partial lists. */
struct slab *slab_page_get(struct slab_allocator *s, struct slab_cache *c, void *cur, gfp_t gfp);
void slab_page_put(struct slab_allocator *s, struct slab *slab, void *cur);
void slab_partial_add(struct slab *slab, bool tail);
void slab_partial_del(struct slab *slab);
uint64_t slab_flush_cpu(struct slab_allocator *s, struct slab_cache *c, void *cur, unsigned cpu);
/* deactivate_slab: `freelist` are the CPU's objects. Returns pages freed. */
uint64_t slab_deactivate(struct slab_allocator *s, struct slab *slab, uint16_t freelist, void *cur);
/* __unfreeze_partials: a CPU's partial list to the nodes' lists. Returns pages freed. */
uint64_t slab_unfreeze(struct slab_allocator *s, struct slab *list, void *cur);

#endif
