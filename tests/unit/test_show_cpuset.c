/*
 * test_show_cpuset.c - sets below /sys/fs/cgroup, demotion and memory tiers.
 *
 * Two sets: web with a memory cgroup of the same name, db in it with CPUs past the first word. Processes 7
 * (web/db), 8 (web), 9 (none).
 */
#include "tests/show_fixture.h"
#include "tests/suite.h"

static const struct show_row rows[] = {
	{"cpuset/web", "id", 1},
	{"cpuset/web", "cpuset.mems", 0},
	{"cpuset/web", "cpuset.mems.effective", 3},
	{"cpuset/web", "cpuset.cpus", 13},
	{"cpuset/web", "cpuset.cpus.effective", 12},
	{"cpuset/web/db", "id", 2},
	{"cpuset/web/db", "cpuset.mems", INT64_MIN},
	{"cpuset/web/db", "cpuset.mems.effective", 2},
	{"cpuset/web/db", "cpuset.cpus", INT64_MIN},
	{"cpuset/web/db", "cpuset.cpus.64", 3},
	{"memcg/web", "id", 1},
	{"proc/P7", "VmSize", 400},
	{"proc/P7", "cpuset", 2},
	{"proc/P8", "VmSize", 500},
	{"proc/P8", "cpuset", 1},
	{"proc/P8", "memcg", 1},
	{"proc/P9", "VmSize", 600},
	{"proc/P9", "cpuset", 0},
	{"node/0", "numa_hit", 1},
	{"node/1", "numa_hit", 1},
	{"node/2", "numa_hit", 1},
	{"node/3", "numa_hit", 1},
	{"node/4", "numa_hit", 1},
	{"zone/0/DMA32", "managed", 100},
	{"zone/1/DMA32", "managed", 100},
	{"zone/2/Normal", "managed", 100},
	{"zone/3/Normal", "managed", 100},
};

static const struct show_param_row params[] = {
	{"topology.node_cpus", "1 1 0 0 0"},
	{"numa.adistance", "0 600 2880 1000 0"},
	{"numa.demotion_enabled", "true"},
};

static struct show s;
static char *dir;

static void set_up(void)
{
	struct err e = {0};

	s = show_fixture_load(&(struct show_fixture){.rows = rows,
						     .nr_rows = ARRAY_LEN(rows),
						     .params = params,
						     .nr_params = ARRAY_LEN(params),
						     .label = "here"});
	dir = fixture_path();
	ck_assert_msg(show_tree(&s, dir, &e) == 0, "%s", e.text);
}

static void tear_down(void)
{
	fixture_remove(dir);
	show_release(&s);
}

#define CGROUP "sys/fs/cgroup/"

START_TEST(files_of_sets)
{
	ck_assert_str_eq(tree_file(dir, CGROUP "web/cpuset.mems"), "\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/cpuset.mems.effective"), "0-1\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/cpuset.cpus"), "0,2-3\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/cpuset.cpus.effective"), "2-3\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/db/cpuset.mems"), "63\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/db/cpuset.cpus"), "63-65\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/db/cgroup.procs"), "7\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/cgroup.procs"), "8\n"); /* the memory cgroup's */
	ck_assert_str_eq(tree_file(dir, "proc/7/cpuset"), "/web/db\n");
	ck_assert_str_eq(tree_file(dir, "proc/8/cpuset"), "/web\n");
	ck_assert_str_eq(tree_file(dir, "proc/9/cpuset"), "/\n");
}
END_TEST

/* 576 and 600 are in the tier of 512 to 639, 1000 in that of 896, 2880 in that of 2816; node 4 has no memory.
 */
START_TEST(files_of_tiers)
{
	ck_assert_str_eq(tree_file(dir, "sys/kernel/mm/numa/demotion_enabled"), "true\n");
	ck_assert_str_eq(tree_file(dir, "sys/devices/virtual/memory_tiering/memory_tier4/nodelist"), "0-1\n");
	ck_assert_str_eq(tree_file(dir, "sys/devices/virtual/memory_tiering/memory_tier7/nodelist"), "3\n");
	ck_assert_str_eq(tree_file(dir, "sys/devices/virtual/memory_tiering/memory_tier22/nodelist"), "2\n");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("show_cpuset");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, files_of_sets);
	tcase_add_test(t, files_of_tiers);
	return run_case("show_cpuset", t);
}
