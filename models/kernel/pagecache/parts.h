/*
 * parts.h - what the parts of the page cache share.
 */
#ifndef MODELS_KERNEL_PAGECACHE_PARTS_H
#define MODELS_KERNEL_PAGECACHE_PARTS_H

#include "models/kernel/pagecache.h"
#include "models/kernel/pagecache/tree.h"

/* The nodes of all files. */
struct xtree_pool *pagecache_tree(struct kernel *k);
/* The file has so many pages more, which lie where pfn does. */
void pagecache_account(struct kernel *k, struct file *f, pfn_t pfn, int64_t pages);

#endif
