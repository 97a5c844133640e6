/*
 * migrate.c - page migration.
 *
 * After mm/migrate.c (migrate_pages, unmap_and_move, folio_migrate_mapping, folio_migrate_flags,
 * remove_migration_pte) of Linux 6.1. A page is moved when nobody but its mappings, its cache and the
 * isolation holds it. All its entries are pointed to the new frame with their bits kept, each with a TLB
 * flush. cost.migrate_page a page, and cost.copy_page for each further one of a huge page, which is moved
 * whole (set_pmd_migration_entry, remove_migration_pmd; entries of its parts one by one). O(mappings) a page.
 *
 * Between unmapping and mapping again nothing blocks, so no migration entries are needed and no fault ever
 * waits for one.
 *
 * Not modelled: huge pages in the swap cache (they stay), the passes over a list in which a busy page is
 * tried again, buffer heads.
 */
#include "models/kernel/migrate.h"

#include "models/kernel/lru.h"
#include "models/kernel/memcg.h"
#include "models/kernel/pageio.h"
#include "models/kernel/rmap.h"
#include "models/kernel/swap.h"
#include "models/kernel/writeback.h"

/* What the new frame takes over (folio_migrate_flags). */
#define MOVED_FLAGS                                                                                         \
	(FR_UPTODATE | FR_DIRTY | FR_REFERENCED | FR_ACTIVE | FR_UNEVICTABLE | FR_MLOCKED | FR_SWAPBACKED | \
	 FR_ANON | FR_WORKINGSET | FR_EXCLUSIVE | FR_READAHEAD)

struct move {
	struct task *cur;
	pfn_t from, to;
};

static void flush(struct move *m, struct mm *mm, vaddr_t va, uint64_t size)
{
	struct kernel *k = m->cur->k;

	if (k->hooks.tlb_flush)
		k->hooks.tlb_flush(k->hooks.ctx, m->cur, mm, va, va + size);
}

/* The entry that maps all of the huge page, NULL when va's maps a part or a small page. */
static pte_t *whole_entry(struct mm *mm, vaddr_t va)
{
	struct ptable *t = pgtable_table(&mm->pt, va, 2);
	pte_t *e = t ? &t->e[ptable_index(va, 2)] : NULL;

	return e && *e & PTE_HUGE ? e : NULL;
}

static bool move_whole(struct move *m, struct mm *mm, uint64_t vpn, pte_t *e)
{
	struct kernel *k = m->cur->k;

	CHECK(pte_pfn(*e) == m->from, "frame %u is not mapped at page %" PRIx64, m->from, vpn);
	rmap_remove_huge(k, m->from, mm, vpn);
	*e = pte_make(m->to, *e & ~PTE_PFN_MASK);
	rmap_add_huge(k, m->to, mm, vpn);
	frame_of(k->memory, m->from)->refs--;
	frame_get(k, m->to);
	flush(m, mm, vpn << PAGE_SHIFT, PAGE_SIZE << frame_of(k->memory, m->to)->order);
	return true;
}

static bool move_mapping(struct mm *mm, uint64_t vpn, void *arg)
{
	struct move *m = arg;
	struct kernel *k = m->cur->k;
	vaddr_t va = vpn << PAGE_SHIFT;
	pte_t *e = whole_entry(mm, va);
	pfn_t part;

	if (e)
		return move_whole(m, mm, vpn, e);
	e = pgtable_find(&mm->pt, va);
	CHECK(e && pte_present(*e) && page_head(k->memory, pte_pfn(*e)) == m->from,
	      "frame %u is not mapped at page %" PRIx64, m->from, vpn);
	part = pte_pfn(*e) - m->from;
	rmap_remove(k, m->from + part, mm, vpn);
	*e = pte_make(m->to + part, *e & ~PTE_PFN_MASK);
	rmap_add(k, m->to + part, mm, vpn);
	frame_of(k->memory, m->from)->refs--;
	frame_get(k, m->to);
	flush(m, mm, va, PAGE_SIZE);
	return true;
}

/* The swap cache's place goes to the new frame. The slot has entries that refer to it, so it stays. */
static void move_swap_cache(struct kernel *k, pfn_t from, pfn_t to)
{
	struct frame *f = frame_of(k->memory, from);
	swp_entry_t e = f->private;

	swap_cache_remove(k, from, 0);
	f->refs--;
	CHECK(swap_cache_insert(k, to, e), "slot %" PRIx64 " was taken during migration", e);
}

/* With memory tiering last_cpupid means something else on a slow node (numa_balancing.c). */
static bool changes_tier(struct kernel *k, const struct frame *a, const struct frame *b)
{
	return k->params.numa_balancing & NUMA_BALANCING_TIERING &&
	       frame_node(k->memory, a)->tier.slow != frame_node(k->memory, b)->tier.slow;
}

static void move_flags(struct kernel *k, pfn_t from, pfn_t to)
{
	struct frame *a = frame_of(k->memory, from), *b = frame_of(k->memory, to);

	b->flags |= a->flags & MOVED_FLAGS;
	memcg_migrate(k, a, b);
	b->last_cpupid = changes_tier(k, a, b) ? 0 : a->last_cpupid;
	b->index = a->index;
	for (uint32_t i = 1; i < frame_nr_pages(a); i++)
		b[i].flags |= a[i].flags & FR_EXCLUSIVE;
	if (a->flags & FR_MLOCKED) {
		int64_t pages = frame_nr_pages(a);

		b->gen = a->gen; /* mlock_count */
		zone_stat_add(frame_zone(k->memory, a), NR_MLOCK, -pages);
		zone_stat_add(frame_zone(k->memory, b), NR_MLOCK, pages);
	}
	a->flags &= ~(uint32_t)(FR_MLOCKED | FR_ACTIVE | FR_UNEVICTABLE);
}

/* Whether the page is at rest and nobody holds it but those who are known. */
static bool can_move(struct task *cur, pfn_t pfn, enum migrate_mode mode)
{
	struct frame *f = frame_of(cur->k->memory, pfn);
	int32_t known;

	if (f->flags & FR_LOCKED) {
		if (mode == MIGRATE_ASYNC)
			return false;
		page_wait_flags(cur, pfn, FR_LOCKED);
	}
	if (f->flags & FR_WRITEBACK) {
		if (mode != MIGRATE_SYNC)
			return false;
		page_wait_flags(cur, pfn, FR_WRITEBACK);
	}
	if (f->flags & FR_SWAPCACHE)
		swap_try_to_free(cur, pfn);
	known = 1 + f->mapcount + (f->file != FILE_NONE) + ((f->flags & FR_SWAPCACHE) != 0);
	return f->refs == known && !(f->flags & (FR_LOCKED | FR_WRITEBACK)) &&
	       !(f->flags & FR_HEAD && f->flags & FR_SWAPCACHE);
}

static void move_page(struct task *cur, pfn_t from, pfn_t to)
{
	struct kernel *k = cur->k;
	struct frame *f = frame_of(k->memory, from);
	struct move m = {cur, from, to};
	uint32_t pages = frame_nr_pages(f);

	CHECK(frame_nr_pages(frame_of(k->memory, to)) == pages, "frame %u moves to one of another size",
	      from);
	move_flags(k, from, to);
	if (f->file != FILE_NONE) {
		pagecache_migrate(k, from, to);
		f->refs--;
	} else if (f->flags & FR_SWAPCACHE) {
		move_swap_cache(k, from, to);
	}
	rmap_walk(k, from, move_mapping, &m);
	task_charge(cur, CYCLES_migrate, k->cost.migrate_page + (pages - 1) * k->cost.copy_page);
	f->flags &= ~(uint32_t)FR_ISOLATED;
	frame_put(k, cur->exec->cpu, from);
	lru_add(cur, to);
	frame_put(k, cur->exec->cpu, to); /* the target's own reference */
}

static void count_isolated(struct kernel *k, const struct frame *f, int sign)
{
	node_stat_add(frame_node(k->memory, f), frame_is_file_lru(f) ? NR_ISOLATED_FILE : NR_ISOLATED_ANON,
		      sign * (int64_t)frame_nr_pages(f));
}

static void give_back(struct task *cur, struct migrate_request *r, pfn_t to)
{
	if (r->untarget)
		r->untarget(r->arg, cur, to);
	else
		frame_put(cur->k, cur->exec->cpu, to);
}

static enum migrate_result try_to_move(struct task *cur, struct migrate_request *r, unsigned i)
{
	pfn_t from = r->pfns[i], to = r->target(r->arg, cur, i); /* may block: look at the page afterwards */

	if (to == PFN_NONE)
		return MIGRATE_NO_TARGET;
	if (!can_move(cur, from, r->mode)) {
		give_back(cur, r, to);
		return MIGRATE_BUSY;
	}
	move_page(cur, from, to);
	return MIGRATE_MOVED;
}

enum migrate_result migrate_isolated(struct task *cur, struct migrate_request *r, unsigned i)
{
	struct memory *m = cur->k->memory;
	uint32_t pages = frame_nr_pages(frame_of(m, r->pfns[i]));
	enum migrate_result result = try_to_move(cur, r, i);
	bool moved = result == MIGRATE_MOVED;

	vm_event(m, moved ? VMEV_PGMIGRATE_SUCCESS : VMEV_PGMIGRATE_FAIL, pages);
	if (pages > 1)
		vm_event(m, moved ? VMEV_THP_MIGRATION_SUCCESS : VMEV_THP_MIGRATION_FAIL, 1);
	return result;
}

unsigned migrate_pages(struct task *cur, struct migrate_request *r)
{
	struct kernel *k = cur->k;
	unsigned failed = 0;

	r->no_target = false;
	for (unsigned i = 0; i < r->n; i++)
		count_isolated(k, frame_of(k->memory, r->pfns[i]), 1);
	for (unsigned i = 0; i < r->n; i++) {
		const struct frame *f = frame_of(k->memory, r->pfns[i]);
		enum migrate_result result;

		count_isolated(k, f, -1);
		if (f->refs == 1 || r->no_target) { /* freed from under us, or left */
			failed += f->refs > 1;
			lru_putback(cur, r->pfns[i]);
			continue;
		}
		result = migrate_isolated(cur, r, i);
		r->no_target = result == MIGRATE_NO_TARGET;
		if (result == MIGRATE_MOVED)
			continue;
		lru_putback(cur, r->pfns[i]);
		failed++;
	}
	return failed;
}
