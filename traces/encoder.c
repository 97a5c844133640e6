/*
 * encoder.c - chooses the encoding of a block.
 *
 * All encodings that suit are tried on the first two blocks of a thread and on every eighth one, the smallest
 * after compression wins (the table's order breaks ties); the blocks between take the last winner. The choice
 * depends on the thread's accesses alone, so the same trace is always written as the same bytes.
 */
#include "traces/encoder.h"

#include "sim/check.h"

#define TRY_ALL_EVERY 8

void encoder_init(struct encoder *enc, int level)
{
	memset(enc, 0, sizeof *enc);
	enc->zstd = section_coder_new(level);
}

void encoder_release(struct encoder *enc)
{
	section_coder_free(enc->zstd);
	buf_release(&enc->raw);
	buf_release(&enc->trial);
	buf_release(&enc->best);
}

/* Tries one encoding; true when it is the best so far. */
static bool try_one(struct encoder *enc, const struct block_encoding_ops *ops, const struct encode_input *in,
		    struct block_header *h, bool first)
{
	struct buf swap;

	buf_reset(&enc->raw, ENCODING_RAW_MAX(in->n));
	if (!ops->encode(in, &enc->raw) || enc->raw.len > BLOCK_ACC_RAW_MAX)
		return false;
	buf_reset(&enc->trial, 0);
	section_compress(enc->zstd, enc->raw.p, enc->raw.len, &enc->trial);
	if (!first && enc->trial.len >= enc->best.len)
		return false;
	swap = enc->best;
	enc->best = enc->trial;
	enc->trial = swap;
	h->encoding = ops->number;
	h->acc_raw = (uint32_t)enc->raw.len;
	h->acc_stored = (uint32_t)enc->best.len;
	return true;
}

void encoder_run(struct encoder *enc, const struct encode_input *in, struct encoder_habit *habit,
		 struct block_header *h)
{
	const struct block_encoding_ops *ops, *won = NULL;
	uint32_t turn = habit->blocks++;

	h->encoding = 0;
	h->acc_raw = h->acc_stored = 0;
	h->acc_sum = native_sum(NULL, 0, 0);
	buf_reset(&enc->best, 0);
	if (in->n == 0)
		return;
	if (habit->last && turn > 1 && turn % TRY_ALL_EVERY && try_one(enc, habit->last, in, h, true))
		won = habit->last;
	if (!won) {
		for (size_t i = 0; (ops = encoding_at(i)); i++)
			if ((!ops->suits || ops->suits(in)) && try_one(enc, ops, in, h, !won))
				won = ops;
		CHECK(won, "no encoding took a block of %" PRIu32 " accesses", in->n);
		habit->last = won;
	}
	h->acc_sum = native_sum(enc->best.p, enc->best.len, 0);
}
