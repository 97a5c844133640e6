/*
 * replay.c - threads of the trace become tasks of the machine: accesses and faults. Starting and ending is
 * in replay/threads.c, their order in replay/order.c, control records in replay/controls.c.
 *
 * A thread's stream gives batches: accesses, then perhaps a control record. Accesses run in user mode on the
 * CPU the task is on; faults and controls run as kernel code on the task's fiber. A killed process is gone
 * through without time, so that the order of what follows stays right.
 *
 * Memory: one decoded block for each live thread. Not modelled: locks and futexes between threads (a recorded
 * trace does not hold them), system calls' return values that steer the program.
 */
#include "models/replay.h"

#include <string.h>

#include "models/kernel/fault.h"
#include "models/replay/parts.h"
#include "sim/mem.h"

PARAM_TABLE(replay, replay_params, REPLAY_PARAMS);
STAT_TABLE(replay, replay_stats, REPLAY_STATS);

const char *replay_schedule_name(size_t i)
{
	static const char *const names[] = {"rescheduled", "as-recorded"};

	return i < ARRAY_LEN(names) ? names[i] : NULL;
}

const char *replay_mapping_name(size_t i)
{
	static const char *const names[] = {"auto", "recorded", "on-demand"};

	return i < ARRAY_LEN(names) ? names[i] : NULL;
}

struct replay_stats *replay_stats_of(struct replay *r)
{
	return &r->stats;
}

uint64_t replay_accesses(const struct replay *r)
{
	return r->accesses;
}

const struct err *replay_error(const struct replay *r)
{
	return r->err.code ? &r->err : NULL;
}

bool replay_is_over(const struct replay *r)
{
	return r->over;
}

struct process *replay_process_at(const struct replay *r, size_t i)
{
	return i < r->nr_processes ? r->processes[i] : NULL;
}

/* ---- faults ---- */

static void kernel_fault(struct task *t)
{
	struct thread *th = t->stream;
	struct process *p = t->process;
	enum fault_result r;

	sched_sync(t);
	if (p->killed)
		return;
	r = fault_handle(t, th->fault_addr, th->fault_flags | FAULT_USER);
	if (r == FAULT_SIGSEGV || r == FAULT_SIGBUS) {
		p->killed = true;
		replay_process_killed(th->r, t->mm);
	} else if (r == FAULT_OOM && !p->killed) {
		/* pagefault_out_of_memory: tried again after others had a chance; in the end the process goes
		 */
		th->r->stats.unresolved_faults++;
		if (++th->retries > 100) {
			p->killed = true;
			replay_process_killed(th->r, t->mm);
		} else {
			sched_sleep_until(t, task_now(t) + PS_PER_S / 250, false);
		}
	}
}

void replay_process_killed(struct replay *r, struct mm *mm)
{
	for (size_t i = 0; i < r->nr_threads; i++) {
		struct thread *th = &r->threads[i];

		if (th->task && th->task->mm == mm)
			order_wake_thread(th, kernel_now(r->k));
	}
}

/* ---- user mode ---- */

static void count_accesses(struct replay *r, struct thread *th, uint64_t n)
{
	r->accesses += n;
	r->stats.accesses += n;
	th->process->stats.accesses += n;
	if (n)
		th->retries = 0;
	if (UNLIKELY(r->accesses >= r->warm_at)) {
		r->warm_at = UINT64_MAX;
		r->hooks.warm(r->hooks.ctx);
	}
	if (UNLIKELY(r->accesses >= r->stop_at))
		r->over = true;
}

/* Runs what is left of the batch; true to go on in user mode. */
static bool run_accesses(struct thread *th, struct task *t, uint64_t until)
{
	struct replay *r = th->r;
	size_t n = th->b.n - th->pos;
	uint64_t left = MIN_OF(r->warm_at, r->stop_at) - r->accesses;
	struct cpu_run run;

	cpu_run(r->cpus[t->exec->cpu], th->b.addr + th->pos, th->b.meta + th->pos,
		(size_t)MIN_OF((uint64_t)n, left), until, &run);
	th->pos += run.done;
	count_accesses(r, th, run.done);
	if (run.stop == CPU_FAULT) {
		th->fault_addr = run.fault_addr;
		th->fault_flags = run.fault_flags;
		vma_prefetch(&t->mm->vmas, run.fault_addr);
		sched_call(t, kernel_fault);
		return false;
	}
	return !r->over && t->exec->cycles < until;
}

static void skip_accesses(struct thread *th)
{
	uint64_t n = th->b.n - th->pos;

	th->pos = th->b.n;
	th->r->stats.skipped_accesses += n;
	th->process->stats.skipped_accesses += n;
}

/* The next batch, and whether its piece may begin; false when the task left user mode. */
static bool advance(struct thread *th, struct task *t)
{
	uint64_t order = th->order;

	if (!replay_next_batch(th)) {
		sched_call(t, replay_thread_idle);
		return false;
	}
	if (th->order != order)
		order_wake_turn(th->r, task_now(t));
	return true;
}

static bool wait_for_turn(struct thread *th, struct task *t)
{
	if (order_has_turn(th))
		return false;
	th->r->stats.order_waits++;
	order_wait(th);
	order_wake_turn(th->r, task_now(t));
	return true;
}

/* A thread without records sleeps until its process or the trace is over; it leaves user mode. */
static void idle_step(struct thread *th, struct task *t)
{
	if (!th->r->nr_busy || th->process->group_exit)
		sched_call(t, replay_thread_end);
	else
		order_wait(th);
}

/* One step of a killed process; false when the task left user mode. */
static bool skip_step(struct thread *th, struct task *t)
{
	if (t->mm) {
		sched_call(t, replay_drop_mm);
		return false;
	}
	if (th->idle) {
		idle_step(th, t);
		return false;
	}
	if (wait_for_turn(th, t))
		return false;
	skip_accesses(th);
	if (th->b.control && (th->b.control->op == REC_EXIT || th->b.control->op == REC_EXIT_GROUP)) {
		sched_call(t, control_skip_exit);
		return false;
	}
	if (th->b.control && !th->control_done)
		control_skip(th);
	return advance(th, t);
}

void replay_run_user(struct replay *r, struct task *t, uint64_t until)
{
	struct thread *th = t->stream;

	while (!r->over) {
		if (UNLIKELY(t->process->killed)) {
			if (!skip_step(th, t))
				return;
			continue;
		}
		if (th->idle) {
			idle_step(th, t);
			return;
		}
		if (!t->mm) {
			sched_call(t, replay_new_mm);
			return;
		}
		if (th->pos == 0 && !th->control_done && wait_for_turn(th, t))
			return;
		if (th->pos < th->b.n) {
			if (!run_accesses(th, t, until))
				return;
		} else if (th->b.control && !th->control_done) {
			sched_call(t, control_run);
			return;
		} else if (!advance(th, t)) {
			return;
		}
	}
}

/* ---- setting up ---- */

/* The first piece of each thread tells what it waits for. */
static int peek_threads(struct replay *r, struct err *e)
{
	for (size_t i = 0; i < r->nr_threads; i++) {
		struct thread *th = &r->threads[i];
		const struct trace_thread *tt = trace_thread(r->trace, i);
		struct stream *s;
		struct batch b;
		int got;

		th->r = r;
		th->index = i;
		th->pid = tt->pid;
		th->tid = tt->tid;
		th->order = tt->first_order;
		r->nr_busy++;
		map_put(&r->thread_of, (uint64_t)tt->pid << 32 | tt->tid, i);
		if (r->nr_threads == 1)
			continue;
		if (stream_open(&s, r->trace, i, e) < 0)
			return -(int)e->code;
		got = stream_next(s, &b, e);
		if (got > 0)
			th->after = b.after;
		stream_close(s);
		if (got < 0)
			return got;
		th->ended = got == 0;
		r->nr_busy -= got == 0;
	}
	return 0;
}

static int take_policy(struct replay *r, struct err *e)
{
	const struct memory *m = r->k->memory;
	const struct u64_list *given = &r->params.policy_nodes;
	bool takes_nodes = policy_ops_of(r->params.policy)->create;

	if (given->n && !takes_nodes)
		return err_set(e, ERR_CONFIG, "numa.nodes: the policy \"%s\" takes no nodes (numa.policy)",
			       policy_name(r->params.policy));
	for (size_t i = 0; i < given->n; i++) {
		if (given->v[i] >= m->nr_nodes || !m->node[given->v[i]].has_memory)
			return err_set(e, ERR_CONFIG,
				       "numa.nodes: %" PRIu64 " is no node with memory (topology.node_mem)",
				       given->v[i]);
		r->policy_nodes |= UINT64_C(1) << given->v[i];
	}
	for (unsigned nid = 0; takes_nodes && !given->n && nid < m->nr_nodes; nid++)
		if (m->node[nid].has_memory)
			r->policy_nodes |= UINT64_C(1) << nid;
	return 0;
}

int replay_new(struct replay **out, struct kernel *k, struct cpu *const *cpus, struct trace *t,
	       const struct replay_params *p, bool on_demand, const struct replay_hooks *hooks, struct err *e)
{
	struct replay *r = mem_alloc(1, sizeof *r);
	int rc;

	r->k = k;
	r->cpus = cpus;
	r->trace = t;
	r->params = *p;
	r->hooks = *hooks;
	r->on_demand = on_demand;
	r->warm_at = p->warmup_accesses ? p->warmup_accesses : UINT64_MAX;
	r->stop_at = p->max_accesses ? p->max_accesses : UINT64_MAX;
	r->nr_threads = trace_nr_threads(t);
	r->threads = mem_alloc(r->nr_threads, sizeof *r->threads);
	map_init(&r->thread_of);
	map_init(&r->process_of);
	map_init(&r->done_later);
	rc = take_policy(r, e);
	if (rc >= 0)
		rc = peek_threads(r, e);
	if (rc < 0) {
		replay_free(r);
		return rc;
	}
	*out = r;
	return 0;
}

void replay_free(struct replay *r)
{
	for (size_t i = 0; i < r->nr_threads; i++)
		if (r->threads[i].stream)
			stream_close(r->threads[i].stream);
	for (size_t i = 0; i < r->nr_processes; i++)
		mem_free(r->processes[i]);
	map_release(&r->thread_of);
	map_release(&r->process_of);
	map_release(&r->done_later);
	mem_free(r->processes);
	mem_free(r->threads);
	mem_free(r);
}

void replay_start(struct replay *r)
{
	if (r->params.schedule == REPLAY_AS_RECORDED)
		order_wake_turn(r, 0);
	else
		order_start_orphans(r, 0);
}
