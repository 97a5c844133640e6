/*
 * hierarchy.h - all caches of the machine and what keeps them coherent.
 *
 * Each CPU has L1d, L1i and an L2 that includes both; each node with CPUs has a last-level cache (LLC), or
 * none when its size is 0. Below them is the fabric.
 */
#ifndef MODELS_HW_HIERARCHY_H
#define MODELS_HW_HIERARCHY_H

#include "models/hw/cache.h"
#include "models/hw/directory.h"
#include "models/hw/fabric.h"

#define HIERARCHY_STATS(X, S)                                                                         \
	X(S, COUNTER, local_reads, "lines", "lines read from the memory of the CPU's own node")       \
	X(S, COUNTER, remote_reads, "lines", "lines read from another node's memory")                 \
	X(S, COUNTER, forwards, "lines", "lines read from another CPU's or another node's cache")     \
	X(S, COUNTER, upgrades, "stores", "stores to a line that was here but not this CPU's alone")  \
	X(S, COUNTER, snooped_cpus, "CPUs", "other CPUs whose copies stores of this CPU invalidated") \
	X(S, HISTOGRAM, read_cycles, "cycles", "load to use of lines that came from memory, waiting included")
STAT_STRUCT(hierarchy_stats, HIERARCHY_STATS);
extern const struct stat_table hierarchy_stat_table;

struct cpu_caches {
	struct cache l1d, l1i, l2;
	unsigned nid;
	struct hierarchy_stats stats;
};

struct hierarchy {
	struct cpu_caches *cpus;
	struct cache *llc; /* by node */
	bool *has_llc;     /* by node */
	unsigned nr_cpus, nr_nodes;
	enum cache_inclusion inclusion;
	struct directory directory; /* unused with one CPU */
	struct fabric fabric;
	struct clock_domain clock;
	uint64_t llc_latency; /* cycles: from a load that missed L2 to the LLC's answer; L2's when there is
				 none */
	tick_t llc_ps, snoop_ps;
};

enum line_use { LINE_LOAD, LINE_STORE, LINE_FETCH };

/* t must outlive h. Errors (ERR_CONFIG): those of caches and fabric, an L2 smaller than a first-level cache.
 */
int hierarchy_init(struct hierarchy *h, const struct cache_params *cp, const struct fabric_params *fp,
		   const struct topology *t, uint64_t seed, struct err *e);
void hierarchy_release(struct hierarchy *h);
/* One access of a CPU to one line at `now` (cycles); returns its latency in cycles. */
uint64_t hierarchy_access(struct hierarchy *h, unsigned cpu, uint64_t line, enum line_use use, uint64_t now);
/* The host starts to fetch the sets beyond the first level that an access to the line will search. */
void hierarchy_prefetch(const struct hierarchy *h, unsigned cpu, uint64_t line);
void hierarchy_register_stats(struct hierarchy *h, struct stat_registry *r);
/* Every cache is valid; L2 includes L1; an owned line has one holder; the directory knows exactly the
 * holders. Slow.
 */
bool hierarchy_is_valid(const struct hierarchy *h);

#endif
