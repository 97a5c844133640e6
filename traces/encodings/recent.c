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

#include <emmintrin.h>

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

/* The addresses as lower and upper halves, for four comparisons at a time. */
struct halves {
	uint32_t *low, *high;
};

/* The smallest of four numbers that were made signed by turning their highest bit. */
static inline int32_t lowest(__m128i m)
{
	int32_t v[4];

	_mm_storeu_si128((__m128i *)(void *)v, m);
	v[0] = MIN_OF(v[0], v[1]);
	v[2] = MIN_OF(v[2], v[3]);
	return MIN_OF(v[0], v[2]);
}

/*
 * The same as `shortest` among the references with the same upper half, which nearly always hold it: zigzag
 * differences of 32 bits, their smallest, and the nearest reference that needs no more bytes than that one.
 */
static unsigned shortest_near(const uint64_t *addr, const uint32_t *low, const uint32_t *high, uint64_t *z)
{
	const __m128i sign = _mm_set1_epi32(INT32_MIN), none = _mm_set1_epi32(INT32_MAX);
	const __m128i alow = _mm_set1_epi32((int)*low), ahigh = _mm_set1_epi32((int)*high);
	__m128i zs[BACK_MAX / 4], best = none, limit;
	uint32_t min;
	unsigned length;

	for (unsigned k = 0; k < BACK_MAX / 4; k++) {
		__m128i l = _mm_loadu_si128((const __m128i *)(const void *)(low - 4 - 4 * (int)k));
		__m128i h = _mm_loadu_si128((const __m128i *)(const void *)(high - 4 - 4 * (int)k));
		__m128i same = _mm_cmpeq_epi32(h, ahigh), d = _mm_sub_epi32(alow, l), less;

		d = _mm_xor_si128(_mm_xor_si128(_mm_slli_epi32(d, 1), _mm_srai_epi32(d, 31)), sign);
		d = _mm_or_si128(_mm_and_si128(same, d), _mm_andnot_si128(same, none));
		less = _mm_cmplt_epi32(d, best);
		best = _mm_or_si128(_mm_and_si128(less, d), _mm_andnot_si128(less, best));
		zs[k] = d;
	}
	min = (uint32_t)lowest(best) ^ UINT32_C(0x80000000);
	if (min == UINT32_MAX)
		return shortest(addr, z);
	length = length_code(min);
	limit = _mm_set1_epi32(length == 4 ? INT32_MAX
					   : (int32_t)((UINT32_C(1) << 8 * length) ^ UINT32_C(0x80000000)));
	for (unsigned k = 0; k < BACK_MAX / 4; k++) {
		unsigned fits = (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmplt_epi32(zs[k], limit)));

		if (fits) {
			unsigned back = 4 + 4 * k - ilog2_u64(fits);

			*z = zigzag(addr[0] - addr[-(int)back]);
			if (length_code(*z) == length)
				return (back - 1) << 3 | length;
			break; /* 32 bits were too few for the difference */
		}
	}
	return shortest(addr, z);
}

/* Cuts the tables out of the scratch buffer: halves and addresses with zeros before them, zeroed habits. */
static struct habit *lay_out(const struct encode_input *in, unsigned bits, uint64_t **addr, struct halves *h)
{
	size_t n = (size_t)in->n + BACK_MAX, habits = (size_t)1 << bits;
	uint8_t *p = buf_reset(in->tables, n * 16 + habits * sizeof(struct habit) + 64);

	p += -(uintptr_t)p & 15;
	*addr = (uint64_t *)(void *)p;
	h->low = (uint32_t *)(void *)(p + n * 8);
	h->high = h->low + n;
	memset(*addr, 0, BACK_MAX * 8);
	memset(h->low, 0, BACK_MAX * 4);
	memset(h->high, 0, BACK_MAX * 4);
	*addr += BACK_MAX;
	h->low += BACK_MAX;
	h->high += BACK_MAX;
	memcpy(*addr, in->addr, in->n * sizeof **addr);
	for (uint32_t i = 0; i < in->n; i++) {
		h->low[i] = (uint32_t)in->addr[i];
		h->high[i] = (uint32_t)(in->addr[i] >> 32);
	}
	p += n * 16;
	return memset(p, 0, habits * sizeof(struct habit));
}

static bool recent_encode(const struct encode_input *in, struct buf *out)
{
	unsigned bits = MIN_OF(ilog2_u64(in->n) + 2, HABIT_BITS_MAX);
	unsigned code = 0, last = 0;
	struct habit *habits;
	struct halves half;
	uint64_t *addr;
	uint8_t *codes, *p;

	habits = lay_out(in, bits, &addr, &half);
	words_encode(in->meta, in->n, out);
	codes = buf_room(out, (size_t)in->n * 9 + 8);
	p = codes + in->n;
	for (uint32_t i = 0; i < in->n; i++) {
		const uint64_t *a = addr + i;
		uint32_t key = in->meta[i] * UINT32_C(0x9e3779b1) ^ (code << 8 | last) * UINT32_C(0x85ebca6b);
		struct habit *h = &habits[(key * UINT32_C(0xc2b2ae35)) >> (32 - bits)];

		last = code;
		code = h->code;
		if (a[0] - a[-(int)(code >> 3) - 1] != unzigzag(h->z) || length_code(h->z) != (code & 7))
			code = shortest_near(a, half.low + i, half.high + i, &h->z);
		h->code = (uint8_t)code;
		codes[i] = (uint8_t)code;
		put_u64(p, h->z);
		p += lengths[code & 7].size;
	}
	out->len = (size_t)(p - out->p);
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
