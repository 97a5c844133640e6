/*
 * snapshot.c - a snapshot's kernel counters in memory.
 *
 * Loading is O(n log n) in the rows of the snapshot, a look-up O(log n).
 */
#include "analysis/show/show.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mem.h"

/* Order of two scopes up to the next '/': see show.h. */
static int compare_scopes(const char *a, const char *b)
{
	bool by_name = !strncmp(a, "slab/", 5) && !strncmp(b, "slab/", 5);

	if (by_name)
		return strcmp(a, b);
	while (*a || *b) {
		size_t la = strcspn(a, "/"), lb = strcspn(b, "/");
		int c = la != lb ? (la < lb ? -1 : 1) : strncmp(a, b, la);

		if (c)
			return c;
		a += la + (a[la] == '/');
		b += lb + (b[lb] == '/');
	}
	return 0;
}

static int compare_rows(const void *x, const void *y)
{
	const struct show_row *a = x, *b = y;
	int c = compare_scopes(a->scope, b->scope);

	return c ? c : strcmp(a->counter, b->counter);
}

static int no_snapshot(const struct show *s, const struct db *d, const struct show_where *w, struct err *e)
{
	const char *at = w->label ? w->label : w->seq ? w->seq : w->at;
	char near[140];

	if (w->at && !strcmp(w->at, "oom"))
		return err_set(e, ERR_USAGE,
			       "show: run %" PRId64
			       " of %s has no snapshot of an OOM kill (metrics.oom_kills says"
			       " how many kills take one)",
			       s->run, d->path);
	if (!at)
		return err_set(e, ERR_USAGE, "show: run %" PRId64 " of %s has no snapshot", s->run, d->path);
	return err_set(e, ERR_USAGE, "show: run %" PRId64 " of %s has no snapshot \"%.60s\"%s", s->run,
		       d->path, at,
		       db_suggest(d, "SELECT DISTINCT label FROM snapshots WHERE run_id = ?1", s->run, at,
				  near, sizeof near));
}

static int find_snapshot(struct show *s, const struct db *d, const struct show_where *w, int64_t *id,
			 struct err *e)
{
	sqlite3_stmt *st;
	int rc = db_prepare(
		d,
		"SELECT snapshot_id, seq, label, time_ps FROM snapshots WHERE run_id = ?1 AND"
		" ((?2 IS NULL AND ?3 IS NULL) OR CAST(seq AS TEXT) = ?2 OR label = ?3 OR"
		" (?3 = 'oom' AND label GLOB 'oom-[0-9]*')) ORDER BY"
		" CASE WHEN ?2 IS NULL AND ?3 IS NULL THEN kind = 'final' ELSE CAST(seq AS TEXT) IS ?2 END"
		" DESC, seq DESC LIMIT 1",
		&st, e);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, s->run);
	sqlite3_bind_text(st, 2, w->seq ? w->seq : w->at, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, w->label ? w->label : w->at, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*id = sqlite3_column_int64(st, 0);
		s->seq = sqlite3_column_int64(st, 1);
		snprintf(s->label, sizeof s->label, "%s", (const char *)sqlite3_column_text(st, 2));
		s->time_ps = sqlite3_column_int64(st, 3);
		rc = 0;
	} else {
		rc = rc == SQLITE_DONE ? no_snapshot(s, d, w, e) : db_fail(d, "reading", e);
	}
	sqlite3_finalize(st);
	return rc;
}

void show_add_row(struct show *s, const char *scope, const char *counter, int64_t value)
{
	if (s->n == s->capacity) {
		s->capacity = s->capacity ? 2 * s->capacity : 1024;
		s->rows = mem_realloc(s->rows, s->capacity, sizeof *s->rows);
	}
	s->rows[s->n++] = (struct show_row){mem_strdup(scope), mem_strdup(counter), value};
}

static int read_rows(struct show *s, const struct db *d, int64_t id, struct err *e)
{
	sqlite3_stmt *st;
	int rc = db_prepare(d,
			    "SELECT a.text, b.text, k.value FROM kernel_counter_rows k JOIN strings a ON"
			    " a.string_id = k.scope_id JOIN strings b ON b.string_id = k.counter_id WHERE"
			    " k.snapshot_id = ?1",
			    &st, e);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		show_add_row(s, (const char *)sqlite3_column_text(st, 0),
			     (const char *)sqlite3_column_text(st, 1), sqlite3_column_int64(st, 2));
	rc = rc == SQLITE_DONE ? 0 : db_fail(d, "reading", e);
	sqlite3_finalize(st);
	if (!rc && !s->n)
		rc = err_set(e, ERR_USAGE,
			     "show: snapshot %" PRId64 " (%s) of run %" PRId64
			     " holds no kernel counters; warm-up, named and final ones do",
			     s->seq, s->label, s->run);
	return rc;
}

/* Numbers of a list parameter into v; returns how many. */
static unsigned read_list(const char *text, unsigned *v, unsigned max)
{
	unsigned n = 0;
	char *end;

	while (n < max) {
		unsigned long x = strtoul(text, &end, 10);

		if (end == text)
			break;
		v[n++] = (unsigned)x;
		text = end + strspn(end, ", ");
	}
	return n;
}

static void read_topology(struct show *s)
{
	const char *cpus = show_text(s, "param/topology.node_cpus");
	const char *distances = show_text(s, "param/topology.distances");
	unsigned n = cpus ? read_list(cpus, s->node_cpus, SHOW_MAX_NODES) : 0;

	for (unsigned i = n; n == 1 && i < SHOW_MAX_NODES; i++)
		s->node_cpus[i] = s->node_cpus[0];
	for (unsigned i = 0; i < SHOW_MAX_NODES; i++) /* more are in a damaged store only */
		s->node_cpus[i] = MIN_OF(s->node_cpus[i], SHOW_MAX_NODE_CPUS);
	if (distances)
		read_list(distances, s->distance, ARRAY_LEN(s->distance));
}

/* Nodes are those that have counters; distances that were left out are 10 and 21. */
static void fill_topology(struct show *s)
{
	for (const char *scope = NULL; (scope = show_next(s, "node/", scope));)
		if (s->nr_nodes < SHOW_MAX_NODES)
			s->nr_nodes++;
	for (unsigned i = 0; i < s->nr_nodes; i++)
		s->nr_cpus += s->node_cpus[i];
	if (s->distance[0])
		return;
	for (unsigned i = 0; i < s->nr_nodes; i++)
		for (unsigned j = 0; j < s->nr_nodes; j++)
			s->distance[i * s->nr_nodes + j] = i == j ? 10 : 21;
}

int show_load(struct show *s, const struct db *d, const struct show_where *where, struct err *e)
{
	struct db_run run;
	int64_t id = 0;
	int rc = db_find_run(d, "show", where->run, &run, e);

	*s = (struct show){0};
	if (rc)
		return rc;
	s->run = run.id;
	rc = find_snapshot(s, d, where, &id, e);
	if (!rc)
		rc = read_rows(s, d, id, e);
	if (!rc)
		rc = show_read_sources(s, d, id, e);
	if (rc) {
		show_release(s);
		return rc;
	}
	qsort(s->rows, s->n, sizeof *s->rows, compare_rows);
	read_topology(s);
	fill_topology(s);
	return 0;
}

void show_release(struct show *s)
{
	for (size_t i = 0; i < s->n; i++) {
		mem_free((char *)(uintptr_t)s->rows[i].scope);
		mem_free((char *)(uintptr_t)s->rows[i].counter);
	}
	mem_free(s->rows);
	*s = (struct show){0};
}

static const struct show_row *find_row(const struct show *s, const char *scope, const char *counter)
{
	struct show_row key = {scope, counter, 0};

	return s->n ? bsearch(&key, s->rows, s->n, sizeof *s->rows, compare_rows) : NULL;
}

int64_t show_get(const struct show *s, const char *scope, const char *counter)
{
	const struct show_row *r = find_row(s, scope, counter);

	return r ? MAX_OF(MIN_OF(r->value, SHOW_MOST), -SHOW_MOST) : 0;
}

uint64_t show_bits(const struct show *s, const char *scope, const char *counter)
{
	const struct show_row *r = find_row(s, scope, counter);

	return r ? (uint64_t)r->value : 0;
}

int64_t show_getf(const struct show *s, const char *counter, const char *scope_format, ...)
{
	char scope[80];
	va_list ap;

	va_start(ap, scope_format);
	vsnprintf(scope, sizeof scope, scope_format, ap);
	va_end(ap);
	return show_get(s, scope, counter);
}

size_t show_scope_rows(const struct show *s, const char *scope, size_t *end)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (compare_scopes(s->rows[mid].scope, scope) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (high = low; high < s->n && !strcmp(s->rows[high].scope, scope); high++)
		;
	*end = high;
	return low;
}

/* Scopes of the same folder lie together, so the search ends with the prefix's. */
const char *show_next(const struct show *s, const char *prefix, const char *after)
{
	const char *slash = strrchr(prefix, '/');
	size_t folder = slash && slash - prefix < 80 ? (size_t)(slash - prefix) : 0, i = 0;
	char key[80];

	if (after) {
		show_scope_rows(s, after, &i);
	} else if (folder) {
		snprintf(key, sizeof key, "%.*s", (int)folder, prefix);
		i = show_scope_rows(s, key, &i);
	}
	for (; i < s->n && strncmp(s->rows[i].scope, prefix, strlen(prefix)) != 0; i++)
		if (folder && strncmp(s->rows[i].scope, prefix, folder + 1) != 0)
			return NULL;
	return i < s->n ? s->rows[i].scope : NULL;
}

const char *show_text(const struct show *s, const char *scope)
{
	size_t end, first = show_scope_rows(s, scope, &end);

	return first < end ? s->rows[first].counter : NULL;
}

int64_t show_param(const struct show *s, const char *path, int64_t def)
{
	char scope[100];
	const char *text;

	snprintf(scope, sizeof scope, "param/%s", path);
	text = show_text(s, scope);
	return text ? strtoll(text, NULL, 10) : def;
}

int64_t show_positive(const struct show *s, const char *path, int64_t def)
{
	int64_t v = show_param(s, path, def);

	return v >= 1 && v < INT32_MAX ? v : def;
}

struct show_name show_process(const struct show *s, unsigned pid)
{
	struct show_name name;
	char prefix[32];
	const char *last = NULL;

	snprintf(prefix, sizeof prefix, "proc/P%u.", pid);
	for (const char *p = NULL; (p = show_next(s, prefix, p));)
		last = p;
	if (last)
		snprintf(name.text, sizeof name.text, "%s", last + 5);
	else
		snprintf(name.text, sizeof name.text, "P%u", pid);
	return name;
}

const char *show_comm(const struct show *s, unsigned pid)
{
	char scope[40];
	const char *comm;

	snprintf(scope, sizeof scope, "comm/%s", show_process(s, pid).text);
	comm = show_text(s, scope);
	return comm ? comm : "";
}

unsigned show_first_cpu(const struct show *s, unsigned nid)
{
	unsigned cpu = 0;

	for (unsigned i = 0; i < nid; i++)
		cpu += s->node_cpus[i];
	return cpu;
}
