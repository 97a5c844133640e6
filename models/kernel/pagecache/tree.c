/*
 * tree.c - the radix tree of a file: nodes of 64 slots, as high as its largest index needs.
 *
 * After lib/xarray.c xas_expand, xas_create, xas_store, xas_shrink, xas_delete_node, and mm/workingset.c
 * workingset_update_node (Linux 6.1). Each node carries bitmaps of what its slots hold or lead to, so the
 * next page, dirty page, page under write-back or value is found in O(height). A node is an object of the
 * slab cache radix_tree_node. Making a node may block, so the walk starts over after each one.
 *
 * Invariants: no leaf is empty but while it is being made; a tag is set in a node exactly when it is set in
 * the slot's child; a leaf of a file (not shmem) is on the shadow list exactly when it has shadows and no
 * page.
 *
 * Not modelled: an entry at index 0 alone, which Linux keeps without a node; the TOWRITE mark.
 */
#include "models/kernel/pagecache/tree.h"

/* ---- nodes ---- */

static struct xnode *node_new(struct xtree_pool *p, struct task *cur, struct file *f)
{
	struct kernel *k = cur->k;
	struct slab_cache *c = slab_cache_of(k->slab, SLAB_CACHE_RADIX_TREE_NODE);
	bool slow = false;
	slab_obj_t obj = slab_alloc(k->slab, c, cur, cur->exec->cpu,
				    GFP_NOWAIT | GFP_BIT_NOWARN | GFP_BIT_ACCOUNT, &slow);
	struct xnode *n;

	if (!obj)
		obj = slab_alloc(k->slab, c, cur, cur->exec->cpu, GFP_KERNEL_ACCOUNT, &slow);
	task_charge(cur, CYCLES_alloc, slow ? k->cost.slab_slow : k->cost.slab_alloc);
	if (!obj)
		return NULL;
	n = pool_get(&p->nodes);
	n->slab = obj;
	n->file = f;
	n->nid = (uint8_t)cur->exec->nid;
	return n;
}

static void node_doom(struct xtree_pool *p, struct xnode *n)
{
	n->next = p->doomed;
	p->doomed = n;
}

void xtree_reap(struct xtree_pool *p, struct task *cur)
{
	struct kernel *k = cur->k;

	while (p->doomed) {
		struct xnode *n = p->doomed;
		slab_obj_t obj = n->slab;

		p->doomed = n->next;
		pool_put(&p->nodes, n);
		task_charge(cur, CYCLES_alloc, k->cost.slab_alloc);
		slab_free(k->slab, slab_cache_of(k->slab, SLAB_CACHE_RADIX_TREE_NODE), cur, cur->exec->cpu,
			  obj);
	}
}

/* ---- the list of shadow nodes ---- */

static void list_add(struct xtree_pool *p, struct xnode *n)
{
	n->prev = p->shadow_last;
	n->next = NULL;
	*(p->shadow_last ? &p->shadow_last->next : &p->shadow_first) = n;
	p->shadow_last = n;
	n->listed = true;
	p->nr_shadow_nodes++;
	node_stat_add(&p->k->memory->node[n->nid], NR_WORKINGSET_NODES, 1);
}

static void list_del(struct xtree_pool *p, struct xnode *n)
{
	*(n->prev ? &n->prev->next : &p->shadow_first) = n->next;
	*(n->next ? &n->next->prev : &p->shadow_last) = n->prev;
	n->listed = false;
	p->nr_shadow_nodes--;
	node_stat_add(&p->k->memory->node[n->nid], NR_WORKINGSET_NODES, -1);
}

static void update_listed(struct xtree_pool *p, struct xnode *leaf)
{
	bool want = !leaf->file->shmem && leaf->tag[XTAG_VALUE] && !leaf->tag[XTAG_PAGE];

	if (want && !leaf->listed)
		list_add(p, leaf);
	else if (!want && leaf->listed)
		list_del(p, leaf);
}

/* ---- tags ---- */

static void tag_set(struct xnode *n, unsigned slot, enum xtag t)
{
	while (n && !xnode_has(n, slot, t)) {
		n->tag[t] |= UINT64_C(1) << slot;
		slot = n->offset;
		n = n->parent;
	}
}

static void tag_clear(struct xnode *n, unsigned slot, enum xtag t)
{
	while (n && xnode_has(n, slot, t)) {
		n->tag[t] &= ~(UINT64_C(1) << slot);
		if (n->tag[t])
			break;
		slot = n->offset;
		n = n->parent;
	}
}

void xtree_tag(struct xnode *leaf, uint64_t index, enum xtag t, bool on)
{
	(on ? tag_set : tag_clear)(leaf, (unsigned)(index % XNODE_SLOTS), t);
}

/* ---- shape ---- */

static bool covers(const struct file *f, uint64_t index)
{
	return f->height && index >> (XNODE_SHIFT * f->height) == 0;
}

struct xnode *xtree_leaf(const struct file *f, uint64_t index)
{
	struct xnode *n = f->root;

	if (!covers(f, index))
		return NULL;
	while (n && n->shift)
		n = n->child[index >> n->shift & (XNODE_SLOTS - 1)];
	return n;
}

/* Puts a new root above the tree, or the first one, high enough for index at once. */
static void grow(struct file *f, uint64_t index, struct xnode *n)
{
	struct xnode *old = f->root;

	if (!old) {
		f->height = 1;
		while (index >> (XNODE_SHIFT * f->height))
			f->height++;
	} else {
		n->child[0] = old;
		n->nr = 1;
		for (int t = 0; t < NR_XTAGS; t++)
			n->tag[t] = old->tag[t] != 0;
		old->parent = n;
		old->offset = 0;
		f->height++;
	}
	n->shift = (uint8_t)(XNODE_SHIFT * (f->height - 1));
	f->root = n;
}

/* Walks to the leaf of index; where a node is missing takes *spare. NULL: needs another one. */
static struct xnode *extend(struct file *f, uint64_t index, struct xnode **spare, struct xnode **deepest)
{
	struct xnode *n;

	*deepest = NULL;
	while (!covers(f, index)) {
		if (!*spare)
			return NULL;
		grow(f, index, *spare);
		*spare = NULL;
	}
	for (n = f->root; n->shift;) {
		unsigned slot = index >> n->shift & (XNODE_SLOTS - 1);

		*deepest = n;
		if (!n->child[slot]) {
			if (!*spare)
				return NULL;
			(*spare)->parent = n;
			(*spare)->offset = (uint8_t)slot;
			(*spare)->shift = (uint8_t)(n->shift - XNODE_SHIFT);
			n->child[slot] = *spare;
			n->nr++;
			*spare = NULL;
		}
		n = n->child[slot];
	}
	return n;
}

/* Frees n and its ancestors as far as they are empty, and roots that hold nothing but their first child. */
static void prune(struct xtree_pool *p, struct file *f, struct xnode *n)
{
	while (n && n->nr == 0) {
		struct xnode *parent = n->parent;

		if (parent) {
			parent->child[n->offset] = NULL;
			parent->nr--;
		} else {
			f->root = NULL;
			f->height = 0;
		}
		node_doom(p, n);
		n = parent;
	}
	while (f->root && f->root->shift && f->root->nr == 1 && f->root->child[0]) {
		struct xnode *old = f->root;

		f->root = old->child[0];
		f->root->parent = NULL;
		f->height--;
		node_doom(p, old);
	}
}

struct xnode *xtree_leaf_create(struct xtree_pool *p, struct task *cur, struct file *f, uint64_t index)
{
	struct xnode *spare = NULL, *deepest, *leaf;

	CHECK(index >> 52 == 0, "page index %#" PRIx64 " is past the largest file", index);
	while (!(leaf = extend(f, index, &spare, &deepest))) {
		spare = node_new(p, cur, f);
		if (!spare) {
			extend(f, index, &spare, &deepest);
			prune(p, f, deepest);
			return NULL;
		}
	}
	if (spare)
		node_doom(p, spare);
	return leaf;
}

void xtree_store(struct xtree_pool *p, struct xnode *leaf, uint64_t index, uint64_t word)
{
	unsigned slot = (unsigned)(index % XNODE_SLOTS), kind = word & 3;
	struct file *f = leaf->file;

	leaf->nr = (uint8_t)(leaf->nr + (word != 0) - (leaf->entry[slot] != 0));
	leaf->entry[slot] = word;
	tag_clear(leaf, slot, XTAG_DIRTY);
	tag_clear(leaf, slot, XTAG_WRITEBACK);
	(kind == ENTRY_PAGE ? tag_set : tag_clear)(leaf, slot, XTAG_PAGE);
	(kind > ENTRY_PAGE ? tag_set : tag_clear)(leaf, slot, XTAG_VALUE);
	update_listed(p, leaf);
	if (!leaf->nr)
		prune(p, f, leaf);
}

void xtree_delete_leaf(struct xtree_pool *p, struct xnode *leaf)
{
	for (unsigned i = 0; i < XNODE_SLOTS; i++) {
		leaf->entry[i] = 0;
		tag_clear(leaf, i, XTAG_VALUE);
	}
	leaf->nr = 0;
	update_listed(p, leaf);
	prune(p, leaf->file, leaf);
}

bool xtree_next(const struct file *f, uint64_t *index, enum xtag t)
{
	uint64_t at = *index;

	while (covers(f, at)) {
		const struct xnode *n = f->root;

		for (;;) {
			unsigned slot = at >> n->shift & (XNODE_SLOTS - 1);
			uint64_t bits = n->tag[t] >> slot;

			if (!bits) { /* on behind this node */
				at = ((at >> n->shift >> XNODE_SHIFT) + 1) << n->shift << XNODE_SHIFT;
				break;
			}
			if (!(bits & 1))
				at = ((at >> n->shift) + (uint64_t)__builtin_ctzll(bits)) << n->shift;
			if (!n->shift) {
				*index = at;
				return true;
			}
			n = n->child[at >> n->shift & (XNODE_SLOTS - 1)];
		}
	}
	return false;
}

static bool node_is_valid(const struct file *f, const struct xnode *n)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < XNODE_SLOTS; i++) {
		const struct xnode *c = n->shift ? n->child[i] : NULL;
		uint64_t e = n->shift ? 0 : n->entry[i];

		nr += c != NULL || e != 0;
		for (int t = 0; c && t < NR_XTAGS; t++)
			if (xnode_has(n, i, (enum xtag)t) != (c->tag[t] != 0))
				return false;
		if (c && (c->parent != n || c->offset != i || c->shift + XNODE_SHIFT != n->shift ||
			  !node_is_valid(f, c)))
			return false;
		if (!n->shift && (xnode_has(n, i, XTAG_PAGE) != ((e & 3) == ENTRY_PAGE) ||
				  xnode_has(n, i, XTAG_VALUE) != ((e & 3) > ENTRY_PAGE)))
			return false;
	}
	return nr == n->nr && nr > 0 && n->file == f &&
	       (n->shift || n->listed == (!f->shmem && n->tag[XTAG_VALUE] && !n->tag[XTAG_PAGE]));
}

bool xtree_is_valid(const struct file *f)
{
	if (!f->root)
		return f->height == 0;
	return f->root->shift == XNODE_SHIFT * (f->height - 1) && !f->root->parent &&
	       node_is_valid(f, f->root);
}
