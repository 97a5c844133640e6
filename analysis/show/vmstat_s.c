/*
 * vmstat_s.c - what vmstat -s of procps 4.0.2 prints.
 *
 * After the manual page. Memory is as in free, ticks as in /proc/stat.
 */
#include "analysis/show/show.h"

void show_vmstat_s(const struct show *s, unsigned id, FILE *f)
{
	struct show_ticks t = show_cpu_ticks(s);
	int64_t total = show_get(s, "meminfo", "MemTotal"), free = show_get(s, "meminfo", "MemFree");
	int64_t used = total - show_get(s, "meminfo", "MemAvailable");
	int64_t swap = show_get(s, "meminfo", "SwapTotal"), swap_free = show_get(s, "meminfo", "SwapFree");
	const struct {
		int64_t value;
		const char *what;
	} lines[] = {
		{total, "K total memory"},
		{used < 0 ? total - free : used, "K used memory"},
		{show_get(s, "meminfo", "Active"), "K active memory"},
		{show_get(s, "meminfo", "Inactive"), "K inactive memory"},
		{free, "K free memory"},
		{0, "K buffer memory"},
		{show_get(s, "meminfo", "Cached") + show_get(s, "meminfo", "SReclaimable"), "K swap cache"},
		{swap, "K total swap"},
		{swap - swap_free, "K used swap"},
		{swap_free, "K free swap"},
		{(int64_t)t.user, "non-nice user cpu ticks"},
		{0, "nice user cpu ticks"},
		{(int64_t)t.system, "system cpu ticks"},
		{(int64_t)t.idle, "idle cpu ticks"},
		{(int64_t)t.iowait, "IO-wait cpu ticks"},
		{0, "IRQ cpu ticks"},
		{0, "softirq cpu ticks"},
		{0, "stolen cpu ticks"},
		{0, "non-nice guest cpu ticks"},
		{0, "nice guest cpu ticks"},
		{show_get(s, "vmstat", "pgpgin"), "K paged in"},
		{show_get(s, "vmstat", "pgpgout"), "K paged out"},
		{show_get(s, "vmstat", "pswpin"), "pages swapped in"},
		{show_get(s, "vmstat", "pswpout"), "pages swapped out"},
		{show_interrupts(s), "interrupts"},
		{show_get(s, "m/machine/machine", "sched.switches"), "CPU context switches"},
		{0, "boot time"},
		{show_get(s, "m/machine/machine", "replay.threads"), "forks"},
	};

	(void)id;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		fprintf(f, "%13" PRId64 " %s\n", lines[i].value, lines[i].what);
}
