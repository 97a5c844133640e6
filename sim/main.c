/*
 * main.c - the front door: a table of commands, one row each. The only file of sim/ that looks up.
 */
#include "sim/command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "analysis/curves.h"
#include "analysis/store.h"
#include "sim/cli.h"
#include "sim/sink.h"
#include "sim/suggest.h"
#include "sim/version.h"

static int cmd_help(int argc, char **argv);

static const struct sink_driver store_driver = {store_sink_open, store_sink_run_id, store_sink_close,
						curves_add};

static const struct command commands[] = {
	{"run", "TRACE -o STORE [OPTIONS]", "replay a trace through a simulated machine and store the result",
	 cmd_run},
	{"record", "[-o TRACE] [OPTIONS] PROGRAM ...", "run a program and record what it does to memory",
	 cmd_record},
	{"sweep", "TRACE -o STORE --grid PATH=V1,V2,... [OPTIONS]",
	 "run a plan of many configurations and collect their results", cmd_sweep},
	{"query", "STORE [VIEW | SQL] [OPTIONS]", "ask a result store: views, comparisons, reports",
	 cmd_query},
	{"show", "WHAT [PID] --db STORE [OPTIONS]",
	 "print a snapshot as /proc, free, numactl and others print a real machine", cmd_show},
	{"report", "STORE -o PAGE.html [--run RUN ...] [OPTIONS]",
	 "write an HTML page about a run, or about several side by side", cmd_report},
	{"trace", "VERB [OPTIONS] ...", "record, convert, generate and inspect traces", cmd_trace},
	{"fidelity", "CONFIG... -o STORE [OPTIONS]",
	 "replay what a real kernel was measured with, on the machine it ran on", cmd_fidelity},
	{"list", "[KIND]", "list parameters, statistics, policies, formats and events", cmd_list},
	{"help", "[COMMAND]", "explain a command", cmd_help},
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static const char *command_name(void *ctx, size_t i)
{
	(void)ctx;
	return i < ARRAY_LEN(commands) ? commands[i].name : NULL;
}

static int unknown_command(const char *name)
{
	struct err e = {0};
	char hint[140];

	suggest_text(hint, sizeof hint, suggest_nearest(name, command_name, NULL));
	err_set(&e, ERR_USAGE, "unknown %s \"%.60s\"%s%s", *name == '-' ? "option" : "command", name, hint,
		*hint ? "" : "; \"faultline help\" lists the commands");
	return cli_fail(&e);
}

static void print_usage(FILE *f)
{
	fputs("usage: faultline COMMAND [ARGUMENTS]\n"
	      "       faultline --version | --help\n"
	      "\n"
	      "Replays a recorded memory trace through a simulated machine: CPUs, TLBs, page walks, NUMA "
	      "nodes and\n"
	      "the Linux memory manager.\n"
	      "\n"
	      "commands:\n",
	      f);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(f, "  %-8s %-24s %s\n", commands[i].name, commands[i].synopsis, commands[i].sentence);
	fputs("\n\"faultline help COMMAND\" explains a command and its options.\n\nexit status:\n", f);
	for (unsigned c = 0; c < ERR_NR; c++)
		fprintf(f, "  %3d  %s\n", err_exit_status((enum err_code)c), err_meaning((enum err_code)c));
}

/* "help run" is "run --help", "help trace convert" is "trace convert --help". */
static int cmd_help(int argc, char **argv)
{
	static char help_option[] = "--help";
	const struct command *c;
	char *args[8];
	int n = 0;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_usage(stdout);
		return 0;
	}
	c = find_command(argv[1]);
	if (!c)
		return unknown_command(argv[1]);
	while (n + 1 < argc && n < 6) {
		args[n] = argv[n + 1];
		n++;
	}
	args[n++] = help_option;
	args[n] = NULL;
	return c->run(n, args);
}

static volatile sig_atomic_t broken_pipe;

/*
 * A reader that went away ends the output, not the program in the midst of storing. A handler, because unlike
 * SIG_IGN it is not inherited by programs that are started.
 */
static void on_broken_pipe(int sig)
{
	(void)sig;
	broken_pipe = 1;
}

/* What was printed must have arrived: "faultline list >/dev/full" fails. */
static int finish_output(int status)
{
	struct err e = {0};

	errno = 0;
	if ((fflush(stdout) != 0 || ferror(stdout)) && !broken_pipe && status == 0) {
		err_set(&e, ERR_IO, "writing to standard output failed: %s",
			errno ? strerror(errno) : "an earlier write failed");
		status = cli_fail(&e);
	}
	return status;
}

int main(int argc, char **argv)
{
	const struct command *c;

	signal(SIGPIPE, on_broken_pipe);
	sink_set_driver(&store_driver);
	if (argc < 2) {
		print_usage(stderr);
		return err_exit_status(ERR_USAGE);
	}
	if (!strcmp(argv[1], "--version")) {
		puts("faultline " FAULTLINE_VERSION);
		return finish_output(0);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return finish_output(cmd_help(1, argv));
	c = find_command(argv[1]);
	if (!c)
		return unknown_command(argv[1]);
	return finish_output(c->run(argc - 1, argv + 1));
}
