/*
 * info.c - `faultline trace info FILE`: what is in a trace, for people or as JSON.
 *
 * Totals come from the footer. Unless --quick, the control records are counted by their kind, which reads the
 * control sections of all blocks and decodes no access, and the fingerprint reads the file's bytes. --full
 * decodes everything once (summary.h). A foreign file is imported into a temporary native one first
 * (trace_open_any).
 */
#include "traces/inspect/inspect.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "traces/inspect/summary.h"

enum info_option { OPT_JSON = 1, OPT_QUICK, OPT_FULL, OPT_WINDOWS };

#define WINDOWS_DEFAULT 20
#define WINDOWS_MAX     100000

struct info {
	struct cmdline_input input;
	bool json, quick, full;
	uint64_t windows;
	/* found out */
	struct trace_counts counts;
	uint64_t by_op[REC_NR];
	uint64_t bytes;
	const char *fingerprint; /* NULL: --quick */
	struct summary summary;  /* --full */
};

static const struct option options[] = {{"json", no_argument, NULL, OPT_JSON},
					{"quick", no_argument, NULL, OPT_QUICK},
					{"full", no_argument, NULL, OPT_FULL},
					{"windows", required_argument, NULL, OPT_WINDOWS},
					{0}};

static int set_windows(struct info *i, const char *arg, struct err *e)
{
	int r = cmdline_number("--windows", arg, &i->windows, e);

	if (!r && (i->windows < 1 || i->windows > WINDOWS_MAX))
		r = err_set(e, ERR_USAGE, "--windows: expected 1 … %d, found %s", WINDOWS_MAX, arg);
	i->full = true;
	return r;
}

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct info *i = ctx;

	switch (val) {
	case OPT_WINDOWS:
		return set_windows(i, arg, e);
	default:
		i->json |= val == OPT_JSON;
		i->quick |= val == OPT_QUICK;
		i->full |= val == OPT_FULL;
		return 0;
	}
}

static int count_controls(struct info *in, struct trace *t, struct err *e)
{
	struct progress *progress = progress_new("info", in->counts.accesses);
	uint64_t done = 0;
	int r = 0;

	for (size_t i = 0; !r && i < trace_nr_threads(t); i++) {
		struct stream *s;
		struct batch b;

		r = stream_open(&s, t, i, e);
		if (r)
			break;
		while ((r = stream_skim(s, &b, e)) > 0 && !cli_interrupted()) {
			if (b.control)
				in->by_op[b.control->op]++;
			done += b.n;
			progress_update(progress, done, NULL);
		}
		stream_close(s);
		if (r > 0)
			r = err_set(e, ERR_INTERRUPTED, "interrupted");
	}
	progress_free(progress);
	return r;
}

/* Decodes all accesses in the recorded order. */
static int summarise(struct info *in, struct trace *t, const char *path, struct err *e)
{
	struct progress *progress = progress_new("info", in->counts.accesses);
	struct merged *m;
	uint64_t done = 0;
	struct batch b;
	int r = merged_open(&m, t, e);

	while (!r && (r = merged_next(m, &b, e)) > 0) {
		r = summary_add(&in->summary, &b, e);
		done += b.n;
		progress_update(progress, done, NULL);
		if (!r && cli_interrupted())
			r = err_set(e, ERR_INTERRUPTED, "%s: interrupted", path);
	}
	merged_close(m);
	progress_free(progress);
	summary_finish(&in->summary);
	return r;
}

static double bytes_per_access(const struct info *in)
{
	return in->counts.accesses ? (double)in->bytes / (double)in->counts.accesses : 0;
}

static void print_json(struct info *in, struct trace *t, const char *path)
{
	const struct trace_counts *c = &in->counts;
	const char *sep = "";

	printf("{\n  \"file\": ");
	cmdline_json_string(stdout, path);
	printf(",\n  \"bytes\": %" PRIu64 ",\n", in->bytes);
	printf("  \"accesses\": %" PRIu64 ",\n  \"reads\": %" PRIu64 ",\n  \"writes\": %" PRIu64
	       ",\n  \"fetches\": %" PRIu64 ",\n",
	       c->accesses, c->reads, c->writes, c->fetches);
	printf("  \"instructions\": %" PRIu64 ",\n  \"processes\": %" PRIu32 ",\n  \"threads\": %" PRIu32
	       ",\n  \"footprint_pages\": %" PRIu64 ",\n",
	       c->instructions, c->processes, c->threads, c->footprint_pages);
	printf("  \"bytes_per_access\": %.6g,\n  \"blocks\": %" PRIu64 ",\n", bytes_per_access(in),
	       c->blocks);
	printf("  \"has_mappings\": %s,\n  \"truncated\": %s,\n", trace_has_mappings(t) ? "true" : "false",
	       trace_is_truncated(t) ? "true" : "false");
	printf("  \"controls\": %" PRIu64 ",\n", c->controls);
	if (!in->quick) {
		printf("  \"controls_by_op\": {");
		for (unsigned op = 0; op < REC_NR; op++)
			if (in->by_op[op]) {
				printf("%s\"%s\": %" PRIu64, sep, record_op_info(op)->name, in->by_op[op]);
				sep = ", ";
			}
		printf("},\n  \"fingerprint\": \"%s\",\n", in->fingerprint);
	}
	printf("  \"provenance\": %s", trace_provenance_json(t));
	if (in->full)
		summary_print_json(&in->summary);
	printf("\n}\n");
}

/* Wraps text at the terminal's width behind the label's column. */
static void wrapped(const char *label, const char *text)
{
	size_t width = cli_columns(stdout), room = width > 40 ? width - 16 : 24;

	printf("%-15s", label);
	while (*text) {
		size_t n = strlen(text), k;

		if (n > room) {
			for (k = room; k > 0 && text[k] != ' '; k--)
				;
			n = k ? k : strcspn(text, " ");
		}
		printf(" %.*s\n", (int)n, text);
		text += n;
		text += strspn(text, " ");
		if (*text)
			printf("%-15s", "");
	}
}

static void print_provenance(const struct provenance *p)
{
	static const char *const labels[] = {"program", "arguments", "recorder", "recorded", "host", "notes"};
	const char *const values[] = {p->program,     p->arguments, p->recorder,
				      p->recorded_at, p->host,      p->notes};
	const struct {
		bool is;
		const char *what;
	} lacks[] = {{p->no_threads, "threads"},
		     {p->no_sizes, "sizes"},
		     {p->no_times, "times"},
		     {p->no_fetches, "instruction fetches"}};
	char text[80] = "";

	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		if (values[i])
			wrapped(labels[i], values[i]);
	for (size_t i = 0; i < ARRAY_LEN(lacks); i++)
		if (lacks[i].is)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", *text ? ", " : "",
				 lacks[i].what);
	if (*text)
		wrapped("not recorded", text);
	if (p->sampled)
		wrapped("kind", "a sample of the accesses, not all");
	if (p->physical)
		wrapped("kind", "physical addresses");
}

/* "1 234 567" */
static const char *grouped(char *buf, size_t size, uint64_t v)
{
	char digits[24];
	size_t n = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, v), used = 0;

	for (size_t i = 0; i < n && used + 2 < size; i++) {
		if (i && (n - i) % 3 == 0)
			buf[used++] = ' ';
		buf[used++] = digits[i];
	}
	buf[used] = '\0';
	return buf;
}

static void number(const char *label, uint64_t v, const char *detail)
{
	char buf[40];

	printf("%-15s %20s%s%s\n", label, grouped(buf, sizeof buf, v), *detail ? "   " : "", detail);
}

static void share(const char *label, uint64_t part, uint64_t all)
{
	char detail[32];

	snprintf(detail, sizeof detail, "%.1f %%", all ? 100.0 * (double)part / (double)all : 0.0);
	if (part)
		number(label, part, detail);
}

static void print_controls(const struct info *in)
{
	char *text = NULL;

	for (unsigned op = 0; op < REC_NR; op++)
		if (in->by_op[op]) {
			char one[64];

			snprintf(one, sizeof one, "%s %" PRIu64, record_op_info(op)->name, in->by_op[op]);
			cmdline_join(&text, one);
		}
	for (char *p = text; p && *p; p++)
		if (*p == ' ')
			*p = '\x01'; /* a name and its number stay together */
		else if (*p == ',')
			*p = ' ';
	if (text) {
		char *spaced = mem_alloc_late(2 * strlen(text) + 1, 1), *out = spaced;

		for (const char *p = text; *p; p++) {
			if (*p == ' ')
				*out++ = ',';
			*out++ = *p;
		}
		for (out = spaced; *out; out++)
			*out = *out == '\x01' ? '=' : *out;
		wrapped("", spaced);
		mem_free(spaced);
	}
	mem_free(text);
}

static void print_page(const struct info *in, struct trace *t, const char *path)
{
	const struct trace_counts *c = &in->counts;
	char detail[64];

	wrapped("trace", path);
	print_provenance(trace_provenance(t));
	printf("\n");
	number("accesses", c->accesses, "");
	share("  loads", c->reads, c->accesses);
	share("  stores", c->writes, c->accesses);
	share("  fetches", c->fetches, c->accesses);
	number("instructions", c->instructions, "");
	snprintf(detail, sizeof detail, "pages of 4 KiB = %.1f MiB", (double)c->footprint_pages / 256);
	number("footprint", c->footprint_pages, detail);
	number("processes", c->processes, "");
	number("threads", c->threads, "");
	number("controls", c->controls, trace_has_mappings(t) ? "with mappings" : "without mappings");
	print_controls(in);
	printf("\n");
	snprintf(detail, sizeof detail, "%.3f bytes an access", bytes_per_access(in));
	number("bytes", in->bytes, detail);
	number("blocks", c->blocks, "");
	if (in->fingerprint)
		wrapped("fingerprint", in->fingerprint);
	if (trace_is_truncated(t))
		wrapped("truncated", "yes: the end is missing; the numbers are of what is there");
}

/* What is not in the footer. */
static int find_out(struct info *in, struct trace *t, const char *path, struct err *e)
{
	int r = count_controls(in, t, e);

	if (!r) {
		in->fingerprint = trace_fingerprint(t, e);
		r = in->fingerprint ? 0 : -(int)e->code;
	}
	return r || !in->full ? r : summarise(in, t, path, e);
}

static int info(struct info *in, const char *path, struct err *e)
{
	struct trace *t;
	struct stat st;
	int r = trace_open_any(&t, path, in->input.format, in->input.options, e);

	if (r)
		return r;
	in->bytes = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	r = trace_counts(t, &in->counts, e);
	if (in->full)
		summary_init(&in->summary, in->counts.accesses, in->windows);
	if (!r && !in->quick)
		r = find_out(in, t, path, e);
	if (!r && in->json)
		print_json(in, t, path);
	else if (!r)
		print_page(in, t, path);
	if (!r && !in->json && in->full)
		r = summary_print(&in->summary, e);
	if (in->full)
		summary_release(&in->summary);
	trace_close(t);
	return r;
}

int trace_info_main(int argc, char **argv)
{
	struct info in = {.windows = WINDOWS_DEFAULT};
	const struct cmdline line = {
		.verb = "info",
		.usage = "[--quick | --full] [--windows N] [--json] [--format F] [--options K=V,…] FILE",
		.help = "Says what a trace holds and where it comes from.\n\n"
			"  --quick          what header and footer say, nothing else is read\n"
			"  (neither)        also the control records by kind and the fingerprint\n"
			"  --full           also threads, mappings, sizes, strides, reuse and the working "
			"set\n"
			"                   over time: decodes every access\n"
			"  --windows N      the working set in N windows, 20 when left out; implies --full\n"
			"  --json           as a JSON object\n"
			"  --format F       format of FILE; without it, the first bytes tell\n"
			"  --options K=V,…  options of the format\n",
		.options = options,
		.input = &in.input,
		.min = 1,
		.max = 1,
		.set = set,
		.ctx = &in,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0 && in.quick && in.full)
		r = err_set(&e, ERR_USAGE, "trace info: --quick and --full exclude each other");
	if (r > 0)
		info(&in, argv[first], &e);
	mem_free(in.input.options);
	return inspect_status(&e);
}
