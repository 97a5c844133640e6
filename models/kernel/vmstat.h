/*
 * vmstat.h - the kernel's counters, in its own names (include/linux/vm_event_item.h, mmzone.h; mm/vmstat.c
 * vmstat_text, 6.1).
 *
 * One row a counter: identifier, name as /proc/vmstat prints it, unit, sentence. Events are counted
 * machine-wide, node and zone items per node and zone; /proc/vmstat prints sums of the latter. Not modelled:
 * the per-CPU differentials of vm_stat (every change is seen at once), counters of features that are not
 * modelled.
 */
#ifndef MODELS_KERNEL_VMSTAT_H
#define MODELS_KERNEL_VMSTAT_H

#include "sim/stat.h"

/* Events, machine-wide: VMEV_x. */
#define VM_EVENTS(X, S)                                                                                      \
	X(S, PGPGIN, pgpgin, "KiB", "read from block devices")                                               \
	X(S, PGPGOUT, pgpgout, "KiB", "written to block devices")                                            \
	X(S, PSWPIN, pswpin, "pages", "read from swap")                                                      \
	X(S, PSWPOUT, pswpout, "pages", "written to swap")                                                   \
	X(S, PGALLOC_DMA, pgalloc_dma, "pages", "allocated from zone DMA")                                   \
	X(S, PGALLOC_DMA32, pgalloc_dma32, "pages", "allocated from zone DMA32")                             \
	X(S, PGALLOC_NORMAL, pgalloc_normal, "pages", "allocated from zone Normal")                          \
	X(S, PGALLOC_HIGH, pgalloc_high, "pages", "allocated from zone HighMem")                             \
	X(S, PGALLOC_MOVABLE, pgalloc_movable, "pages", "allocated from zone Movable")                       \
	X(S, ALLOCSTALL_DMA, allocstall_dma, "stalls", "direct reclaims of requests for zone DMA")           \
	X(S, ALLOCSTALL_DMA32, allocstall_dma32, "stalls", "direct reclaims of requests for zone DMA32")     \
	X(S, ALLOCSTALL_NORMAL, allocstall_normal, "stalls", "direct reclaims of requests for zone Normal")  \
	X(S, ALLOCSTALL_HIGH, allocstall_high, "stalls", "direct reclaims of requests for zone HighMem")     \
	X(S, ALLOCSTALL_MOVABLE, allocstall_movable, "stalls", "direct reclaims of movable requests")        \
	X(S, PGSCAN_SKIP_DMA, pgskip_dma, "pages", "skipped in isolation because of their zone DMA")         \
	X(S, PGSCAN_SKIP_DMA32, pgskip_dma32, "pages", "skipped in isolation because of their zone DMA32")   \
	X(S, PGSCAN_SKIP_NORMAL, pgskip_normal, "pages",                                                     \
	  "skipped in isolation because of their zone Normal")                                               \
	X(S, PGSCAN_SKIP_HIGH, pgskip_high, "pages", "skipped in isolation because of their zone HighMem")   \
	X(S, PGSCAN_SKIP_MOVABLE, pgskip_movable, "pages",                                                   \
	  "skipped in isolation because of their zone Movable")                                              \
	X(S, PGFREE, pgfree, "pages", "freed")                                                               \
	X(S, PGACTIVATE, pgactivate, "pages", "moved to an active list")                                     \
	X(S, PGDEACTIVATE, pgdeactivate, "pages", "moved from an active to an inactive list")                \
	X(S, PGLAZYFREE, pglazyfree, "pages", "marked by MADV_FREE")                                         \
	X(S, PGFAULT, pgfault, "faults", "page faults, minor and major")                                     \
	X(S, PGMAJFAULT, pgmajfault, "faults", "page faults that waited for a device")                       \
	X(S, PGLAZYFREED, pglazyfreed, "pages", "reclaimed after MADV_FREE")                                 \
	X(S, PGREFILL, pgrefill, "pages", "scanned on active lists")                                         \
	X(S, PGREUSE, pgreuse, "faults", "write faults that reused the page instead of copying")             \
	X(S, PGSTEAL_KSWAPD, pgsteal_kswapd, "pages", "reclaimed by kswapd")                                 \
	X(S, PGSTEAL_DIRECT, pgsteal_direct, "pages", "reclaimed by allocating tasks")                       \
	X(S, PGDEMOTE_KSWAPD, pgdemote_kswapd, "pages", "demoted by kswapd")                                 \
	X(S, PGDEMOTE_DIRECT, pgdemote_direct, "pages", "demoted by allocating tasks")                       \
	X(S, PGSCAN_KSWAPD, pgscan_kswapd, "pages", "scanned by kswapd")                                     \
	X(S, PGSCAN_DIRECT, pgscan_direct, "pages", "scanned by allocating tasks")                           \
	X(S, PGSCAN_DIRECT_THROTTLE, pgscan_direct_throttle, "stalls",                                       \
	  "allocating tasks throttled because reserves ran low")                                             \
	X(S, PGSCAN_ANON, pgscan_anon, "pages", "anonymous pages scanned")                                   \
	X(S, PGSCAN_FILE, pgscan_file, "pages", "file pages scanned")                                        \
	X(S, PGSTEAL_ANON, pgsteal_anon, "pages", "anonymous pages reclaimed")                               \
	X(S, PGSTEAL_FILE, pgsteal_file, "pages", "file pages reclaimed")                                    \
	X(S, PGSCAN_ZONE_RECLAIM_FAILED, zone_reclaim_failed, "attempts",                                    \
	  "zone_reclaim_mode attempts that failed")                                                          \
	X(S, PGINODESTEAL, pginodesteal, "pages", "page-cache pages dropped with their inodes")              \
	X(S, SLABS_SCANNED, slabs_scanned, "objects", "slab objects scanned")                                \
	X(S, KSWAPD_INODESTEAL, kswapd_inodesteal, "pages",                                                  \
	  "page-cache pages dropped with their inodes by kswapd")                                            \
	X(S, KSWAPD_LOW_WMARK_HIT_QUICKLY, kswapd_low_wmark_hit_quickly, "sleeps",                           \
	  "kswapd woke from its short sleep below the low watermark")                                        \
	X(S, KSWAPD_HIGH_WMARK_HIT_QUICKLY, kswapd_high_wmark_hit_quickly, "sleeps",                         \
	  "kswapd woke from its short sleep below the high watermark")                                       \
	X(S, PAGEOUTRUN, pageoutrun, "runs", "runs of kswapd")                                               \
	X(S, PGROTATED, pgrotated, "pages", "moved to the tail of the inactive list after write-back")       \
	X(S, DROP_PAGECACHE, drop_pagecache, "calls", "drop_caches of the page cache")                       \
	X(S, DROP_SLAB, drop_slab, "calls", "drop_caches of slabs")                                          \
	X(S, OOM_KILL, oom_kill, "kills", "processes killed because memory ran out")                         \
	X(S, NUMA_PTE_UPDATES, numa_pte_updates, "entries",                                                  \
	  "page-table entries made to give hinting faults")                                                  \
	X(S, NUMA_HUGE_PTE_UPDATES, numa_huge_pte_updates, "entries",                                        \
	  "huge entries made to give hinting faults")                                                        \
	X(S, NUMA_HINT_FAULTS, numa_hint_faults, "faults", "NUMA hinting faults")                            \
	X(S, NUMA_HINT_FAULTS_LOCAL, numa_hint_faults_local, "faults", "NUMA hinting faults on local pages") \
	X(S, NUMA_PAGE_MIGRATE, numa_pages_migrated, "pages", "migrated by NUMA balancing")                  \
	X(S, PGMIGRATE_SUCCESS, pgmigrate_success, "pages", "migrated")                                      \
	X(S, PGMIGRATE_FAIL, pgmigrate_fail, "pages", "that could not be migrated")                          \
	X(S, THP_MIGRATION_SUCCESS, thp_migration_success, "pages", "huge pages migrated whole")             \
	X(S, THP_MIGRATION_FAIL, thp_migration_fail, "pages", "huge pages that could not be migrated whole") \
	X(S, THP_MIGRATION_SPLIT, thp_migration_split, "pages", "huge pages split to be migrated")           \
	X(S, COMPACTMIGRATE_SCANNED, compact_migrate_scanned, "pages",                                       \
	  "scanned by compaction for pages to move")                                                         \
	X(S, COMPACTFREE_SCANNED, compact_free_scanned, "pages", "scanned by compaction for free pages")     \
	X(S, COMPACTISOLATED, compact_isolated, "pages", "isolated by compaction")                           \
	X(S, COMPACTSTALL, compact_stall, "stalls", "tasks that compacted memory themselves")                \
	X(S, COMPACTFAIL, compact_fail, "stalls", "direct compactions without success")                      \
	X(S, COMPACTSUCCESS, compact_success, "stalls", "direct compactions with success")                   \
	X(S, KCOMPACTD_WAKE, compact_daemon_wake, "wakes", "wake-ups of kcompactd")                          \
	X(S, KCOMPACTD_MIGRATE_SCANNED, compact_daemon_migrate_scanned, "pages",                             \
	  "scanned by kcompactd for pages to move")                                                          \
	X(S, KCOMPACTD_FREE_SCANNED, compact_daemon_free_scanned, "pages",                                   \
	  "scanned by kcompactd for free pages")                                                             \
	X(S, UNEVICTABLE_PGCULLED, unevictable_pgs_culled, "pages", "found unevictable by reclaim")          \
	X(S, UNEVICTABLE_PGSCANNED, unevictable_pgs_scanned, "pages", "unevictable pages scanned")           \
	X(S, UNEVICTABLE_PGRESCUED, unevictable_pgs_rescued, "pages", "made evictable again")                \
	X(S, UNEVICTABLE_PGMLOCKED, unevictable_pgs_mlocked, "pages", "locked")                              \
	X(S, UNEVICTABLE_PGMUNLOCKED, unevictable_pgs_munlocked, "pages", "unlocked")                        \
	X(S, UNEVICTABLE_PGCLEARED, unevictable_pgs_cleared, "pages", "freed while locked")                  \
	X(S, UNEVICTABLE_PGSTRANDED, unevictable_pgs_stranded, "pages",                                      \
	  "unlocked but left on the unevictable list")                                                       \
	X(S, THP_FAULT_ALLOC, thp_fault_alloc, "pages", "huge pages allocated at a fault")                   \
	X(S, THP_FAULT_FALLBACK, thp_fault_fallback, "faults",                                               \
	  "that wanted a huge page and got a small one")                                                     \
	X(S, THP_COLLAPSE_ALLOC, thp_collapse_alloc, "pages", "huge pages allocated by khugepaged")          \
	X(S, THP_COLLAPSE_ALLOC_FAILED, thp_collapse_alloc_failed, "attempts",                               \
	  "huge pages khugepaged could not get")                                                             \
	X(S, THP_SCAN_EXCEED_NONE_PTE, thp_scan_exceed_none_pte, "ranges",                                   \
	  "ranges that khugepaged left because too many pages are missing")                                  \
	X(S, THP_SCAN_EXCEED_SWAP_PTE, thp_scan_exceed_swap_pte, "ranges",                                   \
	  "ranges that khugepaged left because too many pages are in swap")                                  \
	X(S, THP_SCAN_EXCEED_SHARED_PTE, thp_scan_exceed_share_pte, "ranges",                                \
	  "ranges that khugepaged left because too many pages are shared")                                   \
	X(S, THP_FILE_ALLOC, thp_file_alloc, "pages", "huge pages put into files")                           \
	X(S, THP_FILE_FALLBACK, thp_file_fallback, "attempts", "huge pages of files that could not be had")  \
	X(S, THP_FILE_FALLBACK_CHARGE, thp_file_fallback_charge, "attempts",                                 \
	  "of these, because the group was at its limit")                                                    \
	X(S, THP_FILE_MAPPED, thp_file_mapped, "entries", "huge entries of files mapped")                    \
	X(S, THP_SPLIT_PAGE, thp_split_page, "pages", "huge pages split")                                    \
	X(S, THP_SPLIT_PAGE_FAILED, thp_split_page_failed, "attempts", "splits that failed")                 \
	X(S, THP_DEFERRED_SPLIT_PAGE, thp_deferred_split_page, "pages", "huge pages queued for splitting")   \
	X(S, THP_SPLIT_PMD, thp_split_pmd, "entries", "huge entries split")                                  \
	X(S, THP_ZERO_PAGE_ALLOC, thp_zero_page_alloc, "pages", "huge zero pages allocated")                 \
	X(S, THP_ZERO_PAGE_ALLOC_FAILED, thp_zero_page_alloc_failed, "attempts",                             \
	  "huge zero pages that could not be had")                                                           \
	X(S, THP_SWPOUT, thp_swpout, "pages", "huge pages swapped out whole")                                \
	X(S, THP_SWPOUT_FALLBACK, thp_swpout_fallback, "pages", "huge pages split for swapping")             \
	X(S, SWAP_RA, swap_ra, "pages", "read ahead from swap")                                              \
	X(S, SWAP_RA_HIT, swap_ra_hit, "pages", "read ahead from swap and used")

/* Levels and counts per node: NR_x. */
#define NODE_ITEMS(X, S)                                                                               \
	X(S, INACTIVE_ANON, nr_inactive_anon, "pages", "on the inactive anonymous list")               \
	X(S, ACTIVE_ANON, nr_active_anon, "pages", "on the active anonymous list")                     \
	X(S, INACTIVE_FILE, nr_inactive_file, "pages", "on the inactive file list")                    \
	X(S, ACTIVE_FILE, nr_active_file, "pages", "on the active file list")                          \
	X(S, UNEVICTABLE, nr_unevictable, "pages", "on the unevictable list")                          \
	X(S, SLAB_RECLAIMABLE, nr_slab_reclaimable, "pages", "in reclaimable slab caches")             \
	X(S, SLAB_UNRECLAIMABLE, nr_slab_unreclaimable, "pages", "in other slab caches")               \
	X(S, ISOLATED_ANON, nr_isolated_anon, "pages", "anonymous, taken off the lists by reclaim")    \
	X(S, ISOLATED_FILE, nr_isolated_file, "pages", "file pages, taken off the lists by reclaim")   \
	X(S, WORKINGSET_NODES, workingset_nodes, "nodes", "index nodes that hold only shadow entries") \
	X(S, WORKINGSET_REFAULT_ANON, workingset_refault_anon, "pages",                                \
	  "anonymous, read back after eviction")                                                       \
	X(S, WORKINGSET_REFAULT_FILE, workingset_refault_file, "pages",                                \
	  "file pages, read back after eviction")                                                      \
	X(S, WORKINGSET_ACTIVATE_ANON, workingset_activate_anon, "pages",                              \
	  "anonymous refaults that were activated at once")                                            \
	X(S, WORKINGSET_ACTIVATE_FILE, workingset_activate_file, "pages",                              \
	  "file refaults that were activated at once")                                                 \
	X(S, WORKINGSET_RESTORE_ANON, workingset_restore_anon, "pages",                                \
	  "anonymous refaults of pages that had been active")                                          \
	X(S, WORKINGSET_RESTORE_FILE, workingset_restore_file, "pages",                                \
	  "file refaults of pages that had been active")                                               \
	X(S, WORKINGSET_NODERECLAIM, workingset_nodereclaim, "nodes", "shadow index nodes reclaimed")  \
	X(S, ANON_MAPPED, nr_anon_pages, "pages", "anonymous and mapped")                              \
	X(S, FILE_MAPPED, nr_mapped, "pages", "file pages that are mapped")                            \
	X(S, FILE_PAGES, nr_file_pages, "pages", "in the page cache and swap cache")                   \
	X(S, FILE_DIRTY, nr_dirty, "pages", "dirty file pages")                                        \
	X(S, WRITEBACK, nr_writeback, "pages", "under write-back")                                     \
	X(S, SHMEM, nr_shmem, "pages", "shared memory")                                                \
	X(S, SHMEM_THPS, nr_shmem_hugepages, "pages", "huge shared-memory pages")                      \
	X(S, SHMEM_PMDMAPPED, nr_shmem_pmdmapped, "pages", "shared memory mapped by huge entries")     \
	X(S, FILE_THPS, nr_file_hugepages, "pages", "huge file pages")                                 \
	X(S, ANON_THPS, nr_anon_transparent_hugepages, "pages", "anonymous huge pages")                \
	X(S, VMSCAN_WRITE, nr_vmscan_write, "pages", "written by reclaim")                             \
	X(S, VMSCAN_IMMEDIATE, nr_vmscan_immediate_reclaim, "pages",                                   \
	  "marked for reclaim when their write-back ends")                                             \
	X(S, DIRTIED, nr_dirtied, "pages", "made dirty")                                               \
	X(S, WRITTEN, nr_written, "pages", "written back")                                             \
	X(S, THROTTLED_WRITTEN, nr_throttled_written, "pages", "written while reclaim was throttled")  \
	X(S, KERNEL_STACK_KB, nr_kernel_stack, "KiB", "kernel stacks")                                 \
	X(S, PAGETABLE, nr_page_table_pages, "pages", "page tables")                                   \
	X(S, SWAPCACHE, nr_swapcached, "pages", "in the swap cache")                                   \
	X(S, PGPROMOTE_SUCCESS, pgpromote_success, "pages", "promoted to a faster node")               \
	X(S, PGPROMOTE_CANDIDATE, pgpromote_candidate, "pages", "candidates for promotion")

/* Levels per zone: NR_x. */
#define ZONE_ITEMS(X, S)                                                                           \
	X(S, FREE_PAGES, nr_free_pages, "pages", "free")                                           \
	X(S, ZONE_INACTIVE_ANON, nr_zone_inactive_anon, "pages", "on the inactive anonymous list") \
	X(S, ZONE_ACTIVE_ANON, nr_zone_active_anon, "pages", "on the active anonymous list")       \
	X(S, ZONE_INACTIVE_FILE, nr_zone_inactive_file, "pages", "on the inactive file list")      \
	X(S, ZONE_ACTIVE_FILE, nr_zone_active_file, "pages", "on the active file list")            \
	X(S, ZONE_UNEVICTABLE, nr_zone_unevictable, "pages", "on the unevictable list")            \
	X(S, ZONE_WRITE_PENDING, nr_zone_write_pending, "pages", "dirty or under write-back")      \
	X(S, MLOCK, nr_mlock, "pages", "locked")

/* Placement per zone, printed per node: see numastat(8). */
#define NUMA_ITEMS(X, S)                                                                            \
	X(S, NUMA_HIT, numa_hit, "pages", "allocated on the node that was wanted")                  \
	X(S, NUMA_MISS, numa_miss, "pages", "allocated here although another node was wanted")      \
	X(S, NUMA_FOREIGN, numa_foreign, "pages", "wanted here but allocated elsewhere")            \
	X(S, NUMA_INTERLEAVE, interleave_hit, "pages", "allocated here by interleaving, as wanted") \
	X(S, NUMA_LOCAL, local_node, "pages", "allocated by a CPU of this node")                    \
	X(S, NUMA_OTHER, other_node, "pages", "allocated by a CPU of another node")

/*
 * What became of the pages that reclaim looked at, by class (as they were met) and fate: the rows add up to
 * pgscan_kswapd and pgscan_direct. Five fates a class, in this order.
 */
#define FATES_OF_CLASS(X, S, class, what)                                              \
	X(S, COUNTER, class##_freed, "pages", what " dropped")                         \
	X(S, COUNTER, class##_written, "pages", what " whose writing reclaim started") \
	X(S, COUNTER, class##_activated, "pages", what " put on the active list")      \
	X(S, COUNTER, class##_kept, "pages", what " put back on the inactive list")    \
	X(S, COUNTER, class##_demoted, "pages", what " moved to a slower node")
#define FATE_STATS(X, S)                                                        \
	FATES_OF_CLASS(X, S, anon, "anonymous pages")                           \
	FATES_OF_CLASS(X, S, file_clean, "clean file pages")                    \
	FATES_OF_CLASS(X, S, file_dirty, "file pages, dirty or being written,") \
	FATES_OF_CLASS(X, S, shmem, "pages of shared memory")                   \
	FATES_OF_CLASS(X, S, locked, "pages locked by mlock")                   \
	X(S, COUNTER, skipped, "pages", "passed over: of a zone or kind that was not wanted")
STAT_STRUCT(fate_stats, FATE_STATS);
extern const struct stat_table fate_stat_table;
enum page_class { PAGE_ANON, PAGE_FILE_CLEAN, PAGE_FILE_DIRTY, PAGE_SHMEM, PAGE_MLOCKED };
enum page_fate { FATE_FREED, FATE_WRITTEN, FATE_ACTIVATED, FATE_KEPT, FATE_DEMOTED, NR_PAGE_FATES };

#define VM_EVENT_ENUM(S, id, name, unit, sentence) VMEV_##id,
#define VM_ITEM_ENUM(S, id, name, unit, sentence)  NR_##id,
enum vm_event { VM_EVENTS(VM_EVENT_ENUM, ) NR_VM_EVENTS };
enum node_item { NODE_ITEMS(VM_ITEM_ENUM, ) NR_NODE_ITEMS };
enum zone_item { ZONE_ITEMS(VM_ITEM_ENUM, ) NR_ZONE_ITEMS };
enum numa_item { NUMA_ITEMS(VM_ITEM_ENUM, ) NR_NUMA_ITEMS };

/* Counters live in arrays indexed by the enums; each element is 64 bits wide, so stat tables can address
 * them. */
struct vmstat {
	uint64_t event[NR_VM_EVENTS];
};
struct node_vmstat {
	int64_t item[NR_NODE_ITEMS];
};
struct zone_vmstat {
	int64_t item[NR_ZONE_ITEMS];
};
struct numastat {
	uint64_t item[NR_NUMA_ITEMS];
};

extern const struct stat_table vmstat_stat_table;      /* prefix vmstat */
extern const struct stat_table node_vmstat_stat_table; /* prefix node */
extern const struct stat_table zone_vmstat_stat_table; /* prefix zone */
extern const struct stat_table numastat_stat_table;    /* prefix numastat */

#endif
