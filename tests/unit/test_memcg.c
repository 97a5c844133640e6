/*
 * test_memcg.c - groups from parameters; counters, stocks, protection and the price of being above
 * memory.high, each against what was worked out by hand.
 */
#include <check.h>

#include "models/kernel/charge.h"
#include "models/kernel/memcg.h"
#include "models/kernel/swap_cgroup.h"
#include "tests/suite.h"
#include "tests/unit/mm_fixture.h"

static struct mm mm;
static struct kernel k;
static struct param_set ps;
static struct memcg_params params;
static struct eventq q;
static struct err e;

/* A machine of two nodes and four CPUs with the groups of the settings "path=value", up to a NULL. */
static int try_open(const char *first, ...)
{
	va_list ap;
	int rc = 0;

	mm_open(&mm, MM_BARE, "topology.node_mem=16M 16M");
	memset(&k, 0, sizeof k);
	k.memory = &mm.mem;
	k.eventq = &q;
	k.params.swappiness = 60;
	err_clear(&e);
	param_set_init(&ps);
	param_set_add(&ps, &memcg_param_table, &params);
	va_start(ap, first);
	for (const char *s = first; rc >= 0 && s; s = va_arg(ap, const char *))
		rc = param_set_assignment(&ps, s, "test", &e);
	va_end(ap);
	return rc < 0 ? rc : memcg_new(&k, &params, 4, &e);
}
#define open_groups(...) ck_assert_msg(try_open(__VA_ARGS__, NULL) >= 0, "%s", e.text)

static void close_groups(void)
{
	memcg_free(&k);
	param_set_release(&ps);
	mm_close(&mm);
}

static struct memcg *group(const char *name)
{
	struct memcg *g;

	for (size_t i = 0; (g = memcg_at(&k, i)); i++)
		if (!strcmp(g->name, name))
			return g;
	ck_abort_msg("there is no group %s", name);
}

START_TEST(nothing_asked_for_is_no_group)
{
	open_groups("memcg.name=");
	ck_assert_ptr_null(k.memcgs);
	ck_assert_ptr_null(memcg_at(&k, 0));
	ck_assert_uint_eq(memcg_of_pid(&k, 1, NULL), 0);
	/* the walk over groups sees the node's own lists alone */
	ck_assert_ptr_eq(memcg_next(&k, &mm.mem.node[1], NULL, NULL), &mm.mem.node[1].lruvec);
	ck_assert_ptr_null(memcg_next(&k, &mm.mem.node[1], NULL, &mm.mem.node[1].lruvec));
	close_groups();
}
END_TEST

START_TEST(one_limit_is_one_group_for_all)
{
	open_groups("memcg.max=64M");
	ck_assert_str_eq(memcg_at(&k, 0)->name, "g0");
	ck_assert_ptr_null(memcg_at(&k, 1));
	ck_assert_uint_eq(memcg_at(&k, 0)->memory.max, 16384);
	ck_assert_uint_eq(memcg_at(&k, 0)->memory.high, MEMCG_MAX);
	ck_assert_uint_eq(memcg_at(&k, 0)->swappiness, 60);
	ck_assert_uint_eq(memcg_of_pid(&k, 7, NULL), 1);
	close_groups();
}
END_TEST

/* Lists go by place, walks by the tree: each group before those in it. */
START_TEST(names_make_a_tree)
{
	static const char *const order[] = {"web", "web/b", "web/a", "web/a/x", "db"};
	struct process child = {.memcg = 0};
	struct lruvec *l = NULL;

	open_groups("memcg.name=web db web/b web/a web/a/x", "memcg.max=5M 4M 3M max 1M",
		    "memcg.swappiness=10", "memcg.of=1:db 2:2 3:root 4:web/a/x");
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		ck_assert_str_eq(memcg_at(&k, i)->name, order[i]);
		ck_assert_uint_eq(memcg_at(&k, i)->id, i + 1);
		ck_assert_uint_eq(memcg_at(&k, i)->swappiness, 10);
	}
	ck_assert_uint_eq(group("web")->memory.max, 1280);
	ck_assert_uint_eq(group("db")->memory.max, 1024);
	ck_assert_uint_eq(group("web/a")->memory.max, MEMCG_MAX);
	ck_assert_ptr_eq(group("web/a/x")->parent, group("web/a"));
	ck_assert_ptr_null(group("db")->parent);
	ck_assert(memcg_is_in(group("web/a/x"), group("web")));
	ck_assert(!memcg_is_in(group("db"), group("web")));
	ck_assert(!memcg_is_in(NULL, group("web")) && memcg_is_in(group("db"), NULL) &&
		  memcg_is_in(NULL, NULL));
	for (size_t i = 0; i < 3; i++) { /* web/a's subtree behind web/b */
		l = memcg_next(&k, &mm.mem.node[1], i ? group("web/a") : NULL, l);
		if (!i)
			l = NULL;
		else
			ck_assert_ptr_eq(l, &group(order[1 + i])->lruvec[1]);
	}
	ck_assert_ptr_null(memcg_next(&k, &mm.mem.node[1], group("web/a"), l));
	/* who is named is where the list says, even when forked; who is not is where its parent is, or in the
	 * root */
	ck_assert_uint_eq(memcg_of_pid(&k, 1, &child), group("db")->id);
	ck_assert_uint_eq(memcg_of_pid(&k, 2, NULL), group("web/b")->id);
	ck_assert_uint_eq(memcg_of_pid(&k, 3, NULL), 0);
	ck_assert_uint_eq(memcg_of_pid(&k, 9, NULL), 0);
	child.memcg = group("web/a/x")->id;
	ck_assert_uint_eq(memcg_of_pid(&k, 9, &child), group("web/a/x")->id);
	close_groups();
}
END_TEST

static const struct {
	const char *first, *second, *says;
} refused[] = {
	{"memcg.name=a a", NULL, "memcg.name: \"a\" is there twice"},
	{"memcg.name=12", NULL, "memcg.name: \"12\" is no name of a group"},
	{"memcg.name=root", NULL, "memcg.name: \"root\" is no name of a group"},
	{"memcg.name=a/../b", NULL, "memcg.name: \"a/../b\" is no name of a group"},
	{"memcg.name=a/b a", NULL,
	 "memcg.name: \"a/b\": the group \"a\" that it lies in is not named before it"},
	{"memcg.name=averyveryverylongnameofagroupindeed", NULL, "is no name of a group"},
	{"memcg.name=a b c", "memcg.max=1M 2M", "memcg.max: 2 entries for 3 groups"},
	{"memcg.max=1M 2M", "memcg.low=1M 2M 3M", "memcg.max: 2 entries for 3 groups"},
	{"memcg.max=1M", "memcg.of=1:1", "memcg.of: there is no group \"1\""},
	{"memcg.max=1M", "memcg.of=1:web", "memcg.of: there is no group \"web\""},
	{"memcg.max=1M", "memcg.of=x:0", "memcg.of: \"x:0\": expected a pid, a colon and a group"},
	{"memcg.max=1M", "memcg.of=1", "memcg.of: \"1\": expected a pid, a colon and a group"},
	{"memcg.max=1M", "memcg.of=1:0 1:0", "memcg.of: process 1 is there twice"},
	{"memcg.of=1:0", NULL, "memcg.of: there are no groups"},
	{"memcg.max=maximum", NULL, "memcg.max: element 1 of the list"},
	{"memcg.swappiness=201", NULL, "memcg.swappiness: 201 is out of range"},
};

START_TEST(bad_settings_are_named)
{
	ck_assert_int_lt(try_open(refused[_i].first, refused[_i].second, NULL), 0);
	ck_assert_msg(strstr(e.text, refused[_i].says), "%s", e.text);
	close_groups();
}
END_TEST

START_TEST(max_is_written_as_it_was_read)
{
	open_groups("memcg.max=max 4096 64M");
	ck_assert_str_eq(param_find(&ps, "memcg.max")->text, "max 4096 67108864");
	ck_assert_uint_eq(group("g0")->memory.max, MEMCG_MAX);
	ck_assert_uint_eq(group("g1")->memory.max, 1);
	close_groups();
}
END_TEST

/* A charge counts in the group and all it lies in; the nearest limit that it breaks is named, nothing is
 * charged. */
START_TEST(charges_go_up)
{
	struct memcg *fail = NULL;

	open_groups("memcg.name=a a/b a/c", "memcg.max=40K 24K 32K"); /* 10, 6, 8 pages */
	ck_assert(memcg_try_charge(group("a/b"), 6, &fail));
	ck_assert(!memcg_try_charge(group("a/b"), 1, &fail));
	ck_assert_ptr_eq(fail, group("a/b"));
	ck_assert(!memcg_try_charge(group("a/c"), 5, &fail)); /* fits into a/c, not into a */
	ck_assert_ptr_eq(fail, group("a"));
	ck_assert_uint_eq(group("a/c")->memory.usage, 0);
	ck_assert(memcg_try_charge(group("a/c"), 4, &fail));
	ck_assert_uint_eq(group("a")->memory.usage, 10);
	ck_assert_uint_eq(memcg_margin(group("a")), 0);
	ck_assert_uint_eq(memcg_margin(group("a/c")), 4);
	memcg_force_charge(group("a/c"), 3);
	ck_assert_uint_eq(group("a")->memory.usage, 13);
	ck_assert_uint_eq(memcg_margin(group("a")), 0);
	memcg_uncharge_pages(group("a/b"), 6);
	memcg_uncharge_pages(group("a/c"), 7);
	ck_assert_uint_eq(group("a")->memory.usage, 0);
	ck_assert_uint_eq(group("a")->memory.watermark, 13);
	close_groups();
}
END_TEST

/* A CPU's stock is one group's; it goes back when another one's pages come, when it grows beyond 64, and when
 * it is drained. */
START_TEST(stocks_are_of_one_group_a_cpu)
{
	struct memcg *a, *b, *fail;

	open_groups("memcg.name=a b a/x");
	a = group("a");
	b = group("b");
	ck_assert(memcg_try_charge(a, 64, &fail) && memcg_try_charge(b, 64, &fail));
	memcg_refill_stock(&k, 0, a, 63);
	ck_assert(!memcg_consume_stock(&k, 1, a, 1));
	ck_assert(!memcg_consume_stock(&k, 0, b, 1));
	ck_assert(memcg_consume_stock(&k, 0, a, 3));
	ck_assert(!memcg_consume_stock(&k, 0, a, 61));
	ck_assert_uint_eq(memcg_stocked(&k, a), 60);
	ck_assert_uint_eq(a->memory.usage, 64);
	memcg_refill_stock(&k, 0, b, 63); /* a's 60 go back */
	ck_assert_uint_eq(a->memory.usage, 4);
	ck_assert_uint_eq(memcg_stocked(&k, b), 63);
	ck_assert(memcg_try_charge(b, 2, &fail));
	memcg_refill_stock(&k, 0, b, 2); /* 65 are more than 64: all go back */
	ck_assert_uint_eq(memcg_stocked(&k, b), 0);
	ck_assert_uint_eq(b->memory.usage, 1);
	ck_assert(memcg_try_charge(group("a/x"), 64, &fail) && memcg_try_charge(b, 64, &fail));
	memcg_refill_stock(&k, 2, group("a/x"), 10);
	memcg_refill_stock(&k, 3, b, 11);
	memcg_drain_stock(&k, a); /* with the groups in it, and no other */
	ck_assert_uint_eq(a->memory.usage, 4 + 54);
	ck_assert_uint_eq(memcg_stocked(&k, b), 11);
	close_groups();
}
END_TEST

static void use(const char *name, uint64_t pages)
{
	memcg_force_charge(group(name), pages);
}

static uint64_t elow(const char *name)
{
	struct memcg *g = group(name);

	for (struct memcg *p = g->parent; p; p = p->parent)
		memcg_calculate_protection(&k, NULL, p);
	memcg_calculate_protection(&k, NULL, g);
	return g->memory.elow;
}

/*
 * memory.low of the outer group is 100 pages. Claims beyond that are cut in proportion to what is used of
 * them; what nobody claims is shared in proportion to unclaimed use, where the mount option says so.
 */
START_TEST(protection_comes_down)
{
	bool recursive = _i;

	open_groups("memcg.name=a a/x a/y", "memcg.low=400K 240K 240K",
		    recursive ? "memcg.recursiveprot=true"
			      : "memcg.recursiveprot=false"); /* 100, 60, 60 pages */
	use("a/x", 60);
	use("a/y", 20);
	ck_assert_uint_eq(elow("a"), 100);
	ck_assert_uint_eq(elow("a/x"), 60); /* 60 + 20 claimed of 100 */
	ck_assert_uint_eq(elow("a/y"), 20);
	use("a/y", 70); /* now 60 + 60 are claimed: 100 / 120 of each */
	ck_assert_uint_eq(elow("a/x"), 50);
	ck_assert_uint_eq(elow("a/y"), 50);
	memcg_uncharge_pages(group("a/x"),
			     40); /* 20 + 60 claimed; 20 left for a/y's 30 unclaimed: all of them */
	ck_assert_uint_eq(elow("a/x"), 20);
	ck_assert_uint_eq(elow("a/y"), recursive ? 60 + 20 * 30 / 30 : 60);
	ck_assert(memcg_below_low(group("a/x")));
	ck_assert(!memcg_below_low(group("a/y")));
	ck_assert(!memcg_below_min(group("a/y")) && !memcg_below_low(NULL) && !memcg_below_min(NULL));
	/* none against the group's own limit */
	{
		uint64_t min, low;

		memcg_protection(group("a/x"), group("a/x"), &min, &low);
		ck_assert_uint_eq(low, 0);
		memcg_protection(NULL, group("a/x"), &min, &low);
		ck_assert_uint_eq(low, 20);
	}
	close_groups();
}
END_TEST

/* The table in mm/memcontrol.c: with memory.high of 100 MiB, ms to wait for 64 pages at 101 … 118 MiB. */
static const struct {
	uint64_t usage_mib, ms;
} price[] = {{100, 0},   {101, 6},    {102, 25},   {103, 57},   {104, 102},  {105, 159},
	     {106, 230}, {107, 313},  {108, 409},  {109, 518},  {110, 639},  {111, 774},
	     {112, 921}, {113, 1081}, {114, 1254}, {115, 1439}, {116, 1638}, {117, 1849}};

START_TEST(being_above_high_costs_more_and_more)
{
	uint64_t over = charge_overage(price[_i].usage_mib << 8, 100 << 8),
		 jiffies = charge_high_delay(over, 64);

	/* the table was made with jiffies of 1 ms; ours are of 4 */
	ck_assert_uint_le(jiffies * 4, price[_i].ms);
	ck_assert_uint_gt(jiffies * 4 + 4, price[_i].ms > 3 ? price[_i].ms - 3 : 0);
	ck_assert_uint_eq(charge_high_delay(over, 128) / 2, jiffies);
}
END_TEST

START_TEST(high_of_nothing_counts_as_one_page)
{
	ck_assert_uint_eq(charge_overage(3, 0), UINT64_C(2) << 20);
	ck_assert_uint_eq(charge_overage(5, 5), 0);
}
END_TEST

/* Events count for the group and for those it lies in. */
START_TEST(events_go_up)
{
	open_groups("memcg.name=a a/b c");
	memcg_event(group("a/b"), MEMCG_OOM_KILL, 1);
	memcg_event(group("a"), MEMCG_OOM_KILL, 2);
	ck_assert_uint_eq(group("a/b")->stats.oom_kill, 1);
	ck_assert_uint_eq(group("a")->stats.oom_kill, 3);
	ck_assert_uint_eq(group("c")->stats.oom_kill, 0);
	memcg_event(group("c"), MEMCG_SWAP_FAIL, 1);
	ck_assert_uint_eq(group("c")->stats.swap_fail, 1);
	close_groups();
}
END_TEST

/* What a group's lists count is the group's and the node's; the root's own are what is left of the node's. */
START_TEST(lists_count_for_their_group)
{
	struct lruvec *a, *x, *root;

	open_groups("memcg.name=a a/x");
	root = &mm.mem.node[1].lruvec;
	a = &group("a")->lruvec[1];
	x = &group("a/x")->lruvec[1];
	lruvec_count(root, LRU_ACTIVE_FILE, ZONE_DMA, 5);
	lruvec_count(a, LRU_ACTIVE_FILE, ZONE_DMA, 7);
	lruvec_count(x, LRU_ACTIVE_FILE, ZONE_DMA, 11);
	ck_assert_int_eq(mm.mem.node[1].stat.item[NR_ACTIVE_FILE], 23);
	ck_assert_int_eq(lruvec_state(&k, root, NR_ACTIVE_FILE), 23);
	ck_assert_int_eq(lruvec_state(&k, a, NR_ACTIVE_FILE), 18);
	ck_assert_int_eq(lruvec_state(&k, x, NR_ACTIVE_FILE), 11);
	ck_assert_int_eq(lruvec_zone_size(&k, root, LRU_ACTIVE_FILE, ZONE_DMA), 5);
	ck_assert_int_eq(lruvec_zone_size(&k, a, LRU_ACTIVE_FILE, ZONE_DMA), 7);
	ck_assert_int_eq(memcg_state(&k, group("a"), NR_ACTIVE_FILE), 18);
	lruvec_age(x, 3);
	lruvec_age(a, 4);
	ck_assert_uint_eq(x->nonresident_age, 3);
	ck_assert_uint_eq(a->nonresident_age, 7);
	ck_assert_uint_eq(root->nonresident_age, 7);
	close_groups();
}
END_TEST

/* memory.swap.max: what is left for a group is what the tightest limit above it leaves. */
START_TEST(swap_has_limits_of_its_own)
{
	open_groups("memcg.name=a a/b c", "memcg.swap_max=40K 80K max");
	ck_assert_uint_eq(swap_cgroup_room(group("a/b"), 100), 10);
	ck_assert_uint_eq(swap_cgroup_room(group("c"), 100), 100);
	ck_assert_uint_eq(swap_cgroup_room(NULL, 100), 100);
	group("a")->swap.usage = 8;
	ck_assert_uint_eq(swap_cgroup_room(group("a/b"), 100), 2);
	ck_assert_uint_eq(swap_cgroup_room(group("a/b"), 1), 1);
	close_groups();
}
END_TEST

/* Charges a page for objects whose bytes but `used` go to the CPU. */
static void page_of_objects(unsigned cpu, struct memcg *g, unsigned used)
{
	struct memcg *fail;

	ck_assert(memcg_try_charge(g, 1, &fail));
	memcg_object_pages(g, 1);
	memcg_refill_bytes(&k, cpu, g, PAGE_SIZE - used, false);
}

/* obj_cgroup: a CPU keeps the rest of a page; whole pages go to the stock of pages when objects are freed,
 * the rest to the group when another one's come. */
START_TEST(bytes_of_objects)
{
	struct memcg *a, *b;

	open_groups("memcg.name=a b");
	a = group("a");
	b = group("b");
	ck_assert(!memcg_consume_bytes(&k, 0, a, 160));
	page_of_objects(0, a, 160);
	for (unsigned i = 1; i < 25; i++)
		ck_assert(memcg_consume_bytes(&k, 0, a, 160));
	ck_assert_uint_eq(memcg_stocked_bytes(&k, a), 96);
	ck_assert(!memcg_consume_bytes(&k, 0, a, 160));
	ck_assert(!memcg_consume_bytes(&k, 1, a, 96));
	page_of_objects(0, a, 160); /* 96 more than a page's rest: both stay */
	ck_assert_uint_eq(memcg_stocked_bytes(&k, a), 4032);
	ck_assert_uint_eq(a->memory.usage, 2);
	ck_assert_int_eq(memcg_kernel_pages(&k, a), 2);
	memcg_refill_bytes(&k, 0, a, 64, true); /* exactly a page is not more than a page */
	ck_assert_uint_eq(memcg_stocked_bytes(&k, a), 4096);
	memcg_refill_bytes(&k, 0, a, 160, true);
	ck_assert_uint_eq(memcg_stocked_bytes(&k, a), 160);
	ck_assert_uint_eq(a->object_pages, 1);
	ck_assert_uint_eq(memcg_stocked(&k, a), 1); /* charged still */
	ck_assert_uint_eq(a->memory.usage, 2);
	page_of_objects(0, b, 4000);
	ck_assert_uint_eq(a->spare_bytes, 160);
	ck_assert_uint_eq(memcg_stocked_bytes(&k, a), 0);
	ck_assert_uint_eq(memcg_stocked_bytes(&k, b), 96);
	memcg_refill_bytes(&k, 1, a, 4000, false); /* the group's come along, and a whole page goes back */
	ck_assert_uint_eq(a->spare_bytes, 0);
	ck_assert_uint_eq(memcg_stocked_bytes(&k, a), 64);
	ck_assert_uint_eq(a->object_pages, 0);
	memcg_drain_stock(&k, a);
	ck_assert_uint_eq(a->memory.usage, 0);
	ck_assert_uint_eq(a->spare_bytes, 64);
	ck_assert_uint_eq(b->spare_bytes, 96); /* CPU 0 had a's page: all that it has goes */
	ck_assert_uint_eq(memcg_stocked_bytes(&k, b), 0);
	ck_assert_uint_eq(b->memory.usage, 1);
	close_groups();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("memcg");

	tcase_add_test(t, nothing_asked_for_is_no_group);
	tcase_add_test(t, one_limit_is_one_group_for_all);
	tcase_add_test(t, names_make_a_tree);
	tcase_add_loop_test(t, bad_settings_are_named, 0, ARRAY_LEN(refused));
	tcase_add_test(t, max_is_written_as_it_was_read);
	tcase_add_test(t, charges_go_up);
	tcase_add_test(t, stocks_are_of_one_group_a_cpu);
	tcase_add_test(t, bytes_of_objects);
	tcase_add_loop_test(t, protection_comes_down, 0, 2);
	tcase_add_loop_test(t, being_above_high_costs_more_and_more, 0, ARRAY_LEN(price));
	tcase_add_test(t, high_of_nothing_counts_as_one_page);
	tcase_add_test(t, events_go_up);
	tcase_add_test(t, lists_count_for_their_group);
	tcase_add_test(t, swap_has_limits_of_its_own);
	return run_case("memcg", t);
}
