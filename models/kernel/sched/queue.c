/*
 * queue.c - run queues: order by virtual run time, slices, choice of a CPU, pulling (sched.c says after
 * what).
 */
#include "models/kernel/sched/parts.h"

static bool before(const struct task *a, const struct task *b)
{
	int64_t d = (int64_t)(a->vruntime - b->vruntime);

	return d < 0 || (d == 0 && a->id < b->id);
}

/*
 * Who ran long or is new belongs to the end, who slept to the beginning: both ends are searched at once, so
 * thousands of runnable tasks cost no more than few.
 */
void rq_insert(struct rq *rq, struct task *t)
{
	struct task *next = rq->queue, *prev = rq->last;

	while (next && before(next, t)) {
		if (before(prev, t)) {
			next = prev->rq_next;
			break;
		}
		next = next->rq_next;
		prev = prev->rq_prev;
	}
	t->rq_next = next;
	t->rq_prev = next ? next->rq_prev : rq->last;
	*(t->rq_prev ? &t->rq_prev->rq_next : &rq->queue) = t;
	*(next ? &next->rq_prev : &rq->last) = t;
	rq->nr++;
}

void rq_remove(struct rq *rq, struct task *t)
{
	*(t->rq_prev ? &t->rq_prev->rq_next : &rq->queue) = t->rq_next;
	*(t->rq_next ? &t->rq_next->rq_prev : &rq->last) = t->rq_prev;
	t->rq_next = t->rq_prev = NULL;
	rq->nr--;
}

/* update_curr: run time since the last call; min_vruntime follows the leftmost task. */
void rq_update(struct rq *rq)
{
	struct task *c = rq->curr;
	uint64_t v;

	if (c) {
		c->vruntime += rq->x->cycles - c->ran_since;
		c->runtime += rq->x->cycles - c->ran_since;
		c->ran_since = rq->x->cycles;
	}
	if (!c && !rq->queue)
		return;
	v = c ? c->vruntime : rq->queue->vruntime;
	if (c && rq->queue && (int64_t)(rq->queue->vruntime - v) < 0)
		v = rq->queue->vruntime;
	if ((int64_t)(v - rq->min_vruntime) > 0)
		rq->min_vruntime = v;
}

uint64_t rq_slice(const struct rq *rq, unsigned more)
{
	uint64_t nr = rq->nr + (rq->curr ? 1 : 0) + more, period = rq->s->latency;

	if (nr > 8)
		period = nr * rq->s->min_gran;
	return nr ? period / nr : period;
}

bool rq_is_idle(const struct rq *rq)
{
	return !rq->curr && !rq->queue;
}

static struct rq *idle_rq(struct sched *s, const struct task *t, bool same_node)
{
	for (unsigned i = 0; i < s->nr_cpus; i++)
		if (rq_may_run(t, i) && rq_is_idle(&s->rq[i]) &&
		    (!same_node || s->rq[i].x->nid == s->rq[t->cpu].x->nid))
			return &s->rq[i];
	return NULL;
}

/*
 * select_task_rq_fair, in short. A waking task goes to its last CPU if that is idle, else to an idle one of
 * its node (select_idle_sibling looks no further than the shared cache), else back to its last CPU, where it
 * may preempt. A new one goes to any idle CPU (SD_BALANCE_FORK), else to the shortest queue.
 */
static struct rq *choose_rq(struct sched *s, const struct task *t, bool is_new)
{
	struct rq *best = NULL;

	if (rq_may_run(t, t->cpu) && rq_is_idle(&s->rq[t->cpu]))
		return &s->rq[t->cpu];
	best = idle_rq(s, t, true);
	if (!best && (is_new || !rq_may_run(t, t->cpu)))
		best = idle_rq(s, t, false);
	if (best)
		return best;
	if (rq_may_run(t, t->cpu))
		best = &s->rq[t->cpu];
	for (unsigned i = 0; (is_new || !best) && i < s->nr_cpus; i++)
		if (rq_may_run(t, i) && (!best || s->rq[i].nr + 1 < best->nr))
			best = &s->rq[i];
	CHECK(best, "task %u may run on no CPU", t->id);
	return best;
}

static void cpu_kick(struct rq *rq, tick_t now)
{
	tick_t own = clock_ps(rq->x->clock, rq->x->cycles);

	if (!event_is_scheduled(&rq->ev))
		eventq_schedule(rq->s->k->eventq, &rq->ev, MAX_OF(MAX_OF(now, own), kernel_now(rq->s->k)));
}

void rq_enqueue(struct sched *s, struct task *t, tick_t now, bool is_new)
{
	struct rq *rq = choose_rq(s, t, is_new);
	uint64_t v;

	rq_update(rq);
	if (t->cpu != rq->x->cpu) {
		t->vruntime += rq->min_vruntime - s->rq[t->cpu].min_vruntime;
		s->stats.migrations += !is_new;
		t->cpu = rq->x->cpu;
	}
	/* kernel threads are older than any program: they come to rest before one runs */
	is_new = is_new && !(t->flags & TASK_KTHREAD);
	v = is_new ? rq->min_vruntime + rq_slice(rq, 1) : rq->min_vruntime - s->latency / 2;
	if (is_new || (int64_t)(v - t->vruntime) > 0)
		t->vruntime = v;
	t->state = TASK_RUNNABLE;
	t->ready_at = now;
	rq_insert(rq, t);
	s->stats.wakeups++;
	if (rq->curr && !is_new && (int64_t)(rq->curr->vruntime - t->vruntime) > (int64_t)s->wakeup_gran)
		rq->need_resched = true;
	cpu_kick(rq, now);
}

/* newidle_balance: a task that waits elsewhere and may run here, from the longest queue. */
static struct task *pull_task(struct sched *s, struct rq *to)
{
	struct rq *from = NULL;
	struct task *found = NULL;

	for (unsigned i = 0; i < s->nr_cpus; i++) {
		struct rq *rq = &s->rq[i];

		if (rq == to || !rq->curr || (from && rq->nr <= from->nr))
			continue;
		for (struct task *t = rq->queue; t; t = t->rq_next) {
			if (rq_may_run(t, to->x->cpu)) {
				from = rq;
				found = t;
				break;
			}
		}
	}
	if (!found)
		return NULL;
	rq_remove(from, found);
	found->vruntime += to->min_vruntime - from->min_vruntime;
	found->cpu = to->x->cpu;
	s->stats.migrations++;
	return found;
}

struct task *rq_pick(struct rq *rq)
{
	struct task *t = rq->queue;

	if (t)
		rq_remove(rq, t);
	else
		t = pull_task(rq->s, rq);
	return t;
}
