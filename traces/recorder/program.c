/*
 * program.c - the recorded program as a child process.
 */
#include "traces/recorder/program.h"

#include <signal.h>
#include <sys/wait.h>

static volatile sig_atomic_t signals, last_signal, from_terminal;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	signals++;
	last_signal = sig;
	from_terminal = info->si_code == SI_KERNEL;
}

void program_catch_signals(void)
{
	struct sigaction sa = {.sa_flags = SA_SIGINFO};

	sa.sa_sigaction = on_signal;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGQUIT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

void program_pass_on_signals(struct program *p)
{
	unsigned seen = (unsigned)signals;

	if (seen == p->signals_seen)
		return;
	p->interrupted = true;
	if (seen > 1)
		kill(p->pid, SIGKILL);
	else if (!from_terminal)
		kill(p->pid, last_signal);
	p->signals_seen = seen;
}

void program_reap(struct program *p, int flags)
{
	int status;

	if (p->ended || waitpid(p->pid, &status, flags) != p->pid)
		return;
	p->ended = true;
	p->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
