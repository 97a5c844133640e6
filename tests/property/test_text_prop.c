/*
 * test_text_prop.c - a native trace, printed by `trace cat` and read back by `trace convert`, is the same
 * bytes: random traces of several processes and threads, with all control operations, cuts and odd texts.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/rng.h"
#include "tests/scratch.h"
#include "tests/suite.h"
#include "traces/inspect/inspect.h"
#include "traces/source.h"

enum { BATCH = 400 };

static char dir[SCRATCH_MAX];
static char native[64], text[64], again[64];
static struct rng rng;

static void setup(void)
{
	scratch_make(dir);
	snprintf(native, sizeof native, "%s/a.flt", dir);
	snprintf(text, sizeof text, "%s/a.txt", dir);
	snprintf(again, sizeof again, "%s/b.flt", dir);
}

static void teardown(void)
{
	scratch_remove(dir);
}

/* Small, large and border values alike. */
static uint64_t any_number(void)
{
	uint64_t x = rng_next(&rng);

	switch (rng_below(&rng, 5)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - rng_below(&rng, 3);
	default:
		return x >> rng_below(&rng, 64);
	}
}

/* A text of bytes of all kinds but NUL; sometimes as long as one may be. */
static const char *any_text(char *buf, size_t max)
{
	size_t n = rng_below(&rng, 8) ? (size_t)rng_below(&rng, 40) : max;

	for (size_t i = 0; i < n; i++)
		buf[i] = rng_below(&rng, 3) ? (char)('a' + rng_below(&rng, 26))
					    : (char)(1 + rng_below(&rng, 255));
	buf[n] = '\0';
	return buf;
}

static void any_control(struct control *c, char *buf)
{
	*c = (struct control){.cpu = -1};
	do
		c->op = (enum record_op)(1 + rng_below(&rng, REC_NR - 1));
	while (!record_op_info(c->op));
	if (c->op == REC_SYNC)
		return; /* a cut; its argument may not run ahead */
	for (unsigned i = 0; i < record_op_info(c->op)->nr_args; i++)
		c->arg[i] = any_number();
	if (rng_below(&rng, 2))
		c->result = (int64_t)any_number();
	if (rng_below(&rng, 2))
		c->cpu = (int32_t)rng_below(&rng, 300);
	if (rng_below(&rng, 2))
		c->time_ns = any_number();
	if (rng_below(&rng, 3) == 0)
		c->text = any_text(buf, CONTROL_TEXT_MAX);
}

static void any_accesses(struct batch *b, uint64_t *addr, uint32_t *meta, size_t max)
{
	b->n = (size_t)rng_below(&rng, max);
	b->addr = addr;
	b->meta = meta;
	for (size_t i = 0; i < b->n; i++) {
		addr[i] = any_number();
		meta[i] = meta_make(addr[i], (enum access_kind)rng_below(&rng, 3),
				    1 + (uint32_t)rng_below(&rng, 4096),
				    (uint32_t)(any_number() & META_ICOUNT_MAX));
	}
}

static void write_trace(unsigned batches, size_t max, int level)
{
	static uint64_t addr[65536 + BATCH];
	static uint32_t meta[65536 + BATCH];
	char text_buf[CONTROL_TEXT_MAX + 1], strings[3][64];
	struct provenance p = {.program = any_text(strings[0], 60),
			       .arguments = any_text(strings[1], 60),
			       .notes = rng_below(&rng, 2) ? any_text(strings[2], 60) : NULL,
			       .no_times = rng_below(&rng, 2),
			       .sampled = rng_below(&rng, 2)};
	struct trace_writer *w;
	struct err e = {0};

	ck_assert_msg(trace_writer_open(&w, native, &p, level, &e) == 0, "%s", e.text);
	for (unsigned i = 0; i < batches; i++) {
		struct control c;
		struct batch b = {.pid = 1 + (uint32_t)rng_below(&rng, 3),
				  .tid = (uint32_t)rng_below(&rng, 4)};

		if (rng_below(&rng, 10) == 0)
			b.pid = b.tid = UINT32_MAX;
		any_accesses(&b, addr, meta, rng_below(&rng, 3) ? max : 1);
		if (rng_below(&rng, 2)) {
			any_control(&c, text_buf);
			c.pid = b.pid;
			c.tid = b.tid;
			b.control = &c;
		}
		ck_assert_msg(trace_writer_batch(w, &b, &e) == 0, "%s", e.text);
	}
	ck_assert_msg(trace_writer_close(w, &e) == 0, "%s", e.text);
}

static int cat_to_text(void)
{
	char *argv[] = {"cat", native, NULL};
	int out = dup(STDOUT_FILENO), fd = open(text, O_WRONLY | O_CREAT | O_TRUNC, 0600), r;

	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	r = trace_cat_main(2, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(fd);
	close(out);
	return r;
}

static char *read_all(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	char *p;

	ck_assert_ptr_nonnull(f);
	fstat(fileno(f), &st);
	*n = (size_t)st.st_size;
	p = malloc(*n + 1);
	ck_assert_uint_eq(fread(p, 1, *n, f), *n);
	fclose(f);
	return p;
}

static void round_trip(const char *level)
{
	char *argv[] = {"convert", "--level", (char *)(uintptr_t)level, text, again, NULL};
	size_t n1, n2;
	char *a, *b;

	ck_assert_int_eq(cat_to_text(), 0);
	ck_assert_int_eq(trace_convert_main(5, argv), 0);
	a = read_all(native, &n1);
	b = read_all(again, &n2);
	ck_assert_uint_eq(n1, n2);
	ck_assert_mem_eq(a, b, n1);
	free(a);
	free(b);
}

START_TEST(same_bytes)
{
	rng_init(&rng, (uint64_t)_i, "test.text");
	write_trace(150, 30, 3);
	round_trip("3");
}
END_TEST

/* Blocks that fill in the middle of a piece. */
START_TEST(same_bytes_large)
{
	rng_init(&rng, 77, "test.text");
	write_trace(9, 65536, 1);
	round_trip("1");
}
END_TEST

/* Cuts without accesses, at the beginning and twice: they say nothing and leave no trace. */
START_TEST(empty_cuts)
{
	uint64_t addr[1] = {0x1000};
	uint32_t meta[1] = {meta_make(0x1000, ACCESS_LOAD, 8, 1)};
	struct control cut = {.op = REC_SYNC, .cpu = -1};
	struct batch b = {.pid = 1, .tid = 1, .addr = addr, .meta = meta, .control = &cut};
	struct trace_writer *w;
	struct err e = {0};

	ck_assert_int_eq(trace_writer_open(&w, native, NULL, 3, &e), 0);
	for (unsigned i = 0; i < 6; i++) {
		b.n = i % 3 == 2;
		b.tid = i == 1 ? 9 : 1;
		ck_assert_int_eq(trace_writer_batch(w, &b, &e), 0);
	}
	cut.arg[0] = 1; /* no ordered record was written */
	b.n = 0;
	ck_assert_int_eq(trace_writer_batch(w, &b, &e), -(int)ERR_FORMAT);
	ck_assert_int_eq(trace_writer_close(w, &e), 0);
	round_trip("3");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, same_bytes, 0, 40);
	tcase_add_test(t, same_bytes_large);
	tcase_add_test(t, empty_cuts);
	return run_case("text_prop", t);
}
