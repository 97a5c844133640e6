/*
 * mrc_out.c - curves as a table, CSV, JSON, a picture, or rows of a result store.
 */
#include "traces/inspect/mrc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "sim/sink.h"
#include "sim/version.h"
#include "traces/inspect/chart.h"
#include "traces/inspect/inspect.h"
#include "traces/inspect/textout.h"

static uint64_t misses_at(const struct mrc_curve *c, size_t i)
{
	return (uint64_t)llround(curve_misses(c->curve, c->sizes[i]));
}

static double ratio(uint64_t part, uint64_t all)
{
	return all ? (double)part / (double)all : 0;
}

static void print_head(const struct mrc *m, const struct mrc_curve *c)
{
	struct curve_sum s;
	char page[32], all[32];

	curve_sum(c->curve, &s);
	cmdline_bytes_text(page, sizeof page, UINT64_C(1) << c->shift);
	chart_bytes(all, sizeof all, s.cold * (double)(UINT64_C(1) << c->shift));
	if (c->one_process)
		printf("process %" PRIu32 ": ", c->pid);
	printf("%" PRIu64 " touches of pages of %s, %.0f distinct pages (%s)", s.touches, page, s.cold, all);
	if (mrc_is_sampled(m))
		printf("; estimated from %" PRIu64 " touches, %.3g %% of the pages", s.sampled, 100 * s.rate);
	printf("\n");
}

int mrc_print_table(const struct mrc *m, struct err *e)
{
	const char *const names[] = {m->tlb ? "entries" : "pages", m->tlb ? "reach" : "memory", "misses",
				     "miss ratio"};
	int r = 0;

	for (size_t k = 0; k < m->nr_curves && !r; k++) {
		const struct mrc_curve *c = &m->curves[k];
		struct table *t = table_new(TABLE_ALIGNED, ARRAY_LEN(names), names);
		struct curve_sum s;
		char memory[32];

		if (k)
			printf("\n");
		print_head(m, c);
		curve_sum(c->curve, &s);
		for (size_t i = 0; i < c->nr_sizes; i++) {
			table_cellf(t, true, "%" PRIu64, c->sizes[i]);
			table_cell(
				t,
				chart_bytes(memory, sizeof memory, ldexp((double)c->sizes[i], (int)c->shift)),
				true);
			table_cellf(t, true, "%" PRIu64, misses_at(c, i));
			table_cellf(t, true, "%.6f", ratio(misses_at(c, i), s.touches));
		}
		r = table_finish(t, stdout, e);
	}
	return r;
}

int mrc_print_csv(const struct mrc *m, struct err *e)
{
	static const char *const names[] = {"page_bytes", "process",    "size_pages", "size_bytes",
					    "misses",     "miss_ratio", "touches"};
	struct table *t = table_new(TABLE_CSV, ARRAY_LEN(names), names);

	for (size_t k = 0; k < m->nr_curves; k++) {
		const struct mrc_curve *c = &m->curves[k];
		struct curve_sum s;

		curve_sum(c->curve, &s);
		for (size_t i = 0; i < c->nr_sizes; i++) {
			table_cellf(t, true, "%" PRIu64, UINT64_C(1) << c->shift);
			if (c->one_process)
				table_cellf(t, true, "%" PRIu32, c->pid);
			else
				table_cell(t, NULL, true);
			table_cellf(t, true, "%" PRIu64, c->sizes[i]);
			table_cellf(t, true, "%" PRIu64, c->sizes[i] << c->shift);
			table_cellf(t, true, "%" PRIu64, misses_at(c, i));
			table_cellf(t, true, "%.9g", ratio(misses_at(c, i), s.touches));
			table_cellf(t, true, "%" PRIu64, s.touches);
		}
	}
	return table_finish(t, stdout, e);
}

static void print_json_curve(const struct mrc *m, const struct mrc_curve *c)
{
	struct curve_sum s;

	curve_sum(c->curve, &s);
	printf("    {\n      \"page_bytes\": %" PRIu64 ",\n      \"process\": ", UINT64_C(1) << c->shift);
	if (c->one_process)
		printf("%" PRIu32, c->pid);
	else
		printf("null");
	printf(",\n      \"method\": \"%s\",\n      \"rate\": %.9g,\n",
	       mrc_is_sampled(m) ? "sampled" : "exact", s.rate);
	printf("      \"accesses\": %" PRIu64 ",\n      \"touches\": %" PRIu64
	       ",\n      \"sampled\": %" PRIu64 ",\n      \"distinct_pages\": %.0f,\n      \"points\": [",
	       s.accesses, s.touches, s.sampled, s.cold);
	for (size_t i = 0; i < c->nr_sizes; i++)
		printf("%s\n        {\"pages\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"misses\": %" PRIu64
		       ", \"miss_ratio\": %.9g}",
		       i ? "," : "", c->sizes[i], c->sizes[i] << c->shift, misses_at(c, i),
		       ratio(misses_at(c, i), s.touches));
	printf("\n      ]\n    }");
}

void mrc_print_json(const struct mrc *m)
{
	printf("{\n  \"trace\": ");
	cmdline_json_string(stdout, m->path);
	printf(",\n  \"kinds\": \"%s\",\n  \"curves\": [", mrc_kinds_name(m));
	for (size_t k = 0; k < m->nr_curves; k++) {
		printf(k ? ",\n" : "\n");
		print_json_curve(m, &m->curves[k]);
	}
	printf("\n  ]\n}\n");
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void fill_series(const struct mrc *m, const struct mrc_curve *c, struct chart_series *s)
{
	double *x = mem_alloc_late(2 * c->nr_sizes, sizeof *x), *y = x + c->nr_sizes;
	struct curve_sum sum;

	curve_sum(c->curve, &sum);
	for (size_t i = 0; i < c->nr_sizes; i++) {
		x[i] = m->tlb ? (double)c->sizes[i] : ldexp((double)c->sizes[i], (int)c->shift);
		y[i] = ratio(misses_at(c, i), sum.touches);
	}
	*s = (struct chart_series){c->name, c->nr_sizes, x, y};
}

static void subtitle(const struct mrc *m, char *buf, size_t size)
{
	char all[32], page[32], count[24];
	struct curve_sum s;
	size_t n;

	curve_sum(m->curves[0].curve, &s);
	chart_bytes(all, sizeof all, ldexp(s.cold, (int)m->curves[0].shift));
	cmdline_bytes_text(page, sizeof page, UINT64_C(1) << m->curves[0].shift);
	n = (size_t)snprintf(buf, size, "LRU, %s%s",
			     m->kinds == MRC_ALL    ? "all accesses"
			     : m->kinds == MRC_DATA ? "loads and stores"
						    : "instruction fetches",
			     m->tlb ? ", fully associative TLB" : "");
	if (m->nr_curves == 1 && n < size)
		n += (size_t)snprintf(buf + n, size - n, "; %s touches, %s in pages of %s",
				      cli_si(count, sizeof count, (double)s.touches), all, page);
	if (n < size)
		snprintf(buf + n, size - n, "; %s", mrc_is_sampled(m) ? "estimated (SHARDS)" : "exact");
}

int mrc_draw(const struct mrc *m, const char *path, struct err *e)
{
	struct chart_series *series;
	char title[200], sub[200];
	struct textout out;
	int r = textout_open(&out, path, e);

	if (r)
		return r;
	series = mem_alloc_late(m->nr_curves, sizeof *series);
	for (size_t i = 0; i < m->nr_curves; i++)
		fill_series(m, &m->curves[i], &series[i]);
	snprintf(title, sizeof title, "%s of %.120s", m->tlb ? "TLB misses" : "Miss-ratio curve",
		 m->name ? m->name : base_name(m->path));
	subtitle(m, sub, sizeof sub);
	chart_draw(out.f, &(struct chart){.title = title,
					  .subtitle = sub,
					  .x_label = m->tlb ? "TLB entries" : "memory",
					  .y_label = "share of page touches that miss",
					  .axis = m->tlb ? CHART_COUNT : CHART_BYTES,
					  .linear = m->linear,
					  .y_log = m->log_ratio,
					  .y_percent = true,
					  .series = series,
					  .nr_series = m->nr_curves});
	for (size_t i = 0; i < m->nr_curves; i++)
		mem_free((void *)(uintptr_t)series[i].x);
	mem_free(series);
	return textout_commit(&out, e);
}

static void fill_stored(const struct mrc *m, const struct mrc_curve *c, struct stored_curve *out)
{
	struct curve_point *points = mem_alloc_late(c->nr_sizes, sizeof *points);
	struct curve_sum s;

	curve_sum(c->curve, &s);
	for (size_t i = 0; i < c->nr_sizes; i++)
		points[i] = (struct curve_point){c->sizes[i], misses_at(c, i)};
	*out = (struct stored_curve){.name = m->name ? m->name : base_name(m->path),
				     .trace_path = m->path,
				     .trace_fingerprint = m->fingerprint,
				     .program_version = FAULTLINE_VERSION,
				     .kinds = mrc_kinds_name(m),
				     .method = mrc_is_sampled(m) ? "sampled" : "exact",
				     .rate = s.rate,
				     .one_process = c->one_process,
				     .pid = c->pid,
				     .page_bytes = UINT64_C(1) << c->shift,
				     .accesses = s.accesses,
				     .touches = s.touches,
				     .cold = (uint64_t)llround(s.cold),
				     .points = points,
				     .nr_points = c->nr_sizes};
}

int mrc_store(const struct mrc *m, const char *path, struct err *e)
{
	struct stored_curve *curves = mem_alloc_late(m->nr_curves, sizeof *curves);
	const struct sink_driver *d = sink_driver();
	int r;

	for (size_t i = 0; i < m->nr_curves; i++)
		fill_stored(m, &m->curves[i], &curves[i]);
	r = d && d->add_curves ? d->add_curves(path, curves, m->nr_curves, e)
			       : err_set(e, ERR_STORE, "%s: this program has no result store", path);
	for (size_t i = 0; i < m->nr_curves; i++)
		mem_free((void *)(uintptr_t)curves[i].points);
	mem_free(curves);
	return r;
}
