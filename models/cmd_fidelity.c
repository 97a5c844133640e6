/*
 * cmd_fidelity.c - `faultline fidelity`: scenarios that a real kernel was measured with, on the machine it
 * ran on. The runs bear the configurations' names, so that tests/fidelity/score.py finds them.
 */
#include <getopt.h>
#include <stdio.h>

#include "models/fidelity_config.h"
#include "models/cmd_session.h"
#include "sim/cli.h"
#include "sim/command.h"

static const char help[] =
	"usage: faultline fidelity CONFIG... -o STORE [OPTIONS]\n"
	"\n"
	"Replays the scenario of each CONFIG (a \"memgt-config 1\" file) on the machine that it describes: "
	"memory,\n"
	"CPUs, kernel parameters, free pages. The trace is ../traces/SCENARIO.trace.zst from the file's "
	"folder. The\n"
	"run is stored under the configuration's name, its snapshots under the scenario's labels.\n"
	"\n"
	"  -o, --output STORE      the store; made if it is not there\n"
	"  -s, --set PATH=VALUE    one parameter; wins over the configuration\n"
	"  -q, --quiet             no summary lines\n"
	"  -h, --help              this text\n";

#define MAX_SETS 64

struct options {
	const char *output;
	const char *sets[MAX_SETS];
	size_t nr_sets;
	bool quiet;
};

static int usage_error(struct err *e, const char *text)
{
	return err_set(e, ERR_USAGE, "%s; see `faultline fidelity --help`", text);
}

/* Returns 1 when help was asked for; the configurations are argv[optind …]. */
static int parse(struct options *o, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {{"output", required_argument, NULL, 'o'},
					      {"set", required_argument, NULL, 's'},
					      {"quiet", no_argument, NULL, 'q'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "o:s:qh", longs, NULL)) != -1) {
		if (c == 'h')
			return 1;
		if (c == 'o')
			o->output = optarg;
		else if (c == 's' && o->nr_sets < MAX_SETS)
			o->sets[o->nr_sets++] = optarg;
		else if (c == 'q')
			o->quiet = true;
		else
			return usage_error(e, "unknown option, missing value or too many --set");
	}
	if (optind >= argc)
		return usage_error(e, "no CONFIG given");
	if (!o->output)
		return usage_error(e, "no store given (-o STORE)");
	return 0;
}

static int run_one(const struct options *o, const char *path, struct err *e)
{
	struct param_set params;
	struct fidelity_config config;
	struct session s = {.output = o->output,
			    .quiet = o->quiet,
			    .format = "memtrace",
			    .import_options = "player=on",
			    .params = &params};
	int rc;

	param_set_init(&params);
	s.config = machine_config_new(&params);
	rc = fidelity_config_load(&config, path, &params, e);
	for (size_t i = 0; i < o->nr_sets && rc >= 0; i++) {
		rc = param_set_assignment(&params, o->sets[i], "--set", e);
		err_prefix(e, "--set: ");
	}
	if (rc >= 0) {
		s.name = config.name;
		s.trace = config.trace;
		rc = session_run(&s, e);
	}
	machine_config_free(s.config);
	param_set_release(&params);
	return rc;
}

int cmd_fidelity(int argc, char **argv)
{
	struct options o = {0};
	struct err e = {0};
	int rc = parse(&o, argc, argv, &e);

	if (rc == 1) {
		fputs(help, stdout);
		return 0;
	}
	for (int i = optind; rc >= 0 && i < argc; i++)
		rc = run_one(&o, argv[i], &e);
	return rc < 0 ? cli_fail(&e) : 0;
}
