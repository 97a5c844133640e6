/*
 * planes.c - encoding "planes": addresses as fixed records, cut into planes of bytes.
 *
 * Random accesses have no useful differences. What is left is that all addresses of a block lie in some range
 * and that bytes of equal significance are alike: the lowest address is written once, the distances to it in
 * as few bytes as the largest needs, first all lowest bytes, then all second ones, and so on. Sixteen
 * addresses are put together at a time by SSE2 (which every x86-64 has) interleaving.
 *
 * Layout: words (words.c), u64 lowest address, u8 planes, then the planes of n bytes each.
 */
#include "traces/encodings/encoding.h"

#include <emmintrin.h>

static bool planes_encode(const struct encode_input *in, struct buf *out)
{
	uint64_t low = UINT64_MAX, high = 0;
	unsigned width;
	uint8_t *p;

	for (uint32_t i = 0; i < in->n; i++) {
		low = MIN_OF(low, in->addr[i]);
		high = MAX_OF(high, in->addr[i]);
	}
	width = byte_width(high - low);
	words_encode(in->meta, in->n, out);
	buf_u64(out, low);
	buf_u8(out, width);
	p = buf_room(out, (size_t)in->n * width);
	for (unsigned k = 0; k < width; k++)
		for (uint32_t i = 0; i < in->n; i++)
			*p++ = (uint8_t)((in->addr[i] - low) >> (8 * k));
	out->len += (size_t)in->n * width;
	return true;
}

/* Sixteen addresses from eight registers that hold one plane each. */
static inline void put_sixteen(const __m128i b[8], __m128i low, uint64_t *addr)
{
	__m128i *to = (__m128i *)(void *)addr;

	for (unsigned half = 0; half < 2; half++) {
		__m128i w[4], d[2], e[2];

		for (unsigned k = 0; k < 4; k++)
			w[k] = half ? _mm_unpackhi_epi8(b[2 * k], b[2 * k + 1])
				    : _mm_unpacklo_epi8(b[2 * k], b[2 * k + 1]);
		d[0] = _mm_unpacklo_epi16(w[0], w[1]);
		d[1] = _mm_unpackhi_epi16(w[0], w[1]);
		e[0] = _mm_unpacklo_epi16(w[2], w[3]);
		e[1] = _mm_unpackhi_epi16(w[2], w[3]);
		for (unsigned k = 0; k < 2; k++) {
			_mm_storeu_si128(to++, _mm_add_epi64(low, _mm_unpacklo_epi32(d[k], e[k])));
			_mm_storeu_si128(to++, _mm_add_epi64(low, _mm_unpackhi_epi32(d[k], e[k])));
		}
	}
}

static bool planes_decode(const uint8_t *raw, size_t raw_size, const struct decode_output *out)
{
	struct cursor c = cursor_of(raw, raw_size);
	const uint8_t *planes;
	uint64_t low;
	unsigned width;
	__m128i base;

	if (!words_decode(&c, out->n, out->meta))
		return false;
	low = cursor_u64(&c);
	width = cursor_u8(&c);
	planes = width <= 8 ? cursor_take(&c, (size_t)out->n * width) : NULL;
	if (!planes || c.p != c.end || c.bad)
		return false;
	base = _mm_set1_epi64x((long long)low);
	for (uint32_t i = 0; i < out->n; i += 16) {
		__m128i b[8];

		for (unsigned k = 0; k < 8; k++)
			b[k] = k < width ? _mm_loadu_si128(
						   (const __m128i *)(const void *)(planes +
										   (size_t)k * out->n + i))
					 : _mm_setzero_si128();
		put_sixteen(b, base, out->addr + i);
	}
	return true;
}

const struct block_encoding_ops planes_encoding = {
	.name = "planes",
	.number = 4,
	.sentence = "distances to the lowest address, byte by byte of equal significance",
	.encode = planes_encode,
	.decode = planes_decode,
};
