/*
 * cmd_query.c - `faultline query`: a view or a SELECT over a result store, as a table, CSV or JSON.
 *
 * The store is opened for reading only. All rows are fetched before the first one is printed, so a pager at
 * the other end of a pipe never keeps the store locked against a run that wants to write.
 */
#include "sim/command.h"

#include <ctype.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/db.h"
#include "analysis/sql.h"
#include "sim/cli.h"
#include "sim/mem.h"
#include "sim/suggest.h"

struct query {
	const char *path;
	const char *what; /* a view, a table or SQL; NULL lists the views */
	const char *run;  /* number or name, NULL = all */
	enum table_format format;
	bool transpose;
	bool help;
};

static const char usage[] =
	"usage: faultline query STORE [--list]\n"
	"       faultline query STORE VIEW [--run RUN] [--csv | --json]\n"
	"       faultline query STORE 'SELECT ...' [--run RUN] [--csv | --json]\n"
	"\n"
	"Prints a view of a result store, or what an SQL statement gives. The store is not changed.\n"
	"\n"
	"  --list      list the views, each with a sentence\n"
	"  --run RUN   only this run: its number, or its name (the newest run of that name). In SQL, write "
	":run\n"
	"              where the run's number is meant\n"
	"  --csv       comma-separated values (RFC 4180)\n"
	"  --json      an array of objects\n"
	"  --transpose one column a row, to set a few runs side by side\n"
	"  --help      this text\n"
	"\n"
	"example: faultline query results.db \"SELECT name, sim_seconds FROM v_run_summary ORDER BY 2\"\n";

static int parse(struct query *q, int argc, char **argv, struct err *e)
{
	static const struct option options[] = {
		{"list", no_argument, NULL, 'l'},
		{"run", required_argument, NULL, 'r'},
		{"csv", no_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"transpose", no_argument, NULL, 't'},
		{NULL, 0, NULL, 0},
	};
	bool list = false;
	int o;

	optind = 0; /* start anew: another command may have used getopt */
	opterr = 0;
	while ((o = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (o == 'l')
			list = true;
		else if (o == 'r')
			q->run = optarg;
		else if (o == 'c' || o == 'j')
			q->format = o == 'c' ? TABLE_CSV : TABLE_JSON;
		else if (o == 't')
			q->transpose = true;
		else if (o == 'h')
			q->help = true;
		else
			return err_set(e, ERR_USAGE, "query: %s \"%.60s\"; see faultline help query",
				       o == ':' ? "a value is missing after" : "unknown option",
				       argv[optind - 1]);
	}
	if (q->help)
		return 0;
	if (optind == argc)
		return err_set(e, ERR_USAGE, "query: which store? (faultline query STORE VIEW)");
	q->path = argv[optind];
	q->what = list || optind + 1 == argc ? NULL : argv[optind + 1];
	if (optind + 2 < argc || (list && optind + 1 < argc))
		return err_set(e, ERR_USAGE, "query: \"%.60s\" is one argument too many; SQL goes in quotes",
			       argv[optind + (list ? 1 : 2)]);
	return 0;
}

/* The first line of a view's text without the comment sign: its sentence. */
static void print_sentence(struct table *t, const char *text)
{
	size_t n;

	if (!strncmp(text, "-- ", 3))
		text += 3;
	n = strcspn(text, "\n");
	table_cellf(t, false, "%.*s", (int)n, text);
}

static int list_views(const struct db *d, enum table_format format, struct err *e)
{
	static const char *const columns[] = {"view", "sentence"};
	struct table *t = table_new(format, ARRAY_LEN(columns), columns);

	(void)d;
	for (const struct sql_view *v = sql_views; v->name; v++) {
		table_cell(t, v->name, false);
		print_sentence(t, v->text);
	}
	return table_finish(t, stdout, e);
}

/* Whether `what` can only be SQL: names of views are single words. */
static bool is_sql(const char *what)
{
	return strpbrk(what, " \t\n();*") != NULL;
}

/* The names of all views and tables. */
struct names {
	char **v;
	size_t n;
};

static const char *name_at(void *ctx, size_t i)
{
	const struct names *names = ctx;

	return i < names->n ? names->v[i] : NULL;
}

static int read_names(const struct db *d, struct names *names, struct err *e)
{
	sqlite3_stmt *st;
	int rc = db_prepare(d,
			    "SELECT name FROM temp.sqlite_schema UNION SELECT name FROM main.sqlite_schema"
			    " WHERE type IN ('view', 'table') ORDER BY name",
			    &st, e);

	*names = (struct names){0};
	if (rc)
		return rc;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		names->v = mem_realloc(names->v, names->n + 1, sizeof *names->v);
		names->v[names->n++] = mem_strdup((const char *)sqlite3_column_text(st, 0));
	}
	rc = rc == SQLITE_DONE ? 0 : db_fail(d, "reading", e);
	sqlite3_finalize(st);
	return rc;
}

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		mem_free(names->v[i]);
	mem_free(names->v);
}

static int check_name(const struct db *d, const char *what, struct err *e)
{
	struct names names;
	char hint[140];
	bool found = false;
	int rc = read_names(d, &names, e);

	for (size_t i = 0; i < names.n; i++)
		found = found || !sqlite3_stricmp(names.v[i], what);
	if (!rc && !found) {
		suggest_text(hint, sizeof hint, suggest_nearest(what, name_at, &names));
		rc = err_set(e, ERR_USAGE, "query: no view \"%.60s\" in %s%s", what, d->path,
			     *hint ? hint : "; --list shows the views");
	}
	free_names(&names);
	return rc;
}

/* One statement that reads, and nothing behind it. */
static int prepare(const struct db *d, const char *sql, sqlite3_stmt **st, struct err *e)
{
	const char *tail = sql;
	sqlite3_stmt *more = NULL;

	*st = NULL;
	if (sqlite3_prepare_v2(d->h, sql, -1, st, &tail) != SQLITE_OK) {
		int at = sqlite3_error_offset(d->h);

		if (sqlite3_errcode(d->h) != SQLITE_ERROR)
			return db_fail(d, "query", e);
		return at < 0 ? err_set(e, ERR_USAGE, "query: %s", sqlite3_errmsg(d->h))
			      : err_set(e, ERR_USAGE, "query: %s (at character %d of the SQL)",
					sqlite3_errmsg(d->h), at + 1);
	}
	if (!*st)
		return err_set(e, ERR_USAGE, "query: the SQL is empty");
	if (sqlite3_prepare_v2(d->h, tail, -1, &more, NULL) != SQLITE_OK || more) {
		sqlite3_finalize(more);
		return err_set(e, ERR_USAGE, "query: more than one SQL statement");
	}
	if (!sqlite3_stmt_readonly(*st))
		return err_set(e, ERR_USAGE,
			       "query: only statements that read are possible, this one would write");
	return 0;
}

static int prepare_query(const struct db *d, const struct query *q, sqlite3_stmt **st, struct err *e)
{
	struct db_run run = {0};
	int rc = q->run ? db_find_run(d, "query", q->run, &run, e) : 0, at;
	char *sql;

	*st = NULL;
	if (rc)
		return rc;
	if (is_sql(q->what)) {
		rc = prepare(d, q->what, st, e);
	} else if (!(rc = check_name(d, q->what, e))) {
		sql = sqlite3_mprintf("SELECT * FROM \"%w\"%s", q->what,
				      q->run ? " WHERE run_id = :run" : "");
		if (q->run && sqlite3_prepare_v2(d->h, sql, -1, st, NULL) == SQLITE_ERROR)
			rc = err_set(e, ERR_USAGE,
				     "query: --run is of no use with %.60s, which does not speak of runs",
				     q->what);
		sqlite3_finalize(*st);
		if (!rc)
			rc = prepare(d, sql, st, e);
		sqlite3_free(sql);
	}
	if (rc || !q->run)
		return rc;
	at = sqlite3_bind_parameter_index(*st, ":run");
	if (!at)
		return err_set(e, ERR_USAGE,
			       "query: with SQL, --run stands for :run, which the statement lacks");
	sqlite3_bind_int64(*st, at, run.id);
	return 0;
}

/* A result in memory, row by row, for turning it around. */
struct cells {
	struct cell {
		char *text; /* NULL = null */
		bool is_number;
	} * v;
	size_t n, cap;
	size_t nr_columns;
};

static void add_cell(struct cells *c, struct cell cell)
{
	if (c->n == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 64;
		c->v = mem_realloc(c->v, c->cap, sizeof *c->v);
	}
	c->v[c->n++] = cell;
}

static void free_cells(struct cells *c)
{
	for (size_t i = 0; i < c->n; i++)
		mem_free(c->v[i].text);
	mem_free(c->v);
}

/* For people, numbers are rounded; `exact` is for programs. */
static struct cell cell_of(sqlite3_stmt *st, int i, bool exact)
{
	int type = sqlite3_column_type(st, i);
	char text[64];
	double v;

	if (type == SQLITE_NULL)
		return (struct cell){NULL, false};
	if (type == SQLITE_BLOB) {
		snprintf(text, sizeof text, "(%d bytes)", sqlite3_column_bytes(st, i));
		return (struct cell){mem_strdup(text), false};
	}
	if (type == SQLITE_FLOAT && !exact) {
		v = sqlite3_column_double(st, i);
		snprintf(text, sizeof text, fabs(v) >= 1e6 && fabs(v) < 1e15 ? "%.0f" : "%.6g", v);
		return (struct cell){mem_strdup(text), true};
	}
	return (struct cell){mem_strdup((const char *)sqlite3_column_text(st, i)), type != SQLITE_TEXT};
}

/* All rows into t, or into c when t is NULL. */
static int fetch(const struct db *d, sqlite3_stmt *st, struct table *t, struct cells *c, bool exact,
		 struct err *e)
{
	int n = sqlite3_column_count(st), rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		for (int i = 0; i < n; i++) {
			struct cell cell = cell_of(st, i, exact);

			if (t) {
				table_cell(t, cell.text, cell.is_number);
				mem_free(cell.text);
			} else {
				add_cell(c, cell);
			}
		}
	if (rc == SQLITE_DONE)
		return 0;
	if (sqlite3_errcode(d->h) == SQLITE_ERROR)
		return err_set(e, ERR_USAGE, "query: %s", sqlite3_errmsg(d->h));
	return db_fail(d, "query", e);
}

/* Columns "column", "1", "2", ...: one for each row of the result. */
static struct table *transposed_table_of(const struct cells *c, const char *const *columns,
					 enum table_format format)
{
	size_t nr_rows = c->n / c->nr_columns;
	char **names = mem_alloc(nr_rows + 2, sizeof *names);
	struct table *t;
	char text[24];

	names[0] = mem_strdup("column");
	for (size_t r = 0; r < nr_rows; r++) {
		snprintf(text, sizeof text, "%zu", r + 1);
		names[r + 1] = mem_strdup(text);
	}
	t = table_new(format, nr_rows + 1, (const char *const *)names);
	for (size_t k = 0; k < c->nr_columns; k++) {
		table_cell(t, columns[k], false);
		for (size_t r = 0; r < nr_rows; r++)
			table_cell(t, c->v[r * c->nr_columns + k].text,
				   c->v[r * c->nr_columns + k].is_number);
	}
	for (size_t r = 0; r <= nr_rows; r++)
		mem_free(names[r]);
	mem_free(names);
	return t;
}

/* The table of what the statement gives, or NULL with e filled. */
static struct table *table_of(const struct db *d, const struct query *q, sqlite3_stmt *st, struct err *e)
{
	struct cells cells = {.nr_columns = (size_t)sqlite3_column_count(st)};
	const char **columns = mem_alloc(cells.nr_columns, sizeof *columns);
	struct table *t = NULL;
	int rc;

	for (size_t i = 0; i < cells.nr_columns; i++)
		columns[i] = sqlite3_column_name(st, (int)i);
	if (!q->transpose)
		t = table_new(q->format, cells.nr_columns, columns);
	rc = fetch(d, st, t, &cells, q->format != TABLE_ALIGNED, e);
	if (!rc && q->transpose)
		t = transposed_table_of(&cells, columns, q->format);
	if (rc && t) {
		table_free(t);
		t = NULL;
	}
	free_cells(&cells);
	mem_free(columns);
	return t;
}

static int print_query(const struct db *d, const struct query *q, struct err *e)
{
	sqlite3_stmt *st;
	struct table *t = NULL;
	int rc = prepare_query(d, q, &st, e);

	if (!rc && sqlite3_column_count(st) == 0)
		rc = err_set(e, ERR_USAGE, "query: the statement gives no rows");
	if (!rc)
		t = table_of(d, q, st, e);
	sqlite3_finalize(st); /* lets go of the store before anything is printed */
	if (rc || !t)
		return -(int)e->code;
	return table_finish(t, stdout, e);
}

static int stop_when_interrupted(void *ctx)
{
	(void)ctx;
	return cli_interrupted();
}

int cmd_query(int argc, char **argv)
{
	struct query q = {.format = TABLE_ALIGNED};
	struct err e = {0};
	struct db d;
	int rc = parse(&q, argc, argv, &e);

	if (rc)
		return cli_fail(&e);
	if (q.help) {
		fputs(usage, stdout);
		return 0;
	}
	if (db_open(&d, q.path, DB_READ, &e))
		return cli_fail(&e);
	cli_catch_interrupts();
	sqlite3_progress_handler(d.h, 10000, stop_when_interrupted, NULL);
	rc = q.what ? print_query(&d, &q, &e) : list_views(&d, q.format, &e);
	db_close(&d);
	return rc ? cli_fail(&e) : 0;
}
