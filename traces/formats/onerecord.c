/*
 * onerecord.c - binary traces of one access a record of fixed size, a row of the table each.
 *
 *   dinero8     8 bytes, little endian: u32 address, u16 size, u8 type, u8 padding (Dinero IV, binaryfmt.c);
 *               types as in din: 0 read, 1 write, 2 fetch, 3 misc, 4 copy back, 5 invalidate
 *   prospero21  21 bytes, little endian: u64 cycles, char R or W, u64 address, u32 length (SST Prospero,
 *               prosbinaryreader.cc; its .gz variant is the same bytes compressed)
 *
 * All accesses are of pid 1, tid 1, and one instruction each (with fetches in the trace: one a fetch, none
 * for data). A file that ends within a record is cut off.
 *
 * Not modelled: Dinero's copy back and invalidate, which are orders to a cache: skipped; the cycles of
 * Prospero, since accesses carry no times.
 */
#include "traces/formats/formats.h"

#include "traces/bytes.h"
#include "traces/formats/textfile.h"

struct access {
	uint64_t addr, size, cycles; /* cycles 0 when the format has none */
	enum access_kind kind;
	bool skip; /* no access */
};

struct onerecord {
	struct text_format format; /* first: a textfile knows only this one */
	/* false: no record of this format */
	bool (*take)(const uint8_t *r, struct access *a);
	bool (*probe)(const uint8_t *r); /* what must hold besides; may be NULL */
	const char *recorder, *expected;
	bool fetches;
	int sure;
};

struct onerecord_state {
	bool fetched;
};

static bool dinero8_take(const uint8_t *r, struct access *a)
{
	static const enum access_kind kinds[] = {ACCESS_LOAD, ACCESS_STORE, ACCESS_FETCH, ACCESS_LOAD};
	unsigned type = r[6];

	*a = (struct access){.addr = get_u32(r), .size = get_u16(r + 4), .skip = type > 3};
	a->kind = kinds[type & 3];
	return type < 6;
}

static bool dinero8_probe(const uint8_t *r)
{
	return get_u16(r + 4) != 0 && get_u16(r + 4) <= 4096 && r[7] == 0;
}

static bool prospero21_take(const uint8_t *r, struct access *a)
{
	unsigned type = r[8] | 32u;

	*a = (struct access){.addr = get_u64(r + 9), .size = get_u32(r + 17), .cycles = get_u64(r)};
	a->kind = type == 'w' ? ACCESS_STORE : ACCESS_LOAD;
	return type == 'r' || type == 'w';
}

static bool prospero21_probe(const uint8_t *r)
{
	return get_u32(r + 17) - 1 < 65536;
}

static const struct onerecord *onerecord_of(const struct textfile *t)
{
	return (const struct onerecord *)t->format;
}

static int onerecord_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	const struct onerecord *o = onerecord_of(t);
	struct onerecord_state *s = t->state;
	struct access a;
	bool fetch;

	if (!o->take((const uint8_t *)p, &a))
		return textfile_bad(t, p, end, o->expected, e);
	if (a.skip)
		return 0;
	fetch = a.kind == ACCESS_FETCH;
	s->fetched = s->fetched || fetch;
	if (a.addr > UINT64_MAX - a.size ||
	    !textfile_access_large(t, 1, 1, a.addr, a.kind, a.size, fetch || !s->fetched))
		return textfile_bad(t, p, end, "a size of 1 to 500000 bytes below 2^64", e);
	return 0;
}

static int onerecord_start(struct textfile *t, struct err *e)
{
	const struct onerecord *o = onerecord_of(t);

	(void)e;
	t->provenance.recorder = o->recorder;
	t->provenance.no_threads = true;
	t->provenance.no_times = true;
	t->provenance.no_fetches = !o->fetches;
	return 0;
}

/* All whole records of the head must fit, in the order of their cycles. */
static int probe_with(const struct onerecord *o, const uint8_t *head, size_t n)
{
	size_t bytes = o->format.record_bytes, i;
	uint64_t last = 0;
	struct access a;

	for (i = 0; (i + 1) * bytes <= n; i++) {
		const uint8_t *r = head + i * bytes;

		if (!o->take(r, &a) || !o->probe(r) || a.cycles < last)
			return 0;
		last = a.cycles;
	}
	return i ? o->sure : 0;
}

#define ONERECORD(name_, bytes_, sentence_, ...)                          \
	static const struct onerecord name_##_onerecord;                  \
	static int name_##_probe_head(const uint8_t *head, size_t n)      \
	{                                                                 \
		return probe_with(&name_##_onerecord, head, n);           \
	}                                                                 \
	const struct importer_ops name_##_importer = {                    \
		.name = #name_,                                           \
		.sentence = sentence_,                                    \
		.probe = name_##_probe_head,                              \
		TEXTFILE_HOOKS(&name_##_onerecord.format),                \
	};                                                                \
	static const struct onerecord name_##_onerecord = {               \
		.format = {.state_bytes = sizeof(struct onerecord_state), \
			   .record_bytes = bytes_,                        \
			   .start = onerecord_start,                      \
			   .line = onerecord_line},                       \
		.take = name_##_take,                                     \
		.probe = name_##_probe,                                   \
		__VA_ARGS__};

ONERECORD(dinero8, 8, "Dinero IV binary: records of 8 bytes", .recorder = "dinero binary", .fetches = true,
	  .sure = 70, .expected = "an access type of 0 to 5 in its seventh byte")
ONERECORD(prospero21, 21, "SST Prospero binary: records of 21 bytes", .recorder = "sst prospero", .sure = 90,
	  .expected = "R or W in its ninth byte")
