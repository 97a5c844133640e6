/*
 * command.h - what a subcommand is. The table itself is sim/main.c's.
 */
#ifndef SIM_COMMAND_H
#define SIM_COMMAND_H

struct command {
	const char *name;
	const char *synopsis; /* arguments, one line */
	const char *sentence;
	/* argv[0] is the command's name. Returns the exit status. Answers --help itself, with its options. */
	int (*run)(int argc, char **argv);
};

int cmd_run(int argc, char **argv);      /* models/cmd_run.c */
int cmd_fidelity(int argc, char **argv); /* models/cmd_fidelity.c */
int cmd_list(int argc, char **argv);     /* models/cmd_list.c */
int cmd_record(int argc, char **argv);   /* traces/recorder/cmd_record.c */
int cmd_trace(int argc, char **argv);    /* traces/cmd_trace.c */
int cmd_sweep(int argc, char **argv);    /* analysis/cmd_sweep.c */
int cmd_query(int argc, char **argv);    /* analysis/cmd_query.c */
int cmd_show(int argc, char **argv);     /* analysis/cmd_show.c */
int cmd_report(int argc, char **argv);   /* analysis/cmd_report.c */

#endif
