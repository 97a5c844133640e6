/*
 * kernel_names.c - the tables behind kernel_names.h.
 */
#include "traces/formats/kernel_names.h"

#include <string.h>

#define ROW(name, number) {#name, number},
const struct kernel_name madvise_names[] = {MADVISE_NAMES(ROW){NULL, 0}};
const struct kernel_name fadvise_names[] = {FADVISE_NAMES(ROW){NULL, 0}};
const struct kernel_name mpol_names[] = {MPOL_NAMES(ROW){NULL, 0}};

bool kernel_name_find(const struct kernel_name *table, const char *s, size_t n, uint64_t *number)
{
	for (; table->name; table++)
		if (strlen(table->name) == n && !memcmp(table->name, s, n)) {
			*number = table->number;
			return true;
		}
	return false;
}

const char *kernel_name_of(const struct kernel_name *table, uint64_t number)
{
	for (; table->name; table++)
		if (table->number == number)
			return table->name;
	return NULL;
}
