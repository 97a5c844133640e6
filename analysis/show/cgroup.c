/*
 * cgroup.c - who is in which folder of /sys/fs/cgroup.
 */
#include "analysis/show/cgroup.h"

#include <stdlib.h>
#include <string.h>

void cgroup_print_procs(const struct show *s, const char *controller, const char *scope, FILE *f)
{
	int64_t id = show_get(s, scope, "id");

	for (const char *p = NULL; (p = show_next(s, "proc/P", p));)
		if (show_get(s, p, controller) == id && show_get(s, p, "VmSize"))
			fprintf(f, "%lu\n", strtoul(p + 6, NULL, 10));
}

/* The folder behind `after`, NULL: the first. */
static const char *next_folder(const struct show *s, const char *controller, const char *after)
{
	char prefix[16];

	snprintf(prefix, sizeof prefix, "%s/", controller);
	return show_next(s, prefix, after);
}

const char *cgroup_of(const struct show *s, const char *controller, const char *process)
{
	int64_t id = show_get(s, process, controller);

	for (const char *c = NULL; (c = next_folder(s, controller, c));)
		if (show_get(s, c, "id") == id)
			return c + strlen(controller) + 1;
	return "";
}

void cgroup_tree_processes(struct tree *t, const char *controller, const char *before, const char *file)
{
	const char *any = next_folder(t->s, controller, NULL);

	for (const char *p = NULL; any && !t->rc && (p = show_next(t->s, "proc/P", p));) {
		char line[64];

		snprintf(line, sizeof line, "%s/%.50s", before, cgroup_of(t->s, controller, p));
		tree_line(t, line, "proc/%lu/%s", strtoul(p + 6, NULL, 10), file);
	}
}
