/*
 * heaptrack.c - the raw log of heaptrack (`heaptrack --raw`), all numbers hex without 0x.
 *
 * After src/track/libheaptrack.cpp of heaptrack 1.4 and the log of a known program:
 *     v VERSION FILEVERSION       first line       X COMMAND LINE          the program
 *     + SIZE TRACE PTR            an allocation    - PTR                   a block is freed
 *     c MILLISECONDS              since the start  R PAGES                 resident set
 *     I PAGESIZE PAGES, x, m, t, S, A, #           the machine, modules, call stacks, remarks
 * realloc is a "-" and a "+". The program writes whole lines: a last line without its end is a cut.
 *
 * allocations.h says what becomes of it. One process (pid 1) and one thread; call stacks and the resident set
 * are not kept.
 *
 * Not modelled: what `heaptrack` writes without --raw (heaptrack_interpret's output) names no addresses: it
 * is refused.
 */
#include "traces/formats/formats.h"

#include <string.h>

#include "traces/formats/allocations.h"

struct heaptrack {
	struct allocations *heap;
	struct allocator_thread thread;
	bool begun;
};

static bool hex_word(struct text_word w, uint64_t *v)
{
	return text_hex(w.p, w.p + w.n, v) == w.p + w.n;
}

static int bad(struct textfile *t, const char *p, const char *end, const char *expected, struct err *e)
{
	return textfile_bad(t, p, end, expected, e);
}

static int allocated(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct heaptrack *h = t->state;
	struct text_word w[4];
	size_t n = text_words(p, end, w, ARRAY_LEN(w));
	uint64_t size = 0, trace = 0, addr = 0;

	if (n == 2)
		return bad(t, p, end,
			   "\"+ SIZE TRACE PTR\" (an interpreted log has no addresses: record with "
			   "heaptrack --raw)",
			   e);
	if (n != 4 || !hex_word(w[1], &size) || !hex_word(w[2], &trace) || !hex_word(w[3], &addr) ||
	    !allocations_possible(addr, size))
		return bad(t, p, end, "\"+ SIZE TRACE PTR\"", e);
	return allocations_add(h->heap, &h->thread, addr, size, e);
}

static int freed(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct heaptrack *h = t->state;
	struct text_word w[2];
	uint64_t addr = 0;

	if (text_words(p, end, w, ARRAY_LEN(w)) != 2 || !hex_word(w[1], &addr))
		return bad(t, p, end, "\"- PTR\"", e);
	allocations_remove(h->heap, &h->thread, addr);
	return 0;
}

static int clock_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct heaptrack *h = t->state;
	struct text_word w[2];
	uint64_t ms = 0;

	if (text_words(p, end, w, ARRAY_LEN(w)) != 2 || !hex_word(w[1], &ms) || ms > UINT32_MAX)
		return bad(t, p, end, "\"c MILLISECONDS\"", e);
	h->thread.time_ns = ms * 1000000;
	return 0;
}

static bool is_version(const char *p, const char *end)
{
	struct text_word w[3];
	uint64_t v;

	return text_words(p, end, w, ARRAY_LEN(w)) == 3 && text_word_is(w[0], "v") && hex_word(w[1], &v) &&
	       hex_word(w[2], &v);
}

static int heaptrack_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct heaptrack *h = t->state;

	if (!h->begun) {
		h->begun = true;
		if (!is_version(p, end))
			return bad(t, p, end, "\"v VERSION FILEVERSION\" as the first line", e);
		allocations_process(t, h->thread.pid, t->provenance.program);
	}
	if (t->unterminated)
		return bad(t, p, end, "a line end", e);
	if (p == end)
		return 0;
	if (end - p > 1 && p[1] == ' ') {
		switch (*p) {
		case '+':
			return allocated(t, p, end, e);
		case '-':
			return freed(t, p, end, e);
		case 'c':
			return clock_line(t, p, end, e);
		default:
			break;
		}
	}
	if (strchr("vxXImtRSA#", *p) && *p)
		return 0;
	return bad(t, p, end, "a line of +, -, c, R, t, m, I, x, X, S, A, v or #", e);
}

static bool heaptrack_more(struct textfile *t)
{
	return allocations_more(((struct heaptrack *)t->state)->heap, t);
}

/* "X PROGRAM ARGUMENTS" within the first lines. */
static void command_line(struct textfile *t)
{
	const char *p = strstr(t->buf, "\nX "), *end, *blank;

	if (!p || p - t->buf > 4096)
		return;
	p += 3;
	end = p + strcspn(p, "\r\n");
	blank = memchr(p, ' ', (size_t)(end - p));
	t->provenance.program = textfile_own(t, p, (size_t)((blank ? blank : end) - p));
	if (blank)
		t->provenance.arguments = textfile_own(t, blank + 1, (size_t)(end - blank - 1));
}

static int heaptrack_start(struct textfile *t, struct err *e)
{
	struct heaptrack *h = t->state;

	(void)e;
	h->heap = allocations_new(t->option[0]);
	h->thread = (struct allocator_thread){.pid = 1, .tid = 1};
	t->provenance.recorder = "heaptrack";
	t->provenance.notes = ALLOCATIONS_NOTE;
	t->provenance.no_threads = true;
	t->provenance.no_fetches = true;
	command_line(t);
	return 0;
}

static void heaptrack_release(struct textfile *t)
{
	allocations_free(((struct heaptrack *)t->state)->heap);
}

static int heaptrack_probe(const uint8_t *head, size_t n)
{
	const uint8_t *nl = memchr(head, '\n', n);

	return nl && text_probe_lines(head, (size_t)(nl + 1 - head), is_version) ? 95 : 0;
}

static const struct text_format heaptrack_format = {
	.options = {ALLOCATIONS_OPTION},
	.state_bytes = sizeof(struct heaptrack),
	.start = heaptrack_start,
	.line = heaptrack_line,
	.more = heaptrack_more,
	.release = heaptrack_release,
};

const struct importer_ops heaptrack_importer = {
	.name = "heaptrack",
	.sentence = "heaptrack --raw: allocations, whose blocks are stored once each",
	.probe = heaptrack_probe,
	TEXTFILE_HOOKS(&heaptrack_format),
};
