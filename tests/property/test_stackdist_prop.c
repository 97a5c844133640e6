/*
 * test_stackdist_prop.c - the LRU stack against a list that is searched from the top.
 */
#include "traces/inspect/stackdist.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

#include "sim/rng.h"

#define LIST_MAX 6000

/* The naive stack: keys from the top down. */
static struct key {
	uint64_t page;
	uint32_t pid;
} list[LIST_MAX];
static size_t len;

static size_t list_find(uint32_t pid, uint64_t page)
{
	size_t i = 0;

	while (i < len && (list[i].page != page || list[i].pid != pid))
		i++;
	return i;
}

static uint64_t list_touch(uint32_t pid, uint64_t page)
{
	size_t at = list_find(pid, page);
	uint64_t depth = at < len ? at + 1 : 0;

	if (at == len && ++len > LIST_MAX)
		ck_abort_msg("the list is full");
	memmove(list + 1, list, at * sizeof *list);
	list[0] = (struct key){page, pid};
	return depth;
}

static bool list_remove(uint32_t pid, uint64_t page)
{
	size_t at = list_find(pid, page);

	if (at == len)
		return false;
	len--;
	memmove(list + at, list + at + 1, (len - at) * sizeof *list);
	return true;
}

/* One row: how many processes and pages, how local the touches, how often a page is taken out. */
static const struct mix {
	uint32_t pids, pages, near, steps, remove_every;
} mixes[] = {
	{1, 1, 1, 100, 0},         {1, 8, 8, 2000, 0},           {1, 9, 9, 2000, 0},
	{1, 40, 12, 20000, 7},     {3, 300, 20, 60000, 0},       {2, 900, 50, 60000, 11},
	{1, 5000, 40, 120000, 97}, {1, 3000, 3000, 20000, 1000},
};

START_TEST(like_a_list)
{
	const struct mix *m = &mixes[_i];
	struct stackdist *s = stackdist_new();
	struct rng r;

	len = 0;
	rng_init(&r, (uint64_t)_i, "stackdist");
	for (uint32_t i = 0; i < m->steps; i++) {
		uint32_t pid = (uint32_t)rng_below(&r, m->pids);
		uint64_t page = rng_below(&r, 4) ? rng_below(&r, m->near) : rng_below(&r, m->pages);

		if (rng_below(&r, 64) == 0)
			page |= UINT64_C(1) << 51; /* far away */
		if (m->remove_every && rng_below(&r, m->remove_every) == 0) {
			if (stackdist_remove(s, pid, page) != list_remove(pid, page))
				ck_abort_msg("step %" PRIu32 ": removal", i);
		} else if (stackdist_touch(s, pid, page) != list_touch(pid, page)) {
			ck_abort_msg("step %" PRIu32 ": depth", i);
		}
		if (stackdist_len(s) != len)
			ck_abort_msg("step %" PRIu32 ": length", i);
		if (i % 4999 == 0)
			ck_assert(stackdist_is_valid(s));
	}
	ck_assert(stackdist_is_valid(s));
	stackdist_free(s);
}
END_TEST

/* A sweep over n pages: the second time each lies at depth n, through many renumberings. */
START_TEST(sweeps)
{
	static const uint64_t sizes[] = {1, 7, 8, 9, 511, 4096, 4097, 20000};

	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		struct stackdist *s = stackdist_new();

		for (uint64_t round = 0; round < 4; round++)
			for (uint64_t p = 0; p < sizes[k]; p++)
				if (stackdist_touch(s, 1, p) != (round ? sizes[k] : 0))
					ck_abort_msg("round %" PRIu64 ", page %" PRIu64, round, p);
		ck_assert(stackdist_is_valid(s));
		ck_assert_uint_eq(stackdist_len(s), sizes[k]);
		stackdist_free(s);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, like_a_list, 0, (int)ARRAY_LEN(mixes));
	tcase_add_test(t, sweeps);
	return run_case("stackdist", t);
}
