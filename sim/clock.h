/*
 * clock.h - clock domains: whole cycle counts to and from picoseconds by exact integer arithmetic.
 *
 * A domain has a frequency in Hz. cycles → ps is cycles * 10^12 / Hz, rounded up to a whole picosecond,
 * computed from the whole count each time: a rounded period is never added up, so there is no drift.
 */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include "sim/base.h"

struct clock_domain {
	uint64_t hz;
};

/*
 * 64 bits of picoseconds are 213 days. What a trace asks for (sleeps, instructions) ends in the first half of
 * them, so that no sum of a time and a duration passes the end.
 */
#define CLOCK_HORIZON (TICK_NEVER / 2)

#define HZ_PER_MHZ UINT64_C(1000000)

/* The time at which cycle number `cycles` begins, ps. */
static inline tick_t clock_ps(const struct clock_domain *d, uint64_t cycles)
{
	if (LIKELY(d->hz % HZ_PER_MHZ == 0)) /* the same quotient of smaller numbers: 64 bits do */
		return mul_div_up_u64(cycles, PS_PER_US, d->hz / HZ_PER_MHZ);
	return mul_div_up_u64(cycles, PS_PER_S, d->hz);
}

/* The first cycle that begins at or after `time`. Inverse of clock_ps: clock_cycles(clock_ps(c)) == c up to 1
 * THz. */
static inline uint64_t clock_cycles(const struct clock_domain *d, tick_t time)
{
	uint64_t c = LIKELY(d->hz % HZ_PER_MHZ == 0) ? mul_div_u64(time, d->hz / HZ_PER_MHZ, PS_PER_US)
						     : mul_div_u64(time, d->hz, PS_PER_S);

	return clock_ps(d, c) >= time ? c : c + 1;
}

#endif
