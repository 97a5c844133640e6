/*
 * test_perf_blockio.c - samples of perf and block I/O: all records of small files, and bad lines.
 */
#include "tests/suite.h"
#include "tests/unit/formats_support.h"

#define MEM_HEAD "# PID, TID, IP, ADDR, LOCAL WEIGHT, DSRC, SYMBOL\n"

/*
 * mem_op of DSRC: 0x…41 has bits 1 (NA: 1 << 0) … here 2 load, 4 store, 16 instruction. The padded layout has
 * "016" in front of every address, also of a short one and of one with sixteen digits.
 */
START_TEST(perfmem_records)
{
	struct got *g =
		import("perfmem", "",
		       "# written by hand\n" MEM_HEAD
		       " 1234  1234 0x00005581e2f3a1b4 0x0167ffd5a3e0f98   210 0x000042 /bin/a b:f g\n"
		       " 1234  1240 0x00005581e2f3a1c0 0x016601040     0 0x000044 ???:???\n"
		       "   99    99 0xffffffff81000000 0x016ffff888012345678     7 0x000042 [kernel]:x\n"
		       " 1234  1234 0x0000000000401000 0x0160     7 0x000042 no:address\n"
		       " 1234  1234 0x0000000000401000 0x016401000     7 0x000050 code:x\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1234.1234 L 7ffd5a3e0f98 1 1", "1234.1240 S 601040 1 1", "1234.1234 F 401000 1 1");
	ck_assert(g->provenance.sampled && g->provenance.no_sizes && g->provenance.no_times);
	ck_assert(!g->provenance.no_threads && g->provenance.no_fetches && !g->provenance.physical);
}
END_TEST

START_TEST(perfmem_options)
{
	static const char text[] =
		"# PID, TID, IP, ADDR, PHYS ADDR, DATA PAGE SIZE, LOCAL WEIGHT, DSRC, SYMBOL\n"
		"12,13,0x401000,0x016601040,0x1f8a4040,4K,210,0x2,/a:b,c\n"
		"12,12,0xffffffff81000000,0xffff888012345678,0x12345678,N/A,0,0x4,k:k\n";
	struct got *g = import("perfmem", "kernel=keep", text);

	ck_assert_str_eq(g->err.text, "");
	/* with a separator the ip is not padded, and the address is what it says */
	EXPECT(g, "12.13 L 16601040 1 1", "12.12 S ffff888012345678 1 1");
	g = import("perfmem", "addresses=physical", text);
	EXPECT(g, "12.13 L 1f8a4040 1 1", "12.12 S 12345678 1 1");
	ck_assert(g->provenance.physical);
	g = import("perfmem", "fetches=ip,addresses=physical", text);
	EXPECT(g, "12.13 F 401000 1 1", "12.13 L 1f8a4040 1 0", "12.12 S 12345678 1 1");
	ck_assert(!g->provenance.no_fetches);
}
END_TEST

START_TEST(perfmem_bad)
{
	static const char *const bad[] = {"1 1 0x1 0x2 3\n",
					  "1 1 0x1 0x2 3 zz a:b\n",
					  "a 1 0x1 0x2 3 0x2 a:b\n",
					  "4294967296 1 0x1 0x2 3 0x2 a:b\n",
					  "1,,0x1,0x2,3,0x2,a:b\n",
					  "1 1 0x1 0x 3 0x2 a:b\n",
					  "# PID, TID, IP, ADDR, WHAT\n",
					  "# PID, TID, IP, LOCAL WEIGHT, DSRC, SYMBOL\n",
					  "# PID, TID, IP, ADDR, ADDR, DSRC, SYMBOL\n"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_uint_eq(
			import_bad("perfmem", "", MEM_HEAD "1 1 0x1 0x2 3 0x2 a:b\n", bad[i], "")->n, 1);
	ck_assert_int_eq(import("perfmem", "", "1 1 0x1 0x2 3 0x2 a:b\n")->result, -(int)ERR_FORMAT);
	ck_assert_int_eq(import("perfmem", "addresses=physical", MEM_HEAD "1 1 0x1 0x2 3 0x2 a:b\n")->result,
			 -(int)ERR_FORMAT);
}
END_TEST

START_TEST(perfscript_records)
{
	struct got *g = import("perfscript", "",
			       " 1234 [003]  5132.681234:     7ffd5a3e0f98     5581e2f3a1b4\n"
			       "\n"
			       " 1240 5132.681301: 55820d1e4010\n"
			       "a b  77/78 [001] 5132.7: cpu/mem-stores/P:  601040 401000 f+0x1 (/bin/a)\n"
			       " 9 [000] 1.2: mem-loads: 0 401000\n"
			       " 9 [000] 1.2: mem-loads: ffffffff81000000 ffffffff81000001\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1234 L 7ffd5a3e0f98 1 1", "1.1240 L 55820d1e4010 1 1", "77.78 S 601040 1 1");
	ck_assert(g->provenance.sampled && !g->provenance.no_threads && g->provenance.notes);
	g = import("perfscript", "fetches=ip,kernel=keep", "5/6 [0] 1.5: 1000 ffffffff81000000\n");
	EXPECT(g, "5.6 F ffffffff81000000 1 1", "5.6 L 1000 1 0");
}
END_TEST

START_TEST(perfscript_bad)
{
	static const char *const bad[] = {"1234 7ffd 5581\n", "[003] 1.5: 10 10\n",   "a [003] 1.5: 10 10\n",
					  "1 [003] 1.5:\n",   "1 [003] 1.5: 1g 10\n", "1 [003] 1.5: 10 1g\n",
					  "1/ [0] 1.5: 10\n", "4294967296 1.5: 10\n"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_uint_eq(import_bad("perfscript", "", "1 [0] 1.5: 10\n", bad[i], "")->n, 1);
	ck_assert_int_eq(import("perfscript", "addresses=physical", "")->result, -(int)ERR_USAGE);
}
END_TEST

/* 10^7 units of 100 ns are a second; the third line is older than the second: no time passes. */
START_TEST(msr)
{
	static const char text[] = "Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime\n"
				   "128166372003061629,hm,1,Read,383496192,32768,413\n"
				   "128166372013061629,hm,0,Write,2822144,65536,1500\n"
				   "128166372013061628,hm,1,read,512,512,1\n"
				   "128166372013061639,hm,1,Write,0,4096,1\n";
	struct got *g = import("msr", "", text);

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 file fid=0 size=17592186044416 flags=0x0 text=\"hm.1\"",
	       "1.1 read fid=0 off=383496192 len=32768 buf=0x0 result=32768",
	       "1.1 file fid=1 size=17592186044416 flags=0x0 text=\"hm.0\"", "1.1 sleep ns=1000000000",
	       "1.1 write fid=1 off=2822144 len=65536 buf=0x0 result=65536 time=1000000000",
	       "1.1 read fid=0 off=512 len=512 buf=0x0 result=512 time=1000000000",
	       "1.1 sleep ns=1000 time=1000000000",
	       "1.1 write fid=0 off=0 len=4096 buf=0x0 result=4096 time=1000001000");
	ck_assert(g->provenance.no_threads && !g->provenance.no_times && g->provenance.notes);
	g = import("msr", "pace=none", text);
	ck_assert_uint_eq(g->n, 6);
	ck_assert_str_eq(g->line[3],
			 "1.1 write fid=1 off=2822144 len=65536 buf=0x0 result=65536 time=1000000000");
}
END_TEST

START_TEST(alibaba)
{
	struct got *g = import("alibaba", "",
			       "419,W,8792731648,16384,1577808144360767\n"
			       "420,R,0,4096,1577808144360767\n"
			       "419,R,4096,512,1577808144360768\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 file fid=0 size=17592186044416 flags=0x0 text=\"419\"",
	       "1.1 write fid=0 off=8792731648 len=16384 buf=0x0 result=16384",
	       "1.1 file fid=1 size=17592186044416 flags=0x0 text=\"420\"",
	       "1.1 read fid=1 off=0 len=4096 buf=0x0 result=4096", "1.1 sleep ns=1000",
	       "1.1 read fid=0 off=4096 len=512 buf=0x0 result=512 time=1000");
}
END_TEST

START_TEST(blockio_bad)
{
	static const struct {
		const char *format, *line;
	} bad[] = {
		{"msr", "1,hm,0,Read,0,512\n"},
		{"msr", "1,hm,0,Read,0,512,1,1\n"},
		{"msr", "1,hm,0,Trim,0,512,1\n"},
		{"msr", "1,hm,0,Read,-1,512,1\n"},
		{"msr", "1,hm,0,Read,0,0,1\n"},
		{"msr", "1,hm,0,Read,17592186044416,1,1\n"},
		{"msr", "1,hm,0,Read,18446744073709551615,2,1\n"},
		{"msr", "1,hm,0,Read,0,2147483649,1\n"},
		{"msr", "18446744073709551615,hm,0,Read,0,512,1\n"},
		{"msr", "Timestamp,Hostname\n"},
		{"alibaba", "1,R,0,512\n"},
		{"alibaba", "1,X,0,512,1\n"},
		{"alibaba", "a,R,0,512,1\n"},
		{"alibaba", "1,R,0,512,18446744073709551615\n"},
		{"alibaba", "1,R,0,512,1,1\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		bool is_msr = !strcmp(bad[i].format, "msr");
		const char *good = is_msr ? "1,h,0,Read,0,1,1\n" : "7,R,0,1,1\n";

		ck_assert_uint_eq(import_bad(bad[i].format, "", good, bad[i].line, "")->n, 2);
	}
}
END_TEST

/* More disks than there is room for: an error, and all before it were read. */
START_TEST(many_disks)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	const struct importer_ops *ops = importer_find("alibaba");
	uint64_t controls = 0;
	struct importer *im;
	struct err e = {0};
	struct batch b;

	for (unsigned i = 0; i < 4097; i++)
		fprintf(f, "%u,R,0,512,7\n", i);
	fclose(f);
	write_file(text, size);
	ck_assert_int_eq(importer_open(&im, ops, path, "", &e), 0);
	while (ops->next(im, &b, &e) > 0)
		controls += b.control != NULL;
	ck_assert_int_eq(e.code, ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(e.text, ":4097: "));
	ck_assert_uint_eq(controls, 2 * 4096);
	ops->close(im);
	free(text);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, perfmem_records);
	tcase_add_test(t, perfmem_options);
	tcase_add_test(t, perfmem_bad);
	tcase_add_test(t, perfscript_records);
	tcase_add_test(t, perfscript_bad);
	tcase_add_test(t, msr);
	tcase_add_test(t, alibaba);
	tcase_add_test(t, blockio_bad);
	tcase_add_test(t, many_disks);
	return run_case("perf_blockio", t);
}
