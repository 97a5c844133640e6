/*
 * cat.c - `faultline trace cat FILE`: the records as text, in the recorded order (TEXT.md).
 *
 * What lies before --from is not decoded where the trace is native; a thread's own access is gone to through
 * the index.
 */
#include "traces/inspect/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "traces/inspect/feed.h"
#include "traces/provenance.h"
#include "traces/textform.h"

enum cat_option { OPT_THREAD = 1, OPT_LIMIT, OPT_CONTROLS, OPT_FROM };

struct cat {
	struct cmdline_input input;
	bool one_thread, controls_only;
	uint32_t pid, tid;
	uint64_t from, limit;
	/* printed so far */
	uint64_t accesses, controls;
	/* the piece that was printed last */
	bool open;
	uint32_t last_pid, last_tid;
	uint64_t last_order;
};

static const struct option options[] = {{"thread", required_argument, NULL, OPT_THREAD},
					{"limit", required_argument, NULL, OPT_LIMIT},
					{"from", required_argument, NULL, OPT_FROM},
					{"controls", no_argument, NULL, OPT_CONTROLS},
					{0}};

static int set_thread(struct cat *c, const char *arg, struct err *e)
{
	char rest;

	if (sscanf(arg, "%" SCNu32 ".%" SCNu32 "%c", &c->pid, &c->tid, &rest) != 2)
		return err_set(e, ERR_USAGE, "--thread: expected PID.TID, found \"%.60s\"", arg);
	c->one_thread = true;
	return 0;
}

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct cat *c = ctx;

	switch (val) {
	case OPT_THREAD:
		return set_thread(c, arg, e);
	case OPT_FROM:
		return cmdline_number("--from", arg, &c->from, e);
	case OPT_LIMIT:
		return cmdline_number("--limit", arg, &c->limit, e);
	default:
		c->controls_only = true;
		return 0;
	}
}

static void print_accesses(struct cat *c, const struct batch *b)
{
	char buf[128 * TEXTFORM_ACCESS_MAX];
	uint64_t n = MIN_OF((uint64_t)b->n, c->limit - c->accesses - c->controls);
	size_t used = 0;

	for (uint64_t i = 0; i < n; i++) {
		used += textform_access(buf + used, b->pid, b->tid, b->addr[i], b->meta[i]);
		if (used > sizeof buf - TEXTFORM_ACCESS_MAX) {
			fwrite(buf, 1, used, stdout);
			used = 0;
		}
	}
	fwrite(buf, 1, used, stdout);
	c->accesses += n;
}

static void print_batch(struct cat *c, const struct batch *b, bool native)
{
	/* Two pieces of one thread without a control between them: a recorder cut there. */
	if (native && c->open && c->last_pid == b->pid && c->last_tid == b->tid && c->last_order != b->order)
		textform_cut(stdout, b->pid, b->tid);
	if (!c->controls_only)
		print_accesses(c, b);
	if (b->control && b->control->op == REC_SYNC)
		textform_cut(stdout, b->pid, b->tid);
	else if (b->control && c->accesses + c->controls < c->limit) {
		textform_control(stdout, b->control);
		c->controls++;
	}
	c->open = !b->control && b->n;
	c->last_pid = b->pid;
	c->last_tid = b->tid;
	c->last_order = b->order;
}

/* The stream of the one thread, from its access c->from on. NULL when the trace has no such thread. */
static int open_thread(struct cat *c, struct trace *t, struct stream **out, struct err *e)
{
	int r = 0;

	*out = NULL;
	for (size_t i = 0; i < trace_nr_threads(t) && !*out && !r; i++)
		if (trace_thread(t, i)->pid == c->pid && trace_thread(t, i)->tid == c->tid)
			r = stream_open(out, t, i, e);
	return !r && *out && c->from ? stream_seek(*out, c->from, e) : r;
}

/* Drops from b what lies before c->from, counted in *pos; true when something is left to print. */
static bool is_behind(struct cat *c, struct batch *b, uint64_t *pos)
{
	uint64_t drop = c->from > *pos ? MIN_OF(c->from - *pos, (uint64_t)b->n) : 0;
	bool all = drop == b->n && *pos < c->from;

	*pos += b->n;
	b->n -= drop;
	if (b->addr) {
		b->addr += drop;
		b->meta += drop;
	}
	return !all || (b->control && *pos >= c->from);
}

static bool goes_on(const struct cat *c)
{
	return c->accesses + c->controls < c->limit && !ferror(stdout);
}

static int print_all(struct cat *c, struct feed *f, struct err *e)
{
	struct batch b;
	uint64_t pos = 0;
	int r = 0;

	while (goes_on(c) && (r = feed_skim(f, &b, e)) > 0) {
		if (c->one_thread && (b.pid != c->pid || b.tid != c->tid))
			continue;
		if (pos + b.n > c->from && !c->controls_only && (r = feed_reveal(f, &b, e)) < 0)
			break;
		if (is_behind(c, &b, &pos))
			print_batch(c, &b, f->trace != NULL);
	}
	return r;
}

static int print_thread(struct cat *c, struct feed *f, struct err *e)
{
	struct stream *s;
	struct batch b;
	int r = open_thread(c, f->trace, &s, e);

	while (!r && s && goes_on(c) && (r = stream_next(s, &b, e)) > 0) {
		print_batch(c, &b, true);
		r = cli_interrupted() ? err_set(e, ERR_INTERRUPTED, "%s: interrupted", f->path) : 0;
	}
	stream_close(s);
	return r;
}

static int cat(struct cat *c, const char *path, struct err *e)
{
	struct provenance p;
	struct feed f;
	char *json;
	int r = feed_open(&f, path, c->input.format, c->input.options, NULL, e);

	if (r)
		return r;
	feed_provenance(&f, &p);
	json = provenance_to_json(&p);
	printf(TEXTFORM_MAGIC "\n" TEXTFORM_PROVENANCE "%s\n", json);
	mem_free(json);
	r = c->one_thread && f.trace ? print_thread(c, &f, e) : print_all(c, &f, e);
	if (r > 0 || c->accesses + c->controls >= c->limit)
		r = 0;
	else if (!r && feed_is_truncated(&f))
		r = err_set(e, ERR_TRUNCATED, "%s: cut off; all before the cut was printed", path);
	if (!r)
		printf(TEXTFORM_END "accesses %" PRIu64 " controls %" PRIu64 "\n", c->accesses, c->controls);
	feed_close(&f);
	return r;
}

int trace_cat_main(int argc, char **argv)
{
	struct cat c = {.limit = UINT64_MAX};
	const struct cmdline line = {
		.verb = "cat",
		.usage = "[--thread PID.TID] [--from N] [--limit N] [--controls] [--format F] [--options "
			 "K=V,…] FILE",
		.help = "Prints a trace as text, one record a line; `convert` reads it back.\n\n"
			"  --thread PID.TID  only this thread\n"
			"  --from N          from access N on, counted from 0; with --thread, of this "
			"thread\n"
			"  --limit N         at most N records\n"
			"  --controls        system calls and marks only\n"
			"  --format F        format of FILE; without it, the first bytes tell\n"
			"  --options K=V,…   options of the format\n",
		.options = options,
		.input = &c.input,
		.min = 1,
		.max = 1,
		.set = set,
		.ctx = &c,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0)
		cat(&c, argv[first], &e);
	mem_free(c.input.options);
	return inspect_status(&e);
}
