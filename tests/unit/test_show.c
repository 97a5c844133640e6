/*
 * test_show.c - every printed field stands where Linux 6.1 and the tools put it.
 *
 * The store is made up: two nodes, and a different number in each counter, so that a swapped field is caught.
 */
#include "analysis/show/show.h"

#include "tests/store_fixture.h"
#include "tests/suite.h"

static const struct show_row rows[] = {
	{"meminfo", "MemTotal", 80000},
	{"meminfo", "MemFree", 50001},
	{"meminfo", "MemAvailable", 60002},
	{"meminfo", "Cached", 1003},
	{"meminfo", "SwapCached", 1004},
	{"meminfo", "Active", 1005},
	{"meminfo", "Inactive", 1006},
	{"meminfo", "Active(anon)", 1007},
	{"meminfo", "Inactive(anon)", 1008},
	{"meminfo", "Active(file)", 1009},
	{"meminfo", "Inactive(file)", 1010},
	{"meminfo", "Unevictable", 1011},
	{"meminfo", "Mlocked", 1012},
	{"meminfo", "SwapTotal", 7013},
	{"meminfo", "SwapFree", 4014},
	{"meminfo", "Dirty", 1015},
	{"meminfo", "Writeback", 1016},
	{"meminfo", "AnonPages", 1017},
	{"meminfo", "Mapped", 1018},
	{"meminfo", "Shmem", 1019},
	{"meminfo", "Slab", 1020},
	{"meminfo", "SReclaimable", 1021},
	{"meminfo", "SUnreclaim", 1022},
	{"meminfo", "PageTables", 1023},
	{"meminfo", "Committed_AS", 1024},
	{"vmstat", "nr_kernel_stack", 1025},
	{"vmstat", "nr_anon_transparent_hugepages", 3},
	{"vmstat", "nr_shmem_hugepages", 4},
	{"vmstat", "nr_file_hugepages", 5},
	{"vmstat", "nr_free_pages", 2001},
	{"vmstat", "numa_hit", 2002},
	{"vmstat", "nr_inactive_anon", 2003},
	{"vmstat", "workingset_nodes", 2004},
	{"vmstat", "pgpromote_candidate", 2005},
	{"vmstat", "nr_dirty_threshold", 2006},
	{"vmstat", "pgpgin", 2007},
	{"vmstat", "pgalloc_normal", 2008},
	{"vmstat", "pgfault", 2009},
	{"vmstat", "pgmajfault", 2010},
	{"node/0", "nr_active_anon", 11},
	{"node/0", "nr_active_file", 22},
	{"node/0", "nr_inactive_anon", 33},
	{"node/0", "nr_inactive_file", 44},
	{"node/0", "nr_kernel_stack", 55},
	{"node/0", "nr_anon_transparent_hugepages", 1024},
	{"node/0", "numa_hit", 61},
	{"node/0", "numa_miss", 62},
	{"node/0", "numa_foreign", 63},
	{"node/0", "interleave_hit", 64},
	{"node/0", "local_node", 65},
	{"node/0", "other_node", 66},
	{"node/1", "numa_hit", 71},
	{"node/1", "numa_miss", 72},
	{"node/1", "numa_foreign", 73},
	{"node/1", "interleave_hit", 74},
	{"node/1", "local_node", 75},
	{"node/1", "other_node", 76},
	{"zone/0/DMA", "managed", 3840},
	{"zone/0/DMA", "present", 3998},
	{"zone/0/DMA", "nr_free_pages", 2816},
	{"zone/0/DMA32", "free", 101},
	{"zone/0/DMA32", "boost", 102},
	{"zone/0/DMA32", "min", 103},
	{"zone/0/DMA32", "low", 104},
	{"zone/0/DMA32", "high", 105},
	{"zone/0/DMA32", "spanned", 106},
	{"zone/0/DMA32", "present", 107},
	{"zone/0/DMA32", "managed", 4352}, /* with DMA's 32 MiB */
	{"zone/0/DMA32", "protection_0", 109},
	{"zone/0/DMA32", "protection_1", 110},
	{"zone/0/DMA32", "protection_2", 111},
	{"zone/0/DMA32", "protection_4", 112},
	{"zone/0/DMA32", "nr_free_pages", 1024},
	{"zone/0/DMA32", "nr_mlock", 114},
	{"zone/0/DMA32", "numa_interleave", 115},
	{"zone/0/DMA32", "pcp_count_0", 116},
	{"zone/0/DMA32", "pcp_count_2", 117},
	{"zone/0/DMA32", "pcp_high", 118},
	{"zone/0/DMA32", "pcp_batch", 119},
	{"zone/0/DMA32", "start_pfn", 4096},
	{"zone/1/Normal", "managed", 65536},
	{"zone/1/Normal", "present", 65537},
	{"zone/1/Normal", "nr_free_pages", 512},
	{"buddy/0/DMA32", "order_0", 201},
	{"buddy/0/DMA32", "order_1", 202},
	{"buddy/0/DMA32", "order_2", 203},
	{"buddy/0/DMA32", "order_9", 209},
	{"buddy/0/DMA32", "order_10", 1234567},
	{"slab/dentry", "active_objs", 301},
	{"slab/dentry", "num_objs", 302},
	{"slab/dentry", "objsize", 303},
	{"slab/dentry", "objperslab", 304},
	{"slab/dentry", "pagesperslab", 305},
	{"slab/dentry", "num_slabs", 306},
	{"slab/a_cache_with_a_long_name", "num_objs", 1},
	{"comm/P7", "a-program-with-a-long-name", 7},
	{"proc/P7", "ppid", 401},
	{"proc/P7", "threads", 402},
	{"proc/P7", "VmSize", 403},
	{"proc/P7", "VmLck", 404},
	{"proc/P7", "VmHWM", 405},
	{"proc/P7", "VmRSS", 406},
	{"proc/P7", "RssAnon", 407},
	{"proc/P7", "RssFile", 408},
	{"proc/P7", "RssShmem", 409},
	{"proc/P7", "VmData", 410},
	{"proc/P7", "VmStk", 411},
	{"proc/P7", "VmLib", 412},
	{"proc/P7", "VmPTE", 413},
	{"proc/P7", "VmSwap", 414},
	{"proc/P7", "Rss", 415},
	{"proc/P7", "Pss", 416},
	{"proc/P7", "Private_Clean", 20},
	{"proc/P7", "Private_Dirty", 3},
	{"proc/P8", "VmSize", 500},
	{"proc/P8", "Rss", 501},
	{"proc/P8", "Pss", 900},
	{"proc/P8", "Private_Dirty", 502},
	{"proc/P9", "threads", 0},
	{"region/P7/7f0000001000", "Size", 8},
	{"region/P7/7f0000001000", "Flags", 0x73}, /* rw-, private, may be all */
	{"region/P7/7f0000001000", "Policy", 3},
	{"region/P7/7f0000001000", "PolicyFlags", 0x8000},
	{"region/P7/7f0000001000", "PolicyNodes", 0x2f},
	{"region/P7/401000", "Size", 12},
	{"region/P7/401000", "Flags", 0x75},
	{"region/P7/401000", "Offset", 0x1000},
	{"region/P7/401000", "Inode", 31},
	{"path/P7/401000", "/bin/true", 30},
	{"region/P7/401000", "Rss", 40},
	{"region/P7/401000", "Pss", 602},
	{"region/P7/401000", "Pss_Dirty", 603},
	{"region/P7/401000", "Shared_Clean", 604},
	{"region/P7/401000", "Shared_Dirty", 605},
	{"region/P7/401000", "Private_Clean", 606},
	{"region/P7/401000", "Private_Dirty", 607},
	{"region/P7/401000", "Referenced", 608},
	{"region/P7/401000", "Anonymous", 12},
	{"region/P7/401000", "LazyFree", 610},
	{"region/P7/401000", "AnonHugePages", 611},
	{"region/P7/401000", "Swap", 612},
	{"region/P7/401000", "SwapPss", 613},
	{"region/P7/401000", "Locked", 614},
	{"region/P7/401000", "Dirty", 2},
	{"region/P7/401000", "Active", 5},
	{"region/P7/401000", "MapMax", 4},
	{"region/P7/401000", "SwapCache", 1},
	{"region/P7/401000", "Writeback", 8},
	{"region/P7/401000", "N0", 7},
	{"region/P7/401000", "N1", 9}};

static char *path;
static struct show s;
static char text[40000];

static void snapshot(struct sink *sink, enum snapshot_kind kind, const char *label, uint64_t seq,
		     int64_t extra, struct err *e)
{
	ck_assert_int_eq(fixture_snapshot(sink, kind, label, seq, e), 0);
	for (size_t i = 0; extra >= 0 && i < ARRAY_LEN(rows); i++)
		ck_assert_int_eq(sink->ops->kernel_counter(sink, rows[i].scope, rows[i].counter,
							   rows[i].value + (i ? 0 : extra), e),
				 0);
	ck_assert_int_eq(sink->ops->snapshot_end(sink, e), 0);
}

/* Run 1 has snapshots mark (MemTotal + 1), an interval without counters, and final. Node 0 has 2 CPUs. */
static void set_up(void)
{
	static const struct param_row defs[] = {
		{.path = "topology.node_cpus", .kind = PARAM_LIST, .def = "1", .unit = "", .sentence = "-"},
		{.path = "topology.distances", .kind = PARAM_LIST, .def = "", .unit = "", .sentence = "-"},
		{.path = "vm.overcommit_ratio", .kind = PARAM_U64, .def = "50", .unit = "", .sentence = "-"}};
	char cpus[] = "2 1", distances[] = "10 31 32 10", ratio[] = "40", set[] = "--set";
	struct param_value values[] = {{.row = &defs[0], .text = cpus, .origin = set},
				       {.row = &defs[1], .text = distances, .origin = set},
				       {.row = &defs[2], .text = ratio, .origin = set}};
	struct param_set params = {.values = values, .n = 3};
	struct run_info info = {.name = "r",
				.trace_path = "t",
				.trace_fingerprint = "f",
				.trace_provenance = "{}",
				.config_fingerprint = "c",
				.program_version = "1",
				.mapping = "recorded",
				.schedule = "rescheduled"};
	struct err e = {0};
	struct sink *sink;
	struct db d;

	path = fixture_path();
	ck_assert_int_eq(store_sink_open(&sink, path, &e), 0);
	ck_assert_int_eq(sink->ops->begin(sink, &info, &params, &e), 0);
	snapshot(sink, SNAPSHOT_NAMED, "mark", 0, 1, &e);
	snapshot(sink, SNAPSHOT_FINAL, "final", 1, 0, &e);
	snapshot(sink, SNAPSHOT_INTERVAL, "interval", 2, -1, &e);
	ck_assert_int_eq(fixture_end(sink, "complete", &e), 0);
	store_sink_close(sink);
	ck_assert_int_eq(db_open(&d, path, DB_READ, &e), 0);
	ck_assert_msg(show_load(&s, &d, &(struct show_where){0}, &e) == 0, "%s", e.text);
	db_close(&d);
}

static void tear_down(void)
{
	show_release(&s);
	fixture_remove(path);
}

static const char *print(void (*f)(const struct show *, unsigned, FILE *), unsigned id)
{
	FILE *out = fmemopen(text, sizeof text, "w");

	ck_assert_ptr_nonnull(out);
	text[0] = '\0'; /* nothing printed leaves it alone */
	f(&s, id, out);
	fclose(out);
	return text;
}

/* The n-th line of what was printed, from 1. */
static const char *line(unsigned n)
{
	static char one[400];
	const char *p = text;

	while (--n) {
		p = strchr(p, '\n');
		ck_assert_ptr_nonnull(p);
		p++;
	}
	snprintf(one, sizeof one, "%.*s", (int)strcspn(p, "\n"), p);
	return one;
}

START_TEST(test_meminfo)
{
	/* 80000 kB are 20000 pages; 40 % of them are 8000 pages, 32000 kB; + 7013 */
	ck_assert_str_eq(print(show_meminfo, 0), "MemTotal:          80000 kB\n"
						 "MemFree:           50001 kB\n"
						 "MemAvailable:      60002 kB\n"
						 "Buffers:               0 kB\n"
						 "Cached:             1003 kB\n"
						 "SwapCached:         1004 kB\n"
						 "Active:             1005 kB\n"
						 "Inactive:           1006 kB\n"
						 "Active(anon):       1007 kB\n"
						 "Inactive(anon):     1008 kB\n"
						 "Active(file):       1009 kB\n"
						 "Inactive(file):     1010 kB\n"
						 "Unevictable:        1011 kB\n"
						 "Mlocked:            1012 kB\n"
						 "SwapTotal:          7013 kB\n"
						 "SwapFree:           4014 kB\n"
						 "Zswap:                 0 kB\n"
						 "Zswapped:              0 kB\n"
						 "Dirty:              1015 kB\n"
						 "Writeback:          1016 kB\n"
						 "AnonPages:          1017 kB\n"
						 "Mapped:             1018 kB\n"
						 "Shmem:              1019 kB\n"
						 "KReclaimable:       1021 kB\n"
						 "Slab:               1020 kB\n"
						 "SReclaimable:       1021 kB\n"
						 "SUnreclaim:         1022 kB\n"
						 "KernelStack:        1025 kB\n"
						 "PageTables:         1023 kB\n"
						 "SecPageTables:         0 kB\n"
						 "NFS_Unstable:          0 kB\n"
						 "Bounce:                0 kB\n"
						 "WritebackTmp:          0 kB\n"
						 "CommitLimit:       39013 kB\n"
						 "Committed_AS:       1024 kB\n"
						 "VmallocTotal:   34359738367 kB\n"
						 "VmallocUsed:           0 kB\nVmallocChunk:          0 kB\n"
						 "Percpu:                0 kB\n"
						 "HardwareCorrupted:     0 kB\n"
						 "AnonHugePages:      6144 kB\n"
						 "ShmemHugePages:     8192 kB\n"
						 "ShmemPmdMapped:        0 kB\n"
						 "FileHugePages:     10240 kB\n"
						 "FilePmdMapped:         0 kB\n"
						 "HugePages_Total:       0\n"
						 "HugePages_Free:        0\nHugePages_Rsvd:        0\n"
						 "HugePages_Surp:        0\n"
						 "Hugepagesize:       2048 kB\n"
						 "Hugetlb:               0 kB\n"
						 "DirectMap4k:           0 kB\nDirectMap2M:           0 kB\n"
						 "DirectMap1G:           0 kB\n");
}
END_TEST

START_TEST(test_free)
{
	ck_assert_str_eq(print(show_free, 0),
			 "               total        used        free      shared  buff/cache   available\n"
			 "Mem:           80000       19998       50001        1019        2024       60002\n"
			 "Swap:           7013        2999        4014\n");
}
END_TEST

/* Places of names in 6.1's vmstat_text: 11 zone items, 6 of NUMA, 43 node items, two limits, events. */
START_TEST(test_vmstat)
{
	print(show_vmstat, 0);
	ck_assert_str_eq(line(1), "nr_free_pages 2001");
	ck_assert_str_eq(line(12), "numa_hit 2002");
	ck_assert_str_eq(line(18), "nr_inactive_anon 2003");
	ck_assert_str_eq(line(27), "workingset_nodes 2004");
	ck_assert_str_eq(line(60), "pgpromote_candidate 2005");
	ck_assert_str_eq(line(61), "nr_dirty_threshold 2006");
	ck_assert_str_eq(line(63), "pgpgin 2007");
	ck_assert_str_eq(line(69), "pgalloc_normal 2008");
	ck_assert_str_eq(line(71), "pgalloc_device 0");
	ck_assert_str_eq(line(86), "pgfault 2009");
	ck_assert_str_eq(line(87), "pgmajfault 2010");
	ck_assert_ptr_nonnull(strstr(text, "\nnr_anon_transparent_hugepages 3\n"));
	ck_assert_str_eq(strstr(text, "direct_map_level3_splits"),
			 "direct_map_level3_splits 0\nnr_unstable 0\n");
}
END_TEST

START_TEST(test_zoneinfo)
{
	const char *dma32;

	print(show_zoneinfo, 0);
	ck_assert_str_eq(line(1), "Node 0, zone      DMA");
	ck_assert_str_eq(line(2), "  per-node stats");
	ck_assert_str_eq(line(3), "      nr_inactive_anon 33");
	ck_assert_str_eq(line(4), "      nr_active_anon 11");
	dma32 = strstr(text, "Node 0, zone    DMA32");
	ck_assert_ptr_nonnull(dma32);
	ck_assert_ptr_nonnull(strstr(text, "      nr_anon_transparent_hugepages 2\n")); /* 1024 base pages */
	memmove(text, dma32, strlen(dma32) + 1);
	*strstr(text, "Node 0, zone   Normal") = '\0';
	/* 3 CPUs, below 128 MiB: 2 x fls(3) x (1 + fls(0)) = 4 */
	ck_assert_str_eq(text, "Node 0, zone    DMA32\n"
			       "  pages free     101\n"
			       "        boost    102\n"
			       "        min      103\n"
			       "        low      104\n"
			       "        high     105\n"
			       "        spanned  106\n"
			       "        present  107\n"
			       "        managed  4352\n"
			       "        cma      0\n"
			       "        protection: (109, 110, 111, 112, 112)\n"
			       "      nr_free_pages 1024\n"
			       "      nr_zone_inactive_anon 0\n      nr_zone_active_anon 0\n"
			       "      nr_zone_inactive_file 0\n      nr_zone_active_file 0\n"
			       "      nr_zone_unevictable 0\n"
			       "      nr_zone_write_pending 0\n"
			       "      nr_mlock     114\n"
			       "      nr_bounce    0\n      nr_zspages   0\n"
			       "      nr_free_cma  0\n"
			       "      numa_hit     0\n      numa_miss    0\n"
			       "      numa_foreign 0\n"
			       "      numa_interleave 115\n"
			       "      numa_local   0\n"
			       "      numa_other   0\n"
			       "  pagesets\n"
			       "    cpu: 0\n              count: 116\n"
			       "              high:  118\n              batch: 119\n"
			       "  vm stats threshold: 4\n"
			       "    cpu: 1\n              count: 0\n"
			       "              high:  118\n              batch: 119\n"
			       "  vm stats threshold: 4\n"
			       "    cpu: 2\n              count: 117\n"
			       "              high:  118\n              batch: 119\n"
			       "  vm stats threshold: 4\n"
			       "  node_unreclaimable:  0\n"
			       "  start_pfn:           4096\n");
}
END_TEST

START_TEST(test_blocks_and_caches)
{
	print(show_buddyinfo, 0);
	ck_assert_str_eq(line(2),
			 "Node 0, zone    DMA32    201    202    203      0      0      0      0      0      "
			 "0    209 1234567 ");
	print(show_slabinfo, 0);
	ck_assert_str_eq(line(1), "slabinfo - version: 2.1");
	ck_assert_str_eq(line(3),
			 "a_cache_with_a_long_name      0      1      0    0    0 : tunables    0    0    0 "
			 ": slabdata      0      0      0");
	ck_assert_str_eq(line(4),
			 "dentry               301    302    303  304  305 : tunables    0    0    0 "
			 ": slabdata    306    306      0");
}
END_TEST

START_TEST(test_numa_tools)
{
	/* 8192 pages = 32 MiB, 3840 free = 15; 65536 = 256, 512 free = 2 */
	ck_assert_str_eq(print(show_numactl, 0), "available: 2 nodes (0-1)\n"
						 "node 0 cpus: 0 1\n"
						 "node 0 size: 32 MB\n"
						 "node 0 free: 15 MB\n"
						 "node 1 cpus: 2\n"
						 "node 1 size: 256 MB\n"
						 "node 1 free: 2 MB\n"
						 "node distances:\n"
						 "node   0   1 \n"
						 "  0:  10  31 \n"
						 "  1:  32  10 \n");
	ck_assert_str_eq(print(show_numastat, 0), "                           node0           node1\n"
						  "numa_hit                      61              71\n"
						  "numa_miss                     62              72\n"
						  "numa_foreign                  63              73\n"
						  "interleave_hit                64              74\n"
						  "local_node                    65              75\n"
						  "other_node                    66              76\n");
}
END_TEST

START_TEST(test_node_files)
{
	print(show_node_meminfo, 0);
	ck_assert_str_eq(line(1), "Node 0 MemTotal:          32768 kB");
	ck_assert_str_eq(line(2), "Node 0 MemFree:           15360 kB");
	ck_assert_str_eq(line(3), "Node 0 MemUsed:           17408 kB");
	ck_assert_str_eq(line(5), "Node 0 Active:              132 kB");
	ck_assert_str_eq(line(6), "Node 0 Inactive:            308 kB");
	ck_assert_str_eq(line(7), "Node 0 Active(anon):         44 kB");
	ck_assert_str_eq(line(12), "Node 0 Mlocked:             456 kB");
	ck_assert_str_eq(line(19), "Node 0 KernelStack:          55 kB");
	ck_assert_ptr_nonnull(strstr(text, "\nNode 0 AnonHugePages:      4096 kB\n"));
	ck_assert_str_eq(print(show_node_numastat, 1), "numa_hit 71\nnuma_miss 72\nnuma_foreign 73\n"
						       "interleave_hit 74\nlocal_node 75\nother_node 76\n");
	print(show_node_vmstat, 0);
	ck_assert_str_eq(line(1), "nr_free_pages 3840");
	ck_assert_str_eq(line(15), "numa_interleave 64");
	ck_assert_str_eq(line(18), "nr_inactive_anon 33");
	ck_assert_str_eq(print(show_node_distance, 1), "32 10\n");
	ck_assert_str_eq(print(show_node_cpulist, 0), "0-1\n");
	ck_assert_str_eq(print(show_node_cpulist, 1), "2\n");
	ck_assert_str_eq(print(show_node_cpumap, 0), "3\n");
	ck_assert_str_eq(print(show_node_cpumap, 1), "4\n");
	ck_assert_str_eq(print(show_nodes_online, 0), "0-1\n");
}
END_TEST

#define CODE_HEAD "00401000-00404000 r-xp 00001000 00:00 31"
#define DATA_HEAD "7f0000001000-7f0000003000 rw-p 00000000 00:00 0 \n"

START_TEST(test_maps)
{
	print(show_maps, 7);
	ck_assert_int_eq(strncmp(text, CODE_HEAD " ", sizeof CODE_HEAD), 0);
	ck_assert_str_eq(line(1) + 73, "/bin/true"); /* seq_pad: column 73 */
	ck_assert_str_eq(strchr(text, '\n') + 1, DATA_HEAD);
	ck_assert_str_eq(print(show_maps, 9), "");
	ck_assert_str_eq(
		print(show_numa_maps, 7),
		"00401000 default file=/bin/true anon=3 dirty=2 mapped=10 mapmax=4 swapcache=1 active=5"
		" writeback=8 N0=7 N1=9 kernelpagesize_kB=4\n"
		"7f0000001000 interleave=static:0-3,5\n");
}
END_TEST

START_TEST(test_smaps)
{
	print(show_smaps, 7);
	*strstr(text, DATA_HEAD) = '\0';
	ck_assert_str_eq(strchr(text, '\n') + 1, "Size:                 12 kB\n"
						 "KernelPageSize:        4 kB\n"
						 "MMUPageSize:           4 kB\n"
						 "Rss:                  40 kB\n"
						 "Pss:                 602 kB\n"
						 "Pss_Dirty:           603 kB\n"
						 "Shared_Clean:        604 kB\n"
						 "Shared_Dirty:        605 kB\n"
						 "Private_Clean:       606 kB\n"
						 "Private_Dirty:       607 kB\n"
						 "Referenced:          608 kB\n"
						 "Anonymous:            12 kB\n"
						 "LazyFree:            610 kB\n"
						 "AnonHugePages:       611 kB\n"
						 "ShmemPmdMapped:        0 kB\nFilePmdMapped:         0 kB\n"
						 "Shared_Hugetlb:        0 kB\nPrivate_Hugetlb:       0 kB\n"
						 "Swap:                612 kB\n"
						 "SwapPss:             613 kB\n"
						 "Locked:              614 kB\n"
						 "THPeligible:    0\n"
						 "VmFlags: rd ex mr mw me \n");
}
END_TEST

START_TEST(test_status)
{
	ck_assert_str_eq(print(show_status, 7), "Name:\ta-program-with-\n"
						"Umask:\t0022\nState:\tS (sleeping)\n"
						"Tgid:\t7\n"
						"Ngid:\t0\n"
						"Pid:\t7\nPPid:\t401\n"
						"TracerPid:\t0\n"
						"VmPeak:\t     403 kB\n"
						"VmSize:\t     403 kB\n"
						"VmLck:\t     404 kB\n"
						"VmPin:\t       0 kB\n"
						"VmHWM:\t     405 kB\n"
						"VmRSS:\t     406 kB\n"
						"RssAnon:\t     407 kB\n"
						"RssFile:\t     408 kB\n"
						"RssShmem:\t     409 kB\n"
						"VmData:\t     410 kB\n"
						"VmStk:\t     411 kB\n"
						"VmExe:\t       0 kB\n"
						"VmLib:\t     412 kB\n"
						"VmPTE:\t     413 kB\n"
						"VmSwap:\t     414 kB\n"
						"HugetlbPages:\t       0 kB\n"
						"Threads:\t402\n");
}
END_TEST

START_TEST(test_procrank)
{
	print(show_procrank, 0);
	ck_assert_str_eq(line(1), "  PID       Vss      Rss      Pss      Uss  cmdline");
	ck_assert_str_eq(line(2), "    8      500K     501K     900K     502K  ");
	ck_assert_str_eq(line(3), "    7      403K     415K     416K      23K  a-program-with-a-long-name");
	ck_assert_str_eq(line(5), "                            1316K     525K  TOTAL");
	ck_assert_str_eq(line(7),
			 "RAM: 80000K total, 50001K free, 0K buffers, 1003K cached, 1019K shmem, 1020K slab");
}
END_TEST

static int load(const char *run, const char *at, struct err *e)
{
	struct db d;
	int rc;

	show_release(&s);
	err_clear(e);
	ck_assert_int_eq(db_open(&d, path, DB_READ, e), 0);
	rc = show_load(&s, &d, &(struct show_where){.run = run, .at = at}, e);
	db_close(&d);
	return rc;
}

/* The final snapshot is the one that is meant, although another comes behind it. */
START_TEST(test_snapshots)
{
	struct err e = {0};

	ck_assert_int_eq(show_get(&s, "meminfo", "MemTotal"), 80000);
	ck_assert_int_eq(load("r", "mark", &e), 0);
	ck_assert_int_eq(show_get(&s, "meminfo", "MemTotal"), 80001);
	ck_assert_int_eq(load("1", "0", &e), 0);
	ck_assert_int_eq(show_get(&s, "meminfo", "MemTotal"), 80001);
	ck_assert_int_eq(load("r", "interval", &e), -ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "no kernel counters"));
	ck_assert_int_eq(load("r", "later", &e), -ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "no snapshot \"later\""));
	ck_assert_int_eq(load("q", NULL, &e), -ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "no run \"q\""));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("show");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, test_meminfo);
	tcase_add_test(t, test_free);
	tcase_add_test(t, test_vmstat);
	tcase_add_test(t, test_zoneinfo);
	tcase_add_test(t, test_blocks_and_caches);
	tcase_add_test(t, test_numa_tools);
	tcase_add_test(t, test_node_files);
	tcase_add_test(t, test_maps);
	tcase_add_test(t, test_smaps);
	tcase_add_test(t, test_status);
	tcase_add_test(t, test_procrank);
	tcase_add_test(t, test_snapshots);
	return run_case("show", t);
}
