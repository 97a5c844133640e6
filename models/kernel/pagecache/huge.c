/*
 * huge.c - huge pages in the index of a file.
 *
 * After Linux 6.1, mm/shmem.c shmem_add_to_page_cache with a large folio, mm/filemap.c page_cache_delete,
 * mm/huge_memory.c __split_huge_page's part about the mapping. A huge page takes the 512 slots of its place,
 * one a part, and has a reference for each; file and index are the head's until it is split. O(512).
 *
 * Not modelled: that Linux keeps one entry of order 9 (here the index has eight leaves below, as for small
 * pages).
 */
#include "models/kernel/pagecache.h"
#include "models/kernel/pagecache/parts.h"

#define HUGE_NR 512u

/* Empties the first n slots. */
static void clear(struct kernel *k, struct file *f, uint64_t index, uint64_t n)
{
	for (uint64_t i = index; i < index + n; i++)
		xtree_store(pagecache_tree(k), xtree_leaf(f, i), i, 0);
}

/* The slots of one leaf; false when one is taken. */
static bool fill_leaf(struct kernel *k, struct xnode *leaf, uint64_t index, pfn_t pfn)
{
	for (unsigned i = 0; i < XNODE_SLOTS; i++)
		if (leaf->entry[i])
			return false;
	for (unsigned i = 0; i < XNODE_SLOTS; i++)
		xtree_store(pagecache_tree(k), leaf, index + i, (uint64_t)(pfn + i) << 2 | ENTRY_PAGE);
	return true;
}

bool pagecache_insert_huge(struct task *cur, struct file *f, uint64_t index, pfn_t head)
{
	struct kernel *k = cur->k;
	struct frame *fr = frame_of(k->memory, head);

	fr->file = f->id;
	fr->index = index;
	fr->refs += (int32_t)HUGE_NR;
	for (unsigned i = 0; i < HUGE_NR; i += XNODE_SLOTS) {
		struct xnode *leaf = xtree_leaf_create(pagecache_tree(k), cur, f, index + i);

		if (leaf && fill_leaf(k, leaf, index + i, head + i))
			continue;
		clear(k, f, index, i);
		fr->file = FILE_NONE;
		fr->refs -= (int32_t)HUGE_NR;
		return false;
	}
	pagecache_account(k, f, head, HUGE_NR);
	frame_stat_add(k->memory, fr, NR_SHMEM_THPS, HUGE_NR);
	vm_event(k->memory, VMEV_THP_FILE_ALLOC, 1);
	return true;
}

void pagecache_remove_huge(struct kernel *k, pfn_t head)
{
	struct frame *fr = frame_of(k->memory, head);
	struct file *f = file_by_id(k->pagecache, fr->file);

	clear(k, f, fr->index, HUGE_NR);
	pagecache_account(k, f, head, -(int64_t)HUGE_NR);
	frame_stat_add(k->memory, fr, NR_SHMEM_THPS, -(int64_t)HUGE_NR);
	fr->file = FILE_NONE;
}

void pagecache_split_huge(struct kernel *k, pfn_t head)
{
	frame_stat_add(k->memory, frame_of(k->memory, head), NR_SHMEM_THPS, -(int64_t)HUGE_NR);
}

bool pagecache_holds(const struct kernel *k, const struct file *f, uint64_t index, pfn_t pfn)
{
	pfn_t head = page_head(k->memory, pfn);
	const struct frame *fr = &k->memory->frames.f[head];

	return fr->file == f->id && fr->index + (pfn - head) == index;
}

bool pagecache_is_empty(const struct file *f, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++)
		if (xtree_load(f, i))
			return false;
	return true;
}
