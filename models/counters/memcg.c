/*
 * memcg.c - the files of a group, memory.stat and so on, as counters of scope memcg/NAME.
 *
 * After mm/memcontrol.c memory_stats, memory_stat_format, memory_files, __memory_events_show,
 * swap_events_show of Linux 6.1. Units are those of the files: bytes, but for events. A limit that is "max"
 * is left out, as is what is not modelled (percpu, sock, vmalloc, zswap).
 */
#include "models/counters.h"

#include <stdio.h>

#include "models/kernel/swap_cgroup.h"
#include "sim/mem.h"

struct out {
	struct metrics *m;
	struct err *e;
	int rc;
	char scope[64];
};

static void put(struct out *o, const char *name, int64_t value)
{
	if (o->rc >= 0)
		o->rc = metrics_kernel_counter(o->m, o->scope, name, value, o->e);
}

static void put_pages(struct out *o, const char *name, uint64_t pages)
{
	put(o, name, (int64_t)(pages << PAGE_SHIFT));
}

static void put_limit(struct out *o, const char *name, uint64_t pages)
{
	if (pages != MEMCG_MAX)
		put_pages(o, name, pages);
}

/* memory_stats, in its order; what is 0 here is not counted by node. */
static const struct {
	const char *name;
	enum node_item item;
	unsigned unit;
} states[] = {
	{"anon", NR_ANON_MAPPED, PAGE_SIZE},
	{"file", NR_FILE_PAGES, PAGE_SIZE},
	{"kernel_stack", NR_KERNEL_STACK_KB, 1024},
	{"pagetables", NR_PAGETABLE, PAGE_SIZE},
	{"shmem", NR_SHMEM, PAGE_SIZE},
	{"file_mapped", NR_FILE_MAPPED, PAGE_SIZE},
	{"file_dirty", NR_FILE_DIRTY, PAGE_SIZE},
	{"file_writeback", NR_WRITEBACK, PAGE_SIZE},
	{"swapcached", NR_SWAPCACHE, PAGE_SIZE},
	{"anon_thp", NR_ANON_THPS, PAGE_SIZE},
	{"inactive_anon", NR_INACTIVE_ANON, PAGE_SIZE},
	{"active_anon", NR_ACTIVE_ANON, PAGE_SIZE},
	{"inactive_file", NR_INACTIVE_FILE, PAGE_SIZE},
	{"active_file", NR_ACTIVE_FILE, PAGE_SIZE},
	{"unevictable", NR_UNEVICTABLE, PAGE_SIZE},
	{"workingset_refault_anon", NR_WORKINGSET_REFAULT_ANON, 1},
	{"workingset_refault_file", NR_WORKINGSET_REFAULT_FILE, 1},
	{"workingset_activate_anon", NR_WORKINGSET_ACTIVATE_ANON, 1},
	{"workingset_activate_file", NR_WORKINGSET_ACTIVATE_FILE, 1},
	{"workingset_restore_anon", NR_WORKINGSET_RESTORE_ANON, 1},
	{"workingset_restore_file", NR_WORKINGSET_RESTORE_FILE, 1},
};

/* memcg_vm_event_stat */
static const struct {
	const char *name;
	enum vm_event ev;
} events[] = {
	{"pgscan_kswapd", VMEV_PGSCAN_KSWAPD},
	{"pgscan_direct", VMEV_PGSCAN_DIRECT},
	{"pgsteal_kswapd", VMEV_PGSTEAL_KSWAPD},
	{"pgsteal_direct", VMEV_PGSTEAL_DIRECT},
	{"pgfault", VMEV_PGFAULT},
	{"pgmajfault", VMEV_PGMAJFAULT},
	{"pgrefill", VMEV_PGREFILL},
	{"pgactivate", VMEV_PGACTIVATE},
	{"pgdeactivate", VMEV_PGDEACTIVATE},
	{"pglazyfree", VMEV_PGLAZYFREE},
	{"pglazyfreed", VMEV_PGLAZYFREED},
	{"thp_fault_alloc", VMEV_THP_FAULT_ALLOC},
	{"thp_collapse_alloc", VMEV_THP_COLLAPSE_ALLOC},
};

static void put_stat(struct kernel *k, const struct memcg *g, struct out *o)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		put(o, states[i].name, memcg_state(k, g, states[i].item) * (int64_t)states[i].unit);
	put_pages(o, "kernel", (uint64_t)memcg_kernel_pages(k, g));
	put(o, "slab_reclaimable", memcg_slab_bytes(k, g, true));
	put(o, "slab_unreclaimable", memcg_slab_bytes(k, g, false));
	put(o, "slab", memcg_slab_bytes(k, g, true) + memcg_slab_bytes(k, g, false));
	put(o, "pgscan",
	    (int64_t)(memcg_vm_events(k, g, VMEV_PGSCAN_KSWAPD) + memcg_vm_events(k, g, VMEV_PGSCAN_DIRECT)));
	put(o, "pgsteal",
	    (int64_t)(memcg_vm_events(k, g, VMEV_PGSTEAL_KSWAPD) +
		      memcg_vm_events(k, g, VMEV_PGSTEAL_DIRECT)));
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		put(o, events[i].name, (int64_t)memcg_vm_events(k, g, events[i].ev));
}

static void put_limits(const struct memcg *g, struct out *o)
{
	put(o, "id", g->id);
	put_pages(o, "memory.current", g->memory.usage);
	put_pages(o, "memory.peak", g->memory.watermark);
	put_limit(o, "memory.min", g->memory.min);
	put_limit(o, "memory.low", g->memory.low);
	put_limit(o, "memory.high", g->memory.high);
	put_limit(o, "memory.max", g->memory.max);
	put_pages(o, "memory.swap.current", g->swap.usage);
	put_limit(o, "memory.swap.high", g->swap.high);
	put_limit(o, "memory.swap.max", g->swap.max);
	put(o, "memory.swappiness", (int64_t)g->swappiness);
	put(o, "memory.oom.group", g->oom_group);
	put(o, "memory.failcnt", (int64_t)g->memory.failcnt);
}

static void put_events(const struct memcg *g, struct out *o)
{
	const struct memcg_stats *s = &g->stats;

	put(o, "memory.events.low", (int64_t)s->low);
	put(o, "memory.events.high", (int64_t)s->high);
	put(o, "memory.events.max", (int64_t)s->max);
	put(o, "memory.events.oom", (int64_t)s->oom);
	put(o, "memory.events.oom_kill", (int64_t)s->oom_kill);
	put(o, "memory.events.oom_group_kill", (int64_t)s->oom_group_kill);
	put(o, "memory.swap.events.high", (int64_t)s->swap_high);
	put(o, "memory.swap.events.max", (int64_t)s->swap_max);
	put(o, "memory.swap.events.fail", (int64_t)s->swap_fail);
}

int counters_memcg(struct kernel *k, struct metrics *m, struct err *e)
{
	struct out o = {.m = m, .e = e};
	const struct memcg *g;

	for (size_t i = 0; (g = memcg_at(k, i)); i++) {
		snprintf(o.scope, sizeof o.scope, "memcg/%s", g->name);
		put_limits(g, &o);
		put_events(g, &o);
		put_stat(k, g, &o);
	}
	return o.rc;
}

/* ---- conservation ---- */

/* What frames and slots say of each group, by its id. */
struct census {
	uint64_t pages, listed, slots;
};

static void add_frames(struct kernel *k, struct census *c)
{
	const struct memory *m = k->memory;

	for (pfn_t pfn = 0; pfn < m->frames.end; pfn++) {
		const struct frame *f = &m->frames.f[pfn];

		if (!f->memcg || f->flags & (FR_BUDDY | FR_PCP | FR_TAIL))
			continue;
		c[f->memcg].pages += frame_nr_pages(f);
		c[f->memcg].listed += f->flags & FR_LRU ? frame_nr_pages(f) : 0;
	}
}

static void add_slots(struct kernel *k, struct census *c)
{
	uint64_t slots;

	for (unsigned i = 0; (slots = swap_cgroup_slots(k, i)); i++)
		for (uint64_t slot = 0; slot < slots; slot++)
			c[swap_cgroup_of(k, swp_make(i, slot))].slots++;
}

static void check_group(struct kernel *k, const struct memcg *g, const struct census *c)
{
	uint64_t pages = memcg_stocked(k, g), slots = 0;
	int64_t listed = 0;

	for (uint32_t id = g->id; id <= g->last; id++) {
		pages += c[id].pages + memcg_of(k, id)->object_pages;
		slots += c[id].slots;
	}
	for (unsigned nid = 0; nid < k->memory->nr_nodes; nid++)
		for (unsigned l = 0; l < NR_LRU_LISTS; l++)
			listed += g->lruvec[nid].counts->stat.item[NR_INACTIVE_ANON + l];
	CHECK(g->object_pages * PAGE_SIZE ==
		      g->slab_bytes[0] + g->slab_bytes[1] + g->spare_bytes + memcg_stocked_bytes(k, g),
	      "group %s: %" PRIu64 " pages are charged for objects of %" PRIu64 " bytes", g->name,
	      g->object_pages, g->slab_bytes[0] + g->slab_bytes[1]);
	CHECK(pages == g->memory.usage, "group %s holds %" PRIu64 " pages, it is charged %" PRIu64, g->name,
	      pages, g->memory.usage);
	CHECK(slots == g->swap.usage, "group %s has %" PRIu64 " swap slots, it is charged %" PRIu64, g->name,
	      slots, g->swap.usage);
	CHECK((uint64_t)listed == c[g->id].listed,
	      "group %s has %" PRIu64 " pages on lists, they count %" PRId64, g->name, c[g->id].listed,
	      listed);
}

void counters_check_memcg(struct kernel *k)
{
	struct census *c;
	const struct memcg *g;

	if (!k->memcgs)
		return;
	c = mem_alloc_late(MEMCG_GROUPS + 1, sizeof *c);
	add_frames(k, c);
	add_slots(k, c);
	for (size_t i = 0; (g = memcg_at(k, i)); i++)
		check_group(k, g, c);
	mem_free(c);
}
