/*
 * diff.c - `faultline trace diff A B`: the first record in which two traces differ, and their counts.
 *
 * Records are compared in the recorded order, wherever the files cut their pieces; with --threads each
 * thread's on their own, whatever their order among each other. Exit status 0: the same records; 1: they
 * differ.
 */
#include "traces/inspect/inspect.h"

#include <stdio.h>
#include <string.h>

#include "sim/cli.h"
#include "sim/map.h"
#include "sim/mem.h"
#include "traces/inspect/feed.h"
#include "traces/textform.h"

enum diff_option { OPT_QUICK = 1, OPT_NO_TIMES, OPT_THREADS, OPT_FORMAT };

#define STATUS_DIFFERENT 1

struct tally {
	uint64_t accesses, kinds[4], instructions, controls, by_op[REC_NR];
	struct map threads, processes;
};

struct side {
	struct feed f;
	/* --threads: instead of the feed */
	struct trace *trace;
	struct stream *stream;
	struct batch b; /* what is at hand, from access `at` on */
	size_t at;
	bool ended;
	struct tally tally;
};

struct diff {
	bool quick, no_times, threads, different;
	const char *format;
	struct side side[2];
};

static const struct option options[] = {{"quick", no_argument, NULL, OPT_QUICK},
					{"no-times", no_argument, NULL, OPT_NO_TIMES},
					{"threads", no_argument, NULL, OPT_THREADS},
					{"format", required_argument, NULL, OPT_FORMAT},
					{0}};

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct diff *d = ctx;

	(void)e;
	if (val == OPT_FORMAT)
		d->format = arg;
	d->quick |= val == OPT_QUICK;
	d->no_times |= val == OPT_NO_TIMES;
	d->threads |= val == OPT_THREADS;
	return 0;
}

static void count(struct tally *t, const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		t->kinds[META_KIND(b->meta[i])]++;
		t->instructions += META_ICOUNT(b->meta[i]);
	}
	t->accesses += b->n;
	map_put(&t->threads, (uint64_t)b->pid << 32 | b->tid, 0);
	map_put(&t->processes, b->pid, 0);
	if (!b->control)
		return;
	t->controls++;
	t->by_op[b->control->op]++;
	if (b->control->op == REC_INSTR)
		t->instructions += b->control->arg[0];
}

static int next(struct side *s, struct err *e)
{
	if (!s->trace)
		return feed_next(&s->f, &s->b, e);
	if (cli_interrupted())
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	return s->stream ? stream_next(s->stream, &s->b, e) : 0;
}

/* Has something at hand unless the trace is at its end. */
static int fill(struct side *s, struct err *e)
{
	int r = 1;

	while (!s->ended && s->at == s->b.n && !s->b.control) {
		r = next(s, e);
		if (r < 0)
			return r;
		s->at = 0;
		s->ended = r == 0;
		if (s->ended)
			s->b = (struct batch){0};
		else
			count(&s->tally, &s->b);
	}
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_control(const struct diff *d, const struct control *a, const struct control *b)
{
	unsigned n = record_op_info(a->op)->nr_args;

	if (a->op != b->op || a->pid != b->pid || a->tid != b->tid || a->result != b->result ||
	    !same_text(a->text, b->text) || memcmp(a->arg, b->arg, n * sizeof *a->arg) != 0)
		return false;
	return d->no_times || (a->time_ns == b->time_ns && a->cpu == b->cpu);
}

/* Passes the accesses that both have at hand and that are the same: false when one differs. */
static bool same_accesses(struct side *a, struct side *b)
{
	size_t n = MIN_OF(a->b.n - a->at, b->b.n - b->at);

	if (a->b.pid != b->b.pid || a->b.tid != b->b.tid)
		return false;
	for (size_t i = 0; i < n; i++, a->at++, b->at++)
		if (a->b.addr[a->at] != b->b.addr[b->at] ||
		    ((a->b.meta[a->at] ^ b->b.meta[b->at]) & ~META_SPLIT))
			return false;
	return true;
}

/* Compares what is at hand and moves on; false at a difference, where it stays. */
static bool same_next(struct diff *d)
{
	struct side *a = &d->side[0], *b = &d->side[1];

	if (a->at < a->b.n && b->at < b->b.n)
		return same_accesses(a, b);
	if (a->at < a->b.n || b->at < b->b.n || !a->b.control || !b->b.control ||
	    !same_control(d, a->b.control, b->b.control))
		return false;
	a->b.control = b->b.control = NULL;
	return true;
}

static int find_difference(struct diff *d, struct err *e)
{
	int r;

	for (;;) {
		r = fill(&d->side[0], e);
		if (!r)
			r = fill(&d->side[1], e);
		if (r || (d->side[0].ended && d->side[1].ended))
			return r;
		if (!same_next(d)) {
			d->different = true;
			return 0;
		}
	}
}

static void print_record(const struct side *s, char sign)
{
	char line[TEXTFORM_ACCESS_MAX];
	size_t n;

	printf("%c ", sign);
	if (s->ended) {
		printf("(the trace ends)\n");
	} else if (s->at < s->b.n) {
		n = textform_access(line, s->b.pid, s->b.tid, s->b.addr[s->at], s->b.meta[s->at]);
		fwrite(line, 1, n, stdout);
	} else {
		textform_control(stdout, s->b.control);
	}
}

/* Positions are counted from `since`. */
static void print_difference(const struct diff *d, const struct tally *since)
{
	const struct side *a = &d->side[0], *b = &d->side[1];

	printf("first difference behind %" PRIu64 " accesses and %" PRIu64 " control records:\n",
	       a->tally.accesses - since->accesses - (a->b.n - a->at),
	       a->tally.controls - since->controls - (a->b.control != NULL));
	print_record(a, '<');
	print_record(b, '>');
	printf("\n");
}

static void row(struct table *t, const char *what, uint64_t a, uint64_t b)
{
	if (!a && !b)
		return;
	table_cell(t, what, false);
	table_cellf(t, true, "%" PRIu64, a);
	table_cellf(t, true, "%" PRIu64, b);
	table_cellf(t, true, "%+" PRId64, (int64_t)(b - a));
}

static int print_counts(const struct diff *d, struct err *e)
{
	static const char *const names[] = {"", "A", "B", "B - A"};
	static const char *const kinds[] = {"loads", "stores", "fetches"};
	const struct tally *a = &d->side[0].tally, *b = &d->side[1].tally;
	struct table *t = table_new(TABLE_ALIGNED, ARRAY_LEN(names), names);

	row(t, "accesses", a->accesses, b->accesses);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		row(t, kinds[i], a->kinds[i], b->kinds[i]);
	row(t, "instructions", a->instructions, b->instructions);
	row(t, "processes", a->processes.len, b->processes.len);
	row(t, "threads", a->threads.len, b->threads.len);
	row(t, "controls", a->controls, b->controls);
	for (unsigned op = 0; op < REC_NR; op++)
		if (a->by_op[op] || b->by_op[op])
			row(t, record_op_info(op)->name, a->by_op[op], b->by_op[op]);
	return table_finish(t, stdout, e);
}

/* Reads what is left, to count it. */
static int read_rest(struct diff *d, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < 2 && !r; i++)
		while (!d->side[i].ended && (r = next(&d->side[i], e)) > 0)
			count(&d->side[i].tally, &d->side[i].b);
	return r;
}

static void print_same(const struct diff *d)
{
	printf("the same: %" PRIu64 " accesses, %" PRIu64 " control records\n", d->side[0].tally.accesses,
	       d->side[0].tally.controls);
}

static int report(struct diff *d, struct err *e)
{
	const struct tally none = {0};
	int r = 0;

	feed_wipe_progress(&d->side[0].f);
	if (!d->different) {
		print_same(d);
		return 0;
	}
	print_difference(d, &none);
	if (d->quick)
		return 0;
	r = read_rest(d, e);
	return r ? r : print_counts(d, e);
}

/* Opens the stream of thread pid.tid at its beginning; none when the trace has no such thread. */
static int begin_thread(struct side *s, uint32_t pid, uint32_t tid, struct err *e)
{
	const struct trace_thread *th;
	int r = 0;

	s->ended = false;
	s->b = (struct batch){0};
	s->at = 0;
	for (size_t i = 0; (th = trace_thread(s->trace, i)) && !r && !s->stream; i++)
		if (th->pid == pid && th->tid == tid)
			r = stream_open(&s->stream, s->trace, i, e);
	return r;
}

/* Compares one thread; prints its first difference. */
static int compare_thread(struct diff *d, uint32_t pid, uint32_t tid, struct err *e)
{
	struct tally before = d->side[0].tally;
	bool different = d->different;
	int r = begin_thread(&d->side[0], pid, tid, e);

	if (!r)
		r = begin_thread(&d->side[1], pid, tid, e);
	d->different = false;
	if (!r)
		r = find_difference(d, e);
	if (!r && d->different) {
		printf("thread %" PRIu32 ".%" PRIu32 ": ", pid, tid);
		print_difference(d, &before);
		r = d->quick ? 0 : read_rest(d, e);
	}
	d->different |= different;
	for (size_t i = 0; i < 2; i++) {
		stream_close(d->side[i].stream);
		d->side[i].stream = NULL;
	}
	return r;
}

static bool has_thread(const struct trace *t, const struct trace_thread *wanted)
{
	const struct trace_thread *th;

	for (size_t i = 0; (th = trace_thread(t, i)); i++)
		if (th->pid == wanted->pid && th->tid == wanted->tid)
			return true;
	return false;
}

/* All threads of the first trace, then those that only the second one has. */
static int compare_threads(struct diff *d, struct err *e)
{
	struct trace *a = d->side[0].trace, *b = d->side[1].trace;
	const struct trace_thread *th;
	int r = 0;

	for (size_t i = 0; !r && (th = trace_thread(a, i)) && !(d->quick && d->different); i++)
		r = compare_thread(d, th->pid, th->tid, e);
	for (size_t i = 0; !r && (th = trace_thread(b, i)) && !(d->quick && d->different); i++)
		if (!has_thread(a, th))
			r = compare_thread(d, th->pid, th->tid, e);
	if (!r && !d->different)
		print_same(d);
	else if (!r && !d->quick)
		r = print_counts(d, e);
	return r;
}

static int diff_threads(struct diff *d, const char *a, const char *b, struct err *e)
{
	const char *const paths[] = {a, b};
	int r = 0;

	for (size_t i = 0; i < 2 && !r; i++) {
		map_init(&d->side[i].tally.threads);
		map_init(&d->side[i].tally.processes);
		r = trace_open_any(&d->side[i].trace, paths[i], d->format, NULL, e);
	}
	if (!r)
		r = compare_threads(d, e);
	for (size_t i = 0; i < 2; i++) {
		if (!r && trace_is_truncated(d->side[i].trace))
			r = err_set(e, ERR_TRUNCATED, "%s: cut off; what was compared is of what is there",
				    paths[i]);
		trace_close(d->side[i].trace);
	}
	return r;
}

static int open_side(struct diff *d, size_t i, const char *path, struct err *e)
{
	struct side *s = &d->side[i];

	map_init(&s->tally.threads);
	map_init(&s->tally.processes);
	return feed_open(&s->f, path, d->format, NULL, i ? NULL : "diff", e);
}

static int diff(struct diff *d, const char *a, const char *b, struct err *e)
{
	int r = open_side(d, 0, a, e);

	if (r)
		return r;
	r = open_side(d, 1, b, e);
	if (!r) {
		d->side[0].f.tolerant = d->side[1].f.tolerant = true;
		r = find_difference(d, e);
		if (!r)
			r = report(d, e);
		for (size_t i = 0; i < 2 && !r; i++)
			r = feed_report_cut(&d->side[i].f, "what was compared", e);
		feed_close(&d->side[1].f);
	}
	feed_close(&d->side[0].f);
	return r;
}

int trace_diff_main(int argc, char **argv)
{
	struct diff d = {0};
	const struct cmdline line = {
		.verb = "diff",
		.usage = "[--threads] [--quick] [--no-times] [--format F] A B",
		.help = "Shows the first record in which two traces differ, and what each holds.\n"
			"Exit status 0: the same records; 1: they differ.\n\n"
			"  --threads   each thread on its own: their order among each other may differ\n"
			"  --quick     stops at the first difference\n"
			"  --no-times  times and CPUs of control records may differ\n"
			"  --format F  format of A and B; without it, the first bytes tell\n",
		.options = options,
		.min = 2,
		.max = 2,
		.set = set,
		.ctx = &d,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0)
		(d.threads ? diff_threads : diff)(&d, argv[first], argv[first + 1], &e);
	for (size_t i = 0; i < 2; i++) {
		map_release(&d.side[i].tally.threads);
		map_release(&d.side[i].tally.processes);
	}
	return e.code ? inspect_status(&e) : d.different ? STATUS_DIFFERENT : 0;
}
