/*
 * cmd_sweep.c - `faultline sweep`: a trace run with every combination of some parameters' values.
 */
#include "sim/command.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/sweep/jobs.h"
#include "analysis/sweep/sweep.h"
#include "sim/cli.h"
#include "sim/mem.h"

#define JOBS_MAX 1024

struct sweep_command {
	struct sweep_request request;
	struct plan plan;
	struct args run_args;
	char *prefix;
	bool dry_run, help;
};

static const char usage[] =
	"usage: faultline sweep TRACE -o STORE --grid PATH=V1,V2,... [--grid ...] [OPTIONS] [-- "
	"RUN-OPTIONS]\n"
	"\n"
	"Runs the trace once for every combination of the values given, several runs at a time, and collects "
	"the\n"
	"results in one store. What is stored already is not run again: after a kill, give the same "
	"command.\n"
	"\n"
	"  -o, --output STORE   the result store; it is created when it does not exist\n"
	"  --grid PATH=V1,...   an axis: a parameter and its values; the first axis varies slowest. A value "
	"that holds\n"
	"                       commas goes in brackets: --grid "
	"'numa.distances=[10,20,20,10],[10,40,40,10]'\n"
	"  --set PATH=VALUE     a parameter for all runs\n"
	"  --config FILE        a configuration for all runs\n"
	"  -j, --jobs N         runs at a time (default: the host's CPUs)\n"
	"  --name PREFIX        the runs' names are PREFIX/PATH=VALUE,... (default: the trace's name)\n"
	"  -n, --dry-run        print the plan, run nothing\n"
	"  --no-progress        no progress line\n"
	"  --help               this text\n"
	"  -- RUN-OPTIONS       handed to every run as they are\n"
	"\n"
	"example: faultline sweep t.flt -o s.db --grid tlb.l2.entries=512,1024,2048 --grid "
	"vm.swappiness=0,60\n";

enum { OPT_GRID = 256, OPT_SET, OPT_CONFIG, OPT_NAME, OPT_NO_PROGRESS, OPT_HELP };

static const struct option options[] = {
	{"output", required_argument, NULL, 'o'},  {"grid", required_argument, NULL, OPT_GRID},
	{"set", required_argument, NULL, OPT_SET}, {"config", required_argument, NULL, OPT_CONFIG},
	{"jobs", required_argument, NULL, 'j'},    {"name", required_argument, NULL, OPT_NAME},
	{"dry-run", no_argument, NULL, 'n'},       {"no-progress", no_argument, NULL, OPT_NO_PROGRESS},
	{"help", no_argument, NULL, OPT_HELP},     {NULL, 0, NULL, 0},
};

static int parse_jobs(const char *text, unsigned *jobs, struct err *e)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < 1 || n > JOBS_MAX)
		return err_set(e, ERR_USAGE, "sweep: -j %.40s: expected a number from 1 to %d", text,
			       JOBS_MAX);
	*jobs = (unsigned)n;
	return 0;
}

static int parse_option(struct sweep_command *c, int o, const char *value, struct err *e)
{
	switch (o) {
	case 'o':
		c->request.store = value;
		return 0;
	case 'j':
		return parse_jobs(value, &c->request.jobs, e);
	case 'n':
		c->dry_run = true;
		return 0;
	case OPT_GRID:
		return plan_add_axis(&c->plan, value, e);
	case OPT_SET:
	case OPT_CONFIG:
		args_add(&c->run_args, o == OPT_SET ? "--set" : "--config");
		args_add(&c->run_args, value);
		return 0;
	case OPT_NAME:
		mem_free(c->prefix);
		c->prefix = mem_strdup(value);
		return 0;
	case OPT_NO_PROGRESS:
		progress_enable(false);
		return 0;
	default:
		c->help = true;
		return 0;
	}
}

/* A parameter that is both an axis and set for all runs is a mistake. */
static int check_sets(const struct sweep_command *c, struct err *e)
{
	for (size_t i = 0; i + 1 < c->run_args.n; i += 2)
		for (size_t k = 0; k < c->plan.nr_axes; k++) {
			const char *path = c->plan.axes[k].path, *set = c->run_args.v[i + 1];
			size_t n = strlen(path);

			if (!strcmp(c->run_args.v[i], "--set") && !strncmp(set, path, n) && set[n] == '=')
				return err_set(e, ERR_USAGE, "sweep: %.80s has both --set and --grid", path);
		}
	return 0;
}

/* The trace's file name up to its first dot. */
static char *default_prefix(const char *trace)
{
	const char *slash = strrchr(trace, '/'), *name = slash ? slash + 1 : trace;
	size_t n = strcspn(name, ".");
	char *prefix = mem_strdup(name);

	if (n)
		prefix[n] = '\0';
	return prefix;
}

static int parse(struct sweep_command *c, int argc, char **argv, struct err *e)
{
	int o, rc = 0;

	optind = 0; /* start anew: another command may have used getopt */
	opterr = 0;
	while (!rc && (o = getopt_long(argc, argv, "-:o:j:nh", options, NULL)) != -1) {
		if (o == 1 && !c->request.trace)
			c->request.trace = optarg;
		else if (o == 1)
			rc = err_set(e, ERR_USAGE, "sweep: \"%.60s\" is one argument too many", optarg);
		else if (o == '?' || o == ':')
			rc = err_set(e, ERR_USAGE, "sweep: %s \"%.60s\"; see faultline help sweep",
				     o == ':' ? "a value is missing after" : "unknown option",
				     argv[optind - 1]);
		else
			rc = parse_option(c, o, optarg, e);
	}
	if (rc || c->help)
		return rc;
	if ((rc = check_sets(c, e)))
		return rc;
	while (optind < argc) /* behind "--" */
		args_add(&c->run_args, argv[optind++]);
	if (!c->request.trace)
		return err_set(e, ERR_USAGE,
			       "sweep: which trace? (faultline sweep TRACE -o STORE --grid ...)");
	if (!strcmp(c->request.trace, "-"))
		return err_set(e, ERR_USAGE,
			       "sweep: the trace must be a file, because it is read several times");
	if (!c->request.store)
		return err_set(e, ERR_USAGE, "sweep: where to? (-o STORE)");
	return 0;
}

static int print_plan(const struct sweep *s, struct err *e)
{
	static const char *const columns[] = {"point", "name", "key", "state"};
	struct table *t = table_new(TABLE_ALIGNED, ARRAY_LEN(columns), columns);

	for (size_t i = 0; i < s->n; i++) {
		table_cellf(t, true, "%zu", i + 1);
		table_cell(t, s->points[i].name, false);
		table_cell(t, *s->points[i].key ? s->points[i].key : NULL, false);
		table_cell(t, sweep_state_name(s->points[i].state), false);
	}
	return table_finish(t, stdout, e);
}

/* Says what went wrong. Returns the exit status of the first point that failed, or 0. */
static int report_failures(const struct sweep *s)
{
	int status = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct sweep_point *p = &s->points[i];

		if (p->state != SWEEP_FAILED)
			continue;
		fprintf(stderr, "faultline: sweep: point %zu of %zu, %s: %s\n", i + 1, s->n, p->name,
			p->message);
		if (!status)
			status = p->status;
	}
	return status;
}

static void print_counts(const struct sweep *s, const char *store)
{
	bool first = true;

	printf("%zu points:", s->n);
	for (unsigned k = 0; k < SWEEP_NR_STATES; k++)
		if (s->nr_in[k]) {
			printf("%s %zu %s", first ? "" : ",", s->nr_in[k],
			       sweep_state_name((enum sweep_state)k));
			first = false;
		}
	printf("; results in %s\n", store);
}

static int run(struct sweep_command *c, struct err *e)
{
	struct sweep s;
	int status = 0, rc = sweep_plan(&s, &c->request, e);

	if (!rc && c->dry_run)
		rc = print_plan(&s, e);
	else if (!rc && !(rc = sweep_run(&s, &c->request, e)))
		print_counts(&s, c->request.store);
	if (!rc)
		status = report_failures(&s);
	if (rc == -ERR_INTERRUPTED) {
		err_clear(e);
		err_set(e, ERR_INTERRUPTED, "sweep: stopped; the same command goes on from here");
	}
	sweep_release(&s);
	return rc ? cli_fail(e) : status;
}

int cmd_sweep(int argc, char **argv)
{
	struct sweep_command c = {.request.program = "/proc/self/exe"};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct err e = {0};
	int rc, status;

	c.request.jobs = cpus > 0 && cpus <= JOBS_MAX ? (unsigned)cpus : 1;
	plan_init(&c.plan);
	rc = parse(&c, argc, argv, &e);
	if (rc) {
		status = cli_fail(&e);
	} else if (c.help) {
		fputs(usage, stdout);
		status = 0;
	} else {
		if (!c.prefix)
			c.prefix = default_prefix(c.request.trace);
		c.request.prefix = c.prefix;
		c.request.plan = &c.plan;
		c.request.run_args = (const char *const *)c.run_args.v;
		c.request.nr_run_args = c.run_args.n;
		cli_catch_interrupts();
		status = run(&c, &e);
	}
	plan_release(&c.plan);
	args_free(c.run_args.v);
	mem_free(c.prefix);
	return status;
}
