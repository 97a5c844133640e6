/*
 * cli.h - what the subcommands share at the terminal: error lines, aligned tables, progress, options.
 */
#ifndef SIM_CLI_H
#define SIM_CLI_H

#include <stdio.h>

#include "sim/err.h"

/* Prints "faultline: TEXT" to stderr and returns the exit status of e. */
int cli_fail(const struct err *e);

/* How a table is printed. */
enum table_format { TABLE_ALIGNED, TABLE_CSV, TABLE_JSON };

/*
 * A table of text cells, printed at table_finish: aligned (numbers to the right, at most the terminal's worth
 * of padding), RFC 4180 CSV, or a JSON array of objects (cells flagged numeric are printed bare, NULL cells
 * as null).
 */
struct table;
struct table *table_new(enum table_format format, size_t nr_columns, const char *const *names);
/* Adds a cell to the current row, left to right; rows end by themselves. text NULL = null. */
void table_cell(struct table *t, const char *text, bool is_number);
void table_cellf(struct table *t, bool is_number, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Prints to f and frees t. Returns 0 or -ERR_IO (a closed pipe is no error). */
int table_finish(struct table *t, FILE *f, struct err *e);
/* Frees t without printing it, for instance after an error in the middle. */
void table_free(struct table *t);

/*
 * A progress line on stderr, at most four times a second, only when stderr is a terminal and progress was not
 * switched off. total 0 = unknown. It is wiped at the end.
 */
struct progress;
/* Switches progress lines off (--no-progress) or on again, for those that begin after it. */
void progress_enable(bool on);
struct progress *progress_new(const char *what, uint64_t total);
/* done so far; detail is put behind the rate, e.g. "sim 1.25 s". Cheap when it is not time to print. */
void progress_update(struct progress *p, uint64_t done, const char *detail);
void progress_free(struct progress *p);

/* The host's clock, seconds: for what a run took, never for anything that is simulated. */
double cli_wall_seconds(void);
/* "1234567" -> "1.23 M"; buf of at least 16 bytes. */
const char *cli_si(char *buf, size_t n, double v);
/* Columns of the terminal behind f, 80 when it is none. */
size_t cli_columns(FILE *f);
/* Whether Ctrl-C or SIGTERM was seen; the first one asks to stop, the second one ends the program. */
bool cli_interrupted(void);
void cli_catch_interrupts(void);

#endif
