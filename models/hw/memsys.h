/*
 * memsys.h - what a memory access costs once its physical address is known.
 *
 * Two settings. Caches off (memory.caches = false): an access at distance d costs memory.flat_cycles * d /
 * 10, an average access time, no state, no contention. Caches on: L1 data or instruction, L2, last level,
 * then the bus (one node) or the links to the node that holds the frame, then that node's DRAM; every level
 * has state, links and DRAM have queues.
 */
#ifndef MODELS_HW_MEMSYS_H
#define MODELS_HW_MEMSYS_H

#include "models/hw/topology.h"
#include "sim/stat.h"

#define MEMSYS_PARAMS(X, S)                                                                                  \
	X(S, BOOL, caches, "memory.caches", "false", 0, 1, "",                                               \
	  "simulate caches, links and DRAM; off: each access costs memory.flat_cycles, scaled by distance")  \
	X(S, U64, flat_cycles, "memory.flat_cycles", "10", 1, 10000, "cycles",                               \
	  "caches off: average cost of a local memory access (uncalibrated: hit rates of the caches folded " \
	  "in)")                                                                                             \
	X(S, U64, flat_walk_cycles, "memory.flat_walk_cycles", "18", 1, 100000, "cycles",                    \
	  "caches off: average cost of a local page-table access (uncalibrated: mostly an L2 hit of 14 "     \
	  "cycles)")
PARAM_STRUCT(memsys_params, MEMSYS_PARAMS);
extern const struct param_table memsys_param_table;

enum mem_access_kind { MEM_LOAD, MEM_STORE, MEM_FETCH, MEM_WALK };

struct memsys;
struct stat_registry;
struct param_set;

/* Where the parameters of caches, links and DRAM live; registered by memsys_params_add. */
struct memsys_config;
struct memsys_config *memsys_config_new(struct param_set *ps);
void memsys_config_free(struct memsys_config *c);

/* Builds the hierarchy. Errors (ERR_CONFIG): zero ways, sizes that are no multiple of line times ways, and so
 * on. */
int memsys_new(struct memsys **out, const struct memsys_config *c, const struct topology *t, uint64_t seed,
	       struct err *e);
void memsys_free(struct memsys *m);
void memsys_register_stats(struct memsys *m, struct stat_registry *r);
/* Tables of statistics of caches, links and DRAM; NULL past the last. */
const struct stat_table *memsys_stat_table(size_t i);

/* Caches off: cost in cycles of an access (or walk step) by a CPU of node `from` to memory of node `to`. */
uint32_t memsys_flat_cycles(const struct memsys *m, unsigned from, unsigned to, bool walk);
bool memsys_has_caches(const struct memsys *m);
/*
 * Caches on: an access of `size` bytes within one page at physical address pa by `cpu` at that CPU's time now
 * (cycles). Returns its latency in cycles. Calls must come in non-decreasing order of `now` over all CPUs,
 * but for skews below the latency of a link, which the queues tolerate.
 */
uint64_t memsys_access(struct memsys *m, unsigned cpu, paddr_t pa, uint32_t size, enum mem_access_kind kind,
		       uint64_t now);
/* Caches on: the host starts to fetch what an access to pa will read. Changes nothing in the model. */
void memsys_prefetch(const struct memsys *m, unsigned cpu, paddr_t pa);

#endif
