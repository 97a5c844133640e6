/*
 * test_slab_prop.c - random objects of many caches, allocated and freed on any CPU, with page requests that
 * fail now and then. The model is the plain set of live objects: no two may overlap, and in the end every
 * page is back.
 */
#include <check.h>

#include "sim/rng.h"
#include "tests/suite.h"
#include "tests/unit/slab_fixture.h"

#define CPUS     4
#define MAX_LIVE 6000

struct object {
	slab_obj_t at;
	struct slab_cache *cache; /* NULL: kmalloc */
	unsigned size;
};

static struct slab_bed b;
static struct object live[MAX_LIVE];
static size_t nr_live;

static int by_address(const void *x, const void *y)
{
	const struct object *a = x, *c = y;

	return a->at < c->at ? -1 : a->at > c->at;
}

static void check_overlap(void)
{
	static struct object sorted[MAX_LIVE];

	memcpy(sorted, live, nr_live * sizeof(live[0]));
	qsort(sorted, nr_live, sizeof(sorted[0]), by_address);
	for (size_t i = 1; i < nr_live; i++)
		ck_assert_uint_le(sorted[i - 1].at + sorted[i - 1].size, sorted[i].at);
}

static void step(struct rng *r, bool fill)
{
	static const unsigned sizes[] = {8, 60, 100, 190, 700, 1500, 4096, 9000};
	unsigned cpu = b.cpu = (unsigned)rng_below(r, CPUS);

	b.fail = rng_below(r, 20) == 0;
	b.max_order = rng_below(r, 4) ? NR_ORDERS : 0;
	if (rng_below(r, 10) < (fill ? 7u : 3u) && nr_live < MAX_LIVE) {
		struct object o = {0};

		if (rng_below(r, 2)) {
			o.cache = slab_cache_of(b.s, (enum slab_cache_id)rng_below(r, NR_SLAB_CACHES));
			o.at = slab_alloc(b.s, o.cache, &b, cpu, GFP_KERNEL, NULL);
			o.size = 64; /* the smallest dedicated object */
		} else {
			o.size = sizes[rng_below(r, ARRAY_LEN(sizes))];
			o.at = slab_kmalloc(b.s, &b, cpu, o.size,
					    rng_below(r, 2) ? GFP_KERNEL : GFP_KERNEL_ACCOUNT);
		}
		if (o.at)
			live[nr_live++] = o;
	} else if (nr_live) {
		size_t i = rng_below(r, nr_live);

		if (live[i].cache)
			slab_free(b.s, live[i].cache, &b, cpu, live[i].at);
		else
			slab_kfree(b.s, &b, cpu, live[i].at, live[i].size);
		live[i] = live[--nr_live];
	}
}

START_TEST(random_objects)
{
	struct slab_info info;
	struct rng r;
	uint64_t before;

	rng_init(&r, (uint64_t)_i, "test.slab");
	bed_open(&b, "topology.node_mem=32MiB 32MiB", "topology.node_cpus=2");
	before = memory_free_pages(&b.mm.mem);
	nr_live = 0;
	for (unsigned i = 0; i < 12000; i++) {
		step(&r, i / 3000 % 2 == 0);
		if (i % 1000 == 0) {
			ck_assert(slab_is_valid(b.s));
			check_overlap();
		}
	}
	b.fail = false;
	while (nr_live) {
		struct object o = live[--nr_live];

		if (o.cache)
			slab_free(b.s, o.cache, &b, 0, o.at);
		else
			slab_kfree(b.s, &b, 0, o.at, o.size);
	}
	ck_assert(slab_is_valid(b.s));
	for (size_t i = 0; slab_info_at(b.s, i, &info); i++) {
		ck_assert_uint_eq(info.requested_bytes, 0);
		ck_assert_uint_eq(info.fragmented_bytes, 0);
	}
	for (unsigned id = 0; id < NR_SLAB_CACHES; id++)
		slab_shrink_cache(b.s, slab_cache_of(b.s, (enum slab_cache_id)id), &b);
	for (unsigned size = 8; size <= 8192; size += 8) {
		slab_shrink_cache(b.s, slab_kmalloc_cache(b.s, size, GFP_KERNEL), &b);
		slab_shrink_cache(b.s, slab_kmalloc_cache(b.s, size, GFP_KERNEL_ACCOUNT), &b);
	}
	ck_assert_int_eq(memory_node_total(&b.mm.mem, NR_SLAB_UNRECLAIMABLE), 0);
	ck_assert_int_eq(memory_node_total(&b.mm.mem, NR_SLAB_RECLAIMABLE), 0);
	pcp_drain_all(&b.mm.mem);
	ck_assert_uint_eq(memory_free_pages(&b.mm.mem), before);
	bed_close(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("slab_prop");

	tcase_add_loop_test(t, random_objects, 1, 5);
	return run_case("slab_prop", t);
}
