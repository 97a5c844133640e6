/*
 * cmd_report.c - `faultline report`: one HTML page about a run, or about several side by side.
 */
#include "sim/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/report/report.h"
#include "sim/cli.h"
#include "sim/suggest.h"

struct options {
	const char *store, *out;
	struct report_request request;
	bool help;
};

static const char usage[] =
	"usage: faultline report STORE -o PAGE.html [--run RUN ...] [--all] [--title TEXT]\n"
	"\n"
	"Writes one HTML page that stands alone: parameters, headline counters, where the cycles went, lines "
	"over\n"
	"simulated time, events, all statistics. Several runs are set side by side.\n"
	"\n"
	"  -o, --output FILE  the page; - writes to stdout\n"
	"  --run RUN          a run's number or its name (the newest run of that name); up to 8; the newest "
	"run if\n"
	"                     left out\n"
	"  --all              the newest 8 runs\n"
	"  --title TEXT       the page's title; the runs' names if left out\n"
	"  --help             this text\n"
	"\n"
	"Lines need snapshots: run with --set metrics.interval_us=1000.\n";

static const struct option long_options[] = {
	{"output", required_argument, NULL, 'o'}, {"run", required_argument, NULL, 'r'},
	{"all", no_argument, NULL, 'a'},          {"title", required_argument, NULL, 't'},
	{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
};

static const char *option_name(void *ctx, size_t i)
{
	(void)ctx;
	return long_options[i].name;
}

static int bad_option(int c, const char *text, struct err *e)
{
	const char *near = strncmp(text, "--", 2) ? NULL : suggest_nearest(text + 2, option_name, NULL);

	if (c == ':')
		return err_set(e, ERR_USAGE, "report: a value is missing after \"%.60s\"", text);
	if (!near)
		return err_set(e, ERR_USAGE, "report: unknown option \"%.60s\"; see faultline help report",
			       text);
	return err_set(e, ERR_USAGE, "report: unknown option \"%.60s\"; did you mean \"--%s\"?", text, near);
}

static int check(const struct options *o, struct err *e)
{
	if (!o->store)
		return err_set(e, ERR_USAGE, "report: which store? (see faultline help report)");
	if (!o->out)
		return err_set(e, ERR_USAGE, "report: where to? (-o PAGE.html)");
	if (o->request.all && o->request.nr_runs)
		return err_set(e, ERR_USAGE, "report: only one of --all and --run can be given");
	return 0;
}

static int parse(struct options *o, int argc, char **argv, struct err *e)
{
	struct report_request *r = &o->request;
	int c;

	optind = 0; /* start anew: another command may have used getopt */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":ho:", long_options, NULL)) != -1) {
		if (c == 'o')
			o->out = optarg;
		else if (c == 'r' && r->nr_runs == REPORT_MAX_RUNS)
			return err_set(e, ERR_USAGE,
				       "report: more than %d runs cannot be told apart on a page",
				       REPORT_MAX_RUNS);
		else if (c == 'r')
			r->runs[r->nr_runs++] = optarg;
		else if (c == 'a')
			r->all = true;
		else if (c == 't')
			r->title = optarg;
		else if (c == 'h')
			o->help = true;
		else
			return bad_option(c, argv[optind - 1], e);
	}
	if (o->help)
		return 0;
	o->store = optind < argc ? argv[optind++] : NULL;
	if (optind < argc)
		return err_set(e, ERR_USAGE, "report: \"%.60s\" is one argument too many", argv[optind]);
	return check(o, e);
}

/* A page that could not be finished is taken away again; a device or pipe stays. */
static int write_file(const struct db *d, const struct options *o, struct err *e)
{
	struct stat st;
	bool is_file;
	FILE *f;
	int rc;

	if (!strcmp(o->out, "-"))
		return report_write(d, &o->request, stdout, e);
	f = fopen(o->out, "w");
	if (!f)
		return err_set(e, ERR_OPEN, "report: %s: %s", o->out, strerror(errno));
	is_file = !fstat(fileno(f), &st) && S_ISREG(st.st_mode);
	rc = report_write(d, &o->request, f, e);
	if (fclose(f) && !rc)
		rc = err_set(e, ERR_IO, "writing failed: %s", strerror(errno));
	if (rc == -(int)ERR_IO && !strstr(e->text, o->store))
		err_prefix(e, "%s: ", o->out);
	if (rc && is_file)
		unlink(o->out);
	return rc;
}

int cmd_report(int argc, char **argv)
{
	struct options o = {0};
	struct err e = {0};
	struct db d;
	int rc = parse(&o, argc, argv, &e);

	if (rc)
		return cli_fail(&e);
	if (o.help) {
		fputs(usage, stdout);
		return 0;
	}
	if (db_open(&d, o.store, DB_READ, &e))
		return cli_fail(&e);
	rc = write_file(&d, &o, &e);
	db_close(&d);
	return rc ? cli_fail(&e) : 0;
}
