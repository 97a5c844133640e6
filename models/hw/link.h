/*
 * link.h - what carries cache lines between nodes: point-to-point links with routes over several of them, and
 * the one shared bus of a machine with uniform memory.
 */
#ifndef MODELS_HW_LINK_H
#define MODELS_HW_LINK_H

#include "models/hw/server.h"
#include "models/hw/topology.h"
#include "sim/stat.h"

#define LINK_PARAMS(X, S)                                                                                  \
	X(S, LIST, pairs, "link.pairs", "", 0, MAX_NODES - 1, "nodes",                                     \
	  "the two nodes of each link; empty: a link for each pair that has no nearer node between the "   \
	  "two, "                                                                                          \
	  "by topology.distances")                                                                         \
	X(S, LIST, latency_ps, "link.latency_ps", "28870", 0, 1000000000, "ps",                            \
	  "one way over a link, without the message's own length; one entry for all links or one a link "  \
	  "(derived: Cascade Lake 6240, 81 ns local and 141 ns remote, Intel MLC)")                        \
	X(S, LIST, bandwidth_mbs, "link.bandwidth_mbs", "42500", 1, 10000000, "MB/s",                      \
	  "each direction of a link, headers counted; one entry for all links or one a link (derived: 34 " \
	  "GB/s of remote data on Cascade Lake 6240, Intel MLC)")                                          \
	X(S, U64, header_bytes, "link.header_bytes", "16", 1, 4096, "bytes",                               \
	  "a request or acknowledgement, and the header of a message with data (uncalibrated)")
PARAM_STRUCT(link_params, LINK_PARAMS);
extern const struct param_table link_param_table;

#define BUS_PARAMS(X, S)                                                                                   \
	X(S, U64, bandwidth_mbs, "bus.bandwidth_mbs", "140800", 1, 10000000, "MB/s",                       \
	  "one node: the bus between all CPUs and memory (the peak of six channels of DDR4-2933, so that " \
	  "memory limits and not the bus; a front-side bus of 2006: 8500)")                                \
	X(S, U64, latency_ps, "bus.latency_ps", "0", 0, 1000000000, "ps",                                  \
	  "one node: one way over the bus, without the message's own length")
PARAM_STRUCT(bus_params, BUS_PARAMS);
extern const struct param_table bus_param_table;

#define LINK_STATS(X, S)                                                               \
	X(S, COUNTER, messages, "messages", "messages carried, with and without data") \
	X(S, COUNTER, bytes, "bytes", "bytes carried, headers counted")                \
	X(S, COUNTER, busy_ps, "ps", "time the wires were in use")                     \
	X(S, COUNTER, wait_ps, "ps", "time messages waited for the wires, over all messages")
STAT_STRUCT(link_stats, LINK_STATS);
extern const struct stat_table link_stat_table;
extern const struct stat_table bus_stat_table;

/* One direction of a link, or a bus. */
struct wire {
	struct server server;
	uint64_t unit_bytes; /* what the server serves at a time */
	tick_t latency_ps;
	struct link_stats stats;
};

struct link {
	unsigned node[2];
	struct wire wire[2]; /* [0]: from node[0] to node[1] */
};

struct link_net {
	struct link *links;
	unsigned nr_links;
	uint64_t header_bytes;
	/* [from][to]: link to take first, times two, plus its direction */
	uint16_t route[MAX_NODES][MAX_NODES];
};

/* Messages are rounded up to whole units. */
void wire_init(struct wire *w, uint64_t unit_bytes, tick_t latency_ps, uint64_t bandwidth_mbs);
/* Sends bytes at time `at`; returns when the last byte has arrived. */
tick_t wire_send(struct wire *w, uint64_t bytes, tick_t at);

/* Errors (ERR_CONFIG): an odd list, a link from a node to itself or twice, wrong number of latencies, nodes
 * that no route joins. */
int link_net_init(struct link_net *n, const struct link_params *p, const struct topology *t, struct err *e);
void link_net_release(struct link_net *n);
/*
 * Sends a message of `payload` bytes and a header along the route, stored and forwarded at each hop; returns
 * its arrival. from == to costs nothing.
 */
tick_t link_send(struct link_net *n, unsigned from, unsigned to, uint64_t payload, tick_t at);
unsigned link_hops(const struct link_net *n, unsigned from, unsigned to);
void link_net_register_stats(struct link_net *n, struct stat_registry *r);

#endif
