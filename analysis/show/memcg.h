/*
 * memcg.h - what other formats need of memory cgroups.
 */
#ifndef ANALYSIS_SHOW_MEMCG_H
#define ANALYSIS_SHOW_MEMCG_H

#include "analysis/show/tree.h"

/* Whether the process of scope "proc/P1" is in the group or in one that lies in it. */
bool memcg_holds(const struct show *s, const char *group, const char *process);
/* The lines of a group's memory.stat. */
void memcg_print_stat(const struct show *s, const char *group, FILE *f);

#endif
