/*
 * show.h - one snapshot of a result store, and the files and tools of Linux that it can be printed as.
 *
 * A format is a file of this directory and a row of show_formats. It prints from the snapshot's kernel
 * counters alone; a counter that the store does not hold is 0, as it is in a kernel where the thing never
 * happened.
 */
#ifndef ANALYSIS_SHOW_SHOW_H
#define ANALYSIS_SHOW_SHOW_H

#include <stdio.h>

#include "analysis/db.h"

#define SHOW_MAX_NODES 64

struct show_row {
	const char *scope; /* "vmstat", "zone/0/DMA32", ... */
	const char *counter;
	int64_t value;
};

/* A snapshot; rows by scope and counter: parts of a scope are ordered by length, then by text, so that node 2
 * comes before node 10 and lower addresses first; caches are ordered by name. */
struct show {
	struct show_row *rows;
	size_t n;
	unsigned nr_nodes, nr_cpus;
	unsigned node_cpus[SHOW_MAX_NODES]; /* CPUs are numbered node after node */
	unsigned distance[SHOW_MAX_NODES * SHOW_MAX_NODES];
	int64_t overcommit_ratio;
	char run_name[128], label[128];
	int64_t run, seq;
};

/*
 * Loads a snapshot of d. run: number or name (the newest of that name), NULL = the newest run. at: number or
 * label (the last of that label), NULL = the final one, or the last one of a run that has none.
 * Errors: ERR_USAGE for what is not there, else the store's. On an error s needs no release.
 */
int show_load(struct show *s, const struct db *d, const char *run, const char *at, struct err *e);
void show_release(struct show *s);

/* The value, or 0. */
int64_t show_get(const struct show *s, const char *scope, const char *counter);
/* The same for a scope that is put together, "node/%u". */
int64_t show_getf(const struct show *s, const char *counter, const char *scope_format, ...) PRINTF_LIKE(3, 4);
/* The scope after `after` (NULL = the first) that begins with prefix, or NULL. */
const char *show_next(const struct show *s, const char *prefix, const char *after);
/* All rows of a scope are rows[first] to the one before rows[*end]. */
size_t show_scope_rows(const struct show *s, const char *scope, size_t *end);
/* The text that is kept as the one counter of a scope, or NULL. */
const char *show_text(const struct show *s, const char *scope);
/* The first CPU of node nid. */
unsigned show_first_cpu(const struct show *s, unsigned nid);

enum show_of { SHOW_MACHINE, SHOW_NODE, SHOW_PROCESS };

struct show_format {
	const char *name;
	enum show_of of;
	const char *path; /* in a tree; %u is the node or process; NULL: a tool's output, not a file */
	const char *sentence;
	/* id: the node or process. */
	void (*print)(const struct show *s, unsigned id, FILE *f);
};

/* NULL past the last. */
const struct show_format *show_format_at(size_t i);

/* Writes all files below dir, which is made if it is not there. */
int show_tree(const struct show *s, const char *dir, struct err *e);

/* One per format, in files of their names. */
void show_meminfo(const struct show *s, unsigned id, FILE *f);
void show_vmstat(const struct show *s, unsigned id, FILE *f);
void show_zoneinfo(const struct show *s, unsigned id, FILE *f);
void show_buddyinfo(const struct show *s, unsigned id, FILE *f);
void show_slabinfo(const struct show *s, unsigned id, FILE *f);
void show_free(const struct show *s, unsigned id, FILE *f);
void show_numactl(const struct show *s, unsigned id, FILE *f);
void show_numastat(const struct show *s, unsigned id, FILE *f);
void show_procrank(const struct show *s, unsigned id, FILE *f);
void show_maps(const struct show *s, unsigned id, FILE *f);
void show_smaps(const struct show *s, unsigned id, FILE *f);
void show_numa_maps(const struct show *s, unsigned id, FILE *f);
void show_status(const struct show *s, unsigned id, FILE *f);
void show_node_meminfo(const struct show *s, unsigned id, FILE *f);
void show_node_numastat(const struct show *s, unsigned id, FILE *f);
void show_node_vmstat(const struct show *s, unsigned id, FILE *f);
void show_node_distance(const struct show *s, unsigned id, FILE *f);
void show_node_cpulist(const struct show *s, unsigned id, FILE *f);
void show_node_cpumap(const struct show *s, unsigned id, FILE *f);
void show_nodes_online(const struct show *s, unsigned id, FILE *f);
void show_nodes_with_cpu(const struct show *s, unsigned id, FILE *f);
void show_nodes_with_memory(const struct show *s, unsigned id, FILE *f);

/* "0-2,5\n" of the ids below n for which bit(s, id); an empty line when there is none. */
void show_list(const struct show *s, unsigned n, bool (*bit)(const struct show *s, unsigned id), FILE *f);

/* A counter of a file of the kernel, in the file's order. */
struct show_item {
	const char *name;
	unsigned divide; /* base pages stored, huge pages printed: 512; else 1 */
};
extern const struct show_item show_zone_items[], show_node_items[], show_numa_items[]; /* end: name NULL */

#endif
