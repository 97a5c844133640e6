/*
 * test_shmem.c - shared anonymous memory goes to swap and comes back.
 */
#include <check.h>

#include "models/kernel/fault.h"
#include "models/kernel/mmap.h"
#include "models/kernel/swapin.h"
#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE
#define N  40u

static struct bed b;
static vaddr_t at;

static void start(const char *swap)
{
	const struct mmap_request r = {0, N * P, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0};
	int64_t a;

	bed_new(&b, BED_SMALL, swap, NULL);
	a = sys_mmap(b.t, &r);
	ck_assert_int_gt(a, 0);
	at = (vaddr_t)a;
	bed_touch_pages(&b, at, N, true);
	lru_drain(b.t);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SHMEM), N);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], N);
}

static void page_out(unsigned pages)
{
	ck_assert_int_eq(sys_madvise(b.t, at, pages * P, 21), 0); /* MADV_PAGEOUT */
	sched_sleep_until(b.t, task_now(b.t) + PS_PER_S, false);
}

static const struct file *object(void)
{
	return vma_at(&b.t->mm->vmas, at)->file;
}

/* What was written is clean and leaves the swap cache, as __remove_mapping has it. */
static void drop(unsigned pages)
{
	for (unsigned i = 0; i < pages; i++) {
		pfn_t pfn = swapin_lookup(b.t, NULL, 0, pagecache_lookup(object(), i).shadow);

		if (pfn == PFN_NONE)
			continue;
		ck_assert(!frame_has(frame_of(&b.mem, pfn), FR_DIRTY | FR_WRITEBACK));
		swap_cache_remove(&b.k, pfn, 0);
		frame_of(&b.mem, pfn)->refs--;
		frame_put(&b.k, 0, pfn);
	}
	lru_drain(b.t);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SWAPCACHE), N - pages);
}

START_TEST(out_and_in_again)
{
	swp_entry_t slot[N];

	start("swap.size=16MiB");
	page_out(N);
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_PSWPOUT], N);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SHMEM), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_FILE_MAPPED), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], 0);
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 0); /* the object's, not the process's */
	ck_assert_uint_eq(bed_pte(&b, at), 0);
	for (unsigned i = 0; i < N; i++) {
		struct slot s = pagecache_lookup(object(), i);

		ck_assert(s.swapped && s.pfn == PFN_NONE);
		slot[i] = s.shadow;
		ck_assert_uint_eq(swap_count(b.k.swap, slot[i]), 1);
	}
	drop(N);
	for (unsigned i = 0; i < N; i++) {
		enum fault_result r = bed_touch(&b, at + i * P, false);

		ck_assert(r == FAULT_DONE || r == FAULT_MAJOR);
		ck_assert(i > 0 || r == FAULT_MAJOR);
		ck_assert_uint_eq(pte_pfn(bed_pte(&b, at + i * P)), pagecache_lookup(object(), i).pfn);
	}
	ck_assert_uint_ge(b.mem.vmstat.event[VMEV_PGMAJFAULT], 1);
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_PSWPIN], N);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SHMEM), N);
	ck_assert_int_eq(b.t->mm->rss[MM_SHMEMPAGES], N);
	for (unsigned i = 0; i < N; i++) /* a page in the file keeps no slot */
		ck_assert_uint_eq(swap_count(b.k.swap, slot[i]), 0);
	ck_assert(swap_is_valid(&b.k));
	bed_free(&b);
}
END_TEST

/* Still in the swap cache, it comes back without being read; as it must be written again, it is dirty. */
START_TEST(back_from_the_swap_cache)
{
	pfn_t pfn;

	start("swap.size=16MiB");
	pfn = pte_pfn(bed_pte(&b, at));
	page_out(1);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SWAPCACHE), 1);
	ck_assert_int_eq(bed_touch(&b, at, true), FAULT_DONE);
	ck_assert_uint_eq(pte_pfn(bed_pte(&b, at)), pfn);
	ck_assert(frame_of(&b.mem, pfn)->flags & FR_DIRTY);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SWAPCACHE), 0);
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_PSWPIN], 0);
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_PGMAJFAULT], 0);
	bed_free(&b);
}
END_TEST

/* What another process maps, too, PAGEOUT leaves alone. */
START_TEST(mapped_twice)
{
	struct process *parent, *child;

	start("swap.size=16MiB");
	parent = b.t->process;
	child = bed_process(&b);
	child->mm = mm_fork(b.t, child);
	bed_become(&b, child);
	ck_assert_int_eq(bed_touch(&b, at + 3 * P, false), FAULT_DONE); /* maps around it, too */
	bed_become(&b, parent);
	ck_assert_int_eq(frame_of(&b.mem, pte_pfn(bed_pte(&b, at + 3 * P)))->mapcount, 2);
	page_out(N);
	ck_assert(pte_present(bed_pte(&b, at + 3 * P)));
	ck_assert_uint_lt(b.mem.vmstat.event[VMEV_PSWPOUT], N);
	mm_put(b.t, child->mm);
	child->mm = NULL;
	bed_free(&b);
}
END_TEST

/* shmem_writepage without a slot: the page stays, dirty and active. */
START_TEST(no_swap)
{
	const struct frame *f;

	start("swap.size=0");
	page_out(N);
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_PSWPOUT], 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SHMEM), N);
	f = frame_of(&b.mem, pagecache_lookup(object(), 0).pfn);
	lru_drain(b.t);
	ck_assert((f->flags & (FR_DIRTY | FR_ACTIVE | FR_RECLAIM | FR_WRITEBACK)) == (FR_DIRTY | FR_ACTIVE));
	bed_free(&b);
}
END_TEST

/* The object goes while its pages are in swap: so do the slots. */
START_TEST(unmapped_in_swap)
{
	swp_entry_t slot[N];

	start("swap.size=16MiB");
	page_out(N);
	for (unsigned i = 0; i < N; i++)
		slot[i] = pagecache_lookup(object(), i).shadow;
	drop(N / 2);
	ck_assert_int_eq(sys_munmap(b.t, at, N * P), 0);
	for (unsigned i = 0; i < N; i++)
		ck_assert_uint_eq(swap_count(b.k.swap, slot[i]), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SWAPCACHE), 0);
	ck_assert(swap_is_valid(&b.k));
	bed_free(&b);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("shmem");

	tcase_add_test(c, out_and_in_again);
	tcase_add_test(c, back_from_the_swap_cache);
	tcase_add_test(c, mapped_twice);
	tcase_add_test(c, no_swap);
	tcase_add_test(c, unmapped_in_swap);
	return run_case("shmem", c);
}
