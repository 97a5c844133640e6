/*
 * export.c - `faultline trace export --to FORMAT IN OUT`.
 *
 * An input that is cut off is exported up to the cut; the exit status says so (ERR_TRUNCATED). Any other
 * error leaves no output. What the format cannot hold is counted and said on standard error.
 */
#include "traces/inspect/inspect.h"

#include <stdio.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "sim/suggest.h"
#include "traces/exports/exports.h"
#include "traces/inspect/feed.h"

enum export_option { OPT_TO = 1, OPT_LEVEL, OPT_LIST };

struct export_line {
	const char *to;
	struct cmdline_input input;
	int level;
	bool list;
};

static const struct option options[] = {{"to", required_argument, NULL, OPT_TO},
					{"level", required_argument, NULL, OPT_LEVEL},
					{"list", no_argument, NULL, OPT_LIST},
					{0}};

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct export_line *x = ctx;

	switch (val) {
	case OPT_TO:
		x->to = arg;
		return 0;
	case OPT_LIST:
		x->list = true;
		return 0;
	default:
		return cmdline_level(arg, "", &x->level, e);
	}
}

static const char *exporter_name(void *ctx, size_t i)
{
	const struct exporter_ops *ops = exporter_at(i);

	(void)ctx;
	return ops ? ops->name : NULL;
}

static const struct exporter_ops *find(const char *name, struct err *e)
{
	const struct exporter_ops *ops = exporter_find(name);
	char hint[140];

	if (ops)
		return ops;
	suggest_text(hint, sizeof hint, suggest_nearest(name, exporter_name, NULL));
	err_set(e, ERR_USAGE, "--to: no format \"%.60s\"%s; `faultline trace export --list` shows them", name,
		hint);
	return NULL;
}

static int list(struct err *e)
{
	static const char *const names[] = {"format", "what it is"};
	struct table *t = table_new(TABLE_ALIGNED, ARRAY_LEN(names), names);
	const struct exporter_ops *ops;

	for (size_t i = 0; (ops = exporter_at(i)); i++) {
		table_cell(t, ops->name, false);
		table_cell(t, ops->sentence, false);
	}
	return table_finish(t, stdout, e);
}

static int copy_all(struct feed *f, struct export *x, struct err *e)
{
	struct batch b;
	int r;

	while ((r = feed_next(f, &b, e)) > 0) {
		r = export_batch(x, &b, e);
		if (r)
			return r;
	}
	if (!r && feed_is_truncated(f))
		r = err_set(e, ERR_TRUNCATED, "%s: cut off; all before the cut was exported", f->path);
	return r;
}

/* A cut ends the input like its end, but is told at last. */
static int export_feed(struct feed *f, struct export *x, struct err *cut, struct err *e)
{
	int r = copy_all(f, x, e);

	if (r == -(int)ERR_TRUNCATED) {
		*cut = *e;
		err_clear(e);
		r = 0;
	}
	return r ? r : export_finish(x, e);
}

static int export(const struct export_line *line, const char *in, const char *out, struct err *e)
{
	const struct exporter_ops *ops = find(line->to, e);
	char left_out[200] = "";
	struct err cut = {0};
	struct provenance p;
	struct pack *pack;
	struct export x;
	struct feed f;
	int r;

	if (!ops)
		return -(int)e->code;
	r = feed_open(&f, in, line->input.format, line->input.options, "export", e);
	if (r)
		return r;
	feed_provenance(&f, &p);
	r = pack_open(&pack, out, line->level, e);
	if (!r) {
		r = export_open(&x, ops, pack, &p, e);
		if (!r)
			r = export_feed(&f, &x, &cut, e);
		export_left_out(&x, left_out, sizeof left_out);
		export_close(&x);
		if (!r)
			r = pack_close(pack, e);
		else
			pack_abort(pack);
	}
	feed_close(&f);
	if (!r && *left_out)
		fprintf(stderr, "%s: %s has no place for %s\n", out, ops->name, left_out);
	if (!r && cut.code) {
		*e = cut;
		r = -(int)cut.code;
	}
	return r;
}

int trace_export_main(int argc, char **argv)
{
	struct export_line x = {0};
	const struct cmdline line = {
		.verb = "export",
		.usage = "--to FORMAT [--format F] [--options K=V,…] [--level N] IN OUT | --list",
		.help = "Writes a trace of any format in the format of another program. OUT is compressed "
			"when its\n"
			"name ends in .gz, .xz or .zst; OUT - is standard output.\n\n"
			"  --to FORMAT       format of OUT\n"
			"  --list            the formats that can be written\n"
			"  --format F        format of IN; without it, the first bytes tell\n"
			"  --options K=V,…   options of IN's format: faultline trace formats\n"
			"  --level N         compression level, 1 … 19 (at most 9 for .gz and .xz)\n",
		.options = options,
		.input = &x.input,
		.min = 0,
		.max = 2,
		.set = set,
		.ctx = &x,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0 && x.list)
		list(&e);
	else if (r > 0 && (!x.to || argc - first != 2))
		err_set(&e, ERR_USAGE,
			"trace export: expected --to FORMAT, an input and an output file; usage: "
			"faultline trace export %s",
			line.usage);
	else if (r > 0)
		export(&x, argv[first], argv[first + 1], &e);
	mem_free(x.input.options);
	return inspect_status(&e);
}
