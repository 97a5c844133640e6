/*
 * damonjson.c - the records that `damo record` and `damo report access --raw` of DAMON's user-space tool
 * write as JSON, plain or compressed (json_compressed is a zlib stream, which the input layer unpacks).
 *
 *     [{…, "target_id": N, "snapshots": [{"start_time": …, "end_time": …, "regions": [
 *         {"start": "4,096", "end": 8192, "nr_accesses": {"samples": 5, "percent": null}, "age": …}, …]}]}]
 *
 * Numbers may be strings, with commas between thousands. Of nr_accesses, samples counts, or percent when that
 * is null, or it is a number itself. An object in an array "regions" is a region; whatever else there is, is
 * skipped. Targets follow one another, as in the file.
 *
 * The text is cut into pieces that end with { } [ ] or a comma: memory is constant; pieces and nesting are
 * limited (64 KiB, DEPTH_MAX). damon_regions.h says what becomes of it.
 */
#include "traces/formats/formats.h"

#include <string.h>

#include "traces/formats/damon_regions.h"

#define DEPTH_MAX 64
#define KEY_MAX   24 /* the longest that matters, and more */

struct damonjson {
	struct damon_regions regions;
	char key[DEPTH_MAX][KEY_MAX]; /* under which the object or array of this level stands */
	bool array[DEPTH_MAX];
	unsigned depth, region; /* open levels; that of the open region, 0: none */
	bool ended;
	uint64_t target, start, end, accesses, percent;
	bool has_start, has_end, has_accesses, has_percent;
};

/* ---- pieces ---- */

/* Ends behind the next of {}[], outside of strings. */
static size_t damonjson_cut(const struct textfile *t, const char *p, size_t n)
{
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		if (quoted) {
			if (p[i] == '\\')
				i++;
			else if (p[i] == '"')
				quoted = false;
		} else if (p[i] == '"') {
			quoted = true;
		} else if (strchr("{}[],", p[i]) && p[i]) {
			return i + 1;
		}
	}
	if (n > TEXT_LINE_MAX)
		return TEXT_CUT_BAD;
	/* Blanks at the end are a piece, too. */
	return t->eof && !quoted ? n : 0;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && strchr(" \t\r\n", *p) && *p)
		p++;
	return p;
}

/* A string at *p; its text without the quotes. */
static bool string(const char **p, const char *end, struct text_word *w)
{
	const char *s = *p;

	if (s == end || *s != '"')
		return false;
	for (s++; s < end && *s != '"'; s++)
		s += *s == '\\';
	if (s >= end)
		return false;
	*w = (struct text_word){*p + 1, (size_t)(s - *p - 1)};
	*p = s + 1;
	return true;
}

struct piece {
	struct text_word key, value; /* n 0: none */
	char close;                  /* what it ends with, 0 at the end of the file */
};

/* ["KEY":] [VALUE] CLOSE */
static bool parse_piece(const char *p, const char *end, struct piece *x)
{
	const char *s;

	*x = (struct piece){0};
	while (end > p && strchr(" \t\r\n", end[-1]) && end[-1])
		end--;
	p = skip_blanks(p, end);
	if (p == end)
		return true;
	if (strchr("{}[],", end[-1]))
		x->close = *--end;
	while (end > p && strchr(" \t\r\n", end[-1]) && end[-1])
		end--;
	s = p;
	if (string(&s, end, &x->key)) {
		s = skip_blanks(s, end);
		if (s < end && *s == ':')
			p = skip_blanks(s + 1, end);
		else
			x->key.n = 0;
	}
	if (p == end)
		return true;
	s = p;
	if (string(&s, end, &x->value))
		return s == end;
	x->value = (struct text_word){p, (size_t)(end - p)};
	for (; p < end; p++)
		if (!strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzEINT", *p) || !*p)
			return false;
	return true;
}

/* Digits, with commas between; a fraction is cut. */
static bool number(struct text_word w, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < w.n; i++) {
		unsigned digit = (unsigned)(w.p[i] - '0');

		if (w.p[i] == ',')
			continue;
		if (w.p[i] == '.' || w.p[i] == ' ')
			return i > 0;
		if (digit > 9 || *v > (UINT64_MAX - digit) / 10)
			return false;
		*v = *v * 10 + digit;
	}
	return w.n > 0;
}

/* ---- what it means ---- */

static bool key_is(const struct damonjson *d, unsigned level, const char *name)
{
	return level && level <= d->depth && !strcmp(d->key[level - 1], name);
}

/* NULL, or what was expected. */
static const char *value_in_region(struct damonjson *d, const struct piece *x)
{
	const struct text_word k = x->key;
	bool here = d->depth == d->region,
	     counts = d->depth == d->region + 1 && key_is(d, d->depth, "nr_accesses");

	if (text_word_is(x->value, "null"))
		return NULL;
	if (here && text_word_is(k, "start"))
		return (d->has_start = number(x->value, &d->start)) ? NULL : "a number as \"start\"";
	if (here && text_word_is(k, "end"))
		return (d->has_end = number(x->value, &d->end)) ? NULL : "a number as \"end\"";
	if ((here && text_word_is(k, "nr_accesses")) || (counts && text_word_is(k, "samples")))
		return (d->has_accesses = number(x->value, &d->accesses)) ? NULL : "a number of accesses";
	if (counts && text_word_is(k, "percent"))
		return (d->has_percent = number(x->value, &d->percent)) ? NULL : "a number as \"percent\"";
	return NULL;
}

static const char *value(struct damonjson *d, const struct piece *x)
{
	if (!x->value.n)
		return NULL;
	if (!d->depth)
		return "an object or an array";
	if (!d->array[d->depth - 1] && !x->key.n)
		return "\"KEY\": in front of the value";
	if (d->region)
		return value_in_region(d, x);
	if (text_word_is(x->key, "target_id") && !text_word_is(x->value, "null"))
		return number(x->value, &d->target) ? NULL : "a number as \"target_id\"";
	return NULL;
}

static const char *open_level(struct damonjson *d, const struct piece *x)
{
	size_t n = MIN_OF(x->key.n, (size_t)KEY_MAX - 1);

	if (x->value.n)
		return "a comma behind the value";
	if (d->depth == DEPTH_MAX)
		return "at most 64 levels";
	if (d->ended)
		return "nothing behind the end of the text";
	memcpy(d->key[d->depth], x->key.n ? x->key.p : "", n);
	d->key[d->depth][n] = 0;
	d->array[d->depth++] = x->close == '[';
	if (!d->region && x->close == '{' && d->depth > 1 && d->array[d->depth - 2] &&
	    key_is(d, d->depth - 1, "regions")) {
		d->region = d->depth;
		d->has_start = d->has_end = d->has_accesses = d->has_percent = false;
	}
	return NULL;
}

static const char *close_level(struct damonjson *d, enum damon_accesses how, char close)
{
	if (!d->depth || d->array[d->depth - 1] != (close == ']'))
		return "the bracket that was opened last";
	d->depth--;
	d->ended = !d->depth;
	if (!d->region || d->depth >= d->region)
		return NULL;
	d->region = 0;
	if (!d->has_start || !d->has_end)
		return "a region with \"start\" and \"end\"";
	if (!d->has_accesses && d->has_percent)
		d->accesses = d->percent;
	if (!d->has_accesses && !d->has_percent) /* of a target, not of a snapshot */
		return NULL;
	return damon_region(&d->regions, how, d->target, d->start, d->end, d->accesses);
}

static int damonjson_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct damonjson *d = t->state;
	const char *expected;
	struct piece x;

	if (!parse_piece(p, end, &x))
		return textfile_bad(t, p, end, "a key, a value or a bracket of JSON", e);
	expected = value(d, &x);
	if (!expected && (x.close == '{' || x.close == '['))
		expected = open_level(d, &x);
	else if (!expected && (x.close == '}' || x.close == ']'))
		expected = close_level(d, t->option[0], x.close);
	else if (!expected && x.close == ',' && !d->depth)
		expected = "nothing behind the end of the text";
	return expected ? textfile_bad(t, p, end, expected, e) : 0;
}

static bool damonjson_more(struct textfile *t)
{
	return damon_more(&((struct damonjson *)t->state)->regions, t);
}

static int damonjson_finish(struct textfile *t, struct err *e)
{
	struct damonjson *d = t->state;

	if (d->ended)
		return 0;
	return err_set(e, ERR_TRUNCATED, "%s: the JSON text is cut off: %u brackets are open",
		       input_name(t->in), d->depth);
}

static int damonjson_start(struct textfile *t, struct err *e)
{
	(void)e;
	map_init(&((struct damonjson *)t->state)->regions.targets);
	damon_provenance(t);
	return 0;
}

static void damonjson_release(struct textfile *t)
{
	map_release(&((struct damonjson *)t->state)->regions.targets);
}

/* A JSON text whose beginning names what only these records have. */
static int damonjson_probe(const uint8_t *head, size_t n)
{
	const char *p = (const char *)head, *end = p + n;

	p = skip_blanks(p, end);
	if (p == end || (*p != '[' && *p != '{'))
		return 0;
	if (memmem(p, (size_t)(end - p), "\"nr_accesses\"", 13) &&
	    memmem(p, (size_t)(end - p), "\"regions\"", 9))
		return 95;
	return memmem(p, (size_t)(end - p), "\"kdamond_idx\"", 13) ? 90 : 0;
}

static const struct text_format damonjson_format = {
	.options = {DAMON_OPTION},
	.state_bytes = sizeof(struct damonjson),
	.cut = damonjson_cut,
	.start = damonjson_start,
	.line = damonjson_line,
	.more = damonjson_more,
	.finish = damonjson_finish,
	.release = damonjson_release,
};

const struct importer_ops damonjson_importer = {
	.name = "damonjson",
	.sentence = "DAMON's regions as damo's JSON: a load a page of those that were accessed, sampled",
	.probe = damonjson_probe,
	TEXTFILE_HOOKS(&damonjson_format),
};
