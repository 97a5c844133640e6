/*
 * weighted_interleave.c - MPOL_WEIGHTED_INTERLEAVE: the nodes in turn, each with as many pages as its weight.
 *
 * After mm/mempolicy.c weighted_interleave_nid, weighted_interleave_nodes, Linux 6.9. A weight of 0, or no
 * table, counts as 1. O(nodes).
 * Not modelled: nothing known.
 */
#include "models/kernel/policy/modes.h"

static unsigned weight_of(const uint8_t *weights, unsigned nid)
{
	return weights && weights[nid] ? weights[nid] : 1;
}

static unsigned by_index(nodemask_t nodes, const uint8_t *weights, uint64_t index)
{
	unsigned total = 0, nid = nodes_first(nodes), n = nodes_weight(nodes);
	uint64_t target;

	for (unsigned i = 0; i < n; i++, nid = nodes_next_in(nid, nodes))
		total += weight_of(weights, nid);
	target = index % total;
	nid = nodes_first(nodes);
	while (target >= weight_of(weights, nid)) {
		target -= weight_of(weights, nid);
		nid = nodes_next_in(nid, nodes);
	}
	return nid;
}

static unsigned by_task(nodemask_t nodes, const uint8_t *weights, struct interleave_state *il)
{
	if (!il->weight || !nodes_has(nodes, il->prev)) {
		il->prev = nodes_next_in(il->prev, nodes);
		il->weight = weight_of(weights, il->prev);
	}
	il->weight--;
	return il->prev;
}

static void choose(const struct mempolicy *p, const struct memory *m, struct policy_request *r)
{
	(void)m;
	r->preferred_nid =
		r->by_index ? by_index(p->nodes, r->weights, r->index) : by_task(p->nodes, r->weights, r->il);
	r->interleaved = true;
}

const struct policy_ops policy_weighted_interleave = {
	.name = "weighted_interleave",
	.sentence = "a set of nodes in turn, in proportion to their weights",
	.create = policy_create_nodes,
	.rebind = policy_rebind_nodes,
	.choose = choose,
};
