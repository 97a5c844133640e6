/*
 * parts.h - what the parts of the machine share: its parameters and its components.
 */
#ifndef MODELS_MACHINE_PARTS_H
#define MODELS_MACHINE_PARTS_H

#include "models/hw/memsys.h"
#include "models/kernel/boot.h"
#include "models/kernel/cpuset.h"
#include "models/kernel/filemap.h"
#include "models/kernel/khugepaged.h"
#include "models/kernel/memcg.h"
#include "models/kernel/reclaim.h"
#include "models/kernel/tiers.h"
#include "models/machine.h"

struct machine_config {
	struct topology_params topology;
	struct memsys_params memsys;
	struct tlb_params tlb;
	struct mmu_params mmu;
	struct cpu_params cpu;
	struct cost_params cost;
	struct kernel_params kernel;
	struct zone_params zone;
	struct boot_params boot;
	struct tier_params tier;
	struct cpuset_params cpuset;
	struct sched_params sched;
	struct khugepaged_params khugepaged;
	struct reclaim_params reclaim;
	struct memcg_params memcg;
	struct swap_params swap;
	struct disk_params disk;
	struct replay_params replay;
	struct memsys_config *hierarchy;
};

struct machine {
	const struct machine_config *config;
	struct topology topo;
	struct memsys *memsys;
	struct memory memory;
	struct kernel kernel;
	struct mm_table mms;
	struct eventq eventq;
	struct blkdev disk;
	struct cpu **cpus; /* NULL behind the last */
	unsigned nr_cpus;
	struct task boot; /* the context in which the machine is set up */
	struct replay *replay;
	struct trace *trace;
	struct stat_registry registry;
	struct metrics metrics;
	struct sink *sink;
	tick_t next_sample;           /* TICK_NEVER: none */
	uint64_t refreshed[MAX_CPUS]; /* second in which a CPU's page lists were looked through */
	unsigned oom_kills;
	struct err sink_err; /* the first thing the sink refused */
};

/* stats.c: registers all statistics and freezes the registry. */
void machine_register_stats(struct machine *m);
/* Collectors of what comes and goes: processes and mappings; the kernel's own counters. */
int machine_collect_processes(void *ctx, struct metrics *mt, struct err *e);
int machine_collect_details(void *ctx, struct metrics *mt, struct err *e);

#endif
