/*
 * test_pcp.c - per-CPU page lists: refills, drains and their sizes.
 */
#include <check.h>

#include "models/kernel/pcp.h"
#include "tests/suite.h"
#include "tests/unit/mm_fixture.h"

static struct mm x;
static struct zone *z;

/* 64 MiB: batch max(1, 16383 / 1024 / 4) = 3 → 3 + 1 = 4 → 2^2 - 1 = 3; high 4 * batch at least. */
static void open_flat(void)
{
	mm_open(&x, "topology.node_mem=64MiB", "topology.node_cpus=2", "zones.layout=flat", MM_BARE);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	ck_assert_uint_eq(z->pcp_batch, 3);
}

static pfn_t get(unsigned cpu, unsigned order)
{
	return pcp_alloc(&x.mem, z, cpu, order, MIGRATE_MOVABLE, 0, NULL);
}

START_TEST(orders_with_lists)
{
	for (unsigned o = 0; o < NR_ORDERS; o++)
		ck_assert_int_eq(pcp_order_allowed(o), o <= 3 || o == 9);
}
END_TEST

START_TEST(refill_takes_a_batch)
{
	struct pcp_work w = {0};
	uint64_t free_before;

	open_flat();
	free_before = zone_free_pages(z);
	ck_assert_uint_ne(pcp_alloc(&x.mem, z, 0, 0, MIGRATE_MOVABLE, 0, &w), PFN_NONE);
	ck_assert_uint_eq(w.bulk, 1);
	ck_assert_uint_eq(w.pages, 3);
	ck_assert_uint_eq(zone_free_pages(z), free_before - 3);
	ck_assert_uint_eq(z->pcp[0].count, 2);
	ck_assert_uint_eq(z->pcp[1].count, 0);
	/* the next two come from the list */
	pcp_alloc(&x.mem, z, 0, 0, MIGRATE_MOVABLE, 0, &w);
	pcp_alloc(&x.mem, z, 0, 0, MIGRATE_MOVABLE, 0, &w);
	ck_assert_uint_eq(w.bulk, 1);
	ck_assert_uint_eq(z->pcp[0].count, 0);
	/* order 2: max(3 >> 2, 2) blocks */
	ck_assert_uint_ne(pcp_alloc(&x.mem, z, 1, 2, MIGRATE_MOVABLE, 0, &w), PFN_NONE);
	ck_assert_uint_eq(w.pages, 3 + 8);
	ck_assert_uint_eq(z->pcp[1].count, 4);
	mm_close(&x);
}
END_TEST

/* Pages that were allocated before the start lie on a CPU's lists; no movable page comes from them. */
START_TEST(lists_at_the_start)
{
	uint64_t given[] = {5, 2}, free_before;
	struct u64_list pages = {.n = 2, .v = given};

	mm_open(&x, "topology.node_mem=64MiB", "topology.node_cpus=2", "zones.layout=flat",
		"zones.free=10000", MM_BARE);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	free_before = zone_free_pages(z);
	ck_assert_int_eq(pcp_setup(&x.mem, &pages, &x.e), 0);
	ck_assert_uint_eq(zone_free_pages(z), free_before);
	ck_assert_uint_eq(z->pcp[0].count, 5);
	ck_assert_uint_eq(z->pcp[1].count, 2);
	ck_assert(pcp_is_valid(&x.mem, z));
	get(1, 0);
	ck_assert_uint_eq(z->pcp[1].count, 2 + 2); /* a batch of three */
	ck_assert_uint_ne(pcp_alloc(&x.mem, z, 1, 0, MIGRATE_RECLAIMABLE, 0, NULL), PFN_NONE);
	ck_assert_uint_eq(z->pcp[1].count, 2 + 1);
	pcp_drain(&x.mem, z, 0);
	ck_assert_uint_eq(zone_free_pages(z), free_before - 3 + 5);
	pages.n = 1;
	ck_assert_int_lt(pcp_setup(&x.mem, &pages, &x.e), 0);
	given[0] = 20000; /* more than are not free */
	pages.n = 2;
	ck_assert_int_lt(pcp_setup(&x.mem, &pages, &x.e), 0);
	mm_close(&x);
}
END_TEST

START_TEST(pages_come_in_ascending_order)
{
	pfn_t first;

	open_flat();
	while (z->area[10].nr_free == 15) /* the small blocks at the start go first */
		get(0, 0);
	first = get(0, 0);
	for (pfn_t i = 1; i < 100; i++)
		ck_assert_uint_eq(get(0, 0), first + i);
	mm_close(&x);
}
END_TEST

/* Last in, first out: the page freed last is the one allocated next. */
START_TEST(hot_page_comes_back_first)
{
	pfn_t a, b;

	open_flat();
	a = get(0, 0);
	b = get(0, 0);
	pcp_free(&x.mem, z, 0, a, 0, NULL);
	pcp_free(&x.mem, z, 0, b, 0, NULL);
	ck_assert_uint_eq(get(0, 0), b);
	ck_assert_uint_eq(get(0, 0), a);
	mm_close(&x);
}
END_TEST

START_TEST(full_list_drains_by_doubling_batches)
{
	struct pcp_work w = {0};
	pfn_t pages[400];

	open_flat();
	z->pcp_high = 40;
	for (unsigned i = 0; i < 400; i++)
		pages[i] = get(0, 0);
	pcp_drain(&x.mem, z, 0);
	z->pcp[0].free_factor = 0;
	for (unsigned i = 0; i < 39; i++)
		pcp_free(&x.mem, z, 0, pages[i], 0, &w);
	ck_assert_uint_eq(w.pages, 0);
	pcp_free(&x.mem, z, 0, pages[39], 0, &w); /* 40: drains 3 */
	ck_assert_uint_eq(w.pages, 3);
	for (unsigned i = 40; i < 43; i++)
		pcp_free(&x.mem, z, 0, pages[i], 0, &w); /* 37 + 3: drains 6 */
	ck_assert_uint_eq(w.pages, 9);
	for (unsigned i = 43; i < 49; i++)
		pcp_free(&x.mem, z, 0, pages[i], 0, &w); /* 34 + 6: drains 12 */
	ck_assert_uint_eq(w.pages, 21);
	ck_assert_uint_eq(z->pcp[0].count, 28);
	/* an allocation halves the factor: 3 << 1 after factor 3 → 1 */
	ck_assert_uint_eq(z->pcp[0].free_factor, 3);
	get(0, 0);
	ck_assert_uint_eq(z->pcp[0].free_factor, 1);
	ck_assert(pcp_is_valid(&x.mem, z) && buddy_is_valid(&x.mem, z));
	mm_close(&x);
}
END_TEST

/* While kswapd works on the node a list holds no more than four batches. */
START_TEST(reclaim_shortens_the_lists)
{
	pfn_t pages[40];

	open_flat();
	z->pcp_high = 100;
	for (unsigned i = 0; i < 40; i++)
		pages[i] = get(0, 0);
	pcp_drain(&x.mem, z, 0);
	z->pcp[0].free_factor = 0;
	z->reclaim_active = true;
	for (unsigned i = 0; i < 40; i++) {
		pcp_free(&x.mem, z, 0, pages[i], 0, NULL);
		ck_assert_uint_lt(z->pcp[0].count, 12);
	}
	mm_close(&x);
}
END_TEST

/* A page goes back to the lists of the type that its page block had when it was freed. */
START_TEST(type_follows_the_page_block)
{
	pfn_t pfn;

	open_flat();
	pfn = pcp_alloc(&x.mem, z, 0, 0, MIGRATE_UNMOVABLE, 0, NULL);
	ck_assert_int_eq(buddy_pageblock_type(z, pfn), MIGRATE_UNMOVABLE);
	buddy_set_pageblock_type(z, pfn, MIGRATE_MOVABLE);
	pcp_drain(&x.mem, z, 0);
	pcp_free(&x.mem, z, 0, pfn, 0, NULL);
	ck_assert_uint_eq(z->pcp[0].list[MIGRATE_MOVABLE].first, pfn);
	mm_close(&x);
}
END_TEST

/* Lists of another node's zones give a batch back when three seconds have passed without use. */
START_TEST(remote_lists_expire)
{
	struct zone *remote;
	uint64_t count;

	mm_open(&x, "topology.node_mem=64MiB 64MiB", "topology.node_cpus=1", "zones.layout=flat", MM_BARE);
	remote = &x.mem.node[1].zone[ZONE_NORMAL];
	pcp_alloc(&x.mem, remote, 0, 0, MIGRATE_MOVABLE, 0, NULL);
	count = remote->pcp[0].count;
	ck_assert_uint_eq(count, 2);
	pcp_refresh(&x.mem, 0);
	pcp_refresh(&x.mem, 0);
	ck_assert_uint_eq(remote->pcp[0].count, 2);
	pcp_refresh(&x.mem, 0);
	ck_assert_uint_eq(remote->pcp[0].count, 0);
	/* of the own node never */
	pcp_alloc(&x.mem, remote, 1, 0, MIGRATE_MOVABLE, 0, NULL);
	for (unsigned i = 0; i < 9; i++)
		pcp_refresh(&x.mem, 1);
	ck_assert_uint_eq(remote->pcp[1].count, 2);
	mm_close(&x);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("pcp");

	tcase_add_test(t, orders_with_lists);
	tcase_add_test(t, refill_takes_a_batch);
	tcase_add_test(t, lists_at_the_start);
	tcase_add_test(t, pages_come_in_ascending_order);
	tcase_add_test(t, hot_page_comes_back_first);
	tcase_add_test(t, full_list_drains_by_doubling_batches);
	tcase_add_test(t, reclaim_shortens_the_lists);
	tcase_add_test(t, type_follows_the_page_block);
	tcase_add_test(t, remote_lists_expire);
	return run_case("pcp", t);
}
