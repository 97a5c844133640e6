/*
 * topology.c - the machine's shape from its parameters.
 *
 * Modelled after the PC: memory of node 0 from address 0, node 1 behind it, and so on, with 3 GiB to 4 GiB
 * left to devices once memory is larger than 3 GiB (QEMU hw/i386/pc.c, below_4g_mem_size with gigabyte
 * alignment). The distance matrix is valid as ACPI's SLIT is for Linux (drivers/acpi/numa/srat.c slit_valid):
 * 10 on the diagonal, more than 10 off it; the two directions of a pair may differ. CPUs are numbered node by
 * node.
 *
 * Complexity: building O(nodes^2), topology_pfn_nid O(log nodes).
 * Invariants: ranges ascend, do not touch the hole, and together hold node_pages[] of every node.
 * Not modelled: hardware threads and cores as levels of their own (each CPU has caches of its own), memory
 * interleaved over nodes by the firmware, the legacy holes below 1 MiB, hot-plugged memory and CPUs, CPUs of
 * different frequencies.
 */
#include "models/hw/topology.h"

#include <string.h>

PARAM_TABLE(topology, topology_params, TOPOLOGY_PARAMS);

#define HOLE_START_PFN ((UINT64_C(3) << 30) >> PAGE_SHIFT)
#define HOLE_END_PFN   ((UINT64_C(4) << 30) >> PAGE_SHIFT)
#define DISTANCE_LOCAL 10
#define DISTANCE_OTHER 21

static int set_sizes(struct topology *t, const struct topology_params *p, struct err *e)
{
	size_t n = p->node_mem.n;

	if (n == 0 || n > MAX_NODES)
		return err_set(e, ERR_CONFIG, "topology.node_mem: %zu nodes, expected 1 to %d", n, MAX_NODES);
	if (p->node_cpus.n != 1 && p->node_cpus.n != n)
		return err_set(e, ERR_CONFIG,
			       "topology.node_cpus: %zu entries for %zu nodes, expected one or one per node",
			       p->node_cpus.n, n);
	t->nr_nodes = (unsigned)n;
	for (unsigned i = 0; i < n; i++) {
		uint64_t bytes = p->node_mem.v[i];
		uint64_t cpus = p->node_cpus.v[p->node_cpus.n == 1 ? 0 : i];

		if (bytes % PAGE_SIZE)
			return err_set(e, ERR_CONFIG,
				       "topology.node_mem: node %u has %" PRIu64
				       " bytes, expected a multiple of %" PRIu64,
				       i, bytes, PAGE_SIZE);
		if (!bytes && !cpus)
			return err_set(e, ERR_CONFIG,
				       "topology: node %u has neither memory nor CPUs (topology.node_mem, "
				       "topology.node_cpus)",
				       i);
		if (t->nr_cpus + cpus > MAX_CPUS)
			return err_set(e, ERR_CONFIG, "topology.node_cpus: more than %d CPUs", MAX_CPUS);
		t->node_pages[i] = bytes >> PAGE_SHIFT;
		t->node_cpus[i] = (unsigned)cpus;
		for (uint64_t c = 0; c < cpus; c++)
			t->cpu_nid[t->nr_cpus++] = (uint16_t)i;
	}
	return t->nr_cpus ? 0 : err_set(e, ERR_CONFIG, "topology.node_cpus: no CPU in the whole machine");
}

static int set_distances(struct topology *t, const struct topology_params *p, struct err *e)
{
	unsigned n = t->nr_nodes;

	if (p->distances.n != 0 && p->distances.n != (size_t)n * n)
		return err_set(e, ERR_CONFIG,
			       "topology.distances: %zu numbers, expected %u (%u rows of %u) or none",
			       p->distances.n, n * n, n, n);
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < n; j++) {
			uint64_t d = i == j ? DISTANCE_LOCAL : DISTANCE_OTHER;

			if (p->distances.n)
				d = p->distances.v[i * n + j];
			if (i == j && d != DISTANCE_LOCAL)
				return err_set(e, ERR_CONFIG,
					       "topology.distances: node %u to itself is %" PRIu64
					       ", expected 10",
					       i, d);
			if (i != j && (d <= DISTANCE_LOCAL || d > UINT8_MAX))
				return err_set(e, ERR_CONFIG,
					       "topology.distances: node %u to node %u is %" PRIu64
					       ", expected 11 to 255",
					       i, j, d);
			t->distance[i][j] = (uint8_t)d;
		}
	}
	return 0;
}

static void add_range(struct topology *t, uint64_t start, uint64_t end, unsigned nid)
{
	if (start < end)
		t->range[t->nr_ranges++] = (struct mem_range){(pfn_t)start, (pfn_t)end, nid};
}

static int set_ranges(struct topology *t, struct err *e)
{
	uint64_t total = 0, at = 0;

	for (unsigned i = 0; i < t->nr_nodes; i++)
		total += t->node_pages[i];
	if (!total)
		return err_set(e, ERR_CONFIG, "topology.node_mem: no memory in the whole machine");
	if (total + (HOLE_END_PFN - HOLE_START_PFN) >= PFN_NONE)
		return err_set(e, ERR_CONFIG,
			       "topology.node_mem: %" PRIu64 " pages in all, expected less than 16 TiB",
			       total);
	for (unsigned i = 0; i < t->nr_nodes; i++) {
		uint64_t end = at + t->node_pages[i];

		if (at < HOLE_START_PFN && end > HOLE_START_PFN) {
			add_range(t, at, HOLE_START_PFN, i);
			end += HOLE_END_PFN - HOLE_START_PFN;
			at = HOLE_END_PFN;
		} else if (at == HOLE_START_PFN && end > at) {
			end += HOLE_END_PFN - HOLE_START_PFN;
			at = HOLE_END_PFN;
		}
		add_range(t, at, end, i);
		at = end;
	}
	t->end_pfn = t->range[t->nr_ranges - 1].end;
	return 0;
}

int topology_init(struct topology *t, const struct topology_params *p, struct err *e)
{
	int rc;

	memset(t, 0, sizeof *t);
	t->cpu_clock.hz = p->cpu_mhz * 1000000;
	rc = set_sizes(t, p, e);
	if (!rc)
		rc = set_distances(t, p, e);
	if (!rc)
		rc = set_ranges(t, e);
	return rc;
}

unsigned topology_pfn_nid(const struct topology *t, pfn_t pfn)
{
	unsigned lo = 0, len = t->nr_ranges;

	while (len > 1) {
		unsigned half = len / 2;

		lo += pfn >= t->range[lo + half].start ? half : 0;
		len -= half;
	}
	return t->range[lo].nid;
}
