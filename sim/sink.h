/*
 * sink.h - where a run's parameters, metrics and events go.
 *
 * A sink is a struct sink_ops with a context. The SQLite store (analysis/) is one, the null sink another.
 * Strings are the caller's; a sink copies what it keeps. All hooks return 0 or a negative error code with e
 * filled.
 */
#ifndef SIM_SINK_H
#define SIM_SINK_H

#include "sim/err.h"
#include "sim/param.h"
#include "sim/stat.h"

struct run_info {
	const char *name; /* --name, or the trace's file name without its ending */
	const char *trace_path;
	const char *trace_fingerprint;  /* hex digest of the trace file */
	const char *trace_provenance;   /* JSON object: program, arguments, recorder, time, host */
	const char *config_fingerprint; /* hex digest over all resolved parameters in path order */
	const char *program_version;
	const char *mapping;  /* "recorded" or "on-demand" */
	const char *schedule; /* "rescheduled" or "as-recorded" */
	uint64_t seed;
};

enum snapshot_kind { SNAPSHOT_WARMUP, SNAPSHOT_INTERVAL, SNAPSHOT_NAMED, SNAPSHOT_FINAL };

struct snapshot_info {
	enum snapshot_kind kind;
	const char *label; /* "warmup", "interval", the mark's name, "final" */
	uint64_t seq;      /* order of snapshots within the run, from 0 */
	tick_t time;       /* simulated time, ps */
	uint64_t accesses; /* replayed so far */
};

/* How a run ended. */
struct run_end {
	const char *status;  /* "complete", "incomplete" (interrupted), "failed", "truncated" (the trace was
				cut) */
	const char *message; /* NULL or one line */
	tick_t time;
	uint64_t accesses;
	double wall_seconds;  /* of the host; never compared */
	uint64_t peak_rss_kb; /* of the host; never compared */
};

struct sink;
struct sink_ops {
	const char *name;
	/* Fires once, before anything else of the run. */
	int (*begin)(struct sink *s, const struct run_info *info, const struct param_set *params,
		     struct err *e);
	/* A snapshot opens; the value and hist calls up to the next snapshot_end belong to it. */
	int (*snapshot_begin)(struct sink *s, const struct snapshot_info *info, struct err *e);
	/* One statistic of one instance. `full_name` is prefix.field. */
	int (*value)(struct sink *s, const char *full_name, const struct stat_row *row, enum stat_scope scope,
		     const char *instance, int64_t value, struct err *e);
	int (*hist)(struct sink *s, const char *full_name, const struct stat_row *row, enum stat_scope scope,
		    const char *instance, const struct hist *h, struct err *e);
	/* One counter in the kernel's own name and unit: scope "vmstat", "node/0", "zone/0/DMA32", "proc/P1",
	 * ... */
	int (*kernel_counter)(struct sink *s, const char *scope, const char *counter, int64_t value,
			      struct err *e);
	/* Ends the snapshot and makes it durable; of interval snapshots that follow each other closely, later
	 * ones may wait for the next of another kind, or the end. */
	int (*snapshot_end)(struct sink *s, struct err *e);
	/* Something that happened: `kind` is a row of the event list, `scope` e.g. "node/0", detail NULL or
	 * JSON. */
	int (*event)(struct sink *s, tick_t time, const char *kind, const char *scope, int64_t value,
		     const char *detail, struct err *e);
	/* Fires once at the end; after it only close. */
	int (*end)(struct sink *s, const struct run_end *end, struct err *e);
};

struct sink {
	const struct sink_ops *ops;
};

extern const struct sink_ops sink_null_ops;

/*
 * A curve measured on a trace: what LRU memories of growing size miss. It belongs to no run.
 */
struct curve_point {
	uint64_t size_pages, misses;
};
struct stored_curve {
	const char *name;
	const char *trace_path, *trace_fingerprint; /* fingerprint: NULL when the trace has none */
	const char *program_version;
	const char *kinds;  /* which accesses count: "all", "data", "fetches" */
	const char *method; /* "exact" or "sampled": then misses and cold are estimates */
	double rate;        /* share of the pages followed at the end */
	bool one_process;   /* of pid alone; else of all processes together */
	uint32_t pid;
	uint64_t page_bytes, accesses, touches, cold; /* cold: first touches */
	const struct curve_point *points;             /* by growing size */
	size_t nr_points;
};

/*
 * How `run` gets its store without knowing SQLite: the front door installs the opener. open creates the store
 * at path or adds to it; close frees the sink.
 */
struct sink_driver {
	int (*open)(struct sink **out, const char *path, struct err *e);
	int64_t (*run_id)(const struct sink *s);
	void (*close)(struct sink *s);
	/* Adds n curves to the store at path, which is created when it is not there: all or none. */
	int (*add_curves)(const char *path, const struct stored_curve *curves, size_t n, struct err *e);
};
void sink_set_driver(const struct sink_driver *d);
const struct sink_driver *sink_driver(void);

#endif
