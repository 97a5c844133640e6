/*
 * writer_index.c - what the writer adds to the data blocks: index pages and the footer.
 */
#include "traces/writer.h"

#include "sim/mem.h"

int writer_put(struct trace_writer *w, const void *p, size_t n, struct err *e)
{
	int rc = native_write(w->fd, w->name, w->offset, p, n, e);

	if (rc < 0)
		w->failed = true;
	else
		w->offset += n;
	return rc;
}

int writer_put_plain(struct trace_writer *w, enum block_type type, uint32_t entries, const struct buf *raw,
		     struct err *e)
{
	struct block_header h = {.type = (uint8_t)type, .nr_controls = entries, .flags = w->flags};
	uint8_t *p;

	buf_reset(&w->scratch, BLOCK_HEADER_SIZE);
	w->scratch.len = BLOCK_HEADER_SIZE;
	h.ctl_raw = (uint32_t)raw->len;
	h.ctl_stored = (uint32_t)section_compress(w->enc.zstd, raw->p, raw->len, &w->scratch);
	p = w->scratch.p;
	h.ctl_sum = native_sum(p + BLOCK_HEADER_SIZE, h.ctl_stored, 0);
	h.acc_sum = native_sum(NULL, 0, 0);
	block_header_pack(&h, w->offset, p);
	return writer_put(w, p, w->scratch.len, e);
}

int writer_flush_index(struct trace_writer *w, struct err *e)
{
	uint64_t at = w->offset;
	int rc;

	if (!w->index.len)
		return 0;
	rc = writer_put_plain(w, BLOCK_INDEX, (uint32_t)(w->index.len / INDEX_ENTRY_SIZE), &w->index, e);
	if (rc < 0)
		return rc;
	if (w->nr_pages == w->cap_pages) {
		w->cap_pages = w->cap_pages ? w->cap_pages * 2 : 16;
		w->pages = mem_realloc(w->pages, w->cap_pages, sizeof *w->pages);
	}
	w->pages[w->nr_pages++] = at;
	w->index.len = 0;
	return 0;
}

/* Forgets threads of which nothing was stored (sync records only); counts processes and threads. */
static void count_threads(struct trace_writer *w)
{
	struct map pids;
	size_t kept = 0;

	map_init(&pids);
	for (size_t i = 0; i < w->nr_threads; i++) {
		struct open_thread *t = w->threads[i];

		if (t->last_block == UINT64_MAX) {
			mem_free(t);
			continue;
		}
		map_put(&pids, t->pid, 0);
		w->threads[kept++] = t;
	}
	w->nr_threads = kept;
	w->counts.threads = (uint32_t)kept;
	w->counts.processes = (uint32_t)pids.len;
	map_release(&pids);
}

void writer_pack_footer(struct trace_writer *w, struct buf *b)
{
	struct trace_counts *c = &w->counts;

	count_threads(w);
	c->footprint_pages = w->footprint.count;
	buf_u64(b, c->accesses);
	buf_u64(b, c->reads);
	buf_u64(b, c->writes);
	buf_u64(b, c->fetches);
	buf_u64(b, c->instructions);
	buf_u64(b, c->controls);
	buf_u64(b, c->blocks);
	buf_u64(b, c->footprint_pages);
	buf_u64(b, w->order);
	buf_u64(b, w->seq);
	buf_u64(b, w->nr_pages);
	buf_u32(b, c->processes);
	buf_u32(b, c->threads);
	buf_u32(b, w->flags);
	buf_u32(b, 0);
	for (size_t i = 0; i < w->nr_pages; i++)
		buf_u64(b, w->pages[i]);
	for (size_t i = 0; i < w->nr_threads; i++) {
		const struct open_thread *t = w->threads[i];

		buf_u32(b, t->pid);
		buf_u32(b, t->tid);
		buf_u64(b, t->first_order);
		buf_u64(b, t->accesses);
		buf_u64(b, t->instr);
		buf_u64(b, t->first_block);
		buf_u64(b, t->last_block);
	}
}
