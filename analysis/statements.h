/*
 * statements.h - the SQL statements of the sink, prepared once.
 */
#ifndef ANALYSIS_STATEMENTS_H
#define ANALYSIS_STATEMENTS_H

#include "analysis/db.h"

#define NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

/* The statements, one row each. */
#define STATEMENT_LIST(X)                                                                                  \
	X(RUN,                                                                                             \
	  "INSERT INTO runs(name, status, trace_path, trace_fingerprint, trace_provenance, "               \
	  "config_fingerprint,"                                                                            \
	  " program_version, mapping, schedule, seed, started)"                                            \
	  " VALUES (?1, 'incomplete', ?2, ?3, ?4, ?5, ?6, ?7, ?8, iif(?10, ?9, CAST(?9 AS INTEGER)), " NOW \
	  ")")                                                                                             \
	X(PARAM_DEF,                                                                                       \
	  "INSERT INTO param_defs(path, kind, default_value, unit, sentence) VALUES (?, ?, ?, ?, ?)"       \
	  " ON CONFLICT(path) DO UPDATE SET kind = excluded.kind, default_value = excluded.default_value," \
	  " unit = excluded.unit, sentence = excluded.sentence"                                            \
	  " WHERE (kind, default_value, unit, sentence)"                                                   \
	  " IS NOT (excluded.kind, excluded.default_value, excluded.unit, excluded.sentence)")             \
	X(PARAM, "INSERT INTO param_rows SELECT ?, param_id, ?, ? FROM param_defs WHERE path = ?")         \
	X(SNAPSHOT,                                                                                        \
	  "INSERT INTO snapshots(run_id, seq, kind, label, time_ps, accesses) VALUES (?, ?, ?, ?, ?, ?)")  \
	X(STAT_DEF,                                                                                        \
	  "INSERT INTO stats(name, kind, unit, sentence) VALUES (?, ?, ?, ?)"                              \
	  " ON CONFLICT(name) DO UPDATE"                                                                   \
	  " SET kind = excluded.kind, unit = excluded.unit, sentence = excluded.sentence"                  \
	  " WHERE (kind, unit, sentence) IS NOT (excluded.kind, excluded.unit, excluded.sentence)")        \
	X(STAT_ID, "SELECT stat_id FROM stats WHERE name = ?")                                             \
	X(INSTANCE_DEF, "INSERT OR IGNORE INTO instances(scope, instance) VALUES (?, ?)")                  \
	X(INSTANCE_ID, "SELECT instance_id FROM instances WHERE scope = ? AND instance = ?")               \
	X(STRING_DEF, "INSERT OR IGNORE INTO strings(text) VALUES (?)")                                    \
	X(STRING_ID, "SELECT string_id FROM strings WHERE text = ?")                                       \
	X(METRIC, "INSERT INTO metric_rows VALUES (?, ?, ?, ?)")                                           \
	X(HISTOGRAM, "INSERT INTO histogram_rows VALUES (?, ?, ?, ?, ?, ?, ?)")                            \
	X(BUCKET, "INSERT INTO histogram_bucket_rows VALUES (?, ?, ?, ?, ?, ?, ?)")                        \
	X(COUNTER, "INSERT INTO kernel_counter_rows VALUES (?, ?, ?, ?)")                                  \
	X(EVENT, "INSERT INTO event_rows VALUES (?, ?, ?, ?, ?, ?, ?)")                                    \
	X(END, "UPDATE runs SET status = ?, message = ?, time_ps = ?, accesses = ?, wall_seconds = ?,"     \
	       " peak_rss_kb = ?, finished = " NOW " WHERE run_id = ?")

enum statement {
#define STATEMENT_ENUM(name, sql) ST_##name,
	STATEMENT_LIST(STATEMENT_ENUM)
#undef STATEMENT_ENUM
		ST_NR
};

struct statements {
	const struct db *db;
	sqlite3_stmt *st[ST_NR];
};

/* db must outlive s. statements_release also after an error. */
int statements_prepare(struct statements *s, const struct db *db, struct err *e);
void statements_release(struct statements *s);

/*
 * Runs a statement that gives no rows. `letters` has one letter a value: i int64_t, d double, t const char *
 * (NULL becomes null; the text must live during the call only).
 */
int statements_insert(struct statements *s, struct err *e, enum statement which, const char *letters, ...);
/* Runs a statement that gives one row with one integer. */
int statements_look_up(struct statements *s, struct err *e, int64_t *id, enum statement which,
		       const char *letters, ...);

#endif
