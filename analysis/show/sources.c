/*
 * sources.c - rows of a snapshot that the store keeps elsewhere than among the kernel counters: statistics of
 * CPUs, devices and the machine, parameters, OOM kills.
 *
 * Statistics start anew after a warm-up; here the warm-up's counters are added again, because /proc counts
 * from the beginning.
 */
#include "analysis/show/show.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(sqlite3_stmt *st, int column)
{
	const unsigned char *text = sqlite3_column_text(st, column);

	return text ? (const char *)text : "";
}

static int finish(const struct db *d, sqlite3_stmt *st, int rc, struct err *e)
{
	rc = rc == SQLITE_DONE ? 0 : db_fail(d, "reading", e);
	sqlite3_finalize(st);
	return rc;
}

/*
 * Sums of statistics as of a snapshot, ?1, with the warm-up before it. Aliases: m the rows with the values, i
 * instances, t statistics, w the warm-up's snapshot.
 */
#define SUMS(value, rows, condition)                                                            \
	"SELECT i.scope, i.instance, t.name, sum(m." value ") FROM " rows " m"                  \
	" JOIN instances i USING (instance_id) JOIN stats t USING (stat_id)"                    \
	" JOIN snapshots n ON n.snapshot_id = ?1"                                               \
	" LEFT JOIN snapshots w ON w.run_id = n.run_id AND w.kind = 'warmup' AND w.seq < n.seq" \
	" WHERE " condition " GROUP BY m.instance_id, m.stat_id"

static const char statistics[] = SUMS("value", "metric_rows",
				      "i.scope IN ('cpu', 'device', 'machine') AND (m.snapshot_id = ?1 OR"
				      " (m.snapshot_id = w.snapshot_id AND t.kind = 'counter'))");

/* The sums of histograms, under their names: of a latency the time in all. */
static const char histograms[] =
	SUMS("sum", "histogram_rows", "i.scope = 'device' AND m.snapshot_id IN (?1, w.snapshot_id)");

static int read_sums(struct show *s, const struct db *d, const char *sql, int64_t snapshot_id, struct err *e)
{
	sqlite3_stmt *st;
	char scope[200];
	int rc = db_prepare(d, sql, &st, e);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, snapshot_id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		snprintf(scope, sizeof scope, "m/%s/%s", text_of(st, 0), text_of(st, 1));
		show_add_row(s, scope, text_of(st, 2), sqlite3_column_int64(st, 3));
	}
	return finish(d, st, rc, e);
}

static int read_params(struct show *s, const struct db *d, struct err *e)
{
	sqlite3_stmt *st;
	char scope[200];
	int rc = db_prepare(d,
			    "SELECT d.path, p.value FROM param_rows p JOIN param_defs d ON"
			    " d.param_id = p.param_id WHERE p.run_id = ?1",
			    &st, e);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, s->run);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		snprintf(scope, sizeof scope, "param/%s", text_of(st, 0));
		show_add_row(s, scope, text_of(st, 1), 0);
	}
	return finish(d, st, rc, e);
}

/* Kills are numbered from 1 in the order in which they happened. */
static int read_kills(struct show *s, const struct db *d, struct err *e)
{
	int64_t seq = -1, n = 0;
	sqlite3_stmt *st;
	char scope[120];
	int rc = db_prepare(
		d,
		"SELECT v.seq, v.value, j.key, j.type = 'text', j.value, v.time_ps FROM event_rows v"
		" JOIN strings k ON k.string_id = v.kind_id LEFT JOIN"
		" json_each(CASE WHEN json_valid(v.detail) THEN v.detail ELSE '{}' END) j ON 1"
		" WHERE v.run_id = ?1 AND k.text = 'oom_kill' AND v.time_ps <= ?2 ORDER BY v.seq",
		&st, e);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, s->run);
	sqlite3_bind_int64(st, 2, s->time_ps);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (sqlite3_column_int64(st, 0) != seq) {
			seq = sqlite3_column_int64(st, 0);
			snprintf(scope, sizeof scope, "oom/%" PRId64, ++n);
			show_add_row(s, scope, "badness", sqlite3_column_int64(st, 1));
			show_add_row(s, scope, "time_ps", sqlite3_column_int64(st, 5));
		}
		if (sqlite3_column_type(st, 2) == SQLITE_NULL)
			continue; /* a kill without details */
		snprintf(scope, sizeof scope, "oom/%" PRId64 "/%s", n, text_of(st, 2));
		if (sqlite3_column_int(st, 3)) {
			show_add_row(s, scope, text_of(st, 4), 0);
		} else {
			scope[strcspn(scope + 4, "/") + 4] = '\0';
			show_add_row(s, scope, text_of(st, 2), sqlite3_column_int64(st, 4));
		}
	}
	return finish(d, st, rc, e);
}

int show_read_sources(struct show *s, const struct db *d, int64_t snapshot_id, struct err *e)
{
	int rc = read_sums(s, d, statistics, snapshot_id, e);

	if (!rc)
		rc = read_sums(s, d, histograms, snapshot_id, e);
	if (!rc)
		rc = read_params(s, d, e);
	return rc ? rc : read_kills(s, d, e);
}
