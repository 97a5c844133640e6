/*
 * test_tiers.c - slow nodes: the order of demotion, pages that go there and pages that come back.
 */
#include "models/kernel/tiers.h"

#include "models/kernel/numa_balancing.h"
#include "models/kernel/reclaim/scan.h"
#include "models/kernel/thp_split.h"
#include "tests/machine_fixture.h"
#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE
#define A  0x40000000

static struct bed b;

static void set_tiers(const char *adistance)
{
	struct tier_params p;
	struct param_set ps;

	param_set_init(&ps);
	param_set_add(&ps, &tier_param_table, &p);
	ck_assert_int_eq(param_set_assignment(&ps, adistance, "test", &b.e), 0);
	ck_assert_int_eq(memory_tiers(&b.mem, &p, &b.e), 0);
	param_set_release(&ps);
}

/* A fast node with a CPU, a slow one without. */
static void start(const char *one, const char *other)
{
	bed_new(&b, "topology.node_mem=64MiB 64MiB", "topology.node_cpus=1 0", "kernel.struct_page_bytes=0",
		"kernel.numa_balancing_scan_size_mb=16", "numa.demotion_enabled=true", one, other, NULL);
	b.t->tid = 7;
	set_tiers("numa.adistance=0 2880");
}

static uint64_t event(enum vm_event e)
{
	return b.mem.vmstat.event[e];
}

/* ---- the order of demotion ---- */

/* CPUs on nodes 0 and 1; the three machines are those of the kernel's own description. */
static void check_targets(const char *mem, const char *cpus, const char *distances, const char *adistance,
			  const nodemask_t *preferred, const nodemask_t *lower, nodemask_t slow)
{
	bed_new(&b, mem, cpus, distances, "kernel.struct_page_bytes=0", NULL);
	set_tiers(adistance);
	for (unsigned n = 0; n < b.mem.nr_nodes; n++) {
		ck_assert_msg(b.mem.node[n].tier.preferred == preferred[n], "node %u goes to %" PRIx64, n,
			      b.mem.node[n].tier.preferred);
		ck_assert_uint_eq(b.mem.node[n].tier.lower, lower[n]);
		ck_assert_uint_eq(b.mem.node[n].tier.slow, slow >> n & 1);
	}
	bed_free(&b);
}

START_TEST(targets)
{
	const nodemask_t near[] = {4, 8, 0, 0}, lower[] = {12, 12, 0, 0}, none[] = {0, 0, 0};
	const nodemask_t hbm[] = {4, 1, 0}, hbm_lower[] = {4, 5, 0}, both[] = {6, 0, 0};

	check_targets("topology.node_mem=16MiB 16MiB 16MiB 16MiB", "topology.node_cpus=1 1 0 0",
		      "topology.distances=10 20 30 40 20 10 40 30 30 40 10 40 40 30 40 10",
		      "numa.adistance=0 0 2880 2880", near, lower, 12);
	check_targets("topology.node_mem=16MiB 16MiB 16MiB", "topology.node_cpus=1 1 0",
		      "topology.distances=10 20 30 20 10 30 30 30 10", "numa.adistance=", none, none, 0);
	/* node 1 is faster than DRAM and has no CPU: it is above the top tier, so nothing leaves it as hot */
	check_targets("topology.node_mem=16MiB 16MiB 16MiB", "topology.node_cpus=1 0 0",
		      "topology.distances=10 20 30 20 10 40 30 40 10", "numa.adistance=576 300 2880", hbm,
		      hbm_lower, 4);
	/* two slow nodes at the same distance */
	check_targets("topology.node_mem=16MiB 16MiB 16MiB", "topology.node_cpus=1 0 0",
		      "topology.distances=10 20 20 20 10 20 20 20 10", "numa.adistance=0 1000 1023", both,
		      both, 6);
}
END_TEST

START_TEST(next_node)
{
	struct tier_params p;
	struct param_set ps;

	start(NULL, NULL);
	ck_assert_int_eq(tier_next_node(&b.mem, 0, 17), 1);
	ck_assert_int_eq(tier_next_node(&b.mem, 1, 17), -1);
	b.mem.node[0].tier.preferred = 0x92; /* nodes 1, 4, 7 */
	ck_assert_int_eq(tier_next_node(&b.mem, 0, 3), 1);
	ck_assert_int_eq(tier_next_node(&b.mem, 0, 4), 4);
	ck_assert_int_eq(tier_next_node(&b.mem, 0, 5), 7);
	param_set_init(&ps);
	param_set_add(&ps, &tier_param_table, &p);
	ck_assert_int_eq(param_set_assignment(&ps, "numa.adistance=1 2 3", "test", &b.e), 0);
	ck_assert_int_lt(memory_tiers(&b.mem, &p, &b.e), 0);
	ck_assert_ptr_nonnull(strstr(b.e.text, "numa.adistance: 3 numbers for 2 nodes"));
	param_set_release(&ps);
	bed_free(&b);
}
END_TEST

/* ---- down ---- */

static unsigned nid_of(vaddr_t va)
{
	return frame_of(&b.mem, pte_pfn(bed_pte(&b, va)))->nid;
}

static unsigned pages_on(vaddr_t a, unsigned n, unsigned nid)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += pte_present(bed_pte(&b, a + i * P)) && nid_of(a + i * P) == nid;
	return sum;
}

/* Shrinks a list of these pages, not used since, as reclaim of node 0 does. Returns pages reclaimed. */
static uint64_t shrink(vaddr_t a, unsigned n, bool no_demotion)
{
	struct reclaim_request r = {.gfp = GFP_KERNEL,
				    .may_writepage = true,
				    .may_unmap = true,
				    .may_swap = true,
				    .no_demotion = no_demotion};
	struct shrink_stat stat;
	struct frame_list list;
	uint64_t reclaimed;

	frame_list_init(&list);
	for (unsigned i = 0; i < n; i++) {
		pte_t *e = pgtable_find(&b.t->mm->pt, a + i * P);
		pfn_t pfn = pte_pfn(*e);

		*e &= ~PTE_ACCESSED;
		ck_assert(lru_isolate(&b.k, pfn));
		frame_list_append(&b.mem.frames, &list, pfn);
	}
	reclaimed = shrink_page_list(b.t, &list, &b.mem.node[0], &r, &stat, false);
	(void)putback_list(b.t, &list, &b.mem.node[0].lruvec);
	lru_drain_all(&b.k);
	return reclaimed;
}

START_TEST(cold_pages_go_down)
{
	vaddr_t a;
	int64_t rss, free0, free1;

	start(NULL, NULL);
	a = bed_fill(&b, A, 40);
	ck_assert_uint_eq(pages_on(a, 40, 0), 40);
	rss = b.t->mm->rss[MM_ANONPAGES];
	pcp_drain_all(&b.mem);
	free0 = node_zone_total(&b.mem.node[0], NR_FREE_PAGES);
	free1 = node_zone_total(&b.mem.node[1], NR_FREE_PAGES);
	ck_assert_uint_eq(shrink(a, 32, false), 32);
	pcp_drain_all(&b.mem);
	ck_assert_int_eq(node_zone_total(&b.mem.node[0], NR_FREE_PAGES), free0 + 32);
	ck_assert_int_eq(node_zone_total(&b.mem.node[1], NR_FREE_PAGES), free1 - 32);
	/* they are mapped as before, elsewhere: nothing was swapped and nothing has to be faulted in */
	ck_assert_uint_eq(pages_on(a, 40, 1), 32);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], rss);
	ck_assert_uint_eq(bed_pte(&b, a) & (PTE_PRESENT | PTE_WRITE | PTE_DIRTY),
			  bed_pte(&b, a + 39 * P) & (PTE_PRESENT | PTE_WRITE | PTE_DIRTY));
	ck_assert_uint_eq(event(VMEV_PGDEMOTE_DIRECT), 32);
	ck_assert_uint_eq(event(VMEV_PGDEMOTE_KSWAPD), 0);
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_SUCCESS), 32);
	ck_assert_uint_eq(event(VMEV_PSWPOUT), 0);
	ck_assert_uint_eq(b.mem.fate.anon_demoted, 32);
	ck_assert_uint_eq(b.mem.fate.anon_freed + b.mem.fate.anon_kept + b.mem.fate.anon_activated, 0);
	ck_assert_int_eq(b.mem.node[1].stat.item[NR_ANON_MAPPED], 32);
	/* reclaim on request leaves the node out, and so does a kernel that was not told to demote */
	ck_assert_uint_eq(shrink(a + 32 * P, 4, true), 0);
	ck_assert_uint_eq(event(VMEV_PGDEMOTE_DIRECT), 32);
	b.k.params.demotion_enabled = false;
	ck_assert(!reclaim_can_demote(&b.k, &b.mem.node[0], NULL));
	b.k.params.demotion_enabled = true;
	ck_assert(reclaim_can_demote(&b.k, &b.mem.node[0], NULL));
	ck_assert(!reclaim_can_demote(&b.k, &b.mem.node[1], NULL));
	bed_free(&b);
}
END_TEST

/* What finds no room below is reclaimed as ever: here it is given a swap slot. */
START_TEST(no_room_below)
{
	vaddr_t a;

	start("swap.size=16MiB", NULL);
	a = bed_fill(&b, A, 8);
	while (alloc_pages_node(b.t, 1, GFP_NOWAIT | GFP_BIT_THISNODE | GFP_BIT_NOWARN, 0) != PFN_NONE)
		;
	(void)shrink(a, 8, false);
	ck_assert_uint_eq(event(VMEV_PGDEMOTE_DIRECT), 0);
	ck_assert_uint_eq(pages_on(a, 8, 0) + pages_on(a, 8, 1), 0);
	ck_assert_uint_eq(b.mem.fate.anon_demoted, 0);
	ck_assert_uint_eq(b.mem.fate.anon_written, 8);
	/* the first failure ends it: the other seven were not even tried */
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_FAIL), 1);
	bed_free(&b);
}
END_TEST

static vaddr_t fill_huge(void)
{
	vaddr_t a = bed_anon(&b, A, HUGE_PAGE_SIZE, RW, MAP_FIXED);

	ck_assert_int_eq(bed_touch(&b, a, true), FAULT_DONE);
	ck_assert_uint_eq(event(VMEV_THP_FAULT_ALLOC), 1);
	lru_drain_all(&b.k);
	return a;
}

/* Shrinks a list of the one huge page at a. */
static uint64_t shrink_huge(vaddr_t a)
{
	struct reclaim_request r = {
		.gfp = GFP_KERNEL, .may_writepage = true, .may_unmap = true, .may_swap = true};
	struct ptable *t = pgtable_table(&b.t->mm->pt, a, 2);
	pte_t *e = &t->e[ptable_index(a, 2)];
	struct shrink_stat stat;
	struct frame_list list;
	uint64_t reclaimed;

	*e &= ~PTE_ACCESSED;
	frame_list_init(&list);
	ck_assert(lru_isolate(&b.k, pte_pfn(*e)));
	frame_list_append(&b.mem.frames, &list, pte_pfn(*e));
	reclaimed = shrink_page_list(b.t, &list, &b.mem.node[0], &r, &stat, false);
	(void)putback_list(b.t, &list, &b.mem.node[0].lruvec);
	lru_drain_all(&b.k);
	return reclaimed;
}

START_TEST(huge_pages_go_down_whole)
{
	const struct frame *f;
	vaddr_t a;
	pte_t e;

	start("thp.enabled=always", NULL);
	a = fill_huge();
	ck_assert_uint_eq(shrink_huge(a), HUGE_PAGE_NR);
	e = pgtable_table(&b.t->mm->pt, a, 2)->e[ptable_index(a, 2)];
	ck_assert(e & PTE_HUGE && e & PTE_WRITE);
	f = frame_of(&b.mem, pte_pfn(e));
	ck_assert_uint_eq(f->nid, 1);
	ck_assert_int_eq(f->refs, 1);
	ck_assert_int_eq(frame_whole_mapcount(f), 1);
	ck_assert_uint_eq(event(VMEV_PGDEMOTE_DIRECT), HUGE_PAGE_NR);
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_SUCCESS), HUGE_PAGE_NR);
	ck_assert_uint_eq(event(VMEV_THP_MIGRATION_SUCCESS), 1);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 0);
	ck_assert_int_eq(b.mem.node[0].stat.item[NR_ANON_THPS], 0);
	ck_assert_int_eq(b.mem.node[1].stat.item[NR_ANON_THPS], HUGE_PAGE_NR);
	bed_free(&b);
}
END_TEST

/* Every other page of the slow node is taken: a huge page goes down in parts. */
START_TEST(huge_pages_go_down_in_parts)
{
	pfn_t first = PFN_NONE, pfn;
	vaddr_t a;

	start("thp.enabled=always", "vm.min_free_kbytes=256");
	a = fill_huge();
	while ((pfn = alloc_pages_node(b.t, 1, GFP_NOWAIT | GFP_BIT_THISNODE | GFP_BIT_NOWARN, 0)) !=
	       PFN_NONE) {
		if (pfn & 1 && first != PFN_NONE)
			continue;
		frame_of(&b.mem, pfn)->private = first;
		first = pfn;
	}
	for (; first != PFN_NONE; first = pfn) {
		pfn = (pfn_t)frame_of(&b.mem, first)->private;
		free_pages(b.t, first, 0);
	}
	ck_assert_uint_eq(shrink_huge(a), HUGE_PAGE_NR);
	ck_assert_uint_eq(pages_on(a, HUGE_PAGE_NR, 1), HUGE_PAGE_NR);
	ck_assert_uint_eq(event(VMEV_THP_MIGRATION_FAIL), 1);
	ck_assert_uint_eq(event(VMEV_THP_MIGRATION_SPLIT), 1);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 1);
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_SUCCESS), HUGE_PAGE_NR);
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_FAIL), HUGE_PAGE_NR);
	ck_assert_uint_eq(event(VMEV_PGDEMOTE_DIRECT), HUGE_PAGE_NR);
	ck_assert_uint_eq(b.mem.fate.anon_demoted, HUGE_PAGE_NR);
	bed_free(&b);
}
END_TEST

/* With tiering a node is balanced when there is room for promotion, too: as far above high as high above low.
 */
START_TEST(promo_watermark)
{
	struct zone *z;
	uint64_t distance;

	start("vm.min_free_kbytes=256", "vm.watermark_scale_factor=100");
	z = &b.mem.node[1].zone[ZONE_DMA32];
	distance = z->watermark[WMARK_HIGH] - z->watermark[WMARK_LOW];
	ck_assert_uint_ge(distance, z->managed / 100);
	while (zone_free_pages(z) > z->watermark[WMARK_HIGH] + distance)
		(void)alloc_pages_node(b.t, 1, GFP_NOWAIT | GFP_BIT_THISNODE, 0);
	ck_assert(node_is_balanced(&b.k, &b.mem.node[1], 0, ZONE_DMA32));
	b.k.params.numa_balancing = NUMA_BALANCING_NORMAL;
	ck_assert(node_is_balanced(&b.k, &b.mem.node[1], 0, ZONE_DMA32));
	b.k.params.numa_balancing = NUMA_BALANCING_TIERING;
	ck_assert(!node_is_balanced(&b.k, &b.mem.node[1], 0, ZONE_DMA32));
	bed_free(&b);
}
END_TEST

/* ---- and up ---- */

/* Runs for so many ms more, up to a tick; what the tick asks for is done. */
static void run(uint64_t ms)
{
	uint64_t cycles = b.topo.cpu_clock.hz / 1000 * ms;

	b.t->exec->cycles += cycles;
	b.t->runtime += cycles;
	numa_balancing_tick(b.t);
	if (b.t->flags & TASK_WORK) {
		b.t->flags &= ~TASK_WORK;
		numa_balancing_work(b.t);
	}
}

static void first_scan(void)
{
	run(1001);
	ck_assert_uint_eq(event(VMEV_NUMA_PTE_UPDATES), 0);
	run(1100);
}

/* Hinting faults on n pages. */
static unsigned touch(vaddr_t a, unsigned n)
{
	unsigned faults = 0;

	for (unsigned i = 0; i < n; i++)
		if (!(bed_pte(&b, a + i * P) & PTE_PRESENT)) {
			ck_assert_int_eq(bed_touch(&b, a + i * P, false), FAULT_DONE);
			faults++;
		}
	return faults;
}

START_TEST(hot_pages_come_up)
{
	const int64_t *promoted;
	vaddr_t a, fast;

	start("kernel.numa_balancing=2", NULL);
	promoted = b.mem.node[0].stat.item;
	a = bed_fill(&b, A, 64);
	ck_assert_uint_eq(shrink(a, 64, false), 64);
	fast = bed_fill(&b, A + (64 << 20), 16);
	run(1001);
	b.t->mm->users = 2; /* else pages of the own node would be left out anyway */
	run(1100);
	b.t->mm->users = 1;
	/* without the normal mode only the slow node is looked at */
	ck_assert_uint_eq(event(VMEV_NUMA_PTE_UPDATES), 64);
	ck_assert_uint_eq(touch(fast, 16), 0);
	/* 500 ms are hot, 1000 are not */
	b.t->exec->cycles += b.topo.cpu_clock.hz / 2;
	ck_assert_uint_eq(touch(a, 40), 40);
	ck_assert_uint_eq(pages_on(a, 40, 0), 40);
	b.t->exec->cycles += b.topo.cpu_clock.hz / 2;
	ck_assert_uint_eq(touch(a, 64), 24);
	ck_assert_uint_eq(pages_on(a, 64, 0), 40);
	ck_assert_int_eq(promoted[NR_PGPROMOTE_SUCCESS], 40);
	ck_assert_int_eq(promoted[NR_PGPROMOTE_CANDIDATE], 40);
	ck_assert_uint_eq(event(VMEV_NUMA_PAGE_MIGRATE), 40);
	ck_assert_uint_eq(event(VMEV_NUMA_HINT_FAULTS), 64);
	/* what came up starts without a past, what stayed notes when it was used last */
	ck_assert_uint_eq(frame_of(&b.mem, pte_pfn(bed_pte(&b, a)))->last_cpupid, 0);
	ck_assert_uint_eq(frame_of(&b.mem, pte_pfn(bed_pte(&b, a + 63 * P)))->last_cpupid,
			  task_now(b.t) / (4 * PS_PER_MS) * 4 + 1);
	/* faults on slow pages tell nothing about where the task should run */
	ck_assert_uint_eq(b.t->numa->recent[1][0] + b.t->numa->recent[1][1], 0);
	ck_assert_uint_eq(b.t->numa->recent[0][1], 40);
	bed_free(&b);
}
END_TEST

/* 1 MiB a second is 256 pages, and the first candidate opens the second. */
START_TEST(rate_limit)
{
	vaddr_t a;

	start("kernel.numa_balancing=2", "kernel.numa_balancing_promote_rate_limit_MBps=1");
	a = bed_fill(&b, A, 300);
	for (unsigned i = 0; i < 300; i += 30)
		ck_assert_uint_eq(shrink(a + i * P, 30, false), 30);
	first_scan();
	ck_assert_uint_eq(touch(a, 300), 300);
	ck_assert_uint_eq(pages_on(a, 300, 0), 256);
	ck_assert_int_eq(b.mem.node[0].stat.item[NR_PGPROMOTE_CANDIDATE], 300);
	ck_assert_int_eq(b.mem.node[0].stat.item[NR_PGPROMOTE_SUCCESS], 256);
	bed_free(&b);
}
END_TEST

/* Too few candidates for the rate: each scan_period_max the threshold rises by an eighth of it, up to twice.
 */
START_TEST(threshold)
{
	struct node_tier *t;
	vaddr_t a;

	start("kernel.numa_balancing=2", "kernel.numa_balancing_scan_period_max_ms=1000");
	t = &b.mem.node[0].tier;
	a = bed_fill(&b, A, 30);
	ck_assert_uint_eq(shrink(a, 30, false), 30);
	first_scan();
	ck_assert_uint_eq(touch(a, 1), 1); /* 2.1 s after the start, more than a second: the first look */
	ck_assert_uint_eq(t->threshold, 1125);
	b.t->exec->cycles += b.topo.cpu_clock.hz / 2;
	ck_assert_uint_eq(touch(a + P, 1), 1);
	ck_assert_uint_eq(t->threshold, 1125);
	/* 1.1 s after the scan: not hot as it was, but as it is now */
	b.t->exec->cycles += b.topo.cpu_clock.hz / 10 * 6;
	ck_assert_uint_eq(touch(a + 2 * P, 1), 1);
	ck_assert_uint_eq(t->threshold, 1250);
	ck_assert_uint_eq(pages_on(a, 3, 0), 3);
	/* from 1250 on, with no candidate allowed at all, down again */
	b.k.params.promote_rate = 0;
	b.t->exec->cycles += b.topo.cpu_clock.hz / 10 * 11;
	ck_assert_uint_eq(touch(a + 3 * P, 1), 1);
	ck_assert_uint_eq(t->threshold, 1125);
	bed_free(&b);
}
END_TEST

/* A full fast node: its kswapd is asked to make room. */
START_TEST(asks_for_room)
{
	vaddr_t a;

	start("kernel.numa_balancing=2", NULL);
	a = bed_fill(&b, A, 4);
	ck_assert_uint_eq(shrink(a, 4, false), 4);
	first_scan();
	while (alloc_pages_node(b.t, 0, GFP_ATOMIC | GFP_BIT_THISNODE | GFP_BIT_NOWARN, 0) != PFN_NONE)
		;
	b.mem.node[0].kswapd = b.t; /* somebody who is not asleep: the wish is noted */
	b.mem.node[0].kswapd_highest_zoneidx = NR_ZONES;
	ck_assert_uint_eq(touch(a, 4), 4);
	ck_assert_uint_eq(pages_on(a, 4, 1), 4);
	ck_assert_int_eq(b.mem.node[0].kswapd_highest_zoneidx, ZONE_MOVABLE);
	b.mem.node[0].kswapd = NULL;
	bed_free(&b);
}
END_TEST

/* ---- a whole machine ---- */

static struct bench bench, *const m = &bench;

/* 40 MiB are written once, which a fast node of 24 cannot hold; then only the first 2 MiB are used, which by
 * then are among the coldest. */
static void run_program(const char *demotion, const char *balancing)
{
	bench_open(m);
	bench_mmap(m, AREA, MIB(40), PROT_RW, ANON);
	bench_store_pages(m, 0, 40 * 256);
	bench_mark(m, "filled");
	m->icount = META_ICOUNT_MAX;
	for (unsigned i = 0; i < 60; i++) {
		if (i == 50)
			bench_mark(m, "settled");
		bench_store_pages(m, 38 * 256, 512);
	}
	m->icount = 1;
	bench_run(m, "topology.node_mem=24MiB 64MiB", "topology.node_cpus=1 0", "numa.adistance=0 2880",
		  "kernel.numa_balancing_scan_delay_ms=10", "kernel.numa_balancing_scan_period_min_ms=10",
		  "swap.size=0", demotion, balancing, NULL);
	ck_assert_int_eq(m->rc, 0);
}

static int64_t since(const char *label, const char *stat, const char *instance)
{
	return bench_stat(m, stat, instance) - shot_value(bench_shot(m, label), stat, instance);
}

START_TEST(hot_pages_end_on_the_fast_node)
{
	int64_t demoted;

	run_program("numa.demotion_enabled=true", "kernel.numa_balancing=2");
	demoted = bench_counter(m, "vmstat pgdemote_kswapd") + bench_counter(m, "vmstat pgdemote_direct");
	ck_assert_int_gt(demoted, 256);
	ck_assert_int_eq(bench_stat(m, "fate.anon_demoted", "machine"), demoted);
	ck_assert_int_ge(bench_counter(m, "vmstat pgpromote_success"), 500);
	ck_assert_int_ge(bench_counter(m, "vmstat pgpromote_candidate"),
			 bench_counter(m, "vmstat pgpromote_success"));
	/* first all of it lies on the slow node, in the end next to none */
	ck_assert_int_ge(since("filled", "cpu.remote_accesses", "0"), 512);
	ck_assert_int_ge(since("settled", "cpu.local_accesses", "0"), 10 * 512 - 50);
	ck_assert_int_eq(bench_counter(m, "vmstat oom_kill"), 0);
	bench_close(m);

	/* without promotion they stay there */
	run_program("numa.demotion_enabled=true", "kernel.numa_balancing=0");
	ck_assert_int_eq(bench_counter(m, "vmstat pgpromote_success"), 0);
	ck_assert_int_ge(since("settled", "cpu.remote_accesses", "0"), 10 * 512 - 50);
	bench_close(m);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("tiers");

	tcase_add_test(t, targets);
	tcase_add_test(t, next_node);
	tcase_add_test(t, cold_pages_go_down);
	tcase_add_test(t, no_room_below);
	tcase_add_test(t, huge_pages_go_down_whole);
	tcase_add_test(t, huge_pages_go_down_in_parts);
	tcase_add_test(t, promo_watermark);
	tcase_add_test(t, hot_pages_come_up);
	tcase_add_test(t, rate_limit);
	tcase_add_test(t, threshold);
	tcase_add_test(t, asks_for_room);
	tcase_add_test(t, hot_pages_end_on_the_fast_node);
	return run_case("tiers", t);
}
