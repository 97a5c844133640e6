/*
 * files_fixture.h - a kernel with memory, scheduler, swap and files, and a task outside any fiber, for
 * tests.
 */
#ifndef TESTS_UNIT_FILES_FIXTURE_H
#define TESTS_UNIT_FILES_FIXTURE_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel/alloc.h"
#include "models/kernel/filemap.h"
#include "models/kernel/pageio.h"
#include "models/kernel/rmap.h"
#include "models/kernel/slab.h"
#include "models/kernel/swap.h"

struct bed {
	struct param_set ps;
	struct topology_params tp;
	struct topology topo;
	struct sched_params sp;
	struct swap_params wp;
	struct disk_params dp;
	struct memory mem;
	struct mm_table mms;
	struct eventq q;
	struct blkdev disk;
	struct exec exec[MAX_CPUS];
	struct exec *execs[MAX_CPUS];
	struct exec bare; /* of cur: CPU 0's number, a clock of its own */
	struct kernel k;
	struct task *cur;
	unsigned swap_full_events;
};

static inline pfn_t bed_slab_pages(void *cur, gfp_t gfp, unsigned order)
{
	return alloc_pages(cur, gfp, order);
}

static inline void bed_slab_free(void *cur, pfn_t pfn, unsigned order)
{
	free_pages(cur, pfn, order);
}

static inline void bed_no_user(void *ctx, struct task *t, uint64_t until)
{
	(void)ctx;
	(void)t;
	(void)until;
	abort();
}

static inline void bed_switch(void *ctx, struct exec *x, struct task *prev, struct task *next)
{
	(void)ctx;
	(void)x;
	(void)prev;
	(void)next;
}

static inline void bed_event(void *ctx, enum kernel_event kind, const char *scope, int64_t value,
			     const char *detail)
{
	(void)scope;
	(void)value;
	(void)detail;
	((struct bed *)ctx)->swap_full_events += kind == KEV_SWAP_FULL;
}

static inline void bed_parse(struct bed *b, va_list ap)
{
	struct err e = {0};
	const char *s;

	param_set_init(&b->ps);
	param_set_add(&b->ps, &topology_param_table, &b->tp);
	param_set_add(&b->ps, &zone_param_table, &b->k.zone_params);
	param_set_add(&b->ps, &kernel_param_table, &b->k.params);
	param_set_add(&b->ps, &cost_param_table, &b->k.cost);
	param_set_add(&b->ps, &sched_param_table, &b->sp);
	param_set_add(&b->ps, &swap_param_table, &b->wp);
	param_set_add(&b->ps, &disk_param_table, &b->dp);
	while ((s = va_arg(ap, const char *)))
		if (param_set_assignment(&b->ps, s, "test", &e))
			ck_abort_msg("%s", e.text);
	if (topology_init(&b->topo, &b->tp, &e) || memory_init(&b->mem, &b->k.zone_params, &b->topo, &e))
		ck_abort_msg("%s", e.text);
}

static inline void bed_tasks(struct bed *b)
{
	static const struct sched_ops ops = {bed_no_user, bed_switch};

	for (unsigned i = 0; i < b->topo.nr_cpus; i++) {
		b->exec[i] = (struct exec){.cpu = i, .nid = b->topo.cpu_nid[i], .clock = &b->topo.cpu_clock};
		b->execs[i] = &b->exec[i];
	}
	b->bare = b->exec[0];
	sched_new(&b->k, &b->sp, &ops, b, b->execs, b->topo.nr_cpus);
	b->cur = sched_task_new(&b->k, "test");
	b->cur->exec = &b->bare;
	b->cur->state = TASK_RUNNING;
}

/* Settings "path=value", up to a NULL. */
static inline void bed_open_(struct bed *b, ...)
{
	static const struct slab_page_ops slab_ops = {bed_slab_pages, bed_slab_free};
	struct kernel *k = &b->k;
	struct blkdev_params dev;
	va_list ap;

	memset(b, 0, sizeof *b);
	va_start(ap, b);
	bed_parse(b, ap);
	va_end(ap);
	eventq_init(&b->q);
	k->eventq = &b->q;
	k->memory = &b->mem;
	k->hooks.ctx = b;
	k->hooks.event = bed_event;
	k->seed = 1;
	k->mms = &b->mms;
	mm_table_init(&b->mms);
	bed_tasks(b);
	k->slab = slab_new(&b->mem, b->topo.nr_cpus, &slab_ops);
	k->rmap = rmap_new();
	k->lru = lru_new(b->topo.nr_cpus);
	k->swap = swap_new(k, &b->wp, b->topo.nr_cpus);
	dev = disk_blkdev_params(&b->dp);
	blkdev_init(&b->disk, &b->q, &dev);
	k->file_dev = &b->disk;
	k->pagecache = pagecache_new(k);
	k->writeback = writeback_new(k);
}
#define bed_open(b, ...) bed_open_(b, __VA_ARGS__, NULL)

static inline void bed_close(struct bed *b)
{
	struct kernel *k = &b->k;

	writeback_free(k->writeback);
	pagecache_free(k->pagecache);
	blkdev_release(&b->disk);
	swap_free(k->swap);
	lru_free(k->lru);
	rmap_free(k->rmap);
	slab_free_allocator(k->slab);
	sched_free(k->sched);
	mm_table_release(&b->mms);
	eventq_release(&b->q);
	memory_release(&b->mem);
	param_set_release(&b->ps);
}

static inline int64_t bed_node(const struct bed *b, enum node_item i)
{
	return memory_node_total(&b->mem, i);
}

static inline uint64_t bed_vm(const struct bed *b, enum vm_event i)
{
	return b->mem.vmstat.event[i];
}

static inline struct frame *bed_frame(struct bed *b, pfn_t pfn)
{
	return frame_of(&b->mem, pfn);
}

static inline void bed_put(struct bed *b, pfn_t pfn)
{
	frame_put(&b->k, 0, pfn);
}

/* All events up to time t. */
static inline void bed_run_until(struct bed *b, tick_t t)
{
	while (eventq_next_time(&b->q) <= t)
		eventq_step(&b->q);
}

/* An anonymous page that nobody maps: uptodate, locked, with one reference. */
static inline pfn_t bed_anon(struct bed *b)
{
	pfn_t pfn = alloc_pages(b->cur, GFP_HIGHUSER_MOVABLE, 0);

	ck_assert(pfn != PFN_NONE);
	bed_frame(b, pfn)->flags |= FR_ANON | FR_SWAPBACKED | FR_UPTODATE | FR_LOCKED;
	return pfn;
}

#endif
