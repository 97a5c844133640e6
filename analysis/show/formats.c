/*
 * formats.c - the list of formats.
 */
#include "analysis/show/show.h"

#define NODES "sys/devices/system/node/"
#define CPUS  "sys/devices/system/cpu/"

static const struct show_format formats[] = {
	{"meminfo", SHOW_MACHINE, "proc/meminfo", "the machine's memory, /proc/meminfo", show_meminfo},
	{"vmstat", SHOW_MACHINE, "proc/vmstat", "counters of the memory manager, /proc/vmstat", show_vmstat},
	{"zoneinfo", SHOW_MACHINE, "proc/zoneinfo", "zones and watermarks, /proc/zoneinfo", show_zoneinfo},
	{"buddyinfo", SHOW_MACHINE, "proc/buddyinfo", "free blocks by order, /proc/buddyinfo",
	 show_buddyinfo},
	{"pagetypeinfo", SHOW_MACHINE, "proc/pagetypeinfo", "blocks by migrate type, /proc/pagetypeinfo",
	 show_pagetypeinfo},
	{"slabinfo", SHOW_MACHINE, "proc/slabinfo", "slab caches, /proc/slabinfo", show_slabinfo},
	{"free", SHOW_MACHINE, NULL, "as free(1)", show_free},
	{"vmstat-s", SHOW_MACHINE, NULL, "sums, as vmstat -s", show_vmstat_s},
	{"numactl-H", SHOW_MACHINE, NULL, "nodes, as numactl --hardware", show_numactl},
	{"numactl-s", SHOW_MACHINE, NULL, "the policy programs start with, as numactl --show",
	 show_numactl_s},
	{"numastat", SHOW_MACHINE, NULL, "allocations by node, as numastat(8)", show_numastat},
	{"numastat-m", SHOW_MACHINE, NULL, "memory by node, as numastat -m", show_numastat_m},
	{"numastat-p", SHOW_PROCESS, NULL, "a process by node, as numastat -p PID", show_numastat_p},
	{"procrank", SHOW_MACHINE, NULL, "processes by proportional share, as Android's procrank",
	 show_procrank},
	{"showmap", SHOW_PROCESS, NULL, "mappings by name, as Android's showmap", show_showmap},
	{"memcg", SHOW_MACHINE, NULL, "the files of memory cgroups, /sys/fs/cgroup/NAME/memory.*",
	 show_memcg},
	{"oom", SHOW_MACHINE, NULL,
	 "what the kernel logs when it kills for memory; --at oom-1, ...: which kill", show_oom},
	{"maps", SHOW_PROCESS, "proc/%u/maps", "mappings, /proc/PID/maps", show_maps},
	{"smaps", SHOW_PROCESS, "proc/%u/smaps", "mappings and their memory, /proc/PID/smaps", show_smaps},
	{"smaps_rollup", SHOW_PROCESS, "proc/%u/smaps_rollup", "their sum, /proc/PID/smaps_rollup",
	 show_smaps_rollup},
	{"numa_maps", SHOW_PROCESS, "proc/%u/numa_maps", "mappings by node, /proc/PID/numa_maps",
	 show_numa_maps},
	{"status", SHOW_PROCESS, "proc/%u/status", "memory of a process, /proc/PID/status", show_status},
	{"stat", SHOW_PROCESS, "proc/%u/stat", "faults, threads, memory, /proc/PID/stat", show_stat},
	{"statm", SHOW_PROCESS, "proc/%u/statm", "memory in pages, /proc/PID/statm", show_statm},
	{"machine-stat", SHOW_MACHINE, "proc/stat", "time of the CPUs, /proc/stat", show_machine_stat},
	{"uptime", SHOW_MACHINE, "proc/uptime", "simulated time, /proc/uptime", show_uptime},
	{"loadavg", SHOW_MACHINE, "proc/loadavg", "processes, /proc/loadavg", show_loadavg},
	{"swaps", SHOW_MACHINE, "proc/swaps", "swap areas, /proc/swaps", show_swaps},
	{"diskstats", SHOW_MACHINE, "proc/diskstats", "block devices, /proc/diskstats", show_diskstats},
	{"version", SHOW_MACHINE, "proc/version", "of the modelled kernel, /proc/version", show_version},
	{"cpuinfo", SHOW_MACHINE, "proc/cpuinfo", "CPUs, /proc/cpuinfo", show_cpuinfo},
	{"cpu-online", SHOW_MACHINE, CPUS "online", "the CPUs", show_cpus_online},
	{"cpu-possible", SHOW_MACHINE, CPUS "possible", "the CPUs", show_cpus_online},
	{"cpu-present", SHOW_MACHINE, CPUS "present", "the CPUs", show_cpus_online},
	{"cpu-offline", SHOW_MACHINE, CPUS "offline", "no CPU", show_cpus_offline},
	{"node-meminfo", SHOW_NODE, NODES "node%u/meminfo", "a node's memory", show_node_meminfo},
	{"node-numastat", SHOW_NODE, NODES "node%u/numastat", "a node's allocations", show_node_numastat},
	{"node-vmstat", SHOW_NODE, NODES "node%u/vmstat", "a node's counters", show_node_vmstat},
	{"node-distance", SHOW_NODE, NODES "node%u/distance", "a node's distances", show_node_distance},
	{"node-cpulist", SHOW_NODE, NODES "node%u/cpulist", "a node's CPUs", show_node_cpulist},
	{"node-cpumap", SHOW_NODE, NODES "node%u/cpumap", "a node's CPUs as a mask", show_node_cpumap},
	{"node-online", SHOW_MACHINE, NODES "online", "the nodes", show_nodes_online},
	{"node-possible", SHOW_MACHINE, NODES "possible", "the nodes", show_nodes_online},
	{"node-has_cpu", SHOW_MACHINE, NODES "has_cpu", "nodes with CPUs", show_nodes_with_cpu},
	{"node-has_memory", SHOW_MACHINE, NODES "has_memory", "nodes with memory", show_nodes_with_memory},
};

const struct show_format *show_format_at(size_t i)
{
	return i < ARRAY_LEN(formats) ? &formats[i] : NULL;
}
