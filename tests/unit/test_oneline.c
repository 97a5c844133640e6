/*
 * test_oneline.c - formats of one access a line or record: all records of small files, and bad lines.
 */
#include "tests/suite.h"
#include "tests/unit/formats_fixtures.h"

/* The first fixture of a format. */
static struct got *import_fixture(const char *format)
{
	static char bytes[FIXTURE_MAX];
	size_t i = 0;

	while (strcmp(fixtures[i].format, format) != 0)
		i++;
	return import_bytes(format, "", bytes, fixture_bytes((int)i, bytes));
}

/* Labels: fetch, read, write, copy back (skipped), misc (a read); addresses without their lowest two bits. */
START_TEST(din)
{
	struct got *g = import("din", "",
			       "0 3\n2 408ed7\n0 0x10019d94 rest\n\n# note\n1\t10019d88\n4 0\n5 8\n3 ff\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 L 0 4 1", "1.1 F 408ed4 4 1", "1.1 L 10019d94 4 0", "1.1 S 10019d88 4 0",
	       "1.1 L fc 4 0");
	ck_assert(g->provenance.no_threads && g->provenance.no_times && g->provenance.no_sizes);
	ck_assert(!g->provenance.no_fetches && !g->provenance.physical && !g->provenance.sampled);
}
END_TEST

START_TEST(xdin)
{
	struct got *g = import_fixture("xdin");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 F 400000 4 1", "1.1 L 7fff0010 8 0", "1.1 S 7fff0018 16 0", "1.1 L 1000 1 0");
	ck_assert(!g->provenance.no_sizes);
}
END_TEST

START_TEST(dinero8)
{
	struct got *g = import_fixture("dinero8");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 F 400000 4 1", "1.1 L 10008000 8 0", "1.1 S 7fffe7f0 16 0", "1.1 L fff 2 0");
	ck_assert(!g->provenance.no_sizes && !g->provenance.no_fetches && g->provenance.no_threads);
}
END_TEST

START_TEST(rw)
{
	struct got *g = import_fixture("rw");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 L 7fff0010 1 1", "1.1 S 7fff0018 1 1", "1.1 L 10 1 1");
	ck_assert(g->provenance.no_sizes && g->provenance.no_fetches && !g->provenance.physical);
}
END_TEST

/* Requests of a memory controller are lines of 64 bytes at physical addresses. */
START_TEST(dram)
{
	struct got *g =
		import("dramsim3", "",
		       "0x1F8A4740 READ 12\n0x40 WRITE 13\n80 BOFF 14\nC0 P_MEM_RD 14\n100 ifetch 15\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 L 1f8a4740 64 1", "1.1 S 40 64 1", "1.1 S 80 64 1", "1.1 L c0 64 1", "1.1 F 100 64 1");
	ck_assert(g->provenance.physical && g->provenance.no_sizes);
	g = import_fixture("ramulator");
	EXPECT(g, "1.1 L 12345680 64 1", "1.1 S 4cbd56c0 64 1");
	ck_assert(g->provenance.physical && g->provenance.no_fetches);
	g = import_fixture("ramulator2");
	EXPECT(g, "1.1 L 12345680 64 1", "1.1 S 1000 64 1");
	ck_assert(g->provenance.physical);
}
END_TEST

/* 140737488347136 = 2^47 - 8192; 5000 bytes at 0x2000 are a page and 904 bytes. */
START_TEST(prospero)
{
	struct got *g = import_fixture("prospero");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 L 7fffffffe000 8 1", "1.1 S 600000 4 1");
	ck_assert(!g->provenance.no_sizes && !g->provenance.physical);
	g = import_fixture("prospero21");
	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 L 7f0012345678 8 1", "1.1 S 600ffc 8 1", "1.1 L 2000 4096 1", "1.1 L 3000 904 0");
}
END_TEST

/* The second half of `add %rax,(mem)` is no instruction of its own; two loads of the same ip are two. */
START_TEST(pinatrace)
{
	struct got *g = import("pinatrace", "",
			       "# a remark\n"
			       "0x401000: R 0x7ffe0000  8   0x12\n"
			       "0x401000: W 0x7ffe0000  8   0x13\n"
			       "0x401003: R     0x7ffe0ffc 16\n"
			       "0x401003: R     0x7ffe1ffc 4 0x0\n"
			       "#eof\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 L 7ffe0000 8 1", "1.1 S 7ffe0000 8 0", "1.1 L 7ffe0ffc 16 1", "1.1 L 7ffe1ffc 4 1");
	ck_assert(g->provenance.no_threads && g->provenance.no_fetches && !g->provenance.no_sizes);
	g = import("pinatrace", "fetches=ip", "0x10: R 0x20\n0x10: W 0x20\n0x18: W 0x28\n");
	EXPECT(g, "1.1 F 10 1 1", "1.1 L 20 1 0", "1.1 S 20 1 0", "1.1 F 18 1 1", "1.1 S 28 1 0");
	ck_assert(g->provenance.no_sizes && !g->provenance.no_fetches);
}
END_TEST

START_TEST(pinatrace_columns)
{
	struct got *g = import("pinatrace", "columns=tid,op,addr,size16", "7,st,0x1000,20\n8 LOAD 2000 a\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.7 S 1000 32 1", "1.8 L 2000 10 1");
	ck_assert(!g->provenance.no_threads && !g->provenance.no_sizes);
	g = import("pinatrace", "columns=skip,addr10,pid,tid,fetches=none", "x;4096;3;4\n");
	EXPECT(g, "3.4 L 1000 1 1");
	g = import("pinatrace", "fetches=none,columns=addr0,op?", "0x10\n10 w\n");
	EXPECT(g, "1.1 L 10 1 1", "1.1 S a 1 1");
	g = import("pinatrace", "columns=op,addr,rest", "R 0x10 what ever\nW 20\n");
	EXPECT(g, "1.1 L 10 1 1", "1.1 S 20 1 1");
}
END_TEST

START_TEST(bad_columns)
{
	static const char *const bad[] = {
		"",

		"adr",
		"op,size",
		"addr,addr",
		"size?,addr",
		"addr8",
		"op16,addr",
		"rest,addr",
		"addr,rest,op",
		"ip,op,addr100",
		"addr?,size",
		"addr??",
		",addr",
		"addr,skip,skip,skip,skip,skip,skip,skip,skip,skip,skip,skip,skip,skip,skip,skip,skip"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char options[256];
		struct got *g;

		snprintf(options, sizeof options, "columns=%s", bad[i]);
		g = import("pinatrace", options, "");
		ck_assert_msg(g->result == -(int)ERR_USAGE, "%s: %d %s", bad[i], g->result, g->err.text);
	}
	ck_assert_int_eq(import("pinatrace", "columns=op,addr,fetches=ip", "")->result, -(int)ERR_USAGE);
	ck_assert_int_eq(import("pinatrace", "columns", "")->result, -(int)ERR_USAGE);
}
END_TEST

START_TEST(bad_lines)
{
	static const struct {
		const char *format, *line;
	} bad[] = {
		{"din", "6 10\n"},
		{"din", "0\n"},
		{"din", "0 1g\n"},
		{"din", "00 10\n"},
		{"din", "0 12345678901234567\n"},
		{"xdin", "r 10\n"},
		{"xdin", "x 10 4\n"},
		{"xdin", "r 10 0\n"},
		{"xdin", "r 10 fffffff\n"},
		{"xdin", "r ffffffffffffffff 4\n"},
		{"rw", "r 10 8\n"},
		{"rw", "rw 10\n"},
		{"rw", "r\n"},
		{"rw", "10 r\n"},
		{"dramsim3", "0x10 READ\n"},
		{"dramsim3", "0x10 LOAD 5\n"},
		{"ramulator", "0x10 X\n"},
		{"ramulator", "0x10 R 5\n"},
		{"ramulator2", "LD\n"},
		{"ramulator2", "LD 1f\n"},
		{"ramulator2", "ST 0x\n"},
		{"prospero", "5 R 10\n"},
		{"prospero", "5 R 0x10 8\n"},
		{"prospero", "5 R 10 -8\n"},
		{"pinatrace", "0x10: R\n"},
		{"pinatrace", "0x10 0x20 R\n"},
		{"pinatrace", "0x10: R 0x20 8x\n"},
	};
	static const char *const good[] = {"din",       "0 10\n",     "xdin",       "r 10 4\n",
					   "rw",        "r 10\n",     "dramsim3",   "10 READ 1\n",
					   "ramulator", "10 R\n",     "ramulator2", "LD 10\n",
					   "prospero",  "1 R 10 4\n", "pinatrace",  "1: R 10 4\n"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *first = NULL;

		for (size_t k = 0; k < ARRAY_LEN(good); k += 2)
			if (!strcmp(good[k], bad[i].format))
				first = good[k + 1];
		ck_assert_uint_eq(import_bad(bad[i].format, "", first, bad[i].line, "")->n, 1);
	}
	ck_assert_int_eq(import("pinatrace", "", "1: R 10\n#eof\n1: R 20\n")->result, -(int)ERR_FORMAT);
}
END_TEST

/* A wrong type in the second record; a file that ends within the third. */
START_TEST(bad_records)
{
	static char bytes[FIXTURE_MAX];
	size_t n = dinero8_fixture(bytes);
	struct got *g;

	g = import_bytes("dinero8", "", bytes, n - 3);
	ck_assert_int_eq(g->result, -(int)ERR_TRUNCATED);
	ck_assert_ptr_nonnull(strstr(g->err.text, "cut off at byte 32: 5 bytes left, a record has 8"));
	ck_assert_uint_eq(g->n, 3);
	bytes[8 + 6] = 6;
	g = import_bytes("dinero8", "", bytes, n);
	ck_assert_int_eq(g->result, -(int)ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(g->err.text, "record 2 at byte 8: expected an access type"));
	ck_assert_uint_eq(g->n, 1);
	n = prospero21_fixture(bytes);
	bytes[21 + 8] = 'X';
	g = import_bytes("prospero21", "", bytes, n);
	ck_assert_int_eq(g->result, -(int)ERR_FORMAT);
	ck_assert_uint_eq(g->n, 1);
	prospero21_fixture(bytes);
	put_u32((uint8_t *)bytes + 17, 0);
	ck_assert_int_eq(import_bytes("prospero21", "", bytes, n)->result, -(int)ERR_FORMAT);
}
END_TEST

/* More records than the line buffer and the queue hold, so that both are filled again within one. */
START_TEST(many_records)
{
	enum { N = 150000 };
	const struct importer_ops *ops = importer_find("prospero21");
	uint8_t *bytes = malloc((size_t)N * 21);
	struct importer *im;
	struct err e = {0};
	uint64_t seen = 0;
	struct batch b;

	for (unsigned i = 0; i < N; i++) {
		put_u64(bytes + (size_t)i * 21, i);
		bytes[(size_t)i * 21 + 8] = i % 3 ? 'r' : 'W';
		put_u64(bytes + (size_t)i * 21 + 9, (uint64_t)i << 20);
		put_u32(bytes + (size_t)i * 21 + 17, i % 64 + 1);
	}
	write_file(bytes, (size_t)N * 21);
	ck_assert_int_eq(importer_open(&im, ops, path, "", &e), 0);
	while (ops->next(im, &b, &e) > 0)
		for (size_t i = 0; i < b.n; i++, seen++) {
			ck_assert_uint_eq(b.addr[i], seen << 20);
			ck_assert_uint_eq(META_SIZE(b.meta[i]), seen % 64 + 1);
			ck_assert_uint_eq(META_KIND(b.meta[i]), seen % 3 ? ACCESS_LOAD : ACCESS_STORE);
		}
	ck_assert_str_eq(e.text, "");
	ck_assert_uint_eq(seen, N);
	ops->close(im);
	free(bytes);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, din);
	tcase_add_test(t, xdin);
	tcase_add_test(t, dinero8);
	tcase_add_test(t, rw);
	tcase_add_test(t, dram);
	tcase_add_test(t, prospero);
	tcase_add_test(t, pinatrace);
	tcase_add_test(t, pinatrace_columns);
	tcase_add_test(t, bad_columns);
	tcase_add_test(t, bad_lines);
	tcase_add_test(t, bad_records);
	tcase_add_test(t, many_records);
	return run_case("oneline", t);
}
