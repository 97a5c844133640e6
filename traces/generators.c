/*
 * generators.c - the table of synthetic patterns.
 */
#include "traces/generators/generator.h"

#include <string.h>

static const struct {
	const struct importer_ops *ops;
	const struct generator_pattern *pattern;
} table[] = {
#define GENERATOR_ROW(name) {&name##_generator, &name##_pattern},
	GENERATOR_LIST(GENERATOR_ROW)
#undef GENERATOR_ROW
};

const struct importer_ops *generator_at(size_t i)
{
	return i < ARRAY_LEN(table) ? table[i].ops : NULL;
}

const struct importer_ops *generator_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].ops->name, name) == 0)
			return table[i].ops;
	return NULL;
}

const struct generator_pattern *generator_pattern_of(const struct importer_ops *ops)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].ops == ops)
			return table[i].pattern;
	return NULL;
}
