/*
 * vmstat.c - /proc/vmstat and a node's vmstat: all counters of Linux 6.1 as Debian 12 (amd64) configures it.
 *
 * After mm/vmstat.c vmstat_text and vmstat_start, drivers/base/node.c node_read_vmstat. Counters of what is
 * not modelled are 0.
 */
#include "analysis/show/show.h"

const struct show_item show_zone_items[] = {
	{"nr_free_pages", 1},
	{"nr_zone_inactive_anon", 1},
	{"nr_zone_active_anon", 1},
	{"nr_zone_inactive_file", 1},
	{"nr_zone_active_file", 1},
	{"nr_zone_unevictable", 1},
	{"nr_zone_write_pending", 1},
	{"nr_mlock", 1},
	{"nr_bounce", 1},
	{"nr_zspages", 1},
	{"nr_free_cma", 1},
	{NULL, 0},
};

const struct show_item show_numa_items[] = {
	{"numa_hit", 1},   {"numa_miss", 1},  {"numa_foreign", 1}, {"numa_interleave", 1},
	{"numa_local", 1}, {"numa_other", 1}, {NULL, 0},
};

const struct show_item show_node_items[] = {
	{"nr_inactive_anon", 1},
	{"nr_active_anon", 1},
	{"nr_inactive_file", 1},
	{"nr_active_file", 1},
	{"nr_unevictable", 1},
	{"nr_slab_reclaimable", 1},
	{"nr_slab_unreclaimable", 1},
	{"nr_isolated_anon", 1},
	{"nr_isolated_file", 1},
	{"workingset_nodes", 1},
	{"workingset_refault_anon", 1},
	{"workingset_refault_file", 1},
	{"workingset_activate_anon", 1},
	{"workingset_activate_file", 1},
	{"workingset_restore_anon", 1},
	{"workingset_restore_file", 1},
	{"workingset_nodereclaim", 1},
	{"nr_anon_pages", 1},
	{"nr_mapped", 1},
	{"nr_file_pages", 1},
	{"nr_dirty", 1},
	{"nr_writeback", 1},
	{"nr_writeback_temp", 1},
	{"nr_shmem", 1},
	{"nr_shmem_hugepages", 512},
	{"nr_shmem_pmdmapped", 512},
	{"nr_file_hugepages", 512},
	{"nr_file_pmdmapped", 512},
	{"nr_anon_transparent_hugepages", 512},
	{"nr_vmscan_write", 1},
	{"nr_vmscan_immediate_reclaim", 1},
	{"nr_dirtied", 1},
	{"nr_written", 1},
	{"nr_throttled_written", 1},
	{"nr_kernel_misc_reclaimable", 1},
	{"nr_foll_pin_acquired", 1},
	{"nr_foll_pin_released", 1},
	{"nr_kernel_stack", 1},
	{"nr_page_table_pages", 1},
	{"nr_sec_page_table_pages", 1},
	{"nr_swapcached", 1},
	{"pgpromote_success", 1},
	{"pgpromote_candidate", 1},
	{NULL, 0},
};

static const char *const events[] = {
	"nr_dirty_threshold",
	"nr_dirty_background_threshold",
	"pgpgin",
	"pgpgout",
	"pswpin",
	"pswpout",
#define ZONES(name) name "_dma", name "_dma32", name "_normal", name "_movable", name "_device"
	ZONES("pgalloc"),
	ZONES("allocstall"),
	ZONES("pgskip"),
#undef ZONES
	"pgfree",
	"pgactivate",
	"pgdeactivate",
	"pglazyfree",
	"pgfault",
	"pgmajfault",
	"pglazyfreed",
	"pgrefill",
	"pgreuse",
	"pgsteal_kswapd",
	"pgsteal_direct",
	"pgdemote_kswapd",
	"pgdemote_direct",
	"pgscan_kswapd",
	"pgscan_direct",
	"pgscan_direct_throttle",
	"pgscan_anon",
	"pgscan_file",
	"pgsteal_anon",
	"pgsteal_file",
	"zone_reclaim_failed",
	"pginodesteal",
	"slabs_scanned",
	"kswapd_inodesteal",
	"kswapd_low_wmark_hit_quickly",
	"kswapd_high_wmark_hit_quickly",
	"pageoutrun",
	"pgrotated",
	"drop_pagecache",
	"drop_slab",
	"oom_kill",
	"numa_pte_updates",
	"numa_huge_pte_updates",
	"numa_hint_faults",
	"numa_hint_faults_local",
	"numa_pages_migrated",
	"pgmigrate_success",
	"pgmigrate_fail",
	"thp_migration_success",
	"thp_migration_fail",
	"thp_migration_split",
	"compact_migrate_scanned",
	"compact_free_scanned",
	"compact_isolated",
	"compact_stall",
	"compact_fail",
	"compact_success",
	"compact_daemon_wake",
	"compact_daemon_migrate_scanned",
	"compact_daemon_free_scanned",
	"htlb_buddy_alloc_success",
	"htlb_buddy_alloc_fail",
	"unevictable_pgs_culled",
	"unevictable_pgs_scanned",
	"unevictable_pgs_rescued",
	"unevictable_pgs_mlocked",
	"unevictable_pgs_munlocked",
	"unevictable_pgs_cleared",
	"unevictable_pgs_stranded",
	"thp_fault_alloc",
	"thp_fault_fallback",
	"thp_fault_fallback_charge",
	"thp_collapse_alloc",
	"thp_collapse_alloc_failed",
	"thp_file_alloc",
	"thp_file_fallback",
	"thp_file_fallback_charge",
	"thp_file_mapped",
	"thp_split_page",
	"thp_split_page_failed",
	"thp_deferred_split_page",
	"thp_split_pmd",
	"thp_scan_exceed_none_pte",
	"thp_scan_exceed_swap_pte",
	"thp_scan_exceed_share_pte",
	"thp_split_pud",
	"thp_zero_page_alloc",
	"thp_zero_page_alloc_failed",
	"thp_swpout",
	"thp_swpout_fallback",
	"balloon_inflate",
	"balloon_deflate",
	"balloon_migrate",
	"swap_ra",
	"swap_ra_hit",
	"ksm_swpin_copy",
	"cow_ksm",
	"zswpin",
	"zswpout",
	"direct_map_level2_splits",
	"direct_map_level3_splits",
};

/* The stored machine-wide counters of huge pages are in huge pages already. */
static void print_machine(const struct show *s, const struct show_item *items, FILE *f)
{
	for (; items->name; items++)
		fprintf(f, "%s %" PRIu64 "\n", items->name, (uint64_t)show_get(s, "vmstat", items->name));
}

void show_vmstat(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	print_machine(s, show_zone_items, f);
	print_machine(s, show_numa_items, f);
	print_machine(s, show_node_items, f);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		fprintf(f, "%s %" PRIu64 "\n", events[i], (uint64_t)show_get(s, "vmstat", events[i]));
	fputs("nr_unstable 0\n", f); /* kept for old readers: vmstat_show */
}

void show_node_vmstat(const struct show *s, unsigned id, FILE *f)
{
	/* what sysfs calls show_numa_items */
	static const char *const numastat[] = {"numa_hit",       "numa_miss",  "numa_foreign",
					       "interleave_hit", "local_node", "other_node"};
	char node[32], zones[32];

	snprintf(node, sizeof node, "node/%u", id);
	snprintf(zones, sizeof zones, "zone/%u/", id);
	for (const struct show_item *i = show_zone_items; i->name; i++) {
		int64_t sum = 0;

		for (const char *z = NULL; (z = show_next(s, zones, z));)
			sum += show_get(s, z, i->name);
		fprintf(f, "%s %" PRIu64 "\n", i->name, (uint64_t)sum);
	}
	for (size_t i = 0; show_numa_items[i].name; i++)
		fprintf(f, "%s %" PRIu64 "\n", show_numa_items[i].name,
			(uint64_t)show_get(s, node, numastat[i]));
	for (const struct show_item *i = show_node_items; i->name; i++)
		fprintf(f, "%s %" PRIu64 "\n", i->name, (uint64_t)show_get(s, node, i->name) / i->divide);
}
