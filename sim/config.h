/*
 * config.h - a YAML file to parameters, through libyaml's events.
 *
 * Nested mappings form the path (tlb: {l1d: {entries: 32}} is tlb.l1d.entries; "tlb.l1d.entries: 32" is the
 * same). Sequences of scalars become lists, a sequence of sequences becomes one list too (a distance matrix).
 * Errors carry file, line and column: syntax, duplicate key, unknown key (with the nearest one), out of
 * range, anchors and tags.
 */
#ifndef SIM_CONFIG_H
#define SIM_CONFIG_H

#include "sim/param.h"

/* Reads the file into ps. Origin of each value: "FILE:LINE:COL". */
int config_load(struct param_set *ps, const char *path, struct err *e);
/* The same from memory; `name` stands for the file in messages. */
int config_load_text(struct param_set *ps, const char *name, const char *text, size_t len, struct err *e);

#endif
