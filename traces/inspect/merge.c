/*
 * merge.c - `faultline trace merge IN… OUT.flt`: several traces as one, on one machine.
 *
 * The inputs take turns: the one that is least far goes on by a quantum. How far one is, is its instructions
 * (as if each had a machine of the same speed), its accesses or its recorded time; or they follow each other.
 * Numbers of processes, threads and files that clash are changed (rename.h).
 *
 * Memory: one decoded block a thread that lives, as for reading each of them.
 *
 * Not modelled: the order in which calls of different inputs took effect is not known; the one that comes out
 * of the turns is what a re-scheduled replay keeps as well.
 */
#include "traces/inspect/inspect.h"

#include <stdio.h>
#include <string.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "traces/inspect/rename.h"

#define INPUTS_MAX      64
#define QUANTUM_DEFAULT 20000
#define LINES_MAX       20

enum merge_option { OPT_BY = 1, OPT_QUANTUM, OPT_SHARE, OPT_QUIET };

enum merge_by { BY_INSTRUCTIONS, BY_ACCESSES, BY_TIME, BY_FILE };
static const char *const by_names[] = {"instructions", "accesses", "time", "file"};

struct input {
	const char *path;
	struct trace *trace;
	struct merged *merged;
	struct rename_input names;
	struct batch b; /* what is at hand, from access `at` on */
	size_t at;
	bool open, ended;
	uint64_t progress;
};

struct merge {
	enum merge_by by;
	uint64_t quantum;
	bool share_files, quiet;
	struct input *inputs;
	size_t nr_inputs;
	struct rename names;
	struct trace_writer *w;
	uint64_t accesses;
	char *program, *notes;
};

static const struct option options[] = {{"by", required_argument, NULL, OPT_BY},
					{"quantum", required_argument, NULL, OPT_QUANTUM},
					{"share-files", no_argument, NULL, OPT_SHARE},
					{"quiet", no_argument, NULL, OPT_QUIET},
					{0}};

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct merge *m = ctx;

	switch (val) {
	case OPT_BY:
		for (size_t i = 0; i < ARRAY_LEN(by_names); i++)
			if (!strcmp(arg, by_names[i])) {
				m->by = (enum merge_by)i;
				return 0;
			}
		return err_set(e, ERR_USAGE,
			       "--by: expected instructions, accesses, time or file, found \"%.60s\"", arg);
	case OPT_QUANTUM:
		if (cmdline_number("--quantum", arg, &m->quantum, e))
			return -(int)e->code;
		return m->quantum ? 0 : err_set(e, ERR_USAGE, "--quantum: expected at least 1");
	default:
		m->share_files |= val == OPT_SHARE;
		m->quiet |= val == OPT_QUIET;
		return 0;
	}
}

/* Has the numbers of all known threads, so that the first input keeps all of its own. */
static void reserve_names(struct merge *m, struct input *in)
{
	const struct trace_thread *th;

	for (size_t i = 0; (th = trace_thread(in->trace, i)); i++) {
		rename_id(&m->names, &in->names, th->pid);
		rename_id(&m->names, &in->names, th->tid);
	}
}

static int open_input(struct merge *m, struct input *in, const char *path, struct err *e)
{
	int r = trace_open_any(&in->trace, path, NULL, NULL, e);

	in->path = path;
	rename_input_init(&in->names, (uint64_t)(in - m->inputs));
	in->open = true;
	if (!r && m->by == BY_TIME && trace_provenance(in->trace)->no_times)
		r = err_set(e, ERR_USAGE, "%s: has no times; merge by instructions or accesses", path);
	if (!r)
		r = merged_open(&in->merged, in->trace, e);
	return r;
}

static void close_inputs(struct merge *m)
{
	for (size_t i = 0; i < m->nr_inputs; i++) {
		struct input *in = &m->inputs[i];

		merged_close(in->merged);
		trace_close(in->trace);
		if (in->open)
			rename_input_release(&in->names);
	}
	mem_free(m->inputs);
}

/* The input that is least far, the first of those that are equally far; NULL at the end of all. */
static struct input *least_far(struct merge *m)
{
	struct input *best = NULL;

	for (size_t i = 0; i < m->nr_inputs; i++) {
		struct input *in = &m->inputs[i];

		if (!in->ended && (!best || in->progress < best->progress))
			best = in;
		if (best && m->by == BY_FILE)
			break;
	}
	return best;
}

/* Accesses of the batch at hand that make up a quantum; counts them. */
static size_t take(const struct merge *m, struct input *in)
{
	size_t left = in->b.n - in->at, n = left;
	uint64_t before = in->progress, goal = before + m->quantum;

	if (m->by == BY_ACCESSES) {
		n = (size_t)MIN_OF((uint64_t)left, m->quantum);
		in->progress += n;
	} else if (m->by == BY_INSTRUCTIONS) {
		for (n = 0; n < left && in->progress < goal; n++)
			in->progress += META_ICOUNT(in->b.meta[in->at + n]);
		if (in->progress == before) /* no instructions were recorded */
			in->progress += n;
	}
	return n;
}

static void pass_control(const struct merge *m, struct input *in)
{
	const struct control *c = in->b.control;

	if (m->by == BY_TIME)
		in->progress = MAX_OF(in->progress, c->time_ns);
	else if (m->by == BY_INSTRUCTIONS && c->op == REC_INSTR)
		in->progress += c->arg[0];
}

/* Writes a quantum of the input, or up to its next control record. */
static int go_on(struct merge *m, struct input *in, struct err *e)
{
	struct control c;
	struct batch out;
	int r = 1;

	if (in->at == in->b.n && !in->b.control) {
		r = merged_next(in->merged, &in->b, e);
		in->at = 0;
	}
	in->ended = r == 0;
	if (r <= 0)
		return r;
	out = (struct batch){.pid = rename_id(&m->names, &in->names, in->b.pid),
			     .tid = rename_id(&m->names, &in->names, in->b.tid),
			     .n = take(m, in),
			     .addr = in->b.addr + in->at,
			     .meta = in->b.meta + in->at};
	in->at += out.n;
	m->accesses += out.n;
	if (in->at == in->b.n && in->b.control) {
		c = *in->b.control;
		pass_control(m, in);
		in->b.control = NULL;
		out.control = rename_control(&m->names, &in->names, &c) ? &c : NULL;
	}
	return out.n || out.control ? trace_writer_batch(m->w, &out, e) : 0;
}

static int copy_all(struct merge *m, struct err *e)
{
	struct progress *progress;
	struct trace_counts c;
	uint64_t total = 0;
	struct input *in;
	int r = 0;

	for (size_t i = 0; i < m->nr_inputs && !r; i++) {
		if (!trace_is_truncated(m->inputs[i].trace))
			r = trace_counts(m->inputs[i].trace, &c, e);
		total += r ? 0 : c.accesses;
	}
	progress = progress_new("merge", total);
	while (!r && (in = least_far(m))) {
		r = go_on(m, in, e);
		if (!r && cli_interrupted())
			r = err_set(e, ERR_INTERRUPTED, "interrupted");
		progress_update(progress, m->accesses, NULL);
	}
	progress_free(progress);
	return r;
}

static void append(char **text, const char *sep, const char *more)
{
	size_t old = *text ? strlen(*text) : 0, n = old + strlen(sep) + strlen(more) + 1;

	*text = mem_realloc(*text, n, 1);
	snprintf(*text + old, n - old, "%s%s", old ? sep : "", more);
}

/* What is known of all inputs together; the strings are m's. */
static void provenance_of(struct merge *m, struct provenance *p)
{
	char how[160];

	*p = (struct provenance){.recorder = "faultline trace merge"};
	snprintf(how, sizeof how, "by %s, quantum %" PRIu64 ", files %s: ", by_names[m->by], m->quantum,
		 m->share_files ? "shared by path" : "kept apart");
	append(&m->notes, "", "merged ");
	append(&m->notes, "", how);
	for (size_t i = 0; i < m->nr_inputs; i++) {
		const struct provenance *q = trace_provenance(m->inputs[i].trace);
		const char *slash = strrchr(m->inputs[i].path, '/');

		append(&m->program, " + ", q->program ? q->program : "unknown");
		append(&m->notes, i ? ", " : "", slash ? slash + 1 : m->inputs[i].path);
		p->no_threads |= q->no_threads;
		p->no_sizes |= q->no_sizes;
		p->no_times |= q->no_times;
		p->no_fetches |= q->no_fetches;
		p->physical |= q->physical;
		p->sampled |= q->sampled;
	}
	p->program = m->program;
	p->notes = m->notes;
}

static void say_names(struct merge *m)
{
	size_t lines = 0;

	for (size_t i = 0; i < m->nr_inputs; i++) {
		struct input *in = &m->inputs[i];
		const struct trace_thread *th;

		for (size_t k = 0; (th = trace_thread(in->trace, k)); k++) {
			uint32_t pid = rename_id(&m->names, &in->names, th->pid);

			if (th->pid != th->tid || pid == th->pid)
				continue;
			if (lines++ == LINES_MAX)
				printf("…\n");
			else if (lines <= LINES_MAX)
				printf("%s: process %" PRIu32 " is now %" PRIu32 "\n", in->path, th->pid,
				       pid);
		}
	}
}

static int write_out(struct merge *m, const char *path, struct err *e)
{
	struct provenance p;
	struct output o;
	int r;

	provenance_of(m, &p);
	r = output_open(&o, path, &p, 0, e);
	if (r)
		return r;
	m->w = o.writer;
	return output_end(&o, copy_all(m, e), e);
}

static int merge(struct merge *m, char **paths, size_t n, const char *out, struct err *e)
{
	int r = 0;

	m->inputs = mem_alloc_late(n, sizeof *m->inputs);
	m->nr_inputs = n;
	rename_init(&m->names, m->share_files);
	for (size_t i = 0; i < n && !r; i++)
		r = open_input(m, &m->inputs[i], paths[i], e);
	for (size_t i = 0; i < n && !r; i++)
		reserve_names(m, &m->inputs[i]);
	if (!r)
		r = write_out(m, out, e);
	if (!r && !m->quiet)
		say_names(m);
	for (size_t i = 0; i < n && !r; i++)
		if (trace_is_truncated(m->inputs[i].trace))
			r = err_set(e, ERR_TRUNCATED, "%s: cut off; all before the cut was merged", paths[i]);
	close_inputs(m);
	rename_release(&m->names);
	mem_free(m->program);
	mem_free(m->notes);
	return r;
}

static const char help[] =
	"Puts several traces on one machine: their processes take turns.\n\n"
	"  --by instructions  each as far as the others in executed instructions (when left out)\n"
	"  --by accesses      in accesses; --by time: in recorded time; --by file: one after another\n"
	"  --quantum N        a turn takes N instructions or accesses, 20000 when left out\n"
	"  --share-files      files of the same path are one file; without it, each trace has its own\n"
	"  --quiet            does not say which process numbers were changed\n\n"
	"Numbers of processes and threads that clash are changed, those of the first trace stay.\n";

int trace_merge_main(int argc, char **argv)
{
	struct merge m = {.quantum = QUANTUM_DEFAULT};
	const struct cmdline line = {
		.verb = "merge",
		.usage =
			"[--by instructions|accesses|time|file] [--quantum N] [--share-files] IN IN… OUT.flt",
		.help = help,
		.options = options,
		.min = 3,
		.max = INPUTS_MAX + 1,
		.set = set,
		.ctx = &m,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0)
		merge(&m, argv + first, (size_t)(argc - first - 1), argv[argc - 1], &e);
	return inspect_status(&e);
}
