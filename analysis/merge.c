/*
 * merge.c - one run from a shard into a store.
 *
 * Row ids differ between databases, so every reference is translated through its text, which is unique; new
 * texts are added in the shard's order. Merging shards in one order therefore gives one result, whatever the
 * order in which they were made. O(rows of the run), each with a few index look-ups.
 */
#include "analysis/merge.h"

#include <stdio.h>
#include <string.h>

/*
 * ?1 is the run's number in the shard, ?2 the one in the store, ?3 the plan key. The snapshots of the run are
 * translated by their order within the run.
 */
#define TRANSLATED_SNAPSHOT                                                             \
	" JOIN shard.snapshots os ON os.snapshot_id = r.snapshot_id AND os.run_id = ?1" \
	" JOIN main.snapshots s ON s.run_id = ?2 AND s.seq = os.seq"
#define TRANSLATED_STAT                                  \
	" JOIN shard.stats ot ON ot.stat_id = r.stat_id" \
	" JOIN main.stats t ON t.name = ot.name"
#define TRANSLATED_INSTANCE                                          \
	" JOIN shard.instances oi ON oi.instance_id = r.instance_id" \
	" JOIN main.instances i ON i.scope = oi.scope AND i.instance = oi.instance"
#define TRANSLATED_STRING(old, new, column)                            \
	" JOIN shard.strings " old " ON " old ".string_id = r." column \
	" JOIN main.strings " new " ON " new ".text = " old ".text"

static const char *const steps[] = {
	"INSERT INTO main.param_defs(path, kind, default_value, unit, sentence)"
	" SELECT path, kind, default_value, unit, sentence FROM shard.param_defs WHERE true ORDER BY param_id"
	" ON CONFLICT(path) DO UPDATE SET kind = excluded.kind, default_value = excluded.default_value,"
	" unit = excluded.unit, sentence = excluded.sentence",
	"INSERT INTO main.stats(name, kind, unit, sentence)"
	" SELECT name, kind, unit, sentence FROM shard.stats WHERE true ORDER BY stat_id"
	" ON CONFLICT(name) DO UPDATE SET kind = excluded.kind, unit = excluded.unit, sentence = "
	"excluded.sentence",
	"INSERT OR IGNORE INTO main.instances(scope, instance)"
	" SELECT scope, instance FROM shard.instances ORDER BY instance_id",
	"INSERT OR IGNORE INTO main.strings(text) SELECT text FROM shard.strings ORDER BY string_id",
	"INSERT INTO main.runs(run_id, name, status, message, trace_path, trace_fingerprint, "
	"trace_provenance,"
	" config_fingerprint, program_version, seed, mapping, schedule, time_ps, accesses, plan_key, started,"
	" finished, wall_seconds, peak_rss_kb)"
	" SELECT ?2, name, status, message, trace_path, trace_fingerprint, trace_provenance,"
	" config_fingerprint, program_version, seed, mapping, schedule, time_ps, accesses, ?3, started,"
	" finished, wall_seconds, peak_rss_kb FROM shard.runs WHERE run_id = ?1",
	"INSERT INTO main.param_rows(run_id, param_id, value, origin)"
	" SELECT ?2, d.param_id, r.value, r.origin FROM shard.param_rows r"
	" JOIN shard.param_defs od ON od.param_id = r.param_id JOIN main.param_defs d ON d.path = od.path"
	" WHERE r.run_id = ?1",
	"INSERT INTO main.snapshots(run_id, seq, kind, label, time_ps, accesses)"
	" SELECT ?2, seq, kind, label, time_ps, accesses FROM shard.snapshots WHERE run_id = ?1 ORDER BY seq",
	"INSERT INTO main.metric_rows(snapshot_id, stat_id, instance_id, value)"
	" SELECT s.snapshot_id, t.stat_id, i.instance_id, r.value FROM shard.metric_rows "
	"r" TRANSLATED_SNAPSHOT TRANSLATED_STAT TRANSLATED_INSTANCE,
	"INSERT INTO main.histogram_rows(snapshot_id, stat_id, instance_id, count, sum, min, max)"
	" SELECT s.snapshot_id, t.stat_id, i.instance_id, r.count, r.sum, r.min, r.max"
	" FROM shard.histogram_rows r" TRANSLATED_SNAPSHOT TRANSLATED_STAT TRANSLATED_INSTANCE,
	"INSERT INTO main.histogram_bucket_rows(snapshot_id, stat_id, instance_id, bucket, low, high, count)"
	" SELECT s.snapshot_id, t.stat_id, i.instance_id, r.bucket, r.low, r.high, r.count"
	" FROM shard.histogram_bucket_rows r" TRANSLATED_SNAPSHOT TRANSLATED_STAT TRANSLATED_INSTANCE,
	"INSERT INTO main.kernel_counter_rows(snapshot_id, scope_id, counter_id, value)"
	" SELECT s.snapshot_id, a.string_id, b.string_id, r.value"
	" FROM shard.kernel_counter_rows r" TRANSLATED_SNAPSHOT TRANSLATED_STRING("oa", "a", "scope_id")
		TRANSLATED_STRING("ob", "b", "counter_id"),
	"INSERT INTO main.event_rows(run_id, seq, time_ps, kind_id, scope_id, value, detail)"
	" SELECT ?2, r.seq, r.time_ps, a.string_id, b.string_id, r.value, r.detail"
	" FROM shard.event_rows r" TRANSLATED_STRING("oa", "a", "kind_id")
		TRANSLATED_STRING("ob", "b", "scope_id") " WHERE r.run_id = ?1",
};

/* Runs sql with the key bound as ?1; the integer of the first row goes to *value, 0 without a row. */
static int int_by_key(const struct db *d, const char *sql, const char *key, int64_t *value, struct err *e)
{
	sqlite3_stmt *st;
	int rc = db_prepare(d, sql, &st, e);

	*value = 0;
	if (rc)
		return rc;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*value = sqlite3_column_int64(st, 0);
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(d, "reading", e);
	sqlite3_finalize(st);
	return rc;
}

int merge_has_complete(const struct db *d, const char *key, bool *has, struct err *e)
{
	int64_t n;
	int rc = int_by_key(d, "SELECT count(*) FROM main.runs WHERE plan_key = ? AND status = 'complete'",
			    key, &n, e);

	*has = n > 0;
	return rc;
}

int merge_shard_status(const char *path, char *status, struct err *e)
{
	struct db d;
	sqlite3_stmt *st = NULL;
	int rc = db_open(&d, path, DB_READ, e);

	status[0] = '\0';
	if (rc)
		return rc;
	rc = db_prepare(&d, "SELECT status FROM runs ORDER BY run_id DESC LIMIT 1", &st, e);
	if (!rc) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW)
			snprintf(status, 16, "%s", (const char *)sqlite3_column_text(st, 0));
		rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(&d, "reading", e);
	}
	sqlite3_finalize(st);
	db_close(&d);
	return rc;
}

static int run_step(const struct db *d, const char *sql, int64_t from, int64_t to, const char *key,
		    struct err *e)
{
	sqlite3_stmt *st;
	int rc = db_prepare(d, sql, &st, e);

	if (rc)
		return rc;
	/* A statement that lacks a parameter ignores its binding (SQLITE_RANGE). */
	sqlite3_bind_int64(st, 1, from);
	sqlite3_bind_int64(st, 2, to);
	sqlite3_bind_text(st, 3, key, -1, SQLITE_STATIC);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = db_fail(d, "merging a run", e);
	sqlite3_finalize(st);
	return rc;
}

/* The number for the run: that of the run it replaces, which is deleted, or the next free one. */
static int make_room(const struct db *d, const char *key, int64_t *to, struct err *e)
{
	int rc = int_by_key(d, "SELECT min(run_id) FROM main.runs WHERE plan_key = ?", key, to, e);

	if (!rc && *to)
		rc = run_step(d, "DELETE FROM main.runs WHERE plan_key = ?3 AND ?1 = ?2", *to, *to, key, e);
	else if (!rc)
		rc = db_int(d, "SELECT coalesce(max(run_id), 0) + 1 FROM main.runs", to, e);
	return rc;
}

static int merge_in_transaction(const struct db *d, const char *key, struct err *e)
{
	int64_t from, to;
	bool has;
	int rc;

	if ((rc = merge_has_complete(d, key, &has, e)) || has)
		return rc;
	if ((rc = db_int(d, "SELECT max(run_id) FROM shard.runs", &from, e)))
		return rc;
	if (!from)
		return err_set(e, ERR_STORE, "%s: the shard holds no run", d->path);
	rc = make_room(d, key, &to, e);
	for (size_t i = 0; i < ARRAY_LEN(steps) && !rc; i++)
		rc = run_step(d, steps[i], from, to, key, e);
	return rc;
}

static int attach(const struct db *d, const char *shard_path, struct err *e)
{
	char *sql = sqlite3_mprintf("ATTACH %Q AS shard", shard_path);
	int rc = sql ? db_exec(d, sql, shard_path, e) : err_set(e, ERR_NOMEM, "%s: out of memory", d->path);

	sqlite3_free(sql);
	return rc;
}

int merge_shard(const struct db *d, const char *shard_path, const char *key, struct err *e)
{
	int rc = attach(d, shard_path, e);

	if (rc)
		return rc;
	rc = db_begin(d, e);
	if (!rc)
		rc = merge_in_transaction(d, key, e);
	if (!rc)
		rc = db_commit(d, e);
	if (rc)
		db_rollback(d);
	sqlite3_exec(d->h, "DETACH shard", NULL, NULL, NULL);
	return rc;
}
