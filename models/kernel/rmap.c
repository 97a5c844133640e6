/*
 * rmap.c - reverse mappings.
 *
 * A frame's rmap word is 0 (none), an inline mapping (flag MAPPED_ONCE: address-space id in the upper 24
 * bits, virtual page number below) or a pointer to a chain of nodes from a pool.
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

#define VPN_BITS 40
#define VPN_MASK ((UINT64_C(1) << VPN_BITS) - 1)

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

static void count_mapped(struct kernel *k, const struct frame *f, int64_t n)
{
	node_stat_add(frame_node(k->memory, f), f->flags & FR_ANON ? NR_ANON_MAPPED : NR_FILE_MAPPED, n);
}

static void add_link(struct kernel *k, struct frame *f, uint64_t mapping)
{
	struct link *l = pool_get(&k->rmap->links);

	l->mapping = mapping;
	l->next = chain_of(f);
	set_chain(f, l);
}

void rmap_add(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t vpn)
{
	struct frame *f = frame_of(k->memory, pfn);
	uint64_t mapping = mapping_of(mm, vpn);

	DCHECK(vpn <= VPN_MASK && mm->id < 1u << 24, "page %" PRIx64 " of mm %u", vpn, mm->id);
	if (f->mapcount++ == 0) {
		f->rmap = mapping;
		f->flags |= FR_MAPPED_ONCE;
		count_mapped(k, f, frame_nr_pages(f));
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

void rmap_remove(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t vpn)
{
	struct frame *f = frame_of(k->memory, pfn);
	uint64_t mapping = mapping_of(mm, vpn);
	struct link *head, **p, *gone;

	CHECK(f->mapcount > 0, "frame %u is not mapped", pfn);
	if (--f->mapcount == 0)
		count_mapped(k, f, -(int64_t)frame_nr_pages(f));
	if (f->flags & FR_MAPPED_ONCE) {
		CHECK(f->rmap == mapping, "frame %u is mapped elsewhere", pfn);
		f->rmap = 0;
		f->flags &= ~(uint32_t)FR_MAPPED_ONCE;
		return;
	}
	p = find_link(f, mapping, &head);
	gone = *p;
	CHECK(gone, "frame %u is not mapped by mm %u at page %" PRIx64, pfn, mm->id, vpn);
	*p = gone->next;
	pool_put(&k->rmap->links, gone);
	set_chain(f, head);
	if (f->mapcount == 1) {
		uint64_t last = head->mapping;

		pool_put(&k->rmap->links, head);
		f->rmap = last;
		f->flags |= FR_MAPPED_ONCE;
	}
}

void rmap_move(struct kernel *k, pfn_t pfn, struct mm *mm, uint64_t old_vpn, uint64_t new_vpn)
{
	struct frame *f = frame_of(k->memory, pfn);
	struct link *head, **p;

	if (f->flags & FR_MAPPED_ONCE) {
		CHECK(f->rmap == mapping_of(mm, old_vpn), "frame %u is mapped elsewhere", pfn);
		f->rmap = mapping_of(mm, new_vpn);
		return;
	}
	p = find_link(f, mapping_of(mm, old_vpn), &head);
	CHECK(*p, "frame %u is not mapped by mm %u at page %" PRIx64, pfn, mm->id, old_vpn);
	(*p)->mapping = mapping_of(mm, new_vpn);
}

static bool visit(struct kernel *k, uint64_t mapping, bool (*fn)(struct mm *, uint64_t, void *), void *arg)
{
	return fn(mm_of(k->mms, (uint32_t)(mapping >> VPN_BITS)), mapping & VPN_MASK, arg);
}

bool rmap_walk(struct kernel *k, pfn_t pfn, bool (*fn)(struct mm *mm, uint64_t vpn, void *arg), void *arg)
{
	struct frame *f = frame_of(k->memory, pfn);
	struct link *l, *next;

	if (f->flags & FR_MAPPED_ONCE)
		return visit(k, f->rmap, fn, arg);
	if (!f->mapcount)
		return true;
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
