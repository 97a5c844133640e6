/*
 * jobs.h - running one child for each point of a list, several at a time.
 */
#ifndef ANALYSIS_SWEEP_JOBS_H
#define ANALYSIS_SWEEP_JOBS_H

#include "analysis/sweep/child.h"

struct jobs_ops {
	/* The arguments for point i (an array that ends with NULL, freed with args_free), or NULL when
	 * nothing is to be run for it. */
	char **(*args)(void *ctx, size_t i);
	/* Point i's child has ended; a negative result stops everything. */
	int (*ended)(void *ctx, size_t i, struct child *c, int status, struct err *e);
	/* Called now and then. */
	void (*tick)(void *ctx, size_t nr_running);
};

/*
 * Runs children for points 0 ... n-1 in order, at most `jobs` at a time. Stops (children first) on an error,
 * or with -ERR_INTERRUPTED after Ctrl-C.
 */
int jobs_run(const char *program, size_t n, unsigned jobs, const struct jobs_ops *ops, void *ctx,
	     struct err *e);

/* A growing list of copied arguments. */
struct args {
	char **v;
	size_t n;
};
void args_add(struct args *a, const char *text);
/* "a=b" as one argument. */
void args_add_assignment(struct args *a, const char *path, const char *value);
void args_free(char **v);

#endif
