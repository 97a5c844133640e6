/*
 * test_swap_prop.c - random life of slots in several areas, by several CPUs, against plain counts.
 */
#include "models/kernel/swap_map.h"
#include "sim/rng.h"
#include "tests/suite.h"
#include "tests/unit/files_fixture.h"

#define NR_PAGES 900
#define NR_STEPS 8000

static struct bed b;
static struct rng rng;
static struct {
	swp_entry_t entry;
	unsigned refs; /* of page tables */
	pfn_t pfn;     /* in the swap cache, or PFN_NONE */
	bool used;
} slot[NR_PAGES];

static void add(unsigned i)
{
	pfn_t pfn = bed_anon(&b);
	unsigned twice = 0;

	if (!swap_add_page(b.cur, pfn)) {
		ck_assert_uint_eq(swap_stats_of(b.k.swap)->full > 0, 1);
		page_unlock(&b.k, pfn, 0);
		bed_put(&b, pfn);
		return;
	}
	slot[i].entry = bed_frame(&b, pfn)->private;
	for (unsigned j = 0; j < NR_PAGES; j++)
		twice += j != i && slot[j].used && slot[j].entry == slot[i].entry;
	ck_assert_uint_eq(twice, 0);
	ck_assert_uint_eq(swap_count(b.k.swap, slot[i].entry), 0);
	swap_dup(&b.k, slot[i].entry);
	page_unlock(&b.k, pfn, 0);
	slot[i].refs = 1;
	slot[i].pfn = pfn;
	slot[i].used = true;
}

static void change(unsigned i)
{
	switch (rng_below(&rng, 4)) {
	case 0:
		swap_dup(&b.k, slot[i].entry);
		slot[i].refs++;
		break;
	case 1:
	case 2:
		if (slot[i].refs) {
			swap_put(&b.k, slot[i].entry);
			slot[i].refs--;
		}
		break;
	default:
		if (slot[i].pfn != PFN_NONE) { /* evicted */
			swap_cache_remove(&b.k, slot[i].pfn, 1 + i);
			bed_frame(&b, slot[i].pfn)->refs--;
			bed_put(&b, slot[i].pfn);
			slot[i].pfn = PFN_NONE;
		} else { /* back again */
			pfn_t pfn = bed_anon(&b);

			ck_assert_uint_eq(swap_cache_shadow(b.k.swap, slot[i].entry), 1 + i);
			ck_assert(swap_cache_insert(&b.k, pfn, slot[i].entry));
			page_unlock(&b.k, pfn, 0);
			slot[i].pfn = pfn;
		}
	}
	slot[i].used = slot[i].refs || slot[i].pfn != PFN_NONE;
	if (slot[i].used && !slot[i].refs && rng_below(&rng, 2)) { /* nobody refers to it: it can go */
		ck_assert(swap_try_to_free(b.cur, slot[i].pfn));
		bed_put(&b, slot[i].pfn);
		slot[i].used = false;
	}
}

static void check(void)
{
	uint64_t used = 0, cached = 0;

	for (unsigned i = 0; i < NR_PAGES; i++) {
		if (!slot[i].used)
			continue;
		used++;
		cached += slot[i].pfn != PFN_NONE;
		ck_assert_uint_eq(swap_count(b.k.swap, slot[i].entry), slot[i].refs);
		ck_assert_uint_eq(swap_cache_lookup(b.k.swap, slot[i].entry), slot[i].pfn);
	}
	ck_assert_uint_eq(swap_stats_of(b.k.swap)->slots_allocated - swap_stats_of(b.k.swap)->slots_freed,
			  used);
	ck_assert_int_eq(bed_node(&b, NR_SWAPCACHE), (int64_t)cached);
	ck_assert(swap_is_valid(&b.k));
}

static void life(const char *rotational, const char *size)
{
	bed_open(&b, "topology.node_mem=64MiB", "topology.node_cpus=3", "kernel.struct_page_bytes=0", size,
		 "swap.priority=3 3 1", rotational);
	rng_init(&rng, 7, size);
	memset(slot, 0, sizeof slot);
	for (unsigned n = 0; n < NR_STEPS; n++) {
		unsigned i = (unsigned)rng_below(&rng, NR_PAGES);

		b.bare.cpu = (unsigned)rng_below(&rng, 3);
		if (slot[i].used)
			change(i);
		else if (rng_below(&rng, 3))
			add(i);
		if (n % 1000 == 0)
			check();
	}
	check();
	bed_close(&b);
}

/* Never more than half full, so no allocation takes a slot that only the cache has. */
START_TEST(plenty)
{
	life("swap.rotational=false", "swap.size=4MiB 4MiB 64MiB");
}
END_TEST

START_TEST(plenty_on_a_disk)
{
	life("swap.rotational=true", "swap.size=4MiB 4MiB 64MiB");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("swap_prop");

	tcase_add_test(t, plenty);
	tcase_add_test(t, plenty_on_a_disk);
	return run_case("swap_prop", t);
}
