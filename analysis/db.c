/*
 * db.c - opening result stores and naming what is wrong with them.
 *
 * The rollback journal is used, not the write-ahead log: the store then is one file that works on network
 * file systems, too, and can be read at any time between two transactions. Transactions are short, so several
 * runs can share a store through the busy handler. A program that was killed within a transaction leaves a
 * hot journal; reading then needs write access once, to roll it back.
 *
 * Not modelled: migration from an older schema (version 1 is the first one).
 */
#include "analysis/db.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/sql.h"
#include "sim/mem.h"
#include "sim/suggest.h"

#define VIEWS_KEY "views"

static int busy_ms = 5000;

void db_set_busy_ms(int ms)
{
	busy_ms = ms;
}

/* What an SQLite error means to the user: its class and the words. */
static const struct db_error {
	int rc; /* extended or primary result code */
	enum err_code code;
	const char *text; /* NULL: SQLite's own */
} db_errors[] = {
	{SQLITE_FULL, ERR_IO, "the disk is full; what was stored before is intact"},
	{SQLITE_IOERR_WRITE, ERR_IO,
	 "writing failed (disk, quota or file size limit); what was stored before is intact"},
	{SQLITE_IOERR, ERR_IO, NULL},
	{SQLITE_BUSY, ERR_STORE, "locked by another program"},
	{SQLITE_LOCKED, ERR_STORE, "locked by another program"},
	{SQLITE_READONLY_ROLLBACK, ERR_OPEN,
	 "a program was killed while it wrote; opening needs write permission once"},
	{SQLITE_READONLY_DBMOVED, ERR_IO, "the file was moved or deleted meanwhile"},
	{SQLITE_READONLY, ERR_OPEN, "no permission to write"},
	{SQLITE_PERM, ERR_OPEN, "no permission"},
	{SQLITE_AUTH, ERR_OPEN, "no permission"},
	{SQLITE_CANTOPEN, ERR_OPEN, NULL},
	{SQLITE_NOTADB, ERR_STORE, "not a result store (not an SQLite database)"},
	{SQLITE_CORRUPT, ERR_STORE, "the database is damaged"},
	{SQLITE_NOMEM, ERR_NOMEM, NULL},
	{SQLITE_INTERRUPT, ERR_INTERRUPTED, "interrupted"},
};

static const struct db_error *find_error(int rc)
{
	for (size_t i = 0; i < ARRAY_LEN(db_errors); i++)
		if (db_errors[i].rc == rc)
			return &db_errors[i];
	return NULL;
}

int db_fail(const struct db *d, const char *doing, struct err *e)
{
	int rc = d->h ? sqlite3_extended_errcode(d->h) : SQLITE_NOMEM;
	const struct db_error *row = find_error(rc);
	const char *text;

	if (!row)
		row = find_error(rc & 0xff);
	text = row && row->text ? row->text : d->h ? sqlite3_errmsg(d->h) : "out of memory";
	if (row && !row->text && d->h && sqlite3_system_errno(d->h))
		return err_set(e, row->code, "%s: %s: %s (%s)", d->path, doing, text,
			       strerror(sqlite3_system_errno(d->h)));
	return err_set(e, row ? row->code : ERR_STORE, "%s: %s: %s", d->path, doing, text);
}

int db_exec(const struct db *d, const char *sql, const char *doing, struct err *e)
{
	return sqlite3_exec(d->h, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(d, doing, e);
}

int db_prepare(const struct db *d, const char *sql, sqlite3_stmt **out, struct err *e)
{
	*out = NULL;
	return sqlite3_prepare_v2(d->h, sql, -1, out, NULL) == SQLITE_OK ? 0 : db_fail(d, "preparing", e);
}

int db_int(const struct db *d, const char *sql, int64_t *value, struct err *e)
{
	sqlite3_stmt *st;
	int rc = db_prepare(d, sql, &st, e);

	if (rc)
		return rc;
	*value = 0;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*value = sqlite3_column_int64(st, 0);
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(d, "reading", e);
	sqlite3_finalize(st);
	return rc;
}

int db_begin(const struct db *d, struct err *e)
{
	return db_exec(d, "BEGIN IMMEDIATE", "writing", e);
}

int db_commit(const struct db *d, struct err *e)
{
	return db_exec(d, "COMMIT", "writing", e);
}

void db_rollback(const struct db *d)
{
	if (d->h && !sqlite3_get_autocommit(d->h))
		sqlite3_exec(d->h, "ROLLBACK", NULL, NULL, NULL);
}

/* FNV-1a over the names and texts of all views: stored with them, so that a program notices older ones. */
static int64_t views_fingerprint(void)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (const struct sql_view *v = sql_views; v->name; v++) {
		const char *both[] = {v->name, v->text};

		for (size_t i = 0; i < ARRAY_LEN(both); i++)
			for (const char *p = both[i];; p++) {
				h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
				if (!*p)
					break;
			}
	}
	return (int64_t)(h >> 1);
}

static int views_are_current(const struct db *d, bool *current, struct err *e)
{
	int64_t stored;
	int rc = db_int(d, "SELECT CAST(value AS INTEGER) FROM meta WHERE key = '" VIEWS_KEY "'", &stored, e);

	*current = rc == 0 && stored == views_fingerprint();
	return rc;
}

static int create_views(const struct db *d, const char *temp, struct err *e)
{
	int rc = 0;

	for (const struct sql_view *v = sql_views; v->name && !rc; v++) {
		char *sql = sqlite3_mprintf("DROP VIEW IF EXISTS %s.\"%w\"; CREATE VIEW %s.\"%w\" AS\n%s",
					    temp, v->name, temp, v->name, v->text);

		rc = sql ? db_exec(d, sql, v->name, e) : err_set(e, ERR_NOMEM, "%s: out of memory", d->path);
		sqlite3_free(sql);
	}
	return rc;
}

/* The tables that came after the schema, and the views. */
static int store_views(const struct db *d, struct err *e)
{
	char sql[128];
	int rc = db_exec(d, sql_additions, "creating", e);

	if (!rc)
		rc = create_views(d, "main", e);
	if (rc)
		return rc;
	snprintf(sql, sizeof sql, "REPLACE INTO meta VALUES ('" VIEWS_KEY "', %" PRId64 ")",
		 views_fingerprint());
	return db_exec(d, sql, "creating the views", e);
}

/* Whose database it is: 0 and *empty, or an error. */
static int check_owner(const struct db *d, bool *empty, struct err *e)
{
	int64_t app, version, objects;
	int rc;

	if ((rc = db_int(d, "PRAGMA application_id", &app, e)) ||
	    (rc = db_int(d, "PRAGMA user_version", &version, e)) ||
	    (rc = db_int(d, "SELECT count(*) FROM sqlite_schema", &objects, e)))
		return rc;
	*empty = app == 0 && version == 0 && objects == 0;
	if (*empty)
		return 0;
	if (app != DB_APPLICATION_ID)
		return err_set(e, ERR_STORE,
			       "%s: not a result store, but an SQLite database of another program", d->path);
	if (version != DB_SCHEMA_VERSION)
		return err_set(e, ERR_STORE,
			       "%s: result store of schema %" PRId64 ", this program knows schema %d%s",
			       d->path, version, DB_SCHEMA_VERSION,
			       version > DB_SCHEMA_VERSION ? "; use a newer faultline" : "");
	return 0;
}

/* In one transaction; two programs may come here at once, so the second one looks again. */
static int create_or_update(const struct db *d, struct err *e)
{
	bool empty, current = false;
	char sql[96];
	int rc = db_begin(d, e);

	if (rc)
		return rc;
	rc = check_owner(d, &empty, e);
	if (!rc && empty) {
		snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
			 DB_APPLICATION_ID, DB_SCHEMA_VERSION);
		if (!(rc = db_exec(d, sql, "creating", e)))
			rc = db_exec(d, sql_schema, "creating", e);
	}
	if (!rc)
		rc = views_are_current(d, &current, e);
	if (!rc && !current)
		rc = store_views(d, e);
	if (!rc)
		rc = db_commit(d, e);
	if (rc)
		db_rollback(d);
	return rc;
}

static int prepare_for_writing(const struct db *d, struct err *e)
{
	bool empty, current = false;
	int rc = check_owner(d, &empty, e);

	if (rc)
		return rc;
	if (sqlite3_db_readonly(d->h, "main") == 1)
		return err_set(e, ERR_OPEN, "%s: no permission to write", d->path);
	if (!empty && (rc = views_are_current(d, &current, e)))
		return rc;
	if (!current && (rc = create_or_update(d, e)))
		return rc;
	return db_exec(d, "PRAGMA foreign_keys = ON", "opening", e);
}

static int has_table(const struct db *d, const char *name, size_t n, bool *has, struct err *e)
{
	char *sql =
		sqlite3_mprintf("SELECT count(*) FROM main.sqlite_schema WHERE name = '%.*q'", (int)n, name);
	int64_t count = 0;
	int rc = sql ? db_int(d, sql, &count, e) : err_set(e, ERR_NOMEM, "%s: out of memory", d->path);

	sqlite3_free(sql);
	*has = count != 0;
	return rc;
}

/* Tables that are younger than the store, for the time it is read: the views speak of them. They are empty.
 */
static int create_additions(const struct db *d, struct err *e)
{
	static const char verb[] = "CREATE TABLE IF NOT EXISTS ";
	int rc = 0;

	for (const char *p = sql_additions; !rc && (p = strstr(p, verb));) {
		sqlite3_stmt *st = NULL;
		char *sql = NULL;
		bool has;

		p += sizeof verb - 1;
		rc = has_table(d, p, strcspn(p, "( "), &has, e);
		if (rc || has)
			continue;
		sql = sqlite3_mprintf("CREATE TEMP TABLE %s", p); /* its first statement alone is prepared */
		if (!sql)
			return err_set(e, ERR_NOMEM, "%s: out of memory", d->path);
		rc = db_prepare(d, sql, &st, e);
		if (!rc && sqlite3_step(st) != SQLITE_DONE)
			rc = db_fail(d, "creating", e);
		sqlite3_finalize(st);
		sqlite3_free(sql);
	}
	return rc;
}

/* Reads with this program's own views, also where the stored ones are older. */
static int prepare_for_reading(const struct db *d, struct err *e)
{
	bool empty, current;
	int rc = check_owner(d, &empty, e);

	if (rc)
		return rc;
	if (empty)
		return err_set(e, ERR_STORE, "%s: not a result store (the file is empty)", d->path);
	if ((rc = views_are_current(d, &current, e)))
		return rc;
	if (current)
		return 0;
	rc = create_additions(d, e);
	return rc ? rc : create_views(d, "temp", e);
}

static bool is_directory(const char *path)
{
	struct stat sb;

	return stat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

/* SQLite tries again to read only, and then its errno is that there is no such file: asks for the first one.
 */
static int cannot_open(const struct db *d, int flags, struct err *e)
{
	int fd;

	if (flags & SQLITE_OPEN_CREATE) {
		fd = open(d->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
		if (fd < 0)
			return err_set(e, ERR_OPEN, "%s: opening: %s", d->path, strerror(errno));
		close(fd);
	}
	return db_fail(d, "opening", e);
}

static int open_handle(struct db *d, int flags, struct err *e)
{
	int rc = sqlite3_open_v2(d->path, &d->h, flags, NULL);

	if (d->h)
		sqlite3_extended_result_codes(d->h, 1);
	if (rc != SQLITE_OK)
		return cannot_open(d, flags, e);
	sqlite3_busy_timeout(d->h, busy_ms);
	return 0;
}

/* A transaction cut off by a kill is rolled back by the first one who may write. */
static void roll_back_hot_journal(const char *path)
{
	sqlite3 *h = NULL;

	if (sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(h, busy_ms);
		sqlite3_exec(h, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	}
	sqlite3_close(h);
}

static int open_for_reading(struct db *d, struct err *e)
{
	int rc = open_handle(d, SQLITE_OPEN_READONLY, e);

	if (rc)
		return rc;
	if (sqlite3_exec(d->h, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) != SQLITE_OK &&
	    sqlite3_extended_errcode(d->h) == SQLITE_READONLY_ROLLBACK)
		roll_back_hot_journal(d->path);
	return prepare_for_reading(d, e);
}

int db_open(struct db *d, const char *path, enum db_mode mode, struct err *e)
{
	struct sigaction old;
	int rc;

	*d = (struct db){.path = mem_strdup(path)};
	/* A file size limit is an error to report like a full disk, not a reason to die. */
	if (sigaction(SIGXFSZ, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
		signal(SIGXFSZ, SIG_IGN);
	if (!*path) {
		rc = err_set(e, ERR_OPEN, "the result store's path is empty");
	} else if (is_directory(path)) {
		rc = err_set(e, ERR_OPEN, "%s: a directory, not a result store", path);
	} else if (mode == DB_READ) {
		rc = access(path, F_OK) ? err_set(e, ERR_OPEN, "%s: no such file", path)
					: open_for_reading(d, e);
	} else {
		rc = open_handle(d, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);
		if (!rc)
			rc = prepare_for_writing(d, e);
	}
	if (rc)
		db_close(d);
	return rc;
}

void db_close(struct db *d)
{
	if (d->h)
		sqlite3_close_v2(d->h);
	mem_free(d->path);
	*d = (struct db){0};
}

/* Names of a query's first column, for a suggestion. */
struct names {
	char text[200][80];
	size_t n;
};

static const char *name_at(void *ctx, size_t i)
{
	const struct names *v = ctx;

	return i < v->n ? v->text[i] : NULL;
}

const char *db_suggest(const struct db *d, const char *sql, int64_t run, const char *name, char *buf,
		       size_t size)
{
	struct names *v = mem_alloc(1, sizeof *v);
	struct err ignored = {0};
	sqlite3_stmt *st;

	buf[0] = '\0';
	if (!db_prepare(d, sql, &st, &ignored)) {
		sqlite3_bind_int64(st, 1, run);
		while (v->n < ARRAY_LEN(v->text) && sqlite3_step(st) == SQLITE_ROW)
			snprintf(v->text[v->n++], sizeof v->text[0], "%s",
				 (const char *)sqlite3_column_text(st, 0));
		sqlite3_finalize(st);
		suggest_text(buf, size, suggest_nearest(name, name_at, v));
	}
	mem_free(v);
	return buf;
}

static int no_run(const struct db *d, const char *command, const char *run, struct err *e)
{
	char hint[140];

	if (!run)
		return err_set(e, ERR_USAGE, "%s: %s holds no run", command, d->path);
	db_suggest(d, "SELECT DISTINCT name FROM runs WHERE ?1 IS NOT NULL", 0, run, hint, sizeof hint);
	return err_set(e, ERR_USAGE, "%s: no run \"%.60s\" in %s%s", command, run, d->path,
		       *hint ? hint : "; the view v_run_summary lists the runs");
}

int db_find_run(const struct db *d, const char *command, const char *run, struct db_run *out, struct err *e)
{
	sqlite3_stmt *st;
	int rc = db_prepare(d,
			    "SELECT run_id, name FROM runs WHERE ?1 IS NULL OR CAST(run_id AS TEXT) = ?1 OR"
			    " name = ?1 ORDER BY CAST(run_id AS TEXT) = ?1 DESC, run_id DESC LIMIT 1",
			    &st, e);

	if (rc)
		return rc;
	sqlite3_bind_text(st, 1, run, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		out->id = sqlite3_column_int64(st, 0);
		snprintf(out->name, sizeof out->name, "%s", (const char *)sqlite3_column_text(st, 1));
		rc = 0;
	} else {
		rc = rc == SQLITE_DONE ? no_run(d, command, run, e) : db_fail(d, "reading", e);
	}
	sqlite3_finalize(st);
	return rc;
}
