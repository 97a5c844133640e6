/*
 * kernel.h - what the modules of the modelled kernel share: pointers to each subsystem, the clock, upward
 * hooks, parameters.
 *
 * The real kernel has these as global variables. A module reads its own subsystem through this struct and
 * touches another one only through that one's functions.
 */
#ifndef MODELS_KERNEL_KERNEL_H
#define MODELS_KERNEL_KERNEL_H

#include "models/kernel/cost.h"
#include "models/kernel/zone.h"
#include "sim/eventq.h"
#include "sim/param.h"
#include "sim/rng.h"

#define KERNEL_PARAMS(X, S)                                                                               \
	X(S, U64, swappiness, "vm.swappiness", "60", 0, 200, "",                                          \
	  "weight of anonymous against file memory in reclaim; 100 = equal")                              \
	X(S, U64, vfs_cache_pressure, "vm.vfs_cache_pressure", "100", 0, 10000, "%",                      \
	  "how eagerly dentries and inodes are reclaimed")                                                \
	X(S, U64, page_cluster, "vm.page-cluster", "3", 0, 8, "log2 pages",                               \
	  "swap readahead: up to 2^n pages")                                                              \
	X(S, U64, overcommit_memory, "vm.overcommit_memory", "0", 0, 2, "",                               \
	  "0 heuristic, 1 always, 2 never beyond the limit")                                              \
	X(S, U64, overcommit_ratio, "vm.overcommit_ratio", "50", 0, 100, "%",                             \
	  "overcommit 2: share of memory beside swap")                                                    \
	X(S, U64, zone_reclaim_mode, "vm.zone_reclaim_mode", "0", 0, 7, "bits",                           \
	  "1 reclaim locally before going to another node, 2 write, 4 swap")                              \
	X(S, U64, min_unmapped_ratio, "vm.min_unmapped_ratio", "1", 0, 100, "%",                          \
	  "zone_reclaim_mode: unmapped file pages a node keeps")                                          \
	X(S, U64, min_slab_ratio, "vm.min_slab_ratio", "5", 0, 100, "%",                                  \
	  "zone_reclaim_mode: reclaimable slab a node keeps")                                             \
	X(S, U64, dirty_ratio, "vm.dirty_ratio", "20", 0, 100, "%",                                       \
	  "dirty file pages, of available memory, at which writers are throttled")                        \
	X(S, U64, dirty_background_ratio, "vm.dirty_background_ratio", "10", 0, 100, "%",                 \
	  "dirty file pages, of available memory, at which the flushers start")                           \
	X(S, U64, dirty_expire_centisecs, "vm.dirty_expire_centisecs", "3000", 0, 1u << 30, "cs",         \
	  "age at which dirty pages are written")                                                         \
	X(S, U64, dirty_writeback_centisecs, "vm.dirty_writeback_centisecs", "500", 0, 1u << 30, "cs",    \
	  "period of the flushers")                                                                       \
	X(S, U64, max_map_count, "vm.max_map_count", "65530", 1, 1u << 24, "mappings",                    \
	  "most mappings of a process")                                                                   \
	X(S, U64, read_ahead_kb, "queue.read_ahead_kb", "128", 0, 1u << 20, "KiB",                        \
	  "readahead of the file device")                                                                 \
	X(S, U64, fault_around_bytes, "vm.fault_around_bytes", "65536", 4096, 1u << 22, "bytes",          \
	  "mapped around a file read fault (debugfs fault_around_bytes)")                                 \
	X(S, ENUM, thp_enabled, "thp.enabled", "never", 0, 0, "",                                         \
	  "transparent huge pages at faults (/sys/kernel/mm/transparent_hugepage/enabled)",               \
	  thp_enabled_name)                                                                               \
	X(S, ENUM, thp_defrag, "thp.defrag", "madvise", 0, 0, "",                                         \
	  "how hard a fault tries to get a huge page (transparent_hugepage/defrag)", thp_defrag_name)     \
	X(S, ENUM, thp_shmem, "thp.shmem_enabled", "never", 0, 0, "",                                     \
	  "huge pages of shared anonymous memory (transparent_hugepage/shmem_enabled)", thp_shmem_name)   \
	X(S, BOOL, thp_use_zero_page, "thp.use_zero_page", "true", 0, 1, "",                              \
	  "a read maps the huge zero page (transparent_hugepage/use_zero_page)")                          \
	X(S, U64, extfrag_threshold, "vm.extfrag_threshold", "500", 0, 1000, "1/1000",                    \
	  "fragmentation index up to which memory is reclaimed rather than compacted")                    \
	X(S, U64, compaction_proactiveness, "vm.compaction_proactiveness", "20", 0, 100, "%",             \
	  "how eagerly kcompactd compacts in the background; 0 = only when asked")                        \
	X(S, BOOL, compact_unevictable_allowed, "vm.compact_unevictable_allowed", "true", 0, 1, "",       \
	  "compaction may move locked pages")                                                             \
	X(S, BOOL, oom_kill_allocating_task, "vm.oom_kill_allocating_task", "false", 0, 1, "",            \
	  "kill whoever asks instead of the largest")                                                     \
	X(S, BOOL, demotion_enabled, "numa.demotion_enabled", "false", 0, 1, "",                          \
	  "reclaim moves pages to a slower tier before it drops or swaps them "                           \
	  "(/sys/kernel/mm/numa/demotion_enabled)")                                                       \
	X(S, U64, numa_balancing, "kernel.numa_balancing", "0", 0, 3, "bits",                             \
	  "1 = pages move to the node whose CPUs use them, 2 = hot pages move to a faster tier "          \
	  "(0 is Linux's own choice on one node only)")                                                   \
	X(S, U64, promote_rate, "kernel.numa_balancing_promote_rate_limit_MBps", "65536", 0, 1u << 20,    \
	  "MiB/s", "numa_balancing 2: most that may be tried to promote to a node in a second")           \
	X(S, U64, hot_threshold, "kernel.numa_balancing_hot_threshold_ms", "1000", 0, 1u << 30, "ms",     \
	  "numa_balancing 2: used so soon after it was scanned, a page is hot "                           \
	  "(sched/numa_balancing/hot_threshold_ms)")                                                      \
	X(S, U64, numa_scan_delay, "kernel.numa_balancing_scan_delay_ms", "1000", 0, 1u << 30, "ms",      \
	  "numa_balancing: run time of a task before its memory is scanned "                              \
	  "(sched/numa_balancing/scan_delay_ms)")                                                         \
	X(S, U64, numa_scan_period_min, "kernel.numa_balancing_scan_period_min_ms", "1000", 1, 1u << 30,  \
	  "ms", "numa_balancing: shortest time in which all of a task's memory is scanned")               \
	X(S, U64, numa_scan_period_max, "kernel.numa_balancing_scan_period_max_ms", "60000", 1, 1u << 30, \
	  "ms", "numa_balancing: longest time in which all of a task's memory is scanned")                \
	X(S, U64, numa_scan_size, "kernel.numa_balancing_scan_size_mb", "256", 1, 1u << 20, "MiB",        \
	  "numa_balancing: scanned at a time")
#define NUMA_BALANCING_NORMAL  1u
#define NUMA_BALANCING_TIERING 2u
enum thp_enabled { THP_NEVER, THP_MADVISE, THP_ALWAYS };
enum thp_defrag {
	THP_DEFRAG_ALWAYS,
	THP_DEFRAG_DEFER,
	THP_DEFRAG_DEFER_MADVISE,
	THP_DEFRAG_MADVISE,
	THP_DEFRAG_NEVER
};
const char *thp_enabled_name(size_t i);
enum thp_shmem {
	SHMEM_HUGE_NEVER,
	SHMEM_HUGE_ALWAYS,
	SHMEM_HUGE_WITHIN_SIZE,
	SHMEM_HUGE_ADVISE,
	SHMEM_HUGE_DENY,
	SHMEM_HUGE_FORCE
};
const char *thp_defrag_name(size_t i);
const char *thp_shmem_name(size_t i);
PARAM_STRUCT(kernel_params, KERNEL_PARAMS);
extern const struct param_table kernel_param_table;

/* What the log of events knows. One row a kind. */
#define KERNEL_EVENTS(X)                                                                                     \
	X(KSWAPD_WAKE, "kswapd_wake", "kswapd was woken; value: order")                                      \
	X(KSWAPD_SLEEP, "kswapd_sleep", "kswapd went to sleep; value: free pages of the node")               \
	X(WMARK_LOW, "wmark_low", "a zone's free pages fell to the low watermark; value: free pages")        \
	X(WMARK_MIN, "wmark_min", "a zone's free pages fell to the min watermark; value: free pages")        \
	X(WMARK_HIGH, "wmark_high", "a zone's free pages are back at the high watermark; value: free pages") \
	X(DIRECT_RECLAIM, "direct_reclaim", "a task reclaimed memory itself; value: pages reclaimed")        \
	X(OOM_KILL, "oom_kill",                                                                              \
	  "the OOM killer ended a process; value: its badness in pages, detail: who and why")                \
	X(SIGSEGV, "sigsegv", "a process touched what it may not; value: the address, detail: why")          \
	X(SIGBUS, "sigbus", "a process touched a mapping behind the end of its file; value: the address")    \
	X(SWAP_FULL, "swap_full", "no swap slot was left; value: slots")                                     \
	X(SYSCALL_FAILED, "syscall_failed",                                                                  \
	  "a system call that succeeded when recorded failed here, or the other way; detail: which")         \
	X(MARK, "mark", "a mark of the trace; detail: its label")

enum kernel_event {
#define KERNEL_EVENT_ENUM(id, name, sentence) KEV_##id,
	KERNEL_EVENTS(KERNEL_EVENT_ENUM)
#undef KERNEL_EVENT_ENUM
		NR_KERNEL_EVENTS
};
const char *kernel_event_name(size_t i); /* NULL past the last */
const char *kernel_event_sentence(size_t i);

struct task;
struct mm;
struct sched;
struct slab_allocator;
struct swap;
struct pagecache;
struct writeback;
struct blkdev;
struct lru;
struct rmap;
struct mm_table;
struct khugepaged;
struct cpusets;
struct memcg_table;
struct swap_cgroup;

/* Signals that must go upstream; installed by machine.c. */
struct kernel_hooks {
	void *ctx;
	/*
	 * Translations of mm in [start, end) changed: every CPU that may hold them drops them; charges both
	 * sides. cur is the initiator.
	 */
	void (*tlb_flush)(void *ctx, struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end);
	/* The process was killed (OOM, SIGSEGV): its threads stop at their next instruction. */
	void (*process_killed)(void *ctx, struct mm *mm);
	void (*event)(void *ctx, enum kernel_event kind, const char *scope, int64_t value,
		      const char *detail);
	/* cur is about to sleep: requests that it holds back go out (sched_submit_work). False: it holds
	 * none. May be NULL. */
	bool (*flush_plug)(struct task *cur);
	/* Pages for reclaim, which lies below the allocator and moves pages to another node
	 * (alloc_pages_nodemask). NULL: it moves none. */
	pfn_t (*alloc)(struct task *cur, unsigned nid, nodemask_t mask, gfp_t gfp, unsigned order);
	/* The timer ticked while curr ran; it may set TASK_WORK. May be NULL. */
	void (*tick)(struct task *curr);
	/* What a task with TASK_WORK does on its way back to user mode. NULL where nobody sets it. */
	void (*task_work)(struct task *cur);
};

struct kernel {
	struct eventq *eventq;
	struct kernel_params params;
	struct cost_params cost;
	struct zone_params zone_params;
	struct memory *memory;
	struct sched *sched;
	struct mm_table *mms;
	struct slab_allocator *slab;
	struct rmap *rmap;
	struct lru *lru;
	struct swap *swap;
	struct pagecache *pagecache;
	struct writeback *writeback;
	struct khugepaged *khugepaged; /* NULL: huge pages are off */
	struct cpusets *cpusets;       /* NULL: there are none */
	struct memcg_table *memcgs;    /* NULL: no groups */
	struct swap_cgroup *swap_cgroup;
	struct blkdev *file_dev; /* holds all files */
	struct kernel_hooks hooks;
	pfn_t zero_pfn;             /* the shared zero page */
	pfn_t huge_zero_pfn;        /* the shared huge zero page, 0 = there is none now */
	uint32_t huge_zero_users;   /* address spaces that have used it */
	uint32_t reclaim_algorithm; /* row of the reclaim table */
	size_t oom_victim_place;    /* in the table of tasks, where a dying victim was seen last */
	uint64_t seed;
	struct rng random; /* choices among equals: demotion targets */
};

static inline tick_t kernel_now(const struct kernel *k)
{
	return k->eventq->now;
}
/* text as the inside of a JSON string, cut where it does not fit; returns buf. Six bytes a character at most.
 */
const char *kernel_json(char *buf, size_t n, const char *text);
void kernel_event(struct kernel *k, enum kernel_event kind, const char *scope, int64_t value,
		  const char *detail);

#endif
