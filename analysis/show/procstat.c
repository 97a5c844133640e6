/*
 * procstat.c - /proc/stat, uptime, loadavg, swaps, diskstats and version of Linux 6.1.
 *
 * After fs/proc/stat.c show_stat, fs/proc/uptime.c, fs/proc/loadavg.c, mm/swapfile.c swap_show, block/genhd.c
 * diskstats_show. Time is in ticks of 10 ms. A CPU's cycles up to the snapshot that no cause has yet are
 * idle.
 *
 * Not modelled: time of day (btime is 0), interrupts other than ticks and TLB shootdowns, soft interrupts,
 * load, tasks that run or are blocked (0), merged requests and time in queue of a disk; names and numbers of
 * devices are made up.
 */
#include "analysis/show/show.h"

#include <string.h>

static struct show_ticks ticks_of(const struct show *s, unsigned cpu)
{
	static const char *const user[] = {"cycles.user_insn", "cycles.user_memory", "cycles.tlb",
					   "cycles.walk"};
	uint64_t hz = (uint64_t)show_positive(s, "cpu.mhz", 2600) * 1000000;
	uint64_t v[4] = {0}, sum = 0, whole = (uint64_t)s->time_ps / 10000000000u;
	char scope[32];
	size_t end, i;

	snprintf(scope, sizeof scope, "m/cpu/%u", cpu);
	for (i = show_scope_rows(s, scope, &end); i < end; i++)
		if (!strncmp(s->rows[i].counter, "cycles.", 7))
			v[1] += (uint64_t)show_get(s, scope, s->rows[i].counter);
	for (i = 0; i < ARRAY_LEN(user); i++)
		v[0] += (uint64_t)show_get(s, scope, user[i]);
	v[2] = (uint64_t)show_get(s, scope, "cycles.idle");
	v[3] = (uint64_t)show_get(s, scope, "cycles.iowait");
	v[1] -= v[0] + v[2] + v[3];
	for (i = 0; i < ARRAY_LEN(v); i++) {
		v[i] = v[i] / hz * 100 + v[i] % hz * 100 / hz;
		sum += v[i];
	}
	if (sum < whole)
		v[2] += whole - sum;
	return (struct show_ticks){v[0], v[1], v[2], v[3]};
}

static void print_ticks(const char *name, const struct show_ticks *t, FILE *f)
{
	fprintf(f, "%s %" PRIu64 " 0 %" PRIu64 " %" PRIu64 " %" PRIu64 " 0 0 0 0 0\n", name, t->user,
		t->system, t->idle, t->iowait);
}

struct show_ticks show_cpu_ticks(const struct show *s)
{
	struct show_ticks all = {0};

	for (unsigned cpu = 0; cpu < s->nr_cpus; cpu++) {
		struct show_ticks t = ticks_of(s, cpu);

		all.user += t.user;
		all.system += t.system;
		all.idle += t.idle;
		all.iowait += t.iowait;
	}
	return all;
}

int64_t show_interrupts(const struct show *s)
{
	int64_t n = show_get(s, "m/machine/machine", "sched.ticks");

	for (unsigned cpu = 0; cpu < s->nr_cpus; cpu++)
		n += show_getf(s, "cpu.shootdowns_received", "m/cpu/%u", cpu);
	return n;
}

void show_machine_stat(const struct show *s, unsigned id, FILE *f)
{
	struct show_ticks all = show_cpu_ticks(s);
	char name[16];

	(void)id;
	print_ticks("cpu ", &all, f);
	for (unsigned cpu = 0; cpu < s->nr_cpus; cpu++) {
		struct show_ticks t = ticks_of(s, cpu);

		snprintf(name, sizeof name, "cpu%u", cpu);
		print_ticks(name, &t, f);
	}
	fprintf(f, "intr %" PRId64 "\nctxt %" PRId64 "\nbtime 0\nprocesses %" PRId64 "\n", show_interrupts(s),
		show_get(s, "m/machine/machine", "sched.switches"),
		show_get(s, "m/machine/machine", "replay.threads"));
	fputs("procs_running 0\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n", f);
}

void show_uptime(const struct show *s, unsigned id, FILE *f)
{
	uint64_t idle = show_cpu_ticks(s).idle, up = (uint64_t)s->time_ps / 10000000000u;

	(void)id;
	fprintf(f, "%" PRIu64 ".%02" PRIu64 " %" PRIu64 ".%02" PRIu64 "\n", up / 100, up % 100, idle / 100,
		idle % 100);
}

void show_loadavg(const struct show *s, unsigned id, FILE *f)
{
	unsigned processes = 0;

	(void)id;
	for (const char *p = NULL; (p = show_next(s, "proc/P", p));)
		processes += show_get(s, p, "VmSize") != 0;
	fprintf(f, "0.00 0.00 0.00 0/%u 0\n", processes);
}

void show_swaps(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	fputs("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", f);
	for (const char *a = NULL; (a = show_next(s, "swap/", a));) {
		int64_t size = show_get(s, a, "pages") * 4, used = show_get(s, a, "inuse") * 4;
		int n = fprintf(f, "/dev/swap%s", a + 5);

		fprintf(f, "%*s%s\t%" PRId64 "\t%s%" PRId64 "\t%s%" PRId64 "\n", n < 40 ? 40 - n : 1, " ",
			"partition", size, size < 10000000 ? "\t" : "", used, used < 10000000 ? "\t" : "",
			show_get(s, a, "priority"));
	}
}

void show_diskstats(const struct show *s, unsigned id, FILE *f)
{
	static const char *const devices[] = {"disk", "swap"};

	(void)id;
	for (unsigned i = 0; i < ARRAY_LEN(devices); i++) {
		char scope[32];

		snprintf(scope, sizeof scope, "m/device/%s", devices[i]);
		fprintf(f, "%4d %7u %s", 254, 16 * i, devices[i]);
		fprintf(f, " %" PRId64 " 0 %" PRId64 " %" PRId64, show_get(s, scope, "blkdev.reads"),
			show_get(s, scope, "blkdev.read_bytes") / 512,
			show_get(s, scope, "blkdev.read_latency") / 1000000);
		fprintf(f, " %" PRId64 " 0 %" PRId64 " %" PRId64, show_get(s, scope, "blkdev.writes"),
			show_get(s, scope, "blkdev.write_bytes") / 512,
			show_get(s, scope, "blkdev.write_latency") / 1000000);
		fprintf(f, " %" PRId64 " %" PRId64 " %" PRId64 " 0 0 0 0 0 0\n",
			show_get(s, scope, "blkdev.in_flight"),
			show_get(s, scope, "blkdev.busy_ps") / 1000000000,
			(show_get(s, scope, "blkdev.read_latency") +
			 show_get(s, scope, "blkdev.write_latency")) /
				1000000);
	}
}

void show_version(const struct show *s, unsigned id, FILE *f)
{
	(void)s;
	(void)id;
	fputs("Linux version 6.1.0 (faultline) #1 SMP simulated\n", f);
}
