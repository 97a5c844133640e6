/*
 * machine.c - wires the models together, runs the event loop, takes snapshots.
 */
#include "models/machine.h"

#include <stdio.h>
#include <string.h>

#include "models/counters.h"
#include "models/kernel/charge.h"
#include "models/kernel/compact.h"
#include "models/kernel/filemap.h"
#include "models/kernel/khugepaged.h"
#include "models/kernel/fork.h"
#include "models/kernel/kswapd.h"
#include "models/kernel/lru.h"
#include "models/kernel/numa_balancing.h"
#include "models/kernel/rmap.h"
#include "models/kernel/slab.h"
#include "models/kernel/writeback.h"
#include "models/machine/parts.h"
#include "sim/mem.h"

/* ---- parameters ---- */

struct machine_config *machine_config_new(struct param_set *ps)
{
	struct machine_config *c = mem_alloc_late(1, sizeof *c);

	param_set_add(ps, &topology_param_table, &c->topology);
	param_set_add(ps, &cpu_param_table, &c->cpu);
	param_set_add(ps, &tlb_param_table, &c->tlb);
	param_set_add(ps, &mmu_param_table, &c->mmu);
	c->hierarchy = memsys_config_new(ps);
	param_set_add(ps, &zone_param_table, &c->zone);
	param_set_add(ps, &boot_param_table, &c->boot);
	param_set_add(ps, &tier_param_table, &c->tier);
	param_set_add(ps, &cpuset_param_table, &c->cpuset);
	param_set_add(ps, &kernel_param_table, &c->kernel);
	param_set_add(ps, &khugepaged_param_table, &c->khugepaged);
	param_set_add(ps, &reclaim_param_table, &c->reclaim);
	param_set_add(ps, &memcg_param_table, &c->memcg);
	param_set_add(ps, &swap_param_table, &c->swap);
	param_set_add(ps, &disk_param_table, &c->disk);
	param_set_add(ps, &sched_param_table, &c->sched);
	param_set_add(ps, &cost_param_table, &c->cost);
	param_set_add(ps, &replay_param_table, &c->replay);
	return c;
}

void machine_config_free(struct machine_config *c)
{
	memsys_config_free(c->hierarchy);
	mem_free(c);
}

bool machine_maps_on_demand(const struct machine_config *c, struct trace *t)
{
	if (c->replay.mapping == REPLAY_MAPPING_AUTO)
		return !trace_has_mappings(t);
	return c->replay.mapping == REPLAY_MAPPING_ON_DEMAND;
}

const char *machine_schedule_name(const struct machine_config *c)
{
	return replay_schedule_name(c->replay.schedule);
}

uint64_t machine_seed(const struct machine_config *c)
{
	return c->replay.seed;
}

/* ---- hooks ---- */

static void hook_tlb_flush(void *ctx, struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end)
{
	struct machine *m = ctx;
	unsigned targets = 0, far = 0;

	mm->tlb_gen++;
	for (unsigned i = 0; i < m->nr_cpus; i++) {
		struct cpu *c = m->cpus[i];

		if (&c->x == cur->exec) {
			cpu_flush(c, mm, start, end);
		} else if (mm->cpus[i / 64] >> (i % 64) & 1) {
			cpu_flush(c, mm, start, end);
			exec_charge(&c->x, CYCLES_shootdown, m->kernel.cost.shootdown_interrupt);
			c->stats.shootdowns_received++;
			targets++;
			far += c->x.nid != cur->exec->nid;
		}
	}
	if (targets) {
		uint64_t cycles = m->kernel.cost.shootdown + (targets - 1) * m->kernel.cost.shootdown_target;

		task_charge(cur, CYCLES_shootdown, far ? 2 * cycles : cycles);
		m->cpus[cur->exec->cpu]->stats.shootdowns_sent++;
	}
}

static void hook_process_killed(void *ctx, struct mm *mm)
{
	struct machine *m = ctx;

	if (m->replay)
		replay_process_killed(m->replay, mm);
}

static void note_sink(struct machine *m, int rc, struct err *e)
{
	if (rc < 0 && !m->sink_err.code)
		m->sink_err = *e;
}

static void snapshot_at(struct machine *m, enum snapshot_kind kind, const char *label, tick_t time)
{
	struct err e = {0};

	note_sink(m,
		  metrics_snapshot(&m->metrics, kind, label, time, m->replay ? replay_accesses(m->replay) : 0,
				   &e),
		  &e);
}

static void snapshot(struct machine *m, enum snapshot_kind kind, const char *label)
{
	snapshot_at(m, kind, label, m->eventq.now);
}

static void hook_event(void *ctx, enum kernel_event kind, const char *scope, int64_t value,
		       const char *detail)
{
	struct machine *m = ctx;
	struct err e = {0};
	char label[24];

	note_sink(m,
		  m->sink->ops->event(m->sink, m->eventq.now, kernel_event_name(kind), scope, value, detail,
				      &e),
		  &e);
	if (kind == KEV_OOM_KILL && m->oom_kills++ < m->config->replay.oom_kills) {
		snprintf(label, sizeof label, "oom-%u", m->oom_kills);
		snapshot(m, SNAPSHOT_NAMED, label);
	}
}

static void hook_mark(void *ctx, struct task *cur, const char *label)
{
	struct machine *m = ctx;
	char text[200], detail[220];

	snprintf(detail, sizeof detail, "{\"label\":\"%s\"}", kernel_json(text, sizeof text, label));
	hook_event(m, KEV_MARK, "machine", 0, detail);
	if (m->config->replay.drain)
		lru_drain_all(&m->kernel);
	snapshot(m, SNAPSHOT_NAMED, label);
	cpuset_mark(&m->kernel, cur, label);
}

static void hook_over(void *ctx)
{
	struct machine *m = ctx;

	if (m->config->replay.ends)
		hook_mark(m, NULL, "after");
}

static void hook_warm(void *ctx)
{
	snapshot(ctx, SNAPSHOT_WARMUP, "warmup");
}

static void run_user(void *ctx, struct task *t, uint64_t until)
{
	struct machine *m = ctx;

	replay_run_user(m->replay, t, until);
}

/* context_switch: kernel threads borrow the address space that is loaded. */
static void switch_to(void *ctx, struct exec *x, struct task *prev, struct task *next)
{
	struct machine *m = ctx;
	struct cpu *c = m->cpus[x->cpu];
	const struct cost_params *cost = &m->kernel.cost;

	(void)prev;
	if (!next) {
		cpu_leave_mm(c);
		return;
	}
	if (!next->mm || next->mm == c->mm)
		exec_charge(x, CYCLES_schedule, cost->thread_switch);
	else
		exec_charge(x, CYCLES_schedule, cost->context_switch);
	if (next->mm) {
		next->mm->ran = UINT64_MAX;
		cpu_load_mm(c, next->mm);
	} else {
		cpu_leave_mm(c);
	}
}

/* resume_user_mode_work */
static void hook_task_work(struct task *cur)
{
	if (cur->k->params.numa_balancing)
		numa_balancing_work(cur);
	charge_over_high(cur, GFP_KERNEL);
}

/*
 * vmstat_update is a deferrable work of whole seconds (round_jiffies_relative): the first tick of a second
 * does it, and a CPU that idles does not.
 */
static void hook_tick(struct task *curr)
{
	struct machine *m = curr->k->hooks.ctx;
	const unsigned cpu = curr->exec->cpu;
	const uint64_t second = clock_ps(curr->exec->clock, curr->exec->cycles) / PS_PER_S;

	if (m->refreshed[cpu] != second)
		pcp_refresh(&m->memory, cpu);
	m->refreshed[cpu] = second;
	if (m->kernel.params.numa_balancing)
		numa_balancing_tick(curr);
}

static const struct sched_ops sched_ops = {.run_user = run_user, .switch_to = switch_to};

static pfn_t slab_page_alloc(void *cur, gfp_t gfp, unsigned order)
{
	return alloc_pages(cur, gfp, order);
}

static void slab_page_free(void *cur, pfn_t pfn, unsigned order)
{
	free_pages(cur, pfn, order);
}

static const struct slab_page_ops slab_ops = {.alloc = slab_page_alloc, .free = slab_page_free};

static bool slab_charge(void *cur, gfp_t gfp, unsigned bytes, bool reclaimable, uint32_t *group)
{
	return charge_object(cur, bytes, reclaimable, gfp, group);
}

static void slab_uncharge(void *cur, uint32_t group, unsigned bytes, bool reclaimable)
{
	uncharge_object(cur, group, bytes, reclaimable);
}

static const struct slab_charge_ops slab_charging = {.charge = slab_charge, .uncharge = slab_uncharge};

/* ---- building ---- */

static void build_slab(struct machine *m)
{
	m->kernel.slab = slab_new(&m->memory, m->nr_cpus, &slab_ops);
	slab_set_charging(m->kernel.slab, m->kernel.memcgs ? &slab_charging : NULL);
}

static int build_hardware(struct machine *m, struct err *e)
{
	const struct machine_config *c = m->config;
	int rc = topology_init(&m->topo, &c->topology, e);

	if (rc < 0)
		return rc;
	rc = memsys_new(&m->memsys, c->hierarchy, &m->topo, c->replay.seed, e);
	if (rc < 0)
		return rc;
	m->nr_cpus = m->topo.nr_cpus;
	m->cpus = mem_alloc(m->nr_cpus + 1, sizeof(struct cpu *));
	for (unsigned i = 0; i < m->nr_cpus; i++) {
		m->cpus[i] = mem_alloc(1, sizeof(struct cpu));
		rc = cpu_init(m->cpus[i], i, &c->cpu, &c->tlb, &c->mmu, &c->cost, &m->topo, m->memsys,
			      c->replay.seed, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void boot_task(struct machine *m)
{
	m->boot.k = &m->kernel;
	m->boot.exec = &m->cpus[0]->x;
	m->boot.state = TASK_RUNNING;
	m->boot.reclaim_cause = CYCLES_reclaim_direct;
	snprintf(m->boot.comm, sizeof m->boot.comm, "swapper");
}

static int build_memory(struct machine *m, struct err *e)
{
	const struct machine_config *c = m->config;
	int rc = memory_init(&m->memory, &c->zone, &m->topo, e);

	if (rc >= 0 && c->kernel.thp_enabled != THP_NEVER)
		memory_recommend_min_free(&m->memory, &c->zone);
	if (rc >= 0)
		rc = pcp_setup(&m->memory, &c->zone.pcp, e);
	if (rc >= 0)
		rc = memory_boot(&m->memory, &c->boot, e);
	if (rc >= 0)
		rc = memory_tiers(&m->memory, &c->tier, e);
	return rc;
}

/* What the kernel tells those above it. */
static void install_hooks(struct machine *m)
{
	struct kernel *k = &m->kernel;

	k->hooks = (struct kernel_hooks){.ctx = m,
					 .tlb_flush = hook_tlb_flush,
					 .process_killed = hook_process_killed,
					 .event = hook_event,
					 .alloc = alloc_pages_nodemask,
					 .flush_plug = swap_plug_flush,
					 .task_work = hook_task_work,
					 .tick = hook_tick};
}

static int build_kernel(struct machine *m, struct err *e)
{
	const struct machine_config *c = m->config;
	struct kernel *k = &m->kernel;
	struct exec *execs[MAX_CPUS];
	struct blkdev_params disk = disk_blkdev_params(&c->disk);
	int rc;

	k->eventq = &m->eventq;
	k->params = c->kernel;
	k->cost = c->cost;
	k->zone_params = c->zone;
	k->reclaim_algorithm = c->reclaim.algorithm;
	k->seed = c->replay.seed;
	rng_init(&k->random, k->seed, "kernel.random");
	k->mms = &m->mms;
	install_hooks(m);
	rc = build_memory(m, e);
	if (rc < 0)
		return rc;
	k->memory = &m->memory;
	rc = cpuset_new(k, &c->cpuset, e);
	if (rc >= 0)
		rc = memcg_new(k, &c->memcg, m->nr_cpus, e);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < m->nr_cpus; i++)
		execs[i] = &m->cpus[i]->x;
	sched_new(k, &c->sched, &sched_ops, m, execs, m->nr_cpus);
	boot_task(m);
	mm_table_init(&m->mms);
	k->rmap = rmap_new();
	k->lru = lru_new(m->nr_cpus);
	build_slab(m);
	blkdev_init(&m->disk, &m->eventq, &disk);
	k->file_dev = &m->disk;
	k->swap = swap_new(k, &c->swap, m->nr_cpus);
	k->pagecache = pagecache_new(k);
	k->writeback = writeback_new(k);
	k->zero_pfn = alloc_pages(&m->boot, (GFP_KERNEL & ~GFP_BIT_RECLAIM) | GFP_BIT_ZERO, 0);
	if (k->zero_pfn == PFN_NONE)
		return err_set(e, ERR_CONFIG,
			       "topology.node_mem: the machine has too little memory to start");
	m->memory.frames.f[k->zero_pfn].flags |= FR_ZERO | FR_RESERVED;
	reclaim_setup(k);
	kcompactd_start(k);
	kswapd_start(k);
	khugepaged_start(k, &c->khugepaged);
	writeback_start(k);
	cpuset_start(k);
	return 0;
}

/*
 * Interval snapshots that are due before the next event. They are no events, so that taking them changes
 * nothing: they see what had happened when the first event behind their time was about to fire.
 */
static void take_samples(struct machine *m)
{
	const tick_t next = eventq_next_time(&m->eventq);

	while (m->next_sample <= next && next != TICK_NEVER) {
		snapshot_at(m, SNAPSHOT_INTERVAL, "interval", m->next_sample);
		m->next_sample += m->config->replay.interval_us * PS_PER_US;
	}
}

/* ---- life ---- */

int machine_new(struct machine **out, const struct machine_config *c, struct trace *t, struct sink *sink,
		struct err *e)
{
	struct machine *m = mem_alloc(1, sizeof *m);
	struct replay_hooks hooks = {m, hook_mark, hook_over, hook_warm};
	int rc;

	m->config = c;
	m->trace = t;
	m->sink = sink;
	eventq_init(&m->eventq);
	check_set_clock(&m->eventq.now);
	stat_registry_init(&m->registry);
	rc = build_hardware(m, e);
	if (rc >= 0)
		rc = build_kernel(m, e);
	if (rc >= 0)
		rc = replay_new(&m->replay, &m->kernel, m->cpus, t, &c->replay, machine_maps_on_demand(c, t),
				&hooks, e);
	if (rc < 0) {
		machine_free(m);
		return rc;
	}
	machine_register_stats(m);
	metrics_init(&m->metrics, &m->registry, sink);
	metrics_add_collector(&m->metrics, machine_collect_processes, m, true);
	metrics_add_collector(&m->metrics, machine_collect_details, m, false);
	m->next_sample = c->replay.interval_us ? c->replay.interval_us * PS_PER_US : TICK_NEVER;
	*out = m;
	return 0;
}

void machine_set_sink(struct machine *m, struct sink *sink)
{
	m->sink = sink;
	m->metrics.sink = sink;
}

static void free_kernel(struct machine *m)
{
	struct kernel *k = &m->kernel;

	if (k->writeback)
		writeback_free(k->writeback);
	if (k->sched)
		sched_free(k->sched);
	if (k->pagecache)
		pagecache_free(k->pagecache);
	if (k->swap)
		swap_free(k->swap);
	if (k->file_dev)
		blkdev_release(k->file_dev);
	mem_free(k->khugepaged);
	cpuset_free(k);
	if (k->slab)
		slab_free_allocator(k->slab);
	if (k->lru)
		lru_free(k->lru);
	if (k->rmap)
		rmap_free(k->rmap);
	if (k->sched)
		mm_table_release(&m->mms);
	if (k->memory)
		memcg_free(k);
	if (k->memory)
		memory_release(&m->memory);
}

void machine_free(struct machine *m)
{
	mem_thaw();
	check_set_clock(NULL);
	if (m->replay)
		replay_free(m->replay);
	eventq_release(&m->eventq); /* before the owners of events: requests may be in flight */
	free_kernel(m);
	for (unsigned i = 0; m->cpus && i < m->nr_cpus; i++) {
		if (m->cpus[i])
			cpu_release(m->cpus[i]);
		mem_free(m->cpus[i]);
	}
	mem_free(m->cpus);
	if (m->memsys)
		memsys_free(m->memsys);
	stat_registry_release(&m->registry);
	mem_free(m);
}

struct machine_progress machine_progress(const struct machine *m)
{
	return (struct machine_progress){replay_accesses(m->replay), m->eventq.now,
					 m->memory.vmstat.event[VMEV_OOM_KILL], cpuset_pending(&m->kernel)};
}

/* Fires events until the trace is over; false when the user stopped it. */
static bool event_loop(struct machine *m, bool (*tick)(void *ctx, const struct machine_progress *p),
		       void *ctx)
{
	for (uint64_t n = 0; !replay_is_over(m->replay) && !m->sink_err.code; n++) {
		if (n % 256 == 0 && tick) {
			struct machine_progress p = machine_progress(m);

			if (!tick(ctx, &p))
				return false;
		}
		if (!replay_unstall(m->replay, m->eventq.now) && !sched_nr_user(m->kernel.sched))
			break;
		take_samples(m);
		CHECK(eventq_step(&m->eventq), "%u tasks wait and nothing will wake them",
		      sched_nr_user(m->kernel.sched));
	}
	return true;
}

int machine_run(struct machine *m, bool (*tick)(void *ctx, const struct machine_progress *p), void *ctx,
		struct err *e)
{
	const struct err *bad;
	bool whole;

	mem_freeze();
	if (m->config->replay.ends)
		hook_mark(m, NULL, "before");
	replay_start(m->replay);
	whole = event_loop(m, tick, ctx);
	sched_finish(m->kernel.sched, MAX_OF(sched_latest(m->kernel.sched), m->eventq.now));
	m->eventq.now = MAX_OF(sched_latest(m->kernel.sched), m->eventq.now);
	machine_check(m);
	if (m->config->replay.ends && !m->sink_err.code)
		hook_mark(m, NULL, "exited");
	if (!m->sink_err.code)
		snapshot(m, SNAPSHOT_FINAL, "final");
	if (m->sink_err.code)
		return err_set(e, m->sink_err.code, "%s", m->sink_err.text);
	bad = replay_error(m->replay);
	if (bad)
		return err_set(e, bad->code, "%s", bad->text);
	if (!whole)
		return err_set(e, ERR_INTERRUPTED, "stopped after %" PRIu64 " accesses",
			       replay_accesses(m->replay));
	if (trace_is_truncated(m->trace))
		return err_set(e, ERR_TRUNCATED,
			       "the trace ends early: all %" PRIu64 " accesses before the cut were replayed",
			       replay_accesses(m->replay));
	return 0;
}

/* ---- conservation laws ---- */

static void check_cpu(const struct cpu *c)
{
	const uint64_t *by = (const uint64_t *)&c->x.cause;
	uint64_t sum = 0;

	for (unsigned i = 0; i < NR_CYCLE_CAUSES; i++)
		sum += by[i];
	CHECK(sum == c->x.cycles, "CPU %u: causes sum to %" PRIu64 ", the clock says %" PRIu64, c->x.cpu, sum,
	      c->x.cycles);
	CHECK(c->stats.loads + c->stats.stores + c->stats.fetches == c->stats.accesses,
	      "CPU %u: kinds of accesses", c->x.cpu);
	CHECK(c->stats.local_accesses + c->stats.remote_accesses == c->stats.accesses,
	      "CPU %u: places of accesses", c->x.cpu);
}

static void check_numa(const struct memory *m)
{
	uint64_t miss = 0, foreign = 0;

	for (unsigned i = 0; i < m->nr_nodes; i++)
		for (unsigned z = 0; z < NR_ZONES; z++) {
			miss += m->node[i].zone[z].numa.item[NR_NUMA_MISS];
			foreign += m->node[i].zone[z].numa.item[NR_NUMA_FOREIGN];
		}
	CHECK(miss == foreign, "numa_miss %" PRIu64 " is not numa_foreign %" PRIu64, miss, foreign);
}

void machine_check(struct machine *m)
{
	uint64_t accesses = 0;

	for (unsigned i = 0; i < m->nr_cpus; i++) {
		check_cpu(m->cpus[i]);
		accesses += m->cpus[i]->stats.accesses;
	}
	CHECK(accesses == replay_accesses(m->replay),
	      "CPUs did %" PRIu64 " accesses, %" PRIu64 " were replayed", accesses,
	      replay_accesses(m->replay));
	check_numa(&m->memory);
#ifdef FAULTLINE_CHECKED
	counters_check(&m->kernel);
#endif
}
