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
struct column_word {
	const char *word; /* NULL ends the list */
	enum access_kind kind;
};

struct columns {
	struct column {
		uint8_t kind, base; /* base 0, 10 or 16 */
		bool optional;
	} column[COLUMNS_MAX];
	unsigned n, required; /* columns; how many must be there */
	bool has[COLUMN_KINDS];
	bool loose; /* , ; : separate columns too; else only blanks and tabs */
	const struct column_word *words;
	uint8_t letter[256];    /* kind + 1 of the word that is this letter, 0: there is none */
	uint8_t separator[256]; /* 1: separates columns */
	uint8_t ends[256];      /* 1: a separator, or the end of the line */
};

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

/* Whether there is nothing to read on the line: it is blank or begins with #. */
static inline bool columns_skip(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p == end || *p == '#';
}

#endif
