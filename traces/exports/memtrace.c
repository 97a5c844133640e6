/*
 * memtrace.c - writes "memtrace 1" (the layout is in traces/formats/memtrace.c): the only format that holds
 * system calls, files and snapshots, so a scenario that was recorded can be edited and played on a real
 * kernel again.
 *
 * What the importer adds is taken away: the player's PROCESS record in front, and the AFFINITY record behind
 * a spawn. What the format does not know (other system calls, calls that failed, threads' ends, fetches) is
 * left out. Events are numbered anew.
 *
 * Not modelled: what is not in the trace: the comments of the original ("# op", "# sum"), and the size that a
 * new file will have, which is 0.
 */
#include "traces/exports/exports.h"

#include <stdio.h>
#include <string.h>

#include "traces/formats/memtrace_calls.h"

#define LINE_BYTES 64

struct memtrace {
	uint64_t accesses, events;
	uint32_t spawned; /* its affinity comes next; 0: none */
};

static int memtrace_begin(struct export *x, struct err *e)
{
	static const char first[] = "# memtrace 1\n", scenario[] = "# scenario ";
	const char *program = x->origin ? x->origin->program : NULL;
	int r = pack_write(x->out, first, sizeof first - 1, e);

	if (r || !program || strchr(program, '\n'))
		return r;
	r = pack_write(x->out, scenario, sizeof scenario - 1, e);
	if (!r)
		r = pack_write(x->out, program, strlen(program), e);
	return r ? r : pack_write(x->out, "\n", 1, e);
}

static int memtrace_access(struct export *x, const struct export_access *a, struct err *e)
{
	struct memtrace *m = x->state;
	char *p = pack_room(x->out, LINE_BYTES, e), *end = p;

	if (!p)
		return -(int)e->code;
	*end++ = a->kind == ACCESS_STORE ? 'W' : 'R';
	*end++ = ' ';
	end = export_dec(end, a->pid);
	*end++ = ' ';
	end = export_dec(end, a->tid);
	*end++ = ' ';
	end = export_hex(end, a->addr, 1);
	*end++ = ' ';
	end = export_dec(end, a->size);
	*end++ = '\n';
	pack_commit(x->out, (size_t)(end - p));
	m->accesses++;
	m->events++;
	return 0;
}

/* A word of the format: not empty, no blanks. */
static bool is_word(const char *s)
{
	return s && *s && !s[strcspn(s, " \t\r\n")];
}

static int put(struct export *x, const char *line, struct err *e)
{
	int r = pack_write(x->out, line, strlen(line), e);

	return r ? r : 1;
}

static int put_file(struct export *x, const struct control *c, struct err *e)
{
	char line[LINE_BYTES + CONTROL_TEXT_MAX];

	if (!is_word(c->text) || c->arg[2] > 1)
		return 0;
	snprintf(line, sizeof line, "F %" PRIu64 " %s %" PRIu64 " %s\n", c->arg[0], c->text, c->arg[1],
		 c->arg[2] ? "new" : "old");
	return put(x, line, e);
}

static int put_mark(struct export *x, const struct control *c, struct err *e)
{
	struct memtrace *m = x->state;
	char line[LINE_BYTES + CONTROL_TEXT_MAX];

	if (!is_word(c->text))
		return 0;
	snprintf(line, sizeof line, "S %" PRIu64 " %s\n", m->events++, c->text);
	return put(x, line, e);
}

static int put_call(struct export *x, const struct control *c, struct err *e)
{
	char line[LINE_BYTES + MEMTRACE_CALL_MAX], call[MEMTRACE_CALL_MAX];
	bool spawn = c->op == REC_FORK && c->pid == 0;
	uint64_t pid = spawn ? c->arg[0] : c->pid, tid = spawn ? pid : c->tid;
	struct memtrace *m = x->state;

	if (!memtrace_call_text(c, call) || c->cpu > 63)
		return 0;
	m->spawned = spawn ? (uint32_t)pid : 0;
	snprintf(line, sizeof line, "M %" PRIu64 " %" PRIu64 " %d %" PRIu64 " %s\n", pid, tid,
		 MAX_OF(c->cpu, 0), m->events++, call);
	return put(x, line, e);
}

static int memtrace_control(struct export *x, const struct control *c, struct err *e)
{
	struct memtrace *m = x->state;
	bool pins = c->op == REC_AFFINITY && m->spawned && c->pid == m->spawned && c->cpu >= 0 &&
		    c->cpu < 64 && c->arg[0] == UINT64_C(1) << c->cpu;

	m->spawned = 0;
	if (pins || (c->op == REC_PROCESS && c->pid == 0))
		return 1;
	switch (c->op) {
	case REC_FILE:
		return put_file(x, c, e);
	case REC_MARK:
		return put_mark(x, c, e);
	default:
		return put_call(x, c, e);
	}
}

static int memtrace_finish(struct export *x, struct err *e)
{
	const struct memtrace *m = x->state;
	char line[LINE_BYTES + 40];

	snprintf(line, sizeof line, "# end accesses %" PRIu64 " events %" PRIu64 "\n", m->accesses,
		 m->events);
	return pack_write(x->out, line, strlen(line), e);
}

const struct exporter_ops memtrace_exporter = {
	.name = "memtrace",
	.sentence = "\"# memtrace 1\": memory scenarios as text, with system calls, files and snapshots",
	.keeps = KEEPS_STORES | KEEPS_SIZES | KEEPS_PROCESSES,
	.state_bytes = sizeof(struct memtrace),
	.begin = memtrace_begin,
	.access = memtrace_access,
	.control = memtrace_control,
	.finish = memtrace_finish,
};
