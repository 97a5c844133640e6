/*
 * delta.c - encoding "delta": each address as its difference to the one before, in one, two, six or eight
 * bytes.
 *
 * Control and data are separate streams (after StreamVByte: Lemire, Kurz and Rupp 2018): a control byte
 * holds the widths of four differences, so eight of them decode from two table look-ups and four shuffles
 * with SSSE3. The portable loop gives the same result. Layout: words (words.c), (n + 3) / 4 control bytes,
 * data; differences are zigzag numbers, the block's first one counts from zero.
 */
#include "traces/encodings/encoding.h"

#include <pthread.h>
#include <tmmintrin.h>

static const uint8_t width_of[4] = {1, 2, 6, 8};

static unsigned width_code(uint64_t z)
{
	return z < UINT64_C(1) << 8 ? 0 : z < UINT64_C(1) << 16 ? 1 : z < UINT64_C(1) << 48 ? 2 : 3;
}

static bool delta_encode(const struct encode_input *in, struct buf *out)
{
	size_t nr_ctl = (in->n + 3) / 4;
	uint64_t last = 0;
	uint8_t *ctl, *data;

	words_encode(in->meta, in->n, out);
	ctl = buf_room(out, nr_ctl + (size_t)in->n * 8 + 8);
	memset(ctl, 0, nr_ctl);
	data = ctl + nr_ctl;
	for (uint32_t i = 0; i < in->n; i++) {
		uint64_t z = zigzag(in->addr[i] - last);
		unsigned code = width_code(z);

		ctl[i / 4] |= (uint8_t)(code << (i % 4 * 2));
		put_u64(data, z);
		data += width_of[code];
		last = in->addr[i];
	}
	out->len = (size_t)(data - out->p);
	return true;
}

/* Bytes that the differences of one control byte take. */
static unsigned group_size(unsigned ctl)
{
	return (unsigned)width_of[ctl & 3] + width_of[ctl >> 2 & 3] + width_of[ctl >> 4 & 3] +
	       width_of[ctl >> 6];
}

/* What two differences need: how long they are and how to spread them over two words of 64 bits. */
static struct pair_row {
	uint8_t shuffle[16];
	uint32_t size;
} pairs[16];
static uint8_t group_sizes[256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;
static bool have_ssse3;

static void build_tables(void)
{
	for (unsigned code = 0; code < 16; code++) {
		unsigned first = width_of[code & 3], second = width_of[code >> 2];

		memset(pairs[code].shuffle, 0x80, 16);
		for (unsigned i = 0; i < first; i++)
			pairs[code].shuffle[i] = (uint8_t)i;
		for (unsigned i = 0; i < second; i++)
			pairs[code].shuffle[8 + i] = (uint8_t)(first + i);
		pairs[code].size = first + second;
	}
	for (unsigned ctl = 0; ctl < 256; ctl++)
		group_sizes[ctl] = (uint8_t)group_size(ctl);
	have_ssse3 = __builtin_cpu_supports("ssse3");
}

static size_t data_size(const uint8_t *ctl, uint32_t n)
{
	size_t sum = 0;

	for (uint32_t i = 0; i < n / 4; i++)
		sum += group_sizes[ctl[i]];
	for (uint32_t i = n & ~3u; i < n; i++)
		sum += width_of[ctl[i / 4] >> (i % 4 * 2) & 3];
	return sum;
}

static void decode_portable(const uint8_t *ctl, const uint8_t *data, uint32_t from, uint32_t n, uint64_t last,
			    uint64_t *addr)
{
	static const uint64_t mask[4] = {0xff, 0xffff, UINT64_C(0xffffffffffff), UINT64_MAX};

	for (uint32_t i = from; i < n; i++) {
		unsigned code = ctl[i / 4] >> (i % 4 * 2) & 3;

		last += unzigzag(get_u64(data) & mask[code]);
		data += width_of[code];
		addr[i] = last;
	}
}

/* Two differences at *data, added up onto the address in both halves of last. */
__attribute__((target("ssse3"))) static inline __m128i decode_pair(const uint8_t **data, unsigned code,
								   __m128i last, uint64_t *addr)
{
	const struct pair_row *row = &pairs[code];
	__m128i z = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)*data),
				     _mm_loadu_si128((const __m128i *)(const void *)row->shuffle));
	__m128i sign = _mm_sub_epi64(_mm_setzero_si128(), _mm_and_si128(z, _mm_set1_epi64x(1)));
	__m128i d = _mm_xor_si128(_mm_srli_epi64(z, 1), sign);

	d = _mm_add_epi64(_mm_add_epi64(d, _mm_slli_si128(d, 8)), last);
	_mm_storeu_si128((__m128i *)(void *)addr, d);
	*data += row->size;
	return _mm_unpackhi_epi64(d, d);
}

/* All whole groups of four, the rest by the portable loop. */
__attribute__((target("ssse3"))) static void decode_ssse3(const uint8_t *ctl, const uint8_t *data, uint32_t n,
							  uint64_t *addr)
{
	__m128i last = _mm_setzero_si128();
	uint32_t whole = n & ~3u;

	for (uint32_t i = 0; i < whole; i += 4) {
		unsigned c = ctl[i / 4];

		last = decode_pair(&data, c & 15, last, addr + i);
		last = decode_pair(&data, c >> 4, last, addr + i + 2);
	}
	decode_portable(ctl, data, whole, n, whole ? addr[whole - 1] : 0, addr);
}

bool delta_decode_with(const uint8_t *raw, size_t raw_size, const struct decode_output *out, bool simd)
{
	struct cursor c = cursor_of(raw, raw_size);
	const uint8_t *ctl;

	pthread_once(&tables_once, build_tables);
	if (!words_decode(&c, out->n, out->meta))
		return false;
	ctl = cursor_take(&c, (out->n + 3) / 4);
	if (!ctl || data_size(ctl, out->n) != (size_t)(c.end - c.p))
		return false;
	if (simd && have_ssse3)
		decode_ssse3(ctl, c.p, out->n, out->addr);
	else
		decode_portable(ctl, c.p, 0, out->n, 0, out->addr);
	return true;
}

static bool delta_decode(const uint8_t *raw, size_t raw_size, const struct decode_output *out)
{
	return delta_decode_with(raw, raw_size, out, true);
}

const struct block_encoding_ops delta_encoding = {
	.name = "delta",
	.number = 1,
	.sentence = "differences to the address before, widths and data apart",
	.encode = delta_encode,
	.decode = delta_decode,
};
