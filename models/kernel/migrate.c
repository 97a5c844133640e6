/*
 * migrate.c - page migration.
 *
 * After mm/migrate.c (migrate_pages, unmap_and_move, folio_migrate_mapping, folio_migrate_flags,
 * remove_migration_pte) of Linux 6.1. A page is moved when nobody but its mappings, its cache and the
 * isolation holds it. All its entries are pointed to the new frame with their bits kept, each with a TLB
 * flush. cost.migrate_page a page. O(mappings) a page.
 *
 * Between unmapping and mapping again nothing blocks, so no migration entries are needed and no fault ever
 * waits for one.
 *
 * Not modelled: huge pages (split them first), the passes over a list in which a busy page is tried again,
 * buffer heads.
 */
#include "models/kernel/migrate.h"

#include "models/kernel/lru.h"
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

static bool move_mapping(struct mm *mm, uint64_t vpn, void *arg)
{
	struct move *m = arg;
	struct kernel *k = m->cur->k;
	vaddr_t va = vpn << PAGE_SHIFT;
	pte_t *e = pgtable_find(&mm->pt, va);

	CHECK(e && pte_present(*e) && pte_pfn(*e) == m->from, "frame %u is not mapped at page %" PRIx64,
	      m->from, vpn);
	rmap_remove(k, m->from, mm, vpn);
	*e = pte_make(m->to, *e & ~PTE_PFN_MASK);
	rmap_add(k, m->to, mm, vpn);
	frame_of(k->memory, m->from)->refs--;
	frame_get(k, m->to);
	if (k->hooks.tlb_flush)
		k->hooks.tlb_flush(k->hooks.ctx, m->cur, mm, va, va + PAGE_SIZE);
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

static void move_flags(struct kernel *k, pfn_t from, pfn_t to)
{
	struct frame *a = frame_of(k->memory, from), *b = frame_of(k->memory, to);

	b->flags |= a->flags & MOVED_FLAGS;
	b->memcg = a->memcg;
	b->last_cpupid = a->last_cpupid;
	b->index = a->index;
	if (a->flags & FR_MLOCKED) {
		b->gen = a->gen; /* mlock_count */
		zone_stat_add(frame_zone(k->memory, a), NR_MLOCK, -1);
		zone_stat_add(frame_zone(k->memory, b), NR_MLOCK, 1);
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
	return f->refs == known && !(f->flags & (FR_HEAD | FR_LOCKED | FR_WRITEBACK));
}

static void move_page(struct task *cur, pfn_t from, pfn_t to)
{
	struct kernel *k = cur->k;
	struct frame *f = frame_of(k->memory, from);
	struct move m = {cur, from, to};

	move_flags(k, from, to);
	if (f->file != FILE_NONE) {
		pagecache_migrate(k, from, to);
		f->refs--;
	} else if (f->flags & FR_SWAPCACHE) {
		move_swap_cache(k, from, to);
	}
	rmap_walk(k, from, move_mapping, &m);
	task_charge(cur, CYCLES_migrate, k->cost.migrate_page);
	f->flags &= ~(uint32_t)FR_ISOLATED;
	frame_put(k, cur->exec->cpu, from);
	lru_add(cur, to);
	frame_put(k, cur->exec->cpu, to); /* the target's own reference */
}

static void count_isolated(struct kernel *k, const struct migrate_request *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct frame *f = frame_of(k->memory, r->pfns[i]);

		node_stat_add(frame_node(k->memory, f),
			      frame_is_file_lru(f) ? NR_ISOLATED_FILE : NR_ISOLATED_ANON, 1);
	}
}

static void give_back(struct task *cur, struct migrate_request *r, pfn_t to)
{
	if (r->untarget)
		r->untarget(r->arg, cur, to);
	else
		frame_put(cur->k, cur->exec->cpu, to);
}

/* One page; false when it stays. */
static bool migrate_one(struct task *cur, struct migrate_request *r, unsigned i)
{
	pfn_t from = r->pfns[i], to = r->target(r->arg, cur, i); /* may block: look at the page afterwards */

	if (to == PFN_NONE) {
		r->no_target = true;
		return false;
	}
	if (!can_move(cur, from, r->mode)) {
		give_back(cur, r, to);
		return false;
	}
	move_page(cur, from, to);
	return true;
}

unsigned migrate_pages(struct task *cur, struct migrate_request *r)
{
	struct kernel *k = cur->k;
	unsigned failed = 0;

	r->no_target = false;
	count_isolated(k, r);
	for (unsigned i = 0; i < r->n; i++) {
		pfn_t from = r->pfns[i];
		const struct frame *f = frame_of(k->memory, from);
		enum node_item isolated = frame_is_file_lru(f) ? NR_ISOLATED_FILE : NR_ISOLATED_ANON;

		node_stat_add(frame_node(k->memory, f), isolated, -1);
		if (f->refs == 1 || r->no_target) { /* freed from under us, or left */
			failed += f->refs > 1;
			lru_putback(cur, from);
		} else if (migrate_one(cur, r, i)) {
			vm_event(k->memory, VMEV_PGMIGRATE_SUCCESS, 1);
		} else {
			lru_putback(cur, from);
			vm_event(k->memory, VMEV_PGMIGRATE_FAIL, 1);
			failed++;
		}
	}
	return failed;
}
