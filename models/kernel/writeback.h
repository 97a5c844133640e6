/*
 * writeback.h - dirty pages: limits, throttling of writers, flushers, fsync (mm/page-writeback.c,
 * fs/fs-writeback.c; Linux 6.1).
 */
#ifndef MODELS_KERNEL_WRITEBACK_H
#define MODELS_KERNEL_WRITEBACK_H

#include "models/kernel/pagecache.h"

struct writeback *writeback_new(struct kernel *k);
void writeback_free(struct writeback *wb);
/* Starts the flusher thread (needs the scheduler). */
void writeback_start(struct kernel *k);
/* folio_mark_dirty: tags, counts NR_FILE_DIRTY, NR_DIRTIED, zone write pending; puts the inode on the dirty
 * list. */
void page_mark_dirty(struct task *cur, pfn_t pfn);
/* folio_clear_dirty_for_io / cancel_dirty: true when it was dirty. */
bool page_clear_dirty(struct kernel *k, pfn_t pfn);
/* folio_start_writeback, folio_end_writeback (rotates RECLAIM pages, wakes waiters) of file pages. cpu: who
 * takes the interrupt. */
void page_start_writeback(struct kernel *k, pfn_t pfn);
void page_end_writeback(struct kernel *k, unsigned cpu, pfn_t pfn);
/* Waits until the page is neither under write-back nor locked for input; the caller holds a reference. */
void page_wait(struct task *cur, pfn_t pfn);
/* Called by whoever dirtied pages, outside of locks: throttles (balance_dirty_pages_ratelimited). 0 pages:
 * nothing was dirtied. */
void balance_dirty_pages(struct task *cur, uint64_t pages_dirtied);
/*
 * Writes one file page for reclaim (pageout → writepage): clears DIRTY and submits it; the page is dirty,
 * unmapped and locked by the caller, who unlocks it. A shmem page leaves its file for the swap cache
 * (shmem_writepage); when swap is full it stays as it was, dirty.
 */
void page_write(struct task *cur, pfn_t pfn);
/* Writes all dirty pages of f in [first, last]; waits for them when `wait` (fsync, msync, sync_file_range).
 */
void writeback_file(struct task *cur, struct file *f, uint64_t first, uint64_t last, bool wait);
void writeback_sync_all(struct task *cur);
/* wakeup_flusher_threads */
void writeback_wake(struct kernel *k);
/* Limits in pages right now (domain_dirty_limits). */
void writeback_limits(struct kernel *k, uint64_t *background, uint64_t *hard);
/* Brings node.dirty_limit of all nodes up to date (node_dirty_limit): before a page for writing is allocated.
 */
void writeback_refresh_node_limits(struct kernel *k);
/* Whether each group's count of dirty pages is that of its files. */
bool writeback_is_valid(const struct kernel *k);

#endif
