/*
 * boot.h - memory that was in use before the run.
 */
#ifndef MODELS_KERNEL_BOOT_H
#define MODELS_KERNEL_BOOT_H

#include "models/kernel/zone.h"
#include "sim/param.h"

#define BOOT_PARAMS(X, S)                                                             \
	X(S, LIST, anon, "boot.anon_pages", "", 0, UINT32_MAX, "pages",               \
	  "anonymous and mapped before the run, node by node")                        \
	X(S, LIST, file, "boot.file_pages", "", 0, UINT32_MAX, "pages",               \
	  "in the page cache before the run (an initial ramfs, say), node by node")   \
	X(S, LIST, mapped, "boot.mapped_pages", "", 0, UINT32_MAX, "pages",           \
	  "file pages that were mapped before the run, node by node")                 \
	X(S, LIST, shmem, "boot.shmem_pages", "", 0, UINT32_MAX, "pages",             \
	  "shared memory before the run, node by node")                               \
	X(S, LIST, unevictable, "boot.unevictable_pages", "", 0, UINT32_MAX, "pages", \
	  "on the unevictable list before the run, node by node")                     \
	X(S, LIST, mlocked, "boot.mlocked_pages", "", 0, UINT32_MAX, "pages",         \
	  "locked before the run, node by node")                                      \
	X(S, LIST, table, "boot.table_pages", "", 0, UINT32_MAX, "pages",             \
	  "page tables before the run, node by node")
PARAM_STRUCT(boot_params, BOOT_PARAMS);
extern const struct param_table boot_param_table;

/* Adds them to the counters and to m->boot. Errors (ERR_CONFIG): more entries than nodes. */
int memory_boot(struct memory *m, const struct boot_params *p, struct err *e);

#endif
