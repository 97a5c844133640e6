/*
 * store_fixture.h - a run that is made up, written through the SQLite sink, for the tests of analysis/.
 *
 * Every number in it is different, so that a swapped column is caught. `k` tells runs apart.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/db.h"
#include "analysis/store.h"
#include "tests/scratch.h"

/* Opens the store at path and begins run "run<k>" with parameter toy.size = 10 + k. */
static inline int fixture_begin(struct sink **out, const char *path, unsigned k, struct err *e)
{
	static const struct param_row rows[] = {{.path = "toy.size",
						 .kind = PARAM_U64,
						 .def = "10",
						 .unit = "pages",
						 .sentence = "size of it"},
						{.path = "toy.policy",
						 .kind = PARAM_ENUM,
						 .def = "lru",
						 .unit = "",
						 .sentence = "policy of it"}};
	char name[24], size[24], policy[] = "lru", set[] = "--set", def[] = "default";
	struct param_value values[] = {{.row = &rows[0], .text = size, .origin = set},
				       {.row = &rows[1], .text = policy, .origin = def}};
	struct param_set ps = {.values = values, .n = 2};
	struct run_info info = {.name = name,
				.trace_path = "dir/t.flt",
				.trace_fingerprint = "beef",
				.trace_provenance = "{\"program\": \"sort\", \"args\": [\"-n\"]}",
				.config_fingerprint = "c0de",
				.program_version = "1.2.3",
				.mapping = "on-demand",
				.schedule = "rescheduled",
				.seed = 7};
	int rc = store_sink_open(out, path, e);

	snprintf(name, sizeof name, "run%u", k);
	snprintf(size, sizeof size, "%u", 10 + k);
	return rc ? rc : (*out)->ops->begin(*out, &info, &ps, e);
}

static inline int fixture_snapshot(struct sink *s, enum snapshot_kind kind, const char *label, uint64_t seq,
				   struct err *e)
{
	struct snapshot_info info = {.kind = kind,
				     .label = label,
				     .seq = seq,
				     .time = 1000 * (seq + 1),
				     .accesses = 100 * (seq + 1)};

	return s->ops->snapshot_begin(s, &info, e);
}

static inline int fixture_value(struct sink *s, const char *name, enum stat_scope scope, const char *instance,
				int64_t value, struct err *e)
{
	struct stat_row row = {
		.name = strchr(name, '.') + 1, .kind = STAT_COUNTER, .unit = "things", .sentence = name};

	return s->ops->value(s, name, &row, scope, instance, value, e);
}

static inline int fixture_end(struct sink *s, const char *status, struct err *e)
{
	struct run_end end = {.status = status,
			      .message = NULL,
			      .time = 2 * PS_PER_S,
			      .accesses = 4000000,
			      .wall_seconds = 0.5,
			      .peak_rss_kb = 4321};

	return s->ops->end(s, &end, e);
}

/* A whole run whose only statistic cpu.cycles of CPU 0 is `cycles`. */
static inline int fixture_run(const char *path, unsigned k, int64_t cycles, const char *status, struct err *e)
{
	struct sink *s;
	int rc = fixture_begin(&s, path, k, e);

	if (!rc)
		rc = fixture_snapshot(s, SNAPSHOT_FINAL, "final", 0, e);
	if (!rc)
		rc = fixture_value(s, "cpu.cycles", STAT_SCOPE_CPU, "0", cycles, e);
	if (!rc)
		rc = s->ops->snapshot_end(s, e);
	if (!rc)
		rc = fixture_end(s, status, e);
	store_sink_close(s);
	return rc;
}

/* The first column of the first row of sql as text, "null" for null, "none" without a row. */
static inline const char *fixture_ask(const char *path, const char *sql)
{
	static char answers[8][400];
	static unsigned next;
	char *answer = answers[next++ % 8];
	struct err e = {0};
	sqlite3_stmt *st;
	struct db d;

	ck_assert_msg(db_open(&d, path, DB_READ, &e) == 0, "%s", e.text);
	ck_assert_msg(db_prepare(&d, sql, &st, &e) == 0, "%s: %s", sql, sqlite3_errmsg(d.h));
	if (sqlite3_step(st) != SQLITE_ROW)
		snprintf(answer, sizeof answers[0], "none");
	else
		snprintf(answer, sizeof answers[0], "%s",
			 sqlite3_column_type(st, 0) == SQLITE_NULL
				 ? "null"
				 : (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	db_close(&d);
	return answer;
}

/* A fresh path; freed by fixture_remove, with what lies there. */
static inline char *fixture_path(void)
{
	char dir[SCRATCH_MAX];
	char *path = malloc(64);

	scratch_make(dir);
	snprintf(path, 64, "%s/s.db", dir);
	return path;
}

static inline void fixture_remove(char *path)
{
	*strrchr(path, '/') = '\0';
	scratch_remove(path);
	free(path);
}

#define ck_answer(path, sql, expected) ck_assert_str_eq(fixture_ask(path, sql), expected)

#endif
