/*
 * rng.h - named streams of random numbers.
 *
 * A stream is keyed by (seed, component path), so a new component or a new draw in one component changes no
 * other one's numbers. The generator is xoshiro256** (Blackman and Vigna 2018), seeded by splitmix64.
 */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include "sim/base.h"

struct rng {
	uint64_t s[4];
};

/* Starts the stream of the component named path, for instance "tlb.cpu0.l1d". */
void rng_init(struct rng *r, uint64_t seed, const char *path);
uint64_t rng_next(struct rng *r);
/* Uniform in 0 … n-1 without bias (Lemire 2019); n must not be 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
/* Uniform in [0, 1) with 53 bits. */
double rng_unit(struct rng *r);
/* One step of splitmix64 on *state. */
uint64_t splitmix64(uint64_t *state);

#endif
