/*
 * zlib.c - zlib streams (RFC 1950) one behind another, as DAMON's tools and others write whole files.
 *
 * The format has no magic: what is taken for one begins with 0x78 (deflate, a window of 32 KiB) and one of
 * the levels whose second byte is no printable character; level 2 to 5 of zlib (0x5e) is a text's "x^".
 */
#include "traces/compress/compression.h"

#include <zlib.h>

#include "sim/mem.h"

struct zlib {
	z_stream z;
	bool in_stream;
};

static bool zlib_probe(const uint8_t *p, size_t n)
{
	return n >= 2 && p[0] == 0x78 && (p[1] == 0x01 || p[1] == 0x9c || p[1] == 0xda);
}

static void *zlib_unpack_open(void)
{
	struct zlib *g = mem_alloc_late(1, sizeof *g);

	if (inflateInit(&g->z) == Z_OK)
		return g;
	mem_free(g);
	return NULL;
}

static enum unpack_result zlib_unpack(void *state, struct code_io *io)
{
	struct zlib *g = state;
	int r;

	if (!g->in_stream && !io->in_len)
		return UNPACK_END;
	g->in_stream = true;
	g->z.next_in = (Bytef *)(uintptr_t)io->in;
	g->z.avail_in = (uInt)MIN_OF(io->in_len, (size_t)1 << 30);
	g->z.next_out = io->out;
	g->z.avail_out = (uInt)MIN_OF(io->out_len, (size_t)1 << 30);
	r = inflate(&g->z, Z_NO_FLUSH);
	io->in_len -= (size_t)(g->z.next_in - io->in);
	io->in = g->z.next_in;
	io->out_len -= (size_t)(g->z.next_out - io->out);
	io->out = g->z.next_out;
	switch (r) {
	case Z_OK:
	case Z_BUF_ERROR:
		return UNPACK_MORE;
	case Z_STREAM_END:
		g->in_stream = false;
		inflateReset(&g->z);
		return UNPACK_END;
	case Z_MEM_ERROR:
		return UNPACK_NOMEM;
	default:
		io->why = g->z.msg ? g->z.msg : "a preset dictionary";
		return UNPACK_DAMAGED;
	}
}

static void zlib_unpack_close(void *state)
{
	struct zlib *g = state;

	inflateEnd(&g->z);
	mem_free(g);
}

const struct compression_ops zlib_compression = {
	.name = "zlib",
	.frame = "stream",
	.suffix = ".zz",
	.probe = zlib_probe,
	.unpack_open = zlib_unpack_open,
	.unpack = zlib_unpack,
	.unpack_close = zlib_unpack_close,
};
