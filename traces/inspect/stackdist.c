/*
 * stackdist.c - stack distances after Mattson, Gecsei, Slutz and Traiger, "Evaluation techniques for storage
 * hierarchies", IBM Systems Journal 9(2), 1970, with an order-statistics structure in place of the list.
 *
 * The FRONT topmost pages are an array. Each page below has a slot; slots are given out by growing number
 * when a page sinks below the front, so a larger slot is a page nearer to the top. A bit for each slot says
 * whether it is in use, and a Fenwick tree counts the bits of each group of 512 slots (one cache line), so
 * the pages above a slot are a prefix sum and eight counted words. When the slots run out, the ones in use
 * are renumbered from 0 on.
 *
 * Cost: a touch of the front O(FRONT); any other O(log n) with one look-up in a hash table. Renumbering is
 * O(n) after at least n touches: amortised O(1). Memory: 16 bytes an entry of the hash table (filled to a
 * third at least, once it has grown), 1/8 byte a slot, 2 to 4 slots a page.
 *
 * Invariants: a page is in the front or has a slot, never both; the tree's sums are the counts of the bits.
 */
#include "traces/inspect/stackdist.h"

#include <string.h>

#include "sim/check.h"
#include "sim/map.h"
#include "sim/mem.h"

#define FRONT       8
#define GROUP_SHIFT 9 /* slots of a group of the tree */
#define GROUP_WORDS (1u << (GROUP_SHIFT - 6))
#define NEAR_WORDS  16 /* a slot so near to the newest one is counted without the tree */

/* The hostile build makes it small. */
#ifndef STACKDIST_FIRST_SLOTS
#define STACKDIST_FIRST_SLOTS 4096u
#endif
#define FIRST_TABLE 64u

#define SLOT_UNUSED UINT32_MAX
#define SLOT_FRONT  (UINT32_MAX - 1)

struct top {
	uint64_t page;
	uint32_t pid, at; /* at: index in the table */
};

struct entry {
	uint64_t page;
	uint32_t pid, slot; /* SLOT_UNUSED: no page here */
};

struct stackdist {
	struct top front[FRONT]; /* the top first */
	uint32_t nr_front;
	struct entry *table;
	uint64_t cap, len;
	uint64_t *bits;
	uint32_t *tree; /* 1-based */
	uint32_t nr_slots, next_slot, in_slots;
};

static unsigned popcount(uint64_t x)
{
	x -= x >> 1 & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)((x * UINT64_C(0x0101010101010101)) >> 56);
}

static uint32_t nr_groups(const struct stackdist *s)
{
	return (s->nr_slots + (1u << GROUP_SHIFT) - 1) >> GROUP_SHIFT;
}

static void make_slots(struct stackdist *s, uint32_t n)
{
	mem_free(s->bits);
	mem_free(s->tree);
	s->nr_slots = n;
	s->bits = mem_alloc_late((size_t)nr_groups(s) * GROUP_WORDS, sizeof *s->bits);
	s->tree = mem_alloc_late((size_t)nr_groups(s) + 1, sizeof *s->tree);
}

static void make_table(struct stackdist *s, uint64_t cap)
{
	s->cap = cap;
	s->table = mem_alloc_late(cap, sizeof *s->table);
	for (uint64_t i = 0; i < cap; i++)
		s->table[i].slot = SLOT_UNUSED;
}

struct stackdist *stackdist_new(void)
{
	struct stackdist *s = mem_alloc_late(1, sizeof *s);

	make_slots(s, STACKDIST_FIRST_SLOTS);
	make_table(s, FIRST_TABLE);
	return s;
}

void stackdist_free(struct stackdist *s)
{
	if (!s)
		return;
	mem_free(s->table);
	mem_free(s->bits);
	mem_free(s->tree);
	mem_free(s);
}

uint64_t stackdist_len(const struct stackdist *s)
{
	return s->len;
}

static uint64_t home(const struct stackdist *s, uint32_t pid, uint64_t page)
{
	return hash_u64(page + pid * UINT64_C(0x9e3779b97f4a7c15)) & (s->cap - 1);
}

/* Where the page is or would be. */
static uint64_t find(const struct stackdist *s, uint32_t pid, uint64_t page)
{
	uint64_t i = home(s, pid, page);

	while (s->table[i].slot != SLOT_UNUSED && (s->table[i].page != page || s->table[i].pid != pid))
		i = (i + 1) & (s->cap - 1);
	return i;
}

static void tree_add(struct stackdist *s, uint32_t slot, uint32_t change)
{
	for (uint32_t i = (slot >> GROUP_SHIFT) + 1; i <= nr_groups(s); i += i & -i)
		s->tree[i] += change;
}

/* Used slots in the groups before that of slot. */
static uint32_t tree_before(const struct stackdist *s, uint32_t slot)
{
	uint32_t sum = 0;

	for (uint32_t i = slot >> GROUP_SHIFT; i; i &= i - 1)
		sum += s->tree[i];
	return sum;
}

/* Used slots below and including slot. */
static uint32_t rank_of(const struct stackdist *s, uint32_t slot)
{
	uint32_t word = slot >> 6, sum = tree_before(s, slot);

	for (uint32_t w = word & ~(GROUP_WORDS - 1); w < word; w++)
		sum += popcount(s->bits[w]);
	return sum + popcount(s->bits[word] & (UINT64_MAX >> (63 - (slot & 63))));
}

/* Pages with a larger slot. */
static uint32_t above(const struct stackdist *s, uint32_t slot)
{
	uint32_t word = slot >> 6, last = (s->next_slot - 1) >> 6, sum;

	if (last - word >= NEAR_WORDS)
		return s->in_slots - rank_of(s, slot);
	sum = popcount(s->bits[word] & ~(UINT64_MAX >> (63 - (slot & 63))));
	for (uint32_t w = word + 1; w <= last; w++)
		sum += popcount(s->bits[w]);
	return sum;
}

static void set_slot(struct stackdist *s, uint32_t slot)
{
	s->bits[slot >> 6] |= UINT64_C(1) << (slot & 63);
	s->in_slots++;
	tree_add(s, slot, 1);
}

static void clear_slot(struct stackdist *s, uint32_t slot)
{
	s->bits[slot >> 6] &= ~(UINT64_C(1) << (slot & 63));
	s->in_slots--;
	tree_add(s, slot, UINT32_MAX);
}

/* The used slots become 0 … in_slots - 1; there are more of them when more than half were in use. */
static void renumber(struct stackdist *s)
{
	uint32_t n = s->in_slots;

	for (uint64_t i = 0; i < s->cap; i++)
		if (s->table[i].slot < SLOT_FRONT)
			s->table[i].slot = rank_of(s, s->table[i].slot) - 1;
	CHECK(s->len <= STACKDIST_PAGES_MAX, "a stack of %" PRIu64 " pages", s->len);
	make_slots(s, n > s->nr_slots / 2 ? s->nr_slots * 2 : s->nr_slots);
	s->in_slots = 0;
	for (s->next_slot = 0; s->next_slot < n; s->next_slot++)
		set_slot(s, s->next_slot);
}

static void grow_table(struct stackdist *s)
{
	struct entry *old = s->table;
	uint64_t n = s->cap;

	make_table(s, n * 2);
	for (uint64_t i = 0; i < n; i++)
		if (old[i].slot != SLOT_UNUSED)
			s->table[find(s, old[i].pid, old[i].page)] = old[i];
	for (uint32_t f = 0; f < s->nr_front; f++)
		s->front[f].at = (uint32_t)find(s, s->front[f].pid, s->front[f].page);
	mem_free(old);
}

/* Puts the page of table[i] on top; the last one of a full front sinks into the slots. */
static void push(struct stackdist *s, uint32_t i)
{
	if (s->nr_front == FRONT) {
		if (s->next_slot == s->nr_slots)
			renumber(s);
		s->table[s->front[FRONT - 1].at].slot = s->next_slot;
		set_slot(s, s->next_slot++);
		s->nr_front--;
	}
	memmove(s->front + 1, s->front, s->nr_front * sizeof *s->front);
	s->front[0] = (struct top){s->table[i].page, s->table[i].pid, i};
	s->nr_front++;
	s->table[i].slot = SLOT_FRONT;
}

uint64_t stackdist_touch(struct stackdist *s, uint32_t pid, uint64_t page)
{
	uint64_t depth, i;

	for (uint32_t f = 0; f < s->nr_front; f++) {
		struct top t = s->front[f];

		if (t.page != page || t.pid != pid)
			continue;
		memmove(s->front + 1, s->front, f * sizeof *s->front);
		s->front[0] = t;
		return f + 1;
	}
	i = find(s, pid, page);
	if (s->table[i].slot != SLOT_UNUSED) {
		depth = (uint64_t)s->nr_front + above(s, s->table[i].slot) + 1;
		clear_slot(s, s->table[i].slot);
		push(s, (uint32_t)i);
		return depth;
	}
	if (3 * (s->len + 1) > 2 * s->cap) {
		grow_table(s);
		i = find(s, pid, page);
	}
	s->table[i] = (struct entry){page, pid, SLOT_FRONT};
	s->len++;
	push(s, (uint32_t)i);
	return 0;
}

/* Moves table[from] to the hole at `to`. */
static void move_entry(struct stackdist *s, uint64_t to, uint64_t from)
{
	s->table[to] = s->table[from];
	for (uint32_t f = 0; f < s->nr_front; f++)
		if (s->front[f].at == from)
			s->front[f].at = (uint32_t)to;
}

bool stackdist_remove(struct stackdist *s, uint32_t pid, uint64_t page)
{
	uint64_t hole = find(s, pid, page), mask = s->cap - 1;
	uint32_t f = 0;

	if (s->table[hole].slot == SLOT_UNUSED)
		return false;
	if (s->table[hole].slot == SLOT_FRONT) {
		while (s->front[f].at != hole)
			f++;
		s->nr_front--;
		memmove(s->front + f, s->front + f + 1, (s->nr_front - f) * sizeof *s->front);
	} else {
		clear_slot(s, s->table[hole].slot);
	}
	for (uint64_t i = (hole + 1) & mask; s->table[i].slot != SLOT_UNUSED; i = (i + 1) & mask)
		if (((i - home(s, s->table[i].pid, s->table[i].page)) & mask) >= ((i - hole) & mask)) {
			move_entry(s, hole, i);
			hole = i;
		}
	s->table[hole].slot = SLOT_UNUSED;
	s->len--;
	return true;
}

bool stackdist_is_valid(const struct stackdist *s)
{
	uint64_t used = 0, fronts = 0, bits = 0;

	for (uint64_t i = 0; i < s->cap; i++) {
		const struct entry *en = &s->table[i];

		if (en->slot == SLOT_UNUSED)
			continue;
		if (find(s, en->pid, en->page) != i)
			return false;
		fronts += en->slot == SLOT_FRONT;
		used += en->slot != SLOT_FRONT;
		if (en->slot != SLOT_FRONT &&
		    (en->slot >= s->next_slot || !(s->bits[en->slot >> 6] >> (en->slot & 63) & 1)))
			return false;
	}
	for (uint32_t g = 0; g < nr_groups(s); g++) {
		if (tree_before(s, g << GROUP_SHIFT) != bits)
			return false;
		for (uint32_t w = 0; w < GROUP_WORDS; w++)
			bits += popcount(s->bits[g * GROUP_WORDS + w]);
	}
	for (uint32_t f = 0; f < s->nr_front; f++)
		if (s->table[s->front[f].at].slot != SLOT_FRONT)
			return false;
	return fronts == s->nr_front && used == s->in_slots && bits == used && fronts + used == s->len;
}
