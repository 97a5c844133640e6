/*
 * throttle.h - dirty limits, and how fast a task may dirty pages (mm/page-writeback.c, Linux 6.1).
 */
#ifndef MODELS_KERNEL_WRITEBACK_THROTTLE_H
#define MODELS_KERNEL_WRITEBACK_THROTTLE_H

#include "models/kernel/memcg.h"
#include "models/kernel/writeback.h"

#define THROTTLE_HZ        250
#define JIFFY              (PS_PER_S / THROTTLE_HZ)
#define BANDWIDTH_INTERVAL (THROTTLE_HZ / 5)

/* struct wb_domain: the machine, or a group. */
struct throttle_domain {
	uint64_t dirty_limit, limit_stamp; /* follows the threshold down slowly */
};

/* What all writers have in common. */
struct throttle_common {
	struct kernel *k;
	struct throttle_domain domain;
	uint64_t ratelimit_pages; /* a CPU's pages until its writers check */
	uint64_t *cpu_dirtied;
	uint64_t completions, period; /* of all, halved every 3 s (flex_proportions); the last time */
};

/* A struct bdi_writeback: the device's writes of one group, or of the root. Rates in pages a second, times in
 * jiffies. */
struct throttle {
	struct throttle_common *all;
	struct memcg *memcg; /* NULL: the root's */
	struct throttle_domain domain;
	uint64_t nr_dirty, nr_writeback; /* pages of its files: dirty, under write-back */
	uint64_t dirtied, written;       /* ever */
	uint64_t dirtied_stamp, written_stamp, bw_stamp;
	uint64_t write_bandwidth, avg_write_bandwidth;
	uint64_t ratelimit, balanced_ratelimit; /* dirty_ratelimit */
	bool exceeded;
	uint32_t nr_busy_files;       /* with pages under write-back */
	uint64_t completions, period; /* its part of all */
};

void throttle_common_init(struct throttle_common *c, struct kernel *k, unsigned nr_cpus);
void throttle_common_release(struct throttle_common *c);
void throttle_init(struct throttle *t, struct throttle_common *c, struct memcg *g);
/* wb_domain_writeout_add: a page was written. */
void throttle_written(struct throttle *t, uint64_t now);
/* Whether cur must stop and balance. */
bool throttle_must_check(struct throttle *t, struct task *cur);
/* One look: 0 when cur may go on, else jiffies to sleep. *again: look again after the sleep. */
uint64_t throttle_pause(struct throttle *t, struct task *cur, bool *again);
/* wb_update_bandwidth; when nothing was asked of the device for a second, wb_bandwidth_estimate_start. */
void throttle_update_bandwidth(struct throttle *t, uint64_t now);
void throttle_estimate_start(struct throttle *t, uint64_t now);
/* Whether a writer wakes the flusher although it need not wait itself: the machine's limit alone. */
bool throttle_wants_flusher(const struct throttle *t);
/* wb_over_bg_thresh */
bool throttle_over_background(struct throttle *t, uint64_t now);

#endif
