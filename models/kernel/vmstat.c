/*
 * vmstat.c - the tables behind the kernel's counters.
 */
#include "models/kernel/vmstat.h"

STAT_TABLE(fate, fate_stats, FATE_STATS);

#define EVENT_ROW(S, id, name, unit, sentence) \
	{#name, STAT_COUNTER, unit, sentence, offsetof(struct vmstat, event) + VMEV_##id * sizeof(uint64_t)},
#define NODE_ROW(S, id, name, unit, sentence) \
	{#name, STAT_GAUGE, unit, sentence, offsetof(struct node_vmstat, item) + NR_##id * sizeof(int64_t)},
#define ZONE_ROW(S, id, name, unit, sentence) \
	{#name, STAT_GAUGE, unit, sentence, offsetof(struct zone_vmstat, item) + NR_##id * sizeof(int64_t)},
#define NUMA_ROW(S, id, name, unit, sentence) \
	{#name, STAT_COUNTER, unit, sentence, offsetof(struct numastat, item) + NR_##id * sizeof(uint64_t)},

static const struct stat_row event_rows[] = {VM_EVENTS(EVENT_ROW, )};
static const struct stat_row node_rows[] = {NODE_ITEMS(NODE_ROW, )};
static const struct stat_row zone_rows[] = {ZONE_ITEMS(ZONE_ROW, )};
static const struct stat_row numa_rows[] = {NUMA_ITEMS(NUMA_ROW, )};

const struct stat_table vmstat_stat_table = {"vmstat", event_rows, NR_VM_EVENTS, sizeof(struct vmstat)};
const struct stat_table node_vmstat_stat_table = {"node", node_rows, NR_NODE_ITEMS,
						  sizeof(struct node_vmstat)};
const struct stat_table zone_vmstat_stat_table = {"zone", zone_rows, NR_ZONE_ITEMS,
						  sizeof(struct zone_vmstat)};
const struct stat_table numastat_stat_table = {"numastat", numa_rows, NR_NUMA_ITEMS, sizeof(struct numastat)};
