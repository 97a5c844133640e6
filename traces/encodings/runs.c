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
 * Decoding first copies words and fetch addresses of all runs with wide moves, then fills in the data
 * addresses in one loop without a branch on what was guessed.
 *
 * Layout: see FORMAT.md, "runs". Shapes are numbered by address: their differences are small then, and
 * shapes that overlap are near each other for zstd to see.
 */
#include "traces/encodings/encoding.h"

#include <stdlib.h>
#include <xxhash.h>

#include "sim/mem.h"

#define RUN_MAX   32 /* accesses */
#define RUN_CUT   16 /* a run as long as this ends at its next fetch */
#define GUESSES   SLOT_FIELDS
#define RECENT    12 /* data addresses looked back at, at most 28 (five bits of guess) */
#define SHAPE_MAX 65536

/* The lengths of corrections that three bits of a code name. */
static const struct correction_row {
	uint64_t mask, size;
} correction_rows[8] = {
	{0, 0},          {0xff, 1},         {0xffff, 2},         {0xffffff, 3},
	{0xffffffff, 4}, {0xffffffffff, 5}, {0xffffffffffff, 6}, {UINT64_MAX, 8},
};

/* What an instruction's data access did last. */
enum slot_field {
	SLOT_NEXT,   /* last address plus last step */
	SLOT_LAST,   /* last address */
	SLOT_APART1, /* its distance to the data access before it */
	SLOT_APART2, /* … to the one before that */
	SLOT_FIELDS
};
struct slot {
	uint64_t v[SLOT_FIELDS];
};

static inline void slot_update(struct slot *s, uint64_t addr, const uint64_t *recent)
{
	s->v[SLOT_NEXT] = 2 * addr - s->v[SLOT_LAST];
	s->v[SLOT_LAST] = addr;
	s->v[SLOT_APART1] = addr - recent[-1];
	s->v[SLOT_APART2] = addr - recent[-2];
}

/* ---- encoding ---- */

struct shape {
	uint64_t base;  /* first fetch, 0 when there is none */
	uint32_t at;    /* of an occurrence in the input */
	uint32_t slot0; /* first slot */
	uint8_t n;
};

struct runs_encoder {
	const struct encode_input *in;
	struct shape *shapes;
	uint32_t nr_shapes, nr_runs, nr_data, nr_slots, nr_words;
	uint32_t *table; /* hash table: shape number + 1 */
	uint32_t table_mask;
	uint16_t *runs;
	struct slot *slots;
	uint64_t *recent; /* all data addresses so far, with zeros before */
	uint8_t *codes;
	struct buf corrections;
};

/* Length of the run that begins at `from`; *base is its first fetch. */
static uint32_t run_length(const struct encode_input *in, uint32_t from, uint64_t *base)
{
	uint64_t next = 0;
	uint32_t i;
	bool fetched = false;

	*base = 0;
	for (i = from; i < in->n && i - from < RUN_MAX; i++) {
		if (META_KIND(in->meta[i]) != ACCESS_FETCH)
			continue;
		if (i > from && ((fetched && in->addr[i] != next) || !fetched || i - from >= RUN_CUT))
			break;
		if (!fetched)
			*base = in->addr[i];
		fetched = true;
		next = in->addr[i] + META_SIZE(in->meta[i]);
	}
	return i - from;
}

static uint32_t shape_number(struct runs_encoder *r, uint32_t at, uint32_t n, uint64_t base)
{
	const uint32_t *meta = r->in->meta;
	uint32_t h = (uint32_t)XXH3_64bits_withSeed(meta + at, n * sizeof *meta, base), i;

	for (;; h++) {
		i = r->table[h & r->table_mask];
		if (i == 0)
			break;
		if (r->shapes[i - 1].base == base && r->shapes[i - 1].n == n &&
		    memcmp(meta + r->shapes[i - 1].at, meta + at, n * sizeof *meta) == 0)
			return i - 1;
	}
	r->table[h & r->table_mask] = ++r->nr_shapes;
	r->shapes[r->nr_shapes - 1] = (struct shape){base, at, r->nr_slots, (uint8_t)n};
	for (i = at; i < at + n; i++)
		r->nr_slots += META_KIND(meta[i]) != ACCESS_FETCH;
	r->nr_words += n;
	return r->nr_shapes - 1;
}

static unsigned class_of(uint64_t z)
{
	unsigned w = byte_width(z);

	return w > 6 ? 7 : w;
}

/* Codes one data address: the guess that needs the shortest correction, the first of equals. */
static void encode_data(struct runs_encoder *r, struct slot *s, uint64_t addr)
{
	uint64_t *recent = r->recent + r->nr_data;
	uint64_t guess[GUESSES] = {s->v[SLOT_NEXT], s->v[SLOT_LAST], recent[-1] + s->v[SLOT_APART1],
				   recent[-2] + s->v[SLOT_APART2]};
	uint64_t z = zigzag(addr - guess[0]);
	unsigned best = 0, class = class_of(z);
	uint8_t *p;

	for (unsigned g = 1; g < GUESSES + RECENT && class; g++) {
		uint64_t zg = zigzag(addr - (g < GUESSES ? guess[g] : recent[(int)(GUESSES - 1) - (int)g]));

		if (class_of(zg) < class) {
			class = class_of(zg);
			z = zg;
			best = g;
		}
	}
	r->codes[r->nr_data++] = (uint8_t)(best << 3 | class);
	p = buf_room(&r->corrections, 8);
	put_u64(p, z);
	r->corrections.len += correction_rows[class].size;
	slot_update(s, addr, recent);
	*recent = addr;
}

static void encode_run(struct runs_encoder *r, uint32_t from, uint32_t n, uint64_t base)
{
	uint32_t number = shape_number(r, from, n, base);
	struct slot *s = r->slots + r->shapes[number].slot0;

	r->runs[r->nr_runs++] = (uint16_t)number;
	for (uint32_t i = from; i < from + n; i++)
		if (META_KIND(r->in->meta[i]) != ACCESS_FETCH)
			encode_data(r, s++, r->in->addr[i]);
}

static int by_base(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;

	if (x->base != y->base)
		return x->base < y->base ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* Numbers the shapes by address, which makes their differences small; `slots` is no longer theirs then. */
static void sort_shapes(struct runs_encoder *r)
{
	uint16_t *number = mem_alloc_late(r->nr_shapes, sizeof *number);

	for (uint32_t i = 0; i < r->nr_shapes; i++)
		r->shapes[i].slot0 = i;
	qsort(r->shapes, r->nr_shapes, sizeof *r->shapes, by_base);
	for (uint32_t i = 0; i < r->nr_shapes; i++)
		number[r->shapes[i].slot0] = (uint16_t)i;
	for (uint32_t i = 0; i < r->nr_runs; i++)
		r->runs[i] = number[r->runs[i]];
	mem_free(number);
}

static void write_shapes(const struct runs_encoder *r, struct buf *out)
{
	uint32_t *words = mem_alloc_late(r->nr_words, sizeof *words), n = 0;
	uint64_t last = 0;

	for (uint32_t i = 0; i < r->nr_shapes; i++) {
		const struct shape *s = &r->shapes[i];

		buf_u8(out, s->n);
		memcpy(words + n, r->in->meta + s->at, s->n * sizeof *words);
		n += s->n;
	}
	words_encode(words, n, out);
	for (uint32_t i = 0; i < r->nr_shapes; i++) {
		buf_varint(out, zigzag(r->shapes[i].base - last));
		last = r->shapes[i].base;
	}
	mem_free(words);
}

static void runs_write(const struct runs_encoder *r, struct buf *out)
{
	uint8_t *p;

	buf_u32(out, r->nr_shapes);
	buf_u32(out, r->nr_runs);
	buf_u32(out, r->nr_data);
	buf_u32(out, r->nr_words);
	write_shapes(r, out);
	p = buf_room(out, (size_t)r->nr_runs * 2);
	for (uint32_t i = 0; i < r->nr_runs; i++) {
		p[i] = (uint8_t)r->runs[i];
		p[r->nr_runs + i] = (uint8_t)(r->runs[i] >> 8);
	}
	out->len += (size_t)r->nr_runs * 2;
	buf_bytes(out, r->codes, r->nr_data);
	buf_bytes(out, r->corrections.p, r->corrections.len);
}

static bool runs_encode(const struct encode_input *in, struct buf *out)
{
	struct runs_encoder r = {.in = in};
	uint32_t slots = 1;

	while (slots < 2 * in->n)
		slots *= 2;
	r.table_mask = slots - 1;
	r.table = mem_alloc_late(slots, sizeof *r.table);
	r.shapes = mem_alloc_late(in->n, sizeof *r.shapes);
	r.runs = mem_alloc_late(in->n, sizeof *r.runs);
	r.slots = mem_alloc_late(in->n, sizeof *r.slots);
	r.recent = mem_alloc_late((size_t)in->n + RECENT, sizeof *r.recent);
	r.recent += RECENT;
	r.codes = mem_alloc_late(in->n, 1);
	for (uint32_t i = 0, n; i < in->n; i += n) {
		uint64_t base;

		n = run_length(in, i, &base);
		encode_run(&r, i, n, base);
	}
	sort_shapes(&r);
	runs_write(&r, out);
	mem_free(r.table);
	mem_free(r.shapes);
	mem_free(r.runs);
	mem_free(r.slots);
	mem_free(r.recent - RECENT);
	mem_free(r.codes);
	buf_release(&r.corrections);
	return true;
}

static bool runs_suits(const struct encode_input *in)
{
	uint32_t fetches = 0;

	for (uint32_t i = 0; i < in->n; i++)
		fetches += META_KIND(in->meta[i]) == ACCESS_FETCH;
	return fetches >= in->n / 16 + 1;
}

/* ---- decoding ---- */

#define LOOK_BACK 32 /* zeros before the first data address */
#define WIDE      8  /* entries that are always copied together */

/* A shape unpacked: where its accesses begin in the pools. */
struct unpacked {
	uint32_t word0, slot0;
	uint32_t n, nr_data;
};

struct runs_decoder {
	uint32_t nr_shapes, nr_runs, nr_data, nr_words;
	struct unpacked *shapes;
	struct slot *slots;
	uint64_t *fetch;  /* address of each access of each shape, fetches only */
	uint64_t *recent; /* LOOK_BACK zeros, then the data addresses */
	uint32_t *words;
	uint32_t *place; /* of each slot: which access of its shape */
	/* for each data access of the block */
	uint32_t *slot_of, *target; /* its slot; its place in the output */
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
	size_t words = d->nr_words + RUN_MAX, shapes = d->nr_shapes, data = d->nr_data + RUN_MAX + LOOK_BACK;
	size_t bytes = shapes * sizeof *d->shapes + words * (sizeof *d->slots + sizeof *d->fetch + 8) +
		       data * (sizeof *d->recent + 8);
	uint8_t *p = buf_reset(tables, bytes + 64 * 9);

	p += -(uintptr_t)p & 63;
	d->slots = cut(&p, words, sizeof *d->slots);
	d->fetch = cut(&p, words, sizeof *d->fetch);
	d->recent = cut(&p, data, sizeof *d->recent);
	d->words = cut(&p, words, sizeof *d->words);
	d->place = cut(&p, words, sizeof *d->place);
	d->slot_of = cut(&p, data, sizeof *d->slot_of);
	d->target = cut(&p, data, sizeof *d->target);
	d->shapes = cut(&p, shapes, sizeof *d->shapes);
	memset(d->recent, 0, LOOK_BACK * sizeof *d->recent);
	d->recent += LOOK_BACK;
}

/* Fills fetch and place of one shape whose words are there; returns the number of its data accesses. */
static uint32_t unpack_shape(const struct runs_decoder *d, uint32_t word0, uint32_t slot0, uint32_t n,
			     uint64_t base)
{
	const uint32_t *words = d->words + word0;
	uint64_t *fetch = d->fetch + word0;
	uint32_t *place = d->place + slot0;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t is_fetch = words[i] >> 1 & 1;

		fetch[i] = base;
		base += META_SIZE(words[i]) & (0 - is_fetch);
		place[nr] = i;
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

static inline void store_sum(uint32_t *to, const uint32_t *from, uint32_t add)
{
	four v;

	memcpy(&v, from, sizeof v);
	v += (four){add, add, add, add};
	memcpy(to, &v, sizeof v);
}

static const uint32_t count[RUN_MAX] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
					16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

/*
 * Writes words and fetch addresses of all runs, and lists the data accesses: which slot, where to. Whole
 * groups are copied and the surplus is overwritten by the next run, so the length of a run costs no branch.
 */
static bool expand_runs(const struct runs_decoder *d, const struct decode_output *out, const uint8_t *low)
{
	const uint8_t *high = low + d->nr_runs, *end = high;
	uint64_t *restrict addr = out->addr, *addr_end = addr + out->n;
	uint32_t *restrict meta = out->meta, *restrict target = d->target, *restrict slot_of = d->slot_of;
	uint32_t *target_end = target + d->nr_data, pos = 0;

	while (low < end) {
		uint32_t number = *low++ | (uint32_t)*high++ << 8;
		struct unpacked s;

		if (UNLIKELY(number >= d->nr_shapes))
			return false;
		s = d->shapes[number];
		if (UNLIKELY(s.n > addr_end - addr || s.nr_data > target_end - target))
			return false;
		for (uint32_t i = 0; i < s.n; i += WIDE) {
			memcpy(addr + i, d->fetch + s.word0 + i, WIDE * sizeof *addr);
			memcpy(meta + i, d->words + s.word0 + i, WIDE * sizeof *meta);
		}
		for (uint32_t i = 0; i < s.nr_data; i += 4) {
			store_sum(target + i, d->place + s.slot0 + i, pos);
			store_sum(slot_of + i, count + i, s.slot0);
		}
		addr += s.n;
		meta += s.n;
		pos += s.n;
		target += s.nr_data;
		slot_of += s.nr_data;
	}
	return addr == addr_end && target == target_end;
}

/* For each guess: which field of the slot, whether it counts; how far back, whether that counts. */
struct guess_row {
	uint64_t slot_mask, recent_mask;
	int64_t field, back;
};
#define ALL UINT64_MAX
#define GUESS_BACK(k)           \
	{                       \
		0, ALL, 0, -(k) \
	}
static const struct guess_row guess_rows[32] = {
	{ALL, 0, 0, -16}, {ALL, 0, 1, -16}, {ALL, ALL, 2, -1}, {ALL, ALL, 3, -2}, GUESS_BACK(1),
	GUESS_BACK(2),    GUESS_BACK(3),    GUESS_BACK(4),     GUESS_BACK(5),     GUESS_BACK(6),
	GUESS_BACK(7),    GUESS_BACK(8),    GUESS_BACK(9),     GUESS_BACK(10),    GUESS_BACK(11),
	GUESS_BACK(12),   GUESS_BACK(13),   GUESS_BACK(14),    GUESS_BACK(15),    GUESS_BACK(16),
	GUESS_BACK(17),   GUESS_BACK(18),   GUESS_BACK(19),    GUESS_BACK(20),    GUESS_BACK(21),
	GUESS_BACK(22),   GUESS_BACK(23),   GUESS_BACK(24),    GUESS_BACK(25),    GUESS_BACK(26),
	GUESS_BACK(27),   GUESS_BACK(28),
};

/* Fills in the data addresses. The corrections are followed by slack, so one check a group suffices. */
static bool fill_data(const struct runs_decoder *d, uint64_t *restrict addr, const uint8_t *codes,
		      const uint8_t *fix, const uint8_t *fix_end)
{
	const uint32_t *slot_of = d->slot_of, *target = d->target;
	uint64_t *restrict recent = d->recent;
	struct slot *restrict slots = d->slots;
	const uint8_t *end = codes + d->nr_data;

	for (; codes < end; codes++, recent++) {
		const struct guess_row *g = &guess_rows[*codes >> 3];
		const struct correction_row *c = &correction_rows[*codes & 7];
		struct slot *s = &slots[*slot_of++];
		uint64_t a = (s->v[g->field] & g->slot_mask) + (recent[g->back] & g->recent_mask) +
			     unzigzag(get_u64(fix) & c->mask);

		fix += c->size;
		slot_update(s, a, recent);
		*recent = a;
		addr[*target++] = a;
		if (UNLIKELY(fix > fix_end))
			return false;
	}
	return fix == fix_end;
}

static bool runs_decode(const uint8_t *raw, size_t raw_size, const struct decode_output *out)
{
	struct cursor c = cursor_of(raw, raw_size);
	struct runs_decoder d = {0};
	const uint8_t *numbers, *codes;

	d.nr_shapes = cursor_u32(&c);
	d.nr_runs = cursor_u32(&c);
	d.nr_data = cursor_u32(&c);
	d.nr_words = cursor_u32(&c);
	if (c.bad || d.nr_shapes > out->n || d.nr_runs > out->n || d.nr_data > out->n ||
	    d.nr_words > out->n || !unpack_shapes(&d, out, &c))
		return false;
	numbers = cursor_take(&c, (size_t)d.nr_runs * 2);
	codes = cursor_take(&c, d.nr_data);
	return numbers && codes && expand_runs(&d, out, numbers) &&
	       fill_data(&d, out->addr, codes, c.p, c.end);
}

const struct block_encoding_ops runs_encoding = {
	.name = "runs",
	.number = 2,
	.sentence = "stretches of code once a block, data addresses guessed by instruction",
	.suits = runs_suits,
	.encode = runs_encode,
	.decode = runs_decode,
};
