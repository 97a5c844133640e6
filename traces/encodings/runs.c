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
 * Decoding copies words and fetch addresses of some hundred runs with wide moves, then fills in their data
 * addresses in one loop without a branch on what was guessed.
 *
 * Layout: see FORMAT.md, "runs". Shapes are numbered by address: their differences are small then, and
 * shapes that overlap are near each other for zstd to see.
 */
#include "traces/encodings/runs.h"

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

/* A shape unpacked: where its accesses begin in the pools. */
struct unpacked {
	uint32_t word0, slot0;
	uint32_t n, nr_data;
};

/* A data access: its slot, its place among the accesses. */
struct whereabouts {
	uint32_t slot, place;
};

struct runs_decoder {
	uint32_t nr_shapes, nr_runs, nr_data, nr_words;
	struct unpacked *shapes;
	struct slot *slots;
	uint64_t *fetch;  /* address of each access of each shape, fetches only */
	uint64_t *recent; /* LOOK_BACK before, zeros at first, then the data addresses of a few runs */
	uint32_t *words;
	struct whereabouts *slot_at; /* of each slot: its number, which access of its shape */
	struct whereabouts *data; /* of each data access of a few runs: its slot, its place in the output */
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
	size_t words = d->nr_words + RUN_MAX, shapes = d->nr_shapes,
	       data = CHUNK_RUNS * RUN_MAX + RUN_MAX + LOOK_BACK;
	size_t bytes = shapes * sizeof *d->shapes +
		       words * (sizeof *d->slots + sizeof *d->fetch + sizeof *d->words + sizeof *d->slot_at) +
		       data * (sizeof *d->recent + sizeof *d->data);
	uint8_t *p = buf_reset(tables, bytes + 64 * 8);

	p += -(uintptr_t)p & 63;
	d->slots = cut(&p, words, sizeof *d->slots);
	d->fetch = cut(&p, words, sizeof *d->fetch);
	d->recent = cut(&p, data, sizeof *d->recent);
	d->words = cut(&p, words, sizeof *d->words);
	d->slot_at = cut(&p, words, sizeof *d->slot_at);
	d->data = cut(&p, data, sizeof *d->data);
	d->shapes = cut(&p, shapes, sizeof *d->shapes);
	memset(d->recent, 0, LOOK_BACK * sizeof *d->recent);
	d->recent += LOOK_BACK;
}

/* Fills fetch and slot_at of one shape whose words are there; returns the number of its data accesses. */
static uint32_t unpack_shape(const struct runs_decoder *d, uint32_t word0, uint32_t slot0, uint32_t n,
			     uint64_t base)
{
	const uint32_t *words = d->words + word0;
	uint64_t *fetch = d->fetch + word0;
	struct whereabouts *at = d->slot_at + slot0;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t is_fetch = words[i] >> 1 & 1;

		fetch[i] = base;
		base += META_SIZE(words[i]) & (0 - is_fetch);
		at[nr] = (struct whereabouts){slot0 + nr, i};
		nr += 1 - is_fetch;
	}
	return nr;
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
	for (uint32_t i = 0; i < d->nr_shapes; i++) {
		uint32_t nr;

		base += unzigzag(cursor_varint(c));
		nr = unpack_shape(d, word0, slot0, lengths[i], base);
		d->shapes[i] = (struct unpacked){word0, slot0, lengths[i], nr};
		word0 += lengths[i];
		slot0 += nr;
	}
	memset(d->slots, 0, slot0 * sizeof *d->slots);
	return !c->bad;
}

/* Four numbers at once; compiles to one SSE2 register. */
typedef uint32_t four __attribute__((vector_size(16)));

/* Whereabouts of two data accesses of a run, `place` in the output. */
static inline void store_two(struct whereabouts *to, const struct whereabouts *from, uint32_t place)
{
	four v;

	memcpy(&v, from, sizeof v);
	v += (four){0, place, 0, place};
	memcpy(to, &v, sizeof v);
}

/* Where decoding stands. */
struct runs_cursor {
	uint64_t *addr, *addr_end;
	uint32_t *meta;
	const uint8_t *low, *high, *end; /* run numbers that are left, end: of the low bytes */
	const uint8_t *codes, *codes_end, *fix, *fix_end;
};

static inline void copy_wide(const struct runs_decoder *d, uint32_t from, uint64_t *addr, uint32_t *meta)
{
	memcpy(addr, d->fetch + from, WIDE * sizeof *addr);
	memcpy(meta, d->words + from, WIDE * sizeof *meta);
}

/*
 * Writes words and fetch addresses of the next runs, and lists their data accesses: which slot, where to,
 * counted from the first of them. Whole groups are copied and the surplus is overwritten by the next run, so
 * the length of most runs costs no branch; arrays have room for one run too many. Returns the number of data
 * accesses, or a negative number.
 */
static int64_t expand_runs(const struct runs_decoder *dec, struct runs_cursor *c)
{
	const struct runs_decoder d = *dec;
	const uint8_t *low = c->low, *high = c->high;
	uint32_t runs = (uint32_t)MIN_OF((ptrdiff_t)CHUNK_RUNS, c->end - low);
	int32_t room = (int32_t)MIN_OF((ptrdiff_t)CHUNK_RUNS * RUN_MAX, c->addr_end - c->addr);
	int32_t data_room = (int32_t)MIN_OF((ptrdiff_t)CHUNK_RUNS * RUN_MAX, c->codes_end - c->codes);
	uint64_t *restrict addr = c->addr;
	uint32_t *restrict meta = c->meta;
	uint32_t pos = 0, nr = 0;

	for (uint32_t k = 0; k < runs; k++) {
		uint32_t number = low[k] | (uint32_t)high[k] << 8;
		struct unpacked s;

		if (UNLIKELY(number >= d.nr_shapes))
			return -1;
		s = d.shapes[number];
		copy_wide(&d, s.word0, addr + pos, meta + pos);
		for (uint32_t i = WIDE; UNLIKELY(i < s.n); i += WIDE)
			copy_wide(&d, s.word0 + i, addr + pos + i, meta + pos + i);
		store_two(d.data + nr, d.slot_at + s.slot0, pos);
		store_two(d.data + nr + 2, d.slot_at + s.slot0 + 2, pos);
		for (uint32_t i = 4; UNLIKELY(i < s.nr_data); i += 2)
			store_two(d.data + nr + i, d.slot_at + s.slot0 + i, pos);
		pos += s.n;
		nr += s.nr_data;
		if (UNLIKELY(((room - (int32_t)pos) | (data_room - (int32_t)nr)) < 0))
			return -1;
	}
	c->low = low + runs;
	c->high = high + runs;
	c->addr = addr + pos;
	c->meta = meta + pos;
	return nr;
}

/*
 * Fills in n data addresses of the accesses from addr on. The corrections are followed by slack, so one check
 * for many suffices.
 */
static bool fill_data(const struct runs_decoder *d, struct runs_cursor *cur, uint64_t *restrict addr,
		      int64_t n)
{
	const struct whereabouts *at = d->data;
	uint64_t *restrict recent = d->recent, first = recent[-1], second = recent[-2];
	struct slot *restrict slots = d->slots;
	const uint8_t *codes = cur->codes, *end = codes + n, *fix = cur->fix;

	while (codes < end) {
		const uint8_t *stop = codes + MIN_OF(end - codes, (ptrdiff_t)ENCODING_UNCHECKED);

		for (; codes < stop; codes++) {
			const struct guess_row *g = &guess_rows[*codes >> 3];
			const struct correction_row *c = &correction_rows[*codes & 7];
			struct slot *s = &slots[at->slot];
			uint64_t a = guess_of(g, s, recent) + unzigzag(get_u64(fix) & c->mask);

			fix += c->size;
			slot_update(s->v, a, first, second);
			second = first;
			first = *recent++ = a;
			addr[at++->place] = a;
		}
		if (UNLIKELY(fix > cur->fix_end))
			return false;
	}
	memmove(d->recent - LOOK_BACK, recent - LOOK_BACK, LOOK_BACK * sizeof *recent);
	cur->codes = codes;
	cur->fix = fix;
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
	while (cur.low < cur.end) {
		uint64_t *addr = cur.addr;
		int64_t n = expand_runs(&d, &cur);

		if (n < 0 || !fill_data(&d, &cur, addr, n))
			return false;
	}
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
