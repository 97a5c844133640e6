/*
 * player.c - plays a scenario in a real kernel: first process of a virtual machine that play.py starts.
 *
 * Three files of its initial file system tell it what to do:
 *   /setup     one line a step: modules to load, file systems to mount, values to write, what to capture
 *   /program   the scenario, as play.py packed it from its trace (player.h)
 *   /labels    the names of its snapshots, one a line
 * What it captures goes to the first virtio port: "=LABEL PATH BYTES\n" and so many bytes, again and again;
 * at the end
 * "=OP …" lines, and "=DONE".
 *
 * One process plays at a time. The player hands each event to the process that it belongs to and waits until
 * it is done, so the order of the trace is the order of execution. It keeps its own memory locked and touches
 * none of it while a scenario plays but a window that it shares with the processes; a process costs some
 * pages of its own (its stack, the pages of the program that it writes), which the importer of the traces
 * knows (traces/formats/memtrace_player.c).
 */
#include "tests/fidelity/kernel/player.h"

#include "tests/fidelity/kernel/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AREA        ((char *)UINT64_C(0x600000000000))
#define AREA_PAGES  104
#define WINDOW      (AREA + 0x10000) /* touches on their way to a process */
#define WINDOW_SIZE 0x10000
#define RESULTS     (AREA + 0x20000)
#define IO_SIZE     (1 << 16)

enum state { NOT_RUN, DONE, DIED, SKIPPED };

/* What is known of a process, and the event at hand. */
struct slot {
	uint32_t asked, done; /* futexes: events so far */
	int32_t os_pid;
	uint32_t alive;
	struct event ev;
};

struct result {
	uint32_t state;
	int32_t error; /* errno of the first call that failed */
	uint32_t minflt, majflt;
	uint64_t ns, touches, sum;
};

static struct slot *const slots = (struct slot *)AREA;
static struct result *const results = (struct result *)RESULTS;
_Static_assert(sizeof(struct slot) * PROCESSES <= 0x10000, "slots fit in front of the window");
_Static_assert(sizeof(struct result) * OPS_MAX <= (AREA_PAGES - 32) * 4096, "results fit");

static const struct program *program;
static const struct program_file *files;
static const struct event *events;
static const uint32_t *touches;
static int fds[FILES_MAX];
static char *labels[256];
static char io_buffer[IO_SIZE] __attribute__((aligned(4096)));

static void futex_wait(uint32_t *word, uint32_t value, long ns)
{
	struct timespec t = {0, ns};

	syscall(SYS_futex, word, FUTEX_WAIT, value, ns ? &t : NULL, NULL, 0);
}

static void futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- a process's side ---- */

static void pin(uint64_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static uint64_t mix(uint64_t sum, uint64_t v)
{
	return (sum ^ v) * UINT64_C(0x100000001b3);
}

static long touch(const struct event *ev, struct result *r)
{
	const uint32_t *t = (const uint32_t *)WINDOW;

	for (uint64_t i = 0; i < ev->a[1]; i++) {
		uint64_t addr = ev->a[0] + (uint64_t)(t[i] & ~TOUCH_STORE) * 8;
		volatile uint64_t *p = (volatile uint64_t *)addr;
		bool store = t[i] & TOUCH_STORE;

		if (store)
			*p = addr;
		else
			(void)*p;
		r->touches++;
		r->sum = mix(r->sum, addr * 2 + store);
	}
	return 0;
}

/* pread or pwrite in pieces of the buffer. */
static long transfer(const struct event *ev, struct result *r)
{
	bool write = ev->op == EV_WRITE;
	uint64_t off = ev->a[1], end = off + ev->a[2];

	r->touches++;
	r->sum = mix(r->sum, off * 2 + write);
	while (off < end) {
		size_t n = end - off < IO_SIZE ? (size_t)(end - off) : IO_SIZE;
		ssize_t got = write ? pwrite(fds[ev->a[0]], io_buffer, n, (off_t)off)
				    : pread(fds[ev->a[0]], io_buffer, n, (off_t)off);

		if (got <= 0)
			return -1;
		off += (uint64_t)got;
	}
	return 0;
}

static void serve(uint32_t me);

/* The child has the player as its parent, as if it had been spawned. */
static long fork_process(uint64_t child)
{
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, NULL, NULL, 0);

	if (pid == 0)
		serve((uint32_t)child);
	if (pid > 0) {
		slots[child].os_pid = (int32_t)pid;
		slots[child].alive = 1;
	}
	return pid > 0 ? 0 : -1;
}

static long map(const struct event *ev)
{
	const uint64_t *a = ev->a;
	int fd = a[4] < FILES_MAX ? fds[a[4]] : -1;
	void *p = mmap((void *)a[0], a[1], (int)a[2], (int)a[3] | MAP_FIXED_NOREPLACE, fd, (off_t)a[5]);

	return p == (void *)a[0] ? 0 : -1;
}

static long call(const struct event *ev, struct result *r)
{
	const uint64_t *a = ev->a;

	switch (ev->op) {
	case EV_TOUCH:
		return touch(ev, r);
	case EV_FORK:
		return fork_process(a[0]);
	case EV_AFFINITY:
		pin(a[0]);
		return 0;
	case EV_OOM_SCORE_ADJ:
		return stage_write("/proc/self/oom_score_adj", "%ld", (int64_t)a[0]);
	case EV_MMAP:
		return map(ev);
	case EV_MUNMAP:
		return munmap((void *)a[0], a[1]);
	case EV_MPROTECT:
		return mprotect((void *)a[0], a[1], (int)a[2]);
	case EV_MADVISE:
		return madvise((void *)a[0], a[1], (int)a[2]);
	case EV_MLOCK:
		return mlock((void *)a[0], a[1]);
	case EV_MUNLOCK:
		return munlock((void *)a[0], a[1]);
	case EV_MREMAP:
		return mremap((void *)a[0], a[1], a[3], MREMAP_MAYMOVE | MREMAP_FIXED, (void *)a[2]) ==
				       MAP_FAILED
			       ? -1
			       : 0;
	case EV_SET_MEMPOLICY:
		return syscall(SYS_set_mempolicy, a[0], a[1] ? &a[1] : NULL, a[1] ? 65 : 0);
	case EV_MBIND:
		return syscall(SYS_mbind, a[0], a[1], a[2], a[3] ? &a[3] : NULL, a[3] ? 65 : 0, a[4]);
	case EV_READ:
	case EV_WRITE:
		return transfer(ev, r);
	case EV_FSYNC:
		return fsync(fds[a[0]]);
	case EV_FADVISE:
		errno = posix_fadvise(fds[a[0]], (off_t)a[1], (off_t)a[2], (int)a[3]);
		return errno ? -1 : 0;
	default:
		errno = ENOSYS;
		return -1;
	}
}

/* The life of a process: an event, its result, the next one. */
static void serve(uint32_t me)
{
	struct slot *s = &slots[me];
	volatile char *window = WINDOW, *counted = RESULTS;
	uint32_t at = s->done;

	(void)*window;
	(void)*counted;
	for (;;) {
		struct result *r;
		struct rusage before, after;
		uint64_t began;

		while (__atomic_load_n(&s->asked, __ATOMIC_ACQUIRE) == at)
			futex_wait(&s->asked, at, 0);
		at = s->asked;
		if (s->ev.op == EV_EXIT)
			_exit(0);
		r = &results[s->ev.index];
		getrusage(RUSAGE_SELF, &before);
		began = now_ns();
		if (call(&s->ev, r) < 0 && !r->error)
			r->error = errno;
		r->ns += now_ns() - began;
		getrusage(RUSAGE_SELF, &after);
		r->minflt += (uint32_t)(after.ru_minflt - before.ru_minflt);
		r->majflt += (uint32_t)(after.ru_majflt - before.ru_majflt);
		__atomic_store_n(&s->done, at, __ATOMIC_RELEASE);
		futex_wake(&s->done);
	}
}

/* ---- the player's side ---- */

static void take_snapshot(const char *label)
{
	int os_pid[PROCESSES];

	for (unsigned p = 0; p < PROCESSES; p++)
		os_pid[p] = slots[p].alive ? slots[p].os_pid : 0;
	stage_snapshot(label, os_pid);
}

/* Notes who died of something else than an exit event. */
static void bury(uint32_t index)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned p = 1; p < PROCESSES; p++)
			if (slots[p].alive && slots[p].os_pid == pid) {
				char line[80];
				int n = snprintf(line, sizeof line, "=DEATH P%u %d %u\n", p, status, index);

				stage_put(line, (size_t)n);
				slots[p].alive = 0;
			}
}

static void end_process(struct slot *s)
{
	s->ev.op = EV_EXIT;
	__atomic_add_fetch(&s->asked, 1, __ATOMIC_RELEASE);
	futex_wake(&s->asked);
	waitpid(s->os_pid, NULL, 0);
	s->alive = 0;
}

static void hand_over(const struct event *ev)
{
	struct slot *s = &slots[ev->pid];
	uint32_t want = s->asked + 1;

	s->ev = *ev;
	__atomic_store_n(&s->asked, want, __ATOMIC_RELEASE);
	futex_wake(&s->asked);
	while (__atomic_load_n(&s->done, __ATOMIC_ACQUIRE) != want) {
		futex_wait(&s->done, want - 1, 50000000);
		if (__atomic_load_n(&s->done, __ATOMIC_ACQUIRE) == want)
			return;
		bury(ev->index);
		if (!s->alive)
			return;
	}
}

/* A window's worth at a time. */
static void hand_touches(const struct event *ev)
{
	uint64_t left = ev->a[1], first = ev->a[2];
	struct event part = *ev;

	while (left && slots[ev->pid].alive) {
		part.a[1] = left < WINDOW_SIZE / 4 ? left : WINDOW_SIZE / 4;
		memcpy(WINDOW, touches + first, part.a[1] * 4);
		hand_over(&part);
		left -= part.a[1];
		first += part.a[1];
	}
}

static void spawn(const struct event *ev)
{
	struct slot *s = &slots[ev->pid];

	pid_t pid = fork();

	if (pid < 0)
		stage_stop("fork");
	if (pid == 0) {
		stage_enter(ev->pid); /* a cpuset takes the place of what was asked for */
		pin(ev->a[0]);
		serve(ev->pid);
	}
	s->os_pid = pid;
	s->alive = 1;
}

static void drop_caches(uint64_t what)
{
	sync();
	stage_write("/proc/sys/vm/drop_caches", "%ld", (int64_t)what);
}

static void play_one(const struct event *ev)
{
	struct result *r = &results[ev->index];
	struct slot *s = &slots[ev->pid];

	bury(ev->index);
	if (ev->op == EV_SNAPSHOT) {
		take_snapshot(labels[ev->a[0]]);
	} else if (ev->op == EV_SLEEP && ev->pid == 0) {
		usleep((useconds_t)ev->a[0] * 1000);
	} else if (ev->op == EV_DROP_CACHES) {
		drop_caches(ev->a[0]);
	} else if (ev->op == EV_SPAWN) {
		spawn(ev);
	} else if (!s->alive) {
		r->state = r->state == DONE ? DIED : r->state == NOT_RUN ? SKIPPED : r->state;
		return;
	} else if (ev->op == EV_EXIT) {
		end_process(s);
	} else {
		if (ev->op == EV_TOUCH)
			hand_touches(ev);
		else
			hand_over(ev);
		if (!s->alive) {
			r->state = DIED;
			return;
		}
	}
	if (r->state == NOT_RUN)
		r->state = DONE;
}

static void report(void)
{
	static char text[1 << 16];
	static const char *const names[] = {"not_run", "done", "died", "skipped"};
	int n;

	for (size_t i = 0; i < OPS_MAX; i++) {
		const struct result *r = &results[i];

		if (r->state == NOT_RUN)
			continue;
		n = snprintf(text, sizeof text, "=OP %zu %s %d %u %u %llu %llu %llx\n", i, names[r->state],
			     r->error, r->minflt, r->majflt, (unsigned long long)r->ns,
			     (unsigned long long)r->touches, (unsigned long long)r->sum);
		stage_put(text, (size_t)n);
	}
	n = klogctl(3, text, sizeof text); /* SYSLOG_ACTION_READ_ALL */
	if (n > 0) {
		char head[64];
		int len = snprintf(head, sizeof head, "=end dmesg %d\n", n);

		stage_put(head, (size_t)len);
		stage_put(text, (size_t)n);
	}
	stage_put("=DONE\n", 6);
}

/* ---- setting up ---- */

static void load_program(void)
{
	size_t size, n = 0;
	char *save = NULL;

	program = stage_load("/program", &size);
	if (size < sizeof *program || program->magic != PROGRAM_MAGIC)
		stage_stop("/program");
	files = (const struct program_file *)(program + 1);
	events = (const struct event *)(files + program->nr_files);
	touches = (const uint32_t *)(events + program->nr_events);
	for (size_t i = 0; i < program->nr_files; i++) {
		fds[i] = open(files[i].path, O_RDWR | (files[i].created ? O_CREAT | O_TRUNC : 0), 0644);
		if (fds[i] < 0)
			stage_stop(files[i].path);
	}
	for (char *l = strtok_r(stage_load("/labels", &size), "\n", &save); l && n < 256;
	     l = strtok_r(NULL, "\n", &save))
		labels[n++] = l;
}

int main(void)
{
	if (getpid() != 1) {
		fprintf(stderr, "player: the first process of a virtual machine that play.py starts\n");
		return 2;
	}
	stage_set_up();
	load_program();
	if (mmap(AREA, (size_t)AREA_PAGES * 4096, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)AREA)
		stage_stop("the shared area");
	memset(AREA, 0, (size_t)AREA_PAGES * 4096);
	for (size_t i = 0; i < OPS_MAX; i++)
		results[i].sum = UINT64_C(0xcbf29ce484222325);
	if (mlockall(MCL_CURRENT))
		stage_stop("mlockall");
	take_snapshot("before");
	for (size_t i = 0; i < program->nr_events; i++)
		play_one(&events[i]);
	bury(0);
	take_snapshot("after");
	report();
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
