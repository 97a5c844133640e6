/*
 * perf.c - memory samples of Linux perf as text: what `perf mem` and `perf script` print.
 *
 *   perfmem     `perf mem report -D` (tools/perf/builtin-mem.c, report_raw_events and dump_raw_samples): a
 * line
 *               "# PID, TID, IP, ADDR, [PHYS ADDR, ][DATA PAGE SIZE, ]LOCAL WEIGHT, DSRC, SYMBOL" names the
 * columns, then a sample a line; with -x SEP the columns have that one character between them perfscript
 * `perf script -F tid,time,cpu,addr,ip` (builtin-script.c, perf_sample__fprintf_start and process_event):
 * "TID [CPU] SECONDS.FRACTION: ADDR IP"; with pid,tid "PID/TID"; a command in front, an event's name ("…:")
 * in front of the address and what follows the ip may be there too
 *
 * perf prints the ADDR of perfmem with the format "0x016%lx" where 0x%016lx was meant, so in the layout with
 * padding every address has "016" in front; it is taken off again where the ip is padded to 16 digits.
 *
 * These are samples, not all accesses: the provenance says so, and a replay gives shares, no totals. Threads
 * are kept; without a pid (perfscript -F tid) all are of process 1. A sample is one instruction and one byte.
 * perfmem: DSRC says load, store or instruction (PERF_MEM_OP_*). perfscript: an event's name with "store" in
 * it makes a store, any other a load, which the notes of the provenance say.
 *
 * Options:
 *   kernel=skip|keep              samples at kernel addresses (the upper half)
 *   fetches=none|ip               ip: a fetch of one byte at the sample's ip in front of it
 *   addresses=virtual|physical    perfmem: which column
 *
 * Not modelled: times, CPUs, latencies and what served the access; samples without an address (0) are
 * skipped; call chains (use `perf script -G`).
 */
#include "traces/formats/formats.h"

#include <string.h>

#include "traces/formats/columns.h"
#include "traces/formats/textfile.h"

enum perf_option { OPT_KERNEL, OPT_FETCHES, OPT_ADDRESSES };

/* include/uapi/linux/perf_event.h, union perf_mem_data_src: mem_op is the lowest five bits. */
enum { MEM_OP_STORE = 4, MEM_OP_EXEC = 16 };

enum mem_column {
	MEM_PID,
	MEM_TID,
	MEM_IP,
	MEM_ADDR,
	MEM_PHYS,
	MEM_PAGE,
	MEM_WEIGHT,
	MEM_DSRC,
	MEM_SYMBOL,
	MEM_NR
};
static const char *const mem_names[] = {
	"PID", "TID", "IP", "ADDR", "PHYS ADDR", "DATA PAGE SIZE", "LOCAL WEIGHT", "DSRC", "SYMBOL"};

#define PADDING_BUG "0x016"

struct perf {
	bool has_header;
	unsigned n; /* columns of the header */
	uint8_t column[MEM_NR + 1];
	bool has[MEM_NR];
};

struct sample {
	uint64_t pid, tid, ip, addr;
	enum access_kind kind;
};

static void put_sample(struct textfile *t, const struct sample *s)
{
	uint32_t pid = (uint32_t)s->pid, tid = (uint32_t)s->tid;
	bool keep = t->option[OPT_KERNEL] == 1;

	if (s->addr == 0 || (!keep && s->addr >> 63))
		return;
	if (t->option[OPT_FETCHES] == 1 && s->kind != ACCESS_FETCH && (keep || !(s->ip >> 63))) {
		textfile_access(t, pid, tid, s->ip, ACCESS_FETCH, 1, 1);
		textfile_access(t, pid, tid, s->addr, s->kind, 1, 0);
	} else {
		textfile_access(t, pid, tid, s->addr, s->kind, 1, 1);
	}
}

static void perf_provenance(struct textfile *t, const char *recorder)
{
	t->provenance.recorder = recorder;
	t->provenance.sampled = true;
	t->provenance.no_sizes = true;
	t->provenance.no_times = true;
	t->provenance.no_fetches = t->option[OPT_FETCHES] == 0;
}

/* ---- perf mem report -D ---- */

static bool is_header(const char *p, const char *end)
{
	static const char head[] = "# PID, TID, ";

	return end - p > (int)sizeof head && !memcmp(p, head, sizeof head - 1);
}

/* "# NAME, NAME, …" */
static bool take_header(struct perf *x, const char *p, const char *end)
{
	*x = (struct perf){.has_header = true};
	for (p += 2; p < end && x->n < MEM_NR; x->n++) {
		const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end;
		unsigned c = 0;

		while (c < MEM_NR && (strlen(mem_names[c]) != (size_t)(stop - p) ||
				      memcmp(mem_names[c], p, (size_t)(stop - p)) != 0))
			c++;
		if (c == MEM_NR || x->has[c])
			return false;
		x->column[x->n] = (uint8_t)c;
		x->has[c] = true;
		p = comma ? comma + 1 : end;
		while (p < end && *p == ' ')
			p++;
	}
	return p == end && x->has[MEM_ADDR] && x->has[MEM_DSRC];
}

static bool mem_field(unsigned column, const char *p, const char *end, bool padded, uint64_t v[MEM_NR])
{
	if (column == MEM_PAGE || column == MEM_SYMBOL)
		return true;
	if (column == MEM_ADDR && padded && end - p > 5 && !memcmp(p, PADDING_BUG, 5))
		return text_hex(p + 5, end, &v[column]) == end;
	return text_number(p, end, &v[column]) == end;
}

/* The end of the field at p, if it is a number as perf prints them, which is then v[column]; else NULL. */
static inline const char *quick_field(unsigned column, const char *p, const char *end, char sep, bool padded,
				      uint64_t v[MEM_NR])
{
	const char *s;

	if (column == MEM_PAGE || column == MEM_SYMBOL)
		return NULL;
	if (column == MEM_ADDR && padded && !memcmp(p, PADDING_BUG, 5))
		s = text_hex_fast(p + 5, &v[column]);
	else
		s = p[0] == '0' && p[1] == 'x' ? text_hex_fast(p + 2, &v[column])
					       : text_dec_fast(p, &v[column]);
	return s && (*s == sep || s == end) && s <= end ? s : NULL;
}

/* One sample by the header's columns; the symbol is the rest of the line. */
static bool mem_sample(const struct perf *x, const char *p, const char *end, uint64_t v[MEM_NR])
{
	bool padded = false;
	const char *s;
	char sep;

	while (p < end && *p == ' ')
		p++;
	for (s = p; s < end && *s >= '0' && *s <= '9';)
		s++;
	sep = s < end ? *s : ' ';
	for (unsigned i = 0; i < x->n; i++) {
		const char *stop;

		while (sep == ' ' && p < end && *p == ' ')
			p++;
		if (x->column[i] == MEM_SYMBOL)
			return true;
		stop = quick_field(x->column[i], p, end, sep, padded, v);
		if (!stop) {
			stop = memchr(p, sep, (size_t)(end - p));
			stop = stop ? stop : end;
			if (p == stop || !mem_field(x->column[i], p, stop, padded, v))
				return false;
		}
		padded = padded || (x->column[i] == MEM_IP && sep == ' ' && stop - p == 18);
		p = stop + (stop < end);
	}
	return p == end;
}

static int perfmem_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	uint64_t v[MEM_NR] = {[MEM_PID] = 1, [MEM_TID] = 1};
	struct perf *x = t->state;
	unsigned which = t->option[OPT_ADDRESSES] == 1 ? MEM_PHYS : MEM_ADDR;
	struct sample s;

	if (is_header(p, end) && !take_header(x, p, end))
		return textfile_bad(
			t, p, end, "the names of columns of perf mem report -D, ADDR and DSRC among them", e);
	if (columns_skip(p, end))
		return 0;
	if (!x->has_header || !x->has[which])
		return textfile_bad(t, p, end,
				    which == MEM_PHYS ? "a header with PHYS ADDR (perf mem -p record)"
						      : "\"# PID, TID, IP, ADDR, …\" in front of the samples",
				    e);
	if (!mem_sample(x, p, end, v) || v[MEM_PID] > UINT32_MAX || v[MEM_TID] > UINT32_MAX)
		return textfile_bad(t, p, end, "a sample with the columns of the header", e);
	s = (struct sample){v[MEM_PID], v[MEM_TID], v[MEM_IP], v[which], ACCESS_LOAD};
	if (v[MEM_DSRC] & MEM_OP_STORE)
		s.kind = ACCESS_STORE;
	else if (v[MEM_DSRC] & MEM_OP_EXEC)
		s.kind = ACCESS_FETCH;
	put_sample(t, &s);
	return 0;
}

static int perfmem_start(struct textfile *t, struct err *e)
{
	(void)e;
	perf_provenance(t, "perf mem");
	t->provenance.physical = t->option[OPT_ADDRESSES] == 1;
	return 0;
}

static int perfmem_probe(const uint8_t *head, size_t n)
{
	const char *p = (const char *)head, *stop = p + n;

	while (p < stop) {
		const char *nl = memchr(p, '\n', (size_t)(stop - p)), *end = nl ? nl : stop;
		struct perf x;

		if (is_header(p, end - (end > p && end[-1] == '\r')))
			return take_header(&x, p, end - (end[-1] == '\r')) ? 95 : 0;
		if (!columns_skip(p, end))
			return 0;
		p = nl ? nl + 1 : stop;
	}
	return 0;
}

/* ---- perf script ---- */

/* "SECONDS.FRACTION:" */
static bool is_time(struct text_word w)
{
	const char *end = w.p + w.n, *p;
	uint64_t v;

	p = text_dec(w.p, end, &v);
	p = p && p < end && *p == '.' ? text_dec(p + 1, end, &v) : NULL;
	return p && p + 1 == end && *p == ':';
}

/* "[CPU]" */
static bool is_cpu(struct text_word w)
{
	uint64_t v;

	return w.n > 2 && w.p[0] == '[' && text_dec(w.p + 1, w.p + w.n, &v) == w.p + w.n - 1 &&
	       w.p[w.n - 1] == ']';
}

/* "TID" or "PID/TID" */
static bool take_tid(struct text_word w, struct sample *s)
{
	const char *end = w.p + w.n, *p = text_dec(w.p, end, &s->tid);

	if (p && p < end && *p == '/') {
		s->pid = s->tid;
		p = text_dec(p + 1, end, &s->tid);
	}
	return p == end && s->pid <= UINT32_MAX && s->tid <= UINT32_MAX;
}

#define SCRIPT_WORDS 16

static bool script_sample(const char *p, const char *end, struct sample *s)
{
	struct text_word w[SCRIPT_WORDS];
	size_t n = MIN_OF(text_words(p, end, w, SCRIPT_WORDS), (size_t)SCRIPT_WORDS), at = 0, tid;

	*s = (struct sample){.pid = 1, .kind = ACCESS_LOAD};
	while (at < n && !is_time(w[at]) && !is_cpu(w[at]))
		at++;
	if (at == 0 || at == n)
		return false;
	tid = at - 1;
	at += is_cpu(w[at]);
	at += at < n && is_time(w[at]);
	if (!take_tid(w[tid], s))
		return false;
	for (size_t i = at; i < n; i++)
		if (w[i].p[w[i].n - 1] == ':') {
			s->kind = memmem(w[i].p, w[i].n, "store", 5) ? ACCESS_STORE : ACCESS_LOAD;
			at = i + 1;
			break;
		}
	if (at == n || text_hex(w[at].p, w[at].p + w[at].n, &s->addr) != w[at].p + w[at].n)
		return false;
	at++;
	return at == n || text_hex(w[at].p, w[at].p + w[at].n, &s->ip) == w[at].p + w[at].n;
}

static inline const char *blanks(const char *p)
{
	while (*p == ' ')
		p++;
	return p;
}

/* The same for "TID [CPU] SECONDS.FRACTION: ADDR IP" and nothing else. */
static bool quick_sample(const char *p, const char *end, struct sample *s)
{
	uint64_t unused;

	*s = (struct sample){.pid = 1, .kind = ACCESS_LOAD};
	p = text_dec_fast(blanks(p), &s->tid);
	if (!p || *p != ' ' || s->tid > UINT32_MAX)
		return false;
	p = blanks(p);
	if (*p == '[') {
		p = text_dec_fast(p + 1, &unused);
		if (!p || p[0] != ']' || p[1] != ' ')
			return false;
		p = blanks(p + 1);
	}
	p = text_dec_fast(p, &unused);
	p = p && *p == '.' ? text_dec_fast(p + 1, &unused) : NULL;
	if (!p || p[0] != ':' || p[1] != ' ')
		return false;
	p = text_hex_fast(blanks(p + 1), &s->addr);
	p = p && *p == ' ' ? text_hex_fast(blanks(p), &s->ip) : NULL;
	return p == end;
}

static int perfscript_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct sample s;

	if (quick_sample(p, end, &s)) {
		put_sample(t, &s);
		return 0;
	}
	if (columns_skip(p, end))
		return 0;
	if (!script_sample(p, end, &s))
		return textfile_bad(
			t, p, end,
			"\"TID [CPU] SECONDS.FRACTION: ADDR IP\" (perf script -F tid,time,cpu,addr,ip)", e);
	put_sample(t, &s);
	return 0;
}

static int perfscript_start(struct textfile *t, struct err *e)
{
	if (t->option[OPT_ADDRESSES] == 1)
		return err_set(e, ERR_USAGE, "addresses=physical: perf script has no such column here");
	perf_provenance(t, "perf script");
	t->provenance.notes = "samples are loads unless their event's name has \"store\" in it";
	return 0;
}

static int script_probe_line(const void *ctx, const char *p, const char *end)
{
	struct sample s;

	(void)ctx;
	return columns_skip(p, end) ? 0 : script_sample(p, end, &s) ? 1 : -1;
}

static int perfscript_probe(const uint8_t *head, size_t n)
{
	return text_probe_share(head, n, script_probe_line, NULL) * 85 / 100;
}

/* ---- rows ---- */

#define PERF(name_, sentence_)                                  \
	static const struct text_format name_##_format = {      \
		.options = {{"kernel", "skip keep"},            \
			    {"fetches", "none ip"},             \
			    {"addresses", "virtual physical"}}, \
		.state_bytes = sizeof(struct perf),             \
		.start = name_##_start,                         \
		.line = name_##_line,                           \
	};                                                      \
	const struct importer_ops name_##_importer = {          \
		.name = #name_,                                 \
		.sentence = sentence_,                          \
		.probe = name_##_probe,                         \
		TEXTFILE_HOOKS(&name_##_format),                \
	};

PERF(perfmem, "samples of Linux perf: perf mem report -D")
PERF(perfscript, "samples of Linux perf: perf script -F tid,time,cpu,addr,ip")
