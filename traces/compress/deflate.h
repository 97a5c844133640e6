/*
 * deflate.h - what the containers of deflate data (RFC 1951) share: gzip's members and zlib's streams.
 */
#ifndef TRACES_COMPRESS_DEFLATE_H
#define TRACES_COMPRESS_DEFLATE_H

#include <zlib.h>

#include "traces/compress/compression.h"

/* zlib's windowBits: a window of 32 KiB, and which container is around the data. */
#define DEFLATE_ZLIB 15
#define DEFLATE_GZIP (15 + 16)

struct deflate {
	z_stream z;
	bool inside; /* a member or stream has begun and not ended */
};

/* The state of an unpacker, or NULL without memory; deflate_unpack_close frees it. */
void *deflate_unpack_open(int window_bits);
/* The hooks of compression_ops. */
enum unpack_result deflate_unpack(void *state, struct code_io *io);
void deflate_unpack_close(void *state);

/* One call of zlib's inflate or deflate on what io has; its result. */
int deflate_step(z_stream *z, struct code_io *io, int (*call)(z_stream *z, int flush), int flush);

#endif
