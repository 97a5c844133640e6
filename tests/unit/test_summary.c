/*
 * test_summary.c - what `trace info --full` counts, on a hand-made trace.
 */
#include "traces/inspect/summary.h"

#include <check.h>
#include <string.h>

#include "tests/suite.h"

static struct summary s;

static void put(uint32_t tid, const uint64_t *addr, const enum access_kind *kind, const uint32_t *size,
		size_t n, const struct control *c)
{
	uint32_t meta[16];
	struct batch b = {.pid = 1, .tid = tid, .n = n, .addr = addr, .meta = meta, .control = c};
	struct err e = {0};

	for (size_t i = 0; i < n; i++)
		meta[i] = meta_make(addr[i], kind[i], size[i], 3);
	ck_assert_msg(summary_add(&s, &b, &e) == 0, "%s", e.text);
}

/*
 * Thread 1: loads at 0x1000, 0x1008, 0x1008, a fetch elsewhere, a store at 0x1000 (−8), a load of 16 bytes
 * across the end of page 2 (+0x1ff8). Thread 2: two loads 1 GiB apart. Windows of 4 accesses.
 */
static void hand_made(void)
{
	static const uint64_t first[] = {0x1000, 0x1008, 0x1008, 0x900000, 0x1000, 0x2ff8};
	static const enum access_kind kinds[] = {ACCESS_LOAD,  ACCESS_LOAD,  ACCESS_LOAD,
						 ACCESS_FETCH, ACCESS_STORE, ACCESS_LOAD};
	static const uint32_t sizes[] = {8, 8, 1, 64, 3, 16};
	static const uint64_t second[] = {0x1000, 0x40001000};
	const struct control mmap = {
		.op = REC_MMAP, .arg = {0, 0x3000, 3, 0x22, FID_NONE, 0}, .result = 0x1000};
	const struct control failed = {
		.op = REC_MMAP, .arg = {0, 0x9000, 3, 0x22, FID_NONE, 0}, .result = -12};
	const struct control file = {.op = REC_MAPPING, .arg = {0x8000, 0x1000, 1, 2, 7, 0}};
	const struct control unmap = {.op = REC_MUNMAP, .arg = {0x1000, 0x2000}};
	const struct control instr = {.op = REC_INSTR, .arg = {1000}};

	summary_init(&s, 8, 2);
	put(1, first, kinds, sizes, 6, &mmap);
	put(2, second, kinds, sizes, 2, &failed);
	put(2, NULL, NULL, NULL, 0, &file);
	put(2, NULL, NULL, NULL, 0, &unmap);
	put(2, NULL, NULL, NULL, 0, &instr);
	summary_finish(&s);
}

START_TEST(counts)
{
	hand_made();
	ck_assert_uint_eq(s.accesses, 8);
	ck_assert_uint_eq(s.splits, 1);
	ck_assert_uint_eq(s.by_size[0], 1); /* 1 */
	ck_assert_uint_eq(s.by_size[2], 1); /* 3 */
	ck_assert_uint_eq(s.by_size[3], 4); /* 8 */
	ck_assert_uint_eq(s.by_size[4], 1); /* 16 */
	ck_assert_uint_eq(s.by_size[6], 1); /* 64 */
	ck_assert_uint_eq(s.nr_threads, 2);
	ck_assert_uint_eq(s.threads[0].reads, 4);
	ck_assert_uint_eq(s.threads[0].writes, 1);
	ck_assert_uint_eq(s.threads[0].fetches, 1);
	ck_assert_uint_eq(s.threads[0].instructions, 18);
	ck_assert_uint_eq(s.threads[1].instructions, 1006);
	ck_assert_uint_eq(s.mappings.calls, 2);
	ck_assert_uint_eq(s.mappings.failed, 1);
	ck_assert_uint_eq(s.mappings.anonymous, 1);
	ck_assert_uint_eq(s.mappings.files, 1);
	ck_assert_uint_eq(s.mappings.bytes, 0x4000);
	ck_assert_uint_eq(s.mappings.largest, 0x3000);
	ck_assert_uint_eq(s.mappings.unmapped_bytes, 0x2000);
	summary_release(&s);
}
END_TEST

START_TEST(strides)
{
	const struct summary_strides *st = &s.strides;

	hand_made();
	ck_assert_uint_eq(st->all, 5); /* 8, 0, -8, 0x1ff8; 0x40000000 */
	ck_assert_uint_eq(st->forward, 3);
	ck_assert_uint_eq(st->backward, 1);
	ck_assert_uint_eq(st->line, 3);
	ck_assert_uint_eq(st->page, 0);
	ck_assert_uint_eq(st->large_page, 1);
	ck_assert_uint_eq(st->far, 1);
	ck_assert_uint_eq(st->near[SUMMARY_NEAR], 1);
	ck_assert_uint_eq(st->near[SUMMARY_NEAR + 8], 1);
	ck_assert_uint_eq(st->near[SUMMARY_NEAR - 8], 1);
	summary_release(&s);
}
END_TEST

/*
 * Pages touched: 1 1 1 0x900 | 1 2+3 1 0x40001, all of process 1. First touches: 5 of 9 touches; page 1 comes
 * back at depths 1 1 2 3.
 */
START_TEST(windows_and_reuse)
{
	struct curve_sum sum;

	hand_made();
	ck_assert_uint_eq(s.nr_windows, 2);
	ck_assert_uint_eq(s.windows[0].accesses, 4);
	ck_assert_uint_eq(s.windows[0].pages, 2);
	ck_assert_uint_eq(s.windows[0].new_pages, 2);
	ck_assert_uint_eq(s.windows[0].fetches, 1);
	ck_assert_uint_eq(s.windows[1].pages, 4);
	ck_assert_uint_eq(s.windows[1].new_pages, 3);
	ck_assert_uint_eq(s.windows[1].writes, 1);
	curve_sum(s.reuse, &sum);
	ck_assert_uint_eq(sum.touches, 9);
	ck_assert_double_eq(sum.cold, 5);
	ck_assert_uint_eq(summary_memory_for(&s, 0.2), 1);
	ck_assert_uint_eq(summary_memory_for(&s, 0.3), 2);
	ck_assert_uint_eq(summary_memory_for(&s, 0.4), 3);
	ck_assert_uint_eq(summary_memory_for(&s, 0.5), 0); /* more than half are first touches */
	summary_release(&s);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, counts);
	tcase_add_test(t, strides);
	tcase_add_test(t, windows_and_reuse);
	return run_case("summary", t);
}
