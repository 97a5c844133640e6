/*
 * test_thin.c - leaving out accesses keeps the instructions of each thread; state_keep keeps what builds
 * state.
 */
#include "traces/inspect/thin.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/suite.h"

#include "sim/rng.h"
#include "traces/inspect/state.h"

static char path[64];

static bool even_pages(const void *ctx, uint32_t pid, uint64_t *addr, uint32_t *meta)
{
	(void)ctx, (void)pid, (void)meta;
	return !(*addr >> PAGE_SHIFT & 1);
}

/* Random accesses of two threads with large counts, a mark behind each piece; a kept one at each end. */
START_TEST(instructions_are_kept)
{
	enum { PIECES = 40, N = 200 };
	uint64_t instructions[2] = {0}, kept = 0, addr[N + 1];
	uint32_t meta[N + 1];
	const struct control mark = {.op = REC_MARK, .text = "m"};
	struct trace_counts c;
	struct trace_writer *w;
	struct thin thin;
	struct err e = {0};
	struct trace *t;
	struct rng r;

	snprintf(path, sizeof path, "/proc/self/fd/%d", memfd_create("trace", 0));
	rng_init(&r, 1, "thin");
	ck_assert_int_eq(trace_writer_open(&w, path, NULL, 0, &e), 0);
	thin_init(&thin, even_pages, NULL);
	for (uint32_t p = 0; p < PIECES; p++) {
		struct batch b = {.pid = 1, .tid = p % 2, .n = rng_below(&r, N), .addr = addr, .meta = meta};

		for (size_t i = 0; i < b.n; i++) {
			uint32_t count = rng_below(&r, 2) ? 60000 : (uint32_t)rng_below(&r, 3);

			addr[i] = rng_below(&r, 64) << PAGE_SHIFT;
			meta[i] = meta_make(addr[i], ACCESS_LOAD, 8, count);
			instructions[p % 2] += count;
			kept += !(addr[i] >> PAGE_SHIFT & 1);
		}
		b.control = p % 3 == 0 || p >= PIECES - 2 ? &mark : NULL;
		ck_assert_msg(thin_write(&thin, &b, w, &e) == 0, "%s", e.text);
	}
	ck_assert_uint_eq(thin.kept, kept);
	thin_release(&thin);
	ck_assert_int_eq(trace_writer_close(w, &e), 0);
	ck_assert_int_eq(trace_open(&t, path, &e), 0);
	ck_assert_int_eq(trace_counts(t, &c, &e), 0);
	ck_assert_uint_eq(c.accesses, kept);
	ck_assert_uint_eq(c.instructions, instructions[0] + instructions[1]);
	ck_assert_uint_lt(c.footprint_pages, 33);
	trace_close(t);
}
END_TEST

START_TEST(state)
{
	const struct control file = {.op = REC_FILE, .arg = {5, 100}};
	const struct control grows = {.op = REC_WRITE, .arg = {5, 90, 30, 0}, .result = 30};
	const struct control inside = {.op = REC_WRITE, .arg = {5, 0, 120, 0}, .result = 120};
	const struct control failed = {.op = REC_WRITE, .arg = {5, 500, 10, 0}, .result = -28};
	const struct control dontneed = {.op = REC_MADVISE, .arg = {0, 4096, 4}};
	const struct control hugepage = {.op = REC_MADVISE, .arg = {0, 4096, 14}};
	const struct control mark = {.op = REC_MARK, .text = "m"};
	const struct control mmap = {.op = REC_MMAP};
	const struct control *kept;
	struct control changed;
	struct state s;

	state_init(&s);
	ck_assert_ptr_eq(state_keep(&s, &file, &changed), &file);
	kept = state_keep(&s, &grows, &changed);
	ck_assert_ptr_eq(kept, &changed);
	ck_assert_int_eq(kept->op, REC_TRUNCATE);
	ck_assert_uint_eq(kept->arg[0], 5);
	ck_assert_uint_eq(kept->arg[1], 120);
	ck_assert_ptr_null(state_keep(&s, &inside, &changed));
	ck_assert_ptr_null(state_keep(&s, &failed, &changed));
	ck_assert_ptr_null(state_keep(&s, &dontneed, &changed));
	ck_assert_ptr_eq(state_keep(&s, &hugepage, &changed), &hugepage);
	ck_assert_ptr_null(state_keep(&s, &mark, &changed));
	ck_assert_ptr_eq(state_keep(&s, &mmap, &changed), &mmap);
	state_release(&s);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, instructions_are_kept);
	tcase_add_test(t, state);
	return run_case("thin", t);
}
