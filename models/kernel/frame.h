/*
 * frame.h - page frames: one descriptor each (struct page of Linux), and lists of frames linked by frame
 * number.
 *
 * A list is circular-free and doubly linked through the descriptors; a frame is on at most one list (buddy,
 * per-CPU, LRU or isolated). All operations are O(1). Reference and mapping counts have Linux's meaning: a
 * mapping holds a reference, the page cache or swap cache holds one, an LRU batch or isolation holds one.
 */
#ifndef MODELS_KERNEL_FRAME_H
#define MODELS_KERNEL_FRAME_H

#include "sim/check.h"

#define FRAME_FLAGS(X)                                                                     \
	X(RESERVED, "kernel image, memory map: never allocated")                           \
	X(BUDDY, "first frame of a free block on a buddy list")                            \
	X(PCP, "free, on a per-CPU list")                                                  \
	X(LRU, "on an LRU list")                                                           \
	X(ACTIVE, "on, or to be put on, an active list")                                   \
	X(UNEVICTABLE, "on, or to be put on, the unevictable list")                        \
	X(MLOCKED, "locked by mlock")                                                      \
	X(REFERENCED, "second chance")                                                     \
	X(UPTODATE, "holds valid data")                                                    \
	X(DIRTY, "must be written before it is dropped")                                   \
	X(WRITEBACK, "being written")                                                      \
	X(LOCKED, "locked: under input, or held by a task")                                \
	X(RECLAIM, "to be reclaimed as soon as its write-back ends")                       \
	X(READAHEAD, "asynchronous readahead starts when this page is used")               \
	X(WORKINGSET, "was active before it was evicted")                                  \
	X(ANON, "anonymous memory")                                                        \
	X(SWAPBACKED, "goes to swap (anonymous or shared memory), not lazily freed")       \
	X(SWAPCACHE, "in the swap cache; private holds its swap entry")                    \
	X(EXCLUSIVE, "anonymous and certainly owned by one process: a write may reuse it") \
	X(SLAB, "belongs to a slab cache")                                                 \
	X(TABLE, "page-table page")                                                        \
	X(HEAD, "first frame of a compound page of 2^order frames")                        \
	X(TAIL, "inside a compound page")                                                  \
	X(MAPPED_ONCE, "rmap holds the one mapping itself")                                \
	X(ISOLATED, "taken off its LRU list by reclaim or migration")                      \
	X(BATCHED, "waits in a CPU's LRU batch")                                           \
	X(ZERO, "the shared zero page")

enum frame_flag_bit {
#define FRAME_FLAG_BIT(name, sentence) FR_BIT_##name,
	FRAME_FLAGS(FRAME_FLAG_BIT)
#undef FRAME_FLAG_BIT
		FR_NR_BITS
};
enum frame_flag {
#define FRAME_FLAG_VALUE(name, sentence) FR_##name = 1 << FR_BIT_##name,
	FRAME_FLAGS(FRAME_FLAG_VALUE)
#undef FRAME_FLAG_VALUE
};

#define FILE_NONE UINT32_MAX

struct frame {
	uint32_t flags; /* enum frame_flag */
	pfn_t next, prev;
	int32_t refs;
	int32_t mapcount;
	uint8_t nid, zid, order, migratetype; /* order of a buddy block or compound page */
	uint32_t file;                        /* page cache: number of the file, else FILE_NONE */
	uint32_t gen;         /* MGLRU: generation + 1 and tier, 0 when on no generation's list */
	uint64_t index;       /* page cache: page offset in the file; anonymous: virtual page number */
	uint64_t rmap;        /* mappings: see rmap.h */
	uint64_t private;     /* swap entry, slab, page-table page; a tail's head: by flags */
	uint32_t memcg;       /* the group it is charged to, 0 = none (memcg.h) */
	uint32_t last_cpupid; /* who took the last NUMA hinting fault on it, 0 = nobody (numa_balancing.h) */
};

struct frame_list {
	pfn_t first, last;
	uint64_t n;
};

struct frames {
	struct frame *f; /* indexed by pfn, 0 … end-1; frames of holes are reserved */
	pfn_t end;
};

static inline void frame_list_init(struct frame_list *l)
{
	l->first = l->last = PFN_NONE;
	l->n = 0;
}

static inline void frame_list_push(struct frames *m, struct frame_list *l, pfn_t pfn) /* at the head */
{
	struct frame *f = &m->f[pfn];

	f->prev = PFN_NONE;
	f->next = l->first;
	if (l->first != PFN_NONE)
		m->f[l->first].prev = pfn;
	else
		l->last = pfn;
	l->first = pfn;
	l->n++;
}

static inline void frame_list_append(struct frames *m, struct frame_list *l, pfn_t pfn) /* at the tail */
{
	struct frame *f = &m->f[pfn];

	f->next = PFN_NONE;
	f->prev = l->last;
	if (l->last != PFN_NONE)
		m->f[l->last].next = pfn;
	else
		l->first = pfn;
	l->last = pfn;
	l->n++;
}

/* Puts pfn in front of `at`, which is on the list. */
static inline void frame_list_insert(struct frames *m, struct frame_list *l, pfn_t at, pfn_t pfn)
{
	struct frame *f = &m->f[pfn], *a = &m->f[at];

	if (a->prev == PFN_NONE) {
		frame_list_push(m, l, pfn);
		return;
	}
	f->prev = a->prev;
	f->next = at;
	m->f[f->prev].next = pfn;
	a->prev = pfn;
	l->n++;
}

static inline void frame_list_del(struct frames *m, struct frame_list *l, pfn_t pfn)
{
	struct frame *f = &m->f[pfn];

	DCHECK(l->n > 0, "frame %u is on no list", pfn);
	if (f->prev != PFN_NONE)
		m->f[f->prev].next = f->next;
	else
		l->first = f->next;
	if (f->next != PFN_NONE)
		m->f[f->next].prev = f->prev;
	else
		l->last = f->prev;
	f->next = f->prev = PFN_NONE;
	l->n--;
}

static inline pfn_t frame_list_pop(struct frames *m,
				   struct frame_list *l) /* from the head; PFN_NONE when empty */
{
	pfn_t pfn = l->first;

	if (pfn != PFN_NONE)
		frame_list_del(m, l, pfn);
	return pfn;
}

/* Moves all of src behind dst's tail; src is empty afterwards. */
void frame_list_splice(struct frames *m, struct frame_list *dst, struct frame_list *src);

/* Table of `end` zeroed descriptors. Costs host memory only where a descriptor is written: whoever hands
 * frames out marks what is reserved and writes a descriptor before its first use (frame_reset). */
void frames_init(struct frames *m, pfn_t end);
void frames_release(struct frames *m);

/* A descriptor as the allocator hands it out: no flags, no references, on no list. */
static inline void frame_reset(struct frame *f, unsigned nid, unsigned zid)
{
	*f = (struct frame){.next = PFN_NONE,
			    .prev = PFN_NONE,
			    .nid = (uint8_t)nid,
			    .zid = (uint8_t)zid,
			    .file = FILE_NONE};
}

static inline bool frame_has(const struct frame *f, uint32_t flags)
{
	return (f->flags & flags) != 0;
}
/* Frames of the page: 2^order for the head of a compound page, else 1. */
static inline uint32_t frame_nr_pages(const struct frame *f)
{
	return f->flags & FR_HEAD ? 1u << f->order : 1u;
}
/* The frame that speaks for the page: the head of a compound page, else itself (compound_head). */
static inline pfn_t frames_head(const struct frames *m, pfn_t pfn)
{
	return m->f[pfn].flags & FR_TAIL ? (pfn_t)m->f[pfn].private : pfn;
}

/*
 * A mapped compound page (of four frames at least) counts its mappings apart: entries that map all of it, and
 * entries that map one of its pages. Tails are on no list and hold no reference (all are the head's), so
 * they keep what the head has no room for, as in Linux. The head's mapcount is the sum of all.
 */
#define TAIL_WHOLE 1 /* refs: entries that map the whole page (compound_mapcount) */
#define TAIL_FIRST 2 /* refs: entries that map the first page alone; the others' are in their mapcount */
#define TAIL_PARTS 3 /* refs: pages that have an entry of their own; index: pages on their way to swap */

static inline int32_t frame_whole_mapcount(const struct frame *head)
{
	return head->flags & FR_HEAD ? head[TAIL_WHOLE].refs : 0;
}
/* Entries that map this page, alone or within the whole (page_mapcount). */
static inline int32_t frames_mapcount(const struct frames *m, pfn_t pfn)
{
	const struct frame *f = &m->f[pfn], *h = &m->f[frames_head(m, pfn)];

	if (!(h->flags & FR_HEAD))
		return f->mapcount;
	return h->mapcount ? h[TAIL_WHOLE].refs + (f == h ? h[TAIL_FIRST].refs : f->mapcount) : 0;
}
/* How many of its pages are mapped. */
static inline uint32_t frame_mapped_pages(const struct frame *head)
{
	if (!head->mapcount)
		return 0;
	return head->flags & FR_HEAD && !head[TAIL_WHOLE].refs ? (uint32_t)head[TAIL_PARTS].refs
							       : frame_nr_pages(head);
}
/* On the file lists (folio_is_file_lru): not swap-backed. */
static inline bool frame_is_file_lru(const struct frame *f)
{
	return !(f->flags & FR_SWAPBACKED);
}

#endif
