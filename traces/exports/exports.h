/*
 * exports.h - the foreign formats that can be written, one row each: `faultline trace export --list` shows
 * them.
 *
 * An exporter gets the accesses of a trace one by one in the recorded order. What its format cannot hold is
 * left out and counted, and the user is told. A trace that came from the format by its importer and is
 * exported to it again is the same file, byte for byte, if the file was written as the format's own program
 * writes it and holds nothing that the importer skips.
 */
#ifndef TRACES_EXPORTS_EXPORTS_H
#define TRACES_EXPORTS_EXPORTS_H

#include "traces/pack.h"
#include "traces/source.h"

/* What a format can hold besides addresses, as bits of exporter_ops.keeps. */
enum export_keeps {
	KEEPS_FETCHES = 1, /* without it, fetches do not reach the exporter */
	KEEPS_STORES = 2,
	KEEPS_SIZES = 4,
	KEEPS_PROCESSES = 8,
	KEEPS_PAGES = 16, /* one access for each page of 4 KiB that is touched, not one for each access */
};

struct export_access {
	uint32_t pid, tid;
	uint64_t addr, time_ns; /* time_ns: of the last control record that had one, 0 for none */
	enum access_kind kind;
	uint32_t size, icount;
};

struct exporter_ops;
struct export
{
	const struct exporter_ops *ops;
	struct pack *out;
	const struct provenance *origin; /* of the trace */
	void *state;
	uint64_t time_ns;
	/* what was left out */
	uint64_t controls, fetches, stores, thread_changes;
	uint32_t pid, tid; /* of the last access */
	bool any;
};

struct exporter_ops {
	const char *name; /* that of the importer, if there is one */
	const char *sentence;
	unsigned keeps;
	size_t state_bytes;                            /* of x->state, zeroed; 0 for none */
	int (*begin)(struct export *x, struct err *e); /* may be NULL */
	int (*access)(struct export *x, const struct export_access *a, struct err *e);
	/* A control record: 1 when the format holds it, 0 when it is left out. NULL: it holds none. */
	int (*control)(struct export *x, const struct control *c, struct err *e);
	int (*finish)(struct export *x, struct err *e); /* behind the last access; may be NULL */
	void (*release)(struct export *x);              /* whatever happened; may be NULL */
};

#define TRACE_EXPORTS(X) \
	X(champsim)      \
	X(cloudsuite)    \
	X(course)        \
	X(din)           \
	X(dinero8)       \
	X(gem5)          \
	X(lackey)        \
	X(memtrace)      \
	X(oraclegeneral) \
	X(oracleopns)    \
	X(pages)         \
	X(ramulator)     \
	X(ramulator2)    \
	X(rw)            \
	X(xdin)

#define TRACE_EXPORT_DECLARE(name) extern const struct exporter_ops name##_exporter;
TRACE_EXPORTS(TRACE_EXPORT_DECLARE)
#undef TRACE_EXPORT_DECLARE

/* The rows, until NULL. */
const struct exporter_ops *exporter_at(size_t i);
const struct exporter_ops *exporter_find(const char *name);

/* out is not owned. Release with export_close, after an error too. */
int export_open(struct export *x, const struct exporter_ops *ops, struct pack *out,
		const struct provenance *origin, struct err *e);
int export_batch(struct export *x, const struct batch *b, struct err *e);
int export_finish(struct export *x, struct err *e);
void export_close(struct export *x);
/* What was left out, as text: "control records (3), …"; "" for nothing. */
void export_left_out(const struct export *x, char *text, size_t size);

/* ---- numbers as text; each returns the end ---- */

/* Lower-case hex of at least `digits` digits. */
char *export_hex(char *p, uint64_t v, unsigned digits);
char *export_dec(char *p, uint64_t v);

#endif
