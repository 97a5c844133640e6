/*
 * store.c - the SQLite sink.
 *
 * Statistics, instances and other names are numbered in memory by their text; their row ids are looked up or
 * made within the transaction that first needs them, because another run may be adding the same names. Cost:
 * a few hundred nanoseconds a value when it is handed over, about a microsecond a row when the snapshot ends.
 * Invariant: outside a transaction every known row id is committed (store_fail forgets them all).
 *
 * A commit costs milliseconds of the disk. Interval snapshots that follow each other more closely than
 * COMMIT_APART_NS wait in memory, without a lock on the file, and are written together; a snapshot of any
 * other kind, the end and an interval snapshot that comes later than that are written at once, with all that
 * waits. So the file holds whole snapshots from the first on, and a program that is killed loses those of the
 * last moment.
 *
 * A definition (unit, sentence) that differs from the stored one replaces it: the newest program's words
 * hold.
 */
#include "analysis/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "analysis/db.h"
#include "analysis/intern.h"
#include "analysis/rows.h"
#include "analysis/statements.h"
#include "sim/check.h"
#include "sim/mem.h"

/* Events kept in memory at most, before they are written without waiting for a snapshot. */
#define EVENTS_KEPT 65536
/* Wall time between commits of interval snapshots, and the values kept in memory at most. */
#define COMMIT_APART_NS (UINT64_C(250) * 1000 * 1000)
#define VALUES_KEPT     (1u << 20)

static const char *const param_kind_names[] = {"u64", "bytes", "bool", "enum", "str", "list"};
static const char *const stat_kind_names[] = {"counter", "gauge", "histogram"};
static const char *const snapshot_kind_names[] = {"warmup", "interval", "named", "final"};

struct metric_row {
	uint32_t stat, instance;
	int64_t value;
};

struct histogram_row {
	uint32_t stat, instance;
	uint64_t count, sum, min, max;
	size_t first_bucket, nr_buckets;
};

struct bucket_row {
	uint32_t bucket, count;
};

struct counter_row {
	uint32_t scope, counter;
	int64_t value;
};

struct event_row {
	tick_t time;
	uint32_t kind, scope;
	int64_t value;
	char *detail;
};

/* What a statistic is, kept until its definition is stored. */
struct stat_def {
	enum stat_kind kind;
	char *unit, *sentence;
};

/* A snapshot and how far its rows reach: they begin where those of the one before end. */
struct pending_snapshot {
	struct snapshot_info info; /* label is owned */
	size_t metrics, histograms, buckets, counters;
};

struct store {
	struct sink sink;
	struct db db;
	struct statements st;
	int64_t run_id;
	struct intern stats, instances, strings;
	struct rows stat_defs; /* by number of stats */
	bool in_snapshot;      /* the last one is open */
	struct rows snapshots; /* that wait for their transaction, and their rows */
	struct rows metrics, histograms, buckets, counters, events;
	uint64_t next_event, committed_ns;
};

static struct store *store_of(struct sink *s)
{
	return CONTAINER_OF(s, struct store, sink);
}

/* Rolls back, so that no row id of the lost transaction is used again. Returns rc. */
static int store_fail(struct store *s, int rc)
{
	db_rollback(&s->db);
	intern_forget_ids(&s->stats);
	intern_forget_ids(&s->instances);
	intern_forget_ids(&s->strings);
	return rc;
}

static int define_stat(struct store *s, uint32_t n, struct err *e)
{
	const struct stat_def *def = (const struct stat_def *)s->stat_defs.v + n;
	const char *name = s->stats.texts[n];
	int rc = statements_insert(&s->st, e, ST_STAT_DEF, "tttt", name, stat_kind_names[def->kind],
				   def->unit, def->sentence);

	return rc ? rc : statements_look_up(&s->st, e, &s->stats.ids[n], ST_STAT_ID, "t", name);
}

/* An instance's text is one character for the scope and the instance behind it. */
static int define_instance(struct store *s, uint32_t n, struct err *e)
{
	const char *text = s->instances.texts[n];
	const char *scope = stat_scope_name((enum stat_scope)(text[0] - 'A'));
	int rc = statements_insert(&s->st, e, ST_INSTANCE_DEF, "tt", scope, text + 1);

	return rc ? rc
		  : statements_look_up(&s->st, e, &s->instances.ids[n], ST_INSTANCE_ID, "tt", scope,
				       text + 1);
}

static int define_string(struct store *s, uint32_t n, struct err *e)
{
	const char *text = s->strings.texts[n];
	int rc = statements_insert(&s->st, e, ST_STRING_DEF, "t", text);

	return rc ? rc : statements_look_up(&s->st, e, &s->strings.ids[n], ST_STRING_ID, "t", text);
}

/* Texts get their row ids in the order in which they came, so that ids do not depend on when a commit was
 * due. */
static int write_definitions(struct store *s, struct err *e)
{
	int rc = 0;

	for (uint32_t n = 0; n < s->stats.n && !rc; n++)
		if (!s->stats.ids[n])
			rc = define_stat(s, n, e);
	for (uint32_t n = 0; n < s->instances.n && !rc; n++)
		if (!s->instances.ids[n])
			rc = define_instance(s, n, e);
	for (uint32_t n = 0; n < s->strings.n && !rc; n++)
		if (!s->strings.ids[n])
			rc = define_string(s, n, e);
	return rc;
}

static int write_metrics(struct store *s, int64_t snapshot, size_t from, size_t to, struct err *e)
{
	const struct metric_row *rows = s->metrics.v;

	for (size_t i = from; i < to; i++) {
		const struct metric_row *r = &rows[i];
		int rc = statements_insert(&s->st, NULL, ST_METRIC, "iiii", snapshot, s->stats.ids[r->stat],
					   s->instances.ids[r->instance], r->value);

		if (rc && sqlite3_errcode(s->db.h) == SQLITE_CONSTRAINT_PRIMARYKEY)
			return err_set(
				e, ERR_STORE, "%s: two values of %s for one %s (%s) in one snapshot",
				s->db.path, s->stats.texts[r->stat],
				stat_scope_name((enum stat_scope)(s->instances.texts[r->instance][0] - 'A')),
				s->instances.texts[r->instance] + 1);
		if (rc)
			return db_fail(&s->db, "storing a snapshot", e);
	}
	return 0;
}

static int write_buckets(struct store *s, const struct histogram_row *h, const int64_t *key, struct err *e)
{
	const struct bucket_row *rows = (const struct bucket_row *)s->buckets.v + h->first_bucket;
	int rc = 0;

	for (size_t i = 0; i < h->nr_buckets && !rc; i++) {
		unsigned b = rows[i].bucket;
		uint64_t high = b + 1 < HIST_BUCKETS ? hist_bucket_low(b + 1) - 1 : UINT64_MAX;

		rc = statements_insert(&s->st, e, ST_BUCKET, "iiiiiii", key[0], key[1], key[2], (int64_t)b,
				       db_clamp(hist_bucket_low(b)), db_clamp(high), (int64_t)rows[i].count);
	}
	return rc;
}

static int write_histograms(struct store *s, int64_t snapshot, size_t from, size_t to, struct err *e)
{
	const struct histogram_row *rows = s->histograms.v;
	int64_t key[3] = {snapshot, 0, 0};
	int rc = 0;

	for (size_t i = from; i < to && !rc; i++) {
		const struct histogram_row *h = &rows[i];

		key[1] = s->stats.ids[h->stat];
		key[2] = s->instances.ids[h->instance];
		rc = statements_insert(&s->st, e, ST_HISTOGRAM, "iiiiiii", key[0], key[1], key[2],
				       db_clamp(h->count), db_clamp(h->sum), db_clamp(h->min),
				       db_clamp(h->max));
		if (!rc)
			rc = write_buckets(s, h, key, e);
	}
	return rc;
}

static int write_counters(struct store *s, int64_t snapshot, size_t from, size_t to, struct err *e)
{
	const struct counter_row *rows = s->counters.v;
	const int64_t *ids = s->strings.ids;
	int rc = 0;

	for (size_t i = from; i < to && !rc; i++)
		rc = statements_insert(&s->st, e, ST_COUNTER, "iiii", snapshot, ids[rows[i].scope],
				       ids[rows[i].counter], rows[i].value);
	return rc;
}

static int write_events(struct store *s, struct err *e)
{
	const struct event_row *rows = s->events.v;
	const int64_t *ids = s->strings.ids;
	int rc = 0;

	for (size_t i = 0; i < s->events.n && !rc; i++) {
		const struct event_row *r = &rows[i];

		rc = statements_insert(&s->st, e, ST_EVENT, "iiiiiit", s->run_id,
				       (int64_t)(s->next_event + i), db_clamp(r->time), ids[r->kind],
				       ids[r->scope], r->value, r->detail);
	}
	return rc;
}

static void forget_events(struct store *s)
{
	struct event_row *rows = s->events.v;

	for (size_t i = 0; i < s->events.n; i++)
		mem_free(rows[i].detail);
	s->events.n = 0;
}

/* Where the rows of snapshot i begin. */
static struct pending_snapshot pending_start(const struct store *s, size_t i)
{
	return i ? ((struct pending_snapshot *)s->snapshots.v)[i - 1] : (struct pending_snapshot){0};
}

/* The snapshots behind the first n, with their rows. */
static void forget_snapshots(struct store *s, size_t n)
{
	struct pending_snapshot *all = s->snapshots.v, end = pending_start(s, n);

	for (size_t i = n; i < s->snapshots.n; i++)
		mem_free((char *)(uintptr_t)all[i].info.label);
	s->snapshots.n = n;
	s->metrics.n = end.metrics;
	s->histograms.n = end.histograms;
	s->buckets.n = end.buckets;
	s->counters.n = end.counters;
	s->in_snapshot = false;
}

static int write_snapshot(struct store *s, size_t n, struct err *e)
{
	const struct pending_snapshot from = pending_start(s, n),
				      *to = &((struct pending_snapshot *)s->snapshots.v)[n];
	const struct snapshot_info *i = &to->info;
	int64_t id;
	int rc = statements_insert(&s->st, e, ST_SNAPSHOT, "iittii", s->run_id, (int64_t)i->seq,
				   snapshot_kind_names[i->kind], i->label, db_clamp(i->time),
				   db_clamp(i->accesses));

	id = sqlite3_last_insert_rowid(s->db.h);
	if (rc || (rc = write_metrics(s, id, from.metrics, to->metrics, e)) ||
	    (rc = write_histograms(s, id, from.histograms, to->histograms, e)))
		return rc;
	return write_counters(s, id, from.counters, to->counters, e);
}

/* All that waits, within the transaction that is open. */
static int write_pending(struct store *s, struct err *e)
{
	int rc = write_definitions(s, e);

	for (size_t i = 0; i < s->snapshots.n && !rc; i++)
		rc = write_snapshot(s, i, e);
	return rc ? rc : write_events(s, e);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int commit(struct store *s, struct err *e)
{
	int rc = db_commit(&s->db, e);

	if (rc)
		return rc;
	s->committed_ns = now_ns();
	s->next_event += s->events.n;
	forget_events(s);
	forget_snapshots(s, 0);
	return 0;
}

/* Writes what waits in a transaction of its own. */
static int flush(struct store *s, struct err *e)
{
	int rc = db_begin(&s->db, e);

	if (!rc)
		rc = write_pending(s, e);
	if (!rc)
		rc = commit(s, e);
	return rc ? store_fail(s, rc) : 0;
}

static int write_params(struct store *s, const struct param_set *params, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; params && i < params->n && !rc; i++) {
		const struct param_value *v = &params->values[i];

		rc = statements_insert(&s->st, e, ST_PARAM_DEF, "ttttt", v->row->path,
				       param_kind_names[v->row->kind], v->row->def, v->row->unit,
				       v->row->sentence);
		if (!rc)
			rc = statements_insert(&s->st, e, ST_PARAM, "ittt", s->run_id, v->text, v->origin,
					       v->row->path);
	}
	return rc;
}

static int write_run(struct store *s, const struct run_info *info, struct err *e)
{
	char seed[24];

	snprintf(seed, sizeof seed, "%" PRIu64, info->seed);
	return statements_insert(&s->st, e, ST_RUN, "ttttttttti", info->name, info->trace_path,
				 info->trace_fingerprint, info->trace_provenance, info->config_fingerprint,
				 info->program_version, info->mapping, info->schedule, seed,
				 (int64_t)(info->seed > INT64_MAX));
}

static int store_begin(struct sink *sink, const struct run_info *info, const struct param_set *params,
		       struct err *e)
{
	struct store *s = store_of(sink);
	int rc = db_begin(&s->db, e);

	CHECK(!s->run_id, "the run begins twice");
	if (!rc)
		rc = write_run(s, info, e);
	s->run_id = rc ? 0 : sqlite3_last_insert_rowid(s->db.h);
	if (!rc)
		rc = write_params(s, params, e);
	if (!rc)
		rc = db_commit(&s->db, e);
	if (rc) {
		s->run_id = 0;
		return store_fail(s, rc);
	}
	return 0;
}

static int store_snapshot_begin(struct sink *sink, const struct snapshot_info *info, struct err *e)
{
	struct store *s = store_of(sink);

	struct pending_snapshot *p;

	(void)e;
	CHECK(s->run_id, "a snapshot begins outside a run");
	if (s->in_snapshot) /* one that was cut off by an error */
		forget_snapshots(s, s->snapshots.n - 1);
	p = rows_add(&s->snapshots, sizeof *p);
	*p = (struct pending_snapshot){.info = *info};
	p->info.label = mem_strdup(info->label);
	s->in_snapshot = true;
	return 0;
}

static uint32_t number_of_stat(struct store *s, const char *full_name, const struct stat_row *row)
{
	uint32_t n = intern_number(&s->stats, full_name);

	if (n == s->stat_defs.n) {
		struct stat_def *def = rows_add(&s->stat_defs, sizeof *def);

		*def = (struct stat_def){row->kind, mem_strdup(row->unit), mem_strdup(row->sentence)};
	}
	return n;
}

static uint32_t number_of_instance(struct store *s, enum stat_scope scope, const char *instance)
{
	char text[128];

	snprintf(text, sizeof text, "%c%s", 'A' + (int)scope, instance ? instance : "");
	return intern_number(&s->instances, text);
}

static int store_value(struct sink *sink, const char *full_name, const struct stat_row *row,
		       enum stat_scope scope, const char *instance, int64_t value, struct err *e)
{
	struct store *s = store_of(sink);
	struct metric_row *r = rows_add(&s->metrics, sizeof *r);

	(void)e;
	*r = (struct metric_row){number_of_stat(s, full_name, row), number_of_instance(s, scope, instance),
				 value};
	return 0;
}

static int store_hist(struct sink *sink, const char *full_name, const struct stat_row *row,
		      enum stat_scope scope, const char *instance, const struct hist *h, struct err *e)
{
	struct store *s = store_of(sink);
	struct histogram_row *r = rows_add(&s->histograms, sizeof *r);

	(void)e;
	*r = (struct histogram_row){.stat = number_of_stat(s, full_name, row),
				    .instance = number_of_instance(s, scope, instance),
				    .count = h->count,
				    .sum = h->sum,
				    .min = h->count ? h->min : 0,
				    .max = h->max,
				    .first_bucket = s->buckets.n};
	for (uint32_t b = 0; b < HIST_BUCKETS; b++)
		if (h->bucket[b]) {
			struct bucket_row *br = rows_add(&s->buckets, sizeof *br);

			*br = (struct bucket_row){b, h->bucket[b]};
			r->nr_buckets++;
		}
	return 0;
}

static int store_kernel_counter(struct sink *sink, const char *scope, const char *counter, int64_t value,
				struct err *e)
{
	struct store *s = store_of(sink);
	struct counter_row *r = rows_add(&s->counters, sizeof *r);

	(void)e;
	*r = (struct counter_row){intern_number(&s->strings, scope), intern_number(&s->strings, counter),
				  value};
	return 0;
}

/* An interval snapshot may wait for others; see above. */
static bool may_wait(const struct store *s, enum snapshot_kind kind)
{
	return kind == SNAPSHOT_INTERVAL && s->metrics.n + s->counters.n < VALUES_KEPT &&
	       now_ns() - s->committed_ns < COMMIT_APART_NS;
}

static int store_snapshot_end(struct sink *sink, struct err *e)
{
	struct store *s = store_of(sink);
	struct pending_snapshot *p = (struct pending_snapshot *)s->snapshots.v + s->snapshots.n - 1;
	int rc;

	CHECK(s->in_snapshot, "a snapshot ends that has not begun");
	s->in_snapshot = false;
	p->metrics = s->metrics.n;
	p->histograms = s->histograms.n;
	p->buckets = s->buckets.n;
	p->counters = s->counters.n;
	if (may_wait(s, p->info.kind))
		return 0;
	rc = flush(s, e);
	if (rc)
		forget_snapshots(s, 0);
	return rc;
}

static int store_event(struct sink *sink, tick_t time, const char *kind, const char *scope, int64_t value,
		       const char *detail, struct err *e)
{
	struct store *s = store_of(sink);
	struct event_row *r = rows_add(&s->events, sizeof *r);

	*r = (struct event_row){time, intern_number(&s->strings, kind), intern_number(&s->strings, scope),
				value, detail ? mem_strdup(detail) : NULL};
	return s->events.n < EVENTS_KEPT || s->in_snapshot ? 0 : flush(s, e);
}

static int store_end(struct sink *sink, const struct run_end *end, struct err *e)
{
	struct store *s = store_of(sink);
	int rc;

	if (s->in_snapshot)
		forget_snapshots(s, s->snapshots.n - 1);
	rc = db_begin(&s->db, e);
	if (!rc)
		rc = write_pending(s, e);
	if (!rc)
		rc = statements_insert(&s->st, e, ST_END, "ttiidii", end->status, end->message,
				       db_clamp(end->time), db_clamp(end->accesses), end->wall_seconds,
				       db_clamp(end->peak_rss_kb), s->run_id);
	if (!rc)
		rc = commit(s, e);
	return rc ? store_fail(s, rc) : 0;
}

static const struct sink_ops store_ops = {
	.name = "sqlite",
	.begin = store_begin,
	.snapshot_begin = store_snapshot_begin,
	.value = store_value,
	.hist = store_hist,
	.kernel_counter = store_kernel_counter,
	.snapshot_end = store_snapshot_end,
	.event = store_event,
	.end = store_end,
};

int store_sink_open(struct sink **out, const char *path, struct err *e)
{
	struct store *s = mem_alloc_late(1, sizeof *s);
	int rc;

	*out = NULL;
	s->sink.ops = &store_ops;
	intern_init(&s->stats);
	intern_init(&s->instances);
	intern_init(&s->strings);
	rc = db_open(&s->db, path, DB_WRITE, e);
	if (!rc)
		rc = statements_prepare(&s->st, &s->db, e);
	if (rc)
		store_sink_close(&s->sink);
	else
		*out = &s->sink;
	return rc;
}

int64_t store_sink_run_id(const struct sink *sink)
{
	return CONTAINER_OF(sink, const struct store, sink)->run_id;
}

void store_sink_close(struct sink *sink)
{
	struct store *s;
	struct rows *all;

	if (!sink)
		return;
	s = store_of(sink);
	statements_release(&s->st);
	db_rollback(&s->db);
	db_close(&s->db);
	forget_snapshots(s, 0);
	forget_events(s);
	for (size_t i = 0; i < s->stat_defs.n; i++) {
		mem_free(((struct stat_def *)s->stat_defs.v)[i].unit);
		mem_free(((struct stat_def *)s->stat_defs.v)[i].sentence);
	}
	intern_release(&s->stats);
	intern_release(&s->instances);
	intern_release(&s->strings);
	all = (struct rows[]){s->stat_defs, s->snapshots, s->metrics, s->histograms,
			      s->buckets,   s->counters,  s->events};
	for (size_t i = 0; i < 7; i++)
		mem_free(all[i].v);
	mem_free(s);
}
