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
	const char *what, *id, *store, *run, *at, *tree;
	bool help;
};

static const char usage[] =
	"usage: faultline show WHAT [PID] --db STORE [--run RUN] [--at LABEL]\n"
	"       faultline show --tree DIR --db STORE [--run RUN] [--at LABEL]\n"
	"\n"
	"Prints the simulated machine as Linux 6.1 and its tools print a real one. A counter of what is not\n"
	"simulated is 0.\n"
	"\n"
	"  --db STORE  the result store\n"
	"  --run RUN   the run's number or its name (the newest run of that name); the newest run if left "
	"out\n"
	"  --at LABEL  a snapshot's label or number; the final one if left out\n"
	"  --tree DIR  write all files, as DIR/proc/... and DIR/sys/...\n"
	"  --help      this text\n"
	"\n"
	"what:\n";

static int parse(struct options *o, int argc, char **argv, struct err *e)
{
	static const struct option options[] = {
		{"db", required_argument, NULL, 'd'}, {"run", required_argument, NULL, 'r'},
		{"at", required_argument, NULL, 'a'}, {"tree", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},     {NULL, 0, NULL, 0},
	};
	int c;

	optind = 0; /* start anew: another command may have used getopt */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'd')
			o->store = optarg;
		else if (c == 'r')
			o->run = optarg;
		else if (c == 'a')
			o->at = optarg;
		else if (c == 't')
			o->tree = optarg;
		else if (c == 'h')
			o->help = true;
		else
			return err_set(e, ERR_USAGE, "show: %s \"%.60s\"; see faultline help show",
				       c == ':' ? "a value is missing after" : "unknown option",
				       argv[optind - 1]);
	}
	if (o->help)
		return 0;
	o->what = optind < argc ? argv[optind++] : NULL;
	o->id = o->what && optind < argc ? argv[optind++] : NULL;
	if (optind < argc || (o->tree && o->what))
		return err_set(e, ERR_USAGE, "show: \"%.60s\" is one argument too many",
			       optind < argc ? argv[optind] : o->what);
	if (!o->what && !o->tree)
		return err_set(e, ERR_USAGE, "show: what? (faultline help show lists it)");
	if (!o->store)
		return err_set(e, ERR_USAGE, "show: which store? (--db STORE)");
	return 0;
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

static int show(const struct show *s, const struct options *o, struct err *e)
{
	const struct show_format *f;
	unsigned id;
	int rc;

	if (o->tree)
		return show_tree(s, o->tree, e);
	f = find_format(o->what, e);
	if (!f)
		return -ERR_USAGE;
	rc = find_id(s, f, o->id, &id, e);
	if (!rc)
		f->print(s, id, stdout);
	return rc;
}

int cmd_show(int argc, char **argv)
{
	struct options o = {0};
	struct err e = {0};
	const struct show_format *f;
	struct show s;
	struct db d;
	int rc = parse(&o, argc, argv, &e);

	if (rc)
		return cli_fail(&e);
	if (o.help) {
		fputs(usage, stdout);
		for (size_t i = 0; (f = show_format_at(i)); i++)
			printf("  %-16s%-5s%s\n", f->name,
			       f->of == SHOW_PROCESS ? "PID"
			       : f->of == SHOW_NODE  ? "N"
						     : "",
			       f->sentence);
		return 0;
	}
	if (o.what && !find_format(o.what, &e))
		return cli_fail(&e);
	if (db_open(&d, o.store, DB_READ, &e))
		return cli_fail(&e);
	rc = show_load(&s, &d, o.run, o.at, &e);
	db_close(&d);
	if (!rc) {
		rc = show(&s, &o, &e);
		show_release(&s);
	}
	return rc ? cli_fail(&e) : 0;
}
