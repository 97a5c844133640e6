/*
 * test_workingset.c - refault distances, costs, and how they split a scan between anonymous and file pages.
 */
#include "tests/unit/vm_fixture.h"

#include <check.h>

#include "tests/suite.h"

#include "models/kernel/reclaim/scan.h"

static struct bed b;
static struct node *n;

static void start(const char *setting)
{
	bed_new(&b, BED_SMALL, setting, NULL);
	n = &b.mem.node[0];
}

static void setup(void)
{
	start(NULL);
}

static void teardown(void)
{
	for (unsigned l = 0; l < NR_LRU_LISTS; l++)
		n->lruvec.list[l].n = 0;
	bed_free(&b);
}

static void sizes(uint64_t inactive_anon, uint64_t active_anon, uint64_t inactive_file, uint64_t active_file)
{
	const uint64_t size[] = {inactive_anon, active_anon, inactive_file, active_file};

	for (unsigned l = 0; l < 4; l++) {
		n->lruvec.list[l].n = size[l];
		for (unsigned z = 0; z < NR_ZONES; z++)
			n->zone[z].stat.item[NR_ZONE_INACTIVE_ANON + l] = 0;
		n->zone[ZONE_DMA32].stat.item[NR_ZONE_INACTIVE_ANON + l] = (int64_t)size[l];
	}
	workingset_flush_stats(&b.k, &n->lruvec);
}

/* ---- refaults ---- */

/* The file's working set is the active file list, and the anonymous ones while there is swap. */
static const struct {
	bool swap, anon;
	uint64_t inactive_anon, active_anon, inactive_file, active_file, size;
} set[] = {
	{true, false, 30, 40, 50, 100, 100 + 40 + 30},
	{false, false, 30, 40, 50, 100, 100},
	{true, true, 30, 40, 50, 100, 100 + 50 + 40},
	{true, false, 0, 0, 500, 1, 1},
};

START_TEST(a_refault_within_the_working_set_activates)
{
	pfn_t pfn;
	struct frame *f;

	teardown();
	start(set[_i].swap ? NULL : "swap.size=0");
	pfn = alloc_pages(b.t, GFP_HIGHUSER_MOVABLE, 0);
	f = frame_of(&b.mem, pfn);
	if (set[_i].anon)
		f->flags |= FR_ANON | FR_SWAPBACKED;
	sizes(set[_i].inactive_anon, set[_i].active_anon, set[_i].inactive_file, set[_i].active_file);
	for (unsigned beyond = 0; beyond < 2; beyond++) {
		uint64_t seen =
			(uint64_t)n->stat
				.item[set[_i].anon ? NR_WORKINGSET_REFAULT_ANON : NR_WORKINGSET_REFAULT_FILE];
		shadow_t shadow = workingset_eviction(&b.k, pfn, NULL);

		ck_assert_uint_ne(shadow, 0);
		/* the eviction itself is one; then size - 1 others, or one more */
		n->lruvec.nonresident_age += set[_i].size - 1 + beyond;
		f->flags &= ~(uint32_t)FR_ACTIVE;
		workingset_refault(b.t, pfn, shadow);
		ck_assert_int_eq((f->flags & FR_ACTIVE) != 0, !beyond);
		ck_assert_int_eq(
			n->stat.item[set[_i].anon ? NR_WORKINGSET_REFAULT_ANON : NR_WORKINGSET_REFAULT_FILE],
			(int64_t)seen + 1);
		ck_assert_int_eq(n->stat.item[set[_i].anon ? NR_WORKINGSET_ACTIVATE_ANON
							   : NR_WORKINGSET_ACTIVATE_FILE],
				 1);
	}
	ck_assert_int_eq(n->stat.item[NR_WORKINGSET_RESTORE_FILE] + n->stat.item[NR_WORKINGSET_RESTORE_ANON],
			 0);
	frame_put(&b.k, 0, pfn);
}
END_TEST

/* The lists that a distance is compared with are those of the last flush, for two seconds. */
START_TEST(statistics_are_late)
{
	pfn_t pfn = alloc_pages(b.t, GFP_HIGHUSER_MOVABLE, 0);
	struct frame *f = frame_of(&b.mem, pfn);
	static const struct {
		tick_t now;
		bool active;
	} step[] = {{0, false}, {2 * PS_PER_S - 1, false}, {2 * PS_PER_S, true}};

	sizes(0, 0, 0, 10);
	n->lruvec.list[LRU_ACTIVE_FILE].n = 1000; /* nobody says so */
	for (unsigned i = 0; i < ARRAY_LEN(step); i++) {
		shadow_t shadow = workingset_eviction(&b.k, pfn, NULL);

		b.k.eventq->now = step[i].now;
		n->lruvec.nonresident_age += 500;
		f->flags &= ~(uint32_t)FR_ACTIVE;
		workingset_refault(b.t, pfn, shadow);
		ck_assert_int_eq((f->flags & FR_ACTIVE) != 0, step[i].active);
	}
	frame_put(&b.k, 0, pfn);
}
END_TEST

/* What had been active before it went is restored, and its return is a cost. */
START_TEST(thrashing_pages_are_a_cost)
{
	pfn_t pfn = alloc_pages(b.t, GFP_HIGHUSER_MOVABLE, 0);
	struct frame *f = frame_of(&b.mem, pfn);
	shadow_t shadow;

	sizes(1000, 1000, 1000, 1000);
	f->flags |= FR_WORKINGSET;
	shadow = workingset_eviction(&b.k, pfn, NULL);
	f->flags &= ~(uint32_t)FR_WORKINGSET;
	workingset_refault(b.t, pfn, shadow);
	ck_assert(f->flags & FR_WORKINGSET);
	ck_assert_int_eq(n->stat.item[NR_WORKINGSET_RESTORE_FILE], 1);
	ck_assert_uint_eq(n->lruvec.file_cost, 1);
	ck_assert_uint_eq(n->lruvec.anon_cost, 0);
	workingset_refault(b.t, pfn, 0); /* no shadow: nothing */
	ck_assert_int_eq(n->stat.item[NR_WORKINGSET_RESTORE_FILE], 1);
	frame_put(&b.k, 0, pfn);
}
END_TEST

/* Above a quarter of the four lists both costs are halved. */
START_TEST(costs_decay)
{
	sizes(100, 100, 100, 100);
	lru_note_cost(&n->lruvec, true, 60);
	lru_note_cost(&n->lruvec, false, 40);
	ck_assert_uint_eq(n->lruvec.file_cost, 60);
	ck_assert_uint_eq(n->lruvec.anon_cost, 40);
	lru_note_cost(&n->lruvec, false, 1);
	ck_assert_uint_eq(n->lruvec.file_cost, 30);
	ck_assert_uint_eq(n->lruvec.anon_cost, 20);
}
END_TEST

/* ---- get_scan_count ---- */

/*
 * 4,096,000 pages a list at priority 12 are 1000 to look at. Costs 0: shares are swappiness to 200 -
 * swappiness. With costs of 100 and 300: anon 400 + 100, file 400 + 300, of 1200; at 60: 60 * 1201 / 501 =
 * 143 and 140 * 1201 / 701 = 239, so 1000 * 143 / 382 = 374 and 1000 * 239 / 382 = 625.
 */
static const struct {
	uint64_t swappiness, anon_cost, file_cost, anon, file;
} fraction[] = {{0, 0, 0, 0, 1000},      {60, 0, 0, 300, 700},     {100, 0, 0, 500, 500},
		{200, 0, 0, 1000, 0},    {60, 100, 300, 374, 625}, {100, 100, 300, 582, 417},
		{0, 100, 300, 0, 1000},  {200, 100, 300, 1000, 0}, {100, 1000, 1000, 500, 500},
		{100, 1000, 0, 332, 667}};

START_TEST(shares_of_a_scan)
{
	struct reclaim_request r = {.priority = 12,
				    .may_swap = true,
				    .reclaim_idx = NR_ZONES - 1,
				    .anon_cost = fraction[_i].anon_cost,
				    .file_cost = fraction[_i].file_cost};
	uint64_t nr[NR_LRU_LISTS];

	b.k.params.swappiness = fraction[_i].swappiness;
	sizes(4096000, 4096000, 4096000, 4096000);
	twolist_scan_counts(b.t, &n->lruvec, &r, nr);
	ck_assert_uint_eq(nr[LRU_INACTIVE_ANON], fraction[_i].anon);
	ck_assert_uint_eq(nr[LRU_ACTIVE_ANON], fraction[_i].anon);
	ck_assert_uint_eq(nr[LRU_INACTIVE_FILE], fraction[_i].file);
	ck_assert_uint_eq(nr[LRU_ACTIVE_FILE], fraction[_i].file);
}
END_TEST

START_TEST(special_cases_of_a_scan)
{
	struct reclaim_request r = {.priority = 12, .reclaim_idx = NR_ZONES - 1};
	uint64_t nr[NR_LRU_LISTS];

	b.k.params.swappiness = 60;
	sizes(4096000, 4096000, 4096000, 4096000);
	twolist_scan_counts(b.t, &n->lruvec, &r, nr); /* no swapping: only files */
	ck_assert_uint_eq(nr[LRU_INACTIVE_ANON], 0);
	ck_assert_uint_eq(nr[LRU_INACTIVE_FILE], 1000);
	r.may_swap = true;
	r.file_is_tiny = true;
	twolist_scan_counts(b.t, &n->lruvec, &r, nr);
	ck_assert_uint_eq(nr[LRU_INACTIVE_ANON], 1000);
	ck_assert_uint_eq(nr[LRU_INACTIVE_FILE], 0);
	r.file_is_tiny = false;
	r.cache_trim_mode = true;
	twolist_scan_counts(b.t, &n->lruvec, &r, nr);
	ck_assert_uint_eq(nr[LRU_INACTIVE_ANON], 0);
	r.priority = 0; /* near the OOM killer everything is looked at */
	twolist_scan_counts(b.t, &n->lruvec, &r, nr);
	ck_assert_uint_eq(nr[LRU_INACTIVE_ANON], 4096000);
	ck_assert_uint_eq(nr[LRU_INACTIVE_FILE], 4096000);
	r.priority = 12;
	r.cache_trim_mode = false;
	r.reclaim_idx = ZONE_DMA; /* pages of higher zones do not count */
	twolist_scan_counts(b.t, &n->lruvec, &r, nr);
	ck_assert_uint_eq(nr[LRU_INACTIVE_FILE], 0);
}
END_TEST

/* inactive * ratio < active, the ratio sqrt(10 * GiB), 1 below a GiB (262144 pages). */
static const struct {
	uint64_t inactive, active;
	bool low;
} balance[] = {
	{100, 100, false},
	{100, 101, true},
	{131071, 131072, true},
	{131072, 131072, false} /* 1 GiB: ratio 3 */,
	{65537, 196609, false},
	{65536, 196609, true},
	{262144, 2621440 - 262144, false} /* 10 GiB: ratio 10 */,
	{238000, 2621440, true},
};

START_TEST(the_inactive_list_is_low)
{
	struct reclaim_request r = {.priority = 12, .may_swap = true};

	sizes(balance[_i].inactive, balance[_i].active, balance[_i].inactive, balance[_i].active);
	reclaim_at(0)->finish(&n->lruvec);
	reclaim_at(0)->prepare(b.t, &n->lruvec, &r);
	ck_assert_int_eq(r.deactivate_file, balance[_i].low);
	ck_assert_int_eq(r.deactivate_anon, balance[_i].low);
	n->stat.item[NR_WORKINGSET_ACTIVATE_FILE]++; /* pages of the working set came back: make room */
	reclaim_at(0)->prepare(b.t, &n->lruvec, &r);
	ck_assert(r.deactivate_file);
	ck_assert_int_eq(r.deactivate_anon, balance[_i].low);
}
END_TEST

/* Plenty of inactive cache that nobody wants back: nothing else is looked at. */
START_TEST(cache_is_trimmed_first)
{
	struct reclaim_request r = {.priority = 12, .may_swap = true};

	sizes(10000, 10000, 100000, 100);
	reclaim_at(0)->finish(&n->lruvec);
	reclaim_at(0)->prepare(b.t, &n->lruvec, &r);
	ck_assert(r.cache_trim_mode);
	sizes(10000, 10000, 4095, 100);
	reclaim_at(0)->prepare(b.t, &n->lruvec, &r);
	ck_assert(!r.cache_trim_mode);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("workingset");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_refault_within_the_working_set_activates, 0, (int)ARRAY_LEN(set));
	tcase_add_test(t, statistics_are_late);
	tcase_add_test(t, thrashing_pages_are_a_cost);
	tcase_add_test(t, costs_decay);
	tcase_add_loop_test(t, shares_of_a_scan, 0, (int)ARRAY_LEN(fraction));
	tcase_add_test(t, special_cases_of_a_scan);
	tcase_add_loop_test(t, the_inactive_list_is_low, 0, (int)ARRAY_LEN(balance));
	tcase_add_test(t, cache_is_trimmed_first);
	return run_case("workingset", t);
}
