/*
 * gen.c - `faultline trace gen PATTERN OUT.flt`: a synthetic trace.
 */
#include "traces/inspect/inspect.h"

#include <stdio.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "sim/suggest.h"
#include "traces/generators/generator.h"
#include "traces/import.h"

enum gen_option { OPT_OPTION = 1, OPT_LIST, OPT_LEVEL, OPT_ACCESSES };

struct gen {
	char *options;
	bool list;
	int level;
};

static const struct option options[] = {{"option", required_argument, NULL, OPT_OPTION},
					{"options", required_argument, NULL, OPT_OPTION},
					{"list", no_argument, NULL, OPT_LIST},
					{"level", required_argument, NULL, OPT_LEVEL},
					{"accesses", required_argument, NULL, OPT_ACCESSES},
					{0}};

/* The option count of all patterns, in powers of 1000. */
static int set_accesses(struct gen *g, const char *arg, struct err *e)
{
	char count[40];
	uint64_t n;
	int r = cmdline_number("--accesses", arg, &n, e);

	if (r)
		return r;
	snprintf(count, sizeof count, "count=%" PRIu64, n);
	cmdline_join(&g->options, count);
	return 0;
}

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct gen *g = ctx;

	switch (val) {
	case OPT_ACCESSES:
		return set_accesses(g, arg, e);
	case OPT_LIST:
		g->list = true;
		return 0;
	case OPT_OPTION:
		cmdline_join(&g->options, arg);
		return 0;
	default:
		return cmdline_level(arg, "", &g->level, e);
	}
}

static const char *generator_name(void *ctx, size_t i)
{
	const struct importer_ops *ops = generator_at(i);

	(void)ctx;
	return ops ? ops->name : NULL;
}

static int list(struct err *e)
{
	static const char *const names[] = {"pattern", "what it does"};
	struct table *t = table_new(TABLE_ALIGNED, ARRAY_LEN(names), names);
	const struct importer_ops *ops;

	for (size_t i = 0; (ops = generator_at(i)); i++) {
		table_cell(t, ops->name, false);
		table_cell(t, ops->sentence, false);
	}
	return table_finish(t, stdout, e);
}

/* The pattern of this name; NULL with a message that suggests one. */
static const struct importer_ops *find(const char *pattern, struct err *e)
{
	const struct importer_ops *ops = generator_find(pattern);
	char hint[140];

	if (ops)
		return ops;
	suggest_text(hint, sizeof hint, suggest_nearest(pattern, generator_name, NULL));
	err_set(e, ERR_USAGE, "no pattern \"%.60s\"%s; `faultline trace gen --list` shows them", pattern,
		hint);
	return NULL;
}

static void option_rows(struct table *t, const struct generator_option *o)
{
	for (; o && o->key; o++) {
		table_cell(t, o->key, false);
		table_cellf(t, true, "%.15g", o->def);
		table_cell(t, o->unit, false);
		table_cell(t, o->sentence, false);
	}
}

static int list_options(const char *pattern, struct err *e)
{
	static const char *const names[] = {"option", "default", "unit", "what it does"};
	const struct importer_ops *ops = find(pattern, e);
	struct table *t;

	if (!ops)
		return -(int)e->code;
	t = table_new(TABLE_ALIGNED, ARRAY_LEN(names), names);
	option_rows(t, ((const struct generator_pattern *)ops->form)->options);
	option_rows(t, generator_common_options());
	return table_finish(t, stdout, e);
}

static int gen(const struct gen *g, const char *pattern, const char *path, struct err *e)
{
	const struct importer_ops *ops = find(pattern, e);
	struct importer *im;
	struct provenance p = {0};
	struct output o;
	int r;

	if (!ops)
		return -(int)e->code;
	r = importer_open(&im, ops, "", g->options ? g->options : "", e);
	if (r)
		return r;
	im->ops->provenance(im, &p);
	r = output_open(&o, path, &p, g->level, e);
	if (!r)
		r = output_end(&o, import_run(im, o.writer, "gen", e), e);
	im->ops->close(im);
	return r;
}

int trace_gen_main(int argc, char **argv)
{
	struct gen g = {0};
	const struct cmdline line = {
		.verb = "gen",
		.usage = "PATTERN OUT.flt [--accesses N] [--option K=V]… | --list [PATTERN]",
		.help = "Writes a synthetic trace.\n\n"
			"  --list        the patterns, or the options of one\n"
			"  --option K=V  an option of the pattern; may be repeated; K, M, G are powers of "
			"1024\n"
			"  --accesses N  how many, as --option count=N, but k, M, G are powers of 1000\n"
			"  --level N     compression level of zstd, 1 … 19\n",
		.options = options,
		.min = 0,
		.max = 2,
		.set = set,
		.ctx = &g,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0 && g.list && first < argc)
		list_options(argv[first], &e);
	else if (r > 0 && g.list)
		list(&e);
	else if (r > 0 && argc - first != 2)
		err_set(&e, ERR_USAGE,
			"trace gen: expected a pattern and an output file; usage: faultline trace gen %s",
			line.usage);
	else if (r > 0)
		gen(&g, argv[first], argv[first + 1], &e);
	mem_free(g.options);
	return inspect_status(&e);
}
