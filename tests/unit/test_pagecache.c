/*
 * test_pagecache.c - files, their pages, tags and shadows; dropping and truncating.
 */
#include "models/kernel/pagecache/tree.h"
#include "tests/suite.h"
#include "tests/unit/files_fixture.h"

#define MEMORY "topology.node_mem=64MiB", "kernel.struct_page_bytes=0"

static struct bed b;

/* A clean page at index with one reference, the file's. */
static pfn_t add(struct file *f, uint64_t index, uint64_t *shadow)
{
	pfn_t pfn = alloc_pages(b.cur, GFP_HIGHUSER_MOVABLE, 0);
	uint64_t none;

	ck_assert(pagecache_insert(b.cur, f, index, pfn, shadow ? shadow : &none));
	bed_frame(&b, pfn)->flags |= FR_UPTODATE;
	bed_put(&b, pfn);
	return pfn;
}

/* Nodes of the tree below the root, the root included, counted by walking it. */
static unsigned nodes_below(const struct xnode *n)
{
	unsigned sum = 1;

	for (unsigned i = 0; n->shift && i < XNODE_SLOTS; i++)
		sum += n->child[i] ? nodes_below(n->child[i]) : 0;
	return sum;
}

START_TEST(files)
{
	struct file *f, *g;

	bed_open(&b, MEMORY);
	ck_assert_ptr_null(file_find(b.k.pagecache, 77));
	f = file_declare(b.cur, 77, "/a", 5000);
	g = file_declare(b.cur, 78, "/b", 1);
	ck_assert_ptr_eq(file_find(b.k.pagecache, 77), f);
	ck_assert_ptr_eq(file_declare(b.cur, 77, "/a", 9000), f);
	ck_assert_uint_eq(f->size, 9000);
	ck_assert_ptr_eq(pagecache_file_at(b.k.pagecache, 1), g);
	ck_assert_ptr_null(pagecache_file_at(b.k.pagecache, 2));
	ck_assert_uint_eq(f->ra.ra_pages, 32);
	bed_close(&b);
}
END_TEST

START_TEST(insert_and_remove)
{
	struct file *f;
	uint64_t shadow = 99;
	pfn_t pfn, other;

	bed_open(&b, MEMORY);
	f = file_declare(b.cur, 1, "/a", 1 << 20);
	pfn = add(f, 5, &shadow);
	ck_assert_uint_eq(shadow, 0);
	ck_assert_uint_eq(pagecache_lookup(f, 5).pfn, pfn);
	ck_assert_uint_eq(pagecache_lookup(f, 4).pfn, PFN_NONE);
	ck_assert_uint_eq(pagecache_lookup(f, UINT64_MAX).pfn, PFN_NONE);
	ck_assert_uint_eq(bed_frame(&b, pfn)->file, f->id);
	ck_assert_uint_eq(bed_frame(&b, pfn)->index, 5);
	ck_assert_int_eq(bed_node(&b, NR_FILE_PAGES), 1);
	other = alloc_pages(b.cur, GFP_HIGHUSER_MOVABLE, 0);
	ck_assert(!pagecache_insert(b.cur, f, 5, other, &shadow)); /* taken */
	ck_assert_int_eq(bed_frame(&b, other)->refs, 1);
	pagecache_remove(&b.k, pfn, 1234);
	ck_assert_int_eq(bed_frame(&b, pfn)->refs, 1); /* the caller's to drop */
	ck_assert_uint_eq(bed_frame(&b, pfn)->file, FILE_NONE);
	ck_assert_uint_eq(pagecache_lookup(f, 5).shadow, 1234);
	ck_assert_uint_eq(f->nr_shadows, 1);
	ck_assert_int_eq(bed_node(&b, NR_FILE_PAGES), 0);
	ck_assert_int_eq(bed_node(&b, NR_WORKINGSET_NODES), 1);
	add(f, 5, &shadow);
	ck_assert_uint_eq(shadow, 1234);
	ck_assert_int_eq(bed_node(&b, NR_WORKINGSET_NODES), 0);
	ck_assert(pagecache_is_valid(b.k.pagecache));
	bed_close(&b);
}
END_TEST

/* A page at 0 needs one node; one at 64 a second leaf and a root; one at 4096 a third level: 2 nodes more.
 * All go again when they are empty. */
START_TEST(nodes_come_and_go)
{
	struct file *f;
	pfn_t p0, p64, p4096;
	int64_t free;

	bed_open(&b, MEMORY);
	f = file_declare(b.cur, 1, "/a", 1 << 30);
	free = bed_node(&b, NR_SLAB_RECLAIMABLE);
	p0 = add(f, 0, NULL);
	ck_assert_uint_eq(nodes_below(f->root), 1);
	ck_assert_int_gt(bed_node(&b, NR_SLAB_RECLAIMABLE), free);
	p64 = add(f, 64, NULL);
	ck_assert_uint_eq(nodes_below(f->root), 3);
	p4096 = add(f, 4096, NULL);
	ck_assert_uint_eq(nodes_below(f->root), 6);
	ck_assert_uint_eq(f->height, 3);
	ck_assert_uint_eq(pagecache_lookup(f, 64).pfn, p64);
	pagecache_remove(&b.k, p4096, 0);
	ck_assert_uint_eq(f->height, 2);
	ck_assert_uint_eq(nodes_below(f->root), 3);
	pagecache_remove(&b.k, p64, 0);
	ck_assert_uint_eq(f->height, 1);
	pagecache_remove(&b.k, p0, 0);
	ck_assert_uint_eq(f->height, 0);
	ck_assert_ptr_null(f->root);
	bed_close(&b);
}
END_TEST

START_TEST(tags)
{
	struct file *f;
	pfn_t p[200];
	uint64_t i;

	bed_open(&b, MEMORY);
	f = file_declare(b.cur, 1, "/a", 1 << 20);
	for (i = 0; i < 200; i++)
		p[i] = add(f, i * 7, NULL);
	pagecache_set_tag(&b.k, p[100], PAGECACHE_WRITEBACK, true);
	pagecache_set_tag(&b.k, p[150], PAGECACHE_WRITEBACK, true);
	pagecache_set_tag(&b.k, p[150], PAGECACHE_WRITEBACK, true);
	ck_assert_uint_eq(f->nr_writeback, 2);
	i = 0;
	ck_assert_uint_eq(pagecache_next(f, &i, PAGECACHE_WRITEBACK), p[100]);
	ck_assert_uint_eq(i, 700);
	i++;
	ck_assert_uint_eq(pagecache_next(f, &i, PAGECACHE_WRITEBACK), p[150]);
	i++;
	ck_assert_uint_eq(pagecache_next(f, &i, PAGECACHE_WRITEBACK), PFN_NONE);
	i = 694;
	ck_assert_uint_eq(pagecache_next(f, &i, 0), p[100]);
	pagecache_set_tag(&b.k, p[100], PAGECACHE_WRITEBACK, false);
	i = 0;
	ck_assert_uint_eq(pagecache_next(f, &i, PAGECACHE_WRITEBACK), p[150]);
	ck_assert_uint_eq(f->nr_writeback, 1);
	bed_close(&b);
}
END_TEST

/* Pages 10 … 19: the kernel's answers at, before and behind them. */
START_TEST(misses)
{
	struct file *f;

	bed_open(&b, MEMORY);
	f = file_declare(b.cur, 1, "/a", 1 << 20);
	for (uint64_t i = 10; i < 20; i++)
		add(f, i, NULL);
	ck_assert_uint_eq(pagecache_next_miss(f, 10, 32), 20);
	ck_assert_uint_eq(pagecache_next_miss(f, 9, 32), 9);
	ck_assert_uint_eq(pagecache_next_miss(f, 10, 4), 13); /* all four have one: the last */
	ck_assert_uint_eq(pagecache_prev_miss(f, 19, 32), 9);
	ck_assert_uint_eq(pagecache_prev_miss(f, 20, 32), 20);
	for (uint64_t i = 0; i < 10; i++)
		add(f, i, NULL);
	ck_assert_uint_eq(pagecache_prev_miss(f, 19, 32), UINT64_MAX);
	bed_close(&b);
}
END_TEST

/* Only what is clean, unlocked and held by the cache alone goes; so do shadows. */
START_TEST(invalidate)
{
	struct file *f;
	pfn_t locked, held, dirty, gone;

	bed_open(&b, MEMORY);
	f = file_declare(b.cur, 1, "/a", 1 << 20);
	for (uint64_t i = 0; i < 100; i++)
		add(f, i, NULL);
	locked = pagecache_lookup(f, 10).pfn;
	held = pagecache_lookup(f, 11).pfn;
	dirty = pagecache_lookup(f, 12).pfn;
	gone = pagecache_lookup(f, 13).pfn;
	bed_frame(&b, locked)->flags |= FR_LOCKED;
	frame_get(&b.k, held);
	page_mark_dirty(b.cur, dirty);
	pagecache_remove(&b.k, gone, 55);
	bed_put(&b, gone);
	ck_assert_uint_eq(pagecache_invalidate(b.cur, f, 0, 49), 50 - 4);
	ck_assert_uint_eq(f->nr_pages, 53);
	ck_assert_uint_eq(f->nr_shadows, 0);
	ck_assert_uint_eq(pagecache_lookup(f, 10).pfn, locked);
	ck_assert_uint_eq(pagecache_lookup(f, 50).pfn == PFN_NONE, 0);
	ck_assert(pagecache_is_valid(b.k.pagecache));
	bed_frame(&b, locked)->flags &= ~(uint32_t)FR_LOCKED;
	bed_put(&b, held);
	lru_drain(b.cur);
	ck_assert_uint_eq(pagecache_invalidate(b.cur, f, 0, UINT64_MAX), 52);
	ck_assert_uint_eq(f->nr_pages, 1);
	ck_assert_int_eq(bed_frame(&b, locked)->refs, 0);
	lru_drain(b.cur);
	ck_assert_int_eq(bed_frame(&b, dirty)->refs, 1);
	bed_close(&b);
}
END_TEST

/* Everything goes, dirty or not, and the counts with it. */
START_TEST(truncate)
{
	struct file *f;

	bed_open(&b, MEMORY);
	f = file_declare(b.cur, 1, "/a", 1 << 20);
	for (uint64_t i = 0; i < 100; i++) {
		pfn_t pfn = add(f, i, NULL);

		if (i % 2)
			page_mark_dirty(b.cur, pfn);
	}
	ck_assert_int_eq(bed_node(&b, NR_FILE_DIRTY), 50);
	pagecache_truncate(b.cur, f, 40);
	ck_assert_uint_eq(f->nr_pages, 40);
	ck_assert_int_eq(bed_node(&b, NR_FILE_DIRTY), 20);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_ZONE_WRITE_PENDING), 20);
	ck_assert(pagecache_is_valid(b.k.pagecache));
	pagecache_truncate(b.cur, f, 0);
	ck_assert_uint_eq(f->nr_pages, 0);
	ck_assert_int_eq(bed_node(&b, NR_FILE_PAGES), 0);
	ck_assert_int_eq(bed_node(&b, NR_FILE_DIRTY), 0);
	bed_close(&b);
}
END_TEST

START_TEST(shadow_nodes)
{
	struct file *f;

	bed_open(&b, MEMORY);
	f = file_declare(b.cur, 1, "/a", 1 << 30);
	for (uint64_t i = 0; i < 10; i++) {
		pfn_t pfn = add(f, i * 64, NULL);

		if (i == 9)
			break;
		pagecache_remove(&b.k, pfn, 100 + i);
		bed_put(&b, pfn);
	}
	ck_assert_uint_eq(pagecache_nr_shadow_nodes(b.k.pagecache), 9);
	ck_assert_uint_eq(pagecache_shrink_shadow_nodes(b.cur, 4), 4);
	ck_assert_uint_eq(pagecache_lookup(f, 3 * 64).shadow, 0); /* the oldest went */
	ck_assert_uint_eq(pagecache_lookup(f, 4 * 64).shadow, 104);
	ck_assert_int_eq(bed_node(&b, NR_WORKINGSET_NODES), 5);
	ck_assert_int_eq(bed_node(&b, NR_WORKINGSET_NODERECLAIM), 4);
	ck_assert_uint_eq(f->nr_shadows, 5);
	ck_assert(pagecache_is_valid(b.k.pagecache));
	ck_assert_uint_eq(pagecache_shrink_shadow_nodes(b.cur, 100), 5);
	ck_assert_uint_ne(pagecache_lookup(f, 9 * 64).pfn, PFN_NONE);
	bed_close(&b);
}
END_TEST

/* Shared anonymous memory: filled with zeroes, to swap and back, gone with its last user. */
START_TEST(shmem)
{
	struct file *f;
	bool major, retry, oom;
	pfn_t pfn;
	swp_entry_t e;

	bed_open(&b, MEMORY, "swap.size=16MiB");
	f = file_new_shmem(b.cur, 10 << PAGE_SHIFT);
	ck_assert_uint_eq(filemap_fault(b.cur, NULL, f, 10, &major, &retry, &oom), PFN_NONE);
	ck_assert(!major && !oom);
	pfn = filemap_fault(b.cur, NULL, f, 3, &major, &retry, &oom);
	ck_assert(!major && frame_has(bed_frame(&b, pfn), FR_UPTODATE) &&
		  frame_has(bed_frame(&b, pfn), FR_SWAPBACKED));
	ck_assert_int_eq(bed_node(&b, NR_SHMEM), 1);
	ck_assert_uint_eq(b.bare.cause.clear_copy, b.k.cost.zero_page);
	lru_drain(b.cur);
	page_mark_dirty(b.cur, pfn);
	ck_assert_int_eq(bed_node(&b, NR_FILE_DIRTY), 0);
	/* to swap, as reclaim does it: our reference is the isolation's */
	page_lock(b.cur, pfn);
	page_write(b.cur, pfn);
	page_unlock(&b.k, pfn, kernel_now(&b.k));
	e = bed_frame(&b, pfn)->private;
	ck_assert(pagecache_lookup(f, 3).swapped);
	ck_assert_uint_eq(pagecache_lookup(f, 3).shadow, e);
	ck_assert_uint_eq(swap_count(b.k.swap, e), 1);
	ck_assert_int_eq(bed_node(&b, NR_SHMEM), 0);
	ck_assert_int_eq(bed_frame(&b, pfn)->refs, 2);
	page_wait(b.cur, pfn);
	swap_cache_remove(&b.k, pfn, 0);
	bed_frame(&b, pfn)->refs--;
	bed_put(&b, pfn);
	ck_assert(pagecache_is_valid(b.k.pagecache) && swap_is_valid(&b.k));
	pfn = filemap_fault(b.cur, NULL, f, 3, &major, &retry, &oom);
	ck_assert(major);
	ck_assert_uint_eq(pagecache_lookup(f, 3).pfn, pfn);
	ck_assert_uint_eq(bed_vm(&b, VMEV_PSWPIN), 1);
	ck_assert_uint_eq(swap_stats_of(b.k.swap)->slots_freed, 1);
	bed_put(&b, pfn);
	file_put(b.cur, f);
	ck_assert_int_eq(bed_node(&b, NR_SHMEM), 0);
	ck_assert(pagecache_is_valid(b.k.pagecache) && swap_is_valid(&b.k));
	ck_assert_ptr_eq(file_new_shmem(b.cur, 4096), f); /* its id is used again */
	bed_close(&b);
}
END_TEST

/* A swapped page of a file that goes frees its slot. */
START_TEST(shmem_truncated_in_swap)
{
	struct file *f;
	bool major, retry, oom;
	pfn_t pfn;

	bed_open(&b, MEMORY, "swap.size=16MiB");
	f = file_new_shmem(b.cur, 10 << PAGE_SHIFT);
	pfn = filemap_fault(b.cur, NULL, f, 0, &major, &retry, &oom);
	lru_drain(b.cur);
	page_mark_dirty(b.cur, pfn);
	page_lock(b.cur, pfn);
	page_write(b.cur, pfn);
	page_unlock(&b.k, pfn, kernel_now(&b.k));
	page_wait(b.cur, pfn);
	bed_put(&b, pfn);
	file_put(b.cur, f); /* the page is still in the swap cache: it goes, too */
	ck_assert_int_eq(bed_node(&b, NR_SWAPCACHE), 0);
	ck_assert_uint_eq(swap_stats_of(b.k.swap)->slots_freed, 1);
	ck_assert(swap_is_valid(&b.k));
	bed_close(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("pagecache");

	tcase_add_test(t, files);
	tcase_add_test(t, insert_and_remove);
	tcase_add_test(t, nodes_come_and_go);
	tcase_add_test(t, tags);
	tcase_add_test(t, misses);
	tcase_add_test(t, invalidate);
	tcase_add_test(t, truncate);
	tcase_add_test(t, shadow_nodes);
	tcase_add_test(t, shmem);
	tcase_add_test(t, shmem_truncated_in_swap);
	return run_case("pagecache", t);
}
