/*
 * threads.c - processes and threads: starting, their address spaces, ending.
 */
#include "models/replay/parts.h"

#include <stdio.h>
#include <string.h>

#include "models/counters.h"
#include "models/kernel/cpuset.h"
#include "models/kernel/fork.h"
#include "models/kernel/memcg.h"
#include "models/kernel/mmap.h"
#include "sim/mem.h"

struct process *replay_process_new(struct replay *r, uint32_t pid, const struct process *parent)
{
	struct process *p = mem_alloc_late(1, sizeof *p);
	uint64_t before;

	p->pid = pid;
	p->times = map_get(&r->process_of, pid, &before) ? r->processes[before]->times + 1 : 0;
	if (p->times)
		snprintf(p->name, sizeof p->name, "P%u.%u", pid, p->times + 1);
	else
		snprintf(p->name, sizeof p->name, "P%u", pid);
	if (parent) {
		p->ppid = parent->pid;
		p->oom_score_adj = parent->oom_score_adj;
		memcpy(p->comm, parent->comm, sizeof p->comm);
	} else {
		snprintf(p->comm, sizeof p->comm, "P%u", pid);
	}
	p->cpuset = cpuset_of_pid(r->k, pid, parent);
	p->memcg = memcg_of_pid(r->k, pid, parent);
	if (r->nr_processes == r->cap_processes) {
		r->cap_processes = r->cap_processes ? 2 * r->cap_processes : 16;
		r->processes = mem_realloc(r->processes, r->cap_processes, sizeof(struct process *));
	}
	map_put(&r->process_of, pid, r->nr_processes);
	r->processes[r->nr_processes++] = p;
	r->stats.processes++;
	return p;
}

struct process *replay_process_find(struct replay *r, uint32_t pid)
{
	uint64_t i;

	return map_get(&r->process_of, pid, &i) ? r->processes[i] : NULL;
}

struct thread *replay_thread_find(struct replay *r, uint32_t pid, uint32_t tid)
{
	uint64_t i;

	return map_get(&r->thread_of, (uint64_t)pid << 32 | tid, &i) ? &r->threads[i] : NULL;
}

/* Remembers the first error and ends the run. */
static void fail(struct replay *r, struct err *e)
{
	if (!r->err.code)
		r->err = *e;
	r->over = true;
}

bool replay_next_batch(struct thread *th)
{
	struct err e = {0};
	int got = th->stream ? stream_next(th->stream, &th->b, &e) : 0;

	th->pos = 0;
	th->control_done = false;
	if (got < 0)
		fail(th->r, &e);
	if (got <= 0) {
		memset(&th->b, 0, sizeof th->b);
		if (th->stream)
			stream_close(th->stream);
		th->stream = NULL;
		return false;
	}
	th->forced = th->forced && th->order == th->b.order;
	th->order = th->b.order;
	th->after = th->b.after;
	return true;
}

void replay_thread_start(struct thread *th, struct process *p, struct mm *mm, const struct task *parent,
			 tick_t now)
{
	struct replay *r = th->r;
	struct task *t = sched_task_new(r->k, p->comm);
	struct err e = {0};

	if (!mm && p->mm) { /* nobody's clone, but its process is there */
		mm = p->mm;
		mm->users++;
	}
	if (!th->stream && stream_open(&th->stream, r->trace, th->index, &e) < 0)
		fail(r, &e);
	th->started = true;
	th->gone = false;
	th->task = t;
	th->process = p;
	t->process = p;
	t->tid = th->tid;
	t->stream = th;
	t->mm = mm;
	p->live_threads++;
	if (p->killed)
		t->flags |= TASK_OOM_VICTIM;
	if (parent) {
		t->policy = policy_get(parent->policy);
		t->il = parent->il;
		t->mems_allowed = parent->mems_allowed;
		t->cpu = parent->cpu;
		memcpy(t->cpu_mask, parent->cpu_mask, sizeof t->cpu_mask);
	}
	cpuset_attach(t, parent);
	if (!parent) {
		sys_set_mempolicy(t, r->params.policy, r->policy_nodes);
	}
	if (!th->b.order && !th->b.n && !th->b.control)
		replay_next_batch(th);
	r->stats.threads++;
	sched_start(t, now);
}

/* Threads that started before the address space was there use it from now on, whoever runs first. */
static void attach_all(struct replay *r, struct process *p)
{
	for (size_t i = 0; i < r->nr_threads; i++) {
		struct task *t = r->threads[i].task;

		if (t && t->process == p && !t->mm) {
			t->mm = p->mm;
			p->mm->users++;
			if (t->exec) /* it is on its CPU already, with none */
				cpu_load_mm(r->cpus[t->exec->cpu], p->mm);
		}
	}
	p->mm->users--; /* the creator's, counted by mm_new and here */
}

void replay_new_mm(struct task *t)
{
	struct replay *r = ((struct thread *)t->stream)->r;
	struct process *p = t->process;
	struct mm *mm;

	sched_sync(t);
	mm = t->mm ? NULL : mm_new(t, p);
	if (t->mm) { /* another thread was quicker */
		if (mm)
			mm_put(t, mm);
	} else if (mm) {
		mm->on_demand = r->on_demand;
		p->mm = mm;
		attach_all(r, p);
	} else {
		p->killed = true;
		return;
	}
	cpu_load_mm(r->cpus[t->exec->cpu], t->mm);
	t->mm->ran = UINT64_MAX;
}

/*
 * t's process goes out of an address space that other processes may stay in. It is theirs then
 * (mm_update_next_owner).
 */
static void leave_shared(struct replay *r, struct task *t)
{
	struct mm *mm = t->mm;
	struct process *heir = NULL;

	for (size_t i = 0; i < r->nr_threads; i++) {
		const struct task *other = r->threads[i].task;

		if (!other || other == t || other->mm != mm)
			continue;
		if (other->process == t->process)
			return;
		if (!heir)
			heir = other->process;
	}
	if (t->process->mm == mm)
		t->process->mm = NULL;
	if (heir && mm->process == t->process)
		mm->process = heir;
}

/* t, which is cur or not on a CPU, is no user of its address space any more. */
static void drop_mm_of(struct task *cur, struct task *t)
{
	struct replay *r = ((struct thread *)t->stream)->r;
	struct mm *mm = t->mm;

	counters_refresh_process(t->process); /* its peak goes with it */
	if (mm->shared)
		leave_shared(r, t);
	t->mm = NULL;
	if (mm->users == 1) {
		if (t->process->mm == mm)
			t->process->mm = NULL;
		for (size_t i = 0; r->cpus[i]; i++)
			if (r->cpus[i]->mm == mm)
				r->cpus[i]->mm = NULL;
	}
	mm_put(cur, mm);
}

void replay_drop_mm(struct task *t)
{
	struct replay *r = ((struct thread *)t->stream)->r;

	sched_sync(t);
	cpu_leave_mm(r->cpus[t->exec->cpu]);
	drop_mm_of(t, t);
}

void replay_group_exit(struct task *t)
{
	struct replay *r = ((struct thread *)t->stream)->r;

	t->process->group_exit = true;
	for (size_t i = 0; i < r->nr_threads; i++) {
		struct thread *th = &r->threads[i];

		if (!th->idle || th->ended || th->process != t->process)
			continue;
		if (!th->task->exec && th->task->mm)
			drop_mm_of(t, th->task);
		order_wake_thread(th, task_now(t));
	}
}

void replay_thread_done(struct thread *th, tick_t now)
{
	struct replay *r = th->r;

	th->order = UINT64_MAX;
	if (th->stream)
		stream_close(th->stream);
	th->stream = NULL;
	if (--r->nr_busy)
		return;
	r->hooks.over(r->hooks.ctx);
	for (size_t i = 0; i < r->nr_threads; i++)
		order_wake_thread(&r->threads[i], now);
}

void replay_thread_idle(struct task *t)
{
	struct thread *th = t->stream;

	sched_sync(t);
	th->idle = true;
	replay_thread_done(th, task_now(t));
	order_wake_turn(th->r, task_now(t));
}

void replay_thread_end(struct task *t)
{
	struct thread *th = t->stream;

	if (t->mm)
		replay_drop_mm(t);
	task_stack_free(t);
	th->task = NULL;
	if (--th->process->live_threads == 0)
		th->process->exited = true;
	if (!th->idle && th->stream && replay_next_batch(th)) { /* its number may be used again */
		th->started = th->waits = false;
		th->gone = true;
		th->retries = 0;
	} else {
		th->ended = true;
		if (!th->idle)
			replay_thread_done(th, task_now(t));
	}
	sched_wake(t->k, WAIT_KEY(WAIT_CHILD, th->process->pid), task_now(t));
	if (!th->ended && th->r->params.schedule != REPLAY_AS_RECORDED)
		order_start_orphans(th->r, task_now(t));
	order_wake_turn(th->r, task_now(t));
	sched_exit(t);
}
