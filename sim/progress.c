/*
 * progress.c - one line on the terminal that says how far a long command is. Uses the host's clock, which no
 * model ever sees.
 */
#include "sim/cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/mem.h"

#define INTERVAL_NS UINT64_C(250000000)

struct progress {
	char what[40];
	uint64_t total, begin_ns, next_ns;
	bool printed;
};

static bool enabled = true;

void progress_enable(bool on)
{
	enabled = on;
}

static uint64_t host_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

double cli_wall_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static bool stderr_can_wipe(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

struct progress *progress_new(const char *what, uint64_t total)
{
	struct progress *p;

	if (!enabled || !stderr_can_wipe())
		return NULL;
	p = mem_alloc_late(1, sizeof *p);
	snprintf(p->what, sizeof p->what, "%s", what);
	p->total = total;
	p->begin_ns = host_ns();
	p->next_ns = p->begin_ns + INTERVAL_NS;
	return p;
}

/* ", 1:05 left", or "" when that is unknown. */
static const char *time_left(char *buf, size_t n, const struct progress *p, uint64_t done, double rate)
{
	double s = done && p->total > done && rate > 0 ? (double)(p->total - done) / rate : -1;

	buf[0] = '\0';
	if (s >= 0 && s < 360000)
		snprintf(buf, n, ", %u:%02u left", (unsigned)s / 60, (unsigned)s % 60);
	return buf;
}

static void print(const struct progress *p, uint64_t done, const char *detail, uint64_t now_ns)
{
	double seconds = (double)(now_ns - p->begin_ns) / 1e9;
	double rate = seconds > 0 ? (double)done / seconds : 0;
	char a[32], b[32], r[32], left[48], part[80] = "", line[240];
	size_t columns = cli_columns(stderr);

	if (p->total)
		snprintf(part, sizeof part, " of %s (%.0f %%)", cli_si(b, sizeof b, (double)p->total),
			 100.0 * (double)MIN_OF(done, p->total) / (double)p->total);
	snprintf(line, sizeof line, "%s: %s%s, %s/s%s%s%s", p->what, cli_si(a, sizeof a, (double)done), part,
		 cli_si(r, sizeof r, rate), detail && *detail ? ", " : "", detail ? detail : "",
		 time_left(left, sizeof left, p, done, rate));
	if (strlen(line) >= columns)
		line[columns - 1] = '\0'; /* a line that wraps could not be wiped */
	fprintf(stderr, "\r\033[K%s", line);
	fflush(stderr);
}

void progress_update(struct progress *p, uint64_t done, const char *detail)
{
	uint64_t now_ns;

	if (!p)
		return;
	now_ns = host_ns();
	if (now_ns < p->next_ns)
		return;
	p->next_ns = now_ns + INTERVAL_NS;
	p->printed = true;
	print(p, done, detail, now_ns);
}

void progress_free(struct progress *p)
{
	if (p && p->printed)
		fputs("\r\033[K", stderr);
	mem_free(p);
}
