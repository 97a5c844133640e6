/*
 * test_allocations.c - logs of allocations: every record of small logs, bad lines, and a naive model of what
 * is mapped.
 */
#include "tests/suite.h"
#include "tests/unit/formats_support.h"

#define HEAP(addr) "1.1 mmap addr=" addr " len=131072 prot=0x3 flags=0x32 fid=-1 off=0 result=" addr

/* ---- mtrace ---- */

START_TEST(mtrace_records)
{
	struct got *g = import("mtrace", "",
			       "= Start\n"
			       "@ ./p:(main+0x1a)[0x1378] + 0x40004a0 0x64\n"
			       "@ /a b/p:[0x138d] < 0x40004a0\n"
			       "@ /a b/p:[0x138d] > 0x4001010 0x78\n"
			       "+ (nil) 0xffffffffff\n"
			       "@ ./p:[0x1] ! 0x4001010 0xffffffffffffff\n"
			       "- 0x4001010\n"
			       "@ ./p:[0x2] - 0x77777770\n"
			       "@ ./p:[0x3] + 0x401fff0 0x20\n"
			       "+ 0x4001010 0\n"
			       "= End\n");

	ck_assert_str_eq(g->err.text, "");
	/* 0x4001010 + 0x78 is loaded as far as the old block went; 0x401fff0 … 0x4020010 lies in two steps.
	 */
	EXPECT(g, "1.1 process ppid=0", HEAP("0x4000000"), "1.1 S 40004a0 100 1", "1.1 L 40004a0 100 1",
	       "1.1 S 4001010 120 1", HEAP("0x4020000"), "1.1 S 401fff0 16 1", "1.1 S 4020000 16 1");
	ck_assert(g->provenance.no_threads && g->provenance.no_times && g->provenance.no_fetches);
	ck_assert_ptr_nonnull(strstr(g->provenance.notes, "inferred"));
}
END_TEST

/* 0x20000 bytes 16 bytes behind a page's start: 33 pages of their own. */
START_TEST(own_mappings)
{
	struct got *g = import("mtrace", "touch=none",
			       "+ 0x7000010 0x20000\n"
			       "< 0x7000010\n> 0x9000010 0x21000\n"
			       "< 0x9000010\n> 0x9000010 0x20000\n"
			       "< 0x9000010\n> 0x9000010 0x22000\n"
			       "- 0x9000010\n"
			       "+ 0x9000010 0x1ffff\n"
			       "+ 0x9100020 0x20000\n"
			       "- 0x9100020\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 process ppid=0",
	       "1.1 mmap addr=0x7000000 len=135168 prot=0x3 flags=0x32 fid=-1 off=0 result=0x7000000",
	       "1.1 mremap old=0x7000000 old_len=135168 new_len=139264 flags=0x3 new=0x9000000 "
	       "result=0x9000000",
	       "1.1 munmap addr=0x9021000 len=4096",
	       "1.1 mmap addr=0x9021000 len=8192 prot=0x3 flags=0x32 fid=-1 off=0 result=0x9021000",
	       "1.1 munmap addr=0x9000000 len=143360",
	       /* too small, then at the wrong place: in heaps */
	       "1.1 mmap addr=0x9000000 len=262144 prot=0x3 flags=0x32 fid=-1 off=0 result=0x9000000",
	       "1.1 mmap addr=0x9100000 len=262144 prot=0x3 flags=0x32 fid=-1 off=0 result=0x9100000");
}
END_TEST

START_TEST(touch_lines)
{
	struct got *g = import("mtrace", "touch=lines", "+ 0x4000030 0x60\n< 0x4000030\n> 0x4000030 0x50\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 process ppid=0", HEAP("0x4000000"), "1.1 S 4000030 16 1", "1.1 S 4000040 64 1",
	       "1.1 S 4000080 16 1");
}
END_TEST

/* Of 2 GiB one is stored: 262144 pages, more than the queue holds at once; the mapping has all pages. */
START_TEST(huge_block)
{
	const struct importer_ops *ops = importer_find("mtrace");
	uint64_t stores = 0, bytes = 0, next = 0x4000010, mapped = 0, controls = 0;
	struct importer *im;
	struct err e = {0};
	struct batch b;

	write_file("+ 0x4000010 0x80000000\n- 0x4000010\n", 35);
	ck_assert_int_eq(importer_open(&im, ops, path, "", &e), 0);
	while (ops->next(im, &b, &e) > 0) {
		for (size_t i = 0; i < b.n; i++, stores++) {
			ck_assert_uint_eq(b.addr[i], next);
			bytes += META_SIZE(b.meta[i]);
			next += META_SIZE(b.meta[i]);
		}
		if (b.control && controls++ == 1)
			mapped = b.control->arg[1];
	}
	ck_assert_str_eq(e.text, "");
	ck_assert_uint_eq(bytes, UINT64_C(1) << 30);
	ck_assert_uint_eq(stores, 262145);
	ck_assert_uint_eq(mapped, (UINT64_C(1) << 31) + 4096);
	ck_assert_uint_eq(controls, 3);
	ops->close(im);
}
END_TEST

START_TEST(mtrace_bad)
{
	static const struct refusal bad[] = {
		{"= Start\n+ 0x10\n", ERR_FORMAT},
		{"= Start\n+ 0x10 zz\n", ERR_FORMAT},
		{"= Start\nx + 0x10 0x1\n", ERR_FORMAT},
		{"= Start\n* 0x10 0x1\n", ERR_FORMAT},
		{"= Start\n> 0x100000000000000 0x1\n", ERR_FORMAT},
		{"= Start\n+ 0x10 0xffffffffffffffff\n", ERR_FORMAT},
		{"= Start\n< 0x10\n+ 0x10 0x1\n", ERR_FORMAT},
		{"= Begin\n", ERR_FORMAT},
		{"= Start\n+ 0x10 0x1", ERR_TRUNCATED},
		{"= Start\n+ 0x10 0x1\n< 0x10\n", ERR_TRUNCATED},
	};

	expect_refusals("mtrace", bad, ARRAY_LEN(bad));
}
END_TEST

/* ---- heaptrack ---- */

START_TEST(heaptrack_records)
{
	struct got *g = import("heaptrack", "",
			       "v 10400 3\nx 4 /b/p\nX ./p one  two\nI 1000 5e298f\nm 1 -\nt 5571 0\n"
			       "+ 64 1 50000d0\nc 1f\nR 3fb\n- 50000d0\n+ 30000 1 6000010\n- 6000010\n# x\n");

	ck_assert_str_eq(g->err.text, "");
	ck_assert_str_eq(g->program, "./p");
	ck_assert_str_eq(g->arguments, "one  two");
	/* the mapping of 49 pages, 49 stores, at 31 ms */
	ck_assert_uint_eq(g->n, 3 + 1 + 49 + 1);
	ck_assert_str_eq(g->line[0], "1.1 process ppid=0 text=\"./p\"");
	ck_assert_str_eq(g->line[2], "1.1 S 50000d0 100 1");
	ck_assert_str_eq(g->line[3], "1.1 mmap addr=0x6000000 len=200704 prot=0x3 flags=0x32 fid=-1 off=0 "
				     "result=0x6000000 time=31000000");
	ck_assert_str_eq(g->line[4], "1.1 S 6000010 4080 1");
	ck_assert_str_eq(g->line[52], "1.1 S 6030000 16 1");
	ck_assert_str_eq(g->line[53], "1.1 munmap addr=0x6000000 len=200704 time=31000000");
}
END_TEST

START_TEST(heaptrack_bad)
{
	static const char *const bad[] = {"+ 64 1\n", "+ 5\n",      "+ 64 1 zz\n", "- \n",
					  "c\n",      "q 1\n",      "+ 64 1 0\n",  "c 123456789abc\n",
					  "-5\n",     "- 1 2 3 4\n"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		import_bad("heaptrack", "", "v 10400 3\n", bad[i], "");
	ck_assert_int_eq(import("heaptrack", "", "+ 64 1 5000\n")->result, -(int)ERR_FORMAT);
	ck_assert_int_eq(import("heaptrack", "", "v 1 1\n- 50")->result, -(int)ERR_TRUNCATED);
	ck_assert_ptr_nonnull(strstr(import("heaptrack", "", "v 1 1\n+ 5\n")->err.text, "--raw"));
}
END_TEST

/* ---- malloclab ---- */

/*
 * 100 bytes take a slot of 112, 120 one of 128: realloc moves. 121 stays in it. The next 90 take the slot
 * that was freed.
 */
START_TEST(malloclab_records)
{
	struct got *g =
		import("malloclab", "",
		       "20000\n3\n7\n1\n\na 0 100\nr 0 120\nr 0 119\na 1 90\r\nf 0\nf -1\na 0 121\nf 1\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 process ppid=0", HEAP("0x100000000"), "1.1 S 100000010 100 1", "1.1 L 100000010 100 1",
	       "1.1 S 100000080 120 1", "1.1 S 100000010 90 1", "1.1 S 100000100 121 1");
	ck_assert_ptr_nonnull(strstr(g->provenance.notes, "size classes"));
}
END_TEST

START_TEST(malloclab_large)
{
	struct got *g = import("malloclab", "touch=none",
			       "1\n1\na 0 200000\na 1 131072\nr 0 200001\nf 0\na 2 210000\n");

	ck_assert_str_eq(g->err.text, "");
	/* 200008 is rounded to 224 KiB, 131080 to 160 KiB: with 16 bytes in front 57 and 41 pages. */
	EXPECT(g, "1.1 process ppid=0",
	       "1.1 mmap addr=0x700000000000 len=200704 prot=0x3 flags=0x32 fid=-1 off=0 "
	       "result=0x700000000000",
	       "1.1 mmap addr=0x700000039000 len=135168 prot=0x3 flags=0x32 fid=-1 off=0 "
	       "result=0x700000039000",
	       "1.1 munmap addr=0x700000000000 len=200704",
	       "1.1 mmap addr=0x700000000000 len=212992 prot=0x3 flags=0x32 fid=-1 off=0 "
	       "result=0x700000000000");
}
END_TEST

/* Whatever is asked for, blocks that live do not overlap. */
START_TEST(malloclab_no_overlap)
{
	enum { IDS = 40, STEPS = 3000 };
	struct {
		uint64_t start, size;
	} live[IDS] = {{0}};
	const struct importer_ops *ops = importer_find("malloclab");
	struct importer *im;
	struct err e = {0};
	struct batch b;
	FILE *f = fopen(path, "w");
	uint32_t x = 7, ids[STEPS], sizes[STEPS];
	bool used[IDS] = {false};
	size_t n = 0, at = 0;

	fputs("1000\n40\n3000\n1\n", f);
	for (unsigned i = 0; i < STEPS; i++) {
		uint32_t id, size;

		x = x * 1664525 + 1013904223;
		id = (x >> 8) % IDS;
		size = 1 + ((x >> 16) >> (x >> 4 & 7));
		size = MIN_OF(size, 4000u);
		if (used[id]) {
			fprintf(f, "f %u\n", id);
		} else {
			fprintf(f, "a %u %u\n", id, size);
		}
		ids[n] = id;
		sizes[n++] = used[id] ? 0 : size;
		used[id] = !used[id];
	}
	fclose(f);
	/* Stores of a block come piece by piece, in the order of the requests. */
	ck_assert_int_eq(importer_open(&im, ops, path, "", &e), 0);
	while (ops->next(im, &b, &e) > 0)
		for (size_t i = 0; i < b.n;) {
			uint64_t got = 0;

			while (!sizes[at])
				live[ids[at++]].size = 0;
			live[ids[at]].start = b.addr[i];
			for (; i < b.n && got < sizes[at]; i++)
				got += META_SIZE(b.meta[i]);
			ck_assert_uint_eq(got, sizes[at]);
			live[ids[at]].size = got;
			for (unsigned k = 0; k < IDS; k++)
				ck_assert(k == ids[at] || !live[k].size ||
					  live[k].start + live[k].size <= live[ids[at]].start ||
					  live[ids[at]].start + got <= live[k].start);
			at++;
		}
	ck_assert_str_eq(e.text, "");
	ops->close(im);
}
END_TEST

START_TEST(malloclab_bad)
{
	static const char *const bad[] = {"a 0\n",     "a 0 -1\n", "f\n",    "x 0 1\n",
					  "a 0 1 2\n", "a 5 1\n",  "f 77\n", "f -2\n",
					  "a -1 5\n",  "12 13\n",  "17\n",   "r 5 x\n"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		import_bad("malloclab", "", "10\n1\na 5 1\n", bad[i], "");
	ck_assert_int_eq(import("malloclab", "", "1\na 1 1099511627777\n")->result, -(int)ERR_FORMAT);
}
END_TEST

/* ---- alloclog ---- */

#define LOG "# faultline alloclog 1\n# provenance {\"program\": \"./p\", \"arguments\": \"x\"}\nC 0 ?\n"

START_TEST(alloclog_records)
{
	struct got *g = import("alloclog", "",
			       LOG "P 7 1 /b/p q\nC 1 /b/p+0x10\nS 7 7\n"
				   "+ 40000a0 64 1\n"
				   "T 1500000\n"
				   "S 7 8\n"
				   "z 40020a0 8 1\n"
				   "< 40000a0\n"
				   "S 7 7\n"
				   "a 40000a0 10 1 40\n" /* its place, while the other's realloc goes on */
				   "S 7 8\n"
				   "> 4001010 78 1\n"
				   "< 4001010\n"
				   "! ffffff 1\n"
				   "< 4001010\n"
				   "> 4001010 80 1\n"
				   "F 9 7 8\n"
				   "S 9 9\n"
				   "< 4001010\n"
				   "> 4003000 10 0\n"
				   "P 10 7 /b/r\n"
				   "P 9 7 /b/s\n"
				   "S 9 9\n"
				   "+ 40000a0 8 0\n"
				   "X 9\n"
				   "X 10\n"
				   "L 3\n"
				   "# end events 12\n");

	ck_assert_str_eq(g->err.text, "");
	ck_assert_str_eq(g->program, "./p");
	ck_assert_str_eq(g->arguments, "x");
	ck_assert(!g->provenance.no_threads && g->provenance.no_fetches);
	EXPECT(g, "7.7 process ppid=1 text=\"/b/p q\"",
	       "7.7 mmap addr=0x4000000 len=131072 prot=0x3 flags=0x32 fid=-1 off=0 result=0x4000000",
	       "7.7 S 40000a0 100 1", "7.7 clone child_tid=8 result=8 time=1500000", "7.8 S 40020a0 8 1",
	       "7.7 S 40000a0 16 1", "7.8 L 40000a0 100 1", "7.8 S 4001010 120 1", "7.8 S 4001088 8 1",
	       "7.8 fork child_pid=9 child_tid=9 result=9 time=1500000",
	       /* the child knows its parent's blocks and needs no mapping */
	       "9.9 L 4001010 16 1", "9.9 S 4003000 16 1",
	       "7.7 fork child_pid=10 child_tid=10 result=10 time=1500000",
	       "10.10 exec time=1500000 text=\"/b/r\"", "9.9 exec time=1500000 text=\"/b/s\"",
	       "9.9 mmap addr=0x4000000 len=131072 prot=0x3 flags=0x32 fid=-1 off=0 result=0x4000000 "
	       "time=1500000",
	       "9.9 S 40000a0 8 1", "9.9 exit_group status=0 time=1500000",
	       "10.10 exit_group status=0 time=1500000");
}
END_TEST

START_TEST(alloclog_bad)
{
	static const char *const bad[] = {"+ 5000 10 0\n", "S 8 8\n", "S 7\n", "X 8\n",   "P 8\n",
					  "F 8 7\n",       "T x\n",   "Q 1\n", "hello\n", "# end events 1\n"};
	static const char *const bad_of_a_thread[] = {"+ 5000 10\n",
						      "+ 0x5000 10 0\n",
						      "a 5000 10 0\n",
						      "- zz\n",
						      "+ 0 10 0\n",
						      "!  10 0\n",
						      "+ 5000 ffffffffffffffff 0\n"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		import_bad("alloclog", "", LOG "P 7 1 /b/p\n", bad[i], "# end events 0\n");
	for (size_t i = 0; i < ARRAY_LEN(bad_of_a_thread); i++)
		import_bad("alloclog", "", LOG "P 7 1 /b/p\nS 7 7\n", bad_of_a_thread[i], "# end events 0\n");
	ck_assert_int_eq(import("alloclog", "", LOG "P 7 1 p\n")->result, -(int)ERR_TRUNCATED);
	ck_assert_int_eq(import("alloclog", "", "# something else\n")->result, -(int)ERR_FORMAT);
	ck_assert_int_eq(import("alloclog", "", LOG "# end events 0\n# more\n")->result, -(int)ERR_FORMAT);
	ck_assert_int_eq(import("alloclog", "", LOG "# end events 0\n")->result, 0);
}
END_TEST

/* ---- mappings against a bitmap: stores always lie in what is mapped, munmap unmaps what was mapped ---- */

START_TEST(stores_are_mapped)
{
	enum { BASE = 0x1000, PAGES = 4096, BLOCKS = 64 };
	const struct importer_ops *ops = importer_find("mtrace");
	bool mapped[PAGES] = {false};
	uint64_t at[BLOCKS] = {0};
	FILE *f = fopen(path, "w");
	struct importer *im;
	struct err e = {0};
	struct batch b;
	uint32_t x = 99;
	uint64_t stores = 0;

	for (unsigned i = 0; i < 4000; i++) {
		unsigned slot = i % BLOCKS;
		uint64_t size;

		x = x * 1664525 + 1013904223;
		size = x & 1 ? 0x20000 + (x >> 20) * 16 : (x >> 20);
		if (at[slot])
			fprintf(f, "- 0x%" PRIx64 "\n", at[slot]);
		/* each slot has 60 pages */
		at[slot] = ((uint64_t)BASE + slot * 60) << PAGE_SHIFT | 0x10;
		fprintf(f, "+ 0x%" PRIx64 " 0x%" PRIx64 "\n", at[slot], size);
	}
	fclose(f);
	ck_assert_int_eq(importer_open(&im, ops, path, "", &e), 0);
	while (ops->next(im, &b, &e) > 0) {
		const struct control *c = b.control;

		for (size_t i = 0; i < b.n; i++, stores++)
			ck_assert(mapped[(b.addr[i] >> PAGE_SHIFT) - BASE]);
		for (uint64_t p = 0; c && c->op != REC_PROCESS && p < c->arg[1] >> PAGE_SHIFT; p++) {
			size_t page = (size_t)((c->arg[0] >> PAGE_SHIFT) + p - BASE);

			ck_assert_uint_lt(page, PAGES);
			ck_assert(mapped[page] == (c->op == REC_MUNMAP));
			mapped[page] = c->op == REC_MMAP;
		}
	}
	ck_assert_str_eq(e.text, "");
	ck_assert_uint_gt(stores, 4000);
	ops->close(im);
}
END_TEST

/* Blocks of 1 byte, 256 KiB apart, never join. */
START_TEST(too_many_regions)
{
	const struct importer_ops *ops = importer_find("mtrace");
	FILE *f = fopen(path, "w");
	struct importer *im;
	struct err e = {0};
	struct batch b;
	uint64_t stores = 0;

	for (uint64_t i = 1; i <= 70000; i++)
		fprintf(f, "+ 0x%" PRIx64 " 0x1\n", i << 18);
	fclose(f);
	ck_assert_int_eq(importer_open(&im, ops, path, "", &e), 0);
	while (ops->next(im, &b, &e) > 0)
		stores += b.n;
	ck_assert_int_eq(e.code, ERR_LIMIT);
	ck_assert_uint_eq(stores, 65530);
	ops->close(im);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, mtrace_records);
	tcase_add_test(t, own_mappings);
	tcase_add_test(t, touch_lines);
	tcase_add_test(t, huge_block);
	tcase_add_test(t, mtrace_bad);
	tcase_add_test(t, heaptrack_records);
	tcase_add_test(t, heaptrack_bad);
	tcase_add_test(t, malloclab_records);
	tcase_add_test(t, malloclab_large);
	tcase_add_test(t, malloclab_no_overlap);
	tcase_add_test(t, malloclab_bad);
	tcase_add_test(t, alloclog_records);
	tcase_add_test(t, alloclog_bad);
	tcase_add_test(t, stores_are_mapped);
	tcase_add_test(t, too_many_regions);
	return run_case("allocations", t);
}
