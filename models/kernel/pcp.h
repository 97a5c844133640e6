/*
 * pcp.h - per-CPU page lists in front of the buddy lists (mm/page_alloc.c rmqueue_pcplist, rmqueue_bulk,
 * free_unref_page, nr_pcp_free, free_pcppages_bulk; Linux 6.1). Pages on them count as allocated:
 * NR_FREE_PAGES does not hold them.
 */
#ifndef MODELS_KERNEL_PCP_H
#define MODELS_KERNEL_PCP_H

#include "models/kernel/buddy.h"

/* What the request did, for its cost: pages moved between the per-CPU and the buddy lists. */
struct pcp_work {
	unsigned bulk;  /* refills or drains */
	unsigned pages; /* moved by them */
};

bool pcp_order_allowed(unsigned order);
pfn_t pcp_alloc(struct memory *m, struct zone *z, unsigned cpu, unsigned order, enum migratetype mt,
		unsigned alloc_flags, struct pcp_work *work);
void pcp_free(struct memory *m, struct zone *z, unsigned cpu, pfn_t pfn, unsigned order,
	      struct pcp_work *work);
/* drain_pages: all of one CPU's lists back to the buddy allocator; drain_all_pages: of all CPUs. */
void pcp_drain(struct memory *m, struct zone *z, unsigned cpu);
void pcp_drain_all(struct memory *m);
/* refresh_cpu_vm_stats: once a second on each CPU. A list of another node's zone that was not used for three
 * seconds gives a batch back. */
void pcp_refresh(struct memory *m, unsigned cpu);
/* zones.pcp: puts pages that were allocated before the start on the CPUs' lists. Errors (ERR_CONFIG): a list
 * of the wrong length, more pages than were allocated. */
int pcp_setup(struct memory *m, const struct u64_list *pages, struct err *e);
/* Pages of all CPUs' lists. */
uint64_t zone_pcp_count(const struct memory *m, const struct zone *z);
/* Walks all lists. */
bool pcp_is_valid(const struct memory *m, const struct zone *z);

#endif
