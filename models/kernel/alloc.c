/*
 * alloc.c - page allocation: policy, fast path, slow path.
 *
 * Modelled after mm/page_alloc.c, Linux 6.1: __alloc_pages, gfp_to_alloc_flags, __alloc_pages_slowpath,
 * wake_all_kswapds, __alloc_pages_direct_compact,
 * __alloc_pages_direct_reclaim, should_reclaim_retry, __alloc_pages_may_oom; mm/mempolicy.c: alloc_pages,
 * vma_alloc_folio, alloc_pages_preferred_many. The buddy allocator never calls reclaim; this file owns the
 * way from one to the other.
 *
 */
#include "models/kernel/alloc.h"

#include <stdio.h>
#include <string.h>

#include "models/kernel/charge.h"
#include "models/kernel/compact.h"
#include "models/kernel/kswapd.h"
#include "models/kernel/oom.h"
#include "models/kernel/sched.h"

#define COSTLY_ORDER 3

struct attempt {
	struct task *cur;
	struct alloc_context ac;
	bool bind;       /* the node mask comes from a bind policy */
	nodemask_t mask; /* of the policy */
	unsigned no_progress;
	enum compact_result compacted; /* the last compaction's */
	enum compact_priority prio;
	unsigned compact_retries;
};

static bool zone_reclaim_hook(void *ctx, struct zone *z, struct alloc_context *ac)
{
	return reclaim_local(ctx, z, ac);
}

static pfn_t try_freelists(struct attempt *a, unsigned alloc_flags)
{
	struct kernel *k = a->cur->k;
	pfn_t pfn;

	memset(&a->ac.work, 0, sizeof a->ac.work);
	pfn = zonelist_alloc(k->memory, &a->ac, alloc_flags,
			     k->params.zone_reclaim_mode ? zone_reclaim_hook : NULL, a->cur);
	if (a->ac.boosted) /* mixing page blocks raised the watermarks */
		kswapd_wake(a->cur, a->ac.boosted, 0, 0, a->ac.boosted->id);
	if (a->ac.work.bulk)
		task_charge(a->cur, CYCLES_alloc,
			    a->ac.work.bulk * k->cost.alloc_buddy +
				    a->ac.work.pages * k->cost.alloc_buddy_page);
	return pfn;
}

/* __gfp_pfmemalloc_flags */
static unsigned reserve_flags(const struct task *cur, gfp_t gfp)
{
	if (gfp & GFP_BIT_NOMEMALLOC)
		return 0;
	if (gfp & GFP_BIT_MEMALLOC || cur->flags & TASK_MEMALLOC)
		return ALLOC_NO_WATERMARKS;
	return cur->flags & TASK_OOM_VICTIM ? ALLOC_OOM : 0;
}

/* wake_all_kswapds: each node of the list once. */
static void wake_kswapds(struct attempt *a)
{
	struct memory *m = a->cur->k->memory;
	struct zone_iter it = {0};
	struct zone *z;
	unsigned last = MAX_NODES;

	while ((z = zonelist_next(m, &a->ac, &it, true))) {
		if (z->nid != last)
			kswapd_wake(a->cur, z, a->ac.gfp, a->ac.order, a->ac.highest_zoneidx);
		last = z->nid;
	}
}

static void log_min(struct attempt *a)
{
	const struct zone *z = a->ac.preferred_zone;
	char scope[24];

	snprintf(scope, sizeof scope, "node/%u", z->nid);
	kernel_event(a->cur->k, KEV_WMARK_MIN, scope, (int64_t)zone_free_pages(z), NULL);
}

static pfn_t direct_reclaim(struct attempt *a, unsigned alloc_flags, uint64_t *progress)
{
	struct task *cur = a->cur;
	bool drained = false;
	pfn_t pfn;

	log_min(a);
	cur->flags |= TASK_MEMALLOC;
	*progress = reclaim_direct(cur, &a->ac);
	cur->flags &= ~TASK_MEMALLOC;
	if (!*progress)
		return PFN_NONE;
	for (;;) {
		a->ac.cpu = cur->exec->cpu;
		pfn = try_freelists(a, alloc_flags);
		if (pfn != PFN_NONE || drained)
			return pfn;
		zonelist_unreserve_highatomic(cur->k->memory, &a->ac, false);
		pcp_drain_all(cur->k->memory); /* what was reclaimed may sit on other CPUs' lists */
		drained = true;
	}
}

/* should_reclaim_retry */
static bool worth_another_round(struct attempt *a, unsigned alloc_flags, bool progress)
{
	struct kernel *k = a->cur->k;
	struct zone_iter it = {0};
	struct zone *z;

	a->no_progress = progress && a->ac.order <= COSTLY_ORDER ? 0 : a->no_progress + 1;
	if (a->no_progress > MAX_RECLAIM_RETRIES)
		return zonelist_unreserve_highatomic(k->memory, &a->ac, true);
	while ((z = zonelist_next(k->memory, &a->ac, &it, false))) {
		uint64_t available = zone_reclaimable_pages(k, z) + zone_free_pages(z);

		if (zone_watermark_ok(z, a->ac.order, zone_wmark(z, WMARK_MIN), a->ac.highest_zoneidx,
				      alloc_flags, available)) {
			sched_cond(a->cur);
			return true;
		}
	}
	return false;
}

/* __alloc_pages_may_oom */
static pfn_t may_oom(struct attempt *a, bool *progress)
{
	struct task *cur = a->cur;
	gfp_t gfp = a->ac.gfp;
	pfn_t pfn;

	*progress = false;
	pfn = try_freelists(a, ALLOC_WMARK_HIGH | ALLOC_CPUSET);
	if (pfn != PFN_NONE)
		return pfn;
	if (a->ac.order > COSTLY_ORDER || gfp & (GFP_BIT_RETRY_MAYFAIL | GFP_BIT_THISNODE))
		return PFN_NONE;
	*progress = oom_kill_for(cur, &a->ac, a->bind);
	if (*progress && !(cur->flags & TASK_OOM_VICTIM)) /* gives the victim time to die */
		sched_sleep_until(cur, task_now(cur) + PS_PER_S / 250, false);
	return PFN_NONE;
}

/* Zones anew; only the fast path spreads dirty pages. */
static void prepare(struct attempt *a)
{
	alloc_context_prepare(a->cur->k->memory, &a->ac);
	a->ac.spread_dirty_pages = false;
}

/* __alloc_pages_direct_compact */
static pfn_t direct_compact(struct attempt *a, unsigned alloc_flags, enum compact_priority prio)
{
	struct task *cur = a->cur;
	struct memory *m = cur->k->memory;
	pfn_t pfn;

	if (!a->ac.order)
		return PFN_NONE;
	cur->flags |= TASK_MEMALLOC;
	a->compacted = compact_direct(cur, &a->ac, alloc_flags, prio);
	cur->flags &= ~TASK_MEMALLOC;
	if (a->compacted == COMPACT_SKIPPED)
		return PFN_NONE;
	vm_event(m, VMEV_COMPACTSTALL, 1);
	a->ac.cpu = cur->exec->cpu;
	pfn = try_freelists(a, alloc_flags);
	vm_event(m, pfn == PFN_NONE ? VMEV_COMPACTFAIL : VMEV_COMPACTSUCCESS, 1);
	if (pfn != PFN_NONE)
		compact_succeeded(frame_zone(m, frame_of(m, pfn)), a->ac.order);
	else
		sched_cond(cur);
	return pfn;
}

/* Compaction before any reclaim, for large requests and those that fragment; false: give up at once. */
static bool compact_first(struct attempt *a, unsigned alloc_flags, pfn_t *pfn)
{
	gfp_t gfp = a->ac.gfp;
	bool costly = a->ac.order > COSTLY_ORDER;

	if (!(gfp & GFP_BIT_DIRECT_RECLAIM) || !(gfp & GFP_BIT_IO) || reserve_flags(a->cur, gfp) ||
	    (!costly && (!a->ac.order || a->ac.migratetype == MIGRATE_MOVABLE)))
		return true;
	*pfn = direct_compact(a, alloc_flags, COMPACT_PRIO_FIRST);
	if (*pfn != PFN_NONE || !costly || !(gfp & GFP_BIT_NORETRY))
		return true;
	if (a->compacted == COMPACT_SKIPPED || a->compacted == COMPACT_DEFERRED || gfp & GFP_BIT_THISNODE)
		return false;
	a->prio = COMPACT_PRIO_FIRST;
	return true;
}

/* The kernel's reserves, where the task may have them. */
static unsigned refresh_flags(struct attempt *a, unsigned flags)
{
	unsigned reserve = reserve_flags(a->cur, a->ac.gfp);

	if (a->cur->flags & TASK_OOM_VICTIM) /* __cpuset_node_allowed: it may go anywhere to end soon */
		a->ac.cpuset = 0;

	if (reserve)
		flags = reserve | (flags & ALLOC_KSWAPD);
	if (reserve || !(flags & ALLOC_CPUSET)) {
		a->ac.nodemask = 0;
		prepare(a);
	}
	return flags;
}

/* Reclaim and compaction were not enough: whether to go round again, perhaps with a page found meanwhile. */
static bool go_on(struct attempt *a, unsigned flags, uint64_t reclaimed, pfn_t *pfn)
{
	struct task *cur = a->cur;
	gfp_t gfp = a->ac.gfp;
	bool progress;

	if (gfp & GFP_BIT_NORETRY || (a->ac.order > COSTLY_ORDER && !(gfp & GFP_BIT_RETRY_MAYFAIL)))
		return false;
	if (worth_another_round(a, flags, reclaimed > 0))
		return true;
	if (reclaimed && gfp & GFP_BIT_IO &&
	    compact_retry(cur->k, &a->ac, flags, a->compacted, &a->prio, &a->compact_retries))
		return true;
	*pfn = may_oom(a, &progress);
	if (*pfn != PFN_NONE || !progress)
		return false;
	if (cur->flags & TASK_OOM_VICTIM && (flags & ALLOC_OOM || gfp & GFP_BIT_NOMEMALLOC))
		return false;
	a->no_progress = 0;
	return true;
}

static pfn_t slowpath(struct attempt *a)
{
	struct task *cur = a->cur;
	gfp_t gfp = a->ac.gfp;
	unsigned flags = zonelist_slow_flags(gfp, a->ac.order);
	uint64_t reclaimed;
	pfn_t pfn;

	a->ac.nodemask = a->mask; /* the fast path may have narrowed it to the cpuset */
	a->prio = COMPACT_PRIO_DEFAULT;
	a->compacted = COMPACT_SKIPPED;
	prepare(a);
	if (!a->ac.preferred_zone)
		return PFN_NONE;
	if (flags & ALLOC_KSWAPD)
		wake_kswapds(a);
	pfn = try_freelists(a, flags);
	if (pfn == PFN_NONE && !compact_first(a, flags, &pfn))
		return PFN_NONE;
	while (pfn == PFN_NONE) {
		sched_sync(cur);
		a->ac.cpu = cur->exec->cpu;
		if (flags & ALLOC_KSWAPD)
			wake_kswapds(a);
		flags = refresh_flags(a, flags);
		pfn = try_freelists(a, flags);
		if (pfn != PFN_NONE || !(gfp & GFP_BIT_DIRECT_RECLAIM) || cur->flags & TASK_MEMALLOC)
			break;
		pfn = direct_reclaim(a, flags, &reclaimed);
		if (pfn == PFN_NONE)
			pfn = direct_compact(a, flags, a->prio);
		if (pfn != PFN_NONE || !go_on(a, flags, reclaimed, &pfn))
			break;
	}
	return pfn;
}

static pfn_t allocate(struct task *cur, const struct policy_request *r, gfp_t gfp, unsigned order, bool bind)
{
	struct attempt a = {
		.cur = cur,
		.bind = bind,
		.mask = r->nodemask,
		.ac = {.gfp = gfp,
		       .order = order,
		       .cpu = cur->exec->cpu,
		       .cpu_nid = cur->exec->nid,
		       .preferred_nid = r->preferred_nid,
		       .nodemask = r->nodemask,
		       .cpuset = cur->mems_allowed,
		       .interleaved = r->interleaved,
		       .spread_dirty_pages = gfp & GFP_BIT_WRITE},
	};
	const struct cost_params *cost = &cur->k->cost;
	pfn_t pfn;

	if (cur->mems_allowed) { /* prepare_alloc_pages with a cpuset */
		a.ac.gfp |= GFP_BIT_HARDWALL;
		a.ac.nodemask = a.mask ? a.mask : cur->mems_allowed;
	}
	alloc_context_prepare(cur->k->memory, &a.ac);
	if (!a.ac.preferred_zone)
		return PFN_NONE;
	pfn = try_freelists(&a, ALLOC_WMARK_LOW | ALLOC_CPUSET | zonelist_nofragment(cur->k->memory, &a.ac));
	if (UNLIKELY(pfn == PFN_NONE)) {
		a.ac.gfp = gfp; /* the set's walls stand for users' pages only from now on */
		pfn = slowpath(&a);
	}
	task_charge(cur, CYCLES_alloc, cost->alloc_pcp);
	if (pfn == PFN_NONE)
		return PFN_NONE;
	if (gfp & GFP_BIT_ZERO)
		task_charge(cur, CYCLES_clear_copy, order >= 9 ? cost->zero_huge : cost->zero_page << order);
	cur->k->memory->frames.f[pfn].refs = 1;
	if (gfp & GFP_BIT_ACCOUNT && !charge_kernel(cur, pfn, order, gfp)) {
		free_pages(cur, pfn, order);
		return PFN_NONE;
	}
	return pfn;
}

static void request_init(struct task *cur, struct policy_request *r, gfp_t gfp)
{
	memset(r, 0, sizeof *r);
	r->local_nid = cur->exec->nid;
	r->gfp = gfp;
	r->il = &cur->il;
	r->preferred_nid = cur->exec->nid;
}

static pfn_t allocate_by(struct task *cur, const struct mempolicy *p, struct policy_request *r, gfp_t gfp,
			 unsigned order)
{
	policy_choose(p, cur->k->memory, r);
	if (r->two_pass) { /* alloc_pages_preferred_many: those nodes without effort,
						      then any */
		gfp_t light = (gfp | GFP_BIT_NOWARN) & ~(GFP_BIT_DIRECT_RECLAIM | GFP_BIT_NOFAIL);
		pfn_t pfn;

		pfn = allocate(cur, r, light, order, false);
		if (pfn != PFN_NONE)
			return pfn;
		r->nodemask = 0;
	}
	return allocate(cur, r, gfp, order, p && p->mode == MPOL_BIND && r->nodemask);
}

pfn_t alloc_pages(struct task *cur, gfp_t gfp, unsigned order)
{
	struct policy_request r;

	request_init(cur, &r, gfp);
	return allocate_by(cur, gfp & GFP_BIT_THISNODE ? NULL : cur->policy, &r, gfp, order);
}

/*
 * The THP part of vma_alloc_folio: the wanted node alone, with compaction but without reclaim; others only
 * where a task may wait for it. False when the policy says where to look.
 */
static bool alloc_huge(struct task *cur, const struct mempolicy *p, struct policy_request *r, gfp_t gfp,
		       unsigned order, pfn_t *pfn)
{
	struct policy_request alone;
	unsigned nid = cur->exec->nid;

	if (p && (p->mode == MPOL_INTERLEAVE || p->mode == MPOL_WEIGHTED_INTERLEAVE ||
		  p->mode == MPOL_PREFERRED_MANY))
		return false;
	policy_choose(p, cur->k->memory, r);
	if (p && p->mode == MPOL_PREFERRED)
		nid = r->preferred_nid;
	if (r->nodemask && !(r->nodemask >> nid & 1))
		return false;
	r->preferred_nid = nid;
	alone = *r;
	alone.nodemask = UINT64_C(1) << nid;
	*pfn = allocate(cur, &alone, gfp | GFP_BIT_THISNODE | GFP_BIT_NORETRY, order, false);
	if (*pfn == PFN_NONE && gfp & GFP_BIT_DIRECT_RECLAIM)
		*pfn = allocate(cur, r, gfp, order, p && p->mode == MPOL_BIND && r->nodemask);
	return true;
}

pfn_t alloc_page_vma(struct task *cur, gfp_t gfp, unsigned order, struct vma *vma, vaddr_t addr)
{
	const struct mempolicy *p = vma->policy ? vma->policy : cur->policy;
	struct policy_request r;
	pfn_t pfn;

	gfp |= GFP_BIT_COMP; /* vma_alloc_folio */
	request_init(cur, &r, gfp);
	r.by_index = vma->policy != NULL || p != NULL;
	r.index = vma->pgoff + ((addr - vma->start) >> PAGE_SHIFT);
	r.index >>= order;
	if (order == PAGEBLOCK_ORDER && alloc_huge(cur, p, &r, gfp, order, &pfn))
		return pfn;
	return allocate_by(cur, p, &r, gfp, order);
}

pfn_t alloc_pages_nodemask(struct task *cur, unsigned nid, nodemask_t mask, gfp_t gfp, unsigned order)
{
	struct policy_request r;

	request_init(cur, &r, gfp);
	r.preferred_nid = nid;
	r.nodemask = mask;
	return allocate(cur, &r, gfp, order, false);
}

pfn_t alloc_pages_node(struct task *cur, unsigned nid, gfp_t gfp, unsigned order)
{
	return alloc_pages_nodemask(cur, nid, gfp & GFP_BIT_THISNODE ? UINT64_C(1) << nid : 0, gfp, order);
}

/* cpuset_mem_spread_node: the set's next node, at first any of them. */
static unsigned spread_nid(struct task *cur)
{
	struct kernel *k = cur->k;
	nodemask_t mems = cur->mems_allowed ? cur->mems_allowed : k->memory->nodes_memory, above;
	unsigned at = (unsigned)cur->spread_nid, nid;

	if (!at) {
		for (uint64_t skip = rng_below(&k->random, (uint64_t)__builtin_popcountll(mems)); skip;
		     skip--)
			mems &= mems - 1;
		at = (unsigned)__builtin_ctzll(mems) + 1;
		mems = cur->mems_allowed ? cur->mems_allowed : k->memory->nodes_memory;
	}
	above = at < MAX_NODES ? mems & ~((UINT64_C(1) << at) - 1) : 0;
	nid = (unsigned)__builtin_ctzll(above ? above : mems);
	cur->spread_nid = (int)nid + 1;
	return nid;
}

pfn_t alloc_page_cache(struct task *cur, gfp_t gfp)
{
	return cur->spread_page ? alloc_pages_node(cur, spread_nid(cur), gfp, 0) : alloc_pages(cur, gfp, 0);
}

void free_pages(struct task *cur, pfn_t pfn, unsigned order)
{
	struct frame *f = frame_of(cur->k->memory, pfn);
	struct pcp_work work = {0};

	CHECK(f->refs <= 1 && f->mapcount == 0, "frame %u is freed while in use", pfn);
	memcg_uncharge_kernel(cur->k, f, order);
	f->refs = 0;
	f->flags = 0;
	f->file = FILE_NONE;
	zonelist_free(cur->k->memory, cur->exec->cpu, pfn, order, &work);
	if (work.bulk)
		task_charge(cur, CYCLES_alloc,
			    work.bulk * cur->k->cost.alloc_buddy +
				    work.pages * cur->k->cost.alloc_buddy_page);
}

/* ---- page-table pages ---- */

static pfn_t table_alloc(void *ctx)
{
	struct table_ctx *t = ctx;
	struct kernel *k = t->cur->k;
	pfn_t pfn = alloc_pages(t->cur, GFP_KERNEL_ACCOUNT | GFP_BIT_ZERO, 0);

	if (pfn == PFN_NONE)
		return PFN_NONE;
	frame_of(k->memory, pfn)->flags |= FR_TABLE;
	return pfn;
}

static void table_free(void *ctx, pfn_t pfn)
{
	struct table_ctx *t = ctx;

	free_pages(t->cur, pfn, 0);
}

/* pgtable_pte_page_ctor, pgtable_pmd_page_ctor: tables of the two lowest levels only are NR_PAGETABLE. */
static void table_count(void *ctx, pfn_t pfn, unsigned level, int delta)
{
	struct table_ctx *t = ctx;
	struct memory *m = t->cur->k->memory;

	if (level <= 2)
		frame_stat_add(m, frame_of(m, pfn), NR_PAGETABLE, delta);
}

const struct ptable_ops alloc_table_ops = {.alloc = table_alloc, .free = table_free, .count = table_count};
