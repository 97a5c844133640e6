/*
 * textout.h - a text file that appears under its name only when it is complete: written as PATH.tmp, renamed
 * at the end.
 */
#ifndef TRACES_INSPECT_TEXTOUT_H
#define TRACES_INSPECT_TEXTOUT_H

#include <stdio.h>

#include "sim/err.h"

struct textout {
	FILE *f; /* NULL when closed */
	char *path, *tmp;
};

int textout_open(struct textout *t, const char *path, struct err *e);
/* Flushes, closes, renames; on an error nothing is left behind. */
int textout_commit(struct textout *t, struct err *e);

#endif
