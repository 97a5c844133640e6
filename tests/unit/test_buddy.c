/*
 * test_buddy.c - splitting, coalescing and stealing, on worked examples.
 */
#include <check.h>

#include "models/kernel/buddy.h"
#include "tests/suite.h"
#include "tests/unit/mm_fixture.h"

static struct mm x;
static struct zone *z;

/* A flat machine of `mem` of which nothing is free. Its pages wait, in order, to be given to the lists. */
static void open_empty(const char *mem)
{
	char s[64];

	snprintf(s, sizeof(s), "topology.node_mem=%s", mem);
	mm_open(&x, s, "zones.layout=flat", MM_BARE);
	mm_all_movable(&x);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	for (unsigned o = 0; o < NR_ORDERS; o++) {
		while (z->area[o].list[MIGRATE_MOVABLE].first != PFN_NONE)
			ck_assert_uint_ne(buddy_alloc(&x.mem, z, o, MIGRATE_MOVABLE, 0), PFN_NONE);
	}
	ck_assert_uint_eq(zone_free_pages(z), 0);
}

/* Blocks of each order as text, "order:count" of those that are there. */
static const char *blocks(void)
{
	static char s[200];
	size_t n = 0;

	s[0] = 0;
	for (unsigned o = 0; o < NR_ORDERS; o++) {
		if (z->area[o].nr_free)
			n += (size_t)snprintf(s + n, sizeof(s) - n, "%s%u:%" PRIu64, n ? " " : "", o,
					      z->area[o].nr_free);
	}
	ck_assert(buddy_is_valid(&x.mem, z));
	return s;
}

START_TEST(sixteen_take_one)
{
	pfn_t pfn;

	open_empty("4MiB");
	buddy_free(&x.mem, z, 16, 4, false);
	ck_assert_str_eq(blocks(), "4:1");
	pfn = buddy_alloc(&x.mem, z, 0, MIGRATE_MOVABLE, 0);
	ck_assert_uint_eq(pfn, 16);
	ck_assert_str_eq(blocks(), "0:1 1:1 2:1 3:1"); /* 1 + 2 + 4 + 8 */
	ck_assert_uint_eq(zone_free_pages(z), 15);
	buddy_free(&x.mem, z, pfn, 0, false);
	ck_assert_str_eq(blocks(), "4:1");
	mm_close(&x);
}
END_TEST

START_TEST(sixty_four_ask_eight)
{
	pfn_t pfn;

	open_empty("4MiB");
	buddy_free(&x.mem, z, 64, 6, false);
	pfn = buddy_alloc(&x.mem, z, 3, MIGRATE_MOVABLE, 0);
	ck_assert_uint_eq(pfn, 64);
	ck_assert_str_eq(blocks(), "3:1 4:1 5:1"); /* 8, 16 and 32 left */
	ck_assert_uint_eq(z->area[3].list[MIGRATE_MOVABLE].first, 72);
	ck_assert_uint_eq(z->area[4].list[MIGRATE_MOVABLE].first, 80);
	ck_assert_uint_eq(z->area[5].list[MIGRATE_MOVABLE].first, 96);
	buddy_free(&x.mem, z, pfn, 3, false);
	ck_assert_str_eq(blocks(), "6:1");
	mm_close(&x);
}
END_TEST

START_TEST(buddies_of_different_parents_do_not_merge)
{
	open_empty("4MiB");
	buddy_free(&x.mem, z, 33, 0, false);
	buddy_free(&x.mem, z, 34, 0, false); /* neighbours, but 33's buddy is 32 and 34's is 35 */
	ck_assert_str_eq(blocks(), "0:2");
	buddy_free(&x.mem, z, 32, 0, false);
	ck_assert_str_eq(blocks(), "0:1 1:1");
	buddy_free(&x.mem, z, 35, 0, false);
	ck_assert_str_eq(blocks(), "2:1");
	ck_assert_uint_eq(z->area[2].list[MIGRATE_MOVABLE].first, 32);
	mm_close(&x);
}
END_TEST

/* buddy_merge_likely: a page whose buddy's neighbours are free goes to the tail. */
START_TEST(pages_that_may_merge_soon_go_to_the_tail)
{
	open_empty("4MiB");
	buddy_free(&x.mem, z, 200, 0, false);
	buddy_free(&x.mem, z, 100, 0, false); /* to the head */
	ck_assert_uint_eq(z->area[0].list[MIGRATE_MOVABLE].first, 100);
	buddy_free(&x.mem, z, 50, 1, false);
	buddy_free(&x.mem, z, 48, 0, false); /* 50..51 is free: 48..51 may come soon */
	ck_assert_uint_eq(z->area[0].list[MIGRATE_MOVABLE].last, 48);
	ck_assert_uint_eq(z->area[0].list[MIGRATE_MOVABLE].first, 100);
	mm_close(&x);
}
END_TEST

START_TEST(memory_never_leaves_the_zone)
{
	/* 4096 frames: DMA; Normal above. Order 10 blocks on both sides of the border do not merge. */
	mm_open(&x, "topology.node_mem=64MiB", MM_BARE);
	for (unsigned i = ZONE_DMA; i <= ZONE_DMA32; i++) {
		z = &x.mem.node[0].zone[i];
		while (zone_free_pages(z)) {
			pfn_t pfn = buddy_alloc(&x.mem, z, 0, MIGRATE_MOVABLE, 0);

			ck_assert_uint_ge(pfn, z->start);
			ck_assert_uint_lt(pfn, z->end);
			ck_assert_uint_eq(frame_of(&x.mem, pfn)->zid, i);
		}
		ck_assert_uint_eq(buddy_alloc(&x.mem, z, 0, MIGRATE_UNMOVABLE, 0), PFN_NONE);
	}
	mm_close(&x);
}
END_TEST

/* memmap_init_range sets a page block's type at the block's first frame. A block whose first frame is not the
 * zone's keeps what the table starts with, 0: unmovable; all others become movable. */
START_TEST(the_block_a_zone_begins_inside_of_is_unmovable)
{
	mm_open(&x, "topology.node_mem=64MiB 64MiB", "topology.node_cpus=1", "zones.layout=flat", MM_BARE);
	z = &x.mem.node[0].zone[ZONE_NORMAL]; /* frames 1 … 16383 */
	ck_assert_int_eq(buddy_pageblock_type(z, 1), MIGRATE_UNMOVABLE);
	for (pfn_t pfn = 512; pfn < 16384; pfn += 512)
		ck_assert_int_eq(buddy_pageblock_type(z, pfn), MIGRATE_MOVABLE);
	for (unsigned o = 0; o < PAGEBLOCK_ORDER; o++) { /* 511 = 1 + 2 + ... + 256, at 1, 2, 4, ... */
		ck_assert_uint_eq(z->area[o].list[MIGRATE_UNMOVABLE].first, (pfn_t)1 << o);
		ck_assert_uint_eq(z->area[o].list[MIGRATE_UNMOVABLE].n, 1);
		ck_assert_uint_eq(z->area[o].list[MIGRATE_MOVABLE].n, 0);
	}
	ck_assert_uint_eq(z->area[9].list[MIGRATE_MOVABLE].first, 512);
	ck_assert_uint_eq(z->area[10].list[MIGRATE_MOVABLE].n, 15);
	/* both kinds of request are served from where they belong; nothing is stolen */
	ck_assert_uint_eq(buddy_alloc(&x.mem, z, 0, MIGRATE_UNMOVABLE, 0), 1);
	ck_assert_uint_eq(buddy_alloc(&x.mem, z, 0, MIGRATE_MOVABLE, 0), 512);
	ck_assert_int_eq(buddy_pageblock_type(z, 512), MIGRATE_MOVABLE);
	z = &x.mem.node[1].zone[ZONE_NORMAL]; /* begins at a block's first frame */
	for (pfn_t pfn = 16384; pfn < 32768; pfn += 512)
		ck_assert_int_eq(buddy_pageblock_type(z, pfn), MIGRATE_MOVABLE);
	ck_assert(buddy_is_valid(&x.mem, z));
	mm_close(&x);
}
END_TEST

/* With all memory movable, the first unmovable request takes the whole page block, and its fellows follow
 * there. */
START_TEST(stealing_takes_the_largest_block)
{
	pfn_t a, b, c;

	mm_open(&x, "topology.node_mem=64MiB", "zones.layout=flat", MM_BARE);
	mm_all_movable(&x);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	a = buddy_alloc(&x.mem, z, 0, MIGRATE_UNMOVABLE, 0);
	ck_assert_uint_eq(a, 1024); /* first frame of the first block of order 10; frame 0 is missing */
	ck_assert_int_eq(buddy_pageblock_type(z, a), MIGRATE_UNMOVABLE);
	ck_assert_int_eq(buddy_pageblock_type(z, a + 512), MIGRATE_UNMOVABLE);
	ck_assert_int_eq(buddy_pageblock_type(z, a + 1024), MIGRATE_MOVABLE);
	b = buddy_alloc(&x.mem, z, 0, MIGRATE_UNMOVABLE, 0);
	ck_assert_uint_eq(b, a + 1);
	c = buddy_alloc(&x.mem, z, 0, MIGRATE_MOVABLE, 0);
	ck_assert_uint_eq(c, 1); /* the smallest movable block is 1 */
	ck_assert_uint_eq(z->watermark_boost, 0);
	ck_assert(buddy_is_valid(&x.mem, z));
	mm_close(&x);
}
END_TEST

/* With one movable page block left, an unmovable request takes it over when half of it is free, and the
 * watermarks rise. */
START_TEST(a_half_free_block_changes_its_type)
{
	pfn_t pfn[512], base;

	mm_open(&x, "topology.node_mem=64MiB", "zones.layout=flat", MM_BARE);
	mm_all_movable(&x);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	base = buddy_alloc(&x.mem, z, 9, MIGRATE_MOVABLE, 0);
	while (zone_free_pages(z))
		buddy_alloc(&x.mem, z, 0, MIGRATE_MOVABLE, 0);
	for (unsigned i = 0; i < 512; i++)
		pfn[i] = base + i;
	for (unsigned i = 0; i < 256; i++)
		buddy_free(&x.mem, z, pfn[i], 0, false); /* half of the block */
	for (unsigned i = 256; i < 512; i++)
		frame_of(&x.mem, pfn[i])->flags |= FR_LRU; /* the other half is in use and movable */
	ck_assert_int_eq(buddy_pageblock_type(z, base), MIGRATE_MOVABLE);
	ck_assert_uint_ne(buddy_alloc(&x.mem, z, 0, MIGRATE_UNMOVABLE, ALLOC_KSWAPD), PFN_NONE);
	ck_assert_int_eq(buddy_pageblock_type(z, base), MIGRATE_UNMOVABLE);
	ck_assert(z->boosted);
	/* min(512, max(512, high * 1.5)) */
	ck_assert_uint_eq(z->watermark_boost, 512);
	ck_assert(buddy_is_valid(&x.mem, z));
	mm_close(&x);
}
END_TEST

START_TEST(a_mostly_used_block_keeps_its_type)
{
	pfn_t base;

	mm_open(&x, "topology.node_mem=64MiB", "zones.layout=flat", "vm.watermark_boost_factor=0", MM_BARE);
	mm_all_movable(&x);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	base = buddy_alloc(&x.mem, z, 9, MIGRATE_MOVABLE, 0);
	while (zone_free_pages(z))
		buddy_alloc(&x.mem, z, 0, MIGRATE_MOVABLE, 0);
	for (pfn_t i = 0; i < 512; i++) {
		frame_of(&x.mem, base + i)->flags |= FR_LRU;
		if (i < 255)
			buddy_free(&x.mem, z, base + i, 0, false);
	}
	ck_assert_uint_ne(buddy_alloc(&x.mem, z, 0, MIGRATE_UNMOVABLE, ALLOC_KSWAPD), PFN_NONE);
	ck_assert_int_eq(buddy_pageblock_type(z, base), MIGRATE_MOVABLE);
	ck_assert(!z->boosted);
	ck_assert_uint_eq(z->watermark_boost, 0);
	mm_close(&x);
}
END_TEST

/* Asked not to fragment, a small request leaves blocks of other types alone unless a whole page block is
 * free. */
START_TEST(nofragment_leaves_small_blocks_alone)
{
	open_empty("8MiB");
	buddy_free(&x.mem, z, 1024, 8, false);
	ck_assert_uint_eq(buddy_alloc(&x.mem, z, 0, MIGRATE_UNMOVABLE, ALLOC_NOFRAGMENT), PFN_NONE);
	ck_assert_uint_ne(buddy_alloc(&x.mem, z, 0, MIGRATE_UNMOVABLE, 0), PFN_NONE);
	mm_close(&x);
	open_empty("8MiB");
	buddy_free(&x.mem, z, 1024, 9, false);
	ck_assert_uint_eq(buddy_alloc(&x.mem, z, 0, MIGRATE_UNMOVABLE, ALLOC_NOFRAGMENT), 1024);
	mm_close(&x);
}
END_TEST

START_TEST(highatomic_reserve)
{
	pfn_t pfn;

	mm_open(&x, "topology.node_mem=64MiB", "zones.layout=flat", MM_BARE);
	mm_all_movable(&x);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	pfn = buddy_alloc(&x.mem, z, 2, MIGRATE_UNMOVABLE, ALLOC_HIGHATOMIC);
	buddy_reserve_highatomic(&x.mem, z, pfn);
	ck_assert_uint_eq(z->nr_highatomic, 512);
	ck_assert_int_eq(buddy_pageblock_type(z, pfn), MIGRATE_HIGHATOMIC);
	/* others cannot have the 508 pages left of the block, the reserve's owners can */
	while (buddy_alloc(&x.mem, z, 0, MIGRATE_MOVABLE, 0) != PFN_NONE)
		;
	ck_assert_uint_eq(zone_free_pages(z), 508);
	ck_assert_uint_eq(buddy_alloc(&x.mem, z, 2, MIGRATE_UNMOVABLE, ALLOC_HIGHATOMIC), pfn + 4);
	ck_assert_uint_ne(buddy_alloc(&x.mem, z, 0, MIGRATE_UNMOVABLE, ALLOC_OOM), PFN_NONE);
	/* the last block goes back by force only */
	ck_assert(!buddy_unreserve_highatomic(&x.mem, z, MIGRATE_MOVABLE, false));
	ck_assert(buddy_unreserve_highatomic(&x.mem, z, MIGRATE_MOVABLE, true));
	ck_assert_uint_eq(z->nr_highatomic, 0);
	ck_assert_uint_ne(buddy_alloc(&x.mem, z, 0, MIGRATE_MOVABLE, 0), PFN_NONE);
	ck_assert(buddy_is_valid(&x.mem, z));
	mm_close(&x);
}
END_TEST

/* fragmentation index = 1000 - (1000 + free * 1000 / requested) / blocks */
START_TEST(fragmentation_index)
{
	open_empty("4MiB");
	ck_assert_int_eq(buddy_fragmentation_index(z, 4), 0); /* nothing free */
	for (pfn_t i = 0; i < 64; i++)
		buddy_free(&x.mem, z, 128 + 2 * i, 0, false); /* 64 single pages */
	/* order 4 of 16 pages: 1000 - (1000 + 4000) / 64 = 922: fragmented */
	ck_assert_int_eq(buddy_fragmentation_index(z, 4), 922);
	/* order 9: 1000 - (1000 + 125) / 64 = 983 */
	ck_assert_int_eq(buddy_fragmentation_index(z, 9), 983);
	buddy_free(&x.mem, z, 512, 4, false);
	ck_assert_int_eq(buddy_fragmentation_index(z, 4), -1000); /* would succeed */
	/* order 5: 80 pages in 65 blocks: 1000 - (1000 + 2500) / 65 = 947 */
	ck_assert_int_eq(buddy_fragmentation_index(z, 5), 947);
	mm_close(&x);
}
END_TEST

START_TEST(isolation_respects_the_min_watermark)
{
	pfn_t pfn;

	mm_open(&x, "topology.node_mem=64MiB", "zones.layout=flat", MM_BARE);
	mm_all_movable(&x);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	pfn = z->area[10].list[MIGRATE_MOVABLE].first;
	ck_assert_uint_eq(buddy_isolate(&x.mem, z, pfn), 1024);
	ck_assert_uint_eq(zone_free_pages(z), 16383 - 1024);
	buddy_free(&x.mem, z, pfn, 10, true);
	ck_assert_uint_eq(z->area[10].list[MIGRATE_MOVABLE].last, pfn);
	z->watermark[WMARK_MIN] = 16000;
	ck_assert_uint_eq(buddy_isolate(&x.mem, z, pfn), 0);
	ck_assert_uint_eq(zone_free_pages(z), 16383);
	mm_close(&x);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("buddy");

	tcase_add_test(t, sixteen_take_one);
	tcase_add_test(t, sixty_four_ask_eight);
	tcase_add_test(t, buddies_of_different_parents_do_not_merge);
	tcase_add_test(t, pages_that_may_merge_soon_go_to_the_tail);
	tcase_add_test(t, memory_never_leaves_the_zone);
	tcase_add_test(t, the_block_a_zone_begins_inside_of_is_unmovable);
	tcase_add_test(t, stealing_takes_the_largest_block);
	tcase_add_test(t, a_half_free_block_changes_its_type);
	tcase_add_test(t, a_mostly_used_block_keeps_its_type);
	tcase_add_test(t, nofragment_leaves_small_blocks_alone);
	tcase_add_test(t, highatomic_reserve);
	tcase_add_test(t, fragmentation_index);
	tcase_add_test(t, isolation_respects_the_min_watermark);
	return run_case("buddy", t);
}
