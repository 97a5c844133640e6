/*
 * test_formats.c - the importers of text formats: every record of small hand-made files, and bad lines.
 */
#include "tests/suite.h"
#include "tests/unit/formats_support.h"

/* ---- lackey ---- */

START_TEST(lackey_records)
{
	struct got *g = import("lackey", "",
			       "==77== Lackey, an example Valgrind tool\n"
			       "==77== Command: /bin/prog one two\n"
			       "==77== \n"
			       "I  04001000,3\n"
			       " S 1fff000ff8,8\n"
			       "I  04001003,5\n"
			       " L 04002ffc,8\n"
			       " M 0x04003000,4\n"
			       "\n"
			       "--77-- a remark\n"
			       " SB 04001008\n"
			       "i  0400100A,2\r\n"
			       " l 0400ABCD,1");

	ck_assert_int_eq(g->result, 0);
	EXPECT(g, "1.1 F 4001000 3 1", "1.1 S 1fff000ff8 8 0", "1.1 F 4001003 5 1", "1.1 L 4002ffc 8 0",
	       "1.1 L 4003000 4 0", "1.1 S 4003000 4 0", "1.1 F 400100a 2 1", "1.1 L 400abcd 1 0");
	ck_assert_str_eq(g->program, "/bin/prog");
	ck_assert_str_eq(g->arguments, "one two");
	ck_assert(g->provenance.no_threads && g->provenance.no_times && !g->provenance.no_fetches);
}
END_TEST

START_TEST(lackey_without_instructions)
{
	struct got *g = import("lackey", "", " L 10,1\n M 20,4\n S fff,2\n");

	ck_assert_int_eq(g->result, 0);
	EXPECT(g, "1.1 L 10 1 1", "1.1 L 20 4 1", "1.1 S 20 4 0", "1.1 S fff 2 1");
	ck_assert(g->provenance.no_fetches);
	/* Copies of courses: one blank behind I, none in front of the others, either case. */
	g = import("lackey", "", "I 0400d7d4,8\n M 0421C7F0,4\nL 04f6b868,8\n s 7FF0005c8,8\n");
	ck_assert_int_eq(g->result, 0);
	EXPECT(g, "1.1 F 400d7d4 8 1", "1.1 L 421c7f0 4 0", "1.1 S 421c7f0 4 0", "1.1 L 4f6b868 8 0",
	       "1.1 S 7ff0005c8 8 0");
}
END_TEST

/* 0x1000+3, +2 and +4 adjoin; 0x2000 does not; 0x2ffe+4 would reach into the next page. */
START_TEST(lackey_blocks)
{
	struct got *g = import("lackey", "fetches=blocks",
			       "I  1000,3\n L 50,8\nI  1003,2\nI  1005,4\n S 58,8\nI  2000,3\nI  2003,4091\n"
			       "I  2ffe,4\nI  3002,1\n");

	ck_assert_int_eq(g->result, 0);
	EXPECT(g, "1.1 F 1000 9 3", "1.1 L 50 8 0", "1.1 S 58 8 0", "1.1 F 2000 4094 2", "1.1 F 2ffe 4 1",
	       "1.1 F 3002 1 1");
}
END_TEST

START_TEST(lackey_no_fetches)
{
	struct got *g =
		import("lackey", "fetches=none", "I  1000,3\nI  1003,2\n M 50,8\n S 60,1\nI  1005,4\n");

	ck_assert_int_eq(g->result, 0);
	EXPECT(g, "1.1 L 50 8 2", "1.1 S 50 8 0", "1.1 S 60 1 0", "1.1 instr count=1");
	ck_assert(g->provenance.no_fetches);
}
END_TEST

/* 5000 bytes from 0x1800 on: up to the page's end, a whole rest below 4096. */
START_TEST(lackey_large_access)
{
	struct got *g = import("lackey", "", " L 1800,5000\n");

	ck_assert_int_eq(g->result, 0);
	EXPECT(g, "1.1 L 1800 2048 1", "1.1 L 2000 2952 0");
	g = import("lackey", "", " L 1800,9999999\n");
	ck_assert_int_eq(g->result, -(int)ERR_FORMAT);
}
END_TEST

START_TEST(lackey_system_calls)
{
	struct got *g = import(
		"lackey", "",
		"I  4001000,3\n"
		" S 1fff000ff8,8\n"
		"SYSCALL[9,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x5000000) \n"
		"SYSCALL[9,1](12) sys_brk ( 0x5002000 ) --> [pre-success] Success(0x5002000) \n"
		" S 5001ff8,8\n"
		"SYSCALL[9,1](257) sys_openat ( 4294967196, 0x4a(/etc/a (b), c), 524288 ) --> [async] ... \n"
		"SYSCALL[9,1](257) ... [async] --> Success(0x3) \n"
		"SYSCALL[9,1](0) sys_read ( 3, 0x1ffefffdb8, 832 ) --> [async] ... \n"
		"SYSCALL[9,1](0) ... [async] --> Success(0x340) \n"
		"SYSCALL[9,1](9) sys_mmap ( 0x0, 8192, 3, 2, 3, 4096 ) --> [pre-success] Success(0x4835000) "
		"\n"
		" L 4835000,8\n"
		"SYSCALL[9,1](9) sys_mmap ( 0x0, 4096, 3, 34, 4294967295, 0 ) --> [pre-success] Failure(0xc) "
		"\n"
		"SYSCALL[9,1](10) sys_mprotect ( 0x4835000, 4096, 1 )[sync] --> Success(0x0) \n"
		"SYSCALL[9,1](25) sys_mremap ( 0x4835000, 8192, 16384, 0x1, 0x0 )[sync] --> "
		"Success(0x6000000) \n"
		"SYSCALL[8,1](11) sys_munmap ( 0x1, 1 )[sync] --> Success(0x0) \n"
		"SYSCALL[9,1](11) sys_munmap ( 0x6000000, 16384 )[sync] --> Success(0x0) \n"
		"SYSCALL[9,1](334) unimplemented (by the kernel) syscall: 334! (ni_syscall)\n"
		"SYSCALL[9,1](39) sys_getpid ( )[sync] --> Success(0x9) \n"
		"SYSCALL[9,1](231) exit_group( 5 ) --> [pre-success] Success(0x0) \n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 process ppid=0",
	       /* the page of the code, then 8 MiB that end with the stack's page */
	       "1.1 mapping addr=0x4001000 len=4096 prot=0x7 flags=0x22 fid=-1 off=0", "1.1 F 4001000 3 1",
	       "1.1 mapping addr=0x1ffe801000 len=8388608 prot=0x3 flags=0x20022 fid=-1 off=0",
	       "1.1 S 1fff000ff8 8 0", "1.1 brk addr=0x0 result=0x5000000",
	       "1.1 brk addr=0x5002000 result=0x5002000", "1.1 S 5001ff8 8 0",
	       "1.1 other number=257 a0=0xffffff9c a1=0x4a a2=0x80000 a3=0x0 a4=0x0 result=3",
	       "1.1 file fid=0 size=832 flags=0x0 text=\"/etc/a (b), c\"",
	       "1.1 read fid=0 off=0 len=832 buf=0x1ffefffdb8 result=832", "1.1 truncate fid=0 size=12288",
	       "1.1 mmap addr=0x0 len=8192 prot=0x3 flags=0x2 fid=0 off=4096 result=0x4835000",
	       "1.1 L 4835000 8 0", "1.1 mmap addr=0x0 len=4096 prot=0x3 flags=0x22 fid=-1 off=0 result=-12",
	       "1.1 mprotect addr=0x4835000 len=4096 prot=0x1",
	       "1.1 mremap old=0x4835000 old_len=8192 new_len=16384 flags=0x1 new=0x0 result=0x6000000",
	       "1.1 munmap addr=0x6000000 len=16384",
	       "1.1 other number=39 a0=0x0 a1=0x0 a2=0x0 a3=0x0 a4=0x0 result=9", "1.1 exit_group status=5");
}
END_TEST

/* An access behind munmap lies in no mapping again. */
START_TEST(lackey_inferred_mappings)
{
	struct got *g = import("lackey", "syscalls=on",
			       " S 7ffffff8,8\n"
			       " L 100ff8,16\n"
			       " L 100000,8\n"
			       "SYSCALL[9,1](11) sys_munmap ( 0x101000, 4096 )[sync] --> Success(0x0) \n"
			       " L 101800,8\n");

	ck_assert_int_eq(g->result, 0);
	EXPECT(g, "1.1 process ppid=0",
	       "1.1 mapping addr=0x7f800000 len=8388608 prot=0x3 flags=0x20022 fid=-1 off=0",
	       "1.1 S 7ffffff8 8 1", "1.1 mapping addr=0x100000 len=8192 prot=0x7 flags=0x22 fid=-1 off=0",
	       "1.1 L 100ff8 16 1", "1.1 L 100000 8 1", "1.1 munmap addr=0x101000 len=4096",
	       "1.1 mapping addr=0x101000 len=4096 prot=0x7 flags=0x22 fid=-1 off=0", "1.1 L 101800 8 1");
}
END_TEST

START_TEST(lackey_bad_lines)
{
	static const char *const bad[] = {" L 10\n",
					  " L 10,0\n",
					  " L ,4\n",
					  " X 10,4\n",
					  "I 10,4 x\n",
					  "hello\n",
					  " L 1g,4\n",
					  "L\n",
					  " L 12345678901234567,1\n",
					  "SYSCALL[1\n",
					  " L -1,4\n",
					  "\x01\x02\n",
					  " S ffffffffffffffff,8\n"};

	/* Both controls and the good line in front of it came first. */
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_uint_eq(import_bad("lackey", "syscalls=on", " L 10,4\n", bad[i], " S 20,4\n")->n,
				  3);
}
END_TEST

START_TEST(options)
{
	struct got *g = import("lackey", "fetches=some", "");

	ck_assert_int_eq(g->result, -(int)ERR_USAGE);
	g = import("lackey", "fetch=none", "");
	ck_assert_int_eq(g->result, -(int)ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(g->err.text, "fetches"));
	g = import("course", "x=1", "");
	ck_assert_int_eq(g->result, -(int)ERR_USAGE);
	g = import("lackey", "fetches=none,syscalls=off", "I  10,1\nSYSCALL[1,1](39) x\n L 20,1\n");
	EXPECT(g, "1.1 L 20 1 1");
}
END_TEST

/* A read into pages that were never seen before maps them: 0x20800 + 8192 reaches into a third page. */
START_TEST(lackey_buffers)
{
	struct got *g = import("lackey", "syscalls=on",
			       " S 7ffffff8,8\n"
			       " L 21000,8\n"
			       "SYSCALL[9,1](2) sys_open ( 0x4a(f), 0 )[sync] --> Success(0x3) \n"
			       "SYSCALL[9,1](0) sys_read ( 3, 0x20800, 9000 )[sync] --> Success(0x2000) \n"
			       "SYSCALL[9,1](0) sys_read ( 3, 0x20800, 9000 )[sync] --> Success(0x0) \n"
			       "SYSCALL[9,1](0) sys_read ( 3, 0x20800, 9000 )[sync] --> Success(0x10) \n");

	ck_assert_int_eq(g->result, 0);
	ck_assert_uint_eq(g->n, 13);
	ck_assert_str_eq(g->line[5], "1.1 other number=2 a0=0x4a a1=0x0 a2=0x0 a3=0x0 a4=0x0 result=3");
	ck_assert_str_eq(g->line[6], "1.1 file fid=0 size=8192 flags=0x0 text=\"f\"");
	ck_assert_str_eq(g->line[7], "1.1 mapping addr=0x20000 len=4096 prot=0x7 flags=0x22 fid=-1 off=0");
	ck_assert_str_eq(g->line[8], "1.1 mapping addr=0x22000 len=4096 prot=0x7 flags=0x22 fid=-1 off=0");
	ck_assert_str_eq(g->line[9], "1.1 read fid=0 off=0 len=9000 buf=0x20800 result=8192");
	ck_assert_str_eq(g->line[10], "1.1 read fid=0 off=8192 len=9000 buf=0x20800");
	ck_assert_str_eq(g->line[11], "1.1 truncate fid=0 size=8208");
	ck_assert_str_eq(g->line[12], "1.1 read fid=0 off=8192 len=9000 buf=0x20800 result=16");
}
END_TEST

/* files=stat: the fixture's own file, is as large as it is; a mapping beyond its end lets nothing grow. */
START_TEST(lackey_file_sizes)
{
	char text[600], expected[200];
	int n = snprintf(
		text, sizeof text,
		" S 7ffffff8,8\n"
		"SYSCALL[9,1](2) sys_open ( 0x4a(%s), 0 )[sync] --> Success(0x3) \n"
		"SYSCALL[9,1](0) sys_read ( 3, 0x7ffffff0, 10 )[sync] --> Success(0xa) \n"
		"SYSCALL[9,1](9) sys_mmap ( 0x0, 8192, 3, 2, 3, 0 ) --> [pre-success] Success(0x4835000) \n",
		path);
	struct got *g = import("lackey", "syscalls=on,files=stat", text);

	ck_assert_int_eq(g->result, 0);
	ck_assert_uint_eq(g->n, 7);
	snprintf(expected, sizeof expected, "1.1 file fid=0 size=%d flags=0x0 text=\"%s\"", n, path);
	ck_assert_str_eq(g->line[4], expected);
	ck_assert_str_eq(g->line[5], "1.1 read fid=0 off=0 len=10 buf=0x7ffffff0 result=10");
	ck_assert_str_eq(g->line[6],
			 "1.1 mmap addr=0x0 len=8192 prot=0x3 flags=0x2 fid=0 off=0 result=0x4835000");
}
END_TEST

/* 500000 bytes from 0x21800 on in pages that were not seen: pages 0x22 … 0x9b are one gap between known ones.
 */
START_TEST(lackey_large_access_maps)
{
	struct got *g = import("lackey", "syscalls=on", " S 7ffffff8,8\n L 21000,8\n M 21800,500000\n");

	ck_assert_int_eq(g->result, 0);
	ck_assert_str_eq(g->line[5], "1.1 mapping addr=0x22000 len=499712 prot=0x7 flags=0x22 fid=-1 off=0");
	/* process, two mappings, two accesses, this mapping; then a load and a store in 123 pieces each */
	ck_assert_str_eq(g->line[6], "1.1 L 21800 2048 1");
	ck_assert_str_eq(g->line[6 + 121], "1.1 L 9a000 4096 0");
	ck_assert_str_eq(g->line[6 + 122], "1.1 L 9b000 2336 0");
	ck_assert_str_eq(g->line[6 + 123], "1.1 S 21800 2048 0");
	ck_assert_uint_eq(g->n, 6 + 2 * 123);
}
END_TEST

/* ---- course ---- */

START_TEST(course_records)
{
	struct got *g = import(
		"course", "", "# comment\n0041f7a0 R\n13f5e2c0 W\n\n0xDEADBEEF w\n1000\tread\n1001 WRITE \n");

	ck_assert_int_eq(g->result, 0);
	EXPECT(g, "1.1 L 41f7a0 1 1", "1.1 S 13f5e2c0 1 1", "1.1 S deadbeef 1 1", "1.1 L 1000 1 1",
	       "1.1 S 1001 1 1");
	ck_assert(g->provenance.no_sizes && g->provenance.no_fetches);
	g = import("course", "", "0041f7a0 R\n0041f7a0 X\n");
	ck_assert_int_eq(g->result, -(int)ERR_FORMAT);
	ck_assert_uint_eq(g->n, 1);
	g = import("course", "", "0041f7a0 R\n0041f7a0R\n");
	ck_assert_int_eq(g->result, -(int)ERR_FORMAT);
}
END_TEST

/* ---- memtrace ---- */

START_TEST(memtrace_records)
{
	struct got *g = import("memtrace", "", memtrace_text);

	ck_assert_str_eq(g->err.text, "");
	ck_assert_str_eq(g->program, "mix");
	EXPECT(g, "0.0 process ppid=0 text=\"player\"",
	       "0.0 file fid=0 size=16777216 flags=0x0 text=\"/data/f16\"",
	       "0.0 file fid=1 size=0 flags=0x1 text=\"/data/new\"",
	       "0.0 fork child_pid=1 child_tid=1 result=1 cpu=1", "1.1 affinity mask=0x2 cpu=1",
	       /* MAP_PRIVATE 2, MAP_FIXED 0x10, MAP_ANONYMOUS 0x20, MAP_POPULATE 0x8000; MAP_SHARED 1 */
	       "1.1 mmap addr=0x1000000000 len=8192 prot=0x3 flags=0x8032 fid=-1 off=0 result=0x1000000000 "
	       "cpu=1",
	       "1.1 mmap addr=0x1000200000 len=4096 prot=0x1 flags=0x11 fid=0 off=4096 result=0x1000200000 "
	       "cpu=1",
	       "1.1 S 1000000000 8 1", "1.1 L 1000000ffc 8 1",
	       "1.1 fork child_pid=2 child_tid=2 result=2 cpu=1", "2.2 L 1000000000 8 1",
	       "2.2 exit_group status=0 cpu=1", "1.1 affinity mask=0x8 cpu=1",
	       "1.1 mprotect addr=0x1000000000 len=4096 prot=0x0 cpu=3",
	       "1.1 madvise addr=0x1000000000 len=4096 advice=21 cpu=3",
	       "1.1 mlock addr=0x1000000000 len=4096 flags=0x0 cpu=3",
	       "1.1 munlock addr=0x1000000000 len=4096 cpu=3",
	       "1.1 mremap old=0x1000000000 old_len=8192 new_len=4096 flags=0x3 new=0x1000400000 "
	       "result=0x1000400000 cpu=3",
	       "1.1 set_mempolicy mode=0x3 mask=0xf maxnode=64 cpu=3",
	       "1.1 mbind addr=0x1000400000 len=4096 mode=0x5 mask=0x2 maxnode=64 flags=0x2 cpu=3",
	       "1.1 mbind addr=0x1000400000 len=4096 mode=0x0 mask=0x0 maxnode=64 flags=0x0 cpu=3",
	       "1.1 read fid=0 off=4096 len=65536 buf=0x0 result=65536 cpu=3",
	       "1.1 write fid=1 off=0 len=4096 buf=0x0 result=4096 cpu=3", "1.1 fsync fid=1 cpu=3",
	       "1.1 fadvise fid=0 off=0 len=4096 advice=3 cpu=3",
	       "1.1 munmap addr=0x1000400000 len=4096 cpu=3",
	       "1.1 oom_score_adj adj=18446744073709551116 cpu=3", "0.0 drop_caches what=3 cpu=0",
	       "0.0 sleep ns=250000000 cpu=0", "0.0 mark text=\"after\"");
}
END_TEST

START_TEST(memtrace_bad)
{
	static const struct {
		const char *line; /* in place of event 1 */
		enum err_code code;
	} bad[] = {
		{"R 1 1 1000 8 9\n# end accesses 1 events 2\n", ERR_FORMAT},
		{"R 1 1 0x1000 8\n# end accesses 1 events 2\n", ERR_FORMAT},
		{"M 1 1 0 2 exit\n# end accesses 0 events 2\n", ERR_FORMAT}, /* number */
		{"M 1 1 0 1 frobnicate\n# end accesses 0 events 2\n", ERR_FORMAT},
		{"M 1 1 0 1 munmap 0x1000\n# end accesses 0 events 2\n", ERR_FORMAT},
		{"M 1 1 0 1 mmap 0x1000 4096 rw- private,anon 3 0\n# end accesses 0 events 2\n", ERR_FORMAT},
		{"M 1 1 0 1 mmap 0x1000 4096 rw- private,file -1 0\n# end accesses 0 events 2\n", ERR_FORMAT},
		{"M 1 1 0 1 mmap 0x1000 4096 wr- private,anon -1 0\n# end accesses 0 events 2\n", ERR_FORMAT},
		{"M 1 1 0 1 madvise 0x1000 4096 nonsense\n# end accesses 0 events 2\n", ERR_FORMAT},
		{"M 1 1 64 1 exit\n# end accesses 0 events 2\n", ERR_FORMAT},
		{"M 1 1 0 1 exit\n# end accesses 1 events 2\n", ERR_FORMAT}, /* counts */
		{"M 1 1 0 1 exit\n# end accesses 0 events 2\nS 2 more\n", ERR_FORMAT},
		{"M 1 1 0 1 exit\n", ERR_TRUNCATED},
		{"M 1 1 0 1 exit\n# end accesses 0 events 2", ERR_OK},
		{"M 1 1 0 1 exit\n# end accesses 0 ev", ERR_TRUNCATED},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[256];
		struct got *g;

		snprintf(text, sizeof text, "# memtrace 1\nM 1 1 0 0 spawn\n%s", bad[i].line);
		g = import("memtrace", "", text);
		ck_assert_msg(g->result == -(int)bad[i].code, "%s: %d %s", bad[i].line, g->result,
			      g->err.text);
		ck_assert_uint_ge(g->n, 3);
	}
}
END_TEST

/* ---- text ---- */

START_TEST(text_records)
{
	struct got *g = import("text", "", text_text);

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "7.7 process ppid=1 text=\"a \\\"b\\\" \\\\ \\x0a\"", "7.7 L 7ffe12345678 8 1",
	       "7.8 S 0 1 65535", "7.8 F ffffffffffffffff 4096 0", "7.7 sync after=0",
	       "7.7 mmap addr=0x1000 len=4096 prot=0x3 flags=0x22 fid=-1 off=0 result=-12 cpu=3 time=99",
	       "7.7 instr count=70000");
	ck_assert_str_eq(g->program, "p \"q\"");
	ck_assert(g->provenance.no_times && !g->provenance.no_sizes);
}
END_TEST

START_TEST(text_bad)
{
	static const char *const bad[] = {
		"1.1 L 10 0 1",          "1.1 L 10 5000 1",
		"1.1 L 10 8 65536",      "1.1 L 10 8",
		"1.1 Q 10 8 1",          "1 L 10 8 1",
		"1.1 nothing",           "1.1 mmap addr",
		"1.1 mmap x=1",          "1.1 mmap addr=z",
		"1.1 mark text=\"a",     "1.1 mark text=\"\\q\"",
		"1.1 mark text=a",       "1.1 munmap addr=1  len=2",
		"1.1 sync after=0",      "# end accesses 1 controls 0",
		"4294967296.1 L 10 8 1", "1.1 mark cpu=4294967296",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		import_bad("text", "", TEXTFORM_MAGIC "\n", bad[i], "\n# end accesses 0 controls 0\n");
	ck_assert_int_eq(import("text", "", "# something else\n")->result, -(int)ERR_FORMAT);
	ck_assert_int_eq(import("text", "", TEXTFORM_MAGIC "\n# provenance {\"a\n")->result,
			 -(int)ERR_FORMAT);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, lackey_records);
	tcase_add_test(t, lackey_without_instructions);
	tcase_add_test(t, lackey_blocks);
	tcase_add_test(t, lackey_no_fetches);
	tcase_add_test(t, lackey_large_access);
	tcase_add_test(t, lackey_system_calls);
	tcase_add_test(t, lackey_inferred_mappings);
	tcase_add_test(t, lackey_buffers);
	tcase_add_test(t, lackey_file_sizes);
	tcase_add_test(t, lackey_large_access_maps);
	tcase_add_test(t, lackey_bad_lines);
	tcase_add_test(t, options);
	tcase_add_test(t, course_records);
	tcase_add_test(t, memtrace_records);
	tcase_add_test(t, memtrace_bad);
	tcase_add_test(t, text_records);
	tcase_add_test(t, text_bad);
	return run_case("formats", t);
}
