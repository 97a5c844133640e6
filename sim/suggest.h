/*
 * suggest.h - "did you mean ...": the nearest of a list of names.
 */
#ifndef SIM_SUGGEST_H
#define SIM_SUGGEST_H

#include "sim/base.h"

/* Names longer than this are never near anything. */
#define SUGGEST_MAX 96

/*
 * How many insertions, deletions, replacements and swaps of neighbours lead from a to b (optimal string
 * alignment). UINT_MAX when one of them is longer than SUGGEST_MAX. O(length of a x length of b).
 */
unsigned suggest_distance(const char *a, const char *b);
/*
 * The nearest of name(ctx, 0), name(ctx, 1), ... up to the first NULL; the first of equals. NULL when none is
 * near: within a third of the word's length, at least 1.
 */
const char *suggest_nearest(const char *word, const char *(*name)(void *ctx, size_t i), void *ctx);
/* The end of an error line: `; did you mean "NAME"?`, or "" when name is NULL. Returns buf. */
const char *suggest_text(char *buf, size_t n, const char *name);

#endif
