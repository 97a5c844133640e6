/*
 * pages.c - the fate of isolated pages: kept, activated, written, dropped.
 *
 * Modelled after mm/vmscan.c, Linux 6.1: shrink_folio_list, folio_check_references, pageout,
 * __remove_mapping, move_folios_to_lru. Classes and fates: clean file pages are dropped; dirty file pages are
 * left to the flushers unless kswapd meets them again at the tail; anonymous pages get a swap slot, are
 * unmapped and written, and dropped when they come round clean; locked pages go to the unevictable list.
 *
 * Huge pages are swapped whole where a cluster of slots is free, and split first where none is or where only
 * parts of them are mapped.
 *
 * Not modelled: dma pins.
 */
#include <string.h>

#include "models/kernel/rmap.h"
#include "models/kernel/reclaim/scan.h"
#include "models/kernel/sched.h"
#include "models/kernel/thp_split.h"

enum verdict { KEEP, ACTIVATE, FREED, DEMOTE };
enum references { REF_ACTIVATE, REF_KEEP, REF_RECLAIM, REF_RECLAIM_CLEAN };

struct shrink {
	struct task *cur;
	struct kernel *k;
	struct node *n;
	struct reclaim_request *r;
	struct shrink_stat *stat;
	struct flush_batch batch;
	bool ignore_references;
	struct frame_list *list; /* what is still to be looked at: a split page's parts join it */
	bool demotes;            /* what would be reclaimed is put on demote (do_demote_pass) */
	struct frame_list demote;
	uint64_t nr_demoted;
};

static bool is_kswapd(const struct task *t)
{
	return t->flags & TASK_KSWAPD;
}

static enum references check_references(struct shrink *s, pfn_t pfn, struct frame *f)
{
	uint32_t vm_flags = 0;
	unsigned ptes = page_referenced(s->cur, pfn, s->r->target, &vm_flags);
	bool referenced = f->flags & FR_REFERENCED;

	f->flags &= ~(uint32_t)FR_REFERENCED;
	if (vm_flags & VM_LOCKED)
		return REF_ACTIVATE;
	if (ptes) {
		f->flags |= FR_REFERENCED;
		if (referenced || ptes > 1)
			return REF_ACTIVATE;
		if ((vm_flags & VM_EXEC) && frame_is_file_lru(f))
			return REF_ACTIVATE;
		return REF_KEEP;
	}
	return referenced && frame_is_file_lru(f) ? REF_RECLAIM_CLEAN : REF_RECLAIM;
}

/* folio_check_dirty_writeback and its counts. */
static void count_dirty(struct shrink *s, const struct frame *f)
{
	bool dirty = frame_is_file_lru(f) && !(f->flags & FR_ANON) && f->flags & FR_DIRTY;
	bool writeback = frame_is_file_lru(f) && !(f->flags & FR_ANON) && f->flags & FR_WRITEBACK;

	s->stat->nr_dirty += dirty || writeback;
	s->stat->nr_unqueued_dirty += dirty && !writeback;
	s->stat->nr_congested += writeback && f->flags & FR_RECLAIM;
}

/* A page under write-back is never waited for: it is marked and activated, out of the way. */
static enum verdict meet_writeback(struct shrink *s, struct frame *f)
{
	if (is_kswapd(s->cur) && f->flags & FR_RECLAIM && s->n->reclaim_flags & NODE_WRITEBACK) {
		s->stat->nr_immediate++;
	} else {
		f->flags |= FR_RECLAIM;
		s->stat->nr_writeback++;
	}
	return ACTIVATE;
}

/* may_enter_fs */
static bool may_enter_fs(const struct shrink *s, const struct frame *f)
{
	if (s->r->gfp & GFP_BIT_FS)
		return true;
	return f->flags & FR_SWAPCACHE && s->r->gfp & GFP_BIT_IO;
}

/* shmem: its pages go to swap, too; the slot takes the page's place in the file when it is written
 * (shmem_writepage). */
static bool is_shmem(const struct frame *f)
{
	return !(f->flags & (FR_ANON | FR_SWAPCACHE)) && f->flags & FR_SWAPBACKED;
}

/* References of the page cache, or of the swap cache to all parts of a huge page. */
static int32_t cache_refs(const struct frame *f)
{
	return f->flags & FR_SWAPCACHE ? (int32_t)frame_nr_pages(f) : 1;
}

/* pageout: starts the write; true when the page is clean at once (it never is with a device). */
static enum verdict write_page(struct shrink *s, pfn_t pfn, struct frame *f, enum references ref)
{
	if (frame_is_file_lru(f) &&
	    !(is_kswapd(s->cur) && f->flags & FR_RECLAIM && s->n->reclaim_flags & NODE_DIRTY)) {
		node_stat_add(s->n, NR_VMSCAN_IMMEDIATE, 1);
		f->flags |= FR_RECLAIM;
		return ACTIVATE;
	}
	if (ref == REF_RECLAIM_CLEAN || !may_enter_fs(s, f) || !s->r->may_writepage)
		return KEEP;
	if (s->batch.writable)
		flush_batch_run(s->cur, &s->batch);
	/* is_page_cache_freeable: isolation, and the cache's own */
	if (f->refs != 1 + cache_refs(f))
		return KEEP;
	f->flags |= FR_RECLAIM;
	if (f->flags & FR_SWAPCACHE)
		swap_write(s->cur, pfn);
	else
		page_write(s->cur, pfn);
	if (!(f->flags & FR_WRITEBACK))
		f->flags &= ~(uint32_t)FR_RECLAIM;
	if (is_shmem(f)) /* AOP_WRITEPAGE_ACTIVATE: no slot was to be had */
		return ACTIVATE;
	node_stat_add(s->n, NR_VMSCAN_WRITE, frame_nr_pages(f));
	s->stat->nr_pageout += frame_nr_pages(f);
	return KEEP;
}

/* __remove_mapping; the isolation's reference is left. */
static bool remove_mapping(struct shrink *s, pfn_t pfn, struct frame *f)
{
	uint64_t shadow = 0;
	int32_t refs = cache_refs(f);

	if (f->refs != 1 + refs || f->flags & FR_DIRTY)
		return false;
	if (f->flags & FR_SWAPCACHE) {
		shadow = workingset_eviction(s->k, pfn, s->r->target);
		swap_cache_remove(s->k, pfn, shadow);
	} else {
		if (frame_is_file_lru(f))
			shadow = workingset_eviction(s->k, pfn, s->r->target);
		page_drop_buffers(s->cur, pfn);
		pagecache_remove(s->k, pfn, shadow);
	}
	f->refs -= refs;
	return true;
}

/* A huge page goes on as small ones: its parts are looked at next. */
static bool split(struct shrink *s, pfn_t pfn)
{
	if (!thp_split_page(s->cur, pfn, s->list))
		return false;
	s->r->nr_scanned -= HUGE_PAGE_NR - 1;
	return true;
}

/* Gives an anonymous page its swap slot; false when there is none. */
static bool give_slot(struct shrink *s, pfn_t pfn, struct frame *f, enum verdict *v)
{
	if (!(f->flags & FR_ANON) || !(f->flags & FR_SWAPBACKED) || f->flags & FR_SWAPCACHE)
		return true;
	*v = KEEP;
	if (!(s->r->gfp & GFP_BIT_IO))
		return false;
	*v = ACTIVATE;
	if (!(f->flags & FR_HEAD))
		return swap_add_page(s->cur, pfn);
	if (f->refs != f->mapcount + 1) /* can_split_folio */
		return false;
	if (!frame_whole_mapcount(f))
		return split(s, pfn) && swap_add_page(s->cur, pfn);
	if (swap_add_page(s->cur, pfn))
		return true;
	if (!split(s, pfn))
		return false;
	vm_event(s->k->memory, VMEV_THP_SWPOUT_FALLBACK, 1);
	return swap_add_page(s->cur, pfn);
}

static enum verdict try_to_free(struct shrink *s, pfn_t pfn, struct frame *f, enum references ref)
{
	enum verdict v = KEEP;

	if (!give_slot(s, pfn, f, &v))
		return v;
	if (is_shmem(f) && f->flags & FR_HEAD && !split(s, pfn))
		return KEEP;
	if (f->mapcount) {
		page_unmap(s->cur, pfn, &s->batch);
		if (f->mapcount)
			return ACTIVATE;
	}
	if (f->flags & FR_DIRTY && !(f->flags & FR_ANON && !(f->flags & FR_SWAPBACKED)))
		return write_page(s, pfn, f, ref);
	if (f->flags & FR_ANON && !(f->flags & FR_SWAPBACKED)) {
		if (f->refs != 1)
			return KEEP;
		memcg_count_event(s->k, f->memcg, VMEV_PGLAZYFREED, frame_nr_pages(f));
		return FREED;
	}
	if (f->flags & FR_ANON && !(f->flags & FR_SWAPCACHE)) /* its last mapping went meanwhile */
		return KEEP;
	return remove_mapping(s, pfn, f) ? FREED : KEEP;
}

static enum verdict judge(struct shrink *s, pfn_t pfn, struct frame *f)
{
	enum references ref = REF_RECLAIM;

	s->r->nr_scanned += frame_nr_pages(f);
	task_charge(s->cur, s->cur->reclaim_cause,
		    s->k->cost.scan_page + (f->mapcount ? s->k->cost.scan_mapped : 0));
	if (f->flags & FR_MLOCKED)
		return ACTIVATE;
	if (!s->r->may_unmap && f->mapcount)
		return KEEP;
	if (s->n->lruvec.gens && !s->ignore_references && f->mapcount && f->flags & FR_REFERENCED)
		return KEEP; /* promoted while it was isolated */
	count_dirty(s, f);
	if (f->flags & FR_WRITEBACK)
		return meet_writeback(s, f);
	if (!s->ignore_references)
		ref = check_references(s, pfn, f);
	if (ref == REF_ACTIVATE)
		return ACTIVATE;
	if (ref == REF_KEEP)
		return KEEP;
	return s->demotes ? DEMOTE : try_to_free(s, pfn, f, ref);
}

static void activate(struct shrink *s, pfn_t pfn, struct frame *f)
{
	if (f->flags & FR_SWAPCACHE && (swap_is_half_full(s->k, f) || f->flags & FR_MLOCKED))
		swap_try_to_free(s->cur, pfn);
	if (!(f->flags & FR_MLOCKED)) {
		f->flags |= FR_ACTIVE;
		s->stat->nr_activate[frame_is_file_lru(f)] += frame_nr_pages(f);
		memcg_id_event(s->k, f->memcg, VMEV_PGACTIVATE, frame_nr_pages(f));
	}
}

enum page_class page_class_of(const struct frame *f)
{
	if (f->flags & FR_MLOCKED)
		return PAGE_MLOCKED;
	if (f->flags & (FR_ANON | FR_SWAPCACHE)) /* read ahead from swap, a page is nobody's yet */
		return PAGE_ANON;
	if (f->flags & FR_SWAPBACKED)
		return PAGE_SHMEM;
	return f->flags & (FR_DIRTY | FR_WRITEBACK) ? PAGE_FILE_DIRTY : PAGE_FILE_CLEAN;
}

/* Reclaim on request (MADV_PAGEOUT) is no scan. */
static void count_fate(struct shrink *s, enum page_class class, enum page_fate fate, uint32_t pages)
{
	if (!s->ignore_references)
		((uint64_t *)&s->k->memory->fate)[(unsigned)class * NR_PAGE_FATES + (unsigned)fate] += pages;
}

static void unlock(struct shrink *s, pfn_t pfn, struct frame *f)
{
	f->flags &= ~(uint32_t)FR_LOCKED;
	sched_wake(s->k, WAIT_KEY(WAIT_FRAME, pfn), task_now(s->cur));
}

/* The next to be looked at. Behind the last one those that can are demoted; the others come once more. */
static pfn_t next_page(struct shrink *s)
{
	if (s->list->last == PFN_NONE && s->demotes) {
		s->demotes = false;
		s->nr_demoted = demote_page_list(s->cur, &s->demote, s->n);
		frame_list_splice(&s->k->memory->frames, s->list, &s->demote);
	}
	return s->list->last;
}

static void free_list(struct shrink *s, struct frame_list *freed)
{
	pfn_t pfn;

	while ((pfn = frame_list_pop(&s->k->memory->frames, freed)) != PFN_NONE) {
		frame_of(s->k->memory, pfn)->flags &= ~(uint32_t)FR_ISOLATED;
		frame_put(s->k, s->cur->exec->cpu, pfn);
	}
}

uint64_t shrink_page_list(struct task *cur, struct frame_list *list, struct node *n,
			  struct reclaim_request *r, struct shrink_stat *stat, bool ignore_references)
{
	struct kernel *k = cur->k;
	struct shrink s = {cur,
			   k,
			   n,
			   r,
			   stat,
			   {.n = 0},
			   ignore_references,
			   list,
			   .demotes = reclaim_can_demote(k, n, r)};
	struct frame_list keep, freed;
	uint64_t nr_reclaimed = 0;
	pfn_t pfn;

	memset(stat, 0, sizeof *stat);
	frame_list_init(&keep);
	frame_list_init(&freed);
	frame_list_init(&s.demote);
	while ((pfn = next_page(&s)) != PFN_NONE) {
		struct frame *f = frame_of(k->memory, pfn);
		enum page_class class = page_class_of(f);
		uint32_t pages = frame_nr_pages(f);
		uint64_t written = stat->nr_pageout;
		enum verdict v;

		sched_cond(cur);
		frame_list_del(&k->memory->frames, list, pfn);
		if (f->flags & FR_LOCKED) {
			count_fate(&s, class, FATE_KEPT, pages);
			frame_list_push(&k->memory->frames, &keep, pfn);
			continue;
		}
		f->flags |= FR_LOCKED;
		v = judge(&s, pfn, f);
		if (v == ACTIVATE)
			activate(&s, pfn, f);
		unlock(&s, pfn, f);
		if (v == DEMOTE) {
			frame_list_push(&k->memory->frames, &s.demote, pfn);
			continue;
		}
		count_fate(&s, class,
			   v == FREED                    ? FATE_FREED
			   : v == ACTIVATE               ? FATE_ACTIVATED
			   : stat->nr_pageout != written ? FATE_WRITTEN
							 : FATE_KEPT,
			   pages);
		if (v == FREED)
			nr_reclaimed += frame_nr_pages(f);
		frame_list_push(&k->memory->frames, v == FREED ? &freed : &keep, pfn);
	}
	flush_batch_run(cur, &s.batch);
	free_list(&s, &freed);
	frame_list_splice(&k->memory->frames, list, &keep);
	vm_event(k->memory, VMEV_PGACTIVATE, stat->nr_activate[0] + stat->nr_activate[1]);
	return nr_reclaimed + s.nr_demoted;
}

uint64_t putback_list(struct task *cur, struct frame_list *list, struct lruvec *l)
{
	struct kernel *k = cur->k;
	uint64_t moved = 0;
	pfn_t pfn;

	while ((pfn = list->last) != PFN_NONE) {
		struct frame *f = frame_of(k->memory, pfn);

		frame_list_del(&k->memory->frames, list, pfn);
		f->flags &= ~(uint32_t)FR_ISOLATED;
		if (f->flags & FR_MLOCKED) {
			lru_putback(cur, pfn);
			continue;
		}
		if (f->refs == 1) { /* all other holders left meanwhile */
			frame_put(k, cur->exec->cpu, pfn);
			continue;
		}
		f->refs--;
		lru_link(k, pfn, false);
		moved += frame_nr_pages(f);
		if (f->flags & FR_ACTIVE)
			lruvec_age(l, frame_nr_pages(f));
	}
	return moved;
}

uint64_t reclaim_pages(struct task *cur, const pfn_t *pfns, unsigned nr)
{
	struct kernel *k = cur->k;
	uint64_t reclaimed = 0;

	for (unsigned nid = 0; nid < k->memory->nr_nodes; nid++) {
		struct reclaim_request r = {.gfp = GFP_KERNEL,
					    .may_writepage = true,
					    .may_unmap = true,
					    .may_swap = true,
					    .no_demotion = true};
		struct node *n = &k->memory->node[nid];
		struct shrink_stat stat;
		struct frame_list list;

		frame_list_init(&list);
		for (unsigned i = 0; i < nr; i++) {
			struct frame *f = frame_of(k->memory, pfns[i]);

			if (f->nid != nid)
				continue;
			f->flags &= ~(uint32_t)FR_ACTIVE; /* reclaim_folio_list */
			frame_list_append(&k->memory->frames, &list, pfns[i]);
		}
		if (!list.n)
			continue;
		reclaimed += shrink_page_list(cur, &list, n, &r, &stat, true);
		for (pfn_t p; (p = frame_list_pop(&k->memory->frames, &list)) != PFN_NONE;)
			lru_putback(cur, p);
	}
	return reclaimed;
}
