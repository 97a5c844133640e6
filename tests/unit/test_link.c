/*
 * test_link.c - routes, latencies, bandwidth, and lists that make no sense.
 */
#include "models/hw/link.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

static struct param_set ps;
static struct topology_params tp;
static struct link_params lp;
static struct topology topo;
static struct link_net net;
static struct err err;

static void setup(void)
{
	param_set_init(&ps);
	err_clear(&err);
	param_set_add(&ps, &topology_param_table, &tp);
	param_set_add(&ps, &link_param_table, &lp);
}

static void teardown(void)
{
	link_net_release(&net);
	param_set_release(&ps);
}

static void set(const char *path, const char *value)
{
	ck_assert_msg(param_set_value(&ps, path, value, "test", &err) == 0, "%s", err.text);
}

static int build(void)
{
	ck_assert_msg(topology_init(&topo, &tp, &err) == 0, "%s", err.text);
	return link_net_init(&net, &lp, &topo, &err);
}

static void refuse(const char *word)
{
	ck_assert_int_eq(build(), -ERR_CONFIG);
	ck_assert_msg(strstr(err.text, word), "\"%s\" does not speak of %s", err.text, word);
}

/* 64 bytes at 6400 MB/s are 10 ns: 16 of header 2.5 ns more. */
START_TEST(test_one_message)
{
	set("topology.node_mem", "1G 1G");
	set("link.latency_ps", "30000");
	set("link.bandwidth_mbs", "6400");
	ck_assert_int_eq(build(), 0);
	ck_assert_uint_eq(link_send(&net, 0, 1, 64, 1000000), 1000000 + 12500 + 30000);
	ck_assert_uint_eq(link_send(&net, 1, 0, 0, 1000000), 1000000 + 2500 + 30000);
	ck_assert_uint_eq(link_send(&net, 1, 1, 64, 5), 5);
	/* the second of two at one time waits for the first, the other direction does not */
	ck_assert_uint_eq(link_send(&net, 0, 1, 64, 2000000), 2042500);
	ck_assert_uint_eq(link_send(&net, 0, 1, 64, 2000000), 2055000);
	ck_assert_uint_eq(link_send(&net, 1, 0, 64, 2000000), 2042500);
	ck_assert_uint_eq(net.links[0].wire[0].stats.messages, 3);
	ck_assert_uint_eq(net.links[0].wire[0].stats.bytes, 240);
	ck_assert_uint_eq(net.links[0].wire[0].stats.busy_ps, 37500);
	ck_assert_uint_eq(net.links[0].wire[0].stats.wait_ps, 12500);
	ck_assert_uint_eq(net.links[0].wire[1].stats.messages, 2);
}
END_TEST

/* All pairs alike: a full mesh. */
START_TEST(test_full_mesh)
{
	set("topology.node_mem", "1G 1G 1G 1G");
	ck_assert_int_eq(build(), 0);
	ck_assert_uint_eq(net.nr_links, 6);
	for (unsigned a = 0; a < 4; a++) {
		for (unsigned b = 0; b < 4; b++)
			ck_assert_uint_eq(link_hops(&net, a, b), a != b);
	}
}
END_TEST

/* A square by its distances: diagonals have no link and take two hops of equal cost. */
START_TEST(test_square_from_distances)
{
	tick_t one, two;

	set("topology.node_mem", "1G 1G 1G 1G");
	set("topology.distances", "10 16 22 16  16 10 16 22  22 16 10 16  16 22 16 10");
	ck_assert_int_eq(build(), 0);
	ck_assert_uint_eq(net.nr_links, 4);
	ck_assert_uint_eq(link_hops(&net, 0, 1), 1);
	ck_assert_uint_eq(link_hops(&net, 0, 3), 1);
	ck_assert_uint_eq(link_hops(&net, 0, 2), 2);
	ck_assert_uint_eq(link_hops(&net, 3, 1), 2);
	one = link_send(&net, 0, 1, 64, 1000000) - 1000000;
	two = link_send(&net, 2, 0, 64, 9000000) - 9000000;
	ck_assert_uint_eq(two, 2 * one);
}
END_TEST

/* A chain of four written down, with a slow link in the middle. */
START_TEST(test_chain_with_latencies)
{
	set("topology.node_mem", "1G 1G 1G 1G");
	set("link.pairs", "0 1, 2 1, 2 3");
	set("link.latency_ps", "1000 50000 3000");
	set("link.bandwidth_mbs", "16000");
	ck_assert_int_eq(build(), 0);
	ck_assert_uint_eq(link_hops(&net, 0, 3), 3);
	ck_assert_uint_eq(link_send(&net, 0, 3, 0, 0), 54000 + 3 * 1000);
	ck_assert_uint_eq(link_send(&net, 3, 0, 0, 0), 54000 + 3 * 1000);
	ck_assert_uint_eq(net.links[1].wire[0].stats.messages, 1);
	ck_assert_uint_eq(net.links[1].wire[1].stats.messages, 1);
}
END_TEST

/* Two routes of two hops: the faster one is taken. */
START_TEST(test_route_by_latency)
{
	set("topology.node_mem", "1G 1G 1G 1G");
	set("link.pairs", "0 1 1 3 0 2 2 3");
	set("link.latency_ps", "40000 40000 10000 10000");
	ck_assert_int_eq(build(), 0);
	link_send(&net, 0, 3, 64, 0);
	link_send(&net, 3, 0, 64, 0);
	ck_assert_uint_eq(net.links[0].wire[0].stats.messages + net.links[1].wire[0].stats.messages, 0);
	ck_assert_uint_eq(net.links[2].wire[0].stats.messages, 1);
	ck_assert_uint_eq(net.links[3].wire[1].stats.messages, 1);
}
END_TEST

/* 1000 lines at once: the last is through after 1000 times its length, so the rate is the link's, not more.
 */
START_TEST(test_bandwidth_cap)
{
	tick_t end = 0;

	set("topology.node_mem", "1G 1G");
	set("link.bandwidth_mbs", "8000");
	set("link.latency_ps", "0");
	ck_assert_int_eq(build(), 0);
	for (int i = 0; i < 1000; i++)
		end = link_send(&net, 0, 1, 64, 0);
	ck_assert_uint_eq(end, UINT64_C(1000) * 80 * 1000 / 8);
}
END_TEST

START_TEST(test_refusals)
{
	set("topology.node_mem", "1G 1G 1G");
	set("link.pairs", "0 1 2");
	refuse("two a link");
	err_clear(&err);
	set("link.pairs", "0 1");
	refuse("no route");
	err_clear(&err);
	set("link.pairs", "0 1 1 0 1 2");
	refuse("two links");
	err_clear(&err);
	set("link.pairs", "0 1 1 1");
	refuse("different");
	err_clear(&err);
	set("link.pairs", "0 1 1 3");
	refuse("3 nodes");
	err_clear(&err);
	set("link.pairs", "0 1 1 2");
	set("link.latency_ps", "1 2 3");
	refuse("link.latency_ps");
	err_clear(&err);
	set("link.latency_ps", "1");
	set("link.bandwidth_mbs", "100 100 100");
	refuse("link.bandwidth_mbs");
	ck_assert_int_eq(param_set_value(&ps, "link.bandwidth_mbs", "0", "test", NULL), -ERR_CONFIG);
}
END_TEST

/* One node has no links, and none are asked for. */
START_TEST(test_one_node)
{
	ck_assert_int_eq(build(), 0);
	ck_assert_uint_eq(net.nr_links, 0);
	ck_assert_uint_eq(link_send(&net, 0, 0, 64, 77), 77);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("link");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_one_message);
	tcase_add_test(tc, test_full_mesh);
	tcase_add_test(tc, test_square_from_distances);
	tcase_add_test(tc, test_chain_with_latencies);
	tcase_add_test(tc, test_route_by_latency);
	tcase_add_test(tc, test_bandwidth_cap);
	tcase_add_test(tc, test_refusals);
	tcase_add_test(tc, test_one_node);
	return run_case("link", tc);
}
