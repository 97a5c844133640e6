/*
 * lackey.c - the text of Valgrind's lackey (`valgrind --tool=lackey --trace-mem=yes`).
 *
 * After lackey/lk_main.c of Valgrind 3.19 (trace_instr, trace_load, trace_store, trace_modify):
 *     "I  HEX,dec"   an instruction: address, length        " L HEX,dec"   a load
 *     " S HEX,dec"   a store                                " M HEX,dec"   a load, then a store
 * Data lines belong to the I line before them. Skipped: blank lines, "==pid==", "--pid--", " SB HEX"
 * (superblocks). The "Command:" line of the banner fills the provenance. SYSCALL lines
 * (`--trace-syscalls=yes`) become control records: lackey_calls.c. Letters and digits of either case,
 * addresses with or without 0x.
 *
 * Instruction counts: with I lines a fetch carries 1 and the data 0; without (copies that left them out) each
 * line carries 1.
 *
 * Options:
 *   fetches=each|blocks|none   a fetch record an instruction; or one for a run of adjoining instructions
 * within a page, with their count, in front of their data; or none, and the count goes to the next data
 * access syscalls=auto|on|off       auto: on when the first MiB of text has a SYSCALL line
 *
 * Not modelled: threads (the text does not say which thread an access is of: all are pid 1, tid 1), times.
 * With fetches=none, the instructions behind the last data access are written as REC_INSTR.
 */
#include "traces/formats/formats.h"

#include <string.h>

#include "traces/formats/lackey_calls.h"
#include "traces/formats/textfile.h"

#define PID 1u
#define TID 1u

enum lackey_option { OPT_FETCHES, OPT_SYSCALLS, OPT_FILES };
enum lackey_fetches { FETCH_EACH, FETCH_BLOCKS, FETCH_NONE };
enum lackey_syscalls { SYSCALLS_AUTO, SYSCALLS_ON, SYSCALLS_OFF };
enum lackey_files { FILES_LOG, FILES_STAT };

struct lackey {
	struct lackey_calls *calls; /* NULL: SYSCALL lines are skipped */
	bool begun, has_fetches;    /* a line, an I line was seen */
	uint32_t icount;            /* fetches=none: instructions since the last data access */
	/* fetches=blocks: the open block */
	size_t block;         /* its index in t->addr … */
	uint64_t block_fill;  /* … of this filling of the queue */
	uint64_t block_end;   /* address behind it */
	uint32_t block_count; /* instructions; 0 = no block is open */
};

static int bad_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	return textfile_bad(t, p, end, "\"I  HEX,SIZE\", \" L HEX,SIZE\", \" S HEX,SIZE\" or \" M HEX,SIZE\"",
			    e);
}

/* "HEX,dec" up to the end of the line; NULL when it is not that. */
static const char *address_and_size(const char *p, const char *end, uint64_t *addr, uint64_t *size)
{
	while (p < end && *p == ' ')
		p++;
	if (end - p > 2 && p[0] == '0' && (p[1] | 32) == 'x')
		p += 2;
	p = text_hex(p, end, addr);
	if (!p || p == end || *p != ',')
		return NULL;
	p = text_dec(p + 1, end, size);
	while (p && p < end && *p == ' ')
		p++;
	return p == end && *size ? p : NULL;
}

/* Adds to the open block, when the instruction adjoins it. */
static bool block_extend(struct textfile *t, struct lackey *l, uint64_t addr, uint64_t size)
{
	uint64_t start;

	if (!l->block_count || l->block_fill != t->fills || addr != l->block_end ||
	    l->block_count == META_ICOUNT_MAX)
		return false;
	start = t->addr[l->block];
	if (start >> PAGE_SHIFT != (addr + size - 1) >> PAGE_SHIFT)
		return false;
	l->block_count++;
	l->block_end += size;
	t->meta[l->block] = meta_make(start, ACCESS_FETCH, (uint32_t)(l->block_end - start), l->block_count);
	return true;
}

/* Writes the instructions that no access carries. */
static void flush_icount(struct textfile *t, struct lackey *l)
{
	const struct control c = {.op = REC_INSTR, .pid = PID, .tid = TID, .cpu = -1, .arg = {l->icount}};

	if (l->icount)
		textfile_control(t, &c);
	l->icount = 0;
}

static bool instruction(struct textfile *t, struct lackey *l, uint64_t addr, uint64_t size)
{
	l->has_fetches = true;
	if (t->option[OPT_FETCHES] == FETCH_NONE) {
		if (l->icount == META_ICOUNT_MAX)
			flush_icount(t, l);
		l->icount++;
		return true;
	}
	if (t->option[OPT_FETCHES] == FETCH_BLOCKS && block_extend(t, l, addr, size))
		return true;
	if (size > META_SIZE_MAX)
		return false;
	if (l->calls)
		lackey_calls_touch(l->calls, t, addr, size);
	l->block = textfile_access(t, PID, TID, addr, ACCESS_FETCH, (uint32_t)size, 1);
	l->block_fill = t->fills;
	l->block_end = addr + size;
	l->block_count = 1;
	return true;
}

static bool data(struct textfile *t, struct lackey *l, char kind, uint64_t addr, uint64_t size)
{
	uint32_t icount = l->has_fetches ? l->icount : 1;
	bool ok;

	if (l->calls && !l->calls->stack_known)
		lackey_calls_stack(l->calls, t, addr);
	if (l->calls)
		lackey_calls_touch(l->calls, t, addr, size);
	l->icount = 0;
	ok = textfile_access_large(t, PID, TID, addr, kind == 's' ? ACCESS_STORE : ACCESS_LOAD, size, icount);
	if (ok && kind == 'm')
		ok = textfile_access_large(t, PID, TID, addr, ACCESS_STORE, size, 0);
	return ok;
}

/* A line that is no access: skipped, or a system call. */
static int other_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct lackey *l = t->state;
	const char *s = p;

	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	if (s == end || (end - s >= 2 && (!memcmp(s, "==", 2) || !memcmp(s, "--", 2))) ||
	    (end - s >= 3 && !memcmp(s, "SB ", 3)))
		return 0;
	if (end - s < 8 || memcmp(s, "SYSCALL[", 8))
		return bad_line(t, p, end, e);
	if (!l->calls)
		return 0;
	flush_icount(t, l);
	l->block_count = 0;
	return lackey_calls_line(l->calls, t, p, end, e);
}

/* With system calls in the log, all state of the process is told by records. */
static void begin(struct textfile *t, struct lackey *l)
{
	const struct control c = {
		.op = REC_PROCESS, .pid = PID, .tid = TID, .cpu = -1, .text = t->provenance.program};

	l->begun = true;
	if (l->calls)
		textfile_control(t, &c);
}

static int lackey_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct lackey *l = t->state;
	const char *s = p;
	uint64_t addr, size;
	char kind;

	if (UNLIKELY(!l->begun))
		begin(t, l);
	s += s < end && *s == ' ';
	kind = (char)(s < end ? *s | 32 : 0);
	if ((kind != 'i' && kind != 'l' && kind != 's' && kind != 'm') || end - s < 2 || s[1] != ' ')
		return other_line(t, p, end, e);
	if (!address_and_size(s + 2, end, &addr, &size) || addr > UINT64_MAX - size)
		return bad_line(t, p, end, e);
	if (kind == 'i' ? !instruction(t, l, addr, size) : !data(t, l, kind, addr, size))
		return textfile_bad(t, p, end, "a size of at most 4096 (instructions) or 500000 bytes", e);
	return 0;
}

/*
 * The same for lines as lackey prints them, "I  HEX,dec" and " L HEX,dec", without system calls and with a
 * fetch an instruction.
 */
static void lackey_bulk(struct textfile *t, struct text_bulk *b)
{
	struct lackey *l = t->state;
	const char *end;

	if (!l->begun || l->calls || t->option[OPT_FETCHES] != FETCH_EACH)
		return;
	while (b->left > 1 && (end = text_bulk_line(b))) {
		const char *p = b->p;
		bool fetch = p[0] == 'I', store = p[1] == 'S', modify = p[1] == 'M';
		uint64_t addr, size;
		const char *s;

		if (p[fetch] != ' ' || p[2] != ' ' || !(fetch || store || modify || p[1] == 'L'))
			break;
		s = text_hex_fast(p + 3, &addr);
		s = s && *s == ',' ? text_dec_fast(s + 1, &size) : NULL;
		if (!s || s != end || size - 1 >= META_SIZE_MAX || addr > UINT64_MAX - size)
			break;
		l->has_fetches |= fetch;
		text_bulk_put(b, addr,
			      fetch   ? ACCESS_FETCH
			      : store ? ACCESS_STORE
				      : ACCESS_LOAD,
			      (uint32_t)size, fetch || !l->has_fetches);
		if (modify)
			text_bulk_put(b, addr, ACCESS_STORE, (uint32_t)size, 0);
		text_bulk_took(b, end);
	}
}

/* ---- the beginning of the file ---- */

static void command_line(struct textfile *t, const char *p)
{
	const char *end = p + strcspn(p, "\r\n"), *blank = memchr(p, ' ', (size_t)(end - p));

	t->provenance.program = textfile_own(t, p, (size_t)((blank ? blank : end) - p));
	if (blank)
		t->provenance.arguments = textfile_own(t, blank + 1, (size_t)(end - blank - 1));
}

static bool has_instruction_line(const char *text)
{
	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if ((*p | 32) == 'i' && p[1] == ' ')
			return true;
	}
	return false;
}

static int lackey_start(struct textfile *t, struct err *e)
{
	static const char mark[] = "Command: ";
	struct lackey *l = t->state;
	const char *command = strstr(t->buf, mark);

	(void)e;
	t->provenance.recorder = "valgrind lackey";
	t->provenance.no_threads = true;
	t->provenance.no_times = true;
	t->provenance.no_fetches = t->option[OPT_FETCHES] == FETCH_NONE || !has_instruction_line(t->buf);
	if (command && command - t->buf < 4096)
		command_line(t, command + sizeof mark - 1);
	if (t->option[OPT_SYSCALLS] == SYSCALLS_ON ||
	    (t->option[OPT_SYSCALLS] == SYSCALLS_AUTO && strstr(t->buf, "\nSYSCALL[")))
		l->calls = lackey_calls_new(PID, TID, t->option[OPT_FILES] == FILES_STAT);
	return 0;
}

static int lackey_finish(struct textfile *t, struct err *e)
{
	(void)e;
	flush_icount(t, t->state);
	return 0;
}

static void lackey_release(struct textfile *t)
{
	lackey_calls_free(((struct lackey *)t->state)->calls);
}

static bool is_access(const char *p, const char *end)
{
	uint64_t addr, size;

	p += *p == ' ';
	return end - p > 3 && p[1] == ' ' && strchr("ilsm", *p | 32) &&
	       address_and_size(p + 2, end, &addr, &size);
}

static bool is_line(const char *p, const char *end)
{
	return is_access(p, end) || (end - p >= 2 && (!memcmp(p, "==", 2) || !memcmp(p, "--", 2))) ||
	       (end - p >= 8 && !memcmp(p, "SYSCALL[", 8)) || (end - p >= 4 && !memcmp(p, " SB ", 4));
}

static int lackey_probe(const uint8_t *head, size_t n)
{
	static const char banner[] = "== Lackey";

	if (memmem(head, MIN_OF(n, (size_t)256), banner, sizeof banner - 1))
		return 100;
	return text_probe_lines(head, n, is_access) ? text_probe_lines(head, n, is_line) * 9 / 10 : 0;
}

static const struct text_format lackey_format = {
	.options = {{"fetches", "each blocks none"}, {"syscalls", "auto on off"}, {"files", "log stat"}},
	.state_bytes = sizeof(struct lackey),
	.start = lackey_start,
	.line = lackey_line,
	.bulk = lackey_bulk,
	.finish = lackey_finish,
	.release = lackey_release,
};

const struct importer_ops lackey_importer = {
	.name = "lackey",
	.sentence = "Valgrind lackey --trace-mem=yes, with --trace-syscalls=yes also its system calls",
	.probe = lackey_probe,
	TEXTFILE_HOOKS(&lackey_format),
};
