/*
 * preferred.c - MPOL_PREFERRED: the first of the nodes given, then others by distance from it.
 *
 * After mm/mempolicy.c mpol_new_preferred, mpol_rebind_preferred, policy_node, Linux 6.1. O(1).
 * Not modelled: nothing known.
 */
#include "models/kernel/policy/modes.h"

#include <errno.h>

static int create(struct mempolicy *p, nodemask_t nodes)
{
	if (!nodes)
		return -EINVAL;
	p->nodes = UINT64_C(1) << nodes_first(nodes);
	return 0;
}

/* The preferred node stays what it was. */
static void rebind(struct mempolicy *p, nodemask_t allowed)
{
	if (!(p->flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)))
		p->user_nodes = allowed;
}

static void choose(const struct mempolicy *p, const struct memory *m, struct policy_request *r)
{
	(void)m;
	r->preferred_nid = nodes_first(p->nodes);
}

const struct policy_ops policy_preferred = {
	.name = "preferred",
	.sentence = "one node, then others by distance from it",
	.create = create,
	.rebind = rebind,
	.choose = choose,
};
