/*
 * parts.h - what the parts of replay share: its threads and its state.
 */
#ifndef MODELS_REPLAY_PARTS_H
#define MODELS_REPLAY_PARTS_H

#include "models/replay.h"
#include "sim/map.h"

struct thread {
	struct replay *r;
	size_t index; /* in the trace's table of threads */
	uint32_t pid, tid;
	struct task *task; /* NULL before it starts and after it ended */
	struct process *process;
	struct stream *stream;
	struct batch b;
	size_t pos;            /* accesses of b that are done */
	uint64_t order, after; /* of the piece at hand; order UINT64_MAX: ended */
	bool started, ended, control_done, waits;
	bool gone;        /* it ended, and no record has begun another thread of its number yet */
	bool forced;      /* its piece goes ahead although it is not its turn: nothing else can */
	bool idle;        /* its stream ended without an exit: it sleeps until the trace is over */
	unsigned retries; /* of the access at pos */
	vaddr_t fault_addr;
	unsigned fault_flags;
};

struct replay {
	struct kernel *k;
	struct cpu *const *cpus;
	struct trace *trace;
	struct replay_params params;
	struct replay_hooks hooks;
	bool on_demand, over;
	struct thread *threads; /* one a thread of the trace */
	size_t nr_threads;
	size_t nr_busy;  /* threads with records left */
	size_t nr_waits; /* tasks that wait for their turn, or idle ones for the end */
	struct process **processes;
	size_t nr_processes, cap_processes;
	struct map thread_of;    /* pid << 32 | tid -> index */
	struct map process_of;   /* pid -> index of the newest */
	uint64_t done_seq;       /* all ordered records below it took effect */
	struct map done_later;   /* those at or above it that did */
	nodemask_t policy_nodes; /* of numa.policy */
	uint64_t accesses, warm_at, stop_at;
	struct replay_stats stats;
	struct err err;
};

/* What a thread waits for while it is not its turn. */
static inline uint64_t order_key(const struct thread *th)
{
	return WAIT_KEY(WAIT_ORDER, th->index + 1);
}

/* threads.c: starting and ending. */
/* parent NULL: nobody started it. */
struct process *replay_process_new(struct replay *r, uint32_t pid, const struct process *parent);
/* The newest process of that number, or NULL. */
struct process *replay_process_find(struct replay *r, uint32_t pid);
struct thread *replay_thread_find(struct replay *r, uint32_t pid, uint32_t tid);
/* False at the end of the thread's stream, or after an error. */
bool replay_next_batch(struct thread *th);
/* Makes the thread's task and lets it run from `now`. parent NULL: nobody started it but the user's numactl.
 */
void replay_thread_start(struct thread *th, struct process *p, struct mm *mm, const struct task *parent,
			 tick_t now);
/* Kernel mode: gives t its process's address space, a new one when it has none; takes it away. */
void replay_new_mm(struct task *t);
void replay_drop_mm(struct task *t);
/* No record of the thread is left. With the last one of all the trace is over: who still sleeps, ends. */
void replay_thread_done(struct thread *th, tick_t now);
/* Kernel mode: the recording ends here, but not the thread: as far as the trace knows it lives on. */
void replay_thread_idle(struct task *t);
/*
 * Kernel mode: do_group_exit. Threads without records left end with it, in its time as far as memory goes;
 * the others where their records end.
 */
void replay_group_exit(struct task *t);
/* Kernel mode: the thread is over: its address space, then itself. */
void replay_thread_end(struct task *t);

/* order.c: whose turn it is. */
/* Wakes the thread if it waits for its turn. */
void order_wake_thread(struct thread *th, tick_t now);
/* User mode: th's task sleeps until order_wake_thread. */
void order_wait(struct thread *th);
bool order_has_turn(const struct thread *th);
void order_wake_turn(struct replay *r, tick_t now);
void order_start_orphans(struct replay *r, tick_t now);
void order_done(struct replay *r, uint64_t seq, tick_t now);

/* controls.c */
/* Kernel mode: the control record at hand. */
void control_run(struct task *t);
/* A killed process's record: no effect but on the order, on marks and on who starts. */
void control_skip(struct thread *th);
/* Kernel mode: its exit. */
void control_skip_exit(struct task *t);

#endif
