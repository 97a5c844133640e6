/*
 * driver.h - runs a program under the emulator and writes its trace.
 */
#ifndef TRACES_RECORDER_DRIVER_H
#define TRACES_RECORDER_DRIVER_H

#include "sim/err.h"
#include "traces/recorder/window.h"

struct record_options {
	const char *output;
	char **argv; /* of the program, ended by NULL */
	struct window_options window;
	bool no_fetches, renumber, end_program; /* end_program: when the window is over */
	uint64_t max_bytes;                     /* of the trace, 0: no limit */
	int level;                              /* zstd's, 0: the recorder's own */
	bool quiet;
};

struct record_outcome {
	int status; /* of the program, as a shell gives it */
	bool interrupted, full, window_missed;
	bool told; /* the error was printed while the program ran on */
	uint64_t accesses, threads, processes, escaped, lost_threads;
};

/* 0, or a negative error; what was recorded until then is in the file. */
int record_program(const struct record_options *o, struct record_outcome *out, struct err *e);

#endif
