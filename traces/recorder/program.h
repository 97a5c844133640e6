/*
 * program.h - the program that is recorded, as the recorder's child: its end, and the signals that are meant
 * for it.
 */
#ifndef TRACES_RECORDER_PROGRAM_H
#define TRACES_RECORDER_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

struct program {
	pid_t pid; /* 0 before it is started */
	bool ended, interrupted;
	int status; /* as a shell tells it: 128 and the signal's number when one ended it */
	unsigned signals_seen;
};

/* From now on SIGINT, SIGTERM, SIGQUIT and SIGHUP are kept for program_pass_on_signals. */
void program_catch_signals(void);
/*
 * A first signal goes to the program, unless the terminal has sent it there itself; a second one kills it.
 * Sets interrupted.
 */
void program_pass_on_signals(struct program *p);
/* Notes the program's end; flags are waitpid's. */
void program_reap(struct program *p, int flags);

#endif
