/*
 * memtrace_calls.h - the system calls of the memtrace format.
 */
#ifndef TRACES_FORMATS_MEMTRACE_CALLS_H
#define TRACES_FORMATS_MEMTRACE_CALLS_H

#include "traces/formats/textfile.h"

#define MEMTRACE_WORDS 8 /* of a call: its name and arguments */

/* Fills op, arguments and result of c from the words of a call. Returns NULL, or what was expected. */
const char *memtrace_call(struct control *c, const struct text_word *w, size_t n);

#endif
