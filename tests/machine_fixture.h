/*
 * machine_fixture.h - a trace of a few lines, a whole machine, and everything it said.
 *
 *     struct bench b;
 *     bench_open(&b);
 *     bench_mmap(&b, 0x10000000, 4 * PAGE_SIZE, RW, ANON);
 *     bench_store(&b, 0x10000000);
 *     bench_run(&b, "topology.node_mem=64MiB", NULL);
 *     ck_assert_int_eq(bench_stat(&b, "process.zero_faults", "P1"), 1);
 *     bench_close(&b);
 *
 * Records go to the thread b.pid/b.tid (1/1 to begin with). The sink keeps all rows; bench_stat looks in the
 * last snapshot.
 */
#ifndef TESTS_MACHINE_FIXTURE_H
#define TESTS_MACHINE_FIXTURE_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/machine.h"
#include "traces/source.h"

#define PROT_R  1u
#define PROT_RW 3u
#define ANON    0x22u /* MAP_PRIVATE | MAP_ANONYMOUS */
#define SHARED  0x01u
#define PRIVATE 0x02u
#define AREA    UINT64_C(0x10000000)
#define PG(i)   (AREA + (uint64_t)(i)*PAGE_SIZE)
#define MIB(n)  ((uint64_t)(n) << 20)

struct row {
	char *name, *instance; /* "scope counter" and "" for the kernel's own counters */
	int64_t value;
};
struct shot {
	char *label;
	tick_t time;
	uint64_t accesses;
	struct row *row;
	size_t nr_rows;
};
struct happening {
	tick_t time;
	char *kind, *scope, *detail;
	int64_t value;
};

struct bench {
	struct sink sink; /* first: the sink's hooks get it */
	struct shot *shot;
	size_t nr_shots;
	struct happening *event;
	size_t nr_events;
	/* the trace */
	int fd;
	char path[64];
	struct trace_writer *writer;
	struct trace *trace;
	uint32_t pid, tid;
	uint32_t icount; /* instructions that each access carries */
	/* the run */
	struct param_set ps;
	struct machine_config *config;
	struct machine *machine;
	int rc;
	struct machine_progress end;
	struct err e;
};

/* ---- the sink ---- */

static inline void *bench_grow(void *p, size_t n, size_t size)
{
	if (n & (n - 1)) /* grows at powers of two */
		return p;
	p = realloc(p, (n ? 2 * n : 1) * size);
	ck_assert_ptr_nonnull(p);
	return p;
}

static inline int bench_on_begin(struct sink *s, const struct run_info *info, const struct param_set *params,
				 struct err *e)
{
	(void)s, (void)info, (void)params, (void)e;
	return 0;
}

static inline int bench_on_shot(struct sink *s, const struct snapshot_info *info, struct err *e)
{
	struct bench *b = (struct bench *)s;

	(void)e;
	b->shot = bench_grow(b->shot, b->nr_shots, sizeof *b->shot);
	b->shot[b->nr_shots++] =
		(struct shot){.label = strdup(info->label), .time = info->time, .accesses = info->accesses};
	return 0;
}

static inline void bench_row(struct bench *b, const char *name, const char *instance, int64_t value)
{
	struct shot *sh = &b->shot[b->nr_shots - 1];

	sh->row = bench_grow(sh->row, sh->nr_rows, sizeof *sh->row);
	sh->row[sh->nr_rows++] = (struct row){strdup(name), strdup(instance), value};
}

static inline int bench_on_value(struct sink *s, const char *name, const struct stat_row *row,
				 enum stat_scope scope, const char *instance, int64_t value, struct err *e)
{
	(void)row, (void)scope, (void)e;
	bench_row((struct bench *)s, name, instance, value);
	return 0;
}

static inline int bench_on_hist(struct sink *s, const char *name, const struct stat_row *row,
				enum stat_scope scope, const char *instance, const struct hist *h,
				struct err *e)
{
	char full[100];

	(void)row, (void)scope, (void)e;
	snprintf(full, sizeof full, "%s.count", name);
	bench_row((struct bench *)s, full, instance, (int64_t)h->count);
	snprintf(full, sizeof full, "%s.sum", name);
	bench_row((struct bench *)s, full, instance, (int64_t)h->sum);
	return 0;
}

static inline int bench_on_counter(struct sink *s, const char *scope, const char *counter, int64_t value,
				   struct err *e)
{
	char full[160];

	(void)e;
	snprintf(full, sizeof full, "%s %s", scope, counter);
	bench_row((struct bench *)s, full, "", value);
	return 0;
}

static inline int bench_on_shot_end(struct sink *s, struct err *e)
{
	(void)s, (void)e;
	return 0;
}

static inline int bench_on_event(struct sink *s, tick_t time, const char *kind, const char *scope,
				 int64_t value, const char *detail, struct err *e)
{
	struct bench *b = (struct bench *)s;

	(void)e;
	b->event = bench_grow(b->event, b->nr_events, sizeof *b->event);
	b->event[b->nr_events++] =
		(struct happening){time, strdup(kind), strdup(scope), detail ? strdup(detail) : NULL, value};
	return 0;
}

static inline int bench_on_end(struct sink *s, const struct run_end *end, struct err *e)
{
	(void)s, (void)end, (void)e;
	return 0;
}

static const struct sink_ops bench_sink_ops = {
	.name = "bench",
	.begin = bench_on_begin,
	.snapshot_begin = bench_on_shot,
	.value = bench_on_value,
	.hist = bench_on_hist,
	.kernel_counter = bench_on_counter,
	.snapshot_end = bench_on_shot_end,
	.event = bench_on_event,
	.end = bench_on_end,
};

/* ---- the trace ---- */

#define BENCH_OK(call)                                                     \
	do {                                                               \
		int bench_rc_ = (call);                                    \
		ck_assert_msg(bench_rc_ >= 0, "%s: %s", #call, b->e.text); \
	} while (0)

static inline void bench_open(struct bench *b)
{
	memset(b, 0, sizeof *b);
	b->sink.ops = &bench_sink_ops;
	b->pid = b->tid = 1;
	snprintf(b->path, sizeof b->path, "/tmp/faultline-test-XXXXXX");
	b->fd = mkstemp(b->path);
	ck_assert_int_ge(b->fd, 0);
	BENCH_OK(trace_writer_open_fd(&b->writer, b->fd, b->path, &(struct provenance){0}, 1, &b->e));
}

/* Following records are of this thread. */
static inline void bench_thread(struct bench *b, uint32_t pid, uint32_t tid)
{
	b->pid = pid;
	b->tid = tid;
}

static inline void bench_access(struct bench *b, uint64_t addr, enum access_kind kind, uint32_t size)
{
	uint64_t a[1 + BATCH_SLACK] = {addr};
	uint32_t m[1 + BATCH_SLACK] = {meta_make(addr, kind, size, b->icount)};
	struct batch batch = {.pid = b->pid, .tid = b->tid, .n = 1, .addr = a, .meta = m};

	BENCH_OK(trace_writer_batch(b->writer, &batch, &b->e));
}

static inline void bench_load(struct bench *b, uint64_t addr)
{
	bench_access(b, addr, ACCESS_LOAD, 8);
}

static inline void bench_store(struct bench *b, uint64_t addr)
{
	bench_access(b, addr, ACCESS_STORE, 8);
}

/* One access to each page of [first, first + n) of AREA. */
static inline void bench_load_pages(struct bench *b, uint64_t first, uint64_t n)
{
	for (uint64_t i = first; i < first + n; i++)
		bench_load(b, PG(i));
}

static inline void bench_store_pages(struct bench *b, uint64_t first, uint64_t n)
{
	for (uint64_t i = first; i < first + n; i++)
		bench_store(b, PG(i));
}

/* A control record with its result, text (or NULL) and six arguments. */
static inline void bench_call(struct bench *b, enum record_op op, int64_t result, const char *text,
			      uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	struct control c = {.op = op,
			    .pid = b->pid,
			    .tid = b->tid,
			    .cpu = -1,
			    .arg = {a0, a1, a2, a3, a4, a5},
			    .result = result,
			    .text = text};
	struct batch batch = {.pid = b->pid, .tid = b->tid, .control = &c};

	BENCH_OK(trace_writer_batch(b->writer, &batch, &b->e));
}
#define BENCH_CALL1(b, op, a0)         bench_call(b, op, 0, NULL, a0, 0, 0, 0, 0, 0)
#define BENCH_CALL2(b, op, a0, a1)     bench_call(b, op, 0, NULL, a0, a1, 0, 0, 0, 0)
#define BENCH_CALL3(b, op, a0, a1, a2) bench_call(b, op, 0, NULL, a0, a1, a2, 0, 0, 0)

static inline void bench_mmap(struct bench *b, uint64_t addr, uint64_t len, unsigned prot, unsigned flags)
{
	bench_call(b, REC_MMAP, (int64_t)addr, NULL, 0, len, prot, flags, FID_NONE, 0);
}

static inline void bench_mmap_file(struct bench *b, uint64_t addr, uint64_t len, unsigned prot,
				   unsigned flags, uint64_t fid)
{
	bench_call(b, REC_MMAP, (int64_t)addr, NULL, 0, len, prot, flags, fid, 0);
}

static inline void bench_file(struct bench *b, uint64_t fid, uint64_t size)
{
	bench_call(b, REC_FILE, 0, "data", fid, size, 0, 0, 0, 0);
}

static inline void bench_mark(struct bench *b, const char *label)
{
	bench_call(b, REC_MARK, 0, label, 0, 0, 0, 0, 0, 0);
}

static inline void bench_exit(struct bench *b)
{
	BENCH_CALL1(b, REC_EXIT_GROUP, 0);
}

/* ---- the run ---- */

/* Closes the trace; drops its last `cut` bytes. */
static inline void bench_end_trace(struct bench *b, uint64_t cut)
{
	off_t size;

	if (!b->writer)
		return;
	BENCH_OK(trace_writer_close(b->writer, &b->e));
	b->writer = NULL;
	size = lseek(b->fd, 0, SEEK_END);
	ck_assert(cut < (uint64_t)size && !ftruncate(b->fd, size - (off_t)cut));
}

/* Builds the machine from settings "path=value" up to a NULL and replays the trace. */
static inline int bench_run(struct bench *b, ...)
{
	const char *s;
	va_list ap;

	bench_end_trace(b, 0);
	BENCH_OK(trace_open(&b->trace, b->path, &b->e));
	param_set_init(&b->ps);
	b->config = machine_config_new(&b->ps);
	BENCH_OK(param_set_assignment(&b->ps, "topology.node_mem=64MiB", "test", &b->e));
	va_start(ap, b);
	while ((s = va_arg(ap, const char *)))
		BENCH_OK(param_set_assignment(&b->ps, s, "test", &b->e));
	va_end(ap);
	BENCH_OK(machine_new(&b->machine, b->config, b->trace, &b->sink, &b->e));
	b->rc = machine_run(b->machine, NULL, NULL, &b->e);
	b->end = machine_progress(b->machine);
	machine_free(b->machine);
	b->machine = NULL;
	return b->rc;
}

/* Forgets the run's rows; the trace can be run again. */
static inline void bench_forget(struct bench *b)
{
	for (size_t i = 0; i < b->nr_shots; i++) {
		for (size_t j = 0; j < b->shot[i].nr_rows; j++) {
			free(b->shot[i].row[j].name);
			free(b->shot[i].row[j].instance);
		}
		free(b->shot[i].row);
		free(b->shot[i].label);
	}
	for (size_t i = 0; i < b->nr_events; i++) {
		free(b->event[i].kind);
		free(b->event[i].scope);
		free(b->event[i].detail);
	}
	free(b->shot);
	free(b->event);
	b->shot = NULL;
	b->event = NULL;
	b->nr_shots = b->nr_events = 0;
	if (b->trace)
		trace_close(b->trace);
	b->trace = NULL;
	if (b->config) {
		machine_config_free(b->config);
		param_set_release(&b->ps);
	}
	b->config = NULL;
}

static inline void bench_close(struct bench *b)
{
	bench_end_trace(b, 0);
	bench_forget(b);
	close(b->fd);
	unlink(b->path);
}

/* ---- what was said ---- */

static inline const struct shot *bench_shot(const struct bench *b, const char *label)
{
	for (size_t i = b->nr_shots; i-- > 0;)
		if (!label || !strcmp(b->shot[i].label, label))
			return &b->shot[i];
	ck_abort_msg("no snapshot \"%s\"", label ? label : "at all");
	return NULL;
}

static inline int64_t shot_value(const struct shot *sh, const char *name, const char *instance)
{
	for (size_t i = 0; i < sh->nr_rows; i++)
		if (!strcmp(sh->row[i].name, name) && !strcmp(sh->row[i].instance, instance))
			return sh->row[i].value;
	ck_abort_msg("no \"%s\" of \"%s\" in snapshot \"%s\"", name, instance, sh->label);
	return 0;
}

static inline int64_t bench_stat(const struct bench *b, const char *name, const char *instance)
{
	return shot_value(bench_shot(b, NULL), name, instance);
}

/* The sum over all instances. */
static inline int64_t bench_sum(const struct bench *b, const char *name)
{
	const struct shot *sh = bench_shot(b, NULL);
	int64_t sum = 0;

	for (size_t i = 0; i < sh->nr_rows; i++)
		if (!strcmp(sh->row[i].name, name))
			sum += sh->row[i].value;
	return sum;
}

/* Kernel counter "scope counter", as in "vmstat pgfault". */
static inline int64_t bench_counter(const struct bench *b, const char *name)
{
	return bench_stat(b, name, "");
}

/* The first event of that kind at or after place i; the number of events when there is none. */
static inline size_t bench_find(const struct bench *b, size_t i, const char *kind)
{
	while (i < b->nr_events && strcmp(b->event[i].kind, kind) != 0)
		i++;
	return i;
}

static inline unsigned bench_count(const struct bench *b, const char *kind)
{
	unsigned n = 0;

	for (size_t i = 0; (i = bench_find(b, i, kind)) < b->nr_events; i++)
		n++;
	return n;
}

/* All rows and events of two runs are the same; NULL or the first difference (static storage). */
static inline const char *bench_difference(const struct bench *a, const struct bench *b)
{
	static char text[300];

	if (a->nr_shots != b->nr_shots || a->nr_events != b->nr_events) {
		snprintf(text, sizeof text, "%zu and %zu snapshots, %zu and %zu events", a->nr_shots,
			 b->nr_shots, a->nr_events, b->nr_events);
		return text;
	}
	for (size_t i = 0; i < a->nr_events; i++)
		if (a->event[i].time != b->event[i].time || strcmp(a->event[i].kind, b->event[i].kind) ||
		    strcmp(a->event[i].scope, b->event[i].scope) || a->event[i].value != b->event[i].value) {
			snprintf(text, sizeof text, "event %zu: %s and %s", i, a->event[i].kind,
				 b->event[i].kind);
			return text;
		}
	for (size_t i = 0; i < a->nr_shots; i++) {
		const struct shot *x = &a->shot[i], *y = &b->shot[i];

		if (x->nr_rows != y->nr_rows || x->time != y->time || x->accesses != y->accesses) {
			snprintf(text, sizeof text, "snapshot %zu (%s): %zu and %zu rows", i, x->label,
				 x->nr_rows, y->nr_rows);
			return text;
		}
		for (size_t j = 0; j < x->nr_rows; j++)
			if (strcmp(x->row[j].name, y->row[j].name) ||
			    strcmp(x->row[j].instance, y->row[j].instance) ||
			    x->row[j].value != y->row[j].value) {
				snprintf(text, sizeof text, "%s of %s: %" PRId64 " and %" PRId64,
					 x->row[j].name, x->row[j].instance, x->row[j].value,
					 y->row[j].value);
				return text;
			}
	}
	return NULL;
}

#endif
