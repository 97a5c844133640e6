/*
 * zstd.c - zstd frames (RFC 8878), skippable ones included.
 *
 * The window is at most 128 MiB, the limit of the zstd program without --long: a frame that wants more is
 * refused.
 */
#include "traces/compress/compression.h"

#include <zstd.h>
#include <zstd_errors.h>

/* The magic of a frame or of a skippable frame. */
static bool zstd_probe(const uint8_t *p, size_t n)
{
	uint32_t magic;

	if (n < 4)
		return false;
	magic = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static void *zstd_unpack_open(void)
{
	return ZSTD_createDCtx();
}

static enum unpack_result zstd_unpack(void *state, struct code_io *io)
{
	ZSTD_inBuffer ib = {io->in, io->in_len, 0};
	ZSTD_outBuffer ob = {io->out, io->out_len, 0};
	size_t r = ZSTD_decompressStream(state, &ob, &ib);

	io->in += ib.pos;
	io->in_len -= ib.pos;
	io->out += ob.pos;
	io->out_len -= ob.pos;
	if (!ZSTD_isError(r))
		return r ? UNPACK_MORE : UNPACK_END;
	io->why = ZSTD_getErrorName(r);
	switch (ZSTD_getErrorCode(r)) {
	case ZSTD_error_frameParameter_windowTooLarge:
		return UNPACK_LIMIT;
	case ZSTD_error_memory_allocation:
		return UNPACK_NOMEM;
	default:
		return UNPACK_DAMAGED;
	}
}

static void zstd_unpack_close(void *state)
{
	ZSTD_freeDCtx(state);
}

static void *zstd_pack_open(int level)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();

	if (c) {
		ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
		ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	}
	return c;
}

static int zstd_pack(void *state, struct code_io *io)
{
	ZSTD_inBuffer ib = {io->in, io->in_len, 0};
	ZSTD_outBuffer ob = {io->out, io->out_len, 0};
	size_t r = ZSTD_compressStream2(state, &ob, &ib, io->last ? ZSTD_e_end : ZSTD_e_continue);

	io->in += ib.pos;
	io->in_len -= ib.pos;
	io->out += ob.pos;
	io->out_len -= ob.pos;
	return ZSTD_isError(r) ? -1 : io->last && r == 0;
}

static void zstd_pack_close(void *state)
{
	ZSTD_freeCCtx(state);
}

const struct compression_ops zstd_compression = {
	.name = "zstd",
	.frame = "frame",
	.suffix = ".zst",
	.probe = zstd_probe,
	.unpack_open = zstd_unpack_open,
	.unpack = zstd_unpack,
	.unpack_close = zstd_unpack_close,
	.pack_open = zstd_pack_open,
	.pack = zstd_pack,
	.pack_close = zstd_pack_close,
};
