/*
 * curves.h - curves of traces in a result store (the tables are analysis/additions.sql).
 */
#ifndef ANALYSIS_CURVES_H
#define ANALYSIS_CURVES_H

#include "sim/sink.h"

/* Adds n curves in one transaction; the store at path is created when it is not there. */
int curves_add(const char *path, const struct stored_curve *curves, size_t n, struct err *e);

#endif
