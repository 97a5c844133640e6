/*
 * plot.c - `faultline trace plot TRACE OUT.svg`: footprint over time and a heat map of address and time.
 *
 * The trace is read twice: for the places, then for the counts (heat.h). A foreign trace is imported into a
 * temporary native one first.
 */
#include "traces/inspect/plot.h"

#include <stdlib.h>
#include <string.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "traces/inspect/chart.h"
#include "traces/inspect/inspect.h"
#include "traces/inspect/textout.h"

enum plot_option { OPT_PROCESS = 1, OPT_FROM, OPT_COUNT, OPT_ADDRESS, OPT_DATA, OPT_FETCHES, OPT_NAME };

struct plot {
	uint64_t from, count, low, high; /* high: last address */
	bool one_process;
	uint32_t pid;
	unsigned kinds;
	const char *name;
	struct cmdline_input input;
	struct heat heat;
	/* what is left of a batch, when something is filtered */
	uint64_t *addr;
	uint32_t *meta;
	size_t cap;
	struct progress *progress;
	uint64_t done;
};

static const struct option options[] = {{"process", required_argument, NULL, OPT_PROCESS},
					{"from", required_argument, NULL, OPT_FROM},
					{"count", required_argument, NULL, OPT_COUNT},
					{"address", required_argument, NULL, OPT_ADDRESS},
					{"data", no_argument, NULL, OPT_DATA},
					{"fetches", no_argument, NULL, OPT_FETCHES},
					{"name", required_argument, NULL, OPT_NAME},
					{0}};

static int set_numbers(struct plot *p, int val, const char *arg, struct err *e)
{
	switch (val) {
	case OPT_PROCESS:
		p->one_process = true;
		return cmdline_u32("--process", arg, &p->pid, e);
	case OPT_FROM:
		return cmdline_number("--from", arg, &p->from, e);
	case OPT_COUNT:
		if (cmdline_number("--count", arg, &p->count, e))
			return -(int)e->code;
		return p->count ? 0 : err_set(e, ERR_USAGE, "--count: expected at least 1");
	default:
		return cmdline_range("--address", arg, &p->low, &p->high, e);
	}
}

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct plot *p = ctx;

	switch (val) {
	case OPT_DATA:
		p->kinds = 1u << ACCESS_LOAD | 1u << ACCESS_STORE;
		return 0;
	case OPT_FETCHES:
		p->kinds = 1u << ACCESS_FETCH;
		return 0;
	case OPT_NAME:
		p->name = arg;
		return 0;
	default:
		return set_numbers(p, val, arg, e);
	}
}

/* Cuts b to the window, whose first access is number pos of the trace. */
static void cut(const struct plot *p, struct batch *b, uint64_t pos)
{
	uint64_t end = p->from + MIN_OF(p->count, UINT64_MAX - p->from);
	size_t lo = (size_t)MIN_OF((uint64_t)b->n, p->from > pos ? p->from - pos : 0);
	size_t hi = (size_t)MIN_OF((uint64_t)b->n, end > pos ? end - pos : 0);

	b->addr += lo;
	b->meta += lo;
	b->n = hi - lo;
}

static bool is_wanted(const struct plot *p, uint64_t addr, uint32_t meta)
{
	return p->kinds >> META_KIND(meta) & 1 && addr >= p->low && addr <= p->high;
}

/* Takes out what is not wanted. */
static void filter(struct plot *p, struct batch *b)
{
	size_t n = 0;

	if (p->one_process && b->pid != p->pid)
		b->n = 0;
	if (p->kinds == 7 && p->low == 0 && p->high == UINT64_MAX)
		return;
	if (b->n > p->cap) {
		p->cap = b->n;
		p->addr = mem_realloc(p->addr, p->cap, sizeof *p->addr);
		p->meta = mem_realloc(p->meta, p->cap, sizeof *p->meta);
	}
	for (size_t i = 0; i < b->n; i++)
		if (is_wanted(p, b->addr[i], b->meta[i])) {
			p->addr[n] = b->addr[i];
			p->meta[n++] = b->meta[i];
		}
	b->addr = p->addr;
	b->meta = p->meta;
	b->n = n;
}

/* Gives all wanted accesses to heat_note or heat_add. */
static int pass(struct plot *p, struct trace *t, const char *path, bool second, struct err *e)
{
	uint64_t pos = 0, end = p->from + MIN_OF(p->count, UINT64_MAX - p->from), n;
	struct merged *m;
	struct batch b;
	int r = merged_open(&m, t, e);

	while (!r && pos < end && (r = merged_skim(m, &b, e)) > 0) {
		n = b.n;
		r = pos + n > p->from ? merged_reveal(m, &b, e) : 0;
		if (!r && b.addr) {
			cut(p, &b, pos);
			filter(p, &b);
		} else {
			b.n = 0;
		}
		if (!r && second)
			heat_add(&p->heat, &b);
		else if (!r)
			heat_note(&p->heat, &b);
		pos += n;
		p->done += n;
		progress_update(p->progress, p->done, NULL);
		if (!r && cli_interrupted())
			r = err_set(e, ERR_INTERRUPTED, "%s: interrupted", path);
	}
	merged_close(m);
	return r;
}

static void describe(const struct plot *p, const struct heat *h, char *buf, size_t size)
{
	char all[32], count[24];
	size_t n = (size_t)snprintf(buf, size, "%s %s, %s touched",
				    cli_si(count, sizeof count, (double)h->accesses),
				    p->kinds == 7   ? "accesses"
				    : p->kinds == 4 ? "instruction fetches"
						    : "loads and stores",
				    chart_bytes(all, sizeof all, (double)h->all.count * (double)PAGE_SIZE));

	if (p->one_process && n < size)
		n += (size_t)snprintf(buf + n, size - n, ", process %" PRIu32, p->pid);
	if (n < size)
		snprintf(buf + n, size - n, "; untouched addresses are left out, higher ones are on top");
}

static int draw(struct plot *p, const char *path, const char *out_path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char title[200], sub[300];
	struct textout out;
	int r = textout_open(&out, out_path, e);

	if (r)
		return r;
	snprintf(title, sizeof title, "What %.150s touches when",
		 p->name ? p->name
		 : slash ? slash + 1
			 : path);
	describe(p, &p->heat, sub, sizeof sub);
	plot_draw(out.f, &p->heat, title, sub, p->kinds == 7 && !p->one_process ? p->from : 0,
		  p->kinds == 7   ? "accesses"
		  : p->kinds == 4 ? "instruction fetches"
				  : "loads and stores");
	return textout_commit(&out, e);
}

static int plot(struct plot *p, const char *path, const char *out, struct err *e)
{
	struct trace_counts counts;
	struct trace *t;
	int r = trace_open_any(&t, path, p->input.format, p->input.options, e);

	if (r)
		return r;
	heat_init(&p->heat);
	r = trace_counts(t, &counts, e);
	p->progress = progress_new("plot", 2 * MIN_OF(counts.accesses, p->count));
	if (!r)
		r = pass(p, t, path, false, e);
	if (!r && !p->heat.noted)
		r = err_set(e, ERR_USAGE, "%s: no access to plot", path);
	if (!r) {
		heat_lay_out(&p->heat, PLOT_MAP_HEIGHT, PLOT_GAP, PLOT_ROW);
		r = pass(p, t, path, true, e);
		heat_finish(&p->heat);
	}
	progress_free(p->progress);
	if (!r)
		r = draw(p, path, out, e);
	if (!r && trace_is_truncated(t))
		r = err_set(e, ERR_TRUNCATED, "%s: cut off; the picture is of what is there", path);
	heat_release(&p->heat);
	trace_close(t);
	return r;
}

static const char help[] = "Draws the footprint over time and a heat map of address and time, as SVG.\n\n"
			   "  --process PID     only this process\n"
			   "  --from N, --count M  only M accesses from access N on\n"
			   "  --address LOW-END only these addresses (hex, END not included)\n"
			   "  --data, --fetches only loads and stores; only instruction fetches\n"
			   "  --name NAME       in the title, instead of the file's\n"
			   "  --format F, --options K=V,…  as in convert\n";

int trace_plot_main(int argc, char **argv)
{
	struct plot p = {.count = UINT64_MAX, .high = UINT64_MAX, .kinds = 7};
	const struct cmdline line = {
		.verb = "plot",
		.usage = "[--process PID] [--from N] [--count M] [--address LOW-END] [--data | --fetches] "
			 "TRACE OUT.svg",
		.help = help,
		.options = options,
		.input = &p.input,
		.min = 2,
		.max = 2,
		.set = set,
		.ctx = &p,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0)
		plot(&p, argv[first], argv[first + 1], &e);
	mem_free(p.input.options);
	mem_free(p.addr);
	mem_free(p.meta);
	return inspect_status(&e);
}
