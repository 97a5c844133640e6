/*
 * cost.c - the tables of costs and causes.
 */
#include "models/kernel/cost.h"

PARAM_TABLE(cost, cost_params, COST_PARAMS);
STAT_TABLE(cycles, cycle_stats, CYCLE_CAUSES);
