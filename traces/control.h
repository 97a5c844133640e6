/*
 * control.h - pieces and control records as bytes: the control section of a block.
 */
#ifndef TRACES_CONTROL_H
#define TRACES_CONTROL_H

#include "traces/bytes.h"
#include "traces/record.h"

/* What the numbers in a block are relative to; starts from the block's first order, the rest zero. */
struct control_base {
	uint64_t order, after, time_ns;
};

/* A piece: accesses of one thread, then perhaps a control record (op REC_NONE = none). */
struct piece {
	uint64_t order, after;
	uint32_t accesses;
	struct control control; /* pid and tid are not stored here: they are the block's */
};

/* Bytes that one piece can take at most. */
#define PIECE_NUMBERS_MAX 160 /* without the text */
#define PIECE_SIZE_MAX    (CONTROL_TEXT_MAX + PIECE_NUMBERS_MAX)

void piece_write(struct buf *out, struct control_base *base, const struct piece *p);
/*
 * Reads one piece; text points into the section. False when the bytes are malformed or name an operation
 * this program does not know.
 */
bool piece_read(struct cursor *c, struct control_base *base, struct piece *p);

#endif
