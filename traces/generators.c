/*
 * generators.c - the table of synthetic patterns.
 */
#include "traces/generators/generator.h"

#include <string.h>

#define GENERATOR_ROW(name) &name##_generator,
static const struct importer_ops *const rows[] = {GENERATOR_LIST(GENERATOR_ROW)};
#undef GENERATOR_ROW

const struct importer_ops *generator_at(size_t i)
{
	return i < ARRAY_LEN(rows) ? rows[i] : NULL;
}

const struct importer_ops *generator_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i]->name, name) == 0)
			return rows[i];
	return NULL;
}
