/*
 * task.h - tasks, processes, and whose time kernel code spends.
 *
 * Kernel code takes `struct task *cur`, the running task, as Linux has `current`. Time goes to the CPU that
 * runs it: task_charge(cur, cause, cycles). A function that may block (sched.h) can come back on another CPU,
 * so cur->exec must not be kept over it.
 */
#ifndef MODELS_KERNEL_TASK_H
#define MODELS_KERNEL_TASK_H

#include "models/kernel/cost.h"
#include "models/kernel/kernel.h"
#include "models/kernel/policy.h"

/* One a CPU: its clock and where its cycles went. */
struct exec {
	unsigned cpu, nid;
	uint64_t cycles;          /* the CPU's clock */
	struct cycle_stats cause; /* sums to cycles */
	const struct clock_domain *clock;
	struct task *running; /* NULL: idle */
};

static inline void exec_charge(struct exec *x, enum cycle_cause cause, uint64_t cycles)
{
	x->cycles += cycles;
	((uint64_t *)&x->cause)[cause] += cycles;
}

enum task_state { TASK_NEW, TASK_RUNNABLE, TASK_RUNNING, TASK_SLEEPING, TASK_DEAD };

#define TASK_KTHREAD    1u   /* kernel thread: runs kthread_fn on its fiber */
#define TASK_MEMALLOC   2u   /* PF_MEMALLOC: reclaims; may use the reserves */
#define TASK_KSWAPD     4u   /* PF_KSWAPD */
#define TASK_OOM_VICTIM 8u   /* may use half of the reserves; dies soon */
#define TASK_IOWAIT     16u  /* sleeps for a device */
#define TASK_IN_KERNEL  64u  /* its fiber runs or is suspended in kernel code */
#define TASK_WAITS_USER 128u /* sleeps between two user-mode steps, not inside its fiber */
#define TASK_WORK       256u /* task_work_add: hooks.task_work runs before user mode goes on */

#define PROCESS_STATS(X, S)                                                                  \
	X(S, COUNTER, min_flt, "faults", "minor page faults")                                \
	X(S, COUNTER, maj_flt, "faults", "page faults that waited for a device")             \
	X(S, COUNTER, cow_faults, "faults", "write faults that copied a page")               \
	X(S, COUNTER, reuse_faults, "faults", "write faults that reused the page")           \
	X(S, COUNTER, zero_faults, "faults", "first touches of anonymous memory by a write") \
	X(S, COUNTER, zero_page_faults, "faults",                                            \
	  "first touches of anonymous memory by a read: the shared zero page")               \
	X(S, COUNTER, file_faults, "faults", "faults on file mappings")                      \
	X(S, COUNTER, swap_faults, "faults", "faults on pages in swap or in the swap cache") \
	X(S, COUNTER, hint_faults, "faults", "NUMA hinting faults")                          \
	X(S, COUNTER, spurious_faults, "faults", "faults that found nothing to do")          \
	X(S, COUNTER, stack_growths, "faults", "faults that grew the stack")                 \
	X(S, COUNTER, sigsegv, "signals", "illegal accesses")                                \
	X(S, COUNTER, sigbus, "signals", "accesses behind the end of a file")                \
	X(S, COUNTER, syscalls, "calls", "system calls replayed")                            \
	X(S, COUNTER, syscalls_failed, "calls", "system calls that returned an error")       \
	X(S, COUNTER, accesses, "accesses", "accesses of its threads")                       \
	X(S, COUNTER, skipped_accesses, "accesses",                                          \
	  "recorded accesses not replayed because the process had been killed")              \
	X(S, GAUGE, rss_pages, "pages", "resident: anonymous, file and shared memory")       \
	X(S, GAUGE, rss_anon_pages, "pages", "resident anonymous memory")                    \
	X(S, GAUGE, rss_file_pages, "pages", "resident file pages")                          \
	X(S, GAUGE, rss_shmem_pages, "pages", "resident shared memory")                      \
	X(S, GAUGE, swap_pages, "pages", "in swap")                                          \
	X(S, GAUGE, table_pages, "pages", "page-table pages")                                \
	X(S, GAUGE, vm_pages, "pages", "mapped address space")                               \
	X(S, GAUGE, peak_rss_pages, "pages", "largest rss_pages seen at a fault")
STAT_STRUCT(process_stats, PROCESS_STATS);
extern const struct stat_table process_stat_table;

#define TASK_COMM_LEN 16 /* with its NUL, include/linux/sched.h */

struct process {
	uint32_t pid, ppid; /* as recorded */
	uint32_t times;     /* processes that had this pid before */
	char name[24];      /* "P7", for scopes; when the pid is used again "P7.2" */
	char comm[64];
	struct mm *mm; /* NULL once it is gone */
	int oom_score_adj;
	uint32_t memcg; /* the group it is in, 0 = none (memcg.h) */
	bool killed, exited;
	bool in_vfork;   /* its parent waits for its exec or exit, in the same address space */
	bool group_exit; /* exit_group: each thread ends where its records do */
	unsigned live_threads;
	struct process_stats stats;
	struct cpuset *cpuset; /* cpuset.h; NULL: the root */
};

#define KERNEL_STACK_PAGES 4 /* THREAD_SIZE of x86-64, vmapped: single pages */

struct task {
	struct kernel *k;
	struct process *process; /* NULL for kernel threads */
	struct mm *mm;           /* NULL for kernel threads */
	struct exec *exec;       /* CPU it runs on; valid while RUNNING */
	size_t place;            /* in the scheduler's table */
	uint32_t tid, id;        /* id: consecutive, never reused: the tie-breaker everywhere */
	enum task_state state;
	unsigned flags;
	char comm[64];
	/* memory policy */
	struct mempolicy *policy;
	struct interleave_state il;
	nodemask_t mems_allowed; /* cpuset, 0 = all */
	bool spread_page;        /* page cache pages go round them (PFA_SPREAD_PAGE) */
	int spread_nid;          /* where the last one went, + 1 (cpuset_mem_spread_rotor); 0 = none yet */
	/* scheduling (sched.h) */
	unsigned cpu; /* where it is queued or ran last */
	uint64_t cpu_mask[MAX_CPUS / 64];
	uint64_t vruntime;  /* cycles */
	uint64_t ran_since; /* exec->cycles when it was put on the CPU */
	uint64_t runtime;   /* cycles it was on a CPU (sum_exec_runtime); kept as vruntime is */
	struct task *rq_next, *rq_prev;
	tick_t ready_at;   /* earliest time it may run */
	uint64_t wait_key; /* what it waits for, 0 nothing */
	struct task *wait_next;
	bool wait_timed_out;
	struct event timer;  /* wakes it */
	struct fiber *fiber; /* its kernel stack */
	void (*kthread_fn)(struct task *self);
	void *stream;                    /* user threads: replay's */
	pfn_t stack[KERNEL_STACK_PAGES]; /* 0: none (made at boot) */
	/* reclaim */
	uint8_t mm_walk;   /* this reclaim aged a node itself (reclaim_state.mm_walk): enum mm_walk */
	bool in_lru_fault; /* in a fault on a mapping whose accesses tell something (lru_gen_enter_fault) */
	struct swap_plug *plug; /* collects writes to swap (swap.h); NULL: they go out at once */
	uint64_t reclaimed_slab;
	enum cycle_cause reclaim_cause;
	uint32_t active_memcg; /* objects are charged to this group - 1 (set_active_memcg); 0: to its own */
	uint64_t memcg_over_high; /* pages charged above memory.high since it paid for it (charge.h) */
	/* writeback.h */
	uint64_t dirtied_pages;     /* since its last pause (nr_dirtied) */
	uint64_t nr_dirtied_pause;  /* pages until the next check, 0 = the default of 32 */
	uint64_t dirty_paused_when; /* end of the last pause, jiffies of 4 ms */
	struct task_numa *numa;     /* numa_balancing.h; NULL: not looked at yet */
};

static inline void task_charge(struct task *cur, enum cycle_cause cause, uint64_t cycles)
{
	exec_charge(cur->exec, cause, cycles);
}
static inline unsigned task_nid(const struct task *cur)
{
	return cur->exec->nid;
}
/* The task's own time, ps: its CPU's clock, which may be ahead of the event queue. */
static inline tick_t task_now(const struct task *cur)
{
	return clock_ps(cur->exec->clock, cur->exec->cycles);
}

#endif
