/*
 * metrics.h - snapshots of all statistics, handed to a sink.
 *
 * Kinds: the end of the warm-up (counters start from zero after it), at intervals of simulated time, named (a
 * mark in the trace), final. Components that come and go (processes, mappings) are not in the registry; a
 * collector emits their rows at each snapshot.
 */
#ifndef SIM_METRICS_H
#define SIM_METRICS_H

#include "sim/sink.h"
#include "sim/stat.h"

struct metrics;
/* Emits the rows of a changing population through metrics_struct / metrics_kernel_counter. */
typedef int (*metrics_collect_fn)(void *ctx, struct metrics *m, struct err *e);

struct metrics {
	struct stat_registry *registry;
	struct sink *sink;
	uint64_t next_seq;
	struct {
		metrics_collect_fn fn;
		void *ctx;
		bool intervals; /* call it at interval snapshots, too */
	} collectors[16];
	size_t nr_collectors;
	struct snapshot_info current; /* the snapshot that is open, for collectors */
};

void metrics_init(struct metrics *m, struct stat_registry *r, struct sink *sink);
void metrics_add_collector(struct metrics *m, metrics_collect_fn fn, void *ctx, bool intervals);
/* Takes a snapshot: refreshes gauges, walks the registry, calls the collectors. WARMUP also zeroes the
 * registry. */
int metrics_snapshot(struct metrics *m, enum snapshot_kind kind, const char *label, tick_t now,
		     uint64_t accesses, struct err *e);
/* For collectors: all rows of one struct (absolute values, no warm-up difference). */
int metrics_struct(struct metrics *m, const struct stat_table *t, const void *base, enum stat_scope scope,
		   const char *instance, struct err *e);
int metrics_kernel_counter(struct metrics *m, const char *scope, const char *counter, int64_t value,
			   struct err *e);

#endif
