/*
 * policy.h - NUMA memory policies (mm/mempolicy.c, Linux 6.1; weighted interleave after 6.9). One file a mode
 * in policy/.
 *
 * Modes: default (local), preferred, preferred_many, bind, interleave, weighted_interleave, local; flags
 * MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES. A policy chooses the node whose zonelist is walked and the
 * mask that limits it.
 */
#ifndef MODELS_KERNEL_POLICY_H
#define MODELS_KERNEL_POLICY_H

#include "models/kernel/zone.h"
#include "sim/err.h"

/* The kernel's numbers (include/uapi/linux/mempolicy.h). */
enum mpol_mode {
	MPOL_DEFAULT,
	MPOL_PREFERRED,
	MPOL_BIND,
	MPOL_INTERLEAVE,
	MPOL_LOCAL,
	MPOL_PREFERRED_MANY,
	MPOL_WEIGHTED_INTERLEAVE,
	NR_MPOL_MODES
};
#define MPOL_F_STATIC_NODES   (1u << 15)
#define MPOL_F_RELATIVE_NODES (1u << 14)
#define MPOL_F_NUMA_BALANCING (1u << 13)
#define MPOL_MF_STRICT        (1u << 0)
#define MPOL_MF_MOVE          (1u << 1)
#define MPOL_MF_MOVE_ALL      (1u << 2)

struct mempolicy {
	enum mpol_mode mode;
	unsigned flags;
	nodemask_t nodes; /* effective */
	nodemask_t
		user_nodes; /* as given, for static and relative nodes; else the nodes allowed at that time */
	int home_nid;       /* set_mempolicy_home_node, of bind and preferred_many; -1 = none */
	uint32_t refs;
};

/* Where a task stands in its interleave. set_mempolicy to an interleaving mode starts it again. */
struct interleave_state {
	unsigned prev;   /* il_prev: node of the last page */
	unsigned weight; /* pages still due there */
};
static inline void interleave_start(struct interleave_state *il)
{
	il->prev = MAX_NODES - 1;
	il->weight = 0;
}

/*
 * What an allocation asks: answers are preferred_nid, nodemask, interleaved, two_pass.
 *
 * two_pass (alloc_pages_preferred_many): try nodemask with GFP_BIT_DIRECT_RECLAIM and GFP_BIT_NOFAIL taken
 * out of gfp; when that fails, all nodes with gfp as it is.
 */
struct policy_request {
	unsigned local_nid; /* of the CPU */
	gfp_t gfp;
	bool by_index;               /* for a VMA, whoever's policy: interleave by page index, not by the
					task's state */
	uint64_t index;              /* page index of the fault (interleave_nid) */
	struct interleave_state *il; /* the task's; moved on when !by_index */
	const uint8_t *weights;      /* by node, for weighted interleave */
	unsigned preferred_nid;
	nodemask_t nodemask;
	bool interleaved;
	bool two_pass;
};

struct policy_ops {
	const char *name; /* "interleave" */
	const char *sentence;
	/* mpol_ops.create: takes the effective nodes when the mode's rules allow them; 0 or -EINVAL (the
	 * kernel's). NULL: the mode takes no nodes. */
	int (*create)(struct mempolicy *p, nodemask_t nodes);
	/* mpol_ops.rebind: the task may now use `allowed`. NULL: nothing to do. */
	void (*rebind)(struct mempolicy *p, nodemask_t allowed);
	/* Chooses node and mask for one allocation. The answers are preset to the local node, no mask. */
	void (*choose)(const struct mempolicy *p, const struct memory *m, struct policy_request *r);
};

const struct policy_ops *policy_ops_of(enum mpol_mode mode); /* NULL when the number is no mode */
const char *policy_name(size_t i);                           /* NULL past the last; for parameters */
/*
 * mpol_new and mpol_set_nodemask: a policy for mode | mode flags over nodes, within allowed (cpuset, nodes
 * with memory). *out is NULL for MPOL_DEFAULT. Returns 0 or -EINVAL as the system call would. Count of
 * references is 1; release by policy_put.
 */
int policy_new(struct mempolicy **out, unsigned mode_and_flags, nodemask_t nodes, nodemask_t allowed);
/* mpol_rebind_policy: a cpuset changed; allowed as for policy_new. p may be NULL. */
void policy_rebind(struct mempolicy *p, nodemask_t allowed);
/* mpol_dup and mpol_rebind_task: p, a reference that the caller owns, bound to allowed; a copy of its own
 * where others have it, too. Returns the reference to keep. p may be NULL. */
struct mempolicy *policy_rebound(struct mempolicy *p, nodemask_t allowed);
/* nodes_remap: the n-th node of `from` becomes the n-th of `to`; others stay. */
nodemask_t policy_remap_nodes(nodemask_t nodes, nodemask_t from, nodemask_t to);
struct mempolicy *policy_get(struct mempolicy *p); /* NULL stays NULL */
void policy_put(struct mempolicy *p);
bool policy_equal(const struct mempolicy *a, const struct mempolicy *b);
/* alloc_pages_vma, alloc_pages: fills the answers of r; p NULL = default. */
void policy_choose(const struct mempolicy *p, const struct memory *m, struct policy_request *r);
/* mpol_misplaced without should_numa_migrate_memory: whether a page that a CPU of this_nid touched by a
 * hinting fault may go to that node. Only the default policy, and bind with MPOL_F_NUMA_BALANCING, move
 * pages.
 */
bool policy_follows(const struct mempolicy *p, unsigned this_nid);

#endif
