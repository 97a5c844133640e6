/*
 * cmd_trace.c - `faultline trace VERB`: a table of verbs, one row each.
 */
#include "sim/command.h"

#include <stdio.h>
#include <string.h>

#include "sim/cli.h"
#include "sim/suggest.h"
#include "traces/inspect/inspect.h"

static int formats_main(int argc, char **argv);

static const struct command verbs[] = {
	{"info", "[--json] FILE", "what a trace holds and where it comes from", trace_info_main},
	{"cat", "[--thread P.T] [--limit N] FILE", "the records as text", trace_cat_main},
	{"convert", "[--format F] IN OUT.flt", "a trace of any format into the native one",
	 trace_convert_main},
	{"export", "--to FORMAT IN OUT | --list", "a trace in the format of another program",
	 trace_export_main},
	{"verify", "[--strict] FILE", "read everything: checksums, counts, order, mappings",
	 trace_verify_main},
	{"slice", "--from N --count M IN OUT.flt", "a window that can be replayed alone", trace_slice_main},
	{"sample", "--window N --every M IN OUT.flt", "a part that stands for all", trace_sample_main},
	{"merge", "IN IN ... OUT.flt", "several traces on one machine", trace_merge_main},
	{"diff", "A B", "the first difference of two traces, and their counts", trace_diff_main},
	{"mrc", "[--sampled] [-o STORE] TRACE", "the miss ratio of every memory size", trace_mrc_main},
	{"plot", "TRACE OUT.svg", "a picture of what is touched when", trace_plot_main},
	{"gen", "PATTERN OUT.flt | --list", "a synthetic trace", trace_gen_main},
	{"formats", "", "the formats that can be read", formats_main},
};

static int formats_main(int argc, char **argv)
{
	static const char *const names[] = {"format", "what it is"};
	const struct cmdline line = {.verb = "formats", .usage = "", .options = (struct option[]){{0}}};
	const struct importer_ops *ops;
	struct err e = {0};
	struct table *t;
	int first;

	if (cmdline_parse(&line, argc, argv, &first, &e) > 0) {
		t = table_new(TABLE_ALIGNED, ARRAY_LEN(names), names);
		table_cell(t, "native", false);
		table_cell(t, "this program's own: compressed, indexed, with checksums (.flt)", false);
		for (size_t i = 0; (ops = importer_at(i)); i++) {
			table_cell(t, ops->name, false);
			table_cell(t, ops->sentence, false);
		}
		table_finish(t, stdout, &e);
	}
	return inspect_status(&e);
}

static void print_usage(FILE *f)
{
	fputs("usage: faultline trace VERB [OPTIONS] ...\n\nverbs:\n", f);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		fprintf(f, "  %-8s %-32s %s\n", verbs[i].name, verbs[i].synopsis, verbs[i].sentence);
	fputs("\n\"faultline trace VERB --help\" explains the options of a verb.\n", f);
}

static const char *verb_name(void *ctx, size_t i)
{
	(void)ctx;
	return i < ARRAY_LEN(verbs) ? verbs[i].name : NULL;
}

int cmd_trace(int argc, char **argv)
{
	struct err e = {0};
	char hint[140];

	cli_catch_interrupts();
	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
		print_usage(stdout);
		return 0;
	}
	for (size_t i = 0; argc >= 2 && i < ARRAY_LEN(verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	if (argc < 2) {
		err_set(&e, ERR_USAGE, "trace: no verb given; \"faultline trace --help\" lists them");
	} else {
		suggest_text(hint, sizeof hint, suggest_nearest(argv[1], verb_name, NULL));
		err_set(&e, ERR_USAGE, "trace: unknown verb \"%.60s\"%s%s", argv[1], hint,
			*hint ? "" : "; \"faultline trace --help\" lists them");
	}
	return cli_fail(&e);
}
