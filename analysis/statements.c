/*
 * statements.c - binding and running prepared statements.
 */
#include "analysis/statements.h"

#include <stdarg.h>

static const char *const statement_sql[ST_NR] = {
#define STATEMENT_SQL(name, sql) [ST_##name] = sql,
	STATEMENT_LIST(STATEMENT_SQL)
#undef STATEMENT_SQL
};

int statements_prepare(struct statements *s, const struct db *db, struct err *e)
{
	int rc = 0;

	*s = (struct statements){.db = db};
	for (size_t i = 0; i < ST_NR && !rc; i++)
		rc = db_prepare(db, statement_sql[i], &s->st[i], e);
	return rc;
}

void statements_release(struct statements *s)
{
	for (size_t i = 0; i < ST_NR; i++)
		sqlite3_finalize(s->st[i]);
	*s = (struct statements){0};
}

static sqlite3_stmt *bind(struct statements *s, enum statement which, const char *letters, va_list ap)
{
	sqlite3_stmt *st = s->st[which];

	for (int i = 0; letters[i]; i++) {
		if (letters[i] == 'i')
			sqlite3_bind_int64(st, i + 1, va_arg(ap, int64_t));
		else if (letters[i] == 'd')
			sqlite3_bind_double(st, i + 1, va_arg(ap, double));
		else
			sqlite3_bind_text(st, i + 1, va_arg(ap, const char *), -1, SQLITE_STATIC);
	}
	return st;
}

int statements_insert(struct statements *s, struct err *e, enum statement which, const char *letters, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int rc = 0;

	va_start(ap, letters);
	st = bind(s, which, letters, ap);
	va_end(ap);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = db_fail(s->db, "storing", e);
	sqlite3_reset(st);
	return rc;
}

int statements_look_up(struct statements *s, struct err *e, int64_t *id, enum statement which,
		       const char *letters, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int rc = 0;

	va_start(ap, letters);
	st = bind(s, which, letters, ap);
	va_end(ap);
	if (sqlite3_step(st) == SQLITE_ROW)
		*id = sqlite3_column_int64(st, 0);
	else
		rc = db_fail(s->db, "storing", e);
	sqlite3_reset(st);
	return rc;
}
