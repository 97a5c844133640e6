/*
 * oneline.c - the traces of memory simulators that hold one access a line, a row of the table each.
 *
 *   rw          "r|w HEXADDR"               what many course and tool authors print; also "R 0x…"
 *   dramsim3    "0xADDR READ|WRITE CYCLE"   DRAMsim3 src/common.cc, operator>> of Transaction: the address is
 *                                           hex, the words WRITE, P_MEM_WR and BOFF write; DRAMSim2's k6 and
 *                                           mase traces have the same columns (P_MEM_RD, P_FETCH, IFETCH)
 *   ramulator   "0xADDR R|W"                Ramulator 1, src/Processor.cpp: memory trace
 *   ramulator2  "LD|ST ADDR"                Ramulator 2, loadstore_trace.cpp: hex behind 0x, else decimal
 *   prospero    "CYCLES R|W ADDR LEN"       SST Prospero, prostextreader.cc: all numbers decimal
 *   din         "LABEL ADDR …"              Dinero III and IV, dinfmt.c: hex; 0 read, 1 write, 2 fetch, 3
 * misc, 4 copy back, 5 invalidate; 4 bytes at the address masked by ~3; what follows on the line is a remark
 *   xdin        "r|w|i|m|c|v ADDR SIZE …"   Dinero IV, xdinfmt.c: hex, the same with a size
 *
 * Blank lines and lines that begin with # are skipped. All accesses are of pid 1, tid 1, and one instruction
 * each (with fetches in the trace: one a fetch, none for data). A request of the DRAM simulators is one cache
 * line: 64 bytes. Dinero's misc counts as a read, which is what Dinero makes of it.
 *
 * Not modelled: Dinero's copy back and invalidate, which are orders to a cache and no accesses: skipped; the
 * cycles at which requests were made (dramsim3, prospero), since accesses carry no times;
 * the addresses of DRAM traces are physical and are replayed as if they were virtual, which the provenance
 * says; Ramulator's CPU traces ("BUBBLES ADDR [WRITEBACK]"), which have no loads and stores of a program.
 */
#include "traces/formats/formats.h"

#include <string.h>

#include "traces/bytes.h"
#include "traces/formats/columns.h"
#include "traces/formats/textfile.h"

struct oneline {
	struct text_format format; /* first: a textfile knows only this one */
	const struct column *columns;
	unsigned nr_columns;
	const char *recorder, *expected;
	const struct column_word *words;
	uint32_t size;  /* of an access, when the line does not say */
	uint64_t align; /* bits of the address that are not used */
	bool physical;
	int sure; /* of a file whose lines all fit */
};

static const struct column_word rw_words[] = {{"R", ACCESS_LOAD}, {"W", ACCESS_STORE}, {NULL, 0}};
static const struct column_word dram_words[] = {{"READ", ACCESS_LOAD},     {"WRITE", ACCESS_STORE},
						{"P_MEM_RD", ACCESS_LOAD}, {"P_MEM_WR", ACCESS_STORE},
						{"P_FETCH", ACCESS_FETCH}, {"IFETCH", ACCESS_FETCH},
						{"BOFF", ACCESS_STORE},    {NULL, 0}};
static const struct column_word ldst_words[] = {{"LD", ACCESS_LOAD}, {"ST", ACCESS_STORE}, {NULL, 0}};

#define NO_ACCESS 3 /* kind of a word that is no access */
static const struct column_word din_words[] = {{"0", ACCESS_LOAD}, {"1", ACCESS_STORE}, {"2", ACCESS_FETCH},
					       {"3", ACCESS_LOAD}, {"4", NO_ACCESS},    {"5", NO_ACCESS},
					       {NULL, 0}};
static const struct column_word xdin_words[] = {{"R", ACCESS_LOAD}, {"W", ACCESS_STORE}, {"I", ACCESS_FETCH},
						{"M", ACCESS_LOAD}, {"C", NO_ACCESS},    {"V", NO_ACCESS},
						{NULL, 0}};

struct oneline_state {
	struct columns columns;
	bool fetched; /* a fetch was seen: instructions are counted there */
};

static const struct oneline *oneline_of(const struct textfile *t)
{
	return (const struct oneline *)t->format;
}

static int oneline_start(struct textfile *t, struct err *e)
{
	const struct oneline *o = oneline_of(t);
	struct oneline_state *s = t->state;

	(void)e;
	columns_init(&s->columns, o->columns, o->nr_columns, o->words, false);
	t->provenance.recorder = o->recorder;
	t->provenance.no_threads = true;
	t->provenance.no_times = true;
	t->provenance.no_sizes = o->size != 0;
	t->provenance.no_fetches = true;
	for (const struct column_word *w = o->words; w->word; w++)
		if (w->kind == ACCESS_FETCH)
			t->provenance.no_fetches = false;
	t->provenance.physical = o->physical;
	return 0;
}

static int oneline_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	const struct oneline *o = oneline_of(t);
	struct oneline_state *s = t->state;
	uint64_t v[COLUMN_KINDS], addr;
	uint32_t icount;

	v[COLUMN_SIZE] = o->size;
	if (!columns_parse(&s->columns, p, end, v))
		return columns_skip(p, end) ? 0 : textfile_bad(t, p, end, o->expected, e);
	if (v[COLUMN_OP] == NO_ACCESS)
		return 0;
	s->fetched = s->fetched || v[COLUMN_OP] == ACCESS_FETCH;
	icount = v[COLUMN_OP] == ACCESS_FETCH || !s->fetched;
	addr = v[COLUMN_ADDR] & ~o->align;
	if (addr > UINT64_MAX - v[COLUMN_SIZE] ||
	    !textfile_access_large(t, 1, 1, addr, (enum access_kind)v[COLUMN_OP], v[COLUMN_SIZE], icount))
		return textfile_bad(t, p, end, "a size of 1 to 500000 bytes below 2^64", e);
	return 0;
}

/* The same for all lines without surprises, once for each row. */
static inline __attribute__((always_inline)) void oneline_bulk(struct textfile *t, struct text_bulk *b,
							       const struct column *col, unsigned n,
							       uint32_t size, uint64_t align)
{
	struct oneline_state *s = t->state;
	bool fetched = s->fetched;
	const char *end;

	while ((end = text_bulk_line(b))) {
		uint64_t v[COLUMN_KINDS], addr;

		v[COLUMN_SIZE] = size;
		if (!columns_quick(&s->columns, col, n, false, b->p, end, v) || v[COLUMN_OP] == NO_ACCESS)
			break;
		addr = v[COLUMN_ADDR] & ~align;
		if (v[COLUMN_SIZE] - 1 >= META_SIZE_MAX || addr > UINT64_MAX - v[COLUMN_SIZE])
			break;
		fetched |= v[COLUMN_OP] == ACCESS_FETCH;
		text_bulk_put(b, addr, (enum access_kind)v[COLUMN_OP], (uint32_t)v[COLUMN_SIZE],
			      v[COLUMN_OP] == ACCESS_FETCH || !fetched);
		text_bulk_took(b, end);
	}
	s->fetched = fetched;
}

static int probe_line(const void *ctx, const char *p, const char *end)
{
	const struct columns *columns = ctx;
	uint64_t v[COLUMN_KINDS];

	if (columns_skip(p, end))
		return 0;
	return columns_parse(columns, p, end, v) ? 1 : -1;
}

static int probe_with(const struct oneline *o, const uint8_t *head, size_t n)
{
	struct columns columns;

	columns_init(&columns, o->columns, o->nr_columns, o->words, false);
	return text_probe_share(head, n, probe_line, &columns) * o->sure / 100;
}

#define ONELINE(name_, sentence_, columns_, size_, align_, ...)                                 \
	static const struct column name_##_columns[] = {columns_};                              \
	static const struct oneline name_##_oneline;                                            \
	static int name_##_probe(const uint8_t *head, size_t n)                                 \
	{                                                                                       \
		return probe_with(&name_##_oneline, head, n);                                   \
	}                                                                                       \
	static void name_##_bulk(struct textfile *t, struct text_bulk *b)                       \
	{                                                                                       \
		oneline_bulk(t, b, name_##_columns, ARRAY_LEN(name_##_columns), size_, align_); \
	}                                                                                       \
	const struct importer_ops name_##_importer = {                                          \
		.name = #name_,                                                                 \
		.sentence = sentence_,                                                          \
		.probe = name_##_probe,                                                         \
		TEXTFILE_HOOKS(&name_##_oneline.format),                                        \
	};                                                                                      \
	static const struct oneline name_##_oneline = {                                         \
		.format = {.state_bytes = sizeof(struct oneline_state),                         \
			   .start = oneline_start,                                              \
			   .line = oneline_line,                                                \
			   .bulk = name_##_bulk},                                               \
		.columns = name_##_columns,                                                     \
		.nr_columns = ARRAY_LEN(name_##_columns),                                       \
		.size = size_,                                                                  \
		.align = align_,                                                                \
		__VA_ARGS__};

#define LIST(...) __VA_ARGS__ /* columns with the commas between them as one argument */
#define OP        COLUMN_OP_WORD
#define ADDR      COLUMN_NUMBER(ADDR, 16)
#define REST      COLUMN_REST_OF_IT

ONELINE(rw, "an access a line: \"r|w HEXADDRESS\"", LIST(OP, ADDR), 1, 0, .words = rw_words, .sure = 80,
	.recorder = NULL, .expected = "\"r HEXADDRESS\" or \"w HEXADDRESS\"")
ONELINE(dramsim3, "DRAMsim3, DRAMSim2: \"0xADDRESS READ|WRITE CYCLE\"", LIST(ADDR, OP, COLUMN_SKIP_WORD), 64,
	0, .words = dram_words, .physical = true, .sure = 85, .recorder = "dramsim3",
	.expected = "\"HEXADDRESS READ|WRITE CYCLE\"")
ONELINE(ramulator, "Ramulator 1 memory trace: \"0xADDRESS R|W\"", LIST(ADDR, OP), 64, 0, .words = rw_words,
	.physical = true, .sure = 75, .recorder = "ramulator",
	.expected = "\"0xADDRESS R\" or \"0xADDRESS W\"")
ONELINE(ramulator2, "Ramulator 2 load-store trace: \"LD|ST ADDRESS\"", LIST(OP, COLUMN_NUMBER(ADDR, 0)), 64,
	0, .words = ldst_words, .physical = true, .sure = 85, .recorder = "ramulator 2",
	.expected = "\"LD ADDRESS\" or \"ST ADDRESS\", hex behind 0x, else decimal")
ONELINE(prospero, "SST Prospero text: \"CYCLES R|W ADDRESS LENGTH\", decimal",
	LIST(COLUMN_SKIP_WORD, OP, COLUMN_NUMBER(ADDR, 10), COLUMN_NUMBER(SIZE, 10)), 0, 0, .words = rw_words,
	.sure = 85, .recorder = "sst prospero", .expected = "\"CYCLES R|W ADDRESS LENGTH\", all decimal")
ONELINE(din, "Dinero III and IV: \"LABEL HEXADDRESS\"", LIST(OP, ADDR, REST), 4, 3, .words = din_words,
	.sure = 80, .recorder = "din", .expected = "\"LABEL HEXADDRESS\" with a label of 0 to 5")
ONELINE(xdin, "Dinero IV extended: \"r|w|i|m|c|v HEXADDRESS HEXSIZE\"",
	LIST(OP, ADDR, COLUMN_NUMBER(SIZE, 16), REST), 0, 0, .words = xdin_words, .sure = 85,
	.recorder = "xdin", .expected = "\"TYPE HEXADDRESS HEXSIZE\" with a type of r w i m c v")
