/*
 * merge.h - bringing one run from its own database (a shard) into a store.
 */
#ifndef ANALYSIS_MERGE_H
#define ANALYSIS_MERGE_H

#include "analysis/db.h"

/* Whether the store holds a complete run that was made for plan key `key`. */
int merge_has_complete(const struct db *d, const char *key, bool *has, struct err *e);

/*
 * The status of the newest run in the shard at path, "" when it holds none. An error when the file is no
 * shard. `status` needs room for 16 bytes.
 */
int merge_shard_status(const char *path, char *status, struct err *e);

/*
 * Copies the newest run of the shard at shard_path into d in one transaction and marks it with key. A run
 * that is there with the same key is replaced (and its number kept) unless it is complete: then nothing is
 * done. d must be open for writing.
 */
int merge_shard(const struct db *d, const char *shard_path, const char *key, struct err *e);

#endif
