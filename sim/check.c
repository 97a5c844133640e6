/*
 * check.c - the end of a run whose program broke its own rules.
 */
#include "sim/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const tick_t *clock_ps;

void check_set_clock(const tick_t *now_ps)
{
	clock_ps = now_ps;
}

_Noreturn void check_failed(const char *file, int line, const char *cond, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "faultline: internal error at %s:%d", file, line);
	if (clock_ps)
		fprintf(stderr, ", simulated time %" PRIu64 " ps", *clock_ps);
	fprintf(stderr, ": %s: ", cond);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}
