/*
 * expand.c - words to accesses. A few instructions a word: this runs once for each access recorded.
 *
 * With fetches a block of code is one fetch with its instructions' count, in front of its data accesses,
 * which have the count 0. Without, each data access counts the instructions since the one before; more than
 * fit into a packed word count on with the next accesses.
 */
#include "traces/recorder/expand.h"

#include "traces/recorder/shared.h"

/* Instructions up to the access's own that none has counted. */
static uint32_t count_until(struct expander *x, uint64_t word)
{
	uint32_t insn = DATA_INSN(word) + 1;
	uint64_t n = x->carry;

	if (insn > x->done) {
		n += insn - x->done;
		x->done = insn;
	}
	x->carry = n > META_ICOUNT_MAX ? n - META_ICOUNT_MAX : 0;
	return (uint32_t)(n - x->carry);
}

static void begin_block(struct expander *x, uint64_t word)
{
	x->carry += x->insns > x->done ? x->insns - x->done : 0;
	x->insns = BLOCK_COUNT(word);
	x->done = 0;
}

bool expand_words(struct expander *x, const uint64_t *ring, uint64_t *from, uint64_t end, bool whole,
		  struct expanded *out)
{
	uint64_t at = *from, last = 0, last_at = at, *addr = out->addr;
	struct expander before = *x; /* the last access */
	uint32_t *meta = out->meta;
	size_t n = out->n;
	bool met = false;

	for (; at < end && n < out->room; at++) {
		uint64_t w = ring[at & (RING_WORDS - 1)];

		if (LIKELY(WORD_TYPE(w) == WORD_DATA)) {
			uint32_t m = DATA_KIND(w) | DATA_SIZE(w) << META_SIZE_SHIFT;

			if (w == last + 8 && IS_PIECE(w) && META_SIZE(meta[n - 1]) + 8 <= META_SIZE_MAX) {
				meta[n - 1] += 8u << META_SIZE_SHIFT;
				last = w;
				continue;
			}
			if (x->no_fetches) {
				before = *x;
				m |= count_until(x, w) << META_ICOUNT_SHIFT;
			}
			last = w;
			last_at = at;
			addr[n] = WORD_ADDR(w);
			meta[n++] = m;
		} else if (LIKELY(WORD_TYPE(w) == WORD_BLOCK)) {
			last = 0;
			if (x->no_fetches) {
				begin_block(x, w);
				continue;
			}
			addr[n] = WORD_ADDR(w);
			meta[n++] = ACCESS_FETCH | BLOCK_BYTES(w) << META_SIZE_SHIFT |
				    BLOCK_COUNT(w) << META_ICOUNT_SHIFT;
		} else {
			met = true;
			break;
		}
	}
	if (!met && last && !(whole && at == end)) {
		n--;
		at = last_at;
		*x = before;
	}
	out->n = n;
	*from = at;
	return met;
}
