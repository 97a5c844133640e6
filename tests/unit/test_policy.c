/*
 * test_policy.c - NUMA policies: what set_mempolicy refuses, and where each mode places pages.
 */
#include <check.h>
#include <errno.h>

#include "models/kernel/policy.h"
#include "tests/suite.h"
#include "tests/unit/mm_fixture.h"

#define ALL4 UINT64_C(0xf)

static struct mm x;

static void open_nodes(void)
{
	mm_open(&x, "topology.node_mem=32MiB 32MiB 32MiB 32MiB", "topology.node_cpus=1", MM_BARE);
}

static struct mempolicy *make(unsigned mode, nodemask_t nodes)
{
	struct mempolicy *p;

	ck_assert_int_eq(policy_new(&p, mode, nodes, ALL4), 0);
	return p;
}

START_TEST(what_is_refused)
{
	struct mempolicy *p;

#define REFUSED(mode, nodes) ck_assert_int_eq(policy_new(&p, mode, nodes, ALL4), -EINVAL)
	REFUSED(MPOL_DEFAULT, 1);
	REFUSED(MPOL_LOCAL, 1);
	REFUSED(MPOL_LOCAL | MPOL_F_STATIC_NODES, 0);
	REFUSED(MPOL_BIND, 0);
	REFUSED(MPOL_BIND, 0x30); /* none of them allowed */
	REFUSED(MPOL_INTERLEAVE, 0);
	REFUSED(MPOL_PREFERRED_MANY, 0);
	REFUSED(MPOL_PREFERRED | MPOL_F_STATIC_NODES, 0);
	REFUSED(MPOL_PREFERRED, 0x30);
	REFUSED(MPOL_BIND | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, 1);
	REFUSED(MPOL_INTERLEAVE | MPOL_F_NUMA_BALANCING, 1);
	REFUSED(NR_MPOL_MODES, 1);
	REFUSED(1u << 12, 1);
#undef REFUSED
	ck_assert_int_eq(policy_new(&p, MPOL_DEFAULT, 0, ALL4), 0);
	ck_assert_ptr_null(p);
	ck_assert_int_eq(policy_new(&p, MPOL_BIND | MPOL_F_NUMA_BALANCING, 3, ALL4), 0);
	policy_put(p);
}
END_TEST

START_TEST(effective_nodes)
{
	struct mempolicy *p = make(MPOL_PREFERRED, 0);

	ck_assert_int_eq(p->mode, MPOL_LOCAL); /* preferred without nodes */
	policy_put(p);
	p = make(MPOL_PREFERRED, 0xc);
	ck_assert_uint_eq(p->nodes, 0x4); /* the first of them */
	policy_put(p);
	p = make(MPOL_BIND, 0x3a);
	ck_assert_uint_eq(p->nodes, 0xa); /* what is allowed of them */
	policy_put(p);
	/* relative: node i stands for the i-th allowed node, round again. Allowed 1, 3, 5: 0 → 1, 4 → 3 */
	ck_assert_int_eq(policy_new(&p, MPOL_INTERLEAVE | MPOL_F_RELATIVE_NODES, 0x11, 0x2a), 0);
	ck_assert_uint_eq(p->nodes, 0x0a);
	policy_put(p);
}
END_TEST

START_TEST(rebinding)
{
	struct mempolicy *p;

	/* no flag: the n-th allowed node becomes the n-th new one */
	ck_assert_int_eq(policy_new(&p, MPOL_BIND, 0x3, 0x3), 0);
	policy_rebind(p, 0xc);
	ck_assert_uint_eq(p->nodes, 0xc);
	policy_rebind(p, 0x8);
	ck_assert_uint_eq(p->nodes, 0x8);
	policy_put(p);
	/* static: the same nodes or, when none is left, all allowed */
	ck_assert_int_eq(policy_new(&p, MPOL_BIND | MPOL_F_STATIC_NODES, 0x6, 0xf), 0);
	policy_rebind(p, 0xc);
	ck_assert_uint_eq(p->nodes, 0x4);
	policy_rebind(p, 0x9);
	ck_assert_uint_eq(p->nodes, 0x9);
	policy_rebind(p, 0xf);
	ck_assert_uint_eq(p->nodes, 0x6);
	policy_put(p);
	/* relative follows the set */
	ck_assert_int_eq(policy_new(&p, MPOL_INTERLEAVE | MPOL_F_RELATIVE_NODES, 0x1, 0xf), 0);
	policy_rebind(p, 0xc);
	ck_assert_uint_eq(p->nodes, 0x4);
	policy_put(p);
	policy_rebind(NULL, 0x1);
}
END_TEST

static struct policy_request ask(const struct mempolicy *p, gfp_t gfp, unsigned local)
{
	struct policy_request r = {.local_nid = local, .gfp = gfp, .by_index = true};

	policy_choose(p, &x.mem, &r);
	return r;
}

START_TEST(default_and_local_and_preferred)
{
	struct mempolicy *local, *preferred;

	open_nodes();
	local = make(MPOL_LOCAL, 0);
	preferred = make(MPOL_PREFERRED, 0x8);
	for (unsigned n = 0; n < 4; n++) {
		ck_assert_uint_eq(ask(NULL, GFP_HIGHUSER_MOVABLE, n).preferred_nid, n);
		ck_assert_uint_eq(ask(local, GFP_HIGHUSER_MOVABLE, n).preferred_nid, n);
		ck_assert_uint_eq(ask(preferred, GFP_HIGHUSER_MOVABLE, n).preferred_nid, 3);
		ck_assert_uint_eq(ask(preferred, GFP_HIGHUSER_MOVABLE, n).nodemask, 0);
	}
	policy_put(local);
	policy_put(preferred);
	mm_close(&x);
}
END_TEST

/* Bind limits requests for the highest zone; node 0 alone has DMA, so DMA requests must not be bound to 1. */
START_TEST(bind_leaves_lower_zones_alone)
{
	struct mempolicy *p;

	open_nodes();
	p = make(MPOL_BIND, 0x2);
	ck_assert_uint_eq(ask(p, GFP_HIGHUSER_MOVABLE, 0).nodemask, 0x2);
	ck_assert_uint_eq(ask(p, GFP_HIGHUSER_MOVABLE, 0).preferred_nid, 0);
	ck_assert_uint_eq(ask(p, GFP_KERNEL, 0).nodemask, 0x2);
	ck_assert_uint_eq(ask(p, GFP_KERNEL | GFP_BIT_DMA32, 0).nodemask, 0x2);
	ck_assert_uint_eq(ask(p, GFP_KERNEL | GFP_BIT_DMA, 0).nodemask, 0);
	p->home_nid = 3;
	ck_assert_uint_eq(ask(p, GFP_KERNEL, 0).preferred_nid, 3);
	policy_put(p);
	mm_close(&x);
}
END_TEST

START_TEST(preferred_many_has_two_passes)
{
	struct mempolicy *p;
	struct policy_request r;

	open_nodes();
	p = make(MPOL_PREFERRED_MANY, 0x6);
	r = ask(p, GFP_HIGHUSER_MOVABLE, 0);
	ck_assert(r.two_pass);
	ck_assert_uint_eq(r.nodemask, 0x6);
	ck_assert_uint_eq(r.preferred_nid, 0);
	ck_assert(!ask(NULL, GFP_HIGHUSER_MOVABLE, 0).two_pass);
	policy_put(p);
	mm_close(&x);
}
END_TEST

START_TEST(interleave)
{
	const unsigned turn[6] = {0, 2, 3, 0, 2, 3};
	struct interleave_state il;
	struct mempolicy *p;

	open_nodes();
	p = make(MPOL_INTERLEAVE, 0xd);
	interleave_start(&il);
	for (unsigned i = 0; i < 6; i++) {
		struct policy_request r = {.local_nid = 1, .gfp = GFP_KERNEL, .il = &il};

		policy_choose(p, &x.mem, &r);
		ck_assert_uint_eq(r.preferred_nid, turn[i]);
		ck_assert(r.interleaved);
		/* by index the same turn, whatever was allocated before */
		r = (struct policy_request){.gfp = GFP_USER, .by_index = true, .index = i + 300, .il = &il};
		policy_choose(p, &x.mem, &r);
		ck_assert_uint_eq(r.preferred_nid, turn[i]);
	}
	policy_put(p);
	mm_close(&x);
}
END_TEST

START_TEST(weighted_interleave)
{
	const uint8_t weights[MAX_NODES] = {3, 9, 1, 0};
	const unsigned turn[10] = {0, 0, 0, 2, 3, 0, 0, 0, 2, 3}; /* weight 0 counts as 1 */
	struct interleave_state il;
	struct mempolicy *p;

	open_nodes();
	p = make(MPOL_WEIGHTED_INTERLEAVE, 0xd);
	interleave_start(&il);
	for (unsigned i = 0; i < 10; i++) {
		struct policy_request r = {.gfp = GFP_KERNEL, .il = &il, .weights = weights};

		policy_choose(p, &x.mem, &r);
		ck_assert_uint_eq(r.preferred_nid, turn[i]);
		r = (struct policy_request){
			.gfp = GFP_USER, .by_index = true, .index = i + 500, .weights = weights};
		policy_choose(p, &x.mem, &r);
		ck_assert_uint_eq(r.preferred_nid, turn[i]);
	}
	policy_put(p);
	mm_close(&x);
}
END_TEST

START_TEST(this_node_overrides_the_task)
{
	struct interleave_state il;
	struct mempolicy *p;
	struct policy_request r = {.local_nid = 1, .gfp = GFP_KERNEL | GFP_BIT_THISNODE, .il = &il};

	open_nodes();
	p = make(MPOL_INTERLEAVE, 0xc);
	interleave_start(&il);
	policy_choose(p, &x.mem, &r);
	ck_assert_uint_eq(r.preferred_nid, 1);
	ck_assert(!r.interleaved);
	ck_assert_uint_eq(il.prev, MAX_NODES - 1);
	policy_put(p);
	mm_close(&x);
}
END_TEST

START_TEST(equality)
{
	struct mempolicy *a = make(MPOL_BIND, 0x3), *b = make(MPOL_BIND, 0x3), *c = make(MPOL_BIND, 0x1),
			 *d = make(MPOL_INTERLEAVE, 0x3), *e = make(MPOL_BIND | MPOL_F_STATIC_NODES, 0x3);

	ck_assert(policy_equal(a, b) && policy_equal(a, a) && policy_equal(NULL, NULL));
	ck_assert(!policy_equal(a, c) && !policy_equal(a, d) && !policy_equal(a, e) &&
		  !policy_equal(a, NULL));
	policy_put(a);
	policy_put(b);
	policy_put(c);
	policy_put(d);
	policy_put(e);
}
END_TEST

START_TEST(misplaced_pages)
{
	struct mempolicy *bind = make(MPOL_BIND, 0x3), *bal = make(MPOL_BIND | MPOL_F_NUMA_BALANCING, 0x3),
			 *il = make(MPOL_INTERLEAVE, 0x3);

	ck_assert(policy_follows(NULL, 2));
	ck_assert(!policy_follows(bind, 1));
	ck_assert(policy_follows(bal, 1));
	ck_assert(!policy_follows(bal, 2));
	ck_assert(!policy_follows(il, 1));
	policy_put(bind);
	policy_put(bal);
	policy_put(il);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("policy");

	tcase_add_test(t, what_is_refused);
	tcase_add_test(t, effective_nodes);
	tcase_add_test(t, rebinding);
	tcase_add_test(t, default_and_local_and_preferred);
	tcase_add_test(t, bind_leaves_lower_zones_alone);
	tcase_add_test(t, preferred_many_has_two_passes);
	tcase_add_test(t, interleave);
	tcase_add_test(t, weighted_interleave);
	tcase_add_test(t, this_node_overrides_the_task);
	tcase_add_test(t, equality);
	tcase_add_test(t, misplaced_pages);
	return run_case("policy", t);
}
