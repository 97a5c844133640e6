/*
 * modes.h - the table of NUMA policies and what their files share.
 */
#ifndef MODELS_KERNEL_POLICY_MODES_H
#define MODELS_KERNEL_POLICY_MODES_H

#include "models/kernel/policy.h"

/* One row a mode: identifier, the ops in policy/NAME.c. */
#define POLICY_MODES(X)                          \
	X(DEFAULT, policy_default)               \
	X(PREFERRED, policy_preferred)           \
	X(BIND, policy_bind)                     \
	X(INTERLEAVE, policy_interleave)         \
	X(LOCAL, policy_local)                   \
	X(PREFERRED_MANY, policy_preferred_many) \
	X(WEIGHTED_INTERLEAVE, policy_weighted_interleave)

#define POLICY_DECLARE(id, ops) extern const struct policy_ops ops;
POLICY_MODES(POLICY_DECLARE)
#undef POLICY_DECLARE

static inline unsigned nodes_weight(nodemask_t n)
{
	return (unsigned)__builtin_popcountll(n);
}
/* The first node; n must not be empty. */
static inline unsigned nodes_first(nodemask_t n)
{
	return (unsigned)__builtin_ctzll(n);
}
/* next_node_in: the next node after `at`, round again; n must not be empty. */
static inline unsigned nodes_next_in(unsigned at, nodemask_t n)
{
	nodemask_t above = at >= MAX_NODES - 1 ? 0 : n & (UINT64_MAX << (at + 1));

	return nodes_first(above ? above : n);
}
static inline bool nodes_has(nodemask_t n, unsigned nid)
{
	return n >> nid & 1;
}

/* mpol_new_nodemask, mpol_rebind_nodemask: what most modes do. */
int policy_create_nodes(struct mempolicy *p, nodemask_t nodes);
void policy_rebind_nodes(struct mempolicy *p, nodemask_t allowed);

#endif
