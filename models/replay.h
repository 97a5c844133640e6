/*
 * replay.h - drives tasks by the streams of a trace.
 *
 * Re-scheduled (the default): every thread runs whenever the modelled scheduler lets it, on any CPU; a piece
 * of its stream waits until all system calls that were recorded before it have taken effect. As recorded:
 * pieces run one after another in the recorded order.
 */
#ifndef MODELS_REPLAY_H
#define MODELS_REPLAY_H

#include "models/cpu.h"
#include "models/kernel/policy.h"
#include "models/kernel/sched.h"
#include "traces/source.h"

#define REPLAY_PARAMS(X, S)                                                                               \
	X(S, ENUM, schedule, "replay.schedule", "rescheduled", 0, 0, "",                                  \
	  "order of threads: by the modelled scheduler, or as recorded", replay_schedule_name)            \
	X(S, ENUM, mapping, "replay.mapping", "auto", 0, 0, "",                                           \
	  "mappings: recorded system calls, made on demand, or on demand when the trace has none",        \
	  replay_mapping_name)                                                                            \
	X(S, U64, warmup_accesses, "replay.warmup_accesses", "0", 0, UINT64_MAX, "accesses",              \
	  "after so many accesses a snapshot is taken and counters start anew")                           \
	X(S, U64, max_accesses, "replay.max_accesses", "0", 0, UINT64_MAX, "accesses",                    \
	  "stop after so many accesses, 0 = the whole trace")                                             \
	X(S, ENUM, policy, "numa.policy", "default", 0, 0, "",                                            \
	  "memory policy that programs start with, as by numactl", policy_name)                           \
	X(S, LIST, policy_nodes, "numa.nodes", "", 0, MAX_NODES - 1, "nodes",                             \
	  "nodes of numa.policy; empty = all that have memory; default and local take none")              \
	X(S, U64, interval_us, "metrics.interval_us", "0", 0, UINT64_MAX / 1000000, "us",                 \
	  "simulated time between interval snapshots, 0 = none")                                          \
	X(S, BOOL, ends, "metrics.ends", "false", 0, 1, "",                                               \
	  "named snapshots before the first record (before), behind the last (after) and when all "       \
	  "processes are gone (exited)")                                                                  \
	X(S, U64, oom_kills, "metrics.oom_kills", "4", 0, UINT32_MAX, "snapshots",                        \
	  "the first so many OOM kills each take a named snapshot (oom-1, ...) of what the killer saw")   \
	X(S, BOOL, drain, "metrics.drain", "false", 0, 1, "",                                             \
	  "before a named snapshot pages in LRU batches join their lists, as after a call of move_pages") \
	X(S, U64, seed, "seed", "1", 0, UINT64_MAX, "", "seed of all random streams")
const char *replay_schedule_name(size_t i);
const char *replay_mapping_name(size_t i);
PARAM_STRUCT(replay_params, REPLAY_PARAMS);
extern const struct param_table replay_param_table;
enum replay_schedule { REPLAY_RESCHEDULED, REPLAY_AS_RECORDED };
enum replay_mapping { REPLAY_MAPPING_AUTO, REPLAY_MAPPING_RECORDED, REPLAY_MAPPING_ON_DEMAND };

#define REPLAY_STATS(X, S)                                                                        \
	X(S, COUNTER, accesses, "accesses", "accesses replayed")                                  \
	X(S, COUNTER, skipped_accesses, "accesses", "accesses of killed processes, not replayed") \
	X(S, COUNTER, controls, "records", "system calls, marks and declarations replayed")       \
	X(S, COUNTER, mismatches, "calls",                                                        \
	  "system calls that succeeded when recorded and failed here, or the other way")          \
	X(S, COUNTER, order_waits, "waits", "times a thread waited for the recorded order")       \
	X(S, COUNTER, order_breaks, "pieces",                                                     \
	  "pieces that went ahead because the recorded order contradicts itself")                 \
	X(S, COUNTER, processes, "processes", "processes started")                                \
	X(S, COUNTER, threads, "threads", "threads started")                                      \
	X(S, COUNTER, unresolved_faults, "faults", "accesses given up because memory could not be had")
STAT_STRUCT(replay_stats, REPLAY_STATS);
extern const struct stat_table replay_stat_table;

struct replay;
struct replay_hooks {
	void *ctx;
	/* A mark of the trace: take a named snapshot. cur: who reached it, in kernel mode; NULL: a process
	 * that is gone. */
	void (*mark)(void *ctx, struct task *cur, const char *label);
	/* The last record of all threads took effect; processes without a recorded exit are still there. */
	void (*over)(void *ctx);
	/* The warm-up's accesses are done. */
	void (*warm)(void *ctx);
};

/*
 * Opens all threads that nothing starts later; cpus: by number. Errors: of reading the trace; ERR_CONFIG when
 * numa.policy cannot have numa.nodes.
 */
int replay_new(struct replay **out, struct kernel *k, struct cpu *const *cpus, struct trace *t,
	       const struct replay_params *p, bool on_demand, const struct replay_hooks *hooks,
	       struct err *e);
void replay_free(struct replay *r);
/* Puts the first threads on the run queues. */
void replay_start(struct replay *r);
/* Scheduler hook: user mode. */
void replay_run_user(struct replay *r, struct task *t, uint64_t until);
/* The process was killed: wakes its threads so that they end. */
void replay_process_killed(struct replay *r, struct mm *mm);
struct replay_stats *replay_stats_of(struct replay *r);
uint64_t replay_accesses(const struct replay *r);
/* The first error of reading the trace, or NULL. */
const struct err *replay_error(const struct replay *r);
/*
 * When everybody who is left waits for somebody else's turn: lets the earliest go ahead and returns true. The
 * caller asks before each event.
 */
bool replay_unstall(struct replay *r, tick_t now);
/* Asked for an early end (max_accesses reached or a read error). */
bool replay_is_over(const struct replay *r);
/* All processes so far, gone ones too; NULL past the last. */
struct process *replay_process_at(const struct replay *r, size_t i);

#endif
