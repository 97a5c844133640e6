/*
 * recent.c - encoding "recent": each address as a difference to one of the 32 addresses before it.
 *
 * Data-only traces follow several streams at once; the nearest of the recent addresses is mostly a few bytes
 * away. One byte an access says how far back the reference lies and how many bytes the difference takes.
 * Decoding looks into the output itself, so there is nothing to keep up to date and no branch on what was
 * chosen.
 *
 * The encoder prefers what it chose last in the same situation (packed word and the two codes before) if that
 * gives the address exactly: repeated loops then become repeated bytes, which zstd turns into almost nothing.
 * Else it takes the shortest difference, the nearest reference of equals.
 *
 * Layout: words (words.c), n code bytes (distance - 1 in the upper five bits, length code in the lower
 * three), differences (zigzag, little endian). References before the block's first access count as zero.
 */
#include "traces/encodings/encoding.h"

#include "sim/mem.h"

#define BACK_MAX       32
#define HABIT_BITS_MAX 14

static const struct length_row {
	uint64_t mask, size;
} lengths[8] = {
	{0, 0},          {0xff, 1},         {0xffff, 2},         {0xffffff, 3},
	{0xffffffff, 4}, {0xffffffffff, 5}, {0xffffffffffff, 6}, {UINT64_MAX, 8},
};

struct habit {
	uint64_t z; /* zigzag difference */
	uint8_t code;
};

static unsigned length_code(uint64_t z)
{
	unsigned w = byte_width(z);

	return w > 6 ? 7 : w;
}

/* The code for addr[0] with the shortest difference; *z is the difference. */
static unsigned shortest(const uint64_t *addr, uint64_t *z)
{
	unsigned best = 0, best_length = 8;

	for (unsigned back = 1; back <= BACK_MAX && best_length; back++) {
		uint64_t zb = zigzag(addr[0] - addr[-(int)back]);
		unsigned length = length_code(zb);

		if (length < best_length) {
			best_length = length;
			best = (back - 1) << 3 | length;
			*z = zb;
		}
	}
	return best;
}

static bool recent_encode(const struct encode_input *in, struct buf *out)
{
	unsigned bits = MIN_OF(ilog2_u64(in->n) + 2, HABIT_BITS_MAX);
	uint64_t *addr = mem_alloc_late((size_t)in->n + BACK_MAX, sizeof *addr);
	struct habit *habits = mem_alloc_late((size_t)1 << bits, sizeof *habits);
	unsigned code = 0, last = 0;
	uint8_t *codes, *p;

	memcpy(addr + BACK_MAX, in->addr, in->n * sizeof *addr);
	words_encode(in->meta, in->n, out);
	codes = buf_room(out, (size_t)in->n * 9 + 8);
	p = codes + in->n;
	for (uint32_t i = 0; i < in->n; i++) {
		const uint64_t *a = addr + BACK_MAX + i;
		uint32_t key = in->meta[i] * UINT32_C(0x9e3779b1) ^ (code << 8 | last) * UINT32_C(0x85ebca6b);
		struct habit *h = &habits[(key * UINT32_C(0xc2b2ae35)) >> (32 - bits)];

		last = code;
		code = h->code;
		if (a[0] - a[-(int)(code >> 3) - 1] != unzigzag(h->z) || length_code(h->z) != (code & 7))
			code = shortest(a, &h->z);
		h->code = (uint8_t)code;
		codes[i] = (uint8_t)code;
		put_u64(p, h->z);
		p += lengths[code & 7].size;
	}
	out->len = (size_t)(p - out->p);
	mem_free(addr);
	mem_free(habits);
	return true;
}

/* One address; returns the differences that are left. */
static inline const uint8_t *decode_one(unsigned code, const uint8_t *p, uint64_t *addr)
{
	const struct length_row *l = &lengths[code & 7];

	*addr = addr[-1 - (int)(code >> 3)] + unzigzag(get_u64(p) & l->mask);
	return p + l->size;
}

static bool recent_decode(const uint8_t *raw, size_t raw_size, const struct decode_output *out)
{
	struct cursor c = cursor_of(raw, raw_size);
	uint64_t *restrict addr = out->addr;
	uint32_t *restrict meta = out->meta;
	const uint8_t *codes, *p, *end;
	struct words words;
	bool fused;

	if (!words_begin(&c, out->n, &words))
		return false;
	fused = words.len > 1 && words.len <= 256;
	if (!fused && !words_fill(&words, out->n, out->meta))
		return false;
	codes = cursor_take(&c, out->n);
	if (!codes)
		return false;
	p = c.p;
	end = c.end;
	for (uint32_t i = 0; i < out->n; i++) {
		p = decode_one(codes[i], p, addr + i);
		if (fused)
			meta[i] = words.table[words.codes[i]];
		if (UNLIKELY(p > end))
			return false;
	}
	return p == end;
}

const struct block_encoding_ops recent_encoding = {
	.name = "recent",
	.number = 3,
	.sentence = "differences to the nearest of the 32 addresses before",
	.encode = recent_encode,
	.decode = recent_decode,
};
