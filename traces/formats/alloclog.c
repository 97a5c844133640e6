/*
 * alloclog.c - the log of `faultline record --malloc` (ALLOCLOG.md).
 *
 *     # faultline alloclog 1              # provenance {…}            # end events N
 *     P PID PPID PROGRAM   an image was loaded       F PID PPID PTID   a child of fork
 *     X PID                a process is gone         S PID TID         whose the events are that follow
 *     T NS                 time                      C, L              callers; threads that are missing
 *     + ADDR SIZE CALLER   z … (zeroed)   a … ALIGNMENT   - ADDR   < ADDR   > ADDR SIZE CALLER
 *     ! SIZE CALLER
 *
 * allocations.h says what becomes of the blocks. Processes become PROCESS, FORK, EXEC and EXIT_GROUP records:
 * a child that was not forked under the recorder's eyes (vfork, posix_spawn) is forked by the first thread of
 * its parent in front of its EXEC. A thread begins (CLONE) in front of its first event. A child of fork has
 * its parent's blocks and mappings.
 *
 * Memory: the live blocks of the processes that live.
 *
 * Not modelled: when threads end; the callers are not kept.
 */
#include "traces/formats/formats.h"

#include <stdio.h>
#include <string.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/formats/allocations.h"
#include "traces/provenance.h"

#define MAGIC      "# faultline alloclog 1"
#define PROVENANCE "# provenance "

struct alloclog_process {
	uint32_t pid;
	struct allocations *heap;
	struct map threads; /* that have begun */
};

struct alloclog {
	struct map processes; /* pid -> struct alloclog_process * */
	struct map moving;    /* pid << 32 | tid -> struct taken_block * */
	struct alloclog_process *now;
	struct allocator_thread by;
	uint64_t events;
	bool ended;
	char *provenance_strings;
};

static int bad(struct textfile *t, const char *p, const char *end, const char *expected, struct err *e)
{
	return textfile_bad(t, p, end, expected, e);
}

/* n words of hex behind the letter. */
static bool hex_words(const char *p, const char *end, uint64_t *v, size_t n)
{
	p++;
	for (size_t i = 0; i < n; i++) {
		if (p == end || *p != ' ')
			return false;
		p = text_hex(p + 1, end, &v[i]);
		if (!p)
			return false;
	}
	return p == end;
}

/* ---- processes and threads ---- */

static struct alloclog_process *process_find(struct alloclog *l, uint64_t pid)
{
	uint64_t v;

	return map_get(&l->processes, pid, &v) ? (struct alloclog_process *)(uintptr_t)v : NULL;
}

static void process_free(struct alloclog *l, struct alloclog_process *p)
{
	map_del(&l->processes, p->pid);
	allocations_free(p->heap);
	map_release(&p->threads);
	if (l->now == p)
		l->now = NULL;
	mem_free(p);
}

static struct alloclog_process *process_new(struct alloclog *l, uint32_t pid, struct allocations *heap)
{
	struct alloclog_process *p = process_find(l, pid);

	if (p)
		process_free(l, p);
	p = mem_alloc_late(1, sizeof *p);
	p->pid = pid;
	p->heap = heap;
	map_init(&p->threads);
	map_put(&p->threads, pid, 0);
	map_put(&l->processes, pid, (uint64_t)(uintptr_t)p);
	return p;
}

static struct control control_of(const struct alloclog *l, enum record_op op, uint32_t pid, uint32_t tid)
{
	return (struct control){.op = op, .pid = pid, .tid = tid, .cpu = -1, .time_ns = l->by.time_ns};
}

static void write_fork(struct alloclog *l, struct textfile *t, uint32_t ppid, uint32_t ptid, uint32_t pid)
{
	struct control c = control_of(l, REC_FORK, ppid, ptid);

	c.arg[0] = c.arg[1] = pid;
	c.result = pid;
	textfile_control(t, &c);
}

/* "P PID PPID PROGRAM" */
static int image_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct alloclog *l = t->state;
	struct text_word w[3];
	char program[CONTROL_TEXT_MAX];
	uint64_t pid = 0, ppid = 0;
	const char *name;
	struct control c;
	size_t n;

	if (text_words(p, end, w, 3) < 3 || !text_word_number(w[1], &pid) || !text_word_number(w[2], &ppid) ||
	    !pid || pid > INT32_MAX || ppid > INT32_MAX)
		return bad(t, p, end, "\"P PID PPID PROGRAM\"", e);
	name = w[2].p + w[2].n + (w[2].p + w[2].n < end);
	n = MIN_OF((size_t)(end - name), sizeof program - 1);
	memcpy(program, name, n);
	program[n] = 0;
	c = control_of(l, REC_EXEC, (uint32_t)pid, (uint32_t)pid);
	if (!process_find(l, pid) && process_find(l, ppid)) {
		write_fork(l, t, (uint32_t)ppid, (uint32_t)ppid, (uint32_t)pid);
	} else if (!process_find(l, pid)) {
		c.op = REC_PROCESS;
		c.arg[0] = ppid;
	}
	c.text = program;
	textfile_control(t, &c);
	process_new(l, (uint32_t)pid, allocations_new(t->option[0]));
	return 0;
}

/* "F PID PPID PTID" */
static int fork_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct alloclog *l = t->state;
	struct alloclog_process *parent;
	uint64_t pid = 0, ppid = 0, ptid = 0;
	struct text_word w[4];
	struct control c;

	if (text_words(p, end, w, 4) != 4 || !text_word_number(w[1], &pid) ||
	    !text_word_number(w[2], &ppid) || !text_word_number(w[3], &ptid) || !pid || pid > INT32_MAX ||
	    ppid > INT32_MAX || ptid > INT32_MAX)
		return bad(t, p, end, "\"F PID PPID PTID\"", e);
	parent = process_find(l, ppid);
	if (parent && parent->pid != pid && map_get(&parent->threads, ptid, NULL)) {
		write_fork(l, t, (uint32_t)ppid, (uint32_t)ptid, (uint32_t)pid);
	} else {
		c = control_of(l, REC_PROCESS, (uint32_t)pid, (uint32_t)pid);
		c.arg[0] = ppid;
		textfile_control(t, &c);
	}
	process_new(l, (uint32_t)pid,
		    parent && parent->pid != pid ? allocations_copy(parent->heap)
						 : allocations_new(t->option[0]));
	return 0;
}

/* "S PID TID" */
static int thread_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct alloclog *l = t->state;
	uint64_t pid = 0, tid = 0;
	struct text_word w[3];
	struct control c;

	if (text_words(p, end, w, 3) != 3 || !text_word_number(w[1], &pid) || !text_word_number(w[2], &tid) ||
	    !tid || tid > INT32_MAX || !process_find(l, pid))
		return bad(t, p, end, "\"S PID TID\" of a process that a P or F line named", e);
	l->now = process_find(l, pid);
	l->by.pid = (uint32_t)pid;
	l->by.tid = (uint32_t)tid;
	if (map_get(&l->now->threads, tid, NULL))
		return 0;
	map_put(&l->now->threads, tid, 0);
	c = control_of(l, REC_CLONE, (uint32_t)pid, (uint32_t)pid);
	c.arg[0] = tid;
	c.result = (int64_t)tid;
	textfile_control(t, &c);
	return 0;
}

/* "X PID" */
static int gone_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct alloclog *l = t->state;
	struct alloclog_process *gone;
	uint64_t pid = 0;
	struct control c;

	gone = text_dec(p + 2, end, &pid) == end ? process_find(l, pid) : NULL;
	if (!gone)
		return bad(t, p, end, "\"X PID\" of a process that a P or F line named", e);
	c = control_of(l, REC_EXIT_GROUP, gone->pid, gone->pid);
	textfile_control(t, &c);
	process_free(l, gone);
	return 0;
}

/* ---- blocks ---- */

/* The block whose realloc the thread has begun; made when `make`, else NULL when there is none. */
static struct taken_block *moving_of(struct alloclog *l, bool make)
{
	uint64_t key = (uint64_t)l->by.pid << 32 | l->by.tid, v;
	struct taken_block *b;

	if (map_get(&l->moving, key, &v))
		return (struct taken_block *)(uintptr_t)v;
	if (!make)
		return NULL;
	b = mem_alloc_late(1, sizeof *b);
	map_put(&l->moving, key, (uint64_t)(uintptr_t)b);
	return b;
}

static void moving_over(struct alloclog *l, struct taken_block *b)
{
	map_del(&l->moving, (uint64_t)l->by.pid << 32 | l->by.tid);
	mem_free(b);
}

static int moved(struct alloclog *l, struct textfile *t, uint64_t addr, uint64_t size, struct err *e)
{
	struct taken_block *b = moving_of(l, false);
	int r;

	if (!b)
		return allocations_add(l->now->heap, &l->by, addr, size, e);
	r = allocations_land(l->now->heap, t, &l->by, b, addr, size, e);
	moving_over(l, b);
	return r;
}

static void failed(struct alloclog *l)
{
	struct taken_block *b = moving_of(l, false);

	if (!b)
		return;
	allocations_put_back(l->now->heap, b);
	moving_over(l, b);
}

static int block_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct alloclog *l = t->state;
	bool frees = *p == '-' || *p == '<';
	uint64_t v[4] = {0};

	if (!l->now)
		return bad(t, p, end, "an \"S PID TID\" line in front of events", e);
	if (!hex_words(p, end, v,
		       *p == '!'   ? 2
		       : frees     ? 1
		       : *p == 'a' ? 4
				   : 3) ||
	    (*p != '!' && !frees && !allocations_possible(v[0], v[1])))
		return bad(
			t, p, end,
			"\"+ ADDR SIZE CALLER\", \"a ADDR SIZE CALLER ALIGNMENT\", \"- ADDR\", \"< ADDR\" …",
			e);
	l->events++;
	switch (*p) {
	case '-':
		allocations_remove(l->now->heap, &l->by, v[0]);
		return 0;
	case '<':
		allocations_take(l->now->heap, v[0], moving_of(l, true));
		return 0;
	case '>':
		return moved(l, t, v[0], v[1], e);
	case '!':
		failed(l);
		return 0;
	default:
		return allocations_add(l->now->heap, &l->by, v[0], v[1], e);
	}
}

/* ---- lines ---- */

static int end_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	static const char mark[] = "# end events ";
	struct alloclog *l = t->state;
	char expected[64];
	uint64_t n = 0;

	if ((size_t)(end - p) < sizeof mark - 1 || memcmp(p, mark, sizeof mark - 1))
		return 0; /* a comment */
	snprintf(expected, sizeof expected, "%s%" PRIu64 " (what was read)", mark, l->events);
	if (text_dec(p + sizeof mark - 1, end, &n) != end || n != l->events)
		return bad(t, p, end, expected, e);
	l->ended = true;
	return 0;
}

static int time_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct alloclog *l = t->state;
	uint64_t ns = 0;

	if (text_dec(p + 2, end, &ns) != end)
		return bad(t, p, end, "\"T NANOSECONDS\"", e);
	l->by.time_ns = MAX_OF(l->by.time_ns, ns);
	return 0;
}

static int alloclog_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct alloclog *l = t->state;

	if (l->ended || t->unterminated)
		return bad(t, p, end, l->ended ? "nothing behind the \"# end\" line" : "a line end", e);
	if (p == end)
		return 0;
	if (*p == '#')
		return end_line(t, p, end, e);
	if (end - p < 3 || p[1] != ' ')
		return bad(t, p, end, "a letter, a blank and its arguments", e);
	switch (*p) {
	case '+':
	case 'z':
	case 'a':
	case '-':
	case '<':
	case '>':
	case '!':
		return block_line(t, p, end, e);
	case 'S':
		return thread_line(t, p, end, e);
	case 'T':
		return time_line(t, p, end, e);
	case 'P':
		return image_line(t, p, end, e);
	case 'F':
		return fork_line(t, p, end, e);
	case 'X':
		return gone_line(t, p, end, e);
	case 'C':
	case 'L':
		return 0;
	default:
		return bad(t, p, end, "a line of + z a - < > ! S T P F X C L or #", e);
	}
}

static bool alloclog_more(struct textfile *t)
{
	struct alloclog *l = t->state;

	return l->now && allocations_more(l->now->heap, t);
}

static int alloclog_finish(struct textfile *t, struct err *e)
{
	struct alloclog *l = t->state;

	if (l->ended)
		return 0;
	return err_set(e, ERR_TRUNCATED,
		       "%s:%" PRIu64 ": the log ends without \"# end events N\": cut off after %" PRIu64
		       " events",
		       input_name(t->in), t->line_no, l->events);
}

static int alloclog_start(struct textfile *t, struct err *e)
{
	struct alloclog *l = t->state;
	const char *p = memchr(t->buf, '\n', t->len), *end;

	map_init(&l->processes);
	map_init(&l->moving);
	if (t->len < sizeof MAGIC - 1 || memcmp(t->buf, MAGIC, sizeof MAGIC - 1))
		return err_set(e, ERR_FORMAT, "%s:1: expected \"" MAGIC "\" as the first line",
			       input_name(t->in));
	end = p ? memchr(p + 1, '\n', (size_t)(t->buf + t->len - p - 1)) : NULL;
	if (end && (size_t)(end - p - 1) > sizeof PROVENANCE - 1 &&
	    !memcmp(p + 1, PROVENANCE, sizeof PROVENANCE - 1)) {
		p += sizeof PROVENANCE;
		if (!provenance_from_json(p, (size_t)(end - p), &t->provenance, &l->provenance_strings))
			return err_set(e, ERR_FORMAT, "%s:2: expected a JSON object of texts and booleans",
				       input_name(t->in));
	}
	t->provenance.notes = ALLOCATIONS_NOTE;
	t->provenance.no_fetches = true;
	return 0;
}

static void alloclog_release(struct textfile *t)
{
	struct alloclog *l = t->state;
	uint64_t key, v;
	size_t it = 0;

	while (map_next(&l->processes, &it, &key, &v)) {
		struct alloclog_process *p = (struct alloclog_process *)(uintptr_t)v;

		allocations_free(p->heap);
		map_release(&p->threads);
		mem_free(p);
	}
	for (it = 0; map_next(&l->moving, &it, &key, &v);)
		mem_free((void *)(uintptr_t)v);
	map_release(&l->processes);
	map_release(&l->moving);
	mem_free(l->provenance_strings);
}

static int alloclog_probe(const uint8_t *head, size_t n)
{
	return n >= sizeof MAGIC - 1 && !memcmp(head, MAGIC, sizeof MAGIC - 1) ? 100 : 0;
}

static const struct text_format alloclog_format = {
	.options = {ALLOCATIONS_OPTION},
	.state_bytes = sizeof(struct alloclog),
	.start = alloclog_start,
	.line = alloclog_line,
	.more = alloclog_more,
	.finish = alloclog_finish,
	.release = alloclog_release,
};

const struct importer_ops alloclog_importer = {
	.name = "alloclog",
	.sentence = "faultline record --malloc: allocations, whose blocks are stored once each",
	.probe = alloclog_probe,
	TEXTFILE_HOOKS(&alloclog_format),
};
