/*
 * state.c - the control records that build up state: processes, threads, files (as large as they have
 * become), mappings, protections, locks, policies, affinity. Reads, writes, syncs, sleeps, marks, advice to
 * drop or fetch pages had an effect of the moment only.
 */
#include "traces/inspect/state.h"

#define ADVICE_SEQUENTIAL 2u /* the last of normal, random, sequential; of madvise and fadvise */
#define ADVICE_REMOVE     9u
#define ADVICE_HOLD_LAST  19u /* MADV_KEEPONFORK: the last of those that mark the mapping */

void state_init(struct state *s)
{
	map_init(&s->file_size);
}

void state_release(struct state *s)
{
	map_release(&s->file_size);
}

/* Advice that holds on, as opposed to advice that does something at once. */
static bool advice_stays(enum record_op op, uint64_t advice)
{
	return advice <= ADVICE_SEQUENTIAL ||
	       (op == REC_MADVISE && advice > ADVICE_REMOVE && advice <= ADVICE_HOLD_LAST);
}

static bool builds_state(const struct control *c)
{
	switch (c->op) {
	case REC_SYNC:
	case REC_INSTR:
	case REC_MARK:
	case REC_MSYNC:
	case REC_MIGRATE_PAGES:
	case REC_READ:
	case REC_WRITE:
	case REC_FSYNC:
	case REC_SLEEP:
	case REC_DROP_CACHES:
	case REC_OTHER:
		return false;
	case REC_MADVISE:
		return advice_stays(c->op, c->arg[2]);
	case REC_FADVISE:
		return advice_stays(c->op, c->arg[3]);
	default:
		return true;
	}
}

/* Follows file sizes; a write that lets a file grow becomes a TRUNCATE in *changed. */
const struct control *state_keep(struct state *s, const struct control *c, struct control *changed)
{
	uint64_t size = 0, end = c->arg[1] + c->arg[2];

	if (c->op == REC_FILE || c->op == REC_TRUNCATE)
		map_put(&s->file_size, c->arg[0], c->arg[1]);
	if (c->op != REC_WRITE || !map_get(&s->file_size, c->arg[0], &size) || end <= size || c->result < 0)
		return builds_state(c) ? c : NULL;
	map_put(&s->file_size, c->arg[0], end);
	*changed = *c;
	changed->op = REC_TRUNCATE;
	changed->arg[1] = end;
	changed->arg[2] = changed->arg[3] = 0;
	changed->result = 0;
	return changed;
}
