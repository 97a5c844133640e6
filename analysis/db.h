/*
 * db.h - one open result store: opening and checking it, transactions, and SQLite's errors in one line.
 *
 * The store is an SQLite database with application_id DB_APPLICATION_ID and user_version DB_SCHEMA_VERSION.
 * Errors: a file that cannot be opened, created or written is ERR_OPEN; a full disk or failed I/O is ERR_IO;
 * everything else (locked, another program's database, newer schema, damaged) is ERR_STORE. Every message
 * begins with the path.
 */
#ifndef ANALYSIS_DB_H
#define ANALYSIS_DB_H

#include <sqlite3.h>

#include "sim/err.h"

#define DB_APPLICATION_ID 0x464c5452 /* "FLTR" */
#define DB_SCHEMA_VERSION 1

enum db_mode {
	DB_READ,  /* must exist; nothing in it is changed */
	DB_WRITE, /* created when it does not exist or is empty; views are brought up to date */
};

struct db {
	sqlite3 *h; /* NULL when closed */
	char *path; /* as the user wrote it */
};

/* How long to wait for other programs that use the store; 5000 ms by default. Holds for later db_open calls.
 */
void db_set_busy_ms(int ms);

/* Opens d (which need not be initialised). On an error d is closed. db_close may be called on a closed one.
 */
int db_open(struct db *d, const char *path, enum db_mode mode, struct err *e);
void db_close(struct db *d);

/* Fills e from the last error of d and returns the negative code. `doing` is "storing a snapshot" or the
 * like. */
int db_fail(const struct db *d, const char *doing, struct err *e);

/* Runs SQL text that returns no rows. */
int db_exec(const struct db *d, const char *sql, const char *doing, struct err *e);
/* Runs one statement and gives the integer in the first column of its first row; 0 when there is no row. */
int db_int(const struct db *d, const char *sql, int64_t *value, struct err *e);
int db_prepare(const struct db *d, const char *sql, sqlite3_stmt **out, struct err *e);

/*
 * "; did you mean ...?" for a name that is not among the texts that sql gives (one column, ?1: the run), or
 * "". In buf, which is returned.
 */
const char *db_suggest(const struct db *d, const char *sql, int64_t run, const char *name, char *buf,
		       size_t size);

struct db_run {
	int64_t id;
	char name[128];
};
/*
 * The run whose number or else name is `run`, the newest of that name; without one (NULL) the newest of all.
 * ERR_USAGE when there is none, in a message that begins with the command's name.
 */
int db_find_run(const struct db *d, const char *command, const char *run, struct db_run *out, struct err *e);

/* A write transaction; waits for other writers first. db_rollback never fails and may be called without one.
 */
int db_begin(const struct db *d, struct err *e);
int db_commit(const struct db *d, struct err *e);
void db_rollback(const struct db *d);

/* A counter as SQLite's signed 64 bits; larger ones become the largest. */
static inline int64_t db_clamp(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

#endif
