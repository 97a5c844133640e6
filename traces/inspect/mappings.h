/*
 * mappings.h - the mappings of a trace's processes at each moment of its recorded order.
 */
#ifndef TRACES_INSPECT_MAPPINGS_H
#define TRACES_INSPECT_MAPPINGS_H

#include "sim/map.h"
#include "traces/record.h"

enum mappings_verdict {
	MAPPINGS_INSIDE,
	MAPPINGS_NO_MAPPING,
	MAPPINGS_NO_READ,
	MAPPINGS_NO_WRITE,
	MAPPINGS_NO_EXEC,
	MAPPINGS_ENDED /* the process has ended */
};

struct space;

struct mappings {
	struct map space_of; /* pid -> struct space * */
	bool any;            /* a MAPPING, MMAP or BRK record was seen */
	bool full;           /* a process has more than MAPPINGS_MAX: what follows is not checked */
};
/* Of one process; twice of what vm.max_map_count allows. */
#define MAPPINGS_MAX 131072u

void mappings_init(struct mappings *m);
void mappings_release(struct mappings *m);
/* To be called with every control record, in the recorded order. */
void mappings_control(struct mappings *m, const struct control *c);
/* The address space of a process, for mappings_check until the next call of mappings_control. */
struct space *mappings_space(struct mappings *m, uint32_t pid);
/* Whether all of [addr, addr + size) may be accessed. A touch below a stack lets the stack grow. */
enum mappings_verdict mappings_check(struct space *s, uint64_t addr, uint64_t size, enum access_kind kind);
const char *mappings_verdict_text(enum mappings_verdict v);

#endif
