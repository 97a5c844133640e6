/*
 * textfile.c - line reader and batch queue of the text formats.
 */
#include "traces/formats/textfile.h"

#include <stdio.h>
#include <string.h>

#include "sim/check.h"
#include "sim/mem.h"

/* Reads until the buffer is full. An error is kept for when the text before it is used up. */
static void fill_buffer(struct textfile *t)
{
	const char *nl;
	size_t got;

	memmove(t->buf, t->buf + t->pos, t->len - t->pos);
	t->buf_offset += t->pos;
	t->len -= t->pos;
	t->pos = 0;
	while (t->len < TEXT_BUFFER_BYTES && !t->eof) {
		int r = input_read(t->in, t->buf + t->len, TEXT_BUFFER_BYTES - t->len, &got, &t->read_error);

		t->eof = r || got == 0;
		t->len += got;
	}
	t->buf[t->len] = '\0';
	t->nr_ends = t->next_end = 0;
	nl = memrchr(t->buf, '\n', t->len);
	t->whole = nl ? (size_t)(nl - t->buf) + 1 : 0;
}

/* ---- options ---- */

/* Index of the word s[0 … n) among the blank-separated choices, or -1. */
static int choice_index(const char *choices, const char *s, size_t n)
{
	int i = 0;

	while (*choices) {
		size_t len = strcspn(choices, " ");

		if (len == n && !memcmp(choices, s, n))
			return i;
		choices += len;
		choices += *choices == ' ';
		i++;
	}
	return -1;
}

static int set_option(struct textfile *t, const char *s, size_t n, struct err *e)
{
	const char *eq = memchr(s, '=', n);
	size_t name_len = eq ? (size_t)(eq - s) : n;
	const char *format = t->im.ops->name;
	char names[128] = "none";
	size_t used = 0;

	for (size_t i = 0; i < TEXT_OPTIONS_MAX && t->format->options[i].name; i++) {
		const struct text_option *o = &t->format->options[i];
		int c;

		if (strlen(o->name) != name_len || memcmp(o->name, s, name_len))
			continue;
		if (!o->choices && eq) {
			t->option_text[i] = textfile_own(t, eq + 1, n - name_len - 1);
			return 0;
		}
		c = eq && o->choices ? choice_index(o->choices, eq + 1, n - name_len - 1) : -1;
		if (c < 0)
			return err_set(e, ERR_USAGE,
				       "option %.*s of format %s: expected %s=… with one of: %s",
				       (int)MIN_OF(n, (size_t)80), s, format, o->name,
				       o->choices ? o->choices : "any text");
		t->option[i] = (unsigned)c;
		return 0;
	}
	for (size_t i = 0; i < TEXT_OPTIONS_MAX && t->format->options[i].name && used < sizeof names; i++)
		used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? " " : "",
					 t->format->options[i].name);
	return err_set(e, ERR_USAGE, "format %s has no option %.*s; it has: %s", format,
		       (int)MIN_OF(name_len, 80), s, names);
}

/* Length of the first NAME=VALUE: parts without '=' behind a comma still belong to the value. */
static size_t option_length(const char *options)
{
	size_t n = strcspn(options, ",");

	while (options[n] == ',') {
		size_t next = strcspn(options + n + 1, ",=");

		if (options[n + 1 + next] == '=' || next == 0)
			break;
		n += 1 + next;
	}
	return n;
}

static int set_options(struct textfile *t, const char *options, struct err *e)
{
	while (options && *options) {
		size_t n = option_length(options);
		int r = n ? set_option(t, options, n, e) : 0;

		if (r)
			return r;
		options += n;
		options += *options == ',';
	}
	return 0;
}

/* ---- open and close ---- */

int textfile_open(struct importer **out, const struct importer_ops *ops, const char *path,
		  const char *options, struct err *e)
{
	const struct text_format *f = ops->form;
	struct textfile *t = mem_alloc_late(1, sizeof *t);
	int r;

	*out = NULL;
	t->im.ops = ops;
	t->format = f;
	t->buf = mem_alloc_late(TEXT_BUFFER_BYTES + TEXT_SLACK, 1);
	t->addr = mem_alloc_late(TEXT_QUEUE + TEXT_QUEUE_SLACK + BATCH_SLACK, sizeof *t->addr);
	t->meta = mem_alloc_late(TEXT_QUEUE + TEXT_QUEUE_SLACK + BATCH_SLACK, sizeof *t->meta);
	t->items = mem_alloc_late(1 + TEXT_ITEMS + TEXT_ITEMS_SLACK, sizeof *t->items);
	t->ends = mem_alloc_late(TEXT_ENDS + 64, sizeof *t->ends);
	t->nr_items = t->next_item = 1; /* items[0] is a sentinel that no thread owns */
	t->arena = mem_alloc_late(TEXT_ARENA, 1);
	if (f->state_bytes)
		t->state = mem_alloc_late(1, f->state_bytes);
	r = set_options(t, options, e);
	if (!r)
		r = input_open(&t->in, path, e);
	if (!r)
		fill_buffer(t);
	if (!r && f->start)
		r = f->start(t, e);
	/* A beginning that could not be read says more than the beginning that is missing. */
	if (r && t->read_error.code) {
		r = -(int)t->read_error.code;
		if (e)
			*e = t->read_error;
	}
	if (r) {
		textfile_close(&t->im);
		return r;
	}
	*out = &t->im;
	return 0;
}

void textfile_close(struct importer *im)
{
	struct textfile *t = (struct textfile *)im;

	if (t->state && t->format->release)
		t->format->release(t);
	for (size_t i = 0; i < t->nr_owned; i++)
		mem_free(t->owned[i]);
	input_close(t->in);
	mem_free(t->state);
	mem_free(t->arena);
	mem_free(t->items);
	mem_free(t->ends);
	mem_free(t->meta);
	mem_free(t->addr);
	mem_free(t->buf);
	mem_free(t);
}

void textfile_provenance(struct importer *im, struct provenance *p)
{
	*p = ((struct textfile *)im)->provenance;
}

void textfile_position(struct importer *im, uint64_t *done, uint64_t *total)
{
	input_position(((struct textfile *)im)->in, done, total);
}

const char *textfile_own(struct textfile *t, const char *s, size_t n)
{
	char *copy = mem_alloc_late(n + 1, 1);

	CHECK(t->nr_owned < ARRAY_LEN(t->owned), "format %s", t->im.ops->name);
	memcpy(copy, s, n);
	t->owned[t->nr_owned++] = copy;
	return copy;
}

/* ---- queue ---- */

void textfile_new_item(struct textfile *t, uint32_t pid, uint32_t tid)
{
	struct text_item *it = &t->items[t->nr_items++];

	*it = (struct text_item){.pid = pid, .tid = tid, .start = t->n};
	t->open_item = true;
}

bool textfile_access_large(struct textfile *t, uint32_t pid, uint32_t tid, uint64_t addr,
			   enum access_kind kind, uint64_t size, uint32_t icount)
{
	/* Half the slack: a line may load and store. */
	if (size == 0 || size > (TEXT_QUEUE_SLACK / 2 - 2) * PAGE_SIZE)
		return false;
	while (size > META_SIZE_MAX) {
		uint64_t piece = PAGE_SIZE - (addr & (PAGE_SIZE - 1));

		textfile_access(t, pid, tid, addr, kind, (uint32_t)piece, icount);
		addr += piece;
		size -= piece;
		icount = 0;
	}
	textfile_access(t, pid, tid, addr, kind, (uint32_t)size, icount);
	return true;
}

void textfile_control(struct textfile *t, const struct control *c)
{
	struct text_item *it = &t->items[t->nr_items - 1];

	if (!t->open_item || it->pid != c->pid || it->tid != c->tid)
		textfile_new_item(t, c->pid, c->tid);
	it = &t->items[t->nr_items - 1];
	it->has_control = true;
	it->control = *c;
	if (c->text) {
		size_t n = MIN_OF(strlen(c->text), (size_t)CONTROL_TEXT_MAX);

		it->control.text = memcpy(t->arena + t->arena_used, c->text, n);
		t->arena[t->arena_used + n] = '\0';
		t->arena_used += n + 1;
	}
	t->open_item = false;
}

static bool queue_is_full(const struct textfile *t)
{
	return t->n >= TEXT_QUEUE || t->nr_items > TEXT_ITEMS ||
	       t->arena_used > TEXT_ARENA - TEXT_ARENA_SLACK;
}

/* ---- lines ---- */

static bool is_binary(const struct text_format *f)
{
	return f->record_bytes || f->cut;
}

int textfile_bad(struct textfile *t, const char *line, const char *end, const char *expected, struct err *e)
{
	uint64_t offset = t->buf_offset + (uint64_t)(line - t->buf);
	int shown = (int)MIN_OF((size_t)(end - line), 60);
	char text[64];

	if (is_binary(t->format))
		return err_set(e, ERR_FORMAT, "%s: record %" PRIu64 " at byte %" PRIu64 ": expected %s",
			       input_name(t->in), t->line_no, offset, expected);
	for (int i = 0; i < shown; i++)
		text[i] = line[i] >= ' ' && line[i] < 127 ? line[i] : '?';
	if (t->unterminated)
		return err_set(e, ERR_TRUNCATED,
			       "%s:%" PRIu64 ": cut off at byte %" PRIu64 ": last line \"%.*s\", expected %s",
			       input_name(t->in), t->line_no, offset, shown, text, expected);
	return err_set(e, ERR_FORMAT, "%s:%" PRIu64 ": at byte %" PRIu64 ": expected %s, found \"%.*s\"",
		       input_name(t->in), t->line_no, offset, expected, shown, text);
}

/* Cuts out the next line: 1, 0 at the end, negative on error. */
static int next_line(struct textfile *t, const char **p, const char **end, struct err *e)
{
	char *nl = memchr(t->buf + t->pos, '\n', t->len - t->pos);

	if (UNLIKELY(!nl)) {
		if (!t->eof) {
			fill_buffer(t);
			nl = memchr(t->buf, '\n', t->len);
		}
		if (!nl && t->read_error.code) {
			if (e->code == ERR_OK)
				*e = t->read_error;
			return -(int)t->read_error.code;
		}
		if (!nl && t->pos == t->len)
			return 0;
		t->unterminated = !nl && t->eof;
		nl = nl ? nl : t->buf + t->len;
	}
	*p = t->buf + t->pos;
	*end = nl;
	t->line_no++;
	t->pos = (size_t)(nl - t->buf) + (*nl == '\n' && nl < t->buf + t->len);
	if (UNLIKELY((size_t)(*end - *p) > TEXT_LINE_MAX))
		return textfile_bad(t, *p, *end, "lines of at most 65536 bytes", e);
	if (*end > *p && (*end)[-1] == '\r')
		(*end)--;
	return 1;
}

/* Bytes of the record at t->pos; 0: it is not there as a whole. */
static size_t record_size(const struct textfile *t)
{
	size_t have = t->len - t->pos;

	if (t->format->cut)
		return have ? t->format->cut(t, t->buf + t->pos, have) : 0;
	return have < t->format->record_bytes ? 0 : t->format->record_bytes;
}

static int cut_off(const struct textfile *t, struct err *e)
{
	char has[40] = "more";

	if (t->format->record_bytes)
		snprintf(has, sizeof has, "%zu", t->format->record_bytes);
	return err_set(e, ERR_TRUNCATED, "%s: cut off at byte %" PRIu64 ": %zu bytes left, a record has %s",
		       input_name(t->in), t->buf_offset + t->pos, t->len - t->pos, has);
}

/* The same for binary files: the next record. */
static int next_record(struct textfile *t, const char **p, const char **end, struct err *e)
{
	size_t n = record_size(t);

	if (UNLIKELY(n == 0)) {
		if (!t->eof)
			fill_buffer(t);
		n = record_size(t);
		if (n == 0 && t->read_error.code) {
			if (e->code == ERR_OK)
				*e = t->read_error;
			return -(int)t->read_error.code;
		}
		if (t->pos == t->len)
			return 0;
		if (n == 0)
			return cut_off(t, e);
	}
	t->line_no++;
	*p = t->buf + t->pos;
	if (UNLIKELY(n == TEXT_CUT_BAD))
		return textfile_bad(t, *p, *p, "the length of a record", e);
	*end = *p + n;
	t->pos += n;
	return 1;
}

/* Which of the 64 bytes at p are line ends. */
static uint64_t line_ends(const char *p)
{
	const __m128i nl = _mm_set1_epi8('\n');
	uint64_t mask = 0;

	for (unsigned i = 0; i < 4; i++) {
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));

		mask |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(c, nl)) << 16 * i;
	}
	return mask;
}

/*
 * Looks for the ends of the lines from t->pos on. Four are noted at a time, be they there or not: how many
 * lines 64 bytes hold costs no branch that the processor would guess wrong.
 */
static void find_ends(struct textfile *t)
{
	size_t n = 0;

	for (size_t at = t->pos; at < t->whole && n < TEXT_ENDS; at += 64) {
		uint64_t mask = line_ends(t->buf + at);

		if (t->whole - at < 64)
			mask &= (UINT64_C(1) << (t->whole - at)) - 1;
		while (mask) {
			for (unsigned i = 0; i < 4; i++) {
				t->ends[n] =
					(uint32_t)at + (uint32_t)__builtin_ctzll(mask | UINT64_C(1) << 63);
				n += mask != 0;
				mask &= mask - 1;
			}
		}
	}
	t->nr_ends = n;
	t->next_end = 0;
}

/* Lets the format take many lines at once; false when it took none. */
static bool take_bulk(struct textfile *t)
{
	const struct text_item *it = &t->items[t->nr_items - 1];
	struct text_bulk b;
	size_t n;

	while (t->next_end < t->nr_ends && t->ends[t->next_end] < t->pos)
		t->next_end++;
	if (t->next_end == t->nr_ends)
		find_ends(t);
	b = (struct text_bulk){.addr = t->addr + t->n,
			       .meta = t->meta + t->n,
			       .left = TEXT_QUEUE - t->n,
			       .pid = 1,
			       .tid = 1,
			       .p = t->buf + t->pos,
			       .buf = t->buf,
			       .ends = t->ends + t->next_end,
			       .max = t->nr_ends - t->next_end};
	t->format->bulk(t, &b);
	n = (size_t)(b.addr - (t->addr + t->n));
	if (n) {
		if (!t->open_item || it->pid != b.pid || it->tid != b.tid)
			textfile_new_item(t, b.pid, b.tid);
		t->items[t->nr_items - 1].n += n;
		t->n += n;
	}
	t->pos = (size_t)(b.p - t->buf);
	t->line_no += b.lines;
	t->next_end += b.lines;
	return b.lines != 0;
}

/* Parses lines until the queue is full, the file ends or a line is bad. */
static void fill_queue(struct textfile *t)
{
	const char *p = NULL, *end = NULL;

	t->n = 0;
	t->fills++;
	t->nr_items = t->next_item = 1;
	t->open_item = false;
	t->arena_used = 0;
	while (!queue_is_full(t) && !t->stopped) {
		int r;

		if (t->format->more && t->format->more(t))
			continue;
		if (t->format->bulk && t->pos < t->whole && take_bulk(t))
			continue;
		r = is_binary(t->format) ? next_record(t, &p, &end, &t->stop_error)
					 : next_line(t, &p, &end, &t->stop_error);
		t->stopped = r <= 0;
		if (r > 0)
			t->stopped = t->format->line(t, p, end, &t->stop_error) != 0;
		else if (r == 0 && t->format->finish)
			t->format->finish(t, &t->stop_error);
	}
}

int textfile_next(struct importer *im, struct batch *b, struct err *e)
{
	struct textfile *t = (struct textfile *)im;
	const struct text_item *it;

	while (t->next_item == t->nr_items) {
		if (t->stopped) {
			if (e && e->code == ERR_OK)
				*e = t->stop_error;
			return -(int)t->stop_error.code;
		}
		fill_queue(t);
	}
	it = &t->items[t->next_item++];
	*b = (struct batch){.pid = it->pid,
			    .tid = it->tid,
			    .n = it->n,
			    .addr = t->addr + it->start,
			    .meta = t->meta + it->start,
			    .control = it->has_control ? &it->control : NULL};
	return 1;
}
