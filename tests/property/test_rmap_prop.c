/*
 * test_rmap_prop.c - reverse mappings against a multiset kept as an array, newest first.
 */
#include "tests/unit/vm_fixture.h"

#include <check.h>

#include "tests/suite.h"

#include "models/kernel/reclaim/scan.h"
#include "sim/rng.h"

#define PAGES 5u
#define MMS   70u
#define MOST  200u

struct mapping {
	struct mm *mm;
	uint64_t vpn;
};

static struct bed b;
static struct mapping naive[PAGES][MOST];
static unsigned nr[PAGES];
static pfn_t pfn[PAGES];
static struct mm *mm[MMS];

static struct {
	struct mapping seen[MOST];
	unsigned n, stop_at;
	bool remove;
	pfn_t pfn;
} walk;

static bool visit(struct mm *m, uint64_t vpn, void *arg)
{
	(void)arg;
	walk.seen[walk.n++] = (struct mapping){m, vpn};
	if (walk.remove)
		rmap_remove(&b.k, walk.pfn, m, vpn);
	return walk.n != walk.stop_at;
}

static void compare(unsigned p)
{
	struct frame *f = frame_of(&b.mem, pfn[p]);

	walk.n = walk.stop_at = 0;
	walk.remove = false;
	ck_assert(rmap_walk(&b.k, pfn[p], visit, NULL));
	ck_assert_uint_eq(walk.n, nr[p]);
	ck_assert_int_eq(f->mapcount, (int)nr[p]);
	/* one mapping is held by the frame itself, more by a chain */
	ck_assert_int_eq((f->flags & FR_MAPPED_ONCE) != 0, nr[p] == 1);
	for (unsigned i = 0; i < nr[p]; i++) {
		ck_assert_ptr_eq(walk.seen[i].mm, naive[p][i].mm);
		ck_assert_uint_eq(walk.seen[i].vpn, naive[p][i].vpn);
	}
}

static void start(void)
{
	bed_new(&b, BED_SMALL, NULL);
	for (unsigned p = 0; p < PAGES; p++) {
		pfn[p] = alloc_pages(b.t, GFP_HIGHUSER_MOVABLE, 0);
		if (p % 2)
			frame_of(&b.mem, pfn[p])->flags |= FR_ANON;
		nr[p] = 0;
	}
	for (unsigned i = 0; i < MMS; i++)
		mm[i] = mm_table_add(&b.mms);
}

static void add(unsigned p, struct mm *m, uint64_t vpn)
{
	rmap_add(&b.k, pfn[p], m, vpn);
	memmove(&naive[p][1], &naive[p][0], nr[p] * sizeof naive[p][0]);
	naive[p][0] = (struct mapping){m, vpn};
	nr[p]++;
}

static void drop(unsigned p, unsigned i)
{
	memmove(&naive[p][i], &naive[p][i + 1], (nr[p] - i - 1) * sizeof naive[p][0]);
	nr[p]--;
}

static void finish(void)
{
	for (unsigned p = 0; p < PAGES; p++)
		while (nr[p]) {
			rmap_remove(&b.k, pfn[p], naive[p][0].mm, naive[p][0].vpn);
			drop(p, 0);
		}
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_FILE_MAPPED), 0);
	for (unsigned i = 0; i < MMS; i++)
		mm_table_del(&b.mms, mm[i]);
	bed_free(&b);
}

static bool taken(unsigned p, const struct mm *m, uint64_t vpn)
{
	for (unsigned i = 0; i < nr[p]; i++)
		if (naive[p][i].mm == m && naive[p][i].vpn == vpn)
			return true;
	return false;
}

START_TEST(random_mappings)
{
	struct rng r;

	rng_init(&r, (uint64_t)_i + 1, "rmap");
	start();
	for (unsigned step = 0; step < 4000; step++) {
		unsigned p = (unsigned)rng_below(&r, PAGES), what = (unsigned)rng_below(&r, 10), i;
		struct mm *m = mm[rng_below(&r, MMS)];
		uint64_t vpn = rng_below(&r, UINT64_C(1) << 36);

		if (what < 5 && nr[p] < (p < 2 ? 3 : MOST) && !taken(p, m, vpn)) {
			add(p, m, vpn);
		} else if (nr[p] && what < 9) {
			i = (unsigned)rng_below(&r, nr[p]);
			rmap_remove(&b.k, pfn[p], naive[p][i].mm, naive[p][i].vpn);
			drop(p, i);
		} else if (nr[p]) {
			i = (unsigned)rng_below(&r, nr[p]);
			if (!taken(p, naive[p][i].mm, vpn)) {
				rmap_move(&b.k, pfn[p], naive[p][i].mm, naive[p][i].vpn, vpn);
				naive[p][i].vpn = vpn;
			}
		}
		compare(p);
		ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), !!nr[1] + !!nr[3]);
		ck_assert_int_eq(memory_node_total(&b.mem, NR_FILE_MAPPED), !!nr[0] + !!nr[2] + !!nr[4]);
	}
	finish();
}
END_TEST

/* A walk may take out what it visits, all of it or up to where it stops. */
START_TEST(walks_that_remove)
{
	start();
	for (unsigned n = 0; n <= 70; n++) {
		for (unsigned stop = 0; stop <= MIN_OF(n, 4u); stop++) {
			for (unsigned i = 0; i < n; i++)
				add(0, mm[i], 1000 + i);
			walk.n = 0;
			walk.stop_at = stop;
			walk.remove = true;
			walk.pfn = pfn[0];
			ck_assert_int_eq(rmap_walk(&b.k, pfn[0], visit, NULL), stop == 0);
			ck_assert_uint_eq(walk.n, stop ? stop : n);
			for (unsigned i = 0; i < walk.n; i++)
				drop(0, 0);
			compare(0);
			while (nr[0]) {
				rmap_remove(&b.k, pfn[0], naive[0][nr[0] - 1].mm, naive[0][nr[0] - 1].vpn);
				drop(0, nr[0] - 1);
			}
		}
	}
	finish();
}
END_TEST

/* A page that 64 processes map leaves all 64 tables, as a swap entry that counts 64, before it is freed. */
START_TEST(a_page_of_64_processes)
{
	static struct process child[63];
	struct flush_batch batch = {.n = 0};
	vaddr_t va;
	swp_entry_t entry;
	pfn_t page;

	bed_new(&b, BED_SMALL, NULL);
	va = bed_anon(&b, 0x40000000, PAGE_SIZE, 3, MAP_FIXED);
	ck_assert_int_eq(bed_touch(&b, va, true), FAULT_DONE);
	for (unsigned i = 0; i < 63; i++) {
		child[i] = (struct process){.pid = 1000 + i};
		child[i].mm = mm_fork(b.t, &child[i]);
		ck_assert_ptr_nonnull(child[i].mm);
	}
	page = pte_pfn(bed_pte(&b, va));
	lru_drain_all(&b.k);
	ck_assert_int_eq(frame_of(&b.mem, page)->mapcount, 64);
	ck_assert_int_eq(frame_of(&b.mem, page)->refs, 64);
	ck_assert(lru_isolate(&b.k, page));
	ck_assert(swap_add_page(b.t, page));
	page_unmap(b.t, page, &batch);
	flush_batch_run(b.t, &batch);
	ck_assert_int_eq(frame_of(&b.mem, page)->mapcount, 0);
	ck_assert_int_eq(frame_of(&b.mem, page)->refs, 2); /* the isolation's and the swap cache's */
	entry = frame_of(&b.mem, page)->private;
	ck_assert_uint_eq(swap_count(b.k.swap, entry), 64);
	for (unsigned i = 0; i < 63; i++) {
		pte_t e = *pgtable_find(&child[i].mm->pt, va);

		ck_assert(pte_is_swap(e));
		ck_assert_uint_eq(pte_swap_entry(e), entry);
		ck_assert_int_eq(child[i].mm->rss[MM_ANONPAGES], 0);
		ck_assert_int_eq(child[i].mm->rss[MM_SWAPENTS], 1);
	}
	ck_assert(pte_is_swap(bed_pte(&b, va)));
	lru_putback(b.t, page);
	/* they come back one by one and find the same page */
	for (unsigned i = 0; i < 63; i++) {
		b.t->process = &child[i];
		b.t->mm = child[i].mm;
		frame_of(&b.mem, page)->flags &= ~(uint32_t)FR_LOCKED;
		ck_assert_int_le(bed_touch(&b, va, false), FAULT_MAJOR);
		ck_assert_uint_eq(pte_pfn(bed_pte(&b, va)), page);
	}
	ck_assert_int_eq(frame_of(&b.mem, page)->mapcount, 63);
	bed_become(&b, &b.proc[0]);
	for (unsigned i = 0; i < 63; i++)
		mm_put(b.t, child[i].mm);
	ck_assert_int_eq(frame_of(&b.mem, page)->mapcount, 0);
	ck_assert_uint_eq(swap_count(b.k.swap, entry), 1);
	bed_free(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("rmap");

	tcase_add_loop_test(t, random_mappings, 0, 4);
	tcase_add_test(t, walks_that_remove);
	tcase_add_test(t, a_page_of_64_processes);
	return run_case("rmap", t);
}
