/*
 * zone_setup.c - lays out the zones of a booting machine and fills the buddy lists.
 *
 * After mm/page_alloc.c of Linux 6.1: free_area_init, zone_spanned_pages_in_node, zone_absent_pages_in_node,
 * find_zone_movable_pfns_for_nodes, memmap_init_range (page blocks start as movable, but for
 * the one that the zone begins inside of), __free_pages_core (memory is
 * added at the tails of the lists); mm/memblock.c __free_memory_core (in the largest aligned blocks);
 * arch/x86/mm/init.c zone_sizes_init.
 *
 * The first mebibyte of a PC (node 0 of at least 16 MiB in the layouts x86-64 and i386) is as the firmware of
 * a PC and Linux leave it: frame 0 and 636 KiB … 1 MiB are missing, the rest is reserved. Frame 0 is never
 * used in any layout, so that an entry of 0 can mean none. The memory map and the kernel image are taken from
 * the start of each node, from zones above DMA as long as these have pages. Pages missing in `zones.free` are
 * taken as unmovable and reclaimable allocations before the machine starts.
 *
 * Complexity: O(nodes * zones * ranges + blocks); host memory grows with the blocks, not with the frames.
 *
 * Not modelled: ACPI tables and other holes of the firmware's map, deferred initialisation of the memory map,
 * kernelcore=mirror and movable_node, zone Device (its pages are no allocator's), where the boot allocator
 * really puts each table.
 */
#include "models/kernel/zone.h"

#include <string.h>

#include "models/kernel/buddy.h"
#include "sim/mem.h"

PARAM_TABLE(zone, zone_params, ZONE_PARAMS);

#define PFN_AT(bytes)    ((pfn_t)((bytes) >> PAGE_SHIFT))
#define MAX_ORDER_PAGES  ((pfn_t)1 << (NR_ORDERS - 1))
#define LEGACY_NODE      PFN_AT(UINT64_C(16) << 20)  /* smallest node 0 with a PC's first mebibyte */
#define LEGACY_HOLE_FROM PFN_AT(UINT64_C(636) << 10) /* extended BIOS data and video memory */
#define LEGACY_END       PFN_AT(UINT64_C(1) << 20)
#define MAX_RANGES       (MAX_NODES + 2)

/* Where each zone ends; a zone begins where the one below it ends. */
static const struct zone_layout layouts[] = {
	{"x86-64",
	 {PFN_AT(UINT64_C(16) << 20), PFN_AT(UINT64_C(4) << 30), PFN_NONE, PFN_NONE, PFN_NONE},
	 {true, true, true, false, true},
	 5,
	 true},
	{"i386",
	 {PFN_AT(UINT64_C(16) << 20), PFN_AT(UINT64_C(16) << 20), PFN_AT(UINT64_C(896) << 20), PFN_NONE,
	  PFN_NONE},
	 {true, false, true, true, true},
	 4,
	 true},
	{"flat", {0, 0, PFN_NONE, PFN_NONE, PFN_NONE}, {false, false, true, false, true}, 2, false},
};

const char *zone_layout_name(size_t i)
{
	return i < ARRAY_LEN(layouts) ? layouts[i].name : NULL;
}

const struct zone_layout *zone_layout_of(uint32_t i)
{
	CHECK(i < ARRAY_LEN(layouts), "layout %u", i);
	return &layouts[i];
}

/* What memory_init works with. */
struct setup {
	struct memory *m;
	const struct zone_params *p;
	const struct zone_layout *layout;
	struct mem_range range[MAX_RANGES]; /* memory that exists, without the legacy hole */
	unsigned nr_ranges;
	pfn_t legacy_end;         /* frames below are reserved, 0 = none */
	pfn_t movable[MAX_NODES]; /* first frame of zone Movable, PFN_NONE = none */
	uint64_t take[MAX_NODES]; /* pages of memory map and image still to be taken */
	size_t nr_populated;      /* zones */
};

static void add_range(struct setup *s, pfn_t start, pfn_t end, unsigned nid)
{
	if (start < end)
		s->range[s->nr_ranges++] = (struct mem_range){start, end, nid};
}

static void find_ranges(struct setup *s)
{
	const struct topology *t = s->m->topo;

	for (unsigned i = 0; i < t->nr_ranges; i++) {
		const struct mem_range *r = &t->range[i];
		pfn_t start = r->start ? r->start : 1;

		if (r->start == 0 && r->end >= LEGACY_NODE && s->layout->legacy) {
			add_range(s, start, LEGACY_HOLE_FROM, r->nid);
			start = s->legacy_end = LEGACY_END;
		}
		add_range(s, start, r->end, r->nid);
	}
}

/* First and last + 1 frame of a node, holes included. */
static bool node_span(const struct setup *s, unsigned nid, pfn_t *start, pfn_t *end)
{
	bool found = false;

	for (unsigned i = 0; i < s->nr_ranges; i++) {
		if (s->range[i].nid != nid)
			continue;
		if (!found)
			*start = s->range[i].start;
		*end = s->range[i].end;
		found = true;
	}
	return found;
}

static uint64_t pages_between(const struct setup *s, unsigned nid, pfn_t start, pfn_t end)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->nr_ranges; i++) {
		pfn_t from = MAX_OF(s->range[i].start, start), to = MIN_OF(s->range[i].end, end);

		if (s->range[i].nid == nid && from < to)
			n += to - from;
	}
	return n;
}

/* find_usable_zone_for_movable: where zone Movable may begin, the start of the highest zone with memory. */
static pfn_t movable_lowest(const struct setup *s)
{
	pfn_t lowest = 0;

	for (unsigned i = ZONE_DMA; i <= ZONE_HIGHMEM; i++) {
		pfn_t from = i ? s->layout->end[i - 1] : 0;

		if (s->layout->has[i] && from < s->m->topo->end_pfn)
			lowest = from;
	}
	return lowest;
}

/* One node of find_zone_movable_pfns_for_nodes: `core` pages of it stay with the kernel's zones. */
static void node_keep_core(struct setup *s, unsigned nid, pfn_t lowest, uint64_t core, uint64_t *required)
{
	for (unsigned i = 0; i < s->nr_ranges && core; i++) {
		pfn_t start = MAX_OF(s->range[i].start, s->movable[nid]), end = s->range[i].end;
		uint64_t n;

		if (s->range[i].nid != nid || start >= end)
			continue;
		if (start < lowest) {
			n = MIN_OF(end, lowest) - start;
			core -= MIN_OF(n, core);
			*required -= MIN_OF(n, *required);
			if (end <= lowest) {
				s->movable[nid] = end;
				continue;
			}
			start = lowest;
		}
		n = MIN_OF((uint64_t)(end - start), core);
		s->movable[nid] = start + (pfn_t)n;
		*required -= MIN_OF(n, *required);
		core -= n;
	}
}

/* Spreads the kernel's share evenly; nodes that are too small leave the rest to the others. */
static void spread_core(struct setup *s, uint64_t required)
{
	pfn_t lowest = movable_lowest(s);
	unsigned nodes = 0;

	for (unsigned n = 0; n < s->m->nr_nodes; n++)
		nodes += s->m->topo->node_pages[n] != 0;
	do {
		uint64_t each = required / nodes;

		for (unsigned n = 0; n < s->m->nr_nodes; n++) {
			if (!s->m->topo->node_pages[n])
				continue;
			if (required < each)
				each = required / nodes;
			node_keep_core(s, n, lowest, each, &required);
		}
		nodes--;
	} while (nodes && required > nodes);
}

static void find_movable(struct setup *s)
{
	uint64_t total = 0, movable = (s->p->movablecore + PAGE_SIZE - 1) >> PAGE_SHIFT;

	for (unsigned n = 0; n < s->m->nr_nodes; n++)
		total += pages_between(s, n, 0, PFN_NONE);
	movable = MIN_OF((movable + MAX_ORDER_PAGES - 1) & ~(uint64_t)(MAX_ORDER_PAGES - 1), total);
	if (movable && movable < total)
		spread_core(s, total - movable);
	for (unsigned n = 0; n < s->m->nr_nodes; n++) {
		pfn_t start = 0, end = 0, at = (s->movable[n] + MAX_ORDER_PAGES - 1) & ~(MAX_ORDER_PAGES - 1);

		s->movable[n] = at && node_span(s, n, &start, &end) && at < end ? at : PFN_NONE;
	}
}

static void zone_place(struct setup *s, struct zone *z, unsigned nid, enum zone_id id)
{
	pfn_t node_start, node_end, from = id ? s->layout->end[id - 1] : 0, to = s->layout->end[id];

	z->id = id;
	z->nid = nid;
	for (unsigned o = 0; o < NR_ORDERS; o++) {
		for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++)
			frame_list_init(&z->area[o].list[mt]);
	}
	if (!node_span(s, nid, &node_start, &node_end))
		return;
	if (id == ZONE_MOVABLE)
		from = s->movable[nid];
	else
		to = MIN_OF(to, s->movable[nid]);
	from = MAX_OF(from, node_start);
	to = MIN_OF(to, node_end);
	if (from >= to || !s->layout->has[id])
		return;
	z->present = pages_between(s, nid, from, to);
	if (!z->present)
		return;
	z->start = from;
	z->end = to;
	z->nr_pageblocks = ((to - 1) >> PAGEBLOCK_ORDER) - (from >> PAGEBLOCK_ORDER) + 1;
	z->pageblock_type = mem_alloc(z->nr_pageblocks, 1);
	z->pageblock_skip = mem_alloc(z->nr_pageblocks, 1);
	memset(z->pageblock_type, MIGRATE_MOVABLE, z->nr_pageblocks);
	if (from & ((1u << PAGEBLOCK_ORDER) -
		    1)) /* the type is set at the first frame of a block, which the zone has not */
		z->pageblock_type[0] = MIGRATE_UNMOVABLE;
	z->pcp = mem_alloc(s->m->topo->nr_cpus, sizeof(z->pcp[0]));
	for (unsigned c = 0; c < s->m->topo->nr_cpus; c++) {
		for (unsigned i = 0; i < NR_PCP_LISTS; i++)
			frame_list_init(&z->pcp[c].list[i]);
	}
	s->nr_populated++;
}

static void node_place(struct setup *s, unsigned nid)
{
	struct node *nd = &s->m->node[nid];

	nd->nid = nid;
	nd->dirty_limit = UINT64_MAX;
	for (unsigned l = 0; l < NR_LRU_LISTS; l++)
		frame_list_init(&nd->lruvec.list[l]);
	nd->lruvec.node = nd;
	for (unsigned i = 0; i < NR_ZONES; i++) {
		zone_place(s, &nd->zone[i], nid, (enum zone_id)i);
		nd->present_pages += nd->zone[i].present;
	}
	nd->has_memory = nd->present_pages != 0;
	s->take[nid] = mul_div_up_u64(nd->present_pages, s->p->struct_page_bytes, PAGE_SIZE);
	if (nid == 0)
		s->take[nid] += (s->p->kernel_image + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

static void mark_reserved(struct setup *s, pfn_t start, pfn_t end, const struct zone *z)
{
	for (pfn_t pfn = start; pfn < end; pfn++) {
		frame_reset(frame_of(s->m, pfn), z ? z->nid : 0, z ? z->id : 0);
		frame_of(s->m, pfn)->flags = FR_RESERVED;
	}
}

static void mark_holes(struct setup *s)
{
	pfn_t at = 0;

	for (unsigned i = 0; i < s->nr_ranges; i++) {
		mark_reserved(s, at, s->range[i].start, NULL);
		at = s->range[i].end;
	}
	mark_reserved(s, at, s->m->frames.end, NULL);
}

static enum migratetype block_type(const struct zone *z, pfn_t pfn)
{
	return (enum migratetype)z->pageblock_type[(pfn >> PAGEBLOCK_ORDER) - (z->start >> PAGEBLOCK_ORDER)];
}

/* __free_memory_core: the largest aligned blocks, in ascending order, to the tails of the lists. */
static void give_range(struct setup *s, struct zone *z, pfn_t start, pfn_t end)
{
	while (start < end) {
		unsigned order = start ? (unsigned)__builtin_ctz(start) : NR_ORDERS - 1;

		order = MIN_OF(order, NR_ORDERS - 1u);
		while ((uint64_t)start + (UINT64_C(1) << order) > end)
			order--;
		buddy_give(s->m, z, start, order, block_type(z, start), true);
		start += (pfn_t)1 << order;
	}
}

/* Gives a zone's pages but for the first `reserve` ones to the buddy lists. */
static void zone_fill(struct setup *s, struct zone *z, uint64_t reserve)
{
	z->managed = z->present - reserve;
	for (unsigned i = 0; i < s->nr_ranges; i++) {
		pfn_t from = MAX_OF(s->range[i].start, z->start), to = MIN_OF(s->range[i].end, z->end);
		pfn_t n;

		if (s->range[i].nid != z->nid || from >= to)
			continue;
		n = (pfn_t)MIN_OF(reserve, to - from);
		mark_reserved(s, from, from + n, z);
		reserve -= n;
		give_range(s, z, from + n, to);
	}
	s->m->totalram_pages += z->managed;
}

/* Pages of the zone that the boot keeps: the first mebibyte, then the node's memory map and image. */
static uint64_t zone_reserve(struct setup *s, struct zone *z, bool last)
{
	uint64_t low, n = 0;

	if (!z->present)
		return 0;
	low = z->start < s->legacy_end ? pages_between(s, z->nid, z->start, s->legacy_end) : 0;
	if (z->id != ZONE_DMA || last)
		n = MIN_OF(s->take[z->nid], z->present - low);
	s->take[z->nid] -= n;
	return low + n;
}

static int node_fill(struct setup *s, unsigned nid, struct err *e)
{
	struct node *nd = &s->m->node[nid];
	uint64_t reserve[NR_ZONES] = {0};

	for (unsigned i = ZONE_DMA32; i < NR_ZONES; i++)
		reserve[i] = zone_reserve(s, &nd->zone[i], false);
	reserve[ZONE_DMA] = zone_reserve(s, &nd->zone[ZONE_DMA], true);
	if (s->take[nid])
		return err_set(e, ERR_CONFIG,
			       "node %u: the memory map (kernel.struct_page_bytes) and the kernel "
			       "(kernel.image_bytes) need %" PRIu64 " pages more than its %" PRIu64,
			       nid, s->take[nid], nd->present_pages);
	for (unsigned i = 0; i < NR_ZONES; i++)
		zone_fill(s, &nd->zone[i], reserve[i]);
	return 0;
}

static int check_list(const struct setup *s, const char *path, const struct u64_list *l, size_t each,
		      struct err *e)
{
	size_t want = s->nr_populated * each;

	if (!l->n || l->n == want)
		return 0;
	return err_set(e, ERR_CONFIG,
		       "%s: %zu numbers, expected %zu for the %zu zones that have memory in layout %s", path,
		       l->n, want, s->nr_populated, s->layout->name);
}

/* zones.managed: what is missing is reserved at the start of the zone. */
static int fill_given(struct setup *s, struct err *e)
{
	size_t at = 0;

	for (unsigned n = 0; n < s->m->nr_nodes; n++) {
		for (unsigned i = 0; i < NR_ZONES; i++) {
			struct zone *z = &s->m->node[n].zone[i];
			uint64_t managed;

			if (!z->present)
				continue;
			managed = s->p->managed.v[at++];
			if (managed > z->present)
				return err_set(e, ERR_CONFIG,
					       "zones.managed: %" PRIu64 " pages in entry %zu, but the zone "
					       "has %" PRIu64,
					       managed, at, z->present);
			zone_fill(s, z, z->present - managed);
		}
	}
	return 0;
}

static int fill(struct setup *s, struct err *e)
{
	int r = 0;

	if (s->p->managed.n)
		r = fill_given(s, e);
	else
		for (unsigned n = 0; n < s->m->nr_nodes && !r; n++)
			r = node_fill(s, n, e);
	if (!r && !s->m->totalram_pages)
		r = err_set(e, ERR_CONFIG, "topology.node_mem: no memory is left for the page allocator");
	return r;
}

static void take_page(struct memory *m, struct zone *z, enum migratetype mt)
{
	frame_of(m, buddy_alloc(m, z, 0, mt, 0))->refs = 1;
}

/* Of which type the pages are that a zone lacks while `left` of `used` have still to be taken. */
static enum migratetype used_type(const struct zone *z, uint64_t left, uint64_t used)
{
	if (z->id == ZONE_DMA)
		return MIGRATE_UNMOVABLE; /* the boot's: slabs come from higher zones */
	return left > used / 2 ? MIGRATE_UNMOVABLE : MIGRATE_RECLAIMABLE;
}

/*
 * zones.free: what is missing was allocated before the run: one half unmovable, the other reclaimable, as the
 * slabs of a system that has just booted are, whose other half are inodes and dentries.
 */
static int take_used(struct setup *s, struct err *e)
{
	size_t at = 0;

	for (unsigned n = 0; n < s->m->nr_nodes && s->p->free.n; n++) {
		for (unsigned i = 0; i < NR_ZONES; i++) {
			struct zone *z = &s->m->node[n].zone[i];
			uint64_t want, used;

			if (!z->present)
				continue;
			want = s->p->free.v[at++];
			if (want > z->managed)
				return err_set(e, ERR_CONFIG,
					       "zones.free: %" PRIu64 " pages in entry %zu, but the zone "
					       "manages %" PRIu64,
					       want, at, z->managed);
			used = z->managed - want;
			while (zone_free_pages(z) > want)
				take_page(s->m, z, used_type(z, zone_free_pages(z) - want, used));
		}
	}
	return 0;
}

static int setup_lists(struct setup *s, struct err *e)
{
	int r = check_list(s, "zones.managed", &s->p->managed, 1, e);

	if (!r)
		r = check_list(s, "zones.free", &s->p->free, 1, e);
	if (!r)
		r = check_list(s, "zones.protection", &s->p->protection, s->layout->protection_columns, e);
	if (!r && s->p->lowmem_reserve_ratio.n > NR_ZONES)
		r = err_set(e, ERR_CONFIG, "vm.lowmem_reserve_ratio: %zu numbers, expected at most %d",
			    s->p->lowmem_reserve_ratio.n, (int)NR_ZONES);
	return r;
}

int memory_init(struct memory *m, const struct zone_params *p, const struct topology *t, struct err *e)
{
	struct setup s = {.m = m, .p = p, .layout = zone_layout_of(p->layout)};
	int r;

	memset(m, 0, sizeof(*m));
	m->topo = t;
	m->nr_nodes = t->nr_nodes;
	frames_init(&m->frames, t->end_pfn);
	frame_list_init(&m->deferred_split);
	find_ranges(&s);
	find_movable(&s);
	for (unsigned n = 0; n < m->nr_nodes; n++)
		node_place(&s, n);
	mark_holes(&s);
	r = setup_lists(&s, e);
	if (!r)
		r = fill(&s, e);
	if (!r)
		r = take_used(&s, e);
	if (r) {
		memory_release(m);
		return r;
	}
	memory_build_zonelists(m);
	memory_setup_watermarks(m, p);
	return 0;
}

void memory_release(struct memory *m)
{
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		mem_free(m->node[n].lruvec.gens);
		m->node[n].lruvec.gens = NULL;
		for (unsigned i = 0; i < NR_ZONES; i++) {
			mem_free(m->node[n].zone[i].pageblock_type);
			mem_free(m->node[n].zone[i].pageblock_skip);
			m->node[n].zone[i].pageblock_skip = NULL;
			mem_free(m->node[n].zone[i].pcp);
			m->node[n].zone[i].pageblock_type = NULL;
			m->node[n].zone[i].pcp = NULL;
		}
	}
	frames_release(&m->frames);
}
