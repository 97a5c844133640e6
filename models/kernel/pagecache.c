/*
 * pagecache.c - files, and what of them is in memory.
 *
 * After mm/filemap.c __filemap_add_folio, __filemap_remove_folio, page_cache_next_miss, page_cache_prev_miss;
 * mm/truncate.c invalidate_mapping_pages, truncate_inode_pages_range; mm/shmem.c
 * shmem_delete_from_page_cache; mm/workingset.c scan_shadow_nodes (Linux 6.1). A lookup is O(height of the
 * tree).
 *
 * Invariants: a page in a tree has file and index of its place and one reference for it; NR_FILE_PAGES =
 * pages of all trees + pages in the swap cache; NR_SHMEM = pages of shmem files; nr_dirty and nr_writeback
 * count tags.
 *
 * Not modelled: reclaim of inodes and dentries (a file declared stays), huge pages, hole punching, partial
 * truncation of a page.
 */
#include "models/kernel/pagecache.h"

#include <string.h>

#include "models/kernel/pagecache/parts.h"
#include "models/kernel/pageio.h"
#include "models/kernel/swap.h"
#include "sim/map.h"

#define FID_OF_SHMEM UINT64_MAX

struct pagecache {
	struct kernel *k;
	struct file **files; /* by id */
	uint32_t n, cap;
	uint32_t *free_ids; /* of shmem files that are gone, last in first out */
	uint32_t nr_free_ids, cap_free_ids;
	struct map by_fid;
	struct pool pool;
	struct xtree_pool tree;
};

struct xtree_pool *pagecache_tree(struct kernel *k)
{
	return &k->pagecache->tree;
}

struct pagecache *pagecache_new(struct kernel *k)
{
	struct pagecache *pc = mem_alloc(1, sizeof *pc);

	pc->k = k;
	map_init(&pc->by_fid);
	pool_init(&pc->pool, sizeof(struct file), 64);
	pc->tree.k = k;
	pool_init(&pc->tree.nodes, sizeof(struct xnode), 64);
	return pc;
}

void pagecache_free(struct pagecache *pc)
{
	for (uint32_t i = 0; i < pc->n; i++)
		mem_free(pc->files[i]->path);
	mem_free(pc->files);
	mem_free(pc->free_ids);
	map_release(&pc->by_fid);
	pool_release(&pc->pool);
	pool_release(&pc->tree.nodes);
	mem_free(pc);
}

/* ---- files ---- */

static uint64_t take_object(struct task *cur, enum slab_cache_id id)
{
	struct kernel *k = cur->k;
	bool slow = false;
	uint64_t obj =
		slab_alloc(k->slab, slab_cache_of(k->slab, id), cur, cur->exec->cpu, GFP_KERNEL, &slow);

	task_charge(cur, CYCLES_alloc, slow ? k->cost.slab_slow : k->cost.slab_alloc);
	return obj;
}

static void give_object(struct task *cur, enum slab_cache_id id, uint64_t *obj)
{
	struct kernel *k = cur->k;

	if (*obj)
		slab_free(k->slab, slab_cache_of(k->slab, id), cur, cur->exec->cpu, *obj);
	*obj = 0;
}

static struct file *file_new(struct task *cur, uint64_t fid, uint64_t size)
{
	struct pagecache *pc = cur->k->pagecache;
	uint64_t inode = take_object(cur, SLAB_CACHE_INODE), dentry = take_object(cur, SLAB_CACHE_DENTRY);
	uint64_t file = take_object(cur, SLAB_CACHE_FILE);
	uint32_t id = pc->nr_free_ids ? pc->free_ids[--pc->nr_free_ids] : pc->n;
	struct file *f;

	if (id == pc->n) {
		if (pc->n == pc->cap) {
			pc->cap = pc->cap ? pc->cap * 2 : 64;
			pc->files = mem_realloc(pc->files, pc->cap, sizeof(struct file *));
		}
		pc->files[pc->n++] = pool_get(&pc->pool);
	}
	f = pc->files[id];
	memset(f, 0, sizeof *f);
	f->id = id;
	f->fid = fid;
	f->size = size;
	f->refs = 1;
	f->ra.ra_pages = (uint32_t)(cur->k->params.read_ahead_kb >> (PAGE_SHIFT - 10));
	f->ra.prev_pos = -1;
	f->slab_inode = inode;
	f->slab_dentry = dentry;
	f->slab_file = file;
	return f;
}

struct file *file_find(struct pagecache *pc, uint64_t fid)
{
	uint64_t id;

	return map_get(&pc->by_fid, fid, &id) ? pc->files[id] : NULL;
}

struct file *file_declare(struct task *cur, uint64_t fid, const char *path, uint64_t size)
{
	struct pagecache *pc = cur->k->pagecache;
	struct file *f = file_find(pc, fid);

	if (f) {
		f->size = MAX_OF(f->size, size);
		return f;
	}
	f = file_new(cur, fid, size);
	f->path = mem_strdup(path ? path : "");
	map_put(&pc->by_fid, fid, f->id);
	return f;
}

struct file *file_new_shmem(struct task *cur, uint64_t size)
{
	struct file *f = file_new(cur, FID_OF_SHMEM, size);

	f->shmem = true;
	return f;
}

struct file *file_get(struct file *f)
{
	f->refs++;
	return f;
}

void file_put(struct task *cur, struct file *f)
{
	struct pagecache *pc = cur->k->pagecache;

	CHECK(f->refs > 0, "file %u has no reference", f->id);
	if (--f->refs || !f->shmem)
		return;
	pagecache_truncate(cur, f, 0);
	give_object(cur, SLAB_CACHE_FILE, &f->slab_file);
	give_object(cur, SLAB_CACHE_DENTRY, &f->slab_dentry);
	give_object(cur, SLAB_CACHE_INODE, &f->slab_inode);
	f->size = 0;
	if (pc->nr_free_ids == pc->cap_free_ids) {
		pc->cap_free_ids = pc->cap_free_ids ? pc->cap_free_ids * 2 : 16;
		pc->free_ids = mem_realloc(pc->free_ids, pc->cap_free_ids, sizeof(uint32_t));
	}
	pc->free_ids[pc->nr_free_ids++] = f->id;
}

struct file *file_by_id(struct pagecache *pc, uint32_t id)
{
	CHECK(id < pc->n, "there is no file %u", id);
	return pc->files[id];
}

struct file *pagecache_file_at(struct pagecache *pc, uint32_t id)
{
	return id < pc->n ? pc->files[id] : NULL;
}

uint32_t pagecache_nr_files(const struct pagecache *pc)
{
	return pc->n;
}

/* ---- pages ---- */

struct slot pagecache_lookup(const struct file *f, uint64_t index)
{
	uint64_t e = xtree_load(f, index);
	struct slot s = {.pfn = PFN_NONE};

	if ((e & 3) == ENTRY_PAGE) {
		s.pfn = (pfn_t)(e >> 2);
	} else {
		s.shadow = e >> 2;
		s.swapped = (e & 3) == ENTRY_SWAPPED;
	}
	return s;
}

void pagecache_account(struct kernel *k, struct file *f, pfn_t pfn, int64_t pages)
{
	struct lruvec *l = frame_lruvec(k->memory, frame_of(k->memory, pfn));

	f->nr_pages += (uint64_t)pages;
	lruvec_stat_add(l, NR_FILE_PAGES, pages);
	if (f->shmem)
		lruvec_stat_add(l, NR_SHMEM, pages);
}

bool pagecache_insert(struct task *cur, struct file *f, uint64_t index, pfn_t pfn, uint64_t *shadow)
{
	struct pagecache *pc = cur->k->pagecache;
	struct frame *fr = frame_of(cur->k->memory, pfn);
	struct xnode *leaf = xtree_leaf_create(&pc->tree, cur, f, index);
	uint64_t old;

	*shadow = 0;
	if (!leaf)
		return false;
	old = leaf->entry[index % XNODE_SLOTS];
	if ((old & 3) == ENTRY_PAGE)
		return false;
	f->nr_shadows -= old != 0;
	*shadow = (old & 3) == ENTRY_SHADOW ? old >> 2 : 0;
	fr->refs++;
	fr->file = f->id;
	fr->index = index;
	xtree_store(&pc->tree, leaf, index, (uint64_t)pfn << 2 | ENTRY_PAGE);
	pagecache_account(cur->k, f, pfn, 1);
	xtree_reap(&pc->tree, cur);
	return true;
}

static struct xnode *leaf_of(struct kernel *k, pfn_t pfn, struct file **f)
{
	const struct frame *fr = frame_of(k->memory, pfn);
	struct xnode *leaf;

	*f = file_by_id(k->pagecache, fr->file);
	leaf = xtree_leaf(*f, fr->index);
	CHECK(leaf && leaf->entry[fr->index % XNODE_SLOTS] == ((uint64_t)pfn << 2 | ENTRY_PAGE),
	      "frame %u is not at page %" PRIu64 " of file %u", pfn, fr->index, fr->file);
	return leaf;
}

void pagecache_set_tag(struct kernel *k, pfn_t pfn, int tag, bool on)
{
	uint64_t index = frame_of(k->memory, pfn)->index;
	struct file *f;
	struct xnode *leaf = leaf_of(k, pfn, &f);
	uint64_t *nr = tag == PAGECACHE_DIRTY ? &f->nr_dirty : &f->nr_writeback;

	if (xnode_has(leaf, index % XNODE_SLOTS, (enum xtag)tag) == on)
		return;
	*nr += on ? 1 : UINT64_MAX;
	if (tag == PAGECACHE_DIRTY && f->wb_dirty)
		*f->wb_dirty += on ? 1 : UINT64_MAX;
	xtree_tag(leaf, index, (enum xtag)tag, on);
}

/* folio_account_cleaned */
static void account_cleaned(struct kernel *k, struct file *f, struct frame *fr)
{
	f->nr_dirty--;
	if (f->wb_dirty)
		--*f->wb_dirty;
	frame_stat_add(k->memory, fr, NR_FILE_DIRTY, -1);
	zone_stat_add(frame_zone(k->memory, fr), NR_ZONE_WRITE_PENDING, -1);
}

static void replace(struct kernel *k, pfn_t pfn, uint64_t word)
{
	struct frame *fr = frame_of(k->memory, pfn);
	struct file *f;
	struct xnode *leaf = leaf_of(k, pfn, &f);

	CHECK(!frame_has(fr, FR_WRITEBACK) || f->shmem, "frame %u leaves its file under write-back", pfn);
	if (xnode_has(leaf, fr->index % XNODE_SLOTS, XTAG_DIRTY))
		account_cleaned(k, f, fr);
	xtree_store(&k->pagecache->tree, leaf, fr->index, word);
	f->nr_shadows += word != 0;
	pagecache_account(k, f, pfn, -1);
	fr->file = FILE_NONE;
}

void pagecache_remove(struct kernel *k, pfn_t pfn, uint64_t shadow)
{
	CHECK(shadow < UINT64_C(1) << 62, "shadow %#" PRIx64 " is too wide", shadow);
	replace(k, pfn, shadow ? shadow << 2 | ENTRY_SHADOW : 0);
}

void pagecache_set_swapped(struct kernel *k, pfn_t pfn, uint64_t swap_entry)
{
	CHECK(file_by_id(k->pagecache, frame_of(k->memory, pfn)->file)->shmem,
	      "frame %u is not of a shmem file", pfn);
	replace(k, pfn, swap_entry << 2 | ENTRY_SWAPPED);
}

void pagecache_migrate(struct kernel *k, pfn_t from, pfn_t to)
{
	struct frame *a = frame_of(k->memory, from), *b = frame_of(k->memory, to);
	struct file *f;
	struct xnode *leaf = leaf_of(k, from, &f);
	bool dirty = xnode_has(leaf, a->index % XNODE_SLOTS, XTAG_DIRTY);

	CHECK(!frame_has(a, FR_WRITEBACK), "frame %u is migrated under write-back", from);
	if (dirty)
		account_cleaned(k, f, a);
	xtree_store(&k->pagecache->tree, leaf, a->index, (uint64_t)to << 2 | ENTRY_PAGE);
	pagecache_account(k, f, from, -1);
	b->refs++;
	b->file = a->file;
	b->index = a->index;
	if (!f->shmem) { /* its buffer head, folio_migrate_private */
		b->private = a->private;
		a->private = 0;
	}
	a->file = FILE_NONE;
	pagecache_account(k, f, to, 1);
	if (!dirty)
		return;
	xtree_tag(leaf, b->index, XTAG_DIRTY, true);
	f->nr_dirty++;
	if (f->wb_dirty)
		++*f->wb_dirty;
	frame_stat_add(k->memory, b, NR_FILE_DIRTY, 1);
	zone_stat_add(frame_zone(k->memory, b), NR_ZONE_WRITE_PENDING, 1);
}

pfn_t pagecache_next(const struct file *f, uint64_t *index, int tag)
{
	if (!xtree_next(f, index, (enum xtag)tag))
		return PFN_NONE;
	return (pfn_t)(xtree_load(f, *index) >> 2);
}

static bool has_page(const struct file *f, uint64_t index)
{
	return (xtree_load(f, index) & 3) == ENTRY_PAGE;
}

uint64_t pagecache_next_miss(const struct file *f, uint64_t index, uint64_t max)
{
	for (; max > 1 && has_page(f, index); max--)
		index++;
	return index;
}

uint64_t pagecache_prev_miss(const struct file *f, uint64_t index, uint64_t max)
{
	for (; max > 1 && index != UINT64_MAX && has_page(f, index); max--)
		index--;
	return index;
}

/* ---- buffer heads: a page's `private` ---- */

static bool has_buffers(const struct frame *fr)
{
	return fr->file != FILE_NONE && !frame_has(fr, FR_SWAPBACKED | FR_SWAPCACHE) && fr->private;
}

void page_make_buffers(struct task *cur, pfn_t pfn)
{
	struct kernel *k = cur->k;
	struct frame *fr = frame_of(k->memory, pfn);
	uint32_t active = cur->active_memcg;
	bool slow = false;
	slab_obj_t obj;

	if (has_buffers(fr) || frame_has(fr, FR_SWAPBACKED))
		return;
	cur->active_memcg = fr->memcg + 1; /* alloc_page_buffers: whose page it is */
	obj = slab_alloc(k->slab, slab_cache_of(k->slab, SLAB_CACHE_BUFFER_HEAD), cur, cur->exec->cpu,
			 GFP_NOFS | GFP_BIT_ZERO | GFP_BIT_ACCOUNT, &slow);
	cur->active_memcg = active;
	task_charge(cur, CYCLES_alloc, slow ? k->cost.slab_slow : k->cost.slab_alloc);
	if (obj && fr->private) /* somebody made it while we waited */
		slab_free(k->slab, slab_cache_of(k->slab, SLAB_CACHE_BUFFER_HEAD), cur, cur->exec->cpu, obj);
	else
		fr->private = obj;
}

void page_drop_buffers(struct task *cur, pfn_t pfn)
{
	struct kernel *k = cur->k;
	struct frame *fr = frame_of(k->memory, pfn);
	slab_obj_t obj = fr->private;

	if (!has_buffers(fr))
		return;
	fr->private = 0;
	task_charge(cur, CYCLES_alloc, k->cost.slab_alloc);
	slab_free(k->slab, slab_cache_of(k->slab, SLAB_CACHE_BUFFER_HEAD), cur, cur->exec->cpu, obj);
}

/* ---- dropping ---- */

/* invalidate_inode_page: a clean page that only the cache holds. */
static bool evict(struct task *cur, pfn_t pfn)
{
	struct kernel *k = cur->k;
	struct frame *fr = frame_of(k->memory, pfn);

	if (frame_has(fr, FR_DIRTY) || fr->refs > 1 || fr->mapcount > 0)
		return false;
	page_drop_buffers(cur, pfn);
	pagecache_remove(k, pfn, 0);
	task_charge(cur, CYCLES_file, k->cost.zap_page);
	frame_put(k, cur->exec->cpu, pfn);
	return true;
}

/* Removes shadows, and frees the swap slots of shmem. */
static void drop_values(struct task *cur, struct file *f, uint64_t first, uint64_t last)
{
	struct pagecache *pc = cur->k->pagecache;

	for (uint64_t i = first; xtree_next(f, &i, XTAG_VALUE) && i <= last; i++) {
		struct xnode *leaf = xtree_leaf(f, i);
		uint64_t e = leaf->entry[i % XNODE_SLOTS];

		xtree_store(&pc->tree, leaf, i, 0);
		f->nr_shadows--;
		if ((e & 3) == ENTRY_SWAPPED)
			swap_put_and_cache(cur, e >> 2);
	}
	xtree_reap(&pc->tree, cur);
}

uint64_t pagecache_invalidate(struct task *cur, struct file *f, uint64_t first, uint64_t last)
{
	uint64_t dropped = 0, seen = 0;
	pfn_t pfn;

	if (f->shmem)
		return 0;
	for (uint64_t i = first; (pfn = pagecache_next(f, &i, 0)) != PFN_NONE && i <= last; i++) {
		if (!frame_has(frame_of(cur->k->memory, pfn), FR_LOCKED | FR_WRITEBACK)) {
			if (evict(cur, pfn))
				dropped++;
			else
				lru_deactivate_file(cur, pfn);
		}
		if (++seen % XNODE_SLOTS == 0)
			sched_cond(cur);
	}
	drop_values(cur, f, first, last);
	return dropped;
}

void pagecache_truncate(struct task *cur, struct file *f, uint64_t first)
{
	pagecache_truncate_range(cur, f, first, UINT64_MAX);
}

/* A page at index that goes with all its parts, or stays: a part of a huge page that could not be split. */
static bool is_cut(const struct frame *fr, uint64_t index, uint64_t last)
{
	return fr->flags & FR_HEAD && (fr->index != index || fr->index + frame_nr_pages(fr) - 1 > last);
}

static void truncate_page(struct task *cur, struct frame *fr, pfn_t pfn)
{
	struct kernel *k = cur->k;

	fr->flags &= ~(uint32_t)FR_DIRTY;
	if (fr->flags & FR_HEAD) {
		pagecache_remove_huge(k, pfn);
		fr->refs -= (int32_t)frame_nr_pages(fr) - 1;
	} else {
		page_drop_buffers(cur, pfn);
		pagecache_remove(k, pfn, 0);
	}
	task_charge(cur, CYCLES_file, k->cost.zap_page);
	frame_put(k, cur->exec->cpu, pfn);
}

void pagecache_truncate_range(struct task *cur, struct file *f, uint64_t first, uint64_t last)
{
	struct kernel *k = cur->k;
	pfn_t pfn;

	for (uint64_t i = first; (pfn = pagecache_next(f, &i, 0)) != PFN_NONE && i <= last;) {
		pfn_t head = page_head(k->memory, pfn);
		struct frame *fr = frame_of(k->memory, head);

		frame_get(k, head);
		page_lock(cur, head);
		page_wait_flags(cur, head, FR_WRITEBACK);
		if (pagecache_holds(k, f, i, pfn)) {
			if (is_cut(fr, i, last))
				i = fr->index + frame_nr_pages(fr);
			else
				truncate_page(cur, fr, head);
		}
		page_unlock(k, head, pageio_now(cur));
		frame_put(k, cur->exec->cpu, head);
	}
	drop_values(cur, f, first, last);
}

/* ---- shadow nodes ---- */

uint64_t pagecache_nr_shadow_nodes(const struct pagecache *pc)
{
	return pc->tree.nr_shadow_nodes;
}

uint64_t pagecache_shrink_shadow_nodes(struct task *cur, uint64_t nr_to_scan)
{
	struct pagecache *pc = cur->k->pagecache;
	uint64_t freed = 0;

	for (; freed < nr_to_scan && pc->tree.shadow_first; freed++) {
		struct xnode *leaf = pc->tree.shadow_first;

		node_stat_add(&cur->k->memory->node[leaf->nid], NR_WORKINGSET_NODERECLAIM, 1);
		leaf->file->nr_shadows -= (uint64_t)__builtin_popcountll(leaf->tag[XTAG_VALUE]);
		xtree_delete_leaf(&pc->tree, leaf);
	}
	xtree_reap(&pc->tree, cur);
	return freed;
}

/* ---- invariants ---- */

static bool file_is_valid(struct kernel *k, struct file *f)
{
	uint64_t count[NR_XTAGS] = {0};

	if (!xtree_is_valid(f))
		return false;
	for (int t = 0; t < NR_XTAGS; t++)
		for (uint64_t i = 0; xtree_next(f, &i, (enum xtag)t); i++)
			count[t]++;
	for (uint64_t i = 0; xtree_next(f, &i, XTAG_PAGE); i++) {
		pfn_t pfn = (pfn_t)(xtree_load(f, i) >> 2);
		const struct frame *fr = frame_of(k->memory, page_head(k->memory, pfn));
		const struct xnode *leaf = xtree_leaf(f, i);

		if (!pagecache_holds(k, f, i, pfn) || fr->refs < 1)
			return false;
		if (!f->shmem && xnode_has(leaf, i % XNODE_SLOTS, XTAG_DIRTY) != frame_has(fr, FR_DIRTY))
			return false;
		if (!f->shmem &&
		    xnode_has(leaf, i % XNODE_SLOTS, XTAG_WRITEBACK) != frame_has(fr, FR_WRITEBACK))
			return false;
	}
	return count[XTAG_PAGE] == f->nr_pages && count[XTAG_VALUE] == f->nr_shadows &&
	       count[XTAG_DIRTY] == f->nr_dirty && count[XTAG_WRITEBACK] == f->nr_writeback;
}

bool pagecache_is_valid(struct pagecache *pc)
{
	struct kernel *k = pc->k;
	int64_t pages = 0, shmem = 0, dirty = 0;
	uint64_t listed = 0;

	for (uint32_t i = 0; i < pc->n; i++) {
		struct file *f = pc->files[i];

		if (!file_is_valid(k, f))
			return false;
		pages += (int64_t)f->nr_pages;
		shmem += f->shmem ? (int64_t)f->nr_pages : 0;
		dirty += (int64_t)f->nr_dirty;
	}
	for (const struct xnode *n = pc->tree.shadow_first; n; n = n->next)
		listed++;
	return pages + memory_node_total(k->memory, NR_SWAPCACHE) ==
		       memory_node_total(k->memory, NR_FILE_PAGES) &&
	       shmem == memory_node_total(k->memory, NR_SHMEM) &&
	       dirty == memory_node_total(k->memory, NR_FILE_DIRTY) && listed == pc->tree.nr_shadow_nodes &&
	       (int64_t)listed == memory_node_total(k->memory, NR_WORKINGSET_NODES);
}
