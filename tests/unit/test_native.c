/*
 * test_native.c - the native format: what goes in comes out.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/suite.h"
#include "traces/source.h"
#include "traces/bytes.h"
#include "traces/control.h"
#include "traces/native.h"

static char path[64];

/* Each test writes to a file in memory. */
static void setup(void)
{
	snprintf(path, sizeof path, "/proc/self/fd/%d", memfd_create("trace", 0));
}

static struct trace_writer *writer(const struct provenance *p)
{
	struct err e = {0};
	struct trace_writer *w;

	ck_assert_msg(trace_writer_open(&w, path, p, 0, &e) == 0, "%s", e.text);
	return w;
}

static void finish(struct trace_writer *w)
{
	struct err e = {0};

	ck_assert_msg(trace_writer_close(w, &e) == 0, "%s", e.text);
}

static void put(struct trace_writer *w, uint32_t pid, uint32_t tid, const uint64_t *addr,
		const uint32_t *meta, size_t n, const struct control *c)
{
	struct batch b = {.pid = pid, .tid = tid, .n = n, .addr = addr, .meta = meta, .control = c};
	struct err e = {0};

	ck_assert_msg(trace_writer_batch(w, &b, &e) == 0, "%s", e.text);
}

static struct trace *reopen(void)
{
	struct err e = {0};
	struct trace *t;

	ck_assert_msg(trace_open(&t, path, &e) == 0, "%s", e.text);
	ck_assert(!trace_is_truncated(t));
	return t;
}

static struct stream *stream(struct trace *t, size_t i)
{
	struct err e = {0};
	struct stream *s;

	ck_assert_int_eq(stream_open(&s, t, i, &e), 0);
	return s;
}

static bool next(struct stream *s, struct batch *b)
{
	struct err e = {0};
	int rc = stream_next(s, b, &e);

	ck_assert_msg(rc >= 0, "%s", e.text);
	return rc == 1;
}

START_TEST(empty)
{
	struct trace_counts c;
	struct merged *m;
	struct batch b;
	struct trace *t;
	struct err e = {0};

	finish(writer(NULL));
	t = reopen();
	ck_assert_uint_eq(trace_nr_threads(t), 0);
	ck_assert_str_eq(trace_provenance_json(t), "{}");
	ck_assert_int_eq(trace_counts(t, &c, &e), 0);
	ck_assert_uint_eq(c.accesses + c.controls + c.blocks + c.footprint_pages + c.threads + c.processes,
			  0);
	ck_assert(!trace_has_mappings(t));
	ck_assert_int_eq(merged_open(&m, t, &e), 0);
	ck_assert_int_eq(merged_next(m, &b, &e), 0);
	merged_close(m);
	trace_close(t);
}
END_TEST

START_TEST(one_access)
{
	uint64_t addr = UINT64_C(0xffff888000000ffc);
	uint32_t meta = meta_make(addr, ACCESS_STORE, 8, 77);
	struct trace_writer *w = writer(NULL);
	struct trace_counts c;
	struct stream *s;
	struct batch b;
	struct trace *t;
	struct err e = {0};

	ck_assert_uint_eq(meta & META_SPLIT, META_SPLIT);
	/* the writer works the split bit out itself */
	put(w, 7, 8, &addr, &(uint32_t){meta & ~META_SPLIT}, 1, NULL);
	finish(w);
	t = reopen();
	ck_assert_uint_eq(trace_nr_threads(t), 1);
	ck_assert_uint_eq(trace_thread(t, 0)->pid, 7);
	ck_assert_uint_eq(trace_thread(t, 0)->tid, 8);
	ck_assert_uint_eq(trace_thread(t, 0)->accesses, 1);
	ck_assert_ptr_null(trace_thread(t, 1));
	s = stream(t, 0);
	ck_assert(next(s, &b));
	ck_assert_uint_eq(b.n, 1);
	ck_assert_uint_eq(b.addr[0], addr);
	ck_assert_uint_eq(b.meta[0], meta);
	ck_assert_ptr_null(b.control);
	ck_assert(!next(s, &b));
	ck_assert(!next(s, &b));
	stream_close(s);
	ck_assert_int_eq(trace_counts(t, &c, &e), 0);
	ck_assert_uint_eq(c.accesses, 1);
	ck_assert_uint_eq(c.writes, 1);
	ck_assert_uint_eq(c.reads, 0);
	ck_assert_uint_eq(c.instructions, 77);
	ck_assert_uint_eq(c.footprint_pages, 2);
	trace_close(t);
}
END_TEST

START_TEST(provenance)
{
	struct provenance p = {
		.program = "a \"b\"\\\n\x01\xc3\xa9", .notes = "", .sampled = true, .physical = true};
	const struct provenance *q;
	struct trace *t;

	finish(writer(&p));
	t = reopen();
	q = trace_provenance(t);
	ck_assert_str_eq(q->program, p.program);
	ck_assert_str_eq(q->notes, "");
	ck_assert_ptr_null(q->host);
	ck_assert(q->sampled && q->physical && !q->no_sizes);
	ck_assert_str_eq(trace_provenance_json(t),
			 "{\"program\": \"a \\\"b\\\"\\\\\\u000a\\u0001\xc3\xa9\", \"notes\": \"\", "
			 "\"physical\": true, \"sampled\": true}");
	trace_close(t);
}
END_TEST

static void fill_control(struct control *c, enum record_op op)
{
	*c = (struct control){
		.op = op, .cpu = (int32_t)op % 5 - 1, .time_ns = 1000u * op, .result = -(int64_t)op};
	for (unsigned i = 0; i < record_op_info(op)->nr_args; i++)
		c->arg[i] = i ? UINT64_MAX - op * i : UINT64_C(0x7f0000000000) + op;
	if (op % 2)
		c->text = op % 3 ? "/usr/lib/x86_64-linux-gnu/libc.so.6" : "";
}

/* fork's late argument: a byte when it is 1, nothing when it is 0, and 0 in what was written without it. */
START_TEST(a_late_argument_is_left_out)
{
	struct piece p = {.control = {.op = REC_FORK, .cpu = -1, .arg = {8, 9, 0}}};
	struct buf without = {0}, with = {0};
	struct buf *const both[] = {&without, &with};

	piece_write(&without, &(struct control_base){0}, &p);
	p.control.arg[2] = 1;
	piece_write(&with, &(struct control_base){0}, &p);
	/* order, after, accesses, op; cpu, time, seq, result; 2, 8, 9; no text */
	ck_assert_uint_eq(without.len, 12);
	ck_assert_uint_eq(with.len, 13);
	for (uint64_t i = 0; i < 2; i++) {
		struct cursor c = {.p = both[i]->p, .end = both[i]->p + both[i]->len};

		p.control.arg[2] = 77;
		ck_assert(piece_read(&c, &(struct control_base){0}, &p));
		ck_assert_uint_eq(p.control.arg[1], 9);
		ck_assert_uint_eq(p.control.arg[2], i);
		buf_release(both[i]);
	}
}
END_TEST

/* Every operation, each behind `op` accesses; process 1 has all, process 2 a run in between. */
START_TEST(all_controls)
{
	struct trace_writer *w = writer(NULL);
	uint64_t addr[64], order = 0, seq = 0;
	uint32_t meta[64];
	struct control c;
	struct stream *s;
	struct batch b;
	struct trace *t;
	struct err e = {0};
	struct trace_counts counts;

	for (uint32_t i = 0; i < 64; i++) {
		addr[i] = i * 4096 + i;
		meta[i] = meta_make(addr[i], (enum access_kind)(i % 3), i % 2 ? 4096 : 1, i == 5 ? 65535 : 0);
	}
	for (unsigned op = 1; op < REC_NR; op++) {
		fill_control(&c, (enum record_op)op);
		if (op == REC_SYNC)
			c.arg[0] = 0;
		put(w, 1, 1, addr, meta, op, &c);
		put(w, 2, 9, addr, meta, 3, NULL);
	}
	finish(w);
	t = reopen();
	ck_assert(trace_has_mappings(t));
	ck_assert_uint_eq(trace_nr_threads(t), 2);
	s = stream(t, 0);
	for (unsigned op = 1; op < REC_NR; op++) {
		ck_assert(next(s, &b));
		fill_control(&c, (enum record_op)op);
		ck_assert_uint_eq(b.order, order);
		ck_assert_uint_eq(b.after, seq);
		ck_assert_uint_eq(b.n, op);
		ck_assert_mem_eq(b.addr, addr, op * sizeof *addr);
		ck_assert_mem_eq(b.meta, meta, op * sizeof *meta);
		order += 2;
		if (op == REC_SYNC) {
			ck_assert_ptr_null(b.control);
			continue;
		}
		ck_assert_int_eq(b.control->op, op);
		ck_assert_int_eq(b.control->cpu, c.cpu);
		ck_assert_uint_eq(b.control->pid, 1);
		ck_assert_uint_eq(b.control->order, b.order);
		ck_assert_uint_eq(b.control->time_ns, c.time_ns);
		ck_assert_int_eq(b.control->result, c.result);
		ck_assert_mem_eq(b.control->arg, c.arg, sizeof c.arg);
		ck_assert_pstr_eq(b.control->text, c.text);
		if (record_op_info(op)->ordered)
			ck_assert_uint_eq(b.control->seq, seq++);
	}
	ck_assert(!next(s, &b));
	stream_close(s);
	ck_assert_int_eq(trace_counts(t, &counts, &e), 0);
	ck_assert_uint_eq(counts.controls, REC_NR - 2);
	ck_assert_uint_eq(counts.processes, 2);
	trace_close(t);
}
END_TEST

/* Runs of one thread without control between them are one piece; a run longer than a block goes on in the
 * next. */
START_TEST(long_piece)
{
	enum { N = 200000 };
	uint64_t *addr = calloc(N, sizeof *addr);
	uint32_t *meta = calloc(N, sizeof *meta);
	struct trace_writer *w = writer(NULL);
	struct control mark = {.op = REC_MARK, .text = "end"};
	struct stream *s;
	struct batch b;
	struct trace *t;
	size_t at = 0;

	for (size_t i = 0; i < N; i++) {
		addr[i] = i * i * 8;
		meta[i] = meta_make(addr[i], i % 2 ? ACCESS_LOAD : ACCESS_STORE, 8, (uint32_t)(i % 7));
	}
	put(w, 1, 1, addr, meta, 10, NULL);
	put(w, 1, 1, addr + 10, meta + 10, N - 10, &mark);
	put(w, 1, 1, addr, meta, 1, NULL);
	finish(w);
	t = reopen();
	s = stream(t, 0);
	while (next(s, &b) && !b.control) {
		ck_assert_uint_eq(b.order, 0);
		ck_assert_mem_eq(b.addr, addr + at, b.n * sizeof *addr);
		ck_assert_mem_eq(b.meta, meta + at, b.n * sizeof *meta);
		at += b.n;
	}
	ck_assert_mem_eq(b.addr, addr + at, b.n * sizeof *addr);
	ck_assert_uint_eq(at + b.n, N);
	ck_assert_str_eq(b.control->text, "end");
	ck_assert(next(s, &b));
	ck_assert_uint_eq(b.order, 1);
	ck_assert_uint_eq(b.after, 1);
	ck_assert(!next(s, &b));
	stream_close(s);
	trace_close(t);
	free(addr);
	free(meta);
}
END_TEST

/* A trace of four full blocks of random addresses, so that blocks are decoded ahead. */
static void write_large(void)
{
	enum { N = 4 * 65536 };
	uint64_t *addr = calloc(N, sizeof *addr), x = 1;
	uint32_t *meta = calloc(N, sizeof *meta);
	struct trace_writer *w = writer(NULL);

	for (size_t i = 0; i < N; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		addr[i] = x >> 20;
		meta[i] = meta_make(addr[i], ACCESS_LOAD, 8, 1);
	}
	put(w, 1, 1, addr, meta, N, NULL);
	finish(w);
	free(addr);
	free(meta);
}

/* An error in a block that was decoded ahead comes when its turn comes, and names it. */
START_TEST(damage_ahead)
{
	struct block_header h;
	uint8_t bytes[BLOCK_HEADER_SIZE], byte;
	struct err e = {0};
	struct stream *s;
	struct batch b;
	struct trace *t;
	char offset[40];
	uint64_t at = NATIVE_HEADER_SIZE + 2;
	int fd;

	write_large();
	fd = open(path, O_RDWR);
	for (unsigned block = 0; block < 3; block++) {
		ck_assert_int_eq(pread(fd, bytes, sizeof bytes, (off_t)at), sizeof bytes);
		ck_assert(block_header_unpack(&h, at, bytes));
		at += block < 2 ? block_size(&h) : 0;
	}
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)(at + BLOCK_HEADER_SIZE + 1000)), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)(at + BLOCK_HEADER_SIZE + 1000)), 1);
	close(fd);
	t = reopen();
	s = stream(t, 0);
	ck_assert(next(s, &b));
	ck_assert(next(s, &b));
	ck_assert_int_eq(stream_next(s, &b, &e), -ERR_FORMAT);
	snprintf(offset, sizeof offset, "offset %" PRIu64, at);
	ck_assert_msg(strstr(e.text, offset), "%s", e.text);
	stream_close(s);
	trace_close(t);
}
END_TEST

START_TEST(close_early)
{
	struct stream *s[20];
	struct batch b;
	struct trace *t;

	write_large();
	t = reopen();
	for (unsigned i = 0; i < 20; i++) {
		s[i] = stream(t, 0);
		ck_assert(next(s[i], &b));
	}
	for (unsigned i = 0; i < 20; i++)
		stream_close(s[i]);
	trace_close(t);
}
END_TEST

START_TEST(refusals)
{
	struct trace_writer *w = writer(NULL);
	uint64_t addr = 0;
	uint32_t meta = meta_make(0, ACCESS_LOAD, 0, 1);
	struct batch b = {.pid = 1, .tid = 1, .n = 1, .addr = &addr, .meta = &meta};
	struct control c = {.op = REC_NR};
	char long_text[CONTROL_TEXT_MAX + 2];
	struct err e = {0};

	ck_assert_int_eq(trace_writer_batch(w, &b, &e), -ERR_FORMAT);
	meta = 3 | 8u << META_SIZE_SHIFT;
	ck_assert_int_eq(trace_writer_batch(w, &b, NULL), -ERR_FORMAT);
	meta = meta_make(0, ACCESS_LOAD, 8, 1);
	b.control = &c;
	ck_assert_int_eq(trace_writer_batch(w, &b, NULL), -ERR_FORMAT);
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	c = (struct control){.op = REC_MARK, .text = long_text};
	ck_assert_int_eq(trace_writer_batch(w, &b, NULL), -ERR_LIMIT);
	long_text[CONTROL_TEXT_MAX] = '\0';
	ck_assert_int_eq(trace_writer_batch(w, &b, NULL), 0);
	c = (struct control){.op = REC_SYNC, .arg = {2}};
	ck_assert_int_eq(trace_writer_batch(w, &b, NULL), -ERR_FORMAT);
	trace_writer_abort(w);
}
END_TEST

START_TEST(newer_version)
{
	struct err e = {0};
	struct trace *t;
	int fd;

	finish(writer(NULL));
	fd = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "\x03", 1, 8), 1);
	close(fd);
	ck_assert_int_eq(trace_open(&t, path, &e), -ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(e.text, "newer"));
	ck_assert_ptr_null(t);
}
END_TEST

/* More threads than the writer's memory for open blocks and more blocks than an index page. */
START_TEST(many_blocks)
{
	enum { THREADS = 3000, ROUNDS = 3 };
	struct trace_writer *w = writer(NULL);
	struct control exit_record = {.op = REC_EXIT};
	struct merged *m;
	struct trace_counts c;
	struct batch b;
	struct trace *t;
	struct err e = {0};
	uint64_t order = 0;
	int rc;

	for (uint32_t r = 0; r < ROUNDS; r++)
		for (uint32_t i = 0; i < THREADS; i++) {
			uint64_t addr = (uint64_t)i << 12;

			put(w, i, i, &addr, &(uint32_t){meta_make(addr, ACCESS_LOAD, 8, 1)}, 1, &exit_record);
		}
	finish(w);
	t = reopen();
	ck_assert_int_eq(trace_counts(t, &c, &e), 0);
	ck_assert_uint_eq(c.blocks, THREADS * ROUNDS);
	ck_assert_uint_eq(c.footprint_pages, THREADS);
	ck_assert_int_eq(merged_open(&m, t, &e), 0);
	while ((rc = merged_next(m, &b, &e)) > 0) {
		ck_assert_uint_eq(b.order, order);
		ck_assert_uint_eq(b.pid, order % THREADS);
		ck_assert_uint_eq(b.addr[0], (order % THREADS) << 12);
		order++;
	}
	ck_assert_msg(rc == 0, "%s", e.text);
	ck_assert_uint_eq(order, THREADS * ROUNDS);
	merged_close(m);
	trace_close(t);
}
END_TEST

START_TEST(fingerprint)
{
	struct err e = {0};
	struct trace *t;
	char first[33];

	finish(writer(&(struct provenance){.notes = "a"}));
	t = reopen();
	ck_assert_uint_eq(strlen(trace_fingerprint(t, &e)), 32);
	snprintf(first, sizeof first, "%s", trace_fingerprint(t, &e));
	trace_close(t);
	finish(writer(&(struct provenance){.notes = "b"}));
	t = reopen();
	ck_assert_str_ne(first, trace_fingerprint(t, &e));
	trace_close(t);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("native");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, empty);
	tcase_add_test(tc, one_access);
	tcase_add_test(tc, provenance);
	tcase_add_test(tc, all_controls);
	tcase_add_test(tc, a_late_argument_is_left_out);
	tcase_add_test(tc, long_piece);
	tcase_add_test(tc, damage_ahead);
	tcase_add_test(tc, close_early);
	tcase_add_test(tc, refusals);
	tcase_add_test(tc, newer_version);
	tcase_add_test(tc, many_blocks);
	tcase_add_test(tc, fingerprint);
	return run_case("native", tc);
}
