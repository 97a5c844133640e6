/*
 * signature.h - one byte of hash for each way of a set, sixteen compared at once (SSE2, which every x86-64
 * has).
 *
 * No hardware: it finds the same way as comparing the keys one by one, but reads 16 bytes of a set instead of
 * 8 for each way. A signature says where a key may be; the caller compares the key itself.
 */
#ifndef MODELS_HW_SIGNATURE_H
#define MODELS_HW_SIGNATURE_H

#include <emmintrin.h>

#include "sim/base.h"

#define SIGNATURE_BLOCK 16 /* ways compared at once; a set's signatures are padded to a multiple */

static inline uint8_t signature_of(uint64_t key)
{
	return (uint8_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

/* Signatures of a set of so many ways, with the padding. */
static inline uint64_t signature_stride(uint64_t ways)
{
	return (ways + SIGNATURE_BLOCK - 1) / SIGNATURE_BLOCK * SIGNATURE_BLOCK;
}

/* Which of the first n of the block's ways have the signature, a bit each; more than a block counts as one.
 */
static inline uint32_t signature_match(const uint8_t *block, uint8_t signature, uint64_t n)
{
	__m128i have = _mm_loadu_si128((const __m128i *)(const void *)block);
	uint32_t hits = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(have, _mm_set1_epi8((char)signature)));

	return hits & ((1u << MIN_OF(n, (uint64_t)SIGNATURE_BLOCK)) - 1);
}

#endif
