/*
 * bzip2.c - bzip2 streams one behind another, as pbzip2 writes them too.
 */
#include "traces/compress/compression.h"

#include <bzlib.h>
#include <string.h>

#include "sim/mem.h"

struct bzip2 {
	bz_stream z;
	bool open; /* z is within a stream */
};

/* "BZh", the block size, then the magic of a block or that of the end. */
static bool bzip2_probe(const uint8_t *p, size_t n)
{
	size_t rest = n - 4 < 6 ? n - 4 : 6;

	return n >= 4 && !memcmp(p, "BZh", 3) && p[3] >= '1' && p[3] <= '9' &&
	       (!memcmp(p + 4, "\x31\x41\x59\x26\x53\x59", rest) ||
		!memcmp(p + 4, "\x17\x72\x45\x38\x50\x90", rest));
}

static void *bzip2_unpack_open(void)
{
	return mem_alloc_late(1, sizeof(struct bzip2));
}

static enum unpack_result bzip2_step(struct bzip2 *b, struct code_io *io)
{
	switch (BZ2_bzDecompress(&b->z)) {
	case BZ_OK:
		return UNPACK_MORE;
	case BZ_STREAM_END:
		BZ2_bzDecompressEnd(&b->z);
		b->open = false;
		return UNPACK_END;
	case BZ_MEM_ERROR:
		return UNPACK_NOMEM;
	case BZ_DATA_ERROR_MAGIC:
		io->why = "no bzip2 stream follows the last one";
		return UNPACK_DAMAGED;
	default:
		io->why = "corrupt data";
		return UNPACK_DAMAGED;
	}
}

static enum unpack_result bzip2_unpack(void *state, struct code_io *io)
{
	struct bzip2 *b = state;
	enum unpack_result r;

	if (!b->open) {
		if (!io->in_len)
			return UNPACK_END;
		memset(&b->z, 0, sizeof b->z);
		if (BZ2_bzDecompressInit(&b->z, 0, 0) != BZ_OK)
			return UNPACK_NOMEM;
		b->open = true;
	}
	b->z.next_in = (char *)(uintptr_t)io->in;
	b->z.avail_in = (unsigned)MIN_OF(io->in_len, (size_t)1 << 30);
	b->z.next_out = (char *)io->out;
	b->z.avail_out = (unsigned)MIN_OF(io->out_len, (size_t)1 << 30);
	r = bzip2_step(b, io);
	io->in_len -= (size_t)((const uint8_t *)b->z.next_in - io->in);
	io->in = (const uint8_t *)b->z.next_in;
	io->out_len -= (size_t)((uint8_t *)b->z.next_out - io->out);
	io->out = (uint8_t *)b->z.next_out;
	return r;
}

static void bzip2_unpack_close(void *state)
{
	struct bzip2 *b = state;

	if (b->open)
		BZ2_bzDecompressEnd(&b->z);
	mem_free(b);
}

const struct compression_ops bzip2_compression = {
	.name = "bzip2",
	.frame = "stream",
	.suffix = ".bz2",
	.probe = bzip2_probe,
	.unpack_open = bzip2_unpack_open,
	.unpack = bzip2_unpack,
	.unpack_close = bzip2_unpack_close,
};
