/*
 * readahead.h - reading a file before it is asked for (mm/readahead.c, Linux 6.1).
 *
 * All functions start input and return; pages are LOCKED until it is complete. They may block for memory.
 */
#ifndef MODELS_KERNEL_READAHEAD_H
#define MODELS_KERNEL_READAHEAD_H

#include "models/kernel/alloc.h"
#include "models/kernel/pagecache.h"

/* page_cache_sync_ra: the page at index is missing; a reader wants req pages from there. */
void readahead_sync(struct task *cur, struct file *f, uint64_t index, uint64_t req);
/* page_cache_async_ra: a reader met the marked page pfn at index. */
void readahead_async(struct task *cur, struct file *f, uint64_t index, pfn_t pfn, uint64_t req);
/* Read-around of a mapping's fault: a window of ra_pages around index (do_sync_mmap_readahead). */
void readahead_around(struct task *cur, struct file *f, uint64_t index);
/* force_page_cache_ra: nr pages from index, in pieces of 2 MiB. */
void readahead_force(struct task *cur, struct file *f, uint64_t index, uint64_t nr);
/* filemap_add_folio: puts a new page of ours into the file, locked, and on an LRU list. False when the index
 * is taken or memory is short; the page is still ours alone then. is_write: it will be overwritten. */
bool readahead_add_page(struct task *cur, struct file *f, uint64_t index, pfn_t pfn, gfp_t gfp);
/* Starts input of n locked pages that lie one behind the other in a file (at most BLKDEV_MAX_PAGES). */
void readahead_submit(struct task *cur, const pfn_t *pfns, unsigned n);
/* mapping_gfp_mask of an ext4 inode. */
#define FILE_GFP GFP_HIGHUSER_MOVABLE

#endif
