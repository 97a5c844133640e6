/*
 * test_mlock.c - locking in memory, and msync.
 */
#include "tests/suite.h"
#include "tests/unit/mapping_fixture.h"

/* ---- mlock ---- */

START_TEST(mlock_locks_and_unlocks)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 8 * P, RW, MAP_FIXED);

	ck_assert_int_eq(sys_mlock(b.t, a, P, 2), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mlock(b.t, a, 9 * P, 0), -LINUX_ENOMEM); /* beyond the end; the rest is locked */
	ck_assert_uint_eq(b.t->mm->locked_vm, 8);
	ck_assert_int_eq(sys_munlock(b.t, a, 8 * P), 0);
	ck_assert_uint_eq(b.t->mm->locked_vm, 0);
	ck_assert_int_eq(sys_mlock(b.t, a + 2 * P + 5, 1, 0), 0); /* rounded to the page */
	ck_assert_uint_eq(nr_vmas(), 3);
	ck_assert_uint_eq(b.t->mm->locked_vm, 1);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 1);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 1);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_UNEVICTABLE), 0); /* it waits in the CPU's batch */
	lru_drain(b.t);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_UNEVICTABLE), 1);
	ck_assert_int_eq(sys_munlock(b.t, a, 8 * P), 0);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 0);
	ck_assert_int_eq(memory_node_total(&b.mem, NR_UNEVICTABLE), 0);
	/* the unfaulted pieces do not take the faulted one in: see is_mergeable_anon_vma */
	ck_assert_uint_le(nr_vmas(), 3);
}
END_TEST

START_TEST(mlock_on_fault_waits_for_the_fault)
{
	vaddr_t a = bed_anon(&b, 0, 4 * P, RW, 0);

	ck_assert_int_eq(sys_mlock(b.t, a, 4 * P, 1), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 0);
	ck_assert_uint_eq(b.t->mm->locked_vm, 4);
	ck_assert_int_eq(bed_touch(&b, a, true), FAULT_DONE);
	lru_drain(b.t);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 1);
}
END_TEST

START_TEST(mlockall_now_and_in_future)
{
	vaddr_t a = bed_anon(&b, 0, 4 * P, RW, 0);

	ck_assert_int_eq(sys_mlockall(b.t, 0), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mlockall(b.t, 4), -LINUX_EINVAL);
	ck_assert_int_eq(sys_mlockall(b.t, 3), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 4);
	bed_anon(&b, 0, 2 * P, RW, 0);
	ck_assert_uint_eq(b.t->mm->locked_vm, 6);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 6);
	ck_assert_int_eq(sys_brk(b.t, b.t->mm->start_brk + 3 * P), (int64_t)(b.t->mm->start_brk + 3 * P));
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], 9);
	ck_assert_int_eq(sys_munlockall(b.t), 0);
	ck_assert_uint_eq(b.t->mm->locked_vm, 0);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 0);
	ck_assert_uint_eq(bed_anon(&b, a, P, RW, MAP_FIXED), a);
	ck_assert_uint_eq(b.t->mm->locked_vm, 0);
}
END_TEST

/* ---- msync ---- */

START_TEST(msync_errors)
{
	vaddr_t a = bed_anon(&b, 0x40000000, 2 * P, RW, MAP_FIXED);

	ck_assert_int_eq(sys_msync(b.t, a, P, 5), -LINUX_EINVAL); /* ASYNC and SYNC */
	ck_assert_int_eq(sys_msync(b.t, a, P, 8), -LINUX_EINVAL);
	ck_assert_int_eq(sys_msync(b.t, a + 1, P, 4), -LINUX_EINVAL);
	ck_assert_int_eq(sys_msync(b.t, a, 0, 4), 0);
	ck_assert_int_eq(sys_msync(b.t, a, 2 * P, 4), 0);
	ck_assert_int_eq(sys_msync(b.t, a, 3 * P, 4), -LINUX_ENOMEM);
	ck_assert_int_eq(sys_mlock(b.t, a, P, 0), 0);
	ck_assert_int_eq(sys_msync(b.t, a, P, 2), -LINUX_EBUSY);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("mlock");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, mlock_locks_and_unlocks);
	tcase_add_test(c, mlock_on_fault_waits_for_the_fault);
	tcase_add_test(c, mlockall_now_and_in_future);
	tcase_add_test(c, msync_errors);
	return run_case("mlock", c);
}
