/*
 * stats.c - where the machine's statistics are, whose they are.
 */
#include "models/machine/parts.h"

#include <stdio.h>

#include "models/counters.h"
#include "models/kernel/sched.h"
#include "sim/map.h"

static void refresh(void *ctx)
{
	struct machine *m = ctx;

	for (unsigned i = 0; i < m->nr_cpus; i++)
		m->cpus[i]->stats.cycles = m->cpus[i]->x.cycles;
	memcg_refresh(&m->kernel);
}

static void register_memory_stats(struct machine *m)
{
	struct stat_registry *r = &m->registry;

	for (unsigned i = 0; i < m->memory.nr_nodes; i++) {
		struct node *n = &m->memory.node[i];

		stat_register(r, &node_vmstat_stat_table, &n->stat, STAT_SCOPE_NODE, "%u", i);
		for (unsigned z = 0; z < NR_ZONES; z++) {
			if (!n->zone[z].managed)
				continue;
			stat_register(r, &zone_vmstat_stat_table, &n->zone[z].stat, STAT_SCOPE_ZONE, "%u/%s",
				      i, zone_name(z));
			stat_register(r, &numastat_stat_table, &n->zone[z].numa, STAT_SCOPE_ZONE, "%u/%s", i,
				      zone_name(z));
		}
	}
	stat_register(r, &vmstat_stat_table, &m->memory.vmstat, STAT_SCOPE_MACHINE, "machine");
	stat_register(r, &fate_stat_table, &m->memory.fate, STAT_SCOPE_MACHINE, "machine");
}

void machine_register_stats(struct machine *m)
{
	struct stat_registry *r = &m->registry;
	struct memcg *g;

	for (unsigned i = 0; i < m->nr_cpus; i++) {
		struct cpu *c = m->cpus[i];

		stat_register(r, &cpu_stat_table, &c->stats, STAT_SCOPE_CPU, "%u", i);
		stat_register(r, &cycles_stat_table, &c->x.cause, STAT_SCOPE_CPU, "%u", i);
		stat_register(r, &tlb_stat_table, &c->tlb.stats, STAT_SCOPE_CPU, "%u", i);
		stat_register(r, &mmu_stat_table, &c->mmu.stats, STAT_SCOPE_CPU, "%u", i);
	}
	register_memory_stats(m);
	memsys_register_stats(m->memsys, r);
	for (size_t i = 0; (g = memcg_at(&m->kernel, i)); i++)
		stat_register(r, &memcg_stat_table, &g->stats, STAT_SCOPE_MEMCG, "%s", g->name);
	stat_register(r, &swap_stat_table, swap_stats_of(m->kernel.swap), STAT_SCOPE_DEVICE, "swap");
	stat_register(r, &blkdev_stat_table, &swap_device(m->kernel.swap)->stats, STAT_SCOPE_DEVICE, "swap");
	stat_register(r, &blkdev_stat_table, &m->disk.stats, STAT_SCOPE_DEVICE, "disk");
	stat_register(r, &sched_stat_table, sched_stats_of(m->kernel.sched), STAT_SCOPE_MACHINE, "machine");
	stat_register(r, &replay_stat_table, replay_stats_of(m->replay), STAT_SCOPE_MACHINE, "machine");
	stat_on_refresh(r, refresh, m);
	stat_registry_freeze(r);
}

const struct stat_table *machine_stat_table(size_t i)
{
	static const struct stat_table *const tables[] = {
		&cpu_stat_table,     &cycles_stat_table,      &tlb_stat_table,         &mmu_stat_table,
		&vmstat_stat_table,  &node_vmstat_stat_table, &zone_vmstat_stat_table, &numastat_stat_table,
		&process_stat_table, &vma_stat_table,         &swap_stat_table,        &blkdev_stat_table,
		&sched_stat_table,   &replay_stat_table,      &fate_stat_table,        &memcg_stat_table,
	};

	return i < ARRAY_LEN(tables) ? tables[i] : memsys_stat_table(i - ARRAY_LEN(tables));
}

/* Processes and their mappings come and go, so they are collected at each snapshot. */
int machine_collect_processes(void *ctx, struct metrics *mt, struct err *e)
{
	struct machine *m = ctx;
	struct process *p;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && (p = replay_process_at(m->replay, i)); i++) {
		counters_refresh_process(p);
		rc = metrics_struct(mt, &process_stat_table, &p->stats, STAT_SCOPE_PROCESS, p->name, e);
	}
	return rc;
}

/* The first task of each process, by the process's address: only looked up, never walked. */
static void find_first_tasks(const struct sched *s, struct map *first)
{
	struct task *t;

	for (size_t i = 0; (t = sched_task_at(s, i)); i = sched_task_index(s, t) + 1)
		if (t->process && !map_get(first, (uintptr_t)t->process, NULL))
			map_put(first, (uintptr_t)t->process, (uintptr_t)t);
}

int machine_collect_details(void *ctx, struct metrics *mt, struct err *e)
{
	struct machine *m = ctx;
	struct process *p;
	struct map first;
	int rc = counters_machine(&m->kernel, mt, e);

	map_init(&first);
	find_first_tasks(m->kernel.sched, &first);
	if (rc >= 0)
		rc = counters_memcg(&m->kernel, mt, e);
	if (rc >= 0)
		rc = counters_cpuset(&m->kernel, mt, e);
	for (size_t i = 0; rc >= 0 && (p = replay_process_at(m->replay, i)); i++) {
		uint64_t t = 0;

		map_get(&first, (uintptr_t)p, &t);
		rc = counters_process(&m->kernel, p, (const struct task *)(uintptr_t)t, mt, e);
	}
	map_release(&first);
	return rc;
}
