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
	X(course)        \
	X(pinatrace)     \
	X(din)           \
	X(xdin)          \
	X(dinero8)       \
	X(rw)            \
	X(dramsim3)      \
	X(ramulator)     \
	X(ramulator2)    \
	X(prospero)      \
	X(prospero21)    \
	X(perfmem)       \
	X(perfscript)    \
	X(msr)           \
	X(alibaba)       \
	X(champsim)      \
	X(cloudsuite)    \
	X(drmemtrace)    \
	X(gem5)          \
	X(oraclegeneral) \
	X(oracleopns)    \
	X(mtrace)        \
	X(heaptrack)     \
	X(malloclab)     \
	X(alloclog)      \
	X(strace)        \
	X(damon)         \
	X(damonjson)

#define TRACE_FORMAT_DECLARE(name) extern const struct importer_ops name##_importer;
TRACE_FORMATS(TRACE_FORMAT_DECLARE)
#undef TRACE_FORMAT_DECLARE

#endif
