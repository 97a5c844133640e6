/*
 * lru.c - LRU lists and the per-CPU batches in front of them.
 *
 * Modelled after mm/swap.c and mm/mlock.c, Linux 6.1: batches of PAGEVEC_SIZE (15), the move functions
 * lru_add_fn, lru_deactivate_file_fn, lru_deactivate_fn, lru_lazyfree_fn, folio_activate_fn,
 * lru_move_tail_fn, the order of lru_add_drain_cpu, folio_mark_accessed; mlock_pagevec with __mlock_page,
 * __mlock_new_page, __munlock_page. O(1) a page.
 *
 * Invariant: a frame with FR_LRU is on the list lru_of() names, one without is on none; batches hold a
 * reference.
 *
 * Not modelled: the LRU lock's contention.
 */
#include "models/kernel/lru.h"

#include <string.h>

#include "models/kernel/lrugen.h"
#include "models/kernel/memcg.h"
#include "models/kernel/rmap.h"
#include "models/kernel/sched.h"
#include "sim/mem.h"

#define BATCH_SIZE 15

/* In the order of lru_add_drain_cpu. */
enum batch_kind {
	BATCH_ADD,
	BATCH_ROTATE,
	BATCH_DEACTIVATE_FILE,
	BATCH_DEACTIVATE,
	BATCH_LAZYFREE,
	BATCH_ACTIVATE,
	NR_BATCHES
};

struct batch {
	unsigned n;
	pfn_t pfn[BATCH_SIZE];
};

/* mlock_pvec: pages to be locked or unlocked, in one row. */
enum lock_kind { LOCK_LRU, LOCK_NEW, LOCK_UNDO };

struct lock_batch {
	unsigned n;
	pfn_t pfn[BATCH_SIZE];
	uint8_t kind[BATCH_SIZE]; /* enum lock_kind */
};

struct lru {
	unsigned nr_cpus;
	struct batch (*cpu)[NR_BATCHES];
	struct lock_batch *lock;
};

struct lru *lru_new(unsigned nr_cpus)
{
	struct lru *l = mem_alloc(1, sizeof *l);

	l->nr_cpus = nr_cpus;
	l->cpu = mem_alloc(nr_cpus, sizeof *l->cpu);
	l->lock = mem_alloc(nr_cpus, sizeof *l->lock);
	return l;
}

void lru_free(struct lru *l)
{
	mem_free(l->cpu);
	mem_free(l->lock);
	mem_free(l);
}

enum lru_list lru_of(const struct frame *f)
{
	if (f->flags & FR_UNEVICTABLE)
		return LRU_UNEVICTABLE;
	return (frame_is_file_lru(f) ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON) +
	       (f->flags & FR_ACTIVE ? 1u : 0u);
}

static bool by_generations(const struct kernel *k)
{
	return k->memory->node[0].lruvec.gens != NULL;
}

enum lru_list lru_counted_as(struct kernel *k, const struct frame *f)
{
	const struct lru_gens *g = frame_lruvec(k->memory, f)->gens;
	int gen = g ? frame_lru_gen(f) : -1;

	if (gen < 0)
		return lru_of(f);
	return (frame_is_file_lru(f) ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON) +
	       (lru_gen_is_active(g, (unsigned)gen) ? 1u : 0u);
}

static void count_list(struct kernel *k, const struct frame *f, enum lru_list l, int64_t n)
{
	lruvec_count(frame_lruvec(k->memory, f), l, f->zid, n);
}

void lru_link(struct kernel *k, pfn_t pfn, bool tail)
{
	struct frame *f = frame_of(k->memory, pfn);
	enum lru_list l = lru_of(f);
	struct frame_list *list = &frame_lruvec(k->memory, f)->list[l];

	DCHECK(!(f->flags & FR_LRU), "frame %u is on a list already", pfn);
	if (by_generations(k) && l != LRU_UNEVICTABLE) {
		lru_gen_add(k, pfn, tail);
		return;
	}
	if (tail)
		frame_list_append(&k->memory->frames, list, pfn);
	else
		frame_list_push(&k->memory->frames, list, pfn);
	list->n += frame_nr_pages(f) - 1;
	f->flags |= FR_LRU;
	count_list(k, f, l, frame_nr_pages(f));
}

void lru_unlink(struct kernel *k, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);
	enum lru_list l = lru_of(f);
	struct frame_list *list = &frame_lruvec(k->memory, f)->list[l];

	DCHECK(f->flags & FR_LRU, "frame %u is on no list", pfn);
	if (by_generations(k) && l != LRU_UNEVICTABLE) {
		lru_gen_del(k, pfn, false);
		return;
	}
	frame_list_del(&k->memory->frames, list, pfn);
	list->n -= frame_nr_pages(f) - 1;
	f->flags &= ~(uint32_t)FR_LRU;
	count_list(k, f, l, -(int64_t)frame_nr_pages(f));
}

void lru_insert_part(struct kernel *k, pfn_t head, pfn_t part)
{
	struct frame *h = frame_of(k->memory, head), *f = frame_of(k->memory, part);
	struct frames *m = &k->memory->frames;

	if (by_generations(k) && !(h->flags & FR_UNEVICTABLE)) {
		frame_list_insert(m, lru_gen_list(k, h), head, part);
	} else {
		struct frame_list *list = &frame_lruvec(k->memory, h)->list[lru_of(h)];

		frame_list_insert(m, list, head, part);
		list->n--; /* the head counts for it so far */
	}
	f->flags |= FR_LRU;
}

static bool evictable(const struct frame *f)
{
	return !(f->flags & FR_MLOCKED);
}

/* Of the machine and of the page's group. */
static void count(struct kernel *k, const struct frame *f, enum vm_event ev)
{
	memcg_count_event(k, f->memcg, ev, frame_nr_pages(f));
}

/* ---- the move functions ---- */

static void add_fn(struct kernel *k, pfn_t pfn, struct frame *f)
{
	bool was_unevictable = f->flags & FR_UNEVICTABLE;
	uint32_t n = frame_nr_pages(f);

	f->flags &= ~(uint32_t)FR_UNEVICTABLE;
	if (evictable(f)) {
		if (was_unevictable)
			vm_event(k->memory, VMEV_UNEVICTABLE_PGRESCUED, n);
	} else {
		f->flags = (f->flags & ~(uint32_t)FR_ACTIVE) | FR_UNEVICTABLE;
		f->gen = 0; /* mlock_count: whoever locks it counts */
		if (!was_unevictable)
			vm_event(k->memory, VMEV_UNEVICTABLE_PGCULLED, n);
	}
	lru_link(k, pfn, false);
}

static void rotate_fn(struct kernel *k, pfn_t pfn, struct frame *f)
{
	if (f->flags & FR_UNEVICTABLE)
		return;
	lru_unlink(k, pfn);
	f->flags &= ~(uint32_t)FR_ACTIVE;
	lru_link(k, pfn, true);
	vm_event(k->memory, VMEV_PGROTATED, frame_nr_pages(f));
}

static void deactivate_file_fn(struct kernel *k, pfn_t pfn, struct frame *f)
{
	bool active = f->flags & FR_ACTIVE || by_generations(k);
	uint32_t n = frame_nr_pages(f);

	if (f->flags & FR_UNEVICTABLE || f->mapcount > 0)
		return;
	lru_unlink(k, pfn);
	f->flags &= ~(uint32_t)(FR_ACTIVE | FR_REFERENCED);
	if (f->flags & (FR_WRITEBACK | FR_DIRTY)) {
		lru_link(k, pfn, false);
		f->flags |= FR_RECLAIM;
	} else {
		lru_link(k, pfn, true);
		vm_event(k->memory, VMEV_PGROTATED, n);
	}
	if (active)
		count(k, f, VMEV_PGDEACTIVATE);
}

static void deactivate_fn(struct kernel *k, pfn_t pfn, struct frame *f)
{
	if (!(f->flags & FR_ACTIVE || by_generations(k)) || f->flags & FR_UNEVICTABLE)
		return;
	lru_unlink(k, pfn);
	f->flags &= ~(uint32_t)(FR_ACTIVE | FR_REFERENCED);
	lru_link(k, pfn, false);
	count(k, f, VMEV_PGDEACTIVATE);
}

static bool can_lazyfree(const struct frame *f)
{
	return (f->flags & (FR_ANON | FR_SWAPBACKED)) == (FR_ANON | FR_SWAPBACKED) &&
	       !(f->flags & (FR_SWAPCACHE | FR_UNEVICTABLE));
}

static void lazyfree_fn(struct kernel *k, pfn_t pfn, struct frame *f)
{
	if (!can_lazyfree(f))
		return;
	lru_unlink(k, pfn);
	f->flags &= ~(uint32_t)(FR_ACTIVE | FR_REFERENCED | FR_SWAPBACKED);
	lru_link(k, pfn, false);
	count(k, f, VMEV_PGLAZYFREE);
}

static void activate_fn(struct kernel *k, pfn_t pfn, struct frame *f)
{
	if (f->flags & (FR_ACTIVE | FR_UNEVICTABLE))
		return;
	lru_unlink(k, pfn);
	f->flags |= FR_ACTIVE;
	lru_link(k, pfn, false);
	count(k, f, VMEV_PGACTIVATE);
}

static void (*const move_fn[NR_BATCHES])(struct kernel *, pfn_t, struct frame *) = {
	[BATCH_ADD] = add_fn,
	[BATCH_ROTATE] = rotate_fn,
	[BATCH_DEACTIVATE_FILE] = deactivate_file_fn,
	[BATCH_DEACTIVATE] = deactivate_fn,
	[BATCH_LAZYFREE] = lazyfree_fn,
	[BATCH_ACTIVATE] = activate_fn,
};

static void drain_batch(struct kernel *k, unsigned cpu, enum batch_kind kind)
{
	struct batch *b = &k->lru->cpu[cpu][kind];
	struct batch todo = *b; /* putting pages may fill it again */

	b->n = 0;
	for (unsigned i = 0; i < todo.n; i++) {
		struct frame *f = frame_of(k->memory, todo.pfn[i]);

		if (kind == BATCH_ADD)
			f->flags &= ~(uint32_t)FR_BATCHED;
		if (kind == BATCH_ADD || f->flags & FR_LRU)
			move_fn[kind](k, todo.pfn[i], f);
	}
	for (unsigned i = 0; i < todo.n; i++)
		frame_put(k, cpu, todo.pfn[i]);
}

/* Puts the page into the batch with a reference; true when that filled and drained it. */
static bool batch_add(struct kernel *k, unsigned cpu, enum batch_kind kind, pfn_t pfn)
{
	struct batch *b = &k->lru->cpu[cpu][kind];
	bool full;

	frame_get(k, pfn);
	b->pfn[b->n++] = pfn;
	full = b->n == BATCH_SIZE || frame_of(k->memory, pfn)->flags & FR_HEAD;
	if (full)
		drain_batch(k, cpu, kind);
	return full;
}

static void add_from(struct task *cur, enum batch_kind kind, pfn_t pfn)
{
	if (batch_add(cur->k, cur->exec->cpu, kind, pfn))
		task_charge(cur, CYCLES_alloc, cur->k->cost.lru_batch);
}

/* ---- public ---- */

void lru_add(struct task *cur, pfn_t pfn)
{
	struct frame *f = frame_of(cur->k->memory, pfn);

	DCHECK(!(f->flags & (FR_LRU | FR_BATCHED)), "frame %u is on a list already", pfn);
	f->flags |= FR_BATCHED;
	if (by_generations(cur->k) && cur->in_lru_fault && !(f->flags & FR_UNEVICTABLE) &&
	    !(cur->flags & TASK_MEMALLOC))
		f->flags |= FR_ACTIVE;
	add_from(cur, BATCH_ADD, pfn);
}

void lru_activate(struct task *cur, pfn_t pfn)
{
	struct frame *f = frame_of(cur->k->memory, pfn);

	if ((f->flags & (FR_LRU | FR_ACTIVE | FR_UNEVICTABLE)) == FR_LRU)
		add_from(cur, BATCH_ACTIVATE, pfn);
}

/* __lru_cache_activate_folio: a page that still waits in this CPU's batch of new pages. */
static void activate_batched(struct task *cur, pfn_t pfn)
{
	const struct batch *b = &cur->k->lru->cpu[cur->exec->cpu][BATCH_ADD];

	for (unsigned i = b->n; i-- > 0;)
		if (b->pfn[i] == pfn) {
			frame_of(cur->k->memory, pfn)->flags |= FR_ACTIVE;
			return;
		}
}

static void age_nonresident(struct kernel *k, const struct frame *f)
{
	lruvec_age(frame_lruvec(k->memory, f), frame_nr_pages(f));
}

void lru_mark_accessed(struct task *cur, pfn_t pfn)
{
	struct frame *f = frame_of(cur->k->memory, pfn);

	if (by_generations(cur->k)) {
		lru_gen_inc_refs(f);
	} else if (!(f->flags & FR_REFERENCED)) {
		f->flags |= FR_REFERENCED;
	} else if (!(f->flags & (FR_UNEVICTABLE | FR_ACTIVE))) {
		if (f->flags & FR_LRU)
			lru_activate(cur, pfn);
		else
			activate_batched(cur, pfn);
		f->flags &= ~(uint32_t)FR_REFERENCED;
		age_nonresident(cur->k, f); /* workingset_activation */
	}
}

void lru_deactivate_file(struct task *cur, pfn_t pfn)
{
	if (!(frame_of(cur->k->memory, pfn)->flags & FR_UNEVICTABLE))
		add_from(cur, BATCH_DEACTIVATE_FILE, pfn);
}

void lru_deactivate(struct task *cur, pfn_t pfn)
{
	const struct frame *f = frame_of(cur->k->memory, pfn);

	if ((f->flags & (FR_LRU | FR_UNEVICTABLE)) == FR_LRU &&
	    (f->flags & FR_ACTIVE || by_generations(cur->k)))
		add_from(cur, BATCH_DEACTIVATE, pfn);
}

void lru_lazyfree(struct task *cur, pfn_t pfn)
{
	const struct frame *f = frame_of(cur->k->memory, pfn);

	if (f->flags & FR_LRU && can_lazyfree(f))
		add_from(cur, BATCH_LAZYFREE, pfn);
}

void lru_rotate(struct kernel *k, unsigned cpu, pfn_t pfn)
{
	const struct frame *f = frame_of(k->memory, pfn);

	if ((f->flags & (FR_LOCKED | FR_DIRTY | FR_UNEVICTABLE | FR_LRU)) == FR_LRU)
		batch_add(k, cpu, BATCH_ROTATE, pfn);
}

/* ---- locking ---- */

static void rescue(struct kernel *k, pfn_t pfn, struct frame *f)
{
	lru_unlink(k, pfn);
	f->flags &= ~(uint32_t)FR_UNEVICTABLE;
	lru_link(k, pfn, false);
	vm_event(k->memory, VMEV_UNEVICTABLE_PGRESCUED, frame_nr_pages(f));
}

/* __mlock_page */
static void mlock_now(struct kernel *k, pfn_t pfn, struct frame *f)
{
	uint32_t n = frame_nr_pages(f);

	if (!(f->flags & FR_LRU))
		return;
	if (evictable(f)) { /* unlocked again by another CPU */
		if (f->flags & FR_UNEVICTABLE)
			rescue(k, pfn, f);
		return;
	}
	if (f->flags & FR_UNEVICTABLE) {
		f->gen++; /* mlock_count */
		return;
	}
	lru_unlink(k, pfn);
	f->flags = (f->flags & ~(uint32_t)FR_ACTIVE) | FR_UNEVICTABLE;
	f->gen = 1;
	lru_link(k, pfn, false);
	vm_event(k->memory, VMEV_UNEVICTABLE_PGCULLED, n);
}

/* __mlock_new_page */
static void mlock_new_now(struct kernel *k, pfn_t pfn, struct frame *f)
{
	f->flags &= ~(uint32_t)FR_BATCHED;
	if (!evictable(f)) {
		f->flags |= FR_UNEVICTABLE;
		f->gen = 1;
		vm_event(k->memory, VMEV_UNEVICTABLE_PGCULLED, frame_nr_pages(f));
	}
	lru_link(k, pfn, false);
}

/* __munlock_page */
static void munlock_now(struct kernel *k, pfn_t pfn, struct frame *f)
{
	uint32_t n = frame_nr_pages(f);
	bool listed = f->flags & FR_LRU;

	if (listed && f->flags & FR_UNEVICTABLE) {
		if (f->gen)
			f->gen--;
		if (f->gen)
			return;
	}
	if (f->flags & FR_MLOCKED) {
		f->flags &= ~(uint32_t)FR_MLOCKED;
		zone_stat_add(frame_zone(k->memory, f), NR_MLOCK, -(int64_t)n);
		vm_event(k->memory,
			 listed || !(f->flags & FR_UNEVICTABLE) ? VMEV_UNEVICTABLE_PGMUNLOCKED
								: VMEV_UNEVICTABLE_PGSTRANDED,
			 n);
	}
	if (listed && f->flags & FR_UNEVICTABLE)
		rescue(k, pfn, f);
}

static void drain_locks(struct kernel *k, unsigned cpu)
{
	static void (*const now[])(struct kernel *, pfn_t, struct frame *) = {
		[LOCK_LRU] = mlock_now, [LOCK_NEW] = mlock_new_now, [LOCK_UNDO] = munlock_now};
	struct lock_batch *b = &k->lru->lock[cpu];
	struct lock_batch todo = *b;

	b->n = 0;
	for (unsigned i = 0; i < todo.n; i++)
		now[todo.kind[i]](k, todo.pfn[i], frame_of(k->memory, todo.pfn[i]));
	for (unsigned i = 0; i < todo.n; i++)
		frame_put(k, cpu, todo.pfn[i]);
}

static void lock_add(struct task *cur, enum lock_kind kind, pfn_t pfn)
{
	struct kernel *k = cur->k;
	struct lock_batch *b = &k->lru->lock[cur->exec->cpu];

	frame_get(k, pfn);
	b->kind[b->n] = (uint8_t)kind;
	b->pfn[b->n++] = pfn;
	if (b->n == BATCH_SIZE || frame_of(k->memory, pfn)->flags & FR_HEAD)
		drain_locks(k, cur->exec->cpu);
}

/* PG_mlocked and its counts, which do not wait. */
static void set_mlocked(struct kernel *k, struct frame *f)
{
	if (f->flags & FR_MLOCKED)
		return;
	f->flags |= FR_MLOCKED;
	zone_stat_add(frame_zone(k->memory, f), NR_MLOCK, frame_nr_pages(f));
	vm_event(k->memory, VMEV_UNEVICTABLE_PGMLOCKED, frame_nr_pages(f));
}

void lru_add_vma(struct task *cur, pfn_t pfn, uint32_t vm_flags)
{
	const uint32_t vm_locked = 0x2000;

	if (!(vm_flags & vm_locked)) {
		lru_add(cur, pfn);
		return;
	}
	set_mlocked(cur->k, frame_of(cur->k->memory, pfn)); /* mlock_new_page */
	frame_of(cur->k->memory, pfn)->flags |= FR_BATCHED;
	lock_add(cur, LOCK_NEW, pfn);
}

void lru_mlock(struct task *cur, pfn_t pfn)
{
	set_mlocked(cur->k, frame_of(cur->k->memory, pfn));
	lock_add(cur, LOCK_LRU, pfn);
}

void lru_munlock(struct task *cur, pfn_t pfn)
{
	lock_add(cur, LOCK_UNDO, pfn);
}

void lru_drain_cpu(struct kernel *k, unsigned cpu)
{
	for (unsigned b = 0; b < NR_BATCHES; b++)
		if (k->lru->cpu[cpu][b].n)
			drain_batch(k, cpu, (enum batch_kind)b);
	if (k->lru->lock[cpu].n)
		drain_locks(k, cpu);
}

void lru_drain(struct task *cur)
{
	lru_drain_cpu(cur->k, cur->exec->cpu);
}

void lru_drain_all(struct kernel *k)
{
	for (unsigned i = 0; i < k->lru->nr_cpus; i++)
		lru_drain_cpu(k, i);
}

bool lru_isolate(struct kernel *k, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);

	if (!(f->flags & FR_LRU))
		return false;
	frame_get(k, pfn);
	lru_unlink(k, pfn);
	f->flags |= FR_ISOLATED;
	return true;
}

void lru_putback(struct task *cur, pfn_t pfn)
{
	frame_of(cur->k->memory, pfn)->flags &= ~(uint32_t)FR_ISOLATED;
	lru_add(cur, pfn);
	frame_put(cur->k, cur->exec->cpu, pfn);
}

void lru_del(struct kernel *k, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);

	if (f->flags & FR_LRU)
		lru_unlink(k, pfn);
	f->flags &= ~(uint32_t)(FR_ACTIVE | FR_UNEVICTABLE);
}

void frame_put(struct kernel *k, unsigned cpu, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);
	struct pcp_work work = {0};
	unsigned order;

	if (f->flags & FR_TAIL) {
		pfn = frames_head(&k->memory->frames, pfn);
		f = frame_of(k->memory, pfn);
	}
	CHECK(f->refs > 0, "frame %u has no reference", pfn);
	if (--f->refs)
		return;
	DCHECK(f->mapcount == 0, "frame %u is freed while mapped", pfn);
	lru_del(k, pfn);
	rmap_undefer_split(k, pfn);
	if (f->flags & FR_MLOCKED) {
		zone_stat_add(frame_zone(k->memory, f), NR_MLOCK, -(int64_t)frame_nr_pages(f));
		vm_event(k->memory, VMEV_UNEVICTABLE_PGCLEARED, frame_nr_pages(f));
	}
	order = f->flags & FR_HEAD ? f->order : 0;
	memcg_uncharge(k, f);
	f->flags = 0;
	f->gen = 0;
	f->file = FILE_NONE;
	zonelist_free(k->memory, cpu, pfn, order, &work);
}
