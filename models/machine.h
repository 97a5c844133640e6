/*
 * machine.h - the whole simulated machine: the only module that sees everyone.
 */
#ifndef MODELS_MACHINE_H
#define MODELS_MACHINE_H

#include "models/replay.h"
#include "sim/metrics.h"

struct machine_config; /* all parameters of a machine; fields are set through the param_set */
struct machine;

/* Registers every parameter table in ps, with defaults. */
struct machine_config *machine_config_new(struct param_set *ps);
void machine_config_free(struct machine_config *c);
/* Whether mappings are made on demand for this trace, and the names that go into the run's row. */
bool machine_maps_on_demand(const struct machine_config *c, struct trace *t);
const char *machine_schedule_name(const struct machine_config *c);
uint64_t machine_seed(const struct machine_config *c);

/*
 * Builds the machine from the configuration; the trace and the sink must outlive it. Errors (ERR_CONFIG) name
 * the parameter and what is possible.
 */
int machine_new(struct machine **out, const struct machine_config *c, struct trace *t, struct sink *sink,
		struct err *e);
void machine_free(struct machine *m);
/* Another sink, before machine_run: a store is made only when the machine could be built. */
void machine_set_sink(struct machine *m, struct sink *sink);

/* Progress of a run, for the terminal. */
struct machine_progress {
	uint64_t accesses;
	tick_t time;
	uint64_t oom_kills;       /* processes killed for want of memory, the machine's or a group's */
	unsigned changes_pending; /* of cpuset.changes: their time or mark has not come */
};
/*
 * Runs to the end of the trace. tick is called every few thousand events with the progress; it returns false
 * to stop early (then -ERR_INTERRUPTED). A trace that ends early gives -ERR_TRUNCATED after all before the
 * cut was replayed. In every case but a failing sink the final snapshot is taken.
 */
int machine_run(struct machine *m, bool (*tick)(void *ctx, const struct machine_progress *p), void *ctx,
		struct err *e);
struct machine_progress machine_progress(const struct machine *m);
/* Checks the conservation laws; the first that is broken is described in e (-ERR_CONFIG never; it is a
 * programming error). */
void machine_check(struct machine *m);

/* All tables of statistics, for `faultline list stats`: NULL past the last. */
const struct stat_table *machine_stat_table(size_t i);

#endif
