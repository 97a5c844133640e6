/* The front door: which command runs with what, help, version, unknown commands, output that does not arrive.
 */
#include "sim/command.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define main faultline_main
#include "sim/main.c"
#include "tests/suite.h"
#undef main

/* Stand-ins for the commands of the floors above. */
static char called[200];

static int note(const char *name, int argc, char **argv)
{
	snprintf(called, sizeof called, "%s:", name);
	for (int i = 0; i < argc; i++)
		snprintf(called + strlen(called), sizeof called - strlen(called), " %s", argv[i]);
	ck_assert_ptr_null(argv[argc]);
	return 42;
}

int cmd_run(int argc, char **argv)
{
	return note("run", argc, argv);
}

int cmd_list(int argc, char **argv)
{
	return note("list", argc, argv);
}

int cmd_trace(int argc, char **argv)
{
	return note("trace", argc, argv);
}

int cmd_sweep(int argc, char **argv)
{
	puts("swept");
	return argc > 1 ? note("sweep", argc, argv) : 0;
}

int cmd_query(int argc, char **argv)
{
	return note("query", argc, argv);
}

static char output[8000];

/* Runs the program with the blank-separated arguments; its output, errors included, goes to `output`. */
static int run(const char *arguments)
{
	char line[200], *argv[20] = {line};
	int argc = 0, status;
	FILE *f;
	size_t n;

	snprintf(line, sizeof line, "faultline %s", arguments);
	for (char *s = strtok(line, " "); s; s = strtok(NULL, " "))
		argv[argc++] = s;
	called[0] = '\0';
	f = tmpfile();
	fflush(stdout);
	ck_assert_int_ge(dup2(fileno(f), 1), 0);
	ck_assert_int_ge(dup2(fileno(f), 2), 0);
	status = faultline_main(argc, argv);
	fflush(stdout);
	rewind(f);
	n = fread(output, 1, sizeof output - 1, f);
	output[n] = '\0';
	fclose(f);
	return status;
}

static void expect_output(const char *part)
{
	ck_assert_msg(strstr(output, part) != NULL, "\"%s\" lacks \"%s\"", output, part);
}

START_TEST(commands_get_their_arguments)
{
	ck_assert_int_eq(run("run --set a=b x.flt"), 42);
	ck_assert_str_eq(called, "run: run --set a=b x.flt");
	ck_assert_int_eq(run("trace info"), 42);
	ck_assert_str_eq(called, "trace: trace info");
	ck_assert_int_eq(run("run --help"), 42);
	ck_assert_str_eq(called, "run: run --help");
	ck_assert_int_eq(run("query --version"), 42);
	ck_assert_str_eq(called, "query: query --version");
}
END_TEST

START_TEST(help_of_a_command_is_the_command_s)
{
	ck_assert_int_eq(run("help list"), 42);
	ck_assert_str_eq(called, "list: list --help");
	ck_assert_int_eq(run("help trace convert"), 42);
	ck_assert_str_eq(called, "trace: trace convert --help");
	ck_assert_int_eq(run("help run 1 2 3 4 5 6 7 8 9 10"), 42); /* more than there is room for */
}
END_TEST

START_TEST(help_lists_everything)
{
	static const char *const asked[] = {"help", "--help", "-h", "help help", "help --help"};

	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		ck_assert_int_eq(run(asked[i]), 0);
		expect_output("usage: faultline COMMAND");
		for (size_t c = 0; c < ARRAY_LEN(commands); c++) {
			expect_output(commands[c].name);
			expect_output(commands[c].sentence);
		}
		expect_output("130  stopped by Ctrl-C");
	}
}
END_TEST

START_TEST(no_command_is_a_usage_error)
{
	ck_assert_int_eq(run(""), 2);
	expect_output("usage: faultline COMMAND");
}
END_TEST

START_TEST(version)
{
	ck_assert_int_eq(run("--version"), 0);
	ck_assert_str_eq(output, "faultline " FAULTLINE_VERSION "\n");
}
END_TEST

START_TEST(unknown_commands)
{
	ck_assert_int_eq(run("swep"), 2);
	ck_assert_str_eq(output, "faultline: unknown command \"swep\"; did you mean \"sweep\"?\n");
	ck_assert_int_eq(run("help traec"), 2);
	ck_assert_str_eq(output, "faultline: unknown command \"traec\"; did you mean \"trace\"?\n");
	ck_assert_int_eq(run("frobnicate"), 2);
	ck_assert_str_eq(
		output, "faultline: unknown command \"frobnicate\"; \"faultline help\" lists the commands\n");
	ck_assert_int_eq(run("--verbose"), 2);
	expect_output("unknown option \"--verbose\"");
}
END_TEST

START_TEST(output_that_does_not_arrive_fails)
{
	char program[] = "faultline", command[] = "sweep", *argv[] = {program, command, NULL};
	FILE *full = fopen("/dev/full", "w");

	if (!full)
		return;
	fflush(stdout);
	dup2(fileno(full), 1);
	ck_assert_int_eq(faultline_main(2, argv), 5);
	fclose(full);
}
END_TEST

/* ... unless it is the reader that went away. */
START_TEST(a_closed_pipe_is_no_failure)
{
	char program[] = "faultline", command[] = "sweep", *argv[] = {program, command, NULL};
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	fflush(stdout);
	dup2(fd[1], 1);
	close(fd[0]);
	close(fd[1]);
	ck_assert_int_eq(faultline_main(2, argv), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, commands_get_their_arguments);
	tcase_add_test(t, help_of_a_command_is_the_command_s);
	tcase_add_test(t, help_lists_everything);
	tcase_add_test(t, no_command_is_a_usage_error);
	tcase_add_test(t, version);
	tcase_add_test(t, unknown_commands);
	tcase_add_test(t, output_that_does_not_arrive_fails);
	tcase_add_test(t, a_closed_pipe_is_no_failure);
	return run_case("main", t);
}
