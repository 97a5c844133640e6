/*
 * convert.c - `faultline trace convert IN OUT.flt`.
 *
 * An input that is cut off is converted up to the cut; the exit status says so (ERR_TRUNCATED). Any other
 * error leaves no output.
 */
#include "traces/inspect/inspect.h"

#include <string.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "traces/inspect/feed.h"

enum convert_option { OPT_COLUMNS = 1, OPT_LEVEL, OPT_PROVENANCE };

struct convert {
	struct cmdline_input input;
	int level;
	struct provenance overlay;
};

static const struct option options[] = {{"option", required_argument, NULL, CMDLINE_OPTIONS},
					{"columns", required_argument, NULL, OPT_COLUMNS},
					{"level", required_argument, NULL, OPT_LEVEL},
					{"provenance", required_argument, NULL, OPT_PROVENANCE},
					{0}};

/* "program=sort": one of the strings of struct provenance. */
static int set_provenance(struct provenance *p, const char *arg, struct err *e)
{
	const struct {
		const char *name, **field;
	} fields[] = {
		{"program", &p->program},         {"arguments", &p->arguments}, {"recorder", &p->recorder},
		{"recorded_at", &p->recorded_at}, {"host", &p->host},           {"notes", &p->notes},
	};
	const char *eq = strchr(arg, '=');

	for (size_t i = 0; eq && i < ARRAY_LEN(fields); i++)
		if (strlen(fields[i].name) == (size_t)(eq - arg) &&
		    !strncmp(fields[i].name, arg, (size_t)(eq - arg))) {
			*fields[i].field = eq + 1;
			return 0;
		}
	return err_set(
		e, ERR_USAGE,
		"--provenance: expected KEY=TEXT with program, arguments, recorder, recorded_at, host or "
		"notes, found \"%.60s\"",
		arg);
}

/* As --option columns=LIST. */
static void add_columns(struct convert *c, const char *list)
{
	static const char key[] = "columns=";
	size_t n = strlen(list);
	char *option = mem_alloc_late(sizeof key + n, 1);

	memcpy(option, key, sizeof key - 1);
	memcpy(option + sizeof key - 1, list, n);
	cmdline_join(&c->input.options, option);
	mem_free(option);
}

static int set(void *ctx, int val, const char *arg, struct err *e)
{
	struct convert *c = ctx;

	switch (val) {
	case OPT_COLUMNS:
		add_columns(c, arg);
		return 0;
	case OPT_LEVEL:
		if (!strcmp(arg, "fast")) {
			c->level = TRACE_LEVEL_FAST;
			return 0;
		}
		return cmdline_level(arg, " or fast", &c->level, e);
	default:
		return set_provenance(&c->overlay, arg, e);
	}
}

static void overlay(struct provenance *p, const struct provenance *o)
{
	p->program = o->program ? o->program : p->program;
	p->arguments = o->arguments ? o->arguments : p->arguments;
	p->recorder = o->recorder ? o->recorder : p->recorder;
	p->recorded_at = o->recorded_at ? o->recorded_at : p->recorded_at;
	p->host = o->host ? o->host : p->host;
	p->notes = o->notes ? o->notes : p->notes;
}

static int copy_all(struct feed *f, struct trace_writer *w, struct err *e)
{
	struct batch b;
	int r;

	while ((r = feed_next(f, &b, e)) > 0) {
		r = trace_writer_batch(w, &b, e);
		if (r)
			return r;
	}
	if (r < 0)
		return trace_writer_cut(w, r, e);
	if (feed_is_truncated(f))
		r = err_set(e, ERR_TRUNCATED, "%s: cut off; all before the cut was converted", f->path);
	return r;
}

static int convert(struct convert *c, const char *in, const char *out, struct err *e)
{
	struct err truncated = {0};
	struct provenance p;
	struct output o;
	struct feed f;
	int r = feed_open(&f, in, c->input.format, c->input.options, "convert", e);

	if (r)
		return r;
	feed_provenance(&f, &p);
	overlay(&p, &c->overlay);
	r = output_open(&o, out, &p, c->level, e);
	if (!r) {
		r = copy_all(&f, o.writer, e);
		if (r == -(int)ERR_TRUNCATED) {
			truncated = *e;
			err_clear(e);
			r = 0;
		}
		r = output_end(&o, r, e);
		if (!r && truncated.code) {
			*e = truncated;
			r = -(int)ERR_TRUNCATED;
		}
	}
	feed_close(&f);
	return r;
}

int trace_convert_main(int argc, char **argv)
{
	struct convert c = {0};
	const struct cmdline line = {
		.verb = "convert",
		.usage = "[--format F] [--option K=V] [--columns LIST] [--level N] [--provenance KEY=TEXT] "
			 "IN OUT.flt",
		.help = "Reads a trace of any format (IN - is standard input) and writes the native "
			"format.\n\n"
			"  --format F             format of IN; without it, the first bytes tell\n"
			"  --option K=V           option of the format, several: --options K=V,…\n"
			"  --columns LIST         columns of each line, as --option columns=LIST: "
			"ip,op,addr,size\n"
			"  --level N              compression level of zstd, 1 … 19, or fast (large files)\n"
			"  --provenance KEY=TEXT  program, arguments, recorder, recorded_at, host or notes\n",
		.options = options,
		.input = &c.input,
		.min = 2,
		.max = 2,
		.set = set,
		.ctx = &c,
	};
	struct err e = {0};
	int first, r = cmdline_parse(&line, argc, argv, &first, &e);

	if (r > 0)
		convert(&c, argv[first], argv[first + 1], &e);
	mem_free(c.input.options);
	return inspect_status(&e);
}
