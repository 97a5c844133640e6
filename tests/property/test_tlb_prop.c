/*
 * test_tlb_prop.c - the TLB against a naive one, over random operations.
 *
 * The naive TLB searches plain arrays of entries, picks LRU's victim itself and asks the other policies of
 * the same table with the same random stream. It has no front: the TLB under test is used as the MMU uses it,
 * through the front first, so agreement shows that the front changes nothing. A second test holds LRU to
 * Mattson's stack: a page misses exactly when as many others as there are ways were touched since.
 */
#include "models/hw/tlb.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/hw/replacement.h"
#include "tests/suite.h"

#define RW       (TLB_WRITABLE | TLB_DIRTY)
#define MAX_WAYS 16
#define MAX_SETS 16

struct ref_entry {
	bool valid, huge;
	uint64_t page;
	unsigned asid, flags;
	uint64_t pfn, nid, touched, filled;
};

struct ref_array {
	unsigned sets, ways;
	struct ref_entry set[MAX_SETS][MAX_WAYS];
	struct rng rng;
};

static struct {
	struct ref_array l1[2][2], l2;
	const struct replacement_ops *policy;
	uint64_t now, evictions;
} ref;

static struct tlb tlb;
static uint64_t front_hits[2];

static struct ref_entry *ref_find(struct ref_array *a, bool huge, uint64_t page, unsigned asid)
{
	for (unsigned w = 0; w < a->ways; w++) {
		struct ref_entry *en = &a->set[page % a->sets][w];

		if (en->valid && en->huge == huge && en->page == page && en->asid == asid)
			return en;
	}
	return NULL;
}

static struct ref_entry *ref_victim(struct ref_array *a, struct ref_entry *set)
{
	uint64_t touched[MAX_WAYS], filled[MAX_WAYS];
	unsigned w;

	for (w = 0; w < a->ways; w++) {
		if (!set[w].valid)
			return &set[w];
	}
	ref.evictions++;
	if (!strcmp(ref.policy->name, "lru")) {
		struct ref_entry *oldest = set;

		for (w = 1; w < a->ways; w++)
			oldest = set[w].touched < oldest->touched ? &set[w] : oldest;
		return oldest;
	}
	for (w = 0; w < a->ways; w++) {
		touched[w] = set[w].touched;
		filled[w] = set[w].filled;
	}
	return &set[ref.policy->victim(touched, filled, a->ways, &a->rng)];
}

static void ref_insert(struct ref_array *a, struct ref_entry en)
{
	struct ref_entry *old = ref_find(a, en.huge, en.page, en.asid);

	en.valid = true;
	en.touched = ++ref.now;
	en.filled = old ? old->filled : en.touched;
	if (!old)
		old = ref_victim(a, a->set[en.page % a->sets]);
	*old = en;
}

static void ref_drop(struct ref_array *a, bool huge, uint64_t page, unsigned asid)
{
	struct ref_entry *en = ref_find(a, huge, page, asid);

	if (en)
		en->valid = false;
}

static enum tlb_result ref_lookup(unsigned kind, uint64_t vpn, unsigned asid, bool store, uint64_t *pfn)
{
	struct ref_entry *en = NULL;
	unsigned level, size = 0;
	uint64_t pages[2] = {vpn, vpn / 512};

	for (level = 0; level < 2 && !en; level++) {
		for (size = 0; size < 2; size++) {
			en = ref_find(level ? &ref.l2 : &ref.l1[kind][size], size, pages[size], asid);
			if (en)
				break;
		}
	}
	if (!en)
		return TLB_MISS;
	if (store && en->flags != RW) {
		ref_drop(&ref.l1[kind][size], size, pages[size], asid);
		ref_drop(&ref.l2, size, pages[size], asid);
		return TLB_NOT_DIRTY;
	}
	en->touched = ++ref.now;
	*pfn = en->pfn + (size ? vpn % 512 : 0);
	if (level == 2)
		ref_insert(&ref.l1[kind][size], *en);
	return level == 2 ? TLB_HIT_L2 : TLB_HIT_L1;
}

static void ref_fill(unsigned kind, uint64_t vpn, unsigned asid, uint64_t pfn, unsigned size, unsigned flags)
{
	struct ref_entry en = {.huge = size, .page = size ? vpn / 512 : vpn, .asid = asid, .flags = flags};
	uint64_t other = size ? vpn : vpn / 512;

	en.pfn = pfn;
	ref_drop(&ref.l1[kind][!size], !size, other, asid);
	ref_drop(&ref.l2, !size, other, asid);
	ref_insert(&ref.l2, en);
	ref_insert(&ref.l1[kind][size], en);
}

static void ref_flush(struct ref_array *a, bool all, unsigned asid)
{
	for (unsigned s = 0; s < a->sets; s++) {
		for (unsigned w = 0; w < a->ways; w++) {
			if (all || a->set[s][w].asid == asid)
				a->set[s][w].valid = false;
		}
	}
}

static void ref_flush_each(bool all, unsigned asid)
{
	for (unsigned i = 0; i < 4; i++)
		ref_flush(&ref.l1[i / 2][i % 2], all, asid);
	ref_flush(&ref.l2, all, asid);
}

static struct ref_array *ref_arrays(unsigned i)
{
	return i == 4 ? &ref.l2 : &ref.l1[i / 2][i % 2];
}

/* As the MMU does it: the front, and only when that fails the lookup. */
static enum tlb_result mmu_lookup(enum tlb_kind kind, uint64_t vpn, uint16_t asid, bool store)
{
	struct tlb_front *f = tlb_front_of(&tlb, kind, vpn);

	if (f->tag[store] == (vpn | (uint64_t)asid << TLB_ASID_SHIFT)) {
		front_hits[kind]++;
		*f->touched = ++tlb.now;
		return TLB_HIT_L1;
	}
	return tlb_lookup(&tlb, kind, vpn, asid, store);
}

static void compare_evictions_and_state(int step)
{
	ck_assert_msg(tlb_is_valid(&tlb), "step %d", step);
	ck_assert_uint_eq(tlb.stats.evictions, ref.evictions);
	ck_assert_uint_eq(tlb.now, ref.now);
}

static void one_access(struct rng *rng)
{
	enum tlb_kind kind = rng_below(rng, 4) ? TLB_DATA : TLB_INSN;
	static uint64_t vpn; /* a third of the accesses stays on the page before */
	static uint16_t asid = 1;
	bool store = kind == TLB_DATA && rng_below(rng, 3) == 0;
	uint64_t pfn = 0;
	enum tlb_result want, got;

	if (rng_below(rng, 3)) {
		vpn = rng_below(rng, 3) ? rng_below(rng, 40) : rng_below(rng, 40) * 128 + rng_below(rng, 6);
		asid = (uint16_t)(1 + rng_below(rng, 2));
	}
	want = ref_lookup(kind, vpn, asid, store, &pfn);
	got = mmu_lookup(kind, vpn, asid, store);
	ck_assert_int_eq(got, want);
	if (got >= TLB_MISS) {
		unsigned size = vpn >= 512 && rng_below(rng, 3) != 0;
		unsigned flags = store ? RW : (unsigned)rng_below(rng, 4);

		pfn = 1000000 * size + (size ? vpn / 512 * 512 : vpn) + asid * 100000;
		ref_fill(kind, vpn, asid, pfn, size, flags);
		tlb_fill(&tlb, kind, vpn, asid, (pfn_t)pfn, 0, size ? 21 : 12, flags);
		pfn += size ? vpn % 512 : 0;
	}
	ck_assert_uint_eq(tlb_place_of(&tlb, kind, vpn)->pfn, pfn);
}

static void one_flush(struct rng *rng)
{
	uint16_t asid = (uint16_t)(1 + rng_below(rng, 2));
	uint64_t vpn = rng_below(rng, 40) * (rng_below(rng, 2) ? 1 : 128);

	switch (rng_below(rng, 40)) {
	case 0:
		tlb_flush_all(&tlb);
		ref_flush_each(true, 0);
		break;
	case 1:
	case 2:
		tlb_flush_asid(&tlb, asid);
		ref_flush_each(false, asid);
		break;
	default:
		tlb_flush_page(&tlb, vpn, asid);
		for (unsigned i = 0; i < 5; i++) {
			ref_drop(ref_arrays(i), false, vpn, asid);
			ref_drop(ref_arrays(i), true, vpn / 512, asid);
		}
	}
}

static void start(unsigned policy, const unsigned geometry[5][2], uint64_t seed)
{
	static const char *const names[] = {"l1d", "l1d_huge", "l1i", "l1i_huge", "l2"};
	struct tlb_params p = {.l1d_entries = geometry[0][0] * geometry[0][1],
			       .l1d_ways = geometry[0][1],
			       .l1d_huge_entries = geometry[1][0] * geometry[1][1],
			       .l1d_huge_ways = geometry[1][1],
			       .l1i_entries = geometry[2][0] * geometry[2][1],
			       .l1i_ways = geometry[2][1],
			       .l1i_huge_entries = geometry[3][0] * geometry[3][1],
			       .l1i_huge_ways = geometry[3][1],
			       .l2_entries = geometry[4][0] * geometry[4][1],
			       .l2_ways = geometry[4][1],
			       .policy = policy};

	memset(&ref, 0, sizeof ref);
	memset(front_hits, 0, sizeof front_hits);
	ref.policy = replacement_at(policy);
	for (unsigned i = 0; i < 5; i++) {
		char path[40];

		ref_arrays(i)->sets = geometry[i][0];
		ref_arrays(i)->ways = geometry[i][1];
		snprintf(path, sizeof path, "tlb.cpu2.%s", names[i]);
		rng_init(&ref_arrays(i)->rng, seed, path);
	}
	ck_assert_int_eq(tlb_init(&tlb, &p, 2, 0, NULL, seed, NULL), 0);
}

/* sets, ways of l1d, l1d_huge, l1i, l1i_huge, l2; some sets are no power of two, some arrays tiny. */
static const unsigned geometries[][5][2] = {
	{{4, 4}, {2, 2}, {2, 4}, {1, 3}, {4, 12}},
	{{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 2}},
	{{3, 5}, {3, 1}, {5, 2}, {1, 8}, {7, 6}},
	{{16, 4}, {8, 4}, {16, 8}, {1, 8}, {16, 2}},
};

START_TEST(test_same_as_naive)
{
	unsigned policy = (unsigned)_i;

	for (size_t g = 0; g < ARRAY_LEN(geometries); g++) {
		struct rng rng;

		start(policy, geometries[g], 42 + g);
		rng_init(&rng, 1000 + g, "test");
		for (int step = 0; step < 6000; step++) {
			if (rng_below(&rng, 50) == 0)
				one_flush(&rng);
			else
				one_access(&rng);
			if (step % 256 == 0)
				compare_evictions_and_state(step);
		}
		compare_evictions_and_state(-1);
		ck_assert_uint_gt(front_hits[TLB_DATA], 100);
		ck_assert_uint_eq(tlb.stats.l2_hits + tlb.stats.l2_misses,
				  tlb.stats.l1d_misses + tlb.stats.l1i_misses);
		tlb_release(&tlb);
	}
}
END_TEST

/* One set of `ways`: the LRU stack as an array that is shifted. */
START_TEST(test_lru_is_a_stack)
{
	static const unsigned ways_list[] = {1, 2, 3, 12, 17, 64};

	for (size_t n = 0; n < ARRAY_LEN(ways_list); n++) {
		unsigned ways = ways_list[n], depth = 0;
		uint64_t stack[128];
		struct tlb_params p = {
			.l1d_entries = 1, .l1d_ways = 1, .l1d_huge_entries = 1, .l1d_huge_ways = 1};
		struct rng rng;

		p.l1i_entries = p.l1i_ways = p.l1i_huge_entries = p.l1i_huge_ways = 1;
		p.l2_entries = p.l2_ways = ways;
		ck_assert_int_eq(tlb_init(&tlb, &p, 0, 0, NULL, 1, NULL), 0);
		rng_init(&rng, n, "stack");
		for (int step = 0; step < 5000; step++) {
			uint64_t vpn = rng_below(&rng, 1 + rng_below(&rng, 100));
			unsigned at = 0;
			enum tlb_result got = tlb_lookup(&tlb, TLB_DATA, vpn, 1, false);

			while (at < depth && stack[at] != vpn)
				at++;
			if (at == 0 && depth)
				ck_assert_int_eq(got, TLB_HIT_L1);
			else
				ck_assert_int_eq(got, at < depth && at < ways ? TLB_HIT_L2 : TLB_MISS);
			if (got == TLB_MISS)
				tlb_fill(&tlb, TLB_DATA, vpn, 1, 1, 0, 12, RW);
			depth += at == depth;
			memmove(stack + 1, stack, at * sizeof *stack);
			stack[0] = vpn;
		}
		tlb_release(&tlb);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("tlb_prop");
	int nr = 0;

	while (replacement_at((size_t)nr))
		nr++;
	tcase_add_loop_test(tc, test_same_as_naive, 0, nr);
	tcase_add_test(tc, test_lru_is_a_stack);
	return run_case("tlb_prop", tc);
}
