/*
 * tiers.c - memory tiers and the order of demotion.
 *
 * After mm/memory-tiers.c of Linux 6.1: find_create_memory_tier, establish_demotion_targets,
 * node_is_toptier, next_demotion_node; mm/page_alloc.c find_next_best_node (the order of targets). As there,
 * a node is slow because of what its memory is, not because it has no CPUs: without numa.adistance all nodes
 * are DRAM, thus one tier. O(nodes^2), once.
 *
 * Not modelled: memory and CPUs that come and go (hot plug), node_load as the tie-breaker of two targets.
 */
#include "models/kernel/tiers.h"

PARAM_TABLE(tier, tier_params, TIER_PARAMS);

#define CHUNK_BITS 7 /* MEMTIER_CHUNK_BITS */

struct setup {
	struct memory *m;
	uint64_t tier[MAX_NODES]; /* chunk of the node's abstract distance */
};

/* get_memtier_nodemask */
static nodemask_t tier_nodes(const struct setup *s, uint64_t tier)
{
	nodemask_t nodes = 0;

	for (unsigned n = 0; n < s->m->nr_nodes; n++)
		if (s->m->node[n].has_memory && s->tier[n] == tier)
			nodes |= UINT64_C(1) << n;
	return nodes;
}

/* The next slower tier, UINT64_MAX when there is none. */
static uint64_t next_tier(const struct setup *s, uint64_t tier)
{
	uint64_t next = UINT64_MAX;

	for (unsigned n = 0; n < s->m->nr_nodes; n++)
		if (s->m->node[n].has_memory && s->tier[n] > tier)
			next = MIN_OF(next, s->tier[n]);
	return next;
}

/* find_next_best_node among `nodes`, -1 when there are none. */
static int best_of(const struct memory *m, unsigned from, nodemask_t nodes)
{
	unsigned best_value = UINT32_MAX;
	int best = -1;

	for (unsigned n = 0; n < m->nr_nodes; n++) {
		unsigned value =
			m->topo->distance[from][n] + (n < from ? 1u : 0u) + (m->topo->node_cpus[n] ? 1u : 0u);

		if (nodes >> n & 1 && value < best_value) {
			best_value = value;
			best = (int)n;
		}
	}
	return best;
}

/* The nearest nodes of the next tier. */
static nodemask_t targets(const struct memory *m, unsigned from, nodemask_t nodes)
{
	nodemask_t preferred = 0;
	int n = best_of(m, from, nodes);
	uint8_t distance = n < 0 ? 0 : m->topo->distance[from][n];

	for (; n >= 0 && m->topo->distance[from][n] == distance; n = best_of(m, from, nodes)) {
		preferred |= UINT64_C(1) << n;
		nodes &= ~(UINT64_C(1) << n);
	}
	return preferred;
}

/* The slowest tier that has CPUs: it and all above are not promoted from. */
static uint64_t top_tier(const struct setup *s)
{
	uint64_t top = 0;

	for (unsigned n = 0; n < s->m->nr_nodes; n++)
		if (s->m->node[n].has_memory && s->m->topo->node_cpus[n])
			top = MAX_OF(top, s->tier[n]);
	return top;
}

int memory_tiers(struct memory *m, const struct tier_params *p, struct err *e)
{
	struct setup s = {.m = m};
	uint64_t top;

	if (p->adistance.n && p->adistance.n != m->nr_nodes)
		return err_set(e, ERR_CONFIG, "numa.adistance: %zu numbers for %u nodes, expected one a node",
			       p->adistance.n, m->nr_nodes);
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		uint64_t given = p->adistance.n ? p->adistance.v[n] : 0;

		s.tier[n] = (given ? given : ADISTANCE_DRAM) >> CHUNK_BITS;
	}
	top = top_tier(&s);
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		struct node_tier *t = &m->node[n].tier;

		if (!m->node[n].has_memory)
			continue;
		t->slow = s.tier[n] > top;
		t->preferred = targets(m, n, tier_nodes(&s, next_tier(&s, s.tier[n])));
		t->lower = 0;
		for (uint64_t at = next_tier(&s, s.tier[n]); at != UINT64_MAX; at = next_tier(&s, at))
			t->lower |= tier_nodes(&s, at);
	}
	return 0;
}

int tier_next_node(const struct memory *m, unsigned nid, uint64_t random)
{
	nodemask_t nodes = m->node[nid].tier.preferred;
	unsigned w = (unsigned)__builtin_popcountll(nodes);

	if (!w)
		return -1;
	for (unsigned skip = (unsigned)(random % w); skip; skip--)
		nodes &= nodes - 1;
	return __builtin_ctzll(nodes);
}
