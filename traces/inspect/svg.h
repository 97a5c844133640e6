/*
 * svg.h - pictures as SVG 1.1 text: a page, shapes, texts. Colours are classes of one style sheet, which has
 * a light and a dark set; the viewer's preference chooses.
 */
#ifndef TRACES_INSPECT_SVG_H
#define TRACES_INSPECT_SVG_H

#include <stdio.h>

#include "sim/base.h"

#define SVG_SERIES 8 /* classes s0 … s7 (stroke), f0 … f7 (fill) */
#define SVG_HEATS  9 /* classes h0 … h8: fills from little to much */

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

/*
 * The head, the style sheet and the background. Classes of texts: title, sub, axis, label, small; of lines
 * and shapes: frame, grid, mark, band, and the series and heats above.
 */
void svg_begin(FILE *f, double width, double height, const char *title, const char *description);
void svg_end(FILE *f);
/* Texts may be any bytes: what XML or UTF-8 does not allow is replaced. */
void svg_text(FILE *f, double x, double y, const char *class, enum svg_anchor anchor, const char *fmt, ...)
	PRINTF_LIKE(6, 7);
/* Turned by -90 degrees about (x, y). */
void svg_text_up(FILE *f, double x, double y, const char *class, const char *text);
void svg_line(FILE *f, double x1, double y1, double x2, double y2, const char *class);
void svg_rect(FILE *f, double x, double y, double w, double h, const char *class);

#endif
