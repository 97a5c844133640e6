/*
 * memtrace_calls.c - one row a system call: name, record, kinds of its arguments.
 *
 * All calls of these traces succeeded in the recording, so the results are 0, the address (mmap, mremap) or
 * the number of bytes (read, write). mmap was called with MAP_FIXED_NOREPLACE; the record says MAP_FIXED.
 */
#include "traces/formats/memtrace_calls.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "traces/formats/kernel_names.h"

/*
 * Kinds of an argument, one letter each: n number, h one that is written in hex, i one with a sign, f file
 * number (-1: none), p protection, m mapping flags, a madvise advice, v fadvise advice, o policy mode, x node
 * mask, M "move" or "-", c CPU (becomes a mask), s milliseconds. `to` says which argument of the record takes
 * it.
 */
static const struct call_row {
	const char *name, *kinds, *to, *expected;
	enum record_op op;
} rows[] = {
	{"spawn", "", "", "spawn", REC_FORK},
	{"fork", "n", "0", "fork CHILD", REC_FORK},
	{"exit", "", "", "exit", REC_EXIT_GROUP},
	{"affinity", "c", "0", "affinity CPU", REC_AFFINITY},
	{"oom_score_adj", "i", "0", "oom_score_adj N", REC_OOM_SCORE_ADJ},
	{"mmap", "hnpmfn", "012345", "mmap ADDR LEN PROT FLAGS FID OFF", REC_MMAP},
	{"munmap", "hn", "01", "munmap ADDR LEN", REC_MUNMAP},
	{"mprotect", "hnp", "012", "mprotect ADDR LEN PROT", REC_MPROTECT},
	{"madvise", "hna", "012", "madvise ADDR LEN ADVICE", REC_MADVISE},
	{"mlock", "hn", "01", "mlock ADDR LEN", REC_MLOCK},
	{"munlock", "hn", "01", "munlock ADDR LEN", REC_MUNLOCK},
	{"mremap", "hnhn", "0142", "mremap OLD OLDLEN NEW NEWLEN", REC_MREMAP},
	{"set_mempolicy", "ox", "01", "set_mempolicy MODE MASK", REC_SET_MEMPOLICY},
	{"mbind", "hnoxM", "01235", "mbind ADDR LEN MODE MASK move|-", REC_MBIND},
	{"read", "fnn", "012", "read FID OFF LEN", REC_READ},
	{"write", "fnn", "012", "write FID OFF LEN", REC_WRITE},
	{"fsync", "f", "0", "fsync FID", REC_FSYNC},
	{"fadvise", "fnnv", "0123", "fadvise FID OFF LEN ADVICE", REC_FADVISE},
	{"drop_caches", "n", "0", "drop_caches 1|2|3", REC_DROP_CACHES},
	{"sleep", "s", "0", "sleep MS", REC_SLEEP},
};

/* Bits of a node mask that mbind and set_mempolicy are told: as many as the argument word has. */
#define MAXNODE 64

static bool protection(struct text_word w, uint64_t *v)
{
	static const char letters[] = "rwx";

	*v = 0;
	for (size_t i = 0; i < w.n; i++) {
		if (i >= 3 || (w.p[i] != letters[i] && w.p[i] != '-'))
			return false;
		if (w.p[i] != '-')
			*v |= (uint64_t)1 << i; /* PROT_READ, PROT_WRITE, PROT_EXEC are 1, 2, 4 */
	}
	return w.n == 3;
}

/* "private,anon,populate" */
static bool mapping_flags(struct text_word w, uint64_t *v)
{
	static const struct kernel_name names[] = {
		{"private", MAP_PRIVATE},
		{"shared", MAP_SHARED},
		{"anon", MAP_ANONYMOUS},
		{"populate", MAP_POPULATE},
		{"file", 0},
		{NULL, 0},
	};
	const char *p = w.p, *end = w.p + w.n;

	*v = MAP_FIXED;
	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end;
		uint64_t flag;

		if (!kernel_name_find(names, p, (size_t)(stop - p), &flag))
			return false;
		*v |= flag;
		p = comma ? comma + 1 : end;
	}
	return (*v & MAP_PRIVATE) != (*v & MAP_SHARED);
}

static bool argument(char kind, struct text_word w, uint64_t *v)
{
	switch (kind) {
	case 'p':
		return protection(w, v);
	case 'm':
		return mapping_flags(w, v);
	case 'a':
		return kernel_name_find(madvise_names, w.p, w.n, v);
	case 'v':
		return kernel_name_find(fadvise_names, w.p, w.n, v);
	case 'o':
		return kernel_name_find(mpol_names, w.p, w.n, v);
	case 'M':
		*v = text_word_is(w, "move") ? KERNEL_MPOL_MF_MOVE : 0;
		return *v || text_word_is(w, "-");
	case 'c':
		if (!text_word_number(w, v) || *v > 63)
			return false;
		*v = UINT64_C(1) << *v;
		return true;
	case 's':
		if (!text_word_number(w, v) || *v > UINT64_MAX / 1000000)
			return false;
		*v *= 1000000;
		return true;
	default: /* n, h, i, f, x; FID_NONE is -1 in two's complement */
		return text_word_number(w, v);
	}
}

/* What the row's arguments do not say: who forks whom, results, mask widths. */
static bool complete(struct control *c, const struct call_row *row)
{
	switch (c->op) {
	case REC_FORK:
		if (row->kinds[0] == '\0') { /* spawn: the player forks this process */
			c->arg[0] = c->pid;
			c->pid = c->tid = 0;
		}
		if (c->arg[0] == 0 || c->arg[0] > UINT32_MAX)
			return false;
		c->arg[1] = c->arg[0];
		c->result = (int64_t)c->arg[0];
		break;
	case REC_MMAP:
		c->result = (int64_t)c->arg[0];
		/* MAP_ANONYMOUS and a file exclude each other. */
		return (c->arg[4] == FID_NONE) == !!(c->arg[3] & MAP_ANONYMOUS);
	case REC_MREMAP:
		c->arg[3] = MREMAP_MAYMOVE | MREMAP_FIXED;
		c->result = (int64_t)c->arg[4];
		break;
	case REC_MBIND:
		c->arg[4] = MAXNODE;
		break;
	case REC_SET_MEMPOLICY:
		c->arg[2] = MAXNODE;
		break;
	case REC_READ:
	case REC_WRITE:
		c->result = (int64_t)c->arg[2];
		break;
	default:
		break;
	}
	return true;
}

const char *memtrace_call(struct control *c, const struct text_word *w, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct call_row *row = &rows[i];

		if (!text_word_is(w[0], row->name))
			continue;
		c->op = row->op;
		if (n != 1 + strlen(row->kinds))
			return row->expected;
		for (size_t a = 0; row->kinds[a]; a++)
			if (!argument(row->kinds[a], w[1 + a], &c->arg[row->to[a] - '0']))
				return row->expected;
		return complete(c, row) ? NULL : row->expected;
	}
	return "a known system call";
}

/* ---- the other way ---- */

static bool mapping_flags_text(uint64_t v, char *text, size_t size)
{
	const uint64_t known = MAP_PRIVATE | MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE | MAP_FIXED;

	snprintf(text, size, "%s,%s%s", v & MAP_PRIVATE ? "private" : "shared",
		 v & MAP_ANONYMOUS ? "anon" : "file", v & MAP_POPULATE ? ",populate" : "");
	return !(v & ~known) && (v & MAP_FIXED) && (v & MAP_PRIVATE) != (v & MAP_SHARED);
}

static bool name_text(const struct kernel_name *table, uint64_t v, char *text, size_t size)
{
	const char *name = kernel_name_of(table, v);

	snprintf(text, size, "%s", name ? name : "");
	return name != NULL;
}

static bool argument_text(char kind, uint64_t v, char *text, size_t size)
{
	switch (kind) {
	case 'p':
		snprintf(text, size, "%c%c%c", v & 1 ? 'r' : '-', v & 2 ? 'w' : '-', v & 4 ? 'x' : '-');
		return v < 8;
	case 'm':
		return mapping_flags_text(v, text, size);
	case 'a':
		return name_text(madvise_names, v, text, size);
	case 'v':
		return name_text(fadvise_names, v, text, size);
	case 'o':
		return name_text(mpol_names, v, text, size);
	case 'M':
		snprintf(text, size, "%s", v ? "move" : "-");
		return v == 0 || v == KERNEL_MPOL_MF_MOVE;
	case 'c':
		snprintf(text, size, "%d", v ? __builtin_ctzll(v) : 0);
		return v && !(v & (v - 1));
	case 's':
		snprintf(text, size, "%" PRIu64, v / 1000000);
		return v % 1000000 == 0;
	case 'h':
	case 'x':
		snprintf(text, size, "%#" PRIx64, v);
		if (!v)
			snprintf(text, size, "0x0");
		return true;
	case 'i':
	case 'f':
		snprintf(text, size, "%" PRId64, (int64_t)v);
		return true;
	default:
		snprintf(text, size, "%" PRIu64, v);
		return true;
	}
}

/* Whether reading the call's text gives these arguments and this result again. */
static bool is_complete(const struct control *c, const struct call_row *row)
{
	struct control again = {.op = c->op, .pid = c->pid, .tid = c->tid};

	for (size_t a = 0; row->kinds[a]; a++)
		again.arg[row->to[a] - '0'] = c->arg[row->to[a] - '0'];
	if (row->op == REC_FORK && !row->kinds[0])
		again.pid = (uint32_t)c->arg[0];
	return complete(&again, row) && !memcmp(again.arg, c->arg, sizeof c->arg) &&
	       again.result == c->result;
}

bool memtrace_call_text(const struct control *c, char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct call_row *row = &rows[i];
		size_t n = (size_t)snprintf(text, MEMTRACE_CALL_MAX, "%s", row->name);
		bool good = row->op == c->op && (c->op != REC_FORK || (c->pid == 0) == !row->kinds[0]);

		if (!good)
			continue;
		for (size_t a = 0; row->kinds[a] && good; a++) {
			text[n++] = ' ';
			good = argument_text(row->kinds[a], c->arg[row->to[a] - '0'], text + n,
					     MEMTRACE_CALL_MAX - n);
			n += strlen(text + n);
		}
		return good && is_complete(c, row);
	}
	return false;
}
