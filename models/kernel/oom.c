/*
 * oom.c - choosing and killing a process when memory ran out.
 *
 * Modelled after mm/oom_kill.c, Linux 6.1: oom_badness (resident, swap and page-table pages, shifted by
 * oom_score_adj in thousandths of the allowed memory), constrained_alloc for policies and cpusets,
 * oom_kill_allocating_task, one victim at a time. The victim may use half of the reserves and frees its
 * memory when its tasks next leave the kernel.
 *
 * Not modelled: the oom_reaper's own thread (the victim's exit frees at once), memory cgroups, oom_score_adj
 * -1000 of kernel-made processes.
 */
#include "models/kernel/oom.h"

#include <stdio.h>

#include "models/kernel/sched.h"
#include "models/kernel/swap.h"

enum constraint { CONSTRAINT_NONE, CONSTRAINT_CPUSET, CONSTRAINT_MEMORY_POLICY };
static const char *const constraint_name[] = {"CONSTRAINT_NONE", "CONSTRAINT_CPUSET",
					      "CONSTRAINT_MEMORY_POLICY"};

#define OOM_SCORE_ADJ_MIN (-1000)

int64_t oom_badness(const struct process *p, uint64_t total_pages)
{
	const struct mm *mm = p->mm;
	int64_t points;

	if (!mm || p->exited || p->oom_score_adj == OOM_SCORE_ADJ_MIN)
		return INT64_MIN;
	points = (int64_t)mm_rss(mm) + mm->rss[MM_SWAPENTS] + (int64_t)mm->pt.nr_tables;
	return points + p->oom_score_adj * (int64_t)(total_pages / 1000);
}

static enum constraint constraint_of(const struct task *cur, const struct alloc_context *ac, bool bind,
				     uint64_t *total)
{
	const struct memory *m = cur->k->memory;
	nodemask_t mask = bind ? ac->nodemask : cur->mems_allowed;
	uint64_t pages = 0;

	*total = m->totalram_pages + swap_total_slots(cur->k->swap);
	if (!mask)
		return CONSTRAINT_NONE;
	for (unsigned i = 0; i < m->nr_nodes; i++)
		if (mask >> i & 1)
			pages += m->node[i].present_pages;
	*total = pages + swap_total_slots(cur->k->swap);
	return bind ? CONSTRAINT_MEMORY_POLICY : CONSTRAINT_CPUSET;
}

/* oom_cpuset_eligible: whether killing t can help a request limited to mask. */
static bool concerns(const struct task *t, nodemask_t mask, enum constraint c)
{
	if (c == CONSTRAINT_MEMORY_POLICY)
		return !t->policy || t->policy->mode != MPOL_BIND || t->policy->nodes & mask;
	if (c == CONSTRAINT_CPUSET)
		return !t->mems_allowed || t->mems_allowed & mask;
	return true;
}

struct choice {
	struct task *task;
	int64_t points;
	bool pending; /* a victim is dying already */
};

static struct choice select_victim(struct task *cur, nodemask_t mask, enum constraint c, uint64_t total)
{
	struct choice best = {NULL, INT64_MIN, false};
	struct task *t;

	for (size_t i = 0; (t = sched_task_at(cur->k->sched, i));
	     i = sched_task_index(cur->k->sched, t) + 1) {
		int64_t points;

		if (!t->process || !t->mm || !concerns(t, mask, c))
			continue;
		if (t->process->killed) {
			best.pending = true;
			return best;
		}
		points = oom_badness(t->process, total);
		if (points != INT64_MIN && points >= best.points &&
		    (!best.task || points > best.points || t->process != best.task->process)) {
			best.task = t;
			best.points = points;
		}
	}
	return best;
}

static void kill_process(struct task *cur, const struct alloc_context *ac, bool bind, struct task *victim,
			 int64_t points, const char *why)
{
	struct kernel *k = cur->k;
	struct process *p = victim->process;
	const struct mm *mm = p->mm;
	char scope[32], name[200], by[200], detail[900];
	struct task *t;

	snprintf(scope, sizeof scope, "process/%.22s", p->name);
	snprintf(detail, sizeof detail,
		 "{\"constraint\":\"%s\",\"invoked_by\":\"%s\",\"process\":\"%s\",\"pid\":%u,\"anon_rss_"
		 "pages\":%" PRId64 ",\"file_rss_pages\":%" PRId64 ",\"shmem_rss_pages\":%" PRId64
		 ",\"swap_pages\":%" PRId64 ",\"table_pages\":%" PRIu64
		 ",\"oom_score_adj\":%d,\"vm_pages\":%" PRIu64
		 ",\"gfp_mask\":%u,\"order\":%u,\"nodemask\":\"%" PRIx64 "\",\"mems_allowed\":\"%" PRIx64
		 "\",\"cpu\":%u,\"by_pid\":%u,\"by_oom_score_adj\":%d}",
		 why, kernel_json(by, sizeof by, cur->comm), kernel_json(name, sizeof name, p->comm), p->pid,
		 mm->rss[MM_ANONPAGES], mm->rss[MM_FILEPAGES], mm->rss[MM_SHMEMPAGES], mm->rss[MM_SWAPENTS],
		 mm->pt.nr_tables, p->oom_score_adj, mm->total_vm, ac->gfp, ac->order,
		 bind ? ac->nodemask : UINT64_C(0), cur->mems_allowed, cur->exec->cpu,
		 cur->process ? cur->process->pid : 0, cur->process ? cur->process->oom_score_adj : 0);
	vm_event(k->memory, VMEV_OOM_KILL, 1);
	kernel_event(k, KEV_OOM_KILL, scope, points, detail);
	p->killed = true;
	for (size_t i = 0; (t = sched_task_at(k->sched, i)); i = sched_task_index(k->sched, t) + 1)
		if (t->process == p)
			t->flags |= TASK_OOM_VICTIM;
	if (k->hooks.process_killed)
		k->hooks.process_killed(k->hooks.ctx, p->mm);
}

bool oom_kill_for(struct task *cur, const struct alloc_context *ac, bool bind)
{
	uint64_t total;
	enum constraint c = constraint_of(cur, ac, bind, &total);
	nodemask_t mask = bind ? ac->nodemask : cur->mems_allowed;
	struct choice best;

	if (cur->process && cur->process->killed)
		return true;
	if (cur->k->params.oom_kill_allocating_task && cur->process && cur->mm &&
	    oom_badness(cur->process, total) != INT64_MIN) {
		kill_process(cur, ac, bind, cur, oom_badness(cur->process, total), constraint_name[c]);
		return true;
	}
	best = select_victim(cur, mask, c, total);
	if (best.pending)
		return true;
	if (!best.task)
		return false;
	kill_process(cur, ac, bind, best.task, best.points, constraint_name[c]);
	return true;
}
