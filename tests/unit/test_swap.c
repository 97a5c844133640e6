/*
 * test_swap.c - slots: who gets which, when they are free again; the swap cache; input and output.
 */
#include "models/kernel/swap_map.h"
#include "tests/suite.h"
#include "tests/unit/files_fixture.h"

#define MEMORY "topology.node_mem=64MiB", "kernel.struct_page_bytes=0"

static struct bed b;

static struct swap_stats *stats(void)
{
	return swap_stats_of(b.k.swap);
}

static uint64_t in_use(void)
{
	return stats()->slots_allocated - stats()->slots_freed;
}

/* An anonymous page in the swap cache with n references from page tables; unlocked, one reference of ours. */
static pfn_t cached(unsigned n)
{
	pfn_t pfn = bed_anon(&b);

	ck_assert(swap_add_page(b.cur, pfn));
	for (unsigned i = 0; i < n; i++)
		swap_dup(&b.k, bed_frame(&b, pfn)->private);
	page_unlock(&b.k, pfn, 0);
	return pfn;
}

static swp_entry_t entry(pfn_t pfn)
{
	return bed_frame(&b, pfn)->private;
}

static void drop(pfn_t pfn, uint64_t shadow)
{
	swap_cache_remove(&b.k, pfn, shadow);
	bed_frame(&b, pfn)->refs--;
	bed_put(&b, pfn);
}

START_TEST(slots_in_use)
{
	pfn_t page[300];

	bed_open(&b, MEMORY, "swap.size=16MiB");
	for (unsigned i = 0; i < 300; i++)
		page[i] = cached(1);
	ck_assert_uint_eq(in_use(), 300);
	ck_assert_int_eq(bed_node(&b, NR_SWAPCACHE), 300);
	ck_assert_int_eq(bed_node(&b, NR_FILE_PAGES), 300);
	ck_assert(swap_is_valid(&b.k));
	for (unsigned i = 0; i < 300; i++) {
		swp_entry_t e = entry(page[i]);

		drop(page[i], 7 + i); /* evicted: the entry stays */
		ck_assert_uint_eq(swap_count(b.k.swap, e), 1);
		ck_assert_uint_eq(swap_cache_shadow(b.k.swap, e), 7 + i);
		ck_assert_uint_eq(swap_cache_lookup(b.k.swap, e), PFN_NONE);
		if (i % 3 == 0)
			swap_put(&b.k, e);
	}
	ck_assert_uint_eq(in_use(), 200);
	ck_assert_int_eq(bed_node(&b, NR_FILE_PAGES), 0);
	ck_assert(swap_is_valid(&b.k));
	bed_close(&b);
}
END_TEST

/* 4096 slots: cluster 0 has the header, so the first slot is that of a whole cluster; then one after another.
 */
START_TEST(consecutive_slots)
{
	uint64_t first;

	bed_open(&b, MEMORY, "swap.size=16MiB");
	first = swp_slot(entry(cached(1)));
	ck_assert_uint_eq(first % 512, 0);
	ck_assert_uint_ge(first, 512);
	for (unsigned i = 1; i < 512; i++)
		ck_assert_uint_eq(swp_slot(entry(cached(1))), first + i);
	first = swp_slot(entry(cached(1)));
	ck_assert_uint_eq(first % 512, 0);
	bed_close(&b);
}
END_TEST

/* 512 slots behind the header's cluster: five pages of each CPU in turn are five neighbours in two clusters.
 */
START_TEST(a_cluster_each_cpu)
{
	uint64_t slot[2][5];

	bed_open(&b, MEMORY, "swap.size=16MiB", "topology.node_cpus=2");
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned cpu = 0; cpu < 2; cpu++) {
			b.bare.cpu = cpu;
			slot[cpu][i] = swp_slot(entry(cached(1)));
		}
	}
	for (unsigned i = 1; i < 5; i++) {
		ck_assert_uint_eq(slot[0][i], slot[0][0] + i);
		ck_assert_uint_eq(slot[1][i], slot[1][0] + i);
	}
	ck_assert_uint_ne(slot[0][0] / 512, slot[1][0] / 512);
	bed_close(&b);
}
END_TEST

/* A disk takes its slots from the beginning. */
START_TEST(rotational)
{
	bed_open(&b, MEMORY, "swap.size=16MiB", "swap.rotational=true");
	for (unsigned i = 0; i < 600; i++)
		ck_assert_uint_eq(swp_slot(entry(cached(1))), 1 + i);
	ck_assert(swap_is_valid(&b.k));
	bed_close(&b);
}
END_TEST

/* 3 x 63 slots are too few for slot caches: equal priorities take turns page by page. */
START_TEST(equal_priorities)
{
	bed_open(&b, MEMORY, "swap.size=256KiB 256KiB 256KiB", "swap.priority=7 9 9");
	for (unsigned i = 0; i < 126; i++)
		ck_assert_uint_eq(swp_area(entry(cached(1))), 1 + i % 2);
	ck_assert_uint_eq(swp_area(entry(cached(1))), 0); /* both are full */
	ck_assert(swap_is_valid(&b.k));
	bed_close(&b);
}
END_TEST

/* With caches a whole cache of 64 comes from one area. */
START_TEST(turns_by_caches)
{
	bed_open(&b, MEMORY, "swap.size=4MiB 4MiB", "swap.priority=1 1");
	for (unsigned i = 0; i < 256; i++)
		ck_assert_uint_eq(swp_area(entry(cached(1))), i / 64 % 2);
	bed_close(&b);
}
END_TEST

START_TEST(default_priorities)
{
	bed_open(&b, MEMORY, "swap.size=64KiB 64KiB");
	for (unsigned i = 0; i < 30; i++)
		ck_assert_uint_eq(swp_area(entry(cached(1))), i / 15);
	bed_close(&b);
}
END_TEST

START_TEST(full)
{
	pfn_t pfn;
	swp_entry_t e;

	bed_open(&b, MEMORY, "swap.size=64KiB");
	ck_assert_uint_eq(swap_total_slots(b.k.swap), 15);
	e = entry(cached(1));
	for (unsigned i = 1; i < 15; i++)
		cached(1);
	ck_assert_uint_eq(swap_free_slots(b.k.swap), 0);
	ck_assert(swap_is_half_full(&b.k, bed_frame(&b, bed_anon(&b))));
	pfn = bed_anon(&b);
	ck_assert(!swap_add_page(b.cur, pfn));
	ck_assert(!swap_add_page(b.cur, pfn));
	ck_assert(!frame_has(bed_frame(&b, pfn), FR_SWAPCACHE | FR_DIRTY));
	ck_assert_uint_eq(stats()->full, 2);
	ck_assert_uint_eq(b.swap_full_events, 1);
	drop(swap_cache_lookup(b.k.swap, e), 0);
	swap_put(&b.k, e);
	ck_assert(swap_add_page(b.cur, pfn));
	ck_assert_uint_eq(entry(pfn), e); /* the one that is free */
	ck_assert(swap_is_valid(&b.k));
	bed_close(&b);
}
END_TEST

START_TEST(no_swap)
{
	bed_open(&b, MEMORY, "swap.size=0");
	ck_assert_uint_eq(swap_total_slots(b.k.swap), 0);
	ck_assert(!swap_add_page(b.cur, bed_anon(&b)));
	ck_assert_uint_eq(b.swap_full_events, 0);
	ck_assert(swap_is_valid(&b.k));
	bed_close(&b);
}
END_TEST

START_TEST(last_reference)
{
	pfn_t pfn;
	swp_entry_t e;

	bed_open(&b, MEMORY, "swap.size=64KiB");
	pfn = cached(2);
	e = entry(pfn);
	swap_put(&b.k, e);
	ck_assert_uint_eq(swap_count(b.k.swap, e), 1);
	swap_put(&b.k, e);
	ck_assert_uint_eq(in_use(), 1); /* the cache still has it */
	ck_assert_uint_eq(swap_cache_lookup(b.k.swap, e), pfn);
	drop(pfn, 5);
	ck_assert_uint_eq(in_use(), 0);
	ck_assert_uint_eq(swap_cache_shadow(b.k.swap, e), 0); /* a free slot has no shadow */
	ck_assert_uint_eq(swap_free_slots(b.k.swap), 15);
	ck_assert(swap_is_valid(&b.k));
	bed_close(&b);
}
END_TEST

START_TEST(put_and_cache)
{
	uint64_t free;
	pfn_t pfn;
	swp_entry_t e;

	bed_open(&b, MEMORY, "swap.size=64KiB");
	free = memory_free_pages(&b.mem);
	pfn = cached(2);
	e = entry(pfn);
	bed_put(&b, pfn); /* only the cache holds it */
	swap_put_and_cache(b.cur, e);
	ck_assert_uint_eq(swap_cache_lookup(b.k.swap, e), pfn);
	swap_put_and_cache(b.cur, e);
	ck_assert_uint_eq(swap_cache_lookup(b.k.swap, e), PFN_NONE);
	ck_assert_uint_eq(in_use(), 0);
	ck_assert_int_eq(bed_frame(&b, pfn)->refs, 0);
	ck_assert_int_eq(bed_node(&b, NR_SWAPCACHE), 0);
	ck_assert_uint_le(memory_free_pages(&b.mem), free); /* it may be on a per-CPU list */
	bed_close(&b);
}
END_TEST

START_TEST(try_to_free)
{
	pfn_t pfn;
	swp_entry_t e;

	bed_open(&b, MEMORY, "swap.size=64KiB");
	pfn = cached(1);
	e = entry(pfn);
	ck_assert(!swap_try_to_free(b.cur, pfn)); /* referred to */
	page_lock(b.cur, pfn);
	swap_write(b.cur, pfn);
	page_unlock(&b.k, pfn, kernel_now(&b.k));
	ck_assert(!frame_has(bed_frame(&b, pfn), FR_DIRTY));
	swap_put(&b.k, e);
	ck_assert(!swap_try_to_free(b.cur, pfn)); /* under write-back */
	page_wait_flags(b.cur, pfn, FR_WRITEBACK);
	ck_assert_int_eq(bed_frame(&b, pfn)->refs, 2);
	ck_assert(swap_try_to_free(b.cur, pfn));
	ck_assert_int_eq(bed_frame(&b, pfn)->refs, 1);
	ck_assert(frame_has(bed_frame(&b, pfn), FR_DIRTY) && !frame_has(bed_frame(&b, pfn), FR_SWAPCACHE));
	ck_assert_uint_eq(in_use(), 0);
	ck_assert(!swap_try_to_free(b.cur, pfn));
	bed_close(&b);
}
END_TEST

/* More than half full: a scan that meets a slot which only an idle cached page holds takes it, before the
 * free one further on. */
START_TEST(reclaims_cached_slots)
{
	pfn_t page[15];
	unsigned top = 0;

	bed_open(&b, MEMORY, "swap.size=64KiB");
	for (unsigned i = 0; i < 15; i++) {
		page[i] = cached(0);
		top = swp_slot(entry(page[i])) == 15 ? i : top;
	}
	ck_assert_uint_lt(swp_slot(entry(page[14])), 13); /* where scanning goes on */
	drop(page[top], 0);
	for (unsigned i = 0; i < 15; i++)
		if (i != top)
			bed_put(&b, page[i]);
	ck_assert_int_eq(bed_node(&b, NR_SWAPCACHE), 14);
	ck_assert_uint_eq(swap_free_slots(b.k.swap), 1);
	cached(1);
	ck_assert_int_eq(bed_node(&b, NR_SWAPCACHE), 14);
	ck_assert_uint_eq(swap_free_slots(b.k.swap), 1);
	ck_assert_uint_eq(in_use(), 14);
	ck_assert(swap_is_valid(&b.k));
	bed_close(&b);
}
END_TEST

/* Slots are given back to the areas 64 at a time while slot caches work. */
START_TEST(returned_in_batches)
{
	uint64_t before;
	pfn_t page[65];

	bed_open(&b, MEMORY, "swap.size=16MiB");
	for (unsigned i = 0; i < 65; i++)
		page[i] = cached(1);
	before = swap_free_slots(b.k.swap);
	ck_assert_uint_eq(before, 4095 - 128);
	for (unsigned i = 0; i < 64; i++) {
		swap_put(&b.k, entry(page[i]));
		drop(page[i], 0);
	}
	ck_assert_uint_eq(swap_free_slots(b.k.swap), before);
	swap_put(&b.k, entry(page[64]));
	drop(page[64], 0);
	ck_assert_uint_eq(swap_free_slots(b.k.swap), before + 64);
	ck_assert(swap_is_valid(&b.k));
	bed_close(&b);
}
END_TEST

START_TEST(cache_insert)
{
	pfn_t old, new;
	swp_entry_t e;

	bed_open(&b, MEMORY, "swap.size=64KiB");
	old = cached(1);
	e = entry(old);
	new = bed_anon(&b);
	ck_assert(!swap_cache_insert(&b.k, new, e)); /* there is one */
	drop(old, 9);
	ck_assert(swap_cache_insert(&b.k, new, e));
	ck_assert_uint_eq(swap_cache_lookup(b.k.swap, e), new);
	ck_assert_int_eq(bed_frame(&b, new)->refs, 2);
	swap_put(&b.k, e);
	drop(new, 0);
	new = bed_anon(&b);
	ck_assert(!swap_cache_insert(&b.k, new, e)); /* nobody refers to it */
	bed_close(&b);
}
END_TEST

/* 20 us of latency, 4096 MB/s: a page is written 20 us after its submission, eight neighbours as one request.
 */
START_TEST(output)
{
	struct swap_plug plug = {0};
	pfn_t page[9];
	tick_t t;

	bed_open(&b, MEMORY, "swap.size=16MiB", "swap.write_us=20", "swap.bandwidth_mb=4096");
	for (unsigned i = 0; i < 9; i++) {
		page[i] = cached(1);
		page_lock(b.cur, page[i]);
	}
	swap_write(b.cur, page[8]);
	t = task_now(b.cur) + 20 * PS_PER_US;
	ck_assert_uint_eq(eventq_next_time(&b.q), t);
	ck_assert(frame_has(bed_frame(&b, page[8]), FR_WRITEBACK));
	ck_assert_int_eq(bed_node(&b, NR_WRITEBACK), 1);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_ZONE_WRITE_PENDING), 1);
	bed_run_until(&b, t - 1);
	ck_assert(frame_has(bed_frame(&b, page[8]), FR_WRITEBACK));
	bed_run_until(&b, t);
	ck_assert(!frame_has(bed_frame(&b, page[8]), FR_WRITEBACK));
	ck_assert_int_eq(bed_node(&b, NR_WRITTEN), 1);
	for (unsigned i = 8; i-- > 0;) /* in any order */
		swap_write_plugged(b.cur, &plug, page[i]);
	swap_unplug(b.cur, &plug);
	ck_assert_uint_eq(swap_device(b.k.swap)->stats.writes, 2);
	ck_assert_uint_eq(swap_device(b.k.swap)->stats.write_bytes, 9 * 4096);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PSWPOUT), 9);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PGPGOUT), 36);
	page_wait_flags(b.cur, page[0], FR_WRITEBACK);
	ck_assert_int_eq(bed_node(&b, NR_WRITEBACK), 0);
	ck_assert_uint_eq(b.bare.cause.swap, 9 * b.k.cost.swap_out);
	bed_close(&b);
}
END_TEST

/* What a plug holds back goes out when it is full, when it ends, and before its task sleeps. */
START_TEST(plug_goes_out_before_sleep)
{
	struct swap_plug plug, inner;
	pfn_t page[3];

	bed_open(&b, MEMORY, "swap.size=16MiB", "swap.write_us=20");
	b.k.hooks.flush_plug = swap_plug_flush;
	for (unsigned i = 0; i < 3; i++) {
		page[i] = cached(1);
		page_lock(b.cur, page[i]);
	}
	swap_plug_start(b.cur, &plug);
	swap_write(b.cur, page[0]);
	swap_plug_start(b.cur, &inner); /* the outer one stays */
	swap_write(b.cur, page[1]);
	swap_plug_finish(b.cur, &inner);
	ck_assert_uint_eq(swap_device(b.k.swap)->stats.writes, 0);
	page_wait_flags(b.cur, page[1], FR_WRITEBACK);
	ck_assert_uint_eq(swap_device(b.k.swap)->stats.writes, 1);
	ck_assert(!swap_plug_flush(b.cur));
	swap_write(b.cur, page[2]);
	swap_plug_finish(b.cur, &plug);
	ck_assert_uint_eq(swap_device(b.k.swap)->stats.writes, 2);
	bed_close(&b);
}
END_TEST

/* A bio of 256 bytes a page while it is under way: 40 are three slabs of 16, and later ones take their place.
 */
START_TEST(bios_take_slabs)
{
	struct swap_plug plug = {0};
	pfn_t page[80];
	int64_t before;

	bed_open(&b, MEMORY, "swap.size=16MiB", "swap.write_us=20");
	for (unsigned i = 0; i < 80; i++) {
		page[i] = cached(1);
		page_lock(b.cur, page[i]);
	}
	before = bed_node(&b, NR_SLAB_UNRECLAIMABLE);
	for (unsigned i = 0; i < 40; i++)
		swap_write_plugged(b.cur, &plug, page[i]);
	ck_assert_int_eq(bed_node(&b, NR_SLAB_UNRECLAIMABLE) - before, 3);
	swap_unplug(b.cur, &plug);
	page_wait_flags(b.cur, page[39], FR_WRITEBACK);
	for (unsigned i = 40; i < 80; i++)
		swap_write_plugged(b.cur, &plug, page[i]);
	ck_assert_int_eq(bed_node(&b, NR_SLAB_UNRECLAIMABLE) - before, 3);
	swap_unplug(b.cur, &plug);
	ck_assert(slab_is_valid(b.k.slab));
	bed_close(&b);
}
END_TEST

static pfn_t crowd[300];
static bool crowd_waits;

/* While a bio waits for a slab others send 300 pages. */
static pfn_t slab_behind_others(void *cur, gfp_t gfp, unsigned order)
{
	struct swap_plug plug = {0};
	const bool send = crowd_waits;

	crowd_waits = false;
	for (unsigned i = 0; send && i < ARRAY_LEN(crowd); i++)
		swap_write_plugged(cur, &plug, crowd[i]);
	swap_unplug(cur, &plug);
	return alloc_pages(cur, gfp, order);
}

static uint64_t bios_in_use(void)
{
	struct slab_info info;

	(void)slab_shrink_cache(b.k.slab, slab_cache_of(b.k.slab, SLAB_CACHE_BIO), b.cur);
	for (size_t i = 0; slab_info_at(b.k.slab, i, &info); i++)
		if (!strcmp(info.name, "bio-192"))
			return info.active_objs;
	ck_abort_msg("no cache of bios");
	return 0;
}

/* The ring of bios under way may grow while one is had; none is lost: each page has its own, and all end. */
START_TEST(bio_behind_others)
{
	static const struct slab_page_ops ops = {slab_behind_others, bed_slab_free};
	struct swap_plug plug = {0};
	pfn_t first, last;

	bed_open(&b, MEMORY, "swap.size=16MiB", "swap.write_us=20");
	slab_free_allocator(b.k.slab);
	b.k.slab = slab_new(&b.mem, b.topo.nr_cpus, &ops);
	first = cached(1);
	last = cached(1);
	page_lock(b.cur, first);
	page_lock(b.cur, last);
	for (unsigned i = 0; i < ARRAY_LEN(crowd); i++) {
		crowd[i] = cached(1);
		page_lock(b.cur, crowd[i]);
	}
	crowd_waits = true;
	swap_write_plugged(b.cur, &plug, first);
	ck_assert(!crowd_waits);
	ck_assert_uint_eq(bios_in_use(), 1 + ARRAY_LEN(crowd));
	swap_unplug(b.cur, &plug);
	page_wait_flags(b.cur, first, FR_WRITEBACK);
	for (unsigned i = 0; i < ARRAY_LEN(crowd); i++)
		page_wait_flags(b.cur, crowd[i], FR_WRITEBACK);
	swap_write_plugged(b.cur, &plug, last);
	ck_assert_uint_eq(bios_in_use(), 1);
	swap_unplug(b.cur, &plug);
	bed_close(&b);
}
END_TEST

START_TEST(input)
{
	pfn_t pfn;
	tick_t t;

	bed_open(&b, MEMORY, "swap.size=16MiB", "swap.read_us=80");
	pfn = cached(1);
	page_lock(b.cur, pfn);
	bed_frame(&b, pfn)->flags &= ~(uint32_t)FR_UPTODATE;
	swap_read(b.cur, pfn);
	t = task_now(b.cur) + 80 * PS_PER_US;
	page_wait_flags(b.cur, pfn, FR_LOCKED);
	ck_assert_uint_eq(kernel_now(&b.k), t);
	ck_assert(frame_has(bed_frame(&b, pfn), FR_UPTODATE));
	ck_assert_uint_eq(bed_vm(&b, VMEV_PSWPIN), 1);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PGPGIN), 4);
	bed_close(&b);
}
END_TEST

/* A stale page is not written: its slot is given back instead. */
START_TEST(stale_page)
{
	pfn_t pfn;

	bed_open(&b, MEMORY, "swap.size=16MiB");
	pfn = cached(0);
	page_lock(b.cur, pfn);
	swap_write(b.cur, pfn);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PSWPOUT), 0);
	ck_assert_uint_eq(in_use(), 0);
	ck_assert(!frame_has(bed_frame(&b, pfn), FR_SWAPCACHE | FR_WRITEBACK));
	bed_close(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("swap");

	tcase_add_test(t, slots_in_use);
	tcase_add_test(t, consecutive_slots);
	tcase_add_test(t, a_cluster_each_cpu);
	tcase_add_test(t, rotational);
	tcase_add_test(t, equal_priorities);
	tcase_add_test(t, turns_by_caches);
	tcase_add_test(t, default_priorities);
	tcase_add_test(t, full);
	tcase_add_test(t, no_swap);
	tcase_add_test(t, last_reference);
	tcase_add_test(t, put_and_cache);
	tcase_add_test(t, try_to_free);
	tcase_add_test(t, reclaims_cached_slots);
	tcase_add_test(t, returned_in_batches);
	tcase_add_test(t, cache_insert);
	tcase_add_test(t, output);
	tcase_add_test(t, plug_goes_out_before_sleep);
	tcase_add_test(t, bios_take_slabs);
	tcase_add_test(t, bio_behind_others);
	tcase_add_test(t, input);
	tcase_add_test(t, stale_page);
	return run_case("swap", t);
}
