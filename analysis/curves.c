/*
 * curves.c - storing curves. One transaction: after an error none of them is there.
 */
#include "analysis/curves.h"

#include "analysis/db.h"
#include "analysis/statements.h"

static int insert_curve(const struct db *d, sqlite3_stmt *st, const struct stored_curve *c, struct err *e)
{
	const char *texts[] = {c->name, c->trace_path, c->trace_fingerprint, c->program_version, c->kinds};
	const int64_t numbers[] = {db_clamp(c->accesses), db_clamp(c->touches), db_clamp(c->cold)};
	int rc = 0;

	for (int i = 0; i < (int)ARRAY_LEN(texts); i++)
		sqlite3_bind_text(st, i + 1, texts[i], -1, SQLITE_STATIC);
	if (c->one_process)
		sqlite3_bind_int64(st, 6, c->pid);
	else
		sqlite3_bind_null(st, 6);
	sqlite3_bind_int64(st, 7, db_clamp(c->page_bytes));
	sqlite3_bind_text(st, 8, c->method, -1, SQLITE_STATIC);
	sqlite3_bind_double(st, 9, c->rate);
	for (int i = 0; i < (int)ARRAY_LEN(numbers); i++)
		sqlite3_bind_int64(st, i + 10, numbers[i]);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = db_fail(d, "storing a curve", e);
	sqlite3_reset(st);
	return rc;
}

static int insert_points(const struct db *d, sqlite3_stmt *st, const struct stored_curve *c, struct err *e)
{
	int64_t id = sqlite3_last_insert_rowid(d->h);
	int rc = 0;

	for (size_t i = 0; i < c->nr_points && !rc; i++) {
		sqlite3_bind_int64(st, 1, id);
		sqlite3_bind_int64(st, 2, db_clamp(c->points[i].size_pages));
		sqlite3_bind_int64(st, 3, db_clamp(c->points[i].misses));
		if (sqlite3_step(st) != SQLITE_DONE)
			rc = db_fail(d, "storing a curve", e);
		sqlite3_reset(st);
	}
	return rc;
}

static int add_all(const struct db *d, const struct stored_curve *curves, size_t n, struct err *e)
{
	sqlite3_stmt *curve = NULL, *point = NULL;
	int rc = db_prepare(
		d,
		"INSERT INTO curves(name, trace_path, trace_fingerprint, program_version, kinds, process,"
		" page_bytes, method, rate, accesses, touches, cold, made)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " NOW ")",
		&curve, e);

	if (!rc)
		rc = db_prepare(d, "INSERT INTO curve_points VALUES (?, ?, ?)", &point, e);
	for (size_t i = 0; i < n && !rc; i++) {
		rc = insert_curve(d, curve, &curves[i], e);
		if (!rc)
			rc = insert_points(d, point, &curves[i], e);
	}
	sqlite3_finalize(curve);
	sqlite3_finalize(point);
	return rc;
}

int curves_add(const char *path, const struct stored_curve *curves, size_t n, struct err *e)
{
	struct db d;
	int rc = db_open(&d, path, DB_WRITE, e);

	if (rc)
		return rc;
	rc = db_begin(&d, e);
	if (!rc)
		rc = add_all(&d, curves, n, e);
	if (!rc)
		rc = db_commit(&d, e);
	if (rc)
		db_rollback(&d);
	db_close(&d);
	return rc;
}
