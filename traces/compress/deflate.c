/*
 * deflate.c - zlib's inflate and deflate between the buffers of a struct code_io.
 */
#include "traces/compress/deflate.h"

#include "sim/mem.h"

void *deflate_unpack_open(int window_bits)
{
	struct deflate *d = mem_alloc_late(1, sizeof *d);

	if (inflateInit2(&d->z, window_bits) == Z_OK)
		return d;
	mem_free(d);
	return NULL;
}

int deflate_step(z_stream *z, struct code_io *io, int (*call)(z_stream *z, int flush), int flush)
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

enum unpack_result deflate_unpack(void *state, struct code_io *io)
{
	struct deflate *d = state;

	if (!d->inside && !io->in_len)
		return UNPACK_END;
	d->inside = true;
	switch (deflate_step(&d->z, io, inflate, Z_NO_FLUSH)) {
	case Z_OK:
	case Z_BUF_ERROR:
		return UNPACK_MORE;
	case Z_STREAM_END:
		d->inside = false;
		inflateReset(&d->z);
		return UNPACK_END;
	case Z_MEM_ERROR:
		return UNPACK_NOMEM;
	default:
		io->why = d->z.msg ? d->z.msg : "a preset dictionary";
		return UNPACK_DAMAGED;
	}
}

void deflate_unpack_close(void *state)
{
	struct deflate *d = state;

	inflateEnd(&d->z);
	mem_free(d);
}
