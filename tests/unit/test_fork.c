/*
 * test_fork.c - copying and leaving address spaces: copy on write, what is not copied, what is given back.
 */
#include <check.h>

#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE

enum { DONTFORK = 10, WIPEONFORK = 18 };

static struct bed b;
static struct process *parent, *child;

static void setup(void)
{
	bed_new(&b, BED_SMALL, "swap.size=16MiB", NULL);
	parent = &b.proc[0];
}

static void teardown(void)
{
	for (unsigned i = 0; i < b.nr_proc; i++)
		if (b.proc[i].mm) {
			ck_assert(vma_tree_is_valid(&b.proc[i].mm->vmas));
			ck_assert(pgtable_is_valid(&b.proc[i].mm->pt));
		}
	bed_free(&b);
	child = NULL;
}

static void fork_child(void)
{
	child = bed_process(&b);
	child->mm = mm_fork(b.t, child);
	ck_assert_ptr_nonnull(child->mm);
}

START_TEST(both_sides_lose_write_permission)
{
	vaddr_t a = bed_anon(&b, 0, 4 * P, RW, MAP_POPULATE);
	pte_t before = bed_pte(&b, a), after;
	struct frame *f = frame_of(&b.mem, pte_pfn(before));

	ck_assert(before & PTE_WRITE && f->flags & FR_EXCLUSIVE);
	b.flushes = 0;
	fork_child();
	ck_assert_uint_eq(b.flushes, 1); /* the parent's whole address space */
	after = bed_pte(&b, a);
	ck_assert_uint_eq(after, before & ~PTE_WRITE);
	bed_become(&b, child);
	ck_assert_uint_eq(bed_pte(&b, a), after & ~PTE_ACCESSED);
	ck_assert_int_eq(f->mapcount, 2);
	ck_assert(!(f->flags & FR_EXCLUSIVE));
	ck_assert_int_eq(child->mm->rss[MM_ANONPAGES], 4);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 4); /* pages, not mappings */
	ck_assert_int_eq(b.mms.committed_pages, 8);
	ck_assert_uint_eq(child->mm->total_vm, 4);
}
END_TEST

/* A child that writes half of its memory costs exactly that many copies; the parent then reuses the rest. */
START_TEST(half_written_half_copied)
{
	const unsigned n = 1024;
	vaddr_t a = bed_anon(&b, 0, n * P, RW, MAP_POPULATE);

	fork_child();
	bed_become(&b, child);
	bed_touch_pages(&b, a, n / 2, true);
	ck_assert_uint_eq(child->stats.cow_faults, n / 2);
	ck_assert_uint_eq(child->stats.reuse_faults, 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), n + n / 2);
	bed_become(&b, parent);
	lru_drain(b.t);
	bed_touch_pages(&b, a, n / 2, true); /* their only owner by now */
	ck_assert_uint_eq(parent->stats.cow_faults, 0);
	ck_assert_uint_eq(parent->stats.reuse_faults, n / 2);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), n + n / 2);
}
END_TEST

START_TEST(what_was_never_written_is_not_copied)
{
	const struct mmap_request shared = {0, 4 * P, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0};
	vaddr_t zero = bed_anon(&b, 0, 4 * P, RW, 0), s = (vaddr_t)sys_mmap(b.t, &shared);

	bed_touch_pages(&b, zero, 4, false); /* the zero page needs no anon_vma */
	bed_touch_pages(&b, s, 4, true);
	fork_child();
	bed_become(&b, child);
	ck_assert_uint_eq(bed_pte(&b, zero), 0);
	ck_assert_uint_eq(bed_pte(&b, s), 0);
	ck_assert_int_eq((int64_t)mm_rss(child->mm), 0);
	ck_assert_uint_eq(child->mm->vmas.n, 2);
	bed_touch_pages(&b, s, 4, true); /* the same pages */
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SHMEM), 4);
	ck_assert_int_eq(child->mm->rss[MM_SHMEMPAGES], 4);
	ck_assert_int_eq(b.mms.committed_pages, 4 + 4 + 4);
}
END_TEST

START_TEST(zero_page_entries_are_copied_beside_others)
{
	vaddr_t a = bed_anon(&b, 0, 2 * P, RW, 0);

	bed_touch_pages(&b, a, 1, false);
	bed_touch_pages(&b, a + P, 1, true);
	fork_child();
	bed_become(&b, child);
	ck_assert(bed_pte(&b, a) & PTE_SPECIAL);
	ck_assert_int_eq(child->mm->rss[MM_ANONPAGES], 1);
}
END_TEST

START_TEST(advice_about_fork)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 2 * P, RW, MAP_FIXED), w = a + 0x10000;

	bed_anon(&b, w, 2 * P, RW, MAP_FIXED);
	bed_touch_pages(&b, a, 2, true);
	bed_touch_pages(&b, w, 2, true);
	ck_assert_int_eq(sys_madvise(b.t, a, 2 * P, DONTFORK), 0);
	ck_assert_int_eq(sys_madvise(b.t, w, 2 * P, WIPEONFORK), 0);
	fork_child();
	bed_become(&b, child);
	ck_assert_ptr_null(vma_at(&child->mm->vmas, a));
	ck_assert_ptr_nonnull(vma_at(&child->mm->vmas, w));
	ck_assert_uint_eq(bed_pte(&b, w), 0);
	ck_assert_uint_eq(child->mm->total_vm, 2);
	ck_assert_int_eq(b.mms.committed_pages, 4 + 2);
}
END_TEST

START_TEST(locks_are_not_inherited)
{
	vaddr_t a = bed_anon(&b, 0, 2 * P, RW, MAP_LOCKED);

	ck_assert_int_eq(sys_mlockall(b.t, 2), 0);
	fork_child();
	ck_assert_uint_eq(child->mm->locked_vm, 0);
	ck_assert_uint_eq(child->mm->def_flags, 0);
	ck_assert(!(vma_at(&child->mm->vmas, a)->flags & VM_LOCKED));
	ck_assert_uint_eq(parent->mm->locked_vm, 2);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 2);
}
END_TEST

START_TEST(swap_entries_are_shared)
{
	vaddr_t a = bed_anon(&b, 0, 8 * P, RW, MAP_POPULATE);
	swp_entry_t e;

	ck_assert_int_eq(sys_madvise(b.t, a, 8 * P, 21), 0); /* PAGEOUT */
	while (eventq_step(&b.q) && b.q.now < PS_PER_S)
		;
	ck_assert(pte_is_swap(bed_pte(&b, a)));
	e = pte_swap_entry(bed_pte(&b, a));
	ck_assert_uint_eq(swap_count(b.k.swap, e), 1);
	fork_child();
	ck_assert_uint_eq(swap_count(b.k.swap, e), 2);
	ck_assert(!(bed_pte(&b, a) & PTE_SWAP_EXCLUSIVE));
	ck_assert_int_eq(child->mm->rss[MM_SWAPENTS], 8);
	mm_put(b.t, child->mm);
	ck_assert_ptr_null(child->mm);
	ck_assert_uint_eq(swap_count(b.k.swap, e), 1);
	ck_assert(swap_is_valid(&b.k));
}
END_TEST

/* The heap of a child that came with pages is not extended but gets a mapping of its own behind it. */
START_TEST(a_forked_heap_grows_apart)
{
	vaddr_t heap = (vaddr_t)sys_brk(b.t, 0);

	sys_brk(b.t, heap + 2 * P);
	bed_touch_pages(&b, heap, 2, true);
	fork_child();
	bed_become(&b, child);
	ck_assert_int_eq(sys_brk(b.t, heap + 4 * P), (int64_t)(heap + 4 * P));
	ck_assert_uint_eq(child->mm->vmas.n, 2);
	bed_become(&b, parent);
	ck_assert_int_eq(sys_brk(b.t, heap + 4 * P), (int64_t)(heap + 4 * P));
	ck_assert_uint_eq(parent->mm->vmas.n, 1);
}
END_TEST

START_TEST(a_child_leaves_no_trace)
{
	vaddr_t a = bed_anon(&b, 0, 600 * P, RW, MAP_POPULATE);
	uint64_t used;
	int64_t tables;

	fork_child(); /* so that slabs are there */
	mm_put(b.t, child->mm);
	lru_drain_all(&b.k);
	used = bed_used(&b);
	tables = memory_node_total(&b.mem, NR_PAGETABLE);
	fork_child();
	bed_become(&b, child);
	bed_touch_pages(&b, a, 300, true);
	ck_assert_int_gt(memory_node_total(&b.mem, NR_PAGETABLE), tables);
	bed_become(&b, parent);
	mm_put(b.t, child->mm);
	lru_drain_all(&b.k);
	ck_assert_uint_eq(bed_used(&b), used);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_PAGETABLE), tables);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 600);
	ck_assert_int_eq(b.mms.committed_pages, 600);
	for (unsigned i = 0; i < 600; i++)
		ck_assert_int_eq(frame_of(&b.mem, pte_pfn(bed_pte(&b, a + i * P)))->mapcount, 1);
}
END_TEST

START_TEST(users_share_an_address_space)
{
	bed_anon(&b, 0, P, RW, MAP_POPULATE);
	parent->mm->users++;
	mm_put(b.t, parent->mm);
	ck_assert_ptr_nonnull(parent->mm);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ANON_MAPPED), 1);
}
END_TEST

START_TEST(ids_are_reused_and_contexts_are_not)
{
	uint32_t id;
	uint64_t context;

	fork_child();
	id = child->mm->id;
	context = child->mm->context_id;
	ck_assert_uint_ne(id, parent->mm->id);
	mm_put(b.t, child->mm);
	fork_child();
	ck_assert_uint_eq(child->mm->id, id);
	ck_assert_uint_gt(child->mm->context_id, context);
}
END_TEST

START_TEST(fork_is_charged_by_tables)
{
	uint64_t before, one, two;

	bed_anon(&b, 0x40000000, P, RW, MAP_FIXED | MAP_POPULATE);
	before = b.x[0].cause.syscall;
	fork_child();
	one = b.x[0].cause.syscall - before;
	ck_assert_uint_eq(one, b.k.cost.fork + b.k.cost.fork_table);
	bed_anon(&b, 0x40200000, P, RW, MAP_FIXED | MAP_POPULATE); /* another leaf */
	before = b.x[0].cause.syscall;
	fork_child();
	two = b.x[0].cause.syscall - before;
	ck_assert_uint_eq(two - one, b.k.cost.fork_table);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("fork");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, both_sides_lose_write_permission);
	tcase_add_test(c, half_written_half_copied);
	tcase_add_test(c, what_was_never_written_is_not_copied);
	tcase_add_test(c, zero_page_entries_are_copied_beside_others);
	tcase_add_test(c, advice_about_fork);
	tcase_add_test(c, locks_are_not_inherited);
	tcase_add_test(c, swap_entries_are_shared);
	tcase_add_test(c, a_forked_heap_grows_apart);
	tcase_add_test(c, a_child_leaves_no_trace);
	tcase_add_test(c, users_share_an_address_space);
	tcase_add_test(c, ids_are_reused_and_contexts_are_not);
	tcase_add_test(c, fork_is_charged_by_tables);
	return run_case("fork", c);
}
