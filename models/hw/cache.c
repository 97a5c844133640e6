/*
 * cache.c - sets, ways and replacement of one cache.
 *
 * Modelled: physically indexed and tagged lines, write-back and write-allocate (what allocates is decided by
 * hierarchy.c), replacement by a row of the policy table. The set is the line number modulo the number of
 * sets, which need not be a power of two (11 ways of 24.75 MiB are 36864 sets).
 *
 * A set under LRU of at most 16 ways may keep the order of its ways in one word instead of two stamps for
 * each: the larger levels do, because there the host waits for its memory; a first level, touched all the
 * time, not.
 *
 * Complexity: O(ways). Invariants: cache_is_valid.
 * Not modelled: hashed sets and slices, sectored lines, ports and bank conflicts, victim buffers of their
 * own, prefetchers, way partitioning (CAT).
 */
#include "models/hw/cache.h"

#include "models/hw/replacement/policies.h"
#include "sim/check.h"
#include "sim/mem.h"

PARAM_TABLE(cache, cache_params, CACHE_PARAMS);

static const struct stat_row rows[] = {CACHE_STATS(STAT_ROW_, cache_stats)};
#define CACHE_STAT_TABLE(level)                                                                       \
	const struct stat_table cache_##level##_stat_table = {"cache." #level, rows, ARRAY_LEN(rows), \
							      sizeof(struct cache_stats)}
CACHE_STAT_TABLE(l1d);
CACHE_STAT_TABLE(l1i);
CACHE_STAT_TABLE(l2);
CACHE_STAT_TABLE(llc);

const char *cache_inclusion_name(size_t i)
{
	static const char *const names[] = {[CACHE_NONINCLUSIVE] = "noninclusive",
					    [CACHE_INCLUSIVE] = "inclusive",
					    [CACHE_VICTIM] = "victim"};

	return i < ARRAY_LEN(names) ? names[i] : NULL;
}

int cache_init(struct cache *c, const struct cache_geometry *g, const char *path, uint64_t seed,
	       struct err *e)
{
	uint64_t sets;

	*c = (struct cache){0};
	if (!g->line_bytes || g->line_bytes & (g->line_bytes - 1))
		return err_set(e, ERR_CONFIG, "cache.line_bytes: %" PRIu64 ", expected a power of two",
			       g->line_bytes);
	if (!g->ways || !g->size || g->size % (g->ways * g->line_bytes))
		return err_set(e, ERR_CONFIG,
			       "cache.%s.size: %" PRIu64 " bytes, expected a multiple of %" PRIu64
			       " ways of %" PRIu64 "-byte lines (cache.%s.ways, cache.line_bytes)",
			       g->name, g->size, g->ways, g->line_bytes, g->name);
	sets = g->size / (g->ways * g->line_bytes);
	c->ways = g->ways;
	c->sets = divisor_of(sets);
	c->mask = sets & (sets - 1) ? 0 : sets - 1;
	c->latency = g->latency;
	c->policy = replacement_at(g->policy);
	c->ordered = g->ordered && c->policy == &replacement_lru && g->ways <= RECENCY_WAYS;
	c->stride = c->ordered ? g->ways + 1 : g->ways * 3;
	if (c->ordered)
		c->recency = recency_of(g->ways);
	c->ways_mem = mem_alloc(sets * c->stride, sizeof *c->ways_mem);
	rng_init(&c->rng, seed, path);
	return 0;
}

void cache_release(struct cache *c)
{
	mem_free(c->ways_mem);
	*c = (struct cache){0};
}

/* The way of a full set that goes. */
static uint64_t choose_victim(struct cache *c, uint64_t *key)
{
	if (c->ordered)
		return (key[c->ways] ^ recency_start(&c->recency)) >> c->recency.oldest;
	return c->policy->victim(key + c->ways, key + 2 * c->ways, (unsigned)c->ways, &c->rng);
}

uint64_t cache_insert(struct cache *c, uint64_t line, uint64_t flags)
{
	uint64_t *key = cache_set_of(c, line), old = 0, way = 0;

	DCHECK(!cache_find(c, line), "line %#" PRIx64 " is there already", line);
	while (way < c->ways && key[way])
		way++;
	if (way == c->ways) {
		way = choose_victim(c, key);
		old = key[way];
		c->stats.evictions++;
	}
	key[way] = line << CACHE_FLAG_BITS | (flags & CACHE_STATE) | CACHE_VALID;
	c->now++;
	if (c->ordered)
		cache_order_touch(c, key, way);
	else
		key[c->ways + way] = key[2 * c->ways + way] = c->now;
	return old;
}

uint64_t cache_drop(struct cache *c, uint64_t line)
{
	uint64_t *key = cache_find(c, line), flags;

	if (!key)
		return 0;
	flags = *key & (CACHE_STATE | CACHE_VALID);
	key[0] = 0;
	if (!c->ordered)
		key[c->ways] = key[2 * c->ways] = 0;
	return flags;
}

static bool set_is_valid(const struct cache *c, const uint64_t *key)
{
	if (c->ordered && !recency_is_valid(&c->recency, key[c->ways] ^ recency_start(&c->recency)))
		return false;
	for (uint64_t i = 0; i < c->ways; i++) {
		if (!key[i]) {
			if (!c->ordered && (key[c->ways + i] || key[2 * c->ways + i]))
				return false;
			continue;
		}
		if (!(key[i] & CACHE_VALID) || cache_set_of(c, cache_line_of(key[i])) != key ||
		    cache_find(c, cache_line_of(key[i])) != &key[i])
			return false;
		if (!c->ordered && (key[c->ways + i] < key[2 * c->ways + i] || !key[2 * c->ways + i] ||
				    key[c->ways + i] > c->now))
			return false;
	}
	return true;
}

bool cache_is_valid(const struct cache *c)
{
	for (uint64_t s = 0; s < c->sets.n; s++) {
		if (!set_is_valid(c, c->ways_mem + s * c->stride))
			return false;
	}
	return true;
}
