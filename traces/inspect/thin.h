/*
 * thin.h - leaving out single accesses: those that are kept count the instructions of those that are not.
 */
#ifndef TRACES_INSPECT_THIN_H
#define TRACES_INSPECT_THIN_H

#include "sim/map.h"
#include "traces/source.h"

struct thin {
	/* Whether an access is kept; may change it. */
	bool (*keep)(const void *ctx, uint32_t pid, uint64_t *addr, uint32_t *meta);
	const void *ctx;
	uint64_t kept, dropped;
	/* as it goes */
	struct map owed; /* pid << 32 | tid -> instructions of dropped accesses */
	uint64_t *addr;
	uint32_t *meta;
	size_t cap;
};

void thin_init(struct thin *t, bool (*keep)(const void *ctx, uint32_t pid, uint64_t *addr, uint32_t *meta),
	       const void *ctx);
void thin_release(struct thin *t);
/*
 * Writes what is kept of b, then its control. The instructions owed go to the thread's next kept access, or
 * into an INSTR record before a control record or where they are too many for one access.
 */
int thin_write(struct thin *t, const struct batch *b, struct trace_writer *w, struct err *e);

#endif
