/*
 * test_dram.c - row hits, misses and conflicts by hand, refresh, and the peak.
 */
#include "models/hw/dram.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"
#include "tests/suite.h"

static struct param_set ps;
static struct dram_params dp;
static struct dram dram;
static struct err err;

static void set(const char *path, const char *value)
{
	ck_assert_msg(param_set_value(&ps, path, value, "test", &err) == 0, "%s", err.text);
}

/* One channel, one rank, four banks, 1 ns clock, tCL 10, tRCD 12, tRP 14, tRAS 30, burst 4, rows of 16 lines.
 */
static void setup(void)
{
	param_set_init(&ps);
	err_clear(&err);
	param_set_add(&ps, &dram_param_table, &dp);
	set("dram.channels", "1");
	set("dram.controller_ps", "0");
	set("dram.ranks", "1");
	set("dram.banks", "4");
	set("dram.row_bytes", "1KiB");
	set("dram.tck_ps", "1000");
	set("dram.tcl", "10");
	set("dram.trcd", "12");
	set("dram.trp", "14");
	set("dram.tras", "30");
	set("dram.burst", "4");
	set("dram.trefi", "0");
	set("dram.row_timeout", "0");
}

static void teardown(void)
{
	dram_release(&dram);
	param_set_release(&ps);
}

static void init(void)
{
	ck_assert_msg(dram_init(&dram, &dp, 64, 0, 1, &err) == 0, "%s", err.text);
}

static tick_t read_ns(uint64_t line, tick_t at_ns)
{
	tick_t end = dram_access(&dram, line, false, at_ns * 1000);

	ck_assert_uint_eq(end % 1000, 0);
	return end / 1000 - at_ns;
}

START_TEST(test_hit_miss_conflict)
{
	init();
	ck_assert_uint_eq(read_ns(0, 1000), 12 + 10 + 4);       /* bank 0 is closed: miss */
	ck_assert_uint_eq(read_ns(1, 2000), 10 + 4);            /* the same row: hit */
	ck_assert_uint_eq(read_ns(15, 3000), 10 + 4);           /* its last line */
	ck_assert_uint_eq(read_ns(16, 4000), 12 + 10 + 4);      /* the next row lies in bank 1: miss */
	ck_assert_uint_eq(read_ns(64, 5000), 14 + 12 + 10 + 4); /* bank 0, another row: conflict */
	ck_assert_uint_eq(read_ns(17, 6000), 10 + 4);           /* bank 1's row is still open */
	ck_assert_uint_eq(dram.stats.row_misses, 2);
	ck_assert_uint_eq(dram.stats.row_hits, 3);
	ck_assert_uint_eq(dram.stats.row_conflicts, 1);
	ck_assert_uint_eq(dram.stats.reads, 6);
	ck_assert_uint_eq(dram.stats.wait_ps, 0);
	ck_assert_uint_eq(dram.stats.busy_ps, 24000);
}
END_TEST

/* A row must stay open for tRAS = 30: opened at 1000, asked for another at 1014, closed at 1030. */
START_TEST(test_tras)
{
	init();
	ck_assert_uint_eq(read_ns(0, 1000), 26);
	ck_assert_uint_eq(read_ns(64, 1016), 14 + 14 + 12 + 10 + 4);
}
END_TEST

/* Three banks at once: the data of the second and third wait for the wires only. */
START_TEST(test_wires_are_shared)
{
	init();
	ck_assert_uint_eq(read_ns(0, 1002), 26);
	ck_assert_uint_eq(read_ns(16, 1002), 30);
	ck_assert_uint_eq(read_ns(32, 1002), 34);
	ck_assert_uint_eq(dram.stats.wait_ps, 4000 + 8000);
}
END_TEST

START_TEST(test_row_timeout)
{
	set("dram.row_timeout", "100");
	init();
	ck_assert_uint_eq(read_ns(0, 1000),
			  26); /* the column command's data begins at 1022: used until 1016 */
	ck_assert_uint_eq(read_ns(1, 1115), 14);  /* 99 ns later it is still open */
	ck_assert_uint_eq(read_ns(2, 1300), 26);  /* closed by itself */
	ck_assert_uint_eq(read_ns(64, 1500), 26); /* so another row does not conflict */
	ck_assert_uint_eq(dram.stats.row_conflicts, 0);
}
END_TEST

/* Every 1000 ns the rank is away for 200, first at 800; a row open before is closed after. */
START_TEST(test_refresh)
{
	set("dram.trefi", "1000");
	set("dram.trfc", "200");
	init();
	ck_assert_uint_eq(read_ns(0, 700), 26);
	ck_assert_uint_eq(read_ns(1, 790), 14);
	ck_assert_uint_eq(read_ns(2, 900), 100 + 26);
	ck_assert_uint_eq(read_ns(3, 1200), 14);
	ck_assert_uint_eq(read_ns(4, 5500), 26);
	ck_assert_uint_eq(dram.stats.refresh_waits, 1);
	ck_assert_uint_eq(dram.stats.wait_ps, 100000);
}
END_TEST

/* A stream is bound by row hits, random lines by conflicts; neither beats the wires' peak. */
START_TEST(test_stream_against_random)
{
	struct rng rng;
	tick_t stream = 0, random = 0, at = 0;

	init();
	for (uint64_t i = 0; i < 4096; i++)
		stream = dram_access(&dram, i, false, 0);
	ck_assert_uint_eq(dram.stats.row_hits, 4096 - 256);
	ck_assert_uint_ge(stream, UINT64_C(4096) * 4000); /* the peak: a burst each 4 ns */
	ck_assert_uint_le(stream, UINT64_C(4096) * 4000 * 2);
	dram_release(&dram);
	init();
	rng_init(&rng, 1, "random");
	for (uint64_t i = 0; i < 4096; i++, at = random)
		random = dram_access(&dram, rng_below(&rng, 1 << 20), false, at);
	ck_assert_uint_gt(dram.stats.row_conflicts, 4000);
	ck_assert_uint_gt(random, 3 * stream);
}
END_TEST

/* All at once over the default six channels: as near to the peak of 140 GB/s as row misses let it, never
 * above. */
START_TEST(test_rate_below_peak)
{
	const uint64_t n = 60000;
	tick_t end = 0;
	uint64_t rate, peak;

	param_set_release(&ps);
	param_set_init(&ps);
	param_set_add(&ps, &dram_param_table, &dp);
	init();
	peak = dram_peak_bytes_per_s(&dram, 64);
	ck_assert_uint_ge(peak, UINT64_C(140700000000)); /* 6 x 64 bytes a 4 x 682 ps */
	ck_assert_uint_le(peak, UINT64_C(140800000000));
	for (uint64_t i = 0; i < n; i++) {
		tick_t t = dram_access(&dram, i, i % 4 == 3, 0);

		end = MAX_OF(end, t);
	}
	rate = mul_div_u64(n * 64, PS_PER_S, end);
	ck_assert_uint_lt(rate, peak);
	ck_assert_uint_gt(rate, peak / 2);
	ck_assert_uint_eq(dram.stats.reads, 45000);
	ck_assert_uint_eq(dram.stats.writes, 15000);
	ck_assert_uint_le(dram.stats.busy_ps, 6 * end);
}
END_TEST

/* A CPU that is behind asks a bank that another one used "later": it gets the idle time before, once, and the
 * later row stays open. */
START_TEST(test_late_call_early_time)
{
	init();
	ck_assert_uint_eq(read_ns(0, 10000), 26);
	ck_assert_uint_eq(read_ns(64, 5000), 26);
	ck_assert_uint_eq(read_ns(128, 5000), 44 + 26); /* behind the tRAS + tRP of the one before */
	ck_assert_uint_eq(read_ns(1, 10100), 14);       /* still a hit */
	ck_assert_uint_eq(read_ns(192, 10080), 20 + 4 + 14 + 12 + 10 + 4); /* no room: after the last */
}
END_TEST

/* Six channels: neighbouring lines lie on different ones, so six at once do not wait for wires. */
START_TEST(test_channels_interleave)
{
	set("dram.channels", "6");
	init();
	for (uint64_t line = 0; line < 6; line++)
		ck_assert_uint_eq(read_ns(line, 1000), 26);
	ck_assert_uint_eq(read_ns(6, 1000), 12 + 10 + 4 + 4);
}
END_TEST

START_TEST(test_lists_by_node)
{
	set("dram.channels", "6 1");
	set("dram.controller_ps", "1000 200000");
	ck_assert_int_eq(dram_init(&dram, &dp, 64, 1, 2, &err), 0);
	ck_assert_uint_eq(dram.nr_channels, 1);
	ck_assert_uint_eq(read_ns(0, 1000), 226);
}
END_TEST

START_TEST(test_refusals)
{
	set("dram.channels", "6 1");
	ck_assert_int_eq(dram_init(&dram, &dp, 64, 0, 3, &err), -ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "dram.channels"));
	err_clear(&err);
	set("dram.channels", "1");
	set("dram.row_bytes", "1000");
	ck_assert_int_eq(dram_init(&dram, &dp, 64, 0, 1, &err), -ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "dram.row_bytes"));
	err_clear(&err);
	set("dram.row_bytes", "1024");
	set("dram.trefi", "100");
	set("dram.trfc", "100");
	ck_assert_int_eq(dram_init(&dram, &dp, 64, 0, 1, &err), -ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "dram.trfc"));
	ck_assert_int_eq(param_set_value(&ps, "dram.banks", "0", "test", NULL), -ERR_CONFIG);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("dram");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_hit_miss_conflict);
	tcase_add_test(tc, test_tras);
	tcase_add_test(tc, test_wires_are_shared);
	tcase_add_test(tc, test_row_timeout);
	tcase_add_test(tc, test_refresh);
	tcase_add_test(tc, test_stream_against_random);
	tcase_add_test(tc, test_rate_below_peak);
	tcase_add_test(tc, test_late_call_early_time);
	tcase_add_test(tc, test_channels_interleave);
	tcase_add_test(tc, test_lists_by_node);
	tcase_add_test(tc, test_refusals);
	return run_case("dram", tc);
}
