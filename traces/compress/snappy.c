/*
 * snappy.c - the framing format of Snappy (framing_format.txt of the library, 2013-10-25): .sz.
 *
 * A chunk is a type, three bytes of length and a body. Data chunks hold a masked CRC-32C of at most 64 KiB of
 * content and the content, compressed or not; the checksum is checked. A stream identifier may stand anywhere
 * behind the first, as `cat a.sz b.sz` makes it.
 *
 * Not modelled: raw Snappy without frames, which has no magic.
 */
#include "traces/compress/compression.h"

#include <snappy-c.h>
#include <string.h>

#include "sim/mem.h"

#define CONTENT_MAX ((size_t)64 << 10) /* of a chunk */
#define BODY_MAX    ((size_t)80 << 10) /* 4 bytes of checksum and what 64 KiB can be packed to at most */

enum chunk { CHUNK_PACKED = 0, CHUNK_PLAIN = 1, CHUNK_SKIPPABLE = 0x80, CHUNK_IDENTIFIER = 0xff };

struct snappy {
	uint32_t crc[256];
	uint64_t skip;   /* bytes left of a chunk that is skipped */
	size_t pos, len; /* content not given out yet */
	uint8_t content[CONTENT_MAX];
};

static const uint8_t identifier[10] = {0xff, 6, 0, 0, 's', 'N', 'a', 'P', 'p', 'Y'};

static bool snappy_probe(const uint8_t *p, size_t n)
{
	return n >= sizeof identifier && !memcmp(p, identifier, sizeof identifier);
}

/* CRC-32C: Castagnoli's polynomial, reflected. */
static void *snappy_unpack_open(void)
{
	struct snappy *s = mem_alloc_late(1, sizeof *s);

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
		s->crc[i] = c;
	}
	return s;
}

static uint32_t masked_crc(const struct snappy *s)
{
	uint32_t c = ~0u;

	for (size_t i = 0; i < s->len; i++)
		c = c >> 8 ^ s->crc[(c ^ s->content[i]) & 0xff];
	c = ~c;
	return (c >> 15 | c << 17) + 0xa282ead8u;
}

/* A whole data chunk: its content into s. */
static enum unpack_result unpack_chunk(struct snappy *s, struct code_io *io, size_t body)
{
	const uint8_t *p = io->in + 4;
	uint32_t sum = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	size_t n = CONTENT_MAX;

	if (io->in[0] == CHUNK_PLAIN) {
		n = body - 4;
		memcpy(s->content, p + 4, n);
	} else if (snappy_uncompressed_length((const char *)p + 4, body - 4, &n) != SNAPPY_OK ||
		   n > CONTENT_MAX ||
		   snappy_uncompress((const char *)p + 4, body - 4, (char *)s->content, &n) != SNAPPY_OK) {
		io->why = "corrupt chunk";
		return UNPACK_DAMAGED;
	}
	s->pos = 0;
	s->len = n;
	if (masked_crc(s) != sum) {
		io->why = "wrong checksum of a chunk";
		return UNPACK_DAMAGED;
	}
	io->in += 4 + body;
	io->in_len -= 4 + body;
	return UNPACK_END;
}

/* The chunk that begins at io->in: decoded, noted to be skipped, or left until it is there as a whole. */
static enum unpack_result next_chunk(struct snappy *s, struct code_io *io)
{
	size_t body;
	uint8_t type;

	if (io->in_len < 4)
		return UNPACK_MORE;
	type = io->in[0];
	body = (size_t)io->in[1] | (size_t)io->in[2] << 8 | (size_t)io->in[3] << 16;
	if (type == CHUNK_PACKED || type == CHUNK_PLAIN) {
		if (body < 4 || body > (type == CHUNK_PLAIN ? CONTENT_MAX + 4 : BODY_MAX)) {
			io->why = "impossible length of a chunk";
			return UNPACK_DAMAGED;
		}
		return io->in_len < 4 + body ? UNPACK_MORE : unpack_chunk(s, io, body);
	}
	if (type == CHUNK_IDENTIFIER && io->in_len < sizeof identifier)
		return UNPACK_MORE;
	if (type < CHUNK_SKIPPABLE ||
	    (type == CHUNK_IDENTIFIER && memcmp(io->in, identifier, sizeof identifier) != 0)) {
		io->why = "unknown kind of chunk";
		return UNPACK_DAMAGED;
	}
	s->skip = body;
	io->in += 4;
	io->in_len -= 4;
	return UNPACK_END;
}

static enum unpack_result snappy_unpack(void *state, struct code_io *io)
{
	enum unpack_result r = UNPACK_END;
	struct snappy *s = state;

	while (r == UNPACK_END && io->out_len) {
		size_t n = MIN_OF(s->len - s->pos, io->out_len);
		size_t skipped = (size_t)MIN_OF(s->skip, (uint64_t)io->in_len);

		memcpy(io->out, s->content + s->pos, n);
		s->pos += n;
		io->out += n;
		io->out_len -= n;
		s->skip -= skipped;
		io->in += skipped;
		io->in_len -= skipped;
		if (s->pos < s->len || s->skip)
			return UNPACK_MORE;
		if (!io->in_len)
			return UNPACK_END;
		r = next_chunk(s, io);
	}
	return r == UNPACK_END && (s->pos < s->len || s->skip) ? UNPACK_MORE : r;
}

static void snappy_unpack_close(void *state)
{
	mem_free(state);
}

const struct compression_ops snappy_compression = {
	.name = "snappy",
	.frame = "chunk",
	.suffix = ".sz",
	.probe = snappy_probe,
	.unpack_open = snappy_unpack_open,
	.unpack = snappy_unpack,
	.unpack_close = snappy_unpack_close,
};
