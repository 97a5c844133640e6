/*
 * test_mbind.c - policies of mappings and tasks, and the migration of pages that lie on the wrong nodes.
 */
#include <check.h>

#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE

static struct bed b;

static void setup(void)
{
	bed_new(&b, "topology.node_mem=64MiB 64MiB", "topology.node_cpus=1 1", "kernel.struct_page_bytes=0",
		"swap.size=16MiB", NULL);
}

static void teardown(void)
{
	ck_assert(vma_tree_is_valid(&b.t->mm->vmas));
	bed_free(&b);
}

static unsigned nid_at(vaddr_t va)
{
	return frame_of(&b.mem, pte_pfn(bed_pte(&b, va)))->nid;
}

static unsigned pages_on(vaddr_t a, unsigned n, unsigned nid)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += nid_at(a + i * P) == nid;
	return sum;
}

static uint64_t event(enum vm_event e)
{
	return b.mem.vmstat.event[e];
}

START_TEST(mbind_errors)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 4 * P, RW, MAP_FIXED);

	ck_assert_int_eq(sys_mbind(b.t, a + 1, P, MPOL_BIND, 1, 0), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mbind(b.t, a, P, MPOL_BIND, 0, 0), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mbind(b.t, a, P, MPOL_BIND, 4, 0), -LINUX_EINVAL); /* no such node */
	ck_assert_int_eq(sys_mbind(b.t, a, P, 77, 1, 0), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mbind(b.t, a, P, MPOL_DEFAULT, 1, 0), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mbind(b.t, a, P, MPOL_BIND, 1, 8), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mbind(b.t, a, P, MPOL_BIND, 1, MPOL_MF_MOVE_ALL), -LINUX_EPERM);
	ck_assert_int_eq(sys_mbind(b.t, a, 0, MPOL_BIND, 1, 0), 0);
	ck_assert_int_eq(sys_mbind(b.t, a, 5 * P, MPOL_BIND, 1, 0), -LINUX_EFAULT); /* a hole at the end */
	ck_assert_int_eq(sys_mbind(b.t, a - P, 2 * P, MPOL_BIND, 1, 0), -LINUX_EFAULT);
	ck_assert_int_eq(sys_mbind(b.t, a - P, 6 * P, MPOL_DEFAULT, 0, 0),
			 0); /* the default may have holes */
	ck_assert_ptr_null(vma_at(&b.t->mm->vmas, a)->policy);
}
END_TEST

START_TEST(a_range_gets_its_policy)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 8 * P, RW, MAP_FIXED);

	ck_assert_int_eq(sys_mbind(b.t, a + 2 * P, 4 * P, MPOL_BIND, 2, 0), 0);
	ck_assert_uint_eq(b.t->mm->vmas.n, 3);
	bed_touch_pages(&b, a, 8, true);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(nid_at(a + i * P), i >= 2 && i < 6 ? 1 : 0);
	/* the same again changes nothing; the rest joins what has the same policy */
	ck_assert_int_eq(sys_mbind(b.t, a + 3 * P, P, MPOL_BIND, 2, 0), 0);
	ck_assert_uint_eq(b.t->mm->vmas.n, 3);
	ck_assert_int_eq(sys_mbind(b.t, a + 2 * P, 4 * P, MPOL_DEFAULT, 0, 0), 0);
	ck_assert_ptr_null(vma_at(&b.t->mm->vmas, a + 3 * P)->policy);
}
END_TEST

START_TEST(unfaulted_pieces_merge_by_policy)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 8 * P, RW, MAP_FIXED);

	ck_assert_int_eq(sys_mbind(b.t, a, 3 * P, MPOL_BIND, 2, 0), 0);
	ck_assert_int_eq(sys_mbind(b.t, a + 3 * P, 2 * P, MPOL_BIND, 2, 0), 0);
	ck_assert_uint_eq(b.t->mm->vmas.n, 2);
	ck_assert_str_eq(bed_vma(&b, a), "40000000-40005000");
	ck_assert_int_eq(sys_mbind(b.t, a, 8 * P, MPOL_DEFAULT, 0, 0), 0);
	ck_assert_uint_eq(b.t->mm->vmas.n, 1);
}
END_TEST

START_TEST(strict_reports_pages_on_other_nodes)
{
	vaddr_t a = bed_anon(&b, 0, 4 * P, RW, MAP_POPULATE);

	ck_assert_int_eq(sys_mbind(b.t, a, 4 * P, MPOL_BIND, 2, MPOL_MF_STRICT), -LINUX_EIO);
	ck_assert_ptr_null(vma_at(&b.t->mm->vmas, a)->policy);
	ck_assert_int_eq(sys_mbind(b.t, a, 4 * P, MPOL_BIND, 1, MPOL_MF_STRICT), 0);
}
END_TEST

START_TEST(move_migrates_anonymous_pages)
{
	vaddr_t a = bed_anon(&b, 0, 40 * P, RW, MAP_POPULATE);
	uint64_t used = bed_used(&b);

	ck_assert_uint_eq(pages_on(a, 40, 0), 40);
	b.flushes = 0;
	ck_assert_int_eq(sys_mbind(b.t, a + 10 * P, 20 * P, MPOL_BIND, 2, MPOL_MF_MOVE | MPOL_MF_STRICT), 0);
	lru_drain_all(&b.k);
	ck_assert_uint_eq(pages_on(a, 10, 0), 10);
	ck_assert_uint_eq(pages_on(a + 10 * P, 20, 1), 20);
	ck_assert_uint_eq(pages_on(a + 30 * P, 10, 0), 10);
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_SUCCESS), 20);
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_FAIL), 0);
	ck_assert_uint_eq(b.flushes, 20);
	ck_assert_int_eq(b.mem.node[0].stat.item[NR_ANON_MAPPED], 20);
	ck_assert_int_eq(b.mem.node[1].stat.item[NR_ANON_MAPPED], 20);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_ISOLATED_ANON), 0);
	ck_assert_int_eq(b.mem.node[1].stat.item[NR_INACTIVE_ANON] + b.mem.node[1].stat.item[NR_ACTIVE_ANON],
			 20);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 40);
	for (unsigned i = 0; i < 40; i++) {
		const struct frame *f = frame_of(&b.mem, pte_pfn(bed_pte(&b, a + i * P)));

		ck_assert_int_eq(f->refs, 1);
		ck_assert_int_eq(f->mapcount, 1);
		ck_assert(f->flags & FR_LRU && f->flags & FR_ANON && f->flags & FR_EXCLUSIVE);
		ck_assert(bed_pte(&b, a + i * P) & PTE_WRITE && bed_pte(&b, a + i * P) & PTE_DIRTY);
	}
	ck_assert_uint_le(bed_used(&b), used + 4); /* the old frames are free again; slabs of two mappings */
	ck_assert_uint_eq(b.x[0].cause.migrate, 20 * b.k.cost.migrate_page);
}
END_TEST

START_TEST(shared_pages_stay)
{
	vaddr_t a = bed_anon(&b, 0, 8 * P, RW, MAP_POPULATE);
	struct process *child = bed_process(&b);

	child->mm = mm_fork(b.t, child);
	ck_assert_int_eq(bed_touch(&b, a, true), FAULT_DONE); /* a copy of our own */
	ck_assert_int_eq(sys_mbind(b.t, a, 8 * P, MPOL_BIND, 2, MPOL_MF_MOVE), 0);
	ck_assert_uint_eq(pages_on(a, 8, 1), 1);
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_SUCCESS), 1);
}
END_TEST

START_TEST(move_migrates_shared_memory_of_one_process)
{
	const struct mmap_request r = {0, 8 * P, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0};
	vaddr_t a = (vaddr_t)sys_mmap(b.t, &r);

	bed_touch_pages(&b, a, 8, true);
	ck_assert_int_eq(b.mem.node[0].stat.item[NR_SHMEM], 8);
	ck_assert_int_eq(sys_mbind(b.t, a, 8 * P, MPOL_PREFERRED, 2, MPOL_MF_MOVE), 0);
	ck_assert_uint_eq(pages_on(a, 8, 1), 8);
	ck_assert_int_eq(b.mem.node[0].stat.item[NR_SHMEM], 0);
	ck_assert_int_eq(b.mem.node[1].stat.item[NR_SHMEM], 8);
	ck_assert_int_eq(b.mem.node[1].stat.item[NR_FILE_MAPPED], 8);
	ck_assert(pagecache_is_valid(b.k.pagecache));
	ck_assert_int_eq(sys_munmap(b.t, a, 8 * P), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_SHMEM), 0);
}
END_TEST

START_TEST(locked_pages_keep_their_lock)
{
	vaddr_t a = bed_anon(&b, 0, 4 * P, RW, MAP_LOCKED);

	ck_assert_int_eq(sys_mbind(b.t, a, 4 * P, MPOL_BIND, 2, MPOL_MF_MOVE), 0);
	lru_drain_all(&b.k);
	ck_assert_uint_eq(pages_on(a, 4, 1), 4);
	ck_assert_int_eq(node_zone_total(&b.mem.node[0], NR_MLOCK), 0);
	ck_assert_int_eq(node_zone_total(&b.mem.node[1], NR_MLOCK), 4);
	ck_assert_int_eq(b.mem.node[1].stat.item[NR_UNEVICTABLE], 4);
	ck_assert_int_eq(sys_munlock(b.t, a, 4 * P), 0);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_UNEVICTABLE), 0);
}
END_TEST

START_TEST(moving_to_default_goes_home)
{
	vaddr_t a = bed_anon(&b, 0, 4 * P, RW, 0);

	ck_assert_int_eq(sys_mbind(b.t, a, 4 * P, MPOL_BIND, 2, 0), 0);
	bed_touch_pages(&b, a, 4, true);
	ck_assert_uint_eq(pages_on(a, 4, 1), 4);
	ck_assert_int_eq(sys_mbind(b.t, a, 4 * P, MPOL_DEFAULT, 0, MPOL_MF_MOVE), 0);
	ck_assert_uint_eq(pages_on(a, 4, 0), 4);
}
END_TEST

START_TEST(interleave_spreads_by_page)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 8 * P, RW, MAP_FIXED);

	ck_assert_int_eq(sys_mbind(b.t, a, 8 * P, MPOL_INTERLEAVE, 3, 0), 0);
	for (unsigned i = 8; i-- > 0;)
		ck_assert_int_eq(bed_touch(&b, a + i * P, true), FAULT_DONE);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(nid_at(a + i * P), i % 2); /* whatever the order of touches */
}
END_TEST

START_TEST(set_mempolicy_is_the_tasks)
{
	vaddr_t a = bed_anon(&b, 0, 8 * P, RW, 0);

	ck_assert_int_eq(sys_set_mempolicy(b.t, MPOL_BIND, 0), -LINUX_EINVAL);
	ck_assert_int_eq(sys_set_mempolicy(b.t, MPOL_BIND, 2), 0);
	ck_assert_int_eq(bed_touch(&b, a, true), FAULT_DONE);
	ck_assert_uint_eq(nid_at(a), 1);
	ck_assert_int_eq(sys_set_mempolicy(b.t, MPOL_INTERLEAVE, 3), 0);
	for (unsigned i = 1; i < 5; i++)
		ck_assert_int_eq(bed_touch(&b, a + i * P, true), FAULT_DONE);
	for (unsigned i = 1; i < 5; i++)
		ck_assert_uint_eq(nid_at(a + i * P),
				  (i + 1) % 2); /* 0, 1, 0, 1: il_prev began at the last node */
	ck_assert_int_eq(sys_set_mempolicy(b.t, MPOL_DEFAULT, 0), 0);
	ck_assert_ptr_null(b.t->policy);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("mbind");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, mbind_errors);
	tcase_add_test(c, a_range_gets_its_policy);
	tcase_add_test(c, unfaulted_pieces_merge_by_policy);
	tcase_add_test(c, strict_reports_pages_on_other_nodes);
	tcase_add_test(c, move_migrates_anonymous_pages);
	tcase_add_test(c, shared_pages_stay);
	tcase_add_test(c, move_migrates_shared_memory_of_one_process);
	tcase_add_test(c, locked_pages_keep_their_lock);
	tcase_add_test(c, moving_to_default_goes_home);
	tcase_add_test(c, interleave_spreads_by_page);
	tcase_add_test(c, set_mempolicy_is_the_tasks);
	return run_case("mbind", c);
}
