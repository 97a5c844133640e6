/*
 * test_calls.c - system calls as the recorder's plugin tells them, to control records.
 */
#include "traces/recorder/calls.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/suite.h"

static struct recorded_files files;
static struct control out[CALL_RECORDS];
static uint64_t words[RAW_WORDS_MAX];
static struct raw_call *const call = (void *)words;
static uint64_t *call_data = words + sizeof(struct raw_call) / 8;

static void setup(void)
{
	bool is_new;

	files_init(&files);
	ck_assert_uint_eq(files_declare(&files, 8, 100, 5000, "/data/a", false, &is_new), 0);
	ck_assert(is_new);
	ck_assert_uint_eq(files_declare(&files, 8, 101, 0, "/data/b", true, &is_new), 1);
	ck_assert_uint_eq(files_declare(&files, 9, 100, 0, "/proc/self/oom_score_adj", false, &is_new), 2);
	ck_assert(!is_new);
	ck_assert_uint_eq(files_declare(&files, 8, 100, 5000, "/data/a", false, &is_new), 0);
	ck_assert(!is_new);
}

static void teardown(void)
{
	files_release(&files);
}

/* Begins a call on the file with this inode of device 8 (0: none). */
static void begin(uint32_t number, int64_t result, uint64_t ino)
{
	memset(words, 0, sizeof words);
	*call = (struct raw_call){.number = number, .cpu = 3, .time_ns = 77, .result = result};
	call->dev = 8;
	call->ino = ino;
	call->size = ino == 100 ? 5000 : 0;
}

static size_t convert(void)
{
	return call_records(&files, words, out);
}

static void expect(size_t i, enum record_op op, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	ck_assert_int_eq(out[i].op, op);
	ck_assert_uint_eq(out[i].arg[0], a0);
	ck_assert_uint_eq(out[i].arg[1], a1);
	ck_assert_uint_eq(out[i].arg[2], a2);
	ck_assert_uint_eq(out[i].arg[3], a3);
}

START_TEST(plain)
{
	begin(SYS_mremap, 0x5000, 0);
	memcpy(call->arg, (uint64_t[]){0x1000, 0x2000, 0x3000, MREMAP_MAYMOVE, 0, 9}, 48);
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_MREMAP, 0x1000, 0x2000, 0x3000, MREMAP_MAYMOVE);
	ck_assert_uint_eq(out[0].arg[5], 0);
	ck_assert_int_eq(out[0].result, 0x5000);
	ck_assert_int_eq(out[0].cpu, 3);
	ck_assert_uint_eq(out[0].time_ns, 77);
	begin(SYS_mlock, 0, 0);
	memcpy(call->arg, (uint64_t[]){0x1000, 0x2000, 0x3333}, 24);
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_MLOCK, 0x1000, 0x2000, 0, 0);
	begin(9999, -ENOSYS, 0);
	memcpy(call->arg, (uint64_t[]){1, 2, 3, 4, 5, 6}, 48);
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_OTHER, 9999, 1, 2, 3);
	ck_assert_int_eq(out[0].result, -ENOSYS);
}
END_TEST

START_TEST(reads_and_writes)
{
	begin(SYS_read, 1000, 100);
	memcpy(call->arg, (uint64_t[]){3, 0xbeef000, 4096}, 24);
	call->position = 3000;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_READ, 0, 2000, 1000, 0xbeef000);
	begin(SYS_pread64, 10, 100);
	memcpy(call->arg, (uint64_t[]){3, 0xbeef000, 10, 4000}, 32);
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_READ, 0, 4000, 10, 0xbeef000);
	begin(SYS_write, 8192, 101); /* grows by itself: no TRUNCATE */
	memcpy(call->arg, (uint64_t[]){4, 0xbeef000, 8192}, 24);
	call->position = call->size = 8192;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_WRITE, 1, 0, 8192, 0xbeef000);
	begin(SYS_read, 0, 101); /* someone else made it larger */
	call->size = 9000;
	ck_assert_uint_eq(convert(), 2);
	expect(0, REC_TRUNCATE, 1, 9000, 0, 0);
	expect(1, REC_READ, 1, 0, 0, 0);
	begin(SYS_read, -EINTR, 100);
	ck_assert_uint_eq(convert(), 1);
	ck_assert_int_eq(out[0].op, REC_OTHER);
	begin(SYS_read, 7, 0); /* a pipe */
	ck_assert_uint_eq(convert(), 1);
	ck_assert_int_eq(out[0].op, REC_OTHER);
}
END_TEST

START_TEST(vectors)
{
	begin(SYS_preadv, 700, 100);
	memcpy(call->arg, (uint64_t[]){3, 0, 3, 4000}, 32);
	call->nr_data = 6;
	memcpy(call_data, (uint64_t[]){0xa000, 500, 0xb000, 0, 0xc000, 500}, 48);
	ck_assert_uint_eq(convert(), 2);
	expect(0, REC_READ, 0, 4000, 500, 0xa000);
	expect(1, REC_READ, 0, 4500, 200, 0xc000);
	begin(SYS_writev, 5000, 100); /* more parts than were told */
	call->position = 5000;
	call->nr_data = 2;
	memcpy(call_data, (uint64_t[]){0xa000, 4096}, 16);
	ck_assert_uint_eq(convert(), 2);
	expect(0, REC_WRITE, 0, 0, 4096, 0xa000);
	expect(1, REC_WRITE, 0, 4096, 904, 0);
	begin(SYS_readv, 4999, 100); /* the most that can come: all parts, the rest, the size */
	call->position = call->size = 6000;
	call->nr_data = 32;
	for (size_t i = 0; i < 16; i++)
		memcpy(call_data + 2 * i, (uint64_t[]){0xa000 + i, 10}, 16);
	ck_assert_uint_eq(convert(), 18);
}
END_TEST

START_TEST(mappings)
{
	begin(SYS_mmap, 0x7000, 100);
	memcpy(call->arg, (uint64_t[]){0, 8192, PROT_READ, MAP_PRIVATE, 3, 4096}, 48);
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_MMAP, 0, 8192, PROT_READ, MAP_PRIVATE);
	ck_assert_uint_eq(out[0].arg[4], 0);
	ck_assert_uint_eq(out[0].arg[5], 4096);
	begin(SYS_mmap, 0x7000, 0); /* /dev/zero */
	memcpy(call->arg, (uint64_t[]){0, 8192, PROT_READ, MAP_PRIVATE, 3, 4096}, 48);
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_MMAP, 0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
	ck_assert_uint_eq(out[0].arg[4], FID_NONE);
	ck_assert_uint_eq(out[0].arg[5], 0);
	begin(SYS_shmat, 0x9000, 5);
	call->dev = 0x53595356;
	call->size = call_data[0] = 5000;
	ck_assert_uint_eq(convert(), 2);
	ck_assert_int_eq(out[0].op, REC_FILE);
	expect(1, REC_MMAP, 0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED);
	ck_assert_uint_eq(out[1].arg[4], out[0].arg[0]);
	begin(SYS_shmdt, 0, 0);
	call->arg[0] = 0x9000;
	call_data[0] = 5000;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_MUNMAP, 0x9000, 8192, 0, 0);
}
END_TEST

START_TEST(processes)
{
	begin(SYS_clone, 55, 0);
	call->arg[0] = CLONE_VM | CLONE_THREAD;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_CLONE, 55, 0, 0, 0);
	begin(SYS_clone, 56, 0); /* posix_spawn; the emulator makes it a fork */
	call->arg[0] = CLONE_VM | CLONE_VFORK;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_FORK, 56, 56, 1, 0);
	begin(SYS_vfork, 57, 0);
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_FORK, 57, 57, 1, 0);
	begin(SYS_clone, 58, 0); /* fork of the C library */
	call->arg[0] = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_FORK, 58, 58, 0, 0);
	begin(SYS_fork, -EAGAIN, 0);
	ck_assert_uint_eq(convert(), 1);
	ck_assert_int_eq(out[0].op, REC_OTHER);
	begin(SYS_exit_group, 0, 0);
	call->arg[0] = 3;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_EXIT_GROUP, 3, 0, 0, 0);
	begin(SYS_sched_setaffinity, 0, 0);
	call_data[0] = 6;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_AFFINITY, 6, 0, 0, 0);
	call->arg[0] = 1234; /* another one's */
	ck_assert_uint_eq(convert(), 1);
	ck_assert_int_eq(out[0].op, REC_OTHER);
	begin(SYS_nanosleep, 0, 0);
	call_data[0] = 1500;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_SLEEP, 1500, 0, 0, 0);
}
END_TEST

/* The emulator refuses them; the replay does not. */
START_TEST(policies)
{
	begin(SYS_mbind, -ENOSYS, 0);
	memcpy(call->arg, (uint64_t[]){0x1000, 0x2000, 3, 0xdead, 64, 1}, 48);
	call_data[0] = 5;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_MBIND, 0x1000, 0x2000, 3, 5);
	ck_assert_uint_eq(out[0].arg[4], 64);
	ck_assert_uint_eq(out[0].arg[5], 1);
	ck_assert_int_eq(out[0].result, 0);
	begin(SYS_set_mempolicy, -EINVAL, 0);
	memcpy(call->arg, (uint64_t[]){2, 0xdead, 64}, 24);
	call_data[0] = 1;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_SET_MEMPOLICY, 2, 1, 64, 0);
	ck_assert_int_eq(out[0].result, -EINVAL);
}
END_TEST

START_TEST(file_calls)
{
	begin(SYS_fadvise64, 0, 100);
	memcpy(call->arg, (uint64_t[]){3, 10, 20, 4}, 32);
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_FADVISE, 0, 10, 20, 4);
	begin(SYS_ftruncate, 0, 100);
	call->size = 70;
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_TRUNCATE, 0, 70, 0, 0);
	begin(SYS_openat, 3, 100); /* O_TRUNC */
	call->size = 0;
	ck_assert_uint_eq(convert(), 2);
	ck_assert_int_eq(out[0].op, REC_OTHER);
	expect(1, REC_TRUNCATE, 0, 0, 0, 0);
	begin(SYS_write, 4, 100);
	call->dev = 9;
	call->nr_data = 4;
	memcpy(call_data, "-250", 4);
	ck_assert_uint_eq(convert(), 1);
	expect(0, REC_OOM_SCORE_ADJ, (uint64_t)-250, 0, 0, 0);
	begin(SYS_sendfile, 100, 100);
	call->position = 300;
	call->nr_data = 4;
	memcpy(call_data, (uint64_t[]){8, 101, 100, 100}, 32);
	call->size = 5000;
	ck_assert_uint_eq(convert(), 2);
	expect(0, REC_READ, 0, 200, 100, 0);
	expect(1, REC_WRITE, 1, 0, 100, 0);
}
END_TEST

/* A new file may get the inode number of one that was removed. */
START_TEST(an_inode_again)
{
	bool is_new;

	ck_assert_uint_eq(files_declare(&files, 8, 100, 0, "/data/new", true, &is_new), 3);
	ck_assert(is_new);
	ck_assert_uint_eq(files_find(&files, 8, 100), 3);
	ck_assert_uint_eq(files_declare(&files, 8, 100, 10, "/data/renamed", false, &is_new), 3);
	ck_assert(!is_new);
	ck_assert_uint_eq(files_find(&files, 8, 102), FID_NONE);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("calls");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, plain);
	tcase_add_test(t, reads_and_writes);
	tcase_add_test(t, vectors);
	tcase_add_test(t, mappings);
	tcase_add_test(t, processes);
	tcase_add_test(t, policies);
	tcase_add_test(t, file_calls);
	tcase_add_test(t, an_inode_again);
	return run_case("calls", t);
}
