/*
 * encodings.c - the table of block encodings.
 */
#include "traces/encodings/encoding.h"

static const struct block_encoding_ops *const table[] = {
	&runs_encoding,
	&recent_encoding,
	&delta_encoding,
	&planes_encoding,
};

const struct block_encoding_ops *encoding_at(size_t i)
{
	return i < ARRAY_LEN(table) ? table[i] : NULL;
}

const struct block_encoding_ops *encoding_by_number(unsigned number)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i]->number == number)
			return table[i];
	return NULL;
}
