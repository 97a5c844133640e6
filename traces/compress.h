/*
 * compress.h - input files read as a stream, decompressed on the way.
 *
 * What a file is, is decided by its first bytes, never by its name: plain, or one of the compressions of
 * traces/compress/compression.h (bzip2, gzip, lz4, snappy frames, xz, zip, zlib, zstd). Frames that follow
 * each other
 * (`cat a.gz b.gz`, the members of a zip archive) are one stream. Memory is constant: one buffer of
 * compressed bytes and what the unpacker needs, at most 128 MiB.
 *
 * Not modelled: a compressed file within a compressed file.
 */
#ifndef TRACES_COMPRESS_H
#define TRACES_COMPRESS_H

#include "sim/err.h"

struct input;

/* Opens path ("-" = standard input); ERR_OPEN. */
int input_open(struct input **out, const char *path, struct err *e);
/*
 * Puts up to n bytes of decompressed data into buf; *got is 0 only at the end. Blocks until there is at least
 * one byte. ERR_TRUNCATED when compressed data stops within a frame, ERR_FORMAT when it is damaged, ERR_LIMIT
 * when unpacking would take too much memory or the variant is not read; all name the offset in the compressed
 * file. What could be read before the error has been given out.
 */
int input_read(struct input *in, void *buf, size_t n, size_t *got, struct err *e);
/* Name for messages: the path, or "standard input". */
const char *input_name(const struct input *in);
/* Bytes consumed of the file as it lies on disk, and its size (0 when unknown, as of a pipe). */
void input_position(const struct input *in, uint64_t *done, uint64_t *total);
void input_close(struct input *in);

#endif
