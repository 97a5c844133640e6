/*
 * zone.c - watermarks, lowmem reserves, sizes of the per-CPU lists, zonelist order, and sums.
 *
 * After mm/page_alloc.c of Linux 6.1: calculate_min_free_kbytes, nr_free_zone_pages, __setup_per_zone_wmarks,
 * setup_per_zone_lowmem_reserve, calculate_totalreserve_pages, zone_batchsize, zone_highsize,
 * find_next_best_node, build_zonelists; mm/khugepaged.c set_recommended_min_free_kbytes.
 *
 * Complexity: O(nodes * zones^2); zonelists O(nodes^3), once.
 * Invariant: min <= low <= high in every zone.
 * Not modelled: the promotion watermark, memory hotplug, memory taken away after boot.
 */
#include "models/kernel/zone.h"

#define SWAP_CLUSTER_MAX    32u
#define MIN_FREE_LOW        128u
#define MIN_FREE_HIGH       262144u
#define BATCH_BYTES         (UINT64_C(1) << 20)
#define KERNEL_MAX_NUMNODES 1024
#define KERNEL_PENALTY_CPUS 1
#define RECOMMENDED_BLOCKS  (2 + NR_PCP_TYPES * NR_PCP_TYPES)
#define PAGEBLOCK_PAGES     (UINT64_C(1) << PAGEBLOCK_ORDER)
#define KIB_PER_PAGE        (PAGE_SIZE >> 10)
#define DEFAULT_RESERVE_RATIO      \
	{                          \
		256, 256, 32, 0, 0 \
	}

static bool zone_is_highmem(const struct zone *z)
{
	return z->id == ZONE_HIGHMEM;
}

/* nr_free_buffer_pages: pages above the high watermark in zones that GFP_USER may use. */
static uint64_t free_buffer_pages(const struct memory *m)
{
	uint64_t sum = 0;

	for (unsigned n = 0; n < m->nr_nodes; n++) {
		for (unsigned i = 0; i <= ZONE_NORMAL; i++) {
			const struct zone *z = &m->node[n].zone[i];
			uint64_t high = zone_wmark(z, WMARK_HIGH);

			if (z->managed > high)
				sum += z->managed - high;
		}
	}
	return sum;
}

static uint64_t default_min_free_kbytes(const struct memory *m)
{
	uint64_t kb = isqrt_u64(free_buffer_pages(m) * KIB_PER_PAGE * 16);

	return kb < MIN_FREE_LOW ? MIN_FREE_LOW : MIN_OF(kb, MIN_FREE_HIGH);
}

static void zone_set_watermarks(struct zone *z, uint64_t pages_min, uint64_t lowmem, uint64_t scale_factor)
{
	uint64_t share = lowmem ? mul_div_u64(pages_min, z->managed, lowmem) : 0;
	uint64_t distance = MAX_OF(share >> 2, mul_div_u64(z->managed, scale_factor, 10000));
	uint64_t min = share;

	if (zone_is_highmem(z)) {
		min = z->managed / 1024;
		min = min < SWAP_CLUSTER_MAX ? SWAP_CLUSTER_MAX : MIN_OF(min, 128);
	}
	if (!z->managed)
		min = 0; /* the kernel gives an empty HighMem zone 32; nothing reads it */
	z->watermark_boost = 0;
	z->watermark[WMARK_MIN] = min;
	z->watermark[WMARK_LOW] = min + distance;
	z->watermark[WMARK_HIGH] = min + 2 * distance;
}

static void set_watermarks(struct memory *m, const struct zone_params *p)
{
	uint64_t pages_min = m->min_free_kbytes / KIB_PER_PAGE, lowmem = 0;

	for (unsigned n = 0; n < m->nr_nodes; n++) {
		for (unsigned i = 0; i < NR_ZONES; i++) {
			if (!zone_is_highmem(&m->node[n].zone[i]))
				lowmem += m->node[n].zone[i].managed;
		}
	}
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		for (unsigned i = 0; i < NR_ZONES; i++)
			zone_set_watermarks(&m->node[n].zone[i], pages_min, lowmem,
					    p->watermark_scale_factor);
	}
}

static uint64_t batch_size(const struct zone *z)
{
	uint64_t batch = MIN_OF(z->managed >> 10, BATCH_BYTES / PAGE_SIZE) / 4;

	if (batch < 1)
		batch = 1;
	batch = (UINT64_C(1) << ilog2_u64(batch + batch / 2)) - 1;
	return MAX_OF(batch, 1);
}

static void set_pcp_sizes(const struct memory *m, struct zone *z, const struct zone_params *p)
{
	uint64_t total = zone_wmark(z, WMARK_LOW);
	unsigned cpus = m->topo->node_cpus[z->nid];

	if (p->percpu_pagelist_high_fraction)
		total = z->managed / p->percpu_pagelist_high_fraction;
	if (!cpus)
		cpus = m->topo->nr_cpus;
	z->pcp_batch = batch_size(z);
	z->pcp_high = MAX_OF(total / cpus, z->pcp_batch << 2);
}

static void node_set_reserves(struct node *nd, const uint64_t ratio[NR_ZONES])
{
	for (unsigned i = 0; i + 1 < NR_ZONES; i++) {
		struct zone *z = &nd->zone[i];
		uint64_t above = 0;

		for (unsigned j = i + 1; j < NR_ZONES; j++) {
			above += nd->zone[j].managed;
			z->lowmem_reserve[j] = ratio[i] && z->managed ? above / ratio[i] : 0;
		}
	}
}

/* zones.protection: as /proc/zoneinfo prints it, which leaves out the zones that the layout does not have and
 * ends with zone Device on x86-64. */
static void override_reserves(struct memory *m, const struct zone_params *p)
{
	const struct zone_layout *lay = zone_layout_of(p->layout);
	size_t at = 0;

	for (unsigned n = 0; n < m->nr_nodes; n++) {
		for (unsigned i = 0; i < NR_ZONES; i++) {
			struct zone *z = &m->node[n].zone[i];
			unsigned column = 0;
			uint64_t last = 0;

			if (!z->present)
				continue;
			for (unsigned j = 0; j < NR_ZONES; j++) {
				if (lay->has[j])
					last = p->protection.v[at + column++];
				z->lowmem_reserve[j] = last;
			}
			at += lay->protection_columns;
		}
	}
}

static void set_reserves(struct memory *m, const struct zone_params *p)
{
	uint64_t ratio[NR_ZONES] = DEFAULT_RESERVE_RATIO;

	if (p->protection.n) {
		override_reserves(m, p);
		return;
	}
	for (size_t i = 0; i < p->lowmem_reserve_ratio.n && i < NR_ZONES; i++)
		ratio[i] = p->lowmem_reserve_ratio.v[i];
	for (unsigned n = 0; n < m->nr_nodes; n++)
		node_set_reserves(&m->node[n], ratio);
}

static void set_totalreserve(struct memory *m)
{
	m->totalreserve_pages = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		struct node *nd = &m->node[n];

		nd->totalreserve_pages = 0;
		for (unsigned i = 0; i < NR_ZONES; i++) {
			const struct zone *z = &nd->zone[i];
			uint64_t max = 0;

			for (unsigned j = i; j < NR_ZONES; j++)
				max = MAX_OF(max, z->lowmem_reserve[j]);
			max += zone_wmark(z, WMARK_HIGH);
			nd->totalreserve_pages += MIN_OF(max, z->managed);
		}
		m->totalreserve_pages += nd->totalreserve_pages;
	}
}

static void setup(struct memory *m, const struct zone_params *p)
{
	m->watermark_boost_factor = p->watermark_boost_factor;
	set_watermarks(m, p);
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		for (unsigned i = 0; i < NR_ZONES; i++)
			set_pcp_sizes(m, &m->node[n].zone[i], p);
	}
	set_reserves(m, p);
	set_totalreserve(m);
}

void memory_setup_watermarks(struct memory *m, const struct zone_params *p)
{
	m->min_free_kbytes = p->min_free_kbytes ? p->min_free_kbytes : default_min_free_kbytes(m);
	setup(m, p);
}

void memory_recommend_min_free(struct memory *m, const struct zone_params *p)
{
	uint64_t zones = 0, pages;

	for (unsigned n = 0; n < m->nr_nodes; n++) {
		for (unsigned i = 0; i <= ZONE_NORMAL; i++)
			zones += m->node[n].zone[i].present != 0;
	}
	pages = MIN_OF(PAGEBLOCK_PAGES * zones * RECOMMENDED_BLOCKS, free_buffer_pages(m) / 20);
	if (!p->min_free_kbytes && pages * KIB_PER_PAGE > m->min_free_kbytes)
		m->min_free_kbytes = pages * KIB_PER_PAGE;
	setup(m, p);
}

/* find_next_best_node: the nearest node with memory that is not yet in the list; among equals one without
 * CPUs, then the next higher number, then the one that fewer lists begin a distance with. */
static int next_best_node(const struct memory *m, unsigned from, uint64_t used,
			  const unsigned load[MAX_NODES])
{
	uint64_t best_value = UINT64_MAX;
	int best = -1;

	if (!(used >> from & 1))
		return (int)from;
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		uint64_t value;

		if ((used >> n & 1) || !m->node[n].has_memory)
			continue;
		value = (uint64_t)m->topo->distance[from][n] + (n < from ? 1 : 0);
		if (m->topo->node_cpus[n])
			value += KERNEL_PENALTY_CPUS;
		value = value * KERNEL_MAX_NUMNODES + load[n];
		if (value < best_value) {
			best_value = value;
			best = (int)n;
		}
	}
	return best;
}

/* check_for_memory, check_highest_zone */
static void find_policy_zone(struct memory *m)
{
	m->policy_zone = ZONE_DMA;
	m->nodes_memory = m->nodes_kernel_memory = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		for (unsigned i = 0; i < NR_ZONES; i++) {
			if (!m->node[n].zone[i].present)
				continue;
			m->nodes_memory |= UINT64_C(1) << n;
			if (i == ZONE_MOVABLE)
				continue;
			m->nodes_kernel_memory |= UINT64_C(1) << n;
			m->policy_zone = (enum zone_id)MAX_OF((unsigned)m->policy_zone, i);
		}
	}
}

void memory_build_zonelists(struct memory *m)
{
	unsigned load[MAX_NODES] = {0};

	find_policy_zone(m);
	for (unsigned from = 0; from < m->nr_nodes; from++) {
		struct node *nd = &m->node[from];
		const uint8_t *distance = m->topo->distance[from];
		unsigned prev = from;
		uint64_t used = 0;
		int n;

		nd->nr_fallback = 0;
		while ((n = next_best_node(m, from, used, load)) >= 0) {
			used |= UINT64_C(1) << n;
			if (distance[n] != distance[prev])
				load[n]++;
			nd->fallback[nd->nr_fallback++] = (unsigned)n;
			prev = (unsigned)n;
		}
	}
}

int64_t node_zone_total(const struct node *n, enum zone_item i)
{
	int64_t sum = 0;

	for (unsigned z = 0; z < NR_ZONES; z++)
		sum += n->zone[z].stat.item[i];
	return sum;
}

int64_t memory_zone_total(const struct memory *m, enum zone_item i)
{
	int64_t sum = 0;

	for (unsigned n = 0; n < m->nr_nodes; n++)
		sum += node_zone_total(&m->node[n], i);
	return sum;
}

int64_t memory_node_total(const struct memory *m, enum node_item i)
{
	int64_t sum = 0;

	for (unsigned n = 0; n < m->nr_nodes; n++)
		sum += m->node[n].stat.item[i];
	return sum;
}

uint64_t memory_free_pages(const struct memory *m)
{
	return (uint64_t)memory_zone_total(m, NR_FREE_PAGES);
}

const char *zone_name(enum zone_id id)
{
	static const char *const names[NR_ZONES] = {
#define ZONE_NAME(zid, name, counter) [ZONE_##zid] = name,
		ZONE_LIST(ZONE_NAME)
#undef ZONE_NAME
	};

	return names[id];
}
