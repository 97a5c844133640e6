/*
 * link.c - links, their routes, and the bus.
 *
 * Modelled after QPI and UPI: full-duplex point-to-point links; a message takes the link's time for its bytes
 * (in units of 16 bytes, rounded up) and the link's latency, hop by hop, and waits while the wires are in
 * use. Routes are fixed: fewest hops, then smallest latency, then the smallest link number first.
 *
 * Complexity: routes O(nodes^3) once; a message O(hops).
 * Invariant: a direction carries at most its bandwidth (server.h).
 * Not modelled: credits and back pressure, retries, link power states, adaptive routes, several virtual
 * channels, flits of other sizes, and the mesh or ring inside a socket, whose time is part of the last
 * level's latency and the memory controller's.
 */
#include "models/hw/link.h"

#include "sim/mem.h"

#define LINK_UNIT 16 /* bytes */

PARAM_TABLE(link, link_params, LINK_PARAMS);
PARAM_TABLE(bus, bus_params, BUS_PARAMS);
STAT_TABLE(link, link_stats, LINK_STATS);
const struct stat_table bus_stat_table = {"bus", link_stats_rows, ARRAY_LEN(link_stats_rows),
					  sizeof(struct link_stats)};

void wire_init(struct wire *w, uint64_t unit_bytes, tick_t latency_ps, uint64_t bandwidth_mbs)
{
	*w = (struct wire){.unit_bytes = unit_bytes, .latency_ps = latency_ps};
	server_init(&w->server, server_slot_ps(unit_bytes, bandwidth_mbs));
}

tick_t wire_send(struct wire *w, uint64_t bytes, tick_t at)
{
	unsigned units = (unsigned)((bytes + w->unit_bytes - 1) / w->unit_bytes);
	tick_t own = units * w->server.slot_ps.n, end = server_reserve(&w->server, at, units);

	w->stats.messages++;
	w->stats.bytes += bytes;
	w->stats.busy_ps += own;
	w->stats.wait_ps += end - at - own;
	return end + w->latency_ps;
}

static int add_link(struct link_net *n, uint64_t a, uint64_t b, const struct topology *t, struct err *e)
{
	if (a >= t->nr_nodes || b >= t->nr_nodes || a == b)
		return err_set(e, ERR_CONFIG,
			       "link.pairs: no link from node %" PRIu64 " to node %" PRIu64
			       ", expected two different ones of %u nodes",
			       a, b, t->nr_nodes);
	for (unsigned i = 0; i < n->nr_links; i++) {
		const unsigned *node = n->links[i].node;

		if ((node[0] == a && node[1] == b) || (node[0] == b && node[1] == a))
			return err_set(e, ERR_CONFIG,
				       "link.pairs: two links between node %" PRIu64 " and node %" PRIu64
				       ", expected one (give it the bandwidth of both)",
				       a, b);
	}
	n->links[n->nr_links].node[0] = (unsigned)a;
	n->links[n->nr_links++].node[1] = (unsigned)b;
	return 0;
}

static unsigned pair_distance(const struct topology *t, unsigned a, unsigned b)
{
	return (unsigned)t->distance[a][b] + t->distance[b][a];
}

/* Whether a third node lies between: nearer to both than they are to each other. */
static bool has_node_between(const struct topology *t, unsigned a, unsigned b)
{
	for (unsigned c = 0; c < t->nr_nodes; c++) {
		if (c != a && c != b && pair_distance(t, a, c) < pair_distance(t, a, b) &&
		    pair_distance(t, c, b) < pair_distance(t, a, b))
			return true;
	}
	return false;
}

static int set_links(struct link_net *n, const struct link_params *p, const struct topology *t, struct err *e)
{
	int rc = 0;

	n->links = mem_alloc((size_t)t->nr_nodes * t->nr_nodes + p->pairs.n, sizeof *n->links);
	if (p->pairs.n % 2)
		return err_set(e, ERR_CONFIG, "link.pairs: %zu numbers, expected two a link", p->pairs.n);
	for (size_t i = 0; i < p->pairs.n && !rc; i += 2)
		rc = add_link(n, p->pairs.v[i], p->pairs.v[i + 1], t, e);
	for (unsigned a = 0; a < t->nr_nodes && !p->pairs.n; a++) {
		for (unsigned b = a + 1; b < t->nr_nodes && !rc; b++) {
			if (!has_node_between(t, a, b))
				rc = add_link(n, a, b, t, e);
		}
	}
	return rc;
}

static int check_list(const struct u64_list *l, const char *path, unsigned nr_links, struct err *e)
{
	if (l->n == 1 || (l->n == nr_links && nr_links))
		return 0;
	return err_set(e, ERR_CONFIG, "%s: %zu entries, expected one or one for each of %u links", path, l->n,
		       nr_links);
}

struct path_cost {
	uint32_t hops;
	uint64_t latency_ps;
};

static bool is_cheaper(struct path_cost a, struct path_cost b)
{
	return a.hops != b.hops ? a.hops < b.hops : a.latency_ps < b.latency_ps;
}

/* Bellman and Ford's way: better paths by one more link in front, until none is found. */
static void find_routes_to(struct link_net *n, const struct topology *t, unsigned to, struct path_cost *cost)
{
	bool changed = true;

	for (unsigned i = 0; i < t->nr_nodes; i++)
		cost[i] = (struct path_cost){i == to ? 0 : UINT32_MAX, 0};
	while (changed) {
		changed = false;
		for (unsigned l = 0; l < 2 * n->nr_links; l++) {
			const struct link *link = &n->links[l / 2];
			unsigned from = link->node[l % 2], next = link->node[1 - l % 2];
			struct path_cost c = cost[next];

			if (c.hops == UINT32_MAX)
				continue;
			c.hops++;
			c.latency_ps += link->wire[l % 2].latency_ps;
			if (is_cheaper(c, cost[from])) {
				cost[from] = c;
				n->route[from][to] = (uint16_t)l;
				changed = true;
			}
		}
	}
}

static int find_routes(struct link_net *n, const struct topology *t, struct err *e)
{
	struct path_cost cost[MAX_NODES];

	for (unsigned to = 0; to < t->nr_nodes; to++) {
		find_routes_to(n, t, to, cost);
		for (unsigned from = 0; from < t->nr_nodes; from++) {
			if (cost[from].hops == UINT32_MAX)
				return err_set(e, ERR_CONFIG, "link.pairs: no route from node %u to node %u",
					       from, to);
		}
	}
	return 0;
}

int link_net_init(struct link_net *n, const struct link_params *p, const struct topology *t, struct err *e)
{
	int rc;

	*n = (struct link_net){.header_bytes = p->header_bytes};
	rc = set_links(n, p, t, e);
	if (!rc)
		rc = check_list(&p->latency_ps, "link.latency_ps", n->nr_links, e);
	if (!rc)
		rc = check_list(&p->bandwidth_mbs, "link.bandwidth_mbs", n->nr_links, e);
	for (unsigned i = 0; i < n->nr_links && !rc; i++) {
		for (unsigned dir = 0; dir < 2; dir++)
			wire_init(&n->links[i].wire[dir], LINK_UNIT,
				  p->latency_ps.v[p->latency_ps.n == 1 ? 0 : i],
				  p->bandwidth_mbs.v[p->bandwidth_mbs.n == 1 ? 0 : i]);
	}
	if (!rc)
		rc = find_routes(n, t, e);
	if (rc)
		link_net_release(n);
	return rc;
}

void link_net_release(struct link_net *n)
{
	mem_free(n->links);
	n->links = NULL;
	n->nr_links = 0;
}

tick_t link_send(struct link_net *n, unsigned from, unsigned to, uint64_t payload, tick_t at)
{
	while (from != to) {
		unsigned l = n->route[from][to];
		struct link *link = &n->links[l / 2];

		at = wire_send(&link->wire[l % 2], payload + n->header_bytes, at);
		from = link->node[1 - l % 2];
	}
	return at;
}

unsigned link_hops(const struct link_net *n, unsigned from, unsigned to)
{
	unsigned hops = 0;

	while (from != to) {
		unsigned l = n->route[from][to];

		from = n->links[l / 2].node[1 - l % 2];
		hops++;
	}
	return hops;
}

void link_net_register_stats(struct link_net *n, struct stat_registry *r)
{
	for (unsigned l = 0; l < 2 * n->nr_links; l++) {
		struct link *link = &n->links[l / 2];

		stat_register(r, &link_stat_table, &link->wire[l % 2].stats, STAT_SCOPE_LINK, "%u-%u",
			      link->node[l % 2], link->node[1 - l % 2]);
	}
}
