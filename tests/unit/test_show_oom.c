/*
 * test_show_oom.c - the OOM report: each number in its place, the lines as a real kernel wrote them.
 *
 * The first and the last two lines follow the log of a Debian kernel 6.1 (tests/fidelity/configs).
 */
#include "tests/show_fixture.h"
#include "tests/suite.h"

/* Pages; 4 kB each. Node 0 has DMA and DMA32, node 1 Normal. A different number in each counter. */
static const struct show_row rows[] = {
	{"vmstat", "nr_active_anon", 101},
	{"vmstat", "nr_inactive_anon", 102},
	{"vmstat", "nr_isolated_anon", 103},
	{"vmstat", "nr_active_file", 104},
	{"vmstat", "nr_inactive_file", 105},
	{"vmstat", "nr_isolated_file", 106},
	{"vmstat", "nr_unevictable", 107},
	{"vmstat", "nr_dirty", 108},
	{"vmstat", "nr_writeback", 109},
	{"vmstat", "nr_slab_reclaimable", 110},
	{"vmstat", "nr_slab_unreclaimable", 729}, /* 101 + ... + 107 = 728 are on the lists */
	{"vmstat", "nr_mapped", 112},
	{"vmstat", "nr_shmem", 113},
	{"vmstat", "nr_page_table_pages", 114},
	{"vmstat", "nr_kernel_misc_reclaimable", 115},
	{"vmstat", "nr_free_pages", 116},
	{"vmstat", "nr_file_pages", 117},
	{"vmstat", "nr_swapcached", 118},
	{"meminfo", "SwapFree", 119},
	{"meminfo", "SwapTotal", 120},
	{"node/0", "nr_active_anon", 201},
	{"node/0", "nr_inactive_anon", 202},
	{"node/0", "nr_active_file", 203},
	{"node/0", "nr_inactive_file", 204},
	{"node/0", "nr_unevictable", 205},
	{"node/0", "nr_isolated_anon", 206},
	{"node/0", "nr_isolated_file", 207},
	{"node/0", "nr_mapped", 208},
	{"node/0", "nr_dirty", 209},
	{"node/0", "nr_writeback", 210},
	{"node/0", "nr_shmem", 211},
	{"node/0", "nr_shmem_hugepages", 512},
	{"node/0", "nr_anon_transparent_hugepages", 1024},
	{"node/0", "nr_kernel_stack", 213}, /* kB */
	{"node/0", "nr_page_table_pages", 214},
	{"node/0", "kswapd_failures", 16},
	{"node/1", "kswapd_failures", 15},
	{"zone/0/DMA", "present", 3998},
	{"zone/0/DMA", "managed", 3840},
	{"zone/0/DMA", "pcp_count", 3},
	{"zone/0/DMA32", "nr_free_pages", 301},
	{"zone/0/DMA32", "boost", 302},
	{"zone/0/DMA32", "min", 303},
	{"zone/0/DMA32", "low", 304},
	{"zone/0/DMA32", "high", 305},
	{"zone/0/DMA32", "nr_reserved_highatomic", 306},
	{"zone/0/DMA32", "nr_zone_active_anon", 307},
	{"zone/0/DMA32", "nr_zone_inactive_anon", 308},
	{"zone/0/DMA32", "nr_zone_active_file", 309},
	{"zone/0/DMA32", "nr_zone_inactive_file", 310},
	{"zone/0/DMA32", "nr_zone_unevictable", 311},
	{"zone/0/DMA32", "nr_zone_write_pending", 312},
	{"zone/0/DMA32", "present", 8000},
	{"zone/0/DMA32", "managed", 7000},
	{"zone/0/DMA32", "nr_mlock", 313},
	{"zone/0/DMA32", "pcp_count", 30},
	{"zone/0/DMA32", "pcp_count_1", 17},
	{"zone/0/DMA32", "protection_0", 21},
	{"zone/0/DMA32", "protection_1", 22},
	{"zone/0/DMA32", "protection_2", 23},
	{"zone/0/DMA32", "protection_3", 99}, /* HighMem */
	{"zone/0/DMA32", "protection_4", 24},
	{"zone/1/Normal", "present", 9000},
	{"zone/1/Normal", "managed", 8500},
	{"zone/1/Normal", "pcp_count", 400},
	{"buddy/0/DMA32", "order_0", 5},
	{"buddy/0/DMA32", "order_3", 2},
	{"buddy/0/DMA32", "order_10", 1},
	{"pagetype/0/DMA32/Unmovable", "order_0", 2},
	{"pagetype/0/DMA32/Reclaimable", "order_0", 3},
	{"pagetype/0/DMA32/Movable", "order_3", 1},
	{"pagetype/0/DMA32/HighAtomic", "order_3", 1},
	{"pagetype/0/DMA32/Movable", "order_10", 1},
	{"slab/dentry", "num_objs", 50},
	{"slab/dentry", "reclaimable", 1},
	{"slab/filp", "num_objs", 64},
	{"slab/filp", "active_objs", 48},
	{"slab/filp", "objsize", 256},
	{"proc/P7", "VmSize", 4004},
	{"proc/P7", "VmRSS", 2008},
	{"proc/P7", "VmPTE", 12},
	{"proc/P7", "VmSwap", 16},
	{"proc/P7", "oom_score_adj", -5},
	{"comm/P7", "a-program-with-a-long-name", 7},
	{"proc/P8", "threads", 0}, /* gone */
	{"proc/P93", "VmSize", 138852},
	{"proc/P93", "VmRSS", 98616},
	{"proc/P93", "VmPTE", 236},
	{"comm/P93", "memplay", 93},
};

#define KILL(nodemask, adj)                                                                            \
	"{\"constraint\":\"CONSTRAINT_MEMORY_POLICY\",\"invoked_by\":\"P93\",\"process\":\"memplay\"," \
	"\"pid\":93,"                                                                                  \
	"\"anon_rss_pages\":24571,\"file_rss_pages\":51,\"shmem_rss_pages\":32,\"swap_pages\":6,"      \
	"\"table_pages\":59,\"oom_score_adj\":0,\"vm_pages\":34713,\"gfp_mask\":1314250,\"order\":2,"  \
	"\"nodemask\":\"" nodemask "\",\"mems_allowed\":\"0\",\"cpu\":1,\"by_pid\":93,"                \
	"\"by_oom_score_adj\":" adj "}"

static const char *const kills[] = {"not JSON", KILL("0", "0"), KILL("2", "11"), KILL("1", "12"), NULL};
static const struct show_param_row params[] = {{"topology.node_cpus", "2 1"}};

static struct show load(const char *label)
{
	return show_fixture_load(&(struct show_fixture){.rows = rows,
							.nr_rows = ARRAY_LEN(rows),
							.params = params,
							.nr_params = ARRAY_LEN(params),
							.kills = kills,
							.label = label});
}

/* The line that begins with what comes behind the time, without its end. */
static const char *line(const char *text, const char *begin)
{
	static char one[700];
	size_t stamp = strlen("[    1.000000] ");

	for (const char *p = text; *p; p += strcspn(p, "\n") + 1) {
		ck_assert_int_eq(strncmp(p, "[    1.000000] ", stamp), 0);
		if (strncmp(p + stamp, begin, strlen(begin)))
			continue;
		snprintf(one, sizeof one, "%.*s", (int)(strcspn(p, "\n") - stamp), p + stamp);
		return one;
	}
	ck_abort_msg("no line begins with %s", begin);
	return "";
}

/* The last kill's nodemask is node 0: zones and counters of node 1 are left out, the machine's are not. */
START_TEST(a_bound_request)
{
	struct show s = load("oom-4");
	const char *t = show_fixture_print(&s, show_oom, 0);

	ck_assert_str_eq(line(t, "memplay"), "memplay invoked oom-killer: "
					     "gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), "
					     "order=2, oom_score_adj=12");
	ck_assert_str_eq(line(t, "CPU"), "CPU: 1 PID: 93 Comm: memplay Not tainted 6.1.0");
	ck_assert_str_eq(line(t, "active_anon"), "active_anon:101 inactive_anon:102 isolated_anon:103");
	ck_assert_str_eq(line(t, " active_file"), " active_file:104 inactive_file:105 isolated_file:106");
	ck_assert_str_eq(line(t, " unev"), " unevictable:107 dirty:108 writeback:109");
	ck_assert_str_eq(line(t, " slab"), " slab_reclaimable:110 slab_unreclaimable:729");
	ck_assert_str_eq(line(t, " mapped"), " mapped:112 shmem:113 pagetables:114");
	ck_assert_str_eq(line(t, " kernel"), " kernel_misc_reclaimable:115");
	ck_assert_str_eq(line(t, " free"), " free:116 free_pcp:33 free_cma:0"); /* 3 + 30 */
	ck_assert_str_eq(
		line(t, "Node 0 active"),
		"Node 0 active_anon:804kB inactive_anon:808kB active_file:812kB inactive_file:816kB "
		"unevictable:820kB isolated(anon):824kB isolated(file):828kB mapped:832kB dirty:836kB "
		"writeback:840kB shmem:844kB shmem_thp: 2048kB shmem_pmdmapped: 0kB anon_thp: 4096kB "
		"writeback_tmp:0kB kernel_stack:213kB pagetables:856kB sec_pagetables:0kB "
		"all_unreclaimable? yes");
	ck_assert_str_eq(
		line(t, "Node 0 DMA32 free"),
		"Node 0 DMA32 free:1204kB boost:1208kB min:1212kB low:1216kB high:1220kB "
		"reserved_highatomic:1224KB active_anon:1228kB inactive_anon:1232kB active_file:1236kB "
		"inactive_file:1240kB unevictable:1244kB writepending:1248kB present:32000kB "
		"managed:28000kB mlocked:1252kB bounce:0kB free_pcp:120kB local_pcp:68kB free_cma:0kB");
	ck_assert_ptr_nonnull(strstr(t, "free_cma:0kB\n[    1.000000] lowmem_reserve[]: 21 22 23 24 24\n"));
	/* 5 + 2 x 8 + 1024 = 1045 pages */
	ck_assert_str_eq(
		line(t, "Node 0 DMA32: "),
		"Node 0 DMA32: 5*4kB (UE) 0*8kB 0*16kB 2*32kB (MH) 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB "
		"0*2048kB 1*4096kB (M) = 4180kB");
	ck_assert_ptr_null(strstr(t, "Node 1"));
	ck_assert_str_eq(line(t, "117"), "117 total pagecache pages");
	ck_assert_str_eq(line(t, "118"), "118 pages in swap cache");
	ck_assert_str_eq(line(t, "Free"), "Free swap  = 119kB");
	ck_assert_str_eq(line(t, "Total"), "Total swap = 120kB");
	ck_assert_str_eq(line(t, "20998"), "20998 pages RAM");    /* 3998 + 8000 + 9000 */
	ck_assert_str_eq(line(t, "1658"), "1658 pages reserved"); /* 158 + 1000 + 500 */
	ck_assert_str_eq(line(t, "filp"), "filp                      12KB         16KB");
	ck_assert_ptr_null(strstr(t, "dentry"));
	ck_assert_str_eq(line(t, "oom-kill"), "oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,nodemask=0,"
					      "cpuset=/,mems_allowed=0-1,global_oom,"
					      "task_memcg=/,task=memplay,pid=93,uid=0");
	show_release(&s);
}
END_TEST

START_TEST(tasks_and_the_victim)
{
	struct show s = load("oom-2");
	const char *t = show_fixture_print(&s, show_oom, 0);

	ck_assert_str_eq(
		line(t, "[  pid"),
		"[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name");
	ck_assert_str_eq(
		line(t, "[      7]"),
		"[      7]     0     7     1001      502    12288        4            -5 a-program-with-");
	ck_assert_str_eq(line(t, "[     93]"),
			 "[     93]     0    93    34713    24654   241664        0             0 memplay");
	ck_assert_ptr_null(strstr(t, "[      8]"));
	ck_assert_str_eq(
		line(t, "Node 1 active"),
		"Node 1 active_anon:0kB inactive_anon:0kB active_file:0kB inactive_file:0kB unevictable:0kB "
		"isolated(anon):0kB isolated(file):0kB mapped:0kB dirty:0kB writeback:0kB shmem:0kB "
		"shmem_thp: 0kB shmem_pmdmapped: 0kB anon_thp: 0kB writeback_tmp:0kB kernel_stack:0kB "
		"pagetables:0kB sec_pagetables:0kB all_unreclaimable? no");
	ck_assert_str_eq(line(t, " free:"), " free:116 free_pcp:433 free_cma:0");
	ck_assert_ptr_nonnull(strstr(line(t, "oom-kill"), "nodemask=(null),cpuset=/,mems_allowed=0-1,"));
	ck_assert_str_eq(line(t, "Out of memory"),
			 "Out of memory: Killed process 93 (memplay) total-vm:138852kB, anon-rss:98284kB, "
			 "file-rss:204kB, shmem-rss:128kB, UID:0 pgtables:236kB oom_score_adj:0");
	show_release(&s);
}
END_TEST

/* Another snapshot knows who was killed last, but not what memory looked like. */
START_TEST(later)
{
	struct show s = load("later");
	const char *t = show_fixture_print(&s, show_oom, 0);

	ck_assert_ptr_nonnull(strstr(line(t, "memplay"), "oom_score_adj=12"));
	ck_assert_ptr_null(strstr(t, "Mem-Info"));
	ck_assert_ptr_null(strstr(t, "Tasks state"));
	ck_assert_ptr_nonnull(strstr(t, "Out of memory: Killed process 93"));
	show_release(&s);
}
END_TEST

START_TEST(nobody_was_killed)
{
	struct show s = show_fixture_load(
		&(struct show_fixture){.rows = rows, .nr_rows = ARRAY_LEN(rows), .label = "early"});

	ck_assert_str_eq(show_fixture_print(&s, show_oom, 0), "");
	show_release(&s);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("show_oom");

	tcase_add_test(t, a_bound_request);
	tcase_add_test(t, tasks_and_the_victim);
	tcase_add_test(t, later);
	tcase_add_test(t, nobody_was_killed);
	return run_case("show_oom", t);
}
