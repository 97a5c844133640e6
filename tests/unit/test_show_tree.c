/*
 * test_show_tree.c - files of a tree that are no format of their own: CPUs, memory blocks, sysctls,
 * processes; and what is printed of a damaged store.
 *
 * Two nodes with 2 CPUs and 1 CPU; process 7 had its pid twice.
 */
#include "tests/show_fixture.h"

#include <sys/stat.h>

#include "tests/suite.h"

static const struct show_row rows[] = {
	{"node/0", "numa_hit", 1},
	{"node/1", "numa_hit", 2},
	{"meminfo", "MemTotal", 4194304}, /* 4 GiB */
	{"meminfo", "SwapTotal", 1048576},
	{"sysctl", "min_free_kbytes", 6789},
	{"zone/0/DMA32", "present", 32768},
	{"zone/0/DMA32", "managed", 32000},
	{"zone/0/DMA32", "spanned", 32768},
	{"zone/1/DMA32", "present", 65536},
	{"zone/1/DMA32", "managed", 64000},
	{"zone/1/DMA32", "spanned", 65536},
	{"zone/1/DMA32", "start_pfn", 40960}, /* 160 MiB, to 416 MiB */
	{"proc/P7", "VmSize", 4},
	{"proc/P7.2", "VmSize", 4096},
	{"proc/P7.2", "VmRSS", 2048},
	{"proc/P7.2", "VmPTE", 40},
	{"proc/P7.2", "VmSwap", 8},
	{"proc/P7.2", "oom_score_adj", 500},
	{"comm/P7", "before", 7},
	{"comm/P7.2", "a-program-with-a-long-name", 7},
	{"proc/P9", "threads", 0},
};

static struct show s;

static void set_up(void)
{
	s = show_fixture_load(&(struct show_fixture){.rows = rows,
						     .nr_rows = ARRAY_LEN(rows),
						     .params = show_fixture_params,
						     .nr_params = ARRAY_LEN(show_fixture_params),
						     .label = "here"});
}

static void tear_down(void)
{
	show_release(&s);
}

static bool exists(const char *dir, const char *name)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return stat(path, &st) == 0;
}

#define CPU    "sys/devices/system/cpu/"
#define MEMORY "sys/devices/system/memory/"

START_TEST(test_tree)
{
	char *dir = fixture_path();
	struct err e = {0};

	ck_assert_msg(show_tree(&s, dir, &e) == 0, "%s", e.text);
	ck_assert_msg(show_tree(&s, dir, &e) == 0, "%s", e.text); /* over itself */
	ck_assert_str_eq(tree_file(dir, CPU "online"), "0-2\n");
	ck_assert_str_eq(tree_file(dir, CPU "offline"), "\n");
	ck_assert_str_eq(tree_file(dir, CPU "cpu1/topology/core_id"), "1\n");
	ck_assert_str_eq(tree_file(dir, CPU "cpu2/topology/core_id"), "0\n");
	ck_assert_str_eq(tree_file(dir, CPU "cpu2/topology/physical_package_id"), "1\n");
	ck_assert_str_eq(tree_file(dir, CPU "cpu1/topology/core_siblings"), "3\n");
	ck_assert_str_eq(tree_file(dir, CPU "cpu1/topology/core_siblings_list"), "0-1\n");
	ck_assert_str_eq(tree_file(dir, CPU "cpu1/topology/thread_siblings"), "2\n");
	ck_assert_str_eq(tree_file(dir, CPU "cpu1/cache/index0/size"), "48K\n");
	ck_assert_str_eq(tree_file(dir, CPU "cpu1/cache/index0/number_of_sets"),
			 "64\n"); /* 49152 / 12 / 64 */
	ck_assert_str_eq(tree_file(dir, CPU "cpu1/cache/index0/shared_cpu_map"), "2\n");
	ck_assert(!exists(dir, CPU "cpu1/cache/index1")); /* of unknown size */
	ck_assert(exists(dir, CPU "cpu2/node1/cpulist"));
	ck_assert(!exists(dir, CPU "cpu3"));
	/* [0, 128) and [160, 416) MiB in blocks of 128 MiB */
	ck_assert_str_eq(tree_file(dir, MEMORY "block_size_bytes"), "8000000\n");
	ck_assert_str_eq(tree_file(dir, MEMORY "memory3/state"), "online\n");
	ck_assert_str_eq(tree_file(dir, MEMORY "memory3/phys_index"), "00000003\n");
	ck_assert(exists(dir, MEMORY "memory0/node0") && !exists(dir, MEMORY "memory0/node1"));
	ck_assert(exists(dir, MEMORY "memory1/node1/meminfo") && !exists(dir, MEMORY "memory1/node0"));
	ck_assert(!exists(dir, MEMORY "memory4"));
	ck_assert_str_eq(tree_file(dir, "proc/sys/vm/swappiness"), "37\n");
	ck_assert_str_eq(tree_file(dir, "proc/sys/vm/min_free_kbytes"), "6789\n");
	ck_assert_str_eq(tree_file(dir, "proc/sys/vm/lowmem_reserve_ratio"), "256\t32\n");
	ck_assert_str_eq(tree_file(dir, "proc/sys/vm/oom_kill_allocating_task"), "1\n");
	ck_assert(!exists(dir, "proc/sys/vm/fault_around_bytes"));
	ck_assert_str_eq(tree_file(dir, "sys/kernel/mm/transparent_hugepage/enabled"),
			 "always [madvise] never\n");
	ck_assert_str_eq(tree_file(dir, "proc/7/comm"), "a-program-with-\n");
	ck_assert_str_eq(tree_file(dir, "proc/7/cmdline"), "a-program-with-a-long-name");
	ck_assert_str_eq(tree_file(dir, "proc/9/cmdline"), "");
	/* 524 pages + 500 x 1310 of 1310720: (1000 + 655524 x 1000 / 1310720) x 2 / 3 = 1500 x 2 / 3 */
	ck_assert_str_eq(tree_file(dir, "proc/7/oom_score"), "1000\n");
	ck_assert_str_eq(tree_file(dir, "proc/7/oom_score_adj"), "500\n");
	fixture_remove(dir);
}
END_TEST

/* Numbers that no run writes end in what is printed, not in a crash or an endless tree. */
START_TEST(test_damaged)
{
	static const struct show_row wild[] = {
		{"node/0", "numa_hit", INT64_MIN},
		{"zone/0/DMA32", "present", INT64_MAX},
		{"zone/0/DMA32", "spanned", INT64_MAX},
		{"zone/0/DMA32", "start_pfn", -1},
		{"zone/0/Normal", "present", 1},
		{"zone/0/Normal", "spanned", INT64_C(1) << 40},
		{"proc/P4294967295", "VmSize", INT64_MAX},
		{"region/P4294967295/ffffffffffffffff", "Size", INT64_MIN},
		{"region/P4294967295/x", "Flags", -1},
		{"region/P4294967295/x", "PolicyNodes", -1},
		{"region/P4294967295/x", "Policy", 99},
		{"proc/P4294967295", "oom_score_adj", INT64_MIN},
		{"buddy/0/DMA32", "order_10", INT64_MIN},
		{"buddy/0/Normal", "order_10", INT64_MAX},
		{"meminfo", "MemTotal", INT64_MAX},
		{"vmstat", "nr_slab_unreclaimable", INT64_MAX},
		{"slab/x", "num_objs", INT64_MAX},
		{"slab/x", "objsize", INT64_MAX},
		{"swap/0", "pages", INT64_MAX / 4},
		{"slab/", "objsize", -1},
	};
	static const struct show_param_row param[] = {
		{"cpu.mhz", "0"},
		{"topology.node_cpus", "4000000000"},
		{"topology.distances", "x"},
		{"cache.l1d.ways", "0"},
		{"cache.line_bytes", "-5"},
		{"cache.l1d.size", "7"},
		{"memory.caches", "true"},
		{"numa.nodes", "99 -1"},
		{"numa.policy", ""},
		{"thp.enabled", ""},
		{"vm.overcommit_ratio", "9223372036854775807"},
	};
	static const char *const detail[] = {"{\"nodemask\":\"zz\",\"gfp_mask\":-1,\"pid\":\"x\"}", NULL};
	struct show other = show_fixture_load(&(struct show_fixture){.rows = wild,
								     .nr_rows = ARRAY_LEN(wild),
								     .params = param,
								     .nr_params = ARRAY_LEN(param),
								     .kills = detail,
								     .label = "oom-1"});
	char *dir = fixture_path();
	struct err e = {0};

	ck_assert_uint_eq(other.nr_cpus, 256);
	ck_assert_msg(show_tree(&other, dir, &e) == 0, "%s", e.text);
	ck_assert_ptr_nonnull(strstr(show_fixture_print(&other, show_oom, 0), "oom-kill"));
	for (size_t i = 0; show_format_at(i); i++)
		show_fixture_print(&other, show_format_at(i)->print, 0);
	show_release(&other);
	fixture_remove(dir);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("show_tree");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, test_tree);
	tcase_add_test(t, test_damaged);
	return run_case("show_tree", t);
}
