/*
 * metrics.c - snapshots: the registry's statistics and the collectors' rows, handed to a sink.
 *
 * One snapshot costs O(statistics x instances). Rows come in order of registration, then in order of the
 * collectors, so two runs of one configuration write the same rows in the same order.
 *
 * Not modelled: minimum and maximum of a histogram include the warm-up, because differences cannot tell.
 */
#include "sim/metrics.h"

#include <stdio.h>
#include <string.h>

#include "sim/check.h"

void metrics_init(struct metrics *m, struct stat_registry *r, struct sink *sink)
{
	memset(m, 0, sizeof *m);
	m->registry = r;
	m->sink = sink;
}

void metrics_add_collector(struct metrics *m, metrics_collect_fn fn, void *ctx, bool intervals)
{
	CHECK(m->nr_collectors < ARRAY_LEN(m->collectors), "more than %zu collectors",
	      ARRAY_LEN(m->collectors));
	m->collectors[m->nr_collectors].fn = fn;
	m->collectors[m->nr_collectors].ctx = ctx;
	m->collectors[m->nr_collectors++].intervals = intervals;
}

static int emit(struct metrics *m, const struct stat_table *t, const void *base, const void *zero,
		enum stat_scope scope, const char *instance, struct err *e)
{
	const struct sink_ops *ops = m->sink->ops;
	char full_name[120];
	struct hist h;
	int rc = 0;

	for (size_t i = 0; i < t->nr_rows && rc >= 0; i++) {
		const struct stat_row *row = &t->rows[i];
		int n = snprintf(full_name, sizeof full_name, "%s.%s", t->prefix, row->name);

		CHECK(n >= 0 && (size_t)n < sizeof full_name, "%s has too long a name", row->name);
		if (row->kind == STAT_HISTOGRAM) {
			stat_hist(row, base, zero, &h);
			rc = ops->hist(m->sink, full_name, row, scope, instance, &h, e);
		} else {
			rc = ops->value(m->sink, full_name, row, scope, instance, stat_value(row, base, zero),
					e);
		}
	}
	return rc;
}

static int emit_all(struct metrics *m, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < m->registry->nr_groups && rc >= 0; i++) {
		const struct stat_group *g = &m->registry->groups[i];

		rc = emit(m, g->table, g->base, g->zero, g->scope, g->instance, e);
	}
	for (size_t i = 0; i < m->nr_collectors && rc >= 0; i++) {
		if (m->collectors[i].intervals || m->current.kind != SNAPSHOT_INTERVAL)
			rc = m->collectors[i].fn(m->collectors[i].ctx, m, e);
	}
	return rc;
}

int metrics_snapshot(struct metrics *m, enum snapshot_kind kind, const char *label, tick_t now,
		     uint64_t accesses, struct err *e)
{
	int rc;

	m->current = (struct snapshot_info){
		.kind = kind, .label = label, .seq = m->next_seq++, .time = now, .accesses = accesses};
	stat_registry_refresh(m->registry);
	rc = m->sink->ops->snapshot_begin(m->sink, &m->current, e);
	if (rc >= 0)
		rc = emit_all(m, e);
	if (rc >= 0)
		rc = m->sink->ops->snapshot_end(m->sink, e);
	if (kind == SNAPSHOT_WARMUP)
		stat_registry_zero(m->registry);
	return rc < 0 ? rc : 0;
}

int metrics_struct(struct metrics *m, const struct stat_table *t, const void *base, enum stat_scope scope,
		   const char *instance, struct err *e)
{
	return emit(m, t, base, NULL, scope, instance, e);
}

int metrics_kernel_counter(struct metrics *m, const char *scope, const char *counter, int64_t value,
			   struct err *e)
{
	return m->sink->ops->kernel_counter(m->sink, scope, counter, value, e);
}
