/*
 * suite.h - how the main function of a test ends.
 */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Runs and frees the suite; returns main's status. */
static inline int run_suite(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A suite of one case. Sanitised builds on busy machines are slow: a test has two minutes. */
static inline int run_case(const char *name, TCase *t)
{
	Suite *s = suite_create(name);

	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	return run_suite(s);
}

#endif
