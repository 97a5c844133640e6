/*
 * vma.c - the mappings of an address space.
 *
 * After mm/mmap.c of Linux 6.1: find_vma, __split_vma, vma_merge and the checks it is made of,
 * mmap_region's own merging, find_mergeable_anon_vma, unmapped_area_topdown, unmapped_area.
 *
 * Finding is O(log n), O(1) where the last answer fits, or the last one near the address; inserting and
 * removing move n pointers; a gap search looks at each mapping once. Invariants: sorted, page aligned, not
 * empty, no overlap, below USER_ADDRESS_END.
 *
 * Which VMAs merge is visible in /proc/PID/maps, so the asymmetry of the kernel is kept: a mapping that has
 * held anonymous pages is not merged into a neighbour that has not, and one that came with pages from a
 * parent process is not extended at all, unless both have the same anon_vma (is_mergeable_anon_vma).
 *
 * Not modelled: the maple tree and its nodes (memory and time), userfaultfd, anonymous names, drivers'
 * vm_ops.
 */
#include "models/kernel/vma.h"
#include "models/kernel/pgtable.h"
#include "sim/mem.h"

#include <string.h>

STAT_TABLE(vma, vma_stats, VMA_STATS);

#define MEMO_MIN   128 /* mappings, a power of two: fewer are found quickly without */
#define MEMO_SHIFT 21
#define MEMO_SLOTS 4 /* for each mapping that there is room for: some span several slots */

static inline size_t memo_slot(const struct vma_tree *t, vaddr_t addr)
{
	return addr >> MEMO_SHIFT & (MEMO_SLOTS * t->cap - 1);
}

void vma_tree_init(struct vma_tree *t)
{
	*t = (struct vma_tree){0};
}

void vma_tree_release(struct vma_tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		mem_free(t->v[i]);
	mem_free(t->v);
	mem_free(t->memo);
	vma_tree_init(t);
}

static inline bool holds(const struct vma_tree *t, size_t i, vaddr_t addr)
{
	return i < t->n && addr < t->v[i]->end && addr >= t->v[i]->start;
}

/* Index of the first VMA that ends above addr; n when there is none. */
static size_t index_of(struct vma_tree *t, vaddr_t addr)
{
	uint32_t *memo = t->memo ? &t->memo[memo_slot(t, addr)] : NULL;
	size_t lo = 0, hi = t->n;

	if (holds(t, t->hint, addr))
		return t->hint;
	if (memo && holds(t, *memo, addr))
		return t->hint = *memo;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (t->v[mid]->end > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	t->hint = lo;
	if (memo)
		*memo = (uint32_t)lo;
	return lo;
}

struct vma *vma_find(struct vma_tree *t, vaddr_t addr)
{
	size_t i = index_of(t, addr);

	return i < t->n ? t->v[i] : NULL;
}

void vma_prefetch(const struct vma_tree *t, vaddr_t addr)
{
	size_t i = t->memo ? t->memo[memo_slot(t, addr)] : t->hint;

	if (i < t->n)
		__builtin_prefetch(t->v[i]);
}

struct vma *vma_at(struct vma_tree *t, vaddr_t addr)
{
	struct vma *v = vma_find(t, addr);

	return v && v->start <= addr ? v : NULL;
}

struct vma *vma_find_intersection(struct vma_tree *t, vaddr_t start, vaddr_t end)
{
	struct vma *v = vma_find(t, start);

	return v && v->start < end ? v : NULL;
}

struct vma *vma_prev(struct vma_tree *t, const struct vma *v)
{
	size_t i = index_of(t, v->start);

	return i > 0 ? t->v[i - 1] : NULL;
}

struct vma *vma_next(struct vma_tree *t, const struct vma *v)
{
	size_t i = index_of(t, v->start);

	return i + 1 < t->n ? t->v[i + 1] : NULL;
}

void vma_insert(struct vma_tree *t, struct vma *v)
{
	size_t i = index_of(t, v->start);

	CHECK(v->start < v->end, "empty mapping at %" PRIx64, v->start);
	CHECK(i == t->n || t->v[i]->start >= v->end, "mapping at %" PRIx64 " overlaps one at %" PRIx64,
	      v->start, t->v[i]->start);
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16;
		struct vma **grown = mem_alloc_late(cap, sizeof *grown);

		if (t->n)
			memcpy(grown, t->v, t->n * sizeof *grown);
		mem_free(t->v);
		t->v = grown;
		t->cap = cap;
		mem_free(t->memo);
		t->memo = cap >= MEMO_MIN ? mem_alloc_late(MEMO_SLOTS * cap, sizeof *t->memo) : NULL;
	}
	memmove(t->v + i + 1, t->v + i, (t->n - i) * sizeof *t->v);
	t->v[i] = v;
	t->n++;
	t->hint = i;
}

/* The caller owns it again. */
static void take_out(struct vma_tree *t, struct vma *v)
{
	size_t i = index_of(t, v->start);

	CHECK(i < t->n && t->v[i] == v, "mapping at %" PRIx64 " is not in the tree", v->start);
	t->n--;
	memmove(t->v + i, t->v + i + 1, (t->n - i) * sizeof *t->v);
	t->hint = i;
}

size_t vma_detach(struct vma_tree *t, vaddr_t start, vaddr_t end, struct vma ***out)
{
	size_t from = index_of(t, start), to = from;

	while (to < t->n && t->v[to]->start < end)
		to++;
	*out = NULL;
	if (to == from)
		return 0;
	CHECK(t->v[from]->start >= start && t->v[to - 1]->end <= end,
	      "a mapping straddles %" PRIx64 "-%" PRIx64, start, end);
	*out = mem_alloc_late(to - from, sizeof **out);
	memcpy(*out, t->v + from, (to - from) * sizeof **out);
	memmove(t->v + from, t->v + to, (t->n - to) * sizeof *t->v);
	t->n -= to - from;
	t->hint = from;
	return to - from;
}

struct vma *vma_split(struct vma_tree *t, struct vma *v, vaddr_t addr)
{
	struct vma *upper = mem_alloc_late(1, sizeof *upper);

	CHECK(addr > v->start && addr < v->end && !(addr & ~PAGE_MASK), "splitting %" PRIx64 " at %" PRIx64,
	      v->start, addr);
	*upper = *v;
	upper->start = addr;
	upper->pgoff = vma_pgoff_at(v, addr);
	upper->stats = (struct vma_stats){0};
	upper->slab = 0;
	if (upper->policy)
		policy_get(upper->policy);
	v->end = addr;
	vma_insert(t, upper);
	return upper;
}

/* is_mergeable_anon_vma for a neighbour whose own chain of anon_vmas counts; a: the area's. */
static bool anon_mergeable(uint32_t a, const struct vma *neighbour)
{
	bool singular = neighbour->anon_vma && !neighbour->anon_cloned;

	return a == neighbour->anon_vma || ((!a || !neighbour->anon_vma) && singular);
}

static bool attributes_match(const struct vma *neighbour, const struct vma *area)
{
	return neighbour->flags == area->flags && neighbour->file == area->file &&
	       policy_equal(neighbour->policy, area->policy) && anon_mergeable(area->anon_vma, neighbour);
}

bool vma_can_merge_after(const struct vma *prev, const struct vma *area)
{
	return attributes_match(prev, area) && prev->pgoff + vma_pages(prev) == area->pgoff;
}

bool vma_can_merge_before(const struct vma *next, const struct vma *area)
{
	return attributes_match(next, area) && area->pgoff + vma_pages(area) == next->pgoff;
}

static void take_anon(struct vma *v, const struct vma *from)
{
	if (from && !v->anon_vma) {
		v->anon_vma = from->anon_vma;
		v->anon_cloned = from->anon_cloned;
	}
}

static void add_stats(struct vma *v, const struct vma *from)
{
	v->stats.min_flt += from->stats.min_flt;
	v->stats.maj_flt += from->stats.maj_flt;
}

/* Which neighbours may be extended over area. prev and next are set to NULL where they may not. */
static void choose_neighbours(const struct vma *area, bool fresh, struct vma **prev, struct vma **next)
{
	struct vma probe = *area;

	if (*next && ((*next)->start != area->end || !vma_can_merge_before(*next, area)))
		*next = NULL;
	if (fresh && *next) /* mmap_region asks whether prev can take what next has */
		probe.anon_vma = (*next)->anon_vma;
	if (*prev && ((*prev)->end != area->start || !vma_can_merge_after(*prev, &probe)))
		*prev = NULL;
	if (*prev && *next && (*prev)->anon_vma && (*next)->anon_vma &&
	    (*prev)->anon_vma != (*next)->anon_vma)
		*next = NULL;
}

/* Takes [area->start, area->end) from the VMA that holds it; true when nothing is left of that. */
static bool cut_mapped(struct vma *mid, const struct vma *area)
{
	if (mid->start == area->start && mid->end == area->end)
		return true;
	if (mid->start == area->start) {
		mid->pgoff = vma_pgoff_at(mid, area->end);
		mid->start = area->end;
	} else {
		mid->end = area->start;
	}
	return false;
}

struct vma *vma_merge(struct vma_tree *t, const struct vma *area, bool fresh, struct vma *gone[2])
{
	size_t i = index_of(t, area->start);
	struct vma *mid = i < t->n && t->v[i]->start < area->end ? t->v[i] : NULL;
	size_t after = mid && mid->end == area->end ? i + 1 : i;
	struct vma *prev = i > 0 ? t->v[i - 1] : NULL;
	struct vma *next = after < t->n && t->v[after] != mid ? t->v[after] : NULL;
	struct vma *survivor;
	unsigned n = 0;

	gone[0] = gone[1] = NULL;
	if (mid && mid->start < area->start)
		prev = NULL; /* the area does not begin at a border */
	choose_neighbours(area, fresh, &prev, &next);
	survivor = prev ? prev : next;
	if (!survivor)
		return NULL;
	if (mid) {
		if (cut_mapped(mid, area))
			gone[n++] = mid;
		take_anon(survivor, mid);
	}
	if (prev && next) {
		take_anon(prev, next);
		gone[n++] = next;
	}
	for (unsigned j = 0; j < n; j++) {
		take_out(t, gone[j]);
		add_stats(survivor, gone[j]);
	}
	if (prev) {
		prev->end = next ? next->end : area->end;
	} else {
		next->start = area->start;
		next->pgoff = area->pgoff;
	}
	return survivor;
}

/* anon_vma_compatible, for adjacent a before b. */
static bool anon_compatible(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && policy_equal(a->policy, b->policy) && a->file == b->file &&
	       !((a->flags ^ b->flags) & ~VM_ACCESS_FLAGS) && b->pgoff == vma_pgoff_at(a, b->start);
}

bool vma_prepare_anon(struct vma_tree *t, struct vma *v)
{
	struct vma *next, *prev;

	if (v->anon_vma)
		return false;
	next = vma_next(t, v);
	prev = vma_prev(t, v);
	if (next && next->anon_vma && !next->anon_cloned && anon_compatible(v, next)) {
		v->anon_vma = next->anon_vma;
		return false;
	}
	if (prev && prev->anon_vma && !prev->anon_cloned && anon_compatible(prev, v)) {
		v->anon_vma = prev->anon_vma;
		return false;
	}
	v->anon_vma = ++t->next_anon;
	return true;
}

vaddr_t vma_start_gap(const struct vma *v)
{
	if (!(v->flags & VM_GROWSDOWN))
		return v->start;
	return v->start > STACK_GUARD_GAP ? v->start - STACK_GUARD_GAP : 0;
}

static vaddr_t gap_top_down(struct vma_tree *t, uint64_t len, vaddr_t high, uint64_t mask)
{
	uint64_t need = len + mask;

	for (size_t i = index_of(t, high);; i--) {
		vaddr_t top = i < t->n ? MIN_OF(high, vma_start_gap(t->v[i])) : high;
		vaddr_t bottom = i > 0 ? MAX_OF(t->v[i - 1]->end, MMAP_MIN_ADDR) : MMAP_MIN_ADDR;

		if (top > bottom && top - bottom >= need)
			return (top - len) & ~mask;
		if (i == 0 || bottom == MMAP_MIN_ADDR)
			return 0;
	}
}

static vaddr_t gap_bottom_up(struct vma_tree *t, uint64_t len, vaddr_t low, uint64_t mask)
{
	uint64_t need = len + mask;

	for (size_t i = index_of(t, low);; i++) {
		vaddr_t top = i < t->n ? vma_start_gap(t->v[i]) : USER_ADDRESS_END;
		vaddr_t bottom = i > 0 ? MAX_OF(t->v[i - 1]->end, low) : low;

		if (top > bottom && top - bottom >= need)
			return (bottom + mask) & ~mask;
		if (i >= t->n)
			return 0;
	}
}

vaddr_t vma_find_gap(struct vma_tree *t, uint64_t len, vaddr_t low, vaddr_t high, uint64_t align)
{
	vaddr_t a;

	if (!len || len > USER_ADDRESS_END || align > USER_ADDRESS_END)
		return 0;
	a = gap_top_down(t, len, high, align - PAGE_SIZE); /* addresses are page aligned */
	return a ? a : gap_bottom_up(t, len, low, align - PAGE_SIZE);
}

bool vma_tree_is_valid(const struct vma_tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct vma *v = t->v[i];

		if (v->start >= v->end || v->end > USER_ADDRESS_END || (v->start | v->end) & ~PAGE_MASK)
			return false;
		if (i > 0 && t->v[i - 1]->end > v->start)
			return false;
	}
	return true;
}
