/*
 * cmdline.c - options of the trace verbs, numbers, output files.
 */
#include "traces/inspect/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/check.h"
#include "sim/cli.h"
#include "sim/mem.h"

static int usage_error(const struct cmdline *c, struct err *e, const char *what, const char *arg)
{
	return err_set(e, ERR_USAGE, "trace %s: %s%.80s; usage: faultline trace %s %s", c->verb, what, arg,
		       c->verb, c->usage);
}

static void print_help(const struct cmdline *c)
{
	printf("usage: faultline trace %s %s\n", c->verb, c->usage);
	if (c->help)
		printf("\n%s", c->help);
}

/* The name of an option by its val, for messages. */
static const char *bad_option(int argc, char **argv)
{
	return optind > 1 && optind <= argc ? argv[optind - 1] : "";
}

static const struct option input_options[] = {{"format", required_argument, NULL, CMDLINE_FORMAT},
					      {"options", required_argument, NULL, CMDLINE_OPTIONS}};

/* The verb's own rows, and behind them those of its input. */
static void all_options(const struct cmdline *c, struct option *all, size_t max)
{
	size_t n = 0;

	for (const struct option *o = c->options; o->name; o++)
		all[n++] = *o;
	CHECK(n + ARRAY_LEN(input_options) < max, "trace %s has too many options", c->verb);
	for (size_t i = 0; c->input && i < ARRAY_LEN(input_options); i++)
		all[n++] = input_options[i];
	all[n] = (struct option){0};
}

static int set_option(const struct cmdline *c, int opt, struct err *e)
{
	switch (opt) {
	case CMDLINE_FORMAT:
		c->input->format = optarg;
		return 0;
	case CMDLINE_OPTIONS:
		cmdline_join(&c->input->options, optarg);
		return 0;
	default:
		return c->set(c->ctx, opt, optarg, e);
	}
}

int cmdline_parse(const struct cmdline *c, int argc, char **argv, int *first, struct err *e)
{
	struct option all[32];
	char letters[32];
	int opt, r;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--help")) {
			print_help(c);
			return 0;
		}
	all_options(c, all, ARRAY_LEN(all));
	optind = 0; /* glibc: start over */
	opterr = 0;
	snprintf(letters, sizeof letters, ":%s", c->short_options ? c->short_options : "");
	while ((opt = getopt_long(argc, argv, letters, all, NULL)) != -1) {
		if (opt == '?')
			return usage_error(c, e, "unknown option ", bad_option(argc, argv));
		if (opt == ':')
			return usage_error(c, e, "no value for option ", bad_option(argc, argv));
		r = set_option(c, opt, e);
		if (r)
			return r;
	}
	*first = optind;
	if (argc - optind < c->min)
		return usage_error(c, e, argc == optind ? "no file given" : "an argument is missing", "");
	if (argc - optind > c->max)
		return usage_error(c, e, "one argument too many: ", argv[optind + c->max]);
	return 1;
}

int cmdline_number(const char *option, const char *text, uint64_t *v, struct err *e)
{
	static const char suffixes[] = "kMGT";
	uint64_t x = 0, factor = 1;
	const char *p = text, *s;

	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (x > (UINT64_MAX - digit) / 10)
			break;
		x = x * 10 + digit;
	}
	s = *p ? strchr(suffixes, *p) : NULL;
	if (p > text && s) {
		for (long i = 0; i <= s - suffixes; i++)
			factor *= 1000;
		p++;
	}
	if (p == text || *p || x > UINT64_MAX / factor)
		return err_set(e, ERR_USAGE,
			       "%s: expected a whole number such as 5000, 20k or 3M, found \"%.60s\"", option,
			       text);
	*v = x * factor;
	return 0;
}

int cmdline_level(const char *text, const char *also, int *level, struct err *e)
{
	uint64_t n;

	if (cmdline_number("--level", text, &n, NULL) || n < 1 || n > 19)
		return err_set(e, ERR_USAGE, "--level: expected 1 … 19%s, found \"%.60s\"", also, text);
	*level = (int)n;
	return 0;
}

int cmdline_u32(const char *option, const char *text, uint32_t *v, struct err *e)
{
	uint64_t x;

	if (*text < '0' || *text > '9' || strspn(text, "0123456789") != strlen(text) ||
	    cmdline_number(option, text, &x, NULL) || x > UINT32_MAX)
		return err_set(e, ERR_USAGE, "%s: expected a number below 2^32, found \"%.60s\"", option,
			       text);
	*v = (uint32_t)x;
	return 0;
}

/* One size at *p, up to a comma or the end; false when it is none. */
static bool parse_bytes(const char **p, uint64_t *v)
{
	static const char suffixes[] = "KMGTPE";
	const char *s;
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	errno = 0;
	*v = strtoull(*p, &end, 10);
	s = *end ? strchr(suffixes, *end & ~0x20) : NULL;
	if (s) {
		unsigned shift = 10 * (unsigned)(s - suffixes + 1);

		if (*v >> (64 - shift))
			return false;
		*v <<= shift;
		end++;
		if (!strncmp(end, "iB", 2))
			end += 2;
	}
	*p = end;
	return !errno && *v && (!*end || *end == ',');
}

int cmdline_bytes_list(const char *option, const char *text, uint64_t **list, size_t *n, struct err *e)
{
	size_t cap = 1;

	for (const char *p = text; *p; p++)
		cap += *p == ',';
	*list = mem_alloc_late(cap, sizeof **list);
	*n = 0;
	for (const char *p = text;; p++) {
		if (!parse_bytes(&p, &(*list)[*n])) {
			mem_free(*list);
			*list = NULL;
			*n = 0;
			return err_set(e, ERR_USAGE,
				       "%s: expected sizes such as 4K or 64,2M,1G, found \"%.60s\"", option,
				       text);
		}
		++*n;
		if (!*p)
			return 0;
	}
}

int cmdline_range(const char *option, const char *text, uint64_t *low, uint64_t *high, struct err *e)
{
	uint64_t end;
	char rest;

	if (sscanf(text, "%" SCNx64 "-%" SCNx64 "%c", low, &end, &rest) != 2 || *low >= end)
		return err_set(e, ERR_USAGE, "%s: expected LOW-END in hex, LOW below END, found \"%.60s\"",
			       option, text);
	*high = end - 1;
	return 0;
}

const char *cmdline_bytes_text(char *buf, size_t size, uint64_t v)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t u = 0;

	for (; v && v % 1024 == 0; v /= 1024)
		u++;
	snprintf(buf, size, "%" PRIu64 " %s", v, units[u]);
	return buf;
}

void cmdline_json_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < ' ' || c == 127)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

void cmdline_join(char **list, const char *text)
{
	size_t old = *list ? strlen(*list) : 0, n = strlen(text);

	*list = mem_realloc(*list, old + n + 2, 1);
	if (old)
		(*list)[old++] = ',';
	memcpy(*list + old, text, n + 1);
}

int inspect_status(const struct err *e)
{
	return e->code ? cli_fail(e) : 0;
}

int output_open(struct output *o, const char *path, const struct provenance *p, int level, struct err *e)
{
	size_t n = strlen(path) + sizeof ".tmp";
	int r;

	o->path = mem_strdup(path);
	o->tmp = mem_alloc_late(n, 1);
	snprintf(o->tmp, n, "%s.tmp", path);
	r = trace_writer_open(&o->writer, o->tmp, p, level, e);
	if (r) {
		mem_free(o->path);
		mem_free(o->tmp);
	}
	return r;
}

static int commit(struct output *o, struct err *e)
{
	int r = trace_writer_close(o->writer, e);

	if (!r && rename(o->tmp, o->path) != 0)
		r = err_set(e, ERR_IO, "%s: cannot be renamed from %s: %s", o->path, o->tmp, strerror(errno));
	return r;
}

int output_end(struct output *o, int r, struct err *e)
{
	if (r)
		trace_writer_abort(o->writer);
	else
		r = commit(o, e);
	if (r)
		unlink(o->tmp);
	mem_free(o->path);
	mem_free(o->tmp);
	return r;
}
