/*
 * parts.h - what the kinds of page faults share.
 */
#ifndef MODELS_KERNEL_FAULT_PARTS_H
#define MODELS_KERNEL_FAULT_PARTS_H

#include "models/kernel/charge.h"
#include "models/kernel/fault.h"
#include "models/kernel/rmap.h"
#include "models/kernel/sched.h"

/* One fault on its way (struct vm_fault). */
struct fault {
	struct task *cur;
	struct kernel *k;
	struct mm *mm;
	struct vma *vma;
	vaddr_t addr; /* page aligned */
	unsigned flags;
	struct ptable *table; /* leaf of addr */
	unsigned slot;
	pte_t orig; /* the entry as the fault found it */
	bool major, retried;
};

/* Finds or makes the leaf table and reads the entry; false when memory ran out. */
bool fault_walk(struct fault *f);
/* After blocking: whether the entry is still what the fault found. Looks the table up again. */
bool fault_unchanged(struct fault *f);
/* mk_pte of the mapping's protection: present, user, accessed; writable only for shared mappings that allow
 * it. */
pte_t fault_pte(const struct fault *f, pfn_t pfn, bool write);
/* Maps a frame: entry, reverse map, reference (the caller's own goes to the mapping), resident count. */
void fault_map(struct fault *f, pfn_t pfn, pte_t pte, enum mm_counter counter);
/* A new anonymous page for the fault; NULL frame when memory ran out. */
pfn_t fault_new_anon(struct fault *f, bool zeroed);
/* Makes the frame anonymous, exclusive, swap-backed and puts it on the lists: page_add_new_anon_rmap and the
 * LRU. */
void fault_map_new_anon(struct fault *f, pfn_t pfn, pte_t pte);
void fault_flush(struct fault *f);

enum fault_result fault_anon(struct fault *f);
enum fault_result fault_wp(struct fault *f);
enum fault_result fault_swap(struct fault *f);
enum fault_result fault_file(struct fault *f);

#endif
