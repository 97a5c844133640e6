/*
 * pagecache.h - files and the index of their cached pages (include/linux/fs.h address_space, mm/filemap.c,
 * lib/xarray.c; 6.1).
 *
 * Each file has a radix tree of 64-slot nodes from page index to frame or shadow entry, with a dirty and a
 * write-back tag. A page in it holds one reference. Shared anonymous memory is a file, too (shmem:
 * swap-backed pages).
 */
#ifndef MODELS_KERNEL_PAGECACHE_H
#define MODELS_KERNEL_PAGECACHE_H

#include "models/kernel/lru.h"

/* struct file_ra_state */
struct ra_state {
	uint64_t start;
	uint32_t size, async_size, ra_pages, mmap_miss;
	int64_t prev_pos;
};

struct file {
	uint32_t id;  /* index in the page cache's table: struct frame.file */
	uint64_t fid; /* of the trace; FID of shmem files is none */
	char *path;
	uint64_t size; /* bytes */
	bool shmem;
	bool advise_random, advise_sequential; /* posix_fadvise */
	uint32_t refs;                         /* mappings and declarations */
	struct xnode *root;                    /* NULL: empty */
	unsigned height;
	uint64_t nr_pages, nr_shadows, nr_dirty, nr_writeback; /* nr_shadows: swap entries for shmem */
	struct ra_state ra;                                    /* of the one open file description */
	/* writeback.c */
	tick_t dirtied_when;      /* since when the inode is dirty, 0 clean */
	uint64_t writeback_index; /* where the flusher goes on */
	struct file *dirty_next, *dirty_prev;
	uint8_t dirty_list; /* 0: on none */
	uint32_t wb;        /* whose writes these are: 0 nobody's yet, 1 the root's, a group's id + 1 */
	uint64_t *wb_dirty; /* that one's count of dirty pages, NULL: nobody's yet */
	uint64_t slab_inode, slab_dentry, slab_file;
};

/* What an index slot holds. */
struct slot {
	pfn_t pfn;       /* PFN_NONE: no page */
	uint64_t shadow; /* 0: none. For shmem: a swap entry when `swapped` */
	bool swapped;
};

struct pagecache;
struct pagecache *pagecache_new(struct kernel *k);
void pagecache_free(struct pagecache *pc);
/* The file of trace id fid; NULL when it was not declared. */
struct file *file_find(struct pagecache *pc, uint64_t fid);
/* A file that is declared again grows to the larger size. */
struct file *file_declare(struct task *cur, uint64_t fid, const char *path, uint64_t size);
struct file *file_new_shmem(struct task *cur, uint64_t size);
struct file *file_get(struct file *f);
/* Drops a reference; a shmem file without any is truncated and freed, its id given to the next new file. */
void file_put(struct task *cur, struct file *f);
struct file *file_by_id(struct pagecache *pc, uint32_t id);

struct slot pagecache_lookup(const struct file *f, uint64_t index);
/*
 * Puts a frame at index (filemap_add_folio: takes a reference, sets file and index, counts NR_FILE_PAGES and
 * NR_SHMEM). Returns the shadow that was there (for workingset_refault) in *shadow; a swap entry there is
 * replaced. False when the index is taken or a tree node could not be had. May block.
 */
bool pagecache_insert(struct task *cur, struct file *f, uint64_t index, pfn_t pfn, uint64_t *shadow);
/*
 * Huge pages of shmem, whose slots hold one part each; the cache has a reference for each part. Insertion
 * wants index to be a multiple of 512 and all slots to be empty, else it is false; it may block. Removal
 * drops the counts, not the references; a split leaves all parts in their slots.
 */
bool pagecache_insert_huge(struct task *cur, struct file *f, uint64_t index, pfn_t head);
void pagecache_remove_huge(struct kernel *k, pfn_t head);
void pagecache_split_huge(struct kernel *k, pfn_t head);
/* Whether the page, or part of a huge page, is (still) the file's at index. */
bool pagecache_holds(const struct kernel *k, const struct file *f, uint64_t index, pfn_t pfn);
/* Whether nothing is at first … last, neither pages nor shadows nor swap entries. */
bool pagecache_is_empty(const struct file *f, uint64_t first, uint64_t last);
/* Takes the page out, leaving shadow (0: nothing) in its place; drops the counts, not the reference. */
void pagecache_remove(struct kernel *k, pfn_t pfn, uint64_t shadow);
/* shmem: replaces the page by its swap entry (pagecache_insert does it back); drops the counts, not the
 * reference. The caller took a reference to the slot for it (swap_dup). */
void pagecache_set_swapped(struct kernel *k, pfn_t pfn, uint64_t swap_entry);
/* First page at or after *index that has a page (tag 0), is dirty (1) or under write-back (2): PFN_NONE at
 * the end. */
pfn_t pagecache_next(const struct file *f, uint64_t *index, int tag);
void pagecache_set_tag(struct kernel *k, pfn_t pfn, int tag, bool on);
#define PAGECACHE_DIRTY     1
#define PAGECACHE_WRITEBACK 2
/* First index at or after `index` without a page (page_cache_next_miss), and at or before
 * (page_cache_prev_miss), among max indices; when all have one the last of them is returned, UINT64_MAX for
 * prev_miss past index 0. */
uint64_t pagecache_next_miss(const struct file *f, uint64_t index, uint64_t max);
uint64_t pagecache_prev_miss(const struct file *f, uint64_t index, uint64_t max);
/* invalidate_mapping_pages / drop_pagecache: drops clean, unmapped, unlocked pages in [first, last]. Returns
 * how many. */
uint64_t pagecache_invalidate(struct task *cur, struct file *f, uint64_t first, uint64_t last);
/* truncate_inode_pages: drops all pages from index `first` on; mapped ones must have been unmapped by the
 * caller. */
void pagecache_truncate(struct task *cur, struct file *f, uint64_t first);
/* The same for pages first … last (hole punching). */
void pagecache_truncate_range(struct task *cur, struct file *f, uint64_t first, uint64_t last);
/*
 * folio_migrate_mapping: `to` takes from's place with its tags; counts move to to's node and zone. The cache
 * takes a reference to `to`; its reference to from is the caller's now. from must not be under write-back.
 */
void pagecache_migrate(struct kernel *k, pfn_t from, pfn_t to);
/*
 * The buffer head of a page of a disk's file that is to be written (create_empty_buffers; one a page where
 * blocks are pages): made when it is missing, freed before the page leaves the cache (try_to_free_buffers).
 */
void page_make_buffers(struct task *cur, pfn_t pfn);
void page_drop_buffers(struct task *cur, pfn_t pfn);
/* Walks all files in order of declaration; NULL at the end. A freed shmem file is an empty one without
 * references. */
struct file *pagecache_file_at(struct pagecache *pc, uint32_t id);
uint32_t pagecache_nr_files(const struct pagecache *pc);
bool pagecache_is_valid(struct pagecache *pc);
/* Shadow-node shrinker (workingset.c scan_shadow_nodes): frees nodes that hold only shadows; returns nodes
 * freed. */
uint64_t pagecache_shrink_shadow_nodes(struct task *cur, uint64_t nr_to_scan);
uint64_t pagecache_nr_shadow_nodes(const struct pagecache *pc);

#endif
