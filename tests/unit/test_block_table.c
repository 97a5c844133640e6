/*
 * test_block_table.c - the table of live blocks against sim/map.h.
 */
#include <check.h>
#include <stdlib.h>

#include "sim/map.h"
#include "sim/rng.h"
#include "tests/suite.h"
#include "traces/recorder/block_table.h"

/* Blocks close together, in arenas apart, and anywhere. */
static uint64_t some_address(struct rng *r)
{
	switch (rng_below(r, 3)) {
	case 0:
		return 0x5500000010 + rng_below(r, 3000) * 16;
	case 1:
		return 0x7f0000000010 + rng_below(r, 50) * (1 << 26) + rng_below(r, 100) * 48;
	default:
		return 1 + rng_below(r, 1 << 20) * 4096 + rng_below(r, 4) * 1;
	}
}

START_TEST(against_map)
{
	struct block_table t = {0};
	struct map m;
	struct rng r;
	uint64_t a, b, value;
	const struct block *x;
	size_t it = 0, n = 0;

	map_init(&m);
	rng_init(&r, 1, "test.block_table");
	ck_assert(!block_table_take(&t, 16, &value));
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t addr = some_address(&r);

		/* grows, shrinks, grows */
		if (rng_below(&r, 10) < (i / 50000 % 2 ? 3 : 6)) {
			block_table_put(&t, addr, i);
			map_put(&m, addr, i);
		} else {
			bool had = map_get(&m, addr, &a), has = block_table_take(&t, addr, &b);

			if (had != has || (had && a != b))
				ck_abort_msg("step %u: %d %d", i, had, has);
			map_del(&m, addr);
		}
		if (t.len != m.len)
			ck_abort_msg("step %u: %zu blocks, expected %zu", i, t.len, m.len);
	}
	while ((x = block_table_next(&t, &it))) {
		ck_assert(map_get(&m, x->addr, &a) && a == x->value);
		n++;
	}
	ck_assert_uint_eq(n, m.len);
	block_table_release(&t);
	ck_assert_uint_eq(t.len, 0);
	map_release(&m);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, against_map);
	return run_case("block_table", t);
}
