/*
 * mapping.h - VMAs with all that hangs on them: slab object, file, policy, accounting (mm/mmap.c, mm/util.c;
 * Linux 6.1).
 *
 * The system calls and fork change an address space through these. Callers hold mmap_lock for writing.
 * Functions that return int64_t return 0 or -LINUX_Ex.
 */
#ifndef MODELS_KERNEL_MAPPING_H
#define MODELS_KERNEL_MAPPING_H

#include "models/kernel/errno.h"
#include "models/kernel/mm.h"
#include "models/kernel/pagecache.h"
#include "models/kernel/slab.h"

/* MAP_x of x86-64 (include/uapi/asm-generic/mman.h). */
#define MAP_SHARED          0x01u
#define MAP_PRIVATE         0x02u
#define MAP_SHARED_VALIDATE 0x03u
#define MAP_TYPE            0x0fu
#define MAP_FIXED           0x10u
#define MAP_ANONYMOUS       0x20u
#define MAP_GROWSDOWN       0x100u
#define MAP_LOCKED          0x2000u
#define MAP_NORESERVE       0x4000u
#define MAP_POPULATE        0x8000u
#define MAP_NONBLOCK        0x10000u
#define MAP_FIXED_NOREPLACE 0x100000u
#define PROT_READ           1u
#define PROT_WRITE          2u
#define PROT_EXEC           4u

static inline uint64_t page_align(uint64_t x) /* up; wraps to 0 */
{
	return (x + PAGE_SIZE - 1) & PAGE_MASK;
}

/* An object of a dedicated slab cache in cur's time, and back. Without a slab allocator they cost nothing.
 * False when no memory could be had. */
bool kernel_object_alloc(struct task *cur, enum slab_cache_id cache, uint64_t *obj);
void kernel_object_free(struct task *cur, enum slab_cache_id cache, uint64_t obj);

/* vm_area_alloc, vm_area_dup: a VMA in no tree, with the attributes of *like (its references taken). NULL
 * when memory ran out. May block. */
struct vma *mapping_new(struct task *cur, const struct vma *like);
/* Drops file, policy and slab object of a VMA that is in no tree, and frees it. */
void mapping_free(struct task *cur, struct vma *v);
/* split_vma: v keeps [start, addr). `limited`: refuse at vm.max_map_count. The upper part in *upper (may be
 * NULL). */
int64_t mapping_split(struct task *cur, struct mm *mm, struct vma *v, vaddr_t addr, bool limited,
		      struct vma **upper);
/* vma_merge, and what is left over freed. NULL when area could not be merged. */
struct vma *mapping_merge(struct task *cur, struct mm *mm, const struct vma *area, bool fresh);
/*
 * Gives [start, end), which lies inside *v, other flags and another policy, by merging with a neighbour or by
 * splitting. *v is the VMA that holds the range afterwards. policy's reference is taken where it is used.
 */
int64_t mapping_change(struct task *cur, struct mm *mm, struct vma **v, vaddr_t start, vaddr_t end,
		       uint32_t flags, struct mempolicy *policy);
/* vm_stat_account: n pages more (or fewer) of a mapping with these flags. */
void mapping_account(struct mm *mm, uint32_t flags, int64_t n);
/* get_unmapped_area: an address for len bytes, or -LINUX_Ex. */
int64_t mapping_area(struct mm *mm, vaddr_t addr, uint64_t len, unsigned map_flags);
/*
 * Creates a mapping where a trace without system calls touches addr: private anonymous, all rights, the 2 MiB
 * around addr as far as they are free, merged with its neighbours of that kind. Nothing is committed for it.
 * NULL when the address is outside user space or memory ran out. May block.
 */
struct vma *mm_map_on_demand(struct task *cur, vaddr_t addr);
/* vma_set_page_prot: bits of an entry of v that is not writable by copy on write or for dirty tracking. */
pte_t mapping_pte_bits(const struct vma *v);

/*
 * __vm_enough_memory: n pages more in Committed_AS. False (and nothing committed) when vm.overcommit_memory
 * forbids. commit_sub gives back; commit_limit is CommitLimit of /proc/meminfo in pages.
 */
bool commit_add(struct kernel *k, const struct mm *mm, uint64_t n);
void commit_sub(struct kernel *k, uint64_t n);
uint64_t commit_limit(const struct kernel *k);

#endif
