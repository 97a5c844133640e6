/*
 * test_live.c - the recorder's encoder: what a reader finds in the trace is what expand.c, which keeps every
 * access, makes of the same words.
 */
#include "traces/recorder/live.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

#include "sim/rng.h"
#include "traces/native.h"
#include "traces/recorder/expand.h"
#include "traces/recorder/shared.h"

enum { WORDS = 360000, BLOCKS = 400 };

static struct rng rng;
static uint64_t *words;
static size_t nr_words, limit;
static uint64_t *want_addr;
static uint32_t *want_meta;
static size_t nr_want;

static void put(uint64_t word)
{
	if (nr_words < limit)
		words[nr_words++] = word;
}

static void put_data(uint64_t a, unsigned insn, unsigned log2_size, bool store, unsigned pieces)
{
	for (unsigned i = 0; i < pieces; i++)
		put(WORD_ADDR(a + 8 * i) | (uint64_t)insn << INSN_SHIFT | (uint64_t)log2_size << SIZE_SHIFT |
		    (uint64_t)store << STORE_SHIFT);
}

/*
 * One run of code block `b`, which does always the same but for: a load that is not always made, addresses
 * that step, stay, follow another one or jump anywhere, now and then across a page's end.
 */
static void put_run(unsigned b, uint64_t turn)
{
	unsigned insns = 1 + b % 32, done = b % 7 == 6 ? 70 : b % 5;
	uint64_t base = UINT64_C(0x10000000) * (b % 9 + 1);

	put(WORD_BLOCK << 62 | (0x400000 + b * 200) | (uint64_t)insns << INSN_SHIFT |
	    (uint64_t)(insns * 4) << BYTES_SHIFT);
	for (unsigned i = 0; i < done; i++) {
		uint64_t a = base;

		if (i == 1 && rng_below(&rng, 8) == 0)
			continue;
		switch ((b + i) % 5) {
		case 0:
			a += turn * 24 + i * 64;
			break;
		case 1:
			a += i * 16;
			break;
		case 2:
			a = rng_next(&rng) >> 17;
			break;
		case 3:
			a += (turn % 3) << 12 | 4090;
			break;
		default:
			a += turn * turn * 8;
		}
		put_data(a, i % insns, (b + i) % 4, (b ^ i) & 1,
			 b % 4 == 3 && (b + i) % 4 == 3 ? 1 + b % 6 : 1);
	}
}

static void fill(unsigned blocks, bool stamps)
{
	nr_words = 0;
	for (uint64_t turn = 0; nr_words < limit; turn++) {
		unsigned from = (unsigned)rng_below(&rng, blocks);

		for (unsigned b = from; b < MIN_OF(from + 6, blocks); b++)
			put_run(b, turn);
		if (stamps && rng_below(&rng, 20) == 0)
			put(WORD_STAMP << 62 | turn);
	}
	/* no access is cut off */
	while (WORD_TYPE(words[nr_words - 1]) != WORD_BLOCK)
		nr_words--;
	nr_words--;
}

/* More of the words into the ring, at most n. */
static void feed(uint64_t *ring, uint64_t *filled, uint64_t at, uint64_t n)
{
	for (; n && *filled < nr_words && *filled < at + RING_WORDS; n--, ++*filled)
		ring[*filled % RING_WORDS] = words[*filled];
}

/* What expand.c makes of the words. */
static void expand_all(uint64_t *ring)
{
	struct expander x = {0};
	uint64_t filled = 0, at = 0;

	nr_want = 0;
	while (at < nr_words) {
		struct expanded out = {want_addr + nr_want, want_meta + nr_want, 0, WORDS - nr_want};

		feed(ring, &filled, at, RING_WORDS);
		if (WORD_TYPE(words[at]) > WORD_BLOCK) {
			at++;
			continue;
		}
		expand_words(&x, ring, &at, filled, filled == nr_words, &out);
		for (size_t i = 0; i < out.n; i++)
			out.meta[i] = meta_make(out.addr[i], META_KIND(out.meta[i]), META_SIZE(out.meta[i]),
						META_ICOUNT(out.meta[i]));
		nr_want += out.n;
	}
}

/* Writes the words as a recording does, in pieces as they come; the blocks are full when they are written. */
static void record(const char *path, uint64_t *ring, uint64_t most)
{
	struct provenance p = {.recorder = "test"};
	struct trace_writer *w;
	struct err e = {0};
	uint64_t at = 0, filled = 0;

	ck_assert_msg(trace_writer_open(&w, path, &p, 1, &e) == 0, "%s", e.text);
	while (at < nr_words) {
		uint64_t before = at;
		struct live_block *b;

		feed(ring, &filled, at, 1 + rng_below(&rng, most));
		if (WORD_TYPE(words[at]) > WORD_BLOCK) {
			at++;
			continue;
		}
		ck_assert_msg(trace_writer_live(w, 7, 8, live_new, &b, &e) == 0, "%s", e.text);
		live_take(b, ring, &at, filled, filled == nr_words);
		ck_assert_msg(trace_writer_took(w, b, &e) == 0, "%s", e.text);
		ck_assert(at > before || filled < at + RING_WORDS);
	}
	ck_assert_msg(trace_writer_close(w, &e) == 0, "%s", e.text);
}

static void compare(const char *path)
{
	struct trace_counts c;
	struct err e = {0};
	struct stream *s;
	struct trace *t;
	struct batch b;
	size_t n = 0, reads = 0, fetches = 0;
	uint64_t instr = 0;

	ck_assert_msg(trace_open(&t, path, &e) == 0, "%s", e.text);
	ck_assert(stream_open(&s, t, 0, &e) == 0);
	while (stream_next(s, &b, &e) > 0)
		for (size_t i = 0; i < b.n; i++, n++) {
			if (n >= nr_want || b.addr[i] != want_addr[n] || b.meta[i] != want_meta[n])
				ck_abort_msg("access %zu of %zu: %" PRIx64 " %x", n, nr_want, b.addr[i],
					     b.meta[i]);
			reads += META_KIND(b.meta[i]) == ACCESS_LOAD;
			fetches += META_KIND(b.meta[i]) == ACCESS_FETCH;
			instr += META_ICOUNT(b.meta[i]);
		}
	ck_assert_msg(!e.code, "%s", e.text);
	ck_assert_uint_eq(n, nr_want);
	ck_assert(trace_counts(t, &c, &e) == 0);
	ck_assert_uint_eq(c.accesses, n);
	ck_assert_uint_eq(c.reads, reads);
	ck_assert_uint_eq(c.fetches, fetches);
	ck_assert_uint_eq(c.instructions, instr);
	stream_close(s);
	trace_close(t);
}

/* Distinct pages of the accesses: sorted, counted. */
static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t pages(void)
{
	uint64_t *page = malloc(2 * nr_want * sizeof *page), n = 0;
	size_t len = 0;

	for (size_t i = 0; i < nr_want; i++) {
		page[len++] = want_addr[i] >> PAGE_SHIFT;
		page[len++] = (want_addr[i] + META_SIZE(want_meta[i]) - 1) >> PAGE_SHIFT;
	}
	qsort(page, len, sizeof *page, by_value);
	for (size_t i = 0; i < len; i++)
		n += !i || page[i] != page[i - 1];
	free(page);
	return n;
}

static void check_way(size_t n, unsigned blocks, bool stamps, uint64_t most)
{
	uint64_t *ring = calloc(RING_WORDS, sizeof *ring);
	char path[] = "/tmp/test_live.XXXXXX";
	struct trace_counts c;
	struct err e = {0};
	struct trace *t;

	close(mkstemp(path));
	limit = n;
	fill(blocks, stamps);
	expand_all(ring);
	record(path, ring, most);
	compare(path);
	ck_assert(trace_open(&t, path, &e) == 0 && trace_counts(t, &c, &e) == 0);
	ck_assert_uint_eq(c.footprint_pages, pages());
	ck_assert(c.blocks <= 3 + nr_want / (BLOCK_ACCESSES_MAX - 2 * LIVE_WORDS));
	trace_close(t);
	unlink(path);
	free(ring);
}

START_TEST(few_blocks)
{
	check_way(WORDS, 3, false, 9000);
}
END_TEST

START_TEST(many_blocks_and_stamps)
{
	check_way(WORDS, BLOCKS, true, 20000);
}
END_TEST

START_TEST(word_by_word)
{
	check_way(40000, 40, true, 5);
}
END_TEST

static void setup(void)
{
	rng_init(&rng, 11, "live");
	words = calloc(WORDS, sizeof *words);
	want_addr = calloc(WORDS, sizeof *want_addr);
	want_meta = calloc(WORDS, sizeof *want_meta);
}

static void teardown(void)
{
	free(words);
	free(want_addr);
	free(want_meta);
}

int main(void)
{
	TCase *tc = tcase_create("live");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, few_blocks);
	tcase_add_test(tc, many_blocks_and_stamps);
	tcase_add_test(tc, word_by_word);
	return run_case("live", tc);
}
