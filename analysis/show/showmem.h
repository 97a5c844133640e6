/*
 * showmem.h - what the kernel logs when memory runs out.
 */
#ifndef ANALYSIS_SHOW_SHOWMEM_H
#define ANALYSIS_SHOW_SHOWMEM_H

#include "analysis/show/show.h"

/* A kernel log: each line begins with the time. */
struct klog {
	FILE *f;
	int64_t time_ps;
};

/* Begins a line. */
void klog_stamp(const struct klog *l);
void klog_line(const struct klog *l, const char *format, ...) PRINTF_LIKE(2, 3);

/* What the request could use. */
struct showmem_filter {
	uint64_t nodes;    /* a bit a node */
	unsigned zone_idx; /* highest zone, by its place in show_zone_name */
	unsigned cpu;      /* that asked */
};

/* __show_mem: "Mem-Info:" and all below it. */
void showmem_print(const struct show *s, const struct showmem_filter *filter, const struct klog *l);
/* should_dump_unreclaim_slab, dump_unreclaimable_slab. */
void showmem_slabs(const struct show *s, const struct klog *l);

#endif
