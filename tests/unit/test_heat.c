/*
 * test_heat.c - the rows and columns of `trace plot`: gaps are cut out, every access lands in its cell.
 */
#include "traces/inspect/heat.h"

#include <check.h>

#include "tests/suite.h"

static struct heat h;

static void give(bool second, uint32_t pid, const uint64_t *pages, size_t n)
{
	uint64_t addr[64];
	uint32_t meta[64];
	struct batch b = {.pid = pid, .tid = pid, .n = n, .addr = addr, .meta = meta};

	for (size_t i = 0; i < n; i++) {
		addr[i] = pages[i] << PAGE_SHIFT;
		meta[i] = meta_make(addr[i], ACCESS_LOAD, 8, 1);
	}
	if (second)
		heat_add(&h, &b);
	else
		heat_note(&h, &b);
}

static uint64_t cells(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < (size_t)h.rows * h.columns; i++)
		sum += h.cells[i];
	return sum;
}

/* Pages 16 … 31 and two terabytes above them 100 … 103: two segments, a row each page. */
START_TEST(two_places)
{
	static const uint64_t far = UINT64_C(1) << 29;
	const uint64_t pages[] = {16, 31, 16, 16, far + 100, far + 103, far + 103, far + 101};

	heat_init(&h);
	give(false, 1, pages, 8);
	heat_lay_out(&h, 200, 10, 2);
	ck_assert_uint_eq(h.nr_segments, 2);
	ck_assert_uint_eq(h.segment[0].low, 16);
	ck_assert_uint_eq(h.segment[0].high, 31);
	ck_assert_uint_eq(h.segment[0].rows, 16);
	ck_assert_uint_eq(h.segment[1].low, far + 100);
	ck_assert_uint_eq(h.segment[1].rows, 4);
	ck_assert_uint_eq(h.columns, 8);
	ck_assert_uint_eq(h.accesses_a_column, 1);
	ck_assert_double_eq_tol(h.segment[0].height + h.segment[1].height, 190, 1e-9);
	ck_assert_double_lt(h.segment[1].y, h.segment[0].y); /* higher addresses are on top */
	give(true, 1, pages, 8);
	heat_finish(&h);
	ck_assert_uint_eq(cells(), 8);
	ck_assert_uint_eq(h.cells[0 * 8 + 0], 1);
	ck_assert_uint_eq(h.cells[15 * 8 + 1], 1);
	ck_assert_uint_eq(h.cells[(16 + 3) * 8 + 6], 1);
	ck_assert_uint_eq(h.column[0].so_far, 1);
	ck_assert_uint_eq(h.column[7].so_far, 5);
	ck_assert_uint_eq(h.column[7].pages, 1);
	heat_release(&h);
}
END_TEST

/* More processes than are shown: those with the most pages stay, the rest are counted as left out. */
START_TEST(many_processes)
{
	uint64_t pages[64];

	heat_init(&h);
	for (uint32_t pid = 1; pid <= 9; pid++) {
		for (uint64_t i = 0; i < pid; i++)
			pages[i] = i;
		give(false, pid, pages, pid);
	}
	heat_lay_out(&h, 400, 10, 3);
	ck_assert_uint_eq(h.nr_segments, 6);
	ck_assert_uint_eq(h.nr_left_out, 3);
	ck_assert_uint_eq(h.segment[0].pid, 4);
	ck_assert_uint_eq(h.segment[5].pid, 9);
	give(true, 1, pages, 1); /* not shown, but time passes */
	give(true, 9, pages, 9);
	heat_finish(&h);
	ck_assert_uint_eq(cells(), 9);
	ck_assert_uint_eq(h.accesses, 10);
	heat_release(&h);
}
END_TEST

/* Every second page of a large region, and more columns than accesses in one: nothing is lost. */
START_TEST(dense)
{
	uint64_t pages[64];

	heat_init(&h);
	for (int second = 0; second < 2; second++) {
		for (uint64_t i = 0; i < 20000; i += 50) {
			for (uint64_t k = 0; k < 50; k++)
				pages[k] = (i + k) * 2;
			give(second, 7, pages, 50);
		}
		if (!second)
			heat_lay_out(&h, 300, 10, 3);
	}
	heat_finish(&h);
	ck_assert_uint_eq(h.nr_segments, 1);
	ck_assert_uint_le(h.rows, 100);
	ck_assert_uint_le(h.columns, HEAT_COLUMNS);
	ck_assert_uint_eq(cells(), 20000);
	ck_assert_uint_eq(h.column[h.columns - 1].so_far, 20000);
	heat_release(&h);
}
END_TEST

START_TEST(names)
{
	const struct control file = {
		.op = REC_FILE, .pid = 1, .arg = {3, 0x10000, 0}, .text = "/usr/lib/libx.so"};
	const struct control map = {.op = REC_MAPPING, .pid = 1, .arg = {0x10000, 0x10000, 1, 2, 3, 0}};
	const struct control stack = {.op = REC_MMAP,
				      .pid = 1,
				      .arg = {0, 0x4000, 3, 0x122, FID_NONE, 0},
				      .result = 0x7ff000000000};
	const uint64_t pages[] = {0x10, 0x1f, 0x7ff000000, 0x7ff000003};
	struct batch b = {.pid = 1, .tid = 1};

	heat_init(&h);
	b.control = &file;
	heat_note(&h, &b);
	b.control = &map;
	heat_note(&h, &b);
	b.control = &stack;
	heat_note(&h, &b);
	give(false, 1, pages, 4);
	heat_lay_out(&h, 200, 10, 2);
	ck_assert_uint_eq(h.nr_segments, 2);
	ck_assert_str_eq(h.segment[0].name, "libx.so");
	ck_assert_str_eq(h.segment[1].name, "stack");
	heat_release(&h);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, two_places);
	tcase_add_test(t, many_processes);
	tcase_add_test(t, dense);
	tcase_add_test(t, names);
	return run_case("heat", t);
}
