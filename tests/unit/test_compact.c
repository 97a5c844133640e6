/*
 * test_compact.c - compaction: what it moves, when it gives up, when it is put off.
 */
#include <check.h>

#include "models/kernel/buddy.h"
#include "models/kernel/compact/scan.h"
#include "models/kernel/thp_split.h"
#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE
#define AT UINT64_C(0x40000000)

static struct bed b;
static unsigned nr; /* pages mapped at AT at first */

static struct zone *zone(void)
{
	for (unsigned i = 0; i < NR_ZONES; i++)
		if (b.mem.node[0].zone[i].managed)
			return &b.mem.node[0].zone[i];
	return NULL;
}

static uint64_t event(enum vm_event e)
{
	return b.mem.vmstat.event[e];
}

static uint64_t blocks_from(unsigned order)
{
	uint64_t n = 0;

	for (unsigned o = order; o < NR_ORDERS; o++)
		n += zone()->area[o].nr_free;
	return n;
}

/* One zone, full but for a few hundred pages. */
static void setup(void)
{
	bed_new(&b, "topology.node_mem=32MiB", "zones.layout=flat", "kernel.struct_page_bytes=0",
		"vm.min_free_kbytes=512", "swap.size=64MiB", NULL);
	bed_anon(&b, AT, UINT64_C(64) << 20, RW, MAP_FIXED);
	nr = 0;
	while (zone_free_pages(zone()) > zone_wmark(zone(), WMARK_HIGH) + 200) {
		ck_assert_int_eq(bed_touch(&b, AT + nr * P, true), FAULT_DONE);
		nr++;
	}
	lru_drain(b.t);
	ck_assert_uint_gt(nr, 6000);
	ck_assert_uint_eq(blocks_from(9), 0);
}

static void teardown(void)
{
	ck_assert(buddy_is_valid(&b.mem, zone()));
	ck_assert(pgtable_is_valid(&b.t->mm->pt));
	bed_free(&b);
}

/* Every other page goes: half of the zone is free, in single pages. */
static void fragment(void)
{
	for (unsigned i = 0; i < nr; i += 2)
		ck_assert_int_eq(sys_madvise(b.t, AT + i * P, P, 4), 0); /* DONTNEED */
	pcp_drain_all(&b.mem);
	ck_assert_uint_eq(blocks_from(9), 0);
	ck_assert_uint_gt(zone_free_pages(zone()), 3000);
}

/* The pages that are left are mapped, each to a frame of its own. */
static void all_there(void)
{
	uint8_t *seen = calloc(b.mem.frames.end, 1);

	for (unsigned i = 1; i < nr; i += 2) {
		pte_t e = bed_pte(&b, AT + i * P);

		ck_assert(pte_present(e));
		ck_assert(!seen[pte_pfn(e)]);
		seen[pte_pfn(e)] = 1;
		ck_assert_int_eq(frame_of(&b.mem, pte_pfn(e))->mapcount, 1);
	}
	free(seen);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), nr / 2);
}

START_TEST(a_huge_page_is_made_room_for)
{
	uint64_t free, listed;
	pfn_t pfn;

	fragment();
	free = zone_free_pages(zone()) + zone_pcp_count(&b.mem, zone());
	listed = (uint64_t)(memory_node_total(&b.mem, NR_INACTIVE_ANON) +
			    memory_node_total(&b.mem, NR_ACTIVE_ANON));
	pfn = alloc_pages(b.t, GFP_TRANSHUGE, 9);
	ck_assert_uint_ne(pfn, PFN_NONE);
	ck_assert_uint_eq(pfn % 512, 0);
	lru_drain(b.t);
	ck_assert_uint_eq(event(VMEV_COMPACTSTALL), 1);
	ck_assert_uint_eq(event(VMEV_COMPACTSUCCESS), 1);
	ck_assert_uint_eq(event(VMEV_COMPACTFAIL), 0);
	ck_assert_uint_eq(event(VMEV_PGSTEAL_DIRECT), 0); /* nothing was reclaimed for it */
	ck_assert_uint_ge(event(VMEV_PGMIGRATE_SUCCESS), 1);
	ck_assert_uint_ge(event(VMEV_COMPACTMIGRATE_SCANNED), event(VMEV_PGMIGRATE_SUCCESS));
	ck_assert_uint_ge(event(VMEV_COMPACTISOLATED), 2 * event(VMEV_PGMIGRATE_SUCCESS));
	all_there();
	ck_assert_uint_eq(zone_free_pages(zone()) + zone_pcp_count(&b.mem, zone()), free - 512);
	ck_assert_uint_eq((uint64_t)(memory_node_total(&b.mem, NR_INACTIVE_ANON) +
				     memory_node_total(&b.mem, NR_ACTIVE_ANON)),
			  listed);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ISOLATED_ANON), 0);
	free_pages(b.t, pfn, 9);
}
END_TEST

START_TEST(who_may_not_wait_does_not_compact)
{
	fragment();
	ck_assert_uint_eq(alloc_pages(b.t, GFP_TRANSHUGE_LIGHT, 9), PFN_NONE);
	ck_assert_uint_eq(event(VMEV_COMPACTSTALL), 0);
	ck_assert_uint_eq(event(VMEV_COMPACTMIGRATE_SCANNED), 0);
}
END_TEST

/* A page in each block that somebody holds: no block can be cleared. */
START_TEST(held_pages_stay)
{
	fragment();
	for (unsigned i = 1; i < nr; i += 2) {
		pfn_t pfn = pte_pfn(bed_pte(&b, AT + i * P));

		if (pfn % 64 < 2)
			frame_get(&b.k, pfn);
	}
	ck_assert_uint_eq(alloc_pages(b.t, GFP_TRANSHUGE | GFP_BIT_NORETRY | GFP_BIT_THISNODE, 9), PFN_NONE);
	ck_assert_uint_eq(event(VMEV_COMPACTSTALL), 1);
	ck_assert_uint_eq(event(VMEV_COMPACTFAIL), 1);
	all_there();
	for (unsigned i = 1; i < nr; i += 2) {
		pfn_t pfn = pte_pfn(bed_pte(&b, AT + i * P));

		if (frame_of(&b.mem, pfn)->refs == 2)
			frame_put(&b.k, 0, pfn);
	}
}
END_TEST

/* Too little free memory: the low watermark and twice the block are wanted for a costly order. */
START_TEST(too_little_to_compact_with)
{
	struct zone *z = zone();
	uint64_t want = zone_wmark(z, WMARK_LOW) + 1024;
	unsigned i;

	ck_assert_int_eq(compact_suitable(&b.k, z, 9, ALLOC_WMARK_MIN, z->id), COMPACT_SKIPPED);
	for (i = 0; zone_free_pages(z) < want - 1; i += 2) {
		ck_assert_int_eq(sys_madvise(b.t, AT + i * P, P, 4), 0);
		pcp_drain_all(&b.mem);
	}
	ck_assert_int_eq(compact_suitable(&b.k, z, 9, ALLOC_WMARK_MIN, z->id), COMPACT_SKIPPED);
	for (; zone_free_pages(z) <= want; i += 2) {
		ck_assert_int_eq(sys_madvise(b.t, AT + i * P, P, 4), 0);
		pcp_drain_all(&b.mem);
	}
	ck_assert_int_eq(compact_suitable(&b.k, z, 9, ALLOC_WMARK_MIN, z->id), COMPACT_CONTINUE);
	ck_assert_int_gt(buddy_fragmentation_index(z, 9), 500);
	b.k.params.extfrag_threshold = 1000; /* then it counts as lack of memory */
	ck_assert_int_eq(compact_suitable(&b.k, z, 9, ALLOC_WMARK_MIN, z->id), COMPACT_SKIPPED);
	ck_assert_int_eq(compact_suitable(&b.k, z, 0, ALLOC_WMARK_MIN, z->id), COMPACT_SUCCESS);
}
END_TEST

/* Each failure doubles what is passed over, up to 64; smaller orders are not concerned. */
START_TEST(failures_put_it_off)
{
	struct zone *z = zone();
	unsigned put_off = 0;

	z->compact.order_failed = NR_ORDERS;
	ck_assert(!compact_is_deferred(z, 9));
	for (unsigned i = 0; i < 3; i++)
		compact_defer(z, 9);
	ck_assert_uint_eq(z->compact.defer_shift, 3);
	ck_assert(!compact_is_deferred(z, 8));
	while (compact_is_deferred(z, 9))
		put_off++;
	ck_assert_uint_eq(put_off, 7); /* the eighth goes ahead */
	for (unsigned i = 0; i < 9; i++)
		compact_defer(z, 9);
	ck_assert_uint_eq(z->compact.defer_shift, 6);
	compact_defer_reset(z, 9, false); /* it may have worked for 9 … */
	ck_assert(!compact_is_deferred(z, 9));
	ck_assert(compact_is_deferred(z, 10));
	compact_succeeded(z, 10); /* … and did for 10 */
	ck_assert_uint_eq(z->compact.defer_shift, 0);
	ck_assert(!compact_is_deferred(z, 10));
}
END_TEST

/* The share of free memory in blocks below 2 MiB, weighted by the zones' sizes. */
START_TEST(the_score)
{
	struct node *n = &b.mem.node[0];
	uint64_t present = zone()->present;

	/* all that is free is in small blocks */
	ck_assert_uint_eq(compact_score(n), present * 100 / (n->present_pages + 1));
	ck_assert_int_eq(sys_munmap(b.t, AT, UINT64_C(64) << 20), 0);
	pcp_drain_all(&b.mem);
	ck_assert_uint_lt(compact_score(n), 20);
	b.k.params.compaction_proactiveness = 20;
	ck_assert_uint_eq(compact_score_mark(&b.k, false), 90);
	ck_assert_uint_eq(compact_score_mark(&b.k, true), 80);
	b.k.params.compaction_proactiveness = 100;
	ck_assert_uint_eq(compact_score_mark(&b.k, false), 15);
	ck_assert_uint_eq(compact_score_mark(&b.k, true), 5);
}
END_TEST

START_TEST(kcompactd_makes_a_block)
{
	struct node *n = &b.mem.node[0];

	fragment();
	n->kcompactd_order = 9;
	n->kcompactd_highest_zoneidx = NR_ZONES - 1;
	kcompactd_work(b.t, n);
	ck_assert_uint_ge(blocks_from(9), 1);
	ck_assert_int_eq(n->kcompactd_order, 0);
	ck_assert_uint_eq(event(VMEV_KCOMPACTD_WAKE), 1);
	ck_assert_uint_eq(event(VMEV_KCOMPACTD_MIGRATE_SCANNED), event(VMEV_COMPACTMIGRATE_SCANNED));
	ck_assert_uint_gt(event(VMEV_KCOMPACTD_FREE_SCANNED), 0);
	ck_assert_uint_eq(event(VMEV_COMPACTSTALL), 0);
	all_there();
	n->kcompactd_order = 9; /* nothing is left to do */
	kcompactd_work(b.t, n);
	ck_assert_uint_eq(event(VMEV_KCOMPACTD_MIGRATE_SCANNED), event(VMEV_COMPACTMIGRATE_SCANNED));
}
END_TEST

/* Compound pages are no business of compaction. */
START_TEST(huge_pages_stay)
{
	struct compaction c;
	pfn_t pfn;

	fragment();
	pfn = alloc_pages(b.t, GFP_TRANSHUGE, 9);
	ck_assert_uint_ne(pfn, PFN_NONE);
	c = (struct compaction){.cur = b.t,
				.k = &b.k,
				.z = zone(),
				.order = -1,
				.mode = MIGRATE_SYNC,
				.gfp = GFP_KERNEL,
				.whole_zone = true,
				.ignore_skip = true};
	ck_assert_int_eq(compact_zone(&c), COMPACT_COMPLETE);
	ck_assert(frame_of(&b.mem, pfn)->flags & FR_HEAD);
	ck_assert_int_eq(frame_of(&b.mem, pfn)->refs, 1);
	all_there();
	ck_assert_uint_ge(blocks_from(9), 3); /* the bottom of the zone is free */
	free_pages(b.t, pfn, 9);
}
END_TEST

START_TEST(a_list_is_turned)
{
	struct frame_list l;
	pfn_t p[4], expect[4] = {2, 3, 0, 1};

	frame_list_init(&l);
	for (unsigned i = 0; i < 4; i++) {
		p[i] = alloc_pages(b.t, GFP_KERNEL, 0);
		frame_list_append(&b.mem.frames, &l, p[i]);
	}
	compact_rotate(&b.mem, &l, p[2]);
	for (unsigned i = 0; i < 4; i++) {
		pfn_t got = frame_list_pop(&b.mem.frames, &l);

		ck_assert_uint_eq(got, p[expect[i]]);
		free_pages(b.t, got, 0);
	}
	ck_assert_uint_eq(l.n, 0);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("compact");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_huge_page_is_made_room_for);
	tcase_add_test(c, who_may_not_wait_does_not_compact);
	tcase_add_test(c, held_pages_stay);
	tcase_add_test(c, too_little_to_compact_with);
	tcase_add_test(c, failures_put_it_off);
	tcase_add_test(c, the_score);
	tcase_add_test(c, kcompactd_makes_a_block);
	tcase_add_test(c, huge_pages_stay);
	tcase_add_test(c, a_list_is_turned);
	return run_case("compact", c);
}
