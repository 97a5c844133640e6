/*
 * malloc.c - the process: shared memory, the program with the object preloaded, the loop that empties the
 * rings into the log.
 *
 * The program keeps its terminal, its descriptors, its output and its exit status. Ctrl-C reaches it as
 * always; a signal sent to the recorder alone is passed on, a second one ends the program. Recording ends
 * when all recorded processes have. When the log cannot be written, the program runs on, unrecorded.
 *
 * Memory: the rings that are used (256 KiB a thread; a thread that fills its ring waits), what is live.
 */
#include "traces/recorder/malloc.h"

#include <errno.h>
#include <getopt.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "sim/version.h"
#include "traces/inspect/inspect.h"
#include "traces/recorder/companion.h"
#include "traces/recorder/malloc_log.h"
#include "traces/recorder/malloc_merge.h"
#include "traces/recorder/program.h"

#define PRELOAD       "faultline-preload.so"
#define IDLE_MS       5
#define BURY_SECONDS  0.05
#define FLUSH_SECONDS 1.0
#define DEFAULT_LEVEL 1
#define CALLERS_SHOWN 10
#define RATE_SECONDS  0.001 /* from when on the rate of the writers' clock is known well enough */

static const char help[] =
	"usage: faultline record --malloc [OPTIONS] [--] PROGRAM [ARGUMENTS ...]\n"
	"\n"
	"Runs PROGRAM, unmodified, and logs each malloc, calloc, realloc, free and their kin of all its "
	"threads "
	"and\n"
	"children: address, size, thread, caller, time. Its output and exit status are its own.\n"
	"\n"
	"  -o, --output FILE   the log (default: the program's name with .alloclog.zst), zstd-compressed "
	"text;\n"
	"                      `faultline trace convert` and `faultline run` read it\n"
	"      --level N       zstd's level, 1 to 19 (default 1)\n"
	"  -q, --quiet         no summary\n"
	"  -h, --help          this text\n";

struct recorder {
	const char *output;
	char **argv;
	int level;
	bool quiet;
	/* what runs */
	char preload[4096], memory[64], default_output[4096];
	struct malloc_shared *shared;
	struct malloc_merge *merge;
	struct malloc_log *log;
	struct program program;
	bool seen;
	uint64_t clock0, last_ns;
	double began, ns_per_tick, rated, flushed, buried;
};

/* ---- before the program runs ---- */

static int find_preload(struct recorder *r, struct err *e)
{
	int rc = companion_find(r->preload, sizeof r->preload, PRELOAD, e);

	if (rc)
		return rc;
	if (strpbrk(r->preload, ": "))
		return err_set(e, ERR_OPEN, "%s: the dynamic linker takes no path with a blank or a colon",
			       r->preload);
	return 0;
}

static int log_one(void *ctx, const struct malloc_ring_head *ring, const struct malloc_event *ev,
		   const char *text, struct err *e);

/* A limit of file sizes is meant for files: the shared memory, which is sparse, does without. */
static int size_memory(int fd)
{
	struct rlimit limit, raised;
	int r;

	getrlimit(RLIMIT_FSIZE, &limit);
	raised = (struct rlimit){limit.rlim_max, limit.rlim_max};
	setrlimit(RLIMIT_FSIZE, &raised);
	r = ftruncate(fd, (off_t)MALLOC_SHARED_BYTES);
	setrlimit(RLIMIT_FSIZE, &limit);
	return r;
}

static int share_memory(struct recorder *r, struct err *e)
{
	int fd = memfd_create("faultline-malloc", MFD_CLOEXEC);
	struct malloc_shared *s;

	if (fd < 0 || size_memory(fd) != 0)
		return err_set(e, ERR_IO, "shared memory: %s", strerror(errno));
	s = mmap(NULL, MALLOC_SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (s == MAP_FAILED)
		return err_set(e, ERR_IO, "shared memory: %s", strerror(errno));
	r->shared = s;
	s->driver_pid = (uint32_t)getpid();
	s->bytes = MALLOC_SHARED_BYTES;
	r->merge = mem_alloc_late(1, sizeof *r->merge);
	malloc_merge_init(r->merge, s, log_one, r);
	s->magic = MALLOC_RING_MAGIC;
	snprintf(r->memory, sizeof r->memory, "/proc/%d/fd/%d", (int)getpid(), fd);
	r->began = cli_wall_seconds();
	r->clock0 = malloc_merge_clock(s);
	r->ns_per_tick = s->use_tsc ? 0 : 1;
	return 0;
}

static int open_log(struct recorder *r, struct err *e)
{
	char host[200], date[32], *arguments = mem_strdup("");
	struct provenance p = {.program = r->argv[0],
			       .host = host,
			       .recorded_at = date,
			       .recorder = "faultline " FAULTLINE_VERSION " record --malloc",
			       .no_fetches = true};
	time_t now = time(NULL);
	struct utsname u;
	size_t len = 0;
	struct tm tm;
	int rc;

	for (char **a = r->argv + 1; *a; a++) {
		size_t n = strlen(*a);

		arguments = mem_realloc(arguments, len + n + 2, 1);
		len += (size_t)snprintf(arguments + len, n + 2, "%s%s", len ? " " : "", *a);
	}
	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm);
	uname(&u);
	snprintf(host, sizeof host, "%.60s %.60s %.60s", u.sysname, u.release, u.machine);
	p.arguments = arguments;
	rc = malloc_log_open(&r->log, r->output, &p, r->level, e);
	mem_free(arguments);
	return rc;
}

static void run_program(struct recorder *r)
{
	const char *before = getenv("LD_PRELOAD");
	char *value;
	size_t n = strlen(r->preload) + (before ? strlen(before) : 0) + 2;

	value = mem_alloc_late(n, 1);
	snprintf(value, n, "%s%s%s", r->preload, before && *before ? ":" : "", before ? before : "");
	setenv("LD_PRELOAD", value, 1);
	setenv(MALLOC_RING_ENV, r->memory, 1);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execvp(r->argv[0], r->argv);
	fprintf(stderr, "faultline: %s: %s\n", r->argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* ---- the loop ---- */

/* Nanoseconds since the log began. The rate of the writers' clock is measured while they run. */
static uint64_t to_ns(struct recorder *r, uint64_t clock)
{
	uint64_t ticks = clock > r->clock0 ? clock - r->clock0 : 0;
	uint64_t ns = (uint64_t)((double)ticks * r->ns_per_tick);

	r->last_ns = MAX_OF(r->last_ns, ns);
	return r->last_ns;
}

static void measure_clock(struct recorder *r, double now)
{
	uint64_t clock;

	if (!r->shared->use_tsc || now < r->rated + 0.1 * (r->rated - r->began) + RATE_SECONDS)
		return;
	clock = malloc_merge_clock(r->shared);
	if (clock > r->clock0)
		r->ns_per_tick = (now - r->began) * 1e9 / (double)(clock - r->clock0);
	r->rated = now;
}

static int log_one(void *ctx, const struct malloc_ring_head *ring, const struct malloc_event *ev,
		   const char *text, struct err *e)
{
	struct recorder *r = ctx;

	r->seen = true;
	return malloc_log_event(r->log, to_ns(r, ev->time), ring->pid, ring->tid, ev, text, e);
}

/* Sleeps until a ring is well filled or a moment has passed. */
static void sleep_a_little(struct recorder *r)
{
	const struct timespec t = {0, IDLE_MS * 1000000};

	__atomic_store_n(&r->shared->asleep, 1, __ATOMIC_SEQ_CST);
	if (malloc_merge_backlog(r->merge) < RING_EVENTS_WAKE)
		syscall(SYS_futex, &r->shared->asleep, FUTEX_WAIT, 1, &t, NULL, 0);
	__atomic_store_n(&r->shared->asleep, 0, __ATOMIC_SEQ_CST);
}

/* Now and then: who is gone, and what is written so far. Returns how many processes and threads are left. */
static int64_t look_around(struct recorder *r, double now, struct err *e)
{
	uint32_t rings;

	program_reap(&r->program, WNOHANG);
	rings = malloc_merge_bury(r->merge, r->program.ended, now);
	if (now >= r->flushed + FLUSH_SECONDS) {
		r->flushed = now;
		malloc_log_flush(r->log, e);
	}
	return e->code ? -(int64_t)e->code : (int64_t)malloc_log_bury(r->log, r->merge, e) + rings;
}

static int record_all(struct recorder *r, struct err *e)
{
	for (;;) {
		double now = cli_wall_seconds();
		int64_t n, left;

		measure_clock(r, now);
		n = malloc_merge_drain(r->merge, e);
		if (n < 0)
			return (int)n;
		program_pass_on_signals(&r->program);
		if (now >= r->buried + BURY_SECONDS || (!n && r->program.ended)) {
			r->buried = now;
			left = look_around(r, now, e);
			if (left < 0)
				return (int)left;
			if (r->program.ended && !left)
				return 0;
		}
		if (!n)
			program_reap(&r->program, WNOHANG);
		sleep_a_little(r);
	}
}

static void stop(struct recorder *r)
{
	__atomic_store_n(&r->shared->stop, 1, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < MIN_OF(r->shared->nr_rings, MALLOC_RINGS); i++) {
		r->shared->ring[i].waits = 0;
		syscall(SYS_futex, &r->shared->ring[i].waits, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

/* ---- what it was ---- */

static void summary(struct recorder *r)
{
	struct malloc_totals t;
	char n[6][16];

	malloc_log_totals(r->log, &t);
	fprintf(stderr,
		"%s: %s allocations of %sB, %s frees, %s reallocs, %" PRIu64 " failed; peak %sB in %" PRIu64
		" blocks; %" PRIu64 " thread%s in %" PRIu64 " process%s, %sB (%.2f bytes an event), %.1f s\n",
		r->output, cli_si(n[0], 16, (double)t.allocations), cli_si(n[1], 16, (double)t.bytes),
		cli_si(n[2], 16, (double)t.frees), cli_si(n[3], 16, (double)t.moves), t.failed,
		cli_si(n[4], 16, (double)t.peak_bytes), t.peak_blocks, t.threads, t.threads == 1 ? "" : "s",
		t.processes, t.processes == 1 ? "" : "es", cli_si(n[5], 16, (double)t.file_bytes),
		t.events ? (double)t.file_bytes / (double)t.events : 0, cli_wall_seconds() - r->began);
	if (t.unknown_frees)
		fprintf(stderr, "%" PRIu64 " frees of blocks from before a fork\n", t.unknown_frees);
	malloc_log_print_callers(r->log, stderr, CALLERS_SHOWN);
}

static void warn(struct recorder *r)
{
	if (r->shared->lost_threads)
		fprintf(stderr, "faultline: %u times a thread was not recorded: more than %u at a time\n",
			r->shared->lost_threads, MALLOC_RINGS);
	if (!r->seen)
		fprintf(stderr,
			"faultline: %s: nothing was recorded: static programs, set-user-id programs and "
			"those for "
			"32 bits take no preloaded object\n",
			r->argv[0]);
}

static int record(struct recorder *r, struct err *e)
{
	int rc;

	fflush(NULL);
	r->program.pid = fork();
	if (r->program.pid < 0)
		return err_set(e, ERR_IO, "fork: %s", strerror(errno));
	if (r->program.pid == 0)
		run_program(r);
	program_catch_signals();
	rc = record_all(r, e);
	stop(r);
	if (!rc)
		rc = malloc_log_finish(r->log, r->shared->lost_threads, e);
	if (rc)
		cli_fail(e); /* now: the program may run for long */
	while (!r->program.ended) {
		program_reap(&r->program, 0);
		program_pass_on_signals(&r->program);
	}
	if (!r->quiet && !rc)
		summary(r);
	warn(r);
	return rc;
}

/* ---- command line ---- */

enum { OPT_MALLOC = 256, OPT_LEVEL };

static int take_option(struct recorder *r, int c, char **argv, struct err *e)
{
	switch (c) {
	case 'o':
		r->output = optarg;
		return 0;
	case 'q':
		r->quiet = true;
		return 0;
	case OPT_MALLOC:
		return 0;
	case OPT_LEVEL:
		return cmdline_level(optarg, "", &r->level, e);
	default:
		return err_set(e, ERR_USAGE, "%s \"%.80s\"; see `faultline record --malloc --help`",
			       c == '?' ? "unknown option" : "no value for option", argv[optind - 1]);
	}
}

/* Returns 1 when help was asked for. */
static int parse(struct recorder *r, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {{"output", required_argument, NULL, 'o'},
					      {"malloc", no_argument, NULL, OPT_MALLOC},
					      {"level", required_argument, NULL, OPT_LEVEL},
					      {"quiet", no_argument, NULL, 'q'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	const char *base;
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "+:o:qh", longs, NULL)) != -1) {
		int rc = c == 'h' ? 1 : take_option(r, c, argv, e);

		if (rc)
			return rc;
	}
	if (optind >= argc)
		return err_set(e, ERR_USAGE, "no PROGRAM given; see `faultline record --malloc --help`");
	r->argv = argv + optind;
	base = strrchr(r->argv[0], '/');
	snprintf(r->default_output, sizeof r->default_output, "%s.alloclog.zst",
		 base ? base + 1 : r->argv[0]);
	r->output = r->output ? r->output : r->default_output;
	return 0;
}

int record_malloc_main(int argc, char **argv)
{
	struct recorder *r = mem_alloc_late(1, sizeof *r);
	struct err e = {0};
	int rc, status;

	signal(SIGXFSZ, SIG_IGN); /* a log that grows too large is an error of write() */
	r->level = DEFAULT_LEVEL;
	rc = parse(r, argc, argv, &e);
	if (rc == 1)
		fputs(help, stdout);
	if (!rc)
		rc = find_preload(r, &e);
	if (!rc)
		rc = share_memory(r, &e);
	if (!rc)
		rc = open_log(r, &e);
	if (!rc)
		rc = record(r, &e);
	status = rc >= 0             ? r->program.status
		 : r->program.status ? r->program.status
				     : err_exit_status(e.code);
	if (rc < 0 && !r->program.pid)
		status = cli_fail(&e);
	malloc_log_free(r->log);
	if (r->shared)
		munmap(r->shared, MALLOC_SHARED_BYTES);
	mem_free(r->merge);
	mem_free(r);
	return status;
}
