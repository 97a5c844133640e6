/*
 * sample.c - `faultline trace sample IN OUT.flt`: a part of the accesses that stands for all.
 *
 * Windows: of every M accesses, in the recorded order, N in a row are kept. Control records are all kept,
 * also between the windows, so processes, mappings and files are at every window what they were. The accesses
 * and their instructions between the windows are gone and time does not pass for them: the replay is of the
 * windows, one behind the other.
 *
 * Pages: the accesses to a share R of the pages are kept, chosen by a hash of process and page, as in SHARDS
 * (Waldspurger and others, FAST 2015): footprint and accesses shrink alike, so a memory of R times the size
 * behaves much the same. Instructions are kept (thin.h).
 *
 * The provenance says that the trace is sampled.
 */
#include "traces/inspect/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/inspect/feed.h"
#include "traces/inspect/thin.h"

enum sample_option { OPT_WINDOW = 1, OPT_EVERY, OPT_SKIP, OPT_MARKS, OPT_PAGES, OPT_SEED };

#define HASH_BITS 24

struct sample {
	uint64_t window, every, skip, seed;
	bool marks;
	double share; /* 0 = windows */
	struct cmdline_input input;
	/* as it goes */
	uint64_t pos, kept, windows;
	struct thin thin;
};

static const struct option options[] = {{"window", required_argument, NULL, OPT_WINDOW},
					{"every", required_argument, NULL, OPT_EVERY},
					{"skip", required_argument, NULL, OPT_SKIP},
					{"marks", no_argument, NULL, OPT_MARKS},
					{"pages", required_argument, NULL, OPT_PAGES},
					{"seed", required_argument, NULL, OPT_SEED},
					{0}};

static int set_share(struct sample *s, const char *arg, struct err *e)
{
	char *end;

	s->share = strtod(arg, &end);
	if (end == arg || *end || !(s->share > 0) || s->share > 1)
		return err_set(e, ERR_USAGE, "--pages: expected a share above 0 and up to 1, found \"%.60s\"",
			       arg);
	return 0;
}

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct sample *s = ctx;

	switch (val) {
	case OPT_WINDOW:
		return cmdline_number("--window", arg, &s->window, e);
	case OPT_EVERY:
		return cmdline_number("--every", arg, &s->every, e);
	case OPT_SKIP:
		return cmdline_number("--skip", arg, &s->skip, e);
	case OPT_SEED:
		return cmdline_number("--seed", arg, &s->seed, e);
	case OPT_PAGES:
		return set_share(s, arg, e);
	default:
		s->marks = true;
		return 0;
	}
}

static bool is_followed(const struct sample *s, uint32_t pid, uint64_t page)
{
	uint64_t h = hash_u64(hash_u64(s->seed ^ (uint64_t)pid << 20) + page);

	return (double)(h >> (64 - HASH_BITS)) < s->share * (double)(1u << HASH_BITS);
}

/* Of an access to two pages, only the part in those that are followed. */
static bool keeps_page(const void *ctx, uint32_t pid, uint64_t *addr, uint32_t *meta)
{
	const struct sample *s = ctx;
	uint64_t page = *addr >> PAGE_SHIFT, room = PAGE_SIZE - (*addr & (PAGE_SIZE - 1));
	uint32_t size = META_SIZE(*meta);
	bool first = is_followed(s, pid, page), second;

	if (size <= room)
		return first;
	second = is_followed(s, pid, page + 1);
	if (first && !second)
		*meta = meta_make(*addr, (enum access_kind)META_KIND(*meta), (uint32_t)room,
				  META_ICOUNT(*meta));
	if (second && !first) {
		*addr = (page + 1) << PAGE_SHIFT;
		*meta = meta_make(*addr, (enum access_kind)META_KIND(*meta), size - (uint32_t)room,
				  META_ICOUNT(*meta));
	}
	return first || second;
}

/* The place of access number pos in its period; UINT64_MAX before the first one. */
static uint64_t place_of(const struct sample *s, uint64_t pos)
{
	return pos < s->skip ? UINT64_MAX : (pos - s->skip) % s->every;
}

/* Accesses from pos on that are treated alike: all in one window, or all between two. */
static uint64_t stretch_of(const struct sample *s, uint64_t pos)
{
	uint64_t place = place_of(s, pos);

	if (place == UINT64_MAX)
		return s->skip - pos;
	return place < s->window ? s->window - place : s->every - place;
}

static int write_mark(struct sample *s, const struct batch *b, struct trace_writer *w, struct err *e)
{
	char text[40];
	const struct control c = {.op = REC_MARK, .pid = b->pid, .tid = b->tid, .cpu = -1, .text = text};
	const struct batch out = {.pid = b->pid, .tid = b->tid, .control = &c};

	snprintf(text, sizeof text, "window %" PRIu64, s->windows);
	return trace_writer_batch(w, &out, e);
}

/* Writes n accesses of b from `at` on, which all lie in one window. */
static int write_stretch(struct sample *s, const struct batch *b, size_t at, size_t n, struct trace_writer *w,
			 struct err *e)
{
	struct batch out = *b;
	int r = 0;

	if (place_of(s, s->pos) == 0) {
		s->windows++;
		r = s->marks ? write_mark(s, b, w, e) : 0;
	}
	out.addr += at;
	out.meta += at;
	out.n = n;
	out.control = NULL;
	s->kept += n;
	return r ? r : trace_writer_batch(w, &out, e);
}

static int take_windows(struct sample *s, struct feed *f, struct batch *b, struct trace_writer *w,
			struct err *e)
{
	const struct batch only_control = {.pid = b->pid, .tid = b->tid, .control = b->control};
	int r = 0;

	for (size_t at = 0, n; at < b->n && !r; at += n) {
		n = (size_t)MIN_OF((uint64_t)(b->n - at), stretch_of(s, s->pos));
		if (place_of(s, s->pos) < s->window) {
			r = feed_reveal(f, b, e);
			if (!r)
				r = write_stretch(s, b, at, n, w, e);
		}
		s->pos += n;
	}
	return r || !b->control ? r : trace_writer_batch(w, &only_control, e);
}

static int copy(struct sample *s, struct feed *f, struct trace_writer *w, struct err *e)
{
	struct batch b;
	int r;

	while ((r = feed_skim(f, &b, e)) > 0) {
		if (s->share > 0) {
			r = feed_reveal(f, &b, e);
			if (!r)
				r = thin_write(&s->thin, &b, w, e);
		} else {
			r = take_windows(s, f, &b, w, e);
		}
		if (r)
			return r;
	}
	s->kept += s->thin.kept;
	if (!r && !s->kept)
		r = err_set(e, ERR_USAGE, "%s: nothing to take: no access of %" PRIu64 " is in the sample",
			    f->path, f->accesses);
	return r;
}

static void describe(const struct sample *s, const char *notes, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "%s%ssample: ", notes ? notes : "", notes ? "; " : "");

	if (s->share > 0)
		snprintf(out + used, size - used, "accesses to %g of the pages, seed %" PRIu64, s->share,
			 s->seed);
	else
		snprintf(out + used, size - used,
			 "%" PRIu64 " of every %" PRIu64 " accesses from %" PRIu64 " on", s->window, s->every,
			 s->skip);
}

static int sample(struct sample *s, const char *in, const char *path, struct err *e)
{
	struct provenance p;
	struct output o;
	struct feed f;
	char *notes;
	size_t size;
	int r = feed_open(&f, in, s->input.format, s->input.options, "sample", e);

	if (r)
		return r;
	f.tolerant = true;
	feed_provenance(&f, &p);
	size = (p.notes ? strlen(p.notes) : 0) + 200;
	notes = mem_alloc_late(size, 1);
	describe(s, p.notes, notes, size);
	p.notes = notes;
	p.sampled = true;
	thin_init(&s->thin, keeps_page, s);
	r = output_open(&o, path, &p, 0, e);
	if (!r)
		r = output_end(&o, copy(s, &f, o.writer, e), e);
	if (!r)
		r = feed_report_cut(&f, "the sample", e);
	thin_release(&s->thin);
	mem_free(notes);
	feed_close(&f);
	return r;
}

static int check(const struct sample *s, struct err *e)
{
	bool windows = s->window || s->every;

	if (windows == (s->share > 0))
		return err_set(e, ERR_USAGE,
			       "trace sample: expected either --window and --every, or --pages");
	if (windows && (!s->window || s->every < s->window))
		return err_set(e, ERR_USAGE,
			       "trace sample: expected --window at least 1 and --every at least as much, "
			       "found %" PRIu64 " and %" PRIu64,
			       s->window, s->every);
	if (!windows && (s->marks || s->skip))
		return err_set(e, ERR_USAGE, "trace sample: --marks and --skip belong to --window");
	return 0;
}

static const char help[] =
	"Takes a part of the accesses that stands for all; the control records are kept.\n\n"
	"  --window N --every M  of every M accesses the first N\n"
	"  --skip K              the first period begins at access K\n"
	"  --marks               puts a mark \"window I\" in front of each window\n"
	"  --pages R             instead: the accesses to the share R of the pages\n"
	"  --seed N              chooses the pages\n"
	"  --format F, --options K=V,…  as in convert\n";

int trace_sample_main(int argc, char **argv)
{
	struct sample s = {0};
	const struct cmdline line = {
		.verb = "sample",
		.usage = "--window N --every M | --pages R IN OUT.flt",
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
		sample(&s, argv[first], argv[first + 1], &e);
	mem_free(s.input.options);
	return inspect_status(&e);
}
