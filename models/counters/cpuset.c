/*
 * cpuset.c - cpusets as their files say them (kernel/cgroup/cpuset.c cpuset_common_seq_show, Linux 6.1):
 * nodes and CPUs as sets of bits, CPUs from 64 on by words of their own ("cpuset.cpus.64").
 */
#include "models/counters.h"

#include <stdio.h>

#include "models/kernel/cpuset.h"

struct out {
	struct metrics *m;
	struct err *e;
	int rc;
	char scope[64];
};

static void put(struct out *o, const char *name, uint64_t bits)
{
	if (o->rc >= 0)
		o->rc = metrics_kernel_counter(o->m, o->scope, name, (int64_t)bits, o->e);
}

static void put_cpus(struct out *o, const char *name, const uint64_t *cpus, unsigned nr_cpus)
{
	char word[48];

	put(o, name, cpus[0]);
	for (unsigned i = 1; i * 64 < nr_cpus; i++) {
		snprintf(word, sizeof word, "%s.%u", name, i * 64);
		put(o, word, cpus[i]);
	}
}

int counters_cpuset(struct kernel *k, struct metrics *m, struct err *e)
{
	unsigned nr_cpus = k->memory->topo->nr_cpus;
	struct out o = {.m = m, .e = e};
	const struct cpuset *cs;

	for (size_t i = 0; (cs = cpuset_at(k, i)); i++) {
		snprintf(o.scope, sizeof o.scope, "cpuset/%s", cs->name);
		put(&o, "id", i + 1);
		put(&o, "cpuset.mems", cs->mems);
		put(&o, "cpuset.mems.effective", cs->effective_mems);
		put_cpus(&o, "cpuset.cpus", cs->cpus, nr_cpus);
		put_cpus(&o, "cpuset.cpus.effective", cs->effective_cpus, nr_cpus);
	}
	return o.rc;
}

int64_t counters_cpuset_id(const struct kernel *k, const struct process *p)
{
	return p->cpuset ? p->cpuset - cpuset_at(k, 0) + 1 : 0;
}
