/*
 * strace.c - the log of strace (`strace -f -ttt -o FILE PROGRAM`), x86-64.
 *
 *     [pid N] | N   [TIME] [IP] name(arg, …) = RESULT [ERRNO (text)] [<TIME>]
 *     … name(arg, … <unfinished ...>           … <... name resumed>arg, …) = RESULT
 *     … +++ exited with N +++      +++ killed by SIGNAL +++      --- SIGNAL {…} ---
 * TIME is HH:MM:SS (-t), the same with a fraction (-tt), seconds since 1970 (-ttt) or since the line before
 * (-r). Lines of strace itself and of stack traces (-k) are skipped. Descriptors may carry paths (-y),
 * numbers of calls ([ 9]) may stand in front of names (-n). The program writes whole lines: a last line
 * without its end is a cut.
 *
 * An strace log has no accesses: the trace has the system calls alone, mappings, files read and written
 * (strace_calls.c, strace_io.c), processes and threads, with times when the log has them. Other calls are
 * left out. Without pids the program is process 1. A task that was there before strace was attached is a
 * process of its own (PROCESS), as the log does not say whose thread it is.
 *
 * Not modelled: accesses; the buffers of reads and writes, whose addresses are not in the log; 32-bit
 * programs. When several clones are in progress at a child's first line, the oldest is taken for its
 * parent's.
 */
#include "traces/formats/formats.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/mem.h"
#include "traces/formats/strace_calls.h"

#define EXPECTED "\"NAME(ARGUMENTS) = RESULT\""

/* ---- the words of a line ---- */

static const char *blanks(const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	return p;
}

static bool begins(const char *p, const char *end, const char *with)
{
	size_t n = strlen(with);

	return (size_t)(end - p) >= n && !memcmp(p, with, n);
}

/* "[pid 17] " or "17  "; *pid stays when there is none. */
static const char *parse_pid(const char *p, const char *end, uint64_t *pid)
{
	const char *s = p;
	uint64_t v;

	if (begins(p, end, "[pid")) {
		s = text_dec(blanks(p + 4, end), end, &v);
		if (!s || s == end || *s != ']')
			return p;
		s++;
	} else {
		s = text_dec(p, end, &v);
		if (!s || s == end || *s != ' ')
			return p;
	}
	if (v && v <= INT32_MAX)
		*pid = v;
	return blanks(s, end);
}

/* A fraction of a second in nanoseconds behind the point at p. */
static const char *fraction(const char *p, const char *end, uint64_t *ns)
{
	uint64_t unit = 100000000;

	for (p++; p < end && (unsigned)(*p - '0') < 10; p++, unit /= 10)
		*ns += (uint64_t)(*p - '0') * unit;
	return p;
}

/* The time in front of a call in nanoseconds; *colons: a time of day. Returns p when there is none. */
static const char *parse_time(const char *p, const char *end, uint64_t *ns, unsigned *colons)
{
	uint64_t v, sec = 0;
	const char *s = p;

	*ns = 0;
	for (*colons = 0; *colons < 3; ++*colons) {
		s = text_dec(s, end, &v);
		if (!s || v > UINT32_MAX)
			return p;
		sec = sec * 60 + v;
		if (s == end || *s != ':')
			break;
		s++;
	}
	if (s < end && *s == '.')
		s = fraction(s, end, ns);
	else if (!*colons)
		return p; /* a whole number is no time */
	if (s == end || (*s != ' ' && *s != '('))
		return p;
	*ns += sec * 1000000000;
	return blanks(s, end);
}

/* Whatever strace may put between time and name: "[00007f…] ", "[  9] ", "(+ 0.000012) ". */
static const char *skip_extras(const char *p, const char *end)
{
	while (p < end && (*p == '[' || begins(p, end, "(+"))) {
		const char *close = memchr(p, *p == '[' ? ']' : ')', (size_t)(end - p));

		if (!close)
			return p;
		p = blanks(close + 1, end);
	}
	return p;
}

/* Whether arg_end has to look at a character. */
static const bool is_mark[256] = {['"'] = true, ['/'] = true, ['<'] = true, ['('] = true, ['['] = true,
				  ['{'] = true, [')'] = true, [']'] = true, ['}'] = true, [','] = true};

/* Behind the quoted text at p; end when it does not end. */
static const char *quoted_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\' && p + 1 < end;
	return p;
}

/*
 * The end of the argument at p: a comma or a closing parenthesis on the level of the list. Text in quotes,
 * in brackets and behind a descriptor (3</a,b>) is passed over.
 */
static const char *arg_end(const char *p, const char *end)
{
	unsigned depth = 0;

	for (; p < end; p++) {
		if (LIKELY(!is_mark[(uint8_t)*p])) {
			continue;
		} else if (*p == '"') {
			p = quoted_end(p, end);
			if (p == end)
				return end;
		} else if (*p == '/') {
			const char *close = begins(p, end, "/*") ? memmem(p, (size_t)(end - p), "*/", 2) : p;

			p = close == p ? p : close ? close + 1 : end - 1;
		} else if (*p == '<') {
			const char *close = p[-1] >= '0' && p[-1] <= '9' && p + 1 < end && p[1] != '<'
						    ? memchr(p, '>', (size_t)(end - p))
						    : NULL;

			p = close ? close : p;
		} else if (*p == '(' || *p == '[' || *p == '{') {
			depth++;
		} else if (!depth && (*p == ',' || *p == ')')) {
			return p;
		} else if (depth && *p != ',') {
			depth--;
		}
	}
	return end;
}

/* "ENOENT (No such file or directory)" as a result; errors that no record tells apart are -EINVAL. */
static int64_t error_number(const char *p, const char *end)
{
	static const struct {
		const char *name;
		int number;
	} errors[] = {
		{"ENOMEM", ENOMEM}, {"ENOENT", ENOENT}, {"EACCES", EACCES}, {"EPERM", EPERM},
		{"EFAULT", EFAULT}, {"EAGAIN", EAGAIN}, {"EBADF", EBADF},   {"EEXIST", EEXIST},
		{"ENOSYS", ENOSYS}, {"EIO", EIO},
	};

	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (begins(p, end, errors[i].name))
			return -errors[i].number;
	return -EINVAL;
}

/* " = RESULT" behind the list. */
static bool parse_result(const char *p, const char *end, struct strace_call *c)
{
	uint64_t v;

	p = blanks(p, end);
	if (p == end || *p != '=')
		return false;
	p = blanks(p + 1, end);
	c->returned = p < end && *p != '?';
	if (!c->returned)
		return p < end;
	p = text_number(p, end, &v);
	if (!p)
		return false;
	c->result = (int64_t)v;
	if (c->result == -1)
		c->result = error_number(blanks(p, end), end);
	return true;
}

static bool parse_call(const char *p, const char *end, struct strace_call *c)
{
	const char *open = memchr(p, '(', (size_t)(end - p)), *s;

	*c = (struct strace_call){0};
	if (!open || open == p)
		return false;
	for (s = p; s < open; s++)
		if ((*s < 'a' || *s > 'z') && (*s < '0' || *s > '9') && *s != '_')
			return false;
	c->name = (struct text_word){p, (size_t)(open - p)};
	c->args = (struct text_word){open, 0};
	for (p = open + 1;; p = s + 1) {
		p = blanks(p, end);
		s = arg_end(p, end);
		if (s == end)
			return false;
		if (c->nr_args < STRACE_ARGS && (s > p || *s == ','))
			c->arg[c->nr_args++] = (struct text_word){p, (size_t)(s - p)};
		if (*s == ')')
			break;
	}
	c->args.n = (size_t)(s - open);
	return parse_result(s + 1, end, c);
}

/* ---- lines ---- */

/* Time of the line since the first one. */
static void set_time(struct strace *s, uint64_t ns, unsigned colons)
{
	static const uint64_t day = UINT64_C(86400) * 1000000000;

	if (!s->has_time) {
		s->has_time = true;
		s->relative = !colons && ns < UINT64_C(100000000) * 1000000000;
		s->first_ns = s->last_ns = ns;
		return;
	}
	if (s->relative) {
		s->now_ns += ns;
		return;
	}
	/* Past midnight. A clock that was set back holds the time. */
	if (colons && ns < s->last_ns && s->last_ns - ns > day / 2)
		s->first_ns -= day;
	s->last_ns = ns;
	s->now_ns = MAX_OF(s->now_ns, ns - s->first_ns > INT64_MAX ? 0 : ns - s->first_ns);
}

static bool is_clone(const char *p, size_t n)
{
	return begins(p, p + n, "clone(") || begins(p, p + n, "clone3(") || begins(p, p + n, "fork(") ||
	       begins(p, p + n, "vfork(");
}

/* The task with the oldest unfinished clone, whose child has not been seen. */
static struct strace_task *parent_in_progress(struct strace *s)
{
	struct strace_task *best = NULL;
	uint64_t tid, v;
	size_t it = 0;

	while (map_next(&s->tasks, &it, &tid, &v)) {
		struct strace_task *k = (struct strace_task *)(uintptr_t)v;

		if (k->pending && !k->child_seen && is_clone(k->pending, strlen(k->pending)) &&
		    (!best || k->age < best->age))
			best = k;
	}
	return best;
}

/* The task of a line; a new one when it was never seen. */
static struct strace_task *task_of(struct strace *s, struct textfile *t, uint32_t tid)
{
	struct strace_task *k = strace_task_find(s, tid), *parent;
	struct control c;

	if (k && !k->over)
		return k;
	parent = s->begun ? parent_in_progress(s) : NULL;
	if (parent) {
		struct text_word args = {parent->pending, strlen(parent->pending)};

		parent->child_seen = true;
		return strace_task_child(s, t, parent, tid, begins(args.p, args.p + args.n, "vfork("), args);
	}
	if (k) /* what comes after an exit */
		return k;
	k = strace_task_new(s, tid, tid);
	c = strace_control(s, k, REC_PROCESS, 0);
	c.text = s->begun ? NULL : t->provenance.program;
	s->begun = true;
	textfile_control(t, &c);
	return k;
}

static int bad(struct textfile *t, const char *p, const char *end, const char *expected, struct err *e)
{
	return textfile_bad(t, p, end, expected, e);
}

/* "+++ exited with 3 +++", "+++ killed by SIGKILL +++", "+++ superseded by execve in pid 7 +++" */
static void ended(struct strace *s, struct textfile *t, struct strace_task *k, const char *p, const char *end)
{
	static const char superseded[] = "+++ superseded by execve in pid ";
	struct strace_task *by = NULL;
	uint64_t v = 0;

	if (begins(p, end, "+++ exited with ")) {
		text_dec(p + 16, end, &v);
		strace_task_end(s, t, k, REC_EXIT, v);
	} else if (begins(p, end, "+++ killed by ")) {
		strace_task_end(s, t, k, REC_EXIT_GROUP, 0);
	} else if (begins(p, end, superseded) && text_dec(p + sizeof superseded - 1, end, &v)) {
		by = strace_task_find(s, (uint32_t)v);
	}
	if (by && by != k && by->pending) { /* its execve returns under the first thread's number */
		mem_free(k->pending);
		k->pending = by->pending;
		by->pending = NULL;
		strace_task_end(s, t, by, REC_EXIT, 0);
	}
}

/* Of the line that was cut out last. */
static const char *line_end(const struct textfile *t)
{
	const char *p = t->buf + t->pos;

	return p > t->buf && p[-1] == '\n' ? p - 1 : p;
}

static int call_line(struct textfile *t, struct strace_task *k, const char *line, const char *p,
		     const char *end, struct err *e)
{
	struct strace *s = t->state;
	struct strace_call c;
	const char *expected;

	if (!parse_call(p, end, &c))
		return bad(t, line, line_end(t), EXPECTED, e);
	expected = strace_call(s, t, k, &c);
	return expected ? bad(t, line, line_end(t), expected, e) : 0;
}

/* "<... name resumed>rest": together with what was kept. */
static int resumed(struct textfile *t, struct strace_task *k, const char *p, const char *end, struct err *e)
{
	static const char mark[] = " resumed>";
	const char *rest = memmem(p, (size_t)(end - p), mark, sizeof mark - 1);
	char *text, *first = k->pending;
	size_t n;
	int r;

	if (!rest)
		return bad(t, p, end, "\"<... NAME resumed>\"", e);
	if (!first) /* it began before the log did */
		return 0;
	rest += sizeof mark - 1;
	n = strlen(first);
	text = mem_alloc_late(n + (size_t)(end - rest) + TEXT_SLACK, 1);
	memcpy(text, first, n);
	memcpy(text + n, rest, (size_t)(end - rest));
	k->pending = NULL;
	r = call_line(t, k, p, text, text + n + (size_t)(end - rest), e);
	mem_free(first);
	mem_free(text);
	return r;
}

/* Keeps "name(arg, " of a line that ends in "<unfinished ...>"; false when it does not. */
static bool unfinished(struct textfile *t, struct strace_task *k, const char *p, const char *end)
{
	static const char mark[] = "<unfinished ...>";
	size_t n = sizeof mark - 1;

	while (end > p && (end[-1] == ' ' || end[-1] == ')'))
		end--;
	if ((size_t)(end - p) < n || memcmp(end - n, mark, n) || begins(p, end, "<... "))
		return false;
	end -= n;
	mem_free(k->pending);
	k->pending = mem_alloc_late((size_t)(end - p) + TEXT_SLACK, 1);
	memcpy(k->pending, p, (size_t)(end - p));
	k->age = t->line_no;
	k->child_seen = false;
	return true;
}

/* Lines of strace itself, of a stack, and empty ones. */
static bool is_remark(const char *p, const char *end)
{
	return p == end || begins(p, end, "strace: ") || begins(p, end, "Process ") || begins(p, end, "> ");
}

static int strace_line(struct textfile *t, const char *line, const char *end, struct err *e)
{
	struct strace *s = t->state;
	const char *p = blanks(line, end), *q;
	struct strace_task *k;
	uint64_t pid = 1, ns;
	unsigned colons;

	if (t->unterminated)
		return bad(t, line, end, "a line end", e);
	while (end > p && end[-1] == ' ')
		end--;
	p = parse_pid(p, end, &pid);
	if (is_remark(p, end))
		return 0;
	q = parse_time(p, end, &ns, &colons);
	if (q != p)
		set_time(s, ns, colons);
	p = skip_extras(q, end);
	if (is_remark(p, end))
		return 0;
	k = task_of(s, t, (uint32_t)pid);
	if (begins(p, end, "+++ ")) {
		ended(s, t, k, p, end);
		return 0;
	}
	if (begins(p, end, "--- "))
		return 0;
	if (begins(p, end, "<... "))
		return resumed(t, k, p, end, e);
	if (unfinished(t, k, p, end))
		return 0;
	return call_line(t, k, line, p, end, e);
}

/* ---- the beginning of the file ---- */

/* "execve("./p", ["./p", …" in the first line. */
static void command_line(struct textfile *t)
{
	const char *end = memchr(t->buf, '\n', t->len), *p;
	char path[CONTROL_TEXT_MAX];
	struct strace_call c;

	p = end ? memmem(t->buf, (size_t)(end - t->buf), "execve(", 7) : NULL;
	if (p && parse_call(p, end, &c) && c.nr_args > 1 && strace_string(c.arg[0], path, sizeof path)) {
		t->provenance.program = textfile_own(t, path, strlen(path));
		t->provenance.arguments = textfile_own(t, c.arg[1].p, c.arg[1].n);
	}
}

static int strace_start(struct textfile *t, struct err *e)
{
	struct strace *s = t->state;
	const char *p = blanks(t->buf, t->buf + t->len);
	uint64_t pid, ns;
	unsigned colons;

	(void)e;
	map_init(&s->tasks);
	map_init(&s->files.by_path);
	p = parse_pid(p, t->buf + t->len, &pid);
	t->provenance.recorder = "strace";
	t->provenance.notes = "system calls alone: the log has no accesses";
	t->provenance.no_fetches = true;
	t->provenance.no_times = parse_time(p, t->buf + t->len, &ns, &colons) == p;
	command_line(t);
	return 0;
}

static void strace_free(struct textfile *t)
{
	strace_release(t->state);
}

static bool is_line(const char *p, const char *end)
{
	uint64_t pid, ns;
	unsigned colons;
	struct strace_call c;

	p = parse_pid(blanks(p, end), end, &pid);
	p = skip_extras(parse_time(p, end, &ns, &colons), end);
	return begins(p, end, "+++ ") || begins(p, end, "--- ") || begins(p, end, "<... ") ||
	       begins(p, end, "strace: ") || parse_call(p, end, &c) ||
	       memmem(p, (size_t)(end - p), "<unfinished ...>", 16);
}

static int strace_probe(const uint8_t *head, size_t n)
{
	return text_probe_lines(head, n, is_line) * 9 / 10;
}

static const struct text_format strace_format = {
	.state_bytes = sizeof(struct strace),
	.start = strace_start,
	.line = strace_line,
	.release = strace_free,
};

const struct importer_ops strace_importer = {
	.name = "strace",
	.sentence = "strace logs (-f, -t, -tt, -ttt, -r, -y): system calls with files, no accesses",
	.probe = strace_probe,
	TEXTFILE_HOOKS(&strace_format),
};
