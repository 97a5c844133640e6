/*
 * plan.h - the grid of a sweep: axes given as PATH=V1,V2,..., and their cross product in the given order.
 *
 * The first axis varies slowest. A value in brackets may hold commas: numa.nodes=[0,1],[0] has two values,
 * "0,1" and "0". Points are numbered from 0.
 */
#ifndef ANALYSIS_SWEEP_PLAN_H
#define ANALYSIS_SWEEP_PLAN_H

#include "sim/err.h"

/* Points that a plan may have at most. */
#define PLAN_POINTS_MAX 1000000

struct plan_axis {
	char *path;
	char **values;
	size_t n;
};

struct plan {
	struct plan_axis *axes;
	size_t nr_axes;
};

void plan_init(struct plan *p);
void plan_release(struct plan *p);
/*
 * Adds the axis that text describes. ERR_USAGE: no '=', no path, an axis twice, an empty value, a value
 * twice, brackets that do not match. ERR_LIMIT: more than PLAN_POINTS_MAX points.
 */
int plan_add_axis(struct plan *p, const char *text, struct err *e);
/* 1 for a plan without axes. */
size_t plan_nr_points(const struct plan *p);
/* Value of the axis at a point. */
const char *plan_value(const struct plan *p, size_t point, size_t axis);
/* "PREFIX/path=value,path=value"; just the prefix without axes. To be freed with mem_free. */
char *plan_point_name(const struct plan *p, const char *prefix, size_t point);

#endif
