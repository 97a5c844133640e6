/*
 * test_native_prop.c - random traces: what is read, by thread and merged, is what was written, in that order.
 *
 * The reference model is a plain array of pieces, cut where source.h says: at each change of thread and at
 * each control record.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/rng.h"
#include "tests/suite.h"
#include "traces/source.h"

enum { POOL = 150000, PIECES = 2000, THREADS_MAX = 40 };

/* All accesses ever drawn for one trace, in the order written. */
static uint64_t addr[POOL];
static uint32_t meta[POOL];

struct piece {
	uint32_t pid, tid;
	size_t from, n;
	uint64_t after;
	bool has_control;
	enum record_op op;
	uint64_t seq, arg;
	char text[8];
};
static struct piece pieces[PIECES];
static size_t nr_pieces;
static struct rng rng;

/* A few kinds of memory behaviour, so that every encoding has its turn. */
static void draw_accesses(size_t from, size_t n, unsigned kind)
{
	uint64_t pc = 0x401000 + rng_below(&rng, 20) * 64;

	for (size_t i = from; i < from + n; i++) {
		bool fetch = kind == 0 && rng_below(&rng, 2);
		uint64_t a = kind == 1   ? rng_next(&rng)
			     : kind == 2 ? i * 8
					 : 0x7fff0000 + rng_below(&rng, 4096);

		addr[i] = fetch ? pc : a;
		pc += fetch ? 4 : 0;
		meta[i] = meta_make(addr[i], fetch ? ACCESS_FETCH : (enum access_kind)rng_below(&rng, 2),
				    fetch ? 4 : 1u << rng_below(&rng, 6), (uint32_t)rng_below(&rng, 3));
	}
}

static enum record_op draw_op(void)
{
	static const enum record_op some[] = {REC_INSTR, REC_MARK,  REC_MMAP, REC_MUNMAP,
					      REC_BRK,   REC_SLEEP, REC_EXIT, REC_OTHER};

	return some[rng_below(&rng, ARRAY_LEN(some))];
}

static void draw_control(struct piece *p, struct control *c, uint64_t *seq)
{
	*c = (struct control){.op = draw_op(), .cpu = -1};
	c->arg[0] = record_op_info(c->op)->nr_args ? rng_next(&rng) >> rng_below(&rng, 64) : 0;
	snprintf(p->text, sizeof p->text, "%u", (unsigned)rng_below(&rng, 1000));
	c->text = rng_below(&rng, 2) ? p->text : NULL;
	if (!c->text)
		p->text[0] = '\0';
	p->has_control = true;
	p->op = c->op;
	p->arg = c->arg[0];
	if (record_op_info(c->op)->ordered)
		p->seq = (*seq)++;
}

/* Writes a random trace and remembers its pieces. */
static void write_random(const char *path, size_t threads, size_t mean)
{
	struct trace_writer *w;
	struct err e = {0};
	size_t at = 0;
	uint64_t seq = 0;
	bool open = false; /* the last piece may go on */

	ck_assert_int_eq(trace_writer_open(&w, path, NULL, 0, &e), 0);
	nr_pieces = 0;
	while (nr_pieces < PIECES - 1) {
		uint32_t tid = (uint32_t)rng_below(&rng, threads);
		size_t n = rng_below(&rng, 10) ? rng_below(&rng, 2 * mean) : rng_below(&rng, 3);
		struct batch b = {.pid = tid / 3, .tid = tid, .n = n, .addr = addr + at, .meta = meta + at};
		struct piece *p = &pieces[nr_pieces];
		struct control c;

		if (at + n > POOL)
			break;
		draw_accesses(at, n, tid % 4);
		if (open && nr_pieces && p[-1].tid == tid)
			p--;
		else if (n)
			*p = (struct piece){.pid = b.pid, .tid = tid, .from = at, .after = seq};
		if (rng_below(&rng, 3) == 0) {
			if (!n && !(open && p != &pieces[nr_pieces]))
				*p = (struct piece){.pid = b.pid, .tid = tid, .from = at, .after = seq};
			draw_control(p, &c, &seq);
			b.control = &c;
		}
		if (!n && !b.control)
			continue;
		p->n += n;
		at += n;
		nr_pieces = (size_t)(p - pieces) + 1;
		open = !b.control;
		ck_assert_int_eq(trace_writer_batch(w, &b, &e), 0);
	}
	ck_assert_int_eq(trace_writer_close(w, &e), 0);
}

static bool control_is(const struct control *c, const struct piece *p, uint64_t order)
{
	return p->has_control && c->op == p->op && c->arg[0] == p->arg && c->order == order &&
	       (!record_op_info(p->op)->ordered || c->seq == p->seq) &&
	       strcmp(c->text ? c->text : "", p->text) == 0;
}

/* Checks one batch against piece number `order`; *taken accesses of it were seen before. True when it is
 * done. */
static bool check_batch(const struct batch *b, size_t *taken)
{
	const struct piece *p = &pieces[b->order];

	ck_assert_uint_lt(b->order, nr_pieces);
	ck_assert(b->pid == p->pid && b->tid == p->tid && b->after == p->after && *taken + b->n <= p->n);
	if (memcmp(b->addr, addr + p->from + *taken, b->n * sizeof *addr) != 0 ||
	    memcmp(b->meta, meta + p->from + *taken, b->n * sizeof *meta) != 0)
		ck_abort_msg("accesses of piece %" PRIu64, b->order);
	*taken += b->n;
	if (b->control && (*taken != p->n || !control_is(b->control, p, b->order)))
		ck_abort_msg("control of piece %" PRIu64, b->order);
	return b->control || (*taken == p->n && !p->has_control);
}

static void check_merged(struct trace *t)
{
	struct merged *m;
	struct batch b;
	struct err e = {0};
	size_t at = 0, taken = 0;
	int rc;

	ck_assert_int_eq(merged_open(&m, t, &e), 0);
	while ((rc = merged_next(m, &b, &e)) > 0) {
		if (b.order != at)
			ck_abort_msg("piece %" PRIu64 ", %zu expected", b.order, at);
		if (check_batch(&b, &taken)) {
			taken = 0;
			at++;
		}
	}
	ck_assert_msg(rc == 0, "%s", e.text);
	ck_assert_uint_eq(at, nr_pieces);
	ck_assert_uint_eq(taken, 0);
	merged_close(m);
}

static void check_streams(struct trace *t)
{
	size_t total = 0;

	for (size_t i = 0; i < trace_nr_threads(t); i++) {
		const struct trace_thread *th = trace_thread(t, i);
		struct stream *s;
		struct batch b;
		struct err e = {0};
		size_t taken = 0, accesses = 0;
		uint64_t last = 0, touch = 0;
		bool first = true;

		ck_assert_int_eq(stream_open(&s, t, i, &e), 0);
		while (stream_next(s, &b, &e) > 0) {
			ck_assert(b.tid == th->tid && (first ? b.order == th->first_order : b.order >= last));
			for (size_t k = 0; k < b.n + BATCH_SLACK; k++)
				touch += b.addr[k] + b.meta[k]; /* the slack is readable */
			first = false;
			last = b.order;
			accesses += b.n;
			if (check_batch(&b, &taken)) {
				taken = 0;
				total++;
			}
		}
		(void)touch;
		ck_assert_msg(!e.code, "%s", e.text);
		ck_assert_uint_eq(accesses, th->accesses);
		stream_close(s);
	}
	ck_assert_uint_eq(total, nr_pieces);
}

static uint64_t naive_instructions(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < nr_pieces; i++) {
		for (size_t k = 0; k < pieces[i].n; k++)
			sum += META_ICOUNT(meta[pieces[i].from + k]);
		if (pieces[i].has_control && pieces[i].op == REC_INSTR)
			sum += pieces[i].arg;
	}
	return sum;
}

static int by_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Distinct (process, page) by sorting; pids are below 16, pages below 2^52. */
static uint64_t naive_footprint(void)
{
	uint64_t *v = malloc(2 * POOL * sizeof *v), distinct = 0;
	size_t n = 0;

	for (size_t i = 0; i < nr_pieces; i++)
		for (size_t k = pieces[i].from; k < pieces[i].from + pieces[i].n; k++) {
			uint64_t last = addr[k] + META_SIZE(meta[k]) - 1;

			v[n++] = (uint64_t)pieces[i].pid << 52 | addr[k] >> 12;
			if (last >= addr[k])
				v[n++] = (uint64_t)pieces[i].pid << 52 | last >> 12;
		}
	qsort(v, n, sizeof *v, by_u64);
	for (size_t i = 0; i < n; i++)
		distinct += i == 0 || v[i] != v[i - 1];
	free(v);
	return distinct;
}

START_TEST(random_traces)
{
	static const size_t means[] = {1, 3, 20, 3000};
	size_t threads = _i % 3 == 0 ? 1 : _i % 3 == 1 ? 4 : THREADS_MAX;
	struct trace_counts c;
	struct trace *t;
	struct err e = {0};
	char path[64];

	rng_init(&rng, (uint64_t)_i, "test.native_prop");
	snprintf(path, sizeof path, "/proc/self/fd/%d", memfd_create("trace", 0));
	write_random(path, threads, means[_i % 4]);
	ck_assert_uint_gt(nr_pieces, 10);
	ck_assert_msg(trace_open(&t, path, &e) == 0, "%s", e.text);
	check_merged(t);
	check_streams(t);
	ck_assert_int_eq(trace_counts(t, &c, &e), 0);
	ck_assert_uint_eq(c.instructions, naive_instructions());
	ck_assert_uint_eq(c.footprint_pages, naive_footprint());
	ck_assert_uint_eq(c.accesses, c.reads + c.writes + c.fetches);
	trace_close(t);
}
END_TEST

/* Same input, same bytes. */
START_TEST(same_bytes)
{
	char path[2][64], print[2][33];

	for (unsigned i = 0; i < 2; i++) {
		struct trace *t;
		struct err e = {0};

		rng_init(&rng, 77, "test.native_prop");
		snprintf(path[i], sizeof path[i], "/proc/self/fd/%d", memfd_create("trace", 0));
		write_random(path[i], 5, 100);
		ck_assert_int_eq(trace_open(&t, path[i], &e), 0);
		snprintf(print[i], sizeof print[i], "%s", trace_fingerprint(t, &e));
		trace_close(t);
	}
	ck_assert_str_eq(print[0], print[1]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("native_prop");

	tcase_add_loop_test(tc, random_traces, 0, 12);
	tcase_add_test(tc, same_bytes);
	return run_case("native_prop", tc);
}
