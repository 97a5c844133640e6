/*
 * expand.h - from the words of a ring to accesses.
 */
#ifndef TRACES_RECORDER_EXPAND_H
#define TRACES_RECORDER_EXPAND_H

#include "traces/record.h"

/* What one thread's words mean depends on: all zero at first. */
struct expander {
	bool no_fetches;
	uint32_t insns; /* no_fetches: of the block that runs */
	uint32_t done;  /* of them already counted in an access */
	uint64_t carry; /* instructions of earlier blocks that no access has counted */
};

/* Accesses made of words [*from, end): arrays of `room` entries. */
struct expanded {
	uint64_t *addr;
	uint32_t *meta;
	size_t n, room;
};

/*
 * Appends the accesses of words [*from, end) of the ring (indices modulo its size) until a stamp or a record
 * stands there, or there is no room; *from is then behind the words used. Pieces of eight bytes that adjoin
 * and come from one instruction are one access (vector registers). When the words end, the last access is
 * left for later, since more of its pieces may come, unless `whole`. At least two entries of room are wanted.
 * true: a stamp or a record was met.
 */
bool expand_words(struct expander *x, const uint64_t *ring, uint64_t *from, uint64_t end, bool whole,
		  struct expanded *out);

#endif
