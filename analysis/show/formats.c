/*
 * formats.c - the list of formats, and the tree of files that tools read.
 */
#include "analysis/show/show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NODES "sys/devices/system/node/"

static const struct show_format formats[] = {
	{"meminfo", SHOW_MACHINE, "proc/meminfo", "the machine's memory, /proc/meminfo", show_meminfo},
	{"vmstat", SHOW_MACHINE, "proc/vmstat", "counters of the memory manager, /proc/vmstat", show_vmstat},
	{"zoneinfo", SHOW_MACHINE, "proc/zoneinfo", "zones and watermarks, /proc/zoneinfo", show_zoneinfo},
	{"buddyinfo", SHOW_MACHINE, "proc/buddyinfo", "free blocks by order, /proc/buddyinfo",
	 show_buddyinfo},
	{"slabinfo", SHOW_MACHINE, "proc/slabinfo", "slab caches, /proc/slabinfo", show_slabinfo},
	{"free", SHOW_MACHINE, NULL, "as free(1)", show_free},
	{"numactl-H", SHOW_MACHINE, NULL, "nodes, as numactl --hardware", show_numactl},
	{"numastat", SHOW_MACHINE, NULL, "allocations by node, as numastat(8)", show_numastat},
	{"procrank", SHOW_MACHINE, NULL, "processes by proportional share, as Android's procrank",
	 show_procrank},
	{"maps", SHOW_PROCESS, "proc/%u/maps", "mappings, /proc/PID/maps", show_maps},
	{"smaps", SHOW_PROCESS, "proc/%u/smaps", "mappings and their memory, /proc/PID/smaps", show_smaps},
	{"numa_maps", SHOW_PROCESS, "proc/%u/numa_maps", "mappings by node, /proc/PID/numa_maps",
	 show_numa_maps},
	{"status", SHOW_PROCESS, "proc/%u/status", "memory of a process, /proc/PID/status", show_status},
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

/* Makes the directories of path that are not there. */
static int make_dirs(char *path, struct err *e)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		int rc;

		*p = '\0';
		rc = mkdir(path, 0777);
		if (rc && errno != EEXIST)
			return err_set(e, ERR_OPEN, "show: %s: %s", path, strerror(errno));
		*p = '/';
	}
	return 0;
}

static int write_file(const struct show *s, const struct show_format *format, unsigned id, const char *dir,
		      struct err *e)
{
	const char *mark = strstr(format->path, "%u");
	char path[4096];
	FILE *f;
	int n;

	if (mark)
		n = snprintf(path, sizeof path, "%s/%.*s%u%s", dir, (int)(mark - format->path), format->path,
			     id, mark + 2);
	else
		n = snprintf(path, sizeof path, "%s/%s", dir, format->path);
	if (n < 0 || (size_t)n >= sizeof path)
		return err_set(e, ERR_OPEN, "show: the path %.60s... is too long", dir);
	if (make_dirs(path, e))
		return -ERR_OPEN;
	f = fopen(path, "w");
	if (!f)
		return err_set(e, ERR_OPEN, "show: %s: %s", path, strerror(errno));
	format->print(s, id, f);
	n = ferror(f);
	if (fclose(f) || n)
		return err_set(e, ERR_IO, "show: writing %s failed", path);
	return 0;
}

int show_tree(const struct show *s, const char *dir, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_LEN(formats); i++) {
		const struct show_format *format = &formats[i];

		if (!format->path)
			continue;
		if (format->of == SHOW_MACHINE)
			rc = write_file(s, format, 0, dir, e);
		for (unsigned n = 0; !rc && format->of == SHOW_NODE && n < s->nr_nodes; n++)
			rc = write_file(s, format, n, dir, e);
		for (const char *p = NULL;
		     !rc && format->of == SHOW_PROCESS && (p = show_next(s, "proc/P", p));)
			rc = write_file(s, format, (unsigned)strtoul(p + 6, NULL, 10), dir, e);
	}
	return rc;
}
