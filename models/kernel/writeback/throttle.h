/*
 * throttle.h - dirty limits, and how fast a task may dirty pages (mm/page-writeback.c, Linux 6.1).
 */
#ifndef MODELS_KERNEL_WRITEBACK_THROTTLE_H
#define MODELS_KERNEL_WRITEBACK_THROTTLE_H

#include "models/kernel/writeback.h"

#define THROTTLE_HZ        250
#define JIFFY              (PS_PER_S / THROTTLE_HZ)
#define BANDWIDTH_INTERVAL (THROTTLE_HZ / 5)

/* The one device's struct bdi_writeback and the one struct wb_domain. Rates in pages a second, times in
 * jiffies. */
struct throttle {
	struct kernel *k;
	uint64_t nr_writeback;     /* pages of the device's files under write-back; the dirty ones are
				      NR_FILE_DIRTY */
	uint64_t dirtied, written; /* ever */
	uint64_t dirtied_stamp, written_stamp, bw_stamp;
	uint64_t write_bandwidth, avg_write_bandwidth;
	uint64_t ratelimit, balanced_ratelimit; /* dirty_ratelimit */
	uint64_t dirty_limit, limit_stamp;      /* of the domain: follows the threshold down slowly */
	bool exceeded;
	uint64_t ratelimit_pages; /* a CPU's pages until its writers check */
	uint64_t *cpu_dirtied;
	uint32_t nr_busy_files; /* with pages under write-back */
};

void throttle_init(struct throttle *t, struct kernel *k, unsigned nr_cpus);
void throttle_release(struct throttle *t);
/* Whether cur must stop and balance. */
bool throttle_must_check(struct throttle *t, struct task *cur);
/* One look: 0 when cur may go on, else jiffies to sleep. *again: look again after the sleep. */
uint64_t throttle_pause(struct throttle *t, struct task *cur, bool *again);
/* wb_update_bandwidth; when nothing was asked of the device for a second, wb_bandwidth_estimate_start. */
void throttle_update_bandwidth(struct throttle *t, uint64_t now);
void throttle_estimate_start(struct throttle *t, uint64_t now);
bool throttle_over_background(struct throttle *t);

#endif
