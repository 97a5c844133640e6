/*
 * ahead.c - the decoding thread.
 *
 * After a fork the child has no worker: it notices by the process id and decodes itself. (A program that
 * forks while it reads a trace must not go on reading a stream in the child whose job was running; none here
 * does.)
 */
#include "traces/ahead.h"

#include <unistd.h>

#include "sim/mem.h"
#include "traces/worker.h"

struct ahead {
	pthread_t thread;
	pid_t owner;
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct ahead_job *first, **last;
	bool stop;
	struct trace *t;
	struct scratch scratch;
};

static void *work(void *arg)
{
	struct ahead *a = arg;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		struct ahead_job *j = a->first;

		if (!j) {
			pthread_cond_wait(&a->work, &a->lock);
			continue;
		}
		a->first = j->next;
		if (!a->first)
			a->last = &a->first;
		j->state = JOB_RUNNING;
		pthread_mutex_unlock(&a->lock);
		err_clear(&j->err);
		j->rc = block_load(j->block, a->t, j->thread, &j->entry, j->before, &a->scratch, &j->err);
		pthread_mutex_lock(&a->lock);
		j->state = JOB_DONE;
		pthread_cond_signal(&a->done);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static struct ahead *start(struct trace *t)
{
	struct ahead *a;

	t->ahead_tried = true;
	if (worker_processors() < 2)
		return NULL;
	a = mem_alloc_late(1, sizeof *a);
	a->t = t;
	a->owner = getpid();
	a->last = &a->first;
	scratch_init(&a->scratch);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->work, NULL);
	pthread_cond_init(&a->done, NULL);
	if (worker_start(&a->thread, work, a))
		return a;
	scratch_release(&a->scratch);
	mem_free(a);
	return NULL;
}

bool ahead_post(struct trace *t, struct ahead_job *j)
{
	struct ahead *a;

	if (!t->ahead && !t->ahead_tried)
		t->ahead = start(t);
	a = t->ahead;
	if (!a || a->owner != getpid())
		return false;
	j->posted = true;
	pthread_mutex_lock(&a->lock);
	j->state = JOB_WAITING;
	j->next = NULL;
	*a->last = j;
	a->last = &j->next;
	pthread_cond_signal(&a->work);
	pthread_mutex_unlock(&a->lock);
	return true;
}

/* Takes a waiting job out of the list. */
static void take_back(struct ahead *a, struct ahead_job *j)
{
	struct ahead_job **p = &a->first;

	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	if (!*p)
		a->last = p;
}

bool ahead_finish(struct trace *t, struct ahead_job *j)
{
	struct ahead *a = t->ahead;
	bool done;

	if (!j->posted)
		return false;
	j->posted = false;
	if (a->owner != getpid())
		return false;
	pthread_mutex_lock(&a->lock);
	if (j->state == JOB_WAITING)
		take_back(a, j);
	while (j->state == JOB_RUNNING)
		pthread_cond_wait(&a->done, &a->lock);
	done = j->state == JOB_DONE;
	j->state = JOB_NONE;
	pthread_mutex_unlock(&a->lock);
	return done;
}

void ahead_stop(struct trace *t)
{
	struct ahead *a = t->ahead;

	if (!a)
		return;
	t->ahead = NULL;
	if (a->owner == getpid()) {
		pthread_mutex_lock(&a->lock);
		a->stop = true;
		pthread_cond_signal(&a->work);
		pthread_mutex_unlock(&a->lock);
		pthread_join(a->thread, NULL);
	}
	scratch_release(&a->scratch);
	pthread_mutex_destroy(&a->lock);
	mem_free(a);
}
