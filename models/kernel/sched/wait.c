/*
 * wait.c - sleeping, waiting for a key, waking; giving the CPU away in kernel mode.
 */
#include "models/kernel/sched/parts.h"

#include "sim/fiber.h"
#include "sim/map.h"

static bool bare(const struct task *cur)
{
	return !fiber_current() || !cur->fiber;
}

/* Outside the event loop (unit tests): fires events until the task is woken. */
static void bare_wait(struct task *cur)
{
	struct eventq *q = cur->k->eventq;
	struct exec *x = cur->exec;

	while (cur->state == TASK_SLEEPING)
		CHECK(eventq_step(q), "task %u sleeps and nothing will wake it", cur->id);
	if (x->cycles < clock_cycles(x->clock, q->now))
		exec_charge(x, CYCLES_idle, clock_cycles(x->clock, q->now) - x->cycles);
}

static void block(struct task *cur)
{
	struct sched *s = cur->k->sched;

	if (bare(cur)) {
		bare_wait(cur);
		return;
	}
	if (cur->flags & TASK_IOWAIT)
		s->rq[cur->cpu].iowaiters++;
	fiber_yield();
}

void sched_sync(struct task *cur)
{
	struct eventq *q = cur->k->eventq;
	const struct exec *x = cur->exec;
	tick_t own = task_now(cur);

	if (LIKELY(eventq_next_time(q) >= own && x->cycles < cur->k->sched->rq[x->cpu].next_tick))
		return;
	if (bare(cur)) {
		while (eventq_next_time(q) < own)
			eventq_step(q);
		return;
	}
	fiber_yield();
}

void sched_cond(struct task *cur)
{
	struct rq *rq;

	sched_sync(cur);
	if (bare(cur))
		return;
	rq = &cur->k->sched->rq[cur->exec->cpu];
	if (rq->need_resched) {
		rq->s->stats.preemptions++;
		rq_schedule(rq);
		if (rq->curr != cur)
			fiber_yield();
	}
}

static void iowait_end(struct task *t)
{
	if (t->flags & TASK_IOWAIT) {
		struct rq *rq = &t->k->sched->rq[t->cpu];

		if (rq->iowaiters)
			rq->iowaiters--;
		t->flags &= ~TASK_IOWAIT;
	}
}

static void wake(struct task *t, tick_t now)
{
	struct sched *s = t->k->sched;

	eventq_cancel(s->k->eventq, &t->timer);
	t->wait_key = 0;
	if (t->fiber == NULL && !(t->flags & TASK_WAITS_USER)) { /* bare */
		t->state = TASK_RUNNING;
		return;
	}
	t->flags &= ~TASK_WAITS_USER;
	if (rq_is_idle(&s->rq[t->cpu]))
		rq_idle_until(&s->rq[t->cpu], MAX_OF(now, kernel_now(s->k)));
	iowait_end(t);
	rq_enqueue(s, t, now, false);
}

static void unlink_waiter(struct sched *s, struct task *t)
{
	struct task **p = &s->waiting[hash_u64(t->wait_key) % WAIT_BUCKETS];

	while (*p != t)
		p = &(*p)->wait_next;
	*p = t->wait_next;
	t->wait_next = NULL;
}

void sched_timer_fire(struct event *ev)
{
	struct task *t = CONTAINER_OF(ev, struct task, timer);

	if (t->wait_key)
		unlink_waiter(t->k->sched, t);
	t->wait_timed_out = true;
	wake(t, ev->time);
}

static void wait_on(struct task *t, uint64_t key)
{
	struct task **p = &t->k->sched->waiting[hash_u64(key) % WAIT_BUCKETS];

	t->wait_key = key;
	while (*p) /* first come, first woken */
		p = &(*p)->wait_next;
	*p = t;
	t->wait_next = NULL;
}

/* True when something went out: time passed meanwhile. */
static bool flush_plug(struct task *cur)
{
	return cur->plug && cur->k->hooks.flush_plug && cur->k->hooks.flush_plug(cur);
}

void sched_sleep_until(struct task *cur, tick_t until, bool io)
{
	if (until <= task_now(cur))
		return;
	(void)flush_plug(cur);
	cur->state = TASK_SLEEPING;
	cur->flags |= io ? TASK_IOWAIT : 0;
	eventq_schedule(cur->k->eventq, &cur->timer, MAX_OF(until, kernel_now(cur->k)));
	block(cur);
}

bool sched_wait(struct task *cur, uint64_t key, tick_t deadline, bool io)
{
	if (flush_plug(cur))
		return true;
	cur->state = TASK_SLEEPING;
	cur->wait_timed_out = false;
	cur->flags |= io ? TASK_IOWAIT : 0;
	wait_on(cur, key);
	if (deadline != TICK_NEVER)
		eventq_schedule(cur->k->eventq, &cur->timer, MAX_OF(deadline, kernel_now(cur->k)));
	block(cur);
	return !cur->wait_timed_out;
}

void sched_block_user(struct task *t, uint64_t key)
{
	t->state = TASK_SLEEPING;
	t->flags |= TASK_WAITS_USER;
	wait_on(t, key);
}

unsigned sched_wake(struct kernel *k, uint64_t key, tick_t now)
{
	struct task **p = &k->sched->waiting[hash_u64(key) % WAIT_BUCKETS];
	unsigned n = 0;

	while (*p) {
		struct task *t = *p;

		if (t->wait_key != key) {
			p = &t->wait_next;
			continue;
		}
		*p = t->wait_next;
		t->wait_next = NULL;
		wake(t, MAX_OF(now, kernel_now(k)));
		n++;
	}
	return n;
}
