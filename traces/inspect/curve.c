/*
 * curve.c - miss-ratio curves, exact or sampled.
 *
 * Exact: the depth of each touched page in an LRU stack (stackdist.h), counted by depth. An LRU memory of n
 * pages misses the touches deeper than n and the first ones (Mattson and others 1970).
 *
 * Sampled: SHARDS after Waldspurger, Park, Garthwaite and Ahmad, "Efficient MRC Construction with SHARDS",
 * FAST 2015. A page is followed when its hash, 24 bits, is below a threshold T: its depth among the followed
 * pages, divided by the rate R = T / 2^24, estimates its depth among all. Fixed size: when more than
 * `samples` pages are followed, those with the largest hash are dropped and T becomes that hash. The paper
 * then scales the counts of the past down by T's change; here each touch weighs 1 / R as it was at its time,
 * which is the same up to a common factor. Count correction (the paper's SHARDS-adj adds the expected minus
 * the found number of touches to the first bucket): the misses do not contain the first bucket, so dividing
 * them by the true number of touches is that correction. Whether one very popular page is followed shifts the
 * estimate for small memories by its share of the touches: below some 1 / R pages it is poor.
 *
 * A touch of the page touched last is counted without looking anything up, so the cost is O(log n) a change
 * of page and a comparison otherwise. Memory: the stack, and 8 bytes for each depth that occurs (exact) or
 * 230 KiB (sampled: sizes from 1024 pages on are told apart to one part in 512).
 *
 * Invariant: first touches + touches counted by depth = touches (exact); followed pages <= samples.
 *
 * Not modelled: that munmap, exec and exit take pages away (a page lives on in the stack and sinks), pages
 * that processes share (fork, shared mappings: each process has its own), the kernel's own memory,
 * replacement other than LRU.
 */
#include "traces/inspect/curve.h"

#include <string.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/inspect/stackdist.h"
#include "traces/record.h"

#define BIN_SHIFT 9 /* bins of a power of two: 2^9 */
#define BIN_EXACT (UINT64_C(2) << BIN_SHIFT)
#define BINS      (BIN_EXACT + (UINT64_C(63) - BIN_SHIFT) * (UINT64_C(1) << BIN_SHIFT))

struct followed {
	uint64_t page;
	uint32_t pid, hash;
};

struct curve {
	struct curve_config config;
	bool exact;
	struct stackdist *stack;
	double *bin;  /* touches by depth (exact) or by bin of the depth */
	double *miss; /* with a memory up to the bin's size; NULL when it is to be worked out */
	uint64_t nr_bins;
	uint64_t accesses, touches, sampled;
	double cold;
	/* the page touched last */
	bool any;
	uint32_t pid;
	uint64_t page, repeats;
	double weight; /* of its touches; 0 = not followed */
	/* sampled: followed pages, a heap with the largest hash first */
	uint32_t threshold;
	struct followed *heap;
	uint64_t nr_heap, cap_heap;
};

struct curve *curve_new(const struct curve_config *config)
{
	struct curve *c = mem_alloc_late(1, sizeof *c);

	c->config = *config;
	c->exact = config->rate >= CURVE_RATE_UNIT && !config->samples;
	c->threshold = MIN_OF(config->rate, CURVE_RATE_UNIT);
	c->stack = stackdist_new();
	c->nr_bins = c->exact ? 64 : BINS;
	c->bin = mem_alloc_late(c->nr_bins, sizeof *c->bin);
	return c;
}

void curve_free(struct curve *c)
{
	if (!c)
		return;
	stackdist_free(c->stack);
	mem_free(c->bin);
	mem_free(c->miss);
	mem_free(c->heap);
	mem_free(c);
}

static uint64_t bin_of(const struct curve *c, uint64_t depth)
{
	unsigned e;

	if (c->exact || depth < BIN_EXACT)
		return depth;
	e = ilog2_u64(depth) - BIN_SHIFT;
	return BIN_EXACT + (e - 1) * (UINT64_C(1) << BIN_SHIFT) + ((depth >> e) - (BIN_EXACT >> 1));
}

/* The smallest depth of a bin. */
static uint64_t bin_low(const struct curve *c, uint64_t bin)
{
	uint64_t e, rest;

	if (c->exact || bin < BIN_EXACT)
		return bin;
	e = ((bin - BIN_EXACT) >> BIN_SHIFT) + 1;
	rest = (bin - BIN_EXACT) & ((UINT64_C(1) << BIN_SHIFT) - 1);
	return (rest + (BIN_EXACT >> 1)) << e;
}

static void count(struct curve *c, uint64_t depth, double weight)
{
	uint64_t b = bin_of(c, depth), old = c->nr_bins;

	if (UNLIKELY(b >= old)) {
		c->nr_bins = MAX_OF(old * 2, b + 1);
		c->bin = mem_realloc(c->bin, c->nr_bins, sizeof *c->bin);
		for (uint64_t i = old; i < c->nr_bins; i++)
			c->bin[i] = 0;
	}
	c->bin[b] += weight;
}

static uint32_t hash_of(const struct curve *c, uint32_t pid, uint64_t page)
{
	return (uint32_t)(hash_u64(hash_u64(c->config.seed ^ (uint64_t)pid << 20) + page) >> 40);
}

static void sift_down(struct curve *c, uint64_t i)
{
	struct followed x = c->heap[i];
	uint64_t child;

	while ((child = 2 * i + 1) < c->nr_heap) {
		if (child + 1 < c->nr_heap && c->heap[child + 1].hash > c->heap[child].hash)
			child++;
		if (c->heap[child].hash <= x.hash)
			break;
		c->heap[i] = c->heap[child];
		i = child;
	}
	c->heap[i] = x;
}

static void heap_push(struct curve *c, struct followed x)
{
	uint64_t i = c->nr_heap++, parent;

	if (i == c->cap_heap) {
		c->cap_heap = c->cap_heap ? c->cap_heap * 2 : 64;
		c->heap = mem_realloc(c->heap, c->cap_heap, sizeof *c->heap);
	}
	for (; i && c->heap[parent = (i - 1) / 2].hash < x.hash; i = parent)
		c->heap[i] = c->heap[parent];
	c->heap[i] = x;
}

/* Lowers the threshold until no more than the bound are followed. */
static void drop_followed(struct curve *c)
{
	while (c->nr_heap > c->config.samples) {
		c->threshold = c->heap[0].hash;
		while (c->nr_heap && c->heap[0].hash >= c->threshold) {
			stackdist_remove(c->stack, c->heap[0].pid, c->heap[0].page);
			c->heap[0] = c->heap[--c->nr_heap];
			if (c->nr_heap)
				sift_down(c, 0);
		}
	}
}

/* The touches of the last page since it was looked up. */
static void settle(struct curve *c)
{
	if (c->repeats && c->weight > 0) {
		count(c, 1, (double)c->repeats * c->weight);
		c->sampled += c->repeats;
	}
	c->repeats = 0;
}

static void follow(struct curve *c, uint32_t pid, uint64_t page)
{
	double rate = (double)c->threshold / CURVE_RATE_UNIT;
	uint32_t hash = c->exact ? 0 : hash_of(c, pid, page);
	uint64_t depth;

	c->weight = 0;
	if (hash >= c->threshold)
		return;
	depth = stackdist_touch(c->stack, pid, page);
	c->weight = 1 / rate;
	c->sampled++;
	if (depth)
		count(c, c->exact ? depth : (uint64_t)((double)(depth - 1) / rate + 1.5), c->weight);
	else
		c->cold += c->weight;
	if (depth || !c->config.samples)
		return;
	heap_push(c, (struct followed){page, pid, hash});
	drop_followed(c);
	if (hash >= c->threshold)
		c->weight = 0;
}

static void touch(struct curve *c, uint32_t pid, uint64_t page)
{
	if (c->any && c->page == page && c->pid == pid) {
		c->repeats++;
		return;
	}
	settle(c);
	follow(c, pid, page);
	c->any = true;
	c->pid = pid;
	c->page = page;
}

int curve_add(struct curve *c, uint32_t pid, const uint64_t *addr, const uint32_t *meta, size_t n,
	      struct err *e)
{
	unsigned shift = c->config.page_shift, kinds = c->config.kinds;
	uint64_t taken = 0, split = 0;

	mem_free(c->miss);
	c->miss = NULL;
	if (stackdist_len(c->stack) + 2 * n > STACKDIST_PAGES_MAX)
		return err_set(e, ERR_LIMIT,
			       "more than %" PRIu64 " pages for an exact curve; take a sampled one (--rate)",
			       (uint64_t)STACKDIST_PAGES_MAX - 2 * n);
	for (size_t i = 0; i < n; i++) {
		uint64_t end = addr[i] + META_SIZE(meta[i]) - 1, first = addr[i] >> shift, last;

		if (!(kinds >> META_KIND(meta[i]) & 1))
			continue;
		taken++;
		last = (UNLIKELY(end < addr[i]) ? UINT64_MAX : end) >> shift;
		touch(c, pid, first);
		if (UNLIKELY(last != first)) {
			touch(c, pid, last);
			split++;
		}
	}
	c->accesses += taken;
	c->touches += taken + split;
	return 0;
}

/* Misses of the memories of each bin's size, from the largest down. */
static void work_out(struct curve *c)
{
	double sum = c->cold;

	settle(c);
	c->miss = mem_alloc_late(c->nr_bins, sizeof *c->miss);
	for (uint64_t b = c->nr_bins; b-- > 0;) {
		c->miss[b] = sum;
		sum += c->bin[b];
	}
}

void curve_sum(const struct curve *c, struct curve_sum *s)
{
	*s = (struct curve_sum){.accesses = c->accesses,
				.touches = c->touches,
				.sampled = c->sampled + (c->weight > 0 ? c->repeats : 0),
				.cold = c->cold,
				.deepest = 1,
				.rate = (double)c->threshold / CURVE_RATE_UNIT};
	for (uint64_t b = c->nr_bins; b-- > 1;)
		if (c->bin[b] > 0) {
			s->deepest = bin_low(c, b);
			break;
		}
}

double curve_misses(struct curve *c, uint64_t pages)
{
	uint64_t b = bin_of(c, pages);

	if (!pages)
		return (double)c->touches;
	if (!c->miss)
		work_out(c);
	return b >= c->nr_bins ? c->cold : MIN_OF(c->miss[b], (double)c->touches);
}

uint64_t curve_next_step(struct curve *c, uint64_t pages)
{
	if (!c->miss)
		work_out(c);
	for (uint64_t b = bin_of(c, pages) + 1; b < c->nr_bins; b++)
		if (c->bin[b] > 0)
			return bin_low(c, b);
	return 0;
}
