/*
 * fabric.c - from a last-level miss to memory and back.
 *
 * Modelled: the bus carries a line's data once in each direction (a front-side bus whose address wires are no
 * limit); links carry a request without data and an answer with data, or the other way round for write-backs.
 * Write-backs take their share of wires and banks, and no CPU waits for them.
 *
 * Complexity: O(hops) a request. Not modelled: the address phase and snoops of a bus, interleaving of one
 * page over several nodes or sockets' controllers, memory-side caches (Optane's memory mode).
 */
#include "models/hw/fabric.h"

#include "sim/check.h"
#include "sim/mem.h"

int fabric_init(struct fabric *f, const struct fabric_params *p, const struct topology *t,
		uint64_t line_bytes, struct err *e)
{
	int rc;

	*f = (struct fabric){.topology = t, .line_bytes = line_bytes, .has_bus = t->nr_nodes == 1};
	f->line_shift = ilog2_u64(line_bytes);
	f->dram = mem_alloc(t->nr_nodes, sizeof *f->dram);
	wire_init(&f->bus, line_bytes, p->bus.latency_ps, p->bus.bandwidth_mbs);
	rc = link_net_init(&f->net, &p->link, t, e);
	for (unsigned nid = 0; nid < t->nr_nodes && !rc; nid++) {
		if (t->node_pages[nid])
			rc = dram_init(&f->dram[nid], &p->dram, line_bytes, nid, t->nr_nodes, e);
	}
	if (rc)
		fabric_release(f);
	return rc;
}

void fabric_release(struct fabric *f)
{
	for (unsigned nid = 0; f->dram && nid < f->topology->nr_nodes; nid++)
		dram_release(&f->dram[nid]);
	mem_free(f->dram);
	f->dram = NULL;
	link_net_release(&f->net);
}

unsigned fabric_home(const struct fabric *f, uint64_t line)
{
	if (f->has_bus)
		return 0;
	return topology_pfn_nid(f->topology, (pfn_t)(line >> (PAGE_SHIFT - f->line_shift)));
}

tick_t fabric_read(struct fabric *f, unsigned from, uint64_t line, tick_t at)
{
	unsigned home = fabric_home(f, line);

	if (f->has_bus) {
		at = dram_access(&f->dram[0], line, false, at + f->bus.latency_ps);
		return wire_send(&f->bus, f->line_bytes, at);
	}
	at = link_send(&f->net, from, home, 0, at);
	at = dram_access(&f->dram[home], line, false, at);
	return link_send(&f->net, home, from, f->line_bytes, at);
}

void fabric_write(struct fabric *f, unsigned from, uint64_t line, tick_t at)
{
	unsigned home = fabric_home(f, line);

	if (f->has_bus)
		at = wire_send(&f->bus, f->line_bytes, at);
	else
		at = link_send(&f->net, from, home, f->line_bytes, at);
	dram_access(&f->dram[home], line, true, at);
}

tick_t fabric_ask(struct fabric *f, unsigned from, unsigned to, tick_t there_ps, uint64_t payload, tick_t at)
{
	at = link_send(&f->net, from, to, 0, at) + there_ps;
	return link_send(&f->net, to, from, payload, at);
}

void fabric_register_stats(struct fabric *f, struct stat_registry *r)
{
	const struct topology *t = f->topology;

	if (f->has_bus)
		stat_register(r, &bus_stat_table, &f->bus.stats, STAT_SCOPE_LINK, "bus");
	link_net_register_stats(&f->net, r);
	for (unsigned nid = 0; nid < t->nr_nodes; nid++) {
		if (t->node_pages[nid])
			stat_register(r, &dram_stat_table, &f->dram[nid].stats, STAT_SCOPE_NODE, "%u", nid);
	}
}
