/*
 * test_strace.c - the importer of strace logs: records of small logs of every shape, calls that are torn
 * apart, files and descriptors, bad lines.
 */
#include "tests/suite.h"
#include "tests/unit/formats_support.h"

START_TEST(memory)
{
	struct got *g = import(
		"strace", "",
		"execve(\"./p\", [\"./p\", \"x, (y\"], 0x7ffd26073060 /* 37 vars */) = 0\n"
		"brk(NULL)         = 0x5000000\n"
		"mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fbd8f09a000\n"
		"mmap(0x10000, 4096, PROT_NONE, "
		"MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, "
		"-1, 0) = -1 ENOMEM (Cannot allocate memory)\n"
		"brk(0x5021000)    = 0x5021000\n"
		"mremap(0x7fbd8f09a000, 8192, 16384, MREMAP_MAYMOVE) = 0x7fbd8f000000\n"
		"madvise(0x7fbd8f000000, 4096, MADV_DONTNEED) = 0\n"
		"mprotect(0x5020000, 8192, PROT_READ) = 0\n"
		"mlock2(0x7fbd8f000000, 4096, MLOCK_ONFAULT) = 0\n"
		"mlockall(MCL_CURRENT|MCL_FUTURE) = 0\n"
		"mbind(0x7fbd8f000000, 4096, MPOL_BIND|MPOL_F_STATIC_NODES, [0x0000000000000005], 65, "
		"MPOL_MF_MOVE) = 0\n"
		"set_mempolicy(MPOL_INTERLEAVE, [0x3], 65) = 0\n"
		"set_mempolicy(MPOL_DEFAULT, NULL, 0) = 0\n"
		"msync(0x7fbd8f000000, 4096, MS_SYNC) = 0\n"
		"munmap(0x7fbd8f000000, 16384) = 0\n"
		"sched_setaffinity(0, 128, [0 2]) = 0\n"
		"clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=1, tv_nsec=5}, NULL) = 0\n"
		"getpid() = 17\n"
		"exit_group(3)     = ?\n"
		"+++ exited with 3 +++\n");

	ck_assert_str_eq(g->err.text, "");
	ck_assert_str_eq(g->program, "./p");
	ck_assert_str_eq(g->arguments, "[\"./p\", \"x, (y\"]");
	ck_assert(g->provenance.no_times && g->provenance.no_fetches);
	EXPECT(g, "1.1 process ppid=0 text=\"./p\"", "1.1 exec text=\"./p\"",
	       "1.1 brk addr=0x0 result=0x5000000",
	       "1.1 mmap addr=0x0 len=8192 prot=0x3 flags=0x22 fid=-1 off=0 result=0x7fbd8f09a000",
	       "1.1 mmap addr=0x10000 len=4096 prot=0x0 flags=0x54040032 fid=-1 off=0 result=-12",
	       "1.1 brk addr=0x5021000 result=0x5021000",
	       "1.1 mremap old=0x7fbd8f09a000 old_len=8192 new_len=16384 flags=0x1 new=0x0 "
	       "result=0x7fbd8f000000",
	       "1.1 madvise addr=0x7fbd8f000000 len=4096 advice=4",
	       /* the second page of the range is in no mapping */
	       "1.1 mapping addr=0x5021000 len=4096 prot=0x7 flags=0x22 fid=-1 off=0",
	       "1.1 mprotect addr=0x5020000 len=8192 prot=0x1",
	       "1.1 mlock addr=0x7fbd8f000000 len=4096 flags=0x1", "1.1 mlockall flags=0x3",
	       "1.1 mbind addr=0x7fbd8f000000 len=4096 mode=0x8002 mask=0x5 maxnode=65 flags=0x2",
	       "1.1 set_mempolicy mode=0x3 mask=0x3 maxnode=65",
	       "1.1 set_mempolicy mode=0x0 mask=0x0 maxnode=0",
	       "1.1 msync addr=0x7fbd8f000000 len=4096 flags=0x4", "1.1 munmap addr=0x7fbd8f000000 len=16384",
	       "1.1 affinity mask=0x5", "1.1 sleep ns=1000000005", "1.1 exit_group status=3");
}
END_TEST

START_TEST(files)
{
	struct got *g =
		import("strace", "",
		       "openat(AT_FDCWD, \"/a, b\", O_RDONLY|O_CLOEXEC) = 3</a, b>\n"
		       "read(3</a, b>, \"\\177ELF(\\\"\"..., 832) = 832\n"
		       "newfstatat(3, \"\", {st_mode=S_IFREG|0644, st_size=5000, ...}, AT_EMPTY_PATH) = 0\n"
		       "pread64(3, \"x\", 100, 64) = 100\n"
		       "dup(3) = 4\n"
		       "lseek(3, 1000, SEEK_SET) = 1000\n"
		       "readv(4, [{iov_base=\"a\", iov_len=1}, {iov_base=\"bc\", iov_len=2}], 2) = 3\n"
		       "mmap(NULL, 8192, PROT_READ, MAP_SHARED, 3, 0x1000) = 0x7f0000000000\n"
		       "close(3) = 0\n"
		       "read(3, \"\", 10) = 10\n"
		       "open(\"/new\", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3\n"
		       "write(3, \"abc\", 3) = 3\n"
		       "write(3, \"abc\", 3) = -1 EAGAIN (Resource temporarily unavailable)\n"
		       "fsync(3) = 0\n"
		       "fadvise64(3, 0, 0, POSIX_FADV_DONTNEED) = 0\n"
		       "ftruncate(3, 100) = 0\n"
		       "open(\"/new\", O_WRONLY|O_APPEND) = 5\n"
		       "write(5, \"Z\", 1) = 1\n"
		       "sendfile(5, 4, NULL, 2000) = 2000\n"
		       "copy_file_range(4, [100], 3, [7], 5, 0) = 5\n"
		       "openat(AT_FDCWD, \"/proc/self/oom_score_adj\", O_WRONLY) = 6\n"
		       "write(6, \"-500\\n\", 5) = 5\n"
		       "openat(AT_FDCWD, \"/dev/null\", O_WRONLY) = 7\n"
		       "write(7, \"x\", 1) = 1\n"
		       "unlink(\"/new\") = 0\n"
		       "close(5) = 0\n"
		       "close(3) = 0\n"
		       "open(\"/new\", O_RDONLY) = 3\n"
		       "read(3, \"\", 4096) = 0\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 process ppid=0", "1.1 file fid=0 size=832 flags=0x0 text=\"/a, b\"",
	       "1.1 read fid=0 off=0 len=832 buf=0x0 result=832", "1.1 truncate fid=0 size=5000",
	       "1.1 read fid=0 off=64 len=100 buf=0x0 result=100",
	       "1.1 read fid=0 off=1000 len=3 buf=0x0 result=3",
	       "1.1 mmap addr=0x0 len=8192 prot=0x1 flags=0x1 fid=0 off=4096 result=0x7f0000000000",
	       "1.1 file fid=1 size=0 flags=0x1 text=\"/new\"",
	       "1.1 write fid=1 off=0 len=3 buf=0x0 result=3", "1.1 fsync fid=1",
	       "1.1 fadvise fid=1 off=0 len=0 advice=4", "1.1 truncate fid=1 size=100",
	       /* at the end, as O_APPEND wants */
	       "1.1 write fid=1 off=100 len=1 buf=0x0 result=1",
	       "1.1 read fid=0 off=1003 len=2000 buf=0x0 result=2000",
	       "1.1 write fid=1 off=101 len=2000 buf=0x0 result=2000",
	       "1.1 read fid=0 off=100 len=5 buf=0x0 result=5",
	       "1.1 write fid=1 off=7 len=5 buf=0x0 result=5", "1.1 oom_score_adj adj=18446744073709551116",
	       /* gone with its last descriptor; the name stands for another file then */
	       "1.1 truncate fid=1 size=0", "1.1 file fid=2 size=0 flags=0x0 text=\"/new\"",
	       "1.1 read fid=2 off=0 len=4096 buf=0x0");
}
END_TEST

/* Threads share descriptors, a child has a copy; a position is shared by all of them. */
START_TEST(tasks)
{
	struct got *g = import(
		"strace", "",
		"100  10:00:00.000001 execve(\"/b\", [\"b\"], 0x7f /* 1 var */) = 0\n"
		"100  10:00:00.000002 openat(AT_FDCWD, \"f\", O_RDWR) = 3\n"
		"100  10:00:00.000003 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_FILES, child_tid=0x7} => "
		"{parent_tid=[101]}, 88) = 101\n"
		"101  10:00:00.000004 read(3, \"ab\", 2) = 2\n"
		"100  10:00:00.000005 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD <unfinished "
		"...>\n"
		"102  10:00:00.000006 read(3,  <unfinished ...>\n"
		"100  10:00:00.000007 <... clone resumed>, child_tidptr=0x7) = 102\n"
		"102  10:00:00.000008 <... read resumed>\"cd\", 2) = 2\n"
		"101  10:00:00.000009 exit(0)           = ?\n"
		"101  10:00:00.000010 +++ exited with 0 +++\n"
		"102  10:00:00.000011 close(3)         = 0\n"
		"102  10:00:00.000012 execve(\"/c\", [\"c\"], 0x7f /* 1 var */) = 0\n"
		"100  10:00:00.000013 --- SIGCHLD {si_signo=SIGCHLD} ---\n"
		"100  10:00:00.000014 read(3, \"ef\", 2) = 2\n"
		"102  10:00:00.000015 +++ killed by SIGKILL +++\n"
		"100  10:00:00.000016 wait4(-1,  <unfinished ...>) = ?\n"
		"103  10:00:01.000001 brk(NULL) = 0x5000\n"
		"100  10:00:01.000002 exit_group(0) = ?\n"
		"100  10:00:01.000003 +++ exited with 0 +++\n");

	ck_assert_str_eq(g->err.text, "");
	ck_assert(!g->provenance.no_times);
	EXPECT(g, "100.100 process ppid=0 text=\"/b\"", "100.100 exec text=\"/b\"",
	       "100.100 clone child_tid=101 result=101 time=2000",
	       "100.101 file fid=0 size=2 flags=0x0 time=3000 text=\"f\"",
	       "100.101 read fid=0 off=0 len=2 buf=0x0 result=2 time=3000",
	       /* in front of the child's first line */
	       "100.100 fork child_pid=102 child_tid=102 result=102 time=5000",
	       "102.102 truncate fid=0 size=4 time=7000",
	       "102.102 read fid=0 off=2 len=2 buf=0x0 result=2 time=7000", "100.101 exit status=0 time=8000",
	       "102.102 exec time=11000 text=\"/c\"", "100.100 truncate fid=0 size=6 time=13000",
	       "100.100 read fid=0 off=4 len=2 buf=0x0 result=2 time=13000",
	       "102.102 exit_group status=0 time=14000",
	       /* attached later */
	       "103.103 process ppid=0 time=1000000000", "103.103 brk addr=0x0 result=0x5000 time=1000000000",
	       "100.100 exit_group status=0 time=1000001000");
}
END_TEST

/* What a child of vfork maps, its parent may protect: no mapping is written in front. */
START_TEST(a_child_in_its_parent_s_memory)
{
	struct got *g = import(
		"strace", "",
		"100  10:00:00.000001 execve(\"/b\", [\"b\"], 0x7f /* 1 var */) = 0\n"
		"100  10:00:00.000002 vfork( <unfinished ...>\n"
		"101  10:00:00.000003 mmap(0x10000, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, "
		"-1, 0) = "
		"0x10000\n"
		"101  10:00:00.000004 execve(\"/c\", [\"c\"], 0x7f /* 1 var */) = 0\n"
		"100  10:00:00.000005 <... vfork resumed>) = 101\n"
		"100  10:00:00.000006 mprotect(0x10000, 4096, PROT_NONE) = 0\n"
		"100  10:00:00.000007 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_VFORK|SIGCHLD) = 102\n"
		"100  10:00:00.000008 exit_group(0) = ?\n");

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "100.100 process ppid=0 text=\"/b\"", "100.100 exec text=\"/b\"",
	       "100.100 fork child_pid=101 child_tid=101 vm=1 result=101 time=2000",
	       "101.101 mmap addr=0x10000 len=4096 prot=0x1 flags=0x32 fid=-1 off=0 result=0x10000 time=2000",
	       "101.101 exec time=3000 text=\"/c\"",
	       "100.100 mprotect addr=0x10000 len=4096 prot=0x0 time=5000",
	       "100.100 fork child_pid=102 child_tid=102 vm=1 result=102 time=6000",
	       "100.100 exit_group status=0 time=7000");
}
END_TEST

/* The same two lines in the clothes of strace's options. */
START_TEST(prefixes)
{
	static const struct {
		const char *first, *second, *time;
	} kinds[] = {
		{"", "", ""},
		{"10:00:00 ", "10:00:02 ", " time=2000000000"},
		{"23:59:59.5 ", "00:00:01.5 ", " time=2000000000"},
		{"1700000000.000001 ", "1700000000.000003 ", " time=2000"},
		{"     0.000000 ", "     0.000123 ", " time=123000"},
		{"[pid  1] ", "[pid     1] ", ""},
		{"1     10:00:00 ", "1     10:00:01 ", " time=1000000000"},
		{"[00007f3a2b] ", "[00007f3a2b] ", ""},
		{"[  12] ", "[  11] ", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		char text[256], expected[128];
		struct got *g;

		snprintf(text, sizeof text,
			 "%sbrk(NULL) = 0x5000 <0.000012>\nstrace: Process 5 attached\n > /lib/x(y+0x1) "
			 "[0x2]\n"
			 "%smunmap(0x1000, 4096) = 0 <0.1>\n",
			 kinds[i].first, kinds[i].second);
		snprintf(expected, sizeof expected, "1.1 munmap addr=0x1000 len=4096%s", kinds[i].time);
		g = import("strace", "", text);
		ck_assert_msg(!g->result, "%s: %s", kinds[i].first, g->err.text);
		ck_assert_uint_eq(g->n, 3);
		ck_assert_str_eq(g->line[2], expected);
	}
}
END_TEST

START_TEST(bad_lines)
{
	static const char *const bad[] = {
		"munmap(0x1000, 4096)\n",
		"munmap(0x1000, 4096 = 0\n",
		"munmap(0x1000) = 0\n",
		"munmap(0x1000, x) = 0\n",
		"mmap(NULL, 8192, PROT_READ|PROT_STRANGE, MAP_PRIVATE, -1, 0) = 0x1000\n",
		"mmap(NULL, 8192) = 0x1000\n",
		"madvise(0x1000, 4096, MADV_STRANGE) = 0\n",
		"mbind(0x1000, 4096, MPOL_BIND, 7, 65, 0) = 0\n",
		"hello\n",
		"<... read\n",
		"read(3, \"abc, 3) = 3\n",
		"UPPER(1) = 0\n",
		"(1) = 0\n",
		"\x01\x02\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_uint_eq(
			import_bad("strace", "", "brk(NULL) = 0x5000\n", bad[i], "brk(NULL) = 0x5000\n")->n,
			2);
	ck_assert_int_eq(import("strace", "", "brk(NULL) = 0x50")->result, -(int)ERR_TRUNCATED);
}
END_TEST

/* A name that is created and removed 20000 times takes no time that grows with the times. */
START_TEST(many_files)
{
	const struct importer_ops *ops = importer_find("strace");
	struct importer *im;
	struct err e = {0};
	struct batch b;
	FILE *f = fopen(path, "w");
	uint64_t declared = 0;

	for (unsigned i = 0; i < 20000; i++)
		fputs("open(\"t\", O_RDWR|O_CREAT|O_EXCL, 0600) = 3\nwrite(3, \"a\", 1) = 1\n"
		      "rename(\"t\", \"u\") = 0\nclose(3) = 0\nunlink(\"u\") = 0\n",
		      f);
	fclose(f);
	ck_assert_int_eq(importer_open(&im, ops, path, "", &e), 0);
	while (ops->next(im, &b, &e) > 0)
		declared += b.control && b.control->op == REC_FILE;
	ck_assert_str_eq(e.text, "");
	ck_assert_uint_eq(declared, 20000);
	ops->close(im);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, memory);
	tcase_add_test(t, files);
	tcase_add_test(t, tasks);
	tcase_add_test(t, a_child_in_its_parent_s_memory);
	tcase_add_test(t, prefixes);
	tcase_add_test(t, bad_lines);
	tcase_add_test(t, many_files);
	return run_case("strace", t);
}
