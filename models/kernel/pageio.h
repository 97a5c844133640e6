/*
 * pageio.h - the states of a page under input or write-back, and waiting for them (mm/page-writeback.c
 * __folio_start_writeback, __folio_end_writeback; mm/filemap.c folio_end_writeback, folio_wait_bit;
 * Linux 6.1).
 *
 * Common to files and swap. Whoever waits holds a reference, so the page cannot become another one meanwhile.
 * A waiter sleeps on WAIT_KEY(WAIT_FRAME, pfn).
 */
#ifndef MODELS_KERNEL_PAGEIO_H
#define MODELS_KERNEL_PAGEIO_H

#include "models/kernel/blkdev.h"
#include "models/kernel/lru.h"
#include "models/kernel/sched.h"

/* Whose interrupt a completion is: the context of requests. One a CPU, owned by whoever submits. */
struct pageio_cpu {
	struct kernel *k;
	unsigned cpu;
};
struct pageio_cpu *pageio_cpus_new(struct kernel *k, unsigned nr_cpus);

/* NR_WRITEBACK, NR_ZONE_WRITE_PENDING; the page was not under write-back. Tags of files: writeback.h. */
void pageio_start_writeback(struct kernel *k, pfn_t pfn);
/* Counts NR_WRITTEN, rotates a RECLAIM page (cpu: who takes the interrupt), wakes waiters. */
void pageio_end_writeback(struct kernel *k, unsigned cpu, pfn_t pfn);
/* Input is complete: UPTODATE, unlocked. */
void pageio_end_read(struct kernel *k, pfn_t pfn);
/* Locks an unlocked page; waits for the lock. Waiting is I/O wait. */
void page_lock(struct task *cur, pfn_t pfn);
bool page_trylock(struct kernel *k, pfn_t pfn);
/* Unlocks at time now and wakes waiters. */
void page_unlock(struct kernel *k, pfn_t pfn, tick_t now);
/* Waits until the page has none of these flags (FR_LOCKED, FR_WRITEBACK). True when it had to wait. */
bool page_wait_flags(struct task *cur, pfn_t pfn, uint32_t flags);
/* The time at which cur may be seen to act: its own clock, never before the event queue's. */
static inline tick_t pageio_now(const struct task *cur)
{
	return MAX_OF(task_now(cur), kernel_now(cur->k));
}

#endif
