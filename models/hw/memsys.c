/*
 * memsys.c - the memory system behind one call: flat costs, or caches, links and DRAM.
 *
 * An access that covers several lines (zeroing or copying a page) takes them one a cycle, as far as fill
 * buffers are free: with n of them, line i waits for the line that missed n misses before it. So its rate
 * comes out as lines in flight over latency, as on a real core, and its latency is that of its last line.
 *
 * Complexity: O(lines). Not modelled: what hierarchy.h, fabric.h, dram.h and link.h say; memory access that
 * goes past the caches (uncached, non-temporal, DMA).
 */
#include "models/hw/memsys.h"

#include "models/hw/hierarchy.h"
#include "sim/check.h"
#include "sim/mem.h"

PARAM_TABLE(memsys, memsys_params, MEMSYS_PARAMS);

#define MAX_FILL_BUFFERS 64 /* cache.fill_buffers' largest value */

struct memsys_config {
	struct memsys_params memsys;
	struct cache_params cache;
	struct fabric_params fabric;
};

struct memsys {
	struct memsys_params params;
	const struct topology *topology;
	unsigned line_shift, fill_buffers;
	struct hierarchy hierarchy; /* only with params.caches */
};

struct memsys_config *memsys_config_new(struct param_set *ps)
{
	struct memsys_config *c = mem_alloc(1, sizeof *c);

	param_set_add(ps, &memsys_param_table, &c->memsys);
	param_set_add(ps, &cache_param_table, &c->cache);
	param_set_add(ps, &link_param_table, &c->fabric.link);
	param_set_add(ps, &bus_param_table, &c->fabric.bus);
	param_set_add(ps, &dram_param_table, &c->fabric.dram);
	return c;
}

void memsys_config_free(struct memsys_config *c)
{
	mem_free(c);
}

int memsys_new(struct memsys **out, const struct memsys_config *c, const struct topology *t, uint64_t seed,
	       struct err *e)
{
	struct memsys *m = mem_alloc(1, sizeof *m);
	int rc = 0;

	m->params = c->memsys;
	m->topology = t;
	m->fill_buffers = (unsigned)c->cache.fill_buffers;
	m->line_shift = ilog2_u64(c->cache.line_bytes);
	if (m->params.caches)
		rc = hierarchy_init(&m->hierarchy, &c->cache, &c->fabric, t, seed, e);
	if (rc) {
		mem_free(m);
		m = NULL;
	}
	*out = m;
	return rc;
}

void memsys_free(struct memsys *m)
{
	if (!m)
		return;
	if (m->params.caches)
		hierarchy_release(&m->hierarchy);
	mem_free(m);
}

void memsys_register_stats(struct memsys *m, struct stat_registry *r)
{
	if (m->params.caches)
		hierarchy_register_stats(&m->hierarchy, r);
}

const struct stat_table *memsys_stat_table(size_t i)
{
	static const struct stat_table *const tables[] = {
		&cache_l1d_stat_table, &cache_l1i_stat_table, &cache_l2_stat_table, &cache_llc_stat_table,
		&hierarchy_stat_table, &link_stat_table,      &bus_stat_table,      &dram_stat_table,
	};

	return i < ARRAY_LEN(tables) ? tables[i] : NULL;
}

/* Rounded to the nearest cycle. */
uint32_t memsys_flat_cycles(const struct memsys *m, unsigned from, unsigned to, bool walk)
{
	uint64_t local = walk ? m->params.flat_walk_cycles : m->params.flat_cycles;

	return (uint32_t)((local * m->topology->distance[from][to] + 5) / 10);
}

bool memsys_has_caches(const struct memsys *m)
{
	return m->params.caches;
}

static enum line_use use_of(enum mem_access_kind kind)
{
	if (kind == MEM_STORE)
		return LINE_STORE;
	return kind == MEM_FETCH ? LINE_FETCH : LINE_LOAD;
}

static uint64_t access_lines(struct memsys *m, unsigned cpu, uint64_t line, uint64_t last, enum line_use use,
			     uint64_t now)
{
	uint64_t free_at[MAX_FILL_BUFFERS] = {0}, start = now, done = now;
	uint64_t hit =
		use == LINE_FETCH ? m->hierarchy.cpus[cpu].l1i.latency : m->hierarchy.cpus[cpu].l1d.latency;
	unsigned next = 0;

	for (; line <= last; line++, start++) {
		uint64_t latency;

		start = MAX_OF(start, free_at[next]);
		latency = hierarchy_access(&m->hierarchy, cpu, line, use, start);
		done = MAX_OF(done, start + latency);
		if (latency > hit) {
			free_at[next] = start + latency;
			next = next + 1 == m->fill_buffers ? 0 : next + 1;
		}
	}
	return done - now;
}

uint64_t memsys_access(struct memsys *m, unsigned cpu, paddr_t pa, uint32_t size, enum mem_access_kind kind,
		       uint64_t now)
{
	uint64_t line = pa >> m->line_shift, last = (pa + (size ? size - 1 : 0)) >> m->line_shift;

	DCHECK(m->params.caches, "access of cpu %u with caches off", cpu);
	DCHECK(cpu < m->topology->nr_cpus, "cpu %u", cpu);
	if (LIKELY(line == last))
		return hierarchy_access(&m->hierarchy, cpu, line, use_of(kind), now);
	return access_lines(m, cpu, line, last, use_of(kind), now);
}

void memsys_prefetch(const struct memsys *m, unsigned cpu, paddr_t pa)
{
	hierarchy_prefetch(&m->hierarchy, cpu, pa >> m->line_shift);
}
