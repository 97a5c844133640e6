/*
 * test_mappings.c - which accesses lie in a mapping: each rule by example, then random calls of three
 * processes against an array of pages.
 */
#include "traces/inspect/mappings.h"

#include <check.h>
#include <stdlib.h>

#include "tests/suite.h"

#include "sim/rng.h"

#define BASE  UINT64_C(0x7f0000000000)
#define PAGES 48u
#define PID   7u
#define R     1u
#define W     2u
#define X     4u
#define GROWS 0x100u
#define KEEPS 4u

static struct mappings m;

static void begin(void)
{
	mappings_init(&m);
}

static void end(void)
{
	mappings_release(&m);
}

static uint64_t page(uint64_t n)
{
	return BASE + n * PAGE_SIZE;
}

#define CALL(pid_, op_, result_, ...)  \
	mappings_control(              \
		&m, &(struct control){ \
			    .op = (op_), .pid = (pid_), .result = (int64_t)(result_), .arg = {__VA_ARGS__}})

static void map(uint64_t at, uint64_t bytes, unsigned prot, unsigned flags)
{
	CALL(PID, REC_MMAP, at, 0, bytes, prot, flags, FID_NONE, 0);
}

static enum mappings_verdict load(uint64_t addr, uint64_t size)
{
	return mappings_check(mappings_space(&m, PID), addr, size, ACCESS_LOAD);
}

static enum mappings_verdict store(uint64_t addr, uint64_t size)
{
	return mappings_check(mappings_space(&m, PID), addr, size, ACCESS_STORE);
}

static enum mappings_verdict fetch(uint64_t addr, uint64_t size)
{
	return mappings_check(mappings_space(&m, PID), addr, size, ACCESS_FETCH);
}

START_TEST(bounds_are_exact)
{
	ck_assert_int_eq(load(page(4), 1), MAPPINGS_NO_MAPPING);
	ck_assert(!m.any);
	map(page(4), 2 * PAGE_SIZE - 100, R | W, 0x22); /* as long as its last page */
	ck_assert(m.any);
	ck_assert_int_eq(load(page(4), 2 * PAGE_SIZE), MAPPINGS_INSIDE);
	ck_assert_int_eq(load(page(6) - 1, 1), MAPPINGS_INSIDE);
	ck_assert_int_eq(load(page(6) - 1, 2), MAPPINGS_NO_MAPPING);
	ck_assert_int_eq(load(page(4) - 1, 2), MAPPINGS_NO_MAPPING);
	ck_assert_int_eq(load(UINT64_MAX - 3, 8), MAPPINGS_NO_MAPPING);
	map(page(6), 1, R, 0x22); /* a load may lie in both, a store may not */
	ck_assert_int_eq(load(page(6) - 4, 8), MAPPINGS_INSIDE);
	ck_assert_int_eq(store(page(6) - 4, 8), MAPPINGS_NO_WRITE);
	CALL(PID, REC_MMAP, -12, 0, PAGE_SIZE, R, 0x22, FID_NONE, 0); /* ENOMEM */
	CALL(PID, REC_MUNMAP, -22, page(4), PAGE_SIZE);
	ck_assert_int_eq(store(page(4), 8), MAPPINGS_INSIDE);
	CALL(PID, REC_MUNMAP, 0, page(4), 1);
	ck_assert_int_eq(store(page(4), 8), MAPPINGS_NO_MAPPING);
	ck_assert_int_eq(store(page(5), 8), MAPPINGS_INSIDE);
}
END_TEST

START_TEST(rights_are_the_kernel_s)
{
	map(page(0), PAGE_SIZE, W, 0x22);
	ck_assert_int_eq(load(page(0), 8), MAPPINGS_INSIDE); /* x86 has no pages to write only */
	ck_assert_int_eq(fetch(page(0), 8), MAPPINGS_NO_EXEC);
	CALL(PID, REC_MPROTECT, 0, page(0), PAGE_SIZE, X);
	ck_assert_int_eq(load(page(0), 8), MAPPINGS_INSIDE);
	ck_assert_int_eq(fetch(page(0), 8), MAPPINGS_INSIDE);
	ck_assert_int_eq(store(page(0), 8), MAPPINGS_NO_WRITE);
	CALL(PID, REC_MPROTECT, 0, page(0), PAGE_SIZE, 0);
	ck_assert_int_eq(load(page(0), 8), MAPPINGS_NO_READ);
}
END_TEST

/* expand_downwards: 8 MiB from the stack's end, 1 MiB above what may be accessed, any place above what may
 * not. */
START_TEST(stacks_grow)
{
	const uint64_t top = BASE + (UINT64_C(64) << 20), least = top - (UINT64_C(8) << 20);

	map(top - 2 * PAGE_SIZE, 2 * PAGE_SIZE, R | W, GROWS | 0x22);
	ck_assert_int_eq(store(top - 9 * PAGE_SIZE, 8), MAPPINGS_INSIDE);
	ck_assert_int_eq(load(top - 5 * PAGE_SIZE, 8), MAPPINGS_INSIDE); /* all between is there now */
	ck_assert_int_eq(store(least - 1, 1), MAPPINGS_NO_MAPPING);
	ck_assert_int_eq(store(least - 4, 8), MAPPINGS_NO_MAPPING);
	ck_assert_int_eq(store(least, 8), MAPPINGS_INSIDE);
	ck_assert_int_eq(store(top, 8), MAPPINGS_NO_MAPPING);

	CALL(PID, REC_MUNMAP, 0, least, top - least);
	map(top - PAGE_SIZE, PAGE_SIZE, R | W, GROWS | 0x22);
	map(top - 300 * PAGE_SIZE, PAGE_SIZE, R, 0x22);
	ck_assert_int_eq(store(top - 44 * PAGE_SIZE, 8), MAPPINGS_NO_MAPPING); /* 255 pages of gap */
	ck_assert_int_eq(store(top - 43 * PAGE_SIZE, 8), MAPPINGS_INSIDE);
	CALL(PID, REC_MPROTECT, 0, top - 300 * PAGE_SIZE, PAGE_SIZE, 0);
	ck_assert_int_eq(store(top - 299 * PAGE_SIZE, 8), MAPPINGS_INSIDE);
}
END_TEST

START_TEST(the_heap_has_an_end)
{
	map(page(0), PAGE_SIZE, R | W, 0x22); /* the program's bss */
	CALL(PID, REC_BRK, page(1), 0);
	ck_assert_int_eq(store(page(1), 1), MAPPINGS_NO_MAPPING);
	CALL(PID, REC_BRK, page(2) + 5, page(2) + 5);
	ck_assert_int_eq(store(page(0), 3 * PAGE_SIZE), MAPPINGS_INSIDE);
	ck_assert_int_eq(store(page(3), 1), MAPPINGS_NO_MAPPING);
	CALL(PID, REC_BRK, page(1) + 1, page(1) + 1);
	ck_assert_int_eq(store(page(2), 1), MAPPINGS_NO_MAPPING);
	ck_assert_int_eq(store(page(1), 1), MAPPINGS_INSIDE);
	CALL(PID, REC_EXEC, 0, 0);
	CALL(PID, REC_BRK, page(20), 0);
	CALL(PID, REC_BRK, page(21), page(21));
	ck_assert_int_eq(store(page(1), 1), MAPPINGS_NO_MAPPING);
	ck_assert_int_eq(store(page(20), 1), MAPPINGS_INSIDE);
}
END_TEST

START_TEST(processes_have_their_own)
{
	map(page(0), 2 * PAGE_SIZE, R | W, 0x22);
	CALL(PID, REC_FORK, 0, 8, 8);
	CALL(8, REC_MUNMAP, 0, page(0), PAGE_SIZE);
	ck_assert_int_eq(store(page(0), 8), MAPPINGS_INSIDE);
	ck_assert_int_eq(mappings_check(mappings_space(&m, 8), page(0), 8, ACCESS_STORE),
			 MAPPINGS_NO_MAPPING);
	ck_assert_int_eq(mappings_check(mappings_space(&m, 8), page(1), 8, ACCESS_STORE), MAPPINGS_INSIDE);
	CALL(PID, REC_EXIT_GROUP, 0, 0);
	ck_assert_int_eq(store(page(0), 8), MAPPINGS_ENDED);
	ck_assert_int_eq(mappings_check(mappings_space(&m, 8), page(1), 8, ACCESS_STORE), MAPPINGS_INSIDE);
	CALL(8, REC_FORK, 0, PID, PID); /* the number again */
	ck_assert_int_eq(store(page(1), 8), MAPPINGS_INSIDE);
	ck_assert_int_eq(store(page(0), 8), MAPPINGS_NO_MAPPING);
}
END_TEST

static enum mappings_verdict child_store(uint64_t addr)
{
	return mappings_check(mappings_space(&m, 8), addr, 8, ACCESS_STORE);
}

/* vfork: one space until the child executes or ends. */
START_TEST(a_child_of_vfork_has_its_parent_s)
{
	map(page(0), 3 * PAGE_SIZE, R | W, 0x22);
	CALL(PID, REC_FORK, 0, 8, 8, 1);
	ck_assert_int_eq(child_store(page(0)), MAPPINGS_INSIDE);
	CALL(8, REC_MUNMAP, 0, page(0), PAGE_SIZE);
	ck_assert_int_eq(store(page(0), 8), MAPPINGS_NO_MAPPING);
	CALL(PID, REC_MUNMAP, 0, page(1), PAGE_SIZE);
	ck_assert_int_eq(child_store(page(1)), MAPPINGS_NO_MAPPING);
	CALL(8, REC_EXEC, 0, 0);
	ck_assert_int_eq(child_store(page(2)), MAPPINGS_NO_MAPPING);
	ck_assert_int_eq(store(page(2), 8), MAPPINGS_INSIDE);
	CALL(8, REC_EXIT_GROUP, 0, 0);
	CALL(PID, REC_FORK, 0, 8, 8, 1); /* the number again */
	ck_assert_int_eq(child_store(page(2)), MAPPINGS_INSIDE);
	CALL(8, REC_EXIT_GROUP, 0, 0);
	ck_assert_int_eq(child_store(page(2)), MAPPINGS_ENDED);
	ck_assert_int_eq(store(page(2), 8), MAPPINGS_INSIDE);
	CALL(PID, REC_FORK, 0, 8, 8, 1);
	CALL(8, REC_EXIT, 0, 0);
	CALL(PID, REC_FORK, 0, 8, 8, 0); /* and now a copy */
	CALL(8, REC_MUNMAP, 0, page(2), PAGE_SIZE);
	ck_assert_int_eq(store(page(2), 8), MAPPINGS_INSIDE);
}
END_TEST

/* ---- random calls against pages ---- */

#define NONE  0xffu
#define PROCS 3u
#define HEAP  32u /* from this page on */

static uint8_t rights[PROCS][PAGES];
static unsigned heap[PROCS]; /* pages */

static void fill(unsigned p, unsigned at, unsigned n, uint8_t r)
{
	for (unsigned i = at; i < at + n && i < PAGES; i++)
		rights[p][i] = r;
}

static void do_remap(unsigned p, unsigned at, unsigned n, unsigned to, unsigned n2, bool keeps)
{
	uint8_t r = rights[p][at];

	CALL(p, REC_MREMAP, page(to), page(at), n * PAGE_SIZE, n2 * PAGE_SIZE, keeps ? KEEPS : 1, 0);
	if (r == NONE)
		return;
	if (to != at && !keeps)
		fill(p, at, n, NONE);
	else if (to == at && n2 < n)
		fill(p, at + n2, n - n2, NONE);
	if (to != at)
		fill(p, to, n2, r);
	else if (n2 > n)
		fill(p, at + n, n2 - n, r);
}

static void do_brk(unsigned p, unsigned pages)
{
	CALL(p, REC_BRK, page(HEAP + pages), page(HEAP + pages));
	for (unsigned i = heap[p]; i < pages; i++)
		if (rights[p][HEAP + i] == NONE)
			rights[p][HEAP + i] = R | W;
	for (unsigned i = pages; i < heap[p]; i++)
		rights[p][HEAP + i] = NONE;
	heap[p] = pages;
}

static void one_call(struct rng *rng)
{
	unsigned p = (unsigned)rng_below(rng, PROCS), at = (unsigned)rng_below(rng, 40);
	unsigned n = 1 + (unsigned)rng_below(rng, 8), to = (unsigned)rng_below(rng, 40);
	uint8_t r = (uint8_t)rng_below(rng, 8);

	switch (rng_below(rng, 8)) {
	case 0:
	case 1:
		CALL(p, REC_MMAP, page(at), 0, n * PAGE_SIZE - rng_below(rng, 4096), r, 0x22, FID_NONE, 0);
		fill(p, at, n, r);
		break;
	case 2:
		CALL(p, REC_MUNMAP, 0, page(at), n * PAGE_SIZE);
		fill(p, at, n, NONE);
		break;
	case 3:
	case 4:
		CALL(p, REC_MPROTECT, 0, page(at), n * PAGE_SIZE, r);
		for (unsigned i = at; i < at + n; i++)
			if (rights[p][i] != NONE)
				rights[p][i] = r;
		break;
	case 5:
		do_remap(p, at, n, r ? to : at, 1 + (unsigned)rng_below(rng, 8), r == 1);
		break;
	case 6:
		do_brk(p, (unsigned)rng_below(rng, PAGES - HEAP));
		break;
	default:
		to %= PROCS;
		CALL(p, REC_FORK, 0, to, to);
		for (unsigned i = 0; i < PAGES; i++)
			rights[to][i] = rights[p][i];
		heap[to] = heap[p];
	}
}

static bool may(uint8_t r, enum access_kind kind)
{
	static const uint8_t needs[] = {R | W | X, W, X};

	return r != NONE && r & needs[kind];
}

START_TEST(random_calls)
{
	struct rng rng;

	rng_init(&rng, (uint64_t)_i + 1, "mappings");
	for (unsigned p = 0; p < PROCS; p++) {
		fill(p, 0, PAGES, NONE);
		heap[p] = 0;
		CALL(p, REC_BRK, page(HEAP), 0);
	}
	for (unsigned step = 0; step < 3000; step++) {
		one_call(&rng);
		for (unsigned k = 0; k < 40; k++) {
			unsigned p = (unsigned)rng_below(&rng, PROCS),
				 at = (unsigned)rng_below(&rng, PAGES - 1);
			enum access_kind kind = (enum access_kind)rng_below(&rng, 3);
			uint64_t off = rng_below(&rng, PAGE_SIZE), size = 1 + rng_below(&rng, PAGE_SIZE);
			bool inside = may(rights[p][at], kind);
			struct space *s = mappings_space(&m, p);

			if (off + size > PAGE_SIZE)
				inside = inside && may(rights[p][at + 1], kind);
			ck_assert_msg(
				inside == (mappings_check(s, page(at) + off, size, kind) == MAPPINGS_INSIDE),
				"step %u, process %u, page %u", step, p, at);
		}
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("mappings");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, bounds_are_exact);
	tcase_add_test(t, rights_are_the_kernel_s);
	tcase_add_test(t, stacks_grow);
	tcase_add_test(t, the_heap_has_an_end);
	tcase_add_test(t, processes_have_their_own);
	tcase_add_test(t, a_child_of_vfork_has_its_parent_s);
	tcase_add_loop_test(t, random_calls, 0, 8);
	return run_case("mappings", t);
}
