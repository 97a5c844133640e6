/*
 * tree.h - the radix tree from page index to page, shadow or swap entry (lib/xarray.c, Linux 6.1).
 */
#ifndef MODELS_KERNEL_PAGECACHE_TREE_H
#define MODELS_KERNEL_PAGECACHE_TREE_H

#include "models/kernel/pagecache.h"
#include "models/kernel/slab.h"
#include "sim/mem.h"

#define XNODE_SHIFT 6
#define XNODE_SLOTS 64

/* An entry's word: 0, or a number << 2 and its kind. */
#define ENTRY_PAGE    1u
#define ENTRY_SHADOW  2u
#define ENTRY_SWAPPED 3u

/* Bitmaps of a node: which slots hold (or lead to) such an entry. The first three are pagecache_next's tags.
 */
enum xtag { XTAG_PAGE, XTAG_DIRTY, XTAG_WRITEBACK, XTAG_VALUE, NR_XTAGS };

struct xnode {
	struct xnode *parent;
	struct file *file;
	uint64_t tag[NR_XTAGS];
	union {
		uint64_t entry[XNODE_SLOTS];      /* shift 0 */
		struct xnode *child[XNODE_SLOTS]; /* above */
	};
	struct xnode *next, *prev; /* list of shadow nodes; next: nodes to be freed */
	slab_obj_t slab;
	uint8_t shift, offset, nr, nid; /* nr: slots in use; nid: of the CPU that allocated it */
	bool listed;
};

/* Owned by the page cache. */
struct xtree_pool {
	struct kernel *k;
	struct pool nodes;
	struct xnode *doomed; /* freed, but their slab objects are not yet (RCU in Linux) */
	struct xnode *shadow_first, *shadow_last; /* leaves that hold only shadows, oldest first */
	uint64_t nr_shadow_nodes;
};

/* The leaf that covers index, NULL when there is none. */
struct xnode *xtree_leaf(const struct file *f, uint64_t index);
/* The same, made where it is missing; NULL when no slab object could be had. May block. */
struct xnode *xtree_leaf_create(struct xtree_pool *p, struct task *cur, struct file *f, uint64_t index);
/* Stores a word, clears DIRTY and WRITEBACK tags; a leaf that becomes empty is freed. */
void xtree_store(struct xtree_pool *p, struct xnode *leaf, uint64_t index, uint64_t word);
void xtree_tag(struct xnode *leaf, uint64_t index, enum xtag t, bool on);
/* First index at or after *index whose entry has the tag. */
bool xtree_next(const struct file *f, uint64_t *index, enum xtag t);
/* Empties and frees a leaf that holds only shadows. */
void xtree_delete_leaf(struct xtree_pool *p, struct xnode *leaf);
/* Gives the slab objects of freed nodes back. */
void xtree_reap(struct xtree_pool *p, struct task *cur);
bool xtree_is_valid(const struct file *f);

static inline uint64_t xtree_load(const struct file *f, uint64_t index)
{
	const struct xnode *n = xtree_leaf(f, index);

	return n ? n->entry[index % XNODE_SLOTS] : 0;
}
static inline bool xnode_has(const struct xnode *n, uint64_t slot, enum xtag t)
{
	return n->tag[t] >> slot & 1;
}

#endif
