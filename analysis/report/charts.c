/*
 * charts.c - the list of what a report draws over simulated time.
 */
#include "analysis/report/report.h"

#define MIB_OF_PAGES (1.0 / 256)

static const struct report_line lines[] = {
	{"Memory", "MiB", REPORT_LEVEL, "free", "zone.nr_free_pages", NULL, MIB_OF_PAGES},
	{"Memory", "MiB", REPORT_LEVEL, "anonymous", "node.nr_anon_pages", NULL, MIB_OF_PAGES},
	{"Memory", "MiB", REPORT_LEVEL, "file pages", "node.nr_file_pages", NULL, MIB_OF_PAGES},
	{"Memory", "MiB", REPORT_LEVEL, "slabs", "node.nr_slab_reclaimable+node.nr_slab_unreclaimable", NULL,
	 MIB_OF_PAGES},
	{"Memory", "MiB", REPORT_LEVEL, "page tables", "node.nr_page_table_pages", NULL, MIB_OF_PAGES},
	{"Resident and swapped", "MiB", REPORT_LEVEL, "resident", "process.rss_pages", NULL, MIB_OF_PAGES},
	{"Resident and swapped", "MiB", REPORT_LEVEL, "in swap", "process.swap_pages", NULL, MIB_OF_PAGES},
	{"Where the CPUs' time went", "%", REPORT_SHARE, "programs", "cycles.user_insn+cycles.user_memory",
	 NULL, 100},
	{"Where the CPUs' time went", "%", REPORT_SHARE, "translation", "cycles.tlb+cycles.walk", NULL, 100},
	{"Where the CPUs' time went", "%", REPORT_SHARE, "page faults",
	 "cycles.exception+cycles.fault+cycles.clear_copy+cycles.alloc", NULL, 100},
	{"Where the CPUs' time went", "%", REPORT_SHARE, "reclaim",
	 "cycles.reclaim_direct+cycles.reclaim_kswapd", NULL, 100},
	{"Where the CPUs' time went", "%", REPORT_SHARE, "input and output",
	 "cycles.swap+cycles.file+cycles.writeback", NULL, 100},
	{"Where the CPUs' time went", "%", REPORT_SHARE, "other kernel work",
	 "cycles.migrate+cycles.syscall+cycles.schedule+cycles.shootdown+cycles.tick", NULL, 100},
	{"Where the CPUs' time went", "%", REPORT_SHARE, "waiting for a device", "cycles.iowait", NULL, 100},
	{"Where the CPUs' time went", "%", REPORT_SHARE, "idle", "cycles.idle", NULL, 100},
	{"Accesses", "per ms", REPORT_RATE, "accesses", "cpu.accesses", NULL, 1},
	{"Page faults", "per ms", REPORT_RATE, "all", "vmstat.pgfault", NULL, 1},
	{"Page faults", "per ms", REPORT_RATE, "major", "vmstat.pgmajfault", NULL, 1},
	{"Reclaim", "pages per ms", REPORT_RATE, "scanned", "vmstat.pgscan_kswapd+vmstat.pgscan_direct", NULL,
	 1},
	{"Reclaim", "pages per ms", REPORT_RATE, "reclaimed by kswapd", "vmstat.pgsteal_kswapd", NULL, 1},
	{"Reclaim", "pages per ms", REPORT_RATE, "reclaimed by tasks", "vmstat.pgsteal_direct", NULL, 1},
	{"Refaults", "pages per ms", REPORT_RATE, "anonymous", "node.workingset_refault_anon", NULL, 1},
	{"Refaults", "pages per ms", REPORT_RATE, "file", "node.workingset_refault_file", NULL, 1},
	{"Swap", "pages per ms", REPORT_RATE, "out", "vmstat.pswpout", NULL, 1},
	{"Swap", "pages per ms", REPORT_RATE, "in", "vmstat.pswpin", NULL, 1},
	{"TLB misses", "per 1000 accesses", REPORT_RATIO, "first level", "tlb.l1d_misses+tlb.l1i_misses",
	 "cpu.accesses", 1000},
	{"TLB misses", "per 1000 accesses", REPORT_RATIO, "second level", "tlb.l2_misses", "cpu.accesses",
	 1000},
	{"Page walks", "cycles per access", REPORT_RATIO, "walk cycles", "mmu.walk_cycles", "cpu.accesses",
	 1},
	{"Accesses to other nodes", "%", REPORT_RATIO, "remote", "cpu.remote_accesses", "cpu.accesses", 100},
};

const struct report_line *report_line_at(size_t i)
{
	return i < ARRAY_LEN(lines) ? &lines[i] : NULL;
}
