/*
 * mtrace.c - the log of glibc's mtrace(): libc_malloc_debug.so, MALLOC_TRACE=FILE.
 *
 * After malloc/mtrace-impl.c of glibc 2.36 (tr_freehook, tr_mallochook, tr_reallochook, tr_memalignhook):
 *     = Start                        = End
 *     @ WHERE + 0xPTR 0xSIZE         malloc, calloc, memalign; PTR (nil) when it failed
 *     @ WHERE - 0xPTR                free
 *     @ WHERE < 0xOLD                realloc, of which the next line is the other half:
 *     @ WHERE > 0xNEW 0xSIZE
 *     @ WHERE ! 0xPTR 0xSIZE         a realloc that failed: nothing has changed
 * "@ WHERE " may be missing. The program writes whole lines: a last line without its end is a cut.
 *
 * allocations.h says what becomes of it. One process (pid 1) and one thread.
 *
 * Not modelled: threads and times are not in the log; the callers are not kept.
 */
#include "traces/formats/formats.h"

#include <string.h>

#include "traces/formats/allocations.h"

struct mtrace {
	struct allocations *heap;
	uint64_t moving; /* address in the "<" line before, or 0 */
	bool begun;
};

static const struct allocator_thread only_thread = {.pid = 1, .tid = 1};

struct mtrace_line {
	char op; /* 0: nothing happened */
	uint64_t addr, size;
};

/* A number with 0x, 0, or (nil). */
static bool pointer(struct text_word w, uint64_t *v)
{
	*v = 0;
	return text_word_is(w, "(nil)") || text_word_number(w, v);
}

/* The last n words of the line; how many there are. */
static size_t last_words(const char *p, const char *end, struct text_word *w, size_t n)
{
	size_t found = 0;

	while (found < n) {
		while (end > p && end[-1] == ' ')
			end--;
		if (end == p)
			break;
		w[n - ++found].n = 0;
		while (end > p && end[-1] != ' ') {
			end--;
			w[n - found].n++;
		}
		w[n - found].p = end;
	}
	return found;
}

static bool is_op(struct text_word w, const char *ops)
{
	return w.n == 1 && strchr(ops, *w.p);
}

/* WHERE may hold blanks, so a line is read from its end. */
static bool parse(const char *p, const char *end, struct mtrace_line *l)
{
	struct text_word w[3];
	size_t n = last_words(p, end, w, 3);

	*l = (struct mtrace_line){0};
	if (p == end || *p == '=')
		return p == end || text_word_is((struct text_word){p, (size_t)(end - p)}, "= Start") ||
		       text_word_is((struct text_word){p, (size_t)(end - p)}, "= End");
	if (n >= 2 && is_op(w[1], "-<") && (*p == '@' || p == w[1].p)) {
		l->op = *w[1].p;
		return pointer(w[2], &l->addr);
	}
	if (n < 3 || !is_op(w[0], "+>!") || (*p != '@' && p != w[0].p) || !pointer(w[1], &l->addr) ||
	    !text_word_number(w[2], &l->size))
		return false;
	l->op = *w[0].p;
	return !l->addr || l->op == '!' || allocations_possible(l->addr, l->size);
}

static void begin(struct textfile *t, struct mtrace *m)
{
	m->begun = true;
	allocations_process(t, only_thread.pid, NULL);
}

static int mtrace_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct mtrace *m = t->state;
	struct mtrace_line l;
	uint64_t old = m->moving;

	if (!parse(p, end, &l) || t->unterminated)
		return textfile_bad(t, p, end, "\"@ WHERE + 0xPTR 0xSIZE\", \"- 0xPTR\", \"< 0xPTR\" …", e);
	if (old && l.op != '>')
		return textfile_bad(t, p, end, "the \"> 0xPTR 0xSIZE\" of the \"<\" before", e);
	if (!m->begun)
		begin(t, m);
	m->moving = l.op == '<' ? l.addr : 0;
	if (l.op == '-')
		allocations_remove(m->heap, &only_thread, l.addr);
	else if (l.op == '>' && l.addr)
		return allocations_move(m->heap, t, &only_thread, old, l.addr, l.size, e);
	else if (l.op == '+' && l.addr)
		return allocations_add(m->heap, &only_thread, l.addr, l.size, e);
	return 0;
}

static bool mtrace_more(struct textfile *t)
{
	return allocations_more(((struct mtrace *)t->state)->heap, t);
}

static int mtrace_finish(struct textfile *t, struct err *e)
{
	if (!((struct mtrace *)t->state)->moving)
		return 0;
	return err_set(e, ERR_TRUNCATED, "%s:%" PRIu64 ": cut off between the two lines of a realloc",
		       input_name(t->in), t->line_no);
}

static int mtrace_start(struct textfile *t, struct err *e)
{
	struct mtrace *m = t->state;

	(void)e;
	m->heap = allocations_new(t->option[0]);
	t->provenance.recorder = "glibc mtrace";
	t->provenance.notes = ALLOCATIONS_NOTE;
	t->provenance.no_threads = true;
	t->provenance.no_times = true;
	t->provenance.no_fetches = true;
	return 0;
}

static void mtrace_release(struct textfile *t)
{
	allocations_free(((struct mtrace *)t->state)->heap);
}

static bool is_line(const char *p, const char *end)
{
	struct mtrace_line l;

	return parse(p, end, &l);
}

static int mtrace_probe(const uint8_t *head, size_t n)
{
	static const char start[] = "= Start\n";

	if (n >= sizeof start - 1 && !memcmp(head, start, sizeof start - 1))
		return 100;
	return text_probe_lines(head, n, is_line) * 8 / 10;
}

static const struct text_format mtrace_format = {
	.options = {ALLOCATIONS_OPTION},
	.state_bytes = sizeof(struct mtrace),
	.start = mtrace_start,
	.line = mtrace_line,
	.more = mtrace_more,
	.finish = mtrace_finish,
	.release = mtrace_release,
};

const struct importer_ops mtrace_importer = {
	.name = "mtrace",
	.sentence = "glibc mtrace: allocations, whose blocks are stored once each",
	.probe = mtrace_probe,
	TEXTFILE_HOOKS(&mtrace_format),
};
