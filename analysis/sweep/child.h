/*
 * child.h - a program that is started and watched, with what it prints kept in unnamed temporary files.
 */
#ifndef ANALYSIS_SWEEP_CHILD_H
#define ANALYSIS_SWEEP_CHILD_H

#include <stdio.h>
#include <sys/types.h>

#include "sim/err.h"

struct child {
	pid_t pid; /* 0 = none */
	FILE *out, *err;
};

/* Starts program with argv (NULL at the end). The child gets SIGTERM should this program die. */
int child_start(struct child *c, const char *program, char *const *argv, struct err *e);
/*
 * Whether the child has ended; then *status is its exit status, 128 + the signal's number when a signal ended
 * it. Does not wait.
 */
bool child_has_ended(struct child *c, int *status);
/* The last line that is not empty, without its newline, of what the child printed; "" when there is none. */
void child_last_line(FILE *f, char *buf, size_t n);
void child_ask_to_end(const struct child *c);
/* Waits for a child that was asked to end; kills it after patience_ms. Returns when it is gone. */
void child_wait(struct child *c, unsigned patience_ms);
/* Closes the files of a child that has ended; may be called twice. */
void child_release(struct child *c);

#endif
