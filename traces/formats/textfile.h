/*
 * textfile.h - what all formats of one record a line share: the line reader and the queue of batches.
 *
 * A format gives a function that parses one line and puts accesses and controls into the queue in the order
 * of the file; the queue cuts them into batches of one thread. Lines are cut out of a buffer of 1 MiB; a line
 * of more than TEXT_LINE_MAX bytes is an error, so memory is constant.
 *
 * A line that stands for more than the slack takes (an allocation of a gigabyte) leaves the rest to the hook
 * `more`.
 *
 * What a file holds before a bad line is delivered first, and then the error.
 */
#ifndef TRACES_FORMATS_TEXTFILE_H
#define TRACES_FORMATS_TEXTFILE_H

#include <string.h>

#include "traces/compress.h"
#include "traces/formats/textnumber.h"
#include "traces/source.h"

#define TEXT_BUFFER_BYTES ((size_t)1 << 20)
#define TEXT_ENDS         1024 /* line ends looked for at once */
#define TEXT_LINE_MAX     ((size_t)64 << 10)
#define TEXT_QUEUE        8192 /* accesses parsed ahead */
#define TEXT_QUEUE_SLACK  256  /* more that one line may add */
#define TEXT_ITEMS        1024
#define TEXT_ITEMS_SLACK  64 /* controls one line may add, at most 16 of them with text */
#define TEXT_ARENA        ((size_t)256 << 10)
#define TEXT_ARENA_SLACK  ((size_t)16 * (CONTROL_TEXT_MAX + 1))
#define TEXT_OPTIONS_MAX  4
#define TEXT_CUT_BAD      SIZE_MAX

struct textfile;

/*
 * What text_format.bulk reads and where it puts accesses, up to `left` more. All are of one thread, which
 * is 1.1 unless the format says another with its first access. Where lines end is known before they are
 * parsed, so that the processor works on several at once.
 */
struct text_bulk {
	uint64_t *addr;
	uint32_t *meta;
	size_t left;
	uint32_t pid, tid;
	const char *p;   /* the next line */
	const char *buf; /* line i from here ends at buf + ends[i], where its line end stands */
	const uint32_t *ends;
	size_t lines, max; /* taken; there */
};

/* The end of the next line; NULL when bulk is to return. */
static inline const char *text_bulk_line(const struct text_bulk *b)
{
	return LIKELY(b->left && b->lines < b->max) ? b->buf + b->ends[b->lines] : NULL;
}

/* The line was taken. */
static inline void text_bulk_took(struct text_bulk *b, const char *end)
{
	b->p = end + 1;
	b->lines++;
}

static inline void text_bulk_put(struct text_bulk *b, uint64_t addr, enum access_kind kind, uint32_t size,
				 uint32_t icount)
{
	*b->addr++ = addr;
	*b->meta++ = meta_make(addr, kind, size, icount);
	b->left--;
}

/*
 * An option of a format: one of the words in choices, stored as its index; the first is the default. Without
 * choices any text, which may hold commas: what follows up to the next NAME= belongs to it.
 */
struct text_option {
	const char *name, *choices; /* blank-separated */
};

struct text_format {
	struct text_option options[TEXT_OPTIONS_MAX];
	size_t state_bytes;  /* of t->state, zeroed; 0 for none */
	size_t record_bytes; /* not 0: the file is binary and a "line" is a record of this many bytes */
	/*
	 * Binary files whose records differ in size: bytes of the one at p, of which n are there; 0: more
	 * must be there to tell; TEXT_CUT_BAD: there is none. Called with line_no of the record before. NULL
	 * for others.
	 */
	size_t (*cut)(const struct textfile *t, const char *p, size_t n);
	/* After the first buffer of text (t->buf, t->len bytes) was read; may be NULL. */
	int (*start)(struct textfile *t, struct err *e);
	/* One line, without its end; TEXT_SLACK bytes behind end can be read, *end is the line's end or 0. */
	int (*line)(struct textfile *t, const char *p, const char *end, struct err *e);
	/*
	 * The same for many: takes lines of b as long as they have the commonest form and b has room; `line`
	 * gets the first one that it did not take. May be NULL.
	 */
	void (*bulk)(struct textfile *t, struct text_bulk *b);
	/*
	 * Before each line, until it answers false: puts into the queue what the lines before began and the
	 * slack could not take, at most the slack at once; may be NULL.
	 */
	bool (*more)(struct textfile *t);
	/* At the end of the file; may be NULL. */
	int (*finish)(struct textfile *t, struct err *e);
	/* Frees what start allocated; may be NULL. */
	void (*release)(struct textfile *t);
};

struct text_item {
	uint32_t pid, tid;
	size_t start, n;
	bool has_control;
	struct control control;
};

struct textfile {
	struct importer im;
	const struct text_format *format;
	struct input *in;
	struct provenance provenance; /* strings owned: textfile_own */
	void *state;
	unsigned option[TEXT_OPTIONS_MAX];
	const char *option_text[TEXT_OPTIONS_MAX]; /* of options without choices; NULL: not given */
	/* lines */
	char *buf;
	size_t pos, len, whole; /* next line, end of the text, end of the last whole line */
	uint64_t line_no,
		buf_offset; /* of the current line (record), from 1; of buf[0] in the decompressed stream */
	uint32_t *ends;     /* of buf's lines where they were looked for: [next_end … nr_ends) */
	size_t next_end, nr_ends;
	bool eof, unterminated; /* unterminated: the current line is the last and has no line end */
	struct err read_error;  /* the input broke off behind buf[len]; delivered when that is used up */
	/* queue */
	uint64_t *addr;
	uint32_t *meta;
	size_t n;       /* accesses in the queue */
	uint64_t fills; /* how often the queue was filled: an index is of one filling */
	struct text_item *items;
	size_t nr_items, next_item;
	bool open_item; /* the last item takes further accesses */
	char *arena;
	size_t arena_used;
	bool stopped; /* no further line: the end, or the error in stop_error */
	struct err stop_error;
	char *owned[16];
	size_t nr_owned;
};

/* The hooks of importer_ops for such formats, of which `form` is the text_format. */
int textfile_open(struct importer **out, const struct importer_ops *ops, const char *path,
		  const char *options, struct err *e);
int textfile_next(struct importer *im, struct batch *b, struct err *e);
void textfile_provenance(struct importer *im, struct provenance *p);
void textfile_position(struct importer *im, uint64_t *done, uint64_t *total);
void textfile_close(struct importer *im);

/* All of them, for the row of a format. */
#define TEXTFILE_HOOKS(format_)                                                                             \
	.form = (format_), .open = textfile_open, .next = textfile_next, .provenance = textfile_provenance, \
	.position = textfile_position, .close = textfile_close

/* Keeps a copy of s[0 … n) as long as the importer lives (at most 16 of them). */
const char *textfile_own(struct textfile *t, const char *s, size_t n);

/* ERR_FORMAT, or ERR_TRUNCATED when the line is cut at the end of the file: names file, line and offset. */
int textfile_bad(struct textfile *t, const char *line, const char *end, const char *expected, struct err *e);

/* Begins an item for the thread, when the last one is not its. */
void textfile_new_item(struct textfile *t, uint32_t pid, uint32_t tid);

/* Puts an access of 1 … META_SIZE_MAX bytes into the queue; returns its index in t->addr and t->meta. */
static inline size_t textfile_access(struct textfile *t, uint32_t pid, uint32_t tid, uint64_t addr,
				     enum access_kind kind, uint32_t size, uint32_t icount)
{
	const struct text_item *it = &t->items[t->nr_items - 1];
	size_t i = t->n;

	if (UNLIKELY(!t->open_item || it->pid != pid || it->tid != tid))
		textfile_new_item(t, pid, tid);
	t->addr[i] = addr;
	t->meta[i] = meta_make(addr, kind, size, icount);
	t->items[t->nr_items - 1].n++;
	t->n = i + 1;
	return i;
}

/* The same for any size: cuts at page boundaries what is larger than META_SIZE_MAX. false: too large. */
bool textfile_access_large(struct textfile *t, uint32_t pid, uint32_t tid, uint64_t addr,
			   enum access_kind kind, uint64_t size, uint32_t icount);

/* Puts a control record behind what is queued; c->text is copied. */
void textfile_control(struct textfile *t, const struct control *c);

/* ---- parsing ---- */

extern const uint8_t text_hex_digit[256]; /* 0 … 15, or 255 */
/* Digit for digit. */
const char *text_hex_within(const char *p, const char *end, uint64_t *v);
const char *text_dec_within(const char *p, const char *end, uint64_t *v);

/*
 * Numbers that end at `end` at the latest. Like all of the parsing below they may look at TEXT_SLACK bytes
 * behind end, as lines that were cut out and copies for probes allow.
 */

/* Hex digits without 0x; NULL when there is none or the number needs more than 64 bits. */
static inline const char *text_hex(const char *p, const char *end, uint64_t *v)
{
	uint64_t x;
	const char *behind = text_hex_fast(p, &x);

	if (UNLIKELY(!behind || behind > end))
		return text_hex_within(p, end, v);
	*v = x;
	return behind;
}

/* Decimal digits; NULL when there is none or the number needs more than 64 bits. */
static inline const char *text_dec(const char *p, const char *end, uint64_t *v)
{
	uint64_t x;
	const char *behind = text_dec_fast(p, &x);

	if (UNLIKELY(!behind || behind > end))
		return text_dec_within(p, end, v);
	*v = x;
	return behind;
}

/* Decimal, or hex behind 0x; with a minus in front two's complement. */
const char *text_number(const char *p, const char *end, uint64_t *v);

/* Blank-separated words of a line; returns how many there are, at most max + 1. */
struct text_word {
	const char *p;
	size_t n;
};
size_t text_words(const char *p, const char *end, struct text_word *w, size_t max);
static inline bool text_word_is(struct text_word w, const char *s)
{
	if (!w.n || *s != *w.p)
		return !w.n && !*s;
	return strlen(s) == w.n && !memcmp(w.p, s, w.n);
}
/* Whole word as a number; false when it is none. */
bool text_word_number(struct text_word w, uint64_t *v);

/*
 * For probes: the share (0 … 100) of good ones among the complete lines of head; 0 when there is none. line
 * answers 1 good, -1 bad, 0 says nothing; it gets a copy, with a 0 at `end` and TEXT_SLACK bytes behind.
 */
int text_probe_share(const uint8_t *head, size_t n,
		     int (*line)(const void *ctx, const char *p, const char *end), const void *ctx);
/* The same with yes or no; empty lines are not asked. */
int text_probe_lines(const uint8_t *head, size_t n, bool (*is_line)(const char *p, const char *end));

#endif
