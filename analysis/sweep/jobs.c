/*
 * jobs.c - several children at a time.
 *
 * The parent looks after its children every few milliseconds; one core is enough for thousands of points. The
 * order in which children end depends on the host, so nothing that is kept may depend on it: the caller
 * collects in order.
 */
#include "analysis/sweep/jobs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/cli.h"
#include "sim/mem.h"

/* How long a child may take to store what it has after being asked to end. */
#define PATIENCE_MS 10000

struct job {
	struct child child;
	size_t point;
};

struct pool_of_jobs {
	struct job *v;
	size_t n; /* running */
	size_t next, nr_points;
	unsigned max;
};

void args_add(struct args *a, const char *text)
{
	a->v = mem_realloc(a->v, a->n + 2, sizeof *a->v);
	a->v[a->n++] = mem_strdup(text);
	a->v[a->n] = NULL;
}

void args_add_assignment(struct args *a, const char *path, const char *value)
{
	size_t n = strlen(path) + strlen(value) + 2;
	char *text = mem_alloc(n, 1);

	snprintf(text, n, "%s=%s", path, value);
	args_add(a, text);
	mem_free(text);
}

void args_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		mem_free(v[i]);
	mem_free(v);
}

static int start_more(struct pool_of_jobs *p, const char *program, const struct jobs_ops *ops, void *ctx,
		      struct err *e)
{
	int rc = 0;

	while (p->n < p->max && p->next < p->nr_points && !rc) {
		char **args = ops->args(ctx, p->next);

		if (args) {
			p->v[p->n].point = p->next;
			rc = child_start(&p->v[p->n].child, program, args, e);
			p->n += rc == 0;
		}
		args_free(args);
		p->next++;
	}
	return rc;
}

/* Looks at all children once. */
static int reap(struct pool_of_jobs *p, const struct jobs_ops *ops, void *ctx, bool *any, struct err *e)
{
	int rc = 0, status;

	*any = false;
	for (size_t i = 0; i < p->n && !rc;) {
		struct job *j = &p->v[i];

		if (!child_has_ended(&j->child, &status)) {
			i++;
			continue;
		}
		*any = true;
		rc = ops->ended(ctx, j->point, &j->child, status, e);
		child_release(&j->child);
		*j = p->v[--p->n];
	}
	return rc;
}

static void stop_all(struct pool_of_jobs *p)
{
	for (size_t i = 0; i < p->n; i++)
		child_ask_to_end(&p->v[i].child);
	for (size_t i = 0; i < p->n; i++) {
		child_wait(&p->v[i].child, PATIENCE_MS);
		child_release(&p->v[i].child);
	}
	p->n = 0;
}

int jobs_run(const char *program, size_t n, unsigned jobs, const struct jobs_ops *ops, void *ctx,
	     struct err *e)
{
	struct pool_of_jobs p = {.nr_points = n, .max = jobs};
	struct timespec pause = {.tv_nsec = 1000000};
	bool any;
	int rc = 0;

	p.v = mem_alloc(jobs, sizeof *p.v);
	while (!rc && (p.next < n || p.n > 0)) {
		if (cli_interrupted())
			rc = err_set(e, ERR_INTERRUPTED, "interrupted");
		if (!rc)
			rc = start_more(&p, program, ops, ctx, e);
		if (!rc)
			rc = reap(&p, ops, ctx, &any, e);
		if (rc)
			break;
		ops->tick(ctx, p.n);
		if (any) {
			pause.tv_nsec = 1000000;
		} else if (p.n) {
			nanosleep(&pause, NULL);
			pause.tv_nsec = MIN_OF(2 * pause.tv_nsec, 20000000);
		}
	}
	stop_all(&p);
	mem_free(p.v);
	return rc;
}
