/*
 * task.c - the table of a process's statistics.
 */
#include "models/kernel/task.h"

STAT_TABLE(process, process_stats, PROCESS_STATS);
