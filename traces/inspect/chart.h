/*
 * chart.h - step curves over an axis of sizes, as SVG.
 */
#ifndef TRACES_INSPECT_CHART_H
#define TRACES_INSPECT_CHART_H

#include <stdio.h>

#include "sim/base.h"

struct chart_series {
	const char *name;
	size_t n;
	const double *x, *y; /* x grows; y holds from x to the next x */
};

enum chart_axis { CHART_BYTES, CHART_COUNT };

struct chart {
	const char *title, *subtitle, *x_label, *y_label;
	enum chart_axis axis;
	bool linear;    /* x; else logarithmic: every x must be positive */
	bool y_log;     /* zeros are drawn at the bottom */
	bool y_percent; /* y is a share: printed in percent */
	const struct chart_series *series;
	size_t nr_series; /* the colours repeat after SVG_SERIES */
};

/* The whole SVG document. */
void chart_draw(FILE *f, const struct chart *c);
/* "16 KiB", "1.5 GiB"; returns buf. */
const char *chart_bytes(char *buf, size_t size, double v);

#endif
