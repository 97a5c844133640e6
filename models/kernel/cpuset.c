/*
 * cpuset.c - bringing tasks into sets, changing what sets have.
 *
 * After Linux 6.1, kernel/cgroup/cpuset.c: cpuset_attach_task, cpuset_fork, cpuset_cpus_allowed,
 * update_nodemask, update_cpumask, validate_change, update_nodemasks_hier, update_cpumasks_hier,
 * update_tasks_nodemask, update_tasks_cpumask, cpuset_change_task_nodemask, cpuset_migrate_mm. What a set
 * forbids is enforced where it is asked: the allocator (zonelist.c, alloc.c), reclaim (shrink_zones), the OOM
 * killer, policies (mbind.c), the page cache (alloc_page_cache), sched_setaffinity.
 *
 * A change goes down the tree as far as it changes anything. Mappings' policies are bound to the nodes in
 * effect; before 6.1's later stable releases they were bound to those asked for, which differs for a set that
 * asks for nothing or for more than its parent has. A change of CPUs takes the place of what tasks had asked
 * for by sched_setaffinity, as in the kernel before 6.2.
 *
 * Sets are not exclusive, so that what is not a user's page may spill over to any node
 * (nearest_hardwall_ancestor is the root). Cost: O(sets + tasks + mappings) a change, and the pages moved.
 *
 * Not modelled: partitions (cpuset.cpus.partition) and sched_load_balance, mem_hardwall, memory_pressure,
 * memory_spread_slab, CPUs and nodes that go offline, processes that move to another set while they run.
 */
#include "models/kernel/cpuset.h"

#include <stdio.h>
#include <string.h>

#include "models/kernel/cpuset/sets.h"
#include "models/kernel/mmap.h"
#include "models/kernel/mmaplock.h"
#include "models/kernel/sched.h"

#define WORDS (MAX_CPUS / 64)

struct cpuset *cpuset_at(const struct kernel *k, size_t i)
{
	return k->cpusets && i < k->cpusets->n ? &k->cpusets->set[i] : NULL;
}

/* ---- tasks ---- */

struct cpuset *cpuset_of_pid(const struct kernel *k, uint32_t pid, const struct process *parent)
{
	struct cpusets *s = k->cpusets;
	uint64_t place;

	if (!s)
		return NULL;
	if (map_get(&s->of, pid, &place))
		return place == CPUSET_ROOT ? NULL : &s->set[place];
	if (parent)
		return parent->cpuset;
	return s->all_in_first ? &s->set[0] : NULL;
}

void cpuset_limit_cpus(const struct task *t, uint64_t mask[WORDS])
{
	for (unsigned i = 0; t->process && t->process->cpuset && i < WORDS; i++)
		mask[i] &= t->process->cpuset->effective_cpus[i];
}

/* cpuset_change_task_nodemask; mems 0: the root's. */
static void change_nodes(struct task *t, nodemask_t mems)
{
	nodemask_t all = t->k->memory->nodes_memory;

	t->mems_allowed = mems == all ? 0 : mems;
	t->policy = policy_rebound(t->policy, mems ? mems : all);
}

void cpuset_attach(struct task *t, const struct task *parent)
{
	const struct cpuset *cs = t->process->cpuset;

	t->spread_page = cs && cs->spread_page;
	if (parent && parent->process->cpuset == cs)
		return;
	if (cs)
		sched_set_affinity(t, cs->effective_cpus);
	change_nodes(t, cs ? cs->effective_mems : 0);
}

/* ---- the tree ---- */

static bool is_empty(const uint64_t mask[WORDS])
{
	for (unsigned i = 0; i < WORDS; i++)
		if (mask[i])
			return false;
	return true;
}

void cpuset_effective(const struct kernel *k, const struct cpuset *cs, nodemask_t *mems, uint64_t cpus[WORDS])
{
	nodemask_t parent_mems = cs->parent ? cs->parent->effective_mems : k->memory->nodes_memory;
	uint64_t parent_cpus[WORDS];

	memset(parent_cpus, 0, sizeof parent_cpus);
	for (unsigned i = 0; i < k->memory->topo->nr_cpus; i++)
		parent_cpus[i / 64] |= UINT64_C(1) << (i % 64);
	if (cs->parent)
		memcpy(parent_cpus, cs->parent->effective_cpus, sizeof parent_cpus);
	*mems = cs->mems & parent_mems ? cs->mems & parent_mems : parent_mems;
	for (unsigned i = 0; i < WORDS; i++)
		cpus[i] = cs->cpus[i] & parent_cpus[i];
	if (is_empty(cpus))
		memcpy(cpus, parent_cpus, sizeof parent_cpus);
}

static bool is_in(const struct cpuset *cs, const struct cpuset *root)
{
	while (cs && cs != root)
		cs = cs->parent;
	return cs != NULL;
}

/* cgroup_is_populated */
static bool has_processes(struct kernel *k, const struct cpuset *root)
{
	struct task *t;

	for (size_t i = 0; (t = sched_task_at(k->sched, i)); i = sched_task_index(k->sched, t) + 1)
		if (t->process && is_in(t->process->cpuset, root))
			return true;
	return false;
}

/* ---- a change ---- */

/* mpol_rebind_mm and cpuset_migrate_mm */
static void change_mm(struct task *cur, struct mm *mm, nodemask_t from, nodemask_t to)
{
	mmap_write_lock(cur, mm);
	for (struct vma *v = vma_find(&mm->vmas, 0); v; v = vma_next(&mm->vmas, v))
		v->policy = policy_rebound(v->policy, to);
	mmap_write_unlock(cur, mm);
	if (cur->k->cpusets->migrate && mm->users)
		(void)mm_move_nodes(cur, mm, from, to, true);
}

/* update_tasks_nodemask */
static void change_tasks_nodes(struct task *cur, struct cpuset *cs, nodemask_t from, nodemask_t to)
{
	struct kernel *k = cur->k;
	struct task *t;

	for (size_t i = 0; (t = sched_task_at(k->sched, i)); i = sched_task_index(k->sched, t) + 1)
		if (t->process && t->process->cpuset == cs)
			change_nodes(t, to);
	for (uint32_t id = 0; id < k->mms->n; id++) {
		struct mm *mm = mm_of(k->mms, id);

		if (!mm || !mm->users || mm->process->cpuset != cs)
			continue;
		mm_grab(mm);
		change_mm(cur, mm, from, to);
		mm_drop(k->mms, mm);
	}
}

/* update_tasks_cpumask */
static void change_tasks_cpus(struct kernel *k, const struct cpuset *cs)
{
	struct task *t;

	for (size_t i = 0; (t = sched_task_at(k->sched, i)); i = sched_task_index(k->sched, t) + 1)
		if (t->process && t->process->cpuset == cs)
			sched_set_affinity(t, cs->effective_cpus);
}

/* update_nodemasks_hier and update_cpumasks_hier: a set comes behind the one that it lies in. */
static void update_tree(struct task *cur, struct cpuset *root)
{
	struct cpuset *cs;

	for (size_t i = 0; (cs = cpuset_at(cur->k, i)); i++) {
		nodemask_t mems, from = cs->effective_mems;
		uint64_t cpus[WORDS];

		if (!is_in(cs, root))
			continue;
		cpuset_effective(cur->k, cs, &mems, cpus);
		if (memcmp(cpus, cs->effective_cpus, sizeof cpus) != 0) {
			memcpy(cs->effective_cpus, cpus, sizeof cpus);
			change_tasks_cpus(cur->k, cs);
		}
		cs->effective_mems = mems;
		if (mems != from)
			change_tasks_nodes(cur, cs, from, mems);
	}
}

bool cpuset_write_mems(struct task *cur, struct cpuset *cs, nodemask_t mems)
{
	if (!mems && cs->mems && has_processes(cur->k, cs))
		return false;
	cs->mems = mems;
	update_tree(cur, cs);
	return true;
}

bool cpuset_write_cpus(struct task *cur, struct cpuset *cs, const uint64_t cpus[WORDS])
{
	if (is_empty(cpus) && !is_empty(cs->cpus) && has_processes(cur->k, cs))
		return false;
	memcpy(cs->cpus, cpus, sizeof cs->cpus);
	update_tree(cur, cs);
	return true;
}

/* ---- when ---- */

static void make_step(struct task *cur, const struct cpuset_step *step)
{
	char scope[MEMCG_NAME_LEN + 8];
	bool ok = step->of_cpus ? cpuset_write_cpus(cur, step->set, step->cpus)
				: cpuset_write_mems(cur, step->set, step->mems);

	snprintf(scope, sizeof scope, "cpuset/%s", step->set->name);
	if (!ok)
		kernel_event(cur->k, KEV_SYSCALL_FAILED, scope, -LINUX_ENOSPC,
			     step->of_cpus ? "{\"call\":\"write\",\"file\":\"cpuset.cpus\"}"
					   : "{\"call\":\"write\",\"file\":\"cpuset.mems\"}");
}

static bool any_due(const struct cpusets *s)
{
	for (size_t i = 0; i < s->nr_steps; i++)
		if (s->step[i].due)
			return true;
	return false;
}

/* The writer is somebody outside; who made the mark goes on when it is done. */
void cpuset_mark(struct kernel *k, struct task *cur, const char *label)
{
	struct cpusets *s = k->cpusets;
	bool wake = false;

	for (size_t i = 0; s && i < s->nr_steps; i++) {
		struct cpuset_step *step = &s->step[i];

		if (!step->label || strlen(label) != step->label_len ||
		    memcmp(label, step->label, step->label_len) != 0)
			continue;
		step->due = wake = true;
	}
	if (!wake)
		return;
	sched_wake(k, WAIT_KEY(WAIT_CPUSET, 0), cur ? task_now(cur) : kernel_now(k));
	while (cur && any_due(s))
		sched_wait(cur, WAIT_KEY(WAIT_CPUSET, 1), TICK_NEVER, false);
}

/* What is to be made now, in order of time; NULL: nothing yet, *next says when. */
static struct cpuset_step *next_step(struct cpusets *s, tick_t now, tick_t *next)
{
	struct cpuset_step *first = NULL;

	*next = TICK_NEVER;
	for (size_t i = 0; i < s->nr_steps; i++) {
		struct cpuset_step *step = &s->step[i];

		if (step->due)
			return step;
		if (step->done || step->at >= *next)
			continue;
		*next = step->at;
		first = step;
	}
	return *next <= now ? first : NULL;
}

static void change_main(struct task *cur)
{
	struct cpusets *s = cur->k->cpusets;

	for (;;) {
		tick_t next;
		struct cpuset_step *step = next_step(s, task_now(cur), &next);

		if (!step) {
			sched_wait(cur, WAIT_KEY(WAIT_CPUSET, 0), next, false);
			continue;
		}
		make_step(cur, step);
		step->done = true;
		step->due = false;
		if (!any_due(s))
			sched_wake(cur->k, WAIT_KEY(WAIT_CPUSET, 1), task_now(cur));
	}
}

unsigned cpuset_pending(const struct kernel *k)
{
	unsigned n = 0;

	for (size_t i = 0; k->cpusets && i < k->cpusets->nr_steps; i++)
		n += !k->cpusets->step[i].done;
	return n;
}

void cpuset_start(struct kernel *k)
{
	if (k->cpusets && k->cpusets->nr_steps)
		sched_kthread(k, "cpuset", 0, change_main);
}
