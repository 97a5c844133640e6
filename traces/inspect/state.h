/*
 * state.h - which control records a trace needs whose beginning is left out.
 */
#ifndef TRACES_INSPECT_STATE_H
#define TRACES_INSPECT_STATE_H

#include "sim/map.h"
#include "traces/record.h"

struct state {
	struct map file_size; /* by fid */
};

void state_init(struct state *s);
void state_release(struct state *s);
/*
 * To be called with every control record that is left out, in order. NULL: it had only an effect of the
 * moment. Else what is to be kept: c itself or *changed, which was filled in.
 */
const struct control *state_keep(struct state *s, const struct control *c, struct control *changed);

#endif
