/*
 * encoder.h - from the accesses of one block to the smallest access section.
 */
#ifndef TRACES_ENCODER_H
#define TRACES_ENCODER_H

#include "traces/encodings/encoding.h"
#include "traces/native.h"

struct encoder {
	struct section_coder *zstd, *quick;  /* quick: level 1 */
	struct section_coder *coder;         /* the one of the block at hand */
	bool fast;                           /* level below 0: all blocks are "delta" */
	bool choose;                         /* level 0: a block is written with 5 or 1 */
	bool first;                          /* level 1: the first that suits, no trials */
	struct buf raw, trial, best, tables; /* scratch; best holds the section to be stored */
};

/* level as in trace_writer_open. */
void encoder_init(struct encoder *enc, int level);
void encoder_release(struct encoder *enc);
/*
 * Encodes in; enc->best then holds the stored section. Fills encoding, acc_raw, acc_stored and acc_sum of h.
 * `habit` is kept by the caller for each thread (start with zero): most blocks are tried only with what was
 * best lately.
 */
struct encoder_habit {
	uint32_t blocks, trial, wait; /* so far; where all are tried next; blocks from trial to trial */
	const struct block_encoding_ops *last;
	bool quick;  /* level 1 makes the blocks about as small */
	bool trying; /* a trial is under way (encode_pool.c) */
};
/*
 * Whether the next block (of one access or more) changes more of the habit than the number of blocks, so that
 * the ones behind it must wait for it.
 */
bool encoder_is_trial(const struct encoder *enc, const struct encoder_habit *habit);
void encoder_run(struct encoder *enc, const struct encode_input *in, struct encoder_habit *habit,
		 struct block_header *h);
/* The same for a block that was encoded as it came: enc->raw holds its section, h its encoding. */
void encoder_store(struct encoder *enc, struct block_header *h);

#endif
