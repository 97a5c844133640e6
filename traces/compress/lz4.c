/*
 * lz4.c - frames of LZ4 (LZ4 Frame Format 1.6), one behind another, skippable ones between them.
 *
 * Not modelled: the legacy frame (lz4 -l) and a file that begins with a skippable frame, which looks like
 * zstd's.
 */
#include "traces/compress/compression.h"

#include <lz4frame.h>
#include <string.h>

static bool lz4_probe(const uint8_t *p, size_t n)
{
	return n >= 4 && !memcmp(p, "\x04\x22\x4d\x18", 4);
}

static void *lz4_unpack_open(void)
{
	LZ4F_dctx *d;

	return LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)) ? NULL : d;
}

static enum unpack_result lz4_unpack(void *state, struct code_io *io)
{
	size_t used = io->in_len, got = io->out_len;
	size_t r = LZ4F_decompress(state, io->out, &got, io->in, &used, NULL);

	if (LZ4F_isError(r)) {
		const char *name = LZ4F_getErrorName(r);

		io->why = name + (strncmp(name, "ERROR_", 6) ? 0 : 6);
		return UNPACK_DAMAGED;
	}
	io->in += used;
	io->in_len -= used;
	io->out += got;
	io->out_len -= got;
	return r ? UNPACK_MORE : UNPACK_END;
}

static void lz4_unpack_close(void *state)
{
	LZ4F_freeDecompressionContext(state);
}

const struct compression_ops lz4_compression = {
	.name = "lz4",
	.frame = "frame",
	.suffix = ".lz4",
	.probe = lz4_probe,
	.unpack_open = lz4_unpack_open,
	.unpack = lz4_unpack,
	.unpack_close = lz4_unpack_close,
};
