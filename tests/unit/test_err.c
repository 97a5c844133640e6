/* Errors: the first one stays, prefixes, one line, the table of exit statuses. */
#include "sim/err.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

START_TEST(the_first_error_stays)
{
	struct err e = {0};

	ck_assert_int_eq(err_set(&e, ERR_IO, "at %d", 5), -ERR_IO);
	ck_assert_int_eq(err_set(&e, ERR_FORMAT, "later"), -ERR_FORMAT);
	ck_assert_int_eq(e.code, ERR_IO);
	ck_assert_str_eq(e.text, "at 5");
	err_clear(&e);
	err_set(&e, ERR_FORMAT, "now");
	ck_assert_int_eq(e.code, ERR_FORMAT);
	ck_assert_int_eq(err_set(NULL, ERR_LIMIT, "nobody listens"), -ERR_LIMIT);
}
END_TEST

START_TEST(prefixes)
{
	struct err e = {0};

	err_prefix(&e, "nothing to prefix: ");
	ck_assert_str_eq(e.text, "");
	err_prefix(NULL, "x");
	err_set(&e, ERR_IO, "what");
	err_prefix(&e, "%s:%d: ", "file", 3);
	ck_assert_str_eq(e.text, "file:3: what");
}
END_TEST

START_TEST(long_messages_are_cut)
{
	struct err e = {0};
	char wide[1000];

	memset(wide, 'w', sizeof wide - 1);
	wide[sizeof wide - 1] = '\0';
	err_set(&e, ERR_IO, "%s", wide);
	ck_assert_uint_eq(strlen(e.text), sizeof e.text - 1);
	err_prefix(&e, "p:");
	ck_assert_uint_eq(strlen(e.text), sizeof e.text - 1);
	ck_assert_int_eq(strncmp(e.text, "p:www", 5), 0);
	err_prefix(&e, "%s", wide);
	ck_assert_uint_eq(strlen(e.text), sizeof e.text - 1);
}
END_TEST

START_TEST(messages_are_one_line)
{
	struct err e = {0};

	err_set(&e, ERR_IO, "a\nb\033[31m\x7f \xc3\xa4");
	err_prefix(&e, "\r\n");
	ck_assert_str_eq(e.text, "??a?b?[31m? \xc3\xa4");
}
END_TEST

/* Documented numbers: scripts rely on them. */
START_TEST(exit_statuses)
{
	ck_assert_int_eq(err_exit_status(ERR_OK), 0);
	ck_assert_int_eq(err_exit_status(ERR_USAGE), 2);
	ck_assert_int_eq(err_exit_status(ERR_CONFIG), 3);
	ck_assert_int_eq(err_exit_status(ERR_NOMEM), 9);
	ck_assert_int_eq(err_exit_status(ERR_INTERRUPTED), 130);
	ck_assert_str_eq(err_name(ERR_TRUNCATED), "TRUNCATED");
	for (unsigned a = 0; a < ERR_NR; a++) {
		ck_assert_uint_gt(strlen(err_meaning((enum err_code)a)), 5);
		for (unsigned b = 0; b < a; b++)
			ck_assert_int_ne(err_exit_status((enum err_code)a),
					 err_exit_status((enum err_code)b));
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, the_first_error_stays);
	tcase_add_test(t, prefixes);
	tcase_add_test(t, long_messages_are_cut);
	tcase_add_test(t, messages_are_one_line);
	tcase_add_test(t, exit_statuses);
	return run_case("err", t);
}
