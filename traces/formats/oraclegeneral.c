/*
 * oraclegeneral.c - cache traces of libCacheSim (traceReader/customizedReader/oracle/oracleGeneralBin.h):
 * records of fixed size, little endian, packed, no header.
 *
 *   oraclegeneral  24 bytes: u32 seconds, u64 object, u32 size, i64 next access
 *   oracleopns     27 bytes: u32 seconds, u64 object, u32 size, u8 operation, u16 namespace, i64 next access
 *
 * The next access to the object is the number of its record, counted from 1 (seen in the library's example
 * trace), or -1 (or 2^63 - 1) when there is none; probing checks it. Operations (include/libCacheSim/enum.h):
 * set … prepend, incr, decr, write and update store, all others load.
 *
 * A record is one access. Option object: with `page` (the default) an object is the page of its number, of
 * which as many bytes are touched as it has, at most 4096; with `address` the number is the address itself.
 * oraclegeneral has one thread (pid 1, tid 1); oracleopns' namespace n is process n + 1.
 *
 * Not modelled: the seconds, since accesses carry no times; sizes above a page; operation 9, delete, which is
 * an order to the cache: skipped.
 */
#include "traces/formats/formats.h"

#include "traces/bytes.h"
#include "traces/formats/textfile.h"

#define NO_NEXT   UINT64_MAX
#define OP_DELETE 9
#define STORE_OPS                                                                                     \
	(1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 10 | 1u << 11 | 1u << 13 | \
	 1u << 14)
#define OP_MAX     14
#define OP_INVALID 255

enum object { OBJECT_PAGE, OBJECT_ADDRESS };

static unsigned op_of(const struct textfile *t, const uint8_t *r)
{
	return t->format->record_bytes == 27 ? r[16] : 0;
}

static int oracle_record(struct textfile *t, const char *p, const char *end, struct err *e)
{
	const uint8_t *r = (const uint8_t *)p;
	uint64_t addr = get_u64(r + 4);
	uint32_t size = MAX_OF(MIN_OF(get_u32(r + 12), META_SIZE_MAX), 1u), pid = 1;
	unsigned op = op_of(t, r);

	if (op > OP_MAX && op != OP_INVALID)
		return textfile_bad(t, p, end, "an operation of 0 to 14, or 255", e);
	if (t->format->record_bytes == 27)
		pid += get_u16(r + 17);
	if (op == OP_DELETE)
		return 0;
	if (t->option[0] == OBJECT_PAGE) {
		if (addr > UINT64_MAX / PAGE_SIZE)
			return textfile_bad(t, p, end,
					    "an object below 2^52, which is a page's number (larger ones: "
					    "--options object=address)",
					    e);
		addr *= PAGE_SIZE;
	}
	textfile_access(t, pid, pid, addr, op <= OP_MAX && STORE_OPS >> op & 1 ? ACCESS_STORE : ACCESS_LOAD,
			size, 1);
	return 0;
}

static int oracle_start(struct textfile *t, struct err *e)
{
	(void)e;
	t->provenance.recorder =
		t->format->record_bytes == 27 ? "libCacheSim oracleGeneralOpNS" : "libCacheSim oracleGeneral";
	t->provenance.no_threads = true;
	t->provenance.no_times = true;
	t->provenance.no_fetches = true;
	return 0;
}

/* Whether record i of nr fits the others: time does not fall, and its next access is of the same object. */
static bool fits(const uint8_t *head, size_t bytes, size_t i, size_t nr, size_t *links)
{
	const uint8_t *r = head + i * bytes;
	uint64_t next = get_u64(r + bytes - 8);

	if (i && get_u32(r) < get_u32(r - bytes))
		return false;
	if (get_u32(r + 12) == 0 || get_u32(r + 12) > UINT32_C(1) << 31)
		return false;
	if (bytes == 27 && r[16] > OP_MAX && r[16] != OP_INVALID)
		return false;
	if (next == NO_NEXT || next == INT64_MAX)
		return true;
	if (next < i + 2 || next >> 48)
		return false;
	if (next > nr)
		return true;
	++*links;
	return get_u64(head + (next - 1) * bytes + 4) == get_u64(r + 4);
}

static int oracle_probe(const uint8_t *head, size_t n, size_t bytes)
{
	size_t nr = n / bytes, links = 0;

	for (size_t i = 0; i < nr; i++)
		if (!fits(head, bytes, i, nr, &links))
			return 0;
	return nr ? (links ? 90 : 60) : 0;
}

#define ORACLE(name_, bytes_, sentence_)                        \
	static int name_##_probe(const uint8_t *head, size_t n) \
	{                                                       \
		return oracle_probe(head, n, bytes_);           \
	}                                                       \
	static const struct text_format name_##_format = {      \
		.options = {{"object", "page address"}},        \
		.record_bytes = bytes_,                         \
		.start = oracle_start,                          \
		.line = oracle_record,                          \
	};                                                      \
	const struct importer_ops name_##_importer = {          \
		.name = #name_,                                 \
		.sentence = sentence_,                          \
		.probe = name_##_probe,                         \
		TEXTFILE_HOOKS(&name_##_format),                \
	};

ORACLE(oraclegeneral, 24, "libCacheSim oracleGeneral: records of 24 bytes, an object a page")
ORACLE(oracleopns, 27, "libCacheSim oracleGeneralOpNS: records of 27 bytes, with operation and namespace")
