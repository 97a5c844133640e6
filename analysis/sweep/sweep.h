/*
 * sweep.h - running a plan: each point is a child process of the same program, its result is collected into
 * one store.
 *
 * Points are collected in plan order, so the store is the same for any number of jobs. A point whose key
 * (resolved configuration, trace, program version) has a complete run in the store is not run again.
 */
#ifndef ANALYSIS_SWEEP_SWEEP_H
#define ANALYSIS_SWEEP_SWEEP_H

#include "analysis/sweep/plan.h"
#include "sim/cli.h"

struct sweep_request {
	const char *program; /* started as PROGRAM run TRACE ... */
	const char *trace, *store;
	const char *prefix; /* of the runs' names */
	const struct plan *plan;
	const char *const *run_args; /* handed to each run before the point's own --set */
	size_t nr_run_args;
	unsigned jobs; /* children at a time, at least 1 */
};

/* One row a state of a point. */
#define SWEEP_STATE_LIST(X)                                                             \
	X(PLANNED, "to run")                                                            \
	X(STORED, "stored already")                                                     \
	X(SAME, "same as another point") /* an earlier point has the same key */        \
	X(SHARD, "to collect")           /* run by an earlier sweep that was stopped */ \
	X(RUNNING, "running")                                                           \
	X(DONE, "done")                                                                 \
	X(FAILED, "failed")

enum sweep_state {
#define SWEEP_STATE_ENUM(name, text) SWEEP_##name,
	SWEEP_STATE_LIST(SWEEP_STATE_ENUM)
#undef SWEEP_STATE_ENUM
		SWEEP_NR_STATES
};
const char *sweep_state_name(enum sweep_state s);

struct sweep_point {
	char *name;
	char key[68];
	enum sweep_state state;
	char *shard;   /* what is to be collected, NULL = nothing */
	char *message; /* of a failed point */
	int status;    /* exit status of its run */
};

struct sweep {
	struct sweep_point *points;
	size_t n;
	size_t nr_in[SWEEP_NR_STATES];
};

/*
 * Finds each point's key and state. A point whose key cannot be found (a wrong value, for instance) is
 * FAILED; an error is returned when that holds for all, or when the store cannot be read. The store need not
 * exist. sweep_release also after an error.
 */
int sweep_plan(struct sweep *s, const struct sweep_request *r, struct err *e);
/*
 * Runs what is to be run and collects. Failed points are no error. Errors: the store, Ctrl-C
 * (-ERR_INTERRUPTED); children are stopped, and what was collected stays.
 */
int sweep_run(struct sweep *s, const struct sweep_request *r, struct err *e);
void sweep_release(struct sweep *s);

#endif
