/*
 * pinatrace.c - the text of Pin's example tool pinatrace, and of the many tools made out of it.
 *
 * After the tool's two versions in the Pin kit: "0xIP: R|W 0xADDR" (ManualExamples), and the same with a
 * decimal size and the value read or written behind (SimpleExamples). Lines that begin with # are skipped;
 * the tool writes "#eof" when the program ended, and nothing but comments may follow it. A file without it is
 * not taken for cut off: many copies have lost it.
 *
 * Nearly every copy of the tool was changed by hand, so the columns can be given, in the order of the line
 * (columns.h describes the names):
 *     faultline trace convert --format pinatrace --columns op,addr,size TRACE OUT.flt
 * Blanks, tabs and , ; : separate columns. Words of `op`: R, READ, LD, LOAD, L; W, WRITE, ST, STORE, S;
 * I, IFETCH, FETCH, F; in either case. Without a column `op` all are loads, without `size` each access has
 * one byte (and the provenance says that sizes are unknown, which the first line decides), without `pid` and
 * `tid` all are 1.
 *
 * Instructions: each line is one, but a store behind a load of the same ip and thread is the second half of
 * one instruction. Options:
 *   columns=LIST          default ip,op,addr,size?,rest
 *   fetches=none|ip       ip: a fetch of one byte at the ip in front of each instruction (needs that column)
 *
 * Not modelled: the instructions without memory operands (the tool does not print them), times, values.
 */
#include "traces/formats/formats.h"

#include <string.h>

#include "traces/formats/columns.h"
#include "traces/formats/textfile.h"

#define UNKNOWN_SIZE 1

enum pin_option { OPT_COLUMNS, OPT_FETCHES };
enum pin_fetches { FETCHES_NONE, FETCHES_IP };

struct pin {
	struct columns columns;
	bool fetches;
	bool ended; /* #eof was seen */
	/* the access before */
	uint64_t last_ip;
	uint32_t last_tid;
	bool last_load;
};

static const struct column_word words[] = {
	{"R", ACCESS_LOAD},      {"W", ACCESS_STORE},     {"READ", ACCESS_LOAD},
	{"WRITE", ACCESS_STORE}, {"LD", ACCESS_LOAD},     {"ST", ACCESS_STORE},
	{"LOAD", ACCESS_LOAD},   {"STORE", ACCESS_STORE}, {"L", ACCESS_LOAD},
	{"S", ACCESS_STORE},     {"I", ACCESS_FETCH},     {"IFETCH", ACCESS_FETCH},
	{"F", ACCESS_FETCH},     {"FETCH", ACCESS_FETCH}, {NULL, 0}};

/* ip,op,addr,size?,rest */
static const struct column default_columns[] = {COLUMN_NUMBER(IP, 16), COLUMN_OP_WORD,
						COLUMN_NUMBER(ADDR, 16), COLUMN_PERHAPS(SIZE, 10),
						COLUMN_REST_OF_IT};

/* Whether the first access in the buffer says its size. */
static bool says_size(const struct textfile *t, const struct columns *c)
{
	const char *p = t->buf, *stop = p + t->len;

	while (c->has[COLUMN_SIZE] && p < stop) {
		uint64_t v[COLUMN_KINDS] = {0};
		const char *nl = memchr(p, '\n', (size_t)(stop - p)), *end = nl ? nl : stop;

		if (!columns_skip(p, end) && columns_parse(c, p, end, v))
			return v[COLUMN_SIZE] != 0;
		p = nl ? nl + 1 : stop;
	}
	return c->has[COLUMN_SIZE];
}

static int pin_start(struct textfile *t, struct err *e)
{
	const char *columns = t->option_text[OPT_COLUMNS], *wrong;
	struct pin *x = t->state;

	if (!columns)
		columns_init(&x->columns, default_columns, ARRAY_LEN(default_columns), words, true);
	else if (!columns_compile(&x->columns, columns, words, true, &wrong))
		return err_set(e, ERR_USAGE, "columns=%.80s: expected %s", columns, wrong);
	x->fetches = t->option[OPT_FETCHES] == FETCHES_IP;
	if (x->fetches && !x->columns.has[COLUMN_IP])
		return err_set(e, ERR_USAGE, "fetches=ip: there is no column ip in %.80s",
			       columns ? columns : "");
	t->provenance.recorder = "pinatrace";
	t->provenance.no_threads = !x->columns.has[COLUMN_TID];
	t->provenance.no_sizes = !says_size(t, &x->columns);
	t->provenance.no_times = true;
	t->provenance.no_fetches = !x->fetches;
	return 0;
}

static int comment(struct pin *x, const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	x->ended = x->ended || (end - p >= 4 && !memcmp(p, "#eof", 4));
	return 0;
}

static int pin_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct pin *x = t->state;
	uint64_t v[COLUMN_KINDS] = {[COLUMN_SIZE] = UNKNOWN_SIZE, [COLUMN_PID] = 1, [COLUMN_TID] = 1};
	uint32_t pid, tid, icount = 1;
	enum access_kind kind;

	if (!columns_parse(&x->columns, p, end, v)) {
		if (columns_skip(p, end))
			return comment(x, p, end);
		return textfile_bad(t, p, end,
				    t->option_text[OPT_COLUMNS] ? t->option_text[OPT_COLUMNS]
								: "\"0xIP: R|W 0xADDRESS [SIZE [VALUE]]\"",
				    e);
	}
	if (x->ended)
		return textfile_bad(t, p, end, "nothing behind #eof", e);
	pid = (uint32_t)v[COLUMN_PID];
	tid = (uint32_t)v[COLUMN_TID];
	kind = (enum access_kind)v[COLUMN_OP];
	if (kind == ACCESS_STORE && x->last_load && x->columns.has[COLUMN_IP] && v[COLUMN_IP] == x->last_ip &&
	    tid == x->last_tid)
		icount = 0;
	if (x->fetches && icount) {
		textfile_access(t, pid, tid, v[COLUMN_IP], ACCESS_FETCH, 1, 1);
		icount = 0;
	}
	x->last_ip = v[COLUMN_IP];
	x->last_tid = tid;
	x->last_load = kind == ACCESS_LOAD;
	if (v[COLUMN_ADDR] > UINT64_MAX - v[COLUMN_SIZE] ||
	    !textfile_access_large(t, pid, tid, v[COLUMN_ADDR], kind, v[COLUMN_SIZE], icount))
		return textfile_bad(t, p, end, "a size of 1 to 500000 bytes below 2^64", e);
	return 0;
}

/* The access of a line that was taken; false: it needs more than a place in the queue. */
static inline bool pin_put(struct pin *x, struct text_bulk *b, const uint64_t v[COLUMN_KINDS])
{
	bool second;

	if (v[COLUMN_SIZE] - 1 >= META_SIZE_MAX || v[COLUMN_ADDR] > UINT64_MAX - v[COLUMN_SIZE])
		return false;
	second = v[COLUMN_OP] == ACCESS_STORE && x->last_load && x->columns.has[COLUMN_IP] &&
		 v[COLUMN_IP] == x->last_ip && x->last_tid == 1;
	text_bulk_put(b, v[COLUMN_ADDR], (enum access_kind)v[COLUMN_OP], (uint32_t)v[COLUMN_SIZE], !second);
	x->last_ip = v[COLUMN_IP];
	x->last_tid = 1;
	x->last_load = v[COLUMN_OP] == ACCESS_LOAD;
	return true;
}

/* The same for lines without surprises, of one thread and without fetches. */
static void pin_bulk(struct textfile *t, struct text_bulk *b)
{
	struct pin *x = t->state;
	const char *end;

	if (x->ended || x->fetches || x->columns.has[COLUMN_PID] || x->columns.has[COLUMN_TID])
		return;
	while ((end = text_bulk_line(b))) {
		uint64_t v[COLUMN_KINDS] = {[COLUMN_SIZE] = UNKNOWN_SIZE};

		if (*b->p == '#' ||
		    !(t->option_text[OPT_COLUMNS]
			      ? columns_take(&x->columns, b->p, v) == end
			      : columns_quick(&x->columns, default_columns, ARRAY_LEN(default_columns), true,
					      b->p, end, v)) ||
		    !pin_put(x, b, v))
			break;
		text_bulk_took(b, end);
	}
}

/* Strict: "0xIP: R|W 0x…". */
static int probe_line(const void *ctx, const char *p, const char *end)
{
	uint64_t v[COLUMN_KINDS];
	const char *colon;

	if (columns_skip(p, end))
		return 0;
	colon = memchr(p, ':', (size_t)(end - p));
	while (p < end && *p == ' ')
		p++;
	if (!colon || end - p < 3 || p[0] != '0' || (p[1] | 32) != 'x' ||
	    !memmem(colon, (size_t)(end - colon), "0x", 2))
		return -1;
	return columns_parse(ctx, p, end, v) && colon < end ? 1 : -1;
}

static int pin_probe(const uint8_t *head, size_t n)
{
	struct columns c;

	columns_init(&c, default_columns, ARRAY_LEN(default_columns), words, true);
	return text_probe_share(head, n, probe_line, &c) * 9 / 10;
}

static const struct text_format pin_format = {
	.options = {{"columns", NULL}, {"fetches", "none ip"}},
	.state_bytes = sizeof(struct pin),
	.start = pin_start,
	.line = pin_line,
	.bulk = pin_bulk,
};

const struct importer_ops pinatrace_importer = {
	.name = "pinatrace",
	.sentence =
		"Pin's pinatrace: \"0xIP: R|W 0xADDRESS [SIZE [VALUE]]\", or with --columns what you have",
	.probe = pin_probe,
	TEXTFILE_HOOKS(&pin_format),
};
