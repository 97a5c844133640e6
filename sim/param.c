/*
 * param.c - the resolved parameters of one run and the one way a value gets into them: as text.
 *
 * Finding a path is linear in the number of parameters (a few hundred, set a few times a run). The set owns
 * the canonical texts, the origins, and every string and list it gave to a field; replaced ones live until
 * the set is released, because a model may hold them.
 */
#include "sim/param.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sim/check.h"
#include "sim/mem.h"
#include "sim/param_parse.h"
#include "sim/suggest.h"

/* How much of a wrong value a message repeats. */
#define SHOWN "%.60s"

/* A new value, parsed and checked, before anything is changed. */
struct parsed {
	uint64_t number;
	struct u64_list list;
	char *text; /* canonical */
};

void param_set_init(struct param_set *ps)
{
	memset(ps, 0, sizeof *ps);
}

void param_set_release(struct param_set *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		mem_free(ps->values[i].text);
		mem_free(ps->values[i].origin);
	}
	for (size_t i = 0; i < ps->nr_keep; i++)
		mem_free(ps->keep[i]);
	mem_free(ps->values);
	mem_free(ps->keep);
	memset(ps, 0, sizeof *ps);
}

static void *keep(struct param_set *ps, void *p)
{
	ps->keep = mem_realloc(ps->keep, ps->nr_keep + 1, sizeof *ps->keep);
	ps->keep[ps->nr_keep++] = p;
	return p;
}

static char *number_to_text(uint64_t v)
{
	char buf[24];

	snprintf(buf, sizeof buf, "%" PRIu64, v);
	return mem_strdup(buf);
}

static int parse_one(const struct param_row *row, const char *text, struct parsed *out, struct err *e)
{
	bool bytes = row->kind == PARAM_BYTES;
	const char *s = text, *expected;
	int rc;

	expected = param_parse_number(&s, bytes ? SUFFIX_ANY : SUFFIX_NONE, &out->number);
	if (!expected && *s)
		expected = bytes ? "a whole number with an optional suffix K, M, G or T" : "a whole number";
	if (expected)
		return err_set(e, ERR_CONFIG, "%s: expected %s%s%s%s, not \"" SHOWN "\"", row->path, expected,
			       *row->unit ? " (" : "", row->unit, *row->unit ? ")" : "", text);
	rc = param_check_range(row, out->number, text, e);
	if (!rc)
		out->text = number_to_text(out->number);
	return rc;
}

static bool is_separator(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == ';' || c == '\n' || c == '\r';
}

/* Limits in bytes, up to none at all: "max". */
static bool knows_max(const struct param_row *row)
{
	return row->max == UINT64_MAX && !strcmp(row->unit, "bytes");
}

/* The canonical text of a list: decimal numbers, one blank between them. */
static char *list_to_text(const struct param_row *row, const struct u64_list *l)
{
	char *buf = mem_alloc_late(l->n + 1, 21), *p = buf;

	for (size_t i = 0; i < l->n; i++) {
		if (knows_max(row) && l->v[i] == UINT64_MAX)
			p += snprintf(p, 22, "%smax", i ? " " : "");
		else
			p += snprintf(p, 22, "%s%" PRIu64, i ? " " : "", l->v[i]);
	}
	return buf;
}

static const char *parse_element(const struct param_row *row, const char **s, uint64_t *out)
{
	if (knows_max(row) && !strncmp(*s, "max", 3) && (!(*s)[3] || is_separator((*s)[3]))) {
		*out = UINT64_MAX;
		*s += 3;
		return NULL;
	}
	return param_parse_number(s, SUFFIX_CLOSE, out);
}

static int check_element(const struct param_row *row, uint64_t v, struct err *e)
{
	char text[40];

	return param_check_range(row, v, param_number_text(text, sizeof text, row, v), e);
}

static int parse_list(const struct param_row *row, const char *text, struct parsed *out, struct err *e)
{
	struct u64_list l = {0, mem_alloc_late(strlen(text) / 2 + 1, sizeof(uint64_t))};
	const char *s = text, *expected;
	int rc = 0;

	while (!rc) {
		while (is_separator(*s))
			s++;
		if (!*s)
			break;
		expected = parse_element(row, &s, &l.v[l.n]);
		if (!expected && *s && !is_separator(*s))
			expected = "numbers separated by blanks or commas";
		if (expected)
			rc = err_set(e, ERR_CONFIG, "%s: element %zu of the list: expected %s, at \"%.30s\"",
				     row->path, l.n + 1, expected, s);
		else
			rc = check_element(row, l.v[l.n++], e);
	}
	if (rc) {
		mem_free(l.v);
		return rc;
	}
	out->list = l;
	out->text = list_to_text(row, &l);
	return 0;
}

static const char *choice_name(void *ctx, size_t i)
{
	return ((const struct param_row *)ctx)->choice(i);
}

static int parse_enum(const struct param_row *row, const char *text, struct parsed *out, struct err *e)
{
	char names[300] = "", hint[140];
	struct param_row copy = *row;
	const char *name;
	size_t n = 0;

	for (size_t i = 0; (name = row->choice(i)); i++) {
		if (!strcmp(name, text)) {
			out->number = i;
			out->text = mem_strdup(name);
			return 0;
		}
		if (n < sizeof names)
			n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", name);
	}
	suggest_text(hint, sizeof hint, suggest_nearest(text, choice_name, &copy));
	return err_set(e, ERR_CONFIG, "%s: \"" SHOWN "\" is not one of %s%s", row->path, text, names, hint);
}

static int parse_value(const struct param_row *row, const char *text, struct parsed *out, struct err *e)
{
	bool b;

	switch (row->kind) {
	case PARAM_U64:
	case PARAM_BYTES:
		return parse_one(row, text, out, e);
	case PARAM_LIST:
		return parse_list(row, text, out, e);
	case PARAM_ENUM:
		return parse_enum(row, text, out, e);
	case PARAM_STR:
		out->text = mem_strdup(text);
		return 0;
	case PARAM_BOOL:
		if (!param_parse_bool(text, &b))
			return err_set(e, ERR_CONFIG, "%s: expected true or false, not \"" SHOWN "\"",
				       row->path, text);
		out->number = b;
		out->text = mem_strdup(b ? "true" : "false");
		return 0;
	}
	CHECK(false, "%s is of kind %d", row->path, (int)row->kind);
	return 0;
}

static void store(struct param_set *ps, const struct param_value *pv, const struct parsed *p)
{
	void *field = (char *)pv->base + pv->row->offset;

	switch (pv->row->kind) {
	case PARAM_U64:
	case PARAM_BYTES:
		*(uint64_t *)field = p->number;
		break;
	case PARAM_BOOL:
		*(bool *)field = p->number != 0;
		break;
	case PARAM_ENUM:
		*(uint32_t *)field = (uint32_t)p->number;
		break;
	case PARAM_STR:
		*(const char **)field = keep(ps, mem_strdup(p->text));
		break;
	case PARAM_LIST:
		keep(ps, p->list.v);
		*(struct u64_list *)field = p->list;
		break;
	}
}

/* A copy of s without the blanks around it. */
static char *trimmed(const char *s, size_t n)
{
	char *t;

	while (n && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	t = mem_alloc_late(n + 1, 1);
	return memcpy(t, s, n);
}

static int set_value(struct param_set *ps, struct param_value *pv, const char *text, const char *origin,
		     struct err *e)
{
	char *t = pv->row->kind == PARAM_STR ? mem_strdup(text) : trimmed(text, strlen(text));
	struct parsed p = {0};
	int rc = parse_value(pv->row, t, &p, e);

	mem_free(t);
	if (rc)
		return rc;
	store(ps, pv, &p);
	t = mem_strdup(origin);
	mem_free(pv->text);
	mem_free(pv->origin);
	pv->text = p.text;
	pv->origin = t;
	return 0;
}

void param_set_add(struct param_set *ps, const struct param_table *t, void *base)
{
	struct err e = {0};

	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct param_row *row = &t->rows[i];
		struct param_value *pv;

		CHECK(!param_find(ps, row->path), "parameter %s is registered twice", row->path);
		CHECK((row->kind == PARAM_ENUM) == (row->choice != NULL), "parameter %s: choices", row->path);
		ps->values = mem_realloc(ps->values, ps->n + 1, sizeof *ps->values);
		pv = &ps->values[ps->n++];
		*pv = (struct param_value){.row = row, .base = base};
		if (set_value(ps, pv, row->def, "default", &e))
			CHECK(false, "%s: the default: %s", t->name, e.text);
	}
}

const struct param_value *param_find(const struct param_set *ps, const char *path)
{
	for (size_t i = 0; i < ps->n; i++) {
		if (!strcmp(ps->values[i].row->path, path))
			return &ps->values[i];
	}
	return NULL;
}

static const char *path_name(void *ctx, size_t i)
{
	const struct param_set *ps = ctx;

	return i < ps->n ? ps->values[i].row->path : NULL;
}

/* A path that ends in ".word": "swappiness" means vm.swappiness. */
static const char *find_by_end(const struct param_set *ps, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < ps->n && len; i++) {
		const char *path = ps->values[i].row->path;
		size_t n = strlen(path);

		if (n > len && path[n - len - 1] == '.' && !strcmp(path + n - len, word))
			return path;
	}
	return NULL;
}

const char *param_nearest(const struct param_set *ps, const char *path)
{
	const char *s = find_by_end(ps, path);
	struct param_set copy = *ps;

	return s ? s : suggest_nearest(path, path_name, &copy);
}

/* The first parameter below "path." when path is a group, else NULL. */
static const char *first_of_group(const struct param_set *ps, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < ps->n && len; i++) {
		const char *p = ps->values[i].row->path;

		if (!strncmp(p, path, len) && p[len] == '.')
			return p;
	}
	return NULL;
}

int param_set_value(struct param_set *ps, const char *path, const char *value, const char *origin,
		    struct err *e)
{
	const struct param_value *pv = param_find(ps, path);
	const char *member;
	char hint[140];

	if (pv)
		return set_value(ps, &ps->values[pv - ps->values], value, origin, e);
	member = first_of_group(ps, path);
	if (member)
		return err_set(e, ERR_CONFIG,
			       "\"" SHOWN "\" is a group of parameters, not one (for example %s)", path,
			       member);
	suggest_text(hint, sizeof hint, param_nearest(ps, path));
	return err_set(e, ERR_CONFIG, "unknown parameter \"%.90s\"%s", path, hint);
}

int param_set_assignment(struct param_set *ps, const char *assignment, const char *origin, struct err *e)
{
	const char *eq = strchr(assignment, '=');
	char *path;
	int rc;

	if (!eq)
		return err_set(e, ERR_USAGE, "\"" SHOWN "\" is no assignment: expected PATH=VALUE",
			       assignment);
	path = trimmed(assignment, (size_t)(eq - assignment));
	rc = param_set_value(ps, path, eq + 1, origin, e);
	mem_free(path);
	return rc;
}
