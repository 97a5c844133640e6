/*
 * test_show_tools.c - formats of tools and of processes: each counter's number in its place.
 *
 * Two nodes with 2 CPUs and 1 CPU of 1000 MHz; process 7 has two mappings and had its pid twice.
 */
#include "tests/show_fixture.h"
#include "tests/suite.h"

static const struct show_row rows[] = {
	{"meminfo", "MemTotal", 4194304}, /* 4 GiB */
	{"meminfo", "MemFree", 1048577},
	{"meminfo", "MemAvailable", 2097152},
	{"meminfo", "Shmem", 3072},
	{"meminfo", "Cached", 5120},
	{"meminfo", "SReclaimable", 1024},
	{"meminfo", "Active", 61},
	{"meminfo", "Inactive", 62},
	{"meminfo", "SwapTotal", 1048576},
	{"meminfo", "SwapFree", 1046528},
	{"vmstat", "pgpgin", 63},
	{"vmstat", "pgpgout", 64},
	{"vmstat", "pswpin", 65},
	{"vmstat", "pswpout", 66},
	{"sysctl", "min_free_kbytes", 6789},
	{"swap/0", "pages", 8191},
	{"swap/0", "inuse", 17},
	{"swap/0", "priority", -2},
	{"swap/1", "pages", 2500000},
	{"swap/1", "inuse", 2500000},
	{"swap/1", "priority", 5},
	{"node/0", "nr_active_anon", 256},
	{"node/0", "nr_kernel_stack", 512},
	{"node/1", "nr_active_anon", 384},
	{"zone/0/DMA32", "present", 32768},
	{"zone/0/DMA32", "managed", 32000},
	{"zone/0/DMA32", "nr_free_pages", 1280},
	{"zone/0/DMA32", "spanned", 32768},
	{"zone/1/DMA32", "present", 65536},
	{"zone/1/DMA32", "managed", 64000},
	{"zone/1/DMA32", "spanned", 65536},
	{"zone/1/DMA32", "start_pfn", 40960}, /* 160 MiB, to 416 MiB */
	{"pagetype/0/DMA32/Unmovable", "order_0", 31},
	{"pagetype/0/DMA32/Movable", "order_1", 32},
	{"pagetype/0/DMA32/Reclaimable", "order_2", 33},
	{"pagetype/0/DMA32/HighAtomic", "order_10", 34},
	{"pagetype/0/DMA32/Movable", "order_3", 100000}, /* more are not counted */
	{"pagetype/0/DMA32/Movable", "blocks", 35},
	{"pagetype/0/DMA32/HighAtomic", "blocks", 36},
	{"proc/P7", "VmSize", 4},
	{"proc/P7", "VmRSS", 4},
	{"proc/P7.2", "ppid", 3},
	{"proc/P7.2", "threads", 6},
	{"proc/P7.2", "minflt", 401},
	{"proc/P7.2", "majflt", 402},
	{"proc/P7.2", "VmSize", 4096},
	{"proc/P7.2", "VmRSS", 2048},
	{"proc/P7.2", "VmPTE", 40},
	{"proc/P7.2", "VmSwap", 8},
	{"proc/P7.2", "RssAnon", 1000},
	{"proc/P7.2", "RssFile", 600},
	{"proc/P7.2", "RssShmem", 448},
	{"proc/P7.2", "VmData", 800},
	{"proc/P7.2", "VmStk", 132},
	{"proc/P7.2", "start_brk", 24576},
	{"proc/P7.2", "brk", 32768},
	{"proc/P7.2", "oom_score_adj", 500},
	{"proc/P7.2", "Policy", 2},
	{"proc/P7.2", "PolicyNodes", 2},
	{"region/P7.2/601000", "Policy", 3},
	{"region/P7.2/601000", "PolicyNodes", 3},
	{"proc/P7.2", "Rss", 501},
	{"proc/P7.2", "Pss", 502},
	{"proc/P7.2", "Pss_Dirty", 503},
	{"proc/P7.2", "Pss_Anon", 504},
	{"proc/P7.2", "Pss_File", 505},
	{"proc/P7.2", "Pss_Shmem", 506},
	{"proc/P7.2", "Shared_Clean", 507},
	{"proc/P7.2", "Shared_Dirty", 508},
	{"proc/P7.2", "Private_Clean", 509},
	{"proc/P7.2", "Private_Dirty", 510},
	{"proc/P7.2", "Referenced", 511},
	{"proc/P7.2", "Anonymous", 512},
	{"proc/P7.2", "LazyFree", 513},
	{"proc/P7.2", "AnonHugePages", 514},
	{"proc/P7.2", "Swap", 515},
	{"proc/P7.2", "SwapPss", 516},
	{"proc/P7.2", "Locked", 517},
	{"comm/P7", "before", 7},
	{"comm/P7.2", "a-program-with-a-long-name", 7},
	{"region/P7/1000", "Size", 4},
	{"region/P7.2/6000", "Size", 8}, /* the heap */
	{"region/P7.2/6000", "Flags", 0x73},
	{"region/P7.2/6000", "N0", 512},
	{"region/P7.2/6000", "N1", 128},
	{"region/P7.2/401000", "Size", 12},
	{"region/P7.2/401000", "Flags", 0x75},
	{"region/P7.2/401000", "Rss", 21},
	{"region/P7.2/401000", "Pss", 22},
	{"region/P7.2/401000", "Shared_Clean", 23},
	{"region/P7.2/401000", "Shared_Dirty", 24},
	{"region/P7.2/401000", "Private_Clean", 25},
	{"region/P7.2/401000", "Private_Dirty", 26},
	{"region/P7.2/401000", "Swap", 27},
	{"region/P7.2/401000", "SwapPss", 28},
	{"region/P7.2/401000", "N1", 64},
	{"path/P7.2/401000", "/bin/true", 30},
	{"region/P7.2/601000", "Size", 40},
	{"region/P7.2/601000", "Rss", 100},
	{"path/P7.2/601000", "/bin/true", 30},
	{"region/P7.2/7ffffffde000", "Size", 132},
	{"region/P7.2/7ffffffde000", "Flags", 0x173},
	{"region/P7.2/7ffffffde000", "N0", 192},
	{"proc/P9", "threads", 0},
};

/* 1000 MHz: a tick of 10 ms is 10 M cycles. The snapshot's 1.25 s are 125 ticks. */
#define TICKS(n) ((n)*INT64_C(10000000))
static const struct show_stat_row stats[] = {
	{"cycles.user_insn", STAT_SCOPE_CPU, "0", TICKS(1)},
	{"cycles.user_memory", STAT_SCOPE_CPU, "0", TICKS(2)},
	{"cycles.tlb", STAT_SCOPE_CPU, "0", TICKS(4)},
	{"cycles.walk", STAT_SCOPE_CPU, "0", TICKS(8)},
	{"cycles.fault", STAT_SCOPE_CPU, "0", TICKS(16)},
	{"cycles.tick", STAT_SCOPE_CPU, "0", TICKS(32)},
	{"cycles.iowait", STAT_SCOPE_CPU, "0", TICKS(5) + 9999999},
	{"cycles.idle", STAT_SCOPE_CPU, "0", TICKS(10)},
	{"cycles.user_insn", STAT_SCOPE_CPU, "1", TICKS(100)},
	{"cycles.idle", STAT_SCOPE_CPU, "1", TICKS(25)},
	{"cpu.shootdowns_received", STAT_SCOPE_CPU, "2", 3},
	{"sched.ticks", STAT_SCOPE_MACHINE, "machine", 40},
	{"sched.switches", STAT_SCOPE_MACHINE, "machine", 41},
	{"replay.threads", STAT_SCOPE_MACHINE, "machine", 42},
	{"blkdev.reads", STAT_SCOPE_DEVICE, "disk", 51},
	{"blkdev.writes", STAT_SCOPE_DEVICE, "disk", 52},
	{"blkdev.read_bytes", STAT_SCOPE_DEVICE, "disk", 53 * 512},
	{"blkdev.write_bytes", STAT_SCOPE_DEVICE, "disk", 54 * 512},
	{"blkdev.in_flight", STAT_SCOPE_DEVICE, "disk", 55},
	{"blkdev.busy_ps", STAT_SCOPE_DEVICE, "disk", INT64_C(56000000000)},
	{"blkdev.reads", STAT_SCOPE_DEVICE, "swap", 57},
};

static struct show s;

static void set_up(void)
{
	s = show_fixture_load(&(struct show_fixture){.rows = rows,
						     .nr_rows = ARRAY_LEN(rows),
						     .stats = stats,
						     .nr_stats = ARRAY_LEN(stats),
						     .params = show_fixture_params,
						     .nr_params = ARRAY_LEN(show_fixture_params),
						     .label = "here"});
}

static void tear_down(void)
{
	show_release(&s);
}

#define ck_prints(format, id, expected) ck_assert_str_eq(show_fixture_print(&s, format, id), expected)

START_TEST(test_free_units)
{
	s.unit = 'm';
	s.total = true;
	ck_prints(show_free, 0,
		  "               total        used        free      shared  buff/cache   available\n"
		  "Mem:            4096        2048        1024           3           6        2048\n"
		  "Swap:           1024           2        1022\n"
		  "Total:          5120        2050        2046\n"); /* sums before they are rounded */
	s.unit = 'g';
	s.total = false;
	ck_prints(show_free, 0,
		  "               total        used        free      shared  buff/cache   available\n"
		  "Mem:               4           2           1           0           0           2\n"
		  "Swap:              1           0           0\n");
	s.unit = 'b';
	ck_assert_ptr_nonnull(
		strstr(show_fixture_print(&s, show_free, 0),
		       "Mem:      4294967296  2147483648  1073742848     3145728     6291456  2147483648\n"));
}
END_TEST

/* CPU 0: user 15, system 48, idle 10 + what is missing to 125, iowait 5. CPU 2 did nothing. */
START_TEST(test_machine_stat)
{
	ck_prints(show_machine_stat, 0,
		  "cpu  115 0 48 207 5 0 0 0 0 0\n"
		  "cpu0 15 0 48 57 5 0 0 0 0 0\n"
		  "cpu1 100 0 0 25 0 0 0 0 0 0\n"
		  "cpu2 0 0 0 125 0 0 0 0 0 0\n"
		  "intr 43\nctxt 41\nbtime 0\nprocesses 42\nprocs_running 0\nprocs_blocked 0\n"
		  "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
	ck_prints(show_uptime, 0, "1.25 2.07\n");
	ck_prints(show_loadavg, 0, "0.00 0.00 0.00 0/2 0\n");
	ck_prints(show_diskstats, 0,
		  " 254       0 disk 51 0 53 0 52 0 54 0 55 56 0 0 0 0 0 0 0\n"
		  " 254      16 swap 57 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
	ck_prints(show_swaps, 0,
		  "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
		  "/dev/swap0                              partition\t32764\t\t68\t\t-2\n"
		  "/dev/swap1                              partition\t10000000\t10000000\t5\n");
}
END_TEST

START_TEST(test_vmstat_s)
{
	ck_prints(
		show_vmstat_s, 0,
		"      4194304 K total memory\n      2097152 K used memory\n           61 K active memory\n"
		"           62 K inactive memory\n      1048577 K free memory\n            0 K buffer "
		"memory\n"
		"         6144 K swap cache\n      1048576 K total swap\n         2048 K used swap\n"
		"      1046528 K free swap\n          115 non-nice user cpu ticks\n"
		"            0 nice user cpu ticks\n           48 system cpu ticks\n"
		"          207 idle cpu ticks\n            5 IO-wait cpu ticks\n            0 IRQ cpu ticks\n"
		"            0 softirq cpu ticks\n            0 stolen cpu ticks\n"
		"            0 non-nice guest cpu ticks\n            0 nice guest cpu ticks\n"
		"           63 K paged in\n           64 K paged out\n           65 pages swapped in\n"
		"           66 pages swapped out\n           43 interrupts\n           41 CPU context "
		"switches\n"
		"            0 boot time\n           42 forks\n");
}
END_TEST

START_TEST(test_pagetypeinfo)
{
	const char *t = show_fixture_print(&s, show_pagetypeinfo, 0);
	const char *node1 = strstr(t + 1, "Page block order");

	ck_assert_int_eq(strncmp(t, "Page block order: 9\nPages per block:  512\n\n", 42), 0);
	ck_assert_ptr_nonnull(strstr(t, "Free pages count per migrate type at order       0      1      2 "));
	ck_assert_ptr_nonnull(strstr(t, "Node    0, zone    DMA32, type    Unmovable     31      0 "));
	ck_assert_ptr_nonnull(strstr(
		t, "Node    0, zone    DMA32, type      Movable      0     32      0 >100000      0 "));
	ck_assert_ptr_nonnull(strstr(t, "Node    0, zone    DMA32, type  Reclaimable      0      0     33 "));
	ck_assert_ptr_nonnull(
		strstr(t, "      0      0     34 \nNode    0, zone    DMA32, type      Isolate "));
	ck_assert_ptr_nonnull(
		strstr(t, "\n\nNumber of blocks type     Unmovable      Movable  Reclaimable   "
			  "HighAtomic      Isolate \n"
			  "Node 0, zone    DMA32            0           35            0           36 "
			  "           0 \n"));
	ck_assert_ptr_nonnull(node1);
	ck_assert_ptr_nonnull(strstr(node1, "Node    1, zone    DMA32, type    Unmovable      0 "));
	ck_assert_ptr_null(strstr(t, "Normal"));
}
END_TEST

START_TEST(test_numa)
{
	const char *t;

	ck_prints(show_numactl_s, 0,
		  "policy: bind\npreferred node: 1\nphyscpubind: 0 1 2 \ncpubind: 0 1 \nnodebind: 0 1 \n"
		  "membind: 1 \npreferred: 1 \n");
	t = show_fixture_print(&s, show_numastat_m, 0);
	ck_assert_int_eq(strncmp(t,
				 "\nPer-node system memory usage (in MBs):\n"
				 "                          Node 0          Node 1           Total\n"
				 "                 --------------- --------------- ---------------\n"
				 "MemTotal                  125.00          250.00          375.00\n"
				 "MemFree                     5.00            0.00            5.00\n"
				 "MemUsed                   120.00          250.00          370.00\n"
				 "Active                      1.00            1.50            2.50\n",
				 strlen("\nPer-node system memory usage (in MBs):\n") + 6 * 65),
			 0);
	ck_assert_ptr_nonnull(
		strstr(t, "KernelStack                 0.50            0.00            0.50\n"));
	/* The heap is the mapping around brk; the code is neither heap nor stack. */
	ck_prints(show_numastat_p, 7,
		  "\nPer-node process memory usage (in MBs) for PID 7 (a-program-with-)\n"
		  "                           Node 0          Node 1           Total\n"
		  "                  --------------- --------------- ---------------\n"
		  "Huge                         0.00            0.00            0.00\n"
		  "Heap                         2.00            0.50            2.50\n"
		  "Stack                        0.75            0.00            0.75\n"
		  "Private                      0.00            0.25            0.25\n"
		  "----------------  --------------- --------------- ---------------\n"
		  "Total                        2.75            0.75            3.50\n");
}
END_TEST

/* Without numa.nodes the policy is over all nodes with memory. */
START_TEST(test_policies)
{
	static const char *const expected[][2] = {
		{"default",
		 "policy: default\npreferred node: current\nphyscpubind: 0 \ncpubind: 0 \nnodebind: 0 \n"
		 "membind: 0 1 \npreferred: \n"},
		{"interleave",
		 "policy: interleave\npreferred node: 0 (interleave next)\ninterleavemask: 0 1 \n"
		 "interleavenode: 0\nphyscpubind: 0 \ncpubind: 0 \nnodebind: 0 \nmembind: 0 1 \n"
		 "preferred: 0 1 \n"},
		{"preferred_many",
		 "policy: preferred-many\npreferred node: 0 (preferred-many)\nphyscpubind: 0 \n"
		 "cpubind: 0 \nnodebind: 0 \nmembind: 0 1 \npreferred: 0 1 \n"},
		{"local",
		 "policy: local\npreferred node: physcpubind: 0 \ncpubind: 0 \nnodebind: 0 \nmembind: 0 1 \n"
		 "preferred: \n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		const struct show_param_row policy[] = {
			{"topology.node_cpus", "1 0"}, {"numa.policy", expected[i][0]}, {"numa.nodes", ""}};
		struct show other = show_fixture_load(&(struct show_fixture){.rows = rows,
									     .nr_rows = ARRAY_LEN(rows),
									     .params = policy,
									     .nr_params = ARRAY_LEN(policy),
									     .label = "here"});

		ck_assert_str_eq(show_fixture_print(&other, show_numactl_s, 0), expected[i][1]);
		show_release(&other);
	}
}
END_TEST

/* The pid's second process; pages are 4 kB. */
START_TEST(test_process)
{
	const char *t;

	ck_prints(show_statm, 7, "1024 512 262 0 0 233 0\n");
	ck_prints(show_stat, 7,
		  "7 (a-program-with-) S 3 7 0 0 -1 4194304 401 0 402 0 0 0 0 0 20 0 6 0 0 4194304 512 "
		  "18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 24576 0 0 0 0 0\n");
	ck_assert_int_eq(
		strncmp(show_fixture_print(&s, show_stat, 9), "9 () Z 0 9 0 0 -1 4194304 0 0 0 0", 33), 0);
	ck_prints(show_statm, 9, "0 0 0 0 0 0 0\n");
	/* from the first mapping to the end of the last, 0x7ffffffde000 + 132 KiB; the name in column 73 */
	t = show_fixture_print(&s, show_smaps_rollup, 7);
	ck_assert_int_eq(strncmp(t, "00006000-7ffffffff000 ---p 00000000 00:00 0 ", 44), 0);
	ck_assert_int_eq(strncmp(t + 73, "[rollup]\nRss:                 501 kB\n", 37), 0);
	ck_prints(show_smaps_rollup, 9, "");
	/* The process is bound to node 1, one of its mappings has a policy of its own. */
	ck_prints(show_numa_maps, 7,
		  "00006000 bind:1 heap\n"
		  "00401000 bind:1 /bin/true mapped=5 active=0 N1=64 kernelpagesize_kB=4\n"
		  "00601000 interleave:0-1 /bin/true mapped=25 active=0 kernelpagesize_kB=4\n"
		  "7ffffffde000 bind:1 stack\n");
}
END_TEST

/* Mappings of 2 MiB at 2 MiB, and what is not one: one page later, shared, a file, not wanted. */
START_TEST(test_thp_eligible)
{
	static const struct {
		const char *region;
		int64_t size, flags, inode;
		bool always, madvise;
	} cases[] = {
		{"region/P7/200000", 2048, 0x73, 0, true, false},
		{"region/P7/600000", 2048, 0x20000073, 0, true, true},
		{"region/P7/a01000", 4092, 0x20000073, 0, true,
		 true}, /* [10 MiB + 4 kB, 14 MiB) holds one at 12 MiB */
		{"region/P7/1001000", 4088, 0x20000073, 0, false, false}, /* ends a page too early */
		{"region/P7/1601000", 2048, 0x20000073, 0, false, false},
		{"region/P7/2000000", 2048, 0x200000fb, 0, false, false},
		{"region/P7/2200000", 2048, 0x20000073, 5, false, false},
		{"region/P7/2400000", 2048, 0x40000073, 0, false, false},
	};
	static const char *const modes[] = {"never", "madvise", "always"};
	struct show_row v[3 * ARRAY_LEN(cases)];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		v[3 * i] = (struct show_row){cases[i].region, "Size", cases[i].size};
		v[3 * i + 1] = (struct show_row){cases[i].region, "Flags", cases[i].flags};
		v[3 * i + 2] = (struct show_row){cases[i].region, "Inode", cases[i].inode};
	}
	for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
		const struct show_param_row param[] = {{"thp.enabled", modes[m]}};
		struct show other = show_fixture_load(&(struct show_fixture){.rows = v,
									     .nr_rows = ARRAY_LEN(v),
									     .params = param,
									     .nr_params = 1,
									     .label = "here"});
		const char *at = show_fixture_print(&other, show_smaps, 7);

		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			bool expected = m == 2 ? cases[i].always : m == 1 && cases[i].madvise;

			at = strstr(at, "\nTHPeligible:    ");
			ck_assert_ptr_nonnull(at);
			at += strlen("\nTHPeligible:    ");
			ck_assert_msg(*at == (expected ? '1' : '0'), "%s with %s: %c", cases[i].region,
				      modes[m], *at);
		}
		show_release(&other);
	}
}
END_TEST

START_TEST(test_showmap)
{
	ck_prints(show_showmap, 7,
		  " virtual                     shared   shared  private  private\n"
		  "    size      RSS      PSS    clean    dirty    clean    dirty     swap  swapPSS   #  "
		  "object\n"
		  "-------- -------- -------- -------- -------- -------- -------- -------- -------- ---- "
		  "------------------------------\n"
		  "      52      121       22       23       24       25       26       27       28    2 "
		  "/bin/true\n"
		  "       8        0        0        0        0        0        0        0        0    1 "
		  "[heap]\n"
		  "     132        0        0        0        0        0        0        0        0    1 "
		  "[stack]\n"
		  "-------- -------- -------- -------- -------- -------- -------- -------- -------- ---- "
		  "------------------------------\n"
		  "     192      121       22       23       24       25       26       27       28    4 "
		  "TOTAL\n");
}
END_TEST

static const struct show_format *format_of(const char *name)
{
	const struct show_format *f = NULL;

	for (size_t i = 0; (f = show_format_at(i)) && strcmp(f->name, name);)
		i++;
	ck_assert_msg(f != NULL, "no format %s", name);
	return f;
}

static void json_rollup(const struct show *snapshot, unsigned id, FILE *f)
{
	show_json(snapshot, format_of("smaps_rollup"), id, f);
}

static void json_node(const struct show *snapshot, unsigned id, FILE *f)
{
	show_json(snapshot, format_of("node-numastat"), id, f);
}

START_TEST(test_json)
{
	ck_prints(json_rollup, 7,
		  "{\n  \"Rss_kB\": 501,\n  \"Pss_kB\": 502,\n  \"Pss_Dirty_kB\": 503,\n  \"Pss_Anon_kB\": "
		  "504,\n"
		  "  \"Pss_File_kB\": 505,\n  \"Pss_Shmem_kB\": 506,\n  \"Shared_Clean_kB\": 507,\n"
		  "  \"Shared_Dirty_kB\": 508,\n  \"Private_Clean_kB\": 509,\n  \"Private_Dirty_kB\": 510,\n"
		  "  \"Referenced_kB\": 511,\n  \"Anonymous_kB\": 512,\n  \"LazyFree_kB\": 513,\n"
		  "  \"AnonHugePages_kB\": 514,\n  \"ShmemPmdMapped_kB\": 0,\n  \"FilePmdMapped_kB\": 0,\n"
		  "  \"Shared_Hugetlb_kB\": 0,\n  \"Private_Hugetlb_kB\": 0,\n  \"Swap_kB\": 515,\n"
		  "  \"SwapPss_kB\": 516,\n  \"Locked_kB\": 517\n}\n");
	ck_prints(json_rollup, 9, "{}\n");
	ck_prints(json_node, 1,
		  "{\n  \"numa_hit\": 0,\n  \"numa_miss\": 0,\n  \"numa_foreign\": 0,\n  \"interleave_hit\": "
		  "0,\n"
		  "  \"local_node\": 0,\n  \"other_node\": 0\n}\n");
	ck_assert(!show_has_json(format_of("maps")));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("show_tools");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, test_free_units);
	tcase_add_test(t, test_machine_stat);
	tcase_add_test(t, test_vmstat_s);
	tcase_add_test(t, test_pagetypeinfo);
	tcase_add_test(t, test_numa);
	tcase_add_test(t, test_policies);
	tcase_add_test(t, test_process);
	tcase_add_test(t, test_thp_eligible);
	tcase_add_test(t, test_showmap);
	tcase_add_test(t, test_json);
	return run_case("show_tools", t);
}
