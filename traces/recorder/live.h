/*
 * live.h - from the words of a ring to blocks of encoding "runs" (traces/encodings/runs.c), in one go.
 */
#ifndef TRACES_RECORDER_LIVE_H
#define TRACES_RECORDER_LIVE_H

#include "traces/live.h"

#define LIVE_WORDS 512       /* that decide what one run is, at most */
#define LIVE_TAKES LIVE_ROOM /* that live_take uses, at most */

struct live_block *live_new(void);
/*
 * Adds the accesses of words [*from, end) of the ring (indices modulo its size) until a stamp or a record
 * stands there, or the block wants to be seen by the writer; *from is then behind the words used. When the
 * words end, the last run is left for later, since more may come, unless `whole`.
 */
void live_take(struct live_block *b, const uint64_t *ring, uint64_t *from, uint64_t end, bool whole);

#endif
