/*
 * window.c - keeping accesses by instructions and marks.
 *
 * Instructions are counted over all threads in the recorded order, marks only where they open and close the
 * window. An access belongs to the instructions counted with it: a block of code is kept or left out as a
 * whole. System calls are kept always, so that the mappings are right.
 */
#include "traces/recorder/window.h"

#include <string.h>

void window_init(struct window *w, const struct window_options *o)
{
	*w = (struct window){.o = *o, .open = !o->from_mark};
}

bool window_is_all(const struct window *w)
{
	const struct window_options *o = &w->o;

	return !o->from && !o->count && !o->from_mark && !o->to_mark && !o->period;
}

void window_mark(struct window *w, const char *label)
{
	if (w->over)
		return;
	if (w->open && w->o.to_mark && !strcmp(label, w->o.to_mark)) {
		w->over = true;
	} else if (!w->open && w->o.from_mark && !strcmp(label, w->o.from_mark)) {
		w->open = true;
		w->begin = w->instructions;
	}
}

/* Whether the instruction with this number since the window opened is kept. */
static bool keeps(struct window *w, uint64_t at)
{
	const struct window_options *o = &w->o;

	if (at < o->from)
		return false;
	at -= o->from;
	if (o->count && at >= o->count) {
		w->over = true;
		return false;
	}
	return !o->period || at % o->period < o->sample;
}

void window_filter(struct window *w, struct expanded *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		uint32_t count = META_ICOUNT(x->meta[i]);
		/* an access without a count belongs to the instruction before */
		uint64_t at = w->instructions - w->begin - (count || w->instructions == w->begin ? 0 : 1);

		w->instructions += count;
		if (!w->open || w->over || !keeps(w, at))
			continue;
		x->addr[n] = x->addr[i];
		x->meta[n++] = x->meta[i];
	}
	x->n = n;
}
