/*
 * pidstat.c - /proc/PID/stat and statm of Linux 6.1.
 *
 * After fs/proc/array.c do_task_stat, proc_pid_statm; fs/proc/task_mmu.c task_statm.
 *
 * Not modelled, printed as a kernel prints a process that never had them: session and terminal, CPU times,
 * start time, signals, the image's addresses, the last CPU. A process group is the process. Faults of
 * children are 0. Text is 0: which of the executable mappings is the program's own is not known.
 */
#include "analysis/show/show.h"

void show_stat(const struct show *s, unsigned id, FILE *f)
{
	char scope[32];
	int64_t size;

	snprintf(scope, sizeof scope, "proc/%s", show_process(s, id).text);
	size = show_get(s, scope, "VmSize");
	fprintf(f, "%u (%.15s) %c %" PRId64 " %u 0 0 -1 %u", id, show_comm(s, id), size ? 'S' : 'Z',
		show_get(s, scope, "ppid"), id, 0x00400000); /* PF_RANDOMIZE */
	fprintf(f, " %" PRId64 " 0 %" PRId64 " 0", show_get(s, scope, "minflt"),
		show_get(s, scope, "majflt"));
	fprintf(f, " 0 0 0 0 20 0 %" PRId64 " 0 0", show_get(s, scope, "threads"));
	fprintf(f, " %" PRId64 " %" PRId64 " 18446744073709551615", size * 1024,
		show_get(s, scope, "VmRSS") / 4);
	fputs(" 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0", f); /* exit_signal is SIGCHLD */
	fprintf(f, " 0 0 %" PRId64 " 0 0 0 0 0\n", show_get(s, scope, "start_brk"));
}

void show_statm(const struct show *s, unsigned id, FILE *f)
{
	char scope[32];
	int64_t shared;

	snprintf(scope, sizeof scope, "proc/%s", show_process(s, id).text);
	shared = show_get(s, scope, "RssFile") + show_get(s, scope, "RssShmem");
	fprintf(f, "%" PRId64 " %" PRId64 " %" PRId64 " 0 0 %" PRId64 " 0\n",
		show_get(s, scope, "VmSize") / 4, (shared + show_get(s, scope, "RssAnon")) / 4, shared / 4,
		(show_get(s, scope, "VmData") + show_get(s, scope, "VmStk")) / 4);
}
