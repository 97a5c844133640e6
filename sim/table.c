/*
 * table.c - tables of text cells: aligned, CSV (RFC 4180) or JSON (RFC 8259).
 *
 * All cells are kept until table_finish, because a column's width and side depend on all of them. A NULL cell
 * is "-" when aligned, nothing in CSV (an empty text is ""), null in JSON.
 */
#include "sim/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/check.h"
#include "sim/mem.h"

struct cell {
	char *text; /* NULL = null */
	bool is_number;
};

struct table {
	enum table_format format;
	size_t nr_columns, nr_cells, cap;
	char **names;
	struct cell *cells; /* row by row */
};

struct table *table_new(enum table_format format, size_t nr_columns, const char *const *names)
{
	struct table *t = mem_alloc_late(1, sizeof *t);

	CHECK(nr_columns > 0, "a table without columns");
	t->format = format;
	t->nr_columns = nr_columns;
	t->names = mem_alloc_late(nr_columns, sizeof *t->names);
	for (size_t i = 0; i < nr_columns; i++)
		t->names[i] = mem_strdup(names[i]);
	return t;
}

void table_cell(struct table *t, const char *text, bool is_number)
{
	if (t->nr_cells == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->cells = mem_realloc(t->cells, t->cap, sizeof *t->cells);
	}
	t->cells[t->nr_cells++] = (struct cell){text ? mem_strdup(text) : NULL, is_number};
}

void table_cellf(struct table *t, bool is_number, const char *fmt, ...)
{
	char small[256], *large;
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	CHECK(n >= 0, "the format of a cell");
	if ((size_t)n < sizeof small) {
		table_cell(t, small, is_number);
	} else {
		large = mem_alloc_late((size_t)n + 1, 1);
		vsnprintf(large, (size_t)n + 1, fmt, again);
		table_cell(t, large, is_number);
		mem_free(large);
	}
	va_end(again);
}

/* ---- aligned ---- */

/* Characters, not bytes: those that begin no character are not counted. */
static size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void put_plain(FILE *f, const char *s)
{
	for (; *s; s++)
		putc((unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s, f);
}

static void put_blanks(FILE *f, size_t n)
{
	while (n--)
		putc(' ', f);
}

struct column {
	size_t width;
	bool right;
};

static void measure(const struct table *t, struct column *c, size_t widest)
{
	for (size_t i = 0; i < t->nr_columns; i++)
		c[i] = (struct column){text_width(t->names[i]), t->nr_cells > 0};
	for (size_t i = 0; i < t->nr_cells; i++) {
		struct column *col = &c[i % t->nr_columns];
		const struct cell *cell = &t->cells[i];

		if (cell->text) {
			col->width = MAX_OF(col->width, text_width(cell->text));
			col->right = col->right && cell->is_number;
		}
	}
	for (size_t i = 0; i < t->nr_columns; i++)
		c[i].width = MIN_OF(c[i].width, widest);
}

static void put_aligned(FILE *f, const char *s, const struct column *c, bool is_last)
{
	size_t w = text_width(s), pad = w < c->width ? c->width - w : 0;

	if (c->right)
		put_blanks(f, pad);
	put_plain(f, s);
	if (!c->right && !is_last)
		put_blanks(f, pad);
	fputs(is_last ? "\n" : "  ", f);
}

static void print_aligned(const struct table *t, FILE *f)
{
	struct column *c = mem_alloc_late(t->nr_columns, sizeof *c);

	measure(t, c, cli_columns(f));
	for (size_t i = 0; i < t->nr_columns; i++)
		put_aligned(f, t->names[i], &c[i], i + 1 == t->nr_columns);
	for (size_t i = 0; i < t->nr_cells; i++) {
		size_t col = i % t->nr_columns;
		const char *s = t->cells[i].text;

		put_aligned(f, s ? s : "-", &c[col], col + 1 == t->nr_columns);
	}
	mem_free(c);
}

/* ---- CSV ---- */

static void put_csv(FILE *f, const char *s, bool is_last)
{
	if (s && (!*s || strpbrk(s, "\",\r\n"))) {
		putc('"', f);
		for (; *s; s++) {
			if (*s == '"')
				putc('"', f);
			putc(*s, f);
		}
		putc('"', f);
	} else if (s) {
		fputs(s, f);
	}
	fputs(is_last ? "\r\n" : ",", f);
}

static void print_csv(const struct table *t, FILE *f)
{
	for (size_t i = 0; i < t->nr_columns; i++)
		put_csv(f, t->names[i], i + 1 == t->nr_columns);
	for (size_t i = 0; i < t->nr_cells; i++)
		put_csv(f, t->cells[i].text, (i + 1) % t->nr_columns == 0);
}

/* ---- JSON ---- */

/* Length of the well-formed UTF-8 character at s (Unicode 15, table 3-7), 0 when it is none. */
static size_t utf8_length(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char lo = 0x80, hi = 0xbf;
	size_t n = p[0] < 0x80   ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;

	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	for (size_t i = 1; i < n; i++) {
		if (p[i] < lo || p[i] > hi)
			return 0;
		lo = 0x80;
		hi = 0xbf;
	}
	return n;
}

static void put_json_string(FILE *f, const char *s)
{
	putc('"', f);
	while (*s) {
		size_t n = utf8_length(s);

		if (n == 0) {
			fputs("\\ufffd", f);
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			fprintf(f, "\\%c", *s);
		} else if ((unsigned char)*s < 0x20) {
			fprintf(f, "\\u%04x", (unsigned)*s);
		} else {
			fwrite(s, 1, n, f);
		}
		s += n;
	}
	putc('"', f);
}

static const char *skip_digits(const char *s)
{
	while (*s >= '0' && *s <= '9')
		s++;
	return s;
}

/* Whether s is a number by JSON's grammar: "inf", "007" and "1." are not. */
static bool is_json_number(const char *s)
{
	const char *digits = s + (*s == '-'), *p = skip_digits(digits);

	if (p == digits || (*digits == '0' && p > digits + 1))
		return false;
	if (*p == '.') {
		digits = p + 1;
		p = skip_digits(digits);
		if (p == digits)
			return false;
	}
	if (*p == 'e' || *p == 'E') {
		digits = p + 1 + (p[1] == '-' || p[1] == '+');
		p = skip_digits(digits);
		if (p == digits)
			return false;
	}
	return !*p;
}

static void print_json(const struct table *t, FILE *f)
{
	putc('[', f);
	for (size_t i = 0; i < t->nr_cells; i++) {
		size_t col = i % t->nr_columns;
		const struct cell *c = &t->cells[i];

		if (col == 0)
			fputs(i ? ",\n {" : "\n {", f);
		else
			fputs(", ", f);
		put_json_string(f, t->names[col]);
		fputs(": ", f);
		if (!c->text)
			fputs("null", f);
		else if (c->is_number && is_json_number(c->text))
			fputs(c->text, f);
		else
			put_json_string(f, c->text);
		if (col + 1 == t->nr_columns)
			putc('}', f);
	}
	fputs(t->nr_cells ? "\n]\n" : "]\n", f);
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->nr_cells; i++)
		mem_free(t->cells[i].text);
	for (size_t i = 0; i < t->nr_columns; i++)
		mem_free(t->names[i]);
	mem_free(t->cells);
	mem_free(t->names);
	mem_free(t);
}

int table_finish(struct table *t, FILE *f, struct err *e)
{
	int rc = 0;

	CHECK(t->nr_cells % t->nr_columns == 0, "the last row has %zu of %zu cells",
	      t->nr_cells % t->nr_columns, t->nr_columns);
	errno = 0;
	switch (t->format) {
	case TABLE_ALIGNED:
		print_aligned(t, f);
		break;
	case TABLE_CSV:
		print_csv(t, f);
		break;
	case TABLE_JSON:
		print_json(t, f);
		break;
	}
	/* an error of an earlier write, which left no errno, is main's to report */
	if ((fflush(f) != 0 || (ferror(f) && errno)) && errno != EPIPE)
		rc = err_set(e, ERR_IO, "writing the table failed: %s", strerror(errno));
	table_free(t);
	return rc;
}
