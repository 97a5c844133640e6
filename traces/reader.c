/*
 * reader.c - opens a native trace: header, footer, or what can be rebuilt without one (FORMAT.md).
 *
 * With footer: O(threads + index pages) time and memory. Without: one read of 120 bytes a block; memory stays
 * at 8 bytes an index page, one page of entries and the thread table.
 */
#include "traces/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/ahead.h"
#include "traces/footprint.h"
#include "traces/provenance.h"

static int read_file_header(struct trace *t, struct err *e)
{
	uint8_t head[NATIVE_HEADER_SIZE], *p = head;
	size_t n = (size_t)MIN_OF(t->size, NATIVE_HEADER_SIZE), need, len = 0;
	const char *json = "{}";
	struct buf whole = {0};
	int rc = native_read(t->fd, t->name, 0, head, n, e);

	if (rc < 0)
		return rc;
	if (n >= NATIVE_MAGIC_SIZE && n < NATIVE_HEADER_SIZE &&
	    memcmp(head, NATIVE_MAGIC, NATIVE_MAGIC_SIZE) == 0)
		return 1;
	rc = file_header_unpack(head, n, t->name, &need, &json, &len, e);
	if (rc >= 0 && need > t->size)
		return 1;
	if (rc >= 0 && need) {
		p = buf_reset(&whole, need);
		rc = native_read(t->fd, t->name, 0, p, need, e);
		n = need;
		if (rc >= 0)
			rc = file_header_unpack(p, n, t->name, &need, &json, &len, e);
	}
	if (rc >= 0) {
		t->json = mem_alloc_late(len + 1, 1);
		memcpy(t->json, json, len);
		t->data_start = NATIVE_HEADER_SIZE + len;
	}
	buf_release(&whole);
	return rc;
}

static struct reader_thread *add_thread(struct trace *t)
{
	if (t->nr_threads == t->cap_threads) {
		t->cap_threads = t->cap_threads ? t->cap_threads * 2 : 16;
		t->threads = mem_realloc(t->threads, t->cap_threads, sizeof *t->threads);
	}
	memset(&t->threads[t->nr_threads], 0, sizeof *t->threads);
	return &t->threads[t->nr_threads++];
}

static void add_page(struct trace *t, uint64_t offset)
{
	if (t->nr_pages == t->cap_pages) {
		t->cap_pages = t->cap_pages ? t->cap_pages * 2 : 16;
		t->pages = mem_realloc(t->pages, t->cap_pages, sizeof *t->pages);
	}
	t->pages[t->nr_pages++] = offset;
}

static void unpack_counts(struct trace *t, struct cursor *c, uint64_t *nr_pages)
{
	struct trace_counts *n = &t->counts;

	n->accesses = cursor_u64(c);
	n->reads = cursor_u64(c);
	n->writes = cursor_u64(c);
	n->fetches = cursor_u64(c);
	n->instructions = cursor_u64(c);
	n->controls = cursor_u64(c);
	n->blocks = cursor_u64(c);
	n->footprint_pages = cursor_u64(c);
	cursor_u64(c);
	cursor_u64(c);
	*nr_pages = cursor_u64(c);
	n->processes = cursor_u32(c);
	n->threads = cursor_u32(c);
	t->flags = cursor_u32(c);
	cursor_u32(c);
}

/* False when the footer's parts do not fit together. */
static bool unpack_footer(struct trace *t, const struct buf *raw)
{
	struct cursor c = cursor_of(raw->p, raw->len);
	uint64_t nr_pages;

	unpack_counts(t, &c, &nr_pages);
	if (nr_pages > raw->len / 8 || t->counts.threads > NATIVE_THREADS_MAX ||
	    raw->len != FOOTER_FIXED_SIZE + nr_pages * 8 + (uint64_t)t->counts.threads * FOOTER_THREAD_SIZE ||
	    t->counts.blocks > t->size / BLOCK_HEADER_SIZE ||
	    nr_pages != (t->counts.blocks + INDEX_PAGE_ENTRIES - 1) / INDEX_PAGE_ENTRIES)
		return false;
	for (uint64_t i = 0; i < nr_pages; i++)
		add_page(t, cursor_u64(&c));
	for (uint32_t i = 0; i < t->counts.threads; i++) {
		struct reader_thread *th = add_thread(t);

		th->pub.pid = cursor_u32(&c);
		th->pub.tid = cursor_u32(&c);
		th->pub.first_order = cursor_u64(&c);
		th->pub.accesses = th->accesses = cursor_u64(&c);
		th->instr = cursor_u64(&c);
		th->first_block = cursor_u64(&c);
		th->last_block = cursor_u64(&c);
		if (th->first_block > th->last_block || th->last_block >= t->counts.blocks)
			return false;
	}
	return !c.bad;
}

/* 1 when the footer is there and whole, 0 when not. */
static bool read_footer(struct trace *t)
{
	uint8_t trailer[TRAILER_SIZE];
	struct buf raw = {0};
	struct block_header h;
	struct err ignored = {0};
	uint64_t at;
	bool ok;

	if (t->size < t->data_start + TRAILER_SIZE + BLOCK_HEADER_SIZE ||
	    native_read(t->fd, t->name, t->size - TRAILER_SIZE, trailer, sizeof trailer, &ignored) < 0 ||
	    !trailer_unpack(trailer, t->size, &at) || at < t->data_start ||
	    at > t->size - TRAILER_SIZE - BLOCK_HEADER_SIZE || block_read_header(t, at, &h, &ignored) < 0 ||
	    h.type != BLOCK_FOOTER || h.ctl_stored != t->size - TRAILER_SIZE - at - BLOCK_HEADER_SIZE ||
	    h.ctl_raw > t->size)
		return false;
	buf_reset(&t->stored, h.ctl_stored);
	ok = native_read(t->fd, t->name, at + BLOCK_HEADER_SIZE, t->stored.p, h.ctl_stored, &ignored) >= 0 &&
	     native_sum(t->stored.p, h.ctl_stored, 0) == h.ctl_sum &&
	     section_decompress(t->coder, t->stored.p, h.ctl_stored, h.ctl_raw, &raw) &&
	     unpack_footer(t, &raw);
	buf_release(&raw);
	t->counts_footprint = ok;
	return ok;
}

static bool payload_is_whole(struct trace *t, uint64_t offset, const struct block_header *h)
{
	struct err ignored = {0};
	size_t n = (size_t)h->ctl_stored + h->acc_stored;

	buf_reset(&t->stored, n);
	return native_read(t->fd, t->name, offset + BLOCK_HEADER_SIZE, t->stored.p, n, &ignored) >= 0 &&
	       native_sum(t->stored.p, h->ctl_stored, 0) == h->ctl_sum &&
	       native_sum(t->stored.p + h->ctl_stored, h->acc_stored, 0) == h->acc_sum;
}

/* What the scan over a file without footer has seen. */
struct scan {
	struct map by_id; /* pid << 32 | tid -> thread */
	struct map pids;
};

static bool scan_data(struct trace *t, struct scan *s, uint64_t offset, const struct block_header *h)
{
	uint64_t id = (uint64_t)h->pid << 32 | h->tid, i = t->nr_threads;
	struct reader_thread *th;
	struct trace_counts *c = &t->counts;

	if (!map_get(&s->by_id, id, &i)) {
		if (t->nr_threads == NATIVE_THREADS_MAX)
			return false;
		th = add_thread(t);
		th->pub = (struct trace_thread){.pid = h->pid, .tid = h->tid, .first_order = h->first_order};
		th->first_block = c->blocks;
		map_put(&s->by_id, id, i);
		map_put(&s->pids, h->pid, 0);
	}
	th = &t->threads[i];
	if (h->accesses_before != th->accesses || t->tail.len == INDEX_PAGE_ENTRIES * INDEX_ENTRY_SIZE)
		return false;
	th->last_block = c->blocks++;
	th->accesses += h->nr_accesses;
	th->instr += h->instr;
	c->accesses += h->nr_accesses;
	c->reads += h->nr_reads;
	c->writes += h->nr_writes;
	c->fetches += h->nr_accesses - h->nr_reads - h->nr_writes;
	c->instructions += h->instr;
	c->controls += h->nr_controls;
	t->flags |= h->flags;
	t->seq_limit = h->seq_complete;
	buf_room(&t->tail, INDEX_ENTRY_SIZE);
	index_entry_pack(&(struct index_entry){offset, h->first_order, h->pid, h->tid, h->nr_accesses},
			 t->tail.p + t->tail.len);
	t->tail.len += INDEX_ENTRY_SIZE;
	return true;
}

static int by_first_order(const void *a, const void *b)
{
	const struct reader_thread *x = a, *y = b;

	return (x->pub.first_order > y->pub.first_order) - (x->pub.first_order < y->pub.first_order);
}

/*
 * Goes from block header to block header up to the first one that is not whole. The last data block's payload
 * is checked too: a crash may leave blocks whose bytes never reached the disk.
 */
static void scan_blocks(struct trace *t)
{
	struct scan s;
	uint64_t at = t->data_start;
	struct block_header h, next;
	struct err ignored = {0};
	bool have = t->size >= at + BLOCK_HEADER_SIZE && block_read_header(t, at, &h, &ignored) >= 0;

	map_init(&s.by_id);
	map_init(&s.pids);
	t->seq_limit = 0;
	while (have && h.type != BLOCK_FOOTER && block_size(&h) <= t->size - at) {
		uint64_t behind = at + block_size(&h);

		err_clear(&ignored);
		have = t->size - behind >= BLOCK_HEADER_SIZE &&
		       block_read_header(t, behind, &next, &ignored) >= 0;
		if (!have && !payload_is_whole(t, at, &h))
			break;
		if (h.type == BLOCK_INDEX) {
			if (h.nr_controls != INDEX_PAGE_ENTRIES || t->tail.len != h.ctl_raw)
				break;
			add_page(t, at);
			t->tail.len = 0;
		} else if (!scan_data(t, &s, at, &h)) {
			break;
		}
		at = behind;
		h = next;
	}
	t->cut = at;
	t->counts.threads = (uint32_t)t->nr_threads;
	t->counts.processes = (uint32_t)s.pids.len;
	if (t->nr_threads)
		qsort(t->threads, t->nr_threads, sizeof *t->threads, by_first_order);
	map_release(&s.by_id);
	map_release(&s.pids);
}

static int open_checked(struct trace *t, struct err *e)
{
	struct stat st;
	int rc;

	if (fstat(t->fd, &st) != 0)
		return err_set(e, ERR_OPEN, "%s: %s", t->name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_OPEN, "%s: not a regular file; a native trace must be seekable",
			       t->name);
	t->size = (uint64_t)st.st_size;
	rc = read_file_header(t, e);
	if (rc < 0)
		return rc;
	t->truncated = rc == 1;
	if (rc == 1) {
		t->json = mem_strdup("{}");
		return 0;
	}
	if (!provenance_from_json(t->json, strlen(t->json), &t->provenance, &t->keep))
		return err_set(e, ERR_FORMAT,
			       "%s: offset %d: the provenance is no JSON object of plain values", t->name,
			       NATIVE_HEADER_SIZE);
	t->seq_limit = UINT64_MAX;
	if (read_footer(t))
		return 0;
	t->truncated = true;
	t->nr_threads = t->nr_pages = 0;
	memset(&t->counts, 0, sizeof t->counts);
	t->flags = 0;
	scan_blocks(t);
	return 0;
}

int trace_open_fd(struct trace **out, int fd, const char *name, struct err *e)
{
	struct trace *t = mem_alloc_late(1, sizeof *t);
	int rc;

	t->fd = fd;
	t->name = mem_strdup(name);
	t->coder = section_coder_new(0);
	pthread_mutex_init(&t->lock, NULL);
	for (size_t i = 0; i < INDEX_CACHE_PAGES; i++)
		t->cache[i].page = UINT64_MAX;
	rc = open_checked(t, e);
	if (rc < 0) {
		trace_close(t);
		t = NULL;
	}
	*out = t;
	return rc;
}

int trace_open(struct trace **out, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*out = NULL;
	if (fd < 0)
		return err_set(e, ERR_OPEN, "%s: %s", path, strerror(errno));
	return trace_open_fd(out, fd, path, e);
}

void trace_close(struct trace *t)
{
	if (!t)
		return;
	ahead_stop(t);
	close(t->fd);
	for (size_t i = 0; i < INDEX_CACHE_PAGES; i++)
		buf_release(&t->cache[i].entries);
	section_coder_free(t->coder);
	buf_release(&t->stored);
	buf_release(&t->tail);
	pthread_mutex_destroy(&t->lock);
	mem_free(t->name);
	mem_free(t->json);
	mem_free(t->keep);
	mem_free(t->threads);
	mem_free(t->pages);
	mem_free(t);
}

bool trace_is_truncated(const struct trace *t)
{
	return t->truncated;
}

const struct provenance *trace_provenance(const struct trace *t)
{
	return &t->provenance;
}

const char *trace_provenance_json(const struct trace *t)
{
	return t->json;
}

size_t trace_nr_threads(const struct trace *t)
{
	return t->nr_threads;
}

const struct trace_thread *trace_thread(const struct trace *t, size_t i)
{
	return i < t->nr_threads ? &t->threads[i].pub : NULL;
}

bool trace_has_mappings(struct trace *t)
{
	return t->flags & BLOCK_HAS_MAPPINGS;
}

const char *trace_fingerprint(struct trace *t, struct err *e)
{
	enum { CHUNK = 1 << 20 };
	XXH3_state_t *state;
	XXH128_hash_t h;
	uint8_t *chunk;
	int rc = 0;

	if (t->fingerprint[0])
		return t->fingerprint;
	state = XXH3_createState();
	chunk = mem_alloc_late(CHUNK, 1);
	if (!state || XXH3_128bits_reset(state) != XXH_OK)
		rc = err_set(e, ERR_NOMEM, "%s: no memory for its fingerprint", t->name);
	for (uint64_t at = 0; at < t->size && rc >= 0; at += CHUNK) {
		size_t n = (size_t)MIN_OF(t->size - at, CHUNK);

		rc = native_read(t->fd, t->name, at, chunk, n, e);
		if (rc >= 0)
			XXH3_128bits_update(state, chunk, n);
	}
	if (rc >= 0) {
		h = XXH3_128bits_digest(state);
		snprintf(t->fingerprint, sizeof t->fingerprint, "%016" PRIx64 "%016" PRIx64, h.high64,
			 h.low64);
	}
	XXH3_freeState(state);
	mem_free(chunk);
	return rc < 0 ? NULL : t->fingerprint;
}

static int count_footprint(struct trace *t, struct err *e)
{
	struct footprint f;
	int rc = 1;

	footprint_init(&f);
	for (size_t i = 0; i < t->nr_threads && rc >= 0; i++) {
		struct stream *s;
		struct batch b;

		rc = stream_open(&s, t, i, e);
		while (rc >= 0 && (rc = stream_next(s, &b, e)) > 0)
			footprint_add(&f, b.pid, b.addr, b.meta, b.n);
		stream_close(s);
	}
	t->counts.footprint_pages = f.count;
	t->counts_footprint = rc >= 0;
	footprint_release(&f);
	return rc < 0 ? rc : 0;
}

int trace_counts(struct trace *t, struct trace_counts *c, struct err *e)
{
	int rc = t->counts_footprint ? 0 : count_footprint(t, e);

	*c = t->counts;
	return rc;
}
