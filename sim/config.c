/*
 * config.c - a YAML file to parameters.
 *
 * libyaml's events are read by recursive descent: a mapping's keys lengthen the path, a scalar or a sequence
 * sets the parameter at the path. A key is looked up as soon as it is read, so nothing is kept of a file that
 * does not fit, and the depth of the recursion is that of the longest known path. A file of more than
 * CONFIG_MAX bytes is refused.
 *
 * Not supported, and refused with their place: anchors and aliases, tags, merge keys, several documents in
 * one file, keys that are not scalars.
 */
#include "sim/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "sim/mem.h"
#include "sim/suggest.h"

#define CONFIG_MAX ((size_t)1 << 20)
#define PATH_BYTES 200

/* A key that was read: parameters count once in a file, groups once in their mapping. */
struct seen {
	char *path;
	unsigned mapping; /* number of the mapping it stands in */
	size_t line;
};

struct loader {
	yaml_parser_t parser;
	struct param_set *ps;
	const char *name, *text;
	size_t len;
	struct err *e;
	char path[PATH_BYTES]; /* of the key that is being read */
	struct seen *seen;
	size_t nr_seen;
	unsigned nr_mappings;
};

static int fail_at(struct loader *l, const yaml_mark_t *mark, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int fail_at(struct loader *l, const yaml_mark_t *mark, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(l->e, ERR_CONFIG, "%s:%zu:%zu: %s", l->name, mark->line + 1, mark->column + 1, text);
}

/* What libyaml says about a file that is no YAML. Encoding errors have an offset, the others a mark. */
static int fail_syntax(struct loader *l)
{
	const yaml_parser_t *p = &l->parser;
	yaml_mark_t mark = p->problem_mark;
	const char *problem = p->problem ? p->problem : "unreadable";
	bool tab;

	if (p->error == YAML_MEMORY_ERROR)
		return err_set(l->e, ERR_NOMEM, "%s: out of memory", l->name);
	if (p->error == YAML_READER_ERROR) {
		mark = (yaml_mark_t){0};
		for (size_t i = 0; i < p->problem_offset && i < l->len; i++) {
			mark.column++;
			if (l->text[i] == '\n') {
				mark.line++;
				mark.column = 0;
			}
		}
	}
	tab = mark.index < l->len && p->error == YAML_SCANNER_ERROR && l->text[mark.index] == '\t';
	if (p->context && p->context_mark.line != mark.line)
		return fail_at(l, &mark, "not YAML: %s %s that begins in line %zu%s", problem, p->context,
			       p->context_mark.line + 1, tab ? " (tabs cannot indent)" : "");
	return fail_at(l, &mark, "not YAML: %s%s%s%s", problem, p->context ? " " : "",
		       p->context ? p->context : "", tab ? " (tabs cannot indent)" : "");
}

static int refuse_properties(struct loader *l, const yaml_event_t *ev, const unsigned char *anchor,
			     const unsigned char *tag)
{
	if (anchor)
		return fail_at(l, &ev->start_mark, "anchors (&%.40s) are not supported",
			       (const char *)anchor);
	if (tag)
		return fail_at(l, &ev->start_mark, "tags (%.40s) are not supported", (const char *)tag);
	return 0;
}

static int check_event(struct loader *l, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_ALIAS_EVENT:
		return fail_at(l, &ev->start_mark, "aliases (*%.40s) are not supported",
			       (const char *)ev->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		if (memchr(ev->data.scalar.value, 0, ev->data.scalar.length))
			return fail_at(l, &ev->start_mark, "a text with a zero byte");
		return refuse_properties(l, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	case YAML_SEQUENCE_START_EVENT:
		return refuse_properties(l, ev, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return refuse_properties(l, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
	default:
		return 0;
	}
}

/* The next event, which the caller deletes when 0 is returned. */
static int next_event(struct loader *l, yaml_event_t *ev)
{
	int rc;

	if (!yaml_parser_parse(&l->parser, ev))
		return fail_syntax(l);
	rc = check_event(l, ev);
	if (rc)
		yaml_event_delete(ev);
	return rc;
}

static const char *scalar_text(const yaml_event_t *ev)
{
	return (const char *)ev->data.scalar.value;
}

/* "key:" without a value, or YAML's null. A quoted empty text is a value. */
static bool is_null(const yaml_event_t *ev)
{
	const char *s = scalar_text(ev);

	return ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*s || !strcmp(s, "~") || !strcmp(s, "null") || !strcmp(s, "Null") || !strcmp(s, "NULL"));
}

static bool is_group(const struct param_set *ps, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < ps->n; i++) {
		if (!strncmp(ps->values[i].row->path, path, n) && ps->values[i].row->path[n] == '.')
			return true;
	}
	return false;
}

static int refuse_duplicate(struct loader *l, const yaml_mark_t *mark, unsigned mapping, bool is_param)
{
	for (size_t i = 0; i < l->nr_seen; i++) {
		const struct seen *s = &l->seen[i];

		if (!strcmp(s->path, l->path) && (is_param || s->mapping == mapping))
			return fail_at(l, mark, "%s is set twice: first in line %zu", l->path, s->line);
	}
	l->seen = mem_realloc(l->seen, l->nr_seen + 1, sizeof *l->seen);
	l->seen[l->nr_seen++] = (struct seen){mem_strdup(l->path), mapping, mark->line + 1};
	return 0;
}

/* Puts key behind the first `len` bytes of the path and looks it up. */
static int enter_key(struct loader *l, const yaml_event_t *key, size_t len, unsigned mapping)
{
	const yaml_mark_t *mark = &key->start_mark;
	bool is_param;
	char hint[140];
	int n;

	if (key->type != YAML_SCALAR_EVENT)
		return fail_at(l, mark, "a key must be a name, not a list or a mapping");
	n = snprintf(l->path + len, PATH_BYTES - len, "%s%s", len ? "." : "", scalar_text(key));
	if (n < 0 || (size_t)n >= PATH_BYTES - len)
		return fail_at(l, mark, "unknown parameter \"%.90s...\"", l->path);
	is_param = param_find(l->ps, l->path) != NULL;
	if (is_param || is_group(l->ps, l->path))
		return refuse_duplicate(l, mark, mapping, is_param);
	suggest_text(hint, sizeof hint, param_nearest(l->ps, l->path));
	return fail_at(l, mark, "unknown parameter \"%.90s\"%s", l->path, hint);
}

/* ---- sequences ---- */

struct text {
	char *s;
	size_t len, cap;
};

static void text_add(struct text *t, const char *s)
{
	size_t n = strlen(s);

	if (t->len + n + 2 > t->cap) {
		t->cap = 2 * (t->len + n + 2);
		t->s = mem_realloc(t->s, t->cap, 1);
	}
	if (t->len)
		t->s[t->len++] = ' ';
	memcpy(t->s + t->len, s, n + 1);
	t->len += n;
}

/* Collects the elements up to the end of the sequence, rows of a matrix one after another. */
static int load_sequence(struct loader *l, struct text *t, unsigned depth)
{
	yaml_event_t ev;
	bool end = false;
	int rc = 0;

	while (!rc && !end) {
		rc = next_event(l, &ev);
		if (rc)
			return rc;
		end = ev.type == YAML_SEQUENCE_END_EVENT;
		if (ev.type == YAML_SCALAR_EVENT && !is_null(&ev))
			text_add(t, scalar_text(&ev));
		else if (ev.type == YAML_SEQUENCE_START_EVENT && depth == 0)
			rc = load_sequence(l, t, depth + 1);
		else if (!end)
			rc = fail_at(l, &ev.start_mark, "%s: expected an element of the list", l->path);
		yaml_event_delete(&ev);
	}
	return rc;
}

static int set_path(struct loader *l, const yaml_mark_t *mark, const char *value)
{
	char origin[300];
	int n = snprintf(origin, sizeof origin, "%s:%zu:%zu", l->name, mark->line + 1, mark->column + 1);
	int rc;

	if (n < 0 || (size_t)n >= sizeof origin) /* a path of that length: the place at least */
		snprintf(origin, sizeof origin, "...:%zu:%zu", mark->line + 1, mark->column + 1);
	rc = param_set_value(l->ps, l->path, value, origin, l->e);
	if (rc)
		err_prefix(l->e, "%s: ", origin);
	return rc;
}

static int load_list(struct loader *l, const yaml_mark_t *mark)
{
	const struct param_value *pv = param_find(l->ps, l->path);
	struct text t = {0};
	int rc;

	if (!pv)
		return fail_at(l, mark, "%s is a group of parameters: expected a mapping, not a list",
			       l->path);
	if (pv->row->kind != PARAM_LIST)
		return fail_at(l, mark, "%s takes one value, not a list", l->path);
	rc = load_sequence(l, &t, 0);
	if (!rc)
		rc = set_path(l, mark, t.s ? t.s : "");
	mem_free(t.s);
	return rc;
}

/* ---- mappings ---- */

static int load_mapping(struct loader *l);

static int load_value(struct loader *l, const yaml_event_t *ev)
{
	const yaml_mark_t *mark = &ev->start_mark;

	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		if (is_null(ev))
			return fail_at(l, mark, "%s has no value", l->path);
		return set_path(l, mark, scalar_text(ev));
	case YAML_SEQUENCE_START_EVENT:
		return load_list(l, mark);
	default: /* a mapping */
		if (param_find(l->ps, l->path))
			return fail_at(l, mark, "%s takes a value, not a mapping", l->path);
		return load_mapping(l);
	}
}

/* Behind the start of a mapping whose path is l->path: reads to its end. */
static int load_mapping(struct loader *l)
{
	unsigned mapping = ++l->nr_mappings;
	size_t len = strlen(l->path);
	yaml_event_t ev;
	int rc;

	for (;;) {
		rc = next_event(l, &ev);
		if (rc)
			return rc;
		if (ev.type == YAML_MAPPING_END_EVENT)
			break;
		rc = enter_key(l, &ev, len, mapping);
		yaml_event_delete(&ev);
		if (!rc)
			rc = next_event(l, &ev);
		if (rc)
			return rc;
		rc = load_value(l, &ev);
		yaml_event_delete(&ev);
		if (rc)
			return rc;
		l->path[len] = '\0';
	}
	yaml_event_delete(&ev);
	return 0;
}

/* ---- documents ---- */

static int load_root(struct loader *l, const yaml_event_t *ev)
{
	l->path[0] = '\0';
	if (ev->type == YAML_MAPPING_START_EVENT)
		return load_mapping(l);
	if (ev->type == YAML_SCALAR_EVENT && is_null(ev))
		return 0; /* an empty document */
	return fail_at(l, &ev->start_mark, "expected a mapping of parameters, such as \"vm.swappiness: 60\"");
}

static int load_stream(struct loader *l)
{
	unsigned nr_documents = 0;
	yaml_event_t ev;
	int rc = 0;

	for (bool end = false; !rc && !end;) {
		rc = next_event(l, &ev);
		if (rc)
			return rc;
		switch (ev.type) {
		case YAML_STREAM_END_EVENT:
			end = true;
			break;
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (nr_documents++)
				rc = fail_at(l, &ev.start_mark, "a second document: expected one a file");
			break;
		default:
			rc = load_root(l, &ev);
		}
		yaml_event_delete(&ev);
	}
	return rc;
}

int config_load_text(struct param_set *ps, const char *name, const char *text, size_t len, struct err *e)
{
	struct loader l = {.ps = ps, .name = name, .text = text, .len = len, .e = e};
	int rc;

	if (!yaml_parser_initialize(&l.parser))
		return err_set(e, ERR_NOMEM, "%s: out of memory", name);
	yaml_parser_set_input_string(&l.parser, (const unsigned char *)text, len);
	rc = load_stream(&l);
	yaml_parser_delete(&l.parser);
	for (size_t i = 0; i < l.nr_seen; i++)
		mem_free(l.seen[i].path);
	mem_free(l.seen);
	return rc;
}

int config_load(struct param_set *ps, const char *path, struct err *e)
{
	FILE *f = fopen(path, "rb");
	char *text;
	size_t len;
	int rc;

	if (!f)
		return err_set(e, ERR_OPEN, "%s: cannot be opened: %s", path, strerror(errno));
	text = mem_alloc_late(CONFIG_MAX + 1, 1);
	len = fread(text, 1, CONFIG_MAX + 1, f);
	if (ferror(f) && errno == EISDIR) /* opening a directory works, reading it does not */
		rc = err_set(e, ERR_OPEN, "%s: is a directory: expected a YAML configuration", path);
	else if (ferror(f))
		rc = err_set(e, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
	else if (len > CONFIG_MAX)
		rc = err_set(e, ERR_CONFIG, "%s: larger than 1 MiB: expected a YAML configuration", path);
	else
		rc = config_load_text(ps, path, text, len, e);
	fclose(f);
	mem_free(text);
	return rc;
}
