/*
 * cpu.h - a CPU: its clock, its TLBs and walker, and the loop that replays accesses.
 */
#ifndef MODELS_CPU_H
#define MODELS_CPU_H

#include "models/hw/mmu.h"
#include "models/hw/tlb.h"
#include "models/kernel/mm.h"

#define CPU_PARAMS(X, S)                                                                                     \
	X(S, U64, cpi_milli, "cpu.cpi_milli", "400", 0, 1000000, "cycles/1000",                              \
	  "cycles an instruction takes besides its memory accesses, in thousandths (uncalibrated: a 4-wide " \
	  "core at moderate ILP)")
PARAM_STRUCT(cpu_params, CPU_PARAMS);
extern const struct param_table cpu_param_table;

#define CPU_STATS(X, S)                                                                          \
	X(S, COUNTER, cycles, "cycles", "the CPU's clock")                                       \
	X(S, COUNTER, accesses, "accesses", "loads, stores and fetches")                         \
	X(S, COUNTER, loads, "accesses", "loads")                                                \
	X(S, COUNTER, stores, "accesses", "stores")                                              \
	X(S, COUNTER, fetches, "accesses", "instruction fetches")                                \
	X(S, COUNTER, instructions, "instructions", "instructions executed")                     \
	X(S, COUNTER, local_accesses, "accesses", "accesses to memory of the CPU's own node")    \
	X(S, COUNTER, remote_accesses, "accesses", "accesses to memory of other nodes")          \
	X(S, COUNTER, split_accesses, "accesses", "accesses that touched two pages")             \
	X(S, COUNTER, exceptions, "exceptions", "page-fault exceptions taken")                   \
	X(S, COUNTER, mm_switches, "switches", "changes of the address space")                   \
	X(S, COUNTER, asid_flushes, "flushes",                                                   \
	  "address-space ids taken from another address space or found stale")                   \
	X(S, COUNTER, shootdowns_sent, "requests", "TLB shootdowns that interrupted other CPUs") \
	X(S, COUNTER, shootdowns_received, "interrupts", "interrupts taken for shootdowns")
STAT_STRUCT(cpu_stats, CPU_STATS);
extern const struct stat_table cpu_stat_table;

#define CPU_ASIDS 6 /* TLB_NR_DYN_ASIDS */

#define CPU_HINTS 64 /* of the host's prefetching */

struct cpu {
	struct exec x;
	struct tlb tlb;
	struct mmu mmu;
	struct cpu_stats stats;
	const struct cpu_params *params;
	const struct cost_params *cost;
	const struct topology *topo;
	struct memsys *memsys;
	bool caches, pcid;
	uint64_t mmu_l2_cycles; /* of a second-level hit */
	uint64_t insn_milli;    /* below a whole cycle, in thousandths */
	uint32_t flat_milli[MAX_NODES];
	uint32_t max_flat_milli;
	uint64_t max_miss_milli; /* in flat memory: the most that an access takes besides instructions */
	uint64_t recent_accesses, recent_misses; /* of the host's prefetching, not of the model */
	bool many_misses;
	uint64_t hint_context, hint_gen; /* address space that hint[] is of, and its pt.free_gen then */
	struct cpu_hint {
		uint64_t gib;               /* address / 1 GiB */
		const struct ptable *table; /* level 2 */
	} hint[CPU_HINTS];
	struct mm *mm; /* loaded address space, NULL before the first */
	uint16_t asid; /* 1 … CPU_ASIDS */
	unsigned next_asid;
	struct {
		uint64_t context_id, tlb_gen;
	} context[CPU_ASIDS + 1];
};

int cpu_init(struct cpu *c, unsigned id, const struct cpu_params *p, const struct tlb_params *tp,
	     const struct mmu_params *mp, const struct cost_params *cost, const struct topology *t,
	     struct memsys *ms, uint64_t seed, struct err *e);
void cpu_release(struct cpu *c);

enum cpu_stop { CPU_DONE, CPU_LIMIT, CPU_FAULT };
struct cpu_run {
	enum cpu_stop stop;
	size_t done; /* accesses completed */
	vaddr_t fault_addr;
	unsigned fault_flags; /* FAULT_* without FAULT_USER */
};
/*
 * Replays accesses of mm (which must be loaded) until all n are done, the clock reaches limit (cycles), or
 * one faults; that one is not done. addr and meta must be readable up to n + 32 entries (prefetching).
 */
void cpu_run(struct cpu *c, const uint64_t *addr, const uint32_t *meta, size_t n, uint64_t limit,
	     struct cpu_run *r);
/* Instructions without accesses. */
void cpu_execute(struct cpu *c, uint64_t instructions);
/* Loads an address space (switch_mm_irqs_off, choose_new_asid); charges. NULL: nothing (kernel threads are
 * lazy). */
void cpu_load_mm(struct cpu *c, struct mm *mm);
void cpu_leave_mm(struct cpu *c);
/* This CPU forgets translations of mm in [start, end): full when that is more than 33 pages
 * (tlb_single_page_flush_ceiling), or when it missed earlier ones. mm->tlb_gen counts this flush already. */
void cpu_flush(struct cpu *c, struct mm *mm, vaddr_t start, vaddr_t end);

#endif
