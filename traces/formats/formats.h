/*
 * formats.h - the foreign formats that can be read, one row each: `faultline trace formats` lists them.
 */
#ifndef TRACES_FORMATS_FORMATS_H
#define TRACES_FORMATS_FORMATS_H

#include "traces/source.h"

#define TRACE_FORMATS(X) \
	X(text)          \
	X(memtrace)      \
	X(lackey)        \
	X(course)

#define TRACE_FORMAT_DECLARE(name) extern const struct importer_ops name##_importer;
TRACE_FORMATS(TRACE_FORMAT_DECLARE)
#undef TRACE_FORMAT_DECLARE

#endif
