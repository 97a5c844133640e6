/*
 * sweep.c - from a plan to a store.
 *
 * Three passes over the points: their keys (`run --print-key`), which also finds wrong values before anything
 * runs; their runs, each into a shard of its own; and, meanwhile, the collector, which takes a finished point
 * as soon as all points before it are through. Killed at any moment, the same command goes on from what is
 * stored and from the shards that are finished.
 *
 * Not modelled: other machines. All children run on this host.
 */
#include "analysis/sweep/sweep.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "analysis/intern.h"
#include "analysis/merge.h"
#include "analysis/sweep/jobs.h"
#include "analysis/sweep/shards.h"
#include "sim/mem.h"

/* The collector is patient: other programs may be reading the store. */
#define COLLECT_BUSY_MS 60000

struct work {
	struct sweep *s;
	const struct sweep_request *r;
	struct progress *progress;
	struct shards shards;
	struct db db;
	size_t nr_through; /* points before this one are collected or need no collecting */
	size_t nr_ended;
};

static const char *const state_names[] = {
#define SWEEP_STATE_NAME(name, text) text,
	SWEEP_STATE_LIST(SWEEP_STATE_NAME)
#undef SWEEP_STATE_NAME
};

const char *sweep_state_name(enum sweep_state state)
{
	return state_names[state];
}

static void set_state(struct sweep *s, struct sweep_point *p, enum sweep_state state)
{
	s->nr_in[p->state]--;
	p->state = state;
	s->nr_in[state]++;
}

static void tick(void *ctx, size_t nr_running)
{
	struct work *w = ctx;
	char detail[64];

	snprintf(detail, sizeof detail, "%zu running, %zu failed", nr_running, w->s->nr_in[SWEEP_FAILED]);
	progress_update(w->progress, w->nr_ended, detail);
}

/* What all runs of the sweep have in common, then the point's own parameters. */
static void add_point_args(struct args *a, const struct sweep_request *r, size_t point)
{
	for (size_t i = 0; i < r->nr_run_args; i++)
		args_add(a, r->run_args[i]);
	for (size_t i = 0; i < r->plan->nr_axes; i++) {
		args_add(a, "--set");
		args_add_assignment(a, r->plan->axes[i].path, plan_value(r->plan, point, i));
	}
}

/* A child's failure in its own words, without "faultline: " in front. */
static void set_failed(struct sweep *s, struct sweep_point *p, struct child *c, int status)
{
	static const char program[] = "faultline: ";
	char line[400];
	const char *text = line;

	child_last_line(c->err, line, sizeof line);
	if (!strncmp(line, program, sizeof program - 1))
		text += sizeof program - 1;
	if (status > 128 && (status != 128 + SIGABRT || !*text)) { /* who aborts has said why */
		snprintf(line, sizeof line, "ended by signal %d (%s)", status - 128, strsignal(status - 128));
		text = line;
	} else if (!*text) {
		snprintf(line, sizeof line, "ended with status %d and said nothing", status);
		text = line;
	}
	mem_free(p->message);
	p->message = mem_strdup(text);
	p->status = status ? status : err_exit_status(ERR_STORE);
	set_state(s, p, SWEEP_FAILED);
}

/* ---- keys ---- */

static char **key_args(void *ctx, size_t i)
{
	struct work *w = ctx;
	struct args a = {0};

	args_add(&a, "faultline");
	args_add(&a, "run");
	args_add(&a, w->r->trace);
	args_add(&a, "--print-key");
	add_point_args(&a, w->r, i);
	return a.v;
}

/* A key becomes part of a file's name, so it must be what it should be. */
static bool is_key(const char *text)
{
	size_t n = strspn(text, "0123456789abcdef");

	return !text[n] && n >= 8 && n < sizeof((struct sweep_point *)0)->key;
}

static int key_ended(void *ctx, size_t i, struct child *c, int status, struct err *e)
{
	struct work *w = ctx;
	struct sweep_point *p = &w->s->points[i];
	char line[128];

	w->nr_ended++;
	if (status) {
		set_failed(w->s, p, c, status);
		return 0;
	}
	child_last_line(c->out, line, sizeof line);
	if (!is_key(line))
		return err_set(e, ERR_STORE, "sweep: run --print-key printed \"%.60s\", which is no key",
			       line);
	memcpy(p->key, line, strlen(line) + 1); /* is_key has seen its length */
	return 0;
}

/* Whether all points failed for one reason: then it is the sweep's. */
static int check_keys(const struct sweep *s, struct err *e)
{
	const struct sweep_point *first = &s->points[0];

	if (s->nr_in[SWEEP_FAILED] < s->n)
		return 0;
	for (enum err_code code = ERR_OK + 1; code < ERR_NR; code++)
		if (err_exit_status(code) == first->status)
			return err_set(e, code, "%s", first->message);
	return err_set(e, ERR_STORE, "%s", first->message);
}

static int find_keys(struct work *w, struct err *e)
{
	static const struct jobs_ops ops = {.args = key_args, .ended = key_ended, .tick = tick};
	int rc;

	w->progress = progress_new("sweep: planning", w->s->n);
	w->nr_ended = 0;
	rc = jobs_run(w->r->program, w->s->n, w->r->jobs, &ops, w, e);
	progress_free(w->progress);
	w->progress = NULL;
	return rc ? rc : check_keys(w->s, e);
}

static void find_same(struct sweep *s)
{
	struct intern keys;

	intern_init(&keys);
	for (size_t i = 0; i < s->n; i++) {
		uint32_t before = keys.n;

		if (s->points[i].state == SWEEP_PLANNED && intern_number(&keys, s->points[i].key) < before)
			set_state(s, &s->points[i], SWEEP_SAME);
	}
	intern_release(&keys);
}

static int find_stored(struct sweep *s, const struct sweep_request *r, struct err *e)
{
	struct db d;
	bool has;
	int rc;

	if (access(r->store, F_OK))
		return 0;
	if ((rc = db_open(&d, r->store, DB_READ, e)))
		return rc;
	for (size_t i = 0; i < s->n && !rc; i++) {
		struct sweep_point *p = &s->points[i];

		if (p->state == SWEEP_PLANNED && !(rc = merge_has_complete(&d, p->key, &has, e)) && has)
			set_state(s, p, SWEEP_STORED);
	}
	db_close(&d);
	return rc;
}

int sweep_plan(struct sweep *s, const struct sweep_request *r, struct err *e)
{
	struct work w = {.s = s, .r = r};
	int rc;

	*s = (struct sweep){.n = plan_nr_points(r->plan)};
	s->points = mem_alloc(s->n, sizeof *s->points);
	s->nr_in[SWEEP_PLANNED] = s->n;
	for (size_t i = 0; i < s->n; i++)
		s->points[i].name = plan_point_name(r->plan, r->prefix, i);
	rc = find_keys(&w, e);
	if (rc)
		return rc;
	find_same(s);
	return find_stored(s, r, e);
}

/* ---- collecting ---- */

/* A point's shard must not be lost before its rows are committed. */
static int collect_point(struct work *w, struct sweep_point *p, struct err *e)
{
	int rc = merge_shard(&w->db, p->shard, p->key, e);

	if (rc)
		return rc;
	shards_remove(p->shard);
	mem_free(p->shard);
	p->shard = NULL;
	if (p->state == SWEEP_SHARD)
		set_state(w->s, p, SWEEP_DONE);
	return 0;
}

static int collect(struct work *w, struct err *e)
{
	int rc = 0;

	while (w->nr_through < w->s->n && !rc) {
		struct sweep_point *p = &w->s->points[w->nr_through];

		if (p->state == SWEEP_PLANNED || p->state == SWEEP_RUNNING)
			break;
		if (p->shard)
			rc = collect_point(w, p, e);
		w->nr_through += rc == 0;
	}
	return rc;
}

/* ---- running ---- */

static char **run_args(void *ctx, size_t i)
{
	struct work *w = ctx;
	struct sweep_point *p = &w->s->points[i];
	struct args a = {0};

	if (p->state != SWEEP_PLANNED)
		return NULL;
	set_state(w->s, p, SWEEP_RUNNING);
	p->shard = shards_tmp_path(&w->shards, p->key);
	shards_remove(p->shard);
	args_add(&a, "faultline");
	args_add(&a, "run");
	args_add(&a, w->r->trace);
	args_add(&a, "-o");
	args_add(&a, p->shard);
	args_add(&a, "--name");
	args_add(&a, p->name);
	add_point_args(&a, w->r, i);
	return a.v;
}

static void drop_shard(struct sweep_point *p)
{
	shards_remove(p->shard);
	mem_free(p->shard);
	p->shard = NULL;
}

/* A failed run's shard is collected, too, when it holds a run: its status and message say what happened. */
static int run_ended(void *ctx, size_t i, struct child *c, int status, struct err *e)
{
	struct work *w = ctx;
	struct sweep_point *p = &w->s->points[i];
	char stored[16];
	int rc = 0;

	w->nr_ended++;
	if (cli_interrupted()) {
		drop_shard(p);
		set_state(w->s, p, SWEEP_PLANNED);
		return 0;
	}
	if (merge_shard_status(p->shard, stored, NULL) || !*stored)
		drop_shard(p);
	if (status || !p->shard || strcmp(stored, "complete")) {
		set_failed(w->s, p, c, status);
	} else {
		char *path = shards_path(&w->shards, p->key);

		rc = shards_finish(&w->shards, p->shard, p->key, e);
		mem_free(p->shard);
		p->shard = path;
		set_state(w->s, p, SWEEP_DONE);
	}
	return rc ? rc : collect(w, e);
}

static void find_shards(struct work *w)
{
	for (size_t i = 0; i < w->s->n; i++) {
		struct sweep_point *p = &w->s->points[i];

		if (p->state == SWEEP_PLANNED && shards_have(&w->shards, p->key)) {
			p->shard = shards_path(&w->shards, p->key);
			set_state(w->s, p, SWEEP_SHARD);
		}
	}
}

static int run_points(struct work *w, struct err *e)
{
	static const struct jobs_ops ops = {.args = run_args, .ended = run_ended, .tick = tick};
	int rc;

	find_shards(w);
	w->nr_ended = w->s->n - w->s->nr_in[SWEEP_PLANNED];
	w->progress = progress_new("sweep", w->s->n);
	rc = collect(w, e);
	if (!rc)
		rc = jobs_run(w->r->program, w->s->n, w->r->jobs, &ops, w, e);
	progress_free(w->progress);
	for (size_t i = 0; i < w->s->n; i++) /* those that were stopped; finished shards stay */
		if (w->s->points[i].state == SWEEP_RUNNING || w->s->points[i].state == SWEEP_FAILED)
			drop_shard(&w->s->points[i]);
	return rc;
}

int sweep_run(struct sweep *s, const struct sweep_request *r, struct err *e)
{
	struct work w = {.s = s, .r = r};
	int rc;

	db_set_busy_ms(COLLECT_BUSY_MS);
	rc = db_open(&w.db, r->store, DB_WRITE, e);
	if (rc)
		return rc;
	rc = shards_open(&w.shards, r->store, e);
	if (!rc) {
		rc = run_points(&w, e);
		shards_close(&w.shards);
	}
	db_close(&w.db);
	return rc;
}

void sweep_release(struct sweep *s)
{
	for (size_t i = 0; i < s->n && s->points; i++) {
		mem_free(s->points[i].name);
		mem_free(s->points[i].message);
		mem_free(s->points[i].shard);
	}
	mem_free(s->points);
	*s = (struct sweep){0};
}
