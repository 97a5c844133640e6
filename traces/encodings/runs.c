/*
 * runs.c - encoding "runs": traces with instruction fetches, by instruction.
 *
 * A run is a stretch of code without a jump: fetches that follow each other in memory, with the data accesses
 * between them. Its shape (address of the first fetch, the packed words of all its accesses) is written once
 * a block; the block is then a list of shape numbers, and only data addresses are left to say. Each data
 * access of a shape is a slot, which remembers what its instruction did last. A data address is coded as one
 * byte (which guess, how many bytes of correction) and its correction:
 *
 *   guess 0  the slot's last address plus its last step (arrays)
 *   guess 1  the slot's last address (globals, loops over locals)
 *   guess 2  the data access before this one, plus what it was apart last time (stack frames, fields)
 *   guess 3  the same with the data access two before
 *   guess 4+ the data address 1, 2, 3 … accesses before (what no slot knows yet)
 *
 * Decoding goes by chunks of runs, in three loops without a branch on what was guessed or how long a run is:
 * words and fetch addresses are copied with wide moves, and where each data access goes is noted; codes
 * become guesses and, where there are any, corrections; then the data addresses are filled in. Most runs as
 * the recorder writes them (one fetch in front, at most PLAIN words) need one cache line of tables; of a run
 * with fetches between its data the places are looked up.
 *
 * Layout: see FORMAT.md, "runs". Shapes are numbered by address: their differences are small then, and
 * shapes that overlap are near each other for zstd to see.
 */
#include "traces/encodings/runs.h"

#include <emmintrin.h>

const struct correction_row correction_rows[8] = {
	{0, 0},          {0xff, 1},         {0xffff, 2},         {0xffffff, 3},
	{0xffffffff, 4}, {0xffffffffff, 5}, {0xffffffffffff, 6}, {UINT64_MAX, 8},
};

#define ALL UINT64_MAX
#define GUESS_BACK(k)           \
	{                       \
		0, ALL, 0, -(k) \
	}
const struct guess_row guess_rows[32] = {
	{ALL, 0, 0, -16}, {ALL, 0, 1, -16}, {ALL, ALL, 2, -1}, {ALL, ALL, 3, -2}, GUESS_BACK(1),
	GUESS_BACK(2),    GUESS_BACK(3),    GUESS_BACK(4),     GUESS_BACK(5),     GUESS_BACK(6),
	GUESS_BACK(7),    GUESS_BACK(8),    GUESS_BACK(9),     GUESS_BACK(10),    GUESS_BACK(11),
	GUESS_BACK(12),   GUESS_BACK(13),   GUESS_BACK(14),    GUESS_BACK(15),    GUESS_BACK(16),
	GUESS_BACK(17),   GUESS_BACK(18),   GUESS_BACK(19),    GUESS_BACK(20),    GUESS_BACK(21),
	GUESS_BACK(22),   GUESS_BACK(23),   GUESS_BACK(24),    GUESS_BACK(25),    GUESS_BACK(26),
	GUESS_BACK(27),   GUESS_BACK(28),
};

static bool runs_suits(const struct encode_input *in)
{
	uint32_t fetches = 0;

	for (uint32_t i = 0; i < in->n; i++)
		fetches += META_KIND(in->meta[i]) == ACCESS_FETCH;
	return fetches >= in->n / 16 + 1;
}

#define WIDE       4   /* entries that are always copied together */
#define CHUNK_RUNS 256 /* that are decoded at a time: what is noted of them stays in first-level caches */
#define CHUNK_DATA (CHUNK_RUNS * RUN_MAX)
#define PLAIN      8  /* words of a run that the tables' first cache line holds */
#define GROUP      64 /* codes taken together */
_Static_assert(GROUP * 8 <= ENCODING_SLACK, "the corrections of a group are compared with their end once");
_Static_assert(RUN_MAX + WIDE <= ENCODING_BACK, "a run may be written behind the block's end");

/* Where a data access is: its slot, in bytes, and its place among the accesses. */
struct whereabouts {
	uint32_t slot, place;
};

/* A shape unpacked. */
struct unpacked {
	uint64_t base;           /* first fetch */
	struct whereabouts data; /* the first one */
	uint32_t word0, slot0;   /* where its accesses begin in the pools */
	uint8_t n, nr_data;
	bool is_plain; /* no word but the first is a fetch */
	bool is_long;  /* more than PLAIN words, or not plain */
	uint8_t unused[4];
	uint32_t words[PLAIN];
};
_Static_assert(sizeof(struct unpacked) == 64, "a cache line");

/* Some runs. */
struct chunk {
	uint64_t data[LOOK_BACK + CHUNK_DATA + GROUP]; /* addresses before; corrections, then addresses */
	struct whereabouts at[CHUNK_DATA + RUN_MAX];
	uint8_t guesses[CHUNK_DATA + GROUP]; /* offsets of rows */
};

struct runs_decoder {
	uint32_t nr_shapes, nr_runs, nr_data, nr_words;
	struct unpacked *shapes;
	struct slot *slots;
	uint32_t *words;
	/* of shapes that are not plain */
	uint64_t *fetch;             /* address of each access, fetches only */
	struct whereabouts *slot_at; /* of each slot: in bytes, which access of its shape */
	struct chunk *chunk;
};

/* The next n entries of size bytes, aligned to 64. */
static void *cut(uint8_t **p, size_t n, size_t size)
{
	uint8_t *at = *p;

	*p += (n * size + 63) & ~(size_t)63;
	return at;
}

/* Cuts the tables out of one scratch buffer; sizes are bounded by the number of accesses (checked before). */
static void lay_out(struct runs_decoder *d, struct buf *tables)
{
	size_t words = d->nr_words + RUN_MAX, shapes = d->nr_shapes;
	size_t bytes = shapes * sizeof *d->shapes + sizeof *d->chunk +
		       words * (sizeof *d->slots + sizeof *d->fetch + sizeof *d->words + sizeof *d->slot_at);
	uint8_t *p = buf_reset(tables, bytes + 64 * 8);

	p += -(uintptr_t)p & 63;
	d->shapes = cut(&p, shapes, sizeof *d->shapes);
	d->chunk = cut(&p, 1, sizeof *d->chunk);
	d->slots = cut(&p, words, sizeof *d->slots);
	d->fetch = cut(&p, words, sizeof *d->fetch);
	d->words = cut(&p, words, sizeof *d->words);
	d->slot_at = cut(&p, words, sizeof *d->slot_at);
	memset(d->chunk->data, 0, LOOK_BACK * sizeof *d->chunk->data);
}

/* Fills fetch and slot_at of a shape. */
static void unpack_mixed(const struct runs_decoder *d, const struct unpacked *s)
{
	const uint32_t *words = d->words + s->word0;
	uint64_t *fetch = d->fetch + s->word0, base = s->base;
	struct whereabouts *at = d->slot_at + s->slot0;
	uint32_t slot = s->data.slot;

	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t is_fetch = words[i] >> 1 & 1;

		fetch[i] = base;
		base += META_SIZE(words[i]) & (0 - is_fetch);
		*at = (struct whereabouts){slot, i};
		at += 1 - is_fetch;
		slot += (1 - is_fetch) * (uint32_t)sizeof *d->slots;
	}
}

/* The shape of n words at word0, which are there. */
static void unpack_shape(const struct runs_decoder *d, struct unpacked *s, uint32_t word0, uint32_t slot0,
			 uint8_t n, uint64_t base)
{
	const uint32_t *words = d->words + word0;
	uint32_t first = words[0] >> 1 & 1, fetches = 0;

	for (uint32_t i = 0; i < n; i++)
		fetches += words[i] >> 1 & 1;
	s->base = base;
	s->data = (struct whereabouts){slot0 * (uint32_t)sizeof *d->slots, first};
	s->word0 = word0;
	s->slot0 = slot0;
	s->n = n;
	s->nr_data = (uint8_t)(n - fetches);
	s->is_plain = fetches == first;
	s->is_long = n > PLAIN || !s->is_plain;
	memcpy(s->words, words, sizeof s->words);
	if (!s->is_plain)
		unpack_mixed(d, s);
}

static bool unpack_shapes(struct runs_decoder *d, const struct decode_output *out, struct cursor *c)
{
	const uint8_t *lengths = cursor_take(c, d->nr_shapes);
	uint32_t word0 = 0, slot0 = 0, sum = 0;
	uint64_t base = 0;

	if (!lengths)
		return false;
	for (uint32_t i = 0; i < d->nr_shapes; i++) {
		if (lengths[i] - 1u >= RUN_MAX)
			return false;
		sum += lengths[i];
	}
	if (sum != d->nr_words)
		return false;
	lay_out(d, out->tables);
	if (!words_decode(c, d->nr_words, d->words))
		return false;
	memset(d->words + d->nr_words, 0, RUN_MAX * sizeof *d->words);
	for (uint32_t i = 0; i < d->nr_shapes; i++) {
		base += unzigzag(cursor_varint(c));
		unpack_shape(d, &d->shapes[i], word0, slot0, lengths[i], base);
		word0 += lengths[i];
		slot0 += d->shapes[i].nr_data;
	}
	memset(d->slots, 0, slot0 * sizeof *d->slots);
	return !c->bad;
}

/* Where decoding stands. */
struct runs_cursor {
	uint64_t *addr, *addr_end;
	uint32_t *meta;
	const uint8_t *low, *high, *end; /* run numbers that are left, end: of the low bytes */
	const uint8_t *codes, *codes_end, *fix, *fix_end;
};

/* Whereabouts of data accesses 2k and 2k + 1 behind the first of a plain run, which is twice in `first`. */
static inline void store_two(struct whereabouts *at, __m128i first, int k)
{
	const int size = sizeof(struct slot);

	_mm_storeu_si128(
		(__m128i *)(void *)(at + 2 * k),
		_mm_add_epi32(first, _mm_set_epi32(2 * k + 1, (2 * k + 1) * size, 2 * k, 2 * k * size)));
}

/* What one cache line does not say of a run, `place` accesses behind the chunk's first. */
static inline void expand_long(const struct runs_decoder *d, const struct unpacked *s, uint64_t *addr,
			       uint32_t *meta, struct whereabouts *at, uint32_t place)
{
	const uint32_t *words = d->words + s->word0;
	const uint64_t *fetch = d->fetch + s->word0;
	const struct whereabouts *from = d->slot_at + s->slot0;

	for (uint32_t i = PLAIN; i < s->n; i += WIDE)
		memcpy(meta + i, words + i, WIDE * sizeof *meta);
	if (s->is_plain) {
		for (uint32_t i = PLAIN; i < s->nr_data; i++)
			at[i] = (struct whereabouts){at->slot + i * (uint32_t)sizeof *d->slots,
						     at->place + i};
		return;
	}
	for (uint32_t i = 0; i < s->n; i += WIDE)
		memcpy(addr + i, fetch + i, WIDE * sizeof *addr);
	for (uint32_t i = 0; i < s->nr_data; i += 2) {
		__m128i two = _mm_loadu_si128((const __m128i *)(const void *)(from + i));

		two = _mm_add_epi32(two, _mm_set_epi32((int)place, 0, (int)place, 0));
		_mm_storeu_si128((__m128i *)(void *)(at + i), two);
	}
}

/*
 * Writes words and fetch addresses of the next runs, and lists their data accesses: which slot, where to,
 * counted from the first of them. Of each run as much is written as a cache line says, and the surplus is
 * overwritten by the next; arrays have room for one run too many. Returns the number of data accesses, or a
 * negative number.
 */
static __attribute__((noinline)) int64_t expand_runs(const struct runs_decoder *d, struct runs_cursor *c,
						     uint32_t runs)
{
	const uint8_t *low = c->low, *high = c->high, *stop = low + runs;
	const struct unpacked *shapes = d->shapes;
	uint32_t nr_shapes = d->nr_shapes, pos = 0;
	uint64_t *restrict addr = c->addr;
	uint32_t *restrict meta = c->meta;
	struct whereabouts *restrict at = d->chunk->at;

	for (; low < stop; low++, high++) {
		uint32_t number = *low | (uint32_t)*high << 8;
		const struct unpacked *s = &shapes[number];
		uint64_t first;
		__m128i v;

		if (UNLIKELY(number >= nr_shapes))
			return -1;
		memcpy(meta + pos, s->words, sizeof s->words);
		addr[pos] = s->base;
		memcpy(&first, &s->data, sizeof first);
		v = _mm_cvtsi64_si128((int64_t)(first + ((uint64_t)pos << 32)));
		v = _mm_unpacklo_epi64(v, v);
		for (int k = 0; k < PLAIN / 2; k++)
			store_two(at, v, k);
		if (UNLIKELY(s->is_long))
			expand_long(d, s, addr + pos, meta + pos, at, pos);
		pos += s->n;
		at += s->nr_data;
	}
	c->low = low;
	c->high = high;
	c->addr = addr + pos;
	c->meta = meta + pos;
	return at - d->chunk->at;
}

/* GROUP codes: their guesses as offsets of rows; returns which of them have a correction, a bit each. */
static inline uint64_t split_codes(const uint8_t *codes, uint8_t *guesses)
{
	const __m128i upper = _mm_set1_epi8((char)0xf8);
	uint64_t none = 0;

	for (unsigned k = 0; k < GROUP; k += 16) {
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)(codes + k));
		__m128i g = _mm_and_si128(c, upper);

		_mm_storeu_si128((__m128i *)(void *)(guesses + k), g);
		none |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(c, g)) << k;
	}
	return ~none;
}

/*
 * Takes the next n codes apart; data becomes their corrections. Those are followed by slack, so one check for
 * many suffices.
 */
static __attribute__((noinline)) bool take_codes(struct chunk *w, struct runs_cursor *cur, uint32_t n)
{
	const uint8_t *codes = cur->codes, *fix = cur->fix;

	for (uint32_t i = 0; i < n; i += GROUP) {
		uint64_t some = split_codes(codes + i, w->guesses + i), *data = w->data + LOOK_BACK + i;

		for (unsigned k = 0; k < GROUP; k += 2)
			_mm_storeu_si128((__m128i *)(void *)(data + k), _mm_setzero_si128());
		if (n - i < GROUP)
			some &= (UINT64_C(1) << (n - i)) - 1;
		for (; some; some &= some - 1) {
			unsigned k = (unsigned)__builtin_ctzll(some);
			const struct correction_row *c = &correction_rows[codes[i + k] & 7];

			data[k] = unzigzag(get_u64(fix) & c->mask);
			fix += c->size;
		}
		if (UNLIKELY(fix > cur->fix_end))
			return false;
	}
	cur->codes = codes + n;
	cur->fix = fix;
	return true;
}

static inline void slot_store(uint64_t *to, __m128i v)
{
	_mm_storeu_si128((__m128i *)(void *)to, v);
}

/* Fills in n data addresses of the accesses from addr on: guess plus correction; slots as slot_update does.
 */
static __attribute__((noinline)) void fill_data(const struct runs_decoder *d, uint64_t *restrict addr,
						uint32_t n)
{
	struct chunk *w = d->chunk;
	const struct whereabouts *at = w->at;
	const uint8_t *guess = w->guesses, *end = guess + n;
	uint64_t *data = w->data + LOOK_BACK;
	uint8_t *slots = (uint8_t *)d->slots;
	__m128i before = _mm_set_epi64x((int64_t)data[-2], (int64_t)data[-1]);

	for (; guess < end; guess++, at++, data++) {
		const struct guess_row *g = (const void *)((const uint8_t *)guess_rows + *guess * 4u);
		struct slot *s = (void *)(slots + at->slot);
		uint64_t a = guess_of(g, s, data) + *data;
		__m128i low = _mm_cvtsi64_si128((int64_t)a), both = _mm_unpacklo_epi64(low, low);
		__m128i last = _mm_loadl_epi64((const __m128i *)(const void *)&s->v[SLOT_LAST]);

		slot_store(&s->v[SLOT_NEXT], _mm_add_epi64(_mm_sub_epi64(both, last), low));
		slot_store(&s->v[SLOT_APART1], _mm_sub_epi64(both, before));
		before = _mm_unpacklo_epi64(low, before);
		*data = a;
		addr[at->place] = a;
	}
	memmove(w->data, w->data + n, LOOK_BACK * sizeof *w->data);
}

/* The next runs: so many that only the last one of the block could be too long for its room. */
static bool decode_chunk(const struct runs_decoder *d, struct runs_cursor *c)
{
	uint64_t *addr = c->addr;
	ptrdiff_t runs = MIN_OF(c->end - c->low, (ptrdiff_t)CHUNK_RUNS),
		  room = (c->addr_end - addr) / RUN_MAX;
	int64_t n = expand_runs(d, c, (uint32_t)MIN_OF(runs, MAX_OF(room, (ptrdiff_t)1)));

	if (n < 0 || c->addr > c->addr_end || n > c->codes_end - c->codes ||
	    !take_codes(d->chunk, c, (uint32_t)n))
		return false;
	fill_data(d, addr, (uint32_t)n);
	return true;
}

static bool runs_decode(const uint8_t *raw, size_t raw_size, const struct decode_output *out)
{
	struct cursor c = cursor_of(raw, raw_size);
	struct runs_decoder d = {0};
	const uint8_t *numbers, *codes;
	struct runs_cursor cur;

	d.nr_shapes = cursor_u32(&c);
	d.nr_runs = cursor_u32(&c);
	d.nr_data = cursor_u32(&c);
	d.nr_words = cursor_u32(&c);
	if (c.bad || d.nr_shapes > out->n || d.nr_runs > out->n || d.nr_data > out->n ||
	    d.nr_words > out->n || !unpack_shapes(&d, out, &c))
		return false;
	numbers = cursor_take(&c, (size_t)d.nr_runs * 2);
	codes = cursor_take(&c, d.nr_data);
	if (!numbers || !codes)
		return false;
	cur = (struct runs_cursor){.addr = out->addr,
				   .addr_end = out->addr + out->n,
				   .meta = out->meta,
				   .low = numbers,
				   .high = numbers + d.nr_runs,
				   .end = numbers + d.nr_runs,
				   .codes = codes,
				   .codes_end = codes + d.nr_data,
				   .fix = c.p,
				   .fix_end = c.end};
	while (cur.low < cur.end)
		if (!decode_chunk(&d, &cur))
			return false;
	return cur.addr == cur.addr_end && cur.codes == cur.codes_end && cur.fix == cur.fix_end;
}

const struct block_encoding_ops runs_encoding = {
	.name = "runs",
	.number = 2,
	.sentence = "stretches of code once a block, data addresses guessed by instruction",
	.suits = runs_suits,
	.encode = runs_encode,
	.decode = runs_decode,
};
