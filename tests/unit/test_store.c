/*
 * test_store.c - the SQLite sink: what goes in comes out, through the tables and through the views.
 */
#include "analysis/store.h"

#include <sys/wait.h>

#include "tests/store_fixture.h"
#include "tests/suite.h"

static struct err e;

static void ok(int rc)
{
	ck_assert_msg(rc == 0, "%s", e.text);
}

static void value(struct sink *s, const char *name, enum stat_scope scope, const char *instance, int64_t v)
{
	ok(fixture_value(s, name, scope, instance, v, &e));
}

/* As the machine names them: by zone; a node may have several. */
static void write_numa(struct sink *s)
{
	value(s, "numastat.numa_hit", STAT_SCOPE_ZONE, "1/Normal", 50);
	value(s, "numastat.numa_hit", STAT_SCOPE_ZONE, "1/Movable", 11);
	value(s, "numastat.numa_miss", STAT_SCOPE_ZONE, "1/Normal", 62);
	value(s, "numastat.numa_foreign", STAT_SCOPE_ZONE, "1/Normal", 63);
	value(s, "numastat.interleave_hit", STAT_SCOPE_ZONE, "1/Normal", 64);
	value(s, "numastat.local_node", STAT_SCOPE_ZONE, "1/Normal", 30);
	value(s, "numastat.other_node", STAT_SCOPE_ZONE, "1/Normal", 10);
	value(s, "numastat.numa_hit", STAT_SCOPE_ZONE, "0/DMA32", 0);
}

static void write_processes(struct sink *s)
{
	value(s, "process.min_flt", STAT_SCOPE_PROCESS, "P2", 81);
	value(s, "process.maj_flt", STAT_SCOPE_PROCESS, "P2", 82);
	value(s, "process.rss_pages", STAT_SCOPE_PROCESS, "P2", 83);
	value(s, "process.swap_pages", STAT_SCOPE_PROCESS, "P2", 84);
	value(s, "process.min_flt", STAT_SCOPE_PROCESS, "P10", 85);
}

/* The numbers of two CPUs, the machine, a node and two processes; all differ. */
static void write_final(struct sink *s)
{
	static const struct {
		const char *name;
		int64_t cpu0, cpu1;
	} cpu[] = {{"cpu.cycles", 1000, 2000},
		   {"cycles.user_insn", 600, 900},
		   {"cycles.walk", 300, 500},
		   {"cycles.idle", 100, 350},
		   {"cycles.iowait", 0, 250},
		   {"cpu.accesses", 400, 440},
		   {"cpu.loads", 301, 302},
		   {"cpu.stores", 90, 91},
		   {"cpu.fetches", 9, 47},
		   {"cpu.instructions", 700, 707},
		   {"cpu.local_accesses", 380, 370},
		   {"cpu.remote_accesses", 20, 70},
		   {"tlb.l1d_hits", 390, 408},
		   {"tlb.l1d_misses", 10, 32},
		   {"tlb.l1i_hits", 8, 45},
		   {"tlb.l1i_misses", 1, 2},
		   {"tlb.l2_hits", 5, 15},
		   {"tlb.l2_misses", 6, 19},
		   {"mmu.walks", 4, 16},
		   {"mmu.walk_steps", 13, 61},
		   {"mmu.walk_cycles", 200, 220}};
	static const struct {
		const char *name;
		int64_t v;
	} machine[] = {{"vmstat.pgfault", 1100},
		       {"vmstat.pgmajfault", 104},
		       {"vmstat.pgscan_anon", 51},
		       {"vmstat.pgscan_file", 49},
		       {"vmstat.pgsteal_anon", 33},
		       {"vmstat.pgsteal_file", 17},
		       {"vmstat.pgscan_kswapd", 75},
		       {"vmstat.pgscan_direct", 25},
		       {"vmstat.pgsteal_kswapd", 38},
		       {"vmstat.pgsteal_direct", 12},
		       {"vmstat.pswpin", 21},
		       {"vmstat.pswpout", 22},
		       {"vmstat.oom_kill", 3},
		       {"vmstat.allocstall_normal", 14},
		       {"vmstat.allocstall_movable", 15},
		       {"vmstat.workingset_refault_anon", 18},
		       {"vmstat.workingset_refault_file", 19}};

	for (size_t i = 0; i < ARRAY_LEN(cpu); i++) {
		value(s, cpu[i].name, STAT_SCOPE_CPU, "0", cpu[i].cpu0);
		value(s, cpu[i].name, STAT_SCOPE_CPU, "1", cpu[i].cpu1);
	}
	for (size_t i = 0; i < ARRAY_LEN(machine); i++)
		value(s, machine[i].name, STAT_SCOPE_MACHINE, "", machine[i].v);
	value(s, "vmstat.pgfault", STAT_SCOPE_NODE, "0", 77777); /* must not be added to the machine's */
	write_numa(s);
	write_processes(s);
}

/* 90 times 3, 9 times 100, once 5000: p50 and p90 are 3 exactly, p99 lies in 100's bucket. */
static void write_histogram(struct sink *s)
{
	struct stat_row row = {
		.name = "walk_latency", .kind = STAT_HISTOGRAM, .unit = "cycles", .sentence = "walks"};
	struct hist h = {0};

	for (int i = 0; i < 100; i++)
		hist_add(&h, i < 90 ? 3 : i < 99 ? 100 : 5000);
	ok(s->ops->hist(s, "mmu.walk_latency", &row, STAT_SCOPE_CPU, "1", &h, &e));
}

static void write_run(const char *path)
{
	struct sink *s;

	ok(fixture_begin(&s, path, 1, &e));
	ck_assert_int_eq(store_sink_run_id(s), 1);
	ok(s->ops->event(s, 5, "oom_kill", "machine", 12, "{\"process\": \"P3\"}", &e));
	ok(fixture_snapshot(s, SNAPSHOT_INTERVAL, "interval", 0, &e));
	value(s, "cpu.cycles", STAT_SCOPE_CPU, "0", 250);
	ok(s->ops->snapshot_end(s, &e));
	ok(fixture_snapshot(s, SNAPSHOT_INTERVAL, "interval", 1, &e));
	value(s, "cpu.cycles", STAT_SCOPE_CPU, "0", 600);
	ok(s->ops->snapshot_end(s, &e));
	ok(fixture_snapshot(s, SNAPSHOT_FINAL, "final", 2, &e));
	write_final(s);
	write_histogram(s);
	ok(s->ops->kernel_counter(s, "zone/0/DMA32", "nr_free_pages", 4711, &e));
	ok(s->ops->kernel_counter(s, "vmstat", "nr_free_pages", -4712, &e));
	ok(s->ops->snapshot_end(s, &e));
	ok(s->ops->event(s, 6, "watermark_low", "node/0", -13, NULL, &e));
	ok(fixture_end(s, "complete", &e));
	store_sink_close(s);
}

START_TEST(test_run_row)
{
	char *path = fixture_path();

	write_run(path);
	ck_answer(
		path,
		"SELECT run_id || name || status || trace_path || trace_fingerprint || config_fingerprint ||"
		" program_version || seed || typeof(seed) || mapping || schedule || time_ps || accesses ||"
		" wall_seconds || peak_rss_kb FROM runs",
		"1run1completedir/t.fltbeefc0de1.2.37integeron-demandrescheduled200000000000040000000.54321");
	ck_answer(path, "SELECT message FROM runs WHERE started <= finished", "null");
	ck_answer(
		path,
		"SELECT value || origin || unit || default_value || kind FROM params WHERE path = 'toy.size'",
		"11--setpages10u64");
	ck_answer(path, "SELECT value || origin || kind FROM params WHERE path = 'toy.policy'",
		  "lrudefaultenum");
	ck_answer(path, "SELECT kind || unit || sentence FROM stats WHERE name = 'mmu.walk_latency'",
		  "histogramcycleswalks");
	ck_answer(
		path,
		"SELECT group_concat(seq || kind || label || time_ps || '/' || accesses, ' ') FROM snapshots",
		"0intervalinterval1000/100 1intervalinterval2000/200 2finalfinal3000/300");
	ck_answer(path, "PRAGMA foreign_key_check", "none");
	ck_answer(path, "PRAGMA integrity_check", "ok");
	fixture_remove(path);
}
END_TEST

START_TEST(test_rows)
{
	char *path = fixture_path();

	write_run(path);
	ck_answer(path, "SELECT count(*) FROM metrics", "75");
	ck_answer(path,
		  "SELECT value FROM metrics WHERE stat = 'cpu.stores' AND scope = 'cpu' AND instance = '1'",
		  "91");
	ck_answer(path, "SELECT label || seq || value FROM kernel_counters WHERE scope = 'zone/0/DMA32'",
		  "final24711");
	ck_answer(path, "SELECT counter || value FROM kernel_counters WHERE scope = 'vmstat'",
		  "nr_free_pages-4712");
	ck_answer(path,
		  "SELECT group_concat(seq || time_ps || kind || scope || value || ifnull(detail, '-'), ' ') "
		  "FROM events",
		  "05oom_killmachine12{\"process\": \"P3\"} 16watermark_lownode/0-13-");
	ck_answer(path, "SELECT count || '/' || sum || '/' || min || '/' || max FROM histograms",
		  "100/6170/3/5000");
	ck_answer(path, "SELECT group_concat(low || '-' || high || ':' || count, ' ') FROM histogram_buckets",
		  "3-3:90 96-103:9 4608-5119:1");
	fixture_remove(path);
}
END_TEST

/* By hand from the numbers in write_final. */
START_TEST(test_summary_view)
{
	static const struct {
		const char *column, *expected;
	} rows[] = {{"name", "run1"},
		    {"status", "complete"},
		    {"program", "sort"},
		    {"accesses", "4000000"},
		    {"sim_seconds", "2.0"},
		    {"round(instructions_per_cycle, 6)", "0.611739"}, /* 1407 / (3000 - 700) */
		    {"round(cycles_per_access, 6)", "3.571429"},      /* 3000 / 840 */
		    {"minor_faults", "996"},
		    {"major_faults", "104"},
		    {"pages_scanned", "100"},
		    {"pages_stolen", "50"},
		    {"swap_in", "21"},
		    {"swap_out", "22"},
		    {"l1d_tlb_miss_ratio", "0.05"},               /* 42 / 840 */
		    {"round(l1i_tlb_miss_ratio, 6)", "0.053571"}, /* 3 / 56 */
		    {"round(l2_tlb_miss_ratio, 6)", "0.555556"},  /* 25 / 45 */
		    {"walk_cycles_per_access", "0.5"},            /* 420 / 840 */
		    {"round(local_ratio, 6)", "0.892857"},        /* 750 / 840 */
		    {"oom_kills", "3"},
		    {"wall_seconds", "0.5"},
		    {"maccesses_per_second", "8.0"},
		    {"peak_rss_kb", "4321"}};
	char *path = fixture_path(), sql[120];

	write_run(path);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(sql, sizeof sql, "SELECT %s FROM v_run_summary", rows[i].column);
		ck_assert_msg(!strcmp(fixture_ask(path, sql), rows[i].expected), "%s is %s, not %s",
			      rows[i].column, fixture_ask(path, sql), rows[i].expected);
	}
	fixture_remove(path);
}
END_TEST

START_TEST(test_cpu_views)
{
	char *path = fixture_path();

	write_run(path);
	ck_answer(path, "SELECT group_concat(cpu || cause || '=' || cycles, ' ') FROM v_cycles",
		  "0user_insn=600 0walk=300 0idle=100 0iowait=0 1user_insn=900 1walk=500 1idle=350 "
		  "1iowait=250");
	ck_answer(path,
		  "SELECT count(*) FROM v_cpu c WHERE cycles = (SELECT sum(cycles) FROM v_cycles x"
		  " WHERE x.run_id = c.run_id AND x.cpu = c.cpu)",
		  "2");
	ck_answer(path,
		  "SELECT cycles || ' ' || idle_cycles || ' ' || iowait_cycles || ' ' || instructions || ' ' "
		  "|| accesses || ' ' || "
		  "loads || ' ' ||"
		  " stores || ' ' || fetches || ' ' || local_accesses || ' ' || remote_accesses FROM v_cpu "
		  "WHERE cpu = 1",
		  "2000 350 250 707 440 302 91 47 370 70");
	ck_answer(path, "SELECT instructions_per_cycle FROM v_cpu WHERE cpu = 1", "0.505"); /* 707 / 1400 */
	ck_answer(path,
		  "SELECT l1d_hits || ' ' || l1d_misses || ' ' || l1i_hits || ' ' || l1i_misses || ' ' || "
		  "l2_hits || ' ' ||"
		  " l2_misses || ' ' || l1d_miss_ratio FROM v_tlb WHERE cpu = 0",
		  "390 10 8 1 5 6 0.025");
	ck_answer(path,
		  "SELECT walks || ' ' || steps || ' ' || walk_cycles || ' ' || steps_per_walk || ' ' || "
		  "cycles_per_walk ||"
		  " ' ' || walk_cycles_per_access || ' ' || share_of_cycles FROM v_walks WHERE cpu = 0",
		  "4 13 200 3.25 50.0 0.5 0.2");
	fixture_remove(path);
}
END_TEST

START_TEST(test_kernel_views)
{
	char *path = fixture_path();

	write_run(path);
	ck_answer(path,
		  "SELECT node || ' ' || numa_hit || ' ' || numa_miss || ' ' || numa_foreign || ' ' || "
		  "interleave_hit || ' '"
		  " || local_node || ' ' || other_node || ' ' || local_ratio FROM v_numa WHERE node = 1",
		  "1 61 62 63 64 30 10 0.75");
	ck_answer(path, "SELECT local_ratio FROM v_numa WHERE node = 0", "null");
	ck_answer(path,
		  "SELECT scan_kswapd || ' ' || scan_direct || ' ' || scan_anon || ' ' || scan_file || ' ' "
		  "|| steal_kswapd ||"
		  " ' ' || steal_direct || ' ' || steal_anon || ' ' || steal_file || ' ' || refault_anon || "
		  "' ' ||"
		  " refault_file || ' ' || swap_in || ' ' || swap_out || ' ' || allocstalls || ' ' || "
		  "oom_kills || ' ' ||"
		  " efficiency || ' ' || direct_share FROM v_reclaim",
		  "75 25 51 49 38 12 33 17 18 19 21 22 29 3 0.5 0.25");
	ck_answer(path, "SELECT faults || ' ' || minor_faults || ' ' || major_faults FROM v_faults",
		  "1100 996 104");
	ck_answer(path,
		  "SELECT group_concat(process || ':' || min_flt || ',' || maj_flt || ',' || rss_pages || "
		  "',' || swap_pages,"
		  " ' ') FROM v_processes",
		  "P2:81,82,83,84 P10:85,0,0,0");
	fixture_remove(path);
}
END_TEST

START_TEST(test_time_views)
{
	char *path = fixture_path();

	write_run(path);
	ck_answer(path,
		  "SELECT stat || scope || instance || count || ' ' || mean || ' ' || min || ' ' || p50 || ' "
		  "' || p90 || ' '"
		  " || p99 || ' ' || max || unit FROM v_latency",
		  "mmu.walk_latencycpu1100 61.7 3 3 3 103 5000cycles");
	ck_answer(path,
		  "SELECT group_concat(seq || ':' || value || '+' || change, ' ') FROM v_samples"
		  " WHERE stat = 'cpu.cycles' AND instance = '0'",
		  "0:250+250 1:600+350 2:1000+400");
	ck_answer(path, "SELECT group_concat(seconds || kind, ' ') FROM v_events",
		  "5.0e-12oom_kill 6.0e-12watermark_low");
	ck_answer(path, "SELECT value FROM v_totals WHERE stat = 'cpu.accesses'", "840");
	ck_answer(path, "SELECT sentence FROM v_stats WHERE name = 'cpu.loads'", "cpu.loads");
	fixture_remove(path);
}
END_TEST

/* Without any statistic, every view still works and the summary still has the run. */
START_TEST(test_empty_run)
{
	char *path = fixture_path();
	struct sink *s;

	ok(fixture_begin(&s, path, 4, &e));
	ok(fixture_end(s, "failed", &e));
	store_sink_close(s);
	ck_answer(path,
		  "SELECT status || minor_faults || oom_kills || ifnull(local_ratio, '-') FROM v_run_summary",
		  "failed00-");
	ck_answer(path, "SELECT count(*) FROM v_reclaim", "0");
	ck_answer(path, "SELECT count(*) FROM v_latency", "0");
	fixture_remove(path);
}
END_TEST

START_TEST(test_params_diff)
{
	char *path = fixture_path();

	for (unsigned k = 0; k < 3; k++)
		ok(fixture_run(path, k, 5, "complete", &e));
	ck_answer(path, "SELECT group_concat(run_id || name || path || value, ' ') FROM v_params_diff",
		  "1run0toy.size10 2run1toy.size11 3run2toy.size12");
	fixture_remove(path);
}
END_TEST

START_TEST(test_compare)
{
	char *path = fixture_path();

	ok(fixture_run(path, 1, 5, "complete", &e));
	ok(fixture_run(path, 2, 5, "complete", &e));
	ok(fixture_run(path, 3, 8, "complete", &e));
	ck_answer(path,
		  "SELECT group_concat(run_id || name || scope || stat || ' ' || first || ' ' || value || ' "
		  "' || change ||"
		  " ' ' || ratio) FROM v_compare",
		  "3run3cpucpu.cycles 5 8 3 1.6");
	fixture_remove(path);
}
END_TEST

START_TEST(test_large_numbers)
{
	char *path = fixture_path();
	struct run_info info = {.name = "big", .seed = UINT64_MAX, .trace_provenance = "no JSON"};
	struct stat_row row = {.name = "h", .kind = STAT_HISTOGRAM, .unit = "", .sentence = ""};
	struct hist h = {0};
	struct sink *s;

	hist_add(&h, UINT64_MAX);
	hist_add(&h, UINT64_C(1) << 63);
	ok(store_sink_open(&s, path, &e));
	ok(s->ops->begin(s, &info, NULL, &e));
	ok(fixture_snapshot(s, SNAPSHOT_FINAL, "final", 0, &e));
	value(s, "a.b", STAT_SCOPE_MACHINE, "", INT64_MIN);
	value(s, "a.b", STAT_SCOPE_LINK, "0-1", INT64_MAX);
	ok(s->ops->hist(s, "a.h", &row, STAT_SCOPE_MACHINE, "", &h, &e));
	ok(s->ops->snapshot_end(s, &e));
	store_sink_close(s);
	ck_answer(path, "SELECT seed FROM runs", "18446744073709551615");
	ck_answer(path, "SELECT program FROM v_run_summary", "null");
	ck_answer(path, "SELECT group_concat(value, ' ') FROM metrics ORDER BY value",
		  "-9223372036854775808 9223372036854775807");
	ck_answer(path, "SELECT sum(count) FROM histogram_buckets", "2");
	ck_answer(path, "SELECT max FROM v_latency", "9223372036854775807");
	fixture_remove(path);
}
END_TEST

/* A program that ends in the middle leaves its committed snapshots and an incomplete run. */
START_TEST(test_killed)
{
	char *path = fixture_path();
	struct sink *s;
	pid_t pid;

	ok(fixture_run(path, 1, 5, "complete", &e));
	pid = fork();
	if (pid == 0) {
		ok(fixture_begin(&s, path, 2, &e));
		ok(fixture_snapshot(s, SNAPSHOT_INTERVAL, "interval", 0, &e));
		value(s, "cpu.cycles", STAT_SCOPE_CPU, "0", 6);
		ok(s->ops->snapshot_end(s, &e));
		ok(fixture_snapshot(s, SNAPSHOT_FINAL, "final", 1, &e));
		value(s, "cpu.cycles", STAT_SCOPE_CPU, "0", 7);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	ck_answer(path,
		  "SELECT group_concat(name || status || ifnull(finished, '-'), ' ') FROM runs WHERE run_id "
		  "= 2",
		  "run2incomplete-");
	ck_answer(path, "SELECT status FROM v_run_summary WHERE run_id = 1", "complete");
	ck_answer(path, "SELECT group_concat(value) FROM metrics WHERE run_id = 2", "6");
	fixture_remove(path);
}
END_TEST

/*
 * Interval snapshots in quick succession share a transaction, do not lock the store meanwhile, and come with
 * the next snapshot of another kind, whole and in order. A program that is killed loses the last ones alone.
 */
START_TEST(test_intervals_share_a_commit)
{
	char *path = fixture_path();
	struct sink *s, *other;
	pid_t pid = fork();

	if (pid == 0) {
		ok(fixture_begin(&s, path, 1, &e));
		for (unsigned i = 0; i < 40; i++) {
			ok(fixture_snapshot(s, SNAPSHOT_INTERVAL, "interval", i, &e));
			value(s, "cpu.cycles", STAT_SCOPE_CPU, "0", (int)i);
			write_histogram(s);
			ok(s->ops->kernel_counter(s, "vmstat", "pgfault", i + 7, &e));
			ok(s->ops->snapshot_end(s, &e));
		}
		ok(fixture_begin(&other, path, 2, &e)); /* no lock is held */
		store_sink_close(other);
		ck_answer(path, "SELECT count(*) < 40 FROM snapshots", "1");
		ok(fixture_snapshot(s, SNAPSHOT_NAMED, "here", 40, &e));
		value(s, "cpu.cycles", STAT_SCOPE_CPU, "0", 40);
		ok(s->ops->snapshot_end(s, &e));
		ok(fixture_snapshot(s, SNAPSHOT_INTERVAL, "interval", 41, &e));
		value(s, "cpu.cycles", STAT_SCOPE_CPU, "0", 41);
		ok(s->ops->snapshot_end(s, &e));
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	ck_answer(path, "SELECT count(*) || ' ' || max(seq) FROM snapshots WHERE run_id = 1 AND seq <= 40",
		  "41 40");
	ck_answer(path,
		  "SELECT count(*) FROM metrics WHERE stat = 'cpu.cycles' AND value = seq AND seq <= 40",
		  "41");
	ck_answer(path, "SELECT count(*) FROM histograms WHERE count = 100 AND max = 5000", "40");
	ck_answer(path, "SELECT count(*) FROM kernel_counters WHERE value = seq + 7", "40");
	ck_answer(path, "PRAGMA foreign_key_check", "none");
	fixture_remove(path);
}
END_TEST

/* Two programs at once, 30 snapshots each, with names that only one of them has. */
START_TEST(test_two_writers)
{
	char *path = fixture_path(), name[40];
	int status, bad = 0;

	for (unsigned k = 0; k < 2; k++)
		if (fork() == 0) {
			struct sink *s;

			ok(fixture_begin(&s, path, k, &e));
			for (unsigned i = 0; i < 30; i++) {
				ok(fixture_snapshot(s, SNAPSHOT_INTERVAL, "interval", i, &e));
				snprintf(name, sizeof name, "w%u.s%u", (i / 2 + k) % 2, i);
				value(s, name, STAT_SCOPE_MACHINE, "", (int)(100 * k + i));
				value(s, "w.both", STAT_SCOPE_MACHINE, "", (int)k);
				ok(s->ops->snapshot_end(s, &e));
			}
			ok(fixture_end(s, "complete", &e));
			store_sink_close(s);
			_exit(0);
		}
	for (unsigned k = 0; k < 2; k++) {
		wait(&status);
		bad += status != 0;
	}
	ck_assert_int_eq(bad, 0);
	ck_answer(path,
		  "SELECT count(*) || '/' || count(DISTINCT run_id) || '/' || sum(value) FROM metrics WHERE "
		  "stat <> 'w.both'",
		  "60/2/3870"); /* 2 * (0 + ... + 29) + 30 * 100 */
	ck_answer(path,
		  "SELECT count(*) FROM metrics m JOIN runs r USING (run_id)"
		  " WHERE stat = 'w.both' AND r.name = 'run' || value",
		  "60");
	ck_answer(path, "SELECT group_concat(status) FROM runs", "complete,complete");
	fixture_remove(path);
}
END_TEST

START_TEST(test_same_value_twice)
{
	char *path = fixture_path();
	struct sink *s;

	ok(fixture_begin(&s, path, 1, &e));
	ok(fixture_snapshot(s, SNAPSHOT_FINAL, "final", 0, &e));
	value(s, "tlb.x", STAT_SCOPE_CPU, "3", 1);
	value(s, "tlb.x", STAT_SCOPE_CPU, "3", 2);
	ck_assert_int_eq(s->ops->snapshot_end(s, &e), -ERR_STORE);
	ck_assert_ptr_nonnull(strstr(e.text, "two values of tlb.x for one cpu (3)"));
	/* The sink still works: the ids of the lost transaction are not used again. */
	err_clear(&e);
	ok(fixture_snapshot(s, SNAPSHOT_FINAL, "final", 1, &e));
	value(s, "tlb.x", STAT_SCOPE_CPU, "3", 3);
	ok(s->ops->snapshot_end(s, &e));
	ok(fixture_end(s, "failed", &e));
	store_sink_close(s);
	ck_answer(path, "SELECT group_concat(value) FROM metrics", "3");
	fixture_remove(path);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("store");

	tcase_add_test(tc, test_run_row);
	tcase_add_test(tc, test_rows);
	tcase_add_test(tc, test_summary_view);
	tcase_add_test(tc, test_cpu_views);
	tcase_add_test(tc, test_kernel_views);
	tcase_add_test(tc, test_time_views);
	tcase_add_test(tc, test_empty_run);
	tcase_add_test(tc, test_params_diff);
	tcase_add_test(tc, test_compare);
	tcase_add_test(tc, test_large_numbers);
	tcase_add_test(tc, test_killed);
	tcase_add_test(tc, test_intervals_share_a_commit);
	tcase_add_test(tc, test_two_writers);
	tcase_add_test(tc, test_same_value_twice);
	return run_case("store", tc);
}
