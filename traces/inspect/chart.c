/*
 * chart.c - curves with axes, grid, labels and a legend.
 */
#include "traces/inspect/chart.h"

#include <math.h>
#include <string.h>

#include "traces/inspect/svg.h"

#define WIDTH       900.0
#define HEIGHT      540.0
#define LEFT        76.0
#define RIGHT       28.0
#define TOP         74.0
#define BOTTOM      62.0
#define LEGEND_ROW  19.0
#define LEGEND_ROWS 14u /* more series are drawn, not named */
#define X_TICKS     11.0
#define Y_TICKS     6.0

struct frame {
	const struct chart *c;
	double x0, x1, y0, y1; /* in the data's units; y0 is 0, or a power of ten */
};

const char *chart_bytes(char *buf, size_t size, double v)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t u = 0;

	for (; v >= 1024 && u + 1 < ARRAY_LEN(units); u++)
		v /= 1024;
	snprintf(buf, size, v == floor(v) ? "%.0f %s" : v < 10 ? "%.2f %s" : "%.1f %s", v, units[u]);
	return buf;
}

static const char *count_text(char *buf, size_t size, double v)
{
	char digits[32];
	size_t n = (size_t)snprintf(digits, sizeof digits, "%.0f", v), used = 0;

	for (size_t i = 0; i < n && used + 4 < size; i++) {
		if (i && (n - i) % 3 == 0) {
			memcpy(buf + used, "\xe2\x80\xaf", 3); /* a narrow blank */
			used += 3;
		}
		buf[used++] = digits[i];
	}
	buf[used] = '\0';
	return buf;
}

static double px(const struct frame *f, double x)
{
	double share = f->c->linear ? (x - f->x0) / (f->x1 - f->x0) : log(x / f->x0) / log(f->x1 / f->x0);

	return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static double py(const struct frame *f, double y)
{
	double share = f->c->y_log ? log(fmax(y, f->y0) / f->y0) / log(f->y1 / f->y0) : y / f->y1;

	return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
}

/* 1, 2 or 5 times a power of ten, so that `max` takes at most `ticks` steps. */
static double nice_step(double max, double ticks)
{
	static const double factors[] = {1, 2, 5, 10};
	double power = pow(10, floor(log10(max / ticks)));

	for (size_t i = 0; i < ARRAY_LEN(factors); i++)
		if (factors[i] * power * ticks >= max * (1 - 1e-9))
			return factors[i] * power;
	return 10 * power;
}

static void find_ranges(struct frame *f)
{
	double top = 0, low = INFINITY;

	f->x0 = INFINITY;
	for (size_t i = 0; i < f->c->nr_series; i++) {
		const struct chart_series *s = &f->c->series[i];

		for (size_t k = 0; k < s->n; k++) {
			f->x0 = fmin(f->x0, s->x[k]);
			f->x1 = fmax(f->x1, s->x[k]);
			top = fmax(top, s->y[k]);
			low = s->y[k] > 0 ? fmin(low, s->y[k]) : low;
		}
	}
	if (!isfinite(f->x0))
		f->x0 = f->x1 = 1;
	if (f->c->linear)
		f->x0 = 0;
	if (f->x1 <= f->x0)
		f->x1 = f->x0 * 2;
	top = top > 0 ? top : 1;
	f->y1 = nice_step(top, Y_TICKS);
	f->y1 *= ceil(top / f->y1 - 1e-9);
	if (f->c->y_log) {
		f->y1 = pow(10, ceil(log10(top) - 1e-9));
		f->y0 = fmin(pow(10, floor(log10(fmin(low, top)) + 1e-9)), f->y1 / 10);
	}
}

static void x_tick(FILE *out, const struct frame *f, double x)
{
	char buf[40];
	double at = px(f, x);

	svg_line(out, at, TOP, at, HEIGHT - BOTTOM, "grid");
	svg_text(out, at, HEIGHT - BOTTOM + 18, "axis", SVG_MIDDLE, "%s",
		 f->c->axis == CHART_BYTES ? chart_bytes(buf, sizeof buf, x)
					   : count_text(buf, sizeof buf, x));
}

/* Powers of two, or multiples of one (of a round number, where things are counted). */
static void draw_x_axis(FILE *out, const struct frame *f)
{
	double step, first;

	if (f->c->linear) {
		step = f->c->axis == CHART_BYTES ? exp2(ceil(log2(f->x1 / X_TICKS)))
						 : nice_step(f->x1, X_TICKS);
		for (double x = 0; x <= f->x1 * (1 + 1e-9); x += step)
			x_tick(out, f, x);
	} else {
		step = exp2(fmax(1, ceil(log2(f->x1 / f->x0) / X_TICKS)));
		first = exp2(ceil(log2(f->x0) - 1e-9));
		for (double x = first; x <= f->x1 * (1 + 1e-9); x *= step)
			x_tick(out, f, x);
	}
	svg_text(out, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, "label", SVG_MIDDLE, "%s", f->c->x_label);
}

static void y_tick(FILE *out, const struct frame *f, double y)
{
	svg_line(out, LEFT, py(f, y), WIDTH - RIGHT, py(f, y), "grid");
	if (f->c->y_percent)
		svg_text(out, LEFT - 8, py(f, y) + 4, "axis", SVG_END, "%.4g %%", 100 * y);
	else
		svg_text(out, LEFT - 8, py(f, y) + 4, "axis", SVG_END, "%.4g", y);
}

static void draw_y_axis(FILE *out, const struct frame *f)
{
	double step = nice_step(f->y1, Y_TICKS);

	if (f->c->y_log)
		for (double y = f->y0; y <= f->y1 * (1 + 1e-9); y *= 10)
			y_tick(out, f, y);
	else
		for (int i = 0; i * step <= f->y1 * (1 + 1e-9); i++)
			y_tick(out, f, i * step);
	svg_text_up(out, 16, (TOP + HEIGHT - BOTTOM) / 2, "label", f->c->y_label);
}

static void draw_series(FILE *out, const struct frame *f, size_t i)
{
	const struct chart_series *s = &f->c->series[i];

	if (!s->n)
		return;
	fprintf(out, "<path class=\"line s%zu\" d=\"M%.1f %.2f", i % SVG_SERIES, px(f, s->x[0]),
		py(f, s->y[0]));
	for (size_t k = 1; k < s->n; k++)
		fprintf(out, "H%.1fV%.2f", px(f, s->x[k]), py(f, s->y[k]));
	fprintf(out, "H%.1f\"/>\n", WIDTH - RIGHT);
}

static void draw_legend(FILE *out, const struct frame *f)
{
	size_t n = MIN_OF(f->c->nr_series, LEGEND_ROWS), longest = 0;
	double x, y = TOP + 22;

	if (f->c->nr_series < 2)
		return;
	for (size_t i = 0; i < n; i++)
		longest = MAX_OF(longest, strlen(f->c->series[i].name));
	x = WIDTH - RIGHT - 56 - 6.7 * (double)longest;
	if (f->c->y_log) { /* falling curves leave this corner free */
		x = LEFT + 24;
		y = HEIGHT - BOTTOM - LEGEND_ROW * (double)n;
	}
	svg_rect(out, x - 10, y - 16, 56 + 6.7 * (double)longest, LEGEND_ROW * (double)n + 12, "band");
	for (size_t i = 0; i < n; i++, y += LEGEND_ROW) {
		fprintf(out, "<path class=\"line s%zu\" d=\"M%.1f %.1fh22\"/>\n", i % SVG_SERIES, x, y);
		svg_text(out, x + 30, y + 4, "axis", SVG_START, "%s", f->c->series[i].name);
	}
}

void chart_draw(FILE *out, const struct chart *c)
{
	struct frame f = {.c = c};

	find_ranges(&f);
	svg_begin(out, WIDTH, HEIGHT, c->title, c->subtitle);
	svg_text(out, LEFT, 32, "title", SVG_START, "%s", c->title);
	svg_text(out, LEFT, 53, "sub", SVG_START, "%s", c->subtitle);
	draw_x_axis(out, &f);
	draw_y_axis(out, &f);
	svg_line(out, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "frame");
	svg_line(out, LEFT, TOP, LEFT, HEIGHT - BOTTOM, "frame");
	for (size_t i = c->nr_series; i-- > 0;)
		draw_series(out, &f, i);
	draw_legend(out, &f);
	svg_end(out);
}
