/*
 * dram.h - the memory of one node: channels, ranks, banks, open rows.
 */
#ifndef MODELS_HW_DRAM_H
#define MODELS_HW_DRAM_H

#include "models/hw/server.h"
#include "sim/err.h"
#include "sim/param.h"
#include "sim/stat.h"

#define DRAM_PARAMS(X, S)                                                                                    \
	X(S, LIST, channels, "dram.channels", "6", 1, 64, "channels",                                        \
	  "channels of a node's memory; one entry for all nodes or one a node (Cascade Lake: 6)")            \
	X(S, LIST, controller_ps, "dram.controller_ps", "14000", 0, 1000000000, "ps",                        \
	  "fixed time of the way to the controller and back; one entry for all nodes or one a node "         \
	  "(derived: "                                                                                       \
	  "81 ns idle on Cascade Lake 6240, refresh counted in)")                                            \
	X(S, U64, ranks, "dram.ranks", "2", 1, 64, "ranks", "ranks of a channel")                            \
	X(S, U64, banks, "dram.banks", "16", 1, 1024, "banks", "banks of a rank (DDR4: 16, DDR5: 32)")       \
	X(S, BYTES, row_bytes, "dram.row_bytes", "8KiB", 64, 1 << 20, "bytes",                               \
	  "a row over all chips of a rank (DDR4: 8 KiB, DDR5 sub-channel: 4 KiB)")                           \
	X(S, U64, tck_ps, "dram.tck_ps", "682", 100, 100000, "ps", "clock period (DDR4-2933: 682)")          \
	X(S, U64, tcl, "dram.tcl", "21", 1, 1000, "clocks", "column command to data (DDR4-2933: 21)")        \
	X(S, U64, trcd, "dram.trcd", "21", 1, 1000, "clocks",                                                \
	  "row opened to column command (DDR4-2933: 21)")                                                    \
	X(S, U64, trp, "dram.trp", "21", 1, 1000, "clocks", "row closed to next row opened (DDR4-2933: 21)") \
	X(S, U64, tras, "dram.tras", "47", 1, 10000, "clocks", "a row stays open at least (DDR4-2933: 47)")  \
	X(S, U64, burst, "dram.burst", "4", 1, 1000, "clocks",                                               \
	  "data wires in use for 64 bytes (DDR4, 64 wires: 4; DDR5, 32 wires: 8)")                           \
	X(S, U64, trefi, "dram.trefi", "11437", 0, 10000000, "clocks",                                       \
	  "time between refreshes of a rank, 0 = never (7.8 us)")                                            \
	X(S, U64, trfc, "dram.trfc", "513", 0, 100000, "clocks", "length of a refresh (350 ns)")             \
	X(S, U64, row_timeout, "dram.row_timeout", "2048", 0, 10000000, "clocks",                            \
	  "an open row that is not used so long is closed, 0 = stays open (uncalibrated)")
PARAM_STRUCT(dram_params, DRAM_PARAMS);
extern const struct param_table dram_param_table;

#define DRAM_STATS(X, S)                                                                                   \
	X(S, COUNTER, reads, "lines", "cache lines read")                                                  \
	X(S, COUNTER, writes, "lines", "cache lines written")                                              \
	X(S, COUNTER, row_hits, "lines", "accesses to an open row")                                        \
	X(S, COUNTER, row_misses, "lines", "accesses to a bank without an open row")                       \
	X(S, COUNTER, row_conflicts, "lines", "accesses to a bank with another row open")                  \
	X(S, COUNTER, refresh_waits, "lines", "accesses that waited for a refresh")                        \
	X(S, COUNTER, wait_ps, "ps", "time accesses waited for bank, refresh and wires, over all of them") \
	X(S, COUNTER, busy_ps, "ps", "time the data wires were in use, over all channels")
STAT_STRUCT(dram_stats, DRAM_STATS);
extern const struct stat_table dram_stat_table;

struct dram_bank {
	uint64_t row;        /* open row, DRAM_NO_ROW when closed */
	uint64_t epoch;      /* number of refreshes of the rank when the row was opened */
	tick_t ready;        /* next command not before */
	tick_t opened, used; /* the row was opened, its last column command is over */
	tick_t idle, begun;  /* the last time the bank was idle, if long enough for a row cycle */
};
#define DRAM_NO_ROW UINT64_MAX

struct dram {
	struct dram_bank *banks; /* channel by channel, rank by rank */
	struct server *channels; /* data wires: units of a burst */
	unsigned nr_channels;
	struct divisor by_channel, by_column, by_bank, by_rank, by_trefi;
	tick_t controller_ps, tcl_ps, trcd_ps, trp_ps, tras_ps, burst_ps, trfc_ps, row_timeout_ps;
	struct dram_stats stats;
};

/* The memory of node nid of nr_nodes. Errors (ERR_CONFIG): wrong number of list entries, a row that is no
 * multiple of a line, a refresh longer than its interval. */
int dram_init(struct dram *d, const struct dram_params *p, uint64_t line_bytes, unsigned nid,
	      unsigned nr_nodes, struct err *e);
void dram_release(struct dram *d);
/* Reads or writes a line (physical address / line size), asked for at `at`; returns when its data is over. */
tick_t dram_access(struct dram *d, uint64_t line, bool write, tick_t at);
/* Bytes a second that the wires of all channels can carry at most. */
uint64_t dram_peak_bytes_per_s(const struct dram *d, uint64_t line_bytes);

#endif
