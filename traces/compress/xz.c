/*
 * xz.c - xz streams (The .xz File Format 1.0.4) one behind another, with stream padding.
 *
 * The dictionary counts against UNPACK_MEMORY_MAX: 64 MiB (xz -9) is read, what wants more is refused.
 */
#include "traces/compress/compression.h"

#include <lzma.h>
#include <string.h>

#include "sim/mem.h"

static bool xz_probe(const uint8_t *p, size_t n)
{
	return n >= 6 && !memcmp(p, "\xfd\x37zXZ\0", 6);
}

static void *xz_unpack_open(void)
{
	static const lzma_stream init = LZMA_STREAM_INIT;
	lzma_stream *s = mem_alloc_late(1, sizeof *s);

	*s = init;
	if (lzma_stream_decoder(s, UNPACK_MEMORY_MAX, LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK) ==
	    LZMA_OK)
		return s;
	mem_free(s);
	return NULL;
}

static enum unpack_result result_of(lzma_ret r, const char **why)
{
	switch (r) {
	case LZMA_OK:
	case LZMA_BUF_ERROR: /* wants input */
		return UNPACK_MORE;
	case LZMA_STREAM_END:
		return UNPACK_END;
	case LZMA_MEM_ERROR:
		return UNPACK_NOMEM;
	case LZMA_MEMLIMIT_ERROR:
		*why = "its dictionary needs more than 128 MiB";
		return UNPACK_LIMIT;
	case LZMA_UNSUPPORTED_CHECK:
	case LZMA_OPTIONS_ERROR:
		*why = "a check or filter that liblzma does not know";
		return UNPACK_LIMIT;
	case LZMA_FORMAT_ERROR:
		*why = "no xz stream follows the last one";
		return UNPACK_DAMAGED;
	default:
		*why = "corrupt data";
		return UNPACK_DAMAGED;
	}
}

/* One call of the coder; only LZMA_FINISH tells a decoder that no further stream follows. */
static lzma_ret step(lzma_stream *s, struct code_io *io)
{
	lzma_ret r;

	s->next_in = io->in;
	s->avail_in = io->in_len;
	s->next_out = io->out;
	s->avail_out = io->out_len;
	r = lzma_code(s, io->last ? LZMA_FINISH : LZMA_RUN);
	io->in = s->next_in;
	io->in_len = s->avail_in;
	io->out = s->next_out;
	io->out_len = s->avail_out;
	return r;
}

static enum unpack_result xz_unpack(void *state, struct code_io *io)
{
	return result_of(step(state, io), &io->why);
}

static void xz_unpack_close(void *state)
{
	lzma_end(state);
	mem_free(state);
}

static void *xz_pack_open(int level)
{
	static const lzma_stream init = LZMA_STREAM_INIT;
	lzma_stream *s = mem_alloc_late(1, sizeof *s);

	*s = init;
	if (lzma_easy_encoder(s, level ? (uint32_t)MIN_OF(level, 9) : LZMA_PRESET_DEFAULT,
			      LZMA_CHECK_CRC64) == LZMA_OK)
		return s;
	mem_free(s);
	return NULL;
}

static int xz_pack(void *state, struct code_io *io)
{
	lzma_ret r = step(state, io);

	return r == LZMA_STREAM_END ? 1 : r == LZMA_OK || r == LZMA_BUF_ERROR ? 0 : -1;
}

const struct compression_ops xz_compression = {
	.name = "xz",
	.frame = "stream",
	.suffix = ".xz",
	.probe = xz_probe,
	.unpack_open = xz_unpack_open,
	.unpack = xz_unpack,
	.unpack_close = xz_unpack_close,
	.pack_open = xz_pack_open,
	.pack = xz_pack,
	.pack_close = xz_unpack_close,
};
