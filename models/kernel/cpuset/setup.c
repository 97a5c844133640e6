/*
 * setup.c - sets from parameters: names, places in the tree, nodes and CPUs, who begins where, what changes.
 *
 * After Linux 6.1, lib/bitmap.c bitmap_parselist (without strides).
 */
#include "models/kernel/cpuset/sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mem.h"

PARAM_TABLE(cpuset, cpuset_params, CPUSET_PARAMS);

#define WORDS (MAX_CPUS / 64)

/* A parameter that is being read. */
struct reader {
	struct kernel *k;
	const char *path, *text, *at;
	struct err *e;
};

static int bad(const struct reader *r, const char *expected)
{
	return err_set(r->e, ERR_CONFIG, "%s: \"%s\", character %zu: expected %s", r->path, r->text,
		       (size_t)(r->at - r->text) + 1, expected);
}

static void skip_blanks(struct reader *r)
{
	while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n')
		r->at++;
}

static bool at_end(const struct reader *r)
{
	return !*r->at || *r->at == ' ' || *r->at == '\t' || *r->at == '\n';
}

static int number(struct reader *r, uint64_t limit, uint64_t *out)
{
	char *end;

	if (*r->at < '0' || *r->at > '9')
		return bad(r, "a number");
	*out = strtoull(r->at, &end, 10);
	if (end - r->at > 18 || *out >= limit)
		return err_set(r->e, ERR_CONFIG,
			       "%s: \"%s\", character %zu: expected a number below %" PRIu64, r->path,
			       r->text, (size_t)(r->at - r->text) + 1, limit);
	r->at = end;
	return 0;
}

/* bitmap_parselist: "0-3,8" into bits below limit; "-": none. */
static int list(struct reader *r, uint64_t limit, uint64_t *bits)
{
	if (*r->at == '-') {
		r->at++;
		return at_end(r) ? 0 : bad(r, "a number before it, or a blank");
	}
	for (;;) {
		uint64_t first = 0, last;
		int rc = number(r, limit, &first);

		last = first;
		if (!rc && *r->at == '-') {
			r->at++;
			rc = number(r, limit, &last);
		}
		if (rc)
			return rc;
		if (last < first)
			return bad(r, "a range that goes up before it");
		for (; first <= last; first++)
			bits[first / 64] |= UINT64_C(1) << (first % 64);
		if (at_end(r))
			return 0;
		if (*r->at++ != ',')
			return bad(r, "\",\" or a blank before it");
	}
}

/* Lists of sets: words x 64 bits each in rows; *n: how many. */
static int lists(struct reader *r, uint64_t limit, unsigned words, uint64_t *rows, unsigned *n)
{
	int rc = 0;

	r->at = r->text;
	for (*n = 0, skip_blanks(r); !rc && *r->at; skip_blanks(r)) {
		if (*n == CPUSETS_MAX)
			return bad(r, "no more than 64 sets");
		rc = list(r, limit, rows + (size_t)(*n)++ * words);
	}
	return rc;
}

/* All nodes of the list have memory. */
static int check_memory(const struct reader *r, nodemask_t mems)
{
	const struct memory *m = r->k->memory;

	for (unsigned nid = 0; nid < m->nr_nodes; nid++)
		if (mems >> nid & 1 && !m->node[nid].has_memory)
			return err_set(r->e, ERR_CONFIG, "%s: node %u has no memory", r->path, nid);
	return 0;
}

/* Every set has one of the n lists, which may be one for all, or none. */
static int check_count(const struct cpusets *s, const struct reader *r, unsigned n)
{
	if (n <= 1 || n == s->n)
		return 0;
	return err_set(r->e, ERR_CONFIG, "%s: %u lists for %u sets", r->path, n, s->n);
}

/* ---- names ---- */

static struct cpuset *find(struct cpusets *s, const char *name, size_t len)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strlen(s->set[i].name) == len && !memcmp(s->set[i].name, name, len))
			return &s->set[i];
	return NULL;
}

/* A set by name or place, which ends before `stop`. */
static int read_set(struct cpusets *s, struct reader *r, const char *stop, struct cpuset **out)
{
	size_t len = (size_t)(stop - r->at);
	uint64_t place;
	int rc;

	*out = find(s, r->at, len);
	if (*out) {
		r->at = stop;
		return 0;
	}
	if (*r->at < '0' || *r->at > '9')
		return bad(r, "the name of a set (cpuset.name)");
	rc = number(r, s->n, &place);
	if (!rc && r->at != stop)
		rc = bad(r, "the end of the set's place");
	if (!rc)
		*out = &s->set[place];
	return rc;
}

/* What comes before the last slash must be a set, and one that was named before. */
static int add_name(struct cpusets *s, struct reader *r, size_t len)
{
	struct cpuset *cs = &s->set[s->n];
	const char *slash = NULL;

	if (s->n == CPUSETS_MAX)
		return bad(r, "no more than 64 sets");
	if (!memcg_name_is_valid(r->at, len))
		return bad(r, "a name of at most 31 letters, digits, \".-_\" and slashes between sets");
	if (find(s, r->at, len))
		return bad(r, "another name: this one is there twice");
	for (size_t i = 0; i < len; i++)
		if (r->at[i] == '/')
			slash = r->at + i;
	if (slash) {
		cs->parent = find(s, r->at, (size_t)(slash - r->at));
		if (!cs->parent)
			return bad(r, "the set that it lies in before it");
	}
	memcpy(cs->name, r->at, len);
	s->n++;
	r->at += len;
	return 0;
}

static int read_names(struct cpusets *s, struct reader *r, unsigned wanted)
{
	r->at = r->text;
	for (skip_blanks(r); *r->at; skip_blanks(r)) {
		const char *from = r->at;
		int rc;

		while (!at_end(r))
			r->at++;
		rc = (int)(r->at - from);
		r->at = from;
		rc = add_name(s, r, (size_t)rc);
		if (rc)
			return rc;
	}
	for (; !*r->text && s->n < wanted; s->n++)
		snprintf(s->set[s->n].name, sizeof s->set->name, "s%u", s->n);
	return 0;
}

static int read_of(struct cpusets *s, struct reader *r)
{
	r->at = r->text;
	for (skip_blanks(r); *r->at; skip_blanks(r)) {
		uint64_t pid = 0, place = CPUSET_ROOT;
		struct cpuset *cs = NULL;
		const char *stop;
		int rc = number(r, UINT32_MAX, &pid);

		if (!rc && *r->at++ != ':')
			rc = bad(r, "\":\" before it");
		for (stop = r->at; !rc && *stop && !strchr(" \t\n", *stop);)
			stop++;
		if (!rc && stop - r->at == 4 && !strncmp(r->at, "root", 4))
			r->at += 4;
		else if (!rc)
			rc = read_set(s, r, stop, &cs);
		if (rc)
			return rc;
		if (cs)
			place = (uint64_t)(cs - s->set);
		map_put(&s->of, pid, place);
	}
	return 0;
}

/* ---- changes ---- */

static struct cpuset_step *add_step(struct cpusets *s)
{
	s->step = mem_realloc(s->step, s->nr_steps + 1, sizeof *s->step);
	s->step[s->nr_steps] = (struct cpuset_step){.at = TICK_NEVER};
	return &s->step[s->nr_steps++];
}

/* "@label" or milliseconds, and a colon. */
static int read_when(struct reader *r, struct cpuset_step *step)
{
	uint64_t ms = 0;
	int rc;

	if (*r->at == '@') {
		step->label = ++r->at;
		while (!at_end(r) && *r->at != ':')
			r->at++;
		step->label_len = (size_t)(r->at - step->label);
		rc = step->label_len ? 0 : bad(r, "the label of a mark");
	} else {
		rc = number(r, UINT64_C(1) << 30, &ms);
		step->at = ms * PS_PER_MS;
	}
	if (!rc && *r->at++ != ':')
		rc = bad(r, "\":\" before it");
	return rc;
}

/* "SET.mems=" or "SET.cpus=" */
static int read_file(struct cpusets *s, struct reader *r, struct cpuset_step *step)
{
	const char *equals = r->at, *dot;
	int rc;

	while (*equals && !strchr(" \t\n=", *equals))
		equals++;
	for (dot = equals; dot > r->at && *dot != '.';)
		dot--;
	if (*equals != '=' || equals - dot != 5 ||
	    (strncmp(dot, ".mems", 5) != 0 && strncmp(dot, ".cpus", 5) != 0))
		return bad(r, "SET.mems=LIST or SET.cpus=LIST");
	step->of_cpus = dot[1] == 'c';
	rc = read_set(s, r, dot, &step->set);
	r->at = equals + 1;
	return rc;
}

static int read_changes(struct cpusets *s, struct reader *r)
{
	const struct memory *m = r->k->memory;

	r->at = r->text;
	for (skip_blanks(r); *r->at; skip_blanks(r)) {
		struct cpuset_step *step = add_step(s);
		int rc = read_when(r, step);

		rc = rc ? rc : read_file(s, r, step);
		if (!rc && !at_end(r))
			rc = step->of_cpus ? list(r, m->topo->nr_cpus, step->cpus)
					   : list(r, m->nr_nodes, &step->mems);
		rc = rc ? rc : check_memory(r, step->mems);
		if (rc)
			return rc;
	}
	return 0;
}

/* cpuset.change_mems: a step a set. */
static int read_later(struct cpusets *s, struct reader *r, const struct cpuset_params *p)
{
	nodemask_t later[CPUSETS_MAX] = {0};
	unsigned n;
	int rc = lists(r, r->k->memory->nr_nodes, 1, later, &n);

	rc = rc ? rc : check_count(s, r, n);
	for (unsigned i = 0; !rc && n && i < s->n; i++) {
		nodemask_t mems = later[n > 1 ? i : 0];
		struct cpuset_step *step;

		rc = check_memory(r, mems);
		if (rc || !mems)
			continue;
		step = add_step(s);
		step->at = p->change_ms * PS_PER_MS;
		step->set = &s->set[i];
		step->mems = mems;
	}
	return rc;
}

/* ---- all of it ---- */

static int read_lists(struct cpusets *s, struct reader *rm, struct reader *rc, struct reader *rn)
{
	const struct memory *m = rm->k->memory;
	uint64_t cpus[CPUSETS_MAX * WORDS] = {0};
	nodemask_t mems[CPUSETS_MAX] = {0};
	unsigned nm, nc;
	int r = lists(rm, m->nr_nodes, 1, mems, &nm);

	r = r ? r : lists(rc, m->topo->nr_cpus, WORDS, cpus, &nc);
	r = r ? r : read_names(s, rn, MAX_OF(nm, nc));
	r = r ? r : check_count(s, rm, nm);
	r = r ? r : check_count(s, rc, nc);
	for (unsigned i = 0; !r && i < s->n; i++) {
		struct cpuset *cs = &s->set[i];

		cs->mems = nm ? mems[nm > 1 ? i : 0] : 0;
		memcpy(cs->cpus, cpus + (nc > 1 ? i : 0) * WORDS, sizeof cs->cpus);
		r = check_memory(rm, cs->mems);
		cpuset_effective(rm->k, cs, &cs->effective_mems, cs->effective_cpus);
	}
	return r;
}

static int read_sets(struct kernel *k, struct cpusets *s, const struct cpuset_params *p, struct err *e)
{
	struct reader mems = {.k = k, .path = "cpuset.mems", .text = p->mems, .e = e};
	struct reader cpus = {.k = k, .path = "cpuset.cpus", .text = p->cpus, .e = e};
	struct reader name = {.k = k, .path = "cpuset.name", .text = p->name, .e = e};
	struct reader of = {.k = k, .path = "cpuset.of", .text = p->of, .e = e};
	struct reader later = {.k = k, .path = "cpuset.change_mems", .text = p->change_mems, .e = e};
	struct reader changes = {.k = k, .path = "cpuset.changes", .text = p->changes, .e = e};
	int rc = read_lists(s, &mems, &cpus, &name);

	for (unsigned i = 0; i < s->n; i++)
		s->set[i].spread_page = p->spread_page;
	rc = rc ? rc : read_of(s, &of);
	rc = rc ? rc : read_later(s, &later, p);
	return rc ? rc : read_changes(s, &changes);
}

int cpuset_new(struct kernel *k, const struct cpuset_params *p, struct err *e)
{
	struct cpusets *s;

	if (!*p->mems && !*p->cpus && !*p->name) {
		if (*p->of || *p->change_mems || *p->changes)
			return err_set(e, ERR_CONFIG,
				       "%s: there are no sets (cpuset.name, cpuset.mems, cpuset.cpus)",
				       *p->of            ? "cpuset.of"
				       : *p->change_mems ? "cpuset.change_mems"
							 : "cpuset.changes");
		return 0;
	}
	s = k->cpusets = mem_alloc(1, sizeof *s);
	map_init(&s->of);
	s->all_in_first = !*p->of;
	s->migrate = p->memory_migrate;
	return read_sets(k, s, p, e);
}

void cpuset_free(struct kernel *k)
{
	if (!k->cpusets)
		return;
	map_release(&k->cpusets->of);
	mem_free(k->cpusets->step);
	mem_free(k->cpusets);
	k->cpusets = NULL;
}
