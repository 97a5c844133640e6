/*
 * oom.c - the OOM killer's report of a kill, as the kernel logs it.
 *
 * After mm/oom_kill.c dump_header, dump_tasks, dump_oom_summary, __oom_kill_process;
 * include/trace/events/mmflags.h for the names of a request's flags; Linux 6.1. In a snapshot that was taken
 * at a kill (oom-1, ...) the report is whole. In another one it is that of the last kill before it, without
 * the state of memory and the tasks.
 *
 * Not modelled: users (root), the registers and calls of the stack dump (its first line is printed), cpusets
 * ("/"), the reaper's line.
 */
#include "analysis/show/memcg.h"
#include "analysis/show/showmem.h"

#include <stdlib.h>
#include <string.h>

/* Sets of flags that have a name, larger ones first, then single flags; in the order of the kernel's table.
 */
static const struct {
	uint32_t mask;
	const char *name;
} gfp_names[] = {
	{0x1c24ca, "GFP_TRANSHUGE"},
	{0x1c20ca, "GFP_TRANSHUGE_LIGHT"},
	{0x100cca, "GFP_HIGHUSER_MOVABLE"},
	{0x100cc2, "GFP_HIGHUSER"},
	{0x100cc0, "GFP_USER"},
	{0x400cc0, "GFP_KERNEL_ACCOUNT"},
	{0xcc0, "GFP_KERNEL"},
	{0xc40, "GFP_NOFS"},
	{0xa20, "GFP_ATOMIC"},
	{0xc00, "GFP_NOIO"},
	{0x800, "GFP_NOWAIT"},
	{0x1, "GFP_DMA"},
	{0x2, "__GFP_HIGHMEM"},
	{0x4, "GFP_DMA32"},
	{0x20, "__GFP_HIGH"},
	{0x200, "__GFP_ATOMIC"},
	{0x40, "__GFP_IO"},
	{0x80, "__GFP_FS"},
	{0x2000, "__GFP_NOWARN"},
	{0x4000, "__GFP_RETRY_MAYFAIL"},
	{0x8000, "__GFP_NOFAIL"},
	{0x10000, "__GFP_NORETRY"},
	{0x40000, "__GFP_COMP"},
	{0x100, "__GFP_ZERO"},
	{0x80000, "__GFP_NOMEMALLOC"},
	{0x20000, "__GFP_MEMALLOC"},
	{0x100000, "__GFP_HARDWALL"},
	{0x200000, "__GFP_THISNODE"},
	{0x10, "__GFP_RECLAIMABLE"},
	{0x8, "__GFP_MOVABLE"},
	{0x400000, "__GFP_ACCOUNT"},
	{0x1000, "__GFP_WRITE"},
	{0xc00, "__GFP_RECLAIM"},
	{0x400, "__GFP_DIRECT_RECLAIM"},
	{0x800, "__GFP_KSWAPD_RECLAIM"},
};

/* format_flags: each entry whose bits are all left takes them away. */
static void print_gfp(uint32_t gfp, FILE *f)
{
	const char *bar = "";

	fprintf(f, "gfp_mask=%#x(", gfp);
	for (size_t i = 0; gfp && i < ARRAY_LEN(gfp_names); i++) {
		if ((gfp & gfp_names[i].mask) != gfp_names[i].mask)
			continue;
		fprintf(f, "%s%s", bar, gfp_names[i].name);
		gfp &= ~gfp_names[i].mask;
		bar = "|";
	}
	if (gfp)
		fprintf(f, "%s%#x", bar, gfp);
	fputc(')', f);
}

/* gfp_zone, as a place in show_zone_name. */
static unsigned zone_of(uint32_t gfp)
{
	if (gfp & 0x1)
		return 0;
	if (gfp & 0x4)
		return 1;
	return (gfp & 0xa) == 0xa ? 3 : 2;
}

static const char *text(const struct show *s, unsigned kill, const char *key)
{
	char scope[64];
	const char *t;

	snprintf(scope, sizeof scope, "oom/%u/%s", kill, key);
	t = show_text(s, scope);
	return t ? t : "";
}

static int64_t number(const struct show *s, unsigned kill, const char *key)
{
	return show_getf(s, key, "oom/%u", kill);
}

/* The program of who asked; kernel threads have their own name. */
static const char *asker(const struct show *s, unsigned kill)
{
	const char *comm = show_comm(s, (unsigned)number(s, kill, "by_pid"));

	return *comm ? comm : text(s, kill, "invoked_by");
}

/* Whether a group was at its limit, not the machine. */
static bool of_group(const struct show *s, unsigned kill)
{
	return !strcmp(text(s, kill, "constraint"), "CONSTRAINT_MEMCG");
}

/* dump_tasks: processes with an address space. */
static void print_tasks(const struct show *s, unsigned kill, const struct klog *l)
{
	const char *group = of_group(s, kill) ? text(s, kill, "oom_memcg") : NULL;

	klog_line(l, "Tasks state (memory values in pages):");
	klog_line(l, "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name");
	for (const char *p = NULL; (p = show_next(s, "proc/P", p));) {
		unsigned pid = (unsigned)strtoul(p + 6, NULL, 10);

		if (!show_get(s, p, "VmSize") || (group && !memcg_holds(s, group, p)))
			continue;
		klog_line(l,
			  "[%7u] %5d %5u %8" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64
			  "         %5" PRId64 " %.15s",
			  pid, 0, pid, show_get(s, p, "VmSize") / 4, show_get(s, p, "VmRSS") / 4,
			  show_get(s, p, "VmPTE") * 1024, show_get(s, p, "VmSwap") / 4,
			  show_get(s, p, "oom_score_adj"), show_comm(s, pid));
	}
}

/* The kill that the snapshot was taken at; *whole is set. Or the last one before it; 0 = there was none. */
static unsigned find_kill(const struct show *s, bool *whole)
{
	unsigned n = 0;
	char scope[24];
	size_t end;

	*whole = !strncmp(s->label, "oom-", 4);
	if (*whole)
		return (unsigned)strtoul(s->label + 4, NULL, 10);
	do
		snprintf(scope, sizeof scope, "oom/%u", ++n);
	while (show_scope_rows(s, scope, &end) < end);
	return n - 1;
}

/* mem_cgroup_print_oom_meminfo */
static void print_group(const struct show *s, unsigned kill, const struct klog *l)
{
	static const struct {
		const char *what, *usage, *limit;
	} rows[] = {{"memory", "memory.current", "memory.max"},
		    {"swap", "memory.swap.current", "memory.swap.max"}};
	const char *name = text(s, kill, "oom_memcg");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t limit = show_getf(s, rows[i].limit, "memcg/%s", name);

		klog_line(l, "%s: usage %" PRId64 "kB, limit %" PRIu64 "kB, failcnt %" PRId64, rows[i].what,
			  show_getf(s, rows[i].usage, "memcg/%s", name) >> 10,
			  limit ? (uint64_t)limit >> 10 : UINT64_C(9007199254740988),
			  i ? INT64_C(0) : show_getf(s, "memory.failcnt", "memcg/%s", name));
	}
	klog_line(l, "Memory cgroup stats for /%s:", name);
}

static void print_victim(const struct show *s, unsigned kill, uint64_t mask, uint64_t allowed,
			 const struct klog *l)
{
	const char *own = show_text(s, "param/vm.oom_kill_allocating_task");

	klog_stamp(l);
	fprintf(l->f, "oom-kill:constraint=%s,nodemask=", text(s, kill, "constraint"));
	if (mask)
		show_bit_list(&mask, 1, l->f);
	else
		fputs("(null)", l->f);
	fputs(",cpuset=/,mems_allowed=", l->f);
	show_bit_list(&allowed, 1, l->f);
	if (of_group(s, kill))
		fprintf(l->f, ",oom_memcg=/%.50s", text(s, kill, "oom_memcg"));
	else
		fputs(",global_oom", l->f);
	fprintf(l->f, ",task_memcg=/%.50s,task=%.15s,pid=%" PRId64 ",uid=0\n", text(s, kill, "task_memcg"),
		text(s, kill, "process"), number(s, kill, "pid"));
	klog_line(l,
		  "%s%s: Killed process %" PRId64 " (%.15s) total-vm:%" PRId64 "kB, anon-rss:%" PRId64
		  "kB, file-rss:%" PRId64 "kB, shmem-rss:%" PRId64 "kB, UID:0 pgtables:%" PRId64
		  "kB oom_score_adj:%" PRId64,
		  of_group(s, kill) ? "Memory cgroup out of memory" : "Out of memory",
		  !of_group(s, kill) && own && !strcmp(own, "true") ? " (oom_kill_allocating_task)" : "",
		  number(s, kill, "pid"), text(s, kill, "process"), number(s, kill, "vm_pages") * 4,
		  number(s, kill, "anon_rss_pages") * 4, number(s, kill, "file_rss_pages") * 4,
		  number(s, kill, "shmem_rss_pages") * 4, number(s, kill, "table_pages") * 4,
		  number(s, kill, "oom_score_adj"));
}

void show_oom(const struct show *s, unsigned id, FILE *f)
{
	bool whole;
	unsigned kill = find_kill(s, &whole);
	struct klog l = {f, number(s, kill, "time_ps")};
	uint32_t gfp = (uint32_t)number(s, kill, "gfp_mask");
	uint64_t mask = strtoull(text(s, kill, "nodemask"), NULL, 16);
	uint64_t allowed = strtoull(text(s, kill, "mems_allowed"), NULL, 16);
	struct showmem_filter filter = {.zone_idx = zone_of(gfp), .cpu = (unsigned)number(s, kill, "cpu")};

	(void)id;
	if (!kill)
		return;
	allowed = allowed ? allowed : show_memory_nodes(s);
	filter.nodes = mask ? mask : allowed;
	klog_stamp(&l);
	fprintf(f, "%.15s invoked oom-killer: ", asker(s, kill));
	print_gfp(gfp, f);
	fprintf(f, ", order=%" PRId64 ", oom_score_adj=%" PRId64 "\n", number(s, kill, "order"),
		number(s, kill, "by_oom_score_adj"));
	klog_line(&l, "CPU: %u PID: %" PRId64 " Comm: %.15s Not tainted 6.1.0", filter.cpu,
		  number(s, kill, "by_pid"), asker(s, kill));
	if (whole && of_group(s, kill)) {
		print_group(s, kill, &l);
		memcg_print_stat(s, text(s, kill, "oom_memcg"), f);
	} else if (whole) {
		showmem_print(s, &filter, &l);
		showmem_slabs(s, &l);
	}
	if (whole)
		print_tasks(s, kill, &l);
	print_victim(s, kill, mask, allowed, &l);
}
