/*
 * test_zonelist.c - which zone a request gets, what it must leave there, and how it is counted.
 */
#include <check.h>

#include "models/kernel/zonelist.h"
#include "tests/suite.h"
#include "tests/unit/mm_fixture.h"

#define FOUR_NODES "topology.node_mem=64MiB 64MiB 64MiB 64MiB", "topology.node_cpus=1"
/* neighbours 16, across 22 */
#define RING "topology.distances=10 16 22 16 16 10 16 22 22 16 10 16 16 22 16 10"

static struct mm x;

static struct alloc_context request(gfp_t gfp, unsigned order, unsigned cpu, unsigned nid)
{
	struct alloc_context ac = {.gfp = gfp, .order = order, .cpu = cpu, .preferred_nid = nid};

	ac.cpu_nid = x.topo.cpu_nid[cpu];
	alloc_context_prepare(&x.mem, &ac);
	return ac;
}

static pfn_t get(gfp_t gfp, unsigned nid, unsigned flags)
{
	struct alloc_context ac = request(gfp, 0, nid, nid);

	return zonelist_alloc(&x.mem, &ac, flags, NULL, NULL);
}

static uint64_t numa(unsigned nid, enum numa_item i)
{
	uint64_t n = 0;

	for (unsigned z = 0; z < NR_ZONES; z++)
		n += x.mem.node[nid].zone[z].numa.item[i];
	return n;
}

START_TEST(full_nodes_spill_by_distance)
{
	const unsigned order[4] = {0, 1, 3, 2};
	uint64_t on[4] = {0}, miss = 0, foreign = 0;
	unsigned at = 0;
	pfn_t pfn;

	mm_open(&x, FOUR_NODES, RING, "zones.layout=flat", MM_BARE);
	mm_all_movable(&x);
	while ((pfn = get(GFP_HIGHUSER_MOVABLE, 0, ALLOC_WMARK_LOW)) != PFN_NONE) {
		unsigned nid = frame_of(&x.mem, pfn)->nid;

		while (nid != order[at]) {
			at++;
			ck_assert_uint_lt(at, 4);
		}
		on[nid]++;
	}
	ck_assert_uint_eq(at, 3);
	for (unsigned n = 0; n < 4; n++) {
		const struct zone *z = &x.mem.node[n].zone[ZONE_NORMAL];

		/* each keeps its low watermark, less the refill that crossed it */
		ck_assert_uint_le(zone_free_pages(z), z->watermark[WMARK_LOW]);
		ck_assert_uint_gt(zone_free_pages(z) + z->pcp_batch, z->watermark[WMARK_LOW]);
		ck_assert_uint_eq(numa(n, NR_NUMA_HIT), n ? 0 : on[0]);
		ck_assert_uint_eq(numa(n, NR_NUMA_MISS), n ? on[n] : 0);
		ck_assert_uint_eq(numa(n, NR_NUMA_LOCAL), n ? 0 : on[0]);
		ck_assert_uint_eq(numa(n, NR_NUMA_OTHER), n ? on[n] : 0);
		miss += numa(n, NR_NUMA_MISS);
		foreign += numa(n, NR_NUMA_FOREIGN);
	}
	ck_assert_uint_eq(numa(0, NR_NUMA_FOREIGN), on[1] + on[2] + on[3]);
	ck_assert_uint_eq(miss, foreign);
	ck_assert_uint_eq(x.mem.vmstat.event[VMEV_PGALLOC_NORMAL], on[0] + on[1] + on[2] + on[3]);
	mm_close(&x);
}
END_TEST

START_TEST(local_and_wanted_are_different_things)
{
	struct alloc_context ac;

	mm_open(&x, FOUR_NODES, "zones.layout=flat", MM_BARE);
	/* a CPU of node 1 wants, and gets, a page of node 2 */
	ac = request(GFP_HIGHUSER_MOVABLE, 0, 1, 2);
	ac.interleaved = true;
	ck_assert_uint_ne(zonelist_alloc(&x.mem, &ac, ALLOC_WMARK_LOW, NULL, NULL), PFN_NONE);
	ck_assert_uint_eq(numa(2, NR_NUMA_HIT), 1);
	ck_assert_uint_eq(numa(2, NR_NUMA_OTHER), 1);
	ck_assert_uint_eq(numa(2, NR_NUMA_INTERLEAVE), 1);
	ck_assert_uint_eq(numa(2, NR_NUMA_LOCAL), 0);
	/* node 3 is full: its interleaved page lands elsewhere and is no interleave hit */
	x.mem.node[3].zone[ZONE_NORMAL].watermark[WMARK_LOW] = 1u << 30;
	ac = request(GFP_HIGHUSER_MOVABLE, 0, 0, 3);
	ac.interleaved = true;
	ck_assert_uint_ne(zonelist_alloc(&x.mem, &ac, ALLOC_WMARK_LOW, NULL, NULL), PFN_NONE);
	ck_assert_uint_eq(numa(3, NR_NUMA_FOREIGN), 1);
	ck_assert_uint_eq(numa(0, NR_NUMA_MISS), 1);
	ck_assert_uint_eq(numa(0, NR_NUMA_LOCAL), 1);
	ck_assert_uint_eq(numa(0, NR_NUMA_INTERLEAVE), 0);
	mm_close(&x);
}
END_TEST

START_TEST(a_huge_page_is_one_hit_and_512_pages)
{
	struct alloc_context ac;
	pfn_t pfn;

	mm_open(&x, "topology.node_mem=64MiB", MM_BARE);
	ac = request(GFP_TRANSHUGE, 9, 0, 0);
	pfn = zonelist_alloc(&x.mem, &ac, ALLOC_WMARK_LOW, NULL, NULL);
	ck_assert_uint_ne(pfn, PFN_NONE);
	ck_assert_uint_eq(numa(0, NR_NUMA_HIT), 1);
	ck_assert_uint_eq(x.mem.vmstat.event[VMEV_PGALLOC_DMA32], 512);
	ck_assert_uint_eq(frame_of(&x.mem, pfn)->flags, FR_HEAD);
	ck_assert_uint_eq(frame_nr_pages(frame_of(&x.mem, pfn)), 512);
	ck_assert_int_eq(frame_of(&x.mem, pfn)->refs, 1);
	ck_assert_uint_eq(frame_of(&x.mem, pfn + 511)->flags, FR_TAIL);
	zonelist_free(&x.mem, 0, pfn, 9, &ac.work);
	ck_assert_uint_eq(x.mem.vmstat.event[VMEV_PGFREE], 512);
	ck_assert_uint_eq(frame_of(&x.mem, pfn + 511)->flags, 0);
	mm_close(&x);
}
END_TEST

/* 64 MiB: DMA 3840 pages, DMA32 12288, so 12288 / 256 = 48 pages of DMA are kept from what could use DMA32.
 */
START_TEST(dma_is_kept_for_dma)
{
	struct zone *dma, *dma32;
	pfn_t pfn;

	mm_open(&x, "topology.node_mem=64MiB", "vm.watermark_boost_factor=0", MM_BARE);
	dma = &x.mem.node[0].zone[ZONE_DMA];
	dma32 = &x.mem.node[0].zone[ZONE_DMA32];
	ck_assert_uint_eq(dma->lowmem_reserve[ZONE_NORMAL], 48);
	while ((pfn = get(GFP_KERNEL, 0, ALLOC_WMARK_MIN)) != PFN_NONE) {
		/* DMA32 goes first */
		if (frame_of(&x.mem, pfn)->zid == ZONE_DMA)
			ck_assert_uint_le(zone_free_pages(dma32), dma32->watermark[WMARK_MIN]);
	}
	ck_assert_uint_eq(zone_free_pages(dma), dma->watermark[WMARK_MIN] + 48);
	while ((pfn = get(GFP_KERNEL | GFP_BIT_DMA, 0, ALLOC_WMARK_MIN)) != PFN_NONE)
		ck_assert_uint_eq(frame_of(&x.mem, pfn)->zid, ZONE_DMA);
	ck_assert_uint_eq(zone_free_pages(dma), dma->watermark[WMARK_MIN]);
	mm_close(&x);
	/* and DMA requests do not take anything else */
	mm_open(&x, "topology.node_mem=64MiB", "vm.watermark_boost_factor=0", MM_BARE);
	dma32 = &x.mem.node[0].zone[ZONE_DMA32];
	while (get(GFP_KERNEL | GFP_BIT_DMA, 0, ALLOC_NO_WATERMARKS) != PFN_NONE)
		;
	ck_assert_uint_eq(zone_free_pages(dma32), dma32->managed);
	mm_close(&x);
}
END_TEST

/* The shares of the min watermark that privileged requests may use. */
START_TEST(watermark_rules)
{
	struct zone *z;

	mm_open(&x, "topology.node_mem=64MiB", "zones.layout=flat", MM_BARE);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	z->lowmem_reserve[ZONE_NORMAL] = 10;
#define OK(order, flags, free) zone_watermark_ok(z, order, 100, ZONE_NORMAL, flags, free)
	ck_assert(!OK(0, 0, 110) && OK(0, 0, 111));                 /* more than 100 + 10 */
	ck_assert(!OK(0, ALLOC_HIGH, 60) && OK(0, ALLOC_HIGH, 61)); /* 50 + 10 */
	/* 50 - 50 / 4 = 38, + 10 */
	ck_assert(!OK(0, ALLOC_HIGH | ALLOC_HARDER, 48) && OK(0, ALLOC_HIGH | ALLOC_HARDER, 49));
	ck_assert(!OK(0, ALLOC_HARDER, 110)); /* not without ALLOC_HIGH */
	ck_assert(!OK(0, ALLOC_OOM, 60) && OK(0, ALLOC_OOM, 61));
	ck_assert(!OK(3, 0, 117) && OK(3, 0, 118)); /* 2^3 - 1 pages may be unusable */
	z->nr_highatomic = 512;
	ck_assert(!OK(0, 0, 622) && OK(0, 0, 623));
	ck_assert(OK(0, ALLOC_OOM, 61));
	z->nr_highatomic = 0;
	/* order: some block must be there */
	for (unsigned o = 3; o < NR_ORDERS; o++) {
		while (z->area[o].nr_free)
			ck_assert_uint_ne(buddy_alloc(&x.mem, z, o, MIGRATE_MOVABLE, 0), PFN_NONE);
	}
	ck_assert(!OK(3, 0, 5000));
	ck_assert(OK(2, 0, 5000));
#undef OK
	mm_close(&x);
}
END_TEST

START_TEST(boost_is_ignored_by_atomic_requests)
{
	struct zone *z;
	uint64_t free;

	mm_open(&x, "topology.node_mem=64MiB", "zones.layout=flat", MM_BARE);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	free = zone_free_pages(z);
	z->watermark_boost = free;
	ck_assert(!zone_watermark_fast(z, 0, zone_wmark(z, WMARK_MIN), ZONE_NORMAL, ALLOC_WMARK_MIN,
				       GFP_KERNEL));
	ck_assert(zone_watermark_fast(z, 0, zone_wmark(z, WMARK_MIN), ZONE_NORMAL, ALLOC_WMARK_MIN,
				      GFP_ATOMIC));
	ck_assert(!zone_watermark_fast(z, 0, zone_wmark(z, WMARK_LOW), ZONE_NORMAL, ALLOC_WMARK_LOW,
				       GFP_ATOMIC));
	mm_close(&x);
}
END_TEST

START_TEST(masks)
{
	struct alloc_context ac;

	mm_open(&x, FOUR_NODES, RING, "zones.layout=flat", MM_BARE);
	/* node 0 is wanted but only 2 and 3 are allowed: 3 is nearer, and wanted is what the mask allows */
	ac = (struct alloc_context){.gfp = GFP_USER, .nodemask = 0xc};
	alloc_context_prepare(&x.mem, &ac);
	ck_assert_uint_eq(ac.preferred_zone->nid, 3);
	ck_assert_uint_eq(frame_of(&x.mem, zonelist_alloc(&x.mem, &ac, 0, NULL, NULL))->nid, 3);
	ck_assert_uint_eq(numa(3, NR_NUMA_HIT), 1);
	/* a cpuset that allows node 2 only counts where the flag says so */
	ac = (struct alloc_context){.gfp = GFP_USER, .cpuset = 0x4};
	alloc_context_prepare(&x.mem, &ac);
	ck_assert_uint_eq(frame_of(&x.mem, zonelist_alloc(&x.mem, &ac, ALLOC_CPUSET, NULL, NULL))->nid, 2);
	ck_assert_uint_eq(numa(0, NR_NUMA_FOREIGN), 1);
	ck_assert_uint_eq(frame_of(&x.mem, zonelist_alloc(&x.mem, &ac, 0, NULL, NULL))->nid, 0);
	/* this node or nothing */
	x.mem.node[1].zone[ZONE_NORMAL].watermark[WMARK_LOW] = 1u << 30;
	ac = request(GFP_USER | GFP_BIT_THISNODE, 0, 0, 1);
	ck_assert_uint_eq(zonelist_alloc(&x.mem, &ac, ALLOC_WMARK_LOW, NULL, NULL), PFN_NONE);
	/* a mask without memory */
	ac = (struct alloc_context){.gfp = GFP_USER, .nodemask = 0x30};
	alloc_context_prepare(&x.mem, &ac);
	ck_assert_ptr_null(ac.preferred_zone);
	ck_assert_uint_eq(zonelist_alloc(&x.mem, &ac, 0, NULL, NULL), PFN_NONE);
	mm_close(&x);
}
END_TEST

START_TEST(memoryless_nodes_use_the_nearest)
{
	pfn_t pfn;

	mm_open(&x, "topology.node_mem=64MiB 0 64MiB", "topology.node_cpus=1", "zones.layout=flat",
		"topology.distances=10 30 20 30 10 15 20 15 10", MM_BARE);
	pfn = get(GFP_USER, 1, ALLOC_WMARK_LOW);
	ck_assert_uint_eq(frame_of(&x.mem, pfn)->nid, 2);
	/* the preferred zone is node 2's: a hit there, by a CPU of another node */
	ck_assert_uint_eq(numa(2, NR_NUMA_HIT), 1);
	ck_assert_uint_eq(numa(2, NR_NUMA_OTHER), 1);
	mm_close(&x);
}
END_TEST

START_TEST(dirty_pages_are_spread)
{
	struct alloc_context ac;

	mm_open(&x, "topology.node_mem=64MiB 64MiB", "topology.node_cpus=1", "zones.layout=flat", MM_BARE);
	x.mem.node[0].dirty_limit = 100;
	node_stat_add(&x.mem.node[0], NR_FILE_DIRTY, 60);
	node_stat_add(&x.mem.node[0], NR_WRITEBACK, 40);
	ac = request(GFP_USER | GFP_BIT_WRITE, 0, 0, 0);
	ck_assert_uint_eq(frame_of(&x.mem, zonelist_alloc(&x.mem, &ac, 0, NULL, NULL))->nid, 0);
	node_stat_add(&x.mem.node[0], NR_WRITEBACK, 1);
	ck_assert_uint_eq(frame_of(&x.mem, zonelist_alloc(&x.mem, &ac, 0, NULL, NULL))->nid, 1);
	ck_assert(ac.last_dirty_exceeded);
	ac = request(GFP_USER, 0, 0, 0);
	ck_assert_uint_eq(frame_of(&x.mem, zonelist_alloc(&x.mem, &ac, 0, NULL, NULL))->nid, 0);
	mm_close(&x);
}
END_TEST

static unsigned asked[4];

static bool reclaim_all(void *ctx, struct zone *z, struct alloc_context *ac)
{
	(void)ac;
	asked[z->nid]++;
	if (ctx)
		buddy_free(&x.mem, z, *(pfn_t *)ctx, 10, false);
	return true;
}

/* Zone reclaim is tried where the zone is near the wanted one; distance 31 is too far. */
START_TEST(zone_reclaim_of_near_zones)
{
	struct alloc_context ac;
	pfn_t block;

	mm_open(&x, "topology.node_mem=64MiB 64MiB 64MiB", "topology.node_cpus=1", "zones.layout=flat",
		"topology.distances=10 30 31 30 10 30 31 30 10", MM_BARE);
	block = buddy_alloc(&x.mem, &x.mem.node[0].zone[ZONE_NORMAL], 10, MIGRATE_MOVABLE, 0);
	for (unsigned n = 0; n < 3; n++) {
		struct zone *z = &x.mem.node[n].zone[ZONE_NORMAL];

		z->watermark[WMARK_LOW] = zone_free_pages(z) + 1000;
	}
	ac = request(GFP_USER, 0, 0, 0);
	ck_assert_uint_eq(zonelist_alloc(&x.mem, &ac, ALLOC_WMARK_LOW, reclaim_all, NULL), PFN_NONE);
	ck_assert_uint_eq(asked[0], 1);
	ck_assert_uint_eq(asked[1], 1);
	ck_assert_uint_eq(asked[2], 0);
	ck_assert_uint_ne(zonelist_alloc(&x.mem, &ac, ALLOC_WMARK_LOW, reclaim_all, &block), PFN_NONE);
	ck_assert_uint_eq(asked[0], 2);
	mm_close(&x);
}
END_TEST

/* On one node: DMA32's free page blocks are taken before Normal's movable blocks are broken up. */
START_TEST(fragmentation_is_avoided_first)
{
	struct alloc_context ac;
	struct zone *normal;
	unsigned flags;
	pfn_t pfn;

	mm_open(&x, "topology.node_mem=3076MiB", MM_BARE); /* 4 MiB above the hole */
	normal = &x.mem.node[0].zone[ZONE_NORMAL];
	ck_assert_uint_eq(normal->managed, 1024);
	normal->watermark[WMARK_LOW] = normal->watermark[WMARK_MIN] = 0;
	buddy_alloc(&x.mem, normal, 9, MIGRATE_MOVABLE, 0);
	buddy_alloc(&x.mem, normal, 8, MIGRATE_MOVABLE, 0); /* 256 movable pages are left in order 8 */
	ac = request(GFP_KERNEL, 0, 0, 0);
	flags = zonelist_nofragment(&x.mem, &ac);
	ck_assert_uint_eq(flags, ALLOC_NOFRAGMENT | ALLOC_KSWAPD);
	pfn = zonelist_alloc(&x.mem, &ac, ALLOC_WMARK_LOW | flags, NULL, NULL);
	ck_assert_uint_eq(frame_of(&x.mem, pfn)->zid, ZONE_DMA32);
	ck_assert_ptr_null(ac.boosted);
	/* without the flag the block is stolen; the zone is too small for a boost (four page blocks) */
	pfn = zonelist_alloc(&x.mem, &ac, ALLOC_WMARK_LOW | ALLOC_KSWAPD, NULL, NULL);
	ck_assert_uint_eq(frame_of(&x.mem, pfn)->zid, ZONE_NORMAL);
	ck_assert_ptr_null(ac.boosted);
	mm_close(&x);
}
END_TEST

START_TEST(boost_is_reported)
{
	struct alloc_context ac;
	struct zone *z;

	mm_open(&x, "topology.node_mem=64MiB", "zones.layout=flat", "vm.min_free_kbytes=128", MM_BARE);
	mm_all_movable(&x);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	for (unsigned o = 9; o < NR_ORDERS; o++) {
		while (z->area[o].nr_free)
			buddy_alloc(&x.mem, z, o, MIGRATE_MOVABLE, 0);
	}
	ac = request(GFP_KERNEL, 0, 0, 0);
	ck_assert_uint_ne(zonelist_alloc(&x.mem, &ac, ALLOC_WMARK_LOW | ALLOC_KSWAPD, NULL, NULL), PFN_NONE);
	ck_assert_ptr_eq(ac.boosted, z);
	ck_assert(!z->boosted);
	ck_assert_uint_eq(z->watermark_boost, 512);
	mm_close(&x);
}
END_TEST

START_TEST(slow_flags)
{
	ck_assert_uint_eq(zonelist_slow_flags(GFP_KERNEL, 0), ALLOC_CPUSET | ALLOC_KSWAPD);
	ck_assert_uint_eq(zonelist_slow_flags(GFP_ATOMIC, 0), ALLOC_HIGH | ALLOC_HARDER | ALLOC_KSWAPD);
	ck_assert_uint_eq(zonelist_slow_flags(GFP_ATOMIC, 1),
			  ALLOC_HIGH | ALLOC_HARDER | ALLOC_HIGHATOMIC | ALLOC_KSWAPD);
	ck_assert_uint_eq(zonelist_slow_flags(GFP_NOWAIT, 0), ALLOC_CPUSET | ALLOC_HARDER | ALLOC_KSWAPD);
	ck_assert_uint_eq(zonelist_slow_flags(GFP_TRANSHUGE_LIGHT, 9), ALLOC_CPUSET);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("zonelist");

	tcase_add_test(t, full_nodes_spill_by_distance);
	tcase_add_test(t, local_and_wanted_are_different_things);
	tcase_add_test(t, a_huge_page_is_one_hit_and_512_pages);
	tcase_add_test(t, dma_is_kept_for_dma);
	tcase_add_test(t, watermark_rules);
	tcase_add_test(t, boost_is_ignored_by_atomic_requests);
	tcase_add_test(t, masks);
	tcase_add_test(t, memoryless_nodes_use_the_nearest);
	tcase_add_test(t, dirty_pages_are_spread);
	tcase_add_test(t, zone_reclaim_of_near_zones);
	tcase_add_test(t, fragmentation_is_avoided_first);
	tcase_add_test(t, boost_is_reported);
	tcase_add_test(t, slow_flags);
	return run_case("zonelist", t);
}
