/*
 * encoder.c - chooses the encoding of a block.
 *
 * All encodings that suit are tried on the first two blocks of a thread and after that every eighth; each
 * time the winner stays the same, after twice as many, up to 64. The smallest after compression wins (the
 * table's order breaks ties); the blocks between take the last winner. Of a large block only its middle is
 * tried, then all of it is written with the winner: a trial of all costs as much as four blocks, one of the
 * middle half a block. Along with a trial it is seen whether zstd's level 1 does nearly as well as level 5;
 * where it does (addresses without a pattern), it writes the blocks up to the next trial. With level 1 (a
 * recording, which has to keep pace with a program) nothing is tried: the first of the table that suits; with
 * a level below zero (speed counts, size does not: the temporary file of an import) all blocks are "delta".
 * The choice depends on the thread's accesses alone, so the same trace is always written as the same bytes.
 */
#include "traces/encoder.h"

#include "sim/check.h"

#define DEFAULT_LEVEL 5
#define WAIT_FIRST    8
#define WAIT_MAX      64
#define QUICK_MARGIN  32   /* a 32nd larger is small enough */
#define SAMPLE        8192 /* accesses; blocks of up to twice as many are tried whole */

void encoder_init(struct encoder *enc, int level)
{
	memset(enc, 0, sizeof *enc);
	enc->zstd = section_coder_new(level ? level : DEFAULT_LEVEL);
	enc->quick = section_coder_new(1);
	enc->choose = level == 0;
	enc->fast = level < 0;
	enc->first = level == 1;
}

void encoder_release(struct encoder *enc)
{
	section_coder_free(enc->zstd);
	section_coder_free(enc->quick);
	buf_release(&enc->raw);
	buf_release(&enc->trial);
	buf_release(&enc->best);
	buf_release(&enc->tables);
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
	section_compress(enc->coder, enc->raw.p, enc->raw.len, &enc->trial);
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

/* Tries all that suit; enc->best holds the smallest, h->encoding its number. */
static bool best_of_all(struct encoder *enc, const struct encode_input *in, struct block_header *h)
{
	const struct block_encoding_ops *ops;
	bool won = false;

	for (size_t i = 0; (ops = encoding_at(i)); i++)
		if (!ops->suits || ops->suits(in))
			won = try_one(enc, ops, in, h, !won) || won;
	return won;
}

/* Tries all on the block, or on the middle of a large one. True when enc->best holds the block. */
static bool trial(struct encoder *enc, const struct encode_input *in, struct encoder_habit *habit,
		  struct block_header *h)
{
	const struct block_encoding_ops *won;
	struct encode_input part = *in;
	bool sampled = in->n > 2 * SAMPLE;

	if (sampled) {
		part.addr += (in->n - SAMPLE) / 2;
		part.meta += (in->n - SAMPLE) / 2;
		part.n = SAMPLE;
	}
	won = best_of_all(enc, &part, h) ? encoding_by_number(h->encoding) : NULL;
	if (habit->wait && won == habit->last)
		habit->wait = MIN_OF(2 * habit->wait, (uint32_t)WAIT_MAX);
	else
		habit->wait = habit->last ? WAIT_FIRST : 0;
	habit->trial = habit->blocks + MAX_OF(habit->wait, 1u);
	habit->quick = false;
	habit->last = won;
	return won && !sampled;
}

/* Whether level 1 makes what was just tried nearly as small as enc->best. */
static bool is_quick_enough(struct encoder *enc)
{
	buf_reset(&enc->trial, 0);
	section_compress(enc->quick, enc->raw.p, enc->raw.len, &enc->trial);
	return enc->trial.len <= enc->best.len + enc->best.len / QUICK_MARGIN;
}

static const struct block_encoding_ops *first_that_suits(const struct encode_input *in)
{
	size_t i = 0;

	while (encoding_at(i)->suits && !encoding_at(i)->suits(in))
		i++;
	return encoding_at(i);
}

bool encoder_is_trial(const struct encoder *enc, const struct encoder_habit *habit)
{
	return !enc->fast && !enc->first && (!habit->last || habit->blocks >= habit->trial);
}

void encoder_run(struct encoder *enc, const struct encode_input *input, struct encoder_habit *habit,
		 struct block_header *h)
{
	struct encode_input in = *input;
	bool done = false, tried = false;

	h->encoding = 0;
	h->acc_raw = h->acc_stored = 0;
	h->acc_sum = native_sum(NULL, 0, 0);
	buf_reset(&enc->best, 0);
	if (in.n == 0)
		return;
	in.tables = &enc->tables;
	if (enc->fast)
		habit->last = &delta_encoding;
	else if (enc->first)
		habit->last = first_that_suits(&in);
	else
		tried = encoder_is_trial(enc, habit);
	enc->coder = !tried && habit->quick ? enc->quick : enc->zstd;
	done = tried && trial(enc, &in, habit, h);
	habit->blocks++;
	if (!done && habit->last && try_one(enc, habit->last, &in, h, true)) {
		done = true;
		if (tried && enc->choose)
			habit->quick = is_quick_enough(enc);
	}
	done = done || best_of_all(enc, &in, h);
	CHECK(done, "no encoding took a block of %" PRIu32 " accesses", in.n);
	habit->last = encoding_by_number(h->encoding);
	h->acc_sum = native_sum(enc->best.p, enc->best.len, 0);
}

void encoder_store(struct encoder *enc, struct block_header *h)
{
	CHECK(enc->raw.len <= BLOCK_ACC_RAW_MAX, "a section of %zu bytes", enc->raw.len);
	buf_reset(&enc->best, 0);
	section_compress(enc->zstd, enc->raw.p, enc->raw.len, &enc->best);
	h->acc_raw = (uint32_t)enc->raw.len;
	h->acc_stored = (uint32_t)enc->best.len;
	h->acc_sum = native_sum(enc->best.p, enc->best.len, 0);
}
