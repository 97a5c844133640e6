/*
 * cgroup.h - folders of /sys/fs/cgroup, whichever controller makes them ("memcg", "cpuset").
 *
 * The snapshot has a folder as scope CONTROLLER/NAME with its number as `id`; a process has the number of its
 * folder as the counter CONTROLLER.
 */
#ifndef ANALYSIS_SHOW_CGROUP_H
#define ANALYSIS_SHOW_CGROUP_H

#include "analysis/show/tree.h"

/* cgroup.procs: processes with an address space, a line each. */
void cgroup_print_procs(const struct show *s, const char *controller, const char *scope, FILE *f);
/* The name of the folder that a process is in; "" is the root. Lives as long as s. */
const char *cgroup_of(const struct show *s, const char *controller, const char *process);
/* Writes proc/PID/FILE of each process, the path of its folder behind `before`; nothing without folders. */
void cgroup_tree_processes(struct tree *t, const char *controller, const char *before, const char *file);

#endif
