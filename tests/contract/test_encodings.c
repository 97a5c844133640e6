/*
 * test_encodings.c - what every block encoding must do, in a loop over the table.
 */
#include <check.h>
#include <stdlib.h>

#include "sim/rng.h"
#include "tests/suite.h"
#include "traces/encodings/encoding.h"

enum { MAX = 65536 };

static uint64_t addr[MAX];
static uint32_t meta[MAX];
static struct rng rng;

static uint32_t word(uint64_t a, unsigned kinds)
{
	static const uint32_t sizes[] = {1, 2, 4, 8, 16, 32, 64, 4096};

	return meta_make(a, (enum access_kind)rng_below(&rng, kinds), sizes[rng_below(&rng, 8)],
			 (uint32_t)rng_below(&rng, 3));
}

/* ---- patterns: each fills n accesses ---- */

static void fill_zero(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		addr[i] = 0;
		meta[i] = meta_make(0, ACCESS_LOAD, 1, 0);
	}
}

static void fill_extremes(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		addr[i] = i % 3 ? UINT64_MAX - i : i;
		meta[i] = meta_make(addr[i], (enum access_kind)(i % 3), i % 2 ? 4096 : 1, i % 5 ? 0xffff : 0);
	}
}

static void fill_random(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		addr[i] = rng_next(&rng) >> rng_below(&rng, 64);
		meta[i] = word(addr[i], 3);
	}
}

/* Every packed word different: the widest dictionary. */
static void fill_words(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		addr[i] = i * UINT64_C(4096);
		meta[i] = meta_make(0, ACCESS_LOAD, 1 + i % 16, i / 16);
	}
}

static void fill_strides(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		addr[i] = (UINT64_C(0x7f0000000000) >> (i % 4 * 8)) + i * 8;
		meta[i] = meta_make(addr[i], i % 4 ? ACCESS_LOAD : ACCESS_STORE, 8, 1);
	}
}

/* Code: straight runs of instructions with data accesses, jumps among 50 places. */
static void fill_code(uint32_t n)
{
	uint64_t pc = 0x400000, stack = UINT64_C(0x7ffffffde000);

	for (uint32_t i = 0; i < n;) {
		unsigned size = 1 + (unsigned)(pc * 7 % 15);

		addr[i] = pc;
		meta[i++] = meta_make(pc, ACCESS_FETCH, size, 1);
		for (unsigned k = 0; k < pc % 3 && i < n; k++, i++) {
			addr[i] = rng_below(&rng, 4) ? stack + k * 8 : rng_next(&rng) >> 20;
			meta[i] = meta_make(addr[i], k ? ACCESS_STORE : ACCESS_LOAD, 8, 0);
		}
		pc += size;
		if (rng_below(&rng, 6) == 0)
			pc = 0x400000 + rng_below(&rng, 50) * 1000;
		if (rng_below(&rng, 50) == 0)
			stack += rng_below(&rng, 2) ? 64 : -(uint64_t)64;
	}
}

/* Runs longer than any table's row, and data only after a while. */
static void fill_long_runs(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		bool fetch = i % 200 < 100;

		addr[i] = fetch ? 0x1000 + i * 4 : i * UINT64_C(0x123456789);
		meta[i] = meta_make(addr[i], fetch ? ACCESS_FETCH : ACCESS_LOAD, 4, fetch);
	}
}

/* Code as it is recorded: one fetch and its data accesses, few or more than a table's row has, jumps between.
 */
static void fill_blocks(uint32_t n)
{
	uint64_t stack = UINT64_C(0x7ffffffde000), array = 0x600000;

	for (uint32_t i = 0; i < n;) {
		uint64_t block = rng_below(&rng, 40), pc = 0x400000 + block * 100;

		addr[i] = pc;
		meta[i++] = meta_make(pc, ACCESS_FETCH, 20, 3);
		for (uint32_t k = 0; k < block * block / 45 && i < n; k++, i++) {
			array += rng_below(&rng, 8) ? 8 : block << k;
			addr[i] = k & 1 ? stack + k * 8 : array;
			meta[i] = meta_make(0, k % 3 ? ACCESS_STORE : ACCESS_LOAD, 8, 0);
		}
	}
}

/* Two regions 4 GiB apart and more, distances around powers of two: what 32 bits say of them is not enough.
 */
static void fill_near(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t away = UINT64_C(1) << rng_below(&rng, 34);

		addr[i] = (rng_below(&rng, 2) ? UINT64_C(0x7fff80000000) : 0x90000000) + away -
			  rng_below(&rng, 3);
		meta[i] = word(addr[i], 2);
	}
}

static void (*const patterns[])(uint32_t) = {fill_zero, fill_extremes,  fill_random, fill_words, fill_strides,
					     fill_code, fill_long_runs, fill_blocks, fill_near};
static const uint32_t counts[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 63, 100, 1000, 4099, MAX};

struct arena {
	uint64_t *base;
	uint64_t *addr;
	uint32_t *meta;
	struct buf tables;
};

static void arena_init(struct arena *a, uint32_t n)
{
	a->base = calloc((size_t)n + ENCODING_FRONT + ENCODING_BACK, sizeof *a->base);
	a->meta = calloc((size_t)n + ENCODING_BACK, sizeof *a->meta);
	a->addr = a->base + ENCODING_FRONT;
	a->tables = (struct buf){0};
}

static void arena_release(struct arena *a)
{
	free(a->base);
	free(a->meta);
	buf_release(&a->tables);
}

static bool decode(const struct block_encoding_ops *ops, const uint8_t *raw, size_t len, uint32_t n,
		   struct arena *a)
{
	uint8_t *copy = calloc(len + ENCODING_SLACK, 1);
	struct decode_output out = {a->addr, a->meta, n, &a->tables};
	bool ok;

	if (len)
		memcpy(copy, raw, len);
	ok = ops->decode(copy, len, &out);
	free(copy);
	return ok;
}

static struct buf tables; /* scratch of the encoders, kept dirty from block to block */

START_TEST(round_trip)
{
	const struct block_encoding_ops *ops = encoding_at((size_t)_i);

	for (size_t p = 0; p < ARRAY_LEN(patterns); p++)
		for (size_t k = 0; k < ARRAY_LEN(counts); k++) {
			uint32_t n = counts[k];
			struct buf raw = {0};
			struct arena a;

			patterns[p](n);
			if (!ops->encode(&(struct encode_input){addr, meta, n, &tables}, &raw))
				continue;
			ck_assert_uint_le(raw.len, ENCODING_RAW_MAX(n));
			arena_init(&a, n);
			ck_assert_msg(decode(ops, raw.p, raw.len, n, &a), "%s pattern %zu n %u", ops->name, p,
				      n);
			ck_assert_mem_eq(a.addr, addr, n * sizeof *addr);
			ck_assert_mem_eq(a.meta, meta, n * sizeof *meta);
			/* a second decode into the same scratch gives the same */
			ck_assert(decode(ops, raw.p, raw.len, n, &a));
			ck_assert_mem_eq(a.addr, addr, n * sizeof *addr);
			arena_release(&a);
			buf_release(&raw);
		}
}
END_TEST

/* Damaged bytes behind a right checksum (a hostile file): false or other accesses, never outside the arrays.
 */
START_TEST(hostile_bytes)
{
	const struct block_encoding_ops *ops = encoding_at((size_t)_i);

	for (size_t p = 0; p < ARRAY_LEN(patterns); p++) {
		uint32_t n = 300;
		struct buf raw = {0};
		struct arena a;

		patterns[p](n);
		if (!ops->encode(&(struct encode_input){addr, meta, n, &tables}, &raw))
			continue;
		for (unsigned round = 0; round < 400; round++) {
			uint8_t *copy = malloc(raw.len);
			size_t len = round % 3 ? raw.len : (size_t)rng_below(&rng, raw.len + 1);

			memcpy(copy, raw.p, raw.len);
			for (unsigned k = 0; k < 1 + round % 4; k++)
				copy[rng_below(&rng, round % 2 ? raw.len : MIN_OF(raw.len, 64))] =
					(uint8_t)rng_next(&rng);
			arena_init(&a, n);
			if (decode(ops, copy, len, n, &a))
				for (uint32_t i = 0; i < n; i++)
					ck_assert(word_is_valid(a.meta[i]));
			arena_release(&a);
			free(copy);
		}
		/* right bytes, wrong number of accesses: anything but a crash */
		arena_init(&a, n + 1);
		decode(ops, raw.p, raw.len, n + 1, &a);
		decode(ops, raw.p, raw.len, n - 1, &a);
		arena_release(&a);
		buf_release(&raw);
	}
}
END_TEST

/* The two ways to decode differences give the same. */
START_TEST(delta_ways)
{
	for (size_t p = 0; p < ARRAY_LEN(patterns); p++)
		for (size_t k = 0; k < ARRAY_LEN(counts); k++) {
			uint32_t n = counts[k];
			struct buf raw = {0};
			struct arena a;

			patterns[p](n);
			delta_encoding.encode(&(struct encode_input){addr, meta, n, &tables}, &raw);
			memset(buf_room(&raw, ENCODING_SLACK), 0, ENCODING_SLACK);
			for (int simd = 0; simd < 2; simd++) {
				arena_init(&a, n);
				ck_assert(delta_decode_with(
					raw.p, raw.len, &(struct decode_output){a.addr, a.meta, n, &a.tables},
					simd));
				ck_assert_mem_eq(a.addr, addr, n * sizeof *addr);
				arena_release(&a);
			}
			buf_release(&raw);
		}
}
END_TEST

/* The two ways to look for a reference write the same bytes. */
START_TEST(recent_ways)
{
	for (size_t p = 0; p < ARRAY_LEN(patterns); p++)
		for (size_t k = 0; counts[k] < MAX; k++) {
			struct buf raw[2] = {{0}, {0}};

			patterns[p](counts[k]);
			for (int simd = 0; simd < 2; simd++)
				recent_encode_with(&(struct encode_input){addr, meta, counts[k], &tables},
						   &raw[simd], simd);
			ck_assert_uint_eq(raw[0].len, raw[1].len);
			ck_assert_mem_eq(raw[0].p, raw[1].p, raw[0].len);
			buf_release(&raw[0]);
			buf_release(&raw[1]);
		}
}
END_TEST

START_TEST(row)
{
	const struct block_encoding_ops *ops = encoding_at((size_t)_i);

	ck_assert_ptr_eq(encoding_by_number(ops->number), ops);
	ck_assert_uint_gt(ops->number, 0);
	ck_assert_ptr_nonnull(ops->name);
	ck_assert_ptr_nonnull(ops->sentence);
}
END_TEST

/* The reason why an encoding is there: it wins on its own kind of block. */
START_TEST(each_wins_somewhere)
{
	bool won[256] = {false};

	for (size_t p = 0; p < ARRAY_LEN(patterns); p++) {
		size_t best = SIZE_MAX;
		unsigned who = 0;
		struct buf raw = {0};

		patterns[p](MAX);
		for (size_t i = 0; encoding_at(i); i++) {
			buf_reset(&raw, 0);
			encoding_at(i)->encode(&(struct encode_input){addr, meta, MAX, &tables}, &raw);
			if (raw.len < best) {
				best = raw.len;
				who = encoding_at(i)->number;
			}
		}
		won[who] = true;
		buf_release(&raw);
	}
	ck_assert(won[2]);
	ck_assert(won[3] || won[1]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("encodings");
	int nr = 0;

	while (encoding_at((size_t)nr))
		nr++;
	rng_init(&rng, 1, "test.encodings");
	tcase_add_loop_test(tc, row, 0, nr);
	tcase_add_loop_test(tc, round_trip, 0, nr);
	tcase_add_loop_test(tc, hostile_bytes, 0, nr);
	tcase_add_test(tc, delta_ways);
	tcase_add_test(tc, recent_ways);
	tcase_add_test(tc, each_wins_somewhere);
	return run_case("encodings", tc);
}
