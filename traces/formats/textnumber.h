/*
 * textnumber.h - numbers of text, for formats that are read by the hundred million.
 *
 * Sixteen characters are looked at together (SSE2, which every x86-64 has), so the length of a number costs
 * no branch. The price: TEXT_SLACK bytes behind p must be readable. The lines that a textfile cuts out and
 * those that text_probe_share hands on have them.
 */
#ifndef TRACES_FORMATS_TEXTNUMBER_H
#define TRACES_FORMATS_TEXTNUMBER_H

#include <emmintrin.h>

#include "sim/base.h"
#include "traces/bytes.h"

#define TEXT_SLACK 64

/* 0xff in each byte of x that is at most `most`. */
static inline __m128i text_at_most(__m128i x, char most)
{
	return _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(most)), x);
}

/* Hex digits without 0x; NULL when there is none or the number needs more than 64 bits. */
static inline const char *text_hex_fast(const char *p, uint64_t *v)
{
	__m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i digit = _mm_sub_epi8(c, _mm_set1_epi8('0'));
	__m128i letter = _mm_sub_epi8(_mm_or_si128(c, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
	__m128i is_digit = text_at_most(digit, 9), is_letter = text_at_most(letter, 5), x;
	unsigned others = ~(unsigned)_mm_movemask_epi8(_mm_or_si128(is_digit, is_letter)), n;
	uint64_t all;

	n = (unsigned)__builtin_ctz(others); /* the upper half of `others` is set: 0 … 16 */
	x = _mm_or_si128(_mm_and_si128(digit, is_digit),
			 _mm_and_si128(_mm_add_epi8(letter, _mm_set1_epi8(10)), is_letter));
	/* two digits a byte, eight bytes, the first digit uppermost */
	x = _mm_and_si128(_mm_or_si128(_mm_slli_epi16(x, 4), _mm_srli_epi16(x, 8)), _mm_set1_epi16(0xff));
	all = __builtin_bswap64((uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(x, x)));
	if (UNLIKELY(n - 1 >= 15)) {
		/* leading zeros may make it longer; that is rare */
		const char *s = p;

		*v = n ? all : 0;
		for (p += n; n && ((unsigned)(*p - '0') < 10 || (unsigned)((*p | 32) - 'a') < 6); p++) {
			unsigned d = (unsigned)(*p - '0');

			if (*v >> 60)
				return NULL;
			*v = *v << 4 | (d < 10 ? d : (unsigned)((*p | 32) - 'a') + 10);
		}
		return p == s ? NULL : p;
	}
	*v = all >> 4 * (16 - n);
	return p + n;
}

/* With or without 0x in front. */
static inline const char *text_hex_prefixed(const char *p, uint64_t *v)
{
	if (p[0] == '0' && (p[1] | 32) == 'x')
		p += 2;
	return text_hex_fast(p, v);
}

/* What many lines have in common at the same place, at most 16 characters of it. */
struct text_prefix {
	uint64_t value[2], mask[2];
	unsigned n; /* 0: nothing fits it */
};

static inline bool text_prefix_is(const struct text_prefix *x, const char *p)
{
	const uint8_t *q = (const uint8_t *)p;

	return LIKELY(!(((get_u64(q) ^ x->value[0]) & x->mask[0]) |
			((get_u64(q + 8) ^ x->value[1]) & x->mask[1]))) &&
	       x->n;
}

static inline void text_prefix_set(struct text_prefix *x, const char *p, size_t n)
{
	uint8_t mask[16] = {0};

	x->n = n <= sizeof mask ? (unsigned)n : 0;
	memset(mask, 0xff, x->n);
	for (unsigned i = 0; i < 2; i++) {
		x->mask[i] = get_u64(mask + 8 * i);
		x->value[i] = get_u64((const uint8_t *)p + 8 * i);
	}
}

/* Eight digits, the first one in the lowest byte, as a number. */
static inline uint64_t text_eight_digits(uint64_t x)
{
	x = (x & UINT64_C(0x0f0f0f0f0f0f0f0f)) * 2561 >> 8;
	x = (x & UINT64_C(0x00ff00ff00ff00ff)) * 6553601 >> 16;
	return (x & UINT64_C(0x0000ffff0000ffff)) * UINT64_C(42949672960001) >> 32;
}

/* Decimal digits; NULL when there is none or the number needs more than 64 bits. */
static inline const char *text_dec_fast(const char *p, uint64_t *v)
{
	unsigned d0 = (unsigned)(p[0] - '0'), d1 = (unsigned)(p[1] - '0');
	uint64_t x, sum = 0;
	const char *s = p;

	*v = d0;
	if (d0 >= 10)
		return NULL;
	if (d1 >= 10)
		return p + 1;
	for (;;) {
		static const uint64_t power[9] = {1,      10,      100,      1000,     10000,
						  100000, 1000000, 10000000, 100000000};
		uint64_t t, other;
		unsigned n;

		x = get_u64((const uint8_t *)p);
		t = x ^ UINT64_C(0x3030303030303030);
		other = ((t + UINT64_C(0x7676767676767676)) | t) & UINT64_C(0x8080808080808080);
		n = other ? (unsigned)__builtin_ctzll(other) / 8 : 8;
		p += n;
		if (n) {
			uint64_t part = text_eight_digits(x << 8 * (8 - n));

			if (UNLIKELY(p - s > 19 && (__builtin_mul_overflow(sum, power[n], &sum) ||
						    __builtin_add_overflow(sum, part, &sum))))
				return NULL;
			if (LIKELY(p - s <= 19))
				sum = sum * power[n] + part;
		}
		if (n < 8)
			break;
	}
	*v = sum;
	return p;
}

#endif
