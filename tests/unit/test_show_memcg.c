/*
 * test_show_memcg.c - groups below /sys/fs/cgroup, and what the kernel logs when one of them is too small.
 *
 * Three groups: web with a limit, cache in it, db without. Processes 7 (web/cache), 8 (db), 9 (none), and 10,
 * which was in web and is gone.
 */
#include "tests/show_fixture.h"
#include "tests/suite.h"

static const struct show_row rows[] = {
	{"memcg/web", "id", 1},
	{"memcg/web", "memory.current", 8192},
	{"memcg/web", "memory.peak", 40960},
	{"memcg/web", "memory.max", 49152},
	{"memcg/web", "memory.failcnt", 35},
	{"memcg/web", "memory.swap.current", 4096},
	{"memcg/web", "memory.events.max", 12},
	{"memcg/web", "memory.events.oom_kill", 2},
	{"memcg/web", "memory.swap.events.fail", 3},
	{"memcg/web", "anon", 4096},
	{"memcg/web", "pgscan", 777},
	{"memcg/web/cache", "id", 2},
	{"memcg/web/cache", "memory.high", 0},
	{"memcg/web/cache", "memory.low", 12288},
	{"memcg/db", "id", 3},
	{"proc/P7", "VmSize", 400},
	{"proc/P7", "memcg", 2},
	{"proc/P8", "VmSize", 500},
	{"proc/P8", "memcg", 3},
	{"proc/P9", "VmSize", 600},
	{"proc/P9", "memcg", 0},
	{"proc/P10", "memcg", 1},
	{"comm/P7", "server", 7},
};

static const char *const kills[] = {
	"{\"constraint\":\"CONSTRAINT_MEMCG\",\"invoked_by\":\"server\",\"process\":\"server\",\"pid\":7,"
	"\"anon_rss_pages\":10,\"file_rss_pages\":1,\"shmem_rss_pages\":0,\"swap_pages\":0,\"table_pages\":3,"
	"\"oom_score_adj\":0,\"vm_pages\":100,\"gfp_mask\":3264,\"order\":0,\"nodemask\":\"0\","
	"\"mems_allowed\":\"0\",\"cpu\":0,\"by_pid\":7,\"by_oom_score_adj\":0,\"oom_memcg\":\"web\","
	"\"task_memcg\":\"web/cache\"}",
	NULL};

static struct show s;

static void set_up(void)
{
	s = show_fixture_load(&(struct show_fixture){.rows = rows,
						     .nr_rows = ARRAY_LEN(rows),
						     .params = show_fixture_params,
						     .nr_params = 1,
						     .kills = kills,
						     .label = "oom-1"});
}

static void tear_down(void)
{
	show_release(&s);
}

#define CGROUP "sys/fs/cgroup/"

START_TEST(files_of_groups)
{
	char *dir = fixture_path();
	struct err e = {0};

	ck_assert_msg(show_tree(&s, dir, &e) == 0, "%s", e.text);
	ck_assert_str_eq(tree_file(dir, CGROUP "web/memory.current"), "8192\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/memory.peak"), "40960\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/memory.max"), "49152\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/memory.high"), "max\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/cache/memory.high"), "0\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/cache/memory.low"), "12288\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/cache/memory.max"), "max\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/memory.events"),
			 "low 0\nhigh 0\nmax 12\noom 0\noom_kill 2\noom_group_kill 0\n");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/memory.swap.events"), "high 0\nmax 0\nfail 3\n");
	ck_assert_int_eq(
		strncmp(tree_file(dir, CGROUP "web/memory.stat"), "anon 4096\nfile 0\nkernel 0\n", 25), 0);
	ck_assert_ptr_nonnull(strstr(tree_file(dir, CGROUP "web/memory.stat"), "\npgscan 777\npgsteal 0\n"));
	ck_assert_str_eq(tree_file(dir, CGROUP "web/cgroup.procs"), "");
	ck_assert_str_eq(tree_file(dir, CGROUP "web/cache/cgroup.procs"), "7\n");
	ck_assert_str_eq(tree_file(dir, "proc/7/cgroup"), "0::/web/cache\n");
	ck_assert_str_eq(tree_file(dir, "proc/8/cgroup"), "0::/db\n");
	ck_assert_str_eq(tree_file(dir, "proc/9/cgroup"), "0::/\n");
	fixture_remove(dir);
}
END_TEST

START_TEST(all_in_one)
{
	const char *text = show_fixture_print(&s, show_memcg, 0);

	ck_assert_ptr_nonnull(strstr(text, "==> /sys/fs/cgroup/db/memory.max <==\nmax\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n\n==> /sys/fs/cgroup/web/memory.swap.current <==\n4096\n"));
}
END_TEST

/* mem_cgroup_print_oom_context, mem_cgroup_print_oom_meminfo: the group, its tasks and nobody else's. */
START_TEST(log_of_a_group)
{
	const char *text = show_fixture_print(&s, show_oom, 0);

	ck_assert_ptr_nonnull(strstr(text, "server invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0"));
	ck_assert_ptr_nonnull(strstr(text, "memory: usage 8kB, limit 48kB, failcnt 35\n"));
	ck_assert_ptr_nonnull(strstr(text, "swap: usage 4kB, limit 9007199254740988kB, failcnt 0\n"));
	ck_assert_ptr_nonnull(strstr(text, "Memory cgroup stats for /web:\nanon 4096\n"));
	ck_assert_ptr_nonnull(strstr(text, "[      7]     0     7      100"));
	ck_assert_ptr_null(strstr(text, "[      8]"));
	ck_assert_ptr_null(strstr(text, "[      9]"));
	ck_assert_ptr_null(strstr(text, "Mem-Info"));
	ck_assert_ptr_nonnull(strstr(text, "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,"));
	ck_assert_ptr_nonnull(
		strstr(text, ",oom_memcg=/web,task_memcg=/web/cache,task=server,pid=7,uid=0\n"));
	ck_assert_ptr_nonnull(
		strstr(text, "Memory cgroup out of memory: Killed process 7 (server) total-vm:400kB"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("show_memcg");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, files_of_groups);
	tcase_add_test(t, all_in_one);
	tcase_add_test(t, log_of_a_group);
	return run_case("show_memcg", t);
}
