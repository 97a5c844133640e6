/*
 * test_policy_contract.c - what every NUMA policy in the table promises, whatever it is.
 *
 * Names are unique and found; a policy made over some nodes answers with a node that exists and a mask within
 * its nodes; where the mask is strict the walk stays in it; the same question gives the same answer; a policy
 * that interleaves says so and, asked often enough, uses all of its nodes and no others; rebinding keeps the
 * effective nodes within what is allowed.
 */
#include <check.h>
#include <string.h>

#include "models/kernel/policy.h"
#include "models/kernel/zonelist.h"
#include "tests/suite.h"
#include "tests/unit/mm_fixture.h"

#define NODES   4
#define ALLOWED UINT64_C(0xf)

static struct mm x;

static void open_nodes(void)
{
	mm_open(&x, "topology.node_mem=32MiB 32MiB 32MiB 32MiB", "topology.node_cpus=1", MM_BARE);
}

/* A policy of mode i over nodes; modes that take none get none. */
static struct mempolicy *make(unsigned mode, nodemask_t nodes)
{
	struct mempolicy *p;

	if (policy_new(&p, mode, nodes, ALLOWED))
		ck_assert_int_eq(policy_new(&p, mode, 0, ALLOWED), 0);
	return p;
}

START_TEST(rows)
{
	const struct policy_ops *ops = policy_ops_of((enum mpol_mode)_i);

	ck_assert_ptr_nonnull(ops);
	ck_assert_str_eq(ops->name, policy_name((size_t)_i));
	ck_assert_uint_gt(strlen(ops->sentence), 10);
	ck_assert_ptr_nonnull((void *)(uintptr_t)ops->choose);
	for (int j = 0; j < _i; j++)
		ck_assert_str_ne(ops->name, policy_name((size_t)j));
	ck_assert_ptr_null(policy_name(NR_MPOL_MODES));
	ck_assert_ptr_null(policy_ops_of(NR_MPOL_MODES));
}
END_TEST

START_TEST(answers)
{
	open_nodes();
	for (nodemask_t nodes = 1; nodes <= ALLOWED; nodes++) {
		struct mempolicy *p = make((unsigned)_i, nodes);
		nodemask_t own = p && p->nodes ? p->nodes : ALLOWED, seen = 0;
		bool interleaved = false;

		for (uint64_t i = 0; i < 64; i++) {
			struct policy_request r = {.local_nid = i % NODES,
						   .gfp = GFP_HIGHUSER_MOVABLE,
						   .by_index = true,
						   .index = i};
			struct policy_request again = r;

			policy_choose(p, &x.mem, &r);
			policy_choose(p, &x.mem, &again);
			ck_assert_uint_lt(r.preferred_nid, NODES);
			ck_assert_uint_eq(r.nodemask & ~own, 0);
			ck_assert_uint_eq(r.preferred_nid, again.preferred_nid);
			ck_assert_uint_eq(r.nodemask, again.nodemask);
			ck_assert(!r.two_pass || r.nodemask);
			interleaved |= r.interleaved;
			seen |= UINT64_C(1) << r.preferred_nid;
		}
		if (interleaved)
			ck_assert_uint_eq(seen, own);
		policy_put(p);
	}
	mm_close(&x);
}
END_TEST

/* Through the zonelist: while there is memory everywhere, a page lands on the policy's nodes. */
START_TEST(placement)
{
	open_nodes();
	for (nodemask_t nodes = 1; nodes <= ALLOWED; nodes++) {
		struct mempolicy *p = make((unsigned)_i, nodes);
		nodemask_t own = p && p->nodes ? p->nodes : ALLOWED;
		struct interleave_state il;

		interleave_start(&il);
		for (unsigned i = 0; i < 16; i++) {
			struct policy_request r = {
				.local_nid = i % NODES, .gfp = GFP_HIGHUSER_MOVABLE, .il = &il};
			struct alloc_context ac = {.gfp = r.gfp, .cpu = i % NODES, .cpu_nid = i % NODES};
			pfn_t pfn;

			policy_choose(p, &x.mem, &r);
			ac.preferred_nid = r.preferred_nid;
			ac.nodemask = r.nodemask;
			ac.interleaved = r.interleaved;
			alloc_context_prepare(&x.mem, &ac);
			pfn = zonelist_alloc(&x.mem, &ac, ALLOC_WMARK_LOW, NULL, NULL);
			ck_assert_uint_ne(pfn, PFN_NONE);
			ck_assert(own >> frame_of(&x.mem, pfn)->nid & 1);
			zonelist_free(&x.mem, ac.cpu, pfn, 0, NULL);
		}
		policy_put(p);
	}
	mm_close(&x);
}
END_TEST

START_TEST(rebinding)
{
	for (nodemask_t nodes = 1; nodes <= ALLOWED; nodes++) {
		for (nodemask_t to = 1; to <= ALLOWED; to++) {
			struct mempolicy *p = make((unsigned)_i, nodes), *q = policy_get(p);

			policy_rebind(p, to);
			if (p && p->nodes && p->mode != MPOL_PREFERRED && p->mode != MPOL_PREFERRED_MANY)
				ck_assert_uint_eq(p->nodes & ~to, 0);
			ck_assert(!p || p->mode == MPOL_LOCAL || p->nodes);
			policy_put(p);
			policy_put(q);
		}
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("policy_contract");

	tcase_add_loop_test(t, rows, 0, NR_MPOL_MODES);
	tcase_add_loop_test(t, answers, 0, NR_MPOL_MODES);
	tcase_add_loop_test(t, placement, 0, NR_MPOL_MODES);
	tcase_add_loop_test(t, rebinding, 0, NR_MPOL_MODES);
	return run_case("policy_contract", t);
}
