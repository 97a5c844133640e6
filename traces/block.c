/*
 * block.c - one data block, read, checked and decoded.
 */
#include "traces/block.h"

#include "sim/mem.h"
#include "traces/encodings/encoding.h"

void scratch_init(struct scratch *s)
{
	memset(s, 0, sizeof *s);
	s->coder = section_coder_new(0);
}

void scratch_release(struct scratch *s)
{
	section_coder_free(s->coder);
	buf_release(&s->stored);
	buf_release(&s->raw);
	buf_release(&s->tables);
	memset(s, 0, sizeof *s);
}

void block_release(struct block *b)
{
	mem_free(b->addr_base);
	mem_free(b->meta);
	buf_release(&b->ctl);
	memset(b, 0, sizeof *b);
}

int block_damaged(const struct block *b, const struct trace *t, const struct reader_thread *th,
		  const char *what, struct err *e)
{
	return err_set(e, ERR_FORMAT, "%s: block at offset %" PRIu64 " (thread %" PRIu32 "/%" PRIu32 "): %s",
		       t->name, b->offset, th->pub.pid, th->pub.tid, what);
}

static void make_room(struct block *b, uint32_t n)
{
	if (n > b->cap || !b->addr_base) {
		mem_free(b->addr_base);
		mem_free(b->meta);
		b->addr_base =
			mem_alloc_late((size_t)n + ENCODING_FRONT + ENCODING_BACK, sizeof *b->addr_base);
		b->meta = mem_alloc_late((size_t)n + ENCODING_BACK, sizeof *b->meta);
		b->addr = b->addr_base + ENCODING_FRONT;
		b->cap = n;
	}
}

/* NULL, or what is wrong. */
static const char *decode_accesses(struct block *b, const uint8_t *stored, struct scratch *scratch)
{
	const struct block_encoding_ops *ops = encoding_by_number(b->h.encoding);
	uint32_t n = b->h.nr_accesses;
	struct decode_output out;

	make_room(b, n);
	out = (struct decode_output){b->addr, b->meta, n, &scratch->tables};
	if (n) {
		if (!ops)
			return "its encoding is unknown to this program";
		if (!section_decompress(scratch->coder, stored, b->h.acc_stored, b->h.acc_raw, &scratch->raw))
			return "its accesses do not decompress to the stated size";
		if (!ops->decode(scratch->raw.p, b->h.acc_raw, &out))
			return "its accesses are malformed";
	}
	for (uint32_t i = 0; i < BATCH_SLACK; i++) {
		b->addr[n + i] = n ? b->addr[n - 1] : 0;
		b->meta[n + i] = 0;
	}
	return NULL;
}

static const char *decode_control(struct block *b, const uint8_t *p, struct scratch *scratch)
{
	const struct block_header *h = &b->h;

	if (native_sum(p, h->ctl_stored, 0) != h->ctl_sum)
		return "the checksum of its control section does not match";
	if (!section_decompress(scratch->coder, p, h->ctl_stored, h->ctl_raw, &b->ctl))
		return "its control section does not decompress to the stated size";
	return NULL;
}

static const char *decode_data(struct block *b, const uint8_t *p, struct scratch *scratch)
{
	if (native_sum(p, b->h.acc_stored, 0) != b->h.acc_sum)
		return "the checksum of its accesses does not match";
	b->decoded = true;
	return decode_accesses(b, p, scratch);
}

/* The header, compared with what the index says. */
static int load_header(struct block *b, const struct trace *t, const struct reader_thread *th,
		       const struct index_entry *en, uint64_t before, struct err *e)
{
	struct block_header *h = &b->h;
	int rc;

	b->offset = en->offset;
	b->decoded = false;
	rc = block_read_header(t, b->offset, h, e);
	if (rc < 0)
		return rc;
	if (h->type != BLOCK_DATA || h->pid != th->pub.pid || h->tid != th->pub.tid ||
	    h->accesses_before != before || h->nr_accesses != en->nr_accesses ||
	    h->first_order != en->first_order)
		return block_damaged(b, t, th, "not the block that the index promises", e);
	return 0;
}

int block_load(struct block *b, const struct trace *t, const struct reader_thread *th,
	       const struct index_entry *en, uint64_t before, struct scratch *scratch, struct err *e)
{
	const char *wrong;
	size_t n;
	uint8_t *p;
	int rc = load_header(b, t, th, en, before, e);

	if (rc < 0)
		return rc;
	n = (size_t)b->h.ctl_stored + b->h.acc_stored;
	p = buf_reset(&scratch->stored, n);
	rc = native_read(t->fd, t->name, b->offset + BLOCK_HEADER_SIZE, p, n, e);
	if (rc < 0)
		return rc;
	wrong = decode_control(b, p, scratch);
	if (!wrong)
		wrong = decode_data(b, p + b->h.ctl_stored, scratch);
	return wrong ? block_damaged(b, t, th, wrong, e) : 0;
}

int block_load_control(struct block *b, const struct trace *t, const struct reader_thread *th,
		       const struct index_entry *en, uint64_t before, struct scratch *scratch, struct err *e)
{
	const char *wrong;
	uint8_t *p;
	int rc = load_header(b, t, th, en, before, e);

	if (rc < 0)
		return rc;
	p = buf_reset(&scratch->stored, b->h.ctl_stored);
	rc = native_read(t->fd, t->name, b->offset + BLOCK_HEADER_SIZE, p, b->h.ctl_stored, e);
	if (rc < 0)
		return rc;
	wrong = decode_control(b, p, scratch);
	return wrong ? block_damaged(b, t, th, wrong, e) : 0;
}

int block_load_accesses(struct block *b, const struct trace *t, const struct reader_thread *th,
			struct scratch *scratch, struct err *e)
{
	uint8_t *p = buf_reset(&scratch->stored, b->h.acc_stored);
	uint64_t at = b->offset + BLOCK_HEADER_SIZE + b->h.ctl_stored;
	int rc = native_read(t->fd, t->name, at, p, b->h.acc_stored, e);
	const char *wrong;

	if (rc < 0)
		return rc;
	wrong = decode_data(b, p, scratch);
	return wrong ? block_damaged(b, t, th, wrong, e) : 0;
}
