/*
 * fabric.h - everything below the last-level caches: the bus or the links, and each node's DRAM.
 *
 * One node: all CPUs reach the one memory over one shared bus (UMA). Several nodes: a request goes over the
 * links to the node that holds the frame, to its DRAM, and the line comes back (NUMA).
 */
#ifndef MODELS_HW_FABRIC_H
#define MODELS_HW_FABRIC_H

#include "models/hw/dram.h"
#include "models/hw/link.h"
#include "models/hw/topology.h"

struct fabric {
	const struct topology *topology;
	struct link_net net;
	struct wire bus;
	bool has_bus;
	struct dram *dram; /* by node; nodes without memory have none */
	uint64_t line_bytes;
	unsigned line_shift;
};

struct fabric_params {
	struct link_params link;
	struct bus_params bus;
	struct dram_params dram;
};

/* t must outlive f. Errors (ERR_CONFIG): those of links and DRAM. */
int fabric_init(struct fabric *f, const struct fabric_params *p, const struct topology *t,
		uint64_t line_bytes, struct err *e);
void fabric_release(struct fabric *f);
/* The node whose memory holds the line. */
unsigned fabric_home(const struct fabric *f, uint64_t line);
/* A CPU of node `from` asks for a line at `at` (ps); returns when it has it. */
tick_t fabric_read(struct fabric *f, unsigned from, uint64_t line, tick_t at);
/* Node `from` writes a line back at `at`; nobody waits for it. */
void fabric_write(struct fabric *f, unsigned from, uint64_t line, tick_t at);
/* Node `from` asks node `to` something that takes it there_ps; the answer carries `payload` bytes. Returns
 * its arrival. */
tick_t fabric_ask(struct fabric *f, unsigned from, unsigned to, tick_t there_ps, uint64_t payload, tick_t at);
void fabric_register_stats(struct fabric *f, struct stat_registry *r);

#endif
