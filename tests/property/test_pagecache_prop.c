/*
 * test_pagecache_prop.c - random operations on files against a plain array.
 */
#include "sim/rng.h"
#include "tests/suite.h"
#include "tests/unit/files_fixture.h"

#define NR_INDEX 700 /* indices in use: three neighbourhoods */
#define NR_STEPS 6000

static struct bed b;
static struct rng rng;
static struct {
	pfn_t pfn;
	uint64_t shadow;
	bool dirty, writeback;
} model[NR_INDEX];

/* Dense at the beginning, dense around 10000, sparse far out. */
static uint64_t index_of(unsigned i)
{
	if (i < 300)
		return i;
	return i < 600 ? 9900 + i : UINT64_C(1) << 20 | (uint64_t)(i - 600) * 5000;
}

static void insert(struct file *f, unsigned i)
{
	pfn_t pfn = alloc_pages(b.cur, GFP_HIGHUSER_MOVABLE, 0);
	uint64_t shadow = 1;
	bool done = pagecache_insert(b.cur, f, index_of(i), pfn, &shadow);

	ck_assert_int_eq(done, model[i].pfn == PFN_NONE);
	if (done) {
		ck_assert_uint_eq(shadow, model[i].shadow);
		model[i].pfn = pfn;
		model[i].shadow = 0;
	}
	bed_put(&b, pfn);
}

static void remove_page(unsigned i)
{
	uint64_t shadow = rng_below(&rng, 3) ? 1 + rng_below(&rng, 1000) : 0;
	pfn_t pfn = model[i].pfn;

	if (pfn == PFN_NONE || model[i].dirty || model[i].writeback)
		return;
	pagecache_remove(&b.k, pfn, shadow);
	bed_put(&b, pfn);
	model[i].pfn = PFN_NONE;
	model[i].shadow = shadow;
}

static void change_tags(unsigned i)
{
	if (model[i].pfn == PFN_NONE)
		return;
	if (rng_below(&rng, 2)) {
		if (model[i].dirty)
			page_clear_dirty(&b.k, model[i].pfn);
		else
			page_mark_dirty(b.cur, model[i].pfn);
		model[i].dirty ^= true;
	} else {
		if (model[i].writeback)
			page_end_writeback(&b.k, 0, model[i].pfn);
		else
			page_start_writeback(&b.k, model[i].pfn);
		model[i].writeback ^= true;
	}
}

static bool has(unsigned i, int tag)
{
	return model[i].pfn != PFN_NONE && (tag == PAGECACHE_DIRTY       ? model[i].dirty
					    : tag == PAGECACHE_WRITEBACK ? model[i].writeback
									 : true);
}

static void check_lookups(const struct file *f, unsigned i)
{
	struct slot s = pagecache_lookup(f, index_of(i));
	int tag = (int)rng_below(&rng, 3);
	uint64_t at = index_of(i), next = index_of(i), max = 1 + rng_below(&rng, 400);
	unsigned j = i, k;
	pfn_t pfn;

	ck_assert_uint_eq(s.pfn, model[i].pfn);
	ck_assert_uint_eq(s.shadow, model[i].shadow);
	while (j < NR_INDEX && !has(j, tag))
		j++;
	pfn = pagecache_next(f, &next, tag);
	ck_assert_uint_eq(pfn, j < NR_INDEX ? model[j].pfn : PFN_NONE);
	if (j < NR_INDEX)
		ck_assert_uint_eq(next, index_of(j));
	if (i >= 600)
		return;
	for (j = i, k = 1; k < max && j < NR_INDEX && model[j].pfn != PFN_NONE; k++) {
		bool gap = j + 1 == NR_INDEX || index_of(j + 1) != index_of(j) + 1;

		at++;
		if (gap)
			break;
		j++;
	}
	ck_assert_uint_eq(pagecache_next_miss(f, index_of(i), max), at);
}

static void recount(const struct file *f)
{
	uint64_t n[4] = {0};

	for (unsigned i = 0; i < NR_INDEX; i++) {
		n[0] += model[i].pfn != PFN_NONE;
		n[1] += has(i, PAGECACHE_DIRTY);
		n[2] += has(i, PAGECACHE_WRITEBACK);
		n[3] += model[i].shadow != 0;
	}
	ck_assert_uint_eq(f->nr_pages, n[0]);
	ck_assert_uint_eq(f->nr_dirty, n[1]);
	ck_assert_uint_eq(f->nr_writeback, n[2]);
	ck_assert_uint_eq(f->nr_shadows, n[3]);
	ck_assert_int_eq(bed_node(&b, NR_FILE_PAGES), (int64_t)n[0]);
	ck_assert_int_eq(bed_node(&b, NR_FILE_DIRTY), (int64_t)n[1]);
	ck_assert_int_eq(bed_node(&b, NR_WRITEBACK), (int64_t)n[2]);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_ZONE_WRITE_PENDING), (int64_t)(n[1] + n[2]));
	ck_assert(pagecache_is_valid(b.k.pagecache));
}

static void shrink(const struct file *f)
{
	uint64_t before = f->nr_shadows;

	pagecache_shrink_shadow_nodes(b.cur, 2);
	if (f->nr_shadows == before)
		return;
	for (unsigned i = 0; i < NR_INDEX;
	     i++) /* which ones is test_pagecache's matter; here: only shadows */
		if (model[i].shadow && !pagecache_lookup(f, index_of(i)).shadow)
			model[i].shadow = 0;
}

START_TEST(against_an_array)
{
	struct file *f;

	bed_open(&b, "topology.node_mem=64MiB", "kernel.struct_page_bytes=0");
	rng_init(&rng, (uint64_t)_i, "test");
	f = file_declare(b.cur, 1, "/a", 1 << 30);
	for (unsigned i = 0; i < NR_INDEX; i++)
		model[i].pfn = PFN_NONE;
	for (unsigned n = 0; n < NR_STEPS; n++) {
		unsigned i = (unsigned)rng_below(&rng, NR_INDEX), what = (unsigned)rng_below(&rng, 100);

		/* phases of growing and of shrinking */
		if (what < (n / 1500 % 2 ? 15 : 45))
			insert(f, i);
		else if (what < 60)
			remove_page(i);
		else if (what < 75)
			change_tags(i);
		else if (what == 99)
			shrink(f);
		else
			check_lookups(f, i);
		if (n % 500 == 0)
			recount(f);
	}
	recount(f);
	bed_close(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("pagecache_prop");

	tcase_add_loop_test(t, against_an_array, 0, 8);
	return run_case("pagecache_prop", t);
}
