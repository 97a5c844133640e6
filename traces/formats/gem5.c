/*
 * gem5.c - packet traces of gem5's memory probes and traffic generators (src/proto/packet.proto,
 * src/proto/protoio.cc), usually compressed with gzip.
 *
 * The file is the magic "gem5" and then messages of Protocol Buffers, each behind its length as a varint. The
 * first is the header {1 obj_id, 2 ver, 3 tick_freq, 4 id_strings}, the others are packets {1 tick, 2 cmd, 3
 * addr, 4 size, 5 flags, 6 pkt_id, 7 pc}. Commands are numbered by gem5's MemCmd: 1 ReadReq is a load (with
 * the flag INST_FETCH, 0x100, a fetch), 4 WriteReq a store. All other commands (responses, writebacks,
 * prefetches, upgrades) are no accesses of a program and skipped; their numbers changed over the years, these
 * two did not. Unknown fields are skipped as the encoding demands.
 *
 * All accesses are of pid 1, tid 1, one instruction each. Packets carry physical addresses, which are
 * replayed as if they were virtual; the provenance says so.
 *
 * Not modelled: ticks, since accesses carry no times; pc, which is no fetch; who asked.
 */
#include "traces/formats/formats.h"

#include <string.h>

#include "traces/formats/textfile.h"

#define MESSAGE_MAX ((uint64_t)32 << 10) /* id_strings make a header large, but not so large */
#define CMD_READ    1
#define CMD_WRITE   4
#define FLAG_FETCH  0x100
#define GEM5_MAGIC  "gem5"
#define MAGIC_BYTES 4
#define VARINT_MAX  10
#define NR_FIELDS   8 /* of a packet, from 1 */

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* A varint of up to 64 bits at *p; false: not whole, or too long. */
static bool varint(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
	*v = 0;
	for (unsigned i = 0; i < VARINT_MAX && *p < end; i++) {
		uint8_t b = *(*p)++;

		*v |= (uint64_t)(b & 0x7f) << 7 * i;
		if (!(b & 0x80))
			return i < VARINT_MAX - 1 || b <= 1;
	}
	return false;
}

/* One field: its number, and its value if it is a varint. false: no field. */
static bool field(const uint8_t **p, const uint8_t *end, uint64_t *number, enum wire *wire, uint64_t *v)
{
	uint64_t skip = 0;

	if (!varint(p, end, number))
		return false;
	*wire = (enum wire)(*number & 7);
	*number >>= 3;
	switch (*wire) {
	case WIRE_VARINT:
		return varint(p, end, v);
	case WIRE_64:
		skip = 8;
		break;
	case WIRE_32:
		skip = 4;
		break;
	case WIRE_BYTES:
		if (!varint(p, end, &skip))
			return false;
		break;
	default:
		return false;
	}
	if (skip > (uint64_t)(end - *p))
		return false;
	*p += skip;
	*v = skip;
	return true;
}

/* The varint fields of a message by number; those that are missing stay 0, bit n of the result: n is there.
 */
static bool message(const uint8_t *p, const uint8_t *end, uint64_t v[NR_FIELDS], unsigned *present)
{
	*present = 0;
	memset(v, 0, NR_FIELDS * sizeof *v);
	while (p < end) {
		uint64_t number, value;
		enum wire wire;

		if (!field(&p, end, &number, &wire, &value) || number == 0)
			return false;
		if (number < NR_FIELDS) {
			v[number] = value;
			*present |= (wire == WIRE_VARINT ? 1u : 1u << 16) << number;
		}
	}
	return true;
}

/* obj_id (bytes) and tick_freq (varint) are required. */
static bool is_header(const uint8_t *p, const uint8_t *end)
{
	uint64_t v[NR_FIELDS];
	unsigned present;

	return message(p, end, v, &present) && (present & 1u << 17) && (present & 1u << 3);
}

/* The length of the record at p: the magic, then messages with their lengths. */
static size_t gem5_cut(const struct textfile *t, const char *p, size_t n)
{
	const uint8_t *q = (const uint8_t *)p, *end = q + n;
	uint64_t len;

	if (t->line_no == 0)
		return n < MAGIC_BYTES ? 0 : MAGIC_BYTES;
	if (!varint(&q, end, &len))
		return n < VARINT_MAX ? 0 : TEXT_CUT_BAD;
	if (len > MESSAGE_MAX)
		return TEXT_CUT_BAD;
	len += (uint64_t)(q - (const uint8_t *)p);
	return len > n ? 0 : (size_t)len;
}

static int packet(struct textfile *t, const char *p, const char *end, const uint8_t *q, struct err *e)
{
	uint64_t v[NR_FIELDS];
	enum access_kind kind;
	unsigned present;

	if (!message(q, (const uint8_t *)end, v, &present) || (present & 0x1e) != 0x1e)
		return textfile_bad(t, p, end, "a packet with tick, cmd, addr and size", e);
	if (v[2] != CMD_READ && v[2] != CMD_WRITE)
		return 0;
	kind = v[2] == CMD_WRITE ? ACCESS_STORE : v[5] & FLAG_FETCH ? ACCESS_FETCH : ACCESS_LOAD;
	if (v[3] > UINT64_MAX - v[4] || !textfile_access_large(t, 1, 1, v[3], kind, v[4], 1))
		return textfile_bad(t, p, end, "a size of 1 to 500000 bytes below 2^64", e);
	return 0;
}

static int gem5_record(struct textfile *t, const char *p, const char *end, struct err *e)
{
	const uint8_t *q = (const uint8_t *)p;
	uint64_t len;

	if (t->line_no == 1)
		return memcmp(p, GEM5_MAGIC, MAGIC_BYTES) ? textfile_bad(t, p, end, "the magic \"gem5\"", e)
							  : 0;
	varint(&q, (const uint8_t *)end, &len);
	if (t->line_no > 2)
		return packet(t, p, end, q, e);
	return is_header(q, (const uint8_t *)end)
		       ? 0
		       : textfile_bad(t, p, end, "a header with obj_id and tick_freq", e);
}

static int gem5_start(struct textfile *t, struct err *e)
{
	(void)e;
	t->provenance.recorder = "gem5";
	t->provenance.no_threads = true;
	t->provenance.no_times = true;
	t->provenance.physical = true;
	return 0;
}

static int gem5_probe(const uint8_t *head, size_t n)
{
	const uint8_t *q = head + MAGIC_BYTES, *end = head + n;
	uint64_t len;

	if (n < MAGIC_BYTES || memcmp(head, GEM5_MAGIC, MAGIC_BYTES) || !varint(&q, end, &len))
		return 0;
	if (len > (uint64_t)(end - q))
		return len <= MESSAGE_MAX ? 90 : 0;
	return is_header(q, q + len) ? 100 : 0;
}

static const struct text_format gem5_format = {
	.cut = gem5_cut,
	.start = gem5_start,
	.line = gem5_record,
};

const struct importer_ops gem5_importer = {
	.name = "gem5",
	.sentence = "packet traces of gem5: protobuf messages, physical addresses",
	.probe = gem5_probe,
	TEXTFILE_HOOKS(&gem5_format),
};
