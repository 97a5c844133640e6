/* Snapshots: what a sink is told, in which order, what the warm-up takes away, how errors come back. */
#include "sim/metrics.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

#define CAR_STATS(X, S)                                \
	X(S, COUNTER, trips, "trips", "journeys made") \
	X(S, GAUGE, fuel, "litres", "in the tank")     \
	X(S, HISTOGRAM, speed, "km/h", "at each minute")
STAT_STRUCT(car_stats, CAR_STATS);
extern const struct stat_table car_stat_table;
STAT_TABLE(car, car_stats, CAR_STATS);

/* A sink that writes what it is told into a string. */
static char told[2000];
static const char *fail_in; /* the hook that is to fail */
static struct err e;

static int tell(const char *hook, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int tell(const char *hook, struct err *err, const char *fmt, ...)
{
	size_t n = strlen(told);
	va_list ap;

	if (fail_in && !strcmp(fail_in, hook))
		return err_set(err, ERR_STORE, "%s failed", hook);
	va_start(ap, fmt);
	vsnprintf(told + n, sizeof told - n, fmt, ap);
	va_end(ap);
	return 0;
}

static int spy_snapshot_begin(struct sink *s, const struct snapshot_info *i, struct err *err)
{
	(void)s;
	return tell("begin", err, "[%d %s %" PRIu64 " %" PRIu64 " %" PRIu64, (int)i->kind, i->label, i->seq,
		    i->time, i->accesses);
}

static int spy_value(struct sink *s, const char *name, const struct stat_row *row, enum stat_scope scope,
		     const char *instance, int64_t value, struct err *err)
{
	(void)s;
	ck_assert_str_eq(strchr(name, '.') + 1, row->name);
	return tell("value", err, " %s@%s/%s=%" PRId64, name, stat_scope_name(scope), instance, value);
}

static int spy_hist(struct sink *s, const char *name, const struct stat_row *row, enum stat_scope scope,
		    const char *instance, const struct hist *h, struct err *err)
{
	uint64_t n = 0;

	(void)s, (void)row, (void)scope, (void)instance;
	for (size_t i = 0; i < HIST_BUCKETS; i++)
		n += h->bucket[i];
	ck_assert_uint_eq(n, h->count);
	return tell("hist", err, " %s=%" PRIu64 ":%" PRIu64, name, h->count, h->sum);
}

static int spy_kernel_counter(struct sink *s, const char *scope, const char *counter, int64_t value,
			      struct err *err)
{
	(void)s;
	return tell("kernel", err, " %s:%s=%" PRId64, scope, counter, value);
}

static int spy_snapshot_end(struct sink *s, struct err *err)
{
	(void)s;
	return tell("end", err, "]");
}

static const struct sink_ops spy_ops = {
	.name = "spy",
	.snapshot_begin = spy_snapshot_begin,
	.value = spy_value,
	.hist = spy_hist,
	.kernel_counter = spy_kernel_counter,
	.snapshot_end = spy_snapshot_end,
};

static struct sink spy = {&spy_ops};
static struct stat_registry reg;
static struct metrics m;
static struct car_stats car;

static void top_up(void *ctx)
{
	((struct car_stats *)ctx)->fuel += 1;
}

static void setup(void)
{
	err_clear(&e);
	told[0] = '\0';
	fail_in = NULL;
	memset(&car, 0, sizeof car);
	stat_registry_init(&reg);
	stat_register(&reg, &car_stat_table, &car, STAT_SCOPE_CPU, "%d", 3);
	stat_on_refresh(&reg, top_up, &car);
	stat_registry_freeze(&reg);
	metrics_init(&m, &reg, &spy);
}

static void teardown(void)
{
	stat_registry_release(&reg);
}

static int collect(void *ctx, struct metrics *mm, struct err *err)
{
	struct car_stats guest = {.trips = 9, .fuel = 8};
	int rc = metrics_struct(mm, &car_stat_table, &guest, STAT_SCOPE_PROCESS, ctx, err);

	ck_assert_int_eq(mm->current.kind, SNAPSHOT_FINAL);
	return rc ? rc : metrics_kernel_counter(mm, "vmstat", "pgfault", 12, err);
}

static int collect_always(void *ctx, struct metrics *mm, struct err *err)
{
	(void)ctx;
	return metrics_kernel_counter(mm, "node/0", "MemFree", -1, err);
}

START_TEST(a_snapshot_tells_all)
{
	car.trips = 5;
	hist_add(&car.speed, 30);
	hist_add(&car.speed, 31);
	ck_assert_int_eq(metrics_snapshot(&m, SNAPSHOT_INTERVAL, "interval", 1000, 77, &e), 0);
	ck_assert_str_eq(told, "[1 interval 0 1000 77 car.trips@cpu/3=5 car.fuel@cpu/3=1 car.speed=2:61]");
}
END_TEST

START_TEST(the_warmup_is_taken_away)
{
	car.trips = 5;
	hist_add(&car.speed, 30);
	metrics_snapshot(&m, SNAPSHOT_WARMUP, "warmup", 10, 1, &e);
	car.trips += 2;
	hist_add(&car.speed, 7);
	metrics_snapshot(&m, SNAPSHOT_NAMED, "mark", 20, 2, &e);
	metrics_snapshot(&m, SNAPSHOT_FINAL, "final", 30, 3, &e);
	ck_assert_str_eq(told, "[0 warmup 0 10 1 car.trips@cpu/3=5 car.fuel@cpu/3=1 car.speed=1:30]"
			       "[2 mark 1 20 2 car.trips@cpu/3=2 car.fuel@cpu/3=2 car.speed=1:7]"
			       "[3 final 2 30 3 car.trips@cpu/3=2 car.fuel@cpu/3=3 car.speed=1:7]");
}
END_TEST

START_TEST(collectors_add_rows)
{
	static char name[] = "P1";

	metrics_add_collector(&m, collect, name, false);
	metrics_add_collector(&m, collect_always, NULL, true);
	metrics_snapshot(&m, SNAPSHOT_INTERVAL, "interval", 0, 0, &e);
	ck_assert_ptr_null(strstr(told, "P1"));
	ck_assert_ptr_nonnull(strstr(told, " node/0:MemFree=-1]"));
	told[0] = '\0';
	metrics_snapshot(&m, SNAPSHOT_FINAL, "final", 0, 0, &e);
	ck_assert_ptr_nonnull(strstr(told, " car.trips@process/P1=9 car.fuel@process/P1=8 car.speed=0:0"
					   " vmstat:pgfault=12 node/0:MemFree=-1]"));
}
END_TEST

START_TEST(errors_of_the_sink_come_back)
{
	static const char *const hooks[] = {"begin", "value", "hist", "kernel", "end"};

	metrics_add_collector(&m, collect_always, NULL, true);
	fail_in = hooks[_i];
	ck_assert_int_eq(metrics_snapshot(&m, SNAPSHOT_FINAL, "final", 0, 0, &e), -ERR_STORE);
	ck_assert_int_eq(strncmp(e.text, hooks[_i], strlen(hooks[_i])), 0);
	ck_assert_ptr_null(strchr(told, ']')); /* nothing that failed is ended as if it were whole */
}
END_TEST

START_TEST(the_null_sink_takes_everything)
{
	struct sink null = {&sink_null_ops};
	struct run_info info = {.name = "n"};
	struct run_end end = {.status = "complete"};
	struct param_set ps;

	param_set_init(&ps);
	m.sink = &null;
	metrics_add_collector(&m, collect_always, NULL, true);
	ck_assert_int_eq(null.ops->begin(&null, &info, &ps, &e), 0);
	ck_assert_int_eq(metrics_snapshot(&m, SNAPSHOT_FINAL, "final", 0, 0, &e), 0);
	ck_assert_int_eq(null.ops->event(&null, 0, "oom", "machine", 0, NULL, &e), 0);
	ck_assert_int_eq(null.ops->end(&null, &end, &e), 0);
	param_set_release(&ps);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_snapshot_tells_all);
	tcase_add_test(t, the_warmup_is_taken_away);
	tcase_add_test(t, collectors_add_rows);
	tcase_add_loop_test(t, errors_of_the_sink_come_back, 0, 5);
	tcase_add_test(t, the_null_sink_takes_everything);
	return run_case("metrics", t);
}
