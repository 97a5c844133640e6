/*
 * cmd_show.c - `faultline show`: a snapshot of a run, printed as Linux and its tools print a machine.
 */
#include "sim/command.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/show/show.h"
#include "sim/cli.h"
#include "sim/suggest.h"

struct options {
	const char *what, *id, *store, *tree;
	struct show_where where;
	char unit; /* of free */
	bool total, json, list, help;
};

static const char usage[] =
	"usage: faultline show WHAT [PID] --db STORE [--run RUN] [--at LABEL]\n"
	"       faultline show --tree DIR --db STORE [--run RUN] [--at LABEL]\n"
	"       faultline show --list [--db STORE] [--json]\n"
	"\n"
	"Prints the simulated machine as Linux 6.1 and its tools print a real one. A counter of what is not\n"
	"simulated is 0.\n"
	"\n"
	"  --db STORE    the result store\n"
	"  --run RUN     the run's number or its name (the newest run of that name); the newest run if left "
	"out\n"
	"  --at LABEL    a snapshot's label or number; the final one if left out; oom: of the last OOM kill\n"
	"  --label LABEL a snapshot's label\n"
	"  --seq N       a snapshot's number\n"
	"  --pid PID     the process, instead of the PID behind WHAT\n"
	"  --json        files of lines \"name value\" as an object; with --list an array\n"
	"  -b -k -m -g   free: in bytes, KiB, MiB, GiB\n"
	"  -t            free: a line of sums\n"
	"  --tree DIR    write all files, as DIR/proc/... and DIR/sys/...\n"
	"  --list        what can be shown; with --db the snapshots of which it can be\n"
	"  --help        this text\n"
	"\n"
	"what:\n";

static const struct option long_options[] = {
	{"db", required_argument, NULL, 'd'},
	{"run", required_argument, NULL, 'r'},
	{"at", required_argument, NULL, 'a'},
	{"label", required_argument, NULL, 'l'},
	{"seq", required_argument, NULL, 's'},
	{"pid", required_argument, NULL, 'p'},
	{"json", no_argument, NULL, 'j'},
	{"tree", required_argument, NULL, 'T'},
	{"list", no_argument, NULL, 'L'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char *option_name(void *ctx, size_t i)
{
	(void)ctx;
	return long_options[i].name;
}

static void set_option(struct options *o, int c)
{
	switch (c) {
	case 'd':
		o->store = optarg;
		break;
	case 'r':
		o->where.run = optarg;
		break;
	case 'a':
		o->where.at = optarg;
		break;
	case 'l':
		o->where.label = optarg;
		break;
	case 's':
		o->where.seq = optarg;
		break;
	case 'p':
		o->id = optarg;
		break;
	case 'T':
		o->tree = optarg;
		break;
	case 'j':
		o->json = true;
		break;
	case 'L':
		o->list = true;
		break;
	case 't':
		o->total = true;
		break;
	case 'h':
		o->help = true;
		break;
	default:
		o->unit = (char)c;
	}
}

static int bad_option(int c, const char *text, struct err *e)
{
	const char *near;

	if (c == ':')
		return err_set(e, ERR_USAGE,
			       "show: a value is missing after \"%.60s\"; see faultline help show", text);
	near = strncmp(text, "--", 2) ? NULL : suggest_nearest(text + 2, option_name, NULL);
	if (!near)
		return err_set(e, ERR_USAGE, "show: unknown option \"%.60s\"; see faultline help show", text);
	return err_set(e, ERR_USAGE, "show: unknown option \"%.60s\"; did you mean \"--%s\"?", text, near);
}

/* Options that exclude each other, and what is missing. */
static int check(const struct options *o, struct err *e)
{
	const struct show_where *w = &o->where;

	if (!!w->at + !!w->label + !!w->seq > 1)
		return err_set(e, ERR_USAGE, "show: only one of --at, --label and --seq can be given");
	if (w->seq && (!*w->seq || w->seq[strspn(w->seq, "0123456789")]))
		return err_set(e, ERR_USAGE,
			       "show: --seq \"%.60s\" is no number of a snapshot (--label is for names)",
			       w->seq);
	if (o->tree && o->json)
		return err_set(e, ERR_USAGE, "show: a tree is not written as JSON");
	if (o->list)
		return 0;
	if (!o->what && !o->tree)
		return err_set(e, ERR_USAGE, "show: what? (faultline show --list)");
	if ((o->unit || o->total) && (!o->what || strcmp(o->what, "free")))
		return err_set(e, ERR_USAGE, "show: -b, -k, -m, -g and -t are options of free");
	if (!o->store)
		return err_set(e, ERR_USAGE, "show: which store? (--db STORE)");
	return 0;
}

static int parse(struct options *o, int argc, char **argv, struct err *e)
{
	int c;

	optind = 0; /* start anew: another command may have used getopt */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":hbkmgt", long_options, NULL)) != -1) {
		if (c == ':' || c == '?')
			return bad_option(c, argv[optind - 1], e);
		set_option(o, c);
	}
	if (o->help)
		return 0;
	o->what = optind < argc ? argv[optind++] : NULL;
	if (o->what && !o->id && optind < argc)
		o->id = argv[optind++];
	if (optind < argc || ((o->tree || o->list) && o->what))
		return err_set(e, ERR_USAGE, "show: \"%.60s\" is one argument too many",
			       optind < argc ? argv[optind] : o->what);
	return check(o, e);
}

static const char *format_name(void *ctx, size_t i)
{
	const struct show_format *f = show_format_at(i);

	(void)ctx;
	return f ? f->name : NULL;
}

static const struct show_format *find_format(const char *name, struct err *e)
{
	const struct show_format *f;
	char hint[140];

	for (size_t i = 0; (f = show_format_at(i)); i++)
		if (!strcmp(f->name, name))
			return f;
	suggest_text(hint, sizeof hint, suggest_nearest(name, format_name, NULL));
	err_set(e, ERR_USAGE, "show: nothing is called \"%.60s\"%s", name,
		*hint ? hint : "; faultline help show lists what there is");
	return NULL;
}

/* The number that the format needs, checked against the snapshot. A process may be written 12 or P12. */
static int find_id(const struct show *s, const struct show_format *f, const char *text, unsigned *id,
		   struct err *e)
{
	const char *kind = f->of == SHOW_NODE ? "node" : "process", *digits = text;
	char *end = NULL;
	unsigned long v;
	char scope[40];
	size_t last;

	*id = 0;
	if (f->of == SHOW_MACHINE)
		return text ? err_set(e, ERR_USAGE, "show: \"%.60s\" is one argument too many", text) : 0;
	if (!text)
		return err_set(e, ERR_USAGE, "show: %s of which %s? (its number comes behind)", f->name,
			       kind);
	if (f->of == SHOW_PROCESS && *digits == 'P')
		digits++;
	v = strtoul(digits, &end, 10);
	if (*digits < '0' || *digits > '9' || *end || v > UINT32_MAX)
		return err_set(e, ERR_USAGE, "show: \"%.60s\" is no number of a %s", text, kind);
	snprintf(scope, sizeof scope, f->of == SHOW_NODE ? "node/%lu" : "proc/P%lu", v);
	if (show_scope_rows(s, scope, &last) == last)
		return err_set(e, ERR_USAGE, "show: no %s %lu in snapshot %" PRId64 " (%s) of run %" PRId64,
			       kind, v, s->seq, s->label, s->run);
	*id = (unsigned)v;
	return 0;
}

static int show(struct show *s, const struct options *o, struct err *e)
{
	const struct show_format *f;
	unsigned id;
	int rc;

	s->unit = o->unit;
	s->total = o->total;
	if (o->tree)
		return show_tree(s, o->tree, e);
	f = find_format(o->what, e);
	if (!f)
		return -ERR_USAGE;
	rc = find_id(s, f, o->id, &id, e);
	if (rc)
		return rc;
	if (o->json && !show_has_json(f))
		return err_set(
			e, ERR_USAGE,
			"show: %s has no JSON form (faultline query STORE kernel_counters --json has all"
			" numbers)",
			f->name);
	if (o->json)
		show_json(s, f, id, stdout);
	else
		f->print(s, id, stdout);
	return 0;
}

static void list_formats(const struct options *o)
{
	struct table *t = table_new(o->json ? TABLE_JSON : TABLE_ALIGNED, 5,
				    (const char *const[]){"what", "of", "file", "json", "sentence"});
	const struct show_format *f;
	struct err ignored = {0};

	for (size_t i = 0; (f = show_format_at(i)); i++) {
		const char *mark = f->path ? strstr(f->path, "%u") : NULL;
		char path[100] = "";

		if (mark)
			snprintf(path, sizeof path, "/%.*s%s%s", (int)(mark - f->path), f->path,
				 f->of == SHOW_NODE ? "N" : "PID", mark + 2);
		else if (f->path)
			snprintf(path, sizeof path, "/%s", f->path);
		table_cell(t, f->name, false);
		table_cell(t,
			   f->of == SHOW_PROCESS ? "process"
			   : f->of == SHOW_NODE  ? "node"
						 : "machine",
			   false);
		table_cell(t, f->path ? path : "", false);
		table_cell(t, show_has_json(f) ? "yes" : "", false);
		table_cell(t, f->sentence, false);
	}
	table_finish(t, stdout, &ignored);
}

/* Snapshots that hold kernel counters, with the processes that live in them. */
static int list_snapshots(const struct options *o, const struct db *d, struct err *e)
{
	static const char *const names[] = {"run", "name", "seq", "label", "kind", "sim_ms", "processes"};
	struct table *t;
	sqlite3_stmt *st;
	int rc = db_prepare(
		d,
		"SELECT r.run_id, r.name, s.seq, s.label, s.kind, printf('%.3f', s.time_ps / 1e9),"
		" (SELECT group_concat(substr(a.text, 7)) FROM kernel_counter_rows k"
		" JOIN strings a ON a.string_id = k.scope_id JOIN strings b ON b.string_id = k.counter_id"
		" WHERE k.snapshot_id = s.snapshot_id AND a.text LIKE 'proc/P%' AND b.text = 'VmSize')"
		" FROM snapshots s JOIN runs r USING (run_id) WHERE EXISTS (SELECT 1 FROM"
		" kernel_counter_rows k WHERE k.snapshot_id = s.snapshot_id)"
		" AND (?1 IS NULL OR r.name = ?1 OR CAST(r.run_id AS TEXT) = ?1) ORDER BY 1, 3",
		&st, e);

	if (rc)
		return rc;
	sqlite3_bind_text(st, 1, o->where.run, -1, SQLITE_STATIC);
	t = table_new(o->json ? TABLE_JSON : TABLE_ALIGNED, ARRAY_LEN(names), names);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		for (int i = 0; i < (int)ARRAY_LEN(names); i++)
			table_cell(t, (const char *)sqlite3_column_text(st, i), i == 0 || i == 2 || i == 5);
	rc = rc == SQLITE_DONE ? 0 : db_fail(d, "reading", e);
	sqlite3_finalize(st);
	if (rc) {
		table_free(t);
		return rc;
	}
	return table_finish(t, stdout, e);
}

static void print_help(void)
{
	const struct show_format *f;

	fputs(usage, stdout);
	for (size_t i = 0; (f = show_format_at(i)); i++)
		printf("  %-16s%-5s%s\n", f->name,
		       f->of == SHOW_PROCESS ? "PID"
		       : f->of == SHOW_NODE  ? "N"
					     : "",
		       f->sentence);
}

int cmd_show(int argc, char **argv)
{
	struct options o = {0};
	struct err e = {0};
	struct show s;
	struct db d;
	int rc = parse(&o, argc, argv, &e);

	if (rc)
		return cli_fail(&e);
	if (o.help || (o.list && !o.store)) {
		o.help ? print_help() : list_formats(&o);
		return 0;
	}
	if (o.what && !find_format(o.what, &e))
		return cli_fail(&e);
	if (o.what && !strcmp(o.what, "oom") && !o.where.label && !o.where.seq && !o.where.at)
		o.where.at = "oom";
	if (db_open(&d, o.store, DB_READ, &e))
		return cli_fail(&e);
	rc = o.list ? list_snapshots(&o, &d, &e) : show_load(&s, &d, &o.where, &e);
	db_close(&d);
	if (!rc && !o.list) {
		rc = show(&s, &o, &e);
		show_release(&s);
	}
	return rc ? cli_fail(&e) : 0;
}
