/*
 * test_frame.c - lists of frames: order, both ends, splicing.
 */
#include <check.h>

#include "models/kernel/frame.h"
#include "tests/suite.h"

static struct frames m;
static struct frame_list a, b;

static void setup(void)
{
	frames_init(&m, 64);
	for (pfn_t i = 0; i < 64; i++)
		frame_reset(&m.f[i], 0, 0);
	frame_list_init(&a);
	frame_list_init(&b);
}

static void teardown(void)
{
	frames_release(&m);
}

/* The list forwards and backwards must read `want` and its reverse. */
static void check_list(const struct frame_list *l, const pfn_t *want, uint64_t n)
{
	pfn_t at = l->first;

	ck_assert_uint_eq(l->n, n);
	for (uint64_t i = 0; i < n; i++, at = m.f[at].next)
		ck_assert_uint_eq(at, want[i]);
	ck_assert_uint_eq(at, PFN_NONE);
	at = l->last;
	for (uint64_t i = n; i-- > 0; at = m.f[at].prev)
		ck_assert_uint_eq(at, want[i]);
	ck_assert_uint_eq(at, PFN_NONE);
}

START_TEST(both_ends)
{
	frame_list_push(&m, &a, 5);
	frame_list_push(&m, &a, 3);
	frame_list_append(&m, &a, 9);
	check_list(&a, (pfn_t[]){3, 5, 9}, 3);
	frame_list_del(&m, &a, 5);
	check_list(&a, (pfn_t[]){3, 9}, 2);
	ck_assert_uint_eq(frame_list_pop(&m, &a), 3);
	ck_assert_uint_eq(frame_list_pop(&m, &a), 9);
	ck_assert_uint_eq(frame_list_pop(&m, &a), PFN_NONE);
	check_list(&a, NULL, 0);
}
END_TEST

START_TEST(splice)
{
	frame_list_splice(&m, &a, &b); /* both empty */
	check_list(&a, NULL, 0);
	frame_list_append(&m, &b, 1);
	frame_list_append(&m, &b, 2);
	frame_list_splice(&m, &a, &b);
	check_list(&a, (pfn_t[]){1, 2}, 2);
	check_list(&b, NULL, 0);
	frame_list_append(&m, &b, 7);
	frame_list_append(&m, &b, 8);
	frame_list_splice(&m, &a, &b);
	check_list(&a, (pfn_t[]){1, 2, 7, 8}, 4);
	frame_list_splice(&m, &a, &b); /* nothing more */
	check_list(&a, (pfn_t[]){1, 2, 7, 8}, 4);
}
END_TEST

START_TEST(pages_of_a_frame)
{
	m.f[8].order = 3;
	ck_assert_uint_eq(frame_nr_pages(&m.f[8]), 1); /* the order counts for heads only */
	m.f[8].flags = FR_HEAD;
	ck_assert_uint_eq(frame_nr_pages(&m.f[8]), 8);
	ck_assert_uint_eq(m.f[9].file, FILE_NONE);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("frame");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, both_ends);
	tcase_add_test(t, splice);
	tcase_add_test(t, pages_of_a_frame);
	return run_case("frame", t);
}
