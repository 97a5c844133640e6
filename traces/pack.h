/*
 * pack.h - output files written as a stream, compressed on the way as their names say.
 *
 * A file appears under its name when it is complete: it is written as PATH.tmp and renamed at the end. Memory
 * is constant: two buffers and what the compression needs.
 */
#ifndef TRACES_PACK_H
#define TRACES_PACK_H

#include "sim/err.h"

struct pack;

/*
 * Creates path ("-" = standard output, never compressed). A name that ends in .gz, .xz or .zst is compressed
 * with that level (0: the default); ERR_USAGE for the suffix of a compression that is only read. ERR_OPEN.
 */
int pack_open(struct pack **out, const char *path, int level, struct err *e);
/* ERR_IO names the file. */
int pack_write(struct pack *p, const void *data, size_t n, struct err *e);
/* Room of at least n bytes (n <= PACK_ROOM) in the buffer, to be filled and confirmed by pack_commit; NULL on
 * error. */
#define PACK_ROOM ((size_t)4096)
void *pack_room(struct pack *p, size_t n, struct err *e);
void pack_commit(struct pack *p, size_t n);
/* Writes the rest, renames, frees p; on error the file is removed. */
int pack_close(struct pack *p, struct err *e);
/* Gives up: removes the file, frees p. */
void pack_abort(struct pack *p);

#endif
