/*
 * sysctl.c - /proc/sys/vm and /sys/kernel/mm/transparent_hugepage: the run's parameters that have Linux's
 * names.
 *
 * After kernel/sysctl.c vm_table, mm/huge_memory.c enabled_show, defrag_show. vm.min_free_kbytes is the value
 * in effect. vm.fault_around_bytes lies in debugfs and is left out.
 */
#include "analysis/show/tree.h"

#include <stdlib.h>
#include <string.h>

#define THP "sys/kernel/mm/transparent_hugepage"

static void write_vm(struct tree *t, const char *name, const char *value)
{
	FILE *f = tree_open(t, "proc/sys/vm/%s", name);

	if (!f)
		return;
	if (!strcmp(name, "min_free_kbytes") && show_get(t->s, "sysctl", name)) {
		fprintf(f, "%" PRId64, show_get(t->s, "sysctl", name));
	} else if (!strcmp(value, "true") || !strcmp(value, "false")) {
		fputc(*value == 't' ? '1' : '0', f);
	} else {
		for (const char *p = value; *p; p++)
			fputc(*p == ' ' || *p == ',' ? '\t' : *p, f);
	}
	fputc('\n', f);
	tree_close(t, f);
}

/* All choices, the chosen one in brackets. */
static void write_choice(struct tree *t, const char *file, const char *param, const char *const *names)
{
	const char *chosen = show_text(t->s, param);
	FILE *f = chosen ? tree_open(t, THP "/%s", file) : NULL;

	if (!f)
		return;
	for (size_t i = 0; names[i]; i++)
		fprintf(f, strcmp(names[i], chosen) ? "%s%s" : "%s[%s]", i ? " " : "", names[i]);
	fputc('\n', f);
	tree_close(t, f);
}

void tree_sysctl(struct tree *t)
{
	static const char *const enabled[] = {"always", "madvise", "never", NULL};
	static const char *const defrag[] = {"always", "defer", "defer+madvise", "madvise", "never", NULL};
	const char *zero = show_text(t->s, "param/thp.use_zero_page");

	for (const char *p = NULL; (p = show_next(t->s, "param/vm.", p));)
		if (strcmp(p, "param/vm.fault_around_bytes") != 0)
			write_vm(t, p + 9, show_text(t->s, p));
	write_choice(t, "enabled", "param/thp.enabled", enabled);
	write_choice(t, "defrag", "param/thp.defrag", defrag);
	if (zero)
		tree_number(t, !strcmp(zero, "true"), THP "/use_zero_page");
	tree_number(t, UINT64_C(2) << 20, THP "/hpage_pmd_size");
}

/* proc_oom_score: badness in thousandths of memory and swap, shifted and scaled so that 0 to 2000 are
 * possible. */
static int64_t oom_score(const struct show *s, const char *proc)
{
	int64_t total = (show_get(s, "meminfo", "MemTotal") + show_get(s, "meminfo", "SwapTotal")) / 4;
	int64_t adj = MAX_OF(MIN_OF(show_get(s, proc, "oom_score_adj"), (int64_t)1000), (int64_t)-1000),
		points;

	points = (show_get(s, proc, "VmRSS") + show_get(s, proc, "VmSwap") + show_get(s, proc, "VmPTE")) / 4 +
		 adj * (total / 1000);
	if (!total || adj == -1000 || !show_get(s, proc, "VmSize"))
		return 0;
	return MAX_OF((1000 + points * 1000 / total) * 2 / 3, (int64_t)0);
}

void tree_processes(struct tree *t)
{
	for (const char *p = NULL; !t->rc && (p = show_next(t->s, "proc/P", p));) {
		unsigned pid = (unsigned)strtoul(p + 6, NULL, 10);
		char comm[16];
		FILE *f;

		snprintf(comm, sizeof comm, "%s", show_comm(t->s, pid));
		tree_line(t, comm, "proc/%u/comm", pid);
		f = tree_open(t, "proc/%u/cmdline", pid);
		if (f && show_get(t->s, p, "VmSize")) /* a zombie has none */
			fprintf(f, "%s%c", show_comm(t->s, pid), '\0');
		tree_close(t, f);
		tree_number(t, (uint64_t)oom_score(t->s, p), "proc/%u/oom_score", pid);
		f = tree_open(t, "proc/%u/oom_score_adj", pid);
		if (f)
			fprintf(f, "%" PRId64 "\n", show_get(t->s, p, "oom_score_adj"));
		tree_close(t, f);
	}
}
