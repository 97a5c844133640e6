/*
 * tree.h - writing a tree of files below a directory. The first error stops all that follows.
 */
#ifndef ANALYSIS_SHOW_TREE_H
#define ANALYSIS_SHOW_TREE_H

#include "analysis/show/show.h"

struct tree {
	const struct show *s;
	const char *dir;
	int rc;
	struct err *e;
};

/* A file for writing, its folders made; NULL when there was an error. Ended by tree_close. */
FILE *tree_open(struct tree *t, const char *path_format, ...) PRINTF_LIKE(2, 3);
void tree_close(struct tree *t, FILE *f);
/* A file of one line; the newline is added. */
void tree_line(struct tree *t, const char *text, const char *path_format, ...) PRINTF_LIKE(3, 4);
void tree_number(struct tree *t, uint64_t value, const char *path_format, ...) PRINTF_LIKE(3, 4);
/* A symbolic link to target, in place of what has its name. */
void tree_link(struct tree *t, const char *target, const char *path_format, ...) PRINTF_LIKE(3, 4);

/* What is no format of its own: sys/devices/system/cpu and proc/cpuinfo; sys/devices/system/memory;
 * proc/sys/vm and transparent_hugepage; small files of processes; sys/fs/cgroup, proc/PID/cgroup and
 * proc/PID/cpuset; demotion and memory tiers. */
void tree_cpus(struct tree *t);
void tree_memory_blocks(struct tree *t);
void tree_sysctl(struct tree *t);
void tree_processes(struct tree *t);
void tree_memcg(struct tree *t);
void tree_cpusets(struct tree *t);
void tree_tiers(struct tree *t);

#endif
