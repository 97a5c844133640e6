/*
 * memcg.c - memory cgroups: the files of each group below /sys/fs/cgroup, and /proc/PID/cgroup.
 *
 * After mm/memcontrol.c memory_files, swap_files, memory_stat_format, __memory_events_show, swap_events_show
 * and kernel/cgroup/cgroup.c proc_cgroup_show of Linux 6.1 (cgroup v2). What is not modelled is 0.
 */
#include "analysis/show/memcg.h"

#include <string.h>

#include "analysis/show/cgroup.h"

#define CONTROLLER "memcg"
#define SCOPE      CONTROLLER "/"

static const char *const stats[] = {
	"anon",
	"file",
	"kernel",
	"kernel_stack",
	"pagetables",
	"sec_pagetables",
	"percpu",
	"sock",
	"vmalloc",
	"shmem",
	"zswap",
	"zswapped",
	"file_mapped",
	"file_dirty",
	"file_writeback",
	"swapcached",
	"anon_thp",
	"file_thp",
	"shmem_thp",
	"inactive_anon",
	"active_anon",
	"inactive_file",
	"active_file",
	"unevictable",
	"slab_reclaimable",
	"slab_unreclaimable",
	"slab",
	"workingset_refault_anon",
	"workingset_refault_file",
	"workingset_activate_anon",
	"workingset_activate_file",
	"workingset_restore_anon",
	"workingset_restore_file",
	"workingset_nodereclaim",
	"pgscan",
	"pgsteal",
	"pgscan_kswapd",
	"pgscan_direct",
	"pgsteal_kswapd",
	"pgsteal_direct",
	"pgfault",
	"pgmajfault",
	"pgrefill",
	"pgactivate",
	"pgdeactivate",
	"pglazyfree",
	"pglazyfreed",
	"zswpin",
	"zswpout",
	"thp_fault_alloc",
	"thp_collapse_alloc",
	NULL,
};
static const char *const events[] = {"low", "high", "max", "oom", "oom_kill", "oom_group_kill", NULL};
static const char *const swap_events[] = {"high", "max", "fail", NULL};

enum file_kind { FILE_NUMBER, FILE_LIMIT, FILE_LINES, FILE_PROCS };

static const struct {
	const char *name;
	enum file_kind kind;
	const char *const *lines; /* counters: their names behind the prefix */
	const char *prefix;
} files[] = {
	{"cgroup.procs", FILE_PROCS, NULL, NULL},
	{"memory.current", FILE_NUMBER, NULL, NULL},
	{"memory.peak", FILE_NUMBER, NULL, NULL},
	{"memory.min", FILE_NUMBER, NULL, NULL},
	{"memory.low", FILE_NUMBER, NULL, NULL},
	{"memory.high", FILE_LIMIT, NULL, NULL},
	{"memory.max", FILE_LIMIT, NULL, NULL},
	{"memory.events", FILE_LINES, events, "memory.events."},
	{"memory.stat", FILE_LINES, stats, ""},
	{"memory.oom.group", FILE_NUMBER, NULL, NULL},
	{"memory.swap.current", FILE_NUMBER, NULL, NULL},
	{"memory.swap.high", FILE_LIMIT, NULL, NULL},
	{"memory.swap.max", FILE_LIMIT, NULL, NULL},
	{"memory.swap.events", FILE_LINES, swap_events, "memory.swap.events."},
};

static bool has(const struct show *s, const char *scope, const char *counter)
{
	size_t end;

	for (size_t i = show_scope_rows(s, scope, &end); i < end; i++)
		if (!strcmp(s->rows[i].counter, counter))
			return true;
	return false;
}

static void print_file(const struct show *s, const char *scope, size_t i, FILE *f)
{
	char name[64];

	switch (files[i].kind) {
	case FILE_PROCS:
		cgroup_print_procs(s, CONTROLLER, scope, f);
		break;
	case FILE_LIMIT:
		if (!has(s, scope, files[i].name)) {
			fputs("max\n", f);
			break;
		}
		/* fall through */
	case FILE_NUMBER:
		fprintf(f, "%" PRId64 "\n", show_get(s, scope, files[i].name));
		break;
	case FILE_LINES:
		for (const char *const *l = files[i].lines; *l; l++) {
			snprintf(name, sizeof name, "%s%s", files[i].prefix, *l);
			fprintf(f, "%s %" PRId64 "\n", *l, show_get(s, scope, name));
		}
		break;
	}
}

/* As head(1) prints several files. */
void show_memcg(const struct show *s, unsigned id, FILE *f)
{
	const char *blank = "";

	(void)id;
	for (const char *g = NULL; (g = show_next(s, SCOPE, g));)
		for (size_t i = 0; i < ARRAY_LEN(files); i++) {
			fprintf(f, "%s==> /sys/fs/cgroup/%s/%s <==\n", blank, g + strlen(SCOPE),
				files[i].name);
			print_file(s, g, i, f);
			blank = "\n";
		}
}

bool memcg_holds(const struct show *s, const char *group, const char *process)
{
	const char *g = cgroup_of(s, CONTROLLER, process);
	size_t n = strlen(group);

	return !strncmp(g, group, n) && (g[n] == '\0' || g[n] == '/');
}

void memcg_print_stat(const struct show *s, const char *group, FILE *f)
{
	for (const char *const *l = stats; *l; l++)
		fprintf(f, "%s %" PRId64 "\n", *l, show_getf(s, *l, SCOPE "%s", group));
}

void tree_memcg(struct tree *t)
{
	for (const char *g = NULL; !t->rc && (g = show_next(t->s, SCOPE, g));)
		for (size_t i = 0; i < ARRAY_LEN(files); i++) {
			FILE *f = tree_open(t, "sys/fs/cgroup/%s/%s", g + strlen(SCOPE), files[i].name);

			if (f)
				print_file(t->s, g, i, f);
			tree_close(t, f);
		}
	cgroup_tree_processes(t, CONTROLLER, "0::", "cgroup");
}
