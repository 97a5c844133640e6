/*
 * text.c - the text that `faultline trace cat` prints, read back (TEXT.md describes it).
 *
 *     # faultline trace text 1
 *     # provenance {…}
 *     PID.TID L|S|F HEXADDR SIZE INSTRUCTIONS
 *     PID.TID NAME ARGUMENT=VALUE … result=… cpu=… time=… text="…"
 *     PID.TID cut
 *     # end accesses N controls N
 *
 * Arguments may stand in any order; those left out are 0, cpu is unknown. Other lines with # are comments.
 * The last line is required: without it the file counts as cut off.
 */
#include "traces/formats/formats.h"

#include <stdio.h>
#include <string.h>

#include "sim/mem.h"
#include "traces/formats/textfile.h"
#include "traces/provenance.h"
#include "traces/textform.h"

struct text {
	uint64_t accesses, controls;
	bool ended;
	/* "PID.TID " of the last line that text_bulk took */
	struct text_prefix prefix;
	uint32_t pid, tid;
	char *provenance_strings;
};

/* An argument of the record, or result, cpu, time; false when the name or the number is none. */
static bool assign(struct control *c, const struct record_op_info *info, const char *name, size_t n,
		   uint64_t v)
{
	const char *args = info->args;

	for (unsigned i = 0; i < info->nr_args; i++) {
		size_t len = strcspn(args, " ");

		if (len == n && !memcmp(args, name, n)) {
			c->arg[i] = v;
			return true;
		}
		args += len + (args[len] == ' ');
	}
	if (n == 6 && !memcmp(name, "result", 6))
		c->result = (int64_t)v;
	else if (n == 3 && !memcmp(name, "cpu", 3) && v <= INT32_MAX)
		c->cpu = (int32_t)v;
	else if (n == 4 && !memcmp(name, "time", 4))
		c->time_ns = v;
	else
		return false;
	return true;
}

/* Reads the string behind the opening quote into out; returns what follows it, or NULL. */
static const char *quoted(const char *p, const char *end, char *out)
{
	size_t n = 0;

	for (; p < end && *p != '"'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '\\' && end - p > 3 && p[1] == 'x') {
			unsigned hi = text_hex_digit[(uint8_t)p[2]], lo = text_hex_digit[(uint8_t)p[3]];

			if (hi > 15 || lo > 15 || hi + lo == 0)
				return NULL;
			c = (unsigned char)(hi << 4 | lo);
			p += 3;
		} else if (c == '\\' && end - p > 1) {
			c = (unsigned char)*++p;
			if (c != '"' && c != '\\')
				return NULL;
		}
		if (c == 0 || n == CONTROL_TEXT_MAX)
			return NULL;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return p < end ? p + 1 : NULL;
}

/* " NAME=VALUE …" up to the end of the line. */
static bool assignments(struct control *c, const char *p, const char *end, char *text)
{
	const struct record_op_info *info = record_op_info(c->op);

	while (p < end) {
		const char *name, *eq;
		uint64_t v;

		if (*p++ != ' ')
			return false;
		name = p;
		eq = memchr(p, '=', (size_t)(end - p));
		if (!eq)
			return false;
		p = eq + 1;
		if (eq - name == 4 && !memcmp(name, "text", 4)) {
			if (p == end || *p != '"')
				return false;
			p = quoted(p + 1, end, text);
			c->text = text;
		} else {
			p = text_number(p, end, &v);
			if (p && !assign(c, info, name, (size_t)(eq - name), v))
				return false;
		}
		if (!p)
			return false;
	}
	return true;
}

static int control_line(struct textfile *t, const char *line, const char *p, const char *end,
			struct control *c, struct err *e)
{
	struct text *x = t->state;
	char name[24], text[CONTROL_TEXT_MAX + 1], expected[256];
	size_t n = 0;

	while (p + n < end && p[n] != ' ' && n < sizeof name - 1) {
		name[n] = p[n];
		n++;
	}
	name[n] = '\0';
	if (p + n == end && !strcmp(name, "cut")) {
		c->op = REC_SYNC;
		textfile_control(t, c);
		return 0;
	}
	c->op = record_op_find(name);
	if (c->op == REC_NONE || c->op == REC_SYNC)
		return textfile_bad(t, line, end, "L, S, F or the name of a record behind \"PID.TID \"", e);
	if (!assignments(c, p + n, end, text)) {
		snprintf(expected, sizeof expected, "NAME=NUMBER with names of: %s result cpu time text",
			 record_op_info(c->op)->args);
		return textfile_bad(t, line, end, expected, e);
	}
	x->controls++;
	textfile_control(t, c);
	return 0;
}

/* "# end accesses N controls N" */
static int end_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct text *x = t->state;
	struct text_word w[6];
	uint64_t accesses, controls;
	char expected[96];

	if (text_words(p, end, w, ARRAY_LEN(w)) != 6 || !text_word_number(w[3], &accesses) ||
	    !text_word_number(w[5], &controls))
		return textfile_bad(t, p, end, "\"# end accesses N controls N\"", e);
	x->ended = true;
	if (accesses == x->accesses && controls == x->controls)
		return 0;
	snprintf(expected, sizeof expected,
		 "\"# end accesses %" PRIu64 " controls %" PRIu64 "\" (what was read)", x->accesses,
		 x->controls);
	return textfile_bad(t, p, end, expected, e);
}

static int comment_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	size_t n = sizeof TEXTFORM_END - 1;

	if (p < end && (size_t)(end - p) >= n && !memcmp(p, TEXTFORM_END, n))
		return end_line(t, p, end, e);
	return 0;
}

static int text_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	static const char expected[] = "\"PID.TID L|S|F HEXADDRESS SIZE INSTRUCTIONS\" or \"PID.TID NAME …\"";
	struct text *x = t->state;
	uint64_t pid = 0, tid = 0, addr = 0, size = 0, icount = 0;
	enum access_kind kind;
	const char *s;

	if (x->ended && p < end)
		return textfile_bad(t, p, end, "nothing behind the \"# end\" line", e);
	if (p == end || *p == '#')
		return comment_line(t, p, end, e);
	s = text_dec(p, end, &pid);
	s = s && *s == '.' ? text_dec(s + 1, end, &tid) : NULL;
	if (!s || pid > UINT32_MAX || tid > UINT32_MAX || end - s < 2 || *s != ' ')
		return textfile_bad(t, p, end, expected, e);
	s++;
	if (s[1] != ' ' || (*s != 'L' && *s != 'S' && *s != 'F')) {
		struct control c = {.pid = (uint32_t)pid, .tid = (uint32_t)tid, .cpu = -1};

		return control_line(t, p, s, end, &c, e);
	}
	kind = *s == 'L' ? ACCESS_LOAD : *s == 'S' ? ACCESS_STORE : ACCESS_FETCH;
	s = text_hex(s + 2, end, &addr);
	s = s && *s == ' ' ? text_dec(s + 1, end, &size) : NULL;
	s = s && *s == ' ' ? text_dec(s + 1, end, &icount) : NULL;
	if (!s || s != end || size == 0 || size > META_SIZE_MAX || icount > META_ICOUNT_MAX)
		return textfile_bad(t, p, end, expected, e);
	textfile_access(t, (uint32_t)pid, (uint32_t)tid, addr, kind, (uint32_t)size, (uint32_t)icount);
	x->accesses++;
	return 0;
}

/* "PID.TID " of the line at p; false: it has none, or a long one. */
static bool take_prefix(struct text *x, const char *p)
{
	uint64_t pid, tid;
	const char *s = text_dec_fast(p, &pid);

	s = s && *s == '.' ? text_dec_fast(s + 1, &tid) : NULL;
	if (!s || pid > UINT32_MAX || tid > UINT32_MAX || *s != ' ')
		return false;
	text_prefix_set(&x->prefix, p, (size_t)(s + 1 - p));
	x->pid = (uint32_t)pid;
	x->tid = (uint32_t)tid;
	return x->prefix.n;
}

/* The same for accesses of one thread. */
static void text_bulk(struct textfile *t, struct text_bulk *b)
{
	struct text *x = t->state;
	const char *end;

	if (x->ended || (!text_prefix_is(&x->prefix, b->p) && !take_prefix(x, b->p)))
		return;
	b->pid = x->pid;
	b->tid = x->tid;
	while ((end = text_bulk_line(b)) && text_prefix_is(&x->prefix, b->p)) {
		const char *p = b->p + x->prefix.n;
		char kind = *p;
		uint64_t addr, size, icount;

		if ((kind != 'L' && kind != 'S' && kind != 'F') || p[1] != ' ')
			break;
		p = text_hex_fast(p + 2, &addr);
		p = p && *p == ' ' ? text_dec_fast(p + 1, &size) : NULL;
		p = p && *p == ' ' ? text_dec_fast(p + 1, &icount) : NULL;
		if (p != end || size - 1 >= META_SIZE_MAX || icount > META_ICOUNT_MAX)
			break;
		text_bulk_put(b, addr, (enum access_kind)((kind == 'S') | (kind == 'F') << 1), (uint32_t)size,
			      (uint32_t)icount);
		x->accesses++;
		text_bulk_took(b, end);
	}
}

static int text_finish(struct textfile *t, struct err *e)
{
	struct text *x = t->state;

	if (x->ended)
		return 0;
	return err_set(e, ERR_TRUNCATED,
		       "%s:%" PRIu64
		       ": the file ends without \"# end accesses N controls N\": cut off after %" PRIu64
		       " accesses",
		       input_name(t->in), t->line_no, x->accesses);
}

static int text_start(struct textfile *t, struct err *e)
{
	static const char magic[] = TEXTFORM_MAGIC "\n", key[] = "\n" TEXTFORM_PROVENANCE;
	struct text *x = t->state;
	const char *p;

	if (t->len < sizeof magic - 1 || memcmp(t->buf, magic, sizeof magic - 1))
		return err_set(e, ERR_FORMAT, "%s:1: expected \"" TEXTFORM_MAGIC "\" as the first line",
			       input_name(t->in));
	p = t->buf + sizeof magic - 2;
	if (t->len > sizeof magic + sizeof key && !memcmp(p, key, sizeof key - 1)) {
		p += sizeof key - 1;
		if (!provenance_from_json(p, strcspn(p, "\r\n"), &t->provenance, &x->provenance_strings))
			return err_set(e, ERR_FORMAT, "%s:2: expected a JSON object behind \"# provenance\"",
				       input_name(t->in));
	}
	return 0;
}

static void text_release(struct textfile *t)
{
	mem_free(((struct text *)t->state)->provenance_strings);
}

static int text_probe(const uint8_t *head, size_t n)
{
	static const char magic[] = TEXTFORM_MAGIC;

	return n >= sizeof magic - 1 && !memcmp(head, magic, sizeof magic - 1) ? 100 : 0;
}

static const struct text_format text_format = {
	.state_bytes = sizeof(struct text),
	.start = text_start,
	.line = text_line,
	.bulk = text_bulk,
	.finish = text_finish,
	.release = text_release,
};

const struct importer_ops text_importer = {
	.name = "text",
	.sentence = "what `faultline trace cat` prints: one record a line",
	.probe = text_probe,
	TEXTFILE_HOOKS(&text_format),
};
