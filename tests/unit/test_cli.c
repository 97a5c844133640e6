/* Tables in their three formats, numbers for people, error lines, progress and interrupts. */
#include "sim/cli.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/suite.h"

static const char *const names[] = {"name", "value", "note"};
static char out[4000];

/* Prints what is in t into out. */
static void finish(struct table *t)
{
	struct err e = {0};
	FILE *f = tmpfile();
	size_t n;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(table_finish(t, f, &e), 0);
	rewind(f);
	n = fread(out, 1, sizeof out - 1, f);
	out[n] = '\0';
	fclose(f);
}

static struct table *example(enum table_format format)
{
	struct table *t = table_new(format, 3, names);

	table_cell(t, "a", false);
	table_cell(t, "5", true);
	table_cell(t, "x, \"y\"", false);
	table_cell(t, "long", false);
	table_cellf(t, true, "%d", 12345);
	table_cell(t, NULL, false);
	return t;
}

START_TEST(aligned)
{
	finish(example(TABLE_ALIGNED));
	ck_assert_str_eq(out, "name  value  note\n"
			      "a         5  x, \"y\"\n"
			      "long  12345  -\n");
}
END_TEST

START_TEST(aligned_counts_characters_not_bytes)
{
	struct table *t = table_new(TABLE_ALIGNED, 2, names);

	table_cell(t, "\xc3\xa4\xc3\xb6", false);
	table_cell(t, "1", true);
	table_cell(t, "a\nb\tc", false);
	table_cell(t, NULL, true);
	finish(t);
	ck_assert_str_eq(out, "name   value\n\xc3\xa4\xc3\xb6         1\na b c      -\n");
}
END_TEST

START_TEST(aligned_pads_no_wider_than_the_terminal)
{
	struct table *t = table_new(TABLE_ALIGNED, 2, names);
	char wide[301];

	memset(wide, 'w', 300);
	wide[300] = '\0';
	table_cell(t, wide, false);
	table_cell(t, "1", false);
	table_cell(t, "n", false);
	table_cell(t, "2", false);
	finish(t);
	ck_assert_ptr_nonnull(strstr(out, wide)); /* nothing is cut */
	ck_assert_uint_eq(strlen(strstr(out, "\nn ")), 1 + 80 + 2 + 2);
}
END_TEST

START_TEST(csv)
{
	struct table *t = example(TABLE_CSV);

	table_cell(t, "", false);
	table_cell(t, NULL, true);
	table_cell(t, "two\nlines", false);
	finish(t);
	ck_assert_str_eq(out, "name,value,note\r\n"
			      "a,5,\"x, \"\"y\"\"\"\r\n"
			      "long,12345,\r\n"
			      "\"\",,\"two\nlines\"\r\n");
}
END_TEST

START_TEST(json)
{
	finish(example(TABLE_JSON));
	ck_assert_str_eq(out, "[\n {\"name\": \"a\", \"value\": 5, \"note\": \"x, \\\"y\\\"\"},\n"
			      " {\"name\": \"long\", \"value\": 12345, \"note\": null}\n]\n");
	finish(table_new(TABLE_JSON, 3, names));
	ck_assert_str_eq(out, "[]\n");
}
END_TEST

/* Bare cells must be numbers by JSON's grammar, or they become texts. */
START_TEST(json_numbers)
{
	static const char *const bare[] = {"0", "-1", "1.5", "1e5", "-0.25E-3", "10", "1E+2"};
	static const char *const quoted[] = {"",   "inf",  "nan", "-",   "01", "1.", ".5",
					     "+1", "0x10", "1e",  "1e+", "1 ", "-.5"};
	static const char *const one[] = {"v"};
	char expected[80];

	for (size_t i = 0; i < ARRAY_LEN(bare) + ARRAY_LEN(quoted); i++) {
		bool is_bare = i < ARRAY_LEN(bare);
		const char *s = is_bare ? bare[i] : quoted[i - ARRAY_LEN(bare)], *q = is_bare ? "" : "\"";
		struct table *t = table_new(TABLE_JSON, 1, one);

		table_cell(t, s, true);
		finish(t);
		snprintf(expected, sizeof expected, "[\n {\"v\": %s%s%s}\n]\n", q, s, q);
		ck_assert_str_eq(out, expected);
	}
}
END_TEST

START_TEST(json_strings)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{"a\\b", "a\\\\b"},
		{"\x01\n", "\\u0001\\u000a"},
		{"\xe2\x82\xac", "\xe2\x82\xac"},          /* the euro sign stays */
		{"a\xffz", "a\\ufffdz"},                   /* no character at all */
		{"\xc0\xaf", "\\ufffd\\ufffd"},            /* overlong */
		{"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"}, /* half a surrogate pair */
		{"\xe2\x82", "\\ufffd\\ufffd"},            /* cut */
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
	};
	static const char *const one[] = {"v"};
	char expected[80];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct table *t = table_new(TABLE_JSON, 1, one);

		table_cell(t, rows[i].text, false);
		finish(t);
		snprintf(expected, sizeof expected, "[\n {\"v\": \"%s\"}\n]\n", rows[i].json);
		ck_assert_str_eq(out, expected);
	}
}
END_TEST

START_TEST(long_cells_and_many_rows)
{
	struct table *t = table_new(TABLE_CSV, 2, names);
	struct err e = {0};
	FILE *f = fopen("/dev/null", "w");

	for (int i = 0; i < 5000; i++) {
		table_cellf(t, true, "%d", i);
		table_cellf(t, false, "%0400d", i); /* longer than the buffer on the stack */
	}
	ck_assert_int_eq(table_finish(t, f, &e), 0);
	fclose(f);
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
	struct err e = {0};
	FILE *f = fopen("/dev/full", "w");

	if (!f)
		return;
	ck_assert_int_eq(table_finish(example(TABLE_JSON), f, &e), -ERR_IO);
	ck_assert_ptr_nonnull(strstr(e.text, strerror(ENOSPC)));
	fclose(f);
}
END_TEST

START_TEST(a_closed_pipe_is_none)
{
	struct err e = {0};
	int fd[2];
	FILE *f;

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(fd), 0);
	close(fd[0]);
	f = fdopen(fd[1], "w");
	ck_assert_int_eq(table_finish(example(TABLE_CSV), f, &e), 0);
	ck_assert_int_eq(e.code, ERR_OK);
	fclose(f);
}
END_TEST

START_TEST(half_a_row_aborts)
{
	struct table *t = table_new(TABLE_CSV, 2, names);
	struct err e = {0};

	table_cell(t, "a", false);
	table_finish(t, stdout, &e);
}
END_TEST

START_TEST(si_numbers)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {
		{0, "0"},
		{1, "1"},
		{999, "999"},
		{1.5, "1.50"},
		{12.34, "12.3"},
		{123.4, "123"},
		{1000, "1.00 k"},
		{1234567, "1.23 M"},
		{12345678, "12.3 M"},
		{123456789, "123 M"},
		{999499, "999 k"},
		{999999, "1.00 M"},
		{9.996e3, "10.0 k"},
		{-2500, "-2.50 k"},
		{1.8446744073709552e19, "18.4 E"},
	};
	char buf[16];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_str_eq(cli_si(buf, sizeof buf, rows[i].v), rows[i].text);
	ck_assert_str_eq(cli_si(buf, sizeof buf, (double)INFINITY), "inf");
}
END_TEST

START_TEST(fail_gives_the_exit_status)
{
	struct err e = {0};

	err_set(&e, ERR_CONFIG, "c.yaml:1:1: no");
	ck_assert_int_eq(cli_fail(&e), 3);
	err_set(&e, ERR_IO, "later"); /* the first error stays */
	ck_assert_int_eq(cli_fail(&e), 3);
}
END_TEST

/* Without a terminal there is no progress line and no object. */
START_TEST(progress_is_silent_without_a_terminal)
{
	struct progress *p;

	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	p = progress_new("replay", 100);
	ck_assert_ptr_null(p);
	progress_update(p, 50, "sim 1 s");
	progress_free(p);
}
END_TEST

/* Puts a terminal behind stderr and returns its other end. */
static int open_terminal(const char *term)
{
	struct winsize size = {.ws_row = 24, .ws_col = 60};
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

	if (master < 0)
		return -1;
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(slave, 0);
	ck_assert_int_eq(ioctl(slave, TIOCSWINSZ, &size), 0);
	dup2(slave, 2);
	setenv("TERM", term, 1);
	return master;
}

static void read_terminal(int master)
{
	ssize_t n;

	fcntl(master, F_SETFL, O_NONBLOCK);
	n = read(master, out, sizeof out - 1);
	out[n > 0 ? n : 0] = '\0';
}

/* Many updates, one line, cut to the terminal, wiped at the end. */
START_TEST(progress_prints_seldom_and_wipes)
{
	int master = open_terminal("xterm");
	double start = cli_wall_seconds();
	struct progress *p;
	bool slow;

	if (master < 0) /* a sandbox without pseudo-terminals */
		return;
	p = progress_new("replay", 2000000);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(cli_columns(stderr), 60);
	for (int i = 0; i < 1000; i++)
		progress_update(p, 1, "too early");
	slow = cli_wall_seconds() - start > 0.2; /* a host so busy that it was not too early */
	usleep(300000);
	for (int i = 0; i < 1000; i++)
		progress_update(p, 1234567, "sim 1.25 s, and much more than fits into the line");
	progress_free(p);
	read_terminal(master);
	if (slow)
		return;
	ck_assert_ptr_null(strstr(out, "too early"));
	ck_assert_ptr_eq(strstr(out, "\r\033[Kreplay: 1.23 M of 2.00 M (62 %), "), out);
	ck_assert_ptr_null(strstr(out + 5, "replay"));
	/* what is not cut depends on the rate, hence on the host's clock; never more than the terminal's
	 * width */
	ck_assert_uint_le(strlen(out), 4 + 59 + 4);
	ck_assert_uint_gt(strlen(out), 4 + 40 + 4);
	ck_assert_str_eq(out + strlen(out) - 4, "\r\033[K");
}
END_TEST

START_TEST(progress_can_be_switched_off)
{
	if (open_terminal("xterm") < 0)
		return;
	progress_enable(false);
	ck_assert_ptr_null(progress_new("replay", 0));
	progress_enable(true);
	setenv("TERM", "dumb", 1);
	ck_assert_ptr_null(progress_new("replay", 0));
}
END_TEST

START_TEST(the_first_interrupt_asks)
{
	cli_catch_interrupts();
	ck_assert(!cli_interrupted());
	raise(SIGINT);
	ck_assert(cli_interrupted());
}
END_TEST

START_TEST(the_second_interrupt_ends)
{
	cli_catch_interrupts();
	raise(SIGINT);
	ck_assert(cli_interrupted());
	raise(SIGTERM);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, aligned);
	tcase_add_test(t, aligned_counts_characters_not_bytes);
	tcase_add_test(t, aligned_pads_no_wider_than_the_terminal);
	tcase_add_test(t, csv);
	tcase_add_test(t, json);
	tcase_add_test(t, json_numbers);
	tcase_add_test(t, json_strings);
	tcase_add_test(t, long_cells_and_many_rows);
	tcase_add_test(t, a_full_disk_is_an_error);
	tcase_add_test(t, a_closed_pipe_is_none);
	tcase_add_test_raise_signal(t, half_a_row_aborts, 6);
	tcase_add_test(t, si_numbers);
	tcase_add_test(t, fail_gives_the_exit_status);
	tcase_add_test(t, progress_is_silent_without_a_terminal);
	tcase_add_test(t, progress_prints_seldom_and_wipes);
	tcase_add_test(t, progress_can_be_switched_off);
	tcase_add_test(t, the_first_interrupt_asks);
	tcase_add_test_raise_signal(t, the_second_interrupt_ends, 15);
	return run_case("cli", t);
}
