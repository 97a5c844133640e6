/*
 * test_lru_prop.c - LRU lists and batches against a reference whose lists and batches are plain arrays.
 */
#include "tests/unit/vm_fixture.h"

#include <check.h>

#include "tests/suite.h"

#include "sim/rng.h"

#define PAGES 120u
#define CPUS  2u

enum { ADD, ROTATE, DEACTIVATE_FILE, DEACTIVATE, LAZYFREE, ACTIVATE, KINDS };

struct ref {
	bool active, referenced, anon, listed, batched, isolated;
};

static struct bed b;
static struct task *other; /* on CPU 1 */
static pfn_t pfn[PAGES];
static struct ref ref[PAGES];
static unsigned list[NR_LRU_LISTS][PAGES], len[NR_LRU_LISTS]; /* page numbers, head first */
static unsigned batch[CPUS][KINDS][15], filled[CPUS][KINDS];
static uint64_t age;

static unsigned list_of(unsigned p)
{
	return (ref[p].anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE) + (ref[p].active ? 1u : 0u);
}

static void take(unsigned p)
{
	unsigned l = list_of(p), i = 0;

	while (list[l][i] != p)
		i++;
	memmove(&list[l][i], &list[l][i + 1], (len[l] - i - 1) * sizeof list[l][0]);
	len[l]--;
	ref[p].listed = false;
}

static void give(unsigned p, bool tail)
{
	unsigned l = list_of(p);

	if (!tail)
		memmove(&list[l][1], &list[l][0], len[l] * sizeof list[l][0]);
	list[l][tail ? len[l] : 0] = p;
	len[l]++;
	ref[p].listed = true;
}

static void apply(unsigned kind, unsigned p)
{
	if (kind == ADD) {
		ref[p].batched = false;
		give(p, false);
		return;
	}
	if (!ref[p].listed || (kind == DEACTIVATE && !ref[p].active) || (kind == ACTIVATE && ref[p].active) ||
	    (kind == LAZYFREE && !ref[p].anon))
		return;
	take(p);
	ref[p].active = kind == ACTIVATE;
	if (kind == DEACTIVATE || kind == DEACTIVATE_FILE || kind == LAZYFREE)
		ref[p].referenced = false;
	if (kind == LAZYFREE)
		ref[p].anon = false; /* on the file lists from now on */
	give(p, kind == ROTATE || kind == DEACTIVATE_FILE);
}

static void drain(unsigned cpu, unsigned kind)
{
	for (unsigned i = 0; i < filled[cpu][kind]; i++)
		apply(kind, batch[cpu][kind][i]);
	filled[cpu][kind] = 0;
}

static void put(unsigned cpu, unsigned kind, unsigned p)
{
	batch[cpu][kind][filled[cpu][kind]++] = p;
	if (filled[cpu][kind] == 15)
		drain(cpu, kind);
}

static void mark(unsigned cpu, unsigned p)
{
	if (!ref[p].referenced) {
		ref[p].referenced = true;
		return;
	}
	if (ref[p].active)
		return;
	if (ref[p].listed) {
		put(cpu, ACTIVATE, p);
	} else {
		for (unsigned i = 0; i < filled[cpu][ADD]; i++)
			if (batch[cpu][ADD][i] == p)
				ref[p].active = true;
	}
	ref[p].referenced = false;
	age++;
}

static void compare(void)
{
	const struct node *n = &b.mem.node[0];

	for (unsigned l = 0; l < NR_LRU_LISTS; l++) {
		pfn_t at = n->lruvec.list[l].first;

		ck_assert_uint_eq(n->lruvec.list[l].n, len[l]);
		ck_assert_int_eq(n->stat.item[NR_INACTIVE_ANON + l], len[l]);
		ck_assert_int_eq(node_zone_total(n, (enum zone_item)(NR_ZONE_INACTIVE_ANON + l)), len[l]);
		for (unsigned i = 0; i < len[l]; i++) {
			ck_assert_uint_eq(at, pfn[list[l][i]]);
			at = frame_of(&b.mem, at)->next;
		}
		ck_assert_uint_eq(at, PFN_NONE);
	}
	for (unsigned p = 0; p < PAGES; p++)
		ck_assert_int_eq((frame_of(&b.mem, pfn[p])->flags & FR_LRU) != 0, ref[p].listed);
	ck_assert_uint_eq(n->lruvec.nonresident_age, age);
}

static void start(void)
{
	bed_new(&b, BED_SMALL, "topology.node_cpus=2", NULL);
	other = sched_task_new(&b.k, "other");
	other->exec = &b.x[1];
	other->state = TASK_RUNNING;
	memset(ref, 0, sizeof ref);
	memset(len, 0, sizeof len);
	memset(filled, 0, sizeof filled);
	age = b.mem.node[0].lruvec.nonresident_age;
	for (unsigned p = 0; p < PAGES; p++) {
		pfn[p] = alloc_pages(b.t, GFP_HIGHUSER_MOVABLE, 0);
		ref[p].anon = p % 2;
		frame_of(&b.mem, pfn[p])->flags |= FR_UPTODATE | (p % 2 ? FR_ANON | FR_SWAPBACKED : 0);
	}
}

/* Moves of a page that is on a list; those of a page that is not do nothing. */
static void move(unsigned what, unsigned p, unsigned cpu)
{
	struct task *t = cpu ? other : b.t;
	struct ref *x = &ref[p];

	switch (what) {
	case 0:
		if (x->listed && !x->active)
			put(cpu, ACTIVATE, p);
		lru_activate(t, pfn[p]);
		break;
	case 1:
		if (x->listed && x->active)
			put(cpu, DEACTIVATE, p);
		lru_deactivate(t, pfn[p]);
		break;
	case 2:
		put(cpu, DEACTIVATE_FILE, p);
		lru_deactivate_file(t, pfn[p]);
		break;
	case 3:
		if (x->listed)
			put(cpu, ROTATE, p);
		lru_rotate(&b.k, cpu, pfn[p]);
		break;
	default:
		if (x->listed && x->anon)
			put(cpu, LAZYFREE, p);
		lru_lazyfree(t, pfn[p]);
		break;
	}
}

static void come_and_go(unsigned what, unsigned p, unsigned cpu)
{
	struct task *t = cpu ? other : b.t;
	struct ref *x = &ref[p];

	if (what == 0) {
		ck_assert_int_eq(lru_isolate(&b.k, pfn[p]), x->listed);
		if (x->listed) {
			take(p);
			x->isolated = true;
		}
	} else if (what == 1 && x->isolated) {
		x->isolated = false;
		x->batched = true;
		put(cpu, ADD, p);
		lru_putback(t, pfn[p]);
	} else if (what > 1 && !x->listed && !x->batched && !x->isolated) {
		x->batched = true;
		put(cpu, ADD, p);
		lru_add(t, pfn[p]);
	}
}

static void step(struct rng *r)
{
	unsigned p = (unsigned)rng_below(r, PAGES), cpu = (unsigned)rng_below(r, CPUS);
	unsigned what = (unsigned)rng_below(r, 120);

	if (what == 0) {
		for (unsigned k = 0; k < KINDS; k++)
			drain(cpu, k);
		lru_drain_cpu(&b.k, cpu);
	} else if (what < 50) {
		come_and_go(what % 5, p, cpu);
	} else if (what < 70) {
		mark(cpu, p);
		lru_mark_accessed(cpu ? other : b.t, pfn[p]);
	} else {
		move(what % 5, p, cpu);
	}
}

START_TEST(random_moves)
{
	struct rng r;

	rng_init(&r, (uint64_t)_i + 7, "lru");
	start();
	for (unsigned i = 0; i < 6000; i++) {
		step(&r);
		if (i % 7 == 0)
			compare();
	}
	lru_drain_all(&b.k);
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		for (unsigned k = 0; k < KINDS; k++)
			drain(cpu, k);
	compare();
	for (unsigned p = 0; p < PAGES; p++) { /* nobody but us holds the pages that were not isolated */
		ck_assert_int_eq(frame_of(&b.mem, pfn[p])->refs, 1 + ref[p].isolated);
		if (ref[p].isolated)
			lru_putback(b.t, pfn[p]);
	}
	lru_drain_all(&b.k);
	for (unsigned p = 0; p < PAGES; p++)
		frame_put(&b.k, 0, pfn[p]);
	for (unsigned l = 0; l < NR_LRU_LISTS; l++)
		ck_assert_uint_eq(b.mem.node[0].lruvec.list[l].n, 0);
	bed_free(&b);
}
END_TEST

/* Locked twice, unlocked twice: on the unevictable list in between, and counted. */
START_TEST(locked_pages)
{
	struct frame *f;

	start();
	f = frame_of(&b.mem, pfn[1]);
	lru_add(b.t, pfn[1]);
	lru_drain(b.t);
	lru_mlock(b.t, pfn[1]);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 1);
	ck_assert_uint_eq(b.mem.node[0].lruvec.list[LRU_UNEVICTABLE].n, 0); /* in the batch */
	ck_assert_int_eq(f->refs, 2);
	lru_drain(b.t);
	ck_assert_uint_eq(b.mem.node[0].lruvec.list[LRU_UNEVICTABLE].n, 1);
	lru_mlock(b.t, pfn[1]);
	lru_munlock(b.t, pfn[1]);
	lru_drain(b.t);
	ck_assert_uint_eq(b.mem.node[0].lruvec.list[LRU_UNEVICTABLE].n, 1);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 1);
	lru_munlock(b.t, pfn[1]);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 1); /* falls when the batch drains */
	lru_drain(b.t);
	ck_assert_uint_eq(b.mem.node[0].lruvec.list[LRU_UNEVICTABLE].n, 0);
	ck_assert_uint_eq(b.mem.node[0].lruvec.list[LRU_INACTIVE_ANON].n, 1);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 0);
	ck_assert(!(f->flags & (FR_MLOCKED | FR_UNEVICTABLE)));
	/* freed while locked: the counter follows */
	lru_mlock(b.t, pfn[1]);
	lru_drain(b.t);
	frame_put(&b.k, 0, pfn[1]);
	ck_assert_int_eq(memory_zone_total(&b.mem, NR_MLOCK), 0);
	ck_assert_uint_eq(b.mem.node[0].lruvec.list[LRU_UNEVICTABLE].n, 0);
	bed_free(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("lru");

	tcase_add_loop_test(t, random_moves, 0, 6);
	tcase_add_test(t, locked_pages);
	return run_case("lru", t);
}
