/*
 * generator.c - what the synthetic patterns share.
 *
 * Threads take turns of GENERATOR_BATCH accesses. Threads of a process share the region, processes have one
 * each at the same addresses. With maps=1 the trace begins with PROCESS, THREAD and MMAP records of all of
 * them. Each thread draws from two random streams of its own (addresses; writes), keyed by the seed, the
 * pattern and its number, so another count or write fraction changes no address.
 */
#include "traces/generators/generator.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/map.h"
#include "sim/mem.h"

#define FIRST_PID 1000

#define COMMON(field, def, min, max, unit, sentence)                                                    \
	{                                                                                               \
#field, OPTION_NUMBER, offsetof(struct generator, field), def, min, max, unit, sentence \
	}
static const struct generator_option common[] = {
	COMMON(count, 1e6, 0, 1e18, "accesses", "how many, over all threads"),
	COMMON(pages, 1024, 0, (double)GENERATOR_PAGES_MAX, "pages", "size of a process's region"),
	COMMON(bytes, 0, 0, (double)GENERATOR_PAGES_MAX * 4096, "bytes",
	       "the same in bytes, instead of pages; rounded up"),
	COMMON(seed, 1, 0, 0x1p64, "", "of the random numbers"),
	COMMON(icount, 1, 0, 65535, "instructions", "executed for each access"),
	COMMON(size, 8, 1, 4096, "bytes", "touched by an access"),
	COMMON(base, 0x100000000000, 0, 0x1p64, "", "address of the region, a multiple of 4096"),
	COMMON(threads, 1, 1, GENERATOR_THREADS_MAX, "threads", "of each process"),
	COMMON(processes, 1, 1, GENERATOR_THREADS_MAX, "processes", "each with a region of its own"),
	COMMON(maps, 0, 0, 1, "", "1: begin with the records of processes, threads and mmap"),
	{"write", OPTION_REAL, offsetof(struct generator, write), 0.25, 0, 1, "",
	 "share of the accesses that are stores"},
	{0},
};

const struct generator_option *generator_common_options(void)
{
	return common;
}

static void set_default(struct generator *g, const struct generator_option *o)
{
	void *at = (char *)g + o->offset;

	if (o->kind == OPTION_REAL)
		*(double *)at = o->def;
	else
		*(uint64_t *)at = (uint64_t)o->def;
}

static const struct generator_option *option_find(const struct generator *g, const char *key, size_t n)
{
	for (const struct generator_option *o = common; o->key; o++)
		if (strlen(o->key) == n && memcmp(o->key, key, n) == 0)
			return o;
	for (const struct generator_option *o = g->pattern->options; o && o->key; o++)
		if (strlen(o->key) == n && memcmp(o->key, key, n) == 0)
			return o;
	return NULL;
}

/* A number, decimal or 0x hex, with an optional suffix; false when it is none or does not fit. */
static bool parse_number(const char *s, uint64_t *v)
{
	static const char suffixes[] = "KMGT";
	const char *at;
	char *end;
	unsigned shift = 0;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*v = strtoull(s, &end, 0);
	if (errno)
		return false;
	if (*end && (at = strchr(suffixes, *end & ~0x20))) {
		shift = 10 * (unsigned)(at - suffixes + 1);
		end++;
	}
	if (*end || (shift && *v >> (64 - shift)))
		return false;
	*v <<= shift;
	return true;
}

static bool parse_real(const char *s, double *v)
{
	char *end;

	*v = strtod(s, &end);
	return end != s && !*end && isfinite(*v);
}

static int set_option(struct generator *g, const struct generator_option *o, const char *value, struct err *e)
{
	void *at = (char *)g + o->offset;
	bool ok;
	double v;

	if (o->kind == OPTION_REAL) {
		ok = parse_real(value, &v);
		if (ok)
			*(double *)at = v;
	} else {
		uint64_t n;

		ok = parse_number(value, &n);
		if (ok)
			*(uint64_t *)at = n;
		v = (double)n;
	}
	if (ok && v >= o->min && v <= o->max)
		return 0;
	return err_set(e, ERR_USAGE, "generator %s: %s=%s: a number from %g to %g%s%s expected",
		       g->pattern->name, o->key, value, o->min, o->max, *o->unit ? " " : "", o->unit);
}

static int unknown_option(const struct generator *g, const char *key, size_t n, struct err *e)
{
	char known[300];
	size_t len = 0;

	for (const struct generator_option *o = common; o->key && len < sizeof known; o++)
		len += (size_t)snprintf(known + len, sizeof known - len, " %s", o->key);
	for (const struct generator_option *o = g->pattern->options; o && o->key && len < sizeof known; o++)
		len += (size_t)snprintf(known + len, sizeof known - len, " %s", o->key);
	return err_set(e, ERR_USAGE, "generator %s: unknown option \"%.*s\"; there are%s", g->pattern->name,
		       (int)MIN_OF(n, 60u), key, known);
}

static int parse_options(struct generator *g, const char *s, struct err *e)
{
	while (*s) {
		size_t n = strcspn(s, ","), key = strcspn(s, "=,");
		const struct generator_option *o = option_find(g, s, key);
		char value[64];
		int rc;

		if (!o)
			return unknown_option(g, s, key, e);
		if (key == n || n - key - 1 >= sizeof value)
			return err_set(e, ERR_USAGE, "generator %s: %s: \"%s=NUMBER\" expected",
				       g->pattern->name, o->key, o->key);
		memcpy(value, s + key + 1, n - key - 1);
		value[n - key - 1] = '\0';
		rc = set_option(g, o, value, e);
		if (rc < 0)
			return rc;
		s += n;
		s += *s == ',';
	}
	return 0;
}

static int check_options(struct generator *g, struct err *e)
{
	const char *name = g->pattern->name;

	if (g->bytes)
		g->pages = (g->bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
	if (!g->pages)
		return err_set(e, ERR_USAGE, "generator %s: pages=0: at least 1 expected", name);
	if (g->base & (PAGE_SIZE - 1))
		return err_set(e, ERR_USAGE, "generator %s: base=0x%" PRIx64 ": a multiple of 4096 expected",
			       name, g->base);
	if (g->base + (g->pages << PAGE_SHIFT) - 1 < g->base)
		return err_set(e, ERR_USAGE, "generator %s: the region ends above the highest address", name);
	if (g->threads * g->processes > GENERATOR_THREADS_MAX)
		return err_set(e, ERR_LIMIT, "generator %s: %" PRIu64 " threads in all, at most %d expected",
			       name, g->threads * g->processes, GENERATOR_THREADS_MAX);
	return 0;
}

static void make_threads(struct generator *g)
{
	g->nr_threads = (size_t)(g->threads * g->processes);
	g->thread = mem_alloc_late(g->nr_threads, sizeof *g->thread);
	for (size_t i = 0; i < g->nr_threads; i++) {
		struct generator_thread *t = &g->thread[i];
		char path[80];

		t->pid = (uint32_t)(FIRST_PID + i / g->threads * g->threads);
		t->tid = (uint32_t)(FIRST_PID + i);
		t->left = g->count / g->nr_threads + (i < g->count % g->nr_threads);
		snprintf(path, sizeof path, "generator.%s.%zu", g->pattern->name, i);
		rng_init(&t->rng, g->seed, path);
	}
}

int generator_open(struct importer **out, const struct importer_ops *ops, const char *path,
		   const char *options, struct err *e)
{
	const struct generator_pattern *p = ops->form;
	struct generator *g = mem_alloc_late(1, p->size);
	int rc;

	(void)path;
	g->im.ops = ops;
	g->pattern = p;
	g->arguments = mem_strdup(options);
	for (const struct generator_option *o = common; o->key; o++)
		set_default(g, o);
	for (const struct generator_option *o = p->options; o && o->key; o++)
		set_default(g, o);
	rc = parse_options(g, options, e);
	if (rc >= 0)
		rc = check_options(g, e);
	if (rc >= 0 && p->begin)
		rc = p->begin(g, e);
	if (rc < 0) {
		generator_close(&g->im);
		*out = NULL;
		return rc;
	}
	make_threads(g);
	*out = &g->im;
	return 0;
}

/* The records before the first access: for each process PROCESS and MMAP, for each further thread THREAD. */
static bool opening_record(struct generator *g, struct batch *b)
{
	size_t i = g->opening / 2, which = g->opening % 2;
	struct control *c = &g->control;
	struct generator_thread *t;
	bool first;

	if (!g->maps || i == g->nr_threads)
		return false;
	t = &g->thread[i];
	first = t->tid == t->pid;
	g->opening += first ? 1 : 2;
	*c = (struct control){.op = REC_THREAD, .pid = t->pid, .tid = t->tid, .cpu = -1};
	if (first && which == 0) {
		c->op = REC_PROCESS;
		c->text = g->pattern->name;
	} else if (first) {
		const uint64_t prot_read_write = 3, map_private_anonymous = 0x22;

		c->op = REC_MMAP;
		c->arg[0] = g->base;
		c->arg[1] = g->pages << PAGE_SHIFT;
		c->arg[2] = prot_read_write;
		c->arg[3] = map_private_anonymous;
		c->arg[4] = FID_NONE;
		c->result = (int64_t)g->base;
	}
	*b = (struct batch){.pid = t->pid, .tid = t->tid, .control = c};
	return true;
}

/* Whether access number `at` of thread t is a store: a function of both, not of what was drawn before. */
static bool is_store(const struct generator *g, const struct generator_thread *t, uint64_t at)
{
	uint64_t h;

	if (g->write <= 0)
		return false;
	h = hash_u64(hash_u64(g->seed ^ (uint64_t)t->tid << 32) + at);
	return (double)(h >> 11) * 0x1.0p-53 < g->write;
}

int generator_next(struct importer *im, struct batch *b, struct err *e)
{
	struct generator *g = CONTAINER_OF(im, struct generator, im);
	struct generator_thread *t;
	size_t n;

	(void)e;
	if (opening_record(g, b))
		return 1;
	if (g->done == g->count)
		return 0;
	do {
		t = &g->thread[g->turn];
		g->turn = (g->turn + 1) % g->nr_threads;
	} while (!t->left);
	n = (size_t)MIN_OF(t->left, GENERATOR_BATCH);
	g->pattern->fill(g, t, g->addr, n);
	for (size_t i = 0; i < n; i++)
		g->meta[i] = meta_make(g->addr[i], is_store(g, t, t->pos + i) ? ACCESS_STORE : ACCESS_LOAD,
				       (uint32_t)g->size, (uint32_t)g->icount);
	t->pos += n;
	t->left -= n;
	g->done += n;
	*b = (struct batch){.pid = t->pid, .tid = t->tid, .n = n, .addr = g->addr, .meta = g->meta};
	return 1;
}

void generator_provenance(struct importer *im, struct provenance *p)
{
	struct generator *g = CONTAINER_OF(im, struct generator, im);

	*p = (struct provenance){
		.program = g->pattern->name,
		.arguments = g->arguments,
		.recorder = "faultline generator",
		.no_times = true,
		.no_fetches = true,
	};
}

void generator_position(struct importer *im, uint64_t *done, uint64_t *total)
{
	struct generator *g = CONTAINER_OF(im, struct generator, im);

	*done = g->done;
	*total = g->count;
}

void generator_close(struct importer *im)
{
	struct generator *g = CONTAINER_OF(im, struct generator, im);

	if (!im)
		return;
	mem_free(g->thread);
	mem_free(g->arguments);
	mem_free(g);
}
