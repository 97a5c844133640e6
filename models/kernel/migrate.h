/*
 * migrate.h - moving pages to other frames (mm/migrate.c, Linux 6.1). May block.
 */
#ifndef MODELS_KERNEL_MIGRATE_H
#define MODELS_KERNEL_MIGRATE_H

#include "models/kernel/mm.h"
#include "models/kernel/zone.h"

enum migrate_mode {
	MIGRATE_ASYNC,      /* never waits */
	MIGRATE_SYNC_LIGHT, /* waits for locks, not for write-back */
	MIGRATE_SYNC
};

struct migrate_request {
	const pfn_t *pfns; /* isolated by lru_isolate; a huge page needs a target of its size */
	unsigned n;
	/* A frame for page i of pfns, with one reference; PFN_NONE when there is none. */
	pfn_t (*target)(void *arg, struct task *cur, unsigned i);
	void *arg;
	/* Takes an unused frame of target's back; NULL: it is freed. */
	void (*untarget)(void *arg, struct task *cur, pfn_t pfn);
	enum migrate_mode mode;
	bool no_target; /* result: there was no frame for a page, the rest was left */
};

/* What became of a page. */
enum migrate_result {
	MIGRATE_MOVED,
	MIGRATE_BUSY,     /* somebody holds it */
	MIGRATE_NO_TARGET /* no frame could be had */
};
/* Moves page i of r, whose isolation the caller counts: a page that stays remains isolated. Counts
 * pgmigrate_x and thp_migration_x. */
enum migrate_result migrate_isolated(struct task *cur, struct migrate_request *r, unsigned i);
/* migrate_pages: moves what can be moved; puts the rest back. Returns how many could not be moved. */
unsigned migrate_pages(struct task *cur, struct migrate_request *r);

#endif
