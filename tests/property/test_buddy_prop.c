/*
 * test_buddy_prop.c - random requests against a naive model: one byte a frame.
 *
 * The model knows nothing of lists. It says which frames are free; a request of order o must succeed exactly
 * when 2^o aligned free frames exist, must get such frames, and when everything is given back the lists must
 * look as they did at the start.
 */
#include <check.h>

#include "models/kernel/pcp.h"
#include "sim/rng.h"
#include "tests/suite.h"
#include "tests/unit/mm_fixture.h"

#define MAX_LIVE 4096

struct block {
	pfn_t pfn;
	unsigned order;
};

static struct mm x;
static struct zone *z;
static uint8_t *used;
static struct block live[MAX_LIVE];
static size_t nr_live;

static bool model_has(unsigned order)
{
	pfn_t size = (pfn_t)1 << order;

	for (pfn_t p = (z->start + size - 1) & ~(size - 1); p + size <= z->end; p += size) {
		pfn_t i = 0;

		while (i < size && !used[p + i])
			i++;
		if (i == size)
			return true;
	}
	return false;
}

static void model_set(pfn_t pfn, unsigned order, uint8_t value)
{
	for (pfn_t i = 0; i < (pfn_t)1 << order; i++) {
		ck_assert_uint_ne(used[pfn + i], value);
		used[pfn + i] = value;
	}
}

static uint64_t model_free(void)
{
	uint64_t n = 0;

	for (pfn_t p = z->start; p < z->end; p++)
		n += !used[p];
	return n;
}

static void open_zone(const char *mem)
{
	mm_open(&x, mem, "zones.layout=flat", "vm.watermark_boost_factor=0", MM_BARE);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	used = calloc(x.mem.frames.end, 1);
	used[0] = 1;
	nr_live = 0;
}

static void close_zone(void)
{
	free(used);
	mm_close(&x);
}

static void try_alloc(struct rng *r, unsigned max_order)
{
	/* small orders more often */
	unsigned order = (unsigned)rng_below(r, 1 + rng_below(r, max_order + 1));
	enum migratetype mt = (enum migratetype)rng_below(r, NR_PCP_TYPES);
	bool possible = model_has(order);
	pfn_t pfn;

	if (nr_live == MAX_LIVE)
		return;
	pfn = buddy_alloc(&x.mem, z, order, mt, 0);
	ck_assert_int_eq(pfn != PFN_NONE, possible);
	if (pfn == PFN_NONE)
		return;
	ck_assert_uint_eq(pfn & (((pfn_t)1 << order) - 1), 0);
	model_set(pfn, order, 1);
	for (pfn_t i = 0; i < (pfn_t)1 << order; i++)
		ck_assert_uint_eq(frame_of(&x.mem, pfn + i)->flags, 0);
	if (mt == MIGRATE_MOVABLE && rng_below(r, 2))
		frame_of(&x.mem, pfn)->flags = FR_LRU;
	live[nr_live++] = (struct block){pfn, order};
}

static void free_one(size_t i)
{
	buddy_free(&x.mem, z, live[i].pfn, live[i].order, false);
	model_set(live[i].pfn, live[i].order, 0);
	live[i] = live[--nr_live];
}

static void play(uint64_t seed, const char *mem, unsigned steps)
{
	uint64_t before[NR_ORDERS];
	struct rng r;

	rng_init(&r, seed, "test.buddy");
	open_zone(mem);
	for (unsigned o = 0; o < NR_ORDERS; o++)
		before[o] = z->area[o].nr_free;
	for (unsigned i = 0; i < steps; i++) {
		uint64_t lean = i / 500 % 2 ? 3 : 7; /* fill, empty, fill, … */

		if (rng_below(&r, 10) < lean)
			try_alloc(&r, NR_ORDERS - 1);
		else if (nr_live)
			free_one(rng_below(&r, nr_live));
		if (i % 100 == 0) {
			ck_assert(buddy_is_valid(&x.mem, z));
			ck_assert_uint_eq(zone_free_pages(z), model_free());
		}
	}
	while (nr_live)
		free_one(rng_below(&r, nr_live));
	ck_assert(buddy_is_valid(&x.mem, z));
	for (unsigned o = 0; o < NR_ORDERS; o++)
		ck_assert_uint_eq(z->area[o].nr_free, before[o]);
	close_zone();
}

START_TEST(random_requests)
{
	play(1 + (uint64_t)_i, "topology.node_mem=4MiB", 2000);
}
END_TEST

START_TEST(random_requests_on_an_odd_size)
{
	play(100 + (uint64_t)_i, "topology.node_mem=2508KiB", 2000);
}
END_TEST

/* The same through the per-CPU lists of three CPUs: pages are free, on a list, or used, and their sum stays.
 */
START_TEST(random_requests_per_cpu)
{
	struct rng r;
	uint64_t held = 0;

	rng_init(&r, 7 + (uint64_t)_i, "test.pcp");
	mm_open(&x, "topology.node_mem=16MiB", "topology.node_cpus=3", "zones.layout=flat", MM_BARE);
	z = &x.mem.node[0].zone[ZONE_NORMAL];
	used = calloc(x.mem.frames.end, 1);
	nr_live = 0;
	for (unsigned i = 0; i < 4000; i++) {
		unsigned cpu = (unsigned)rng_below(&r, 3), order = (unsigned)rng_below(&r, 5);
		enum migratetype mt = (enum migratetype)rng_below(&r, NR_PCP_TYPES);

		order = order == 4 ? PAGEBLOCK_ORDER : order;
		if (rng_below(&r, 10) < (i / 500 % 2 ? 3u : 7u) && nr_live < MAX_LIVE) {
			pfn_t pfn = pcp_alloc(&x.mem, z, cpu, order, mt, 0, NULL);

			if (pfn == PFN_NONE)
				continue;
			model_set(pfn, order, 1);
			live[nr_live++] = (struct block){pfn, order};
			held += UINT64_C(1) << order;
		} else if (nr_live) {
			size_t at = rng_below(&r, nr_live);

			model_set(live[at].pfn, live[at].order, 0);
			held -= UINT64_C(1) << live[at].order;
			pcp_free(&x.mem, z, cpu, live[at].pfn, live[at].order, NULL);
			live[at] = live[--nr_live];
		}
		ck_assert_uint_eq(zone_free_pages(z) + zone_pcp_count(&x.mem, z) + held, z->managed);
		if (i % 200 == 0)
			ck_assert(buddy_is_valid(&x.mem, z) && pcp_is_valid(&x.mem, z));
	}
	pcp_drain_all(&x.mem);
	ck_assert_uint_eq(zone_pcp_count(&x.mem, z), 0);
	ck_assert(buddy_is_valid(&x.mem, z));
	ck_assert_uint_eq(zone_free_pages(z) + held, z->managed);
	close_zone();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("buddy_prop");

	tcase_add_loop_test(t, random_requests, 0, 4);
	tcase_add_loop_test(t, random_requests_on_an_odd_size, 0, 4);
	tcase_add_loop_test(t, random_requests_per_cpu, 0, 3);
	return run_case("buddy_prop", t);
}
