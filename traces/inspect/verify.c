/*
 * verify.c - `faultline trace verify FILE`: reads everything and says whether it is sound.
 *
 * A native trace is read twice: every thread's stream (checksums, the counts of the footer and of each
 * thread), and merged (growing order, growing numbers of the ordered records). A foreign one is parsed to its
 * end. On the way each access, and each buffer that a read or write names, is looked up in the mappings that
 * its process has at that moment (mappings.h), when the trace holds mappings.
 */
#include "traces/inspect/inspect.h"

#include <stdio.h>
#include <string.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "traces/inspect/feed.h"
#include "traces/inspect/mappings.h"

enum verify_option { OPT_STRICT = 1, OPT_OUTSIDE };

#define OUTSIDE_MAX 10000 /* lines */

struct outside {
	uint64_t access; /* its number in the recorded order, from 0; of a buffer: of the next access */
	uint64_t addr, size;
	enum access_kind kind;
	enum record_op call; /* of a buffer */
	enum mappings_verdict verdict;
	uint32_t pid, tid;
};

struct verify {
	struct cmdline_input input;
	bool strict;
	uint32_t list; /* of those outside, so many are told */
	/* as it goes */
	struct mappings mappings;
	uint64_t accesses, buffers, nr_outside;
	struct outside *outside;
};

static const struct option options[] = {
	{"strict", no_argument, NULL, OPT_STRICT}, {"outside", required_argument, NULL, OPT_OUTSIDE}, {0}};

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct verify *v = ctx;
	int r;

	switch (val) {
	case OPT_STRICT:
		v->strict = true;
		return 0;
	default:
		r = cmdline_u32("--outside", arg, &v->list, e);
		if (!r && v->list > OUTSIDE_MAX)
			r = err_set(e, ERR_USAGE, "--outside: expected at most %d, found %" PRIu32,
				    OUTSIDE_MAX, v->list);
		return r;
	}
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

/* ---- mappings ---- */

static void note_outside(struct verify *v, struct outside o)
{
	if (v->nr_outside < v->list)
		v->outside[v->nr_outside] = o;
	v->nr_outside++;
}

/* What the kernel copies into the program's memory or from there. */
static void check_buffer(struct verify *v, const struct batch *b)
{
	const struct control *c = b->control;
	struct outside o = {.access = v->accesses, .pid = b->pid, .tid = b->tid, .call = c->op};

	if ((c->op != REC_READ && c->op != REC_WRITE) || !c->arg[3] || c->result <= 0)
		return;
	o.addr = c->arg[3];
	o.size = MIN_OF(c->arg[2], (uint64_t)c->result);
	o.kind = c->op == REC_READ ? ACCESS_STORE : ACCESS_LOAD;
	if (!o.size)
		return;
	v->buffers++;
	o.verdict = mappings_check(mappings_space(&v->mappings, b->pid), o.addr, o.size, o.kind);
	if (o.verdict != MAPPINGS_INSIDE)
		note_outside(v, o);
}

static void check_batch(struct verify *v, const struct batch *b)
{
	struct space *s = b->n && !v->mappings.full ? mappings_space(&v->mappings, b->pid) : NULL;

	for (size_t i = 0; s && i < b->n; i++) {
		uint32_t meta = b->meta[i];
		enum access_kind kind = (enum access_kind)META_KIND(meta);
		enum mappings_verdict verdict = mappings_check(s, b->addr[i], META_SIZE(meta), kind);

		if (UNLIKELY(verdict != MAPPINGS_INSIDE))
			note_outside(v, (struct outside){v->accesses + i, b->addr[i], META_SIZE(meta), kind,
							 REC_NONE, verdict, b->pid, b->tid});
	}
	v->accesses += b->n;
	if (b->control && !v->mappings.full) {
		check_buffer(v, b);
		mappings_control(&v->mappings, b->control);
	}
}

static void print_outside(const struct outside *o, const char *path)
{
	static const char *const kinds[] = {"load", "store", "fetch", "access"};

	printf("%s: outside: ", path);
	if (o->call)
		printf("buffer of a %s before access %" PRIu64, record_op_info(o->call)->name, o->access);
	else
		printf("access %" PRIu64 ", %s", o->access, kinds[o->kind & 3]);
	printf(" of %" PRIu64 " bytes at 0x%" PRIx64 " by process %" PRIu32 ", thread %" PRIu32 ": %s\n",
	       o->size, o->addr, o->pid, o->tid, mappings_verdict_text(o->verdict));
}

/* Says where the accesses lie; negative when --strict asks for it. */
static int report_mappings(const struct verify *v, const char *path, struct err *e)
{
	uint64_t listed = MIN_OF(v->nr_outside, (uint64_t)v->list);
	char what[80];

	if (!v->mappings.any || v->mappings.full) {
		printf("%s: mappings: not checked: %s\n", path,
		       v->mappings.full ? "a process has too many" : "no mappings in the trace");
		return 0;
	}
	snprintf(what, sizeof what, "%" PRIu64 " accesses and %" PRIu64 " buffers", v->accesses, v->buffers);
	if (!v->nr_outside) {
		printf("%s: mappings: all %s lie in a live mapping\n", path, what);
		return 0;
	}
	for (uint64_t i = 0; i < listed; i++)
		print_outside(&v->outside[i], path);
	if (v->strict)
		return err_set(e, ERR_FORMAT, "%" PRIu64 " of %s lie outside the mappings of their moment",
			       v->nr_outside, what);
	printf("%s: mappings: %" PRIu64 " of %s lie outside the mappings of their moment\n", path,
	       v->nr_outside, what);
	return 0;
}

/* Order may repeat within a piece only; seq counts up without holes, but for what a cut took away. */
static int verify_order(struct verify *v, struct feed *f, struct err *e)
{
	uint64_t last_order = 0, next_seq = 0;
	bool any = false;
	struct batch b;
	int r;

	while ((r = feed_next(f, &b, e)) > 0) {
		check_batch(v, &b);
		if (f->importer) /* its orders are given out by the writer */
			continue;
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
	struct feed f;
	int r = feed_open(&f, path, v->input.format, v->input.options, "verify", e);

	if (r)
		return r;
	if (f.trace)
		r = verify_streams(f.trace, e);
	if (!r)
		r = verify_order(v, &f, e);
	feed_wipe_progress(&f);
	if (!r)
		r = report_mappings(v, path, e);
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
	struct verify v = {.list = 10};
	const struct cmdline line = {
		.verb = "verify",
		.usage = "[--strict] [--outside N] [--format F] [--options K=V,…] FILE",
		.help = "Reads a whole trace and checks checksums, counts and order, and that each access "
			"lies in a\n"
			"mapping that is live at its moment and allows it. Exit status 0: sound; 6: not; 7: "
			"cut off,\n"
			"and sound up to there.\n"
			"  --strict     exit status 6 when an access lies outside the mappings\n"
			"  --outside N  of those tell so many, a line each (10)\n",
		.options = options,
		.input = &v.input,
		.min = 1,
		.max = 1,
		.set = set,
		.ctx = &v,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0) {
		v.outside = mem_alloc_late(v.list, sizeof *v.outside);
		mappings_init(&v.mappings);
		verify(&v, argv[first], &e);
		mappings_release(&v.mappings);
		mem_free(v.outside);
	}
	mem_free(v.input.options);
	return inspect_status(&e);
}
