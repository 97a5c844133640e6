/*
 * report.c - the page: its frame, its style and script, and the numbers as JSON, which the script draws.
 *
 * All numbers come from SQL, section by section; the script only subtracts and divides. Nothing of the host
 * (wall time, date) is on the page, so that reports can be compared as files.
 *
 * Not modelled: snapshots before the end of a warm-up are not drawn. Events are counted, and the first 200
 * listed.
 */
#include "analysis/report/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mem.h"
#include "sim/version.h"

/* Each is an object {columns: [...], rows: [[...], ...]} of the page's data. Asked run by run: ?1 is the run,
 * ?2 its place on the page. */
static const struct section {
	const char *name, *sql;
} sections[] = {
	{"runs",
	 "SELECT ?2 AS place, v.run_id AS id, v.name, v.status, v.program, v.accesses, v.sim_seconds,"
	 " v.instructions_per_cycle, v.cycles_per_access, v.minor_faults, v.major_faults, v.pages_scanned,"
	 " v.pages_stolen, v.swap_in, v.swap_out, v.l1d_tlb_miss_ratio, v.l2_tlb_miss_ratio,"
	 " v.walk_cycles_per_access, v.local_ratio, v.oom_kills, v.message, r.trace_path, "
	 "r.trace_fingerprint,"
	 " r.config_fingerprint, r.program_version, r.mapping, r.schedule, CAST(r.seed AS TEXT) AS seed"
	 " FROM v_run_summary v JOIN runs r ON r.run_id = v.run_id WHERE v.run_id = ?1"},
	{"params", "SELECT ?2 AS place, d.path, p.value, d.default_value, d.unit, p.origin, d.sentence FROM "
		   "param_rows p"
		   " JOIN param_defs d USING (param_id) WHERE p.run_id = ?1 ORDER BY d.path"},
	{"cycles",
	 "SELECT ?2 AS place, cause, sum(cycles) AS cycles FROM v_cycles WHERE run_id = ?1 GROUP BY cause"
	 " ORDER BY cycles DESC, cause"},
	{"series", /* the order of the joins is the one that the keys serve */
	 "WITH p AS MATERIALIZED (SELECT snapshot_id, seq, time_ps, row_number() OVER (ORDER BY seq) AS n,"
	 " count(*) OVER () AS total FROM snapshots WHERE run_id = ?1 AND kind IN ('interval', 'final') AND"
	 " seq > ifnull((SELECT max(seq) FROM snapshots WHERE run_id = ?1 AND kind = 'warmup'), -1))"
	 " SELECT ?2 AS place, p.time_ps / 1e9 AS ms, w.name AS stat, sum(m.value) AS value FROM p"
	 " CROSS JOIN wanted w CROSS JOIN metric_rows m ON m.snapshot_id = p.snapshot_id AND m.stat_id = "
	 "w.stat_id"
	 " WHERE p.n % ((p.total + 159) / 160) = 0 OR p.n = p.total"
	 " GROUP BY p.seq, w.stat_id ORDER BY p.seq, w.stat_id"},
	{"numa", "SELECT ?2 AS place, node, numa_hit, numa_miss, numa_foreign, interleave_hit, local_node, "
		 "other_node,"
		 " local_ratio FROM v_numa WHERE run_id = ?1 ORDER BY node"},
	{"processes", "SELECT ?2 AS place, process, min_flt, maj_flt, rss_pages, swap_pages FROM v_processes"
		      " WHERE run_id = ?1 ORDER BY min_flt + maj_flt DESC, process LIMIT 100"},
	{"latency",
	 "SELECT ?2 AS place, stat, scope, instance, count, mean, p50, p90, p99, max, unit FROM v_latency"
	 " WHERE run_id = ?1 AND count > 0 ORDER BY stat, scope, instance LIMIT 200"},
	{"totals", "SELECT ?2 AS place, v.stat, v.scope, v.value, v.unit, t.sentence FROM v_totals v"
		   " JOIN stats t ON t.name = v.stat WHERE v.run_id = ?1 AND scope <> 'vma' AND value <> 0"
		   " ORDER BY v.stat, v.scope"},
	{"kinds", "SELECT ?2 AS place, kind, count(*) AS events FROM v_events WHERE run_id = ?1 GROUP BY kind"
		  " ORDER BY events DESC, kind"},
	{"events",
	 "SELECT ?2 AS place, e.time_ps / 1e9 AS ms, k.text AS kind, s.text AS scope, e.value, e.detail"
	 " FROM event_rows e JOIN strings k ON k.string_id = e.kind_id"
	 " JOIN strings s ON s.string_id = e.scope_id WHERE e.run_id = ?1 ORDER BY e.seq LIMIT 200"},
};

/* The runs of the page. */
struct runs {
	struct db_run v[REPORT_MAX_RUNS];
	size_t n;
};

/* ---- JSON inside a script element ---- */

/* Without "<", so that no text can end the element. */
static void put_text(const char *text, FILE *f)
{
	fputc('"', f);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20 || c == '<' || c == '>' || c == '&')
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void put_cell(sqlite3_stmt *st, int i, FILE *f)
{
	double v;

	switch (sqlite3_column_type(st, i)) {
	case SQLITE_INTEGER:
		fprintf(f, "%" PRId64, (int64_t)sqlite3_column_int64(st, i));
		break;
	case SQLITE_FLOAT:
		v = sqlite3_column_double(st, i);
		if (isfinite(v))
			fprintf(f, "%.9g", v);
		else
			fputs("null", f);
		break;
	case SQLITE_NULL:
		fputs("null", f);
		break;
	default:
		put_text((const char *)sqlite3_column_text(st, i), f);
	}
}

static void put_columns(sqlite3_stmt *st, FILE *f)
{
	for (int i = 0, n = sqlite3_column_count(st); i < n; i++) {
		fputs(i ? "," : "", f);
		put_text(sqlite3_column_name(st, i), f);
	}
}

static void put_row(sqlite3_stmt *st, FILE *f)
{
	fputs("\n[", f);
	for (int i = 0, n = sqlite3_column_count(st); i < n; i++) {
		fputs(i ? "," : "", f);
		put_cell(st, i, f);
	}
	fputc(']', f);
}

static int put_section(const struct db *d, const struct section *s, const struct runs *r, FILE *f,
		       struct err *e)
{
	const char *comma = "";
	sqlite3_stmt *st;
	int rc = db_prepare(d, s->sql, &st, e);

	if (rc)
		return rc;
	fprintf(f, ",\n\"%s\":{\"columns\":[", s->name);
	put_columns(st, f);
	fputs("],\"rows\":[", f);
	for (size_t i = 0; !rc && i < r->n; i++) {
		sqlite3_bind_int64(st, 1, r->v[i].id);
		sqlite3_bind_int64(st, 2, (int64_t)i);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			fputs(comma, f);
			put_row(st, f);
			comma = ",";
		}
		rc = rc == SQLITE_DONE ? 0 : db_fail(d, "reading", e);
		sqlite3_reset(st);
	}
	fputs("]}", f);
	sqlite3_finalize(st);
	return rc;
}

static void put_charts(FILE *f)
{
	static const char *const modes[] = {"level", "rate", "ratio", "share"};
	const struct report_line *l;

	fputs(",\n\"charts\":[", f);
	for (size_t i = 0; (l = report_line_at(i)); i++) {
		fputs(i ? ",\n[" : "\n[", f);
		put_text(l->chart, f);
		fputc(',', f);
		put_text(l->unit, f);
		fprintf(f, ",\"%s\",", modes[l->mode]);
		put_text(l->label, f);
		fputc(',', f);
		put_text(l->stats, f);
		fputc(',', f);
		put_text(l->per ? l->per : "", f);
		fprintf(f, ",%.9g]", l->factor);
	}
	fputs("]", f);
}

/* ---- which runs ---- */

/* Adds a run, unless it is there. */
static void add_run(struct runs *r, const struct db_run *run)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].id == run->id)
			return;
	r->v[r->n++] = *run;
}

static int add_all(const struct db *d, struct runs *r, struct err *e)
{
	struct db_run run;
	sqlite3_stmt *st;
	int rc = db_prepare(d,
			    "SELECT run_id, name FROM (SELECT run_id, name FROM runs ORDER BY run_id DESC"
			    " LIMIT 8) ORDER BY run_id",
			    &st, e);

	if (rc)
		return rc;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && r->n < REPORT_MAX_RUNS) {
		run.id = sqlite3_column_int64(st, 0);
		snprintf(run.name, sizeof run.name, "%s", (const char *)sqlite3_column_text(st, 1));
		add_run(r, &run);
	}
	rc = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : db_fail(d, "reading", e);
	sqlite3_finalize(st);
	return !rc && !r->n ? err_set(e, ERR_USAGE, "report: %s holds no run", d->path) : rc;
}

static int find_runs(const struct db *d, const struct report_request *q, struct runs *r, struct err *e)
{
	struct db_run run;
	int rc = q->all ? add_all(d, r, e) : 0;

	for (size_t i = 0; !rc && !q->all && i < MAX_OF(q->nr_runs, (size_t)1) && r->n < REPORT_MAX_RUNS;
	     i++) {
		rc = db_find_run(d, "report", i < q->nr_runs ? q->runs[i] : NULL, &run, e);
		if (!rc)
			add_run(r, &run);
	}
	return rc;
}

static int want(const struct db *d, const char *stats, struct err *e)
{
	sqlite3_stmt *st;
	int rc = db_prepare(d, "INSERT OR IGNORE INTO wanted SELECT stat_id, name FROM stats WHERE name = ?1",
			    &st, e);

	for (size_t n; !rc && *stats; stats += n + (stats[n] == '+')) {
		n = strcspn(stats, "+");
		sqlite3_bind_text(st, 1, stats, (int)n, SQLITE_STATIC);
		rc = sqlite3_step(st) == SQLITE_DONE ? 0 : db_fail(d, "reading", e);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return rc;
}

/* The statistics that are drawn, in a temporary table: it lies beside the store, which is not changed. */
static int want_all(const struct db *d, struct err *e)
{
	const struct report_line *l;
	int rc = db_exec(d,
			 "PRAGMA temp_store = MEMORY; CREATE TEMP TABLE wanted(stat_id INTEGER PRIMARY KEY, "
			 "name TEXT)",
			 "reading", e);

	for (size_t i = 0; !rc && (l = report_line_at(i)); i++) {
		rc = want(d, l->stats, e);
		if (!rc && l->per)
			rc = want(d, l->per, e);
	}
	return rc;
}

/* ---- the page ---- */

static void put_html(const char *text, FILE *f)
{
	for (; *text; text++) {
		if (*text == '<' || *text == '>' || *text == '&')
			fprintf(f, "&#%d;", *text);
		else
			fputc(*text, f);
	}
}

static void title_of(const struct report_request *q, const struct runs *r, char *buf, size_t size)
{
	size_t n = 0;

	snprintf(buf, size, "%s", q->title ? q->title : "");
	for (size_t i = 0; !q->title && i < r->n && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", r->v[i].name);
}

static int write_page(const struct db *d, const char *title, const struct runs *r, FILE *f, struct err *e)
{
	int rc = 0;

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
	      f);
	put_html(title, f);
	fprintf(f, " - Faultline</title>\n<style>\n%s</style>\n</head>\n<body>\n<main id=\"page\"></main>\n",
		report_css);
	fputs("<noscript>This page draws its numbers with JavaScript. They are in its source, as "
	      "JSON.</noscript>\n"
	      "<script type=\"application/json\" id=\"data\">\n{\"title\":",
	      f);
	put_text(title, f);
	fputs(",\n\"version\":", f);
	put_text(FAULTLINE_VERSION, f);
	put_charts(f);
	for (size_t i = 0; !rc && i < ARRAY_LEN(sections); i++)
		rc = put_section(d, &sections[i], r, f, e);
	fprintf(f, "}\n</script>\n<script>\n%s</script>\n</body>\n</html>\n", report_js);
	return rc;
}

int report_write(const struct db *d, const struct report_request *q, FILE *f, struct err *e)
{
	struct runs r = {0};
	char title[900];
	int rc = find_runs(d, q, &r, e);

	if (!rc)
		rc = want_all(d, e);
	if (rc)
		return rc;
	title_of(q, &r, title, sizeof title);
	rc = write_page(d, title, &r, f, e);
	if (!rc && (fflush(f) || ferror(f)))
		rc = err_set(e, ERR_IO, "writing the page failed: %s", strerror(errno));
	return rc;
}
