/*
 * verify.c - `faultline trace verify FILE`: reads everything and says whether it is sound.
 *
 * A native trace is read twice: every thread's stream (checksums, the counts of the footer and of each
 * thread), and merged (growing order, growing numbers of the ordered records). A foreign one is parsed to its
 * end.
 */
#include "traces/inspect/inspect.h"

#include <stdio.h>
#include <string.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "traces/inspect/feed.h"

enum verify_option { OPT_FORMAT = 1, OPT_OPTIONS };

struct verify {
	const char *format;
	char *options;
};

static const struct option options[] = {{"format", required_argument, NULL, OPT_FORMAT},
					{"options", required_argument, NULL, OPT_OPTIONS},
					{0}};

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct verify *v = ctx;

	(void)e;
	if (val == OPT_FORMAT)
		v->format = arg;
	else
		cmdline_join(&v->options, arg);
	return 0;
}

static void count(struct trace_counts *c, const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		uint32_t kind = META_KIND(b->meta[i]);

		c->reads += kind == ACCESS_LOAD;
		c->writes += kind == ACCESS_STORE;
		c->fetches += kind == ACCESS_FETCH;
		c->instructions += META_ICOUNT(b->meta[i]);
	}
	c->accesses += b->n;
	c->controls += b->control != NULL;
	if (b->control && b->control->op == REC_INSTR)
		c->instructions += b->control->arg[0];
}

static int verify_thread(struct trace *t, size_t i, struct trace_counts *all, struct err *e)
{
	const struct trace_thread *thread = trace_thread(t, i);
	uint64_t before = all->accesses;
	struct stream *s;
	struct batch b;
	int r = stream_open(&s, t, i, e);

	if (r)
		return r;
	while ((r = stream_next(s, &b, e)) > 0) {
		count(all, &b);
		if (b.pid != thread->pid || b.tid != thread->tid)
			r = err_set(e, ERR_FORMAT,
				    "thread %" PRIu32 ".%" PRIu32 " holds records of %" PRIu32 ".%" PRIu32,
				    thread->pid, thread->tid, b.pid, b.tid);
		if (cli_interrupted())
			r = err_set(e, ERR_INTERRUPTED, "interrupted");
		if (r < 0)
			break;
	}
	stream_close(s);
	if (!r && thread->accesses && all->accesses - before != thread->accesses)
		r = err_set(e, ERR_FORMAT,
			    "thread %" PRIu32 ".%" PRIu32 ": %" PRIu64 " accesses, the index says %" PRIu64,
			    thread->pid, thread->tid, all->accesses - before, thread->accesses);
	return r;
}

static int compare(const char *what, uint64_t read, uint64_t footer, struct err *e)
{
	if (read == footer)
		return 0;
	return err_set(e, ERR_FORMAT, "%" PRIu64 " %s were read, the footer says %" PRIu64, read, what,
		       footer);
}

static int verify_streams(struct trace *t, struct err *e)
{
	struct trace_counts all = {0}, footer;
	int r = trace_counts(t, &footer, e);

	for (size_t i = 0; !r && i < trace_nr_threads(t); i++)
		r = verify_thread(t, i, &all, e);
	if (!r)
		r = compare("accesses", all.accesses, footer.accesses, e);
	if (!r)
		r = compare("loads", all.reads, footer.reads, e);
	if (!r)
		r = compare("stores", all.writes, footer.writes, e);
	if (!r)
		r = compare("fetches", all.fetches, footer.fetches, e);
	if (!r)
		r = compare("instructions", all.instructions, footer.instructions, e);
	return r ? r : compare("control records", all.controls, footer.controls, e);
}

/* Order may repeat within a piece only; seq counts up without holes, but for what a cut took away. */
static int verify_order(struct feed *f, struct err *e)
{
	uint64_t last_order = 0, next_seq = 0;
	bool any = false;
	struct batch b;
	int r;

	while ((r = feed_next(f, &b, e)) > 0) {
		if (any && b.order < last_order)
			return err_set(e, ERR_FORMAT, "piece %" PRIu64 " follows piece %" PRIu64, b.order,
				       last_order);
		last_order = b.order;
		any = true;
		if (!b.control || !record_op_info(b.control->op)->ordered)
			continue;
		if (b.control->seq < next_seq || (b.control->seq > next_seq && !feed_is_truncated(f)))
			return err_set(e, ERR_FORMAT,
				       "ordered record %" PRIu64 " stands where %" PRIu64 " was expected",
				       b.control->seq, next_seq);
		next_seq = b.control->seq + 1;
	}
	return r;
}

static int verify(struct verify *v, const char *path, struct err *e)
{
	struct batch b;
	struct feed f;
	int r = feed_open(&f, path, v->format, v->options, "verify", e);

	if (r)
		return r;
	if (f.trace) {
		r = verify_streams(f.trace, e);
		if (!r)
			r = verify_order(&f, e);
	} else {
		while ((r = feed_next(&f, &b, e)) > 0)
			;
	}
	if (!r && feed_is_truncated(&f))
		r = err_set(e, ERR_TRUNCATED, "cut off after %" PRIu64 " accesses; what is there is sound",
			    f.accesses);
	if (!r)
		printf("%s: sound: %" PRIu64 " accesses, %" PRIu64 " instructions, %" PRIu64
		       " control records\n",
		       path, f.accesses, f.instructions, f.controls);
	else if (!strstr(e->text, path))
		err_prefix(e, "%s: ", path);
	feed_close(&f);
	return r;
}

int trace_verify_main(int argc, char **argv)
{
	struct verify v = {0};
	const struct cmdline line = {
		.verb = "verify",
		.usage = "[--format F] [--options K=V,…] FILE",
		.help = "Reads a whole trace and checks checksums, counts and order. Exit status 0: sound; "
			"6: not;\n"
			"7: cut off, and sound up to there.\n",
		.options = options,
		.min = 1,
		.max = 1,
		.set = set,
		.ctx = &v,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0)
		verify(&v, argv[first], &e);
	mem_free(v.options);
	return inspect_status(&e);
}
