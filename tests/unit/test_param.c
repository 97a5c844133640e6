/* Parameters: every kind's texts, ranges, suggestions, provenance, ownership. */
#include "sim/param.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sim/suggest.h"
#include "tests/suite.h"

static const char *colour(size_t i)
{
	static const char *const names[] = {"red", "green", "blue"};

	return i < ARRAY_LEN(names) ? names[i] : NULL;
}

#define CAR_PARAMS(X, S)                                                                      \
	X(S, U64, doors, "car.doors", "4", 2, 6, "doors", "how many doors")                   \
	X(S, BYTES, tank, "car.tank.size", "64K", 4096, 1 << 30, "bytes", "size of the tank") \
	X(S, BOOL, electric, "car.electric", "false", 0, 0, "", "whether it is electric")     \
	X(S, ENUM, paint, "car.paint", "green", 0, 0, "", "its colour", colour)               \
	X(S, STR, plate, "car.plate", "", 0, 0, "", "the licence plate")                      \
	X(S, LIST, gears, "car.gears", "10 20 30", 1, 4096, "teeth", "teeth of each gear")    \
	X(S, U64, swap, "vm.swappiness", "60", 0, 200, "", "as Linux's")                      \
	X(S, U64, any, "car.any", "0", 0, UINT64_MAX, "", "any number")
PARAM_STRUCT(car_params, CAR_PARAMS);
extern const struct param_table car_param_table;
PARAM_TABLE(car, car_params, CAR_PARAMS);

static struct param_set ps;
static struct car_params car;
static struct err e;

static void setup(void)
{
	err_clear(&e);
	param_set_init(&ps);
	param_set_add(&ps, &car_param_table, &car);
}

static void teardown(void)
{
	param_set_release(&ps);
}

static int set(const char *path, const char *value)
{
	err_clear(&e);
	return param_set_value(&ps, path, value, "--set", &e);
}

static void expect_error(const char *path, const char *value, const char *part)
{
	ck_assert_int_eq(set(path, value), -ERR_CONFIG);
	ck_assert_msg(strstr(e.text, part) != NULL, "\"%s\" lacks \"%s\"", e.text, part);
}

START_TEST(defaults_are_set)
{
	ck_assert_uint_eq(ps.n, 8);
	ck_assert_uint_eq(car.doors, 4);
	ck_assert_uint_eq(car.tank, 65536);
	ck_assert(!car.electric);
	ck_assert_uint_eq(car.paint, 1);
	ck_assert_str_eq(car.plate, "");
	ck_assert_uint_eq(car.gears.n, 3);
	ck_assert_uint_eq(car.gears.v[2], 30);
	ck_assert_str_eq(param_find(&ps, "car.tank.size")->text, "65536");
	ck_assert_str_eq(param_find(&ps, "car.tank.size")->origin, "default");
	ck_assert_ptr_null(param_find(&ps, "car.tank"));
}
END_TEST

START_TEST(numbers)
{
	ck_assert_int_eq(set("car.doors", " 0x5 "), 0);
	ck_assert_uint_eq(car.doors, 5);
	ck_assert_str_eq(param_find(&ps, "car.doors")->text, "5");
	ck_assert_str_eq(param_find(&ps, "car.doors")->origin, "--set");
	ck_assert_int_eq(set("car.any", "18446744073709551615"), 0);
	ck_assert_uint_eq(car.any, UINT64_MAX);
	ck_assert_int_eq(set("car.any", "0xFFFFffffFFFFffff"), 0);
	expect_error("car.any", "18446744073709551616", "2^64");
	expect_error("car.any", "99999999999999999999999", "2^64");
	expect_error("car.any", "-1", "not negative");
	expect_error("car.any", "", "whole number");
	expect_error("car.any", "0x", "whole number");
	expect_error("car.any", "12 13", "whole number");
	expect_error("car.any", "1.5", "whole number");
	expect_error("car.any", "4K", "whole number");
	expect_error("car.any", "1e3", "\"1e3\"");
	ck_assert_uint_eq(car.any, UINT64_MAX); /* a refused value changes nothing */
}
END_TEST

START_TEST(ranges)
{
	expect_error("car.doors", "1", "car.doors: 1 is out of range: expected 2 to 6 doors");
	expect_error("car.doors", "7", "expected 2 to 6 doors");
	ck_assert_int_eq(set("car.doors", "2"), 0);
	ck_assert_int_eq(set("car.doors", "6"), 0);
	expect_error("car.tank.size", "1K", "expected 4 KiB to 1 GiB");
	ck_assert_int_eq(set("car.tank.size", "1G"), 0);
	expect_error("car.tank.size", "1073741825", "out of range");
}
END_TEST

START_TEST(bytes_take_suffixes)
{
	static const struct {
		const char *text;
		uint64_t value;
	} rows[] = {
		{"8192", 8192},    {"8K", 8192},    {"8k", 8192},     {"8KiB", 8192},
		{"8 KiB", 8192},   {"8KB", 8192},   {"8192B", 8192},  {"3M", 3 << 20},
		{"3MiB", 3 << 20}, {"1G", 1 << 30}, {"0x2000", 8192}, {"0x2K", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].value) {
			ck_assert_msg(set("car.tank.size", rows[i].text) == 0, "%s", rows[i].text);
			ck_assert_uint_eq(car.tank, rows[i].value);
		} else {
			ck_assert_int_lt(set("car.tank.size", rows[i].text), 0); /* 2048 is below the range */
		}
	}
	expect_error("car.tank.size", "8Q", "suffix");
	expect_error("car.tank.size", "8Kx", "suffix");
	expect_error("car.tank.size", "8iB", "suffix");
	expect_error("car.tank.size", "K", "whole number");
	expect_error("car.tank.size", "16777216T", "2^64"); /* 2^24 * 2^40 */
}
END_TEST

START_TEST(booleans)
{
	static const char *const yes[] = {"true", "on", "yes", "1", "True", "ON"};
	static const char *const no[] = {"false", "off", "no", "0"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		car.electric = false;
		ck_assert_int_eq(set("car.electric", yes[i]), 0);
		ck_assert(car.electric);
	}
	ck_assert_str_eq(param_find(&ps, "car.electric")->text, "true");
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		car.electric = true;
		ck_assert_int_eq(set("car.electric", no[i]), 0);
		ck_assert(!car.electric);
	}
	expect_error("car.electric", "2", "true or false");
	expect_error("car.electric", "", "true or false");
}
END_TEST

START_TEST(choices)
{
	ck_assert_int_eq(set("car.paint", "blue"), 0);
	ck_assert_uint_eq(car.paint, 2);
	ck_assert_str_eq(param_find(&ps, "car.paint")->text, "blue");
	expect_error("car.paint", "bleu", "red, green, blue; did you mean \"blue\"?");
	expect_error("car.paint", "2", "not one of");
	ck_assert_uint_eq(car.paint, 2);
}
END_TEST

START_TEST(strings_are_copied)
{
	char text[] = " AB 12 ";
	const char *old;

	ck_assert_int_eq(set("car.plate", text), 0);
	text[1] = 'X';
	ck_assert_str_eq(car.plate, " AB 12 ");
	old = car.plate;
	ck_assert_int_eq(set("car.plate", "new"), 0);
	ck_assert_str_eq(old, " AB 12 "); /* lives as long as the set */
}
END_TEST

START_TEST(lists)
{
	ck_assert_int_eq(set("car.gears", "1,2; 3\t4K"), 0);
	ck_assert_uint_eq(car.gears.n, 4);
	ck_assert_uint_eq(car.gears.v[0], 1);
	ck_assert_uint_eq(car.gears.v[3], 4096);
	ck_assert_str_eq(param_find(&ps, "car.gears")->text, "1 2 3 4096");
	ck_assert_int_eq(set("car.gears", ""), 0);
	ck_assert_uint_eq(car.gears.n, 0);
	expect_error("car.gears", "1 2 x", "element 3");
	expect_error("car.gears", "1 0 3", "out of range");
	expect_error("car.gears", "1 4097", "4097");
	expect_error("car.gears", "1:2", "element 1");
	expect_error("car.gears", "1 4 K", "element 3"); /* a blank separates */
}
END_TEST

START_TEST(unknown_paths_get_a_suggestion)
{
	expect_error("car.dors", "4", "unknown parameter \"car.dors\"; did you mean \"car.doors\"?");
	expect_error("swappiness", "4", "did you mean \"vm.swappiness\"?");
	expect_error("car", "4", "group of parameters");
	expect_error("car.tank", "4", "car.tank.size");
	ck_assert_int_eq(set("something.else.entirely", "4"), -ERR_CONFIG);
	ck_assert_ptr_null(strstr(e.text, "did you mean"));
	expect_error("car.doors.", "4", "did you mean \"car.doors\"");
	expect_error("", "4", "unknown");
}
END_TEST

START_TEST(assignments)
{
	ck_assert_int_eq(param_set_assignment(&ps, "car.doors=3", "--set", &e), 0);
	ck_assert_uint_eq(car.doors, 3);
	ck_assert_int_eq(param_set_assignment(&ps, " car.doors = 2", "--set", &e), 0);
	ck_assert_uint_eq(car.doors, 2);
	ck_assert_int_eq(param_set_assignment(&ps, "car.plate=a=b", "--set", &e), 0);
	ck_assert_str_eq(car.plate, "a=b");
	ck_assert_int_eq(param_set_assignment(&ps, "car.doors", "--set", &e), -ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "PATH=VALUE"));
}
END_TEST

START_TEST(messages_are_one_line)
{
	expect_error("car.paint", "re\nd\x1b[31m", "re?d?[31m");
	ck_assert_ptr_null(strchr(e.text, '\n'));
}
END_TEST

START_TEST(registering_twice_aborts)
{
	param_set_add(&ps, &car_param_table, &car);
}
END_TEST

START_TEST(edit_distance)
{
	ck_assert_uint_eq(suggest_distance("", ""), 0);
	ck_assert_uint_eq(suggest_distance("abc", ""), 3);
	ck_assert_uint_eq(suggest_distance("kitten", "sitting"), 3);
	ck_assert_uint_eq(suggest_distance("sitting", "kitten"), 3);
	ck_assert_uint_eq(suggest_distance("swpa", "swap"), 1); /* neighbours swapped */
	ck_assert_uint_eq(suggest_distance("ca", "abc"), 3);    /* no letter is edited twice */
	ck_assert_uint_eq(suggest_distance("flaw", "lawn"), 2);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, defaults_are_set);
	tcase_add_test(t, numbers);
	tcase_add_test(t, ranges);
	tcase_add_test(t, bytes_take_suffixes);
	tcase_add_test(t, booleans);
	tcase_add_test(t, choices);
	tcase_add_test(t, strings_are_copied);
	tcase_add_test(t, lists);
	tcase_add_test(t, unknown_paths_get_a_suggestion);
	tcase_add_test(t, assignments);
	tcase_add_test(t, messages_are_one_line);
	tcase_add_test_raise_signal(t, registering_twice_aborts, 6);
	tcase_add_test(t, edit_distance);
	return run_case("param", t);
}
