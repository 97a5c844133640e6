/*
 * intern.h - texts that repeat, numbered from 0 in order of first use, with the row id each has in the store.
 *
 * Open addressing over the texts' hashes, compared in full; expected O(length). Texts are copied.
 */
#ifndef ANALYSIS_INTERN_H
#define ANALYSIS_INTERN_H

#include "sim/base.h"

struct intern {
	char **texts;
	int64_t *ids;    /* row ids; 0 = not known to be in the store */
	uint32_t *slots; /* number + 1, 0 = free */
	uint32_t n, cap, nr_slots;
};

void intern_init(struct intern *t);
void intern_release(struct intern *t);
/* The number of text; it is added when it is new (the number then is the n of before). */
uint32_t intern_number(struct intern *t, const char *text);
/* Forgets all row ids, after a transaction that may have made them was rolled back. */
void intern_forget_ids(struct intern *t);

#endif
