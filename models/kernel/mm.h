/*
 * mm.h - an address space: mappings, page tables, resident counts, who may have it in a TLB (struct
 * mm_struct).
 */
#ifndef MODELS_KERNEL_MM_H
#define MODELS_KERNEL_MM_H

#include "models/kernel/pgtable.h"
#include "models/kernel/task.h"
#include "models/kernel/vma.h"
#include "sim/mem.h"

enum mm_counter { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES, NR_MM_COUNTERS };

struct mm {
	uint32_t id;    /* index in the table of address spaces; reused after release */
	uint32_t memcg; /* its process's group */
	struct kernel *k;
	struct process *process; /* its owner, the first of those that have it */
	struct pgtable pt;
	struct vma_tree vmas;
	int64_t rss[NR_MM_COUNTERS];
	uint64_t total_vm, locked_vm, data_vm, stack_vm; /* pages */
	vaddr_t start_brk, brk, mmap_base, stack_top;
	uint64_t def_flags;           /* mlockall(MCL_FUTURE) */
	unsigned users;               /* tasks; the address space goes when it falls to 0 */
	uint64_t cpus[MAX_CPUS / 64]; /* CPUs whose TLB may hold it */
	uint64_t tlb_gen;             /* bumped at each flush */
	uint64_t context_id;          /* never reused: tags TLB contexts */
	uint64_t slab;
	bool huge_zero; /* has used the huge zero page (MMF_HUGE_ZERO_PAGE) */
	bool shared;    /* a process was begun in it by vfork: more than one may have it */
	bool on_demand; /* mappings are made where the trace touches */
	/* nodes: on a CPU since the node's last walk of reclaim (lru_gen_use_mm); ever met by one */
	uint64_t ran, walked;
	uint64_t peak_rss;
	unsigned grabs; /* of khugepaged: the struct outlives the address space */
	bool thp_registered;
	struct mm *thp_next, *thp_prev; /* of the registered ones */
	/* NUMA balancing: when the next scan is due (ps; 0 = never asked), from where, passes done */
	tick_t numa_next_scan;
	vaddr_t numa_scan_offset;
	uint32_t numa_scan_seq;
	int lock; /* mmap_lock: readers, or -1 for a writer (mmaplock.h) */
};

struct mm_table {
	struct mm **mm; /* by id; NULL where free */
	uint32_t n, cap;
	uint64_t next_context;
	int64_t committed_pages; /* Committed_AS of all (vm_committed_as) */
	struct pool pool;
	/* khugepaged: address spaces to be scanned, the one it is at (NULL: between two passes) and where */
	struct mm *thp_first, *thp_last, *thp_at;
	vaddr_t thp_address;
};

/* Where an address space begins without randomisation and without an image (setarch -R; fs/exec.c, x86
 * mmap_base): stack below the end, mappings top down from 128 MiB below it, heap where ET_DYN images lie. */
#define STACK_TOP       USER_ADDRESS_END
#define MMAP_BASE       (USER_ADDRESS_END - (UINT64_C(128) << 20))
#define ELF_ET_DYN_BASE UINT64_C(0x555555554000)

void mm_table_init(struct mm_table *t);
void mm_table_release(struct mm_table *t);
/* An address space with the lowest free id, a context id of its own, one user and no page table yet. */
struct mm *mm_table_add(struct mm_table *t);
/* Gives it back; its mappings and tables must be gone. */
void mm_table_del(struct mm_table *t, struct mm *mm);
/* Keeps the struct (not what it describes: users says whether that lives) until mm_drop. */
void mm_grab(struct mm *mm);
void mm_drop(struct mm_table *t, struct mm *mm);
/* khugepaged_enter, khugepaged_exit: registers, takes off the list. mm_watch: true when the list was empty.
 */
bool mm_watch(struct mm_table *t, struct mm *mm);
void mm_unwatch(struct mm_table *t, struct mm *mm);
static inline struct mm *mm_of(const struct mm_table *t, uint32_t id)
{
	return t->mm[id];
}
static inline uint64_t mm_rss(const struct mm *mm)
{
	return (uint64_t)(mm->rss[MM_FILEPAGES] + mm->rss[MM_ANONPAGES] + mm->rss[MM_SHMEMPAGES]);
}

#endif
