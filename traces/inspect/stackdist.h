/*
 * stackdist.h - an LRU stack of pages that says how deep each touched page lies.
 */
#ifndef TRACES_INSPECT_STACKDIST_H
#define TRACES_INSPECT_STACKDIST_H

#include "sim/base.h"

#define STACKDIST_PAGES_MAX (UINT64_C(1) << 30) /* 4 TiB in pages of 4 KiB */

struct stackdist;
struct stackdist *stackdist_new(void);
void stackdist_free(struct stackdist *s);
/*
 * Moves the page of process pid to the top and returns the depth at which it lay: 1 for the top, 0 when it
 * was not there. An LRU memory of n pages hits exactly the touches of depth 1 … n. At most
 * STACKDIST_PAGES_MAX pages: the caller looks at stackdist_len.
 */
uint64_t stackdist_touch(struct stackdist *s, uint32_t pid, uint64_t page);
/* Takes a page out; those below it rise by one. False when it was not there. */
bool stackdist_remove(struct stackdist *s, uint32_t pid, uint64_t page);
/* Pages in the stack. */
uint64_t stackdist_len(const struct stackdist *s);
/* Walks the invariants. */
bool stackdist_is_valid(const struct stackdist *s);

#endif
