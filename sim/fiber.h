/*
 * fiber.h - stacks of their own for simulated kernel code, so that it can block in the middle of a function.
 *
 * A task's kernel path (a page fault that waits for the disk, kswapd's endless loop) runs on a fiber; the
 * event loop runs on the thread's own stack. A switch costs a few nanoseconds: assembly on x86-64 and
 * AArch64, ucontext elsewhere. Fibers are switched by the event loop only, in event order, so they change
 * nothing about determinism.
 */
#ifndef SIM_FIBER_H
#define SIM_FIBER_H

#include "sim/base.h"

struct fiber;

/* A fiber that will run fn(arg) at its first fiber_resume. When fn returns, the fiber is done and can be
 * reset. */
struct fiber *fiber_new(void (*fn)(void *arg), void *arg);
/* Must not be called on the running fiber. */
void fiber_free(struct fiber *f);
/* Makes a done fiber start over with fn(arg), on the same stack. */
void fiber_reset(struct fiber *f, void (*fn)(void *arg), void *arg);
/* From the event loop: runs f until it yields or is done. */
void fiber_resume(struct fiber *f);
/* From inside a fiber: back to the event loop. */
void fiber_yield(void);
bool fiber_is_done(const struct fiber *f);
/* The running fiber, NULL in the event loop. */
struct fiber *fiber_current(void);

#endif
