/*
 * cost.h - what the kernel's paths cost, in CPU cycles, and the causes that cycles are attributed to.
 *
 * Defaults are the nanoseconds seen in the named source at 2.6 GHz. "Uncalibrated" marks values from memory
 * only.
 */
#ifndef MODELS_KERNEL_COST_H
#define MODELS_KERNEL_COST_H

#include "sim/param.h"
#include "sim/stat.h"

#define COST_PARAMS(X, S)                                                                                    \
	X(S, U64, exception, "cost.exception", "260", 0, 1000000000, "cycles",                               \
	  "entering and leaving an exception (100 ns; breakdown of a minor fault, uncalibrated)")            \
	X(S, U64, fault, "cost.fault", "1300", 0, 1000000000, "cycles",                                      \
	  "software of a page fault without allocation and clearing (500 ns of the 1.0 us median minor "     \
	  "fault on Linux 6.6)")                                                                             \
	X(S, U64, zero_page, "cost.zero_page", "650", 0, 1000000000, "cycles",                               \
	  "clearing a 4 KiB page (250 ns; 13.7 GB/s measured on Milan is 299 ns)")                           \
	X(S, U64, copy_page, "cost.copy_page", "1040", 0, 1000000000, "cycles",                              \
	  "copying a 4 KiB page between local nodes (400 ns, uncalibrated)")                                 \
	X(S, U64, alloc_pcp, "cost.alloc_pcp", "104", 0, 1000000000, "cycles",                               \
	  "a page from the per-CPU list (40 ns, uncalibrated)")                                              \
	X(S, U64, alloc_buddy, "cost.alloc_buddy", "390", 0, 1000000000, "cycles",                           \
	  "a refill from or a drain to the buddy lists (150 ns, uncalibrated)")                              \
	X(S, U64, alloc_buddy_page, "cost.alloc_buddy_page", "156", 0, 1000000000, "cycles",                 \
	  "each page moved by that (60 ns, uncalibrated)")                                                   \
	X(S, U64, fault_around_page, "cost.fault_around_page", "104", 0, 1000000000, "cycles",               \
	  "each page mapped by fault-around (40 ns, uncalibrated)")                                          \
	X(S, U64, syscall, "cost.syscall", "312", 0, 1000000000, "cycles",                                   \
	  "entering and leaving a system call (120 ns)")                                                     \
	X(S, U64, mmap, "cost.mmap", "1560", 0, 1000000000, "cycles",                                        \
	  "mmap, mprotect and their like without pages (600 ns)")                                            \
	X(S, U64, munmap, "cost.munmap", "1820", 0, 1000000000, "cycles", "munmap without pages (700 ns)")   \
	X(S, U64, zap_page, "cost.zap_page", "156", 0, 1000000000, "cycles",                                 \
	  "unmapping and freeing a page in munmap and exit (60 ns)")                                         \
	X(S, U64, change_page, "cost.change_page", "39", 0, 1000000000, "cycles",                            \
	  "changing or moving one page-table entry in mprotect, mremap, madvise (15 ns, uncalibrated)")      \
	X(S, U64, fork, "cost.fork", "260000", 0, 1000000000, "cycles", "fork without page tables (100 us)") \
	X(S, U64, fork_table, "cost.fork_table", "26000", 0, 1000000000, "cycles",                           \
	  "copying one page-table page in fork (10 us)")                                                     \
	X(S, U64, slab_alloc, "cost.slab_alloc", "25", 0, 1000000000, "cycles",                              \
	  "an object from a slab cache's fast path (42-47 cycles for alloc and free)")                       \
	X(S, U64, slab_slow, "cost.slab_slow", "200", 0, 1000000000, "cycles",                               \
	  "an object that needs another slab (uncalibrated)")                                                \
	X(S, U64, lru_batch, "cost.lru_batch", "78", 0, 1000000000, "cycles",                                \
	  "taking the LRU lock for a batch (30 ns, uncalibrated)")                                           \
	X(S, U64, scan_page, "cost.scan_page", "650", 0, 1000000000, "cycles",                               \
	  "reclaim: a page scanned (250 ns for a clean file page, uncalibrated)")                            \
	X(S, U64, scan_mapped, "cost.scan_mapped", "910", 0, 1000000000, "cycles",                           \
	  "reclaim: more for a mapped page (350 ns, uncalibrated)")                                          \
	X(S, U64, unmap_page, "cost.unmap_page", "1300", 0, 1000000000, "cycles",                            \
	  "reclaim: unmapping one mapping (500 ns, uncalibrated)")                                           \
	X(S, U64, swap_out, "cost.swap_out", "3900", 0, 1000000000, "cycles",                                \
	  "CPU time of a page to swap: slot, bio, completion (1.5 us, uncalibrated)")                        \
	X(S, U64, swap_in, "cost.swap_in", "3380", 0, 1000000000, "cycles",                                  \
	  "CPU time of a page from swap (1.25-1.84 us with zram)")                                           \
	X(S, U64, file_read_page, "cost.file_read_page", "1040", 0, 1000000000, "cycles",                    \
	  "read(), write(): finding and copying a page of the page cache (400 ns, uncalibrated)")            \
	X(S, U64, submit_io, "cost.submit_io", "5200", 0, 1000000000, "cycles",                              \
	  "submitting a request to a block device and its completion (2 us, uncalibrated)")                  \
	X(S, U64, context_switch, "cost.context_switch", "3120", 0, 1000000000, "cycles",                    \
	  "switch to a task of another address space (1.07-2.4 us by pipes)")                                \
	X(S, U64, thread_switch, "cost.thread_switch", "2340", 0, 1000000000, "cycles",                      \
	  "switch within an address space or to a kernel thread (900 ns)")                                   \
	X(S, U64, cr3_write, "cost.cr3_write", "130", 0, 1000000000, "cycles",                               \
	  "loading CR3 (96-251 cycles)")                                                                     \
	X(S, U64, invlpg, "cost.invlpg", "230", 0, 1000000000, "cycles",                                     \
	  "invalidating one page of the TLB (216-260 cycles)")                                               \
	X(S, U64, shootdown, "cost.shootdown", "1560", 0, 1000000000, "cycles",                              \
	  "sending a shootdown and waiting for the first target (600 ns)")                                   \
	X(S, U64, shootdown_target, "cost.shootdown_target", "260", 0, 1000000000, "cycles",                 \
	  "each further target of a shootdown (100 ns)")                                                     \
	X(S, U64, shootdown_interrupt, "cost.shootdown_interrupt", "1300", 0, 1000000000, "cycles",          \
	  "taking the interrupt of a shootdown (500 ns, uncalibrated)")                                      \
	X(S, U64, tick, "cost.tick", "5200", 0, 1000000000, "cycles", "the timer tick (2 us, uncalibrated)") \
	X(S, U64, kswapd_wake, "cost.kswapd_wake", "13000", 0, 1000000000, "cycles", "waking kswapd (5 us)") \
	X(S, U64, migrate_page, "cost.migrate_page", "6500", 0, 1000000000, "cycles",                        \
	  "migrating a page in a batch (2.5 us, uncalibrated)")                                              \
	X(S, U64, compact_scan, "cost.compact_scan", "52", 0, 1000000000, "cycles",                          \
	  "compaction: a page looked at by a scanner (20 ns, uncalibrated)")                                 \
	X(S, U64, zero_huge, "cost.zero_huge", "390000", 0, 1000000000, "cycles",                            \
	  "a 2 MiB fault's clearing (150 us)")
PARAM_STRUCT(cost_params, COST_PARAMS);
extern const struct param_table cost_param_table;

/* Every cycle of every CPU has exactly one cause. Statistic "cycles.NAME", scope cpu. */
#define CYCLE_CAUSES(X, S)                                                                                \
	X(S, COUNTER, user_insn, "cycles", "executing instructions of programs")                          \
	X(S, COUNTER, user_memory, "cycles", "loads, stores and fetches of programs, behind translation") \
	X(S, COUNTER, tlb, "cycles", "second-level TLB hits")                                             \
	X(S, COUNTER, walk, "cycles", "page walks")                                                       \
	X(S, COUNTER, exception, "cycles", "entering and leaving exceptions")                             \
	X(S, COUNTER, fault, "cycles", "page-fault software")                                             \
	X(S, COUNTER, clear_copy, "cycles", "clearing and copying pages")                                 \
	X(S, COUNTER, alloc, "cycles", "page and slab allocation and freeing")                            \
	X(S, COUNTER, reclaim_direct, "cycles", "reclaim by allocating tasks")                            \
	X(S, COUNTER, reclaim_kswapd, "cycles", "reclaim by kswapd")                                      \
	X(S, COUNTER, swap, "cycles", "CPU time of swap input and output")                                \
	X(S, COUNTER, file, "cycles", "CPU time of page cache, readahead and file input and output")      \
	X(S, COUNTER, writeback, "cycles", "flusher threads")                                             \
	X(S, COUNTER, migrate, "cycles", "migration and compaction")                                      \
	X(S, COUNTER, syscall, "cycles", "system calls but for what is listed elsewhere")                 \
	X(S, COUNTER, schedule, "cycles", "context switches")                                             \
	X(S, COUNTER, shootdown, "cycles", "TLB shootdowns, on both sides")                               \
	X(S, COUNTER, tick, "cycles", "timer ticks")                                                      \
	X(S, COUNTER, iowait, "cycles", "idle while a task of this CPU waited for a device")              \
	X(S, COUNTER, idle, "cycles", "idle")
STAT_STRUCT(cycle_stats, CYCLE_CAUSES);
extern const struct stat_table cycles_stat_table;

enum cycle_cause {
#define CYCLE_CAUSE_ENUM(S, kind, name, unit, sentence) CYCLES_##name,
	CYCLE_CAUSES(CYCLE_CAUSE_ENUM, )
#undef CYCLE_CAUSE_ENUM
		NR_CYCLE_CAUSES
};

#endif
