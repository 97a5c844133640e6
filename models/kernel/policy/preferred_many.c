/*
 * preferred_many.c - MPOL_PREFERRED_MANY: any of the nodes given without reclaiming for it, then all nodes.
 *
 * After mm/mempolicy.c alloc_pages_preferred_many, policy_node, policy_nodemask, Linux 6.1. O(1).
 * Not modelled: nothing known.
 */
#include "models/kernel/policy/modes.h"

static void rebind(struct mempolicy *p, nodemask_t allowed)
{
	if (!(p->flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)))
		p->user_nodes = allowed;
}

static void choose(const struct mempolicy *p, const struct memory *m, struct policy_request *r)
{
	(void)m;
	if (p->home_nid >= 0)
		r->preferred_nid = (unsigned)p->home_nid;
	r->nodemask = p->nodes;
	r->two_pass = true;
}

const struct policy_ops policy_preferred_many = {
	.name = "preferred_many",
	.sentence = "a set of nodes as long as they need no reclaim, then all",
	.create = policy_create_nodes,
	.rebind = rebind,
	.choose = choose,
};
