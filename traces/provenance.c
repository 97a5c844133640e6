/*
 * provenance.c - struct provenance as JSON: what RFC 8259 asks for, limited to one object of strings,
 * booleans, numbers and null.
 *
 * Not modelled: nested values; an object that holds one counts as malformed.
 */
#include "traces/provenance.h"

#include <stdio.h>

#include "sim/mem.h"
#include "traces/bytes.h"

#define PROVENANCE_STRINGS(X) X(program) X(arguments) X(recorder) X(recorded_at) X(host) X(notes)
#define PROVENANCE_FLAGS(X)   X(no_threads) X(no_sizes) X(no_times) X(no_fetches) X(physical) X(sampled)

static void put_text(struct buf *b, const char *s)
{
	buf_bytes(b, s, strlen(s));
}

/* Bytes above 0x7f are passed on: paths are bytes, mostly UTF-8. */
static void put_string(struct buf *b, const char *s)
{
	buf_u8(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		char esc[8];

		if (c == '"' || c == '\\') {
			buf_u8(b, '\\');
			buf_u8(b, c);
		} else if (c < 0x20 || c == 0x7f) {
			snprintf(esc, sizeof esc, "\\u%04x", c);
			put_text(b, esc);
		} else {
			buf_u8(b, c);
		}
	}
	buf_u8(b, '"');
}

static void put_key(struct buf *b, const char *key)
{
	put_text(b, b->len > 1 ? ", " : "");
	put_string(b, key);
	put_text(b, ": ");
}

char *provenance_to_json(const struct provenance *p)
{
	struct buf b = {0};

	put_text(&b, "{");
#define PUT_STRING(field)                 \
	if (p && p->field) {              \
		put_key(&b, #field);      \
		put_string(&b, p->field); \
	}
	PROVENANCE_STRINGS(PUT_STRING)
#undef PUT_STRING
#define PUT_FLAG(field)               \
	if (p && p->field) {          \
		put_key(&b, #field);  \
		put_text(&b, "true"); \
	}
	PROVENANCE_FLAGS(PUT_FLAG)
#undef PUT_FLAG
	put_text(&b, "}");
	buf_u8(&b, '\0');
	return (char *)b.p;
}

struct parser {
	const char *p, *end;
	char *out; /* where the next string is unescaped to */
};

static void skip_blanks(struct parser *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool take(struct parser *s, char c)
{
	skip_blanks(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static int hex4(const char *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		int c = p[i] | 0x20;

		if (!((p[i] >= '0' && p[i] <= '9') || (c >= 'a' && c <= 'f')))
			return -1;
		v = v * 16 + (c >= 'a' ? c - 'a' + 10 : p[i] - '0');
	}
	return v;
}

/* A code point of the basic plane as UTF-8; surrogates are kept apart, as three bytes each. */
static void put_utf8(struct parser *s, int c)
{
	if (c < 0x80) {
		*s->out++ = (char)c;
	} else if (c < 0x800) {
		*s->out++ = (char)(0xc0 | c >> 6);
		*s->out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*s->out++ = (char)(0xe0 | c >> 12);
		*s->out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*s->out++ = (char)(0x80 | (c & 0x3f));
	}
}

static bool escape(struct parser *s)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int c;

	if (s->p == s->end || !*s->p)
		return false;
	if (*s->p == 'u') {
		c = s->end - s->p >= 5 ? hex4(s->p + 1) : -1;
		if (c <= 0)
			return false;
		s->p += 5;
		put_utf8(s, c);
		return true;
	}
	at = strchr(from, *s->p++);
	if (!at)
		return false;
	*s->out++ = to[at - from];
	return true;
}

/* The unescaped string, NUL-terminated, or NULL. It is never longer than its source. */
static const char *string(struct parser *s)
{
	const char *start = s->out;

	if (!take(s, '"'))
		return NULL;
	while (s->p < s->end && *s->p != '"') {
		if (*s->p == '\0')
			return NULL;
		if (*s->p != '\\') {
			*s->out++ = *s->p++;
			continue;
		}
		s->p++;
		if (!escape(s))
			return NULL;
	}
	if (s->p == s->end)
		return NULL;
	s->p++;
	*s->out++ = '\0';
	return start;
}

/* A bare word: true, false, null or a number. */
static bool word(struct parser *s, bool *is_true)
{
	const char *start;

	skip_blanks(s);
	start = s->p;
	while (s->p < s->end && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *s->p) && *s->p)
		s->p++;
	*is_true = s->p - start == 4 && memcmp(start, "true", 4) == 0;
	return s->p > start;
}

static bool member(struct parser *s, struct provenance *p)
{
	const char *key = string(s), *value = NULL;
	bool flag = false;

	if (!key || !take(s, ':'))
		return false;
	skip_blanks(s);
	if (s->p < s->end && *s->p == '"') {
		value = string(s);
		if (!value)
			return false;
	} else if (!word(s, &flag)) {
		return false;
	}
#define SET_STRING(field)                      \
	if (value && strcmp(key, #field) == 0) \
		p->field = value;
	PROVENANCE_STRINGS(SET_STRING)
#undef SET_STRING
#define SET_FLAG(field)               \
	if (strcmp(key, #field) == 0) \
		p->field = flag;
	PROVENANCE_FLAGS(SET_FLAG)
#undef SET_FLAG
	return true;
}

bool provenance_from_json(const char *json, size_t n, struct provenance *p, char **keep)
{
	struct parser s = {json, json + n, mem_alloc_late(n + 1, 1)};
	bool ok = true;

	*keep = s.out;
	memset(p, 0, sizeof *p);
	ok = take(&s, '{');
	if (ok && !take(&s, '}')) {
		do
			ok = member(&s, p);
		while (ok && take(&s, ','));
		ok = ok && take(&s, '}');
	}
	skip_blanks(&s);
	if (ok && s.p == s.end)
		return true;
	memset(p, 0, sizeof *p);
	return false;
}
