/*
 * test_exports.c - a few accesses in every format that can be written, byte for byte; output files and their
 * compression.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/rng.h"
#include "tests/scratch.h"
#include "tests/suite.h"
#include "traces/bytes.h"
#include "traces/compress.h"
#include "traces/exports/exports.h"

static char dir[SCRATCH_MAX], path[100];
static uint8_t out[1 << 16];
static size_t out_len;
static char left_out[200];

static void setup(void)
{
	scratch_make(dir);
	snprintf(path, sizeof path, "%s/out", dir);
}

static void teardown(void)
{
	scratch_remove(dir);
}

/* An instruction that loads and stores, one that stores over a page's end, a pause of 3 s, another thread's
 * load. */
static const uint64_t addr[] = {0x401000, 0x601000, 0x601000, 0x7ff8, 0x9000};
static uint32_t meta[5];
static const struct control pause_of_3s = {.op = REC_SLEEP, .pid = 1, .tid = 1, .time_ns = 3000000000};

static void make_batches(struct batch b[2])
{
	meta[0] = meta_make(addr[0], ACCESS_FETCH, 4, 1);
	meta[1] = meta_make(addr[1], ACCESS_LOAD, 8, 0);
	meta[2] = meta_make(addr[2], ACCESS_STORE, 8, 0);
	meta[3] = meta_make(addr[3], ACCESS_STORE, 16, 1);
	meta[4] = meta_make(addr[4], ACCESS_LOAD, 4, 1);
	b[0] = (struct batch){
		.pid = 1, .tid = 1, .n = 4, .addr = addr, .meta = meta, .control = &pause_of_3s};
	b[1] = (struct batch){.pid = 1, .tid = 2, .n = 1, .addr = addr + 4, .meta = meta + 4};
}

/* What the format makes of the batches lies in out; the error code is returned. */
static enum err_code export(const char *format, const struct batch *b, size_t n) {
	const struct exporter_ops *ops = exporter_find(format); struct err e = {0}; struct pack * pack;
	struct export x; FILE * f;

	ck_assert_ptr_nonnull(ops); ck_assert_int_eq(pack_open(&pack, path, 0, &e), 0);
	ck_assert_int_eq(export_open(&x, ops, pack, NULL, &e), 0);
	for (size_t i = 0; i < n && !e.code; i++) ck_assert_int_eq(export_batch(&x, &b[i], &e), -(int)e.code);
	if (!e.code) ck_assert_int_eq(export_finish(&x, &e), -(int)e.code);
	export_left_out(&x, left_out, sizeof left_out); export_close(&x);
	if (e.code){pack_abort(pack); return e.code;}
ck_assert_int_eq(pack_close(pack, &e), 0);
f = fopen(path, "rb");
ck_assert_ptr_nonnull(f);
out_len = fread(out, 1, sizeof out - 1, f);
out[out_len] = '\0';
fclose(f);
return ERR_OK;
}

static enum err_code export_all(const char *format)
{
	struct batch b[2];

	make_batches(b);
	return export(format, b, 2);
}

START_TEST(texts)
{
	static const char *const rows[][3] = {
		{"course", "00601000 R\n00601000 W\n00007ff8 W\n00009000 R\n",
		 "control records (1), instruction fetches (1), changes of thread (1)"},
		{"din", "2 401000\n0 601000\n1 601000\n1 7ff8\n0 9000\n",
		 "control records (1), changes of thread (1)"},
		{"lackey", "I  00401000,4\n M 00601000,8\n S 00007ff8,16\n L 00009000,4\n",
		 "control records (1), changes of thread (1)"},
		{"memtrace",
		 "# memtrace 1\nR 1 1 601000 8\nW 1 1 601000 8\nW 1 1 7ff8 16\nM 1 1 0 3 sleep 0\nR 1 2 9000 "
		 "4\n"
		 "# end accesses 4 events 5\n",
		 "instruction fetches (1)"},
		{"pages", "process,access,page\n1,f,1025\n1,r,1537\n1,w,1537\n1,w,7\n1,w,8\n1,r,9\n",
		 "control records (1)"},
		{"ramulator", "0x601000 R\n0x601000 W\n0x7ff8 W\n0x9000 R\n",
		 "control records (1), instruction fetches (1), changes of thread (1)"},
		{"ramulator2", "LD 0x601000\nST 0x601000\nST 0x7ff8\nLD 0x9000\n",
		 "control records (1), instruction fetches (1), changes of thread (1)"},
		{"rw", "r 601000\nw 601000\nw 7ff8\nr 9000\n",
		 "control records (1), instruction fetches (1), changes of thread (1)"},
		{"xdin", "i 401000 4\nr 601000 8\nw 601000 8\nw 7ff8 10\nr 9000 4\n",
		 "control records (1), changes of thread (1)"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_int_eq(export_all(rows[i][0]), ERR_OK);
		ck_assert_str_eq((char *)out, rows[i][1]);
		ck_assert_str_eq(left_out, rows[i][2]);
	}
}
END_TEST

/* What memtrace cannot say: a call that failed, other flags, a time that is no whole millisecond, a path of
 * two words. */
START_TEST(memtrace_controls)
{
	static const struct control rows[] = {
		{.op = REC_PROCESS, .cpu = -1, .text = "player"},
		{.op = REC_FORK, .cpu = 2, .arg = {5, 5}, .result = 5},
		{.op = REC_AFFINITY, .pid = 5, .tid = 5, .cpu = 2, .arg = {4}},
		{.op = REC_AFFINITY, .pid = 5, .tid = 5, .cpu = 2, .arg = {4}},
		{.op = REC_FILE, .cpu = -1, .arg = {3, 4096, 0}, .text = "/a"},
		{.op = REC_FILE, .cpu = -1, .arg = {4, 4096, 0}, .text = "/a b"},
		{.op = REC_MMAP,
		 .pid = 5,
		 .tid = 5,
		 .arg = {4096, 4096, 3, 0x32, FID_NONE, 0},
		 .result = 4096},
		{.op = REC_MMAP,
		 .pid = 5,
		 .tid = 5,
		 .arg = {4096, 4096, 3, 0x32, FID_NONE, 0},
		 .result = -12},
		{.op = REC_MMAP,
		 .pid = 5,
		 .tid = 5,
		 .arg = {4096, 4096, 3, 0x22, FID_NONE, 0},
		 .result = 4096},
		{.op = REC_MMAP, .pid = 5, .tid = 5, .arg = {4096, 4096, 3, 0x12, 3, 4096}, .result = 4096},
		{.op = REC_MADVISE, .pid = 5, .tid = 5, .arg = {4096, 4096, 7}},
		{.op = REC_SLEEP, .pid = 5, .tid = 5, .arg = {1500000}},
		{.op = REC_OTHER, .pid = 5, .tid = 5, .arg = {39}, .result = 5},
		{.op = REC_EXIT, .pid = 5, .tid = 5},
		{.op = REC_OOM_SCORE_ADJ, .pid = 5, .tid = 5, .arg = {(uint64_t)-500}},
	};
	struct batch b[ARRAY_LEN(rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		b[i] = (struct batch){.pid = rows[i].pid, .tid = rows[i].tid, .control = &rows[i]};
	ck_assert_int_eq(export("memtrace", b, ARRAY_LEN(b)), ERR_OK);
	ck_assert_str_eq((char *)out, "# memtrace 1\n"
				      "M 5 5 2 0 spawn\n"
				      "M 5 5 2 1 affinity 2\n"
				      "F 3 /a 4096 old\n"
				      "M 5 5 0 2 mmap 0x1000 4096 rw- private,anon -1 0\n"
				      "M 5 5 0 3 mmap 0x1000 4096 rw- private,file 3 4096\n"
				      "M 5 5 0 4 oom_score_adj -500\n"
				      "# end accesses 0 events 5\n");
	ck_assert_str_eq(left_out, "control records (7)");
}
END_TEST

START_TEST(champsim)
{
	static const uint64_t stores[] = {0x10, 0x20, 0x30};
	const uint64_t fetched[] = {0x500, stores[0], stores[1], stores[2]};
	const uint32_t words[] = {meta_make(0x500, ACCESS_FETCH, 4, 1), meta_make(0x10, ACCESS_STORE, 8, 0),
				  meta_make(0x20, ACCESS_STORE, 8, 0), meta_make(0x30, ACCESS_STORE, 8, 0)};
	struct batch b = {.pid = 7, .tid = 7, .n = 4, .addr = fetched, .meta = words};

	ck_assert_int_eq(export_all("champsim"), ERR_OK);
	ck_assert_uint_eq(out_len, 3 * 64);
	ck_assert_uint_eq(get_u64(out), 0x401000);
	ck_assert_uint_eq(get_u64(out + 8), 0); /* branch, registers */
	ck_assert_uint_eq(get_u64(out + 16), 0x601000);
	ck_assert_uint_eq(get_u64(out + 24), 0);
	ck_assert_uint_eq(get_u64(out + 32), 0x601000);
	ck_assert_uint_eq(get_u64(out + 64), 0);
	ck_assert_uint_eq(get_u64(out + 64 + 16), 0x7ff8);
	ck_assert_uint_eq(get_u64(out + 128 + 32), 0x9000);
	/* Three stores of one instruction take two records here, one there. */
	ck_assert_int_eq(export("champsim", &b, 1), ERR_OK);
	ck_assert_uint_eq(out_len, 128);
	ck_assert_uint_eq(get_u64(out + 64), 0x500);
	ck_assert_uint_eq(get_u64(out + 64 + 16), 0x30);
	ck_assert_int_eq(export("cloudsuite", &b, 1), ERR_OK);
	ck_assert_uint_eq(out_len, 96);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(get_u64(out + 24 + 8 * i), stores[i]);
	ck_assert_uint_eq(get_u16(out + 88), 6);
	b.pid = 65537;
	ck_assert_int_eq(export("cloudsuite", &b, 1), ERR_LIMIT);
	ck_assert_int_eq(export("oracleopns", &b, 1), ERR_LIMIT);
}
END_TEST

START_TEST(dinero8)
{
	static const uint8_t expected[] = {0, 0x10, 0x40, 0, 4, 0, 2, 0, 0, 0x10, 0x60, 0, 8, 0, 0, 0};
	const uint64_t high = UINT64_C(1) << 32;
	const uint32_t word = meta_make(high, ACCESS_LOAD, 8, 1);

	ck_assert_int_eq(export_all("dinero8"), ERR_OK);
	ck_assert_uint_eq(out_len, 5 * 8);
	ck_assert_mem_eq(out, expected, sizeof expected);
	ck_assert_int_eq(export("dinero8",
				&(struct batch){.pid = 1, .tid = 1, .n = 1, .addr = &high, .meta = &word}, 1),
			 ERR_LIMIT);
}
END_TEST

START_TEST(oracle)
{
	static const struct {
		uint64_t page, next;
		uint32_t seconds;
		uint8_t op;
	} rows[] = {{0x401, UINT64_MAX, 0, 12}, {0x601, 3, 0, 12},      {0x601, UINT64_MAX, 0, 13},
		    {7, UINT64_MAX, 0, 13},     {8, UINT64_MAX, 0, 13}, {9, UINT64_MAX, 3, 12}};

	for (unsigned bytes = 24; bytes <= 27; bytes += 3) {
		ck_assert_int_eq(export_all(bytes == 24 ? "oraclegeneral" : "oracleopns"), ERR_OK);
		ck_assert_uint_eq(out_len, 6 * bytes);
		for (size_t i = 0; i < 6; i++) {
			const uint8_t *r = out + i * bytes;

			ck_assert_uint_eq(get_u32(r), rows[i].seconds);
			ck_assert_uint_eq(get_u64(r + 4), rows[i].page);
			ck_assert_uint_eq(get_u32(r + 12), 4096);
			ck_assert_uint_eq(get_u64(r + bytes - 8), rows[i].next);
			ck_assert(bytes == 24 || (r[16] == rows[i].op && get_u16(r + 17) == 0));
		}
	}
	ck_assert_int_eq(export("oraclegeneral", NULL, 0), ERR_OK);
	ck_assert_uint_eq(out_len, 0);
}
END_TEST

/* Two processes touch page 9: two objects, or one in two namespaces. More records than a chunk of the passes.
 */
START_TEST(oracle_processes)
{
	enum { N = 20000 };
	static uint64_t a[N];
	static uint32_t m[N];
	struct batch b[3];

	for (size_t i = 0; i < N; i++) {
		a[i] = 0x9000;
		m[i] = meta_make(a[i], ACCESS_LOAD, 8, 1);
	}
	b[0] = (struct batch){.pid = 50, .tid = 50, .n = 1, .addr = a, .meta = m};
	b[1] = (struct batch){.pid = 60, .tid = 60, .n = 2, .addr = a, .meta = m};
	b[2] = b[0];
	ck_assert_int_eq(export("oraclegeneral", b, 3), ERR_OK);
	ck_assert_uint_eq(out_len, 4 * 24);
	ck_assert_uint_eq(get_u64(out + 4), 9);
	ck_assert_uint_eq(get_u64(out + 24 + 4), 9 + (UINT64_C(1) << 45));
	ck_assert_uint_eq(get_u64(out + 16), 4);
	ck_assert_uint_eq(get_u64(out + 24 + 16), 3);
	ck_assert_int_eq(export("oracleopns", b, 3), ERR_OK);
	ck_assert_uint_eq(get_u64(out + 27 + 4), 9);
	ck_assert_uint_eq(get_u16(out + 27 + 17), 59);
	ck_assert_uint_eq(get_u64(out + 27 - 8), 4);
	b[0].n = N;
	ck_assert_int_eq(export("oraclegeneral", b, 1), ERR_OK);
	/* out holds the first of them; each is followed by the next */
	for (size_t i = 0; i < 2700; i++)
		if (get_u64(out + i * 24 + 16) != i + 2)
			ck_abort_msg("record %zu: next %" PRIu64, i + 1, get_u64(out + i * 24 + 16));
}
END_TEST

START_TEST(gem5)
{
	/* {1: "faultline", 2: 0, 3: 10^12}; then tick, cmd, addr, size, flags, id */
	static const uint8_t expected[] = {
		'g',  'e',  'm',  '5',  20,   0x0a, 9,    'f',  'a',  'u',  'l',  't',  'l',  'i',  'n',
		'e',  0x10, 0,    0x18, 0x80, 0xa0, 0x94, 0xa5, 0x8d, 0x1d, 16,   0x08, 0,    0x10, 1,
		0x18, 0x80, 0xa0, 0x80, 0x02, 0x20, 4,    0x28, 0x80, 2,    0x30, 0,    16,   0x08, 0xe8,
		7,    0x10, 1,    0x18, 0x80, 0xa0, 0x80, 0x03, 0x20, 8,    0x28, 0,    0x30, 1};

	ck_assert_int_eq(export_all("gem5"), ERR_OK);
	ck_assert_mem_eq(out, expected, sizeof expected);
}
END_TEST

/* ---- output files ---- */

START_TEST(packing)
{
	static const char *const suffixes[] = {"", ".gz", ".xz", ".zst", ".text"};
	enum { N = 3 << 20 };
	uint8_t *data = malloc(N), *back = malloc(N);
	struct rng r;

	rng_init(&r, 1, "test.pack");
	for (size_t i = 0; i < N; i++)
		data[i] = (uint8_t)(i < N / 2 ? i >> 12 : rng_below(&r, 40));
	for (size_t s = 0; s < ARRAY_LEN(suffixes); s++) {
		size_t got = 1, n = 0, at = 0;
		struct err e = {0};
		struct input *in;
		struct pack *p;
		struct stat st;
		bool packed = suffixes[s][0] && s < 4;

		snprintf(path, sizeof path, "%s/out%s", dir, suffixes[s]);
		ck_assert_int_eq(pack_open(&p, path, 1, &e), 0);
		while (at < N) {
			size_t part = rng_below(&r, 9) ? rng_below(&r, 3000) : rng_below(&r, 600000);
			uint8_t *room;

			part = MIN_OF(part, N - at);
			room = part <= PACK_ROOM ? pack_room(p, part, &e) : NULL;

			if (room) {
				memcpy(room, data + at, part);
				pack_commit(p, part);
			} else {
				ck_assert_int_eq(pack_write(p, data + at, part, &e), 0);
			}
			at += part;
		}
		ck_assert_int_ne(access(path, F_OK), 0); /* it appears when it is whole */
		ck_assert_int_eq(pack_close(p, &e), 0);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert(packed ? st.st_size < N * 6 / 10 : st.st_size == N);
		ck_assert_int_eq(input_open(&in, path, &e), 0);
		for (; got; n += got)
			if (input_read(in, back + n, MIN_OF(N - n, (size_t)70000), &got, &e))
				ck_abort_msg("%s", e.text);
		input_close(in);
		ck_assert_uint_eq(n, N);
		ck_assert_int_eq(memcmp(data, back, N), 0);
		unlink(path);
	}
	free(data);
	free(back);
}
END_TEST

START_TEST(packing_nothing)
{
	static const char *const refused[] = {".bz2", ".lz4", ".sz", ".zip"};
	struct err e = {0};
	struct input *in;
	struct pack *p;
	size_t got;
	char c;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		snprintf(path, sizeof path, "%s/out%s", dir, refused[i]);
		ck_assert_int_eq(pack_open(&p, path, 0, &e), -(int)ERR_USAGE);
		err_clear(&e);
	}
	snprintf(path, sizeof path, "%s/none/out", dir);
	ck_assert_int_eq(pack_open(&p, path, 0, &e), -(int)ERR_OPEN);
	err_clear(&e);
	/* Nothing, as a whole frame. */
	snprintf(path, sizeof path, "%s/out.xz", dir);
	ck_assert_int_eq(pack_open(&p, path, 0, &e), 0);
	ck_assert_int_eq(pack_close(p, &e), 0);
	ck_assert_int_eq(input_open(&in, path, &e), 0);
	ck_assert_int_eq(input_read(in, &c, 1, &got, &e), 0);
	ck_assert_uint_eq(got, 0);
	input_close(in);
	/* Given up: what was there stays, nothing else is left (teardown removes an empty directory). */
	ck_assert_int_eq(pack_open(&p, path, 0, &e), 0);
	ck_assert_int_eq(pack_write(p, "x", 1, &e), 0);
	pack_abort(p);
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(numbers)
{
	char text[32];

	*export_hex(text, 0, 1) = '\0';
	ck_assert_str_eq(text, "0");
	*export_hex(text, UINT64_MAX, 8) = '\0';
	ck_assert_str_eq(text, "ffffffffffffffff");
	*export_hex(text, 0xabc, 8) = '\0';
	ck_assert_str_eq(text, "00000abc");
	*export_hex(text, 0x10, 1) = '\0';
	ck_assert_str_eq(text, "10");
	*export_dec(text, 0) = '\0';
	ck_assert_str_eq(text, "0");
	*export_dec(text, UINT64_MAX) = '\0';
	ck_assert_str_eq(text, "18446744073709551615");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, texts);
	tcase_add_test(t, memtrace_controls);
	tcase_add_test(t, champsim);
	tcase_add_test(t, dinero8);
	tcase_add_test(t, oracle);
	tcase_add_test(t, oracle_processes);
	tcase_add_test(t, gem5);
	tcase_add_test(t, packing);
	tcase_add_test(t, packing_nothing);
	tcase_add_test(t, numbers);
	return run_case("exports", t);
}
