/*
 * test_thp_split.c - huge pages under operations that mean a part of them, or all.
 */
#include <check.h>

#include "models/kernel/thp_split.h"
#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE
#define AT UINT64_C(0x40000000)

static struct bed b;
static pfn_t head;

/* A huge page at AT, of two that the mapping has room for. */
static void setup(void)
{
	bed_new(&b, BED_SMALL, "swap.size=16MiB", NULL);
	bed_anon(&b, AT, 2 * HUGE_PAGE_SIZE, RW, MAP_FIXED);
	vma_prepare_anon(&b.t->mm->vmas, vma_at(&b.t->mm->vmas, AT));
	head = bed_map_huge(&b, AT);
	ck_assert(frame_of(&b.mem, head)->flags & FR_HEAD);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 512);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_THPS), 512);
}

static void teardown(void)
{
	ck_assert(pgtable_is_valid(&b.t->mm->pt));
	bed_free(&b);
}

static uint64_t listed(void)
{
	return (uint64_t)(memory_node_total(&b.mem, NR_INACTIVE_ANON) +
			  memory_node_total(&b.mem, NR_ACTIVE_ANON));
}

static uint64_t event(enum vm_event e)
{
	return b.mem.vmstat.event[e];
}

static pte_t *huge_entry(struct mm *mm)
{
	return &pgtable_table(&mm->pt, AT, 2)->e[ptable_index(AT, 2)];
}

static struct process *fork_child(void)
{
	struct process *child = bed_process(&b);

	child->mm = mm_fork(b.t, child);
	ck_assert_ptr_nonnull(child->mm);
	return child;
}

/* __split_huge_pmd: small entries into a page that stays whole. */
START_TEST(splitting_an_entry_leaves_the_page_whole)
{
	const struct frame *h = frame_of(&b.mem, head);

	ck_assert(thp_split_entry(b.t, b.t->mm, AT + 5 * P));
	for (unsigned i = 0; i < 512; i++) {
		const struct frame *f = frame_of(&b.mem, head + i);

		ck_assert_uint_eq(pte_pfn(bed_pte(&b, AT + i * P)), head + i);
		ck_assert((bed_pte(&b, AT + i * P) & (PTE_HUGE | PTE_WRITE | PTE_DIRTY)) == PTE_WRITE);
		ck_assert_int_eq(frames_mapcount(&b.mem.frames, head + i), 1);
		ck_assert(f->flags & FR_EXCLUSIVE && f->flags & (i ? FR_TAIL : FR_HEAD));
		ck_assert_uint_eq(page_head(&b.mem, head + i), head);
	}
	ck_assert_int_eq(h->refs, 512);
	ck_assert_int_eq(h->mapcount, 512);
	ck_assert_int_eq(frame_whole_mapcount(h), 0);
	ck_assert(h->flags & FR_DIRTY && h->flags & FR_LRU);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 512);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_THPS), 0);
	ck_assert_uint_eq(listed(), 512);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 512);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 1);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 0);
	ck_assert_uint_eq(event(VMEV_THP_DEFERRED_SPLIT_PAGE), 0);
	ck_assert(thp_split_entry(b.t, b.t->mm, AT)); /* nothing left to do */
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 1);
}
END_TEST

/* split_huge_page: 512 pages, each with the references of its own mappings. */
START_TEST(splitting_a_page_makes_512_of_one)
{
	ck_assert(!thp_split_page(b.t, head, NULL)); /* it wants a reference of the caller's */
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE_FAILED), 1);
	frame_get(&b.k, head);
	ck_assert(thp_split_page(b.t, head, NULL));
	ck_assert_int_eq(frame_of(&b.mem, head)->refs, 2);
	frame_put(&b.k, 0, head);
	for (unsigned i = 0; i < 512; i++) {
		const struct frame *f = frame_of(&b.mem, head + i);

		ck_assert_int_eq(f->refs, 1);
		ck_assert_int_eq(f->mapcount, 1);
		ck_assert((f->flags & (FR_ANON | FR_LRU | FR_SWAPBACKED | FR_HEAD | FR_TAIL |
				       FR_EXCLUSIVE)) == (FR_ANON | FR_LRU | FR_SWAPBACKED | FR_EXCLUSIVE));
		ck_assert_uint_eq(f->index, (AT >> PAGE_SHIFT) + i);
		/* the parts in front of the head, in the order of their addresses from the tail on */
		ck_assert_uint_eq(f->prev, i < 511 ? head + i + 1 : PFN_NONE);
	}
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 512);
	ck_assert_uint_eq(listed(), 512);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 1);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 1);
	ck_assert_uint_eq(event(VMEV_THP_DEFERRED_SPLIT_PAGE), 1); /* unmapped for a moment */
	ck_assert_uint_eq(thp_nr_deferred(&b.k), 0);
}
END_TEST

START_TEST(munmap_of_all_frees_the_page_whole)
{
	uint64_t used = bed_used(&b);

	ck_assert_int_eq(sys_munmap(b.t, AT, 2 * HUGE_PAGE_SIZE), 0);
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_THP_SPLIT_PMD], 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_THPS), 0);
	ck_assert_uint_eq(listed(), 0);
	ck_assert_uint_eq(used - bed_used(&b), 512 + 3); /* and its tables, the deposited one among them */
	ck_assert_uint_eq(b.t->mm->pt.nr_tables, 1);
}
END_TEST

/* page_remove_rmap of a part: its memory stays with the page until the shrinker splits that. */
START_TEST(munmap_of_a_part_defers_the_split)
{
	uint64_t used;

	ck_assert_int_eq(sys_munmap(b.t, AT + 100 * P, 12 * P), 0);
	used = bed_used(&b);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 1);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 0);
	ck_assert_uint_eq(event(VMEV_THP_DEFERRED_SPLIT_PAGE), 1);
	ck_assert_uint_eq(thp_nr_deferred(&b.k), 1);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 500);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 500);
	ck_assert_int_eq(frame_of(&b.mem, head)->refs, 500);
	ck_assert_uint_eq(listed(), 512);
	ck_assert_uint_eq(bed_pte(&b, AT + 100 * P), 0);
	ck_assert(bed_pte(&b, AT + 112 * P) & PTE_PRESENT);
	ck_assert_uint_eq(thp_split_deferred(b.t, 128), 1);
	ck_assert_uint_eq(thp_nr_deferred(&b.k), 0);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 1);
	ck_assert_uint_eq(event(VMEV_THP_DEFERRED_SPLIT_PAGE), 1);
	ck_assert_uint_eq(listed(), 500);
	ck_assert_uint_eq(used - bed_used(&b), 12);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 500);
	ck_assert_uint_eq(pte_pfn(bed_pte(&b, AT + 112 * P)), head + 112);
}
END_TEST

START_TEST(freeing_a_deferred_page_takes_it_off_the_queue)
{
	uint64_t used;

	ck_assert_int_eq(sys_madvise(b.t, AT, 511 * P, 4), 0); /* DONTNEED */
	ck_assert_uint_eq(thp_nr_deferred(&b.k), 1);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 1);
	used = bed_used(&b);
	ck_assert_int_eq(sys_madvise(b.t, AT + 511 * P, P, 4), 0);
	ck_assert_uint_eq(thp_nr_deferred(&b.k), 0);
	ck_assert_uint_eq(used - bed_used(&b), 512);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 0);
	ck_assert_uint_eq(listed(), 0);
	ck_assert_uint_eq(event(VMEV_THP_DEFERRED_SPLIT_PAGE), 1);
	ck_assert_uint_eq(thp_split_deferred(b.t, 128), 0);
}
END_TEST

/* Another process's entry for all of it keeps the page as it is; when that goes, the page is queued. */
START_TEST(a_part_goes_while_another_maps_it_all)
{
	struct process *parent = b.t->process, *child = fork_child();

	bed_become(&b, child);
	ck_assert_int_eq(sys_munmap(b.t, AT, 8 * P), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 512);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_THPS), 512);
	ck_assert_uint_eq(thp_nr_deferred(&b.k), 0);
	ck_assert_int_eq(frames_mapcount(&b.mem.frames, head), 1);
	ck_assert_int_eq(frames_mapcount(&b.mem.frames, head + 8), 2);
	ck_assert_int_eq(frame_of(&b.mem, head)->refs, 504 + 1);
	bed_become(&b, parent);
	ck_assert(*huge_entry(b.t->mm) & PTE_HUGE);
	ck_assert_int_eq(sys_munmap(b.t, AT, HUGE_PAGE_SIZE), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 504);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_THPS), 0);
	ck_assert_uint_eq(thp_nr_deferred(&b.k), 1);
	ck_assert_uint_eq(thp_split_deferred(b.t, 1), 1);
	ck_assert_uint_eq(listed(), 504);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 504);
}
END_TEST

START_TEST(mprotect_of_all_keeps_it_huge)
{
	const struct ptable *t = pgtable_table(&b.t->mm->pt, AT, 2);

	ck_assert_int_eq(sys_mprotect(b.t, AT, HUGE_PAGE_SIZE, PROT_READ), 0);
	ck_assert(t->e[ptable_index(AT, 2)] & PTE_HUGE);
	ck_assert(!(t->e[ptable_index(AT, 2)] & PTE_WRITE));
	ck_assert_int_eq(sys_mprotect(b.t, AT + P, P, 0), 0);
	ck_assert(bed_pte(&b, AT) & PTE_PRESENT);
	ck_assert(bed_pte(&b, AT + P) & PTE_PROTNONE && !(bed_pte(&b, AT + P) & PTE_PRESENT));
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 512);
}
END_TEST

START_TEST(mremap_moves_an_aligned_one_whole)
{
	const vaddr_t to = UINT64_C(0x7000000000);

	ck_assert_int_eq(sys_mremap(b.t, AT, HUGE_PAGE_SIZE, HUGE_PAGE_SIZE, 3, to), (int64_t)to);
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_THP_SPLIT_PMD], 0);
	ck_assert(pgtable_table(&b.t->mm->pt, to, 2)->e[ptable_index(to, 2)] & PTE_HUGE);
	/* elsewhere within its 2 MiB: page by page; the reverse mappings followed, or this would not work */
	ck_assert_int_eq(sys_mremap(b.t, to, HUGE_PAGE_SIZE, HUGE_PAGE_SIZE, 3, AT + P), (int64_t)(AT + P));
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_THP_SPLIT_PMD], 1);
	ck_assert_uint_eq(pte_pfn(bed_pte(&b, AT + 512 * P)), head + 511);
	ck_assert_int_eq(sys_munmap(b.t, AT, 2 * HUGE_PAGE_SIZE), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
}
END_TEST

/* copy_huge_pmd: the page stays whole, both sides map it by one entry that cannot be written through. */
START_TEST(fork_shares_it_whole)
{
	pte_t before = *huge_entry(b.t->mm);
	const struct frame *f = frame_of(&b.mem, head);
	struct mm *mm;

	ck_assert(before & PTE_WRITE && f->flags & FR_EXCLUSIVE);
	b.flushes = 0;
	mm = fork_child()->mm;
	ck_assert_uint_eq(b.flushes, 1);
	ck_assert_uint_eq(*huge_entry(b.t->mm), before & ~PTE_WRITE);
	ck_assert_uint_eq(*huge_entry(mm), before & ~(PTE_WRITE | PTE_ACCESSED));
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_THP_SPLIT_PMD], 0);
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_THP_SPLIT_PAGE], 0);
	ck_assert((f->flags & (FR_HEAD | FR_ANON | FR_EXCLUSIVE)) == (FR_HEAD | FR_ANON));
	ck_assert_int_eq(f->mapcount, 2); /* of the page as a whole, no part by itself */
	ck_assert_int_eq(f->refs, 2);
	for (unsigned i = 1; i < 512; i++) {
		ck_assert_int_eq(frame_of(&b.mem, head + i)->mapcount, 0);
		ck_assert(frame_of(&b.mem, head + i)->flags & FR_TAIL);
	}
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 512);
	ck_assert_int_eq(mm->rss[MM_ANONPAGES], 512);
	ck_assert_uint_eq(mm->pt.nr_tables, 4); /* three above the entry and the deposited one */
	ck_assert(pgtable_is_valid(&mm->pt));
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 512); /* pages, not mappings */
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_THPS), 512);
	ck_assert_uint_eq(listed(), 512);
}
END_TEST

/* do_huge_pmd_wp_page while it is shared: the writer's entry is split, and one small page copied. */
START_TEST(writing_to_a_shared_one_copies_a_small_page)
{
	struct process *parent = b.t->process, *child = fork_child();

	bed_become(&b, child);
	ck_assert_int_eq(bed_touch(&b, AT + 7 * P, true), FAULT_DONE);
	lru_drain(b.t);
	ck_assert_uint_eq(child->stats.cow_faults, 1);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 1);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 0);
	for (unsigned i = 0; i < 512; i++) {
		ck_assert_int_eq(frames_mapcount(&b.mem.frames, head + i), i == 7 ? 1 : 2);
		ck_assert_int_eq(pte_pfn(bed_pte(&b, AT + i * P)) == head + i, i != 7);
		ck_assert_int_eq(!(bed_pte(&b, AT + i * P) & PTE_WRITE), i != 7);
	}
	ck_assert_int_eq(frame_of(&b.mem, head)->refs, 511 + 1);
	ck_assert_int_eq(child->mm->rss[MM_ANONPAGES], 512);
	ck_assert_int_eq(parent->mm->rss[MM_ANONPAGES], 512);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 513);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_THPS), 512);
	ck_assert_uint_eq(listed(), 513);
	ck_assert(pgtable_is_valid(&child->mm->pt));
	ck_assert_uint_eq(thp_nr_deferred(&b.k), 0); /* the parent maps all of it */
	bed_become(&b, parent);
	ck_assert(*huge_entry(b.t->mm) & PTE_HUGE);
	/* the parent shares it yet, with the child's small entries */
	ck_assert_int_eq(bed_touch(&b, AT + 9 * P, true), FAULT_DONE);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 2);
	ck_assert_uint_eq(parent->stats.cow_faults, 1);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_THPS), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 514);
}
END_TEST

/* Taken apart while two map it, one of them all: each part keeps its mappings. */
START_TEST(a_shared_one_is_taken_apart)
{
	struct process *child = fork_child();

	frame_get(&b.k, head);
	ck_assert(thp_split_page(b.t, head, NULL));
	frame_put(&b.k, 0, head);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 2);
	for (unsigned i = 0; i < 512; i++) {
		ck_assert_int_eq(frame_of(&b.mem, head + i)->mapcount, 2);
		ck_assert_int_eq(frame_of(&b.mem, head + i)->refs, 2);
		ck_assert(!(frame_of(&b.mem, head + i)->flags & FR_EXCLUSIVE));
	}
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 512);
	mm_put(b.t, child->mm);
	child->mm = NULL;
	ck_assert_int_eq(frame_of(&b.mem, head + 3)->refs, 1);
}
END_TEST

/* do_huge_pmd_wp_page by the only one left: the page is used again, whole. */
START_TEST(the_last_owner_writes_without_a_copy)
{
	struct process *child = fork_child();

	mm_put(b.t, child->mm);
	child->mm = NULL;
	ck_assert_int_eq(frame_of(&b.mem, head)->mapcount, 1);
	ck_assert_int_eq(frame_of(&b.mem, head)->refs, 1);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_THPS), 512);
	ck_assert(!(*huge_entry(b.t->mm) & PTE_WRITE));
	ck_assert_int_eq(bed_touch(&b, AT + 7 * P, true), FAULT_DONE);
	ck_assert(*huge_entry(b.t->mm) & PTE_WRITE);
	ck_assert_uint_eq(pte_pfn(*huge_entry(b.t->mm)), head);
	ck_assert(frame_of(&b.mem, head)->flags & FR_EXCLUSIVE);
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_THP_SPLIT_PMD], 0);
	ck_assert_uint_eq(b.t->process->stats.cow_faults, 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 512);
}
END_TEST

START_TEST(locking_locks_all_of_it)
{
	ck_assert_int_eq(sys_mlock(b.t, AT, HUGE_PAGE_SIZE, 1), 0);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 512);
	ck_assert_int_eq(sys_munlock(b.t, AT, HUGE_PAGE_SIZE), 0);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 0);
}
END_TEST

/* mlock_pte_range leaves small entries into a huge page alone. */
START_TEST(locking_a_part_locks_nothing)
{
	ck_assert_int_eq(sys_mlock(b.t, AT + P, P, 1), 0);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 1);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 0);
}
END_TEST

/* __split_huge_pmd_locked undoes the lock of the whole; taken apart, the parts are locked again. */
START_TEST(splitting_a_locked_entry_unlocks_it)
{
	ck_assert_int_eq(sys_mlock(b.t, AT, HUGE_PAGE_SIZE, 1), 0);
	ck_assert_int_eq(sys_munlock(b.t, AT, 12 * P), 0);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 0);
	frame_get(&b.k, head);
	ck_assert(thp_split_page(b.t, head, NULL));
	frame_put(&b.k, 0, head);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 500);
	lru_drain(b.t);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_UNEVICTABLE), 500);
}
END_TEST

START_TEST(free_of_all_keeps_it_whole)
{
	ck_assert_int_eq(sys_madvise(b.t, AT, HUGE_PAGE_SIZE, 8), 0); /* FREE */
	lru_drain(b.t);
	ck_assert_uint_eq(event(VMEV_PGLAZYFREE), 512);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 0);
	ck_assert(!(*huge_entry(b.t->mm) & PTE_DIRTY) && !(frame_of(&b.mem, head)->flags & FR_DIRTY));
	ck_assert_int_eq(memory_node_total(&b.mem, NR_INACTIVE_FILE), 512);
}
END_TEST

START_TEST(free_of_a_part_splits)
{
	ck_assert_int_eq(sys_madvise(b.t, AT, 3 * P, 8), 0);
	lru_drain(b.t);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 1);
	ck_assert_uint_eq(event(VMEV_PGLAZYFREE), 3);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_INACTIVE_FILE), 3);
	ck_assert_uint_eq(listed(), 509);
}
END_TEST

START_TEST(free_leaves_what_others_map)
{
	struct process *child = fork_child();

	ck_assert_int_eq(sys_madvise(b.t, AT, HUGE_PAGE_SIZE, 8), 0);
	ck_assert_int_eq(sys_madvise(b.t, AT, 3 * P, 8), 0);
	lru_drain(b.t);
	ck_assert_uint_eq(event(VMEV_PGLAZYFREE), 0);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 0);
	(void)child;
}
END_TEST

/* PAGEOUT takes it apart, gives every part a slot and writes it. */
START_TEST(pageout_writes_all_parts)
{
	ck_assert_int_eq(sys_madvise(b.t, AT, HUGE_PAGE_SIZE, 21), 0);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PAGE), 0);
	ck_assert_uint_eq(event(VMEV_THP_SWPOUT_FALLBACK), 0);
	ck_assert_uint_eq(event(VMEV_PSWPOUT), 512);
	ck_assert_int_eq(b.t->mm->rss[MM_SWAPENTS], 512);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
	ck_assert(pte_is_swap(bed_pte(&b, AT + 511 * P)));
}
END_TEST

/* vma_adjust_trans_huge when a merge moves the bound between two mappings. */
START_TEST(moving_a_bound_splits)
{
	ck_assert_int_eq(sys_madvise(b.t, AT + HUGE_PAGE_SIZE, HUGE_PAGE_SIZE, 2), 0); /* SEQUENTIAL */
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 0);
	ck_assert_int_eq(sys_madvise(b.t, AT + 8 * P, HUGE_PAGE_SIZE - 8 * P, 2), 0);
	ck_assert_uint_eq(b.t->mm->vmas.n, 2);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD), 1);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("thp_split");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, splitting_an_entry_leaves_the_page_whole);
	tcase_add_test(c, splitting_a_page_makes_512_of_one);
	tcase_add_test(c, munmap_of_all_frees_the_page_whole);
	tcase_add_test(c, munmap_of_a_part_defers_the_split);
	tcase_add_test(c, freeing_a_deferred_page_takes_it_off_the_queue);
	tcase_add_test(c, a_part_goes_while_another_maps_it_all);
	tcase_add_test(c, mprotect_of_all_keeps_it_huge);
	tcase_add_test(c, mremap_moves_an_aligned_one_whole);
	tcase_add_test(c, fork_shares_it_whole);
	tcase_add_test(c, writing_to_a_shared_one_copies_a_small_page);
	tcase_add_test(c, the_last_owner_writes_without_a_copy);
	tcase_add_test(c, locking_locks_all_of_it);
	tcase_add_test(c, a_shared_one_is_taken_apart);
	tcase_add_test(c, locking_a_part_locks_nothing);
	tcase_add_test(c, splitting_a_locked_entry_unlocks_it);
	tcase_add_test(c, free_of_all_keeps_it_whole);
	tcase_add_test(c, free_of_a_part_splits);
	tcase_add_test(c, free_leaves_what_others_map);
	tcase_add_test(c, pageout_writes_all_parts);
	tcase_add_test(c, moving_a_bound_splits);
	return run_case("thp_split", c);
}
