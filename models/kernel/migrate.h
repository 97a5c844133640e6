/*
 * migrate.h - moving pages to other frames (mm/migrate.c, Linux 6.1). May block.
 */
#ifndef MODELS_KERNEL_MIGRATE_H
#define MODELS_KERNEL_MIGRATE_H

#include "models/kernel/alloc.h"

struct migrate_request {
	const pfn_t *pfns; /* isolated by lru_isolate; single pages */
	unsigned n;
	/* A frame for page i of pfns, with one reference; PFN_NONE when there is none. */
	pfn_t (*target)(void *arg, struct task *cur, unsigned i);
	void *arg;
	bool sync; /* waits for locks and write-back (MIGRATE_SYNC); else such pages fail */
};

/* migrate_pages: moves what can be moved; puts the rest back. Returns how many could not be moved. */
unsigned migrate_pages(struct task *cur, const struct migrate_request *r);

#endif
