/*
 * server.h - something that serves one unit at a time: a link's direction, a bus, a DRAM channel's data
 * wires.
 *
 * Time is cut into slots, each the time of one unit; a request takes the first free slots at or after the
 * time it arrives. Requests may come out of time order (a CPU's remote access reserves a channel 60 ns ahead
 * before another CPU's local access asks for a nearer slot): the nearer one takes the gap, which a plain
 * "next free time" would have lost. A window of slots is kept as bits and moves on with the latest arrival.
 */
#ifndef MODELS_HW_SERVER_H
#define MODELS_HW_SERVER_H

#include "models/hw/divisor.h"

#define SERVER_SLOTS 65536 /* width of the window */
#define SERVER_BACK  32768 /* how far an arrival may lie behind the latest one, slots */

struct server {
	uint64_t busy[SERVER_SLOTS / 64];      /* a bit a slot, slot number modulo the width */
	uint64_t full[SERVER_SLOTS / 64 / 64]; /* a bit a word of busy without a free slot */
	uint64_t first;                        /* first slot of the window, a multiple of 64 */
	uint64_t spill;                        /* all slots from the window's end to here are taken */
	struct divisor slot_ps;
};

/* slot_ps: time of one unit, not 0. */
void server_init(struct server *s, tick_t slot_ps);
/*
 * Serves `units` (at least 1) for a request that arrives at `at`; returns when the last one is through: at +
 * units * slot_ps on an idle server. An arrival before the window counts as one at its beginning.
 */
tick_t server_reserve(struct server *s, tick_t at, unsigned units);
/* ps that a unit of `bytes` takes at mbs * 10^6 bytes a second, rounded up, at least 1. */
tick_t server_slot_ps(uint64_t bytes, uint64_t mbs);

#endif
