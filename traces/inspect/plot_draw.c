/*
 * plot_draw.c - two panels over one axis of accesses: the working set and the footprint above, the heat map
 * of addresses below.
 */
#include "traces/inspect/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "traces/inspect/chart.h"
#include "traces/inspect/svg.h"

#define WIDTH      1040.0
#define LEFT       138.0
#define RIGHT      158.0
#define PANEL_TOP  84.0
#define PANEL      96.0 /* height of the upper panel */
#define MAP_TOP    214.0
#define BELOW      86.0
#define X_TICKS    8.0
#define GAP_TEXT   62.0 /* half the room for "127.9 GiB untouched" */
#define Y_TICKS    3.0
#define INNER      (WIDTH - LEFT - RIGHT)
#define MAP_BOTTOM (MAP_TOP + PLOT_MAP_HEIGHT)

static double px(const struct heat *h, double column)
{
	return LEFT + column / MAX_OF(h->columns, 1u) * INNER;
}

/* 1 … 9 shades by the logarithm of the count. */
static unsigned shade(const struct heat *h, uint64_t count)
{
	double share = h->most > 1 ? log((double)count) / log((double)h->most) : 1;

	return (unsigned)fmin(SVG_HEATS - 1, floor(share * SVG_HEATS));
}

/* One path for all cells of a shade; cells beside each other are one rectangle. */
static void draw_cells(FILE *f, const struct heat *h, const struct heat_segment *s, unsigned wanted)
{
	double row_height = s->height / s->rows;

	for (unsigned r = 0; r < s->rows; r++) {
		const uint64_t *cell = h->cells + (size_t)(s->first_row + r) * h->columns;
		double y = MAP_TOP + s->y + s->height - (r + 1) * row_height;

		for (unsigned c = 0, end; c < h->columns; c = end + 1) {
			end = c;
			if (!cell[c] || shade(h, cell[c]) != wanted)
				continue;
			while (end + 1 < h->columns && cell[end + 1] && shade(h, cell[end + 1]) == wanted)
				end++;
			fprintf(f, "M%.1f %.1fH%.1fv%.1fH%.1fz", px(h, c), y, px(h, end + 1), row_height,
				px(h, c));
		}
	}
}

/* "0x7f12_3456_7000" */
static void address_text(char *buf, size_t size, uint64_t page)
{
	uint64_t a = page << PAGE_SHIFT;

	if (a >> 32)
		snprintf(buf, size, "0x%" PRIx64 "_%04" PRIx64 "_%04" PRIx64, a >> 32, a >> 16 & 0xffff,
			 a & 0xffff);
	else if (a >> 16)
		snprintf(buf, size, "0x%" PRIx64 "_%04" PRIx64, a >> 16, a & 0xffff);
	else
		snprintf(buf, size, "0x%" PRIx64, a);
}

static void draw_segment(FILE *f, const struct heat *h, size_t i, bool processes)
{
	const struct heat_segment *s = &h->segment[i];
	double y = MAP_TOP + s->y, x = LEFT + INNER + 10;
	char low[40], high[40], size[32], label[160];

	address_text(low, sizeof low, s->low);
	address_text(high, sizeof high, s->high + 1);
	chart_bytes(size, sizeof size, (double)(s->high - s->low + 1) * (double)PAGE_SIZE);
	svg_text(f, LEFT - 8, y + s->height - 2, "small mono", SVG_END, "%s", low);
	if (s->height > 40)
		svg_text(f, LEFT - 8, y + 9, "small mono", SVG_END, "%s", high);
	snprintf(label, sizeof label, "%s%s%.22s", size, *s->name ? "  " : "", s->name);
	svg_text(f, x, y + s->height / 2 + (processes && s->height > 28 ? -3 : 4), "small", SVG_START, "%s",
		 label);
	if (processes && s->height > 28)
		svg_text(f, x, y + s->height / 2 + 11, "small", SVG_START, "process %" PRIu32, s->pid);
}

static void draw_map(FILE *f, const struct heat *h)
{
	bool processes = false;

	for (size_t i = 0; i < h->nr_segments; i++) {
		const struct heat_segment *s = &h->segment[i];

		processes |= s->pid != h->segment[0].pid;
		svg_rect(f, LEFT, MAP_TOP + s->y, INNER, s->height, "band");
	}
	for (unsigned k = 0; k < SVG_HEATS; k++) {
		fprintf(f, "<path class=\"h%u\" d=\"", k);
		for (size_t i = 0; i < h->nr_segments; i++)
			draw_cells(f, h, &h->segment[i], k);
		fputs("\"/>\n", f);
	}
	for (size_t i = 0; i < h->nr_segments; i++)
		draw_segment(f, h, i, processes);
	svg_text_up(f, 20, MAP_TOP + PLOT_MAP_HEIGHT / 2, "label", "address");
}

/* Where a gap between two segments of a process was cut out. */
static void draw_gaps(FILE *f, const struct heat *h)
{
	char size[32];

	for (size_t i = 0; i + 1 < h->nr_segments; i++) {
		const struct heat_segment *s = &h->segment[i], *above = s + 1;
		double y = MAP_TOP + s->y - PLOT_GAP / 2;

		if (s->pid != above->pid) {
			svg_line(f, LEFT, y, LEFT + INNER, y, "frame");
			continue;
		}
		svg_line(f, LEFT, y, LEFT + INNER / 2 - GAP_TEXT, y, "mark");
		svg_line(f, LEFT + INNER / 2 + GAP_TEXT, y, LEFT + INNER, y, "mark");
		chart_bytes(size, sizeof size, (double)(above->low - s->high - 1) * (double)PAGE_SIZE);
		svg_text(f, LEFT + INNER / 2, y + 3.5, "small", SVG_MIDDLE, "%s untouched", size);
	}
}

static double nice_step(double max, double ticks)
{
	double power = pow(10, floor(log10(max / ticks)));

	for (int k = 0; k < 4; k++) {
		double step = power * (double[]){1, 2, 5, 10}[k];

		if (step * ticks >= max * (1 - 1e-9))
			return step;
	}
	return 10 * power;
}

/* "2.5 M" */
static const char *si(char *buf, size_t size, double v)
{
	static const char *const units[] = {"", " k", " M", " G", " T", " P"};
	size_t u = 0;

	for (; v >= 1000 && u + 1 < ARRAY_LEN(units); u++)
		v /= 1000;
	snprintf(buf, size, "%.3g%s", v, units[u]);
	return buf;
}

static void draw_x_axis(FILE *f, const struct heat *h, uint64_t first_access, const char *what)
{
	double all = (double)h->accesses_a_column * h->columns, first = (double)first_access;
	double step = nice_step(fmax(all, 1), X_TICKS);
	char text[40];

	for (double x = ceil(first / step) * step; x <= (first + all) * (1 + 1e-12); x += step) {
		double at = px(h, (x - first) / (double)h->accesses_a_column);

		svg_line(f, at, PANEL_TOP, at, PANEL_TOP + PANEL, "grid");
		svg_line(f, at, MAP_BOTTOM, at, MAP_BOTTOM + 5, "frame");
		svg_text(f, at, MAP_BOTTOM + 19, "axis", SVG_MIDDLE, "%s", si(text, sizeof text, x));
	}
	svg_text(f, LEFT + INNER / 2, MAP_BOTTOM + 38, "label", SVG_MIDDLE, "%s", what);
}

/* The step line of one number of each column; closed down to the axis for an area. */
static void draw_line(FILE *f, const struct heat *h, const char *class, double top, bool area)
{
	double bottom = PANEL_TOP + PANEL;

	if (!h->columns)
		return;
	fprintf(f, "<path class=\"%s\" d=\"M%.1f %.1f", class, px(h, 0), bottom);
	for (unsigned c = 0; c < h->columns; c++) {
		double v = (double)(area ? h->column[c].pages : h->column[c].so_far);

		fprintf(f, "V%.1fH%.1f", bottom - v / top * PANEL, px(h, c + 1));
	}
	fprintf(f, area ? "V%.1fz\"/>\n" : "\"/>\n", bottom);
}

static void draw_panel(FILE *f, const struct heat *h)
{
	double most = 1, step, top, bottom = PANEL_TOP + PANEL;
	char text[32];

	for (unsigned c = 0; c < h->columns; c++)
		most = fmax(most, (double)h->column[c].so_far);
	step = exp2(ceil(log2(most / Y_TICKS)));
	top = step * ceil(most / step);
	for (double v = 0; v <= top; v += step) {
		double y = bottom - v / top * PANEL;

		svg_line(f, LEFT, y, LEFT + INNER, y, "grid");
		svg_text(f, LEFT - 8, y + 4, "axis", SVG_END, "%s",
			 chart_bytes(text, sizeof text, v * (double)PAGE_SIZE));
	}
	draw_line(f, h, "area f0", top, true);
	draw_line(f, h, "line s1", top, false);
	svg_line(f, LEFT, bottom, LEFT + INNER, bottom, "frame");
	svg_text_up(f, 20, PANEL_TOP + PANEL / 2, "label", "memory");
	fprintf(f, "<path class=\"line s1\" d=\"M%.1f %.1fh20\"/>\n", LEFT + INNER + 10, PANEL_TOP + 10);
	svg_text(f, LEFT + INNER + 36, PANEL_TOP + 14, "small", SVG_START, "touched so far");
	fprintf(f, "<path class=\"area f0\" d=\"M%.1f %.1fh20v9h-20z\"/>\n", LEFT + INNER + 10,
		PANEL_TOP + 26);
	svg_text(f, LEFT + INNER + 36, PANEL_TOP + 34, "small", SVG_START, "touched within");
	svg_text(f, LEFT + INNER + 36, PANEL_TOP + 47, "small", SVG_START, "%s accesses",
		 si(text, sizeof text, (double)h->accesses_a_column));
}

static void draw_legend(FILE *f, const struct heat *h)
{
	double x = LEFT, y = MAP_BOTTOM + 54;
	char text[32], cell[32], pages[32];
	uint64_t low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < h->nr_segments; i++) {
		low = MIN_OF(low, h->segment[i].pages_a_row);
		high = MAX_OF(high, h->segment[i].pages_a_row);
	}
	if (!h->most)
		return;
	svg_text(f, x, y + 11, "small", SVG_START, "1");
	x += 12;
	for (unsigned k = 0; k < SVG_HEATS; k++, x += 22)
		fprintf(f, "<path class=\"h%u\" d=\"M%.1f %.1fh22v14h-22z\"/>\n", k, x, y);
	svg_text(f, x + 8, y + 11, "small", SVG_START, "%s  accesses in a cell, which is %s accesses by %s%s",
		 si(text, sizeof text, (double)h->most), si(cell, sizeof cell, (double)h->accesses_a_column),
		 low == high ? "" : "at most ",
		 chart_bytes(pages, sizeof pages, (double)high * (double)PAGE_SIZE));
	if (h->nr_left_out)
		svg_text(f, LEFT + INNER, y + 11, "small", SVG_END,
			 "%zu processes with less memory are not shown", h->nr_left_out);
}

void plot_draw(FILE *f, const struct heat *h, const char *title, const char *subtitle, uint64_t first_access,
	       const char *what)
{
	svg_begin(f, WIDTH, MAP_BOTTOM + BELOW, title, subtitle);
	fputs("<style>.area{opacity:.35}.mono{font-family:ui-monospace,\"DejaVu Sans "
	      "Mono\",Menlo,Consolas,monospace;font-size:10px}</style>\n",
	      f);
	svg_text(f, 24, 34, "title", SVG_START, "%s", title);
	svg_text(f, 24, 55, "sub", SVG_START, "%s", subtitle);
	draw_x_axis(f, h, first_access, what);
	draw_panel(f, h);
	draw_map(f, h);
	draw_gaps(f, h);
	draw_legend(f, h);
	svg_end(f);
}
