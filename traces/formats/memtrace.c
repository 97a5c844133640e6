/*
 * memtrace.c - "memtrace 1", the text trace of memory scenarios that were played on a real kernel.
 *
 *     # memtrace 1                       first line; other # lines are comments, but for the last one:
 *     # end accesses N events N          a file without it was cut off
 *     F fid path size old|new            a file (new: created empty by the scenario)
 *     M pid tid cpu seq OP args          a system call
 *     R pid tid vaddr 8 | W …            a load, a store; vaddr in hex without 0x
 *     S seq LABEL                        a snapshot was taken here
 *
 * pid 0 is the player that the processes were forked from: `spawn` is its fork. Every process has one thread,
 * with tid = pid. seq numbers M, R, W and S lines from 0 and is checked. An access is one instruction.
 *
 * A spawned process is pinned to its CPU: an AFFINITY record of its own follows the fork. The player is
 * declared by a PROCESS record in front of everything.
 *
 * With the option player=on, what the player itself did in the processes it started is added
 * (memtrace_player.c).
 *
 * Not modelled: the checksums in `# sum` lines are not compared. Times are not in the format.
 */
#include "traces/formats/formats.h"

#include <stdio.h>
#include <string.h>

#include "traces/formats/memtrace_calls.h"
#include "traces/formats/memtrace_player.h"
#include "traces/formats/textfile.h"

struct memtrace {
	uint64_t accesses, events;
	bool begun, ended;
	/* " PID TID " of the last line that memtrace_bulk took */
	struct text_prefix prefix;
	uint32_t pid, tid;
	struct memtrace_player player;
};

/* Whether the player's own memory is added (option player=on). */
static bool with_player(const struct textfile *t)
{
	return t->option[0] == 1;
}

static int bad(struct textfile *t, const char *p, const char *end, const char *expected, struct err *e)
{
	return textfile_bad(t, p, end, expected, e);
}

/* "R pid tid vaddr 8" */
static int access_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	static const char expected[] = "\"R|W PID TID HEXADDRESS 8\"";
	struct memtrace *m = t->state;
	uint64_t pid = 0, tid = 0, addr = 0, size = 0;
	const char *s = text_dec(p + 2, end, &pid);

	s = s && *s == ' ' ? text_dec(s + 1, end, &tid) : NULL;
	s = s && *s == ' ' ? text_hex(s + 1, end, &addr) : NULL;
	s = s && *s == ' ' ? text_dec(s + 1, end, &size) : NULL;
	if (!s || s != end || pid > UINT32_MAX || tid > UINT32_MAX || size == 0 || size > META_SIZE_MAX ||
	    addr > UINT64_MAX - size)
		return bad(t, p, end, expected, e);
	textfile_access(t, (uint32_t)pid, (uint32_t)tid, addr, *p == 'W' ? ACCESS_STORE : ACCESS_LOAD,
			(uint32_t)size, 1);
	m->accesses++;
	m->events++;
	return 0;
}

static int check_seq(struct textfile *t, const char *p, const char *end, struct text_word w, struct err *e)
{
	struct memtrace *m = t->state;
	char expected[64];
	uint64_t seq;

	if (text_word_number(w, &seq) && seq == m->events) {
		m->events++;
		return 0;
	}
	snprintf(expected, sizeof expected, "event number %" PRIu64, m->events);
	return bad(t, p, end, expected, e);
}

static void pin(struct textfile *t, uint32_t pid, int32_t cpu)
{
	struct control c = {.op = REC_AFFINITY, .pid = pid, .tid = pid, .cpu = cpu};

	c.arg[0] = UINT64_C(1) << cpu;
	textfile_control(t, &c);
}

/* What follows the start of a process. */
static void started(struct textfile *t, const struct control *c, bool spawn)
{
	struct memtrace_player *p = &((struct memtrace *)t->state)->player;
	uint32_t pid = (uint32_t)c->arg[0];

	if (spawn)
		pin(t, pid, c->cpu);
	if (!with_player(t))
		return;
	if (spawn)
		memtrace_player_spawned(t, p, pid);
	else
		memtrace_player_forked(t, p, c->pid, pid);
}

/* "M pid tid cpu seq OP args" */
static int call_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct text_word w[5 + MEMTRACE_WORDS];
	struct control c = {.cpu = -1};
	uint64_t pid, tid, cpu;
	size_t n = text_words(p, end, w, ARRAY_LEN(w));
	const char *expected;
	int r;

	if (n < 6 || n > ARRAY_LEN(w) || !text_word_number(w[1], &pid) || !text_word_number(w[2], &tid) ||
	    !text_word_number(w[3], &cpu) || pid > UINT32_MAX || tid > UINT32_MAX || cpu > 63)
		return bad(t, p, end, "\"M PID TID CPU SEQ OP …\"", e);
	r = check_seq(t, p, end, w[4], e);
	if (r)
		return r;
	c.pid = (uint32_t)pid;
	c.tid = (uint32_t)tid;
	c.cpu = (int32_t)cpu;
	expected = memtrace_call(&c, w + 5, n - 5);
	if (expected)
		return bad(t, p, end, expected, e);
	if (with_player(t) && c.op == REC_READ)
		memtrace_player_reads(t, &((struct memtrace *)t->state)->player, c.pid, c.arg[2]);
	if (with_player(t) && c.op == REC_DROP_CACHES)
		memtrace_player_syncs(t, &((struct memtrace *)t->state)->player);
	textfile_control(t, &c);
	if (c.op == REC_FORK)
		started(t, &c, text_word_is(w[5], "spawn"));
	return 0;
}

/* "F fid path size old|new" */
static int file_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct control c = {.op = REC_FILE, .cpu = -1};
	char path[CONTROL_TEXT_MAX];
	struct text_word w[5];
	size_t n = text_words(p, end, w, ARRAY_LEN(w));

	if (n != 5 || !text_word_number(w[1], &c.arg[0]) || !text_word_number(w[3], &c.arg[1]) ||
	    w[2].n >= sizeof path || (!text_word_is(w[4], "old") && !text_word_is(w[4], "new")))
		return bad(t, p, end, "\"F FID PATH SIZE old|new\"", e);
	memcpy(path, w[2].p, w[2].n);
	path[w[2].n] = '\0';
	memtrace_player_opened(&((struct memtrace *)t->state)->player, c.arg[0]);
	c.text = path;
	c.arg[2] = text_word_is(w[4], "new");
	if (c.arg[2])
		c.arg[1] = 0;
	textfile_control(t, &c);
	return 0;
}

/* "S seq LABEL" */
static int snapshot_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct control c = {.op = REC_MARK, .cpu = -1};
	char label[CONTROL_TEXT_MAX];
	struct text_word w[3];
	int r;

	if (text_words(p, end, w, ARRAY_LEN(w)) != 3 || w[2].n >= sizeof label)
		return bad(t, p, end, "\"S SEQ LABEL\"", e);
	r = check_seq(t, p, end, w[1], e);
	if (r)
		return r;
	memcpy(label, w[2].p, w[2].n);
	label[w[2].n] = '\0';
	c.text = label;
	textfile_control(t, &c);
	return 0;
}

static void comment_line(struct textfile *t, const char *p, const char *end)
{
	static const char scenario[] = "# scenario ";

	if ((size_t)(end - p) > sizeof scenario - 1 && !memcmp(p, scenario, sizeof scenario - 1) &&
	    !t->provenance.program) {
		p += sizeof scenario - 1;
		t->provenance.program = textfile_own(t, p, (size_t)(end - p));
	}
}

/* "# end accesses N events N" */
static int end_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct memtrace *m = t->state;
	uint64_t accesses, events;
	struct text_word w[6];
	char expected[96];

	if (text_words(p, end, w, ARRAY_LEN(w)) != 6 || !text_word_number(w[3], &accesses) ||
	    !text_word_number(w[5], &events))
		return bad(t, p, end, "\"# end accesses N events N\"", e);
	m->ended = true;
	if (accesses == m->accesses && events == m->events)
		return 0;
	snprintf(expected, sizeof expected,
		 "\"# end accesses %" PRIu64 " events %" PRIu64 "\" (what was read)", m->accesses, m->events);
	return bad(t, p, end, expected, e);
}

static int memtrace_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct memtrace *m = t->state;

	if (UNLIKELY(!m->begun)) {
		const struct control c = {.op = REC_PROCESS, .cpu = -1, .text = "player"};

		m->begun = true;
		textfile_control(t, &c);
	}
	if (end - p > 2 && p[1] == ' ' && !m->ended) {
		switch (*p) {
		case 'R':
		case 'W':
			return access_line(t, p, end, e);
		case 'M':
			return call_line(t, p, end, e);
		case 'F':
			return file_line(t, p, end, e);
		case 'S':
			return snapshot_line(t, p, end, e);
		case '#':
			if (end - p > 6 && !memcmp(p, "# end ", 6))
				return end_line(t, p, end, e);
			comment_line(t, p, end);
			return 0;
		default:
			break;
		}
	}
	if (p == end || (*p == '#' && !m->ended))
		return 0;
	return bad(t, p, end, m->ended ? "nothing behind the \"# end\" line" : "a line of F, M, R, W, S or #",
		   e);
}

/* " PID TID " at p; false: it is not there, or long. */
static bool take_prefix(struct memtrace *m, const char *p)
{
	uint64_t pid, tid;
	const char *s = *p == ' ' ? text_dec_fast(p + 1, &pid) : NULL;

	s = s && *s == ' ' ? text_dec_fast(s + 1, &tid) : NULL;
	if (!s || pid > UINT32_MAX || tid > UINT32_MAX || *s != ' ')
		return false;
	text_prefix_set(&m->prefix, p, (size_t)(s + 1 - p));
	m->pid = (uint32_t)pid;
	m->tid = (uint32_t)tid;
	return m->prefix.n;
}

/* The same for accesses of one thread. */
static void memtrace_bulk(struct textfile *t, struct text_bulk *b)
{
	struct memtrace *m = t->state;
	const char *end;

	if (!m->begun || m->ended || (*b->p != 'R' && *b->p != 'W') ||
	    (!text_prefix_is(&m->prefix, b->p + 1) && !take_prefix(m, b->p + 1)))
		return;
	b->pid = m->pid;
	b->tid = m->tid;
	while ((end = text_bulk_line(b)) && text_prefix_is(&m->prefix, b->p + 1)) {
		bool store = *b->p == 'W';
		uint64_t addr, size;
		const char *p = text_hex_fast(b->p + 1 + m->prefix.n, &addr);

		p = p && *p == ' ' ? text_dec_fast(p + 1, &size) : NULL;
		if ((!store && *b->p != 'R') || p != end || size - 1 >= META_SIZE_MAX ||
		    addr > UINT64_MAX - size)
			break;
		text_bulk_put(b, addr, store ? ACCESS_STORE : ACCESS_LOAD, (uint32_t)size, 1);
		text_bulk_took(b, end);
	}
	m->accesses += b->lines;
	m->events += b->lines;
}

static int memtrace_finish(struct textfile *t, struct err *e)
{
	struct memtrace *m = t->state;

	if (m->ended)
		return 0;
	return err_set(e, ERR_TRUNCATED,
		       "%s:%" PRIu64
		       ": the file ends without \"# end accesses N events N\": cut off after %" PRIu64
		       " accesses",
		       input_name(t->in), t->line_no, m->accesses);
}

static int memtrace_start(struct textfile *t, struct err *e)
{
	static const char magic[] = "# memtrace 1";

	if (t->len < sizeof magic - 1 || memcmp(t->buf, magic, sizeof magic - 1))
		return err_set(e, ERR_FORMAT, "%s:1: expected \"# memtrace 1\" as the first line",
			       input_name(t->in));
	t->provenance.recorder = "memtrace 1";
	t->provenance.no_times = true;
	t->provenance.no_fetches = true;
	for (const char *p = t->buf; p && p < t->buf + MIN_OF(t->len, (size_t)4096) && *p == '#';) {
		const char *nl = strchr(p, '\n');

		if (nl)
			comment_line(t, p, nl);
		p = nl ? nl + 1 : NULL;
	}
	return 0;
}

static int memtrace_probe(const uint8_t *head, size_t n)
{
	static const char magic[] = "# memtrace 1";

	return n >= sizeof magic - 1 && !memcmp(head, magic, sizeof magic - 1) ? 100 : 0;
}

static const struct text_format memtrace_format = {
	.options = {{"player", "off on"}},
	.state_bytes = sizeof(struct memtrace),
	.start = memtrace_start,
	.line = memtrace_line,
	.bulk = memtrace_bulk,
	.finish = memtrace_finish,
};

const struct importer_ops memtrace_importer = {
	.name = "memtrace",
	.sentence = "\"# memtrace 1\": memory scenarios as text, with system calls, files and snapshots",
	.probe = memtrace_probe,
	TEXTFILE_HOOKS(&memtrace_format),
};
