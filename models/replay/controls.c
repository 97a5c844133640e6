/*
 * controls.c - control records: forks, marks, system calls.
 */
#include "models/replay/parts.h"

#include <stdio.h>
#include <string.h>

#include "models/kernel/fork.h"
#include "models/kernel/syscall.h"

enum child { CHILD_THREAD, CHILD_FORK, CHILD_VFORK };

static enum child fork_kind(const struct control *c)
{
	return c->arg[2] ? CHILD_VFORK : CHILD_FORK;
}

/* copy_mm: CLONE_VM shares. The parent of a vfork is where the trace has it: behind the child's exec or exit
 * (wait_for_vfork_done). */
static struct mm *child_mm(struct task *t, struct process *p, enum child kind)
{
	struct mm *mm = t->mm;

	if (kind == CHILD_FORK) {
		mm = mm_fork(t, p);
		if (mm)
			mm->on_demand = t->mm->on_demand;
	} else {
		mm->users++;
	}
	if (kind == CHILD_VFORK)
		p->in_vfork = mm->shared = true;
	if (kind != CHILD_THREAD) {
		p->mm = mm;
		p->killed = !mm;
	}
	return mm;
}

static void child_start(struct thread *th, uint32_t pid, uint32_t tid, enum child kind)
{
	bool process = kind != CHILD_THREAD;
	struct replay *r = th->r;
	struct task *t = th->task;
	struct thread *child = replay_thread_find(r, pid, tid);
	struct process *p = process ? replay_process_new(r, pid, t->process) : t->process;
	struct mm *mm = NULL;

	if (t->mm)
		mm = child_mm(t, p, kind);
	else if (process)
		p->killed = t->process->killed;
	if (!child || child->started || child->ended) { /* it left no stream: it is there until the end of
					   time, as far as the trace knows */
		if (mm && process) {
			p->exited = true;
			p->mm = NULL;
			mm_put(t, mm);
		} else if (mm) {
			mm->users--;
		}
		return;
	}
	replay_thread_start(child, p, mm, t, task_now(t));
	if (!t->process->killed) /* a record that is skipped costs neither memory nor time */
		task_stack_alloc(t, child->task);
}

/* begin_new_exec, __set_task_comm: the last part of the path, at most 15 characters of it. */
static void set_comm(struct process *p, const char *path)
{
	const char *slash = strrchr(path, '/');

	snprintf(p->comm, TASK_COMM_LEN, "%s", slash && slash[1] ? slash + 1 : path);
}

static void exec_program(struct task *t, const struct control *c)
{
	if (t->mm)
		replay_drop_mm(t);
	t->process->in_vfork = false;
	t->process->mm = NULL; /* other threads that the trace did not end stay in the old one */
	if (c->text)
		set_comm(t->process, c->text);
	replay_new_mm(t);
}

static void mismatch(struct thread *th, const struct control *c, int64_t result)
{
	struct replay *r = th->r;
	bool failed = result < 0 && result > -4096, was = c->result < 0 && c->result > -4096;
	char scope[32], detail[200];

	th->process->stats.syscalls_failed += failed;
	if (failed == was)
		return;
	r->stats.mismatches++;
	snprintf(scope, sizeof scope, "process/%.22s", th->process->name);
	snprintf(detail, sizeof detail, "{\"call\":\"%s\",\"recorded\":%" PRId64 ",\"here\":%" PRId64 "}",
		 record_op_info(c->op)->name, c->result, result);
	kernel_event(r->k, KEV_SYSCALL_FAILED, scope, result, detail);
}

static void run_control(struct task *t, const struct control *c)
{
	struct thread *th = t->stream;

	switch (c->op) {
	case REC_PROCESS:
		if (c->text)
			set_comm(t->process, c->text);
		t->process->ppid = (uint32_t)c->arg[0];
		break;
	case REC_THREAD:
	case REC_OTHER:
	case REC_SYNC:
		break;
	case REC_INSTR:
		cpu_execute(th->r->cpus[t->exec->cpu], c->arg[0]);
		break;
	case REC_MARK:
		th->r->hooks.mark(th->r->hooks.ctx, t, c->text ? c->text : "");
		break;
	case REC_CLONE:
		child_start(th, th->pid, (uint32_t)c->arg[0], CHILD_THREAD);
		break;
	case REC_FORK:
		child_start(th, (uint32_t)c->arg[0], (uint32_t)c->arg[1], fork_kind(c));
		break;
	case REC_EXEC:
		exec_program(t, c);
		break;
	case REC_EXIT:
	case REC_EXIT_GROUP:
		break; /* the stream ends here */
	default:
		mismatch(th, c, syscall_replay(t, c));
		break;
	}
}

void control_run(struct task *t)
{
	struct thread *th = t->stream;
	const struct control *c = th->b.control;
	bool exits = c->op == REC_EXIT || c->op == REC_EXIT_GROUP;
	uint64_t seq = c->seq;
	bool ordered = record_op_info(c->op)->ordered;

	sched_sync(t);
	th->process->stats.syscalls++;
	th->r->stats.controls++;
	run_control(t, c);
	th->control_done = true;
	if (c->op == REC_EXIT_GROUP)
		replay_group_exit(t);
	if (exits && t->mm) /* an exit has taken effect when its memory is gone */
		replay_drop_mm(t);
	if (ordered)
		order_done(th->r, seq, task_now(t));
	if (exits)
		replay_thread_end(t);
}

void control_skip(struct thread *th)
{
	const struct control *c = th->b.control;
	struct replay *r = th->r;
	tick_t now = kernel_now(r->k);

	if (c->op == REC_MARK)
		r->hooks.mark(r->hooks.ctx, NULL, c->text ? c->text : "");
	if (c->op == REC_FORK)
		child_start(th, (uint32_t)c->arg[0], (uint32_t)c->arg[1], fork_kind(c));
	if (c->op == REC_CLONE)
		child_start(th, th->pid, (uint32_t)c->arg[0], CHILD_THREAD);
	if (record_op_info(c->op)->ordered)
		order_done(r, c->seq, now);
	th->control_done = true;
}

void control_skip_exit(struct task *t)
{
	struct thread *th = t->stream;

	if (th->b.control->op == REC_EXIT_GROUP)
		replay_group_exit(t);
	order_done(th->r, th->b.control->seq, task_now(t));
	replay_thread_end(t);
}
