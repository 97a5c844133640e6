/*
 * test_sweep.c - the grid, and a whole sweep over a made-up `run` command, which is this program itself.
 *
 * Started as "test_sweep run TRACE ...", the program behaves like `faultline run`: its key is a hash of its
 * parameters, its result one statistic computed from a and b. TRACE names a folder in which it leaves one
 * file for each real run, so that the test can count them.
 */
#include "analysis/sweep/sweep.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "sim/command.h"
#include "sim/mem.h"
#include "tests/store_fixture.h"
#include "tests/suite.h"

static struct err e;

/* ---- the made-up run ---- */

struct fake {
	const char *trace, *out, *name;
	long a, b;
	bool print_key;
};

static void parse_fake(struct fake *f, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "-o"))
			f->out = argv[++i];
		else if (!strcmp(argv[i], "--name"))
			f->name = argv[++i];
		else if (!strcmp(argv[i], "--print-key"))
			f->print_key = true;
		else if (!strcmp(argv[i], "--set") &&
			 sscanf(argv[i + 1], "a=%ld", &f->a) + sscanf(argv[i + 1], "b=%ld", &f->b))
			i++;
		else
			f->trace = argv[i];
	}
}

static int fake_result(const struct fake *f)
{
	struct run_info info = {.name = f->name};
	struct sink *s;
	char mark[200];

	snprintf(mark, sizeof mark, "%s/ran-%ld-%ld-%d", f->trace, f->a, f->b, (int)getpid());
	close(open(mark, O_CREAT | O_WRONLY, 0600));
	if (f->a == 66)
		raise(SIGSEGV);
	if (store_sink_open(&s, f->out, &e) || s->ops->begin(s, &info, NULL, &e) ||
	    fixture_snapshot(s, SNAPSHOT_FINAL, "final", 0, &e) ||
	    fixture_value(s, f->a % 2 ? "odd.sum" : "even.sum", STAT_SCOPE_MACHINE, "", 100 * f->a + f->b,
			  &e) ||
	    s->ops->snapshot_end(s, &e))
		return 5;
	if (f->a == 55)
		usleep(100000); /* the first one ends last */
	if (f->b == 44)
		sleep(60);
	if (fixture_end(s, f->b == 77 ? "failed" : "complete", &e))
		return 5;
	store_sink_close(s);
	return f->b == 77 ? 6 : 0;
}

static int fake_run(int argc, char **argv)
{
	struct fake f = {.trace = "", .name = ""};
	int rc;

	parse_fake(&f, argc, argv);
	if (f.a == 99) {
		fprintf(stderr, "faultline: a: 99 is out of range\n");
		return 3;
	}
	if (f.print_key) {
		printf("%016lx\n", (unsigned long)(f.a * 1000 + f.b));
		return 0;
	}
	rc = fake_result(&f);
	if (rc)
		fprintf(stderr, "line one\nfaultline: the fake failed\n");
	return rc;
}

/* ---- the grid ---- */

START_TEST(test_order)
{
	struct plan p;
	char *name;

	plan_init(&p);
	ck_assert_uint_eq(plan_nr_points(&p), 1);
	ck_assert_int_eq(plan_add_axis(&p, "x.y=1,2,3", &e), 0);
	ck_assert_int_eq(plan_add_axis(&p, "z=[a b,c], d ,[e]", &e), 0);
	ck_assert_uint_eq(plan_nr_points(&p), 9);
	ck_assert_str_eq(plan_value(&p, 0, 0), "1");
	ck_assert_str_eq(plan_value(&p, 0, 1), "a b,c");
	ck_assert_str_eq(plan_value(&p, 1, 1), "d");
	ck_assert_str_eq(plan_value(&p, 2, 1), "e");
	ck_assert_str_eq(plan_value(&p, 5, 0), "2");
	ck_assert_str_eq(plan_value(&p, 8, 0), "3");
	name = plan_point_name(&p, "t", 3);
	ck_assert_str_eq(name, "t/x.y=2,z=a b,c");
	mem_free(name);
	plan_release(&p);
}
END_TEST

static const struct {
	const char *axis;
	enum err_code code;
	const char *text;
} bad_axes[] = {
	{"", ERR_USAGE, "expected PATH="},
	{"x", ERR_USAGE, "expected PATH="},
	{"=1", ERR_USAGE, "expected PATH="},
	{"x=", ERR_USAGE, "empty value at character 3"},
	{"x=1,,2", ERR_USAGE, "empty value at character 5"},
	{"x=1,", ERR_USAGE, "empty value at character 5"},
	{"x=[]", ERR_USAGE, "empty value"},
	{"x=[1,2", ERR_USAGE, "brackets do not match"},
	{"x=1]", ERR_USAGE, "brackets do not match at character 4"},
	{"x=[1[2]]", ERR_USAGE, "brackets do not match"},
	{"x=[1]2", ERR_USAGE, "expected a comma"},
	{"x=5,4,5", ERR_USAGE, "the value 5 is there twice"},
	{"there=1", ERR_USAGE, "an axis already"},
};

START_TEST(test_bad_axis)
{
	struct plan p;

	plan_init(&p);
	ck_assert_int_eq(plan_add_axis(&p, "there=7,8", &e), 0);
	ck_assert_int_eq(plan_add_axis(&p, bad_axes[_i].axis, &e), -(int)bad_axes[_i].code);
	ck_assert_msg(strstr(e.text, bad_axes[_i].text) != NULL, "%s: %s", bad_axes[_i].axis, e.text);
	ck_assert_uint_eq(plan_nr_points(&p), 2);
	plan_release(&p);
}
END_TEST

/* 2000 values, twice: four million points are too many; one list alone is fine. */
START_TEST(test_long_list)
{
	char *text = malloc(20000);
	size_t at = 2;
	struct plan p;

	plan_init(&p);
	memcpy(text, "x=", 3);
	for (int i = 0; i < 2000; i++)
		at += (size_t)snprintf(text + at, 20000 - at, "%s%d", i ? "," : "", i);
	ck_assert_int_eq(plan_add_axis(&p, text, &e), 0);
	ck_assert_str_eq(plan_value(&p, 1999, 0), "1999");
	text[0] = 'y';
	ck_assert_int_eq(plan_add_axis(&p, text, &e), -ERR_LIMIT);
	plan_release(&p);
	free(text);
}
END_TEST

/* ---- sweeps ---- */

/* Runs `sweep DIR -o DIR/s.db` with up to four more arguments; returns its exit status. */
static int sweep(const char *path, const char *jobs, const char *g1, const char *g2)
{
	char dir[80], store[80], j[8];
	char *argv[] = {(char[]){"sweep"},
			dir,
			(char[]){"-o"},
			store,
			(char[]){"-j"},
			j,
			(char[]){"--grid"},
			NULL,
			(char[]){"--grid"},
			NULL,
			NULL};

	snprintf(store, sizeof store, "%s", path);
	snprintf(dir, sizeof dir, "%s", path);
	*strrchr(dir, '/') = '\0';
	snprintf(j, sizeof j, "%s", jobs);
	argv[7] = strdup(g1);
	argv[9] = strdup(g2);
	int status = cmd_sweep(10, argv);
	free(argv[7]);
	free(argv[9]);
	return status;
}

/* How often the made-up command really ran. */
static int runs_made(const char *path)
{
	char command[200], text[16];
	FILE *f;

	snprintf(command, sizeof command, "ls $(dirname %s) | grep -c ran-", path);
	f = popen(command, "r");
	ck_assert_ptr_nonnull(fgets(text, sizeof text, f));
	pclose(f);
	return (int)strtol(text, NULL, 10);
}

#define ALL_ROWS                                                                                          \
	"SELECT group_concat(r.run_id || ':' || substr(r.name, instr(r.name, '/')) || ':' || r.status ||" \
	" ':' || m.stat || '=' || m.value, ' ') FROM runs r JOIN metrics m USING (run_id)"
#define FOUR_ROWS                                                              \
	"1:/a=55,b=1:complete:odd.sum=5501 2:/a=55,b=2:complete:odd.sum=5502 " \
	"3:/a=2,b=1:complete:even.sum=201"                                     \
	" 4:/a=2,b=2:complete:even.sum=202"

START_TEST(test_any_number_of_jobs)
{
	static const char *const jobs[] = {"1", "3", "8"};
	char *path = fixture_path(), folder[100];

	ck_assert_int_eq(sweep(path, jobs[_i], "a=55,2", "b=1,2"), 0);
	ck_answer(path, ALL_ROWS, FOUR_ROWS);
	ck_answer(path, "SELECT group_concat(name) FROM (SELECT name FROM stats ORDER BY stat_id)",
		  "odd.sum,even.sum");
	ck_answer(path, "PRAGMA foreign_key_check", "none");
	snprintf(folder, sizeof folder, "%s.shards", path);
	ck_assert_int_ne(access(folder, F_OK), 0);
	ck_assert_int_eq(runs_made(path), 4);
	/* Once more with one value more: only what is missing is run. */
	ck_assert_int_eq(sweep(path, jobs[_i], "a=55,2", "b=1,2,3"), 0);
	ck_assert_int_eq(runs_made(path), 6);
	ck_answer(path, "SELECT count(*) FROM runs", "6");
	fixture_remove(path);
}
END_TEST

START_TEST(test_failing_points)
{
	char *path = fixture_path();

	/* a=99 has no key, a=66 crashes, b=77 stores a failed run. The first of them is a=1, b=77. */
	ck_assert_int_eq(sweep(path, "2", "a=1,66,99", "b=1,77"), 6);
	ck_answer(path, ALL_ROWS, "1:/a=1,b=1:complete:odd.sum=101 2:/a=1,b=77:failed:odd.sum=177");
	ck_assert_int_eq(runs_made(path), 4);
	/* A failed one is run again, replaced, and keeps its number. */
	ck_assert_int_eq(sweep(path, "2", "a=1", "b=77,2"), 6);
	ck_answer(path, "SELECT group_concat(run_id || status, ' ') FROM runs",
		  "1complete 2failed 3complete");
	ck_answer(path, "SELECT count(*) FROM metrics", "3");
	fixture_remove(path);
}
END_TEST

START_TEST(test_all_points_wrong)
{
	char *path = fixture_path();

	ck_assert_int_eq(sweep(path, "2", "a=99", "b=1,2"), 3);
	ck_assert_int_ne(access(path, F_OK), 0);
	fixture_remove(path);
}
END_TEST

/* Killed while its third point runs, given again: the rest is run, the result is that of one sweep. */
START_TEST(test_killed_and_again)
{
	char *path = fixture_path();
	pid_t pid = fork();

	if (pid == 0)
		_exit(sweep(path, "1", "a=1,2", "b=1,44"));
	for (int i = 0; i < 200; i++) {
		usleep(20000);
		if (runs_made(path) == 2)
			break;
	}
	usleep(50000);
	kill(pid, _i ? SIGINT : SIGKILL);
	int status;
	waitpid(pid, &status, 0);
	if (_i)
		ck_assert_int_eq(WEXITSTATUS(status), 130);
	ck_answer(path, ALL_ROWS, "1:/a=1,b=1:complete:odd.sum=101");
	ck_assert_int_eq(sweep(path, "2", "a=1,2", "b=1"), 0);
	ck_answer(path, ALL_ROWS, "1:/a=1,b=1:complete:odd.sum=101 2:/a=2,b=1:complete:even.sum=201");
	ck_assert_int_eq(runs_made(path), 3);
	fixture_remove(path);
}
END_TEST

/* While a sweep fills a store, a second one is refused; after it the folder is gone and the store free. */
START_TEST(test_two_sweeps)
{
	char *path = fixture_path(), folder[100];
	struct timespec pause = {.tv_nsec = 20000000};
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sweep(path, "2", "a=55", "b=1"));
	snprintf(folder, sizeof folder, "%s.shards", path);
	for (int i = 0; i < 500 && runs_made(path) == 0; i++)
		nanosleep(&pause, NULL);
	ck_assert_int_eq(sweep(path, "1", "a=3", "b=1"), 8);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_int_ne(access(folder, F_OK), 0);
	ck_assert_int_eq(sweep(path, "1", "a=3", "b=1"), 0);
	ck_answer(path, "SELECT count(*) FROM runs", "2");
	fixture_remove(path);
}
END_TEST

/* A finished shard that an earlier sweep left is collected, not run; a broken one is set aside and run again.
 */
START_TEST(test_left_shards)
{
	char *path = fixture_path(), command[400];

	ck_assert_int_eq(sweep(path, "1", "a=1", "b=1"), 0);
	snprintf(command, sizeof command, "mkdir %s.shards; echo junk >%s.shards/00000000000003e9.db.bad",
		 path, path);
	ck_assert_int_eq(system(command), 0);
	snprintf(command, sizeof command, "%s.shards/%016x.db", path, 2001);
	struct fake f = {.trace = "/nonexistent", .name = "x/left", .out = command, .a = 2, .b = 1};
	ck_assert_int_eq(fake_result(&f), 0);
	snprintf(command, sizeof command,
		 "echo broken >%s.shards/%016x.db; touch %s.shards/00.1.tmp %s.shards/00.999999999.tmp", path,
		 3001, path, path);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(sweep(path, "2", "a=1,2,3", "b=1"), 0);
	ck_assert_int_eq(runs_made(path), 2); /* a=1 before, a=3 now */
	ck_answer(path,
		  "SELECT group_concat(substr(name, instr(name, '/')), ' ') FROM (SELECT name FROM runs "
		  "ORDER BY run_id)",
		  "/a=1,b=1 /left /a=3,b=1");
	snprintf(command, sizeof command,
		 "cd %s.shards && test \"$(ls | tr '\\n' ' ')\" = '00.1.tmp 00000000000003e9.db.bad "
		 "%016x.db.bad '",
		 path, 3001);
	ck_assert_int_eq(system(command), 0);
	fixture_remove(path);
}
END_TEST

START_TEST(test_dry_run)
{
	char *path = fixture_path(),
	     *argv[] = {(char[]){"sweep"},         (char[]){"t"}, (char[]){"-no"}, path,
			(char[]){"--grid=a=1,99"}, NULL};

	ck_assert_int_eq(cmd_sweep(5, argv), 3); /* one value is wrong */
	ck_assert_int_ne(access(path, F_OK), 0);
	fixture_remove(path);
}
END_TEST

START_TEST(test_usage)
{
	static const struct {
		const char *text;
		int status;
	} rows[] = {{"sweep", 2},
		    {"sweep t", 2},
		    {"sweep t -o s.db --grid", 2},
		    {"sweep t -o s.db --grid a=1 --set a=2", 2},
		    {"sweep t -o s.db -j 0", 2},
		    {"sweep t -o s.db -j 2x", 2},
		    {"sweep t u -o s.db", 2},
		    {"sweep - -o s.db", 2},
		    {"sweep t -o s.db --frob", 2},
		    {"sweep t -o /nonexistent/s.db --grid a=1", 4},
		    {"sweep --help", 0}};
	char line[100], *argv[12], *word;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int argc = 0;

		snprintf(line, sizeof line, "%s", rows[i].text);
		for (word = strtok(line, " "); word; word = strtok(NULL, " "))
			argv[argc++] = word;
		argv[argc] = NULL;
		ck_assert_msg(cmd_sweep(argc, argv) == rows[i].status, "%s", rows[i].text);
	}
}
END_TEST

int main(int argc, char **argv)
{
	TCase *tc;

	if (argc > 1 && !strcmp(argv[1], "run"))
		return fake_run(argc, argv);
	tc = tcase_create("sweep");
	tcase_add_test(tc, test_order);
	tcase_add_loop_test(tc, test_bad_axis, 0, ARRAY_LEN(bad_axes));
	tcase_add_test(tc, test_long_list);
	tcase_add_loop_test(tc, test_any_number_of_jobs, 0, 3);
	tcase_add_test(tc, test_failing_points);
	tcase_add_test(tc, test_all_points_wrong);
	tcase_add_loop_test(tc, test_killed_and_again, 0, 2);
	tcase_add_test(tc, test_two_sweeps);
	tcase_add_test(tc, test_left_shards);
	tcase_add_test(tc, test_dry_run);
	tcase_add_test(tc, test_usage);
	return run_case("sweep", tc);
}
