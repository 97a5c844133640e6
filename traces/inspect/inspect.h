/*
 * inspect.h - the verbs of `faultline trace`, and what they share.
 */
#ifndef TRACES_INSPECT_INSPECT_H
#define TRACES_INSPECT_INSPECT_H

#include <getopt.h>
#include <stdio.h>

#include "traces/source.h"

/* argv[0] is the verb; the exit status is returned. */
int trace_info_main(int argc, char **argv);    /* info.c */
int trace_cat_main(int argc, char **argv);     /* cat.c */
int trace_convert_main(int argc, char **argv); /* convert.c */
int trace_export_main(int argc, char **argv);  /* export.c */
int trace_verify_main(int argc, char **argv);  /* verify.c */
int trace_slice_main(int argc, char **argv);   /* slice.c */
int trace_gen_main(int argc, char **argv);     /* gen.c */
int trace_mrc_main(int argc, char **argv);     /* mrc.c */
int trace_sample_main(int argc, char **argv);  /* sample.c */
int trace_merge_main(int argc, char **argv);   /* merge.c */
int trace_diff_main(int argc, char **argv);    /* diff.c */
int trace_plot_main(int argc, char **argv);    /* plot.c */

/* How the input is read: of which format it is, NULL: by its first bytes; options of the format, which the
 * caller frees. */
struct cmdline_input {
	const char *format;
	char *options;
};
/* The vals of --format and --options; a verb may give another name to one of them. */
enum { CMDLINE_FORMAT = 0x1000, CMDLINE_OPTIONS };

/*
 * One verb's command line: long options with getopt_long, then min … max positional arguments. An option's
 * `val` is passed to set with its argument; set returns 0 or a negative error.
 */
struct cmdline {
	const char *verb, *usage, *help; /* usage: one line; help: the options, a line each */
	const struct option *options;    /* ended by {0}; --help is understood without a row */
	const char *short_options;       /* as getopt's, or NULL; val is the letter */
	struct cmdline_input *input;     /* --format and --options are understood, too; or NULL */
	int min, max;                    /* positional arguments */
	int (*set)(void *ctx, int val, const char *arg, struct err *e);
	void *ctx;
};

/*
 * Parses; *first is the index of the first positional argument. Returns 1 when the verb shall go on; 0 after
 * --help; negative on a wrong command line.
 */
int cmdline_parse(const struct cmdline *c, int argc, char **argv, int *first, struct err *e);
/* A number with an optional suffix k, M, G, T (powers of 1000); ERR_USAGE names the option. */
int cmdline_number(const char *option, const char *text, uint64_t *v, struct err *e);
/* The value of --level, 1 … 19; `also` are the words besides, " or fast", that the caller takes itself. */
int cmdline_level(const char *text, const char *also, int *level, struct err *e);
/* A number that fits into 32 bits, no suffix. */
int cmdline_u32(const char *option, const char *text, uint32_t *v, struct err *e);
/*
 * "4K,2M": sizes in bytes, with a suffix K, M, G, T (powers of 1024; "KiB" and so on mean the same), none 0.
 * *list is freed by the caller; on an error there is none.
 */
int cmdline_bytes_list(const char *option, const char *text, uint64_t **list, size_t *n, struct err *e);
/* "1000-2000": hex; *high is the last address, one below the end that was given. */
int cmdline_range(const char *option, const char *text, uint64_t *low, uint64_t *high, struct err *e);
/* "4 KiB", "2 MiB"; whole numbers of the largest unit that divides v. Returns buf. */
const char *cmdline_bytes_text(char *buf, size_t size, uint64_t v);
/* A JSON string with its quotes. */
void cmdline_json_string(FILE *f, const char *s);
/* Several values of one option joined with commas: "a=1" + "b=2" -> "a=1,b=2". *list is freed by the caller.
 */
void cmdline_join(char **list, const char *text);

/* Prints e and returns the exit status; 0 when e is empty. */
int inspect_status(const struct err *e);

/*
 * An output file that appears under its name only when it is complete: written as PATH.tmp, renamed at the
 * end.
 */
struct output {
	char *path, *tmp;
	struct trace_writer *writer;
};
int output_open(struct output *o, const char *path, const struct provenance *p, int level, struct err *e);
/* r: how writing went. 0: completes and renames. Else removes the temporary file. Returns r or why completing
 * failed. */
int output_end(struct output *o, int r, struct err *e);

#endif
