/*
 * vma.h - mappings of a process, sorted by address: find, gap search, split, merge (mm/mmap.c, Linux 6.1).
 *
 * A sorted array of pointers; find is O(log n), insert and remove O(n) pointer moves (n ≤ vm.max_map_count).
 * No two overlap.
 */
#ifndef MODELS_KERNEL_VMA_H
#define MODELS_KERNEL_VMA_H

#include "models/kernel/policy.h"
#include "sim/stat.h"

/* The kernel's VM_* bits (include/linux/mm.h). */
#define VM_READ        0x00000001u
#define VM_WRITE       0x00000002u
#define VM_EXEC        0x00000004u
#define VM_SHARED      0x00000008u
#define VM_MAYREAD     0x00000010u
#define VM_MAYWRITE    0x00000020u
#define VM_MAYEXEC     0x00000040u
#define VM_MAYSHARE    0x00000080u
#define VM_GROWSDOWN   0x00000100u
#define VM_LOCKED      0x00002000u
#define VM_SEQ_READ    0x00008000u
#define VM_RAND_READ   0x00010000u
#define VM_DONTCOPY    0x00020000u
#define VM_LOCKONFAULT 0x00080000u
#define VM_ACCOUNT     0x00100000u
#define VM_NORESERVE   0x00200000u
#define VM_WIPEONFORK  0x02000000u
#define VM_DONTDUMP    0x04000000u
#define VM_HUGEPAGE    0x20000000u
#define VM_NOHUGEPAGE  0x40000000u
#define VM_ON_DEMAND   0x80000000u /* ours: made for a trace without system calls */

#define VM_ACCESS_FLAGS (VM_READ | VM_WRITE | VM_EXEC)
#define VM_MAY_FLAGS    (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)
#define VM_LOCKED_MASK  (VM_LOCKED | VM_LOCKONFAULT)
#define MMAP_MIN_ADDR   UINT64_C(0x10000) /* vm.mmap_min_addr */
#define TASK_UNMAPPED_BASE \
	UINT64_C(0x2aaaaaaab000) /* a third of the user half, where bottom-up search begins */
#define STACK_GUARD_GAP (PAGE_SIZE << 8)

#define VMA_STATS(X, S)                                                 \
	X(S, COUNTER, min_flt, "faults", "minor faults in the mapping") \
	X(S, COUNTER, maj_flt, "faults", "faults in the mapping that waited for a device")
STAT_STRUCT(vma_stats, VMA_STATS);
extern const struct stat_table vma_stat_table;

struct file;
struct vma {
	vaddr_t start, end;
	uint32_t flags;
	uint64_t pgoff;           /* page offset in the file; anonymous: start >> 12 when it was made */
	struct file *file;        /* NULL: private anonymous. Shared anonymous memory has a shmem file */
	struct mempolicy *policy; /* NULL: the task's */
	struct mm *mm;
	/*
	 * The kernel's anon_vma limits merging: 0 = has held no anonymous pages, else a number that mappings
	 * share where the kernel would have them share an anon_vma. Set by vma_prepare_anon.
	 */
	uint32_t anon_vma;
	bool anon_cloned; /* came with pages from a parent: its anon_vma_chain is not singular */
	uint64_t slab;    /* its descriptor's slab object */
	struct vma_stats stats;
	/* swap readahead by mapping (swap_readahead_info): last fault's page and window */
	uint64_t swap_ra_info;
};

struct vma_tree {
	struct vma **v;
	size_t n, cap;
	size_t hint;        /* last found */
	uint32_t *memo;     /* with many: index last found, by 2 MiB of addresses (vma.c) */
	uint32_t next_anon; /* last number given by vma_prepare_anon */
};

void vma_tree_init(struct vma_tree *t);
/* Frees the array and the VMAs (not what they refer to). */
void vma_tree_release(struct vma_tree *t);
/* find_vma: the first VMA that ends above addr, or NULL. */
struct vma *vma_find(struct vma_tree *t, vaddr_t addr);
/* Has the host fetch the VMA that vma_find(addr) will probably find. */
void vma_prefetch(const struct vma_tree *t, vaddr_t addr);
/* The VMA that holds addr, or NULL. */
struct vma *vma_at(struct vma_tree *t, vaddr_t addr);
/* The first VMA that intersects [start, end), or NULL (find_vma_intersection). */
struct vma *vma_find_intersection(struct vma_tree *t, vaddr_t start, vaddr_t end);
struct vma *vma_prev(struct vma_tree *t, const struct vma *v);
struct vma *vma_next(struct vma_tree *t, const struct vma *v);
/* Takes ownership; must not overlap. */
void vma_insert(struct vma_tree *t, struct vma *v);
/* Takes out all VMAs within [start, end), which no VMA straddles: *out, owned by the caller (mem_free), holds
 * them in order of addresses. Returns how many; *out is NULL when there are none. O(n). */
size_t vma_detach(struct vma_tree *t, vaddr_t start, vaddr_t end, struct vma ***out);
/*
 * Cuts v at addr (page aligned, inside): v keeps [start, addr), the new VMA the rest. The policy's reference
 * is taken; the caller takes the file's.
 */
struct vma *vma_split(struct vma_tree *t, struct vma *v, vaddr_t addr);
/*
 * vma_merge: the range of *area is to have area's attributes (flags, file, pgoff, policy, anon_vma). It is
 * either unmapped (then `fresh`: a new mapping, mmap_region's rules) or lies within one VMA of t. When the
 * mapping before it or behind it may be extended over it, that is done, and the extended VMA is
 * returned; NULL when neither may. VMAs that vanish by this are taken out of t and handed back in gone (NULL
 * where there is none): the caller drops their references and frees them. O(n) moves of pointers.
 */
struct vma *vma_merge(struct vma_tree *t, const struct vma *area, bool fresh, struct vma *gone[2]);
/* can_vma_merge_after, can_vma_merge_before: area, adjacent behind prev or before next, may become part of
 * it. Not symmetric in anon_vma: see is_mergeable_anon_vma. */
bool vma_can_merge_after(const struct vma *prev, const struct vma *area);
bool vma_can_merge_before(const struct vma *next, const struct vma *area);
/* anon_vma_prepare: before the first anonymous page goes into v; shares the neighbours' anon_vma where they
 * are compatible. True when a new one had to be made. */
bool vma_prepare_anon(struct vma_tree *t, struct vma *v);
/* vm_unmapped_area, top down below `high` (mmap_base), then bottom up above `low`; 0 when there is no gap.
 * align: a power of two. Keeps the stack's guard gap. O(n). */
vaddr_t vma_find_gap(struct vma_tree *t, uint64_t len, vaddr_t low, vaddr_t high, uint64_t align);
/* vm_start_gap: where the mapping begins, with the guard gap of a stack. */
vaddr_t vma_start_gap(const struct vma *v);
static inline uint64_t vma_pages(const struct vma *v)
{
	return (v->end - v->start) >> PAGE_SHIFT;
}
static inline bool vma_is_anonymous(const struct vma *v) /* private anonymous */
{
	return !v->file;
}
/* is_cow_mapping: private and may become writable. */
static inline bool vma_is_cow(const struct vma *v)
{
	return (v->flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}
static inline bool vma_is_accessible(const struct vma *v)
{
	return (v->flags & VM_ACCESS_FLAGS) != 0;
}
/* linear_page_index: page of the file (or anonymous offset) at addr. */
static inline uint64_t vma_pgoff_at(const struct vma *v, vaddr_t addr)
{
	return v->pgoff + ((addr - v->start) >> PAGE_SHIFT);
}
bool vma_tree_is_valid(const struct vma_tree *t);

#endif
