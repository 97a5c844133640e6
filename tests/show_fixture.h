/*
 * show_fixture.h - a made-up snapshot, written to a store and loaded again, and what a format prints of it.
 */
#ifndef TESTS_SHOW_FIXTURE_H
#define TESTS_SHOW_FIXTURE_H

#include "analysis/show/show.h"
#include "tests/store_fixture.h"

/* A statistic of a snapshot, and a parameter. */
struct show_stat_row {
	const char *name;
	enum stat_scope scope;
	const char *instance;
	int64_t value;
};
struct show_param_row {
	const char *path, *value;
};

/* Of two nodes with two CPUs and one. */
static const struct show_param_row show_fixture_params[] = {
	{"topology.node_cpus", "2 1"},
	{"topology.distances", "10 31 32 10"},
	{"cpu.mhz", "1000"},
	{"numa.policy", "bind"},
	{"numa.nodes", "1"},
	{"vm.swappiness", "37"},
	{"vm.min_free_kbytes", "0"},
	{"vm.lowmem_reserve_ratio", "256 32"},
	{"vm.fault_around_bytes", "1"},
	{"vm.oom_kill_allocating_task", "true"},
	{"thp.enabled", "madvise"},
	{"memory.caches", "true"},
	{"cache.l1d.size", "49152"},
	{"cache.l1d.ways", "12"},
};

struct show_fixture {
	const struct show_row *rows;
	size_t nr_rows;
	const struct show_stat_row *stats;
	size_t nr_stats;
	const struct show_param_row *params;
	size_t nr_params;
	const char *label;        /* of the snapshot, taken at 1.25 s */
	const char *const *kills; /* details of oom_kill events, NULL at the end; each at 1 s */
};

#define SHOW_FIXTURE_MAX_PARAMS 16

static inline void show_fixture_write(struct sink *sink, const struct show_fixture *x, struct err *e)
{
	struct snapshot_info info = {.kind = SNAPSHOT_NAMED, .label = x->label, .time = PS_PER_S * 5 / 4};

	for (size_t i = 0; x->kills && x->kills[i]; i++)
		ck_assert_int_eq(
			sink->ops->event(sink, PS_PER_S, "oom_kill", "process/P7", 77, x->kills[i], e), 0);
	ck_assert_int_eq(sink->ops->snapshot_begin(sink, &info, e), 0);
	for (size_t i = 0; i < x->nr_stats; i++)
		ck_assert_int_eq(fixture_value(sink, x->stats[i].name, x->stats[i].scope,
					       x->stats[i].instance, x->stats[i].value, e),
				 0);
	for (size_t i = 0; i < x->nr_rows; i++)
		ck_assert_int_eq(sink->ops->kernel_counter(sink, x->rows[i].scope, x->rows[i].counter,
							   x->rows[i].value, e),
				 0);
	ck_assert_int_eq(sink->ops->snapshot_end(sink, e), 0);
}

/* The snapshot as `show` sees it; to be released. */
static inline struct show show_fixture_load(const struct show_fixture *x)
{
	struct param_row defs[SHOW_FIXTURE_MAX_PARAMS];
	struct param_value values[SHOW_FIXTURE_MAX_PARAMS];
	char texts[SHOW_FIXTURE_MAX_PARAMS][100], set[] = "--set";
	struct param_set params = {.values = values, .n = x->nr_params};
	struct run_info info = {.name = "r",
				.trace_path = "t",
				.trace_fingerprint = "f",
				.trace_provenance = "{}",
				.config_fingerprint = "c",
				.program_version = "1",
				.mapping = "recorded",
				.schedule = "rescheduled"};
	char *path = fixture_path();
	struct err e = {0};
	struct sink *sink;
	struct show s;
	struct db d;

	ck_assert_uint_le(x->nr_params, SHOW_FIXTURE_MAX_PARAMS);
	for (size_t i = 0; i < x->nr_params; i++) {
		defs[i] =
			(struct param_row){.path = x->params[i].path, .def = "", .unit = "", .sentence = "-"};
		snprintf(texts[i], sizeof texts[i], "%s", x->params[i].value);
		values[i] = (struct param_value){.row = &defs[i], .text = texts[i], .origin = set};
	}
	ck_assert_int_eq(store_sink_open(&sink, path, &e), 0);
	ck_assert_int_eq(sink->ops->begin(sink, &info, &params, &e), 0);
	show_fixture_write(sink, x, &e);
	ck_assert_int_eq(fixture_end(sink, "complete", &e), 0);
	store_sink_close(sink);
	ck_assert_int_eq(db_open(&d, path, DB_READ, &e), 0);
	ck_assert_msg(show_load(&s, &d, &(struct show_where){.label = x->label}, &e) == 0, "%s", e.text);
	db_close(&d);
	fixture_remove(path);
	return s;
}

/* What a format prints, in a buffer that the next call takes again. */
static inline char *show_fixture_print(const struct show *s, void (*f)(const struct show *, unsigned, FILE *),
				       unsigned id)
{
	static char text[40000];
	FILE *out = fmemopen(text, sizeof text, "w");

	ck_assert_ptr_nonnull(out);
	text[0] = '\0'; /* nothing printed leaves it alone */
	f(s, id, out);
	fclose(out);
	return text;
}

/* The text of a file below dir, until the next call. */
static inline const char *tree_file(const char *dir, const char *name)
{
	static char text[5000];
	char path[300];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "no file %s", name);
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

#endif
