/*
 * driver.c - `faultline record`, the process: shared memory, the program under QEMU's user mode, the loop
 * that empties the rings.
 *
 * The program keeps its terminal, its descriptors, its output and its exit status. Ctrl-C reaches it as
 * always; a signal sent to the recorder alone is passed on, a second one ends program and recording. When
 * recording ends before the program (full disk, size limit), the program runs on, unrecorded.
 *
 * Memory: the rings (RING_WORDS words a thread; a thread that fills its ring waits), the writer's open
 * blocks.
 */
#include "traces/recorder/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "sim/version.h"
#include "traces/recorder/companion.h"
#include "traces/recorder/launch.h"
#include "traces/recorder/program.h"
#include "traces/recorder/recording.h"

#define EMULATOR        "qemu-x86_64"
#define PLUGIN          "faultline-plugin.so"
#define CPU_MODEL       "max,-erms" /* without erms: rep movs would be an access a byte */
#define RECORDING_LEVEL 1
#define IDLE_MS         5
#define STUCK_US        100
#define TICK_SECONDS    0.001 /* of threads that run at once: how fine their order is */
#define BURY_SECONDS    0.05

extern char **environ;

struct driver {
	const struct record_options *o;
	struct record_outcome *out;
	struct shared *shared;
	int memory;
	struct launch launch;
	struct trace_writer *writer;
	struct recording *recording;
	struct progress *progress;
	struct program program;
	double buried, ticked;
};

static void stop_recording(struct driver *d)
{
	__atomic_store_n(&d->shared->stop, 1, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < d->shared->nr_rings; i++) {
		d->shared->ring[i].waits = 0;
		syscall(SYS_futex, &d->shared->ring[i].waits, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

static void pass_on_signals(struct driver *d)
{
	program_pass_on_signals(&d->program);
	d->out->interrupted = d->program.interrupted;
}

/* ---- before the program runs ---- */

/* Where a command of PATH lies; the directory's name and the file's joined in out. */
static bool find_in_path(const char *name, char *out)
{
	const char *p = getenv("PATH");

	for (p = p ? p : "/usr/bin:/bin"; *p; p += *p == ':') {
		size_t n = strcspn(p, ":");
		struct stat st;

		snprintf(out, PATH_MAX, "%.*s%s%s", (int)n, p, n ? "/" : "", name);
		p += n;
		if (access(out, X_OK) == 0 && stat(out, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

static int find_tools(struct driver *d, struct err *e)
{
	struct shared *s = d->shared;
	char path[PATH_MAX];
	int rc;

	if (!find_in_path(EMULATOR, path))
		return err_set(e, ERR_OPEN,
			       EMULATOR " is not installed; it is in Debian's package qemu-user");
	if (strlen(path) >= sizeof s->qemu)
		return err_set(e, ERR_LIMIT, "%s: the path is too long", path);
	memcpy(s->qemu, path, strlen(path) + 1);
	rc = companion_find(s->plugin, sizeof s->plugin, PLUGIN, e);
	if (rc)
		return rc;
	if (strchr(s->plugin, ','))
		return err_set(e, ERR_OPEN, "%s: the emulator takes no path with a comma", s->plugin);
	return 0;
}

static int find_program(struct driver *d, struct err *e)
{
	const char *name = d->o->argv[0];
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s", name);
	if (!strchr(name, '/') && !find_in_path(name, path))
		return err_set(e, ERR_OPEN, "%s: no such program", name);
	switch (launch_resolve(&d->launch, path, name)) {
	case LAUNCH_OK:
		return 0;
	case LAUNCH_MISSING:
		return err_set(e, ERR_OPEN, "%s: not a program that can be started", name);
	default:
		return err_set(e, ERR_FORMAT,
			       "%s: only programs for x86-64 that are not set-user-id can be recorded", name);
	}
}

static int share_memory(struct driver *d, struct err *e)
{
	struct timespec t;

	d->memory = memfd_create("faultline-record", 0);
	if (d->memory < 0 || ftruncate(d->memory, (off_t)SHARED_BYTES) != 0)
		return err_set(e, ERR_IO, "shared memory: %s", strerror(errno));
	d->shared =
		mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, d->memory, 0);
	if (d->shared == MAP_FAILED) {
		d->shared = NULL;
		return err_set(e, ERR_IO, "shared memory: %s", strerror(errno));
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	d->shared->began_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	d->shared->driver_pid = (uint32_t)getpid();
	d->shared->bytes = SHARED_BYTES;
	snprintf(d->shared->cpu, sizeof d->shared->cpu, CPU_MODEL);
	snprintf(d->shared->memory, SHARED_PATH, "/proc/%d/fd/%d", (int)getpid(), d->memory);
	d->shared->magic = SHARED_MAGIC;
	return 0;
}

static void processor_name(char *out, size_t n)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(out, n, "unknown processor");
	while (f && fgets(line, sizeof line, f)) {
		char *p = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !p)
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(out, n, "%s", p + 2);
		break;
	}
	if (f)
		fclose(f);
}

static int open_trace(struct driver *d, struct err *e)
{
	char host[400], date[32], processor[200], *arguments = mem_strdup(""), recorder[200];
	struct provenance p = {.program = d->o->argv[0], .host = host, .recorded_at = date};
	time_t now = time(NULL);
	struct utsname u;
	size_t len = 0;
	struct tm tm;
	int rc;

	for (char **a = d->o->argv + 1; *a; a++) {
		size_t n = strlen(*a);

		arguments = mem_realloc(arguments, len + n + 2, 1);
		len += (size_t)snprintf(arguments + len, n + 2, "%s%s", len ? " " : "", *a);
	}
	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm);
	processor_name(processor, sizeof processor);
	uname(&u);
	snprintf(host, sizeof host, "%s, %s %s", processor, u.sysname, u.release);
	snprintf(recorder, sizeof recorder, "faultline %s record, " EMULATOR " -cpu " CPU_MODEL,
		 FAULTLINE_VERSION);
	p.arguments = arguments;
	p.recorder = recorder;
	p.no_fetches = d->o->no_fetches;
	p.sampled = d->o->window.period != 0;
	rc = trace_writer_open(&d->writer, d->o->output, &p, d->o->level ? d->o->level : RECORDING_LEVEL, e);
	mem_free(arguments);
	return rc;
}

static int start_program(struct driver *d, struct err *e)
{
	char option[LAUNCH_OPTION_BYTES];

	fflush(NULL);
	d->program.pid = fork();
	if (d->program.pid < 0)
		return err_set(e, ERR_IO, "fork: %s", strerror(errno));
	if (d->program.pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		launch_exec(&d->launch, d->shared, option, d->o->argv, environ);
		fprintf(stderr, "faultline: %s: %s\n", d->shared->qemu, strerror(errno));
		_exit(127);
	}
	program_catch_signals();
	return 0;
}

/* ---- the loop ---- */

static void reap(struct driver *d, int flags)
{
	program_reap(&d->program, flags);
	d->out->status = d->program.status;
}

static bool is_behind(const struct driver *d)
{
	return merge_backlog(&d->recording->merge) >= RING_WAKE;
}

/*
 * Sleeps until a ring is well filled or a moment has passed; only shortly when one is, but nothing of it can
 * be passed on before a thread has said more.
 */
static void sleep_a_little(struct driver *d, bool stuck)
{
	const struct timespec idle = {0, IDLE_MS * 1000000}, moment = {0, STUCK_US * 1000};

	__atomic_store_n(&d->shared->asleep, 1, __ATOMIC_SEQ_CST);
	if (!is_behind(d))
		syscall(SYS_futex, &d->shared->asleep, FUTEX_WAIT, 1, &idle, NULL, 0);
	else if (stuck)
		nanosleep(&moment, NULL);
	__atomic_store_n(&d->shared->asleep, 0, __ATOMIC_SEQ_CST);
}

/* Threads that run at once without system calls still want an order. */
static void tick(struct driver *d, double now, bool stuck)
{
	const struct merge *m = &d->recording->merge;
	unsigned running = 0;

	if (now - d->ticked < (stuck && is_behind(d) ? TICK_SECONDS / 4 : TICK_SECONDS))
		return;
	d->ticked = now;
	for (uint32_t i = 0; i < m->nr_lanes; i++)
		running += m->lane[i].used && !m->lane[i].whole;
	if (running > 1)
		__atomic_fetch_add(&d->shared->clock, 1, __ATOMIC_SEQ_CST);
}

static bool is_full(struct driver *d)
{
	struct stat st;

	if (d->o->max_bytes && stat(d->o->output, &st) == 0 && (uint64_t)st.st_size >= d->o->max_bytes)
		d->out->full = true;
	return d->out->full;
}

static void show_progress(struct driver *d)
{
	char detail[80];

	snprintf(detail, sizeof detail, "%" PRIu64 " process%s, %" PRIu64 " thread%s",
		 d->recording->nr_processes, d->recording->nr_processes == 1 ? "" : "es",
		 d->recording->threads, d->recording->threads == 1 ? "" : "s");
	progress_update(d->progress, d->recording->accesses, detail);
}

/* Until all recorded processes have ended, or recording has. */
static int record_all(struct driver *d, struct err *e)
{
	for (;;) {
		double now = cli_wall_seconds();
		int n = recording_drain(d->recording, now, e);

		if (n < 0)
			return n;
		tick(d, now, n == 0);
		pass_on_signals(d);
		if (now - d->buried > BURY_SECONDS || d->program.ended) {
			d->buried = now;
			reap(d, WNOHANG);
			if (recording_bury(d->recording, e) && d->program.ended)
				return e->code ? -(int)e->code : 0;
			show_progress(d);
			if (e->code || is_full(d) || d->recording->window.over)
				return -(int)e->code;
		}
		sleep_a_little(d, n == 0);
	}
}

/* Recording is over: the program runs on to its end, or is ended. */
static void wait_for_program(struct driver *d)
{
	stop_recording(d);
	if (d->o->end_program && d->recording->window.over && !d->program.ended)
		kill(d->program.pid, SIGKILL);
	while (!d->program.ended) {
		pass_on_signals(d);
		reap(d, 0);
	}
}

static void tell_outcome(struct driver *d)
{
	d->out->accesses = d->recording->accesses;
	d->out->threads = d->recording->threads;
	d->out->processes = d->recording->nr_processes;
	d->out->escaped = d->shared->escaped;
	d->out->lost_threads = d->shared->lost_threads;
	d->out->window_missed = !window_is_all(&d->recording->window) && !d->recording->accesses;
}

static int run(struct driver *d, struct err *e)
{
	struct err later = {0};
	int rc;

	d->recording = recording_new(d->shared, d->writer, &d->o->window, d->o->no_fetches, d->o->renumber);
	d->progress = d->o->quiet ? NULL : progress_new("recording", 0);
	rc = start_program(d, e);
	if (rc >= 0)
		rc = record_all(d, e);
	progress_free(d->progress);
	if (rc < 0) {
		trace_writer_abort(d->writer);
		if (!d->program.ended) {
			cli_fail(e);
			d->out->told = true;
		}
	} else {
		rc = trace_writer_close(d->writer, &later);
		if (rc < 0)
			*e = later;
	}
	if (d->program.pid > 0)
		wait_for_program(d);
	tell_outcome(d);
	recording_free(d->recording);
	return rc;
}

int record_program(const struct record_options *o, struct record_outcome *out, struct err *e)
{
	struct driver *d = mem_alloc_late(1, sizeof *d);
	int rc;

	d->o = o;
	d->out = out;
	d->memory = -1;
	rc = share_memory(d, e);
	if (rc >= 0)
		rc = find_tools(d, e);
	if (rc >= 0)
		rc = find_program(d, e);
	if (rc >= 0)
		rc = open_trace(d, e);
	if (rc >= 0)
		rc = run(d, e);
	if (d->shared)
		munmap(d->shared, SHARED_BYTES);
	if (d->memory >= 0)
		close(d->memory);
	mem_free(d);
	return rc;
}
