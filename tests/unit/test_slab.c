/*
 * test_slab.c - sizes and orders of slabs as a real kernel shows them, and how slabs move between lists.
 */
#include <check.h>

#include "tests/suite.h"
#include "tests/unit/slab_fixture.h"

static struct slab_bed b;

struct row {
	const char *name;
	unsigned size, objects, pages;
};

static void check_rows(const struct row *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct slab_info info = bed_info(&b, r[i].name);

		ck_assert_msg(info.objsize == r[i].size && info.objs_per_slab == r[i].objects &&
				      info.pages_per_slab == r[i].pages,
			      "%s: %u bytes, %u objects, %u pages", r[i].name, info.objsize,
			      info.objs_per_slab, info.pages_per_slab);
	}
}

/* /proc/slabinfo of a Debian 6.1 kernel with two CPUs */
START_TEST(geometry_with_two_cpus)
{
	static const struct row rows[] = {
		{"kmalloc-8", 8, 512, 1},
		{"kmalloc-16", 16, 256, 1},
		{"kmalloc-32", 32, 128, 1},
		{"kmalloc-64", 64, 64, 1},
		{"kmalloc-96", 96, 42, 1},
		{"kmalloc-128", 128, 32, 1},
		{"kmalloc-192", 192, 21, 1},
		{"kmalloc-256", 256, 16, 1},
		{"kmalloc-512", 512, 16, 2},
		{"kmalloc-1k", 1024, 16, 4},
		{"kmalloc-2k", 2048, 16, 8},
		{"kmalloc-4k", 4096, 8, 8},
		{"kmalloc-8k", 8192, 4, 8},
		{"kmalloc-cg-96", 96, 42, 1},
		{"kmalloc-rcl-2k", 2048, 16, 8},
		{"dma-kmalloc-512", 512, 16, 2},
		{"task_struct", 8384, 3, 8},
		{"mm_struct", 1152, 14, 4},
		{"vm_area_struct", 152, 26, 1},
		{"anon_vma", 104, 39, 1},
		{"anon_vma_chain", 64, 64, 1},
		{"filp", 256, 16, 1},
		{"ext4_inode_cache", 1192, 13, 4},
		{"dentry", 192, 21, 1},
		{"radix_tree_node", 584, 14, 2},
		{"maple_node", 256, 16, 1},
		{"numa_policy", 272, 15, 1},
		{"signal_cache", 1152, 14, 4},
		{"sighand_cache", 2112, 15, 8},
		{"files_cache", 704, 23, 4},
		{"shmem_inode_cache", 784, 20, 4},
		{"inode_cache", 640, 12, 2},
		{"request_sock_TCP", 312, 13, 1},
		{"xfrm_state", 768, 21, 4},
		{"request_sock_sub", 384, 21, 2},
		{"bdev_cache", 1600, 20, 8},
		{"net_namespace", 4288, 7, 8},
		{"ext4_system_zone", 40, 102, 1},
		{"request_queue_srcu", 1360, 12, 4},
	};

	bed_open(&b, "topology.node_mem=64MiB", "topology.node_cpus=2");
	slab_cache_create(b.s, "shmem_inode_cache", 784, 0);
	slab_cache_create(b.s, "inode_cache", 640, 0);
	slab_cache_create(b.s, "request_sock_TCP", 312, 0);
	slab_cache_create(b.s, "xfrm_state", 768, 0);
	slab_cache_create(b.s, "request_sock_sub", 384, 0);
	slab_cache_create(b.s, "bdev_cache", 1600, 0);
	slab_cache_create(b.s, "net_namespace", 4288, 0);
	slab_cache_create(b.s, "ext4_system_zone", 40, 0);
	slab_cache_create(b.s, "request_queue_srcu", 1360, 0);
	check_rows(rows, ARRAY_LEN(rows));
	bed_close(&b);
}
END_TEST

/* the same with four: at least 16 objects instead of 12 */
START_TEST(geometry_with_four_cpus)
{
	static const struct row rows[] = {
		{"kmalloc-512", 512, 16, 2},       {"kmalloc-8k", 8192, 4, 8},
		{"ext4_inode_cache", 1192, 27, 8}, {"radix_tree_node", 584, 28, 4},
		{"mm_struct", 1152, 28, 8},        {"numa_policy", 272, 30, 2},
		{"signal_cache", 1152, 28, 8},     {"files_cache", 704, 23, 4},
		{"task_struct", 8384, 3, 8},       {"vm_area_struct", 152, 26, 1},
	};

	bed_open(&b, "topology.node_mem=64MiB", "topology.node_cpus=4");
	check_rows(rows, ARRAY_LEN(rows));
	bed_close(&b);
}
END_TEST

START_TEST(kmalloc_chooses_by_size_and_kind)
{
	static const struct {
		unsigned size;
		gfp_t gfp;
		const char *name;
	} rows[] = {
		{1, GFP_KERNEL, "kmalloc-8"},
		{8, GFP_KERNEL, "kmalloc-8"},
		{9, GFP_KERNEL, "kmalloc-16"},
		{64, GFP_KERNEL, "kmalloc-64"},
		{65, GFP_KERNEL, "kmalloc-96"},
		{97, GFP_KERNEL, "kmalloc-128"},
		{129, GFP_KERNEL, "kmalloc-192"},
		{193, GFP_KERNEL, "kmalloc-256"},
		{8192, GFP_KERNEL, "kmalloc-8k"},
		{100, GFP_KERNEL_ACCOUNT, "kmalloc-cg-128"},
		{100, GFP_KERNEL | GFP_BIT_RECLAIMABLE, "kmalloc-rcl-128"},
		{100, GFP_KERNEL | GFP_BIT_DMA | GFP_BIT_ACCOUNT, "dma-kmalloc-128"},
	};

	bed_open(&b, "topology.node_mem=64MiB", "topology.node_cpus=1");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		slab_obj_t obj = slab_kmalloc(b.s, &b, 0, rows[i].size, rows[i].gfp);

		ck_assert_uint_ne(obj, 0);
		ck_assert_uint_eq(bed_info(&b, rows[i].name).requested_bytes, rows[i].size);
		slab_kfree(b.s, &b, 0, obj, rows[i].size);
		ck_assert_uint_eq(bed_info(&b, rows[i].name).requested_bytes, 0);
	}
	ck_assert_ptr_null(slab_kmalloc_cache(b.s, 8193, GFP_KERNEL));
	bed_close(&b);
}
END_TEST

START_TEST(a_hundred_bytes_waste_twenty_eight)
{
	slab_obj_t obj[3];

	bed_open(&b, "topology.node_mem=64MiB", "topology.node_cpus=1");
	obj[0] = slab_kmalloc(b.s, &b, 0, 100, GFP_KERNEL);
	ck_assert_uint_eq(bed_info(&b, "kmalloc-128").requested_bytes, 100);
	ck_assert_uint_eq(bed_info(&b, "kmalloc-128").fragmented_bytes, 28);
	obj[1] = slab_kmalloc(b.s, &b, 0, 128, GFP_KERNEL);
	obj[2] = slab_kmalloc(b.s, &b, 0, 120, GFP_KERNEL);
	ck_assert_uint_eq(bed_info(&b, "kmalloc-128").fragmented_bytes, 36);
	slab_kfree(b.s, &b, 0, obj[0], 100);
	ck_assert_uint_eq(bed_info(&b, "kmalloc-128").fragmented_bytes, 8);
	ck_assert_uint_eq(bed_info(&b, "kmalloc-128").num_objs, 32);
	bed_close(&b);
}
END_TEST

START_TEST(large_and_empty_requests)
{
	slab_obj_t obj;

	bed_open(&b, "topology.node_mem=64MiB", "topology.node_cpus=1");
	ck_assert_uint_eq(slab_kmalloc(b.s, &b, 0, 0, GFP_KERNEL), SLAB_ZERO_SIZE);
	slab_kfree(b.s, &b, 0, SLAB_ZERO_SIZE, 0);
	slab_kfree(b.s, &b, 0, 0, 0);
	obj = slab_kmalloc(b.s, &b, 0, 8193, GFP_KERNEL); /* order 2 */
	ck_assert_uint_ne(obj, 0);
	ck_assert_int_eq(memory_node_total(&b.mm.mem, NR_SLAB_UNRECLAIMABLE), 4);
	ck_assert(slab_is_valid(b.s));
	slab_kfree(b.s, &b, 0, obj, 8193);
	ck_assert_int_eq(memory_node_total(&b.mm.mem, NR_SLAB_UNRECLAIMABLE), 0);
	ck_assert_uint_eq(slab_kmalloc(b.s, &b, 0, (4u << 20) + 1, GFP_KERNEL), 0);
	bed_close(&b);
}
END_TEST

/* Last in, first out on the CPU; another CPU has a slab of its own. */
START_TEST(fast_path)
{
	struct slab_cache *c;
	slab_obj_t first, other;
	bool slow = false;

	bed_open(&b, "topology.node_mem=64MiB", "topology.node_cpus=2");
	c = slab_cache_of(b.s, SLAB_CACHE_VMA);
	first = slab_alloc(b.s, c, &b, 0, GFP_KERNEL, &slow);
	ck_assert(slow);
	slow = false;
	other = slab_alloc(b.s, c, &b, 0, GFP_KERNEL, &slow);
	ck_assert_uint_eq(other, first + 152);
	slab_free(b.s, c, &b, 0, first);
	ck_assert_uint_eq(slab_alloc(b.s, c, &b, 0, GFP_KERNEL, &slow), first);
	ck_assert(!slow);
	ck_assert_uint_ne(slab_alloc(b.s, c, &b, 1, GFP_KERNEL, &slow) >> PAGE_SHIFT, first >> PAGE_SHIFT);
	ck_assert(slow);
	ck_assert_uint_eq(bed_info(&b, "vm_area_struct").num_slabs, 2);
	ck_assert(slab_is_valid(b.s));
	bed_close(&b);
}
END_TEST

/* What another CPU frees comes back when the CPU's own list is empty: no second slab is needed. */
START_TEST(remote_frees_return)
{
	struct slab_cache *c;
	slab_obj_t obj[16];

	bed_open(&b, "topology.node_mem=64MiB", "topology.node_cpus=2");
	c = slab_cache_create(b.s, "test-256", 256, 0); /* 16 on a page */
	for (unsigned i = 0; i < 16; i++)
		obj[i] = slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL);
	slab_free(b.s, c, &b, 1, obj[3]);
	slab_free(b.s, c, &b, 1, obj[5]);
	ck_assert_uint_eq(slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL), obj[5]);
	ck_assert_uint_eq(slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL), obj[3]);
	ck_assert_uint_eq(bed_info(&b, "test-256").num_slabs, 1);
	ck_assert(slab_is_valid(b.s));
	bed_close(&b);
}
END_TEST

/*
 * 1 KiB objects, 16 on a slab of 4 pages; three slabs fit on the CPU's partial list, five empty ones stay on
 * the node's list. Twenty slabs are filled and emptied one after the other: every fourth first free pushes
 * three slabs to the node; of the first six five stay and one goes, of the following twelve all go; slab 19
 * waits on the CPU's list and slab 20 is the CPU's own. 20 - 13 = 7 are left.
 */
START_TEST(slabs_empty_and_fill)
{
	static slab_obj_t obj[320];
	struct slab_cache *c;
	struct slab_info i;
	uint64_t free_before;

	bed_open(&b, "topology.node_mem=64MiB", "topology.node_cpus=2");
	c = slab_cache_create(b.s, "test-1k", 1024, 0);
	free_before = memory_free_pages(&b.mm.mem);
	for (unsigned n = 0; n < 320; n++) {
		ck_assert_uint_eq(bed_info(&b, "test-1k").num_slabs,
				  (n + 15) / 16); /* full before the next */
		obj[n] = slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL);
	}
	i = bed_info(&b, "test-1k");
	ck_assert_uint_eq(i.num_slabs, 20);
	ck_assert_uint_eq(i.active_objs, 320);
	ck_assert_int_eq(memory_node_total(&b.mm.mem, NR_SLAB_UNRECLAIMABLE), 80);
	for (unsigned n = 0; n < 320; n++)
		slab_free(b.s, c, &b, 0, obj[n]);
	ck_assert(slab_is_valid(b.s));
	i = bed_info(&b, "test-1k");
	ck_assert_uint_eq(i.num_slabs, 7);
	/* free objects on the node's list do not count as active, those with the CPU do */
	ck_assert_uint_eq(i.num_objs, 112);
	ck_assert_uint_eq(i.active_objs, 32);
	ck_assert_uint_eq(slab_shrink_cache(b.s, c, &b), 28);
	ck_assert_uint_eq(bed_info(&b, "test-1k").num_slabs, 0);
	ck_assert_int_eq(memory_node_total(&b.mm.mem, NR_SLAB_UNRECLAIMABLE), 0);
	pcp_drain_all(&b.mm.mem);
	ck_assert_uint_eq(memory_free_pages(&b.mm.mem), free_before);
	bed_close(&b);
}
END_TEST

/* Reclaimable caches are counted apart, on the node where the pages are. */
START_TEST(pages_are_counted_by_kind_and_node)
{
	bed_open(&b, "topology.node_mem=64MiB 64MiB", "topology.node_cpus=1");
	b.cpu = 1;
	slab_alloc(b.s, slab_cache_of(b.s, SLAB_CACHE_DENTRY), &b, 1, GFP_KERNEL, NULL);
	slab_alloc(b.s, slab_cache_of(b.s, SLAB_CACHE_TASK_STRUCT), &b, 1, GFP_KERNEL, NULL);
	ck_assert_int_eq(b.mm.mem.node[1].stat.item[NR_SLAB_RECLAIMABLE], 1);
	ck_assert_int_eq(b.mm.mem.node[1].stat.item[NR_SLAB_UNRECLAIMABLE], 8);
	ck_assert_int_eq(b.mm.mem.node[0].stat.item[NR_SLAB_RECLAIMABLE], 0);
	ck_assert(slab_is_valid(b.s));
	bed_close(&b);
}
END_TEST

START_TEST(short_of_memory)
{
	struct slab_cache *c;
	slab_obj_t obj;

	bed_open(&b, "topology.node_mem=64MiB", "topology.node_cpus=2");
	c = slab_cache_create(b.s, "test-1k", 1024, 0);
	b.max_order = 0; /* one page instead of four */
	obj = slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL);
	ck_assert_uint_ne(obj, 0);
	ck_assert_uint_eq(bed_info(&b, "test-1k").num_objs, 4);
	ck_assert_int_eq(memory_node_total(&b.mm.mem, NR_SLAB_UNRECLAIMABLE), 1);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_ne(slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL), 0);
	b.fail = true;
	ck_assert_uint_eq(slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL), 0);
	ck_assert_uint_eq(slab_kmalloc(b.s, &b, 0, 100, GFP_KERNEL), 0);
	ck_assert_uint_eq(bed_info(&b, "kmalloc-128").requested_bytes, 0);
	slab_free(b.s, c, &b, 0, obj);
	ck_assert_uint_eq(slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL), obj);
	ck_assert(slab_is_valid(b.s));
	bed_close(&b);
}
END_TEST

/* ---- whose objects they are ---- */

static struct {
	uint32_t group;
	int64_t bytes[4]; /* by group */
	bool full;
} charged;

static bool charge(void *cur, gfp_t gfp, unsigned bytes, bool reclaimable, uint32_t *group)
{
	ck_assert_ptr_eq(cur, &b);
	ck_assert(gfp & GFP_KERNEL);
	ck_assert(!reclaimable);
	if (charged.full)
		return false;
	*group = charged.group;
	charged.bytes[charged.group] += bytes;
	return true;
}

static void uncharge(void *cur, uint32_t group, unsigned bytes, bool reclaimable)
{
	ck_assert_ptr_eq(cur, &b);
	ck_assert(!reclaimable);
	charged.bytes[group] -= bytes;
}

/* An object is charged with a pointer to whoever it is given to, and goes back to its owner, not to who frees
 * it; others than those of accounted caches only when asked for; what cannot be had is not charged. */
START_TEST(objects_have_owners)
{
	static const struct slab_charge_ops ops = {charge, uncharge};
	struct slab_cache *c, *plain;
	slab_obj_t one, two, three;

	bed_open(&b, "topology.node_mem=64MiB", "topology.node_cpus=2");
	c = slab_cache_create(b.s, "test-1k", 1000, SLAB_ACCOUNT);
	plain = slab_cache_create(b.s, "test-2k", 2000, 0);
	slab_set_charging(b.s, &ops);
	memset(&charged, 0, sizeof charged);
	charged.group = 1;
	one = slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL);
	charged.group = 2;
	two = slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL);
	three = slab_alloc(b.s, plain, &b, 0, GFP_KERNEL_ACCOUNT, NULL);
	ck_assert_uint_ne(slab_alloc(b.s, plain, &b, 0, GFP_KERNEL, NULL), 0);
	ck_assert_int_eq(charged.bytes[1], 1008);
	ck_assert_int_eq(charged.bytes[2], 1008 + 2008);
	slab_free(b.s, c, &b, 1, one);
	ck_assert_int_eq(charged.bytes[1], 0);
	slab_free(b.s, plain, &b, 0, three);
	ck_assert_int_eq(charged.bytes[2], 1008);
	charged.group = 0; /* the root's */
	one = slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL);
	ck_assert_uint_ne(one, 0);
	charged.full = true;
	ck_assert_uint_eq(slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL), 0);
	charged.full = false;
	charged.group = 3;
	b.fail = true;
	while (slab_alloc(b.s, c, &b, 0, GFP_KERNEL, NULL))
		;
	ck_assert_int_eq(charged.bytes[3] % 1008, 0);
	ck_assert_int_eq(charged.bytes[3] / 1008 + 2, (int64_t)bed_info(&b, "test-1k").active_objs);
	slab_free(b.s, c, &b, 0, one);
	slab_free(b.s, c, &b, 0, two);
	ck_assert_int_eq(charged.bytes[2], 0);
	ck_assert(slab_is_valid(b.s));
	bed_close(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("slab");

	tcase_add_test(t, geometry_with_two_cpus);
	tcase_add_test(t, geometry_with_four_cpus);
	tcase_add_test(t, kmalloc_chooses_by_size_and_kind);
	tcase_add_test(t, a_hundred_bytes_waste_twenty_eight);
	tcase_add_test(t, large_and_empty_requests);
	tcase_add_test(t, fast_path);
	tcase_add_test(t, remote_frees_return);
	tcase_add_test(t, slabs_empty_and_fill);
	tcase_add_test(t, pages_are_counted_by_kind_and_node);
	tcase_add_test(t, short_of_memory);
	tcase_add_test(t, objects_have_owners);
	return run_case("slab", t);
}
