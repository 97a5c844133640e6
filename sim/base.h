/*
 * base.h - the types and macros that every file may use.
 */
#ifndef SIM_BASE_H
#define SIM_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>

#define LIKELY(x)                       __builtin_expect(!!(x), 1)
#define UNLIKELY(x)                     __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a)               __attribute__((format(printf, f, a)))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Simulated time: picoseconds since the run began. 2^64 ps is 213 days. */
typedef uint64_t tick_t;
#define TICK_NEVER UINT64_MAX
#define PS_PER_NS  UINT64_C(1000)
#define PS_PER_US  UINT64_C(1000000)
#define PS_PER_MS  UINT64_C(1000000000)
#define PS_PER_S   UINT64_C(1000000000000)

typedef uint64_t vaddr_t; /* virtual byte address */
typedef uint64_t paddr_t; /* physical byte address */
typedef uint32_t pfn_t;   /* page frame number: 2^32 frames of 4 KiB = 16 TiB */
#define PFN_NONE UINT32_MAX

#define PAGE_SHIFT 12
#define PAGE_SIZE  (UINT64_C(1) << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

/* Integer square root, rounded down (lib/math/int_sqrt.c's contract). */
static inline uint64_t isqrt_u64(uint64_t x)
{
	uint64_t r = 0, bit = UINT64_C(1) << 62;

	while (bit > x)
		bit >>= 2;
	for (; bit; bit >>= 2) {
		if (x >= r + bit) {
			x -= r + bit;
			r = (r >> 1) + bit;
		} else {
			r >>= 1;
		}
	}
	return r;
}

/* Floor of log2(x); x must not be 0. */
static inline unsigned ilog2_u64(uint64_t x)
{
	return 63u - (unsigned)__builtin_clzll(x);
}

/* a * b / c without overflow in the product; rounds down. */
static inline uint64_t mul_div_u64(uint64_t a, uint64_t b, uint64_t c)
{
	__extension__ typedef unsigned __int128 u128;
	uint64_t product;

	if (LIKELY(!__builtin_mul_overflow(a, b, &product)))
		return product / c;
	return (uint64_t)((u128)a * b / c);
}

/* a * b / c, rounded up. */
static inline uint64_t mul_div_up_u64(uint64_t a, uint64_t b, uint64_t c)
{
	__extension__ typedef unsigned __int128 u128;
	uint64_t product;

	if (LIKELY(!__builtin_mul_overflow(a, b, &product)))
		return product / c + (product % c != 0);
	return (uint64_t)(((u128)a * b + (c - 1)) / c);
}

#endif
