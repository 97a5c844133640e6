/*
 * report.h - one HTML page about a run, or about several side by side.
 */
#ifndef ANALYSIS_REPORT_REPORT_H
#define ANALYSIS_REPORT_REPORT_H

#include <stdio.h>

#include "analysis/db.h"

#define REPORT_MAX_RUNS 8 /* as many lines can be told apart by colour */

struct report_request {
	const char *runs[REPORT_MAX_RUNS]; /* numbers or names (the newest of that name), in the order of the
					      page */
	size_t nr_runs;                    /* 0 = the newest run */
	bool all;                          /* the newest REPORT_MAX_RUNS runs, oldest first */
	const char *title;                 /* NULL = the runs' names */
};

/*
 * Writes the page to f. It stands alone: no network, no other files. The same store gives the same bytes.
 * Errors: ERR_USAGE for a run that is not there, with the nearest name that is; ERR_IO; the store's.
 */
int report_write(const struct db *d, const struct report_request *q, FILE *f, struct err *e);

/* A line of a chart: what is drawn, from statistics summed over their instances. */
enum report_mode {
	REPORT_LEVEL, /* the value */
	REPORT_RATE,  /* the change by simulated millisecond */
	REPORT_RATIO, /* the change by the change of `per` */
	REPORT_SHARE, /* the change by the changes of all lines of the chart, in % */
};
struct report_line {
	const char *chart, *unit;
	enum report_mode mode;
	const char *label;
	const char *stats; /* joined by + */
	const char *per;   /* of REPORT_RATIO */
	double factor;
};
/* Lines of a chart lie together. NULL past the last. */
const struct report_line *report_line_at(size_t i);

/* Made into C from page.css and page.js (analysis/embed.mk). */
extern const char report_css[], report_js[];

#endif
