/*
 * gzip.c - gzip members (RFC 1952) one behind another, also bgzip's; zero bytes behind a member are padding.
 */
#include "traces/compress/deflate.h"

#include "sim/mem.h"

static bool gzip_probe(const uint8_t *p, size_t n)
{
	return n >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

static void *gzip_unpack_open(void)
{
	return deflate_unpack_open(DEFLATE_GZIP);
}

static enum unpack_result gzip_unpack(void *state, struct code_io *io)
{
	const struct deflate *d = state;

	while (!d->inside && io->in_len && *io->in == 0) {
		io->in++;
		io->in_len--;
	}
	return deflate_unpack(state, io);
}

static void *gzip_pack_open(int level)
{
	z_stream *z = mem_alloc_late(1, sizeof *z);

	if (deflateInit2(z, level ? MIN_OF(level, 9) : Z_DEFAULT_COMPRESSION, Z_DEFLATED, DEFLATE_GZIP, 8,
			 Z_DEFAULT_STRATEGY) == Z_OK)
		return z;
	mem_free(z);
	return NULL;
}

static int gzip_pack(void *state, struct code_io *io)
{
	int r = deflate_step(state, io, deflate, io->last ? Z_FINISH : Z_NO_FLUSH);

	return r == Z_STREAM_ERROR ? -1 : r == Z_STREAM_END;
}

static void gzip_pack_close(void *state)
{
	deflateEnd(state);
	mem_free(state);
}

const struct compression_ops gzip_compression = {
	.name = "gzip",
	.frame = "member",
	.suffix = ".gz",
	.probe = gzip_probe,
	.unpack_open = gzip_unpack_open,
	.unpack = gzip_unpack,
	.unpack_close = deflate_unpack_close,
	.pack_open = gzip_pack_open,
	.pack = gzip_pack,
	.pack_close = gzip_pack_close,
};
