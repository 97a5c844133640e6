/*
 * scan.h - what the parts of reclaim share.
 */
#ifndef MODELS_KERNEL_RECLAIM_SCAN_H
#define MODELS_KERNEL_RECLAIM_SCAN_H

#include "models/kernel/memcg.h"
#include "models/kernel/reclaim.h"

/* What shrinking a list of pages met (struct reclaim_stat). */
struct shrink_stat {
	uint64_t nr_dirty, nr_unqueued_dirty, nr_congested, nr_writeback, nr_immediate, nr_pageout;
	uint64_t nr_activate[2];
};

/* What reclaim counts of the lists: for their group, and for the machine unless a group's limit was the
 * reason. */
static inline void reclaim_event(struct memory *m, const struct lruvec *l, const struct reclaim_request *r,
				 enum vm_event ev, uint64_t pages)
{
	if (!r->target)
		vm_event(m, ev, pages);
	memcg_vm_event(l->memcg, ev, pages);
}

/* reclaim_throttle's reasons: each has its timeout and wait queue. */
enum throttle_reason { THROTTLE_WRITEBACK, THROTTLE_ISOLATED, THROTTLE_NOPROGRESS, THROTTLE_CONGESTED };
void reclaim_throttle(struct task *cur, struct node *n, enum throttle_reason reason);
void reclaim_throttle_wake(struct task *cur, struct node *n, enum throttle_reason reason);

/*
 * shrink_folio_list: reclaims the isolated pages of `list` where it can; pages that stay are left in it.
 * Returns pages reclaimed.
 */
uint64_t shrink_page_list(struct task *cur, struct frame_list *list, struct node *n,
			  struct reclaim_request *r, struct shrink_stat *stat, bool ignore_references);
/* The class by which a page's fate is counted, as it is now. */
enum page_class page_class_of(const struct frame *f);
/* demote_folio_list: moves the isolated pages of `list` to slower nodes where it can; pages that stay are
 * left in it. Returns pages moved. Only where reclaim_can_demote says so. */
uint64_t demote_page_list(struct task *cur, struct frame_list *list, struct node *n);
/* move_folios_to_lru: puts isolated pages back on the lists of their flags and drops the isolation. Returns
 * pages moved. */
uint64_t putback_list(struct task *cur, struct frame_list *list, struct lruvec *l);

/* folio_referenced: how many mappings used the page since the last look; their flags are or-ed into
 * *vm_flags. target: mappings of processes in that group alone. */
unsigned page_referenced(struct task *cur, pfn_t pfn, const struct memcg *target, uint32_t *vm_flags);
/* TLB flushes put off while a list is shrunk (tlbflush_unmap_batch). */
struct flush_batch {
	struct mm *mm[SWAP_CLUSTER_MAX];
	unsigned n;
	bool writable;
};
void flush_batch_run(struct task *cur, struct flush_batch *b);
/* try_to_unmap: takes out all mappings that are not locked. The page may stay mapped. */
void page_unmap(struct task *cur, pfn_t pfn, struct flush_batch *b);

/* suitable_to_scan: an accessed entry for each cache line of the table on the average. */
static inline bool lru_gen_suits(unsigned total, unsigned young)
{
	return young * 8 >= total;
}

extern const struct reclaim_ops reclaim_twolist_ops, reclaim_mglru_ops;
/* get_scan_count: how many pages of each list a pass at r->priority looks at. */
void twolist_scan_counts(struct task *cur, const struct lruvec *l, struct reclaim_request *r,
			 uint64_t nr[NR_LRU_LISTS]);

#endif
