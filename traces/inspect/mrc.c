/*
 * mrc.c - `faultline trace mrc TRACE`: miss-ratio curves in one pass over the trace.
 *
 * A curve for each page size and, with --per-process, each process. Curves are complete before anything is
 * written; sizes are chosen afterwards, since the exact curve holds them all.
 */
#include "traces/inspect/mrc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/inspect/feed.h"
#include "traces/inspect/inspect.h"

#define POINTS_TABLE  24
#define POINTS_FILE   512
#define PROCESSES_MAX 4096
#define SHIFT_MIN     12
#define SHIFT_MAX     40

enum mrc_option {
	OPT_PAGE = 1,
	OPT_PROCESS,
	OPT_PER_PROCESS,
	OPT_DATA,
	OPT_FETCHES,
	OPT_TLB,
	OPT_RATE,
	OPT_SAMPLES,
	OPT_SEED,
	OPT_POINTS,
	OPT_EVERY,
	OPT_AT,
	OPT_LINEAR,
	OPT_LOG_RATIO,
	OPT_SVG,
	OPT_CSV,
	OPT_JSON,
	OPT_STORE,
	OPT_NAME
};

static const struct option options[] = {{"page", required_argument, NULL, OPT_PAGE},
					{"process", required_argument, NULL, OPT_PROCESS},
					{"per-process", no_argument, NULL, OPT_PER_PROCESS},
					{"data", no_argument, NULL, OPT_DATA},
					{"fetches", no_argument, NULL, OPT_FETCHES},
					{"tlb", no_argument, NULL, OPT_TLB},
					{"rate", required_argument, NULL, OPT_RATE},
					{"sampled", no_argument, NULL, OPT_SAMPLES},
					{"samples", required_argument, NULL, OPT_SAMPLES},
					{"seed", required_argument, NULL, OPT_SEED},
					{"points", required_argument, NULL, OPT_POINTS},
					{"every", no_argument, NULL, OPT_EVERY},
					{"at", required_argument, NULL, OPT_AT},
					{"linear", no_argument, NULL, OPT_LINEAR},
					{"log-ratio", no_argument, NULL, OPT_LOG_RATIO},
					{"svg", required_argument, NULL, OPT_SVG},
					{"csv", no_argument, NULL, OPT_CSV},
					{"json", no_argument, NULL, OPT_JSON},
					{"output", required_argument, NULL, OPT_STORE},
					{"name", required_argument, NULL, OPT_NAME},
					{0}};

#define SAMPLES_DEFAULT 16384

/* What is asked besides struct mrc. */
struct asked {
	struct mrc m;
	const char *svg, *store;
	struct cmdline_input input;
	bool csv, json;
};

static int set_pages(struct mrc *m, const char *arg, struct err *e)
{
	uint64_t *sizes;
	size_t n;
	int r = cmdline_bytes_list("--page", arg, &sizes, &n, e);

	if (r)
		return r;
	m->nr_shifts = 0;
	for (size_t i = 0; i < n && !r; i++) {
		bool fits = sizes[i] >> SHIFT_MIN && !(sizes[i] & (sizes[i] - 1)) &&
			    !(sizes[i] >> (SHIFT_MAX + 1));

		if (!fits)
			r = err_set(e, ERR_USAGE,
				    "--page: expected powers of two from 4K to 1T, found \"%.60s\"", arg);
		else if (m->nr_shifts == MRC_PAGES_MAX)
			r = err_set(e, ERR_USAGE, "--page: expected at most %d sizes, found \"%.60s\"",
				    MRC_PAGES_MAX, arg);
		else
			m->shift[m->nr_shifts++] = ilog2_u64(sizes[i]);
	}
	mem_free(sizes);
	return r;
}

static int set_rate(struct mrc *m, const char *arg, struct err *e)
{
	char *end;
	double v = strtod(arg, &end);

	if (end == arg || *end || !(v > 0) || v > 1)
		return err_set(e, ERR_USAGE, "--rate: expected a share above 0 and up to 1, found \"%.60s\"",
			       arg);
	m->rate = MAX_OF(1u, (uint32_t)(v * CURVE_RATE_UNIT + 0.5));
	return 0;
}

static int set_number(struct mrc *m, int val, const char *arg, struct err *e)
{
	int r;

	switch (val) {
	case OPT_SAMPLES:
		m->samples = SAMPLES_DEFAULT;
		r = arg ? cmdline_number("--samples", arg, &m->samples, e) : 0;
		if (!r && (m->samples < 16 || m->samples > UINT64_C(1) << 28))
			r = err_set(e, ERR_USAGE, "--samples: expected 16 … 2^28 pages, found %s", arg);
		return r;
	case OPT_POINTS:
		r = cmdline_number("--points", arg, &m->points, e);
		if (!r && (m->points < 2 || m->points > 1000000))
			r = err_set(e, ERR_USAGE, "--points: expected 2 … 1M, found %s", arg);
		return r;
	case OPT_SEED:
		return cmdline_number("--seed", arg, &m->seed, e);
	case OPT_PROCESS:
		m->one_process = true;
		return cmdline_u32("--process", arg, &m->pid, e);
	default:
		mem_free(m->at);
		m->at = NULL;
		return cmdline_bytes_list("--at", arg, &m->at, &m->nr_at, e);
	}
}

static void set_flag(struct asked *a, int val)
{
	a->m.per_process |= val == OPT_PER_PROCESS;
	a->m.tlb |= val == OPT_TLB;
	a->m.every |= val == OPT_EVERY;
	a->m.linear |= val == OPT_LINEAR;
	a->m.log_ratio |= val == OPT_LOG_RATIO;
	a->csv |= val == OPT_CSV;
	a->json |= val == OPT_JSON;
	if (val == OPT_DATA || val == OPT_FETCHES)
		a->m.kinds = val == OPT_DATA ? MRC_DATA : MRC_FETCHES;
}

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct asked *a = ctx;

	switch (val) {
	case OPT_PAGE:
		return set_pages(&a->m, arg, e);
	case OPT_RATE:
		return set_rate(&a->m, arg, e);
	case OPT_SAMPLES:
	case OPT_POINTS:
	case OPT_SEED:
	case OPT_PROCESS:
	case OPT_AT:
		return set_number(&a->m, val, arg, e);
	case OPT_SVG:
		a->svg = arg;
		return 0;
	case OPT_STORE:
	case 'o':
		a->store = arg;
		return 0;
	case OPT_NAME:
		a->m.name = arg;
		return 0;
	default:
		set_flag(a, val);
		return 0;
	}
}

bool mrc_is_sampled(const struct mrc *m)
{
	return m->rate < CURVE_RATE_UNIT || m->samples;
}

const char *mrc_kinds_name(const struct mrc *m)
{
	static const char *const names[] = {"all", "data", "fetches"};

	return names[m->kinds];
}

static char *name_of(const struct mrc *m, const struct mrc_curve *c)
{
	size_t n = 80;
	char *name = mem_alloc_late(n, 1);
	char page[32];

	cmdline_bytes_text(page, sizeof page, UINT64_C(1) << c->shift);
	if (c->one_process && m->nr_shifts > 1)
		snprintf(name, n, "process %" PRIu32 ", pages of %s", c->pid, page);
	else if (c->one_process)
		snprintf(name, n, "process %" PRIu32, c->pid);
	else
		snprintf(name, n, "pages of %s", page);
	return name;
}

/* Appends the curves of one process (or of all) and returns the first one's number. */
static size_t add_curves(struct mrc *m, bool one_process, uint32_t pid)
{
	static const unsigned kinds[] = {7, 1u << ACCESS_LOAD | 1u << ACCESS_STORE, 1u << ACCESS_FETCH};
	size_t first = m->nr_curves;

	m->curves = mem_realloc(m->curves, first + m->nr_shifts, sizeof *m->curves);
	for (size_t i = 0; i < m->nr_shifts; i++) {
		struct mrc_curve *c = &m->curves[m->nr_curves++];
		const struct curve_config config = {.page_shift = m->shift[i],
						    .rate = m->rate,
						    .samples = m->samples,
						    .seed = m->seed,
						    .kinds = kinds[m->kinds]};

		*c = (struct mrc_curve){.curve = curve_new(&config),
					.shift = m->shift[i],
					.one_process = one_process,
					.pid = pid};
		c->name = name_of(m, c);
	}
	return first;
}

static int by_process(const void *a, const void *b)
{
	const struct mrc_curve *x = a, *y = b;

	return x->pid != y->pid ? (x->pid > y->pid) - (x->pid < y->pid)
				: (x->shift > y->shift) - (x->shift < y->shift);
}

/* The first curve for accesses of pid; UINT64_MAX when they do not count. */
static int curves_of(struct mrc *m, struct map *by_pid, uint32_t pid, uint64_t *first, struct err *e)
{
	*first = 0;
	if (m->one_process && pid != m->pid)
		*first = UINT64_MAX;
	if (!m->per_process || map_get(by_pid, pid, first))
		return 0;
	if (by_pid->len == PROCESSES_MAX)
		return err_set(e, ERR_LIMIT, "more than %d processes; take one with --process",
			       PROCESSES_MAX);
	*first = add_curves(m, true, pid);
	map_put(by_pid, pid, *first);
	return 0;
}

static int add_batch(struct mrc *m, struct map *by_pid, const struct batch *b, struct err *e)
{
	uint64_t first;
	int r = curves_of(m, by_pid, b->pid, &first, e);

	for (size_t i = 0; i < m->nr_shifts && first != UINT64_MAX && !r; i++)
		r = curve_add(m->curves[first + i].curve, b->pid, b->addr, b->meta, b->n, e);
	return r;
}

static int read_all(struct mrc *m, struct feed *f, struct err *e)
{
	struct map by_pid;
	struct batch b;
	int r;

	map_init(&by_pid);
	if (!m->per_process)
		add_curves(m, m->one_process, m->pid);
	while ((r = feed_next(f, &b, e)) > 0)
		if (b.n && (r = add_batch(m, &by_pid, &b, e)) < 0)
			break;
	map_release(&by_pid);
	if (r < 0)
		return r;
	if (m->per_process && m->nr_curves)
		qsort(m->curves, m->nr_curves, sizeof *m->curves, by_process);
	for (size_t i = 0; i < m->nr_curves; i++) {
		struct curve_sum s;

		curve_sum(m->curves[i].curve, &s);
		if (s.touches)
			return 0;
	}
	return err_set(e, feed_is_truncated(f) ? ERR_TRUNCATED : ERR_USAGE, "%s: no access to count%s%s",
		       f->path,
		       m->one_process        ? " in this process"
		       : m->kinds != MRC_ALL ? " of this kind"
					     : "",
		       feed_is_truncated(f) ? " before the cut" : "");
}

static void add_size(struct mrc_curve *c, uint64_t pages)
{
	if (!(c->nr_sizes & (c->nr_sizes - 1)))
		c->sizes = mem_realloc(c->sizes, MAX_OF(c->nr_sizes * 2, 1u), sizeof *c->sizes);
	c->sizes[c->nr_sizes++] = pages;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void sort_sizes(struct mrc_curve *c)
{
	size_t n = 0;

	if (c->nr_sizes)
		qsort(c->sizes, c->nr_sizes, sizeof *c->sizes, by_size);
	for (size_t i = 0; i < c->nr_sizes; i++)
		if (!n || c->sizes[n - 1] != c->sizes[i])
			c->sizes[n++] = c->sizes[i];
	c->nr_sizes = n;
}

/* Every size at which the curve falls, while there are not more than `most`; else false. */
static bool every_step(struct mrc_curve *c, uint64_t most)
{
	c->nr_sizes = 0;
	add_size(c, 1);
	for (uint64_t p = 1; (p = curve_next_step(c->curve, p));) {
		if (c->nr_sizes == most)
			return false;
		add_size(c, p);
	}
	return true;
}

/* `points` sizes from one page to where nothing but first touches misses, at equal ratios or distances. */
static void spread(struct mrc_curve *c, uint64_t points, bool linear)
{
	struct curve_sum s;
	double last;

	curve_sum(c->curve, &s);
	last = (double)s.deepest;
	c->nr_sizes = 0;
	for (uint64_t i = 0; i < points; i++) {
		double share = (double)i / (double)(points - 1);
		double p = linear ? 1 + share * (last - 1) : exp(share * log(last));

		add_size(c, MIN_OF((uint64_t)(p + 0.5), s.deepest));
	}
	add_size(c, s.deepest);
}

/* Powers of two up to the first that holds all. */
static void doubled(struct mrc_curve *c)
{
	struct curve_sum s;

	curve_sum(c->curve, &s);
	for (uint64_t p = 1; p < s.deepest; p *= 2)
		add_size(c, p);
	add_size(c, s.deepest);
}

/* Fills in the sizes of all curves; `points` when the user asked for none. */
static void choose_sizes(struct mrc *m, uint64_t points)
{
	for (size_t i = 0; i < m->nr_curves; i++) {
		struct mrc_curve *c = &m->curves[i];

		c->nr_sizes = 0;
		for (size_t k = 0; k < m->nr_at; k++)
			if (m->tlb || m->at[k] >> c->shift)
				add_size(c, m->tlb ? m->at[k] : m->at[k] >> c->shift);
		if (m->every)
			every_step(c, UINT64_MAX);
		else if (!m->nr_at && !m->points && points <= POINTS_TABLE)
			doubled(c);
		else if (!m->nr_at && !every_step(c, m->points ? m->points : points))
			spread(c, m->points ? m->points : points, m->linear);
		sort_sizes(c);
	}
}

static int give_out(struct asked *a, struct err *e)
{
	int r = 0;

	choose_sizes(&a->m, POINTS_FILE);
	if (a->store)
		r = mrc_store(&a->m, a->store, e);
	if (!r && a->svg)
		r = mrc_draw(&a->m, a->svg, e);
	if (r || ((a->store || a->svg) && !a->csv && !a->json))
		return r;
	if (a->csv)
		return mrc_print_csv(&a->m, e);
	if (a->json) {
		mrc_print_json(&a->m);
		return 0;
	}
	choose_sizes(&a->m, POINTS_TABLE);
	return mrc_print_table(&a->m, e);
}

static int mrc(struct asked *a, const char *path, struct err *e)
{
	struct feed f;
	int r = feed_open(&f, path, a->input.format, a->input.options, "mrc", e);

	if (r)
		return r;
	f.tolerant = true;
	a->m.path = path;
	r = read_all(&a->m, &f, e);
	if (!r && f.trace && a->store) {
		a->m.fingerprint = trace_fingerprint(f.trace, e);
		r = a->m.fingerprint ? 0 : -(int)e->code;
	}
	feed_wipe_progress(&f);
	if (!r)
		r = give_out(a, e);
	if (!r)
		r = feed_report_cut(&f, "the curve", e);
	feed_close(&f);
	return r;
}

static void release(struct asked *a)
{
	for (size_t i = 0; i < a->m.nr_curves; i++) {
		curve_free(a->m.curves[i].curve);
		mem_free(a->m.curves[i].name);
		mem_free(a->m.curves[i].sizes);
	}
	mem_free(a->m.curves);
	mem_free(a->m.at);
	mem_free(a->input.options);
}

static const char help[] =
	"The miss-ratio curve: which share of page touches an LRU memory of each size misses.\n"
	"Exact for all sizes in one pass over the trace, at page granularity.\n\n"
	"  --page SIZE[,…]   page sizes, powers of two from 4K on; 4K when left out\n"
	"  --process PID     only this process\n"
	"  --per-process     a curve for each process, each with a memory of its own\n"
	"  --data, --fetches only loads and stores; only instruction fetches\n"
	"  --tlb             sizes in entries of a fully associative LRU TLB; pages of 4K and 2M\n\n"
	"  --sampled         estimate from 16384 pages (SHARDS, fixed size): constant memory\n"
	"  --samples N       the same from N pages\n"
	"  --rate R          estimate from the share R of the pages (SHARDS, fixed rate), e.g. 0.01\n"
	"  --seed N          chooses the pages that are followed\n"
	"                    (estimates are poor for memories below some hundred pages)\n\n"
	"  --points N        at most N sizes, spread from one page to the whole\n"
	"  --every           every size at which the curve falls\n"
	"  --at SIZE[,…]     these sizes of memory (K, M, G, T: powers of 1024); with --tlb, entries\n"
	"  --csv, --json     as CSV, as JSON; without them, a table\n"
	"  --svg FILE        a picture; --linear: with a linear axis of sizes,\n"
	"                    --log-ratio: with a logarithmic axis of misses\n"
	"  -o STORE          into a result store, see its view v_mrc; --name NAME: under this name\n"
	"  --format F, --options K=V,…  as in convert\n";

int trace_mrc_main(int argc, char **argv)
{
	struct asked a = {.m = {.rate = CURVE_RATE_UNIT}};
	const struct cmdline line = {
		.verb = "mrc",
		.usage = "[--page SIZES] [--per-process] [--sampled] [--svg FILE] [--csv] [-o STORE] TRACE",
		.help = help,
		.options = options,
		.input = &a.input,
		.short_options = "o:",
		.min = 1,
		.max = 1,
		.set = set,
		.ctx = &a,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0 && a.m.one_process && a.m.per_process)
		r = err_set(&e, ERR_USAGE, "trace mrc: --process and --per-process exclude each other");
	if (r > 0 && a.csv && a.json)
		r = err_set(&e, ERR_USAGE, "trace mrc: --csv and --json exclude each other");
	if (!a.m.nr_shifts) {
		a.m.shift[a.m.nr_shifts++] = PAGE_SHIFT;
		if (a.m.tlb)
			a.m.shift[a.m.nr_shifts++] = 21;
	}
	if (r > 0)
		mrc(&a, argv[first], &e);
	release(&a);
	return inspect_status(&e);
}
