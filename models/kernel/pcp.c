/*
 * pcp.c - per-CPU page lists.
 *
 * After mm/page_alloc.c of Linux 6.1: order_to_pindex, rmqueue_pcplist, __rmqueue_pcplist, rmqueue_bulk,
 * free_unref_page, free_unref_page_commit, nr_pcp_free, nr_pcp_high, free_pcppages_bulk, drain_pages_zone,
 * drain_zone_pages; mm/vmstat.c refresh_cpu_vm_stats.
 *
 * Complexity: O(1) but for refills and drains, which are O(batch * orders).
 *
 * Invariants: a frame on a list has FR_PCP, its order and the migrate type it was freed with; the pages of
 * the lists sum up to count; all other fields of the frame are reset.
 *
 * Not modelled: contention (the trylock of the lists never fails).
 */
#include "models/kernel/pcp.h"

#define COSTLY_ORDER    3
#define LOWORDER_LISTS  (NR_PCP_TYPES * (COSTLY_ORDER + 1))
#define BATCH_SCALE_MAX 5 /* CONFIG_PCP_BATCH_SCALE_MAX */
#define EXPIRE_SECONDS  3

bool pcp_order_allowed(unsigned order)
{
	return order <= COSTLY_ORDER || order == PAGEBLOCK_ORDER;
}

static unsigned list_index(enum migratetype mt, unsigned order)
{
	if (order > COSTLY_ORDER)
		return LOWORDER_LISTS + (mt == MIGRATE_MOVABLE);
	return NR_PCP_TYPES * order + mt;
}

static unsigned list_order(unsigned index)
{
	return index >= LOWORDER_LISTS ? PAGEBLOCK_ORDER : index / NR_PCP_TYPES;
}

static void count_work(struct pcp_work *work, unsigned pages)
{
	if (work) {
		work->bulk++;
		work->pages += pages;
	}
}

static void reset_block(struct memory *m, const struct zone *z, pfn_t pfn, unsigned order)
{
	for (pfn_t i = 0; i < (pfn_t)1 << order; i++)
		frame_reset(frame_of(m, pfn + i), z->nid, z->id);
}

/* rmqueue_bulk: in the order in which the buddy lists give them, so in ascending order for a split block. */
static void refill(struct memory *m, struct zone *z, struct pcp *p, unsigned order, enum migratetype mt,
		   unsigned alloc_flags, struct pcp_work *work)
{
	struct frame_list *l = &p->list[list_index(mt, order)];
	uint64_t batch = z->pcp_batch;
	unsigned got = 0;

	if (batch > 1)
		batch = MAX_OF(batch >> order, 2);
	for (; got < batch; got++) {
		pfn_t pfn = buddy_take(m, z, order, mt, alloc_flags);
		struct frame *f;

		if (pfn == PFN_NONE)
			break;
		reset_block(m, z, pfn, order);
		f = frame_of(m, pfn);
		f->flags = FR_PCP;
		f->order = (uint8_t)order;
		f->migratetype = (uint8_t)mt;
		frame_list_append(&m->frames, l, pfn);
	}
	p->count += (uint64_t)got << order;
	count_work(work, got << order);
}

pfn_t pcp_alloc(struct memory *m, struct zone *z, unsigned cpu, unsigned order, enum migratetype mt,
		unsigned alloc_flags, struct pcp_work *work)
{
	struct pcp *p = &z->pcp[cpu];
	struct frame_list *l = &p->list[list_index(mt, order)];
	struct frame *f;
	pfn_t pfn;

	p->free_factor >>= 1;
	if (l->first == PFN_NONE)
		refill(m, z, p, order, mt, alloc_flags, work);
	pfn = frame_list_pop(&m->frames, l);
	if (pfn == PFN_NONE)
		return PFN_NONE;
	p->count -= UINT64_C(1) << order;
	p->expire = EXPIRE_SECONDS;
	f = frame_of(m, pfn);
	f->flags = 0;
	f->order = 0;
	f->migratetype = 0;
	return pfn;
}

/* Has the host fetch what the next turns of drain() will read: the next page's buddy, and the page behind it.
 */
static inline void fetch_ahead(struct memory *m, const struct frame_list *l, unsigned order)
{
	pfn_t next;

	if (l->last == PFN_NONE)
		return;
	__builtin_prefetch(frame_of(m, l->last ^ (pfn_t)1 << order));
	next = frame_of(m, l->last)->prev;
	if (next != PFN_NONE)
		__builtin_prefetch(frame_of(m, next), 1);
}

/* free_pcppages_bulk: `count` pages from the tails of the lists in turn, beginning behind list `index` - 1.
 */
static void drain(struct memory *m, struct zone *z, struct pcp *p, uint64_t count, unsigned index,
		  struct pcp_work *work)
{
	int at = (int)index - 1, min = 0, max = NR_PCP_LISTS - 1;
	int64_t left = (int64_t)MIN_OF(count, p->count);
	unsigned moved = 0;

	while (left > 0) {
		struct frame_list *l;
		unsigned order;

		for (;;) {
			if (++at > max)
				at = min;
			l = &p->list[at];
			if (l->first != PFN_NONE)
				break;
			if (at == max)
				max--;
			if (at == min)
				min++;
		}
		order = list_order((unsigned)at);
		do {
			pfn_t pfn = l->last;
			enum migratetype mt = (enum migratetype)frame_of(m, pfn)->migratetype;

			frame_list_del(&m->frames, l, pfn);
			fetch_ahead(m, l, order);
			frame_of(m, pfn)->flags = 0;
			left -= INT64_C(1) << order;
			p->count -= UINT64_C(1) << order;
			moved += 1u << order;
			buddy_give(m, z, pfn, order, mt, false);
		} while (left > 0 && l->first != PFN_NONE);
	}
	count_work(work, moved);
}

/* nr_pcp_free: how many pages a full list gives back; twice as many each time nothing is allocated between.
 */
static uint64_t drain_size(struct pcp *p, uint64_t high, uint64_t batch, bool free_high)
{
	uint64_t n;

	if (free_high)
		return p->count;
	if (high < batch)
		return 1;
	n = batch << p->free_factor;
	if (n < high - batch && p->free_factor < BATCH_SCALE_MAX)
		p->free_factor++;
	return MIN_OF(n, high - batch);
}

void pcp_free(struct memory *m, struct zone *z, unsigned cpu, pfn_t pfn, unsigned order,
	      struct pcp_work *work)
{
	struct pcp *p = &z->pcp[cpu];
	enum migratetype mt = buddy_pageblock_type(z, pfn);
	unsigned index = list_index(mt < NR_PCP_TYPES ? mt : MIGRATE_MOVABLE, order);
	struct frame *f = frame_of(m, pfn);
	uint64_t high = z->pcp_high;
	bool free_high;

	DCHECK(!frame_has(f, FR_BUDDY | FR_PCP | FR_RESERVED), "frame %u freed twice", pfn);
	reset_block(m, z, pfn, order);
	f->flags = FR_PCP;
	f->order = (uint8_t)order;
	f->migratetype = (uint8_t)mt;
	frame_list_push(&m->frames, &p->list[index], pfn);
	p->count += UINT64_C(1) << order;
	p->expire = EXPIRE_SECONDS;
	free_high = p->free_factor && order && order <= COSTLY_ORDER;
	if (!high || free_high)
		high = 0;
	else if (z->reclaim_active)
		high = MIN_OF(z->pcp_batch << 2, high);
	if (p->count >= high)
		drain(m, z, p, drain_size(p, high, z->pcp_batch, free_high), index, work);
}

void pcp_drain(struct memory *m, struct zone *z, unsigned cpu)
{
	struct pcp *p = &z->pcp[cpu];

	while (p->count)
		drain(m, z, p, z->pcp_batch << BATCH_SCALE_MAX, 0, NULL);
}

void pcp_drain_all(struct memory *m)
{
	for (unsigned cpu = 0; cpu < m->topo->nr_cpus; cpu++) {
		for (unsigned n = 0; n < m->nr_nodes; n++) {
			for (unsigned i = 0; i < NR_ZONES; i++) {
				if (m->node[n].zone[i].pcp)
					pcp_drain(m, &m->node[n].zone[i], cpu);
			}
		}
	}
}

void pcp_refresh(struct memory *m, unsigned cpu)
{
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		for (unsigned i = 0; i < NR_ZONES; i++) {
			struct zone *z = &m->node[n].zone[i];
			struct pcp *p = z->pcp ? &z->pcp[cpu] : NULL;

			if (!p || !p->expire || !p->count)
				continue;
			if (n == m->topo->cpu_nid[cpu])
				p->expire = 0;
			else if (--p->expire == 0) {
				drain(m, z, p, z->pcp_batch, 0, NULL);
				p->expire = EXPIRE_SECONDS; /* free pages of the zone have changed */
			}
		}
	}
}

/*
 * What lies on the lists at the start was freed last, by shrinkers of slabs (echo 3 > drop_caches): it goes
 * to the lists of reclaimable pages, and no user page is taken from it. Takes allocated pages from *pfn on;
 * false when there are too few.
 */
static bool setup_list(struct memory *m, struct zone *z, unsigned cpu, uint64_t pages, pfn_t *pfn)
{
	for (; pages && *pfn < z->end; ++*pfn) {
		struct frame *f = frame_of(m, *pfn);

		if (f->refs != 1 || f->flags || f->nid != z->nid || f->zid != z->id)
			continue;
		f->refs = 0;
		f->flags = FR_PCP;
		f->migratetype = MIGRATE_RECLAIMABLE;
		frame_list_push(&m->frames, &z->pcp[cpu].list[list_index(MIGRATE_RECLAIMABLE, 0)], *pfn);
		z->pcp[cpu].count++;
		pages--;
	}
	return !pages;
}

int pcp_setup(struct memory *m, const struct u64_list *pages, struct err *e)
{
	const unsigned cpus = m->topo->nr_cpus;
	size_t at = 0;

	for (unsigned n = 0; n < m->nr_nodes && pages->n; n++)
		for (unsigned i = 0; i < NR_ZONES; i++) {
			struct zone *z = &m->node[n].zone[i];
			pfn_t pfn = z->start;

			for (unsigned cpu = 0; z->present && cpu < cpus; cpu++, at++)
				if (at < pages->n && !setup_list(m, z, cpu, pages->v[at], &pfn))
					return err_set(
						e, ERR_CONFIG,
						"zones.pcp: %" PRIu64
						" pages in entry %zu are more than the zone has allocated",
						pages->v[at], at + 1);
		}
	if (at != pages->n)
		return err_set(e, ERR_CONFIG,
			       "zones.pcp: %zu numbers, expected %zu: one for each CPU and populated zone",
			       pages->n, at);
	return 0;
}

uint64_t zone_pcp_count(const struct memory *m, const struct zone *z)
{
	uint64_t n = 0;

	for (unsigned cpu = 0; z->pcp && cpu < m->topo->nr_cpus; cpu++)
		n += z->pcp[cpu].count;
	return n;
}

bool pcp_is_valid(const struct memory *m, const struct zone *z)
{
	for (unsigned cpu = 0; z->pcp && cpu < m->topo->nr_cpus; cpu++) {
		const struct pcp *p = &z->pcp[cpu];
		uint64_t pages = 0;

		for (unsigned i = 0; i < NR_PCP_LISTS; i++) {
			const struct frame_list *l = &p->list[i];
			uint64_t n = 0;

			for (pfn_t pfn = l->first; pfn != PFN_NONE; pfn = m->frames.f[pfn].next, n++) {
				const struct frame *f = &m->frames.f[pfn];

				if (f->flags != FR_PCP || f->order != list_order(i) || f->nid != z->nid ||
				    f->zid != z->id)
					return false;
			}
			if (n != l->n)
				return false;
			pages += n << list_order(i);
		}
		if (pages != p->count)
			return false;
	}
	return true;
}
