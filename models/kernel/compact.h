/*
 * compact.h - compaction: movable pages go from the bottom of a zone to free pages at its top, so that large
 * blocks become free (mm/compaction.c, Linux 6.1). May block.
 */
#ifndef MODELS_KERNEL_COMPACT_H
#define MODELS_KERNEL_COMPACT_H

#include "models/kernel/task.h"
#include "models/kernel/zonelist.h"

/* How a compaction ended; of several zones the greatest counts. */
enum compact_result {
	COMPACT_NOT_SUITABLE_ZONE,
	COMPACT_SKIPPED, /* too little free memory to compact with */
	COMPACT_DEFERRED,
	COMPACT_NO_SUITABLE_PAGE,
	COMPACT_CONTINUE,
	COMPACT_COMPLETE,        /* the whole zone was scanned */
	COMPACT_PARTIAL_SKIPPED, /* a part was */
	COMPACT_CONTENDED,
	COMPACT_SUCCESS
};

/* How hard direct compaction tries; smaller is harder. */
enum compact_priority { COMPACT_PRIO_SYNC_FULL, COMPACT_PRIO_SYNC_LIGHT, COMPACT_PRIO_ASYNC };
#define COMPACT_PRIO_FIRST COMPACT_PRIO_ASYNC /* INIT_COMPACT_PRIORITY */
#define COMPACT_PRIO_DEFAULT \
	COMPACT_PRIO_SYNC_LIGHT /* DEF_COMPACT_PRIORITY, and the least for costly orders */

/* try_to_compact_pages: the zones of ac, until one could serve it. */
enum compact_result compact_direct(struct task *cur, struct alloc_context *ac, unsigned alloc_flags,
				   enum compact_priority prio);
/* After a compaction the request got a block of zone z. */
void compact_succeeded(struct zone *z, unsigned order);
/* should_compact_retry: whether another round of reclaim and compaction may help; may raise *prio. */
bool compact_retry(struct kernel *k, struct alloc_context *ac, unsigned alloc_flags,
		   enum compact_result result, enum compact_priority *prio, unsigned *retries);
/* compaction_suitable */
enum compact_result compact_suitable(const struct kernel *k, const struct zone *z, unsigned order,
				     unsigned alloc_flags, enum zone_id highest);
/* reset_isolation_suitable: kswapd goes to sleep, what compaction skipped may be looked at again. */
void compact_forget_skips(struct task *cur, struct node *n);
/* A thread for each node that compacts when it is asked to, or when memory is too fragmented. */
void kcompactd_start(struct kernel *k);
void kcompactd_wake(struct task *cur, struct node *n, unsigned order, enum zone_id highest);
/* kcompactd_do_work, and fragmentation_score_node (0 … 100). */
void kcompactd_work(struct task *cur, struct node *n);
unsigned compact_score(const struct node *n);

#endif
