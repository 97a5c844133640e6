/*
 * runs.h - what the two halves of encoding "runs" share: runs.c reads, runs_encode.c writes.
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

static inline void slot_update(struct slot *s, uint64_t addr, const uint64_t *recent)
{
	s->v[SLOT_NEXT] = 2 * addr - s->v[SLOT_LAST];
	s->v[SLOT_LAST] = addr;
	s->v[SLOT_APART1] = addr - recent[-1];
	s->v[SLOT_APART2] = addr - recent[-2];
}

/* The hook of encoding.h. */
bool runs_encode(const struct encode_input *in, struct buf *out);

#endif
