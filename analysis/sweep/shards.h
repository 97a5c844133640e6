/*
 * shards.h - the folder STORE.shards, in which each point of a sweep has its own database until it is
 * collected.
 *
 * A run writes KEY.PID.tmp (PID is the sweep's); when it is complete the file becomes KEY.db. So a KEY.db is
 * always whole, whatever was killed when.
 */
#ifndef ANALYSIS_SWEEP_SHARDS_H
#define ANALYSIS_SWEEP_SHARDS_H

#include "sim/err.h"

struct shards {
	char *dir;
	int lock; /* descriptor of the folder, locked */
};

/*
 * Creates the folder, locks it and removes unfinished files of sweeps that are gone. ERR_STORE when another
 * sweep has it locked.
 */
int shards_open(struct shards *s, const char *store, struct err *e);
/* Removes the folder when it is empty. */
void shards_close(struct shards *s);
/* Paths, to be freed with mem_free: of the finished shard, and of the one that a run writes. */
char *shards_path(const struct shards *s, const char *key);
char *shards_tmp_path(const struct shards *s, const char *key);
/* Makes the file tmp the finished shard of key. */
int shards_finish(const struct shards *s, const char *tmp, const char *key, struct err *e);
/* Whether key's finished shard is there and holds a complete run; a broken one is set aside as KEY.db.bad. */
bool shards_have(const struct shards *s, const char *key);
/* Removes a shard and SQLite's journal of it; path may be NULL. */
void shards_remove(const char *path);

#endif
