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

#define WIDE 8 /* entries that are always copied together */

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
		uint64_t a = guess_of(g, s, recent) + unzigzag(get_u64(fix) & c->mask);

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
