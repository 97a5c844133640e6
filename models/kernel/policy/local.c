/*
 * local.c - MPOL_LOCAL: the node of the CPU, even inside a task with another policy.
 *
 * After mm/mempolicy.c policy_node, Linux 6.1. O(1).
 * Not modelled: nothing known.
 */
#include "models/kernel/policy/modes.h"

static void choose(const struct mempolicy *p, const struct memory *m, struct policy_request *r)
{
	(void)p;
	(void)m;
	r->preferred_nid = r->local_nid;
}

const struct policy_ops policy_local = {
	.name = "local",
	.sentence = "the node of the CPU, then others by distance; overrides the task's policy",
	.choose = choose,
};
