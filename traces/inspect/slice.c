/*
 * slice.c - `faultline trace slice IN OUT.flt`: a window of a trace that can be replayed alone.
 *
 * Of what precedes the window, the control records that build up state are kept: processes, threads, files
 * (as large as they have become), mappings, protections, locks, policies, affinity. The accesses and whatever
 * had only an effect of the moment (reads, writes, syncs, sleeps, marks, advice to drop or fetch pages) are
 * left out. With
 * --process or --thread the other processes keep their state-building records, because a process inherits
 * from its parents, and lose everything else; positions then count what is selected.
 *
 * Not modelled: page contents and residency at the start of the window: the slice starts cold.
 */
#include "traces/inspect/inspect.h"

#include <stdio.h>
#include <string.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/inspect/feed.h"

#define ADVICE_SEQUENTIAL 2u /* the last of normal, random, sequential; of madvise and fadvise */
#define ADVICE_REMOVE     9u
#define ADVICE_HOLD_LAST  19u /* MADV_KEEPONFORK: the last of those that mark the mapping */

enum slice_option {
	OPT_FROM = 1,
	OPT_COUNT,
	OPT_INSTRUCTIONS,
	OPT_THREAD,
	OPT_PROCESS,
	OPT_FORMAT,
	OPT_OPTIONS
};

struct slice {
	uint64_t from, count;
	bool instructions, one_thread, one_process;
	uint32_t pid, tid;
	const char *format;
	char *options;
	/* as it goes */
	uint64_t pos, written; /* selected accesses or instructions passed; accesses written */
	struct map file_size;
	bool done;
};

static const struct option options[] = {{"from", required_argument, NULL, OPT_FROM},
					{"count", required_argument, NULL, OPT_COUNT},
					{"instructions", no_argument, NULL, OPT_INSTRUCTIONS},
					{"thread", required_argument, NULL, OPT_THREAD},
					{"process", required_argument, NULL, OPT_PROCESS},
					{"format", required_argument, NULL, OPT_FORMAT},
					{"options", required_argument, NULL, OPT_OPTIONS},
					{0}};

static int set_selection(struct slice *s, int val, const char *arg, struct err *e)
{
	const char *expected = val == OPT_THREAD ? "--thread: expected PID.TID" : "--process: expected PID";
	char rest;

	if (val == OPT_THREAD)
		s->one_thread = sscanf(arg, "%" SCNu32 ".%" SCNu32 "%c", &s->pid, &s->tid, &rest) == 2;
	else
		s->one_process = sscanf(arg, "%" SCNu32 "%c", &s->pid, &rest) == 1;
	if (val == OPT_THREAD ? s->one_thread : s->one_process)
		return 0;
	return err_set(e, ERR_USAGE, "%s, found \"%.60s\"", expected, arg);
}

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct slice *s = ctx;

	switch (val) {
	case OPT_FROM:
		return cmdline_number("--from", arg, &s->from, e);
	case OPT_COUNT:
		return cmdline_number("--count", arg, &s->count, e);
	case OPT_INSTRUCTIONS:
		s->instructions = true;
		return 0;
	case OPT_FORMAT:
		s->format = arg;
		return 0;
	case OPT_OPTIONS:
		cmdline_join(&s->options, arg);
		return 0;
	default:
		return set_selection(s, val, arg, e);
	}
}

/* Advice that holds on, as opposed to advice that does something at once. */
static bool advice_stays(enum record_op op, uint64_t advice)
{
	return advice <= ADVICE_SEQUENTIAL ||
	       (op == REC_MADVISE && advice > ADVICE_REMOVE && advice <= ADVICE_HOLD_LAST);
}

static bool builds_state(const struct control *c)
{
	switch (c->op) {
	case REC_SYNC:
	case REC_INSTR:
	case REC_MARK:
	case REC_MSYNC:
	case REC_MIGRATE_PAGES:
	case REC_READ:
	case REC_WRITE:
	case REC_FSYNC:
	case REC_SLEEP:
	case REC_DROP_CACHES:
	case REC_OTHER:
		return false;
	case REC_MADVISE:
		return advice_stays(c->op, c->arg[2]);
	case REC_FADVISE:
		return advice_stays(c->op, c->arg[3]);
	default:
		return true;
	}
}

/* Follows file sizes; a write that lets a file grow becomes a TRUNCATE in *changed. */
static const struct control *keep_state(struct slice *s, const struct control *c, struct control *changed)
{
	uint64_t size = 0, end = c->arg[1] + c->arg[2];

	if (c->op == REC_FILE || c->op == REC_TRUNCATE)
		map_put(&s->file_size, c->arg[0], c->arg[1]);
	if (c->op != REC_WRITE || !map_get(&s->file_size, c->arg[0], &size) || end <= size || c->result < 0)
		return builds_state(c) ? c : NULL;
	map_put(&s->file_size, c->arg[0], end);
	*changed = *c;
	changed->op = REC_TRUNCATE;
	changed->arg[1] = end;
	changed->arg[2] = changed->arg[3] = 0;
	changed->result = 0;
	return changed;
}

static bool is_selected(const struct slice *s, const struct batch *b)
{
	if (s->one_thread)
		return b->pid == s->pid && b->tid == s->tid;
	return !s->one_process || b->pid == s->pid;
}

/* Sets lo … hi to the accesses of b that lie in the window and moves on. */
static void cut(struct slice *s, const struct batch *b, size_t *lo, size_t *hi)
{
	uint64_t end = s->from + MIN_OF(s->count, UINT64_MAX - s->from);

	if (!s->instructions) {
		*lo = (size_t)MIN_OF((uint64_t)b->n, s->from > s->pos ? s->from - s->pos : 0);
		*hi = (size_t)MIN_OF((uint64_t)b->n, end > s->pos ? end - s->pos : 0);
		s->pos += *hi;
	} else {
		for (*lo = 0; *lo < b->n && s->pos < s->from; ++*lo)
			s->pos += META_ICOUNT(b->meta[*lo]);
		for (*hi = *lo; *hi < b->n && s->pos < end; ++*hi)
			s->pos += META_ICOUNT(b->meta[*hi]);
	}
	s->done = s->pos >= end;
}

/* The part of b that goes into the slice. */
static struct batch part(struct slice *s, const struct batch *b, struct control *changed)
{
	struct batch out = *b;
	size_t lo = 0, hi = 0;

	if (is_selected(s, b))
		cut(s, b, &lo, &hi);
	out.n = hi - lo;
	out.addr = b->addr + lo;
	out.meta = b->meta + lo;
	s->written += out.n;
	if (s->done)
		out.control = NULL;
	else if (b->control && (!is_selected(s, b) || s->pos < s->from || s->written == 0))
		out.control = keep_state(s, b->control, changed);
	if (b->control && b->control->op == REC_INSTR && s->instructions && is_selected(s, b))
		s->pos += b->control->arg[0];
	return out;
}

static int copy_window(struct slice *s, struct feed *f, struct trace_writer *w, struct err *e)
{
	const char *unit = s->instructions ? "instructions" : "accesses";
	struct control changed;
	struct batch b;
	int r;

	while (!s->done && (r = feed_next(f, &b, e)) > 0) {
		struct batch out = part(s, &b, &changed);

		r = out.n || out.control ? trace_writer_batch(w, &out, e) : 0;
		if (r)
			return r;
	}
	if (s->done)
		return 0;
	if (r == -(int)ERR_TRUNCATED && s->written) {
		err_clear(e); /* the window reaches to the cut */
		r = 0;
	}
	if (!r && !s->written)
		r = err_set(e, ERR_USAGE,
			    "%s: nothing to take: %" PRIu64 " %s are selected, the slice begins at %" PRIu64,
			    f->path, s->pos, unit, s->from);
	return r;
}

/* "… ; slice of 5000 accesses from 100 on, thread 1.2" */
static char *notes_of(const struct slice *s, const char *notes)
{
	const char *unit = s->instructions ? "instructions" : "accesses";
	size_t n = (notes ? strlen(notes) : 0) + 160;
	char *out = mem_alloc_late(n, 1);
	size_t used = (size_t)snprintf(out, n, "%s%sslice: ", notes ? notes : "", notes ? "; " : "");

	if (s->count == UINT64_MAX)
		used += (size_t)snprintf(out + used, n - used, "%s from %" PRIu64 " on", unit, s->from);
	else
		used += (size_t)snprintf(out + used, n - used, "%" PRIu64 " %s from %" PRIu64 " on", s->count,
					 unit, s->from);
	if (s->one_thread)
		snprintf(out + used, n - used, ", thread %" PRIu32 ".%" PRIu32, s->pid, s->tid);
	else if (s->one_process)
		snprintf(out + used, n - used, ", process %" PRIu32, s->pid);
	return out;
}

static int slice(struct slice *s, const char *in, const char *path, struct err *e)
{
	struct provenance p;
	struct output o;
	struct feed f;
	char *notes;
	int r = feed_open(&f, in, s->format, s->options, "slice", e);

	if (r)
		return r;
	feed_provenance(&f, &p);
	notes = notes_of(s, p.notes);
	p.notes = notes;
	map_init(&s->file_size);
	r = output_open(&o, path, &p, 0, e);
	if (!r) {
		r = copy_window(s, &f, o.writer, e);
		if (!r)
			r = output_commit(&o, e);
		else
			output_abort(&o);
	}
	map_release(&s->file_size);
	mem_free(notes);
	feed_close(&f);
	return r;
}

int trace_slice_main(int argc, char **argv)
{
	struct slice s = {.count = UINT64_MAX};
	const struct cmdline line = {
		.verb = "slice",
		.usage = "[--from N] [--count M] [--instructions] [--thread PID.TID | --process PID] IN "
			 "OUT.flt",
		.help = "Takes a window of a trace, with the mappings, files and processes it needs.\n\n"
			"  --from N          first access, counted from 0 in the recorded order\n"
			"  --count M         how many; without it, all that follow\n"
			"  --instructions    N and M count instructions\n"
			"  --thread PID.TID  accesses of one thread only\n"
			"  --process PID     accesses of one process only\n"
			"  --format F, --options K=V,…  as in convert\n",
		.options = options,
		.min = 2,
		.max = 2,
		.set = set,
		.ctx = &s,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0 && s.one_thread && s.one_process)
		r = err_set(&e, ERR_USAGE, "trace slice: --thread and --process exclude each other");
	if (r > 0 && s.count == 0)
		r = err_set(&e, ERR_USAGE, "trace slice: --count: expected at least 1");
	if (r > 0)
		slice(&s, argv[first], argv[first + 1], &e);
	mem_free(s.options);
	return inspect_status(&e);
}
