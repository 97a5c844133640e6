/*
 * encode_pool.c - blocks encoded beside the main thread.
 *
 * Jobs lie in a ring, in the order of the file. A free thread begins the oldest one that can be begun: one
 * whose thread of the trace has no trial under way (encoder.c), as the trial says how the next blocks of that
 * thread are encoded. So each block finds the habit that it would find if all were encoded in turn, and the
 * same trace is always written as the same bytes.
 *
 * Memory: RING_ROOM + 2 a thread blocks of up to ENCODE_MAX accesses (12 bytes each and what they become) and
 * an encoder a thread.
 *
 * A process that forks has no worker in its child, and the child must not go on writing (none does).
 */
#include "traces/encode_pool.h"

#include "sim/check.h"
#include "sim/mem.h"
#include "traces/worker.h"

#define RING_ROOM 2u

struct encode_worker {
	pthread_t thread;
	struct encoder enc;
	struct encode_pool *pool;
};

struct encode_pool {
	pthread_mutex_t lock;
	pthread_cond_t work, done; /* a job may be begun; one is done */
	uint64_t first, next; /* job i lies in ring[i % size]: [first … next) were given and not taken out */
	uint32_t size;
	unsigned nr_workers, idle;
	bool stop;
	struct encode_worker workers[ENCODE_POOL_MAX];
	struct encode_job ring[RING_ROOM + 2 * ENCODE_POOL_MAX];
};

void encode_job_assemble(struct encode_job *j, struct encoder *enc)
{
	struct block_header *h = &j->h;

	buf_reset(&j->block, BLOCK_HEADER_SIZE + j->ctl.len + h->acc_stored);
	j->block.len = BLOCK_HEADER_SIZE;
	h->ctl_stored = (uint32_t)section_compress(enc->zstd, j->ctl.p, j->ctl.len, &j->block);
	h->ctl_sum = native_sum(j->block.p + BLOCK_HEADER_SIZE, h->ctl_stored, 0);
	buf_bytes(&j->block, enc->best.p, h->acc_stored);
}

void encode_job_run(struct encode_job *j, struct encoder *enc)
{
	encoder_run(enc, &j->in, j->habit, &j->h);
	encode_job_assemble(j, enc);
}

void encode_job_release(struct encode_job *j)
{
	mem_free(j->addr);
	mem_free(j->meta);
	buf_release(&j->ctl);
	buf_release(&j->block);
}

static struct encode_job *job_at(struct encode_pool *p, uint64_t i)
{
	return &p->ring[i % p->size];
}

/* The oldest job that can be begun, or NULL. */
static struct encode_job *find_job(struct encode_pool *p)
{
	for (uint64_t i = p->first; i < p->next; i++) {
		struct encode_job *j = job_at(p, i);

		if (j->state == ENCODE_WAITING && !j->habit->trying)
			return j;
	}
	return NULL;
}

/* Does j; called and left with the lock, which is free in between. */
static void do_job(struct encode_pool *p, struct encode_job *j, struct encoder *enc)
{
	struct encoder_habit *habit = j->habit;

	j->state = ENCODE_RUNNING;
	j->own = *habit;
	j->trial = j->in.n && encoder_is_trial(enc, habit);
	habit->trying = j->trial;
	habit->blocks += j->in.n != 0;
	pthread_mutex_unlock(&p->lock);
	encoder_run(enc, &j->in, &j->own, &j->h);
	encode_job_assemble(j, enc);
	pthread_mutex_lock(&p->lock);
	if (j->trial) {
		*habit = j->own;
		pthread_cond_broadcast(&p->work);
	}
	j->state = ENCODE_DONE;
	pthread_cond_signal(&p->done);
}

static void *work(void *arg)
{
	struct encode_worker *w = arg;
	struct encode_pool *p = w->pool;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct encode_job *j = find_job(p);

		if (j) {
			do_job(p, j, &w->enc);
			continue;
		}
		p->idle++;
		pthread_cond_wait(&p->work, &p->lock);
		p->idle--;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct encode_pool *encode_pool_new(unsigned nr, int level)
{
	struct encode_pool *p = mem_alloc_late(1, sizeof *p);

	CHECK(nr && nr <= ENCODE_POOL_MAX, "%u threads", nr);
	p->size = RING_ROOM + 2 * nr;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	for (unsigned i = 0; i < nr; i++) {
		struct encode_worker *w = &p->workers[i];

		w->pool = p;
		encoder_init(&w->enc, level);
		if (!worker_start(&w->thread, work, w)) {
			encoder_release(&w->enc);
			break;
		}
		p->nr_workers++;
	}
	if (p->nr_workers)
		return p;
	encode_pool_free(p);
	return NULL;
}

void encode_pool_free(struct encode_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->nr_workers; i++) {
		pthread_join(p->workers[i].thread, NULL);
		encoder_release(&p->workers[i].enc);
	}
	for (uint32_t i = 0; i < p->size; i++)
		encode_job_release(&p->ring[i]);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}

struct encode_job *encode_pool_slot(struct encode_pool *p)
{
	return p->next - p->first < p->size ? job_at(p, p->next) : NULL;
}

void encode_pool_post(struct encode_pool *p)
{
	pthread_mutex_lock(&p->lock);
	job_at(p, p->next++)->state = ENCODE_WAITING;
	if (p->idle)
		pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

struct encode_job *encode_pool_oldest(struct encode_pool *p, struct encoder *enc, bool wait)
{
	struct encode_job *oldest = NULL, *j;

	pthread_mutex_lock(&p->lock);
	if (p->first < p->next)
		oldest = job_at(p, p->first);
	while (oldest && oldest->state != ENCODE_DONE) {
		if (!wait)
			oldest = NULL;
		else if ((j = find_job(p)))
			do_job(p, j, enc);
		else
			pthread_cond_wait(&p->done, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return oldest;
}

void encode_pool_took(struct encode_pool *p)
{
	pthread_mutex_lock(&p->lock);
	job_at(p, p->first++)->state = ENCODE_FREE;
	pthread_mutex_unlock(&p->lock);
}
