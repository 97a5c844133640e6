/*
 * writer_block.c - from an open block to the file, by way of the encoders.
 *
 * On a host with more than one processor large blocks start a pool of threads that encode (encode_pool.c),
 * and this one goes on taking records. Blocks are written here, in order, when they are done; an error of
 * writing shows at one of the next blocks or at the end. A recording (level 1) has no pool: the program that
 * is recorded needs the other processors. Small traces have none either: starting a thread takes as long as
 * encoding some thousand accesses.
 */
#include "traces/writer.h"

#include "sim/mem.h"
#include "traces/worker.h"

#define LARGE_ACCESSES 16384u
#define LARGE_CTL      ((size_t)128 << 10)

static void fill_header(const struct trace_writer *w, const struct open_thread *t, struct block_header *h)
{
	*h = (struct block_header){
		.type = BLOCK_DATA,
		.pid = t->pid,
		.tid = t->tid,
		.first_order = t->block_order,
		.seq_complete = w->seq_first ? w->seq_first->block_seq : w->seq,
		.nr_accesses = t->n,
		.nr_pieces = t->nr_pieces,
		.nr_controls = t->nr_controls,
		.nr_reads = t->nr_reads,
		.nr_writes = t->nr_writes,
		.ctl_raw = (uint32_t)t->ctl.len,
		.flags = t->flags,
		.accesses_before = t->accesses,
		.instr_before = t->instr,
		.instr = t->block_instr,
	};
}

static void count_block(struct trace_writer *w, struct open_thread *t)
{
	struct trace_counts *c = &w->counts;

	if (t->accesses == 0 && t->last_block == UINT64_MAX)
		t->first_block = c->blocks;
	t->last_block = c->blocks++;
	t->accesses += t->n;
	t->instr += t->block_instr;
	c->accesses += t->n;
	c->reads += t->nr_reads;
	c->writes += t->nr_writes;
	c->fetches += t->n - t->nr_reads - t->nr_writes;
	c->instructions += t->block_instr;
	c->controls += t->nr_controls;
	t->n = t->nr_pieces = t->nr_controls = t->nr_reads = t->nr_writes = t->flags = 0;
	t->block_instr = 0;
	t->ctl.len = 0;
}

/* Writes an encoded block. */
static int put_block(struct trace_writer *w, struct encode_job *j, struct err *e)
{
	const struct block_header *h = &j->h;
	uint8_t entry[INDEX_ENTRY_SIZE];
	int rc;

	block_header_pack(h, w->offset, j->block.p);
	index_entry_pack(&(struct index_entry){w->offset, h->first_order, h->pid, h->tid, h->nr_accesses},
			 entry);
	rc = writer_put(w, j->block.p, j->block.len, e);
	if (rc < 0)
		return rc;
	w->flags |= h->flags;
	buf_bytes(&w->index, entry, sizeof entry);
	return w->index.len == INDEX_PAGE_ENTRIES * INDEX_ENTRY_SIZE ? writer_flush_index(w, e) : 0;
}

/* Takes the oldest block out of the pool and writes it: 1; 0: there is none, or wait is false and it is not
 * done. */
static int put_oldest(struct trace_writer *w, bool wait, struct err *e)
{
	struct encode_job *j = encode_pool_oldest(w->pool, &w->enc, wait);
	int rc;

	if (!j)
		return 0;
	rc = put_block(w, j, e);
	encode_pool_took(w->pool);
	return rc < 0 ? rc : 1;
}

int writer_settle(struct trace_writer *w, struct err *e)
{
	int rc = w->pool && !w->failed;

	while (rc > 0)
		rc = put_oldest(w, true, e);
	return rc;
}

int trace_writer_cut(struct trace_writer *w, int r, struct err *e)
{
	struct err first = {0};
	int r2 = writer_settle(w, &first);

	if (r2 == 0)
		return r;
	if (e)
		*e = first;
	return r2;
}

/* Encodes and writes the block of t here and now. */
static int put_now(struct trace_writer *w, struct open_thread *t, struct err *e)
{
	struct encode_job *j = &w->job;

	j->in = (struct encode_input){.addr = t->addr, .meta = t->meta, .n = t->n};
	j->ctl = t->ctl;
	j->habit = &t->habit;
	fill_header(w, t, &j->h);
	if (t->live && t->n) {
		buf_reset(&w->enc.raw, 0);
		j->h.encoding = t->live->ops->finish(t->live, &w->enc.raw);
		encoder_store(&w->enc, &j->h);
		encode_job_assemble(j, &w->enc);
	} else {
		encode_job_run(j, &w->enc);
	}
	j->ctl = (struct buf){0};
	count_block(w, t);
	return put_block(w, j, e);
}

/* The arrays of t's block become the job's; t gets others of the same size, so that memory is counted alike.
 */
static void hand_over(struct open_thread *t, struct encode_job *j)
{
	uint64_t *addr = t->addr;
	uint32_t *meta = t->meta;

	if (j->cap != t->cap) {
		mem_free(j->addr);
		mem_free(j->meta);
		j->addr = t->cap ? mem_alloc_late(t->cap, sizeof *j->addr) : NULL;
		j->meta = t->cap ? mem_alloc_late(t->cap, sizeof *j->meta) : NULL;
		j->cap = t->cap;
	}
	t->addr = j->addr;
	t->meta = j->meta;
	j->addr = addr;
	j->meta = meta;
	j->in = (struct encode_input){.addr = addr, .meta = meta, .n = t->n};
	buf_reset(&j->ctl, t->ctl.len);
	buf_bytes(&j->ctl, t->ctl.p, t->ctl.len);
	j->habit = &t->habit;
}

static void want_pool(struct trace_writer *w, const struct open_thread *t)
{
	unsigned nr = w->workers;

	if (w->level == 1 || (t->n < LARGE_ACCESSES && t->ctl.len < LARGE_CTL) || ++w->large != 2)
		return;
	if (nr == WRITER_WORKERS_AUTO)
		nr = MIN_OF(worker_processors() - 1, (unsigned)ENCODE_POOL_MAX);
	if (nr)
		w->pool = encode_pool_new(nr, w->level);
}

int writer_block(struct trace_writer *w, struct open_thread *t, struct err *e)
{
	struct encode_job *j;
	int rc = 0;

	if (!w->pool && w->large < 2 && !t->live)
		want_pool(w, t);
	if (!w->pool || t->live) {
		rc = writer_settle(w, e);
		return rc < 0 ? rc : put_now(w, t, e);
	}
	j = encode_pool_slot(w->pool);
	if (!j) {
		rc = put_oldest(w, true, e);
		if (rc < 0)
			return rc;
		j = encode_pool_slot(w->pool);
	}
	hand_over(t, j);
	fill_header(w, t, &j->h);
	count_block(w, t);
	encode_pool_post(w->pool);
	do
		rc = put_oldest(w, false, e);
	while (rc > 0);
	return rc;
}
