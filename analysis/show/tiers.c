/*
 * tiers.c - demotion and memory tiers: /sys/kernel/mm/numa/demotion_enabled and the nodes of each tier below
 * /sys/devices/virtual/memory_tiering.
 *
 * After mm/memory-tiers.c numa_demotion_enabled_show, nodelist_show, find_create_memory_tier of Linux 6.1: a
 * tier's number is the abstract distance of its nodes by steps of 128 (MEMTIER_CHUNK_BITS), that of DRAM 576.
 */
#include "analysis/show/tree.h"

#include <stdlib.h>
#include <string.h>

#define TIERS      "sys/devices/virtual/memory_tiering/memory_tier"
#define DRAM       576u
#define CHUNK_BITS 7

/* The tier of every node, from the list of distances. */
static void read_tiers(const struct show *s, unsigned tier[SHOW_MAX_NODES])
{
	const char *list = show_text(s, "param/numa.adistance");

	for (unsigned n = 0; n < SHOW_MAX_NODES; n++) {
		char *end = NULL;
		unsigned long v = list ? strtoul(list, &end, 10) : 0;

		tier[n] = (unsigned)(v ? v : DRAM) >> CHUNK_BITS;
		list = list && end != list ? end : NULL;
	}
}

void tree_tiers(struct tree *t)
{
	const char *demotion = show_text(t->s, "param/numa.demotion_enabled");
	uint64_t left = show_memory_nodes(t->s);
	unsigned tier[SHOW_MAX_NODES];

	read_tiers(t->s, tier);
	if (demotion)
		tree_line(t, !strcmp(demotion, "true") ? "true" : "false",
			  "sys/kernel/mm/numa/demotion_enabled");
	while (left && !t->rc) {
		unsigned of = tier[__builtin_ctzll(left)];
		uint64_t nodes = 0;
		FILE *f = tree_open(t, TIERS "%u/nodelist", of);

		for (unsigned n = 0; n < SHOW_MAX_NODES; n++)
			if (left >> n & 1 && tier[n] == of)
				nodes |= UINT64_C(1) << n;
		left &= ~nodes;
		if (!f)
			continue;
		show_bit_list(&nodes, 1, f);
		fputc('\n', f);
		tree_close(t, f);
	}
}
