/*
 * lru.h - the LRU lists of each node and the per-CPU batches in front of them (mm/swap.c, Linux 6.1).
 *
 * A page joins its list through a batch of 15 (PAGEVEC_SIZE); until the batch drains it is on no list.
 * Batches: add, deactivate_file, deactivate, lazyfree, activate, rotate.
 */
#ifndef MODELS_KERNEL_LRU_H
#define MODELS_KERNEL_LRU_H

#include "models/kernel/task.h"
#include "models/kernel/zonelist.h"

struct lru *lru_new(unsigned nr_cpus);
void lru_free(struct lru *l);
/* folio_add_lru: a new page, its ACTIVE flag says where. The batch takes a reference. */
void lru_add(struct task *cur, pfn_t pfn);
/* folio_add_lru_vma: as lru_add, but to the unevictable list for a locked mapping (mlock_new_page). */
void lru_add_vma(struct task *cur, pfn_t pfn, uint32_t vm_flags);
/* folio_mark_accessed: inactive → referenced → active; workingset_activation. */
void lru_mark_accessed(struct task *cur, pfn_t pfn);
/* folio_activate, through its batch. */
void lru_activate(struct task *cur, pfn_t pfn);
/* deactivate_file_folio (invalidation), deactivate_page (MADV_COLD), mark_page_lazyfree (MADV_FREE). */
void lru_deactivate_file(struct task *cur, pfn_t pfn);
void lru_deactivate(struct task *cur, pfn_t pfn);
void lru_lazyfree(struct task *cur, pfn_t pfn);
/* folio_rotate_reclaimable: write-back of a RECLAIM page ended; cpu is that which saw the interrupt. */
void lru_rotate(struct kernel *k, unsigned cpu, pfn_t pfn);
/* mlock_page / munlock_page: mlock count bookkeeping and the unevictable list, through a batch of their own:
 * NR_MLOCK rises at once, all else when it drains. */
void lru_mlock(struct task *cur, pfn_t pfn);
void lru_munlock(struct task *cur, pfn_t pfn);
/* lru_add_drain_cpu with mlock_page_drain, lru_add_drain (this CPU), lru_add_drain_all. */
void lru_drain_cpu(struct kernel *k, unsigned cpu);
void lru_drain(struct task *cur);
void lru_drain_all(struct kernel *k);
/* folio_isolate_lru: takes the page off its list and a reference; false when it is not on one.
 * folio_putback_lru undoes it. */
bool lru_isolate(struct kernel *k, pfn_t pfn);
void lru_putback(struct task *cur, pfn_t pfn);
/* Takes a page that is being freed off its list. */
void lru_del(struct kernel *k, pfn_t pfn);
enum lru_list lru_of(const struct frame *f);
/* The list that a page on a list counts for: with generations, by its generation. */
enum lru_list lru_counted_as(struct kernel *k, const struct frame *f);
/* List and counter bookkeeping for reclaim: puts a page (LRU flag clear) on the list of its flags, at head or
 * tail. */
void lru_link(struct kernel *k, pfn_t pfn, bool tail);
void lru_unlink(struct kernel *k, pfn_t pfn);
/* lru_add_page_tail: a part of the huge page `head`, which is on a list, goes in front of it; counts stay. */
void lru_insert_part(struct kernel *k, pfn_t head, pfn_t part);

/* Pages come and go by reference counts; a huge page's parts hold its head's. frame_put frees the page at
 * zero (release_pages); cpu: whose lists take it. */
static inline void frame_get(struct kernel *k, pfn_t pfn)
{
	k->memory->frames.f[frames_head(&k->memory->frames, pfn)].refs++;
}
void frame_put(struct kernel *k, unsigned cpu, pfn_t pfn);

#endif
