/*
 * columns.c - lines made of columns.
 *
 * Not modelled: quoted columns, columns of fixed width without blanks between them.
 */
#include "traces/formats/columns.h"

#include <string.h>

#include "traces/formats/textfile.h"

static const struct column_name {
	const char *name;
	enum column_kind kind;
	uint8_t base;
} names[] = {
	{"ip", COLUMN_IP, 16},    {"addr", COLUMN_ADDR, 16}, {"size", COLUMN_SIZE, 10},
	{"pid", COLUMN_PID, 10},  {"tid", COLUMN_TID, 10},   {"op", COLUMN_OP, 0},
	{"skip", COLUMN_SKIP, 0}, {"rest", COLUMN_REST, 0},
};

/* One name: NAME[0|10|16][?]. */
static bool compile_one(struct column *col, const char *s, size_t n)
{
	col->optional = n && s[n - 1] == '?';
	n -= col->optional;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t len = strlen(names[i].name), rest = n - len;

		if (n < len || memcmp(s, names[i].name, len) != 0)
			continue;
		col->kind = (uint8_t)names[i].kind;
		col->base = names[i].base;
		if (rest == 0)
			return true;
		if (names[i].kind > COLUMN_TID)
			return false;
		if (rest == 1 && s[len] == '0')
			col->base = 0;
		else if (rest == 2 && !memcmp(s + len, "10", 2))
			col->base = 10;
		else if (rest == 2 && !memcmp(s + len, "16", 2))
			col->base = 16;
		else
			return false;
		return true;
	}
	return false;
}

bool columns_compile(struct columns *c, const char *description, const struct column_word *words, bool loose,
		     const char **wrong)
{
	const char *s = description;
	bool optional = false;

	*c = (struct columns){.loose = loose, .words = words};
	c->separator[' '] = c->separator['\t'] = 1;
	c->separator[','] = c->separator[';'] = c->separator[':'] = loose;
	memcpy(c->ends, c->separator, sizeof c->ends);
	c->ends['\n'] = c->ends['\r'] = c->ends['\0'] = 1;
	for (const struct column_word *w = words; w->word; w++)
		if (!w->word[1]) {
			c->letter[(uint8_t)w->word[0]] = (uint8_t)(w->kind + 1);
			if (w->word[0] >= 'A' && w->word[0] <= 'Z')
				c->letter[(uint8_t)(w->word[0] | 32)] = (uint8_t)(w->kind + 1);
		}
	*wrong =
		"names with commas between them, of: ip addr size pid tid op skip rest, with a base (addr10, "
		"size16, addr0) or ? behind";
	for (;;) {
		size_t n = strcspn(s, ",");
		struct column *col = &c->column[c->n];

		if (c->n == COLUMNS_MAX || !compile_one(col, s, n) || (c->n && col[-1].kind == COLUMN_REST))
			return false;
		if ((optional && !col->optional && col->kind != COLUMN_REST) ||
		    (c->has[col->kind] && col->kind != COLUMN_SKIP)) {
			*wrong = "each name once, and only names with ? behind one with ?";
			return false;
		}
		optional = optional || col->optional;
		c->has[col->kind] = true;
		c->n++;
		c->required += !optional && col->kind != COLUMN_REST;
		s += n;
		if (*s++ != ',')
			break;
	}
	*wrong = "a column addr";
	return c->has[COLUMN_ADDR];
}

static inline const char *number(const char *p, unsigned base, uint64_t *v)
{
	bool prefix = p[0] == '0' && (p[1] | 32) == 'x';

	if (base == 10 || (base == 0 && !prefix))
		return text_dec_fast(p, v);
	return text_hex_fast(p + (prefix ? 2 : 0), v);
}

/* The word at p as one of the list, in either case. */
static const char *long_word(const struct columns *c, const char *p, uint64_t *v)
{
	for (const struct column_word *w = c->words; w->word; w++) {
		size_t i = 0;

		while (w->word[i] &&
		       (p[i] == w->word[i] || (p[i] >= 'a' && p[i] <= 'z' && p[i] - 32 == w->word[i])))
			i++;
		if (w->word[i] || !c->ends[(uint8_t)p[i]])
			continue;
		*v = w->kind;
		return p + i;
	}
	return NULL;
}

static inline const char *op_word(const struct columns *c, const char *p, uint64_t *v)
{
	unsigned kind = c->letter[(uint8_t)*p];

	if (UNLIKELY(!kind || !c->ends[(uint8_t)p[1]]))
		return long_word(c, p, v);
	*v = kind - 1;
	return p + 1;
}

static const char *skip_word(const struct columns *c, const char *p)
{
	while (!c->ends[(uint8_t)*p])
		p++;
	return p;
}

static inline const char *one_column(const struct columns *c, const struct column *col, const char *p,
				     uint64_t *v)
{
	if (LIKELY(col->kind <= COLUMN_TID)) {
		p = number(p, col->base, v);
		return col->kind >= COLUMN_PID && *v > UINT32_MAX ? NULL : p;
	}
	if (col->kind == COLUMN_OP)
		return op_word(c, p, v);
	return col->kind == COLUMN_SKIP ? skip_word(c, p) : p + strcspn(p, "\n");
}

const char *columns_take(const struct columns *c, const char *p, uint64_t v[COLUMN_KINDS])
{
	unsigned i;

	while (c->separator[(uint8_t)*p])
		p++;
	for (i = 0; i < c->n; i++) {
		const struct column *col = &c->column[i];

		if (c->ends[(uint8_t)*p])
			break;
		p = one_column(c, col, p, &v[col->kind]);
		if (!p || !c->ends[(uint8_t)*p])
			return NULL;
		while (c->separator[(uint8_t)*p])
			p++;
	}
	return i >= c->required ? p : NULL;
}

bool columns_parse(const struct columns *c, const char *p, const char *end, uint64_t v[COLUMN_KINDS])
{
	p = columns_take(c, p, v);
	return p && (p == end || (p == end + 1 && *end == '\r'));
}
