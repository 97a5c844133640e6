/*
 * slice.c - `faultline trace slice IN OUT.flt`: a window of a trace that can be replayed alone.
 *
 * Of what precedes the window, the control records that build up state are kept (state.h); the accesses and
 * whatever had only an effect of the moment are left out. With --process or --thread the other processes keep
 * their state-building records, because a process inherits from its parents, and lose everything else;
 * positions then count what is selected. With --address, accesses elsewhere are left out of the window; their
 * instructions are not (thin.h).
 *
 * Positions in accesses: a native trace's accesses before the window are not decoded. Positions in
 * instructions: they are, because a piece says its accesses, but its instructions stand in its accesses alone
 * (the index has them by block, which may hold pieces from before the window and from behind it). Positions
 * in time: an access has the time of the last record before it that has one.
 *
 * Not modelled: page contents and residency at the start of the window: the slice starts cold.
 */
#include "traces/inspect/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mem.h"
#include "traces/inspect/feed.h"
#include "traces/inspect/state.h"
#include "traces/inspect/thin.h"

enum slice_option {
	OPT_FROM = 1,
	OPT_COUNT,
	OPT_INSTRUCTIONS,
	OPT_TIME,
	OPT_FROM_MARK,
	OPT_TO_MARK,
	OPT_THREAD,
	OPT_PROCESS,
	OPT_ADDRESS
};

enum slice_unit { ACCESSES, INSTRUCTIONS, NANOSECONDS };
static const char *const unit_names[] = {"accesses", "instructions", "ns"};

struct slice {
	const char *from_text, *count_text, *from_mark, *to_mark;
	uint64_t from, count;
	enum slice_unit unit;
	bool one_thread, one_process, range;
	uint32_t pid, tid;
	uint64_t low, high; /* addresses of the range, both included */
	struct cmdline_input input;
	/* as it goes */
	uint64_t pos, written; /* selected accesses, instructions or time passed; accesses written */
	bool inside, done;     /* behind from_mark; behind the window */
	bool timed;
	struct state state;
	struct thin thin;
};

static const struct option options[] = {{"from", required_argument, NULL, OPT_FROM},
					{"count", required_argument, NULL, OPT_COUNT},
					{"instructions", no_argument, NULL, OPT_INSTRUCTIONS},
					{"time", no_argument, NULL, OPT_TIME},
					{"from-mark", required_argument, NULL, OPT_FROM_MARK},
					{"to-mark", required_argument, NULL, OPT_TO_MARK},
					{"thread", required_argument, NULL, OPT_THREAD},
					{"process", required_argument, NULL, OPT_PROCESS},
					{"address", required_argument, NULL, OPT_ADDRESS},
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

static int set_unit(struct slice *s, enum slice_unit unit, struct err *e)
{
	if (s->unit != ACCESSES && s->unit != unit)
		return err_set(e, ERR_USAGE, "trace slice: --instructions and --time exclude each other");
	s->unit = unit;
	return 0;
}

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct slice *s = ctx;

	switch (val) {
	case OPT_FROM:
		s->from_text = arg;
		return 0;
	case OPT_COUNT:
		s->count_text = arg;
		return 0;
	case OPT_INSTRUCTIONS:
		return set_unit(s, INSTRUCTIONS, e);
	case OPT_TIME:
		return set_unit(s, NANOSECONDS, e);
	case OPT_FROM_MARK:
		s->from_mark = arg;
		return 0;
	case OPT_TO_MARK:
		s->to_mark = arg;
		return 0;
	case OPT_ADDRESS:
		s->range = true;
		return cmdline_range("--address", arg, &s->low, &s->high, e);
	default:
		return set_selection(s, val, arg, e);
	}
}

/* "1.5s", "20ms", "300us", "7ns", "7". */
static int parse_time(const char *option, const char *text, uint64_t *ns, struct err *e)
{
	static const struct {
		const char *unit;
		double factor;
	} units[] = {{"", 1}, {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
	char *end;
	double v = strtod(text, &end);

	for (size_t i = 0; i < ARRAY_LEN(units) && end > text && v >= 0 && v < 1e10; i++)
		if (!strcmp(end, units[i].unit) && *text >= '0' && *text <= '9') {
			*ns = (uint64_t)(v * units[i].factor + 0.5);
			return 0;
		}
	return err_set(e, ERR_USAGE, "%s: expected a time such as 20ms or 1.5s, found \"%.60s\"", option,
		       text);
}

static int parse_position(const struct slice *s, const char *option, const char *text, uint64_t *v,
			  struct err *e)
{
	if (!text)
		return 0;
	return s->unit == NANOSECONDS ? parse_time(option, text, v, e) : cmdline_number(option, text, v, e);
}

static bool is_selected(const struct slice *s, const struct batch *b)
{
	if (s->one_thread)
		return b->pid == s->pid && b->tid == s->tid;
	return !s->one_process || b->pid == s->pid;
}

static uint64_t end_of(const struct slice *s)
{
	return s->from + MIN_OF(s->count, UINT64_MAX - s->from);
}

/* Sets lo … hi to the accesses of b that lie in the window and moves on. */
static void cut(struct slice *s, const struct batch *b, size_t *lo, size_t *hi)
{
	uint64_t end = end_of(s);

	switch (s->unit) {
	case ACCESSES:
		*lo = (size_t)MIN_OF((uint64_t)b->n, s->from > s->pos ? s->from - s->pos : 0);
		*hi = (size_t)MIN_OF((uint64_t)b->n, end > s->pos ? end - s->pos : 0);
		s->pos += *hi;
		break;
	case INSTRUCTIONS:
		for (*lo = 0; *lo < b->n && s->pos < s->from; ++*lo)
			s->pos += META_ICOUNT(b->meta[*lo]);
		for (*hi = *lo; *hi < b->n && s->pos < end; ++*hi)
			s->pos += META_ICOUNT(b->meta[*hi]);
		break;
	case NANOSECONDS:
		*lo = s->pos >= s->from ? 0 : b->n;
		*hi = b->n;
		break;
	}
	s->done = s->pos >= end;
}

/* Whether no access of b can lie in the window, so that they need not be decoded. */
static bool is_elsewhere(const struct slice *s, const struct batch *b)
{
	if (!is_selected(s, b) || !s->inside || !b->n)
		return true;
	if (s->unit == ACCESSES)
		return s->pos < s->from && b->n <= s->from - s->pos;
	return s->unit == NANOSECONDS && s->pos < s->from;
}

/* What the control record of b changes: the clock, the marks. */
static void pass_control(struct slice *s, const struct batch *b)
{
	const struct control *c = b->control;

	if (s->unit == INSTRUCTIONS && c->op == REC_INSTR && is_selected(s, b) && s->inside)
		s->pos += c->arg[0];
	if (s->unit == NANOSECONDS && c->time_ns) {
		s->timed = true;
		s->pos = MAX_OF(s->pos, c->time_ns);
		s->done = s->pos >= end_of(s);
	}
	if (c->op != REC_MARK || !c->text)
		return;
	if (s->inside && s->to_mark && !strcmp(c->text, s->to_mark))
		s->done = true;
	else if (!s->inside && !strcmp(c->text, s->from_mark))
		s->inside = true;
}

/* The part of b that goes into the slice. */
static struct batch part(struct slice *s, const struct batch *b, struct control *changed)
{
	bool inside = s->inside;
	struct batch out = *b;
	size_t lo = 0, hi = 0;

	if (is_selected(s, b) && inside)
		cut(s, b, &lo, &hi);
	out.n = hi - lo;
	out.addr = out.n ? b->addr + lo : NULL;
	out.meta = out.n ? b->meta + lo : NULL;
	s->written += out.n;
	if (s->done)
		out.control = NULL;
	else if (b->control && (!is_selected(s, b) || s->pos < s->from || !inside || s->written == 0))
		out.control = state_keep(&s->state, b->control, changed);
	if (b->control && !s->done)
		pass_control(s, b);
	return out;
}

static int nothing_taken(const struct slice *s, const struct feed *f, struct err *e)
{
	if (s->from_mark && !s->inside)
		return err_set(e, ERR_USAGE, "%s: no mark \"%.100s\"", f->path, s->from_mark);
	if (s->unit == NANOSECONDS && !s->timed)
		return err_set(e, ERR_USAGE, "%s: none of its records has a time", f->path);
	return err_set(e, feed_is_truncated(f) ? ERR_TRUNCATED : ERR_USAGE,
		       "%s: nothing to take: %" PRIu64 " %s are selected%s, the slice begins at %" PRIu64,
		       f->path, s->pos, unit_names[s->unit], feed_is_truncated(f) ? " before the cut" : "",
		       s->from);
}

static int write_part(struct slice *s, const struct batch *b, struct trace_writer *w, struct err *e)
{
	if (!b->n && !b->control)
		return 0;
	return s->range ? thin_write(&s->thin, b, w, e) : trace_writer_batch(w, b, e);
}

static int copy_window(struct slice *s, struct feed *f, struct trace_writer *w, struct err *e)
{
	struct control changed;
	struct batch b;
	int r = 0;

	while (!s->done && (r = feed_skim(f, &b, e)) > 0) {
		struct batch out;

		r = is_elsewhere(s, &b) ? 0 : feed_reveal(f, &b, e);
		if (r)
			return r;
		out = part(s, &b, &changed);
		r = write_part(s, &out, w, e);
		if (r)
			return r;
	}
	if (s->range)
		s->written = s->thin.kept;
	if (!s->done && r == -(int)ERR_TRUNCATED && s->written) {
		err_clear(e); /* the window reaches to the cut */
		r = 0;
	}
	if (!r && (!s->written || (s->unit == NANOSECONDS && !s->timed)))
		r = nothing_taken(s, f, e);
	return r;
}

/* "… ; slice: 5000 accesses from 100 on, thread 1.2" */
static char *notes_of(const struct slice *s, const char *notes)
{
	size_t n = (notes ? strlen(notes) : 0) + 600;
	char *out = mem_alloc_late(n, 1);
	size_t used = (size_t)snprintf(out, n, "%s%sslice: ", notes ? notes : "", notes ? "; " : "");

	if (s->count == UINT64_MAX)
		used += (size_t)snprintf(out + used, n - used, "%s from %" PRIu64 " on", unit_names[s->unit],
					 s->from);
	else
		used += (size_t)snprintf(out + used, n - used, "%" PRIu64 " %s from %" PRIu64 " on", s->count,
					 unit_names[s->unit], s->from);
	if (s->from_mark)
		used += (size_t)snprintf(out + used, n - used, ", behind the mark %.100s", s->from_mark);
	if (s->to_mark)
		used += (size_t)snprintf(out + used, n - used, ", up to the mark %.100s", s->to_mark);
	if (s->one_thread)
		used += (size_t)snprintf(out + used, n - used, ", thread %" PRIu32 ".%" PRIu32, s->pid,
					 s->tid);
	else if (s->one_process)
		used += (size_t)snprintf(out + used, n - used, ", process %" PRIu32, s->pid);
	if (s->range)
		snprintf(out + used, n - used, ", addresses 0x%" PRIx64 " to 0x%" PRIx64, s->low, s->high);
	return out;
}

static bool touches_range(const void *ctx, uint32_t pid, uint64_t *addr, uint32_t *meta)
{
	const struct slice *s = ctx;
	uint64_t last = *addr + META_SIZE(*meta) - 1;

	(void)pid;
	return *addr <= s->high && (last < *addr ? UINT64_MAX : last) >= s->low;
}

static int slice(struct slice *s, const char *in, const char *path, struct err *e)
{
	struct provenance p;
	struct output o;
	struct feed f;
	char *notes;
	int r = feed_open(&f, in, s->input.format, s->input.options, "slice", e);

	if (r)
		return r;
	feed_provenance(&f, &p);
	notes = notes_of(s, p.notes);
	p.notes = notes;
	p.sampled |= s->range;
	s->inside = !s->from_mark;
	state_init(&s->state);
	thin_init(&s->thin, touches_range, s);
	r = output_open(&o, path, &p, 0, e);
	if (!r)
		r = output_end(&o, copy_window(s, &f, o.writer, e), e);
	state_release(&s->state);
	thin_release(&s->thin);
	mem_free(notes);
	feed_close(&f);
	return r;
}

/* What only all options together tell. */
static int check(struct slice *s, struct err *e)
{
	int r = parse_position(s, "--from", s->from_text, &s->from, e);

	if (!r)
		r = parse_position(s, "--count", s->count_text, &s->count, e);
	if (!r && s->one_thread && s->one_process)
		r = err_set(e, ERR_USAGE, "trace slice: --thread and --process exclude each other");
	if (!r && s->count == 0)
		r = err_set(e, ERR_USAGE, "trace slice: --count: expected at least 1");
	return r;
}

static const char help[] =
	"Takes a window of a trace, with the mappings, files and processes it needs.\n\n"
	"  --from N          first access, counted from 0 in the recorded order\n"
	"  --count M         how many; without it, all that follow\n"
	"  --instructions    N and M count instructions; all before the window is decoded\n"
	"  --time            N and M are times such as 20ms or 1.5s since the trace began\n"
	"  --from-mark TEXT  only what follows this mark; positions count from there\n"
	"  --to-mark TEXT    only up to this mark\n"
	"  --thread PID.TID  accesses of one thread only\n"
	"  --process PID     accesses of one process only\n"
	"  --address LOW-END of the window, only accesses to these addresses (hex, END not included)\n"
	"  --format F, --options K=V,…  as in convert\n";

int trace_slice_main(int argc, char **argv)
{
	struct slice s = {.count = UINT64_MAX};
	const struct cmdline line = {
		.verb = "slice",
		.usage = "[--from N] [--count M] [--instructions | --time] [--from-mark A] [--to-mark B] "
			 "[--thread PID.TID "
			 "| --process PID] [--address LOW-END] IN OUT.flt",
		.help = help,
		.options = options,
		.input = &s.input,
		.min = 2,
		.max = 2,
		.set = set,
		.ctx = &s,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0 && check(&s, &e) == 0)
		slice(&s, argv[first], argv[first + 1], &e);
	mem_free(s.input.options);
	return inspect_status(&e);
}
