/*
 * window.h - which part of a program's accesses is kept: from and to an instruction or a mark, or samples.
 */
#ifndef TRACES_RECORDER_WINDOW_H
#define TRACES_RECORDER_WINDOW_H

#include "traces/recorder/expand.h"

struct window_options {
	uint64_t from, count;            /* instructions; count 0: to the end */
	const char *from_mark, *to_mark; /* NULL: not by marks */
	uint64_t sample, period;         /* the first `sample` of each `period` instructions; period 0: all */
};

struct window {
	struct window_options o;
	uint64_t instructions; /* so far, of all threads */
	uint64_t begin;        /* instructions when the window opened */
	bool open, over;       /* over: nothing more will be kept */
};

void window_init(struct window *w, const struct window_options *o);
/* Whether everything is kept always: window_filter need not be called. */
bool window_is_all(const struct window *w);
/* A mark of the program. */
void window_mark(struct window *w, const char *label);
/* Counts the instructions of x and takes out the accesses that are not kept. */
void window_filter(struct window *w, struct expanded *x);

#endif
