/*
 * compression.h - what a compression does for files that are read (traces/compress.h) and written
 * (traces/pack.h), and the table of them.
 *
 * An unpacker is a state that is fed bytes of the file and gives out bytes of the content, as many as fit. It
 * may leave input unread when it needs more at once (a whole header, a whole chunk: at most
 * UNPACK_NEEDS_MAX); it is then called again with the same bytes and more behind them. A file may hold
 * several frames (members, streams) one after another: an unpacker begins the next one by itself.
 */
#ifndef TRACES_COMPRESS_COMPRESSION_H
#define TRACES_COMPRESS_COMPRESSION_H

#include "sim/base.h"

#define COMPRESSION_MAGIC_MAX 10                    /* bytes of the file that a probe looks at */
#define UNPACK_NEEDS_MAX      ((size_t)160 << 10)   /* the most input an unpacker may want at once */
#define UNPACK_MEMORY_MAX     ((uint64_t)128 << 20) /* the most memory a file may make an unpacker take */

/* The bytes of one call; the call moves in and out and lowers their lengths. */
struct code_io {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len;
	bool last;       /* nothing follows in[in_len] */
	const char *why; /* set for UNPACK_DAMAGED and UNPACK_LIMIT; lives as long as the unpacker */
};

enum unpack_result {
	UNPACK_MORE,    /* within a frame; no progress: input is wanted */
	UNPACK_END,     /* at the end of a frame: the file may end here */
	UNPACK_DAMAGED, /* not what the format allows, or a wrong checksum */
	UNPACK_LIMIT,   /* would need more than UNPACK_MEMORY_MAX, or is a variant that is not read */
	UNPACK_NOMEM,
};

struct compression_ops {
	const char *name;   /* "gzip" */
	const char *frame;  /* what the format calls a part that ends by itself: "member" */
	const char *suffix; /* of files: ".gz" */
	/* Whether a file that begins with head[0 … n) is so compressed; n < COMPRESSION_MAGIC_MAX: that is
	 * all of it. */
	bool (*probe)(const uint8_t *head, size_t n);
	/* NULL: no memory. */
	void *(*unpack_open)(void);
	enum unpack_result (*unpack)(void *state, struct code_io *io);
	void (*unpack_close)(void *state);
	/*
	 * Writing; all NULL when files of this kind are only read. Level 0 is the library's default. pack
	 * takes what it can; io->last: the frame is to be ended. 1: it is, 0: call again with more room or
	 * input, -1: no memory.
	 */
	void *(*pack_open)(int level);
	int (*pack)(void *state, struct code_io *io);
	void (*pack_close)(void *state);
};

#define COMPRESSIONS(X) \
	X(bzip2)        \
	X(gzip)         \
	X(lz4)          \
	X(snappy)       \
	X(xz)           \
	X(zip)          \
	X(zlib)         \
	X(zstd)

#define COMPRESSION_DECLARE(name) extern const struct compression_ops name##_compression;
COMPRESSIONS(COMPRESSION_DECLARE)
#undef COMPRESSION_DECLARE

/* The rows, until NULL. */
const struct compression_ops *compression_at(size_t i);

#endif
