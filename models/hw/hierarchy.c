/*
 * hierarchy.c - the way of an access through the caches, and coherence between them.
 *
 * Modelled after Skylake-SP: private L1 and L2 (L2 includes L1), a last level shared by a node, a directory
 * of who holds what (the snoop filter), home memory behind the links. The protocol is MESI with the states of
 * a private line as flags: owned and dirty (M), owned (E), not owned (S).
 *   - A store to a line not owned invalidates all other copies: the latency of the last level, plus asking
 * the holders (snoop_ps; a round trip over the links when one is on another node). Holders are asked at once.
 *   - A load of a line that another CPU owns gets it from there; the owner keeps it shared, and its dirty
 * data goes to the last level of its node.
 *   - A load that finds no other copy owns the line.
 *   - Last levels of different nodes: a dirty copy answers a load and is written home; a store drops all.
 * Dirty lines move down when thrown out: L1 to L2, L2 to the last level, that to memory; nobody waits for it.
 *
 * Complexity: O(ways) a level; O(1) for the directory; O(nodes) probes when a line misses its node's last
 * level. Invariants: hierarchy_is_valid. Not modelled: prefetchers; store buffers and out-of-order execution
 * (the CPU model decides what part of a latency it waits for); a full snoop filter; directory bits in memory
 * that spare or cause snoops; forwarding of clean lines from another node (S/F states); bandwidth of caches
 * and of the mesh in a socket; coherence of L1i with the same CPU's stores.
 */
#include "models/hw/hierarchy.h"

#include <stdio.h>

#include "sim/check.h"
#include "sim/mem.h"

STAT_TABLE(hierarchy, hierarchy_stats, HIERARCHY_STATS);

static int init_cpu(struct hierarchy *h, unsigned cpu, const struct cache_params *p, uint64_t seed,
		    struct err *e)
{
	struct cpu_caches *c = &h->cpus[cpu];
	struct {
		struct cache *cache;
		struct cache_geometry g;
	} list[] = {
		{&c->l1d,
		 {"l1d", p->l1d_size, p->l1d_ways, p->line_bytes, p->l1d_latency, p->l1d_policy, false}},
		{&c->l1i,
		 {"l1i", p->l1i_size, p->l1i_ways, p->line_bytes, p->l1i_latency, p->l1i_policy, false}},
		{&c->l2, {"l2", p->l2_size, p->l2_ways, p->line_bytes, p->l2_latency, p->l2_policy, true}},
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(list) && !rc; i++) {
		char path[40];

		snprintf(path, sizeof path, "cache.cpu%u.%s", cpu, list[i].g.name);
		rc = cache_init(list[i].cache, &list[i].g, path, seed, e);
	}
	if (!rc && p->l2_size < MAX_OF(p->l1d_size, p->l1i_size))
		rc = err_set(e, ERR_CONFIG,
			     "cache.l2.size: %" PRIu64
			     " bytes, expected at least a first-level cache's %" PRIu64 ", which it includes",
			     p->l2_size, MAX_OF(p->l1d_size, p->l1i_size));
	return rc;
}

static int init_llc(struct hierarchy *h, unsigned nid, const struct cache_params *p, uint64_t seed,
		    struct err *e)
{
	struct cache_geometry g = {"llc",          p->llc_size,   p->llc_ways, p->line_bytes,
				   p->llc_latency, p->llc_policy, true};
	char path[40];

	snprintf(path, sizeof path, "cache.node%u.llc", nid);
	h->has_llc[nid] = true;
	return cache_init(&h->llc[nid], &g, path, seed, e);
}

int hierarchy_init(struct hierarchy *h, const struct cache_params *cp, const struct fabric_params *fp,
		   const struct topology *t, uint64_t seed, struct err *e)
{
	int rc = 0;

	*h = (struct hierarchy){.nr_cpus = t->nr_cpus, .nr_nodes = t->nr_nodes, .clock = t->cpu_clock};
	h->inclusion = (enum cache_inclusion)cp->llc_inclusion;
	h->llc_latency = cp->llc_size ? cp->llc_latency : cp->l2_latency;
	h->llc_ps = clock_ps(&h->clock, h->llc_latency);
	h->snoop_ps = cp->snoop_ps;
	h->cpus = mem_alloc(h->nr_cpus, sizeof *h->cpus);
	h->llc = mem_alloc(h->nr_nodes, sizeof *h->llc);
	h->has_llc = mem_alloc(h->nr_nodes, sizeof *h->has_llc);
	for (unsigned cpu = 0; cpu < h->nr_cpus && !rc; cpu++) {
		h->cpus[cpu].nid = t->cpu_nid[cpu];
		rc = init_cpu(h, cpu, cp, seed, e);
	}
	for (unsigned nid = 0; nid < h->nr_nodes && !rc; nid++) {
		if (cp->llc_size && t->node_cpus[nid])
			rc = init_llc(h, nid, cp, seed, e);
	}
	if (!rc)
		rc = fabric_init(&h->fabric, fp, t, cp->line_bytes, e);
	if (!rc && h->nr_cpus > 1)
		directory_init(&h->directory, h->nr_cpus * (cp->l2_size / cp->line_bytes + 1), h->nr_cpus);
	if (rc)
		hierarchy_release(h);
	return rc;
}

void hierarchy_release(struct hierarchy *h)
{
	for (unsigned cpu = 0; h->cpus && cpu < h->nr_cpus; cpu++) {
		cache_release(&h->cpus[cpu].l1d);
		cache_release(&h->cpus[cpu].l1i);
		cache_release(&h->cpus[cpu].l2);
	}
	for (unsigned nid = 0; h->llc && nid < h->nr_nodes; nid++)
		cache_release(&h->llc[nid]);
	mem_free(h->cpus);
	mem_free(h->llc);
	mem_free(h->has_llc);
	directory_release(&h->directory);
	if (h->fabric.topology)
		fabric_release(&h->fabric);
	*h = (struct hierarchy){0};
}

void hierarchy_register_stats(struct hierarchy *h, struct stat_registry *r)
{
	for (unsigned cpu = 0; cpu < h->nr_cpus; cpu++) {
		struct cpu_caches *c = &h->cpus[cpu];

		stat_register(r, &cache_l1d_stat_table, &c->l1d.stats, STAT_SCOPE_CPU, "%u", cpu);
		stat_register(r, &cache_l1i_stat_table, &c->l1i.stats, STAT_SCOPE_CPU, "%u", cpu);
		stat_register(r, &cache_l2_stat_table, &c->l2.stats, STAT_SCOPE_CPU, "%u", cpu);
		stat_register(r, &hierarchy_stat_table, &c->stats, STAT_SCOPE_CPU, "%u", cpu);
	}
	for (unsigned nid = 0; nid < h->nr_nodes; nid++) {
		if (h->has_llc[nid])
			stat_register(r, &cache_llc_stat_table, &h->llc[nid].stats, STAT_SCOPE_NODE, "%u",
				      nid);
	}
	fabric_register_stats(&h->fabric, r);
}

/* ---- lines that go ------------------------------------------------------------------------------------ */

/* Takes a line out of a CPU's first level; returns its flags. */
static uint64_t drop_l1(struct cpu_caches *c, uint64_t line)
{
	return cache_drop(&c->l1d, line) | cache_drop(&c->l1i, line);
}

/* Takes a line out of all of a CPU's caches; returns its flags. For when another cache needs it so. */
static uint64_t drop_private(struct hierarchy *h, unsigned cpu, uint64_t line)
{
	struct cpu_caches *c = &h->cpus[cpu];
	uint64_t flags = cache_drop(&c->l2, line);

	if (!flags)
		return 0;
	c->l2.stats.invalidations++;
	if (h->nr_cpus > 1)
		directory_remove(&h->directory, line, cpu);
	return flags | drop_l1(c, line);
}

/* The next CPU from `cpu` on that holds the line; nr_cpus when there is none. */
static unsigned next_holder(const struct hierarchy *h, uint64_t line, unsigned cpu)
{
	const uint64_t *mask;

	if (h->nr_cpus == 1)
		return cpu == 0 && cache_find(&h->cpus[0].l2, line) ? 0 : 1;
	mask = directory_find(&h->directory, line);
	for (unsigned w = cpu / 64; mask && w < h->directory.words; w++) {
		uint64_t bits = mask[w] & (w == cpu / 64 ? UINT64_MAX << (cpu % 64) : UINT64_MAX);

		if (bits)
			return w * 64 + (unsigned)__builtin_ctzll(bits);
	}
	return h->nr_cpus;
}

/* A last level threw out `key`. */
static void llc_evicted(struct hierarchy *h, unsigned nid, uint64_t key, tick_t at)
{
	uint64_t line = cache_line_of(key);

	if (h->inclusion == CACHE_INCLUSIVE) {
		for (unsigned cpu = next_holder(h, line, 0); cpu < h->nr_cpus;
		     cpu = next_holder(h, line, cpu + 1)) {
			if (h->cpus[cpu].nid == nid)
				key |= drop_private(h, cpu, line) & CACHE_DIRTY;
		}
	}
	if (key & CACHE_DIRTY) {
		h->llc[nid].stats.writebacks++;
		fabric_write(&h->fabric, nid, line, at);
	}
}

/* Puts a line into the node's last level, or to memory when it is dirty and there is no last level. */
static void llc_put(struct hierarchy *h, unsigned nid, uint64_t line, uint64_t dirty, tick_t at)
{
	uint64_t *key, old;

	if (!h->has_llc[nid]) {
		if (dirty)
			fabric_write(&h->fabric, nid, line, at);
		return;
	}
	key = cache_find(&h->llc[nid], line);
	if (key) {
		*key |= dirty;
		cache_touch(&h->llc[nid], line, key);
		return;
	}
	old = cache_insert(&h->llc[nid], line, dirty);
	if (old)
		llc_evicted(h, nid, old, at);
}

/* A CPU's L2 threw out `key`: its first level loses the line, too, and what is dirty goes down. */
static void l2_evicted(struct hierarchy *h, unsigned cpu, uint64_t key, tick_t at)
{
	struct cpu_caches *c = &h->cpus[cpu];
	uint64_t line = cache_line_of(key), dirty = (key | drop_l1(c, line)) & CACHE_DIRTY;

	if (h->nr_cpus > 1)
		directory_remove(&h->directory, line, cpu);
	c->l2.stats.writebacks += !!dirty;
	if (dirty || h->inclusion == CACHE_VICTIM)
		llc_put(h, c->nid, line, dirty, at);
}

/* ---- what other caches have -------------------------------------------------------------------------- */

/* The time at which a CPU of node `from`, asking at `at`, has the answer of a CPU's caches. */
static tick_t ask_cpu(struct hierarchy *h, unsigned from, unsigned cpu, uint64_t payload, tick_t at)
{
	unsigned to = h->cpus[cpu].nid;

	if (to == from)
		return at + h->snoop_ps;
	return fabric_ask(&h->fabric, from, to, h->snoop_ps, payload, at);
}

/* An access on its way past L2. */
struct request {
	unsigned cpu, nid;
	uint64_t line;
	bool store;
	tick_t at;     /* the last level has answered */
	tick_t done;   /* the line is here, all who had to be asked have answered */
	bool has_data; /* some cache sent the line */
	bool shared;   /* another cache keeps a copy */
};

static void answered(struct request *q, tick_t at)
{
	q->done = MAX_OF(q->done, at);
}

/* A store takes the line from all other CPUs. */
static void take_from_cpus(struct hierarchy *h, struct request *q)
{
	for (unsigned cpu = next_holder(h, q->line, 0); cpu < h->nr_cpus;
	     cpu = next_holder(h, q->line, cpu + 1)) {
		uint64_t flags;
		bool owned;

		if (cpu == q->cpu)
			continue;
		flags = drop_private(h, cpu, q->line);
		owned = flags & CACHE_OWNED;
		q->has_data |= owned;
		answered(q, ask_cpu(h, q->nid, cpu, owned ? h->fabric.line_bytes : 0, q->at));
		h->cpus[q->cpu].stats.snooped_cpus++;
	}
}

/* A load gets the line from the CPU that owns it, if one does. */
static void share_with_owner(struct hierarchy *h, struct request *q)
{
	unsigned cpu = next_holder(h, q->line, 0);
	struct cpu_caches *c;
	uint64_t *key[3], dirty = 0;

	if (cpu == h->nr_cpus)
		return;
	q->shared = true;
	c = &h->cpus[cpu];
	key[0] = cache_find(&c->l2, q->line);
	if (!(*key[0] & CACHE_OWNED))
		return;
	key[1] = cache_find(&c->l1d, q->line);
	key[2] = cache_find(&c->l1i, q->line);
	for (int i = 0; i < 3; i++) {
		if (!key[i])
			continue;
		dirty |= *key[i] & CACHE_DIRTY;
		*key[i] &= ~(uint64_t)CACHE_STATE;
	}
	q->has_data = true;
	q->done = ask_cpu(h, q->nid, cpu, h->fabric.line_bytes, q->at);
	if (dirty)
		llc_put(h, c->nid, q->line, dirty, q->done);
}

/* Another node's last level sends its answer. */
static void ask_llc(struct hierarchy *h, struct request *q, unsigned nid, bool data)
{
	answered(q, fabric_ask(&h->fabric, q->nid, nid, h->llc_ps, data ? h->fabric.line_bytes : 0, q->at));
	q->has_data |= data;
}

/* The last levels of the other nodes: a store drops their copies, a load gets a dirty one. */
static void ask_other_llcs(struct hierarchy *h, struct request *q)
{
	for (unsigned nid = 0; nid < h->nr_nodes; nid++) {
		struct cache *llc = &h->llc[nid];
		uint64_t *key = nid != q->nid && h->has_llc[nid] ? cache_find(llc, q->line) : NULL;
		bool dirty = key && *key & CACHE_DIRTY;

		if (!key)
			continue;
		q->shared = true;
		if (q->store) {
			ask_llc(h, q, nid, dirty);
			cache_drop(llc, q->line);
			llc->stats.invalidations++;
		} else if (dirty) {
			if (!q->has_data)
				ask_llc(h, q, nid, true);
			*key &= ~(uint64_t)CACHE_DIRTY;
			llc->stats.writebacks++;
			fabric_write(&h->fabric, nid, q->line, q->at);
		}
	}
}

/* The node's own last level. */
static bool ask_own_llc(struct hierarchy *h, const struct request *q)
{
	struct cache *llc = &h->llc[q->nid];
	uint64_t *key;

	if (!h->has_llc[q->nid])
		return false;
	key = cache_find(llc, q->line);
	if (!key) {
		llc->stats.misses++;
		return false;
	}
	llc->stats.hits++;
	cache_touch(llc, q->line, key);
	return true;
}

/* The last level's latency in whole cycles, and what came after it rounded up to some. */
static uint64_t request_cycles(const struct hierarchy *h, const struct request *q)
{
	return h->llc_latency + mul_div_up_u64(q->done - q->at, h->clock.hz, PS_PER_S);
}

/* Gets a line that L2 does not have. Returns the latency in cycles; *flags: how L2 shall hold it. */
static uint64_t fetch_line(struct hierarchy *h, unsigned cpu, uint64_t line, bool store, uint64_t now,
			   uint64_t *flags)
{
	struct cpu_caches *c = &h->cpus[cpu];
	struct request q = {.cpu = cpu, .nid = c->nid, .line = line, .store = store};
	bool in_llc;
	uint64_t latency;

	q.done = q.at = clock_ps(&h->clock, now) + h->llc_ps;
	if (h->nr_cpus > 1 && store)
		take_from_cpus(h, &q);
	else if (h->nr_cpus > 1)
		share_with_owner(h, &q);
	in_llc = ask_own_llc(h, &q);
	if (h->nr_nodes > 1)
		ask_other_llcs(h, &q);
	c->stats.forwards += q.has_data;
	if (!q.has_data && !in_llc) {
		bool remote = fabric_home(&h->fabric, line) != c->nid;

		answered(&q, fabric_read(&h->fabric, c->nid, line, q.at));
		*(remote ? &c->stats.remote_reads : &c->stats.local_reads) += 1;
	}
	latency = request_cycles(h, &q);
	if (!q.has_data && !in_llc)
		hist_add(&c->stats.read_cycles, latency);
	if (!in_llc && h->inclusion != CACHE_VICTIM)
		llc_put(h, c->nid, line, 0, q.done);
	*flags = store || !q.shared ? CACHE_OWNED : 0;
	if (in_llc && h->inclusion == CACHE_VICTIM && *flags) /* a line that others share stays for them */
		*flags |= cache_drop(&h->llc[c->nid], line) & CACHE_DIRTY;
	return latency;
}

/* A store to a line that is here but not owned. Returns the extra latency in cycles. */
static uint64_t upgrade(struct hierarchy *h, unsigned cpu, uint64_t line, uint64_t now)
{
	struct cpu_caches *c = &h->cpus[cpu];
	struct request q = {.cpu = cpu, .nid = c->nid, .line = line, .store = true};
	uint64_t *key = cache_find(&c->l2, line);

	q.done = q.at = clock_ps(&h->clock, now) + h->llc_ps;
	c->stats.upgrades++;
	*key |= CACHE_OWNED;
	take_from_cpus(h, &q);
	if (h->nr_nodes > 1)
		ask_other_llcs(h, &q);
	return request_cycles(h, &q);
}

/* ---- the way of an access ---------------------------------------------------------------------------- */

/* Puts a line that L2 holds into a first-level cache. */
static void fill_l1(struct cpu_caches *c, struct cache *l1, uint64_t line, uint64_t flags)
{
	uint64_t old = cache_insert(l1, line, flags);

	if (old & CACHE_DIRTY) {
		l1->stats.writebacks++;
		*cache_find(&c->l2, cache_line_of(old)) |= CACHE_DIRTY;
	}
}

static uint64_t miss_l1(struct hierarchy *h, unsigned cpu, uint64_t line, enum line_use use, uint64_t now)
{
	struct cpu_caches *c = &h->cpus[cpu];
	struct cache *l1 = use == LINE_FETCH ? &c->l1i : &c->l1d;
	bool store = use == LINE_STORE;
	uint64_t *key = cache_find(&c->l2, line), flags, latency = c->l2.latency, old;

	l1->stats.misses++;
	if (key) {
		c->l2.stats.hits++;
		cache_touch(&c->l2, line, key);
		if (store && !(*key & CACHE_OWNED))
			latency += upgrade(h, cpu, line, now + latency);
		flags = *key & CACHE_OWNED;
	} else {
		c->l2.stats.misses++;
		latency = fetch_line(h, cpu, line, store, now, &flags);
		old = cache_insert(&c->l2, line, flags);
		if (old)
			l2_evicted(h, cpu, old, clock_ps(&h->clock, now + latency));
		if (h->nr_cpus > 1)
			directory_add(&h->directory, line, cpu);
		flags &= CACHE_OWNED;
	}
	fill_l1(c, l1, line, flags | (store ? CACHE_DIRTY : 0));
	return latency;
}

uint64_t hierarchy_access(struct hierarchy *h, unsigned cpu, uint64_t line, enum line_use use, uint64_t now)
{
	struct cpu_caches *c = &h->cpus[cpu];
	struct cache *l1 = use == LINE_FETCH ? &c->l1i : &c->l1d;
	uint64_t *key = cache_find(l1, line), latency = l1->latency;

	if (UNLIKELY(!key) && h->has_llc[c->nid])
		cache_prefetch(&h->llc[c->nid], line);
	if (UNLIKELY(!key))
		return miss_l1(h, cpu, line, use, now);
	l1->stats.hits++;
	cache_touch(l1, line, key);
	if (use != LINE_STORE)
		return latency;
	if (UNLIKELY(!(*key & CACHE_OWNED)))
		latency += upgrade(h, cpu, line, now + latency);
	*key |= CACHE_OWNED | CACHE_DIRTY;
	return latency;
}

void hierarchy_prefetch(const struct hierarchy *h, unsigned cpu, uint64_t line)
{
	const struct cpu_caches *c = &h->cpus[cpu];

	cache_prefetch(&c->l2, line);
	if (h->has_llc[c->nid])
		cache_prefetch(&h->llc[c->nid], line);
}

/* ---- checks ------------------------------------------------------------------------------------------ */

/* Whether all lines of an L1 lie in L2, with no right that L2's does not have. */
static bool is_included(const struct cache *l1, const struct cache *l2)
{
	for (uint64_t s = 0; s < l1->sets.n; s++) {
		const uint64_t *key = l1->ways_mem + s * l1->stride;

		for (uint64_t i = 0; i < l1->ways; i++) {
			uint64_t *below = key[i] ? cache_find(l2, cache_line_of(key[i])) : NULL;

			if (key[i] && (!below || (key[i] & ~*below & CACHE_OWNED)))
				return false;
		}
	}
	return true;
}

/* Counts a CPU's L2 lines and checks each against the directory and the other holders. */
static bool holders_are_right(const struct hierarchy *h, unsigned cpu)
{
	const struct cache *l2 = &h->cpus[cpu].l2;

	for (uint64_t i = 0; i < l2->sets.n * l2->ways; i++) {
		uint64_t key = l2->ways_mem[i / l2->ways * l2->stride + i % l2->ways];
		unsigned nr = 0;
		bool self = false;

		if (!key)
			continue;
		for (unsigned o = next_holder(h, cache_line_of(key), 0); o < h->nr_cpus;
		     o = next_holder(h, cache_line_of(key), o + 1)) {
			nr++;
			self |= o == cpu;
			if (!cache_find(&h->cpus[o].l2, cache_line_of(key)))
				return false;
		}
		if (!self || (key & CACHE_OWNED && nr != 1))
			return false;
		if (h->inclusion == CACHE_INCLUSIVE && h->has_llc[h->cpus[cpu].nid] &&
		    !cache_find(&h->llc[h->cpus[cpu].nid], cache_line_of(key)))
			return false;
	}
	return true;
}

bool hierarchy_is_valid(const struct hierarchy *h)
{
	for (unsigned cpu = 0; cpu < h->nr_cpus; cpu++) {
		const struct cpu_caches *c = &h->cpus[cpu];

		if (!cache_is_valid(&c->l1d) || !cache_is_valid(&c->l1i) || !cache_is_valid(&c->l2) ||
		    !is_included(&c->l1d, &c->l2) || !is_included(&c->l1i, &c->l2) ||
		    !holders_are_right(h, cpu))
			return false;
	}
	for (unsigned nid = 0; nid < h->nr_nodes; nid++) {
		if (h->has_llc[nid] && !cache_is_valid(&h->llc[nid]))
			return false;
	}
	return true;
}
