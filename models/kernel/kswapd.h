/*
 * kswapd.h - the kernel thread of each node that reclaims in the background (mm/vmscan.c, Linux 6.1).
 */
#ifndef MODELS_KERNEL_KSWAPD_H
#define MODELS_KERNEL_KSWAPD_H

#include "models/kernel/reclaim.h"

/* Starts a kswapd on every node with memory. */
void kswapd_start(struct kernel *k);
/* wakeup_kswapd for the zone's node; cur is charged for the wake-up. */
void kswapd_wake(struct task *cur, struct zone *z, gfp_t gfp, unsigned order, enum zone_id highest_zoneidx);

#endif
