/*
 * cpuset.c - cpusets: the files of each set below /sys/fs/cgroup, and /proc/PID/cpuset.
 *
 * After kernel/cgroup/cpuset.c cpuset_common_seq_show, proc_cpuset_show of Linux 6.1 (cgroup v2). A set and a
 * memory cgroup of the same name are one folder, as in a hierarchy that has both controllers.
 *
 * Not modelled: cpuset.cpus.partition.
 */
#include "analysis/show/cgroup.h"

#include <string.h>

#define CONTROLLER "cpuset"
#define SCOPE      CONTROLLER "/"
#define WORDS      (SHOW_MAX_NODE_CPUS / 64)

static const char *const files[] = {"cpuset.cpus", "cpuset.cpus.effective", "cpuset.mems",
				    "cpuset.mems.effective"};

static void write_list(struct tree *t, const char *scope, const char *name)
{
	uint64_t bits[WORDS] = {show_bits(t->s, scope, name)};
	FILE *f = tree_open(t, "sys/fs/cgroup/%s/%s", scope + strlen(SCOPE), name);
	char word[48];

	if (!f)
		return;
	for (unsigned i = 1; i < WORDS; i++) {
		snprintf(word, sizeof word, "%s.%u", name, i * 64);
		bits[i] = show_bits(t->s, scope, word);
	}
	show_bit_list(bits, WORDS, f);
	fputc('\n', f);
	tree_close(t, f);
}

static void write_procs(struct tree *t, const char *scope)
{
	FILE *f = tree_open(t, "sys/fs/cgroup/%s/cgroup.procs", scope + strlen(SCOPE));

	if (f)
		cgroup_print_procs(t->s, CONTROLLER, scope, f);
	tree_close(t, f);
}

static bool has_group(const struct show *s, const char *name)
{
	return show_getf(s, "id", "memcg/%s", name) != 0;
}

void tree_cpusets(struct tree *t)
{
	for (const char *c = NULL; !t->rc && (c = show_next(t->s, SCOPE, c));) {
		for (size_t i = 0; i < ARRAY_LEN(files); i++)
			write_list(t, c, files[i]);
		if (!has_group(t->s, c + strlen(SCOPE)))
			write_procs(t, c);
	}
	cgroup_tree_processes(t, CONTROLLER, "", "cpuset");
}
