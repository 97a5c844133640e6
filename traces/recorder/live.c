/*
 * live.c - the recorder's own encoder of "runs".
 *
 * A run is what a block word and the data words behind it say: one fetch and at most 31 data accesses (what
 * is beyond goes on as runs without a fetch). Its plan says which words come; it stays from block to
 * block of the file, so code is taken apart when it runs for the first time. After that a run costs a
 * comparison of its block word with that of the run which followed last time, and for each data access two
 * steps: do the upper bits (instruction, size, kind) agree with the plan, and is the address the one that
 * the slot guesses. No access is ever stored by itself.
 *
 * The same block may run in several ways (a conditional load, a store that crosses a page): each is a
 * plan of its own, all with the same block word, tried in turn. Of very many ways only the first
 * VARIANTS are looked through; what comes later gets a plan each time.
 *
 * Eight-byte pieces that adjoin and come from one instruction are one access, as in expand.c; whether two
 * accesses of eight bytes are two or one is decided when a way is met first.
 *
 * Memory: PLANS_MAX plans; when they are used up they are all forgotten with the block. O(1) an
 * access.
 */
#include "traces/recorder/live.h"

#include <stdlib.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/encodings/runs.h"
#include "traces/native.h"
#include "traces/recorder/shared.h"

#define VARIANTS     8
#define PLANS_MAX    (2 * RUNS_SHAPES_MAX)
#define TABLE_FIRST  4096u
#define LIMIT_FIRST  (BLOCK_ACCESSES_MAX / 8)
#define PIECES_MAX   16u /* of eight bytes in an access; (RUN_MAX - 1) * PIECES_MAX < LIVE_WORDS */
#define RECENT       2048u
#define NO_FETCH     UINT64_MAX /* what no block word is */
#define ADDRESS_BITS WORD_ADDR(UINT64_MAX)

/* Counts of one call, added up in one word: accesses, loads, stores; instructions above. */
#define TALLY_BITS 14
#define TALLY_MASK ((1u << TALLY_BITS) - 1)
_Static_assert(LIVE_TAKES < 1u << TALLY_BITS, "the counts of a call fit into a word");
_Static_assert(LIVE_TAKES *BLOCK_INSNS < UINT64_C(1) << (64 - 3 * TALLY_BITS), "so do the instructions");

/* A data access of a plan. */
struct live_slot {
	/* what its instruction did last in this block; then a zero, for guesses that do not ask for it */
	uint64_t did[SLOT_FIELDS + 1];
	uint64_t recent_mask;      /* of the guess to be tried */
	uint8_t field, code, near; /* code: of the guess, without a correction */
	int8_t back;
	/* what it is */
	uint8_t pieces;
	uint16_t reach; /* bit 12 of it and the offset in a page: it crosses into the next page, unlike
			   planned */
	uint64_t upper; /* its word without the address */
};

struct plan {
	uint64_t key;             /* the block word, or NO_FETCH */
	uint64_t tally;           /* what a run adds */
	uint32_t slot0, nr_words; /* words: the block word's too */
	uint32_t next[2];         /* plans that followed, the last one first */
	uint32_t chain;           /* one with the same hash, or 0 */
	uint32_t block, number;   /* in which block it was used last, as which shape */
	uint32_t fetch;           /* packed word */
	uint8_t n, nr_data;
	bool is_open; /* as long as a run gets: what comes next may be anything */
	uint8_t unused[13];
};
_Static_assert(sizeof(struct plan) == 64 && sizeof(struct live_slot) == 64, "a cache line each");

struct live {
	struct live_block pub;
	struct plan *plans; /* the first is none: it stands for what no plan is known of */
	struct live_slot *slots;
	uint32_t *metas; /* packed words of the slots */
	void *plans_base, *slots_base;
	uint32_t nr_plans, cap_plans, nr_slots, cap_slots;
	uint32_t *table, table_size; /* by hash of the key */
	/* the block */
	uint32_t limit; /* accesses */
	uint32_t block, n, nr_shapes, nr_runs, nr_data, nr_words;
	uint32_t last;   /* plan */
	uint32_t *shape; /* plans as they were used first */
	uint16_t *runs;
	uint8_t *codes;
	struct buf corrections;
	uint32_t at; /* in recent */
	uint64_t recent[LOOK_BACK + RECENT + RUN_MAX];
};

static inline uint32_t has_fetch(const struct plan *t)
{
	return t->key != NO_FETCH;
}

static uint32_t *bucket(const struct live *l, uint64_t key)
{
	return &l->table[hash_u64(key) & (l->table_size - 1)];
}

static void grow_table(struct live *l)
{
	mem_free(l->table);
	l->table_size = l->table_size ? 2 * l->table_size : TABLE_FIRST;
	l->table = mem_alloc_late(l->table_size, sizeof *l->table);
	for (uint32_t i = l->nr_plans; i-- > 1;) {
		uint32_t *b = bucket(l, l->plans[i].key);

		l->plans[i].chain = *b;
		*b = i;
	}
}

/* A table on cache lines, grown to *cap entries; *base is what to free. */
static void *grow_lines(void **base, const void *table, uint32_t *cap, size_t size)
{
	uint32_t more = MAX_OF(2 * *cap, 1024u);
	uint8_t *p = mem_alloc_late(more * size + 64, 1), *at = p + (-(uintptr_t)p & 63);

	if (*cap)
		memcpy(at, table, *cap * size);
	mem_free(*base);
	*base = p;
	*cap = more;
	return at;
}

static void make_room(struct live *l)
{
	if (l->nr_plans == l->cap_plans)
		l->plans = grow_lines(&l->plans_base, l->plans, &l->cap_plans, sizeof *l->plans);
	if (l->cap_slots - l->nr_slots < RUN_MAX) {
		l->slots = grow_lines(&l->slots_base, l->slots, &l->cap_slots, sizeof *l->slots);
		l->metas = mem_realloc(l->metas, l->cap_slots, sizeof *l->metas);
	}
	if (l->nr_plans >= l->table_size)
		grow_table(l);
}

/* ---- a run seen for the first time ---- */

/* The slots of the words behind the block word; false when the run may go on behind the words. */
static bool take_apart(struct live *l, struct plan *t, const uint64_t *words, size_t n, bool whole)
{
	uint32_t most = has_fetch(t) ? RUN_MAX - 1 : RUN_MAX;
	struct live_slot *s = l->slots + t->slot0 - 1;
	uint64_t last = 0;
	size_t i;

	for (i = 0; i < n && WORD_TYPE(words[i]) == WORD_DATA; i++, last = words[i - 1]) {
		uint64_t w = words[i];

		if (t->nr_data && w == last + 8 && IS_PIECE(w) && s->pieces < PIECES_MAX) {
			s->pieces++;
			continue;
		}
		if (t->nr_data == most) {
			t->is_open = true;
			break;
		}
		*++s = (struct live_slot){.pieces = 1, .upper = w & ~ADDRESS_BITS};
		s->did[SLOT_LAST] = WORD_ADDR(w); /* until the run is coded */
		t->nr_data++;
		t->tally += UINT64_C(1) << (1 + DATA_KIND(w)) * TALLY_BITS;
	}
	t->nr_words = (uint32_t)i + has_fetch(t);
	return i < n || whole;
}

static void describe(struct live *l, struct plan *t)
{
	if (has_fetch(t)) {
		t->fetch =
			meta_make(WORD_ADDR(t->key), ACCESS_FETCH, BLOCK_BYTES(t->key), BLOCK_COUNT(t->key));
		t->tally += (uint64_t)BLOCK_COUNT(t->key) << 3 * TALLY_BITS;
	}
	t->n = (uint8_t)(t->nr_data + has_fetch(t));
	t->tally += t->n;
	for (uint32_t i = t->slot0; i < t->slot0 + t->nr_data; i++) {
		struct live_slot *s = &l->slots[i];
		uint32_t size = DATA_SIZE(s->upper) * s->pieces;

		l->metas[i] = meta_make(s->did[SLOT_LAST], (enum access_kind)DATA_KIND(s->upper), size, 0);
		s->reach = (uint16_t)(size - 1 + (l->metas[i] & META_SPLIT ? PAGE_SIZE : 0));
	}
}

/* A new plan for the run that begins with key; 0 when the run may go on behind the words. */
static uint32_t learn(struct live *l, uint64_t key, const uint64_t *words, size_t n, bool whole)
{
	struct plan t = {.key = key, .block = l->block - 1};
	uint32_t *b;

	make_room(l);
	t.slot0 = l->nr_slots;
	if (!take_apart(l, &t, words + has_fetch(&t), n - has_fetch(&t), whole))
		return 0;
	describe(l, &t);
	b = bucket(l, key);
	t.chain = *b;
	*b = l->nr_plans;
	l->plans[l->nr_plans] = t;
	l->nr_slots += t.nr_data;
	return l->nr_plans++;
}

/* ---- which plan a run follows ---- */

/* The first word of each access; false when the pieces are not as planned. */
static bool join_pieces(const struct live *l, const struct plan *t, const uint64_t *words, uint64_t *joined)
{
	const struct live_slot *s = l->slots + t->slot0;

	for (uint32_t i = 0; i < t->nr_data; words += s[i++].pieces) {
		for (unsigned k = 1; k < s[i].pieces; k++)
			if (words[k] != words[0] + 8 * k)
				return false;
		joined[i] = words[0];
	}
	return true;
}

/*
 * Whether the words, from the block word on, are those of the plan, whatever follows; *data is then a word
 * for each data access, perhaps in `joined`.
 */
static inline bool agrees(const struct live *l, const struct plan *t, const uint64_t *words,
			  const uint64_t **data, uint64_t joined[RUN_MAX])
{
	const struct live_slot *s = l->slots + t->slot0, *end = s + t->nr_data;

	words += has_fetch(t);
	if (UNLIKELY(t->nr_words != t->n)) {
		if (!join_pieces(l, t, words, joined))
			return false;
		words = joined;
	}
	*data = words;
	for (; s < end; s++, words++) {
		uint64_t x = *words ^ s->upper;

		if (UNLIKELY((x & ~ADDRESS_BITS) | (((x & (PAGE_SIZE - 1)) + s->reach) & PAGE_SIZE)))
			return false;
	}
	return true;
}

/* Whether a run of the plan may end where it does. */
static bool ends(const struct plan *t, const uint64_t *words, size_t n, bool whole)
{
	if (t->nr_words < n)
		return t->is_open || WORD_TYPE(words[t->nr_words]) != WORD_DATA;
	return t->nr_words == n && (whole || t->is_open);
}

/* The plan of the run when it is not the one that followed last time; 0 when its end may not be there. */
static uint32_t find(struct live *l, const uint64_t *words, size_t n, bool whole, const uint64_t **data,
		     uint64_t joined[RUN_MAX])
{
	uint64_t key = WORD_TYPE(words[0]) == WORD_BLOCK ? words[0] : NO_FETCH;
	uint32_t i = l->plans[l->last].next[1], variants = 0;
	const struct plan *t = &l->plans[i];

	if (t->key != key || !ends(t, words, n, whole) || !agrees(l, t, words, data, joined)) {
		for (i = *bucket(l, key); i && variants < VARIANTS; i = t->chain) {
			t = &l->plans[i];
			if (t->key != key)
				continue;
			if (ends(t, words, n, whole) && agrees(l, t, words, data, joined))
				break;
			variants++;
		}
		if (!i || variants == VARIANTS)
			i = learn(l, key, words, n, whole);
		if (!i)
			return 0;
		agrees(l, &l->plans[i], words, data, joined);
	}
	l->plans[l->last].next[1] = l->plans[l->last].next[0];
	l->plans[l->last].next[0] = i;
	return i;
}

/* ---- a run ---- */

static inline void touch(struct live_block *b, uint64_t addr, uint32_t meta)
{
	b->touched[b->nr_touched] = addr;
	b->touched_meta[b->nr_touched++] = meta;
}

/* The block gets a shape. */
static void enter(struct live *l, struct plan *t)
{
	t->block = l->block;
	t->number = l->nr_shapes;
	l->shape[l->nr_shapes++] = (uint32_t)(t - l->plans);
	l->nr_words += t->n;
	for (uint32_t i = t->slot0; i < t->slot0 + t->nr_data; i++) {
		struct live_slot *s = &l->slots[i];

		memset(s->did, 0, sizeof s->did);
		s->recent_mask = 0;
		s->field = s->code = s->near = 0;
		s->back = -1;
	}
	if (has_fetch(t))
		touch(&l->pub, WORD_ADDR(t->key), t->fetch);
}

/* The guess was wrong: z, or that of a better guess, has to be written. */
static __attribute__((noinline)) void correct(struct live *l, struct live_slot *s, const uint64_t *recent,
					      uint64_t addr, uint64_t z, uint8_t *code)
{
	unsigned class;

	if (!runs_stays_near(&s->near, z)) {
		unsigned guess = runs_best_guess(s->did, recent, addr, &z);
		const struct guess_row *g = &guess_rows[guess];

		s->code = (uint8_t)(guess << 3);
		s->near = z ? RUNS_NEAR_TIMES : 0;
		s->field = g->slot_mask ? (uint8_t)g->field : SLOT_FIELDS;
		s->back = g->recent_mask ? (int8_t)g->back : -1;
		s->recent_mask = g->recent_mask;
	}
	class = correction_class(z);
	*code = (uint8_t)(s->code | class);
	put_u64(l->corrections.p + l->corrections.len, z);
	l->corrections.len += correction_rows[class].size;
}

/* Codes the data accesses of a run. */
static inline void code_data(struct live *l, const struct plan *t, const uint64_t *words, uint64_t *recent,
			     uint8_t *code)
{
	struct live_slot *s = l->slots + t->slot0, *end = s + t->nr_data;

	for (; s < end; s++, words++, recent++, code++) {
		uint64_t addr = WORD_ADDR(*words);
		uint64_t guess = s->did[s->field] + (recent[s->back] & s->recent_mask);

		*code = s->code;
		if (UNLIKELY(addr != guess))
			correct(l, s, recent, addr, zigzag(addr - guess), code);
		if (UNLIKELY((addr ^ s->did[SLOT_LAST]) >> PAGE_SHIFT))
			touch(&l->pub, addr, l->metas[s - l->slots]);
		slot_update(s->did, addr, recent[-1], recent[-2]);
		*recent = addr;
	}
}

static void take_note(struct live *l, uint64_t tally)
{
	l->pub.n += (uint32_t)(tally & TALLY_MASK);
	l->pub.nr_reads += (uint32_t)(tally >> TALLY_BITS & TALLY_MASK);
	l->pub.nr_writes += (uint32_t)(tally >> 2 * TALLY_BITS & TALLY_MASK);
	l->pub.instr += tally >> 3 * TALLY_BITS;
}

/* The plan of the run at w that is not the one which followed `last`; NULL: none, or its end is not there. */
static __attribute__((noinline)) struct plan *other_plan(struct live *l, const struct plan *last,
							 const uint64_t *w, size_t n, bool whole,
							 const uint64_t **data, uint64_t joined[RUN_MAX])
{
	uint32_t i;

	l->last = (uint32_t)(last - l->plans);
	if (WORD_TYPE(w[0]) > WORD_BLOCK)
		return NULL;
	i = find(l, w, n, whole, data, joined);
	return i ? &l->plans[i] : NULL;
}

/*
 * The runs that begin in words [w, stop), of those to `end` that are there; nothing follows them when they
 * are `whole`. Returns where it ended: before stop when a stamp or a record stands there or a run's end is
 * not there.
 */
static const uint64_t *take_runs(struct live *l, const uint64_t *w, const uint64_t *stop, const uint64_t *end,
				 bool whole)
{
	uint64_t tally = 0, joined[RUN_MAX], *recent = l->recent + LOOK_BACK + l->at;
	struct plan *last = &l->plans[l->last], *t;
	uint8_t *code = l->codes + l->nr_data;
	uint16_t *run = l->runs + l->nr_runs;
	const uint64_t *data = NULL;

	for (; w < stop; w += t->nr_words, last = t) {
		__builtin_prefetch(w + 64);
		t = &l->plans[last->next[0]];
		if (UNLIKELY(w[0] != t->key) || UNLIKELY(w + t->nr_words >= end) ||
		    UNLIKELY(WORD_TYPE(w[t->nr_words]) == WORD_DATA) ||
		    UNLIKELY(!agrees(l, t, w, &data, joined))) {
			t = other_plan(l, last, w, (size_t)(end - w), whole, &data, joined);
			last = &l->plans[l->last];
			if (!t)
				break;
		}
		if (UNLIKELY(t->block != l->block)) {
			if (l->nr_shapes == RUNS_SHAPES_MAX)
				break;
			enter(l, t);
		}
		*run++ = (uint16_t)t->number;
		if (UNLIKELY(recent > l->recent + RECENT)) {
			memmove(l->recent, recent - LOOK_BACK, LOOK_BACK * sizeof *recent);
			recent = l->recent + LOOK_BACK;
		}
		code_data(l, t, data, recent, code);
		code += t->nr_data;
		recent += t->nr_data;
		tally += t->tally;
	}
	l->last = (uint32_t)(last - l->plans);
	l->at = (uint32_t)(recent - l->recent - LOOK_BACK);
	l->nr_runs = (uint32_t)(run - l->runs);
	l->nr_data = (uint32_t)(code - l->codes);
	take_note(l, tally);
	return w;
}

/* The same of a ring: words around its end are put together first. */
static void take_ring(struct live *l, const uint64_t *ring, uint64_t *from, uint64_t end, bool whole)
{
	uint64_t around[2 * LIVE_WORDS];

	while (*from < end) {
		size_t n = (size_t)(end - *from), first = *from & (RING_WORDS - 1), left = RING_WORDS - first;
		size_t stop = n, used;
		const uint64_t *words = ring + first;

		if (n > left && left > LIVE_WORDS) {
			n = left;
			stop = left - LIVE_WORDS;
		} else if (n > left) {
			n = MIN_OF(n, 2 * (size_t)LIVE_WORDS);
			stop = left;
			memcpy(around, words, left * 8);
			memcpy(around + left, ring, (n - left) * 8);
			words = around;
		}
		used = (size_t)(take_runs(l, words, words + stop, words + n, whole && n == end - *from) -
				words);
		*from += used;
		if (used < stop)
			break;
	}
}

void live_take(struct live_block *b, const uint64_t *ring, uint64_t *from, uint64_t end, bool whole)
{
	struct live *l = (struct live *)b;
	uint64_t most = MIN_OF((uint64_t)(l->limit - l->n), (uint64_t)LIVE_TAKES);

	buf_room(&l->corrections, LIVE_TAKES * 8);
	if (most < end - *from) {
		end = *from + most;
		whole = false;
	}
	take_ring(l, ring, from, end, whole);
	l->n += b->n;
	b->bytes = l->nr_plans * sizeof *l->plans + l->nr_slots * sizeof *l->slots + l->n * 3 +
		   l->corrections.cap;
	b->full = l->n > l->limit - LIVE_WORDS || l->nr_shapes == RUNS_SHAPES_MAX;
}

/* ---- the block's end ---- */

struct place {
	uint64_t base;
	uint32_t number, plan;
};

static int by_base(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->base != y->base)
		return x->base < y->base ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* Numbers the shapes by address, which makes their differences small; one without a fetch has any address. */
static struct place *sort_shapes(struct live *l)
{
	struct place *places = mem_alloc_late(l->nr_shapes, sizeof *places);
	uint16_t *number = mem_alloc_late(l->nr_shapes, sizeof *number);

	for (uint32_t i = 0; i < l->nr_shapes; i++)
		places[i] = (struct place){WORD_ADDR(l->plans[l->shape[i]].key), i, l->shape[i]};
	qsort(places, l->nr_shapes, sizeof *places, by_base);
	for (uint32_t i = 0; i < l->nr_shapes; i++)
		number[places[i].number] = (uint16_t)i;
	for (uint32_t i = 0; i < l->nr_runs; i++)
		l->runs[i] = number[l->runs[i]];
	mem_free(number);
	return places;
}

static void write_block(struct live *l, const struct place *places, struct buf *out)
{
	uint8_t *lengths = mem_alloc_late(l->nr_shapes, sizeof *lengths);
	uint64_t *bases = mem_alloc_late(l->nr_shapes, sizeof *bases);
	uint32_t *words = mem_alloc_late(l->nr_words, sizeof *words), n = 0;
	struct runs_parts parts = {
		l->nr_shapes, l->nr_runs, l->nr_data, l->nr_words,      lengths,           words,
		bases,        l->runs,    l->codes,   l->corrections.p, l->corrections.len};

	for (uint32_t i = 0; i < l->nr_shapes; i++) {
		const struct plan *t = &l->plans[places[i].plan];

		lengths[i] = t->n;
		bases[i] = places[i].base;
		if (has_fetch(t))
			words[n++] = t->fetch;
		for (uint32_t k = 0; k < t->nr_data; k++)
			words[n++] = l->metas[t->slot0 + k];
	}
	runs_write(&parts, out);
	mem_free(lengths);
	mem_free(bases);
	mem_free(words);
}

/* All plans. */
static void forget(struct live *l)
{
	l->nr_plans = 1;
	l->nr_slots = l->last = 0;
	l->plans[0] = (struct plan){.key = NO_FETCH};
	memset(l->table, 0, l->table_size * sizeof *l->table);
}

static void begin_block(struct live *l)
{
	l->block++;
	l->n = l->nr_shapes = l->nr_runs = l->nr_data = l->nr_words = l->at = 0;
	l->corrections.len = 0;
	l->pub.full = false;
	memset(l->recent, 0, LOOK_BACK * sizeof *l->recent);
	if (l->nr_plans > PLANS_MAX - RUNS_SHAPES_MAX)
		forget(l);
}

/* How long a block may get; it has to be empty. */
static void set_limit(struct live *l, uint32_t limit)
{
	l->limit = limit;
	l->shape = mem_realloc(l->shape, MIN_OF(limit, RUNS_SHAPES_MAX), sizeof *l->shape);
	l->runs = mem_realloc(l->runs, limit, sizeof *l->runs);
	l->codes = mem_realloc(l->codes, limit, sizeof *l->codes);
}

/* The next block is longer: a thread's first accesses are soon in the file, most blocks are long. */
static uint8_t live_finish(struct live_block *b, struct buf *out)
{
	struct live *l = (struct live *)b;
	struct place *places = sort_shapes(l);

	write_block(l, places, out);
	mem_free(places);
	if (l->limit < BLOCK_ACCESSES_MAX)
		set_limit(l, 2 * l->limit);
	begin_block(l);
	return runs_encoding.number;
}

static void live_free(struct live_block *b)
{
	struct live *l = (struct live *)b;

	mem_free(l->plans_base);
	mem_free(l->slots_base);
	mem_free(l->metas);
	mem_free(l->table);
	mem_free(l->shape);
	mem_free(l->runs);
	mem_free(l->codes);
	buf_release(&l->corrections);
	mem_free(l);
}

static const struct live_block_ops live_ops = {.finish = live_finish, .free = live_free};

struct live_block *live_new(void)
{
	struct live *l = mem_alloc_late(1, sizeof *l);

	l->pub.ops = &live_ops;
	set_limit(l, LIMIT_FIRST);
	make_room(l);
	forget(l);
	begin_block(l);
	return &l->pub;
}
