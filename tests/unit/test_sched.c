/*
 * test_sched.c - run queues, waking, waiting: made-up programs that burn cycles, sleep and wait.
 *
 * 2.6 GHz: 2,600 cycles a microsecond. One CPU: latency 6 ms, wake-up granularity 1 ms, tick 4 ms; four CPUs:
 * three times that, but for the tick.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel/sched.h"
#include "tests/suite.h"

#define MS     UINT64_C(2600000) /* cycles */
#define PS(ms) ((tick_t)(ms)*PS_PER_MS)
#define CPUS   4u

/* A program: `rounds` times burns `burn` cycles, then sleeps `sleep` (0: goes on) or waits for a key. */
struct job {
	uint64_t burn, left, rounds;
	tick_t sleep;
	uint64_t wait_key;
	tick_t deadline;
	bool io;
	/* seen */
	uint64_t ran, longest, stretch;
	tick_t woke_late; /* largest delay between the end of a sleep and running again */
	unsigned woken, timed_out;
	bool over;
	uint64_t on_cpu[CPUS];
};

struct entry {
	unsigned cpu;
	uint32_t id;
	uint64_t cycles;
};

static struct kernel k;
static struct eventq q;
static struct sched_params sp;
static struct param_set ps;
static struct clock_domain clk = {2600000000};
static struct exec x[CPUS], *xp[CPUS];
static struct job job[16];
static struct task *task[16];
static struct entry history[20000];
static size_t nr_history;
static unsigned waiting_order[16], nr_waiting, woken_order[16], nr_woken;

static void finish(struct task *t)
{
	struct job *j = t->stream;

	j->over = true;
	sched_exit(t);
}

static void pause_job(struct task *t)
{
	struct job *j = t->stream;
	tick_t until = task_now(t) + j->sleep;

	if (j->wait_key) {
		waiting_order[nr_waiting++ % 16] = (unsigned)(j - job);
		if (sched_wait(t, j->wait_key, j->deadline, j->io))
			j->woken++;
		else
			j->timed_out++;
		woken_order[nr_woken++ % 16] = (unsigned)(j - job);
	} else {
		sched_sleep_until(t, until, j->io);
		ck_assert_uint_ge(task_now(t), until);
		j->woke_late = MAX_OF(j->woke_late, task_now(t) - until);
	}
	j->left = j->burn;
}

static void run_user(void *ctx, struct task *t, uint64_t until)
{
	struct job *j = t->stream;
	uint64_t n = MIN_OF(j->left, (until - t->exec->cycles + 72) / 73 * 73); /* accesses of 73 cycles */

	(void)ctx;
	ck_assert_uint_gt(until, t->exec->cycles);
	exec_charge(t->exec, CYCLES_user_insn, n);
	j->ran += n;
	j->stretch += n;
	j->longest = MAX_OF(j->longest, j->stretch);
	j->on_cpu[t->exec->cpu] += n;
	j->left -= n;
	if (j->left)
		return;
	if (!--j->rounds)
		sched_call(t, finish);
	else if (j->sleep || j->wait_key)
		sched_call(t, pause_job);
	else
		j->left = j->burn;
}

static void switch_to(void *ctx, struct exec *e, struct task *prev, struct task *next)
{
	(void)ctx;
	if (next && next->stream)
		((struct job *)next->stream)->stretch = 0;
	if (next)
		exec_charge(e, CYCLES_schedule, 3120);
	(void)prev;
	if (nr_history < ARRAY_LEN(history))
		history[nr_history++] = (struct entry){e->cpu, next ? next->id : 0, e->cycles};
}

static const struct sched_ops ops = {run_user, switch_to};

static void start(unsigned nr_cpus, unsigned nodes)
{
	memset(&k, 0, sizeof k);
	memset(job, 0, sizeof job);
	memset(task, 0, sizeof task);
	nr_history = nr_woken = nr_waiting = 0;
	param_set_init(&ps);
	param_set_add(&ps, &sched_param_table, &sp);
	param_set_add(&ps, &cost_param_table, &k.cost);
	eventq_init(&q);
	k.eventq = &q;
	for (unsigned i = 0; i < nr_cpus; i++) {
		x[i] = (struct exec){.cpu = i, .nid = i * nodes / nr_cpus, .clock = &clk};
		xp[i] = &x[i];
	}
	sched_new(&k, &sp, &ops, NULL, xp, nr_cpus);
}

static void stop(void)
{
	sched_free(k.sched);
	eventq_release(&q);
	param_set_release(&ps);
}

/* A job of `rounds` rounds that may run on the CPUs of mask. */
static struct task *spawn(unsigned i, uint64_t burn, uint64_t rounds, tick_t sleep, uint64_t mask)
{
	const uint64_t wide[MAX_CPUS / 64] = {mask};

	job[i].burn = job[i].left = burn;
	job[i].rounds = rounds;
	job[i].sleep = sleep;
	task[i] = sched_task_new(&k, "job");
	task[i]->stream = &job[i];
	sched_set_affinity(task[i], wide);
	sched_start(task[i], q.now);
	return task[i];
}

static void run_to(tick_t t)
{
	while (eventq_next_time(&q) <= t)
		eventq_step(&q);
}

static void check_sums(unsigned nr_cpus)
{
	for (unsigned i = 0; i < nr_cpus; i++) {
		const uint64_t *by = (const uint64_t *)&x[i].cause;
		uint64_t sum = 0;

		for (unsigned c = 0; c < NR_CYCLE_CAUSES; c++)
			sum += by[c];
		ck_assert_uint_eq(sum, x[i].cycles);
	}
}

/* ---- fairness ---- */

/* CPUs in the machine, tasks that share CPU 0, and the slice: latency * (1 + log2 CPUs) / tasks. */
static const struct {
	unsigned cpus, tasks;
	uint64_t slice;
} share[] = {{1, 2, 3 * MS}, {1, 3, 2 * MS}, {1, 5, 6 * MS / 5},
	     {2, 2, 6 * MS}, {4, 2, 9 * MS}, {4, 3, 6 * MS}};

START_TEST(tasks_share_a_cpu_fairly)
{
	uint64_t least = UINT64_MAX, most = 0, longest = share[_i].slice + 4 * MS + MS / 10;

	start(share[_i].cpus, 1);
	for (unsigned i = 0; i < share[_i].tasks; i++)
		spawn(i, 10000 * MS, 1, 0, 1);
	run_to(PS(2000));
	for (unsigned i = 0; i < share[_i].tasks; i++) {
		least = MIN_OF(least, job[i].ran);
		most = MAX_OF(most, job[i].ran);
		ck_assert_msg(job[i].longest <= longest,
			      "task %u ran %.3f ms at a stretch, its slice is %.3f ms", i,
			      (double)job[i].longest / (double)MS, (double)share[_i].slice / (double)MS);
	}
	ck_assert_msg(most - least <= longest, "%.3f ms apart", (double)(most - least) / (double)MS);
	check_sums(share[_i].cpus);
	stop();
}
END_TEST

/* A task that wakes up all the time on the same CPU must not lengthen the others' slices. */
START_TEST(wakeups_do_not_lengthen_slices)
{
	start(4, 1);
	spawn(0, 10000 * MS, 1, 0, 1);
	spawn(1, 10000 * MS, 1, 0, 1);
	spawn(2, MS / 100, 100000, PS_PER_MS, 1);
	run_to(PS(2000));
	ck_assert_uint_le(job[0].longest, 9 * MS + 4 * MS + MS / 10);
	ck_assert_uint_le(MAX_OF(job[0].ran, job[1].ran) - MIN_OF(job[0].ran, job[1].ran), 14 * MS);
	stop();
}
END_TEST

/* All cycles of a busy CPU are somebody's: two tasks and the kernel, nothing idle. */
START_TEST(a_busy_cpu_has_no_idle_time_and_250_ticks)
{
	start(1, 1);
	spawn(0, 10000 * MS, 1, 0, 1);
	spawn(1, 10000 * MS, 1, 0, 1);
	run_to(PS(1000));
	ck_assert_uint_eq(x[0].cause.idle, 0);
	ck_assert_uint_ge(sched_stats_of(k.sched)->ticks, 249);
	ck_assert_uint_le(sched_stats_of(k.sched)->ticks, 250);
	ck_assert_uint_eq(x[0].cause.tick, sched_stats_of(k.sched)->ticks * k.cost.tick);
	ck_assert_uint_eq(job[0].ran + job[1].ran, x[0].cause.user_insn);
	stop();
}
END_TEST

/* ---- waking ---- */

/* A task that slept has credit: it preempts a busy one at once, not at its slice's end. */
START_TEST(a_waking_task_preempts)
{
	start(1, 1);
	spawn(0, 10000 * MS, 1, 0, 1);
	spawn(1, MS / 10, 50, PS(20), 1);
	run_to(PS(1500));
	ck_assert(job[1].over);
	ck_assert_uint_eq(job[1].ran, 5 * MS);
	/* the run-ahead of user mode and the switch: below 3 microseconds; a tick in between costs 2 */
	ck_assert_uint_le(job[1].woke_late, 5 * PS_PER_US);
	ck_assert_uint_ge(sched_stats_of(k.sched)->preemptions, 49);
	stop();
}
END_TEST

/* Not so one that has just run as much as the others: within the granularity of 1 ms nobody is disturbed. */
START_TEST(a_small_lead_does_not_preempt)
{
	start(1, 1);
	sp.wakeup_granularity_us = 1000;
	spawn(0, 10000 * MS, 1, 0, 1);
	spawn(1, 3 * MS, 100, PS_PER_US, 1); /* hardly sleeps */
	run_to(PS(1000));
	/* it gets its half, no more: the credit for sleeping is bounded by what it would have had */
	ck_assert_uint_le(job[1].ran, job[0].ran + 8 * MS);
	stop();
}
END_TEST

START_TEST(sleepers_use_no_time)
{
	start(1, 1);
	spawn(0, MS, 10, PS(9), 1);
	run_to(PS(500));
	ck_assert(job[0].over);
	ck_assert_uint_eq(job[0].ran, 10 * MS);
	ck_assert_uint_eq(sched_nr_user(k.sched), 0);
	sched_finish(k.sched, PS(500));
	ck_assert_uint_eq(x[0].cycles, 500 * MS);
	ck_assert_uint_eq(x[0].cause.iowait, 0);
	ck_assert_uint_ge(x[0].cause.idle, 500 * MS - 10 * MS - MS / 10);
	check_sums(1);
	stop();
}
END_TEST

/* Time asleep for a device is I/O wait: 9 sleeps of 9 ms. */
START_TEST(io_wait_is_idle_time_with_a_reason)
{
	start(1, 1);
	job[0].io = true;
	spawn(0, MS, 10, PS(9), 1);
	job[0].io = true;
	run_to(PS(500));
	sched_finish(k.sched, PS(500));
	ck_assert_uint_ge(x[0].cause.iowait, 81 * MS - MS / 10);
	ck_assert_uint_le(x[0].cause.iowait, 81 * MS);
	check_sums(1);
	stop();
}
END_TEST

static void wake_event(struct event *ev)
{
	ck_assert_uint_eq(sched_wake(&k, WAIT_KEY(WAIT_FRAME, 7), ev->time), 3);
	ck_assert_uint_eq(sched_wake(&k, WAIT_KEY(WAIT_FRAME, 7), ev->time), 0);
}

/* Those that wait for the key wake, in the order they came; others do not; deadlines pass. */
START_TEST(waiting_for_a_key)
{
	struct event ev;

	start(1, 1);
	for (unsigned i = 0; i < 5; i++) {
		spawn(i, MS / 100, 2, 0, 1);
		job[i].burn = job[i].left = MS / 100 * (i + 1);
		job[i].wait_key = WAIT_KEY(WAIT_FRAME, i == 3 ? 8 : 7);
		job[i].deadline = i == 3 ? PS(30) : i == 4 ? PS(1) : TICK_NEVER;
	}
	event_init(&ev, EVENT_PRIO_TIMER, wake_event);
	eventq_schedule(&q, &ev, PS(20));
	run_to(PS(100));
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(job[i].woken, i < 3);
		ck_assert_uint_eq(job[i].timed_out, i >= 3);
		ck_assert(job[i].over);
	}
	ck_assert_uint_eq(nr_waiting, 5);
	ck_assert_uint_eq(woken_order[0], 4);
	for (unsigned i = 0, at = 1; i < 5; i++)
		if (waiting_order[i] < 3)
			ck_assert_uint_eq(woken_order[at++], waiting_order[i]);
	ck_assert_uint_eq(woken_order[4], 3);
	stop();
}
END_TEST

/* ---- places ---- */

START_TEST(affinity_is_obeyed)
{
	const uint64_t none[MAX_CPUS / 64] = {UINT64_C(1) << 40}, two[MAX_CPUS / 64] = {4};

	start(4, 1);
	spawn(0, 10000 * MS, 1, 0, 2);
	spawn(1, 10000 * MS, 1, 0, 2);
	spawn(2, 10000 * MS, 1, 0, 15);
	run_to(PS(20));
	ck_assert_uint_eq(job[0].on_cpu[1], job[0].ran);
	ck_assert_uint_eq(job[1].on_cpu[1], job[1].ran);
	sched_set_affinity(task[0], none); /* no such CPU: nothing changes */
	run_to(PS(40));
	ck_assert_uint_eq(job[0].on_cpu[1], job[0].ran);
	sched_set_affinity(task[0], two);
	sched_set_affinity(task[1], two);
	run_to(PS(50));
	memset(job[0].on_cpu, 0, sizeof job[0].on_cpu);
	memset(job[1].on_cpu, 0, sizeof job[1].on_cpu);
	run_to(PS(90));
	ck_assert_uint_eq(job[0].on_cpu[1] + job[1].on_cpu[1], 0);
	ck_assert_uint_ge(job[0].on_cpu[2] + job[1].on_cpu[2], 38 * MS);
	stop();
}
END_TEST

/* Four busy tasks on four CPUs: each its own; when there are eight, each CPU is busy all the time. */
START_TEST(idle_cpus_take_work)
{
	start(4, 1);
	for (unsigned i = 0; i < 4; i++)
		spawn(i, 10000 * MS, 1, 0, 15);
	run_to(PS(10));
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_ge(job[i].ran, 9 * MS);
	for (unsigned i = 4; i < 8; i++)
		spawn(i, MS, 1, 0, 15);
	run_to(PS(20));
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_le(x[i].cause.idle, MS);
	stop();
}
END_TEST

/* One CPU's queue empties: it takes over what waits elsewhere. */
START_TEST(a_cpu_without_work_pulls)
{
	start(2, 1);
	spawn(0, 20 * MS, 1, 0, 3);
	spawn(1, 10 * MS, 1, 0, 3);
	spawn(2, 20 * MS, 1, 0, 3); /* behind the first: CPU 0 would need 40 ms */
	run_to(PS(30));
	ck_assert(job[0].over && job[1].over && job[2].over);
	ck_assert_uint_ge(sched_stats_of(k.sched)->migrations, 1);
	stop();
}
END_TEST

static unsigned kthread_runs[2];
static unsigned kthread_bad;

static void kthread_main(struct task *self)
{
	unsigned nid = self->comm[1] == '0' ? 0 : 1;

	for (;;) {
		kthread_runs[nid]++;
		kthread_bad += self->exec->nid != nid;
		task_charge(self, CYCLES_reclaim_kswapd, MS / 10);
		sched_sleep_until(self, task_now(self) + PS(1), false);
	}
}

START_TEST(kernel_threads_stay_on_their_node)
{
	memset(kthread_runs, 0, sizeof kthread_runs);
	kthread_bad = 0;
	start(4, 2);
	for (unsigned i = 0; i < 6; i++)
		spawn(i, 10000 * MS, 1, 0, 15);
	ck_assert_uint_eq(sched_nr_user(k.sched), 6);
	sched_kthread(&k, "k0", 0, kthread_main);
	sched_kthread(&k, "k1", 1, kthread_main);
	ck_assert_uint_eq(sched_nr_user(k.sched), 6);
	run_to(PS(25));
	ck_assert_uint_eq(kthread_bad, 0);
	ck_assert_uint_ge(kthread_runs[0], 10);
	ck_assert_uint_ge(kthread_runs[1], 10);
	stop();
}
END_TEST

/* A kernel thread with a second of work, which offers the CPU every tenth of a millisecond. */
static uint64_t last_offer, longest_hold;

static void busy_kthread(struct task *self)
{
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t began = self->exec->cycles;

		exec_charge(self->exec, CYCLES_reclaim_kswapd, MS / 10);
		sched_cond(self);
		if (self->exec->cycles - began > MS) { /* another task ran */
			longest_hold = MAX_OF(longest_hold, began - last_offer);
			last_offer = self->exec->cycles;
		}
	}
	sched_exit(self);
}

/* No event of a device or another CPU is due, and still the ticks end the slices of kernel code: 3 ms, at the
 * next tick. */
START_TEST(kernel_code_alone_sees_its_ticks)
{
	last_offer = longest_hold = 0;
	start(1, 1);
	spawn(0, 10000 * MS, 1, 0, 1);
	sched_kthread(&k, "k0", 0, busy_kthread);
	run_to(PS(1000));
	ck_assert_uint_gt(longest_hold, 0);
	ck_assert_uint_le(longest_hold, 3 * MS + 4 * MS + 2 * MS / 10);
	ck_assert_uint_ge(job[0].ran, 480 * MS);
	ck_assert_uint_le(job[0].ran, 520 * MS);
	ck_assert_uint_ge(sched_stats_of(k.sched)->ticks, 249);
	stop();
}
END_TEST

/* ---- the table of tasks ---- */

START_TEST(the_table_forgets_the_dead)
{
	unsigned n = 0;

	start(1, 1);
	for (unsigned i = 0; i < 16; i++)
		spawn(i, i % 2 ? MS : 1000 * MS, 1, 0, 1);
	run_to(PS(200));
	for (size_t i = 0; sched_task_at(k.sched, i);
	     i = sched_task_index(k.sched, sched_task_at(k.sched, i)) + 1) {
		ck_assert_ptr_eq(sched_task_at(k.sched, i), task[2 * n]);
		n++;
	}
	ck_assert_uint_eq(n, 8);
	ck_assert_uint_eq(sched_nr_user(k.sched), 8);
	for (unsigned i = 0; i < 200; i++) /* the table closes its gaps as it grows */
		sched_task_new(&k, "more");
	n = 0;
	for (size_t i = 0; sched_task_at(k.sched, i);
	     i = sched_task_index(k.sched, sched_task_at(k.sched, i)) + 1)
		n++;
	ck_assert_uint_eq(n, 208);
	stop();
}
END_TEST

/* ---- determinism ---- */

static void mixed_load(unsigned cpus)
{
	start(cpus, cpus > 1 ? 2 : 1);
	for (unsigned i = 0; i < 6; i++)
		spawn(i, MS / 2 + i * 1000, 400, i % 2 ? PS_PER_US * (100 + 37 * i) : 0, i == 5 ? 1 : 15);
}

static void nothing(struct event *ev)
{
	eventq_schedule(&q, ev, ev->time + 333 * PS_PER_US);
}

START_TEST(two_runs_are_the_same)
{
	static struct entry first[ARRAY_LEN(history)];
	unsigned cpus = _i ? 4 : 1;
	size_t n;

	mixed_load(cpus);
	run_to(PS(_i ? 10 : 200));
	memcpy(first, history, sizeof first);
	n = nr_history;
	ck_assert_uint_gt(n, 20);
	stop();
	mixed_load(cpus);
	run_to(PS(_i ? 10 : 200));
	ck_assert_uint_eq(n, nr_history);
	ck_assert_mem_eq(first, history, n * sizeof *first);
	stop();
}
END_TEST

START_TEST(an_event_that_does_nothing_changes_nothing)
{
	static struct entry first[ARRAY_LEN(history)];
	struct event ev;
	size_t n;

	mixed_load(1);
	run_to(PS(300));
	memcpy(first, history, sizeof first);
	n = nr_history;
	stop();
	mixed_load(1);
	event_init(&ev, EVENT_PRIO_SAMPLE, nothing);
	eventq_schedule(&q, &ev, 0);
	run_to(PS(300));
	ck_assert_uint_eq(n, nr_history);
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(first[i].id, history[i].id);
		ck_assert_uint_eq(first[i].cycles, history[i].cycles);
	}
	stop();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("sched");

	tcase_add_loop_test(t, tasks_share_a_cpu_fairly, 0, (int)ARRAY_LEN(share));
	tcase_add_test(t, wakeups_do_not_lengthen_slices);
	tcase_add_test(t, a_busy_cpu_has_no_idle_time_and_250_ticks);
	tcase_add_test(t, a_waking_task_preempts);
	tcase_add_test(t, a_small_lead_does_not_preempt);
	tcase_add_test(t, sleepers_use_no_time);
	tcase_add_test(t, io_wait_is_idle_time_with_a_reason);
	tcase_add_test(t, waiting_for_a_key);
	tcase_add_test(t, affinity_is_obeyed);
	tcase_add_test(t, idle_cpus_take_work);
	tcase_add_test(t, a_cpu_without_work_pulls);
	tcase_add_test(t, kernel_threads_stay_on_their_node);
	tcase_add_test(t, kernel_code_alone_sees_its_ticks);
	tcase_add_test(t, the_table_forgets_the_dead);
	tcase_add_loop_test(t, two_runs_are_the_same, 0, 2);
	tcase_add_test(t, an_event_that_does_nothing_changes_nothing);
	return run_case("sched", t);
}
