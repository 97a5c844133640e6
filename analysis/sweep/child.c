/*
 * child.c - starting, watching and stopping one program.
 *
 * Not modelled: process groups. What a child starts itself is the child's to stop.
 */
#include "analysis/sweep/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* In the child; only async-signal-safe calls. */
static _Noreturn void become(const char *program, char *const *argv, const struct child *c, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(fileno(c->out), STDOUT_FILENO) >= 0 && dup2(fileno(c->err), STDERR_FILENO) >= 0)
		execv(program, argv);
	_exit(127);
}

int child_start(struct child *c, const char *program, char *const *argv, struct err *e)
{
	pid_t parent = getpid();

	*c = (struct child){.out = tmpfile(), .err = tmpfile()};
	if (!c->out || !c->err) {
		int rc = err_set(e, ERR_IO, "cannot create a temporary file: %s", strerror(errno));

		child_release(c);
		return rc;
	}
	fcntl(fileno(c->out), F_SETFD, FD_CLOEXEC);
	fcntl(fileno(c->err), F_SETFD, FD_CLOEXEC);
	c->pid = fork();
	if (c->pid == 0)
		become(program, argv, c, parent);
	if (c->pid < 0) {
		int rc = err_set(e, ERR_NOMEM, "cannot start a program: %s", strerror(errno));

		c->pid = 0;
		child_release(c);
		return rc;
	}
	return 0;
}

bool child_has_ended(struct child *c, int *status)
{
	int ws;
	pid_t pid = waitpid(c->pid, &ws, WNOHANG);

	if (pid == 0 || (pid < 0 && errno == EINTR))
		return false;
	if (pid < 0)
		*status = 127;
	else
		*status = WIFSIGNALED(ws) ? 128 + WTERMSIG(ws) : WEXITSTATUS(ws);
	c->pid = 0;
	return true;
}

void child_last_line(FILE *f, char *buf, size_t n)
{
	char tail[1024];
	size_t len, start;
	long size;

	buf[0] = '\0';
	if (fseek(f, 0, SEEK_END) || (size = ftell(f)) <= 0)
		return;
	if (fseek(f, size > (long)sizeof tail ? size - (long)sizeof tail : 0, SEEK_SET))
		return;
	len = fread(tail, 1, sizeof tail, f);
	while (len && (tail[len - 1] == '\n' || tail[len - 1] == '\r'))
		len--;
	for (start = len; start && tail[start - 1] != '\n' && tail[start - 1] != '\r'; start--)
		;
	snprintf(buf, n, "%.*s", (int)(len - start), tail + start);
}

void child_ask_to_end(const struct child *c)
{
	if (c->pid)
		kill(c->pid, SIGTERM);
}

void child_wait(struct child *c, unsigned patience_ms)
{
	const struct timespec step = {.tv_nsec = 10000000};
	int status;

	if (!c->pid)
		return;
	for (unsigned ms = 0; ms < patience_ms; ms += 10) {
		if (child_has_ended(c, &status))
			return;
		nanosleep(&step, NULL);
	}
	kill(c->pid, SIGKILL);
	while (!child_has_ended(c, &status))
		nanosleep(&step, NULL);
}

void child_release(struct child *c)
{
	if (c->out)
		fclose(c->out);
	if (c->err)
		fclose(c->err);
	c->out = c->err = NULL;
}
