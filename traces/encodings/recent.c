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

#include <immintrin.h>

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
 * References that are farther away than 31 bits say (`wide`: the difference has the wrong sign) do not count.
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
		__m128i same = _mm_cmpeq_epi32(h, ahigh), d = _mm_sub_epi32(alow, l), less, wide;

		wide = _mm_and_si128(_mm_xor_si128(alow, l), _mm_xor_si128(_mm_xor_si128(alow, d), sign));
		same = _mm_andnot_si128(_mm_srai_epi32(wide, 31), same);
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

/*
 * The same with AVX2, where there is one: all 32 references in four registers, and no branch on which of them
 * it is.
 */
__attribute__((target("avx2"))) static inline unsigned
shortest_near_avx2(const uint64_t *addr, const uint32_t *low, const uint32_t *high, uint64_t *z)
{
	const __m256i sign = _mm256_set1_epi32(INT32_MIN);
	const __m256i alow = _mm256_set1_epi32((int)*low), ahigh = _mm256_set1_epi32((int)*high);
	__m256i zs[BACK_MAX / 8], best = _mm256_set1_epi32(-1), most;
	uint32_t fits = 0, min;
	unsigned length, back;
	__m128i half;

	for (unsigned k = 0; k < BACK_MAX / 8; k++) {
		const void *l = low - BACK_MAX + 8 * k, *h = high - BACK_MAX + 8 * k;
		__m256i from = _mm256_loadu_si256(l), d = _mm256_sub_epi32(alow, from), wide;
		__m256i same = _mm256_cmpeq_epi32(_mm256_loadu_si256(h), ahigh);

		wide = _mm256_and_si256(_mm256_xor_si256(alow, from),
					_mm256_xor_si256(_mm256_xor_si256(alow, d), sign));
		same = _mm256_andnot_si256(_mm256_srai_epi32(wide, 31), same);
		d = _mm256_xor_si256(_mm256_slli_epi32(d, 1), _mm256_srai_epi32(d, 31));
		zs[k] = _mm256_or_si256(d, _mm256_xor_si256(same, _mm256_set1_epi32(-1)));
		best = _mm256_min_epu32(best, zs[k]);
	}
	half = _mm_min_epu32(_mm256_castsi256_si128(best), _mm256_extracti128_si256(best, 1));
	half = _mm_min_epu32(half, _mm_shuffle_epi32(half, 0x4e));
	min = (uint32_t)_mm_cvtsi128_si32(_mm_min_epu32(half, _mm_shuffle_epi32(half, 0xb1)));
	if (UNLIKELY(min == UINT32_MAX))
		return shortest(addr, z);
	length = length_code(min);
	most = _mm256_set1_epi32((int)(length == 4 ? UINT32_MAX - 1 : (uint32_t)lengths[length].mask));
	for (unsigned k = 0; k < BACK_MAX / 8; k++) {
		__m256i yes = _mm256_cmpeq_epi32(_mm256_min_epu32(zs[k], most), zs[k]);

		fits |= (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(yes)) << 8 * k;
	}
	back = BACK_MAX - ilog2_u64(fits);
	*z = zigzag(addr[0] - addr[-(int)back]);
	/* 32 bits may have been too few for the difference */
	return LIKELY(length_code(*z) == length) ? (back - 1) << 3 | length : shortest(addr, z);
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

struct recent_input {
	const struct encode_input *in;
	const uint64_t *addr; /* with zeros before */
	struct halves half;
	struct habit *habits;
	unsigned habit_bits;
};

/* Writes n codes and then the differences; returns what is behind them. */
static inline __attribute__((always_inline)) uint8_t *
encode_with(const struct recent_input *r, uint8_t *codes,
	    unsigned (*near)(const uint64_t *addr, const uint32_t *low, const uint32_t *high, uint64_t *z))
{
	unsigned code = 0, last = 0;
	uint8_t *p = codes + r->in->n;

	for (uint32_t i = 0; i < r->in->n; i++) {
		const uint64_t *a = r->addr + i;
		uint32_t key =
			r->in->meta[i] * UINT32_C(0x9e3779b1) ^ (code << 8 | last) * UINT32_C(0x85ebca6b);
		struct habit *h = &r->habits[(key * UINT32_C(0xc2b2ae35)) >> (32 - r->habit_bits)];

		last = code;
		code = h->code;
		if (a[0] - a[-(int)(code >> 3) - 1] != unzigzag(h->z) || length_code(h->z) != (code & 7))
			code = near(a, r->half.low + i, r->half.high + i, &h->z);
		h->code = (uint8_t)code;
		codes[i] = (uint8_t)code;
		put_u64(p, h->z);
		p += lengths[code & 7].size;
	}
	return p;
}

__attribute__((target("avx2"))) static uint8_t *encode_avx2(const struct recent_input *r, uint8_t *codes)
{
	return encode_with(r, codes, shortest_near_avx2);
}

bool recent_encode_with(const struct encode_input *in, struct buf *out, bool simd)
{
	struct recent_input r = {.in = in, .habit_bits = MIN_OF(ilog2_u64(in->n) + 2, HABIT_BITS_MAX)};
	uint64_t *addr;
	uint8_t *codes, *p;

	r.habits = lay_out(in, r.habit_bits, &addr, &r.half);
	r.addr = addr;
	words_encode(in->meta, in->n, out);
	codes = buf_room(out, (size_t)in->n * 9 + 8);
	p = simd && __builtin_cpu_supports("avx2") ? encode_avx2(&r, codes)
						   : encode_with(&r, codes, shortest_near);
	out->len = (size_t)(p - out->p);
	return true;
}

static bool recent_encode(const struct encode_input *in, struct buf *out)
{
	return recent_encode_with(in, out, true);
}

/* One address; returns the differences that are left. */
static inline const uint8_t *decode_one(unsigned code, const uint8_t *p, uint64_t *addr)
{
	const struct length_row *l = &lengths[code & 7];

	*addr = addr[-1 - (int)(code >> 3)] + unzigzag(get_u64(p) & l->mask);
	return p + l->size;
}

/* The addresses of codes, and with a table of words the words too. True when the differences end at end. */
static inline __attribute__((always_inline)) bool decode_with(const struct decode_output *out,
							      const uint8_t *codes, const uint8_t *p,
							      const uint8_t *end, const struct words *words)
{
	uint64_t *restrict addr = out->addr;
	uint32_t *restrict meta = out->meta;

	for (uint32_t i = 0; i < out->n;) {
		uint32_t stop = i + MIN_OF(out->n - i, (uint32_t)ENCODING_UNCHECKED);

		for (; i < stop; i++) {
			p = decode_one(codes[i], p, addr + i);
			if (words)
				meta[i] = words->table[words->codes[i]];
		}
		if (UNLIKELY(p > end))
			return false;
	}
	return p == end;
}

static bool recent_decode(const uint8_t *raw, size_t raw_size, const struct decode_output *out)
{
	struct cursor c = cursor_of(raw, raw_size);
	const uint8_t *codes;
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
	return fused ? decode_with(out, codes, c.p, c.end, &words)
		     : decode_with(out, codes, c.p, c.end, NULL);
}

const struct block_encoding_ops recent_encoding = {
	.name = "recent",
	.number = 3,
	.sentence = "differences to the nearest of the 32 addresses before",
	.encode = recent_encode,
	.decode = recent_decode,
};
