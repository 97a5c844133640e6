/*
 * plan.c - the grid of a sweep.
 *
 * A plan is its axes; a point is a number in mixed radix whose last digit is the last axis. Nothing is kept
 * for each point. Adding an axis of n values costs O(n log n) for finding a value given twice.
 */
#include "analysis/sweep/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mem.h"

void plan_init(struct plan *p)
{
	*p = (struct plan){0};
}

static void axis_release(struct plan_axis *a)
{
	for (size_t i = 0; i < a->n; i++)
		mem_free(a->values[i]);
	mem_free(a->values);
	mem_free(a->path);
}

void plan_release(struct plan *p)
{
	for (size_t i = 0; i < p->nr_axes; i++)
		axis_release(&p->axes[i]);
	mem_free(p->axes);
	plan_init(p);
}

static char *copy_range(const char *from, const char *to)
{
	char *s = mem_alloc((size_t)(to - from) + 1, 1);

	return memcpy(s, from, (size_t)(to - from));
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/*
 * Reads one value at *at, moves *at behind it and its comma. Returns NULL with e filled when it is none.
 * `last` is cleared when a comma followed.
 */
static char *read_value(const char **at, bool *last, const char *text, struct err *e)
{
	const char *s = skip_blanks(*at), *end;
	bool bracket = *s == '[';

	s += bracket;
	end = s + strcspn(s, bracket ? "[]" : ",[]");
	if (bracket ? *end != ']' : *end == '[' || *end == ']') {
		err_set(e, ERR_USAGE, "--grid %.80s: the brackets do not match at character %zu", text,
			(size_t)(end - text) + 1);
		return NULL;
	}
	*at = skip_blanks(end + bracket);
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (s == end) {
		err_set(e, ERR_USAGE, "--grid %.80s: an empty value at character %zu", text,
			(size_t)(s - text) + 1);
		return NULL;
	}
	if (**at && **at != ',') {
		err_set(e, ERR_USAGE, "--grid %.80s: expected a comma at character %zu", text,
			(size_t)(*at - text) + 1);
		return NULL;
	}
	*last = !**at;
	*at += !*last;
	return copy_range(s, end);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_values(const struct plan_axis *a, struct err *e)
{
	char **sorted = mem_alloc(a->n, sizeof *sorted);
	int rc = 0;

	memcpy(sorted, a->values, a->n * sizeof *sorted);
	qsort(sorted, a->n, sizeof *sorted, compare_texts);
	for (size_t i = 1; i < a->n && !rc; i++)
		if (!strcmp(sorted[i - 1], sorted[i]))
			rc = err_set(e, ERR_USAGE, "--grid %.80s: the value %.80s is there twice", a->path,
				     sorted[i]);
	mem_free(sorted);
	return rc;
}

static int read_axis(struct plan_axis *a, const char *text, struct err *e)
{
	const char *eq = strchr(text, '='), *at;
	bool last = false;

	if (!eq || eq == text)
		return err_set(e, ERR_USAGE, "--grid %.80s: expected PATH=VALUE,VALUE,...", text);
	a->path = copy_range(text, eq);
	at = eq + 1;
	while (!last) {
		char *value = read_value(&at, &last, text, e);

		if (!value)
			return -ERR_USAGE;
		if ((a->n & (a->n - 1)) == 0)
			a->values = mem_realloc(a->values, a->n ? 2 * a->n : 1, sizeof *a->values);
		a->values[a->n++] = value;
	}
	return check_values(a, e);
}

int plan_add_axis(struct plan *p, const char *text, struct err *e)
{
	struct plan_axis a = {0};
	size_t points = plan_nr_points(p);
	int rc = read_axis(&a, text, e);

	for (size_t i = 0; i < p->nr_axes && !rc; i++)
		if (!strcmp(p->axes[i].path, a.path))
			rc = err_set(e, ERR_USAGE, "--grid %.80s: this parameter has an axis already",
				     a.path);
	if (!rc && a.n > PLAN_POINTS_MAX / points)
		rc = err_set(e, ERR_LIMIT, "--grid %.80s: the plan has more than %d points", a.path,
			     PLAN_POINTS_MAX);
	if (rc) {
		axis_release(&a);
		return rc;
	}
	p->axes = mem_realloc(p->axes, p->nr_axes + 1, sizeof *p->axes);
	p->axes[p->nr_axes++] = a;
	return 0;
}

size_t plan_nr_points(const struct plan *p)
{
	size_t n = 1;

	for (size_t i = 0; i < p->nr_axes; i++)
		n *= p->axes[i].n;
	return n;
}

const char *plan_value(const struct plan *p, size_t point, size_t axis)
{
	for (size_t i = p->nr_axes - 1; i > axis; i--)
		point /= p->axes[i].n;
	return p->axes[axis].values[point % p->axes[axis].n];
}

char *plan_point_name(const struct plan *p, const char *prefix, size_t point)
{
	size_t size = strlen(prefix) + 1, at;
	char *name;

	for (size_t i = 0; i < p->nr_axes; i++)
		size += strlen(p->axes[i].path) + strlen(plan_value(p, point, i)) + 2;
	name = mem_alloc(size, 1);
	at = (size_t)snprintf(name, size, "%s", prefix);
	for (size_t i = 0; i < p->nr_axes; i++)
		at += (size_t)snprintf(name + at, size - at, "%c%s=%s", i ? ',' : '/', p->axes[i].path,
				       plan_value(p, point, i));
	return name;
}
