/*
 * numactl.c - what numactl(8) 2.0.16 prints: the nodes (--hardware), and the policy that the programs of the
 * run started with (--show).
 *
 * After the manual page and the tool's output under each policy. With `local` the tool ends no line after
 * "preferred node:". The next node to interleave to is not stored: the first one is printed.
 *
 * Not modelled: cpusets and CPU affinity (all CPUs and nodes are allowed). weighted_interleave, which the
 * tool of this version does not know, is printed like interleave.
 */
#include "analysis/show/show.h"

#include <stdlib.h>
#include <string.h>

void show_numactl(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	fprintf(f, "available: %u nodes (", s->nr_nodes);
	fprintf(f, s->nr_nodes > 1 ? "0-%u)\n" : "%u)\n", s->nr_nodes ? s->nr_nodes - 1 : 0);
	for (unsigned n = 0; n < s->nr_nodes; n++) {
		fprintf(f, "node %u cpus:", n);
		for (unsigned c = 0; c < s->node_cpus[n]; c++)
			fprintf(f, " %u", show_first_cpu(s, n) + c);
		fprintf(f, "\nnode %u size: %" PRId64 " MB\n", n, show_node_sum(s, n, "managed") >> 8);
		fprintf(f, "node %u free: %" PRId64 " MB\n", n, show_node_sum(s, n, "nr_free_pages") >> 8);
	}
	fputs("node distances:\nnode ", f);
	for (unsigned n = 0; n < s->nr_nodes; n++)
		fprintf(f, "%3u ", n);
	fputc('\n', f);
	for (unsigned n = 0; n < s->nr_nodes; n++) {
		fprintf(f, "%3u: ", n);
		for (unsigned i = 0; i < s->nr_nodes; i++)
			fprintf(f, "%3u ", s->distance[n * s->nr_nodes + i]);
		fputc('\n', f);
	}
}

/* Nodes of numa.nodes, or all that have memory. */
static uint64_t policy_nodes(const struct show *s)
{
	const char *list = show_text(s, "param/numa.nodes");
	uint64_t nodes = 0;
	char *end;

	for (unsigned long n; list && (n = strtoul(list, &end, 10), end != list);) {
		nodes |= n < 64 ? UINT64_C(1) << n : 0;
		list = end + strspn(end, ", ");
	}
	return nodes ? nodes : show_memory_nodes(s);
}

static void print_set(const char *label, uint64_t nodes, FILE *f)
{
	fprintf(f, "%s:", label);
	for (unsigned n = 0; n < 64; n++)
		if (nodes >> n & 1)
			fprintf(f, " %u", n);
	fputs(" \n", f);
}

static unsigned first_of(uint64_t nodes)
{
	unsigned n = 0;

	while (n < 63 && !(nodes >> n & 1))
		n++;
	return n;
}

static void print_policy(const struct show *s, const char *policy, uint64_t nodes, FILE *f)
{
	(void)s;
	if (strstr(policy, "interleave")) {
		fprintf(f, "policy: interleave\npreferred node: %u (interleave next)\n", first_of(nodes));
		print_set("interleavemask", nodes, f);
		fprintf(f, "interleavenode: %u\n", first_of(nodes));
	} else if (!strcmp(policy, "preferred_many")) {
		fprintf(f, "policy: preferred-many\npreferred node: %u (preferred-many)\n", first_of(nodes));
	} else if (!strcmp(policy, "local")) {
		fputs("policy: local\npreferred node: ", f);
	} else if (!strcmp(policy, "default")) {
		fputs("policy: default\npreferred node: current\n", f);
	} else {
		fprintf(f, "policy: %s\npreferred node: %u\n", policy, first_of(nodes));
	}
}

void show_numactl_s(const struct show *s, unsigned id, FILE *f)
{
	const char *policy = show_text(s, "param/numa.policy");
	uint64_t nodes = policy_nodes(s), cpus = 0, memory = show_memory_nodes(s);

	(void)id;
	policy = policy ? policy : "default";
	for (unsigned n = 0; n < s->nr_nodes; n++)
		cpus |= s->node_cpus[n] ? UINT64_C(1) << n : 0;
	print_policy(s, policy, nodes, f);
	fputs("physcpubind:", f);
	for (unsigned c = 0; c < s->nr_cpus; c++)
		fprintf(f, " %u", c);
	fputs(" \n", f);
	print_set("cpubind", cpus, f);
	print_set("nodebind", cpus, f);
	print_set("membind", strcmp(policy, "bind") ? memory : nodes, f);
	print_set("preferred", !strcmp(policy, "default") || !strcmp(policy, "local") ? 0 : nodes, f);
}
