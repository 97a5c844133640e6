/*
 * test_encode_pool.c - blocks that threads encode: the same file as without them, and the same errors.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim/mem.h"
#include "sim/rng.h"
#include "traces/source.h"
#include "traces/writer.h"

#define CHUNK 5000u

/* Accesses of one of three threads: a loop with fetches, a random one, and one that changes its ways. */
static void fill(struct rng *r, uint64_t *addr, uint32_t *meta, uint32_t tid, uint32_t round)
{
	bool random = tid == 2 || (tid == 3 && round / 10 % 2);

	for (uint32_t i = 0; i < CHUNK; i++) {
		bool fetch = !random && i % 3;

		if (fetch)
			addr[i] = 0x400000 + i % 300 * 4;
		else
			addr[i] = random ? 0x7f0000000000 + rng_next(r) % (1 << 26) * 8
					 : 0x10000000 + (uint64_t)(round * CHUNK + i) * 8;
		meta[i] = meta_make(addr[i], fetch ? ACCESS_FETCH : ACCESS_LOAD, fetch ? 4 : 8, 1);
	}
}

static int put_control(struct trace_writer *w, uint32_t tid, uint64_t i, bool last, struct err *e)
{
	struct control c = {.op = last ? REC_EXIT : REC_MADVISE, .pid = 1, .tid = tid};

	if (!last) {
		c.arg[0] = i << 12;
		c.arg[1] = 4096;
	}
	return trace_writer_batch(w, &(struct batch){.pid = 1, .tid = tid, .control = &c}, e);
}

/* Writes a trace of about fifteen full blocks and one large one of calls; the first error. */
static int write_all(struct trace_writer *w, struct err *e)
{
	uint64_t addr[CHUNK + BATCH_SLACK] = {0};
	uint32_t meta[CHUNK + BATCH_SLACK] = {0};
	struct rng r;
	int rc = 0;

	rng_init(&r, 1, "test.encode_pool");
	for (uint32_t round = 0; round < 64 && rc >= 0; round++) {
		for (uint32_t tid = 1; tid <= 3 && rc >= 0; tid++) {
			fill(&r, addr, meta, tid, round);
			rc = trace_writer_batch(
				w,
				&(struct batch){.pid = 1, .tid = tid, .n = CHUNK, .addr = addr, .meta = meta},
				e);
			for (uint64_t i = 0; i < 200 && rc >= 0; i++)
				rc = put_control(w, tid, rng_next(&r) % 100000, false, e);
		}
		if (round == 40 && rc >= 0)
			rc = put_control(w, 2, 0, true, e);
	}
	for (uint64_t i = 0; i < 40000 && rc >= 0; i++)
		rc = put_control(w, 4, rng_next(&r) % 100000, false, e);
	return rc;
}

static struct trace_writer *writer(int fd, int level, unsigned workers)
{
	struct trace_writer *w;
	struct err e = {0};

	ck_assert_msg(trace_writer_open_fd(&w, fd, "t", NULL, level, &e) == 0, "%s", e.text);
	w->workers = workers;
	return w;
}

/* The bytes of the trace; length in *n. */
static uint8_t *written(int level, unsigned workers, size_t *n)
{
	int fd = memfd_create("trace", 0);
	struct trace_writer *w = writer(fd, level, workers);
	struct err e = {0};
	uint8_t *bytes;

	ck_assert_msg(write_all(w, &e) == 0, "%s", e.text);
	ck_assert((w->pool != NULL) == (workers > 0 && level != 1));
	ck_assert_msg(trace_writer_close(w, &e) == 0, "%s", e.text);
	*n = (size_t)lseek(fd, 0, SEEK_END);
	bytes = mem_alloc_late(*n, 1);
	ck_assert_int_eq(pread(fd, bytes, *n, 0), (ssize_t)*n);
	close(fd);
	return bytes;
}

static const int levels[] = {0, 1, 3, TRACE_LEVEL_FAST};

START_TEST(test_bytes_do_not_depend_on_threads)
{
	size_t n0, n;
	uint8_t *alone = written(levels[_i], 0, &n0);

	for (unsigned workers = 1; workers <= ENCODE_POOL_MAX; workers += 2) {
		uint8_t *other = written(levels[_i], workers, &n);

		ck_assert_uint_eq(n, n0);
		ck_assert_int_eq(memcmp(alone, other, n), 0);
		mem_free(other);
	}
	mem_free(alone);
}
END_TEST

/* A file that may not grow beyond `most` bytes. */
static int narrow_file(rlim_t most)
{
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){most, RLIM_INFINITY}), 0);
	return fileno(f);
}

START_TEST(test_full_disk_is_told)
{
	struct err alone = {0}, pooled = {0};
	struct trace_writer *w = writer(narrow_file(300000), 0, 0);
	int rc = write_all(w, &alone);

	ck_assert_int_eq(rc, -(int)ERR_IO);
	trace_writer_abort(w);

	w = writer(narrow_file(300000), 0, 2);
	rc = write_all(w, &pooled);
	if (rc >= 0)
		rc = trace_writer_close(w, &pooled);
	else
		trace_writer_abort(w);
	ck_assert_int_eq(rc, -(int)ERR_IO);
	ck_assert_str_eq(pooled.text, alone.text);
}
END_TEST

/* The input breaks off behind blocks that do not fit: what happened first is told. */
START_TEST(test_full_disk_before_a_bad_line)
{
	uint64_t addr[CHUNK + BATCH_SLACK] = {0};
	uint32_t meta[CHUNK + BATCH_SLACK] = {0};
	struct batch b = {.pid = 1, .tid = 2, .n = CHUNK, .addr = addr, .meta = meta};

	for (unsigned workers = 0; workers <= 2; workers++) {
		struct trace_writer *w = writer(narrow_file(4000), 0, workers);
		struct err e = {0};
		struct rng r;
		int rc = 0;

		rng_init(&r, 1, "test.encode_pool");
		for (uint32_t round = 0; round < 3 * ENCODE_MAX / CHUNK && rc >= 0; round++) {
			fill(&r, addr, meta, 2, round);
			rc = trace_writer_batch(w, &b, &e);
		}
		if (rc >= 0) {
			rc = err_set(&e, ERR_FORMAT, "line 7");
			rc = trace_writer_cut(w, rc, &e);
		}
		trace_writer_abort(w);
		ck_assert_int_eq(rc, -(int)ERR_IO);
		ck_assert_int_eq(e.code, ERR_IO);
	}
}
END_TEST

START_TEST(test_input_error_stands)
{
	struct trace_writer *w = writer(memfd_create("trace", 0), 0, 2);
	struct err e = {0};

	ck_assert_int_eq(write_all(w, &e), 0);
	ck_assert_int_eq(trace_writer_cut(w, err_set(&e, ERR_FORMAT, "line 7"), &e), -(int)ERR_FORMAT);
	ck_assert_str_eq(e.text, "line 7");
	trace_writer_abort(w);
}
END_TEST

START_TEST(test_given_up_amid_work)
{
	struct trace_writer *w = writer(memfd_create("trace", 0), 0, 3);
	struct err e = {0};

	ck_assert_int_eq(write_all(w, &e), 0);
	ck_assert_ptr_nonnull(w->pool);
	trace_writer_abort(w);
}
END_TEST

/* The first large block starts no thread. */
START_TEST(test_small_traces_start_no_thread)
{
	uint64_t addr[CHUNK + BATCH_SLACK] = {0};
	uint32_t meta[CHUNK + BATCH_SLACK] = {0};
	struct batch b = {.pid = 1, .tid = 1, .n = CHUNK, .addr = addr, .meta = meta};
	struct trace_writer *w = writer(memfd_create("trace", 0), 0, 2);
	struct err e = {0};
	struct rng r;

	rng_init(&r, 1, "test.encode_pool");
	fill(&r, addr, meta, 1, 0);
	for (uint32_t n = 0; n + CHUNK < 2 * ENCODE_MAX; n += CHUNK)
		ck_assert_int_eq(trace_writer_batch(w, &b, &e), 0);
	ck_assert_ptr_null(w->pool);
	ck_assert_int_eq(trace_writer_close(w, &e), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("encode_pool");
	TCase *c = tcase_create("encode_pool");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(c, test_bytes_do_not_depend_on_threads, 0, (int)ARRAY_LEN(levels));
	tcase_add_test(c, test_input_error_stands);
	tcase_add_test(c, test_given_up_amid_work);
	tcase_add_test(c, test_small_traces_start_no_thread);
	tcase_add_test(c, test_full_disk_is_told);
	tcase_add_test(c, test_full_disk_before_a_bad_line);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
