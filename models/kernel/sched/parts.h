/*
 * parts.h - what the parts of the scheduler share.
 */
#ifndef MODELS_KERNEL_SCHED_PARTS_H
#define MODELS_KERNEL_SCHED_PARTS_H

#include "models/kernel/sched.h"

struct rq {
	struct event ev;
	struct sched *s;
	struct exec *x;
	struct task *curr;
	struct task *queue, *last; /* runnable, not running, sorted */
	unsigned nr;               /* queued */
	uint64_t min_vruntime;
	uint64_t next_tick; /* cycles */
	uint64_t picked_at; /* cycles: when curr got the CPU */
	unsigned iowaiters; /* tasks that slept for a device from here */
	bool need_resched;
};

#ifndef WAIT_BUCKETS /* the hostile build makes it tiny */
#define WAIT_BUCKETS 1024
#endif

struct sched {
	struct kernel *k;
	struct sched_params params;
	const struct sched_ops *ops;
	void *ctx;
	struct rq *rq;
	unsigned nr_cpus;
	uint64_t latency, min_gran, wakeup_gran, tick, grid; /* cycles */
	tick_t lookahead;                                    /* ps */
	struct task *waiting[WAIT_BUCKETS];
	struct task **tasks;
	size_t nr_tasks, cap_tasks;
	unsigned nr_user;
	uint32_t next_id;
	struct sched_stats stats;
};

/* queue.c */
static inline bool rq_may_run(const struct task *t, unsigned cpu)
{
	return t->cpu_mask[cpu / 64] >> (cpu % 64) & 1;
}
void rq_insert(struct rq *rq, struct task *t);
void rq_remove(struct rq *rq, struct task *t);
/* Charges the running task's virtual time up to the CPU's clock. */
void rq_update(struct rq *rq);
/* Time slice of a task on this queue, with `more` tasks that are about to join it, cycles. */
uint64_t rq_slice(const struct rq *rq, unsigned more);
bool rq_is_idle(const struct rq *rq);
/* Chooses a CPU for t and puts t on its queue, ready from `now`. */
void rq_enqueue(struct sched *s, struct task *t, tick_t now, bool is_new);
/* Takes the next task off the queue, or off another CPU's; NULL when there is none. */
struct task *rq_pick(struct rq *rq);

/* sched.c */
/* Brings the CPU's clock to `time` with idle cycles. */
void rq_idle_until(struct rq *rq, tick_t time);
/* Chooses who runs next after the running task stopped or was preempted. */
void rq_schedule(struct rq *rq);

/* wait.c: a sleeping task's timer */
void sched_timer_fire(struct event *ev);

#endif
