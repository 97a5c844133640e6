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

#define SHOW_MAX_NODES     64
#define SHOW_MAX_NODE_CPUS 256u

struct show_row {
	const char *scope; /* "vmstat", "zone/0/DMA32", ...; of sources.c: "m/cpu/0", "param/vm.swappiness",
			      "oom/1" */
	const char *counter;
	int64_t value;
};

/* A snapshot; rows by scope and counter: parts of a scope are ordered by length, then by text, so that node 2
 * comes before node 10 and lower addresses first; caches are ordered by name. */
struct show {
	struct show_row *rows;
	size_t n, capacity;
	unsigned nr_nodes, nr_cpus;
	unsigned node_cpus[SHOW_MAX_NODES]; /* CPUs are numbered node after node */
	unsigned distance[SHOW_MAX_NODES * SHOW_MAX_NODES];
	char label[128];
	int64_t run, seq, time_ps;
	/* of free: 'b', 'k' (or 0), 'm', 'g'; a line of sums */
	char unit;
	bool total;
};

/* Which snapshot. */
struct show_where {
	const char *run; /* number or name (the newest of that name); NULL = the newest run */
	const char *at;  /* number or label (the last of that label); NULL = the final one, or the last one */
	const char *label; /* the same, but never a number */
	const char *seq;   /* the same, but never a label */
};

/*
 * Loads a snapshot of d. at "oom" is the last one that an OOM kill took. Errors: ERR_USAGE for what is not
 * there, with the nearest name that is, else the store's. On an error s needs no release.
 */
int show_load(struct show *s, const struct db *d, const struct show_where *where, struct err *e);
void show_release(struct show *s);

/* The value, or 0. No run counts to SHOW_MOST: larger ones are cut, so that sums and units cannot overflow.
 */
#define SHOW_MOST (INT64_C(1) << 50)
int64_t show_get(const struct show *s, const char *scope, const char *counter);
/* A value that is a set of bits, as it is. */
uint64_t show_bits(const struct show *s, const char *scope, const char *counter);
/* The same as show_get for a scope that is put together, "node/%u". */
int64_t show_getf(const struct show *s, const char *counter, const char *scope_format, ...) PRINTF_LIKE(3, 4);
/* The scope after `after` (NULL = the first) that begins with prefix, or NULL. */
const char *show_next(const struct show *s, const char *prefix, const char *after);
/* All rows of a scope are rows[first] to the one before rows[*end]. */
size_t show_scope_rows(const struct show *s, const char *scope, size_t *end);
/* The text that is kept as the one counter of a scope, or NULL. */
const char *show_text(const struct show *s, const char *scope);
/* The value of a parameter as a number (a list's first one), or def. */
int64_t show_param(const struct show *s, const char *path, int64_t def);
/* The same for what is at least 1 and less than 2^31 in every store that is not damaged: else def. */
int64_t show_positive(const struct show *s, const char *path, int64_t def);
/* The process that has or had this pid, the last one: "P7", "P7.2". */
struct show_name {
	char text[24];
};
struct show_name show_process(const struct show *s, unsigned pid);
/* Its program's name, or "". */
const char *show_comm(const struct show *s, unsigned pid);
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

/*
 * sources.c: what does not stand among the kernel counters becomes rows, too: statistics of CPUs, devices and
 * the machine since the run began ("m/cpu/0", "cycles.idle"), parameters as texts ("param/vm.swappiness"),
 * the OOM kills up to the snapshot ("oom/1", its texts "oom/1/constraint").
 */
int show_read_sources(struct show *s, const struct db *d, int64_t snapshot_id, struct err *e);
void show_add_row(struct show *s, const char *scope, const char *counter, int64_t value);

/* NULL past the last. */
const struct show_format *show_format_at(size_t i);

/* Whether a format has lines "name value". */
bool show_has_json(const struct show_format *format);
/* Such a format as a JSON object: {"MemTotal_kB": 80000, ...}. */
void show_json(const struct show *s, const struct show_format *format, unsigned id, FILE *f);
/* Writes all files below dir, which is made if it is not there. */
int show_tree(const struct show *s, const char *dir, struct err *e);

/* One per format, in files of their names. */
void show_meminfo(const struct show *s, unsigned id, FILE *f);
void show_vmstat(const struct show *s, unsigned id, FILE *f);
void show_zoneinfo(const struct show *s, unsigned id, FILE *f);
void show_buddyinfo(const struct show *s, unsigned id, FILE *f);
void show_slabinfo(const struct show *s, unsigned id, FILE *f);
void show_pagetypeinfo(const struct show *s, unsigned id, FILE *f);
void show_free(const struct show *s, unsigned id, FILE *f);
void show_numactl(const struct show *s, unsigned id, FILE *f);
void show_numactl_s(const struct show *s, unsigned id, FILE *f);
void show_numastat(const struct show *s, unsigned id, FILE *f);
void show_numastat_m(const struct show *s, unsigned id, FILE *f);
void show_numastat_p(const struct show *s, unsigned id, FILE *f);
void show_procrank(const struct show *s, unsigned id, FILE *f);
void show_memcg(const struct show *s, unsigned id, FILE *f);
void show_oom(const struct show *s, unsigned id, FILE *f);
void show_showmap(const struct show *s, unsigned id, FILE *f);
void show_vmstat_s(const struct show *s, unsigned id, FILE *f);
void show_maps(const struct show *s, unsigned id, FILE *f);
void show_smaps(const struct show *s, unsigned id, FILE *f);
void show_smaps_rollup(const struct show *s, unsigned id, FILE *f);
void show_stat(const struct show *s, unsigned id, FILE *f);
void show_statm(const struct show *s, unsigned id, FILE *f);
void show_numa_maps(const struct show *s, unsigned id, FILE *f);
void show_status(const struct show *s, unsigned id, FILE *f);
void show_machine_stat(const struct show *s, unsigned id, FILE *f);
void show_uptime(const struct show *s, unsigned id, FILE *f);
void show_loadavg(const struct show *s, unsigned id, FILE *f);
void show_swaps(const struct show *s, unsigned id, FILE *f);
void show_diskstats(const struct show *s, unsigned id, FILE *f);
void show_version(const struct show *s, unsigned id, FILE *f);
void show_cpuinfo(const struct show *s, unsigned id, FILE *f);
void show_cpus_online(const struct show *s, unsigned id, FILE *f);
void show_cpus_offline(const struct show *s, unsigned id, FILE *f);
void show_node_meminfo(const struct show *s, unsigned id, FILE *f);
void show_node_numastat(const struct show *s, unsigned id, FILE *f);
void show_node_vmstat(const struct show *s, unsigned id, FILE *f);
void show_node_distance(const struct show *s, unsigned id, FILE *f);
void show_node_cpulist(const struct show *s, unsigned id, FILE *f);
void show_node_cpumap(const struct show *s, unsigned id, FILE *f);
void show_nodes_online(const struct show *s, unsigned id, FILE *f);
void show_nodes_with_cpu(const struct show *s, unsigned id, FILE *f);
void show_nodes_with_memory(const struct show *s, unsigned id, FILE *f);

/* Zones of Linux on x86-64 in their order: "DMA", ...; NULL past the last. */
const char *show_zone_name(size_t i);
/* What the zone of that scope keeps from requests that could use zone number `zone`, pages. */
int64_t show_zone_protection(const struct show *s, const char *scope, size_t zone);
/* Sum of a counter over the zones of a node. */
int64_t show_node_sum(const struct show *s, unsigned nid, const char *counter);
/* A bit for each node with memory. */
uint64_t show_memory_nodes(const struct show *s);
/* A line of the node's meminfo, kB. */
int64_t show_node_meminfo_kb(const struct show *s, unsigned nid, const char *name);
/* As sysfs and numastat name them. */
#define SHOW_NUMASTAT_ROWS 6
extern const char *const show_numastat_rows[SHOW_NUMASTAT_ROWS];
/* A mask of n bits, of which first to last - 1 are set: groups of 32 in hexadecimal, the highest first; the
 * first group has only the digits that n needs. */
void show_mask(unsigned n, unsigned first, unsigned last, FILE *f);

/* Time of all CPUs in ticks of 10 ms, as in /proc/stat; interrupts that are counted. */
struct show_ticks {
	uint64_t user, system, idle, iowait;
};
struct show_ticks show_cpu_ticks(const struct show *s);
int64_t show_interrupts(const struct show *s);

/* The numbers of the bits that are set in n words, "0-2,5", without a newline. */
void show_bit_list(const uint64_t *words, unsigned n, FILE *f);
/* "0-2,5\n" of the ids below n for which bit(s, id); an empty line when there is none. */
void show_list(const struct show *s, unsigned n, bool (*bit)(const struct show *s, unsigned id), FILE *f);

/* A counter of a file of the kernel, in the file's order. */
struct show_item {
	const char *name;
	unsigned divide; /* base pages stored, huge pages printed: 512; else 1 */
};
extern const struct show_item show_zone_items[], show_node_items[], show_numa_items[]; /* end: name NULL */

#endif
