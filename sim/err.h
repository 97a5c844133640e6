/*
 * err.h - what goes wrong outside the simulated world: the user's input and the I/O.
 *
 * Three failures, three mechanisms. This one is for the user and for I/O: a function returns a negative
 * enum err_code and fills a struct err with one line that says what, where and what was expected.
 * Programming errors use CHECK (check.h). Failures of the simulated machine (no free page, SIGSEGV, an
 * OOM kill) are result values of the models and never come here.
 */
#ifndef SIM_ERR_H
#define SIM_ERR_H

#include "sim/base.h"

/* One row an error class: code, name, exit status of the program, meaning. */
#define ERR_LIST(X)                                                                                   \
	X(USAGE, 2, "wrong command line: unknown command, option or value")                           \
	X(CONFIG, 3, "wrong configuration: unknown key, duplicate, out of range, impossible machine") \
	X(OPEN, 4, "a file cannot be opened or created")                                              \
	X(IO, 5, "reading or writing failed, for instance because the disk is full")                  \
	X(FORMAT, 6, "a file is not what it should be: no trace, corrupted, a newer version")         \
	X(TRUNCATED, 7, "a trace ends early; all before the cut was used")                            \
	X(STORE, 8, "the result store refused: locked, not a store, a newer schema")                  \
	X(NOMEM, 9, "the host has no memory left for the simulated machine's tables")                 \
	X(LIMIT, 10, "a limit was exceeded: addresses, processes, records")                           \
	X(INTERRUPTED, 130, "stopped by Ctrl-C; what was done until then is stored as incomplete")

enum err_code {
	ERR_OK = 0,
#define ERR_ENUM(name, status, meaning) ERR_##name,
	ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
		ERR_NR
};

struct err {
	enum err_code code;
	char text[500];
};

/* Fills e (which may be NULL) and returns -code. Keeps the first error: a later one does not overwrite it. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Adds a prefix such as "trace.flt: " in front of the text of e. */
void err_prefix(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Clears e so that it can be used again. */
void err_clear(struct err *e);
/* The program's exit status for a code (the table in the README). */
int err_exit_status(enum err_code code);
const char *err_name(enum err_code code);
const char *err_meaning(enum err_code code);

#endif
