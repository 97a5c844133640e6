/*
 * cmd_run.c - `faultline run`: one trace through one machine into the store.
 */
#include <getopt.h>
#include <stdio.h>

#include "models/cmd_session.h"
#include "sim/cli.h"
#include "sim/command.h"
#include "sim/config.h"

static const char help[] =
	"usage: faultline run TRACE -o STORE [OPTIONS]\n"
	"\n"
	"Replays TRACE through a simulated machine and adds the run to the SQLite store STORE.\n"
	"TRACE is a native trace (.flt) or any format of `faultline list formats`.\n"
	"\n"
	"  -o, --output STORE      the store; made if it is not there\n"
	"  -n, --name NAME         name of the run (default: the trace's name)\n"
	"  -c, --config FILE       parameters in YAML; may be given several times, later files win\n"
	"  -s, --set PATH=VALUE    one parameter; wins over files (see `faultline list params`)\n"
	"  -f, --format FORMAT     the trace's format, instead of finding it out\n"
	"      --print-key         print the key of (parameters, trace, program version) and do nothing "
	"else\n"
	"      --no-store          replay without storing anything\n"
	"  -q, --quiet             no summary line\n"
	"  -h, --help              this text\n";

struct options {
	struct session s;
	bool no_store;
	struct param_set params;
};

enum { OPT_PRINT_KEY = 256, OPT_NO_STORE };

static int usage_error(struct err *e, const char *text)
{
	return err_set(e, ERR_USAGE, "%s; see `faultline run --help`", text);
}

static int take_option(struct options *o, int c, struct err *e)
{
	switch (c) {
	case 'o':
		o->s.output = optarg;
		return 0;
	case 'n':
		o->s.name = optarg;
		return 0;
	case 'c':
		return config_load(&o->params, optarg, e);
	case 's':
		return 0; /* second pass */
	case 'f':
		o->s.format = optarg;
		return 0;
	case OPT_PRINT_KEY:
		o->s.print_key = true;
		return 0;
	case OPT_NO_STORE:
		o->no_store = true;
		return 0;
	case 'q':
		o->s.quiet = true;
		return 0;
	default:
		return -ERR_USAGE;
	}
}

/* Files first, then --set in order, so that --set wins wherever it stands. Returns 1 when help was asked for.
 */
static int parse(struct options *o, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {{"output", required_argument, NULL, 'o'},
					      {"name", required_argument, NULL, 'n'},
					      {"config", required_argument, NULL, 'c'},
					      {"set", required_argument, NULL, 's'},
					      {"format", required_argument, NULL, 'f'},
					      {"print-key", no_argument, NULL, OPT_PRINT_KEY},
					      {"no-store", no_argument, NULL, OPT_NO_STORE},
					      {"quiet", no_argument, NULL, 'q'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	int c, rc = 0;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "o:n:c:s:f:qh", longs, NULL)) != -1) {
		if (c == 'h')
			return 1;
		if (c == '?') {
			const char *bad = optind > 0 && optind <= argc ? argv[optind - 1] : "";

			return err_set(
				e, ERR_USAGE,
				"unknown option or missing value: \"%.80s\"; see `faultline run --help`",
				bad);
		}
		rc = take_option(o, c, e);
		if (rc < 0)
			return rc;
	}
	if (optind >= argc)
		return usage_error(e, "no TRACE given");
	if (optind + 1 < argc)
		return usage_error(e, "more than one TRACE given");
	o->s.trace = argv[optind];
	optind = 0;
	while (rc >= 0 && (c = getopt_long(argc, argv, "o:n:c:s:f:qh", longs, NULL)) != -1)
		if (c == 's') {
			rc = param_set_assignment(&o->params, optarg, "--set", e);
			err_prefix(e, "--set: ");
		}
	return rc < 0 ? rc : 0;
}

static int execute(struct options *o, struct err *e)
{
	if (!o->s.print_key && !o->no_store && !o->s.output)
		return usage_error(e, "no store given (-o STORE)");
	if (o->no_store)
		o->s.output = NULL;
	return session_run(&o->s, e);
}

int cmd_run(int argc, char **argv)
{
	struct options o = {0};
	struct err e = {0};
	int rc;

	param_set_init(&o.params);
	o.s.params = &o.params;
	o.s.config = machine_config_new(&o.params);
	rc = parse(&o, argc, argv, &e);
	if (rc == 1) {
		fputs(help, stdout);
		rc = 0;
	} else if (rc == 0) {
		rc = execute(&o, &e);
	}
	machine_config_free(o.s.config);
	param_set_release(&o.params);
	return rc < 0 ? cli_fail(&e) : 0;
}
