/*
 * oom.c - choosing and killing a process when memory ran out.
 *
 * Modelled after mm/oom_kill.c and mm/memcontrol.c (mem_cgroup_out_of_memory, mem_cgroup_get_oom_group,
 * mem_cgroup_get_max), Linux 6.1: oom_badness (resident, swap and page-table pages, shifted by
 * oom_score_adj in thousandths of the allowed memory), constrained_alloc for policies and cpusets,
 * oom_kill_allocating_task, one victim at a time. The victim may use half of the reserves and frees its
 * memory when its tasks next leave the kernel.
 *
 * Not modelled: the oom_reaper's own thread (the victim's exit frees at once), oom_score_adj
 * -1000 of kernel-made processes.
 */
#include "models/kernel/oom.h"

#include <stdio.h>

#include "models/kernel/sched.h"
#include "models/kernel/swap.h"

enum constraint { CONSTRAINT_NONE, CONSTRAINT_CPUSET, CONSTRAINT_MEMORY_POLICY, CONSTRAINT_MEMCG };
static const char *const constraint_name[] = {"CONSTRAINT_NONE", "CONSTRAINT_CPUSET",
					      "CONSTRAINT_MEMORY_POLICY", "CONSTRAINT_MEMCG"};

/* Who ran short of what (struct oom_control). */
struct shortage {
	enum constraint c;
	struct memcg *domain; /* the group at its limit, NULL: the machine */
	nodemask_t mask;
	uint64_t total; /* pages */
	gfp_t gfp;
	unsigned order;
	bool bind;
};

#define OOM_SCORE_ADJ_MIN (-1000)

int64_t oom_badness(const struct process *p, uint64_t total_pages)
{
	const struct mm *mm = p->mm;
	int64_t points;

	if (!mm || p->exited || p->in_vfork || p->oom_score_adj == OOM_SCORE_ADJ_MIN)
		return INT64_MIN;
	points = (int64_t)mm_rss(mm) + mm->rss[MM_SWAPENTS] + (int64_t)mm->pt.nr_tables;
	return points + p->oom_score_adj * (int64_t)(total_pages / 1000);
}

static enum constraint constraint_of(const struct task *cur, const struct alloc_context *ac, bool bind,
				     uint64_t *total)
{
	const struct memory *m = cur->k->memory;
	nodemask_t all = m->nodes_memory, mask = 0;
	enum constraint c = CONSTRAINT_NONE;
	uint64_t pages = 0;

	if (bind && all & ~ac->nodemask) {
		mask = ac->nodemask;
		c = CONSTRAINT_MEMORY_POLICY;
	} else if (ac->gfp & GFP_BIT_HARDWALL && cur->mems_allowed && all & ~cur->mems_allowed) {
		mask = cur->mems_allowed;
		c = CONSTRAINT_CPUSET;
	}

	*total = m->totalram_pages + swap_total_slots(cur->k->swap);
	if (c == CONSTRAINT_NONE)
		return c;
	for (unsigned i = 0; i < m->nr_nodes; i++)
		if (mask >> i & 1)
			pages += m->node[i].present_pages;
	*total = pages + swap_total_slots(cur->k->swap);
	return c;
}

/* oom_cpuset_eligible, mem_cgroup_scan_tasks: whether killing t can help. */
static bool concerns(const struct task *cur, const struct task *t, const struct shortage *s)
{
	if (s->c == CONSTRAINT_MEMCG)
		return memcg_is_in(memcg_of(t->k, t->process->memcg), s->domain);
	if (s->bind)
		return !t->policy || t->policy->mode != MPOL_BIND || t->policy->nodes & s->mask;
	return !t->mems_allowed || !cur->mems_allowed || t->mems_allowed & cur->mems_allowed;
}

struct choice {
	struct task *task;
	int64_t points;
	bool pending; /* a victim is dying already */
};

/* Whether t is a dying victim that the request may wait for. */
static bool is_pending(const struct task *cur, const struct task *t, const struct shortage *s)
{
	return t && t->process && t->mm && t->process->killed && concerns(cur, t, s);
}

/* Many may wait for one victim: where it was found last is looked at first, which decides nothing else. */
static struct choice select_victim(struct task *cur, const struct shortage *s)
{
	struct choice best = {NULL, INT64_MIN, false};
	struct task *t = sched_task_at(cur->k->sched, cur->k->oom_victim_place);

	if (is_pending(cur, t, s)) {
		best.pending = true;
		return best;
	}
	for (size_t i = 0; (t = sched_task_at(cur->k->sched, i));
	     i = sched_task_index(cur->k->sched, t) + 1) {
		int64_t points;

		if (is_pending(cur, t, s)) {
			cur->k->oom_victim_place = t->place;
			best.pending = true;
			return best;
		}
		if (!t->process || !t->mm || !concerns(cur, t, s))
			continue;
		points = oom_badness(t->process, s->total);
		if (points != INT64_MIN && points >= best.points &&
		    (!best.task || points > best.points || t->process != best.task->process)) {
			best.task = t;
			best.points = points;
		}
	}
	return best;
}

/* dump_oom_summary's part about groups; empty where there are none. */
static void describe_groups(char *buf, size_t n, const struct shortage *s, const struct task *victim)
{
	const struct memcg *g = memcg_of(victim->k, victim->process->memcg);

	*buf = 0;
	if (victim->k->memcgs)
		snprintf(buf, n, ",\"oom_memcg\":\"%s\",\"task_memcg\":\"%s\"",
			 s->domain ? s->domain->name : "", g ? g->name : "");
}

static void log_kill(struct task *cur, const struct shortage *s, const struct task *victim, int64_t points)
{
	const struct process *p = victim->process;
	const struct mm *mm = p->mm;
	char scope[32], name[200], by[200], groups[120], detail[1000];

	snprintf(scope, sizeof scope, "process/%.22s", p->name);
	describe_groups(groups, sizeof groups, s, victim);
	snprintf(detail, sizeof detail,
		 "{\"constraint\":\"%s\",\"invoked_by\":\"%s\",\"process\":\"%s\",\"pid\":%u,\"anon_rss_"
		 "pages\":%" PRId64 ",\"file_rss_pages\":%" PRId64 ",\"shmem_rss_pages\":%" PRId64
		 ",\"swap_pages\":%" PRId64 ",\"table_pages\":%" PRIu64
		 ",\"oom_score_adj\":%d,\"vm_pages\":%" PRIu64
		 ",\"gfp_mask\":%u,\"order\":%u,\"nodemask\":\"%" PRIx64 "\",\"mems_allowed\":\"%" PRIx64
		 "\",\"cpu\":%u,\"by_pid\":%u,\"by_oom_score_adj\":%d%s}",
		 constraint_name[s->c], kernel_json(by, sizeof by, cur->comm),
		 kernel_json(name, sizeof name, p->comm), p->pid, mm->rss[MM_ANONPAGES],
		 mm->rss[MM_FILEPAGES], mm->rss[MM_SHMEMPAGES], mm->rss[MM_SWAPENTS], mm->pt.nr_tables,
		 p->oom_score_adj, mm->total_vm, s->gfp, s->order, s->bind ? s->mask : UINT64_C(0),
		 cur->mems_allowed, cur->exec->cpu, cur->process ? cur->process->pid : 0,
		 cur->process ? cur->process->oom_score_adj : 0, groups);
	kernel_event(cur->k, KEV_OOM_KILL, scope, points, detail);
}

/* __oom_kill_process */
static void kill_one(struct task *cur, const struct shortage *s, struct task *victim, int64_t points)
{
	struct kernel *k = cur->k;
	struct process *p = victim->process;
	struct task *t;

	vm_event(k->memory, VMEV_OOM_KILL, 1);
	memcg_event(memcg_of(k, p->memcg), MEMCG_OOM_KILL, 1);
	log_kill(cur, s, victim, points);
	p->killed = true;
	for (size_t i = 0; (t = sched_task_at(k->sched, i)); i = sched_task_index(k->sched, t) + 1)
		if (t->process == p) {
			t->flags |= TASK_OOM_VICTIM;
		} else if (t->process && t->mm == p->mm) { /* process_shares_mm: they die along */
			t->process->killed = true;
			t->flags |= TASK_OOM_VICTIM;
		}
	if (k->hooks.process_killed)
		k->hooks.process_killed(k->hooks.ctx, p->mm);
}

/* mem_cgroup_get_oom_group: the outermost group around the victim, within the domain, that dies as a whole.
 */
static struct memcg *oom_group_of(const struct task *victim, const struct memcg *domain)
{
	struct memcg *found = NULL;

	for (struct memcg *g = memcg_of(victim->k, victim->process->memcg); g; g = g->parent) {
		if (g->oom_group)
			found = g;
		if (g == domain)
			break;
	}
	return found;
}

/* oom_kill_process */
static void kill_process(struct task *cur, const struct shortage *s, struct task *victim, int64_t points)
{
	struct memcg *group = oom_group_of(victim, s->domain);
	struct kernel *k = cur->k;
	struct task *t;

	kill_one(cur, s, victim, points);
	if (!group)
		return;
	memcg_event(group, MEMCG_OOM_GROUP_KILL, 1);
	for (size_t i = 0; (t = sched_task_at(k->sched, i)); i = sched_task_index(k->sched, t) + 1)
		if (t->process && t->mm && t->process->mm && !t->process->killed && !t->process->exited &&
		    t->process->oom_score_adj != OOM_SCORE_ADJ_MIN &&
		    memcg_is_in(memcg_of(k, t->process->memcg), group))
			kill_one(cur, s, t, oom_badness(t->process, s->total));
}

static bool kill_for(struct task *cur, const struct shortage *s)
{
	struct choice best = select_victim(cur, s);

	if (best.pending)
		return true;
	if (!best.task)
		return false;
	kill_process(cur, s, best.task, best.points);
	return true;
}

bool oom_kill_for(struct task *cur, const struct alloc_context *ac, bool bind)
{
	struct shortage s = {.mask = bind ? ac->nodemask : cur->mems_allowed,
			     .gfp = ac->gfp,
			     .order = ac->order,
			     .bind = bind};

	s.c = constraint_of(cur, ac, bind, &s.total);
	if (cur->process && cur->process->killed)
		return true;
	if (cur->k->params.oom_kill_allocating_task && cur->process && cur->mm &&
	    oom_badness(cur->process, s.total) != INT64_MIN) {
		kill_process(cur, &s, cur, oom_badness(cur->process, s.total));
		return true;
	}
	return kill_for(cur, &s);
}

/* mem_cgroup_get_max */
static uint64_t most_pages(const struct kernel *k, const struct memcg *g)
{
	uint64_t swap = g->swappiness ? MIN_OF(g->swap.max, swap_total_slots(k->swap)) : 0;

	return g->memory.max > UINT64_MAX - swap ? UINT64_MAX : g->memory.max + swap;
}

bool oom_kill_in(struct task *cur, struct memcg *domain, gfp_t gfp, unsigned order)
{
	struct shortage s = {.c = CONSTRAINT_MEMCG,
			     .domain = domain,
			     .total = most_pages(cur->k, domain),
			     .gfp = gfp,
			     .order = order};

	if (cur->process && cur->process->killed) {
		cur->flags |= TASK_OOM_VICTIM;
		return true;
	}
	return kill_for(cur, &s);
}
