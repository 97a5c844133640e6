/*
 * test_rename.c - numbers of processes, threads and files of merged traces.
 */
#include "traces/inspect/rename.h"

#include <check.h>

#include "tests/suite.h"

static struct rename r;
static struct rename_input a, b;

static void begin(bool share_files)
{
	rename_init(&r, share_files);
	rename_input_init(&a, 0);
	rename_input_init(&b, 1);
}

static void end(void)
{
	rename_input_release(&a);
	rename_input_release(&b);
	rename_release(&r);
}

START_TEST(ids)
{
	begin(false);
	ck_assert_uint_eq(rename_id(&r, &a, 1), 1);
	ck_assert_uint_eq(rename_id(&r, &a, 7), 7);
	ck_assert_uint_eq(rename_id(&r, &b, 9), 9);
	ck_assert_uint_eq(rename_id(&r, &b, 1), 10); /* behind the largest */
	ck_assert_uint_eq(rename_id(&r, &b, 7), 11);
	ck_assert_uint_eq(rename_id(&r, &a, 10), 12); /* taken meanwhile */
	ck_assert_uint_eq(rename_id(&r, &a, 1), 1);
	ck_assert_uint_eq(rename_id(&r, &b, 1), 10);
	ck_assert_uint_eq(rename_id(&r, &a, 0), 0);
	ck_assert_uint_eq(rename_id(&r, &b, 0), 0);
	ck_assert_uint_eq(rename_id(&r, &a, UINT32_MAX), UINT32_MAX);
	end();
}
END_TEST

START_TEST(controls)
{
	struct control fork_a = {.op = REC_FORK, .pid = 1, .tid = 1, .arg = {2, 2}};
	struct control fork_b = fork_a;
	struct control process = {.op = REC_PROCESS, .pid = 1, .tid = 1, .arg = {0}};
	struct control mmap = {.op = REC_MMAP, .pid = 1, .tid = 1, .arg = {1, 2, 3, 4, FID_NONE, 6}};

	begin(false);
	ck_assert(rename_control(&r, &a, &fork_a));
	ck_assert(rename_control(&r, &b, &fork_b));
	ck_assert_uint_eq(fork_a.arg[0], 2);
	ck_assert_uint_eq(fork_a.arg[1], 2);
	ck_assert_uint_eq(fork_b.pid, 3);
	ck_assert_uint_eq(fork_b.tid, 3);
	ck_assert_uint_eq(fork_b.arg[0], 4);
	ck_assert_uint_eq(fork_b.arg[1], 4);
	ck_assert(rename_control(&r, &b, &process));
	ck_assert_uint_eq(process.pid, 3);
	ck_assert_uint_eq(process.arg[0], 0);
	ck_assert(rename_control(&r, &b, &mmap));
	ck_assert_uint_eq(mmap.arg[0], 1);
	ck_assert_uint_eq(mmap.arg[4], FID_NONE);
	end();
}
END_TEST

static struct control declare(uint64_t fid, uint64_t size, const char *path)
{
	return (struct control){.op = REC_FILE, .arg = {fid, size, 0}, .text = path};
}

static uint64_t read_of(struct rename_input *in, uint64_t fid)
{
	struct control c = {.op = REC_READ, .pid = 1, .tid = 1, .arg = {fid, 0, 10, 0}};

	ck_assert(rename_control(&r, in, &c));
	return c.arg[0];
}

START_TEST(files_apart)
{
	struct control c = declare(5, 100, "/x"), d = declare(5, 300, "/x");

	begin(false);
	ck_assert(rename_control(&r, &a, &c));
	ck_assert(rename_control(&r, &b, &d));
	ck_assert_int_eq(d.op, REC_FILE);
	ck_assert_uint_eq(read_of(&a, 5), 0);
	ck_assert_uint_eq(read_of(&b, 5), 1);
	ck_assert_uint_eq(read_of(&b, 99), 2); /* never declared */
	end();
}
END_TEST

/* The second declaration goes, or lets the file grow when it says that it is larger. */
START_TEST(files_shared)
{
	struct control c = declare(5, 100, "/x"), same = declare(8, 100, "/x"), other = declare(9, 7, "/y");
	struct control larger = declare(3, 300, "/x"), unnamed = declare(4, 1, NULL);

	begin(true);
	ck_assert(rename_control(&r, &a, &c));
	ck_assert(!rename_control(&r, &b, &same));
	ck_assert(rename_control(&r, &b, &other));
	ck_assert_uint_eq(read_of(&b, 8), read_of(&a, 5));
	ck_assert_uint_eq(other.arg[0], 1);
	ck_assert(rename_control(&r, &b, &larger));
	ck_assert_int_eq(larger.op, REC_TRUNCATE);
	ck_assert_uint_eq(larger.arg[0], read_of(&a, 5));
	ck_assert_uint_eq(larger.arg[1], 300);
	ck_assert_ptr_null(larger.text);
	ck_assert(rename_control(&r, &b, &unnamed));
	ck_assert_uint_eq(unnamed.arg[0], 2);
	end();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, ids);
	tcase_add_test(t, controls);
	tcase_add_test(t, files_apart);
	tcase_add_test(t, files_shared);
	return run_case("rename", t);
}
