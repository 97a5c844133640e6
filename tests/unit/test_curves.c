/*
 * test_curves.c - curves in a result store, also in one that was made before there were any.
 */
#include "analysis/curves.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "analysis/db.h"
#include "tests/suite.h"

static char path[64];
static struct err e;

static void setup(void)
{
	snprintf(path, sizeof path, "/tmp/test_curves.%d.db", (int)getpid());
	unlink(path);
	err_clear(&e);
}

static void teardown(void)
{
	unlink(path);
}

static int64_t ask(const char *sql)
{
	struct db d;
	int64_t v = -1;

	ck_assert_msg(db_open(&d, path, DB_READ, &e) == 0, "%s", e.text);
	ck_assert_msg(db_int(&d, sql, &v, &e) == 0, "%s", e.text);
	db_close(&d);
	return v;
}

static const struct curve_point points[] = {{1, 90}, {2, 50}, {8, 10}};

static struct stored_curve curve(const char *name)
{
	return (struct stored_curve){.name = name,
				     .trace_path = "t.flt",
				     .program_version = "0",
				     .kinds = "all",
				     .method = "exact",
				     .rate = 1,
				     .page_bytes = 4096,
				     .accesses = 99,
				     .touches = 100,
				     .cold = 10,
				     .points = points,
				     .nr_points = ARRAY_LEN(points)};
}

START_TEST(what_goes_in_comes_out)
{
	struct stored_curve c[2] = {curve("a"), curve("b")};

	c[1].one_process = true;
	c[1].pid = 4000000000u;
	c[1].page_bytes = UINT64_C(2) << 20;
	ck_assert_msg(curves_add(path, c, 2, &e) == 0, "%s", e.text);
	ck_assert_msg(curves_add(path, c, 1, &e) == 0, "%s", e.text);
	ck_assert_int_eq(ask("SELECT count(*) FROM curves"), 3);
	ck_assert_int_eq(ask("SELECT count(*) FROM curve_points"), 9);
	ck_assert_int_eq(ask("SELECT process IS NULL FROM curves WHERE curve_id = 1"), 1);
	ck_assert_int_eq(ask("SELECT process FROM curves WHERE name = 'b'"), 4000000000);
	ck_assert_int_eq(ask("SELECT size_bytes FROM v_mrc WHERE name = 'b' AND misses = 10"),
			 8 * INT64_C(2097152));
	ck_assert_int_eq(ask("SELECT 1000 * miss_ratio FROM v_mrc WHERE curve_id = 1 AND size_pages = 2"),
			 500);
}
END_TEST

/* Two points of one size: nothing of any curve is stored. */
START_TEST(all_or_none)
{
	static const struct curve_point twice[] = {{1, 90}, {1, 50}};
	struct stored_curve c[2] = {curve("a"), curve("b")};

	ck_assert_int_eq(curves_add(path, c, 1, &e), 0);
	c[1].points = twice;
	c[1].nr_points = 2;
	ck_assert_int_lt(curves_add(path, c, 2, &e), 0);
	ck_assert_int_eq(e.code, ERR_STORE);
	ck_assert_ptr_nonnull(strstr(e.text, path));
	err_clear(&e);
	ck_assert_int_eq(ask("SELECT count(*) FROM curves"), 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM curve_points"), 3);
}
END_TEST

/* A store without the tables and with other views: what was in it stays. */
START_TEST(older_store)
{
	struct stored_curve c = curve("a");
	struct db d;

	ck_assert_int_eq(db_open(&d, path, DB_WRITE, &e), 0);
	ck_assert_int_eq(db_exec(&d,
				 "DROP VIEW v_mrc; DROP TABLE curve_points; DROP TABLE curves;"
				 "UPDATE meta SET value = '1' WHERE key = 'views';"
				 "INSERT INTO strings(text) VALUES ('kept')",
				 "making it older", &e),
			 0);
	db_close(&d);
	ck_assert_int_eq(ask("SELECT count(*) FROM strings"), 1);
	ck_assert_msg(curves_add(path, &c, 1, &e) == 0, "%s", e.text);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_mrc"), 3);
	ck_assert_int_eq(ask("SELECT count(*) FROM strings WHERE text = 'kept'"), 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_goes_in_comes_out);
	tcase_add_test(t, all_or_none);
	tcase_add_test(t, older_store);
	return run_case("curves", t);
}
