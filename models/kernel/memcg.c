/*
 * memcg.c - counters, charges in advance, protection and statistics of groups.
 *
 * Modelled after mm/memcontrol.c (consume_stock, refill_stock, drain_stock, drain_all_stock, commit_charge,
 * uncharge_folio, mem_cgroup_migrate, mem_cgroup_iter, effective_protection,
 * mem_cgroup_calculate_protection, memcg_memory_event, memory_stat_format) and mm/page_counter.c
 * (page_counter_try_charge, page_counter_charge, propagate_protected_usage) of Linux 6.1, cgroup
 * v2; objects of slab caches by obj_cgroup_charge, refill_obj_stock, drain_obj_stock.
 *
 * Groups lie in an array in pre-order, so that a group and all in it are a run: "is in" is two comparisons, a
 * walk is a count. A charge is O(depth), a statistic of a group O(groups in it).
 *
 * Invariants: memory.usage of a group = pages of frames whose memcg is it or lies in it + those charged for
 * objects + what stocks hold of them; a page on a group's list is the group's; the bytes of the pages charged
 * for a group's objects = those of its live objects + what stocks hold + spare_bytes.
 *
 * Not modelled: groups that come and go while the machine runs, tasks that move; sockets,
 * percpu memory and vmalloc (what is the kernel's are page tables, stacks and the objects that the slab
 * allocator has here: mappings, address spaces, files, nodes of the page cache, buffer heads); the root's own
 * memory.stat; reading statistics late (they are exact here but for those reclaim decides by); that a group
 * with groups in it has no processes; cgroup v1's memsw, soft limits and thresholds; vmpressure; the limits
 * of other controllers.
 */
#include "models/kernel/memcg.h"

#include "models/kernel/memcg/table.h"

STAT_TABLE(memcg, memcg_stats, MEMCG_STATS);

struct memcg *memcg_at(const struct kernel *k, size_t i)
{
	return k->memcgs && i < k->memcgs->n ? &k->memcgs->v[i] : NULL;
}

struct memcg *memcg_of(const struct kernel *k, uint32_t id)
{
	return id ? &k->memcgs->v[id - 1] : NULL;
}

uint32_t memcg_of_pid(const struct kernel *k, uint32_t pid, const struct process *parent)
{
	const struct memcg_table *t = k->memcgs;

	if (!t)
		return 0;
	for (size_t i = 0; i < t->nr_pids; i++)
		if (t->pids[i].pid == pid)
			return t->pids[i].group;
	return parent ? parent->memcg : t->first;
}

struct lruvec *memcg_next(struct kernel *k, struct node *n, const struct memcg *root,
			  const struct lruvec *prev)
{
	uint32_t next, last = root ? root->last : k->memcgs ? k->memcgs->n : 0;

	if (!prev)
		return memcg_lruvec(root, n);
	next = prev->memcg ? prev->memcg->id + 1 : 1;
	return next <= last ? memcg_lruvec(memcg_of(k, next), n) : NULL;
}

/* ---- counters ---- */

static void protect(uint64_t usage, uint64_t setting, uint64_t *own, uint64_t *of_children)
{
	uint64_t protected = MIN_OF(usage, setting);

	*of_children += protected - *own;
	*own = protected;
}

/* propagate_protected_usage */
static void usage_changed(struct page_counter *c)
{
	if (c->parent) {
		protect(c->usage, c->min, &c->min_usage, &c->parent->children_min_usage);
		protect(c->usage, c->low, &c->low_usage, &c->parent->children_low_usage);
	}
	c->watermark = MAX_OF(c->watermark, c->usage);
}

void memcg_force_charge(struct memcg *g, uint64_t pages)
{
	for (struct page_counter *c = &g->memory; c; c = c->parent) {
		c->usage += pages;
		usage_changed(c);
	}
}

bool memcg_try_charge(struct memcg *g, uint64_t pages, struct memcg **fail)
{
	for (struct page_counter *c = &g->memory; c; c = c->parent)
		if (c->usage + pages > c->max) {
			c->failcnt++;
			*fail = (struct memcg *)c; /* its first member */
			return false;
		}
	memcg_force_charge(g, pages);
	return true;
}

void memcg_uncharge_pages(struct memcg *g, uint64_t pages)
{
	for (struct page_counter *c = &g->memory; c; c = c->parent) {
		CHECK(c->usage >= pages, "group %s gives %" PRIu64 " pages back, it has %" PRIu64, g->name,
		      pages, c->usage);
		c->usage -= pages;
		usage_changed(c);
	}
}

bool memcg_consume_stock(struct kernel *k, unsigned cpu, const struct memcg *g, uint64_t pages)
{
	struct memcg_stock *s = &k->memcgs->stock[cpu];

	if (s->cached != g || s->pages < pages)
		return false;
	s->pages -= pages;
	return true;
}

static void drain(struct memcg_stock *s)
{
	if (s->pages)
		memcg_uncharge_pages(s->cached, s->pages);
	s->cached = NULL;
	s->pages = 0;
}

void memcg_refill_stock(struct kernel *k, unsigned cpu, struct memcg *g, uint64_t pages)
{
	struct memcg_stock *s = &k->memcgs->stock[cpu];

	if (s->cached != g) {
		drain(s);
		s->cached = g;
	}
	s->pages += pages;
	if (s->pages > MEMCG_CHARGE_BATCH)
		drain(s);
}

/* ---- objects ---- */

void memcg_object_pages(struct memcg *g, int64_t pages)
{
	g->object_pages += (uint64_t)pages;
	g->kernel_pages += pages;
}

static void give_pages(struct kernel *k, unsigned cpu, struct memcg *g, uint64_t pages)
{
	memcg_object_pages(g, -(int64_t)pages);
	memcg_refill_stock(k, cpu, g, pages);
}

/* drain_obj_stock */
static void drain_bytes(struct kernel *k, unsigned cpu)
{
	struct memcg_stock *s = &k->memcgs->stock[cpu];

	if (s->bytes >= PAGE_SIZE)
		give_pages(k, cpu, s->objects, s->bytes / PAGE_SIZE);
	if (s->objects)
		s->objects->spare_bytes += s->bytes % PAGE_SIZE;
	s->objects = NULL;
	s->bytes = 0;
}

bool memcg_consume_bytes(struct kernel *k, unsigned cpu, const struct memcg *g, uint64_t bytes)
{
	struct memcg_stock *s = &k->memcgs->stock[cpu];

	if (s->objects != g || s->bytes < bytes)
		return false;
	s->bytes -= bytes;
	return true;
}

void memcg_refill_bytes(struct kernel *k, unsigned cpu, struct memcg *g, uint64_t bytes, bool may_uncharge)
{
	struct memcg_stock *s = &k->memcgs->stock[cpu];
	uint64_t pages = 0;

	if (s->objects != g) {
		drain_bytes(k, cpu);
		s->objects = g;
		s->bytes = g->spare_bytes;
		g->spare_bytes = 0;
		may_uncharge = true;
	}
	s->bytes += bytes;
	if (may_uncharge && s->bytes > PAGE_SIZE) {
		pages = s->bytes / PAGE_SIZE;
		s->bytes %= PAGE_SIZE;
	}
	if (pages)
		give_pages(k, cpu, g, pages);
}

uint64_t memcg_stocked_bytes(const struct kernel *k, const struct memcg *g)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < k->memcgs->nr_cpus; i++)
		bytes += k->memcgs->stock[i].objects == g ? k->memcgs->stock[i].bytes : 0;
	return bytes;
}

/* drain_all_stock */
void memcg_drain_stock(struct kernel *k, const struct memcg *root)
{
	for (unsigned i = 0; i < k->memcgs->nr_cpus; i++) {
		struct memcg_stock *s = &k->memcgs->stock[i];

		if (!(s->pages && memcg_is_in(s->cached, root)) &&
		    !(s->objects && memcg_is_in(s->objects, root)))
			continue;
		drain_bytes(k, i);
		drain(s);
	}
}

uint64_t memcg_stocked(const struct kernel *k, const struct memcg *g)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < k->memcgs->nr_cpus; i++)
		if (memcg_is_in(k->memcgs->stock[i].cached, g))
			pages += k->memcgs->stock[i].pages;
	return pages;
}

/* ---- pages ---- */

static void count_charged(struct memcg *g, uint64_t pages)
{
	for (; g; g = g->parent)
		g->stats.charged += pages;
}

void memcg_commit(struct kernel *k, struct memcg *g, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);

	CHECK(!f->memcg, "frame %u is charged already", pfn);
	f->memcg = g->id;
	count_charged(g, frame_nr_pages(f));
}

void memcg_commit_kernel(struct kernel *k, struct memcg *g, pfn_t pfn, unsigned order)
{
	frame_of(k->memory, pfn)->memcg = g->id;
	g->kernel_pages += INT64_C(1) << order;
	count_charged(g, UINT64_C(1) << order);
}

void memcg_uncharge_frame(struct kernel *k, struct frame *f, uint64_t pages, bool kernel)
{
	struct memcg *g = memcg_of(k, f->memcg);

	memcg_uncharge_pages(g, pages);
	if (kernel)
		g->kernel_pages -= (int64_t)pages;
	f->memcg = 0;
}

void memcg_migrate(struct kernel *k, const struct frame *from, struct frame *to)
{
	to->memcg = from->memcg;
	if (from->memcg)
		memcg_force_charge(memcg_of(k, from->memcg), frame_nr_pages(from));
}

/* ---- protection ---- */

/* What of a group's usage is protected, when that of the one it lies in is and its neighbours claim theirs.
 */
static uint64_t effective_protection(const struct kernel *k, const struct page_counter *c, uint64_t setting,
				     uint64_t parent_effective, uint64_t siblings_protected)
{
	uint64_t protected = MIN_OF(c->usage, setting), parent_usage = c->parent->usage;

	if (siblings_protected > parent_effective)
		return mul_div_u64(protected, parent_effective, siblings_protected);
	if (!k->memcgs->recursive || parent_effective == siblings_protected ||
	    parent_usage <= siblings_protected || c->usage <= protected)
		return protected;
	return protected + mul_div_u64(parent_effective - siblings_protected, c->usage - protected,
				       parent_usage - siblings_protected);
}

void memcg_calculate_protection(const struct kernel *k, const struct memcg *root, struct memcg *g)
{
	const struct page_counter *p;
	struct page_counter *c;

	if (!g || g == root || !g->memory.usage)
		return;
	c = &g->memory;
	p = g->parent ? &g->parent->memory : NULL;
	if (g->parent == root || !p) {
		c->emin = c->min;
		c->elow = c->low;
		return;
	}
	c->emin = effective_protection(k, c, c->min, p->emin, p->children_min_usage);
	c->elow = effective_protection(k, c, c->low, p->elow, p->children_low_usage);
}

/* ---- statistics ---- */

void memcg_event(struct memcg *g, enum memcg_event ev, uint64_t n)
{
	for (; g; g = g->parent)
		((uint64_t *)&g->stats)[ev] += n;
}

int64_t lruvec_state(const struct kernel *k, const struct lruvec *l, enum node_item i)
{
	const struct node *n = l->node;
	int64_t sum = 0;

	if (!l->memcg)
		return n->stat.item[i];
	for (uint32_t id = l->memcg->id; id <= l->memcg->last; id++)
		sum += memcg_of(k, id)->lruvec[n->nid].counts->stat.item[i];
	return sum;
}

int64_t lruvec_zone_size(const struct kernel *k, const struct lruvec *l, enum lru_list list, unsigned zid)
{
	int64_t size;

	if (l->memcg)
		return l->counts->zone_size[zid][list];
	size = l->node->zone[zid].stat.item[NR_ZONE_INACTIVE_ANON + (unsigned)list];
	for (uint32_t i = 0; k->memcgs && i < k->memcgs->n; i++)
		size -= k->memcgs->v[i].lruvec[l->node->nid].counts->zone_size[zid][list];
	return size;
}

int64_t memcg_state(const struct kernel *k, const struct memcg *g, enum node_item i)
{
	int64_t sum = 0;

	for (unsigned nid = 0; nid < k->memory->nr_nodes; nid++)
		sum += lruvec_state(k, &g->lruvec[nid], i);
	return sum;
}

uint64_t memcg_vm_events(const struct kernel *k, const struct memcg *g, enum vm_event ev)
{
	uint64_t sum = 0;

	for (uint32_t id = g->id; id <= g->last; id++)
		sum += memcg_of(k, id)->vmstat.event[ev];
	return sum;
}

int64_t memcg_kernel_pages(const struct kernel *k, const struct memcg *g)
{
	int64_t sum = 0;

	for (uint32_t id = g->id; id <= g->last; id++)
		sum += memcg_of(k, id)->kernel_pages;
	return sum;
}

int64_t memcg_slab_bytes(const struct kernel *k, const struct memcg *g, bool reclaimable)
{
	uint64_t sum = 0;

	for (uint32_t id = g->id; id <= g->last; id++)
		sum += memcg_of(k, id)->slab_bytes[reclaimable];
	return (int64_t)sum;
}

void memcg_refresh(struct kernel *k)
{
	struct memcg *g;

	for (size_t i = 0; (g = memcg_at(k, i)); i++) {
		g->stats.current_pages = (int64_t)g->memory.usage;
		g->stats.peak_pages = (int64_t)g->memory.watermark;
		g->stats.swap_pages = (int64_t)g->swap.usage;
		g->stats.kernel_pages = memcg_kernel_pages(k, g);
	}
}
