/*
 * stream.c - the blocks of one thread as batches.
 *
 * A block is decoded into two arrays; a batch is a slice of them up to the end of a piece, so nothing is
 * copied and stream_next is a few varints between blocks. stream_skim reads control sections only; the
 * accesses of a block are read and decoded when the first of them is asked for. stream_seek walks the index,
 * 28 bytes a block, and decodes nothing before the block where it ends. While a block is used, a second
 * thread of the host decodes the next one into a second pair of arrays (ahead.h), unless many streams are
 * open or blocks are small.
 */
#include "traces/reader.h"

#include "sim/mem.h"
#include "traces/ahead.h"
#include "traces/control.h"

#define AHEAD_STREAMS_MAX  16   /* with a second pair of arrays */
#define AHEAD_ACCESSES_MIN 4096 /* smaller blocks are not worth a hand-over */

struct stream {
	struct trace *t;
	const struct reader_thread *thread;
	uint64_t next_block; /* number of the first data block not yet read */
	uint64_t accesses;   /* in the blocks before the one at hand */
	struct scratch own, *scratch;
	struct block blocks[2], *block; /* block: the one at hand */
	uint32_t pos, pieces_left;
	/* stream_seek: the piece with the access numbered passed_over in the block to come is next */
	bool seeking;
	uint32_t passed_over;
	struct cursor cursor;
	struct control_base base;
	struct piece piece;
	/* the next block, once it was looked up */
	bool found;
	uint64_t found_block;
	struct index_entry found_entry;
	/* its decoding by the other thread */
	bool uses_ahead;
	struct ahead_job job;
};

int stream_open_shared(struct stream **out, struct trace *t, size_t thread, struct scratch *scratch,
		       struct err *e)
{
	struct stream *s;

	*out = NULL;
	if (thread >= t->nr_threads)
		return err_set(e, ERR_LIMIT, "%s: thread %zu of %zu", t->name, thread, t->nr_threads);
	s = mem_alloc_late(1, sizeof *s);
	s->t = t;
	s->thread = &t->threads[thread];
	s->next_block = s->thread->first_block;
	s->block = &s->blocks[0];
	s->scratch = scratch;
	if (!scratch) {
		scratch_init(&s->own);
		s->scratch = &s->own;
	}
	if (__atomic_add_fetch(&t->ahead_streams, 1, __ATOMIC_RELAXED) <= AHEAD_STREAMS_MAX)
		s->uses_ahead = true;
	else
		__atomic_sub_fetch(&t->ahead_streams, 1, __ATOMIC_RELAXED);
	*out = s;
	return 0;
}

int stream_open(struct stream **out, struct trace *t, size_t thread, struct err *e)
{
	return stream_open_shared(out, t, thread, NULL, e);
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	ahead_finish(s->t, &s->job);
	if (s->uses_ahead)
		__atomic_sub_fetch(&s->t->ahead_streams, 1, __ATOMIC_RELAXED);
	if (s->scratch == &s->own)
		scratch_release(&s->own);
	block_release(&s->blocks[0]);
	block_release(&s->blocks[1]);
	mem_free(s);
}

/* Finds the next block of the thread: 1 (found_*), 0 at the end. */
static int find_block(struct stream *s, struct err *e)
{
	const struct reader_thread *th = s->thread;
	uint64_t block = s->next_block, seen = s->accesses + s->block->h.nr_accesses;
	int rc;

	if (s->found)
		return 1;
	rc = index_find(s->t, th->pub.pid, th->pub.tid, &block, th->last_block, &s->found_entry, e);
	s->found = rc == 1;
	s->found_block = block;
	if (rc == 0 && seen != th->accesses)
		return err_set(e, ERR_FORMAT,
			       "%s: thread %" PRIu32 "/%" PRIu32 " has %" PRIu64 " accesses, %" PRIu64
			       " expected",
			       s->t->name, th->pub.pid, th->pub.tid, seen, th->accesses);
	return rc;
}

/* Has the block behind the one at hand decoded by the other thread; errors wait until it is needed. */
static void look_ahead(struct stream *s)
{
	struct err ignored = {0};

	if (!s->uses_ahead || s->thread->last_block < s->next_block || find_block(s, &ignored) <= 0 ||
	    s->found_entry.nr_accesses < AHEAD_ACCESSES_MIN)
		return;
	s->job.thread = s->thread;
	s->job.entry = s->found_entry;
	s->job.before = s->accesses + s->block->h.nr_accesses;
	s->job.block = s->block == &s->blocks[0] ? &s->blocks[1] : &s->blocks[0];
	ahead_post(s->t, &s->job);
}

/* The block that was found, into s->block; without its accesses unless they are wanted (or there already). */
static int load_found(struct stream *s, bool wanted, struct err *e)
{
	if (!ahead_finish(s->t, &s->job))
		return (wanted ? block_load : block_load_control)(s->block, s->t, s->thread, &s->found_entry,
								  s->accesses, s->scratch, e);
	s->block = s->job.block;
	return s->job.rc < 0 ? err_set(e, s->job.err.code, "%s", s->job.err.text) : 0;
}

/* Loads the next block: 1, 0 at the end, negative on error. */
static int next_block(struct stream *s, bool wanted, struct err *e)
{
	int rc = find_block(s, e);

	if (rc <= 0)
		return rc;
	s->accesses += s->block->h.nr_accesses;
	s->block->h.nr_accesses = s->pos = s->pieces_left = 0;
	s->found = false;
	s->next_block = s->found_block + 1;
	rc = load_found(s, wanted, e);
	if (rc < 0) {
		s->block->h.nr_accesses = 0;
		return rc;
	}
	s->pieces_left = s->block->h.nr_pieces;
	s->cursor = cursor_of(s->block->ctl.p, s->block->ctl.len);
	s->base = (struct control_base){.order = s->block->h.first_order};
	if (wanted)
		look_ahead(s);
	return 1;
}

int stream_peek_order(struct stream *s, uint64_t *order, struct err *e)
{
	struct cursor c = s->cursor;
	int rc;

	if (s->pieces_left) {
		*order = s->base.order + cursor_varint(&c);
		return 1;
	}
	rc = find_block(s, e);
	*order = s->found_entry.first_order;
	return rc;
}

/* Reads the next piece of the block at hand: 0, negative on error. */
static int next_piece(struct stream *s, struct err *e)
{
	struct piece *p = &s->piece;
	uint32_t left;

	if (!piece_read(&s->cursor, &s->base, p))
		return block_damaged(s->block, s->t, s->thread,
				     "a piece in its control section is malformed or of an unknown operation",
				     e);
	s->pieces_left--;
	left = s->block->h.nr_accesses - s->pos;
	if (p->accesses > left || (!s->pieces_left && p->accesses != left))
		return block_damaged(s->block, s->t, s->thread, "its pieces do not add up to its accesses",
				     e);
	s->pos += p->accesses;
	return 0;
}

/* The next piece that is not passed over: 1, 0 at the end. */
static int find_piece(struct stream *s, bool wanted, struct err *e)
{
	int rc;

	do {
		while (!s->pieces_left) {
			rc = next_block(s, wanted, e);
			if (rc <= 0)
				return rc;
		}
		rc = next_piece(s, e);
		if (rc < 0)
			return rc;
	} while (s->seeking && s->pos <= s->passed_over);
	return 1;
}

static void set_accesses(const struct stream *s, struct batch *b)
{
	b->addr = s->block->addr + (s->pos - b->n);
	b->meta = s->block->meta + (s->pos - b->n);
}

static int give_batch(struct stream *s, bool wanted, struct batch *b, struct err *e)
{
	struct piece *p = &s->piece;
	int rc = find_piece(s, wanted, e);

	if (rc <= 0)
		return rc;
	p->control.pid = s->thread->pub.pid;
	p->control.tid = s->thread->pub.tid;
	b->pid = p->control.pid;
	b->tid = p->control.tid;
	b->order = p->order;
	b->after = MIN_OF(p->after, s->t->seq_limit);
	b->n = p->accesses;
	b->addr = NULL;
	b->meta = NULL;
	b->control = p->control.op == REC_NONE ? NULL : &p->control;
	if (UNLIKELY(s->seeking)) {
		b->n = s->pos - s->passed_over;
		s->seeking = false;
	}
	return 1;
}

int stream_reveal(struct stream *s, struct batch *b, struct err *e)
{
	int rc;

	if (UNLIKELY(!s->block->decoded)) {
		rc = block_load_accesses(s->block, s->t, s->thread, s->scratch, e);
		if (rc < 0)
			return rc;
		look_ahead(s);
	}
	set_accesses(s, b);
	return 0;
}

int stream_next(struct stream *s, struct batch *b, struct err *e)
{
	int rc = give_batch(s, true, b, e);

	if (rc <= 0)
		return rc;
	rc = stream_reveal(s, b, e);
	return rc < 0 ? rc : 1;
}

int stream_skim(struct stream *s, struct batch *b, struct err *e)
{
	return give_batch(s, false, b, e);
}

int stream_seek(struct stream *s, uint64_t access, struct err *e)
{
	const struct reader_thread *th = s->thread;
	uint64_t before = 0;
	int rc;

	ahead_finish(s->t, &s->job);
	for (s->next_block = th->first_block;; s->next_block = s->found_block + 1) {
		s->found_block = s->next_block;
		rc = index_find(s->t, th->pub.pid, th->pub.tid, &s->found_block, th->last_block,
				&s->found_entry, e);
		if (rc <= 0 || s->found_entry.nr_accesses > access - before)
			break;
		before += s->found_entry.nr_accesses;
	}
	s->found = rc > 0;
	s->accesses = before;
	s->block->h.nr_accesses = s->pos = s->pieces_left = 0;
	s->seeking = rc > 0;
	s->passed_over = (uint32_t)(access - before);
	return rc < 0 ? rc : 0;
}
