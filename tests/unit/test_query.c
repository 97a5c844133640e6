/*
 * test_query.c - the query command as its user sees it: output, error line, exit status.
 */
#include "sim/command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "analysis/sql.h"
#include "tests/store_fixture.h"
#include "tests/suite.h"

static char out[20000], err_text[2000];

static void read_back(const char *path, char *buf, size_t n)
{
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	buf[fread(buf, 1, n - 1, f)] = '\0';
	fclose(f);
	unlink(path);
}

static void in_child(const char *store, const char *out_path, const char *err_path, char **args)
{
	char word[] = "query", path[100];
	char *argv[8] = {word, path};
	int argc = 2;

	snprintf(path, sizeof path, "%s", store);
	while (*args)
		argv[argc++] = *args++;
	if (!freopen(out_path, "w", stdout) || !freopen(err_path, "w", stderr))
		_exit(99);
	exit(cmd_query(argc, argv));
}

/* Runs `query STORE ARGS...` in a child; returns its exit status, 128 + signal when a signal ended it. */
static int query(const char *store, const char *a1, const char *a2, const char *a3)
{
	char out_path[100], err_path[100];
	char *args[] = {(char *)(uintptr_t)a1, (char *)(uintptr_t)a2, (char *)(uintptr_t)a3, NULL};
	int status;

	snprintf(out_path, sizeof out_path, "%s.out", store);
	snprintf(err_path, sizeof err_path, "%s.err", store);
	fflush(stdout);
	fflush(stderr);
	if (fork() == 0)
		in_child(store, out_path, err_path, args);
	wait(&status);
	read_back(out_path, out, sizeof out);
	read_back(err_path, err_text, sizeof err_text);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Runs 1 and 3 are called run1, run 2 is run2. */
static char *three_runs(void)
{
	struct err e = {0};
	char *path = fixture_path();

	ck_assert_int_eq(fixture_run(path, 1, 11, "complete", &e), 0);
	ck_assert_int_eq(fixture_run(path, 2, 22, "failed", &e), 0);
	ck_assert_int_eq(fixture_run(path, 1, 33, "truncated", &e), 0);
	return path;
}

START_TEST(test_formats)
{
	char *path = three_runs();

	ck_assert_int_eq(query(path,
			       "SELECT run_id, name, 1.5 AS half, NULL AS none FROM runs WHERE run_id < 3",
			       NULL, NULL),
			 0);
	ck_assert_str_eq(out, "run_id  name  half  none\n"
			      "     1  run1   1.5     -\n"
			      "     2  run2   1.5     -\n");
	ck_assert_int_eq(
		query(path, "--csv",
		      "SELECT run_id, 'a,b' AS \"x\"\"y\", 0.1 + 0.2 AS f FROM runs WHERE run_id = 2", NULL),
		0);
	ck_assert_str_eq(out, "run_id,\"x\"\"y\",f\r\n2,\"a,b\",0.3\r\n");
	ck_assert_int_eq(query(path, "SELECT 7 AS n, 'q\"' AS t, NULL AS z", "--json", NULL), 0);
	ck_assert_str_eq(out, "[\n {\"n\": 7, \"t\": \"q\\\"\", \"z\": null}\n]\n");
	ck_assert_int_eq(query(path, "SELECT run_id, name FROM runs ORDER BY run_id", "--transpose", NULL),
			 0);
	ck_assert_str_eq(out, "column  1     2     3\n"
			      "run_id  1     2     3\n"
			      "name    run1  run2  run1\n");
	ck_assert_int_eq(query(path, "SELECT run_id FROM runs WHERE 0", "--csv", NULL), 0);
	ck_assert_str_eq(out, "run_id\r\n");
	fixture_remove(path);
}
END_TEST

START_TEST(test_list)
{
	char *path = three_runs();

	ck_assert_int_eq(query(path, "--list", NULL, NULL), 0);
	ck_assert_ptr_nonnull(strstr(
		out,
		"\nv_stats            Every statistic in the store with its kind, unit and one sentence"));
	for (const struct sql_view *v = sql_views; v->name; v++) {
		ck_assert_msg(strstr(out, v->name) != NULL, "%s", v->name);
		ck_assert_msg(!strncmp(v->text, "-- ", 3), "%s has no sentence", v->name);
		ck_assert_msg(query(path, v->name, "--csv", NULL) == 0, "%s: %s", v->name, err_text);
		query(path, "--list", NULL, NULL);
	}
	fixture_remove(path);
}
END_TEST

START_TEST(test_run)
{
	char *path = three_runs();

	ck_assert_int_eq(query(path, "v_cpu", "--csv", "--run=2"), 0);
	ck_assert_ptr_nonnull(strstr(out, "\r\n2,0,22,"));
	ck_assert_ptr_null(strstr(out, "\r\n1,0,11,"));
	ck_assert_int_eq(query(path, "v_cpu", "--csv", "--run=run1"), 0); /* the newest of two */
	ck_assert_ptr_nonnull(strstr(out, "\r\n3,0,33,"));
	ck_assert_ptr_null(strstr(out, "\r\n1,0,11,"));
	ck_assert_int_eq(query(path, "SELECT :run + 100 AS x", "--csv", "--run=run2"), 0);
	ck_assert_str_eq(out, "x\r\n102\r\n");
	fixture_remove(path);
}
END_TEST

static const struct {
	const char *what, *option;
	const char *text;
} wrong[] = {
	{"v_cpus", NULL, "did you mean \"v_cpu\"?"},
	{"zzzzzz", NULL, "no view \"zzzzzz\""},
	{"SELECT lacking FROM runs", NULL, "no such column: lacking (at character 8 of the SQL)"},
	{"SELECT 1; DELETE FROM runs", NULL, "more than one SQL statement"},
	{"DELETE FROM runs", NULL, "this one would write"},
	{"VACUUM INTO '/dev/shm/no'", NULL, ""},
	{" -- nothing", NULL, "the SQL is empty"},
	{"SELECT abs(-9223372036854775807 - 1) FROM runs", NULL, "integer overflow"},
	{"v_cpu", "--run=9", "no run \"9\""},
	{"v_stats", "--run=1", "does not speak of runs"},
	{"SELECT 1", "--run=1", ":run"},
	{"v_cpu", "--frob", "unknown option \"--frob\""},
	{"v_cpu", "--run", "a value is missing after \"--run\""},
	{"v_cpu", "v_tlb", "one argument too many"},
};

START_TEST(test_wrong)
{
	char *path = three_runs();
	size_t n;

	ck_assert_int_eq(query(path, wrong[_i].what, wrong[_i].option, NULL), 2);
	ck_assert_str_eq(out, "");
	ck_assert_msg(strstr(err_text, wrong[_i].text) != NULL, "%s: %s", wrong[_i].what, err_text);
	ck_assert_msg(!strncmp(err_text, "faultline: ", 11), "%s", err_text);
	n = strlen(err_text);
	ck_assert_msg(strchr(err_text, '\n') == err_text + n - 1, "not one line: %s", err_text);
	ck_answer(path, "SELECT count(*) FROM runs", "3");
	fixture_remove(path);
}
END_TEST

START_TEST(test_no_store)
{
	char *path = fixture_path();

	ck_assert_int_eq(query(path, "v_cpu", NULL, NULL), 4);
	ck_assert_ptr_nonnull(strstr(err_text, "no such file"));
	ck_assert_int_ne(access(path, F_OK), 0); /* reading creates nothing */
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(query(path, "v_cpu", NULL, NULL), 8);
	ck_assert_int_eq(query(path, "--help", NULL, NULL), 0);
	ck_assert_ptr_nonnull(strstr(out, "usage: faultline query"));
	fixture_remove(path);
}
END_TEST

/* A query without end stops at Ctrl-C with status 130. */
START_TEST(test_interrupt)
{
	char *path = three_runs(), out_path[100], err_path[100];
	char sql[] = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c";
	char *args[] = {sql, NULL};
	const struct timespec pause = {.tv_nsec = 200000000};
	int status;
	pid_t pid;

	snprintf(out_path, sizeof out_path, "%s.out", path);
	snprintf(err_path, sizeof err_path, "%s.err", path);
	pid = fork();
	if (pid == 0)
		in_child(path, out_path, err_path, args);
	nanosleep(&pause, NULL);
	kill(pid, SIGINT);
	waitpid(pid, &status, 0);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 130);
	fixture_remove(path);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("query");

	tcase_add_test(tc, test_formats);
	tcase_add_test(tc, test_list);
	tcase_add_test(tc, test_run);
	tcase_add_loop_test(tc, test_wrong, 0, ARRAY_LEN(wrong));
	tcase_add_test(tc, test_no_store);
	tcase_add_test(tc, test_interrupt);
	return run_case("query", tc);
}
