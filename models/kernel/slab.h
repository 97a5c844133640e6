/*
 * slab.h - SLUB: caches of objects of one size on slabs of 2^order pages (mm/slub.c calculate_order,
 * ___slab_alloc, __slab_free; mm/slab_common.c; Linux 6.1).
 *
 * Full, partial and empty slabs, per-CPU slab and partial lists, general caches kmalloc-8 … kmalloc-8k (with
 * -rcl and -cg kinds), dedicated caches as rows. Internal fragmentation is counted: bytes given minus bytes
 * asked for.
 */
#ifndef MODELS_KERNEL_SLAB_H
#define MODELS_KERNEL_SLAB_H

#include "models/kernel/zone.h"
#include "sim/stat.h"

struct slab_cache;
struct slab_allocator;

#define SLAB_RECLAIMABLE \
	1u /* SLAB_RECLAIM_ACCOUNT: its pages are NR_SLAB_RECLAIMABLE, a shrinker may free them */
#define SLAB_ACCOUNT       2u /* all its objects are charged; of others those asked for with GFP_BIT_ACCOUNT */
#define SLAB_HWCACHE_ALIGN 4u
#define SLAB_DMA           8u /* SLAB_CACHE_DMA: its pages are of zone DMA */

/* Dedicated caches: identifier, name, object size in bytes as /proc/slabinfo of Debian's 6.1.192 cloud kernel
 * for x86-64 shows it, flags. */
#define SLAB_CACHES(X)                                                       \
	X(TASK_STRUCT, "task_struct", 8384, SLAB_ACCOUNT)                    \
	X(MM_STRUCT, "mm_struct", 1152, SLAB_ACCOUNT | SLAB_HWCACHE_ALIGN)   \
	X(VMA, "vm_area_struct", 152, SLAB_ACCOUNT)                          \
	X(ANON_VMA, "anon_vma", 104, SLAB_ACCOUNT)                           \
	X(ANON_VMA_CHAIN, "anon_vma_chain", 64, SLAB_ACCOUNT)                \
	X(FILE, "filp", 256, SLAB_ACCOUNT | SLAB_HWCACHE_ALIGN)              \
	X(INODE, "ext4_inode_cache", 1192, SLAB_RECLAIMABLE | SLAB_ACCOUNT)  \
	X(DENTRY, "dentry", 192, SLAB_RECLAIMABLE | SLAB_ACCOUNT)            \
	X(RADIX_TREE_NODE, "radix_tree_node", 584, SLAB_RECLAIMABLE)         \
	X(BUFFER_HEAD, "buffer_head", 104, SLAB_RECLAIMABLE)                 \
	X(BIO, "bio-192", 256, SLAB_HWCACHE_ALIGN)                           \
	X(MAPLE_NODE, "maple_node", 256, 0)                                  \
	X(POLICY, "numa_policy", 272, 0)                                     \
	X(SIGNAL, "signal_cache", 1152, SLAB_ACCOUNT | SLAB_HWCACHE_ALIGN)   \
	X(SIGHAND, "sighand_cache", 2112, SLAB_ACCOUNT | SLAB_HWCACHE_ALIGN) \
	X(FILES, "files_cache", 704, SLAB_ACCOUNT | SLAB_HWCACHE_ALIGN)

enum slab_cache_id {
#define SLAB_CACHE_ENUM(id, name, size, flags) SLAB_CACHE_##id,
	SLAB_CACHES(SLAB_CACHE_ENUM)
#undef SLAB_CACHE_ENUM
		NR_SLAB_CACHES
};

/* How slabs get their pages: the owner's page allocator with its slow path. PFN_NONE when it failed. */
struct slab_page_ops {
	pfn_t (*alloc)(void *cur, gfp_t gfp, unsigned order);
	void (*free)(void *cur, pfn_t pfn, unsigned order);
};

/*
 * Objects that are charged to groups (memcg_slab_pre_alloc_hook, memcg_slab_free_hook), each by its bytes and
 * those of a pointer to its group. charge: *group gets whose it is, 0 = nobody's; false when it does not fit;
 * may block.
 */
struct slab_charge_ops {
	bool (*charge)(void *cur, gfp_t gfp, unsigned bytes, bool reclaimable, uint32_t *group);
	void (*uncharge)(void *cur, uint32_t group, unsigned bytes, bool reclaimable);
};

/* An object's handle: its physical address. Never 0 for a live one. */
typedef uint64_t slab_obj_t;
#define SLAB_ZERO_SIZE 16u /* ZERO_SIZE_PTR: what kmalloc of 0 bytes returns */

/* The allocator with all caches of this header and the general ones. m and ops must outlive it. */
struct slab_allocator *slab_new(struct memory *m, unsigned nr_cpus, const struct slab_page_ops *ops);
/* From now on objects are charged. ops must outlive s. */
void slab_set_charging(struct slab_allocator *s, const struct slab_charge_ops *ops);
/* Releases the host's tables; the slabs' frames stay as they are. */
void slab_free_allocator(struct slab_allocator *s);
struct slab_cache *slab_cache_of(struct slab_allocator *s, enum slab_cache_id id);
/* Another cache for objects of size bytes (1 … 64 KiB). The name is copied. */
struct slab_cache *slab_cache_create(struct slab_allocator *s, const char *name, unsigned size,
				     unsigned flags);
/* cur is handed to the page ops. slow (may be NULL) is set when the fast path did not suffice. 0 when no page
 * could be had. */
slab_obj_t slab_alloc(struct slab_allocator *s, struct slab_cache *c, void *cur, unsigned cpu, gfp_t gfp,
		      bool *slow);
void slab_free(struct slab_allocator *s, struct slab_cache *c, void *cur, unsigned cpu, slab_obj_t obj);
/* kmalloc: chooses the general cache (kmalloc_index); NULL above 8 KiB. */
struct slab_cache *slab_kmalloc_cache(struct slab_allocator *s, unsigned size, gfp_t gfp);
/* /proc/slabinfo's columns. */
struct slab_info {
	const char *name;
	uint64_t active_objs, num_objs, active_slabs, num_slabs;
	unsigned objsize, objs_per_slab, pages_per_slab;
	bool reclaimable;                           /* SLAB_RECLAIMABLE */
	uint64_t requested_bytes, fragmented_bytes; /* kmalloc only: asked for by the objects that live, and
						       given beyond that */
};
bool slab_info_at(const struct slab_allocator *s, size_t i, struct slab_info *out); /* false past the last */
/* kmalloc with accounting of internal fragmentation; above 8 KiB pages of their own, up to 4 MiB. kfree takes
 * the size that was asked for. */
slab_obj_t slab_kmalloc(struct slab_allocator *s, void *cur, unsigned cpu, unsigned size, gfp_t gfp);
void slab_kfree(struct slab_allocator *s, void *cur, unsigned cpu, slab_obj_t obj, unsigned size);
/* Gives back empty slabs: those of the CPUs' lists first go to the nodes' lists (kmem_cache_shrink). Returns
 * pages freed. */
uint64_t slab_shrink_cache(struct slab_allocator *s, struct slab_cache *c, void *cur);
/* Walks all slabs. */
bool slab_is_valid(const struct slab_allocator *s);

#endif
