/*
 * store.h - the sink that writes a run into an SQLite result store (the tables are analysis/schema.sql).
 *
 * A run's row is inserted as incomplete when it begins; its end sets the final status. A snapshot's rows are
 * kept in memory and written by one short transaction when it ends, together with the events up to then, so
 * the store can be read at any time and several runs may write into one store. After an error a hook's
 * transaction is rolled back: earlier snapshots and earlier runs stay as they were.
 */
#ifndef ANALYSIS_STORE_H
#define ANALYSIS_STORE_H

#include "sim/sink.h"

/* Opens or creates the store at path for one run. On an error *out is NULL. */
int store_sink_open(struct sink **out, const char *path, struct err *e);
/* The number of the run, 0 before it began. */
int64_t store_sink_run_id(const struct sink *s);
/* Closes and frees; a run without an end stays incomplete. s may be NULL. */
void store_sink_close(struct sink *s);

#endif
