/*
 * test_topology.c - shapes of machines and the errors of impossible ones.
 */
#include "models/hw/topology.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

static struct param_set ps;
static struct topology_params params;
static struct topology topo;
static struct err err;

static int build(const char *mem, const char *cpus, const char *distances)
{
	int rc = 0;

	param_set_release(&ps);
	param_set_init(&ps);
	err_clear(&err);
	param_set_add(&ps, &topology_param_table, &params);
	if (mem)
		rc = param_set_value(&ps, "topology.node_mem", mem, "test", &err);
	if (!rc && cpus)
		rc = param_set_value(&ps, "topology.node_cpus", cpus, "test", &err);
	if (!rc && distances)
		rc = param_set_value(&ps, "topology.distances", distances, "test", &err);
	return rc ? rc : topology_init(&topo, &params, &err);
}

static void refuse(const char *mem, const char *cpus, const char *distances, const char *word)
{
	ck_assert_int_eq(build(mem, cpus, distances), -ERR_CONFIG);
	ck_assert_msg(strstr(err.text, word), "\"%s\" does not speak of %s", err.text, word);
}

START_TEST(test_default_is_one_small_node)
{
	ck_assert_int_eq(build(NULL, NULL, NULL), 0);
	ck_assert_uint_eq(topo.nr_nodes, 1);
	ck_assert_uint_eq(topo.nr_cpus, 1);
	ck_assert_uint_eq(topo.nr_ranges, 1);
	ck_assert_uint_eq(topo.end_pfn, 262144);
	ck_assert_uint_eq(topo.distance[0][0], 10);
	ck_assert_uint_eq(topo.cpu_clock.hz, 2600000000u);
}
END_TEST

/* Two nodes of 2 GiB: node 1 is split by the hole from 3 to 4 GiB. */
START_TEST(test_hole_splits_a_node)
{
	ck_assert_int_eq(build("2GiB 2GiB", "2 1", NULL), 0);
	ck_assert_uint_eq(topo.nr_ranges, 3);
	ck_assert_uint_eq(topo.range[0].end, 0x80000);
	ck_assert_uint_eq(topo.range[1].start, 0x80000);
	ck_assert_uint_eq(topo.range[1].end, 0xc0000);
	ck_assert_uint_eq(topo.range[2].start, 0x100000);
	ck_assert_uint_eq(topo.range[2].end, 0x140000);
	ck_assert_uint_eq(topo.end_pfn, 0x140000);
	ck_assert_uint_eq(topology_pfn_nid(&topo, 0), 0);
	ck_assert_uint_eq(topology_pfn_nid(&topo, 0x7ffff), 0);
	ck_assert_uint_eq(topology_pfn_nid(&topo, 0x80000), 1);
	ck_assert_uint_eq(topology_pfn_nid(&topo, 0xbffff), 1);
	ck_assert_uint_eq(topology_pfn_nid(&topo, 0x13ffff), 1);
	ck_assert_uint_eq(topo.distance[0][1], 21);
	ck_assert_uint_eq(topo.cpu_nid[0], 0);
	ck_assert_uint_eq(topo.cpu_nid[1], 0);
	ck_assert_uint_eq(topo.cpu_nid[2], 1);
}
END_TEST

/* Exactly 3 GiB has no hole; a node that begins at 3 GiB begins at 4 GiB. */
START_TEST(test_hole_borders)
{
	ck_assert_int_eq(build("3GiB", NULL, NULL), 0);
	ck_assert_uint_eq(topo.end_pfn, 0xc0000);
	ck_assert_int_eq(build("3GiB 0 1GiB", "1 1 0", NULL), 0);
	ck_assert_uint_eq(topo.nr_ranges, 2);
	ck_assert_uint_eq(topo.range[1].start, 0x100000);
	ck_assert_uint_eq(topo.range[1].end, 0x140000);
	ck_assert_uint_eq(topo.range[1].nid, 2);
	ck_assert_int_eq(build("3GiB 4KiB", NULL, NULL), 0);
	ck_assert_uint_eq(topo.end_pfn, 0x100001);
}
END_TEST

/* Pages are conserved and every one of them knows its node, over 64 nodes. */
START_TEST(test_many_nodes)
{
	char mem[64 * 5 + 1];

	for (int i = 0; i < 64; i++)
		memcpy(mem + 5 * i, i % 3 ? "128M " : "256M ", 6);
	ck_assert_int_eq(build(mem, "4", NULL), 0);
	ck_assert_uint_eq(topo.nr_cpus, 256);
	for (unsigned nid = 0; nid < 64; nid++) {
		uint64_t pages = 0;

		for (unsigned r = 0; r < topo.nr_ranges; r++) {
			if (topo.range[r].nid != nid)
				continue;
			pages += topo.range[r].end - topo.range[r].start;
			ck_assert_uint_eq(topology_pfn_nid(&topo, topo.range[r].start), nid);
			ck_assert_uint_eq(topology_pfn_nid(&topo, topo.range[r].end - 1), nid);
		}
		ck_assert_uint_eq(pages, nid % 3 ? 32768 : 65536);
	}
}
END_TEST

START_TEST(test_distances_are_read_row_by_row)
{
	ck_assert_int_eq(build("1G 1G 1G", "1 1 0", "10 20 30, 21 10 31, 32 33 10"), 0);
	ck_assert_uint_eq(topo.distance[0][2], 30);
	ck_assert_uint_eq(topo.distance[1][0], 21);
	ck_assert_uint_eq(topo.distance[2][1], 33);
}
END_TEST

START_TEST(test_impossible_machines)
{
	refuse("1G 0", "1 0", NULL, "neither");
	refuse("0 0", "1", NULL, "no memory");
	refuse("1G 1G", "0", NULL, "no CPU");
	refuse("1G 1G", "1 1 1", NULL, "topology.node_cpus");
	refuse("1G", "257", NULL, "256");
	refuse("1G 1G", "200", NULL, "256");
	refuse("1000", "1", NULL, "multiple");
	refuse("1G 1G", "1", "10 21 21", "4");
	refuse("1G 1G", "1", "10 21 21 11", "node 1 to itself");
	refuse("1G 1G", "1", "10 10 21 10", "node 0 to node 1");
	refuse("1G 1G", "1", "10 21 256 10", "255");
	refuse("8192G 8192G", "1", NULL, "16 TiB");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("topology");

	tcase_add_test(tc, test_default_is_one_small_node);
	tcase_add_test(tc, test_hole_splits_a_node);
	tcase_add_test(tc, test_hole_borders);
	tcase_add_test(tc, test_many_nodes);
	tcase_add_test(tc, test_distances_are_read_row_by_row);
	tcase_add_test(tc, test_impossible_machines);
	return run_case("topology", tc);
}
