/*
 * cpuset.c - reading cpusets, bringing tasks into them, changing their nodes.
 *
 * After Linux 6.1, kernel/cgroup/cpuset.c: cpuset_attach_task, cpuset_fork, cpuset_cpus_allowed,
 * update_tasks_nodemask, cpuset_change_task_nodemask, cpuset_migrate_mm, and lib/bitmap.c bitmap_parselist
 * (without strides). What a set forbids is enforced where it is asked: the allocator (zonelist.c, alloc.c),
 * reclaim (shrink_zones), the OOM killer, policies (mbind.c), the page cache (alloc_page_cache),
 * sched_setaffinity.
 *
 * Sets lie side by side below the root and are not exclusive, so that what is not a user's page may spill
 * over to any node (nearest_hardwall_ancestor is the root). Cost: O(tasks + mappings) a change, and the pages
 * moved.
 *
 * Not modelled: sets within sets, partitions and sched_load_balance, mem_hardwall, memory_pressure,
 * memory_spread_slab, CPUs and nodes that go offline, processes that move to another set while they run.
 */
#include "models/kernel/cpuset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel/mmap.h"
#include "models/kernel/mmaplock.h"
#include "models/kernel/sched.h"
#include "sim/map.h"

PARAM_TABLE(cpuset, cpuset_params, CPUSET_PARAMS);

#define ROOT UINT64_MAX

struct cpusets {
	struct cpuset set[CPUSETS_MAX];
	unsigned n;
	bool all_in_first;
	bool migrate;
	tick_t change_at; /* TICK_NEVER: not at all */
	struct map of;    /* pid: number of the set, or ROOT */
};

/* ---- reading ---- */

/* A parameter that is being read. */
struct reader {
	const char *path, *text, *at;
	struct err *e;
};

static int bad(const struct reader *r, const char *expected)
{
	return err_set(r->e, ERR_CONFIG, "%s: \"%s\", character %zu: expected %s", r->path, r->text,
		       (size_t)(r->at - r->text) + 1, expected);
}

static void skip_blanks(struct reader *r)
{
	while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n')
		r->at++;
}

static bool at_end(const struct reader *r)
{
	return !*r->at || *r->at == ' ' || *r->at == '\t' || *r->at == '\n';
}

static int number(struct reader *r, uint64_t limit, uint64_t *out)
{
	char *end;

	if (*r->at < '0' || *r->at > '9')
		return bad(r, "a number");
	*out = strtoull(r->at, &end, 10);
	if (end - r->at > 18 || *out >= limit)
		return err_set(r->e, ERR_CONFIG,
			       "%s: \"%s\", character %zu: expected a number below %" PRIu64, r->path,
			       r->text, (size_t)(r->at - r->text) + 1, limit);
	r->at = end;
	return 0;
}

/* bitmap_parselist: "0-3,8" into bits below limit. */
static int list(struct reader *r, uint64_t limit, uint64_t *bits)
{
	for (;;) {
		uint64_t first = 0, last;
		int rc = number(r, limit, &first);

		last = first;
		if (!rc && *r->at == '-') {
			r->at++;
			rc = number(r, limit, &last);
		}
		if (rc)
			return rc;
		if (last < first)
			return bad(r, "a range that goes up before it");
		for (; first <= last; first++)
			bits[first / 64] |= UINT64_C(1) << (first % 64);
		if (at_end(r))
			return 0;
		if (*r->at++ != ',')
			return bad(r, "\",\" or a blank before it");
	}
}

/* Lists of sets: words x 64 bits each in rows; *n: how many. */
static int lists(struct reader *r, uint64_t limit, unsigned words, uint64_t *rows, unsigned *n)
{
	int rc = 0;

	r->at = r->text;
	for (*n = 0, skip_blanks(r); !rc && *r->at; skip_blanks(r)) {
		if (*n == CPUSETS_MAX)
			return bad(r, "no more than 64 sets");
		rc = list(r, limit, rows + (size_t)(*n)++ * words);
	}
	return rc;
}

/* All nodes of the list have memory. */
static int check_memory(const struct kernel *k, const struct reader *r, nodemask_t mems)
{
	for (unsigned nid = 0; nid < k->memory->nr_nodes; nid++)
		if (mems >> nid & 1 && !k->memory->node[nid].has_memory)
			return err_set(r->e, ERR_CONFIG, "%s: node %u has no memory", r->path, nid);
	return 0;
}

/* Every set has one of the n lists, which may be one for all, or none. */
static int check_count(const struct cpusets *s, const struct reader *r, unsigned n)
{
	if (n <= 1 || n == s->n)
		return 0;
	return err_set(r->e, ERR_CONFIG, "%s: %u lists for %u sets", r->path, n, s->n);
}

static int read_of(struct cpusets *s, struct reader *r)
{
	r->at = r->text;
	for (skip_blanks(r); *r->at; skip_blanks(r)) {
		uint64_t pid, place = ROOT;
		int rc = number(r, UINT32_MAX, &pid);

		if (!rc && *r->at++ != ':')
			rc = bad(r, "\":\" before it");
		if (!rc && !strncmp(r->at, "root", 4))
			r->at += 4;
		else if (!rc)
			rc = number(r, s->n, &place);
		if (!rc && !at_end(r))
			rc = bad(r, "a blank");
		if (rc)
			return rc;
		map_put(&s->of, pid, place);
	}
	return 0;
}

static int read_sets(struct kernel *k, struct cpusets *s, const struct cpuset_params *p, struct err *e)
{
	const unsigned words = MAX_CPUS / 64;
	uint64_t cpus[CPUSETS_MAX * (MAX_CPUS / 64)] = {0};
	nodemask_t mems[CPUSETS_MAX] = {0}, later[CPUSETS_MAX] = {0};
	struct reader rm = {.path = "cpuset.mems", .text = p->mems, .e = e};
	struct reader rc = {.path = "cpuset.cpus", .text = p->cpus, .e = e};
	struct reader rl = {.path = "cpuset.change_mems", .text = p->change_mems, .e = e};
	struct reader ro = {.path = "cpuset.of", .text = p->of, .e = e};
	unsigned nm, nc, nl;
	int r = lists(&rm, k->memory->nr_nodes, 1, mems, &nm);

	r = r ? r : lists(&rc, k->memory->topo->nr_cpus, words, cpus, &nc);
	r = r ? r : lists(&rl, k->memory->nr_nodes, 1, later, &nl);
	if (r)
		return r;
	s->n = MAX_OF(nm, nc);
	r = check_count(s, &rm, nm);
	r = r ? r : check_count(s, &rc, nc);
	r = r ? r : check_count(s, &rl, nl);
	for (unsigned i = 0; !r && i < s->n; i++) {
		s->set[i].spread_page = p->spread_page;
		s->set[i].mems = nm ? mems[nm > 1 ? i : 0] : 0;
		s->set[i].later = nl ? later[nl > 1 ? i : 0] : 0;
		memcpy(s->set[i].cpus, cpus + (nc > 1 ? i : 0) * words, sizeof s->set[i].cpus);
		if (!nc)
			memset(s->set[i].cpus, 0xff, sizeof s->set[i].cpus);
		r = check_memory(k, &rm, s->set[i].mems);
		r = r ? r : check_memory(k, &rl, s->set[i].later);
	}
	return r ? r : read_of(s, &ro);
}

int cpuset_new(struct kernel *k, const struct cpuset_params *p, struct err *e)
{
	struct cpusets *s;

	if (!*p->mems && !*p->cpus) {
		if (*p->of || *p->change_mems)
			return err_set(e, ERR_CONFIG, "%s: there are no sets (cpuset.mems, cpuset.cpus)",
				       *p->of ? "cpuset.of" : "cpuset.change_mems");
		return 0;
	}
	s = k->cpusets = mem_alloc(1, sizeof *s);
	map_init(&s->of);
	s->all_in_first = !*p->of;
	s->migrate = p->memory_migrate;
	s->change_at = *p->change_mems ? p->change_ms * PS_PER_MS : TICK_NEVER;
	return read_sets(k, s, p, e);
}

void cpuset_free(struct kernel *k)
{
	if (!k->cpusets)
		return;
	map_release(&k->cpusets->of);
	mem_free(k->cpusets);
	k->cpusets = NULL;
}

/* ---- tasks ---- */

struct cpuset *cpuset_of_pid(const struct kernel *k, uint32_t pid, const struct process *parent)
{
	struct cpusets *s = k->cpusets;
	uint64_t place;

	if (!s)
		return NULL;
	if (map_get(&s->of, pid, &place))
		return place == ROOT ? NULL : &s->set[place];
	if (parent)
		return parent->cpuset;
	return s->all_in_first ? &s->set[0] : NULL;
}

void cpuset_limit_cpus(const struct task *t, uint64_t mask[MAX_CPUS / 64])
{
	for (unsigned i = 0; t->process && t->process->cpuset && i < MAX_CPUS / 64; i++)
		mask[i] &= t->process->cpuset->cpus[i];
}

/* cpuset_change_task_nodemask */
static void change_nodes(struct task *t, nodemask_t mems)
{
	nodemask_t all = t->k->memory->nodes_memory;

	t->mems_allowed = mems;
	t->policy = policy_rebound(t->policy, mems ? mems : all);
}

void cpuset_attach(struct task *t, const struct task *parent)
{
	const struct cpuset *cs = t->process->cpuset;

	t->spread_page = cs && cs->spread_page;
	if (parent && parent->process->cpuset == cs)
		return;
	if (cs)
		sched_set_affinity(t, cs->cpus);
	change_nodes(t, cs ? cs->mems : 0);
}

/* ---- a change ---- */

/* mpol_rebind_mm and cpuset_migrate_mm */
static void change_mm(struct task *cur, struct mm *mm, nodemask_t from, nodemask_t to, bool migrate)
{
	mmap_write_lock(cur, mm);
	for (struct vma *v = vma_find(&mm->vmas, 0); v; v = vma_next(&mm->vmas, v))
		v->policy = policy_rebound(v->policy, to);
	mmap_write_unlock(cur, mm);
	if (migrate && mm->users)
		(void)mm_move_nodes(cur, mm, from, to, true);
}

void cpuset_change_mems(struct task *cur, struct cpuset *cs, nodemask_t mems, bool migrate)
{
	struct kernel *k = cur->k;
	nodemask_t all = k->memory->nodes_memory, from = cs->mems ? cs->mems : all, to = mems ? mems : all;
	struct task *t;

	if (from == to)
		return;
	cs->mems = mems;
	for (size_t i = 0; (t = sched_task_at(k->sched, i)); i = sched_task_index(k->sched, t) + 1)
		if (t->process && t->process->cpuset == cs)
			change_nodes(t, mems);
	for (uint32_t id = 0; id < k->mms->n; id++) {
		struct mm *mm = mm_of(k->mms, id);

		if (!mm || !mm->users || mm->process->cpuset != cs)
			continue;
		mm_grab(mm);
		change_mm(cur, mm, from, to, migrate);
		mm_drop(k->mms, mm);
	}
}

static void change_main(struct task *cur)
{
	struct cpusets *s = cur->k->cpusets;

	sched_sleep_until(cur, s->change_at, false);
	for (unsigned i = 0; i < s->n; i++)
		if (s->set[i].later)
			cpuset_change_mems(cur, &s->set[i], s->set[i].later, s->migrate);
	sched_wait(cur, WAIT_KEY(WAIT_CPUSET, 0), TICK_NEVER, false);
}

void cpuset_start(struct kernel *k)
{
	if (k->cpusets && k->cpusets->change_at != TICK_NEVER)
		sched_kthread(k, "cpuset", 0, change_main);
}
