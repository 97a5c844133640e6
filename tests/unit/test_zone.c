/*
 * test_zone.c - where zones lie, what is taken from them, watermarks, reserves and per-CPU list sizes. The
 * numbers named after a machine are those a Debian 6.1 kernel showed in /proc/zoneinfo on it.
 */
#include <check.h>

#include "models/kernel/buddy.h"
#include "tests/suite.h"
#include "tests/unit/mm_fixture.h"

static struct mm x;

static struct zone *zone(unsigned nid, enum zone_id id)
{
	return &x.mem.node[nid].zone[id];
}

START_TEST(x86_64_two_gib_has_no_normal)
{
	mm_open(&x, "topology.node_mem=2GiB");
	ck_assert_uint_eq(zone(0, ZONE_NORMAL)->present, 0);
	ck_assert_uint_eq(zone(0, ZONE_DMA32)->present, 524288 - 4096);
	ck_assert_uint_eq(zone(0, ZONE_DMA)->start, 1);
	ck_assert_uint_eq(zone(0, ZONE_DMA)->end - zone(0, ZONE_DMA)->start, 4095);
	ck_assert_uint_eq(zone(0, ZONE_DMA)->present, 3998);
	ck_assert_uint_eq(zone(0, ZONE_DMA)->managed, 3840);
	ck_assert_uint_eq(zone_free_pages(zone(0, ZONE_DMA)), 3840);
	/* 3840 = 256 + 512 + 3 * 1024 */
	ck_assert_uint_eq(zone(0, ZONE_DMA)->area[10].nr_free, 3);
	ck_assert_uint_eq(zone(0, ZONE_DMA)->area[9].nr_free, 1);
	ck_assert_uint_eq(zone(0, ZONE_DMA)->area[8].nr_free, 1);
	ck_assert(buddy_is_valid(&x.mem, zone(0, ZONE_DMA)));
	ck_assert(buddy_is_valid(&x.mem, zone(0, ZONE_DMA32)));
	mm_close(&x);
}
END_TEST

START_TEST(x86_64_eight_gib_spans_the_hole)
{
	mm_open(&x, "topology.node_mem=8GiB");
	ck_assert_uint_eq(zone(0, ZONE_DMA32)->end - zone(0, ZONE_DMA32)->start, 1044480);
	ck_assert_uint_eq(zone(0, ZONE_DMA32)->present, 786432 - 4096);
	ck_assert_uint_eq(zone(0, ZONE_NORMAL)->start, 1048576);
	ck_assert_uint_eq(zone(0, ZONE_NORMAL)->present, 1310720);
	ck_assert(frame_has(frame_of(&x.mem, 800000), FR_RESERVED));
	mm_close(&x);
}
END_TEST

START_TEST(i386_normal_ends_at_896_mib)
{
	mm_open(&x, "topology.node_mem=4GiB", "zones.layout=i386");
	ck_assert_uint_eq(zone(0, ZONE_DMA32)->present, 0);
	ck_assert_uint_eq(zone(0, ZONE_NORMAL)->start, 4096);
	ck_assert_uint_eq(zone(0, ZONE_NORMAL)->end, 229376);
	ck_assert_uint_eq(zone(0, ZONE_HIGHMEM)->start, 229376);
	ck_assert_uint_eq(zone(0, ZONE_HIGHMEM)->present, 1048576 - 229376);
	/* high memory's min is managed / 1024, at most 128 */
	ck_assert_uint_eq(zone(0, ZONE_HIGHMEM)->watermark[WMARK_MIN], 128);
	mm_close(&x);
}
END_TEST

/* 4 GiB = 1,048,576 frames; frame 0 and the 97 frames of the hole below 1 MiB have none. */
START_TEST(memory_map_is_charged)
{
	uint64_t managed, want = 1048576 - 98 - 158;

	mm_open(&x, "topology.node_mem=4GiB", "zones.layout=flat", "kernel.struct_page_bytes=40");
	ck_assert_uint_eq(1048575 - x.mem.totalram_pages, 10240); /* 40 MiB */
	mm_close(&x);
	mm_open(&x, "topology.node_mem=4GiB", "zones.layout=flat", "kernel.struct_page_bytes=64");
	ck_assert_uint_eq(1048575 - x.mem.totalram_pages, 16384); /* 64 MiB */
	mm_close(&x);
	mm_open(&x, "topology.node_mem=4GiB", "kernel.struct_page_bytes=64", "kernel.image_bytes=8MiB");
	managed = x.mem.totalram_pages;
	ck_assert_uint_eq(zone(0, ZONE_DMA)->managed, 3840);
	ck_assert_uint_eq(want - managed, (1048576 - 98) * 64 / 4096 + 1 + 2048);
	ck_assert(frame_has(frame_of(&x.mem, 4096), FR_RESERVED));
	mm_close(&x);
}
END_TEST

START_TEST(each_node_pays_for_its_own_map)
{
	mm_open(&x, "topology.node_mem=64MiB 128MiB", "topology.node_cpus=1", "kernel.image_bytes=1MiB");
	ck_assert_uint_eq(x.mem.node[1].zone[ZONE_DMA32].managed, 32768 - 512);
	ck_assert_uint_eq(x.mem.node[0].zone[ZONE_DMA32].managed, 16384 - 4096 - 255 - 256);
	mm_close(&x);
}
END_TEST

START_TEST(tiny_machines_work)
{
	mm_open(&x, "topology.node_mem=1MiB", MM_BARE);
	ck_assert_uint_eq(zone(0, ZONE_DMA)->managed, 255);
	ck_assert(buddy_is_valid(&x.mem, zone(0, ZONE_DMA)));
	mm_close(&x);
	ck_assert_int_lt(mm_try(&x, "topology.node_mem=64KiB", "kernel.image_bytes=1MiB", NULL), 0);
	ck_assert_int_eq(x.e.code, ERR_CONFIG);
	mm_close(&x);
}
END_TEST

START_TEST(movablecore_is_carved_from_the_ends)
{
	mm_open(&x, "topology.node_mem=512MiB 512MiB", "topology.node_cpus=1", "kernel.movablecore=256MiB",
		MM_BARE);
	/* 65536 pages over two equal nodes, starts rounded up to 1024 */
	ck_assert_uint_eq(zone(0, ZONE_MOVABLE)->end, 131072);
	ck_assert_uint_eq(zone(1, ZONE_MOVABLE)->end, 262144);
	ck_assert_uint_eq(zone(0, ZONE_MOVABLE)->start % 1024, 0);
	ck_assert_uint_eq(zone(1, ZONE_MOVABLE)->start % 1024, 0);
	ck_assert_uint_ge(zone(0, ZONE_MOVABLE)->present + zone(1, ZONE_MOVABLE)->present, 65536 - 2048);
	ck_assert_uint_le(zone(0, ZONE_MOVABLE)->present + zone(1, ZONE_MOVABLE)->present, 65536 + 98);
	ck_assert_uint_eq(zone(0, ZONE_DMA32)->end, zone(0, ZONE_MOVABLE)->start);
	/* GFP_USER cannot have it: protection of DMA32 against Movable = Movable / 256 */
	ck_assert_uint_eq(zone(0, ZONE_DMA32)->lowmem_reserve[ZONE_MOVABLE],
			  zone(0, ZONE_MOVABLE)->managed / 256);
	mm_close(&x);
}
END_TEST

/* What /proc/zoneinfo showed. */
struct seen {
	unsigned nid;
	enum zone_id id;
	uint64_t min, low, high, pcp_high, batch;
};

static void check_seen(const struct seen *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct zone *z = zone(s[i].nid, s[i].id);

		ck_assert_uint_eq(z->watermark[WMARK_MIN], s[i].min);
		ck_assert_uint_eq(z->watermark[WMARK_LOW], s[i].low);
		ck_assert_uint_eq(z->watermark[WMARK_HIGH], s[i].high);
		ck_assert_uint_eq(z->pcp_high, s[i].pcp_high);
		ck_assert_uint_eq(z->pcp_batch, s[i].batch);
	}
}

START_TEST(watermarks_128m)
{
	const struct seen s[] = {{0, ZONE_DMA, 49, 61, 73, 30, 1}, {0, ZONE_DMA32, 254, 317, 380, 158, 3}};

	mm_open(&x, "topology.node_mem=128MiB", "topology.node_cpus=2", "zones.managed=3840 19793",
		"vm.min_free_kbytes=1218", "zones.protection=0 65 65 65 65 0 0 0 0 0");
	check_seen(s, 2);
	ck_assert_uint_eq(x.mem.totalreserve_pages, 518);
	mm_close(&x);
}
END_TEST

START_TEST(watermarks_256m)
{
	const struct seen s[] = {{0, ZONE_DMA, 140, 175, 210, 87, 1},
				 {0, ZONE_DMA32, 1907, 2383, 2859, 1191, 15}};

	mm_open(&x, "topology.node_mem=256MiB", "topology.node_cpus=2", "zones.managed=3840 52001",
		"vm.min_free_kbytes=8192", "zones.protection=0 191 191 191 191 0 0 0 0 0",
		"zones.free=3808 44580");
	check_seen(s, 2);
	ck_assert_uint_eq(x.mem.totalreserve_pages, 3260);
	ck_assert_uint_eq(zone(0, ZONE_DMA)->lowmem_reserve[ZONE_DMA32], 191);
	ck_assert_uint_eq(zone(0, ZONE_DMA)->lowmem_reserve[ZONE_MOVABLE], 191);
	ck_assert_uint_eq(zone_free_pages(zone(0, ZONE_DMA)), 3808);
	ck_assert_uint_eq(zone_free_pages(zone(0, ZONE_DMA32)), 44580);
	ck_assert_uint_eq(zone(0, ZONE_DMA32)->watermark_boost, 0);
	ck_assert(buddy_is_valid(&x.mem, zone(0, ZONE_DMA32)));
	mm_close(&x);
}
END_TEST

START_TEST(watermarks_2g_on_two_nodes)
{
	const struct seen s[] = {{0, ZONE_DMA, 10, 13, 16, 13, 1},
				 {0, ZONE_DMA32, 672, 917, 1162, 917, 63},
				 {1, ZONE_DMA32, 705, 962, 1219, 962, 63}};

	mm_open(&x, "topology.node_mem=1GiB 1GiB", "topology.node_cpus=1", "zones.managed=3840 245741 257896",
		"vm.min_free_kbytes=5554", "zones.protection=0 951 951 951 951 0 0 0 0 0 0 0 0 0 0");
	check_seen(s, 3);
	ck_assert_uint_eq(x.mem.totalreserve_pages, 3348);
	mm_close(&x);
}
END_TEST

START_TEST(watermarks_512m_on_four_nodes)
{
	const struct seen s[] = {
		{0, ZONE_DMA, 22, 27, 32, 27, 1},       {0, ZONE_DMA32, 114, 142, 170, 142, 3},
		{1, ZONE_DMA32, 184, 230, 276, 230, 7}, {2, ZONE_DMA32, 184, 230, 276, 230, 7},
		{3, ZONE_DMA32, 184, 230, 276, 230, 7},
	};

	mm_open(&x, "topology.node_mem=128MiB 128MiB 128MiB 128MiB", "topology.node_cpus=1",
		"zones.managed=3840 19949 32151 32151 32104", "vm.min_free_kbytes=2761",
		"zones.protection=0 69 69 69 69 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
	check_seen(s, 5);
	ck_assert_uint_eq(x.mem.totalreserve_pages, 1099);
	mm_close(&x);
}
END_TEST

START_TEST(watermarks_8g)
{
	const struct seen s[] = {{0, ZONE_DMA, 31, 38, 45, 19, 1},
				 {0, ZONE_DMA32, 6273, 7841, 9409, 3920, 63},
				 {0, ZONE_NORMAL, 10591, 13238, 15885, 6619, 63}};

	/* the kernel computed these before it freed its initmem: 2921 pages less than the 757811 shown later
	 */
	mm_open(&x, "topology.node_mem=8GiB", "topology.node_cpus=2", "zones.managed=3840 754890 1274507",
		"vm.min_free_kbytes=67584",
		"zones.protection=0 2948 7927 7927 7927 0 0 4978 4978 4978 0 0 0 0 0");
	check_seen(s, 3);
	ck_assert_uint_eq(x.mem.totalreserve_pages, 34112);
	mm_close(&x);
	/* without the override: 1274507 / 256, and (757811 + 1274507) / 256 */
	mm_open(&x, "topology.node_mem=8GiB", "topology.node_cpus=2", "zones.managed=3840 757811 1274507");
	ck_assert_uint_eq(zone(0, ZONE_DMA32)->lowmem_reserve[ZONE_NORMAL], 4978);
	ck_assert_uint_eq(zone(0, ZONE_DMA)->lowmem_reserve[ZONE_NORMAL], 7938);
	ck_assert_uint_eq(zone(0, ZONE_NORMAL)->lowmem_reserve[ZONE_NORMAL], 0);
	mm_close(&x);
}
END_TEST

START_TEST(watermarks_8g_on_four_nodes)
{
	const struct seen s[] = {{0, ZONE_DMA, 5, 8, 11, 8, 1},
				 {0, ZONE_DMA32, 696, 1199, 1702, 1199, 63},
				 {1, ZONE_DMA32, 339, 584, 829, 584, 63},
				 {1, ZONE_NORMAL, 351, 604, 857, 604, 63},
				 {2, ZONE_NORMAL, 713, 1228, 1743, 1228, 63},
				 {3, ZONE_NORMAL, 713, 1228, 1743, 1228, 63}};

	mm_open(&x, "topology.node_mem=2GiB 2GiB 2GiB 2GiB", "topology.node_cpus=1",
		"zones.managed=3840 503789 245722 253847 515991 515788", "vm.min_free_kbytes=11280");
	check_seen(s, 6);
	ck_assert_uint_eq(zone(1, ZONE_DMA32)->lowmem_reserve[ZONE_NORMAL], 991);
	mm_close(&x);
}
END_TEST

/* isqrt(16 * 4 * pages): 1 GiB of 262143 pages → isqrt(16777152) = 4095; THP: 512 * 11 pages a zone. */
START_TEST(min_free_kbytes_formula)
{
	mm_open(&x, "topology.node_mem=1GiB", "zones.layout=flat", MM_BARE);
	ck_assert_uint_eq(x.mem.min_free_kbytes, 4095);
	memory_recommend_min_free(&x.mem, &x.zp);
	ck_assert_uint_eq(x.mem.min_free_kbytes, 512 * 11 * 4);
	mm_close(&x);
	mm_open(&x, "topology.node_mem=64KiB", "zones.layout=flat", MM_BARE);
	ck_assert_uint_eq(x.mem.min_free_kbytes, 128);
	mm_close(&x);
	/* 256 GiB: isqrt(16 * 2^28) = 65536 KiB, below the clamp */
	mm_open(&x, "topology.node_mem=256GiB", "zones.layout=flat", MM_BARE);
	ck_assert_uint_eq(x.mem.min_free_kbytes, 65535);
	mm_close(&x);
}
END_TEST

START_TEST(wrong_lists_are_refused)
{
	ck_assert_int_lt(mm_try(&x, "topology.node_mem=64MiB", "zones.managed=3840", NULL), 0);
	ck_assert_int_eq(x.e.code, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(x.e.text, "zones.managed"));
	mm_close(&x);
	ck_assert_int_lt(mm_try(&x, "topology.node_mem=64MiB", "zones.managed=3840 99999", NULL), 0);
	mm_close(&x);
	ck_assert_int_lt(mm_try(&x, "topology.node_mem=64MiB", "zones.free=9999 1", NULL), 0);
	mm_close(&x);
	ck_assert_int_lt(mm_try(&x, "topology.node_mem=64MiB", "zones.protection=0 1 1", NULL), 0);
	mm_close(&x);
	ck_assert_int_lt(mm_try(&x, "topology.node_mem=64MiB", "zones.managed=0 0", NULL), 0);
	mm_close(&x);
}
END_TEST

START_TEST(fallback_goes_by_distance)
{
	/* a ring of four: neighbours 16, across 22 */
	mm_open(&x, "topology.node_mem=64MiB 64MiB 64MiB 64MiB", "topology.node_cpus=1",
		"topology.distances=10 16 22 16 16 10 16 22 22 16 10 16 16 22 16 10");
	const unsigned want[4][4] = {{0, 1, 3, 2}, {1, 2, 0, 3}, {2, 3, 1, 0}, {3, 0, 2, 1}};

	for (unsigned n = 0; n < 4; n++) {
		ck_assert_uint_eq(x.mem.node[n].nr_fallback, 4);
		for (unsigned i = 0; i < 4; i++)
			ck_assert_uint_eq(x.mem.node[n].fallback[i], want[n][i]);
	}
	mm_close(&x);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("zone");

	tcase_add_test(t, x86_64_two_gib_has_no_normal);
	tcase_add_test(t, x86_64_eight_gib_spans_the_hole);
	tcase_add_test(t, i386_normal_ends_at_896_mib);
	tcase_add_test(t, memory_map_is_charged);
	tcase_add_test(t, each_node_pays_for_its_own_map);
	tcase_add_test(t, tiny_machines_work);
	tcase_add_test(t, movablecore_is_carved_from_the_ends);
	tcase_add_test(t, watermarks_128m);
	tcase_add_test(t, watermarks_256m);
	tcase_add_test(t, watermarks_2g_on_two_nodes);
	tcase_add_test(t, watermarks_512m_on_four_nodes);
	tcase_add_test(t, watermarks_8g);
	tcase_add_test(t, watermarks_8g_on_four_nodes);
	tcase_add_test(t, min_free_kbytes_formula);
	tcase_add_test(t, wrong_lists_are_refused);
	tcase_add_test(t, fallback_goes_by_distance);
	return run_case("zone", t);
}
