/*
 * gzip.c - gzip members (RFC 1952) one behind another, also bgzip's; zero bytes behind a member are padding.
 */
#include "traces/compress/compression.h"

#include <zlib.h>

#include "sim/mem.h"

struct gzip {
	z_stream z;
	bool in_member;
};

static bool gzip_probe(const uint8_t *p, size_t n)
{
	return n >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

static void *gzip_unpack_open(void)
{
	struct gzip *g = mem_alloc_late(1, sizeof *g);

	if (inflateInit2(&g->z, 15 + 16) == Z_OK)
		return g;
	mem_free(g);
	return NULL;
}

/* One call of inflate or deflate. */
static int step(z_stream *z, struct code_io *io, int (*call)(z_stream *z, int flush), int flush)
{
	int r;

	z->next_in = (Bytef *)(uintptr_t)io->in;
	z->avail_in = (uInt)MIN_OF(io->in_len, (size_t)1 << 30);
	z->next_out = io->out;
	z->avail_out = (uInt)MIN_OF(io->out_len, (size_t)1 << 30);
	r = call(z, flush);
	io->in_len -= (size_t)(z->next_in - io->in);
	io->in = z->next_in;
	io->out_len -= (size_t)(z->next_out - io->out);
	io->out = z->next_out;
	return r;
}

static enum unpack_result gzip_unpack(void *state, struct code_io *io)
{
	struct gzip *g = state;

	while (!g->in_member && io->in_len && *io->in == 0) {
		io->in++;
		io->in_len--;
	}
	if (!g->in_member && !io->in_len)
		return UNPACK_END;
	g->in_member = true;
	switch (step(&g->z, io, inflate, Z_NO_FLUSH)) {
	case Z_OK:
	case Z_BUF_ERROR:
		return UNPACK_MORE;
	case Z_STREAM_END:
		g->in_member = false;
		inflateReset(&g->z);
		return UNPACK_END;
	case Z_MEM_ERROR:
		return UNPACK_NOMEM;
	default:
		io->why = g->z.msg ? g->z.msg : "a preset dictionary";
		return UNPACK_DAMAGED;
	}
}

static void gzip_unpack_close(void *state)
{
	struct gzip *g = state;

	inflateEnd(&g->z);
	mem_free(g);
}

static void *gzip_pack_open(int level)
{
	struct gzip *g = mem_alloc_late(1, sizeof *g);

	if (deflateInit2(&g->z, level ? MIN_OF(level, 9) : Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
			 Z_DEFAULT_STRATEGY) == Z_OK)
		return g;
	mem_free(g);
	return NULL;
}

static int gzip_pack(void *state, struct code_io *io)
{
	struct gzip *g = state;
	int r = step(&g->z, io, deflate, io->last ? Z_FINISH : Z_NO_FLUSH);

	return r == Z_STREAM_ERROR ? -1 : r == Z_STREAM_END;
}

static void gzip_pack_close(void *state)
{
	struct gzip *g = state;

	deflateEnd(&g->z);
	mem_free(g);
}

const struct compression_ops gzip_compression = {
	.name = "gzip",
	.frame = "member",
	.suffix = ".gz",
	.probe = gzip_probe,
	.unpack_open = gzip_unpack_open,
	.unpack = gzip_unpack,
	.unpack_close = gzip_unpack_close,
	.pack_open = gzip_pack_open,
	.pack = gzip_pack,
	.pack_close = gzip_pack_close,
};
