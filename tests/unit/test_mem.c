/* The host's memory: zeroing, pools, the freeze, failing on request. */
#include "sim/mem.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

START_TEST(allocations_are_zeroed)
{
	for (int round = 0; round < 3; round++) {
		unsigned char *p = mem_alloc(100, 7);

		for (int i = 0; i < 700; i++)
			ck_assert_uint_eq(p[i], 0);
		memset(p, 0xff, 700);
		mem_free(p);
	}
	mem_free(mem_alloc(0, 0)); /* of nothing is something */
}
END_TEST

START_TEST(realloc_keeps_what_was_there)
{
	uint32_t *p = mem_alloc(4, sizeof *p);

	p[3] = 42;
	p = mem_realloc(p, 4000, sizeof *p);
	ck_assert_uint_eq(p[3], 42);
	mem_free(p);
}
END_TEST

START_TEST(map_is_zeroed_and_sparse)
{
	size_t bytes = (size_t)1 << 40; /* a TiB nobody touches costs nothing */
	unsigned char *p = mem_map(bytes);

	ck_assert_uint_eq(p[0], 0);
	ck_assert_uint_eq(p[bytes - 1], 0);
	p[bytes / 2] = 1;
	mem_unmap(p, bytes);
	mem_unmap(NULL, 0);
}
END_TEST

START_TEST(pool_objects_are_distinct_zeroed_and_aligned)
{
	struct pool p;
	unsigned char *obj[50];

	pool_init(&p, 24, 7);
	for (int i = 0; i < 50; i++) {
		obj[i] = pool_get(&p);
		ck_assert_uint_eq((uintptr_t)obj[i] % 16, 0);
		for (int j = 0; j < 24; j++)
			ck_assert_uint_eq(obj[i][j], 0);
		memset(obj[i], i + 1, 24);
	}
	for (int i = 0; i < 50; i++) {
		for (int j = 0; j < 24; j++)
			ck_assert_int_eq(obj[i][j], i + 1);
	}
	ck_assert_uint_eq(p.in_use, 50);
	ck_assert_uint_eq(p.nr_blocks, 8); /* 7 * 7 = 49 */
	pool_release(&p);
}
END_TEST

START_TEST(pool_reuses_last_in_first_out)
{
	struct pool p;
	void *a, *b, *c;

	pool_init(&p, 40, 16);
	a = pool_get(&p);
	b = pool_get(&p);
	c = pool_get(&p);
	memset(a, 0xaa, 40);
	pool_put(&p, a);
	pool_put(&p, c);
	ck_assert_uint_eq(p.in_use, 1);
	ck_assert_ptr_eq(pool_get(&p), c);
	ck_assert_ptr_eq(pool_get(&p), a);
	for (int i = 0; i < 40; i++)
		ck_assert_uint_eq(((unsigned char *)a)[i], 0); /* zeroed again */
	ck_assert_ptr_ne(pool_get(&p), b);
	ck_assert_uint_eq(p.nr_blocks, 1);
	pool_release(&p);
}
END_TEST

START_TEST(pool_of_tiny_objects)
{
	struct pool p;
	char *a, *b;

	pool_init(&p, 1, 3); /* the free list needs a pointer's room */
	a = pool_get(&p);
	b = pool_get(&p);
	ck_assert_int_ge(llabs(b - a), (long long)sizeof(void *));
	pool_put(&p, a);
	pool_put(&p, b);
	ck_assert_ptr_eq(pool_get(&p), b);
	ck_assert_ptr_eq(pool_get(&p), a);
	pool_release(&p);
}
END_TEST

START_TEST(frozen_memory_aborts)
{
	mem_freeze();
	mem_free(mem_alloc_late(1, 1)); /* this one may */
	mem_thaw();
	mem_free(mem_alloc(1, 1));
	mem_freeze();
	mem_alloc(1, 1);
}
END_TEST

/* The third allocation from now fails, whatever kind it is: exit status 9, no crash. */
START_TEST(fail_nth_counts_all_kinds)
{
	static void *p; /* static: still in sight when the program ends */

	mem_fail_nth(3);
	p = mem_alloc(1, 1);
	mem_free(mem_strdup("x"));
	mem_realloc(p, 2, 1);
}
END_TEST

START_TEST(fail_nth_zero_never_fails)
{
	mem_fail_nth(1);
	mem_fail_nth(0);
	for (int i = 0; i < 100; i++)
		mem_free(mem_alloc(1, 1));
}
END_TEST

START_TEST(fail_nth_reaches_pools)
{
	struct pool p;

	pool_init(&p, 16, 2);
	pool_get(&p);
	pool_get(&p);
	mem_fail_nth(2); /* the block list's, then the block's */
	pool_get(&p);
}
END_TEST

/* A size that does not fit into the address space is out of memory, too, not a short block. */
START_TEST(product_overflow_is_out_of_memory)
{
	volatile size_t half = SIZE_MAX / 2;

	mem_alloc(half, 4);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, allocations_are_zeroed);
	tcase_add_test(t, realloc_keeps_what_was_there);
	tcase_add_test(t, map_is_zeroed_and_sparse);
	tcase_add_test(t, pool_objects_are_distinct_zeroed_and_aligned);
	tcase_add_test(t, pool_reuses_last_in_first_out);
	tcase_add_test(t, pool_of_tiny_objects);
	tcase_add_test_raise_signal(t, frozen_memory_aborts, 6);
	tcase_add_exit_test(t, fail_nth_counts_all_kinds, 9);
	tcase_add_test(t, fail_nth_zero_never_fails);
	tcase_add_exit_test(t, fail_nth_reaches_pools, 9);
	tcase_add_exit_test(t, product_overflow_is_out_of_memory, 9);
	return run_case("mem", t);
}
