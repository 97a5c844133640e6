/* Histograms, the registry, differences after the warm-up. */
#include "sim/stat.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

#define CAR_STATS(X, S)                                  \
	X(S, COUNTER, trips, "trips", "journeys made")   \
	X(S, GAUGE, fuel, "litres", "in the tank")       \
	X(S, HISTOGRAM, speed, "km/h", "at each minute") \
	X(S, COUNTER, stops, "stops", "red lights")
STAT_STRUCT(car_stats, CAR_STATS);
extern const struct stat_table car_stat_table;
STAT_TABLE(car, car_stats, CAR_STATS);

START_TEST(small_values_have_buckets_of_their_own)
{
	for (unsigned v = 0; v < 16; v++) {
		ck_assert_uint_eq(hist_bucket_of(v), v);
		ck_assert_uint_eq(hist_bucket_low(v), v);
	}
}
END_TEST

/* By hand: 16 and 17 share the first bucket of [16, 32), which has 8 of width 2; [32, 64) has width 4. */
START_TEST(eight_buckets_a_power_of_two)
{
	static const struct {
		uint64_t value;
		unsigned bucket;
	} rows[] = {
		{16, 16},
		{17, 16},
		{18, 17},
		{31, 23},
		{32, 24},
		{35, 24},
		{36, 25},
		{63, 31},
		{64, 32},
		{1000, 16 + 5 * 8 + 7}, /* 512 + 7 * 64 = 960 <= 1000 < 1024 */
		{UINT64_C(1) << 63, 488},
		{UINT64_MAX, 495},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_uint_eq(hist_bucket_of(rows[i].value), rows[i].bucket);
	ck_assert_uint_eq(hist_bucket_low(63), 960);
	ck_assert_uint_eq(hist_bucket_low(495), UINT64_C(15) << 60);
}
END_TEST

/* The lower ends are where buckets begin, and every bucket is narrower than an eighth of its values. */
START_TEST(buckets_tile_all_numbers)
{
	for (unsigned b = 0; b < HIST_BUCKETS; b++) {
		uint64_t low = hist_bucket_low(b);
		uint64_t high = b + 1 < HIST_BUCKETS ? hist_bucket_low(b + 1) - 1 : UINT64_MAX;

		ck_assert_uint_le(low, high);
		ck_assert_uint_eq(hist_bucket_of(low), b);
		ck_assert_uint_eq(hist_bucket_of(high), b);
		ck_assert(b < 16 ? high == low : high - low < low / 8);
	}
}
END_TEST

START_TEST(hist_keeps_count_sum_min_max)
{
	struct hist h = {0};

	hist_add(&h, 40);
	ck_assert_uint_eq(h.min, 40);
	ck_assert_uint_eq(h.max, 40);
	hist_add(&h, 7);
	hist_add(&h, 41);
	ck_assert_uint_eq(h.count, 3);
	ck_assert_uint_eq(h.sum, 88);
	ck_assert_uint_eq(h.min, 7);
	ck_assert_uint_eq(h.max, 41);
	ck_assert_uint_eq(h.bucket[7], 1);
	ck_assert_uint_eq(h.bucket[26], 2); /* 40 … 43 */
	hist_add(&h, 0);
	ck_assert_uint_eq(h.min, 0);
}
END_TEST

START_TEST(hist_saturates)
{
	struct hist h = {0};

	hist_add(&h, UINT64_MAX);
	hist_add(&h, UINT64_MAX);
	ck_assert_uint_eq(h.sum, UINT64_MAX);
	ck_assert_uint_eq(h.count, 2);
	h.bucket[3] = UINT32_MAX;
	hist_add(&h, 3);
	ck_assert_uint_eq(h.bucket[3], UINT32_MAX);
}
END_TEST

START_TEST(rows_follow_the_list)
{
	ck_assert_str_eq(car_stat_table.prefix, "car");
	ck_assert_uint_eq(car_stat_table.nr_rows, 4);
	ck_assert_uint_eq(car_stat_table.struct_size, sizeof(struct car_stats));
	ck_assert_str_eq(car_stat_table.rows[2].name, "speed");
	ck_assert_int_eq(car_stat_table.rows[2].kind, STAT_HISTOGRAM);
	ck_assert_uint_eq(car_stat_table.rows[3].offset, offsetof(struct car_stats, stops));
	ck_assert_str_eq(stat_kind_name(STAT_HISTOGRAM), "histogram");
	ck_assert_str_eq(stat_kind_name(STAT_COUNTER), "counter");
	ck_assert_str_eq(stat_scope_name(STAT_SCOPE_MACHINE), "machine");
	ck_assert_str_eq(stat_scope_name(STAT_SCOPE_LINK), "link");
}
END_TEST

static void count_call(void *ctx)
{
	++*(int *)ctx;
}

START_TEST(registry_keeps_order_and_names)
{
	struct stat_registry r;
	struct car_stats a = {0}, b = {0};
	int calls = 0;

	stat_registry_init(&r);
	stat_register(&r, &car_stat_table, &b, STAT_SCOPE_ZONE, "%d/%s", 1, "Normal");
	stat_register(&r, &car_stat_table, &a, STAT_SCOPE_CPU, "%u", 0u);
	stat_on_refresh(&r, count_call, &calls);
	stat_registry_freeze(&r);
	ck_assert_uint_eq(r.nr_groups, 2);
	ck_assert_str_eq(r.groups[0].instance, "1/Normal");
	ck_assert_ptr_eq(r.groups[0].base, &b);
	ck_assert_str_eq(r.groups[1].instance, "0");
	stat_registry_refresh(&r);
	stat_registry_refresh(&r);
	ck_assert_int_eq(calls, 2);
	stat_registry_release(&r);
}
END_TEST

START_TEST(registering_after_the_freeze_aborts)
{
	struct stat_registry r;
	struct car_stats a = {0};

	stat_registry_init(&r);
	stat_registry_freeze(&r);
	stat_register(&r, &car_stat_table, &a, STAT_SCOPE_CPU, "0");
}
END_TEST

START_TEST(counters_are_differences_gauges_are_not)
{
	struct stat_registry r;
	struct car_stats c = {.trips = 10, .fuel = -5, .stops = 2};
	const struct stat_row *rows = car_stat_table.rows;
	const struct stat_group *g;
	static struct hist h;

	stat_registry_init(&r);
	stat_register(&r, &car_stat_table, &c, STAT_SCOPE_MACHINE, "0");
	hist_add(&c.speed, 5);
	hist_add(&c.speed, 90);
	g = &r.groups[0];
	ck_assert_int_eq(stat_value(&rows[0], g->base, g->zero), 10);
	stat_registry_zero(&r);
	c.trips += 3;
	c.fuel = -7;
	hist_add(&c.speed, 5);
	ck_assert_int_eq(stat_value(&rows[0], g->base, g->zero), 3);
	ck_assert_int_eq(stat_value(&rows[1], g->base, g->zero), -7);
	ck_assert_int_eq(stat_value(&rows[3], g->base, g->zero), 0);
	ck_assert_int_eq(stat_value(&rows[0], g->base, NULL), 13);
	stat_hist(&rows[2], g->base, g->zero, &h);
	ck_assert_uint_eq(h.count, 1);
	ck_assert_uint_eq(h.sum, 5);
	ck_assert_uint_eq(h.bucket[5], 1);
	ck_assert_uint_eq(h.bucket[hist_bucket_of(90)], 0);
	ck_assert_uint_eq(h.max, 90);
	ck_assert_uint_eq(c.speed.count, 3); /* the struct itself is not touched */
	stat_registry_zero(&r);              /* a second zero starts from here */
	c.trips++;
	ck_assert_int_eq(stat_value(&rows[0], g->base, g->zero), 1);
	stat_registry_release(&r);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, small_values_have_buckets_of_their_own);
	tcase_add_test(t, eight_buckets_a_power_of_two);
	tcase_add_test(t, buckets_tile_all_numbers);
	tcase_add_test(t, hist_keeps_count_sum_min_max);
	tcase_add_test(t, hist_saturates);
	tcase_add_test(t, rows_follow_the_list);
	tcase_add_test(t, registry_keeps_order_and_names);
	tcase_add_test_raise_signal(t, registering_after_the_freeze_aborts, 6);
	tcase_add_test(t, counters_are_differences_gauges_are_not);
	return run_case("stat", t);
}
