/*
 * default.c - MPOL_DEFAULT: no policy; the node of the CPU, then its zonelist.
 *
 * After mm/mempolicy.c get_task_policy and preferred_node_policy, Linux 6.1. O(1).
 * Not modelled: nothing known.
 */
#include "models/kernel/policy/modes.h"

static void choose(const struct mempolicy *p, const struct memory *m, struct policy_request *r)
{
	(void)p;
	(void)m;
	r->preferred_nid = r->local_nid;
}

const struct policy_ops policy_default = {
	.name = "default",
	.sentence = "the node of the CPU, then others by distance",
	.choose = choose,
};
