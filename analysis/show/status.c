/*
 * status.c - the memory part of /proc/PID/status of Linux 6.1.
 *
 * After fs/proc/array.c task_state, fs/proc/task_mmu.c task_mem. A process that has exited has no Vm lines,
 * like a zombie.
 *
 * Not modelled, left out: credentials, signals, capabilities, affinity, switches. VmPeak is VmSize; VmPin and
 * VmExe are 0, all executable mappings count as VmLib.
 */
#include "analysis/show/show.h"

void show_status(const struct show *s, unsigned id, FILE *f)
{
	static const char *const lines[] = {"VmLck",   "VmPin",    "VmHWM",  "VmRSS", "RssAnon",
					    "RssFile", "RssShmem", "VmData", "VmStk", "VmExe",
					    "VmLib",   "VmPTE",    "VmSwap"};
	char scope[32];
	int64_t size;

	snprintf(scope, sizeof scope, "proc/%s", show_process(s, id).text);
	size = show_get(s, scope, "VmSize");
	fprintf(f, "Name:\t%.15s\nUmask:\t0022\nState:\t%s\n", show_comm(s, id),
		size ? "S (sleeping)" : "Z (zombie)");
	fprintf(f, "Tgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%" PRId64 "\nTracerPid:\t0\n", id, id,
		show_get(s, scope, "ppid"));
	if (size) {
		fprintf(f, "VmPeak:\t%8" PRId64 " kB\nVmSize:\t%8" PRId64 " kB\n", size, size);
		for (size_t i = 0; i < ARRAY_LEN(lines); i++)
			fprintf(f, "%s:\t%8" PRId64 " kB\n", lines[i], show_get(s, scope, lines[i]));
		fprintf(f, "HugetlbPages:\t%8d kB\n", 0);
	}
	fprintf(f, "Threads:\t%" PRId64 "\n", show_get(s, scope, "threads"));
}
