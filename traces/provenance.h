/*
 * provenance.h - struct provenance as a JSON object and back.
 */
#ifndef TRACES_PROVENANCE_H
#define TRACES_PROVENANCE_H

#include "traces/source.h"

/* The JSON object (keys in the order of the struct, unknown fields left out); release with mem_free. */
char *provenance_to_json(const struct provenance *p);
/*
 * Reads an object of strings and booleans; unknown keys are skipped. The strings of *p lie in *keep, to be
 * released with mem_free. False when the text is no such object; *p is then empty.
 */
bool provenance_from_json(const char *json, size_t n, struct provenance *p, char **keep);

#endif
