/*
 * malloc_log.c - events into lines; who called; what is live.
 *
 * Blocks that are live are kept by process to know sizes at a free: memory grows with them. A caller is a
 * module and an offset in it, from the modules that the program told of when it was loaded, and those that
 * /proc/PID/maps has when an address is in none of them (dlopen).
 *
 * Not modelled: blocks of a parent are not known as live in its children.
 */
#include "traces/recorder/malloc_log.h"

#include <stdlib.h>
#include <string.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/provenance.h"
#include "traces/recorder/block_table.h"
#include "traces/recorder/log_stream.h"
#include "traces/recorder/malloc_merge.h"

#define CALLER_BITS  20
#define CALLERS_MAX  (1u << CALLER_BITS) /* then they are number 0 */
#define SIZE_MAX_LOG (UINT64_C(1) << (64 - CALLER_BITS))
#define MODULES_MAX  4096
#define MAPS_READS   200 /* of /proc/PID/maps, a process */
#define TIME_STEP_NS 1000000

struct module {
	uint64_t start, end;
	char *path;
};

struct caller {
	char *name; /* file+offset */
	uint64_t allocations, bytes, live_bytes, live_blocks;
};

/* Programs call from few places. */
#define CALLER_CACHE 256
struct cached_caller {
	uint64_t addr, id;
};

struct process {
	uint32_t pid;
	struct cached_caller cache[CALLER_CACHE];
	struct block_table live; /* address -> size << CALLER_BITS | caller */
	struct map callers;      /* address -> caller */
	struct map moving;       /* thread -> live value of the block it moves; address in moving_from */
	struct map moving_from;
	struct module *module;
	size_t nr_modules;
	unsigned maps_reads;
};

struct malloc_log {
	struct log_stream *out;
	struct process **process;
	size_t nr_processes;
	struct process *last;
	uint32_t pid, tid; /* of the line before */
	uint64_t told_ns;
	struct caller *caller;
	size_t nr_callers, cap_callers;
	struct map by_name; /* hash of the name, the next number when it is taken -> caller */
	struct map threads; /* pid << 32 | tid, as a set */
	struct malloc_totals totals;
};

/* ---- processes ---- */

static struct process *process_find(struct malloc_log *l, uint32_t pid)
{
	if (l->last && l->last->pid == pid)
		return l->last;
	for (size_t i = 0; i < l->nr_processes; i++)
		if (l->process[i]->pid == pid)
			return l->last = l->process[i];
	return NULL;
}

static void process_clear(struct malloc_log *l, struct process *p)
{
	const struct block *b;
	size_t it = 0;

	while ((b = block_table_next(&p->live, &it))) {
		l->totals.live_bytes -= b->value >> CALLER_BITS;
		l->totals.live_blocks--;
	}
	for (size_t i = 0; i < p->nr_modules; i++)
		mem_free(p->module[i].path);
	mem_free(p->module);
	block_table_release(&p->live);
	map_release(&p->callers);
	map_release(&p->moving);
	map_release(&p->moving_from);
	*p = (struct process){.pid = p->pid}; /* empty maps are all zero */
}

static struct process *process_new(struct malloc_log *l, uint32_t pid)
{
	struct process *p = process_find(l, pid);

	if (p) {
		process_clear(l, p);
		return p;
	}
	p = mem_alloc_late(1, sizeof *p);
	p->pid = pid;
	process_clear(l, p);
	l->process = mem_realloc(l->process, l->nr_processes + 1, sizeof(struct process *));
	l->process[l->nr_processes++] = p;
	l->totals.processes++;
	return l->last = p;
}

static void module_add(struct process *p, uint64_t start, uint64_t end, const char *path)
{
	if (p->nr_modules == MODULES_MAX || end <= start)
		return;
	p->module = mem_realloc(p->module, p->nr_modules + 1, sizeof *p->module);
	p->module[p->nr_modules++] = (struct module){start, end, mem_strdup(path)};
}

static const struct module *module_find(const struct process *p, uint64_t addr)
{
	for (size_t i = p->nr_modules; i-- > 0;) /* the newest: an address may be used again */
		if (addr >= p->module[i].start && addr < p->module[i].end)
			return &p->module[i];
	return NULL;
}

/* Modules that were loaded later. */
static void read_maps(struct process *p, uint64_t addr)
{
	char path[64], line[4400], name[4096];
	FILE *f;

	if (p->maps_reads++ >= MAPS_READS)
		return;
	snprintf(path, sizeof path, "/proc/%u/maps", p->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		uint64_t start, end, off;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %4095[^\n]", &start, &end,
			   &off, name) == 4 &&
		    *name == '/' && addr >= start && addr < end)
			module_add(p, start - off, end, name);
	}
	if (f)
		fclose(f);
}

static void modules_copy(struct process *child, const struct process *parent)
{
	for (size_t i = 0; i < parent->nr_modules; i++)
		module_add(child, parent->module[i].start, parent->module[i].end, parent->module[i].path);
}

/* ---- callers ---- */

static uint64_t name_hash(const char *s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	return h;
}

/* Writes "C ID NAME" for a caller that was not seen yet. */
static int caller_of_name(struct malloc_log *l, const char *name, uint64_t *id, struct err *e)
{
	uint64_t key = name_hash(name);
	char line[MALLOC_TEXT_MAX + 64];

	for (; map_get(&l->by_name, key, id); key++)
		if (!strcmp(l->caller[*id].name, name))
			return 0;
	*id = 0;
	if (l->nr_callers == CALLERS_MAX)
		return 0;
	if (l->nr_callers == l->cap_callers) {
		l->cap_callers = l->cap_callers ? 2 * l->cap_callers : 256;
		l->caller = mem_realloc(l->caller, l->cap_callers, sizeof *l->caller);
	}
	*id = l->nr_callers++;
	l->caller[*id] = (struct caller){.name = mem_strdup(name)};
	map_put(&l->by_name, key, *id);
	snprintf(line, sizeof line, "C %" PRIx64 " %s\n", *id, name);
	return log_stream_put(l->out, line, e);
}

static int find_caller(struct malloc_log *l, struct process *p, uint64_t addr, uint64_t *id, struct err *e)
{
	char name[MALLOC_TEXT_MAX + 32];
	const struct module *m;
	int r;

	if (map_get(&p->callers, addr, id))
		return 0;
	m = module_find(p, addr);
	if (!m) {
		read_maps(p, addr);
		m = module_find(p, addr);
	}
	if (m)
		snprintf(name, sizeof name, "%s+0x%" PRIx64, m->path, addr - m->start);
	else
		snprintf(name, sizeof name, "?+0x%" PRIx64, addr);
	r = caller_of_name(l, name, id, e);
	if (!r)
		map_put(&p->callers, addr, *id);
	return r;
}

static int caller_of(struct malloc_log *l, struct process *p, uint64_t addr, uint64_t *id, struct err *e)
{
	struct cached_caller *c = &p->cache[addr % CALLER_CACHE];
	int r = 0;

	if (UNLIKELY(c->addr != addr)) {
		r = find_caller(l, p, addr, &c->id, e);
		c->addr = r ? 0 : addr;
	}
	*id = c->id;
	return r;
}

/* ---- what is live ---- */

static void lives(struct malloc_log *l, struct process *p, uint64_t addr, uint64_t value)
{
	struct caller *c = &l->caller[value % CALLERS_MAX];
	struct malloc_totals *t = &l->totals;
	uint64_t size = value >> CALLER_BITS;

	block_table_put(&p->live, addr, value);
	c->live_bytes += size;
	c->live_blocks++;
	t->live_bytes += size;
	t->live_blocks++;
	if (t->live_bytes > t->peak_bytes) {
		t->peak_bytes = t->live_bytes;
		t->peak_blocks = t->live_blocks;
	}
}

/* false when the block was not known. */
static bool dies(struct malloc_log *l, struct process *p, uint64_t addr, uint64_t *value)
{
	uint64_t size;

	if (!addr || !block_table_take(&p->live, addr, value))
		return false;
	size = *value >> CALLER_BITS;
	l->caller[*value % CALLERS_MAX].live_bytes -= size;
	l->caller[*value % CALLERS_MAX].live_blocks--;
	l->totals.live_bytes -= size;
	l->totals.live_blocks--;
	return true;
}

static void allocated(struct malloc_log *l, struct process *p, uint64_t addr, uint64_t size, uint64_t caller)
{
	uint64_t was;

	dies(l, p, addr, &was); /* its free was not seen */
	l->caller[caller].allocations++;
	l->caller[caller].bytes += size;
	l->totals.bytes += size;
	lives(l, p, addr, MIN_OF(size, SIZE_MAX_LOG - 1) << CALLER_BITS | caller);
}

/* ---- lines ---- */

static int time_line(struct malloc_log *l, uint64_t ns, struct err *e)
{
	char text[64];

	if (ns < l->told_ns + TIME_STEP_NS)
		return 0;
	l->told_ns = ns;
	snprintf(text, sizeof text, "T %" PRIu64 "\n", ns);
	return log_stream_put(l->out, text, e);
}

static int thread_line(struct malloc_log *l, uint32_t pid, uint32_t tid, struct err *e)
{
	char text[64];

	if (LIKELY(pid == l->pid && tid == l->tid))
		return 0;
	l->pid = pid;
	l->tid = tid;
	map_put(&l->threads, (uint64_t)pid << 32 | tid, 0);
	snprintf(text, sizeof text, "S %u %u\n", pid, tid);
	return log_stream_put(l->out, text, e);
}

static int process_line(struct malloc_log *l, struct process *p, const struct malloc_event *ev,
			const char *text, bool fork, struct err *e)
{
	char line[MALLOC_TEXT_MAX + 96];

	l->pid = l->tid = 0; /* the next line names its thread again */
	if (fork)
		snprintf(line, sizeof line, "F %u %" PRIu64 " %" PRIu64 "\n", p->pid, ev->addr, ev->size);
	else
		snprintf(line, sizeof line, "P %u %" PRIu64 " %s\n", p->pid, ev->addr, text);
	return log_stream_put(l->out, line, e);
}

static int start_event(struct malloc_log *l, uint64_t ns, uint32_t pid, const struct malloc_event *ev,
		       const char *text, struct err *e)
{
	bool fork = MALLOC_EVENT_OP(ev->what) == MALLOC_EVENT_FORK;
	struct process *p = process_new(l, pid), *parent = NULL;
	int r;

	if (fork)
		parent = process_find(l, (uint32_t)ev->addr);
	if (parent && parent != p)
		modules_copy(p, parent);
	r = time_line(l, ns, e);
	return r ? r : process_line(l, p, ev, text, fork, e);
}

/* "OP ADDR SIZE CALLER [ALIGNMENT]", in hex */
static int block_line(struct malloc_log *l, char op, const struct malloc_event *ev, uint64_t caller,
		      struct err *e)
{
	log_stream_char(l->out, op);
	log_stream_char(l->out, ' ');
	if (op != '!') {
		log_stream_hex(l->out, ev->addr);
		log_stream_char(l->out, ' ');
	}
	if (op != '-' && op != '<') {
		log_stream_hex(l->out, ev->size);
		log_stream_char(l->out, ' ');
		log_stream_hex(l->out, caller);
		log_stream_char(l->out, ' ');
	}
	if (op == 'a') {
		log_stream_hex(l->out, UINT64_C(1) << (MALLOC_EVENT_ALIGN(ev->what) & 63));
		log_stream_char(l->out, ' ');
	}
	l->out->text[l->out->n - 1] = '\n';
	l->totals.events++;
	return log_stream_room(l->out, e);
}

/* A realloc begins: the block is nobody's until it has ended. */
static void move_begins(struct malloc_log *l, struct process *p, uint32_t tid, uint64_t addr)
{
	uint64_t value;

	map_del(&p->moving, tid);
	map_del(&p->moving_from, tid);
	if (!dies(l, p, addr, &value))
		return;
	map_put(&p->moving, tid, value);
	map_put(&p->moving_from, tid, addr);
}

static void move_failed(struct malloc_log *l, struct process *p, uint32_t tid)
{
	uint64_t value, addr;

	l->totals.failed++;
	if (!map_get(&p->moving, tid, &value) || !map_get(&p->moving_from, tid, &addr))
		return;
	map_del(&p->moving, tid);
	map_del(&p->moving_from, tid);
	lives(l, p, addr, value);
}

static void count(struct malloc_log *l, struct process *p, uint32_t tid, const struct malloc_event *ev,
		  uint64_t caller)
{
	uint64_t value;

	switch (MALLOC_EVENT_OP(ev->what)) {
	case MALLOC_EVENT_FREE:
		l->totals.frees++;
		l->totals.unknown_frees += !dies(l, p, ev->addr, &value);
		break;
	case MALLOC_EVENT_MOVE:
		l->totals.moves++;
		move_begins(l, p, tid, ev->addr);
		break;
	case MALLOC_EVENT_FAILED:
		move_failed(l, p, tid);
		break;
	default:
		l->totals.allocations += MALLOC_EVENT_OP(ev->what) != MALLOC_EVENT_MOVED;
		if (p->moving.len)
			map_del(&p->moving, tid);
		allocated(l, p, ev->addr, ev->size, caller);
		break;
	}
}

int malloc_log_event(struct malloc_log *l, uint64_t ns, uint32_t pid, uint32_t tid,
		     const struct malloc_event *ev, const char *text, struct err *e)
{
	static const char letters[] = {
		[MALLOC_EVENT_MALLOC] = '+', [MALLOC_EVENT_CALLOC] = 'z', [MALLOC_EVENT_ALIGNED] = 'a',
		[MALLOC_EVENT_FREE] = '-',   [MALLOC_EVENT_MOVE] = '<',   [MALLOC_EVENT_MOVED] = '>',
		[MALLOC_EVENT_FAILED] = '!',
	};
	unsigned op = MALLOC_EVENT_OP(ev->what);
	struct process *p;
	uint64_t caller = 0;
	int r = 0;

	if (op == MALLOC_EVENT_START || op == MALLOC_EVENT_FORK)
		return start_event(l, ns, pid, ev, text, e);
	p = process_find(l, pid);
	if (!p)
		p = process_new(l, pid);
	if (op == MALLOC_EVENT_MODULE)
		module_add(p, ev->addr, ev->addr + (ev->what & UINT64_C(0xffffffffffff)), text);
	if (op >= ARRAY_LEN(letters) || !letters[op])
		return 0;
	if (op != MALLOC_EVENT_FREE && op != MALLOC_EVENT_MOVE)
		r = caller_of(l, p, MALLOC_EVENT_CALLER(ev->what), &caller, e);
	r = r ? r : log_stream_room(l->out, e);
	r = r ? r : time_line(l, ns, e);
	r = r ? r : thread_line(l, pid, tid, e);
	if (r)
		return r;
	count(l, p, tid, ev, caller);
	return block_line(l, letters[op], ev, caller, e);
}

/* ---- the whole ---- */

int malloc_log_open(struct malloc_log **out, const char *path, const struct provenance *p, int level,
		    struct err *e)
{
	struct malloc_log *l = mem_alloc_late(1, sizeof *l);
	char *json;
	uint64_t id;
	int r;

	*out = NULL;
	map_init(&l->by_name);
	map_init(&l->threads);
	l->out = log_stream_open(path, level, e);
	if (!l->out) {
		malloc_log_free(l);
		return -(int)(e ? e->code : ERR_OPEN);
	}
	json = provenance_to_json(p);
	r = log_stream_put(l->out, "# faultline alloclog 1\n# provenance ", e);
	r = r ? r : log_stream_put(l->out, json, e);
	r = r ? r : log_stream_put(l->out, "\n", e);
	r = r ? r : caller_of_name(l, "?", &id, e);
	mem_free(json);
	r = r ? r : log_stream_flush(l->out, false, e);
	if (r)
		malloc_log_free(l);
	else
		*out = l;
	return r;
}

size_t malloc_log_bury(struct malloc_log *l, const struct malloc_merge *m, struct err *e)
{
	char line[32];

	for (size_t i = 0; i < l->nr_processes;) {
		struct process *p = l->process[i];

		if (malloc_merge_has(m, p->pid) || !malloc_task_gone(p->pid, 0)) {
			i++;
			continue;
		}
		snprintf(line, sizeof line, "X %u\n", p->pid);
		log_stream_put(l->out, line, e);
		process_clear(l, p);
		mem_free(p);
		l->process[i] = l->process[--l->nr_processes];
		l->last = NULL;
		l->pid = l->tid = 0;
	}
	return l->nr_processes;
}

int malloc_log_flush(struct malloc_log *l, struct err *e)
{
	return log_stream_flush(l->out, false, e);
}

int malloc_log_finish(struct malloc_log *l, uint64_t lost, struct err *e)
{
	char line[64];
	int r = 0;

	if (lost) {
		snprintf(line, sizeof line, "L %" PRIu64 "\n", lost);
		r = log_stream_put(l->out, line, e);
	}
	snprintf(line, sizeof line, "# end events %" PRIu64 "\n", l->totals.events);
	r = r ? r : log_stream_put(l->out, line, e);
	return r ? r : log_stream_flush(l->out, true, e);
}

void malloc_log_totals(const struct malloc_log *l, struct malloc_totals *t)
{
	*t = l->totals;
	t->threads = l->threads.len;
	t->file_bytes = l->out->written;
}

static int more_bytes(const void *a, const void *b)
{
	const struct caller *x = *(const struct caller *const *)a, *y = *(const struct caller *const *)b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->name, y->name);
}

void malloc_log_print_callers(const struct malloc_log *l, FILE *f, size_t n)
{
	const struct caller **order = mem_alloc_late(l->nr_callers + 1, sizeof *order);

	for (size_t i = 0; i < l->nr_callers; i++)
		order[i] = &l->caller[i];
	qsort(order, l->nr_callers, sizeof *order, more_bytes);
	fprintf(f, "%16s %12s %16s  %s\n", "bytes", "allocations", "never freed", "caller");
	for (size_t i = 0; i < MIN_OF(n, l->nr_callers) && order[i]->allocations; i++)
		fprintf(f, "%16" PRIu64 " %12" PRIu64 " %16" PRIu64 "  %s\n", order[i]->bytes,
			order[i]->allocations, order[i]->live_bytes, order[i]->name);
	mem_free(order);
}

void malloc_log_free(struct malloc_log *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nr_processes; i++) {
		struct process *p = l->process[i];

		process_clear(l, p);
		mem_free(p);
	}
	for (size_t i = 0; i < l->nr_callers; i++)
		mem_free(l->caller[i].name);
	mem_free(l->caller);
	mem_free(l->process);
	map_release(&l->by_name);
	map_release(&l->threads);
	log_stream_free(l->out);
	mem_free(l);
}
