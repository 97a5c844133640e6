/*
 * cli.c - what the subcommands share at the terminal: error lines, numbers for people, interrupts.
 */
#include "sim/cli.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int cli_fail(const struct err *e)
{
	fflush(stdout);
	fprintf(stderr, "faultline: %s\n", e->text);
	return err_exit_status(e->code);
}

const char *cli_si(char *buf, size_t n, double v)
{
	static const char *const suffix[] = {"", " k", " M", " G", " T", " P", " E"};
	double a = fabs(v);
	size_t k = 0;

	if (!(a <= 9.995e20)) { /* also not a number */
		snprintf(buf, n, "%.3g", v);
		return buf;
	}
	while (a >= 999.5) {
		a /= 1000;
		k++;
	}
	if (k == 0 && a == floor(a))
		snprintf(buf, n, "%s%.0f", v < 0 ? "-" : "", a);
	else
		snprintf(buf, n, "%s%.*f%s", v < 0 ? "-" : "",
			 a < 9.995   ? 2
			 : a < 99.95 ? 1
				     : 0,
			 a, suffix[k]);
	return buf;
}

size_t cli_columns(FILE *f)
{
	struct winsize w = {0};
	int saved = errno;

	if (ioctl(fileno(f), TIOCGWINSZ, &w) != 0)
		errno = saved; /* no terminal is no error */
	return w.ws_col ? w.ws_col : 80;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	if (interrupted) {
		signal(sig, SIG_DFL);
		raise(sig); /* delivered as the handler returns: the shell sees why it ended */
	}
	interrupted = 1;
}

bool cli_interrupted(void)
{
	return interrupted != 0;
}

void cli_catch_interrupts(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_signal;
	sa.sa_flags = SA_RESTART;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}
