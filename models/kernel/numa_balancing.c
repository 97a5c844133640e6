/*
 * numa_balancing.c - NUMA hinting faults and what they move.
 *
 * After Linux 6.1, kernel/sched/fair.c (task_tick_numa, task_numa_work, task_nr_scan_windows, task_scan_min,
 * task_scan_max, task_numa_fault, task_numa_placement, update_task_scan_period, should_numa_migrate_memory,
 * init_numa_balancing), mm/mempolicy.c (change_prot_numa, vma_policy_mof, mpol_misplaced), mm/mprotect.c
 * (change_pte_range with MM_CP_PROT_NUMA), mm/huge_memory.c (change_huge_pmd, do_huge_pmd_numa_page),
 * mm/memory.c (do_numa_page), mm/migrate.c (migrate_misplaced_page, numamigrate_isolate_page,
 * migrate_balanced_pgdat).
 *
 * A marked entry has PTE_PROTNONE instead of PTE_PRESENT and keeps its other bits, the write bit with them,
 * so the walk of the MMU faults and the TLB is flushed. A scan is O(entries of the part scanned), a fault
 * O(1) beside the migration. cost.change_page an entry marked.
 *
 * A huge entry is marked, faults and moves as one, and counts as 512 pages everywhere but in numa_hint_faults
 * and numa_huge_pte_updates. It is marked on whatever node it lies. A huge page of which parts are mapped
 * stays.
 *
 * With memory tiering (kernel.numa_balancing = 2) pages of slow nodes are marked, too, or only (without 1),
 * and move by how hot they are (numa_balancing/hot.c).
 *
 * Invariant: where kernel.numa_balancing is 0 no entry is marked and no counter of this file moves.
 *
 * Not modelled: groups of tasks that share pages (numa_group: a shared fault is judged
 * as in the time before the group exists), moving a task to the node of its memory (task_numa_migrate), the
 * stagger of new threads by their creator's period (the delay is used), a migration by somebody else, which
 * in Linux leaves an entry unmarked.
 *
 * Known difference: against a real kernel the entries, faults and moves of a task that changes its node are
 * the same to the page; when a second change is noticed differs, by up to a few scan periods.
 */
#include "models/kernel/numa_balancing.h"

#include "models/kernel/alloc.h"
#include "models/kernel/kswapd.h"
#include "models/kernel/lru.h"
#include "models/kernel/mapping.h"
#include "models/kernel/migrate.h"
#include "models/kernel/mmaplock.h"
#include "models/kernel/numa_balancing/hot.h"
#include "models/kernel/sched.h"
#include "models/kernel/thp_split.h"
#include "models/kernel/zap.h"
#include "models/kernel/zonelist.h"

#define TICK_PS           (4 * PS_PER_MS) /* a jiffy, as in writeback.c */
#define PERIOD_SLOTS      10
#define PERIOD_THRESHOLD  7
#define MAX_SCAN_WINDOW   2560 /* MiB a second */
#define EARLY_PASSES      4
#define RIGHTS            (PTE_PRESENT | PTE_USER | PTE_PROTNONE | PTE_NX)
#define PAGES_PER_MIB     (1u << (20 - PAGE_SHIFT))
#define BATCH_END(va, sz) (((va) + (sz) + HUGE_PAGE_SIZE - 1) & ~(HUGE_PAGE_SIZE - 1))

/* ---- when to scan ---- */

static uint64_t scan_windows(const struct task *t)
{
	uint64_t pages = t->k->params.numa_scan_size * PAGES_PER_MIB, rss = mm_rss(t->mm);

	return rss ? (rss + pages - 1) / pages : 1;
}

static uint64_t scan_min(const struct task *t)
{
	uint64_t size = t->k->params.numa_scan_size;
	uint64_t windows = size < MAX_SCAN_WINDOW ? MAX_SCAN_WINDOW / size : 1;

	return MAX_OF(1000 / windows, t->k->params.numa_scan_period_min / scan_windows(t));
}

static uint64_t scan_max(const struct task *t)
{
	return MAX_OF(scan_min(t), t->k->params.numa_scan_period_max / scan_windows(t));
}

static struct task_numa *numa_of(struct task *t)
{
	uint64_t delay = t->k->params.numa_scan_delay;

	if (t->numa)
		return t->numa;
	t->numa = mem_alloc_late(1, sizeof *t->numa);
	t->numa->preferred_nid = -1;
	t->numa->period = delay;
	t->numa->scan_seq = t->mm->numa_scan_seq;
	if (t->mm->users > 1) /* a thread: later than the others */
		t->numa->stamp = MIN_OF(scan_max(t), delay * t->mm->users) * PS_PER_MS + 2 * TICK_PS;
	return t->numa;
}

static tick_t run_time(const struct task *t)
{
	return clock_ps(t->exec->clock, t->runtime);
}

void numa_balancing_tick(struct task *cur)
{
	struct task_numa *n;
	tick_t period;

	if (!cur->k->params.numa_balancing || !cur->mm || cur->flags & (TASK_KTHREAD | TASK_WORK))
		return;
	n = numa_of(cur);
	period = n->period * PS_PER_MS;
	if (run_time(cur) <= n->stamp + period)
		return;
	if (!n->stamp)
		n->period = scan_min(cur); /* task_scan_start */
	n->stamp += period;
	if (task_now(cur) >= cur->mm->numa_next_scan)
		cur->flags |= TASK_WORK;
}

void numa_balancing_fork(struct task *cur, struct mm *child)
{
	struct mm *mm = cur->mm;

	if (mm->users == 1) {
		mm->numa_next_scan = task_now(cur) + cur->k->params.numa_scan_delay * PS_PER_MS;
		mm->numa_scan_seq = 0;
	}
	child->numa_next_scan = mm->numa_next_scan;
	child->numa_scan_offset = mm->numa_scan_offset;
	child->numa_scan_seq = mm->numa_scan_seq;
}

/* ---- marking ---- */

struct scan {
	struct gather g;
	struct vma *v;
	int own_nid; /* of a single thread's private mapping: its pages there are left alone; else -1 */
	uint64_t marked;
};

/* What change_pte_range and change_huge_pmd say of a page's node. */
static bool is_tier_scanned(const struct scan *s, struct frame *page)
{
	struct kernel *k = s->g.cur->k;

	if (!(k->params.numa_balancing & NUMA_BALANCING_NORMAL) && !frame_node(k->memory, page)->tier.slow)
		return false;
	if (hot_is_judged(k, page))
		hot_note_scan(s->g.cur, page);
	return true;
}

static bool may_mark(const struct scan *s, pte_t e)
{
	struct memory *m = s->g.cur->k->memory;
	const struct frame *head;
	struct frame *page;

	if (!(e & PTE_PRESENT) || e & PTE_SPECIAL)
		return false;
	page = frame_of(m, pte_pfn(e));
	head = frame_of(m, page_head(m, pte_pfn(e)));
	if (vma_is_cow(s->v) && head->refs != 1)
		return false;
	if (frame_is_file_lru(head) && head->flags & FR_DIRTY)
		return false;
	return page->nid != s->own_nid && is_tier_scanned(s, page);
}

static void mark(struct scan *s, pte_t *e, vaddr_t va, uint64_t bytes)
{
	*e = (*e & ~RIGHTS) | PTE_PROTNONE;
	s->marked += bytes >> PAGE_SHIFT;
	task_charge(s->g.cur, CYCLES_migrate, s->g.cur->k->cost.change_page);
	gather_range(&s->g, va, va + bytes);
}

/* change_huge_pmd */
static void mark_huge(struct scan *s, pte_t *e, vaddr_t va)
{
	struct memory *m = s->g.cur->k->memory;

	if (!(*e & PTE_PRESENT) || *e & PTE_SPECIAL || !is_tier_scanned(s, frame_of(m, pte_pfn(*e))))
		return;
	mark(s, e, va, HUGE_PAGE_SIZE);
	vm_event(m, VMEV_NUMA_HUGE_PTE_UPDATES, 1);
}

static void mark_table(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	struct scan *s = arg;

	if (t->level == 2 && last - first == HUGE_PAGE_SIZE) {
		mark_huge(s, &t->e[ptable_index(first, 2)], first);
		return;
	}
	if (t->level == 2 && thp_split_entry(s->g.cur, s->g.mm, first))
		t = pgtable_table(&s->g.mm->pt, first, 1);
	for (vaddr_t va = first; t && t->level == 1 && va < last; va += PAGE_SIZE) {
		pte_t *e = &t->e[ptable_index(va, 1)];

		if (may_mark(s, *e))
			mark(s, e, va, PAGE_SIZE);
	}
}

/* change_prot_numa: how many entries were marked. */
static uint64_t mark_range(struct task *cur, struct vma *v, vaddr_t start, vaddr_t end)
{
	struct scan s = {.v = v, .own_nid = -1};

	if (!(v->flags & VM_SHARED) && cur->mm->users == 1)
		s.own_nid = (int)task_nid(cur);
	gather_init(&s.g, cur, cur->mm, false);
	pgtable_for_each(&cur->mm->pt, start, end, mark_table, &s);
	vm_event(cur->k->memory, VMEV_NUMA_PTE_UPDATES, s.marked);
	gather_finish(&s.g);
	return s.marked;
}

/* vma_migratable, vma_policy_mof and what task_numa_work leaves out. */
static bool is_scanned(const struct task *cur, const struct vma *v)
{
	const struct mempolicy *p = v->policy ? v->policy : cur->policy;

	if (v->file && (v->file->shmem || (v->flags & (VM_READ | VM_WRITE)) == VM_READ))
		return false;
	if (p && (p->mode != MPOL_BIND || !(p->flags & MPOL_F_NUMA_BALANCING)))
		return false;
	return vma_is_accessible(v);
}

struct quota {
	int64_t pages, virtual_pages;
};

/* Marks v from *start on; false when the quota is used up, *start is then where to go on. */
static bool scan_vma(struct task *cur, struct vma *v, vaddr_t *start, struct quota *q)
{
	do {
		vaddr_t end;
		int64_t n;

		*start = MAX_OF(*start, v->start);
		end = MIN_OF(BATCH_END(*start, (uint64_t)q->pages << PAGE_SHIFT), v->end);
		n = (int64_t)((end - *start) >> PAGE_SHIFT);
		if (mark_range(cur, v, *start, end))
			q->pages -= n;
		q->virtual_pages -= n;
		*start = end;
		if (q->pages <= 0 || q->virtual_pages <= 0)
			return false;
		sched_cond(cur);
	} while (*start != v->end);
	return true;
}

/* The part of task_numa_work under the mmap_lock. */
static void scan(struct task *cur)
{
	struct mm *mm = cur->mm;
	int64_t pages = (int64_t)(cur->k->params.numa_scan_size * PAGES_PER_MIB);
	struct quota q = {pages, pages * 8};
	vaddr_t start = mm->numa_scan_offset;
	struct vma *v = vma_find(&mm->vmas, start);

	if (!v) { /* reset_ptenuma_scan */
		mm->numa_scan_seq++;
		start = 0;
		v = vma_find(&mm->vmas, start);
	}
	while (v && (!is_scanned(cur, v) || scan_vma(cur, v, &start, &q)))
		v = vma_next(&mm->vmas, v);
	mm->numa_scan_offset = v ? start : 0;
	mm->numa_scan_seq += !v;
}

void numa_balancing_work(struct task *cur)
{
	struct mm *mm = cur->mm;
	uint64_t ran = cur->runtime;
	struct task_numa *n;
	tick_t now = task_now(cur);

	if (!mm || cur->process->killed)
		return;
	n = numa_of(cur);
	if (!mm->numa_next_scan)
		mm->numa_next_scan = now + cur->k->params.numa_scan_delay * PS_PER_MS;
	if (now < mm->numa_next_scan)
		return;
	mm->numa_next_scan = now + n->period * PS_PER_MS;
	n->stamp += 2 * TICK_PS;
	if (mm->lock < 0)
		return;
	mmap_read_lock(cur, mm);
	scan(cur);
	mmap_read_unlock(cur, mm);
	n->stamp += 32 * clock_ps(cur->exec->clock, cur->runtime - ran);
}

/* ---- what the faults tell ---- */

int64_t numa_scan_period(uint64_t period, uint64_t remote, uint64_t local, uint64_t shared, uint64_t priv)
{
	int64_t slot = (int64_t)((period + PERIOD_SLOTS - 1) / PERIOD_SLOTS);
	int64_t lr = (int64_t)(local * PERIOD_SLOTS / (local + remote));
	int64_t ps = (int64_t)(priv * PERIOD_SLOTS / (priv + shared));
	int64_t slots = MAX_OF(lr, ps) - PERIOD_THRESHOLD;

	if (ps >= PERIOD_THRESHOLD)
		slots = MAX_OF(ps - PERIOD_THRESHOLD, (int64_t)1);
	else if (lr >= PERIOD_THRESHOLD)
		slots = MAX_OF(lr - PERIOD_THRESHOLD, (int64_t)1);
	return (int64_t)period + slots * slot;
}

static void update_period(struct task *cur, struct task_numa *n, uint64_t shared, uint64_t priv)
{
	uint64_t remote = n->locality[0], local = n->locality[1];
	int64_t period;

	if (local + shared == 0 || n->locality[2]) {
		n->period = MIN_OF(n->period_max, n->period << 1);
		cur->mm->numa_next_scan = task_now(cur) + n->period * PS_PER_MS;
		return;
	}
	if (local + remote && priv + shared) {
		period = numa_scan_period(n->period, remote, local, shared, priv);
		n->period = MIN_OF((uint64_t)MAX_OF(period, (int64_t)scan_min(cur)), scan_max(cur));
	}
	n->locality[0] = n->locality[1] = n->locality[2] = 0;
}

/* task_numa_placement: once a pass, the node with most faults becomes the preferred one. */
static void sum_up(struct task *cur, struct task_numa *n)
{
	uint64_t most = 0, types[2] = {0, 0};
	int best = -1;

	if (n->scan_seq == cur->mm->numa_scan_seq)
		return;
	n->scan_seq = cur->mm->numa_scan_seq;
	n->period_max = scan_max(cur);
	for (unsigned nid = 0; nid < cur->k->memory->nr_nodes; nid++) {
		uint64_t faults = 0;

		for (unsigned priv = 0; priv < 2; priv++) {
			n->sum[nid][priv] += n->recent[nid][priv] - n->sum[nid][priv] / 2;
			types[priv] += n->recent[nid][priv];
			n->recent[nid][priv] = 0;
			faults += n->sum[nid][priv];
		}
		if (faults > most) {
			most = faults;
			best = (int)nid;
		}
	}
	if (most)
		n->preferred_nid = best;
	update_period(cur, n, types[0], types[1]);
}

/* cpu_pid_to_cpupid, of which the kernel keeps eight bits of the thread's number; 0 is nobody. */
static uint32_t cpupid_of(const struct task *cur)
{
	return (cur->exec->cpu << 8 | (cur->tid & 0xff)) + 1;
}

static bool is_own(const struct task *cur, uint32_t cpupid)
{
	return cpupid && ((cpupid - 1) & 0xff) == (cur->tid & 0xff);
}

static unsigned nid_of(const struct task *cur, uint32_t cpupid)
{
	return cur->k->memory->topo->cpu_nid[(cpupid - 1) >> 8];
}

/* should_numa_migrate_memory: at first at once, later when two faults in a row came from the same node. */
static bool should_migrate(struct task *cur, struct frame *f)
{
	const struct task_numa *n = numa_of(cur);
	uint32_t last = f->last_cpupid;

	if (hot_is_judged(cur->k, f))
		return hot_should_promote(cur, f, task_nid(cur));
	f->last_cpupid = cpupid_of(cur);
	if (!last && frame_node(cur->k->memory, f)->tier.slow) /* it may be a time still */
		return false;
	if ((n->preferred_nid < 0 || n->scan_seq <= EARLY_PASSES) && (!last || is_own(cur, last)))
		return true;
	return !last || nid_of(cur, last) == task_nid(cur);
}

/* task_numa_fault. moved: 1 moved, -1 could not be moved, 0 was to stay. */
static void note_fault(struct task *cur, uint32_t last, unsigned nid, uint32_t pages, bool local, int moved)
{
	struct task_numa *n = numa_of(cur);
	bool priv = !last || is_own(cur, last);
	tick_t now = task_now(cur);

	if (cur->k->memory->node[nid].tier.slow &&
	    (cur->k->params.numa_balancing & NUMA_BALANCING_TIERING || !last))
		return;
	if (now > n->retry) {
		sum_up(cur, n);
		if (n->preferred_nid >= 0) /* numa_migrate_preferred */
			n->retry = now + MIN_OF(PS_PER_S, n->period * PS_PER_MS / 16);
	}
	n->moved += moved > 0 ? pages : 0;
	n->locality[2] += moved < 0 ? pages : 0;
	n->recent[nid][priv] += pages;
	n->locality[local] += pages;
}

/* ---- the fault ---- */

/* A move to another node. */
struct target {
	unsigned nid, order;
};

/* alloc_misplaced_dst_page */
static pfn_t target(void *arg, struct task *cur, unsigned i)
{
	const gfp_t gfp = (GFP_HIGHUSER_MOVABLE & ~GFP_BIT_RECLAIM) | GFP_BIT_THISNODE | GFP_BIT_NOMEMALLOC |
			  GFP_BIT_NORETRY | GFP_BIT_NOWARN;
	const struct target *t = arg;

	(void)i;
	return alloc_pages_node(cur, t->nid, t->order ? GFP_TRANSHUGE_LIGHT | GFP_BIT_THISNODE : gfp,
				t->order);
}

/* migrate_balanced_pgdat: a zone of the node stays above its high mark with the pages less. */
static bool has_room(const struct memory *m, unsigned nid, uint32_t pages)
{
	for (unsigned i = NR_ZONES; i-- > 0;) {
		const struct zone *z = &m->node[nid].zone[i];

		if (z->managed && zone_watermark_ok(z, 0, zone_wmark(z, WMARK_HIGH) + pages, ZONE_MOVABLE, 0,
						    zone_free_pages(z)))
			return true;
	}
	return false;
}

/* numamigrate_isolate_page: with tiering kswapd makes room by demotion where there is none. */
static bool ask_for_room(struct task *cur, unsigned nid, unsigned order)
{
	struct node *n = &cur->k->memory->node[nid];

	if (has_room(cur->k->memory, nid, 1u << order))
		return true;
	for (unsigned i = NR_ZONES; cur->k->params.numa_balancing & NUMA_BALANCING_TIERING && i-- > 0;)
		if (n->zone[i].managed) {
			kswapd_wake(cur, &n->zone[i], 0, order, ZONE_MOVABLE);
			break;
		}
	return false;
}

/* migrate_misplaced_page */
static bool move(struct task *cur, const struct vma *v, pfn_t pfn, unsigned nid)
{
	struct kernel *k = cur->k;
	const struct frame *f = frame_of(k->memory, pfn);
	struct target to = {nid, f->flags & FR_HEAD ? f->order : 0};
	bool slow = frame_node(k->memory, f)->tier.slow;
	struct migrate_request r = {
		.pfns = &pfn, .n = 1, .target = target, .arg = &to, .mode = MIGRATE_ASYNC};

	if (frame_is_file_lru(f) && (f->flags & FR_DIRTY || (f->mapcount != 1 && v->flags & VM_EXEC)))
		return false;
	if (to.order && f->mapcount > 1)
		return false;
	if (!ask_for_room(cur, nid, to.order) || !lru_isolate(k, pfn))
		return false;
	if (migrate_pages(cur, &r))
		return false;
	vm_event(k->memory, VMEV_NUMA_PAGE_MIGRATE, UINT64_C(1) << to.order);
	if (slow && !k->memory->node[nid].tier.slow)
		node_stat_add(&k->memory->node[nid], NR_PGPROMOTE_SUCCESS, INT64_C(1) << to.order);
	return true;
}

/* The entry that maps addr, huge or small; NULL when there is none. */
static pte_t *entry_at(struct mm *mm, vaddr_t addr)
{
	struct ptable *t = pgtable_table(&mm->pt, addr, 2);
	pte_t *e = t ? &t->e[ptable_index(addr, 2)] : NULL;

	return e && *e & PTE_HUGE ? e : pgtable_find(&mm->pt, addr);
}

/* pte_modify with the mapping's rights; the write bit is kept (pte_savedwrite). */
static void unmark(struct task *cur, const struct vma *v, vaddr_t addr, pte_t young)
{
	pte_t *e = entry_at(cur->mm, addr);

	if (e && *e & PTE_PROTNONE)
		*e = (*e & ~RIGHTS) | mapping_pte_bits(v) | young;
}

/* What a fault knows of who used the page last: nothing where that word is a time. */
static uint32_t last_user(struct kernel *k, const struct frame *f)
{
	if (hot_is_judged(k, f) || (f->flags & FR_HEAD && frame_node(k->memory, f)->tier.slow))
		return 0;
	return f->last_cpupid;
}

void numa_balancing_fault(struct task *cur, struct vma *vma, vaddr_t addr)
{
	struct kernel *k = cur->k;
	pte_t *e = entry_at(cur->mm, addr);
	pfn_t pfn = pte_pfn(*e);
	struct frame *f = frame_of(k->memory, pfn);
	uint32_t last = last_user(k, f), pages = frame_nr_pages(f);
	unsigned nid = f->nid, to = task_nid(cur);
	bool local = nid == to;
	int moved = 0;

	cur->process->stats.hint_faults++;
	if (*e & PTE_SPECIAL || (frame_has(f, FR_HEAD | FR_TAIL) && !(*e & PTE_HUGE))) {
		unmark(cur, vma, addr, PTE_ACCESSED);
		return;
	}
	vm_event(k->memory, VMEV_NUMA_HINT_FAULTS, 1);
	vm_event(k->memory, VMEV_NUMA_HINT_FAULTS_LOCAL, local);
	if (policy_follows(vma->policy ? vma->policy : cur->policy, to) && should_migrate(cur, f) && !local)
		moved = move(cur, vma, pfn, to) ? 1 : -1;
	unmark(cur, vma, addr, moved > 0 ? 0 : PTE_ACCESSED);
	note_fault(cur, last, moved > 0 ? to : nid, pages, local, moved);
}
