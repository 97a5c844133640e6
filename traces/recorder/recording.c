/*
 * recording.c - from rings to the writer.
 *
 * A program that ends by a signal says nothing: recording_bury looks for the threads of silent rings in /proc
 * and writes the EXIT_GROUP that is missing, with the status 137. The same where execve took other threads
 * along.
 */
#include "traces/recorder/recording.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/mem.h"
#include "traces/recorder/calls.h"
#include "traces/recorder/live.h"

#define KILLED_STATUS 137

struct recording *recording_new(struct shared *shared, struct trace_writer *writer,
				const struct window_options *window, bool no_fetches, bool renumber)
{
	struct recording *r = mem_alloc_late(1, sizeof *r);

	merge_init(&r->merge, shared, no_fetches);
	r->writer = writer;
	files_init(&r->files);
	map_init(&r->processes);
	map_init(&r->numbers);
	r->renumber = renumber;
	window_init(&r->window, window);
	r->keeps_all = window_is_all(&r->window) && !no_fetches;
	r->chunk = (struct expanded){.addr = r->addr, .meta = r->meta, .room = RECORDING_CHUNK};
	return r;
}

void recording_free(struct recording *r)
{
	if (!r)
		return;
	files_release(&r->files);
	map_release(&r->processes);
	map_release(&r->numbers);
	mem_free(r);
}

/* Of a process or thread in the trace: the host's, or counted from 1 as they come up. */
static uint32_t number_of(struct recording *r, uint64_t id)
{
	uint64_t n;

	if (!r->renumber)
		return (uint32_t)id;
	if (!map_get(&r->numbers, id, &n)) {
		n = r->numbers.len + 1;
		map_put(&r->numbers, id, n);
	}
	return (uint32_t)n;
}

static int put_control(struct recording *r, const struct merge_lane *l, struct control *c, struct err *e)
{
	struct batch b = {.pid = number_of(r, l->pid), .tid = number_of(r, l->tid), .control = c};

	c->pid = b.pid;
	c->tid = b.tid;
	if (c->op == REC_FORK || c->op == REC_CLONE)
		c->arg[0] = number_of(r, c->arg[0]);
	if (c->op == REC_FORK)
		c->arg[1] = number_of(r, c->arg[1]);
	return trace_writer_batch(r->writer, &b, e);
}

static int put_end(struct recording *r, struct merge_lane *l, enum record_op op, uint64_t status,
		   struct err *e)
{
	struct control c = {.op = op, .cpu = -1, .arg = {status}};

	merge_unhold(&r->merge, l->pid);
	l->dead = true;
	return put_control(r, l, &c, e);
}

/* All other threads of the process end, too; when it has a new program, nobody writes into their rings any
 * more. */
static int end_others(struct recording *r, const struct merge_lane *self, bool replaced, struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; i < r->merge.nr_lanes && rc >= 0; i++) {
		struct merge_lane *l = &r->merge.lane[i];

		if (!l->used || l == self || l->pid != self->pid)
			continue;
		if (!l->dead && l->tid != self->tid)
			rc = put_end(r, l, REC_EXIT, 0, e);
		l->dead = true;
		l->tail = l->end;
		if (replaced)
			merge_free(l);
	}
	return rc;
}

static int start(struct recording *r, struct merge_lane *l, const uint64_t *words, struct err *e)
{
	const struct raw_start *s = (const void *)words;
	struct control c = {.cpu = -1, .time_ns = s->time_ns, .text = (const char *)(words + sizeof *s / 8)};
	bool known = map_get(&r->processes, l->pid, NULL);
	int rc = 0;

	r->threads++;
	if (!known) {
		map_put(&r->processes, l->pid, 0);
		r->nr_processes++;
	}
	if (s->how != START_IMAGE)
		return 0;
	c.op = known ? REC_EXEC : REC_PROCESS;
	if (known) {
		merge_unhold(&r->merge, l->pid);
		r->threads--;
		rc = end_others(r, l, true, e);
	} else {
		c.arg[0] = r->renumber ? 0 : s->ppid;
	}
	return rc < 0 ? rc : put_control(r, l, &c, e);
}

static int file(struct recording *r, const struct merge_lane *l, const uint64_t *words, struct err *e)
{
	const struct raw_file *f = (const void *)words;
	struct control c = {.op = REC_FILE, .cpu = -1, .text = (const char *)(words + sizeof *f / 8)};
	bool is_new, created = f->flags & RAW_FILE_CREATED;

	c.arg[0] = files_declare(&r->files, f->dev, f->ino, f->size, c.text, created, &is_new);
	c.arg[1] = r->files.file[c.arg[0]].size;
	c.arg[2] = created;
	return is_new ? put_control(r, l, &c, e) : 0;
}

static int mapping(struct recording *r, const struct merge_lane *l, const uint64_t *words, struct err *e)
{
	const struct raw_mapping *m = (const void *)words;
	struct control c = {.op = REC_MAPPING, .cpu = -1, .arg = {m->addr, m->len, m->prot, m->flags}};

	c.arg[4] = files_find(&r->files, m->dev, m->ino);
	c.arg[5] = m->off;
	return put_control(r, l, &c, e);
}

static int call(struct recording *r, struct merge_lane *l, const uint64_t *words, struct err *e)
{
	struct control out[CALL_RECORDS];
	size_t n = call_records(&r->files, words, out);
	int rc = 0;

	if (n && out[0].op == REC_EXIT_GROUP) {
		rc = end_others(r, l, false, e);
		l->dead = true;
	}
	l->dead |= n && out[0].op == REC_EXIT;
	if (l->dead)
		merge_unhold(&r->merge, l->pid);
	for (size_t i = 0; i < n && rc >= 0; i++) {
		if (out[i].op == REC_FORK && out[i].arg[2])
			merge_hold(&r->merge, (uint32_t)out[i].arg[0]);
		rc = put_control(r, l, &out[i], e);
	}
	if (l->dead)
		l->tail = l->end;
	return rc;
}

static int mark(struct recording *r, const struct merge_lane *l, const uint64_t *words, struct err *e)
{
	const struct raw_mark *m = (const void *)words;
	struct control c = {.op = REC_MARK, .cpu = -1, .time_ns = m->time_ns};

	c.text = (const char *)(words + sizeof *m / 8);
	window_mark(&r->window, c.text);
	return put_control(r, l, &c, e);
}

static int record(struct recording *r, struct merge_lane *l, const uint64_t *words, struct err *e)
{
	switch (RAW_KIND(words[0])) {
	case RAW_START:
		return start(r, l, words, e);
	case RAW_FILE:
		return file(r, l, words, e);
	case RAW_MAPPING:
		return mapping(r, l, words, e);
	case RAW_CALL:
		return call(r, l, words, e);
	case RAW_MARK:
		return mark(r, l, words, e);
	default:
		return err_set(e, ERR_FORMAT, "the recorder's plugin is of another version");
	}
}

/* All accesses are kept as they are. */
static int all_accesses(struct recording *r, struct merge_lane *l, struct err *e)
{
	struct live_block *b;
	int rc = trace_writer_live(r->writer, number_of(r, l->pid), number_of(r, l->tid), live_new, &b, e);

	if (rc < 0)
		return rc;
	live_take(b, l->words, &l->tail, l->end, l->whole);
	r->accesses += b->n;
	return trace_writer_took(r->writer, b, e);
}

static int accesses(struct recording *r, struct merge_lane *l, struct err *e)
{
	struct batch b = {.addr = r->addr, .meta = r->meta};

	r->chunk.n = 0;
	expand_words(&l->expand, l->words, &l->tail, l->end, l->whole, &r->chunk);
	if (!window_is_all(&r->window))
		window_filter(&r->window, &r->chunk);
	b.pid = number_of(r, l->pid);
	b.tid = number_of(r, l->tid);
	b.n = r->chunk.n;
	r->accesses += b.n;
	return trace_writer_batch(r->writer, &b, e);
}

/* One stretch of a thread: accesses or a record. */
static int stretch(struct recording *r, struct merge_lane *l, struct err *e)
{
	uint64_t words[RAW_WORDS_MAX + 1], before = l->tail;
	size_t n;
	int rc;

	if (l->dead) {
		l->tail = l->end;
		return 1;
	}
	n = merge_record(l, words);
	words[n] = 0;
	if (n)
		rc = record(r, l, words, e);
	else
		rc = r->keeps_all ? all_accesses(r, l, e) : accesses(r, l, e);
	return rc < 0 ? rc : l->tail != before;
}

int recording_drain(struct recording *r, double now, struct err *e)
{
	struct merge_lane *l;
	int n = 0;

	merge_look(&r->merge, now);
	while ((l = merge_next(&r->merge))) {
		int rc = stretch(r, l, e);

		if (rc < 0)
			return rc;
		merge_settle(l);
		merge_release(l);
		if (!rc)
			break;
		n++;
	}
	return n;
}

/* Whether the thread runs no more: it is gone, or a zombie. */
static bool is_gone(uint32_t pid, uint32_t tid)
{
	char path[64], line[256] = "";
	const char *state;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%u/task/%u/stat", pid, tid);
	f = fopen(path, "re");
	if (!f)
		return true;
	state = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
	fclose(f);
	return !state || strchr("ZXx", state[2]);
}

bool recording_bury(struct recording *r, struct err *e)
{
	bool none = true;

	for (uint32_t i = 0; i < r->merge.nr_lanes; i++) {
		struct merge_lane *l = &r->merge.lane[i];
		bool closed, empty;

		if (!l->used)
			continue;
		closed = __atomic_load_n(&l->head->state, __ATOMIC_SEQ_CST) == RING_CLOSED;
		empty = l->tail == __atomic_load_n(&l->head->pos, __ATOMIC_SEQ_CST);
		if (l->dead && (closed || is_gone(l->pid, l->tid))) {
			merge_free(l);
			continue;
		}
		none = false;
		if (closed || !is_gone(l->pid, l->tid))
			continue;
		l->head->low = LOW_BLOCKED;
		if (empty && !l->dead) {
			end_others(r, l, false, e);
			put_end(r, l, REC_EXIT_GROUP, KILLED_STATUS, e);
		}
	}
	return none;
}
