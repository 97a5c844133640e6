/*
 * cmd_record.c - `faultline record`: runs a program and records what it does to memory.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/cli.h"
#include "sim/command.h"
#include "traces/inspect/inspect.h"
#include "traces/recorder/driver.h"
#include "traces/recorder/malloc.h"

static const char help[] =
	"usage: faultline record [OPTIONS] [--] PROGRAM [ARGUMENTS ...]\n"
	"\n"
	"Runs PROGRAM, unmodified, and records every load and store of all its threads and children, the "
	"code\n"
	"they ran and their system calls. Its output and exit status are its own.\n"
	"\n"
	"  -o, --output FILE        the trace (default: the program's name with .flt)\n"
	"      --malloc             log its allocations instead, at nearly full speed: see --malloc --help\n"
	"      --no-fetches         only loads and stores, with the instructions between them counted\n"
	"      --from N             keep accesses from instruction N on; k, M, G are 10^3, 10^6, 10^9\n"
	"      --count N            keep those of N instructions\n"
	"      --from-mark LABEL    keep accesses from this mark of the program on ...\n"
	"      --to-mark LABEL      ... and up to this one\n"
	"      --sample N/PERIOD    keep those of the first N of each PERIOD instructions\n"
	"      --max-size BYTES     stop recording when the trace is that large\n"
	"      --end-program        end the program when the window is over\n"
	"      --renumber           number processes and threads from 1, so that traces of two runs are "
	"alike\n"
	"      --level N            zstd's level, 1 to 19 (default 1)\n"
	"  -q, --quiet              no progress and no summary\n"
	"  -h, --help               this text\n"
	"\n"
	"A program sets a mark by looking for a file whose name begins with \"faultline:\", as in\n"
	"  access(\"faultline:begin\", F_OK)      test -e faultline:begin      "
	"os.path.exists(\"faultline:begin\")\n"
	"Marks become named snapshots of the replay.\n"
	"\n"
	"System calls are recorded outside the window, too. Wants qemu-x86_64 (Debian: qemu-user).\n";

enum {
	OPT_NO_FETCHES = 256,
	OPT_FROM,
	OPT_COUNT,
	OPT_FROM_MARK,
	OPT_TO_MARK,
	OPT_SAMPLE,
	OPT_MAX_SIZE,
	OPT_END_PROGRAM,
	OPT_RENUMBER,
	OPT_LEVEL
};

static const struct option longs[] = {{"output", required_argument, NULL, 'o'},
				      {"no-fetches", no_argument, NULL, OPT_NO_FETCHES},
				      {"from", required_argument, NULL, OPT_FROM},
				      {"count", required_argument, NULL, OPT_COUNT},
				      {"from-mark", required_argument, NULL, OPT_FROM_MARK},
				      {"to-mark", required_argument, NULL, OPT_TO_MARK},
				      {"sample", required_argument, NULL, OPT_SAMPLE},
				      {"max-size", required_argument, NULL, OPT_MAX_SIZE},
				      {"end-program", no_argument, NULL, OPT_END_PROGRAM},
				      {"renumber", no_argument, NULL, OPT_RENUMBER},
				      {"level", required_argument, NULL, OPT_LEVEL},
				      {"quiet", no_argument, NULL, 'q'},
				      {"help", no_argument, NULL, 'h'},
				      {NULL, 0, NULL, 0}};

static int take_sample(struct window_options *w, const char *text, struct err *e)
{
	const char *slash = strchr(text, '/');
	char first[32];
	int rc;

	if (!slash || (size_t)(slash - text) >= sizeof first)
		return err_set(e, ERR_USAGE, "--sample: expected N/PERIOD such as 1M/100M, found \"%.60s\"",
			       text);
	snprintf(first, sizeof first, "%.*s", (int)(slash - text), text);
	rc = cmdline_number("--sample", first, &w->sample, e);
	if (rc >= 0)
		rc = cmdline_number("--sample", slash + 1, &w->period, e);
	if (rc >= 0 && (!w->sample || w->sample > w->period))
		rc = err_set(e, ERR_USAGE, "--sample: %.60s: N must be at least 1 and at most PERIOD", text);
	return rc;
}

static int take_option(struct record_options *o, int c, struct err *e)
{
	switch (c) {
	case 'o':
		o->output = optarg;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case OPT_NO_FETCHES:
		o->no_fetches = true;
		return 0;
	case OPT_FROM:
		return cmdline_number("--from", optarg, &o->window.from, e);
	case OPT_COUNT:
		return cmdline_number("--count", optarg, &o->window.count, e);
	case OPT_FROM_MARK:
		o->window.from_mark = optarg;
		return 0;
	case OPT_TO_MARK:
		o->window.to_mark = optarg;
		return 0;
	case OPT_SAMPLE:
		return take_sample(&o->window, optarg, e);
	case OPT_MAX_SIZE:
		return cmdline_number("--max-size", optarg, &o->max_bytes, e);
	case OPT_RENUMBER:
		o->renumber = true;
		return 0;
	case OPT_END_PROGRAM:
		o->end_program = true;
		return 0;
	default:
		return cmdline_level(optarg, "", &o->level, e);
	}
}

/* Returns 1 when help was asked for. */
static int parse(struct record_options *o, int argc, char **argv, struct err *e)
{
	int c, rc;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "+:o:qh", longs, NULL)) != -1) {
		if (c == 'h')
			return 1;
		if (c == '?' || c == ':')
			return err_set(e, ERR_USAGE, "%s \"%.80s\"; see `faultline record --help`",
				       c == '?' ? "unknown option" : "no value for option",
				       optind > 0 && optind <= argc ? argv[optind - 1] : "");
		rc = take_option(o, c, e);
		if (rc < 0)
			return rc;
	}
	if (optind >= argc)
		return err_set(e, ERR_USAGE, "no PROGRAM given; see `faultline record --help`");
	o->argv = argv + optind;
	return 0;
}

static void summary(const struct record_options *o, const struct record_outcome *out, double seconds)
{
	struct trace_counts c = {0};
	struct trace *t = NULL;
	struct stat st = {0};
	char n[16], size[16];

	if (o->quiet || trace_open(&t, o->output, NULL) < 0)
		return;
	trace_counts(t, &c, NULL);
	trace_close(t);
	stat(o->output, &st);
	fprintf(stderr,
		"%s: %s accesses of %" PRIu32 " thread%s in %" PRIu32 " process%s, %" PRIu64
		" pages, %sB (%.3f bytes an access), %.1f s%s%s\n",
		o->output, cli_si(n, sizeof n, (double)c.accesses), c.threads, c.threads == 1 ? "" : "s",
		c.processes, c.processes == 1 ? "" : "es", c.footprint_pages,
		cli_si(size, sizeof size, (double)st.st_size),
		c.accesses ? (double)st.st_size / (double)c.accesses : 0, seconds,
		out->full ? "; stopped at --max-size" : "",
		out->window_missed ? "; the window never came" : "");
	if (out->escaped)
		fprintf(stderr,
			"faultline: %" PRIu64 " program%s ran unrecorded: not for x86-64, or set-user-id\n",
			out->escaped, out->escaped == 1 ? "" : "s");
	if (out->lost_threads)
		fprintf(stderr, "faultline: %" PRIu64 " threads ran unrecorded: too many at a time\n",
			out->lost_threads);
}

/* Whether --malloc is among the options, in front of the program. */
static bool wants_malloc(int argc, char **argv)
{
	for (int i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--malloc"))
			return true;
		if (!strcmp(argv[i], "-o") || !strcmp(argv[i], "--output") || !strcmp(argv[i], "--level"))
			i++;
	}
	return false;
}

int cmd_record(int argc, char **argv)
{
	struct record_options o = {0};
	struct record_outcome out = {0};
	struct err e = {0};
	char output[4096];
	double began = cli_wall_seconds();
	const char *base;
	int rc;

	if (wants_malloc(argc, argv))
		return record_malloc_main(argc, argv);
	rc = parse(&o, argc, argv, &e);
	if (rc == 1) {
		fputs(help, stdout);
		return 0;
	}
	if (rc < 0)
		return cli_fail(&e);
	if (!o.output) {
		base = strrchr(o.argv[0], '/');
		snprintf(output, sizeof output, "%s.flt", base ? base + 1 : o.argv[0]);
		o.output = output;
	}
	rc = record_program(&o, &out, &e);
	if (rc < 0)
		return out.told ? err_exit_status(e.code) : cli_fail(&e);
	summary(&o, &out, cli_wall_seconds() - began);
	return out.status;
}
