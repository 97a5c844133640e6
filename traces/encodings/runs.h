/*
 * runs.h - what the parts of encoding "runs" share: runs.c reads, runs_encode.c writes a block that is there,
 * traces/recorder/live.c one that comes up.
 */
#ifndef TRACES_ENCODINGS_RUNS_H
#define TRACES_ENCODINGS_RUNS_H

#include "traces/encodings/encoding.h"

#define RUN_MAX   32 /* accesses */
#define LOOK_BACK 32 /* zeros before the first data address */

/* The lengths of corrections that three bits of a code name. */
extern const struct correction_row {
	uint64_t mask, size;
} correction_rows[8];

/* What an instruction's data access did last. */
enum slot_field {
	SLOT_NEXT,   /* last address plus last step */
	SLOT_LAST,   /* last address */
	SLOT_APART1, /* its distance to the data access before it */
	SLOT_APART2, /* … to the one before that */
	SLOT_FIELDS
};
struct slot {
	uint64_t v[SLOT_FIELDS];
};

/* For each guess: which field of the slot, whether it counts; how far back, whether that counts. */
extern const struct guess_row {
	uint64_t slot_mask, recent_mask;
	int64_t field, back;
} guess_rows[32];

static inline uint64_t guess_of(const struct guess_row *g, const struct slot *s, const uint64_t *recent)
{
	return (s->v[g->field] & g->slot_mask) + (recent[g->back] & g->recent_mask);
}

/* With the data addresses first and second before it. */
static inline void slot_update(uint64_t v[SLOT_FIELDS], uint64_t addr, uint64_t first, uint64_t second)
{
	v[SLOT_NEXT] = 2 * addr - v[SLOT_LAST];
	v[SLOT_LAST] = addr;
	v[SLOT_APART1] = addr - first;
	v[SLOT_APART2] = addr - second;
}

/* The number of a correction's length. */
static inline unsigned correction_class(uint64_t z)
{
	unsigned w = byte_width(z);

	return w > 6 ? 7 : w;
}

#define RUNS_SHAPES_MAX 65536u /* their numbers have two bytes */
#define RUNS_GUESSES    16u    /* that are tried: the slot's, then the nearest addresses (at most 32) */

/* The guess with the shortest correction *z, the first of equals, of a slot's fields and what stands before
 * `recent`. */
unsigned runs_best_guess(const uint64_t v[SLOT_FIELDS], const uint64_t *recent, uint64_t addr, uint64_t *z);

#define RUNS_NEAR_TIMES 2
/*
 * An instruction whose addresses no guess gives exactly keeps a guess that is near; now and then all are
 * tried again. *near: how often it may still be taken.
 */
static inline bool runs_stays_near(uint8_t *near, uint64_t z)
{
	*near = (uint8_t)(z < 256 && *near ? *near - 1 : 0);
	return *near;
}

/* A block in the parts of which FORMAT.md speaks; shapes as they are numbered. */
struct runs_parts {
	uint32_t nr_shapes, nr_runs, nr_data, nr_words;
	const uint8_t *lengths;
	const uint32_t *words;
	const uint64_t *bases;
	const uint16_t *runs;
	const uint8_t *codes, *corrections;
	size_t nr_corrections; /* bytes */
};
void runs_write(const struct runs_parts *parts, struct buf *out);

/* The hook of encoding.h. */
bool runs_encode(const struct encode_input *in, struct buf *out);

#endif
