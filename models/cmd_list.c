/*
 * cmd_list.c - `faultline list`: parameters, statistics, policies, formats, events, straight from their
 * tables.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "models/hw/replacement.h"
#include "models/kernel/policy.h"
#include "models/kernel/reclaim.h"
#include "models/machine.h"
#include "sim/cli.h"
#include "sim/command.h"
#include "traces/exports/exports.h"
#include "traces/source.h"

static const char help[] =
	"usage: faultline list params|stats|policies|formats|events [--csv | --json]\n"
	"\n"
	"Prints one line for each parameter, statistic, policy, trace format or kind of event.\n";

static const char *kind_name(enum param_kind k)
{
	static const char *const names[] = {"number", "bytes", "bool", "choice", "text", "list"};

	return names[k];
}

static void range_text(const struct param_row *r, char *buf, size_t n)
{
	size_t len = 0;

	buf[0] = '\0';
	if (r->kind == PARAM_ENUM) {
		for (size_t i = 0; r->choice(i) && len < n; i++)
			len += (size_t)snprintf(buf + len, n - len, "%s%s", i ? " " : "", r->choice(i));
	} else if (r->kind != PARAM_BOOL && r->kind != PARAM_STR) {
		if (r->max == UINT64_MAX)
			snprintf(buf, n, "%" PRIu64 "-", r->min);
		else
			snprintf(buf, n, "%" PRIu64 "-%" PRIu64, r->min, r->max);
	}
}

static struct table *list_params(enum table_format f)
{
	static const char *const names[] = {"path", "kind", "default", "range", "unit", "meaning"};
	struct table *t = table_new(f, ARRAY_LEN(names), names);
	struct param_set ps;
	struct machine_config *c;

	param_set_init(&ps);
	c = machine_config_new(&ps);
	for (size_t i = 0; i < ps.n; i++) {
		const struct param_row *r = ps.values[i].row;
		char range[200];

		range_text(r, range, sizeof range);
		table_cell(t, r->path, false);
		table_cell(t, kind_name(r->kind), false);
		table_cell(t, r->def, false);
		table_cell(t, range, false);
		table_cell(t, r->unit, false);
		table_cell(t, r->sentence, false);
	}
	machine_config_free(c);
	param_set_release(&ps);
	return t;
}

static struct table *list_stats(enum table_format f)
{
	static const char *const names[] = {"name", "kind", "unit", "meaning"};
	struct table *t = table_new(f, ARRAY_LEN(names), names);
	const struct stat_table *st;

	for (size_t i = 0; (st = machine_stat_table(i)); i++) {
		for (size_t j = 0; j < st->nr_rows; j++) {
			table_cellf(t, false, "%s.%s", st->prefix, st->rows[j].name);
			table_cell(t, stat_kind_name(st->rows[j].kind), false);
			table_cell(t, st->rows[j].unit, false);
			table_cell(t, st->rows[j].sentence, false);
		}
	}
	return t;
}

static void row3(struct table *t, const char *a, const char *b, const char *c)
{
	table_cell(t, a, false);
	table_cell(t, b, false);
	table_cell(t, c, false);
}

static struct table *list_policies(enum table_format f)
{
	static const char *const names[] = {"kind", "name", "meaning"};
	struct table *t = table_new(f, ARRAY_LEN(names), names);
	const struct replacement_ops *r;
	const struct reclaim_ops *rc;

	for (unsigned i = 0; i < NR_MPOL_MODES; i++)
		if (policy_ops_of((enum mpol_mode)i))
			row3(t, "NUMA policy", policy_ops_of((enum mpol_mode)i)->name,
			     policy_ops_of((enum mpol_mode)i)->sentence);
	for (size_t i = 0; (r = replacement_at(i)); i++)
		row3(t, "replacement", r->name, r->sentence);
	for (size_t i = 0; (rc = reclaim_at(i)); i++)
		row3(t, "reclaim", rc->name, rc->sentence);
	return t;
}

static struct table *list_formats(enum table_format f)
{
	static const char *const names[] = {"kind", "name", "meaning"};
	struct table *t = table_new(f, ARRAY_LEN(names), names);
	const struct importer_ops *im;
	const struct exporter_ops *ex;

	row3(t, "trace", "flt", "the native format (traces/FORMAT.md)");
	for (size_t i = 0; (im = importer_at(i)); i++)
		row3(t, "trace", im->name, im->sentence);
	for (size_t i = 0; (ex = exporter_at(i)); i++)
		row3(t, "export", ex->name, ex->sentence);
	for (size_t i = 0; (im = generator_at(i)); i++)
		row3(t, "generator", im->name, im->sentence);
	return t;
}

static struct table *list_events(enum table_format f)
{
	static const char *const names[] = {"name", "meaning"};
	struct table *t = table_new(f, ARRAY_LEN(names), names);

	for (size_t i = 0; kernel_event_name(i); i++) {
		table_cell(t, kernel_event_name(i), false);
		table_cell(t, kernel_event_sentence(i), false);
	}
	return t;
}

static const struct {
	const char *name;
	struct table *(*list)(enum table_format f);
} kinds[] = {
	{"params", list_params},   {"stats", list_stats},   {"policies", list_policies},
	{"formats", list_formats}, {"events", list_events},
};

static int print_kind(const char *name, enum table_format f, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return table_finish(kinds[i].list(f), stdout, e);
	return err_set(e, ERR_USAGE,
		       "cannot list \"%.60s\": expected params, stats, policies, formats or events", name);
}

int cmd_list(int argc, char **argv)
{
	static const struct option longs[] = {{"csv", no_argument, NULL, 'c'},
					      {"json", no_argument, NULL, 'j'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	enum table_format f = TABLE_ALIGNED;
	struct err e = {0};
	int c, rc;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (c == '?') {
			err_set(&e, ERR_USAGE, "unknown option \"%.60s\"; see `faultline list --help`",
				argv[optind - 1]);
			return cli_fail(&e);
		}
		f = c == 'c' ? TABLE_CSV : TABLE_JSON;
	}
	if (optind + 1 != argc) {
		err_set(&e, ERR_USAGE, "what to list? expected params, stats, policies, formats or events");
		return cli_fail(&e);
	}
	rc = print_kind(argv[optind], f, &e);
	return rc < 0 ? cli_fail(&e) : 0;
}
