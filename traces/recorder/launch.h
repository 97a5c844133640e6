/*
 * launch.h - how a program is started under the emulator: `qemu … -0 ARGV0 PROGRAM ARGUMENTS`.
 *
 * Shared by the driver, which starts the first program, and the plugin, which execve leads here again (the
 * emulator itself would start the new program natively). After fs/binfmt_script.c and fs/binfmt_elf.c of
 * Linux 6.1: scripts are followed up to four interpreters deep, with one argument each.
 *
 * The emulator is a program of the host with the program's environment: what the dynamic linker would take
 * from it (LD_*, GLIBC_TUNABLES) goes to the program alone, by -E.
 */
#ifndef TRACES_RECORDER_LAUNCH_H
#define TRACES_RECORDER_LAUNCH_H

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "traces/recorder/shared.h"

#define LAUNCH_SCRIPTS      4
#define LAUNCH_OPTION_BYTES (2 * SHARED_PATH + 16)
#define LAUNCH_ENV_MAX      64 /* variables kept from the emulator */

enum launch_result {
	LAUNCH_OK,
	LAUNCH_MISSING, /* no such file, or not to be executed: execve says why */
	LAUNCH_FOREIGN, /* nothing that the emulator runs: another machine's, 32 bits, set-user-id */
};

struct launch {
	char program[PATH_MAX]; /* absolute: of the ELF file */
	char argv0[PATH_MAX];
	size_t nr_scripts;
	struct {
		char path[PATH_MAX], interpreter[256], argument[256];
	} script[LAUNCH_SCRIPTS]; /* the innermost last */
};

/* "interpreter argument" behind #!, cut at the line's end. */
static inline bool launch_parse_script(const char *head, size_t n, char *interpreter, char *argument)
{
	const char *p = head + 2, *end = memchr(head, '\n', n), *word;

	end = end ? end : head + n;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	for (word = p; p < end && *p != ' ' && *p != '\t'; p++)
		;
	snprintf(interpreter, 256, "%.*s", (int)(p - word), word);
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	snprintf(argument, 256, "%.*s", (int)(end - p), p);
	return *interpreter;
}

static inline bool launch_absolute(const char *path, char *out)
{
	char cwd[PATH_MAX];

	if (*path == '/')
		return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
	return getcwd(cwd, sizeof cwd) && snprintf(out, PATH_MAX, "%s/%s", cwd, path) < PATH_MAX;
}

static inline bool launch_is_elf(const char *head, size_t n)
{
	const Elf64_Ehdr *eh = (const void *)head;

	return n >= sizeof *eh && !memcmp(head, ELFMAG, SELFMAG) && eh->e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh->e_machine == EM_X86_64;
}

/* Follows path to the ELF file that will run. */
static inline enum launch_result launch_resolve(struct launch *l, const char *path, const char *argv0)
{
	_Alignas(8) char head[257];
	struct stat st;

	l->nr_scripts = 0;
	snprintf(l->argv0, sizeof l->argv0, "%s", argv0 ? argv0 : path);
	for (;;) {
		ssize_t n;
		int fd;

		if (!launch_absolute(path, l->program) || access(l->program, X_OK) != 0 ||
		    stat(l->program, &st) != 0 || !S_ISREG(st.st_mode))
			return LAUNCH_MISSING;
		if ((st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
		    (st.st_mode & S_ISGID && st.st_mode & S_IXGRP && st.st_gid != getegid()))
			return LAUNCH_FOREIGN;
		fd = open(l->program, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return LAUNCH_FOREIGN;
		n = read(fd, head, sizeof head - 1);
		close(fd);
		if (n < 2 || memcmp(head, "#!", 2))
			return n > 0 && launch_is_elf(head, (size_t)n) ? LAUNCH_OK : LAUNCH_FOREIGN;
		if (l->nr_scripts == LAUNCH_SCRIPTS ||
		    !launch_parse_script(head, (size_t)n, l->script[l->nr_scripts].interpreter,
					 l->script[l->nr_scripts].argument))
			return LAUNCH_MISSING;
		snprintf(l->script[l->nr_scripts].path, PATH_MAX, "%s", path);
		path = l->script[l->nr_scripts++].interpreter;
		snprintf(l->argv0, sizeof l->argv0, "%s", path);
	}
}

static inline bool launch_keeps(const char *variable)
{
	return !strncmp(variable, "LD_", 3) || !strncmp(variable, "GLIBC_TUNABLES=", 15);
}

/*
 * Runs what launch_resolve found; returns only when that fails. `option` is memory for the plugin's option,
 * of LAUNCH_OPTION_BYTES; argv and envp are the program's.
 */
static inline void launch_exec(const struct launch *l, const struct shared *s, char *option,
			       char *const *argv, char *const *envp)
{
	size_t argc = 0, nr_env = 0, n = 0, kept = 0;
	char **out, **env;

	while (argv[argc])
		argc++;
	while (envp[nr_env])
		nr_env++;
	out = malloc((argc + 2 * LAUNCH_SCRIPTS + 2 * LAUNCH_ENV_MAX + 16) * sizeof *out);
	env = malloc((nr_env + 1) * sizeof *env);
	if (!out || !env)
		return;
	snprintf(option, LAUNCH_OPTION_BYTES, "%s,memory=%s", s->plugin, s->memory);
	out[n++] = (char *)(uintptr_t)s->qemu;
	out[n++] = (char *)(uintptr_t) "-cpu";
	out[n++] = (char *)(uintptr_t)s->cpu;
	out[n++] = (char *)(uintptr_t) "-plugin";
	out[n++] = option;
	out[n++] = (char *)(uintptr_t) "-0";
	out[n++] = (char *)(uintptr_t)l->argv0;
	nr_env = 0;
	for (size_t i = 0; envp[i]; i++) {
		if (launch_keeps(envp[i]) && kept < LAUNCH_ENV_MAX) {
			out[n++] = (char *)(uintptr_t) "-E";
			out[n++] = envp[i];
			kept++;
		} else {
			env[nr_env++] = envp[i];
		}
	}
	env[nr_env] = NULL;
	out[n++] = (char *)(uintptr_t)l->program;
	for (size_t i = l->nr_scripts; i-- > 0;) {
		if (*l->script[i].argument)
			out[n++] = (char *)(uintptr_t)l->script[i].argument;
		out[n++] = (char *)(uintptr_t)l->script[i].path;
	}
	for (size_t i = 1; i < argc; i++)
		out[n++] = argv[i];
	out[n] = NULL;
	execve(s->qemu, out, env);
	free(out);
	free(env);
}

#endif
