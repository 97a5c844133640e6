/*
 * rows.h - a growing array of rows that wait for their transaction.
 */
#ifndef ANALYSIS_ROWS_H
#define ANALYSIS_ROWS_H

#include "sim/mem.h"

struct rows {
	void *v;
	size_t n, cap;
};

/* Room for one more; the caller fills it in. */
static inline void *rows_add(struct rows *r, size_t size)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 256;
		r->v = mem_realloc(r->v, r->cap, size);
	}
	return (char *)r->v + size * r->n++;
}

#endif
