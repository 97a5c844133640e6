/*
 * policy.c - making, comparing, rebinding and asking NUMA policies.
 *
 * After mm/mempolicy.c of Linux 6.1: sanitize_mpol_flags, mpol_new, mpol_set_nodemask, mpol_rebind_policy,
 * mpol_rebind_nodemask, __mpol_equal, get_task_policy, alloc_pages, mpol_misplaced; lib/bitmap.c bitmap_fold,
 * bitmap_onto, bitmap_remap.
 *
 * Complexity: choosing O(nodes) for interleaving by index, else O(1).
 * Invariant: the effective nodes of a policy that takes nodes are never empty.
 *
 * Not modelled: shared policies of tmpfs and System V segments, limits of get_mempolicy.
 */
#include "models/kernel/policy.h"

#include <errno.h>

#include "models/kernel/policy/modes.h"
#include "sim/mem.h"

#define MODE_FLAGS (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING)

static const struct policy_ops *const modes[NR_MPOL_MODES] = {
#define POLICY_ROW(id, ops) [MPOL_##id] = &ops,
	POLICY_MODES(POLICY_ROW)
#undef POLICY_ROW
};

const struct policy_ops *policy_ops_of(enum mpol_mode mode)
{
	return (unsigned)mode < NR_MPOL_MODES ? modes[mode] : NULL;
}

const char *policy_name(size_t i)
{
	return i < NR_MPOL_MODES ? modes[i]->name : NULL;
}

/* The node with `n` nodes of mask below it. */
static unsigned nth_node(nodemask_t mask, unsigned n)
{
	while (n--)
		mask &= mask - 1;
	return nodes_first(mask);
}

/* mpol_relative_nodemask: node i stands for the (i mod w)-th of the w nodes of rel. */
static nodemask_t relative_nodes(nodemask_t nodes, nodemask_t rel)
{
	unsigned w = nodes_weight(rel);
	nodemask_t out = 0;

	for (unsigned i = 0; w && i < MAX_NODES; i++) {
		if (nodes_has(nodes, i))
			out |= UINT64_C(1) << nth_node(rel, i % w);
	}
	return out;
}

nodemask_t policy_remap_nodes(nodemask_t nodes, nodemask_t from, nodemask_t to)
{
	unsigned w = nodes_weight(to);
	nodemask_t out = 0;

	for (unsigned i = 0; i < MAX_NODES; i++) {
		if (!nodes_has(nodes, i))
			continue;
		if (!w || !nodes_has(from, i))
			out |= UINT64_C(1) << i;
		else
			out |= UINT64_C(1) << nth_node(to, nodes_weight(from & ((UINT64_C(1) << i) - 1)) % w);
	}
	return out;
}

int policy_create_nodes(struct mempolicy *p, nodemask_t nodes)
{
	if (!nodes)
		return -EINVAL;
	p->nodes = nodes;
	return 0;
}

void policy_rebind_nodes(struct mempolicy *p, nodemask_t allowed)
{
	nodemask_t n;

	if (p->flags & MPOL_F_STATIC_NODES) {
		n = p->user_nodes & allowed;
	} else if (p->flags & MPOL_F_RELATIVE_NODES) {
		n = relative_nodes(p->user_nodes, allowed);
	} else {
		n = policy_remap_nodes(p->nodes, p->user_nodes, allowed);
		p->user_nodes = allowed;
	}
	p->nodes = n ? n : allowed;
}

/* sanitize_mpol_flags and the rules of mpol_new. *mode may change: preferred without nodes is local. */
static int check_mode(unsigned *mode, unsigned flags, nodemask_t nodes)
{
	bool relocated = (flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) != 0;

	if (*mode >= NR_MPOL_MODES)
		return -EINVAL;
	if ((flags & MPOL_F_STATIC_NODES) && (flags & MPOL_F_RELATIVE_NODES))
		return -EINVAL;
	if ((flags & MPOL_F_NUMA_BALANCING) && *mode != MPOL_BIND)
		return -EINVAL;
	if (*mode == MPOL_DEFAULT)
		return nodes ? -EINVAL : 0;
	if (*mode == MPOL_LOCAL)
		return nodes || relocated ? -EINVAL : 0;
	if (nodes)
		return 0;
	if (*mode != MPOL_PREFERRED || relocated)
		return -EINVAL;
	*mode = MPOL_LOCAL;
	return 0;
}

int policy_new(struct mempolicy **out, unsigned mode_and_flags, nodemask_t nodes, nodemask_t allowed)
{
	unsigned flags = mode_and_flags & MODE_FLAGS, mode = mode_and_flags & ~MODE_FLAGS;
	struct mempolicy p = {.home_nid = -1, .refs = 1};
	bool keep = (flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) != 0;
	int r = check_mode(&mode, flags, nodes);

	*out = NULL;
	if (r || mode == MPOL_DEFAULT)
		return r;
	p.mode = (enum mpol_mode)mode;
	p.flags = flags;
	if (modes[mode]->create) {
		p.user_nodes = keep ? nodes : allowed;
		nodes = flags & MPOL_F_RELATIVE_NODES ? relative_nodes(nodes, allowed) : nodes & allowed;
		r = modes[mode]->create(&p, nodes);
	}
	if (r)
		return r;
	*out = mem_alloc_late(1, sizeof(p));
	**out = p;
	return 0;
}

void policy_rebind(struct mempolicy *p, nodemask_t allowed)
{
	if (!p || !modes[p->mode]->rebind)
		return;
	if (!(p->flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) && p->user_nodes == allowed)
		return;
	modes[p->mode]->rebind(p, allowed);
}

struct mempolicy *policy_rebound(struct mempolicy *p, nodemask_t allowed)
{
	struct mempolicy *own = p;

	if (!p)
		return NULL;
	if (p->refs > 1) {
		own = mem_alloc_late(1, sizeof *own);
		*own = *p;
		own->refs = 1;
		policy_put(p);
	}
	policy_rebind(own, allowed);
	return own;
}

struct mempolicy *policy_get(struct mempolicy *p)
{
	if (p)
		p->refs++;
	return p;
}

void policy_put(struct mempolicy *p)
{
	if (!p)
		return;
	CHECK(p->refs > 0, "policy released too often");
	if (--p->refs == 0)
		mem_free(p);
}

bool policy_equal(const struct mempolicy *a, const struct mempolicy *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->mode != b->mode || a->flags != b->flags || a->home_nid != b->home_nid)
		return false;
	if ((a->flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) && a->user_nodes != b->user_nodes)
		return false;
	return a->nodes == b->nodes;
}

void policy_choose(const struct mempolicy *p, const struct memory *m, struct policy_request *r)
{
	enum mpol_mode mode = p ? p->mode : MPOL_DEFAULT;

	/* alloc_pages: who asks for a node by GFP_BIT_THISNODE does not want the task's policy */
	if ((r->gfp & GFP_BIT_THISNODE) && !r->by_index)
		mode = MPOL_DEFAULT;
	r->preferred_nid = r->local_nid;
	r->nodemask = 0;
	r->interleaved = false;
	r->two_pass = false;
	modes[mode]->choose(p, m, r);
}

bool policy_follows(const struct mempolicy *p, unsigned this_nid)
{
	return !p ||
	       (p->mode == MPOL_BIND && p->flags & MPOL_F_NUMA_BALANCING && nodes_has(p->nodes, this_nid));
}
