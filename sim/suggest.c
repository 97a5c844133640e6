/*
 * suggest.c - the nearest of a list of names.
 */
#include "sim/suggest.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	return MIN_OF(MIN_OF(a, b), c);
}

unsigned suggest_distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned rows[3][SUGGEST_MAX + 1];

	if (la > SUGGEST_MAX || lb > SUGGEST_MAX)
		return UINT_MAX;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *cur = rows[i % 3], *up = rows[(i - 1) % 3], *up2 = rows[(i + 1) % 3];

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned replace = up[j - 1] + (a[i - 1] != b[j - 1]);

			cur[j] = min3(up[j] + 1, cur[j - 1] + 1, replace);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cur[j] = MIN_OF(cur[j], up2[j - 2] + 1);
		}
	}
	return rows[la % 3][lb];
}

const char *suggest_nearest(const char *word, const char *(*name)(void *ctx, size_t i), void *ctx)
{
	size_t len = strlen(word);
	unsigned best = len < 6 ? 2 : (unsigned)(len / 3 + 1); /* too far already */
	const char *nearest = NULL, *s;

	for (size_t i = 0; (s = name(ctx, i)); i++) {
		unsigned d = suggest_distance(word, s);

		if (d < best) {
			best = d;
			nearest = s;
		}
	}
	return nearest;
}

const char *suggest_text(char *buf, size_t n, const char *name)
{
	if (name)
		snprintf(buf, n, "; did you mean \"%s\"?", name);
	else
		buf[0] = '\0';
	return buf;
}
