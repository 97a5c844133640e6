/*
 * sched.h - run queues, waiting, waking (kernel/sched/fair.c, Linux 6.1, without groups and bandwidth).
 *
 * Kernel code runs on its task's fiber and may block in the middle of a function. Outside any fiber (unit
 * tests) the same calls advance the event queue until the wait is over.
 */
#ifndef MODELS_KERNEL_SCHED_H
#define MODELS_KERNEL_SCHED_H

#include "models/kernel/task.h"

#define SCHED_PARAMS(X, S)                                                                        \
	X(S, U64, latency_us, "sched.latency_us", "6000", 1, 1000000, "us",                       \
	  "period in which every runnable task runs once, before scaling by 1 + log2 CPUs "       \
	  "(sysctl_sched_latency)")                                                               \
	X(S, U64, min_granularity_us, "sched.min_granularity_us", "750", 1, 1000000, "us",        \
	  "shortest time slice, scaled likewise (sysctl_sched_min_granularity)")                  \
	X(S, U64, wakeup_granularity_us, "sched.wakeup_granularity_us", "1000", 0, 1000000, "us", \
	  "lead in run time at which a waking task preempts, scaled likewise")                    \
	X(S, U64, hz, "kernel.hz", "250", 1, 10000, "Hz", "timer ticks a second (Debian: 250)")
PARAM_STRUCT(sched_params, SCHED_PARAMS);
extern const struct param_table sched_param_table;

#define SCHED_STATS(X, S)                                                                           \
	X(S, COUNTER, switches, "switches", "context switches")                                     \
	X(S, COUNTER, preemptions, "switches", "of them because a time slice ended or a task woke") \
	X(S, COUNTER, wakeups, "wakeups", "tasks made runnable")                                    \
	X(S, COUNTER, migrations, "moves", "tasks moved to another CPU")                            \
	X(S, COUNTER, ticks, "ticks", "timer ticks")
STAT_STRUCT(sched_stats, SCHED_STATS);
extern const struct stat_table sched_stat_table;

struct sched_ops {
	/*
	 * Runs t in user mode on t->exec until its clock reaches `until` (cycles), or it needs the kernel
	 * (sched_call), or it must wait (sched_block_user), or its trace ends (sched_exit_user).
	 */
	void (*run_user)(void *ctx, struct task *t, uint64_t until);
	/* The CPU of x turns from one task to another (either may be NULL: idle); charges the address-space
	 * switch. */
	void (*switch_to)(void *ctx, struct exec *x, struct task *prev, struct task *next);
};

/* execs: one a CPU, the caller's. */
struct sched *sched_new(struct kernel *k, const struct sched_params *p, const struct sched_ops *ops,
			void *ctx, struct exec *const *execs, unsigned nr_cpus);
void sched_free(struct sched *s);
struct sched_stats *sched_stats_of(struct sched *s);
/* A new task (zeroed but for what the caller knows); owned by the scheduler until it is dead. */
struct task *sched_task_new(struct kernel *k, const char *comm);
/* Makes a new task runnable at time now. */
void sched_start(struct task *t, tick_t now);
/* From run_user: fn(t) is to run in kernel mode, on t's fiber, before user mode goes on. */
void sched_call(struct task *t, void (*fn)(struct task *t));
/* From run_user: t waits for key (sched_wake), in user mode. */
void sched_block_user(struct task *t, uint64_t key);
/* From run_user or kernel mode: t ends when control returns to the scheduler. */
void sched_exit(struct task *t);
/* Changes where t may run; moves it at its next chance. */
void sched_set_affinity(struct task *t, const uint64_t mask[MAX_CPUS / 64]);
/* Tasks that are not kernel threads and not dead. */
unsigned sched_nr_user(const struct sched *s);
/* The first live task at or after place i, in order of creation; NULL past the last. Its place, to go on
 * from. */
struct task *sched_task_at(const struct sched *s, size_t i);
size_t sched_task_index(const struct sched *s, const struct task *t);
/* Brings every CPU's clock to time t with idle cycles: the end of the run. */
void sched_finish(struct sched *s, tick_t t);
/* The latest clock of all CPUs, ps. */
tick_t sched_latest(const struct sched *s);

/* Lets every event that is due before cur's own time happen first. Cheap when none is. May switch fibers. */
void sched_sync(struct task *cur);
/* cond_resched: gives the CPU away when the slice is over or a waking task should run. */
void sched_cond(struct task *cur);
/* Sleeps until a time (ps); io: accounted as I/O wait. */
void sched_sleep_until(struct task *cur, tick_t until, bool io);
/*
 * Sleeps until sched_wake(key) or the deadline (TICK_NEVER: none). True when woken, false when timed out. Key
 * is not 0. A task that holds requests back (cur->plug) sends them and is back at once, as if woken: whoever
 * waits for a condition looks at it again.
 */
bool sched_wait(struct task *cur, uint64_t key, tick_t deadline, bool io);
/* Wakes all that wait for key at time `now` (≥ the queue's). Returns how many. */
unsigned sched_wake(struct kernel *k, uint64_t key, tick_t now);
/* Keys: a kind in the top byte and a number below. */
#define WAIT_KEY(kind, n) ((uint64_t)(kind) << 56 | (uint64_t)(n))
enum wait_kind {
	WAIT_FRAME = 1,
	WAIT_KSWAPD,
	WAIT_RECLAIM,
	WAIT_FLUSHER,
	WAIT_CHILD,
	WAIT_ORDER,
	WAIT_PFMEMALLOC,
	WAIT_MMAP,
	WAIT_KHUGEPAGED,
	WAIT_KCOMPACTD,
	WAIT_CPUSET,
	WAIT_AGING
};
/* A kernel thread bound to the CPUs of node nid (all CPUs when it has none); starts asleep on nothing: runs
 * at once. */
struct task *sched_kthread(struct kernel *k, const char *name, unsigned nid, void (*fn)(struct task *self));

#endif
