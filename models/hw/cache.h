/*
 * cache.h - one set-associative cache of physical lines, and the parameters of all levels.
 *
 * A cache knows lines and flags; what a miss costs and which copies exist elsewhere is hierarchy.h's.
 */
#ifndef MODELS_HW_CACHE_H
#define MODELS_HW_CACHE_H

#include "models/hw/divisor.h"
#include "models/hw/recency.h"
#include "sim/err.h"
#include "sim/param.h"
#include "sim/rng.h"
#include "sim/stat.h"

#define CACHE_PARAMS(X, S)                                                                                 \
	X(S, BYTES, line_bytes, "cache.line_bytes", "64", 16, 4096, "bytes", "cache line of all levels")   \
	X(S, BYTES, l1d_size, "cache.l1d.size", "32KiB", 64, 1 << 30, "bytes",                             \
	  "first-level data cache of a CPU (Cascade Lake: 32 KiB)")                                        \
	X(S, U64, l1d_ways, "cache.l1d.ways", "8", 1, 1024, "ways", "ways of the first-level data cache")  \
	X(S, U64, l1d_latency, "cache.l1d.latency_cycles", "4", 0, 10000, "cycles",                        \
	  "load to use on a hit (Cascade Lake: 4)")                                                        \
	X(S, ENUM, l1d_policy, "cache.l1d.policy", "lru", 0, 0, "",                                        \
	  "replacement policy of the first-level data cache", replacement_name)                            \
	X(S, BYTES, l1i_size, "cache.l1i.size", "32KiB", 64, 1 << 30, "bytes",                             \
	  "first-level instruction cache of a CPU (Cascade Lake: 32 KiB)")                                 \
	X(S, U64, l1i_ways, "cache.l1i.ways", "8", 1, 1024, "ways",                                        \
	  "ways of the first-level instruction cache")                                                     \
	X(S, U64, l1i_latency, "cache.l1i.latency_cycles", "4", 0, 10000, "cycles",                        \
	  "fetch to decode on a hit (uncalibrated: as data)")                                              \
	X(S, ENUM, l1i_policy, "cache.l1i.policy", "lru", 0, 0, "",                                        \
	  "replacement policy of the first-level instruction cache", replacement_name)                     \
	X(S, BYTES, l2_size, "cache.l2.size", "1MiB", 64, UINT64_C(1) << 32, "bytes",                      \
	  "second-level cache of a CPU, includes both first-level caches (Cascade Lake: 1 MiB)")           \
	X(S, U64, l2_ways, "cache.l2.ways", "16", 1, 1024, "ways", "ways of the second-level cache")       \
	X(S, U64, l2_latency, "cache.l2.latency_cycles", "14", 0, 10000, "cycles",                         \
	  "load to use on a hit (Cascade Lake: 14)")                                                       \
	X(S, ENUM, l2_policy, "cache.l2.policy", "lru", 0, 0, "",                                          \
	  "replacement policy of the second-level cache", replacement_name)                                \
	X(S, BYTES, llc_size, "cache.llc.size", "25344KiB", 0, UINT64_C(1) << 36, "bytes",                 \
	  "last-level cache of a node, 0 = none (Cascade Lake 6240: 18 x 1.375 MiB)")                      \
	X(S, U64, llc_ways, "cache.llc.ways", "11", 1, 1024, "ways", "ways of the last-level cache")       \
	X(S, U64, llc_latency, "cache.llc.latency_cycles", "70", 0, 10000, "cycles",                       \
	  "load to use on a hit (Cascade Lake: 69 to 78)")                                                 \
	X(S, ENUM, llc_policy, "cache.llc.policy", "lru", 0, 0, "",                                        \
	  "replacement policy of the last-level cache", replacement_name)                                  \
	X(S, ENUM, llc_inclusion, "cache.llc.inclusion", "noninclusive", 0, 0, "",                         \
	  "noninclusive: filled by misses, independent of the caches above; inclusive: a line thrown out " \
	  "leaves the caches above, too; victim: filled by what second levels throw out",                  \
	  cache_inclusion_name)                                                                            \
	X(S, U64, fill_buffers, "cache.fill_buffers", "12", 1, 64, "lines",                                \
	  "lines that one access of several lines can wait for at a time (Skylake: 12 line fill buffers)") \
	X(S, U64, snoop_ps, "cache.snoop_ps", "22100", 0, 1000000000, "ps",                                \
	  "asking another CPU's caches of the node, after the last level's latency (derived: 49 ns from "  \
	  "core to core on Cascade Lake)")
const char *replacement_name(size_t i); /* models/hw/replacement.h */
const char *cache_inclusion_name(size_t i);
PARAM_STRUCT(cache_params, CACHE_PARAMS);
extern const struct param_table cache_param_table;

enum cache_inclusion { CACHE_NONINCLUSIVE, CACHE_INCLUSIVE, CACHE_VICTIM };

#define CACHE_STATS(X, S)                                                               \
	X(S, COUNTER, hits, "lines", "lines looked for and found")                      \
	X(S, COUNTER, misses, "lines", "lines looked for and not found")                \
	X(S, COUNTER, evictions, "lines", "lines replaced by another one")              \
	X(S, COUNTER, writebacks, "lines", "dirty lines handed to the next level down") \
	X(S, COUNTER, invalidations, "lines",                                           \
	  "lines lost to another cache's needs: a write elsewhere, inclusion")
STAT_STRUCT(cache_stats, CACHE_STATS);
extern const struct stat_table cache_l1d_stat_table, cache_l1i_stat_table, cache_l2_stat_table,
	cache_llc_stat_table;

/* A way's key: line << CACHE_FLAG_BITS | flags; 0 = empty. */
#define CACHE_VALID     1u
#define CACHE_DIRTY     2u
#define CACHE_OWNED     4u /* no other CPU has a copy, so a store needs to ask nobody (MESI's E and M) */
#define CACHE_FLAG_BITS 3
#define CACHE_STATE     (CACHE_DIRTY | CACHE_OWNED)

struct cache {
	uint64_t *
		ways_mem; /* set by set: keys, then touch stamps, then fill stamps of its ways; or an order */
	uint64_t ways, now;
	uint64_t stride; /* words a set */
	bool ordered; /* behind the keys stands the ways' order (recency.h), xor its start, instead of stamps
		       */
	struct recency recency;
	uint64_t mask; /* sets - 1 when sets is a power of two, else 0 */
	struct divisor sets;
	const struct replacement_ops *policy;
	struct rng rng;
	uint64_t latency; /* cycles, load to use on a hit */
	struct cache_stats stats;
};

struct cache_geometry {
	const char *name; /* "l1d": for messages ("cache.l1d.size") */
	uint64_t size, ways, line_bytes, latency;
	uint32_t policy;
	bool ordered; /* LRU of at most 16 ways: an order a set, which is smaller, but costs each touch more
		       */
};

/* path keys the random stream. Errors (ERR_CONFIG): a size that is no multiple of ways times line, a line
 * that is no power of two. */
int cache_init(struct cache *c, const struct cache_geometry *g, const char *path, uint64_t seed,
	       struct err *e);
void cache_release(struct cache *c);
/* Puts in a line that is not there, with CACHE_DIRTY and CACHE_OWNED as given. Returns the key of the line
 * that had to go (the caller writes it back), 0 when there was room. */
uint64_t cache_insert(struct cache *c, uint64_t line, uint64_t flags);
/* Takes the line out; returns its flags, 0 when it was not there. */
uint64_t cache_drop(struct cache *c, uint64_t line);
/* No line twice, every line in its set, stamps in order. */
bool cache_is_valid(const struct cache *c);

static inline uint64_t cache_line_of(uint64_t key)
{
	return key >> CACHE_FLAG_BITS;
}

static inline uint64_t *cache_set_of(const struct cache *c, uint64_t line)
{
	uint64_t set = line & c->mask;

	if (UNLIKELY(!c->mask))
		divisor_split(&c->sets, line, &set);
	return c->ways_mem + set * c->stride;
}

/* The line's key in its set, for reading and setting flags; NULL when it is not there. No touch, no counting.
 */
static inline uint64_t *cache_find(const struct cache *c, uint64_t line)
{
	uint64_t *key = cache_set_of(c, line), want = line << CACHE_FLAG_BITS | CACHE_VALID;

	for (uint64_t i = 0; i < c->ways; i++) {
		if ((key[i] & ~(uint64_t)CACHE_STATE) == want)
			return &key[i];
	}
	return NULL;
}

/* Starts to bring the set's state into the host's caches. */
static inline void cache_prefetch(const struct cache *c, uint64_t line)
{
	const uint64_t *set = cache_set_of(c, line);

	for (uint64_t i = 0; i + 1 < c->stride && i < 48; i += 8)
		__builtin_prefetch(set + i);
	__builtin_prefetch(set + MIN_OF(c->stride - 1, (uint64_t)48));
}

static inline void cache_order_touch(const struct cache *c, uint64_t *set, uint64_t way)
{
	uint64_t start = recency_start(&c->recency), order = set[c->ways] ^ start;

	if ((order & 15) != way)
		set[c->ways] = recency_touch(order, (unsigned)way) ^ start;
}

/* The line, whose key this is, was used. */
static inline void cache_touch(struct cache *c, uint64_t line, uint64_t *key)
{
	c->now++;
	if (c->ordered) {
		uint64_t *set = cache_set_of(c, line);

		cache_order_touch(c, set, (uint64_t)(key - set));
	} else {
		key[c->ways] = c->now;
	}
}

#endif
