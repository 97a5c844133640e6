/*
 * array.h - the part of the TLB that searches a set: which entry holds a key, which way is the oldest.
 */
#ifndef MODELS_HW_TLB_ARRAY_H
#define MODELS_HW_TLB_ARRAY_H

#include "models/hw/signature.h"
#include "models/hw/tlb.h"

#define HUGE_SHIFT 9 /* log2 of 4 KiB pages in a 2 MiB page */
#define PAGE_BITS  ((UINT64_C(1) << 47) - 1)

#define NOT_FOUND UINT64_MAX
#define NO_MASK   UINT64_MAX /* the sets are no power of two */

static inline uint64_t set_of(const struct tlb_array *a, uint64_t page)
{
	return LIKELY(a->mask != NO_MASK) ? page & a->mask : page % a->sets;
}

/* Index of the set's entry that holds key. */
static inline uint64_t set_find(const struct tlb_array *a, uint64_t set, uint64_t key)
{
	const uint8_t *sign = a->sign + set * a->stride, want = signature_of(key);
	uint64_t base = set * a->ways;

	for (uint64_t from = 0; from < a->ways; from += SIGNATURE_BLOCK) {
		uint32_t hits = signature_match(sign + from, want, a->ways - from);

		for (; hits; hits &= hits - 1) {
			uint64_t i = base + from + (uint32_t)__builtin_ctz(hits);

			if (LIKELY(a->entry[i].key == key))
				return i;
		}
	}
	return NOT_FOUND;
}

static inline uint64_t page_find(const struct tlb_array *a, uint64_t page, uint64_t key)
{
	return set_find(a, set_of(a, page), key);
}

/* The first of the ways with the least stamp. Two halves at a time, so that one comparison does not wait for
 * the other, and without branches: which way is the oldest cannot be foretold. */
static inline __attribute__((always_inline)) uint64_t oldest_of(const uint64_t *touched, const uint64_t ways)
{
	const uint64_t half = ways / 2;
	uint64_t low = 0, high = half, least = touched[0], least_high = touched[half];

	for (uint64_t i = 1; i < half; i++) {
		uint64_t a = touched[i], b = touched[half + i];

		low = a < least ? i : low;
		least = a < least ? a : least;
		high = b < least_high ? half + i : high;
		least_high = b < least_high ? b : least_high;
	}
	if (ways & 1 && touched[ways - 1] < least_high) {
		high = ways - 1;
		least_high = touched[ways - 1];
	}
	return low ^ ((low ^ high) & -(uint64_t)(least_high < least));
}

/* The same; unrolled for usual geometries. */
static inline uint64_t oldest_way(const uint64_t *touched, uint64_t ways)
{
	switch (ways) {
	case 4:
		return oldest_of(touched, 4);
	case 8:
		return oldest_of(touched, 8);
	default:
		return oldest_of(touched, ways);
	}
}

static inline void front_kill_slot(struct tlb_front *f, const uint64_t *touched)
{
	if (UNLIKELY(f->touched != touched))
		return;
	f->tag[0] = TLB_KEY_NONE;
	f->tag[1] = TLB_KEY_NONE;
	f->touched = NULL;
}

#endif
