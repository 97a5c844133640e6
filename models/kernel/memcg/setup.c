/*
 * setup.c - groups from parameters: names, places in the tree, limits, who begins where.
 *
 * After mm/memcontrol.c mem_cgroup_css_alloc and kernel/cgroup/cgroup.c cgroup_mkdir, Linux 6.1: a new group
 * has no limits. A list of limits has one entry a group, or one for all of them.
 */
#include "models/kernel/memcg/table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mem.h"

PARAM_TABLE(memcg, memcg_params, MEMCG_PARAMS);

/* As the lists number groups; their places in pre-order follow. */
struct plan {
	const struct memcg_params *p;
	struct err *e;
	size_t n;
	char (*name)[MEMCG_NAME_LEN];
	uint32_t *id, *parent; /* by number; parent: number + 1, 0 = the root */
};

static const struct {
	const char *path;
	size_t offset;
} lists[] = {
#define MEMCG_LIST_LIST(field, path) {path, offsetof(struct memcg_params, field)},
#define MEMCG_LIST_STR(field, path)
#define MEMCG_LIST_BOOL(field, path)
#define MEMCG_LIST(S, kind, field, path, ...) MEMCG_LIST_##kind(field, path)
	MEMCG_PARAMS(MEMCG_LIST, unused)
#undef MEMCG_LIST
#undef MEMCG_LIST_STR
#undef MEMCG_LIST_BOOL
#undef MEMCG_LIST_LIST
};

static bool is_separator(char c)
{
	return isspace((unsigned char)c) || c == ',' || c == ';';
}

/* The next word of *at, which moves behind it; its length, 0 at the end. */
static size_t next_word(const char **at, const char **word)
{
	while (is_separator(**at))
		++*at;
	*word = *at;
	while (**at && !is_separator(**at))
		++*at;
	return (size_t)(*at - *word);
}

static bool is_number(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return n > 0;
}

bool memcg_name_is_valid(const char *s, size_t n)
{
	if (!n || n >= MEMCG_NAME_LEN || is_number(s, n) || s[0] == '/' || s[n - 1] == '/' ||
	    (n == 4 && !memcmp(s, "root", 4)))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((!isalnum((unsigned char)s[i]) && !strchr(".-_/", s[i])) ||
		    ((i == 0 || s[i - 1] == '/') && (s[i] == '.' || s[i] == '/')))
			return false;
	return true;
}

static size_t find_name(const struct plan *l, const char *s, size_t n)
{
	for (size_t i = 0; i < l->n; i++)
		if (strlen(l->name[i]) == n && !memcmp(l->name[i], s, n))
			return i;
	return SIZE_MAX;
}

/* What comes before the last slash must be a group, and one that was named before. */
static int place(struct plan *l, size_t i)
{
	const char *slash = strrchr(l->name[i], '/');
	size_t parent;

	if (!slash)
		return 0;
	parent = find_name(l, l->name[i], (size_t)(slash - l->name[i]));
	if (parent >= i)
		return err_set(
			l->e, ERR_CONFIG,
			"memcg.name: \"%s\": the group \"%.*s\" that it lies in is not named before it",
			l->name[i], (int)(slash - l->name[i]), l->name[i]);
	l->parent[i] = (uint32_t)parent + 1;
	return 0;
}

static int read_names(struct plan *l, size_t wanted)
{
	const char *at = l->p->name, *word;
	size_t len;

	for (size_t i = 0; i < wanted; i++)
		snprintf(l->name[i], MEMCG_NAME_LEN, "g%zu", i);
	if (!*l->p->name) {
		l->n = wanted;
		return 0;
	}
	while ((len = next_word(&at, &word))) {
		if (!memcg_name_is_valid(word, len))
			return err_set(
				l->e, ERR_CONFIG,
				"memcg.name: \"%.*s\" is no name of a group: expected at most %d letters, "
				"digits, \".-_\" and slashes between groups, not a number and not "
				"\"root\"",
				(int)MIN_OF(len, (size_t)60), word, MEMCG_NAME_LEN - 1);
		if (find_name(l, word, len) != SIZE_MAX)
			return err_set(l->e, ERR_CONFIG, "memcg.name: \"%.*s\" is there twice", (int)len,
				       word);
		memcpy(l->name[l->n], word, len);
		l->name[l->n][len] = 0;
		if (place(l, l->n++) < 0)
			return -(int)l->e->code;
	}
	return 0;
}

static const struct u64_list *list_of(const struct plan *l, size_t i)
{
	return (const struct u64_list *)((const char *)l->p + lists[i].offset);
}

static int check_lists(const struct plan *l)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		size_t n = list_of(l, i)->n;

		if (n > 1 && n != l->n)
			return err_set(
				l->e, ERR_CONFIG,
				"%s: %zu entries for %zu groups, expected one or one a group (memcg.name)",
				lists[i].path, n, l->n);
	}
	return 0;
}

static uint64_t entry(const struct u64_list *l, size_t i, uint64_t otherwise)
{
	return l->n ? l->v[l->n == 1 ? 0 : i] : otherwise;
}

static uint64_t pages(const struct u64_list *l, size_t i, uint64_t otherwise)
{
	uint64_t bytes = entry(l, i, otherwise);

	return bytes == MEMCG_MAX ? MEMCG_MAX : bytes >> PAGE_SHIFT;
}

/* Gives numbers in pre-order to the groups in the one of number `in` - 1; returns the next free one. */
static uint32_t number(struct plan *l, uint32_t in, uint32_t next, struct memcg *v)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->parent[i] == in) {
			l->id[i] = next;
			next = number(l, (uint32_t)i + 1, next + 1, v);
			v[l->id[i] - 1].last = next - 1;
		}
	return next;
}

static void set_up(struct kernel *k, const struct plan *l, size_t i)
{
	struct memcg_table *t = k->memcgs;
	const struct memcg_params *p = l->p;
	struct memcg *g = &t->v[l->id[i] - 1];
	size_t at = (size_t)(l->id[i] - 1) * k->memory->nr_nodes;

	g->id = l->id[i];
	memcpy(g->name, l->name[i], sizeof g->name);
	g->parent = l->parent[i] ? &t->v[l->id[l->parent[i] - 1] - 1] : NULL;
	g->memory = (struct page_counter){.parent = g->parent ? &g->parent->memory : NULL,
					  .min = pages(&p->min, i, 0),
					  .low = pages(&p->low, i, 0),
					  .high = pages(&p->high, i, MEMCG_MAX),
					  .max = pages(&p->max, i, MEMCG_MAX)};
	g->swap = (struct page_counter){.parent = g->parent ? &g->parent->swap : NULL,
					.high = pages(&p->swap_high, i, MEMCG_MAX),
					.max = pages(&p->swap_max, i, MEMCG_MAX)};
	g->swappiness = entry(&p->swappiness, i, k->params.swappiness);
	g->oom_group = entry(&p->oom_group, i, 0);
	g->lruvec = &k->memory->group_lruvecs[at];
	for (unsigned nid = 0; nid < k->memory->nr_nodes; nid++) {
		struct lruvec *v = &g->lruvec[nid];

		v->node = &k->memory->node[nid];
		v->memcg = g;
		v->counts = &t->counts[at + nid];
		for (unsigned list = 0; list < NR_LRU_LISTS; list++)
			frame_list_init(&v->list[list]);
	}
}

/* ---- memcg.of ---- */

static int bad_pid(const struct plan *l, const char *word, size_t len)
{
	return err_set(
		l->e, ERR_CONFIG,
		"memcg.of: \"%.*s\": expected a pid, a colon and a group (its name, its place from 0 on, or "
		"\"root\")",
		(int)MIN_OF(len, (size_t)60), word);
}

static int read_group(const struct plan *l, const char *s, size_t n, uint32_t *id)
{
	size_t i;

	*id = 0;
	if (n == 4 && !memcmp(s, "root", 4))
		return 0;
	i = is_number(s, n) && n < 9 ? strtoul(s, NULL, 10) : find_name(l, s, n);
	if (i >= l->n)
		return err_set(l->e, ERR_CONFIG, "memcg.of: there is no group \"%.*s\" (memcg.name)",
			       (int)MIN_OF(n, (size_t)60), s);
	*id = l->id[i];
	return 0;
}

static int read_pids(const struct plan *l, struct memcg_table *t)
{
	const char *at = l->p->of, *word;
	size_t len;

	t->first = l->id[0];
	t->pids = mem_alloc(strlen(at) / 2 + 1, sizeof *t->pids);
	while ((len = next_word(&at, &word))) {
		const char *colon = memchr(word, ':', len);
		size_t digits = colon ? (size_t)(colon - word) : 0;
		struct memcg_pid *p = &t->pids[t->nr_pids++];

		if (!is_number(word, digits) || digits > 9)
			return bad_pid(l, word, len);
		p->pid = (uint32_t)strtoul(word, NULL, 10);
		for (size_t i = 0; i + 1 < t->nr_pids; i++)
			if (t->pids[i].pid == p->pid)
				return err_set(l->e, ERR_CONFIG, "memcg.of: process %u is there twice",
					       p->pid);
		if (read_group(l, colon + 1, len - digits - 1, &p->group) < 0)
			return -(int)l->e->code;
		t->first = 0;
	}
	return 0;
}

/* ---- all of it ---- */

static size_t groups_wanted(const struct plan *l)
{
	size_t n = 0, names = 0;
	const char *at = l->p->name, *word;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		n = MAX_OF(n, list_of(l, i)->n);
	while (next_word(&at, &word))
		names++;
	return names ? names : n;
}

static int build(struct kernel *k, struct plan *l, unsigned nr_cpus)
{
	struct memcg_table *t = k->memcgs;
	size_t lists_of_pages = l->n * k->memory->nr_nodes;

	if (check_lists(l) < 0)
		return -(int)l->e->code;
	t->n = (uint32_t)l->n;
	t->recursive = l->p->recursiveprot;
	t->nr_cpus = nr_cpus;
	t->v = mem_alloc(l->n, sizeof *t->v);
	t->stock = mem_alloc(nr_cpus, sizeof *t->stock);
	t->counts = mem_alloc(lists_of_pages, sizeof *t->counts);
	k->memory->group_lruvecs = mem_alloc(lists_of_pages, sizeof *k->memory->group_lruvecs);
	number(l, 0, 1, t->v);
	for (size_t i = 0; i < l->n; i++)
		set_up(k, l, i);
	return read_pids(l, t);
}

int memcg_new(struct kernel *k, const struct memcg_params *p, unsigned nr_cpus, struct err *e)
{
	struct plan l = {.p = p, .e = e};
	size_t n = groups_wanted(&l);
	int rc;

	if (!n)
		return *p->of ? err_set(e, ERR_CONFIG, "memcg.of: there are no groups (memcg.name)") : 0;
	if (n > MEMCG_GROUPS)
		return err_set(e, ERR_CONFIG, "memcg.name: %zu groups, expected at most %u", n, MEMCG_GROUPS);
	l.name = mem_alloc(n, sizeof *l.name);
	l.id = mem_alloc(n, sizeof *l.id);
	l.parent = mem_alloc(n, sizeof *l.parent);
	k->memcgs = mem_alloc(1, sizeof *k->memcgs);
	rc = read_names(&l, n);
	if (rc >= 0)
		rc = build(k, &l, nr_cpus);
	mem_free(l.name);
	mem_free(l.id);
	mem_free(l.parent);
	return rc;
}

void memcg_free(struct kernel *k)
{
	struct memcg_table *t = k->memcgs;

	if (!t)
		return;
	for (size_t i = 0; k->memory->group_lruvecs && i < t->n * k->memory->nr_nodes; i++)
		mem_free(k->memory->group_lruvecs[i].gens);
	mem_free(k->memory->group_lruvecs);
	k->memory->group_lruvecs = NULL;
	mem_free(t->v);
	mem_free(t->stock);
	mem_free(t->counts);
	mem_free(t->pids);
	mem_free(t);
	k->memcgs = NULL;
}
