/*
 * test_writeback_groups.c - dirty pages of groups: limits, throttling and flushing by group.
 *
 * 256 MiB of memory; vm.dirty_ratio and vm.dirty_background_ratio are 20 and 10 as Linux has them. A disk of
 * 20 MB/s, so that writers are ahead of it.
 */
#include "tests/machine_fixture.h"
#include "tests/suite.h"

static struct bench bench, *const b = &bench;

#define MACHINE                                                                     \
	"topology.node_mem=256MiB", "topology.node_cpus=2", "disk.bandwidth_mb=20", \
		"replay.schedule=as-recorded"
#define CHUNK MIB(1)

static int64_t pages(const char *label, const char *counter)
{
	char name[64];

	snprintf(name, sizeof name, "memcg/%s", counter);
	return shot_value(bench_shot(b, label), name, "") / 4096;
}

/* mib MiB to a file of its own, a mark behind each. */
static void writes(uint32_t pid, unsigned mib, const char *name)
{
	char label[16];

	bench_thread(b, pid, pid);
	for (unsigned i = 0; i < mib; i++) {
		BENCH_CALL3(b, REC_WRITE, pid, i * CHUNK, CHUNK);
		snprintf(label, sizeof label, "%s%u", name, i);
		bench_mark(b, label);
	}
}

/* The most that a group had dirty or under write-back at any of n marks. */
static int64_t most(const char *name, unsigned n, const char *group)
{
	char label[16], dirty[32], writeback[32];
	int64_t v = 0;

	snprintf(dirty, sizeof dirty, "%s file_dirty", group);
	snprintf(writeback, sizeof writeback, "%s file_writeback", group);
	for (unsigned i = 0; i < n; i++) {
		snprintf(label, sizeof label, "%s%u", name, i);
		v = MAX_OF(v, pages(label, dirty) + pages(label, writeback));
	}
	return v;
}

/* A group of 32 MiB has at most a fifth of that dirty, whatever the machine could; one without a limit has
 * all that it wrote. */
START_TEST(a_limit_limits_dirty_pages)
{
	static const char *const max[] = {"memcg.max=32M", "memcg.max=max", "memcg.high=32M"};

	bench_open(b);
	bench_file(b, 1, MIB(64));
	writes(1, 16, "w");
	bench_run(b, MACHINE, max[_i], NULL);
	ck_assert_int_eq(b->rc, 0);
	if (_i == 1) {
		ck_assert_int_eq(pages("w15", "g0 file_dirty"), 16 * 256);
	} else {
		ck_assert_int_le(most("w", 16, "g0"), 8192 / 5);
		ck_assert_int_gt(most("w", 16, "g0"), 8192 / 10);
	}
	bench_close(b);
}
END_TEST

/* The group outside is the one that is full, and counts for those in it. */
START_TEST(the_outer_limit_counts)
{
	bench_open(b);
	bench_file(b, 1, MIB(64));
	writes(1, 16, "w");
	bench_run(b, MACHINE, "memcg.name=a a/x", "memcg.max=32M max", "memcg.of=1:a/x", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_le(most("w", 16, "a/x"), 8192 / 5);
	ck_assert_int_gt(most("w", 16, "a/x"), 8192 / 10);
	bench_close(b);
}
END_TEST

/* One group is made to write; what the other one has dirty stays so, and its writer never waits. */
START_TEST(neighbours_write_for_themselves)
{
	tick_t took;

	bench_open(b);
	bench_file(b, 1, MIB(64));
	bench_file(b, 2, MIB(64));
	writes(2, 4, "before");
	writes(1, 16, "w");
	writes(2, 4, "behind");
	bench_run(b, MACHINE, "memcg.max=32M 128M", "memcg.of=1:0 2:1", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_le(most("w", 16, "g0"), 8192 / 5);
	ck_assert_int_eq(pages("w15", "g1 file_dirty"), 4 * 256);
	/* the second time over the same pages */
	ck_assert_int_eq(pages("behind3", "g1 file_dirty"), 4 * 256);
	took = bench_shot(b, "behind3")->time - bench_shot(b, "behind0")->time;
	ck_assert_uint_lt(took, 3 * MIB(1) * UINT64_C(1000000) / 20); /* ps: less than the disk takes */
	bench_close(b);
}
END_TEST

/* fsync writes a file, whoever's it is; a file without dirty pages is counted by nobody. */
START_TEST(all_is_written)
{
	bench_open(b);
	bench_file(b, 1, MIB(64));
	writes(1, 2, "w");
	bench_thread(b, 2, 2);
	BENCH_CALL1(b, REC_FSYNC, 1);
	bench_mark(b, "synced");
	bench_run(b, MACHINE, "memcg.max=32M 32M", "memcg.of=1:0 2:1", NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(pages("w1", "g0 file_dirty"), 512);
	ck_assert_int_eq(pages("synced", "g0 file_dirty") + pages("synced", "g0 file_writeback"), 0);
	ck_assert_int_eq(pages("synced", "g0 file"), 512);
	bench_close(b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("writeback_groups");

	tcase_add_loop_test(t, a_limit_limits_dirty_pages, 0, 3);
	tcase_add_test(t, the_outer_limit_counts);
	tcase_add_test(t, neighbours_write_for_themselves);
	tcase_add_test(t, all_is_written);
	return run_case("writeback_groups", t);
}
