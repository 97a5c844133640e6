/*
 * server.c - reservation of time slots.
 *
 * After the idea of the history-list queue models of Graphite and Sniper (Miller and others, HPCA 2010):
 * contention from reservations that need not come in time order. Here with slots of one size and a bitmap.
 *
 * Complexity: O(units + backlog / 4096), and one word cleared for each 64 slots that time moves on.
 * Invariant: in any span of n slots at most n units are served, so the rate never exceeds one unit a slot_ps
 * (a unit that arrives in the middle of a free slot keeps that slot and ends less than a slot later).
 * Not modelled: priorities between requests, and requests that leave the queue.
 */
#include "models/hw/server.h"

#include <string.h>

#define WORDS (SERVER_SLOTS / 64)

void server_init(struct server *s, tick_t slot_ps)
{
	memset(s, 0, sizeof *s);
	s->slot_ps = divisor_of(slot_ps);
}

tick_t server_slot_ps(uint64_t bytes, uint64_t mbs)
{
	uint64_t ps = mul_div_up_u64(bytes, 1000000, mbs);

	return ps ? ps : 1;
}

/* The bits of the 64 slots from `slot` on that lie below s->spill. */
static uint64_t spilled_bits(const struct server *s, uint64_t slot)
{
	if (s->spill <= slot)
		return 0;
	return s->spill - slot >= 64 ? UINT64_MAX : (UINT64_C(1) << (s->spill - slot)) - 1;
}

static void set_word(struct server *s, uint64_t slot, uint64_t bits)
{
	uint64_t w = slot / 64 % WORDS, bit = UINT64_C(1) << (w & 63);

	s->busy[w] = bits;
	s->full[w / 64] = bits == UINT64_MAX ? s->full[w / 64] | bit : s->full[w / 64] & ~bit;
}

static void advance(struct server *s, uint64_t slot)
{
	uint64_t first = (slot - SERVER_BACK) & ~UINT64_C(63), n = (first - s->first) / 64;

	for (uint64_t i = 0; i < MIN_OF(n, WORDS); i++) {
		uint64_t from = first + SERVER_SLOTS - 64 * (i + 1);

		set_word(s, from, spilled_bits(s, from));
	}
	s->first = first;
}

/* The first slot of the next word with a free one, from slot `at` (of a word's beginning) on; `end` if none.
 */
static uint64_t next_open(const struct server *s, uint64_t at, uint64_t end)
{
	while (at < end) {
		uint64_t w = at / 64 % WORDS, open = ~s->full[w / 64] >> (w & 63);

		if (open)
			return MIN_OF(end, at + 64 * (uint64_t)__builtin_ctzll(open));
		at += 64 * (64 - (w & 63));
	}
	return end;
}

/* Takes the first free slot at or after `slot`, which is not before the window. */
static uint64_t take(struct server *s, uint64_t slot)
{
	uint64_t end = s->first + SERVER_SLOTS, at = slot & ~UINT64_C(63), bits;
	uint64_t mask = UINT64_MAX << (slot & 63);

	if (LIKELY(slot < end)) {
		bits = ~s->busy[at / 64 % WORDS] & mask;
		if (UNLIKELY(!bits)) {
			at = next_open(s, at + 64, end);
			bits = at < end ? ~s->busy[at / 64 % WORDS] : 0;
		}
		if (LIKELY(bits)) {
			set_word(s, at, s->busy[at / 64 % WORDS] | (bits & (0 - bits)));
			return at + (uint64_t)__builtin_ctzll(bits);
		}
	}
	s->spill = MAX_OF(s->spill, end) + 1;
	return s->spill - 1;
}

tick_t server_reserve(struct server *s, tick_t at, unsigned units)
{
	uint64_t rest, slot = divisor_split(&s->slot_ps, at, &rest);
	tick_t end;

	if (slot >= s->first + SERVER_BACK + 64)
		advance(s, slot);
	if (UNLIKELY(slot < s->first)) {
		slot = s->first;
		at = slot * s->slot_ps.n;
	}
	for (end = at; units; units--) {
		slot = take(s, slot);
		end = MAX_OF(end, slot * s->slot_ps.n) + s->slot_ps.n;
		slot++;
	}
	return end;
}
