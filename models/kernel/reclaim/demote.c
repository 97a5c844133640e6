/*
 * demote.c - cold pages go to a slower node instead of being dropped or swapped.
 *
 * After mm/vmscan.c of Linux 6.1: can_demote, demote_folio_list, alloc_demote_page; mm/migrate.c
 * migrate_pages (a huge page for which there is no huge frame is split and goes in parts). The target is
 * taken without reclaim: first from the preferred node alone, whose kswapd is woken when it is short, then
 * from all slower nodes. Pages that find no place are looked at once more and reclaimed. O(pages).
 *
 * Invariant: pgdemote_kswapd + pgdemote_direct are the demoted fates of all classes, and part of pgsteal_x.
 */
#include "models/kernel/migrate.h"
#include "models/kernel/reclaim/scan.h"
#include "models/kernel/thp_split.h"
#include "models/kernel/tiers.h"

#define GFP_DEMOTE \
	((GFP_HIGHUSER_MOVABLE & ~GFP_BIT_RECLAIM) | GFP_BIT_NOWARN | GFP_BIT_NOMEMALLOC | GFP_NOWAIT)

struct demotion {
	struct migrate_request r;
	unsigned nid;       /* preferred */
	nodemask_t allowed; /* all slower ones */
};

bool reclaim_can_demote(const struct kernel *k, const struct node *n, const struct reclaim_request *r)
{
	return k->params.demotion_enabled && n->tier.preferred && k->hooks.alloc && !(r && r->no_demotion);
}

/* alloc_demote_page */
static pfn_t target(void *arg, struct task *cur, unsigned i)
{
	const struct demotion *d = arg;
	const struct frame *f = frame_of(cur->k->memory, d->r.pfns[i]);
	unsigned order = f->flags & FR_HEAD ? f->order : 0;
	gfp_t gfp = order ? (GFP_DEMOTE & ~GFP_BIT_RECLAIM) | GFP_TRANSHUGE : GFP_DEMOTE;
	pfn_t pfn = cur->k->hooks.alloc(cur, d->nid, UINT64_C(1) << d->nid, gfp | GFP_BIT_THISNODE, order);

	return pfn == PFN_NONE ? cur->k->hooks.alloc(cur, d->nid, d->allowed, gfp, order) : pfn;
}

/* One page; `parts` gets those of a huge page that had to be split. */
static enum migrate_result demote(struct task *cur, struct demotion *d, struct frame_list *parts)
{
	struct memory *m = cur->k->memory;
	pfn_t pfn = d->r.pfns[0];
	const struct frame *f = frame_of(m, pfn);
	uint64_t *fate = (uint64_t *)&m->fate + (unsigned)page_class_of(f) * NR_PAGE_FATES + FATE_DEMOTED;
	uint32_t pages = frame_nr_pages(f);
	enum migrate_result result = migrate_isolated(cur, &d->r, 0);

	if (result == MIGRATE_MOVED)
		*fate += pages;
	if (result != MIGRATE_NO_TARGET || pages == 1)
		return result;
	if (!thp_split_page(cur, pfn, parts))
		return result;
	vm_event(m, VMEV_THP_MIGRATION_SPLIT, 1);
	frame_list_append(&m->frames, parts, pfn);
	return MIGRATE_BUSY;
}

/* Pages of `from`, in order, as long as there is room; what stays goes to `stay`. Returns pages moved. */
static uint64_t demote_all(struct task *cur, struct demotion *d, struct frame_list *from,
			   struct frame_list *parts, struct frame_list *stay)
{
	struct frames *frames = &cur->k->memory->frames;
	uint64_t moved = 0;
	bool room = true;
	pfn_t pfn;

	d->r.pfns = &pfn;
	while (room && (pfn = frame_list_pop(frames, from)) != PFN_NONE) {
		uint32_t pages = frame_nr_pages(&frames->f[pfn]);
		uint64_t split = parts->n;
		enum migrate_result result = demote(cur, d, parts);

		moved += result == MIGRATE_MOVED ? pages : 0;
		room = result != MIGRATE_NO_TARGET;
		if (result != MIGRATE_MOVED && parts->n == split)
			frame_list_append(frames, stay, pfn);
	}
	frame_list_splice(frames, stay, from);
	return moved;
}

uint64_t demote_page_list(struct task *cur, struct frame_list *list, struct node *n)
{
	struct kernel *k = cur->k;
	struct demotion d = {.allowed = n->tier.lower,
			     .r = {.n = 1, .target = target, .arg = &d, .mode = MIGRATE_ASYNC}};
	struct frame_list parts, stay;
	uint64_t moved;

	if (list->first == PFN_NONE)
		return 0;
	d.nid = (unsigned)tier_next_node(k->memory, n->nid, rng_next(&k->random));
	frame_list_init(&parts);
	frame_list_init(&stay);
	moved = demote_all(cur, &d, list, &parts, &stay);
	if (parts.n)
		moved += demote_all(cur, &d, &parts, &stay, &stay);
	*list = stay;
	vm_event(k->memory, cur->flags & TASK_KSWAPD ? VMEV_PGDEMOTE_KSWAPD : VMEV_PGDEMOTE_DIRECT, moved);
	return moved;
}
