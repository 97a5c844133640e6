/*
 * khugepaged.h - the thread that makes huge pages of small ones (mm/khugepaged.c, Linux 6.1).
 *
 * An address space is registered (khugepaged_enter) when a mapping of it could hold huge pages; the thread
 * walks the registered ones in turn, so many page-table entries a round, and sleeps in between.
 */
#ifndef MODELS_KERNEL_KHUGEPAGED_H
#define MODELS_KERNEL_KHUGEPAGED_H

#include "models/kernel/mm.h"

#define KHUGEPAGED_PARAMS(X, S)                                                                       \
	X(S, U64, scan_sleep_ms, "thp.khugepaged.scan_sleep_millisecs", "10000", 0, 1u << 30, "ms",   \
	  "pause between two rounds (transparent_hugepage/khugepaged/scan_sleep_millisecs)")          \
	X(S, U64, alloc_sleep_ms, "thp.khugepaged.alloc_sleep_millisecs", "60000", 0, 1u << 30, "ms", \
	  "pause when no huge page could be had")                                                     \
	X(S, U64, pages_to_scan, "thp.khugepaged.pages_to_scan", "4096", 1, 1u << 30, "pages",        \
	  "a round ends after so many")                                                               \
	X(S, U64, max_ptes_none, "thp.khugepaged.max_ptes_none", "511", 0, 511, "pages",              \
	  "of 512, how many may be missing where a huge page is made")                                \
	X(S, U64, max_ptes_swap, "thp.khugepaged.max_ptes_swap", "64", 0, 511, "pages",               \
	  "of 512, how many may have to be read from swap for it")                                    \
	X(S, U64, max_ptes_shared, "thp.khugepaged.max_ptes_shared", "256", 0, 511, "pages",          \
	  "of 512, how many may be mapped elsewhere, too")                                            \
	X(S, BOOL, defrag, "thp.khugepaged.defrag", "true", 0, 1, "",                                 \
	  "it may reclaim and compact for a huge page")
PARAM_STRUCT(khugepaged_params, KHUGEPAGED_PARAMS);
extern const struct param_table khugepaged_param_table;

/* Starts the thread when huge pages are enabled; p must outlive it. k->khugepaged is the caller's to free. */
void khugepaged_start(struct kernel *k, const struct khugepaged_params *p);
/* What the thread needs, without it; khugepaged_scan is one round of it in cur's time (khugepaged_do_scan).
 */
void khugepaged_new(struct kernel *k, const struct khugepaged_params *p);
void khugepaged_scan(struct task *cur);
/* Huge pages made, and passes over all address spaces (khugepaged/pages_collapsed, full_scans). */
uint64_t khugepaged_collapsed(const struct kernel *k);
uint64_t khugepaged_full_scans(const struct kernel *k);

#endif
