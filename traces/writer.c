/*
 * writer.c - writes the native format (FORMAT.md).
 *
 * Gives out the numbers of source.h: a piece ends at each change of thread and at each control record, and
 * takes the next `order`; ordered records take the next `seq`; `after` is the seq given out when the piece
 * began, which is the strongest true statement a recorded interleaving allows.
 *
 * Memory: an open block a live thread (it grows as it fills and is given back when the thread ends), at most
 * OPEN_BYTES_MAX in all (then every open block is written early), 8 bytes an index page, about 200 bytes a
 * thread seen, and the footprint's set. Time: linear; dominated by the encodings that are tried (encoder.c).
 *
 * A control REC_SYNC ends the piece and is not stored: `after` says at least as much.
 */
#include "traces/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "sim/check.h"
#include "sim/mem.h"
#include "traces/provenance.h"
#include "traces/tempfile.h"

/* The hostile build makes it small. */
#ifndef OPEN_BYTES_MAX
#define OPEN_BYTES_MAX (UINT64_C(256) << 20)
#endif
#define CTL_FLUSH_BYTES (BLOCK_CTL_RAW_MAX - 2 * PIECE_SIZE_MAX)
#define FIRST_CAPACITY  512

/* The block of t gets its first ordered record; blocks are listed by growing seq. */
static void seq_list_add(struct trace_writer *w, struct open_thread *t)
{
	t->block_seq = w->seq;
	t->seq_prev = w->seq_last;
	t->seq_next = NULL;
	*(w->seq_last ? &w->seq_last->seq_next : &w->seq_first) = t;
	w->seq_last = t;
}

static void seq_list_del(struct trace_writer *w, struct open_thread *t)
{
	if (t->block_seq == UINT64_MAX)
		return;
	*(t->seq_prev ? &t->seq_prev->seq_next : &w->seq_first) = t->seq_next;
	*(t->seq_next ? &t->seq_next->seq_prev : &w->seq_last) = t->seq_prev;
	t->block_seq = UINT64_MAX;
}

static void begin_piece(struct open_thread *t, uint64_t order, uint64_t after)
{
	t->piece_open = true;
	t->piece_order = order;
	t->piece_after = after;
	t->piece_n = 0;
	if (t->nr_pieces == 0) {
		t->block_order = order;
		t->base = (struct control_base){.order = order};
	}
}

/* Ends the open piece of t with control (NULL = none). */
static void end_piece(struct trace_writer *w, struct open_thread *t, const struct control *control)
{
	struct piece p = {.order = t->piece_order, .after = t->piece_after, .accesses = t->piece_n};

	if (control)
		p.control = *control;
	t->piece_open = false;
	if (!control && !t->piece_n)
		return;
	w->open_bytes -= t->ctl.cap;
	piece_write(&t->ctl, &t->base, &p);
	w->open_bytes += t->ctl.cap;
	t->nr_pieces++;
}

/* Ends the open block of t; an open piece goes on in the next block. */
static int flush_block(struct trace_writer *w, struct open_thread *t, struct err *e)
{
	bool reopen = t->piece_open;
	int rc = 0;

	if (reopen)
		end_piece(w, t, NULL);
	if (t->nr_pieces) {
		seq_list_del(w, t);
		rc = writer_block(w, t, e);
	}
	if (rc >= 0 && reopen)
		begin_piece(t, t->piece_order, t->piece_after);
	return rc;
}

/* Gives the memory of a thread's block back; it must be empty. */
static void shrink(struct trace_writer *w, struct open_thread *t)
{
	w->open_bytes -= (uint64_t)t->cap * 12 + t->ctl.cap + t->live_bytes;
	if (t->live)
		t->live->ops->free(t->live);
	t->live = NULL;
	t->live_bytes = 0;
	mem_free(t->addr);
	mem_free(t->meta);
	buf_release(&t->ctl);
	t->addr = NULL;
	t->meta = NULL;
	t->cap = 0;
}

static int flush_all(struct trace_writer *w, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < w->nr_threads && rc >= 0; i++) {
		rc = flush_block(w, w->threads[i], e);
		if (rc >= 0)
			shrink(w, w->threads[i]);
	}
	return rc;
}

static int grow(struct trace_writer *w, struct open_thread *t, struct err *e)
{
	uint32_t cap = t->cap ? MIN_OF(t->cap * 4, ENCODE_MAX) : FIRST_CAPACITY;
	int rc;

	if (w->open_bytes + (uint64_t)cap * 12 > OPEN_BYTES_MAX) {
		rc = flush_all(w, e);
		if (rc < 0)
			return rc;
		cap = FIRST_CAPACITY;
	}
	w->open_bytes += (uint64_t)(cap - t->cap) * 12;
	t->addr = mem_realloc(t->addr, cap, sizeof *t->addr);
	t->meta = mem_realloc(t->meta, cap, sizeof *t->meta);
	t->cap = cap;
	return 0;
}

static struct open_thread *thread_of(struct trace_writer *w, uint32_t pid, uint32_t tid, struct err *e)
{
	uint64_t id = (uint64_t)pid << 32 | tid, i;
	struct open_thread *t;

	if (w->cached && w->cached->pid == pid && w->cached->tid == tid)
		return w->cached;
	if (map_get(&w->by_id, id, &i))
		return w->cached = w->threads[i];
	if (w->nr_threads == NATIVE_THREADS_MAX) {
		err_set(e, ERR_LIMIT, "%s: more than %u threads", w->name, NATIVE_THREADS_MAX);
		return NULL;
	}
	if (w->nr_threads == w->cap_threads) {
		w->cap_threads = w->cap_threads ? w->cap_threads * 2 : 16;
		w->threads = mem_realloc(w->threads, w->cap_threads, sizeof *w->threads);
	}
	t = mem_alloc_late(1, sizeof *t);
	t->pid = pid;
	t->tid = tid;
	t->first_order = w->order;
	t->last_block = t->block_seq = UINT64_MAX;
	map_put(&w->by_id, id, w->nr_threads);
	w->threads[w->nr_threads++] = t;
	return w->cached = t;
}

/* Copies n checked accesses into the open block, with the split bit worked out. */
static int take_accesses(struct trace_writer *w, struct open_thread *t, const uint64_t *addr,
			 const uint32_t *meta, uint32_t n, struct err *e)
{
	uint32_t kinds[4] = {0};
	uint64_t instr = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t m = meta[i] & ~META_SPLIT, size = META_SIZE(m);

		if (UNLIKELY(!word_is_valid(m)))
			return err_set(e, ERR_FORMAT,
				       "%s: access %" PRIu64 " of thread %" PRIu32 "/%" PRIu32
				       ": kind %u, size %u; a kind below 3 and a size of 1 to %u expected",
				       w->name, t->accesses + t->n + i, t->pid, t->tid, META_KIND(m), size,
				       META_SIZE_MAX);
		t->addr[t->n + i] = addr[i];
		t->meta[t->n + i] = m | ((addr[i] & (PAGE_SIZE - 1)) + size > PAGE_SIZE ? META_SPLIT : 0);
		kinds[META_KIND(m)]++;
		instr += META_ICOUNT(m);
	}
	footprint_add(&w->footprint, t->pid, t->addr + t->n, t->meta + t->n, n);
	t->nr_reads += kinds[ACCESS_LOAD];
	t->nr_writes += kinds[ACCESS_STORE];
	t->block_instr += instr;
	t->n += n;
	t->piece_n += n;
	return 0;
}

static int add_accesses(struct trace_writer *w, struct open_thread *t, const struct batch *b, struct err *e)
{
	size_t done = 0;
	int rc = 0;

	while (done < b->n && rc >= 0) {
		uint32_t n;

		if (t->n == ENCODE_MAX && (rc = flush_block(w, t, e)) < 0)
			return rc;
		if (t->n == t->cap && t->cap < ENCODE_MAX && (rc = grow(w, t, e)) < 0)
			return rc;
		n = (uint32_t)MIN_OF(b->n - done, (size_t)(t->cap - t->n));
		rc = take_accesses(w, t, b->addr + done, b->meta + done, n, e);
		done += n;
	}
	return rc;
}

static bool is_mapping(enum record_op op)
{
	return op == REC_MMAP || op == REC_BRK || op == REC_MAPPING;
}

static int check_control(const struct trace_writer *w, const struct control *c, struct err *e)
{
	if (!record_op_info(c->op))
		return err_set(e, ERR_FORMAT, "%s: control record with the unknown operation %u", w->name,
			       (unsigned)c->op);
	if (c->op == REC_SYNC && c->arg[0] > w->seq)
		return err_set(e, ERR_FORMAT,
			       "%s: a sync record waits for %" PRIu64 " ordered records, only %" PRIu64
			       " came before it",
			       w->name, c->arg[0], w->seq);
	if (c->text && strnlen(c->text, CONTROL_TEXT_MAX + 1) > CONTROL_TEXT_MAX)
		return err_set(e, ERR_LIMIT, "%s: the text of a %s record is longer than %d bytes", w->name,
			       record_op_info(c->op)->name, CONTROL_TEXT_MAX);
	return 0;
}

static int add_control(struct trace_writer *w, struct open_thread *t, const struct control *in, struct err *e)
{
	struct control c = *in;
	int rc = check_control(w, in, e);

	if (rc < 0)
		return rc;
	w->current = NULL;
	if (c.op == REC_SYNC) {
		end_piece(w, t, NULL);
		return 0;
	}
	if (record_op_info(c.op)->ordered) {
		if (t->block_seq == UINT64_MAX)
			seq_list_add(w, t);
		c.seq = w->seq++;
	}
	if (c.op == REC_INSTR)
		t->block_instr += c.arg[0];
	if (is_mapping(c.op))
		t->flags |= BLOCK_HAS_MAPPINGS;
	t->nr_controls++;
	end_piece(w, t, &c);
	if (c.op != REC_EXIT && c.op != REC_EXIT_GROUP)
		return 0;
	rc = flush_block(w, t, e);
	if (rc >= 0)
		shrink(w, t);
	return rc;
}

/* A cut without accesses in front ends the thread's open piece, and else says nothing: no piece is spent on
 * it. */
static int empty_cut(struct trace_writer *w, const struct batch *b, struct err *e)
{
	int rc = check_control(w, b->control, e);

	if (rc >= 0 && w->current && w->current->pid == b->pid && w->current->tid == b->tid) {
		end_piece(w, w->current, NULL);
		w->current = NULL;
	}
	return rc;
}

/* The thread's piece is the open one. */
static int turn_to(struct trace_writer *w, uint32_t pid, uint32_t tid, struct open_thread **out,
		   struct err *e)
{
	struct open_thread *t = *out = thread_of(w, pid, tid, e);
	int rc = 0;

	if (!t)
		return -ERR_LIMIT;
	if (w->current == t)
		return 0;
	if (w->current)
		end_piece(w, w->current, NULL);
	w->current = t;
	if (t->ctl.len > CTL_FLUSH_BYTES || t->nr_pieces == BLOCK_PIECES_MAX - 1)
		rc = flush_block(w, t, e);
	if (rc >= 0)
		begin_piece(t, w->order++, w->seq);
	return rc;
}

int trace_writer_batch(struct trace_writer *w, const struct batch *b, struct err *e)
{
	struct open_thread *t;
	int rc = 0;

	if (w->failed)
		return err_set(e, ERR_IO, "%s: an earlier write failed", w->name);
	if (!b->n && !b->control)
		return 0;
	if (!b->n && b->control->op == REC_SYNC)
		return empty_cut(w, b, e);
	rc = turn_to(w, b->pid, b->tid, &t, e);
	if (rc >= 0)
		rc = add_accesses(w, t, b, e);
	if (rc >= 0 && b->control)
		rc = add_control(w, t, b->control, e);
	return rc;
}

int trace_writer_live(struct trace_writer *w, uint32_t pid, uint32_t tid, struct live_block *(*make)(void),
		      struct live_block **out, struct err *e)
{
	struct open_thread *t;
	int rc;

	if (w->failed)
		return err_set(e, ERR_IO, "%s: an earlier write failed", w->name);
	rc = turn_to(w, pid, tid, &t, e);
	if (rc < 0)
		return rc;
	CHECK(!t->cap, "a thread's accesses come in two ways");
	if (!t->live)
		t->live = make();
	*out = t->live;
	return 0;
}

int trace_writer_took(struct trace_writer *w, struct live_block *b, struct err *e)
{
	struct open_thread *t = w->current;
	int rc = 0;

	footprint_add(&w->footprint, t->pid, b->touched, b->touched_meta, b->nr_touched);
	t->n += b->n;
	t->piece_n += b->n;
	t->nr_reads += b->nr_reads;
	t->nr_writes += b->nr_writes;
	t->block_instr += b->instr;
	w->open_bytes += b->bytes - t->live_bytes;
	t->live_bytes = b->bytes;
	b->n = b->nr_reads = b->nr_writes = b->nr_touched = 0;
	b->instr = 0;
	if (w->open_bytes > OPEN_BYTES_MAX)
		rc = flush_all(w, e);
	else if (b->full)
		rc = flush_block(w, t, e);
	return rc;
}

static int finish(struct trace_writer *w, struct err *e)
{
	uint8_t trailer[TRAILER_SIZE];
	struct buf footer = {0};
	uint64_t at;
	int rc;

	if (w->failed)
		return err_set(e, ERR_IO, "%s: an earlier write failed", w->name);
	if (w->current)
		end_piece(w, w->current, NULL);
	rc = flush_all(w, e);
	if (rc >= 0)
		rc = writer_settle(w, e);
	if (rc >= 0)
		rc = writer_flush_index(w, e);
	if (rc < 0)
		return rc;
	writer_pack_footer(w, &footer);
	at = w->offset;
	rc = writer_put_plain(w, BLOCK_FOOTER, 0, &footer, e);
	buf_release(&footer);
	if (rc < 0)
		return rc;
	trailer_pack(at, w->offset + TRAILER_SIZE, trailer);
	rc = writer_put(w, trailer, sizeof trailer, e);
	if (rc >= 0 && w->own_fd && fsync(w->fd) != 0 && errno != EINVAL && errno != EROFS)
		rc = err_set(e, ERR_IO, "%s: syncing: %s", w->name, strerror(errno));
	return rc;
}

static int release(struct trace_writer *w, struct err *e)
{
	int rc = 0;

	if (w->own_fd && close(w->fd) != 0)
		rc = err_set(e, ERR_IO, "%s: closing: %s", w->name, strerror(errno));
	encode_pool_free(w->pool); /* it refers to the threads */
	for (size_t i = 0; i < w->nr_threads; i++) {
		shrink(w, w->threads[i]);
		mem_free(w->threads[i]);
	}
	encode_job_release(&w->job);
	mem_free(w->threads);
	mem_free(w->pages);
	mem_free(w->name);
	map_release(&w->by_id);
	footprint_release(&w->footprint);
	encoder_release(&w->enc);
	buf_release(&w->index);
	buf_release(&w->scratch);
	mem_free(w);
	return rc;
}

int trace_writer_open_fd(struct trace_writer **out, int fd, const char *name, const struct provenance *p,
			 int level, struct err *e)
{
	struct trace_writer *w;
	char *json = provenance_to_json(p);
	struct buf b = {0};
	int rc;

	*out = NULL;
	if (strlen(json) > NATIVE_JSON_MAX) {
		rc = err_set(e, ERR_LIMIT, "%s: the provenance takes %zu bytes, at most %u fit", name,
			     strlen(json), NATIVE_JSON_MAX);
		mem_free(json);
		return rc;
	}
	w = mem_alloc_late(1, sizeof *w);
	w->fd = fd;
	w->name = mem_strdup(name);
	w->level = level;
	w->workers = WRITER_WORKERS_AUTO;
	encoder_init(&w->enc, level);
	footprint_init(&w->footprint);
	map_init(&w->by_id);
	file_header_pack(&b, json);
	rc = writer_put(w, b.p, b.len, e);
	buf_release(&b);
	mem_free(json);
	if (rc < 0)
		release(w, NULL);
	else
		*out = w;
	return rc;
}

int trace_writer_open(struct trace_writer **out, const char *path, const struct provenance *p, int level,
		      struct err *e)
{
	int fd = outfile_open(path, path, e), rc;

	*out = NULL;
	if (fd < 0)
		return fd;
	rc = trace_writer_open_fd(out, fd, path, p, level, e);
	if (rc < 0)
		close(fd);
	else
		(*out)->own_fd = true;
	return rc;
}

int trace_writer_close(struct trace_writer *w, struct err *e)
{
	int rc = finish(w, e), rc2 = release(w, e);

	return rc < 0 ? rc : rc2;
}

void trace_writer_abort(struct trace_writer *w)
{
	if (w)
		release(w, NULL);
}
