/*
 * twolist.c - the classic reclaim: an active and an inactive list each for anonymous and file pages.
 *
 * Modelled after mm/vmscan.c, Linux 6.1: prepare_scan_count, get_scan_count (swappiness against the cost each
 * kind caused), inactive_is_low, isolate_lru_folios, shrink_inactive_list, shrink_active_list, shrink_lruvec
 * with its proportional stop, kswapd_age_node, snapshot_refaults. Whether the inactive list is low and
 * whether there were refaults is read from statistics that are brought up to date when a node's reclaim
 * begins.
 *
 * Cost: O(pages scanned).
 */
#include <string.h>

#include "models/kernel/mm.h"
#include "models/kernel/reclaim/scan.h"
#include "models/kernel/sched.h"
#include "models/kernel/swap_cgroup.h"

static bool is_kswapd(const struct task *t)
{
	return t->flags & TASK_KSWAPD;
}

/* As the memory controller's statistics have it (lruvec_page_state). */
static uint64_t lru_size(const struct lruvec *v, enum lru_list l)
{
	return v->flushed.size[l];
}

/* The list's pages in zones that the request may use (lruvec_lru_size). */
static uint64_t lru_size_below(const struct kernel *k, const struct lruvec *v, enum lru_list l,
			       int reclaim_idx)
{
	const struct node *n = v->node;
	uint64_t size = 0;

	for (int z = 0; z <= reclaim_idx; z++)
		if (n->zone[z].managed)
			size += (uint64_t)lruvec_zone_size(k, v, l, (unsigned)z);
	return size;
}

static bool inactive_is_low(const struct lruvec *v, enum lru_list inactive)
{
	uint64_t in = lru_size(v, inactive), active = lru_size(v, inactive + 1);
	uint64_t gb = (in + active) >> (30 - PAGE_SHIFT);

	return in * (gb ? isqrt_u64(10 * gb) : 1) < active;
}

static bool can_age_anon(const struct task *cur, const struct node *n, const struct reclaim_request *r)
{
	return swap_total_slots(cur->k->swap) > 0 || reclaim_can_demote(cur->k, n, r);
}

static void twolist_prepare(struct task *cur, struct lruvec *l, struct reclaim_request *r)
{
	const struct node *n = l->node;
	uint64_t file, high = 0;

	workingset_flush_stats(cur->k, l);
	file = lru_size(l, LRU_INACTIVE_FILE);
	r->anon_cost = l->anon_cost;
	r->file_cost = l->file_cost;
	r->deactivate_anon = r->force_deactivate || l->flushed.activated[0] != l->refaults[0] ||
			     inactive_is_low(l, LRU_INACTIVE_ANON);
	r->deactivate_file = r->force_deactivate || l->flushed.activated[1] != l->refaults[1] ||
			     inactive_is_low(l, LRU_INACTIVE_FILE);
	r->cache_trim_mode = file >> r->priority && !r->deactivate_file;
	if (r->target)
		return;
	for (unsigned z = 0; z < NR_ZONES; z++)
		if (n->zone[z].managed)
			high += zone_wmark(&n->zone[z], WMARK_HIGH);
	file += lru_size(l, LRU_ACTIVE_FILE);
	r->file_is_tiny = file + (uint64_t)node_zone_total(n, NR_FREE_PAGES) <= high && !r->deactivate_anon &&
			  lru_size(l, LRU_INACTIVE_ANON) >> r->priority;
}

enum balance { SCAN_EQUAL, SCAN_FRACT, SCAN_ANON, SCAN_FILE };

static enum balance choose_balance(const struct task *cur, const struct lruvec *v,
				   const struct reclaim_request *r)
{
	uint64_t swappiness = memcg_swappiness(cur->k, v->memcg);
	bool anon = swap_cgroup_room(v->memcg, swap_free_slots(cur->k->swap)) ||
		    reclaim_can_demote(cur->k, v->node, r);

	if (!r->may_swap || !anon || (r->target && !swappiness))
		return SCAN_FILE;
	if (!r->priority && swappiness)
		return SCAN_EQUAL;
	if (r->file_is_tiny)
		return SCAN_ANON;
	return r->cache_trim_mode ? SCAN_FILE : SCAN_FRACT;
}

/* What memory.min and memory.low leave of a list of v's group. */
static uint64_t unprotected(const struct lruvec *v, struct reclaim_request *r, uint64_t size)
{
	uint64_t min, low;

	memcg_protection(r->target, v->memcg, &min, &low);
	if (!min && !low)
		return size;
	if (!r->low_reclaim && low > min) {
		min = low;
		r->low_skipped = true;
	}
	size -= mul_div_u64(size, min, MAX_OF(v->memcg->memory.usage, min) + 1);
	return MAX_OF(size, (uint64_t)SWAP_CLUSTER_MAX);
}

void twolist_scan_counts(struct task *cur, const struct lruvec *v, struct reclaim_request *r,
			 uint64_t nr[NR_LRU_LISTS])
{
	enum balance balance = choose_balance(cur, v, r);
	uint64_t swappiness = memcg_swappiness(cur->k, v->memcg);
	uint64_t total = r->anon_cost + r->file_cost, fraction[2], denominator;
	uint64_t anon_cost = total + r->anon_cost, file_cost = total + r->file_cost;

	total = anon_cost + file_cost;
	fraction[0] = swappiness * (total + 1) / (anon_cost + 1);
	fraction[1] = (200 - swappiness) * (total + 1) / (file_cost + 1);
	denominator = fraction[0] + fraction[1];
	for (unsigned l = LRU_INACTIVE_ANON; l <= LRU_ACTIVE_FILE; l++) {
		bool file = lru_is_file(l);
		uint64_t scan =
			unprotected(v, r, lru_size_below(cur->k, v, l, r->reclaim_idx)) >> r->priority;

		if (balance == SCAN_FRACT)
			scan = mul_div_u64(scan, fraction[file], denominator);
		else if (balance != SCAN_EQUAL && (balance == SCAN_FILE) != file)
			scan = 0;
		nr[l] = scan;
	}
}

/* isolate_lru_folios: from the list's tail into dst; answers how many pages were looked at. */
static uint64_t isolate(struct task *cur, struct lruvec *v, enum lru_list l, uint64_t nr_to_scan,
			const struct reclaim_request *r, struct frame_list *dst, uint64_t *nr_scanned)
{
	struct frames *m = &cur->k->memory->frames;
	struct frame_list *src = &v->list[l], skipped, again;
	uint64_t scan = 0, total = 0, taken = 0;

	frame_list_init(&skipped);
	frame_list_init(&again);
	while (scan < nr_to_scan && src->last != PFN_NONE) {
		pfn_t pfn = src->last;
		struct frame *f = &m->f[pfn];
		uint32_t pages = frame_nr_pages(f);

		total += pages;
		if (f->zid > r->reclaim_idx) {
			vm_event(cur->k->memory, (enum vm_event)(VMEV_PGSCAN_SKIP_DMA + f->zid), pages);
			frame_list_del(m, src, pfn);
			src->n -= pages - 1;
			frame_list_push(m, &skipped, pfn);
			skipped.n += pages - 1;
			continue;
		}
		scan += pages;
		if (!r->may_unmap && f->mapcount) { /* back to the head */
			frame_list_del(m, src, pfn);
			frame_list_push(m, src, pfn);
			continue;
		}
		f->refs++;
		lru_unlink(cur->k, pfn);
		f->flags |= FR_ISOLATED;
		taken += pages;
		frame_list_push(m, dst, pfn);
	}
	/* skipped pages go to the head, in their order */
	frame_list_splice(m, &skipped, src);
	*src = skipped;
	*nr_scanned = total;
	return taken;
}

static void count_isolated(struct node *n, bool file, int64_t pages)
{
	node_stat_add(n, file ? NR_ISOLATED_FILE : NR_ISOLATED_ANON, pages);
}

static bool too_many_isolated(const struct task *cur, const struct node *n, bool file,
			      const struct reclaim_request *r)
{
	int64_t inactive = n->stat.item[file ? NR_INACTIVE_FILE : NR_INACTIVE_ANON];
	int64_t isolated = n->stat.item[file ? NR_ISOLATED_FILE : NR_ISOLATED_ANON];

	if (is_kswapd(cur))
		return false;
	if ((r->gfp & (GFP_BIT_IO | GFP_BIT_FS)) == (GFP_BIT_IO | GFP_BIT_FS))
		inactive >>= 3;
	return isolated > inactive;
}

static uint64_t shrink_inactive(struct task *cur, struct lruvec *v, enum lru_list l, uint64_t nr_to_scan,
				struct reclaim_request *r)
{
	struct memory *m = cur->k->memory;
	struct node *n = v->node;
	bool file = lru_is_file(l), stalled = false;
	struct frame_list list;
	struct shrink_stat stat;
	uint64_t scanned, taken, reclaimed;

	while (too_many_isolated(cur, n, file, r)) {
		if (stalled)
			return 0;
		stalled = true;
		reclaim_throttle(cur, n, THROTTLE_ISOLATED);
	}
	lru_drain(cur);
	frame_list_init(&list);
	taken = isolate(cur, v, l, nr_to_scan, r, &list, &scanned);
	count_isolated(n, file, (int64_t)taken);
	reclaim_event(m, v, r, is_kswapd(cur) ? VMEV_PGSCAN_KSWAPD : VMEV_PGSCAN_DIRECT, scanned);
	vm_event(m, file ? VMEV_PGSCAN_FILE : VMEV_PGSCAN_ANON, scanned);
	m->fate.skipped += scanned - taken;
	if (!taken)
		return 0;
	reclaimed = shrink_page_list(cur, &list, n, r, &stat, false);
	putback_list(cur, &list, v);
	count_isolated(n, file, -(int64_t)taken);
	reclaim_event(m, v, r, is_kswapd(cur) ? VMEV_PGSTEAL_KSWAPD : VMEV_PGSTEAL_DIRECT, reclaimed);
	vm_event(m, file ? VMEV_PGSTEAL_FILE : VMEV_PGSTEAL_ANON, reclaimed);
	lru_note_cost(v, file, stat.nr_pageout);
	if (stat.nr_unqueued_dirty == taken)
		writeback_wake(cur->k);
	r->nr.dirty += stat.nr_dirty;
	r->nr.congested += stat.nr_congested;
	r->nr.unqueued_dirty += stat.nr_unqueued_dirty;
	r->nr.writeback += stat.nr_writeback;
	r->nr.immediate += stat.nr_immediate;
	r->nr.taken += taken;
	r->nr.file_taken += file ? taken : 0;
	return reclaimed;
}

static void shrink_active(struct task *cur, struct lruvec *v, enum lru_list l, uint64_t nr_to_scan,
			  struct reclaim_request *r)
{
	struct kernel *k = cur->k;
	struct frames *m = &k->memory->frames;
	struct frame_list hold, active, inactive;
	uint64_t scanned, taken, deactivated;
	pfn_t pfn;

	lru_drain(cur);
	frame_list_init(&hold);
	frame_list_init(&active);
	frame_list_init(&inactive);
	taken = isolate(cur, v, l, nr_to_scan, r, &hold, &scanned);
	count_isolated(v->node, lru_is_file(l), (int64_t)taken);
	reclaim_event(k->memory, v, r, VMEV_PGREFILL, scanned);
	while ((pfn = hold.last) != PFN_NONE) {
		struct frame *f = &m->f[pfn];
		uint32_t vm_flags = 0;

		frame_list_del(m, &hold, pfn);
		task_charge(cur, cur->reclaim_cause,
			    k->cost.scan_page + (f->mapcount ? k->cost.scan_mapped : 0));
		if (f->flags & FR_MLOCKED) {
			lru_putback(cur, pfn);
			continue;
		}
		if (page_referenced(cur, pfn, r->target, &vm_flags) && vm_flags & VM_EXEC &&
		    frame_is_file_lru(f)) {
			frame_list_push(m, &active, pfn);
			continue;
		}
		f->flags = (f->flags & ~(uint32_t)FR_ACTIVE) | FR_WORKINGSET;
		frame_list_push(m, &inactive, pfn);
	}
	putback_list(cur, &active, v);
	deactivated = putback_list(cur, &inactive, v);
	vm_event(k->memory, VMEV_PGDEACTIVATE, deactivated);
	memcg_vm_event(v->memcg, VMEV_PGDEACTIVATE, deactivated);
	count_isolated(v->node, lru_is_file(l), -(int64_t)taken);
	sched_cond(cur);
}

static uint64_t shrink_one_list(struct task *cur, struct lruvec *v, enum lru_list l, uint64_t nr_to_scan,
				struct reclaim_request *r)
{
	if (!lru_is_active(l))
		return shrink_inactive(cur, v, l, nr_to_scan, r);
	if (lru_is_file(l) ? r->deactivate_file : r->deactivate_anon)
		shrink_active(cur, v, l, nr_to_scan, r);
	else
		r->skipped_deactivate = true;
	return 0;
}

/* Once enough was reclaimed: stop the shorter kind, let the other finish in proportion. */
static bool rebalance(uint64_t nr[NR_LRU_LISTS], const uint64_t target[NR_LRU_LISTS])
{
	uint64_t file = nr[LRU_INACTIVE_FILE] + nr[LRU_ACTIVE_FILE];
	uint64_t anon = nr[LRU_INACTIVE_ANON] + nr[LRU_ACTIVE_ANON];
	unsigned stop = file > anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
	unsigned go = file > anon ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
	uint64_t percentage;

	if (!file || !anon)
		return false;
	percentage = MIN_OF(file, anon) * 100 / (target[stop] + target[stop + 1] + 1);
	nr[stop] = nr[stop + 1] = 0;
	for (unsigned l = go; l <= go + 1; l++) {
		uint64_t scanned = target[l] - nr[l];

		nr[l] = target[l] * (100 - percentage) / 100;
		nr[l] -= MIN_OF(nr[l], scanned);
	}
	return true;
}

static void twolist_shrink(struct task *cur, struct lruvec *v, struct reclaim_request *r)
{
	uint64_t nr[NR_LRU_LISTS] = {0}, target[NR_LRU_LISTS], reclaimed = 0;
	bool proportional = !r->target && !is_kswapd(cur) && r->priority == DEF_PRIORITY;
	struct swap_plug plug;

	twolist_scan_counts(cur, v, r, nr);
	memcpy(target, nr, sizeof target);
	swap_plug_start(cur, &plug);
	while (nr[LRU_INACTIVE_ANON] || nr[LRU_ACTIVE_FILE] || nr[LRU_INACTIVE_FILE]) {
		for (unsigned l = LRU_INACTIVE_ANON; l <= LRU_ACTIVE_FILE; l++) {
			uint64_t scan = MIN_OF(nr[l], SWAP_CLUSTER_MAX);

			if (!scan)
				continue;
			nr[l] -= scan;
			reclaimed += shrink_one_list(cur, v, l, scan, r);
		}
		sched_cond(cur);
		if (reclaimed < r->nr_to_reclaim || proportional)
			continue;
		if (!rebalance(nr, target))
			break;
	}
	swap_plug_finish(cur, &plug);
	r->nr_reclaimed += reclaimed;
	if (can_age_anon(cur, v->node, r) && inactive_is_low(v, LRU_INACTIVE_ANON))
		shrink_active(cur, v, LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX, r);
}

static void twolist_age(struct task *cur, struct node *n, struct reclaim_request *r)
{
	struct lruvec *v = NULL;

	if (!can_age_anon(cur, n, r) || !inactive_is_low(&n->lruvec, LRU_INACTIVE_ANON))
		return;
	while ((v = memcg_next(cur->k, n, NULL, v)))
		shrink_active(cur, v, LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX, r);
}

static void twolist_finish(struct lruvec *l)
{
	l->refaults[0] = l->flushed.activated[0];
	l->refaults[1] = l->flushed.activated[1];
}

const struct reclaim_ops reclaim_twolist_ops = {
	.name = "twolist",
	.sentence = "active and inactive lists (the default of Linux 6.1)",
	.prepare = twolist_prepare,
	.shrink = twolist_shrink,
	.age = twolist_age,
	.finish = twolist_finish,
};
