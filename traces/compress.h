/*
 * compress.h - input files read as a stream, decompressed on the way.
 *
 * What a file is, is decided by its first bytes, never by its name. Memory is constant: one buffer of
 * compressed bytes and zstd's window (at most 128 MiB, the limit of the zstd program without --long).
 *
 * Not modelled: gzip, xz, lz4 and bzip2 are recognised and refused with the command that unpacks them into a
 * pipe.
 */
#ifndef TRACES_COMPRESS_H
#define TRACES_COMPRESS_H

#include "sim/err.h"

struct input;

/* Opens path ("-" = standard input). ERR_OPEN, or ERR_FORMAT for a compression that is not read. */
int input_open(struct input **out, const char *path, struct err *e);
/*
 * Puts up to n bytes of decompressed data into buf; *got is 0 only at the end. Blocks until there is at least
 * one byte. ERR_TRUNCATED when compressed data stops within a frame, ERR_FORMAT when it is damaged; both name
 * the offset in the compressed file.
 */
int input_read(struct input *in, void *buf, size_t n, size_t *got, struct err *e);
/* Name for messages: the path, or "standard input". */
const char *input_name(const struct input *in);
/* Bytes consumed of the file as it lies on disk, and its size (0 when unknown, as of a pipe). */
void input_position(const struct input *in, uint64_t *done, uint64_t *total);
void input_close(struct input *in);

#endif
