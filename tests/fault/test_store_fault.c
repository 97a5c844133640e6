/*
 * test_store_fault.c - stores that cannot be written or are none: one line, the right class, earlier runs
 * intact.
 */
#include "analysis/store.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "sim/mem.h"
#include "tests/store_fixture.h"
#include "tests/suite.h"

static struct err e;

/* Writes snapshots of many statistics until the sink refuses. Returns its code. */
static int fill(const char *path, unsigned nr_snapshots)
{
	struct sink *s;
	char name[40];
	int rc = fixture_begin(&s, path, 2, &e);

	for (unsigned k = 0; k < nr_snapshots && !rc; k++) {
		rc = fixture_snapshot(s, SNAPSHOT_NAMED, "much", k, &e);
		for (unsigned i = 0; i < 2000 && !rc; i++) {
			snprintf(name, sizeof name, "much.of_it_%u", i);
			rc = fixture_value(s, name, STAT_SCOPE_MACHINE, "", k, &e);
		}
		if (!rc)
			rc = s->ops->snapshot_end(s, &e);
	}
	store_sink_close(s);
	return rc;
}

static void check_first_run_is_intact(const char *path)
{
	ck_answer(path, "SELECT status || value FROM runs JOIN metrics USING (run_id) WHERE run_id = 1",
		  "complete5");
	ck_answer(path, "PRAGMA integrity_check", "ok");
	ck_answer(path, "SELECT count(*) FROM runs WHERE run_id > 1 AND status <> 'incomplete'", "0");
	/* Only whole snapshots are there. */
	ck_answer(path,
		  "SELECT count(*) FROM (SELECT snapshot_id FROM metrics WHERE run_id > 1 GROUP BY 1 HAVING "
		  "count(*) <> 2000)",
		  "0");
}

START_TEST(test_file_size_limit)
{
	char *path = fixture_path();
	int status;

	ck_assert_int_eq(fixture_run(path, 1, 5, "complete", &e), 0);
	if (fork() == 0) {
		struct rlimit limit = {600 << 10, 600 << 10};

		setrlimit(RLIMIT_FSIZE, &limit);
		if (fill(path, 200) != -ERR_IO || !strstr(e.text, "file size limit"))
			fprintf(stderr, "got: %s\n", e.text);
		_exit(err_exit_status(e.code));
	}
	wait(&status);
	ck_assert_int_eq(WEXITSTATUS(status), 5);
	check_first_run_is_intact(path);
	fixture_remove(path);
}
END_TEST

/* In a file system of 1 MiB of our own; needs the right to mount, else nothing is tested. */
static void fill_small_disk(const char *dir)
{
	char path[100];

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, "size=1m"))
		_exit(77);
	snprintf(path, sizeof path, "%s/s.db", dir);
	ck_assert_int_eq(fixture_run(path, 1, 5, "complete", &e), 0);
	ck_assert_int_eq(fill(path, 200), -ERR_IO);
	ck_assert_msg(strstr(e.text, "the disk is full") != NULL, "%s", e.text);
	check_first_run_is_intact(path);
	_exit(0);
}

START_TEST(test_full_disk)
{
	char *path = fixture_path();
	int status;

	if (fork() == 0) {
		*strrchr(path, '/') = '\0';
		fill_small_disk(path);
	}
	wait(&status);
	ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77),
		      "status %x", (unsigned)status);
	fixture_remove(path);
}
END_TEST

static sqlite3 *raw(const char *path, const char *sql)
{
	sqlite3 *h;

	ck_assert_int_eq(sqlite3_open(path, &h), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	return h;
}

START_TEST(test_locked)
{
	char *path = fixture_path();
	struct timespec a, b;
	sqlite3 *h;

	ck_assert_int_eq(fixture_run(path, 1, 5, "complete", &e), 0);
	h = raw(path, "BEGIN EXCLUSIVE");
	db_set_busy_ms(300);
	clock_gettime(CLOCK_MONOTONIC, &a);
	ck_assert_int_eq(fixture_run(path, 2, 6, "complete", &e), -ERR_STORE);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ck_assert_msg(strstr(e.text, "locked by another program") != NULL, "%s", e.text);
	ck_assert_double_ge((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9, 0.25);
	sqlite3_close(h);
	err_clear(&e);
	ck_assert_int_eq(fixture_run(path, 2, 6, "complete", &e), 0);
	fixture_remove(path);
}
END_TEST

/* A reader that stays does not keep a run from beginning; the run waits at its commit and then says so. */
START_TEST(test_locked_by_reader)
{
	char *path = fixture_path();
	sqlite3 *h;

	ck_assert_int_eq(fixture_run(path, 1, 5, "complete", &e), 0);
	h = raw(path, "BEGIN; SELECT count(*) FROM runs");
	db_set_busy_ms(100);
	ck_assert_int_eq(fixture_run(path, 2, 6, "complete", &e), -ERR_STORE);
	ck_assert_ptr_nonnull(strstr(e.text, "locked"));
	sqlite3_close(h);
	ck_answer(path, "SELECT count(*) FROM runs", "1");
	fixture_remove(path);
}
END_TEST

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void check_refused(const char *path, enum err_code code, const char *text)
{
	struct sink *s;
	struct db d;

	err_clear(&e);
	ck_assert_int_eq(store_sink_open(&s, path, &e), -(int)code);
	ck_assert_ptr_null(s);
	ck_assert_msg(strstr(e.text, text) != NULL && !strchr(e.text, '\n'), "%s", e.text);
	err_clear(&e);
	ck_assert_int_eq(db_open(&d, path, DB_READ, &e), -(int)code);
	ck_assert_msg(!strchr(e.text, '\n'), "%s", e.text);
}

START_TEST(test_not_a_store)
{
	char *path = fixture_path(), missing[100];

	write_file(path,
		   "This is a text, long enough to be no empty database file; it is not a store at all.\n");
	check_refused(path, ERR_STORE, "not an SQLite database");
	unlink(path);
	sqlite3_close(raw(path, "CREATE TABLE notes(text)"));
	check_refused(path, ERR_STORE, "another program");
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(path);
	ck_assert_int_eq(fixture_run(path, 1, 5, "complete", &e), 0);
	sqlite3_close(raw(path, "PRAGMA user_version = 99"));
	check_refused(path, ERR_STORE, "schema 99, this program knows schema 1; use a newer faultline");
	snprintf(missing, sizeof missing, "%s.d/s.db", path);
	check_refused(missing, ERR_OPEN, "");
	*strrchr(missing, '/') = '\0';
	check_refused("/tmp", ERR_OPEN, "a directory");
	check_refused("", ERR_OPEN, "empty");
	fixture_remove(path);
}
END_TEST

/* As user nobody, because root may write everywhere. */
START_TEST(test_read_only)
{
	char *path = fixture_path(), dir[100];
	int status;

	ck_assert_int_eq(fixture_run(path, 1, 5, "complete", &e), 0);
	chmod(path, 0444);
	snprintf(dir, sizeof dir, "%s", path);
	*strrchr(dir, '/') = '\0';
	chmod(dir, 0555);
	if (fork() == 0) {
		struct sink *s;

		if (getuid() == 0 && setuid(65534))
			_exit(77);
		_exit(store_sink_open(&s, path, &e) == -ERR_OPEN && strstr(e.text, "no permission to write")
			      ? 0
			      : 1);
	}
	wait(&status);
	ck_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
	chmod(dir, 0755);
	fixture_remove(path);
}
END_TEST

/* Cut to a fraction, a store is reported as damaged or read without a crash. */
START_TEST(test_cut)
{
	char *path = fixture_path();
	struct db d;
	sqlite3_stmt *st;

	ck_assert_int_eq(fixture_run(path, 1, 5, "complete", &e), 0);
	ck_assert_int_eq(truncate(path, 5000 * (_i + 1)), 0);
	err_clear(&e);
	if (db_open(&d, path, DB_READ, &e) == 0) {
		if (db_prepare(&d, "SELECT * FROM v_run_summary, params, metrics", &st, &e) == 0)
			while (sqlite3_step(st) == SQLITE_ROW)
				;
		sqlite3_finalize(st);
		db_close(&d);
	} else {
		ck_assert_int_eq(e.code, ERR_STORE);
	}
	fixture_remove(path);
}
END_TEST

/* Views of another version of the program are replaced when writing and shadowed when reading. */
START_TEST(test_old_views)
{
	char *path = fixture_path();

	ck_assert_int_eq(fixture_run(path, 1, 5, "complete", &e), 0);
	sqlite3_close(raw(path,
			  "DROP VIEW v_cpu; DROP VIEW v_cycles; CREATE VIEW v_cpu AS SELECT 'old' AS cycles;"
			  " UPDATE meta SET value = '1'"));
	ck_answer(path, "SELECT cycles FROM v_cpu", "5");
	ck_answer(path, "SELECT cycles FROM main.v_cpu", "old");
	ck_assert_int_eq(fixture_run(path, 2, 6, "complete", &e), 0);
	ck_answer(path, "SELECT group_concat(cycles) FROM main.v_cpu", "5,6");
	fixture_remove(path);
}
END_TEST

/* Killed in the middle of a commit: the journal is rolled back by the next one who reads. */
START_TEST(test_hot_journal)
{
	char *path = fixture_path(), command[300];

	ck_assert_int_eq(fixture_run(path, 1, 5, "complete", &e), 0);
	if (fork() == 0) {
		sqlite3 *h = raw(path, "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN EXCLUSIVE; "
				       "DELETE FROM metric_rows;"
				       " UPDATE runs SET name = hex(zeroblob(200000));");

		(void)h;
		kill(getpid(), SIGKILL);
	}
	wait(NULL);
	snprintf(command, sizeof command, "test -s %s-journal", path);
	ck_assert_int_eq(system(command), 0);
	ck_answer(path, "SELECT name || value FROM runs JOIN metrics USING (run_id)", "run15");
	fixture_remove(path);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("store_fault");

	tcase_add_test(tc, test_file_size_limit);
	tcase_add_test(tc, test_full_disk);
	tcase_add_test(tc, test_locked);
	tcase_add_test(tc, test_locked_by_reader);
	tcase_add_test(tc, test_not_a_store);
	tcase_add_test(tc, test_read_only);
	tcase_add_loop_test(tc, test_cut, 0, 12);
	tcase_add_test(tc, test_old_views);
	tcase_add_test(tc, test_hot_journal);
	return run_case("store_fault", tc);
}
