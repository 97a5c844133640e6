/*
 * bind.c - MPOL_BIND: the nodes given and no others; reclaims, swaps and kills within them.
 *
 * After mm/mempolicy.c policy_nodemask, apply_policy_zone, policy_node, Linux 6.1. O(1).
 * Requests for zones below the machine's highest one are not bound: a device's DMA buffer must not fail
 * because of a policy. Where the nodes have Movable memory only, movable requests alone are bound.
 * Not modelled: nothing known.
 */
#include "models/kernel/policy/modes.h"

static bool applies(const struct mempolicy *p, const struct memory *m, enum zone_id zone)
{
	enum zone_id from = p->nodes & m->nodes_kernel_memory ? m->policy_zone : ZONE_MOVABLE;

	return zone >= from;
}

static void choose(const struct mempolicy *p, const struct memory *m, struct policy_request *r)
{
	if (p->home_nid >= 0)
		r->preferred_nid = (unsigned)p->home_nid;
	if (applies(p, m, gfp_zone(r->gfp)))
		r->nodemask = p->nodes;
}

const struct policy_ops policy_bind = {
	.name = "bind",
	.sentence = "a set of nodes and no others",
	.create = policy_create_nodes,
	.rebind = policy_rebind_nodes,
	.choose = choose,
};
