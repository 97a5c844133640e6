/*
 * test_expand.c - words of the recorder's rings to accesses, windows over them.
 */
#include "traces/recorder/expand.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

#include "traces/recorder/shared.h"
#include "traces/recorder/window.h"

static uint64_t ring[RING_WORDS];
static uint64_t addr[64];
static uint32_t meta[64];

static uint64_t block(uint64_t pc, uint64_t insns, uint64_t bytes)
{
	return WORD_BLOCK << 62 | bytes << BYTES_SHIFT | insns << INSN_SHIFT | pc;
}

static uint64_t data(uint64_t a, uint64_t insn, uint64_t log2_size, uint64_t store)
{
	return store << STORE_SHIFT | log2_size << SIZE_SHIFT | insn << INSN_SHIFT | a;
}

static struct expanded room_for(size_t n)
{
	return (struct expanded){.addr = addr, .meta = meta, .room = n};
}

static void expect(size_t i, uint64_t a, enum access_kind kind, uint32_t size, uint32_t count)
{
	ck_assert_uint_eq(addr[i], a);
	ck_assert_uint_eq(META_KIND(meta[i]), kind);
	ck_assert_uint_eq(META_SIZE(meta[i]), size);
	ck_assert_uint_eq(META_ICOUNT(meta[i]), count);
}

START_TEST(a_block_is_one_fetch)
{
	struct expander x = {0};
	struct expanded out = room_for(64);
	uint64_t from = 0;

	ring[0] = block(0x401000, 5, 17);
	ring[1] = data(0x7f0000001000, 2, 3, 0);
	ring[2] = data(0x7f0000001004, 4, 0, 1);
	ck_assert(!expand_words(&x, ring, &from, 3, true, &out));
	ck_assert_uint_eq(from, 3);
	ck_assert_uint_eq(out.n, 3);
	expect(0, 0x401000, ACCESS_FETCH, 17, 5);
	expect(1, 0x7f0000001000, ACCESS_LOAD, 8, 0);
	expect(2, 0x7f0000001004, ACCESS_STORE, 1, 0);
}
END_TEST

/* A vector register is stored in pieces of eight bytes; neighbours of other instructions or kinds stay apart.
 */
START_TEST(pieces_are_joined)
{
	struct expander x = {0};
	struct expanded out = room_for(64);
	uint64_t from = 0;
	const uint64_t words[] = {
		block(0x401000, 4, 16),  data(0x1000, 0, 3, 1), data(0x1008, 0, 3, 1),  data(0x1010, 0, 3, 1),
		data(0x1018, 0, 3, 1),   data(0x1020, 1, 3, 1), data(0x1028, 1, 3, 0),  data(0x1030, 2, 2, 0),
		data(0x1034, 2, 2, 0),   data(0x2000, 3, 3, 0), block(0x401000, 4, 16), data(0x2008, 3, 3, 0),
		WORD_STAMP << 62 | 1234,
	};

	memcpy(ring, words, sizeof words);
	ck_assert(expand_words(&x, ring, &from, ARRAY_LEN(words), false, &out));
	ck_assert_uint_eq(from, ARRAY_LEN(words) - 1);
	ck_assert_uint_eq(out.n, 9);
	expect(1, 0x1000, ACCESS_STORE, 32, 0);
	expect(2, 0x1020, ACCESS_STORE, 8, 0);
	expect(3, 0x1028, ACCESS_LOAD, 8, 0);
	expect(4, 0x1030, ACCESS_LOAD, 4, 0);
	expect(5, 0x1034, ACCESS_LOAD, 4, 0);
	expect(8, 0x2008, ACCESS_LOAD, 8, 0);
}
END_TEST

/* However the words arrive and however much room there is, the accesses are the same. */
START_TEST(cut_anywhere)
{
	static const uint64_t at[] = {0, RING_WORDS - 7};
	uint64_t words[40], whole_addr[64];
	uint32_t whole_meta[64];
	size_t n = 0, whole;

	for (uint64_t b = 0; b < 5; b++) {
		words[n++] = block(0x401000 + b * 64, 6, 30);
		for (uint64_t i = 0; i < 6; i++)
			words[n++] = data(0x5000 + 8 * i + 256 * b, i / 3, 3, i / 3 & 1);
	}
	for (unsigned no_fetches = 0; no_fetches < 2; no_fetches++)
		for (size_t first = 1; first <= n; first++)
			for (size_t room = 2; room < 12; room++) {
				struct expander x = {.no_fetches = no_fetches};
				struct expanded out = room_for(64);
				uint64_t from = at[first & 1], start = from, total = 0;

				for (size_t i = 0; i < n; i++)
					ring[(start + i) & (RING_WORDS - 1)] = words[i];
				if (first == 1 && room == 2) {
					expand_words(&x, ring, &from, start + n, true, &out);
					whole = out.n;
					memcpy(whole_addr, addr, sizeof addr);
					memcpy(whole_meta, meta, sizeof meta);
					ck_assert_uint_eq(whole, no_fetches ? 10 : 15);
					from = start;
					x = (struct expander){.no_fetches = no_fetches};
				}
				for (uint64_t end = start + first; from < start + n; end = start + n) {
					out = room_for(room);
					expand_words(&x, ring, &from, end, end == start + n, &out);
					ck_assert_mem_eq(addr, whole_addr + total, out.n * 8);
					ck_assert_mem_eq(meta, whole_meta + total, out.n * 4);
					total += out.n;
				}
				ck_assert_uint_eq(total, whole);
			}
}
END_TEST

/* Without fetches the instructions are counted by the data accesses: all of them, but for those behind the
 * last. */
START_TEST(instructions_are_counted)
{
	struct expander x = {.no_fetches = true};
	struct expanded out = room_for(64);
	uint64_t from = 0;
	const uint64_t words[] = {
		block(0x1, 10, 40), data(0x1000, 3, 2, 0), data(0x1010, 3, 2, 1), data(0x1020, 7, 2, 1),
		block(0x2, 5, 20),  block(0x3, 32, 99),    data(0x1030, 0, 2, 0),
	};

	memcpy(ring, words, sizeof words);
	expand_words(&x, ring, &from, ARRAY_LEN(words), true, &out);
	ck_assert_uint_eq(out.n, 4);
	expect(0, 0x1000, ACCESS_LOAD, 4, 4);
	expect(1, 0x1010, ACCESS_STORE, 4, 0);
	expect(2, 0x1020, ACCESS_STORE, 4, 4);
	expect(3, 0x1030, ACCESS_LOAD, 4, 2 + 5 + 1);
}
END_TEST

START_TEST(large_counts_carry_on)
{
	struct expander x = {.no_fetches = true};
	struct expanded out = room_for(64);
	uint64_t from = 0, n = 0, sum = 0;

	for (; n < 5000; n++)
		ring[n] = block(0x1, 32, 99);
	for (uint64_t i = 0; i < 4; i++)
		ring[n++] = data(0x1000 + 64 * i, i, 2, 0);
	expand_words(&x, ring, &from, n, true, &out);
	ck_assert_uint_eq(out.n, 4);
	for (size_t i = 0; i < 4; i++)
		sum += META_ICOUNT(meta[i]);
	ck_assert_uint_eq(sum, 4999 * 32 + 4);
	ck_assert_uint_eq(META_ICOUNT(meta[0]), META_ICOUNT_MAX);
}
END_TEST

/* ---- windows ---- */

/* Twenty blocks of ten instructions with one load each; block b has the address b. */
static struct expanded twenty_blocks(void)
{
	struct expanded x = room_for(64);

	for (uint64_t b = 0; b < 20; b++) {
		addr[x.n] = b;
		meta[x.n++] = meta_make(b, ACCESS_FETCH, 30, 10);
		addr[x.n] = b;
		meta[x.n++] = meta_make(b, ACCESS_LOAD, 8, 0);
	}
	return x;
}

START_TEST(window_by_instructions)
{
	struct window w;
	struct expanded x = twenty_blocks();

	window_init(&w, &(struct window_options){.from = 50, .count = 30});
	ck_assert(!window_is_all(&w));
	window_filter(&w, &x);
	ck_assert_uint_eq(x.n, 6);
	for (size_t i = 0; i < 6; i++)
		ck_assert_uint_eq(addr[i], 5 + i / 2);
	ck_assert(w.over);
	ck_assert_uint_eq(w.instructions, 200);
}
END_TEST

START_TEST(window_by_samples)
{
	struct window w;
	struct expanded x = twenty_blocks();

	window_init(&w, &(struct window_options){.sample = 20, .period = 100});
	window_filter(&w, &x);
	ck_assert_uint_eq(x.n, 8);
	ck_assert_uint_eq(addr[3], 1);
	ck_assert_uint_eq(addr[4], 10);
	ck_assert(!w.over);
}
END_TEST

START_TEST(window_by_marks)
{
	struct window w;
	struct expanded x = twenty_blocks();

	window_init(&w, &(struct window_options){.from_mark = "a", .to_mark = "b", .count = 1000});
	window_filter(&w, &x);
	ck_assert_uint_eq(x.n, 0);
	window_mark(&w, "b"); /* not open yet */
	window_mark(&w, "a");
	x = twenty_blocks();
	window_filter(&w, &x);
	ck_assert_uint_eq(x.n, 40);
	window_mark(&w, "a");
	ck_assert(!w.over);
	window_mark(&w, "b");
	ck_assert(w.over);
	x = twenty_blocks();
	window_filter(&w, &x);
	ck_assert_uint_eq(x.n, 0);
	window_init(&w, &(struct window_options){0});
	ck_assert(window_is_all(&w));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("expand");

	tcase_add_test(t, a_block_is_one_fetch);
	tcase_add_test(t, pieces_are_joined);
	tcase_add_test(t, cut_anywhere);
	tcase_add_test(t, instructions_are_counted);
	tcase_add_test(t, large_counts_carry_on);
	tcase_add_test(t, window_by_instructions);
	tcase_add_test(t, window_by_samples);
	tcase_add_test(t, window_by_marks);
	return run_case("expand", t);
}
