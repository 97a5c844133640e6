/*
 * columns.h - lines made of columns: which columns there are is a text, so that a format is a row of a table
 * and a user can say what a file changed by hand looks like.
 *
 * A description is a list of names with commas between them, in the order of the line:
 *   ip, addr      hexadecimal, with or without 0x
 *   size          decimal
 *   pid, tid      decimal, at most 32 bits
 *   op            a word that says load, store or fetch
 *   skip          any word
 *   rest          whatever follows, also nothing; only as the last one
 * A number takes another base from a suffix: addr10 (decimal), size16 (hexadecimal), addr0 (hexadecimal with
 * 0x, else decimal). A name with ? behind it may be missing, if all behind it are missing too.
 */
#ifndef TRACES_FORMATS_COLUMNS_H
#define TRACES_FORMATS_COLUMNS_H

#include "traces/formats/textnumber.h"
#include "traces/record.h"

enum column_kind {
	COLUMN_IP,
	COLUMN_ADDR,
	COLUMN_SIZE,
	COLUMN_PID,
	COLUMN_TID,
	COLUMN_OP, /* value: an access_kind */
	COLUMN_SKIP,
	COLUMN_REST,
	COLUMN_KINDS
};

#define COLUMNS_MAX 16

/* A word of the column op, in upper case; case does not matter in the file. */
#define COLUMN_WORDS_MAX 16
struct column_word {
	const char *word; /* NULL ends the list */
	enum access_kind kind;
};

struct column {
	uint8_t kind, base; /* base 0, 10 or 16 */
	bool optional;
};

/* The columns of formats that are rows of a table. */
#define COLUMN_OP_WORD              \
	{                           \
		COLUMN_OP, 0, false \
	}
#define COLUMN_SKIP_WORD              \
	{                             \
		COLUMN_SKIP, 0, false \
	}
#define COLUMN_REST_OF_IT             \
	{                             \
		COLUMN_REST, 0, false \
	}
#define COLUMN_NUMBER(kind_, base_)          \
	{                                    \
		COLUMN_##kind_, base_, false \
	}
#define COLUMN_PERHAPS(kind_, base_)        \
	{                                   \
		COLUMN_##kind_, base_, true \
	}

struct columns {
	struct column column[COLUMNS_MAX];
	unsigned n, required; /* columns; how many must be there */
	bool has[COLUMN_KINDS];
	const struct column_word *words;
	/* The one word to try, by its first letter: nothing but letters of one case. Index in quick, 0: none.
	 */
	uint8_t first[256];
	struct column_quick {
		uint64_t value, mask;
		uint32_t n, kind;
	} quick[2 * COLUMN_WORDS_MAX + 1];
	unsigned nr_quick;
	uint8_t separator[256]; /* 1: separates columns */
	uint8_t ends[256];      /* 1: a separator, or the end of the line */
};

/* n columns as they are, which must make sense. */
/* loose: , ; : separate columns too; else only blanks and tabs do. */
void columns_init(struct columns *c, const struct column *column, unsigned n, const struct column_word *words,
		  bool loose);

/* Reads a description; false: *wrong says what a description needs, and columns are unusable. */
bool columns_compile(struct columns *c, const char *description, const struct column_word *words, bool loose,
		     const char **wrong);

/*
 * Takes the columns of the line at p: v[kind] of each that is there; others keep their value. Returns where
 * the line went on behind the last column and separators, NULL when it does not fit. Behind the line's end (a
 * line end or a 0) TEXT_SLACK bytes must be readable.
 */
const char *columns_take(const struct columns *c, const char *p, uint64_t v[COLUMN_KINDS]);
/* The same for a line that must be used up: false, when it does not fit. */
bool columns_parse(const struct columns *c, const char *p, const char *end, uint64_t v[COLUMN_KINDS]);

/* ---- the same for lines without surprises ---- */

/* The word of the column op at p, if it is the one that its first letter says. */
static inline const char *column_quick_op(const struct columns *c, const char *p, uint64_t *v)
{
	const struct column_quick *q = &c->quick[c->first[(uint8_t)*p]];

	*v = q->kind;
	return UNLIKELY((get_u64((const uint8_t *)p) ^ q->value) & q->mask) ? NULL : p + q->n;
}

/* Behind a word of at most 15 characters above the blank. */
static inline const char *column_quick_skip(const char *p)
{
	__m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
	unsigned others = ~(unsigned)_mm_movemask_epi8(_mm_cmpgt_epi8(c, _mm_set1_epi8(' ')));
	unsigned n = (unsigned)__builtin_ctz(others);

	return n - 1 < 15 ? p + n : NULL;
}

static inline const char *column_number(unsigned base, const char *p, uint64_t *v)
{
	bool prefix = base != 10 && p[0] == '0' && (p[1] | 32) == 'x';

	if (base == 10 || (base == 0 && !prefix))
		return text_dec_fast(p, v);
	return text_hex_fast(p + (prefix ? 2 : 0), v);
}

/*
 * Takes a line of columns that are known when the program is built, so that nothing is left of the loop.
 * false: the line may be good, but has to be asked columns_parse. No columns pid and tid.
 */
static inline __attribute__((always_inline)) bool columns_quick(const struct columns *c,
								const struct column *col, unsigned n,
								bool loose, const char *p, const char *end,
								uint64_t v[COLUMN_KINDS])
{
#pragma GCC unroll 8
	for (unsigned i = 0; i < n; i++) {
		if (i) {
			if ((col[i].optional || col[i].kind == COLUMN_REST) && p == end)
				return true;
			if (loose && *p == ':')
				p++;
			if (*p != ' ')
				return false;
			do
				p++;
			while (UNLIKELY(*p == ' '));
		}
		if (col[i].kind == COLUMN_REST)
			return !memchr(p, '\0', (size_t)(end - p));
		if (col[i].kind == COLUMN_OP)
			p = column_quick_op(c, p, &v[COLUMN_OP]);
		else if (col[i].kind == COLUMN_SKIP)
			p = column_quick_skip(p);
		else
			p = column_number(col[i].base, p, &v[col[i].kind]);
		if (!p)
			return false;
	}
	return p == end;
}

/* Whether there is nothing to read on the line: it is blank or begins with #. */
static inline bool columns_skip(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p == end || *p == '#';
}

#endif
