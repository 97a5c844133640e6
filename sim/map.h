/*
 * map.h - a hash map from 64-bit keys to 64-bit values: open addressing, linear probing, deletion by shifting
 * back.
 *
 * Expected O(1). Iteration order depends on the keys alone, yet no model may decide anything by it.
 */
#ifndef SIM_MAP_H
#define SIM_MAP_H

#include "sim/base.h"

struct map {
	uint64_t *keys, *vals;
	uint8_t *used;
	size_t cap, len;
};

void map_init(struct map *m);
void map_release(struct map *m);
/* Sets key to val; overwrites. */
void map_put(struct map *m, uint64_t key, uint64_t val);
/* True and *val (which may be NULL) when key is there. */
bool map_get(const struct map *m, uint64_t key, uint64_t *val);
/* True when key was there. */
bool map_del(struct map *m, uint64_t key);
/* Walks all pairs: start with *it = 0; false at the end. The map must not change meanwhile. */
bool map_next(const struct map *m, size_t *it, uint64_t *key, uint64_t *val);

/* A good 64-bit mixer (the finaliser of splitmix64, Steele, Lea and Flood 2014). */
static inline uint64_t hash_u64(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

#endif
