/*
 * interleave.c - MPOL_INTERLEAVE: the nodes in turn, by page index in a VMA, by the task's position
 * otherwise.
 *
 * After mm/mempolicy.c interleave_nid, offset_il_node, interleave_nodes, alloc_page_interleave, Linux 6.1.
 * O(nodes) by index, else O(1). A full node is not skipped: the allocation falls back by its zonelist.
 * Not modelled: nothing known.
 */
#include "models/kernel/policy/modes.h"

static unsigned by_index(nodemask_t nodes, uint64_t index)
{
	/* the kernel takes the index as an unsigned int */
	unsigned target = (unsigned)index % nodes_weight(nodes);
	unsigned nid = nodes_first(nodes);

	while (target--)
		nid = nodes_next_in(nid, nodes);
	return nid;
}

static void choose(const struct mempolicy *p, const struct memory *m, struct policy_request *r)
{
	(void)m;
	if (r->by_index)
		r->preferred_nid = by_index(p->nodes, r->index);
	else
		r->preferred_nid = r->il->prev = nodes_next_in(r->il->prev, p->nodes);
	r->interleaved = true;
}

const struct policy_ops policy_interleave = {
	.name = "interleave",
	.sentence = "a set of nodes in turn",
	.create = policy_create_nodes,
	.rebind = policy_rebind_nodes,
	.choose = choose,
};
