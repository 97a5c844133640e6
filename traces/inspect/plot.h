/*
 * plot.h - drawing what heat.h counted.
 */
#ifndef TRACES_INSPECT_PLOT_H
#define TRACES_INSPECT_PLOT_H

#include <stdio.h>

#include "traces/inspect/heat.h"

#define PLOT_MAP_HEIGHT 460.0 /* of the heat map, all segments and gaps */
#define PLOT_GAP        15.0  /* between segments */
#define PLOT_ROW        3.0   /* a row is at least so high */

/* The whole SVG document; first_access: number of the first access in the trace; what: "accesses", "loads and
 * stores", … */
void plot_draw(FILE *f, const struct heat *h, const char *title, const char *subtitle, uint64_t first_access,
	       const char *what);

#endif
