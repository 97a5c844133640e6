/*
 * rmap.c - reverse mappings.
 *
 * Counts after mm/rmap.c (page_add_anon_rmap, page_remove_rmap, page_remove_anon_compound_rmap) and
 * mm/huge_memory.c (deferred_split_huge_page) of Linux 6.1. A frame's rmap word is 0 (none), an inline
 * mapping (flag MAPPED_ONCE: address-space id in the upper 24 bits, virtual page number below) or a pointer
 * to a chain of nodes from a pool.
 *
 * Not modelled: anon_vma locking and its cost, the interval trees' order (a walk goes from the newest mapping
 * to the oldest).
 */
#include "models/kernel/rmap.h"

struct link {
	uint64_t mapping;
	struct link *next;
};

struct rmap {
	struct pool links;
};

#define VPN_BITS  40
#define VPN_MASK  ((UINT64_C(1) << VPN_BITS) - 1)
#define VPN_WHOLE (UINT64_C(1) << (VPN_BITS - 1)) /* maps a huge page by one entry */

static uint64_t mapping_of(const struct mm *mm, uint64_t vpn)
{
	return (uint64_t)mm->id << VPN_BITS | vpn;
}

static struct link *chain_of(const struct frame *f)
{
	return (struct link *)(uintptr_t)f->rmap;
}

static void set_chain(struct frame *f, struct link *l)
{
	f->rmap = (uint64_t)(uintptr_t)l;
}

struct rmap *rmap_new(void)
{
	struct rmap *r = mem_alloc(1, sizeof *r);

	pool_init(&r->links, sizeof(struct link), 4096);
	return r;
}

void rmap_free(struct rmap *r)
{
	pool_release(&r->links);
	mem_free(r);
}

/* ---- the chain of one frame ---- */

static void add_link(struct kernel *k, struct frame *f, uint64_t mapping)
{
	struct link *l = pool_get(&k->rmap->links);

	l->mapping = mapping;
	l->next = chain_of(f);
	set_chain(f, l);
}

static void link_add(struct kernel *k, struct frame *f, uint64_t mapping)
{
	if (!(f->flags & FR_MAPPED_ONCE) && !f->rmap) {
		f->rmap = mapping;
		f->flags |= FR_MAPPED_ONCE;
		return;
	}
	if (f->flags & FR_MAPPED_ONCE) {
		uint64_t first = f->rmap;

		f->flags &= ~(uint32_t)FR_MAPPED_ONCE;
		set_chain(f, NULL);
		add_link(k, f, first);
	}
	add_link(k, f, mapping);
}

static struct link **find_link(struct frame *f, uint64_t mapping, struct link **head)
{
	struct link **p = head;

	*head = chain_of(f);
	while (*p && (*p)->mapping != mapping)
		p = &(*p)->next;
	return p;
}

static void link_del(struct kernel *k, pfn_t pfn, struct frame *f, uint64_t mapping)
{
	struct link *head, **p, *gone;

	if (f->flags & FR_MAPPED_ONCE) {
		CHECK(f->rmap == mapping, "frame %u is mapped elsewhere", pfn);
		f->rmap = 0;
		f->flags &= ~(uint32_t)FR_MAPPED_ONCE;
		return;
	}
	p = find_link(f, mapping, &head);
	gone = *p;
	CHECK(gone, "frame %u is not mapped as %" PRIx64, pfn, mapping);
	*p = gone->next;
	pool_put(&k->rmap->links, gone);
	set_chain(f, head);
	if (!head->next) {
		uint64_t last = head->mapping;

		pool_put(&k->rmap->links, head);
		f->rmap = last;
		f->flags |= FR_MAPPED_ONCE;
	}
}

static void link_move(pfn_t pfn, struct frame *f, uint64_t from, uint64_t to)
{
	struct link *head, **p;

	if (f->flags & FR_MAPPED_ONCE) {
		CHECK(f->rmap == from, "frame %u is mapped elsewhere", pfn);
		f->rmap = to;
		return;
	}
	p = find_link(f, from, &head);
	CHECK(*p, "frame %u is not mapped as %" PRIx64, pfn, from);
	(*p)->mapping = to;
}

/* ---- counts ---- */

static void count_mapped(struct kernel *k, const struct frame *f, int64_t n)
{
	frame_stat_add(k->memory, f, f->flags & FR_ANON ? NR_ANON_MAPPED : NR_FILE_MAPPED, n);
}

/* deferred_split_huge_page */
static void defer_split(struct kernel *k, pfn_t head)
{
	struct frame *h = frame_of(k->memory, head);

	if (!(h->flags & FR_ANON) || h->flags & FR_SWAPCACHE || rmap_split_is_deferred(h))
		return;
	vm_event(k->memory, VMEV_THP_DEFERRED_SPLIT_PAGE, 1);
	h[TAIL_QUEUED].index = 1;
	frame_list_append(&k->memory->frames, &k->memory->deferred_split, head + TAIL_QUEUED);
}

void rmap_undefer_split(struct kernel *k, pfn_t head)
{
	struct frame *h = frame_of(k->memory, head);

	if (!rmap_split_is_deferred(h))
		return;
	h[TAIL_QUEUED].index = 0;
	frame_list_del(&k->memory->frames, &k->memory->deferred_split, head + TAIL_QUEUED);
}

/* An entry that maps one page of a compound page comes (1) or goes (-1). */
static void count_part(struct kernel *k, pfn_t pfn, int n)
{
	pfn_t head = frames_head(&k->memory->frames, pfn);
	struct frame *h = frame_of(k->memory, head);
	int32_t *count = pfn == head ? &h[TAIL_FIRST].refs : &frame_of(k->memory, pfn)->mapcount;

	h->mapcount += n;
	*count += n;
	if (*count != (n > 0 ? 1 : 0))
		return;
	h[TAIL_PARTS].refs += n;
	if (h[TAIL_WHOLE].refs)
		return;
	count_mapped(k, h, n);
	if (n < 0)
		defer_split(k, head);
}

static void count_page(struct kernel *k, pfn_t pfn, struct frame *f, int n)
{
	if (f->flags & (FR_HEAD | FR_TAIL)) {
		count_part(k, pfn, n);
		return;
	}
	f->mapcount += n;
	if (f->mapcount == (n > 0 ? 1 : 0))
		count_mapped(k, f, n);
}

/* An entry that maps all of a huge page comes or goes. */
static void count_whole(struct kernel *k, pfn_t head, int n)
{
	struct frame *h = frame_of(k->memory, head);
	int64_t nr = frame_nr_pages(h), alone = nr - h[TAIL_PARTS].refs;

	CHECK(h->flags & FR_HEAD && h->order > 1, "frame %u is no huge page", head);
	h->mapcount += n;
	h[TAIL_WHOLE].refs += n;
	if (h[TAIL_WHOLE].refs != (n > 0 ? 1 : 0))
		return;
	frame_stat_add(k->memory, h, h->flags & FR_ANON ? NR_ANON_THPS : NR_SHMEM_PMDMAPPED, n * nr);
	count_mapped(k, h, n * alone);
	if (n < 0 && alone && alone < nr)
		defer_split(k, head);
}

/* ---- public ---- */

void rmap_add(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t vpn)
{
	struct frame *f = frame_of(k->memory, pfn);

	DCHECK(vpn < VPN_WHOLE && mm->id < 1u << 24, "page %" PRIx64 " of mm %u", vpn, mm->id);
	link_add(k, f, mapping_of(mm, vpn));
	count_page(k, pfn, f, 1);
}

void rmap_remove(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t vpn)
{
	struct frame *f = frame_of(k->memory, pfn);

	CHECK(f->rmap || f->flags & FR_MAPPED_ONCE, "frame %u is not mapped", pfn);
	count_page(k, pfn, f, -1);
	link_del(k, pfn, f, mapping_of(mm, vpn));
}

void rmap_move(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t old_vpn, uint64_t new_vpn)
{
	link_move(pfn, frame_of(k->memory, pfn), mapping_of(mm, old_vpn), mapping_of(mm, new_vpn));
}

void rmap_add_huge(struct kernel *k, pfn_t head, struct mm *mm, uint64_t vpn)
{
	link_add(k, frame_of(k->memory, head), mapping_of(mm, vpn | VPN_WHOLE));
	count_whole(k, head, 1);
}

void rmap_remove_huge(struct kernel *k, pfn_t head, struct mm *mm, uint64_t vpn)
{
	count_whole(k, head, -1);
	link_del(k, head, frame_of(k->memory, head), mapping_of(mm, vpn | VPN_WHOLE));
}

void rmap_move_huge(struct kernel *k, pfn_t head, struct mm *mm, uint64_t old_vpn, uint64_t new_vpn)
{
	link_move(head, frame_of(k->memory, head), mapping_of(mm, old_vpn | VPN_WHOLE),
		  mapping_of(mm, new_vpn | VPN_WHOLE));
}

static bool visit(struct kernel *k, uint64_t mapping, bool (*fn)(struct mm *, uint64_t, void *), void *arg)
{
	return fn(mm_of(k->mms, (uint32_t)(mapping >> VPN_BITS)), mapping & VPN_MASK & ~VPN_WHOLE, arg);
}

static bool walk_chain(struct kernel *k, struct frame *f, bool (*fn)(struct mm *mm, uint64_t vpn, void *arg),
		       void *arg)
{
	struct link *l, *next;

	if (f->flags & FR_MAPPED_ONCE)
		return visit(k, f->rmap, fn, arg);
	for (l = chain_of(f); l; l = next) {
		uint64_t mapping = l->mapping;

		/* fn may remove this very mapping; with two left, the second link is freed by that and
		 * becomes inline */
		next = l->next;
		if (!visit(k, mapping, fn, arg))
			return false;
		if (next && (f->flags & FR_MAPPED_ONCE))
			return visit(k, f->rmap, fn, arg);
	}
	return true;
}

bool rmap_walk(struct kernel *k, pfn_t pfn, bool (*fn)(struct mm *mm, uint64_t vpn, void *arg), void *arg)
{
	struct frame *f = frame_of(k->memory, pfn);
	uint32_t n = f->mapcount && f->flags & FR_HEAD && f[TAIL_PARTS].refs ? frame_nr_pages(f) : 1;

	for (uint32_t i = 0; i < n; i++)
		if (!walk_chain(k, f + i, fn, arg))
			return false;
	return true;
}

struct mm *rmap_whole(struct kernel *k, pfn_t head, uint64_t *vpn)
{
	struct frame *h = frame_of(k->memory, head);
	uint64_t mapping = 0;

	if (!frame_whole_mapcount(h))
		return NULL;
	if (h->flags & FR_MAPPED_ONCE) {
		mapping = h->rmap;
	} else {
		const struct link *l = chain_of(h);

		while (!(l->mapping & VPN_WHOLE))
			l = l->next;
		mapping = l->mapping;
	}
	*vpn = mapping & VPN_MASK & ~VPN_WHOLE;
	return mm_of(k->mms, (uint32_t)(mapping >> VPN_BITS));
}
