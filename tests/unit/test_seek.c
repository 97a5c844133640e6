/*
 * test_seek.c - going to an access by its number, and reading a trace without its accesses: the same batches
 * as reading it from the front.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/rng.h"
#include "tests/suite.h"
#include "traces/source.h"

#define THREADS 3
#define N       150000

static char path[64];
static uint64_t expected[THREADS][N];
static size_t written[THREADS];

/* The address says which access it is. */
static uint64_t address(uint32_t thread, size_t i)
{
	return (uint64_t)thread << 40 | i * 8;
}

static void put(struct trace_writer *w, uint32_t thread, size_t n, const struct control *c)
{
	static uint64_t addr[N];
	static uint32_t meta[N];
	struct batch b = {.pid = 1, .tid = thread, .n = n, .addr = addr, .meta = meta, .control = c};
	struct err e = {0};

	for (size_t i = 0; i < n; i++) {
		addr[i] = address(thread, written[thread]);
		meta[i] = meta_make(addr[i], ACCESS_LOAD, 8, 1);
		expected[thread][written[thread]++] = addr[i];
	}
	ck_assert_msg(trace_writer_batch(w, &b, &e) == 0, "%s", e.text);
}

/* Pieces of all lengths from none to several blocks, some with a control. */
static struct trace *write_and_open(uint64_t seed)
{
	struct control mark = {.op = REC_MARK, .text = "m"};
	struct trace_writer *w;
	struct err e = {0};
	struct trace *t;
	struct rng r;

	memset(written, 0, sizeof written);
	snprintf(path, sizeof path, "/proc/self/fd/%d", memfd_create("trace", 0));
	rng_init(&r, seed, "seek");
	ck_assert_msg(trace_writer_open(&w, path, NULL, 1, &e) == 0, "%s", e.text);
	for (int i = 0; i < 60; i++) {
		uint32_t thread = (uint32_t)rng_below(&r, THREADS);
		size_t n = rng_below(&r, 16) == 0 ? rng_below(&r, 90000) : rng_below(&r, 5);

		n = MIN_OF(n, N - 1 - written[thread]);
		put(w, thread, n, rng_below(&r, 2) ? &mark : NULL);
	}
	for (uint32_t thread = 0; thread < THREADS; thread++)
		put(w, thread, 1, NULL);
	ck_assert_msg(trace_writer_close(w, &e) == 0, "%s", e.text);
	ck_assert_msg(trace_open(&t, path, &e) == 0, "%s", e.text);
	return t;
}

/* Reads s to its end: the accesses of the thread from `from` on. */
static void read_rest(struct stream *s, uint32_t thread, size_t from)
{
	struct err e = {0};
	struct batch b;
	int rc;

	while ((rc = stream_next(s, &b, &e)) > 0) {
		ck_assert_uint_le(from + b.n, written[thread]);
		ck_assert_mem_eq(b.addr, &expected[thread][from], b.n * sizeof *b.addr);
		from += b.n;
	}
	ck_assert_msg(rc == 0, "%s", e.text);
	ck_assert_uint_eq(from, written[thread]);
}

static void seek(struct stream *s, uint64_t access)
{
	struct err e = {0};

	ck_assert_msg(stream_seek(s, access, &e) == 0, "%s", e.text);
}

START_TEST(anywhere)
{
	struct trace *t = write_and_open((uint64_t)_i);
	struct err e = {0};
	struct rng r;

	rng_init(&r, (uint64_t)_i, "places");
	for (size_t k = 0; k < trace_nr_threads(t); k++) {
		uint32_t thread = trace_thread(t, k)->tid;
		const size_t all = written[thread];
		const size_t places[] = {0,     all - 1, all, all / 2, 65535,
					 65536, 131072,  1,   all / 3, rng_below(&r, all)};
		struct stream *s;
		struct batch b;

		ck_assert_int_eq(stream_open(&s, t, k, &e), 0);
		for (size_t p = 0; p < ARRAY_LEN(places); p++) {
			size_t at = MIN_OF(places[p], all);

			seek(s, at);
			ck_assert_int_eq(stream_next(s, &b, &e), at < all);
			if (at < all) {
				ck_assert_uint_gt(b.n, 0);
				ck_assert_uint_eq(b.addr[0], expected[thread][at]);
				read_rest(s, thread, at + b.n);
			}
			seek(s, at);
			if (p % 2)
				read_rest(s, thread, at);
		}
		seek(s, UINT64_MAX);
		ck_assert_int_eq(stream_next(s, &b, &e), 0);
		stream_close(s);
	}
	trace_close(t);
}
END_TEST

/* Batch by batch beside a reader that decodes everything; every third batch is asked for its accesses. */
START_TEST(skimming)
{
	struct trace *t = write_and_open((uint64_t)_i);
	struct merged *full, *skim;
	struct batch a, b;
	struct err e = {0};
	int rc;

	ck_assert_int_eq(merged_open(&full, t, &e), 0);
	ck_assert_int_eq(merged_open(&skim, t, &e), 0);
	for (int i = 0; (rc = merged_next(full, &a, &e)) > 0; i++) {
		ck_assert_int_eq(merged_skim(skim, &b, &e), 1);
		ck_assert_uint_eq(b.n, a.n);
		ck_assert_uint_eq(b.tid, a.tid);
		ck_assert_uint_eq(b.order, a.order);
		ck_assert_uint_eq(b.after, a.after);
		ck_assert_int_eq(b.control != NULL, a.control != NULL);
		ck_assert_ptr_null(b.addr);
		ck_assert_ptr_null(b.meta);
		if (i % 3)
			continue;
		ck_assert_int_eq(merged_reveal(skim, &b, &e), 0);
		ck_assert_mem_eq(b.addr, a.addr, a.n * sizeof *a.addr);
		ck_assert_mem_eq(b.meta, a.meta, a.n * sizeof *a.meta);
	}
	ck_assert_msg(rc == 0, "%s", e.text);
	ck_assert_int_eq(merged_skim(skim, &b, &e), 0);
	merged_close(full);
	merged_close(skim);
	trace_close(t);
}
END_TEST

/* Goes through a trace in every way; errors are welcome, faults are not. */
static void wander(struct rng *r)
{
	struct merged *m;
	struct stream *s;
	struct err e = {0};
	struct trace *t;
	struct batch b;

	if (trace_open(&t, path, &e))
		return;
	if (merged_open(&m, t, &e) == 0) {
		for (int i = 0; i < 100 && merged_skim(m, &b, &e) > 0; i++)
			if (rng_below(r, 3) == 0 && merged_reveal(m, &b, &e))
				break;
		merged_close(m);
	}
	for (size_t k = 0; k < trace_nr_threads(t); k++) {
		if (stream_open(&s, t, k, &e))
			continue;
		for (int i = 0; i < 3 && stream_seek(s, rng_below(r, N), &e) == 0; i++)
			if (stream_next(s, &b, &e) < 0)
				break;
		stream_close(s);
	}
	trace_close(t);
}

/* Every byte may be wrong and every end missing. */
START_TEST(damaged)
{
	struct rng r;
	off_t size;
	int fd;

	trace_close(write_and_open((uint64_t)_i));
	rng_init(&r, (uint64_t)_i, "damage");
	fd = open(path, O_RDWR);
	size = lseek(fd, 0, SEEK_END);
	for (int i = 0; i < 60; i++) {
		off_t at = (off_t)rng_below(&r, (uint64_t)size);
		uint8_t was, now;

		ck_assert_int_eq(pread(fd, &was, 1, at), 1);
		now = was ^ (uint8_t)(1 + rng_below(&r, 255));
		ck_assert_int_eq(pwrite(fd, &now, 1, at), 1);
		wander(&r);
		ck_assert_int_eq(pwrite(fd, &was, 1, at), 1);
	}
	for (int i = 0; i < 20; i++) {
		size -= (off_t)rng_below(&r, (uint64_t)size / 2) + 1;
		ck_assert_int_eq(ftruncate(fd, size), 0);
		wander(&r);
		if (size < 10)
			break;
	}
	close(fd);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, anywhere, 0, 6);
	tcase_add_loop_test(t, skimming, 0, 6);
	tcase_add_loop_test(t, damaged, 0, 4);
	return run_case("seek", t);
}
