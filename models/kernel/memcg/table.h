/*
 * table.h - the groups, and the pages that CPUs have charged in advance.
 */
#ifndef MODELS_KERNEL_MEMCG_TABLE_H
#define MODELS_KERNEL_MEMCG_TABLE_H

#include "models/kernel/memcg.h"

struct memcg_stock {
	struct memcg *cached;
	uint64_t pages;
	struct memcg *objects; /* whose bytes these are (cached_objcg) */
	uint64_t bytes;
};

struct memcg_pid {
	uint32_t pid, group;
};

struct memcg_table {
	struct memcg *v; /* in pre-order: group of id i at i - 1 */
	uint32_t n;
	bool recursive;               /* memory_recursiveprot */
	struct lruvec_counts *counts; /* as memory.group_lruvecs */
	struct memcg_stock *stock;    /* by CPU */
	unsigned nr_cpus;
	struct memcg_pid *pids;
	size_t nr_pids;
	uint32_t first; /* the group of who is not listed; 0: the root */
};

#endif
