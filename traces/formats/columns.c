/*
 * columns.c - lines made of columns.
 *
 * Not modelled: quoted columns, columns of fixed width without blanks between them.
 */
#include "traces/formats/columns.h"

#include <string.h>

#include "sim/check.h"
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

/* The word to try behind this first letter: of one letter, or the only one. NULL: there is none. */
static const struct column_word *quick_word(const struct column_word *words, char first)
{
	const struct column_word *found = NULL;
	unsigned n = 0;

	for (const struct column_word *w = words; w->word; w++) {
		if (w->word[0] != first)
			continue;
		if (!w->word[1])
			return w;
		found = w;
		n++;
	}
	return n == 1 && strlen(found->word) <= sizeof(uint64_t) ? found : NULL;
}

static void init_quick(struct columns *c)
{
	c->quick[0].value = c->quick[0].mask = UINT64_MAX; /* of no character: none fits it */
	c->nr_quick = 1;
	for (int first = '!'; first < 127; first++) {
		bool lower = first >= 'a' && first <= 'z';
		const struct column_word *w = quick_word(c->words, (char)(lower ? first - 32 : first));
		uint8_t text[8] = {0};
		size_t n = 0;

		if (!w)
			continue;
		for (; w->word[n]; n++)
			text[n] = (uint8_t)(lower && w->word[n] >= 'A' && w->word[n] <= 'Z' ? w->word[n] | 32
											    : w->word[n]);
		c->first[first] = (uint8_t)c->nr_quick;
		c->quick[c->nr_quick++] =
			(struct column_quick){get_u64(text), UINT64_MAX >> 8 * (8 - n), (uint32_t)n, w->kind};
	}
}

static void init(struct columns *c, const struct column_word *words, bool loose)
{
	*c = (struct columns){.words = words};
	c->separator[' '] = c->separator['\t'] = 1;
	c->separator[','] = c->separator[';'] = c->separator[':'] = loose;
	memcpy(c->ends, c->separator, sizeof c->ends);
	c->ends['\n'] = c->ends['\r'] = c->ends['\0'] = 1;
	init_quick(c);
}

/* One more column; false: it cannot stand there. */
static bool add(struct columns *c, struct column col)
{
	bool after_optional = c->n && c->column[c->n - 1].optional;

	if ((after_optional && !col.optional && col.kind != COLUMN_REST) ||
	    (c->has[col.kind] && col.kind != COLUMN_SKIP))
		return false;
	c->column[c->n++] = col;
	c->has[col.kind] = true;
	c->required += !col.optional && col.kind != COLUMN_REST;
	return true;
}

void columns_init(struct columns *c, const struct column *column, unsigned n, const struct column_word *words,
		  bool loose)
{
	init(c, words, loose);
	for (unsigned i = 0; i < n; i++)
		CHECK(add(c, column[i]), "column %u of %u", i, n);
}

bool columns_compile(struct columns *c, const char *description, const struct column_word *words, bool loose,
		     const char **wrong)
{
	const char *s = description;

	init(c, words, loose);
	*wrong =
		"names with commas between them, of: ip addr size pid tid op skip rest, with a base (addr10, "
		"size16, addr0) or ? behind";
	for (;;) {
		size_t n = strcspn(s, ",");
		struct column col;

		if (c->n == COLUMNS_MAX || !compile_one(&col, s, n) ||
		    (c->n && c->column[c->n - 1].kind == COLUMN_REST))
			return false;
		if (!add(c, col)) {
			*wrong = "each name once, and only names with ? behind one with ?";
			return false;
		}
		s += n;
		if (*s++ != ',')
			break;
	}
	*wrong = "a column addr";
	return c->has[COLUMN_ADDR];
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
	const char *end = column_quick_op(c, p, v);

	return LIKELY(end && c->ends[(uint8_t)*end]) ? end : long_word(c, p, v);
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
		p = column_number(col->base, p, v);
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
