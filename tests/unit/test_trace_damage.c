/*
 * test_trace_damage.c - a trace cut at every byte, every byte changed, and files made to hurt.
 *
 * Whatever is done to the file, what is read of each thread is a prefix of what was written, and reading says
 * so: an error, or trace_is_truncated, or nothing is missing at all.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zstd.h>

#include "sim/rng.h"
#include "tests/suite.h"
#include "traces/native.h"
#include "traces/source.h"

enum { THREADS = 3, LEN = 400 };

/* What was written, thread by thread: accesses and controls as one sequence of numbers. */
struct expected {
	uint64_t v[4096];
	size_t n;
};
static struct expected expect[THREADS];
static uint8_t *file;
static size_t file_size;

/* A file in memory: thousands of small files would keep a disk busy for long. */
static char *temp_path(void)
{
	static char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", memfd_create("trace", 0));
	return path;
}

static uint64_t fold(const struct control *c)
{
	return c->op * UINT64_C(1000003) + c->arg[0] * 31 + (uint64_t)c->result +
	       (c->text ? strlen(c->text) : 0) + c->seq * 7;
}

static void remember(struct expected *x, const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		x->v[x->n++] = b->addr[i];
		x->v[x->n++] = b->meta[i];
	}
	if (b->control)
		x->v[x->n++] = fold(b->control);
}

static void write_trace(const char *path)
{
	struct trace_writer *w;
	struct err e = {0};
	struct rng r;
	uint64_t seq = 0;

	rng_init(&r, 3, "test.damage");
	ck_assert_int_eq(trace_writer_open(&w, path, &(struct provenance){.program = "p"}, 0, &e), 0);
	for (unsigned i = 0; i < 30; i++) {
		uint64_t addr[LEN];
		uint32_t meta[LEN];
		uint32_t tid = i % THREADS;
		struct control c = {.op = i % 2 ? REC_MMAP : REC_MARK, .result = i, .text = "x"};
		struct batch b = {.pid = 1, .tid = tid, .n = rng_below(&r, 40), .addr = addr, .meta = meta};

		/* each round of threads ends by leaving, which writes a block */
		c.op = i / THREADS % 3 == 2 ? REC_EXIT : c.op;
		b.control = &c;
		for (size_t k = 0; k < b.n; k++) {
			addr[k] = 4096 + rng_below(&r, 1000) * 8;
			meta[k] = meta_make(addr[k], ACCESS_LOAD, 8, 1);
		}
		c.arg[0] = record_op_info(c.op)->nr_args ? i : 0;
		c.seq = seq++;
		remember(&expect[tid], &b);
		ck_assert_int_eq(trace_writer_batch(w, &b, &e), 0);
	}
	ck_assert_int_eq(trace_writer_close(w, &e), 0);
}

static void setup(void)
{
	char *path = temp_path();
	FILE *f;

	write_trace(path);
	f = fopen(path, "rb");
	file = malloc(1 << 20);
	file_size = fread(file, 1, 1 << 20, f);
	fclose(f);
}

struct outcome {
	bool refused, failed, truncated, complete;
	size_t read;
};

/* Reads one thread and checks that it is a prefix; false on an error. */
static bool read_thread(struct trace *t, size_t i, size_t *read, bool *complete)
{
	const struct trace_thread *th = trace_thread(t, i);
	struct expected got = {.n = 0}, *x;
	struct stream *s;
	struct batch b;
	struct err e = {0};
	int rc;

	ck_assert_uint_lt(th->tid, THREADS);
	x = &expect[th->tid];
	ck_assert_int_eq(stream_open(&s, t, i, &e), 0);
	while ((rc = stream_next(s, &b, &e)) > 0)
		remember(&got, &b);
	stream_close(s);
	ck_assert_msg(rc == 0 || e.text[0], "an error without a text");
	ck_assert_uint_le(got.n, x->n);
	ck_assert_mem_eq(got.v, x->v, got.n * sizeof *x->v);
	*read += got.n;
	*complete = *complete && got.n == x->n;
	return rc == 0;
}

static struct outcome read_bytes(const char *path, const uint8_t *p, size_t n)
{
	struct outcome o = {.complete = true};
	struct trace_counts c;
	struct err e = {0};
	struct trace *t;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
	close(fd);
	if (trace_open(&t, path, &e) < 0) {
		ck_assert_str_ne(e.text, "");
		ck_assert_ptr_null(t);
		o.refused = true;
		return o;
	}
	o.truncated = trace_is_truncated(t);
	o.complete = trace_nr_threads(t) == THREADS;
	for (size_t i = 0; i < trace_nr_threads(t); i++)
		if (!read_thread(t, i, &o.read, &o.complete))
			o.failed = true;
	if (trace_counts(t, &c, &e) < 0)
		o.failed = true;
	trace_close(t);
	return o;
}

START_TEST(cut_everywhere)
{
	char *path = temp_path();
	size_t last = 0;

	for (size_t n = 0; n <= file_size; n++) {
		struct outcome o = read_bytes(path, file, n);

		ck_assert(!o.failed);
		ck_assert_msg(o.refused == (n < NATIVE_MAGIC_SIZE), "cut at %zu", n);
		if (o.refused)
			continue;
		ck_assert_msg(o.truncated == (n < file_size), "cut at %zu", n);
		ck_assert_msg(o.read >= last, "cut at %zu reads less than before", n);
		last = o.read;
	}
	ck_assert_uint_eq(last, expect[0].n + expect[1].n + expect[2].n);
}
END_TEST

START_TEST(flip_everywhere)
{
	char *path = temp_path();

	for (size_t i = 0; i < file_size; i++) {
		for (unsigned bit = 0; bit < 8; bit += 4) {
			struct outcome o;

			file[i] ^= (uint8_t)(1u << (bit + i % 3) % 8);
			o = read_bytes(path, file, file_size);
			ck_assert_msg(o.refused || o.failed || o.truncated || o.complete, "byte %zu", i);
			/* whole and silent only where it says nothing: nowhere */
			ck_assert_msg(o.refused || o.failed || o.truncated, "byte %zu went unnoticed", i);
			file[i] ^= (uint8_t)(1u << (bit + i % 3) % 8);
		}
	}
}
END_TEST

/* Zeros instead of the last blocks, as a crashed file system leaves them. */
START_TEST(zero_tail)
{
	char *path = temp_path();
	uint8_t *copy = malloc(file_size);

	for (size_t from = 100; from < file_size; from += 37) {
		struct outcome o;

		memcpy(copy, file, from);
		memset(copy + from, 0, file_size - from);
		o = read_bytes(path, copy, file_size);
		ck_assert(!o.failed && !o.refused && o.truncated);
	}
	free(copy);
}
END_TEST

START_TEST(garbage_behind)
{
	char *path = temp_path();
	uint8_t *copy = calloc(file_size + 100, 1);
	struct outcome o;

	memcpy(copy, file, file_size);
	o = read_bytes(path, copy, file_size + 100);
	ck_assert(o.truncated && o.complete && !o.failed);
	free(copy);
}
END_TEST

/* One block, right checksums, whose access section is a zstd frame of 1 GiB of zeros. */
static size_t bomb(uint8_t *out, uint32_t claimed)
{
	size_t n = 0, got;
	struct buf b = {0};
	struct block_header h = {
		.type = BLOCK_DATA, .encoding = 1, .nr_accesses = 1000, .nr_pieces = 1, .acc_raw = claimed};
	static const uint8_t ctl[] = {0, 0, 0xe8, 7, 0};
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer in = {calloc(1 << 20, 1), 1 << 20, 0};
	ZSTD_outBuffer frame = {malloc(1 << 20), 1 << 20, 0};

	ZSTD_CCtx_setPledgedSrcSize(c, UINT64_C(1) << 30);
	for (unsigned i = 0; i < 1024; i++) {
		in.pos = 0;
		got = ZSTD_compressStream2(c, &frame, &in, i == 1023 ? ZSTD_e_end : ZSTD_e_continue);
		ck_assert(!ZSTD_isError(got));
	}
	file_header_pack(&b, "{}");
	memcpy(out, b.p, b.len);
	n = b.len;
	h.ctl_raw = sizeof ctl;
	h.ctl_stored = (uint32_t)ZSTD_compress(out + n + BLOCK_HEADER_SIZE, 1000, ctl, sizeof ctl, 1);
	h.ctl_sum = native_sum(out + n + BLOCK_HEADER_SIZE, h.ctl_stored, 0);
	h.acc_stored = (uint32_t)frame.pos;
	h.acc_sum = native_sum(frame.dst, frame.pos, 0);
	memcpy(out + n + BLOCK_HEADER_SIZE + h.ctl_stored, frame.dst, frame.pos);
	block_header_pack(&h, n, out + n);
	n += (size_t)block_size(&h);
	ZSTD_freeCCtx(c);
	free((void *)(uintptr_t)in.src);
	free(frame.dst);
	buf_release(&b);
	return n;
}

START_TEST(zstd_bomb)
{
	char *path = temp_path();
	uint8_t *bytes = malloc(1 << 21);
	const uint32_t claims[] = {1000, BLOCK_ACC_RAW_MAX, UINT32_C(1) << 30, UINT32_MAX};
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
		size_t n = bomb(bytes, claims[i]);
		struct trace *t;
		struct err e = {0};
		FILE *f = fopen(path, "wb");
		struct trace_counts c;

		ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
		fclose(f);
		ck_assert_int_eq(trace_open(&t, path, &e), 0);
		if (claims[i] <= BLOCK_ACC_RAW_MAX)
			ck_assert_int_eq(trace_counts(t, &c, &e), -ERR_FORMAT);
		else
			ck_assert_uint_eq(trace_nr_threads(t), 0);
		trace_close(t);
	}
	getrusage(RUSAGE_SELF, &after);
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 64 << 10);
	free(bytes);
}
END_TEST

/* Reads whatever there is, without expecting anything but an end. */
static void read_hostile(const char *path, const uint8_t *p, size_t n)
{
	struct trace_counts c;
	struct merged *m;
	struct batch b;
	struct err e = {0};
	struct trace *t;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), rc, batches = 0;

	ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
	close(fd);
	if (trace_open(&t, path, &e) < 0)
		return;
	trace_counts(t, &c, &e);
	trace_has_mappings(t);
	err_clear(&e);
	ck_assert_int_eq(merged_open(&m, t, &e), 0);
	while ((rc = merged_next(m, &b, &e)) > 0)
		ck_assert_int_lt(batches++, 100000);
	ck_assert(rc == 0 || e.text[0]);
	merged_close(m);
	trace_close(t);
}

/* Block headers with changed fields and right checksums. */
START_TEST(hostile_headers)
{
	char *path = temp_path();
	uint8_t *copy = malloc(file_size);
	struct block_header h;
	struct rng r;

	rng_init(&r, 5, "test.hostile");
	for (size_t at = NATIVE_HEADER_SIZE + get_u32(file + 12); block_header_unpack(&h, at, file + at);
	     at += (size_t)block_size(&h))
		for (unsigned round = 0; round < 60; round++) {
			uint8_t *p = copy + at;

			memcpy(copy, file, file_size);
			for (unsigned k = 0; k < 1 + round % 3; k++)
				p[4 + rng_below(&r, 108)] ^= (uint8_t)(1u << rng_below(&r, 8));
			put_u64(p + BLOCK_HEADER_SIZE - 8, native_sum(p, BLOCK_HEADER_SIZE - 8, at));
			read_hostile(path, copy, file_size);
		}
	free(copy);
}
END_TEST

/* A file of one block: the first of the trace, with another control section. */
static size_t one_block(const struct block_header *first, size_t at, const struct buf *ctl,
			struct section_coder *coder, uint8_t *out)
{
	struct block_header h = *first;
	struct buf stored = {0};

	memcpy(out, file, at);
	section_compress(coder, ctl->p, ctl->len, &stored);
	h.ctl_raw = (uint32_t)ctl->len;
	h.ctl_stored = (uint32_t)stored.len;
	h.ctl_sum = native_sum(stored.p, stored.len, 0);
	block_header_pack(&h, at, out + at);
	memcpy(out + at + BLOCK_HEADER_SIZE, stored.p, stored.len);
	memcpy(out + at + BLOCK_HEADER_SIZE + stored.len, file + at + BLOCK_HEADER_SIZE + first->ctl_stored,
	       first->acc_stored);
	buf_release(&stored);
	return at + (size_t)block_size(&h);
}

/* Control sections with changed bytes and right checksums. */
START_TEST(hostile_controls)
{
	char *path = temp_path();
	size_t at = NATIVE_HEADER_SIZE + get_u32(file + 12);
	struct section_coder *coder = section_coder_new(1);
	struct buf ctl = {0};
	uint8_t *out = malloc(1 << 20);
	struct block_header h;
	struct rng r;

	rng_init(&r, 6, "test.hostile");
	ck_assert(block_header_unpack(&h, at, file + at));
	for (unsigned round = 0; round < 1000; round++) {
		ck_assert(section_decompress(coder, file + at + BLOCK_HEADER_SIZE, h.ctl_stored, h.ctl_raw,
					     &ctl));
		for (unsigned k = 0; k < round % 4; k++)
			ctl.p[rng_below(&r, ctl.len)] = (uint8_t)(rng_next(&r) >> rng_below(&r, 8));
		if (round % 5 == 4)
			ctl.len = 1 + (size_t)rng_below(&r, ctl.len);
		read_hostile(path, out, one_block(&h, at, &ctl, coder, out));
	}
	section_coder_free(coder);
	buf_release(&ctl);
	free(out);
}
END_TEST

/* What a cut trace's pieces wait for has surely been read: `after` never names a record that may be lost. */
START_TEST(after_is_clamped)
{
	char *path = temp_path();
	struct trace_writer *w;
	struct control mark = {.op = REC_MARK}, end = {.op = REC_EXIT};
	struct batch b = {.pid = 1, .tid = 1, .control = &mark};
	struct err e = {0};
	struct stream *s;
	struct trace *t;

	ck_assert_int_eq(trace_writer_open(&w, path, NULL, 0, &e), 0);
	ck_assert_int_eq(trace_writer_batch(w, &b, &e), 0); /* seq 0: stays in memory */
	b.tid = 2;
	ck_assert_int_eq(trace_writer_batch(w, &b, &e), 0); /* seq 1 */
	b.control = &end;
	ck_assert_int_eq(trace_writer_batch(w, &b, &e), 0); /* seq 2; writes thread 2's block */
	trace_writer_abort(w);
	ck_assert_int_eq(trace_open(&t, path, &e), 0);
	ck_assert(trace_is_truncated(t));
	ck_assert_uint_eq(trace_nr_threads(t), 1);
	ck_assert_int_eq(stream_open(&s, t, 0, &e), 0);
	ck_assert_int_eq(stream_next(s, &b, &e), 1);
	ck_assert_uint_eq(b.control->seq, 1);
	ck_assert_uint_eq(b.after, 0);
	ck_assert_int_eq(stream_next(s, &b, &e), 1);
	ck_assert_uint_eq(b.control->seq, 2);
	ck_assert_uint_eq(b.after, 0);
	ck_assert_int_eq(stream_next(s, &b, &e), 0);
	stream_close(s);
	trace_close(t);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("trace_damage");

	tcase_add_unchecked_fixture(tc, setup, NULL);
	tcase_add_test(tc, cut_everywhere);
	tcase_add_test(tc, flip_everywhere);
	tcase_add_test(tc, zero_tail);
	tcase_add_test(tc, garbage_behind);
	tcase_add_test(tc, zstd_bomb);
	tcase_add_test(tc, hostile_headers);
	tcase_add_test(tc, hostile_controls);
	tcase_add_test(tc, after_is_clamped);
	return run_case("trace_damage", tc);
}
