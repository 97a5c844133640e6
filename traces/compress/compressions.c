/*
 * compressions.c - the table of compressions.
 */
#include "traces/compress/compression.h"

#define ROW(name) &name##_compression,
static const struct compression_ops *const rows[] = {COMPRESSIONS(ROW)};
#undef ROW

const struct compression_ops *compression_at(size_t i)
{
	return i < ARRAY_LEN(rows) ? rows[i] : NULL;
}
