/*
 * damon.c - the tracepoint damon:damon_aggregated as `perf script` prints it.
 *
 *     kdamond.0  4452 [000] 82877.315633: damon:damon_aggregated: target_id=N nr_regions=K START-END:
 * ACCESSES AGE
 *
 * After include/trace/events/damon.h of Linux 6.1: addresses are decimal, a snapshot of a target has K lines,
 * AGE is missing in early kernels. Lines of damon:damos_before_apply (they repeat regions), empty ones and
 * those that begin with # are skipped. A snapshot that is not whole at the end of the file is a cut; within
 * the file lines may be missing, as perf loses some when it is slow.
 *
 * damon_regions.h says what becomes of it.
 */
#include "traces/formats/formats.h"

#include <string.h>

#include "traces/formats/damon_regions.h"

struct damon {
	struct damon_regions regions;
	uint64_t target, nr_regions, seen; /* of the snapshot */
};

struct damon_line {
	uint64_t target, nr_regions, start, end, accesses;
};

static bool word_begins(struct text_word w, const char *with)
{
	return w.n > strlen(with) && !memcmp(w.p, with, strlen(with));
}

static bool number_behind(struct text_word w, const char *name, uint64_t *v)
{
	size_t n = strlen(name);

	return word_begins(w, name) && text_dec(w.p + n, w.p + w.n, v) == w.p + w.n;
}

/* "START-END:" */
static bool range(struct text_word w, uint64_t *start, uint64_t *end)
{
	const char *stop = w.p + w.n, *p = text_dec(w.p, stop, start);

	p = p && p < stop && *p == '-' ? text_dec(p + 1, stop, end) : NULL;
	return p && p + 1 == stop && *p == ':';
}

/* 1: a region; 0: to be skipped; -1: neither. */
static int parse(const char *p, const char *end, struct damon_line *l)
{
	static const char event[] = "damon:damon_aggregated: ", other[] = "damon:damos_before_apply: ";
	const char *s = p;
	struct text_word w[6];
	uint64_t age;
	size_t n;

	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	if (s == end || *s == '#')
		return 0;
	s = memmem(p, (size_t)(end - p), event, sizeof event - 1);
	if (!s)
		return memmem(p, (size_t)(end - p), other, sizeof other - 1) ? 0 : -1;
	n = text_words(s + sizeof event - 1, end, w, ARRAY_LEN(w));
	if (n < 4 || n > 5 || !number_behind(w[0], "target_id=", &l->target) ||
	    !number_behind(w[1], "nr_regions=", &l->nr_regions) || !range(w[2], &l->start, &l->end) ||
	    !text_word_number(w[3], &l->accesses) || (n == 5 && !text_word_number(w[4], &age)))
		return -1;
	return 1;
}

static int damon_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct damon *d = t->state;
	struct damon_line l = {0};
	const char *expected;
	int r = parse(p, end, &l);

	if (r < 0 || t->unterminated)
		return textfile_bad(
			t, p, end,
			"\"… damon:damon_aggregated: target_id=N nr_regions=K START-END: ACCESSES AGE\"", e);
	if (!r)
		return 0;
	if (l.target != d->target || l.nr_regions != d->nr_regions || d->seen == d->nr_regions)
		d->seen = 0;
	d->target = l.target;
	d->nr_regions = l.nr_regions;
	d->seen++;
	expected = damon_region(&d->regions, t->option[0], l.target, l.start, l.end, l.accesses);
	return expected ? textfile_bad(t, p, end, expected, e) : 0;
}

static bool damon_text_more(struct textfile *t)
{
	return damon_more(&((struct damon *)t->state)->regions, t);
}

static int damon_finish(struct textfile *t, struct err *e)
{
	struct damon *d = t->state;

	if (d->seen == d->nr_regions)
		return 0;
	return err_set(e, ERR_TRUNCATED,
		       "%s:%" PRIu64 ": cut off within a snapshot: %" PRIu64 " of %" PRIu64 " regions",
		       input_name(t->in), t->line_no, d->seen, d->nr_regions);
}

static int damon_start(struct textfile *t, struct err *e)
{
	(void)e;
	map_init(&((struct damon *)t->state)->regions.targets);
	damon_provenance(t);
	return 0;
}

static void damon_release(struct textfile *t)
{
	map_release(&((struct damon *)t->state)->regions.targets);
}

static bool is_region(const char *p, const char *end)
{
	struct damon_line l;

	return parse(p, end, &l) == 1;
}

static bool is_line(const char *p, const char *end)
{
	struct damon_line l;

	return parse(p, end, &l) >= 0;
}

static int damon_probe(const uint8_t *head, size_t n)
{
	return text_probe_lines(head, n, is_region) ? text_probe_lines(head, n, is_line) : 0;
}

static const struct text_format damon_format = {
	.options = {DAMON_OPTION},
	.state_bytes = sizeof(struct damon),
	.start = damon_start,
	.line = damon_line,
	.more = damon_text_more,
	.finish = damon_finish,
	.release = damon_release,
};

const struct importer_ops damon_importer = {
	.name = "damon",
	.sentence = "DAMON's regions by perf script: a load a page of those that were accessed, sampled",
	.probe = damon_probe,
	TEXTFILE_HOOKS(&damon_format),
};
