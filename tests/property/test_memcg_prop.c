/*
 * test_memcg_prop.c - random trees of groups, random charges, stocks and uncharges. The model keeps what each
 * group was charged itself, and adds it up anew each time.
 */
#include <check.h>

#include "models/kernel/memcg.h"
#include "sim/rng.h"
#include "tests/suite.h"
#include "tests/unit/mm_fixture.h"

#define GROUPS 12
#define CPUS   3

static struct mm mm;
static struct kernel k;
static struct param_set ps;
static struct memcg_params params;

/* By place in the parameters. */
static struct {
	size_t parent; /* GROUPS: the root */
	char name[MEMCG_NAME_LEN];
	struct memcg *g;
	uint64_t own, max, low; /* pages */
} model[GROUPS];

static struct {
	size_t of; /* GROUPS: nobody's */
	uint64_t pages;
} stock[CPUS];

static void make_tree(struct rng *r)
{
	char names[512] = "memcg.name=", max[512] = "memcg.max=", low[512] = "memcg.low=";
	struct err e = {0};

	for (size_t i = 0; i < GROUPS; i++) {
		size_t in = rng_below(r, i + 1);

		/* deep names do not fit */
		model[i].parent = in < i && strlen(model[in].name) < 20 ? in : GROUPS;
		if (model[i].parent < GROUPS)
			snprintf(model[i].name, sizeof model[i].name, "%.20s/%c", model[model[i].parent].name,
				 (char)('a' + i));
		else
			snprintf(model[i].name, sizeof model[i].name, "%c", (char)('a' + i));
		model[i].max = 50 + rng_below(r, 400);
		model[i].low = rng_below(r, 200);
		model[i].own = 0;
		snprintf(names + strlen(names), sizeof names - strlen(names), " %s", model[i].name);
		snprintf(max + strlen(max), sizeof max - strlen(max), " %" PRIu64, model[i].max * PAGE_SIZE);
		snprintf(low + strlen(low), sizeof low - strlen(low), " %" PRIu64, model[i].low * PAGE_SIZE);
	}
	for (size_t c = 0; c < CPUS; c++)
		stock[c].of = GROUPS;
	mm_open(&mm, MM_BARE, "topology.node_mem=16M");
	memset(&k, 0, sizeof k);
	k.memory = &mm.mem;
	param_set_init(&ps);
	param_set_add(&ps, &memcg_param_table, &params);
	ck_assert_int_eq(param_set_assignment(&ps, names, "test", &e), 0);
	ck_assert_int_eq(param_set_assignment(&ps, max, "test", &e), 0);
	ck_assert_int_eq(param_set_assignment(&ps, low, "test", &e), 0);
	ck_assert_msg(memcg_new(&k, &params, CPUS, &e) >= 0, "%s", e.text);
	for (size_t i = 0; i < GROUPS; i++)
		for (size_t j = 0; j < GROUPS; j++)
			if (!strcmp(memcg_at(&k, j)->name, model[i].name))
				model[i].g = memcg_at(&k, j);
}

static bool is_in(size_t g, size_t root)
{
	while (g < GROUPS && g != root)
		g = model[g].parent;
	return g == root;
}

/* What a group and those in it were charged. */
static uint64_t usage(size_t g)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < GROUPS; i++)
		sum += is_in(i, g) ? model[i].own : 0;
	return sum;
}

/* The first limit on the way up that so many pages would break; GROUPS: none. */
static size_t broken(size_t g, uint64_t pages)
{
	for (; g < GROUPS; g = model[g].parent)
		if (usage(g) + pages > model[g].max)
			return g;
	return GROUPS;
}

static void drain(size_t cpu)
{
	if (stock[cpu].of < GROUPS)
		model[stock[cpu].of].own -= stock[cpu].pages;
	stock[cpu].of = GROUPS;
	stock[cpu].pages = 0;
}

static uint64_t stocked(size_t g)
{
	uint64_t sum = 0;

	for (size_t c = 0; c < CPUS; c++)
		sum += stock[c].of < GROUPS && is_in(stock[c].of, g) ? stock[c].pages : 0;
	return sum;
}

static void check_all(void)
{
	for (size_t i = 0; i < GROUPS; i++) {
		uint64_t protected = 0;

		ck_assert_uint_eq(model[i].g->memory.usage, usage(i));
		ck_assert_uint_le(usage(i), model[i].max);
		ck_assert_uint_eq(memcg_margin(model[i].g), model[i].max - usage(i));
		ck_assert_uint_eq(memcg_stocked(&k, model[i].g), stocked(i));
		for (size_t j = 0; j < GROUPS; j++) {
			ck_assert_int_eq(memcg_is_in(model[j].g, model[i].g), is_in(j, i));
			if (model[j].parent == i)
			protected += MIN_OF(usage(j), model[j].low);
		}
		ck_assert_uint_eq(model[i].g->memory.children_low_usage, protected);
	}
}

/* No group is promised more than it has or asks for beyond what those above leave unclaimed; all in a group
 * together no more than it. */
static void check_protection(void)
{
	const struct lruvec *l = NULL;

	while ((l = memcg_next(&k, &mm.mem.node[0], NULL, l)))
		memcg_calculate_protection(&k, NULL, l->memcg);
	for (size_t i = 0; i < GROUPS; i++) {
		uint64_t children = 0;

		if (!usage(i))
			continue;
		ck_assert_uint_le(MIN_OF(model[i].g->memory.elow, usage(i)), usage(i));
		for (size_t j = 0; j < GROUPS; j++)
			if (model[j].parent == i && usage(j))
				children += MIN_OF(model[j].g->memory.elow, usage(j));
		ck_assert_uint_le(children, MAX_OF(model[i].g->memory.elow, UINT64_C(0)));
	}
}

static void step(struct rng *r)
{
	size_t g = rng_below(r, GROUPS), cpu = rng_below(r, CPUS);
	uint64_t pages = 1 + rng_below(r, 80), spare = rng_below(r, 64);
	struct memcg *fail = NULL;

	switch (rng_below(r, 5)) {
	case 0:
	case 1: {
		size_t limit = broken(g, pages);

		ck_assert_int_eq(memcg_try_charge(model[g].g, pages, &fail), limit == GROUPS);
		if (limit == GROUPS)
			model[g].own += pages;
		else
			ck_assert_ptr_eq(fail, model[limit].g);
		break;
	}
	case 2: /* the rest of a batch */
		if (broken(g, spare) < GROUPS)
			break;
		ck_assert(memcg_try_charge(model[g].g, spare, &fail));
		model[g].own += spare;
		memcg_refill_stock(&k, (unsigned)cpu, model[g].g, spare);
		if (stock[cpu].of != g)
			drain(cpu);
		stock[cpu].of = g;
		stock[cpu].pages += spare;
		if (stock[cpu].pages > MEMCG_CHARGE_BATCH)
			drain(cpu);
		break;
	case 3: {
		bool has = stock[cpu].of == g && stock[cpu].pages >= pages;

		ck_assert_int_eq(memcg_consume_stock(&k, (unsigned)cpu, model[g].g, pages), has);
		stock[cpu].pages -= has ? pages : 0;
		break;
	}
	default:
		if (rng_below(r, 4)) { /* all that no stock holds */
			uint64_t own = model[g].own;

			for (size_t c = 0; c < CPUS; c++)
				own -= stock[c].of == g ? stock[c].pages : 0;
			memcg_uncharge_pages(model[g].g, own);
			model[g].own -= own;
			break;
		}
		memcg_drain_stock(&k, model[g].g);
		for (size_t c = 0; c < CPUS; c++)
			if (stock[c].of < GROUPS && stock[c].pages && is_in(stock[c].of, g))
				drain(c);
	}
}

START_TEST(counters_agree_with_the_model)
{
	struct rng r;

	rng_init(&r, (uint64_t)_i, "memcg");
	make_tree(&r);
	for (unsigned i = 0; i < 600; i++) {
		step(&r);
		check_all();
		if (i % 10 == 0)
			check_protection();
	}
	memcg_free(&k);
	param_set_release(&ps);
	mm_close(&mm);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("memcg_prop");

	tcase_add_loop_test(t, counters_agree_with_the_model, 0, 8);
	return run_case("memcg_prop", t);
}
