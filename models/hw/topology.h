/*
 * topology.h - nodes, CPUs, distances, and where each node's memory lies in physical address space.
 *
 * Modelled: nodes of CPUs with local memory, nodes without CPUs (CXL-like) and without memory, a distance
 * matrix (ACPI SLIT, 10 = local). Physical layout as on a PC: node after node from address 0, with the hole
 * from 3 GiB to 4 GiB left out when memory reaches it (QEMU hw/i386/pc.c: below_4g_mem_size).
 */
#ifndef MODELS_HW_TOPOLOGY_H
#define MODELS_HW_TOPOLOGY_H

#include "sim/clock.h"
#include "sim/err.h"
#include "sim/param.h"

#define MAX_NODES 64
#define MAX_CPUS  256

#define TOPOLOGY_PARAMS(X, S)                                                                   \
	X(S, LIST, node_mem, "topology.node_mem", "1GiB", 0, UINT64_C(1) << 43, "bytes",        \
	  "memory of each node; as many entries as there are nodes, 0 = a node without memory") \
	X(S, LIST, node_cpus, "topology.node_cpus", "1", 0, MAX_CPUS, "CPUs",                   \
	  "CPUs of each node; one entry stands for all nodes, 0 = a node without CPUs")         \
	X(S, LIST, distances, "topology.distances", "", 10, 255, "SLIT",                        \
	  "distance matrix row by row, 10 = local; empty = 10 and 21")                          \
	X(S, U64, cpu_mhz, "cpu.mhz", "2600", 1, 100000, "MHz",                                 \
	  "frequency of every CPU (Xeon Gold 6240: 2.6 GHz nominal)")
PARAM_STRUCT(topology_params, TOPOLOGY_PARAMS);
extern const struct param_table topology_param_table;

/* Pages [start, end) belong to node nid. */
struct mem_range {
	pfn_t start, end;
	unsigned nid;
};

struct topology {
	unsigned nr_nodes, nr_cpus;
	uint8_t distance[MAX_NODES][MAX_NODES];
	uint16_t cpu_nid[MAX_CPUS];
	unsigned node_cpus[MAX_NODES];
	uint64_t node_pages[MAX_NODES];
	struct mem_range range[MAX_NODES + 1]; /* ascending; the node around the hole has two */
	unsigned nr_ranges;
	pfn_t end_pfn; /* one past the last frame */
	struct clock_domain cpu_clock;
};

/* Errors (ERR_CONFIG): no memory at all, no CPU at all, a node with neither, sizes that do not match,
 * asymmetric local distance. */
int topology_init(struct topology *t, const struct topology_params *p, struct err *e);
/* The node that holds pfn; pfn must lie in a range. */
unsigned topology_pfn_nid(const struct topology *t, pfn_t pfn);

#endif
