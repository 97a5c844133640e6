/*
 * thp.h - transparent huge pages at page faults (mm/huge_memory.c, Linux 6.1).
 */
#ifndef MODELS_KERNEL_FAULT_THP_H
#define MODELS_KERNEL_FAULT_THP_H

#include "models/kernel/fault/parts.h"

/* What a fault found about the 2 MiB around its address. */
enum thp_result {
	THP_SMALL, /* go on with a small page */
	THP_DONE,  /* mapped, made writable, or found mapped */
	THP_OOM
};

/* Handles the fault with a huge page where that is enabled and possible, and faults on huge entries. */
enum thp_result thp_fault(struct fault *f);

#endif
