/*
 * check.h - assertions about the program itself.
 *
 * CHECK stays in every build and aborts with the place, the simulated time and a message. DCHECK exists in
 * the checked build only (-DFAULTLINE_CHECKED, what `make check` tests), so it may be expensive.
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "sim/base.h"

/* Where CHECK reads the simulated time from; NULL outside a run. */
void check_set_clock(const tick_t *now_ps);

_Noreturn void check_failed(const char *file, int line, const char *cond, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

#define CHECK(cond, ...)                                                      \
	do {                                                                  \
		if (UNLIKELY(!(cond)))                                        \
			check_failed(__FILE__, __LINE__, #cond, __VA_ARGS__); \
	} while (0)

#ifdef FAULTLINE_CHECKED
#define DCHECK(cond, ...) CHECK(cond, __VA_ARGS__)
#else
#define DCHECK(cond, ...)                                                     \
	do {                                                                  \
		if (0 && !(cond))                                             \
			check_failed(__FILE__, __LINE__, #cond, __VA_ARGS__); \
	} while (0)
#endif

#endif
