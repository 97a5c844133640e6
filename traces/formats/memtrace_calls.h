/*
 * memtrace_calls.h - the system calls of the memtrace format.
 */
#ifndef TRACES_FORMATS_MEMTRACE_CALLS_H
#define TRACES_FORMATS_MEMTRACE_CALLS_H

#include "traces/formats/textfile.h"

#define MEMTRACE_WORDS 8 /* of a call: its name and arguments */

/* Fills op, arguments and result of c from the words of a call. Returns NULL, or what was expected. */
const char *memtrace_call(struct control *c, const struct text_word *w, size_t n);

#define MEMTRACE_CALL_MAX 256 /* bytes of a call as text */

/*
 * The other way: "mmap 0x1000 4096 rw- private,anon -1 0" into text (MEMTRACE_CALL_MAX bytes). false: the
 * format has no such call, or not with these arguments, or it failed.
 */
bool memtrace_call_text(const struct control *c, char *text);

#endif
