/*
 * test_lrugen.c - generations: where pages join them, tiers, refaults, the controller; all by hand.
 */
#include "models/kernel/lrugen.h"

#include <check.h>

#include "models/kernel/reclaim/aging.h"
#include "models/kernel/reclaim/scan.h"
#include "models/kernel/workingset.h"
#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

static struct bed b;
static struct node *n;
static struct lru_gens *g;

static void setup(void)
{
	bed_new(&b, BED_SMALL, NULL);
	n = &b.mem.node[0];
	g = n->lruvec.gens = lru_gens_new();
}

static void teardown(void)
{
	bed_free(&b);
}

static struct frame *page(pfn_t *pfn, uint32_t flags)
{
	*pfn = alloc_pages(b.t, GFP_HIGHUSER_MOVABLE, 0);
	frame_of(&b.mem, *pfn)->flags |= flags;
	return frame_of(&b.mem, *pfn);
}

#define ANON (FR_ANON | FR_SWAPBACKED)

/* The four cases of lru_gen_add_folio. A new list has generations 0 … 3; 2 and 3 count as active. */
static const struct {
	uint32_t flags;
	uint64_t min_seq; /* of files */
	bool reclaiming;
	int gen;
} place[] = {
	{ANON | FR_ACTIVE, 0, false, 3},
	{FR_ACTIVE, 0, false, 3},
	{ANON, 0, false, 2},
	{ANON | FR_SWAPCACHE, 0, false, 1},
	{FR_DIRTY | FR_RECLAIM, 0, false, 2},
	{FR_WRITEBACK | FR_RECLAIM, 0, false, 2},
	{FR_DIRTY, 0, false, 1}, /* nobody waits for it */
	{0, 0, false, 1},
	{0, 0, true, 0},
	{0, 1, false, 1}, /* 1 + 2 ≥ 3: no generation between the oldest and the active ones */
	{0, 1, true, 1},
};

START_TEST(a_page_joins_a_generation)
{
	const bool file = !(place[_i].flags & FR_SWAPBACKED), active = place[_i].gen >= 2;
	enum node_item item = file     ? active ? NR_ACTIVE_FILE : NR_INACTIVE_FILE
			      : active ? NR_ACTIVE_ANON
				       : NR_INACTIVE_ANON;
	pfn_t pfn;
	struct frame *f = page(&pfn, place[_i].flags);

	g->min_seq[LRU_GEN_FILE] = place[_i].min_seq;
	lru_gen_add(&b.k, pfn, place[_i].reclaiming);
	ck_assert_int_eq(frame_lru_gen(f), place[_i].gen);
	ck_assert(!(f->flags & FR_ACTIVE));
	ck_assert_int_eq(g->nr_pages[place[_i].gen][file][f->zid], 1);
	ck_assert_int_eq(n->stat.item[item], 1);
	lru_gen_del(&b.k, pfn, false);
	ck_assert_int_eq((f->flags & FR_ACTIVE) != 0, active);
	ck_assert_int_eq(n->stat.item[item], 0);
	frame_put(&b.k, 0, pfn);
}
END_TEST

/* Use through page tables moves to the youngest, without moving on the lists; the oldest is left for the
 * next. */
START_TEST(pages_change_generations)
{
	pfn_t pfn;
	struct frame *f = page(&pfn, 0);

	lru_gen_add(&b.k, pfn, true);
	ck_assert_uint_eq(lru_gen_postpone(&b.k, pfn, true, true), 1);
	ck_assert(f->flags & FR_RECLAIM);
	ck_assert_int_eq(n->stat.item[NR_ACTIVE_FILE], 0);
	ck_assert_uint_eq(lru_gen_postpone(&b.k, pfn, false, true), 1); /* no more in the oldest: it stays */
	lru_gen_promote(&b.k, pfn);
	ck_assert_int_eq(frame_lru_gen(f), 3);
	ck_assert_int_eq(n->stat.item[NR_ACTIVE_FILE], 1);
	ck_assert_uint_eq(g->list[1][LRU_GEN_FILE][f->zid].n, 1);
	lru_gen_settle(&b.k, pfn);
	ck_assert_uint_eq(g->list[1][LRU_GEN_FILE][f->zid].n, 0);
	ck_assert_uint_eq(g->list[3][LRU_GEN_FILE][f->zid].n, 1);
	lru_gen_del(&b.k, pfn, true);
	lru_gen_promote(&b.k, pfn); /* isolated: for who isolated it */
	ck_assert(f->flags & FR_REFERENCED);
	frame_put(&b.k, 0, pfn);
}
END_TEST

/* Accesses through descriptors: 1 sets referenced, 2 working set, 3 … 5 count; 1 + log2 tiers. */
START_TEST(accesses_make_tiers)
{
	static const unsigned refs[] = {0, 0, 1, 2, 3, 4, 4}, tier[] = {0, 0, 1, 2, 2, 3, 3};
	struct frame f = {0};

	for (unsigned i = 0; i < ARRAY_LEN(refs); i++) {
		ck_assert_uint_eq(frame_lru_refs(&f), refs[i]);
		ck_assert_uint_eq(lru_tier(refs[i]), tier[i]);
		lru_gen_inc_refs(&f);
	}
}
END_TEST

/* A page that is back while the generation it went with is still the oldest. */
START_TEST(refaults_count_for_their_tier)
{
	pfn_t pfn;
	struct frame *f = page(&pfn, 0);
	shadow_t shadow;

	for (unsigned i = 0; i < 4; i++) /* three accesses beyond the first: 3, tier 2 */
		lru_gen_inc_refs(f);
	ck_assert_uint_eq(frame_lru_refs(f), 3);
	shadow = workingset_eviction(&b.k, pfn, NULL);
	ck_assert_uint_eq(g->evicted[LRU_GEN_FILE][2], 1);
	f->flags &= ~(uint32_t)(FR_WORKINGSET | FR_REFERENCED);
	f->gen = 0;
	workingset_refault(b.t, pfn, shadow);
	ck_assert_uint_eq(g->refaulted[LRU_GEN_FILE][2], 1);
	ck_assert_int_eq(n->stat.item[NR_WORKINGSET_REFAULT_FILE], 1);
	ck_assert_int_eq(n->stat.item[NR_WORKINGSET_RESTORE_FILE], 1); /* 3 = as often as is counted */
	ck_assert_uint_eq(frame_lru_refs(f), 4);
	g->min_seq[LRU_GEN_FILE]++;
	workingset_refault(b.t, pfn, shadow);
	ck_assert_uint_eq(g->refaulted[LRU_GEN_FILE][2], 1);
	ck_assert_int_eq(n->stat.item[NR_WORKINGSET_REFAULT_FILE], 1);
	frame_put(&b.k, 0, pfn);
}
END_TEST

/*
 * Files are evicted as long as refaults_file * (total_anon + 64) * swappiness ≤ (refaults_anon + 1) *
 * total_file * (200 - swappiness), or file refaults are below 64.
 */
static const struct {
	uint64_t anon_refaults, anon_total, file_refaults, file_total, swappiness;
	unsigned type;
} choice[] = {
	{0, 0, 63, 100, 199, LRU_GEN_FILE},      /* few refaults: nothing learnt */
	{99, 936, 100, 1000, 100, LRU_GEN_FILE}, /* 100 * 1000 * 100 ≤ 100 * 1000 * 100 */
	{99, 936, 101, 1000, 100, LRU_GEN_ANON}, /* one more */
	{99, 936, 101, 1000, 99, LRU_GEN_FILE},  /* 101 * 1000 * 99 ≤ 100 * 1000 * 101 */
	{99, 936, 300, 1000, 50, LRU_GEN_FILE},  /* 300 * 50 ≤ 100 * 150 */
	{99, 936, 301, 1000, 50, LRU_GEN_ANON},
};

START_TEST(the_type_with_fewer_refaults_goes)
{
	unsigned tier;

	/* half from the average, half from the oldest generation */
	g->avg_refaulted[LRU_GEN_ANON][0] = choice[_i].anon_refaults / 2;
	g->refaulted[LRU_GEN_ANON][0] = choice[_i].anon_refaults - choice[_i].anon_refaults / 2;
	g->avg_total[LRU_GEN_ANON][0] = choice[_i].anon_total / 2;
	g->evicted[LRU_GEN_ANON][0] = choice[_i].anon_total - choice[_i].anon_total / 2;
	g->refaulted[LRU_GEN_FILE][0] = choice[_i].file_refaults;
	g->evicted[LRU_GEN_FILE][0] = choice[_i].file_total;
	ck_assert_uint_eq(lru_gen_choose_type(g, choice[_i].swappiness, &tier), choice[_i].type);
	ck_assert_uint_eq(tier, 3); /* nothing came back in other tiers */
}
END_TEST

/* A tier whose pages come back more than twice as often as those of tier 0 is kept, and all above it. */
START_TEST(tiers_that_come_back_are_protected)
{
	g->refaulted[LRU_GEN_FILE][0] = 99;
	g->evicted[LRU_GEN_FILE][0] = 936;
	g->refaulted[LRU_GEN_FILE][2] = 200;
	g->evicted[LRU_GEN_FILE][2] = 600;
	g->protected[LRU_GEN_FILE][1] = 400;                      /* of tier 2 */
	ck_assert_uint_eq(lru_gen_last_tier(g, LRU_GEN_FILE), 3); /* 200 * 1000 ≤ 100 * 1000 * 2 */
	g->refaulted[LRU_GEN_FILE][2]++;
	ck_assert_uint_eq(lru_gen_last_tier(g, LRU_GEN_FILE), 1);
}
END_TEST

START_TEST(history_fades)
{
	g->avg_refaulted[LRU_GEN_ANON][1] = 10;
	g->refaulted[LRU_GEN_ANON][1] = 31;
	g->avg_total[LRU_GEN_ANON][1] = 100;
	g->evicted[LRU_GEN_ANON][1] = 50;
	g->protected[LRU_GEN_ANON][0] = 25;
	lru_gen_carry_over(g, LRU_GEN_ANON);
	ck_assert_uint_eq(g->avg_refaulted[LRU_GEN_ANON][1], 20);
	ck_assert_uint_eq(g->avg_total[LRU_GEN_ANON][1], 87);
	ck_assert_uint_eq(g->refaulted[LRU_GEN_ANON][1] + g->evicted[LRU_GEN_ANON][1] +
				  g->protected[LRU_GEN_ANON][0],
			  0);
}
END_TEST

/* ---- aging ---- */

#define AREA UINT64_C(0x40000000)
#define HALF 128u /* pages of each of two mappings in one table */
#define GAP  (UINT64_C(1) << 20)

/* The hardware's walk: the entries above and the page's own. */
static void use(vaddr_t va)
{
	pgtable_table(&b.t->mm->pt, va, 2)->e[ptable_index(va, 2)] |= PTE_ACCESSED;
	*pgtable_find(&b.t->mm->pt, va) |= PTE_ACCESSED;
}

static bool is_used(vaddr_t va)
{
	return bed_pte(&b, va) & PTE_ACCESSED;
}

/* Two mappings of a table, a megabyte apart, all pages used and in the youngest generation. */
static void fill(void)
{
	for (unsigned h = 0; h < 2; h++) {
		bed_anon(&b, AREA + h * GAP, HALF * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_FIXED);
		for (unsigned i = 0; i < HALF; i++) {
			b.t->in_lru_fault = true;
			bed_touch(&b, AREA + h * GAP + i * PAGE_SIZE, true);
			use(AREA + h * GAP + i * PAGE_SIZE);
		}
	}
	lru_drain(b.t);
	b.t->in_lru_fault = false;
}

/* kswapd's lru_gen_age_node where only the two youngest generations are left: it ages. */
static void age_node(void)
{
	struct reclaim_request r = {.needs_aging = true, .priority = 12};
	uint64_t seq = g->max_seq;

	g->min_seq[LRU_GEN_ANON] = g->min_seq[LRU_GEN_FILE] = seq - 1;
	b.t->flags |= TASK_KSWAPD;
	reclaim_mglru_ops.age(b.t, n, &r);
	b.t->flags &= ~(uint32_t)TASK_KSWAPD;
	ck_assert_uint_eq(g->max_seq, seq + 1);
}

/* walk_pte_range goes on in the next mapping of the table; the accessed bit above was cleared once for both.
 */
START_TEST(mappings_share_a_table)
{
	fill();
	age_node();
	ck_assert(!is_used(AREA) && !is_used(AREA + (HALF - 1) * PAGE_SIZE));
	ck_assert(!is_used(AREA + GAP) && !is_used(AREA + GAP + (HALF - 1) * PAGE_SIZE));
	ck_assert(!(pgtable_table(&b.t->mm->pt, AREA, 2)->e[ptable_index(AREA, 2)] & PTE_ACCESSED));
}
END_TEST

/* 256 entries of a table: 32 young ones, one for each cache line, are worth another look; 31 are not. They
 * may lie in one of the mappings. The first walk of an address space looks everywhere. */
START_TEST(tables_worth_it_are_looked_at_again)
{
	fill();
	age_node();
	for (unsigned i = 0; i < 32; i++)
		use(AREA + i * PAGE_SIZE);
	b.t->mm->ran = UINT64_MAX;
	age_node();
	ck_assert(!is_used(AREA)); /* all had been used at the first walk */
	for (unsigned i = 0; i < 31; i++)
		use(AREA + i * PAGE_SIZE);
	b.t->mm->ran = UINT64_MAX;
	age_node();
	ck_assert(!is_used(AREA)); /* 32 · 8 ≥ 256 */
	use(AREA);
	b.t->mm->ran = UINT64_MAX;
	age_node();
	ck_assert(is_used(AREA)); /* 31 · 8 < 256 */
}
END_TEST

/* While another walks, nobody else makes a generation; who is not pressed goes on. */
START_TEST(one_walks_at_a_time)
{
	const struct reclaim_request r = {.priority = DEF_PRIORITY};
	uint64_t seq = g->max_seq;

	g->walked_seq = seq; /* as while a walk is under way */
	ck_assert(!mglru_add_generation(b.t, &n->lruvec, &r, seq, true));
	ck_assert_uint_eq(g->max_seq, seq);
	ck_assert(mglru_add_generation(b.t, &n->lruvec, &r, seq - 1, true)); /* that one is there already */
	ck_assert_uint_eq(g->max_seq, seq);
}
END_TEST

/* Each node's walk answers for itself: the bit of another node stays, a table noted for it, too. */
START_TEST(nodes_walk_on_their_own)
{
	const struct ptable *t;

	fill();
	b.t->mm->ran = UINT64_MAX;
	t = pgtable_table(&b.t->mm->pt, AREA, 1);
	ptable_note(pgtable_table(&b.t->mm->pt, AREA, 1), 1, g->max_seq + 1);
	age_node();
	ck_assert_uint_eq(b.t->mm->ran, UINT64_MAX - 1);
	ck_assert(ptable_is_noted(t, 1, g->max_seq) && ptable_is_noted(t, 0, g->max_seq));
	ck_assert(!ptable_is_noted(t, 2, g->max_seq));
	use(AREA);
	age_node(); /* it has not run since */
	ck_assert(is_used(AREA));
}
END_TEST

/* lru_gen_look_around by direct reclaim: without a walk of its own, few used neighbours are activated through
 * the batch (counted); after one they are promoted at once; a walk of files leaves anonymous ones. */
static const struct {
	enum mm_walk walk;
	bool used_after, promoted;
	uint64_t activated;
} around[] = {
	{MM_WALK_NONE, false, true, 1},
	{MM_WALK_ALL, false, true, 0},
	{MM_WALK_FILE, true, false, 0},
};

START_TEST(walks_decide_about_neighbours)
{
	const vaddr_t next = AREA + PAGE_SIZE;
	uint32_t vm_flags = 0;
	pfn_t pfn, other;

	fill();
	for (unsigned i = 0; i < HALF; i++)
		*pgtable_find(&b.t->mm->pt, AREA + i * PAGE_SIZE) &= ~PTE_ACCESSED;
	pfn = pte_pfn(bed_pte(&b, AREA));
	other = pte_pfn(bed_pte(&b, next));
	use(AREA);
	use(next);
	g->max_seq++; /* all pages are one generation older */
	lru_isolate(&b.k, pfn);
	b.t->mm_walk = (uint8_t)around[_i].walk;
	ck_assert_uint_ge(page_referenced(b.t, pfn, NULL, &vm_flags), 1);
	lru_drain(b.t);
	ck_assert_int_eq(is_used(next), around[_i].used_after);
	ck_assert_int_eq(frame_lru_gen(frame_of(&b.mem, other)) == (int)(g->max_seq % MAX_NR_GENS),
			 around[_i].promoted);
	ck_assert_uint_eq(b.mem.vmstat.event[VMEV_PGACTIVATE], around[_i].activated);
	b.t->mm_walk = MM_WALK_NONE;
	lru_putback(b.t, pfn);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("lrugen");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_page_joins_a_generation, 0, (int)ARRAY_LEN(place));
	tcase_add_test(t, pages_change_generations);
	tcase_add_test(t, accesses_make_tiers);
	tcase_add_test(t, refaults_count_for_their_tier);
	tcase_add_loop_test(t, the_type_with_fewer_refaults_goes, 0, (int)ARRAY_LEN(choice));
	tcase_add_test(t, tiers_that_come_back_are_protected);
	tcase_add_test(t, history_fades);
	tcase_add_test(t, mappings_share_a_table);
	tcase_add_test(t, tables_worth_it_are_looked_at_again);
	tcase_add_test(t, one_walks_at_a_time);
	tcase_add_test(t, nodes_walk_on_their_own);
	tcase_add_loop_test(t, walks_decide_about_neighbours, 0, (int)ARRAY_LEN(around));
	return run_case("lrugen", t);
}
